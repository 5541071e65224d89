package refund

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/order"
)

// Invoiced tells whether an invoice of an order was not taken back. It is the
// Invoiced of [Rules].
func Invoiced(ctx context.Context, r db.Reader, id order.ID) (bool, error) {
	out, err := invoice.Outstanding(ctx, r, string(id))
	return !out.Invoiced.IsZero(), err
}

// RedLetter has what was invoiced taken back before the money is. It is the
// RedLetter of [Rules].
func RedLetter(ctx context.Context, tx *db.Tx, by audit.Actor, o order.Order, total money.Amount, ends bool) (bool, error) {
	of, err := order.Invoiceable(ctx, tx, o)
	if err != nil {
		return false, err
	}
	reason := invoice.Allowance
	if ends {
		reason = invoice.ServiceStopped
	}
	return invoice.RedLetterFor(ctx, tx, by, of, total, reason)
}
