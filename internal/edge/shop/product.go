package shop

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/order"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/vendor"
)

// productView is a product with everything a person must know before buying.
type productView struct {
	Product  catalog.Product
	Content  catalog.Content
	Version  catalog.Version
	Versions []catalog.Version // that were on the market, newest first
	Category string
	Seller   page.Seller
	Plans    []page.Plan
	Quote    order.Quote
	Gone     bool          // off the market: shown to those who hold it, not sold
	Refusal  *page.Refusal // why nobody can buy it now
	Account  string        // that is signed in
	SignIn   string        // address of signing in and coming back
	Reviews  reviewsView
	Reported bool
}

func product(c *serve.Call) error {
	ctx := c.R.Context()
	var v productView
	var refusal error
	var parent catalog.Category
	gone := false
	err := c.Read(func(r db.Reader) (err error) {
		if v.Product, err = catalog.BySlug(ctx, r, c.R.PathValue("slug")); err != nil {
			return err
		}
		if _, gone, err = enforcement.TombstoneOf(ctx, r, contentOf(v.Product)); gone || err != nil {
			return err
		}
		if v.Gone, err = offMarket(v.Product); err != nil {
			return err
		}
		offers, err := catalog.Offers(ctx, r, v.Product.ID)
		if err != nil {
			return err
		}
		if len(offers) == 0 {
			return serve.ErrNotFound
		}
		chosen := pick(offers, c.R.FormValue("plan"))
		if v.Quote, err = order.QuoteOf(ctx, r, c.Actor, offers[chosen].PlanID, quantity(c)); err != nil {
			return err
		}
		v.Version = offers[0].Version
		v.Content = v.Version.Content
		if v.Plans, err = plans(c, r, v.Product.Slug, offers, chosen, v.Gone); err != nil {
			return err
		}
		v.Seller = sellerOf(c.Lang, v.Quote.Offer.Vendor)
		if v.Reviews, err = reviewsOf(ctx, c, r, v.Product, v.Seller.Name); err != nil {
			return err
		}
		category, err := catalog.CategoryOf(ctx, r, v.Content.Category)
		if err != nil {
			return err
		}
		v.Category = category.Name.In(c.Lang)
		if category.Parent != "" {
			if parent, err = catalog.CategoryOf(ctx, r, category.Parent); err != nil {
				return err
			}
		}
		all, err := catalog.Versions(ctx, r, v.Product.ID)
		if err != nil {
			return err
		}
		v.Versions = published(all)
		if c.SignedIn() {
			own, err := account.Get(ctx, r, c.Account())
			if err != nil {
				return err
			}
			v.Account = own.DisplayName
		}
		refusal = catalog.MustSell(ctx, r, v.Quote.Offer)
		return nil
	})
	if err != nil {
		return err
	}
	if gone {
		_, err := blocked(c, contentOf(v.Product))
		return err
	}
	if refusal != nil {
		if _, known := fault.Of(refusal); !known {
			return refusal
		}
		shown := page.RefusalOf(ctx, refusal)
		v.Refusal = &shown
	}
	v.Reported = c.R.URL.Query().Has("reported")
	v.SignIn = page.SignInPath + "?next=" + escape(checkoutAddress(v.Quote))
	crumbs := []page.Link{{Label: v.Category, Href: "/c/" + v.Content.Category}}
	if parent.Code != "" {
		crumbs = slices.Insert(crumbs, 0, page.Link{Label: parent.Name.In(c.Lang), Href: "/c/" + parent.Code})
	}
	frame := chrome(c, v.Content.Name.In(c.Lang), crumbs...)
	frame.Description = v.Content.Summary.In(c.Lang)
	return show(c, http.StatusOK, productPage(frame, v, c.Lang))
}

// contentOf names a product's terms sheet as something that a case may block.
func contentOf(p catalog.Product) enforcement.Content {
	return enforcement.Content{Kind: enforcement.Product, ID: string(p.ID)}
}

// offMarket reports whether a product is not sold any more. One that was never
// listed, or is hidden, does not exist for customers.
func offMarket(p catalog.Product) (gone bool, err error) {
	switch p.State {
	case catalog.ProductListed:
		return false, nil
	case catalog.ProductDelisted, catalog.ProductUseProhibited:
		return true, nil
	}
	return false, serve.ErrNotFound
}

// pick is the plan that the address names by id or code, else the first.
func pick(offers []catalog.Offer, wanted string) int {
	i := slices.IndexFunc(offers, func(o catalog.Offer) bool { return string(o.PlanID) == wanted || o.Plan.Code == wanted })
	return max(i, 0)
}

// quantity is how many are asked for; what cannot be read is one.
func quantity(c *serve.Call) int64 {
	n, err := strconv.ParseInt(c.R.FormValue("quantity"), 10, 64)
	if err != nil || n < 1 || n > mostPerOrder {
		return 1
	}
	return n
}

// mostPerOrder is the largest quantity the form offers.
const mostPerOrder = 1000

func checkoutAddress(q order.Quote) string {
	return "/checkout?plan=" + escape(string(q.Offer.PlanID)) + "&quantity=" + strconv.FormatInt(q.Quantity, 10)
}

func plans(c *serve.Call, r db.Reader, slug string, offers []catalog.Offer, chosen int, gone bool) ([]page.Plan, error) {
	out := make([]page.Plan, len(offers))
	for i, o := range offers {
		p := page.Plan{
			ID: string(o.PlanID), Name: o.Plan.Name.In(c.Lang), Price: page.Price{Amount: o.Plan.Price, Unit: termUnit(c.Lang, o.Plan.Term)},
			Includes: texts(o.Plan.Included, c.Lang), Chosen: i == chosen && len(offers) > 1,
		}
		if len(offers) > 1 && i != chosen && !gone {
			p.Action = page.Action{Label: text.T(c.R.Context(), "shop.product.choose"), Href: "/p/" + slug + "?plan=" + escape(o.Plan.Code) + "#buy", Wide: true}
		}
		d, err := promotion.Running(c.R.Context(), r, o.PlanID)
		if err != nil {
			return nil, err
		}
		if d != nil {
			if p.Price.Amount, err = d.For(o.Plan.Price); err != nil {
				return nil, err
			}
			if p.Price.Amount != o.Plan.Price {
				p.Price.Was = o.Plan.Price
				p.Note = text.T(c.R.Context(), "shop.product.off", "Until", text.Time(c.R.Context(), d.EndsAt))
			}
		}
		out[i] = p
	}
	return out, nil
}

func texts(in []catalog.Both, lang text.Lang) []string {
	out := make([]string, len(in))
	for i, b := range in {
		out[i] = b.In(lang)
	}
	return out
}

// termUnit is the word after the price: nothing for a single payment.
func termUnit(lang text.Lang, term catalog.Term) string {
	if term.Unit == catalog.Once || term.Unit == "" {
		return ""
	}
	if term.Count == 1 {
		return text.In(lang, "shop.unit."+term.Unit)
	}
	return text.In(lang, "base.unit."+term.Unit+"s", "Count", term.Count)
}

// termText says how long a plan runs.
func termText(lang text.Lang, term catalog.Term) string {
	if term.Unit == catalog.Once || term.Unit == "" {
		return text.In(lang, "shop.term.once")
	}
	return text.In(lang, "base.unit."+term.Unit+"s", "Count", term.Count)
}

func published(all []catalog.Version) []catalog.Version {
	var out []catalog.Version
	for _, v := range slices.Backward(all) {
		if v.State == catalog.VersionListed || v.State == catalog.VersionSuperseded {
			out = append(out, v)
		}
	}
	return out
}

// sellerOf is the seller card of a page.
func sellerOf(lang text.Lang, card vendor.SellerCard) page.Seller {
	return page.Seller{
		Name: card.RegisteredName, Shop: "/search?vendor=" + escape(string(card.Vendor)), Verified: card.VerifiedAt,
		VerifiedHow: text.In(lang, "shop.seller.how"), Code: card.USCC, RegisteredAt: card.Address,
		Phone: card.Contact.Phone, Email: card.Contact.Email, Hours: card.SupportHours,
	}
}

// refundSentence is how money comes back: the same words beside the button and
// later on the order.
func refundSentence(ctx context.Context, rule order.RefundRule, fee order.Fee) string {
	lang := text.From(ctx)
	own := ""
	if !rule.Text.Empty() {
		own = " " + rule.Text.In(lang)
	}
	switch string(rule.Kind) {
	case catalog.RefundVendorOwn:
		return page.RefundText(ctx, page.Refund{Kind: page.RefundVendor}) + own
	case catalog.RefundNone:
		return page.RefundText(ctx, page.Refund{Kind: page.RefundNone}) + own
	}
	switch {
	case fee.Paid.IsZero():
		return text.T(ctx, "shop.refund.free")
	case rule.Days > 0:
		return page.RefundText(ctx, page.Refund{Kind: page.RefundFull, Until: rule.Until, Days: rule.Days})
	case rule.Class == "until_acceptance":
		return text.T(ctx, "shop.refund.until_acceptance")
	}
	return page.RefundText(ctx, page.Refund{Kind: page.RefundNone}) + own
}

// termsSheet is the exact text an order would freeze, to be kept.
func termsSheet(c *serve.Call) error {
	ctx := c.R.Context()
	var offers []catalog.Offer
	err := c.Read(func(r db.Reader) error {
		p, err := catalog.BySlug(ctx, r, c.R.PathValue("slug"))
		if err != nil {
			return err
		}
		if _, err := offMarket(p); err != nil {
			return err
		}
		offers, err = catalog.Offers(ctx, r, p.ID)
		if errors.Is(err, catalog.ErrNotFound) || err == nil && len(offers) == 0 {
			return serve.ErrNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+offers[0].Product.Slug+`-terms.json"`)
	h.Set("ETag", `"`+offers[0].SHA256+`"`)
	h.Set("Cache-Control", "no-cache")
	_, err = c.W.Write(offers[0].TermsSheet)
	return err
}

// sums is how a total comes about. Prices include the tax.
func sums(ctx context.Context, fee order.Fee, n int64) []page.Sum {
	out := []page.Sum{{Label: text.T(ctx, "shop.sum.list", "Count", n), Amount: fee.List}}
	if !fee.Discount.IsZero() {
		out = append(out, page.Sum{Label: text.T(ctx, "shop.sum.discount"), Amount: minus(fee.Discount)})
	}
	if !fee.Voucher.IsZero() {
		out = append(out, page.Sum{Label: text.T(ctx, "shop.sum.voucher"), Amount: minus(fee.Voucher)})
	}
	if !fee.Tax.IsZero() {
		out = append(out, page.Sum{Label: text.T(ctx, "shop.sum.tax"), Amount: fee.Tax})
	}
	return append(out, page.Sum{Label: text.T(ctx, "shop.sum.total"), Amount: fee.Paid, Total: true})
}

func versionTable(ctx context.Context, versions []catalog.Version) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "shop.product.versions"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "shop.version.number")}, {Label: text.T(ctx, "shop.version.listed")}, {Label: text.T(ctx, "shop.product.hash")}},
		Empty:   page.Empty{Title: text.T(ctx, "base.none")},
	}
	for _, v := range versions {
		out.Rows = append(out.Rows, []templ.Component{page.Str(strconv.FormatInt(v.Number, 10)), page.Date(v.ListedAt), page.ID(v.SHA256[:16])})
	}
	return out
}

func yesNo(lang text.Lang, yes bool) string {
	if yes {
		return text.In(lang, "base.yes")
	}
	return text.In(lang, "base.no")
}

// dialectWord groups the ways of delivery by what they mean to a customer.
func dialectWord(dialect string) string {
	switch dialect {
	case "download", "license_key", "manual_service":
		return dialect
	}
	return "hook"
}

// minus shows what is taken off. Amounts here are far from the ends of the range.
func minus(a money.Amount) money.Amount {
	return money.Amount{Minor: -a.Minor, Currency: a.Currency}
}
