// Package content is what becomes of what people write and upload before others
// see it.
//
//	text: taken | held → released | blocked; refused
//	published text: blocked → released
//	file: scanned clean | infected, in quarantine
//	report: open → dismissed | upheld
//
// Every field that a person fills and others read goes through [Screen], in the
// transaction that stores it. What the lexicon holds waits for a person of the
// operator where its owner can wait with it, and is refused elsewhere. Every file
// goes through [Work.Check] before it is noted and again before it leaves.
//
// Owns: the lexicon, originals that are kept from their readers, warnings that
// were shown, reports of content, what the scanner said, the quarantine.
// Does not own: what a finding is (base/screen), the published texts (the
// packages that publish them tell an [Owner] how to take one away and to put it
// back), cases and measures (package enforcement), how malware is found (an
// adapter).
//
// Always true:
//   - An original is sealed and never changes; it is opened by an officer with a
//     reason, and each look is recorded. What is put back has the hash of what was
//     taken away.
//   - A refusal leaves its evidence although nothing else of its act remains.
//   - A picture is an original like a text: it waits, sealed, until a screener or a
//     person has passed it, and no state but that of its original lets it out.
//   - What was removed as illegal is owed to the authority until the report is on
//     record with what was sent; no original goes before that.
//   - Of a text that was stopped for a secret only the kinds found and a keyed
//     hash are kept.
//   - No file is noted without a clean report, and none that was found infected
//     leaves the store, however often it was noted before.
package content

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// ID names an original: "cnt_…".
type ID string

// Kind is what sort of thing a text belongs to.
type Kind string

// The kinds. Those before Listing can be taken away and put back.
const (
	Message     Kind = "message"
	Review      Kind = "review"
	Reply       Kind = "review_reply"
	Listing     Kind = "listing"
	Profile     Kind = "vendor_profile"
	Refund      Kind = "refund"
	Delivery    Kind = "delivery"
	InvoiceNote Kind = "invoice"
	FileName    Kind = "file_name"
	Subject     Kind = "conversation_subject"
	Person      Kind = "person"    // the names of an account and of its users
	Complaint   Kind = "complaint" // of a complaint or a claim, by either side
	Notice      Kind = "infringement_notice"
	Request     Kind = "data_request"
	Comment     Kind = "rule_comment"
	Delisting   Kind = "delisting" // why a vendor takes a product away
	Picture     Kind = "picture"
)

// Piece is one text that a person wrote for others to read.
type Piece struct {
	Kind      Kind
	Ref       string // id of the thing; "" before it has one
	Field     string // of the form
	Place     screen.Place
	Text      string
	Confirmed bool // the writer was shown the warning and wants to send it so
	Holdable  bool // the owner can wait with it
}

// Hit is one thing that was found. Term is set for terms of the lexicon only.
type Hit struct {
	Kind screen.Kind `json:"kind"`
	Term string      `json:"term,omitempty"`
}

// Ruling is what becomes of a text that is not refused.
type Ruling struct {
	SHA256    string
	Hits      []Hit
	Sensitive bool // holds a secret or an account number: the writer is warned
	Outside   bool // speaks of payment outside the market: both sides are warned
	Held      ID   // where the original waits; "": nothing stands against it
}

// State is where an original stands.
type State string

// The states of an original.
const (
	Refused  State = "refused" // evidence of a text that was not taken
	Held     State = "held"
	Blocked  State = "blocked"
	Released State = "released"
)

// Item is an original that was kept from its readers.
type Item struct {
	ID        ID
	Kind      Kind
	Ref       string
	Field     string
	Account   account.ID
	User      account.UserID
	State     State
	SHA256    string
	Hits      []Hit
	Clause    string
	Case      string
	Reason    string
	DecidedBy string
	Version   int64
	CreatedAt time.Time
	DecidedAt time.Time
	GoneAt    time.Time // when the original was destroyed; its hash stays

	sealed []byte
}

// AuditSubject names the original in records.
func (i Item) AuditSubject() string { return string(i.ID) }

// Decidable reports whether an officer is asked.
func (i Item) Decidable() bool { return i.State == Held }

// Restorable reports whether the text can be put back.
func (i Item) Restorable() bool { return i.State == Blocked && i.GoneAt.IsZero() }

// Why is the ground of a block: a clause, the reason in words, and the case.
type Why struct {
	Clause string
	Reason string
	Case   string // "" where there is none
}

// Original is what a thing says now.
type Original struct {
	Text    string
	Account account.ID // of its author
	User    account.UserID
	Link    string // page of the thing, for its author
}

// Owner is how a package gives up one of its published texts and takes it back.
// Take and Restore change the state of the thing in the caller's transaction and
// refuse with a conflict when it is not in the state that they start from.
type Owner struct {
	Read func(ctx context.Context, r db.Reader, ref string) (Original, error)
	// Take leaves a tombstone that says why, for a text that is published or held.
	Take func(ctx context.Context, tx *db.Tx, ref string, why Why) error
	// Restore publishes a text that is held or was taken.
	Restore func(ctx context.Context, tx *db.Tx, ref, text string) error
}

// OpenCase opens a case of enforcement about something that people wrote, and
// returns its id.
type OpenCase func(ctx context.Context, tx *db.Tx, by audit.Actor, about Accused) (string, error)

// Accused is what a case is opened about.
type Accused struct {
	Kind    Kind
	Ref     string
	Account account.ID
	Clause  string
	SHA256  string // of the text
	Hits    []Hit
	Note    string
	Source  string // id of the original or of the report
}

// Rules are what other packages answer. A nil OpenCase: no cases can be opened.
type Rules struct {
	Owners   map[Kind]Owner
	OpenCase OpenCase
}
