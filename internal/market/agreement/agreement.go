// Package agreement is what binds whom since when: the user agreement, the
// rulebooks that are part of it, and who accepted them how.
//
//	version: draft → consultation → published → effective → superseded
//	account: none → implied (by use) → accepted; none → accepted; any → refused
//
// The agreement and all rulebooks in force at a moment are one bundle, named by a
// hash over their texts. Acceptance is of a bundle, never of a part of it.
//
// Time has three meanings here. Published: when the text was made public.
// Effective: from when it binds and its settings count. Accepted: when one
// account's act was recorded; of several acts the earliest is the one from which
// the account is bound.
//
// A change is drafted by one person, open for comments where law wants it, and
// published by another; what is published switches by the clock alone. Who was
// bound before the switch and goes on using the market is bound by the new bundle
// too; who refuses it is not, and leaves.
//
// Owns: drafts and comments, versions, clauses, settings, bundles, clauses out of
// force, what was displayed to whom, acceptances, refusals, and their evidence.
// Does not own: privacy consents (package privacy; acceptance never contains
// one), what a setting does (the package that asks for it), the pages.
//
// Always true:
//   - A published text never changes; its SHA-256 is over the exact document that
//     evidence exports.
//   - No version limits or excludes liability in plain type.
//   - One record per account, bundle and method, however many clicks race.
//   - The privacy notice is published here but is in no bundle.
//   - A decision cites only what is in force at its time, and no disabled clause.
//   - No person alone changes a rule that somebody is bound by.
package agreement

import (
	"encoding/json"
	"strconv"
	"time"

	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
)

// Kind says what sort of document a version is.
type Kind string

// The kinds.
const (
	KindAgreement Kind = "agreement"
	KindRulebook  Kind = "rulebook"
	KindPrivacy   Kind = "privacy"
)

// The codes of the two documents that are not rulebooks.
const (
	UserAgreement = "user-agreement"
	PrivacyNotice = "privacy-notice"
)

// Both is a text in both languages. Chinese is the language of record.
type Both struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In returns the text in a language.
func (b Both) In(l text.Lang) string {
	if l == text.EN {
		return b.EN
	}
	return b.ZH
}

func (b Both) full() bool { return b.ZH != "" && b.EN != "" }

// Emphasis is how a clause is printed.
type Emphasis string

// The emphases.
const (
	Plain Emphasis = "none"
	Bold  Emphasis = "bold"
)

// ClauseKind says whether a clause takes something away from the reader.
type ClauseKind string

// The kinds of clause.
const (
	Ordinary       ClauseKind = "none"
	LiabilityLimit ClauseKind = "liability_limit"
	Exclusion      ClauseKind = "exclusion"
)

// Chapter groups clauses.
type Chapter struct {
	ID    string `json:"id"`
	Title Both   `json:"title"`
}

// Clause is one clause of the agreement or section of a rulebook.
type Clause struct {
	ID       string     `json:"id"`
	Chapter  string     `json:"chapter,omitempty"`
	Title    Both       `json:"title"`
	Text     Both       `json:"text"`
	Emphasis Emphasis   `json:"emphasis,omitempty"`
	Kind     ClauseKind `json:"kind,omitempty"`
}

// document is the published form of a version: the JSON that is hashed.
type document struct {
	Code           string                     `json:"code"`
	Number         int64                      `json:"number"`
	Title          Both                       `json:"title"`
	Jurisdiction   string                     `json:"jurisdiction,omitempty"`
	Operator       Both                       `json:"operator,omitzero"`
	PlaceOfSigning Both                       `json:"place_of_signing,omitzero"`
	GoverningLaw   Both                       `json:"governing_law,omitzero"`
	Chapters       []Chapter                  `json:"chapters,omitempty"`
	Clauses        []Clause                   `json:"clauses,omitempty"`
	Sections       []Clause                   `json:"sections,omitempty"`
	Settings       map[string]json.RawMessage `json:"settings,omitempty"`
}

// Terms are what an installation fills into the texts.
type Terms struct {
	Operator       Both
	PlaceOfSigning Both      // zero: as the source says
	GoverningLaw   Both      // zero: as the source says
	Jurisdiction   string    // "CN", "EU" or "OTHER"; "": as the source says, else CN
	EffectiveAt    time.Time // zero: as early as allowed
	Major          bool      // a change with major impact needs the longer notice
}

// Version is one published document. Chapters, Clauses and Source are filled only
// by the functions that say so.
type Version struct {
	ID             string
	Kind           Kind
	Code           string
	Number         int64
	Title          Both
	PlaceOfSigning Both
	GoverningLaw   Both
	Jurisdiction   string
	SHA256         string // of Source, hexadecimal
	PublishedAt    time.Time
	EffectiveAt    time.Time
	SupersededAt   time.Time // zero: nothing published replaces it

	Chapters []Chapter
	Clauses  []Clause
	Source   []byte
	disabled []Disabled // out of force when it was read
}

// Out returns what takes a clause out of force, of a version that was read with
// its clauses.
func (v Version) Out(clause string) (out []Disabled) {
	for _, d := range v.disabled {
		if d.Clause == clause {
			out = append(out, d)
		}
	}
	return out
}

// Bundle is the agreement with the rulebooks in force together with it.
type Bundle struct {
	Hash      string // hexadecimal SHA-256 over code, number and hash of each document
	Agreement Version
	Rulebooks []Version
}

// Documents returns the agreement and then the rulebooks, in the order of the
// hash.
func (b Bundle) Documents() []Version { return append([]Version{b.Agreement}, b.Rulebooks...) }

// Number names a bundle for people: the agreement's number and the start of the
// hash, "1-0f3a9c21".
func (b Bundle) Number() string {
	return strconv.FormatInt(b.Agreement.Number, 10) + "-" + b.Hash[:min(8, len(b.Hash))]
}

// Method is how an account accepted.
type Method string

// The methods.
const (
	Click   Method = "click"
	Email   Method = "email"
	Written Method = "written"
	Other   Method = "other"
	Use     Method = "use"
)

// explicit reports whether somebody said yes, other than by going on.
func (m Method) explicit() bool { return m == Click || m == Email || m == Written || m == Other }

// Acceptance is an act of a user.
type Acceptance struct {
	Method    Method // Click; the others are set by the acts that stand for them
	Bundle    string // hash of the bundle the user was shown
	Document  string // code of the one rule that was accepted; "": the whole
	Locale    string
	IP        string
	UserAgent string
	Proof     string // id of what it rests on
}

// Record is a stored acceptance. EffectiveAt is the earliest act of the account
// on this bundle, which may be another record's.
type Record struct {
	ID          string
	Account     account.ID
	Bundle      string
	Method      Method
	Document    string
	User        account.UserID
	Session     string
	Locale      string
	TextSHA256  string
	Proof       string // id of the challenge or paper it rests on; "" for clicks and use
	AcceptedAt  time.Time
	EffectiveAt time.Time
}

// Standing is how an account stands to the bundle in force.
type Standing string

// The standings.
const (
	None      Standing = "none"
	Implied   Standing = "implied"
	Accepted  Standing = "accepted"
	Refused   Standing = "refused"
	Dissolved Standing = "dissolved" // by a case: nothing is accepted any more
)

// Channel is how somebody was shown what binds.
type Channel string

// The channels.
const (
	WholePage Channel = "page"   // the whole text
	Banner    Channel = "banner" // on top of a page, with the way to the text
	Header    Channel = "header" // of an answer to a program
	ByMail    Channel = "mail"   // the page behind the link in a mail
)

// Shown is one display of a bundle to a user.
type Shown struct {
	Channel    Channel
	At         time.Time
	User       account.UserID
	Locale     string
	Emphasised []string // ids of the clauses that were in bold
}

// Proof is the exportable evidence of one acceptance. [Proof.Verify] computes it
// again from the documents.
type Proof struct {
	Record         Record
	Documents      []Version // with Source, in the order of the hash
	Displays       []Shown
	PlaceOfSigning Both
}

// State is where a version stands in its life.
type State string

// The states of a version; of drafts see [DraftState].
const (
	Announced  State = "published" // binds later
	Effective  State = "effective"
	Superseded State = "superseded"
)

// State says where a version stands at a moment.
func (v Version) State(at time.Time) State {
	switch {
	case v.EffectiveAt.After(at):
		return Announced
	case !v.SupersededAt.IsZero() && !v.SupersededAt.After(at):
		return Superseded
	}
	return Effective
}

// Ref names a version in a decision: "refund#2".
func (v Version) Ref() string { return v.Code + "#" + strconv.FormatInt(v.Number, 10) }
