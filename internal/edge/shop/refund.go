package shop

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
)

// refundView is the refund of an order: the request under way, or the way to one.
type refundView struct {
	Order   order.Order
	Title   string // of the product
	Request *refund.Request
	Steps   []refund.Step
	Matter  *refund.Record
	Late    bool               // the matter has stayed open longer than the law allows
	Reason  refund.Reason      // chosen; "" before
	Would   *refund.Assessment // what the chosen reason gives back
	Reasons page.Field
	Amount  page.Field
	Text    page.Field
	More    page.Field // the word to the operator, or in a matter
	Refusal *page.Refusal
	Key     string
	Now     time.Time
}

// asking reports whether a new request may be begun from this page.
func (v refundView) asking() bool { return v.Request == nil || v.Request.State.Ended() }

func refundPath(id order.ID) string { return orderPath(id) + "/refund" }

func showRefund(c *serve.Call) error { return refundAgain(c, order.ID(c.R.PathValue("id")), nil) }

// refundAgain shows the refund of an order, after a refusal with what was typed.
func refundAgain(c *serve.Call, id order.ID, failed error) error {
	ctx := c.R.Context()
	v := refundView{Reason: refund.Reason(c.R.FormValue("reason")), Key: keptKey(c), Now: c.Now()}
	if !slices.Contains(refund.Reasons, v.Reason) {
		v.Reason = ""
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Order, err = order.Get(ctx, r, c.Actor, id); err != nil {
			return err
		}
		v.Title = nameOf(v.Order, c.Lang)
		all, err := refund.OfOrder(ctx, r, id)
		if err != nil {
			return err
		}
		if len(all) > 0 {
			v.Request = &all[0]
			if v.Steps, err = refund.Steps(ctx, r, c.Actor, all[0].ID); err != nil {
				return err
			}
		}
		matters, err := refund.MattersOf(ctx, r, id)
		if err != nil {
			return err
		}
		if len(matters) > 0 {
			record, err := refund.RecordOf(ctx, r, c.Actor, matters[0].ID)
			if err != nil {
				return err
			}
			v.Matter = &record
			if v.Late, err = complaint.Overdue(ctx, r, record.Matter); err != nil {
				return err
			}
		}
		if v.asking() {
			reason := v.Reason
			if reason == "" {
				reason = refund.NoReason
			}
			would, err := refund.Assess(ctx, r, v.Order, reason)
			v.Would = &would
			return err
		}
		return nil
	}); err != nil {
		return err
	}
	v.fields(c, page.FieldErrors(ctx, failed))
	v.Refusal = refusal(c, failed, v.Reasons, v.Amount, v.Text, v.More)
	frame := chrome(c, text.T(ctx, "refund.title"), page.Link{Label: text.T(ctx, "shop.orders.title"), Href: page.OrdersPath}, page.Link{Label: v.Title, Href: orderPath(id)})
	if c.R.Method == http.MethodPost {
		frame.Path = refundPath(id)
	} else if v.Request != nil && v.Request.State.Moving() {
		frame.Refresh = later
	}
	return show(c, refusalStatus(failed), refundPage(frame, v, c.Lang))
}

func (v *refundView) fields(c *serve.Call, errs map[string]string) {
	ctx := c.R.Context()
	v.Reasons = page.Field{Name: "reason", Label: text.T(ctx, "refund.reason"), Required: true, Value: string(v.Reason), Error: errs["reason"]}
	for _, r := range refund.Reasons {
		v.Reasons.Options = append(v.Reasons.Options, page.Option{Value: string(r), Label: text.T(ctx, "refund.reason."+string(r))})
	}
	v.Text = field(c, errs, page.Field{Name: "text", Label: text.T(ctx, "refund.text"), Hint: text.T(ctx, "refund.text.hint"), Required: v.Reason != refund.NoReason, MaxLength: 2000})
	v.More = v.Text
	v.More.Required = true
	if v.Would != nil {
		v.Amount = field(c, errs, page.Field{
			Name: "amount", Label: text.T(ctx, "refund.amount"), Required: true, Currency: string(v.Would.Amount.Currency), Value: v.Would.Amount.Plain(),
			Hint: text.T(ctx, "refund.amount.hint", "Max", page.MoneyText(ctx, v.Would.Amount)),
		})
	}
}

func askRefund(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	id := order.ID(c.R.PathValue("id"))
	x, err := money.Parse(strings.TrimSpace(form("amount")), money.CNY)
	if err != nil {
		return refundAgain(c, id, refund.ErrInvalid.In("amount"))
	}
	in := refund.Ask{Order: id, Reason: refund.Reason(form("reason")), Text: form("text"), Amount: x, Keep: form("keep") != ""}
	err = serve.Act(c, serve.Intent{Name: "refund.submit", Input: in, Subjects: []string{string(id)}, Clauses: []string{"UA 4.5"}}, func(tx *db.Tx) error {
		if _, err := c.Market.Refund.Submit(ctx, tx, c.Actor, in); err != nil {
			return err
		}
		// The form says so: who asks under the refund rules accepts them, and with them the whole.
		_, err := agreement.AcceptRule(ctx, tx, c.Actor, "refund", agreement.Acceptance{Locale: string(c.Lang), IP: c.IP(), UserAgent: c.R.UserAgent()})
		return err
	})
	if err := flagged(c, id, err); err != nil {
		return err
	}
	return refundDone(c, id, err)
}

// flagged has a lawyer look at a refusal under clause 8.4 to a consumer.
func flagged(c *serve.Call, id order.ID, refused error) error {
	f, ok := fault.Of(refused)
	if !ok || !errors.Is(refused, refund.ErrBreach) {
		return nil
	}
	caseID := ""
	for i := 0; i+1 < len(f.Args); i += 2 {
		if f.Args[i] == "Case" {
			caseID, _ = f.Args[i+1].(string)
		}
	}
	return serve.Act(c, serve.Intent{Name: "refund.flag", Subjects: []string{string(id), caseID}, Clauses: []string{"UA 8.4"}}, func(tx *db.Tx) error {
		o, err := order.Get(c.R.Context(), tx, c.Actor, id)
		if err != nil {
			return err
		}
		_, err = refund.FlagConsumer(c.R.Context(), tx, o, caseID)
		return err
	})
}

// refundDone goes to the refund of an order, or shows it with what went wrong.
func refundDone(c *serve.Call, id order.ID, err error) error {
	switch {
	case err == nil:
		return c.Redirect(refundPath(id))
	case correctable(err):
		return refundAgain(c, id, err)
	}
	return err
}

// onRefund does one thing to a request of the reader.
func onRefund(c *serve.Call, name string, do func(ctx context.Context, tx *db.Tx, id refund.ID, seen int64) error) error {
	ctx, id := c.R.Context(), refund.ID(c.R.PathValue("id"))
	var q refund.Request
	if err := c.Read(func(r db.Reader) (err error) {
		q, err = refund.Get(ctx, r, c.Actor, id)
		return err
	}); err != nil {
		return err
	}
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	in := []string{string(id), c.R.PostFormValue("version"), c.R.PostFormValue("text")}
	err = serve.Act(c, serve.Intent{Name: name, Input: in, Subjects: []string{string(id), string(q.Order)}, Clauses: []string{"UA 4.5"}}, func(tx *db.Tx) error {
		return do(ctx, tx, id, seen)
	})
	return refundDone(c, q.Order, err)
}

func withdrawRefund(c *serve.Call) error {
	return onRefund(c, "refund.withdraw", func(ctx context.Context, tx *db.Tx, id refund.ID, seen int64) error {
		_, err := c.Market.Refund.Withdraw(ctx, tx, c.Actor, id, seen)
		return err
	})
}

func acceptRefund(c *serve.Call) error {
	return onRefund(c, "refund.accept", func(ctx context.Context, tx *db.Tx, id refund.ID, seen int64) error {
		_, err := c.Market.Refund.Accept(ctx, tx, c.Actor, id, seen)
		return err
	})
}

func escalateRefund(c *serve.Call) error {
	return onRefund(c, "refund.escalate", func(ctx context.Context, tx *db.Tx, id refund.ID, seen int64) error {
		_, err := c.Market.Refund.Escalate(ctx, tx, c.Actor, id, seen, c.R.PostFormValue("text"))
		return err
	})
}

func openMatter(c *serve.Call) error {
	ctx, id := c.R.Context(), order.ID(c.R.PathValue("id"))
	words := c.R.PostFormValue("text")
	err := serve.Act(c, serve.Intent{Name: "refund.matter.open", Input: []string{string(id), words}, Subjects: []string{string(id)}, Clauses: []string{"UA 4.5"}}, func(tx *db.Tx) error {
		_, err := refund.OpenMatter(ctx, tx, c.Actor, id, words)
		return err
	})
	return refundDone(c, id, err)
}

// matterOf is the matter that a form is about, with its order.
func matterOf(c *serve.Call) (m refund.Matter, err error) {
	err = c.Read(func(r db.Reader) error {
		record, err := refund.RecordOf(c.R.Context(), r, c.Actor, refund.MatterID(c.R.PathValue("id")))
		m = record.Matter
		return err
	})
	return m, err
}

func sayInMatter(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	m, err := matterOf(c)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(form("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	s, err := statementOf(form("text"), form("outcome"), form("back"))
	if err == nil {
		err = serve.Act(c, serve.Intent{Name: "refund.matter.say", Input: s, Subjects: []string{string(m.ID), string(m.Order)}, Clauses: []string{"UA 4.5"}}, func(tx *db.Tx) error {
			_, err := refund.Say(ctx, tx, c.Actor, m.ID, seen, s)
			return err
		})
	}
	return refundDone(c, m.Order, err)
}

func statementOf(words, outcome, back string) (refund.Statement, error) {
	s := refund.Statement{Text: words, Outcome: refund.Outcome(outcome), Amount: money.Zero(money.CNY)}
	if back = strings.TrimSpace(back); back == "" {
		return s, nil
	}
	x, err := money.Parse(back, money.CNY)
	if err != nil {
		return s, refund.ErrInvalid.In("back")
	}
	s.Amount = x
	return s, nil
}

func attachProof(c *serve.Call) error {
	ctx := c.R.Context()
	m, err := matterOf(c)
	if err != nil {
		return err
	}
	u, err := c.Upload("file")
	if err != nil {
		return refundDone(c, m.Order, err)
	}
	err = serve.Act(c, serve.Intent{Name: "refund.matter.attach", Input: u.Stored, Subjects: []string{string(m.ID), string(m.Order)}, Clauses: []string{"UA 4.5"}}, func(tx *db.Tx) error {
		_, err := refund.Attach(ctx, tx, c.Actor, m.ID, refund.Proof{Name: u.Name, MediaType: u.MediaType, Size: u.Stored.Size, SHA256: u.Stored.SHA256, Blob: u.Stored.Key})
		return err
	})
	return refundDone(c, m.Order, err)
}

func openProof(c *serve.Call) error {
	var p refund.Proof
	if err := c.Read(func(r db.Reader) (err error) {
		p, err = refund.ProofOf(c.R.Context(), r, c.Actor, refund.MatterID(c.R.PathValue("id")), c.R.PathValue("proof"))
		return err
	}); err != nil {
		return err
	}
	return c.SendFile(p.Blob, p.Name, p.MediaType, p.SHA256, p.Size)
}

// oneRefund leads from a request or matter to its order's refund.
func oneRefund(c *serve.Call) error {
	ctx, id := c.R.Context(), c.R.PathValue("id")
	var of order.ID
	if err := c.Read(func(r db.Reader) error {
		if strings.HasPrefix(id, "rfm_") {
			record, err := refund.RecordOf(ctx, r, c.Actor, refund.MatterID(id))
			of = record.Matter.Order
			return err
		}
		q, err := refund.Get(ctx, r, c.Actor, refund.ID(id))
		of = q.Order
		return err
	}); err != nil {
		return err
	}
	return c.Redirect(refundPath(of))
}

// refundsView is one page of the account's requests, newest first.
type refundsView struct {
	Requests []refund.Request
	Matters  []refund.Matter
	Names    map[order.ID]string
	Pages    page.Pages
}

func refunds(c *serve.Call) error {
	ctx := c.R.Context()
	v := refundsView{Names: map[order.ID]string{}}
	before := refund.ID(c.R.FormValue("before"))
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Requests, err = refund.Mine(ctx, r, c.Actor, before, ordersPerPage+1); err != nil {
			return err
		}
		if before == "" {
			if v.Matters, err = refund.MyMatters(ctx, r, account.ID(c.Actor.Account), ordersPerPage); err != nil {
				return err
			}
		}
		name := func(id order.ID) error {
			o, err := order.Any(ctx, r, id)
			v.Names[id] = nameOf(o, c.Lang)
			return err
		}
		for _, q := range v.Requests {
			if err := name(q.Order); err != nil {
				return err
			}
		}
		for _, m := range v.Matters {
			if err := name(m.Order); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if len(v.Requests) > ordersPerPage {
		v.Requests = v.Requests[:ordersPerPage]
		v.Pages.Next = "/refunds?before=" + escape(string(v.Requests[ordersPerPage-1].ID))
	}
	return show(c, http.StatusOK, refundsPage(chrome(c, text.T(ctx, "refund.list.title"), accountCrumb(c)), v))
}

func refundsTable(ctx context.Context, v refundsView) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "refund.list.title"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "shop.column.product")}, {Label: text.T(ctx, "refund.state")}, {Label: text.T(ctx, "refund.reason")}, {Label: text.T(ctx, "base.amount"), Num: true}, {Label: text.T(ctx, "refund.requested_at")}},
		Empty: page.Empty{Title: text.T(ctx, "refund.list.empty"), Text: text.T(ctx, "refund.list.empty.text"),
			Action: page.Action{Label: text.T(ctx, "shop.orders.title"), Href: page.OrdersPath}},
	}
	for _, q := range v.Requests {
		out.Rows = append(out.Rows, []templ.Component{
			page.Anchor(refundPath(q.Order), v.Names[q.Order]), page.RefundChip(string(q.State)), page.Str(text.T(ctx, "refund.reason."+string(q.Reason))), page.Money(q.Amount), page.Time(q.RequestedAt),
		})
	}
	for _, m := range v.Matters {
		out.Rows = append(out.Rows, []templ.Component{
			page.Anchor(refundPath(m.Order), v.Names[m.Order]), page.RefundChip(string(m.State)), page.Str(text.T(ctx, "refund.offline.title")), page.Str("—"), page.Time(m.OpenedAt),
		})
	}
	return out
}

// refundEvents is the story of a request.
func refundEvents(ctx context.Context, steps []refund.Step) []page.Event {
	out := make([]page.Event, len(steps))
	for i, s := range steps {
		out[i] = page.RefundEvent(ctx, string(s.Event), string(s.Side), string(s.To), s.At, s.Amount, s.Clause, s.Note)
	}
	return out
}

// consequences are what submitting does, said before it is done.
func consequences(ctx context.Context, a refund.Assessment) []string {
	var out []string
	if a.Ends {
		out = append(out, text.T(ctx, "refund.consequence.ends"))
	}
	if a.Kind == refund.Full {
		out = append(out, text.T(ctx, "refund.consequence.at_once"))
	} else {
		out = append(out, text.T(ctx, "refund.consequence.vendor"), text.T(ctx, "refund.consequence.restore"))
	}
	if a.Transfer {
		out = append(out, text.T(ctx, "refund.consequence.transfer"))
	}
	return out
}

// version names the step that a form was made from.
func (v refundView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Request.Version, 10)}}
}

// matterShown puts a matter into the form in which pages show it.
func matterShown(ctx context.Context, m refund.Record, path, key string, words page.Field) page.Matter {
	out := page.Matter{Open: !m.Matter.Closed(), Path: path, Key: key, Version: strconv.FormatInt(m.Matter.Version, 10), Words: words}
	for _, s := range m.Statements {
		out.Said = append(out.Said, page.StatementEvent(ctx, string(s.Side), string(s.Outcome), s.At, s.Amount, s.Text))
	}
	for _, p := range m.Proofs {
		out.Proofs = append(out.Proofs, page.Proof{Name: p.Name, Href: path + "/proofs/" + p.ID, Side: text.T(ctx, "refund.side."+string(p.Side)), SHA256: p.SHA256})
	}
	return out
}

// refundStateOf is where the newest request or matter of an order stands.
func refundStateOf(ctx context.Context, r db.Reader, id order.ID) (string, error) {
	all, err := refund.OfOrder(ctx, r, id)
	if err != nil {
		return "", err
	}
	if len(all) > 0 {
		return string(all[0].State), nil
	}
	matters, err := refund.MattersOf(ctx, r, id)
	if err != nil || len(matters) == 0 {
		return "", err
	}
	return string(matters[0].State), nil
}
