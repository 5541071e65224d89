package infringement

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// Product is the kind of content that listings are.
const Product = "product"

// Products is the blocker of listings: it hides them. Those who have the product
// keep it.
func Products() Blocker {
	return Blocker{
		Find:    findProduct,
		Look:    lookProduct,
		Block:   hideProduct,
		Unblock: showProduct,
		Answer:  func(id ID) string { return "/vendor/infringements/" + string(id) },
	}
}

func findProduct(ctx context.Context, r db.Reader, path string) (string, error) {
	slug, ok := strings.CutPrefix(path, "/p/")
	if !ok || slug == "" || strings.Contains(slug, "/") {
		return "", ErrNotFound
	}
	p, err := catalog.BySlug(ctx, r, slug)
	return string(p.ID), err
}

func lookProduct(ctx context.Context, r db.Reader, id string) (Target, error) {
	p, err := catalog.Get(ctx, r, catalog.ProductID(id))
	if err != nil {
		return Target{}, err
	}
	if p.ListedVersion == "" {
		return Target{}, ErrNotFound // nobody but its vendor has ever seen it
	}
	v, err := catalog.GetVersion(ctx, r, p.ListedVersion)
	if err != nil {
		return Target{}, err
	}
	seller, err := vendor.Get(ctx, r, p.Vendor)
	return Target{
		Kind: Product, ID: id, Owner: seller.Account, Title: Both{v.Content.Name.In("zh"), v.Content.Name.In("en")}, Path: "/p/" + p.Slug,
	}, err
}

// hideProduct hides a listing by a notice, beside whatever else hides it, so that
// only the end of the notice takes it back.
func hideProduct(ctx context.Context, tx *db.Tx, by audit.Actor, id, notice string) (string, error) {
	return "", catalog.Conceal(ctx, tx, by, catalog.ProductID(id), catalog.ByNotice, notice)
}

// showProduct takes back what a notice has hidden. Who lifts is the operator,
// whoever caused it.
func showProduct(ctx context.Context, tx *db.Tx, _ audit.Actor, id, _, notice string) error {
	return catalog.Reveal(ctx, tx, audit.Job("infringement.lift"), catalog.ProductID(id), catalog.ByNotice, notice)
}
