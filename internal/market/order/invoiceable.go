package order

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/payment"
)

// Invoiceable is an order as package invoice needs to know it. Refunded counts
// every refund of the order, also one the provider could not send back: that
// money is owed to the buyer. An order is ready once it was delivered; before,
// a delivery that fails gives everything back without asking anybody.
func Invoiceable(ctx context.Context, r db.Reader, o Order) (invoice.Invoiceable, error) {
	out := invoice.Invoiceable{
		Order: string(o.ID), Line: string(o.Line), Account: o.Account, Vendor: o.Vendor, Paid: o.Fee.Paid, Refunded: money.Zero(o.Fee.Paid.Currency),
		Ready: !o.DeliveredAt.IsZero(),
	}
	if o.PaidAt.IsZero() {
		out.Paid = money.Zero(o.Fee.Paid.Currency)
	}
	if o.Attempt == "" {
		return out, nil
	}
	refunds, err := payment.RefundsOf(ctx, r, o.Attempt)
	if err != nil {
		return out, err
	}
	for _, f := range refunds {
		if f.Cause != payment.CauseOrder {
			continue
		}
		if out.Refunded, err = out.Refunded.Add(f.Amount); err != nil {
			return out, err
		}
	}
	return out, nil
}
