package settlement

import (
	"errors"
	"testing"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

func TestMoneyIsDueWhenItsWindowIsOver(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 7, day, 10, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		rule      order.RefundRule
		delivered time.Time
		accepted  time.Time
		want      time.Time
	}{
		"five days":                                 {order.RefundRule{Class: "five_day", Until: at(5)}, at(1), time.Time{}, at(5)},
		"delivered after the window":                {order.RefundRule{Class: "five_day", Until: at(5)}, at(9), time.Time{}, at(9)},
		"no refunds at all":                         {order.RefundRule{Class: "none"}, at(1), time.Time{}, at(1)},
		"a service nobody accepted":                 {order.RefundRule{Class: untilAcceptance}, at(1), time.Time{}, at(16)},
		"a service accepted":                        {order.RefundRule{Class: untilAcceptance}, at(1), at(3), at(3)},
		"a service accepted after it counted as so": {order.RefundRule{Class: untilAcceptance}, at(1), at(20), at(16)},
	} {
		if got := dueAt(c.rule, c.delivered, c.accepted, 15); !got.Equal(c.want) {
			t.Errorf("%s: due %s, want %s", name, got, c.want)
		}
	}
}

func TestTheSplitIsAskedForBeforeTheFreezeEnds(t *testing.T) {
	captured := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for freeze, want := range map[int]int{0: 175, 180: 175, 30: 25, 400: 175, 4: 2} {
		if got := int(actBy(captured, 175, freeze).Sub(captured).Hours() / 24); got != want {
			t.Errorf("freeze of %d days: act by day %d, want %d", freeze, got, want)
		}
	}
}

func TestAShareStaysWithinTheCap(t *testing.T) {
	for _, c := range []struct {
		share, points int64
		refused       bool
	}{{20000, 3000, false}, {60000, 3000, false}, {60001, 3000, true}, {70000, 3000, true}, {200000, 0, false}} {
		if err := withinCap(cny(c.share), cny(200000), c.points); errors.Is(err, ErrSplitOver) != c.refused {
			t.Errorf("%d of 200,000 under %d: %v", c.share, c.points, err)
		}
	}
}

func TestATermIsReleasedInItsMonthsWhereTheRulebookSaysSo(t *testing.T) {
	for unit, want := range map[string]int64{catalog.Month: 3, catalog.Year: 36, catalog.Day: 1, "once": 1} {
		if got := parts(catalog.Term{Unit: unit, Count: 3}, true); got != want {
			t.Errorf("three %s: %d parts", unit, got)
		}
		if got := parts(catalog.Term{Unit: unit, Count: 3}, false); got != 1 {
			t.Errorf("three %s at once: %d parts", unit, got)
		}
	}
}

func TestTwoPeopleWhoDidNotAskApprove(t *testing.T) {
	limits := Limits{FourEyes: 5000000, FreshAccount: 72}
	for _, c := range []struct {
		minor int64
		known time.Duration
		want  int64
	}{{5000000, 73 * time.Hour, 0}, {5000001, 73 * time.Hour, 2}, {1, 71 * time.Hour, 2}} {
		if got := approvals(cny(c.minor), c.known, limits); got != c.want {
			t.Errorf("%d after %s: %d approvals", c.minor, c.known, got)
		}
	}
	w := Withdrawal{RequestedBy: "usr_asks", FirstBy: "usr_first"}
	finance := func(id string) audit.Actor {
		return audit.Actor{User: id, Roles: []string{account.Finance, account.Compliance}}
	}
	for id, want := range map[string]error{"usr_asks": ErrSecond, "usr_first": ErrSecond, "usr_second": nil} {
		if err := mayApprove(w, finance(id)); !errors.Is(err, want) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if err := mayApprove(w, audit.Actor{User: "usr_other", Roles: []string{account.Compliance}}); !errors.Is(err, ErrForbidden) {
		t.Errorf("not of finance: %v", err)
	}
}
