package settlement_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/report"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const price = 200000

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

func trades(t *testing.T, fn func(t *testing.T, w *world.Trade)) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		fn(t, w)
		w.Read(func(r db.Reader) error {
			found, err := report.Verify(t.Context(), r, report.Options{})
			for _, c := range found.Checks {
				for _, wrong := range c.Wrong {
					if c.Name != "report.verify.log" { // nobody integrates the log here
						t.Errorf("%s: %s", c.Name, wrong)
					}
				}
			}
			return err
		})
	})
}

func collection(t *testing.T, w *world.Trade, o order.Order) (c settlement.Collection) {
	t.Helper()
	w.Read(func(r db.Reader) (err error) {
		c, err = settlement.CollectionOf(t.Context(), r, string(o.Line))
		return err
	})
	return c
}

// settled is an order whose window is over and whose split is done.
func settled(t *testing.T, w *world.Trade) order.Order {
	t.Helper()
	buyer := w.Customer(account.LegalPerson)
	o := w.Bought(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
	w.Clock.Advance(6 * 24 * time.Hour)
	w.Drain()
	return w.Order(o.ID)
}

func request(t *testing.T, w *world.Trade, by audit.Actor, minor int64) (x settlement.Withdrawal, err error) {
	t.Helper()
	err = w.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
		x, err = settlement.Request(t.Context(), tx, by, w.Vendor, world.Gateway, cny(minor))
		return err
	})
	return x, err
}

// The published example: of an order of 2,000.00 the market keeps ten per cent and
// the vendor gets 1,800.00, once the five days are over.
func TestClause_3_1_MoneyIsReleasedWhenItsWindowIsOver(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.LegalPerson)
		o := w.Bought(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		w.Clock.Advance(4 * 24 * time.Hour)
		w.Drain()
		t.Run("refused_before_its_window_is_over", func(t *testing.T) {
			if c := collection(t, w, o); c.State != settlement.Held || w.Balance(ledger.Payable, string(w.Vendor)) != 0 {
				t.Fatalf("%+v", c)
			}
			if _, err := request(t, w, w.Seller, 100); !errors.Is(err, settlement.ErrNotDue) {
				t.Fatalf("withdrawn before it is due: %v", err)
			}
		})
		t.Run("allowed_after_it", func(t *testing.T) {
			w.Clock.Advance(2 * 24 * time.Hour)
			w.Drain()
			if c := collection(t, w, o); c.State != settlement.Finished || c.Shared.Minor != 20000 || c.Freed.Minor != price {
				t.Fatalf("%+v", c)
			}
			if got := w.Balance(ledger.Payable, string(w.Vendor)); got != 180000 {
				t.Errorf("payable %d", got)
			}
			if got := w.Order(o.ID).State; got != order.Completed {
				t.Errorf("the order is %s", got)
			}
		})
		t.Run("allowed_to_withdraw", func(t *testing.T) {
			w.Clock.Advance(72 * time.Hour)
			x, err := request(t, w, w.Seller, 180000)
			if err != nil || x.State != settlement.Paying {
				t.Fatalf("%+v, %v", x, err)
			}
			w.Drain()
			w.Read(func(r db.Reader) error {
				got, err := settlement.GetWithdrawal(t.Context(), r, x.ID)
				if got.State != settlement.Paid {
					t.Errorf("%+v", got)
				}
				return err
			})
			if left := w.Balance(ledger.Payable, string(w.Vendor)); left != 0 {
				t.Errorf("payable %d", left)
			}
		})
		t.Run("refused_to_a_stranger", func(t *testing.T) {
			other, _ := w.NewVendor()
			if _, err := request(t, w, other, 100); !errors.Is(err, account.ErrForeign) {
				t.Fatal(err)
			}
		})
	})
}

func TestAServiceIsReleasedOnAcceptance(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		c := world.Content(delivery.LicenceKey, price)
		c.Category, c.DeliveryType = "custom_software", "manual_service"
		buyer := w.Customer(account.LegalPerson)
		o := w.Bought(buyer, w.Listed(c))
		w.Clock.Advance(6 * 24 * time.Hour)
		w.Drain()
		if got := collection(t, w, o); got.State != settlement.Held {
			t.Fatalf("released without acceptance: %+v", got)
		}
		w.Write(func(tx *db.Tx) error {
			all, err := delivery.OfOrder(t.Context(), tx, string(o.ID))
			if err != nil {
				return err
			}
			_, err = settlement.Accept(t.Context(), tx, buyer, all[0].ID)
			return err
		})
		w.Drain()
		if got := collection(t, w, o); got.State != settlement.Finished {
			t.Fatalf("%+v", got)
		}
	})
}

func TestAPayoutThatComesBackIsTheVendorsAgain(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		settled(t, w)
		w.Clock.Advance(72 * time.Hour)
		w.Provider.HoldPayouts()
		x, err := request(t, w, w.Seller, 180000)
		if err != nil {
			t.Fatal(err)
		}
		w.Drain()
		w.Provider.EndPayout(x.Payout, payment.MoveDone, money.Amount{}, "")
		w.PayoutNotice(x.Payout)
		w.Drain()
		w.Provider.EndPayout(x.Payout, payment.MoveReturned, cny(500), "account_closed")
		w.PayoutNotice(x.Payout)
		w.Drain()
		if got := w.Balance(ledger.Payable, string(w.Vendor)); got != 180000 {
			t.Errorf("payable %d", got)
		}
		w.Read(func(r db.Reader) error {
			got, err := settlement.GetWithdrawal(t.Context(), r, x.ID)
			if got.State != settlement.Returned || got.Reason != "account_closed" {
				t.Errorf("%+v", got)
			}
			return err
		})
	})
}

func TestALargeWithdrawalNeedsTwoOtherPeople(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		settled(t, w) // the account at the provider is six days old, but not after this
		w.Write(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE vendor_merchant SET added_at = $1`, db.Micros(tx.Now()))
			return err
		})
		x, err := request(t, w, w.Seller, 180000)
		if err != nil || x.State != settlement.Requested || x.Approvals != 2 {
			t.Fatalf("%+v, %v", x, err)
		}
		if _, err := request(t, w, w.Seller, 100); !errors.Is(err, settlement.ErrNotDue) {
			t.Fatalf("the same money asked for twice: %v", err)
		}
		second := w.Staff(account.Finance)
		approve := func(by audit.Actor) error {
			return w.DB.Write(t.Context(), func(tx *db.Tx) error { _, err := settlement.Approve(t.Context(), tx, by, x.ID); return err })
		}
		for _, by := range []audit.Actor{w.Seller, w.Support, w.Compliance} {
			if err := approve(by); !errors.Is(err, settlement.ErrForbidden) {
				t.Errorf("refused: %v", err)
			}
		}
		var passed atomic.Int64
		world.Together(16, func(i int) {
			if err := approve(w.Finance); err == nil {
				passed.Add(1)
			}
		})
		if passed.Load() != 1 {
			t.Errorf("one person approved %d times", passed.Load())
		}
		passed.Store(0)
		world.Together(16, func(i int) {
			if err := approve(second); err == nil {
				passed.Add(1)
			}
		})
		if passed.Load() != 1 {
			t.Errorf("the second approved %d times", passed.Load())
		}
		w.Drain()
		if left := w.Balance(ledger.Payable, string(w.Vendor)); left != 0 {
			t.Errorf("payable %d", left)
		}
	})
}

func TestRacingWithdrawalsTakeNoMoreThanIsPayable(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		settled(t, w)
		w.Clock.Advance(72 * time.Hour)
		var won atomic.Int64
		world.Together(16, func(int) {
			_, err := request(t, w, w.Seller, 70000)
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, settlement.ErrNotDue):
				t.Error(err)
			}
		})
		if won.Load() != 2 {
			t.Fatalf("%d withdrawals of 700.00 out of 1,800.00", won.Load())
		}
		w.Drain()
	})
}

func TestARefundAfterTheSplitIsDrawnFromTheVendor(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		o := settled(t, w)
		w.Write(func(tx *db.Tx) error {
			l, err := ledger.LineOf(t.Context(), tx, string(o.Line))
			if err != nil {
				return err
			}
			p, err := ledger.Preview(l, cny(100000))
			if err != nil {
				return err
			}
			refund, err := payment.StartRefund(t.Context(), tx, w.Finance, payment.RefundStart{
				Attempt: o.Attempt, Amount: cny(100000), Return: p.Commission, Cause: payment.CauseOrder, Key: "late",
			})
			if err != nil {
				return err
			}
			_, _, err = ledger.Refund(t.Context(), tx, ledger.RefundOf{Refund: string(refund.ID), Line: string(o.Line), Amount: cny(100000), At: tx.Now()})
			return err
		})
		w.Drain()
		if got := w.Balance(ledger.Payable, string(w.Vendor)); got != 90000 {
			t.Errorf("payable %d", got)
		}
		w.Read(func(r db.Reader) error {
			for a, want := range map[ledger.Account]int64{ledger.Bank: 90000, ledger.BankOwn: 10000} {
				got, err := ledger.Balance(t.Context(), r, a, "", money.CNY)
				if err != nil || got.Minor != want {
					t.Errorf("%s %d, want %d (%v)", a, got.Minor, want, err)
				}
			}
			left, err := ledger.Coverage(t.Context(), r, money.CNY)
			if left.Minor != 0 {
				t.Errorf("coverage %s", left)
			}
			return err
		})
	})
}

// The provider keeps its fee of what it sends back whole; nothing of the vendor's
// was freed that it could come from.
func TestAWholeRefundBeforeTheReleaseEndsAlsoWithAFee(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		w.Provider.TakeFee(60)
		o := w.Bought(w.Customer(account.LegalPerson), w.Listed(world.Content(delivery.LicenceKey, price)))
		w.Write(func(tx *db.Tx) error {
			refund, err := payment.StartRefund(t.Context(), tx, w.Finance, payment.RefundStart{
				Attempt: o.Attempt, Amount: cny(price), Cause: payment.CauseOrder, Key: "early",
			})
			if err != nil {
				return err
			}
			_, _, err = ledger.Refund(t.Context(), tx, ledger.RefundOf{Refund: string(refund.ID), Line: string(o.Line), Amount: cny(price), At: tx.Now()})
			return err
		})
		w.Drain()
		if all := w.Refunds(o.ID); len(all) != 1 || all[0].State != payment.RefundSucceeded {
			t.Errorf("refunds %+v", all)
		}
		if c := collection(t, w, o); c.Freed.Minor != 0 {
			t.Errorf("freed %s", c.Freed)
		}
	})
}

func TestADisputeFreezesTheVendorsShareAndALostOneEndsTheRight(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		o := settled(t, w)
		dp := w.Provider.OpenDispute(o.Attempt, cny(price), cny(0))
		w.DisputeNotice(dp.ProviderID)
		w.Drain()
		w.Clock.Advance(72 * time.Hour)
		if _, err := request(t, w, w.Seller, 100); !errors.Is(err, settlement.ErrNotDue) {
			t.Fatalf("withdrawn during the dispute: %v", err)
		}
		w.Provider.LoseDispute(dp.ProviderID)
		w.DisputeNotice(dp.ProviderID)
		w.Drain()
		if got := w.Balance(ledger.Payable, string(w.Vendor)); got != 0 {
			t.Errorf("payable %d", got)
		}
	})
}

func TestADepositIsTouchedOnlyByACaseARuleAndTwoPeople(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		w.Write(func(tx *db.Tx) error { // the world counts its deposit without the book
			_, err := ledger.DepositIn(t.Context(), tx, "test", string(w.Vendor), cny(500000), tx.Now())
			return err
		})
		deduct := func(by audit.Actor, d settlement.Deduction) error {
			return w.DB.Write(t.Context(), func(tx *db.Tx) error { return settlement.Deduct(t.Context(), tx, by, d) })
		}
		good := settlement.Deduction{
			Case: "cas_1", Rule: "RB settlement-5", Vendor: w.Vendor, Amount: cny(100000), First: account.UserID(w.Compliance.User),
			Buyers: map[string]money.Amount{buyer.Account: cny(30000)},
		}
		for name, c := range map[string]struct {
			by     audit.Actor
			change func(*settlement.Deduction)
			want   error
		}{
			"without a case":  {w.Finance, func(d *settlement.Deduction) { d.Case = " " }, settlement.ErrNoCase},
			"without a rule":  {w.Finance, func(d *settlement.Deduction) { d.Rule = "" }, settlement.ErrNoCase},
			"alone":           {w.Finance, func(d *settlement.Deduction) { d.First = account.UserID(w.Finance.User) }, settlement.ErrSecond},
			"by support":      {w.Support, func(*settlement.Deduction) {}, settlement.ErrForbidden},
			"more than is in": {w.Finance, func(d *settlement.Deduction) { d.Amount = cny(500001) }, ledger.ErrFloor},
		} {
			d := good
			c.change(&d)
			if err := deduct(c.by, d); !errors.Is(err, c.want) {
				t.Errorf("refused %s: %v", name, err)
			}
		}
		for range 2 { // a repeat is a success without effect
			if err := deduct(w.Finance, good); err != nil {
				t.Fatal(err)
			}
		}
		if held, owed := w.Balance(ledger.Deposit, string(w.Vendor)), w.Balance(ledger.Owed, buyer.Account); held != 400000 || owed != 30000 {
			t.Errorf("deposit %d, owed %d", held, owed)
		}
		w.Read(func(r db.Reader) error {
			v, err := vendor.Get(context.Background(), r, w.Vendor)
			if v.DepositOK {
				t.Error("the vendor may still sell with a short deposit")
			}
			return err
		})
	})
}

func TestAStatementLeadsFromItsOpeningToItsClosing(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		o := settled(t, w)
		w.Clock.Advance(72 * time.Hour)
		if _, err := request(t, w, w.Seller, 50000); err != nil {
			t.Fatal(err)
		}
		w.Drain()
		w.Write(func(tx *db.Tx) error {
			if _, err := settlement.Charge(t.Context(), tx, w.Finance, w.Vendor, "certification"); err != nil {
				return err
			}
			_, err := settlement.Charge(t.Context(), tx, w.Finance, w.Vendor, "certification") // once a year
			return err
		})
		month := ledger.MonthOf(w.Clock.Now())
		w.Read(func(r db.Reader) error {
			s, err := settlement.StatementOf(t.Context(), r, w.Vendor, month, money.CNY)
			if err != nil {
				return err
			}
			if s.Closing.Minor != 180000-50000-30000 || len(s.Rows) != 3 || s.Rows[0].Order != string(o.ID) || s.Rows[0].Commission.Minor != 20000 {
				t.Errorf("%+v", s)
			}
			return nil
		})
		_, next, err := month.Bounds()
		if err != nil {
			t.Fatal(err)
		}
		w.Clock.Advance(next.Sub(w.Clock.Now()) + 2*time.Hour)
		w.Write(func(tx *db.Tx) error { return settlement.Start(t.Context(), tx) })
		w.Drain()
		w.Clock.Advance(6 * 24 * time.Hour)
		w.Drain()
		w.Read(func(r db.Reader) error {
			s, err := settlement.StatementOf(t.Context(), r, w.Vendor, month, money.CNY)
			if s.Stated.IsZero() || s.AgreedBy != "time" {
				t.Errorf("stated %s, agreed by %q", s.Stated, s.AgreedBy)
			}
			return err
		})
	})
}
