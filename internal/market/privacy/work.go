package privacy

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

const (
	lateJob  = "privacy.late"  // a vendor's time to answer a request is over
	purgeJob = "privacy.purge" // the day to erase an ended account has come
	keepJob  = "privacy.keep"  // once a day: what is over its time goes
)

// Work is the background work of the package.
type Work struct{ Keep Keep }

// Start begins the daily work, for ever; starting again changes nothing.
func Start(ctx context.Context, tx *db.Tx) error {
	return job.Enqueue(ctx, tx, job.Spec{Kind: keepJob, Object: "market", Unique: true})
}

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		lateJob: {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := job.Done(ctx, tx, j); err != nil {
					return err
				}
				if err := late(ctx, tx, RequestID(j.Object)); !errors.Is(err, ErrStale) && !errors.Is(err, ErrNotFound) {
					return err
				}
				return nil
			})
		}},
		purgeJob: {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := job.Done(ctx, tx, j); err != nil {
					return err
				}
				c, err := ClosingOf(ctx, tx, ClosingID(j.Object))
				if err != nil || c.State != Waiting {
					return err
				}
				return w.Keep.purge(ctx, tx, audit.Job(j.Kind), c, "")
			})
		}},
		keepJob: {Run: w.keep},
	}
}

// keep lets go what is over its time and comes again tomorrow. Each step is a
// transaction of its own and does nothing when it is repeated.
func (w Work) keep(ctx context.Context, d *db.DB, j job.Job) error {
	for _, step := range []func(context.Context, *db.Tx) error{runOut, w.logs, w.sharing, w.trades, w.invoices} {
		if err := d.Write(ctx, func(tx *db.Tx) error { return step(ctx, tx) }); err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := job.Done(ctx, tx, j); err != nil {
			return err
		}
		tomorrow := calendar.On(tx.Now()).AddDays(1).Start().Add(3 * time.Hour) // when few are awake
		return job.Enqueue(ctx, tx, job.Spec{Kind: keepJob, Object: "market", At: tomorrow, Unique: true})
	})
}

// runOut ends consents whose time is over; their recipients are asked to stop.
func runOut(ctx context.Context, tx *db.Tx) error {
	ids, err := db.All(ctx, tx, db.Column[string], selectRunOut, db.Micros(tx.Now()))
	if err != nil {
		return err
	}
	for _, id := range ids {
		c, err := readConsent(ctx, tx, ConsentID(id))
		if err != nil {
			return err
		}
		if err := endConsent(ctx, tx, audit.Job(keepJob), &c, Expired); err != nil {
			return err
		}
	}
	return nil
}

func (w Work) logs(ctx context.Context, tx *db.Tx) error {
	rule, err := agreement.Setting[struct {
		Months int `json:"months"`
		Least  int `json:"minimum_months"`
	}](ctx, tx, "retention_logs")
	if err != nil {
		return err
	}
	return w.Keep.expire(ctx, tx, ClassLog, logsBefore(tx.Now(), rule.Months, rule.Least))
}

func (w Work) sharing(ctx context.Context, tx *db.Tx) error {
	rule, err := agreement.Setting[struct {
		Years int `json:"years"`
	}](ctx, tx, "retention_sharing_log")
	if err != nil {
		return err
	}
	before := calendar.AddMonths(calendar.On(tx.Now()), -12*max(rule.Years, 3)).Start()
	if err := w.Keep.expire(ctx, tx, ClassSharing, before); err != nil {
		return err
	}
	return w.Keep.expire(ctx, tx, ClassTrade, before)
}

func (w Work) trades(ctx context.Context, tx *db.Tx) error {
	return w.over(ctx, tx, selectTradeDue, markTrade, ClassTrade)
}

func (w Work) invoices(ctx context.Context, tx *db.Tx) error {
	return w.over(ctx, tx, selectBillDue, markInvoice, ClassInvoice)
}

// over erases a class of the ended accounts whose years are over.
func (w Work) over(ctx context.Context, tx *db.Tx, due, mark string, class Class) error {
	all, err := db.All(ctx, tx, scanClosing, due, db.Micros(tx.Now()))
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := moved(tx.Exec(ctx, mark, db.Micros(tx.Now()), string(c.ID))); err != nil {
			return err
		}
		removed, err := w.Keep.erase(ctx, tx, c, class)
		if err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, audit.Job(keepJob), audit.Entry{
			Act: "privacy.erased", Subjects: []string{string(c.ID), string(c.Account)}, Clauses: []string{"UA 8.5", "ECL 31"},
			Data: map[string]any{"class": class, "removed": removed},
		}); err != nil {
			return err
		}
	}
	return nil
}
