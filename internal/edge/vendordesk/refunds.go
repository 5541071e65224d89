package vendordesk

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

type refundsView struct {
	frame
	now     time.Time
	due     []page.QueueItem
	all     []refund.Request
	names   map[order.ID]string
	matters []refund.Matter
	next    string
}

// refundItems are the requests that wait for the vendor's answer.
func refundItems(ctx context.Context, r db.Reader, v vendor.ID) ([]page.QueueItem, error) {
	due, err := refund.Due(ctx, r, v, perPage)
	if err != nil {
		return nil, err
	}
	items := make([]page.QueueItem, 0, len(due))
	for _, q := range due {
		name, err := soldName(ctx, r, q.Order)
		if err != nil {
			return nil, err
		}
		items = append(items, page.QueueItem{
			Href: "/vendor/refunds/" + string(q.ID), Title: text.T(ctx, "refund.desk.due", "Amount", page.MoneyText(ctx, q.Amount)), Who: name,
			ID: string(q.Order), Chip: page.RefundChip(string(q.State)), Due: q.AnswerDue, Note: text.T(ctx, "refund.reason."+string(q.Reason)),
		})
	}
	return items, nil
}

// soldName is the name of what an order sold, as it was frozen.
func soldName(ctx context.Context, r db.Reader, id order.ID) (string, error) {
	o, err := order.Any(ctx, r, id)
	if err != nil {
		return "", err
	}
	content, err := o.Content()
	return content.Name.In(text.From(ctx)), err
}

func (d desk) refunds(c *serve.Call) error {
	ctx := c.R.Context()
	view := refundsView{now: c.Now(), names: map[order.ID]string{}}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if view.due, err = refundItems(ctx, r, v.ID); err != nil {
			return err
		}
		if view.all, err = refund.OfVendor(ctx, r, v.ID, refund.ID(c.R.URL.Query().Get("before")), perPage+1); err != nil {
			return err
		}
		if view.matters, err = refund.MattersOfVendor(ctx, r, v.ID, perPage); err != nil {
			return err
		}
		for _, q := range view.all {
			if view.names[q.Order], err = soldName(ctx, r, q.Order); err != nil {
				return err
			}
		}
		for _, m := range view.matters {
			if view.names[m.Order], err = soldName(ctx, r, m.Order); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/vendor/refunds?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/vendor/refunds", text.T(ctx, "vendordesk.nav.refunds"))
	return d.show(c, http.StatusOK, refundsPage(view))
}

func refundRows(ctx context.Context, v refundsView) (rows [][]templ.Component) {
	for _, q := range v.all {
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/refunds/"+string(q.ID), v.names[q.Order]), page.RefundChip(string(q.State)),
			page.Str(text.T(ctx, "refund.reason."+string(q.Reason))), page.Money(q.Amount), page.Time(q.RequestedAt),
		})
	}
	return rows
}

func matterRows(v refundsView) (rows [][]templ.Component) {
	for _, m := range v.matters {
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/refunds/"+string(m.ID), v.names[m.Order]), page.RefundChip(string(m.State)), page.Time(m.OpenedAt),
		})
	}
	return rows
}

type refundView struct {
	frame
	refund.Request
	matter  *page.Matter
	state   string // of the matter
	of      order.ID
	events  []page.Event
	now     time.Time
	refusal error
	errors  map[string]string
	form    map[string]string
	key     string
}

func (v refundView) path() string { return "/vendor/refunds/" + string(v.Request.ID) }

func (v refundView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Request.Version, 10)}}
}

func (d desk) refund(c *serve.Call) error { return d.refundAgain(c, nil) }

func (d desk) refundAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), c.R.PathValue("refund")
	view := refundView{now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: map[string]string{}}
	for _, name := range []string{"note", "amount", "text"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	title := ""
	if err := c.Read(func(r db.Reader) (err error) {
		if strings.HasPrefix(id, "rfm_") {
			record, err := refund.RecordOf(ctx, r, c.Actor, refund.MatterID(id))
			if err != nil {
				return err
			}
			view.of, view.state = record.Matter.Order, string(record.Matter.State)
			view.matter = matterShown(ctx, record, "/vendor/refunds/"+id, view)
			title, err = soldName(ctx, r, view.of)
			return err
		}
		if view.Request, err = refund.Get(ctx, r, c.Actor, refund.ID(id)); err != nil {
			return err
		}
		view.of = view.Order
		steps, err := refund.Steps(ctx, r, c.Actor, refund.ID(id))
		if err != nil {
			return err
		}
		for _, s := range steps {
			view.events = append(view.events, page.RefundEvent(ctx, string(s.Event), string(s.Side), string(s.To), s.At, s.Amount, s.Clause, s.Note))
		}
		title, err = soldName(ctx, r, view.of)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/refunds", title)
	return d.shown(c, refusal, refundPage(view))
}

// matterShown puts a matter into the form in which pages show it.
func matterShown(ctx context.Context, m refund.Record, path string, v refundView) *page.Matter {
	out := &page.Matter{
		Open: !m.Matter.Closed(), Path: path, Key: v.key, Version: strconv.FormatInt(m.Matter.Version, 10),
		Words: page.Field{Name: "text", Label: text.T(ctx, "refund.text"), Required: true, MaxLength: 2000, Value: v.form["text"], Error: v.errors["text"]},
	}
	for _, s := range m.Statements {
		out.Said = append(out.Said, page.StatementEvent(ctx, string(s.Side), string(s.Outcome), s.At, s.Amount, s.Text))
	}
	for _, p := range m.Proofs {
		out.Proofs = append(out.Proofs, page.Proof{Name: p.Name, Href: path + "/proofs/" + p.ID, Side: text.T(ctx, "refund.side."+string(p.Side)), SHA256: p.SHA256})
	}
	return out
}

// answerRefund is the vendor's word on a request: yes, another offer, or no.
func (d desk) answerRefund(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	id := refund.ID(c.R.PathValue("refund"))
	seen, err := strconv.ParseInt(form("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	offer := refund.Offer{Keep: form("keep") != "", Note: form("note")}
	if form("do") == "counter" {
		if offer.Amount, err = money.Parse(strings.TrimSpace(form("amount")), money.CNY); err != nil {
			return d.refundAgain(c, refund.ErrInvalid.In("amount"))
		}
	}
	in := []any{id, seen, form("do"), offer}
	err = serve.Act(c, serve.Intent{Name: "refund.answer", Input: in, Subjects: []string{string(id)}, Clauses: []string{"UA 4.5"}}, func(tx *db.Tx) (err error) {
		switch form("do") {
		case "agree":
			_, err = c.Market.Refund.Agree(ctx, tx, c.Actor, id, seen)
		case "counter":
			_, err = c.Market.Refund.Counter(ctx, tx, c.Actor, id, seen, offer)
		case "refuse":
			_, err = c.Market.Refund.Refuse(ctx, tx, c.Actor, id, seen, offer.Note)
		default:
			err = serve.ErrBadRequest
		}
		return err
	})
	return d.refundDone(c, err)
}

func (d desk) refundDone(c *serve.Call, err error) error {
	switch {
	case err == nil:
		return c.Redirect("/vendor/refunds/" + c.R.PathValue("refund"))
	case correctable(err):
		return d.refundAgain(c, err)
	}
	return err
}

func (d desk) sayInMatter(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	id := refund.MatterID(c.R.PathValue("refund"))
	seen, err := strconv.ParseInt(form("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	s := refund.Statement{Text: form("text"), Outcome: refund.Outcome(form("outcome")), Amount: money.Zero(money.CNY)}
	if back := strings.TrimSpace(form("back")); back != "" {
		if s.Amount, err = money.Parse(back, money.CNY); err != nil {
			return d.refundAgain(c, refund.ErrInvalid.In("back"))
		}
	}
	err = serve.Act(c, serve.Intent{Name: "refund.matter.say", Input: s, Subjects: []string{string(id)}, Clauses: []string{"UA 4.5"}}, func(tx *db.Tx) error {
		_, err := refund.Say(ctx, tx, c.Actor, id, seen, s)
		return err
	})
	return d.refundDone(c, err)
}

func (d desk) attachProof(c *serve.Call) error {
	id := refund.MatterID(c.R.PathValue("refund"))
	if err := c.Read(func(r db.Reader) error { // nothing of a stranger's is kept
		_, err := refund.RecordOf(c.R.Context(), r, c.Actor, id)
		return err
	}); err != nil {
		return err
	}
	u, err := c.Upload("file")
	if err != nil {
		return d.refundDone(c, err)
	}
	err = serve.Act(c, serve.Intent{Name: "refund.matter.attach", Input: u.Stored, Subjects: []string{string(id)}, Clauses: []string{"UA 4.5"}}, func(tx *db.Tx) error {
		_, err := refund.Attach(c.R.Context(), tx, c.Actor, id, refund.Proof{Name: u.Name, MediaType: u.MediaType, Size: u.Stored.Size, SHA256: u.Stored.SHA256, Blob: u.Stored.Key})
		return err
	})
	return d.refundDone(c, err)
}

func (d desk) openProof(c *serve.Call) error {
	var p refund.Proof
	if err := c.Read(func(r db.Reader) (err error) {
		p, err = refund.ProofOf(c.R.Context(), r, c.Actor, refund.MatterID(c.R.PathValue("refund")), c.R.PathValue("proof"))
		return err
	}); err != nil {
		return err
	}
	return c.SendFile(p.Blob, p.Name, p.MediaType, p.SHA256, p.Size)
}

func refundTerms(ctx context.Context, v refundView) []page.Term {
	q := v.Request
	out := []page.Term{
		{Label: text.T(ctx, "refund.reason"), Text: text.T(ctx, "refund.reason."+string(q.Reason))},
		{Label: text.T(ctx, "refund.asked"), Value: page.Money(q.Asked)},
		{Label: text.T(ctx, "refund.now"), Value: page.Money(q.Amount)},
		{Label: text.T(ctx, "refund.basis"), Value: page.ClauseChip(q.Clause)},
		{Label: text.T(ctx, "refund.requested_at"), Value: page.Time(q.RequestedAt)},
	}
	if q.Text != "" {
		out = append(out, page.Term{Label: text.T(ctx, "refund.text"), Text: q.Text})
	}
	if q.State == refund.VendorReview {
		out = append(out, page.Term{Label: text.T(ctx, "refund.answer_due"), Value: naturalDays(q)})
	}
	return out
}
