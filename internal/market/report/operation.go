package report

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/operation"
)

// Who is affected by what, for notices, in the order of accounts; and what is still
// open, for a run-off. Each way to be affected is one question, for the accounts
// after $1 and, where $2 is one, for that alone.
const (
	allVendors = `SELECT account_id FROM vendor_vendor
		WHERE account_id > $1 AND ($2 = '' OR account_id = $2) AND state NOT IN ('rejected', 'expelled', 'exited') ORDER BY account_id LIMIT $3`
	sellersIn = `SELECT DISTINCT v.account_id FROM vendor_vendor v JOIN catalog_product p ON p.vendor_id = v.id
		WHERE v.account_id > $1 AND ($2 = '' OR v.account_id = $2)
			AND (p.category = $3 OR p.id IN (SELECT m.product FROM catalog_move m WHERE m.from_category = $3)) ORDER BY v.account_id LIMIT $4`
	holdersIn = `SELECT DISTINCT g.account FROM entitlement_grant g JOIN catalog_product p ON p.id = g.product
		WHERE g.account > $1 AND ($2 = '' OR g.account = $2) AND g.state IN ('pending', 'active', 'suspended')
			AND (p.category = $3 OR p.id IN (SELECT m.product FROM catalog_move m WHERE m.from_category = $3)) ORDER BY g.account LIMIT $4`
	sellerOf = `SELECT v.account_id FROM vendor_vendor v JOIN catalog_product p ON p.vendor_id = v.id
		WHERE v.account_id > $1 AND ($2 = '' OR v.account_id = $2) AND p.id = $3 ORDER BY v.account_id LIMIT $4`
	holdersOf = `SELECT DISTINCT g.account FROM entitlement_grant g
		WHERE g.account > $1 AND ($2 = '' OR g.account = $2) AND g.product = $3 AND g.state IN ('pending', 'active', 'suspended') ORDER BY g.account LIMIT $4`
	buyerOf    = `SELECT account FROM order_order WHERE account > $1 AND ($2 = '' OR account = $2) AND id = $3 ORDER BY account LIMIT $4`
	sellerFrom = `SELECT v.account_id FROM order_order o JOIN vendor_vendor v ON v.id = o.vendor
		WHERE v.account_id > $1 AND ($2 = '' OR v.account_id = $2) AND o.id = $3 ORDER BY v.account_id LIMIT $4`

	countOrders     = `SELECT COUNT(*) FROM order_order WHERE state IN ('awaiting_payment', 'provisioning', 'refunding')`
	countRefunds    = `SELECT COUNT(*) FROM refund_request WHERE state NOT IN ('refunded', 'rejected', 'withdrawn', 'lapsed')`
	countComplaints = `SELECT (SELECT COUNT(*) FROM complaint_complaint WHERE state <> 'closed')
		+ (SELECT COUNT(*) FROM complaint_claim WHERE state NOT IN ('settled', 'closed'))`
	countSettlements = `SELECT (SELECT COUNT(*) FROM settlement_collection WHERE state NOT IN ('finished', 'ended'))
		+ (SELECT COUNT(*) FROM settlement_withdrawal WHERE state IN ('requested', 'paying'))`
	countInvoices = `SELECT COUNT(*) FROM invoice_request WHERE state IN ('requested', 'vendor_confirmed', 'issuing')`
	countDeposits = `SELECT COUNT(*) FROM (SELECT party FROM ledger_balance WHERE account = 'vendor.deposit' GROUP BY party HAVING SUM(credit) > SUM(debit)) d`
)

// Affected returns up to n accounts, in order, that an audience concerns, after one.
func Affected(ctx context.Context, r db.Reader, a operation.Audience, after account.ID, n int) ([]account.ID, error) {
	return affectedBy(ctx, r, a, after, "", n)
}

// Concerns tells whether an account is one of an audience.
func Concerns(ctx context.Context, r db.Reader, a operation.Audience, who account.ID) (bool, error) {
	all, err := affectedBy(ctx, r, a, "", who, 1)
	return len(all) == 1, err
}

func affectedBy(ctx context.Context, r db.Reader, a operation.Audience, after, only account.ID, n int) (all []account.ID, err error) {
	ask := func(query string, about ...any) {
		if err != nil {
			return
		}
		var some []account.ID
		args := append([]any{string(after), string(only)}, about...)
		some, err = db.All(ctx, r, db.Column[account.ID], query, append(args, n)...)
		all = append(all, some...)
	}
	if a.Vendors {
		ask(allVendors)
	}
	if a.Category != "" {
		ask(sellersIn, a.Category)
		ask(holdersIn, a.Category)
	}
	for _, p := range a.Products {
		ask(sellerOf, p)
		ask(holdersOf, p)
	}
	for _, o := range a.Orders {
		ask(buyerOf, o)
		ask(sellerFrom, o)
	}
	if err != nil {
		return nil, err
	}
	// The first n of all are among the first n of each.
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(n, len(all))], nil
}

// RunOff counts what is still open of each part of a run-off plan. Exports are
// counted by the package that makes them.
func RunOff(ctx context.Context, r db.Reader) ([]operation.Left, error) {
	var out []operation.Left
	for _, one := range []struct {
		part  operation.Part
		query string
	}{{"orders", countOrders}, {"refunds", countRefunds}, {"complaints", countComplaints}, {"settlements", countSettlements}, {"invoices", countInvoices}, {"deposits", countDeposits}} {
		n, err := db.Value[int64](ctx, r, one.query)
		if err != nil {
			return nil, err
		}
		out = append(out, operation.Left{Part: one.part, Count: n})
	}
	return out, nil
}
