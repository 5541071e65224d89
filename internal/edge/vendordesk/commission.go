package vendordesk

import (
	"context"
	"net/http"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// preview is what a sale of one plan would bring, with the words for when.
type preview struct {
	order.Preview
	when string
}

// previews works out each plan of a form that has a price; the others have none.
func previews(ctx context.Context, r db.Reader, v vendor.ID, typed values) (map[int]*preview, error) {
	content, _ := typed.read(catalog.Content{}) // what cannot be read is refused when it is saved
	all := map[int]*preview{}
	for i := range typed.slots() {
		p, asked, _ := typed.plan(i)
		if !asked || p.Price.Minor <= 0 {
			continue
		}
		what, err := order.PreviewOf(ctx, r, v, content, p)
		if _, refused := fault.Of(err); refused { // a category that is not there: the checklist says so
			continue
		}
		if err != nil {
			return nil, err
		}
		when, err := whenReleased(ctx, r, what.Refund)
		if err != nil {
			return nil, err
		}
		all[i] = &preview{what, when}
	}
	return all, nil
}

// whenReleased says when the money of an order under a refund rule becomes the
// vendor's.
func whenReleased(ctx context.Context, r db.Reader, rule order.RefundRule) (string, error) {
	switch {
	case rule.Days > 0:
		return text.T(ctx, "vendordesk.commission.when.window", "Count", rule.Days), nil
	case rule.Class == "until_acceptance":
		auto, err := agreement.Setting[struct{ Days int }](ctx, r, "auto_accept")
		return text.T(ctx, "vendordesk.commission.when.accepted", "Count", auto.Days), err
	}
	return text.T(ctx, "vendordesk.commission.when.delivered"), nil
}

func previewSentence(ctx context.Context, p order.Preview) string {
	return text.T(ctx, "vendordesk.commission.sentence", "Price", page.MoneyText(ctx, p.Fee.Paid), "Commission", page.MoneyText(ctx, p.Commission.Amount), "Amount", page.MoneyText(ctx, p.Vendor))
}

// commission answers the previews of a form that is being filled in; nothing is
// kept. Browsers without scripts ask with a button of the form instead.
func (d desk) commission(c *serve.Call) error {
	ctx := c.R.Context()
	typed, err := d.posted(c)
	if err != nil {
		return err
	}
	var all map[int]*preview
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		all, err = previews(ctx, r, v.ID, typed)
		return err
	}); err != nil {
		return err
	}
	i := slot(typed.one("slot"))
	return d.show(c, http.StatusOK, commissionNote(i, all[i]))
}

// slot is the number of a plan in a form, 0 for what is none.
func slot(s string) (n int) {
	for _, r := range s {
		if r < '0' || r > '9' || n > maxPlans {
			return 0
		}
		n = 10*n + int(r-'0')
	}
	return n
}
