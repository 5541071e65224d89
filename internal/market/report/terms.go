package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/order"
)

// frozen is an order as stored beside the terms frozen with it.
type frozen struct {
	id, account, currency                   string
	list, discount, voucher, paid, net, tax int64
	quantity                                int64
	version, plan, vendor                   string
	snapshot, sha256                        string
	placed                                  time.Time
}

const (
	selectFrozen = `SELECT o.id, o.account, o.currency, o.list, o.discount, o.voucher, o.paid, o.net, o.tax, l.quantity, l.version, l.plan, o.vendor,
		o.snapshot, o.snapshot_sha256, o.placed_at FROM order_order o LEFT JOIN order_line l ON l.order_id = o.id ORDER BY o.id`
	selectAccepted = `SELECT account, bundle, CAST(MIN(accepted_at) AS BIGINT) FROM agreement_acceptance GROUP BY account, bundle`
)

func scanFrozen(s db.Scanner) (frozen, error) {
	var f frozen
	var version, plan *string
	var quantity *int64
	var placed int64
	err := s.Scan(&f.id, &f.account, &f.currency, &f.list, &f.discount, &f.voucher, &f.paid, &f.net, &f.tax, &quantity, &version, &plan, &f.vendor,
		&f.snapshot, &f.sha256, &placed)
	if quantity != nil {
		f.quantity, f.version, f.plan = *quantity, *version, *plan
	}
	f.placed = db.Time(placed)
	return f, err
}

// fee is the fee of the row in the form in which it was frozen.
func (f frozen) fee() order.Fee {
	in := func(minor int64) money.Amount {
		return money.Amount{Minor: minor, Currency: money.Currency(f.currency)}
	}
	return order.Fee{List: in(f.list), Discount: in(f.discount), Voucher: in(f.voucher), Paid: in(f.paid), Net: in(f.net), Tax: in(f.tax)}
}

// acceptance is one account's acceptance of one bundle.
type acceptance struct{ account, bundle string }

// agreed computes the hash of every order's frozen terms again, compares them
// with the order, and looks for the acceptance of the agreement before it.
func agreed(ctx context.Context, r db.Reader) (Check, error) {
	t := newTally("terms", 0)
	accepted := map[acceptance]time.Time{}
	type row struct {
		acceptance
		at int64
	}
	err := db.Each(ctx, r, func(s db.Scanner) (v row, err error) {
		return v, s.Scan(&v.account, &v.bundle, &v.at)
	}, func(v row) error {
		accepted[v.acceptance] = db.Time(v.at)
		return nil
	}, selectAccepted)
	if err != nil {
		return Check{}, fmt.Errorf("report: acceptances: %w", err)
	}
	err = db.Each(ctx, r, scanFrozen, func(f frozen) error {
		t.Count++
		if hexSum([]byte(f.snapshot)) != f.sha256 {
			t.wrong("%s: the frozen terms do not match their hash", f.id)
			return nil
		}
		var s order.Snapshot
		if err := json.Unmarshal([]byte(f.snapshot), &s); err != nil {
			t.wrong("%s: the frozen terms cannot be read", f.id)
			return nil
		}
		if hexSum(s.Sheet) != s.SheetSHA256 {
			t.wrong("%s: the frozen terms sheet is not the one that was shown", f.id)
		}
		if s.Fee != f.fee() || s.Quantity != f.quantity || string(s.Account) != f.account || string(s.Version) != f.version ||
			string(s.Plan) != f.plan || string(s.Seller.Vendor) != f.vendor {
			t.wrong("%s: the order is not the one whose terms were frozen", f.id)
		}
		if at, ok := accepted[acceptance{f.account, s.AgreementBundle}]; !ok || at.After(f.placed) {
			t.wrong("%s: placed before its account accepted the agreement it was placed under", f.id)
		}
		return nil
	}, selectFrozen)
	if err != nil {
		return Check{}, fmt.Errorf("report: terms: %w", err)
	}
	return t.done(), nil
}

func hexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
