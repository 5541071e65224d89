package shop

import (
	"context"

	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/order"
	"yunshi/internal/market/promotion"
)

// offTerms are the terms on which something is taken off, with their hashes: the
// same lines at checkout and on the order.
func offTerms(ctx context.Context, off promotion.Off) []page.Term {
	var out []page.Term
	if d := off.Discount; d != nil {
		out = append(out,
			page.Term{Label: text.T(ctx, "shop.off.discount"), Text: text.T(ctx, "shop.off.discount.text",
				"How", worth(ctx, d.Points, d.Price, "shop.off.price"), "From", text.Time(ctx, d.From), "Until", text.Time(ctx, d.Until))},
			page.Term{Label: text.T(ctx, "shop.off.hash"), Value: page.ID(d.SHA256)})
	}
	if v := off.Voucher; v != nil {
		out = append(out,
			page.Term{Label: text.T(ctx, "shop.off.voucher"), Text: text.T(ctx, "shop.off.voucher.text",
				"Tail", v.Tail, "How", worth(ctx, v.Points, v.Amount, "shop.off.amount"), "Until", text.Time(ctx, v.Until))},
			page.Term{Label: text.T(ctx, "shop.off.hash"), Value: page.ID(v.SHA256)})
	}
	return out
}

// worth says how much: a share, or an amount in the words of the key.
func worth(ctx context.Context, points int64, amount money.Amount, key string) string {
	if points > 0 {
		return text.T(ctx, "shop.off.percent", "Percent", page.Percent(points))
	}
	return text.T(ctx, key, "Amount", page.MoneyText(ctx, amount))
}

// receiptSums is what was paid and how it came about.
func receiptSums(ctx context.Context, fee order.Fee) []page.Sum {
	var out []page.Sum
	if fee.List != fee.Paid {
		out = append(out, page.Sum{Label: text.T(ctx, "page.price.was"), Amount: fee.List})
	}
	if !fee.Discount.IsZero() {
		out = append(out, page.Sum{Label: text.T(ctx, "shop.sum.discount"), Amount: minus(fee.Discount)})
	}
	if !fee.Voucher.IsZero() {
		out = append(out, page.Sum{Label: text.T(ctx, "shop.sum.voucher"), Amount: minus(fee.Voucher)})
	}
	return append(out,
		page.Sum{Label: text.T(ctx, "shop.sum.net"), Amount: fee.Net},
		page.Sum{Label: text.T(ctx, "shop.sum.tax_line"), Amount: fee.Tax},
		page.Sum{Label: text.T(ctx, "shop.sum.total"), Amount: fee.Paid, Total: true})
}
