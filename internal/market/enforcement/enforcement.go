// Package enforcement is what the operator does about a breach: the case, its
// evidence, the decision with its reasons, the measures of clause 8.2 one by one,
// their service, the appeal, and what follows when the agreement ends.
//
//	case:    opened → evidence → heard → decided → served → in_force
//	         opened, evidence, heard → second_review → decided | evidence
//	         opened, evidence, heard → dismissed
//	         served, in_force → appealed → upheld | revised | revoked
//	         in_force, upheld, revised → ended
//	measure: planned → decided → in_force → lifted | expired | revoked
//	         in_force → answered → complied | overdue        (an order to correct, 8.2.1)
//	         in_force → complied | overdue
//	         proposed → decided | dropped                    (what an overdue order proposes)
//	         planned, decided → dropped
//
// Time has three meanings here. Decided: when a person signed, or the second one
// where two are needed. Served: when the notice lay in the subject's inbox. In
// force: from service on, never earlier; a deadline begins on the day after.
//
// Owns: cases and every step of them, evidence, measures, appeals, points, rights
// that a termination takes, claims for losses, the day from which data may be
// erased, and the public list of sanctions. Does not own: the functions of an
// account (account), the state of a vendor (vendor), content itself (whoever
// registers a [Blocker]), the money of a refund (refund), the erasing (privacy).
//
// Always true:
//   - A measure rests on a clause of its case, by the database; without a source, a
//     clause that binds and evidence there is none.
//   - Evidence is sealed, its hash is that of what was handed in, and each look at
//     it has a reason that is recorded.
//   - Nothing is in force that was not served, and each measure ends by itself.
//   - Where two persons decide they are two, by the database; an appeal is decided by
//     a third.
//   - What blocks content keeps a sealed copy of it; what lifts the block gives the
//     same bytes back.
//   - A termination takes rights for good only when it can no longer be appealed.
package enforcement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
)

// ID names a case: "enf_…".
type ID string

// MeasureID names a measure: "msr_…".
type MeasureID string

// Source is from where the operator learnt of a violation.
type Source string

// The sources.
const (
	SelfFound    Source = "self_found"
	Authority    Source = "authority"
	RightsHolder Source = "rights_holder"
	FromVendor   Source = "vendor" // a vendor's report about its own product (clause 4.9)
	OtherReport  Source = "other_report"
)

// Sources lists them in the order in which a form offers them.
var Sources = []Source{SelfFound, Authority, RightsHolder, FromVendor, OtherReport}

// State is where a case stands.
type State string

// The states of a case.
const (
	Opened       State = "opened"
	Evidence     State = "evidence"
	Heard        State = "heard"
	SecondReview State = "second_review"
	Decided      State = "decided"
	Served       State = "served"
	InForce      State = "in_force"
	Appealed     State = "appealed"
	Upheld       State = "upheld"
	Revised      State = "revised"
	Revoked      State = "revoked"
	Dismissed    State = "dismissed"
	Ended        State = "ended"
)

// Over reports whether nothing more is expected of anybody.
func (s State) Over() bool { return s == Revoked || s == Dismissed || s == Ended }

// Known reports whether the subject has been told of the case.
func (s State) Known() bool {
	switch s {
	case Served, InForce, Appealed, Upheld, Revised, Revoked, Ended:
		return true
	}
	return false
}

// Stands reports whether the subject has been told of the decision and it counts
// now, also while an appeal is open.
func (s State) Stands() bool { return s.Known() && !s.Over() }

// Content names something that somebody published: its kind is that of a
// [Blocker], "product" or "review".
type Content struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Opening is what another part of the market, or a person, hands in to have a
// case opened. Subject, Source, Violation, Facts and one Item of evidence are
// needed; the rest may stay empty.
type Opening struct {
	Subject   account.ID // whose conduct it is about
	Source    Source
	Reference string     // what led here, such as "cmp_…" or a document number: the same one opens no second case
	Reporter  account.ID // who reported; is told of the outcome
	Violation string     // "UA 4.7.5", or "4.7.5"; a type of the rulebook
	Clauses   []string   // further clauses that may have been broken
	Facts     string     `json:"-"` // what happened, in words the subject will read
	Basis     string     // the law, where the violation is of other law (4.7.8)
	Content   Content    // what was published, if it is about that
	Right     entitlement.ID
	Evidence  []Item
}

// Item is a piece of evidence as it is handed in.
type Item struct {
	Kind       ItemKind
	Title      string    `json:"-"`
	URL        string    `json:"-"` // where it was seen
	MediaType  string    // of Content; "": text
	Content    []byte    `json:"-"`
	CapturedAt time.Time // zero: now
}

// ItemKind says what a piece of evidence is.
type ItemKind string

// The kinds of evidence.
const (
	Report    ItemKind = "report"  // what somebody wrote to us
	Capture   ItemKind = "capture" // what was seen, as it was
	File      ItemKind = "file"
	Recorded  ItemKind = "record"    // a record of the market, by its id
	Statement ItemKind = "statement" // the subject's word
	Hearing   ItemKind = "hearing"   // what was said when the subject was heard
)

// Exhibit is a piece of evidence as it is kept. What is in it is opened with
// [Look] only.
type Exhibit struct {
	ID         string
	Kind       ItemKind
	Title      string `json:"-"`
	URL        string `json:"-"`
	MediaType  string
	Size       int64
	SHA256     string
	CapturedAt time.Time
	By         string
	At         time.Time
}

// Case is one violation, or what was taken for one, with its decision.
type Case struct {
	ID          ID
	Subject     account.ID
	Vendor      vendor.ID // of the subject, "" when it sells nothing
	Source      Source
	Reference   string
	Reporter    account.ID
	Violation   string
	Clauses     []string
	Facts       string `json:"-"`
	Basis       string
	Content     Content
	Right       entitlement.ID
	HumanOnly   bool // no program may decide it
	State       State
	Version     int64 // number of the last step
	NeedsSecond bool
	Automated   bool   // decided by a program
	Reasons     string `json:"-"`
	Rulebook    string // "enforcement#1"
	OpenedBy    string
	OpenedAt    time.Time
	DecidedBy   string
	DecidedAt   time.Time
	SecondBy    string
	HumanAsked  time.Time // the subject wants a person to decide
	ServedAt    time.Time
	Notice      string    // "msg_…", by which it was served
	AppealUntil time.Time // last moment
	FinalAt     time.Time // it can no longer be appealed
	EndedAt     time.Time
}

// AuditSubject names the case in records.
func (c Case) AuditSubject() string { return string(c.ID) }

// Kind is one of the five measures, by its clause.
type Kind string

// The measures of clause 8.2.
const (
	Rectify   Kind = "8.2.1"
	Block     Kind = "8.2.2"
	Restrict  Kind = "8.2.3"
	Terminate Kind = "8.2.4"
	Other     Kind = "8.2.5"
)

// Kinds lists them from the mildest on.
var Kinds = []Kind{Rectify, Block, Restrict, Terminate, Other}

// The functions of a vendor that a measure may take, beside the capabilities of
// its account.
const (
	Publish = "publish" // put new things on the market
	Shop    = "shop"    // be seen in the shop
	Sell    = "sell"
)

// Functions lists all functions that a measure may take, as a form offers them.
var Functions = []string{account.Buy, account.Renew, account.Review, account.Message, account.API, account.LoginReadonly, Publish, Shop, Sell}

// Plan is a measure that is to be taken.
type Plan struct {
	Kind       Kind             `json:"kind"`
	Functions  []string         `json:"functions,omitempty"` // of Restrict; "all" is every one but the look at one's own data
	Content    Content          `json:"content,omitzero"`    // of Rectify and Block
	Demand     string           `json:"-"`                   // of Rectify: what to change; of Other: what is done
	Necessity  string           `json:"-"`                   // of Other: why nothing milder will do
	Days       int              `json:"days,omitempty"`      // of Rectify: to comply within; of the others: how long, 0 without end
	ReviewDays int              `json:"review_days,omitempty"`
	Rights     []entitlement.ID `json:"rights,omitempty"` // of Terminate: those that end with it
}

// MeasureState is where a measure stands.
type MeasureState string

// The states of a measure.
const (
	Planned        MeasureState = "planned"
	Proposed       MeasureState = "proposed"
	MeasureDecided MeasureState = "decided"
	Effective      MeasureState = "in_force"
	Answered       MeasureState = "answered" // the subject says it has complied
	Complied       MeasureState = "complied"
	Overdue        MeasureState = "overdue"
	Lifted         MeasureState = "lifted"
	MeasureRevoked MeasureState = "revoked"
	MeasureExpired MeasureState = "expired"
	MeasureDropped MeasureState = "dropped"
)

// Running reports whether the measure weighs on its subject now.
func (s MeasureState) Running() bool { return s == Effective || s == Answered || s == Overdue }

// waits reports whether the measure may still come into force.
func (s MeasureState) waits() bool { return s == Planned || s == Proposed || s == MeasureDecided }

// Measure is one measure of a case.
type Measure struct {
	ID          MeasureID
	Case        ID
	Clause      string // that was broken
	Kind        Kind
	Functions   []string
	Content     Content
	Demand      string `json:"-"`
	Necessity   string `json:"-"`
	Points      int64
	Days        int64
	ReviewDays  int64
	State       MeasureState
	DueAt       time.Time // of an order to correct
	UntilAt     time.Time // last moment; zero: without end
	ReviewAt    time.Time
	EffectiveAt time.Time
	EndedAt     time.Time
	EndedBy     string
	AdoptedBy   string // first signature under a proposal that needs two
	Prior       string // how what it changed stood before
	CopySHA256  string // of the sealed copy of what it blocks
	Answer      string `json:"-"` // the subject's word on an order
	PublishedAt time.Time
}

// Decision is what an officer makes of a case.
type Decision struct {
	Clauses  []string // that were broken; the case's violation when empty
	Reasons  string   `json:"-"`
	Measures []Plan
	Points   int64 // -1: what the rulebook says for the violation
}

// Appeal is the subject's word against a decision, and what came of it.
type Appeal struct {
	ID        string
	Case      ID
	Kind      AppealKind
	Text      string `json:"-"`
	By        string
	At        time.Time
	DueAt     time.Time
	Outcome   State  // "", Upheld, Revised or Revoked
	Reasons   string `json:"-"`
	DecidedBy string
	DecidedAt time.Time
}

// AppealKind tells an appeal from the wish for a person's decision.
type AppealKind string

// The kinds of appeal.
const (
	Objection  AppealKind = "appeal"
	WantsHuman AppealKind = "human"
)

// Step is one thing that happened to a case.
type Step struct {
	Seq     int64
	From    State
	Event   Event
	To      State
	Side    Side
	Actor   string
	Measure MeasureID
	Clause  string
	Note    string `json:"-"`
	At      time.Time
}

// Shown is content as it stands now.
type Shown struct {
	Owner account.ID
	Title catalog.Both
	Bytes []byte // what is sealed and hashed before it is blocked
}

// Blocker shows, blocks and gives back content of one kind. Block returns how the
// content stood, which Restore is given; both must be happy to find it gone. Where
// several cases block one thing, each of them asks for both, and Restore leaves it
// blocked while another one stands.
type Blocker struct {
	Show    func(ctx context.Context, r db.Reader, id string) (Shown, error)
	Block   func(ctx context.Context, tx *db.Tx, by audit.Actor, id string, of ID) (prior string, err error)
	Restore func(ctx context.Context, tx *db.Tx, by audit.Actor, id string, of ID, prior string) error
}

// Rules are the questions that other packages answer and the news that they are
// told. Nil: there is nobody to ask or tell.
type Rules struct {
	Content map[string]Blocker // by kind
	// Citable refuses a clause that may not be cited now, such as one that was
	// switched off.
	Citable func(ctx context.Context, r db.Reader, clause string) error
	// BreachDecided is told that a right's breach was decided, upheld or revoked.
	BreachDecided func(ctx context.Context, tx *db.Tx, e entitlement.ID) error
	// Terminated and Reinstated are told when a termination takes effect or is undone.
	Terminated func(ctx context.Context, tx *db.Tx, by audit.Actor, c Case) error
	Reinstated func(ctx context.Context, tx *db.Tx, by audit.Actor, c Case) error
}

// Tombstone is what stands where blocked content stood.
type Tombstone struct {
	Case    ID
	Measure MeasureID
	Clause  string
	Since   time.Time
	Owner   account.ID
	SHA256  string
}

// Sanction is a measure against a vendor as the public sees it.
type Sanction struct {
	Measure     MeasureID
	Vendor      vendor.ID
	Name        string // registered name
	Clause      string
	Kind        Kind
	Functions   []string
	State       MeasureState
	From        time.Time
	Until       time.Time
	EndedAt     time.Time
	PublishedAt time.Time
	Appealed    bool // an appeal is open
}

// Current reports whether the measure weighs on the vendor at a moment.
func (s Sanction) Current(now time.Time) bool {
	return s.State.Running() && (s.Until.IsZero() || !now.After(s.Until))
}

// Termination is the end of an account's agreement.
type Termination struct {
	Measure     MeasureID
	Account     account.ID
	DissolvedAt time.Time
	PurgeAt     time.Time // from then on data may be erased
	OfferedAt   time.Time // when the export was offered; zero: it was not
	Ordered     string    // the law's order to erase earlier
	UndoneAt    time.Time
}

// Claim is a claim for a loss from a breach (clause 8.5).
type Claim struct {
	ID       string
	Case     ID
	Claimant Claimant
	Vendor   vendor.ID
	Name     string `json:"-"` // of the claimant
	Amount   money.Amount
	Grounds  string `json:"-"`
	State    ClaimState
	Version  int64
	Settled  money.Amount // what was agreed, awarded or paid
	Note     string       `json:"-"`
	Evidence []string     // ids of exhibits
	By       string
	At       time.Time
	MovedAt  time.Time
}

// Claimant is who claims.
type Claimant string

// The claimants.
const (
	OfOperator   Claimant = "operator"
	OfVendor     Claimant = "vendor"
	OfThirdParty Claimant = "third_party"
)

// ClaimState is where a claim stands.
type ClaimState string

// The states of a claim.
const (
	Asserted     ClaimState = "asserted"
	Acknowledged ClaimState = "acknowledged"
	Disputed     ClaimState = "disputed"
	Settled      ClaimState = "settled"
	Awarded      ClaimState = "awarded"
	Rejected     ClaimState = "rejected"
	Withdrawn    ClaimState = "withdrawn"
)
