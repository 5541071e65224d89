package vendordesk_test

import (
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/edge/operatordesk"
	"yunshi/internal/edge/serve"
	"yunshi/internal/edge/shop"
	"yunshi/internal/edge/vendordesk"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/tab"
	"yunshi/internal/testkit/world"
)

// enforcing is a market with all its pages, an officer, a second one and a third,
// a vendor and a customer.
type enforcing struct {
	*world.Trade
	m                     *market
	first, second, third  *browser
	seller, buyer, nobody *browser
	customer              audit.Actor
}

func enforce(t *testing.T, d *db.DB, clock *testkit.Clock) *enforcing {
	t.Helper()
	w := trade(t, d, clock)
	rules := enforcement.Rules{Content: map[string]enforcement.Blocker{enforcement.Product: enforcement.Products()}, BreachDecided: w.Refund.BreachDecided}
	w.With(enforcement.Work{Rules: rules}.Handlers())
	m := w.m
	m.Enforcing, m.Refund = rules, w.Refund
	m.routes = append(append(vendordesk.Routes(m.Market), shop.Routes(m.Market)...), operatordesk.Routes(m.Market, func(io.Reader) ([]payment.StatementLine, error) { return nil, nil })...)
	var err error
	if m.handler, err = serve.New(m.Market, serve.Surface{Routes: m.routes, MaxBody: vendordesk.MaxUpload}); err != nil {
		t.Fatal(err)
	}
	e := &enforcing{Trade: w.Trade, m: m, seller: m.person(w.Seller), customer: w.Customer(account.Individual), nobody: &browser{m: m}}
	e.first, e.second, e.third = m.person(w.Compliance), m.person(w.Staff(account.Compliance)), m.person(w.Staff(account.Compliance))
	e.buyer = m.person(e.customer)
	return e
}

var caseID = regexp.MustCompile(`enf_[0-9a-z]+`)

// opened is a case that an officer opened by the form.
func (e *enforcing) opened(of audit.Actor, violation string, more url.Values) string {
	e.m.t.Helper()
	form := url.Values{
		"subject": {of.Account}, "source": {"self_found"}, "violation": {violation}, "facts": {"页面称“全国第一”，没有依据。"}, "title": {"页面截取"}, "url": {"https://market.example/p/x"},
		"evidence": {"<h1>全国第一</h1>"},
	}
	for name, values := range more {
		form[name] = values
	}
	id := caseID.FindString(e.first.must("/operator/cases/new", form))
	if id == "" {
		e.m.t.Fatal("no case")
	}
	return id
}

// version is the version of a case that its page shows.
func (e *enforcing) version(id string) string {
	e.m.t.Helper()
	v := int64(0)
	e.Read(func(r db.Reader) error {
		f, err := enforcement.Get(e.m.t.Context(), r, e.Compliance, enforcement.ID(id))
		v = f.Version
		return err
	})
	return strconv.FormatInt(v, 10)
}

func (e *enforcing) measure(id string, k enforcement.Kind) string {
	e.m.t.Helper()
	found := ""
	e.Read(func(r db.Reader) error {
		all, err := enforcement.MeasuresOf(e.m.t.Context(), r, enforcement.ID(id))
		for _, m := range all {
			if m.Kind == k {
				found = string(m.ID)
			}
		}
		return err
	})
	return found
}

func (e *enforcing) post(who *browser, path, id string, form url.Values) answer {
	e.m.t.Helper()
	form.Set("version", e.version(id))
	a := who.post(path, form)
	e.Drain()
	return a
}

func TestClause_8_2_TheDesksDecideServeAndHearTheAppeal(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		e := enforce(t, d, clock)
		offer := e.Listed(world.Content(delivery.LicenceKey, price))
		slug := "/p/" + e.product(offer.Product.ID).Slug
		id := e.opened(e.Seller, "RB enforcement-8", url.Values{"content": {string(offer.Product.ID)}, "kind": {"product"}})
		page := "/operator/cases/" + id
		e.first.says("/operator/cases", "待决定", id)
		e.first.says(page, "运营方自行发现", "全国第一", "店铺展示", "RB enforcement-8")
		t.Run("refused without reasons", func(t *testing.T) {
			if a := e.post(e.first, page+"/decide", id, url.Values{"clauses": {"RB enforcement-8"}, "measure": {"8.2.3"}, "functions": {"shop"}, "restrict_days": {"15"}}); a.status != 422 {
				t.Errorf("%d %s", a.status, said(a.body))
			}
		})
		t.Run("refused a clause that binds nobody", func(t *testing.T) {
			if a := e.post(e.first, page+"/decide", id, url.Values{"clauses": {"UA 4.12"}, "reasons": {"r"}, "measure": {"8.2.3"}, "functions": {"shop"}}); a.status != 409 {
				t.Errorf("%d %s", a.status, said(a.body))
			}
		})
		t.Run("allowed an order and a restriction together", func(t *testing.T) {
			a := e.post(e.first, page+"/decide", id, url.Values{
				"clauses": {"RB enforcement-8"}, "reasons": {"页面与证据一致，没有来源。"}, "measure": {"8.2.1", "8.2.3"}, "kind": {"product"}, "content": {string(offer.Product.ID)},
				"demand": {"删除“全国第一”。"}, "rectify_days": {"3"}, "functions": {"shop", "publish"}, "restrict_days": {"15"},
			})
			if a.status != 303 {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			e.seller.says("/vendor/measures", "虚假交易和虚假宣传", "执行中")
			e.seller.says("/vendor/measures/"+id, "全国第一", "责令更正", "删除“全国第一”", "店铺展示", "提交申诉", "工作人员")
			e.nobody.says("/sanctions", "正在执行", "enforcement-8", "店铺展示")
			if a := e.buyer.get("/account/measures/" + id); a.status != 404 {
				t.Errorf("a stranger sees it: %d", a.status)
			}
		})
		t.Run("allowed to lift one and leave the other", func(t *testing.T) {
			if a := e.post(e.first, page+"/measures/"+e.measure(id, enforcement.Restrict), id, url.Values{"do": {"lift"}, "why": {"已整改。"}}); a.status != 303 {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			e.seller.says("/vendor/measures/"+id, "已解除", "执行中")
			e.nobody.says("/sanctions", "目前没有对服务商的处理", "已经终止")
			if a := e.post(e.seller, "/vendor/measures/"+id+"/answer/"+e.measure(id, enforcement.Rectify), id, url.Values{"reply": {"已删除。"}}); a.status != 303 {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			e.first.says("/operator/cases", "对方称已更正")
		})
		t.Run("allowed an appeal, to somebody else", func(t *testing.T) {
			if a := e.post(e.seller, "/vendor/measures/"+id+"/appeal", id, url.Values{"text": {"有第三方排名。"}}); a.status != 303 {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			e.second.says(page, "有第三方排名。", "处理申诉")
			form := url.Values{"outcome": {"revoked"}, "reasons": {"排名属实。"}}
			if a := e.post(e.first, page+"/appeal", id, form); a.status != 403 {
				t.Errorf("who decided decides the appeal: %d %s", a.status, said(a.body))
			}
			if a := e.post(e.second, page+"/appeal", id, form); a.status != 303 {
				t.Errorf("%d %s", a.status, said(a.body))
			}
			e.seller.says("/vendor/measures/"+id, "撤销", "排名属实。")
			if a := e.nobody.get("/sanctions"); strings.Contains(a.body, "enforcement-8") {
				t.Error("what was revoked is still on the board")
			}
		})
		t.Run("allowed a block: a tombstone to others, the reason to the owner", func(t *testing.T) {
			blocked := e.opened(e.Seller, "UA 4.7.1", url.Values{"content": {string(offer.Product.ID)}, "kind": {"product"}, "reference": {"cmp_2"}})
			page := "/operator/cases/" + blocked
			if a := e.post(e.first, page+"/decide", blocked, url.Values{"clauses": {"UA 4.7.1"}, "reasons": {"r"}, "measure": {"8.2.2"}, "kind": {"product"}, "content": {string(offer.Product.ID)}}); a.status != 303 {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			if a := e.buyer.get(slug); a.status != 451 || strings.Contains(a.body, "UA 4.7.1") || strings.Contains(a.body, blocked) {
				t.Errorf("to others: %d", a.status)
			}
			if a := e.seller.get(slug); a.status != 451 || !strings.Contains(a.body, blocked) || !strings.Contains(a.body, "4.7.1") {
				t.Errorf("to its owner: %d", a.status)
			}
			if a := e.post(e.first, page+"/measures/"+e.measure(blocked, enforcement.Block), blocked, url.Values{"do": {"lift"}, "why": {"已更正。"}}); a.status != 303 {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			if a := e.buyer.get(slug); a.status != 200 {
				t.Errorf("after the block: %d", a.status)
			}
		})
	})
}

func TestClause_P_4_TheVendorPageOpensACaseAndTakesNoMeasure(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		e := enforce(t, d, clock)
		page := "/operator/vendors/" + string(e.Vendor)
		state := func() (v vendor.Vendor) {
			e.Read(func(r db.Reader) (err error) { v, err = vendor.Get(t.Context(), r, e.Vendor); return err })
			return v
		}
		t.Run("refused with the clause", func(t *testing.T) {
			for _, to := range []vendor.State{vendor.PublishLimited, vendor.ShopHidden, vendor.Suspended, vendor.Expelled} {
				a := e.first.post(page+"/state", url.Values{"state": {string(to)}, "reason": {"售假。"}, "idempotency_key": {"p4-" + string(to)}})
				if a.status != 422 || !strings.Contains(a.body, "#cp-4") || state().State != vendor.Onboarded {
					t.Errorf("%s: %d %s", to, a.status, said(a.body))
				}
			}
			if a := e.first.get(page); strings.Contains(a.body, `value="suspended"`) || !strings.Contains(a.body, "/operator/cases/new?subject="+e.Seller.Account) {
				t.Error("the page offers a measure, or no case")
			}
			if a := e.buyer.post(page+"/state", url.Values{"ground": {"dossier"}, "reason": {"x"}}); a.status != 403 {
				t.Errorf("a stranger: %d", a.status)
			}
		})
		t.Run("allowed by a case with its clause", func(t *testing.T) {
			e.first.says("/operator/cases/new?subject="+e.Seller.Account, e.Seller.Account)
			id := e.opened(e.Seller, "RB enforcement-8", nil)
			if a := e.post(e.first, "/operator/cases/"+id+"/decide", id, url.Values{
				"clauses": {"RB enforcement-8"}, "reasons": {"与证据一致。"}, "measure": {"8.2.3"}, "functions": {"sell"}, "restrict_days": {"15"},
			}); a.status != 303 {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			if state().State != vendor.Suspended {
				t.Errorf("the vendor is %s", state().State)
			}
			e.first.says(page, id, "虚假交易和虚假宣传")
			e.seller.says("/vendor/measures/"+id, "提交申诉")
			if a := e.first.post(page+"/state", url.Values{"state": {"onboarded"}, "reason": {"改好了。"}, "idempotency_key": {"p4-back"}}); a.status != 422 || state().State != vendor.Suspended {
				t.Errorf("given back beside the case: %d", a.status)
			}
			if a := e.post(e.first, "/operator/cases/"+id+"/measures/"+e.measure(id, enforcement.Restrict), id, url.Values{"do": {"lift"}, "why": {"已整改。"}}); a.status != 303 || state().State != vendor.Onboarded {
				t.Errorf("%d %s, the vendor is %s", a.status, said(a.body), state().State)
			}
		})
		t.Run("allowed to rest for what onboarding misses", func(t *testing.T) {
			if a := e.first.post(page+"/state", url.Values{"do": {"rest"}, "ground": {"dossier"}, "reason": {"营业执照已过期，请上传新照。"}, "idempotency_key": {"rest"}}); a.status != 303 || state().DossierOK || state().State != vendor.Onboarded {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			e.first.says(page, "销售暂停", "请上传新照")
			e.seller.says("/vendor/profile", "销售暂停", "请上传新照")
			if a := e.first.post(page+"/state", url.Values{"do": {"resume"}, "ground": {"dossier"}, "reason": {"已补齐。"}, "idempotency_key": {"resume"}}); a.status != 303 || !state().DossierOK {
				t.Errorf("%d %s", a.status, said(a.body))
			}
		})
	})
}

func TestClause_P_4_TheProductPageOpensACaseAndDelistsForABreachByOne(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		e := enforce(t, d, clock)
		offer := e.Listed(world.Content(delivery.LicenceKey, price))
		page := "/operator/products/" + string(offer.Product.ID)
		state := func() (p catalog.Product) {
			e.Read(func(r db.Reader) (err error) { p, err = catalog.Get(t.Context(), r, offer.Product.ID); return err })
			return p
		}
		delist := func(on string) answer {
			return e.first.post(page+"/delist", url.Values{
				"cause": {"vendor_breach"}, "case": {on}, "scope": {"no_new_sales"}, "reason": {"与案件决定一致。"}, "confirmed": {"yes"}, "idempotency_key": {"p4-" + on},
			})
		}
		undecided := e.opened(e.Seller, "UA 4.7.5", nil)
		another := e.opened(e.customer, "UA 4.11", nil)
		if a := e.post(e.first, "/operator/cases/"+another+"/decide", another, url.Values{
			"clauses": {"UA 4.11"}, "reasons": {"与证据一致。"}, "measure": {"8.2.3"}, "functions": {"api"}, "restrict_days": {"30"},
		}); a.status != 303 {
			t.Fatalf("%d %s", a.status, said(a.body))
		}
		t.Run("refused with the clause", func(t *testing.T) {
			for _, on := range []string{"", "enf_nobodys", undecided, another} {
				if a := delist(on); a.status != 422 || !strings.Contains(a.body, "#cp-4") || state().State != catalog.ProductListed {
					t.Errorf("on %q: %d %s", on, a.status, said(a.body))
				}
			}
			if a := e.first.post(page+"/hide", url.Values{"reason": {"等待补充资质"}}); a.status != 404 || state().State != catalog.ProductListed {
				t.Errorf("hidden from its page: %d", a.status)
			}
			e.first.says(page, "/operator/cases/new?subject="+e.Seller.Account+"&amp;kind=product&amp;content="+string(offer.Product.ID))
		})
		t.Run("allowed by a case of its vendor", func(t *testing.T) {
			e.first.says("/operator/cases/new?subject="+e.Seller.Account+"&kind=product&content="+string(offer.Product.ID), string(offer.Product.ID))
			id := e.opened(e.Seller, "UA 4.7.1", url.Values{"kind": {"product"}, "content": {string(offer.Product.ID)}})
			if a := e.post(e.first, "/operator/cases/"+id+"/decide", id, url.Values{
				"clauses": {"UA 4.7.1"}, "reasons": {"与证据一致。"}, "measure": {"8.2.2"}, "kind": {"product"}, "content": {string(offer.Product.ID)},
			}); a.status != 303 {
				t.Fatalf("%d %s", a.status, said(a.body))
			}
			if state().State != catalog.ProductHidden {
				t.Errorf("the product is %s", state().State)
			}
			e.first.says(page+"/delist", id)
			if a := e.first.post(page+"/delist", url.Values{"cause": {"vendor_breach"}, "case": {id}, "scope": {"no_new_sales"}, "reason": {"与案件决定一致。"}}); a.status != 200 || !strings.Contains(said(a.body), id) {
				t.Errorf("what is confirmed does not name the case: %d %s", a.status, said(a.body))
			}
			if a := delist(id); a.status != 303 || state().State != catalog.ProductDelisted {
				t.Errorf("%d %s, the product is %s", a.status, said(a.body), state().State)
			}
		})
	})
}

func TestClause_8_2_4_TheEndedAccountReadsSinceWhenAndWhatIsLeft(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		e := enforce(t, d, clock)
		if a := e.buyer.get("/account?lang=zh"); strings.Contains(a.body, "用户协议已解除") {
			t.Error("an agreement that stands is called dissolved")
		}
		id := e.opened(e.customer, "UA 4.11", nil)
		if a := e.post(e.first, "/operator/cases/"+id+"/decide", id, url.Values{"clauses": {"UA 4.11"}, "reasons": {"与证据一致。"}, "measure": {"8.2.4"}}); a.status != 303 {
			t.Fatalf("%d %s", a.status, said(a.body))
		}
		if a := e.post(e.second, "/operator/cases/"+id+"/confirm", id, url.Values{"do": {"confirm"}}); a.status != 303 {
			t.Fatalf("%d %s", a.status, said(a.body))
		}
		e.buyer = e.m.person(e.customer)
		e.buyer.says("/account?lang=zh", "用户协议已解除", id, "申诉", "/account/privacy", "/account/invoices", "#c8.2.4", "已解除")
		e.buyer.says("/account?lang=en", "is dissolved", id, "appeal", "export your data", "invoices", "Dissolved")
		e.buyer.says("/messages?lang=zh", "用户协议自")
		e.first.says("/operator/accounts/"+e.customer.Account+"?lang=zh", "已解除")
		for _, path := range []string{"/account/measures/" + id, "/account/privacy", "/account/invoices"} {
			if a := e.buyer.get(path); a.status != 200 {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
}

func (e *enforcing) product(id catalog.ProductID) (p catalog.Product) {
	e.m.t.Helper()
	e.Read(func(r db.Reader) (err error) { p, err = catalog.Get(e.m.t.Context(), r, id); return err })
	return p
}

func TestClause_4_9_1_CheckoutAndDeliveryShowTheLicence(t *testing.T) {
	clock := testkit.NewClock()
	e := enforce(t, testkit.OpenAt(t, db.SQLite, clock), clock)
	offer := e.Listed(world.Content(delivery.LicenceKey, price))
	for lang, words := range map[string][2]string{"zh": {"反编译", "对产品进行反向工程"}, "en": {"decompil", "everse engineer"}} {
		t.Run("allowed to be read before buying and after, "+lang, func(t *testing.T) {
			if a := e.buyer.get("/checkout?plan=" + string(offer.PlanID) + "&lang=" + lang); a.status != 200 || !strings.Contains(a.body, words[0]) || !strings.Contains(a.body, words[1]) {
				t.Errorf("checkout: %d", a.status)
			}
		})
	}
	o := e.Bought(e.customer, offer)
	right := ""
	e.Read(func(r db.Reader) error {
		receipt, err := order.ReceiptOf(t.Context(), r, e.customer, o.ID)
		right = string(receipt.Right.ID)
		return err
	})
	if a := e.buyer.get("/products/" + right + "?lang=zh"); !strings.Contains(a.body, "反编译") {
		t.Errorf("the delivery centre does not show clause 4.9.1: %d", a.status)
	}
	t.Run("refused a report about what is not its own", func(t *testing.T) {
		form := url.Values{"order": {"ord_x"}, "violation": {"UA 4.9.1"}, "facts": {"反编译后转售。"}, "evidence": {"截图文字"}}
		if a := e.seller.post("/vendor/reports/new", form); a.status != 403 || !strings.Contains(a.body, "#c4.9") {
			t.Errorf("%d %s", a.status, said(a.body))
		}
		form.Set("order", string(o.ID))
		e.seller.must("/vendor/reports/new", form)
		e.seller.says("/vendor/measures", "处理中", "反编译或者破解")
		if a := e.seller.get("/vendor/measures"); strings.Contains(a.body, e.customer.Account) {
			t.Error("the vendor is told whose account it is")
		}
	})
	// Whoever decides is told what the law permits.
	id := ""
	e.Read(func(r db.Reader) error {
		all, err := enforcement.All(t.Context(), r, "", 1)
		id = string(all[0].ID)
		return err
	})
	e.first.says("/operator/cases/"+id, "审查提示", "互操作")
}

// busy is a market with a case in each state that a page shows.
func busy(t *testing.T) (e *enforcing, cases map[string]string, slug string) {
	clock := testkit.NewClock()
	e = enforce(t, testkit.OpenAt(t, db.SQLite, clock), clock)
	offer := e.Listed(world.Content(delivery.LicenceKey, price))
	e.Bought(e.customer, e.Listed(world.Content(delivery.LicenceKey, price)))
	cases = map[string]string{}
	decided := func(name string, of audit.Actor, clause string, form url.Values) {
		t.Helper()
		about := url.Values{}
		if of.Account == e.Seller.Account {
			about = url.Values{"content": {string(offer.Product.ID)}, "kind": {"product"}}
		}
		id := e.opened(of, clause, about)
		cases[name] = id
		if form == nil {
			return
		}
		for field, values := range about {
			form[field] = values
		}
		form["clauses"], form["reasons"] = []string{clause}, []string{"页面与证据一致，没有来源。"}
		if a := e.post(e.first, "/operator/cases/"+id+"/decide", id, form); a.status != 303 {
			t.Fatalf("%s: %d %s", name, a.status, said(a.body))
		}
	}
	decided("open", e.Seller, "UA 4.7.1", nil)
	decided("running", e.Seller, "RB enforcement-8", url.Values{
		"measure": {"8.2.1", "8.2.3"}, "demand": {"删除“全国第一”。"}, "rectify_days": {"3"}, "functions": {"shop", "publish"}, "restrict_days": {"15"},
	})
	decided("blocked", e.Seller, "UA 4.7.6", url.Values{"measure": {"8.2.2"}})
	decided("second", e.customer, "UA 4.11", url.Values{"measure": {"8.2.4"}})
	decided("appealed", e.customer, "UA 4.7.3", url.Values{"measure": {"8.2.3"}, "functions": {"api"}, "restrict_days": {"30"}})
	e.post(e.buyer, "/account/measures/"+cases["appealed"]+"/appeal", cases["appealed"], url.Values{"text": {"不是我。"}})
	decided("ended", e.customer, "UA 4.7.7", url.Values{"measure": {"8.2.3", "8.2.4"}, "functions": {"buy"}, "restrict_days": {"30"}})
	e.post(e.second, "/operator/cases/"+cases["ended"]+"/confirm", cases["ended"], url.Values{"do": {"confirm"}})
	e.buyer = e.m.person(e.customer)
	e.first.post("/operator/vendors/"+string(e.Vendor)+"/state", url.Values{"do": {"rest"}, "ground": {"dossier"}, "reason": {"营业执照已过期，请上传新照。"}, "idempotency_key": {"rest"}})
	cases["product"] = string(offer.Product.ID)
	return e, cases, "/p/" + e.product(offer.Product.ID).Slug
}

func TestTheDeskOfCasesInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	e, cases, _ := busy(t)
	first, second := tab.Serve(t, e.m.handler, e.first.token), tab.Serve(t, e.m.handler, e.second.token)
	b.Languages(func(lang string) {
		for _, page := range [][3]string{
			{"cases", first, "/operator/cases"}, {"case-new", first, "/operator/cases/new"}, {"case-open", first, "/operator/cases/" + cases["open"]},
			{"case-running", first, "/operator/cases/" + cases["running"]}, {"case-second", second, "/operator/cases/" + cases["second"]},
			{"case-appeal", second, "/operator/cases/" + cases["appealed"]}, {"vendor", first, "/operator/vendors/" + string(e.Vendor)},
			{"product-hidden", first, "/operator/products/" + cases["product"]}, {"product-delist", first, "/operator/products/" + cases["product"] + "/delist"}, {"account-ended-desk", first, "/operator/accounts/" + e.customer.Account},
		} {
			b.Open(page[1], page[2], lang)
			b.Look(page[0], lang)
		}
	})
}

func TestThePagesOfASubjectInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	e, cases, slug := busy(t)
	seller, buyer, nobody := tab.Serve(t, e.m.handler, e.seller.token), tab.Serve(t, e.m.handler, e.buyer.token), tab.Serve(t, e.m.handler, "")
	b.Languages(func(lang string) {
		for _, page := range [][3]string{
			{"vendor-measures", seller, "/vendor/measures"}, {"vendor-measure", seller, "/vendor/measures/" + cases["running"]}, {"report", seller, "/vendor/reports/new"},
			{"mine", buyer, "/account/measures"}, {"mine-ended", buyer, "/account/measures/" + cases["ended"]}, {"account-ended", buyer, "/account"}, {"profile-resting", seller, "/vendor/profile"}, {"vendor-product", seller, "/vendor/products/" + cases["product"]}, {"board", nobody, "/sanctions"}, {"tombstone", nobody, slug},
		} {
			b.Open(page[1], page[2], lang)
			b.Look(page[0], lang)
		}
	})
}
