package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/examples/samplevendor/vendorapp"
	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
	"yunshi/internal/plug/nativehook"
	"yunshi/internal/plug/outbound"
	"yunshi/internal/plug/tencentspi"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
	"yunshi/spi"
)

// shop is a market with a vendor and a buyer, and what its order would be told.
type shop struct {
	*seed.Market
	t        *testing.T
	clock    *testkit.Clock
	vendor   vendor.Vendor
	seller   audit.Actor
	buyer    audit.Actor
	work     delivery.Work
	told     []delivery.Delivery // outcomes, in order
	products int
	frozen   catalog.FileID // the file that orders name, when it is not the listed one
}

func open(t *testing.T, d *db.DB, clock *testkit.Clock) *shop {
	t.Helper()
	s := &shop{Market: seed.Open(t, d), t: t, clock: clock}
	s.vendor, s.seller = s.Vendor(t, "深圳甲有限公司")
	s.buyer = s.Person(t, account.LegalPerson, "广州买方有限公司")
	client := outbound.New(outbound.Config{AllowLocal: true})
	s.work = delivery.Work{
		Provisioners: map[string]delivery.Provisioner{delivery.HookNative: nativehook.New(client), delivery.HookTencent: tencentspi.New(client)},
		Delivered:    func(_ context.Context, _ *db.Tx, d delivery.Delivery) error { s.told = append(s.told, d); return nil },
		Failed: func(ctx context.Context, tx *db.Tx, d delivery.Delivery, _ string) error {
			s.told = append(s.told, d)
			_, err := entitlement.End(ctx, tx, audit.Job("order"), d.Entitlement, entitlement.Refunded)
			return err
		},
	}
	return s
}

// drain runs what is due; a failing attempt is part of some tests, so the log is
// not watched.
func (s *shop) drain() {
	s.t.Helper()
	all := map[string]job.Handler{}
	for kind, h := range s.work.Handlers() {
		all[kind] = h
	}
	for kind, h := range (entitlement.Work{Expired: delivery.Expired}).Handlers() {
		all[kind] = h
	}
	if err := job.NewWorker(s.DB, all, slog.New(slog.DiscardHandler)).Drain(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// run moves the clock in small steps and drains at each.
func (s *shop) run(total, step time.Duration) {
	s.t.Helper()
	for gone := time.Duration(0); gone < total; gone += step {
		s.drain()
		s.clock.Advance(step)
	}
	s.drain()
}

// buy makes a product of the dialect and starts its delivery as an order would.
func (s *shop) buy(v vendor.Vendor, seller, buyer audit.Actor, how catalog.Delivery) delivery.Delivery {
	s.t.Helper()
	s.products++
	slug := "product-" + string(rune('a'+s.products))
	content := seed.Content("云产品"+slug, "Product "+slug)
	how.Instructions = content.Delivery.Instructions
	content.Delivery = how
	p := s.Product(s.t, seller, v.ID, slug, content)
	var out delivery.Delivery
	seed.Write(s.t, s.DB, func(tx *db.Tx) error {
		offers, err := catalog.Offers(s.t.Context(), tx, p.ID)
		if err != nil {
			return err
		}
		o := offers[0]
		e, err := entitlement.Grant(s.t.Context(), tx, audit.Job("order"), entitlement.New{
			Order: "ord_" + slug, Line: "oln_" + slug, Account: account.ID(buyer.Account), Product: p.ID, Version: string(o.Version.ID),
			Plan: string(o.PlanID), Vendor: v.ID, Quantity: 3, Term: o.Plan.Term, Name: content.Name.ZH,
		})
		if err != nil {
			return err
		}
		if s.frozen != "" {
			how.File = s.frozen
		}
		config, err := json.Marshal(how)
		if err != nil {
			return err
		}
		request := delivery.Request{
			Entitlement: e.ID, Order: e.Order, Line: e.Line, Account: e.Account, Vendor: v.ID, Product: p.ID, Plan: e.Plan, Dialect: how.Dialect,
			Config: config, Quantity: e.Quantity, Term: e.Term, Fields: map[string]string{"domain": "buyer-secret.example.com"},
		}
		if out, err = delivery.Start(s.t.Context(), tx, audit.Job("order"), request); err != nil {
			return err
		}
		again, err := delivery.Start(s.t.Context(), tx, audit.Job("order"), request)
		if again.ID != out.ID {
			s.t.Errorf("a second start made %s next to %s", again.ID, out.ID)
		}
		return err
	})
	return out
}

func (s *shop) hook(v vendor.Vendor, seller audit.Actor, dialect, address string) (h vendor.Hook) {
	s.t.Helper()
	seed.Write(s.t, s.DB, func(tx *db.Tx) (err error) {
		h, err = vendor.SetHook(s.t.Context(), tx, seller, v.ID, dialect, address)
		return err
	})
	return h
}

func (s *shop) now(id delivery.ID) (d delivery.Delivery, e entitlement.Entitlement) {
	s.t.Helper()
	seed.Read(s.t, s.DB, func(r db.Reader) (err error) {
		if d, err = delivery.Read(s.t.Context(), r, id); err != nil {
			return err
		}
		e, err = entitlement.Read(s.t.Context(), r, d.Entitlement)
		return err
	})
	return d, e
}

func (s *shop) log(by audit.Actor, id delivery.ID) (all []delivery.Attempt) {
	s.t.Helper()
	seed.Read(s.t, s.DB, func(r db.Reader) (err error) {
		all, err = delivery.Log(s.t.Context(), r, by, id)
		return err
	})
	return all
}

func (s *shop) write(fn func(tx *db.Tx) error) error { return s.DB.Write(s.t.Context(), fn) }

func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

// seen is a vendor server in front of the sample vendor that remembers calls.
type seen struct {
	mu      sync.Mutex
	headers []http.Header
	bodies  []string
	urls    []string
}

func (n *seen) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		n.mu.Lock()
		n.headers, n.bodies, n.urls = append(n.headers, r.Header.Clone()), append(n.bodies, string(body)), append(n.urls, r.URL.String())
		n.mu.Unlock()
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		h.ServeHTTP(w, r)
	})
}

// sample starts the sample vendor for both dialects and sets its hooks.
func (s *shop) sample(readyAfter time.Duration) (*seen, *httptest.Server) {
	s.t.Helper()
	var app http.Handler
	n := &seen{}
	server := httptest.NewServer(n.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app.ServeHTTP(w, r) })))
	s.t.Cleanup(server.Close)
	native := s.hook(s.vendor, s.seller, delivery.HookNative, server.URL+"/yunshi/webhook")
	tencent := s.hook(s.vendor, s.seller, delivery.HookTencent, server.URL+"/tencent/spi")
	made, err := vendorapp.New(vendorapp.Config{
		DataFile: filepath.Join(s.t.TempDir(), "vendor.json"), PublicURL: server.URL, Secrets: []string{native.Secret}, TencentTokens: []string{tencent.Secret},
		ReadyAfter: readyAfter, Controls: true, Now: s.clock.Now,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	app = made
	return n, server
}

func TestHooks_DeliverRealInstancesInBothDialects(t *testing.T) {
	for _, dialect := range []string{delivery.HookNative, delivery.HookTencent} {
		t.Run(dialect, func(t *testing.T) {
			testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
				s := open(t, d, clock)
				calls, _ := s.sample(0)
				made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: dialect})
				s.drain()
				got, e := s.now(made.ID)
				if got.State != delivery.Delivered || got.Instance == "" || !strings.Contains(got.Website, got.Instance) || e.State != entitlement.Active {
					t.Fatalf("delivery %+v, right %s", got, e.State)
				}
				if want := entitlement.EndOf(clock.Now(), e.Term); !e.EndsAt.Equal(want) {
					t.Errorf("the right ends %s, want %s", e.EndsAt, want)
				}
				if len(s.told) != 1 || s.told[0].State != delivery.Delivered {
					t.Errorf("the order was told %+v", s.told)
				}
				// What goes out names the buyer by a pseudonym, and the body is signed.
				hook := vendor.Hook{}
				seed.Read(t, d, func(r db.Reader) (err error) {
					hook, err = vendor.HookOf(t.Context(), r, s.vendor.ID, dialect)
					return err
				})
				if id, err := spi.Verify(calls.headers[0], []byte(calls.bodies[0]), clock.Now(), hook.Secret); err != nil || id != string(made.ID) {
					t.Errorf("Standard Webhooks headers: %q, %v", id, err)
				}
				if strings.Contains(calls.bodies[0], s.buyer.Account) || strings.Contains(calls.bodies[0], s.buyer.User) {
					t.Errorf("the vendor was told the account: %s", calls.bodies[0])
				}
				// Credentials: names in lists, values only when revealed, and only to the holder.
				seed.Read(t, d, func(r db.Reader) error {
					list, err := delivery.Credentials(t.Context(), r, s.buyer, made.ID)
					if len(list) != 1 || list[0].Name != "access_key" || list[0].Value != "" || !list[0].Secret {
						t.Errorf("listed %+v", list)
					}
					_, notHolder := delivery.Credentials(t.Context(), r, s.Superadmin, made.ID)
					refused(t, notHolder, "FORBIDDEN", "")
					return err
				})
				var key string
				if err := s.write(func(tx *db.Tx) error {
					opened, err := delivery.Reveal(t.Context(), tx, s.buyer, made.ID)
					if err == nil {
						key = opened[0].Value
					}
					return err
				}); err != nil || key == "" {
					t.Errorf("reveal: %q, %v", key, err)
				}
				for name, by := range map[string]audit.Actor{"vendor": s.seller, "operator": s.Superadmin} {
					err := s.write(func(tx *db.Tx) error { _, err := delivery.Reveal(t.Context(), tx, by, made.ID); return err })
					if f, ok := fault.Of(err); !ok || f.Code != "ENTITLEMENT_ACCOUNT_BOUND" {
						t.Errorf("%s revealed: %v", name, err)
					}
				}
				if got, _ := s.now(made.ID); got.ReceivedAt.IsZero() {
					t.Error("the first reveal is no receipt")
				}
				// The log: bodies for the vendor, masked; for the buyer only the outcome.
				for _, line := range s.log(s.seller, made.ID) {
					if line.Outcome != "delivered" || line.Status != 200 || line.Request == "" ||
						strings.Contains(line.Request+line.Response, key) || strings.Contains(line.Request, "buyer-secret") {
						t.Errorf("log line %+v", line)
					}
				}
				if lines := s.log(s.buyer, made.ID); len(lines) != 1 || lines[0].Request != "" || lines[0].Response != "" {
					t.Errorf("the buyer sees %+v", lines)
				}
				// A replay is the same request to the vendor and gives the same instance.
				seed.Write(t, d, func(tx *db.Tx) error { _, err := delivery.Replay(t.Context(), tx, s.seller, made.ID); return err })
				clock.Advance(time.Second)
				s.drain()
				after, _ := s.now(made.ID)
				if after.Instance != got.Instance || len(s.log(s.seller, made.ID)) != 2 || len(s.told) != 1 {
					t.Errorf("after a replay: %+v, told %d", after, len(s.told))
				}
				// At its end the instance is isolated, a week later removed.
				clock.Set(e.EndsAt)
				s.drain()
				if _, e := s.now(made.ID); e.State != entitlement.Expired {
					t.Errorf("at the end: %s", e.State)
				}
				clock.Set(e.EndsAt.AddDate(0, 0, 9))
				s.drain()
				if _, e := s.now(made.ID); e.State != entitlement.Destroyed {
					t.Errorf("nine days later: %s", e.State)
				}
				last := calls.bodies[len(calls.bodies)-1] + calls.bodies[len(calls.bodies)-2]
				if !strings.Contains(last, "expire") || !strings.Contains(last, "destroy") {
					t.Errorf("the vendor was told %s", last)
				}
			})
		})
	}
}

func TestHooks_AVendorThatIsStillWorkingIsAskedAgain(t *testing.T) {
	for _, dialect := range []string{delivery.HookNative, delivery.HookTencent} {
		t.Run(dialect, func(t *testing.T) {
			testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
				s := open(t, d, clock)
				calls, _ := s.sample(20 * time.Minute)
				made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: dialect})
				s.run(21*time.Minute, time.Minute)
				got, e := s.now(made.ID)
				if got.State != delivery.Delivered || e.State != entitlement.Active || got.Attempts < 15 {
					t.Errorf("after 21 minutes: %s after %d attempts, right %s", got.State, got.Attempts, e.State)
				}
				for _, body := range calls.bodies {
					if !strings.Contains(body, string(made.ID)) {
						t.Errorf("a repetition with another id: %s", body)
					}
				}
				for _, line := range s.log(s.seller, made.ID)[:3] {
					if line.Outcome != "pending" {
						t.Errorf("logged %+v", line)
					}
				}
			})
		})
	}
}

func TestHooks_AVendorThatCannotAnswerFailsAfterThreeHoursAndTheOrderIsTold(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		_, server := s.sample(0)
		server.Close()
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
		s.run(2*time.Hour, 10*time.Minute)
		if got, e := s.now(made.ID); got.State != delivery.Running || e.State != entitlement.Pending || len(s.told) != 0 {
			t.Fatalf("after two hours: %s, right %s, told %d", got.State, e.State, len(s.told))
		}
		// The vendor presses replay; that must not delay the buyer's money.
		seed.Write(t, d, func(tx *db.Tx) error { _, err := delivery.Replay(t.Context(), tx, s.seller, made.ID); return err })
		s.run(2*time.Hour, 10*time.Minute)
		got, e := s.now(made.ID)
		if got.State != delivery.Failed || got.Reason != delivery.ReasonUnreachable || e.State != entitlement.Refunded {
			t.Errorf("after four hours: %s %s, right %s", got.State, got.Reason, e.State)
		}
		if len(s.told) != 1 || s.told[0].State != delivery.Failed {
			t.Errorf("the order was told %+v", s.told)
		}
		err := s.write(func(tx *db.Tx) error { _, err := delivery.Replay(t.Context(), tx, s.seller, made.ID); return err })
		refused(t, err, "DELIVERY_ENDED", "")
	})
}

func TestHooks_AFinalNoFailsAtOnceAndAPassingFailureDoesNot(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		status, body := http.StatusConflict, `{"code":"sold_out","message":"none left"}`
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}))
		defer server.Close()
		s.hook(s.vendor, s.seller, delivery.HookNative, server.URL+"/hook")
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
		s.drain()
		if got, _ := s.now(made.ID); got.State != delivery.Failed || got.Reason != delivery.ReasonRefused {
			t.Errorf("after a no: %s %s", got.State, got.Reason)
		}
		if lines := s.log(s.seller, made.ID); len(lines) != 1 || lines[0].Outcome != "refused" || lines[0].Error != "sold_out" {
			t.Errorf("logged %+v", lines)
		}
		for _, answer := range []struct {
			status int
			body   string
		}{{500, ""}, {200, "<html>"}, {200, `{"status":"active"}`}, {302, ""}, {200, `{"status":"active","instance_id":"i-1","app":{"website":"javascript:alert(1)"}}`}} {
			status, body = answer.status, answer.body
			if made.State != delivery.Running {
				made = s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
			}
			s.drain()
			clock.Advance(10 * time.Minute)
			made, _ = s.now(made.ID)
			if want := map[bool]delivery.State{true: delivery.Delivered, false: delivery.Running}[strings.Contains(answer.body, "i-1")]; made.State != want {
				t.Errorf("after %d %s: %s", answer.status, answer.body, made.State)
			}
		}
		if made.Website != "" {
			t.Errorf("a script became a link: %s", made.Website)
		}
	})
}

func TestClause_4_7_4_ADeliveryAddressInsideANetworkIsNeverCalled(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		calls, _ := s.sample(0)
		reached := s.work.Provisioners[delivery.HookNative]
		s.work.Provisioners[delivery.HookNative] = nativehook.New(outbound.New(outbound.Config{})) // as in production
		t.Run("refused_inside_a_network", func(t *testing.T) {
			made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
			s.drain()
			if lines := s.log(s.seller, made.ID); len(lines) != 1 || lines[0].Error != "HOOK_ADDRESS_REFUSED" || len(calls.bodies) != 0 {
				t.Errorf("logged %+v, %d calls arrived", lines, len(calls.bodies))
			}
		})
		t.Run("allowed_where_addresses_of_one_machine_are_let_through", func(t *testing.T) {
			s.work.Provisioners[delivery.HookNative] = reached
			made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
			s.drain()
			if got, _ := s.now(made.ID); got.State != delivery.Delivered || len(calls.bodies) == 0 {
				t.Errorf("%s, %d calls arrived", got.State, len(calls.bodies))
			}
		})
	})
}

func TestClause_6_3_TwoVendorsKnowOneBuyerByDifferentNames(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		first, _ := s.sample(0)
		other, seller := s.Vendor(t, "珠海乙有限公司")
		second := &seen{}
		server := httptest.NewServer(second.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"status":"active","instance_id":"i-1"}`)
		})))
		defer server.Close()
		s.hook(other, seller, delivery.HookNative, server.URL+"/hook")
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
		s.buy(other, seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
		s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
		s.drain()
		names := func(bodies []string) (out []string) {
			for _, body := range bodies {
				var r spi.Request
				if err := json.Unmarshal([]byte(body), &r); err != nil {
					t.Fatal(err)
				}
				out = append(out, r.OpenID)
			}
			return out
		}
		a, b := names(first.bodies), names(second.bodies)
		if len(a) != 2 || len(b) != 1 || a[0] != a[1] || a[0] == b[0] || a[0] == "" {
			t.Errorf("the first vendor knows %v, the second %v", a, b)
		}
		seed.Read(t, d, func(r db.Reader) error {
			seenByVendor, err := delivery.Get(t.Context(), r, s.seller, made.ID)
			if seenByVendor.Account != "" {
				t.Errorf("the vendor sees account %s", seenByVendor.Account)
			}
			_, foreign := delivery.Get(t.Context(), r, seller, made.ID)
			refused(t, foreign, "NOT_FOUND", "UA 4.7.3")
			return err
		})
	})
}

func TestTencent_TheProductNumberIsAnIntegerThatNeverChanges(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		calls, _ := s.sample(0)
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookTencent})
		s.drain()
		seed.Write(t, d, func(tx *db.Tx) error { _, err := delivery.Replay(t.Context(), tx, s.seller, made.ID); return err })
		s.drain()
		s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookTencent})
		s.drain()
		var numbers []int64
		for i, body := range calls.bodies {
			var c spi.TencentCreate
			if err := json.Unmarshal([]byte(body), &c); err != nil {
				t.Fatal(err)
			}
			if len(c.OpenID) != 32 || c.ProductID < 1 || c.ProductInfo.TimeUnit != "m" || c.ProductInfo.TimeSpan != 1 || c.ProductInfo.Spec != "monthly" {
				t.Errorf("call %d: %+v", i, c)
			}
			numbers = append(numbers, c.ProductID)
		}
		if len(numbers) != 3 || numbers[0] != numbers[1] || numbers[0] == numbers[2] {
			t.Errorf("product numbers %v", numbers)
		}
	})
}

// file uploads content as the vendor's file.
func (s *shop) file(store blob.Store, words string) (f catalog.File) {
	s.t.Helper()
	ref, err := store.Put(s.t.Context(), blob.ByContent, strings.NewReader(words))
	if err != nil {
		s.t.Fatal(err)
	}
	seed.Write(s.t, s.DB, func(tx *db.Tx) (err error) {
		if err := content.Scanned(s.t.Context(), tx, s.seller, content.File{SHA256: ref.SHA256, Size: ref.Size, Scanner: content.BuiltIn}); err != nil {
			return err
		}
		f, err = catalog.AddFile(s.t.Context(), tx, s.seller, catalog.File{
			Vendor: s.vendor.ID, Name: "tool.txt", MediaType: "text/plain", Size: ref.Size, SHA256: ref.SHA256, Blob: ref.Key,
		})
		return err
	})
	return f
}

func TestClause_4_9_3_ADownloadLinkUsedByAnotherSessionOrAfterExpiryFails(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		store, err := blob.Disk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		const text = "© 深圳甲有限公司. All rights reserved.\n"
		f := s.file(store, text)
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.Download, File: f.ID})
		s.drain()
		link := func(by audit.Actor) (l delivery.Link, err error) {
			seed.Read(t, d, func(r db.Reader) error { l, err = delivery.NewLink(t.Context(), r, by, made.ID); return nil })
			return l, err
		}
		use := func(token string, by audit.Actor) (o delivery.Opened, err error) {
			seed.Read(t, d, func(r db.Reader) error { o, err = delivery.Open(t.Context(), r, token, by); return nil })
			return o, err
		}
		l, err := link(s.buyer)
		if err != nil {
			t.Fatal(err)
		}
		_, err = link(s.seller)
		refused(t, err, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")

		opened, err := use(l.Token, s.buyer)
		if err != nil || opened.File.ID != f.ID {
			t.Fatalf("allowed_own_session: %+v, %v", opened, err)
		}
		elsewhere, stranger := s.buyer, s.Person(t, account.Individual, "王五")
		elsewhere.Session = "ses_elsewhere"
		for name, by := range map[string]audit.Actor{"other_session": elsewhere, "other_account": stranger, "operator": s.Superadmin} {
			_, err := use(l.Token, by)
			if f, ok := fault.Of(err); !ok || f.Code != "LINK_EXPIRED" || f.Clause != "UA 4.9.3" {
				t.Errorf("refused_%s: %v", name, err)
			}
		}
		_, err = use(l.Token+"x", s.buyer)
		refused(t, err, "LINK_EXPIRED", "UA 4.9.3")

		seed.Write(t, d, func(tx *db.Tx) error { return delivery.Taking(t.Context(), tx, s.buyer, opened) })
		seed.Read(t, d, func(r db.Reader) error {
			log, err := delivery.Downloads(t.Context(), r, s.seller, made.ID)
			if len(log) != 1 || log[0].SHA256 != f.SHA256 || log[0].Session != s.buyer.Session {
				t.Errorf("download log %+v", log)
			}
			return err
		})
		if got, _ := s.now(made.ID); got.ReceivedAt.IsZero() {
			t.Error("the first download is no receipt")
		}
		clock.Set(l.ExpiresAt)
		_, err = use(l.Token, s.buyer)
		refused(t, err, "LINK_EXPIRED", "UA 4.9.3")

		l, err = link(s.buyer)
		if err != nil {
			t.Fatal(err)
		}
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := entitlement.End(t.Context(), tx, audit.Job("refund"), made.Entitlement, entitlement.Refunded)
			return err
		})
		_, err = use(l.Token, s.buyer)
		refused(t, err, "ENTITLEMENT_NOT_ACTIVE", "UA 4.3")
	})
}

func TestClause_4_9_2_WhatIsServedIsWhatTheVendorUploaded(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		store, err := blob.Disk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		const text = "© 深圳甲有限公司. All rights reserved.\n"
		f := s.file(store, text)
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.Download, File: f.ID})
		s.drain()
		var opened delivery.Opened
		seed.Read(t, d, func(r db.Reader) error {
			l, err := delivery.NewLink(t.Context(), r, s.buyer, made.ID)
			if err == nil {
				opened, err = delivery.Open(t.Context(), r, l.Token, s.buyer)
			}
			return err
		})
		content, err := opened.Content(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(content)
		if closing := content.Close(); err != nil || closing != nil || string(got) != text {
			t.Errorf("allowed_the_upload: %q, %v, %v", got, err, closing)
		}
		// Somebody with access to the files puts a copy without the notice there.
		stripped, err := store.Put(t.Context(), "stripped", strings.NewReader("no notice\n"))
		if err != nil {
			t.Fatal(err)
		}
		opened.File.Blob = stripped.Key
		t.Run("refused_a_copy_without_the_notice", func(t *testing.T) {
			_, err := opened.Content(t.Context(), store)
			refused(t, err, "FILE_ALTERED", "UA 4.9.2")
		})
	})
}

func TestDownload_AMissingFileFailsTheDelivery(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		store, err := blob.Disk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		listed := s.file(store, "the program")
		other, seller := s.Vendor(t, "珠海乙有限公司")
		var foreign catalog.File
		seed.Write(t, d, func(tx *db.Tx) (err error) {
			of := listed
			of.Vendor = other.ID
			foreign, err = catalog.AddFile(t.Context(), tx, seller, of)
			return err
		})
		for name, file := range map[string]catalog.FileID{"no_such_file": "fil_none", "another_vendors_file": foreign.ID} {
			s.frozen = file
			made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.Download, File: listed.ID})
			s.drain()
			if got, e := s.now(made.ID); got.State != delivery.Failed || got.Reason != delivery.ReasonFile || e.State != entitlement.Refunded {
				t.Errorf("%s: %s %s, right %s", name, got.State, got.Reason, e.State)
			}
		}
	})
}

func TestLicence_IsVerifiedOfflineAndReplacedByAReissue(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.LicenceKey})
		s.drain()
		got, e := s.now(made.ID)
		if got.State != delivery.Delivered || e.State != entitlement.Active {
			t.Fatalf("%s, right %s", got.State, e.State)
		}
		var published []byte
		seed.Read(t, d, func(r db.Reader) (err error) { published, err = delivery.Keys(t.Context(), r); return err })
		if strings.Contains(string(published), `"d"`) {
			t.Fatalf("the private key is published: %s", published)
		}
		keys, err := spi.ParseJWKS(published)
		if err != nil {
			t.Fatal(err)
		}
		licence := func() spi.License {
			t.Helper()
			var opened []delivery.Credential
			seed.Write(t, d, func(tx *db.Tx) (err error) {
				opened, err = delivery.Reveal(t.Context(), tx, s.buyer, made.ID)
				return err
			})
			l, err := spi.VerifyLicense(opened[0].Value, keys, clock.Now(), got.Slug)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		first := licence()
		if first.Entitlement != string(e.ID) || first.Plan != "monthly" || first.Quantity != 3 || first.NotAfter != e.EndsAt.Unix() || first.Seq != 1 ||
			first.Account == s.buyer.Account {
			t.Errorf("the licence says %+v", first)
		}
		seed.Write(t, d, func(tx *db.Tx) error { _, err := delivery.Reissue(t.Context(), tx, s.buyer, made.ID); return err })
		if second := licence(); second.Seq != 2 {
			t.Errorf("the reissued licence has number %d", second.Seq)
		}
		err = s.write(func(tx *db.Tx) error { _, err := delivery.Reissue(t.Context(), tx, s.seller, made.ID); return err })
		refused(t, err, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
	})
}

func TestManualService_IsDeliveredBySlip(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.ManualService})
		s.drain()
		if got, e := s.now(made.ID); got.State != delivery.Manual || e.State != entitlement.Pending {
			t.Fatalf("%s, right %s", got.State, e.State)
		}
		mark := func(by audit.Actor, text string) error {
			return s.write(func(tx *db.Tx) error {
				_, err := delivery.MarkDelivered(t.Context(), tx, by, made.ID, delivery.Slip{Text: text})
				return err
			})
		}
		refused(t, mark(s.buyer, "done"), "FORBIDDEN", "")
		refused(t, mark(s.Superadmin, "done"), "FORBIDDEN", "")
		refused(t, mark(s.Person(t, account.Individual, "王五"), "done"), "NOT_FOUND", "UA 4.7.3")
		refused(t, mark(s.seller, "  "), "FIELD_REQUIRED", "")
		if err := mark(s.seller, "已完成部署并通过联合测试"); err != nil {
			t.Fatal(err)
		}
		refused(t, mark(s.seller, "再次"), "STALE", "")
		s.drain()
		got, e := s.now(made.ID)
		if got.State != delivery.Delivered || got.Notes != "已完成部署并通过联合测试" || e.State != entitlement.Active || len(s.told) != 1 {
			t.Errorf("%+v, right %s, told %d", got, e.State, len(s.told))
		}
		seed.Write(t, d, func(tx *db.Tx) error { _, err := delivery.Confirm(t.Context(), tx, s.buyer, made.ID); return err })
		seed.Read(t, d, func(r db.Reader) error {
			receipts, err := delivery.Receipts(t.Context(), r, s.buyer, made.ID)
			// Both are of one moment of the test's clock, and ids of one moment have no order.
			slices.SortFunc(receipts, func(a, b delivery.Receipt) int { return strings.Compare(b.Event, a.Event) })
			if len(receipts) != 2 || receipts[0].Event != "slip" || len(receipts[0].SHA256) != 64 || receipts[1].Event != "confirmed" {
				t.Errorf("receipts %+v", receipts)
			}
			return err
		})

		declined := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.ManualService})
		seed.Write(t, d, func(tx *db.Tx) error { _, err := delivery.Decline(t.Context(), tx, s.seller, declined.ID); return err })
		s.drain()
		if got, e := s.now(declined.ID); got.State != delivery.Failed || got.Reason != delivery.ReasonDeclined || e.State != entitlement.Refunded {
			t.Errorf("declined: %s %s, right %s", got.State, got.Reason, e.State)
		}
	})
}

func TestProbe_SaysWhetherAVendorsAddressWorks(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		_, server := s.sample(0)
		probe := func(by audit.Actor, dialect string) (a delivery.Attempt, err error) {
			var p delivery.Probe
			if err := s.write(func(tx *db.Tx) (err error) {
				p, err = s.work.NewProbe(t.Context(), tx, by, s.vendor.ID, dialect)
				return err
			}); err != nil {
				return a, err
			}
			return s.work.Try(t.Context(), p)
		}
		for _, dialect := range []string{delivery.HookNative, delivery.HookTencent} {
			if a, err := probe(s.seller, dialect); err != nil || a.Outcome != "delivered" || a.Status != 200 {
				t.Errorf("%s: %+v, %v", dialect, a, err)
			}
		}
		_, err := probe(s.buyer, delivery.HookNative)
		refused(t, err, "FORBIDDEN", "")
		_, err = probe(s.seller, "hook_huaweispi")
		refused(t, err, "VENDOR_HOOK_MISSING", "")
		server.Close()
		if a, err := probe(s.seller, delivery.HookNative); err != nil || a.Outcome != "failed" || a.Error == "" {
			t.Errorf("a dead address: %+v, %v", a, err)
		}
	})
}

func TestStored_SecretsAreSealed(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		calls, _ := s.sample(0)
		made := s.buy(s.vendor, s.seller, s.buyer, catalog.Delivery{Dialect: delivery.HookNative})
		s.drain()
		if len(calls.bodies) != 1 || !strings.Contains(calls.bodies[0], "buyer-secret.example.com") {
			t.Fatalf("the vendor did not get the fields: %v", calls.bodies)
		}
		var key string
		seed.Write(t, d, func(tx *db.Tx) error {
			opened, err := delivery.Reveal(t.Context(), tx, s.buyer, made.ID)
			if err == nil {
				key = opened[0].Value
			}
			return err
		})
		seed.Read(t, d, func(r db.Reader) error {
			var found error
			for _, q := range []string{
				`SELECT fields_sealed FROM delivery_delivery`, `SELECT request_sealed FROM delivery_attempt`,
				`SELECT response_sealed FROM delivery_attempt`, `SELECT value_sealed FROM delivery_credential`,
			} {
				stored, err := db.All(t.Context(), r, db.Column[[]byte], q)
				if err != nil || len(stored) == 0 {
					found = errors.Join(found, err)
					t.Errorf("%s: %d rows", q, len(stored))
				}
				for _, row := range stored {
					if strings.Contains(string(row), key) || strings.Contains(string(row), "buyer-secret") {
						t.Errorf("%s stores a secret in the clear", q)
					}
				}
			}
			return found
		})
	})
}
