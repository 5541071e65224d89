package shop

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"rsc.io/qr"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// How often an order page asks for news, in seconds: often while something is
// about to happen, seldom while people are at work.
const (
	soon  = 3
	later = 30
)

// orderView is an order with what has become of it.
type orderView struct {
	Order    order.Order
	Content  catalog.Content
	Plan     catalog.Plan
	Seller   page.Seller
	Buyer    string // who placed it
	Owner    string // account that it is for
	Attempt  payment.Attempt
	Right    entitlement.Entitlement
	Hand     *handover
	Invoices []invoice.Request
	Review   myReview
	Refund   string // state of the newest request or matter; "" without one
	Disputes int    // complaints and claims
	Acts     []audit.Act
	Method   page.Field
	Key      string
	Refusal  *page.Refusal
	Now      time.Time
}

func showOrder(c *serve.Call) error {
	v, err := loadOrder(c)
	if err != nil {
		return err
	}
	return renderOrder(c, v, nil)
}

func renderOrder(c *serve.Call, v orderView, failed error) error {
	v.Refusal = refusal(c, failed, v.Method)
	frame := chrome(c, v.Content.Name.In(c.Lang), accountCrumb(c), page.Link{Label: text.T(c.R.Context(), "shop.orders.title"), Href: page.OrdersPath})
	frame.Refresh = v.poll()
	if c.R.Method == http.MethodPost {
		frame.Refresh, frame.Path = 0, orderPath(v.Order.ID)
	}
	if failed == nil {
		failed = v.Review.failed
	}
	return show(c, refusalStatus(failed), orderPage(frame, v, c.Lang))
}

// showProgress is the part of the page that changes by itself.
func showProgress(c *serve.Call) error {
	v, err := loadOrder(c)
	if err != nil {
		return err
	}
	// The whole page says where the order stands, not only this part of it.
	if was := c.R.URL.Query().Get("was"); was != "" && was != string(v.Order.State) {
		c.W.Header().Set("HX-Refresh", "true")
	}
	return show(c, http.StatusOK, orderProgress(v))
}

func loadOrder(c *serve.Call) (v orderView, err error) {
	ctx := c.R.Context()
	var merchants []vendor.Merchant
	err = c.Read(func(r db.Reader) error {
		if v.Order, err = order.Get(ctx, r, c.Actor, order.ID(c.R.PathValue("id"))); err != nil {
			return err
		}
		if v.Content, err = v.Order.Content(); err != nil {
			return err
		}
		buyer, err := account.GetUser(ctx, r, v.Order.Buyer)
		if err != nil {
			return err
		}
		owner, err := account.Get(ctx, r, v.Order.Account)
		if err != nil {
			return err
		}
		v.Buyer, v.Owner = buyer.Name, owner.DisplayName
		if v.Order.Attempt != "" {
			if v.Attempt, err = payment.Get(ctx, r, v.Order.Attempt); err != nil {
				return err
			}
		}
		if v.Order.State.Paid() {
			if v.Right, err = entitlement.OfLine(ctx, r, string(v.Order.Line)); err != nil {
				return err
			}
			if v.Hand, err = handoverOf(c, r, v.Right); err != nil {
				return err
			}
			if v.Invoices, err = invoice.OfOrder(ctx, r, string(v.Order.ID)); err != nil {
				return err
			}
		}
		if v.Order.State.Paid() {
			if v.Review, err = myReviewOf(c, r, v.Order, nil); err != nil {
				return err
			}
		}
		if v.Refund, err = refundStateOf(ctx, r, v.Order.ID); err != nil {
			return err
		}
		if v.Disputes, err = complainedOf(ctx, r, v.Order.ID); err != nil {
			return err
		}
		if merchants, err = vendor.Merchants(ctx, r, v.Order.Vendor); err != nil {
			return err
		}
		v.Acts, err = audit.Of(ctx, r, string(v.Order.ID))
		return err
	})
	if err != nil {
		return orderView{}, err
	}
	if i := slices.IndexFunc(v.Content.Plans, func(p catalog.Plan) bool { return p.Code == v.Order.Snapshot.PlanCode }); i >= 0 {
		v.Plan = v.Content.Plans[i]
	}
	if v.Hand != nil {
		v.Hand.Reveal = orderPath(v.Order.ID) + "/reveal"
	}
	v.Seller = sellerOf(c.Lang, v.Order.Snapshot.Seller)
	v.Method = page.Field{Name: "gateway", Label: text.T(c.R.Context(), "shop.checkout.method"), Required: true, Value: v.Order.Gateway, Options: methods(c, merchants)}
	v.Key, v.Now = keptKey(c), c.Now()
	return v, nil
}

// poll is after how many seconds the page asks again; 0 when nothing will change
// by itself.
func (v orderView) poll() int {
	switch v.Order.State {
	case order.AwaitingPayment:
		if v.Attempt.PayURL == "" && v.Attempt.Instructions[scan] == "" && v.Attempt.State == payment.RequiresAction {
			return later // a transfer takes days
		}
		return soon
	case order.Provisioning:
		if v.Hand != nil && v.Hand.Delivery.State == "manual" {
			return later
		}
		return soon
	case order.Refunding:
		return later
	}
	return 0
}

func orderTone(s order.State) page.Tone {
	switch s {
	case order.AwaitingPayment, order.Refunding:
		return page.Warning
	case order.Provisioning:
		return page.Info
	case order.Delivered, order.Completed:
		return page.Success
	}
	return page.Neutral
}

// events is the story of an order: what happened, and what is still to come.
func (v orderView) events(ctx context.Context) []page.Event {
	o := v.Order
	event := func(key, who string, at time.Time, tone page.Tone) page.Event {
		return page.Event{What: text.T(ctx, "shop.event."+key), Who: who, At: at, Tone: tone}
	}
	out := []page.Event{event("placed", v.Buyer, o.PlacedAt, page.Success)}
	if o.State == order.AwaitingPayment {
		pay := event("pay_until", v.Owner, o.ExpiresAt, page.Warning)
		pay.Ahead = true
		return append(out, pay)
	}
	if !o.PaidAt.IsZero() {
		paid := event("paid", methodName(ctx, o.Gateway), o.PaidAt, page.Success)
		paid.Note = page.MoneyText(ctx, o.Fee.Paid)
		out = append(out, paid)
	}
	if !o.DeliveredAt.IsZero() {
		out = append(out, event("delivered", v.Seller.Name, o.DeliveredAt, page.Success))
	}
	switch o.State {
	case order.Provisioning:
		next := event("delivery", "", time.Time{}, page.Info)
		next.Ahead, next.Note = true, v.Seller.Name
		out = append(out, next)
	case order.Cancelled, order.Expired, order.Refunding, order.Refunded:
		out = append(out, event(string(o.State), o.Snapshot.Collector, o.EndedAt, orderTone(o.State)))
		return out
	}
	if until := o.Refund().Until; !until.IsZero() && !o.Fee.Paid.IsZero() {
		window := event("window", "", until, page.Neutral)
		window.Ahead = v.Now.Before(until)
		out = append(out, window)
	}
	return out
}

// trail is what the log holds about the order.
func (v orderView) trail(ctx context.Context) []page.AuditEntry {
	out := make([]page.AuditEntry, len(v.Acts))
	for i, a := range v.Acts {
		entry := page.AuditEntry{At: a.Time(), Who: v.actor(ctx, a), What: a.Act, ID: a.ID, Proof: "/verify/" + a.ID}
		if len(a.Clauses) > 0 {
			entry.Clause = a.Clauses[0]
		}
		if a.Refusal != "" {
			entry.What += " · " + a.Refusal
		}
		out[i] = entry
	}
	return out
}

// actor names who acted as far as this account may know.
func (v orderView) actor(ctx context.Context, a audit.Act) string {
	switch {
	case a.Actor == string(v.Order.Buyer):
		return v.Buyer
	case a.Account == string(v.Order.Account):
		return v.Owner
	case a.Kind == audit.ProviderOf:
		return methodName(ctx, a.Actor)
	case a.Kind == audit.JobKind:
		return text.T(ctx, "shop.actor.system")
	case a.Kind == audit.Person && a.Account != "":
		return text.T(ctx, "shop.actor.other")
	}
	return v.Order.Snapshot.Collector
}

// instructions are how to pay without a provider's page, in a fixed order.
func (v orderView) instructions(ctx context.Context) []page.Term {
	names := make([]string, 0, len(v.Attempt.Instructions))
	for name := range v.Attempt.Instructions {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]page.Term, len(names))
	for i, name := range names {
		label := name
		if key := "payment.instruction." + name; text.Has(text.From(ctx), key) {
			label = text.T(ctx, key)
		}
		out[i] = page.Term{Label: label, Value: page.ID(v.Attempt.Instructions[name])}
	}
	return out
}

// scan is the instruction that is drawn as a code.
const scan = "scan"

// quiet is the white around a code, in modules.
const quiet = 4

// modules are the black squares of a QR code as a path, and the side of the whole;
// 0 when the text does not fit into a code.
func modules(content string) (path string, side int) {
	code, err := qr.Encode(content, qr.M)
	if err != nil {
		return "", 0
	}
	var d strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&d, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return d.String(), code.Size + 2*quiet
}

func payAgain(c *serve.Call) error {
	ctx := c.R.Context()
	id := order.ID(c.R.PathValue("id"))
	gateway := c.R.PostFormValue("gateway")
	return change(c, "order.pay", id, []string{string(id), gateway}, func(tx *db.Tx) error {
		_, err := order.PayAgain(ctx, tx, c.Actor, id, gateway)
		return err
	})
}

func cancelOrder(c *serve.Call) error {
	ctx := c.R.Context()
	id := order.ID(c.R.PathValue("id"))
	return change(c, "order.cancel", id, id, func(tx *db.Tx) error {
		_, err := order.Cancel(ctx, tx, c.Actor, id)
		return err
	})
}

// change does one thing to an order and shows the order again.
func change(c *serve.Call, name string, id order.ID, in any, do func(tx *db.Tx) error) error {
	err := serve.Act(c, serve.Intent{Name: name, Input: in, Subjects: []string{string(id)}}, do)
	if err == nil {
		return c.Redirect(orderPath(id))
	}
	if !correctable(err) {
		return err
	}
	v, failed := loadOrder(c)
	if failed != nil {
		return failed
	}
	return renderOrder(c, v, err)
}

func revealOrder(c *serve.Call) error {
	v, err := loadOrder(c)
	if err != nil {
		return err
	}
	err = reveal(c, v.Hand)
	if err != nil && !correctable(err) {
		return err
	}
	return renderOrder(c, v, err)
}

// ordersView is one page of the account's orders, newest first.
type ordersView struct {
	Orders []order.Order
	Pages  page.Pages
}

const ordersPerPage = 20

func orders(c *serve.Call) error {
	var v ordersView
	err := c.Read(func(r db.Reader) (err error) {
		v.Orders, err = order.Mine(c.R.Context(), r, c.Actor, order.ID(c.R.FormValue("before")), ordersPerPage+1)
		return err
	})
	if err != nil {
		return err
	}
	if len(v.Orders) > ordersPerPage {
		v.Orders = v.Orders[:ordersPerPage]
		v.Pages.Next = page.OrdersPath + "?before=" + escape(string(v.Orders[ordersPerPage-1].ID))
	}
	return show(c, http.StatusOK, ordersPage(chrome(c, text.T(c.R.Context(), "shop.orders.title"), accountCrumb(c)), v, c.Lang))
}

func ordersTable(ctx context.Context, all []order.Order, lang text.Lang) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "shop.orders.title"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "shop.column.product")}, {Label: text.T(ctx, "base.state")}, {Label: text.T(ctx, "page.seller")}, {Label: text.T(ctx, "base.amount"), Num: true}, {Label: text.T(ctx, "shop.column.placed")}},
		Empty: page.Empty{Title: text.T(ctx, "shop.orders.empty"), Text: text.T(ctx, "shop.orders.empty.text"),
			Action: page.Action{Label: text.T(ctx, "shop.home.browse"), Href: page.SearchPath}},
	}
	for _, o := range all {
		out.Rows = append(out.Rows, []templ.Component{
			page.Anchor(orderPath(o.ID), nameOf(o, lang)), page.Chip(orderTone(o.State), text.T(ctx, "shop.order.state."+string(o.State))),
			page.Str(o.Snapshot.Seller.RegisteredName), page.Money(o.Fee.Paid), page.Time(o.PlacedAt),
		})
	}
	return out
}

// nameOf is the product's name as bought; the id when the frozen sheet cannot be
// read, so that a list still shows.
func nameOf(o order.Order, lang text.Lang) string {
	content, err := o.Content()
	if err != nil {
		return string(o.ID)
	}
	return content.Name.In(lang)
}

// receiptView is the proof of a payment with its place in the log.
type receiptView struct {
	order.Receipt
	Owner string
	Paid  *audit.Act       // the record of the payment
	Place *audit.Inclusion // nil until the record is in the log
	Scan  string           // address of the public proof; "" without a record
}

func receipt(c *serve.Call) error {
	ctx := c.R.Context()
	var v receiptView
	err := c.Read(func(r db.Reader) (err error) {
		if v.Receipt, err = order.ReceiptOf(ctx, r, c.Actor, order.ID(c.R.PathValue("id"))); err != nil {
			return err
		}
		owner, err := account.Get(ctx, r, v.Order.Account)
		if err != nil {
			return err
		}
		v.Owner = owner.DisplayName
		acts, err := audit.Of(ctx, r, string(v.Order.ID))
		if err != nil {
			return err
		}
		for i := range acts {
			if acts[i].Act == "order.paid" {
				v.Paid = &acts[i]
			}
		}
		if v.Paid == nil {
			return nil
		}
		v.Place, err = place(ctx, r, v.Paid.ID)
		return err
	})
	if err != nil {
		return err
	}
	if v.Paid != nil {
		v.Scan = c.Market.Info.BaseURL + "/verify/receipt/" + v.Paid.ID
	}
	frame := chrome(c, text.T(c.R.Context(), "shop.receipt.title"), page.Link{Label: text.T(c.R.Context(), "shop.orders.title"), Href: page.OrdersPath}, page.Link{Label: string(v.Order.ID), Href: orderPath(v.Order.ID)})
	return show(c, http.StatusOK, receiptPage(frame, v, c.Lang))
}
