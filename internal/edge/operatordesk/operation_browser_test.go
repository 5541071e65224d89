package operatordesk_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/operatordesk"
	"yunshi/internal/edge/serve"
	"yunshi/internal/edge/shop"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/report"
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
	ctx, cancel = context.WithTimeout(ctx, 6*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// faults lists what keeps people out of a page: what has no name, an id used twice, a
// heading that skips a level, content wider than the screen.
const faults = `(() => {
	const out = [], all = q => [...document.querySelectorAll(q)];
	const name = e => e.getAttribute("aria-label") || e.textContent.trim() || [...(e.labels || [])].map(l => l.textContent).join("").trim();
	all("main input:not([type=hidden]), main select, main textarea, main button, main a[href], main summary").forEach(e => { if (!name(e)) out.push("no name: " + e.outerHTML.slice(0, 120)) });
	const ids = all("[id]").map(e => e.id);
	new Set(ids.filter((id, i) => ids.indexOf(id) !== i)).forEach(id => out.push("id twice: " + id));
	let level = 0;
	all("main h1, main h2, main h3, main h4").forEach(h => { const l = +h.tagName[1]; if (l > level + 1) out.push("heading skips: " + h.innerText); level = l });
	all("main table").forEach(e => { if (!e.caption) out.push("table without caption") });
	if (document.querySelectorAll("h1").length !== 1) out.push("not one h1");
	if (document.body.innerText.includes("⟦")) out.push("a text is missing: " + document.body.innerText.match(/⟦[^⟧]*/)[0]);
	const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
	if (wide > 0) out.push("wider than the screen by " + wide + ": " + all("main *").filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className).slice(0, 4).join(" "));
	return out;
})()`

// TestTheServicePagesInARealBrowser opens the public and the operator's pages about
// the market as a service, on a phone and on a desk, in both languages. YUNSHI_SHOTS
// is a directory for pictures.
func TestTheServicePagesInARealBrowser(t *testing.T) {
	browser := chromium(t)
	clock := testkit.NewClock()
	w := world.NewTrade(t, testkit.OpenAt(t, db.SQLite, clock), clock)
	rules := operation.Rules{Affected: report.Affected, Concerns: report.Concerns, Left: report.RunOff}
	w.With(operation.Work{Rules: rules}.Handlers())
	w.With(catalog.Work{}.Handlers())
	store, err := blob.Disk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &serve.Market{
		DB: w.DB, Blob: store, Operation: rules, Log: slog.New(slog.DiscardHandler),
		Info: serve.Info{Market: "云市", Operator: world.Operator, BaseURL: "http://market.example"},
	}
	handler, err := serve.New(m, serve.Surface{Routes: append(shop.Routes(m), operatordesk.Routes(m, nil)...), MaxBody: 1 << 20, PerSecond: 500})
	if err != nil {
		t.Fatal(err)
	}
	story := tell(t, w, rules)

	token := func(by audit.Actor) (secret string) {
		w.Write(func(tx *db.Tx) error {
			s, err := account.SignIn(t.Context(), tx, account.Credential{User: account.UserID(by.User), Account: account.ID(by.Account)}, account.Device{IP: "192.0.2.1", Method: "password"})
			secret = s.Token
			return err
		})
		return secret
	}
	officer, buyer := token(w.Compliance), token(story.buyer)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		who := buyer
		if len(r.URL.Path) >= 9 && r.URL.Path[:9] == "/operator" {
			who = officer
		}
		r.AddCookie(&http.Cookie{Name: "yunshi_session", Value: who})
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)

	evaluate := func(expression string) (found []string) {
		found, err := chromedp.Run(browser, chromedp.Evaluate[[]string](expression))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	look := func(name, lang string, wide int64) {
		if _, err := chromedp.Run(browser, chromedp.Evaluate[bool](axe.Start())); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			done, err := chromedp.Run(browser, chromedp.Evaluate[bool](axe.Done))
			if err == nil && done {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("axe does not end on %s: %v", name, err)
			}
		}
		for _, wrong := range append(evaluate(faults), evaluate(axe.Found)...) {
			t.Errorf("%s in %s at %d px: %s", name, lang, wide, wrong)
		}
		if dir := os.Getenv("YUNSHI_SHOTS"); dir != "" {
			png, err := chromedp.Run(browser, chromedp.FullScreenshot(100))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, lang, wide)), png, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	pages := [][2]string{
		{"home", "/"}, {"status", "/status"}, {"status-one", "/status/" + string(story.contested)}, {"changes", "/changes"}, {"change", "/changes/" + string(story.change)},
		{"wind-down", "/wind-down"}, {"moved", "/c/saas_business"}, {"interruptions", "/operator/interruptions"}, {"interruption", "/operator/interruptions/" + string(story.contested)},
		{"incidents", "/operator/incidents"}, {"incident", "/operator/incidents/" + string(story.incident)}, {"op-changes", "/operator/changes"},
		{"categories", "/operator/categories?change=saas_hr"}, {"service", "/operator/service"}, {"service-one", "/operator/service/" + string(story.end)}, {"due", "/operator"},
	}
	for _, lang := range []string{"zh", "en"} {
		for _, wide := range []int64{390, 1440} {
			if err := chromedp.Do(browser, chromedp.EmulateViewport(wide, 900)); err != nil {
				t.Fatal(err)
			}
			for _, p := range pages {
				mark := "?"
				if slices.Contains([]byte(p[1]), '?') {
					mark = "&"
				}
				if err := chromedp.Do(browser, chromedp.Navigate(server.URL+p[1]+mark+"lang="+lang)); err != nil {
					t.Fatal(err)
				}
				look(p[0], lang, wide)
			}
		}
	}
}

// said is what has happened before the pages are looked at.
type said struct {
	buyer                            audit.Actor
	contested, incident, change, end operation.ID
}

func tell(t *testing.T, w *world.Trade, rules operation.Rules) (s said) {
	t.Helper()
	ctx := t.Context()
	s.buyer = w.Customer(account.LegalPerson)
	offer := w.Listed(world.Content(delivery.LicenceKey, 19900))
	w.Bought(s.buyer, offer)
	words := func(zh, en string) operation.Both { return operation.Both{ZH: zh, EN: en} }
	outage := func(title operation.Both, component, impact string, steps ...operation.State) (n operation.Interruption) {
		w.Write(func(tx *db.Tx) (err error) {
			n, err = operation.OpenInterruption(ctx, tx, w.Support, operation.Outage{Component: component, Impact: impact, Title: title, Everyone: true})
			return err
		})
		for _, to := range steps {
			w.Clock.Advance(17 * time.Minute)
			w.Write(func(tx *db.Tx) (err error) {
				n, err = operation.Step(ctx, tx, w.Support, n.ID, n.Version, to, words("机房网络已切换到备用线路,正在观察。", "Traffic was moved to the second line; we are watching it."))
				return err
			})
		}
		return n
	}
	n := outage(words("华南机房网络中断,部分订单无法支付", "Network failure in the south data centre: some orders cannot be paid"), "payment", "outage", operation.Acknowledged, operation.Mitigated, operation.Resolved)
	w.Write(func(tx *db.Tx) (err error) {
		_, err = operation.StateCause(ctx, tx, w.Support, n.ID, n.Version, operation.Carrier, operation.Proof{Kind: "ticket", Reference: "CT-2026-7788"}, "")
		return err
	})
	m := outage(words("部分许可证校验失败", "Some licence checks fail"), "products", "degraded", operation.Acknowledged, operation.Resolved)
	w.Write(func(tx *db.Tx) (err error) {
		m, err = operation.StateCause(ctx, tx, w.Support, m.ID, m.Version, operation.UserSide, operation.Proof{Kind: "client_error", Text: "客户端日志:系统时间错误导致证书校验失败"}, "")
		return err
	})
	s.contested = m.ID
	w.Write(func(tx *db.Tx) error {
		_, err := rules.Contest(ctx, tx, w.Seller, m.ID, "多个客户同时报错,不像是客户端的问题。")
		return err
	})
	outage(words("搜索结果更新较慢", "Search results are updated late"), "search", "degraded", operation.Acknowledged)
	w.Write(func(tx *db.Tx) error {
		i, err := operation.OpenIncident(ctx, tx, w.Compliance, operation.Finding{
			Kind: "leak", Cause: "attack", Personal: true, DataKinds: []string{"name_contact", "orders"}, Subjects: []account.ID{account.ID(s.buyer.Account)}, Summary: "备份存储的访问密钥被公开,约两小时后撤销。",
		})
		s.incident = i.ID
		return err
	})
	w.Clock.Advance(30 * time.Minute)
	for _, to := range []operation.State{operation.Acknowledged, operation.Contained, operation.Resolved} {
		w.Write(func(tx *db.Tx) error {
			i, err := operation.IncidentOf(ctx, tx, s.incident)
			if err != nil {
				return err
			}
			_, err = operation.StepIncident(ctx, tx, w.Support, i.ID, i.Version, to, "密钥已撤销,访问日志已核对。")
			return err
		})
	}
	w.Write(func(tx *db.Tx) error {
		c, err := catalog.ChangeCategory(ctx, tx, w.Compliance, catalog.CategoryMove{
			Code: "saas_business", To: catalog.CategoryRetired, Successor: "saas_office", Why: catalog.Both{ZH: "两个类目的产品相近,合并后更容易找到。", EN: "Both hold similar products; merged they are easier to find."},
			Migration: catalog.Both{ZH: "产品已自动转入新类目,无需操作。", EN: "Products have moved by themselves; there is nothing to do."},
		})
		s.change = c.ID
		return err
	})
	w.Write(func(tx *db.Tx) error {
		plan := map[operation.Part]operation.Both{}
		for _, p := range operation.Parts {
			plan[p] = words("终止前照常办理;未了结的由运营方在三个月内处理完毕。", "Handled as usual until the end; what is open then is settled by the operator within three months.")
		}
		v, err := operation.Propose(ctx, tx, w.Compliance, operation.Proposal{
			Day: calendar.On(tx.Now()).AddDays(75), Text: words("由于业务调整,云市场将终止运营。感谢各位用户和服务商的支持。", "The market will end as our business changes. Thank you to every user and vendor."), Plan: plan,
		})
		s.end = v.ID
		return err
	})
	w.Write(func(tx *db.Tx) error { _, err := operation.Approve(ctx, tx, w.Superadmin, s.end); return err })
	w.Drain()
	return s
}
