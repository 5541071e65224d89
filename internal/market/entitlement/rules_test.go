package entitlement

import (
	"errors"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
)

func TestClause_4_3_OnlyTheChosenAccountIsTheRightsAccount(t *testing.T) {
	e := Entitlement{New: New{Account: "acc_a"}}
	if err := boundTo(e, "acc_a"); err != nil {
		t.Errorf("its own account: %v", err)
	}
	for _, other := range []account.ID{"acc_b", "", "acc_A"} {
		if err := boundTo(e, other); !errors.Is(err, ErrAccountBound) {
			t.Errorf("account %q: %v, want ENTITLEMENT_ACCOUNT_BOUND", other, err)
		}
	}
}

func TestARightIsUsableOnlyWhileActiveAndBeforeItsEnd(t *testing.T) {
	now := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		state State
		ends  time.Time
		want  error
	}{
		"allowed_without_end":        {Active, time.Time{}, nil},
		"allowed_last_microsecond":   {Active, now.Add(time.Microsecond), nil},
		"refused_at_its_end":         {Active, now, ErrNotUsable},
		"refused_pending":            {Pending, time.Time{}, ErrNotUsable},
		"refused_suspended":          {Suspended, time.Time{}, ErrNotUsable},
		"refused_expired":            {Expired, now, ErrNotUsable},
		"refused_destroyed":          {Destroyed, now, ErrNotUsable},
		"refused_refunded":           {Refunded, time.Time{}, ErrNotUsable},
		"refused_prohibited_by_4_8":  {Prohibited, time.Time{}, catalog.ErrProhibited},
		"refused_prohibited_overdue": {Prohibited, now, catalog.ErrProhibited},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := usable(Entitlement{State: c.state, EndsAt: c.ends}, now); !errors.Is(err, c.want) {
				t.Errorf("usable = %v, want %v", err, c.want)
			}
		})
	}
}

func TestATermEndsOnTheNaturalDay(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, calendar.Shanghai)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	cases := map[string]struct {
		start string
		term  catalog.Term
		want  string
	}{
		"three_days":                  {"2026-03-02 10:00", catalog.Term{Unit: catalog.Day, Count: 3}, "2026-03-05 10:00"},
		"a_month":                     {"2026-03-02 10:00", catalog.Term{Unit: catalog.Month, Count: 1}, "2026-04-02 10:00"},
		"a_month_from_the_last_day":   {"2026-01-31 10:00", catalog.Term{Unit: catalog.Month, Count: 1}, "2026-02-28 10:00"},
		"a_year_from_the_leap_day":    {"2028-02-29 10:00", catalog.Term{Unit: catalog.Year, Count: 1}, "2029-02-28 10:00"},
		"two_years":                   {"2026-03-02 10:00", catalog.Term{Unit: catalog.Year, Count: 2}, "2028-03-02 10:00"},
		"once_and_for_ever_is_no_end": {"2026-03-02 10:00", catalog.Term{Unit: catalog.Once, Count: 1}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := time.Time{}
			if c.want != "" {
				want = at(c.want)
			}
			if got := EndOf(at(c.start), c.term); !got.Equal(want) {
				t.Errorf("EndOf = %s, want %s", got, want)
			}
		})
	}
}

func TestFinalStatesAreFinal(t *testing.T) {
	all := []State{Pending, Active, Suspended, Expired, Destroyed, Refunded, Prohibited}
	for _, from := range []State{Destroyed, Refunded, Prohibited} {
		for _, to := range all {
			if mayMove(from, to) {
				t.Errorf("%s may become %s", from, to)
			}
		}
	}
	if !mayMove(Suspended, Active) || mayMove(Expired, Active) || mayMove(Pending, Expired) {
		t.Error("suspended comes back, expired does not, and what was never delivered does not expire")
	}
}
