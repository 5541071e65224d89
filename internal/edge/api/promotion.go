package api

import (
	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/promotion"
)

// some is an amount that may be missing.
func some(a money.Amount) *client.Amount {
	if a == (money.Amount{}) {
		return nil
	}
	shape := amountShape(a)
	return &shape
}

func given(a *client.Amount) money.Amount {
	if a == nil {
		return money.Amount{}
	}
	return amountOf(*a)
}

func discountShape(d promotion.Discount) client.Discount {
	return client.Discount{
		ID: string(d.ID), Plan: string(d.Plan), Number: d.Number, BasisPoints: d.Points, Price: some(d.Price),
		From: optional(d.From), Until: d.Until, EndsAt: optional(d.EndsAt), SHA256: d.SHA256,
	}
}

// discountOf is a discount with what it makes of the list price; nil for none.
func discountOf(d *promotion.Discount, list money.Amount) (*client.Discount, error) {
	if d == nil {
		return nil, nil
	}
	shape := discountShape(*d)
	pays, err := d.For(list)
	shape.Pays = some(pays)
	return &shape, err
}

func vouchersShape(b promotion.Batch) client.Vouchers {
	return client.Vouchers{
		ID: string(b.ID), Product: string(b.Product), Plan: string(b.Plan), BasisPoints: b.Points, Amount: some(b.Amount), Minimum: some(b.Minimum),
		Until: b.Until, EndsAt: optional(b.EndsAt), Uses: b.Uses, Count: b.Codes, OnlyFor: b.OnlyFor, Used: b.Used, SHA256: b.SHA256,
	}
}

func floorShape(f promotion.Floor) client.Floor {
	return client.Floor{Plan: string(f.Plan), Price: amountShape(f.Price)}
}

func readPromotions(c *serve.Call, in *byID) (client.Promotions, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Promotions, error) {
		p, err := ownProduct(c, r, in.ID)
		if err != nil {
			return client.Promotions{}, err
		}
		floors, err := promotion.Floors(ctx, r, p.ID)
		if err != nil {
			return client.Promotions{}, err
		}
		discounts, err := promotion.Discounts(ctx, r, p.ID)
		if err != nil {
			return client.Promotions{}, err
		}
		batches, err := promotion.Batches(ctx, r, p.ID)
		return client.Promotions{Floors: each(floors, floorShape), Discounts: each(discounts, discountShape), Vouchers: each(batches, vouchersShape)}, err
	})
}

// ownPlan refuses a plan that is not one of the product.
func ownPlan(c *serve.Call, r db.Reader, product, plan string) error {
	p, err := ownProduct(c, r, product)
	if err != nil {
		return err
	}
	o, err := catalog.OfferOf(c.R.Context(), r, catalog.PlanID(plan))
	if err == nil && o.Product.ID != p.ID {
		err = serve.ErrNotFound
	}
	return err
}

func stateFloor(c *serve.Call, in *onID[client.Floor]) (client.Floor, error) {
	return act(c, serve.Intent{Name: "promotion.floor", Input: in, Subjects: []string{in.ID, in.Body.Plan}, Clauses: []string{"UA 4.7.7"}}, func(tx *db.Tx) (string, client.Floor, error) {
		if err := ownPlan(c, tx, in.ID, in.Body.Plan); err != nil {
			return "", client.Floor{}, err
		}
		f, err := promotion.StateFloor(c.R.Context(), tx, c.Actor, catalog.PlanID(in.Body.Plan), amountOf(in.Body.Price))
		return in.Body.Plan, floorShape(f), err
	})
}

func announceDiscount(c *serve.Call, in *onID[client.Discount]) (client.Discount, error) {
	b := in.Body
	return act(c, serve.Intent{Name: "promotion.discount", Input: in, Subjects: []string{in.ID, b.Plan}, Clauses: []string{"UA 2.5"}}, func(tx *db.Tx) (string, client.Discount, error) {
		if err := ownPlan(c, tx, in.ID, b.Plan); err != nil {
			return "", client.Discount{}, err
		}
		n := promotion.NewDiscount{Plan: catalog.PlanID(b.Plan), Points: b.BasisPoints, Price: given(b.Price), Until: b.Until}
		if b.From != nil {
			n.From = *b.From
		}
		d, err := promotion.Announce(c.R.Context(), tx, c.Actor, n)
		return string(d.ID), discountShape(d), err
	})
}

func endDiscount(c *serve.Call, in *byID) (client.Discount, error) {
	return act(c, serve.Intent{Name: "promotion.end_discount", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (string, client.Discount, error) {
		d, err := promotion.EndDiscount(c.R.Context(), tx, c.Actor, promotion.DiscountID(in.ID))
		return in.ID, discountShape(d), err
	})
}

func issueVouchers(c *serve.Call, in *onID[client.Vouchers]) (client.Vouchers, error) {
	b := in.Body
	return secretly(c, c.Actor, serve.Intent{Name: "promotion.vouchers", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 2.5"}}, func(tx *db.Tx) (client.Vouchers, error) {
		p, err := ownProduct(c, tx, in.ID)
		if err != nil {
			return client.Vouchers{}, err
		}
		batch, codes, err := promotion.Issue(c.R.Context(), tx, c.Actor, promotion.NewBatch{Codes: b.Count, BatchTerms: promotion.BatchTerms{
			Product: p.ID, Plan: catalog.PlanID(b.Plan), Points: b.BasisPoints, Amount: given(b.Amount), Minimum: given(b.Minimum),
			Until: b.Until, Uses: b.Uses, OnlyFor: b.OnlyFor,
		}})
		shape := vouchersShape(batch)
		shape.Codes = codes
		return shape, err
	})
}

func endVouchers(c *serve.Call, in *byID) (client.Vouchers, error) {
	return act(c, serve.Intent{Name: "promotion.end_vouchers", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (string, client.Vouchers, error) {
		b, err := promotion.EndBatch(c.R.Context(), tx, c.Actor, promotion.BatchID(in.ID))
		return in.ID, vouchersShape(b), err
	})
}
