package clauseindex

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const root = "../../../.."

// TestTheIndexIsCurrent makes the index from the sources and compares it with what is committed.
// With YUNSHI_UPDATE=1 it writes the committed files instead: that is `make clauses`.
func TestTheIndexIsCurrent(t *testing.T) {
	made, err := scan(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"clauses.json": string(text) + "\n",
		filepath.Join(root, "docs", "clauses.md"): made.Markdown(),
	} {
		if os.Getenv("YUNSHI_UPDATE") == "1" {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is stale at %s; run: make clauses", name, firstDifference(string(got), want))
		}
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %q, the sources give %q", i+1, a[i], b[i])
		}
	}
	return "its end"
}

func TestTheIndexHasEveryClauseOnce(t *testing.T) {
	x := Load()
	if len(x.Clauses) != 73 {
		t.Errorf("%d clauses, the agreement has 73", len(x.Clauses))
	}
	seen := map[string]bool{}
	for _, c := range x.Clauses {
		if seen[c.ID] || c.ZH == "" || c.EN == "" {
			t.Errorf("clause %q is there twice or has no title", c.ID)
		}
		seen[c.ID] = true
		if found, ok := x.Find("ua  " + strings.ToLower(c.ID)); !ok || found.ID != c.ID {
			t.Errorf("Find does not find %s", c.ID)
		}
	}
	if _, ok := x.Find("4.12"); ok {
		t.Error("Find finds a clause that does not exist")
	}
}

// TestNoClauseIsLeftOver is the gate: every clause is done or shown, and nothing is noted in the section Not yet of
// docs/divergences.md.
func TestNoClauseIsLeftOver(t *testing.T) {
	made, err := scan(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, gap := range gaps(made) {
		t.Error(gap)
	}
	for _, id := range NotSoftware {
		if _, ok := made.Find(id); !ok {
			t.Errorf("NotSoftware names %s, which the agreement does not have", id)
		}
	}
}

// gaps says of each clause that is not complete what it lacks.
func gaps(x Index) (all []string) {
	for _, c := range x.Clauses {
		if c.Complete() {
			continue
		}
		var allowed, refused bool
		for _, t := range c.Tests {
			allowed = allowed || t.Engines && len(t.Allowed) > 0
			refused = refused || t.Engines && len(t.Refused) > 0
		}
		var lacks []string
		for what, has := range map[string]bool{
			"a rule": len(c.Rules) > 0, "a case allowed… on both engines": allowed, "a case refused… on both engines": refused,
		} {
			if !has {
				lacks = append(lacks, what)
			}
		}
		slices.Sort(lacks)
		all = append(all, fmt.Sprintf("clause %s is %s; it lacks %s", c.ID, c.Status(), strings.Join(append(lacks, c.Missing...), ", ")))
	}
	return all
}

// planted is a small tree with clauses of each status.
var planted = map[string]string{
	"internal/market/agreement/text/agreement.v1.json": `{"clauses":[
		{"id":"P-1","title":{"zh":"说明","en":"Notice"}},
		{"id":"4.3","title":{"zh":"绑定","en":"Bound"}},
		{"id":"4.4","title":{"zh":"发票","en":"Invoices"}},
		{"id":"4.5","title":{"zh":"退款","en":"Refunds"}},
		{"id":"4.6","title":{"zh":"密码","en":"Secrets"}},
		{"id":"7.1","title":{"zh":"担保","en":"Warranty"}},
		{"id":"9.3","title":{"zh":"签订地","en":"Place"}}]}`,
	"internal/market/order/rules.go": "package order\n\n// mayUse decides.\n//\n// Clause: UA 4.3 (bound to\n// the account).\n// Clause: ECL 58 (deposit).\nfunc mayUse() {}\n\n" +
		"// Clause: UA 4.5 (money back).\nfunc (w Work) back() {}\n\n// Clause: UA 4.4 (slips).\nfunc slip() {}\n\n" +
		"// Clause: UA 4.6 (secrets).\nfunc warn() {}\n",
	"internal/market/order/faults.go": "package order\n\nvar (\n\tErrBound = fault.New(fault.Forbidden, \"BOUND\", \"UA 4.3\")\n\tErrDeposit = fault.New(fault.Conflict, \"DEPOSIT\", \"ECL 58\")\n\tErrOther = fault.New(fault.Conflict, \"OTHER\", \"\")\n)\n",
	"internal/market/order/rules_test.go": "package order\n\nfunc TestClause_4_3_Bound(t *testing.T) { each(\"allowed_owner\", \"refused_other\", \"note\") }\n\n" +
		"func TestClause_4_5_Back(t *testing.T) { each(\"allowed\", \"refused\") }\n\nfunc TestClause_4_4_Slip(t *testing.T) { each(\"note\") }\n\n" +
		"func TestClause_4_6_Secrets(t *testing.T) { run(\"allowed\", \"refused\") }\n\n" +
		"func each(names ...string) { testkit.EnginesAt(names) }\n\nfunc run(names ...string) {}\n",
	"internal/edge/shop/page_test.go": "package shop\n\nfunc TestClause_P_1_Notices(t *testing.T) { find(\"shown_zh\", \"shown_en\") }\n\n" +
		"func TestClause_7_1_Warranty(t *testing.T) { find(\"allowed\") }\n",
	"internal/market/agreement/page_test.go": "package agreement\n\nfunc TestClause_9_3_Place(t *testing.T) { find(\"shown_far_from_a_page\") }\n",
	"internal/x/testdata/no.go":              "package broken because it is data",
	"docs/divergences.md":                    "# D\n\n## Not yet\n\n| clause | what lacks | shown |\n|---|---|---|\n| 4.5, 4.4 | Track B. | A note. |\n\n## Decided\n\n| clause | a | b |\n|---|---|---|\n| 4.3 | other | other |\n",
}

func TestTheScanFindsRulesRefusalsTestsAndNotes(t *testing.T) {
	files := fstest.MapFS{}
	for name, text := range planted {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	x, err := scan(files)
	if err != nil {
		t.Fatal(err)
	}
	bound, _ := x.Find("4.3")
	want := Clause{
		ID: "4.3", ZH: "绑定", EN: "Bound",
		Rules:    []Rule{{Place{"internal/market/order/rules.go", 8}, "order.mayUse", "bound to the account"}},
		Refusals: []Refusal{{Place{"internal/market/order/faults.go", 4}, "BOUND"}},
		Tests:    []Test{{Place{"internal/market/order/rules_test.go", 3}, "TestClause_4_3_Bound", []string{"allowed_owner"}, []string{"refused_other"}, nil, true}},
	}
	if fmt.Sprintf("%+v", bound) != fmt.Sprintf("%+v", want) {
		t.Errorf("4.3 is\n%+v, want\n%+v", bound, want)
	}
	for id, status := range map[string]Status{"P-1": Shown, "4.3": Done, "4.4": NotYet, "4.5": Partly, "4.6": Partly, "7.1": NotYet, "9.3": NotYet} {
		if c, ok := x.Find(id); !ok || c.Status() != status {
			t.Errorf("%s is %s, want %s", id, c.Status(), status)
		}
	}
	if back, _ := x.Find("4.5"); back.Rules[0].Function != "order.Work.back" || len(back.Missing) != 1 || back.Missing[0] != "Track B. A note." {
		t.Errorf("4.5 is %+v", back)
	}
	if law, ok := x.Find("ECL 58"); !ok || len(law.Rules) != 1 || len(law.Refusals) != 1 {
		t.Errorf("ECL 58 is %+v", law)
	}
	wantGaps := []string{"clause 4.4 is not_yet", "clause 4.5 is partly", "clause 4.6 is partly", "clause 7.1 is not_yet", "clause 9.3 is not_yet"}
	found := gaps(x)
	if len(found) != len(wantGaps) {
		t.Errorf("the gaps are %q", found)
	}
	for i, want := range wantGaps {
		if i < len(found) && !strings.HasPrefix(found[i], want) {
			t.Errorf("gap %d is %q, want %s", i, found[i], want)
		}
	}
	page := x.Markdown()
	for _, part := range []string{
		"7 clauses: 1 done, 1 shown, 2 partly, 3 not yet.", "| 4.4 | 发票<br>Invoices | not yet |", "../internal/market/order/rules.go#L8",
		"(1 allowed, 1 refused, both engines)", "(2 shown)",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q:\n%s", part, page)
		}
	}
}

// The shapes that the sources keep to by the rules of internal/arch.
var (
	clauseLine = regexp.MustCompile(`(?m)^\s*Clause:`)
	clauseForm = regexp.MustCompile(`^\s*Clause: ([A-Z]+ [A-Za-z0-9.()-]+) \((.+)\)\.?$`)
	notYetRow  = regexp.MustCompile(`^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
)

// scan makes the index of a tree.
func scan(files fs.FS) (Index, error) {
	s := scanner{fset: token.NewFileSet(), files: files, at: map[string]*Clause{}, calls: map[string]map[string]bool{}}
	order, err := s.agreement()
	if err != nil {
		return Index{}, err
	}
	if err := fs.WalkDir(files, ".", s.visit); err != nil {
		return Index{}, err
	}
	s.engines()
	if err := s.notes(); err != nil {
		return Index{}, err
	}
	var x Index
	for _, id := range order {
		x.Clauses = append(x.Clauses, *s.at["UA "+id])
		delete(s.at, "UA "+id)
	}
	for id, c := range s.at {
		if strings.HasPrefix(id, "UA ") {
			return Index{}, fmt.Errorf("the sources name clause %s, which the agreement does not have", id)
		}
		x.Laws = append(x.Laws, *c)
	}
	slices.SortFunc(x.Laws, func(a, b Clause) int { return strings.Compare(a.ID, b.ID) })
	return x, nil
}

type scanner struct {
	fset  *token.FileSet
	files fs.FS
	at    map[string]*Clause // by "UA 4.3"
	calls map[string]map[string]bool
}

// bothEngines is what a function of the tests calls, at the end, that runs on both engines.
const bothEngines = "testkit.Engines"

// reach notes what a function of the tests calls: its own package's functions and methods as "directory.name".
func (s *scanner) reach(dir string, fn *ast.FuncDecl) {
	key := dir + "." + fn.Name.Name
	if s.calls[key] == nil {
		s.calls[key] = map[string]bool{}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.Ident:
			s.calls[key][dir+"."+f.Name] = true
		case *ast.SelectorExpr:
			if x, ok := f.X.(*ast.Ident); ok && x.Name == "testkit" {
				if strings.HasPrefix(f.Sel.Name, "Engines") {
					s.calls[key][bothEngines] = true
				}
				return true
			}
			s.calls[key][dir+"."+f.Sel.Name] = true
		}
		return true
	})
}

// engines notes which tests run on both engines, by themselves or through a helper of their package.
func (s *scanner) engines() {
	for _, c := range s.at {
		for i, t := range c.Tests {
			c.Tests[i].Engines = s.reaches(path.Dir(t.File)+"."+t.Name, map[string]bool{})
		}
	}
}

func (s *scanner) reaches(key string, seen map[string]bool) bool {
	if key == bothEngines {
		return true
	}
	if seen[key] {
		return false
	}
	seen[key] = true
	for next := range s.calls[key] {
		if s.reaches(next, seen) {
			return true
		}
	}
	return false
}

func (s *scanner) clause(id string) *Clause {
	if s.at[id] == nil {
		s.at[id] = &Clause{ID: strings.TrimPrefix(id, "UA ")}
	}
	return s.at[id]
}

// agreement reads ids and titles and returns the ids in order.
func (s *scanner) agreement() ([]string, error) {
	raw, err := fs.ReadFile(s.files, "internal/market/agreement/text/agreement.v1.json")
	if err != nil {
		return nil, err
	}
	var text struct {
		Clauses []struct {
			ID    string
			Title struct{ ZH, EN string }
		}
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	var order []string
	for _, c := range text.Clauses {
		known := s.clause("UA " + c.ID)
		known.ZH, known.EN = c.Title.ZH, c.Title.EN
		order = append(order, c.ID)
	}
	return order, nil
}

func (s *scanner) visit(name string, d fs.DirEntry, err error) error {
	switch base := path.Base(name); {
	case err != nil:
		return err
	case d.IsDir() && (base == "node_modules" || base == "testdata" || name == "vendor" || name != "." && strings.HasPrefix(base, ".")):
		return fs.SkipDir
	case d.IsDir() || !strings.HasSuffix(name, ".go"):
		return nil
	}
	src, err := fs.ReadFile(s.files, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(s.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range parsed.Decls {
		fn, isFunc := decl.(*ast.FuncDecl)
		switch {
		case strings.HasSuffix(name, "_test.go"):
			if isFunc {
				s.reach(path.Dir(name), fn)
				s.test(path.Dir(name), fn)
			}
		case isFunc:
			s.rules(path.Base(path.Dir(name)), fn)
		default:
			s.refusals(decl)
		}
	}
	return nil
}

func (s *scanner) place(pos token.Pos) Place {
	p := s.fset.Position(pos)
	return Place{p.Filename, p.Line}
}

func (s *scanner) rules(pkg string, fn *ast.FuncDecl) {
	if fn.Doc == nil {
		return
	}
	name := pkg + "." + fn.Name.Name
	if fn.Recv != nil {
		of := fn.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if ident, ok := of.(*ast.Ident); ok {
			name = pkg + "." + ident.Name + "." + fn.Name.Name
		}
	}
	text := fn.Doc.Text()
	starts := clauseLine.FindAllStringIndex(text, -1)
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		paragraph, _, _ := strings.Cut(text[start[0]:end], "\n\n")
		if m := clauseForm.FindStringSubmatch(strings.Join(strings.Fields(paragraph), " ")); m != nil {
			c := s.clause(m[1])
			c.Rules = append(c.Rules, Rule{s.place(fn.Pos()), name, m[2]})
		}
	}
}

func (s *scanner) refusals(decl ast.Decl) {
	ast.Inspect(decl, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			return true
		}
		fun, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || fun.Sel.Name != "New" {
			return true
		}
		if x, ok := fun.X.(*ast.Ident); !ok || x.Name != "fault" {
			return true
		}
		if clause := literal(call.Args[2]); clause != "" {
			c := s.clause(clause)
			c.Refusals = append(c.Refusals, Refusal{s.place(call.Pos()), literal(call.Args[1])})
		}
		return true
	})
}

// test notes a test under the longest clause id its name begins with. Only a test of the edge sees a page.
func (s *scanner) test(dir string, fn *ast.FuncDecl) {
	rest, ok := strings.CutPrefix(fn.Name.Name, "TestClause_")
	if !ok {
		return
	}
	var of *Clause
	for id, c := range s.at {
		written := strings.NewReplacer(".", "_", "-", "_").Replace(strings.TrimPrefix(id, "UA "))
		if strings.HasPrefix(id, "UA ") && strings.HasPrefix(rest, written+"_") && (of == nil || len(c.ID) > len(of.ID)) {
			of = c
		}
	}
	if of == nil {
		return
	}
	found := Test{Place: s.place(fn.Pos()), Name: fn.Name.Name}
	ast.Inspect(fn, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok {
			switch text := literal(e); {
			case strings.HasPrefix(text, "allowed"):
				found.Allowed = append(found.Allowed, text)
			case strings.HasPrefix(text, "refused"):
				found.Refused = append(found.Refused, text)
			case text != "shown" && !strings.HasPrefix(text, "shown_"):
			case strings.HasPrefix(dir, "internal/edge/"):
				found.Shown = append(found.Shown, text)
			}
		}
		return true
	})
	of.Tests = append(of.Tests, found)
}

func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// notes reads the section "Not yet" of docs/divergences.md.
func (s *scanner) notes() error {
	raw, err := fs.ReadFile(s.files, "docs/divergences.md")
	if err != nil {
		return err
	}
	_, section, ok := strings.Cut(string(raw), "\n## Not yet\n")
	if !ok {
		return fmt.Errorf("docs/divergences.md has no section Not yet")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		m := notYetRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[1] == "clause" {
			continue
		}
		for id := range strings.SplitSeq(m[1], ", ") {
			c, known := s.at["UA "+strings.TrimSpace(id)]
			if !known {
				return fmt.Errorf("docs/divergences.md: there is no clause %q", id)
			}
			c.Missing = append(c.Missing, strings.TrimSpace(m[2])+" "+strings.TrimSpace(m[3]))
		}
	}
	return nil
}
