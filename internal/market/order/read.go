package order

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// Get returns an order of an account that the actor's user acts for. Anybody
// else's order does not exist.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Order, error) {
	o, err := get(ctx, r, id)
	if err != nil {
		return Order{}, err
	}
	mine, err := account.Choosable(ctx, r, by)
	if err != nil {
		return Order{}, err
	}
	if slices.ContainsFunc(mine, func(a account.Account) bool { return a.ID == o.Account }) {
		return o, nil
	}
	return Order{}, account.MustOwn(by, o.Account)
}

// OfVendor returns an order as its seller sees it; others' orders do not exist.
func OfVendor(ctx context.Context, r db.Reader, v vendor.ID, id ID) (Order, error) {
	o, err := get(ctx, r, id)
	if err == nil && o.Vendor != v {
		err = account.ErrForeign
	}
	if err != nil {
		return Order{}, err
	}
	return o, nil
}

// Any returns an order for the operator's desk and for the market's own work.
// The edge gives it to staff only.
func Any(ctx context.Context, r db.Reader, id ID) (Order, error) { return get(ctx, r, id) }

func get(ctx context.Context, r db.Reader, id ID) (Order, error) {
	o, err := db.One(ctx, r, scan, selectOrder, string(id))
	if errors.Is(err, db.ErrNoRow) {
		return Order{}, ErrNotFound
	}
	return o, err
}

// Mine lists the orders of the actor's account, newest first, before the cursor.
func Mine(ctx context.Context, r db.Reader, by audit.Actor, before ID, n int) ([]Order, error) {
	return db.All(ctx, r, scan, selectMine, by.Account, cursor(before), n)
}

// Sold lists a vendor's orders, newest first, before the cursor.
func Sold(ctx context.Context, r db.Reader, v vendor.ID, before ID, n int) ([]Order, error) {
	return db.All(ctx, r, scan, selectSold, string(v), cursor(before), n)
}

// All lists every order, newest first, before the cursor, for the operator's desk.
func All(ctx context.Context, r db.Reader, before ID, n int) ([]Order, error) {
	return db.All(ctx, r, scan, selectAll, cursor(before), n)
}

func cursor(before ID) string {
	if before == "" {
		return "~" // after every id
	}
	return string(before)
}

// ReceiptOf is the proof of payment of an order that was paid.
func ReceiptOf(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Receipt, error) {
	o, err := Get(ctx, r, by, id)
	if err != nil {
		return Receipt{}, err
	}
	if o.PaidAt.IsZero() {
		return Receipt{}, ErrNotFound
	}
	receipt := Receipt{Order: o, Payee: o.Snapshot.Seller, Collector: o.Snapshot.Collector}
	if o.Gateway != free {
		if receipt.Attempt, err = payment.Get(ctx, r, o.Attempt); err != nil {
			return Receipt{}, err
		}
	}
	receipt.Right, err = entitlement.OfLine(ctx, r, string(o.Line))
	return receipt, err
}

// planOf finds the plan of a frozen terms sheet.
func planOf(c catalog.Content, code string) (catalog.Plan, error) {
	i := slices.IndexFunc(c.Plans, func(p catalog.Plan) bool { return p.Code == code })
	if i < 0 {
		return catalog.Plan{}, fmt.Errorf("%w: %s", errNoPlan, code)
	}
	return c.Plans[i], nil
}
