package catalog

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

// Draft makes a product with its first version, for a person of the vendor. The
// slug is its address, unique in the market and for ever. The content need not be
// complete yet.
func Draft(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, slug string, c Content) (_ Product, _ Version, err error) {
	defer fault.Wrap(&err, "catalog.Draft(%s)", v)
	seller, err := vendor.Get(ctx, tx, v)
	if err != nil {
		return Product{}, Version{}, err
	}
	if err := mayWrite(by, seller); err != nil {
		return Product{}, Version{}, err
	}
	if !slugPattern.MatchString(slug) {
		return Product{}, Version{}, ErrInvalid.In("slug")
	}
	taken, err := db.All(ctx, tx, scanProduct, selectProductBySlug, slug)
	if err != nil {
		return Product{}, Version{}, err
	}
	if len(taken) > 0 {
		return Product{}, Version{}, ErrSlugTaken.In("slug")
	}
	p := Product{ID: ProductID(tx.ID("prd")), Vendor: v, Slug: slug, State: ProductDraft, CreatedAt: tx.Now()}
	if _, err := tx.Exec(ctx, insertProducts+several(1, productWidth), productRow(p)...); err != nil {
		return Product{}, Version{}, err
	}
	version, err := addVersion(ctx, tx, by, p.ID, 1, c)
	return p, version, err
}

// Revise starts the next version of a product, as a draft. There is one open
// version at a time.
func Revise(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, c Content) (_ Version, err error) {
	defer fault.Wrap(&err, "catalog.Revise(%s)", id)
	p, err := Get(ctx, tx, id)
	if err != nil {
		return Version{}, err
	}
	seller, err := vendor.Get(ctx, tx, p.Vendor)
	if err != nil {
		return Version{}, err
	}
	if err := mayWrite(by, seller); err != nil {
		return Version{}, err
	}
	open, err := db.Value[int64](ctx, tx, selectOpenVersions, string(id))
	if err != nil {
		return Version{}, err
	}
	if open > 0 {
		return Version{}, ErrOpenVersion
	}
	last, err := db.Value[int64](ctx, tx, selectLastNumber, string(id))
	if err != nil {
		return Version{}, err
	}
	return addVersion(ctx, tx, by, id, last+1, c)
}

func addVersion(ctx context.Context, tx *db.Tx, by audit.Actor, p ProductID, number int64, c Content) (Version, error) {
	encoded, err := Encode(c)
	if err != nil {
		return Version{}, err
	}
	v := Version{
		ID: VersionID(tx.ID("ver")), Product: p, Number: number, State: VersionDraft, Content: c,
		SHA256: hashOf(encoded), Author: by.User, CreatedAt: tx.Now(), encoded: encoded,
	}
	_, err = tx.Exec(ctx, insertVersions+several(1, versionWidth), versionRow(v)...)
	return v, err
}

// Save replaces the content of a draft. Nothing else can ever be changed.
func Save(ctx context.Context, tx *db.Tx, by audit.Actor, id VersionID, c Content) (_ Version, err error) {
	defer fault.Wrap(&err, "catalog.Save(%s)", id)
	v, _, _, err := writable(ctx, tx, by, id)
	if err != nil {
		return Version{}, err
	}
	encoded, err := Encode(c)
	if err != nil {
		return Version{}, err
	}
	v.Content, v.encoded, v.SHA256, v.Author = c, encoded, hashOf(encoded), by.User
	n, err := tx.Exec(ctx, saveVersion, string(encoded), v.SHA256, by.User, string(id))
	return v, guarded(n, err)
}

// writable reads a version with its product and vendor for somebody who may write it.
func writable(ctx context.Context, r db.Reader, by audit.Actor, id VersionID) (Version, Product, vendor.Vendor, error) {
	v, err := GetVersion(ctx, r, id)
	if err != nil {
		return v, Product{}, vendor.Vendor{}, err
	}
	p, err := Get(ctx, r, v.Product)
	if err != nil {
		return v, p, vendor.Vendor{}, err
	}
	seller, err := vendor.Get(ctx, r, p.Vendor)
	if err != nil {
		return v, p, seller, err
	}
	return v, p, seller, mayWrite(by, seller)
}
