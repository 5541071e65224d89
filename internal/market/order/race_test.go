package order_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/testkit/world"
)

// racers is how many act at once.
const racers = 16

func TestSixteenBuyersOfOnePlanGetSixteenOrders(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		var buyers [racers]audit.Actor
		for i := range buyers {
			buyers[i] = w.Customer(account.Individual)
		}
		var placed [racers]order.Order
		world.Together(racers, func(i int) {
			var err error
			if placed[i], err = w.Place(buyers[i], w.Purchase(buyers[i], offer)); err != nil {
				t.Error(err)
			}
		})
		if t.Failed() {
			t.FailNow()
		}
		w.Race(4)
		for _, o := range placed {
			w.Pay(o.Attempt, o.Fee.Paid)
		}
		w.Race(4)
		for i, o := range placed {
			state(t, w, o.ID, order.Delivered)
			if all := rights(t, w, o.ID); len(all) != 1 || all[0].Account != account.ID(buyers[i].Account) {
				t.Errorf("rights: %+v", all)
			}
		}
	})
}

func TestSixteenNoticesOfOneCaptureCountOnce(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		o := w.Placed(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		object := w.Provider.Capture(o.Attempt, o.Fee.Paid)
		for range racers {
			w.Notice(object)
		}
		w.Race(racers)
		state(t, w, o.ID, order.Delivered)
		if held := w.Balance(ledger.Escrow, string(o.Line)); held != o.Fee.Paid.Minor {
			t.Errorf("held %d, want %d", held, o.Fee.Net.Minor)
		}
		if n := told(t, w, buyer, "O-01"); n != 1 {
			t.Errorf("%d messages O-01", n)
		}
		if all := rights(t, w, o.ID); len(all) != 1 {
			t.Errorf("rights: %+v", all)
		}
	})
}

func TestOneKeyPlacesOneOrder(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		p := w.Purchase(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		var made [racers]order.ID
		var fresh atomic.Int64
		world.Together(racers, func(i int) {
			answer, err := command.Run(t.Context(), w.DB, command.Intent{By: buyer, Name: "order.place", Key: "checkout-1", Input: p, Clauses: []string{"UA 4.2"}},
				func(tx *db.Tx) (order.Order, error) { return order.Place(t.Context(), tx, buyer, p) })
			if err != nil {
				t.Error(err)
			}
			if made[i] = answer.Value.ID; !answer.Replayed {
				fresh.Add(1)
			}
		})
		w.Read(func(r db.Reader) error {
			mine, err := order.Mine(t.Context(), r, buyer, "", 100)
			if len(mine) != 1 || fresh.Load() != 1 {
				t.Fatalf("%d orders, %d fresh answers", len(mine), fresh.Load())
			}
			for _, id := range made {
				if id != mine[0].ID {
					t.Errorf("answered %q, want %q", id, mine[0].ID)
				}
			}
			return err
		})
	})
}

func TestACaptureAndTheTimerNeverBothWin(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		buyer := w.Customer(account.Individual)
		ends := map[order.State]int{}
		for round := range racers {
			o := w.Placed(buyer, offer)
			switch round % 3 {
			case 0: // the notice came first
				w.Clock.Set(o.ExpiresAt.Add(-time.Microsecond))
				w.Pay(o.Attempt, o.Fee.Paid)
				w.Clock.Set(o.ExpiresAt)
				w.Race(4)
			case 1: // the timer came first
				w.Clock.Set(o.ExpiresAt)
				w.Pay(o.Attempt, o.Fee.Paid)
				w.Race(4)
			default: // the customer gives up at the same moment
				w.Pay(o.Attempt, o.Fee.Paid)
				world.Together(3, func(i int) {
					if i > 0 {
						w.Node()
						return
					}
					err := w.DB.Write(t.Context(), func(tx *db.Tx) error { _, err := order.Cancel(t.Context(), tx, buyer, o.ID); return err })
					if err != nil && !codeIs(err, "ORDER_NOT_PAYABLE") {
						t.Error(err)
					}
				})
				w.Drain()
			}
			o = w.Order(o.ID)
			ends[o.State]++
			given, all, held := rights(t, w, o.ID), w.Refunds(o.ID), w.Balance(ledger.Escrow, string(o.Line))
			switch o.State {
			case order.Delivered:
				if len(given) != 1 || len(all) != 0 || held != o.Fee.Paid.Minor {
					t.Errorf("paid, but %d rights, %d refunds, %d held", len(given), len(all), held)
				}
			case order.Expired, order.Cancelled:
				if len(given) != 0 || len(all) != 1 || all[0].State != payment.RefundSucceeded || held != 0 {
					t.Errorf("%s, but %d rights, refunds %+v, %d held", o.State, len(given), all, held)
				}
			default:
				t.Errorf("the order ended as %s", o.State)
			}
		}
		t.Logf("ends: %v", ends)
		if held := w.Balance(ledger.Suspense, world.Gateway); held != 0 {
			t.Errorf("suspense is %d", held)
		}
		w.Read(func(r db.Reader) error {
			_, wrong, err := ledger.Verify(t.Context(), r)
			if len(wrong) != 0 {
				t.Errorf("ledger: %v", wrong)
			}
			return err
		})
	})
}

func TestPayingAgainTwiceAtOnceLeavesOneWayToPay(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		o := w.Placed(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		world.Together(2, func(int) {
			if err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := order.PayAgain(t.Context(), tx, buyer, o.ID, world.Gateway)
				return err
			}); err != nil {
				t.Error(err)
			}
		})
		w.Race(2)
		o = w.Order(o.ID)
		w.Read(func(r db.Reader) error {
			attempts, err := payment.OfOrder(t.Context(), r, string(o.ID))
			states := ""
			for _, a := range attempts {
				states += fmt.Sprint(a.State, " ")
				if open := a.State == payment.RequiresAction; open != (a.ID == o.Attempt) {
					t.Errorf("attempt %s is %s, the order's is %s", a.ID, a.State, o.Attempt)
				}
			}
			if len(attempts) != 3 {
				t.Errorf("attempts: %s", states)
			}
			return err
		})
		w.Pay(o.Attempt, o.Fee.Paid)
		w.Drain()
		state(t, w, o.ID, order.Delivered)
	})
}
