package shop_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
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
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func evaluate[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// session is a fresh session of a person.
func (s *site) session(t *testing.T, by audit.Actor) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(s.url+"/signin", url.Values{"email": {s.email(t, by)}, "password": {world.Password}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		if c.Name == "yunshi_session" {
			return c.Value
		}
	}
	t.Fatalf("no session: %s", res.Status)
	return ""
}

// TestTheRuleCentreInARealBrowser opens the pages on which rules are read, changed,
// accepted and refused on a phone and on a desk in both languages. YUNSHI_SHOTS is a
// directory for pictures.
func TestTheRuleCentreInARealBrowser(t *testing.T) {
	ctx := chromium(t)
	s := open(t)
	buyer := s.Customer(account.Individual)
	c := s.change(t)
	c.consult()
	s.Write(func(tx *db.Tx) error {
		said, err := agreement.Say(t.Context(), tx, buyer, c.draft.ID, "refund-2", "七天合理。Seven days are fair.")
		if err != nil {
			return err
		}
		if err := agreement.AnswerComment(t.Context(), tx, c.one, said.ID, "谢谢，已采纳。Thank you, taken up."); err != nil {
			return err
		}
		if _, err := agreement.Say(t.Context(), tx, buyer, c.draft.ID, "", "请尽快。Soon, please."); err != nil {
			return err
		}
		if _, err := agreement.AskByMail(t.Context(), tx, c.one, account.ID(buyer.Account)); err != nil {
			return err
		}
		_, err = agreement.Disable(t.Context(), tx, c.one, agreement.Disabled{
			Code: agreement.UserAgreement, Clause: "8.4", Audience: agreement.Consumers, Reason: agreement.Both{ZH: "消费者权益保护法第二十六条", EN: "Consumer Law 26"},
		})
		return err
	})
	draft := c.draft.ID
	open := map[string]string{"home": "/", "rules": "/rules", "consultations": "/rules/consultations", "consultation": "/rules/consultations/" + draft}
	desk := map[string]string{
		"desk-rules": "/operator/rules", "desk-draft": "/operator/rules/drafts/" + draft, "desk-clauses": "/operator/rules/clauses", "desk-acceptances": "/operator/rules/acceptances",
	}
	after := map[string]string{
		"banner": "/orders", "agreement": "/agreement", "search": "/rules/search?q=refund", "archive": "/rules/documents/refund", "version": "/rules/documents/refund/2", "changes": "/rules/documents/refund/2/changes", "clause": "/rules/clauses/refund/refund-2",
		"struck": "/rules/clauses/user-agreement/8.4",
	}
	s.walk(ctx, t, buyer, open)
	s.walk(ctx, t, c.other, desk)
	s.Clock.Set(c.draft.ClosesAt)
	s.walk(ctx, t, c.other, map[string]string{"desk-edit": "/operator/rules/drafts/" + draft + "?clause=refund-2"})
	v := c.publish()
	s.walk(ctx, t, buyer, map[string]string{"home-soon": "/", "refuse": "/rules/documents/refund/2/changes"})
	s.Clock.Set(v.EffectiveAt)
	s.walk(ctx, t, buyer, after)
}

// walk opens pages as somebody and looks at each.
func (s *site) walk(ctx context.Context, t *testing.T, by audit.Actor, pages map[string]string) {
	t.Helper()
	token := s.session(t, by)
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "yunshi_session", Value: token})
		proxy.ServeHTTP(rw, r)
	}))
	defer server.Close()
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		for _, wide := range []int64{390, 1440} {
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(wide, 900)); err != nil {
				t.Fatal(err)
			}
			for name, path := range pages {
				u, err := url.Parse(path)
				if err != nil {
					t.Fatal(err)
				}
				q := u.Query()
				q.Set("lang", string(lang))
				u.RawQuery = q.Encode()
				if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+u.String())); err != nil {
					t.Fatal(err)
				}
				if got := evaluate[string](ctx, t, `location.pathname`); got != u.Path {
					t.Fatalf("%s leads to %s", path, got)
				}
				evaluate[bool](ctx, t, axe.Start())
				for !evaluate[bool](ctx, t, axe.Done) {
					time.Sleep(50 * time.Millisecond)
				}
				for _, wrong := range evaluate[[]string](ctx, t, axe.Found) {
					t.Errorf("%s in %s at %d px: axe: %s", name, lang, wide, wrong)
				}
				if over := evaluate[int64](ctx, t, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
					t.Errorf("%s in %s at %d px: %d px too wide", name, lang, wide, over)
				}
				if n := evaluate[int64](ctx, t, `document.querySelectorAll("h1").length`); n != 1 {
					t.Errorf("%s in %s: %d headings", name, lang, n)
				}
				if evaluate[bool](ctx, t, `document.body.innerText.includes("⟦")`) {
					t.Errorf("%s in %s: a text is missing", name, lang)
				}
				if dir := os.Getenv("YUNSHI_SHOTS"); dir != "" {
					png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					if err == nil {
						err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, lang, wide)), png, 0o600)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
