package agreement

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
)

// Whole returns the documents in force with their texts: the agreement, the
// rulebooks, and the privacy notice, which is beside the bundle.
func Whole(ctx context.Context, r db.Reader) ([]Version, error) {
	b, err := Current(ctx, r)
	if err != nil {
		return nil, err
	}
	var out []Version
	for _, one := range b.Documents() {
		v, err := ReadDocument(ctx, r, one.Code, one.Number)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	notice, err := ReadDocument(ctx, r, PrivacyNotice, 0)
	if err != nil {
		return nil, err
	}
	return append(out, notice), nil
}

// Hit is a clause in force that holds what was searched for.
type Hit struct {
	Document Version // without its clauses
	Clause   Clause
	Excerpt  string
}

// Search finds the clauses in force that hold every word of a query, in the order
// of the texts. A number finds the clause that has it.
func Search(ctx context.Context, r db.Reader, query string, l text.Lang) ([]Hit, error) {
	terms := strings.Fields(strings.ToLower(query))
	if len(terms) == 0 {
		return nil, nil
	}
	all, err := Whole(ctx, r)
	if err != nil {
		return nil, err
	}
	var out []Hit
	for _, v := range all {
		for _, c := range v.Clauses {
			if !holds(c, l, terms) {
				continue
			}
			hit := Hit{Document: v, Clause: c, Excerpt: excerpt(c.Text.In(l), terms[0])}
			hit.Document.Clauses, hit.Document.Source = nil, nil
			out = append(out, hit)
		}
	}
	return out, nil
}

func holds(c Clause, l text.Lang, terms []string) bool {
	words := strings.ToLower(c.Title.In(l) + "\n" + c.Text.In(l))
	for _, t := range terms {
		if !strings.Contains(words, t) && strings.ToLower(c.ID) != t {
			return false
		}
	}
	return true
}

// excerpt is the neighbourhood of the first place of a term.
func excerpt(s, term string) string {
	const around = 60
	runes, lower := []rune(s), []rune(strings.ToLower(s))
	at := strings.Index(string(lower), term)
	at = max(0, len([]rune(string(lower)[:max(0, at)])))
	from, to := max(0, at-around), min(len(runes), at+2*around)
	out := string(runes[min(from, len(runes)):to])
	if from > 0 {
		out = "…" + out
	}
	if to < len(runes) {
		out += "…"
	}
	return out
}

// Stage is one wording of a clause and the versions that have it.
type Stage struct {
	From   Version // the first version with this wording, without its text
	Until  time.Time
	Clause Clause // zero: these versions do not have the clause
}

// History returns how a clause was worded, newest first. NOT_FOUND when no version
// of the document ever had it.
func History(ctx context.Context, r db.Reader, code, clause string) ([]Stage, error) {
	versions, err := Versions(ctx, r, code)
	if err != nil {
		return nil, err
	}
	var out []Stage
	known := false
	for _, one := range versions {
		v, err := ReadDocument(ctx, r, code, one.Number)
		if err != nil {
			return nil, err
		}
		c := Clause{}
		for _, has := range v.Clauses {
			if has.ID == clause {
				c, known = has, true
			}
		}
		v.Clauses, v.Chapters, v.Source = nil, nil, nil
		if n := len(out); n > 0 && out[n-1].Clause == c {
			out[n-1].From = v // worded so from an earlier version on
			continue
		}
		out = append(out, Stage{From: v, Until: v.SupersededAt, Clause: c})
	}
	if !known {
		return nil, ErrNotFound
	}
	return out, nil
}

// KeptUntil is until when a replaced version stays in the archive at least, by the
// rulebook. Nothing removes it afterwards either.
func KeptUntil(ctx context.Context, r db.Reader, v Version) (time.Time, error) {
	if v.SupersededAt.IsZero() {
		return time.Time{}, nil
	}
	rule, err := Setting[struct{ Years int }](ctx, r, "rule_archive")
	return v.SupersededAt.AddDate(rule.Years, 0, 0), err
}
