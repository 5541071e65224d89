// Package reconciliation proves every day that three accounts of the same money
// agree: what the market did, what its book says, and what providers and the bank
// say. What does not agree becomes an exception that a person must end.
//
// One movement of money is one item, named by the provider's own id:
//
//	waiting -> matched
//	missing_here | missing_there | amount_differs | duplicated | unbooked | misbooked -> matched
//
// An exception is something that does not agree, is too old or breaks an invariant:
//
//	open -> explained -> resolved ; open -> resolved
//	explained -> open                       (found again, and different)
//
// A decision is an act of finance with a reason; some need a second person:
//
//	proposed -> done | refused
//
// Owns: items, exceptions, the results of checks, decisions on statement lines,
// months, deposits and debts, the trial balance of a closed month. Does not own:
// the book (ledger), objects and reports (payment), what a vendor is owed
// (settlement).
//
// Always true:
//   - An item is compared by the id of its provider, which stands once on each
//     side.
//   - Nothing is corrected by a comparison: it finds, people decide.
//   - An exception ends when what it found is gone, never by time or by wish. An
//     explanation keeps it in sight until then.
//   - What needs two people is done by the second, who is not the first.
//   - A statement line is explained once.
//   - A month is closed when everything in it agrees or is explained.
package reconciliation

import (
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

// ItemState is how the accounts of one movement compare.
type ItemState string

// The states of an item.
const (
	Matched       ItemState = "matched"
	Waiting       ItemState = "waiting"        // known here, and the report may still come
	MissingHere   ItemState = "missing_here"   // reported, not known here
	MissingThere  ItemState = "missing_there"  // known here, not reported in time
	AmountDiffers ItemState = "amount_differs" // reported in another amount
	Duplicated    ItemState = "duplicated"     // one id stands for several things
	Unbooked      ItemState = "unbooked"       // known and reported, not in the book
	Misbooked     ItemState = "misbooked"      // booked in another amount
)

// Leg is what one of the three accounts says of a movement.
type Leg struct {
	There bool
	Minor int64 // signed: positive came in
}

// Item is one movement of money in its three accounts.
type Item struct {
	Gateway   string
	Kind      payment.ReportKind
	Object    string // the provider's id
	Reference string // ours
	Currency  money.Currency
	Day       calendar.Date
	Ours      Leg // what the market's own object says
	Booked    Leg // what the book says
	Reported  Leg // what the provider's report or the bank's statement says
	State     ItemState
	MatchedAt time.Time

	several bool // more than one object of a side is called so
	mixed   bool // in another currency there than here
}

// Source is what found an exception.
type Source string

// The sources of exceptions.
const (
	FromMatch    Source = "match"    // the comparison of one movement
	FromPosition Source = "position" // the comparison of sums
	FromAge      Source = "aged"     // a clearing account that should be empty
	FromCheck    Source = "check"    // an invariant of the book or of the market
)

// ExceptionState is where an exception stands.
type ExceptionState string

// The states of an exception.
const (
	Open      ExceptionState = "open"
	Explained ExceptionState = "explained"
	Resolved  ExceptionState = "resolved"
)

// ExceptionID is "exc_…".
type ExceptionID string

// Exception is something that does not agree.
type Exception struct {
	ID           ExceptionID
	Source       Source
	Kind         string // an item's state, an account, an invariant
	Object       string
	Day          calendar.Date
	Ours, Theirs money.Amount
	Detail       string // of an invariant, in words for the console
	State        ExceptionState
	Reason       string // of the explanation
	By           account.UserID
	FirstSeen    time.Time
	LastSeen     time.Time
	EndedAt      time.Time
}

// AuditSubject names the exception in records.
func (e Exception) AuditSubject() string { return string(e.ID) }

// Check is one reading of the book.
type Check struct {
	ID       string
	Whole    bool
	At       time.Time
	Journals int64
	Wrong    int64
}

// Act is what a decision does.
type Act string

// The acts that are decided here.
const (
	Attribute Act = "attribute" // says what a statement line is
	Close     Act = "close"     // closes a month
	Deduct    Act = "deduct"    // takes from a vendor's deposit by a final decision
	WriteOff  Act = "write_off" // gives a vendor's debt up
)

// DecisionState is where a decision stands.
type DecisionState string

// The states of a decision.
const (
	Proposed DecisionState = "proposed"
	Done     DecisionState = "done"
	Refused  DecisionState = "refused"
)

// DecisionID is "dcn_…".
type DecisionID string

// Decision is an act of finance with its reason.
type Decision struct {
	ID         DecisionID
	Act        Act
	Subject    string // the statement line, month or vendor
	Input      Input
	Amount     money.Amount
	Reason     string
	Evidence   string // where the proof lies: a document's number, a case, a message
	State      DecisionState
	Approvals  int64 // people needed, the one who proposes included
	ProposedBy account.UserID
	ProposedAt time.Time
	DecidedBy  account.UserID
	DecidedAt  time.Time
	Refusal    string
}

// AuditSubject names the decision in records.
func (d Decision) AuditSubject() string { return string(d.ID) }

// Input is what a decision needs beside its subject and amount.
type Input struct {
	Purpose Purpose `json:"purpose,omitempty"` // of a statement line
	Party   string  `json:"party,omitempty"`   // vendor, account, code or statement line that it is for
	Case    string  `json:"case,omitempty"`    // behind a deduction or a debt given up
	Rule    string  `json:"rule,omitempty"`    // rulebook section or clause of a deduction
}

// Purpose says what a statement line is that nothing was found for.
type Purpose string

// What a statement line may be.
const (
	ForCode     Purpose = "code"     // its payer forgot a code of ours; it is looked at as if it were there
	ForDeposit  Purpose = "deposit"  // came in: a vendor's deposit
	ForDebt     Purpose = "debt"     // came in: a vendor pays what it owes
	ForNobody   Purpose = "nobody"   // came in: nobody's, to be sent back
	ForReturned Purpose = "returned" // went out: such money was sent back
	ForOwed     Purpose = "owed"     // went out: what a buyer was owed
	ForTax      Purpose = "tax"      // went out: collected tax, to the tax office
	ForOwn      Purpose = "own"      // the operator's own money: put in, or taken out, bank charges among it
)

// Purposes are all purposes in the order of a form.
var Purposes = []Purpose{ForCode, ForDeposit, ForDebt, ForNobody, ForReturned, ForOwed, ForTax, ForOwn}

// Inward reports whether lines of the purpose may come in, Outward whether they
// may go out.
func (p Purpose) Inward() bool {
	return p == ForCode || p == ForDeposit || p == ForDebt || p == ForNobody || p == ForOwn
}

// Outward is the other direction of [Purpose.Inward].
func (p Purpose) Outward() bool {
	return p == ForCode || p == ForReturned || p == ForOwed || p == ForTax || p == ForOwn
}

// Step is one thing that must be true before a month is closed.
type Step struct {
	Name string // text key part: "over", "order", "sealed", "matched", "exceptions", "checked", "trial"
	Done bool
	Left int64  // how many are missing
	Note string // a day, an account; as data
}

// Closing is a month on its way to be closed.
type Closing struct {
	Month    ledger.Month
	Steps    []Step
	Trial    []ledger.Total // at its end
	Decision Decision       // the proposal, or the zero Decision
}

// Ready reports whether nothing is missing.
func (c Closing) Ready() bool {
	for _, s := range c.Steps {
		if !s.Done {
			return false
		}
	}
	return true
}
