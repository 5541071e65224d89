package operatordesk

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
)

// orderRow is an order with the name it was sold under.
type orderRow struct {
	order.Order
	name string
}

func nameOf(ctx context.Context, o order.Order) (orderRow, error) {
	content, err := o.Content()
	return orderRow{o, content.Name.In(text.From(ctx))}, err
}

func (d desk) orders(c *serve.Call) error {
	ctx := c.R.Context()
	var rows []orderRow
	next := ""
	if err := c.Read(func(r db.Reader) error {
		all, err := order.All(ctx, r, order.ID(c.R.URL.Query().Get("before")), perPage+1)
		if err != nil {
			return err
		}
		if len(all) > perPage {
			all = all[:perPage]
			next = "/operator/orders?before=" + string(all[perPage-1].ID)
		}
		for _, o := range all {
			row, err := nameOf(ctx, o)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	}); err != nil {
		return err
	}
	return show(c, nil, ordersPage(d.frame(c, "/operator/orders", text.T(ctx, "operatordesk.nav.orders")), rows, next))
}

// orderView is everything about an order, to read. There is deliberately nothing
// to do here: only a provider's confirmation makes an order paid, and a right
// stays with the account that was chosen.
type orderView struct {
	frame
	orderRow
	attempts   []payment.Attempt
	refunds    []payment.Refund
	rights     []entitlement.Entitlement
	deliveries []delivery.Delivery
	journals   []ledger.Journal
	jobs       []job.Stuck
	events     []page.Event
	trail      []page.AuditEntry
}

func (d desk) order(c *serve.Call) error {
	ctx, id := c.R.Context(), c.R.PathValue("order")
	var view orderView
	if err := c.Read(func(r db.Reader) error {
		o, err := order.Any(ctx, r, order.ID(id))
		if err != nil {
			return err
		}
		if view.orderRow, err = nameOf(ctx, o); err != nil {
			return err
		}
		if view.attempts, err = payment.OfOrder(ctx, r, id); err != nil {
			return err
		}
		for _, a := range view.attempts {
			refunds, err := payment.RefundsOf(ctx, r, a.ID)
			if err != nil {
				return err
			}
			view.refunds = append(view.refunds, refunds...)
			jobs, err := job.Of(ctx, r, string(a.ID))
			if err != nil {
				return err
			}
			view.jobs = append(view.jobs, jobs...)
		}
		if view.rights, err = entitlement.OfOrder(ctx, r, id); err != nil {
			return err
		}
		if view.deliveries, err = delivery.OfOrder(ctx, r, id); err != nil {
			return err
		}
		if view.journals, err = ledger.OfCause(ctx, r, string(o.Line)); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, id)
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.events = story(ctx, view.Order, c)
	view.frame = d.frame(c, "/operator/orders", view.name)
	return show(c, nil, orderPage(view))
}

// story is what happened to an order, and what is still to come.
func story(ctx context.Context, o order.Order, c *serve.Call) []page.Event {
	events := []page.Event{{What: text.T(ctx, "desk.order.placed"), At: o.PlacedAt}}
	if !o.PaidAt.IsZero() {
		events = append(events, page.Event{What: text.T(ctx, "desk.order.paid"), At: o.PaidAt, Tone: page.Success})
	} else if o.State == order.AwaitingPayment {
		events = append(events, page.Event{What: text.T(ctx, "desk.order.expires"), At: o.ExpiresAt, Ahead: true})
	}
	if !o.DeliveredAt.IsZero() {
		events = append(events, page.Event{What: text.T(ctx, "desk.order.delivered"), At: o.DeliveredAt, Tone: page.Success})
	}
	if until := o.Refund().Until; !until.IsZero() {
		events = append(events, page.Event{What: text.T(ctx, "desk.order.window"), At: until, Ahead: until.After(c.Now())})
	}
	if !o.EndedAt.IsZero() {
		events = append(events, page.Event{What: text.T(ctx, "desk.order.ended"), At: o.EndedAt, Note: o.Reason})
	}
	return events
}

var deliveryStates = []delivery.State{delivery.Failed, delivery.Running, delivery.Pending, delivery.Manual, delivery.Delivered}

func (d desk) deliveries(c *serve.Call) error {
	ctx, q := c.R.Context(), c.R.URL.Query()
	state := delivery.State(q.Get("state"))
	if !slices.Contains(deliveryStates, state) {
		state = delivery.Failed
	}
	var rows []delivery.Delivery
	next := ""
	if err := c.Read(func(r db.Reader) (err error) {
		rows, err = delivery.In(ctx, r, state, delivery.ID(q.Get("after")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(rows) > perPage {
		rows = rows[:perPage]
		next = "/operator/deliveries?state=" + string(state) + "&after=" + string(rows[perPage-1].ID)
	}
	tabs := make([]page.Tab, 0, len(deliveryStates))
	for _, s := range deliveryStates {
		tabs = append(tabs, page.Tab{Label: text.T(ctx, "desk.delivery.state."+string(s)), Href: "/operator/deliveries?state=" + string(s), Current: s == state})
	}
	return show(c, nil, deliveriesPage(d.frame(c, "/operator/deliveries", text.T(ctx, "operatordesk.nav.deliveries")), tabs, rows, next))
}

type deliveryView struct {
	frame
	delivery.Delivery
	attempts []delivery.Attempt
	trail    []page.AuditEntry
}

func (d desk) delivery(c *serve.Call) error {
	ctx, id := c.R.Context(), delivery.ID(c.R.PathValue("delivery"))
	var view deliveryView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Delivery, err = delivery.Read(ctx, r, id); err != nil {
			return err
		}
		if view.attempts, err = delivery.Log(ctx, r, c.Actor, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/deliveries", view.Name)
	return show(c, nil, deliveryPage(view))
}
