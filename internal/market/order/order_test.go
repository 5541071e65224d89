package order_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/report"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const price = 19900

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

// trades runs fn on each engine, and at its end has the whole database read again.
func trades(t *testing.T, fn func(t *testing.T, w *world.Trade)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		fn(t, w)
		if !t.Failed() {
			clean(t, w)
		}
	})
}

// clean fails the test for everything in the database that does not fit together.
func clean(t *testing.T, w *world.Trade) {
	t.Helper()
	w.Read(func(r db.Reader) error {
		found, err := report.Verify(t.Context(), r, report.Options{})
		for _, c := range found.Checks {
			for _, wrong := range c.Wrong {
				t.Errorf("%s: %s", c.Name, wrong)
			}
		}
		return err
	})
}

// refused fails the test unless err is the refusal.
func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

func state(t *testing.T, w *world.Trade, id order.ID, want order.State) {
	t.Helper()
	if o := w.Order(id); o.State != want {
		t.Errorf("the order is %s (%s), want %s", o.State, o.Reason, want)
	}
}

// rights are the rights that an order has given.
func rights(t *testing.T, w *world.Trade, id order.ID) (all []entitlement.Entitlement) {
	t.Helper()
	w.Read(func(r db.Reader) (err error) {
		all, err = entitlement.OfOrder(t.Context(), r, string(id))
		return err
	})
	return all
}

// told is how many notices of a code an account has.
func told(t *testing.T, w *world.Trade, who audit.Actor, code string) (n int) {
	t.Helper()
	w.Read(func(r db.Reader) error {
		inbox, err := message.Inbox(t.Context(), r, account.ID(who.Account), "")
		for _, item := range inbox {
			if item.Code == code {
				n++
			}
		}
		return err
	})
	return n
}

func quoted(t *testing.T, w *world.Trade, by audit.Actor, p order.Purchase) (q order.Quote) {
	t.Helper()
	w.Read(func(r db.Reader) (err error) {
		q, err = order.QuoteOf(t.Context(), r, by, p.Plan, p.Quantity)
		return err
	})
	return q
}

func TestAPurchaseFromTheQuoteToTheReceipt(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		content := world.Content(delivery.LicenceKey, price)
		content.Licence.EN = "Internal use of the buying account; <one> site & its mirror."
		offer := w.Listed(content)
		buyer := w.Customer(account.Individual)
		p := w.Purchase(buyer, offer)

		q := quoted(t, w, buyer, p)
		if q.Refusal != nil || q.Fee.Paid != cny(price) || q.Refund.Class != "five_day" || q.Refund.Days != 5 {
			t.Errorf("quote: %+v", q)
		}
		if want := calendar.RefundLastMoment(w.Clock.Now(), 5); !q.Refund.Until.Equal(want) {
			t.Errorf("the quote promises a refund until %s, want %s", q.Refund.Until, want)
		}

		placed := w.Placed(buyer, offer)
		if placed.State != order.AwaitingPayment || !placed.ExpiresAt.Equal(placed.PlacedAt.Add(15*time.Minute)) || placed.Account != account.ID(buyer.Account) {
			t.Errorf("placed: %+v", placed)
		}
		if len(rights(t, w, placed.ID)) != 0 {
			t.Error("a right exists before the payment")
		}
		w.Read(func(r db.Reader) error {
			a, err := payment.Get(t.Context(), r, placed.Attempt)
			if a.State != payment.RequiresAction || a.PayURL == "" || a.PayeeAccount != "M-"+string(w.Vendor) || a.Amount != placed.Fee.Paid {
				t.Errorf("attempt: %+v", a)
			}
			return err
		})

		w.Clock.Advance(time.Minute)
		w.Pay(placed.Attempt, placed.Fee.Paid)
		w.Drain()
		o := w.Order(placed.ID)
		if o.State != order.Delivered || o.PaidAt.IsZero() || o.DeliveredAt.IsZero() {
			t.Errorf("paid: %+v", o)
		}
		if want := calendar.RefundLastMoment(o.PaidAt, 5); !o.Refund().Until.Equal(want) {
			t.Errorf("the order promises a refund until %s, want %s", o.Refund().Until, want)
		}
		if sum := sha256.Sum256(o.Snapshot.Sheet); hex.EncodeToString(sum[:]) != offer.SHA256 {
			t.Error("the frozen terms sheet is not the text that was shown")
		}
		w.Read(func(r db.Reader) error {
			journals, err := ledger.OfCause(t.Context(), r, string(o.Line))
			if len(journals) != 1 || journals[0].Kind != ledger.P1Capture || !journals[0].Effective.Equal(o.PaidAt) {
				t.Errorf("journals: %+v", journals)
			}
			return err
		})
		if held := w.Balance(ledger.Escrow, string(o.Line)); held != o.Fee.Paid.Minor {
			t.Errorf("held for the vendor: %d, want %d", held, o.Fee.Net.Minor)
		}

		all := rights(t, w, o.ID)
		if len(all) != 1 || all[0].Account != account.ID(buyer.Account) || all[0].State != entitlement.Active || all[0].Plan != string(o.Plan) {
			t.Fatalf("rights: %+v", all)
		}
		if !all[0].GrantedAt.Equal(o.PaidAt) {
			t.Errorf("paid at %s, the right is of %s", o.PaidAt, all[0].GrantedAt)
		}
		w.Read(func(r db.Reader) error {
			deliveries, err := delivery.OfOrder(t.Context(), r, string(o.ID))
			if len(deliveries) != 1 || deliveries[0].State != delivery.Delivered {
				t.Errorf("deliveries: %+v", deliveries)
			}
			return err
		})

		w.Read(func(r db.Reader) error {
			receipt, err := order.ReceiptOf(t.Context(), r, buyer, o.ID)
			if err != nil {
				return err
			}
			if receipt.Payee.Vendor != w.Vendor || receipt.Collector != world.Operator || receipt.Attempt.Captured != o.Fee.Paid || receipt.Right.ID != all[0].ID {
				t.Errorf("receipt: %+v", receipt)
			}
			mine, err := order.Mine(t.Context(), r, buyer, "", 10)
			if len(mine) != 1 || mine[0].ID != o.ID {
				t.Errorf("my orders: %+v", mine)
			}
			if err != nil {
				return err
			}
			sold, err := order.Sold(t.Context(), r, w.Vendor, "", 10)
			if len(sold) != 1 || sold[0].ID != o.ID {
				t.Errorf("sold: %+v", sold)
			}
			return err
		})
		for code, who := range map[string]audit.Actor{"O-01": buyer, "O-02": buyer, "O-05": w.Seller} {
			if n := told(t, w, who, code); n != 1 {
				t.Errorf("%d messages %s, want 1", n, code)
			}
		}
		w.Read(func(r db.Reader) error {
			records, err := audit.Of(t.Context(), r, string(o.ID))
			var acts []string
			for _, rec := range records {
				acts = append(acts, rec.Act)
			}
			for _, want := range []string{"order.terms_shown", "order.paid", "entitlement.bound", "delivery.started", "delivery.delivered"} {
				if !slices.Contains(acts, want) {
					t.Errorf("no record %s in %v", want, acts)
				}
			}
			return err
		})
	})
}

func TestAnOrderIsSeenByItsAccountAndItsVendorOnly(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		buyer, stranger := w.Customer(account.Individual), w.Customer(account.Individual)
		o := w.Bought(buyer, offer)
		_, otherVendor := w.NewVendor()
		w.Read(func(r db.Reader) error {
			_, err := order.Get(t.Context(), r, stranger, o.ID)
			refused(t, err, "NOT_FOUND", "UA 4.7.3")
			_, err = order.ReceiptOf(t.Context(), r, stranger, o.ID)
			refused(t, err, "NOT_FOUND", "UA 4.7.3")
			_, err = order.OfVendor(t.Context(), r, otherVendor, o.ID)
			refused(t, err, "NOT_FOUND", "UA 4.7.3")
			_, err = order.OfVendor(t.Context(), r, w.Vendor, o.ID)
			return err
		})
		err := w.DB.Write(t.Context(), func(tx *db.Tx) error { _, err := order.Cancel(t.Context(), tx, stranger, o.ID); return err })
		refused(t, err, "NOT_FOUND", "UA 4.7.3")
	})
}

func TestAFreePlanIsDeliveredAtOnceWithoutAPayment(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, 0))
		buyer := w.Customer(account.Individual)
		o := w.Placed(buyer, offer)
		if o.State != order.Delivered || o.Attempt != "" || o.PaidAt.IsZero() {
			t.Errorf("order: %+v", o)
		}
		if all := rights(t, w, o.ID); len(all) != 1 || all[0].State != entitlement.Active {
			t.Errorf("rights: %+v", all)
		}
		w.Read(func(r db.Reader) error {
			attempts, err := payment.OfOrder(t.Context(), r, string(o.ID))
			if len(attempts) != 0 {
				t.Errorf("attempts: %+v", attempts)
			}
			return err
		})
	})
}

func TestAFreePlanThatCannotBeDeliveredEndsRefundedWithoutMoney(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.HookNative, 0))
		w.System.Fail(delivery.ErrRefused)
		o := w.Placed(w.Customer(account.Individual), offer)
		state(t, w, o.ID, order.Refunded)
		if all := w.Refunds(o.ID); len(all) != 0 {
			t.Errorf("refunds: %+v", all)
		}
	})
}

func TestAnOrderThatIsNotPaidInTimeExpires(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		buyer := w.Customer(account.Individual)
		o := w.Placed(buyer, offer)
		w.Clock.Set(o.ExpiresAt.Add(-time.Microsecond))
		w.Drain()
		state(t, w, o.ID, order.AwaitingPayment)
		w.Clock.Set(o.ExpiresAt)
		w.Drain()
		state(t, w, o.ID, order.Expired)
		if n := told(t, w, buyer, "O-03"); n != 1 {
			t.Errorf("%d messages O-03", n)
		}
		err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := order.PayAgain(t.Context(), tx, buyer, o.ID, world.Gateway)
			return err
		})
		refused(t, err, "ORDER_NOT_PAYABLE", "")
	})
}

func TestMoneyThatComesAfterTheOrderIsGoneGoesBack(t *testing.T) {
	ends := map[string]func(t *testing.T, w *world.Trade, buyer audit.Actor, o order.Order){
		"expired": func(_ *testing.T, w *world.Trade, _ audit.Actor, o order.Order) {
			w.Clock.Set(o.ExpiresAt)
			w.Drain()
		},
		"cancelled": func(t *testing.T, w *world.Trade, buyer audit.Actor, o order.Order) {
			w.Write(func(tx *db.Tx) error { _, err := order.Cancel(t.Context(), tx, buyer, o.ID); return err })
			w.Drain()
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			trades(t, func(t *testing.T, w *world.Trade) {
				buyer := w.Customer(account.Individual)
				o := w.Placed(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
				end(t, w, buyer, o)
				w.Provider.HoldRefunds()
				w.Pay(o.Attempt, o.Fee.Paid)
				w.Drain()
				state(t, w, o.ID, order.State(name))
				if len(rights(t, w, o.ID)) != 0 {
					t.Error("a right was granted")
				}
				if held := w.Balance(ledger.Suspense, world.Gateway); held != price {
					t.Errorf("suspense is %d", held)
				}
				all := w.Refunds(o.ID)
				if len(all) != 1 || all[0].Amount != o.Fee.Paid || all[0].Cause != payment.CauseLate {
					t.Fatalf("refunds: %+v", all)
				}
				w.Provider.EndRefund(all[0].ID, payment.RefundObjectSucceeded, "")
				w.RefundNotice(all[0].ID)
				w.Drain()
				if held := w.Balance(ledger.Suspense, world.Gateway); held != 0 {
					t.Errorf("suspense is %d after the refund", held)
				}
				if held := w.Balance(ledger.Clearing, world.Gateway); held != 0 {
					t.Errorf("clearing is %d after the refund", held)
				}
			})
		})
	}
}

func TestAnotherAttemptReplacesTheFirst(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		o := w.Placed(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		var again order.Order
		w.Clock.Advance(10 * time.Minute)
		w.Write(func(tx *db.Tx) (err error) {
			again, err = order.PayAgain(t.Context(), tx, buyer, o.ID, world.Gateway)
			return err
		})
		w.Drain()
		if again.Attempt == o.Attempt || !again.ExpiresAt.Equal(w.Clock.Now().Add(15*time.Minute)) {
			t.Errorf("again: %+v", again)
		}
		w.Clock.Set(o.ExpiresAt)
		w.Drain()
		state(t, w, o.ID, order.AwaitingPayment) // the first timer is gone
		w.Pay(o.Attempt, o.Fee.Paid)             // the first attempt is nobody's any more
		w.Pay(again.Attempt, o.Fee.Paid)
		w.Drain()
		state(t, w, o.ID, order.Delivered)
		if all := w.Refunds(o.ID); len(all) != 1 || all[0].Attempt != o.Attempt || all[0].State != payment.RefundSucceeded {
			t.Errorf("refunds: %+v", all)
		}
		err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := order.PayAgain(t.Context(), tx, buyer, o.ID, world.Gateway)
			return err
		})
		refused(t, err, "ORDER_NOT_PAYABLE", "")
		err = w.DB.Write(t.Context(), func(tx *db.Tx) error { _, err := order.Cancel(t.Context(), tx, buyer, o.ID); return err })
		refused(t, err, "ORDER_NOT_PAYABLE", "")
	})
}

func TestAVendorWithoutAccountAtTheProviderCannotBePaidThere(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		p := w.Purchase(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		for _, gateway := range []string{"", "elsewhere"} {
			p.Gateway = gateway
			_, err := w.Place(buyer, p)
			refused(t, err, "PAYMENT_METHOD_UNKNOWN", "")
		}
	})
}

// failed is an order that was paid and that its vendor cannot deliver, with its
// refund at the provider.
func failed(t *testing.T, w *world.Trade) (audit.Actor, order.Order, payment.Refund) {
	t.Helper()
	offer := w.Listed(world.Content(delivery.HookNative, price))
	buyer := w.Customer(account.Individual)
	w.Provider.HoldRefunds()
	w.System.Fail(delivery.ErrRefused)
	o := w.Bought(buyer, offer)
	state(t, w, o.ID, order.Refunding)
	all := w.Refunds(o.ID)
	if len(all) != 1 || all[0].Amount != o.Fee.Paid || all[0].State != payment.RefundSubmitted {
		t.Fatalf("refunds: %+v", all)
	}
	return buyer, o, all[0]
}

func TestADeliveryThatFailsIsRefundedInFullWithoutAsking(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer, o, refund := failed(t, w)
		if held, owed := w.Balance(ledger.Escrow, string(o.Line)), w.Balance(ledger.InFlight, string(refund.ID)); held != 0 || owed != price {
			t.Errorf("escrow %d, in flight %d", held, owed)
		}
		if all := rights(t, w, o.ID); len(all) != 1 || all[0].State != entitlement.Refunded {
			t.Errorf("rights: %+v", all)
		}
		if n := told(t, w, buyer, "O-04"); n != 1 {
			t.Errorf("%d messages O-04", n)
		}
		clean(t, w)
		w.Provider.EndRefund(refund.ID, payment.RefundObjectSucceeded, "")
		w.RefundNotice(refund.ID)
		w.Drain()
		state(t, w, o.ID, order.Refunded)
		if owed, there := w.Balance(ledger.InFlight, string(refund.ID)), w.Balance(ledger.Clearing, world.Gateway); owed != 0 || there != 0 {
			t.Errorf("in flight %d, clearing %d", owed, there)
		}
		if n := told(t, w, buyer, "N-44"); n != 1 {
			t.Errorf("%d messages N-44", n)
		}
	})
}

func TestARefundTheProviderCannotMakeIsOwed(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer, o, refund := failed(t, w)
		w.Provider.EndRefund(refund.ID, payment.RefundObjectFailed, "card_closed")
		w.RefundNotice(refund.ID)
		w.Drain()
		state(t, w, o.ID, order.Refunded)
		if owed, account := w.Balance(ledger.InFlight, string(refund.ID)), w.Balance(ledger.Owed, buyer.Account); owed != 0 || account != price {
			t.Errorf("in flight %d, owed to the account %d", owed, account)
		}
		if n := told(t, w, buyer, "N-44"); n != 1 {
			t.Errorf("%d messages N-44", n)
		}
		w.Read(func(r db.Reader) error {
			inbox, err := message.Inbox(t.Context(), r, o.Account, "")
			for _, item := range inbox {
				if item.Code == "N-44" && !strings.Contains(item.Title(text.EN), "failed") {
					t.Errorf("the customer was told: %q", item.Title(text.EN))
				}
			}
			return err
		})
	})
}

func TestARefundThatTheBankSendsBackIsOwedAgain(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer, o, refund := failed(t, w)
		w.Provider.EndRefund(refund.ID, payment.RefundObjectSucceeded, "")
		w.RefundNotice(refund.ID)
		w.Drain()
		w.Provider.EndRefund(refund.ID, payment.RefundObjectFailed, "returned_by_bank")
		w.RefundNotice(refund.ID)
		w.Drain()
		state(t, w, o.ID, order.Refunded)
		if owed, there := w.Balance(ledger.Owed, string(o.Account)), w.Balance(ledger.Clearing, world.Gateway); owed != price || there != -price {
			t.Errorf("owed %d, clearing %d", owed, there)
		}
		if left := w.Balance(ledger.InFlight, string(refund.ID)); left != 0 {
			t.Errorf("still in flight: %d", left)
		}
		if n := told(t, w, buyer, "N-44"); n != 2 {
			t.Errorf("%d messages N-44, want one for each end", n)
		}
	})
}

func TestAVendorThatIsTooSlowIsAFailedDelivery(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.HookNative, price))
		w.System.Fail(delivery.ErrPending)
		o := w.Bought(w.Customer(account.Individual), offer)
		state(t, w, o.ID, order.Provisioning)
		for range 4 {
			w.Clock.Advance(time.Hour)
			w.Drain()
		}
		state(t, w, o.ID, order.Refunded)
		w.System.Fail(nil)
		if o := w.Bought(w.Customer(account.Individual), offer); o.State != order.Delivered {
			t.Errorf("the next order is %s", o.State)
		}
	})
}

func TestAStoredSnapshotThatWasChangedIsNotShown(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		o := w.Placed(w.Customer(account.Individual), w.Listed(world.Content(delivery.LicenceKey, price)))
		w.Write(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE order_order SET snapshot = replace(snapshot, 'five_day', 'none') WHERE id = $1`, string(o.ID))
			return err
		})
		w.Read(func(r db.Reader) error {
			if _, err := order.Any(t.Context(), r, o.ID); err == nil {
				t.Error("a changed snapshot was read")
			}
			return nil
		})
	})
}

func TestOrdersAreListedInPages(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		offer := w.Listed(world.Content(delivery.LicenceKey, 0))
		var placed []order.ID
		for range 5 {
			placed = append(placed, w.Placed(buyer, offer).ID)
			w.Clock.Advance(time.Second)
		}
		slices.Reverse(placed)
		var listed []order.ID
		w.Read(func(r db.Reader) error {
			before := order.ID("")
			for {
				page, err := order.All(t.Context(), r, before, 2)
				if err != nil || len(page) == 0 {
					return err
				}
				for _, o := range page {
					listed = append(listed, o.ID)
				}
				before = page[len(page)-1].ID
			}
		})
		if !slices.Equal(placed, listed) {
			t.Errorf("listed %v, want %v", listed, placed)
		}
	})
}

func TestAQuantityIsBetweenOneAndAThousand(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		p := w.Purchase(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		for _, n := range []int64{-1, 0, 1001} {
			p.Quantity, p.ExpectedTotal = n, cny(n*price)
			_, err := w.Place(buyer, p)
			refused(t, err, "FIELD_INVALID", "")
		}
		p.Quantity, p.ExpectedTotal = 1000, cny(1000*price)
		if _, err := w.Place(buyer, p); err != nil {
			t.Error(err)
		}
	})
}
