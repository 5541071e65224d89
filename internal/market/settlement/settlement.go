// Package settlement decides when collected money becomes the vendor's and how
// it reaches the vendor: release of escrow, the split at the provider,
// withdrawals, deposits, fees and statements.
//
// The collection of a line follows it from capture to the vendor's account:
//
//	held -> released -> splitting -> finished
//	splitting -> failed -> splitting               (finance tries again)
//	held -> ended                                  (all was given back)
//
// A withdrawal is a vendor's wish to be paid:
//
//	requested -> paying -> paid -> returned
//	requested -> rejected | cancelled ; paying -> failed
//
// Owns: collections, withdrawals, deductions from deposits, platform fees,
// vendors' statements. Does not own: amounts (ledger works them out), objects at
// the provider (payment), why a deposit is deducted (a case elsewhere decides).
//
// Always true:
//   - Nothing is released before the order is complete and its refund window is
//     over, unless the provider would free the money by itself first; then it is
//     released and stays frozen here.
//   - The operator's share of a payment is its commission, within the provider's
//     cap; the rest is the vendor's.
//   - The split is asked for before the provider's freeze ends.
//   - A withdrawal above the limit, or to bank details that are new, is approved
//     by two people, neither of whom asked for it.
//   - A statement is a query over the book, never a copy of it.
package settlement

import (
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// State is where a collection stands.
type State string

// The states of a collection.
const (
	Held      State = "held"
	Released  State = "released"  // by the book; the provider still has it
	Splitting State = "splitting" // asked for at the provider
	Finished  State = "finished"  // free at the vendor's own account there
	Failed    State = "failed"    // the provider refused the split
	Ended     State = "ended"     // all was given back
)

// Collection is the money of one order line, with the vendor as beneficiary.
type Collection struct {
	Line    string
	Order   order.ID
	Vendor  vendor.ID
	Gateway string
	Attempt payment.AttemptID
	Gross   money.Amount // captured
	State   State
	Parts   int64 // in how many it is released: 1, or the months of a term
	Part    int64 // how many have been
	Freed   money.Amount
	Shared  money.Amount // the operator's share asked for so far
	DueAt   time.Time    // zero until delivered
	ActBy   time.Time    // before the provider frees the money by itself
	Reason  string       // why it waits or failed, as a code
	CollectedAt,
	ReleasedAt,
	FinishedAt time.Time
	Version int64
}

// WithdrawalID is "wdr_…".
type WithdrawalID string

// WithdrawalState is where a withdrawal stands.
type WithdrawalState string

// The states of a withdrawal.
const (
	Requested WithdrawalState = "requested"
	Paying    WithdrawalState = "paying"
	Paid      WithdrawalState = "paid" // not final: a bank may return it
	Returned  WithdrawalState = "returned"
	Unpaid    WithdrawalState = "failed"
	Rejected  WithdrawalState = "rejected"
	Cancelled WithdrawalState = "cancelled"
)

// Purpose says what a withdrawal pays out.
type Purpose string

// What may be paid out: sales, or the deposit of a vendor that has left.
const (
	Sales         Purpose = "sales"
	DepositReturn Purpose = "deposit"
)

// Withdrawal is a vendor's wish to be paid.
type Withdrawal struct {
	ID          WithdrawalID
	Vendor      vendor.ID
	Purpose     Purpose
	Gateway     string
	Payee       string // the vendor's own account at the provider
	Amount      money.Amount
	State       WithdrawalState
	Approvals   int64 // needed
	RequestedBy account.UserID
	FirstBy     account.UserID
	SecondBy    account.UserID
	Reason      string // of a rejection or failure
	Payout      payment.PayoutID
	RequestedAt time.Time
	EndedAt     time.Time
}

// AuditSubject names the withdrawal in records.
func (w Withdrawal) AuditSubject() string { return string(w.ID) }
