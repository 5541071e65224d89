package infringement

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/agreement"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	moment, err := time.ParseInLocation(time.DateTime, s, calendar.Shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func whole() Notice {
	return Notice{
		Right: Trademark, Location: "https://market.example/p/x", Summary: "The listing uses our registered mark.", Truthful: true, GoodFaith: true,
		Words: Words{
			Holder: "Shanhai Ltd", Name: "Li Hua", Email: "li@example.com", Phone: "010-12345678", Right: "mark no. 1234567",
			Statement: "The name of the listing is our mark.", Proof: "Registration certificate no. 1234567",
		},
	}
}

// lacking is a whole notice without one thing.
func lacking(change func(n *Notice)) Notice {
	n := whole()
	change(&n)
	return n
}

func TestClause_4_7_2_ACompleteNoticeIsActedOn(t *testing.T) {
	cn, eu := agreement.LawOf("CN"), agreement.LawOf("EU")
	t.Run("allowed_complete", func(t *testing.T) {
		for _, law := range []agreement.Law{cn, eu, agreement.LawOf("OTHER")} {
			if err := complete(whole(), law); err != nil {
				t.Errorf("%s: %v", law.Jurisdiction, err)
			}
		}
	})
	t.Run("allowed_without_good_faith_where_no_law_asks", func(t *testing.T) {
		if err := complete(lacking(func(n *Notice) { n.GoodFaith = false }), cn); err != nil {
			t.Error(err)
		}
	})
	t.Run("allowed_illegal_content_needs_no_right", func(t *testing.T) {
		n := lacking(func(n *Notice) {
			n.Right, n.Words.Holder, n.Words.Right, n.Words.Proof, n.Words.Phone = Illegal, "", "", "", ""
		})
		if err := complete(n, eu); err != nil {
			t.Error(err)
		}
	})
	t.Run("allowed_shown_without_measure", func(t *testing.T) {
		if err := mayShow(0); err != nil {
			t.Error(err)
		}
	})
	t.Run("refused_shown_under_a_measure", func(t *testing.T) {
		if err := mayShow(1); !errors.Is(err, ErrBlocked) {
			t.Error(err)
		}
	})
	for field, change := range map[string]func(n *Notice){
		"location":   func(n *Notice) { n.Location = " " },
		"holder":     func(n *Notice) { n.Words.Holder = "" },
		"right_name": func(n *Notice) { n.Words.Right = "" },
		"name":       func(n *Notice) { n.Words.Name = "" },
		"contact":    func(n *Notice) { n.Words.Phone = "" },
		"statement":  func(n *Notice) { n.Words.Statement = "because" },
		"proof":      func(n *Notice) { n.Words.Proof = "" },
		"summary":    func(n *Notice) { n.Summary = "" },
		"truthful":   func(n *Notice) { n.Truthful = false },
		"good_faith": func(n *Notice) { n.GoodFaith = false },
	} {
		t.Run("refused_without_"+field, func(t *testing.T) {
			n := lacking(change)
			if got := missing(n, eu); !slices.Equal(got, []string{field}) {
				t.Errorf("missing: %v", got)
			}
			err := complete(n, eu)
			if f, ok := fault.Of(err); !ok || !errors.Is(err, ErrIncomplete) || f.Clause != "ECL 42" || !strings.Contains(f.Error(), field) {
				t.Error(err)
			}
		})
	}
	if !slices.Equal(Fields, missing(Notice{Right: Copyright}, eu)) {
		t.Errorf("an empty notice lacks %v", missing(Notice{Right: Copyright}, eu))
	}
}

func TestTheFifteenDaysAreThoseOfTheCalendar(t *testing.T) {
	for _, c := range []struct{ arrived, want string }{
		{"2026-03-01 00:00:00", "2026-03-17 00:00:00"}, {"2026-03-01 23:59:59", "2026-03-17 00:00:00"}, {"2026-12-20 12:00:00", "2027-01-05 00:00:00"},
	} {
		if got := liftDue(at(t, c.arrived), 15); !got.Equal(at(t, c.want)) {
			t.Errorf("arrived %s: lifted at %s", c.arrived, got)
		}
	}
}

func TestFormalitiesPauseTheClockForTwentyWorkingDaysAtMost(t *testing.T) {
	rule := pauseRule{WorkingDays: 20, NoCalendarDays: 30}
	table := calendar.Official()
	due := at(t, "2026-03-17 00:00:00") // the last day that counts is Monday 16 March
	got, err := paused(due, 0, 5, rule, table)
	if err != nil || !got.Equal(at(t, "2026-03-24 00:00:00")) {
		t.Errorf("five working days: %s, %v", got, err)
	}
	if _, err := paused(due, 0, 20, rule, table); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ used, more int }{{0, 21}, {16, 5}, {20, 1}, {0, 0}, {0, -1}} {
		if _, err := paused(due, c.used, c.more, rule, table); !errors.Is(err, ErrPause) {
			t.Errorf("%d after %d: %v", c.more, c.used, err)
		}
	}
	// In a year whose holidays are not announced natural days stand for them, rounded up.
	if got, err := paused(at(t, "2026-12-30 00:00:00"), 0, 5, rule, table); err != nil || !got.Equal(at(t, "2027-01-07 00:00:00")) {
		t.Errorf("over the end of the table: %s, %v", got, err)
	}
}

func TestWhatIsPublishedNamesNobody(t *testing.T) {
	if err := publishable("网页使用了与注册商标近似的标识。"); err != nil {
		t.Error(err)
	}
	for _, s := range []string{
		"联系 13812345678", "write to li@example.com", "身份证 11010519491231002X", "call 010-12345678", "加微信 wx_abc12345", strings.Repeat("x", longestSummary+1),
	} {
		if err := publishable(s); err == nil {
			t.Errorf("%q would be published", s)
		}
	}
}

func TestALimitHoldsForTheAddressAndForThePlace(t *testing.T) {
	rule := limitRule{PerEmail: 5, PerPlace: 20}
	for _, c := range []struct {
		email, place int64
		ok           bool
	}{{0, 0, true}, {4, 19, true}, {5, 0, false}, {0, 20, false}} {
		if err := withinLimit(rule, c.email, c.place); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestACounterStatementWithoutProofIsRefused(t *testing.T) {
	c := Counter{Name: "Shop", Contact: "shop@example.com", Statement: "We hold a licence for this.", Proof: "Licence of 3 May 2025", Summary: "Licensed.", Truthful: true}
	if lacks := counterMissing(c); len(lacks) != 0 {
		t.Error(lacks)
	}
	if lacks := counterMissing(Counter{}); !slices.Equal(lacks, []string{"name", "contact", "statement", "proof", "summary", "truthful"}) {
		t.Error(lacks)
	}
}

func TestEveryArrowLeadsToAState(t *testing.T) {
	for from, arrows := range machine {
		for _, a := range arrows {
			if _, ok := machine[a.to]; !ok && !a.to.Ended() {
				t.Errorf("%s → %s is a dead end", from, a.to)
			}
			if from.Ended() && from != Kept && a.to != from {
				t.Errorf("%s ends and goes on to %s", from, a.to)
			}
		}
	}
	// A measure is undone from every state it is in.
	for _, s := range []State{MeasureTaken, CounterReceived, CounterForwarded, Waiting, Kept} {
		if n := (Notice{State: s}); !n.Liftable() || !n.Withdrawable() {
			t.Errorf("%s cannot be lifted", s)
		}
	}
}
