package page

import (
	"time"

	"github.com/a-h/templ"
)

// Column is a column of a table. Num aligns right: money and counts.
type Column struct {
	Label string
	Num   bool
}

// Table is rows under labelled columns. Below 768 px every row becomes a card
// whose first cell is its title, so the first column names the thing.
type Table struct {
	Caption string // what the table shows; required
	Hidden  bool   // caption is read aloud but not shown, when a heading says the same
	Columns []Column
	Rows    [][]templ.Component
	Foot    []templ.Component // totals; may be nil
	Empty   Empty             // shown when there are no rows
}

// Term is one line of a description list. A nil Value shows Text.
type Term struct {
	Label string
	Text  string
	Value templ.Component
}

// Event is one step of a thing's story. Ahead marks what is still to come: At is
// then when it is due, or zero.
type Event struct {
	What  string
	Who   string
	At    time.Time
	Note  string
	Tone  Tone
	Ahead bool
}

// AuditEntry is one record of the audit trail.
type AuditEntry struct {
	At     time.Time
	Who    string
	What   string
	Clause string
	ID     string
	Proof  string // address of the inclusion proof; "" while the record is not in the log yet
}

// QueueItem is one thing to do on a desk, with its clock.
type QueueItem struct {
	Href  string
	Title string
	Who   string // other party
	ID    string
	Note  string
	Chip  templ.Component // state; may be nil
	Due   time.Time       // zero for no clock
}

// Empty says what a place is for when nothing is there, and the one thing to do.
type Empty struct {
	Title  string
	Text   string
	Action Action
}

// Pages leads to the rows before and after; "" where there are none.
type Pages struct {
	Previous string
	Next     string
	Note     string // "1–20 of about 240"
}

// Tab is one of several views on the same thing.
type Tab struct {
	Label   string
	Href    string
	Count   int
	Current bool
}

// Facet is one way to narrow a list.
type Facet struct {
	Title   string
	Options []FacetOption
}

// FacetOption is one choice; choosing it again (Href while Current) removes it.
type FacetOption struct {
	Label   string
	Href    string
	Count   int
	Current bool
}

// Post is one message of a conversation between the parties.
type Post struct {
	Who  string
	Role string // "vendor", "customer", "operator" in the reader's language
	At   time.Time
	Text string
	Mine bool
}

// urgency is the tone of a deadline: danger when it has passed or less than a
// quarter day is left, warning within two days, neutral before.
func urgency(now, due time.Time) Tone {
	switch left := due.Sub(now); {
	case left <= 6*time.Hour:
		return Danger
	case left <= 48*time.Hour:
		return Warning
	default:
		return Neutral
	}
}
