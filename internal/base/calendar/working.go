package calendar

import (
	"errors"
	"fmt"
	"time"
)

// The refusals of working-day tables.
var (
	ErrNoTable  = errors.New("calendar: no working-day table for this year")
	ErrBadTable = errors.New("calendar: impossible working-day table")
)

// Year is one yearly announcement of holidays: the weekdays on which people rest, and the Saturdays and Sundays on which
// they work instead (调休). Days are "2026-02-14". Every other weekday is worked and every other weekend is free.
type Year struct {
	Year int      `json:"year"`
	Off  []string `json:"off"`
	Work []string `json:"work"`
}

// WorkingDays is a set of yearly tables. The zero value has none and refuses every question. It is not changed after it
// is made, so it may be shared.
type WorkingDays struct {
	years map[int]map[Date]bool // per announced year: the exceptions from Monday to Friday; true is worked
}

// NewWorkingDays builds the tables. It refuses a year twice, a day of another year, a day twice, a rest on a weekend and
// a make-up day on a weekday (ErrBadTable): such a table has been mistyped.
func NewWorkingDays(years ...Year) (WorkingDays, error) {
	return WorkingDays{}.With(years...)
}

// With returns the tables with further years, for example the next one as soon as it has been announced.
func (w WorkingDays) With(years ...Year) (WorkingDays, error) {
	out := WorkingDays{years: make(map[int]map[Date]bool, len(w.years)+len(years))}
	for year, days := range w.years {
		out.years[year] = days
	}
	for _, y := range years {
		if _, twice := out.years[y.Year]; twice {
			return WorkingDays{}, fmt.Errorf("%w: %d twice", ErrBadTable, y.Year)
		}
		days := make(map[Date]bool, len(y.Off)+len(y.Work))
		for _, list := range []struct {
			days   []string
			worked bool
		}{{y.Off, false}, {y.Work, true}} {
			for _, text := range list.days {
				d, err := ParseDate(text)
				if err != nil {
					return WorkingDays{}, fmt.Errorf("%w: %w", ErrBadTable, err)
				}
				if _, twice := days[d]; twice || d.Year != y.Year || d.isWeekend() != list.worked {
					return WorkingDays{}, fmt.Errorf("%w: %s", ErrBadTable, d)
				}
				days[d] = list.worked
			}
		}
		out.years[y.Year] = days
	}
	return out, nil
}

// IsWorking reports whether people work on the day, and refuses a year without a table.
func (w WorkingDays) IsWorking(d Date) (bool, error) {
	days, known := w.years[d.Year]
	if !known {
		return false, fmt.Errorf("%w: %d", ErrNoTable, d.Year)
	}
	if worked, exception := days[d]; exception {
		return worked, nil
	}
	return !d.isWeekend(), nil
}

// AddWorkingDays returns the nth working day after d; d itself does not count. With n = 0 it is d. It refuses a negative
// n (ErrDate) and a year without a table on the way.
func (w WorkingDays) AddWorkingDays(d Date, n int) (Date, error) {
	if n < 0 {
		return Date{}, fmt.Errorf("%w: %d working days", ErrDate, n)
	}
	for n > 0 {
		d = d.AddDays(1)
		worked, err := w.IsWorking(d)
		if err != nil {
			return Date{}, err
		}
		if worked {
			n--
		}
	}
	return d, nil
}

// DueBy returns the last moment of the nth working day after the event, whose own day does not count.
func (w WorkingDays) DueBy(event time.Time, n int) (time.Time, error) {
	d, err := w.AddWorkingDays(On(event), n)
	if err != nil {
		return time.Time{}, err
	}
	return d.Last(), nil
}

// Expected is DueBy for screens and reminders: in a year whose holidays are not announced yet, every weekday counts, and
// exact is false. A deadline that takes a right away needs DueBy.
func (w WorkingDays) Expected(event time.Time, n int) (due time.Time, exact bool) {
	d, exact := On(event), true
	for n > 0 {
		d = d.AddDays(1)
		worked, err := w.IsWorking(d)
		if err != nil {
			worked, exact = !d.isWeekend(), false
		}
		if worked {
			n--
		}
	}
	return d.Last(), exact
}

// Between counts the working days after from, up to and including to. It is 0 when to is not later.
func (w WorkingDays) Between(from, to Date) (int, error) {
	n := 0
	for d := from.AddDays(1); !d.After(to); d = d.AddDays(1) {
		worked, err := w.IsWorking(d)
		if err != nil {
			return 0, err
		}
		if worked {
			n++
		}
	}
	return n, nil
}

func (d Date) isWeekend() bool {
	day := d.Weekday()
	return day == time.Saturday || day == time.Sunday
}
