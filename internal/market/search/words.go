package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Signs that no tokenised word contains: they mark the words of a name and the
// words that stand for filters. Neither engine takes them for a separator.
const (
	nameMark   = "›"
	filterMark = "·"
)

const (
	longestWord  = 64 // bytes; longer words are cut
	mostWords    = 16 // of a query; the rest is left out
	longestQuery = 256
)

// words splits a text. Chinese runs become their overlapping pairs; a run of one
// character becomes that character, and with singles every character is a word
// besides.
func words(s string, singles bool) []string {
	var out []string
	var word []rune
	var han []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, cut(string(word)))
			word = word[:0]
		}
		if len(han) == 1 && !singles {
			out = append(out, string(han))
		}
		for i := range han {
			if singles {
				out = append(out, string(han[i]))
			}
			if i > 0 {
				out = append(out, string(han[i-1:i+1]))
			}
		}
		han = han[:0]
	}
	for _, r := range norm.NFKC.String(s) {
		switch {
		case unicode.Is(unicode.Han, r):
			if len(word) > 0 {
				flush()
			}
			han = append(han, r)
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) && len(word) > 0:
			if len(han) > 0 {
				flush()
			}
			word = append(word, unicode.ToLower(r))
		default:
			flush()
		}
	}
	flush()
	return out
}

// cut shortens a word to what an index takes, on a character's edge.
func cut(word string) string {
	if len(word) <= longestWord {
		return word
	}
	end := longestWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// asked is what a query's text asks for, without repetition.
func asked(s string) []string {
	if len(s) > longestQuery {
		s = strings.ToValidUTF8(s[:longestQuery], "")
	}
	var out []string
	for _, w := range words(s, false) {
		if !slices.Contains(out, w) && len(out) < mostWords {
			out = append(out, w)
		}
	}
	return out
}

// filter is the word that stands for a value of a filter, such as category "saas".
func filter(kind, value string) string {
	return filterMark + kind + filterMark + strings.Map(func(r rune) rune {
		switch {
		case r >= utf8.RuneSelf || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		case r == '_':
			return '·'
		}
		return '‐'
	}, value)
}

// cond is a condition on the words of a document: all of them, and not all of
// without together.
type cond struct{ all, without []string }

// fts is the condition in the language of FTS5. Words hold no quotes.
func (c cond) fts() string {
	s := `"` + strings.Join(c.all, `" AND "`) + `"`
	if len(c.without) > 0 {
		s = `(` + s + `) NOT ("` + strings.Join(c.without, `" AND "`) + `")`
	}
	return s
}

// tsquery is the condition in the language of PostgreSQL. Words hold no quotes.
func (c cond) tsquery() string {
	s := `'` + strings.Join(c.all, `' & '`) + `'`
	if len(c.without) > 0 {
		s += ` & !('` + strings.Join(c.without, `' & '`) + `')`
	}
	return s
}

// marked puts the name mark in front of every word.
func marked(ws []string) []string {
	out := make([]string, len(ws))
	for i, w := range ws {
		out[i] = nameMark + w
	}
	return out
}
