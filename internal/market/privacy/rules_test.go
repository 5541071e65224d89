package privacy

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

var now = time.Date(2026, time.March, 2, 2, 0, 0, 0, time.UTC)

func code(err error) string {
	if f, ok := fault.Of(err); ok {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func is(t *testing.T, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func given(v vendor.ID, fields ...Field) *Consent {
	return &Consent{ID: "cns_1", Account: "acc_1", Vendor: v, Fields: fields, State: Given, ExpiresAt: now.Add(time.Hour)}
}

func TestClause_5_4_PlainDataNeedsAConsentOrADisclosure(t *testing.T) {
	done := &Disclosure{Account: "acc_1", Recipient: Recipient{Kind: ToVendor, Vendor: "ven_1"}, State: Made}
	t.Run("allowed", func(t *testing.T) {
		is(t, mayRead("ven_1", "acc_1", given("ven_1", Mobile), nil, now), "")
		is(t, mayRead("ven_1", "acc_1", nil, done, now), "")
	})
	t.Run("refused", func(t *testing.T) {
		for name, err := range map[string]error{
			"nothing": mayRead("ven_1", "acc_1", nil, nil, now), "another vendor's": mayRead("ven_2", "acc_1", given("ven_1", Mobile), nil, now),
			"another customer's": mayRead("ven_1", "acc_2", given("ven_1", Mobile), nil, now), "expired": mayRead("ven_1", "acc_1", given("ven_1", Mobile), nil, now.Add(2*time.Hour)),
			"disclosed to another": mayRead("ven_2", "acc_1", nil, done, now), "only proposed": mayRead("ven_1", "acc_1", nil, &Disclosure{Account: "acc_1", Recipient: done.Recipient, State: Proposed}, now),
		} {
			if code(err) != "DISCLOSURE_NO_BASIS" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestClause_5_4_1_AConsentIsForOneRecipientAndItsFields(t *testing.T) {
	t.Run("allowed", func(t *testing.T) {
		is(t, agreed(given("ven_1", Email, Name), "ven_1", []Field{Name}, now), "")
		is(t, consentable([]Field{Name, Mobile}), "")
	})
	t.Run("refused", func(t *testing.T) {
		is(t, agreed(nil, "ven_1", nil, now), "CONSENT_REQUIRED")
		is(t, agreed(given("ven_1", Name), "ven_2", []Field{Name}, now), "CONSENT_REQUIRED")
		is(t, agreed(given("ven_1", Name), "ven_1", []Field{Mobile}, now), "CONSENT_REQUIRED")
		withdrawn := given("ven_1", Name)
		withdrawn.State = Withdrawn
		is(t, agreed(withdrawn, "ven_1", []Field{Name}, now), "CONSENT_REQUIRED")
		is(t, consentable(nil), "FIELD_REQUIRED")
		is(t, consentable([]Field{IDNumber}), "FIELD_INVALID")
		is(t, consentable([]Field{Name, Name}), "FIELD_INVALID")
	})
}

func TestClause_5_4_2_AProvisionIsInForce(t *testing.T) {
	book := &agreement.Version{Code: "refund", Number: 2, Clauses: []agreement.Clause{{ID: "refund-5"}}}
	t.Run("allowed", func(t *testing.T) {
		is(t, provided("PIPL 13(3)", 0, nil), "")
		is(t, provided("ECL 25", 0, nil), "")
		is(t, provided("RB refund-5", 2, book), "")
		is(t, provided("UA 5.4", 1, &agreement.Version{Number: 1, Clauses: []agreement.Clause{{ID: "5.4"}}}), "")
	})
	t.Run("refused", func(t *testing.T) {
		is(t, provided("RB refund-5", 1, book), "RULE_NOT_IN_FORCE") // superseded
		is(t, provided("RB refund-5", 3, book), "RULE_NOT_IN_FORCE")
		is(t, provided("RB refund-99", 2, book), "RULE_NOT_IN_FORCE")
		is(t, provided("RB nothing-1", 1, nil), "RULE_NOT_IN_FORCE")
		is(t, provided("because", 0, nil), "DISCLOSURE_NO_BASIS")
		is(t, provided("", 0, nil), "DISCLOSURE_NO_BASIS")
		is(t, provided("PIPL 13", 1, nil), "DISCLOSURE_NO_BASIS")
	})
	for provision, want := range map[string]string{"RB listing-3": "listing", "UA 4.3": agreement.UserAgreement, "ECL 25": ""} {
		if got := bookOf(provision); got != want {
			t.Errorf("%s stands in %q", provision, got)
		}
	}
}

func TestClause_5_4_3_OnlyWhatTheMatterNeeds(t *testing.T) {
	t.Run("allowed", func(t *testing.T) {
		is(t, needed(ToVendor, "cmp_1", []Field{Name, ContactWay, Order, Demand}), "")
		is(t, needed(ToAuthority, "cas_1", []Field{RealName, IDNumber}), "")
	})
	t.Run("refused", func(t *testing.T) {
		is(t, needed(ToVendor, "cmp_1", []Field{Name, IDNumber}), "DISCLOSURE_FIELDS")
		is(t, needed(ToVendor, "cmp_1", []Field{BankAccount}), "DISCLOSURE_FIELDS")
		is(t, needed(ToOther, "cmp_1", []Field{SignIns}), "DISCLOSURE_FIELDS")
		is(t, needed(ToVendor, " ", []Field{Name}), "DISCLOSURE_NO_BASIS")
		is(t, needed(ToVendor, "cmp_1", nil), "FIELD_REQUIRED")
	})
}

func TestClause_5_4_4_AnEmergencyHasANameAReasonAndItsReview(t *testing.T) {
	police := Recipient{Kind: ToAuthority, Name: "深圳市公安局南山分局"}
	t.Run("allowed", func(t *testing.T) {
		is(t, urgent(police, "正在发生的诈骗", false), "")
		is(t, urgent(Recipient{Kind: ToVictim, Name: "王某"}, "防止继续受骗", false), "")
	})
	t.Run("refused", func(t *testing.T) {
		is(t, urgent(police, "正在发生的诈骗", true), "DISCLOSURE_REVIEW_DUE")
		is(t, urgent(police, " ", false), "FIELD_REQUIRED")
		is(t, urgent(Recipient{Kind: ToAuthority}, "x", false), "DISCLOSURE_NO_BASIS")
		is(t, urgent(Recipient{Kind: ToVendor, Name: "x"}, "x", false), "DISCLOSURE_NO_BASIS")
	})
}

func TestTwoPersons(t *testing.T) {
	first := audit.Actor{User: "usr_1", Account: "acc_op", Roles: []string{account.Compliance, account.Superadmin}}
	is(t, another("usr_1", first), "SECOND_APPROVER_REQUIRED")
	is(t, another("usr_2", first), "")
	is(t, officer(first, "acc_1"), "")
	is(t, officer(first, "acc_op"), "FORBIDDEN")
	is(t, officer(audit.Actor{User: "usr_3", Roles: []string{account.Superadmin, account.Support}}, "acc_1"), "FORBIDDEN")
	is(t, silent(ToAuthority, "侦查保密"), "")
	is(t, silent(ToVendor, "侦查保密"), "FIELD_INVALID")
	is(t, silent(ToVendor, ""), "")
}

func TestClause_6_2_RequestsReachTheVendorThatHoldsTheData(t *testing.T) {
	partners := []vendor.ID{"ven_1"}
	t.Run("allowed", func(t *testing.T) {
		is(t, forwardable(Delete, "ven_1", partners, "请删除"), "")
		is(t, forwardable(Access, "", nil, ""), "")
	})
	t.Run("refused", func(t *testing.T) {
		is(t, forwardable(Delete, "ven_2", partners, "请删除"), "FIELD_INVALID")
		is(t, forwardable(Delete, "ven_1", partners, " "), "FIELD_REQUIRED")
		is(t, forwardable(Stop, "ven_1", partners, "x"), "FIELD_INVALID")
		is(t, answerable(Refused, ""), "FIELD_REQUIRED")
		is(t, answerable("perhaps", "x"), "FIELD_INVALID")
		is(t, answerable(Done, ""), "")
	})
}

func TestDueDatesFollowTheLaw(t *testing.T) {
	days := calendar.Official()
	at := time.Date(2026, time.March, 2, 2, 0, 0, 0, time.UTC) // a Monday
	for _, c := range []struct {
		law   string
		want  string
		clock Clock
	}{{"CN", "2026-03-23", WorkingDays}, {"EU", "2026-04-01", NaturalDays}, {"OTHER", "", ""}} {
		due, clock := rightsDue(days, at, agreement.LawOf(c.law))
		if got := ""; !due.IsZero() {
			got = calendar.On(due).String()
			if got != c.want || clock != c.clock {
				t.Errorf("%s: %s by %s", c.law, got, clock)
			}
		} else if c.want != "" {
			t.Errorf("%s: no day", c.law)
		}
	}
	// The rulebook's ten working days, and never later than the law's own.
	due, clock := vendorDue(days, at, answerRule{Days: 10, NoCalendarDays: 14}, agreement.LawOf("CN"))
	if calendar.On(due).String() != "2026-03-16" || clock != WorkingDays {
		t.Errorf("%s by %s", due, clock)
	}
	due, _ = vendorDue(days, at, answerRule{Days: 40, NoCalendarDays: 60}, agreement.LawOf("CN"))
	if calendar.On(due).String() != "2026-03-23" {
		t.Errorf("a vendor's time outlasts the law's: %s", due)
	}
	if due, _ = vendorDue(days, at, answerRule{Days: 10, NoCalendarDays: 14}, agreement.LawOf("OTHER")); calendar.On(due).String() != "2026-03-16" {
		t.Errorf("without law: %s", due)
	}
	// A year whose holidays nobody has published yet.
	if due, clock = vendorDue(days, time.Date(2031, 3, 2, 2, 0, 0, 0, time.UTC), answerRule{Days: 10, NoCalendarDays: 14}, agreement.LawOf("OTHER")); clock != NaturalDays || calendar.On(due).String() != "2031-03-16" {
		t.Errorf("%s by %s", due, clock)
	}
}

func TestClause_6_3_VendorsAreBoundAndCutOff(t *testing.T) {
	bound := []Annex{{Version: 1}, {Version: 2}}
	t.Run("allowed", func(t *testing.T) {
		is(t, shareable(bound, 2, nil), "")
		is(t, shareable(bound, 2, []Finding{{Severity: Major, State: FindingOpen}, {Severity: Misuse, State: Remedied}}), "")
	})
	t.Run("refused", func(t *testing.T) {
		is(t, shareable(nil, 1, nil), "ANNEX_REQUIRED")
		is(t, shareable(bound[:1], 2, nil), "ANNEX_REQUIRED")
		is(t, shareable(bound, 2, []Finding{{Severity: Misuse, State: FindingOpen}}), "SHARING_STOPPED")
		is(t, shareable(bound, 2, []Finding{{Severity: Misuse, State: Escalated}}), "SHARING_STOPPED")
	})
}

func TestClause_8_5_DataIsErasedAfterItsGrace(t *testing.T) {
	law := agreement.LawOf("CN")
	c := Closing{State: Waiting, PurgeAt: now, OfferedAt: now.Add(-time.Hour)}
	t.Run("allowed", func(t *testing.T) {
		is(t, purgeable(c, law, "", now), "")
		is(t, purgeable(c, law, "(2026)粤0305刑保1号", now.Add(-time.Minute)), "")
	})
	t.Run("refused", func(t *testing.T) {
		is(t, purgeable(c, law, "", now.Add(-time.Microsecond)), "PURGE_TOO_EARLY")
		is(t, purgeable(c, law, "  ", now.Add(-time.Microsecond)), "PURGE_TOO_EARLY")
		never := c
		never.OfferedAt = time.Time{}
		is(t, purgeable(never, law, "", now), "PURGE_TOO_EARLY")
		gone := c
		gone.State = Purged
		is(t, purgeable(gone, law, "x", now), "PRIVACY_STATE")
	})
}

// The agreement empties data when an account ends. Where law wants it offered for
// export first, nothing is erased that was not offered; the day is the one that a
// case tells too.
func TestConflict_14_DataIsOfferedBeforeItIsErased(t *testing.T) {
	for _, jurisdiction := range []string{"CN", "EU", "OTHER"} {
		t.Run(jurisdiction, func(t *testing.T) {
			law := agreement.LawOf(jurisdiction)
			purge := enforcement.PurgeFrom(now, 30, law)
			if calendar.On(purge).String() != "2026-04-02" {
				t.Errorf("purged on %s", calendar.On(purge))
			}
			is(t, purgeable(Closing{State: Waiting, PurgeAt: purge, OfferedAt: now}, law, "", purge.Add(-time.Microsecond)), "PURGE_TOO_EARLY")
			is(t, purgeable(Closing{State: Waiting, PurgeAt: purge, OfferedAt: now}, law, "", purge), "")
			unoffered := purgeable(Closing{State: Waiting, PurgeAt: purge}, law, "", purge)
			if law.ExportGrace {
				is(t, unoffered, "PURGE_TOO_EARLY")
			} else {
				is(t, unoffered, "")
			}
		})
	}
}

func TestClosingIsRefusedOnlyForWhatWouldBeLost(t *testing.T) {
	is(t, endable(nil, nil, nil), "")
	is(t, endable([]order.Order{{State: order.Completed}, {State: order.Delivered}, {State: order.Expired}}, []refund.Request{{State: refund.Refunded}}, &vendor.Vendor{State: vendor.Exited}), "")
	is(t, endable([]order.Order{{State: order.Provisioning}}, nil, nil), "CLOSING_OPEN_MATTERS")
	is(t, endable(nil, []refund.Request{{State: refund.VendorReview}}, nil), "CLOSING_OPEN_MATTERS")
	is(t, endable(nil, nil, &vendor.Vendor{State: vendor.Onboarded}), "CLOSING_OPEN_MATTERS")
}

func TestTimesOfKeeping(t *testing.T) {
	end := time.Date(2026, time.March, 2, 2, 0, 0, 0, time.UTC)
	if got := calendar.On(kept(end, time.Time{}, 3)).String(); got != "2029-03-02" {
		t.Errorf("kept until %s", got)
	}
	if got := calendar.On(kept(end, end.AddDate(0, 2, 0), 3)).String(); got != "2029-05-02" {
		t.Errorf("a later trade: %s", got)
	}
	if got := calendar.On(kept(end, time.Time{}, 1)).String(); got != "2029-03-02" {
		t.Errorf("the law's three years are the least: %s", got)
	}
	if got := calendar.On(logsBefore(end, 12, 6)).String(); got != "2025-03-02" {
		t.Errorf("logs before %s", got)
	}
	if got := calendar.On(logsBefore(end, 1, 0)).String(); got != "2025-09-02" {
		t.Errorf("logs before %s, the law wants six months", got)
	}
}

func TestRelayNumbersTellNothing(t *testing.T) {
	a, b := relayNumber(strings.Repeat("a1", 16)), relayNumber(strings.Repeat("b2", 16))
	if a == b || len(a) != len("R123-456-7890") || a[0] != 'R' {
		t.Errorf("%s, %s", a, b)
	}
}

func TestAnInventoryWithAGapIsRefused(t *testing.T) {
	read := func(name, source string) error {
		_, err := parseInventory(fstest.MapFS{"inventory/" + name: {Data: []byte(source)}})
		return err
	}
	table := func(retention, persons, rest string) string {
		return `{"account_user": {"purpose": "account", "basis": "contract", "retention": "` + retention + `", "persons": {` + persons + `}, "others": "id at", ` + rest + `}}`
	}
	own := `"own": [{"rows": "id = $1", "with": "id at:time"}]`
	for name, source := range map[string]string{
		"shown":                   table("account", `"name": "name"`, own),
		"a number for ever":       table("proof", `"by_user": "person_id"`, `"apart": "staff"`),
		"a seller with the books": table("record", `"payee": "seller"`, own),
	} {
		if err := read("account.json", source); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, source := range map[string]string{
		"neither shown nor apart":    table("account", `"name": "name"`, `"own": []`),
		"both shown and apart":       table("account", `"name": "name"`, own+`, "apart": "staff"`),
		"words for ever":             table("proof", `"note": "words"`, own),
		"a buyer with the books":     table("record", `"name": "name"`, own),
		"sealed and never opened":    table("account", `"name_sealed": "name"`, own),
		"a name apart as a hash":     table("account", `"name": "name"`, `"own": [{"rows": "id = $1", "with": "id", "apart": {"name": "derived"}}]`),
		"everybody's rows":           table("account", `"name": "name"`, `"own": [{"rows": "id <> ''", "with": "id"}]`),
		"a column that is not there": table("account", `"name": "name"`, `"own": [{"rows": "id = $1", "with": "id nothing"}]`),
	} {
		if read("account.json", source) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for name, source := range map[string]string{
		"no purpose":        `{"account_user": {"basis": "contract", "retention": "account", "persons": {"name": "name"}}}`,
		"no basis":          `{"account_user": {"purpose": "account", "basis": "none", "retention": "account", "persons": {"name": "name"}}}`,
		"no time":           `{"account_user": {"purpose": "account", "basis": "contract", "retention": "market", "persons": {"name": "name"}}}`,
		"an unknown kind":   `{"account_user": {"purpose": "account", "basis": "contract", "retention": "account", "persons": {"name": "soul"}}}`,
		"an unknown class":  `{"account_user": {"purpose": "account", "basis": "contract", "retention": "sometime"}}`,
		"another's table":   `{"order_order": {"purpose": "account", "basis": "contract", "retention": "account"}}`,
		"what is not known": `{"account_user": 1}`,
	} {
		if read("account.json", source) == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
