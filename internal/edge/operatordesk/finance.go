package operatordesk

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/report"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

// deals are the beginnings of the kinds of job that move or check money.
var deals = []string{"payment.", "settlement.", "reconciliation.", "ledger.", "refund.", "order."}

// financeItems is what finance has to do, what others wait for first.
func (d desk) financeItems(ctx context.Context, r db.Reader) (items []page.QueueItem, err error) {
	for _, read := range []func(context.Context, db.Reader) ([]page.QueueItem, error){
		withdrawalItems, decisionItems, d.disputeItems, splitItems, exceptionItems, moneyJobItems, monthItems,
	} {
		some, err := read(ctx, r)
		if err != nil {
			return nil, err
		}
		items = append(items, some...)
	}
	return items, nil
}

func withdrawalItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := settlement.Waiting(ctx, r, perPage)
	items := make([]page.QueueItem, 0, len(all))
	for _, w := range all {
		seller, err := vendor.Get(ctx, r, w.Vendor)
		if err != nil {
			return nil, err
		}
		items = append(items, page.QueueItem{
			Href: "/operator/finance/withdrawals/" + string(w.ID), Title: text.T(ctx, "operatordesk.fin.withdrawal", "Amount", page.MoneyText(ctx, w.Amount)),
			Who: seller.RegisteredName, ID: string(w.ID), Chip: withdrawalChip(w), Due: w.RequestedAt.AddDate(0, 0, 1),
		})
	}
	return items, err
}

func decisionItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := reconciliation.Decisions(ctx, r, perPage)
	items := make([]page.QueueItem, 0, len(all))
	for _, d := range all {
		items = append(items, page.QueueItem{
			Href: "/operator/finance/decisions/" + string(d.ID), Title: decisionTitle(ctx, d), Who: d.Subject, ID: string(d.ID), Note: since(ctx, d.ProposedAt),
			Chip: page.Chip(page.Warning, text.T(ctx, "operatordesk.fin.second")),
		})
	}
	return items, err
}

// disputed are the disputes nobody has decided, of all providers.
func (d desk) disputed(ctx context.Context, r db.Reader) (all []payment.Dispute, err error) {
	names, err := payment.Gateways(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		some, err := payment.DisputesOut(ctx, r, name, 4*perPage)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b payment.Dispute) int { return a.EvidenceDue.Compare(b.EvidenceDue) })
	return all, nil
}

func (d desk) disputeItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := d.disputed(ctx, r)
	var items []page.QueueItem
	for _, x := range all {
		if x.State != payment.DisputeSubmitted { // our evidence is there, the bank decides
			items = append(items, page.QueueItem{
				Href: "/operator/orders/" + x.Order, Title: text.T(ctx, "operatordesk.fin.dispute", "Amount", page.MoneyText(ctx, x.Amount)), Who: x.Gateway,
				ID: string(x.ID), Chip: disputeChip(x.State), Due: x.EvidenceDue,
			})
		}
	}
	return items, err
}

func splitItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := settlement.InState(ctx, r, settlement.Failed, perPage)
	items := make([]page.QueueItem, 0, len(all))
	for _, c := range all {
		items = append(items, page.QueueItem{
			Href: "/operator/finance/splits", Title: text.T(ctx, "operatordesk.fin.split", "Amount", page.MoneyText(ctx, c.Gross)), Who: c.Gateway, ID: string(c.Order),
			Chip: page.Chip(page.Danger, text.T(ctx, "operatordesk.job.failed")), Due: c.ActBy,
		})
	}
	return items, err
}

func exceptionItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := reconciliation.Exceptions(ctx, r, reconciliation.Open, "", perPage)
	items := make([]page.QueueItem, 0, len(all))
	for _, e := range all {
		items = append(items, page.QueueItem{
			Href: "/operator/finance/exceptions/" + string(e.ID), Title: exceptionTitle(ctx, e), Who: e.Object, ID: string(e.ID), Chip: exceptionChip(e.State),
			Due: e.FirstSeen.AddDate(0, 0, 1), // nothing stays unexplained for more than a day
		})
	}
	return items, err
}

func moneyJobItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	items, err := jobItems(ctx, r)
	return slices.DeleteFunc(items, func(i page.QueueItem) bool {
		return !slices.ContainsFunc(deals, func(kind string) bool { return strings.HasPrefix(i.Title, kind) })
	}), err
}

// monthItems is the month to be closed next, once it is over.
func monthItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	m, err := reconciliation.NextMonth(ctx, r)
	if err != nil || m == "" {
		return nil, err
	}
	_, to, err := m.Bounds()
	if err != nil || r.Now().Before(to) {
		return nil, err
	}
	return []page.QueueItem{{
		Href: "/operator/finance/months/" + string(m), Title: text.T(ctx, "operatordesk.fin.close", "Month", string(m)), Due: to.AddDate(0, 0, 5),
	}}, nil
}

type financeView struct {
	frame
	now    time.Time
	queue  []page.QueueItem
	alerts []alert
	stats  []page.Stat
	charts []page.Series
	tabs   []page.Tab
	by     audit.Actor
	key    string
}

// alert is something finance must know before anything else.
type alert struct {
	tone        page.Tone
	title, href string
}

// finance is the desk of finance: what is due, what is wrong, how money went.
func (d desk) finance(c *serve.Call) error {
	ctx := c.R.Context()
	view := financeView{now: c.Now(), by: c.Actor, key: freshKey()}
	year := c.R.URL.Query().Get("span") == "year"
	if err := c.Read(func(r db.Reader) (err error) {
		if view.queue, err = d.financeItems(ctx, r); err != nil {
			return err
		}
		if view.alerts, err = alerts(ctx, r); err != nil {
			return err
		}
		from := calendar.On(r.Now()).AddDays(-29)
		if year {
			from = calendar.AddMonths(calendar.Date{Year: from.AddDays(29).Year, Month: from.AddDays(29).Month, Day: 1}, -11)
		}
		flows, err := report.Flows(ctx, r, from, money.CNY)
		if err != nil {
			return err
		}
		if view.stats, err = stats(ctx, r, flows); err != nil {
			return err
		}
		if year {
			flows = report.Months(flows)
		}
		view.charts = charts(ctx, flows, year)
		return nil
	}); err != nil {
		return err
	}
	view.tabs = []page.Tab{
		{Label: text.T(ctx, "operatordesk.fin.span.month"), Href: "/operator/finance", Current: !year},
		{Label: text.T(ctx, "operatordesk.fin.span.year"), Href: "/operator/finance?span=year", Current: year},
	}
	view.frame = d.frame(c, "/operator/finance", text.T(ctx, "operatordesk.nav.finance"))
	return show(c, nil, financePage(view))
}

// alerts are what must not be overlooked: money that is short, a check that found
// something or did not run.
func alerts(ctx context.Context, r db.Reader) (all []alert, err error) {
	advanced, missing, err := ledger.Shortage(ctx, r, money.CNY)
	if err != nil {
		return nil, err
	}
	if !missing.IsZero() {
		all = append(all, alert{page.Danger, text.T(ctx, "operatordesk.fin.alert.short", "Amount", page.MoneyText(ctx, missing)), "/operator/book/trial"})
	}
	if !advanced.IsZero() {
		all = append(all, alert{page.Info, text.T(ctx, "operatordesk.fin.alert.advanced", "Amount", page.MoneyText(ctx, advanced)), "/operator/book/trial"})
	}
	open, err := reconciliation.OpenExceptions(ctx, r)
	if err != nil {
		return nil, err
	}
	if open > 0 {
		all = append(all, alert{page.Danger, text.T(ctx, "operatordesk.fin.alert.open", "Count", strconv.FormatInt(open, 10)), "/operator/finance/exceptions"})
	}
	checks, err := reconciliation.Checks(ctx, r, true, 1)
	if err != nil {
		return nil, err
	}
	switch {
	case len(checks) == 0 || checks[0].At.Before(r.Now().Add(-36*time.Hour)):
		all = append(all, alert{page.Warning, text.T(ctx, "operatordesk.fin.alert.unchecked"), "/operator/jobs"})
	case open == 0 && checks[0].Wrong == 0:
		all = append(all, alert{page.Success, text.T(ctx, "operatordesk.fin.alert.clean", "Count", strconv.FormatInt(checks[0].Journals, 10), "When", text.Time(ctx, checks[0].At)), ""})
	}
	return all, nil
}

func stats(ctx context.Context, r db.Reader, flows []report.Flow) ([]page.Stat, error) {
	last := flows[len(flows)-1]
	bank, err := ledger.Balance(ctx, r, ledger.Bank, "", money.CNY)
	if err != nil {
		return nil, err
	}
	cover, err := ledger.Coverage(ctx, r, money.CNY)
	if err != nil {
		return nil, err
	}
	stat := func(key string, a money.Amount, href string) page.Stat {
		return page.Stat{Label: text.T(ctx, "operatordesk.fin.stat."+key), Value: page.MoneyText(ctx, a), Href: href}
	}
	return []page.Stat{
		stat("today", last.Collected, "/operator/payments"), stat("held", last.Held, "/operator/book/trial"), stat("due", last.Due, "/operator/book/trial"),
		stat("bank", bank, "/operator/statements"), stat("cover", cover, "/operator/book/trial"),
	}, nil
}

// charts draw the five numbers; each title says what is seen.
func charts(ctx context.Context, flows []report.Flow, year bool) []page.Series {
	label := func(f report.Flow) string {
		if year {
			return f.Day.String()[:7]
		}
		return f.Day.String()[5:]
	}
	series := func(name string, stock bool, value func(report.Flow) money.Amount) page.Series {
		s := page.Series{Axis: text.T(ctx, "operatordesk.fin.axis."+name)}
		sum, most, when := money.Zero(money.CNY), money.Zero(money.CNY), ""
		for _, f := range flows {
			v := value(f)
			sum.Minor += v.Minor
			if v.Minor > most.Minor {
				most, when = v, label(f)
			}
			s.Points = append(s.Points, page.Point{Label: label(f), Value: v.Minor, Text: page.MoneyText(ctx, v)})
		}
		switch {
		case stock:
			s.Finding = text.T(ctx, "operatordesk.fin.find."+name, "Now", page.MoneyText(ctx, value(flows[len(flows)-1])), "Then", page.MoneyText(ctx, value(flows[0])), "When", label(flows[0]))
		case when == "":
			s.Finding = text.T(ctx, "operatordesk.fin.find."+name+".none")
		default:
			s.Finding = text.T(ctx, "operatordesk.fin.find."+name, "Sum", page.MoneyText(ctx, sum), "Most", page.MoneyText(ctx, most), "When", when)
		}
		return s
	}
	return []page.Series{
		series("collected", false, func(f report.Flow) money.Amount { return f.Collected }),
		series("held", true, func(f report.Flow) money.Amount { return f.Held }),
		series("due", true, func(f report.Flow) money.Amount { return f.Due }),
		series("paid", false, func(f report.Flow) money.Amount { return f.Paid }),
		series("refunded", false, func(f report.Flow) money.Amount { return f.Refunded }),
	}
}

func (d desk) compareNow(c *serve.Call) error {
	if err := command(c, "reconciliation.now", []string{"UA 3.1"}, nil, nil, reconciliation.Now); err != nil {
		return err
	}
	return c.Redirect("/operator/finance/exceptions")
}

type exceptionsView struct {
	frame
	tabs []page.Tab
	all  []reconciliation.Exception
	days []reconciliation.Day
	next string
	by   audit.Actor
	key  string
}

var exceptionStates = []reconciliation.ExceptionState{reconciliation.Open, reconciliation.Explained, reconciliation.Resolved}

func (d desk) exceptions(c *serve.Call) error {
	ctx := c.R.Context()
	view := exceptionsView{by: c.Actor, key: freshKey()}
	state := reconciliation.ExceptionState(c.R.URL.Query().Get("state"))
	if !slices.Contains(exceptionStates, state) {
		state = reconciliation.Open
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.all, err = reconciliation.Exceptions(ctx, r, state, reconciliation.ExceptionID(c.R.URL.Query().Get("before")), perPage+1); err != nil {
			return err
		}
		view.days, err = reconciliation.Days(ctx, r, calendar.On(r.Now()).AddDays(-6))
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/finance/exceptions?state=" + string(state) + "&before=" + string(view.all[perPage-1].ID)
	}
	for _, s := range exceptionStates {
		view.tabs = append(view.tabs, page.Tab{Label: text.T(ctx, "operatordesk.exception.state."+string(s)), Href: "/operator/finance/exceptions?state=" + string(s), Current: s == state})
	}
	view.frame = d.frame(c, "/operator/finance/exceptions", text.T(ctx, "operatordesk.nav.exceptions"))
	return show(c, nil, exceptionsPage(view))
}

type exceptionView struct {
	frame
	reconciliation.Exception
	item    reconciliation.Item
	line    string // the statement line that finance can say more about
	reason  string
	refusal error
	errors  map[string]string
	trail   []page.AuditEntry
	by      audit.Actor
	key     string
}

func (d desk) exception(c *serve.Call) error { return d.exceptionAgain(c, nil) }

func (d desk) exceptionAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := exceptionView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), reason: c.R.PostFormValue("reason"), by: c.Actor, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Exception, err = reconciliation.GetException(ctx, r, reconciliation.ExceptionID(c.R.PathValue("exception"))); err != nil {
			return err
		}
		if parts := strings.SplitN(view.Object, "/", 3); view.Source == reconciliation.FromMatch && len(parts) == 3 {
			if view.item, err = reconciliation.ItemOf(ctx, r, parts[0], parts[1], parts[2]); err != nil && !errors.Is(err, reconciliation.ErrNotFound) {
				return err
			}
			if view.item.Kind == payment.LineTransfer {
				view.line = view.item.Reference
			}
		}
		acts, err := audit.Of(ctx, r, string(view.ID))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/finance/exceptions", exceptionTitle(ctx, view.Exception))
	return show(c, refusal, exceptionPage(view))
}

func (d desk) explain(c *serve.Call) error {
	id, reason := c.R.PathValue("exception"), c.R.PostFormValue("reason")
	err := command(c, "reconciliation.explain", []string{"UA 3.1"}, []string{id}, reason, func(ctx context.Context, tx *db.Tx) error {
		return reconciliation.Explain(ctx, tx, c.Actor, reconciliation.ExceptionID(id), reason)
	})
	if err != nil && correctable(err) {
		return d.exceptionAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/finance/exceptions/" + id)
}

type decisionView struct {
	frame
	reconciliation.Decision
	people  staff
	refusal error
	errors  map[string]string
	form    string
	trail   []page.AuditEntry
	by      audit.Actor
	key     string
}

// own reports whether the reader proposed it.
func (v decisionView) own() bool { return v.by.User == string(v.ProposedBy) }

func (d desk) decision(c *serve.Call) error { return d.decisionAgain(c, nil) }

func (d desk) decisionAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := decisionView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: c.R.PostFormValue("reason"), by: c.Actor, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Decision, err = reconciliation.GetDecision(ctx, r, reconciliation.DecisionID(c.R.PathValue("decision"))); err != nil {
			return err
		}
		view.people = staffOf(ctx, r, string(view.ProposedBy), string(view.DecidedBy))
		acts, err := audit.Of(ctx, r, string(view.Decision.ID))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/finance", decisionTitle(ctx, view.Decision))
	return show(c, refusal, decisionPage(view))
}

// decide is the second person's answer.
func (d desk) decide(c *serve.Call) error {
	id, do, reason := c.R.PathValue("decision"), c.R.PostFormValue("do"), c.R.PostFormValue("reason")
	err := command(c, "reconciliation.decide", []string{"UA 3.1"}, []string{id}, []string{do, reason}, func(ctx context.Context, tx *db.Tx) error {
		if do != "confirm" {
			return d.m.Books.Refuse(ctx, tx, c.Actor, reconciliation.DecisionID(id), reason)
		}
		_, err := d.m.Books.Confirm(ctx, tx, c.Actor, reconciliation.DecisionID(id))
		return err
	})
	if err != nil && (correctable(err) || errors.Is(err, reconciliation.ErrSecond)) {
		return d.decisionAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/finance/decisions/" + id)
}

type withdrawalView struct {
	frame
	settlement.Withdrawal
	seller   vendor.Vendor
	people   staff
	standing ledger.Standing
	frozen   []string
	added    time.Time // of the payee's account
	limits   settlement.Limits
	refusal  error
	errors   map[string]string
	reason   string
	trail    []page.AuditEntry
	by       audit.Actor
	key      string
}

func (d desk) withdrawal(c *serve.Call) error { return d.withdrawalAgain(c, nil) }

func (d desk) withdrawalAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := withdrawalView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), reason: c.R.PostFormValue("reason"), by: c.Actor, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Withdrawal, err = settlement.GetWithdrawal(ctx, r, settlement.WithdrawalID(c.R.PathValue("withdrawal"))); err != nil {
			return err
		}
		if view.seller, err = vendor.Get(ctx, r, view.Vendor); err != nil {
			return err
		}
		view.people = staffOf(ctx, r, string(view.FirstBy), string(view.SecondBy))
		if view.standing, err = ledger.StandingOf(ctx, r, string(view.Vendor), view.Amount.Currency); err != nil {
			return err
		}
		if view.frozen, err = ledger.FrozenFor(ctx, r, string(view.Vendor)); err != nil {
			return err
		}
		if view.limits, err = agreement.Setting[settlement.Limits](ctx, r, "withdraw"); err != nil {
			return err
		}
		merchants, err := vendor.Merchants(ctx, r, view.Vendor)
		if err != nil {
			return err
		}
		for _, m := range merchants {
			if m.Provider == view.Gateway {
				view.added = m.AddedAt
			}
		}
		acts, err := audit.Of(ctx, r, string(view.Withdrawal.ID))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/finance", text.T(ctx, "operatordesk.fin.withdrawal", "Amount", page.MoneyText(ctx, view.Amount)))
	return show(c, refusal, withdrawalPage(view))
}

func (d desk) decideWithdrawal(c *serve.Call) error {
	id, do, reason := c.R.PathValue("withdrawal"), c.R.PostFormValue("do"), c.R.PostFormValue("reason")
	err := command(c, "settlement.withdrawal.decide", []string{"UA 3.1"}, []string{id}, []string{do, reason}, func(ctx context.Context, tx *db.Tx) error {
		if do != "approve" {
			_, err := settlement.Reject(ctx, tx, c.Actor, settlement.WithdrawalID(id), reason)
			return err
		}
		_, err := settlement.Approve(ctx, tx, c.Actor, settlement.WithdrawalID(id))
		return err
	})
	if err != nil && (correctable(err) || errors.Is(err, settlement.ErrSecond)) {
		return d.withdrawalAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/finance/withdrawals/" + id)
}

type splitsView struct {
	frame
	all     []settlement.Collection
	refusal error
	by      audit.Actor
	key     string
}

func (d desk) splits(c *serve.Call) error { return d.splitsAgain(c, nil) }

func (d desk) splitsAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := splitsView{refusal: refusal, by: c.Actor, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		view.all, err = settlement.InState(ctx, r, settlement.Failed, 4*perPage)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/finance", text.T(ctx, "operatordesk.fin.splits"))
	return show(c, refusal, splitsPage(view))
}

func (d desk) retrySplit(c *serve.Call) error {
	line := c.R.PathValue("line")
	err := command(c, "settlement.split.retry", []string{"UA 3.1"}, []string{line}, nil, func(ctx context.Context, tx *db.Tx) error {
		return d.m.Settling.Retry(ctx, tx, c.Actor, line)
	})
	if err != nil && correctable(err) {
		return d.splitsAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/finance/splits")
}

func (d desk) disputes(c *serve.Call) error {
	ctx := c.R.Context()
	var all []payment.Dispute
	if err := c.Read(func(r db.Reader) (err error) {
		all, err = d.disputed(ctx, r)
		return err
	}); err != nil {
		return err
	}
	return show(c, nil, disputesPage(d.frame(c, "/operator/finance", text.T(ctx, "operatordesk.fin.disputes")), c.Now(), all))
}

// deciders are the people who proposed decisions.
func deciders(ctx context.Context, r db.Reader, all []reconciliation.Decision) staff {
	ids := make([]string, len(all))
	for i, d := range all {
		ids[i] = string(d.ProposedBy)
	}
	return staffOf(ctx, r, ids...)
}

type lineView struct {
	frame
	payment.StatementLine
	decisions []reconciliation.Decision
	people    staff
	limit     money.Amount
	form      map[string]string
	refusal   error
	errors    map[string]string
	trail     []page.AuditEntry
	by        audit.Actor
	key       string
}

// open reports whether somebody has to say what the line is.
func (v lineView) open() bool {
	waits := slices.ContainsFunc(v.decisions, func(d reconciliation.Decision) bool { return d.State == reconciliation.Proposed })
	return !waits && (v.State == payment.LineUnmatched || v.State == payment.LineSuspense) && v.by.Has(account.Finance)
}

func (d desk) line(c *serve.Call) error { return d.lineAgain(c, nil) }

func (d desk) lineAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := lineView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), by: c.Actor, key: freshKey(), form: map[string]string{}}
	for _, name := range []string{"purpose", "party", "reason", "evidence"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		id := c.R.PathValue("line")
		if view.StatementLine, err = payment.GetLine(ctx, r, payment.LineID(id)); err != nil {
			return err
		}
		for _, subject := range []string{id, id + "/code"} {
			some, err := reconciliation.DecisionsOf(ctx, r, subject)
			if err != nil {
				return err
			}
			view.decisions = append(view.decisions, some...)
		}
		view.people = deciders(ctx, r, view.decisions)
		limit, err := agreement.Setting[struct {
			Above int64 `json:"four_eyes_above"`
		}](ctx, r, "attribution")
		if err != nil {
			return err
		}
		view.limit = money.Amount{Minor: limit.Above, Currency: money.CNY}
		acts, err := audit.Of(ctx, r, id)
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/statements", text.T(ctx, "operatordesk.line.title", "Amount", page.MoneyText(ctx, view.Amount)))
	return show(c, refusal, linePage(view))
}

func (d desk) attribute(c *serve.Call) error {
	id := c.R.PathValue("line")
	p := reconciliation.Proposal{
		Act: reconciliation.Attribute, Subject: id, Reason: c.R.PostFormValue("reason"), Evidence: c.R.PostFormValue("evidence"),
		Input: reconciliation.Input{Purpose: reconciliation.Purpose(c.R.PostFormValue("purpose")), Party: strings.TrimSpace(c.R.PostFormValue("party"))},
	}
	err := d.propose(c, p)
	if err != nil && correctable(err) {
		return d.lineAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/finance/lines/" + id)
}

func (d desk) propose(c *serve.Call, p reconciliation.Proposal) error {
	return command(c, "reconciliation.propose", []string{"UA 3.1"}, []string{p.Subject}, p, func(ctx context.Context, tx *db.Tx) error {
		_, err := d.m.Books.Propose(ctx, tx, c.Actor, p)
		return err
	})
}

type monthsView struct {
	frame
	next   ledger.Month
	closed []ledger.Period
}

func (d desk) months(c *serve.Call) error {
	ctx := c.R.Context()
	var view monthsView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.next, err = reconciliation.NextMonth(ctx, r); err != nil {
			return err
		}
		view.closed, err = ledger.Closed(ctx, r)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/finance/months", text.T(ctx, "operatordesk.nav.months"))
	return show(c, nil, monthsPage(view))
}

type monthView struct {
	frame
	reconciliation.Closing
	closed  ledger.Period // zero while the month is open
	refusal error
	errors  map[string]string
	reason  string
	by      audit.Actor
	key     string
}

func (d desk) month(c *serve.Call) error { return d.monthAgain(c, nil) }

func (d desk) monthAgain(c *serve.Call, refusal error) error {
	ctx, m := c.R.Context(), ledger.Month(c.R.PathValue("month"))
	view := monthView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), reason: c.R.PostFormValue("reason"), by: c.Actor, key: freshKey()}
	if err := c.Read(func(r db.Reader) error {
		closed, err := ledger.Closed(ctx, r)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(closed, func(p ledger.Period) bool { return p.Month == m }); i >= 0 {
			view.closed, view.Month = closed[i], m
			view.Trial, err = reconciliation.TrialOf(ctx, r, m)
			return err
		}
		view.Closing, err = reconciliation.ClosingOf(ctx, r, m)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/finance/months", text.T(ctx, "operatordesk.fin.close", "Month", string(m)))
	return show(c, refusal, monthPage(view))
}

func (d desk) closeMonth(c *serve.Call) error {
	m := c.R.PathValue("month")
	err := d.propose(c, reconciliation.Proposal{Act: reconciliation.Close, Subject: m, Reason: c.R.PostFormValue("reason")})
	if err != nil && correctable(err) {
		return d.monthAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/finance/months/" + m)
}

type standingView struct {
	frame
	seller      vendor.Vendor
	standing    ledger.Standing
	frozen      []string
	withdrawals []settlement.Withdrawal
	decisions   []reconciliation.Decision
	people      staff
	gateways    []string
	fees        []string
	form        map[string]string
	refusal     error
	errors      map[string]string
	by          audit.Actor
	key         string
}

func (d desk) standing(c *serve.Call) error { return d.standingAgain(c, nil) }

func (d desk) standingAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), vendor.ID(c.R.PathValue("vendor"))
	view := standingView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), by: c.Actor, key: freshKey(), form: map[string]string{}}
	for _, name := range []string{"do", "kind", "gateway", "amount", "case", "rule", "reason"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.seller, err = vendor.Get(ctx, r, id); err != nil {
			return err
		}
		if view.standing, err = ledger.StandingOf(ctx, r, string(id), money.CNY); err != nil {
			return err
		}
		if view.frozen, err = ledger.FrozenFor(ctx, r, string(id)); err != nil {
			return err
		}
		if view.withdrawals, err = settlement.Withdrawals(ctx, r, id, "", perPage); err != nil {
			return err
		}
		if view.decisions, err = reconciliation.DecisionsOf(ctx, r, string(id)); err != nil {
			return err
		}
		view.people = deciders(ctx, r, view.decisions)
		merchants, err := vendor.Merchants(ctx, r, id)
		if err != nil {
			return err
		}
		for _, m := range merchants {
			view.gateways = append(view.gateways, m.Provider)
		}
		rule, err := agreement.Setting[map[string]json.RawMessage](ctx, r, "platform_fees")
		for kind, value := range rule {
			if _, err := strconv.ParseInt(string(value), 10, 64); err == nil {
				view.fees = append(view.fees, kind)
			}
		}
		slices.Sort(view.fees)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/vendors", text.T(ctx, "operatordesk.fin.standing", "Vendor", view.seller.RegisteredName), page.Link{Label: view.seller.RegisteredName, Href: "/operator/vendors/" + string(id)})
	return show(c, refusal, standingPage(view))
}

// actOnStanding charges a fee, asks for a deposit to go back, or proposes what a
// second person has to confirm.
func (d desk) actOnStanding(c *serve.Call) error {
	id := vendor.ID(c.R.PathValue("vendor"))
	err := d.standingAct(c, id)
	if err != nil && correctable(err) {
		return d.standingAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/finance/vendors/" + string(id))
}

func (d desk) standingAct(c *serve.Call, id vendor.ID) error {
	do, subject := c.R.PostFormValue("do"), []string{string(id)}
	switch do {
	case "charge":
		kind := c.R.PostFormValue("kind")
		return command(c, "settlement.charge", []string{"UA 3.1"}, subject, kind, func(ctx context.Context, tx *db.Tx) error {
			_, err := settlement.Charge(ctx, tx, c.Actor, id, kind)
			return err
		})
	case "return":
		gateway := c.R.PostFormValue("gateway")
		return command(c, "settlement.deposit.return", []string{"ECL 58"}, subject, gateway, func(ctx context.Context, tx *db.Tx) error {
			_, err := settlement.ReturnDeposit(ctx, tx, c.Actor, id, gateway)
			return err
		})
	}
	amount, err := money.Parse(strings.TrimSpace(c.R.PostFormValue("amount")), money.CNY)
	if err != nil {
		return reconciliation.ErrInvalid.In("amount")
	}
	return d.propose(c, reconciliation.Proposal{
		Act: reconciliation.Act(do), Subject: string(id), Amount: amount, Reason: c.R.PostFormValue("reason"),
		Input: reconciliation.Input{Case: strings.TrimSpace(c.R.PostFormValue("case")), Rule: strings.TrimSpace(c.R.PostFormValue("rule"))},
	})
}

func (d desk) clearing(c *serve.Call) error {
	ctx := c.R.Context()
	var all []reconciliation.Standing
	if err := c.Read(func(r db.Reader) (err error) {
		all, err = reconciliation.Clearing(ctx, r)
		return err
	}); err != nil {
		return err
	}
	return show(c, nil, clearingPage(d.frame(c, "/operator/finance/clearing", text.T(ctx, "operatordesk.nav.clearing")), c.Now(), all))
}

type taxView struct {
	frame
	quarter  report.Quarter
	quarters []page.Tab
	by       audit.Actor
	key      string
}

// quarterAsked is the quarter that a request names, else the last that is over.
func quarterAsked(c *serve.Call) (year, quarter int) {
	name := c.R.FormValue("quarter")
	if len(name) == 6 && name[4] == 'Q' {
		year, errYear := strconv.Atoi(name[:4])
		quarter, errQuarter := strconv.Atoi(name[5:])
		if errYear == nil && errQuarter == nil && quarter >= 1 && quarter <= 4 && year >= 2000 {
			return year, quarter
		}
	}
	last := calendar.AddMonths(calendar.On(c.Now()), -3)
	return last.Year, (int(last.Month) + 2) / 3
}

func (d desk) tax(c *serve.Call) error {
	ctx := c.R.Context()
	year, quarter := quarterAsked(c)
	view := taxView{by: c.Actor, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		view.quarter, err = report.QuarterOf(ctx, r, d.m.Info.Operator, year, quarter)
		return err
	}); err != nil {
		return err
	}
	for n := range 5 {
		day := calendar.AddMonths(calendar.On(c.Now()), -3*n)
		name := strconv.Itoa(day.Year) + "Q" + strconv.Itoa((int(day.Month)+2)/3)
		view.quarters = append(view.quarters, page.Tab{Label: name, Href: "/operator/finance/tax?quarter=" + name, Current: name == view.quarter.Name})
	}
	view.frame = d.frame(c, "/operator/finance/tax", text.T(ctx, "operatordesk.nav.tax"))
	return show(c, nil, taxPage(view))
}

// makeTax is the report as a file. Who took it, and its hash, is kept for ever.
func (d desk) makeTax(c *serve.Call) error {
	year, quarter := quarterAsked(c)
	form := c.R.PostFormValue("as")
	var q report.Quarter
	if err := c.Read(func(r db.Reader) (err error) {
		q, err = report.QuarterOf(c.R.Context(), r, d.m.Info.Operator, year, quarter)
		return err
	}); err != nil {
		return err
	}
	err := command(c, "report.tax", []string{"ECL 28"}, nil, []string{q.Name, form, q.SHA256}, func(ctx context.Context, tx *db.Tx) error {
		return audit.Record(ctx, tx, c.Actor, audit.Entry{
			Act: "report.tax.made", Subjects: []string{report.DutyTax}, Clauses: []string{"ECL 28"}, Data: map[string]any{"quarter": q.Name, "vendors": len(q.Vendors), "csv_sha256": q.SHA256},
		})
	})
	if err != nil {
		return err
	}
	body, kind, name := []byte(q.CSV()), "text/csv; charset=utf-8", q.Name+".csv"
	if form == "json" {
		if body, err = json.MarshalIndent(q, "", "  "); err != nil {
			return err
		}
		kind, name = "application/json", q.Name+".json"
	}
	return handOut(c, kind, "ecl28-"+name, body)
}
