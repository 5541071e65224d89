package operatordesk

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
)

// refundItems are the refunds that the operator has to do something about.
func refundItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := refund.Desk(ctx, r, 500)
	if err != nil {
		return nil, err
	}
	items := make([]page.QueueItem, 0, len(all))
	for _, q := range all {
		o, err := order.Any(ctx, r, q.Order)
		if err != nil {
			return nil, err
		}
		notes := []string{text.T(ctx, "refund.reason."+string(q.Reason))}
		switch {
		case !q.BreachedAt.IsZero():
			notes = append(notes, text.T(ctx, "refund.desk.breach"))
		case !q.AlertedAt.IsZero():
			notes = append(notes, text.T(ctx, "refund.desk.alert"))
		}
		items = append(items, page.QueueItem{
			Href: "/operator/refunds/" + string(q.ID), Title: text.T(ctx, "refund.desk.due", "Amount", page.MoneyText(ctx, q.Amount)),
			Who: o.Snapshot.Seller.RegisteredName, ID: string(q.Order), Chip: page.RefundChip(string(q.State)), Note: strings.Join(notes, " · "),
		})
	}
	return items, nil
}

type refundsView struct {
	frame
	now     time.Time
	due     []page.QueueItem
	all     []refund.Request
	reviews []refund.Review
	next    string
}

func (d desk) refunds(c *serve.Call) error {
	ctx := c.R.Context()
	view := refundsView{now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.due, err = refundItems(ctx, r); err != nil {
			return err
		}
		if view.reviews, err = refund.Reviews(ctx, r, perPage); err != nil {
			return err
		}
		view.all, err = refund.All(ctx, r, refund.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/refunds?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/refunds", text.T(ctx, "operatordesk.nav.refunds"))
	return show(c, nil, refundsPage(view))
}

func askedRows(ctx context.Context, all []refund.Request) (rows [][]templ.Component) {
	for _, q := range all {
		rows = append(rows, []templ.Component{
			linked("/operator/refunds/"+string(q.ID), text.T(ctx, "refund.reason."+string(q.Reason)), string(q.Order)),
			page.RefundChip(string(q.State)), page.Money(q.Amount), page.Time(q.RequestedAt),
		})
	}
	return rows
}

func reviewRows(all []refund.Review) (rows [][]templ.Component) {
	for _, v := range all {
		rows = append(rows, []templ.Component{page.Anchor(homeOf(string(v.Order)), string(v.Order)), page.ID(v.Case), page.Time(v.At)})
	}
	return rows
}

type refundView struct {
	frame
	refund.Request
	events  []page.Event
	trail   []page.AuditEntry
	by      audit.Actor
	now     time.Time
	refusal error
	errors  map[string]string
	form    map[string]string
	key     string
}

func (v refundView) path() string { return "/operator/refunds/" + string(v.ID) }

func (v refundView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Version, 10)}}
}

// value is what was typed, or what a form begins with.
func (v refundView) value(name, first string) string {
	if typed := v.form[name]; typed != "" {
		return typed
	}
	return first
}

func (d desk) refund(c *serve.Call) error { return d.refundAgain(c, nil) }

func (d desk) refundAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), refund.ID(c.R.PathValue("refund"))
	view := refundView{by: c.Actor, now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: map[string]string{}}
	for _, name := range []string{"reason", "clause", "amount", "line"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Request, err = refund.Get(ctx, r, c.Actor, id); err != nil {
			return err
		}
		steps, err := refund.Steps(ctx, r, c.Actor, id)
		if err != nil {
			return err
		}
		for _, s := range steps {
			view.events = append(view.events, page.RefundEvent(ctx, string(s.Event), string(s.Side), string(s.To), s.At, s.Amount, s.Clause, s.Note))
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/refunds", text.T(ctx, "refund.desk.due", "Amount", page.MoneyText(ctx, view.Amount)))
	return show(c, refusal, refundPage(view))
}

func refundTerms(ctx context.Context, q refund.Request) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "refund.order"), Value: page.Anchor(homeOf(string(q.Order)), string(q.Order))},
		{Label: text.T(ctx, "refund.reason"), Text: text.T(ctx, "refund.reason."+string(q.Reason))},
		{Label: text.T(ctx, "refund.asked"), Value: page.Money(q.Asked)},
		{Label: text.T(ctx, "refund.now"), Value: page.Money(q.Amount)},
		{Label: text.T(ctx, "refund.basis"), Value: page.ClauseChip(q.Clause)},
		{Label: text.T(ctx, "refund.rulebook"), Value: page.ID(q.Rulebook)},
		{Label: text.T(ctx, "refund.requested_at"), Value: page.Time(q.RequestedAt)},
	}
	add := func(key string, value templ.Component, shown bool) {
		if shown {
			out = append(out, page.Term{Label: text.T(ctx, key), Value: value})
		}
	}
	add("refund.text", page.Str(q.Text), q.Text != "")
	add("refund.answer_due", page.Time(q.AnswerDue), !q.AnswerDue.IsZero())
	add("refund.case", page.ID(q.Case), q.Case != "")
	add("refund.desk.alert", page.Time(q.AlertedAt), !q.AlertedAt.IsZero())
	add("refund.desk.breach", page.Time(q.BreachedAt), !q.BreachedAt.IsZero())
	return out
}

// onRefund does one thing to a request that was seen at a version.
func (d desk) onRefund(c *serve.Call, name string, in any, do func(ctx context.Context, tx *db.Tx, id refund.ID, seen int64) error) error {
	id := c.R.PathValue("refund")
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	err = command(c, name, []string{"UA 4.5"}, []string{id}, []any{seen, in}, func(ctx context.Context, tx *db.Tx) error {
		return do(ctx, tx, refund.ID(id), seen)
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/refunds/" + id)
	case correctable(err) || errors.Is(err, refund.ErrSecond):
		return d.refundAgain(c, err)
	}
	return err
}

func (d desk) decideRefund(c *serve.Call) error {
	form := c.R.PostFormValue
	in := refund.Decision{Approve: form("do") == "approve", Keep: form("keep") != "", Note: form("reason"), Clause: form("clause")}
	if in.Approve {
		var err error
		if in.Amount, err = money.Parse(strings.TrimSpace(form("amount")), money.CNY); err != nil {
			return d.refundAgain(c, refund.ErrInvalid.In("amount"))
		}
	}
	return d.onRefund(c, "refund.decide", in, func(ctx context.Context, tx *db.Tx, id refund.ID, seen int64) error {
		_, err := c.Market.Refund.Decide(ctx, tx, c.Actor, id, seen, in)
		return err
	})
}

func (d desk) confirmRefund(c *serve.Call) error {
	yes, why := c.R.PostFormValue("do") == "confirm", c.R.PostFormValue("reason")
	return d.onRefund(c, "refund.confirm", []any{yes, why}, func(ctx context.Context, tx *db.Tx, id refund.ID, seen int64) error {
		_, err := c.Market.Refund.Confirm(ctx, tx, c.Actor, id, seen, yes, why)
		return err
	})
}

func (d desk) transferRefund(c *serve.Call) error {
	line := strings.TrimSpace(c.R.PostFormValue("line"))
	return d.onRefund(c, "refund.transfer", line, func(ctx context.Context, tx *db.Tx, id refund.ID, seen int64) error {
		_, err := c.Market.Refund.PaidByTransfer(ctx, tx, c.Actor, id, seen, line)
		return err
	})
}

// pays reports whether the reader records transfers.
func (v refundView) pays() bool { return v.State == refund.Failed && v.by.Has(account.Finance) }
