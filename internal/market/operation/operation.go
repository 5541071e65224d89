// Package operation is the market as a service: what about it changes, what goes
// wrong with it, and how it ends.
//
//	service:      operating → winding_down → ended
//	wind-down:    proposed → announced → ended;  proposed → declined;  announced → called_off
//	incident:     detected → acknowledged → contained → resolved → assessed → closed
//	interruption: detected → acknowledged → mitigated → resolved → closed      (mitigated may be left out)
//	contest:      open → upheld | rejected
//
// Owns: the public log of changes, security incidents with their assessment and
// notices, interruptions with cause, proof and story, contests of a cause, the end
// of the whole service with its run-off plan, and who was told of each when. Does
// not own: categories (catalog), rules and their own procedure (agreement), what is
// still open when the service ends (the later packages, asked by [Rules]).
//
// Always true:
//   - At most one end of service is announced, by two officers, never sooner than
//     the rulebook's notice; from then on nothing is sold that outlives it.
//   - A change that was published stays as it was published.
//   - An interruption is closed only with an acknowledgement, a cause that is
//     proved in the way its clause asks, and what was learnt.
//   - No notice claims that loss is exempt before the cause is proved, and after an
//     attack not before somebody found that the operator was not at fault.
//   - An incident is closed only when its fault was assessed, and, where personal
//     data is involved, authority and subjects were told or a reason stands why not.
//   - Each account is told once in each round; the notice it got is named.
package operation

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// ID names a thing of this package: "wnd_…" an end of service, "chg_…" a change,
// "inc_…" an incident, "itr_…" an interruption, "cts_…" a contest.
type ID string

// Both is a text in both languages.
type Both = agreement.Both

// State is where a thing stands.
type State string

// The states of the service.
const (
	Operating   State = "operating"
	WindingDown State = "winding_down"
	Ended       State = "ended" // also of an end of service: it has come
)

// The states of an end of service.
const (
	Proposed  State = "proposed"
	Announced State = "announced"
	Declined  State = "declined"
	CalledOff State = "called_off"
)

// The states of incidents and interruptions.
const (
	Detected     State = "detected"
	Acknowledged State = "acknowledged"
	Contained    State = "contained" // of an incident
	Mitigated    State = "mitigated" // of an interruption
	Resolved     State = "resolved"
	Assessed     State = "assessed" // of an incident
	Closed       State = "closed"
)

// The states of a contest.
const (
	Open     State = "open"
	Upheld   State = "upheld"
	Rejected State = "rejected"
)

// Service is how the market stands as a whole.
type Service struct {
	State       State
	WindDown    ID // the announcement; empty while it is operating
	AnnouncedAt time.Time
	EndAt       time.Time
}

// Part is a kind of open matter that a run-off plan speaks of.
type Part string

// Parts are the matters that must end with the service.
var Parts = []Part{"orders", "refunds", "complaints", "settlements", "invoices", "export", "deposits"}

// Announcement is what is announced, as it is hashed.
type Announcement struct {
	EndAt    time.Time     `json:"end_at"`
	Text     Both          `json:"text"`
	Plan     map[Part]Both `json:"run_off"`
	Channels []string      `json:"channels"`
}

// WindDown is an end of the whole service.
type WindDown struct {
	ID    ID
	State State
	Announcement
	Document    string // the exact text that SHA256 is the hash of
	SHA256      string
	ProposedBy  string
	ProposedAt  time.Time
	ApprovedBy  string
	AnnouncedAt time.Time
	EndedAt     time.Time
	OpenAtEnd   []Left // what was still open when it came
	StopBy      string // who asked to call it off
	StopReason  string
	StoppedBy   string // who agreed
	StoppedAt   time.Time
}

// AuditSubject names the end of service in records.
func (w WindDown) AuditSubject() string { return string(w.ID) }

// Left is how much of one kind of matter is still open.
type Left struct {
	Part  Part  `json:"part"`
	Count int64 `json:"count"`
}

// Snapshot is what the home page showed on a day of the notice.
type Snapshot struct {
	Day     string
	Lang    text.Lang
	Shown   bool // the announcement stood on it
	SHA256  string
	TakenAt time.Time
}

// ChangeKind says what sort of change was made.
type ChangeKind string

// The kinds of change. Rules have a procedure of their own.
const (
	CategoryChange  ChangeKind = "category"
	InterfaceChange ChangeKind = "interface"
	FeatureChange   ChangeKind = "feature"
	ScopeChange     ChangeKind = "scope" // of the kinds of products
	ServiceChange   ChangeKind = "service"
)

// ChangeKinds lists those that officers announce by hand.
var ChangeKinds = []ChangeKind{InterfaceChange, FeatureChange, ScopeChange, ServiceChange}

// Change is an entry of the public log.
type Change struct {
	ID          ID         `json:"-"`
	Kind        ChangeKind `json:"kind"`
	Subject     string     `json:"subject,omitempty"` // such as the code of a category
	Title       Both       `json:"title"`
	Text        Both       `json:"text"`
	Migration   Both       `json:"migration"` // what those affected have to do
	EffectiveAt time.Time  `json:"effective_at"`
	SHA256      string     `json:"-"`
	PublishedBy string     `json:"-"`
	PublishedAt time.Time  `json:"-"`
}

// AuditSubject names the change in records.
func (c Change) AuditSubject() string { return string(c.ID) }

// Audience is who is told. Its parts add up.
type Audience struct {
	Everyone bool     `json:"everyone,omitempty"`
	Vendors  bool     `json:"vendors,omitempty"`
	Category string   `json:"category,omitempty"` // vendors of its products, and who has one
	Products []string `json:"products,omitempty"` // who has one, and the vendor
	Orders   []string `json:"orders,omitempty"`
	Incident ID       `json:"incident,omitempty"` // the subjects of an incident
}

// Round is one sending of notices about a thing.
type Round struct {
	Object         ID
	Name           string
	Code           string
	Link           string
	Params         map[string]string
	Audience       Audience
	BegunAt, EndAt time.Time // EndAt is zero while accounts are still being told
	Told           int64
}

// Told is an account that was told, with the notice it got.
type Told struct {
	Round   string
	Account account.ID
	Notice  string
	At      time.Time
}

// Fault is what an assessment found about the operator's part.
type Fault string

// The findings. Empty: not assessed.
const (
	NoFault       Fault = "none"
	PartialFault  Fault = "partial"
	OperatorFault Fault = "operator"
)

// Faults lists the findings.
var Faults = []Fault{NoFault, PartialFault, OperatorFault}

// The kinds of incidents, the classes of their causes, and the kinds of data that
// can be touched.
var (
	IncidentKinds  = []string{"leak", "tampering", "loss", "intrusion", "malware", "vulnerability", "other"}
	IncidentCauses = []string{"unknown", "attack", "force_majeure", "third_party", "operator"}
	DataKinds      = []string{"name_contact", "identity", "credentials", "orders", "payment", "invoices", "messages", "other"}
)

// Incident is a security incident.
type Incident struct {
	ID             ID
	State          State
	Version        int64
	Kind           string
	Cause          string // class; "unknown" until it is known
	Personal       bool   // personal data is involved
	DataKinds      []string
	Everyone       bool   // every account is a subject; otherwise those that are named
	Summary        string `json:"-"`
	DetectedAt     time.Time
	OpenedBy       string
	OpenedAt       time.Time
	AcknowledgedAt time.Time
	ContainedAt    time.Time
	ResolvedAt     time.Time
	ClosedAt       time.Time
	Fault          Fault
	Assessment     string `json:"-"` // the reasons for Fault
	AssessedBy     string
	AssessedAt     time.Time
	DueAt          time.Time // by when the subjects must know; zero: no law asks for it
	AuthorityDue   time.Time // by when the authority must; zero: no law asks for it
	Authority      string
	AuthorityRef   string
	AuthorityAt    time.Time
	AuthorityWaive string `json:"-"` // why no notice was required
	AuthorityOffAt time.Time
	SubjectsAt     time.Time
	Notice         SubjectNotice
	SubjectsWaive  string `json:"-"`
	SubjectsOffAt  time.Time
}

// AuditSubject names the incident in records.
func (i Incident) AuditSubject() string { return string(i.ID) }

// AuthorityOwed is by when the authority must still be told; zero when it was, when
// it is on record why not, and when no law asks for it.
func (i Incident) AuthorityOwed() time.Time {
	if i.State == Closed || !i.AuthorityAt.IsZero() || !i.AuthorityOffAt.IsZero() {
		return time.Time{}
	}
	return i.AuthorityDue
}

// SubjectsOwed is by when the subjects must still be told, as [Incident.AuthorityOwed].
func (i Incident) SubjectsOwed() time.Time {
	if i.State == Closed || !i.SubjectsAt.IsZero() || !i.SubjectsOffAt.IsZero() {
		return time.Time{}
	}
	return i.DueAt
}

// SubjectNotice is what the people concerned are told beside the kinds of data and
// the cause: harm that may follow, what was done, what they can do, whom to ask.
type SubjectNotice struct {
	Cause    Both   `json:"cause"`
	Harm     Both   `json:"harm"`
	Remedies Both   `json:"remedies"`
	SelfHelp Both   `json:"self_help"`
	Contact  string `json:"contact"`
}

// Cause is why an interruption happened: a row of clause 7.3, or the operator's
// own fault.
type Cause string

// The causes.
const (
	ForceMajeure   Cause = "7.3.1"
	Carrier        Cause = "7.3.2"
	Attack         Cause = "7.3.3"
	UserSide       Cause = "7.3.4"
	Unauthorised   Cause = "7.3.5"
	Unforeseeable  Cause = "7.3.6"
	OperatorsFault Cause = "operator_fault"
)

// Causes lists them.
var Causes = []Cause{ForceMajeure, Carrier, Attack, UserSide, Unauthorised, Unforeseeable, OperatorsFault}

// Proof is what a cause rests on. Which parts are needed depends on the cause.
type Proof struct {
	Kind      string // of the list of its cause in [ProofKinds]
	Reference string // public address or number; carrier's ticket; id of a record
	Text      string `json:"-"` // logs, diagnosis, or the description of 7.3.6
}

// ProofKinds are the kinds of proof of each cause.
var ProofKinds = map[Cause][]string{
	ForceMajeure: {"announcement", "link", "document"},
	Carrier:      {"ticket", "carrier_notice"},
	UserSide:     {"client_error", "user_action", "user_equipment"},
	Unauthorised: {"missing_token", "invalid_token", "undocumented_endpoint", "blocked_client"},
}

// Components are the parts of the service that the status page speaks of.
var Components = []string{"site", "search", "orders", "payment", "delivery", "desks", "api", "products"}

// Interruption is a time in which a part of the service did not work.
type Interruption struct {
	ID             ID
	State          State
	Version        int64
	Component      string
	Impact         string // "outage" or "degraded"
	Everyone       bool   // otherwise Products and Orders
	Products       []string
	Orders         []string
	Title          Both
	StartedAt      time.Time
	DetectedAt     time.Time
	AcknowledgedAt time.Time
	MitigatedAt    time.Time
	ResolvedAt     time.Time
	ClosedAt       time.Time
	OpenedBy       string
	Cause          Cause
	Proof          Proof
	ProofSHA256    string
	CauseBy        string
	CauseAt        time.Time
	ConfirmedBy    string // second person, for 7.3.6
	ConfirmedAt    time.Time
	Incident       ID
	Lesson         Both  // what was learnt; public
	Extended       int64 // rights that were lengthened
}

// AuditSubject names the interruption in records.
func (n Interruption) AuditSubject() string { return string(n.ID) }

// Audience is who an interruption concerns.
func (n Interruption) Audience() Audience {
	return Audience{Everyone: n.Everyone, Products: n.Products, Orders: n.Orders}
}

// Entry is a step of an incident or an interruption.
type Entry struct {
	Seq    int64
	Event  string
	Public bool
	Text   Both
	Note   string `json:"-"` // for the staff
	Actor  string
	At     time.Time
}

// Contest is the objection of somebody concerned to the cause of an interruption.
type Contest struct {
	ID           ID
	Interruption ID
	Cause        Cause // that was stated then
	Account      account.ID
	By           account.UserID
	Text         string `json:"-"`
	State        State
	Answer       string `json:"-"`
	AnsweredBy   string
	DueAt        time.Time
	MadeAt       time.Time
	AnsweredAt   time.Time
}

// AuditSubject names the contest in records.
func (c Contest) AuditSubject() string { return string(c.ID) }

// Rules are the questions that later packages answer. A nil one has nobody to
// answer it: nobody is affected, nothing is left, no right is lengthened.
type Rules struct {
	// Affected returns, in order, up to n accounts after one of those that an
	// audience names by vendor, category, product or order.
	Affected func(ctx context.Context, r db.Reader, a Audience, after account.ID, n int) ([]account.ID, error)
	// Concerns tells whether an account is one of them.
	Concerns func(ctx context.Context, r db.Reader, a Audience, who account.ID) (bool, error)
	// Left counts what is still open of each part of a run-off.
	Left func(ctx context.Context, r db.Reader) ([]Left, error)
	// Lengthen gives rights the time back that an interruption took from them, a
	// page at a time; next is empty after the last.
	Lengthen func(ctx context.Context, tx *db.Tx, by audit.Actor, n Interruption, after string) (next string, rights int64, err error)
	// Page is the home page as a visitor gets it.
	Page func(ctx context.Context, l text.Lang) (string, error)
}
