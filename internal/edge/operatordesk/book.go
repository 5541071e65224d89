package operatordesk

import (
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

func (d desk) book(c *serve.Call) error {
	ctx := c.R.Context()
	var journals []ledger.Journal
	next := ""
	if err := c.Read(func(r db.Reader) error {
		all, cursor, err := ledger.Book(ctx, r, ledger.JournalID(c.R.URL.Query().Get("before")), perPage)
		if cursor != "" {
			next = "/operator/book?before=" + string(cursor)
		}
		journals = all
		return err
	}); err != nil {
		return err
	}
	return show(c, nil, bookPage(d.frame(c, "/operator/book", text.T(ctx, "operatordesk.nav.book")), journals, next))
}

// trialView is the trial balance, and on demand what a second reading of the
// whole book finds.
type trialView struct {
	frame
	totals   []ledger.Total
	checked  bool
	journals int
	wrong    []ledger.Violation
}

func (d desk) trial(c *serve.Call) error {
	ctx := c.R.Context()
	view := trialView{checked: c.R.URL.Query().Has("verify")}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.totals, err = ledger.Trial(ctx, r); err != nil || !view.checked {
			return err
		}
		view.journals, view.wrong, err = ledger.Verify(ctx, r)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/book", text.T(ctx, "operatordesk.trial.title"))
	return show(c, nil, trialPage(view))
}

func (d desk) journal(c *serve.Call) error {
	ctx := c.R.Context()
	var j ledger.Journal
	if err := c.Read(func(r db.Reader) (err error) {
		j, err = ledger.Get(ctx, r, ledger.JournalID(c.R.PathValue("journal")))
		return err
	}); err != nil {
		return err
	}
	return show(c, nil, journalPage(d.frame(c, "/operator/book", text.T(ctx, "desk.posting."+string(j.Kind))), j))
}

type paymentsView struct {
	frame
	queue     []page.QueueItem
	attempts  []payment.Attempt
	next      string
	suspense  []ledger.Total
	transfers []payment.Transfer
}

func (d desk) payments(c *serve.Call) error {
	ctx := c.R.Context()
	var view paymentsView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.queue, err = paymentItems(ctx, r); err != nil {
			return err
		}
		var cursor payment.AttemptID
		if view.attempts, cursor, err = payment.List(ctx, r, payment.AttemptID(c.R.URL.Query().Get("before")), perPage); err != nil {
			return err
		}
		if cursor != "" {
			view.next = "/operator/payments?before=" + string(cursor)
		}
		if view.suspense, err = ledger.Trial(ctx, r); err != nil {
			return err
		}
		view.suspense = slices.DeleteFunc(view.suspense, func(t ledger.Total) bool { return t.Account != ledger.Suspense || t.Amount.IsZero() })
		for name, g := range c.Market.Gateways {
			if g.Capability().Redirect {
				continue
			}
			some, err := payment.Transfers(ctx, r, name)
			if err != nil {
				return err
			}
			view.transfers = append(view.transfers, some...)
		}
		return nil
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/payments", text.T(ctx, "operatordesk.nav.payments"))
	return show(c, nil, paymentsPage(view, c.Now()))
}

type statementsView struct {
	frame
	state   payment.LineState
	tabs    []page.Tab
	lines   []payment.StatementLine
	done    *payment.Imported
	refusal error
	errors  map[string]string
	by      audit.Actor
}

// imports reports whether the reader may import.
func (v statementsView) imports() bool { return v.by.Has(account.Finance) }

var lineStates = []payment.LineState{payment.LineSuspense, payment.LineUnmatched, payment.LineMatching, payment.LineMatched}

func (d desk) statements(c *serve.Call) error { return d.statementsAgain(c, statementsView{}) }

func (d desk) statementsAgain(c *serve.Call, view statementsView) error {
	ctx := c.R.Context()
	if view.state = payment.LineState(c.R.URL.Query().Get("state")); !slices.Contains(lineStates, view.state) {
		view.state = payment.LineUnmatched
	}
	if err := c.Read(func(r db.Reader) (err error) {
		view.lines, err = payment.Lines(ctx, r, view.state, 4*perPage)
		return err
	}); err != nil {
		return err
	}
	for _, s := range lineStates {
		view.tabs = append(view.tabs, page.Tab{Label: text.T(ctx, "operatordesk.line."+string(s)), Href: "/operator/statements?state=" + string(s), Current: s == view.state})
	}
	view.by, view.errors = c.Actor, page.FieldErrors(ctx, view.refusal)
	view.frame = d.frame(c, "/operator/statements", text.T(ctx, "operatordesk.nav.statements"))
	return show(c, view.refusal, statementsPage(view))
}

// importStatement reads a bank statement. Each line counts once, so the same file
// may be sent again; the answer says what was new.
func (d desk) importStatement(c *serve.Call) error {
	file, _, err := c.R.FormFile("statement")
	if err != nil {
		return d.statementsAgain(c, statementsView{refusal: payment.ErrRequired.In("statement")})
	}
	defer file.Close() //nolint:errcheck // read only
	lines, err := d.parse(file)
	var done payment.Imported
	if err == nil {
		done, err = serve.Do(c, serve.Intent{Name: "statement.import", Input: lines}, func(tx *db.Tx) (payment.Imported, error) {
			return payment.ImportStatement(c.R.Context(), tx, c.Actor, lines)
		})
	}
	if err != nil && correctable(err) {
		return d.statementsAgain(c, statementsView{refusal: err})
	}
	if err != nil {
		return err
	}
	return d.statementsAgain(c, statementsView{done: &done})
}
