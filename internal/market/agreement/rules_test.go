package agreement

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

func TestClause_P_2_LiabilityClausesMustBeBold(t *testing.T) {
	for name, tt := range map[string]struct {
		clauses []Clause
		missing []string
	}{
		"allowed_bold":             {[]Clause{{ID: "7.2", Emphasis: Bold, Kind: Exclusion}, {ID: "4.10", Emphasis: Bold, Kind: LiabilityLimit}}, nil},
		"allowed_ordinary_plain":   {[]Clause{{ID: "1.1", Emphasis: Plain, Kind: Ordinary}}, nil},
		"allowed_ordinary_bold":    {[]Clause{{ID: "9.1", Emphasis: Bold, Kind: Ordinary}}, nil},
		"refused_exclusion_plain":  {[]Clause{{ID: "7.2", Emphasis: Plain, Kind: Exclusion}}, []string{"7.2"}},
		"refused_limit_plain":      {[]Clause{{ID: "4.10", Kind: LiabilityLimit}}, []string{"4.10"}},
		"refused_names_every_one":  {[]Clause{{ID: "7.1", Kind: Exclusion}, {ID: "7.2", Emphasis: Bold, Kind: Exclusion}, {ID: "8.1", Kind: Exclusion}}, []string{"7.1", "8.1"}},
		"allowed_without_a_clause": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var missing []string
			for _, f := range fault.All(emphasised(tt.clauses)) {
				if f.Code != "EMPHASIS_MISSING" || f.Clause != "UA P-2" {
					t.Errorf("%v", f)
				}
				missing = append(missing, f.Args[1].(string))
			}
			if !slices.Equal(missing, tt.missing) {
				t.Errorf("missing %v, want %v", missing, tt.missing)
			}
		})
	}
}

func TestClause_P_3_WithoutAnyRecordNothingIsAllowed(t *testing.T) {
	for s, want := range map[Standing]error{Accepted: nil, Implied: nil, None: ErrNotAccepted, Refused: ErrNotAccepted} {
		if err := mustStand(s); !errors.Is(err, want) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestClause_8_2_4_ADissolvedAgreementStandsToNothing(t *testing.T) {
	if err := binds(false); err != nil {
		t.Errorf("allowed: %v", err)
	}
	for name, err := range map[string]error{"an act": mustStand(Dissolved), "an acceptance": binds(true)} {
		if !errors.Is(err, account.ErrTerminated) {
			t.Errorf("refused %s: %v", name, err)
		}
	}
}

func TestClause_9_1_TheEarliestActBinds(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 2, 10, minute, 0, 0, time.UTC) }
	for name, tt := range map[string]struct {
		acts []time.Time
		want time.Time
	}{
		"use_before_click":  {[]time.Time{at(0), at(5)}, at(0)},
		"click_before_use":  {[]time.Time{at(7), at(3)}, at(3)},
		"one_act":           {[]time.Time{at(9)}, at(9)},
		"refused_no_act":    {nil, time.Time{}},
		"refused_empty_act": {[]time.Time{}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := effective(tt.acts); !got.Equal(tt.want) {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestClause_9_1_OnlyTheOwnerBindsAnAccount(t *testing.T) {
	for name, tt := range map[string]struct {
		by   audit.Actor
		want error
	}{
		"allowed_owner":          {audit.Actor{Account: "acc_a", Roles: []string{account.Owner}}, nil},
		"refused_buyer":          {audit.Actor{Account: "acc_a", Roles: []string{account.Buyer}}, ErrNotAuthorised},
		"refused_vendor_manager": {audit.Actor{Account: "acc_a", Roles: []string{account.VendorManager}}, ErrNotAuthorised},
		"refused_staff":          {audit.Actor{Account: "acc_o", Roles: []string{account.Compliance, account.Superadmin}}, ErrNotAuthorised},
		"refused_nobody":         {audit.Actor{Roles: []string{account.Owner}}, ErrNotAuthorised},
	} {
		t.Run(name, func(t *testing.T) {
			if err := mayAccept(tt.by); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestClause_9_2_OneRuleStandsForTheWholeButPrivacyForNothing(t *testing.T) {
	b := Bundle{Agreement: Version{Code: UserAgreement}, Rulebooks: []Version{{Code: "refund"}, {Code: "timers"}}}
	for document, ok := range map[string]bool{"": true, UserAgreement: true, "refund": true, PrivacyNotice: false, "unknown": false} {
		if err := covers(b, document); (err == nil) != ok {
			t.Errorf("%q: %v", document, err)
		}
	}
}

func TestClause_1_1_OnlyARuleInForceCanBeCited(t *testing.T) {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		v    Version
		at   time.Time
		want error
	}{
		"allowed_from_its_first_moment": {Version{EffectiveAt: from}, from, nil},
		"allowed_later":                 {Version{EffectiveAt: from}, from.AddDate(1, 0, 0), nil},
		"refused_a_moment_before":       {Version{EffectiveAt: from}, from.Add(-1), ErrNotInForce},
		"refused_draft":                 {Version{}, from, ErrNotInForce},
		"allowed_until_it_is_replaced":  {Version{EffectiveAt: from, SupersededAt: from.Add(2)}, from.Add(1), nil},
		"refused_superseded":            {Version{EffectiveAt: from, SupersededAt: from.Add(2)}, from.Add(2), ErrNotInForce},
	} {
		t.Run(name, func(t *testing.T) {
			if err := citable(tt.v, tt.at); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestClause_5_3_AChangeWaitsForItsNotice(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)       // 11:00 in Shanghai
	week := time.Date(2026, 11, 29, 16, 0, 0, 0, time.UTC)     // 30 November 00:00 in Shanghai
	fortnight := time.Date(2026, 12, 7, 16, 0, 0, 0, time.UTC) // 8 December 00:00
	sixDays := time.Date(2026, 11, 28, 16, 0, 0, 0, time.UTC)  // 29 November 00:00
	for name, tt := range map[string]struct {
		asked        time.Time
		first, major bool
		law          string
		own          int
		want         time.Time
		err          error
	}{
		"allowed_first_at_once":          {time.Time{}, true, false, "CN", 0, now, nil},
		"allowed_earliest_when_unasked":  {time.Time{}, false, false, "CN", 7, week, nil},
		"allowed_major_when_unasked":     {time.Time{}, false, true, "CN", 7, fortnight, nil},
		"allowed_exactly_earliest":       {week, false, false, "CN", 0, week, nil},
		"allowed_later":                  {fortnight, false, false, "CN", 0, fortnight, nil},
		"allowed_own_notice_is_longer":   {time.Time{}, false, false, "CN", 15, fortnight, nil},
		"allowed_at_once_without_a_law":  {now, false, true, "OTHER", 7, now, nil},
		"allowed_own_notice_without_law": {time.Time{}, false, false, "OTHER", 7, week, nil},
		"refused_six_days":               {sixDays, false, false, "CN", 0, time.Time{}, ErrTooEarly},
		"refused_major_after_a_week":     {week, false, true, "CN", 0, time.Time{}, ErrTooEarly},
		"refused_a_week_in_the_union":    {week, false, false, "EU", 0, time.Time{}, ErrTooEarly},
		"allowed_fortnight_in_the_union": {fortnight, false, false, "EU", 0, fortnight, nil},
		"refused_first_in_the_past":      {now.Add(-1), true, false, "CN", 0, time.Time{}, ErrTooEarly},
		"refused_in_the_past":            {now.Add(-1), false, false, "OTHER", 0, time.Time{}, ErrTooEarly},
		"refused_a_moment_before_a_week": {week.Add(-1), false, false, "CN", 0, time.Time{}, ErrTooEarly},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := effectiveFrom(now, tt.asked, tt.first, LawOf(tt.law), tt.major, tt.own)
			if !got.Equal(tt.want) || !errors.Is(err, tt.err) {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

func TestClause_5_3_CommentsComeBeforePublication(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	cn, other := LawOf("CN"), LawOf("OTHER")
	for name, tt := range map[string]struct {
		law            Law
		opened, closes time.Time
		want           error
	}{
		"allowed_after_it":              {cn, now.AddDate(0, 0, -9), now, nil},
		"allowed_without_it_by_the_law": {other, time.Time{}, time.Time{}, nil},
		"refused_never_open":            {cn, time.Time{}, time.Time{}, ErrConsultation},
		"refused_still_open":            {cn, now.AddDate(0, 0, -9), now.Add(1), ErrConsultation},
		"refused_still_open_by_choice":  {other, now, now.Add(time.Hour), ErrConsultation},
	} {
		t.Run(name, func(t *testing.T) {
			if err := consulted(tt.law, tt.opened, tt.closes, now); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
	if err := openUntil(now, now.AddDate(0, 0, 6), 7); !errors.Is(err, ErrConsultation) {
		t.Errorf("refused_six_days: %v", err)
	}
	if err := openUntil(now, time.Date(2026, 11, 29, 16, 0, 0, 0, time.UTC), 7); err != nil {
		t.Errorf("allowed_seven_days: %v", err)
	}
}

func TestClause_5_3_WhoGoesOnIsBoundAndWhoRefusesLeaves(t *testing.T) {
	person := audit.Actor{Account: "acc_a", User: "usr_a"}
	for name, tt := range map[string]struct {
		by             audit.Actor
		bound, refused bool
		want           bool
	}{
		"allowed_bound_before":  {person, true, false, true},
		"refused_never_bound":   {person, false, false, false},
		"refused_who_says_no":   {person, true, true, false},
		"refused_nobody":        {audit.Actor{}, true, false, false},
		"refused_not_a_person":  {audit.Actor{Account: "acc_a"}, true, false, false},
		"refused_new_and_no":    {person, false, true, false},
		"refused_nobody_at_all": {audit.Actor{User: "usr_a"}, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := goesOn(tt.by, tt.bound, tt.refused); got != tt.want {
				t.Errorf("%t", got)
			}
		})
	}
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	switched := now.AddDate(0, 0, -3)
	if got := rulesFor(LawOf("CN"), switched, now); !got.Before(switched) {
		t.Errorf("allowed_old_terms: %s", got)
	}
	for name, got := range map[string]time.Time{
		"refused_without_a_law": rulesFor(LawOf("OTHER"), switched, now),
		"refused_nothing":       rulesFor(LawOf("CN"), time.Time{}, now),
		"refused_not_yet":       rulesFor(LawOf("CN"), now.AddDate(0, 0, 3), now),
	} {
		if !got.Equal(now) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestClause_1_1_ASecondPersonPublishes(t *testing.T) {
	officer := func(id string) audit.Actor {
		return audit.Actor{Kind: audit.Person, User: id, Roles: []string{account.Compliance, account.Superadmin}}
	}
	for name, tt := range map[string]struct {
		by   audit.Actor
		want error
	}{
		"allowed_another":                      {officer("usr_b"), nil},
		"refused_the_same":                     {officer("usr_a"), ErrSecond},
		"refused_nobody":                       {officer(""), ErrSecond},
		"refused_the_same_with_another_role":   {audit.Actor{User: "usr_a", Roles: []string{account.Superadmin}}, ErrSecond},
		"allowed_another_whatever_else_he_has": {audit.Actor{User: "usr_c", Roles: []string{account.Finance, account.Compliance}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := another("usr_a", tt.by); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
	for name, tt := range map[string]struct {
		by           audit.Actor
		first, bound bool
		want         error
	}{
		"allowed_first_documents":          {audit.CLI("x"), true, true, nil},
		"allowed_change_before_anyone":     {audit.CLI("x"), false, false, nil},
		"refused_change_of_what_binds":     {audit.CLI("x"), false, true, ErrSecond},
		"refused_officer_alone":            {officer("usr_a"), true, false, ErrSecond},
		"refused_finance":                  {audit.Actor{Roles: []string{account.Finance}}, false, false, ErrForbidden},
		"refused_superadmin_without_power": {audit.Actor{Roles: []string{account.Superadmin}}, false, false, ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			if err := mayPublish(tt.by, tt.first, tt.bound); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestClause_9_6_OnlyTheDisabledClauseFallsAway(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	all := []Disabled{
		{Code: UserAgreement, Clause: "8.4", Audience: Consumers, Since: at},
		{Code: UserAgreement, Clause: "9.5", Jurisdiction: "EU", Since: at},
		{Code: UserAgreement, Clause: "4.10", Since: at.Add(-2), EndedAt: at},
	}
	for name, tt := range map[string]struct {
		clause, law string
		who         Audience
		at          time.Time
		out         bool
	}{
		"refused_its_audience":         {"8.4", "CN", Consumers, at, true},
		"allowed_other_audience":       {"8.4", "CN", Businesses, at, false},
		"allowed_other_clause":         {"8.2", "CN", Consumers, at, false},
		"allowed_not_its_children":     {"8.4.1", "CN", Consumers, at, false},
		"allowed_before":               {"8.4", "CN", Consumers, at.Add(-1), false},
		"refused_its_law":              {"9.5", "EU", Everybody, at, true},
		"refused_its_law_for_a_group":  {"9.5", "EU", Vendors, at, true},
		"allowed_other_law":            {"9.5", "CN", Everybody, at, false},
		"allowed_enabled_again":        {"4.10", "CN", Everybody, at, false},
		"refused_while_it_was":         {"4.10", "CN", Everybody, at.Add(-1), true},
		"allowed_for_nobody_in_person": {"8.4", "CN", Everybody, at, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, out := outOfForce(all, UserAgreement, tt.clause, tt.law, tt.who, tt.at); out != tt.out {
				t.Errorf("%t", out)
			}
		})
	}
}

func TestClause_9_1_AReplyMatchesItsChallenge(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	c := Challenge{Code: "YS-4K7QD2M9", ExpiresAt: now}
	used := c
	used.UsedAt = now
	for name, tt := range map[string]struct {
		c           Challenge
		from, words string
		at          time.Time
		want        error
	}{
		"allowed_reply":          {c, "A@Example.com", "Re: Please confirm [ys-4k7qd2m9]", now, nil},
		"refused_other_sender":   {c, "b@example.com", "YS-4K7QD2M9", now, ErrChallenge},
		"refused_without_sender": {c, "", "YS-4K7QD2M9", now, ErrChallenge},
		"refused_without_code":   {c, "a@example.com", "I accept", now, ErrChallenge},
		"refused_late":           {c, "a@example.com", "YS-4K7QD2M9", now.Add(1), ErrChallenge},
		"refused_twice":          {used, "a@example.com", "YS-4K7QD2M9", now, ErrChallenge},
	} {
		t.Run(name, func(t *testing.T) {
			if err := answers(tt.c, "a@example.com", tt.from, tt.words, tt.at); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
	for words, want := range map[string]string{
		"Re: [YS-4K7QD2M9]": "YS-4K7QD2M9", "ys-4k7qd2m9": "YS-4K7QD2M9", "no code": "", "YS-": "", "YS-0000 YS-4K7QD2M9": "YS-4K7QD2M9", "YS-4K7": "",
	} {
		if got := codeIn(words); got != want {
			t.Errorf("%q: %q", words, got)
		}
	}
}

func TestClause_9_1_AScanIsLookedAtByASecondPerson(t *testing.T) {
	if err := onPaper("usr_a", audit.Actor{User: "usr_b"}); err != nil {
		t.Errorf("allowed_another: %v", err)
	}
	if err := onPaper("usr_a", audit.Actor{User: "usr_a"}); !errors.Is(err, ErrSecond) {
		t.Errorf("refused_the_same: %v", err)
	}
}

func TestClause_9_3_ThePlaceIsThatOfTheAcceptedVersion(t *testing.T) {
	nanshan, elsewhere := Both{"深圳市南山区", "Nanshan"}, Both{"北京", "Beijing"}
	documents := []Version{{Kind: KindRulebook, PlaceOfSigning: elsewhere}, {Kind: KindAgreement, PlaceOfSigning: nanshan}}
	if got := signedAt(documents); got != nanshan {
		t.Errorf("allowed: %v", got)
	}
	if got := signedAt(documents[:1]); got != (Both{}) {
		t.Errorf("refused: a rulebook gave the place %v", got)
	}
}

func TestClause_9_4_TheLawOfTheVersionSetsTheFloor(t *testing.T) {
	for jurisdiction, want := range map[string]string{"CN": "CN", "EU": "EU", "OTHER": "OTHER", "": "CN"} {
		if got := lawFloor(Version{Jurisdiction: jurisdiction}); got != want {
			t.Errorf("%q: %s", jurisdiction, got)
		}
	}
}

func TestADocumentWithAGapIsNotPublished(t *testing.T) {
	whole := func() document {
		both := Both{"文", "text"}
		return document{
			Code: UserAgreement, Number: 1, Title: both, Jurisdiction: "CN", PlaceOfSigning: both, GoverningLaw: both,
			Chapters: []Chapter{{"1", both}},
			Clauses:  []Clause{{ID: "1.1", Chapter: "1", Title: both, Text: both, Emphasis: Plain, Kind: Ordinary}},
			Settings: map[string]json.RawMessage{},
		}
	}
	if err := wellFormed(whole()); err != nil {
		t.Fatalf("whole: %v", err)
	}
	for name, broken := range map[string]func(*document){
		"no English":       func(d *document) { d.Clauses[0].Text.EN = "" },
		"no Chinese title": func(d *document) { d.Title.ZH = "" },
		"twice":            func(d *document) { d.Clauses = append(d.Clauses, d.Clauses[0]) },
		"in no chapter":    func(d *document) { d.Clauses[0].Chapter = "9" },
		"chapter twice":    func(d *document) { d.Chapters = append(d.Chapters, d.Chapters[0]) },
		"empty":            func(d *document) { d.Clauses = nil },
		"number zero":      func(d *document) { d.Number = 0 },
		"no code":          func(d *document) { d.Code = "" },
		"odd emphasis":     func(d *document) { d.Clauses[0].Emphasis = "italic" },
		"odd kind":         func(d *document) { d.Clauses[0].Kind = "joke" },
		"no place":         func(d *document) { d.PlaceOfSigning = Both{} },
		"odd jurisdiction": func(d *document) { d.Jurisdiction = "MARS" },
	} {
		d := whole()
		broken(&d)
		if err := wellFormed(d); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
