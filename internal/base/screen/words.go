package screen

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// word is an entry of a list, written as texts are folded. Followed directly by one of unless it is harmless.
type word struct {
	term   string
	unless []string
}

// voidTerms are standard terms without effect: final interpretation, acceptance by signature, all liability on the
// vendor, no complaints or suits.
var voidTerms = []word{
	{term: "最终解释权"}, {term: "最后解释权"}, {term: "一切解释权"}, {term: "解释权归"},
	{term: "签收即视为质量合格"}, {term: "签收即视为合格"}, {term: "签收即视为认可"}, {term: "签收视为质量合格"}, {term: "付款即视为验收合格"},
	{term: "平台不承担任何责任"}, {term: "一切责任由商家承担"}, {term: "一切责任由服务商承担"}, {term: "全部责任由服务商承担"}, {term: "概不负责"},
	{term: "不得投诉"}, {term: "不得起诉"}, {term: "放弃投诉"}, {term: "放弃起诉"}, {term: "放弃诉讼"}, {term: "放弃追究"},
	{term: "right of final interpretation"}, {term: "final right of interpretation"}, {term: "final interpretation right"},
	{term: "waive the right to complain"}, {term: "waive any right to sue"}, {term: "waive the right to sue"}, {term: "waives the right to sue"},
	{term: "may not file a complaint"}, {term: "signature means acceptance of quality"}, {term: "bear all liability"},
}

// superlatives are words that advertisements may not use, with the technical expressions that only look like them.
var superlatives = []word{
	{term: "国家级", unless: []string{"高新", "实验室", "标准"}},
	{term: "世界级"}, {term: "宇宙级"},
	{term: "最高级", unless: []string{"别"}},
	{term: "最佳", unless: []string{"实践", "化", "适配"}},
	{term: "最好的"}, {term: "最好用"},
	{term: "最优", unless: []string{"化", "解", "路径", "路由"}},
	{term: "最先进"}, {term: "最强大"}, {term: "最专业"}, {term: "最权威"}, {term: "最便宜"}, {term: "最安全"}, {term: "最可靠"}, {term: "最顶级"},
	{term: "顶级", unless: []string{"域名", "目录", "域", "节点", "菜单"}},
	{term: "全网最低"}, {term: "史上最低"}, {term: "全国第一"}, {term: "世界第一"}, {term: "全球第一"}, {term: "行业第一"}, {term: "业界第一"},
	{term: "国内第一"}, {term: "亚洲第一"}, {term: "销量第一"}, {term: "排名第一"}, {term: "第一品牌"}, {term: "全国唯一"}, {term: "行业唯一"}, {term: "业内唯一"},
	{term: "独一无二"}, {term: "绝无仅有"}, {term: "史无前例"}, {term: "前无古人"}, {term: "无与伦比"}, {term: "百分百有效"}, {term: "100%安全"},
	{term: "world's best"}, {term: "world’s best"}, {term: "best in the world"}, {term: "best in china"}, {term: "best in the industry"},
	{term: "world's no.1"}, {term: "number one in the world"}, {term: "the world's leading"}, {term: "100% secure"}, {term: "national-level", unless: []string{" standard", " lab"}},
	{term: "unrivalled"}, {term: "unrivaled"}, {term: "second to none"},
}

func words(f folded, list []word, kind Kind) []Finding {
	var found []Finding
	for _, w := range list {
		if f.ascii && w.term[0] >= utf8.RuneSelf {
			continue
		}
		for at := 0; ; {
			i := strings.Index(f.s[at:], w.term)
			if i < 0 {
				break
			}
			start := at + i
			at = start + len(w.term)
			if !slices.ContainsFunc(w.unless, func(s string) bool { return strings.HasPrefix(f.s[at:], s) }) {
				found = append(found, f.found(kind, start, at, w.term))
			}
		}
	}
	return found
}

// Lexicon is a list of terms that the operator wants a person to look at. The zero Lexicon is empty. It is not changed
// after it is made, so it may be shared.
type Lexicon struct {
	byFirst map[rune][]entry // longest term first
}

type entry struct {
	plain, term string
}

// NewLexicon makes a lexicon. Terms are compared as the screen reads texts; spaces and signs that people put between
// characters to hide a term do not hide it. Latin terms match whole words only. Empty terms are left out.
func NewLexicon(terms []string) Lexicon {
	l := Lexicon{byFirst: map[rune][]entry{}}
	for _, term := range terms {
		plain := tight(fold(term)).s
		if plain == "" {
			continue
		}
		first, _ := utf8.DecodeRuneInString(plain)
		l.byFirst[first] = append(l.byFirst[first], entry{plain, term})
	}
	for _, entries := range l.byFirst {
		slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(len(b.plain), len(a.plain)) })
	}
	return l
}

// Scan returns the terms found, ordered by Start and not overlapping.
func (l Lexicon) Scan(text string) []Finding { return l.find(fold(text)) }

func (l Lexicon) find(f folded) []Finding {
	if len(l.byFirst) == 0 {
		return nil
	}
	var found []Finding
	t := tight(f)
	for at := 0; at < len(t.s); {
		first, size := utf8.DecodeRuneInString(t.s[at:])
		for _, e := range l.byFirst[first] {
			if end := at + len(e.plain); strings.HasPrefix(t.s[at:], e.plain) && t.wholeWord(f, at, end) {
				found = append(found, t.found(Listed, at, end, e.term))
				size = len(e.plain)
				break
			}
		}
		at += size
	}
	return found
}

// tight leaves out what may stand between the characters of a hidden term.
func tight(f folded) folded {
	var out folded
	var s strings.Builder
	for i, r := range f.s {
		if strings.ContainsRune(" \t*_.·-+|/~", r) {
			continue
		}
		size := utf8.RuneLen(r)
		s.WriteRune(r)
		out.from, out.to = append(out.from, f.from[i:i+size]...), append(out.to, f.to[i:i+size]...)
	}
	out.s = s.String()
	return out
}

// wholeWord reports whether a term of t that begins or ends with a Latin letter or a digit does so at the edge of a word
// of f, the text before it was made tight.
func (t folded) wholeWord(f folded, start, end int) bool {
	left, _ := slices.BinarySearch(f.from, t.from[start])
	right, _ := slices.BinarySearch(f.from, t.to[end-1])
	return !(isLatin(t.s, start) && isLatin(f.s, left-1)) && !(isLatin(t.s, end-1) && isLatin(f.s, right))
}

func isLatin(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9')
}
