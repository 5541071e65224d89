package enforcement

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
)

var (
	officerA = audit.Actor{Kind: audit.Person, User: "usr_a", Roles: []string{account.Compliance}}
	cn       = agreement.LawOf("CN")
	eu       = agreement.LawOf("EU")
	bare     = agreement.LawOf("OTHER")
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.ParseInLocation(time.DateTime, s, calendar.Shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// verdicts runs cases whose names say whether they are allowed.
func verdicts(t *testing.T, cases map[string]struct{ got, want error }) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if !errors.Is(c.got, c.want) || (c.want == nil) != (c.got == nil) {
				t.Errorf("got %v, want %v", c.got, c.want)
			}
			if strings.HasPrefix(name, "allowed") != (c.want == nil) {
				t.Error("the name says otherwise")
			}
		})
	}
}

type verdict = struct{ got, want error }

func TestClause_P_4_AMeasureRestsOnAClauseThatBinds(t *testing.T) {
	binds := func(c string) bool { return c == "UA 4.7.5" || c == "RB enforcement-8" }
	verdicts(t, map[string]struct{ got, want error }{
		"allowed clause of the agreement": {onClauses([]string{"UA 4.7.5"}, binds), nil},
		"allowed section of a rulebook":   {onClauses([]string{"UA 4.7.5", "RB enforcement-8"}, binds), nil},
		"refused without a clause":        {onClauses(nil, binds), ErrNoClause},
		"refused clause that is nowhere":  {onClauses([]string{"UA 4.7.5", "UA 4.12"}, binds), ErrNotBinding},
	})
}

func TestClause_8_2_WhatAMeasureNeeds(t *testing.T) {
	probe := Type{Automatic: true}
	week := []Plan{{Kind: Restrict, Functions: []string{"api"}, Days: 7}}
	asked := Case{HumanAsked: at(t, "2026-03-02 10:00:00")}
	served := Case{AppealUntil: at(t, "2026-03-17 23:59:59"), State: InForce}
	verdicts(t, map[string]struct{ got, want error }{
		"allowed source and evidence":               {proven(Authority, 1), nil},
		"refused without a source":                  {proven("", 1), ErrNoEvidence},
		"refused without evidence":                  {proven(SelfFound, 0), ErrNoEvidence},
		"allowed another person":                    {another(officerA, "usr_b", "usr_c"), nil},
		"refused the first again":                   {another(officerA, "usr_b", "usr_a"), ErrSecond},
		"allowed a program, briefly":                {automatic(Case{}, probe, week, 7, cn), nil},
		"refused a program, other type":             {automatic(Case{}, Type{}, week, 7, cn), ErrNoHuman},
		"refused a program, longer":                 {automatic(Case{}, probe, week, 6, cn), ErrNoHuman},
		"refused a program, without end":            {automatic(Case{}, probe, []Plan{{Kind: Restrict, Functions: []string{"api"}}}, 7, cn), ErrNoHuman},
		"refused a program, to end":                 {automatic(Case{}, probe, []Plan{{Kind: Terminate}}, 7, cn), ErrNoHuman},
		"refused a program, a person was asked for": {automatic(asked, probe, week, 7, cn), ErrNoHuman},
		"allowed an appeal on the last day":         {mayAppeal(served, at(t, "2026-03-17 23:59:59")), nil},
		"refused an appeal the day after":           {mayAppeal(served, at(t, "2026-03-18 00:00:00")), ErrTooLate},
	})
}

func TestConflict_12_ReasonsAppealAndAPersonAlways(t *testing.T) {
	served := at(t, "2026-03-02 10:00:00")
	program := Case{Automated: true, State: InForce}
	for _, c := range []struct {
		name  string
		law   agreement.Law
		until string
		binds bool
	}{
		{"CN", cn, "2026-03-17", true},
		{"EU", eu, "2026-09-01", true},
		{"OTHER", bare, "2026-03-17", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := errors.Is(reasoned("", c.law), ErrRequired); got != c.binds {
				t.Errorf("a decision without reasons is refused: %v", got)
			}
			if reasoned("facts and rule", c.law) != nil {
				t.Error("reasons are refused")
			}
			if got := mayAskHuman(program, c.law) == nil; got != c.binds {
				t.Errorf("the subject may ask for a person: %v", got)
			}
			if got := calendar.On(appealUntil(served, 15, c.law)).String(); got != c.until {
				t.Errorf("the window closes on %s, want %s", got, c.until)
			}
			asked := Case{HumanAsked: served}
			if got := automatic(asked, Type{Automatic: true}, nil, 7, c.law) != nil; got != c.binds {
				t.Errorf("a program alone is refused after a person was asked for: %v", got)
			}
		})
	}
}

func TestClause_4_7_TheListIsOpen(t *testing.T) {
	types := map[string]Type{"UA 4.7": {Second: true}, "UA 4.7.5": {}}
	_, _, listed := kindOf("4.7.5", types)
	_, _, open := kindOf(" UA 4.7 ", types)
	_, _, none := kindOf("4.12", types)
	_, _, empty := kindOf("", types)
	verdicts(t, map[string]struct{ got, want error }{
		"allowed listed act":          {listed, nil},
		"allowed the clause itself":   {open, nil},
		"refused what no rule knows":  {none, ErrType},
		"refused without a violation": {empty, ErrType},
	})
	restrict := []Plan{{Kind: Restrict, Functions: []string{"api"}, Days: 1}}
	if !needsSecond(types["UA 4.7"], restrict) || needsSecond(types["UA 4.7.5"], restrict) {
		t.Error("clause 4.7 cited alone needs a second person, a listed act does not")
	}
	for _, k := range Kinds {
		if got := needsSecond(Type{}, []Plan{{Kind: k}}); got != (k == Terminate || k == Other) {
			t.Errorf("%s needs a second person: %v", k, got)
		}
	}
}

func TestClause_4_7_8_OtherLawIsNamed(t *testing.T) {
	other := Type{Second: true, Basis: true}
	verdicts(t, map[string]struct{ got, want error }{
		"allowed facts and law":  {described(other, "Forged papers.", "Criminal Law 280"), nil},
		"refused without law":    {described(other, "Forged papers.", " "), ErrBasis},
		"refused without facts":  {described(other, " ", "Criminal Law 280"), ErrRequired},
		"allowed listed, no law": {described(Type{}, "Probing.", ""), nil},
	})
}

func TestClause_4_9_AVendorReportsItsOwn(t *testing.T) {
	copying := Type{Product: true}
	right := func(v vendor.ID, s entitlement.State) entitlement.Entitlement {
		return entitlement.Entitlement{New: entitlement.New{Vendor: v}, State: s}
	}
	verdicts(t, map[string]struct{ got, want error }{
		"allowed its product, a holder":      {mayReport("ven_1", right("ven_1", entitlement.Active), copying), nil},
		"allowed its product, expired":       {mayReport("ven_1", right("ven_1", entitlement.Expired), copying), nil},
		"refused another's product":          {mayReport("ven_2", right("ven_1", entitlement.Active), copying), ErrNotHolder},
		"refused nobody's product":           {mayReport("", right("", entitlement.Active), copying), ErrNotHolder},
		"refused a right that was refunded":  {mayReport("ven_1", right("ven_1", entitlement.Refunded), copying), ErrNotHolder},
		"refused a right not delivered yet":  {mayReport("ven_1", right("ven_1", entitlement.Pending), copying), ErrNotHolder},
		"refused what is not about products": {mayReport("ven_1", right("ven_1", entitlement.Active), Type{}), ErrInvalid},
	})
}

func TestClause_4_9_4_APersonLooksAtIt(t *testing.T) {
	verdicts(t, map[string]struct{ got, want error }{
		"allowed a person":       {byPerson(Case{HumanOnly: true}, officerA), nil},
		"refused a program":      {byPerson(Case{HumanOnly: true}, audit.Job("x")), ErrNotAutomatic},
		"allowed elsewhere, too": {byPerson(Case{}, audit.Job("x")), nil},
	})
}

func TestConflict_15_TheReviewerIsToldWhatTheLawPermits(t *testing.T) {
	for name, c := range map[string]struct {
		law  agreement.Law
		want string
	}{"CN": {cn, "decompiling"}, "EU": {eu, "decompiling"}, "OTHER": {bare, ""}} {
		t.Run(name, func(t *testing.T) {
			if got := guidance("UA 4.9.1", c.law); got != c.want {
				t.Errorf("guidance %q, want %q", got, c.want)
			}
			if guidance("UA 4.9.3", c.law) != "" {
				t.Error("copying is not decompiling")
			}
		})
	}
}

func TestClause_8_2_1_AnOrderHasADeadlineAndExecutesNothing(t *testing.T) {
	page := Content{Product, "prd_1"}
	verdicts(t, map[string]struct{ got, want error }{
		"allowed what and by when": {ordered(Plan{Kind: Rectify, Content: page, Demand: "Remove the claim.", Days: 3}), nil},
		"refused without deadline": {ordered(Plan{Kind: Rectify, Content: page, Demand: "Remove the claim."}), ErrNoDeadline},
		"refused without demand":   {ordered(Plan{Kind: Rectify, Content: page, Days: 3}), ErrRequired},
		"refused without content":  {ordered(Plan{Kind: Rectify, Demand: "Remove the claim.", Days: 3}), ErrRequired},
	})
	m := Measure{Kind: Rectify, State: Effective, DueAt: at(t, "2026-03-05 23:59:59")}
	if overdue(m, at(t, "2026-03-05 23:59:59")) || !overdue(m, at(t, "2026-03-06 00:00:00")) {
		t.Error("an order is overdue after its last moment, not before")
	}
	if m.State = Answered; overdue(m, at(t, "2026-03-06 00:00:00")) {
		t.Error("an order that was answered is overdue by itself")
	}
}

func TestClause_8_2_2_OnlyWhatCanBeGivenBackIsBlocked(t *testing.T) {
	kinds := map[string]Blocker{Product: {}}
	verdicts(t, map[string]struct{ got, want error }{
		"allowed known kind":    {blockable(Plan{Content: Content{Product, "prd_1"}}, kinds), nil},
		"refused unknown kind":  {blockable(Plan{Content: Content{"poem", "1"}}, kinds), ErrNoContent},
		"refused nothing named": {blockable(Plan{Content: Content{Kind: Product}}, kinds), ErrNoContent},
	})
}

func TestClause_8_2_3_FunctionsByName(t *testing.T) {
	fails := func(functions []string, sells bool) error { _, err := restricts(functions, sells); return err }
	verdicts(t, map[string]struct{ got, want error }{
		"allowed one":                  {fails([]string{"buy"}, false), nil},
		"allowed a vendor's":           {fails([]string{"shop", "publish"}, true), nil},
		"refused none":                 {fails(nil, true), ErrNoFunction},
		"refused unknown":              {fails([]string{"breathe"}, true), ErrNoFunction},
		"refused a shop nobody has":    {fails([]string{"shop"}, false), ErrNoFunction},
		"refused refunds and the like": {fails([]string{"refund"}, true), ErrNoFunction},
	})
	all, err := restricts([]string{"all", "buy"}, false)
	if err != nil || slices.Contains(all, account.LoginReadonly) || len(all) != 5 {
		t.Errorf("all functions: %v, %v; the look at one's own data stays", all, err)
	}
	for want, functions := range map[vendor.State][]string{
		vendor.Onboarded: {"buy"}, vendor.PublishLimited: {"publish"}, vendor.ShopHidden: {"publish", "shop"}, vendor.Suspended: {"shop", "sell"},
	} {
		if got := vendorState(functions); got != want {
			t.Errorf("%v: %s, want %s", functions, got, want)
		}
	}
}

func TestClause_8_2_4_TwoSignAndServiceEnds(t *testing.T) {
	verdicts(t, map[string]struct{ got, want error }{
		"allowed two":            {mayTerminate("usr_a", "usr_b"), nil},
		"refused one":            {mayTerminate("usr_a", ""), ErrSecond},
		"refused the same twice": {mayTerminate("usr_a", "usr_a"), ErrSecond},
	})
	served := at(t, "2026-03-02 10:00:00")
	if got := endsFrom(served, false, eu); !got.Equal(served) {
		t.Errorf("a customer's agreement ends at %s, not at service", got)
	}
	if got := endsFrom(served, true, cn); !got.Equal(served) {
		t.Errorf("a vendor's ends at %s under the agreement, not at service", got)
	}
	if got := endsFrom(served, true, eu); !got.Equal(at(t, "2026-04-02 00:00:00")) {
		t.Errorf("a vendor's ends at %s where the law gives thirty days", got)
	}
}

func TestClause_8_2_5_NotWithoutEnd(t *testing.T) {
	verdicts(t, map[string]struct{ got, want error }{
		"allowed with an end":      {fitting(Plan{Demand: "Deposit first.", Necessity: "Repeated.", Days: 30}), nil},
		"allowed with a review":    {fitting(Plan{Demand: "Deposit first.", Necessity: "Repeated.", ReviewDays: 90}), nil},
		"refused without either":   {fitting(Plan{Demand: "Deposit first.", Necessity: "Repeated."}), ErrNoEnd},
		"refused without need":     {fitting(Plan{Demand: "Deposit first.", Days: 30}), ErrRequired},
		"refused without the what": {fitting(Plan{Necessity: "Repeated.", Days: 30}), ErrRequired},
	})
}

func TestClause_8_5_DataWaitsForItsExport(t *testing.T) {
	end := at(t, "2026-03-02 10:00:00")
	early := Termination{PurgeAt: PurgeFrom(end, 30, cn)}
	ordered := early
	ordered.Ordered = "Court order 12/2026"
	verdicts(t, map[string]struct{ got, want error }{
		"allowed after the grace":          {mayPurge(early, at(t, "2026-04-02 00:00:00")), nil},
		"refused before":                   {mayPurge(early, at(t, "2026-04-01 23:59:59")), ErrPurge},
		"allowed by order":                 {mayPurge(ordered, end), nil},
		"refused claim for nothing":        {mayClaim(Case{State: InForce}, Claim{Claimant: OfOperator, Evidence: []string{"evd_1"}}), ErrInvalid},
		"refused claim without a decision": {mayClaim(Case{State: Opened}, Claim{}), ErrState},
	})
}

func TestConflict_14_DataIsOfferedBeforeItIsErased(t *testing.T) {
	end := at(t, "2026-03-02 10:00:00")
	for name, c := range map[string]struct {
		law  agreement.Law
		want string
	}{"CN": {cn, "2026-03-18"}, "EU": {eu, "2026-04-02"}, "OTHER": {bare, "2026-03-03"}} {
		t.Run(name, func(t *testing.T) {
			// A rulebook without any grace: the agreement alone erases the next day.
			if got := calendar.On(PurgeFrom(end, 0, c.law)).String(); got != c.want {
				t.Errorf("erased from %s, want %s", got, c.want)
			}
			if got := calendar.On(PurgeFrom(end, 60, c.law)).String(); got != "2026-05-02" {
				t.Errorf("a longer grace ends on %s", got)
			}
		})
	}
}

func TestPoints_SuggestTheHighestThresholdReached(t *testing.T) {
	thresholds := []Threshold{{12, Plan{Kind: Restrict, Functions: []string{"shop", "publish"}, Days: 15}}, {50, Plan{Kind: Terminate}}}
	own := Type{Points: 12, Measures: []Plan{{Kind: Block}, {Kind: Restrict, Functions: []string{"message"}, Days: 15}}}
	kinds := func(plans []Plan) (out []Kind) {
		for _, p := range plans {
			out = append(out, p.Kind)
		}
		return out
	}
	seller, buyer := Case{Vendor: "ven_1"}, Case{}
	for name, c := range map[string]struct {
		of     Case
		before int64
		model  string
		want   []Kind
	}{
		"a vendor's first":              {seller, 0, "both", []Kind{Restrict, Restrict}},
		"a buyer has no shop":           {buyer, 0, "both", []Kind{Restrict}},
		"fifty are the end":             {buyer, 38, "both", []Kind{Restrict, Terminate}},
		"the direct model counts none":  {seller, 90, "direct", []Kind{Restrict}},
		"points alone":                  {seller, 38, "points", []Kind{Terminate}},
		"what was published is blocked": {Case{Content: Content{Product, "prd_1"}}, 0, "direct", []Kind{Block, Restrict}},
	} {
		if got := kinds(suggest(own, c.before, thresholds, c.model, c.of)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestSanctions_ArePublishedWithinAWorkingDayUntilTheyEnd(t *testing.T) {
	if got := publishBy(at(t, "2026-03-06 10:00:00"), 1); calendar.On(got).String() != "2026-03-09" {
		t.Errorf("decided on a Friday, published by %s", got)
	}
	for name, c := range map[string]struct {
		of   Case
		kind Kind
		want bool
	}{
		"a vendor's restriction": {Case{Vendor: "ven_1"}, Restrict, true}, "a buyer's": {Case{}, Restrict, false}, "an order to correct": {Case{Vendor: "ven_1"}, Rectify, false},
	} {
		if got := published(c.of, Measure{Kind: c.kind}); got != c.want {
			t.Errorf("%s: published %v", name, got)
		}
	}
}

func TestClause_8_3_ComingBackIsAViolationOfItsOwn(t *testing.T) {
	listed := map[string]Type{"UA 4.7": {Second: true}}
	all := withReturn(listed)
	if _, kind, err := kindOf("8.3", all); err != nil || !kind.Human || kind.Automatic {
		t.Errorf("allowed: %+v, %v", kind, err)
	}
	if _, _, err := kindOf("8.3", listed); err == nil || len(listed) != 1 {
		t.Error("the rulebook's own list was changed")
	}
	if own := withReturn(map[string]Type{"UA 8.3": {Points: 50}}); own["UA 8.3"].Points != 50 {
		t.Error("the rulebook's own entry was lost")
	}
}
