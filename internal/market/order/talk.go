package order

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

// Parties are the two who may speak about a product that is on the market or
// about an order: whoever is interested, or the order's account, and the vendor.
func Parties(ctx context.Context, r db.Reader, by audit.Actor, about message.About) (message.Pair, error) {
	if about.Topic == message.AboutProduct {
		p, err := catalog.Get(ctx, r, catalog.ProductID(about.ID))
		if err != nil {
			return message.Pair{}, err
		}
		if p.State != catalog.ProductListed {
			return message.Pair{}, ErrNotFound
		}
		v, err := vendor.Get(ctx, r, p.Vendor)
		return message.Pair{Customer: account.ID(by.Account), Other: v.Account}, err
	}
	o, err := get(ctx, r, ID(about.ID))
	if err != nil {
		return message.Pair{}, err
	}
	v, err := vendor.Get(ctx, r, o.Vendor)
	if err != nil {
		return message.Pair{}, err
	}
	if by.Account != string(v.Account) {
		if _, err := Get(ctx, r, by, o.ID); err != nil {
			return message.Pair{}, err
		}
	}
	return message.Pair{Customer: o.Account, Other: v.Account}, nil
}
