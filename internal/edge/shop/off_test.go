package shop_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/order"
	"yunshi/internal/market/promotion"
)

// What the vendor takes off is shown where a price is shown, with its terms; a code
// that cannot be used is corrected before anything is ordered.
func TestWhatIsTakenOffIsShownFromTheProductToTheReceipt(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			by := s.Customer(account.LegalPerson)
			b := s.signedIn(t, lang, s.email(t, by))
			until := s.Clock.Now().Add(48 * time.Hour)
			var d promotion.Discount
			var codes []string
			s.Write(func(tx *db.Tx) (err error) {
				d, err = promotion.Announce(t.Context(), tx, s.Seller, promotion.NewDiscount{Plan: s.offer.PlanID, Points: 1_000, Until: until})
				return err
			})
			s.Write(func(tx *db.Tx) (err error) {
				_, codes, err = promotion.Issue(t.Context(), tx, s.Seller, promotion.NewBatch{Codes: 1, BatchTerms: promotion.BatchTerms{
					Product: s.offer.Product.ID, Amount: money.Amount{Minor: 2_000, Currency: money.CNY}, Uses: 5, Until: until,
				}})
				return err
			})

			page := b.get("/p/"+s.offer.Product.Slug).is(http.StatusOK).says("¥179.10", "¥199.00", text.In(lang, "shop.sum.discount"), "-¥19.90")
			if struck := page.all("s"); len(struck) != 1 || !strings.Contains(textOf(struck[0]), "¥199.00") {
				t.Errorf("%d struck prices", len(struck))
			}

			checkout := b.get("/checkout?plan="+string(s.offer.PlanID)+"&quantity=1").is(http.StatusOK).
				says("¥179.10", text.In(lang, "shop.off.discount"), d.SHA256)
			if v := checkout.form("/checkout").Get("voucher"); v != "" {
				t.Errorf("a code stands there beforehand: %q", v)
			}
			// A wrong code is said at its field; everything typed is kept and nothing is ordered.
			wrong := b.submit(checkout, "/checkout", url.Values{"voucher": {"NOT-A-CODE"}, "update": {"voucher"}}).is(http.StatusUnprocessableEntity).
				says(text.In(lang, "fault.VOUCHER_UNKNOWN"), text.In(lang, "fault.VOUCHER_UNKNOWN.next"), "¥179.10")
			if v := wrong.form("/checkout").Get("voucher"); v != "NOT-A-CODE" {
				t.Errorf("the code comes back as %q", v)
			}
			// With the code typed and the order button pressed, the new total is shown first.
			shown := b.submit(wrong, "/checkout", url.Values{"voucher": {codes[0]}, "accept_terms": {"yes"}}).is(http.StatusOK).
				says(text.In(lang, "shop.sum.voucher"), "-¥20.00", "¥159.10", text.In(lang, "shop.off.voucher"), codes[0][len(codes[0])-4:])
			if shown.path != "/checkout" || shown.form("/checkout").Get("total") != "15910" || shown.form("/checkout").Get("accept_terms") != "" {
				t.Errorf("%s with a total of %s, ticked: %q", shown.path, shown.form("/checkout").Get("total"), shown.form("/checkout").Get("accept_terms"))
			}
			placed := b.submit(shown, "/checkout", url.Values{"accept_terms": {"yes"}}).is(http.StatusOK)
			if !strings.HasPrefix(placed.path, "/orders/ord_") {
				t.Fatalf("after ordering at %s", placed.path)
			}
			placed.says("¥159.10", "-¥19.90", "-¥20.00", d.SHA256).saysNot(codes[0])
			o := s.Order(order.ID(strings.TrimPrefix(placed.path, "/orders/")))
			s.Drain()
			s.Pay(s.Order(o.ID).Attempt, o.Fee.Paid)
			s.Drain()
			b.get(placed.path+"/receipt").is(http.StatusOK).says("¥199.00", "-¥19.90", "-¥20.00", "¥159.10")

			again := b.get("/checkout?plan=" + string(s.offer.PlanID) + "&quantity=1")
			b.submit(again, "/checkout", url.Values{"voucher": {codes[0]}, "update": {"voucher"}}).is(http.StatusConflict).
				says(text.In(lang, "fault.VOUCHER_ALREADY_USED"), "¥179.10")
		})
	}
}
