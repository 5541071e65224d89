package api

import (
	"slices"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/search"
	"yunshi/internal/market/vendor"
)

func categories(c *serve.Call, _ *none) (client.Page[client.Category], error) {
	return read(c, func(r db.Reader) (client.Page[client.Category], error) {
		all, err := catalog.Categories(c.R.Context(), r)
		return whole(all, func(k catalog.Category) client.Category {
			return client.Category{Code: k.Code, Parent: k.Parent, Name: client.Both(k.Name)}
		}), err
	})
}

type searchIn struct {
	Text         string `query:"q" maxLength:"200"`
	Category     string `query:"category" maxLength:"64"`
	Kind         string `query:"kind" maxLength:"64"`
	DeliveryType string `query:"delivery_type" maxLength:"64"`
	Vendor       string `query:"vendor" maxLength:"64"`
	Free         bool   `query:"free"`
	Sort         string `query:"sort" enum:"relevance,price,newest,name"`
	Lang         string `query:"lang" enum:"zh,en"`
	After        string `query:"after" maxLength:"1000"`
	Limit        int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
}

func findProducts(c *serve.Call, in *searchIn) (client.Hits, error) {
	return read(c, func(r db.Reader) (client.Hits, error) {
		found, err := search.Find(c.R.Context(), r, search.Query{
			Text: in.Text, Lang: c.Lang, Category: in.Category, Kind: in.Kind, DeliveryType: in.DeliveryType, Vendor: in.Vendor,
			Free: in.Free, Sort: in.Sort, After: in.After, Limit: in.Limit,
		})
		return client.Hits{Items: each(found.Hits, hitShape), Next: found.Next, Total: found.Total, Capped: found.Capped}, err
	})
}

func hitShape(h search.Hit) client.Hit {
	return client.Hit{
		Product: string(h.Product), Slug: h.Slug, Name: client.Both(h.Name), Summary: client.Both(h.Summary), Category: h.Category, Kind: h.Kind,
		DeliveryType: h.DeliveryType, Vendor: string(h.Vendor), VendorName: h.VendorName, PriceFrom: amountShape(h.PriceFrom), ListedAt: h.ListedAt,
	}
}

type bySlug struct {
	Slug string `path:"slug" maxLength:"100"`
}

// readListing shows what is on the market, and nothing of what is not.
func readListing(c *serve.Call, in *bySlug) (client.Listing, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Listing, error) {
		p, err := catalog.BySlug(ctx, r, in.Slug)
		if err != nil {
			return client.Listing{}, err
		}
		seller, err := vendor.Get(ctx, r, p.Vendor)
		if err != nil {
			return client.Listing{}, err
		}
		offers, err := catalog.Offers(ctx, r, p.ID)
		if err != nil {
			return client.Listing{}, err
		}
		if p.State != catalog.ProductListed || vendor.MayOffer(seller) != nil || len(offers) == 0 {
			return client.Listing{}, serve.ErrNotFound
		}
		out := client.Listing{
			Product: productShape(p), Seller: sellerShape(offers[0].Vendor), TermsSHA256: offers[0].SHA256, Terms: offers[0].TermsSheet,
			Plans: each(offers, offerShape),
		}
		for i, o := range offers {
			d, err := promotion.Running(ctx, r, o.PlanID)
			if err != nil {
				return client.Listing{}, err
			}
			if out.Plans[i].Discount, err = discountOf(d, o.Plan.Price); err != nil {
				return client.Listing{}, err
			}
		}
		return out, nil
	})
}

func offerShape(o catalog.Offer) client.Offer {
	return client.Offer{
		Plan: string(o.PlanID), Code: o.Plan.Code, Name: client.Both(o.Plan.Name), Price: amountShape(o.Plan.Price),
		Term:     client.Term{Unit: o.Plan.Term.Unit, Count: o.Plan.Term.Count},
		Included: each(o.Plan.Included, func(b catalog.Both) client.Both { return client.Both(b) }),
	}
}

type quoteIn struct {
	Plan     string `query:"plan" required:"true" maxLength:"64"`
	Quantity int64  `query:"quantity" minimum:"1" maximum:"1000" default:"1"`
	Voucher  string `header:"Voucher" maxLength:"64" doc:"A code that the purchase would use."`
}

func readQuote(c *serve.Call, in *quoteIn) (client.Quote, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Quote, error) {
		q, err := order.QuoteWith(ctx, r, c.Actor, catalog.PlanID(in.Plan), in.Quantity, in.Voucher)
		if err != nil {
			return client.Quote{}, err
		}
		out := client.Quote{
			Plan: in.Plan, Product: string(q.Offer.Product.ID), Quantity: q.Quantity, TermsSHA256: q.Offer.SHA256,
			Seller: sellerShape(q.Offer.Vendor), Fee: feeShape(q.Fee), Refund: refundShape(q.Refund), Gateways: slices.Clone(c.Market.Methods),
		}
		if q.Refusal != nil {
			out.Refusal = problemShape(serve.ProblemOf(text.With(ctx, c.Lang), c.Market.Info.BaseURL, q.Refusal, ""))
		}
		if q.Declined != nil {
			out.Declined = problemShape(serve.ProblemOf(text.With(ctx, c.Lang), c.Market.Info.BaseURL, q.Declined, ""))
		}
		out.Discount, err = discountOf(q.Off.Discount, q.Offer.Plan.Price)
		return out, err
	})
}

func problemShape(p serve.Problem) *client.Problem {
	return &client.Problem{
		Type: p.Type, Title: p.Title, Status: p.Status, Code: p.Code, Clause: p.Clause, Next: p.Next, Reference: p.Reference,
		Fields: each(p.Errors, func(f serve.ProblemField) client.FieldProblem { return client.FieldProblem(f) }),
	}
}
