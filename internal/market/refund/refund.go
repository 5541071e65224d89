// Package refund is how a customer asks for money back, who answers, and what is
// recorded when the parties settle it without the market.
//
// Track A, a request under the market's own rules:
//
//	requested → approved                                (inside the no-reason window)
//	requested → vendor_review → agreed → approved
//	vendor_review → countered → approved | operator_review | lapsed
//	vendor_review → refused → operator_review | lapsed
//	vendor_review → timed_out → approved | operator_review
//	operator_review → approved | rejected | second_review → approved
//	requested → on_hold → requested | rejected          (a breach under appeal, clause 8.4)
//	approved → waiting_red_letter → approved            (an invoice goes back first)
//	approved → returning → refunding → refunded | failed
//	anything before the money moves → withdrawn
//
// Track B, a matter of a product whose vendor has its own terms: no money moves
// here; both sides state what happened, attach proof, and see each other's.
//
//	offline_opened → user_stated | vendor_stated → both_stated → closed_agreed | closed_disagreed
//
// Owns: what an order would give back and why ([Assess]), requests with every
// step, their clocks, matters with statements and proofs. Does not own: the money
// itself (order.GiveBack moves it), the frozen refund rule (order), the right
// (entitlement), invoices, and the decision that somebody broke the rules.
//
// Always true:
//   - A page, a form and a submission learn the amount and the reason from one
//     function; what was frozen with the order decides, not what is listed today.
//   - A line has at most one request under way, by the database.
//   - Each step is a row with who did it, on which clause; a form names the step
//     it was made from, and a stale one changes nothing.
//   - Money leaves exactly when a request enters returning or refunding, in that
//     transaction; after that nobody can withdraw, decide or pay it again.
//   - No clock moves money against a party who has objected.
package refund

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// ID names a request: "rrq_…".
type ID string

// Kind is how an amount was found and who has to agree to it.
type Kind string

// The kinds of an assessment.
const (
	Full          Kind = "full"           // everything, at once, nobody is asked
	ProRata       Kind = "pro_rata"       // the unused days; the vendor is asked
	VendorDecides Kind = "vendor_decides" // up to everything; the vendor is asked
	None          Kind = "none"
)

// Reason is why a customer wants money back.
type Reason string

// The reasons. Those after NoReason and Other say that the vendor did not do what
// was sold.
const (
	NoReason       Reason = "no_reason"
	Other          Reason = "other"
	NotAsDescribed Reason = "not_as_described"
	Late           Reason = "late"
	CannotPerform  Reason = "cannot_perform"
	VendorGone     Reason = "vendor_gone"
	Quality        Reason = "quality"
)

// Reasons lists them in the order in which a form offers them.
var Reasons = []Reason{NoReason, NotAsDescribed, Late, Quality, CannotPerform, VendorGone, Other}

// AtFault reports whether the reason says that the vendor did not perform.
func (r Reason) AtFault() bool { return r != NoReason && r != Other }

// Assessment is what an order gives back now, and why.
type Assessment struct {
	Kind     Kind
	Amount   money.Amount // what comes back; for VendorDecides the most
	Paid     money.Amount
	Left     money.Amount // of what was paid, not given back yet
	Until    time.Time    // last moment of a full refund; zero where no day closes it
	UsedDays int64        // of TermDays, for ProRata
	TermDays int64
	Because  string // code of the sentence that explains it
	Clause   string // "UA 4.5"
	Section  string // "RB refund-2"; empty where the vendor's or the product's own text decides
	Rulebook string // "refund#1", the version that applied
	Ends     bool   // the right ends when it is asked for
	Transfer bool   // the provider takes it no more: it comes by bank transfer
	Refusal  error  // of None
}

// State is where a request stands.
type State string

// The states of a request.
const (
	Requested        State = "requested"
	OnHold           State = "on_hold"
	VendorReview     State = "vendor_review"
	Agreed           State = "agreed"
	Countered        State = "countered"
	Refused          State = "refused"
	TimedOut         State = "timed_out"
	OperatorReview   State = "operator_review"
	SecondReview     State = "second_review"
	Approved         State = "approved"
	WaitingRedLetter State = "waiting_red_letter"
	Returning        State = "returning"
	Refunding        State = "refunding"
	Refunded         State = "refunded"
	Failed           State = "failed" // the provider could not; the market owes it by another way
	Rejected         State = "rejected"
	Withdrawn        State = "withdrawn"
	Lapsed           State = "lapsed"
)

// Ended reports whether nothing more is expected of anybody but, for Failed, of
// finance.
func (s State) Ended() bool {
	switch s {
	case Refunded, Failed, Rejected, Withdrawn, Lapsed:
		return true
	}
	return false
}

// Moving reports whether the money is on its way.
func (s State) Moving() bool { return s == Returning || s == Refunding }

// Request is one request under the market's rules.
type Request struct {
	ID          ID
	Order       order.ID
	Line        order.LineID
	Entitlement entitlement.ID
	Account     account.ID
	Vendor      vendor.ID
	Product     catalog.ProductID
	AskedBy     account.UserID
	Kind        Kind
	SelfService bool // paid at once, without anybody's word
	Reason      Reason
	Text        string `json:"-"` // in the customer's words
	Asked       money.Amount
	Amount      money.Amount // on the table now: asked, offered or decided
	Ends        bool         // the right ends with the refund, as asked or as accepted and decided
	OfferKeep   bool         // the vendor's offer or the staff's proposal lets the product stay
	Suspended   bool         // access was taken when it was asked for
	State       State
	Code        string // refusal code, when it was refused by a rule
	Case        string // of the enforcement, for clause 8.4
	Clause      string
	Rulebook    string
	LegalReview bool
	Version     int64 // the number of the last step
	AnswerDue   time.Time
	AnswerClock Clock
	EscalateBy  time.Time
	ClockFrom   time.Time // what the 15 days are counted from; zero while the customer or a case is waited for
	AlertedAt   time.Time
	BreachedAt  time.Time
	ProposedBy  string // who of the staff proposed what a second one must confirm
	Payment     payment.RefundID
	RequestedAt time.Time
	EndedAt     time.Time
}

// AuditSubject names the request in records.
func (q Request) AuditSubject() string { return string(q.ID) }

// Clock says how a time in working days was counted.
type Clock string

// The ways to count: by the published calendar, or, where that of a year on the
// way is not published, in the natural days that the rulebook states instead.
const (
	WorkingDays Clock = "working_days"
	NaturalDays Clock = "natural_days"
)

// Step is one move of a request.
type Step struct {
	Seq    int64
	From   State
	Event  Event
	To     State
	Side   Side
	Actor  string
	Amount money.Amount
	Clause string
	Note   string `json:"-"` // in the actor's words; the parties and the operator see it
	At     time.Time
}

// Ask is what a customer asks for. Amount is what the form showed, or for
// VendorDecides what is wanted.
type Ask struct {
	Order  order.ID
	Reason Reason
	Text   string
	Amount money.Amount
	Keep   bool // of VendorDecides: a part back, and the product stays
}

// Breach is whether a right was ended for its user's breach (clause 8.4).
type Breach struct {
	Case  string
	State BreachState
}

// BreachState is where the decision stands. The zero value: no breach.
type BreachState string

// The states of a decision on a breach.
const (
	BreachPending BreachState = "pending" // decided, and an appeal is open or still possible
	BreachFinal   BreachState = "final"
	BreachRevoked BreachState = "revoked"
)

// Rules are the questions that other packages answer. Nil: there is nothing to
// ask.
type Rules struct {
	// Breach tells whether a right was ended for a breach.
	Breach func(ctx context.Context, r db.Reader, e entitlement.ID) (Breach, error)
	// Invoiced tells whether an invoice of the order has not been taken back.
	Invoiced func(ctx context.Context, r db.Reader, id order.ID) (bool, error)
	// RedLetter asks for what must come before the money: false means that the
	// refund waits, and that [Rules.InvoiceCleared] is called when the answer may
	// have changed. Total is all that will have been given back of the order, ends
	// whether the right ends with it.
	RedLetter func(ctx context.Context, tx *db.Tx, by audit.Actor, o order.Order, total money.Amount, ends bool) (clear bool, err error)
}
