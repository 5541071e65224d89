package text

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

func TestBothLanguagesHaveTheSameKeys(t *testing.T) {
	zh, en := Keys(ZH), Keys(EN)
	for _, k := range zh {
		if !Has(EN, k) {
			t.Errorf("%s has no English text", k)
		}
	}
	for _, k := range en {
		if !Has(ZH, k) {
			t.Errorf("%s has no Chinese text", k)
		}
	}
	if len(zh) < 200 {
		t.Errorf("only %d keys: were the files embedded?", len(zh))
	}
}

func TestNoKeyIsDefinedTwice(t *testing.T) {
	for _, d := range shipped().duplicates {
		t.Errorf("defined twice: %s", d)
	}
}

func TestEveryAreaHasBothFiles(t *testing.T) {
	entries, err := files.ReadDir("messages")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		area, l, ok := areaAndLang(e.Name())
		other := map[Lang]Lang{ZH: EN, EN: ZH}[l]
		if _, err := fs.Stat(files, "messages/"+area+"."+string(other)+".json"); !ok || err != nil {
			t.Errorf("%s has no counterpart: %v", e.Name(), err)
		}
	}
}

var placeholder = regexp.MustCompile(`\.([A-Z]\w*)`)

func placeholders(m *i18n.Message) []string {
	var names []string
	for _, action := range regexp.MustCompile(`\{\{.*?\}\}`).FindAllString(m.One+m.Other, -1) {
		for _, match := range placeholder.FindAllStringSubmatch(action, -1) {
			names = append(names, match[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestBothLanguagesHaveTheSamePlaceholders(t *testing.T) {
	for key, zh := range shipped().messages[ZH] {
		if en := shipped().messages[EN][key]; en != nil && !slices.Equal(placeholders(zh), placeholders(en)) {
			t.Errorf("%s: Chinese has %v, English has %v", key, placeholders(zh), placeholders(en))
		}
	}
}

// misprint is half-width punctuation between Chinese characters, or bytes that were
// read in the wrong encoding.
var misprint = regexp.MustCompile(`[\x{80}-\x{9f}]|\p{Han}[,;:!?(]|[,;:!?(]\p{Han}`)

func TestChineseIsSetInChinese(t *testing.T) {
	for key, m := range shipped().messages[ZH] {
		if found := misprint.FindString(m.Other); found != "" {
			t.Errorf("%s: %q in %q", key, found, m.Other)
		}
	}
}

func TestAChineseTextIsChinese(t *testing.T) {
	allowed := map[string]bool{}
	list, err := os.ReadFile("no_han.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		if key, _, _ := strings.Cut(strings.TrimSpace(line), " "); key != "" && key != "#" {
			allowed[key] = true
		}
	}
	han := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	for key, m := range shipped().messages[ZH] {
		if !han(m.Other) && !allowed[key] {
			t.Errorf("%s: no Chinese character in %q; translate it or list the key in no_han.txt", key, m.Other)
		}
		if han(m.Other) && allowed[key] {
			t.Errorf("%s: needs no line in no_han.txt", key)
		}
		if m.One != "" {
			t.Errorf("%s: Chinese has no singular", key)
		}
	}
	for key, m := range shipped().messages[EN] {
		if han(m.Other) {
			t.Errorf("%s: Chinese characters in the English text %q", key, m.Other)
		}
	}
}

func TestEveryTextRenders(t *testing.T) {
	for _, l := range []Lang{ZH, EN} {
		for key, m := range shipped().messages[l] {
			kv := []any{}
			for _, name := range placeholders(m) {
				kv = append(kv, name, 2)
			}
			if s := In(l, key, kv...); strings.Contains(s, "⟦") || strings.Contains(s, "{{") {
				t.Errorf("%s/%s renders as %q", l, key, s)
			}
		}
	}
}

// The calls whose key argument is a text key, as they look in .go and .templ files.
var (
	textCall  = regexp.MustCompile(`\btext\.(?:T|In|Has)\(\s*[^,()"]+(?:\([^()]*\))?\s*,\s*"([^"]*)"(\s*\+)?`)
	faultCall = regexp.MustCompile(`\bfault\.New\(\s*fault\.\w+\s*,\s*"([A-Z0-9_]+)"`)
)

// keysOf returns the text keys a source needs; one that ends in "*" is a prefix.
func keysOf(source string) []string {
	var keys []string
	for _, m := range textCall.FindAllStringSubmatch(source, -1) {
		if m[2] != "" {
			keys = append(keys, m[1]+"*")
		} else {
			keys = append(keys, m[1])
		}
	}
	for _, m := range faultCall.FindAllStringSubmatch(source, -1) {
		keys = append(keys, "fault."+m[1], "fault."+m[1]+".next")
	}
	return keys
}

func TestEveryKeyNamedInTheSourcesExists(t *testing.T) {
	module := filepath.Join("..", "..", "..")
	if _, err := os.Stat(filepath.Join(module, "go.mod")); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := filepath.WalkDir(module, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		source := strings.HasSuffix(p, ".templ") ||
			strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") && !strings.HasSuffix(p, "_templ.go")
		if d.IsDir() || !source {
			return nil
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		seen++
		for _, key := range keysOf(withoutLineComments(string(raw))) {
			if !known(key) {
				t.Errorf("%s: no text %q", p, key)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 3 {
		t.Errorf("only %d sources found", seen)
	}
}

func known(key string) bool {
	prefix, isPrefix := strings.CutSuffix(key, "*")
	if !isPrefix {
		return Has(ZH, key)
	}
	return slices.ContainsFunc(Keys(ZH), func(k string) bool { return strings.HasPrefix(k, prefix) })
}

func withoutLineComments(source string) string {
	var b strings.Builder
	for s := bufio.NewScanner(strings.NewReader(source)); s.Scan(); {
		if !strings.HasPrefix(strings.TrimSpace(s.Text()), "//") {
			b.WriteString(s.Text() + "\n")
		}
	}
	return b.String()
}

func TestTheSourceScanFindsKeys(t *testing.T) {
	source := `text.T(ctx, "a.b") text.T(r.Context(), "c.d", "Name", x) text.In(text.ZH, "e.f")
		text.T(ctx,
			"g.h") text.T(ctx, "fault."+code) text.T(ctx, key, "Not", 1) othertext.T(ctx, "no")
		Err = fault.New(fault.Invalid, "SOME_CODE", "UA 1.1")`
	want := []string{"a.b", "c.d", "e.f", "g.h", "fault.*", "fault.SOME_CODE", "fault.SOME_CODE.next"}
	if got := keysOf(source); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for key, want := range map[string]bool{"base.save": true, "base.nothing": false, "fault.*": true, "nothing.*": false} {
		if known(key) != want {
			t.Errorf("known(%q) = %v", key, !want)
		}
	}
}

func TestABrokenFileIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"shop.json":    `{"a": "b"}`,
		"shop.fr.json": `{"a": "b"}`,
		"a.zh.json":    `["a"]`,
		"b.zh.json":    `{"a": 1}`,
		"c.zh.json":    `{"a": {"many": "x"}}`,
		"d.zh.json":    `{"a": {"one": "x"}}`,
		"e.zh.json":    `{"a": ""}`,
		"f.zh.json":    `{"a": "x"`,
		"g.zh.json":    `{"": "x"}`,
		"h.zh.json":    `{"a": {"other": 1}}`,
	} {
		if _, err := load(fstest.MapFS{"m/" + name: {Data: []byte(content)}}, "m"); err == nil {
			t.Errorf("%s accepted: %s", name, content)
		}
	}
}

func TestDuplicateKeysAreFoundInsideAndAcrossFiles(t *testing.T) {
	c, err := load(fstest.MapFS{
		"m/a.zh.json": {Data: []byte(`{"k": "一", "k": "二"}`)},
		"m/b.zh.json": {Data: []byte(`{"k": "三"}`)},
	}, "m")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"k in a.zh.json", "k in b.zh.json"}; !slices.Equal(c.duplicates, want) {
		t.Errorf("duplicates = %q", c.duplicates)
	}
	if got := c.render(ZH, "k", nil); got != "一" {
		t.Errorf("the first definition does not win: %q", got)
	}
}

func TestWhatIsMissingIsShownAndCounted(t *testing.T) {
	c, err := load(fstest.MapFS{"m/a.en.json": {Data: []byte(`{"hello": "Hello {{.Name}}", "bad": "{{.Name.First}}"}`)}}, "m")
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		key  string
		kv   []any
		want string
	}{
		{"hello", []any{3, "x", "odd"}, "Hello ⟦?⟧"},
		{"nothing", nil, "⟦nothing⟧"},
		{"bad", []any{"Name", "x"}, "⟦bad⟧"},
	} {
		if got := c.render(EN, tt.key, tt.kv); got != tt.want || c.missing.Load() != int64(i+1) {
			t.Errorf("%s = %q, counted %d", tt.key, got, c.missing.Load())
		}
	}
	if got := c.render(EN, "hello", []any{"Name", "<b>"}); got != "Hello <b>" || c.missing.Load() != 3 {
		t.Errorf("got %q, counted %d", got, c.missing.Load())
	}
}
