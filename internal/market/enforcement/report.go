package enforcement

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// Complaint is a vendor's report of what was done to its product.
type Complaint struct {
	Order     order.ID // by which the account got its right
	Violation string   // a clause from 4.9.1 to 4.9.4
	Facts     string   `json:"-"`
	Evidence  []Item
}

// ReportRight opens a case on a vendor's report. The vendor names its order; whose
// account that is it is not told.
func ReportRight(ctx context.Context, tx *db.Tx, by audit.Actor, in Complaint) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.ReportRight(%s)", in.Order)
	seller, sells, err := vendor.OfAccount(ctx, tx, account.ID(by.Account))
	switch {
	case err != nil:
		return Case{}, err
	case !sells || !by.Has(account.Owner) && !by.Has(account.VendorManager):
		return Case{}, ErrForbidden
	}
	types, _, err := typesInForce(ctx, tx)
	if err != nil {
		return Case{}, err
	}
	violation, kind, err := kindOf(in.Violation, types)
	if err != nil {
		return Case{}, err
	}
	o, err := order.Any(ctx, tx, in.Order)
	if err != nil && !errors.Is(err, order.ErrNotFound) {
		return Case{}, err
	}
	if err != nil || o.Vendor != seller.ID {
		return Case{}, ErrNotHolder.In("order") // another's order does not exist for it
	}
	right, err := entitlement.OfLine(ctx, tx, string(o.Line))
	if errors.Is(err, entitlement.ErrNotFound) {
		err = ErrNotHolder.In("order")
	}
	if err != nil {
		return Case{}, err
	}
	if err := mayReport(seller.ID, right, kind); err != nil {
		return Case{}, err
	}
	return Open(ctx, tx, by, Opening{
		Subject: right.Account, Source: FromVendor, Reporter: account.ID(by.Account), Violation: violation, Facts: in.Facts, Right: right.ID, Evidence: in.Evidence,
	})
}

// Reports are the newest cases that an account reported, without whom they are
// about and what was decided on it.
func Reports(ctx context.Context, r db.Reader, by audit.Actor, n int) ([]Case, error) {
	if by.Account == "" {
		return nil, ErrForbidden
	}
	all, err := db.All(ctx, r, scanCase(r), selectReported, by.Account, n)
	for i, c := range all {
		all[i] = Case{
			ID: c.ID, Source: c.Source, Reference: c.Reference, Reporter: c.Reporter, Violation: c.Violation, Right: c.Right, State: reported(c.State), OpenedAt: c.OpenedAt,
			EndedAt: c.EndedAt,
		}
	}
	return all, err
}

// reported is what a reporter is told of a state: in hand, acted on, or nothing
// found.
func reported(s State) State {
	switch {
	case s == Dismissed || s == Revoked:
		return Dismissed
	case s.Known():
		return InForce
	}
	return Opened
}
