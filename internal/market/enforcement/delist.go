package enforcement

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
)

// Delist takes a product off the market for the operator. What is done for a breach
// of its vendor names the case; any other cause needs none.
func Delist(ctx context.Context, tx *db.Tx, by audit.Actor, d catalog.Delisting, holders catalog.Holders) (err error) {
	defer fault.Wrap(&err, "enforcement.Delist(%s)", d.Product)
	if catalog.ForBreach(d.Cause) {
		p, err := catalog.Get(ctx, tx, d.Product)
		if err != nil {
			return err
		}
		of, err := read(ctx, tx, ID(d.Case))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := carries(of, p); err != nil {
			return err
		}
	}
	return catalog.Delist(ctx, tx, by, d, holders)
}

// carries refuses a case that does not reach a product: one of another vendor, or
// one that is not decided and told, or does not count any more.
//
// Clause: UA P-4 (a product is delisted for a breach that a case in force found its vendor to have committed).
func carries(of Case, p catalog.Product) error {
	if of.ID == "" || of.Vendor != p.Vendor || !of.State.Stands() {
		return catalog.ErrNoCase.In("case")
	}
	return nil
}
