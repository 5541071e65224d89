// Package vendorapp is a complete vendor in miniature, to read and to run: it
// takes deliveries in two dialects, makes one instance per order, and serves
// each instance as a working product, a notepad that a team shares.
//
// Addresses:
//
//	POST /yunshi/webhook   native deliveries (Standard Webhooks signatures)
//	POST /tencent/spi      deliveries in the Tencent Cloud marketplace's dialect
//	GET  /app/{instance}   the product, opened with the access key of the delivery
//	POST /test/fail        {"n":3} lets the next deliveries fail (Config.Controls)
//	GET  /healthz          liveness
//
// Owns: instances, their access keys and their notes, in one JSON file. Does not
// own: customers' names or accounts; it knows a pseudonym and nothing else.
//
// Always true: no call acts before its signature is verified; one order makes one
// instance, however often it is delivered; an answer is given only after the file
// holds what it says; an expired instance keeps its note, a destroyed one loses it.
package vendorapp

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"yunshi/spi"
)

// Config says how the vendor runs. DataFile, PublicURL and at least one of
// Secrets and TencentTokens are required.
type Config struct {
	DataFile      string
	PublicURL     string   // where customers open their instances
	Secrets       []string // native signing secrets; two during a rotation
	TencentTokens []string // of the Tencent dialect; two during a rotation
	// ReadyAfter is how long a new instance takes; until then deliveries are
	// answered with "pending", or signId "0".
	ReadyAfter time.Duration
	Controls   bool // serve POST /test/fail
	Now        func() time.Time
	Rand       io.Reader
	Log        *slog.Logger
}

// App is the vendor's service. It is safe for concurrent use.
type App struct {
	cfg     Config
	native  *spi.Receiver
	tencent *spi.TencentReceiver
	handler http.Handler

	mu    sync.Mutex
	store store
	fail  int
}

// New reads the data file, if there is one, and returns the running service.
func New(cfg Config) (*App, error) {
	address, err := url.Parse(cfg.PublicURL)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("vendorapp: public URL %q is not an address", cfg.PublicURL)
	}
	if cfg.DataFile == "" || (len(cfg.Secrets) == 0 && len(cfg.TencentTokens) == 0) {
		return nil, errors.New("vendorapp: a data file and a secret or token are required")
	}
	cfg.PublicURL = strings.TrimRight(cfg.PublicURL, "/")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	kept, err := openStore(cfg.DataFile)
	if err != nil {
		return nil, err
	}
	a := &App{
		cfg:     cfg,
		native:  &spi.Receiver{Secrets: cfg.Secrets, Now: cfg.Now, Replay: spi.NewReplay(2 * spi.Tolerance)},
		tencent: &spi.TencentReceiver{Tokens: cfg.TencentTokens, Now: cfg.Now, Replay: spi.NewReplay(2 * spi.TencentMaxAge)},
		store:   kept,
	}
	a.handler = a.routes()
	return a, nil
}

// ServeHTTP serves every address of the vendor.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

func (a *App) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /yunshi/webhook", a.nativeDelivery)
	mux.HandleFunc("POST /tencent/spi", a.tencentDelivery)
	mux.HandleFunc("GET /assets/app.css", serveCSS)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	if a.cfg.Controls {
		mux.HandleFunc("POST /test/fail", a.setFail)
	}
	pages := http.NewServeMux()
	pages.HandleFunc("GET /app/{instance}", a.showNote)
	pages.HandleFunc("POST /app/{instance}", a.saveNote)
	pages.HandleFunc("POST /app/{instance}/enter", a.enter)
	mux.Handle("/app/", http.NewCrossOriginProtection().Handler(pages))
	return mux
}

// setFail makes the next deliveries answer 500.
func (a *App) setFail(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		N int `json:"n"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, spi.MaxBody)).Decode(&ask); err != nil || ask.N < 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail = ask.N
	writeJSON(w, http.StatusOK, map[string]int{"n": ask.N})
}

// mustFail uses up one asked-for failure. The caller holds the lock.
func (a *App) mustFail() bool {
	if a.fail == 0 {
		return false
	}
	a.fail--
	return true
}

// nativeDelivery answers a delivery of the native protocol.
func (a *App) nativeDelivery(w http.ResponseWriter, r *http.Request) {
	request, err := a.native.Read(r)
	if err != nil {
		a.refuse(w, err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mustFail() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if request.Action == spi.ActionVerify {
		writeJSON(w, http.StatusOK, spi.Response{Status: spi.StatusActive, Echo: request.ID})
		return
	}
	answer, err := a.act(request)
	if refusal, ok := errors.AsType[spi.Refusal](err); ok {
		writeJSON(w, http.StatusConflict, refusal)
		return
	}
	if err != nil {
		a.cfg.Log.Error("vendorapp: delivery", "action", request.Action, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// act carries out one action on the instance it is about. The caller holds the lock.
func (a *App) act(request spi.Request) (spi.Response, error) {
	var n Instance
	var err error
	switch request.Action {
	case spi.ActionCreate:
		n, err = a.create(Instance{Dialect: "native", Order: request.OrderID, Customer: request.OpenID, Product: request.ProductSlug,
			Plan: request.PlanCode, Quantity: request.Quantity, Test: request.Test, ExpiresAt: request.ExpiresAt})
	case spi.ActionRenew:
		n, err = a.change(request.InstanceID, func(n *Instance) { n.State, n.ExpiresAt = stateActive, request.ExpiresAt })
	case spi.ActionExpire:
		n, err = a.change(request.InstanceID, func(n *Instance) { n.State = stateExpired })
	case spi.ActionDestroy:
		n, err = a.destroy(request.InstanceID)
	}
	if err != nil {
		return spi.Response{}, err
	}
	if a.notReady(n) {
		return spi.Response{Status: spi.StatusPending}, nil
	}
	answer := spi.Response{InstanceID: n.ID, Status: spi.StatusActive}
	if n.State == stateActive {
		answer.App = &spi.App{Website: a.website(n), Credentials: []spi.Credential{{Name: "access_key", Value: n.Key, Secret: true}}}
	}
	return answer, nil
}

func (a *App) website(n Instance) string { return a.cfg.PublicURL + "/app/" + n.ID }

// notReady reports whether a new instance is still being prepared.
func (a *App) notReady(n Instance) bool {
	return n.State == stateActive && a.cfg.Now().Before(n.ReadyAt)
}

// create makes the instance of an order, or returns the one the order has.
func (a *App) create(wish Instance) (Instance, error) {
	for _, n := range a.store.Instances {
		if n.Dialect == wish.Dialect && n.Order == wish.Order {
			if n.State == stateDestroyed {
				return Instance{}, errDestroyed
			}
			return n, nil
		}
	}
	id, err := a.draw(6)
	if err != nil {
		return Instance{}, err
	}
	key, err := a.draw(20)
	if err != nil {
		return Instance{}, err
	}
	wish.ID, wish.Key, wish.State = "n"+id, key, stateActive
	wish.ReadyAt = a.cfg.Now().Add(a.cfg.ReadyAfter)
	return wish, a.store.put(wish)
}

var (
	errUnknown   = spi.Refusal{Code: "unknown_instance", Message: "no such instance"}
	errDestroyed = spi.Refusal{Code: "destroyed", Message: "the instance of this order was destroyed"}
)

// change alters an instance that exists; a destroyed one stays destroyed.
func (a *App) change(id string, do func(*Instance)) (Instance, error) {
	n, known := a.store.Instances[id]
	if !known || n.State == stateDestroyed {
		return Instance{}, errUnknown
	}
	do(&n)
	return n, a.store.put(n)
}

// destroy removes the note for good; doing it twice is as good as once.
func (a *App) destroy(id string) (Instance, error) {
	n, known := a.store.Instances[id]
	if !known {
		return Instance{}, errUnknown
	}
	n.State, n.Note, n.Key = stateDestroyed, "", ""
	return n, a.store.put(n)
}

// draw returns size random bytes as lower-case letters and digits.
func (a *App) draw(size int) (string, error) {
	raw := make([]byte, size)
	if _, err := io.ReadFull(a.cfg.Rand, raw); err != nil {
		return "", fmt.Errorf("vendorapp: draw: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)), nil
}

// refuse answers a call that is not genuine, without saying why.
func (a *App) refuse(w http.ResponseWriter, err error) {
	a.cfg.Log.Warn("vendorapp: call refused", "error", err)
	if errors.Is(err, spi.ErrMalformed) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}
