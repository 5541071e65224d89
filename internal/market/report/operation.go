package report

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/operation"
)

// Who is affected by what, for notices; and what is still open, for a run-off. An
// audience that names nothing affects nobody.
const (
	// affected has a branch for each way to be concerned: as a vendor, or as somebody
	// who has an order of a product, by product, by category now or before it was
	// retired, or by order. $1 is whether all vendors are.
	affected = `SELECT DISTINCT a.account FROM (
			SELECT v.account_id AS account FROM vendor_vendor v WHERE $1 AND v.state NOT IN ('rejected', 'expelled', 'exited')
			UNION SELECT v.account_id FROM vendor_vendor v JOIN catalog_product p ON p.vendor_id = v.id
				WHERE $2 <> '' AND (p.category = $2 OR p.id IN (SELECT m.product FROM catalog_move m WHERE m.from_category = $2))
			UNION SELECT g.account FROM entitlement_grant g JOIN catalog_product p ON p.id = g.product
				WHERE $2 <> '' AND g.state IN ('pending', 'active', 'suspended') AND (p.category = $2 OR p.id IN (SELECT m.product FROM catalog_move m WHERE m.from_category = $2))`
	affectedProducts = `
			UNION SELECT v.account_id FROM vendor_vendor v JOIN catalog_product p ON p.vendor_id = v.id WHERE p.id IN `
	affectedHolders = `
			UNION SELECT g.account FROM entitlement_grant g WHERE g.state IN ('pending', 'active', 'suspended') AND g.product IN `
	affectedOrders = `
			UNION SELECT o.account FROM order_order o WHERE o.id IN `
	affectedSellers = `
			UNION SELECT v.account_id FROM order_order o JOIN vendor_vendor v ON v.id = o.vendor WHERE o.id IN `
	affectedAfter = `) a WHERE a.account > `
	affectedOnly  = ` AND a.account = `
	affectedFirst = ` ORDER BY a.account LIMIT `

	countOrders      = `SELECT COUNT(*) FROM order_order WHERE state IN ('awaiting_payment', 'provisioning', 'refunding')`
	countRefunds     = `SELECT COUNT(*) FROM refund_request WHERE state NOT IN ('refunded', 'rejected', 'withdrawn', 'lapsed')`
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

func affectedBy(ctx context.Context, r db.Reader, a operation.Audience, after, only account.ID, n int) ([]account.ID, error) {
	args := []any{a.Vendors, a.Category}
	var q strings.Builder
	q.WriteString(affected)
	// The values are numbered in the order in which the text names them.
	within := func(values []any, parts ...string) {
		if len(values) == 0 {
			return
		}
		list := db.In(len(args)+1, len(values))
		args = append(args, values...)
		for _, p := range parts {
			q.WriteString(p)
			q.WriteString(list)
		}
	}
	within(anys(a.Products), affectedProducts, affectedHolders)
	within(anys(a.Orders), affectedOrders, affectedSellers)
	within([]any{string(after)}, affectedAfter)
	if only != "" {
		within([]any{string(only)}, affectedOnly)
	}
	within([]any{n}, affectedFirst)
	return db.All(ctx, r, db.Column[account.ID], q.String(), args...)
}

func anys(ids []string) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

// RunOff counts what is still open of each part of a run-off plan. Exports are
// counted by the package that makes them.
func RunOff(ctx context.Context, r db.Reader) ([]operation.Left, error) {
	var out []operation.Left
	for _, one := range []struct {
		part  operation.Part
		query string
	}{{"orders", countOrders}, {"refunds", countRefunds}, {"settlements", countSettlements}, {"invoices", countInvoices}, {"deposits", countDeposits}} {
		n, err := db.Value[int64](ctx, r, one.query)
		if err != nil {
			return nil, err
		}
		out = append(out, operation.Left{Part: one.part, Count: n})
	}
	return out, nil
}
