package vendordesk_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/edge/operatordesk"
	"yunshi/internal/edge/serve"
	"yunshi/internal/edge/vendordesk"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
)

// market is the whole market behind both desks, with browsers for its people.
type market struct {
	*serve.Market
	t       *testing.T
	handler http.Handler
	routes  []serve.Route
}

// provider is a payment provider of which the desks only ask what it can do.
type provider struct{ payment.Gateway }

func (provider) Capability() payment.Capability { return payment.Capability{Test: true} }

func open(t *testing.T) *market {
	t.Helper()
	store, err := blob.Disk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &market{t: t, Market: &serve.Market{
		DB: testkit.Open(t, db.SQLite), Blob: store, Log: slog.New(slog.DiscardHandler),
		Gateways: map[string]payment.Gateway{"sandbox": provider{}},
		Info:     serve.Info{Market: "Yunshi", Operator: "示例云市场运营有限公司", BaseURL: "http://market.example"},
	}}
	m.write(func(ctx context.Context, tx *db.Tx) error {
		if err := catalog.SeedCategories(ctx, tx, audit.CLI("test")); err != nil {
			return err
		}
		return agreement.Seed(ctx, tx, audit.CLI("test"), agreement.Terms{
			Operator: agreement.Both{ZH: m.Info.Operator, EN: "Example Cloud Market Ltd."}, PlaceOfSigning: agreement.Both{ZH: "深圳市南山区", EN: "Nanshan, Shenzhen"},
			GoverningLaw: agreement.Both{ZH: "中华人民共和国法律", EN: "the law of the PRC"}, Jurisdiction: "CN",
		})
	})
	m.routes = append(vendordesk.Routes(m.Market), operatordesk.Routes(m.Market, func(io.Reader) ([]payment.StatementLine, error) {
		return nil, fault.List{payment.ErrInvalid.In("statement")}
	})...)
	m.handler, err = serve.New(m.Market, serve.Surface{Routes: m.routes, MaxBody: vendordesk.MaxUpload})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *market) write(fn func(ctx context.Context, tx *db.Tx) error) {
	m.t.Helper()
	if err := m.DB.Write(m.t.Context(), func(tx *db.Tx) error { return fn(m.t.Context(), tx) }); err != nil {
		m.t.Fatal(err)
	}
}

// browser is a signed-in person.
type browser struct {
	m     *market
	token string
	by    audit.Actor
}

func (m *market) enter(u account.User) *browser {
	m.t.Helper()
	b := &browser{m: m, by: audit.Actor{Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Roles: u.Roles, Method: "password", Locale: "zh"}}
	m.write(func(ctx context.Context, tx *db.Tx) error {
		s, err := account.SignIn(ctx, tx, account.Credential{User: u.ID, Account: u.Account}, account.Device{IP: "192.0.2.1", Method: "password"})
		b.token, b.by.Session = s.Token, s.ID
		return err
	})
	return b
}

func (m *market) hash() account.PasswordHash {
	h, err := account.Hash(m.t.Context(), "harbour-crane-copper-11")
	if err != nil {
		m.t.Fatal(err)
	}
	return h
}

func (m *market) officer(role string) *browser {
	m.t.Helper()
	var u account.User
	hash := m.hash()
	m.write(func(ctx context.Context, tx *db.Tx) (err error) {
		u, err = account.RegisterOperator(ctx, tx, audit.CLI("test"), account.Registration{
			SubjectType: account.LegalPerson, DisplayName: m.Info.Operator, UserName: role, Email: role + "@operator.example", Password: hash, Locale: "zh",
		}, []string{role})
		return err
	})
	return m.enter(u)
}

// company registers a company that has accepted the agreement and proved its name.
func (m *market) company(name, email, uscc string, by *browser) *browser {
	m.t.Helper()
	var u account.User
	hash := m.hash()
	m.write(func(ctx context.Context, tx *db.Tx) (err error) {
		u, err = account.Register(ctx, tx, audit.Actor{Kind: audit.Person}, account.Registration{
			SubjectType: account.LegalPerson, DisplayName: name, UserName: "陆小雨", Email: email, Mobile: "13800000101", Password: hash, Locale: "zh",
		})
		return err
	})
	b := m.enter(u)
	m.write(func(ctx context.Context, tx *db.Tx) error {
		bundle, err := agreement.Current(ctx, tx)
		if err != nil {
			return err
		}
		if err := agreement.Display(ctx, tx, b.by, "zh", bundle.Hash); err != nil {
			return err
		}
		if _, err := agreement.Accept(ctx, tx, b.by, agreement.Acceptance{Method: agreement.Click, Bundle: bundle.Hash, Locale: "zh"}); err != nil {
			return err
		}
		k, err := identity.Submit(ctx, tx, b.by, identity.Application{
			SubjectType: account.LegalPerson, Name: name, IDKind: identity.USCC, Number: uscc, Mobile: "13800000101", Email: email,
			BankAccount: bankAccount, LegalRepresentative: "陆鸣远", Consent: true,
		})
		if err != nil {
			return err
		}
		_, err = identity.Decide(ctx, tx, by.by, k.ID, identity.Decision{Approve: true})
		return err
	})
	return b
}

// answer is an answer as a person reads it.
type answer struct {
	status int
	to     string // of a redirect
	body   string
}

func (b *browser) do(req *http.Request) answer {
	b.m.t.Helper()
	req.AddCookie(&http.Cookie{Name: "yunshi_session", Value: b.token})
	w := httptest.NewRecorder()
	b.m.handler.ServeHTTP(w, req)
	a := answer{w.Code, w.Header().Get("Location"), w.Body.String()}
	if strings.Contains(a.body, "⟦") {
		b.m.t.Errorf("%s %s shows an unknown text: %s", req.Method, req.URL, regexp.MustCompile(`⟦[^⟧]*⟧`).FindString(a.body))
	}
	if a.status >= 500 {
		b.m.t.Errorf("%s %s: %d", req.Method, req.URL, a.status)
	}
	return a
}

func (b *browser) get(path string) answer {
	b.m.t.Helper()
	return b.do(httptest.NewRequest("GET", path, nil))
}

func (b *browser) post(path string, form url.Values) answer {
	b.m.t.Helper()
	req := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

// must posts a form that is accepted and returns where it leads.
func (b *browser) must(path string, form url.Values) string {
	b.m.t.Helper()
	a := b.post(path, form)
	if a.status != http.StatusSeeOther {
		b.m.t.Fatalf("POST %s: %d, %s", path, a.status, said(a.body))
	}
	return a.to
}

// said is the text of a page, for messages of failed tests.
func said(body string) string {
	if _, main, ok := strings.Cut(body, `id="content"`); ok {
		body = main
	}
	body = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
	return strings.Join(strings.Fields(body), " ")
}

func (b *browser) says(path string, words ...string) {
	b.m.t.Helper()
	for _, lang := range []string{"en", "zh"} {
		a := b.get(path + map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + "lang=" + lang)
		if a.status != http.StatusOK {
			b.m.t.Fatalf("GET %s: %d, to %q, %s", path, a.status, a.to, said(a.body))
		}
		if lang != "zh" {
			continue
		}
		for _, w := range words {
			if !strings.Contains(a.body, w) {
				b.m.t.Errorf("GET %s does not say %q: %s", path, w, said(a.body))
			}
		}
	}
}

func application(name, uscc string) url.Values {
	return url.Values{
		"registered_name": {name}, "subject_type": {"legal_person"}, "uscc": {uscc}, "legal_representative": {"陆鸣远"}, "address": {"广东省深圳市南山区示例路1号"},
		"contact_name": {"陆小雨"}, "contact_phone": {"0755-0000-0101"}, "contact_email": {"support@luming.example"}, "support_hours": {"工作日 9:00–21:00"}, "self_certified": {"yes"},
	}
}

// sheet is a complete terms sheet as the form sends it.
func sheet() url.Values {
	v := url.Values{
		"kind": {"ops_service"}, "delivery_type": {"manual_service"}, "category": {"ops"}, "refund_policy": {"platform_rules"}, "rights_basis": {"self_developed"},
		"delivery.dialect": {"manual_service"}, "support.contact": {"0755-0000-0101"},
		"plans.0.code": {"basic"}, "plans.0.price": {"1980.00"}, "plans.0.unit": {"once"}, "plans.0.term": {"1"}, "plans.0.currency": {"CNY"}, "plans.0.tax_points": {"6"},
	}
	for name, texts := range map[string][2]string{
		"name": {"服务器安全巡检", "Server security check"}, "summary": {"一次全面的巡检", "One thorough check"}, "description": {"工程师登录服务器逐项检查。", "An engineer checks the server item by item."},
		"functions": {"检查补丁\n检查端口", "Patches\nOpen ports"}, "requirements": {"提供只读账号", "A read-only account"}, "licence": {"报告归买方所有。", "The report is the buyer's."},
		"support.hours": {"工作日 9:00–18:00", "Working days 9:00–18:00"}, "plans.0.name": {"单台", "One server"}, "plans.0.included": {"一份报告", "One report"},
	} {
		v.Set(name+".zh", texts[0])
		v.Set(name+".en", texts[1])
	}
	return v
}

const (
	luming = "91440300MA9DEM01XR"
	ningbo = "91330200MA9DEM0B1D"
	// bankAccount is a bank account that only a revealed case shows in full.
	bankAccount = "4000023009200123456"
)

// onboard leads a company through the forms to a vendor that may sell.
func (m *market) onboard(seller, officer *browser, name, uscc string) vendor.ID {
	m.t.Helper()
	seller.must("/vendor/apply", application(name, uscc))
	var v vendor.Vendor
	if err := m.DB.Read(m.t.Context(), func(r db.Reader) (err error) {
		v, _, err = vendor.OfAccount(m.t.Context(), r, account.ID(seller.by.Account))
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
	officer.must("/operator/vendors/"+string(v.ID)+"/take", nil)
	officer.must("/operator/vendors/"+string(v.ID)+"/decide", url.Values{"do": {"approve"}})
	seller.must("/vendor/money/merchants", url.Values{"provider": {"sandbox"}, "number": {"M-" + uscc}})
	return v.ID
}

func TestTheWayOfAVendorToItsFirstListing(t *testing.T) {
	m := open(t)
	officer, finance := m.officer(account.Compliance), m.officer(account.Finance)
	seller := m.company("深圳麓鸣云计算有限公司", "luming@example.com", luming, officer)

	if a := seller.get("/vendor"); a.to != "/vendor/apply" {
		t.Fatalf("whoever is no vendor is led to %q", a.to)
	}
	if a := seller.get("/vendor/apply"); regexp.MustCompile(`name="self_certified"[^>]*checked`).MatchString(a.body) {
		t.Error("the self-certification is ticked in advance")
	}
	without := application("深圳麓鸣云计算有限公司", luming)
	without.Del("self_certified")
	if a := seller.post("/vendor/apply", without); a.status != 422 || !strings.Contains(a.body, "广东省深圳市南山区示例路1号") {
		t.Errorf("an application without certification: %d, what was typed is lost: %v", a.status, !strings.Contains(a.body, "示例路"))
	}
	individual := application("某人", luming)
	individual.Set("subject_type", "individual")
	if a := seller.post("/vendor/apply", individual); a.status != 403 || !strings.Contains(a.body, "#c2.2") {
		t.Errorf("Clause 2.2: an individual's application: %d %s", a.status, said(a.body))
	}
	id := m.onboard(seller, officer, "深圳麓鸣云计算有限公司", luming)
	officer.says("/operator/vendors/"+string(id), "深圳麓鸣云计算有限公司", "已入驻")
	seller.says("/vendor", "保证金还差 ¥5,000.00")
	seller.says("/vendor/money", "转账附言")
	m.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := vendor.DepositReceived(ctx, tx, finance.by, id, money.Amount{Minor: 500000, Currency: money.CNY}, "stl_1")
		return err
	})
	if a := seller.get("/vendor"); strings.Contains(a.body, "保证金还差") {
		t.Error("the deposit is complete and still asked for")
	}

	// A first draft lacks nearly everything; it is kept, and the list says what is missing.
	draft := seller.must("/vendor/products", url.Values{"slug": {"server-check"}, "name.zh": {"服务器安全巡检"}})
	draft, _, _ = strings.Cut(draft, "?")
	seller.says(draft, "上架检查清单", "#f-functions.zh", "#c4.2")
	if a := seller.post(draft, url.Values{"name.zh": {"服务器安全巡检"}, "do": {"submit"}}); a.status != 422 {
		t.Errorf("an incomplete sheet was submitted: %d", a.status)
	}
	bank := sheet()
	bank.Set("licence.zh", "请汇款至工商银行账户 6222 0212 3456 7890 128")
	bank.Set("do", "submit")
	if a := seller.post(draft, bank); a.status != 422 || !strings.Contains(a.body, "#c4.11") {
		t.Errorf("Clause 4.11: a bank account in the terms: %d %s", a.status, said(a.body))
	}
	full := sheet()
	full.Set("do", "submit")
	if to := seller.must(draft, full); to != draft {
		t.Errorf("a submitted version leads to %q", to)
	}
	seller.says(draft, "待审核", "服务器安全巡检")
	if a := seller.post(draft, full); a.status == http.StatusSeeOther {
		t.Error("Clause 3.2: a submitted version was changed")
	}

	review := strings.Replace(draft, "/vendor/versions/", "/operator/listings/", 1)
	officer.says("/operator", "服务器安全巡检")
	officer.says(review, "检查清单没有发现问题", "¥1,980.00", "检查补丁")
	if a := officer.post(review+"/review", url.Values{"do": {"reject"}, "field": {"licence"}, "reason": {" "}}); a.status != 422 {
		t.Errorf("a refusal without a reason: %d", a.status)
	}
	officer.must(review+"/review", url.Values{"do": {"reject"}, "field": {"licence"}, "reason": {"许可条款没有说明期限"}})
	seller.says("/vendor", "审核未通过")
	seller.says(draft, "许可条款没有说明期限", "许可条款")

	product := product(seller.get(draft).body)
	second := seller.must("/vendor/products/"+product+"/revise", nil)
	seller.says(second, "许可条款没有说明期限")
	full.Set("licence.zh", "报告永久归买方所有。")
	seller.must(second, full)
	review = strings.Replace(second, "/vendor/versions/", "/operator/listings/", 1)
	officer.must(review+"/take", nil)
	officer.must(review+"/review", url.Values{"do": {"approve"}})
	seller.says("/vendor/products/"+product, "已上架")
	seller.says("/vendor/products", "服务器安全巡检", "已上架")

	// A third version shows what differs from the listed one.
	third := seller.must("/vendor/products/"+product+"/revise", nil)
	full.Set("plans.0.price", "2180")
	seller.must(third, full)
	officer.says(strings.Replace(third, "/vendor/versions/", "/operator/listings/", 1), "有 1 处改动", "¥2,180.00", "¥1,980.00")

	// Hiding and delisting are states; an officer hides by a case only.
	if a := officer.post("/operator/products/"+product+"/hide", url.Values{"reason": {"等待补充资质"}}); a.status != 404 && a.status != 405 {
		t.Errorf("hidden beside a case: %d", a.status)
	}
	officer.says("/operator/products/"+product, "/operator/cases/new?subject=")
	delist := url.Values{"scope": {"no_renewal"}, "reason": {"产品线调整"}}
	if a := seller.post("/vendor/products/"+product+"/delist", delist); a.status != 200 || !strings.Contains(a.body, "不能撤销") {
		t.Errorf("Clause 4.8: a delisting is not asked about first: %d", a.status)
	}
	seller.says("/vendor/products/"+product, "已上架")
	delist.Set("confirmed", "yes")
	seller.must("/vendor/products/"+product+"/delist", delist)
	seller.says("/vendor/products/"+product, "已下架", "产品线调整")

	for _, path := range []string{"/vendor/apply", "/vendor/profile", "/vendor/products/new", "/vendor/files", "/vendor/orders", "/vendor/deliveries", "/vendor/hooks", "/vendor/money"} {
		seller.says(path)
	}
	for _, path := range []string{
		"/operator/identities", "/operator/vendors", "/operator/listings", "/operator/products", "/operator/products/" + product, "/operator/products/" + product + "/delist",
		"/operator/orders", "/operator/deliveries", "/operator/jobs", "/operator/records?subject=" + product, "/operator/log", "/operator/rules", "/operator/accounts",
		"/operator/accounts/" + seller.by.Account,
	} {
		officer.says(path)
	}
	for _, path := range []string{"/operator", "/operator/payments", "/operator/book", "/operator/book/trial", "/operator/book/trial?verify", "/operator/statements"} {
		finance.says(path)
	}
}

func product(body string) string { return regexp.MustCompile(`prd_[0-9a-zA-Z]+`).FindString(body) }

func TestClause_3_2_NobodyOfTheOperatorEditsAProduct(t *testing.T) {
	m := open(t)
	officer, root := m.officer(account.Compliance), m.officer(account.Superadmin)
	seller := m.company("深圳麓鸣云计算有限公司", "luming@example.com", luming, officer)
	m.onboard(seller, officer, "深圳麓鸣云计算有限公司", luming)
	form := sheet()
	form.Set("slug", "server-check")
	version, _, _ := strings.Cut(strings.TrimPrefix(seller.must("/vendor/products", form), "/vendor/versions/"), "?")
	form.Set("do", "submit")
	seller.must("/vendor/versions/"+version, form)
	id := product(seller.get("/vendor/versions/" + version).body)
	hash := func() (all string) {
		if err := m.DB.Read(t.Context(), func(r db.Reader) error {
			versions, err := catalog.Versions(t.Context(), r, catalog.ProductID(id))
			for _, v := range versions {
				all += v.SHA256 + " "
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := hash()

	edit := sheet()
	edit.Set("name.zh", "运营方改写的名称")
	edit.Set("slug", "written-by-operator")
	for path, want := range map[string]int{"/vendor/versions/" + version: 403, "/vendor/products/" + id + "/revise": 403, "/vendor/products": 403} {
		a := root.post(path, edit)
		if a.status != want {
			t.Errorf("a superadmin posts to %s: %d, want %d", path, a.status, want)
		}
		if path != "/vendor/products" && !strings.Contains(a.body, "#c3.2") {
			t.Errorf("the refusal of %s does not name clause 3.2: %s", path, said(a.body))
		}
	}
	// Every writing route of the operator, with the content of a product in the form.
	posts := 0
	for _, r := range m.routes {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if method != "POST" || !strings.HasPrefix(path, "/operator/") {
			continue
		}
		posts++
		path = strings.NewReplacer("{version}", version, "{product}", id, "{vendor}", "ven_x", "{case}", "idc_x", "{job}", "job_x").Replace(path)
		for _, who := range []*browser{root, officer} {
			who.post(path, edit)
		}
	}
	if posts < 10 {
		t.Fatalf("only %d writing routes walked", posts)
	}
	if after := hash(); after != before {
		t.Errorf("the content of the product changed: %s is now %s", before, after)
	}
}

func TestNothingOfAnotherVendorExists(t *testing.T) {
	m := open(t)
	officer := m.officer(account.Compliance)
	seller := m.company("深圳麓鸣云计算有限公司", "luming@example.com", luming, officer)
	other := m.company("宁波示例机电设备有限公司", "ningbo@example.com", ningbo, officer)
	m.onboard(seller, officer, "深圳麓鸣云计算有限公司", luming)
	m.onboard(other, officer, "宁波示例机电设备有限公司", ningbo)
	form := sheet()
	form.Set("slug", "server-check")
	version, _, _ := strings.Cut(seller.must("/vendor/products", form), "?")
	id := product(seller.get(version).body)
	for _, path := range []string{version, "/vendor/products/" + id, "/vendor/products/" + id + "/hide", "/vendor/products/" + id + "/delist", "/vendor/orders/ord_x", "/vendor/deliveries/dlv_x"} {
		if a := other.get(path); a.status != http.StatusNotFound {
			t.Errorf("GET %s by another vendor: %d", path, a.status)
		}
	}
	for _, path := range []string{version, "/vendor/products/" + id + "/revise", "/vendor/products/" + id + "/hide", "/vendor/products/" + id + "/delist"} {
		post := sheet()
		post.Set("reason", "x")
		post.Set("scope", "no_renewal")
		post.Set("confirmed", "yes")
		if a := other.post(path, post); a.status != http.StatusNotFound {
			t.Errorf("POST %s by another vendor: %d", path, a.status)
		}
	}
	if a := other.get("/vendor/products"); strings.Contains(a.body, "server-check") {
		t.Error("another vendor's product is listed")
	}
}

func TestDesksAreForTheirPeople(t *testing.T) {
	m := open(t)
	officer, finance, support, root := m.officer(account.Compliance), m.officer(account.Finance), m.officer(account.Support), m.officer(account.Superadmin)
	buyer := m.company("宁波示例机电设备有限公司", "ningbo@example.com", ningbo, officer)
	for _, row := range []struct {
		who  *browser
		path string
		want int
	}{
		{buyer, "/operator", 403}, {buyer, "/vendor/products", 403}, {officer, "/vendor", 403}, {officer, "/vendor/products", 403},
		{officer, "/operator/book", 403}, {finance, "/operator/book", 200}, {finance, "/operator/listings", 403}, {support, "/operator/identities", 403},
		{support, "/operator/orders", 200}, {support, "/operator/statements", 403}, {root, "/operator/book", 200}, {root, "/operator/listings", 200}, {root, "/operator/staff", 200},
		{officer, "/operator/staff", 403}, {officer, "/operator/orders/ord_x", 404}, {officer, "/operator/records/rec_x", 404},
	} {
		if a := row.who.get(row.path); a.status != row.want {
			t.Errorf("GET %s as %v: %d, want %d", row.path, row.who.by.Roles, a.status, row.want)
		}
	}
	if a := root.post("/operator/listings/ver_x/review", nil); a.status != 403 {
		t.Errorf("a superadmin decides a listing: %d", a.status)
	}
	root.must("/operator/staff", url.Values{"name": {"李工"}, "email": {"li@operator.example"}, "password": {"harbour-crane-copper-12"}, "role": {"support"}})
	root.says("/operator/staff", "李工", "支持")
	if a := root.post("/operator/staff", url.Values{"name": {"无名"}, "email": {"x@operator.example"}, "password": {"harbour-crane-copper-13"}}); a.status != 422 || !strings.Contains(a.body, "无名") {
		t.Errorf("staff without a role: %d", a.status)
	}
}

func TestClause_6_1_PlainIdentityDataNeedsAReasonAndLeavesARecord(t *testing.T) {
	m := open(t)
	officer := m.officer(account.Compliance)
	buyer := m.company("宁波示例机电设备有限公司", "ningbo@example.com", ningbo, officer)
	var k identity.Case
	if err := m.DB.Read(t.Context(), func(r db.Reader) (err error) {
		k, _, err = identity.Latest(t.Context(), r, account.ID(buyer.by.Account))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	path := "/operator/identities/" + string(k.ID)
	if a := officer.get(path); strings.Contains(a.body, bankAccount) {
		t.Error("the number is shown in full without being asked for")
	}
	if a := officer.post(path+"/reveal", nil); a.status != 422 || strings.Contains(a.body, bankAccount) {
		t.Errorf("revealed without a reason: %d", a.status)
	}
	if a := officer.post(path+"/reveal", url.Values{"reason": {"核对营业执照"}}); a.status != 200 || !strings.Contains(a.body, bankAccount) {
		t.Errorf("revealed with a reason: %d %s", a.status, said(a.body))
	}
	officer.says("/operator/records?subject="+string(k.ID), "identity.revealed")
}

func TestClause_4_9_2_AnUploadKeepsItsHash(t *testing.T) {
	m := open(t)
	officer := m.officer(account.Compliance)
	seller := m.company("深圳麓鸣云计算有限公司", "luming@example.com", luming, officer)
	m.onboard(seller, officer, "深圳麓鸣云计算有限公司", luming)
	content := bytes.Repeat([]byte("a"), 3<<20) // above the limit of other forms
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", `C:\builds\tool-1.0.zip`)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(content) //nolint:errcheck // to memory
	w.Close()           //nolint:errcheck // to memory
	req := httptest.NewRequest("POST", "/vendor/files", &body)
	req.Header.Set("Content-Type", w.FormDataContentType())
	if a := seller.do(req); a.status != http.StatusSeeOther {
		t.Fatalf("upload: %d %s", a.status, said(a.body))
	}
	seller.says("/vendor/files", "tool-1.0.zip", "3 MiB")
	if err := m.DB.Read(t.Context(), func(r db.Reader) error {
		v, _, err := vendor.OfAccount(t.Context(), r, account.ID(seller.by.Account))
		if err != nil {
			return err
		}
		files, err := catalog.Files(t.Context(), r, v.ID)
		if err != nil || len(files) != 1 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		stored, ref, err := m.Blob.Open(t.Context(), files[0].Blob)
		if err != nil {
			return err
		}
		defer stored.Close() //nolint:errcheck // read only
		got, err := io.ReadAll(stored)
		if !bytes.Equal(got, content) || ref.SHA256 != files[0].SHA256 || files[0].Size != int64(len(content)) {
			t.Error("what is stored is not what was sent")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAHookSecretIsShownOnce(t *testing.T) {
	m := open(t)
	officer := m.officer(account.Compliance)
	seller := m.company("深圳麓鸣云计算有限公司", "luming@example.com", luming, officer)
	m.onboard(seller, officer, "深圳麓鸣云计算有限公司", luming)
	a := seller.post("/vendor/hooks", url.Values{"dialect": {"hook_native"}, "url": {"https://hooks.luming.example/deliver"}})
	secret := regexp.MustCompile(`whsec_[0-9A-Za-z+/=]+`).FindString(a.body)
	if a.status != 200 || secret == "" {
		t.Fatalf("%d %s", a.status, said(a.body))
	}
	if again := seller.get("/vendor/hooks"); !strings.Contains(again.body, "hooks.luming.example") || strings.Contains(again.body, "whsec_") {
		t.Error("the secret is shown a second time, or the address not at all")
	}
	if a := seller.post("/vendor/hooks", url.Values{"dialect": {"hook_native"}, "url": {"https://x.example/?a=b"}}); a.status != 422 {
		t.Errorf("an address with a query: %d", a.status)
	}
}

func TestAVendorMakesDiscountsAndVouchers(t *testing.T) {
	m := open(t)
	officer, finance := m.officer(account.Compliance), m.officer(account.Finance)
	seller := m.company("深圳麓鸣云计算有限公司", "luming@example.com", luming, officer)
	id := m.onboard(seller, officer, "深圳麓鸣云计算有限公司", luming)
	m.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := vendor.DepositReceived(ctx, tx, finance.by, id, money.Amount{Minor: 500000, Currency: money.CNY}, "stl_1")
		return err
	})
	draft, _, _ := strings.Cut(seller.must("/vendor/products", url.Values{"slug": {"server-check"}, "name.zh": {"服务器安全巡检"}}), "?")
	full := sheet()
	full.Set("do", "submit")
	seller.must(draft, full)
	officer.must(strings.Replace(draft, "/vendor/versions/", "/operator/listings/", 1)+"/review", url.Values{"do": {"approve"}})
	at := "/vendor/products/" + product(seller.get(draft).body)
	plan := regexp.MustCompile(`pln_[0-9a-zA-Z]+`).FindString(seller.get(at + "/discounts").body)
	seller.says(at, "优惠与代金券")
	seller.says(at+"/promotions", "还没有优惠。", "还没有代金券。", "¥1,980.00", "#c4.7.7")

	seller.must(at+"/floor", url.Values{"plan": {plan}, "price": {"1500"}})
	for name, form := range map[string]url.Values{
		"neither":   {"plan": {plan}, "until": {"2099-12-31"}},
		"both":      {"plan": {plan}, "percent": {"10"}, "price": {"1700"}, "until": {"2099-12-31"}},
		"words":     {"plan": {plan}, "percent": {"ten"}, "until": {"2099-12-31"}},
		"no_end":    {"plan": {plan}, "percent": {"10"}},
		"long_gone": {"plan": {plan}, "percent": {"10"}, "until": {"2001-01-01"}},
		"no_day":    {"plan": {plan}, "percent": {"10"}, "until": {"2026-02-30"}},
	} {
		if a := seller.post(at+"/discounts", form); a.status != 422 {
			t.Errorf("%s: %d %s", name, a.status, said(a.body))
		}
	}
	until := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	if a := seller.post(at+"/discounts", url.Values{"plan": {plan}, "percent": {"30"}, "until": {until}}); a.status != 422 || !strings.Contains(a.body, "#c4.7.7") || !strings.Contains(a.body, `value="30"`) {
		t.Errorf("Clause 4.7.7: below the lowest price: %d %s", a.status, said(a.body))
	}
	seller.must(at+"/discounts", url.Values{"plan": {plan}, "percent": {"12.5"}, "until": {until}})
	seller.says(at+"/promotions", "减 12.5%", "进行中", "¥1,500.00")
	if a := seller.post(at+"/discounts", url.Values{"plan": {plan}, "percent": {"1"}, "until": {until}}); a.status != 409 {
		t.Errorf("a second discount at the same time: %d", a.status)
	}

	made := seller.post(at+"/vouchers", url.Values{"plan": {"all"}, "amount": {"50"}, "minimum": {"1000"}, "codes": {"3"}, "uses": {"2"}, "until": {until}})
	codes := regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){3}`).FindAllString(made.body, -1)
	if made.status != 200 || len(codes) != 3 || !strings.Contains(made.body, "data:text/csv;") {
		t.Fatalf("%d codes, %d %s", len(codes), made.status, said(made.body))
	}
	list := seller.get(at + "/promotions")
	seller.says(at+"/promotions", "抵 ¥50.00", "¥1,000.00", "0 / 6")
	for _, code := range codes {
		if strings.Contains(list.body, code) {
			t.Error("a code is shown a second time")
		}
	}
	batch := regexp.MustCompile(`vch_[0-9a-zA-Z]+`).FindString(list.body)
	seller.must(at+"/vouchers/end", url.Values{"batch": {batch}})
	discount := regexp.MustCompile(`dsc_[0-9a-zA-Z]+`).FindString(list.body)
	seller.must(at+"/discounts/end", url.Values{"discount": {discount}})
	seller.says(at+"/promotions", "已结束")
	if a := seller.post(at+"/discounts/end", url.Values{"discount": {discount}}); a.status != 409 {
		t.Errorf("ended twice: %d", a.status)
	}

	// Clause 3.2: nothing of it is there for the operator or another vendor.
	other := m.company("宁波示例机电设备有限公司", "ningbo@example.com", ningbo, officer)
	for _, who := range []*browser{officer, other} {
		for _, path := range []string{"/promotions", "/discounts", "/vouchers", "/floor"} {
			if a := who.get(at + path); a.status != 403 && a.status != 404 {
				t.Errorf("%s of another: %d", path, a.status)
			}
		}
		if a := who.post(at+"/floor", url.Values{"plan": {plan}, "price": {"1"}}); a.status != 403 && a.status != 404 {
			t.Errorf("the lowest price was stated by another: %d", a.status)
		}
	}
}
