package catalog

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

func both(s string) Both { return Both{ZH: s, EN: s} }

// sheet is a terms sheet that passes every rule.
func goodSheet() Content {
	return Content{
		Name: both("协作平台"), Summary: both("摘要"), Description: both("说明"), Kind: "cloud_app", DeliveryType: "saas", Category: "saas_office",
		Functions: []Both{both("功能")}, Requirements: []Both{both("要求")}, RightsBasis: RightsBasis{Kind: SelfDeveloped},
		RefundPolicy: RefundPolicy{Kind: RefundPlatformRules}, Licence: both("许可"), Support: Support{Hours: both("9-18"), Contact: "a@example.com"},
		Delivery: Delivery{Dialect: "license_key"},
		Plans:    []Plan{{Code: "monthly", Name: both("按月"), Price: money.Amount{Minor: 100, Currency: money.CNY}, Term: Term{Month, 1}, Included: []Both{both("10")}}},
	}
}

// check runs the checklist on a changed sheet and returns the codes by field.
func codes(change func(c *Content)) map[string]string {
	c := goodSheet()
	change(&c)
	out := map[string]string{}
	for _, f := range Checklist(c) {
		out[f.Field] = f.Code
	}
	return out
}

func TestAGoodSheetPasses(t *testing.T) {
	if got := codes(func(*Content) {}); len(got) != 0 {
		t.Errorf("refused: %v", got)
	}
}

func TestClause_4_2_EveryPartABuyerMustKnowIsMandatory(t *testing.T) {
	for field, change := range map[string]func(c *Content){
		"name":               func(c *Content) { c.Name = Both{} },
		"summary":            func(c *Content) { c.Summary = Both{} },
		"description":        func(c *Content) { c.Description = Both{} },
		"category":           func(c *Content) { c.Category = "" },
		"functions":          func(c *Content) { c.Functions = []Both{{}} },
		"requirements":       func(c *Content) { c.Requirements = nil },
		"refund_policy":      func(c *Content) { c.RefundPolicy = RefundPolicy{} },
		"refund_policy.text": func(c *Content) { c.RefundPolicy = RefundPolicy{Kind: RefundVendorOwn} },
		"licence":            func(c *Content) { c.Licence = Both{} },
		"support.hours":      func(c *Content) { c.Support.Hours = Both{} },
		"support.contact":    func(c *Content) { c.Support.Contact = " " },
		"delivery.dialect":   func(c *Content) { c.Delivery.Dialect = "" },
		"plans":              func(c *Content) { c.Plans = nil },
		"plans.0.name":       func(c *Content) { c.Plans[0].Name = Both{} },
		"plans.0.included":   func(c *Content) { c.Plans[0].Included = nil },
	} {
		if got := codes(change); got[field] != "TERMS_SHEET_INCOMPLETE" {
			t.Errorf("%s: %v", field, got)
		}
	}
}

func TestASheetHasOnlyKnownValues(t *testing.T) {
	for field, change := range map[string]func(c *Content){
		"kind":               func(c *Content) { c.Kind = "car" },
		"delivery_type":      func(c *Content) { c.DeliveryType = "post" },
		"delivery.dialect":   func(c *Content) { c.Delivery.Dialect = "fax" },
		"refund_policy":      func(c *Content) { c.RefundPolicy.Kind = "never" },
		"plans.0.code":       func(c *Content) { c.Plans[0].Code = "A b" },
		"plans.0.price":      func(c *Content) { c.Plans[0].Price.Minor = -1 },
		"plans.0.term":       func(c *Content) { c.Plans[0].Term = Term{Month, 0} },
		"plans.0.tax_points": func(c *Content) { n := int64(10_001); c.Plans[0].TaxPoints = &n },
		"plans.1.code":       func(c *Content) { c.Plans = append(c.Plans, c.Plans[0]) },
		"plans.1.price": func(c *Content) {
			second := c.Plans[0]
			second.Code, second.Price.Currency = "usd", money.USD
			c.Plans = append(c.Plans, second)
		},
	} {
		if got := codes(change); got[field] != "FIELD_INVALID" {
			t.Errorf("%s: %v", field, got)
		}
	}
}

func TestClause_2_3_ALicensedProductNeedsItsDocument(t *testing.T) {
	for _, tt := range []struct {
		basis RightsBasis
		ok    bool
	}{
		{RightsBasis{Kind: SelfDeveloped}, true},
		{RightsBasis{Kind: Licensed, Document: "contract 2026-1"}, true},
		{RightsBasis{Kind: Licensed}, false},
		{RightsBasis{Kind: Licensed, Document: "  "}, false},
		{RightsBasis{}, false},
		{RightsBasis{Kind: "found"}, false},
	} {
		if got := entitled(tt.basis); (len(got) == 0) != tt.ok {
			t.Errorf("%+v: %v", tt.basis, got)
		} else if !tt.ok && got[0].Code != "RIGHTS_BASIS_MISSING" {
			t.Errorf("%+v: %v", tt.basis, got)
		}
	}
}

func TestClause_2_3_ALicenceCoversItsLastDayAndNoDayMore(t *testing.T) {
	last, err := calendar.ParseDate("2026-03-31")
	if err != nil {
		t.Fatal(err)
	}
	if err := inForce(last, last); err != nil {
		t.Errorf("last day: %v", err)
	}
	if err := inForce(calendar.Date{}, last); err != nil {
		t.Errorf("without end: %v", err)
	}
	if err := inForce(last, last.AddDays(1)); !errors.Is(err, ErrRights) {
		t.Errorf("the day after: %v", err)
	}
}

func TestClause_ECL_19_AddOnsAreNeverChosenInAdvance(t *testing.T) {
	if got := codes(func(c *Content) { c.AddOns = []AddOn{{Name: both("备份")}} }); len(got) != 0 {
		t.Errorf("allowed: %v", got)
	}
	if got := codes(func(c *Content) { c.AddOns = []AddOn{{Name: both("备份"), DefaultSelected: true}} }); got["add_ons.0"] != "ADD_ON_PRESELECTED" {
		t.Errorf("refused: %v", got)
	}
}

func TestClause_6_2_AProductThatNeedsUserDataHasAWholePrivacySheet(t *testing.T) {
	whole := PrivacySheet{
		Controller: "甲公司", Contact: "dpo@example.com", Kinds: []Both{both("手机号")}, Purposes: []Both{both("登录")}, Retention: both("一年"), RightsChannel: "dpo@example.com",
	}
	if got := codes(func(c *Content) { c.NeedsUserData, c.Privacy = true, &whole }); len(got) != 0 {
		t.Errorf("allowed: %v", got)
	}
	if got := codes(func(c *Content) { c.NeedsUserData = true }); got["privacy"] != "PRIVACY_SHEET_MISSING" {
		t.Errorf("without a sheet: %v", got)
	}
	for field, change := range map[string]func(p *PrivacySheet){
		"privacy.controller":     func(p *PrivacySheet) { p.Controller = "" },
		"privacy.contact":        func(p *PrivacySheet) { p.Contact = "" },
		"privacy.kinds":          func(p *PrivacySheet) { p.Kinds = nil },
		"privacy.purposes":       func(p *PrivacySheet) { p.Purposes = nil },
		"privacy.retention":      func(p *PrivacySheet) { p.Retention = Both{} },
		"privacy.rights_channel": func(p *PrivacySheet) { p.RightsChannel = "" },
	} {
		partial := whole
		change(&partial)
		if got := codes(func(c *Content) { c.NeedsUserData, c.Privacy = true, &partial }); got[field] != "PRIVACY_SHEET_MISSING" {
			t.Errorf("%s: %v", field, got)
		}
	}
}

// TestClause_4_7_1_EveryTextOfASheetIsLookedAt puts a mark into every string of a sheet and finds it among the texts
// that the lexicon looks at; what is no text of a person is named here.
func TestClause_4_7_1_EveryTextOfASheetIsLookedAt(t *testing.T) {
	chosen := map[string]bool{ // from lists, or checked for their form
		"Kind": true, "DeliveryType": true, "Category": true, "RightsBasis.Kind": true, "RefundPolicy.Kind": true, "Delivery.Dialect": true, "Delivery.File": true,
		"Delivery.URL": true, "Plans.Code": true, "Plans.Term.Unit": true, "Plans.Price.Currency": true, "AddOns.Price.Currency": true, "AddOns.Code": true,
		"AddOns.Term.Unit": true,
	}
	var marks []string
	var fill func(v reflect.Value, path string)
	fill = func(v reflect.Value, path string) {
		switch v.Kind() {
		case reflect.String:
			if !chosen[path] {
				v.SetString("«" + path + "»" + strconv.Itoa(len(marks)))
				marks = append(marks, v.String())
			}
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), path)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), path)
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					fill(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."))
				}
			}
		}
	}
	var c Content
	fill(reflect.ValueOf(&c).Elem(), "")
	var all strings.Builder
	for _, one := range slices.Concat(texts(c), further(c)) {
		all.WriteString(one.text + "\n")
	}
	for _, mark := range marks {
		if !strings.Contains(all.String(), mark) {
			t.Errorf("nothing looks at %s", mark)
		}
	}
}

func TestClause_5_5_NoBadgeBorrowsTheOperatorsName(t *testing.T) {
	t.Run("allowed_descriptions", func(t *testing.T) {
		if got := codes(func(c *Content) { c.Badges = []Both{{ZH: "支持私有部署", EN: "On premises"}} }); len(got) != 0 {
			t.Error(got)
		}
	})
	t.Run("refused_endorsements", func(t *testing.T) {
		for _, badge := range []Both{{ZH: "官方推荐"}, {ZH: "自营"}, {EN: "Officially Recommended"}, {EN: "Market-certified"}} {
			if got := codes(func(c *Content) { c.Badges = []Both{badge} }); got["badges.0"] != "BADGE_MISLEADING" {
				t.Errorf("%v: %v", badge, got)
			}
		}
	})
}

func TestClause_4_11_ABankAccountInTheTermsBlocksTheReview(t *testing.T) {
	const account = "请汇款至对公账户 6222021234567890128,开户行:某某银行"
	for field, change := range map[string]func(c *Content){
		"description":           func(c *Content) { c.Description.ZH = account },
		"licence":               func(c *Content) { c.Licence.ZH = account },
		"refund_policy.text":    func(c *Content) { c.RefundPolicy.Text.ZH = account },
		"delivery.instructions": func(c *Content) { c.Delivery.Instructions.ZH = account },
		"plans.0":               func(c *Content) { c.Plans[0].Included = []Both{{ZH: account}} },
		"functions":             func(c *Content) { c.Functions = []Both{{ZH: account}} },
	} {
		found := false
		c := goodSheet()
		change(&c)
		for _, f := range Checklist(c) {
			found = found || f.Field == field && f.Code == "OFF_PLATFORM_PAYMENT" && f.Clause == "UA 4.11"
		}
		if !found {
			t.Errorf("%s: not refused with OFF_PLATFORM_PAYMENT", field)
		}
	}
	if got := codes(func(c *Content) { c.Licence.ZH = "付款请在云市场订单页完成" }); len(got) != 0 {
		t.Errorf("allowed: %v", got)
	}
}

func TestTheRulebookBoundsNameAndTerm(t *testing.T) {
	l := limits{nameZH: 30, nameEN: 80, years: 10}
	c := goodSheet()
	c.Name = Both{ZH: strings.Repeat("云", 30), EN: strings.Repeat("a", 80)}
	c.Plans[0].Term = Term{Month, 120}
	if got := within(c, l); len(got) != 0 {
		t.Errorf("allowed: %v", got)
	}
	c.Name = Both{ZH: strings.Repeat("云", 31), EN: strings.Repeat("a", 81)}
	c.Plans[0].Term = Term{Month, 121}
	if got := within(c, l); len(got) != 3 {
		t.Errorf("refused: %v", got)
	}
}

func TestClause_3_2_OnlyTheVendorsPeopleWrite(t *testing.T) {
	v := vendor.Vendor{Account: "acc_v"}
	person := func(account string, roles ...string) audit.Actor {
		return audit.Actor{Kind: audit.Person, Account: account, Roles: roles}
	}
	for _, tt := range []struct {
		by   audit.Actor
		want *fault.Fault
	}{
		{person("acc_v", "owner"), nil},
		{person("acc_v", "vendor_manager"), nil},
		{person("acc_v", "buyer"), ErrForbidden},
		{person("acc_x", "owner"), ErrNotFound},
		{person("acc_op", "superadmin"), ErrMayNotEdit},
		{person("acc_op", "compliance"), ErrMayNotEdit},
		{person("acc_op", "finance"), ErrMayNotEdit},
		{person("acc_op", "support"), ErrMayNotEdit},
		{person("acc_v", "owner", "superadmin"), ErrMayNotEdit},
		{audit.CLI("shell"), ErrMayNotEdit},
		{audit.Job("x"), ErrMayNotEdit},
	} {
		err := mayWrite(tt.by, v)
		if tt.want == nil && err != nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.by, err, tt.want)
		}
	}
}

func TestClause_4_8_WhatADelistingStops(t *testing.T) {
	today, err := calendar.ParseDate("2026-03-02")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		state            ProductState
		scope            Scope
		sell, renew, use *fault.Fault
	}{
		{ProductListed, "", nil, nil, nil},
		{ProductHidden, "", ErrDelisted, nil, nil},
		{ProductDelisted, NoNewSales, ErrDelisted, nil, nil},
		{ProductDelisted, NoRenewal, ErrDelisted, ErrDelisted, nil},
		{ProductUseProhibited, UseProhibited, ErrProhibited, ErrProhibited, ErrProhibited},
		{ProductDraft, "", ErrDelisted, ErrDelisted, nil},
	} {
		p := Product{State: tt.state, Scope: tt.scope}
		for name, pair := range map[string]struct {
			got  error
			want *fault.Fault
		}{"sell": {maySell(p, today), tt.sell}, "renew": {mayRenew(p), tt.renew}, "use": {mayUse(p), tt.use}} {
			if pair.want == nil && pair.got != nil || pair.want != nil && !errors.Is(pair.got, pair.want) {
				t.Errorf("%s of %s/%s: %v, want %v", name, tt.state, tt.scope, pair.got, pair.want)
			}
		}
	}
	ended := Product{State: ProductListed, RightsUntil: today.AddDays(-1)}
	if err := maySell(ended, today); !errors.Is(err, ErrRights) {
		t.Errorf("sold after the licence ended: %v", err)
	}
}

func TestATextFallsBackToTheOtherLanguageAndSaysSo(t *testing.T) {
	for _, tt := range []struct {
		b    Both
		lang text.Lang
		want string
	}{
		{Both{ZH: "云", EN: "cloud"}, text.ZH, "云"},
		{Both{ZH: "云", EN: "cloud"}, text.EN, "cloud"},
		{Both{EN: "cloud"}, text.ZH, "[EN] cloud"},
		{Both{ZH: "云"}, text.EN, "[中文] 云"},
		{Both{}, text.ZH, ""},
	} {
		if got := tt.b.In(tt.lang); got != tt.want {
			t.Errorf("%v in %s: %q, want %q", tt.b, tt.lang, got, tt.want)
		}
	}
}
