package page

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
)

// Faults lists what a page breaks: one h1, a language, labels, no inline code or
// style, ids used once, references that lead somewhere, no missing text.
func Faults(doc *html.Node) []string {
	var out []string
	ids, labelled := map[string]int{}, map[string]bool{}
	var nodes []*html.Node
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		nodes = append(nodes, n)
		if n.Type == html.ElementNode {
			if id := attr(n, "id"); id != "" {
				ids[id]++
			}
			if n.Data == "label" && attr(n, "for") != "" {
				labelled[attr(n, "for")] = true
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	h1 := 0
	for _, n := range nodes {
		if n.Type == html.TextNode && strings.Contains(n.Data, "⟦") {
			out = append(out, "missing text: "+n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				out = append(out, fmt.Sprintf("<%s> has inline %s", n.Data, a.Key))
			}
			if strings.Contains(a.Val, "⟦") {
				out = append(out, "missing text in "+a.Key+": "+a.Val)
			}
			if a.Key == "aria-describedby" || a.Key == "aria-labelledby" {
				for _, id := range strings.Fields(a.Val) {
					if ids[id] == 0 {
						out = append(out, a.Key+" leads nowhere: "+id)
					}
				}
			}
			if a.Key == "href" && len(a.Val) > 1 && a.Val[0] == '#' && ids[a.Val[1:]] == 0 {
				out = append(out, "link leads nowhere: "+a.Val)
			}
		}
		switch n.Data {
		case "h1":
			h1++
		case "html":
			if attr(n, "lang") == "" {
				out = append(out, "no lang")
			}
		case "style":
			out = append(out, "inline style sheet")
		case "script":
			if attr(n, "src") == "" {
				out = append(out, "inline script")
			}
		case "input", "select", "textarea":
			if attr(n, "type") != "hidden" && !labelled[attr(n, "id")] {
				out = append(out, "no label: "+attr(n, "name"))
			}
		case "img":
			if !has(n, "alt") || !has(n, "width") || !has(n, "height") {
				out = append(out, "picture without alt or size")
			}
		case "button", "a":
			if strings.TrimSpace(textOf(n)) == "" && attr(n, "aria-label") == "" {
				out = append(out, "<"+n.Data+"> without a word")
			}
		}
	}
	for id, n := range ids {
		if n > 1 {
			out = append(out, fmt.Sprintf("id %q used %d times", id, n))
		}
	}
	if h1 != 1 {
		out = append(out, fmt.Sprintf("%d h1", h1))
	}
	if ids["content"] != 1 {
		out = append(out, "nothing for the skip link to reach")
	}
	return out
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(textOf(c))
	}
	return b.String()
}

func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{`<html lang="en"><main id="content"><h1>a</h1><p style="x">`, "<p> has inline style"},
		{`<html lang="en"><main id="content"><h1>a</h1><input name="q">`, "no label: q"},
		{`<html lang="en"><main id="content"><h1>a</h1><script>1</script>`, "inline script"},
		{`<html><main id="content"><h1>a</h1>`, "no lang"},
		{`<html lang="en"><main id="content">`, "0 h1"},
		{`<html lang="en"><main id="content"><h1>⟦x⟧</h1>`, "missing text: ⟦x⟧"},
		{`<html lang="en"><main id="content"><h1>a</h1><a href="/x"></a>`, "<a> without a word"},
	} {
		doc, err := html.Parse(strings.NewReader(c.page))
		if err != nil {
			t.Fatal(err)
		}
		if got := Faults(doc); !slices.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.page, got, c.want)
		}
	}
}

func TestStaticFilesAreKeptByTheirHash(t *testing.T) {
	get := func(path, etag string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		w := httptest.NewRecorder()
		Static().ServeHTTP(w, r)
		return w.Result()
	}
	hashed := get(Asset("app.css"), "")
	if hashed.StatusCode != http.StatusOK || !strings.Contains(hashed.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("hashed: %d %q", hashed.StatusCode, hashed.Header.Get("Cache-Control"))
	}
	if got := hashed.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/css") {
		t.Errorf("type %q", got)
	}
	if got := get(Asset("app.css"), hashed.Header.Get("ETag")); got.StatusCode != http.StatusNotModified {
		t.Errorf("known ETag: %d", got.StatusCode)
	}
	if got := get(StaticPrefix+"app.css", ""); strings.Contains(got.Header.Get("Cache-Control"), "immutable") {
		t.Error("a plain name must not be kept for ever")
	}
	if got := get(StaticPrefix+"app.000000000000.css", ""); got.StatusCode != http.StatusNotFound {
		t.Errorf("other hash: %d", got.StatusCode)
	}
}

// The first shop page may cost 60 KB; these files are most of it.
func TestFirstPageStaysInItsBudget(t *testing.T) {
	total := 0
	for name, limit := range map[string]int{"app.css": 25 << 10, "htmx.min.js": 16 << 10, "app.js": 2 << 10, "icon.svg": 1 << 10} {
		var n counter
		z, err := gzip.NewWriterLevel(&n, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.Write(assets()[name].body); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if int(n) > limit {
			t.Errorf("%s is %d bytes compressed, limit %d", name, n, limit)
		}
		total += int(n)
	}
	if total > 44<<10 {
		t.Errorf("assets are %d bytes compressed, which leaves too little for the page", total)
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

func TestClauseChipLeadsToTheClause(t *testing.T) {
	for clause, want := range map[string]string{
		"UA 4.3":      "/rules/agreement#c4.3",
		"UA P-1":      "/rules/agreement#cp-1",
		"ECL 58":      "/rules/law#ecl-58",
		"RB refund-2": "/rules/rulebook#refund-2",
		"":            "/rules",
	} {
		if got := ClauseURL(clause); got != want {
			t.Errorf("%q: %q, want %q", clause, got, want)
		}
	}
}

func TestLanguageSwitchStaysOnThePage(t *testing.T) {
	for path, want := range map[string]string{
		"/search?q=db&lang=zh": "/search?lang=en&q=db",
		"/p/1":                 "/p/1?lang=en",
		"//evil.example/x":     "/?lang=en",
		"":                     "/?lang=en",
	} {
		if got := WithLang(path, text.EN); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

func TestThemeIsKeptAndReturnsOnlyToThisSite(t *testing.T) {
	for _, c := range []struct{ theme, back, wantTheme, wantTo string }{
		{"dark", "/p/1?x=2", "dark", "/p/1?x=2"},
		{"pink", "/", "", "/"},
		{"light", "//evil.example", "light", "/"},
		{"light", `/\evil.example`, "light", "/"},
		{"light", "https://evil.example", "light", "/"},
	} {
		form := url.Values{"theme": {c.theme}, "back": {c.back}}
		r := httptest.NewRequest(http.MethodPost, ThemePath, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		SetTheme(w, r)
		if got := w.Header().Get("Location"); got != c.wantTo {
			t.Errorf("%v: leads to %q", c, got)
		}
		next := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, cookie := range w.Result().Cookies() {
			next.AddCookie(cookie)
		}
		if got := ThemeOf(next); string(got) != c.wantTheme {
			t.Errorf("%v: theme %q", c, got)
		}
	}
}

func TestRefusalShowsEveryFaultAndNothingInternal(t *testing.T) {
	ctx := text.With(context.Background(), text.EN)
	clause := fault.New(fault.Conflict, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
	field := fault.New(fault.Invalid, "FIELD_REQUIRED", "").In("email")

	t.Run("a clause is shown with what to do next", func(t *testing.T) {
		got := RefusalOf(ctx, fmt.Errorf("move: %w", clause))
		if got.Clause != "UA 4.3" || got.Code != clause.Code || got.Next == "" || strings.Contains(got.Text, "move") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("fields are listed, the general fault speaks", func(t *testing.T) {
		got := RefusalOf(ctx, fault.List{field, clause})
		if got.Code != clause.Code || len(got.Fields) != 1 || got.Fields[0].Name != "email" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("only fields", func(t *testing.T) {
		got := RefusalOf(ctx, fault.List{field})
		if !strings.Contains(got.Text, "One answer") || FieldErrors(ctx, fault.List{field})["email"] == "" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("an internal error says nothing of itself", func(t *testing.T) {
		got := RefusalOf(ctx, errors.New("pq: password authentication failed"))
		if got.Code != "INTERNAL" || strings.Contains(got.Text, "password") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("fields get their labels and the order of the form", func(t *testing.T) {
		required := fault.New(fault.Invalid, "FIELD_REQUIRED", "")
		got := RefusalOf(ctx, fault.List{required.In("elsewhere"), required.In("password"), required.In("email")}).
			For(Field{Name: "email", Label: "E-mail"}, Field{Name: "password", Label: "Password"})
		var order []string
		for _, f := range got.Fields {
			order = append(order, f.Name+"="+f.Label)
		}
		if want := []string{"email=E-mail", "password=Password", "elsewhere="}; !slices.Equal(order, want) {
			t.Errorf("%q, want %q", order, want)
		}
		if got := got.Fields[0].sentence(text.EN); !strings.HasPrefix(got, "E-mail: ") {
			t.Errorf("sentence %q", got)
		}
	})
	t.Run("no error has no fields", func(t *testing.T) {
		if got := FieldErrors(ctx, nil); len(got) != 0 {
			t.Errorf("%v", got)
		}
	})
}

func TestRenderSaysLanguageAndKeepsPagesOutOfSharedCaches(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(text.With(r.Context(), text.ZH))
	w := httptest.NewRecorder()
	if err := Render(w, r, http.StatusNotFound, Str("<b>")); err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(w.Result().Body)
	if w.Code != http.StatusNotFound || string(body) != "&lt;b&gt;" {
		t.Errorf("%d %q", w.Code, body)
	}
	if w.Header().Get("Content-Language") != "zh-CN" || !strings.Contains(w.Header().Get("Cache-Control"), "private") {
		t.Errorf("%v", w.Header())
	}
}

func TestDeadlinesGetUrgent(t *testing.T) {
	for left, want := range map[time.Duration]Tone{-time.Second: Danger, 5 * time.Hour: Danger, 7 * time.Hour: Warning, 47 * time.Hour: Warning, 49 * time.Hour: Neutral} {
		if got := urgency(now, now.Add(left)); got != want {
			t.Errorf("%v left: %q, want %q", left, got, want)
		}
	}
}

func TestChartsKeepInsideTheirBox(t *testing.T) {
	s := Series{Points: []Point{{Value: -5}, {Value: 0}, {Value: 1 << 40}}}
	for _, b := range s.bars() {
		if b.Y < chartTop || b.Y+b.H != chartFloor || b.X < 0 || b.X+b.W > chartWidth {
			t.Errorf("%+v", b)
		}
	}
	if got := sparkline([]Point{{Value: 1}, {Value: 3}}); got != "0.0,27.0 100.0,3.0" {
		t.Errorf("sparkline %q", got)
	}
	if got := sparkline([]Point{{Value: 1}}); got != "" {
		t.Errorf("one point is no line: %q", got)
	}
}

func TestInitialsOfProducts(t *testing.T) {
	for name, want := range map[string]string{"磐石数据库": "磐", " bedrock": "B", "《快单》": "快", "": "·"} {
		if got := initial(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
