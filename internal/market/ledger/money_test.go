package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/testkit"
)

// book is a short way to post in a test.
type book struct {
	t *testing.T
	d *db.DB
	c money.Currency
}

func (b book) amount(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: b.c} }

func (b book) write(fn func(ctx context.Context, tx *db.Tx) error) {
	b.t.Helper()
	write(b.t, b.d, func(tx *db.Tx) error { return fn(b.t.Context(), tx) })
}

func (b book) capture(line string, net, tax, fee int64) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := Capture(ctx, tx, Captured{
			Provider: "sandbox", CaptureID: "cap_" + line, Line: line, Vendor: "ven_1", Account: "acc_1",
			Net: b.amount(net), Tax: b.amount(tax), Fee: b.amount(fee), At: tx.Now(),
		})
		return err
	})
}

func (b book) release(line string, part, whole int64) (r Released) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *db.Tx) (err error) {
		r, _, err = ReleaseLine(ctx, tx, Release{Line: line, Part: part, Whole: whole, At: tx.Now()})
		return err
	})
	return r
}

func (b book) refund(id, line string, gross int64) (r Refunded) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *db.Tx) (err error) {
		r, _, err = Refund(ctx, tx, RefundOf{Refund: id, Line: line, Amount: b.amount(gross), At: tx.Now()})
		return err
	})
	return r
}

// freed moves money from the provider to where it may be paid out.
func (b book) freed(id string, minor int64) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := ProviderPayout(ctx, tx, "sandbox", id, b.amount(minor), tx.Now())
		return err
	})
}

func (b book) payout(id string, minor int64) error {
	return b.d.Write(b.t.Context(), func(tx *db.Tx) error {
		_, err := Payout(b.t.Context(), tx, id, "ven_1", b.amount(minor), tx.Now())
		return err
	})
}

func (b book) holds(want map[Account]int64) {
	b.t.Helper()
	party := map[Account]string{
		Clearing: "sandbox", Tax: "CN", Payable: "ven_1", Receivable: "ven_1", Deposit: "ven_1", Escrow: "lin_1", Compensation: "acc_1", Owed: "acc_1",
	}
	for a, minor := range want {
		got, err := int64(0), error(nil)
		err = b.d.Read(b.t.Context(), func(r db.Reader) error {
			v, err := Balance(b.t.Context(), r, a, party[a], b.c)
			got = v.Minor
			return err
		})
		if err != nil || got != minor {
			b.t.Errorf("%s holds %d, want %d (%v)", a, got, minor, err)
		}
	}
}

// The worked example of the operator's guide: net 10,000, tax 1,900, commission
// 1,500, paid by card; released, paid out, then half of it refunded. Minor units
// have no say in it: the same numbers hold for yen and for dinar of three decimals.
func TestTheWorkedExampleHoldsToTheMinorUnit(t *testing.T) {
	for _, c := range []money.Currency{"CNY", "JPY", "KWD"} {
		t.Run(string(c), func(t *testing.T) {
			testkit.Engines(t, func(t *testing.T, d *db.DB) {
				b := book{t, d, c}
				b.capture("lin_1", 10000, 1900, 1500)
				b.holds(map[Account]int64{Clearing: 11900, Escrow: -10000, Tax: -1900})
				if r := b.release("lin_1", 1, 1); r.Commission.Minor != 1500 || r.Vendor.Minor != 8500 {
					t.Fatalf("released %+v", r)
				}
				b.holds(map[Account]int64{Escrow: 0, Commission: -1500, Payable: -8500})
				b.freed("set_1", 11900)
				if err := b.payout("pyo_1", 8500); err != nil {
					t.Fatal(err)
				}
				b.write(func(ctx context.Context, tx *db.Tx) error {
					_, err := PayoutPaid(ctx, tx, "pyo_1", "ven_1", b.amount(8500), tx.Now())
					return err
				})
				b.holds(map[Account]int64{Payable: 0, Bank: 3400})
				r := b.refund("rfd_1", "lin_1", 5950)
				if r.Tax.Minor != 950 || r.Escrow.Minor != 0 || r.Commission.Minor != 750 || r.Vendor.Minor != 4250 || r.Debt.Minor != 4250 {
					t.Fatalf("refunded %+v", r)
				}
				b.holds(map[Account]int64{Tax: -950, Commission: -750, Receivable: 4250})
				// The next release of that vendor pays its debt first.
				b.capture("lin_2", 10000, 0, 1000)
				if r := b.release("lin_2", 1, 1); r.Vendor.Minor != 9000 || r.Debt.Minor != 4250 {
					t.Fatalf("netted %+v", r)
				}
				b.holds(map[Account]int64{Receivable: 0, Payable: -4750, Commission: -1750})
				clean(t, d)
			})
		})
	}
}

func TestMonthlySlicesSumToTheWhole(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 9999, 1, 333)
		var sum, fee int64
		for month := int64(1); month <= 12; month++ {
			r := b.release("lin_1", month, 12)
			sum, fee = sum+r.Amount.Minor, fee+r.Commission.Minor
			if again := b.release("lin_1", month, 12); again.Amount.Minor != 0 {
				t.Fatalf("month %d twice released %d", month, again.Amount.Minor)
			}
		}
		if sum != 9999 || fee != 333 {
			t.Fatalf("released %d with commission %d", sum, fee)
		}
		b.holds(map[Account]int64{Escrow: 0, Payable: -(9999 - 333)})
		clean(t, d)
	})
}

// step is a thing that can happen to a line's money.
type step struct {
	refund int64 // gross; zero is a release of all that may go
}

// The same facts in any order end in the same balances: refunds before, during
// and after release, whole or in parts.
func TestTheOrderOfRefundAndReleaseDoesNotMatter(t *testing.T) {
	histories := 0
	rapid.Check(t, func(rt *rapid.T) {
		for range 120 {
			histories++
			f := facts{net: rapid.Int64Range(1, 1e13).Draw(rt, "net"), tax: rapid.Int64Range(0, 1e12).Draw(rt, "tax")}
			f.fee = rapid.Int64Range(0, f.net).Draw(rt, "fee")
			var steps []step
			left := f.gross()
			for i := range rapid.IntRange(0, 5).Draw(rt, "refunds") {
				if left == 0 {
					break
				}
				x := rapid.Int64Range(1, left).Draw(rt, "x")
				if i == 4 {
					x = left
				}
				left -= x
				steps = append(steps, step{x})
			}
			steps = append(steps, step{}, step{})
			one, two := run(rt, f, steps), run(rt, f, rapid.Permutation(steps).Draw(rt, "order"))
			// A release at the end brings both to the same point.
			one, two = last(one), last(two)
			if one.taxKept() != two.taxKept() || one.earned() != two.earned() || one.released-one.taken != two.released-two.taken || one.escrow() != 0 || two.escrow() != 0 {
				rt.Fatalf("%+v and %+v", one, two)
			}
		}
	})
	if histories < 10000 {
		t.Fatalf("only %d histories", histories)
	}
}

func last(f facts) facts { next, _, _ := f.release(1, 1); return next }

func run(rt *rapid.T, f facts, steps []step) facts {
	var paid, commission, tax, vendor int64 // as posted
	tax = f.tax
	for _, s := range steps {
		next := f
		if s.refund == 0 {
			var x, c int64
			next, x, c = f.release(1, 1)
			commission, vendor = commission+c, vendor+x-c
		} else {
			var g given
			var err error
			if next, g, err = f.giveBack(s.refund); err != nil {
				rt.Fatal(err)
			}
			if g.tax+g.escrow+g.fee+g.vendor != s.refund || g.tax < 0 || g.escrow < 0 || g.fee < 0 || g.vendor < 0 {
				rt.Fatalf("a refund of %d out of %+v is %+v", s.refund, f, g)
			}
			// What is undone at once leaves the line as it was.
			undone, back, err := next.takeBack(s.refund)
			if err != nil || back.tax+back.escrow+back.fee+back.vendor != s.refund || undone.returned != f.returned || undone.taxKept() != f.taxKept() ||
				last(undone).earned() != last(f).earned() {
				rt.Fatalf("%+v undone is %+v (%v)", f, undone, err)
			}
			paid, tax, commission, vendor = paid+s.refund, tax-g.tax, commission-g.fee, vendor-g.vendor
		}
		if !next.valid() {
			rt.Fatalf("%+v became %+v", f, next)
		}
		f = next
	}
	if f.returned != paid || f.taxKept() != tax || f.earned() != commission || f.released-f.taken-f.earned() != vendor {
		rt.Fatalf("the postings do not add up to the facts: %+v", f)
	}
	return f
}

// A hundred partial refunds of tiny and huge lines leave no unit behind.
func TestPartialRefundsSumToWhatWasPaid(t *testing.T) {
	for _, f := range []facts{{net: 1, tax: 0, fee: 0}, {net: 2, tax: 1, fee: 1}, {net: 3, fee: 3}, {net: 1e15, tax: 13e13, fee: 1}, {net: 997, tax: 59, fee: 1}} {
		for _, released := range []bool{false, true} {
			at, sum := f, given{}
			if released {
				at = last(at)
			}
			gross := at.gross()
			for i := int64(1); i <= 100; i++ {
				x := share(gross, i, 100) - share(gross, i-1, 100)
				if x == 0 {
					continue
				}
				next, g, err := at.giveBack(x)
				if err != nil {
					t.Fatal(err)
				}
				at, sum = next, given{sum.tax + g.tax, sum.escrow + g.escrow, sum.back + g.back, sum.fee + g.fee, sum.vendor + g.vendor}
			}
			if at.returned != gross || at.earned() != 0 || at.taxKept() != 0 || sum.tax != f.tax || sum.escrow+sum.back != f.net {
				t.Errorf("%+v released %v: %+v left, %+v given", f, released, at, sum)
			}
			if _, _, err := at.giveBack(1); !errors.Is(err, ErrOverReturn) {
				t.Errorf("one more: %v", err)
			}
		}
	}
}

func TestClause_4_10_DamagesEndAtWhatWasPaidUnlessLawOrAgreementSayMore(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 200000, 0, 20000)
		b.release("lin_1", 1, 1)
		compensate := func(matter string, minor int64, exception string, includes bool) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := Compensate(t.Context(), tx, Damages{Case: matter, Line: "lin_1", Amount: b.amount(minor), Exception: exception, IncludesRefund: includes, At: tx.Now()})
				return err
			})
		}
		if err := compensate("refused one fen above", 200001, "", false); !errors.Is(err, ErrOverCap) {
			t.Errorf("refused: %v", err)
		}
		if err := compensate("clm_1", 150000, "", false); err != nil {
			t.Errorf("allowed: %v", err)
		}
		if err := compensate("refused in sum", 50001, "", false); !errors.Is(err, ErrOverCap) {
			t.Errorf("refused in sum: %v", err)
		}
		if err := compensate("clm_2", 50001, "Consumer Law 55", false); err != nil {
			t.Errorf("allowed with law: %v", err)
		}
		b.holds(map[Account]int64{Compensation: -200001, Payable: 0, Receivable: 20001})
		_ = d.Read(t.Context(), func(r db.Reader) error {
			if l, err := LineOf(t.Context(), r, "lin_1"); err != nil || l.CapBasis != "Consumer Law 55" || l.Cap.Minor != 200001 {
				t.Errorf("the exception is not on the record: %+v, %v", l, err)
			}
			return nil
		})
		// A returned price counts only where the rulebook says so.
		b.capture("lin_2", 1000, 0, 0)
		b.refund("rfd_2", "lin_2", 400)
		two := func(minor int64, includes bool) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := Compensate(t.Context(), tx, Damages{Case: fmt.Sprint(minor, includes), Line: "lin_2", Amount: b.amount(minor), IncludesRefund: includes, At: tx.Now()})
				return err
			})
		}
		if err := two(601, true); !errors.Is(err, ErrOverCap) {
			t.Errorf("refused with the refund counted: %v", err)
		}
		if err := two(1000, false); err != nil {
			t.Errorf("allowed without: %v", err)
		}
		clean(t, d)
	})
}

func TestADisputedPaymentIsNotRefundedAsWell(t *testing.T) {
	for _, won := range []bool{true, false} {
		t.Run(fmt.Sprintf("won %v", won), func(t *testing.T) {
			testkit.Engines(t, func(t *testing.T, d *db.DB) {
				b := book{t, d, "CNY"}
				b.capture("lin_1", 10000, 1900, 1500)
				b.release("lin_1", 1, 1)
				x := Disputed{Dispute: "dp_1", Round: 1, Provider: "sandbox", Line: "lin_1", Amount: b.amount(12000), Covered: b.amount(11900), Fee: b.amount(150)}
				b.write(func(ctx context.Context, tx *db.Tx) error { _, err := DisputeOpened(ctx, tx, x); return err })
				b.holds(map[Account]int64{Payable: 0, Clearing: 11900 - 12150})
				if held := balance(t, d, Hold, "ven_1/dp_1"); held != -8500 {
					t.Fatalf("frozen %d", -held)
				}
				// refused: nothing of the line moves meanwhile (G2, G7); allowed again once it is won.
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					_, _, err := Refund(t.Context(), tx, RefundOf{Refund: "rfd_1", Line: "lin_1", Amount: b.amount(1), At: tx.Now()})
					return err
				})
				if !errors.Is(err, ErrDisputed) {
					t.Fatalf("refund in dispute: %v", err)
				}
				end := DisputeLost
				if won {
					end = DisputeWon
				}
				for range 2 { // a repeat is a success without effect
					b.write(func(ctx context.Context, tx *db.Tx) error { _, err := end(ctx, tx, x); return err })
				}
				if won {
					b.holds(map[Account]int64{Payable: -8500, Clearing: 11900 - 150, Commission: -1500, DisputeLoss: 0})
				} else {
					b.holds(map[Account]int64{Payable: 0, Clearing: -250, Commission: 0, Tax: 0, DisputeLoss: 100, DisputeFee: 150})
				}
				if won {
					if r := b.refund("rfd_allowed", "lin_1", 119); r.Vendor.Minor != 85 {
						t.Errorf("allowed: %+v", r)
					}
					b.holds(map[Account]int64{Payable: -8415, Commission: -1485})
				}
				b.write(func(ctx context.Context, tx *db.Tx) error {
					_, err := DisputeFeeCharged(ctx, tx, "dp_1", "ven_1", b.amount(150), tx.Now())
					return err
				})
				b.holds(map[Account]int64{DisputeFee: 0})
				for _, v := range check(t, d) {
					if v.Invariant != "I13" || won { // the loss above what was captured is the operator's to cover
						t.Errorf("%v", v)
					}
				}
			})
		})
	}
}

// Every kind of posting is made once by its command, so that none is a row of the
// chart that nothing can write.
func TestEveryKindHasACommand(t *testing.T) {
	d := testkit.Open(t, db.SQLite)
	b := book{t, d, "CNY"}
	y := b.amount
	b.capture("lin_1", 100000, 6000, 10000)
	b.capture("lin_2", 100000, 0, 10000)
	b.capture("lin_3", 100000, 0, 10000)
	b.freed("set", 250000)
	b.write(func(ctx context.Context, tx *db.Tx) error {
		now := tx.Now()
		do := func(_ any, err error) {
			if err != nil {
				t.Errorf("%v", err)
			}
		}
		two := func(_ any, _ bool, err error) { do(nil, err) }
		do(ProviderFee(ctx, tx, "sandbox", "cap_lin_1", y(636), now))
		do(LateMoney(ctx, tx, "sandbox", "late", "ord", y(5), now))
		do(LateRefund(ctx, tx, "sandbox", "late", y(5), now))
		two(Refund(ctx, tx, RefundOf{Refund: "r7", Line: "lin_1", Amount: y(1060), At: now}))
		two(ReleaseLine(ctx, tx, Release{Line: "lin_1", Part: 1, Whole: 1, Reserve: y(1000), At: now}))
		do(ReleaseReserve(ctx, tx, "lin_1", now))
		two(Refund(ctx, tx, RefundOf{Refund: "r7r", Line: "lin_1", Amount: y(777), At: now}))
		do(RefundUndone(ctx, tx, "r7r", "lin_1", y(777), now))
		two(Refund(ctx, tx, RefundOf{Refund: "r8", Line: "lin_1", Amount: y(1060), At: now}))
		do(Payout(ctx, tx, "po1", "ven_1", y(80000), now))
		do(PayoutPaid(ctx, tx, "po1", "ven_1", y(80000), now))
		do(PayoutReturned(ctx, tx, "po1", "ven_1", y(80000), y(10), now))
		do(Payout(ctx, tx, "po2", "ven_1", y(80000), now))
		do(PayoutFailed(ctx, tx, "po2", "ven_1", y(80000), now))
		do(HoldFor(ctx, tx, "hold:c1", "ven_1", "c1", y(500), now))
		do(Unhold(ctx, tx, "unhold:c1", "ven_1", "c1", "CNY", now))
		do(Payout(ctx, tx, "po3", "ven_1", y(87000), now))
		two(Refund(ctx, tx, RefundOf{Refund: "r9", Line: "lin_1", Amount: y(50000), At: now}))
		do(RefundConfirmed(ctx, tx, "sandbox", "r7", y(1060), now))
		do(RefundOwed(ctx, tx, "r8", "acc_1", y(1060), now))
		do(RefundBounced(ctx, tx, "r7", "acc_1", y(1060), now))
		do(Compensate(ctx, tx, Damages{Case: "clm", Line: "lin_1", Amount: y(700), At: now}))
		do(Compensated(ctx, tx, "clm", "lin_1", "acc_1", y(700), now))
		do(GoodwillFor(ctx, tx, "g", "acc_1", y(7), now))
		do(OwedPaid(ctx, tx, "stl", "acc_1", y(1060), now))
		dp := Disputed{Dispute: "dp", Round: 1, Provider: "sandbox", Line: "lin_2", Amount: y(100), Covered: y(100), Fee: y(15), At: now}
		do(DisputeOpened(ctx, tx, dp))
		do(DisputeWon(ctx, tx, dp))
		dp.Round = 2
		do(DisputeOpened(ctx, tx, dp))
		do(DisputeLost(ctx, tx, dp))
		do(DisputeFeeCharged(ctx, tx, "dp", "ven_1", y(15), now))
		do(PlatformFee(ctx, tx, "cert", "ven_1", y(30000), now))
		do(Recovered(ctx, tx, "stl", "ven_1", y(100), now))
		do(WrittenOff(ctx, tx, "wo", "ven_1", y(100), now))
		do(DepositIn(ctx, tx, "stl", "ven_2", y(500000), now))
		do(Forfeit(ctx, tx, Forfeited{Case: "enf", Vendor: "ven_2", Amount: y(500), Buyers: map[string]money.Amount{"acc_1": y(100)}, At: now}))
		do(DepositOut(ctx, tx, "po4", "ven_2", y(1000), now))
		do(PayoutFailed(ctx, tx, "po4", "ven_2", y(1000), now))
		do(Invoiced(ctx, tx, "lin_u", y(1000), y(60), now))
		do(Invoiced(ctx, tx, "lin_v", y(1000), y(60), now))
		do(Collected(ctx, tx, Captured{Provider: "sandbox", CaptureID: "u", Line: "lin_u", Vendor: "ven_1", Account: "acc_1", Net: y(1000), Tax: y(60), Fee: y(100), At: now}))
		do(CreditNote(ctx, tx, "cn", "lin_v", y(1000), y(60), now))
		do(Cover(ctx, tx, "c", y(500000), now))
		do(Sweep(ctx, tx, "s", y(1), now))
		do(SweepBack(ctx, tx, "s", y(1), now))
		do(ProviderDraw(ctx, tx, "sandbox", "r7", y(1060), now))
		do(TaxPaid(ctx, tx, "t", y(60), now))
		return nil
	})
	var posted []Kind
	if err := d.Read(t.Context(), func(r db.Reader) error {
		all, _, err := Book(t.Context(), r, "", 1000)
		for _, j := range all {
			posted = append(posted, j.Kind)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, k := range append(Kinds(), P34Reverse) {
		if !slices.Contains(posted, k) {
			t.Errorf("%s was not posted", k)
		}
	}
	clean(t, d)
}

// Money of a refund that the provider could not pay is owed to the buyer by
// another way and is gone from the line. The payer's bank may take it all the same:
// that is the operator's loss, and no reason for the dispute to hang.
func TestADisputeIsBookedAlsoWhenARefundHasFailed(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 10000, 0, 1000)
		b.refund("rfd_1", "lin_1", 9000)
		dp := Disputed{Dispute: "dsp_1", Round: 1, Provider: "sandbox", Line: "lin_1", Amount: b.amount(10000), Covered: b.amount(10000), Fee: b.amount(0)}
		b.write(func(ctx context.Context, tx *db.Tx) error {
			if _, err := RefundOwed(ctx, tx, "rfd_1", "acc_1", b.amount(9000), tx.Now()); err != nil {
				return err
			}
			dp.At = tx.Now()
			_, err := DisputeOpened(ctx, tx, dp)
			return err
		})
		b.write(func(ctx context.Context, tx *db.Tx) error { _, err := DisputeLost(ctx, tx, dp); return err })
		b.holds(map[Account]int64{Escrow: 0, DisputeLoss: 9000, Owed: -9000})
	})
}

// A refund may follow after the tax of the sale went to the tax office: then the
// office owes it back, and the book is right.
func TestARefundAfterTheTaxWasPaidIsTheTaxOfficesDebt(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 10000, 1900, 0)
		b.freed("set_1", 11900)
		b.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := TaxPaid(ctx, tx, "2026-03", b.amount(1900), tx.Now())
			return err
		})
		b.refund("rfd_1", "lin_1", 11900)
		b.holds(map[Account]int64{Tax: 1900, Escrow: 0})
		for _, wrong := range check(t, d) {
			if wrong.Invariant != "I13" { // the operator covers it until the office has paid
				t.Error(wrong)
			}
		}
	})
}
