package ledger

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/testkit"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "CNY"} }

func capture(ctx context.Context, tx *db.Tx, id, line string, net, tax int64) (bool, error) {
	return Capture(ctx, tx, Captured{
		Provider: "sandbox", CaptureID: id, Line: line, Vendor: "ven_1", Account: "acc_1", Net: cny(net), Tax: cny(tax), Fee: cny(net / 10), At: tx.Now(),
	})
}

func write(t *testing.T, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func balance(t *testing.T, d *db.DB, a Account, party string) (minor int64) {
	t.Helper()
	err := d.Read(t.Context(), func(r db.Reader) error {
		b, err := Balance(t.Context(), r, a, party, "CNY")
		minor = b.Minor
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return minor
}

func clean(t *testing.T, d *db.DB) {
	t.Helper()
	if wrong := check(t, d); len(wrong) > 0 {
		t.Fatalf("the book is wrong: %v", wrong)
	}
}

func check(t *testing.T, d *db.DB) (wrong []Violation) {
	t.Helper()
	err := d.Read(t.Context(), func(r db.Reader) (err error) {
		_, wrong, err = Verify(t.Context(), r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return wrong
}

func TestClause_3_1_WhatIsCollectedIsHeldForTheVendor(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		write(t, d, func(tx *db.Tx) error {
			if posted, err := capture(t.Context(), tx, "c1", "lin_1", 10000, 600); err != nil || !posted {
				t.Errorf("allowed: posted %v, %v", posted, err)
			}
			return nil
		})
		if balance(t, d, Clearing, "sandbox") != 10600 || balance(t, d, Escrow, "lin_1") != -10000 || balance(t, d, Tax, "CN") != -600 {
			t.Fatal("collected is not held to the fen")
		}
		// Refused: each way to make it the operator's own.
		for name, p := range map[string]posting{
			"into the operator's bank": {kind: P1Capture, effect: "x1", entries: []Entry{{Escrow, "lin_1", cny(5)}, {Bank, "", cny(-5)}}},
			"under an unknown kind":    {kind: "P99", effect: "x2", entries: []Entry{{Escrow, "lin_1", cny(5)}, {Tax, "CN", cny(-5)}}},
			"as a provider fee":        {kind: P2ProviderFee, effect: "x3", entries: []Entry{{Fee, "sandbox", cny(5)}, {Escrow, "lin_1", cny(-5)}}},
			"unbalanced":               {kind: P1Capture, effect: "x4", entries: []Entry{{Clearing, "sandbox", cny(5)}, {Escrow, "lin_1", cny(-4)}}},
			"one-sided":                {kind: P1Capture, effect: "x5", entries: []Entry{{Clearing, "sandbox", cny(5)}}},
			"in two currencies": {kind: P1Capture, effect: "x6", entries: []Entry{
				{Clearing, "sandbox", cny(5)}, {Escrow, "lin_1", money.Amount{Minor: -5, Currency: "USD"}}}},
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := post(t.Context(), tx, p); return err })
			if !errors.Is(err, ErrNoBasis) {
				t.Errorf("refused_%s: %v", name, err)
			}
		}
		clean(t, d)
	})
}

func TestSixteenPostingsOfOneEffectPostOnce(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		var posted atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				once := false
				err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
					once, err = capture(t.Context(), tx, "c1", "lin_1", 10000, 600)
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if once {
					posted.Add(1)
				}
			})
		}
		wg.Wait()
		if posted.Load() != 1 || balance(t, d, Escrow, "lin_1") != -10000 {
			t.Fatalf("posted %d times, escrow %d", posted.Load(), balance(t, d, Escrow, "lin_1"))
		}
		clean(t, d)
	})
}

func TestOneEffectWithTwoAmountsIsAnAlarm(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		write(t, d, func(tx *db.Tx) error { _, err := capture(t.Context(), tx, "c1", "lin_1", 100, 0); return err })
		err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := capture(t.Context(), tx, "c1", "lin_1", 101, 0); return err })
		if !errors.Is(err, ErrEffect) {
			t.Fatal(err)
		}
	})
}

// The floor is a CHECK of the balance row: without it all sixteen refunds pass,
// because each has an effect key of its own.
func TestRacingRefundsNeverGiveBackMoreThanIsHeld(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		write(t, d, func(tx *db.Tx) error { _, err := capture(t.Context(), tx, "c1", "lin_1", 10000, 600); return err })
		write(t, d, func(tx *db.Tx) error { _, err := capture(t.Context(), tx, "c2", "lin_2", 99000, 6000); return err })
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					_, _, err := Refund(t.Context(), tx, RefundOf{Refund: "rfd_" + string(rune('a'+i)), Line: "lin_1", Amount: cny(4240), At: tx.Now()})
					return err
				})
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, ErrOverReturn):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 2 || balance(t, d, Escrow, "lin_1") != -2000 {
			t.Fatalf("%d refunds of 4,000 out of 10,000; %d left", won.Load(), -balance(t, d, Escrow, "lin_1"))
		}
		clean(t, d)
	})
}

func TestARefundEndsAtTheProviderOrIsStillOwed(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		write(t, d, func(tx *db.Tx) error {
			ctx := t.Context()
			for i, line := range []string{"lin_1", "lin_2"} {
				if _, err := capture(ctx, tx, line, line, 10000, 600); err != nil {
					return err
				}
				if _, _, err := Refund(ctx, tx, RefundOf{Refund: "rfd_" + line, Line: line, Amount: cny(10600), At: tx.Now()}); err != nil {
					return err
				}
				if i == 0 {
					if _, err := RefundConfirmed(ctx, tx, "sandbox", "rfd_"+line, cny(10600), tx.Now()); err != nil {
						return err
					}
				} else if _, err := RefundOwed(ctx, tx, "rfd_"+line, "acc_1", cny(10600), tx.Now()); err != nil {
					return err
				}
				// A refund ends once: confirming what is already owed posts nothing.
				if posted, err := RefundConfirmed(ctx, tx, "sandbox", "rfd_"+line, cny(10600), tx.Now()); posted || (i == 1) != errors.Is(err, ErrEffect) {
					t.Errorf("second end of %s: %v, %v", line, posted, err)
				}
			}
			return nil
		})
		if balance(t, d, Clearing, "sandbox") != 10600 || balance(t, d, Owed, "acc_1") != -10600 || balance(t, d, Escrow, "lin_1") != 0 {
			t.Fatal("the refunds did not end where they should")
		}
		clean(t, d)
	})
}

func TestLateMoneyPassesThroughSuspenseOnly(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		write(t, d, func(tx *db.Tx) error {
			if _, err := LateMoney(t.Context(), tx, "sandbox", "c1", "ord_1", cny(700), tx.Now()); err != nil {
				return err
			}
			_, err := LateRefund(t.Context(), tx, "sandbox", "rfd_1", cny(700), tx.Now())
			return err
		})
		if balance(t, d, Suspense, "sandbox") != 0 || balance(t, d, Clearing, "sandbox") != 0 {
			t.Fatal("late money stayed")
		}
		// One capture is either an order's or nobody's.
		err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := capture(t.Context(), tx, "c1", "lin_1", 700, 0); return err })
		if !errors.Is(err, ErrEffect) {
			t.Fatalf("the same capture twice: %v", err)
		}
		clean(t, d)
	})
}

func TestAReversalIsTheExactMirrorOnce(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		write(t, d, func(tx *db.Tx) error {
			_, err := DepositIn(t.Context(), tx, "stl_1", "ven_1", cny(500000), tx.Now())
			return err
		})
		write(t, d, func(tx *db.Tx) error {
			j, ok, err := Posted(t.Context(), tx, "deposit:stl_1")
			if err != nil || !ok {
				t.Fatalf("%v %v", ok, err)
			}
			for _, want := range []bool{true, false} {
				posted, err := Reverse(t.Context(), tx, j.ID, "wrong statement")
				if err != nil {
					return err
				}
				if posted != want {
					t.Errorf("reversed %v, want %v", posted, want)
				}
			}
			return nil
		})
		if balance(t, d, Deposit, "ven_1") != 0 || balance(t, d, Bank, "") != 0 {
			t.Fatal("not mirrored")
		}
		clean(t, d)
	})
}

func TestTheBookIsAppendOnly(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		write(t, d, func(tx *db.Tx) error { _, err := capture(t.Context(), tx, "c1", "lin_1", 100, 6); return err })
		for _, q := range []string{"UPDATE ledger_entry SET amount = 1", "DELETE FROM ledger_entry", "UPDATE ledger_journal SET cause = 'x'", "DELETE FROM ledger_journal"} {
			if err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), q); return err }); !db.Refused(err) {
				t.Errorf("%s: %v", q, err)
			}
		}
	})
}

func TestVerifyFindsEachKindOfDamage(t *testing.T) {
	damage := map[string]string{
		"I1": "INSERT INTO ledger_entry (journal, line, account, party, currency, amount) SELECT id, 9, 'escrow', 'lin_9', 'CNY', 5 FROM ledger_journal",
		"I2": "INSERT INTO ledger_entry (journal, line, account, party, currency, amount) SELECT id, 9, 'escrow', 'lin_9', 'CNY', 5 FROM ledger_journal",
		"I3": "UPDATE ledger_balance SET credit = credit + 7 WHERE account = 'escrow'",
		"I4": "INSERT INTO ledger_entry (journal, line, account, party, currency, amount) SELECT id, 9, 'escrow', 'lin_1', 'CNY', 900 FROM ledger_journal",
	}
	for invariant, statement := range damage {
		t.Run(invariant, func(t *testing.T) {
			testkit.Engines(t, func(t *testing.T, d *db.DB) {
				write(t, d, func(tx *db.Tx) error { _, err := capture(t.Context(), tx, "c1", "lin_1", 100, 6); return err })
				clean(t, d)
				write(t, d, func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), statement); return err })
				for _, v := range check(t, d) {
					if v.Invariant == invariant {
						return
					}
				}
				t.Fatalf("%s not reported: %v", invariant, check(t, d))
			})
		})
	}
}

func TestTheBookIsListedNewestFirstInPages(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		for _, id := range []string{"a", "b", "c"} {
			clock.Advance(1e9)
			write(t, d, func(tx *db.Tx) error { _, err := capture(t.Context(), tx, id, "lin_"+id, 100, 6); return err })
		}
		var got []string
		var before JournalID
		for {
			var page []Journal
			err := d.Read(t.Context(), func(r db.Reader) (err error) { page, before, err = Book(t.Context(), r, before, 2); return err })
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range page {
				got = append(got, j.Cause)
				if len(j.Entries) != 3 {
					t.Errorf("%d entries", len(j.Entries))
				}
			}
			if before == "" {
				break
			}
		}
		if strings.Join(got, " ") != "lin_c lin_b lin_a" {
			t.Fatal(got)
		}
	})
}

// Every order of capture, refund and its end leaves a book that holds exactly
// what was paid less what was given back.
func TestAnyHistoryKeepsTheBookWhole(t *testing.T) {
	d := testkit.Open(t, db.SQLite)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		line := "lin_" + strings.Repeat("i", round%7) + string(rune('a'+round%26)) + rapid.StringMatching(`[a-z]{8}`).Draw(rt, "line")
		net, tax := rapid.Int64Range(1, 1e12).Draw(rt, "net"), rapid.Int64Range(0, 1e11).Draw(rt, "tax")
		gross, back := net+tax, int64(0)
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if _, err := capture(t.Context(), tx, line, line, net, tax); err != nil {
				return err
			}
			for i := range rapid.IntRange(0, 4).Draw(rt, "refunds") {
				x := rapid.Int64Range(1, gross).Draw(rt, "x")
				if x > gross-back {
					continue
				}
				back += x
				id := line + string(rune('0'+i))
				if _, _, err := Refund(t.Context(), tx, RefundOf{Refund: id, Line: line, Amount: cny(x), At: tx.Now()}); err != nil {
					return err
				}
				if rapid.Bool().Draw(rt, "ends") {
					if _, err := RefundConfirmed(t.Context(), tx, "sandbox", id, cny(x), tx.Now()); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		kept, err := money.Alloc(tax, gross-back, gross)
		if err != nil {
			rt.Fatal(err)
		}
		if held := -balance(t, d, Escrow, line); held != gross-back-kept {
			rt.Fatalf("held %d, want %d", held, gross-back-kept)
		}
	})
	clean(t, d)
}
