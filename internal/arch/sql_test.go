package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/testkit"
)

// statement is one SQL text of the tree.
type statement struct {
	text   string
	place  string
	engine db.Engine // the only engine it is for, or ""
	open   bool      // it has a part that is known only when the program runs
}

// dynamicSQL are the packages that build a WHERE from what a person chose.
var dynamicSQL = []string{"internal/market/report", "internal/market/search", "internal/base/db"}

// folder evaluates constant string expressions without type information: literals, concatenations, constants of the
// package and of the enclosing function. A call after IN or VALUES is a list of placeholders, which it writes out.
type folder struct {
	consts map[string]ast.Expr
}

// fold returns the text of an expression. known is false when a part of it is not constant.
func (c folder) fold(e ast.Expr, depth int) (text string, known bool) {
	if depth > 20 {
		return "", false
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.ParenExpr:
		return c.fold(e.X, depth+1)
	case *ast.Ident:
		if value, ok := c.consts[e.Name]; ok {
			return c.fold(value, depth+1)
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			left, lk := c.fold(e.X, depth+1)
			right, rk := c.fold(e.Y, depth+1)
			if _, call := e.Y.(*ast.CallExpr); call && lk && openEnded(left) {
				return complete(left), true
			}
			return left + right, lk && rk
		}
	}
	return "", false
}

var (
	inEnd      = regexp.MustCompile(`\bIN\s*$`)
	valuesEnd  = regexp.MustCompile(`\(([^()]*)\)\s+VALUES\s*$`)
	parameters = regexp.MustCompile(`\$(\d+)`)
)

// openEnded reports whether a text ends where a list of placeholders must follow.
func openEnded(text string) bool { return inEnd.MatchString(text) || valuesEnd.MatchString(text) }

// complete writes out the list of placeholders that an open-ended text waits for: two values after IN, one row after
// VALUES. Any other text is returned as it is.
func complete(text string) string {
	width := 0
	switch m := valuesEnd.FindStringSubmatch(text); {
	case m != nil:
		width = strings.Count(m[1], ",") + 1
	case inEnd.MatchString(text):
		width = 2
	default:
		return text
	}
	last := 0
	for _, m := range parameters.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		last = max(last, n)
	}
	list := make([]string, width)
	for i := range list {
		list[i] = "$" + strconv.Itoa(last+i+1)
	}
	return text + "(" + strings.Join(list, ",") + ")"
}

// constants collects the constant declarations below a node.
func constants(into map[string]ast.Expr, n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			for _, s := range d.Specs {
				v := s.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i < len(v.Values) {
						into[name.Name] = v.Values[i]
					}
				}
			}
		}
		return true
	})
}

// engineOf says for which engine alone a name is: "matchSQLite", "search_postgres.go".
func engineOf(name string) db.Engine {
	switch lower := strings.ToLower(name); {
	case strings.Contains(lower, "sqlite"):
		return db.SQLite
	case strings.Contains(lower, "postgres"):
		return db.Postgres
	}
	return ""
}

// statements finds every SQL text in the product code of internal.
func statements(t *tree) []statement {
	var all []statement
	for _, p := range t.pkgs {
		if !below("internal")(p.dir) || below("internal/testkit")(p.dir) {
			continue
		}
		shared := map[string]ast.Expr{}
		for _, f := range p.product() {
			for _, d := range f.ast.Decls {
				if g, ok := d.(*ast.GenDecl); ok {
					constants(shared, g)
				}
			}
		}
		for _, f := range p.product() {
			for _, d := range f.ast.Decls {
				scope := folder{consts: shared}
				if fn, ok := d.(*ast.FuncDecl); ok {
					scope.consts = map[string]ast.Expr{}
					for k, v := range shared {
						scope.consts[k] = v
					}
					constants(scope.consts, fn)
				}
				all = append(all, t.statementsIn(d, scope, engineOf(f.name()))...)
			}
		}
	}
	return all
}

func (t *tree) statementsIn(n ast.Node, scope folder, engine db.Engine) (found []statement) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if len(n.Names) == 1 && engineOf(n.Names[0].Name) != "" && engine == "" {
				for _, v := range n.Values {
					found = append(found, t.statementsIn(v, scope, engineOf(n.Names[0].Name))...)
				}
				return false
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.SelectorExpr); ok && engineOf(key.Sel.Name) != "" {
				found = append(found, t.statementsIn(n.Value, scope, engineOf(key.Sel.Name))...)
				return false
			}
			if key, ok := n.Key.(*ast.Ident); ok && engineOf(key.Name) != "" {
				found = append(found, t.statementsIn(n.Value, scope, engineOf(key.Name))...)
				return false
			}
		case *ast.BinaryExpr, *ast.BasicLit:
			text, known := scope.fold(n.(ast.Expr), 0)
			if sqlStart.MatchString(text) {
				p := t.fset.Position(n.Pos())
				found = append(found, statement{text: complete(text), place: fmt.Sprintf("%s:%d", p.Filename, p.Line), engine: engine, open: !known})
			}
			return false
		}
		return true
	})
	return found
}

// sqlIsConstant: only report and search put SQL together from parts that are known when the program runs.
func sqlIsConstant(t *tree) (found []string) {
	for _, s := range statements(t) {
		if s.open && !slices.ContainsFunc(dynamicSQL, func(dir string) bool { return strings.HasPrefix(s.place, dir+"/") }) {
			found = append(found, s.place+": SQL with a part that is not constant: "+s.text)
		}
	}
	return found
}

// placeholdersInOrder: $n is numbered by first use. SQLite binds arguments in the order in which it meets the names, so
// any other numbering would swap them there and not on PostgreSQL.
func placeholdersInOrder(t *tree) (found []string) {
	for _, s := range statements(t) {
		if s.open {
			continue
		}
		next := 1
		for _, m := range parameters.FindAllStringSubmatch(s.text, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n > next {
				found = append(found, fmt.Sprintf("%s: $%d where $%d comes first: %s", s.place, n, next, s.text))
				break
			}
			if n == next {
				next++
			}
		}
	}
	return found
}

// likeIgnoresCase: LIKE ignores the case of ASCII letters on SQLite and nothing on PostgreSQL, so both sides are lowered.
func likeIgnoresCase(t *tree) (found []string) {
	bare := regexp.MustCompile(`(^|[^)])\s+(NOT )?LIKE\s|\sLIKE\s+[^l\s]`)
	for _, s := range statements(t) {
		if s.engine == "" && bare.MatchString(s.text) {
			found = append(found, s.place+": LIKE without lower() on both sides: "+s.text)
		}
	}
	return found
}

func TestSQLSubset(t *testing.T) {
	query := func(sql string) source {
		return source{"internal/market/order/sql.go": "package order\nconst q = " + strconv.Quote(sql)}
	}
	rule{
		name: "placeholders_in_order", check: placeholdersInOrder,
		planted: []source{query("UPDATE order_order SET a = $2 WHERE b = $1"), query("SELECT a FROM order_order WHERE a = $1 AND b = $3")},
		allowed: []source{query("SELECT a FROM order_order WHERE a = $1 AND b = $2 AND c = $1 AND d = $3")},
	}.prove(t)
	rule{
		name: "like_ignores_case", check: likeIgnoresCase,
		planted: []source{query("SELECT a FROM order_order WHERE a LIKE $1"), query("SELECT a FROM order_order WHERE lower(a) LIKE $1")},
		allowed: []source{query("SELECT a FROM order_order WHERE lower(a) LIKE lower($1)")},
	}.prove(t)
}

func TestSQLIsConstant(t *testing.T) {
	rule{
		name: "sql_is_constant", check: sqlIsConstant,
		planted: []source{
			{"internal/market/order/sql.go": "package order\nfunc f(x string) string { return \"SELECT a FROM order_order WHERE b = '\" + x + \"'\" }"},
		},
		allowed: []source{
			{"internal/market/order/sql.go": "package order\nconst cols = \"a, b\"\nfunc f() string { return \"SELECT \" + cols + \" FROM order_order WHERE a IN \" + db.In(1, n) }"},
			{"internal/market/report/sql.go": "package report\nfunc f(where string) string { return \"SELECT a FROM order_order\" + where }"},
		},
	}.prove(t)
}

// TestStatementsAreFound keeps the next test from preparing nothing.
func TestStatementsAreFound(t *testing.T) {
	planted := source{
		"internal/market/order/sql.go": `package order
const cols = "id, state"
const get = "SELECT " + cols + " FROM order_order"
const insert = "INSERT INTO order_line (id, n) VALUES "
const rankSQLite = "SELECT 2"
var both = map[string]string{db.Postgres: "SELECT 3"}
func f() { const cols = "n"; g("UPDATE order_order SET " + cols + " = $1 WHERE id IN " + db.In(2, 5)) }
func h() { g(insert + several(3, 2) + " ON CONFLICT DO NOTHING") }`,
		"internal/market/order/sql_test.go": "package order\nconst q = \"SELECT 4\"",
	}
	want := []string{
		"/SELECT id, state FROM order_order", "/INSERT INTO order_line (id, n) VALUES ($1,$2)", "sqlite/SELECT 2", "postgres/SELECT 3",
		"/UPDATE order_order SET n = $1 WHERE id IN ($2,$3)",
		"/INSERT INTO order_line (id, n) VALUES ($1,$2) ON CONFLICT DO NOTHING",
	}
	var got []string
	for _, s := range statements(planted.tree(t)) {
		got = append(got, string(s.engine)+"/"+s.text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestEverySQLTextIsAcceptedByBothEngines prepares each statement of the tree against the current schema.
func TestEverySQLTextIsAcceptedByBothEngines(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all := statements(tree)
	if len(all) == 0 {
		t.Fatal("no SQL was found")
	}
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		if d.Prepare(t.Context(), "SELECT id FROM order_that_does_not_exist") == nil {
			t.Error("a statement on a table that does not exist was accepted")
		}
		for _, s := range all {
			if s.open || (s.engine != "" && s.engine != d.Engine()) {
				continue
			}
			if err := d.Prepare(t.Context(), s.text); err != nil {
				t.Errorf("%s: %v", s.place, err)
			}
		}
	})
}

// schemaFile is the current schema in the form of db.DumpSchema, in the tree so that a review sees what a migration
// changes.
const schemaFile = root + "/internal/base/db/schema.txt"

// TestSchemaIsTheSameOnBothEnginesAndInTheTree compares tables, columns, keys and indexes of both engines with the
// dumped schema. `make schema` writes it anew.
func TestSchemaIsTheSameOnBothEnginesAndInTheTree(t *testing.T) {
	dumps := map[db.Engine]string{}
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		dump, err := d.DumpSchema(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dumps[d.Engine()] = dump
	})
	if os.Getenv("YUNSHI_UPDATE") == "1" {
		if err := os.WriteFile(schemaFile, []byte(dumps[db.SQLite]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inTree, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for engine, dump := range dumps {
		if diff := firstDifference(string(inTree), dump); diff != "" {
			t.Errorf("%s differs from schema.txt (after a migration: make schema):\n%s", engine, diff)
		}
	}
}

// firstDifference shows the first line in which two texts differ, with the table it belongs to.
func firstDifference(want, got string) string {
	if want == got {
		return ""
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	table := ""
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("in %s, line %d\n  in the tree: %s\n  on the engine: %s", table, i+1, a, b)
		}
		if strings.HasPrefix(a, "table ") {
			table = a
		}
	}
	return "different line ends"
}

func TestFirstDifferenceNamesTheTable(t *testing.T) {
	got := firstDifference("table a_b\n  x int\n", "table a_b\n  x text\n")
	if !strings.Contains(got, "table a_b") || !strings.Contains(got, "x text") {
		t.Errorf("difference shown as %q", got)
	}
	if firstDifference("same", "same") != "" {
		t.Error("equal texts differ")
	}
}
