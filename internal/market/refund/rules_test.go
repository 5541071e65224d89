package refund

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

func day(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation(time.DateTime, s, calendar.Shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestUnused_TheVectors(t *testing.T) {
	for _, v := range []struct{ paid, used, whole, want int64 }{
		{36500, 11, 365, 35400}, {10000, 7, 30, 7667}, {9999, 1, 31, 9677}, {10000, 30, 30, 0}, {10000, 0, 30, 10000},
	} {
		if got := unused(cny(v.paid), v.used, v.whole); got != cny(v.want) {
			t.Errorf("%d, %d of %d days: %s, want %d", v.paid, v.used, v.whole, got, v.want)
		}
	}
}

func TestUnused_IsNeverMoreThanWasPaidNorLessWithFewerDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paid := rapid.Int64Range(0, 1<<50).Draw(t, "paid")
		whole := rapid.Int64Range(1, 4000).Draw(t, "whole")
		used := rapid.Int64Range(0, whole-1).Draw(t, "used")
		a, b := unused(cny(paid), used, whole).Minor, unused(cny(paid), used+1, whole).Minor
		if a < b || a > paid || b < 0 {
			t.Fatal(paid, used, whole, a, b)
		}
	})
}

// paidFor are the facts of a delivered monthly product under the market's rules.
func paidFor(t *testing.T, now string) facts {
	paid := day(t, "2026-07-01 23:59:59")
	return facts{
		rule: order.RefundRule{Kind: catalog.RefundPlatformRules, Class: fiveDay, Days: 5, Until: calendar.RefundLastMoment(paid, 5)},
		paid: cny(31000), left: cny(31000), starts: paid, ends: calendar.MonthsLater(paid, 1), now: day(t, now),
	}
}

func TestClause_4_5_WhatAnOrderGivesBack(t *testing.T) {
	service := func(f facts) facts {
		f.rule.Class, f.rule.Days, f.rule.Until = untilAcceptance, 0, time.Time{}
		return f
	}
	for name, c := range map[string]struct {
		f      facts
		reason Reason
		kind   Kind
		amount int64
		cause  error
	}{
		"allowed first day":                    {paidFor(t, "2026-07-01 23:59:59"), NoReason, Full, 31000, nil},
		"allowed last second of the fifth day": {paidFor(t, "2026-07-05 23:59:59"), NoReason, Full, 31000, nil},
		"allowed sixth day":                    {paidFor(t, "2026-07-06 00:00:00"), NoReason, ProRata, 25000, nil},
		"allowed sixth day, not as described":  {paidFor(t, "2026-07-06 00:00:00"), NotAsDescribed, VendorDecides, 31000, nil},
		"allowed in the window, and at fault":  {paidFor(t, "2026-07-02 00:00:00"), Quality, Full, 31000, nil},
		"refused all days used":                {paidFor(t, "2026-07-31 10:00:00"), NoReason, None, 0, ErrWindow},
		"refused sold for ever, after the window": {func() facts {
			f := paidFor(t, "2026-07-06 00:00:00")
			f.ends = time.Time{}
			return f
		}(), NoReason, None, 0, ErrWindow},
		"allowed a part went back before": {func() facts {
			f := paidFor(t, "2026-07-06 00:00:00")
			f.left = cny(3100)
			return f
		}(), NoReason, ProRata, 2500, nil},
		"refused nothing is left": {func() facts {
			f := paidFor(t, "2026-07-02 00:00:00")
			f.left = cny(0)
			return f
		}(), NoReason, None, 0, ErrNothing},
		"allowed service, not begun":      {service(paidFor(t, "2026-07-02 00:00:00")), NoReason, Full, 31000, nil},
		"allowed service, begun":          {func() facts { f := service(paidFor(t, "2026-07-02 00:00:00")); f.begun = true; return f }(), NoReason, VendorDecides, 31000, nil},
		"allowed service, stale":          {func() facts { f := service(paidFor(t, "2026-11-02 00:00:00")); f.stale = true; return f }(), NoReason, VendorDecides, 31000, nil},
		"refused service, accepted":       {func() facts { f := service(paidFor(t, "2026-07-02 00:00:00")); f.accepted = true; return f }(), NoReason, None, 0, ErrWindow},
		"allowed accepted, but at fault":  {func() facts { f := service(paidFor(t, "2026-07-02 00:00:00")); f.accepted = true; return f }(), Late, VendorDecides, 31000, nil},
		"refused class without":           {func() facts { f := paidFor(t, "2026-07-02 00:00:00"); f.rule.Class = "none"; return f }(), NoReason, None, 0, ErrNotSupported},
		"allowed class without, at fault": {func() facts { f := paidFor(t, "2026-07-02 00:00:00"); f.rule.Class = "none"; return f }(), CannotPerform, VendorDecides, 31000, nil},
		"refused product without":         {func() facts { f := paidFor(t, "2026-07-02 00:00:00"); f.rule.Kind = catalog.RefundNone; return f }(), Other, None, 0, ErrNotSupported},
		"refused the vendor's own":        {func() facts { f := paidFor(t, "2026-07-02 00:00:00"); f.rule.Kind = catalog.RefundVendorOwn; return f }(), Quality, None, 0, ErrOffline},
	} {
		t.Run(name, func(t *testing.T) {
			a := assess(c.f, c.reason)
			if a.Kind != c.kind || a.Amount != cny(c.amount) || !errors.Is(a.Refusal, c.cause) || a.Because == "" {
				t.Errorf("%s %s (%s), %v", a.Kind, a.Amount, a.Because, a.Refusal)
			}
			if (a.Kind == None) != (a.Refusal != nil) || (a.Kind == None) != strings.HasPrefix(name, "refused") {
				t.Error("a refusal without a reason, or the other way round")
			}
		})
	}
}

func TestAsked_WhatTheFormShowedIsWhatIsAsked(t *testing.T) {
	full := Assessment{Kind: Full, Amount: cny(500)}
	most := Assessment{Kind: VendorDecides, Amount: cny(500)}
	for name, c := range map[string]struct {
		a    Assessment
		in   Ask
		ends bool
		err  error
	}{
		"all":                {full, Ask{Amount: cny(500)}, true, nil},
		"all, but to keep":   {full, Ask{Amount: cny(500), Keep: true}, true, nil},
		"another amount":     {full, Ask{Amount: cny(499)}, false, ErrStale},
		"a part and the end": {most, Ask{Amount: cny(200)}, true, nil},
		"a part to keep":     {most, Ask{Amount: cny(200), Keep: true}, false, nil},
		"all cannot keep":    {most, Ask{Amount: cny(500), Keep: true}, true, nil},
		"too much":           {most, Ask{Amount: cny(501)}, false, ErrInvalid},
		"nothing":            {most, Ask{Amount: cny(0)}, false, ErrInvalid},
		"another currency":   {most, Ask{Amount: money.Amount{Minor: 5, Currency: "USD"}}, false, ErrInvalid},
		"none":               {Assessment{Kind: None, Refusal: ErrWindow}, Ask{}, false, ErrWindow},
	} {
		x, ends, err := asked(c.a, c.in)
		if !errors.Is(err, c.err) || err == nil && (x != c.in.Amount || ends != c.ends) {
			t.Errorf("%s: %s %t %v", name, x, ends, err)
		}
	}
}

func TestClause_8_4_AFinalBreachRefusesAndAnAppealHolds(t *testing.T) {
	for name, c := range map[string]struct {
		state BreachState
		hold  bool
		err   error
	}{
		"allowed without a breach":      {"", false, nil},
		"allowed once it was revoked":   {BreachRevoked, false, nil},
		"allowed to wait, under appeal": {BreachPending, true, nil},
		"refused once it is final":      {BreachFinal, false, ErrBreach},
	} {
		t.Run(name, func(t *testing.T) {
			if hold, err := noBreach(Breach{Case: "enf_1", State: c.state}); hold != c.hold || !errors.Is(err, c.err) {
				t.Errorf("%t %v", hold, err)
			}
		})
	}
	_, err := noBreach(Breach{Case: "enf_1", State: BreachFinal})
	if f, _ := fault.Of(err); f == nil || f.Clause != "UA 8.4" || !slices.Contains(f.Args, any("enf_1")) {
		t.Errorf("the refusal names neither clause nor case: %v", err)
	}
}

func TestQuotaInvoiceAndSecondPerson(t *testing.T) {
	if withinQuota(false, 99, 0) != nil || withinQuota(true, 9, 10) != nil || !errors.Is(withinQuota(true, 10, 10), ErrQuota) {
		t.Error("quota")
	}
	if invoiceBack("money", true) != nil || invoiceBack("request", false) != nil || !errors.Is(invoiceBack("request", true), ErrInvoice) {
		t.Error("invoice")
	}
	if needsSecond(cny(100), 100) || !needsSecond(cny(101), 100) {
		t.Error("limit")
	}
	if another("usr_1", audit.Actor{User: "usr_2"}) != nil || !errors.Is(another("usr_1", audit.Actor{User: "usr_1"}), ErrSecond) {
		t.Error("second person")
	}
	for clause, ok := range map[string]bool{"UA 4.5": true, "RB refund-5": true, "CPL 26": true, "": false, "because": false, "UA": false, "RB refund": false} {
		if cites(clause) != ok {
			t.Errorf("%q cites: %t", clause, !ok)
		}
	}
}

func TestAnswerBy_AYearWithoutACalendarCountsNaturalDays(t *testing.T) {
	rule := answerRule{Days: 3, NoCalendarDays: 5}
	for at, want := range map[string]struct {
		due   string
		clock Clock
	}{
		"2026-11-20 10:00:00": {"2026-11-25", WorkingDays}, // a Friday
		"2026-12-30 10:00:00": {"2027-01-04", NaturalDays},
		"2030-03-01 10:00:00": {"2030-03-06", NaturalDays},
	} {
		due, clock := answerBy(calendar.Official(), day(t, at), rule)
		if calendar.On(due).String() != want.due || clock != want.clock {
			t.Errorf("%s: %s (%s), want %s (%s)", at, due, clock, want.due, want.clock)
		}
	}
}

func TestLimits_WarnOnDayTwelveAndBreakAfterDayFifteen(t *testing.T) {
	alert, breach := limits(day(t, "2026-11-01 18:00:00"), limitRule{Days: 15, AlertDay: 12})
	if !alert.Equal(day(t, "2026-11-13 00:00:00")) || !breach.Equal(day(t, "2026-11-17 00:00:00")) {
		t.Errorf("%s %s", alert, breach)
	}
}

// every event and side there is.
var (
	events = []Event{
		evSubmit, evReview, evAtOnce, evHold, evProceed, evBreach, evAgree, evCounter, evRefuse, evSilence, evApprove, evEscalate, evAccept, evDecide,
		evPropose, evReject, evConfirm, evDecline, evWithdraw, evLapse, evWait, evClear, evReturn, evRefund, evReturned, evPaid, evFail, evOtherWay, evUndone, evMoot,
	}
	sides  = []Side{Buyer, Seller, Staff, Second, Timer, Provider, System}
	states = []State{
		"", Requested, OnHold, VendorReview, Agreed, Countered, Refused, TimedOut, OperatorReview, SecondReview, Approved, WaitingRedLetter,
		Returning, Refunding, Refunded, Failed, Rejected, Withdrawn, Lapsed,
	}
)

// allowed is the machine once more, written from the specification as one line a
// move: who may do what from where.
const allowed = `
 user submitted requested
requested system sent_to_vendor vendor_review
requested system approved_at_once approved
requested system approved_by_rule approved
requested system held on_hold
on_hold system hold_lifted requested
on_hold system breach_final rejected
on_hold user withdrawn withdrawn
on_hold system delivery_failed refunding
vendor_review vendor vendor_agreed agreed
vendor_review vendor vendor_countered countered
vendor_review vendor vendor_refused refused
vendor_review timer vendor_silent timed_out
vendor_review user withdrawn withdrawn
vendor_review system delivery_failed refunding
agreed system approved_by_rule approved
timed_out system approved_by_rule approved
timed_out system escalated operator_review
countered user offer_accepted approved
countered user escalated operator_review
countered user withdrawn withdrawn
countered timer lapsed lapsed
countered system delivery_failed refunding
refused user escalated operator_review
refused user withdrawn withdrawn
refused timer lapsed lapsed
refused system delivery_failed refunding
operator_review operator operator_approved approved
operator_review operator operator_proposed second_review
operator_review operator operator_rejected rejected
operator_review user withdrawn withdrawn
operator_review system delivery_failed refunding
second_review second second_confirmed approved
second_review second second_declined operator_review
second_review user withdrawn withdrawn
second_review system delivery_failed refunding
approved system waiting_for_red_letter waiting_red_letter
approved system share_returning returning
approved system sent_to_provider refunding
approved system breach_final rejected
approved system nothing_left rejected
approved user withdrawn withdrawn
approved system delivery_failed refunding
waiting_red_letter system red_letter_agreed approved
waiting_red_letter user withdrawn withdrawn
waiting_red_letter system delivery_failed refunding
returning provider share_returned refunding
returning provider paid refunded
returning provider provider_failed failed
refunding provider paid refunded
refunding provider provider_failed failed
refunded provider provider_failed failed
failed operator paid_by_transfer refunded`

func TestMachine_EveryStateEventAndSide(t *testing.T) {
	want := map[[3]string]State{}
	for line := range strings.Lines(strings.TrimPrefix(allowed, "\n")) {
		word := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		want[[3]string{word[0], word[1], word[2]}] = State(word[3])
	}
	tried, moved := 0, 0
	for _, from := range states {
		for _, e := range events {
			for _, by := range sides {
				tried++
				to, err := next(from, e, by)
				expected, may := want[[3]string{string(from), string(by), string(e)}]
				switch {
				case may && (err != nil || to != expected):
					t.Errorf("%s %s by %s: %s, %v, want %s", from, e, by, to, err, expected)
				case !may && !errors.Is(err, ErrState):
					t.Errorf("%s %s by %s leads to %s", from, e, by, to)
				case may:
					moved++
				}
			}
		}
	}
	if moved != len(want) || tried != len(states)*len(events)*len(sides) {
		t.Errorf("%d of %d moves taken, %d combinations tried", moved, len(want), tried)
	}
	for from, arrows := range machine {
		for _, a := range arrows {
			if from.Moving() && a.by != Provider {
				t.Errorf("%s may %s while the money moves", a.by, a.event)
			}
		}
	}
}

func TestConflict_13_AForfeitedFeeOfAConsumerIsLookedAt(t *testing.T) {
	for jurisdiction, want := range map[string]bool{"CN": true, "EU": true, "OTHER": false} {
		t.Run(jurisdiction, func(t *testing.T) {
			law := agreement.LawOf(jurisdiction)
			if got := forfeitLooked(law, true); got != want {
				t.Errorf("a consumer's is looked at: %v", got)
			}
			if forfeitLooked(law, false) {
				t.Error("a company's is looked at")
			}
			if _, err := noBreach(Breach{Case: "enf_1", State: BreachFinal}); err == nil {
				t.Error("clause 8.4 itself stands everywhere")
			}
		})
	}
}
