package page

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/text"
)

// NoticeTone is how the state of a notice of infringement looks.
func NoticeTone(state string) Tone {
	switch state {
	case "lifted":
		return Success
	case "rejected", "kept":
		return Danger
	case "incomplete", "unconfirmed", "waiting_15d":
		return Warning
	case "withdrawn", "expired":
		return Neutral
	}
	return Info
}

// NoticeEvent is one step of a notice on its timeline. The note is for those who
// decide; the register leaves it out.
func NoticeEvent(ctx context.Context, event, side, state, clause, note string, at time.Time) Event {
	notes := []string{}
	for _, s := range []string{text.Clause(text.From(ctx), clause), note} {
		if s != "" {
			notes = append(notes, s)
		}
	}
	return Event{
		What: text.T(ctx, "infringement.event."+event), Who: text.T(ctx, "infringement.side."+side), At: at, Tone: NoticeTone(state), Note: strings.Join(notes, " · "),
	}
}

// NoticeCopy is what one side of a notice wrote, for the other.
type NoticeCopy struct {
	Title string
	Terms []Term
	Texts []NoticeText
	Files []Proof
}

// NoticeText is a longer text under its label.
type NoticeText struct{ Label, Text string }

// Answer is the form of a counter-statement.
type Answer struct {
	Path    string // of the notice, for who answers for the content
	Key     string
	Version string
	Right   bool              // a right is asserted, so that fifteen days follow
	Open    bool              // a statement may be made
	Attach  bool              // files may be added
	Typed   map[string]string // after a refusal
	Errors  map[string]string
}

func (a Answer) field(ctx context.Context, name, label, hint string, longest int) Field {
	f := Field{Name: name, Label: text.T(ctx, label), Required: true, Value: a.Typed[name], Error: a.Errors[name], MaxLength: longest}
	if hint != "" {
		f.Hint = text.T(ctx, hint)
	}
	return f
}

// NoticeWords are what a notice says.
type NoticeWords struct {
	Right, Location, Holder, RightName, Name, Phone, Address, Email, Statement, Proof string
	At                                                                                time.Time
}

// NoticeCopyOf is the copy of a notice for who answers for the content.
func NoticeCopyOf(ctx context.Context, w NoticeWords, files []Proof) NoticeCopy {
	out := NoticeCopy{Title: text.T(ctx, "infringement.copy"), Files: files}
	add := func(label, value string) {
		if value != "" {
			out.Terms = append(out.Terms, Term{Label: text.T(ctx, label), Text: value})
		}
	}
	add("infringement.kind", text.T(ctx, "infringement.right."+w.Right))
	if w.Location != "" {
		out.Terms = append(out.Terms, Term{Label: text.T(ctx, "infringement.field.location"), Value: ID(w.Location)})
	}
	add("infringement.field.holder", w.Holder)
	add("infringement.field.right_name", w.RightName)
	add("infringement.desk.notifier", w.Name)
	add("base.email", w.Email)
	add("infringement.phone", w.Phone)
	add("infringement.address", w.Address)
	if !w.At.IsZero() {
		out.Terms = append(out.Terms, Term{Label: text.T(ctx, "base.time"), Value: Time(w.At)})
	}
	out.Texts = []NoticeText{{text.T(ctx, "infringement.field.statement"), w.Statement}, {text.T(ctx, "infringement.field.proof"), w.Proof}}
	return out
}

// LinkTone is how the state of a link to a ban looks.
func LinkTone(state string) Tone {
	switch state {
	case "cleared":
		return Success
	case "confirmed":
		return Danger
	case "suspended":
		return Warning
	}
	return Info
}
