package promotion

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
)

// Announce makes a discount on a plan that is on sale, for a person of its vendor.
// It is refused below the lowest price of the plan (DISCOUNT_TOO_LOW) and while
// another one runs (DISCOUNT_OVERLAP).
func Announce(ctx context.Context, tx *db.Tx, by audit.Actor, n NewDiscount) (_ Discount, err error) {
	defer fault.Wrap(&err, "promotion.Announce(%s)", n.Plan)
	offer, err := catalog.OfferOf(ctx, tx, n.Plan)
	if err != nil {
		return Discount{}, err
	}
	if err := catalog.MustWrite(ctx, tx, by, offer.Product); err != nil {
		return Discount{}, err
	}
	if n.From.Before(tx.Now()) {
		n.From = tx.Now()
	}
	if err := n.valid(offer.Plan.Price, tx.Now()); err != nil {
		return Discount{}, err
	}
	d := Discount{
		ID: DiscountID(tx.ID("dsc")), Vendor: offer.Product.Vendor, Product: offer.Product.ID, EndsAt: exact(n.Until), MadeAt: tx.Now(),
		DiscountTerms: DiscountTerms{Plan: n.Plan, Points: n.Points, Price: n.Price, From: exact(n.From), Until: exact(n.Until)},
	}
	price, err := d.For(offer.Plan.Price)
	if err != nil {
		return Discount{}, err
	}
	floor, err := floorOf(ctx, tx, n.Plan)
	if err != nil {
		return Discount{}, err
	}
	if err := (Off{Floor: floor}).KeepsFloor(price, offer.Plan.Price, 1); errors.Is(err, ErrFloor) {
		return Discount{}, ErrTooLow.With("Lowest", floor.String())
	} else if err != nil {
		return Discount{}, err
	}
	others, err := db.Value[int64](ctx, tx, selectOverlap, string(n.Plan), db.Micros(n.Until), db.Micros(n.From))
	if err != nil {
		return Discount{}, err
	}
	if others > 0 {
		return Discount{}, ErrOverlap.In("from")
	}
	last, err := db.Value[int64](ctx, tx, selectNumber, string(n.Plan))
	if err != nil {
		return Discount{}, err
	}
	d.Number = last + 1
	if d.SHA256, err = hashOf(d.DiscountTerms); err != nil {
		return Discount{}, err
	}
	_, err = tx.Exec(ctx, insertDiscount, string(d.ID), string(d.Vendor), string(d.Product), string(d.Plan), d.Number, d.Points,
		string(offer.Plan.Price.Currency), d.Price.Minor, db.Micros(d.From), db.Micros(d.Until), db.Micros(d.EndsAt), d.SHA256, db.Micros(d.MadeAt))
	return d, err
}

// exact is a time as it is stored, so that the terms hash to the same when they are
// read again.
func exact(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// EndDiscount ends a discount before its time, for a person of its vendor. Orders
// that were placed with it keep it.
func EndDiscount(ctx context.Context, tx *db.Tx, by audit.Actor, id DiscountID) (_ Discount, err error) {
	defer fault.Wrap(&err, "promotion.EndDiscount(%s)", id)
	d, err := db.One(ctx, tx, scanDiscount, selectDiscount, string(id))
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	if err != nil {
		return Discount{}, err
	}
	if err := mayEnd(ctx, tx, by, d.Product); err != nil {
		return Discount{}, err
	}
	n, err := tx.Exec(ctx, endDiscount, db.Micros(tx.Now()), string(id))
	if err == nil && n == 0 {
		err = ErrOver
	}
	d.EndsAt = tx.Now()
	return d, err
}

// mayEnd refuses everybody but the people of the product's vendor.
func mayEnd(ctx context.Context, r db.Reader, by audit.Actor, id catalog.ProductID) error {
	p, err := catalog.Get(ctx, r, id)
	if err != nil {
		return err
	}
	return catalog.MustWrite(ctx, r, by, p)
}

// Running is the discount of a plan now; nil when there is none.
func Running(ctx context.Context, r db.Reader, plan catalog.PlanID) (*Discount, error) {
	now := db.Micros(r.Now())
	d, err := db.One(ctx, r, scanDiscount, selectRunning, string(plan), now, now)
	if errors.Is(err, db.ErrNoRow) {
		return nil, nil
	}
	return &d, err
}

// Discounts are all of a product, the newest first.
func Discounts(ctx context.Context, r db.Reader, p catalog.ProductID) ([]Discount, error) {
	return db.All(ctx, r, scanDiscount, selectDiscounts, string(p))
}

// StateFloor says what the lowest price of one of a plan is, for a person of its
// vendor. It holds for orders from now on; zero takes it away.
func StateFloor(ctx context.Context, tx *db.Tx, by audit.Actor, plan catalog.PlanID, price money.Amount) (_ Floor, err error) {
	defer fault.Wrap(&err, "promotion.StateFloor(%s)", plan)
	offer, err := catalog.OfferOf(ctx, tx, plan)
	if err != nil {
		return Floor{}, err
	}
	if err := catalog.MustWrite(ctx, tx, by, offer.Product); err != nil {
		return Floor{}, err
	}
	list := offer.Plan.Price
	if price.Currency != list.Currency || price.IsNegative() || price.Minor > list.Minor {
		return Floor{}, ErrInvalid.In("price")
	}
	_, err = tx.Exec(ctx, putFloor, string(plan), string(offer.Product.ID), string(price.Currency), price.Minor, db.Micros(tx.Now()))
	return Floor{Plan: plan, Price: price, StatedAt: tx.Now()}, err
}

// Floors are the lowest prices that were stated for plans of a product.
func Floors(ctx context.Context, r db.Reader, p catalog.ProductID) ([]Floor, error) {
	return db.All(ctx, r, scanFloor, selectFloors, string(p))
}

// floorOf is the lowest price of a plan; the zero amount when none is stated.
func floorOf(ctx context.Context, r db.Reader, plan catalog.PlanID) (money.Amount, error) {
	f, err := db.One(ctx, r, scanFloor, selectFloor, string(plan))
	if errors.Is(err, db.ErrNoRow) {
		return money.Amount{}, nil
	}
	return f.Price, err
}
