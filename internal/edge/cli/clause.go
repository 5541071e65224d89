package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/cli/clauseindex"
)

// ClauseCmd is `yunshi clause [ID]`: where a clause of the agreement lives in the
// program. Without an id it lists all clauses with their status.
type ClauseCmd struct {
	ID       string `arg:"" optional:"" help:"A clause such as 4.3, or a law such as \"ECL 58\"; all clauses when absent."`
	Markdown bool   `help:"Write the whole index as Markdown, as in docs/clauses.md."`
}

// Run writes the answer to the standard output.
func (c *ClauseCmd) Run(e *Env) error {
	index := clauseindex.Load()
	switch {
	case c.Markdown:
		_, err := io.WriteString(e.Out, index.Markdown())
		return err
	case c.ID == "":
		return listClauses(e.Out, e.Lang, index)
	}
	return printClause(e.Out, e.Lang, index, c.ID)
}

var errNoClause = fault.New(fault.NotFound, "CLAUSE_UNKNOWN", "")

// listClauses writes one line a clause and the count of each status.
func listClauses(w io.Writer, lang text.Lang, x clauseindex.Index) error {
	var b strings.Builder
	for _, c := range x.Clauses {
		fmt.Fprintf(&b, "%-6s %s %s\n", c.ID, padded(status(lang, c), 8), title(lang, c))
	}
	fmt.Fprintf(&b, "\n%s\n", text.In(lang, "clause.count", "Total", len(x.Clauses),
		"Done", x.Count(clauseindex.Done), "Shown", x.Count(clauseindex.Shown), "Partly", x.Count(clauseindex.Partly), "NotYet", x.Count(clauseindex.NotYet)))
	_, err := io.WriteString(w, b.String())
	return err
}

// printClause writes everything the index knows about one clause, and says "not
// yet" for each part it knows nothing about. It refuses CLAUSE_UNKNOWN.
func printClause(w io.Writer, lang text.Lang, x clauseindex.Index, id string) error {
	c, ok := x.Find(id)
	if !ok {
		return errNoClause.In("id")
	}
	var b strings.Builder
	if c.ZH == "" { // a law: it has no status, because its tests have no names of their own
		fmt.Fprintf(&b, "%s\n", c.ID)
	} else {
		fmt.Fprintf(&b, "%s  %s  [%s]\n", c.ID, title(lang, c), status(lang, c))
	}
	part := func(name string, lines []string) {
		fmt.Fprintf(&b, "\n%s\n", text.In(lang, "clause."+name))
		if len(lines) == 0 {
			none := "clause.none"
			if c.Status() == clauseindex.Shown {
				none = "clause.no_rule"
			}
			lines = []string{text.In(lang, none)}
		}
		for _, line := range lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	var rules, refusals, tests []string
	for _, r := range c.Rules {
		rules = append(rules, r.Place.String()+"  "+r.Function, "    "+r.Says)
	}
	for _, r := range c.Refusals {
		refusals = append(refusals, r.Place.String()+"  "+r.Code, "    "+text.In(lang, "fault."+r.Code))
	}
	for _, t := range c.Tests {
		tests = append(tests, t.Place.String()+"  "+t.Name)
		for _, name := range slices.Concat(t.Allowed, t.Refused, t.Shown) {
			tests = append(tests, "    "+name)
		}
	}
	part("rules", rules)
	part("refusals", refusals)
	if c.ZH != "" {
		part("tests", tests)
	}
	if len(c.Missing) > 0 {
		part("missing", c.Missing)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func status(lang text.Lang, c clauseindex.Clause) string {
	return text.In(lang, "clause.status."+string(c.Status()))
}

func title(lang text.Lang, c clauseindex.Clause) string {
	if lang == text.EN {
		return cmp.Or(c.EN, c.ZH)
	}
	return cmp.Or(c.ZH, c.EN)
}

// padded fills a text to a width in terminal columns, where a Chinese character
// takes two.
func padded(s string, width int) string {
	for _, r := range s {
		width--
		if r > 0x2E7F {
			width--
		}
	}
	return s + strings.Repeat(" ", max(width, 0))
}
