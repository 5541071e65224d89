package vendordesk

import (
	"context"
	"errors"
	"net/http"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

// saleRow is an order as its seller sees it: what was sold, to which pseudonym,
// and what is held for the seller.
type saleRow struct {
	order.Order
	name, plan string
	openID     string
	held       money.Amount
}

// sale reads what a seller may know of an order.
func sale(ctx context.Context, r db.Reader, o order.Order) (saleRow, error) {
	row := saleRow{Order: o, openID: vendor.OpenID(o.Vendor, o.Account, r.Keys())}
	content, err := o.Content()
	if err != nil {
		return row, err
	}
	row.name, row.plan = content.Name.In(text.From(ctx)), o.Snapshot.PlanCode
	for _, p := range content.Plans {
		if p.Code == o.Snapshot.PlanCode {
			row.plan = p.Name.In(text.From(ctx))
		}
	}
	row.held, err = held(ctx, r, string(o.Line), o.Fee.Paid.Currency)
	// The account and the person behind it are not the seller's to know.
	row.Account, row.Buyer, row.Snapshot.Account = "", "", ""
	return row, err
}

// held is what is kept for the seller of an order line: a debt of the market.
func held(ctx context.Context, r db.Reader, line string, currency money.Currency) (money.Amount, error) {
	balance, err := ledger.Balance(ctx, r, ledger.Escrow, line, currency)
	if err != nil {
		return money.Amount{}, err
	}
	return balance.Neg()
}

func sales(ctx context.Context, r db.Reader, v vendor.ID, before order.ID, n int) ([]saleRow, error) {
	all, err := order.Sold(ctx, r, v, before, n)
	if err != nil {
		return nil, err
	}
	rows := make([]saleRow, 0, len(all))
	for _, o := range all {
		row, err := sale(ctx, r, o)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (d desk) orders(c *serve.Call) error {
	ctx := c.R.Context()
	var rows []saleRow
	next := ""
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		rows, err = sales(ctx, r, v.ID, order.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(rows) > perPage {
		rows = rows[:perPage]
		next = "/vendor/orders?before=" + string(rows[perPage-1].ID)
	}
	return d.show(c, http.StatusOK, ordersPage(d.frame(c, "/vendor/orders", text.T(ctx, "vendordesk.nav.orders")), rows, next))
}

type orderView struct {
	frame
	saleRow
	deliveries []delivery.Delivery
	money      *collected // nil while it is not paid
	line       ledger.Line
	when       string // it becomes the vendor's
	told       []page.Event
	contact    contactView
	events     []page.Event
	trail      []page.AuditEntry
}

func (d desk) order(c *serve.Call) error { return d.orderAgain(c, contactView{}) }

// orderAgain shows an order, with what its customer's contact was just asked for.
func (d desk) orderAgain(c *serve.Call, contact contactView) error {
	ctx := c.R.Context()
	view := orderView{contact: contact}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		o, err := order.OfVendor(ctx, r, v.ID, order.ID(c.R.PathValue("order")))
		if err != nil {
			return err
		}
		if view.saleRow, err = sale(ctx, r, o); err != nil {
			return err
		}
		if view.deliveries, err = delivery.OfOrder(ctx, r, string(o.ID)); err != nil {
			return err
		}
		if err := view.account(ctx, r, o); err != nil {
			return err
		}
		if err := view.contact.read(ctx, r, o); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(o.ID))
		view.trail = trail(ctx, c, pseudonymous(acts, o.Account, view.openID))
		return err
	}); err != nil {
		return err
	}
	view.events = timeline(ctx, view.Order, c.Now())
	view.frame = d.frame(c, "/vendor/orders", text.T(ctx, "vendordesk.order.title", "Product", view.name))
	return d.shown(c, contact.refusal, orderPage(view))
}

// account reads what became of an order's money.
func (v *orderView) account(ctx context.Context, r db.Reader, o order.Order) (err error) {
	if v.when, err = whenReleased(ctx, r, o.Refund()); err != nil || o.PaidAt.IsZero() || o.Fee.Paid.IsZero() {
		return err
	}
	if v.line, err = ledger.LineOf(ctx, r, string(o.Line)); err != nil {
		return err
	}
	c, err := settlement.CollectionOf(ctx, r, string(o.Line))
	if err != nil && !errors.Is(err, settlement.ErrNotFound) { // paid before collections were kept
		return err
	}
	if err == nil {
		v.money = &collected{Collection: c, amount: v.line.Expected()}
	}
	journals, err := ledger.OfCause(ctx, r, string(o.Line))
	v.told = told(ctx, string(o.Vendor), journals)
	return err
}

// pseudonymous puts the buyer's pseudonym in the place of the buyer in records
// that the seller reads.
func pseudonymous(acts []audit.Act, buyer account.ID, openID string) []audit.Act {
	for i, a := range acts {
		if a.Account != "" && a.Account == string(buyer) {
			acts[i].Kind, acts[i].Account, acts[i].Actor = "", "", openID
		}
	}
	return acts
}

// timeline is an order's story for its seller, with the end of the refund window.
func timeline(ctx context.Context, o order.Order, now time.Time) []page.Event {
	var events []page.Event
	add := func(key string, at time.Time, tone page.Tone) {
		if !at.IsZero() {
			events = append(events, page.Event{What: text.T(ctx, key), At: at, Tone: tone, Ahead: at.After(now)})
		}
	}
	add("desk.order.placed", o.PlacedAt, page.Neutral)
	add("desk.order.paid", o.PaidAt, page.Success)
	add("desk.order.delivered", o.DeliveredAt, page.Success)
	if o.State == order.Delivered || o.State == order.Provisioning {
		add("desk.order.window", o.Refund().Until, page.Neutral)
	}
	if o.State == order.AwaitingPayment {
		add("desk.order.expires", o.ExpiresAt, page.Neutral)
	}
	add("desk.order.ended", o.EndedAt, page.Neutral)
	return events
}
