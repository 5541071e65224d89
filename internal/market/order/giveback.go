package order

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/payment"
)

// Back is money of an order that goes back to its customer.
type Back struct {
	Order   Order
	Amount  money.Amount // gross, above zero, at most what is left of the line
	Key     string       // of the cause; the same key again is the same refund
	Reason  string       // code, kept as the order's when it ends
	Ends    bool         // the right to use ends with it; always so when nothing is left
	Case    string       // whose frozen money pays first
	Deposit bool         // a final decision lets the deposit be drawn
	About   string       // id of the request or delivery behind it
}

// GiveBack sends money of an order back: the payment is asked for it, the book
// takes it from whoever has it by now (escrow, the operator's commission, the
// vendor), and where the purchase ends with it so do the right and what the
// vendor made. All of it is in the caller's transaction, or nothing is. It is the
// only way by which money of a kept order leaves for its customer.
//
// It refuses more than is left (LEDGER_OVER_RETURN) and a payment in dispute.
func GiveBack(ctx context.Context, tx *db.Tx, by audit.Actor, b Back) (_ payment.Refund, err error) {
	defer fault.Wrap(&err, "order.GiveBack(%s, %s)", b.Order.ID, b.Key)
	o := b.Order
	line, err := ledger.LineOf(ctx, tx, string(o.Line))
	if err != nil {
		return payment.Refund{}, err
	}
	from, err := ledger.Preview(line, b.Amount)
	if err != nil {
		return payment.Refund{}, err
	}
	back, err := shareBack(ctx, tx, o, from.Commission)
	if err != nil {
		return payment.Refund{}, err
	}
	refund, err := payment.StartRefund(ctx, tx, by, payment.RefundStart{
		Attempt: o.Attempt, Amount: b.Amount, Cause: payment.CauseOrder, Key: b.Key, Return: back,
	})
	if err != nil {
		return payment.Refund{}, err
	}
	_, fresh, err := ledger.Refund(ctx, tx, ledger.RefundOf{
		Refund: string(refund.ID), Line: string(o.Line), Amount: b.Amount, Case: b.Case, Deposit: b.Deposit, At: tx.Now(),
	})
	if err != nil || !fresh {
		return refund, err
	}
	if b.Ends || b.Amount == line.Refundable() {
		if err := over(ctx, tx, by, o, b.Reason); err != nil {
			return payment.Refund{}, err
		}
	}
	return refund, audit.Record(ctx, tx, by, audit.Entry{
		Act: "order.refunding", Subjects: []string{string(o.ID), string(refund.ID), b.About}, Clauses: []string{"UA 4.5"},
		Data: map[string]any{"reason": b.Reason, "amount": b.Amount, "commission_back": from.Commission, "share_back": back},
	})
}

// shareBack is the part of the operator's share that must come back at the
// provider: the commission given up, as far as it was split off at all.
func shareBack(ctx context.Context, tx *db.Tx, o Order, commission money.Amount) (money.Amount, error) {
	a, err := payment.Get(ctx, tx, o.Attempt)
	if err != nil {
		return money.Amount{}, err
	}
	commission.Minor = min(commission.Minor, a.Split.Minor-a.Returned.Minor)
	return commission, nil
}

// over ends an order whose money goes back, its right, and what was or would
// still be delivered.
func over(ctx context.Context, tx *db.Tx, by audit.Actor, o Order, reason string) error {
	ok, err := move(ctx, tx, &o, o.State, Refunding, reason)
	if err != nil {
		return err
	}
	if !ok {
		return ErrStale
	}
	return revoke(ctx, tx, by, o)
}

// revoke ends the right of an order for good. One that is over already stays as
// it is.
func revoke(ctx context.Context, tx *db.Tx, by audit.Actor, o Order) error {
	right, err := entitlement.OfLine(ctx, tx, string(o.Line))
	if err != nil {
		return err
	}
	switch right.State {
	case entitlement.Refunded, entitlement.Destroyed, entitlement.Prohibited:
		return nil
	}
	if _, err := entitlement.End(ctx, tx, by, right.ID, entitlement.Refunded); err != nil {
		return err
	}
	return delivery.Withdraw(ctx, tx, by, right.ID)
}

// DeliveryFailed refunds all that is left of an order when the vendor could not
// deliver. Nobody has to ask for it.
func DeliveryFailed(ctx context.Context, tx *db.Tx, d delivery.Delivery, reason string) error {
	o, err := get(ctx, tx, ID(d.Order))
	if err != nil || o.State != Provisioning {
		return err
	}
	by := audit.Job("delivery")
	if o.Gateway == free {
		if _, err := move(ctx, tx, &o, Provisioning, Refunded, "delivery_failed"); err != nil {
			return err
		}
		return revoke(ctx, tx, by, o)
	}
	line, err := ledger.LineOf(ctx, tx, string(o.Line))
	if err != nil {
		return err
	}
	if line.Refundable().IsZero() { // the payer's bank has taken all of it back
		if _, err := move(ctx, tx, &o, Provisioning, Refunded, "delivery_failed"); err != nil {
			return err
		}
		return revoke(ctx, tx, by, o)
	}
	if _, err := GiveBack(ctx, tx, by, Back{
		Order: o, Amount: line.Refundable(), Key: "delivery_failed", Reason: "delivery_failed", Ends: true, About: string(d.ID),
	}); err != nil {
		return err
	}
	content, err := o.Content()
	if err != nil {
		return err
	}
	params := about(o, content.Name)
	params["Amount"] = line.Refundable().Format("zh")
	return message.Send(ctx, tx, message.Notice{Code: "O-04", To: o.Account, Link: "/orders/" + string(o.ID), Params: params})
}
