package shop_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit/tab"
	"yunshi/internal/testkit/world"
)

// annex lets the vendor of the world take on the duties of the annex.
func (s *site) annex(t *testing.T) {
	t.Helper()
	s.Write(func(tx *db.Tx) error {
		v, err := vendor.Get(t.Context(), tx, s.Vendor)
		if err != nil {
			return err
		}
		return privacy.AcceptAnnex(t.Context(), tx, s.Seller, v)
	})
}

func private() catalog.Content {
	c := world.Content(delivery.HookNative, 19900)
	both := func(zh, en string) []catalog.Both { return []catalog.Both{{ZH: zh, EN: en}} }
	c.NeedsUserData = true
	c.Privacy = &catalog.PrivacySheet{
		Controller: "Example Software 5 Co., Ltd.", Contact: "dpo@example.com", Kinds: both("手机号码", "mobile number"), Purposes: both("开通服务", "to set up the service"),
		Retention: catalog.Both{ZH: "使用期间", EN: "while in use"}, RightsChannel: "dpo@example.com",
	}
	return c
}

// consentOf is the consent of a customer to the world's vendor.
func (s *site) consentOf(t *testing.T, by audit.Actor) (c *privacy.Consent) {
	t.Helper()
	s.Read(func(r db.Reader) (err error) {
		c, err = privacy.GivenTo(t.Context(), r, account.ID(by.Account), s.Vendor)
		return err
	})
	return c
}

// Clause 6.2: the checkout of a product that collects phone numbers shows controller,
// kinds and purposes. PIPL 23: data beyond delivery has a box of its own for this
// vendor, which nobody has ticked beforehand.
func TestClause_6_2_TheCheckoutShowsTheSheetAndAnUntickedBox(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			offer := s.list(private())
			buyer := s.Customer(account.Individual)
			b := s.signedIn(t, lang, s.email(t, buyer))
			path := "/checkout?plan=" + string(offer.PlanID)
			page := b.get(path).is(http.StatusOK)
			page.says("Example Software 5 Co., Ltd.", "dpo@example.com", text.In(lang, "shop.privacy.kinds"), text.In(lang, "shop.privacy.purposes"))
			if strings.Contains(page.body, `name="share"`) {
				t.Error("a vendor without the annex asks for data")
			}
			s.annex(t)
			page = b.get(path).is(http.StatusOK).says(text.In(lang, "privacy.share.title"), text.In(lang, "privacy.share.text"))
			form := page.form("/checkout")
			if len(form["share"]) != 0 {
				t.Errorf("ticked beforehand: %v", form["share"])
			}
			// Bought without a tick: no consent. With one: a consent with these fields.
			given := url.Values{"account": {buyer.Account}, "accept_terms": {"yes"}}
			b.submit(page, "/checkout", given).is(http.StatusOK)
			if s.consentOf(t, buyer) != nil {
				t.Error("a purchase made a consent")
			}
			page = b.get(path)
			given["share"] = []string{"email", "mobile"}
			b.submit(page, "/checkout", given).is(http.StatusOK)
			c := s.consentOf(t, buyer)
			if c == nil || len(c.Fields) != 2 || c.Method != privacy.AtCheckout || c.Order == "" {
				t.Fatalf("%+v", c)
			}
			data := b.get("/account/privacy").is(http.StatusOK).says(c.Recipient.Name, text.In(lang, "privacy.field.mobile"), text.In(lang, "privacy.page.withdraw"))
			b.submit(data, "/account/privacy/consents/"+string(c.ID)+"/withdraw", nil).is(http.StatusOK).says(text.In(lang, "privacy.consent.state.withdrawn"), text.In(lang, "privacy.request.kind.stop"))
			if s.consentOf(t, buyer) != nil {
				t.Error("the withdrawal changed nothing")
			}
		})
	}
}

// shared is an order whose customer lets the vendor have its contact.
func (s *site) shared(t *testing.T, by audit.Actor) order.Order {
	t.Helper()
	s.annex(t)
	o := s.Bought(by, s.list(private()))
	s.Write(func(tx *db.Tx) error {
		_, err := privacy.Give(t.Context(), tx, by, privacy.Giving{
			Account: account.ID(by.Account), Vendor: s.Vendor, Fields: []privacy.Field{privacy.Email, privacy.Mobile}, Method: privacy.AtCheckout, Order: string(o.ID), Lang: text.ZH,
		})
		return err
	})
	return o
}

// Clause 5.4 and 6.3 on the vendor's page: the relay without a consent, the plain
// contact with one.
func TestClause_6_3_TheOrderPageShowsTheRelayUntilAConsent(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			buyer := s.Customer(account.Individual)
			bare := s.Bought(buyer, s.offer)
			seller := s.signedIn(t, lang, s.email(t, s.Seller))
			email := s.email(t, buyer)
			page := seller.get("/vendor/orders/"+string(bare.ID)).is(http.StatusOK).says(privacy.Relay(s.Vendor, bare.Account, s.DB.Keys()), text.In(lang, "privacy.desk.no_consent"))
			page.saysNot(email)
			reach := "/vendor/orders/" + string(bare.ID) + "/reach"
			refused := seller.post(reach, url.Values{"basis": {"cns_none"}}).is(http.StatusForbidden)
			refused.says(text.In(lang, "fault.DISCLOSURE_NO_BASIS")).saysNot(email)
			o := s.shared(t, buyer)
			shown := seller.post("/vendor/orders/"+string(o.ID)+"/reach", url.Values{"basis": {string(s.consentOf(t, buyer).ID)}}).is(http.StatusOK)
			shown.says(email, text.In(lang, "privacy.desk.plain.text"))
			if shown.header.Get("Cache-Control") != "no-store" {
				t.Error("a plain contact may be stored")
			}
			seller.post("/vendor/orders/"+string(o.ID)+"/relay", url.Values{"text": {"请确认部署时间"}}).is(http.StatusOK).says(text.In(lang, "privacy.desk.sent"))
			seller.post("/vendor/orders/"+string(o.ID)+"/relay", url.Values{"text": {"转到 6225881234567898"}}).is(http.StatusUnprocessableEntity)
			b := s.signedIn(t, lang, email)
			b.get("/account/privacy").says(text.In(lang, "privacy.page.disclosures"), text.In(lang, "privacy.field.email"))
			// The sentence that no rule is kept by everybody.
			seller.get("/vendor/data").is(http.StatusOK).says(text.In(lang, "privacy.no_guarantee"))
			b.get("/rules/privacy").is(http.StatusOK).says(text.In(lang, "privacy.no_guarantee"), text.In(lang, "privacy.purpose.verification"), text.In(lang, "privacy.kind.id_number"))
		})
	}
}

func TestARequestGoesToTheVendorAndComesBack(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			buyer := s.Customer(account.Individual)
			s.Bought(buyer, s.offer)
			b, seller := s.signedIn(t, lang, s.email(t, buyer)), s.signedIn(t, lang, s.email(t, s.Seller))
			page := b.get("/account/privacy").is(http.StatusOK)
			ask := "/account/privacy/requests"
			b.submit(page, ask, url.Values{"kind": {"erase"}, "vendor": {string(s.Vendor)}, "text": {""}}).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.FIELD_REQUIRED"))
			b.submit(page, ask, url.Values{"kind": {"erase"}, "vendor": {string(s.Vendor)}, "text": {"请删除我的手机号码"}}).is(http.StatusOK).says(text.In(lang, "privacy.request.state.forwarded"))
			var q privacy.Request
			s.Read(func(r db.Reader) error {
				all, err := privacy.Requests(t.Context(), r, account.ID(buyer.Account))
				q = all[0]
				return err
			})
			path := "/vendor/data/" + string(q.ID)
			if !seller.get("/vendor").links(path) {
				t.Error("the vendor is not told what is due")
			}
			desk := seller.get(path).is(http.StatusOK).says("请删除我的手机号码").saysNot(buyer.Account)
			seller.submit(desk, path, url.Values{"result": {"refused"}}).is(http.StatusUnprocessableEntity)
			seller.submit(desk, path, url.Values{"result": {"done"}, "answer": {"已于今日删除"}}).is(http.StatusOK)
			b.get("/account/privacy/requests/"+string(q.ID)).is(http.StatusOK).says("已于今日删除", text.In(lang, "privacy.result.done"))
			stranger := s.Customer(account.Individual)
			s.signedIn(t, lang, s.email(t, stranger)).get("/account/privacy/requests/" + string(q.ID)).is(http.StatusNotFound)
		})
	}
}

func TestAPersonTakesTheOwnDataAndCloses(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			buyer := s.Customer(account.Individual)
			s.Bought(buyer, s.offer)
			b := s.signedIn(t, lang, s.email(t, buyer))
			page := b.get("/account/privacy").is(http.StatusOK)
			b.submit(page, "/account/privacy/export", url.Values{"form": {"json"}, "password": {"wrong"}}).is(http.StatusUnprocessableEntity)
			taken := b.submit(page, "/account/privacy/export", url.Values{"form": {"json"}, "password": {world.Password}}).is(http.StatusOK)
			var all privacy.Copy
			if err := json.Unmarshal([]byte(taken.body), &all); err != nil || len(all.Sheets) < 5 || !strings.HasPrefix(taken.header.Get("Content-Disposition"), "attachment") {
				t.Errorf("%v, %q", err, taken.header)
			}
			readable := b.post("/account/privacy/export", url.Values{"form": {"html"}, "password": {world.Password}})
			for _, key := range []string{"own.table.order_order", "own.column.placed_at", "own.table.agreement_acceptance"} {
				if word := text.In(lang, key); !strings.Contains(readable.body, ">"+word+"<") {
					t.Errorf("the readable copy does not say %q", word)
				}
			}
			if all.Sheets[0].Title != text.In(lang, "own.table."+all.Sheets[0].Table) || all.Sheets[0].Labels["id"] != text.In(lang, "own.column.id") {
				t.Errorf("%+v", all.Sheets[0])
			}
			b.submit(page, "/account/privacy/correct", url.Values{"name": {"王五"}, "mobile": {"1"}}).is(http.StatusUnprocessableEntity)
			b.submit(page, "/account/privacy/correct", url.Values{"name": {"王五"}, "mobile": {"13800138001"}}).is(http.StatusOK)
			b.submit(page, "/account/privacy/close", url.Values{"password": {world.Password}}).is(http.StatusUnprocessableEntity)
			closed := b.submit(page, "/account/privacy/close", url.Values{"password": {world.Password}, "sure": {"yes"}}).is(http.StatusOK)
			closed.says(text.In(lang, "privacy.page.closing"))
			b.submit(closed, "/account/privacy/export", url.Values{"form": {"json"}, "password": {world.Password}}).is(http.StatusOK)
			b.submit(closed, "/account/privacy/reopen", nil).is(http.StatusOK)
			// A person is not asked for a bank card (point 18).
			fresh := s.Registered(account.Individual)
			s.signedIn(t, lang, s.email(t, fresh)).get("/account/identity").is(http.StatusOK).says(text.In(lang, "privacy.bank.not_asked")).saysNot(`name="bank_account"`)
		})
	}
}

// token is a session of a person of the world.
func (s *site) token(t *testing.T, by audit.Actor) (token string) {
	t.Helper()
	s.Write(func(tx *db.Tx) error {
		session, err := account.SignIn(t.Context(), tx, account.Credential{User: account.UserID(by.User), Account: account.ID(by.Account)}, account.Device{IP: "192.0.2.1", Method: "password"})
		token = session.Token
		return err
	})
	return token
}

// TestThePrivacyPagesInARealBrowser opens each page about personal data on a phone
// and on a desk in both languages: the customer's, the vendor's and the officers'.
func TestThePrivacyPagesInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	s := open(t)
	buyer := s.Customer(account.Individual)
	o := s.shared(t, buyer)
	second := s.Staff(account.Compliance)
	var request privacy.Request
	var proposed, emergency privacy.Disclosure
	var closing privacy.Closing
	s.Write(func(tx *db.Tx) (err error) {
		if _, err = privacy.Reveal(t.Context(), tx, s.Seller, s.Vendor, o.ID, string(mustConsent(t, tx, buyer, s.Vendor))); err != nil {
			return err
		}
		if request, err = privacy.Ask(t.Context(), tx, buyer, privacy.Asking{Kind: privacy.Delete, Vendor: s.Vendor, Text: "请删除我的手机号码"}); err != nil {
			return err
		}
		in := privacy.Proposal{
			Account: account.ID(buyer.Account), Basis: privacy.ByProvision, Recipient: privacy.Recipient{Kind: privacy.ToAuthority, Name: "深圳市市场监督管理局", Contact: "深圳市福田区"},
			Provision: "ECL 25", Fields: []privacy.Field{privacy.RealName, privacy.Mobile}, Purpose: "依法要求提供", Channel: "paper",
		}
		if proposed, err = privacy.Propose(t.Context(), tx, s.Compliance, in); err != nil {
			return err
		}
		if emergency, err = privacy.Emergency(t.Context(), tx, s.Compliance, in); err != nil {
			return err
		}
		if _, err = privacy.OpenFinding(t.Context(), tx, s.Compliance, privacy.Found{Vendor: s.Vendor, Severity: privacy.Minor, Text: "保存期限写得不清楚"}); err != nil {
			return err
		}
		return nil
	})
	leaver := s.Customer(account.Individual)
	s.Write(func(tx *db.Tx) (err error) {
		closing, err = privacy.Close(t.Context(), tx, leaver)
		return err
	})
	var shown []privacy.Disclosure
	s.Read(func(r db.Reader) (err error) {
		shown, err = privacy.Disclosures(t.Context(), r, account.ID(buyer.Account))
		return err
	})
	walks := []struct {
		by    audit.Actor
		pages map[string]string
	}{
		{buyer, map[string]string{
			"data": "/account/privacy", "disclosure": "/account/privacy/disclosures/" + string(shown[0].ID), "request": "/account/privacy/requests/" + string(request.ID),
			"checkout": "/checkout?plan=" + string(o.Plan), "notice": "/rules/privacy",
		}},
		{leaver, map[string]string{"closing": "/account/privacy"}},
		{s.Seller, map[string]string{"vendor-data": "/vendor/data", "vendor-request": "/vendor/data/" + string(request.ID), "vendor-order": "/vendor/orders/" + string(o.ID)}},
		{second, map[string]string{
			"desk": "/operator/privacy", "form": "/operator/privacy/new", "approve": "/operator/privacy/disclosures/" + string(proposed.ID),
			"review": "/operator/privacy/disclosures/" + string(emergency.ID), "supervise": "/operator/privacy/vendors/" + string(s.Vendor),
			"operator-request": "/operator/privacy/requests/" + string(request.ID), "operator-closing": "/operator/privacy/closings/" + string(closing.ID),
		}},
	}
	bases := make([]string, len(walks))
	for i, w := range walks {
		bases[i] = tab.Serve(t, s.handler, s.token(t, w.by))
	}
	b.Languages(func(lang string) {
		for i, w := range walks {
			for name, path := range w.pages {
				b.Open(bases[i], path, lang)
				b.Look(name, lang)
			}
		}
	})
}

func mustConsent(t *testing.T, tx *db.Tx, by audit.Actor, v vendor.ID) privacy.ConsentID {
	t.Helper()
	c, err := privacy.GivenTo(t.Context(), tx, account.ID(by.Account), v)
	if err != nil || c == nil {
		t.Fatal("no consent", err)
	}
	return c.ID
}

// Two persons at the desk: the one who proposed cannot approve, whatever the roles.
func TestClause_5_4_TwoOfficersAtTheDesk(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			buyer := s.Customer(account.Individual)
			first, second := s.signedIn(t, lang, s.email(t, s.Compliance)), s.signedIn(t, lang, s.email(t, s.Staff(account.Compliance)))
			s.signedIn(t, lang, s.email(t, s.Support)).get("/operator/privacy").is(http.StatusForbidden)
			page := first.get("/operator/privacy/new").is(http.StatusOK)
			fill := url.Values{
				"account": {buyer.Account}, "basis": {"5.4.2"}, "provision": {"because"}, "recipient_kind": {"authority"}, "recipient_name": {"深圳市市场监督管理局"},
				"recipient_contact": {"深圳市福田区"}, "fields": {"real_name", "mobile"}, "purpose": {"依法要求提供"}, "channel": {"paper"},
			}
			first.submit(page, "/operator/privacy/new", fill).is(http.StatusForbidden).says(text.In(lang, "fault.DISCLOSURE_NO_BASIS"))
			fill["provision"] = []string{"ECL 25"}
			made := first.submit(page, "/operator/privacy/new", fill).is(http.StatusOK)
			made.says(text.In(lang, "privacy.disclosure.state.proposed"))
			path := made.path
			approve := path + "/approve"
			first.submit(made, approve, nil).is(http.StatusForbidden).says(text.In(lang, "fault.SECOND_APPROVER_REQUIRED"))
			if !second.get("/operator").links(path) {
				t.Error("the second officer is not told what is due")
			}
			done := second.submit(second.get(path), approve, nil).is(http.StatusOK).says(text.In(lang, "privacy.disclosure.state.made"))
			opened := second.submit(done, path+"/packet", url.Values{"reason": {"送达"}}).is(http.StatusOK)
			opened.says(text.In(lang, "privacy.desk.packet"))
			s.signedIn(t, lang, s.email(t, buyer)).get("/account/privacy").says("深圳市市场监督管理局")
		})
	}
}
