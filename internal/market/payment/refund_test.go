package payment

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
)

// refund starts an ordinary refund and books it as the order package does.
func (b *bench) refund(a Attempt, amount money.Amount, key string) (r Refund) {
	b.t.Helper()
	b.write(func(tx *db.Tx) (err error) {
		r, err = StartRefund(b.t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Amount: amount, Cause: CauseOrder, Key: key})
		if err != nil {
			return err
		}
		_, _, err = ledger.Refund(b.t.Context(), tx, ledger.RefundOf{Refund: string(r.ID), Line: a.Order, Amount: amount, At: tx.Now()})
		return err
	})
	return r
}

func (b *bench) getRefund(id RefundID) (r Refund) {
	b.t.Helper()
	b.read(func(q db.Reader) (err error) { r, err = GetRefund(b.t.Context(), q, id); return err })
	return r
}

func TestSixteenFullRefundsOfOnePaymentRefundOnce(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		var done, over atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				err := b.d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := StartRefund(t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Amount: a.Captured, Cause: CauseOrder, Key: fmt.Sprint(i)})
					return err
				})
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, ErrOverRefund):
					over.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if done.Load() != 1 || over.Load() != 15 || b.get(a.ID).Refunded != a.Captured {
			t.Fatalf("%d refunds went through, %d were refused, %s given back", done.Load(), over.Load(), b.get(a.ID).Refunded)
		}
		b.drain()
		if _, n := b.at.counts(); n != 1 {
			t.Fatalf("%d refunds at the provider", n)
		}
	})
}

func TestTheDatabaseRefusesToGiveBackMoreThanCameIn(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		err := b.d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE payment_attempt SET refunded_minor = $1 WHERE id = $2`, a.Captured.Minor+1, string(a.ID))
			return err
		})
		if !db.Check(err) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestPartsAreRefundedUpToTheWhole(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		b.at.instant = true
		a := b.paid("ord_1")
		first := b.refund(a, cny(9900), "k1")
		if same := b.refundAgain(a, cny(9900), "k1"); same.ID != first.ID {
			t.Fatal("one key, two refunds")
		}
		b.refused(ErrStale, func(tx *db.Tx) error {
			_, err := StartRefund(t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Amount: cny(1), Cause: CauseOrder, Key: "k1"})
			return err
		})
		b.refused(ErrOverRefund, func(tx *db.Tx) error {
			_, err := StartRefund(t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Amount: cny(9901), Cause: CauseOrder, Key: "k2"})
			return err
		})
		b.refused(ErrInvalid, func(tx *db.Tx) error {
			_, err := StartRefund(t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Amount: money.Amount{Minor: 1, Currency: "USD"}, Cause: CauseOrder, Key: "k3"})
			return err
		})
		b.write(func(tx *db.Tx) error {
			rest, err := RefundAll(t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Cause: CauseOrder, Key: "rest"})
			if err == nil {
				_, _, err = ledger.Refund(t.Context(), tx, ledger.RefundOf{Refund: string(rest.ID), Line: a.Order, Amount: rest.Amount, At: tx.Now()})
			}
			return err
		})
		b.refused(ErrOverRefund, func(tx *db.Tx) error {
			_, err := RefundAll(t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Cause: CauseOrder, Key: "more"})
			return err
		})
		b.drain()
		if len(b.ended) != 2 || b.get(a.ID).Refunded != cny(19800) || b.balance(ledger.Clearing, "fake") != 0 {
			t.Fatalf("%+v, clearing %d", b.ended, b.balance(ledger.Clearing, "fake"))
		}
		b.clean()
	})
}

func (b *bench) refundAgain(a Attempt, amount money.Amount, key string) (r Refund) {
	b.t.Helper()
	b.write(func(tx *db.Tx) (err error) {
		r, err = StartRefund(b.t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Amount: amount, Cause: CauseOrder, Key: key})
		return err
	})
	return r
}

func TestAnUnpaidAttemptHasNothingToGiveBack(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened("ord_1")
		b.refused(ErrOverRefund, func(tx *db.Tx) error {
			_, err := StartRefund(t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Amount: cny(1), Cause: CauseOrder, Key: "k"})
			return err
		})
	})
}

func TestARefundWhoseAnswerWasLostIsSentOnce(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		b.at.dropBack, b.at.instant = 1, true
		r := b.refund(a, a.Captured, "k1")
		b.drain()
		if got := b.getRefund(r.ID); got.State != RefundUnknown {
			t.Fatalf("%+v", got)
		}
		b.after(5 * time.Minute)
		if _, n := b.at.counts(); n != 1 || b.at.sent != 1 || b.getRefund(r.ID).State != RefundSucceeded || len(b.ended) != 1 {
			t.Fatalf("%d refunds, %d calls, %+v", n, b.at.sent, b.getRefund(r.ID))
		}
		b.clean()
	})
}

func TestARefundIsAskedForUntilItEnds(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		r := b.refund(a, a.Captured, "k1")
		b.after(6 * time.Hour)
		if got := b.getRefund(r.ID); got.State != RefundSubmitted || got.ProviderID == "" {
			t.Fatalf("%+v", got)
		}
		b.at.end(r.ID, RefundObjectSucceeded) // and no notice comes
		b.after(12 * time.Hour)
		if got := b.getRefund(r.ID); got.State != RefundSucceeded || got.EndedAt.IsZero() || b.at.sent != 1 {
			t.Fatalf("%+v", got)
		}
		b.clean()
	})
}

func TestARefusedRefundFreesTheAmountAndTellsTheOrder(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		b.at.refuse = true
		r := b.refund(a, a.Captured, "k1")
		b.drain()
		if got := b.getRefund(r.ID); got.State != RefundFailed || got.Reason != "refused" || got.Bounced || !b.get(a.ID).Refunded.IsZero() {
			t.Fatalf("%+v", got)
		}
		if len(b.ended) != 1 || b.ended[0].State != RefundFailed {
			t.Fatalf("%+v", b.ended)
		}
		b.clean()
	})
}

func TestARefundMayFailAfterItSucceeded(t *testing.T) {
	for _, noticed := range []bool{true, false} {
		t.Run(fmt.Sprintf("noticed_%v", noticed), func(t *testing.T) {
			benches(t, func(t *testing.T, b *bench) {
				a := b.paid("ord_1")
				b.at.instant = true
				r := b.refund(a, a.Captured, "k1")
				b.drain()
				b.at.end(r.ID, RefundObjectFailed)
				if noticed {
					b.notify(Event{ID: "bounce", ObjectID: "back-1", Reference: string(r.ID), Kind: RefundEvent})
				}
				b.after(4 * 24 * time.Hour)
				got := b.getRefund(r.ID)
				if got.State != RefundFailed || !got.Bounced || len(b.ended) != 2 || !b.ended[1].Bounced {
					t.Fatalf("%+v %+v", got, b.ended)
				}
			})
		})
	}
}

func TestNobodysMoneyThatBouncesIsNobodysAgain(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened("ord_1")
		b.at.instant = true
		o := b.at.pay(a.ID, cny(5), "cap-1")
		b.notify(Event{ID: "e1", ObjectID: o.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
		b.drain()
		r := b.refundsOf(a.ID)[0]
		b.at.end(r.ID, RefundObjectFailed)
		b.notify(Event{ID: "e2", ObjectID: r.ProviderID, Reference: string(r.ID), Kind: RefundEvent})
		b.drain()
		if b.balance(ledger.Suspense, "fake") != -5 || b.balance(ledger.Clearing, "fake") != 5 || b.records("payment.return.failed") != 1 {
			t.Fatalf("suspense %d, clearing %d", b.balance(ledger.Suspense, "fake"), b.balance(ledger.Clearing, "fake"))
		}
		b.clean()
	})
}

func TestARefundOfAnotherAmountIsNotBelieved(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		r := b.refund(a, a.Captured, "k1")
		b.drain()
		b.at.refunds[r.ID].Amount = cny(1)
		b.at.end(r.ID, RefundObjectSucceeded)
		b.notify(Event{ID: "e1", ObjectID: "back-1", Reference: string(r.ID), Kind: RefundEvent})
		b.drain()
		if b.getRefund(r.ID).State != RefundSubmitted || b.records("payment.object.rejected") != 1 || len(b.ended) != 0 {
			t.Fatalf("%+v", b.getRefund(r.ID))
		}
	})
}

func TestRefundFactsOnlyGoForward(t *testing.T) {
	for _, c := range []struct {
		from    RefundState
		fact    RefundObjectState
		to      RefundState
		changed bool
	}{
		{RefundSubmitting, RefundObjectSubmitted, RefundSubmitted, true},
		{RefundUnknown, RefundObjectSucceeded, RefundSucceeded, true},
		{RefundSubmitted, RefundObjectFailed, RefundFailed, true},
		{RefundSucceeded, RefundObjectFailed, RefundFailed, true},
		{RefundSucceeded, RefundObjectSubmitted, RefundSucceeded, false},
		{RefundSucceeded, RefundObjectSucceeded, RefundSucceeded, false},
		{RefundFailed, RefundObjectSucceeded, RefundFailed, false},
		{RefundSubmitted, RefundObjectSubmitted, RefundSubmitted, false},
	} {
		if to, changed := refundMoves(c.from, c.fact); to != c.to || changed != c.changed {
			t.Errorf("%s + %s = %s %v", c.from, c.fact, to, changed)
		}
	}
}
