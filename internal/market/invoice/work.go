package invoice

import (
	"context"
	"strconv"

	"yunshi/internal/base/db"
	"yunshi/internal/market/job"
)

const (
	overdueJob   = "invoice.overdue"   // a request's time to issue is over
	lapseJob     = "invoice.red_lapse" // a form's time to be confirmed is over
	confirmedJob = "invoice.red_ready" // the invoices of an order that waits for a refund have changed
	numberJob    = "invoice.number"    // invoices of the operator wait for their numbers
)

// Work holds what the jobs of this package need.
type Work struct {
	// RedConfirmed is told that a refund of the order, which [RedLetterFor] made
	// wait, should ask again. It may be nil while nothing waits.
	RedConfirmed func(ctx context.Context, tx *db.Tx, order string) error
}

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		overdueJob:   {Run: doing(func(ctx context.Context, tx *db.Tx, j job.Job) error { return late(ctx, tx, ID(j.Object)) })},
		lapseJob:     {Run: doing(func(ctx context.Context, tx *db.Tx, j job.Job) error { return lapse(ctx, tx, RedID(j.Object)) })},
		confirmedJob: {Run: doing(w.confirmed)},
		numberJob:    {Run: doing(number)},
	}
}

// doing runs a job's effect and its end in one transaction.
func doing(do func(ctx context.Context, tx *db.Tx, j job.Job) error) func(context.Context, *db.DB, job.Job) error {
	return func(ctx context.Context, d *db.DB, j job.Job) error {
		return d.Write(ctx, func(tx *db.Tx) error {
			if err := do(ctx, tx, j); err != nil {
				return err
			}
			return job.Done(ctx, tx, j)
		})
	}
}

func (w Work) confirmed(ctx context.Context, tx *db.Tx, j job.Job) error {
	if w.RedConfirmed == nil {
		return nil
	}
	return w.RedConfirmed(ctx, tx, j.Object)
}

// number gives the operator's invoices of a year their numbers, in the order in
// which they were made. One job a year does it, and the row of the year lets only
// one transaction through, so there is neither a gap nor a number twice.
func number(ctx context.Context, tx *db.Tx, j job.Job) error {
	year, err := strconv.ParseInt(j.Object, 10, 64)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertSequence, year); err != nil {
		return err
	}
	last, err := db.Value[int64](ctx, tx, selectSequence, year)
	if err != nil {
		return err
	}
	waiting, err := db.All(ctx, tx, db.Column[string], selectUnnumbered, year, batch)
	if err != nil {
		return err
	}
	next := last
	for _, id := range waiting {
		next++
		n, err := tx.Exec(ctx, numberOperator, next, db.Micros(tx.Now()), id)
		if err := guarded(n, err, ErrState); err != nil {
			return err
		}
	}
	n, err := tx.Exec(ctx, advanceSequence, next, year, last)
	if err := guarded(n, err, ErrState); err != nil {
		return err
	}
	if len(waiting) == batch {
		return numbersFor(ctx, tx, year)
	}
	return nil
}
