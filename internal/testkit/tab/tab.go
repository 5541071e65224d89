// Package tab is one tab of a real browser, for tests that look at pages as people
// see them.
//
// Owns: finding and starting Chromium, waiting, what must be true of every page
// ([Tab.Look]), pictures. Does not own: any page, or who is signed in.
//
// Always true: a page that is looked at is looked at as a phone and as a desk show
// it, without being loaded twice; the browser has no traffic of its own; a machine
// without Chromium skips the test, and fails it in CI; a picture is written only
// where YUNSHI_SHOTS names a folder.
package tab

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/chromedp"

	"yunshi/internal/testkit"
	"yunshi/internal/testkit/axe"
)

// Tab is a tab and the test that uses it.
type Tab struct {
	Ctx     context.Context // for chromedp
	t       *testing.T
	browser context.Context
	wide    int64
	page    int
}

// The screens of a phone and of a desk, in pixels across.
const phone, desk = 390, 1440

// Open starts a browser that lives as long as the test.
func Open(t *testing.T) *Tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		testkit.MissingInCI(t, "no Chromium; `make test` installs it")
	}
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true),
	)...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as this context, not as the one below
		t.Fatal(err)
	}
	return (&Tab{browser: ctx}).For(t)
}

// For is the same tab in the hands of another test, eight minutes at most. It has
// the screen of a phone.
func (b *Tab) For(t *testing.T) *Tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.browser, 8*time.Minute)
	t.Cleanup(cancel)
	of := &Tab{Ctx: ctx, t: t, browser: b.browser}
	of.resize(phone)
	return of
}

func (b *Tab) resize(wide int64) {
	b.t.Helper()
	b.wide = wide
	b.Do(chromedp.EmulateViewport(wide, 900))
	b.Until(fmt.Sprintf(`innerWidth === %d`, wide))
}

// Serve serves a market to the tab as the person whose session it is, and returns
// its address.
func Serve(t *testing.T, market http.Handler, session string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "yunshi_session", Value: session})
		market.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Languages calls look once in each language.
func (b *Tab) Languages(look func(lang string)) {
	b.t.Helper()
	for _, lang := range []string{"zh", "en"} {
		look(lang)
	}
}

// Send sends the form around an element as it stands and waits for what comes.
func (b *Tab) Send(selector string) {
	b.t.Helper()
	Ask[bool](b, fmt.Sprintf(`{ document.documentElement.dataset.left = "yes"; const f = document.querySelector(%q).closest("form"); setTimeout(() => f.requestSubmit(f.querySelector("button[type=submit]")), 0); true }`, selector))
	b.Until(`document.readyState === "complete" && document.documentElement.dataset.left !== "yes"`)
}

// Open goes to a page in a language. A page that sends elsewhere is an error of
// the test.
func (b *Tab) Open(base, path, lang string) {
	b.t.Helper()
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	b.Do(chromedp.Navigate(base + path + sign + "lang=" + lang))
	want, _, _ := strings.Cut(path, "?")
	if got := Ask[string](b, `location.pathname`); got != want {
		b.t.Fatalf("%s leads to %s", path, got)
	}
}

// Do does what a person does.
func (b *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.Must(chromedp.Do(b.Ctx, steps...))
}

// Ask evaluates an expression in the page, and waits for what it promises.
func Ask[T any](b *Tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.Ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	b.Must(err)
	return v
}

// Until waits until an expression is true of the page. A page that is just being
// left answers with an error; the next one is asked.
func (b *Tab) Until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		done, err := chromedp.Run(b.Ctx, chromedp.Evaluate[bool](expression))
		if err == nil && done {
			return
		}
		if time.Now().After(end) || b.Ctx.Err() != nil {
			b.Must(fmt.Errorf("waited for %s: %w", expression, cmp.Or(err, context.DeadlineExceeded)))
		}
	}
}

// Look checks what must be true of every page on both screens: the language, no
// missing text, nothing that keeps people out, nothing that axe calls a violation.
// Contrast is checked on the phone in Chinese and on the desk in English: colours
// depend on the screen, not on the words. The tab is left with the other screen, so
// that people do things on both.
func (b *Tab) Look(name, lang string) {
	b.t.Helper()
	b.Do(chromedp.WaitReady(chromedp.CSS("h1")))
	b.page++
	if Ask[bool](b, axe.Missing) {
		b.Do(chromedp.Evaluate[chromedp.Void](axe.Script))
	}
	b.check(name, lang)
	b.resize(phone + desk - b.wide)
	b.check(name, lang)
}

// check is one look on the screen as it is.
func (b *Tab) check(name, lang string) {
	b.t.Helper()
	if got := Ask[string](b, `document.documentElement.lang`); !strings.HasPrefix(got, lang) {
		b.t.Errorf("%s: language %q, want %s", name, got, lang)
	}
	said := Ask[string](b, `document.querySelector("main").innerText`)
	if strings.Contains(said, "⟦") {
		b.t.Errorf("%s: a text is missing:\n%s", name, said)
	}
	if han := strings.ContainsFunc(said, func(r rune) bool { return unicode.Is(unicode.Han, r) }); lang == "zh" && !han {
		b.t.Errorf("%s: a Chinese page without Chinese:\n%s", name, said)
	}
	found := axe.FoundButColours
	if (lang == "zh") == (b.wide == phone) {
		found = axe.Found
	}
	for _, wrong := range append(Ask[[]string](b, barriers), Ask[[]string](b, found)...) {
		b.t.Errorf("%s in %s at %d px: %s", name, lang, b.wide, wrong)
	}
	if dir := os.Getenv("YUNSHI_SHOTS"); dir != "" {
		png, err := chromedp.Run(b.Ctx, chromedp.FullScreenshot(100))
		b.Must(err)
		b.Must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%02d-%s.png", lang, b.wide, b.page, name)), png, 0o600))
	}
}

// Must ends the test where it went wrong, with what the page says.
func (b *Tab) Must(err error) {
	b.t.Helper()
	if err == nil {
		return
	}
	where, _ := chromedp.Run(b.Ctx, chromedp.Location())
	said, _ := chromedp.Run(b.Ctx, chromedp.Text(chromedp.CSS("body")))
	b.t.Fatalf("at %s: %v\n%s", where, err, said)
}

// barriers lists what a page has that keeps people out and axe does not call a
// violation: a field or button without a name, an id used twice, a heading that
// skips a level, a table without a caption, a changed order of the keyboard,
// something wider than the screen.
const barriers = `(() => {
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
