package settlement

import (
	"context"
	"errors"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
)

// DisputeMoved books a dispute of a payment and tells the vendor. While it is open
// nothing of the line moves and the vendor's share of it is frozen; when all of
// the price is lost to the bank, the right ends.
func DisputeMoved(ctx context.Context, tx *db.Tx, d payment.Dispute) (err error) {
	defer fault.Wrap(&err, "settlement.DisputeMoved(%s)", d.ID)
	o, err := order.Any(ctx, tx, order.ID(d.Order))
	if err != nil && !errors.Is(err, order.ErrNotFound) {
		return err
	}
	by := audit.Provider(d.Gateway)
	if err != nil || o.Attempt != d.Attempt || o.PaidAt.IsZero() { // money that no order kept
		return audit.Record(ctx, tx, by, audit.Entry{
			Act: "settlement.dispute.unattributed", Subjects: []string{string(d.ID), string(d.Attempt), d.Order}, Data: map[string]bool{"alarm": true},
		})
	}
	x := ledger.Disputed{
		Dispute: string(d.ID), Round: d.Round, Provider: d.Gateway, Line: string(o.Line), Amount: d.Amount, Covered: d.Covered, Fee: d.Fee, At: tx.Now(),
	}
	if x.Fee.Currency == "" {
		x.Fee.Currency = d.Amount.Currency
	}
	switch d.State {
	case payment.DisputeOpen:
		_, err = ledger.DisputeOpened(ctx, tx, x)
	case payment.DisputeWon:
		_, err = ledger.DisputeWon(ctx, tx, x)
	case payment.DisputeLost:
		if err = lose(ctx, tx, x); err == nil {
			err = endRight(ctx, tx, by, o)
		}
	case payment.DisputeInquiry, payment.DisputeSubmitted:
		return nil
	}
	if err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "settlement.dispute." + string(d.State), Subjects: []string{string(d.ID), string(o.ID), string(o.Line)}, Clauses: []string{"UA 3.1"},
		Data: map[string]any{"amount": d.Amount, "covered": d.Covered, "round": d.Round},
	}); err != nil {
		return err
	}
	said := map[string]string{"Order": string(o.ID), "Amount": d.Amount.Format("zh")}
	switch d.State {
	case payment.DisputeWon:
		said["Won"] = "yes"
	case payment.DisputeLost:
		said["Lost"] = "yes"
	}
	return tell(ctx, tx, o.Vendor, "S-04", said, "/vendor/orders/"+string(o.ID))
}

// lose books a lost dispute. The commission that the operator gives up with it was
// its own money already, where the payment had been split: it puts it back.
func lose(ctx context.Context, tx *db.Tx, x ledger.Disputed) error {
	before, err := ledger.LineOf(ctx, tx, x.Line)
	if err != nil {
		return err
	}
	posted, err := ledger.DisputeLost(ctx, tx, x)
	if err != nil || !posted {
		return err
	}
	after, err := ledger.LineOf(ctx, tx, x.Line)
	if err != nil {
		return err
	}
	c, err := collection(ctx, tx, x.Line)
	if err != nil {
		return err
	}
	given, err := before.Earned().Sub(after.Earned())
	if err != nil || c.Shared.IsZero() || given.IsZero() {
		return err
	}
	_, err = ledger.SweepBack(ctx, tx, fmt.Sprintf("%s:%d", x.Dispute, x.Round), given, x.At)
	return err
}

// endRight ends the right of an order whose whole price is gone.
func endRight(ctx context.Context, tx *db.Tx, by audit.Actor, o order.Order) error {
	l, err := ledger.LineOf(ctx, tx, string(o.Line))
	if err != nil || !l.Refundable().IsZero() {
		return err
	}
	right, err := entitlement.OfLine(ctx, tx, string(o.Line))
	if err != nil {
		return err
	}
	switch right.State {
	case entitlement.Refunded, entitlement.Destroyed, entitlement.Prohibited:
		return nil // it has ended already
	}
	_, err = entitlement.End(ctx, tx, by, right.ID, entitlement.Refunded)
	return err
}
