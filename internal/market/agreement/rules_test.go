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
	for s, want := range map[Standing]error{Accepted: nil, Implied: nil, None: ErrNotAccepted} {
		if err := mustStand(s); !errors.Is(err, want) {
			t.Errorf("%s: %v", s, err)
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
		want         time.Time
		err          error
	}{
		"allowed_first_at_once":          {time.Time{}, true, false, now, nil},
		"allowed_earliest_when_unasked":  {time.Time{}, false, false, week, nil},
		"allowed_major_when_unasked":     {time.Time{}, false, true, fortnight, nil},
		"allowed_exactly_earliest":       {week, false, false, week, nil},
		"allowed_later":                  {fortnight, false, false, fortnight, nil},
		"refused_six_days":               {sixDays, false, false, time.Time{}, ErrTooEarly},
		"refused_major_after_a_week":     {week, false, true, time.Time{}, ErrTooEarly},
		"refused_first_in_the_past":      {now.Add(-1), true, false, time.Time{}, ErrTooEarly},
		"refused_a_moment_before_a_week": {week.Add(-1), false, false, time.Time{}, ErrTooEarly},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := effectiveFrom(now, tt.asked, tt.first, tt.major)
			if !got.Equal(tt.want) || !errors.Is(err, tt.err) {
				t.Errorf("%s, %v", got, err)
			}
		})
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
