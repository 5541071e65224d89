package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// module is the import path of the repository's root.
const module = "yunshi"

// tree is the parsed source of a repository.
type tree struct {
	fset  *token.FileSet
	files fs.FS
	pkgs  []*pkg // sorted by dir
}

// pkg is one directory with Go files.
type pkg struct {
	dir   string // relative to the root: "internal/market/order"
	files []*file
}

// file is one parsed Go file.
type file struct {
	pkg     *pkg
	path    string
	ast     *ast.File
	imports []string
}

func (f *file) name() string    { return path.Base(f.path) }
func (f *file) isTest() bool    { return strings.HasSuffix(f.path, "_test.go") }
func (p *pkg) name() string     { return path.Base(p.dir) }
func (p *pkg) product() []*file { return filter(p.files, func(f *file) bool { return !f.isTest() }) }

// ring returns the ring of a directory and the rest of its path: ("market", "order").
// Directories outside internal are their own ring: ("client", "").
func ring(dir string) (name, rest string) {
	name, rest, _ = strings.Cut(strings.TrimPrefix(dir, "internal/"), "/")
	return name, rest
}

// local returns the directory of an import of this module, or "" for any other import.
func local(imp string) string {
	dir, ok := strings.CutPrefix(imp, module+"/")
	if !ok {
		return ""
	}
	return dir
}

func filter[T any](in []T, keep func(T) bool) []T {
	var out []T
	for _, v := range in {
		if keep(v) {
			out = append(out, v)
		}
	}
	return out
}

// parse reads every Go file below the root, except vendored and test data.
func parse(files fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), files: files}
	byDir := map[string]*pkg{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch base := path.Base(name); {
			case base == "node_modules", base == "testdata", name == "vendor", name != "." && strings.HasPrefix(base, "."):
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		p := byDir[dir]
		if p == nil {
			p = &pkg{dir: dir}
			byDir[dir] = p
			t.pkgs = append(t.pkgs, p)
		}
		f := &file{pkg: p, path: name, ast: parsed}
		for _, spec := range parsed.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			f.imports = append(f.imports, imp)
		}
		p.files = append(p.files, f)
		return nil
	})
	sort.Slice(t.pkgs, func(i, j int) bool { return t.pkgs[i].dir < t.pkgs[j].dir })
	return t, err
}

// at renders a finding with its place.
func (t *tree) at(pos token.Pos, format string, args ...any) string {
	p := t.fset.Position(pos)
	return fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...))
}

// imports calls fn for every import of every file that keep accepts.
func (t *tree) imports(keep func(*file) bool, fn func(f *file, imp string, pos token.Pos)) {
	for _, p := range t.pkgs {
		for _, f := range p.files {
			if !keep(f) {
				continue
			}
			for i, imp := range f.imports {
				fn(f, imp, f.ast.Imports[i].Pos())
			}
		}
	}
}

// each calls fn for every file that keep accepts.
func (t *tree) each(keep func(*file) bool, fn func(f *file)) {
	for _, p := range t.pkgs {
		for _, f := range p.files {
			if keep(f) {
				fn(f)
			}
		}
	}
}

func everyFile(*file) bool     { return true }
func productFile(f *file) bool { return !f.isTest() }
func below(dir string) func(string) bool {
	return func(d string) bool { return d == dir || strings.HasPrefix(d, dir+"/") }
}

const root = "../.."

// repository parses this repository once.
var repository = sync.OnceValues(func() (*tree, error) { return parse(os.DirFS(root)) })

// source is a planted tree: path -> Go source.
type source map[string]string

func (s source) tree(t *testing.T) *tree {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range s {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	planted, err := parse(files)
	if err != nil {
		t.Fatal(err)
	}
	return planted
}

// rule is one promise about the tree. check returns what breaks it, one line a finding.
type rule struct {
	name    string
	check   func(*tree) []string
	planted []source // each breaks the rule
	allowed []source // each looks like a violation and is none
}

// prove runs the rule on the repository and on what was planted.
func (r rule) prove(t *testing.T) {
	t.Run(r.name, func(t *testing.T) {
		t.Run("holds", func(t *testing.T) {
			tree, err := repository()
			if err != nil {
				t.Fatal(err)
			}
			for _, finding := range r.check(tree) {
				t.Error(finding)
			}
		})
		if len(r.planted) == 0 {
			t.Error("no planted violation proves this rule")
		}
		for i, s := range r.planted {
			t.Run(fmt.Sprintf("reports_planted_%d", i+1), func(t *testing.T) {
				if found := r.check(s.tree(t)); len(found) == 0 {
					t.Errorf("planted violation not reported:\n%v", s)
				}
			})
		}
		for i, s := range r.allowed {
			t.Run(fmt.Sprintf("allows_%d", i+1), func(t *testing.T) {
				if found := r.check(s.tree(t)); len(found) != 0 {
					t.Errorf("reported although allowed: %v", found)
				}
			})
		}
	})
}

// TestTheRepositoryIsParsed keeps the rules from passing because they looked at nothing.
func TestTheRepositoryIsParsed(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"internal/base/fault", "internal/base/db", "internal/testkit"} {
		if len(filter(tree.pkgs, func(p *pkg) bool { return p.dir == want })) == 0 {
			t.Errorf("package %s was not found", want)
		}
	}
}

// readAll returns the text of every file below dir whose name ends in suffix. A directory that does not exist has none.
func readAll(files fs.FS, dir, suffix string) map[string]string {
	out := map[string]string{}
	_ = fs.WalkDir(files, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a missing directory is an empty one
		}
		if !d.IsDir() && strings.HasSuffix(name, suffix) {
			if text, err := fs.ReadFile(files, name); err == nil {
				out[name] = string(text)
			}
		}
		return nil
	})
	return out
}
