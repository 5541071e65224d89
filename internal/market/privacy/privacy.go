// Package privacy is what happens to data of persons beside the trade itself: to
// whom it is given and on which basis, what a person may ask about it, how vendors
// are held to it, and how it ends.
//
//	consent:    given → withdrawn | expired
//	disclosure: proposed → made | rejected; made (emergency) → reviewed
//	request:    open → answered; forwarded → answered, overdue → answered
//	audit:      planned → done
//	finding:    open → remedied | escalated
//	closing:    waiting → purged | called off
//
// Personal data leaves the market on four bases, those of clause 5.4: a consent to
// this recipient (5.4.1), an article or a rule in force (5.4.2), a matter that it is
// needed for (5.4.3), an emergency (5.4.4). Each leaving is a disclosure with its
// fields and the hash of what was sent. A vendor otherwise knows a customer by a
// pseudonym and reaches it by a relay number, both its alone.
//
// The inventory says of every column of every table what it is for, on which basis,
// and for how long, and which rows and columns of it an account gets in its copy; the
// privacy notice and the copy are made from it. The register of erasures stands
// beside the database, so that a restore brings nobody back.
//
// Owns: consents, disclosures, requests of persons, the annex, audits and findings
// of vendors, what was relayed, closings and erasures, the inventory.
// Does not own: the data itself (each package copies and erases its own), the
// decision to terminate (enforcement), a complaint and its packet (complaint), what
// a vendor says it does with data (catalog).
//
// Always true:
//   - One consent is for one recipient; nothing that is accepted as a whole contains
//     one, and a withdrawal stops what has not been sent.
//   - No disclosure without a basis, and the basis was in force when it was made.
//   - Where there is no consent two persons stand behind a disclosure, by the
//     database; an emergency has the second one afterwards.
//   - The person is told of each disclosure and sees it, unless a law bars it.
//   - Nothing of an account is erased before the day that it was told, unless a law
//     orders it; trades and invoices stay for their years without the person.
//   - What holds more than a number or a hash has an end, and a matter that is under
//     way holds what is kept of its account.
package privacy

import (
	"time"

	"yunshi/internal/market/account"
	"yunshi/internal/market/vendor"
)

// Rulebook is the code of the rules of this package.
const Rulebook = "privacy"

// Field is a piece of data that can leave.
type Field string

// The fields.
const (
	Name        Field = "name"
	Email       Field = "email"
	Mobile      Field = "mobile"
	RealName    Field = "real_name"
	IDNumber    Field = "id_number"
	BankAccount Field = "bank_account"
	Order       Field = "order"
	SignIns     Field = "sign_ins"

	// Those of a complaint, whose packet package complaint makes.
	ContactWay Field = "contact"
	Product    Field = "product"
	Topic      Field = "topic"
	Text       Field = "text"
	Demand     Field = "demand"
)

// Offered are the fields that a customer can let a vendor have, in the order of
// the form.
var Offered = []Field{Name, Email, Mobile}

// Disclosable are the fields that an officer can disclose, in the order of the
// form.
var Disclosable = []Field{Name, Email, Mobile, RealName, IDNumber, BankAccount, Order, SignIns}

// ConsentID names a consent: "cns_…".
type ConsentID string

// DisclosureID names a disclosure: "dis_…".
type DisclosureID string

// RequestID names a request about data: "prq_…".
type RequestID string

// AuditID names an audit of a vendor: "pau_…".
type AuditID string

// FindingID names a finding: "pfd_…".
type FindingID string

// ClosingID names the end of an account: "cls_…".
type ClosingID string

// Recipient is who gets data.
type Recipient struct {
	Kind    RecipientKind `json:"kind"`
	Vendor  vendor.ID     `json:"vendor,omitempty"`
	Name    string        `json:"name"`
	Contact string        `json:"contact"`
}

// RecipientKind says what a recipient is.
type RecipientKind string

// The kinds of recipient.
const (
	ToVendor    RecipientKind = "vendor"
	ToAuthority RecipientKind = "authority"
	ToCourt     RecipientKind = "court"
	ToVictim    RecipientKind = "victim"
	ToOther     RecipientKind = "other"
)

// Basis of clause 5.4 on which a disclosure stands.
type DisclosureBasis string

// The bases.
const (
	ByConsent   DisclosureBasis = "5.4.1"
	ByProvision DisclosureBasis = "5.4.2"
	ByMatter    DisclosureBasis = "5.4.3"
	ByEmergency DisclosureBasis = "5.4.4"
)

// ConsentState is where a consent stands.
type ConsentState string

// The states of a consent.
const (
	Given     ConsentState = "given"
	Withdrawn ConsentState = "withdrawn"
	Expired   ConsentState = "expired"
)

// Consent lets one vendor have some fields for one purpose.
type Consent struct {
	ID        ConsentID
	Account   account.ID
	Recipient Recipient `json:"-"`
	Vendor    vendor.ID
	Purpose   string
	Fields    []Field
	Method    string // checkout or data_page
	Notice    int64  // number of the rulebook version that was shown
	SHA256    string // of the sentence that was agreed to
	Order     string // at which it was given
	State     ConsentState
	GivenBy   account.UserID
	GivenAt   time.Time
	ExpiresAt time.Time
	EndedAt   time.Time
}

// AuditSubject names the consent in records.
func (c Consent) AuditSubject() string { return string(c.ID) }

// Holds reports whether the consent lets data out at a moment.
func (c Consent) Holds(now time.Time) bool {
	return c.State == Given && (c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt))
}

// DisclosureState is where a disclosure stands.
type DisclosureState string

// The states of a disclosure.
const (
	Proposed DisclosureState = "proposed"
	Rejected DisclosureState = "rejected"
	Made     DisclosureState = "made"
)

// Disclosure is data of one account that went, or shall go, to one recipient.
type Disclosure struct {
	ID         DisclosureID
	Account    account.ID
	Basis      DisclosureBasis
	Recipient  Recipient `json:"-"`
	Purpose    string    `json:"-"`
	Consent    ConsentID
	Provision  string // of 5.4.2: "PIPL 13", "RB refund-2"
	Version    int64  // of the rule that Provision names; 0 for an article of law
	Matter     string // of 5.4.3: complaint, report or case
	Order      string
	Source     string // what it went out with, such as a delivery
	Fields     []Field
	SHA256     string // of what was sent
	Channel    string
	State      DisclosureState
	ProposedBy string
	ProposedAt time.Time
	ApprovedBy string
	MadeAt     time.Time
	Told       bool   // the person was told
	Untold     string `json:"-"` // why not
	ReviewDue  time.Time
	ReviewedBy string
	ReviewedAt time.Time
	Review     string // "", justified or unjustified
	ReviewNote string `json:"-"`
}

// AuditSubject names the disclosure in records.
func (d Disclosure) AuditSubject() string { return string(d.ID) }

// Emergency reports whether one person made it, to be reviewed by a second.
func (d Disclosure) Emergency() bool { return d.Basis == ByEmergency }

// Shown reports whether the person may see it.
func (d Disclosure) Shown() bool { return d.State == Made && d.Told }

// The results of the review of an emergency.
const (
	Justified   = "justified"
	Unjustified = "unjustified"
)

// RequestKind is what a person asks about the own data.
type RequestKind string

// The kinds of request. Stop is what the market asks of a recipient when a consent
// has ended.
const (
	Access   RequestKind = "access"
	Rectify  RequestKind = "correct"
	Delete   RequestKind = "erase"
	Restrict RequestKind = "restrict"
	Explain  RequestKind = "explain"
	Stop     RequestKind = "stop"
)

// Asked are the kinds that a person can choose.
var Asked = []RequestKind{Access, Rectify, Delete, Restrict, Explain}

// RequestState is where a request stands.
type RequestState string

// The states of a request.
const (
	Open      RequestState = "open"      // with the operator
	Forwarded RequestState = "forwarded" // with a vendor
	Overdue   RequestState = "overdue"   // the vendor's time is over
	Answered  RequestState = "answered"
)

// Result is what became of a request.
type Result string

// The results.
const (
	Done    Result = "done"
	Partly  Result = "partly"
	Refused Result = "refused"
)

// Results lists them in the order of the form.
var Results = []Result{Done, Partly, Refused}

// Clock says how a time was counted: by the published calendar of working days, or
// in natural days.
type Clock string

// The ways to count.
const (
	WorkingDays Clock = "working_days"
	NaturalDays Clock = "natural_days"
)

// Request is what a person asks about data that the operator or a vendor holds.
type Request struct {
	ID         RequestID
	Account    account.ID
	AskedBy    string
	Kind       RequestKind
	Vendor     vendor.ID // empty: the operator
	Consent    ConsentID // of Stop
	Text       string    `json:"-"`
	State      RequestState
	DueAt      time.Time // zero: no law sets one
	DueClock   Clock
	Law        string // jurisdiction whose days were counted
	AskedAt    time.Time
	OverdueAt  time.Time
	Result     Result
	Answer     string `json:"-"`
	AnsweredBy string
	AnsweredAt time.Time
}

// AuditSubject names the request in records.
func (q Request) AuditSubject() string { return string(q.ID) }

// Audit is a look at how a vendor handles data.
type Audit struct {
	ID     AuditID
	Vendor vendor.ID
	Cause  string // periodic, complaint, overdue
	About  string // what caused it
	State  string // planned, done
	DueAt  time.Time
	Score  int64
	Note   string `json:"-"`
	DoneBy string
	DoneAt time.Time
}

// The causes of an audit.
const (
	Periodic    = "periodic"
	OnComplaint = "complaint"
	OnOverdue   = "overdue"
)

// The states of an audit.
const (
	Planned   = "planned"
	AuditDone = "done"
)

// FindingState is where a finding stands.
type FindingState string

// The states of a finding.
const (
	FindingOpen FindingState = "open"
	Remedied    FindingState = "remedied"
	Escalated   FindingState = "escalated"
)

// The severities of a finding. Misuse stops sharing with the vendor at once.
const (
	Minor  = "minor"
	Major  = "major"
	Misuse = "misuse"
)

// Severities lists them in the order of the form.
var Severities = []string{Minor, Major, Misuse}

// Finding is something that a vendor does wrong with data.
type Finding struct {
	ID        FindingID
	Vendor    vendor.ID
	Audit     AuditID
	About     string
	Severity  string
	State     FindingState
	Text      string `json:"-"`
	RemedyDue time.Time
	OpenedBy  string
	OpenedAt  time.Time
	ClosedBy  string
	ClosedAt  time.Time
	Outcome   string `json:"-"`
	Case      string // of an escalation
}

// AuditSubject names the finding in records.
func (f Finding) AuditSubject() string { return string(f.ID) }

// Annex is a vendor's acceptance of the data-protection annex.
type Annex struct {
	Vendor     vendor.ID
	Version    int64
	SHA256     string
	AcceptedBy string
	AcceptedAt time.Time
}

// ClosingState is where the end of an account stands.
type ClosingState string

// The states of a closing.
const (
	Waiting   ClosingState = "waiting"
	CalledOff ClosingState = "called_off"
	Purged    ClosingState = "purged"
)

// The causes of a closing.
const (
	ByOwner       = "owner"
	ByTermination = "terminated"
)

// Closing is the end of an account and of its data.
type Closing struct {
	ID         ClosingID
	Account    account.ID
	Cause      string
	Case       string
	Previous   account.State
	State      ClosingState
	EndAt      time.Time
	PurgeAt    time.Time
	Law        string
	OfferedAt  time.Time // the person was told of the export
	ExportedAt time.Time
	OpenedBy   string
	EndedBy    string
	EndedAt    time.Time
	LawOrder   string // document by which a law orders to erase earlier
	TradeDue   time.Time
	TradeAt    time.Time
	InvoiceDue time.Time
	InvoiceAt  time.Time
}

// AuditSubject names the closing in records.
func (c Closing) AuditSubject() string { return string(c.ID) }

// Erasure is what one run removed.
type Erasure struct {
	Closing string
	Class   Class
	Package string
	Removed int64
	Before  time.Time
	At      time.Time
}
