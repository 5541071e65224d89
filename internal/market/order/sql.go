package order

import (
	"context"
	"encoding/json"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	insertOrder = `INSERT INTO order_order (id, account, buyer, vendor, state, reason, gateway, attempt, currency, list, discount, voucher, paid, net, tax,
			snapshot, snapshot_sha256, business, placed_at, expires_at, paid_at, delivered_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0, 0, 0)`
	insertLine = `INSERT INTO order_line (id, order_id, product, version, plan, quantity, commission, commission_points, commission_basis, commission_rule, tax_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

	cols = `o.id, l.id, o.account, o.buyer, o.vendor, l.product, l.version, l.plan, l.quantity, o.state, o.reason, o.gateway, o.attempt, o.currency,
		o.list, o.discount, o.voucher, o.paid, o.net, o.tax, o.snapshot, o.snapshot_sha256, o.business, o.placed_at, o.expires_at, o.paid_at, o.delivered_at, o.ended_at,
		l.commission, l.commission_points, l.commission_basis, l.commission_rule, l.tax_by`
	from        = ` FROM order_order o JOIN order_line l ON l.order_id = o.id `
	selectOrder = `SELECT ` + cols + from + `WHERE o.id = $1`
	selectMine  = `SELECT ` + cols + from + `WHERE o.account = $1 AND o.id < $2 ORDER BY o.id DESC LIMIT $3`
	selectSold  = `SELECT ` + cols + from + `WHERE o.vendor = $1 AND o.id < $2 ORDER BY o.id DESC LIMIT $3`
	selectAll   = `SELECT ` + cols + from + `WHERE o.id < $1 ORDER BY o.id DESC LIMIT $2`

	moveOrder       = `UPDATE order_order SET state = $1, reason = $2, ended_at = $3 WHERE id = $4 AND state = $5`
	updatePaid      = `UPDATE order_order SET state = $1, paid_at = $2 WHERE id = $3 AND state = $4`
	updateDelivered = `UPDATE order_order SET state = $1, delivered_at = $2 WHERE id = $3 AND state = $4`
	updateAttempt   = `UPDATE order_order SET attempt = $1, gateway = $2, expires_at = $3 WHERE id = $4 AND state = $5`
)

// move is the guarded end of a state; ok is false when the order is not there.
func move(ctx context.Context, tx *db.Tx, o *Order, from, to State, reason string) (ok bool, err error) {
	n, err := tx.Exec(ctx, moveOrder, string(to), reason, db.Micros(tx.Now()), string(o.ID), string(from))
	if err != nil || n == 0 {
		return false, err
	}
	o.State, o.Reason, o.EndedAt = to, reason, tx.Now()
	return true, nil
}

// scan reads an order and checks its snapshot against its hash: what was agreed
// is shown unchanged or not at all.
func scan(s db.Scanner) (Order, error) {
	var o Order
	var currency money.Currency
	var snapshot string
	var placed, expires, paid, delivered, ended int64
	f := &o.Fee
	if err := s.Scan(&o.ID, &o.Line, &o.Account, &o.Buyer, &o.Vendor, &o.Product, &o.Version, &o.Plan, &o.Quantity, &o.State, &o.Reason, &o.Gateway, &o.Attempt, &currency,
		&f.List.Minor, &f.Discount.Minor, &f.Voucher.Minor, &f.Paid.Minor, &f.Net.Minor, &f.Tax.Minor, &snapshot, &o.SHA256, &o.Business,
		&placed, &expires, &paid, &delivered, &ended, &o.Commission.Amount.Minor, &o.Commission.Points, &o.Commission.Basis, &o.Commission.Rulebook, &o.TaxBy); err != nil {
		return Order{}, err
	}
	for _, a := range []*money.Amount{&f.List, &f.Discount, &f.Voucher, &f.Paid, &f.Net, &f.Tax, &o.Commission.Amount} {
		a.Currency = currency
	}
	if sha([]byte(snapshot)) != o.SHA256 {
		return Order{}, fmt.Errorf("order: the terms of %s do not match their hash", o.ID)
	}
	o.PlacedAt, o.ExpiresAt, o.PaidAt, o.DeliveredAt, o.EndedAt = db.Time(placed), db.Time(expires), db.Time(paid), db.Time(delivered), db.Time(ended)
	return o, json.Unmarshal([]byte(snapshot), &o.Snapshot)
}
