package page

import (
	"context"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/text"
)

// Dispute is what two parties, and the operator, have on record about a complaint
// or a claim, and the forms to add to it.
type Dispute struct {
	Events   []Event
	Contacts []Event
	Files    []Proof
	Path     string // "/complaints/cmp_…"; forms go below it
	Key      string
	Version  string
	Speaks   bool // the reader may note a contact
	Attaches bool // the reader may add evidence
	Today    string
	Errors   map[string]string
	Typed    func(name string) string // what was typed; nil: nothing
}

func (d Dispute) typed(name string) string {
	if d.Typed == nil {
		return ""
	}
	return d.Typed(name)
}

// DisputeTone is how the state of a complaint, claim or report looks.
func DisputeTone(state string) Tone {
	switch state {
	case "answered", "decided", "settled", "accepted":
		return Success
	case "closed", "replaced", "unconfirmed":
		return Neutral
	case "escalated", "court", "mediated", "submitted":
		return Warning
	}
	return Info
}

// DisputeEvent is one step of a complaint or claim on its timeline.
func DisputeEvent(ctx context.Context, event, side, state string, at, due time.Time, clause, said string) Event {
	notes := []string{text.Clause(text.From(ctx), clause), said}
	if !due.IsZero() {
		notes = append(notes, text.T(ctx, "complaint.due.note", "At", text.Time(ctx, due)))
	}
	notes = slices.DeleteFunc(notes, func(s string) bool { return s == "" })
	return Event{What: text.T(ctx, "complaint.event."+event), Who: text.T(ctx, "complaint.side."+side), At: at, Note: strings.Join(notes, " · "), Tone: DisputeTone(state)}
}

// channels are the ways to speak that the form offers.
func channels(ctx context.Context) []Option {
	var out []Option
	for _, c := range []string{"phone", "email", "meeting", "message", "letter"} {
		out = append(out, Option{Value: c, Label: text.T(ctx, "complaint.channel."+c)})
	}
	return out
}

// OfferRow is one offer of a claim.
type OfferRow struct {
	Side, State string
	At          time.Time
	Terms       []Term
}

// OfferFields are what the form of an offer needs.
type OfferFields struct {
	Path, Key, Version, Currency string
	Errors                       map[string]string
	Typed                        func(name string) string
}

func (f OfferFields) typed(name string) string {
	if f.Typed == nil {
		return ""
	}
	return f.Typed(name)
}

// Forum is where disputes go that the parties do not settle.
type Forum struct {
	Place  string // of the competent court
	Others bool   // other ways are shown beside it, as law wants
}
