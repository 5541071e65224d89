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

// agreementClauses are the ids of the user agreement: four preamble rows and 69 clauses.
var agreementClauses = strings.Fields(`
	P-1 P-2 P-3 P-4
	1.1
	2.1 2.2 2.3 2.4 2.5
	3.1 3.2 3.3
	4.1 4.2 4.3 4.4 4.5 4.6 4.7 4.7.1 4.7.2 4.7.3 4.7.4 4.7.5 4.7.6 4.7.7 4.7.8 4.8 4.9 4.9.1 4.9.2 4.9.3 4.9.4 4.10 4.11
	5.1 5.2 5.3 5.4 5.4.1 5.4.2 5.4.3 5.4.4 5.5
	6.1 6.2 6.3
	7.1 7.2 7.3 7.3.1 7.3.2 7.3.3 7.3.4 7.3.5 7.3.6
	8.1 8.2 8.2.1 8.2.2 8.2.3 8.2.4 8.2.5 8.3 8.4 8.5
	9.1 9.2 9.3 9.4 9.5 9.6`)

// sources are the short names a clause id may begin with. All but UA and RB are laws of the floor that an operator
// switches by jurisdiction: E-Commerce Law, Personal Information Protection Law, Cybersecurity Law, Advertising Law, and
// the Supreme People's Court's provisions on online consumption.
const sources = `UA|RB|ECL|PIPL|CSL|AL|SPC`

// otherSources: an article of a law, or a rule of a rulebook.
var otherSources = regexp.MustCompile(`^((ECL|PIPL|CSL|AL|SPC) \d+(\(\d+\))?|RB [a-z][a-z-]*-\d+)$`)

func isClause(id string) bool {
	if row, ok := strings.CutPrefix(id, "UA "); ok {
		return slices.Contains(agreementClauses, row)
	}
	return otherSources.MatchString(id)
}

// clausePart is one "Clause:" line of a comment.
type clausePart struct {
	id, text string
	function string // the function whose comment it stands in, or ""
	pos      token.Pos
}

var (
	clauseLine = regexp.MustCompile(`(?m)^\s*Clause:`)
	clauseForm = regexp.MustCompile(`^\s*Clause: ((?:` + sources + `) [A-Za-z0-9.()-]+) \((.+)\)\.?$`)
)

// clauseParts finds every clause comment of the product code.
func clauseParts(t *tree) []clausePart {
	var all []clausePart
	t.each(productFile, func(f *file) {
		functions := map[*ast.CommentGroup]string{}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Doc != nil {
				functions[fn.Doc] = f.pkg.dir + "." + fn.Name.Name
			}
		}
		for _, group := range f.ast.Comments {
			text := group.Text()
			starts := clauseLine.FindAllStringIndex(text, -1)
			for i, start := range starts {
				end := len(text)
				if i+1 < len(starts) {
					end = starts[i+1][0]
				}
				// A clause ends with its paragraph and may run over several lines.
				paragraph, _, _ := strings.Cut(text[start[0]:end], "\n\n")
				part := clausePart{function: functions[group], pos: group.Pos()}
				if m := clauseForm.FindStringSubmatch(strings.Join(strings.Fields(paragraph), " ")); m != nil {
					part.id, part.text = m[1], strings.ToLower(strings.TrimRight(m[2], ". "))
				}
				all = append(all, part)
			}
		}
	})
	return all
}

// clausesAreCited: a clause comment stands on a function, has the form "Clause: UA 4.3 (what it says)." and names a
// clause that exists.
func clausesAreCited(t *tree) (found []string) {
	for _, part := range clauseParts(t) {
		switch {
		case part.id == "":
			found = append(found, t.at(part.pos, "not of the form \"Clause: UA 4.3 (what it says).\""))
		case !isClause(part.id):
			found = append(found, t.at(part.pos, "there is no clause %s", part.id))
		case part.function == "":
			found = append(found, t.at(part.pos, "clause %s does not stand on a function", part.id))
		}
	}
	return found
}

// oneFunctionAClausePart: who asks where a rule lives gets one answer.
func oneFunctionAClausePart(t *tree) (found []string) {
	first := map[string]string{}
	for _, part := range clauseParts(t) {
		if part.id == "" {
			continue
		}
		key := part.id + " " + part.text
		if other, ok := first[key]; ok && other != part.function {
			found = append(found, t.at(part.pos, "clause %s (%s) already sits in %s", part.id, part.text, other))
		}
		first[key] = part.function
	}
	return found
}

// refusal is one call of fault.New.
type refusal struct {
	code, clause string
	top          bool // declared as a package variable
	literal      bool
	file         *file
	pos          token.Pos
}

func refusals(t *tree) []refusal {
	var all []refusal
	t.each(productFile, func(f *file) {
		if f.pkg.dir == "internal/base/fault" {
			return
		}
		for _, d := range f.ast.Decls {
			g, top := d.(*ast.GenDecl)
			top = top && g.Tok == token.VAR
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 3 {
					return true
				}
				s, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || s.Sel.Name != "New" {
					return true
				}
				if x, ok := s.X.(*ast.Ident); !ok || x.Name != "fault" {
					return true
				}
				r := refusal{top: top, file: f, pos: call.Pos()}
				var codeOK, clauseOK bool
				r.code, codeOK = stringOf(call.Args[1])
				r.clause, clauseOK = stringOf(call.Args[2])
				r.literal = codeOK && clauseOK
				all = append(all, r)
				return true
			})
		}
	})
	return all
}

func stringOf(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

var codeForm = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)

// faultsAreDeclared: each refusal of a package is one package variable with a stable code, and the clause it cites
// exists. Two variables may share a code only to cite different clauses. A market package with several lists them in faults.go.
func faultsAreDeclared(t *tree) (found []string) {
	all := refusals(t)
	declared := map[string]int{}
	for _, r := range all {
		declared[r.file.pkg.dir]++
	}
	seen := map[string]bool{}
	for _, r := range all {
		switch {
		case !r.literal:
			found = append(found, t.at(r.pos, "code and clause of a fault are literals"))
			continue
		case !r.top:
			found = append(found, t.at(r.pos, "fault %s is not declared as a package variable", r.code))
		case !codeForm.MatchString(r.code):
			found = append(found, t.at(r.pos, "%q is not a code in capitals", r.code))
		case r.clause != "" && !isClause(r.clause):
			found = append(found, t.at(r.pos, "fault %s cites %q, which is no clause", r.code, r.clause))
		case below("internal/market")(r.file.pkg.dir) && r.file.name() != "faults.go" && declared[r.file.pkg.dir] > 1:
			found = append(found, t.at(r.pos, "fault %s is not in faults.go", r.code))
		}
		key := r.file.pkg.dir + " " + r.code + " " + r.clause
		if seen[key] {
			found = append(found, t.at(r.pos, "fault %s is declared twice", r.code))
		}
		seen[key] = true
	}
	return found
}

// clausesAreProved: a clause of the agreement that has a function has a test named after it, with a case that is
// allowed and a case that is refused.
func clausesAreProved(t *tree) (found []string) {
	type proof struct{ allowed, refused bool }
	proofs := map[string]*proof{}
	t.each(func(f *file) bool { return f.isTest() }, func(f *file) {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			row := clauseOfTest(fn.Name.Name)
			if row == "" {
				continue
			}
			p := proofs[row]
			if p == nil {
				p = &proof{}
				proofs[row] = p
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if text, ok := stringOf(e); ok {
						p.allowed = p.allowed || strings.HasPrefix(text, "allowed")
						p.refused = p.refused || strings.HasPrefix(text, "refused")
					}
				}
				return true
			})
		}
	})
	done := map[string]bool{}
	for _, part := range clauseParts(t) {
		row, ok := strings.CutPrefix(part.id, "UA ")
		if !ok || done[row] {
			continue
		}
		done[row] = true
		switch p := proofs[row]; {
		case p == nil:
			found = append(found, t.at(part.pos, "no test TestClause_%s_… proves clause %s", testName(row), row))
		case !p.allowed || !p.refused:
			found = append(found, t.at(part.pos, "TestClause_%s_… needs a subtest allowed… and a subtest refused…", testName(row)))
		}
	}
	return found
}

func testName(row string) string { return strings.NewReplacer(".", "_", "-", "_").Replace(row) }

// clauseOfTest returns the row a test is named after: "4.7.1" for TestClause_4_7_1_NoForbiddenContent, or "".
func clauseOfTest(name string) string {
	rest, ok := strings.CutPrefix(name, "TestClause_")
	if !ok {
		return ""
	}
	longest := ""
	for _, row := range agreementClauses {
		if strings.HasPrefix(rest, testName(row)+"_") && len(row) > len(longest) {
			longest = row
		}
	}
	return longest
}

func TestClauses(t *testing.T) {
	if len(agreementClauses) != 73 {
		t.Fatalf("%d clauses, the agreement has 69 and 4 preamble rows", len(agreementClauses))
	}
	fault := func(args string) source {
		return source{"internal/market/order/faults.go": "package order\nvar Err = fault.New(" + args + ")"}
	}
	rules := func(comment string) source {
		return source{"internal/market/order/rules.go": "package order\n\n// f decides.\n// " + comment + "\nfunc f() {}"}
	}
	for _, r := range []rule{
		{
			name: "clauses_are_cited", check: clausesAreCited,
			planted: []source{
				rules("Clause: UA 4.12 (there is none)."),
				rules("Clause: 4.3 (no source)."),
				rules("Clause: UA 4.3"),
				{"internal/market/order/rules.go": "package order\n\n// Clause: UA 4.3 (on a constant).\nconst x = 1"},
			},
			allowed: []source{
				rules("Clause: UA 4.3 (bound to the account\n// for ever)."),
				rules("Clause: UA P-3 (read first).\n// Clause: ECL 58 (deposit)."),
				rules("Clause: RB refund-2 (within the window)."),
			},
		},
		{
			name: "one_function_a_clause_part", check: oneFunctionAClausePart,
			planted: []source{{"internal/market/order/rules.go": "package order\n\n// Clause: UA 4.3 (bound).\nfunc f() {}\n\n// Clause: UA 4.3 (Bound.).\nfunc g() {}"}},
			allowed: []source{{"internal/market/order/rules.go": "package order\n\n// Clause: UA 4.3 (bound).\nfunc f() {}\n\n// Clause: UA 4.3 (never moved).\nfunc g() {}"}},
		},
		{
			name: "faults_are_declared", check: faultsAreDeclared,
			planted: []source{
				fault(`fault.Invalid, "STALE", "UA 4.12"`),
				fault(`fault.Invalid, "stale", "UA 4.2"`),
				fault(`fault.Invalid, code, "UA 4.2"`),
				{"internal/market/order/place.go": "package order\nfunc f() error { return fault.New(fault.Invalid, \"STALE\", \"\") }"},
				{"internal/market/order/faults.go": "package order\nvar a = fault.New(k, \"STALE\", \"\")\nvar b = fault.New(k, \"STALE\", \"\")"},
			},
			allowed: []source{fault(`fault.Invalid, "STALE", "UA 4.2"`), fault(`fault.Invalid, "DEPOSIT_SHORT", "ECL 58"`), fault(`fault.NotFound, "NOT_FOUND", ""`)},
		},
		{
			name: "clauses_are_proved", check: clausesAreProved,
			planted: []source{
				rules("Clause: UA 4.7 (lawful use)."),
				{
					"internal/market/order/rules.go":      "package order\n\n// Clause: UA 4.7 (lawful use).\nfunc f() {}",
					"internal/market/order/rules_test.go": "package order\nfunc TestClause_4_7_1_Content(t *testing.T) { g(\"allowed\", \"refused\") }",
				},
				{
					"internal/market/order/rules.go":      "package order\n\n// Clause: UA 4.7 (lawful use).\nfunc f() {}",
					"internal/market/order/rules_test.go": "package order\nfunc TestClause_4_7_LawfulUse(t *testing.T) { g(\"allowed\") }",
				},
			},
			allowed: []source{{
				"internal/market/order/rules.go":      "package order\n\n// Clause: UA P-3 (read first).\nfunc f() {}",
				"internal/market/order/rules_test.go": "package order\nfunc TestClause_P_3_ReadFirst(t *testing.T) { g(\"allowed_browsing\", \"refused_before_acceptance\") }",
			}},
		},
	} {
		r.prove(t)
	}
}
