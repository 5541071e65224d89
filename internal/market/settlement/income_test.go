package settlement_test

import (
	"errors"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit/world"
)

func income(t *testing.T, w *world.Trade) (in settlement.Income) {
	t.Helper()
	w.Read(func(r db.Reader) (err error) {
		in, err = settlement.IncomeOf(t.Context(), r, w.Vendor, money.CNY)
		return err
	})
	return in
}

func TestClause_3_1_IncomeSaysWhatMayBeAskedForAndWhatIsExpected(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		o := w.Bought(w.Customer(account.LegalPerson), w.Listed(world.Content(delivery.LicenceKey, price)))
		t.Run("refused_while_it_is_held", func(t *testing.T) {
			if in := income(t, w); in.Escrow.Minor != price || !in.Withdrawable.IsZero() {
				t.Errorf("%+v", in)
			}
			w.Read(func(r db.Reader) error {
				l, err := ledger.LineOf(t.Context(), r, string(o.Line))
				if l.Expected().Minor != 180000 {
					t.Errorf("expected %s", l.Expected())
				}
				return err
			})
		})
		w.Clock.Advance(9 * 24 * time.Hour)
		w.Drain()
		t.Run("allowed_once_released", func(t *testing.T) {
			if in := income(t, w); in.Withdrawable.Minor != 180000 || !in.Escrow.IsZero() {
				t.Errorf("%+v", in)
			}
		})
		t.Run("refused_while_a_case_stops_payouts", func(t *testing.T) {
			w.Write(func(tx *db.Tx) error { return ledger.Freeze(t.Context(), tx, string(w.Vendor), "cas_1") })
			if in := income(t, w); !in.Withdrawable.IsZero() || len(in.Stopped) != 1 || in.Stopped[0] != "cas_1" {
				t.Errorf("%+v", in)
			}
			w.Write(func(tx *db.Tx) error { return ledger.Unfreeze(t.Context(), tx, string(w.Vendor), "cas_1") })
		})
		t.Run("allowed_to_the_sum_that_the_dispute_leaves", func(t *testing.T) {
			dp := w.Provider.OpenDispute(o.Attempt, cny(50000), cny(0))
			w.DisputeNotice(dp.ProviderID)
			w.Drain()
			in := income(t, w)
			if len(in.Holds) != 1 || in.Holds[0].Amount.Minor != 45000 || in.Withdrawable.Minor != 135000 {
				t.Errorf("%+v", in)
			}
		})
	})
}

// What the page says before is what happens after.
func TestForeseeIsWhatRequestDoes(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		settled(t, w)
		w.Clock.Advance(72 * time.Hour)
		for _, fresh := range []bool{false, true} {
			if fresh {
				w.Write(func(tx *db.Tx) error {
					_, err := tx.Exec(t.Context(), `UPDATE vendor_merchant SET added_at = $1`, db.Micros(tx.Now()))
					return err
				})
			}
			var said settlement.Outlook
			w.Read(func(r db.Reader) (err error) {
				said, err = settlement.Foresee(t.Context(), r, w.Vendor, world.Gateway, cny(10000))
				return err
			})
			did, err := request(t, w, w.Seller, 10000)
			if err != nil || did.Approvals != said.Approvals || did.Payee != said.Payee || fresh == said.NewUntil.IsZero() || fresh == (said.Approvals == 0) {
				t.Errorf("fresh %v: said %+v, did %+v, %v", fresh, said, did, err)
			}
		}
		w.Read(func(r db.Reader) error {
			over, err := settlement.Foresee(t.Context(), r, w.Vendor, world.Gateway, cny(5000001))
			if err != nil || !over.Over || over.Approvals != 2 {
				t.Errorf("%+v, %v", over, err)
			}
			if _, err := settlement.Foresee(t.Context(), r, w.Vendor, "nobody", cny(1)); !errors.Is(err, settlement.ErrNoMerchant) {
				t.Errorf("refused: no account: %v", err)
			}
			return nil
		})
		w.Drain()
	})
}

// A statement's lines have one order each and the sums of its rows, and add up
// across, also when money went back after the release.
func TestAStatementHasOneLineAnOrderThatAddsUp(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		o := settled(t, w)
		settled(t, w)
		w.Write(func(tx *db.Tx) error {
			refund, err := payment.StartRefund(t.Context(), tx, w.Finance, payment.RefundStart{Attempt: o.Attempt, Amount: cny(100000), Return: cny(10000), Cause: payment.CauseOrder, Key: "late"})
			if err != nil {
				return err
			}
			_, _, err = ledger.Refund(t.Context(), tx, ledger.RefundOf{Refund: string(refund.ID), Line: string(o.Line), Amount: cny(100000), At: tx.Now()})
			return err
		})
		w.Drain()
		w.Clock.Advance(72 * time.Hour)
		if _, err := request(t, w, w.Seller, 50000); err != nil {
			t.Fatal(err)
		}
		w.Drain()
		month := ledger.MonthOf(w.Clock.Now())
		w.Read(func(r db.Reader) error {
			s, err := settlement.StatementOf(t.Context(), r, w.Vendor, month, money.CNY)
			if err != nil {
				return err
			}
			lines := s.Orders()
			if len(lines) != 3 || len(s.Rows) != 4 {
				t.Fatalf("%d lines of %d rows", len(lines), len(s.Rows))
			}
			var sum int64
			for _, l := range append(lines, s.Total()) {
				if got := l.Released.Minor - l.Commission.Minor + l.GivenBack().Minor + l.Other.Minor - l.Paid.Minor; got != l.Vendor.Minor {
					t.Errorf("%+v adds up to %d", l, got)
				}
			}
			for _, l := range lines {
				sum += l.Vendor.Minor
				if l.Order == string(o.ID) && (l.Released.Minor != price || l.Commission.Minor != 10000 || l.GivenBack().Minor != -100000 || l.Vendor.Minor != 90000 || l.Kind != ledger.P6Release) {
					t.Errorf("the refunded order: %+v", l)
				}
			}
			if sum != s.Total().Vendor.Minor || s.Opening.Minor+sum != s.Closing.Minor {
				t.Errorf("lines %d, total %s, from %s to %s", sum, s.Total().Vendor, s.Opening, s.Closing)
			}
			from, to, err := month.Bounds()
			if err != nil {
				return err
			}
			flows, err := ledger.FlowsOf(t.Context(), r, string(w.Vendor), money.CNY, from, to)
			var flowed int64
			for _, f := range flows {
				if f.Month != month {
					t.Errorf("%+v is not in %s", f, month)
				}
				flowed += f.Amount.Minor
			}
			if flowed != sum {
				t.Errorf("flows %d, lines %d", flowed, sum)
			}
			return err
		})
	})
}

// A moment after midnight in Shanghai is in the next month, though not in UTC.
func TestFlowsFollowTheMonthsOfShanghai(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		_, next, err := ledger.MonthOf(w.Clock.Now()).Bounds()
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Duration{-time.Second, 0} {
			w.Clock.Set(next.Add(at))
			w.Write(func(tx *db.Tx) error {
				_, err := ledger.DepositIn(t.Context(), tx, next.Add(at).String(), string(w.Vendor), cny(100), tx.Now())
				return err
			})
		}
		w.Read(func(r db.Reader) error {
			flows, err := ledger.FlowsOf(t.Context(), r, string(w.Vendor), money.CNY, next.AddDate(0, -1, 0), next.AddDate(0, 1, 0))
			if len(flows) != 2 || flows[0].Month != ledger.MonthOf(next.Add(-time.Second)) || flows[1].Month != ledger.MonthOf(next) {
				t.Errorf("%+v", flows)
			}
			return err
		})
	})
}
