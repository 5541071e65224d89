package world

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
)

// Trade is a world in which purchases can be made and paid: its jobs run with the
// hooks that the program uses, before a provider and a vendor's system that a
// test commands.
type Trade struct {
	*World
	Clock    *testkit.Clock
	Provider *Provider
	System   *System
	Books    reconciliation.Work
	Promises func(ctx context.Context, r db.Reader) ([]ledger.Violation, error) // of the nightly reading; nil: none

	// Breach is what enforcement says of each right. A test sets what it decided.
	Breach map[entitlement.ID]refund.Breach
	// Invoiced are the orders whose invoices have not been taken back.
	Invoiced map[order.ID]bool
	Refund   refund.Rules

	handlers map[string]job.Handler
	notices  int
}

// NewTrade makes a world that trades.
func NewTrade(t testing.TB, d *db.DB, clock *testkit.Clock) *Trade {
	t.Helper()
	w := &Trade{
		World: New(t, d), Clock: clock, Provider: newProvider(clock.Now), System: &System{}, handlers: map[string]job.Handler{},
		Breach: map[entitlement.ID]refund.Breach{}, Invoiced: map[order.ID]bool{},
	}
	w.Refund = refund.Rules{
		Breach:   func(_ context.Context, _ db.Reader, e entitlement.ID) (refund.Breach, error) { return w.Breach[e], nil },
		Invoiced: func(_ context.Context, _ db.Reader, id order.ID) (bool, error) { return w.Invoiced[id], nil },
		RedLetter: func(ctx context.Context, tx *db.Tx, by audit.Actor, o order.Order, total money.Amount, ends bool) (bool, error) {
			if w.Invoiced[o.ID] {
				return false, nil
			}
			return refund.RedLetter(ctx, tx, by, o, total, ends)
		},
	}
	gateways := map[string]payment.Gateway{Gateway: w.Provider}
	settlements := settlement.Work{Gateways: gateways, Held: refund.Held}
	w.Books = reconciliation.Work{Gateways: gateways, Bank: Bank, Promises: func(ctx context.Context, r db.Reader) ([]ledger.Violation, error) {
		if w.Promises == nil {
			return nil, nil
		}
		return w.Promises(ctx, r)
	}}
	payments := payment.Work{
		Gateways: gateways, Collector: Operator,
		Captured: db.Chain(order.Captured, settlements.Captured), RefundEnded: db.Chain(order.RefundEnded, settlement.RefundEnded, refund.Ended),
		SplitEnded: settlements.SplitEnded, ReturnEnded: db.Chain(settlement.ReturnEnded, refund.Returned), PayoutMoved: settlement.PayoutMoved, DisputeMoved: settlement.DisputeMoved,
	}
	deliveries := delivery.Work{
		Provisioners: map[string]delivery.Provisioner{delivery.HookNative: w.System},
		Hooks: func(context.Context, db.Reader, vendor.ID, string) (delivery.Endpoint, error) {
			return delivery.Endpoint{URL: "https://hook.example", Secrets: []string{"secret"}}, nil
		},
		Fields:    privacy.Pass,
		Delivered: db.Chain(order.DeliveredTo, settlement.Delivered, refund.Delivered),
		Failed: func(ctx context.Context, tx *db.Tx, v delivery.Delivery, reason string) error {
			if err := order.DeliveryFailed(ctx, tx, v, reason); err != nil {
				return err
			}
			return refund.DeliveryFailed(ctx, tx, v, reason)
		},
	}
	for _, some := range []map[string]job.Handler{
		payments.Handlers(), deliveries.Handlers(), entitlement.Work{Expired: delivery.Expired}.Handlers(), order.Work{}.Handlers(),
		settlements.Handlers(),
		refund.Work{Rules: w.Refund}.Handlers(),
		invoice.Work{RedConfirmed: w.Refund.InvoiceCleared}.Handlers(),
		settlements.Handlers(), w.Books.Handlers(),
		invoice.Work{}.Handlers(),
		privacy.Work{Keep: privacy.Keepers()}.Handlers(),
	} {
		maps.Copy(w.handlers, some)
	}
	w.Drain()
	return w
}

// Bank is the gateway whose money the statement lines of every world are.
const Bank = "bank"

// Operator is the registered name of the operator of every world.
const Operator = "Test Operations Ltd"

// With replaces or adds handlers of jobs, for a test that watches a hook.
func (w *Trade) With(handlers map[string]job.Handler) { maps.Copy(w.handlers, handlers) }

// Drain runs every job that is due, one after another. A job that fails fails
// the test.
func (w *Trade) Drain() {
	w.t.Helper()
	seed.Drain(w.t, w.DB, w.handlers)
}

// Node runs the jobs that are due as one node of several does: a job that has to
// be repeated is no failure here.
func (w *Trade) Node() {
	if err := job.NewWorker(w.DB, w.handlers, slog.New(slog.DiscardHandler)).Drain(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

// Race runs every job that is due on several nodes at once, then the rest.
func (w *Trade) Race(nodes int) {
	w.t.Helper()
	Together(nodes, func(int) { w.Node() })
	w.Drain()
}

// Together runs fn n times at once and waits for all.
func Together(n int, fn func(i int)) {
	start, done := make(chan struct{}), make(chan struct{})
	for i := range n {
		go func() {
			defer func() { done <- struct{}{} }()
			<-start
			fn(i)
		}()
	}
	close(start)
	for range n {
		<-done
	}
}

// Purchase is what the actor sends to buy one of the offer for the own account,
// after reading everything.
func (w *Trade) Purchase(by audit.Actor, offer catalog.Offer) order.Purchase {
	return order.Purchase{
		Plan: offer.PlanID, Quantity: 1, For: account.ID(by.Account), TermsSHA256: offer.SHA256, ExpectedTotal: offer.Plan.Price,
		Gateway: Gateway, AcceptTerms: true, Collector: Operator,
	}
}

// Place places a purchase.
func (w *Trade) Place(by audit.Actor, p order.Purchase) (o order.Order, err error) {
	err = w.DB.Write(w.t.Context(), func(tx *db.Tx) (err error) {
		o, err = order.Place(w.t.Context(), tx, by, p)
		return err
	})
	return o, err
}

// Placed is an order for one of the offer that waits for its money at the
// provider.
func (w *Trade) Placed(by audit.Actor, offer catalog.Offer) order.Order {
	w.t.Helper()
	o, err := w.Place(by, w.Purchase(by, offer))
	if err != nil {
		w.t.Fatal(err)
	}
	w.Drain()
	return w.Order(o.ID)
}

// Bought is an order that was paid, with all that follows from it done.
func (w *Trade) Bought(by audit.Actor, offer catalog.Offer) order.Order {
	w.t.Helper()
	o := w.Placed(by, offer)
	w.Pay(o.Attempt, o.Fee.Paid)
	w.Drain()
	return w.Order(o.ID)
}

// Pay lets the customer pay an attempt at the provider, which sends its notice.
func (w *Trade) Pay(attempt payment.AttemptID, paid money.Amount) {
	w.t.Helper()
	w.Notice(w.Provider.Capture(attempt, paid))
}

// Notice is a new notice of the provider about a payment.
func (w *Trade) Notice(o payment.Object) {
	w.t.Helper()
	w.notice(payment.Event{ObjectID: o.ProviderID, Reference: o.Reference, Kind: payment.PaymentEvent})
}

// RefundNotice is a new notice of the provider about a refund.
func (w *Trade) RefundNotice(id payment.RefundID) {
	w.t.Helper()
	w.notice(payment.Event{ObjectID: string(id), Reference: string(id), Kind: payment.RefundEvent})
}

// DisputeNotice is a new notice of the provider about a dispute.
func (w *Trade) DisputeNotice(providerID string) {
	w.t.Helper()
	w.notice(payment.Event{ObjectID: providerID, Kind: payment.DisputeEvent})
}

// PayoutNotice is a new notice of the provider about a payout.
func (w *Trade) PayoutNotice(id payment.PayoutID) {
	w.t.Helper()
	w.notice(payment.Event{ObjectID: string(id), Reference: string(id), Kind: payment.PayoutEvent})
}

// SplitNotice is a new notice of the provider about a split.
func (w *Trade) SplitNotice(id payment.SplitID) {
	w.t.Helper()
	w.notice(payment.Event{ObjectID: string(id), Reference: string(id), Kind: payment.SplitEvent})
}

// ReturnNotice is a new notice of the provider about a return.
func (w *Trade) ReturnNotice(id payment.ReturnID) {
	w.t.Helper()
	w.notice(payment.Event{ObjectID: string(id), Reference: string(id), Kind: payment.ReturnEvent})
}

func (w *Trade) notice(ev payment.Event) {
	w.t.Helper()
	w.notices++
	ev.ID = fmt.Sprintf("evt-%d", w.notices)
	w.Write(func(tx *db.Tx) error { return payment.Notify(w.t.Context(), tx, Gateway, ev, []byte(ev.ID)) })
}

// Order reads an order again.
func (w *Trade) Order(id order.ID) (o order.Order) {
	w.t.Helper()
	w.Read(func(r db.Reader) (err error) {
		o, err = order.Any(w.t.Context(), r, id)
		return err
	})
	return o
}

// Balance is what a debt account of the book holds: positive when it is owed.
func (w *Trade) Balance(a ledger.Account, party string) int64 {
	w.t.Helper()
	var held money.Amount
	w.Read(func(r db.Reader) (err error) {
		held, err = ledger.Balance(w.t.Context(), r, a, party, money.CNY)
		return err
	})
	return -held.Minor
}

// Refunds are the refunds of an order's attempts, oldest first.
func (w *Trade) Refunds(id order.ID) (all []payment.Refund) {
	w.t.Helper()
	w.Read(func(r db.Reader) error {
		attempts, err := payment.OfOrder(w.t.Context(), r, string(id))
		if err != nil {
			return err
		}
		for _, a := range attempts {
			of, err := payment.RefundsOf(w.t.Context(), r, a.ID)
			if err != nil {
				return err
			}
			all = append(all, of...)
		}
		return nil
	})
	return all
}
