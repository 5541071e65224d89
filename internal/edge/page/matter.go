package page

import (
	"context"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
)

// Matter is what two parties keep about a thing they settle between themselves.
type Matter struct {
	Said    []Event
	Proofs  []Proof
	Open    bool // the reader may add to it
	Path    string
	Key     string
	Version string
	Words   Field // the text area of a further statement
}

// Proof is a file that one side attached.
type Proof struct{ Name, Href, Side, SHA256 string }

// RefundTone is how the state of a refund looks.
func RefundTone(state string) Tone {
	switch state {
	case "refunded", "agreed", "approved", "closed_agreed":
		return Success
	case "rejected", "failed", "refused", "closed_disagreed":
		return Danger
	case "withdrawn", "lapsed":
		return Neutral
	case "countered", "on_hold", "waiting_red_letter", "timed_out":
		return Warning
	}
	return Info
}

// RefundEvent is one step of a refund on its timeline, with the clause it rests on
// and what its actor said.
func RefundEvent(ctx context.Context, event, side, state string, at time.Time, x money.Amount, clause, said string) Event {
	notes := slices.DeleteFunc([]string{MoneyText(ctx, x), text.Clause(text.From(ctx), clause), said}, func(s string) bool { return s == "" })
	return Event{
		What: text.T(ctx, "refund.event."+event), Who: text.T(ctx, "refund.side."+side), At: at, Note: strings.Join(notes, " · "), Tone: RefundTone(state),
	}
}

// StatementEvent is what one side of a matter says, with its outcome if it has
// one.
func StatementEvent(ctx context.Context, side, outcome string, at time.Time, x money.Amount, words string) Event {
	e := Event{What: text.T(ctx, "refund.side."+side), At: at, Note: words, Tone: Neutral}
	if outcome != "" {
		e.Who, e.Tone = text.T(ctx, "refund.offline.outcome."+outcome)+" · "+MoneyText(ctx, x), Info
	}
	return e
}
