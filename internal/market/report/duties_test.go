package report

import (
	"testing"
	"time"

	"yunshi/internal/base/calendar"
)

func TestWhenAFilingIsOwed(t *testing.T) {
	at := func(month time.Month, day int) time.Time {
		return calendar.Date{Year: 2026, Month: month, Day: day}.Start().Add(9 * time.Hour)
	}
	for name, c := range map[string]struct {
		last, origin time.Time
		want         string // last day
	}{
		"nothing to file yet":          {time.Time{}, time.Time{}, ""},
		"first in July":                {time.Time{}, at(time.March, 2), "2026-07-31"},
		"first in January":             {time.Time{}, at(time.July, 2), "2027-01-31"},
		"filed in July":                {at(time.July, 15), at(time.March, 2), "2027-01-31"},
		"filed on the first of July":   {at(time.July, 1), at(time.March, 2), "2027-01-31"},
		"filed early, owed in July":    {at(time.June, 30), at(time.March, 2), "2026-07-31"},
		"filed late, owed the next":    {at(time.August, 3), at(time.March, 2), "2027-01-31"},
		"filed in January, owed July":  {at(time.January, 31), at(time.January, 1), "2026-07-31"},
		"filed in December, owed Janu": {at(time.December, 31), at(time.January, 1), "2027-01-31"},
	} {
		due := owed(c.last, c.origin, time.January, time.July)
		got := ""
		if !due.IsZero() {
			got = calendar.On(due).String()
		}
		if got != c.want {
			t.Errorf("%s: owed by %q, want %q", name, got, c.want)
		}
	}
	if due := owed(at(time.April, 20), at(time.January, 1), time.January, time.April, time.July, time.October); calendar.On(due).String() != "2026-07-31" {
		t.Errorf("tax is owed by %s", due)
	}
	if f := FilingOf(at(time.June, 30)); f.String() != "2026-01-01" {
		t.Errorf("a report of June is for %s", f)
	}
}

func TestADutyIsAWord(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for want, s := range map[string]Sight{
		"overdue": {Due: now.Add(-time.Second)}, "due": {Due: now.Add(13 * 24 * time.Hour)}, "open": {Open: 1, Due: now.Add(20 * 24 * time.Hour)}, "done": {Last: now},
	} {
		if got := stands(s, now); got != want {
			t.Errorf("%+v: %s, want %s", s, got, want)
		}
	}
}
