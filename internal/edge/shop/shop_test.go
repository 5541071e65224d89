package shop_test

import (
	"bytes"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/operatordesk"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/edge/shop"
	"yunshi/internal/edge/vendordesk"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/review"
	"yunshi/internal/market/search"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// site is the shop before a market that trades.
type site struct {
	*world.Trade
	t     *testing.T
	url   string
	offer catalog.Offer

	handler http.Handler
	market  *serve.Market
	letters *letters
	mails   mail.Recorder
	files   blob.Store
}

func open(t *testing.T) *site {
	t.Helper()
	clock := testkit.NewClock()
	s := &site{t: t, Trade: world.NewTrade(t, testkit.OpenAt(t, db.SQLite, clock), clock)}
	files, err := blob.Disk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.files = files
	m := &serve.Market{
		DB: s.DB, Blob: files, Refund: s.Refund, Notices: notices(s), Keep: privacy.Keepers(), Gateways: map[string]payment.Gateway{world.Gateway: s.Provider}, Methods: []string{world.Gateway},
		Info: serve.Info{Market: "云市", Operator: world.Operator, BaseURL: "http://shop.example"}, Log: slog.New(slog.DiscardHandler),
		Talks: message.Talks{Parties: order.Parties}, Content: content.Rules{Owners: map[content.Kind]content.Owner{
			content.Message: message.Owner(), content.Review: review.Owner(), content.Reply: review.ReplyOwner(),
		}},
	}
	s.market = m
	m.Complaint = complaint.Rules{RedLetter: s.Refund.RedLetter}
	s.With(complaint.Work{Rules: m.Complaint, Sender: &s.mails, BaseURL: "http://shop.example"}.Handlers())
	routes := slices.Concat(shop.Routes(m), vendordesk.Routes(m), operatordesk.Routes(m, nil))
	handler, err := serve.New(m, serve.Surface{Routes: routes, MaxBody: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = handler
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s.url = server.URL
	s.offer = s.list(world.Content(delivery.LicenceKey, 19900))
	return s
}

// list puts a product on the market and into the index.
func (s *site) list(c catalog.Content) catalog.Offer {
	offer := s.Listed(c)
	s.Write(func(tx *db.Tx) error {
		return search.IndexMany(s.t.Context(), tx, []catalog.ProductID{offer.Product.ID})
	})
	return offer
}

// browser is one person's browser.
type browser struct {
	t      *testing.T
	client *http.Client
	url    string
	lang   text.Lang
}

func (s *site) browser(t *testing.T, lang text.Lang) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, client: &http.Client{Jar: jar}, url: s.url, lang: lang}
	b.get("/rules?lang=" + string(lang)) // chosen by hand, whatever the account prefers
	return b
}

// signedIn is the browser of a person of the world.
func (s *site) signedIn(t *testing.T, lang text.Lang, email string) *browser {
	b := s.browser(t, lang)
	b.post("/signin", url.Values{"email": {email}, "password": {world.Password}}).is(http.StatusOK)
	return b
}

// answer is a page as it arrived.
type answer struct {
	t      *testing.T
	status int
	path   string
	body   string
	root   *html.Node
	lang   text.Lang
	header http.Header
}

func (b *browser) do(r *http.Request) *answer {
	b.t.Helper()
	r.Header.Set("Accept-Language", string(b.lang))
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	a := &answer{t: b.t, status: res.StatusCode, path: res.Request.URL.RequestURI(), body: string(body), root: root, lang: b.lang, header: res.Header}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && !strings.HasSuffix(a.path, "/progress") && !strings.HasSuffix(a.path, "part=packs") {
		a.wellMade()
	}
	return a
}

func (b *browser) get(path string) *answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(path string, form url.Values) *answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// file is one of a form.
type file struct{ field, name, content string }

// upload posts a form with files, as a browser does.
func (b *browser) upload(path string, fields url.Values, files ...file) *answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, values := range fields {
		for _, v := range values {
			w.WriteField(name, v) //nolint:errcheck // to memory
		}
	}
	for _, f := range files {
		part, err := w.CreateFormFile(f.field, f.name)
		if err != nil {
			b.t.Fatal(err)
		}
		io.WriteString(part, f.content) //nolint:errcheck // to memory
	}
	w.Close() //nolint:errcheck // to memory
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+path, &body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	return b.do(r)
}

// submit sends the form of a page with that address, as a browser would, with
// some of its answers given.
func (b *browser) submit(page *answer, action string, given url.Values) *answer {
	b.t.Helper()
	form := page.form(action)
	for k, v := range given {
		form[k] = v
	}
	return b.post(action, form)
}

func walk(n *html.Node, fn func(*html.Node)) {
	fn(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, fn)
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	walk(n, func(c *html.Node) {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

func (a *answer) all(tag string) (out []*html.Node) {
	walk(a.root, func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == tag {
			out = append(out, n)
		}
	})
	return out
}

func (a *answer) main() *html.Node {
	a.t.Helper()
	for _, n := range a.all("main") {
		return n
	}
	a.t.Fatalf("%s has no main part: %s", a.path, a.body)
	return nil
}

// form is what a browser would send of a form if nothing were changed.
func (a *answer) form(action string) url.Values {
	a.t.Helper()
	for _, f := range a.all("form") {
		if attr(f, "action") != action || attr(f, "method") != "post" {
			continue
		}
		out := url.Values{}
		walk(f, func(n *html.Node) {
			if n.Type != html.ElementNode || n.Data != "input" || attr(n, "name") == "" {
				return
			}
			if kind := attr(n, "type"); (kind == "checkbox" || kind == "radio") && !has(n, "checked") {
				return
			}
			out.Add(attr(n, "name"), attr(n, "value"))
		})
		return out
	}
	a.t.Fatalf("%s has no form to %s", a.path, action)
	return nil
}

func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s answered %d, want %d: %s", a.path, a.status, status, textOf(a.root))
	}
	return a
}

// says checks that the content of the page holds the texts.
func (a *answer) says(wanted ...string) *answer {
	a.t.Helper()
	content := textOf(a.main())
	for _, one := range wanted {
		if !strings.Contains(content, strings.Join(strings.Fields(one), " ")) {
			a.t.Errorf("%s does not say %q: %s", a.path, one, content)
		}
	}
	return a
}

func (a *answer) saysNot(unwanted ...string) *answer {
	a.t.Helper()
	for _, one := range unwanted {
		if strings.Contains(a.body, one) {
			a.t.Errorf("%s says %q", a.path, one)
		}
	}
	return a
}

func (a *answer) links(href string) bool {
	for _, n := range a.all("a") {
		if strings.HasPrefix(attr(n, "href"), href) {
			return true
		}
	}
	return false
}

// Words that a Chinese page may show in Latin letters: names, and what no
// language translates.
var latin = regexp.MustCompile(`^(SaaS|API|ID|SHA-256|AI|[\w.+-]*\*+[\w.+-]*@[\w.-]+|[\w.-]+@[\w.-]+|https?://\S+|[A-Z]{2} ?\d.*|[0-9A-Z]{18}|\w{3}_\w+|v?\d[\w.]*|Test Operations Ltd|Example Software .*|\d+ Example Road, Shenzhen|Account \d+|Vendor \d+.*|Person \d+|Zhang San|\w+:[\w.]+|(PIPL|ECL|CSL) \d+|Go-http-client.*|ou_\w+|sandbox|\d+ (B|KiB|MiB)|person:)$`)

// wellMade checks what is true of every page.
func (a *answer) wellMade() {
	a.t.Helper()
	if strings.Contains(a.body, "⟦") {
		a.t.Errorf("%s shows a missing text: %s", a.path, a.body[max(0, strings.Index(a.body, "⟦")-80):][:160])
	}
	if n := len(a.all("h1")); n != 1 {
		a.t.Errorf("%s has %d h1", a.path, n)
	}
	ids := map[string]bool{}
	walk(a.root, func(n *html.Node) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				a.t.Errorf("%s uses the id %q twice", a.path, id)
			}
			ids[id] = true
		}
	})
	if a.lang != text.ZH {
		return
	}
	walk(a.main(), func(n *html.Node) {
		if n.Type != html.TextNode || untranslated(n) {
			return
		}
		words := strings.TrimSpace(strings.Trim(strings.TrimSpace(n.Data), "·"))
		if strings.ContainsFunc(words, func(r rune) bool { return unicode.Is(unicode.Latin, r) }) &&
			!strings.ContainsFunc(words, func(r rune) bool { return unicode.Is(unicode.Han, r) }) && !latin.MatchString(words) {
			a.t.Errorf("%s shows English to a Chinese reader: %q", a.path, words)
		}
	})
}

// untranslated reports whether a text stands in something that is not prose.
func untranslated(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == "code" || p.Data == "pre" || attr(p, "translate") == "no" {
			return true
		}
	}
	return false
}

func TestAProductShowsItsSellerItsTermsAndWhatABuyerPays(t *testing.T) {
	s := open(t)
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			b := s.browser(t, lang)
			seller := s.offer.Vendor.RegisteredName
			home := b.get("/").is(http.StatusOK).says(s.offer.Version.Content.Name.In(lang), text.In(lang, "shop.home.step3"))
			if !home.links("/p/"+s.offer.Product.Slug) || !home.links("/c/saas") {
				t.Error("the first page leads neither to the product nor to its category")
			}
			p := b.get("/p/"+s.offer.Product.Slug).is(http.StatusOK).says(
				s.offer.Version.Content.Description.In(lang), seller, s.offer.Vendor.USCC,
				text.In(lang, "page.sold_by", "Vendor", seller, "Operator", world.Operator),
				text.In(lang, "shop.product.no_warranty", "Vendor", seller, "Operator", world.Operator),
				text.In(lang, "page.refund.full.until", "Until", text.Time(text.With(t.Context(), lang), calendar.RefundLastMoment(testkit.Start, 5))),
				"¥199.00", text.In(lang, "shop.privacy.received"),
			)
			if !p.links("/p/" + s.offer.Product.Slug + "/terms.json") {
				t.Error("no way to keep the terms")
			}
			sheet := b.get("/p/" + s.offer.Product.Slug + "/terms.json").is(http.StatusOK)
			if sheet.body != string(s.offer.TermsSheet) || !strings.Contains(sheet.header.Get("ETag"), s.offer.SHA256) {
				t.Error("the terms sheet is not the text that the hash is of")
			}
			b.get("/c/saas").is(http.StatusOK).says(s.offer.Version.Content.Name.In(lang))
			b.get("/search?q="+url.QueryEscape("排班")).is(http.StatusOK).says(s.offer.Version.Content.Name.In(lang), text.In(lang, "shop.search.count", "Count", 1))
			b.get("/search?free=1").is(http.StatusOK).says(text.In(lang, "shop.search.empty"), text.In(lang, "shop.search.clear"))
			b.get("/search?sort=price&delivery=saas&kind=cloud_app").is(http.StatusOK).says(s.offer.Version.Content.Name.In(lang))
			b.get("/p/nothing").is(http.StatusNotFound)
			b.get("/c/nothing").is(http.StatusNotFound)
		})
	}
}

func TestEveryPublicPageIsThereInBothLanguages(t *testing.T) {
	s := open(t)
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		b := s.browser(t, lang)
		for _, path := range []string{"/", "/search", "/agreement", "/rules", "/rules/agreement", "/rules/rulebook", "/rules/privacy", "/rules/law", "/rules/refund", "/rules/complaints", "/verify", "/register", "/signin"} {
			b.get(path).is(http.StatusOK)
		}
		b.get("/rules/refusals").is(http.StatusOK)
	}
}

func TestClauseChipsLeadToTheTextOfTheClause(t *testing.T) {
	s := open(t)
	page := s.browser(t, text.ZH).get("/rules/agreement")
	places := map[string]bool{}
	walk(page.root, func(n *html.Node) { places[attr(n, "id")] = true })
	for _, clause := range []string{"c4.2", "c4.3", "c6.1", "c7.1", "cp-3", "c8.2.3"} {
		if !places[clause] {
			t.Errorf("no place for clause %s", clause)
		}
	}
}

// cited is a law as code cites it.
var cited = regexp.MustCompile(`"((?:ECL|PIPL|CSL|AL|CPL) \d+)"`)

func TestEveryLawThatIsCitedIsExplained(t *testing.T) {
	s := open(t)
	places := map[string]bool{}
	for _, n := range s.browser(t, text.ZH).get("/rules/law").all("article") {
		places["/rules/law#"+attr(n, "id")] = true
	}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../../sim") {
			return err
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range cited.FindAllStringSubmatch(string(code), -1) {
			if !places[page.ClauseURL(m[1])] {
				t.Errorf("%s cites %s, which no page explains", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAPurchaseFromTheFirstPageToTheReceipt walks the way of a customer.
func TestAPurchaseFromTheFirstPageToTheReceipt(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			b := s.browser(t, lang)
			checkout := "/checkout?plan=" + string(s.offer.PlanID) + "&quantity=2"
			if a := b.get(checkout); !strings.HasPrefix(a.path, "/signin?next=") {
				t.Fatalf("nobody came to %s", a.path)
			}

			// Registering leads to the agreement, whole and with its bold clauses.
			form := url.Values{
				"subject_type": {"individual"}, "display_name": {"林一"}, "user_name": {"林一"}, "email": {"lin@example.com"},
				"password": {"short"}, "next": {checkout},
			}
			b.submit(b.get("/register"), "/register", form).is(http.StatusUnprocessableEntity).saysNot("short")
			form.Set("password", "lamp window forty otter")
			agreement := b.submit(b.get("/register"), "/register", form).is(http.StatusOK)
			if !strings.HasPrefix(agreement.path, "/agreement") || len(agreement.all("strong")) == 0 {
				t.Fatalf("after registering %s", agreement.path)
			}
			back := b.submit(agreement, "/agreement", nil).is(http.StatusOK)
			if back.path != checkout {
				t.Fatalf("after accepting %s", back.path)
			}

			// Checkout says what is missing, by which clause, and where to go.
			back.says(text.In(lang, "fault.REALNAME_REQUIRED"), text.In(lang, "shop.way.identity"))
			if !back.links("/account/identity") || !back.links("/rules/agreement#c6.1") {
				t.Error("the refusal names neither its clause nor the way on")
			}
			refused := b.submit(back, "/checkout", url.Values{"accept_terms": {"yes"}}).is(http.StatusForbidden)
			refused.says(text.In(lang, "fault.REALNAME_REQUIRED"))

			// The identity needs its own consent, and its number never comes back.
			who := url.Values{
				"name": {"林一"}, "number": {"110101199003074477"}, "mobile": {"13800138000"}, "email": {"lin@example.com"}, "bank_account": {"6225881234567898"},
			}
			page := b.get("/account/identity")
			b.submit(page, "/account/identity", who).is(http.StatusUnprocessableEntity).
				says(text.In(lang, "fault.CONSENT_REQUIRED")).saysNot("110101199003074477", "6225881234567898")
			who.Set("consent", "yes")
			b.submit(page, "/account/identity", who).is(http.StatusOK).says(text.In(lang, "identity.state.pending"))
			s.decide(t)
			b.get("/account/identity").says(text.In(lang, "identity.state.verified"))

			// Checkout: nothing is ticked, the parties are named.
			page = b.get(checkout).is(http.StatusOK)
			for _, n := range page.all("input") {
				if attr(n, "type") == "checkbox" && has(n, "checked") {
					t.Errorf("%s is ticked beforehand", attr(n, "name"))
				}
			}
			seller := s.offer.Vendor.RegisteredName
			page.says(text.In(lang, "shop.receipt.payee"), seller, text.In(lang, "shop.receipt.collector"), world.Operator, "¥398.00",
				text.In(lang, "page.sold_by", "Vendor", seller, "Operator", world.Operator), text.In(lang, "shop.checkout.business"))
			unread := b.submit(page, "/checkout", nil).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.TERMS_NOT_AGREED"))
			if key := unread.form("/checkout").Get("idempotency_key"); key == "" || key != page.form("/checkout").Get("idempotency_key") {
				t.Error("the form came back under another key")
			}
			cheap := b.submit(page, "/checkout", url.Values{"accept_terms": {"yes"}, "total": {"1"}}).is(http.StatusConflict)
			cheap.says(text.In(lang, "fault.PRICE_INVARIANT"))

			// The order: sent twice it is made once.
			placed := b.submit(page, "/checkout", url.Values{"accept_terms": {"yes"}}).is(http.StatusOK)
			twice := b.submit(page, "/checkout", url.Values{"accept_terms": {"yes"}}).is(http.StatusOK)
			if placed.path != twice.path || !strings.HasPrefix(placed.path, "/orders/ord_") {
				t.Fatalf("orders %s and %s", placed.path, twice.path)
			}
			s.Drain()
			waiting := b.get(placed.path).says(text.In(lang, "shop.order.state.awaiting_payment"), text.In(lang, "shop.checkout.pay", "Amount", "¥398.00"))
			if !waiting.links("https://pay.example/") {
				t.Error("no way to the provider")
			}
			if progress := b.get(placed.path + "/progress"); !strings.Contains(progress.body, "hx-get") || len(progress.all("h1")) != 0 {
				t.Error("the progress of an unpaid order does not ask again, or is a whole page")
			}
			id := order.ID(strings.TrimPrefix(placed.path, "/orders/"))
			o := s.Order(id)
			s.Pay(o.Attempt, o.Fee.Paid)
			s.Drain()

			done := b.get(placed.path).is(http.StatusOK).says(text.In(lang, "shop.order.state.delivered"), seller, text.In(lang, "shop.event.window"),
				text.In(lang, "page.sold_by", "Vendor", seller, "Operator", world.Operator))
			if strings.Contains(done.body, "hx-get") {
				t.Error("a delivered order still asks for news")
			}
			shown := b.submit(done, placed.path+"/reveal", nil).is(http.StatusOK)
			if !strings.Contains(shown.body, s.licence(t, o)) || shown.header.Get("Cache-Control") != "no-store" {
				t.Error("the licence key is not shown, or may be stored")
			}
			b.get(placed.path+"/receipt").is(http.StatusOK).says(text.In(lang, "shop.receipt.payee"), seller, text.In(lang, "shop.receipt.collector"), world.Operator, "¥398.00", o.Snapshot.SheetSHA256)
			mine := b.get("/products").is(http.StatusOK).says(text.In(lang, "entitlement.state.active"))
			for _, n := range mine.all("a") {
				if strings.HasPrefix(attr(n, "href"), "/products/ent_") {
					b.get(attr(n, "href")).is(http.StatusOK).says(text.In(lang, "shop.hand.reveal"))
					break
				}
			}
			b.get("/orders").is(http.StatusOK).says("¥398.00")
			b.get("/messages").is(http.StatusOK)
			b.get("/account").is(http.StatusOK).says(text.In(lang, "agreement.standing.accepted"), text.In(lang, "identity.state.verified"))

			// For everybody else none of it exists.
			other := s.Customer(account.LegalPerson)
			stranger := s.signedIn(t, lang, s.email(t, other))
			for _, path := range []string{placed.path, placed.path + "/receipt", placed.path + "/progress"} {
				stranger.get(path).is(http.StatusNotFound).saysNot(seller)
			}
			stranger.post(placed.path+"/cancel", nil).is(http.StatusNotFound)
			stranger.post(placed.path+"/reveal", nil).is(http.StatusNotFound)
			for _, n := range mine.all("a") {
				if strings.HasPrefix(attr(n, "href"), "/products/ent_") {
					stranger.get(attr(n, "href")).is(http.StatusNotFound)
				}
			}
		})
	}
}

func TestAnOrderThatNobodyPaidCanBeCancelledOnce(t *testing.T) {
	s := open(t)
	by := s.Customer(account.LegalPerson)
	b := s.signedIn(t, text.ZH, s.email(t, by))
	o := s.Placed(by, s.offer)
	path := "/orders/" + string(o.ID)
	page := b.get(path)
	b.submit(page, path+"/cancel", nil).is(http.StatusOK).says(text.In(text.ZH, "shop.order.state.cancelled"))
	b.post(path+"/cancel", url.Values{"idempotency_key": {"another"}}).is(http.StatusConflict).says(text.In(text.ZH, "fault.ORDER_NOT_PAYABLE"))
}

func TestASecondWayToPayReplacesTheFirst(t *testing.T) {
	s := open(t)
	by := s.Customer(account.LegalPerson)
	b := s.signedIn(t, text.EN, s.email(t, by))
	o := s.Placed(by, s.offer)
	path := "/orders/" + string(o.ID)
	b.submit(b.get(path), path+"/pay", nil).is(http.StatusOK)
	if again := s.Order(o.ID); again.Attempt == o.Attempt {
		t.Error("the attempt is still the first one")
	}
}

func TestAPersonWhoHasNotAcceptedIsLedToTheAgreement(t *testing.T) {
	s := open(t)
	by := s.Registered(account.LegalPerson)
	b := s.signedIn(t, text.ZH, s.email(t, by))
	page := b.get("/checkout?plan=" + string(s.offer.PlanID)).is(http.StatusOK).says(text.In(text.ZH, "fault.AGREEMENT_NOT_ACCEPTED"))
	if !page.links("/agreement?next=") || !page.links("/rules/agreement#cp-3") {
		t.Error("the refusal names neither its clause nor the way on")
	}
	b.submit(page, "/checkout", url.Values{"accept_terms": {"yes"}}).is(http.StatusForbidden)
}

func TestSignInFormKeepsTheAddressAndNeverThePassword(t *testing.T) {
	s := open(t)
	b := s.browser(t, text.ZH)
	b.post("/signin", url.Values{"email": {"somebody@example.com"}, "password": {"wrong words entirely"}}).
		is(http.StatusUnauthorized).saysNot("wrong words entirely").says(text.In(text.ZH, "fault.SIGN_IN_FAILED"))
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example"} {
		by := s.Registered(account.Individual)
		a := s.browser(t, text.ZH).post("/signin", url.Values{"email": {s.email(t, by)}, "password": {world.Password}, "next": {next}})
		if a.path != "/" {
			t.Errorf("next=%s leads to %s", next, a.path)
		}
	}
}

func TestAKeyIsShownOnceAndPeopleAreAddedByTheOwnerOnly(t *testing.T) {
	s := open(t)
	by := s.Customer(account.LegalPerson)
	owner := s.signedIn(t, text.ZH, s.email(t, by))
	made := owner.submit(owner.get("/account"), "/account/keys", url.Values{"name": {"采购系统"}, "scopes": {"orders:read"}}).is(http.StatusOK).
		says(text.In(text.ZH, "shop.key.made"))
	secret := regexp.MustCompile(`data-copy="(ys[^"]+|[^"]{40,})"`).FindStringSubmatch(made.body)
	if secret == nil {
		t.Fatalf("no secret on the page: %s", made.body)
	}
	owner.get("/account").says("采购系统").saysNot(secret[1])
	owner.submit(owner.get("/account/users"), "/account/users", url.Values{
		"name": {"王五"}, "email": {"wang@example.com"}, "password": {"copper garden eleven foxes"}, "role": {account.Buyer},
	}).is(http.StatusOK).says("王五")
	buyer := s.browser(t, text.ZH)
	buyer.post("/signin", url.Values{"email": {"wang@example.com"}, "password": {"copper garden eleven foxes"}}).is(http.StatusOK)
	buyer.post("/account/users", url.Values{"name": {"赵六"}}).is(http.StatusForbidden)
	buyer.post("/account/keys", url.Values{"name": {"x"}}).is(http.StatusForbidden)
	buyer.post("/signout", nil).is(http.StatusOK)
	if a := buyer.get("/account"); !strings.HasPrefix(a.path, "/signin") {
		t.Errorf("after signing out %s", a.path)
	}
}

// decide lets a compliance officer approve every open case.
func (s *site) decide(t *testing.T) {
	t.Helper()
	var open []identity.Case
	s.Read(func(r db.Reader) (err error) {
		open, err = identity.Queue(t.Context(), r)
		return err
	})
	if len(open) == 0 {
		t.Fatal("no case to decide")
	}
	for _, c := range open {
		s.Write(func(tx *db.Tx) error {
			_, err := identity.Decide(t.Context(), tx, s.Compliance, c.ID, identity.Decision{Approve: true, Reason: "documents seen"})
			return err
		})
	}
}

// email is the address that a person of the world signs in with.
func (s *site) email(t *testing.T, by audit.Actor) (email string) {
	t.Helper()
	s.Read(func(r db.Reader) error {
		all, err := account.Contacts(t.Context(), r, account.ID(by.Account))
		for _, one := range all { // of the operator's account, all its people
			if email == "" || string(one.User) == by.User {
				email = one.Email
			}
		}
		return err
	})
	return email
}

// licence is the licence key that belongs to an order.
func (s *site) licence(t *testing.T, o order.Order) (key string) {
	t.Helper()
	by := audit.Actor{Kind: audit.Person, User: string(o.Buyer), Account: string(o.Account), Session: "ses_test"}
	var all []delivery.Delivery
	s.Read(func(r db.Reader) (err error) {
		all, err = delivery.OfOrder(t.Context(), r, string(o.ID))
		return err
	})
	s.Write(func(tx *db.Tx) error {
		opened, err := delivery.Reveal(t.Context(), tx, by, all[0].ID)
		if err == nil {
			key = opened[0].Value
		}
		return err
	})
	return key
}
