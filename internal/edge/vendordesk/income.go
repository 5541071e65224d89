package vendordesk

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

// currency is the one in which vendors are stated and paid.
const currency = money.CNY

// fewRows is how many releases and withdrawals the income page shows.
const fewRows = 10

// collected is the money of an order on its way to its seller.
type collected struct {
	settlement.Collection
	name   string       // of the product
	amount money.Amount // for the vendor: expected, or got so far
}

// ownAccount is an account of the vendor's that can be paid to, with what would
// happen now.
type ownAccount struct {
	vendor.Merchant
	settlement.Outlook
}

// hold is money that is frozen, with the order it is about where there is one.
type hold struct {
	ledger.Holding
	order string
}

type incomeView struct {
	frame
	settlement.Income
	missing     money.Amount // of the deposit
	holds       []hold
	upcoming    []collected
	released    []collected
	months      page.Series
	accounts    []ownAccount
	withdrawals []settlement.Withdrawal
	more        bool // older withdrawals are not in the list
	operator    string
	refusal     error
	errors      map[string]string
	amount      string // as typed
	gateway     string
	key         string
	now         time.Time
}

func (d desk) income(c *serve.Call) error { return d.incomeAgain(c, nil) }

func (d desk) incomeAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := incomeView{
		refusal: refusal, errors: page.FieldErrors(ctx, refusal), amount: c.R.PostFormValue("amount"), gateway: c.R.PostFormValue("gateway"),
		key: freshKey(), operator: c.Market.Info.Operator, now: c.Now(),
	}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if view.Income, err = settlement.IncomeOf(ctx, r, v.ID, currency); err != nil {
			return err
		}
		if view.missing, err = vendor.DepositMissing(ctx, r, v.ID); err != nil {
			return err
		}
		if view.holds, err = holds(ctx, r, view.Holds); err != nil {
			return err
		}
		next, err := settlement.Upcoming(ctx, r, v.ID, fewRows)
		if err != nil {
			return err
		}
		if view.upcoming, err = collections(ctx, r, v.ID, next, ledger.Line.Expected); err != nil {
			return err
		}
		last, err := settlement.LastReleased(ctx, r, v.ID, fewRows)
		if err != nil {
			return err
		}
		if view.released, err = collections(ctx, r, v.ID, last, ledger.Line.Payable); err != nil {
			return err
		}
		if view.months, err = incomeByMonth(ctx, r, v.ID); err != nil {
			return err
		}
		if view.accounts, err = accounts(ctx, r, v.ID, view.Withdrawable); err != nil {
			return err
		}
		if view.withdrawals, err = settlement.Withdrawals(ctx, r, v.ID, settlement.WithdrawalID(c.R.URL.Query().Get("before")), fewRows+1); err != nil {
			return err
		}
		if view.more = len(view.withdrawals) > fewRows; view.more {
			view.withdrawals = view.withdrawals[:fewRows]
		}
		return nil
	}); err != nil {
		return err
	}
	if refusal == nil && view.amount == "" {
		view.amount = view.Withdrawable.Plain()
	}
	view.frame = d.frame(c, "/vendor/income", text.T(ctx, "vendordesk.nav.income"))
	return d.shown(c, refusal, incomePage(view))
}

// collections names what was sold and works out the vendor's part.
func collections(ctx context.Context, r db.Reader, v vendor.ID, all []settlement.Collection, part func(ledger.Line) money.Amount) ([]collected, error) {
	out := make([]collected, 0, len(all))
	for _, c := range all {
		o, err := order.OfVendor(ctx, r, v, c.Order)
		if err != nil {
			return nil, err
		}
		content, err := o.Content()
		if err != nil {
			return nil, err
		}
		l, err := ledger.LineOf(ctx, r, c.Line)
		if err != nil {
			return nil, err
		}
		out = append(out, collected{c, content.Name.In(text.From(ctx)), part(l)})
	}
	return out, nil
}

// holds finds the order behind each reason for which money is frozen.
func holds(ctx context.Context, r db.Reader, all []ledger.Holding) ([]hold, error) {
	out := make([]hold, 0, len(all))
	for _, h := range all {
		one := hold{Holding: h}
		switch kind, _, _ := strings.Cut(h.Party, "_"); kind {
		case "lin":
			c, err := settlement.CollectionOf(ctx, r, h.Party)
			if err != nil {
				return nil, err
			}
			one.order = string(c.Order)
		case "dsp":
			of, err := payment.GetDispute(ctx, r, payment.DisputeID(h.Party))
			if err != nil {
				return nil, err
			}
			one.order = of.Order
		}
		out = append(out, one)
	}
	return out, nil
}

// accounts are the vendor's own accounts with what would happen to a withdrawal.
func accounts(ctx context.Context, r db.Reader, v vendor.ID, x money.Amount) ([]ownAccount, error) {
	merchants, err := vendor.Merchants(ctx, r, v)
	if err != nil {
		return nil, err
	}
	all := make([]ownAccount, 0, len(merchants))
	for _, m := range merchants {
		o, err := settlement.Foresee(ctx, r, v, m.Provider, x)
		if err != nil {
			return nil, err
		}
		all = append(all, ownAccount{m, o})
	}
	return all, nil
}

// earning are the postings that are income: releases, and what went back of them.
var earning = []ledger.Kind{ledger.P6Release, ledger.P7Undone, ledger.P8Refund, ledger.P9Refund, ledger.P18DisputeLost}

// incomeByMonth is what the last twelve months brought the vendor, from the first
// month with something in it.
func incomeByMonth(ctx context.Context, r db.Reader, v vendor.ID) (page.Series, error) {
	months, err := settlement.Months(ctx, r, v) // newest first
	if err != nil || len(months) == 0 {
		return page.Series{}, err
	}
	months = months[:min(len(months), 12)]
	slices.Reverse(months)
	from, _, err := months[0].Bounds()
	if err != nil {
		return page.Series{}, err
	}
	flows, err := ledger.FlowsOf(ctx, r, string(v), currency, from, r.Now().Add(time.Second))
	if err != nil {
		return page.Series{}, err
	}
	s := page.Series{Axis: text.T(ctx, "vendordesk.income.axis", "Currency", currency)}
	best, sum := 0, money.Zero(currency)
	for i, m := range months {
		got := money.Zero(currency)
		for _, f := range flows {
			if f.Month == m && slices.Contains(earning, f.Kind) {
				got.Minor += f.Amount.Minor
			}
		}
		sum.Minor += got.Minor
		s.Points = append(s.Points, page.Point{Label: string(m), Value: got.Minor, Text: page.MoneyText(ctx, got)})
		if got.Minor > s.Points[best].Value {
			best = i
		}
	}
	switch {
	case s.Points[best].Value <= 0:
		return page.Series{}, nil
	case len(months) == 1:
		s.Finding = text.T(ctx, "vendordesk.income.finding.first", "Month", months[0], "Amount", s.Points[0].Text)
	default:
		s.Finding = text.T(ctx, "vendordesk.income.finding", "Count", len(months), "Sum", page.MoneyText(ctx, sum), "Month", months[best], "Amount", s.Points[best].Text)
	}
	return s, nil
}

// withdraw asks to be paid. The first post says what will happen, the second does
// it.
func (d desk) withdraw(c *serve.Call) error {
	ctx, gateway := c.R.Context(), c.R.PostFormValue("gateway")
	x, err := money.Parse(strings.ReplaceAll(strings.TrimSpace(c.R.PostFormValue("amount")), ",", ""), currency)
	if err != nil {
		return d.incomeAgain(c, settlement.ErrInvalid.In("amount"))
	}
	if gateway == "" {
		return d.incomeAgain(c, settlement.ErrRequired.In("gateway"))
	}
	if c.R.PostFormValue("confirmed") == "" {
		return d.foresee(c, gateway, x)
	}
	_, err = serve.Do(c, serve.Intent{Name: "settlement.withdraw", Input: []any{gateway, x}, Subjects: []string{string(c.Account())}, Clauses: []string{"UA 3.1"}},
		func(tx *db.Tx) (settlement.Withdrawal, error) {
			v, err := d.seller(c, tx)
			if err != nil {
				return settlement.Withdrawal{}, err
			}
			return settlement.Request(ctx, tx, c.Actor, v.ID, gateway, x)
		})
	if err != nil && correctable(err) {
		return d.incomeAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/income#withdrawals")
}

type withdrawView struct {
	frame
	settlement.Outlook
	gateway string
	amount  money.Amount
	left    money.Amount
	key     string
}

// foresee asks before a withdrawal, and refuses what would be refused.
func (d desk) foresee(c *serve.Call, gateway string, x money.Amount) error {
	ctx := c.R.Context()
	view := withdrawView{gateway: gateway, amount: x, key: freshKey()}
	err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if view.Outlook, err = settlement.Foresee(ctx, r, v.ID, gateway, x); err != nil {
			return err
		}
		in, err := settlement.IncomeOf(ctx, r, v.ID, currency)
		if err != nil {
			return err
		}
		switch {
		case x.Minor < view.Minimum.Minor:
			return settlement.ErrInvalid.In("amount")
		case len(in.Stopped) > 0:
			return ledger.ErrFrozen
		case x.Minor > in.Withdrawable.Minor:
			return settlement.ErrNotDue
		}
		view.left, err = in.Withdrawable.Sub(x)
		return err
	})
	if err != nil && correctable(err) {
		return d.incomeAgain(c, err)
	}
	if err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/income", text.T(ctx, "vendordesk.withdraw.title"))
	return d.show(c, http.StatusOK, withdrawPage(view))
}

// cancel takes a withdrawal back that nobody has decided.
func (d desk) cancel(c *serve.Call) error {
	ctx, id := c.R.Context(), settlement.WithdrawalID(c.R.PathValue("withdrawal"))
	_, err := command(c, "settlement.cancel_withdrawal", []string{string(id)}, func(tx *db.Tx) error {
		v, err := d.seller(c, tx)
		if err != nil {
			return err
		}
		return cancelOwn(ctx, tx, c, v.ID, id)
	})
	if err != nil && correctable(err) {
		return d.incomeAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/income#withdrawals")
}

func cancelOwn(ctx context.Context, tx *db.Tx, c *serve.Call, v vendor.ID, id settlement.WithdrawalID) error {
	w, err := settlement.GetWithdrawal(ctx, tx, id)
	if err == nil && w.Vendor != v {
		err = account.ErrForeign
	}
	if err != nil {
		return err
	}
	_, err = settlement.Reject(ctx, tx, c.Actor, id, "")
	return err
}

// Statements of the months.

type monthRow struct {
	month   ledger.Month
	stated  *settlement.Stated // nil while the month runs, or when nothing happened in it
	answer  time.Time          // until when the vendor may object
	running bool
}

type statementsView struct {
	frame
	rows []monthRow
	now  time.Time
}

func (d desk) statements(c *serve.Call) error {
	ctx := c.R.Context()
	view := statementsView{now: c.Now()}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		months, err := settlement.Months(ctx, r, v.ID)
		if err != nil {
			return err
		}
		sent, err := settlement.Statements(ctx, r, v.ID, currency)
		if err != nil {
			return err
		}
		for _, m := range months {
			row := monthRow{month: m, running: m == ledger.MonthOf(r.Now())}
			if i := slices.IndexFunc(sent, func(s settlement.Stated) bool { return s.Month == m }); i >= 0 {
				row.stated = &sent[i]
				if row.answer, err = settlement.AnswerBy(ctx, r, sent[i].At); err != nil {
					return err
				}
			}
			view.rows = append(view.rows, row)
		}
		return nil
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/income", text.T(ctx, "vendordesk.statements.title"))
	return d.show(c, http.StatusOK, statementsPage(view))
}

type statementView struct {
	frame
	settlement.Statement
	from, to        time.Time // to is the last day
	seller          string    // registered name of the vendor
	operator        string    // who collected
	answer          time.Time // until when the vendor may object
	previous, later ledger.Month
	refusal         error
	errors          map[string]string
	reason          string
	now             time.Time
}

// readStatement reads the statement of the path. A month before the first sale, or to come,
// does not exist.
func (d desk) readStatement(c *serve.Call) (view statementView, err error) {
	ctx, m := c.R.Context(), ledger.Month(c.R.PathValue("month"))
	view.operator, view.now = c.Market.Info.Operator, c.Now()
	err = c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		view.seller = v.RegisteredName
		months, err := settlement.Months(ctx, r, v.ID)
		if err != nil {
			return err
		}
		i := slices.Index(months, m)
		if i < 0 {
			return serve.ErrNotFound
		}
		if i > 0 {
			view.later = months[i-1]
		}
		if i < len(months)-1 {
			view.previous = months[i+1]
		}
		if view.from, view.to, err = m.Bounds(); err != nil {
			return err
		}
		view.to = view.to.Add(-time.Second)
		if view.Statement, err = settlement.StatementOf(ctx, r, v.ID, m, currency); err != nil || view.Stated.IsZero() {
			return err
		}
		view.answer, err = settlement.AnswerBy(ctx, r, view.Stated)
		return err
	})
	return view, err
}

func (d desk) statement(c *serve.Call) error { return d.statementAgain(c, nil) }

func (d desk) statementAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view, err := d.readStatement(c)
	if err != nil {
		return err
	}
	view.refusal, view.errors, view.reason = refusal, page.FieldErrors(ctx, refusal), c.R.PostFormValue("reason")
	view.frame = d.frame(c, "/vendor/income", text.T(ctx, "vendordesk.statement.title", "Month", view.Month), page.Link{Label: text.T(ctx, "vendordesk.statements.title"), Href: "/vendor/income/statements"})
	return d.shown(c, refusal, statementPage(view))
}

// answerStatement agrees to a statement, or objects with the reason.
func (d desk) answerStatement(c *serve.Call) error {
	ctx, m, reason := c.R.Context(), ledger.Month(c.R.PathValue("month")), c.R.PostFormValue("reason")
	object := c.R.PostFormValue("do") == "object"
	err := serve.Act(c, serve.Intent{Name: "settlement.answer_statement", Input: []any{m, object, reason}, Clauses: []string{"UA 3.1"}}, func(tx *db.Tx) error {
		v, err := d.seller(c, tx)
		if err != nil {
			return err
		}
		if object {
			return settlement.Object(ctx, tx, c.Actor, v.ID, m, currency, reason)
		}
		return settlement.Agree(ctx, tx, c.Actor, v.ID, m, currency)
	})
	if err != nil && correctable(err) {
		return d.statementAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/income/statements/" + string(m))
}
