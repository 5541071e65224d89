package shop_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/testkit/world"
)

// requestOf is the id of the newest request of an order's page.
func (s *site) requestOf(t *testing.T, o order.Order) (q refund.Request) {
	t.Helper()
	s.Write(func(tx *db.Tx) error {
		all, err := refund.OfOrder(t.Context(), tx, o.ID)
		if err == nil && len(all) > 0 {
			q = all[0]
		}
		return err
	})
	return q
}

func TestARefundInsideTheWindowSaysWhatHappensAndDoesIt(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			buyer := s.Customer(account.Individual)
			o := s.Bought(buyer, s.offer)
			b := s.signedIn(t, lang, s.email(t, buyer))
			path := "/orders/" + string(o.ID) + "/refund"
			if !b.get("/orders/" + string(o.ID)).links(path) {
				t.Error("the order does not lead to its refund")
			}
			page := b.get(path + "?reason=no_reason").is(http.StatusOK)
			page.says(text.In(lang, "refund.because.in_window"), text.In(lang, "refund.consequence.ends"), text.In(lang, "refund.consequence.at_once"))
			done := b.submit(page, path, nil).is(http.StatusOK)
			done.says(text.In(lang, "refund.state.refunding"), text.In(lang, "refund.event.approved_at_once"))
			s.Drain()
			b.get(path).says(text.In(lang, "refund.state.refunded"), text.In(lang, "refund.because.nothing_left"))
			if a := b.get("/refunds"); !a.links(path) {
				t.Error("the list does not lead to the refund")
			}
			stranger := s.Customer(account.Individual)
			s.signedIn(t, lang, s.email(t, stranger)).get(path).is(http.StatusNotFound)
		})
	}
}

func TestARefundGoesFromTheVendorToTheOperator(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			customer := s.Customer(account.Individual)
			o := s.Bought(customer, s.offer)
			s.Clock.Advance(9 * 24 * time.Hour)
			b, seller, officer := s.signedIn(t, lang, s.email(t, customer)), s.signedIn(t, lang, s.email(t, s.Seller)), s.signedIn(t, lang, s.email(t, s.Support))
			path := "/orders/" + string(o.ID) + "/refund"
			b.get(path + "?reason=no_reason").says(text.In(lang, "refund.because.unused_days"))
			form := b.get(path + "?reason=quality")
			form.says(text.In(lang, "refund.because.at_fault"), text.In(lang, "refund.consequence.restore"))
			b.submit(form, path, url.Values{"text": {""}}).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.FIELD_REQUIRED"))
			b.submit(form, path, url.Values{"text": {"断线"}, "amount": {"1000"}}).is(http.StatusUnprocessableEntity)
			b.submit(form, path, url.Values{"text": {"断线"}}).is(http.StatusOK).says(text.In(lang, "refund.state.vendor_review"))
			q := s.requestOf(t, o)

			if !seller.get("/vendor").links("/vendor/refunds/" + string(q.ID)) {
				t.Error("the vendor is not told what is due")
			}
			seller.get("/vendor/refunds").is(http.StatusOK)
			answer := "/vendor/refunds/" + string(q.ID) + "/answer"
			desk := seller.get("/vendor/refunds/" + string(q.ID)).says("断线").saysNot(customer.Account)
			version := desk.form(answer).Get("version")
			stale := url.Values{"version": {"1"}, "do": {"refuse"}, "note": {"没有问题"}}
			seller.post(answer, stale).is(http.StatusConflict).says(text.In(lang, "fault.STALE"))
			seller.post(answer, url.Values{"version": {version}, "do": {"counter"}, "amount": {"20"}, "keep": {"yes"}, "note": {"返还一部分"}}).
				is(http.StatusOK).says(text.In(lang, "refund.state.countered"))

			offered := b.get(path).says(text.In(lang, "refund.offer"), "返还一部分", text.In(lang, "refund.withdraw"))
			b.submit(offered, "/refunds/"+string(q.ID)+"/escalate", url.Values{"text": {"不同意"}}).is(http.StatusOK).says(text.In(lang, "refund.state.operator_review"))

			if !officer.get("/operator").links("/operator/refunds/" + string(q.ID)) {
				t.Error("the operator is not told what is due")
			}
			officer.get("/operator/refunds").is(http.StatusOK)
			page := officer.get("/operator/refunds/"+string(q.ID)).says("断线", "不同意")
			decide := "/operator/refunds/" + string(q.ID) + "/decide"
			officer.submit(page, decide, url.Values{"do": {"approve"}, "clause": {"because"}, "reason": {"属实"}}).is(http.StatusUnprocessableEntity)
			officer.submit(page, decide, url.Values{"do": {"approve"}, "amount": {"100"}, "reason": {"日志显示多次中断"}}).is(http.StatusOK)
			s.Drain()
			b.get(path).says(text.In(lang, "refund.state.refunded"), "日志显示多次中断")
			officer.get("/operator/refunds/" + string(q.ID)).is(http.StatusOK)
		})
	}
}

func TestAMatterBetweenThePartiesShowsBothSidesAndItsProof(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			content := world.Content(delivery.LicenceKey, 5000)
			content.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundVendorOwn, Text: catalog.Both{ZH: "按合同办理", EN: "As the contract says"}}
			buyer := s.Customer(account.Individual)
			o := s.Bought(buyer, s.list(content))
			b, seller := s.signedIn(t, lang, s.email(t, buyer)), s.signedIn(t, lang, s.email(t, s.Seller))
			path := "/orders/" + string(o.ID) + "/refund"
			page := b.get(path).says(text.In(lang, "refund.offline.text"), o.Snapshot.Seller.Contact.Phone)
			opened := b.submit(page, "/orders/"+string(o.ID)+"/matter", url.Values{"text": {"已电话联系"}}).is(http.StatusOK).says("已电话联系")
			var id string
			for _, n := range opened.all("form") {
				if action := attr(n, "action"); strings.HasSuffix(action, "/say") {
					id = strings.TrimSuffix(strings.TrimPrefix(action, "/refunds/"), "/say")
				}
			}
			b.upload("/refunds/"+id+"/proof", nil, file{"file", "evil.pdf", "<script>alert(1)</script>"}).is(http.StatusUnprocessableEntity)
			b.upload("/refunds/"+id+"/proof", nil, file{"file", "转账.pdf", "%PDF-1.7\nproof"}).is(http.StatusOK).says("转账.pdf")

			desk := seller.get("/vendor/refunds/"+id).says("已电话联系", "转账.pdf").saysNot(buyer.Account)
			for _, n := range desk.all("a") {
				if href := attr(n, "href"); strings.Contains(href, "/proofs/") {
					if got := seller.get(href).is(http.StatusOK); !strings.HasPrefix(got.body, "%PDF-1.7") || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") {
						t.Errorf("the proof came as %q", got.header)
					}
				}
			}
			seller.submit(desk, "/vendor/refunds/"+id+"/say", url.Values{"text": {"已退三十元"}, "outcome": {"agreed"}, "back": {"30"}}).is(http.StatusOK)
			both := b.get(path).says("已退三十元")
			b.submit(both, "/refunds/"+id+"/say", url.Values{"text": {"收到"}, "outcome": {"agreed"}, "back": {"30"}}).is(http.StatusOK).
				says(text.In(lang, "refund.state.closed_agreed"))
			stranger := s.Customer(account.Individual)
			other := s.signedIn(t, lang, s.email(t, stranger))
			other.get("/refunds/" + id).is(http.StatusNotFound)
		})
	}
}
