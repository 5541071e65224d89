package serve_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/money"
	"yunshi/internal/base/tlog"
	"yunshi/internal/edge/api"
	"yunshi/internal/edge/operatordesk"
	"yunshi/internal/edge/serve"
	"yunshi/internal/edge/shop"
	"yunshi/internal/edge/vendordesk"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

var update = flag.Bool("update", false, "write testdata/access.txt anew; read its diff before you keep it")

// The authorisation matrix: every route of every surface × every role, and every
// object in an address × everybody whose it is not. Three tables decide what is
// right, and a route, a role or an object that stands in none fails:
//
//	testdata/access.txt   which access column each route has
//	columns               which roles each access column lets in
//	objects               whose each object of an address is
//
// A further slice adds its routes to the first by -update, and to the last a line
// for each new {parameter}.

// The roles, by the letters of the tables.
const (
	nobody     = 'a' // not signed in
	customer   = 'o' // owner of the account whose objects are asked for
	member     = 'b' // sub-user of that account who buys
	stranger   = 't' // owner of another customer account
	seller     = 'v' // owner of the vendor's account
	manager    = 'm' // sub-user of the vendor's account who manages it
	rival      = 'w' // owner of another vendor's account
	compliance = 'c'
	finance    = 'f'
	support    = 's'
	superadmin = 'x'
	terminated = 'z' // owner of an account whose use was ended by a measure
	roles      = "aobtvmwcfsxz"
	staff      = "cfsx"
)

// columns say whom an access column lets in.
var columns = map[string]string{
	"public":             roles,
	"signed in":          "obtvmwcfsxz",
	"agreement accepted": "obtvmwz", // the operator's people accept nothing
	"account owner":      "otvwz",
	"vendor":             "vmw",

	"operator: compliance":                               "c",
	"operator: finance":                                  "f",
	"operator: support":                                  "s",
	"operator: superadmin":                               "x",
	"operator: compliance, superadmin":                   "cx",
	"operator: finance, superadmin":                      "fx",
	"operator: finance, support, superadmin":             "fsx",
	"operator: compliance, support, superadmin":          "csx",
	"operator: compliance, finance, support, superadmin": "cfsx",
	"operator: support, finance, compliance, superadmin": "cfsx",
}

const logOrigin = "market.example/log"

// surface is a way in with its routes.
type surface struct {
	name   string
	routes []serve.Route
	api    bool
}

// matrix is one world with a person for each role.
type matrix struct {
	*world.Trade
	t        *testing.T
	market   *serve.Market
	surfaces []surface
	people   map[rune]audit.Actor
	sessions map[rune]string
	keys     map[rune]string
	log      *bytes.Buffer
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	clock := testkit.NewClock()
	m := &matrix{
		Trade: world.NewTrade(t, testkit.OpenAt(t, db.SQLite, clock), clock), t: t, people: map[rune]audit.Actor{}, sessions: map[rune]string{},
		keys: map[rune]string{}, log: &bytes.Buffer{},
	}
	files, err := blob.Disk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	gateways := map[string]payment.Gateway{world.Gateway: m.Provider}
	m.market = &serve.Market{
		DB: m.DB, Blob: files, Refund: m.Refund, Gateways: gateways, Methods: []string{world.Gateway}, Settling: settlement.Work{Gateways: gateways}, Books: m.Books,
		Info: serve.Info{Market: "Yunshi", Operator: world.Operator, BaseURL: "http://market.example", LogKey: "key of the log"},
		Log:  slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	programs, err := api.Routes(m.market)
	if err != nil {
		t.Fatal(err)
	}
	m.surfaces = []surface{
		{"shop", shop.Routes(m.market), false}, {"vendor desk", vendordesk.Routes(m.market), false},
		{"operator desk", operatordesk.Routes(m.market, func(io.Reader) ([]payment.StatementLine, error) { return nil, nil }), false},
		{"api", programs, true},
	}
	m.people[customer] = m.Customer(account.LegalPerson)
	m.people[stranger], m.people[terminated] = m.Customer(account.Individual), m.Customer(account.Individual)
	m.people[member] = m.SubUser(m.people[customer], account.Buyer)
	m.people[seller], m.people[manager] = m.Seller, m.SubUser(m.Seller, account.VendorManager)
	m.people[rival], _ = m.NewVendor()
	m.people[compliance], m.people[finance], m.people[support], m.people[superadmin] = m.Compliance, m.Finance, m.Support, m.Superadmin
	for who, by := range m.people {
		m.Write(func(tx *db.Tx) error {
			s, err := account.SignIn(t.Context(), tx, account.Credential{User: account.UserID(by.User), Account: account.ID(by.Account)}, account.Device{IP: "192.0.2.1", Method: "password"})
			if err != nil {
				return err
			}
			m.sessions[who] = s.Token
			holder := by
			holder.Roles = append(slices.Clone(by.Roles), account.Owner) // keys are made by owners; here everybody has one
			k, err := account.CreateKey(t.Context(), tx, holder, "matrix", []string{"read", "write"})
			m.keys[who] = k.Secret
			return err
		})
	}
	m.Write(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE account_account SET state = $1 WHERE id = $2`, string(account.Terminated), m.people[terminated].Account)
		return err
	})
	return m
}

// handler serves the surfaces; each handler is passed through change first.
func (m *matrix) handler(change func(s surface, r serve.Route) serve.Route) http.Handler {
	m.t.Helper()
	var all []serve.Surface
	for _, s := range m.surfaces {
		one := serve.Surface{API: s.api, MaxBody: 1 << 20, PerSecond: 1 << 20}
		if s.api {
			one.Prefix = api.Prefix
		}
		for _, r := range s.routes {
			one.Routes = append(one.Routes, change(s, r))
		}
		all = append(all, one)
	}
	h, err := serve.New(m.market, all...)
	if err != nil {
		m.t.Fatal(err)
	}
	return h
}

// ask sends one request as somebody.
func (m *matrix) ask(h http.Handler, s surface, who rune, method, path, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(m.t.Context(), method, "http://market.example"+path, strings.NewReader(form))
	r.Header.Set("Accept-Language", "en")
	if s.api {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", m.Clock.Now().String()+path+string(who))
		if key := m.keys[who]; key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
	} else {
		if method != http.MethodGet {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		if token := m.sessions[who]; token != "" {
			r.AddCookie(&http.Cookie{Name: "yunshi_session", Value: token})
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// fill puts values into the parameters of a pattern.
func fill(path string, value func(param string) string) string {
	var b strings.Builder
	for rest := path; ; {
		before, after, ok := strings.Cut(rest, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		param, tail, _ := strings.Cut(after, "}")
		if param != "$" {
			b.WriteString(url.PathEscape(value(param)))
		}
		rest = tail
	}
}

// TestEveryRouteHasItsColumn compares the route tables with the declared one.
func TestEveryRouteHasItsColumn(t *testing.T) {
	m := newMatrix(t)
	var b strings.Builder
	for _, s := range m.surfaces {
		fmt.Fprintf(&b, "# %s\n", s.name)
		for _, r := range s.routes {
			fmt.Fprintf(&b, "%-75s %s\n", r.Pattern, r.Access)
			if columns[r.Access.String()] == "" {
				t.Errorf("%s: nobody has said whom %q lets in", r.Pattern, r.Access)
			}
		}
	}
	const declared = "testdata/access.txt"
	if *update {
		if err := os.WriteFile(declared, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(declared)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(text), "\n")
	got := strings.Split(b.String(), "\n")
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("not declared: %s (go test ./internal/edge/serve -run Column -update, and read the diff)", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("declared and not there: %s", line)
		}
	}
}

// Must show 3: every route × every role. The handlers are replaced by one that
// only says that it was reached, so nothing but the column decides.
func TestEveryRouteLetsInWhomItsColumnSays(t *testing.T) {
	m := newMatrix(t)
	const reached = http.StatusTeapot
	h := m.handler(func(_ surface, r serve.Route) serve.Route {
		r.Handle = func(c *serve.Call) error { c.W.WriteHeader(reached); return nil }
		return r
	})
	asked := 0
	for _, s := range m.surfaces {
		for _, r := range s.routes {
			method, pattern, _ := strings.Cut(r.Pattern, " ")
			path := fill(pattern, func(string) string { return "nothing" })
			for _, who := range roles {
				asked++
				got := m.ask(h, s, who, method, path, "")
				allowed := strings.ContainsRune(columns[r.Access.String()], who)
				if s.api && who == terminated {
					allowed = false // programs stop with the account; its people can still read, export and object
				}
				if allowed != (got.Code == reached) {
					t.Errorf("%s as %c: %d, allowed: %v", r.Pattern, who, got.Code, allowed)
				}
				if allowed {
					continue
				}
				want := http.StatusForbidden
				switch {
				case who == nobody && method == http.MethodGet && !s.api:
					want = http.StatusSeeOther
				case who == nobody:
					want = http.StatusUnauthorized
				}
				if got.Code != want {
					t.Errorf("%s refuses %c with %d, want %d", r.Pattern, who, got.Code, want)
				}
			}
		}
	}
	if asked < 12*200 {
		t.Errorf("only %d requests", asked)
	}
	t.Logf("%d requests", asked)
}

// thing is an object of an address: its id, and the letters of those whose it is.
type thing struct {
	id   string
	last string // of the last parameter, where id is of the one before it
	of   string
}

const (
	buyers  = "ob"
	sellers = "vm"
)

// objects are the objects of one purchase with all that can follow it, by the
// address up to and with the parameter, or by the parameter alone.
func (m *matrix) objects() map[string]thing {
	m.t.Helper()
	ctx := m.t.Context()
	buyer := m.people[customer]
	offer := m.Listed(world.Content(delivery.HookNative, 19_800))
	o := m.Bought(buyer, offer)
	offline := world.Content(delivery.HookNative, 5_000)
	offline.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundVendorOwn, Text: catalog.Both{ZH: "按合同办理", EN: "As the contract says"}}
	aside := m.Bought(buyer, m.Listed(offline))
	var (
		asked  invoice.Request
		title  invoice.Title
		right  entitlement.Entitlement
		handed []delivery.Delivery
		inbox  []message.Item
		matter refund.Matter
		proof  refund.Proof
		back   refund.Request
		keys   []account.Key
		draft  catalog.Version
		pack   evidence.Pack
		theirs evidence.Pack
		record string
		bound  string // a record that names the buyer's account
		spare  string // a further session of the customer
	)
	imaged := world.Content(delivery.HookNative, 5_000)
	imaged.Category = "image_os"
	third := m.Bought(buyer, m.Listed(imaged))
	write := func(fn func(tx *db.Tx) error) { m.t.Helper(); m.Write(fn) }
	write(func(tx *db.Tx) (err error) {
		of, err := order.Invoiceable(ctx, tx, o)
		if err != nil {
			return err
		}
		asked, err = invoice.RequestFor(ctx, tx, buyer, of, invoice.Ask{Kind: invoice.Ordinary, Amount: o.Fee.Paid, Buyer: invoice.Buyer{Kind: invoice.Individual, Name: "Wang Xiaoming"}})
		return err
	})
	write(func(tx *db.Tx) (err error) {
		title, err = invoice.SaveTitle(ctx, tx, buyer, invoice.Buyer{Kind: invoice.Individual, Name: "Wang Xiaoming"})
		return err
	})
	write(func(tx *db.Tx) (err error) {
		back, err = m.Refund.Submit(ctx, tx, buyer, refund.Ask{Order: third.ID, Reason: refund.Quality, Text: "it stops", Amount: money.Amount{Minor: 5_000, Currency: money.CNY}})
		return err
	})
	write(func(tx *db.Tx) (err error) {
		matter, err = refund.OpenMatter(ctx, tx, buyer, aside.ID, "I rang them")
		return err
	})
	stored, err := m.market.Blob.Put(ctx, blob.ByContent, strings.NewReader("%PDF-1.4 proof"))
	if err != nil {
		m.t.Fatal(err)
	}
	write(func(tx *db.Tx) (err error) {
		proof, err = refund.Attach(ctx, tx, buyer, matter.ID, refund.Proof{Name: "letter.pdf", MediaType: "application/pdf", Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key})
		return err
	})
	write(func(tx *db.Tx) (err error) {
		_, draft, err = catalog.Draft(ctx, tx, m.Seller, m.Vendor, "a-draft", world.Content(delivery.HookNative, 100))
		return err
	})
	until := m.Clock.Now().Add(30 * 24 * time.Hour)
	write(func(tx *db.Tx) error {
		_, err := promotion.Announce(ctx, tx, m.Seller, promotion.NewDiscount{Plan: offer.PlanID, Points: 100, Until: until})
		return err
	})
	write(func(tx *db.Tx) (err error) {
		pack, err = evidence.Ask(ctx, tx, buyer, o.ID, evidence.Buyer, evidence.OwnRecords)
		if err != nil {
			return err
		}
		theirs, err = evidence.Ask(ctx, tx, m.Seller, o.ID, evidence.Seller, evidence.OwnRecords)
		return err
	})
	write(func(tx *db.Tx) error {
		s, err := account.SignIn(ctx, tx, account.Credential{User: account.UserID(buyer.User), Account: account.ID(buyer.Account)}, account.Device{IP: "192.0.2.2", Method: "password"})
		spare = s.ID
		return err
	})
	// The orders' notices are in the inbox once they are sent.
	signing, _, err := tlog.GenerateKey(testkit.Rand("log"), logOrigin)
	if err != nil {
		m.t.Fatal(err)
	}
	m.With(message.Work{Sender: &mail.Recorder{}}.Handlers())
	m.With(evidence.Work{Parts: evidence.Parts(), Blob: m.market.Blob, Integrate: func(ctx context.Context) (int, error) {
		return audit.Integrate(ctx, m.DB, logOrigin, signing)
	}}.Handlers())
	m.Drain()
	m.Read(func(r db.Reader) (err error) {
		if right, err = entitlement.OfLine(ctx, r, string(o.Line)); err != nil {
			return err
		}
		if handed, err = delivery.OfOrder(ctx, r, string(o.ID)); err != nil {
			return err
		}
		if inbox, err = message.Inbox(ctx, r, account.ID(buyer.Account), ""); err != nil {
			return err
		}
		if keys, err = account.ListKeys(ctx, r, buyer); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(o.ID))
		if err != nil {
			return err
		}
		for _, a := range acts {
			switch a.Act {
			case "order.paid":
				record = a.ID
			case "entitlement.bound":
				bound = a.ID
			}
		}
		return nil
	})
	for {
		if placed, err := audit.Integrate(ctx, m.DB, logOrigin, signing); err != nil {
			m.t.Fatal(err)
		} else if placed == 0 {
			break
		}
	}
	deals := buyers + sellers + staff
	// A right and its delivery are shown to whoever holds them and to staff, who serve them; the vendor's
	// people see a delivery at their own desk.
	return map[string]thing{
		"/orders/{id}": {id: string(o.ID), of: buyers},
		// An invoice is its vendor's too, and staff see that there is one.
		"/orders/{id}/invoice/{invoice}":            {id: string(asked.ID), of: buyers},
		"/orders/{id}/invoice/{invoice}/file/{sha}": {id: "nothing", of: deals},
		"/orders/{id}/invoice/{invoice}/gobl/{doc}": {id: "nothing", of: deals},
		"/orders/{id}/invoice/{invoice}/red/{red}":  {id: "nothing", of: deals},
		"/orders/{id}/evidence/{pack}":              {id: string(pack.ID), of: buyers},
		"/refunds/{id}":                             {id: string(back.ID), of: deals},
		"/refunds/{id}/say":                         {id: string(matter.ID), of: deals},
		"/refunds/{id}/proof":                       {id: string(matter.ID), of: deals},
		"/refunds/{id}/proofs/{proof}":              {id: string(matter.ID), last: proof.ID, of: deals},
		"/account/titles/{title}":                   {id: string(title.ID), of: buyers},
		"/products/{id}":                            {id: string(right.ID), of: buyers},
		"/messages/{id}":                            {id: string(inbox[0].ID), of: buyers},
		"/account/keys/{id}":                        {id: keys[0].ID, of: "o"},
		"/account/sessions/{id}":                    {id: spare, of: "o"},
		"/verify/{record}":                          {id: record, of: deals},
		"/verify/receipt/{record}":                  {id: record, of: roles},
		"/verify/receipt/{record}/proof.json":       {id: record, of: roles},
		"bound":                                     {id: bound},
		"/vendor/orders/{order}":                    {id: string(o.ID), of: sellers},
		"/vendor/orders/{order}/evidence/{pack}":    {id: string(theirs.ID), of: sellers},
		"/vendor/products/{product}":                {id: string(offer.Product.ID), of: sellers},
		"/vendor/versions/{version}":                {id: string(draft.ID), of: sellers},
		"/vendor/refunds/{refund}":                  {id: string(back.ID), of: sellers},
		"/vendor/refunds/{refund}/say":              {id: string(matter.ID), of: sellers},
		"/vendor/refunds/{refund}/proof":            {id: string(matter.ID), of: sellers},
		"/vendor/refunds/{refund}/proofs/{proof}":   {id: string(matter.ID), last: proof.ID, of: sellers},
		"/vendor/deliveries/{delivery}":             {id: string(handed[0].ID), of: sellers},
		"/vendor/invoices/{invoice}":                {id: string(asked.ID), of: sellers},
	}
}

// forms are what a POST needs so that nothing but the owner can be the reason of a refusal.
var forms = map[string]string{
	"POST /vendor/refunds/{refund}/answer": "version=1&answer=agree&amount=50.00",
	"POST /vendor/refunds/{refund}/say":    "version=1&text=words&amount=0.00&outcome=",
}

// skipped are addresses whose last parameter is no object of somebody: a catalogue's
// entry, a code that is itself the permission, a month or a form of a thing that the
// parameters before it name.
var skipped = map[string]string{
	"{slug}": "catalogue", "{code}": "catalogue", "{token}": "the link is the permission and is bound to its account", "{month}": "of the own account", "{form}": "of the month",
	"{name}": "proved by signature", "{sha}": "of the invoice", "{doc}": "of the invoice", "{red}": "of the invoice",
	"{withdrawal}": "of the own account", "{proof}": "of the refund", "{sha256}": "of the invoice", "{document}": "of the invoice",
}

// Must show 3: every object of a page's address × everybody. Whose it is gets in;
// for everybody else whom the column lets in it does not exist, the answer is
// the one for nothing, and the attempt is counted (clause 4.7.3).
func TestClause_4_7_3_EveryForeignObjectDoesNotExist(t *testing.T) {
	m := newMatrix(t)
	objects := m.objects()
	h := m.handler(func(_ surface, r serve.Route) serve.Route { return r })
	asked := 0
	denials := func(who rune) (n int64) {
		m.Read(func(r db.Reader) error {
			risk, err := account.RiskOf(t.Context(), r, account.ID(m.people[who].Account))
			n = risk.Denials
			return err
		})
		return n
	}
	// Reading first: what is written may end a thing.
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, s := range m.surfaces {
			if s.api || s.name == "operator desk" {
				continue // package api asks for each thing with valid bodies; staff share all objects of their desk
			}
			for _, r := range s.routes {
				verb, pattern, _ := strings.Cut(r.Pattern, " ")
				at := strings.LastIndex(pattern, "{")
				if verb != method || at < 0 || strings.HasSuffix(pattern, "{$}") {
					continue
				}
				end := at + strings.Index(pattern[at:], "}") + 1
				last, known := objects[pattern]
				if !known {
					last, known = objects[pattern[:end]]
				}
				word := skipped[pattern[at:end]]
				if !known && word == "" {
					t.Errorf("%s: nobody has said whose %s is", r.Pattern, pattern[at:end])
					continue
				}
				if !known { // the thing before it decides
					before := strings.LastIndex(pattern[:at], "{")
					if before < 0 {
						continue
					}
					if last, known = objects[pattern[:before+strings.Index(pattern[before:], "}")+1]]; !known {
						continue
					}
				}
				path := fill(pattern, func(param string) string {
					upTo := pattern[:strings.Index(pattern, "{"+param+"}")+len(param)+2]
					switch o, ok := objects[upTo]; {
					case upTo == pattern[:end] && last.last != "":
						return last.last
					case objects[pattern].id != "" && (upTo == pattern[:strings.Index(pattern, "}")+1] && last.last != "" || upTo == pattern[:end] && objects[pattern].last == ""):
						return last.id
					case ok:
						return o.id
					}
					return "nothing"
				})
				// Those whose it is come last: what they do may end it.
				order := strings.Map(func(r rune) rune {
					if strings.ContainsRune(last.of, r) {
						return -1
					}
					return r
				}, roles) + last.of
				for _, who := range order {
					if !strings.ContainsRune(columns[r.Access.String()], who) {
						continue
					}
					asked++
					before := denials(who)
					got := m.ask(h, s, who, verb, path, forms[r.Pattern])
					if got.Code >= 500 || got.Code == http.StatusTooManyRequests {
						t.Fatalf("%s as %c: %d\n%s", r.Pattern, who, got.Code, m.log)
					}
					mine := strings.ContainsRune(last.of, who)
					switch {
					case mine && verb == http.MethodGet && (word == "" || last.last != "") && got.Code != http.StatusOK && got.Code != http.StatusSeeOther && got.Code != http.StatusConflict:
						t.Errorf("%s as %c, whose it is: %d", r.Pattern, who, got.Code)
					case !mine && strings.ContainsRune(staff, who) && got.Code == http.StatusForbidden && verb == http.MethodPost && s.name == "vendor desk":
						// The operator may not edit, whoever's it is (clause 3.2).
					case !mine && got.Code != http.StatusNotFound:
						t.Errorf("%s as %c, whose it is not: %d %s", r.Pattern, who, got.Code, got.Header().Get("Location"))
					case !mine && denials(who) != before+1:
						t.Errorf("%s as %c, whose it is not: not counted", r.Pattern, who)
					}
				}
				m.Clock.Advance(time.Second)
			}
		}
	}
	for _, who := range sellers {
		if got := m.ask(h, m.surfaces[0], who, http.MethodGet, "/verify/"+objects["bound"].id, ""); got.Code != http.StatusNotFound {
			t.Errorf("a record that names the buyer's account is shown to %c: %d", who, got.Code)
		}
	}
	t.Logf("%d requests", asked)
	if asked < 300 {
		t.Errorf("only %d requests", asked)
	}
}
