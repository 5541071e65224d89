package shop_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
)

func TestTheDeskTakesAChangeFromDraftToPublication(t *testing.T) {
	s := open(t)
	buyer := s.Customer(account.Individual)
	one, other := s.Staff(account.Compliance), s.Staff(account.Compliance)
	first, second := s.signedIn(t, text.EN, s.email(t, one)), s.signedIn(t, text.EN, s.email(t, other))

	page := first.get("/operator/rules").is(http.StatusOK)
	first.submit(page, "/operator/rules/drafts", url.Values{"code": {"refund"}}).is(http.StatusUnprocessableEntity)
	page = first.submit(first.get("/operator/rules"), "/operator/rules/drafts", url.Values{"code": {"refund"}, "why_zh": {"延长"}, "why_en": {"A longer window"}}).is(http.StatusOK)
	where, _, _ := strings.Cut(page.path, "?")
	if !strings.HasPrefix(where, "/operator/rules/drafts/drf_") {
		t.Fatalf("led to %s", where)
	}
	edit := first.get(where + "?clause=refund-2").is(http.StatusOK)
	page = first.submit(edit, where+"/clause", url.Values{"clause": {"refund-2"}, "clause_title_zh": {"五日无理由退款"}, "clause_title_en": {"Five-day refund without reason"}, "emphasis": {"none"}, "kind": {"none"}, "clause_text_en": {"Seven days."}, "clause_text_zh": {"七天。"}, "do": {"save"}}).is(http.StatusOK).says("Seven days.")
	first.submit(edit, where+"/clause", url.Values{"clause": {"refund-2"}, "clause_title_zh": {"五日无理由退款"}, "clause_title_en": {"Five-day refund without reason"}, "emphasis": {"none"}, "kind": {"none"}, "clause_text_en": {"Nine."}, "clause_text_zh": {"九天。"}, "do": {"save"}}).is(http.StatusConflict) // another revision by now
	first.submit(page, where+"/consult", url.Values{"closes": {s.Clock.Now().AddDate(0, 0, 2).Format(time.DateOnly)}}).is(http.StatusUnprocessableEntity)
	closes := s.Clock.Now().AddDate(0, 0, 9)
	first.submit(first.get(where), where+"/consult", url.Values{"closes": {closes.Format(time.DateOnly)}}).is(http.StatusOK).says("Open for comments")
	id := strings.TrimPrefix(where, "/operator/rules/drafts/")
	s.Write(func(tx *db.Tx) error {
		_, err := agreement.Say(t.Context(), tx, buyer, id, "refund-2", "Good.", nil)
		return err
	})
	first.submit(first.get(where), where+"/answer", url.Values{"answer": {"Thank you."}}).is(http.StatusOK).says("Thank you.")
	s.Clock.Set(closes.AddDate(0, 0, 1))
	first, second = s.signedIn(t, text.EN, s.email(t, one)), s.signedIn(t, text.EN, s.email(t, other))
	first.submit(first.get(where), where+"/propose", url.Values{"outcome_zh": {"采纳"}, "outcome_en": {"Taken up"}}).is(http.StatusOK).says("another officer has to approve")
	if revision := regexp.MustCompile(`name="revision" value="(\d+)"`).FindStringSubmatch(first.get(where).body); revision != nil {
		first.post(where+"/decide", url.Values{"revision": {revision[1]}, "do": {"approve"}}).is(http.StatusForbidden)
	} else {
		t.Error("no revision on the page")
	}
	second.get("/operator").says("Market Refund Rules, version 2")
	second.submit(second.get(where), where+"/decide", url.Values{"do": {"approve"}}).is(http.StatusOK).says("Published")
	second.get("/rules/documents/refund/2/changes").is(http.StatusOK).says("Seven", "Taken up")

	// A clause out of force, and back.
	clauses := "/operator/rules/clauses"
	first.submit(first.get(clauses), clauses, url.Values{"code": {"user-agreement"}, "clause": {"8.44"}, "reason_zh": {"无效"}, "reason_en": {"void"}}).is(http.StatusUnprocessableEntity)
	page = first.submit(first.get(clauses), clauses, url.Values{"code": {"user-agreement"}, "clause": {"8.4"}, "audience": {"consumer"}, "reason_zh": {"无效"}, "reason_en": {"void"}}).is(http.StatusOK).says("Out of force")
	enable := regexp.MustCompile(`/operator/rules/clauses/dis_\w+/enable`).FindString(page.body)
	second.submit(second.get(clauses), enable, url.Values{"reason": {"decided otherwise"}}).is(http.StatusOK).says("In force again")

	// A paper with a second person, and a mail.
	where = "/operator/rules/acceptances"
	fields := url.Values{"account": {buyer.Account}, "signed_on": {s.Clock.Now().AddDate(0, 0, -1).Format(time.DateOnly)}}
	first.upload("/operator/rules/papers", fields, file{"scan", "signed.html", "<html>"}).is(http.StatusUnprocessableEntity)
	page = first.upload("/operator/rules/papers", fields, file{"scan", "signed.pdf", "%PDF-1.7 signed"}).is(http.StatusOK).says("another officer has to confirm")
	paper := regexp.MustCompile(`/operator/rules/papers/ppr_\w+`).FindString(page.body)
	first.post(paper, url.Values{"do": {"confirm"}}).is(http.StatusForbidden)
	second.post(paper+"/open", url.Values{"reason": {""}}).is(http.StatusUnprocessableEntity)
	if got := second.post(paper+"/open", url.Values{"reason": {"to confirm it"}}).is(http.StatusOK); got.body != "%PDF-1.7 signed" {
		t.Errorf("the scan reads %q", got.body)
	}
	second.post(paper, url.Values{"do": {"confirm"}}).is(http.StatusOK).says("Confirmed")
	first.post("/operator/rules/challenges", url.Values{"account": {"acc_none"}}).is(http.StatusUnprocessableEntity)
	first.post("/operator/rules/challenges", url.Values{"account": {buyer.Account}}).is(http.StatusOK)
	first.post("/operator/rules/replies", url.Values{"reply": {"no mail"}}).is(http.StatusUnprocessableEntity)
	var c agreement.Challenge
	s.Read(func(r db.Reader) error {
		all, err := agreement.Challenges(t.Context(), r, 1)
		c = all[0]
		return err
	})
	first.post("/operator/rules/replies", url.Values{"reply": {"From: " + s.email(t, buyer) + "\r\nSubject: Re: [" + c.Code + "]\r\n\r\nYes."}}).is(http.StatusOK).says("Accepted by a reply")

	// Others of the operator look and do not act.
	support := s.signedIn(t, text.EN, s.email(t, s.Staff(account.Support)))
	support.get("/operator/rules").is(http.StatusOK).saysNot("Draft a change")
	support.get(clauses).is(http.StatusOK).saysNot("Take a clause out of force")
	support.get(where).is(http.StatusForbidden)
	support.post(clauses, url.Values{"code": {"user-agreement"}, "clause": {"8.4"}}).is(http.StatusForbidden)
	s.signedIn(t, text.EN, s.email(t, buyer)).get("/operator/rules").is(http.StatusForbidden)
}

func TestClause_9_1_TheLinkInAMailShowsTheWholeTextAndItsButtonAccepts(t *testing.T) {
	s := open(t)
	buyer := s.Registered(account.Individual)
	sent := &mail.Recorder{}
	s.With(agreement.Work{Sender: sent, BaseURL: s.url}.Handlers())
	s.Write(func(tx *db.Tx) error {
		_, err := agreement.AskByMail(t.Context(), tx, s.Compliance, account.ID(buyer.Account))
		return err
	})
	s.Drain()
	link := ""
	for _, m := range sent.To(s.email(t, buyer)) {
		if found := regexp.MustCompile(`/agreement/mail/\S+`).FindString(m.Text); found != "" {
			link = found
		}
	}
	standing := func() (got agreement.Standing) {
		s.Read(func(r db.Reader) (err error) {
			got, _, err = agreement.Status(t.Context(), r, account.ID(buyer.Account))
			return err
		})
		return got
	}
	b := s.browser(t, text.EN) // nobody is signed in
	page := b.get(link).is(http.StatusOK).says("Opening this page accepts nothing")
	if standing() != agreement.None {
		t.Error("refused_looking: the page alone accepts")
	}
	b.get(link[:len(link)-1] + "0x").is(http.StatusNotFound)
	b.submit(page, link, nil).is(http.StatusOK).says("Your acceptance is on record")
	if standing() != agreement.Accepted {
		t.Errorf("allowed_button: %s", standing())
	}
}
