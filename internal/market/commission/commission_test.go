package commission

import (
	"testing"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "CNY"} }

func points(n int64) *int64 { return &n }

var yearly = []money.Tier{{UpTo: 20000000, BasisPoints: 1000}, {UpTo: 50000000, BasisPoints: 500}, {BasisPoints: 300}}

func TestTheStrongestPartOfTheRuleDecides(t *testing.T) {
	day := func(s string) calendar.Date {
		d, err := calendar.ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	rule := Rule{
		Points: 1000, Kinds: map[string]int64{"api": 300, "image": 0}, RenewalBP: points(200),
		Promotions: []Offer{
			{Kind: "saas", Points: 400, From: day("2026-11-01"), Until: day("2026-11-30")},
			{Vendor: "ven_2", Points: 100, From: day("2026-11-01"), Until: day("2026-11-30")},
		},
	}
	for name, c := range map[string]struct {
		sale  Sale
		today string
		want  int64
		basis Basis
	}{
		"flat":                          {Sale{Vendor: "ven_1", Kind: "manual_service", Paid: cny(200000), Net: cny(200000)}, "2026-11-25", 20000, Flat},
		"by kind":                       {Sale{Vendor: "ven_1", Kind: "api", Paid: cny(200000), Net: cny(200000)}, "2026-11-25", 6000, Kind},
		"a kind without commission":     {Sale{Vendor: "ven_1", Kind: "image", Paid: cny(200000), Net: cny(200000)}, "2026-11-25", 0, Kind},
		"renewal":                       {Sale{Vendor: "ven_1", Kind: "api", Renewal: true, Paid: cny(200000), Net: cny(200000)}, "2026-11-25", 4000, Renewal},
		"promotion on its last day":     {Sale{Vendor: "ven_1", Kind: "saas", Paid: cny(200000), Net: cny(200000)}, "2026-11-30", 8000, Promotion},
		"promotion over":                {Sale{Vendor: "ven_1", Kind: "saas", Paid: cny(200000), Net: cny(200000)}, "2026-12-01", 20000, Flat},
		"the lowest of two promotions":  {Sale{Vendor: "ven_2", Kind: "saas", Paid: cny(200000), Net: cny(200000)}, "2026-11-25", 2000, Promotion},
		"never above the net":           {Sale{Vendor: "ven_1", Kind: "manual_service", Paid: cny(100), Net: cny(9)}, "2026-11-25", 9, Flat},
		"one fen is floored to nothing": {Sale{Vendor: "ven_1", Kind: "manual_service", Paid: cny(9), Net: cny(9)}, "2026-11-25", 0, Flat},
	} {
		got, err := terms(rule, c.sale, day(c.today), 0)
		if err != nil || got.Amount != cny(c.want) || got.Basis != c.basis {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// The published examples of yearly tiers: 600,000.00 costs 38,000.00; one yuan
// above a step costs the step's own rate.
func TestTiersOfTheYearSumExactly(t *testing.T) {
	for yuan, want := range map[int64]int64{60000000: 3800000, 50000100: 3500003, 20000100: 2000005} {
		got, err := terms(Rule{Tiers: yearly}, Sale{Paid: cny(yuan), Net: cny(yuan)}, calendar.Date{}, 0)
		if err != nil || got.Amount.Minor != want || got.Basis != Ladder {
			t.Errorf("%d: %+v, %v", yuan, got, err)
		}
	}
	var sold, sum int64
	for _, part := range []int64{1, 19999999, 333, 29999668, 9999999, 1} {
		got, err := terms(Rule{Tiers: yearly}, Sale{Paid: cny(part), Net: cny(part)}, calendar.Date{}, sold)
		if err != nil {
			t.Fatal(err)
		}
		sold, sum = sold+part, sum+got.Amount.Minor
	}
	if whole, _ := money.TieredCommission(sold, yearly); sum != whole {
		t.Errorf("in parts %d, at once %d", sum, whole)
	}
}

func TestSalesOfALadderAreCountedByVendorAndYear(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			for _, basis := range []Basis{Ladder, Ladder, Flat} {
				if err := Count(t.Context(), tx, "ven_1", Terms{Basis: basis}, cny(700)); err != nil {
					return err
				}
			}
			for v, want := range map[vendor.ID]int64{"ven_1": 1400, "ven_2": 0} {
				if got, err := volume(t.Context(), tx, v, "CNY", tx.Now()); err != nil || got != want {
					t.Errorf("%s sold %d, %v", v, got, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
