// Package clauseindex says for every clause of the user agreement where the
// program keeps its rule, what it refuses and which tests prove it.
//
// The index is made from the sources by the test of this package and committed
// as clauses.json, so that a binary far from its sources knows file and line. The
// test fails when the file is not what the sources give.
//
//	rule     a function with a line "Clause: UA 4.3 (what it says)." in its comment
//	refusal  a fault that names the clause
//	test     a test function named after the clause, TestClause_4_3_…, with the
//	         cases it allows, those it refuses and those that find its text on a
//	         page; it proves on both engines where it reaches testkit.Engines
//	not yet  a row of that section of docs/divergences.md
//
// Owns: the form of the index and its Markdown. Does not own: the clauses (package
// agreement) and how the index is shown on a terminal (package cli).
//
// Always true: every clause of the agreement is in the index once, in the order of
// the agreement; a clause without a rule or without an allowed and a refused case on
// both engines is never called done; only a row that [NotSoftware] names is called
// shown, and only when a test of the pages finds its text.
package clauseindex

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Index is every clause the agreement has or the sources name. Laws are those
// of other sources: articles of laws and rules of rulebooks.
type Index struct {
	Clauses []Clause `json:"clauses"`
	Laws    []Clause `json:"laws"`
}

// Clause is one row. The title is empty for laws. Missing is what people wrote
// about the parts that are not there yet.
type Clause struct {
	ID       string    `json:"id"` // "4.3", or "ECL 58"
	ZH       string    `json:"zh,omitempty"`
	EN       string    `json:"en,omitempty"`
	Rules    []Rule    `json:"rules,omitempty"`
	Refusals []Refusal `json:"refusals,omitempty"`
	Tests    []Test    `json:"tests,omitempty"`
	Missing  []string  `json:"missing,omitempty"`
}

// Place is a line of a source file, its path from the root of the repository.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// String returns "internal/market/order/rules.go:12".
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Rule is one function that keeps a part of a clause.
type Rule struct {
	Place
	Function string `json:"function"` // "entitlement.mayUse"
	Says     string `json:"says"`
}

// Refusal is a fault that names the clause.
type Refusal struct {
	Place
	Code string `json:"code"`
}

// Test proves a clause. Its cases are the names of its subtests. Shown are those
// that find a text on a page; Engines, that the test runs on both engines.
type Test struct {
	Place
	Name    string   `json:"name"`
	Allowed []string `json:"allowed,omitempty"`
	Refused []string `json:"refused,omitempty"`
	Shown   []string `json:"shown,omitempty"`
	Engines bool     `json:"engines,omitempty"`
}

// proves reports whether the test has a case at all.
func (t Test) proves() bool { return len(t.Allowed)+len(t.Refused)+len(t.Shown) > 0 }

// NotSoftware are the rows whose core is no rule: a statement that people read, an
// act outside the market, or an exemption that people judge. Without a rule such a
// row is complete when it is shown.
var NotSoftware = strings.Fields("P-1 3.3 4.7.4 4.9.1 4.9.2 5.5 7.1 7.2 7.3 9.3 9.4")

// Status is how far a clause is built.
type Status string

// The states of a clause. Done has a rule, an allowed and a refused case on both
// engines, and nothing noted as missing. Shown is a row of [NotSoftware] without a
// rule of its own whose text a test finds on a page, with nothing noted. Partly has
// a rule and a test with a case, but a case lacks or something is noted. All others
// are NotYet.
const (
	Done   Status = "done"
	Shown  Status = "shown"
	Partly Status = "partly"
	NotYet Status = "not_yet"
)

// Status says how far the clause is built, from what is in the index alone.
func (c Clause) Status() Status {
	any := func(is func(Test) bool) bool { return slices.ContainsFunc(c.Tests, is) }
	switch {
	case len(c.Rules) == 0 && len(c.Missing) == 0 && slices.Contains(NotSoftware, c.ID) && any(func(t Test) bool { return len(t.Shown) > 0 }):
		return Shown
	case len(c.Rules) == 0 || !any(Test.proves):
		return NotYet
	case len(c.Missing) > 0,
		!any(func(t Test) bool { return t.Engines && len(t.Allowed) > 0 }),
		!any(func(t Test) bool { return t.Engines && len(t.Refused) > 0 }):
		return Partly
	}
	return Done
}

// Complete reports whether nothing of the clause is left to build.
func (c Clause) Complete() bool { return c.Status() == Done || c.Status() == Shown }

//go:embed clauses.json
var committed []byte

// Load returns the index in the binary.
var Load = sync.OnceValue(func() Index {
	var x Index
	if err := json.Unmarshal(committed, &x); err != nil {
		panic(fmt.Sprintf("clauseindex: %v", err)) // the test decodes the same bytes
	}
	return x
})

// Find returns a clause by its id as people write it: "4.3", "UA 4.3", "ecl 58".
func (x Index) Find(id string) (Clause, bool) {
	want := strings.ToUpper(strings.Join(strings.Fields(id), " "))
	want = strings.TrimPrefix(want, "UA ")
	for _, c := range slices.Concat(x.Clauses, x.Laws) {
		if strings.ToUpper(c.ID) == want {
			return c, true
		}
	}
	return Clause{}, false
}

// Count returns how many clauses of the agreement have the status.
func (x Index) Count(s Status) int {
	n := 0
	for _, c := range x.Clauses {
		if c.Status() == s {
			n++
		}
	}
	return n
}

// Markdown is the whole index as docs/clauses.md, with links from that directory.
func (x Index) Markdown() string {
	var b strings.Builder
	b.WriteString("# Clauses\n\n" +
		"Made by `make clauses` from the sources; a test fails when it is stale. Do not edit.\n\n" +
		"*done*: a rule, an allowed and a refused case on both engines, and nothing noted as missing.\n" +
		"*shown*: not software; a test finds the text on the pages, and nothing is noted as missing.\n" +
		"*partly*: a rule and a test, but a case lacks or [divergences.md](divergences.md) notes something.\n" +
		"*not yet*: no rule, or no test with a case that is named after the clause.\n\n" +
		"Behind a test: cases allowed, refused and shown on a page; *both engines* where it runs on SQLite and PostgreSQL.\n\n")
	fmt.Fprintf(&b, "%d clauses: %d done, %d shown, %d partly, %d not yet.\n\n",
		len(x.Clauses), x.Count(Done), x.Count(Shown), x.Count(Partly), x.Count(NotYet))
	b.WriteString("| clause | title | status | rules | refusals | tests |\n|---|---|---|---|---|---|\n")
	for _, c := range x.Clauses {
		fmt.Fprintf(&b, "| %s | %s<br>%s | %s | %s | %s | %s |\n", c.ID, cell(c.ZH), cell(c.EN),
			strings.ReplaceAll(string(c.Status()), "_", " "), rules(c), refusals(c), tests(c))
	}
	b.WriteString("\n## Laws and rulebooks\n\nECL: E-Commerce Law. PIPL: Personal Information Protection Law. CSL: Cybersecurity Law. " +
		"AL: Advertising Law. SPC: provisions of the Supreme People's Court on online consumption. RB: a rulebook of the operator.\n\n" +
		"| source | rules | refusals |\n|---|---|---|\n")
	for _, c := range x.Laws {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.ID, rules(c), refusals(c))
	}
	return b.String()
}

func rules(c Clause) string {
	return cells(c.Rules, func(r Rule) string { return link(r.Function, r.Place) + ": " + cell(r.Says) })
}

func refusals(c Clause) string {
	return cells(c.Refusals, func(r Refusal) string { return link(r.Code, r.Place) })
}

func tests(c Clause) string {
	return cells(c.Tests, func(t Test) string {
		var cases []string
		for _, of := range []struct {
			names []string
			word  string
		}{{t.Allowed, "allowed"}, {t.Refused, "refused"}, {t.Shown, "shown"}} {
			if len(of.names) > 0 {
				cases = append(cases, fmt.Sprintf("%d %s", len(of.names), of.word))
			}
		}
		if t.Engines {
			cases = append(cases, "both engines")
		}
		if len(cases) == 0 {
			return link(t.Name, t.Place)
		}
		return fmt.Sprintf("%s (%s)", link(t.Name, t.Place), strings.Join(cases, ", "))
	})
}

func cells[T any](all []T, show func(T) string) string {
	parts := make([]string, len(all))
	for i, v := range all {
		parts[i] = show(v)
	}
	return strings.Join(parts, "<br>")
}

func link(name string, p Place) string {
	return fmt.Sprintf("[`%s`](../%s#L%d)", name, p.File, p.Line)
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
