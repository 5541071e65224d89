package calendar

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func date(t *testing.T, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/windows.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Fn, Paid, Last, Announced, End, Published, Effect, From, At, To string
		N                                                               int
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 12 {
		t.Fatalf("%d vectors, want 12", len(vectors))
	}
	for _, v := range vectors {
		// Every rule holds for an event in the first and in the last second of its day.
		for _, late := range []time.Duration{0, 24*time.Hour - time.Second} {
			at := func(s string) time.Time { return date(t, s).Start().Add(late) }
			var got time.Time
			var want string
			switch v.Fn {
			case "refund_5d_last_day":
				got, want = RefundLastMoment(at(v.Paid), 5), v.Last+" 23:59:59"
			case "wind_down_earliest_end":
				got, want = NoticeEarliest(at(v.Announced), 60), v.End+" 00:00:00"
			case "publish_7d_earliest":
				got, want = NoticeEarliest(at(v.Published), 7), v.Effect+" 00:00:00"
			case "days_15_earliest":
				got, want = NoticeEarliest(at(v.From), 15), v.At+" 00:00:00"
			case "add_months":
				got, want = MonthsLater(at(v.From), v.N), v.To+" "+at(v.From).Format(time.TimeOnly)
				if d := AddMonths(date(t, v.From), v.N); d != date(t, v.To) {
					t.Errorf("%s + %d months = %s", v.From, v.N, d)
				}
			default:
				t.Fatalf("unknown function %q", v.Fn)
			}
			if got.Format(time.DateTime) != want {
				t.Errorf("%+v: got %s, want %s", v, got.Format(time.DateTime), want)
			}
		}
	}
}

func TestARefundWindowIsOpenToTheLastMicrosecond(t *testing.T) {
	paid := time.Date(2026, 6, 30, 16, 0, 0, 0, time.UTC) // 1 July 00:00 in Shanghai
	last := RefundLastMoment(paid, 5)
	closed := time.Date(2026, 7, 5, 16, 0, 0, 0, time.UTC)
	if !last.Before(closed) || closed.Sub(last) != time.Microsecond {
		t.Errorf("last moment %s", last)
	}
}

func TestADayIsADayInShanghai(t *testing.T) {
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2026, 11, 22, 15, 59, 59, 0, time.UTC), "2026-11-22"},
		{time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC), "2026-11-23"},
		{time.Date(2026, 12, 31, 23, 0, 0, 0, time.FixedZone("", -8*3600)), "2027-01-01"},
	} {
		if got := On(c.at).String(); got != c.want {
			t.Errorf("%s is on %s, want %s", c.at, got, c.want)
		}
	}
}

func TestDatesThatDoNotExistAreRefused(t *testing.T) {
	for _, s := range []string{"2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "20260101", "", "2026-11-22T00:00", "0000-01-01"} {
		if d, err := ParseDate(s); !errors.Is(err, ErrDate) {
			t.Errorf("%q is %s, %v", s, d, err)
		}
	}
	for _, n := range [][3]int{{2026, 2, 30}, {2026, 13, 1}, {2026, 0, 1}, {0, 1, 1}, {10000, 1, 1}, {2026, 4, 31}} {
		if d, err := NewDate(n[0], time.Month(n[1]), n[2]); !errors.Is(err, ErrDate) {
			t.Errorf("%v is %s, %v", n, d, err)
		}
	}
	if d, err := NewDate(1904, 2, 29); err != nil || d.String() != "1904-02-29" {
		t.Error(d, err)
	}
}

func TestADateIsAStringInJSON(t *testing.T) {
	data, err := json.Marshal(struct{ D Date }{Date{2026, 11, 22}})
	if err != nil || string(data) != `{"D":"2026-11-22"}` {
		t.Fatalf("%s %v", data, err)
	}
	var back struct{ D Date }
	if err := json.Unmarshal(data, &back); err != nil || back.D != (Date{2026, 11, 22}) {
		t.Error(back, err)
	}
	if err := json.Unmarshal([]byte(`{"D":"2026-02-30"}`), &back); err == nil {
		t.Error("accepted 30 February")
	}
}

func TestDayArithmeticIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := normal(rapid.IntRange(1900, 2200).Draw(t, "year"), 1, rapid.IntRange(1, 366).Draw(t, "day"))
		n := rapid.IntRange(-5000, 5000).Draw(t, "n")
		later := d.AddDays(n)
		if d.Until(later) != n || later.AddDays(-n) != d || On(d.Start()) != d || On(d.Last()) != d {
			t.Fatal(d, n, later)
		}
		if later.After(d) != (n > 0) || later.Before(d) != (n < 0) {
			t.Fatal("order", d, later)
		}
		m := rapid.IntRange(-600, 600).Draw(t, "months")
		moved := AddMonths(d, m)
		if moved.Day > d.Day || (moved.Year-d.Year)*12+int(moved.Month)-int(d.Month) != m {
			t.Fatal(d, m, moved)
		}
		if moved.Day < d.Day && moved.AddDays(1).Day != 1 {
			t.Fatal("cut short, but not to the end of the month", d, m, moved)
		}
	})
}

func TestABegunDayCountsAsUsed(t *testing.T) {
	start := date(t, "2026-11-22").Start().Add(23 * time.Hour)
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{-time.Second, 0}, {0, 1}, {59 * time.Minute, 1}, {time.Hour, 2}, {25 * time.Hour, 3}} {
		if got := UsedDays(start, start.Add(c.after)); got != c.want {
			t.Errorf("after %s: %d, want %d", c.after, got, c.want)
		}
	}
}

func TestTheOfficialYearsAddUp(t *testing.T) {
	tables := Official()
	// Each year has 261 weekdays and 13 statutory holidays, so 248 days are worked however they are moved about.
	for _, year := range []string{"2025", "2026"} {
		first := date(t, year+"-01-01")
		n, err := tables.Between(first.AddDays(-1), date(t, year+"-12-31"))
		if err != nil || n != 248 {
			t.Errorf("%s has %d working days, %v", year, n, err)
		}
	}
	for day, want := range map[string]bool{
		"2025-01-26": true, "2025-01-28": false, "2025-02-08": true, "2025-10-08": false, "2025-10-11": true,
		"2026-01-04": true, "2026-02-14": true, "2026-02-15": false, "2026-02-23": false, "2026-02-24": true, "2026-02-28": true,
		"2026-04-06": false, "2026-05-09": true, "2026-06-19": false, "2026-09-20": true, "2026-09-25": false,
		"2026-10-07": false, "2026-10-08": true, "2026-10-10": true, "2026-11-21": false, "2026-11-23": true,
	} {
		if got, err := tables.IsWorking(date(t, day)); err != nil || got != want {
			t.Errorf("%s worked: %t, %v", day, got, err)
		}
	}
}

func TestWorkingDaysSkipHolidaysAndUseMakeUpDays(t *testing.T) {
	tables := Official()
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-11-22", 0, "2026-11-22"}, {"2026-11-22", 1, "2026-11-23"}, {"2026-11-20", 1, "2026-11-23"},
		{"2026-02-13", 1, "2026-02-14"}, {"2026-02-14", 1, "2026-02-24"}, {"2026-09-30", 3, "2026-10-10"},
		{"2025-12-31", 1, "2026-01-04"},
	} {
		if got, err := tables.AddWorkingDays(date(t, c.from), c.n); err != nil || got.String() != c.want {
			t.Errorf("%s + %d = %s, %v, want %s", c.from, c.n, got, err, c.want)
		}
	}
	due, err := tables.DueBy(date(t, "2026-02-14").Start(), 1)
	if err != nil || due.Format(time.DateTime) != "2026-02-24 23:59:59" {
		t.Error(due, err)
	}
	if _, err := tables.AddWorkingDays(date(t, "2026-11-22"), -1); !errors.Is(err, ErrDate) {
		t.Error(err)
	}
}

func TestAYearWithoutATableIsRefused(t *testing.T) {
	tables := Official()
	if _, err := tables.AddWorkingDays(date(t, "2026-12-30"), 5); !errors.Is(err, ErrNoTable) {
		t.Error("2027 was guessed:", err)
	}
	if _, err := tables.IsWorking(date(t, "2024-06-03")); !errors.Is(err, ErrNoTable) {
		t.Error("2024 was guessed:", err)
	}
	if _, err := (WorkingDays{}).Between(date(t, "2026-01-01"), date(t, "2026-01-02")); !errors.Is(err, ErrNoTable) {
		t.Error("no tables at all:", err)
	}
	more, err := tables.With(Year{Year: 2027, Off: []string{"2027-01-01"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := more.AddWorkingDays(date(t, "2026-12-30"), 2); err != nil || got.String() != "2027-01-04" {
		t.Error(got, err)
	}
	if _, err := tables.IsWorking(date(t, "2027-01-04")); !errors.Is(err, ErrNoTable) {
		t.Error("adding a year changed the tables it was added to")
	}
}

func TestAMistypedTableIsRefused(t *testing.T) {
	for name, years := range map[string][]Year{
		"a year twice":          {{Year: 2025}, {Year: 2025}},
		"a day of another year": {{Year: 2025, Off: []string{"2026-01-01"}}},
		"a day twice":           {{Year: 2025, Off: []string{"2025-01-01", "2025-01-01"}}},
		"a rest on a Sunday":    {{Year: 2025, Off: []string{"2025-01-05"}}},
		"work on a Monday":      {{Year: 2025, Work: []string{"2025-01-06"}}},
		"no day":                {{Year: 2025, Work: []string{"2025-02-30"}}},
	} {
		if _, err := NewWorkingDays(years...); !errors.Is(err, ErrBadTable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("2026-11-22")
	f.Add("0000-00-00")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDate(s); err == nil && d.String() != s {
			t.Fatalf("%q became %s", s, d)
		}
	})
}

func TestADeadlineInAYearWithoutATableIsExpectedByWeekdays(t *testing.T) {
	w := Official()
	friday := date(t, "2027-03-05").Start().Add(10 * time.Hour)
	if due, exact := w.Expected(friday, 3); exact || On(due).String() != "2027-03-10" {
		t.Errorf("due %s, exact %v", On(due), exact)
	}
	known := date(t, "2026-11-25").Start()
	want, err := w.DueBy(known, 10)
	if due, exact := w.Expected(known, 10); err != nil || !exact || !due.Equal(want) {
		t.Errorf("due %s, want %s, exact %v", due, want, exact)
	}
}
