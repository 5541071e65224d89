// Package infringement takes notices that content on the market infringes a right
// or is illegal, acts on them, carries the answer of the other side back, and
// keeps the clock of fifteen days and the public register.
//
//	unconfirmed → received | incomplete | expired      (an address without an account is confirmed first)
//	received → incomplete → received                   (returned with what is missing, and completed)
//	received → accepted → measure_taken                (the measure is taken and the notice forwarded in that transaction)
//	measure_taken → counter_received → counter_forwarded → waiting_15d
//	waiting_15d → lifted                               (nothing was filed in time)
//	counter_forwarded, waiting_15d → kept              (a complaint or suit was filed)
//	kept → lifted | kept                               (by its result)
//	received, incomplete → rejected | withdrawn        (no measure was taken)
//	anything under a measure → lifted                  (withdrawn, or the operator's decision)
//
// Owns: notices, counter-statements, their files and steps, mail to those who have
// no account, the register. Does not own: the content. What takes it out of sight
// is a [Blocker], one a kind of content, handed in by the app; that of products
// is [Products].
//
// Always true:
//   - A notice is accepted only when nothing is missing; what is missing is told.
//   - The measure, the takedown record, the public entry and the copy to the other
//     side exist together or not at all.
//   - The clock starts when the counter-statement has arrived: in the inbox of an
//     account, or with the mail server's receipt. The day of arrival does not count.
//   - Content comes back only when no other notice keeps it away, and as it was.
//   - Every step is public with its time; names and texts of persons are not. What
//     the register says in words each side wrote for it.
package infringement

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// ID names a notice: "ifn_…".
type ID string

// Right is what a notice says is infringed.
type Right string

// The rights. Illegal is content that the law forbids, whoever reports it.
const (
	Copyright   Right = "copyright"
	Trademark   Right = "trademark"
	Patent      Right = "patent"
	TradeSecret Right = "trade_secret"
	Portrait    Right = "portrait"
	Privacy     Right = "privacy"
	OtherRight  Right = "other"
	Illegal     Right = "illegal"
)

// Rights lists them in the order in which a form offers them.
var Rights = []Right{Copyright, Trademark, Patent, TradeSecret, Portrait, Privacy, OtherRight, Illegal}

// HolderKind says whether the name of a right's holder may be published.
type HolderKind string

// The kinds of holders.
const (
	APerson        HolderKind = "person"
	AnOrganisation HolderKind = "organisation"
)

// State is where a notice stands.
type State string

// The states of a notice.
const (
	Unconfirmed      State = "unconfirmed"
	Received         State = "received"
	Incomplete       State = "incomplete"
	Accepted         State = "accepted"
	MeasureTaken     State = "measure_taken"
	CounterReceived  State = "counter_received"
	CounterForwarded State = "counter_forwarded"
	Waiting          State = "waiting_15d"
	Lifted           State = "lifted"
	Kept             State = "kept"
	Rejected         State = "rejected"
	Withdrawn        State = "withdrawn"
	Expired          State = "expired"
)

// Ended reports whether nothing more is expected of anybody but, for Kept, of a
// court or authority.
func (s State) Ended() bool {
	switch s {
	case Lifted, Kept, Rejected, Withdrawn, Expired:
		return true
	}
	return false
}

// Words is what a notice says about people and in their words: sealed.
type Words struct {
	Holder    string // of the right
	Name      string // of who gives notice
	Email     string
	Phone     string
	Address   string
	Right     string // what the right is: number, title, proof of title
	Statement string // why the content infringes it
	Proof     string // preliminary proof in words, links, numbers
}

// MarshalJSON keeps personal data out of every stored answer; what is sealed is
// written by plain.
func (Words) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

type plainWords Words

func (w Words) plain() (string, error) {
	out, err := json.Marshal(plainWords(w))
	return string(out), err
}

func wordsFrom(plain string) (w Words, err error) {
	err = json.Unmarshal([]byte(plain), (*plainWords)(&w))
	return w, err
}

// Both is a public name in both languages.
type Both struct{ ZH, EN string }

// In returns the name in a language.
func (b Both) In(l text.Lang) string {
	if l == text.EN && b.EN != "" || b.ZH == "" {
		return b.EN
	}
	return b.ZH
}

// Notice is one notice.
type Notice struct {
	ID         ID
	Account    account.ID // of who gives it; "": without an account
	AskedBy    string
	Language   string
	Right      Right
	Target     Target
	Location   string // the exact place, as it was given
	HolderKind HolderKind
	Words      Words `json:"-"`
	Summary    string
	Truthful   bool // answers for the truth of the notice
	GoodFaith  bool // believes in good faith that it is right and complete
	Missing    []string
	State      State
	Version    int64
	Rulebook   string
	Was        string // how the content stood before the measure; "" while none stands
	Malicious  bool

	CreatedAt, ReceivedAt, ReviewDue, AcceptedAt, MeasuredAt, ForwardedAt time.Time
	CounterAt, CounterForwardedAt, ArrivedAt, LiftDue, FiledAt, EndedAt   time.Time
	ArrivedHow                                                            string // "inbox", "mail" or "other"
	PausedDays                                                            int
}

// AuditSubject names the notice in records.
func (n Notice) AuditSubject() string { return string(n.ID) }

// Public reports whether the notice stands in the register.
func (n Notice) Public() bool { return published(n) }

// Asserted reports whether a right of somebody is asserted, so that the fifteen
// days to complain or sue make sense.
func (n Notice) Asserted() bool { return n.Right != Illegal }

// Holder is the name of the holder as the register may show it: of an
// organisation only.
func (n Notice) Holder() string {
	if n.HolderKind == AnOrganisation && n.Asserted() {
		return n.Words.Holder
	}
	return ""
}

// Draft is what a notice says when it is handed in.
type Draft struct {
	Right      Right
	Kind       string // of content: "product"
	Object     string // its id; "": found by Location
	Location   string
	HolderKind HolderKind
	Words      Words
	Summary    string
	Truthful   bool
	GoodFaith  bool
	Language   string
	Place      string // network address of who asks, for the limit; only its keyed hash is kept
}

// Key stands for the draft in an idempotency key: its words do not leave in JSON.
func (d Draft) Key() []string {
	w := d.Words
	return []string{string(d.Right), d.Kind, d.Object, d.Location, string(d.HolderKind), d.Summary, d.Language, w.Holder, w.Name, w.Email, w.Phone, w.Address, w.Right, w.Statement, w.Proof}
}

// Counter is the statement of the other side that nothing is infringed.
type Counter struct {
	Account   account.ID
	By        string
	Name      string `json:"-"`
	Contact   string `json:"-"`
	Statement string `json:"-"`
	Proof     string `json:"-"`
	Summary   string
	Truthful  bool
	At        time.Time
}

// Key stands for the statement in an idempotency key.
func (c Counter) Key() []string { return []string{c.Name, c.Contact, c.Statement, c.Proof, c.Summary} }

// Target is the content that a notice is about.
type Target struct {
	Kind  string
	ID    string
	Owner account.ID // who answers for it
	Title Both
	Path  string // of its page; not stored
}

// Blocker takes content of one kind out of sight and brings it back.
type Blocker struct {
	// Find returns the content that a path of the site shows; ErrNotFound.
	Find func(ctx context.Context, r db.Reader, path string) (id string, err error)
	// Look returns a piece of content; ErrNotFound.
	Look func(ctx context.Context, r db.Reader, id string) (Target, error)
	// Block takes it out of sight by a notice and says how it stood before. What is
	// out of sight already stays so.
	Block func(ctx context.Context, tx *db.Tx, by audit.Actor, id, notice string) (was string, err error)
	// Unblock brings it back to how it stood before, unless another notice or
	// measure still keeps it away. It is asked for each notice.
	Unblock func(ctx context.Context, tx *db.Tx, by audit.Actor, id, was, notice string) error
	// Answer is the page on which the owner answers a notice.
	Answer func(id ID) string
}

// Rules are what the app hands in: what can be blocked, by kind of content.
type Rules struct {
	Blockers map[string]Blocker
	// Malicious is told of a notice that was given in bad faith, and why the operator
	// says so. Nil: there is nobody to tell.
	Malicious func(ctx context.Context, tx *db.Tx, by audit.Actor, n Notice, why string) error
}

// Step is one move of a notice.
type Step struct {
	Seq    int64
	From   State
	Event  Event
	To     State
	Side   Side
	Actor  string
	Clause string
	Note   string `json:"-"`
	At     time.Time
}

// File is a file that a side attached.
type File struct {
	ID        string
	Side      Side
	Name      string `json:"-"`
	MediaType string
	Size      int64
	SHA256    string
	Blob      string
	At        time.Time
}

func list(missing string) []string { return strings.Fields(missing) }
