// Package page is what every page of the product is made of: the three frames
// (Shop, Desk, Plain), the parts inside them, and the style sheet and scripts
// they need.
//
// Owns: the look (assets/input.css, built into static/app.css), the HTML of each
// part, the words that belong to a part and not to a desk ("sold by …", "Clause",
// "time is up"), and how static files are named and cached. Does not own: routes,
// sessions, what a page shows, or any rule of the market; parts are given plain
// values and never read a database.
//
// Always true, by test: every page has one h1, a language and a skip link; every
// input has a label; there is no inline style, script or handler, so the content
// security policy needs no exception; every state is said in words and an icon
// as well as in colour; every part works without JavaScript, which only adds
// copying, the "/" key, and regions that refresh in place.
//
// The language of a part is the language of its context (base/text). Money is a
// money.Amount, times are time.Time, and a moment "now" is handed in by the page.
//
// A page is a templ component that wraps its content in a frame:
//
//	@page.Shop(chrome) {
//		@page.Head(page.Heading{Title: "…"})
//		@page.Panel("…") { … }
//	}
//
// and is sent with Render.
package page

import (
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"yunshi/internal/base/text"
)

// Render sends a page as HTML with the status. Pages carry the signed-in
// person's data, so they are never stored by a shared cache. The error is a
// failure to write or to render; the status has been sent by then.
//
//	return page.Render(w, r, http.StatusOK, productPage(view))
func Render(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", langTag(text.From(r.Context())))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Add("Vary", "Cookie, Accept-Language")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	return c.Render(r.Context(), w)
}

// langTag is the BCP 47 tag for the lang attribute; Chinese is written in
// simplified characters.
func langTag(l text.Lang) string {
	if l == text.ZH {
		return "zh-CN"
	}
	return string(l)
}

// WithLang returns the path and query with "lang" set to the language, so that
// the language switch stays on the page.
func WithLang(pathAndQuery string, l text.Lang) string {
	u, err := url.Parse(pathAndQuery)
	if err != nil || !localPath(pathAndQuery) {
		return "/?lang=" + string(l)
	}
	q := u.Query()
	q.Set("lang", string(l))
	return u.Path + "?" + q.Encode()
}

// localPath reports whether a target is a path on this site, not an address that
// a browser reads as another host.
func localPath(s string) bool {
	if s == "" || s[0] != '/' {
		return false
	}
	return len(s) == 1 || (s[1] != '/' && s[1] != '\\')
}
