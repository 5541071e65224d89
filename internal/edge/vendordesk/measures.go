package vendordesk

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/order"
)

// measuresView is what was decided against the vendor, and what it reported.
type measuresView struct {
	frame
	cases   []enforcement.Case
	reports []enforcement.Case
}

func (d desk) measures(c *serve.Call) error {
	ctx := c.R.Context()
	var view measuresView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.cases, err = enforcement.OfSubject(ctx, r, c.Account(), perPage); err != nil {
			return err
		}
		view.reports, err = enforcement.Reports(ctx, r, c.Actor, perPage)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/measures", text.T(ctx, "vendordesk.nav.measures"))
	return d.show(c, http.StatusOK, measuresPage(view))
}

func caseRows(ctx context.Context, all []enforcement.Case) (rows [][]templ.Component) {
	for _, k := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/measures/"+string(k.ID), text.T(ctx, "enforcement.case.title", "What", page.BreachWord(ctx, k.Violation))), page.CaseChip(string(k.State)), page.Time(k.ServedAt), page.Time(k.AppealUntil),
		})
	}
	return rows
}

func reportRows(ctx context.Context, all []enforcement.Case) (rows [][]templ.Component) {
	for _, k := range all {
		rows = append(rows, []templ.Component{
			page.Str(text.T(ctx, "enforcement.case.title", "What", page.BreachWord(ctx, k.Violation))), page.Chip(page.CaseTone(string(k.State)), text.T(ctx, "enforcement.reported."+string(k.State))), page.ID(string(k.Right)), page.Time(k.OpenedAt),
		})
	}
	return rows
}

func (d desk) measure(c *serve.Call) error { return d.measureAgain(c, nil) }

func (d desk) measureAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), enforcement.ID(c.R.PathValue("case"))
	shown, err := c.CaseOf(id, "/vendor/measures/"+string(id), freshKey(), page.FieldErrors(ctx, refusal))
	if err != nil {
		return err
	}
	f := d.frame(c, "/vendor/measures", text.T(ctx, "enforcement.case.title", "What", page.BreachWord(ctx, shown.Violation)))
	return d.shown(c, refusal, measurePage(f, shown, refusal, c.Now()))
}

// onMeasure is an appeal, the wish for a person, or the word on an order.
func (d desk) onMeasure(do string) serve.Handler {
	return func(c *serve.Call) error {
		id := enforcement.ID(c.R.PathValue("case"))
		err := c.OnCase(id, do)
		switch {
		case err == nil:
			return c.Redirect("/vendor/measures/" + string(id))
		case correctable(err):
			return d.measureAgain(c, err)
		}
		return err
	}
}

// reportView is the form by which a vendor reports what was done to its product.
type reportView struct {
	frame
	form    map[string]string
	types   []page.Option
	errors  map[string]string
	refusal error
	key     string
}

func (d desk) newReport(c *serve.Call) error { return d.reportAgain(c, nil) }

func (d desk) reportAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := reportView{form: map[string]string{}, errors: page.FieldErrors(ctx, refusal), refusal: refusal, key: freshKey()}
	for _, name := range []string{"order", "violation", "facts", "title", "url", "evidence"} {
		view.form[name] = c.R.FormValue(name)
	}
	if err := c.Read(func(r db.Reader) error {
		types, err := enforcement.Types(ctx, r)
		for clause, t := range types {
			if t.Product {
				view.types = append(view.types, page.Option{Value: clause, Label: page.BreachWord(ctx, clause)})
			}
		}
		slices.SortFunc(view.types, func(a, b page.Option) int { return strings.Compare(a.Value, b.Value) })
		view.types = append([]page.Option{page.Choose(ctx)}, view.types...)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/measures", text.T(ctx, "enforcement.report.title"))
	return d.shown(c, refusal, reportPage(view))
}

func (d desk) sendReport(c *serve.Call) error {
	ctx := c.R.Context()
	form := func(name string) string { return strings.TrimSpace(c.R.PostFormValue(name)) }
	in := enforcement.Complaint{Order: order.ID(form("order")), Violation: form("violation"), Facts: form("facts")}
	if form("evidence") != "" {
		in.Evidence = []enforcement.Item{{Kind: enforcement.Report, Title: form("title"), URL: form("url"), Content: []byte(form("evidence"))}}
	}
	err := serve.Act(c, serve.Intent{Name: "enforcement.report", Input: []any{in, form("facts"), form("evidence")}, Subjects: []string{form("order")}, Clauses: []string{"UA 4.9"}}, func(tx *db.Tx) error {
		_, err := enforcement.ReportRight(ctx, tx, c.Actor, in)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/vendor/measures")
	case correctable(err), errors.Is(err, enforcement.ErrNotHolder):
		return d.reportAgain(c, err)
	}
	return err
}
