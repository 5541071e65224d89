package search

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWordsAreWholeLatinWordsAndChinesePairs(t *testing.T) {
	for _, tt := range []struct {
		text    string
		singles bool
		want    []string
	}{
		{"数据库", false, []string{"数据", "据库"}},
		{"云", false, []string{"云"}},
		{"云端", true, []string{"云", "端", "云端"}},
		{"MySQL数据库 8.0", false, []string{"mysql", "数据", "据库", "8", "0"}},
		{"Node.js", false, []string{"node", "js"}},
		{"ＭｙＳＱＬ", false, []string{"mysql"}},
		{"café", false, []string{"café"}},
		{"a'b\"c\\d", false, []string{"a", "b", "c", "d"}},
		{"  ", false, nil},
		{"›·()!&|:*", false, nil},
	} {
		if got := words(tt.text, tt.singles); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestAQueryIsBounded(t *testing.T) {
	if got := asked(strings.Repeat("一二三四五六七八九十甲乙丙丁戊己庚辛壬癸", 50)); len(got) != mostWords {
		t.Errorf("%d words", len(got))
	}
	if got := asked(strings.Repeat("x", 10_000)); len(got) != 1 || len(got[0]) > longestWord {
		t.Errorf("%d words, the first of %d bytes", len(got), len(got[0]))
	}
	if got := asked("云端 云端"); len(got) != 1 {
		t.Errorf("repeated: %v", got)
	}
}

func FuzzWordsHoldNothingAnEngineReads(f *testing.F) {
	for _, s := range []string{"数据库", `a" OR "b`, "a' & 'b", "\x00", "\xff\xfe", "›name", "·c·saas", "ǅ İ ß ﬁ", "👩‍👩‍👧", strings.Repeat("字", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range append(words(s, true), asked(s)...) {
			if w == "" || !utf8.ValidString(w) || strings.ContainsAny(w, "\"'\\ ()&|!:*^\x00"+nameMark+filterMark) || len(w) > longestWord {
				t.Fatalf("%q gives the word %q", s, w)
			}
		}
	})
}
