package enforcement

import (
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

const (
	serveJob   = "enforcement.serve"   // a decision has to be served
	effectJob  = "enforcement.effect"  // a measure that was served takes effect later
	overdueJob = "enforcement.overdue" // the time of an order is over
	expireJob  = "enforcement.expire"  // the time of a measure is over
	finalJob   = "enforcement.final"   // the time to appeal is over
)

// Work holds what the jobs of this package need.
type Work struct{ Rules Rules }

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		serveJob:   {Run: onCase(w.Rules.serve)},
		finalJob:   {Run: onCase(w.Rules.final)},
		effectJob:  {Run: onMeasure(w.Rules.effect)},
		overdueJob: {Run: onMeasure(w.Rules.overdue)},
		expireJob:  {Run: onMeasure(w.Rules.expire)},
		nightlyJob: {Run: w.Rules.night},
	}
}

// onCase runs a job's effect on a case and its end in one transaction.
func onCase(do func(ctx context.Context, tx *db.Tx, c Case) error) func(context.Context, *db.DB, job.Job) error {
	return func(ctx context.Context, d *db.DB, j job.Job) error {
		return d.Write(ctx, func(tx *db.Tx) error {
			c, err := read(ctx, tx, ID(j.Object))
			if err != nil {
				return err
			}
			// First, so that a wish for the same job again is a new one.
			if err := job.Done(ctx, tx, j); err != nil {
				return err
			}
			return do(ctx, tx, c)
		})
	}
}

func onMeasure(do func(ctx context.Context, tx *db.Tx, c Case, m Measure) error) func(context.Context, *db.DB, job.Job) error {
	return func(ctx context.Context, d *db.DB, j job.Job) error {
		return d.Write(ctx, func(tx *db.Tx) error {
			m, err := readMeasure(ctx, tx, MeasureID(j.Object))
			if err != nil {
				return err
			}
			c, err := read(ctx, tx, m.Case)
			if err != nil {
				return err
			}
			if err := job.Done(ctx, tx, j); err != nil {
				return err
			}
			return do(ctx, tx, c, m)
		})
	}
}

// effect brings a measure into force that was served before, unless an appeal has
// dropped it.
func (u Rules) effect(ctx context.Context, tx *db.Tx, c Case, m Measure) error {
	if m.State != MeasureDecided {
		return nil
	}
	return u.inForce(ctx, tx, &c, m)
}

// overdue notes that an order was not followed and proposes what the agreement
// lets the operator do next. It does none of it.
func (u Rules) overdue(ctx context.Context, tx *db.Tx, c Case, m Measure) error {
	if !overdue(m, tx.Now()) {
		return nil // answered, or extended
	}
	if err := turn(ctx, tx, &m, Overdue, ""); err != nil {
		return err
	}
	if err := step(ctx, tx, audit.Job(overdueJob), &c, evOverdue, Timer, said{measure: m.ID}); err != nil {
		return err
	}
	if err := tellMeasure(ctx, tx, c, m, "overdue", ""); err != nil {
		return err
	}
	return u.suggestBlock(ctx, tx, &c, m)
}

// expiry is the timer of a measure.
func expiry(m Measure) job.Spec {
	return job.Spec{Kind: expireJob, Object: string(m.ID), Name: fmt.Sprint(db.Micros(m.UntilAt)), At: m.UntilAt.Add(time.Microsecond), Unique: true}
}

// expire ends a measure whose time is over.
func (u Rules) expire(ctx context.Context, tx *db.Tx, c Case, m Measure) error {
	if m.State != Effective || m.UntilAt.IsZero() || !tx.Now().After(m.UntilAt) {
		return nil
	}
	if err := turn(ctx, tx, &m, MeasureExpired, expireJob); err != nil {
		return err
	}
	if err := u.undo(ctx, tx, officer(expireJob), &c, m); err != nil {
		return err
	}
	if err := step(ctx, tx, audit.Job(expireJob), &c, evExpire, Timer, said{measure: m.ID}); err != nil {
		return err
	}
	if err := tellMeasure(ctx, tx, c, m, "expired", ""); err != nil {
		return err
	}
	return u.conclude(ctx, tx, &c)
}

// night compares every account with the bans in force, and comes back as long as
// there are any.
func (u Rules) night(ctx context.Context, d *db.DB, j job.Job) error {
	var bans int64
	for after := account.ID(""); ; {
		var some []account.Account
		if err := d.Write(ctx, func(tx *db.Tx) (err error) {
			if bans, err = db.Value[int64](ctx, tx, countBans, db.Micros(tx.Now())); err != nil || bans == 0 {
				return err
			}
			if some, err = account.List(ctx, tx, after, nightPage); err != nil {
				return err
			}
			for _, a := range some {
				marks, err := marksOf(ctx, tx, a.ID)
				if err != nil {
					return err
				}
				if err := u.Screen(ctx, tx, a.ID, account.AtNight, marks); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if len(some) == 0 {
			break
		}
		after = some[len(some)-1].ID
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := job.Done(ctx, tx, j); err != nil || bans == 0 {
			return err
		}
		return job.Enqueue(ctx, tx, job.Spec{Kind: nightlyJob, Object: "market", At: tonight(tx.Now()), Unique: true})
	})
}
