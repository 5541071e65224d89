package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/client"
	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/api"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/payment"
	"yunshi/internal/plug/sandboxpay"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const noticeSecret = "notice secret of the tests"

// gateway is a provider that behaves and proves its notices as the sandbox does.
type gateway struct {
	*world.Provider
	proof *sandboxpay.Gateway
}

func (g gateway) Capability() payment.Capability {
	c := g.Provider.Capability()
	c.Acknowledge = "taken"
	return c
}

func (g gateway) Event(h map[string][]string, body []byte, now time.Time) (payment.Event, error) {
	return g.proof.Event(h, body, now)
}

// bench is a market behind HTTP.
type bench struct {
	*world.Trade
	t      *testing.T
	server *httptest.Server
	log    *logged
	files  blob.Store
}

// logged is a log that a test can read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// onBoth runs fn before a fresh market on each engine.
func onBoth(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) { fn(t, open(t, d, clock)) })
}

func open(t *testing.T, d *db.DB, clock *testkit.Clock) *bench {
	t.Helper()
	b := &bench{Trade: world.NewTrade(t, d, clock), t: t, log: &logged{}, files: must(blob.Disk(t.TempDir()))(t)}
	m := &serve.Market{
		DB: d, Blob: b.files, Refund: b.Refund, Methods: []string{world.Gateway}, Log: slog.New(slog.NewTextHandler(b.log, nil)),
		Gateways: map[string]payment.Gateway{world.Gateway: gateway{b.Provider, sandboxpay.NewGateway(nil, noticeSecret)}},
		Info:     serve.Info{Market: "Test", Operator: world.Operator, BaseURL: "http://market.example", LogKey: "key of the log"},
	}
	routes, err := api.Routes(m)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := serve.New(m, serve.Surface{Routes: routes, API: true, Prefix: api.Prefix})
	if err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewServer(handler)
	t.Cleanup(b.server.Close)
	t.Cleanup(func() {
		if text := b.log.String(); strings.Contains(text, "level=ERROR") {
			t.Errorf("the market logged a defect:\n%s", text)
		}
	})
	return b
}

// key is a fresh API key of a person. Keys are made by owners; for the test
// everybody has one.
func (b *bench) key(who audit.Actor, scopes ...string) string {
	b.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{client.ScopeRead, client.ScopeWrite}
	}
	who.Roles = []string{account.Owner}
	var k account.Key
	b.Write(func(tx *db.Tx) (err error) {
		k, err = account.CreateKey(b.t.Context(), tx, who, "test", scopes)
		return err
	})
	return k.Secret
}

// as is a client that acts as a person.
func (b *bench) as(who audit.Actor) *client.Client {
	b.t.Helper()
	c := b.nobody()
	c.Key = b.key(who)
	return c
}

func (b *bench) nobody() *client.Client {
	c := client.New(b.server.URL, "")
	c.Language, c.Tries = "en", 1
	return c
}

// answer is what a raw request got.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem client.Problem
}

// send makes a raw request; key "" is nobody.
func (b *bench) send(method, path, key, body string, headers ...string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Header.Set("Accept-Language", "en")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(text)}
	if res.StatusCode >= 400 {
		if err := json.Unmarshal(text, &a.problem); err != nil || a.problem.Code == "" || res.Header.Get("Content-Type") != "application/problem+json" {
			b.t.Errorf("%s %s: %d is no problem document: %s", method, path, res.StatusCode, text)
		}
	}
	return a
}

// notify sends a notice of the provider about an attempt, signed with a secret.
func (b *bench) notify(id, secret string, attempt payment.AttemptID, at time.Time, change func(*sandboxpay.Notification)) answer {
	b.t.Helper()
	o, err := b.Provider.Find(b.t.Context(), payment.Ref{Reference: attempt})
	if err != nil {
		b.t.Fatal(err)
	}
	n := sandboxpay.Notification{ID: id, Type: "payment.captured", CreatedAt: at, Mode: "sandbox", Payment: &sandboxpay.Payment{
		ID: o.ProviderID, Reference: o.Reference, Amount: o.Amount.Minor, Currency: string(o.Amount.Currency),
	}}
	if change != nil {
		change(&n)
	}
	body, err := json.Marshal(n)
	if err != nil {
		b.t.Fatal(err)
	}
	h := http.Header{}
	if secret != "" {
		sandboxpay.SignNotification(h, secret, id, at, body)
	}
	var headers []string
	for name := range h {
		headers = append(headers, name, h.Get(name))
	}
	return b.send(http.MethodPost, "/gateway/"+world.Gateway, "", string(body), headers...)
}

func code(t *testing.T, err error, want string) *client.Problem {
	t.Helper()
	if client.Code(err) != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	p, _ := err.(*client.Problem) //nolint:errorlint // the client returns it bare
	return p
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
