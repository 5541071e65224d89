// Package complaint is one door for whoever has something to complain about: it
// finds out whose matter it is, sees that an answer comes in time, and keeps what
// was said until the parties, or a court, have ended it.
//
// A complaint. Whose matter it is decides who is asked: the operator for the
// market itself, the vendor for its product, both for what is mixed.
//
//	submitted → classified → assigned → answered → negotiated → escalated → decided → closed → reopened
//	assigned, answered, negotiated, escalated, reopened → classified    (handed on, with a reason)
//	assigned → escalated                                                (the vendor was silent)
//	anything open → closed                                              (by its complainant)
//
// A claim for breach, against the vendor, about purchases of one product:
//
//	opened → vendor_reply → negotiated ⇄ mediated → settled → closed
//	anything open → court → settled | closed
//
// A report of a violation, by anybody:
//
//	unconfirmed → received → handed_over → closed
//
// Owns: complaints, claims, offers, dated contacts, evidence, what was forwarded to
// vendors, reports, and what the operator has learnt of products. Does not own:
// refunds by the market's rules (refund), the ceiling of damages and the postings
// (ledger), measures against anybody (enforcement), the register of disclosures
// (privacy).
//
// Always true:
//   - A complaint is never sent back to its complainant because it came to the
//     wrong desk: it is handed on, and the complainant is told to whom.
//   - A vendor is given the name, the contact, the order and the demand, as one
//     packet whose hash is kept; numbers of identity documents, cards and accounts
//     are taken out first.
//   - Damages are settled by both parties' word, at most for what was paid unless
//     law or an agreement is named; the operator proposes and decides no liability.
//   - Each step is a row with who did it, on which clause; a form names the step
//     it was made from, and a stale one changes nothing.
package complaint

import (
	"context"
	"slices"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

// ID names a complaint: "cmp_…".
type ID string

// Matter is whose business a complaint is. The zero value: not known yet.
type Matter string

// The matters.
const (
	Platform Matter = "platform"
	Product  Matter = "product"
	Mixed    Matter = "mixed"
)

// Matters lists them in the order in which a form offers them.
var Matters = []Matter{Platform, Product, Mixed}

func (m Matter) asksVendor() bool   { return m == Product || m == Mixed }
func (m Matter) asksOperator() bool { return m == Platform || m == Mixed }

// Topics are what a complaint may be about, as the form offers them. Whose matter
// each is stands in the rulebook.
var Topics = []string{
	"not_delivered", "not_working", "not_as_described", "security", "support", "invoice",
	"double_charge", "payment", "market_function", "account", "personal_data", "staff", "other",
}

// Side is on whose side an actor acts.
type Side string

// The sides.
const (
	User     Side = "user"
	Vendor   Side = "vendor"
	Operator Side = "operator"
	Timer    Side = "timer"
	System   Side = "system"
)

// State is where a complaint stands.
type State string

// The states of a complaint.
const (
	Submitted  State = "submitted"
	Classified State = "classified"
	Assigned   State = "assigned"
	Answered   State = "answered"
	Negotiated State = "negotiated"
	Escalated  State = "escalated"
	Decided    State = "decided"
	Closed     State = "closed"
	Reopened   State = "reopened"
)

// Finding is what the operator found in a complaint that was brought to it.
// Referred: it is for the parties, a mediator or a court.
type Finding string

// The findings.
const (
	Upheld    Finding = "upheld"
	Partly    Finding = "partly"
	NotUpheld Finding = "not_upheld"
	Referred  Finding = "referred"
)

// Findings lists them in the order in which a form offers them.
var Findings = []Finding{Upheld, Partly, NotUpheld, Referred}

// Outcome is how a complaint ended, in its complainant's words.
type Outcome string

// The outcomes.
const (
	Satisfied   Outcome = "satisfied"
	Unsatisfied Outcome = "unsatisfied"
	Withdrawn   Outcome = "withdrawn"
	Lapsed      Outcome = "lapsed" // nothing more was heard
)

// Clock says how a time in working days was counted.
type Clock string

// The ways to count: by the published calendar, or, where that of a year on the
// way is not published, in the natural days that the rulebook states instead.
const (
	WorkingDays Clock = "working_days"
	NaturalDays Clock = "natural_days"
)

// Complaint is one complaint. Order, Product and Vendor are empty where it is
// about none.
type Complaint struct {
	ID               ID
	Account          account.ID
	AskedBy          account.UserID
	Order            order.ID
	Product          catalog.ProductID
	Vendor           vendor.ID
	RefundMatter     refund.MatterID // that ended without agreement, or not in time
	Topic            string
	Matter           Matter
	Reason           string // how the matter was found: topic, words, both, person
	Text             string `json:"-"`
	Demand           string `json:"-"`
	State            State
	VendorOwes       bool // an answer of the vendor is waited for
	VendorDue        time.Time
	VendorAnsweredAt time.Time
	OperatorOwes     bool
	OperatorDue      time.Time
	Clock            Clock
	Owner            string // who of the staff acted last
	DecidedBy        string
	Finding          Finding
	Outcome          Outcome
	Stars            int64
	Version          int64
	Rulebook         string
	SubmittedAt      time.Time
	OverdueAt        time.Time // the vendor's answer was not there in time
	EscalatedAt      time.Time
	LapseAt          time.Time
	ClosedAt         time.Time
}

// AuditSubject names the complaint in records.
func (c Complaint) AuditSubject() string { return string(c.ID) }

// Open reports whether something is still expected of somebody.
func (c Complaint) Open() bool { return c.State != Closed }

// Step is one move of a complaint or claim.
type Step struct {
	Seq     int64
	From    string
	Event   Event
	To      string
	Side    Side
	Actor   string
	Matter  Matter       // of a complaint
	Due     time.Time    // when an answer to it is due
	Refund  money.Amount // of a claim
	Damages money.Amount
	Clause  string
	Note    string `json:"-"` // in the actor's words; the parties and the operator see it
	At      time.Time
}

// Channel is how the parties spoke.
type Channel string

// Channels lists the ways to speak.
var Channels = []Channel{"phone", "email", "meeting", "message", "letter"}

// Contact is one dated attempt of the parties to agree.
type Contact struct {
	ID      string
	Side    Side
	Channel Channel
	HeldOn  string // "2026-03-02"
	Text    string `json:"-"`
	By      string
	At      time.Time
}

// Evidence is a file of one side; both sides may open it.
type Evidence struct {
	ID        string
	Side      Side
	Name      string `json:"-"`
	MediaType string
	Size      int64
	SHA256    string
	Blob      string `json:"-"`
	By        string
	At        time.Time
}

// Packet is what a vendor was given about a complainant.
type Packet struct {
	ID      string
	Vendor  vendor.ID
	Fields  []string
	Content Forwarded `json:"-"`
	SHA256  string    // of the content as it was stored
	By      string
	At      time.Time
}

// Forwarded is the content of a packet: all that a vendor needs to answer.
type Forwarded struct {
	Name    string `json:"name"`
	Contact string `json:"contact"`
	Order   string `json:"order,omitempty"`
	Product string `json:"product"`
	Topic   string `json:"topic"`
	Text    string `json:"text"`
	Demand  string `json:"demand"`
}

// Record is a complaint with all that happened to it.
type Record struct {
	Complaint Complaint
	Steps     []Step
	Contacts  []Contact
	Evidence  []Evidence
	Packets   []Packet
}

// Disclosure is a handing over of personal data, for the register of those.
type Disclosure struct {
	Subject   account.ID
	Recipient vendor.ID
	Matter    string // id of the complaint or claim
	Fields    []string
	SHA256    string // of the packet
	Basis     string // "UA 5.4.3"
}

// Disclosed writes a disclosure into the register.
type Disclosed func(ctx context.Context, tx *db.Tx, by audit.Actor, d Disclosure) error

// Violation is a report as it is handed to whoever decides on measures.
type Violation struct {
	Report  ReportID
	Kind    string // the rule that is said to be broken: "UA 4.7.5"
	Vendor  vendor.ID
	Product catalog.ProductID
	SHA256  string // of what was reported
}

// Enforce opens a case for a violation and returns its id.
type Enforce func(ctx context.Context, tx *db.Tx, by audit.Actor, v Violation) (caseID string, err error)

// Rules are what other packages do for this one. Nil: there is nobody to ask.
type Rules struct {
	Disclosed Disclosed
	Enforce   Enforce
	// RedLetter is that of package refund: what must come before money goes back.
	RedLetter func(ctx context.Context, tx *db.Tx, by audit.Actor, o order.Order, total money.Amount, ends bool) (clear bool, err error)
}

// decides reports whether the actor answers for the operator.
func decides(by audit.Actor) bool {
	return slices.ContainsFunc([]string{account.Support, account.Compliance, account.Superadmin}, by.Has)
}
