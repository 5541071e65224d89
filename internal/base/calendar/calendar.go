// Package calendar answers questions of days as Chinese law and the rulebooks ask them: on days of Asia/Shanghai.
//
// It owns the Date, natural-day windows, month arithmetic, and the yearly tables that say which days people work. It does
// not own any number of days: those come from rulebooks. It reads no clock; every moment is an argument.
//
// Always true:
//   - a moment of any zone is first put on its Shanghai day;
//   - "the day of the event does not count" unless the function says that it does;
//   - a window closes one microsecond (the resolution of stored time) before the moment after it;
//   - working days are read from a table, and a year without a table is refused, never guessed.
package calendar

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // the zone must load on machines that carry no zone files
)

// ErrDate refuses a text or a number triple that is no day.
var ErrDate = errors.New("calendar: not a date")

// Shanghai is the zone of every day rule.
var Shanghai = mustLoad("Asia/Shanghai")

func mustLoad(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // the zone is compiled in
	}
	return zone
}

// Date is a day of the Gregorian calendar, comparable with ==. The zero Date is no day.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// NewDate returns the day, and refuses one that does not exist, such as 30 February, or a year outside 1 to 9999.
func NewDate(year int, month time.Month, day int) (Date, error) {
	d := Date{year, month, day}
	if year < 1 || year > 9999 || normal(year, month, day) != d {
		return Date{}, fmt.Errorf("%w: %04d-%02d-%02d", ErrDate, year, int(month), day)
	}
	return d, nil
}

// ParseDate reads "2026-11-22".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return Date{}, fmt.Errorf("%w: %q", ErrDate, s)
	}
	return Date{t.Year(), t.Month(), t.Day()}, nil
}

// On returns the Shanghai day of a moment.
func On(t time.Time) Date {
	year, month, day := t.In(Shanghai).Date()
	return Date{year, month, day}
}

// normal returns the day that the numbers mean after carrying, computed without a zone.
func normal(year int, month time.Month, day int) Date {
	y, m, d := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Date()
	return Date{y, m, d}
}

// Start returns the first moment of the day in Shanghai.
func (d Date) Start() time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, Shanghai)
}

// Last returns the last moment of the day in Shanghai, one microsecond before the next day.
func (d Date) Last() time.Time { return d.AddDays(1).Start().Add(-time.Microsecond) }

// AddDays returns the day n natural days later; n may be negative.
func (d Date) AddDays(n int) Date { return normal(d.Year, d.Month, d.Day+n) }

// Compare returns -1, 0 or 1 as d is before, on or after other.
func (d Date) Compare(other Date) int {
	return d.utc().Compare(other.utc())
}

// Before reports whether d is an earlier day than other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// After reports whether d is a later day than other.
func (d Date) After(other Date) bool { return d.Compare(other) > 0 }

// Until returns the natural days from d to other: 1 to the next day, negative when other is earlier.
func (d Date) Until(other Date) int { return int(other.utc().Unix()-d.utc().Unix()) / 86_400 }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// IsZero reports whether d is no day.
func (d Date) IsZero() bool { return d == Date{} }

// String writes "2026-11-22".
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// MarshalText writes the form of String, so a Date is a string in JSON.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the form of ParseDate.
func (d *Date) UnmarshalText(text []byte) error {
	read, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = read
	return nil
}

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }
