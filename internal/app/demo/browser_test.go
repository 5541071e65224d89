package demo

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/chromedp"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/identity"
	"yunshi/internal/testkit/axe"
	"yunshi/internal/testkit/tab"
)

// walk is one person's way through the market.
type walk struct {
	t    *testing.T
	ctx  context.Context
	d    *Demo
	lang text.Lang
	wide int64
	page int
}

// step is a thing a person does.
type step = chromedp.Action[chromedp.Void]

func (w *walk) do(steps ...step) {
	w.t.Helper()
	w.must(chromedp.Do(w.ctx, steps...))
}

// must ends the walk where it went wrong, with what the page says.
func (w *walk) must(err error) {
	w.t.Helper()
	if err == nil {
		return
	}
	where, _ := chromedp.Run(w.ctx, chromedp.Location())
	said, _ := chromedp.Run(w.ctx, chromedp.Text(css("body")))
	w.t.Fatalf("at %s: %v\n%s", where, err, said)
}

// ask evaluates an expression in the page.
func ask[T any](w *walk, expression string) T {
	w.t.Helper()
	value, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](expression))
	w.must(err)
	return value
}

// wait waits until an expression is true of the page. A page that is just being
// left answers with an error; the next one is asked.
func (w *walk) wait(expression string) {
	w.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		done, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](expression))
		if err == nil && done {
			return
		}
		if time.Now().After(end) || w.ctx.Err() != nil {
			w.must(fmt.Errorf("waited for %s: %w", expression, cmp.Or(err, context.DeadlineExceeded)))
		}
	}
}

func css(selector string) chromedp.CSS { return chromedp.CSS(selector) }

// look checks what must be true of every page: one heading, the language, no
// missing text, nothing wider than the screen, nothing that axe calls a violation.
func (w *walk) look(name string) {
	w.t.Helper()
	w.do(chromedp.WaitReady(css("h1")))
	headings := ask[int64](w, `document.querySelectorAll("h1").length`)
	overflow := ask[int64](w, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
	lang := ask[string](w, `document.documentElement.lang`)
	said := ask[string](w, `document.querySelector("main").innerText`)
	if headings != 1 {
		w.t.Errorf("%s: %d headings of the first level", name, headings)
	}
	if overflow > 0 {
		w.t.Errorf("%s: the page is %d px wider than the screen of %d px", name, overflow, w.wide)
	}
	if !strings.HasPrefix(lang, string(w.lang)) {
		w.t.Errorf("%s: language %q, want %s", name, lang, w.lang)
	}
	if strings.Contains(said, "⟦") {
		w.t.Errorf("%s: a text is missing:\n%s", name, said)
	}
	if han := strings.ContainsFunc(said, func(r rune) bool { return unicode.Is(unicode.Han, r) }); w.lang == text.ZH && !han {
		w.t.Errorf("%s: a Chinese page without Chinese:\n%s", name, said)
	}
	ask[bool](w, axe.Start())
	w.wait(axe.Done)
	for _, violation := range ask[[]string](w, axe.Found) {
		w.t.Errorf("%s: axe: %s", name, violation)
	}
	w.page++
	if dir := os.Getenv("YUNSHI_SHOTS"); dir != "" {
		png, err := chromedp.Run(w.ctx, chromedp.FullScreenshot(100))
		w.must(err)
		file := filepath.Join(dir, fmt.Sprintf("%s-%d-%02d-%s.png", w.lang, w.wide, w.page, name))
		if err := os.WriteFile(file, png, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *walk) open(path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.d.App.URL() + path))
}

// fill sets a field as a person would see it afterwards.
func (w *walk) fill(name, value string) {
	w.t.Helper()
	w.do(chromedp.SetValue(css(`main [name="`+name+`"]`), value))
}

// choose ticks a box or picks a card.
func (w *walk) choose(selector string) {
	w.t.Helper()
	ask[bool](w, fmt.Sprintf(`document.querySelector(%q).checked = true`, selector))
}

// send submits the form with a field of this name and waits for the next page.
func (w *walk) send(holding string) {
	w.t.Helper()
	ask[string](w, `document.documentElement.dataset.left = "yes"`)
	ask[bool](w, fmt.Sprintf(`{ const f = document.querySelector(%q).closest("form"); setTimeout(() => f.requestSubmit(f.querySelector("button[type=submit]:not([name])") || undefined), 0); true }`, holding))
	w.wait(`document.readyState === "complete" && document.documentElement.dataset.left !== "yes"`)
}

func (w *walk) at(prefix string) {
	w.t.Helper()
	where := ask[string](w, `location.href`)
	if !strings.HasPrefix(strings.TrimPrefix(where, w.d.App.URL()), prefix) {
		w.t.Fatalf("at %s, want %s\n%s", where, prefix, ask[string](w, `document.querySelector("main").innerText`))
	}
}

// A person registers, accepts, proves who they are, buys, pays at the provider
// and uses what was delivered, in both languages on a phone and on a desk.
func TestTheFirstPurchaseInARealBrowser(t *testing.T) {
	var out bytes.Buffer
	d, err := Start(t.Context(), options(t, db.SQLite, text.EN, &out))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	number := 0
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		for _, wide := range []int64{390, 1440} {
			t.Run(fmt.Sprintf("%s at %d px", lang, wide), func(t *testing.T) {
				number++
				w := &walk{t: t, ctx: tab.Open(t).Ctx, d: d, lang: lang, wide: wide}
				w.do(chromedp.EmulateViewport(wide, 900))
				w.purchase(number)
			})
		}
	}
}

// numbers are valid made-up resident identity numbers, one a walk.
var numbers = []string{"", "110101190001010014", "11010119010101002X", "440305190402291235", "310115190708094560"}

func (w *walk) purchase(number int) {
	w.open("/?lang=" + string(w.lang))
	w.look("home")
	w.open("/search?q=" + map[text.Lang]string{text.ZH: "协同", text.EN: "collaboration"}[w.lang])
	w.look("search")
	w.do(chromedp.WaitVisible(css(`a[href^="/p/` + storyProduct + `"]`)))

	w.open("/register")
	w.look("register")
	w.choose(`[name="subject_type"][value="individual"]`)
	w.fill("display_name", "Walker")
	w.fill("user_name", "Walker")
	w.fill("email", fmt.Sprintf("walker%d@example.com", number))
	w.fill("password", "three green kettles 9")
	w.send(`[name="display_name"]`)

	w.open("/agreement")
	w.look("agreement")
	w.send(`[name="bundle"]`)

	w.open("/account/identity")
	w.look("identity")
	w.fill("name", "Walker")
	w.fill("number", numbers[number])
	w.fill("mobile", "13800138000")
	w.fill("email", fmt.Sprintf("walker%d@example.com", number))
	w.choose(`[name="consent"]`)
	w.send(`[name="consent"]`)
	w.look("identity-pending")
	w.approve()
	w.buy()
	w.open("/products")
	w.look("my-products")
}

// buy goes from a product to its use.
func (w *walk) buy() {
	w.t.Helper()
	w.open("/p/" + storyProduct)
	w.look("product")
	w.send(`form[action="/checkout"] [name="plan"]`)
	w.at("/checkout")
	w.look("checkout")
	if ask[bool](w, `document.querySelector('[name="accept_terms"]').checked`) {
		w.t.Error("the terms are accepted before anybody has read them")
	}
	w.choose(`[name="accept_terms"]`)
	w.choose(`[name="gateway"][value="sandbox"]`)
	w.send(`[name="accept_terms"]`)
	w.at("/orders/")
	w.look("order-unpaid")

	link := fmt.Sprintf(`document.querySelector('a[href^="%s/pay/"]')`, w.d.PayURL)
	w.wait(link + ` !== null`)
	w.do(
		chromedp.Navigate(ask[string](w, link+`.href`)),
		chromedp.WaitVisible(css(`button[value="pay"]`)),
		chromedp.Click(css(`button[value="pay"]`)),
	)
	w.wait(fmt.Sprintf(`location.href.startsWith(%q) && document.readyState === "complete"`, w.d.App.URL()+"/orders/"))
	w.at("/orders/")
	app := fmt.Sprintf(`document.querySelector('a[href^="%s/app/"]')`, w.d.VendorURL)
	w.wait(app + ` !== null`)
	w.wait(`document.querySelector('form[action$="/cancel"]') === null`) // a paid order cannot be cancelled
	website := ask[string](w, app+`.href`)
	w.look("order-delivered")
	w.use(website)
}

// approve is the compliance officer's part, done elsewhere.
func (w *walk) approve() {
	w.t.Helper()
	officer := audit.Actor{Kind: audit.Person, User: "usr_officer", Account: "acc_operator", Roles: []string{"compliance"}}
	err := w.d.App.DB.Write(w.t.Context(), func(tx *db.Tx) error {
		waiting, err := identity.Queue(w.t.Context(), tx)
		if err != nil {
			return err
		}
		for _, c := range waiting {
			if _, err := identity.Decide(w.t.Context(), tx, officer, c.ID, identity.Decision{Approve: true, Reason: "seen"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// use reveals the access key and writes into the delivered product.
func (w *walk) use(website string) {
	w.send(`form[action$="/reveal"] button`)
	key := ask[string](w, `[...document.querySelectorAll("dd")].map(e => e.textContent.trim()).find(s => /^[A-Za-z0-9_-]{16,}$/.test(s) && !/^[a-z]{3}_/.test(s)) || ""`)
	w.do(
		chromedp.Navigate(website),
		chromedp.WaitVisible(css(`#key`)),
		chromedp.SetValue(css(`#key`), key),
		chromedp.Submit(css(`#key`)),
		chromedp.WaitVisible(css(`#note`)),
		chromedp.SetValue(css(`#note`), "it works"),
		chromedp.Submit(css(`#note`)),
		chromedp.WaitVisible(css(`#note`)),
	)
	note, err := chromedp.Run(w.ctx, chromedp.Value(css(`#note`)))
	w.must(err)
	if note != "it works" {
		w.t.Errorf("the delivered product kept %q", note)
	}
}
