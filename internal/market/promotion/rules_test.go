package promotion

import (
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/testkit"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

// refusals are the fields of a refusal, in order.
func refusals(err error) string {
	var out []string
	for _, f := range fault.All(err) {
		out = append(out, f.Field)
	}
	return strings.Join(out, " ")
}

var now = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

func TestADiscountSaysOneThingForALimitedTime(t *testing.T) {
	day := now.AddDate(0, 0, 1)
	for name, c := range map[string]struct {
		given NewDiscount
		want  string
	}{
		"allowed_share":          {NewDiscount{Points: 1_250, From: now, Until: day}, ""},
		"allowed_price":          {NewDiscount{Price: cny(99), From: now, Until: day}, ""},
		"allowed_for_nothing":    {NewDiscount{Price: cny(0), From: now, Until: day}, ""},
		"allowed_a_year":         {NewDiscount{Points: 1, From: now, Until: now.AddDate(1, 0, 0)}, ""},
		"refused_neither":        {NewDiscount{From: now, Until: day}, "percent"},
		"refused_both":           {NewDiscount{Points: 1, Price: cny(1), From: now, Until: day}, "percent"},
		"refused_more_than_all":  {NewDiscount{Points: 10_001, From: now, Until: day}, "percent"},
		"refused_negative_share": {NewDiscount{Points: -1, From: now, Until: day}, "percent"},
		"refused_list_price":     {NewDiscount{Price: cny(100), From: now, Until: day}, "price"},
		"refused_negative":       {NewDiscount{Price: cny(-1), From: now, Until: day}, "price"},
		"refused_other_currency": {NewDiscount{Price: money.Amount{Minor: 1, Currency: money.USD}, From: now, Until: day}, "price"},
		"refused_no_end":         {NewDiscount{Points: 1, From: now}, "until"},
		"refused_past":           {NewDiscount{Points: 1, From: now, Until: now}, "until"},
		"refused_backwards":      {NewDiscount{Points: 1, From: day, Until: day}, "until"},
		"refused_for_ever":       {NewDiscount{Points: 1, From: now, Until: now.AddDate(1, 0, 1)}, "until"},
		"refused_everything":     {NewDiscount{From: now}, "percent until"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refusals(c.given.valid(cny(100), now)); got != c.want {
				t.Errorf("refused in %q, want %q", got, c.want)
			}
		})
	}
}

func TestABatchIsBounded(t *testing.T) {
	good := NewBatch{Codes: 1, BatchTerms: BatchTerms{Amount: cny(1), Minimum: cny(0), Uses: 1, Until: now.AddDate(0, 0, 1)}}
	for name, c := range map[string]struct {
		change func(*NewBatch)
		want   string
	}{
		"allowed":                {func(*NewBatch) {}, ""},
		"allowed_personal":       {func(n *NewBatch) { n.OnlyFor = "ou_1" }, ""},
		"allowed_most":           {func(n *NewBatch) { n.Codes, n.Uses = maxCodes, maxUses }, ""},
		"refused_worth_nothing":  {func(n *NewBatch) { n.Amount = cny(0) }, "amount"},
		"refused_minimum":        {func(n *NewBatch) { n.Minimum = cny(-1) }, "minimum"},
		"refused_minimum_of_usd": {func(n *NewBatch) { n.Minimum.Currency = money.USD }, "minimum"},
		"refused_no_uses":        {func(n *NewBatch) { n.Uses = 0 }, "uses"},
		"refused_too_many_uses":  {func(n *NewBatch) { n.Uses = maxUses + 1 }, "uses"},
		"refused_no_codes":       {func(n *NewBatch) { n.Codes = 0 }, "codes"},
		"refused_too_many_codes": {func(n *NewBatch) { n.Codes = maxCodes + 1 }, "codes"},
		"refused_a_name":         {func(n *NewBatch) { n.OnlyFor = "Zhang San" }, "only_for"},
		"refused_past":           {func(n *NewBatch) { n.Until = now }, "until"},
	} {
		t.Run(name, func(t *testing.T) {
			n := good
			c.change(&n)
			if got := refusals(n.valid(money.CNY, now)); got != c.want {
				t.Errorf("refused in %q, want %q", got, c.want)
			}
		})
	}
}

func TestACodeIsTheSameHoweverItIsTyped(t *testing.T) {
	seen := map[string]bool{}
	random := testkit.Rand("codes")
	for range 1000 {
		code, err := draw(random)
		if err != nil {
			t.Fatal(err)
		}
		if len(code) != codeLength+codeLength/group-1 || seen[code] {
			t.Fatalf("code %q", code)
		}
		seen[code] = true
		plain := canonical(code)
		for _, typed := range []string{
			strings.ToLower(code), strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " "), " " + code + "\n",
			strings.ReplaceAll(code, "0", "o"), strings.ReplaceAll(code, "1", "l"), strings.ReplaceAll(code, "1", "I"),
		} {
			if got := canonical(typed); got != plain {
				t.Errorf("%q is read as %q, want %q", typed, got, plain)
			}
		}
	}
}
