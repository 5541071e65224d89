package order

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/promotion"
)

// anyOff draws what a vendor may take off: every kind of discount and voucher, with
// and without a lowest price.
func anyOff(t *rapid.T) promotion.Off {
	var off promotion.Off
	yuan := func(name string, least int64) money.Amount {
		return money.Amount{Minor: rapid.Int64Range(least, 2_000_000).Draw(t, name), Currency: money.CNY}
	}
	switch rapid.IntRange(0, 2).Draw(t, "discount") {
	case 1:
		off.Discount = &promotion.Discount{DiscountTerms: promotion.DiscountTerms{Points: rapid.Int64Range(1, 10_000).Draw(t, "discount bp")}}
	case 2:
		off.Discount = &promotion.Discount{DiscountTerms: promotion.DiscountTerms{Price: yuan("discount price", 0)}}
	}
	switch rapid.IntRange(0, 2).Draw(t, "voucher") {
	case 1:
		off.Voucher = &promotion.Voucher{Batch: promotion.Batch{BatchTerms: promotion.BatchTerms{Points: rapid.Int64Range(1, 10_000).Draw(t, "voucher bp")}}}
	case 2:
		off.Voucher = &promotion.Voucher{Batch: promotion.Batch{BatchTerms: promotion.BatchTerms{Amount: yuan("voucher amount", 1)}}}
	}
	if rapid.Bool().Draw(t, "floored") {
		off.Floor = yuan("floor", 0)
	}
	return off
}

func TestThePartsOfAFeeAreNeverNegativeAndAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := money.Amount{Minor: rapid.Int64Range(0, 2_000_000).Draw(t, "price"), Currency: money.CNY}
		n, points := rapid.Int64Range(1, maxQuantity).Draw(t, "quantity"), rapid.Int64Range(0, 10_000).Draw(t, "tax bp")
		off := anyOff(t)
		f, err := fee(price, n, points, off)
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range map[string]money.Amount{"list": f.List, "discount": f.Discount, "voucher": f.Voucher, "paid": f.Paid, "net": f.Net, "tax": f.Tax} {
			if a.Minor < 0 || a.Currency != money.CNY {
				t.Errorf("%s is %v", name, a)
			}
		}
		if f.List.Minor != price.Minor*n || f.List.Minor-f.Discount.Minor-f.Voucher.Minor != f.Paid.Minor || f.Net.Minor+f.Tax.Minor != f.Paid.Minor {
			t.Errorf("does not add up: %+v", f)
		}
		if want := f.Paid.Minor * points / (10_000 + points); f.Tax.Minor != want {
			t.Errorf("tax %d of %d, want %d", f.Tax.Minor, f.Paid.Minor, want)
		}
		lowest := min(off.Floor.Minor, price.Minor) * n
		if _, low := fault.Of(off.KeepsFloor(f.Paid, price, n)); low != (off.Floor.Currency != "" && f.Paid.Minor < lowest) {
			t.Errorf("paid %d, lowest %d: refused %v", f.Paid.Minor, lowest, low)
		}
		// One more fen of list price never makes a purchase cheaper.
		dearer, err := fee(money.Amount{Minor: price.Minor + 1, Currency: money.CNY}, n, points, off)
		if err != nil {
			t.Fatal(err)
		}
		if dearer.Paid.Minor < f.Paid.Minor {
			t.Errorf("%d for %d, but %d for a fen more", f.Paid.Minor, price.Minor, dearer.Paid.Minor)
		}
	})
}

func TestFeesByHand(t *testing.T) {
	cny := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }
	percent := func(bp int64) *promotion.Discount {
		return &promotion.Discount{DiscountTerms: promotion.DiscountTerms{Points: bp, Until: time.Unix(1, 0)}}
	}
	voucher := func(b promotion.BatchTerms) *promotion.Voucher {
		return &promotion.Voucher{Batch: promotion.Batch{BatchTerms: b}}
	}
	for name, c := range map[string]struct {
		price, n                       int64
		off                            promotion.Off
		discount, voucher, paid, taxed int64
	}{
		"nothing":                        {19_900, 1, promotion.Off{}, 0, 0, 19_900, 1126},
		"rounded in each one":            {9_999, 3, promotion.Off{Discount: percent(3_333)}, 9_996, 0, 20_001, 1132},
		"a price":                        {19_900, 2, promotion.Off{Discount: &promotion.Discount{DiscountTerms: promotion.DiscountTerms{Price: cny(14_900)}}}, 10_000, 0, 29_800, 1686},
		"a price above the list price":   {9_900, 1, promotion.Off{Discount: &promotion.Discount{DiscountTerms: promotion.DiscountTerms{Price: cny(14_900)}}}, 0, 0, 9_900, 560},
		"a voucher of what is left":      {10_000, 1, promotion.Off{Discount: percent(2_000), Voucher: voucher(promotion.BatchTerms{Points: 5_000})}, 2_000, 4_000, 4_000, 226},
		"a voucher of more than is left": {10_000, 1, promotion.Off{Discount: percent(2_000), Voucher: voucher(promotion.BatchTerms{Amount: cny(9_000)})}, 2_000, 8_000, 0, 0},
		"everything":                     {10_000, 7, promotion.Off{Discount: percent(10_000)}, 70_000, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := fee(cny(c.price), c.n, 600, c.off)
			if err != nil || f.Discount.Minor != c.discount || f.Voucher.Minor != c.voucher || f.Paid.Minor != c.paid || f.Tax.Minor != c.taxed {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}
