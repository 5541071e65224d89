package reconciliation

import (
	"context"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

// The kinds of job of this package, each of the market and for ever.
const (
	SealJob  = "reconciliation.seal"  // after midnight: the days of the book
	CheckJob = "reconciliation.check" // at night: the whole book and market
	HourJob  = "reconciliation.hour"  // every hour: what was booked since
	MatchJob = "reconciliation.match" // after the providers' reports: the three accounts
	AgeJob   = "reconciliation.age"   // every morning: clearing accounts
)

// Work is the background work of the package, and the acts that must know which
// provider is the bank.
type Work struct {
	Gateways map[string]payment.Gateway
	Bank     string // name of the gateway whose money statement lines are
	// Promises checks what must hold between packages, in each whole reading; nil:
	// only the book is read.
	Promises func(ctx context.Context, r db.Reader) ([]ledger.Violation, error)
}

const market = "market"

// Start begins the work; starting again changes nothing.
func Start(ctx context.Context, tx *db.Tx) error {
	for _, kind := range []string{SealJob, CheckJob, HourJob, MatchJob, AgeJob} {
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: kind, Object: market, Unique: true}); err != nil {
			return err
		}
	}
	return nil
}

// Now asks for one more comparison and reading, beside the regular ones.
func Now(ctx context.Context, tx *db.Tx) error {
	for _, kind := range []string{SealJob, MatchJob, CheckJob, AgeJob} {
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: kind, Object: market, Name: "now", Unique: true}); err != nil {
			return err
		}
	}
	return nil
}

// Handlers returns the job handlers by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		SealJob:  {Run: seal},
		CheckJob: {Run: w.check},
		HourJob: {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := readNew(ctx, tx, audit.Job(HourJob)); err != nil {
					return err
				}
				return next(ctx, tx, j, tx.Now().Add(time.Hour))
			})
		}},
		MatchJob: {Run: w.match},
		AgeJob: {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := age(ctx, tx, audit.Job(AgeJob)); err != nil {
					return err
				}
				return next(ctx, tx, j, at(tx.Now(), ageHour))
			})
		}},
	}
}

// When the daily work begins, after midnight in Shanghai: the day must be over for
// certain, and providers give their reports in the morning.
const (
	sealHour  = 15 * time.Minute
	checkHour = 2 * time.Hour
	ageHour   = 9 * time.Hour
	matchHour = 10*time.Hour + 45*time.Minute
)

// at is the next time after now that is so long after a midnight.
func at(now time.Time, after time.Duration) time.Time {
	day := calendar.On(now)
	if t := day.Start().Add(after); t.After(now) {
		return t
	}
	return day.AddDays(1).Start().Add(after)
}

// next ends a job and asks for the next one of its kind.
func next(ctx context.Context, tx *db.Tx, j job.Job, at time.Time) error {
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: j.Kind, Object: market, At: at, Unique: true}); err != nil {
		return err
	}
	return job.Done(ctx, tx, j)
}

// seal seals every day of the book that is over, in order, each in a transaction
// of its own.
func seal(ctx context.Context, d *db.DB, j job.Job) error {
	today := calendar.On(d.Now().Add(-sealHour))
	var day calendar.Date
	err := d.Read(ctx, func(r db.Reader) (err error) {
		if day, err = ledger.LastSealed(ctx, r); err != nil || !day.IsZero() {
			day = day.AddDays(1)
			return err
		}
		day, err = ledger.FirstDay(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	for ; !day.IsZero() && day.Before(today); day = day.AddDays(1) {
		if err := d.Write(ctx, func(tx *db.Tx) error {
			_, err := ledger.SealDay(ctx, tx, day)
			return err
		}); err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error { return next(ctx, tx, j, at(tx.Now(), sealHour)) })
}

// check reads everything on one snapshot, with no transaction open, and records
// what it found.
func (w Work) check(ctx context.Context, d *db.DB, j job.Job) error {
	var v reading
	if err := d.Read(ctx, func(r db.Reader) (err error) {
		v, err = w.readAll(ctx, r)
		return err
	}); err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := v.record(ctx, tx, audit.Job(CheckJob)); err != nil {
			return err
		}
		return next(ctx, tx, j, at(tx.Now(), checkHour))
	})
}

// match compares on one snapshot, with no transaction open, and records what it
// found.
func (w Work) match(ctx context.Context, d *db.DB, j job.Job) error {
	var c comparison
	if err := d.Read(ctx, func(r db.Reader) (err error) {
		c, err = w.compare(ctx, r)
		return err
	}); err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := c.record(ctx, tx, audit.Job(MatchJob)); err != nil {
			return err
		}
		return next(ctx, tx, j, at(tx.Now(), matchHour))
	})
}
