package vendordesk_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/axe"
	"yunshi/internal/testkit/world"
)

// chromium starts a real browser without traffic of its own.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		testkit.MissingInCI(t, "no Chromium; `make test` installs it")
	}
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func ask[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// faults lists what a page has that keeps people out: fields and buttons without a
// name, an id used twice, a heading that skips a level, a table without a caption,
// what a keyboard cannot reach.
const faults = `(() => {
	const out = [], all = q => [...document.querySelectorAll(q)];
	const name = e => e.getAttribute("aria-label") || e.textContent.trim() || [...(e.labels || [])].map(l => l.textContent).join("").trim();
	all("main input:not([type=hidden]), main select, main textarea, main button, main a[href], main summary").forEach(e => { if (!name(e)) out.push("no name: " + e.outerHTML.slice(0, 120)) });
	const ids = all("[id]").map(e => e.id);
	new Set(ids.filter((id, i) => ids.indexOf(id) !== i)).forEach(id => out.push("id twice: " + id));
	let level = 0;
	all("main h1, main h2, main h3, main h4").forEach(h => { const l = +h.tagName[1]; if (l > level + 1) out.push("heading skips: " + h.innerText); level = l });
	all("main table").forEach(e => { if (!e.caption) out.push("table without caption") });
	all("main svg[role=img]").forEach(e => { if (!e.getAttribute("aria-label")) out.push("picture without words") });
	all("[aria-describedby]").forEach(e => e.getAttribute("aria-describedby").split(" ").forEach(id => { if (!document.getElementById(id)) out.push("described by nothing: " + id) }));
	all("[tabindex]").forEach(e => { if (+e.getAttribute("tabindex") > 0) out.push("order of the keyboard changed: " + e.outerHTML.slice(0, 80)) });
	if (document.querySelectorAll("h1").length !== 1) out.push("not one h1");
	const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
	if (wide > 0) out.push("wider than the screen by " + wide + ": " + all("main *").filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className).slice(0, 4).join(" "));
	return out;
})()`

// TestTheMoneyPagesInARealBrowser opens each page about money on a phone and on a
// desk in both languages, and types a price into the editor. YUNSHI_SHOTS is a
// directory for pictures.
func TestTheMoneyPagesInARealBrowser(t *testing.T) {
	ctx := chromium(t)
	clock := testkit.NewClock()
	w := trade(t, testkit.OpenAt(t, db.SQLite, clock), clock)
	buyer := w.Customer(account.LegalPerson)
	var done string
	for i, price := range []int64{200000, 480000, 360000} {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		for range i + 1 {
			done = string(w.Bought(buyer, offer).ID)
		}
		w.Clock.Advance(9 * 24 * time.Hour)
		w.Drain()
		w.monthOver(ledger.MonthOf(w.Clock.Now()))
	}
	service := world.Content(delivery.LicenceKey, 980000)
	service.Category, service.DeliveryType = "custom_software", "manual_service"
	open := w.Bought(buyer, w.Listed(world.Content(delivery.LicenceKey, 128000)))
	w.Bought(buyer, w.Listed(service))
	w.Write(func(tx *db.Tx) error {
		_, err := settlement.Request(t.Context(), tx, w.Seller, w.Vendor, world.Gateway, money.Amount{Minor: 500000, Currency: money.CNY})
		return err
	})
	w.Drain()
	var disputed settlement.Collection
	w.Read(func(r db.Reader) error {
		all, err := settlement.LastReleased(t.Context(), r, w.Vendor, 1)
		disputed = all[0]
		return err
	})
	d := w.Provider.OpenDispute(disputed.Attempt, disputed.Gross, money.Zero(money.CNY))
	w.DisputeNotice(d.ProviderID)
	w.Write(func(tx *db.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE vendor_merchant SET added_at = $1`, db.Micros(tx.Now())); err != nil {
			return err
		}
		_, err := settlement.Request(t.Context(), tx, w.Seller, w.Vendor, world.Gateway, money.Amount{Minor: 100000, Currency: money.CNY})
		return err
	})
	w.Drain()
	month := ledger.MonthOf(w.Clock.Now().AddDate(0, 0, -2))

	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "yunshi_session", Value: w.seller.token})
		w.m.handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	shot := func(name string) {
		dir := os.Getenv("YUNSHI_SHOTS")
		if dir == "" {
			return
		}
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, lang := range []string{"zh", "en"} {
		for _, wide := range []int64{390, 1440} {
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(wide, 900)); err != nil {
				t.Fatal(err)
			}
			for name, path := range map[string]string{
				"income": "/vendor/income", "statements": "/vendor/income/statements", "statement": "/vendor/income/statements/" + string(month), "running": "/vendor/income/statements/" + string(ledger.MonthOf(w.Clock.Now())),
				"order-open": "/vendor/orders/" + string(open.ID), "order-done": "/vendor/orders/" + done, "order-disputed": "/vendor/orders/" + string(disputed.Order), "money": "/vendor/money", "new": "/vendor/products/new",
			} {
				if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+path+"?lang="+lang)); err != nil {
					t.Fatal(err)
				}
				if got := ask[string](t, ctx, `location.pathname`); got != path {
					t.Fatalf("%s leads to %s", path, got)
				}
				ask[bool](t, ctx, axe.Start())
				until(t, ctx, axe.Done)
				for _, wrong := range append(ask[[]string](t, ctx, faults), ask[[]string](t, ctx, axe.Found)...) {
					t.Errorf("%s in %s at %d px: %s", name, lang, wide, wrong)
				}
				if name == "new" {
					typePrice(t, ctx, lang)
				}
				shot(fmt.Sprintf("%s-%s-%d", name, lang, wide))
			}
			// From the form to the question, by its button alone.
			if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/vendor/income?lang="+lang)); err != nil {
				t.Fatal(err)
			}
			ask[bool](t, ctx, `{ const f = document.querySelector('form[action="/vendor/income/withdrawals"]'); setTimeout(() => f.requestSubmit(), 0); true }`)
			until(t, ctx, `document.readyState === "complete" && !!document.querySelector('input[name=confirmed]')`)
			for _, wrong := range ask[[]string](t, ctx, faults) {
				t.Errorf("the question in %s at %d px: %s", lang, wide, wrong)
			}
			shot(fmt.Sprintf("withdraw-%s-%d", lang, wide))
		}
	}
}

// typePrice types a price and waits for what it brings, without sending the form.
func typePrice(t *testing.T, ctx context.Context, lang string) {
	t.Helper()
	ask[bool](t, ctx, `{ const p = document.querySelector('[name="plans.0.price"]'); p.value = "1980"; p.dispatchEvent(new InputEvent("input", {bubbles: true})); true }`)
	until(t, ctx, `document.querySelector("#commission-0").innerText.includes("1,782.00")`)
}

func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		done, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err == nil && done {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited for %s: %v", expression, err)
		}
	}
}
