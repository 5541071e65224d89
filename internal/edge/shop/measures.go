package shop

import (
	"context"
	"net/http"
	"slices"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/order"
)

const measuresPath = page.AccountPath + "/measures"

// measuresView is what was decided against the reader's account.
type measuresView struct {
	Cases []enforcement.Case
	Ended *enforcement.Termination
}

func measures(c *serve.Call) error {
	ctx := c.R.Context()
	var v measuresView
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Cases, err = enforcement.OfSubject(ctx, r, c.Account(), 100); err != nil {
			return err
		}
		v.Ended, err = endOf(ctx, r, c)
		return err
	}); err != nil {
		return err
	}
	frame := chrome(c, text.T(ctx, "enforcement.mine.title"), page.Link{Label: text.T(ctx, "base.account"), Href: page.AccountPath})
	return show(c, http.StatusOK, measuresPage(frame, v))
}

// endOf is the end of the reader's agreement; nil when it stands.
func endOf(ctx context.Context, r db.Reader, c *serve.Call) (*enforcement.Termination, error) {
	t, err := enforcement.TerminationOf(ctx, r, c.Account())
	if err == nil {
		return &t, nil
	}
	if serve.Status(err) == http.StatusNotFound {
		return nil, nil
	}
	return nil, err
}

func caseRows(ctx context.Context, cases []enforcement.Case) (rows [][]templ.Component) {
	for _, k := range cases {
		rows = append(rows, []templ.Component{
			page.Anchor(measuresPath+"/"+string(k.ID), text.T(ctx, "enforcement.case.title", "What", page.BreachWord(ctx, k.Violation))), page.CaseChip(string(k.State)), page.Time(k.ServedAt), page.Time(k.AppealUntil),
		})
	}
	return rows
}

func measure(c *serve.Call) error { return measureAgain(c, nil) }

// measureAgain shows a case of the reader, after a refusal with what was typed.
func measureAgain(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), enforcement.ID(c.R.PathValue("case"))
	at := measuresPath + "/" + string(id)
	shown, err := c.CaseOf(id, at, keptKey(c), page.FieldErrors(ctx, failed))
	if err != nil {
		return err
	}
	frame := chrome(c, text.T(ctx, "enforcement.case.title", "What", page.BreachWord(ctx, shown.Violation)),
		page.Link{Label: text.T(ctx, "base.account"), Href: page.AccountPath}, page.Link{Label: text.T(ctx, "enforcement.mine.title"), Href: measuresPath})
	frame.Path = at
	return show(c, refusalStatus(failed), measurePage(frame, shown, refusal(c, failed, shown.Words), c.Now()))
}

// onMeasure is an appeal, the wish for a person, or the word on an order.
func onMeasure(do string) serve.Handler {
	return func(c *serve.Call) error {
		id := enforcement.ID(c.R.PathValue("case"))
		err := c.OnCase(id, do)
		switch {
		case err == nil:
			return c.Redirect(measuresPath + "/" + string(id))
		case correctable(err):
			return measureAgain(c, err)
		}
		return err
	}
}

// sanctions is the public list of measures against vendors.
func sanctions(c *serve.Call) error {
	ctx := c.R.Context()
	var all []enforcement.Sanction
	if err := c.Read(func(r db.Reader) (err error) {
		all, err = enforcement.Board(ctx, r, enforcement.MeasureID(c.R.FormValue("before")), sanctionsPerPage+1)
		return err
	}); err != nil {
		return err
	}
	v := sanctionsView{}
	if len(all) > sanctionsPerPage {
		all = all[:sanctionsPerPage]
		v.Pages.Next = "/sanctions?before=" + string(all[len(all)-1].Measure)
	}
	for _, s := range all {
		if s.Current(c.Now()) {
			v.Current = append(v.Current, s)
		} else {
			v.Past = append(v.Past, s)
		}
	}
	return show(c, http.StatusOK, sanctionsPage(chrome(c, text.T(ctx, "enforcement.board.title"), rulesCrumb(c)), v))
}

const sanctionsPerPage = 100

type sanctionsView struct {
	Current, Past []enforcement.Sanction
	Pages         page.Pages
}

func sanctionRows(ctx context.Context, all []enforcement.Sanction) (rows [][]templ.Component) {
	l := text.From(ctx)
	for _, s := range all {
		rows = append(rows, []templ.Component{page.Str(s.Name), page.ClauseChip(s.Clause), sanctionSays(l, s), page.Date(s.From), sanctionEnd(s)})
	}
	return rows
}

func sanctionColumns(ctx context.Context) []page.Column {
	return []page.Column{
		{Label: text.T(ctx, "enforcement.board.vendor")}, {Label: text.T(ctx, "enforcement.rule")}, {Label: text.T(ctx, "enforcement.page.measures")},
		{Label: text.T(ctx, "enforcement.board.from")}, {Label: text.T(ctx, "enforcement.board.until")},
	}
}

// blocked shows what stands where a product stood that a case has blocked: to
// others a tombstone, to its vendor the reason. False: it is not blocked.
func blocked(c *serve.Call, slugged enforcement.Content) (shown bool, err error) {
	ctx := c.R.Context()
	var stone enforcement.Tombstone
	if err := c.Read(func(r db.Reader) (err error) {
		stone, shown, err = enforcement.TombstoneOf(ctx, r, slugged)
		return err
	}); err != nil || !shown {
		return false, err
	}
	own := ""
	if stone.Owner == c.Account() && c.SignedIn() {
		own = "/vendor/measures/" + string(stone.Case)
	}
	return true, show(c, http.StatusUnavailableForLegalReasons, tombstonePage(chrome(c, text.T(ctx, "enforcement.tombstone.title")), stone, own))
}

// protection are the clauses that protect the vendor's rights in a product, as
// they stand in the agreement in force.
func protection(ctx context.Context, r db.Reader) ([]agreement.Clause, error) {
	v, err := agreement.Read(ctx, r, 0)
	return slices.DeleteFunc(v.Clauses, func(k agreement.Clause) bool { return !slices.Contains(order.LicenceClauses, k.ID) }), err
}
