package enforcement

import (
	"context"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
)

// AppealAgainst is the subject's word against a decision, within the window.
// Measures stay in force; nothing becomes final before it is decided.
func AppealAgainst(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, plea string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.AppealAgainst(%s)", id)
	if plea, err = words(plea, "text", true); err != nil {
		return Case{}, err
	}
	c, err := against(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	if err := mayAppeal(c, tx.Now()); err != nil {
		return Case{}, err
	}
	return c, appeal(ctx, tx, by, &c, Objection, plea)
}

// AskHuman is the subject's wish that a person decides. Before a decision it bars
// programs; after one that a program made, a person looks at it again.
func AskHuman(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.AskHuman(%s)", id)
	c, err := against(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Case{}, err
	}
	if err := mayAskHuman(c, law); err != nil {
		return Case{}, err
	}
	c.HumanAsked = tx.Now()
	return c, appeal(ctx, tx, by, &c, WantsHuman, "")
}

// mayAppeal refuses an appeal after its time.
//
// Clause: UA 8.2 (a decision can be appealed until its window closes).
func mayAppeal(c Case, now time.Time) error {
	if !c.FinalAt.IsZero() || now.After(c.AppealUntil) {
		return ErrTooLate.With("Until", c.AppealUntil.In(calendar.Shanghai).Format("2006-01-02 15:04"))
	}
	return nil
}

// mayAskHuman refuses to ask for a person where one has decided, or where nothing
// gives that right.
//
// Clause: PIPL 24 (who is decided on by a program alone may have a person decide).
func mayAskHuman(c Case, law agreement.Law) error {
	if !law.ReasonsAppeal || !c.Automated || !c.HumanAsked.IsZero() {
		return ErrState.With("State", c.State)
	}
	return nil
}

// HumanMayBeAsked reports whether the subject of a case may ask for a person now.
func HumanMayBeAsked(c Case, law agreement.Law) bool {
	return mayAskHuman(c, law) == nil && c.may(evHuman, Subject)
}

func appeal(ctx context.Context, tx *db.Tx, by audit.Actor, c *Case, kind AppealKind, plea string) error {
	answer, err := agreement.Setting[struct{ Days int }](ctx, tx, "enforcement_appeal_answer")
	if err != nil {
		return err
	}
	e := evAppeal
	if kind == WantsHuman {
		e = evHuman
	}
	if err := step(ctx, tx, by, c, e, Subject, said{}); err != nil {
		return err
	}
	id := tx.ID("apl")
	s := sealer{tx: tx}
	sealed, none := s.seal(plea, appealAt("text", id)), s.seal("", appealAt("reasons", id))
	if s.err != nil {
		return s.err
	}
	n, err := tx.Exec(ctx, insertAppeal, id, string(c.ID), string(kind), sealed, by.User, db.Micros(tx.Now()), db.Micros(lasts(tx.Now(), int64(answer.Days))), none)
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{Code: "M-02", To: c.Subject, Link: PathOf(*c), Params: map[string]string{"Case": string(c.ID), "Outcome": "received"}})
}

// Verdict is what comes of an appeal. Lift and Days change measures, for Revised.
type Verdict struct {
	Outcome State  // Upheld, Revised or Revoked
	Reasons string `json:"-"`
	Lift    []MeasureID
	Days    map[MeasureID]int // new length, counted from when the measure took effect
}

// DecideAppeal ends an appeal. Who decided before, first or second, may not.
func (u Rules) DecideAppeal(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Verdict) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.DecideAppeal(%s)", id)
	c, err := onDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	if by.Kind != audit.Person {
		return Case{}, ErrNoHuman
	}
	if err := another(by, c.DecidedBy, c.SecondBy); err != nil {
		return Case{}, err
	}
	if in.Reasons, err = words(in.Reasons, "reasons", true); err != nil {
		return Case{}, err
	}
	e := map[State]Event{Upheld: evUphold, Revised: evRevise, Revoked: evRevoke}[in.Outcome]
	if e == "" || (in.Outcome == Revised) != (len(in.Lift)+len(in.Days) > 0) {
		return Case{}, ErrInvalid.In("outcome")
	}
	appeals, err := db.All(ctx, tx, scanAppeal(tx), selectAppeals, string(id))
	if err != nil {
		return Case{}, err
	}
	open := slices.IndexFunc(appeals, func(a Appeal) bool { return a.Outcome == "" })
	if open < 0 || c.State != Appealed {
		return Case{}, ErrState.With("State", c.State)
	}
	a := appeals[open]
	reasons, err := tx.Keys().Seal(in.Reasons, appealAt("reasons", a.ID))
	if err != nil {
		return Case{}, err
	}
	n, err := tx.Exec(ctx, decideAppeal, string(in.Outcome), reasons, by.User, db.Micros(tx.Now()), a.ID)
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return Case{}, err
	}
	if err := u.change(ctx, tx, by, &c, in); err != nil {
		return Case{}, err
	}
	c.FinalAt = tx.Now()
	if err := step(ctx, tx, by, &c, e, Reviewer, said{note: in.Reasons}); err != nil {
		return Case{}, err
	}
	if in.Outcome == Revoked {
		if _, err := tx.Exec(ctx, voidPoints, string(id)); err != nil {
			return Case{}, err
		}
	}
	if err := u.settle(ctx, tx, c); err != nil {
		return Case{}, err
	}
	if err := message.Send(ctx, tx, message.Notice{
		Code: "M-02", To: c.Subject, Link: PathOf(c), Params: map[string]string{"Case": string(c.ID), "Outcome": string(in.Outcome), "Reasons": in.Reasons},
	}); err != nil {
		return Case{}, err
	}
	return c, u.conclude(ctx, tx, &c)
}

// change does to the measures what an appeal decided.
func (u Rules) change(ctx context.Context, tx *db.Tx, by audit.Actor, c *Case, in Verdict) error {
	all, err := measuresOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, id := range in.Lift {
		if !slices.ContainsFunc(all, func(m Measure) bool { return m.ID == id }) {
			return ErrInvalid.In("lift")
		}
	}
	for id, days := range in.Days {
		i := slices.IndexFunc(all, func(m Measure) bool { return m.ID == id })
		if i < 0 || days <= 0 || all[i].State != Effective || all[i].Kind == Rectify || all[i].Kind == Terminate || slices.Contains(in.Lift, id) {
			return ErrInvalid.In("days")
		}
		m := &all[i]
		until := lasts(m.EffectiveAt, int64(days))
		if !m.UntilAt.IsZero() && until.After(m.UntilAt) {
			return ErrInvalid.In("days") // an appeal makes nothing worse
		}
		m.UntilAt = until
		if err := write(ctx, tx, m, Effective, m.AdoptedBy); err != nil {
			return err
		}
		if m.Kind == Restrict {
			if err := restrict(ctx, tx, officer("enforcement.appeal"), *c, m.Clause, m.Functions); err != nil {
				return err
			}
		}
		if err := job.Enqueue(ctx, tx, expiry(*m)); err != nil {
			return err
		}
	}
	for _, m := range all {
		if in.Outcome != Revoked && !slices.Contains(in.Lift, m.ID) {
			continue
		}
		switch {
		case m.State.Running():
			if err := turn(ctx, tx, &m, MeasureRevoked, by.User); err != nil {
				return err
			}
			if err := u.undo(ctx, tx, officer("enforcement.appeal"), c, m); err != nil {
				return err
			}
		case m.State.waits():
			if err := turn(ctx, tx, &m, MeasureDropped, by.User); err != nil {
				return err
			}
			if m.Kind == Terminate {
				if err := u.release(ctx, tx, officer("enforcement.appeal"), m); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// against is a case as its subject saw it. For everybody else, and before it was
// served, it does not exist. The owner of an account speaks for it, whatever was
// taken from it.
func against(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Case, error) {
	c, err := read(ctx, r, id)
	if err != nil {
		return Case{}, err
	}
	switch {
	case by.Account == "" || by.Account != string(c.Subject):
		return Case{}, account.ErrForeign
	case !c.State.Known():
		return Case{}, ErrNotFound
	case !by.Has(account.Owner):
		return Case{}, ErrForbidden
	case c.Version != seen:
		return Case{}, ErrStale
	}
	return c, nil
}

// final ends the time to appeal of a case that nobody appealed against.
func (u Rules) final(ctx context.Context, tx *db.Tx, c Case) error {
	if c.State != InForce && c.State != Served || !c.FinalAt.IsZero() || !tx.Now().After(c.AppealUntil) {
		return nil
	}
	c.FinalAt = tx.Now()
	if err := step(ctx, tx, audit.Job(finalJob), &c, evFinal, Timer, said{}); err != nil {
		return err
	}
	if err := u.settle(ctx, tx, c); err != nil {
		return err
	}
	return u.conclude(ctx, tx, &c)
}
