package catalog

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

// Get returns a product in whatever state, or NOT_FOUND.
func Get(ctx context.Context, r db.Reader, id ProductID) (Product, error) {
	return found(db.One(ctx, r, scanProduct, selectProduct, string(id)))
}

// BySlug returns the product with this address, or NOT_FOUND.
func BySlug(ctx context.Context, r db.Reader, slug string) (Product, error) {
	return found(db.One(ctx, r, scanProduct, selectProductBySlug, slug))
}

// OfVendor returns a vendor's products after an id, at most limit.
func OfVendor(ctx context.Context, r db.Reader, v vendor.ID, after ProductID, limit int) ([]Product, error) {
	return db.All(ctx, r, scanProduct, selectProductsOf, string(v), string(after), limit)
}

// All returns products of every vendor and state after an id, at most limit.
func All(ctx context.Context, r db.Reader, after ProductID, limit int) ([]Product, error) {
	return db.All(ctx, r, scanProduct, selectProducts, string(after), limit)
}

// GetVersion returns a version, whoever asks; for people use [VersionFor].
func GetVersion(ctx context.Context, r db.Reader, id VersionID) (Version, error) {
	return found(db.One(ctx, r, scanVersion, selectVersion, string(id)))
}

// VersionFor returns a version and its product to a person of its vendor or of
// the operator's staff. For everybody else it does not exist.
func VersionFor(ctx context.Context, r db.Reader, by audit.Actor, id VersionID) (Version, Product, error) {
	v, err := GetVersion(ctx, r, id)
	if err != nil {
		return v, Product{}, err
	}
	p, err := Get(ctx, r, v.Product)
	if err != nil {
		return v, p, err
	}
	if staff(by) {
		return v, p, nil
	}
	seller, err := vendor.Get(ctx, r, p.Vendor)
	if err != nil {
		return v, p, err
	}
	if by.Account != string(seller.Account) {
		return Version{}, Product{}, account.ErrForeign
	}
	return v, p, nil
}

// Versions returns the versions of a product, oldest first.
func Versions(ctx context.Context, r db.Reader, p ProductID) ([]Version, error) {
	return db.All(ctx, r, scanVersion, selectVersions, string(p))
}

// Queue returns the versions that wait for a review, oldest first.
func Queue(ctx context.Context, r db.Reader) ([]Version, error) {
	return db.All(ctx, r, scanVersion, selectQueue)
}

// GetDecision returns what was decided about a version or an import.
func GetDecision(ctx context.Context, r db.Reader, id string) (Decision, error) {
	return found(db.One(ctx, r, scanReview, selectReview, id))
}

// Listing is a product on the market with what is listed of it.
type Listing struct {
	Product Product
	Version Version
}

// Listed returns those of the products that are on the market, in the order asked
// for. It is what the search index is made from.
func Listed(ctx context.Context, r db.Reader, ids []ProductID) ([]Listing, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = string(id)
	}
	listings, err := db.All(ctx, r, func(s db.Scanner) (Listing, error) {
		var l Listing
		product, productDone := productDest(&l.Product)
		version, versionDone := versionDest(&l.Version)
		if err := s.Scan(append(product, version...)...); err != nil {
			return l, err
		}
		if err := productDone(); err != nil {
			return l, err
		}
		return l, versionDone()
	}, selectListed+db.In(1, len(ids)), args...)
	// Not a condition of the statement: without fresh statistics PostgreSQL takes the index of the state and reads the whole market.
	listings = slices.DeleteFunc(listings, func(l Listing) bool { return l.Product.State != ProductListed })
	place := make(map[ProductID]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	slices.SortFunc(listings, func(a, b Listing) int { return place[a.Product.ID] - place[b.Product.ID] })
	return listings, err
}
