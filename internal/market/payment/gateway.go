package payment

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/money"
)

// Gateway is a payment provider. Every method may block on the network and is
// called with no transaction open. A gateway keeps no state of ours; the
// reference we choose is the idempotency key of what it stands for.
//
// An error means one of three things, and a gateway must tell them apart:
// [ErrUnknown], the provider says that there is no such thing; [ErrRefused], the
// provider says that it has done nothing and will not; any other error, nobody
// knows, and the object is asked for before anything is sent again.
type Gateway interface {
	// Name is the provider in ledger accounts, addresses and records: "sandbox".
	Name() string
	Capability() Capability

	// Open makes the payment, once per Reference.
	Open(ctx context.Context, in Intent) (Opened, error)
	// Find reads one payment by the provider's id, or by our reference when that
	// is all we know; ErrUnknown when there is none.
	Find(ctx context.Context, of Ref) (Object, error)
	// Changed lists payments that changed after the cursor, oldest first, and the
	// cursor after them; "" begins at the beginning. It may repeat a payment and
	// never leaves one out. An empty list ends the pull. A provider without such a
	// list says so ([Capability.Lists]) and is asked about each open payment.
	Changed(ctx context.Context, since string) (objects []Object, next string, err error)
	// Close ends a payment nobody paid. Closing a closed one is a success. A paid
	// one is ErrRefused.
	Close(ctx context.Context, of Ref) error

	// Refund sends money back, once per Reference.
	Refund(ctx context.Context, in RefundIntent) (RefundObject, error)
	// FindRefund reads one refund by our reference; ErrUnknown when there is none.
	FindRefund(ctx context.Context, of RefundRef) (RefundObject, error)

	// Event verifies a notice over its raw bytes and says what it is about. A
	// notice that is unsigned, wrongly signed, too old or for another account or
	// mode is ErrNotice. It does no input or output.
	Event(header map[string][]string, body []byte, now time.Time) (Event, error)
}

// What a gateway answers when the provider has answered for certain.
var (
	// ErrUnknown means that the provider knows no such object.
	ErrUnknown = errors.New("payment: the provider knows no such object")
	// ErrRefused means that the provider has done nothing, and the same call will
	// be refused again.
	ErrRefused = errors.New("payment: the provider refused")
)

// Capability is what a gateway can do: for screens, for the pull, and for the
// plan of a split.
type Capability struct {
	Redirect      bool          // Open answers with a page the customer is sent to
	PartialRefund bool          // less than the whole may be refunded
	Refunds       int           // most partial refunds of one payment; 0 is without limit
	RefundWithin  time.Duration // after the capture; 0 is without limit
	PayWithin     time.Duration // usual life of an unpaid attempt; 0 leaves it to the caller
	Lists         bool          // Changed works
	KeyWindow     time.Duration // how long the provider remembers a reference; 0 is for ever
	SplitCap      int64         // most of a payment that may go to the operator, in basis points; 0 is without limit
	FreezeDays    int           // after so many days the provider frees the money by itself; 0 never
	Receivers     int           // most receivers of one split; 0 is without limit
	AtomicSplit   bool          // a split is done whole or not at all
	Test          bool          // no real money moves
	OwnAccount    bool          // the money comes to an account of the operator, where no licensed provider holds it
	Acknowledge   string        // what the provider wants to read when a notice was taken; empty: the status is enough
}

// Ref names a payment with as much as is known of it. Some providers find a
// payment only together with the payee it was made for.
type Ref struct {
	Reference  AttemptID
	ProviderID string
	Payee      string // the vendor's own account at the provider
}

// RefundRef names a refund.
type RefundRef struct {
	Reference  RefundID
	ProviderID string
	Payment    Ref
}

// Intent is a payment to be made.
type Intent struct {
	Reference    AttemptID
	Amount       money.Amount
	Description  string
	PayeeAccount string // the vendor's own account at the provider
	PayeeName    string
	Collector    string // the operator, who collects on the payee's behalf
	ReturnURL    string // where the provider sends the customer back to
	ExpiresAt    time.Time
	Locale       string // "zh" or "en"
}

// Opened is a payment that waits for the customer.
type Opened struct {
	ProviderID   string
	PayURL       string            // empty: the customer pays by the instructions
	Instructions map[string]string // name to value, shown as they are; "scan" is drawn as a code to scan
}

// ObjectState is what a provider says of a payment.
type ObjectState string

// The states of a payment at the provider, in the order of their rank: a fact
// that arrives late never lowers it.
const (
	ObjectCreated    ObjectState = "created"
	ObjectProcessing ObjectState = "processing"
	ObjectFailed     ObjectState = "failed"
	ObjectClosed     ObjectState = "closed"
	ObjectCaptured   ObjectState = "captured"
)

// Object is a payment as the provider reports it.
type Object struct {
	ProviderID, Reference string
	State                 ObjectState
	Amount                money.Amount // asked for
	Captured              money.Amount // received; zero unless captured
	CaptureID             string       // the provider's id of the capture, the same for ever
	CapturedAt            time.Time
	Fee                   money.Amount // kept by the provider; the zero Amount while not known
	Test                  bool
	PayURL                string // of an unpaid one; empty: Open is asked again for it
}

// RefundIntent is a refund to be made.
type RefundIntent struct {
	Reference RefundID
	Payment   Ref
	Captured  money.Amount // the whole payment
	Amount    money.Amount
	Reason    string
}

// RefundObjectState is what a provider says of a refund.
type RefundObjectState string

// The states of a refund at the provider. A succeeded one may still fail, when
// the receiving bank sends the money back.
const (
	RefundObjectSubmitted RefundObjectState = "submitted"
	RefundObjectSucceeded RefundObjectState = "succeeded"
	RefundObjectFailed    RefundObjectState = "failed"
)

// RefundObject is a refund as the provider reports it.
type RefundObject struct {
	ProviderID, Reference string
	State                 RefundObjectState
	Amount                money.Amount // the zero Amount: not stated, allowed only while submitted
	Reason                string       // why it failed, as a code of the provider
}

// EventKind says what a notice is about.
type EventKind string

// The kinds of notice.
const (
	PaymentEvent EventKind = "payment"
	RefundEvent  EventKind = "refund"
	SplitEvent   EventKind = "split"
	ReturnEvent  EventKind = "return"
	PayoutEvent  EventKind = "payout"
	DisputeEvent EventKind = "dispute"
)

// Event is a verified notice. It is only a hint to read the object again: no
// amount or state in it is believed.
type Event struct {
	ID        string // the provider's id of the notice
	ObjectID  string // the provider's id of the payment, refund, split, return, payout or dispute
	Reference string // our id of it; may be empty for a payment and is so for a dispute
	Payee     string // the vendor's account that it was for, where the provider says so
	Kind      EventKind
}
