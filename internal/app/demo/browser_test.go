package demo

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/identity"
	"yunshi/internal/testkit/tab"
)

// walk is one person's way through the market.
type walk struct {
	*tab.Tab
	t     *testing.T
	d     *Demo
	lang  text.Lang
	again bool // somebody has gone this way before, in the other language
}

// started is a running demonstration that ends with the test.
func started(t *testing.T) *Demo {
	t.Helper()
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
	return d
}

// People go through one demonstration in one browser, each way in both languages.
// Every page they look at is looked at on a phone and on a desk.
func TestTheDemonstrationInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	d := started(t)
	for _, way := range []struct {
		name string
		walk func(*walk)
	}{
		{"the first purchase", (*walk).purchase},
		{"the money", (*walk).money},
		{"an invoice", (*walk).invoice},
		{"what people write", (*walk).words},
		{"the proof", (*walk).proof},
	} {
		t.Run(way.name, func(t *testing.T) {
			for i, lang := range []text.Lang{text.ZH, text.EN} {
				t.Run(string(lang), func(t *testing.T) {
					way.walk(&walk{Tab: b.For(t), t: t, d: d, lang: lang, again: i > 0})
				})
			}
		})
	}
}

// ask evaluates an expression in the page.
func ask[T any](w *walk, expression string) T {
	w.t.Helper()
	return tab.Ask[T](w.Tab, expression)
}

func css(selector string) chromedp.CSS { return chromedp.CSS(selector) }

func (w *walk) look(name string) {
	w.t.Helper()
	w.Look(name, string(w.lang))
}

func (w *walk) open(path string) {
	w.t.Helper()
	w.Do(chromedp.Navigate(w.d.App.URL() + path))
}

// fill sets a field as a person would see it afterwards.
func (w *walk) fill(name, value string) {
	w.t.Helper()
	w.Do(chromedp.SetValue(css(`main [name="`+name+`"]`), value))
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
	w.Until(`document.readyState === "complete" && document.documentElement.dataset.left !== "yes"`)
}

func (w *walk) at(prefix string) {
	w.t.Helper()
	where := ask[string](w, `location.href`)
	if !strings.HasPrefix(strings.TrimPrefix(where, w.d.App.URL()), prefix) {
		w.t.Fatalf("at %s, want %s\n%s", where, prefix, ask[string](w, `document.querySelector("main").innerText`))
	}
}

// purchase: a person registers, accepts, proves who they are, buys, pays at the
// provider and uses what was delivered.
func (w *walk) purchase() {
	email, number := "walker1@example.com", "110101190001010014"
	if w.again {
		email, number = "walker2@example.com", "11010119010101002X"
	}
	w.leave()
	w.open("/?lang=" + string(w.lang))
	w.look("home")
	w.open("/search?q=" + map[text.Lang]string{text.ZH: "协同", text.EN: "collaboration"}[w.lang])
	w.look("search")
	w.Do(chromedp.WaitVisible(css(`a[href^="/p/` + storyProduct + `"]`)))

	w.open("/register")
	w.look("register")
	w.choose(`[name="subject_type"][value="individual"]`)
	w.fill("display_name", "Walker")
	w.fill("user_name", "Walker")
	w.fill("email", email)
	w.fill("password", "three green kettles 9")
	w.send(`[name="display_name"]`)

	w.open("/agreement")
	w.look("agreement")
	w.send(`[name="bundle"]`)

	w.open("/account/identity")
	w.look("identity")
	w.fill("name", "Walker")
	w.fill("number", number)
	w.fill("mobile", "13800138000")
	w.fill("email", email)
	w.choose(`[name="consent"]`)
	w.send(`[name="consent"]`)
	w.look("identity-pending")
	w.approve()
	w.buy(w.look)
	w.open("/products")
	w.look("my-products")
}

// pass is the look of somebody who does not look: another walk looks at the page.
func pass(string) {}

// buy goes from a product to its use.
func (w *walk) buy(look func(page string)) {
	w.t.Helper()
	w.open("/p/" + storyProduct)
	look("product")
	w.send(`form[action="/checkout"] [name="plan"]`)
	w.at("/checkout")
	look("checkout")
	if ask[bool](w, `document.querySelector('[name="accept_terms"]').checked`) {
		w.t.Error("the terms are accepted before anybody has read them")
	}
	w.choose(`[name="accept_terms"]`)
	w.choose(`[name="gateway"][value="sandbox"]`)
	w.send(`[name="accept_terms"]`)
	w.at("/orders/")
	look("order-unpaid")

	link := fmt.Sprintf(`document.querySelector('a[href^="%s/pay/"]')`, w.d.PayURL)
	w.Until(link + ` !== null`)
	w.Do(
		chromedp.Navigate(ask[string](w, link+`.href`)),
		chromedp.WaitVisible(css(`button[value="pay"]`)),
		chromedp.Click(css(`button[value="pay"]`)),
	)
	w.Until(fmt.Sprintf(`location.href.startsWith(%q) && document.readyState === "complete"`, w.d.App.URL()+"/orders/"))
	w.at("/orders/")
	app := fmt.Sprintf(`document.querySelector('a[href^="%s/app/"]')`, w.d.VendorURL)
	w.Until(app + ` !== null`)
	w.Until(`document.querySelector('form[action$="/cancel"]') === null`) // a paid order cannot be cancelled
	website := ask[string](w, app+`.href`)
	look("order-delivered")
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
	w.Do(
		chromedp.Navigate(website),
		chromedp.WaitVisible(css(`#key`)),
		chromedp.SetValue(css(`#key`), key),
		chromedp.Submit(css(`#key`)),
		chromedp.WaitVisible(css(`#note`)),
		chromedp.SetValue(css(`#note`), "it works"),
		chromedp.Submit(css(`#note`)),
		chromedp.WaitVisible(css(`#note`)),
	)
	note, err := chromedp.Run(w.Ctx, chromedp.Value(css(`#note`)))
	w.Must(err)
	if note != "it works" {
		w.t.Errorf("the delivered product kept %q", note)
	}
}
