package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/testkit"
)

// race runs sixteen of one command at once and counts those that were not
// refused with the guard's refusal.
func race(t *testing.T, d *db.DB, refusal error, do func(ctx context.Context, tx *db.Tx, i int) error) (won int64) {
	t.Helper()
	var count atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 16 {
		wg.Go(func() {
			<-start
			err := d.Write(t.Context(), func(tx *db.Tx) error { return do(t.Context(), tx, i) })
			switch {
			case err == nil:
				count.Add(1)
			case !errors.Is(err, refusal):
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	return count.Load()
}

// G3: the guard is the CHECK that damages stay within the cap, and the version of
// the line.
func TestRacingDamagesNeverPassTheCap(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 10000, 0, 1000)
		won := race(t, d, ErrOverCap, func(ctx context.Context, tx *db.Tx, i int) error {
			_, err := Compensate(ctx, tx, Damages{Case: fmt.Sprint("clm_", i), Line: "lin_1", Amount: b.amount(4000), At: tx.Now()})
			return err
		})
		if won != 2 {
			t.Fatalf("%d times 4,000 within a cap of 10,000", won)
		}
		b.holds(map[Account]int64{Compensation: -8000})
		clean(t, d)
	})
}

// G4, first half: no more is paid out than is payable; the guard is the floor of
// the balance row.
func TestRacingPayoutsNeverExceedWhatIsPayable(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 10000, 0, 0)
		b.release("lin_1", 1, 1)
		b.freed("set", 10000)
		b.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := Cover(ctx, tx, "more in the bank", b.amount(90000), tx.Now())
			return err
		})
		won := race(t, d, ErrFloor, func(ctx context.Context, tx *db.Tx, i int) error {
			_, err := Payout(ctx, tx, fmt.Sprint("pyo_", i), "ven_1", b.amount(3000), tx.Now())
			return err
		})
		if won != 3 {
			t.Fatalf("%d payouts of 3,000 out of 10,000", won)
		}
		clean(t, d)
	})
}

// G4, second half: money that is not in the bank is not paid out, not even to
// different vendors at once; the guard is the liquidity row.
func TestRacingPayoutsNeverExceedWhatIsInTheBank(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		vendor := func(i int) string { return fmt.Sprint("ven_", i) }
		for i := range 16 {
			b.write(func(ctx context.Context, tx *db.Tx) error {
				line := fmt.Sprint("lin_", i)
				if _, err := Capture(ctx, tx, Captured{
					Provider: "sandbox", CaptureID: line, Line: line, Vendor: vendor(i), Account: "acc_1", Net: b.amount(3000), Tax: b.amount(0), Fee: b.amount(0), At: tx.Now(),
				}); err != nil {
					return err
				}
				_, _, err := ReleaseLine(ctx, tx, Release{Line: line, Part: 1, Whole: 1, At: tx.Now()})
				return err
			})
		}
		b.freed("set", 10000)
		won := race(t, d, ErrLiquidity, func(ctx context.Context, tx *db.Tx, i int) error {
			_, err := Payout(ctx, tx, fmt.Sprint("pyo_", i), vendor(i), b.amount(3000), tx.Now())
			return err
		})
		if won != 3 {
			t.Fatalf("%d payouts of 3,000 with 10,000 in the bank", won)
		}
		clean(t, d)
	})
}

// G5: a payout and a freeze never both win; the guard is the count of freezes on
// the vendor's row.
func TestAFrozenVendorIsNotPaid(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 160000, 0, 0)
		b.release("lin_1", 1, 1)
		b.freed("set", 160000)
		b.write(func(ctx context.Context, tx *db.Tx) error { return Freeze(ctx, tx, "ven_1", "cas_1") })
		if won := race(t, d, ErrFrozen, func(ctx context.Context, tx *db.Tx, i int) error {
			_, err := Payout(ctx, tx, fmt.Sprint("pyo_", i), "ven_1", b.amount(10000), tx.Now())
			return err
		}); won != 0 {
			t.Fatalf("%d payouts while frozen", won)
		}
		b.write(func(ctx context.Context, tx *db.Tx) error {
			for range 2 { // freezing and ending one cause twice changes nothing
				if err := Freeze(ctx, tx, "ven_1", "cas_1"); err != nil {
					return err
				}
			}
			for range 2 {
				if err := Unfreeze(ctx, tx, "ven_1", "cas_1"); err != nil {
					return err
				}
			}
			return nil
		})
		// Half of the racers freeze, half pay: once frozen nobody is paid, so that
		// what is paid at the end was paid before the freeze.
		paidWhenFrozen := atomic.Int64{}
		race(t, d, ErrFrozen, func(ctx context.Context, tx *db.Tx, i int) error {
			if i%2 == 0 {
				return Freeze(ctx, tx, "ven_1", "cas_2")
			}
			frozen, err := FrozenFor(ctx, tx, "ven_1")
			if err != nil {
				return err
			}
			posted, err := Payout(ctx, tx, fmt.Sprint("two_", i), "ven_1", b.amount(10000), tx.Now())
			if posted && len(frozen) > 0 {
				paidWhenFrozen.Add(1)
			}
			return err
		})
		if paidWhenFrozen.Load() > 0 {
			t.Fatal("paid while frozen")
		}
		clean(t, d)
	})
}

// G6: racing sweeps never touch client money.
func TestRacingSweepsLeaveClientMoneyCovered(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 100000, 0, 10000)
		b.release("lin_1", 1, 1)
		b.freed("set", 100000)
		won := race(t, d, ErrCoverage, func(ctx context.Context, tx *db.Tx, i int) error {
			_, err := Sweep(ctx, tx, fmt.Sprint(i), b.amount(3000), tx.Now())
			return err
		})
		if won != 3 {
			t.Fatalf("%d sweeps of 3,000 out of a commission of 10,000", won)
		}
		clean(t, d)
	})
}

// G7: a release and a dispute of one line never both take its money; the guard is
// the version of the line.
func TestReleaseAndDisputeOfOneLineDoNotPassEachOther(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		for round := range 8 {
			line := fmt.Sprint("lin_", round)
			b.capture(line, 10000, 600, 1000)
			dp := Disputed{Dispute: "dp_" + line, Round: 1, Provider: "sandbox", Line: line, Amount: b.amount(10600), Covered: b.amount(10600), Fee: b.amount(0)}
			race(t, d, ErrDisputed, func(ctx context.Context, tx *db.Tx, i int) (err error) {
				if i%2 == 0 {
					_, _, err = ReleaseLine(ctx, tx, Release{Line: line, Part: 1, Whole: 1, At: tx.Now()})
				} else {
					_, err = DisputeOpened(ctx, tx, dp)
				}
				return err
			})
			// Released first: the share is frozen. Disputed first: it is still in escrow.
			held, frozen := -balance(t, d, Escrow, line), -balance(t, d, Hold, "ven_1/dp_"+line)
			if !(held == 10000 && frozen == 0) && !(held == 0 && frozen == 9000) {
				t.Fatalf("escrow %d and frozen %d", held, frozen)
			}
		}
		for _, v := range check(t, d) {
			if v.Invariant != "I13" {
				t.Error(v)
			}
		}
	})
}

// A refund and a release of one line in a race end in one of two books that are
// both exact, and in the same one after the next release.
func TestRefundAndReleaseInARaceEndInTheSameBook(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		for round := range 8 {
			line := fmt.Sprint("lin_", round)
			b.capture(line, 10000, 1900, 1500)
			race(t, d, ErrOverReturn, func(ctx context.Context, tx *db.Tx, i int) (err error) {
				if i%2 == 0 {
					_, _, err = ReleaseLine(ctx, tx, Release{Line: line, Part: 1, Whole: 1, At: tx.Now()})
				} else {
					_, _, err = Refund(ctx, tx, RefundOf{Refund: fmt.Sprint(line, i), Line: line, Amount: b.amount(2380), At: tx.Now()})
				}
				return err
			})
			b.release(line, 1, 1)
		}
		b.holds(map[Account]int64{Payable: 0, Tax: 0, Commission: 0})
		clean(t, d)
	})
}

// The version of a line is what keeps two postings from starting at the same facts
// where the database does not order them.
func TestTheVersionOfALineHoldsAtReadCommitted(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		b := book{t, d, "CNY"}
		b.capture("lin_1", 10000, 1900, 1500)
		var wg sync.WaitGroup
		var won atomic.Int64
		for i := range 16 {
			wg.Go(func() {
				for {
					err := d.Write(t.Context(), func(tx *db.Tx) error {
						_, _, err := Refund(t.Context(), tx, RefundOf{Refund: fmt.Sprint("rfd_", i), Line: "lin_1", Amount: b.amount(1190), At: tx.Now()})
						return err
					}, db.Guarded)
					switch {
					case errors.Is(err, ErrStale), errors.Is(err, ErrFloor): // a floor may notice it first
						continue
					case err == nil:
						won.Add(1)
					case !errors.Is(err, ErrOverReturn):
						t.Error(err)
					}
					return
				}
			})
		}
		wg.Wait()
		if won.Load() != 10 {
			t.Errorf("%d refunds of 1,190 out of 11,900", won.Load())
		}
		b.holds(map[Account]int64{Escrow: 0, Tax: 0})
		clean(t, d)
	})
}

func TestAClosedMonthTakesNothingMore(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		b := book{t, d, "CNY"}
		month := MonthOf(clock.Now())
		_, end, err := month.Bounds()
		if err != nil {
			t.Fatal(err)
		}
		b.capture("lin_1", 100, 0, 0)
		shut := func() error {
			return d.Write(t.Context(), func(tx *db.Tx) error { _, err := CloseMonth(t.Context(), tx, month, "usr_1"); return err })
		}
		if err := shut(); !errors.Is(err, ErrClosed) {
			t.Fatalf("closed before its end: %v", err)
		}
		inside := clock.Now()
		clock.Advance(end.Sub(clock.Now()) + 3600e9)
		if err := shut(); err != nil {
			t.Fatal(err)
		}
		if err := shut(); !errors.Is(err, ErrClosed) {
			t.Fatalf("closed twice: %v", err)
		}
		b.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := Capture(ctx, tx, Captured{
				Provider: "sandbox", CaptureID: "late", Line: "lin_2", Vendor: "ven_1", Account: "acc_1", Net: b.amount(5), Tax: b.amount(0), Fee: b.amount(0), At: inside,
			})
			return err
		})
		_ = d.Read(t.Context(), func(r db.Reader) error {
			j, found, err := Posted(t.Context(), r, captureKey("sandbox", "late"))
			if err != nil || !found || !j.Effective.Equal(j.Recorded) {
				t.Errorf("takes effect %s, recorded %s (%v)", j.Effective, j.Recorded, err)
			}
			return nil
		})
		clean(t, d)
	})
}

func TestAClosedMonthTakesNothingWhenTheClockGoesBack(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		b := book{t, d, "CNY"}
		month := MonthOf(clock.Now())
		_, end, err := month.Bounds()
		if err != nil {
			t.Fatal(err)
		}
		b.capture("lin_1", 100, 0, 0)
		clock.Advance(end.Sub(clock.Now()) + 3600e9)
		b.write(func(ctx context.Context, tx *db.Tx) error { _, err := CloseMonth(ctx, tx, month, "usr_1"); return err })
		clock.Advance(-24 * 3600e9)
		b.capture("lin_2", 100, 0, 0)
		_ = d.Read(t.Context(), func(r db.Reader) error {
			j, found, err := Posted(t.Context(), r, captureKey("sandbox", "cap_lin_2"))
			if err != nil || !found || !j.Effective.Equal(end) || !j.Recorded.Before(end) {
				t.Errorf("takes effect %s, recorded %s (%v, %v)", j.Effective, j.Recorded, found, err)
			}
			return nil
		})
		clean(t, d)
	})
}

func TestDaysAreSealedInOrderAndTheChainFindsDamage(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		b := book{t, d, "CNY"}
		for day := range 3 {
			b.capture(fmt.Sprint("lin_", day), 100, 0, 0)
			clock.Advance(24 * 3600e9)
		}
		b.write(func(ctx context.Context, tx *db.Tx) error {
			first, err := FirstDay(ctx, tx)
			if err != nil {
				return err
			}
			if _, err := SealDay(ctx, tx, first.AddDays(3)); !errors.Is(err, ErrClosed) {
				t.Errorf("sealed today: %v", err)
			}
			for n := range 3 {
				if _, err := SealDay(ctx, tx, first.AddDays(n)); err != nil {
					return err
				}
			}
			_, err = SealDay(ctx, tx, first) // again changes nothing
			return err
		})
		clean(t, d)
		_ = d.Read(t.Context(), func(r db.Reader) error {
			last, err := LastSealed(t.Context(), r)
			if err != nil {
				return err
			}
			now, err := BalanceAt(t.Context(), r, Escrow, "lin_0", "CNY", last.AddDays(1).Start())
			if err != nil || now.Minor != -100 {
				t.Errorf("lin_0 held %d at the end of %s (%v)", -now.Minor, last, err)
			}
			before, err := BalanceAt(t.Context(), r, Escrow, "lin_2", "CNY", last.Start())
			if err != nil || before.Minor != 0 {
				t.Errorf("lin_2 held %d before it was paid (%v)", -before.Minor, err)
			}
			return nil
		})
		write(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE ledger_snapshot SET amount = amount + 1 WHERE party = 'lin_1'")
			if err == nil {
				_, err = tx.Exec(t.Context(), "UPDATE ledger_batch SET digest = chain")
			}
			return err
		})
		found := map[string]bool{}
		for _, v := range check(t, d) {
			found[v.Invariant] = true
		}
		if !found["I14"] || !found["I19"] {
			t.Errorf("found only %v", found)
		}
	})
}

func TestAnIncrementReadsWhatIsNewAndFindsDamage(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		b := book{t, d, "CNY"}
		step := func() (n int, wrong []Violation) {
			clock.Advance(120e9)
			write(t, d, func(tx *db.Tx) (err error) { n, wrong, err = Increment(t.Context(), tx, "hourly"); return err })
			return n, wrong
		}
		b.capture("lin_1", 100, 6, 10)
		if n, wrong := step(); n != 1 || len(wrong) > 0 {
			t.Fatalf("%d journals, %v", n, wrong)
		}
		if n, _ := step(); n != 0 {
			t.Fatalf("read %d journals again", n)
		}
		b.refund("rfd_1", "lin_1", 53)
		write(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE ledger_line SET returned = 60 WHERE line = 'lin_1'")
			return err
		})
		n, wrong := step()
		if n != 1 || len(wrong) != 1 || wrong[0].Invariant != "I5" {
			t.Fatalf("%d journals, %v", n, wrong)
		}
	})
}
