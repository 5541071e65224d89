package infringement

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
)

// said is what an actor adds to a step.
type said struct {
	note   string
	clause string
}

// step is the only change of a notice: it asks the machine, writes the row if it is
// still the one that was read, and notes the step.
func step(ctx context.Context, tx *db.Tx, by audit.Actor, n *Notice, e Event, side Side, s said) error {
	from := n.State
	to, err := next(from, e, side)
	if err != nil {
		return err
	}
	n.State = to
	if to.Ended() && n.EndedAt.IsZero() || to != from && to.Ended() {
		n.EndedAt = tx.Now()
	}
	sealed, err := sealWords(tx, *n)
	if err != nil {
		return err
	}
	rows, err := tx.Exec(ctx, moveNotice, n.Location, sealed, n.Summary, n.Truthful, n.GoodFaith, strings.Join(n.Missing, " "), string(n.State), n.Was, n.Malicious,
		db.Micros(n.ReceivedAt), db.Micros(n.ReviewDue), db.Micros(n.AcceptedAt), db.Micros(n.MeasuredAt), db.Micros(n.ForwardedAt), db.Micros(n.CounterAt),
		db.Micros(n.CounterForwardedAt), db.Micros(n.ArrivedAt), n.ArrivedHow, n.PausedDays, db.Micros(n.LiftDue), db.Micros(n.FiledAt), db.Micros(n.EndedAt),
		string(n.ID), n.Version, string(from))
	if err != nil {
		return err
	}
	if rows == 0 {
		return ErrStale
	}
	n.Version++
	return note(ctx, tx, by, *n, from, e, side, s)
}

func sealWords(tx *db.Tx, n Notice) ([]byte, error) {
	plain, err := n.Words.plain()
	if err != nil {
		return nil, err
	}
	return tx.Keys().Seal(plain, wordsAt(n.ID))
}

// note writes the step down, for the register and for the record.
func note(ctx context.Context, tx *db.Tx, by audit.Actor, n Notice, from State, e Event, side Side, s said) error {
	if s.clause == "" {
		s.clause = clauseOf(e)
	}
	if err := screened(ctx, tx, by, side, n.ID, content.Text{Field: "text", Text: s.note}); err != nil {
		return err
	}
	sealed, err := tx.Keys().Seal(s.note, noteAt(n.ID))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertStep, string(n.ID), n.Version, string(from), string(e), string(n.State), string(side), by.User, s.clause, sealed,
		db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "infringement." + string(e), Subjects: []string{string(n.ID), n.Target.ID, string(n.Target.Owner)}, Clauses: []string{"UA 4.7.2", s.clause},
		Data: map[string]any{
			"from": from, "to": n.State, "side": side, "kind": n.Target.Kind, "right": n.Right, "missing": n.Missing, "was": n.Was,
			"arrived_at": db.Micros(n.ArrivedAt), "lift_due": db.Micros(n.LiftDue), "paused_days": n.PausedDays, "rulebook": n.Rulebook,
		},
	})
}

// screened has what a party wrote pass before the other one, or everybody, reads it.
func screened(ctx context.Context, tx *db.Tx, by audit.Actor, side Side, id ID, texts ...content.Text) error {
	if side != Notifier && side != Other {
		return nil
	}
	return content.Form(ctx, tx, by, content.Piece{Kind: content.Notice, Ref: string(id), Place: screen.Private}, texts...)
}

// clauseOf is the article that a step rests on.
func clauseOf(e Event) string {
	switch e {
	case evCounter, evForward, evArrive, evPause, evFiled, evLapse, evUpheld:
		return "ECL 43"
	}
	return "ECL 42"
}

// tellOther sends the copy, or what became of it, to who answers for the content.
func (u Rules) tellOther(ctx context.Context, tx *db.Tx, n Notice, about string) error {
	to := "/infringement/answer/" + string(n.ID)
	if b, ok := u.Blockers[n.Target.Kind]; ok && b.Answer != nil {
		to = b.Answer(n.ID)
	}
	return message.Send(ctx, tx, message.Notice{Code: "N-56", To: n.Target.Owner, Link: to, Params: params(n, about)})
}

// tellNotifier tells who gave notice what happened: in the inbox of an account, or
// by mail. At is when what is told has arrived; zero while a mail is on its way.
func tellNotifier(ctx context.Context, tx *db.Tx, n Notice, about string) (arrived time.Time, err error) {
	if n.Account != "" {
		return tx.Now(), message.Send(ctx, tx, message.Notice{Code: "N-56", To: n.Account, Link: "/infringement/progress/" + string(n.ID), Params: params(n, about)})
	}
	id := tx.ID("ifm")
	if _, err := tx.Exec(ctx, insertMail, id, string(n.ID), about, db.Micros(tx.Now())); err != nil {
		return time.Time{}, err
	}
	return time.Time{}, job.Enqueue(ctx, tx, job.Spec{Kind: mailJob, Object: id})
}

// params are those of notice N-56.
func params(n Notice, about string) map[string]string {
	out := map[string]string{
		"Notice": string(n.ID), "ItemZH": n.Target.Title.In("zh"), "ItemEN": n.Target.Title.In("en"), "Rights": about,
	}
	if !n.LiftDue.IsZero() && about == aboutCounter {
		out["LiftAt"] = n.LiftDue.Format(time.RFC3339)
	}
	if n.State == Unconfirmed {
		out["Confirm"] = "yes"
	}
	return out
}

// What notice N-56 is about. Each has a text "notice.rights.…".
const (
	aboutConfirm    = "confirm"
	aboutReceived   = "received"
	aboutIncomplete = "incomplete"
	aboutNotice     = "notice"
	aboutAccepted   = "accepted"
	aboutRejected   = "rejected"
	aboutCounter    = "counter"
	aboutLifted     = "lifted"
	aboutKept       = "kept"
)

// of is whether a notice is of an account.
func (n Notice) of(by audit.Actor) bool {
	return n.Account != "" && account.ID(by.Account) == n.Account
}
