package catalog

import (
	"context"
	"fmt"
	"slices"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

// OfferOf returns a plan as it is sold now. It also answers for products that are
// hidden or delisted, because those who have them still see what they bought;
// [MustSell] says whether it may be sold. NOT_FOUND: no such plan, or the listed
// version does not have it any more.
func OfferOf(ctx context.Context, r db.Reader, id PlanID) (Offer, error) {
	o, err := found(db.One(ctx, r, scanOffer, selectOffer, string(id), true))
	if err != nil {
		return Offer{}, err
	}
	o.Vendor, err = vendor.Card(ctx, r, o.Product.Vendor)
	return o, err
}

// Offers returns every plan of a product as it is sold now, in the vendor's order.
func Offers(ctx context.Context, r db.Reader, id ProductID) ([]Offer, error) {
	p, err := Get(ctx, r, id)
	if err != nil {
		return nil, err
	}
	if p.ListedVersion == "" {
		return nil, nil
	}
	v, err := GetVersion(ctx, r, p.ListedVersion)
	if err != nil {
		return nil, err
	}
	card, err := vendor.Card(ctx, r, p.Vendor)
	if err != nil {
		return nil, err
	}
	type planKey struct {
		id   PlanID
		code string
	}
	keys, err := db.All(ctx, r, func(s db.Scanner) (k planKey, err error) { return k, s.Scan(&k.id, &k.code) }, selectPlans, string(id), true)
	if err != nil {
		return nil, err
	}
	var offers []Offer
	for _, k := range keys {
		o, err := offer(p, v, k.id, k.code)
		if err != nil {
			return nil, err
		}
		o.Vendor = card
		offers = append(offers, o)
	}
	return offers, nil
}

func scanOffer(s db.Scanner) (Offer, error) {
	var p Product
	var v Version
	var id PlanID
	var code string
	product, productDone := productDest(&p)
	version, versionDone := versionDest(&v)
	if err := s.Scan(slices.Concat(product, version, []any{&id, &code})...); err != nil {
		return Offer{}, err
	}
	if err := productDone(); err != nil {
		return Offer{}, err
	}
	if err := versionDone(); err != nil {
		return Offer{}, err
	}
	return offer(p, v, id, code)
}

// offer joins the parts. What is served is exactly what was published: reading a
// version has compared its text with its hash, this compares the hashes.
func offer(p Product, v Version, id PlanID, code string) (Offer, error) {
	if v.SHA256 != v.PublishedSHA256 {
		return Offer{}, fmt.Errorf("catalog: version %s is served but was not published", v.ID)
	}
	i := slices.IndexFunc(v.Content.Plans, func(plan Plan) bool { return plan.Code == code })
	if i < 0 {
		return Offer{}, fmt.Errorf("catalog: version %s has no plan %s", v.ID, code)
	}
	return Offer{Product: p, Version: v, PlanID: id, Plan: v.Content.Plans[i], TermsSheet: v.encoded, SHA256: v.SHA256}, nil
}

// MustWrite refuses everybody but the people who may write the product: what is
// theirs to write is theirs to price.
func MustWrite(ctx context.Context, r db.Reader, by audit.Actor, p Product) error {
	seller, err := vendor.Get(ctx, r, p.Vendor)
	if err != nil {
		return err
	}
	return mayWrite(by, seller)
}

// MustSell refuses a new sale of the offer: the product is off the market
// (PRODUCT_DELISTED, PRODUCT_USE_PROHIBITED), its licence has ended
// (RIGHTS_BASIS_MISSING), its vendor may not sell (see [vendor.MustSell]), the
// offer is not the listed one any more (STALE), or its terms sheet lacks what a
// buyer must know (TERMS_SHEET_INCOMPLETE), as one listed before a rule may.
func MustSell(ctx context.Context, r db.Reader, o Offer) error {
	p, err := Get(ctx, r, o.Product.ID)
	if err != nil {
		return err
	}
	if err := maySell(p, calendar.On(r.Now())); err != nil {
		return err
	}
	if p.ListedVersion != o.Version.ID {
		return ErrStale
	}
	if err := vendor.MustSell(ctx, r, p.Vendor); err != nil {
		return err
	}
	return complete(o.Version.Content).Err()
}

// MustRenew refuses the renewal of a product that was taken off the market.
func MustRenew(ctx context.Context, r db.Reader, id ProductID) error {
	p, err := Get(ctx, r, id)
	if err != nil {
		return err
	}
	return mayRenew(p)
}

// MustUse refuses the use of a product that was barred (PRODUCT_USE_PROHIBITED).
func MustUse(ctx context.Context, r db.Reader, id ProductID) error {
	p, err := Get(ctx, r, id)
	if err != nil {
		return err
	}
	return mayUse(p)
}
