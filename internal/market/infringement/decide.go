package infringement

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Accept takes the measure: the content goes out of sight, who answers for it gets
// the copy, and the notice stands in the register, all at once. It refuses while
// anything is missing.
func (u Rules) Accept(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, why string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Accept(%s)", id)
	n, why, err := onDesk(ctx, tx, by, id, seen, why)
	if err != nil {
		return Notice{}, err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Notice{}, err
	}
	if err := complete(n, law); err != nil {
		return Notice{}, err
	}
	n.AcceptedAt = tx.Now()
	if err := step(ctx, tx, by, &n, evAccept, Staff, said{note: why}); err != nil {
		return Notice{}, err
	}
	if n.Was, err = u.block(ctx, tx, by, n); err != nil {
		return Notice{}, err
	}
	n.MeasuredAt, n.ForwardedAt = tx.Now(), tx.Now()
	if err := step(ctx, tx, by, &n, evMeasure, System, said{}); err != nil {
		return Notice{}, err
	}
	if err := u.tellOther(ctx, tx, n, aboutNotice); err != nil {
		return Notice{}, err
	}
	_, err = tellNotifier(ctx, tx, n, aboutAccepted)
	return n, err
}

// block takes the content out of sight. What another notice keeps away already
// goes back, with the last of them, to how it stood before the first.
func (u Rules) block(ctx context.Context, tx *db.Tx, by audit.Actor, n Notice) (string, error) {
	others, err := db.All(ctx, tx, db.Column[string], selectWas, n.Target.Kind, n.Target.ID, string(n.ID))
	if err != nil {
		return "", err
	}
	b, ok := u.Blockers[n.Target.Kind]
	if !ok {
		return "", ErrInvalid.In("target")
	}
	was, err := b.Block(ctx, tx, by, n.Target.ID, string(n.ID))
	switch {
	case len(others) > 0:
		was = others[0]
	case was == "":
		was = "shown"
	}
	return was, err
}

// end lifts what rests on a notice and closes it, and tells both sides.
func (u Rules) end(ctx context.Context, tx *db.Tx, by audit.Actor, n *Notice, e Event, side Side, s said) error {
	was := n.Was
	n.Was = ""
	if err := step(ctx, tx, by, n, e, side, s); err != nil {
		return err
	}
	if was == "" {
		return nil // no measure was taken
	}
	if b, ok := u.Blockers[n.Target.Kind]; ok {
		if err := b.Unblock(ctx, tx, by, n.Target.ID, was, string(n.ID)); err != nil {
			return err
		}
	}
	if _, err := tellNotifier(ctx, tx, *n, aboutLifted); err != nil {
		return err
	}
	return u.tellOther(ctx, tx, *n, aboutLifted)
}

// MayShow refuses to show content that a measure keeps out of sight. Who brings
// content back by another way asks here first.
func MayShow(ctx context.Context, r db.Reader, kind, id string) error {
	measures, err := db.Value[int64](ctx, r, countMeasures, kind, id, "")
	if err != nil {
		return err
	}
	return mayShow(measures)
}

// Return sends a notice back with what is missing, beyond what the software can
// see: the fields, and why.
func (u Rules) Return(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, lacks []string, why string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Return(%s)", id)
	n, why, err := onDesk(ctx, tx, by, id, seen, why)
	if err != nil {
		return Notice{}, err
	}
	if len(lacks) == 0 {
		return Notice{}, ErrRequired.In("missing")
	}
	for _, field := range lacks {
		if !known(field) {
			return Notice{}, ErrInvalid.In("missing")
		}
	}
	n.Missing = lacks
	if err := step(ctx, tx, by, &n, evReturn, Staff, said{note: why}); err != nil {
		return Notice{}, err
	}
	_, err = tellNotifier(ctx, tx, n, aboutIncomplete)
	return n, err
}

// Fields are what may be missing from a notice, in the order of the form.
var Fields = []string{"location", "holder", "right_name", "name", "contact", "statement", "proof", "summary", "truthful", "good_faith"}

func known(field string) bool {
	return strings.Contains(" "+strings.Join(Fields, " ")+" ", " "+field+" ")
}

// Reject ends a notice on which no measure is taken, with the reason.
func (u Rules) Reject(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, why string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Reject(%s)", id)
	n, why, err := onDesk(ctx, tx, by, id, seen, why)
	if err != nil {
		return Notice{}, err
	}
	if err := step(ctx, tx, by, &n, evReject, Staff, said{note: why}); err != nil {
		return Notice{}, err
	}
	_, err = tellNotifier(ctx, tx, n, aboutRejected)
	return n, err
}

// Served records that a counter-statement which no mail could carry has arrived by
// another way, such as a registered letter.
func (u Rules) Served(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, day calendar.Date, why string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Served(%s)", id)
	n, why, err := onDesk(ctx, tx, by, id, seen, why)
	if err != nil {
		return Notice{}, err
	}
	if day.IsZero() || day.After(calendar.On(tx.Now())) || day.Before(calendar.On(n.CounterForwardedAt)) {
		return Notice{}, ErrInvalid.In("day")
	}
	return n, arrive(ctx, tx, by, &n, Staff, day.Start(), "other", why)
}

// Pause moves the day of lifting by working days that formalities took.
func (u Rules) Pause(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, days int, why string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Pause(%s)", id)
	n, why, err := onDesk(ctx, tx, by, id, seen, why)
	if err != nil {
		return Notice{}, err
	}
	if !n.Pausable() || lapses(n, tx.Now()) {
		return Notice{}, ErrState.With("State", string(n.State))
	}
	rule, err := agreement.Setting[pauseRule](ctx, tx, "infringement_formalities")
	if err != nil {
		return Notice{}, err
	}
	due, err := paused(n.LiftDue, n.PausedDays, days, rule, calendar.Official())
	if err != nil {
		return Notice{}, err
	}
	n.LiftDue, n.PausedDays = due, n.PausedDays+days
	if err := step(ctx, tx, by, &n, evPause, Staff, said{note: why}); err != nil {
		return Notice{}, err
	}
	if err := job.Cancel(ctx, tx, lapseJob, string(n.ID), "one"); err != nil {
		return Notice{}, err
	}
	return n, job.Enqueue(ctx, tx, job.Spec{Kind: lapseJob, Object: string(n.ID), At: due, Unique: true})
}

// Record keeps the measure because word of a complaint or suit came by another way
// than the page.
func (u Rules) Record(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, where string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Record(%s)", id)
	n, where, err := onDesk(ctx, tx, by, id, seen, where)
	if err != nil {
		return Notice{}, err
	}
	return n, u.filed(ctx, tx, by, &n, Staff, where)
}

// Lift ends the measure by a decision: on the result of a complaint or suit, on
// a counter-statement where no right was asserted, or because it was wrong.
func (u Rules) Lift(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, why string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Lift(%s)", id)
	n, why, err := onDesk(ctx, tx, by, id, seen, why)
	if err != nil {
		return Notice{}, err
	}
	return n, u.end(ctx, tx, by, &n, evLift, Staff, said{note: why})
}

// Keep leaves the measure in force: by the operator's own decision on content that
// the law forbids, or by the result of a complaint or suit.
func (u Rules) Keep(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, why string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Keep(%s)", id)
	n, why, err := onDesk(ctx, tx, by, id, seen, why)
	if err != nil {
		return Notice{}, err
	}
	e := evUpheld
	if n.State != Kept {
		if !n.Keepable() {
			return Notice{}, ErrState.With("State", string(n.State))
		}
		e = evKeep
	}
	if err := step(ctx, tx, by, &n, e, Staff, said{note: why}); err != nil {
		return Notice{}, err
	}
	if _, err := tellNotifier(ctx, tx, n, aboutKept); err != nil {
		return Notice{}, err
	}
	return n, u.tellOther(ctx, tx, n, aboutKept)
}

// Flag says that a notice was given in bad faith, or takes that back. The register
// shows it, with what it costs.
func (u Rules) Flag(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, malicious bool, why string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Flag(%s)", id)
	n, why, err := onDesk(ctx, tx, by, id, seen, why)
	if err != nil {
		return Notice{}, err
	}
	if err := flaggable(n); err != nil {
		return Notice{}, err
	}
	if n.Malicious == malicious {
		return Notice{}, ErrStale
	}
	e := evFlag
	if !malicious {
		e = evClear
	}
	n.Malicious = malicious
	if err := step(ctx, tx, by, &n, e, Staff, said{note: why}); err != nil || !malicious || u.Malicious == nil {
		return n, err
	}
	return n, u.Malicious(ctx, tx, by, n, why)
}

// onDesk is a notice as somebody who decides saw it. Nobody decides on a notice of
// their own account or about its content.
func onDesk(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64, why string) (Notice, string, error) {
	if !decides(by) {
		return Notice{}, "", ErrForbidden
	}
	why, err := words(why, "why")
	if err != nil {
		return Notice{}, "", err
	}
	n, err := read(ctx, r, id)
	if err != nil {
		return Notice{}, "", err
	}
	switch {
	case n.Version != seen:
		return Notice{}, "", ErrStale
	case by.Account != "" && (n.of(by) || by.Account == string(n.Target.Owner)):
		return Notice{}, "", ErrOwn
	}
	return n, why, nil
}

// late is how long a notice may wait for mail before the desk is told.
const late = 24 * time.Hour
