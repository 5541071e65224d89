package arch

import (
	"go/ast"
	"slices"
	"testing"
)

// measures are the functions that take something from an account or a vendor, or give it back.
var measures = map[string][]string{
	"vendor":  {"Move", "Reinstate"},
	"account": {"Restrict", "Lift", "Suspend", "Terminate", "Reinstate"},
}

// measuresComeFromCases: only package enforcement takes measures, because there a case with its clause, its evidence and
// its appeal stands behind each.
func measuresComeFromCases(t *tree) []string { return onlyFrom(t, "enforcement", measures) }

// onlyFrom finds the calls of functions, by package, from any other package than the one of the market.
func onlyFrom(t *tree, market string, functions map[string][]string) (found []string) {
	t.each(productFile, func(f *file) {
		if f.pkg.dir == "internal/market/"+market {
			return
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if p, ok := s.X.(*ast.Ident); ok && slices.Contains(functions[p.Name], s.Sel.Name) {
				found = append(found, t.at(s.Pos(), "%s.%s is for package %s alone", p.Name, s.Sel.Name, market))
			}
			return true
		})
	})
	return found
}

func TestMeasuresComeFromCases(t *testing.T) {
	rule{
		name: "measures_come_from_cases", check: measuresComeFromCases,
		planted: []source{
			{"internal/edge/operatordesk/a.go": "package operatordesk\nvar _, err = vendor.Move(ctx, tx, by, id, to, on)"},
			{"internal/market/infringement/a.go": "package infringement\nvar err = account.Restrict(ctx, tx, by, in)"},
		},
		allowed: []source{
			{"internal/market/enforcement/a.go": "package enforcement\nvar _, err = vendor.Move(ctx, tx, by, id, to, on)"},
			{"internal/edge/operatordesk/a.go": "package operatordesk\nvar err = vendor.Rest(ctx, tx, by, id, ground, why)"},
		},
	}.prove(t)
}
