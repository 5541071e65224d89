package shop_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/review"
	"yunshi/internal/testkit/world"
)

// eicar is the test file in two parts, so that scanners leave this source alone.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

func (s *site) completed(t *testing.T, by audit.Actor) order.Order {
	t.Helper()
	o := s.Bought(by, s.offer)
	s.Write(func(tx *db.Tx) error { return order.Complete(t.Context(), tx, audit.Job("test"), o.ID) })
	return s.Order(o.ID)
}

func (s *site) threadOf(t *testing.T, by audit.Actor, o order.Order) (th message.Thread) {
	t.Helper()
	s.Read(func(r db.Reader) (err error) {
		th, err = message.Find(t.Context(), r, message.About{Topic: message.AboutOrder, ID: string(o.ID)}, account.ID(by.Account))
		return err
	})
	return th
}

func TestClause_4_6_ThePageWarnsBeforeASecretIsSent(t *testing.T) {
	const secret = "卡号 4111 1111 1111 1111 密码: hunter22"
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		s := open(t)
		buyer := s.Customer(account.Individual)
		o := s.Bought(buyer, s.offer)
		b, seller := s.signedIn(t, lang, s.email(t, buyer)), s.signedIn(t, lang, s.email(t, s.Seller))
		start := "/conversations/new?order=" + string(o.ID)
		var stopped *answer
		t.Run("refused at first, with the warning "+string(lang), func(t *testing.T) {
			page := b.get(start).is(http.StatusOK).says(text.In(lang, "conversation.warning"))
			form := page.form("/conversations")
			form.Set("text", secret)
			stopped = b.upload("/conversations", form).is(http.StatusUnprocessableEntity)
			stopped.says(text.In(lang, "fault.SENSITIVE_CONTENT_CONFIRM"), text.In(lang, "conversation.confirm"))
		})
		t.Run("allowed once confirmed "+string(lang), func(t *testing.T) {
			form := stopped.form("/conversations")
			form.Set("text", secret)
			form.Set("confirmed", "on")
			b.upload("/conversations", form).is(http.StatusOK).says(text.In(lang, "conversation.sensitive"))
			th := s.threadOf(t, buyer, o)
			if !seller.get("/vendor").links("/vendor/conversations/" + string(th.ID)) {
				t.Error("the vendor is not told")
			}
			seller.get("/vendor/conversations").is(http.StatusOK).says(text.In(lang, "conversation.unread", "Count", "1")).saysNot("4111", "hunter22")
			seller.get("/vendor/conversations/" + string(th.ID)).is(http.StatusOK).says("4111 1111 1111 1111").saysNot(buyer.Account)
			seller.get("/vendor/conversations").saysNot(text.In(lang, "conversation.unread", "Count", "1"))
			s.Read(func(r db.Reader) error {
				all, err := audit.Of(t.Context(), r, string(th.ID))
				for _, a := range all {
					if strings.Contains(string(a.Data), "4111") || strings.Contains(string(a.Data), "hunter") {
						t.Errorf("%s: %s", a.Act, a.Data)
					}
				}
				return err
			})
		})
		t.Run("nobody else reads it "+string(lang), func(t *testing.T) {
			th := s.threadOf(t, buyer, o)
			for path, who := range map[string]audit.Actor{"/conversations/": s.Customer(account.Individual), "/operator/conversations/": s.Compliance} {
				s.signedIn(t, lang, s.email(t, who)).get(path + string(th.ID)).is(http.StatusNotFound)
			}
		})
	}
}

func TestClause_4_11_TheConversationWarnsOfPaymentOutside(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		s := open(t)
		buyer := s.Customer(account.Individual)
		o := s.Bought(buyer, s.offer)
		b, seller, officer := s.signedIn(t, lang, s.email(t, buyer)), s.signedIn(t, lang, s.email(t, s.Seller)), s.signedIn(t, lang, s.email(t, s.Compliance))
		t.Run("allowed, with the notice on both sides, a report and its answer "+string(lang), func(t *testing.T) {
			page := seller.get("/vendor/conversations/new?order=" + string(o.ID)).is(http.StatusOK)
			form := page.form("/vendor/conversations")
			form.Set("text", "我们私下交易，转账给我个人账户，便宜一半")
			seller.upload("/vendor/conversations", form).is(http.StatusOK).says(text.In(lang, "notice.N-52.title"))
			th := s.threadOf(t, buyer, o)
			path := "/conversations/" + string(th.ID)
			talk := b.get(path).is(http.StatusOK).says(text.In(lang, "notice.N-52.title"), text.In(lang, "notice.N-52.body"))
			var post string
			s.Read(func(r db.Reader) error {
				all, err := message.Posts(t.Context(), r, buyer, th.ID)
				post = string(all[0].ID)
				return err
			})
			report := path + "/posts/" + post + "/report"
			given := url.Values{"reason": {"off_platform"}}
			b.submit(talk, report, given).is(http.StatusOK).says(text.In(lang, "content.reported"))
			b.submit(talk, report, given).is(http.StatusOK) // the same form twice is one report
			b.post(report, given).is(http.StatusConflict).says(text.In(lang, "fault.ALREADY_REPORTED"))
			var p content.Report
			s.Read(func(r db.Reader) error {
				all, err := content.Reports(t.Context(), r, 10)
				p = all[0]
				return err
			})
			if !officer.get("/operator").links("/operator/flags/" + string(p.ID)) {
				t.Error("the officer is not told")
			}
			at := "/operator/flags/" + string(p.ID)
			desk := officer.get(at).is(http.StatusOK).says(p.SHA256, text.In(lang, "content.hit.off_platform")).saysNot("便宜一半")
			officer.submit(desk, at+"/look", url.Values{"reason": {""}}).is(http.StatusUnprocessableEntity)
			officer.submit(desk, at+"/look", url.Values{"reason": {"核实举报"}}).is(http.StatusOK).says("便宜一半")
			officer.submit(desk, at+"/answer", url.Values{"do": {"uphold"}, "reason": {"已经警告服务商"}}).is(http.StatusOK).says(text.In(lang, "content.state.upheld"))
			s.signedIn(t, lang, s.email(t, s.Finance)).get(at).is(http.StatusForbidden)
		})
		t.Run("refused in the terms of a product "+string(lang), func(t *testing.T) {
			faults := catalog.Checklist(catalog.Content{Description: catalog.Both{ZH: "对公账户 6222020200112233440 转账", EN: "x"}})
			found := false
			for _, f := range faults {
				found = found || f.Code == "OFF_PLATFORM_PAYMENT" && f.Clause == "UA 4.11"
			}
			if !found {
				t.Errorf("%v", faults)
			}
		})
	}
}

func TestClause_4_7_6_ThePagesRefuseAnInfectedFile(t *testing.T) {
	lang := text.EN
	s := open(t)
	buyer := s.Customer(account.Individual)
	o := s.Bought(buyer, s.offer)
	b, seller := s.signedIn(t, lang, s.email(t, buyer)), s.signedIn(t, lang, s.email(t, s.Seller))
	t.Run("refused as a delivery file, with the reason", func(t *testing.T) {
		a := seller.upload("/vendor/files", nil, file{"file", "tool.zip", eicar}).is(http.StatusUnprocessableEntity)
		a.says("Malicious code was found", "Eicar-Test-Signature")
		seller.get("/vendor/files").is(http.StatusOK).saysNot("tool.zip")
	})
	t.Run("refused in a conversation", func(t *testing.T) {
		form := b.get("/conversations/new?order=" + string(o.ID)).form("/conversations")
		form.Set("text", "see the log")
		b.upload("/conversations", form, file{"file", "log.txt", eicar}).is(http.StatusUnprocessableEntity).says("Malicious code was found")
	})
	t.Run("allowed a clean file, that the other side gets", func(t *testing.T) {
		form := b.get("/conversations/new?order=" + string(o.ID)).form("/conversations")
		form.Set("text", "see the log")
		b.upload("/conversations", form, file{"file", "log.txt", "all is well"}).is(http.StatusOK).says("log.txt")
		th := s.threadOf(t, buyer, o)
		var file string
		s.Read(func(r db.Reader) error {
			all, err := message.Posts(t.Context(), r, buyer, th.ID)
			file = all[0].Files[0].ID
			return err
		})
		if a := seller.get("/vendor/conversations/" + string(th.ID) + "/files/" + file); a.status != http.StatusOK || a.body != "all is well" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%d %q %v", a.status, a.body, a.header)
		}
	})
	t.Run("the operator is told that no scanner is configured, and what is in quarantine", func(t *testing.T) {
		officer := s.signedIn(t, lang, s.email(t, s.Compliance))
		officer.get("/operator").says(text.In(lang, "content.scanner.none"))
		officer.get("/operator/content").is(http.StatusOK).says("Eicar-Test-Signature", text.In(lang, "content.scanner.none"))
	})
}

func TestClause_ECL_39_ReviewsOnThePages(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		s := open(t)
		buyer := s.Customer(account.Individual)
		o := s.completed(t, buyer)
		b, seller, officer := s.signedIn(t, lang, s.email(t, buyer)), s.signedIn(t, lang, s.email(t, s.Seller)), s.signedIn(t, lang, s.email(t, s.Compliance))
		product, mine := "/p/"+s.offer.Product.Slug, "/orders/"+string(o.ID)
		var v review.Review
		t.Run("allowed: written on the order, shown on the product and in lists, answered "+string(lang), func(t *testing.T) {
			form := b.get(mine).is(http.StatusOK)
			b.submit(form, mine+"/review", url.Values{"text": {"稳定好用"}}).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.FIELD_REQUIRED"))
			b.submit(form, mine+"/review", url.Values{"stars": {"4"}, "text": {"稳定好用"}}).is(http.StatusOK).says("稳定好用")
			s.browser(t, lang).get(product).is(http.StatusOK).says("稳定好用", "4.0", text.In(lang, "review.verified")).saysNot(buyer.Account)
			s.browser(t, lang).get("/search").is(http.StatusOK).says("4.0")
			s.Read(func(r db.Reader) (err error) {
				v, err = review.Of(t.Context(), r, o.Product, o.Account)
				return err
			})
			answer := "/vendor/reviews/" + string(v.ID) + "/answer"
			seller.submit(seller.get("/vendor/reviews").is(http.StatusOK).says("稳定好用").saysNot(buyer.Account), answer, url.Values{"text": {"谢谢支持"}}).is(http.StatusOK)
			s.browser(t, lang).get(product).says("谢谢支持")
		})
		t.Run("refused to delete, for every role and the vendor "+string(lang), func(t *testing.T) {
			for path, who := range map[string][]audit.Actor{"/operator/reviews/": {s.Compliance, s.Support, s.Finance, s.Superadmin}, "/vendor/reviews/": {s.Seller}} {
				for _, one := range who {
					r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.url+path+string(v.ID), nil)
					if err != nil {
						t.Fatal(err)
					}
					s.signedIn(t, lang, s.email(t, one)).do(r).is(http.StatusForbidden).says(text.In(lang, "fault.REVIEW_DELETE_FORBIDDEN"), "REVIEW_DELETE_FORBIDDEN")
				}
			}
			s.browser(t, lang).get(product).says("稳定好用")
		})
		t.Run("a blocked review says why, and comes back unchanged "+string(lang), func(t *testing.T) {
			rules := content.Rules{Owners: map[content.Kind]content.Owner{content.Review: review.Owner()}}
			why := content.Why{Clause: "UA 4.7.1", Reason: "披露了个人信息", Case: "cas_1"}
			s.Write(func(tx *db.Tx) error {
				_, err := rules.Block(t.Context(), tx, s.Compliance, content.Review, string(v.ID), why)
				return err
			})
			s.browser(t, lang).get(product).says(text.In(lang, "content.removed", "Reason", why.Reason)).saysNot("稳定好用")
			b.get(mine).says(text.In(lang, "review.blocked"), why.Reason)
			s.Write(func(tx *db.Tx) error {
				_, err := rules.Unblock(t.Context(), tx, s.Compliance, content.Review, string(v.ID), why)
				return err
			})
			s.browser(t, lang).get(product).says("稳定好用")
		})
		t.Run("a listed term waits for the officer, who opens it with a reason "+string(lang), func(t *testing.T) {
			page := b.get(mine)
			b.submit(page, mine+"/review", url.Values{"stars": {"1"}, "text": {"他们代开发票"}}).is(http.StatusOK).says(text.In(lang, "review.held"))
			s.browser(t, lang).get(product).saysNot("代开发票", "稳定好用")
			var i content.Item
			s.Read(func(r db.Reader) (err error) {
				i, err = content.KeptOf(t.Context(), r, content.Review, string(v.ID))
				return err
			})
			at := "/operator/content/" + string(i.ID)
			if !officer.get("/operator").links(at) {
				t.Error("the officer is not told")
			}
			desk := officer.get(at).is(http.StatusOK).saysNot("他们代开发票")
			officer.submit(desk, at+"/open", url.Values{"reason": {""}}).is(http.StatusUnprocessableEntity)
			officer.submit(desk, at+"/open", url.Values{"reason": {"第一次查看"}}).is(http.StatusOK).says("他们代开发票")
			officer.submit(desk, at+"/decide", url.Values{"do": {"block"}, "reason": {"兜售"}}).is(http.StatusUnprocessableEntity)
			officer.submit(desk, at+"/decide", url.Values{"do": {"release"}, "reason": {"是投诉，不是兜售"}}).is(http.StatusOK).says(text.In(lang, "content.state.released"))
			s.browser(t, lang).get(product).says("他们代开发票")
		})
	}
}

func TestSupportAndTheLexicon(t *testing.T) {
	lang := text.EN
	s := open(t)
	customer := s.Customer(account.Individual)
	b, helper, officer := s.signedIn(t, lang, s.email(t, customer)), s.signedIn(t, lang, s.email(t, s.Support)), s.signedIn(t, lang, s.email(t, s.Compliance))
	form := b.get("/conversations/new").is(http.StatusOK).form("/conversations")
	form.Set("subject", "I cannot sign in")
	form.Set("text", "since Monday")
	b.upload("/conversations", form).is(http.StatusOK).says("since Monday", world.Operator)
	var th message.Talk
	s.Read(func(r db.Reader) error {
		all, err := message.Conversations(t.Context(), r, account.ID(customer.Account), "", 5)
		th = all[0]
		return err
	})
	path := "/operator/conversations/" + string(th.ID)
	if !helper.get("/operator").links(path) {
		t.Error("support is not told")
	}
	helper.upload(path, url.Values{"text": {"We have reset it"}}).is(http.StatusOK).says("We have reset it")
	b.get("/messages").is(http.StatusOK).says(text.In(lang, "conversation.unread", "Count", "1"))
	b.get("/conversations/" + string(th.ID)).says("We have reset it")

	lexicon := "/operator/content/lexicon"
	officer.submit(officer.get(lexicon).is(http.StatusOK), lexicon, url.Values{"term": {"frobnicator"}, "act": {"refuse"}, "reason": {"test"}}).is(http.StatusOK).says("frobnicator")
	b.upload("/conversations/"+string(th.ID), url.Values{"text": {"my frobnicator"}}).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.CONTENT_BLOCKED"))
	officer.get("/operator/content").is(http.StatusOK).says(text.In(lang, "content.state.refused"))
	helper.get(lexicon).is(http.StatusForbidden)
}
