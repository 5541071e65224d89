package operatordesk

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/vendor"
)

// invoiceRow is a request with the name of its vendor.
type invoiceRow struct {
	invoice.Request
	vendor string
}

// invoicesView is what vendors owe their buyers, to watch: there is deliberately
// nothing to do here, because only the vendor issues.
type invoicesView struct {
	frame
	now  time.Time
	late []invoiceRow
	all  []invoiceRow
	next string
}

func (d desk) invoices(c *serve.Call) error {
	ctx := c.R.Context()
	view := invoicesView{now: c.Now()}
	if err := c.Read(func(r db.Reader) error {
		late, err := invoice.Late(ctx, r, "", perPage)
		if err != nil {
			return err
		}
		all, err := invoice.All(ctx, r, invoice.ID(c.R.URL.Query().Get("before")), perPage+1)
		if err != nil {
			return err
		}
		if len(all) > perPage {
			all = all[:perPage]
			view.next = "/operator/invoices?before=" + string(all[perPage-1].ID)
		}
		if view.late, err = invoiceRowsOf(ctx, r, late); err != nil {
			return err
		}
		view.all, err = invoiceRowsOf(ctx, r, all)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/invoices", text.T(ctx, "operatordesk.nav.invoices"))
	return show(c, nil, invoicesPage(view))
}

func invoiceRowsOf(ctx context.Context, r db.Reader, all []invoice.Request) ([]invoiceRow, error) {
	rows := make([]invoiceRow, 0, len(all))
	for _, q := range all {
		v, err := vendor.Get(ctx, r, q.Vendor)
		if err != nil {
			return nil, err
		}
		rows = append(rows, invoiceRow{q, v.RegisteredName})
	}
	return rows, nil
}

type invoiceView struct {
	frame
	invoiceRow
	now     time.Time
	bills   []invoice.Invoice
	files   []invoice.File
	letters []invoice.RedLetter
	tally   invoice.Tally
	trail   []page.AuditEntry
}

func (d desk) invoice(c *serve.Call) error {
	ctx, id := c.R.Context(), invoice.ID(c.R.PathValue("invoice"))
	view := invoiceView{now: c.Now()}
	if err := c.Read(func(r db.Reader) error {
		q, err := invoice.Get(ctx, r, c.Actor, id)
		if err != nil {
			return err
		}
		rows, err := invoiceRowsOf(ctx, r, []invoice.Request{q})
		if err != nil {
			return err
		}
		view.invoiceRow = rows[0]
		if view.bills, err = invoice.Invoices(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if view.files, err = invoice.Files(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if view.letters, err = invoice.RedLetters(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if view.tally, err = invoice.Figures(ctx, r, q.Vendor); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/invoices", text.T(ctx, "invoice.page.request", "Amount", page.MoneyText(ctx, view.Amount)))
	return show(c, nil, invoicePage(view))
}

type billingView struct {
	frame
	rows []billingRow
	next string
}

type billingRow struct {
	invoice.OperatorInvoice
	vendor string
}

// billing is what the operator has billed its vendors.
func (d desk) billing(c *serve.Call) error {
	ctx := c.R.Context()
	var view billingView
	if err := c.Read(func(r db.Reader) error {
		all, err := invoice.OperatorInvoices(ctx, r, invoice.OperatorID(c.R.URL.Query().Get("before")), perPage+1)
		if err != nil {
			return err
		}
		if len(all) > perPage {
			all = all[:perPage]
			view.next = "/operator/billing?before=" + string(all[perPage-1].ID)
		}
		for _, o := range all {
			v, err := vendor.Get(ctx, r, o.Vendor)
			if err != nil {
				return err
			}
			view.rows = append(view.rows, billingRow{o, v.RegisteredName})
		}
		return nil
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/billing", text.T(ctx, "operatordesk.nav.billing"))
	return show(c, nil, billingPage(view))
}

func invoiceTone(s invoice.State) page.Tone {
	switch s {
	case invoice.Issued, invoice.Delivered:
		return page.Success
	case invoice.Requested, invoice.Confirmed, invoice.Issuing:
		return page.Info
	case invoice.RedPending:
		return page.Warning
	}
	return page.Neutral
}

func lateItems(ctx context.Context, late []invoiceRow) []page.QueueItem {
	items := make([]page.QueueItem, 0, len(late))
	for _, q := range late {
		items = append(items, page.QueueItem{
			Href: "/operator/invoices/" + string(q.ID), Title: text.T(ctx, "invoice.page.request", "Amount", page.MoneyText(ctx, q.Amount)), Who: q.vendor, ID: q.Order,
			Chip: page.Chip(invoiceTone(q.State), text.T(ctx, "invoice.state."+string(q.State))), Due: q.DueAt,
		})
	}
	return items
}

func invoiceCells(ctx context.Context, all []invoiceRow, now time.Time) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, q := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/operator/invoices/"+string(q.ID), q.vendor), invoiceStateCell(q, now), page.Anchor("/operator/orders/"+q.Order, q.Order), page.Money(q.Amount), page.Time(q.RequestedAt),
		})
	}
	return rows
}

func billingCells(ctx context.Context, all []billingRow) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, o := range all {
		number := page.Muted(text.T(ctx, "invoice.operator.waiting"))
		if o.Number > 0 {
			number = page.ID(o.Code())
		}
		rows = append(rows, []templ.Component{page.Str(o.vendor), page.Str(o.Period), number, page.Money(o.Net), page.Money(o.Tax), page.Money(o.Total), page.Date(o.IssuedAt)})
	}
	return rows
}

// invoiceItems are the overdue requests for the desk's first page.
func invoiceItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	late, err := invoice.Late(ctx, r, "", perPage)
	if err != nil {
		return nil, err
	}
	rows, err := invoiceRowsOf(ctx, r, late)
	return lateItems(ctx, rows), err
}
