package wechatpay

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/payment"
	"yunshi/internal/testkit"
)

// TestTheMarketsWorkTakesAPayment has package payment send, ask and record, as it
// does for every provider: a code whose first answer is lost, a payment told by a
// notice, one that is given up, and a refund.
func TestTheMarketsWorkTakesAPayment(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		ctx := t.Context()
		s := startStandIn(t)
		g := s.gateway()
		g.cfg.Now = clock.Now
		var captures []payment.Capture
		var ended []payment.Refund
		work := payment.Work{
			Gateways: map[string]payment.Gateway{Name: g},
			Captured: func(_ context.Context, _ *db.Tx, c payment.Capture) error { captures = append(captures, c); return nil },
			RefundEnded: func(_ context.Context, _ *db.Tx, r payment.Refund) error {
				ended = append(ended, r)
				return nil
			},
		}
		drain := func() {
			t.Helper()
			s.mu.Lock()
			s.now = clock.Now()
			s.mu.Unlock()
			if err := job.NewWorker(d, work.Handlers(), slog.New(slog.DiscardHandler)).Drain(ctx); err != nil {
				t.Fatal(err)
			}
		}
		write := func(fn func(tx *db.Tx) error) {
			t.Helper()
			if err := d.Write(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		attempt := func(id payment.AttemptID) (a payment.Attempt) {
			t.Helper()
			if err := d.Read(ctx, func(r db.Reader) (err error) { a, err = payment.Get(ctx, r, id); return err }); err != nil {
				t.Fatal(err)
			}
			return a
		}
		begin := func(order string) (a payment.Attempt) {
			t.Helper()
			write(func(tx *db.Tx) (err error) {
				a, err = payment.Begin(ctx, tx, audit.Actor{}, payment.Start{
					Order: order, Amount: yuan(100_00), Gateway: Name, Description: "记事本", PayeeAccount: testVendor, PayeeName: "云帆软件",
					ExpiresAt: tx.Now().Add(15 * time.Minute), Locale: "zh",
				})
				return err
			})
			return a
		}

		a := begin("ord_1")
		s.failNext("POST", "/transactions/native", standInFault{cut: true, after: true})
		drain()
		if got := attempt(a.ID); got.State != payment.Unknown {
			t.Fatalf("after a lost answer: %s", got.State)
		}
		clock.Advance(2 * time.Minute) // the janitor asks, and fetches the code
		drain()
		if got := attempt(a.ID); got.State != payment.RequiresAction || got.Instructions[CodeInstruction] == "" || len(s.orders) != 1 {
			t.Fatalf("waiting: %+v", got)
		}
		s.pay(string(a.ID))
		resource := s.orders[string(a.ID)].shown(string(a.ID))
		header, body := s.notice("EV-1", "TRANSACTION.SUCCESS", resource)
		event := must(g.Event(header, body, clock.Now()))(t)
		for range 2 {
			write(func(tx *db.Tx) error { return payment.Notify(ctx, tx, Name, event, body) })
			drain()
		}
		if got := attempt(a.ID); got.State != payment.Captured || got.Captured != yuan(100_00) || got.CaptureID != s.orders[string(a.ID)].id || len(captures) != 1 {
			t.Fatalf("paid: %+v, %d captures", got, len(captures))
		}

		b := begin("ord_2")
		drain()
		clock.Advance(16 * time.Minute)
		write(func(tx *db.Tx) error {
			_, err := payment.Void(ctx, tx, audit.Actor{}, b.ID, payment.Expired)
			return err
		})
		drain()
		if got := attempt(b.ID); got.State != payment.Expired || s.orders[string(b.ID)].state != "CLOSED" {
			t.Errorf("given up: %s, %s", got.State, s.orders[string(b.ID)].state)
		}

		var r payment.Refund
		write(func(tx *db.Tx) (err error) {
			r, err = payment.StartRefund(ctx, tx, audit.Actor{}, payment.RefundStart{Attempt: a.ID, Amount: yuan(40_00), Cause: payment.CauseOrder, Key: "k"})
			return err
		})
		s.failNext("POST", "/refunds/apply", standInFault{cut: true, after: true})
		drain()
		clock.Advance(2 * time.Minute)
		drain()
		s.set(s.refunds, string(r.ID), map[string]any{"status": "SUCCESS"})
		clock.Advance(time.Hour)
		drain()
		if len(ended) != 1 || ended[0].State != payment.RefundSucceeded || len(s.refunds) != 1 || s.orders[string(a.ID)].refunding != 40_00 {
			t.Errorf("refunded: %+v, %d at WeChat Pay", ended, len(s.refunds))
		}
	})
}
