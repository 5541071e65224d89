package order

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/vendor"
)

// Quote is what a purchase would be, before anybody commits to it: the sentence
// beside the button and later on the order come from the same place.
type Quote struct {
	Offer    catalog.Offer
	Quantity int64
	Fee      Fee
	Off      promotion.Off
	Refund   RefundRule // Until is what it would be if paid now
	Refusal  error      // why this actor could not buy now; nil when they could
	Declined error      // why the code that was typed takes nothing off; nil when it does
}

// QuoteOf works out an offer for an actor, who may be nobody. Refusal holds the
// first rule that stands in the way, in the order of the agreement.
func QuoteOf(ctx context.Context, r db.Reader, by audit.Actor, id catalog.PlanID, quantity int64) (Quote, error) {
	return QuoteWith(ctx, r, by, id, quantity, "")
}

// QuoteWith is [QuoteOf] with the code of a voucher. A code that cannot be used
// changes nothing but Declined.
func QuoteWith(ctx context.Context, r db.Reader, by audit.Actor, id catalog.PlanID, quantity int64, voucher string) (Quote, error) {
	offer, err := catalog.OfferOf(ctx, r, id)
	if err != nil {
		return Quote{}, err
	}
	owner := account.ID(by.Account)
	q, err := quote(ctx, r, offer, quantity, voucher, owner)
	if err == nil && q.Off.Voucher != nil && owner != "" {
		if used := q.Off.Voucher.Left(ctx, r, owner); used != nil {
			if _, known := fault.Of(used); !known {
				return Quote{}, used
			}
			if q, err = quote(ctx, r, offer, quantity, "", owner); err == nil {
				q.Declined = used
			}
		}
	}
	if err != nil {
		return Quote{}, err
	}
	q.Refund = q.Refund.from(r.Now())
	if by.Account == "" {
		q.Refusal = catalog.MustSell(ctx, r, offer)
	} else {
		q.Refusal = admit(ctx, r, by, owner, offer)
	}
	if q.Refusal == nil {
		q.Refusal = q.Off.KeepsFloor(q.Fee.Paid, offer.Plan.Price, quantity)
	}
	if q.Refusal == nil {
		q.Refusal = operation.MustOutlast(ctx, r, entitlement.EndOf(r.Now(), offer.Plan.Term)) // 8.1
	}
	return q, nil
}

// quote works out an offer for the account that will own it.
func quote(ctx context.Context, r db.Reader, offer catalog.Offer, quantity int64, voucher string, owner account.ID) (Quote, error) {
	points, err := taxPoints(ctx, r, offer.Plan)
	if err != nil {
		return Quote{}, err
	}
	off, declined, err := promotion.OffOf(ctx, r, offer, quantity, voucher, owner)
	if err != nil {
		return Quote{}, err
	}
	f, err := fee(offer.Plan.Price, quantity, points, off)
	if err != nil {
		return Quote{}, err
	}
	category, err := catalog.CategoryOf(ctx, r, offer.Version.Content.Category)
	if err != nil {
		return Quote{}, err
	}
	window, err := agreement.Setting[struct{ Days int }](ctx, r, "refund_window_saas")
	if err != nil {
		return Quote{}, err
	}
	return Quote{
		Offer: offer, Quantity: quantity, Fee: f, Off: off, Declined: declined,
		Refund: refundRule(offer.Version.Content.RefundPolicy, category.RefundClass, window.Days),
	}, nil
}

// taxPoints is the plan's own rate, or the rulebook's.
func taxPoints(ctx context.Context, r db.Reader, p catalog.Plan) (int64, error) {
	if p.TaxPoints != nil {
		return *p.TaxPoints, nil
	}
	rate, err := agreement.Setting[struct {
		Points int64 `json:"bp"`
	}](ctx, r, "tax_rate_default")
	return rate.Points, err
}

// admit asks every rule about a new order in the order of the agreement. It is
// asked again inside the purchase, so what the page said cannot be outdated.
func admit(ctx context.Context, r db.Reader, by audit.Actor, owner account.ID, offer catalog.Offer) error {
	for _, who := range []audit.Actor{by, {Account: string(owner)}} { // 8.2.3, for who buys and for whom
		if err := account.MustCan(ctx, r, who, account.Buy); err != nil {
			return err
		}
	}
	if err := agreement.MustAccepted(ctx, r, owner); err != nil { // P-3
		return err
	}
	if err := identity.MustVerified(ctx, r, owner); err != nil { // 6.1
		return err
	}
	if err := catalog.MustSell(ctx, r, offer); err != nil { // 4.8, 2.1, 3.1, 4.2
		return err
	}
	seller, err := vendor.Get(ctx, r, offer.Product.Vendor)
	if err != nil {
		return err
	}
	return atArmsLength(seller.Account, owner)
}
