package shop_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// banner checks whether the page tells that the rules changed.
func (a *answer) banner(wanted bool) *answer {
	a.t.Helper()
	if said := strings.Contains(a.body, text.In(a.lang, "rule.banner")); said != wanted {
		a.t.Errorf("%s tells of changed rules: %t", a.path, said)
	}
	return a
}

// change is a change of the refund rulebook under way.
type change struct {
	s          *site
	t          *testing.T
	one, other audit.Actor
	draft      agreement.Draft
}

func (s *site) change(t *testing.T) *change {
	t.Helper()
	c := &change{s: s, t: t, one: s.Staff(account.Compliance), other: s.Staff(account.Compliance)}
	s.Write(func(tx *db.Tx) (err error) {
		c.draft, err = agreement.Begin(t.Context(), tx, c.one, "refund", nil, agreement.Both{ZH: "延长期限", EN: "A longer window"})
		if err != nil {
			return err
		}
		c.draft, err = agreement.EditClause(t.Context(), tx, c.one, c.draft.ID, c.draft.Revision, agreement.Clause{
			ID: "refund-2", Title: agreement.Both{ZH: "七日无理由退款", EN: "Seven-day refund without reason"},
			Text: agreement.Both{ZH: "自付款之日起七个自然日内可以申请全额退款。", EN: "A full refund can be requested within seven calendar days."}, Emphasis: agreement.Plain, Kind: agreement.Ordinary,
		}, false)
		return err
	})
	return c
}

func (c *change) consult() {
	c.s.Write(func(tx *db.Tx) (err error) {
		c.draft, err = agreement.Consult(c.t.Context(), tx, c.one, c.draft.ID, c.draft.Revision, tx.Now().AddDate(0, 0, 8))
		return err
	})
}

// publish lets the consultation end and the second person approve.
func (c *change) publish() (v agreement.Version) {
	c.s.Clock.Set(c.draft.ClosesAt)
	c.s.Write(func(tx *db.Tx) (err error) {
		if c.draft, err = agreement.ReadDraft(c.t.Context(), tx, c.draft.ID); err != nil {
			return err
		}
		if c.draft, err = agreement.Propose(c.t.Context(), tx, c.one, c.draft.ID, c.draft.Revision, time.Time{}, agreement.Both{ZH: "采纳两条意见", EN: "Two comments were taken up"}); err != nil {
			return err
		}
		v, err = agreement.Approve(c.t.Context(), tx, c.other, c.draft.ID, c.draft.Revision)
		return err
	})
	return v
}

func TestClause_5_3_FromTheHomePageToTheSwitch(t *testing.T) {
	s := open(t)
	buyer := s.Customer(account.Individual)
	email := s.email(t, buyer)
	c := s.change(t)
	nobody := s.browser(t, text.EN)
	nobody.get("/").saysNot("Open for comments")
	nobody.get("/rules/consultations/" + c.draft.ID).is(http.StatusNotFound) // nobody is asked yet
	c.consult()
	nobody.get("/").is(http.StatusOK).says("Open for comments: Market Refund Rules")
	where := "/rules/consultations/" + c.draft.ID
	nobody.get(where).is(http.StatusOK).says("A longer window", "seven", "Sign in to comment")
	s.browser(t, text.ZH).get("/").says("正在征求意见：云市场退款规则")

	b := s.signedIn(t, text.EN, email)
	page := b.get(where).is(http.StatusOK)
	b.submit(page, where, url.Values{"clause": {"refund-2"}, "body": {""}}).is(http.StatusUnprocessableEntity)
	b.submit(b.get(where), where, url.Values{"clause": {"refund-2"}, "body": {"Seven is fine."}}).is(http.StatusOK).says("Seven is fine.", "Comments and answers (1)")
	v := c.publish()
	nobody.get("/").says("takes effect on").saysNot("Open for comments")
	changes := "/rules/documents/refund/2/changes"
	nobody.get(changes).is(http.StatusOK).says("Published, not yet in force", "Two comments were taken up", "Sign in to refuse")

	// The first page after the switch carries the banner and binds once; before it nothing does.
	b.get("/orders").banner(false)
	s.Clock.Set(v.EffectiveAt)
	b = s.signedIn(t, text.EN, email)
	b.get("/rules").is(http.StatusOK)
	b.get("/orders").is(http.StatusOK).banner(true)
	b.get("/orders").banner(true)
	uses := func() (n int) {
		s.Read(func(r db.Reader) error {
			proofs, err := agreement.Evidence(t.Context(), r, account.ID(buyer.Account))
			for _, p := range proofs {
				if p.Record.Method == agreement.Use {
					n++
					if len(p.Displays) != 1 || p.Displays[0].Channel != agreement.Banner {
						t.Errorf("the banner is not on record: %+v", p.Displays)
					}
				}
			}
			return err
		})
		return n
	}
	if n := uses(); n != 1 {
		t.Errorf("%d implied acceptances", n)
	}
	b.submit(b.get("/orders"), "/agreement", nil).is(http.StatusOK).banner(false)
	if n := uses(); n != 1 {
		t.Errorf("%d implied acceptances after the click", n)
	}
}

func TestClause_5_3_WhoRefusesLooksButDoesNotBuy(t *testing.T) {
	s := open(t)
	buyer := s.Customer(account.Individual)
	email := s.email(t, buyer)
	c := s.change(t)
	c.consult()
	v := c.publish()
	b := s.signedIn(t, text.ZH, email)
	where := "/rules/documents/refund/2/changes"
	b.post(where, url.Values{"answer": {"refuse"}}).is(http.StatusOK).says("您已声明不接受这一版", "按变更前的规则退出")
	s.Clock.Set(v.EffectiveAt)
	b = s.signedIn(t, text.ZH, email)
	b.get("/orders").is(http.StatusOK).banner(false)
	b.post("/checkout", url.Values{"plan": {string(s.offer.PlanID)}, "accept_terms": {"yes"}}).is(http.StatusForbidden)
	b.post(where, url.Values{"answer": {"take_back"}}).is(http.StatusOK).saysNot("您已声明不接受这一版")
	b.get("/orders").banner(true)
}

func TestClause_1_1_EveryVersionIsKeptAndDownloadedWithItsHash(t *testing.T) {
	s := open(t)
	c := s.change(t)
	c.consult()
	v := c.publish()
	s.Clock.Set(v.EffectiveAt)
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		b := s.browser(t, lang)
		b.get("/rules/archive").is(http.StatusOK)
		list := b.get("/rules/documents/refund").is(http.StatusOK)
		for _, href := range []string{"/rules/documents/refund/1", "/rules/documents/refund/2", "/rules/documents/refund/2/changes"} {
			if !list.links(href) {
				t.Errorf("%s: no link to %s", lang, href)
			}
		}
		for _, number := range []string{"1", "2"} {
			page := b.get("/rules/documents/refund/" + number).is(http.StatusOK)
			for _, name := range []string{"refund-" + number + "." + string(lang) + ".txt", "refund-" + number + "." + string(lang) + ".pdf", "refund-" + number + ".json"} {
				file := b.get("/rules/documents/refund/" + number + "/" + name).is(http.StatusOK)
				sum := sha256.Sum256([]byte(file.body))
				if got := hex.EncodeToString(sum[:]); file.header.Get("X-Content-SHA256") != got || !strings.Contains(page.body, got) {
					t.Errorf("%s: the hash on the page is not that of the file", name)
				}
			}
		}
	}
	b := s.browser(t, text.EN)
	b.get("/rules/documents/refund/3").is(http.StatusNotFound)
	b.get("/rules/documents/refund/1/refund-2.json").is(http.StatusNotFound)
	b.get("/rules/documents/none").is(http.StatusNotFound)
	b.get("/rules/clauses/refund/refund-2").is(http.StatusOK).says("Since version 2", "Since version 1")
	b.get("/rules/clauses/refund/none").is(http.StatusNotFound)
	b.get("/rules/search?q=seven+calendar").is(http.StatusOK).says("Seven-day refund")
	b.get("/rules/search?q=zzzz").is(http.StatusOK).says("Nothing found")
	b.get("/rules/search").is(http.StatusOK)
}

func TestClause_9_6_ADisabledClauseIsStruckWithItsReason(t *testing.T) {
	s := open(t)
	officer := s.Staff(account.Compliance)
	s.browser(t, text.EN).get("/rules/agreement").saysNot("Out of force since")
	s.Write(func(tx *db.Tx) error {
		_, err := agreement.Disable(t.Context(), tx, officer, agreement.Disabled{
			Code: agreement.UserAgreement, Clause: "8.4", Audience: agreement.Consumers, Reason: agreement.Both{ZH: "消费者权益保护法第二十六条", EN: "Consumer Law 26"},
		})
		return err
	})
	b := s.browser(t, text.EN)
	a := b.get("/rules/agreement").is(http.StatusOK).says("Out of force since", "consumers", "Consumer Law 26")
	if len(a.all("s")) != 1 {
		t.Errorf("%d clauses are struck", len(a.all("s")))
	}
	s.browser(t, text.ZH).get("/rules/clauses/user-agreement/8.4").is(http.StatusOK).says("停用", "消费者权益保护法第二十六条")
}

func TestClause_9_2_ARefundAcceptsItsRulesAndTheWhole(t *testing.T) {
	s := open(t)
	buyer := s.Registered(account.Individual)
	s.Write(func(tx *db.Tx) error { // bound by use alone
		bundle, err := agreement.Current(t.Context(), tx)
		if err != nil {
			return err
		}
		if err := agreement.Display(t.Context(), tx, buyer, "zh", bundle.Hash); err != nil {
			return err
		}
		_, err = agreement.FirstUse(t.Context(), tx, buyer)
		return err
	})
	s.Verify(buyer)
	o := s.Bought(buyer, s.offer)
	b := s.signedIn(t, text.ZH, s.email(t, buyer))
	where := "/orders/" + string(o.ID) + "/refund"
	page := b.get(where+"?reason=no_reason").is(http.StatusOK).says("提交即表示接受退款规则", "不包含对处理个人信息的同意")
	b.submit(page, where, url.Values{"reason": {"no_reason"}}).is(http.StatusOK)
	s.Read(func(r db.Reader) error {
		proofs, err := agreement.Evidence(t.Context(), r, account.ID(buyer.Account))
		clicks := 0
		for _, p := range proofs {
			if p.Record.Method == agreement.Click && p.Record.Document == "refund" {
				clicks++
			}
			for _, d := range p.Documents {
				if d.Kind == agreement.KindPrivacy {
					t.Error("refused: a consent is in the bundle")
				}
			}
		}
		if clicks != 1 {
			t.Errorf("allowed: %d acceptances of the whole by the refund rules", clicks)
		}
		return err
	})
}

func TestClause_P_1_TheNoticesAreShownAndTheOrdersOwnTermsDecide(t *testing.T) {
	s := open(t)
	buyer := s.Customer(account.Individual)
	o := s.Bought(buyer, s.offer)
	email := s.email(t, buyer)
	for lang, said := range map[text.Lang][]string{
		text.ZH: {"产品种类、内容和服务标准以这份下单时保存的条款为准", "著作权", "商标归其权利人所有"},
		text.EN: {"decide the product, its content and service standard", "©", "Trademarks shown here belong to their owners"},
	} {
		t.Run("shown_"+string(lang), func(t *testing.T) {
			b := s.signedIn(t, lang, email)
			a := b.get("/orders/" + string(o.ID)).is(http.StatusOK)
			for _, one := range said {
				if !strings.Contains(a.body, one) {
					t.Errorf("the order page does not say %q", one)
				}
			}
			terms := "/orders/" + string(o.ID) + "/terms.json"
			if !a.links(terms) {
				t.Error("the order page does not lead to the terms in force at payment")
			}
			sum := sha256.Sum256([]byte(b.get(terms).is(http.StatusOK).body))
			if hex.EncodeToString(sum[:]) != o.Snapshot.SheetSHA256 {
				t.Error("the terms served are not those of the order")
			}
		})
	}
	t.Run("refused_to_others", func(t *testing.T) {
		b := s.signedIn(t, text.EN, s.email(t, s.Customer(account.Individual)))
		b.get("/orders/" + string(o.ID) + "/terms.json").is(http.StatusNotFound)
	})
}
