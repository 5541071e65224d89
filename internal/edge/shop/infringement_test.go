package shop_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/infringement"
	"yunshi/internal/testkit/tab"
)

// letters are the mails of every site of this file.
type letters struct{ mail.Recorder }

// notices are the rules of notices before a site, with their jobs.
func notices(s *site) infringement.Rules {
	rules := infringement.Rules{Blockers: map[string]infringement.Blocker{infringement.Product: infringement.Products()}}
	s.letters = &letters{}
	s.With(infringement.Work{Rules: rules, Sender: s.letters, BaseURL: "http://shop.example"}.Handlers())
	return rules
}

// mailed is the path at the end of the newest mail.
func (s *site) mailed(t *testing.T) string {
	t.Helper()
	all := s.letters.Messages()
	if len(all) == 0 {
		t.Fatal("no mail")
	}
	_, path, ok := strings.Cut(all[len(all)-1].Text, "http://shop.example")
	if !ok {
		t.Fatalf("no link in %q", all[len(all)-1].Text)
	}
	return path
}

// given is a notice about the site's product.
func (s *site) given(lang text.Lang) url.Values {
	words := map[text.Lang][]string{
		text.ZH: {"山海科技有限公司", "李华", "产品名称使用了我公司的注册商标。", "商标注册证第1234567号", "产品名称与注册商标相同。", "第1234567号商标"},
		text.EN: {"Shanhai Ltd", "Li Hua", "The name of the listing is our mark.", "Registration certificate no. 1234567", "The name is a registered mark.", "Mark no. 1234567"},
	}[lang]
	return url.Values{
		"right": {"trademark"}, "holder_kind": {"organisation"}, "holder": {words[0]}, "name": {words[1]}, "email": {"li@example.com"}, "phone": {"010-12345678"},
		"statement": {words[2]}, "proof": {words[3]}, "summary": {words[4]}, "right_name": {words[5]}, "truthful": {"yes"},
	}
}

func TestANoticeWithoutAnAccountFromTheProductToTheRegister(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			nobody := s.browser(t, lang)
			form := "/infringement/new?kind=product&object=" + string(s.offer.Product.ID)
			if !nobody.get("/p/" + s.offer.Product.Slug).links("/infringement/new?kind=product") {
				t.Error("the product does not lead to the form")
			}
			nobody.get("/infringement").is(http.StatusOK).says(text.In(lang, "infringement.register.empty"))
			page := nobody.get(form).is(http.StatusOK).says(text.In(lang, "infringement.by_person"))
			// A summary for the register that names a person comes back.
			bad := s.given(lang)
			bad.Set("summary", "电话13812345678")
			nobody.submit(page, "/infringement/new", bad).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.SUMMARY_PERSONAL"))
			// Without proof it is taken, and returned after the address was confirmed.
			short := s.given(lang)
			short.Set("proof", "")
			nobody.submit(page, "/infringement/new", short).is(http.StatusOK).says(text.In(lang, "infringement.sent.text"))
			s.Drain()
			confirm := s.mailed(t)
			back := nobody.submit(nobody.get(confirm).is(http.StatusOK), confirm, nil).is(http.StatusOK)
			back.says(text.In(lang, "infringement.incomplete"), text.In(lang, "infringement.field.proof"))
			path, _, _ := strings.Cut(back.path, "?")
			done := nobody.submit(back, path+"/complete", url.Values{"proof": s.given(lang)["proof"]}).is(http.StatusOK)
			done.says(text.In(lang, "infringement.state.received"))
			nobody.get(path[:len(path)-3] + "zzz").is(http.StatusNotFound)

			officer := s.signedIn(t, lang, s.email(t, s.Compliance))
			id := string(s.newest(t).ID)
			if !officer.get("/operator").links("/operator/infringements/" + id) {
				t.Error("the officer is not told")
			}
			desk := "/operator/infringements/" + id
			officer.submit(officer.get(desk), desk, url.Values{"do": {"accept"}, "why": {""}}).is(http.StatusUnprocessableEntity)
			officer.submit(officer.get(desk), desk, url.Values{"do": {"accept"}, "why": {"ok"}}).is(http.StatusOK).says(text.In(lang, "infringement.state.measure_taken"))
			nobody.get("/p/" + s.offer.Product.Slug).saysNot(`href="/checkout`)
			nobody.get("/infringement/"+id).is(http.StatusOK).says(text.In(lang, "infringement.event.measure_taken_and_forwarded"), s.given(lang).Get("summary"), s.given(lang).Get("holder")).
				saysNot("li@example.com", s.given(lang).Get("name"), "010-12345678", s.given(lang).Get("statement"))

			seller := s.signedIn(t, lang, s.email(t, s.Seller))
			answer := "/vendor/infringements/" + id
			if !seller.get("/vendor/infringements").links(answer) {
				t.Error("the vendor is not led to the notice")
			}
			copied := seller.get(answer).is(http.StatusOK).says(s.given(lang).Get("statement"), text.In(lang, "infringement.answer.text"))
			seller.submit(copied, answer+"/answer", url.Values{"name": {"x"}}).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.COUNTER_INCOMPLETE"))
			counter := url.Values{
				"name": s.given(lang)["holder"], "contact": {"vendor@example.com"}, "statement": s.given(lang)["statement"], "proof": s.given(lang)["proof"],
				"summary": s.given(lang)["summary"], "truthful": {"yes"},
			}
			seller.submit(copied, answer+"/answer", counter).is(http.StatusOK).says(text.In(lang, "infringement.state.counter_forwarded"))
			s.Drain()
			nobody.get(path).says(text.In(lang, "infringement.state.waiting_15d"), text.In(lang, "infringement.filed.text"), "vendor@example.com")
			nobody.submit(nobody.get(path), path+"/filed", url.Values{"where": {"IP Court 1"}}).is(http.StatusOK).says(text.In(lang, "infringement.state.kept"))
			nobody.get("/infringement").says(text.In(lang, "infringement.state.kept"))
			officer.submit(officer.get(desk), desk, url.Values{"do": {"lift"}, "why": {"ok"}}).is(http.StatusOK)
			officer.submit(officer.get(desk), desk, url.Values{"do": {"flag"}, "why": {"ok"}}).is(http.StatusOK)
			nobody.get("/infringement/"+id).says(text.In(lang, "infringement.malicious"), text.In(lang, "infringement.malicious.text"))
		})
	}
}

// newest is the newest notice of the site.
func (s *site) newest(t *testing.T) (n infringement.Notice) {
	t.Helper()
	s.Write(func(tx *db.Tx) error {
		all, err := infringement.All(t.Context(), tx, "", 1)
		if err == nil && len(all) == 1 {
			n = all[0]
		}
		return err
	})
	return n
}

// TestTheNoticePagesInARealBrowser opens the pages of notices, bans and the security
// contact on a phone and on a desk in both languages. YUNSHI_SHOTS is a directory
// for pictures.
func TestTheNoticePagesInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	s := open(t)
	reporter := s.Customer(account.LegalPerson)
	give := func(by string, change func(form url.Values)) infringement.Notice {
		s.Clock.Advance(time.Second) // so that the newest has the last id
		form := s.given(text.ZH)
		change(form)
		person := s.signedIn(t, text.ZH, by)
		person.submit(person.get("/infringement/new?kind=product&object="+string(s.offer.Product.ID)), "/infringement/new", form).is(http.StatusOK)
		return s.newest(t)
	}
	officer, seller := s.signedIn(t, text.ZH, s.email(t, s.Compliance)), s.signedIn(t, text.ZH, s.email(t, s.Seller))
	first := give(s.email(t, reporter), func(url.Values) {})
	desk := "/operator/infringements/" + string(first.ID)
	officer.submit(officer.get(desk), desk, url.Values{"do": {"accept"}, "why": {"商标有效"}}).is(http.StatusOK)
	answer := "/vendor/infringements/" + string(first.ID)
	counter := url.Values{"name": {"示例软件"}, "contact": {"vendor@example.com"}, "statement": {"我公司已取得该商标的使用许可。"}, "proof": {"2025年5月3日签订的许可合同"}, "summary": {"经许可使用。"}, "truthful": {"yes"}}
	seller.submit(seller.get(answer), answer+"/answer", counter).is(http.StatusOK)
	second := give(s.email(t, reporter), func(form url.Values) { form.Set("proof", ""); form.Set("right", "copyright") })
	third := give(s.email(t, reporter), func(form url.Values) { form.Set("right", "patent") })
	desk3 := "/operator/infringements/" + string(third.ID)
	officer.submit(officer.get(desk3), desk3, url.Values{"do": {"accept"}, "why": {"专利有效"}}).is(http.StatusOK)
	fourth := give(s.email(t, reporter), func(form url.Values) { form.Set("right", "other") })

	for _, who := range []struct {
		token string
		pages map[string]string
	}{
		{"", map[string]string{"register": "/infringement", "entry": "/infringement/" + string(first.ID), "form": "/infringement/new", "sent": "/infringement/sent", "security": "/security"}},
		{s.token(t, reporter), map[string]string{
			"progress": "/infringement/progress/" + string(first.ID), "incomplete": "/infringement/progress/" + string(second.ID), "mine": "/infringement/mine",
		}},
		{s.token(t, s.Seller), map[string]string{"vendor-list": "/vendor/infringements", "vendor-answer": "/vendor/infringements/" + string(third.ID), "vendor-answered": answer}},
		{s.token(t, s.Compliance), map[string]string{"desk": "/operator/infringements", "desk-received": "/operator/infringements/" + string(fourth.ID), "desk-waiting": desk, "bans": "/operator/bans"}},
	} {
		front := tab.Serve(t, s.handler, who.token)
		b.Languages(func(lang string) {
			for name, path := range who.pages {
				b.Open(front, path, lang)
				b.Look(name, lang)
			}
		})
	}
}
