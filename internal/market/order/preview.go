package order

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/commission"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/vendor"
)

// Preview is what the sale of a plan would bring its vendor by the rules in force
// now. The order of that sale freezes the same numbers.
type Preview struct {
	Fee        Fee
	Commission commission.Terms
	Vendor     money.Amount // what is left for the vendor
	Refund     RefundRule   // decides when it is released
}

// PreviewOf works out the sale of one of a plan that need not be listed yet.
func PreviewOf(ctx context.Context, r db.Reader, v vendor.ID, c catalog.Content, p catalog.Plan) (_ Preview, err error) {
	defer fault.Wrap(&err, "order.PreviewOf(%s)", v)
	points, err := taxPoints(ctx, r, p)
	if err != nil {
		return Preview{}, err
	}
	var o Order
	if o.Fee, err = fee(p.Price, 1, points, promotion.Off{}); err != nil {
		return Preview{}, err
	}
	if o.Commission, err = commissionOf(ctx, r, &o, v, c.DeliveryType); err != nil {
		return Preview{}, err
	}
	out := Preview{Fee: o.Fee, Commission: o.Commission}
	net, _ := o.held()
	if out.Vendor, err = net.Sub(o.Commission.Amount); err != nil {
		return Preview{}, err
	}
	class := ""
	if c.Category != "" {
		category, err := catalog.CategoryOf(ctx, r, c.Category)
		if err != nil {
			return Preview{}, err
		}
		class = category.RefundClass
	}
	window, err := agreement.Setting[struct{ Days int }](ctx, r, "refund_window_saas")
	out.Refund = refundRule(c.RefundPolicy, class, window.Days)
	return out, err
}

// commissionOf says who owes the tax of an order and works out its commission.
func commissionOf(ctx context.Context, r db.Reader, o *Order, v vendor.ID, kind string) (commission.Terms, error) {
	collector, err := agreement.Setting[struct{ Who TaxBy }](ctx, r, "tax_collector")
	if err != nil {
		return commission.Terms{}, err
	}
	o.TaxBy = collector.Who
	net, _ := o.held()
	return commission.For(ctx, r, commission.Sale{Vendor: v, Kind: kind, Paid: o.Fee.Paid, Net: net})
}
