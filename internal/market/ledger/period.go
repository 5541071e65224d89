package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
)

// Month is "2026-11", in Shanghai time.
type Month string

// MonthOf is the month of a moment.
func MonthOf(t time.Time) Month { return Month(t.In(calendar.Shanghai).Format("2006-01")) }

// Bounds are the first moment of the month and of the next.
func (m Month) Bounds() (from, to time.Time, err error) {
	from, err = time.ParseInLocation("2006-01", string(m), calendar.Shanghai)
	if err != nil {
		return from, to, ErrInvalid.In("month")
	}
	return from.UTC(), from.AddDate(0, 1, 0).UTC(), nil
}

// Period is a closed month.
type Period struct {
	Month    Month
	Until    time.Time
	ClosedAt time.Time
	ClosedBy string
	Journals int64
	Digest   string // of all journals that take effect in it
}

// CloseMonth locks a month: from then on nothing takes effect in it; what comes
// late is booked on the day it is recorded. Months are closed in order, each
// after it is over.
func CloseMonth(ctx context.Context, tx *db.Tx, m Month, by string) (Period, error) {
	from, to, err := m.Bounds()
	if err != nil {
		return Period{}, err
	}
	last, err := Closed(ctx, tx)
	if err != nil {
		return Period{}, err
	}
	if tx.Now().Before(to) || len(last) > 0 && !last[0].Until.Equal(from) {
		return Period{}, ErrClosed.With("Month", m)
	}
	n, sum, err := digestOf(ctx, tx, selectEffective, from, to)
	if err != nil {
		return Period{}, err
	}
	p := Period{Month: m, Until: to, ClosedAt: tx.Now(), ClosedBy: by, Journals: n, Digest: sum}
	fresh, err := tx.Exec(ctx, insertPeriod, string(m), db.Micros(to), db.Micros(p.ClosedAt), by, n, sum)
	if err == nil && fresh == 0 {
		err = ErrClosed.With("Month", m)
	}
	return p, err
}

// Closed lists the closed months, newest first.
func Closed(ctx context.Context, r db.Reader) ([]Period, error) {
	return db.All(ctx, r, scanPeriod, selectPeriods)
}

// Batch is one day of the chain: it commits to the day's journals and to the
// batch before.
type Batch struct {
	Day      calendar.Date
	Until    time.Time
	Journals int64
	Digest   string
	Chain    string
}

// settleAfter is how long after midnight a day is sealed: a transaction that
// began before it has ended by then.
const settleAfter = 10 * time.Minute

// SealDay appends the day to the chain and stores what every account held at its
// end. It refuses a day that is not over and one out of turn; a sealed day again
// changes nothing.
func SealDay(ctx context.Context, tx *db.Tx, day calendar.Date) (Batch, error) {
	from, to := day.Start(), day.AddDays(1).Start()
	last, err := db.One(ctx, tx, scanBatch, selectLastBatch)
	first := errors.Is(err, db.ErrNoRow)
	switch {
	case err != nil && !first:
		return Batch{}, err
	case !first && !last.Day.Before(day):
		return last, nil
	case tx.Now().Before(to.Add(settleAfter)), !first && last.Day.AddDays(1) != day:
		return Batch{}, ErrClosed.With("Day", day.String())
	}
	if first { // everything before belongs to the first day
		from = time.UnixMicro(0)
	}
	n, sum, err := digestOf(ctx, tx, selectRecorded, from, to)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{Day: day, Until: to, Journals: n, Digest: sum, Chain: chain(last.Chain, day.String(), sum)}
	if _, err := tx.Exec(ctx, insertBatch, day.String(), db.Micros(to), n, sum, b.Chain); err != nil {
		return Batch{}, err
	}
	_, err = tx.Exec(ctx, insertSnapshot, db.Micros(to), db.Micros(last.Until), db.Micros(last.Until), db.Micros(to))
	return b, err
}

// LastSealed is the newest sealed day; the zero Date when none is.
func LastSealed(ctx context.Context, r db.Reader) (calendar.Date, error) {
	b, err := db.One(ctx, r, scanBatch, selectLastBatch)
	if errors.Is(err, db.ErrNoRow) {
		return calendar.Date{}, nil
	}
	return b.Day, err
}

// FirstDay is the day of the oldest journal; the zero Date when the book is empty.
func FirstDay(ctx context.Context, r db.Reader) (calendar.Date, error) {
	at, err := db.Value[int64](ctx, r, selectFirst)
	if err != nil || at == 0 {
		return calendar.Date{}, err
	}
	return calendar.On(db.Time(at)), nil
}

func chain(before, day, digest string) string {
	sum := sha256.Sum256([]byte(before + "\n" + day + "\n" + digest))
	return hex.EncodeToString(sum[:])
}

// digestOf is the SHA-256 over the ids and digests of the journals of a span.
func digestOf(ctx context.Context, r db.Reader, query string, from, to time.Time) (n int64, sum string, err error) {
	h := sha256.New()
	err = db.Each(ctx, r, scanDigest, func(d [2]string) error {
		n++
		_, err := fmt.Fprintf(h, "%s %s\n", d[0], d[1])
		return err
	}, query, db.Micros(from), db.Micros(to))
	return n, hex.EncodeToString(h.Sum(nil)), err
}
