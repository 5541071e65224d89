// Package screen finds in free text what people should not write there: secrets, ways to pay outside the market, terms
// that are void, banned advertising words, and the words of a lexicon.
//
// It owns the patterns and the pure rules that say what a finding leads to in a private and in a public place. It does not
// own storing, warning, holding or reporting: the caller acts on the verdict and never logs the text that was found.
//
// Always true:
//   - text is read as people see it: full-width and capital forms are the plain ones, invisible characters are nothing;
//   - offsets are bytes of the text as given, on rune boundaries, with Start < End;
//   - findings come in the order of the text, and the same text gives the same findings;
//   - time grows linearly with the text, whatever it holds.
package screen

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Kind says what was found.
type Kind string

// The kinds.
const (
	BankCard    Kind = "bank_card"    // a number that passes the Luhn check and looks like a card
	ResidentID  Kind = "resident_id"  // a resident identity number with the right check character
	Password    Kind = "password"     // the value after a word such as password
	Contact     Kind = "contact"      // a QQ or WeChat number
	PaymentLink Kind = "payment_link" // a link or an address that takes money elsewhere
	BankAccount Kind = "bank_account" // an account number named as one
	OffPlatform Kind = "off_platform" // words that invite to trade outside
	VoidTerm    Kind = "void_term"    // a standard term that has no effect
	Superlative Kind = "superlative"  // a word that advertisements may not use
	Listed      Kind = "listed"       // a term of a Lexicon
)

// Finding is one place in a text: the bytes from Start up to End. Term is the entry of a word list that was hit, and empty
// for patterns, so that it never repeats a person's secret.
type Finding struct {
	Kind       Kind
	Start, End int
	Term       string
}

// Scanner is a way of screening. The zero Scanner knows no lexicon and takes every checkout page for a foreign one.
type Scanner struct {
	OwnHosts []string // "market.example.com": links there and below are ours
	Lexicon  Lexicon
}

// Scan screens with the zero Scanner.
func Scan(text string) []Finding { return Scanner{}.Scan(text) }

// Scan returns everything found in the text, ordered by Start. Findings of different kinds may overlap.
func (s Scanner) Scan(text string) []Finding {
	f := fold(text)
	ids := residentIDs(f)
	found := slices.Concat(
		ids, bankCards(f, ids), passwords(f), contacts(f), paymentLinks(f, s.OwnHosts), bankAccounts(f), offPlatform(f),
		words(f, voidTerms, VoidTerm), words(f, superlatives, Superlative), s.Lexicon.find(f),
	)
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Term, b.Term))
	})
	return slices.Compact(found)
}

// Only returns the findings of the given kinds.
func Only(found []Finding, kinds ...Kind) []Finding {
	var out []Finding
	for _, f := range found {
		if slices.Contains(kinds, f.Kind) {
			out = append(out, f)
		}
	}
	return out
}

// Mask returns the text with a star for every character inside a finding. Findings of another text do no harm.
func Mask(text string, found []Finding) string {
	spans := slices.Clone(found)
	slices.SortFunc(spans, func(a, b Finding) int { return cmp.Compare(a.Start, b.Start) })
	var out strings.Builder
	covered, next := 0, 0 // covered is where the findings seen so far end
	for at, r := range text {
		for next < len(spans) && spans[next].Start <= at {
			covered = max(covered, spans[next].End)
			next++
		}
		switch {
		case at < covered:
			out.WriteByte('*')
		case r == utf8.RuneError:
			_, size := utf8.DecodeRuneInString(text[at:])
			out.WriteString(text[at : at+size])
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// folded is a text as the patterns read it, with the way back: from and to give, for each byte of s, where the rune that
// it stems from begins and ends in the original.
type folded struct {
	s        string
	from, to []int
	ascii    bool // nothing in s is beyond ASCII
}

// fold lower-cases and NFKC-normalises rune by rune and leaves invisible characters out.
func fold(text string) folded {
	f := folded{from: make([]int, 0, len(text)), to: make([]int, 0, len(text)), ascii: true}
	var s strings.Builder
	s.Grow(len(text))
	for at := 0; at < len(text); {
		if b := text[at]; b < utf8.RuneSelf {
			if b >= 'A' && b <= 'Z' {
				b += 'a' - 'A'
			}
			s.WriteByte(b)
			f.from, f.to = append(f.from, at), append(f.to, at+1)
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		plain := foldRune(r)
		f.ascii = f.ascii && len(plain) <= 1
		s.WriteString(plain)
		for range len(plain) {
			f.from, f.to = append(f.from, at), append(f.to, at+size)
		}
		at += size
	}
	f.s = s.String()
	return f
}

func foldRune(r rune) string {
	switch {
	case r < utf8.RuneSelf:
		return string(unicode.ToLower(r))
	case r >= 0x4e00 && r <= 0x9fff: // the common Han block is its own normal form
		return string(r)
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
		return ""
	}
	return strings.ToLower(norm.NFKC.String(string(r)))
}

// hasAny is the cheap question before an expensive pattern: without one of these pieces it cannot match.
func (f folded) hasAny(pieces ...string) bool {
	return slices.ContainsFunc(pieces, func(p string) bool { return strings.Contains(f.s, p) })
}

// hasDigits reports whether there are at least n ASCII digits, wherever they stand.
func (f folded) hasDigits(n int) bool {
	for i := 0; i < len(f.s) && n > 0; i++ {
		if digitAt(f.s, i) {
			n--
		}
	}
	return n <= 0
}

// hasRun reports whether there is a run of at least n ASCII letters and digits.
func (f folded) hasRun(n int) bool {
	run := 0
	for i := 0; i < len(f.s) && run < n; i++ {
		if b := f.s[i]; b >= 'a' && b <= 'z' || b >= '0' && b <= '9' {
			run++
		} else {
			run = 0
		}
	}
	return run >= n
}

// found makes a finding of the folded bytes from start up to end.
func (f folded) found(kind Kind, start, end int, term string) Finding {
	return Finding{kind, f.from[start], f.to[end-1], term}
}
