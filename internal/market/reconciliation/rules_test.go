package reconciliation

import (
	"errors"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

func TestClause_3_1_ThreeAccountsOfOneMovement(t *testing.T) {
	today := calendar.Date{Year: 2026, Month: time.March, Day: 10}
	at := func(minor int64) Leg { return Leg{true, minor} }
	none := Leg{}
	for name, c := range map[string]struct {
		ours, booked, reported Leg
		age                    int
		several, mixed         bool
		want                   ItemState
	}{
		"allowed: all agree":               {at(100), at(100), at(100), 1, false, false, Matched},
		"allowed: nothing moved on paper":  {at(0), at(0), at(0), 9, false, false, Matched},
		"allowed: not reported yet":        {at(100), at(100), none, 2, false, false, Waiting},
		"refused: not reported in time":    {at(100), at(100), none, 3, false, false, MissingThere},
		"refused: not known here":          {none, none, at(100), 0, false, false, MissingHere},
		"refused: booked, not known here":  {none, at(100), at(100), 0, false, false, MissingHere},
		"refused: a fen less":              {at(100), at(100), at(99), 0, false, false, AmountDiffers},
		"refused: the sign turned around":  {at(100), at(100), at(-100), 0, false, false, AmountDiffers},
		"refused: another currency":        {at(100), at(100), at(100), 0, false, true, AmountDiffers},
		"refused: not in the book":         {at(100), none, at(100), 0, false, false, Unbooked},
		"refused: a fen less in the book":  {at(100), at(99), at(100), 0, false, false, Misbooked},
		"refused: late, but wrong already": {at(100), at(99), none, 0, false, false, Misbooked},
		"refused: one name, two things":    {at(100), at(100), at(100), 0, true, false, Duplicated},
	} {
		i := Item{Ours: c.ours, Booked: c.booked, Reported: c.reported, Day: today.AddDays(-c.age), several: c.several, mixed: c.mixed}
		if got := judge(i, today, 2); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestClause_3_1_TwoPeopleDecide(t *testing.T) {
	finance := func(user string) audit.Actor {
		return audit.Actor{Kind: audit.Person, User: user, Roles: []string{account.Finance}}
	}
	two, one := Decision{Approvals: 2, ProposedBy: "usr_1"}, Decision{Approvals: 1, ProposedBy: "usr_1"}
	for name, c := range map[string]struct {
		d    Decision
		by   audit.Actor
		want error
	}{
		"allowed: another person":      {two, finance("usr_2"), nil},
		"allowed: one is enough":       {one, finance("usr_1"), nil},
		"refused: the same person":     {two, finance("usr_1"), ErrSecond},
		"refused: not of finance":      {two, audit.Actor{User: "usr_2", Roles: []string{account.Superadmin}}, ErrForbidden},
		"refused: a job is nobody":     {two, audit.Job("reconciliation.match"), ErrForbidden},
		"refused: one, not of finance": {one, audit.Actor{User: "usr_1"}, ErrForbidden},
	} {
		if err := mayDecide(c.d, c.by); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestMoneyInOneDirectionHasNoPurposeOfTheOther(t *testing.T) {
	for _, p := range Purposes {
		if in := fits(p, 1) == nil; in != p.Inward() {
			t.Errorf("%s came in: %v", p, in)
		}
		if out := fits(p, -1) == nil; out != p.Outward() {
			t.Errorf("%s went out: %v", p, out)
		}
		if !p.Inward() && !p.Outward() {
			t.Errorf("%s can never be", p)
		}
	}
}

func TestWhatWasExplainedAndChangedIsOpenAgain(t *testing.T) {
	e := Exception{Kind: "missing_here", Detail: "x"}
	same, other := e, e
	other.Theirs.Minor = 1
	if e.changes(same) || !e.changes(other) {
		t.Error("an explanation covers what it did not explain, or not what it did")
	}
}
