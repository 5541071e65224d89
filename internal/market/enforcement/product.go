package enforcement

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// Product is the kind of content that a product's terms sheet is.
const Product = "product"

// Products blocks products: out of the shop by the catalogue's own machinery, their
// rights stay usable. What is sealed is the terms sheet as it is listed.
func Products() Blocker {
	return Blocker{
		Show: func(ctx context.Context, r db.Reader, id string) (Shown, error) {
			p, err := catalog.Get(ctx, r, catalog.ProductID(id))
			if err != nil {
				return Shown{}, err
			}
			seller, err := vendor.Get(ctx, r, p.Vendor)
			if err != nil {
				return Shown{}, err
			}
			version := p.ListedVersion
			if version == "" {
				all, err := catalog.Versions(ctx, r, p.ID)
				if err != nil || len(all) == 0 {
					return Shown{Owner: seller.Account}, err
				}
				version = all[len(all)-1].ID
			}
			v, err := catalog.GetVersion(ctx, r, version)
			if err != nil {
				return Shown{}, err
			}
			sheet, err := catalog.Encode(v.Content)
			return Shown{Owner: seller.Account, Title: v.Content.Name, Bytes: sheet}, err
		},
		Block: func(ctx context.Context, tx *db.Tx, by audit.Actor, id string, of ID) (string, error) {
			return "", catalog.Conceal(ctx, tx, by, catalog.ProductID(id), catalog.ByCase, string(of))
		},
		Restore: func(ctx context.Context, tx *db.Tx, by audit.Actor, id string, of ID, _ string) error {
			return catalog.Reveal(ctx, tx, by, catalog.ProductID(id), catalog.ByCase, string(of))
		},
	}
}
