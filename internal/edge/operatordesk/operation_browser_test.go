package operatordesk_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

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
	"yunshi/internal/testkit/tab"
	"yunshi/internal/testkit/world"
)

// serviceMarket serves a market to which something has happened: the pages of its
// customers and those of the operator.
func serviceMarket(t *testing.T) (w *world.Trade, handler http.Handler, s said) {
	t.Helper()
	clock := testkit.NewClock()
	w = world.NewTrade(t, testkit.OpenAt(t, db.SQLite, clock), clock)
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
	handler, err = serve.New(m, serve.Surface{Routes: append(shop.Routes(m), operatordesk.Routes(m, nil)...), MaxBody: 1 << 20, PerSecond: 500})
	if err != nil {
		t.Fatal(err)
	}
	return w, handler, tell(t, w, rules)
}

func sessionOf(t *testing.T, w *world.Trade, by audit.Actor) (token string) {
	t.Helper()
	w.Write(func(tx *db.Tx) error {
		s, err := account.SignIn(t.Context(), tx, account.Credential{User: account.UserID(by.User), Account: account.ID(by.Account)}, account.Device{IP: "192.0.2.1", Method: "password"})
		token = s.Token
		return err
	})
	return token
}

func lookAt(t *testing.T, b *tab.Tab, server string, pages [][2]string) {
	t.Helper()
	b.Languages(func(lang string) {
		for _, p := range pages {
			b.Open(server, p[1], lang)
			b.Look(p[0], lang)
		}
	})
}

// TestTheServicePagesOfCustomersInARealBrowser opens what everybody sees of the
// market as a service.
func TestTheServicePagesOfCustomersInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	w, handler, s := serviceMarket(t)
	lookAt(t, b, tab.Serve(t, handler, sessionOf(t, w, s.buyer)), [][2]string{
		{"home", "/"}, {"status", "/status"}, {"status-one", "/status/" + string(s.contestable)}, {"changes", "/changes"}, {"change", "/changes/" + string(s.change)},
		{"wind-down", "/wind-down"}, {"moved", "/c/saas_office?from=saas_business"},
	})
}

// TestTheServicePagesOfTheOperatorInARealBrowser opens those of an officer.
func TestTheServicePagesOfTheOperatorInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	w, handler, s := serviceMarket(t)
	lookAt(t, b, tab.Serve(t, handler, sessionOf(t, w, w.Compliance)), [][2]string{
		{"interruptions", "/operator/interruptions"}, {"interruption", "/operator/interruptions/" + string(s.contested)}, {"incidents", "/operator/incidents"}, {"duties", "/operator/compliance"}, {"desk", "/operator"},
		{"incident", "/operator/incidents/" + string(s.incident)}, {"op-changes", "/operator/changes"}, {"categories", "/operator/categories?change=saas_hr"},
		{"service", "/operator/service"}, {"service-one", "/operator/service/" + string(s.end)},
	})
}

// said is what has happened before the pages are looked at.
type said struct {
	buyer                                         audit.Actor
	contested, contestable, incident, change, end operation.ID
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
	s.contestable = n.ID
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
