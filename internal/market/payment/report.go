package payment

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Reported is a line of a provider's own account as it is kept.
type Reported struct {
	Gateway string
	Day     calendar.Date // of the report it stood in first
	ReportLine
}

// StoreReport keeps the lines of a provider's account of a day, each once. A line
// that is known with another amount is not changed and is an alarm. It returns
// how many lines are new.
func StoreReport(ctx context.Context, tx *db.Tx, gateway string, day calendar.Date, lines []ReportLine) (fresh int, err error) {
	defer fault.Wrap(&err, "payment.StoreReport(%s, %s)", gateway, day)
	for _, l := range lines {
		if l.ProviderID == "" || !l.Amount.Currency.Known() {
			return 0, ErrInvalid.In("lines")
		}
		n, err := tx.Exec(ctx, insertReportLine, gateway, l.ProviderID, string(l.Kind), day.String(), l.Reference, l.Amount.Minor,
			string(l.Amount.Currency), db.Micros(l.At), db.Micros(tx.Now()))
		if err != nil {
			return 0, err
		}
		if n == 1 {
			fresh++
			continue
		}
		known, err := db.One(ctx, tx, scanReported, selectReportLine, gateway, l.ProviderID, string(l.Kind))
		if err != nil {
			return 0, err
		}
		if known.Amount != l.Amount || known.Reference != l.Reference {
			if err := alarm(ctx, tx, audit.Provider(gateway), "payment.report.changed", l.ProviderID, l.Reference); err != nil {
				return 0, err
			}
		}
	}
	return fresh, nil
}

// ReportOf returns the lines of a provider's accounts of the days from first to
// last, both included, in their order.
func ReportOf(ctx context.Context, r db.Reader, gateway string, first, last calendar.Date) ([]Reported, error) {
	return db.All(ctx, r, scanReported, selectReportLines, gateway, first.String(), last.String())
}

// reportHour is when the account of the day before is read: providers make them
// in the early morning.
const reportHour = 10 * time.Hour

// reportAgain is how many days before the last one are read once more, because a
// provider may add to an account it has given.
const reportAgain = 2

// reportDays are the days whose accounts are to be read: those since the last
// one that was, up to the day before now, and a few again; at most a month.
func reportDays(read calendar.Date, now time.Time) (days []calendar.Date) {
	last := calendar.On(now.Add(-reportHour)).AddDays(-1)
	first := read.AddDays(1 - reportAgain)
	if read.IsZero() || first.Before(last.AddDays(-31)) {
		first = last.AddDays(-reportAgain)
	}
	for d := first; !d.After(last); d = d.AddDays(1) {
		days = append(days, d)
	}
	return days
}

// nextReport is when the next account can be read.
func nextReport(now time.Time) time.Time {
	return calendar.On(now.Add(-reportHour)).AddDays(1).Start().Add(reportHour)
}

// reportRead is how far the accounts of a gateway have been read.
func reportRead(ctx context.Context, r db.Reader, gateway string) (calendar.Date, error) {
	text, err := db.Value[string](ctx, r, selectPull, reportCursor(gateway))
	if errors.Is(err, db.ErrNoRow) {
		return calendar.Date{}, nil
	}
	if err != nil {
		return calendar.Date{}, err
	}
	return calendar.ParseDate(text)
}

func reportCursor(gateway string) string  { return gateway + "/report" }
func disputeCursor(gateway string) string { return gateway + "/disputes" }
