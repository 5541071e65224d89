package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"os"
	"testing"

	"pgregory.net/rapid"
)

func TestVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/money.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Fn                        string
		Paid, Used, Total, Refund int64
		Amount, BP, Fee           int64
		Yearly                    int64 `json:"yearly_amount"`
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 9 {
		t.Fatalf("%d vectors, want 9", len(vectors))
	}
	tiers := []Tier{{20_000_000, 1000}, {50_000_000, 500}, {0, 300}}
	for _, v := range vectors {
		var got, want int64
		switch v.Fn {
		case "prorate_refund":
			got, err = ProrateRefund(v.Paid, v.Used, v.Total)
			want = v.Refund
		case "commission_flat_bp":
			got, err = Commission(v.Amount, v.BP)
			want = v.Fee
		case "commission_tiers_10_5_3":
			got, err = TieredCommission(v.Yearly, tiers)
			want = v.Fee
		default:
			t.Fatalf("unknown function %q", v.Fn)
		}
		if err != nil || got != want {
			t.Errorf("%+v: got %d, %v", v, got, err)
		}
	}
}

func TestPeopleReadAmountsInTheirCurrency(t *testing.T) {
	for _, c := range []struct {
		minor             int64
		currency          Currency
		zh, en, plainText string
	}{
		{198000, "CNY", "¥1,980.00", "¥1,980.00", "1980.00"},
		{5, "CNY", "¥0.05", "¥0.05", "0.05"},
		{-5, "CNY", "-¥0.05", "-¥0.05", "-0.05"},
		{100000000000, "USD", "US$1,000,000,000.00", "$1,000,000,000.00", "1000000000.00"},
		{1980, "JPY", "JP¥1,980", "JP¥1,980", "1980"},
		{1980, "KWD", "KWD\u00a01.980", "KWD\u00a01.980", "1.980"},
		{99900, "HKD", "HK$999.00", "HK$999.00", "999.00"},
		{math.MinInt64, "CNY", "-¥92,233,720,368,547,758.08", "-¥92,233,720,368,547,758.08", "-92233720368547758.08"},
	} {
		a, err := New(c.minor, c.currency)
		if err != nil {
			t.Fatal(err)
		}
		if zh, en, text := a.Format("zh-CN"), a.Format("en"), a.Plain(); zh != c.zh || en != c.en || text != c.plainText {
			t.Errorf("%d %s: %q %q %q", c.minor, c.currency, zh, en, text)
		}
	}
}

func TestParseIsExactOrRefuses(t *testing.T) {
	for _, c := range []struct {
		in       string
		currency Currency
		minor    int64
		err      error
	}{
		{"1980", CNY, 198000, nil}, {"1980.5", CNY, 198050, nil}, {"1980.50", CNY, 198050, nil}, {"0.01", CNY, 1, nil},
		{"0", JPY, 0, nil}, {"007.00", CNY, 700, nil}, {"1.980", KWD, 1980, nil},
		{"92233720368547758.07", CNY, math.MaxInt64, nil},
		{"92233720368547758.08", CNY, 0, ErrOverflow}, {"99999999999999999999", JPY, 0, ErrOverflow},
		{"1.005", CNY, 0, ErrDecimals}, {"1.000", CNY, 0, ErrDecimals}, {"1.0", JPY, 0, ErrDecimals},
		{"", CNY, 0, ErrSyntax}, {".", CNY, 0, ErrSyntax}, {".5", CNY, 0, ErrSyntax}, {"5.", CNY, 0, ErrSyntax},
		{"-1", CNY, 0, ErrSyntax}, {"+1", CNY, 0, ErrSyntax}, {"1e3", CNY, 0, ErrSyntax}, {"1,980", CNY, 0, ErrSyntax},
		{" 1", CNY, 0, ErrSyntax}, {"1.2.3", CNY, 0, ErrSyntax}, {"１", CNY, 0, ErrSyntax}, {"0x10", CNY, 0, ErrSyntax},
		{"1", "XXX", 0, ErrCurrency}, {"1", "cny", 0, ErrCurrency},
	} {
		got, err := Parse(c.in, c.currency)
		if !errors.Is(err, c.err) || got.Minor != c.minor {
			t.Errorf("Parse(%q, %s) = %v, %v", c.in, c.currency, got, err)
		}
	}
}

func TestCurrenciesNeverMeet(t *testing.T) {
	yuan, dollar := Amount{1, CNY}, Amount{1, USD}
	if _, err := yuan.Add(dollar); !errors.Is(err, ErrMismatch) {
		t.Error("added", err)
	}
	if _, err := yuan.Sub(dollar); !errors.Is(err, ErrMismatch) {
		t.Error("subtracted", err)
	}
	if _, err := yuan.Cmp(dollar); !errors.Is(err, ErrMismatch) {
		t.Error("compared", err)
	}
	if _, err := New(1, "ZZZ"); !errors.Is(err, ErrCurrency) {
		t.Error("made", err)
	}
}

func TestJSONHasTwoMembersAndRefusesTheRest(t *testing.T) {
	data, err := json.Marshal(Amount{198000, CNY})
	if err != nil || string(data) != `{"minor":198000,"currency":"CNY"}` {
		t.Fatalf("%s %v", data, err)
	}
	var back Amount
	if err := json.Unmarshal(data, &back); err != nil || back != (Amount{198000, CNY}) {
		t.Fatal(back, err)
	}
	for _, bad := range []string{`{"minor":1}`, `{"currency":"CNY"}`, `{"minor":1.5,"currency":"CNY"}`, `{"minor":"1","currency":"CNY"}`,
		`{"minor":9223372036854775808,"currency":"CNY"}`, `{"minor":1,"currency":"ABC"}`, `5`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
}

func TestArithmeticAgreesWithUnboundedIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Int64().Draw(t, "x"), rapid.Int64().Draw(t, "y")
		a, b := Amount{x, CNY}, Amount{y, CNY}
		check := func(name string, got Amount, err error, want *big.Int) {
			if !want.IsInt64() {
				if !errors.Is(err, ErrOverflow) {
					t.Fatalf("%s of %d and %d: no overflow", name, x, y)
				}
				return
			}
			if err != nil || got.Minor != want.Int64() {
				t.Fatalf("%s of %d and %d = %d, %v", name, x, y, got.Minor, err)
			}
		}
		bx, by := big.NewInt(x), big.NewInt(y)
		got, err := a.Add(b)
		check("sum", got, err, new(big.Int).Add(bx, by))
		got, err = a.Sub(b)
		check("difference", got, err, new(big.Int).Sub(bx, by))
		got, err = a.Mul(y)
		check("product", got, err, new(big.Int).Mul(bx, by))
		got, err = a.Neg()
		check("opposite", got, err, new(big.Int).Neg(bx))
		if order, err := a.Cmp(b); err != nil || order != bx.Cmp(by) {
			t.Fatal("order", order, err)
		}
	})
	for _, c := range [][2]int64{{math.MinInt64, -1}, {-1, math.MinInt64}} {
		if _, err := (Amount{c[0], CNY}).Mul(c[1]); !errors.Is(err, ErrOverflow) {
			t.Errorf("%d * %d: %v", c[0], c[1], err)
		}
	}
	if _, err := (Amount{math.MinInt64, CNY}).Neg(); !errors.Is(err, ErrOverflow) {
		t.Error("opposite of the smallest number:", err)
	}
}

func TestWrittenAmountsReadBack(t *testing.T) {
	codes := []Currency{CNY, JPY, KWD, "VND"}
	rapid.Check(t, func(t *rapid.T) {
		a := Amount{rapid.Int64Min(0).Draw(t, "minor"), rapid.SampledFrom(codes).Draw(t, "currency")}
		if back, err := Parse(a.Plain(), a.Currency); err != nil || back != a {
			t.Fatalf("%s read back as %v, %v", a, back, err)
		}
	})
}

func TestAllocIsTheFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, part := rapid.Int64Min(0).Draw(t, "total"), rapid.Int64Min(0).Draw(t, "part")
		whole := rapid.Int64Min(1).Draw(t, "whole")
		want := new(big.Int).Mul(big.NewInt(total), big.NewInt(part))
		want.Quo(want, big.NewInt(whole))
		got, err := Alloc(total, part, whole)
		if !want.IsInt64() {
			if !errors.Is(err, ErrOverflow) {
				t.Fatal("no overflow")
			}
			return
		}
		if err != nil || got != want.Int64() {
			t.Fatalf("%d, %v, want %s", got, err, want)
		}
	})
	for _, bad := range [][3]int64{{-1, 1, 1}, {1, -1, 1}, {1, 1, 0}, {1, 1, -1}} {
		if _, err := Alloc(bad[0], bad[1], bad[2]); !errors.Is(err, ErrShare) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestSlicesOfATinyPriceLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.Int64Range(1, 3).Draw(t, "price")
		n := rapid.Int64Range(1, 100).Draw(t, "refunds")
		var sum, before int64
		for k := int64(1); k <= n; k++ {
			now, err := Alloc(price, k, n)
			if err != nil || now < before {
				t.Fatal(now, err)
			}
			sum, before = sum+now-before, now
		}
		if sum != price {
			t.Fatalf("%d slices of %d give back %d", n, price, sum)
		}
	})
}

func TestSplitGivesAwayExactlyTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64().Draw(t, "total")
		weights := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64/20), 1, 20).Draw(t, "weights")
		var sum int64
		for _, w := range weights {
			sum += w
		}
		shares, err := Split(total, weights)
		if sum == 0 {
			if !errors.Is(err, ErrShare) {
				t.Fatal("split among nobody")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var given int64
		for i, share := range shares {
			given += share
			exact := new(big.Int).Mul(big.NewInt(total), big.NewInt(weights[i]))
			off := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(share), big.NewInt(sum)), exact)
			if off.CmpAbs(big.NewInt(sum)) >= 0 {
				t.Fatalf("share %d of %d is a whole unit off", i, share)
			}
			if weights[i] == 0 && share != 0 {
				t.Fatal("a weight of zero got a share")
			}
		}
		if given != total {
			t.Fatalf("gave %d of %d", given, total)
		}
	})
	if shares, err := Split(10, []int64{1, 1, 1}); err != nil || shares[0] != 4 || shares[1] != 3 || shares[2] != 3 {
		t.Error("ties go to the earlier weight:", shares, err)
	}
	if _, err := Split(1, nil); !errors.Is(err, ErrShare) {
		t.Error(err)
	}
	if _, err := Split(1, []int64{2, -1}); !errors.Is(err, ErrShare) {
		t.Error(err)
	}
	if _, err := Split(1, []int64{math.MaxInt64, 1}); !errors.Is(err, ErrOverflow) {
		t.Error(err)
	}
}

func TestRefundStaysBetweenNothingAndThePrice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paid, total := rapid.Int64Min(0).Draw(t, "paid"), rapid.Int64Range(1, 4000).Draw(t, "total")
		used := rapid.Int64Range(0, 5000).Draw(t, "used")
		refund, err := ProrateRefund(paid, used, total)
		if err != nil || refund < 0 || refund > paid || used >= total && refund != 0 || used == 0 && refund != paid {
			t.Fatal(refund, err)
		}
		if used < total {
			less, err := ProrateRefund(paid, used+1, total)
			if err != nil || less > refund {
				t.Fatal("a longer use gave back more", less, refund, err)
			}
		}
	})
	for _, bad := range [][3]int64{{-1, 1, 2}, {1, -1, 2}, {1, 0, 0}} {
		if _, err := ProrateRefund(bad[0], bad[1], bad[2]); !errors.Is(err, ErrShare) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestCommissionNeverExceedsTheAmount(t *testing.T) {
	tiers := []Tier{{20_000_000, 1000}, {50_000_000, 500}, {0, 300}}
	rapid.Check(t, func(t *rapid.T) {
		amount, bp := rapid.Int64Min(0).Draw(t, "amount"), rapid.Int64Range(0, Whole).Draw(t, "bp")
		fee, err := Commission(amount, bp)
		if err != nil || fee < 0 || fee > amount {
			t.Fatal(fee, err)
		}
		flat, err := TieredCommission(amount, []Tier{{0, bp}})
		if err != nil || flat != fee {
			t.Fatal("one open tier is a flat rate", flat, fee, err)
		}
		more := amount
		if more < math.MaxInt64 {
			more++
		}
		low, err1 := TieredCommission(amount, tiers)
		high, err2 := TieredCommission(more, tiers)
		if err1 != nil || err2 != nil || high < low || low > amount {
			t.Fatal(low, high, err1, err2)
		}
	})
	if _, err := Commission(1, Whole+1); !errors.Is(err, ErrShare) {
		t.Error(err)
	}
	for name, bad := range map[string][]Tier{
		"none": {}, "no open end": {{100, 10}}, "open too early": {{0, 10}, {100, 5}}, "falling": {{100, 10}, {100, 5}, {0, 1}},
		"negative rate": {{0, -1}}, "rate above one": {{0, Whole + 1}},
	} {
		if _, err := TieredCommission(1, bad); !errors.Is(err, ErrShare) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMeteredRoundsHalfUpOnce(t *testing.T) {
	for _, c := range []struct{ quantity, nano, want int64 }{
		{1, 499_999_999, 0}, {1, 500_000_000, 1}, {3, 500_000_000, 2}, {1_000_000, 1_234_567, 1235}, {0, 5, 0},
		{math.MaxInt64, 1_000_000_000, math.MaxInt64},
	} {
		if got, err := Metered(c.quantity, c.nano); err != nil || got != c.want {
			t.Errorf("%d at %d = %d, %v", c.quantity, c.nano, got, err)
		}
	}
	if _, err := Metered(math.MaxInt64, 2_000_000_000); !errors.Is(err, ErrOverflow) {
		t.Error(err)
	}
	if _, err := Metered(-1, 1); !errors.Is(err, ErrShare) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1980.00", "0", "92233720368547758.07", "1e3", "-1", ".5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s, CNY)
		if err != nil {
			return
		}
		if a.IsNegative() {
			t.Fatalf("%q is negative", s)
		}
		if back, err := Parse(a.Plain(), CNY); err != nil || back != a {
			t.Fatalf("%q: %v %v", s, back, err)
		}
	})
}
