package order

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/commission"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// Captured is what a confirmed payment sets in motion, in the transaction that
// records it. It asks no rule about new orders: money that has arrived is either
// this order's or goes back.
func Captured(ctx context.Context, tx *db.Tx, c payment.Capture) error {
	o, err := get(ctx, tx, ID(c.Order))
	if err != nil {
		return err
	}
	if o.State != AwaitingPayment || o.Attempt != c.Attempt || o.Fee.Paid != c.Amount {
		return late(ctx, tx, o, c)
	}
	net, tax := o.held()
	if _, err := ledger.Capture(ctx, tx, ledger.Captured{
		Provider: c.Provider, CaptureID: c.CaptureID, Line: string(o.Line), Vendor: string(o.Vendor), Account: string(o.Account),
		Net: net, Tax: tax, Fee: o.Commission.Amount, At: c.At,
	}); err != nil {
		return err
	}
	if err := commission.Count(ctx, tx, o.Vendor, o.Commission, o.Fee.Paid); err != nil {
		return err
	}
	if err := job.Cancel(ctx, tx, expireJob, string(o.ID), "expire"); err != nil {
		return err
	}
	_, err = settle(ctx, tx, audit.Provider(c.Provider), o)
	return err
}

// settle makes a paid (or free) order the chosen account's: right, delivery,
// messages.
func settle(ctx context.Context, tx *db.Tx, by audit.Actor, o Order) (Order, error) {
	n, err := tx.Exec(ctx, updatePaid, string(Provisioning), db.Micros(tx.Now()), string(o.ID), string(AwaitingPayment))
	if err != nil {
		return Order{}, err
	}
	if n == 0 {
		return Order{}, ErrNotPayable
	}
	o.State, o.PaidAt = Provisioning, tx.Now()
	content, err := o.Content()
	if err != nil {
		return Order{}, err
	}
	plan, err := planOf(content, o.Snapshot.PlanCode)
	if err != nil {
		return Order{}, err
	}
	name := content.Name.ZH
	right, err := entitlement.Grant(ctx, tx, by, entitlement.New{
		Order: string(o.ID), Line: string(o.Line), Account: o.Account, Product: o.Product, Version: string(o.Version),
		Plan: string(o.Plan), Vendor: o.Vendor, Quantity: o.Quantity, Term: plan.Term, Name: name,
	})
	if err != nil {
		return Order{}, err
	}
	config, err := json.Marshal(content.Delivery)
	if err != nil {
		return Order{}, err
	}
	if _, err := delivery.Start(ctx, tx, by, delivery.Request{
		Entitlement: right.ID, Order: string(o.ID), Line: string(o.Line), Account: o.Account, Vendor: o.Vendor, Product: o.Product,
		Plan: string(o.Plan), PlanCode: o.Snapshot.PlanCode, Name: name, Dialect: content.Delivery.Dialect, Config: config,
		Quantity: o.Quantity, Term: plan.Term,
	}); err != nil {
		return Order{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "order.paid", Subjects: []string{string(o.ID), string(right.ID), string(o.Attempt)}, Clauses: []string{"UA 2.5", "UA 3.1", "UA 4.11"},
		Data: map[string]any{"paid": o.Fee.Paid, "snapshot_sha256": o.SHA256, "payee": o.Vendor},
	}); err != nil {
		return Order{}, err
	}
	return o, tell(ctx, tx, o, content.Name)
}

// tell leaves the messages of a paid order: to the customer and to the vendor.
func tell(ctx context.Context, tx *db.Tx, o Order, product catalog.Both) error {
	params := about(o, product)
	params["Vendor"] = o.Snapshot.Seller.RegisteredName
	if err := message.Send(ctx, tx, message.Notice{Code: "O-01", To: o.Account, Params: params, Link: "/orders/" + string(o.ID)}); err != nil {
		return err
	}
	seller, err := vendor.Get(ctx, tx, o.Vendor)
	if err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{Code: "O-05", To: seller.Account, Params: params, Link: "/vendor/orders/" + string(o.ID)})
}

// about is what every message about an order says, in both languages.
func about(o Order, product catalog.Both) map[string]string {
	return map[string]string{
		"Order": string(o.ID), "ProductZH": product.ZH, "ProductEN": product.EN, "Amount": o.Fee.Paid.Format("zh"),
	}
}

// late sends money back that no order may keep.
func late(ctx context.Context, tx *db.Tx, o Order, c payment.Capture) error {
	by := audit.Provider(c.Provider)
	refund, err := payment.SendBack(ctx, tx, by, c, payment.CauseLate)
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "order.late_money", Subjects: []string{string(o.ID), string(c.Attempt), string(refund.ID)}, Clauses: []string{"UA 2.5"},
		Data: map[string]any{"amount": c.Amount, "state": o.State},
	})
}

// DeliveredTo is what a finished delivery sets in motion.
func DeliveredTo(ctx context.Context, tx *db.Tx, d delivery.Delivery) error {
	o, err := get(ctx, tx, ID(d.Order))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, updateDelivered, string(Delivered), db.Micros(tx.Now()), string(o.ID), string(Provisioning))
	if err != nil || n == 0 {
		return err
	}
	content, err := o.Content()
	if err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{Code: "O-02", To: o.Account, Link: "/orders/" + string(o.ID), Params: about(o, content.Name)})
}

// Complete ends a delivered order whose window is over: from then on nothing but a
// decision changes it. A complete order stays so, and so does one that a refund of
// a part has ended, whose rest is the vendor's.
func Complete(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) error {
	o, err := get(ctx, tx, id)
	if err != nil || o.State == Completed || o.State == Refunding || o.State == Refunded {
		return err
	}
	ok, err := move(ctx, tx, &o, Delivered, Completed, "")
	if err == nil && !ok {
		err = ErrStale
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: "order.completed", Subjects: []string{string(id)}, Clauses: []string{"UA 3.1"}})
}

// RefundEnded books how the refund of an order ended at the provider and tells
// the customer and the vendor.
func RefundEnded(ctx context.Context, tx *db.Tx, r payment.Refund) error {
	o, err := get(ctx, tx, ID(r.Order))
	if err != nil {
		return err
	}
	done := r.State == payment.RefundSucceeded
	switch {
	case done:
		_, err = ledger.RefundConfirmed(ctx, tx, r.Gateway, string(r.ID), r.Amount, tx.Now())
	case r.Bounced:
		// The bank returned what had counted as paid: it is owed by another way.
		_, err = ledger.RefundBounced(ctx, tx, string(r.ID), string(o.Account), r.Amount, tx.Now())
	case r.Reason == payment.ReasonDisputed:
		// The payer's bank has taken the money itself: nothing is owed twice.
		_, err = ledger.RefundUndone(ctx, tx, string(r.ID), string(o.Line), r.Amount, tx.Now())
	default:
		_, err = ledger.RefundOwed(ctx, tx, string(r.ID), string(o.Account), r.Amount, tx.Now())
	}
	if err != nil {
		return err
	}
	if _, err := move(ctx, tx, &o, Refunding, Refunded, o.Reason); err != nil {
		return err
	}
	params := map[string]string{"Order": string(o.ID), "Amount": r.Amount.Format("zh"), "Reference": r.ProviderID}
	if !done {
		params["Failed"] = cmp.Or(r.Reason, "unknown")
	}
	if err := message.Send(ctx, tx, message.Notice{Code: "N-44", To: o.Account, Params: params, Link: "/orders/" + string(o.ID)}); err != nil {
		return err
	}
	seller, err := vendor.Get(ctx, tx, o.Vendor)
	if err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{Code: "N-44", To: seller.Account, Params: params, Link: "/vendor/orders/" + string(o.ID)})
}

var errNoPlan = errors.New("order: the frozen terms have no such plan")
