package serve_test

import (
	"bytes"
	"encoding/json"
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
	"yunshi/internal/edge/api"
	"yunshi/internal/edge/operatordesk"
	"yunshi/internal/edge/serve"
	"yunshi/internal/edge/shop"
	"yunshi/internal/edge/vendordesk"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/review"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
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
//	objects               whose each object of an address is (objects_test.go)
//
// A further slice adds its routes to the first by -update, and to the last a line
// for each new {parameter}. There is no list of exceptions: what everybody may see
// stands there as everybody's.

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
	"operator: support, compliance":                      "cs",
	"operator: support, compliance, superadmin":          "csx",
}

const logOrigin = "market.example/log"

// surface is a way in with its routes.
type surface struct {
	name   string
	routes []serve.Route
	api    bool
}

// programs is the surface of the API in a matrix.
const programs = 3

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

	// What the objects are made from.
	offer                  catalog.Offer
	order                  order.Order
	file                   catalog.Offer // something to load
	rated, discount, batch string
	xml                    []byte // of the invoice
	bound                  string // a record that names the buyer's account
	rival                  vendor.ID
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
		Info:  serve.Info{Market: "Yunshi", Operator: world.Operator, BaseURL: "http://market.example", LogKey: "key of the log"},
		Talks: message.Talks{Parties: order.Parties}, Complaint: complaint.Rules{RedLetter: m.Refund.RedLetter}, Keep: privacy.Keepers(),
		Content:   content.Rules{Owners: map[content.Kind]content.Owner{content.Message: message.Owner(), content.Review: review.Owner(), content.Reply: review.ReplyOwner()}},
		Notices:   infringement.Rules{Blockers: map[string]infringement.Blocker{infringement.Product: infringement.Products()}},
		Operation: outages, Enforcing: enforcing(m.Trade),
		Log: slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	operations, err := api.Routes(m.market)
	if err != nil {
		t.Fatal(err)
	}
	m.surfaces = []surface{
		{"shop", shop.Routes(m.market), false}, {"vendor desk", vendordesk.Routes(m.market), false},
		{"operator desk", operatordesk.Routes(m.market, func(io.Reader) ([]payment.StatementLine, error) { return nil, nil }), false},
		{"api", operations, true},
	}
	m.people[customer] = m.Customer(account.LegalPerson)
	m.people[stranger], m.people[terminated] = m.Customer(account.Individual), m.Customer(account.Individual)
	m.people[member] = m.SubUser(m.people[customer], account.Buyer)
	m.people[seller], m.people[manager] = m.Seller, m.SubUser(m.Seller, account.VendorManager)
	m.people[rival], m.rival = m.NewVendor()
	m.people[compliance], m.people[finance], m.people[support], m.people[superadmin] = m.Compliance, m.Finance, m.Support, m.Superadmin
	m.enter()
	for who, by := range m.people {
		m.Write(func(tx *db.Tx) error {
			by.Roles = append(slices.Clone(by.Roles), account.Owner) // keys are made by owners; here everybody has one
			k, err := account.CreateKey(t.Context(), tx, by, "matrix", []string{"read", "write"})
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

// enter signs everybody in.
func (m *matrix) enter() {
	m.t.Helper()
	for who, by := range m.people {
		m.Write(func(tx *db.Tx) error {
			s, err := account.SignIn(m.t.Context(), tx, account.Credential{User: account.UserID(by.User), Account: account.ID(by.Account)}, account.Device{IP: "192.0.2.1", Method: "password"})
			m.sessions[who] = s.Token
			return err
		})
	}
}

// asIs serves the surfaces as they are.
func (m *matrix) asIs() http.Handler {
	return m.handler(func(_ surface, r serve.Route) serve.Route { return r })
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
func (m *matrix) ask(h http.Handler, s surface, who rune, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(m.t.Context(), method, "http://market.example"+path, strings.NewReader(body))
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
			if strings.HasPrefix(body, "--"+boundary) {
				r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
			}
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

// links are ways to a file, each for who asked for it in one session. Everybody else
// is told that it has ended.
func (m *matrix) links(all things) {
	m.t.Helper()
	const others = "/btvmwcfsxz"
	bought := m.Bought(m.people[customer], m.file) // anew: the months that the objects took have ended the first
	m.Read(func(r db.Reader) error {
		loading, err := delivery.OfOrder(m.t.Context(), r, string(bought.ID))
		must(m.t, err)
		person, _, err := account.Resolve(m.t.Context(), r, m.sessions[customer])
		must(m.t, err)
		program, _, err := account.ResolveKey(m.t.Context(), r, m.keys[customer])
		must(m.t, err)
		for address, by := range map[string]audit.Actor{"/d/{token}": person, "/api/v1/downloads/{token}": program} {
			link, err := delivery.NewLink(m.t.Context(), r, by, loading[0].ID)
			must(m.t, err)
			all.put("o"+others, ids(link.Token), address)
		}
		return nil
	})
}

// boundary stands between the parts of a form that carries a file.
const boundary = "part"

// filled is a form as a person sends it who has seen another state of the thing: all
// that any handler reads is there, so that nothing but the owner can be the reason
// of a refusal, and what belongs to the asker is refused as stale.
func (m *matrix) filled(pattern string) string {
	last := pattern[strings.LastIndexByte(pattern, '/')+1:]
	if slices.Contains([]string{"evidence", "proof", "file", "files"}, last) && !strings.HasSuffix(pattern, "/orders/{id}/evidence") && !strings.HasSuffix(pattern, "/orders/{order}/evidence") {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.4 a\r\n--" + boundary + "--\r\n"
	}
	return url.Values{
		"version": {"999"}, "revision": {"999"}, "text": {"words"}, "reason": {"other"}, "answer": {"agree"}, "amount": {"50.00"}, "review": {m.rated}, "plan": {string(m.offer.PlanID)}, "discount": {m.discount}, "batch": {m.batch}, "outcome": {""},
		"contest": {"words"}, "words": {"words"}, "note": {"words"}, "why": {"words"},
	}.Encode()
}

// bodies are inputs of the API by its own document: every required member, with the
// least that its type allows, or what that name means here.
func (m *matrix) bodies(h http.Handler) map[string]string {
	m.t.Helper()
	type schema struct {
		Ref        string             `json:"$ref"`
		Type       any                `json:"type"`
		Format     string             `json:"format"`
		Enum       []any              `json:"enum"`
		Minimum    float64            `json:"minimum"`
		Required   []string           `json:"required"`
		Properties map[string]*schema `json:"properties"`
	}
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema *schema `json:"schema"`
				} `json:"content"`
			} `json:"requestBody"`
		} `json:"paths"`
		Components struct {
			Schemas map[string]*schema `json:"schemas"`
		} `json:"components"`
	}
	got := m.must(m.ask(h, m.surfaces[programs], nobody, http.MethodGet, "/api/v1/openapi.json", ""))
	must(m.t, json.Unmarshal(got.Body.Bytes(), &document))
	means := map[string]any{"plan": m.offer.PlanID, "content": m.xml, "reason": "01", "confirmation": "44030026030000000009"}
	var least func(s *schema) any
	least = func(s *schema) any {
		switch {
		case s.Ref != "":
			return least(document.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]])
		case len(s.Enum) > 0:
			return s.Enum[0]
		case s.Format == "date-time":
			return "2099-01-01T00:00:00Z"
		case s.Format == "date":
			return "2099-01-01"
		case s.Type == "integer", s.Type == "number":
			return max(s.Minimum, 999)
		case s.Type == "boolean":
			return false
		case s.Type == "array":
			return []any{}
		case s.Type == "string":
			return "CNY"
		}
		v := map[string]any{}
		for _, name := range s.Required {
			if v[name] = means[name]; v[name] == nil || len(s.Properties[name].Enum) > 0 {
				v[name] = least(s.Properties[name])
			}
		}
		return v
	}
	out := map[string]string{}
	for path, methods := range document.Paths {
		for method, o := range methods {
			for _, c := range o.RequestBody.Content {
				body, err := json.Marshal(least(c.Schema))
				must(m.t, err)
				out[strings.ToUpper(method)+" "+path] = string(body)
			}
		}
	}
	return out
}

// must is an answer that a test goes on from.
func (m *matrix) must(w *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	m.t.Helper()
	if w.Code >= 300 {
		m.t.Fatalf("%d %s\n%s", w.Code, w.Body, m.log)
	}
	return w
}

// Must show 3: every object of an address × everybody, on every surface. Whose it is
// gets in; for everybody else whom the column lets in it does not exist, the answer
// is the one for nothing, and the attempt is counted (clause 4.7.3).
func TestClause_4_7_3_EveryForeignObjectDoesNotExist(t *testing.T) {
	m := newMatrix(t)
	objects := m.objects()
	m.enter() // the objects took months
	m.links(objects)
	h := m.asIs()
	bodies := m.bodies(h)
	denials := func(who rune) (n int64) {
		m.Read(func(r db.Reader) error {
			risk, err := account.RiskOf(t.Context(), r, account.ID(m.people[who].Account))
			n = risk.Denials
			return err
		})
		return n
	}
	asked := 0
	ask := func(s surface, r serve.Route, verb, pattern string) {
		t.Helper()
		what, known := objects.of(pattern)
		if !known {
			t.Errorf("%s: nobody has said whose it is", r.Pattern)
			return
		}
		address := func(of []string) string {
			return fill(pattern, func(string) string {
				id := of[0]
				of = of[1:]
				return id
			})
		}
		path := address(what.ids)
		body := m.filled(pattern)
		if s.api {
			body = bodies[r.Pattern]
		}
		// Those whose it is come last: what they do may end it.
		order := strings.Map(func(r rune) rune {
			if strings.ContainsRune(what.of, r) {
				return -1
			}
			return r
		}, roles) + what.of
		owners := 0
		for _, who := range order {
			if !strings.ContainsRune(columns[r.Access.String()], who) || s.api && who == terminated {
				continue
			}
			asked++
			before := denials(who)
			got := m.ask(h, s, who, verb, path, body)
			mine := strings.ContainsRune(what.of, who)
			switch {
			case got.Code >= 500 || got.Code == http.StatusTooManyRequests:
				t.Errorf("%s as %c: %d\n%s", r.Pattern, who, got.Code, m.log)
				m.log.Reset()
			case mine:
				// What the first of them does may end it for the next.
				if owners++; owners == 1 && got.Code == http.StatusNotFound || verb == http.MethodGet && got.Code != http.StatusOK && got.Code != http.StatusSeeOther {
					t.Errorf("%s as %c, whose it is: %d %s", r.Pattern, who, got.Code, problem(got))
				}
			case strings.ContainsRune(what.knows, who) && (got.Code == http.StatusForbidden || verb == http.MethodGet && got.Code == http.StatusOK):
			case got.Code == http.StatusForbidden && who == terminated && verb != http.MethodGet:
				// It may look at its own, and nothing else, whoever's it is.
			case got.Code != http.StatusNotFound:
				t.Errorf("%s as %c, whose it is not: %d %s%s", r.Pattern, who, got.Code, got.Header().Get("Location"), problem(got))
			case who != nobody && denials(who) != before+1:
				t.Errorf("%s as %c, whose it is not: not counted", r.Pattern, who)
			case s.api && who != nobody:
				nothing := make([]string, len(what.ids))
				for i := range nothing {
					nothing[i] = "nothing"
				}
				if none := m.ask(h, s, who, verb, address(nothing), body); problem(none) != problem(got) {
					t.Errorf("%s as %c, whose it is not: %s; for nothing %s", r.Pattern, who, problem(got), problem(none))
				}
			}
		}
		m.Clock.Advance(time.Second)
	}
	// Reading first: what is written may end a thing.
	for _, reading := range []bool{true, false} {
		for _, s := range m.surfaces {
			for _, r := range s.routes {
				verb, pattern, _ := strings.Cut(r.Pattern, " ")
				if (verb == http.MethodGet) == reading && strings.Contains(strings.TrimSuffix(pattern, "{$}"), "{") && !r.Proves {
					ask(s, r, verb, pattern)
				}
			}
		}
	}
	for _, who := range sellers {
		if got := m.ask(h, m.surfaces[0], who, http.MethodGet, "/verify/"+m.bound, ""); got.Code != http.StatusNotFound {
			t.Errorf("a record that names the buyer's account is shown to %c: %d", who, got.Code)
		}
	}
	t.Logf("%d requests", asked)
	if asked < 1500 {
		t.Errorf("only %d requests", asked)
	}
}

// problem is what an answer of the API or a refused page says, without its reference.
func problem(w *httptest.ResponseRecorder) string {
	var p serve.Problem
	if json.Unmarshal(w.Body.Bytes(), &p) != nil {
		return ""
	}
	return strings.Join([]string{p.Code, p.Clause, p.Title, p.Next}, " ")
}
