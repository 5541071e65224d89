package privacy

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/blob"
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
type Work struct {
	Keep  Keep
	Files blob.Store // nil: nothing is kept outside of the database
	// Used reports whether a row still names a stored file.
	Used func(ctx context.Context, r db.Reader, key string) (bool, error)
}

// Start begins the daily work, for ever; starting again changes nothing, but looks
// into the register of erasures, for the database may have been restored.
func Start(ctx context.Context, tx *db.Tx) error {
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: againJob, Object: "market", Unique: true}); err != nil {
		return err
	}
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
		keepJob:     {Run: w.keep},
		registerJob: {Run: w.register},
		againJob:    {Run: w.again},
		job.FileJob: {Run: w.removeFile},
	}
}

// keep lets go what is over its time and comes again tomorrow. Each step is a
// transaction of its own and does nothing when it is repeated.
func (w Work) keep(ctx context.Context, d *db.DB, j job.Job) error {
	for _, step := range []func(context.Context, *db.Tx) error{runOut, w.logs, w.sharing, w.cases, w.bank, w.trades, w.invoices} {
		if err := d.Write(ctx, func(tx *db.Tx) error { return step(ctx, tx) }); err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := job.Done(ctx, tx, j); err != nil {
			return err
		}
		yesterday := calendar.On(tx.Now()).AddDays(-1) // two nodes may have written its file at once
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: registerJob, Object: yesterday.String(), Unique: true}); err != nil {
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
	return w.years(ctx, tx, "retention_sharing_log", ClassSharing, ClassTrade)
}

// cases lets the words of matters go whose years are over.
//
// Clause: ECL 31 (records of a matter are kept for as long as those of a trade, at least three years after its end).
func (w Work) cases(ctx context.Context, tx *db.Tx) error {
	return w.years(ctx, tx, "retention_trade", ClassCase)
}

// bank lets payers go out of bank lines that are older than invoices are kept.
func (w Work) bank(ctx context.Context, tx *db.Tx) error {
	return w.years(ctx, tx, "retention_invoice", ClassInvoice)
}

// years expires a class after the years of a setting, never less than three.
func (w Work) years(ctx context.Context, tx *db.Tx, setting string, classes ...Class) error {
	rule, err := agreement.Setting[struct {
		Years int `json:"years"`
	}](ctx, tx, setting)
	if err != nil {
		return err
	}
	before := calendar.AddMonths(calendar.On(tx.Now()), -12*max(rule.Years, 3)).Start()
	for _, class := range classes {
		if err := w.Keep.expire(ctx, tx, class, before); err != nil {
			return err
		}
	}
	return nil
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
		if matter, err := w.Keep.held(ctx, tx, c.Account); err != nil || matter != "" {
			if err != nil {
				return err
			}
			continue // looked at again tomorrow
		}
		if err := w.Keep.eraseOne(ctx, tx, audit.Job(keepJob), c, mark, class); err != nil {
			return err
		}
	}
	return nil
}

// eraseOne erases a class of one ended account.
func (k Keep) eraseOne(ctx context.Context, tx *db.Tx, by audit.Actor, c Closing, mark string, class Class) error {
	if err := moved(tx.Exec(ctx, mark, db.Micros(tx.Now()), string(c.ID))); err != nil {
		return err
	}
	removed, err := k.erase(ctx, tx, c, class)
	if err != nil {
		return err
	}
	if err := note(ctx, tx); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.erased", Subjects: []string{string(c.ID), string(c.Account)}, Clauses: []string{"UA 8.5", "ECL 31"},
		Data: map[string]any{"class": class, "removed": removed},
	})
}
