package world_test

import (
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/payment"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

// The provider of a world does beyond captures and refunds what the product's
// tests rely on: at once, or when it is told to.
func TestTheProviderOfAWorldPlaysTheWholeCollection(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		ctx, by := t.Context(), audit.Actor{}
		var a payment.Attempt
		w.Write(func(tx *db.Tx) (err error) {
			a, err = payment.Begin(ctx, tx, by, payment.Start{
				Order: "ord_none", Amount: cny(10000), Gateway: world.Gateway, Description: "x", PayeeAccount: "mch", PayeeName: "Vendor",
				ExpiresAt: tx.Now().Add(time.Hour),
			})
			return err
		})
		w.Drain()
		captured := w.Provider.Capture(a.ID, cny(9999)) // not what was asked for: no order is told, and it goes back
		w.Notice(captured)
		w.Drain()
		w.Read(func(r db.Reader) (err error) { a, err = payment.Get(ctx, r, a.ID); return err })
		if !a.Splits || a.Refunded != cny(9999) {
			t.Fatalf("%+v", a)
		}

		w.Provider.HoldPayouts()
		var p payment.Payout
		w.Write(func(tx *db.Tx) (err error) {
			p, err = payment.StartPayout(ctx, tx, by, payment.PayoutStart{
				Vendor: "ven_1", Gateway: world.Gateway, Payee: "mch", PayeeName: "Vendor", Amount: cny(500), Key: "k",
			})
			return err
		})
		payout := func(want payment.PayoutState) {
			t.Helper()
			w.Drain()
			w.Read(func(r db.Reader) (err error) { p, err = payment.GetPayout(ctx, r, p.ID); return err })
			if p.State != want {
				t.Fatalf("the payout is %s, want %s", p.State, want)
			}
		}
		payout(payment.PayoutInTransit)
		w.Provider.EndPayout(p.ID, payment.MoveDone, cny(0), "")
		w.PayoutNotice(p.ID)
		payout(payment.PayoutPaid)
		w.Provider.EndPayout(p.ID, payment.MoveReturned, cny(5), "closed")
		w.PayoutNotice(p.ID)
		payout(payment.PayoutReturned)

		o := w.Provider.OpenDispute(a.ID, cny(300), cny(15))
		dispute := func(want payment.DisputeState, round, open int) {
			t.Helper()
			w.DisputeNotice(o.ProviderID)
			w.Drain()
			var all []payment.Dispute
			w.Read(func(r db.Reader) (err error) {
				if all, err = payment.DisputesOf(ctx, r, a.ID); err == nil {
					a, err = payment.Get(ctx, r, a.ID)
				}
				return err
			})
			if len(all) != 1 || all[0].State != want || all[0].Round != round || a.Disputes != open {
				t.Fatalf("%+v, %d open", all, a.Disputes)
			}
		}
		dispute(payment.DisputeOpen, 1, 1)
		w.Provider.WinDispute(o.ProviderID)
		dispute(payment.DisputeWon, 1, 0)
		w.Provider.ReopenDispute(o.ProviderID)
		w.Provider.LoseDispute(o.ProviderID)
		dispute(payment.DisputeLost, 2, 0)

		lines, err := w.Provider.Report(ctx, calendar.On(clock.Now()))
		if err != nil || len(lines) != 7 { // the capture, its way back, the dispute taken, given back and taken again, a fee for each taking; the payout came back
			t.Fatalf("%+v, %v", lines, err)
		}
	})
}
