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
//	submitting -> submitted -> succeeded | failed, or unknown in between
//	succeeded -> failed, when the bank returns the money
//
// Owns: attempts, refunds, the inbox of notices, bank statement lines, the
// search for the outcome of calls that got no answer. Does not own: what a
// capture or a refund means for an order and how it is booked: the hooks of
// [Work] do that, in the same transaction.
//
// Always true:
//   - A notice only makes us read the object from the provider; what it says
//     itself moves nothing.
//   - A capture of a provider counts once, for one attempt, for ever. The order
//     learns of it in the transaction that records it, or not at all.
//   - Facts only raise the rank of an attempt, in whatever order they arrive.
//   - Money in another amount or currency than was asked for never reaches the
//     order; it is booked as nobody's and sent back.
//   - Of one attempt never more is given back than came in; the database
//     refuses it too.
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
	Fee          money.Amount
	ExpiresAt    time.Time
	CreatedAt    time.Time
	ChangedAt    time.Time
}

// ref names the attempt to its provider.
func (a Attempt) ref() Ref {
	return Ref{Reference: a.ID, ProviderID: a.ProviderID, Payee: a.PayeeAccount}
}

// RefundState is the state of a refund.
type RefundState string

// The states of a refund.
const (
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
	Reason     string // why it failed, as a code of the provider
	Bounced    bool   // it had succeeded before it failed
	CreatedAt  time.Time
	EndedAt    time.Time
}

// Capture is money that arrived for an order, as the hook gets it.
type Capture struct {
	Attempt   AttemptID
	Order     string
	Amount    money.Amount
	Provider  string
	CaptureID string
	At        time.Time
}
