package operation

import (
	"errors"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

func day(t *testing.T, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var words = Both{ZH: "说明", EN: "Words"}

func whole() map[Part]Both {
	plan := map[Part]Both{}
	for _, p := range Parts {
		plan[p] = words
	}
	return plan
}

func TestClause_8_1_TheEndIsAnnouncedSixtyDaysAhead(t *testing.T) {
	announced := day(t, "2026-11-22")
	for name, at := range map[string]time.Time{"first_moment": announced.Start(), "last_moment": announced.Last()} {
		t.Run("allowed_61_days_on_"+name, func(t *testing.T) {
			if err := noticed(at, day(t, "2027-01-22").Start(), 60); err != nil {
				t.Error(err)
			}
		})
		t.Run("refused_a_day_sooner_"+name, func(t *testing.T) {
			refused(t, noticed(at, day(t, "2027-01-21").Start(), 60), "NOTICE_TOO_SHORT", "UA 8.1")
		})
	}
	ending := Service{State: WindingDown, EndAt: day(t, "2027-01-22").Start()}
	t.Run("allowed_terms_up_to_the_end", func(t *testing.T) {
		for _, err := range []error{outlasts(ending, ending.EndAt), outlasts(Service{State: Operating}, time.Time{}), takesNew(Service{State: Operating}), keepsReading(ending)} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("refused_terms_past_the_end", func(t *testing.T) {
		refused(t, outlasts(ending, ending.EndAt.Add(time.Microsecond)), "TERM_PAST_SERVICE_END", "UA 8.1")
		refused(t, outlasts(ending, time.Time{}), "TERM_PAST_SERVICE_END", "UA 8.1")
		refused(t, takesNew(ending), "SERVICE_WINDING_DOWN", "UA 8.1")
		over := Service{State: Ended, EndAt: ending.EndAt}
		for _, err := range []error{outlasts(over, ending.EndAt.Add(-time.Hour)), takesNew(over), keepsReading(over)} {
			refused(t, err, "SERVICE_ENDED", "UA 8.1")
		}
	})
	t.Run("refused_the_same_officer_twice", func(t *testing.T) {
		refused(t, two("usr_1", audit.Actor{User: "usr_1", Roles: []string{"compliance", "superadmin"}}), "SECOND_APPROVER_REQUIRED", "UA 8.1")
		if err := two("usr_1", audit.Actor{User: "usr_2"}); err != nil {
			t.Error(err)
		}
	})
}

func TestConflict_11_ARunOffPlanIsMandatory(t *testing.T) {
	plan := whole()
	delete(plan, "deposits")
	t.Run("CN", func(t *testing.T) {
		refused(t, planned(agreement.LawOf("CN"), plan), "RUN_OFF_PLAN_MISSING", "UA 8.1")
		refused(t, planned(agreement.LawOf("CN"), nil), "RUN_OFF_PLAN_MISSING", "UA 8.1")
		if err := planned(agreement.LawOf("CN"), whole()); err != nil {
			t.Error(err)
		}
	})
	t.Run("OTHER", func(t *testing.T) { // the bare agreement ends without liability and without a plan
		if err := planned(agreement.LawOf("OTHER"), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestClause_5_2_AChangeIsPublicWithWhatWhenAndWhatToDo(t *testing.T) {
	now := day(t, "2026-11-22").Start()
	good := Change{Kind: FeatureChange, Title: words, Text: words, Migration: words, EffectiveAt: now}
	t.Run("allowed_complete_and_from_now_on", func(t *testing.T) {
		if err := publishable(good, now); err != nil {
			t.Error(err)
		}
	})
	t.Run("refused_backwards_or_with_a_gap", func(t *testing.T) {
		late := good
		late.EffectiveAt = now.Add(-time.Second)
		refused(t, publishable(late, now), "CHANGE_INCOMPLETE", "UA 5.2")
		for _, spoil := range []func(c *Change){
			func(c *Change) { c.Title.EN = " " }, func(c *Change) { c.Text = Both{} }, func(c *Change) { c.Migration.ZH = "" }, func(c *Change) { c.Kind = "rules" },
		} {
			c := good
			spoil(&c)
			if err := publishable(c, now); err == nil {
				t.Errorf("%+v was published", c)
			}
		}
	})
}

func TestClause_7_2_AnIncidentIsClosedOnlyWhenItIsAssessedAndTold(t *testing.T) {
	now := day(t, "2026-11-22").Start()
	law := agreement.LawOf("CN")
	assessed := Incident{Personal: true, Fault: NoFault, AuthorityAt: now, SubjectsOffAt: now}
	t.Run("allowed_told_or_with_a_reason", func(t *testing.T) {
		for _, i := range []Incident{assessed, {Fault: OperatorFault}, {Personal: true, Fault: NoFault, AuthorityOffAt: now, SubjectsAt: now}} {
			if err := closable(law, i); err != nil {
				t.Errorf("%+v: %v", i, err)
			}
		}
	})
	t.Run("refused_unassessed_or_untold", func(t *testing.T) {
		refused(t, closable(law, Incident{}), "INCIDENT_NOT_ASSESSED", "UA 7.2")
		refused(t, closable(law, Incident{Personal: true, Fault: NoFault, AuthorityAt: now}), "INCIDENT_NOTICE_MISSING", "UA 7.2")
		refused(t, closable(law, Incident{Personal: true, Fault: NoFault, SubjectsAt: now}), "INCIDENT_NOTICE_MISSING", "UA 7.2")
	})
}

func TestClause_7_2_TheAuthorityIsToldWithinTheHoursOfTheLaw(t *testing.T) {
	at := day(t, "2026-11-22").Start()
	for name, c := range map[string]struct {
		law      string
		personal bool
		hours    time.Duration // -1: never
	}{
		"CN: at once, which is the rulebook's hours": {"CN", true, 4},
		"EU: seventy-two hours":                      {"EU", true, 72},
		"OTHER: nobody asks":                         {"OTHER", true, -1},
		"CN: no personal data":                       {"CN", false, -1},
		"EU: no personal data":                       {"EU", false, -1},
	} {
		due := authorityDue(agreement.LawOf(c.law), 4, c.personal, at)
		if c.hours < 0 && !due.IsZero() || c.hours >= 0 && !due.Equal(at.Add(c.hours*time.Hour)) {
			t.Errorf("%s: due %s", name, due)
		}
	}
	if got := alarmAt(at, at.Add(72*time.Hour)); !got.Equal(at.Add(54 * time.Hour)) {
		t.Errorf("alarm %s", got)
	}
	open := Incident{State: Resolved, AuthorityDue: at}
	told, waived, closed := open, open, open
	told.AuthorityAt, waived.AuthorityOffAt, closed.State = at, at, Closed
	if !open.AuthorityOwed().Equal(at) || !told.AuthorityOwed().IsZero() || !waived.AuthorityOwed().IsZero() || !closed.AuthorityOwed().IsZero() {
		t.Error("what is owed is not what has not been done")
	}
}

func TestConflict_09_NoExemptionWithoutAnAssessment(t *testing.T) {
	now := day(t, "2026-11-22").Start()
	unknown := Incident{Personal: true, Cause: "attack"}
	t.Run("CN", func(t *testing.T) {
		law := agreement.LawOf("CN")
		if mayClaim(law, unknown) || mayClaim(law, Incident{Fault: PartialFault}) || !mayClaim(law, Incident{Fault: NoFault}) {
			t.Error("an exemption before the assessment, or none after it")
		}
		refused(t, closable(law, unknown), "INCIDENT_NOT_ASSESSED", "UA 7.2")
		if got := due(law, true, now); !got.Equal(now) {
			t.Errorf("due %s, want at once", got)
		}
	})
	t.Run("EU", func(t *testing.T) {
		if got := due(agreement.LawOf("EU"), true, now); !got.Equal(now.Add(72 * time.Hour)) {
			t.Errorf("due %s, want in 72 hours", got)
		}
		if got := due(agreement.LawOf("EU"), false, now); !got.IsZero() {
			t.Errorf("no personal data, and due %s", got)
		}
	})
	t.Run("OTHER", func(t *testing.T) { // the bare agreement: exempt unless it was the operator's fault
		law := agreement.LawOf("OTHER")
		if !mayClaim(law, unknown) || mayClaim(law, Incident{Cause: "operator"}) || !due(law, true, now).IsZero() {
			t.Error("the bare agreement was not applied")
		}
		if err := closable(law, unknown); err != nil || !stepOf(law, Resolved, Closed) || stepOf(agreement.LawOf("CN"), Resolved, Closed) {
			t.Error(err)
		}
	})
}

func TestConflict_10_AnAttackExemptsOnlyWhoWasNotAtFault(t *testing.T) {
	attacked := Interruption{Cause: Attack, Incident: "inc_1"}
	t.Run("CN", func(t *testing.T) {
		law := agreement.LawOf("CN")
		for f, want := range map[Fault]string{"": "", PartialFault: "", OperatorFault: "", NoFault: "UA 7.3.3"} {
			if got := exempt(law, attacked, Incident{Fault: f, Cause: "attack"}, false); got != want {
				t.Errorf("fault %q: %q, want %q", f, got, want)
			}
		}
	})
	t.Run("OTHER", func(t *testing.T) {
		if got := exempt(agreement.LawOf("OTHER"), attacked, Incident{Cause: "attack"}, false); got != "UA 7.3.3" {
			t.Errorf("%q", got)
		}
	})
}

func TestClause_7_3_AnInterruptionHasACauseAndTimes(t *testing.T) {
	now := day(t, "2026-11-22").Start()
	law := agreement.LawOf("CN")
	done := Interruption{AcknowledgedAt: now, ResolvedAt: now, Cause: OperatorsFault, Lesson: words}
	t.Run("allowed_with_everything", func(t *testing.T) {
		if err := finished(done, 0); err != nil {
			t.Error(err)
		}
		if got := exempt(law, Interruption{Cause: Carrier}, Incident{}, false); got != "UA 7.3.2" {
			t.Errorf("%q", got)
		}
	})
	t.Run("refused_with_a_gap", func(t *testing.T) {
		for _, spoil := range []func(n *Interruption){
			func(n *Interruption) { n.AcknowledgedAt = time.Time{} }, func(n *Interruption) { n.ResolvedAt = time.Time{} },
			func(n *Interruption) { n.Cause = "" }, func(n *Interruption) { n.Lesson.EN = "" },
		} {
			n := done
			spoil(&n)
			refused(t, finished(n, 0), "INTERRUPTION_UNFINISHED", "UA 7.3")
		}
		refused(t, finished(done, 1), "CONTEST_OPEN", "UA 7.3.4")
	})
	t.Run("refused_exemption_for_the_operators_own_fault", func(t *testing.T) {
		for _, n := range []Interruption{done, {}, {Cause: Unforeseeable, CauseBy: "usr_1"}} {
			if got := exempt(law, n, Incident{}, false); got != "" {
				t.Errorf("%+v claims %q", n, got)
			}
		}
		if got := exempt(law, Interruption{Cause: UserSide}, Incident{}, true); got != "" {
			t.Errorf("a contested cause claims %q", got)
		}
	})
}

// prove runs the cases of one row of 7.3.
func prove(t *testing.T, clause string, c Cause, allowed string, good []Proof, refusal string, bad []Proof) {
	t.Helper()
	t.Run(allowed, func(t *testing.T) {
		for _, p := range good {
			if err := proved(c, p, ""); err != nil {
				t.Errorf("%+v: %v", p, err)
			}
		}
	})
	t.Run(refusal, func(t *testing.T) {
		for _, p := range append(bad, Proof{}) {
			refused(t, proved(c, p, ""), "CAUSE_NOT_PROVED", clause)
		}
	})
}

func TestClause_7_3_1_ForceMajeureNeedsSomethingPublic(t *testing.T) {
	prove(t, "UA 7.3.1", ForceMajeure, "allowed_with_something_public",
		[]Proof{{Kind: "announcement", Reference: "粤应急〔2026〕12号"}, {Kind: "link", Reference: "https://example.org/storm"}}, "refused_without",
		[]Proof{{Kind: "link", Reference: "storm"}, {Kind: "link", Reference: "ftp://example.org/x"}, {Kind: "ticket", Reference: "T-1234"}, {Kind: "document", Reference: " "}})
}

func TestClause_7_3_2_ACarrierNeedsItsTicket(t *testing.T) {
	prove(t, "UA 7.3.2", Carrier, "allowed_with_a_ticket", []Proof{{Kind: "ticket", Reference: "CT-2026-7788"}, {Kind: "carrier_notice", Reference: "割接通知 20261122"}}, "refused_without",
		[]Proof{{Kind: "ticket"}, {Kind: "link", Reference: "https://example.org"}})
}

func TestClause_7_3_3_AnAttackNeedsAnIncident(t *testing.T) {
	t.Run("allowed_with_an_incident", func(t *testing.T) {
		if err := proved(Attack, Proof{}, "inc_1"); err != nil {
			t.Error(err)
		}
	})
	t.Run("refused_without", func(t *testing.T) { refused(t, proved(Attack, Proof{}, ""), "CAUSE_NOT_PROVED", "UA 7.3.3") })
}

func TestClause_7_3_4_AUsersMistakeNeedsADiagnosisAndMayBeContested(t *testing.T) {
	prove(t, "UA 7.3.4", UserSide, "allowed_with_a_diagnosis", []Proof{{Kind: "client_error", Text: "客户端日志:证书链校验失败 x509"}}, "refused_without", []Proof{{Kind: "client_error", Text: "坏了"}, {Text: "客户端日志:证书链校验失败"}})
	now := day(t, "2026-11-22").Start()
	n := Interruption{Cause: UserSide, CauseBy: "usr_1", CauseAt: now}
	t.Run("allowed_contest_of_who_is_concerned", func(t *testing.T) {
		if err := contestable(n, true, day(t, "2026-12-07").Last(), 15); err != nil {
			t.Error(err)
		}
		if err := answers(n, audit.Actor{User: "usr_2"}); err != nil {
			t.Error(err)
		}
	})
	t.Run("refused_contest", func(t *testing.T) {
		refused(t, contestable(n, false, now, 15), "CONTEST_NOT_AFFECTED", "UA 7.3.4")
		refused(t, contestable(n, true, day(t, "2026-12-08").Start(), 15), "CONTEST_TOO_LATE", "UA 7.3.4")
		refused(t, answers(n, audit.Actor{User: "usr_1"}), "SECOND_APPROVER_REQUIRED", "UA 7.3.4")
		if err := contestable(Interruption{Cause: OperatorsFault}, true, now, 15); !errors.Is(err, ErrStale) {
			t.Error(err)
		}
	})
}

func TestClause_7_3_5_UnauthorisedUseNeedsTheLog(t *testing.T) {
	prove(t, "UA 7.3.5", Unauthorised, "allowed_with_the_log", []Proof{{Kind: "invalid_token", Text: "2026-11-22T02:00Z POST /internal/x 401 token=none"}}, "refused_without",
		[]Proof{{Kind: "invalid_token", Text: "log"}, {Kind: "client_error", Text: "2026-11-22T02:00Z POST /internal/x 401"}})
}

func TestClause_7_3_6_OneAloneDoesNotDecideThatNobodyCouldForesee(t *testing.T) {
	p := Proof{Text: "上游机房的消防系统误动作,整层断电,此前没有任何先例。"}
	prove(t, "UA 7.3.6", Unforeseeable, "allowed_when_described", []Proof{p}, "refused_without", []Proof{{Text: "不可预见"}})
	now := day(t, "2026-11-22").Start()
	n := Interruption{AcknowledgedAt: now, ResolvedAt: now, Cause: Unforeseeable, CauseBy: "usr_1", Proof: p, Lesson: words}
	t.Run("refused_by_one_person", func(t *testing.T) {
		refused(t, finished(n, 0), "SECOND_APPROVER_REQUIRED", "UA 7.3.6")
		refused(t, another(n, audit.Actor{User: "usr_1", Roles: []string{"support", "compliance"}}), "SECOND_APPROVER_REQUIRED", "UA 7.3.6")
	})
	t.Run("allowed_by_two", func(t *testing.T) {
		if err := another(n, audit.Actor{User: "usr_2"}); err != nil {
			t.Error(err)
		}
		n.ConfirmedBy = "usr_2"
		if err := finished(n, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestUptimeCountsWhatOverlapsOnce(t *testing.T) {
	from := day(t, "2026-08-24").Start()
	to := from.Add(100 * time.Hour)
	at := func(h float64) time.Time { return from.Add(time.Duration(h * float64(time.Hour))) }
	for name, c := range map[string]struct {
		spans []Span
		want  int64
	}{
		"none": {nil, 10000}, "an hour": {[]Span{{at(5), at(6)}}, 9900}, "still running": {[]Span{{at(99), time.Time{}}}, 9900},
		"began before": {[]Span{{at(-9), at(2)}}, 9800}, "overlap": {[]Span{{at(10), at(12)}, {at(11), at(13)}, {at(10.5), at(11)}}, 9700},
		"all of it": {[]Span{{at(-1), time.Time{}}}, 0}, "a second rounds down": {[]Span{{at(0), at(0).Add(time.Second)}}, 9999},
	} {
		if got := Uptime(c.spans, from, to); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := Uptime([]Span{{at(0), at(9)}}, from, from.AddDate(0, 0, 90)); got != 9958 {
		t.Errorf("nine hours of ninety days: %d", got)
	}
	if got := Uptime(nil, to, from); got != 10000 {
		t.Errorf("no time at all: %d", got)
	}
}
