// Package payment asks providers for money, believes only what it reads from
// them itself, and gives money back.
//
// An attempt asks a provider once for exactly one amount for one order:
//
//	created -> requires_action -> processing -> captured -> settled
//	any unpaid state -> failed | cancelled | expired | unknown
//	any of these -> captured, because money can come late
//
// A refund gives back a part of one captured attempt:
//
//	returning -> submitting -> submitted -> succeeded | failed, or unknown in between
//	succeeded -> failed, when the bank returns the money
//
// A split gives the operator its share of one captured attempt, and a return
// takes a part of a share back before a refund is sent:
//
//	submitting -> submitted -> done | failed, or unknown in between
//
// A payout sends a vendor's free money to the vendor's bank:
//
//	created -> submitting -> in_transit -> paid | failed, or unknown in between
//	created -> cancelled
//	paid -> returned, when the bank sends it back
//
// A dispute is the payer's bank taking money back; its rounds follow one another:
//
//	inquiry -> open -> submitted -> won | lost
//	won -> open, in the next round
//
// Owns: these objects, the inbox of notices, bank statement lines, the
// providers' reports, the search for the outcome of calls that got no answer.
// Does not own: what each means for an order or a vendor and how it is booked:
// the hooks of [Work] do that, in the same transaction.
//
// Always true:
//   - A notice only makes us read the object from the provider; what it says
//     itself moves nothing.
//   - A capture of a provider counts once, for one attempt, for ever. The order
//     learns of it in the transaction that records it, or not at all.
//   - Facts only raise the rank of an attempt, in whatever order they arrive.
//   - Money in another amount or currency than was asked for never reaches the
//     order; it is booked as nobody's and sent back.
//   - Of one attempt never more is given back, held by disputes and lost to them
//     than came in; the database refuses it too.
//   - While a dispute of an attempt is open no refund of it is started or sent.
//   - The hook of a dispute hears of each round that it opened, then how it
//     ended, once each, in whatever order the facts arrive.
//   - One intent makes at most one object at the provider: after an answer that
//     was lost the object is looked for before anything is sent again.
package payment

import (
	"time"

	"yunshi/internal/base/money"
)

// AttemptID is "pay_…"; the provider knows the attempt by it.
type AttemptID string

// RefundID is "rfd_…"; the provider knows the refund by it.
type RefundID string

// State is the state of an attempt.
type State string

// The states of an attempt.
const (
	Created        State = "created"         // not yet opened at the provider
	RequiresAction State = "requires_action" // waits for the customer
	Processing     State = "processing"      // the customer has acted, the provider has not decided
	Captured       State = "captured"        // the money is with the provider
	Settled        State = "settled"         // the provider has paid out
	Failed         State = "failed"
	Cancelled      State = "cancelled"
	Expired        State = "expired"
	Unknown        State = "unknown" // a call got no answer; the janitor asks
)

// Attempt is one try to get one order paid.
type Attempt struct {
	ID           AttemptID
	Code         string // short form of the id for people who write it on a transfer
	Order        string
	Gateway      string
	Amount       money.Amount
	Description  string
	PayeeAccount string
	PayeeName    string
	Locale       string
	State        State
	Mismatch     bool // captured, but not what was asked for: never the order's
	ProviderID   string
	PayURL       string
	Instructions map[string]string
	Captured     money.Amount
	CaptureID    string
	CapturedAt   time.Time
	Refunded     money.Amount // asked back and not failed
	Disputed     money.Amount // held by open disputes, or lost to them
	Disputes     int          // open ones
	Splits       bool         // the gateway is a [Splitter]; decided at the capture
	Split        money.Amount // shares asked for and not failed
	Returned     money.Amount // of Split, taken back and not failed
	Finished     bool         // nothing can be split any more
	Fee          money.Amount
	ExpiresAt    time.Time
	CreatedAt    time.Time
	ChangedAt    time.Time
}

// ref names the attempt to its provider.
func (a Attempt) ref() Ref {
	return Ref{Reference: a.ID, ProviderID: a.ProviderID, Payee: a.PayeeAccount}
}

// free is what of the capture was not given back and no dispute holds or took,
// in minor units.
func (a Attempt) free() int64 { return a.Captured.Minor - a.Refunded.Minor - a.Disputed.Minor }

// RefundState is the state of a refund.
type RefundState string

// The states of a refund.
const (
	RefundReturning  RefundState = "returning"  // the operator's share is taken back first
	RefundSubmitting RefundState = "submitting" // to be sent to the provider
	RefundSubmitted  RefundState = "submitted"  // the provider has it
	RefundSucceeded  RefundState = "succeeded"
	RefundFailed     RefundState = "failed"
	RefundUnknown    RefundState = "unknown" // sent without an answer; the janitor asks
)

// Cause says why money goes back, and so how it was booked.
type Cause string

// The causes of a refund.
const (
	CauseOrder    Cause = "order"    // the order package asked for it and booked it
	CauseLate     Cause = "late"     // the order was gone when the money came
	CauseMismatch Cause = "mismatch" // another amount or currency than asked for
)

// Refund is money on its way back.
type Refund struct {
	ID         RefundID
	Code       string // short form of the id for people who write it on a transfer
	Attempt    AttemptID
	Order      string
	Gateway    string
	Key        string // of the caller: one refund per attempt and key
	Amount     money.Amount
	Cause      Cause
	State      RefundState
	ProviderID string
	Reason     string       // why it failed: a code of the provider, or [ReasonDisputed]
	Bounced    bool         // it had succeeded before it failed
	Return     money.Amount // of the operator's share, taken back before it is sent
	SentAt     time.Time    // when it was about to be sent last; zero: never
	CreatedAt  time.Time
	EndedAt    time.Time
}

// ReasonDisputed is why a refund failed that was never sent, because a dispute
// that was lost took the money it stood for.
const ReasonDisputed = "disputed"

// Capture is money that arrived for an order, as the hook gets it.
type Capture struct {
	Attempt   AttemptID
	Order     string
	Amount    money.Amount
	Provider  string
	CaptureID string
	At        time.Time
}
