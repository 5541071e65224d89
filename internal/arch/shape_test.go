package arch

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// onePackageComment: the package comment is the specification; a second one would compete with it.
func onePackageComment(t *tree) (found []string) {
	for _, p := range t.pkgs {
		files := filter(p.product(), func(f *file) bool { return !ast.IsGenerated(f.ast) })
		if len(files) == 0 {
			continue
		}
		commented := filter(files, func(f *file) bool { return f.ast.Doc != nil })
		switch {
		case len(commented) == 0:
			found = append(found, p.dir+": no package comment")
		case len(commented) > 1:
			found = append(found, t.at(commented[1].ast.Package, "second package comment, the first is in %s", commented[0].path))
		case commented[0].ast.Name.Name != "main" && !strings.HasPrefix(commented[0].ast.Doc.Text(), "Package "+commented[0].ast.Name.Name):
			found = append(found, t.at(commented[0].ast.Package, "the package comment does not begin with \"Package %s\"", commented[0].ast.Name.Name))
		}
	}
	return found
}

// plainNames: a package is named after its noun, and its directory after the package.
func plainNames(t *tree) (found []string) {
	forbidden := strings.Fields("util utils common helper helpers model models types service services manager managers misc shared lib dto repository")
	for _, p := range t.pkgs {
		for _, f := range p.files {
			name := strings.TrimSuffix(f.ast.Name.Name, "_test")
			if slices.Contains(forbidden, name) || slices.Contains(forbidden, p.name()) {
				found = append(found, t.at(f.ast.Package, "a package named %s says nothing", name))
			}
			if name != "main" && p.dir != "." && name != p.name() {
				found = append(found, t.at(f.ast.Package, "package %s in directory %s", name, p.dir))
			}
		}
	}
	return found
}

// nothingRegisteredBehindTheBack: what an earlier package asks of a later one is passed in by app as a value. An init
// function or a package variable of function type would be wiring that no reader of app sees.
func nothingRegisteredBehindTheBack(t *tree) (found []string) {
	inProduct := func(f *file) bool { return productFile(f) && !ast.IsGenerated(f.ast) }
	t.each(inProduct, func(f *file) {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					found = append(found, t.at(d.Pos(), "init function"))
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, s := range d.Specs {
					v := s.(*ast.ValueSpec)
					if _, ok := v.Type.(*ast.FuncType); ok {
						found = append(found, t.at(v.Pos(), "package variable %s of function type", v.Names[0].Name))
					}
				}
			}
		}
	})
	return found
}

// transactionsStartOutside: only the ways in, the wiring, the simulation, command, job and files named work.go start transactions, and
// only they may hold the pool. Everything else is given a transaction or a reader.
func transactionsStartOutside(t *tree) (found []string) {
	mayHold := func(f *file) bool {
		switch r, name := ring(f.pkg.dir); r {
		case "edge", "app", "testkit", "cmd", "sim":
			return true
		case "market":
			return name == "command" || name == "job" || f.name() == "work.go"
		default:
			return f.pkg.dir == "internal/base/db"
		}
	}
	t.each(productFile, func(f *file) {
		if mayHold(f) || !slices.Contains(f.imports, module+"/internal/base/db") {
			return
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "db" && (n.Sel.Name == "DB" || n.Sel.Name == "Open") {
					found = append(found, t.at(n.Pos(), "db.%s outside edge, app, command, job and work.go", n.Sel.Name))
				}
			case *ast.CallExpr:
				// The pool's Write takes a context, a closure and perhaps an isolation; every other Write of the tree takes bytes.
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Write" && (len(n.Args) == 2 || len(n.Args) == 3) {
					found = append(found, t.at(n.Pos(), "starts a transaction"))
				}
			}
			return true
		})
	})
	return found
}

// timeAndChanceAreGiven: rules see the transaction's clock and the injected randomness, so a test can set both.
// Taking time.Now as a default value is fine; calling it is not.
func timeAndChanceAreGiven(t *tree) (found []string) {
	strict := func(f *file) bool {
		r, _ := ring(f.pkg.dir)
		return productFile(f) && (r == "base" || r == "market") && f.pkg.dir != "internal/base/db" && f.pkg.dir != "internal/base/id"
	}
	t.imports(strict, func(f *file, imp string, pos token.Pos) {
		if imp == "math/rand" || imp == "math/rand/v2" {
			found = append(found, t.at(pos, "imports %s", imp))
		}
	})
	t.each(strict, func(f *file) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); ok {
				x, ok := s.X.(*ast.Ident)
				if ok && x.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since" || s.Sel.Name == "Until") {
					found = append(found, t.at(n.Pos(), "calls time.%s", s.Sel.Name))
				}
			}
			return true
		})
	})
	return found
}

// nothingPointsOutOfTheTree: no source names a directory of the machine it was written on.
func nothingPointsOutOfTheTree(t *tree) (found []string) {
	t.each(everyFile, func(f *file) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if ok && lit.Kind == token.STRING && (strings.Contains(lit.Value, "/wo"+"rk/") || strings.Contains(lit.Value, "/ho"+"me/")) {
				found = append(found, t.at(lit.Pos(), "names a directory of one machine: %s", lit.Value))
			}
			return true
		})
	})
	return found
}

// foreignImplementations are interfaces whose second implementation is a type of the standard library.
var foreignImplementations = []string{"internal/base/db.Scanner"}

// interfacesHaveTwoImplementations: an interface is declared by the package that calls it, and only where two
// implementations exist, a fake of the outside world among them.
func interfacesHaveTwoImplementations(t *tree) (found []string) {
	types := map[string]map[string]bool{} // "dir.Type" -> its methods
	t.each(everyFile, func(f *file) {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || len(fn.Recv.List) != 1 {
				continue
			}
			key := f.pkg.dir + "." + receiver(fn.Recv.List[0].Type)
			if types[key] == nil {
				types[key] = map[string]bool{}
			}
			types[key][fn.Name.Name] = true
		}
	})
	t.each(productFile, func(f *file) {
		if !below("internal")(f.pkg.dir) || ast.IsGenerated(f.ast) {
			return
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			declared, ok := spec.Type.(*ast.InterfaceType)
			if !ok {
				return true
			}
			methods, plain := methodsOf(declared)
			name := f.pkg.dir + "." + spec.Name.Name
			if !plain || len(methods) == 0 || slices.Contains(foreignImplementations, name) {
				return true
			}
			implementations := 0
			for _, has := range types {
				if !slices.ContainsFunc(methods, func(m string) bool { return !has[m] }) {
					implementations++
				}
			}
			if implementations < 2 {
				found = append(found, t.at(spec.Pos(), "interface %s has %d implementations", name, implementations))
			}
			// What base offers, such as files on disk or on S3, is called by the rings outside it.
			if r, _ := ring(f.pkg.dir); r != "base" && !callsOneOf(f.pkg, methods) {
				found = append(found, t.at(spec.Pos(), "interface %s is not called where it is declared", name))
			}
			return true
		})
	})
	return found
}

// receiver returns the type name of a method's receiver.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// methodsOf returns the names of an interface's methods; plain is false for interfaces that embed something, among
// them the constraints of type parameters.
func methodsOf(i *ast.InterfaceType) (names []string, plain bool) {
	for _, m := range i.Methods.List {
		if len(m.Names) == 0 {
			return nil, false
		}
		for _, name := range m.Names {
			names = append(names, name.Name)
		}
	}
	return names, true
}

func callsOneOf(p *pkg, methods []string) bool {
	called := false
	for _, f := range p.product() {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(methods, s.Sel.Name) {
					called = true
				}
			}
			return !called
		})
	}
	return called
}

func TestShape(t *testing.T) {
	const importDB = "package order\nimport \"yunshi/internal/base/db\"\n"
	for _, r := range []rule{
		{
			name: "one_package_comment", check: onePackageComment,
			planted: []source{
				{"internal/base/id/a.go": "package id"},
				{"internal/base/id/a.go": "// Package id one.\npackage id", "internal/base/id/b.go": "// Package id two.\npackage id"},
				{"internal/base/id/a.go": "// Identifiers.\npackage id"},
			},
			allowed: []source{{"internal/base/id/a.go": "// Package id one.\npackage id", "internal/base/id/b.go": "package id", "internal/base/id/b_test.go": "package id"}},
		},
		{
			name: "plain_names", check: plainNames,
			planted: []source{
				{"internal/market/util/a.go": "package util"},
				{"internal/market/order/a.go": "package purchase"},
			},
			allowed: []source{{"cmd/yunshi/main.go": "package main", "internal/market/order/a_test.go": "package order_test"}},
		},
		{
			name: "nothing_registered_behind_the_back", check: nothingRegisteredBehindTheBack,
			planted: []source{
				{"internal/market/identity/a.go": "package identity\nfunc init() {}"},
				{"internal/market/identity/a.go": "package identity\nvar Banned func(string) bool"},
			},
			allowed: []source{{"internal/market/identity/a.go": "package identity\ntype Banned func(string) bool\ntype W struct{}\nfunc (W) init() {}"}},
		},
		{
			name: "transactions_start_outside", check: transactionsStartOutside,
			planted: []source{
				{"internal/market/order/place.go": importDB + "func f(d *db.DB) {}"},
				{"internal/market/order/place.go": importDB + "func f(d *db.DB) { d.Write(nil, func(tx *db.Tx) error { return nil }, db.Guarded) }"},
				{"internal/market/order/place.go": importDB + "func f(d interface{ Write(any, func(*db.Tx) error) }) { d.Write(nil, func(tx *db.Tx) error { return nil }) }"},
				{"internal/plug/alipay/a.go": importDB + "var d, err = db.Open(nil, \"\", db.Options{})"},
			},
			allowed: []source{
				{"internal/market/order/work.go": importDB + "func f(d *db.DB) { d.Write(nil, func(tx *db.Tx) error { return nil }) }"},
				{"internal/market/order/place.go": importDB + "func f(tx *db.Tx, w interface{ Write([]byte) }) { w.Write(nil) }"},
				{"internal/market/command/command.go": importDB + "func Run(d *db.DB) {}"},
			},
		},
		{
			name: "time_and_chance_are_given", check: timeAndChanceAreGiven,
			planted: []source{
				{"internal/market/order/place.go": "package order\nimport \"time\"\nvar t = time.Now()"},
				{"internal/market/order/place.go": "package order\nimport \"time\"\nvar t = time.Since(time.Time{})"},
				importing("internal/base/money/a.go", "math/rand/v2"),
			},
			allowed: []source{
				{"internal/base/mail/a.go": "package mail\nimport \"time\"\nvar now = time.Now"},
				{"internal/market/order/a_test.go": "package order\nimport \"time\"\nvar t = time.Now()"},
				{"internal/edge/serve/a.go": "package serve\nimport \"time\"\nvar t = time.Now()"},
			},
		},
		{
			name: "interfaces_have_two_implementations", check: interfacesHaveTwoImplementations,
			planted: []source{
				{"internal/market/payment/a.go": "package payment\ntype Gateway interface{ Open() }\nfunc f(g Gateway) { g.Open() }", "internal/plug/alipay/a.go": "package alipay\ntype G struct{}\nfunc (G) Open() {}"},
				{"internal/market/payment/a.go": "package payment\ntype Gateway interface{ Open() }", "internal/plug/alipay/a.go": "package alipay\ntype G struct{}\nfunc (G) Open() {}\ntype H struct{}\nfunc (*H) Open() {}"},
			},
			allowed: []source{
				{"internal/market/payment/a.go": "package payment\ntype Gateway interface{ Open() }\nfunc f(g Gateway) { g.Open() }", "internal/plug/alipay/a.go": "package alipay\ntype G struct{}\nfunc (G) Open() {}", "internal/market/payment/a_test.go": "package payment\ntype fake struct{}\nfunc (*fake) Open() {}"},
				{"internal/base/db/a.go": "package db\ntype number interface{ ~int | ~int64 }"},
			},
		},
		{
			name: "nothing_points_out_of_the_tree", check: nothingPointsOutOfTheTree,
			planted: []source{{"internal/base/id/a.go": "package id\nconst x = \"/wo" + "rk/plan\""}},
			allowed: []source{{"internal/base/id/a.go": "package id\nconst x = \"/api/v1/\""}},
		},
	} {
		r.prove(t)
	}
}
