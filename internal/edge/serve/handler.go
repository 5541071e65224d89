package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/operation"
)

// Surface is one kind of callers: browsers, or programs.
type Surface struct {
	Routes  []Route
	API     bool   // keys in headers and problem+json; otherwise cookies and pages
	Prefix  string // "/api/" for the API; "" for pages
	MaxBody int64  // of one request; default 1 MiB

	// PerSecond bounds the requests of one session, key or address; default 30.
	PerSecond int
}

// New builds the handler of the whole market and refuses a table with a hole.
func New(m *Market, surfaces ...Surface) (http.Handler, error) {
	if m.Files.Files == nil {
		m.Files.Files = m.Blob
	}
	mux := http.NewServeMux()
	var errs []error
	for _, s := range surfaces {
		if s.MaxBody == 0 {
			s.MaxBody = 1 << 20
		}
		limits := newLimits(m.DB.Now, cmp.Or(s.PerSecond, 30))
		for _, route := range s.Routes {
			if route.Access.name == "" || route.Handle == nil || !strings.Contains(route.Pattern, " ") {
				errs = append(errs, fmt.Errorf("serve: route %q has no access entry, handler or method", route.Pattern))
				continue
			}
			mux.Handle(route.Pattern, m.wrap(s, route, limits))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	mux.Handle("GET "+page.StaticPrefix, page.Static())
	mux.Handle("POST "+page.ThemePath, http.NewCrossOriginProtection().Handler(http.HandlerFunc(page.SetTheme)))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := m.DB.Read(r.Context(), func(rd db.Reader) error { _, err := db.Value[int64](r.Context(), rd, "SELECT 1"); return err }); err != nil {
			m.Log.Error("serve: not ready", "error", err)
			http.Error(w, "database unavailable", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	notFound := Route{Pattern: "/", Access: Public, Handle: func(*Call) error { return ErrNotFound }}
	strangers := newLimits(m.DB.Now, 30)
	mux.Handle("/", m.wrap(Surface{MaxBody: 1 << 20}, notFound, strangers))
	for _, s := range surfaces {
		if s.Prefix != "" {
			s.MaxBody = 1 << 20
			mux.Handle(s.Prefix, m.wrap(s, notFound, strangers))
		}
	}
	return mux, nil
}

// wrap is everything around a handler, in the order it happens.
func (m *Market) wrap(s Surface, route Route, limits *limits) http.Handler {
	handle := func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		c := &Call{W: w, R: r, Market: m, access: route.Access, api: s.API, reference: rand.Text()[:12]}
		watched := &statusWriter{ResponseWriter: w}
		c.W = watched
		c.secure()
		err := c.serve(s, route, limits)
		if err != nil {
			c.fail(watched, err)
		}
		m.Log.Debug("request", "method", r.Method, "route", route.Pattern, "status", watched.status,
			"took", time.Since(start), "reference", c.reference)
	}
	if s.API {
		return http.HandlerFunc(handle)
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "cross-origin request refused", http.StatusForbidden)
	}))
	return protection.Handler(http.HandlerFunc(handle))
}

func (c *Call) serve(s Surface, route Route, limits *limits) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if r == http.ErrAbortHandler {
				panic(r)
			}
			err = fmt.Errorf("serve: panic: %v\n%s", r, debug.Stack())
		}
	}()
	c.R.Body = http.MaxBytesReader(c.W, c.R.Body, s.MaxBody)
	if err := c.identify(); err != nil {
		return err
	}
	c.language()
	if !route.Proves && !limits.allow(c.limitKey()) {
		c.W.Header().Set("Retry-After", "2")
		return ErrLimited.With("Seconds", 2)
	}
	if !route.Proves {
		if err := c.keptOut(); err != nil {
			return err
		}
	}
	if err := c.goOn(); err != nil {
		return err
	}
	if err := c.admit(route.Access); err != nil {
		return err
	}
	if err := c.firstUse(); err != nil {
		return err
	}
	if err := c.stillOpen(route); err != nil {
		return err
	}
	return route.Handle(c)
}

// identify finds the session or key behind the request.
func (c *Call) identify() error {
	token, resolve := "", account.Resolve
	if c.api {
		token = strings.TrimPrefix(c.R.Header.Get("Authorization"), "Bearer ")
		resolve = func(ctx context.Context, r db.Reader, secret string) (audit.Actor, account.User, error) {
			by, _, err := account.ResolveKey(ctx, r, secret)
			return by, account.User{}, err
		}
	} else if cookie, err := c.R.Cookie(c.cookieName("session")); err == nil {
		token = cookie.Value
	}
	if cookie, err := c.R.Cookie(c.cookieName("device")); err == nil && !c.api {
		c.device = cookie.Value
	}
	if token == "" {
		return nil
	}
	var by audit.Actor
	var user account.User
	err := c.Read(func(r db.Reader) (err error) {
		by, user, err = resolve(c.R.Context(), r, token)
		return err
	})
	if f, ok := fault.Of(err); ok && f.Kind == fault.Unauthenticated {
		if c.api {
			return err
		}
		c.setCookie("session", "", -1) // an ended session is nobody
		return nil
	}
	if err != nil {
		return err
	}
	c.Actor, c.User = by, user
	return nil
}

// language picks the language: what was asked for now, then chosen earlier, then
// the user's own, then the browser's.
func (c *Call) language() {
	chosen, ok := text.ParseLang(c.R.URL.Query().Get("lang"))
	if ok && !c.api {
		c.setCookie("lang", string(chosen), 365*24*3600)
	}
	if !ok && !c.api {
		if cookie, err := c.R.Cookie(c.cookieName("lang")); err == nil {
			chosen, ok = text.ParseLang(cookie.Value)
		}
	}
	if !ok && c.User.Locale != "" {
		chosen, ok = text.ParseLang(c.User.Locale)
	}
	if !ok {
		chosen = text.Match(c.R.Header.Get("Accept-Language"))
	}
	c.Lang = chosen
	c.Actor.Locale = string(chosen)
	c.R = c.R.WithContext(text.With(c.R.Context(), chosen))
}

// stillOpen refuses changes once the service has ended, but for the routes of an
// archive and for notices of providers, which are about money that exists.
func (c *Call) stillOpen(route Route) error {
	if c.R.Method == http.MethodGet || c.R.Method == http.MethodHead || route.Archive || route.Proves {
		return nil
	}
	return c.Read(func(r db.Reader) error { return operation.MustChange(c.R.Context(), r) })
}

// goOn records that an account that was bound before a change of the rules goes on
// using the market after it took effect: on the first page that a person opens,
// which carries the banner, or the first act of a program, which gets the header.
// The pages on which the rules are read and refused bind nobody.
func (c *Call) goOn() error {
	if !c.SignedIn() || c.api && c.access.name != Accepted.name || !c.api && !c.opensPage() {
		return nil
	}
	ctx, due := c.R.Context(), false
	if err := c.Read(func(r db.Reader) (err error) {
		due, err = agreement.MayGoOn(ctx, r, c.Actor)
		return err
	}); err != nil || !due {
		return err
	}
	on := agreement.Banner
	if c.api {
		on = agreement.Header
		c.W.Header().Add("Link", `<`+page.RulesPath+`>; rel="terms-of-service"`)
	}
	return c.Market.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := agreement.GoOn(ctx, tx, c.Actor, on, agreement.Acceptance{Locale: string(c.Lang), IP: c.IP(), UserAgent: c.R.UserAgent()})
		return err
	})
}

// files are pieces of the paths that answer with a file or a part of a page, which
// carry no banner.
var files = []string{"/file/", "/gobl/", "/proofs/", "/d/", "/slip", "/progress", ".json", ".csv", ".pdf", ".txt", ".zip"}

// opensPage reports whether the request is a person's for a whole page other than
// those of the rules.
func (c *Call) opensPage() bool {
	path, accept := c.R.URL.Path, c.R.Header.Get("Accept")
	return c.R.Method == http.MethodGet && c.R.Header.Get("HX-Request") == "" && (accept == "" || strings.Contains(accept, "text/html")) &&
		!strings.HasPrefix(path, AgreementPath) && !strings.HasPrefix(path, page.RulesPath) &&
		!slices.ContainsFunc(files, func(piece string) bool { return strings.Contains(path, piece) })
}

// firstUse records an acceptance by use: somebody who was shown the agreement
// and goes on using the market's own pages has accepted it.
func (c *Call) firstUse() error {
	if c.api || !c.SignedIn() || !c.Actor.Has(account.Owner) || c.R.Method != http.MethodGet || c.access.allow == nil || strings.HasPrefix(c.R.URL.Path, AgreementPath) {
		return nil
	}
	ctx := c.R.Context()
	var standing agreement.Standing
	if err := c.Read(func(r db.Reader) (err error) {
		standing, _, err = agreement.Status(ctx, r, c.Account())
		return err
	}); err != nil || standing != agreement.None {
		return err
	}
	return c.Market.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := agreement.FirstUse(ctx, tx, c.Actor)
		return err
	})
}

// AgreementPath is where the agreement is shown and accepted.
const AgreementPath = "/agreement"

// secure sets the headers of every answer.
func (c *Call) secure() {
	h := c.W.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	if c.api {
		h.Set("Cache-Control", "no-store")
		return
	}
	forms := "'self'"
	for _, host := range c.Market.Info.PayHosts {
		forms += " " + host
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action "+forms+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	if c.https() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func (c *Call) https() bool { return strings.HasPrefix(c.Market.Info.BaseURL, "https://") }

// cookieName uses the prefix by which browsers tie a cookie to this host.
func (c *Call) cookieName(name string) string {
	if c.https() {
		return "__Host-yunshi_" + name
	}
	return "yunshi_" + name
}

func (c *Call) setCookie(name, value string, seconds int) {
	http.SetCookie(c.W, &http.Cookie{
		Name: c.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: c.https(), SameSite: http.SameSiteLaxMode,
	})
}

// Enter keeps a fresh session in the browser.
func (c *Call) Enter(s account.Session) {
	c.setCookie("session", s.Token, int(s.ExpiresAt.Sub(c.Now()).Seconds()))
	if s.Device != "" {
		c.setCookie("device", s.Device, 2*365*24*3600)
	}
}

// Leave forgets the session in the browser.
func (c *Call) Leave() { c.setCookie("session", "", -1) }

// Device is what is known about the browser, for signing in.
func (c *Call) Device() account.Device {
	return account.Device{IP: c.IP(), UserAgent: c.R.UserAgent(), Method: "password", Known: c.device, Screen: c.Market.Enforcing.Screen}
}

// IP is the address of the caller.
func (c *Call) IP() string {
	host, _, err := net.SplitHostPort(c.R.RemoteAddr)
	if err != nil {
		return c.R.RemoteAddr
	}
	return host
}

// Redirect leads the browser on after a form, or to another page.
func (c *Call) Redirect(to string) error {
	http.Redirect(c.W, c.R, to, http.StatusSeeOther)
	return nil
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
