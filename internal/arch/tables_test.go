package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	// sqlStart tells SQL from prose: keywords in capitals at the start of the text.
	sqlStart = regexp.MustCompile(`^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s`)
	// tableUse finds the tables a text names, with the keyword before each.
	tableUse = regexp.MustCompile(`\b(DELETE FROM|FROM|INTO|UPDATE|JOIN)\s+([a-z][a-z0-9]*)_([a-z0-9_]+)`)
)

// readers are the packages that may read the tables of any other; they never write.
var readers = []string{"internal/market/report", "internal/sim"}

// tablesHaveOneOwner: a table is named after its package, and no other package names it.
func tablesHaveOneOwner(t *tree) (found []string) {
	owners := slices.Clone(marketOrder)
	for _, p := range t.pkgs {
		if r, name := ring(p.dir); r == "base" && name != "" {
			owners = append(owners, p.name())
		}
	}
	t.each(productFile, func(f *file) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				return true
			}
			for _, use := range tableUse.FindAllStringSubmatch(text, -1) {
				keyword, owner, thing := use[1], use[2], use[3]
				if owner == f.pkg.name() || !slices.Contains(owners, owner) {
					continue
				}
				if slices.Contains(readers, f.pkg.dir) && (keyword == "FROM" || keyword == "JOIN") {
					continue
				}
				found = append(found, t.at(lit.Pos(), "%s names %s_%s, which belongs to %s", f.pkg.dir, owner, thing, owner))
			}
			return true
		})
	})
	return found
}

// schemaNamesOwners: every table a migration makes is named after a package of the tree.
func schemaNamesOwners(t *tree) (found []string) {
	create := regexp.MustCompile(`CREATE (?:VIRTUAL )?TABLE (?:IF NOT EXISTS )?([a-z0-9]+)_[a-z0-9_]+`)
	anyTable := regexp.MustCompile(`CREATE (?:VIRTUAL )?TABLE (?:IF NOT EXISTS )?([a-z0-9_]+)`)
	var known []string
	for _, p := range t.pkgs {
		known = append(known, p.name())
	}
	for name, text := range readAll(t.files, "internal/base/db/schema", ".sql") {
		for _, m := range anyTable.FindAllString(text, -1) {
			owner := create.FindStringSubmatch(m)
			if owner == nil || !slices.Contains(known, owner[1]) {
				found = append(found, name+": "+m+": no package of that name")
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestTables(t *testing.T) {
	literal := func(dir, sql string) source {
		return source{dir + "/sql.go": "package x\nconst q = " + strconv.Quote(sql)}
	}
	for _, r := range []rule{
		{
			name: "tables_have_one_owner", check: tablesHaveOneOwner,
			planted: []source{
				literal("internal/market/refund", "SELECT id FROM order_order WHERE id = $1"),
				literal("internal/market/refund", "SELECT r.id FROM refund_request r JOIN payment_attempt p ON p.id = r.attempt"),
				literal("internal/market/report", "UPDATE order_order SET state = $1"),
				literal("internal/market/report", "DELETE FROM order_order"),
				literal("internal/edge/shop", "SELECT id FROM catalog_product"),
				literal("internal/market/refund", "INSERT INTO ledger_entry (id) VALUES ($1)"),
			},
			allowed: []source{
				literal("internal/market/order", "SELECT id FROM order_order JOIN order_line ON TRUE"),
				literal("internal/market/report", "SELECT id FROM order_order"),
				literal("internal/market/refund", "take the order_id from order_order in prose"),
				literal("internal/market/refund", "WITH due_rows AS (SELECT id FROM refund_request) SELECT id FROM due_rows"),
			},
		},
		{
			name: "schema_names_owners", check: schemaNamesOwners,
			planted: []source{
				{"internal/base/db/schema/0001_x.sql": "CREATE TABLE coupon_coupon (\n);"},
				{"internal/base/db/schema/0001_x.sql": "CREATE TABLE orders (\n);"},
			},
			allowed: []source{{"internal/base/db/schema/0001_x.sql": "CREATE TABLE order_line (\n);", "internal/market/order/a.go": "package order"}},
		},
	} {
		r.prove(t)
	}
}

// TestSQLIsRecognised keeps the tests that collect SQL from finding none.
func TestSQLIsRecognised(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT 1":                        true,
		"\n\tINSERT INTO a_b (c)":         true,
		"UPDATE a_b SET c = $1":           true,
		"WITH x AS (SELECT 1) SELECT 1":   true,
		"Select the plan you want":        false,
		"update the product":              false,
		"SELECTED":                        false,
		strings.Repeat(" ", 3) + "DELETE": false,
	} {
		if got := sqlStart.MatchString(text); got != want {
			t.Errorf("%q recognised as SQL: %v, want %v", text, got, want)
		}
	}
}
