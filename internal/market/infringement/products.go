package infringement

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// Product is the kind of content that listings are.
const Product = "product"

// How a listing stood before a measure.
const (
	wasListed   = "listed"
	wasVendor   = "hidden_by_vendor"
	wasOperator = "hidden_by_operator"
	wasGone     = "not_listed"
)

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

// hideProduct hides a listing as an officer does, so that its vendor cannot bring
// it back.
func hideProduct(ctx context.Context, tx *db.Tx, by audit.Actor, id, reason string) (string, error) {
	p, err := catalog.Get(ctx, tx, catalog.ProductID(id))
	if err != nil {
		return "", err
	}
	switch {
	case p.State == catalog.ProductListed:
		return wasListed, catalog.Hide(ctx, tx, by, p.ID, reason)
	case p.State == catalog.ProductHidden && p.HiddenCause == "vendor":
		// What the vendor has hidden it could show again: from now on it is the operator's.
		if err := catalog.Unhide(ctx, tx, by, p.ID, reason); err != nil {
			return "", err
		}
		return wasVendor, catalog.Hide(ctx, tx, by, p.ID, reason)
	case p.State == catalog.ProductHidden:
		return wasOperator, nil
	}
	return wasGone, nil
}

func showProduct(ctx context.Context, tx *db.Tx, by audit.Actor, id, was, reason string) error {
	p, err := catalog.Get(ctx, tx, catalog.ProductID(id))
	if err != nil || p.State != catalog.ProductHidden || !strings.HasPrefix(p.HiddenReason, "ifn_") || was != wasListed && was != wasVendor {
		return err
	}
	// Who lifts is the operator, whoever caused it.
	if err := catalog.Unhide(ctx, tx, audit.Job("infringement.lift"), p.ID, reason); err != nil || was == wasListed {
		return err
	}
	seller, err := vendor.Get(ctx, tx, p.Vendor)
	if err != nil {
		return err
	}
	its := audit.Actor{Kind: audit.ProviderOf, User: "infringement.lift", Account: string(seller.Account), Roles: []string{account.Owner}}
	return catalog.Hide(ctx, tx, its, p.ID, reason)
}
