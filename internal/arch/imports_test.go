package arch

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// marketOrder is the order of the market packages: each may import only those before it. It is also the order in
// which to read them.
var marketOrder = strings.Fields(`
	audit command job account identity agreement content message operation vendor catalog promotion search ledger commission payment
	entitlement delivery metering invoice order review refund settlement reconciliation complaint infringement enforcement privacy evidence report`)

// allowedModules are the modules a package of the product may import beside the standard library. A new one needs a
// record in docs/adr that names the runner-up.
var allowedModules = strings.Fields(`
	codeberg.org/go-pdf/fpdf github.com/a-h/templ github.com/alecthomas/kong github.com/alexedwards/scs/v2
	github.com/coreos/go-oidc/v3 github.com/danielgtaylor/huma/v2 github.com/go-jose/go-jose/v4
	github.com/go-webauthn/webauthn github.com/jackc/pgx/v5 github.com/minio/minio-go/v7
	github.com/nicksnyder/go-i18n/v2 github.com/pquerna/otp github.com/pressly/goose/v3
	github.com/prometheus/client_golang github.com/schollz/progressbar/v3 github.com/shopspring/decimal
	github.com/stripe/stripe-go/v85 github.com/tink-crypto/tink-go/v2 github.com/wneessen/go-mail
	github.com/xuri/excelize/v2 github.com/zitadel/oidc/v3 go.opentelemetry.io
	golang.org/x/crypto golang.org/x/mod golang.org/x/net golang.org/x/sync golang.org/x/sys golang.org/x/term
	golang.org/x/text golang.org/x/time modernc.org/libc modernc.org/sqlite rsc.io/qr`)

// testModules may be imported by tests, by testkit and by torture, which is a test that takes many processes.
var testModules = strings.Fields(`
	github.com/anishathalye/porcupine github.com/chromedp/cdproto github.com/chromedp/chromedp
	github.com/google/go-cmp github.com/rogpeppe/go-internal github.com/standard-webhooks/standard-webhooks
	go.uber.org/goleak golang.org/x/tools pgregory.net/rapid`)

func inModules(imp string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") })
}

// isStandard reports whether an import path is of the standard library: its first element has no dot.
func isStandard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return local(imp) == "" && !strings.Contains(first, ".")
}

// baseImportsBase: ring 0 knows nothing of marketplaces.
func baseImportsBase(t *tree) (found []string) {
	t.imports(productFile, func(f *file, imp string, pos token.Pos) {
		if r, _ := ring(f.pkg.dir); r != "base" {
			return
		}
		if dir := local(imp); dir != "" && !below("internal/base")(dir) {
			found = append(found, t.at(pos, "base imports %s", imp))
		}
	})
	return found
}

// onlyChosenModules: a dependency is a decision.
func onlyChosenModules(t *tree) (found []string) {
	t.imports(everyFile, func(f *file, imp string, pos token.Pos) {
		if isStandard(imp) || local(imp) != "" || inModules(imp, allowedModules) {
			return
		}
		if (f.isTest() || below("internal/testkit")(f.pkg.dir) || f.pkg.dir == "internal/app/torture") && inModules(imp, testModules) {
			return
		}
		found = append(found, t.at(pos, "%s is not a chosen dependency here", imp))
	})
	return found
}

// marketInOrder: a market package imports base, the public contract for vendors and the packages before it; only edge and app import report.
func marketInOrder(t *tree) (found []string) {
	for _, p := range t.pkgs {
		if r, name := ring(p.dir); r == "market" && !slices.Contains(marketOrder, name) {
			found = append(found, p.dir+": not in the order of the market packages")
		}
	}
	t.imports(productFile, func(f *file, imp string, pos token.Pos) {
		from, name := ring(f.pkg.dir)
		to, target := ring(local(imp))
		if to == "market" && target == "report" && from != "edge" && from != "app" {
			found = append(found, t.at(pos, "only edge and app import report"))
		}
		if from != "market" || local(imp) == "" {
			return
		}
		switch {
		case to == "base", to == "spi": // delivery issues the licences that spi lets vendors verify
		case to != "market":
			found = append(found, t.at(pos, "market imports %s", imp))
		case slices.Index(marketOrder, target) >= slices.Index(marketOrder, name):
			found = append(found, t.at(pos, "%s comes before %s in the order and may not import it", name, target))
		}
	})
	return found
}

// plugsServeOneInterface: an adapter knows base, the public contract for vendors and the one market package whose
// interface it implements; only app knows adapters.
func plugsServeOneInterface(t *tree) (found []string) {
	served := map[string]map[string]bool{}
	t.imports(productFile, func(f *file, imp string, pos token.Pos) {
		from, name := ring(f.pkg.dir)
		dir := local(imp)
		to, target := ring(dir)
		if dir == "" {
			return
		}
		if to == "plug" && from != "app" && from != "plug" {
			found = append(found, t.at(pos, "only app imports plug"))
		}
		if from != "plug" {
			return
		}
		switch to {
		case "base", "spi":
		case "market":
			if served[name] == nil {
				served[name] = map[string]bool{}
			}
			served[name][target] = true
			if len(served[name]) == 2 {
				found = append(found, t.at(pos, "plug %s imports a second market package", name))
			}
		case "plug":
			// What every adapter that calls out needs: the guarded HTTP client.
			if target != "outbound" {
				found = append(found, t.at(pos, "plugs do not know each other"))
			}
		default:
			found = append(found, t.at(pos, "plug imports %s", imp))
		}
	})
	return found
}

// edgesStayApart: the ways in share only serve and page, and never reach for an adapter.
func edgesStayApart(t *tree) (found []string) {
	t.imports(productFile, func(f *file, imp string, pos token.Pos) {
		from, name := ring(f.pkg.dir)
		to, target := ring(local(imp))
		if from != "edge" || local(imp) == "" {
			return
		}
		name, _, _ = strings.Cut(name, "/")
		target, _, _ = strings.Cut(target, "/")
		switch to {
		case "base", "market", "spi", "client":
		case "edge":
			if target != name && target != "serve" && target != "page" {
				found = append(found, t.at(pos, "edge/%s imports edge/%s", name, target))
			}
		case "app":
			// The command line starts the program; the program does not know the command line.
			if name != "cli" {
				found = append(found, t.at(pos, "edge/%s imports app", name))
			}
		case "sim":
			// The command line also runs simulated markets; nothing that serves one does.
			if name != "cli" {
				found = append(found, t.at(pos, "edge/%s imports sim", name))
			}
		default:
			found = append(found, t.at(pos, "edge imports %s", imp))
		}
	})
	return found
}

// publicPackagesStandAlone: who imports client or spi gets nothing of the product's inside.
func publicPackagesStandAlone(t *tree) (found []string) {
	t.imports(productFile, func(f *file, imp string, pos token.Pos) {
		from, _ := ring(f.pkg.dir)
		if from != "client" && from != "spi" {
			return
		}
		if dir := local(imp); strings.HasPrefix(dir, "internal/") {
			found = append(found, t.at(pos, "%s imports %s", from, imp))
		}
	})
	return found
}

// testkitIsForTests: no product code imports testkit, and its root knows only base, so that every market package
// can use it from inside its own tests. Seed builders are packages below it.
func testkitIsForTests(t *tree) (found []string) {
	t.imports(productFile, func(f *file, imp string, pos token.Pos) {
		dir := local(imp)
		inside := below("internal/testkit")(f.pkg.dir)
		if below("internal/testkit")(dir) && !inside {
			found = append(found, t.at(pos, "product code imports testkit"))
		}
		if f.pkg.dir == "internal/testkit" && dir != "" && !below("internal/base")(dir) {
			found = append(found, t.at(pos, "testkit imports %s", imp))
		}
	})
	return found
}

// httpStaysOutside: HTTP is a matter of the ways in and of the adapters.
func httpStaysOutside(t *tree) (found []string) {
	outside := strings.Fields("edge plug client spi app cmd examples testkit")
	t.imports(productFile, func(f *file, imp string, pos token.Pos) {
		if imp != "net/http" && !strings.HasPrefix(imp, "net/http/") {
			return
		}
		if r, _ := ring(f.pkg.dir); !slices.Contains(outside, r) {
			found = append(found, t.at(pos, "%s imports %s", f.pkg.dir, imp))
		}
	})
	return found
}

// databaseStaysInDB: one package talks to drivers; everyone else has a transaction or a reader.
func databaseStaysInDB(t *tree) (found []string) {
	drivers := []string{"database/sql", "github.com/jackc/pgx/v5", "modernc.org/libc", "modernc.org/sqlite", "github.com/pressly/goose/v3"}
	t.imports(everyFile, func(f *file, imp string, pos token.Pos) {
		if !inModules(imp, drivers) || f.pkg.dir == "internal/base/db" {
			return
		}
		// testkit makes and drops the databases the tests run on.
		if f.pkg.dir == "internal/testkit" && inModules(imp, []string{"github.com/jackc/pgx/v5"}) {
			return
		}
		found = append(found, t.at(pos, "%s imports %s", f.pkg.dir, imp))
	})
	return found
}

// importing is a planted file that imports the given paths.
func importing(name string, imports ...string) source {
	var b strings.Builder
	b.WriteString("package planted\n")
	for _, imp := range imports {
		fmt.Fprintf(&b, "import _ %q\n", imp)
	}
	return source{name: b.String()}
}

func TestImports(t *testing.T) {
	for _, r := range []rule{
		{
			name: "base_imports_only_base", check: baseImportsBase,
			planted: []source{
				importing("internal/base/id/a.go", "yunshi/internal/market/order"),
				importing("internal/base/db/a.go", "yunshi/internal/app"),
			},
			allowed: []source{importing("internal/base/db/a.go", "yunshi/internal/base/seal", "log/slog")},
		},
		{
			name: "only_chosen_modules", check: onlyChosenModules,
			planted: []source{
				importing("internal/base/id/a.go", "github.com/google/uuid"),
				importing("internal/base/id/a.go", "github.com/google/go-cmp/cmp"),
			},
			allowed: []source{
				importing("internal/base/id/a_test.go", "github.com/google/go-cmp/cmp"),
				importing("internal/base/db/a.go", "github.com/jackc/pgx/v5/pgxpool"),
			},
		},
		{
			name: "market_in_order", check: marketInOrder,
			planted: []source{
				importing("internal/market/identity/a.go", "yunshi/internal/market/enforcement"),
				importing("internal/market/order/a.go", "yunshi/internal/edge/serve"),
				importing("internal/market/order/a.go", "yunshi/internal/plug/alipay"),
				importing("internal/market/order/a.go", "yunshi/internal/testkit"),
				importing("internal/market/coupon/a.go"),
				importing("internal/market/order/line/a.go"),
				importing("internal/plug/alipay/a.go", "yunshi/internal/market/report"),
			},
			allowed: []source{
				importing("internal/market/order/a.go", "yunshi/internal/market/payment", "yunshi/internal/base/db"),
				importing("internal/edge/operatordesk/a.go", "yunshi/internal/market/report"),
				importing("internal/market/order/a_test.go", "yunshi/internal/testkit"),
			},
		},
		{
			name: "plugs_serve_one_interface", check: plugsServeOneInterface,
			planted: []source{
				importing("internal/plug/alipay/a.go", "yunshi/internal/market/payment", "yunshi/internal/market/order"),
				importing("internal/plug/alipay/a.go", "yunshi/internal/plug/wechatpay"),
				importing("internal/plug/alipay/a.go", "yunshi/internal/edge/serve"),
				importing("internal/edge/api/a.go", "yunshi/internal/plug/alipay"),
			},
			allowed: []source{
				importing("internal/plug/alipay/a.go", "yunshi/internal/market/payment", "yunshi/internal/base/money"),
				importing("internal/plug/nativehook/a.go", "yunshi/internal/market/delivery", "yunshi/internal/plug/outbound", "yunshi/spi"),
				importing("internal/app/a.go", "yunshi/internal/plug/alipay"),
			},
		},
		{
			name: "edges_stay_apart", check: edgesStayApart,
			planted: []source{
				importing("internal/edge/shop/a.go", "yunshi/internal/edge/vendordesk"),
				importing("internal/edge/shop/a.go", "yunshi/internal/plug/alipay"),
				importing("internal/edge/shop/a.go", "yunshi/internal/app"),
			},
			allowed: []source{
				importing("internal/edge/shop/a.go", "yunshi/internal/edge/serve", "yunshi/internal/edge/page", "yunshi/internal/market/order"),
				importing("internal/edge/compat/aws/a.go", "yunshi/internal/edge/compat"),
				importing("internal/edge/cli/a.go", "yunshi/internal/app"),
			},
		},
		{
			name: "public_packages_stand_alone", check: publicPackagesStandAlone,
			planted: []source{
				importing("client/a.go", "yunshi/internal/base/money"),
				importing("spi/a.go", "yunshi/internal/market/delivery"),
			},
			allowed: []source{importing("client/a.go", "net/http")},
		},
		{
			name: "testkit_is_for_tests", check: testkitIsForTests,
			planted: []source{
				importing("internal/app/a.go", "yunshi/internal/testkit"),
				importing("internal/testkit/a.go", "yunshi/internal/market/order"),
			},
			allowed: []source{
				importing("internal/testkit/seed/a.go", "yunshi/internal/market/order", "yunshi/internal/testkit"),
				importing("internal/market/order/a_test.go", "yunshi/internal/testkit/seed"),
			},
		},
		{
			name: "http_stays_outside", check: httpStaysOutside,
			planted: []source{
				importing("internal/market/payment/a.go", "net/http"),
				importing("internal/base/mail/a.go", "net/http/httptest"),
			},
			allowed: []source{importing("internal/plug/stripe/a.go", "net/http"), importing("spi/a.go", "net/http")},
		},
		{
			name: "database_stays_in_db", check: databaseStaysInDB,
			planted: []source{
				importing("internal/market/order/a.go", "database/sql"),
				importing("internal/market/order/a_test.go", "database/sql"),
				importing("internal/app/a.go", "github.com/jackc/pgx/v5/pgxpool"),
				importing("internal/testkit/a.go", "database/sql"),
			},
			allowed: []source{importing("internal/base/db/a.go", "database/sql", "modernc.org/sqlite")},
		},
	} {
		r.prove(t)
	}
}
