// Package evidence makes the pack of an order: everything the market keeps about
// it, as files with their hashes, under a record of the transparency log, so that
// a court's expert needs neither the market nor its programs to check it.
//
//	building → ready → expired
//	building → failed
//
// A pack is put together from parts. Those of the packages before this one are
// here ([Parts]); package app adds those of later ones.
//
// Owns: packs, who may have one made, which records' texts an addressee may read.
// Does not own: the format (base/proof) and the truth of a part (the package it
// comes from).
//
// Always true:
//   - A pack has an addressee, and holds of other people's data only what the
//     market shows that addressee anyway; where a record names somebody else,
//     its hash stands instead of its text.
//   - Making a pack and taking it are acts with a reason, in the log.
//   - The record that seals a pack is made from its manifest and lies in the log
//     before the pack can be taken.
//   - What is stored is sealed, and removed after [KeptFor].
package evidence

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// ID is "pck_…".
type ID string

// Addressee is for whose eyes a pack is.
type Addressee string

// The addressees. Operator is also for courts and authorities: it holds
// everything.
const (
	Buyer    Addressee = "buyer"
	Seller   Addressee = "vendor"
	Operator Addressee = "operator"
)

// Addressees lists them.
var Addressees = []Addressee{Buyer, Seller, Operator}

// Reason is why a pack is made, as a code.
type Reason string

// The reasons.
const (
	OwnRecords  Reason = "own_records"
	Negotiation Reason = "negotiation"
	Mediation   Reason = "mediation"
	Court       Reason = "court"
	Authority   Reason = "authority"
	Review      Reason = "review"
)

// Reasons lists them in the order in which a form offers them. The last two are
// the operator's.
var Reasons = []Reason{OwnRecords, Negotiation, Mediation, Court, Authority, Review}

// ReasonsOfParties are those that a buyer or vendor can have.
var ReasonsOfParties = Reasons[:4]

// State is where a pack stands.
type State string

// The states.
const (
	Building State = "building"
	Ready    State = "ready"
	Failed   State = "failed"
	Expired  State = "expired"
)

// KeptFor is how long a pack can be taken. It can be made again at any time.
const KeptFor = 30 * 24 * time.Hour

// Pack is one pack, asked for or made.
type Pack struct {
	ID        ID
	Order     order.ID
	For       Addressee
	Account   account.ID // whose people may take it; empty: the operator's staff only
	AskedKind audit.Kind
	AskedBy   string
	Reason    Reason
	State     State
	Step      string // name of the part that is being collected, "seal" or ""
	Done      int64  // of Total steps
	Total     int64
	Manifest  string // SHA-256
	Record    string // that seals it
	Blob      string
	SHA256    string // of the file
	Size      int64
	AskedAt   time.Time
	EndedAt   time.Time
}

// AuditSubject names the pack in records.
func (p Pack) AuditSubject() string { return string(p.ID) }

// Until is when a ready pack is removed.
func (p Pack) Until() time.Time { return p.EndedAt.Add(KeptFor) }

// Name is the name of the file.
func (p Pack) Name() string { return "evidence-" + string(p.Order) + ".zip" }

// Case is the order that a pack is about, and for whom.
type Case struct {
	Order  order.Order
	Vendor vendor.Vendor
	For    Addressee
	By     audit.Actor // reads in the addressee's place: what it may not see does not exist
	// Open returns a stored file.
	Open func(ctx context.Context, blob string) ([]byte, error)
}

// Part is one contributor to packs.
type Part struct {
	Name    string // of its file, and of its heading in the text area "evidence.part."
	Collect func(ctx context.Context, r db.Reader, c Case) (Content, error)
}

// Content is what a part has of one order. The zero value: nothing of the kind
// exists, which the pack says.
type Content struct {
	Data     any          // becomes NAME.json
	Files    []proof.File // become NAME/…
	Facts    []Fact       // for the summary
	Subjects []string     // ids of things whose records belong to the pack
}

// Fact is a line of the summary.
type Fact struct {
	Label string // key in the text area "evidence.fact."
	Value func(l text.Lang) string
}

// Says is a fact with one value in both languages.
func Says(label, value string) Fact { return Fact{label, func(text.Lang) string { return value }} }

// At is a fact that is a moment.
func At(label string, t time.Time) Fact { return Says(label, moment(t)) }

// moment is exact and the same in every language.
func moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
