package api_test

import (
	"testing"
	"time"

	"yunshi/client"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/testkit/world"
)

// A vendor's program takes something off, a customer's program pays the rest.
func TestDiscountsAndVouchersOverHTTP(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))
		product, plan := string(offer.Product.ID), string(offer.PlanID)
		until := b.Clock.Now().Add(24 * time.Hour)
		seller, buyer := b.as(b.Seller), b.as(b.Customer(account.Individual))

		must(seller.StateFloor(ctx, product, client.Floor{Plan: plan, Price: client.Amount{Minor: 15_000, Currency: "CNY"}}))(t)
		_, err := seller.AnnounceDiscount(ctx, product, client.Discount{Plan: plan, BasisPoints: 5_000, Until: until})
		if p := code(t, err, "DISCOUNT_TOO_LOW"); p.Clause != "UA 4.7.7" {
			t.Errorf("clause %q", p.Clause)
		}
		d := must(seller.AnnounceDiscount(ctx, product, client.Discount{Plan: plan, BasisPoints: 1_000, Until: until}))(t)
		made := must(seller.IssueVouchers(ctx, product, client.Vouchers{Amount: &client.Amount{Minor: 820, Currency: "CNY"}, Until: until, Uses: 1, Count: 2}))(t)
		if len(made.Codes) != 2 || made.SHA256 == "" {
			t.Fatalf("vouchers = %+v", made)
		}
		if l := must(b.nobody().Listing(ctx, offer.Product.Slug))(t); l.Plans[0].Discount == nil || l.Plans[0].Discount.Pays.Minor != 17_820 || l.Plans[0].Discount.SHA256 != d.SHA256 {
			t.Errorf("listing = %+v", l.Plans)
		}

		q := must(buyer.QuoteWith(ctx, plan, 1, "nonsense"))(t)
		if q.Declined == nil || q.Declined.Code != "VOUCHER_UNKNOWN" || q.Fee.Paid.Minor != 17_820 {
			t.Errorf("quote = %+v", q)
		}
		in := purchase(t, buyer, offer.PlanID)
		in.Voucher = made.Codes[0]
		_, _, err = buyer.PlaceOrder(ctx, "", in) // the total of before the code
		code(t, err, "PRICE_INVARIANT")
		if q = must(buyer.QuoteWith(ctx, plan, 1, made.Codes[0]))(t); q.Declined != nil || q.Fee.Voucher.Minor != 820 || q.Fee.Paid.Minor != 17_000 {
			t.Errorf("quote = %+v", q)
		}
		in.Total = q.Fee.Paid
		placed, _, err := buyer.PlaceOrder(ctx, "", in)
		if err != nil || placed.Fee != q.Fee {
			t.Fatalf("placed = %+v, %v", placed.Fee, err)
		}
		_, _, err = buyer.PlaceOrder(ctx, "", in)
		code(t, err, "VOUCHER_ALREADY_USED")
		all := must(seller.Promotions(ctx, product))(t)
		if len(all.Floors) != 1 || len(all.Discounts) != 1 || len(all.Vouchers) != 1 || all.Vouchers[0].Used != 1 || all.Vouchers[0].Codes != nil {
			t.Errorf("promotions = %+v", all)
		}
		must(buyer.CancelOrder(ctx, placed.ID))(t)
		must(seller.EndVouchers(ctx, made.ID))(t)
		must(seller.EndDiscount(ctx, d.ID))(t)
		_, err = seller.EndDiscount(ctx, d.ID)
		code(t, err, "PROMOTION_OVER")
		if all = must(seller.Promotions(ctx, product))(t); all.Vouchers[0].Used != 0 || !all.Vouchers[0].EndsAt.Before(until) {
			t.Errorf("after the end: %+v", all.Vouchers)
		}

		for name, who := range map[string]*client.Client{"operator": b.as(b.Compliance), "customer": buyer} {
			_, err := who.Promotions(ctx, product)
			code(t, err, "FORBIDDEN")
			_, err = who.IssueVouchers(ctx, product, made)
			if code(t, err, "FORBIDDEN"); err == nil {
				t.Errorf("%s made vouchers", name)
			}
		}
	})
}
