package shop

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// invoiced is one request with all that belongs to it.
type invoiced struct {
	invoice.Request
	Files   []invoice.File
	Bills   []invoice.Invoice
	Letters []invoice.RedLetter

	first  bool // on its page
	refuse bool // its form came back
}

// openLetter is the red letter that is not at an end; nil when there is none.
func (v invoiced) openLetter() *invoice.RedLetter {
	for i := range v.Letters {
		if v.Letters[i].EndedAt.IsZero() {
			return &v.Letters[i]
		}
	}
	return nil
}

// invoiceView is the invoices of an order and the form to ask for one.
type invoiceView struct {
	Order     order.Order
	Seller    page.Seller
	Collector string
	Requests  []invoiced
	Left      money.Amount
	Ready     bool
	Titles    []invoice.Title
	Now       time.Time
	Key       string
	Refusal   *page.Refusal

	Title, TitleKind, Name, TaxID, Email, Address, Phone, Bank, BankAccount, Kind, Amount, Save page.Field
	Reason, Confirmation                                                                        page.Field
}

func invoicePath(o order.Order) string { return orderPath(o.ID) + "/invoice" }

func requestPath(v invoiced) string {
	return "/orders/" + v.Order + "/invoice/" + string(v.ID)
}

func showInvoice(c *serve.Call) error { return invoiceAgain(c, nil) }

func invoiceAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	v := invoiceView{Now: c.Now(), Key: keptKey(c)}
	err := c.Read(func(r db.Reader) (err error) {
		if v.Order, err = order.Get(ctx, r, c.Actor, order.ID(c.R.PathValue("id"))); err != nil {
			return err
		}
		if v.Order.PaidAt.IsZero() {
			return order.ErrNotFound
		}
		of, err := order.Invoiceable(ctx, r, v.Order)
		if err != nil {
			return err
		}
		v.Ready = of.Ready
		if v.Left, err = invoice.Left(ctx, r, of); err != nil {
			return err
		}
		if v.Titles, err = invoice.Titles(ctx, r, c.Actor); err != nil {
			return err
		}
		v.Requests, err = invoicesOf(ctx, r, c, v.Order)
		return err
	})
	if err != nil {
		return err
	}
	v.Seller, v.Collector = sellerOf(c.Lang, v.Order.Snapshot.Seller), v.Order.Snapshot.Collector
	v.ask(c, page.FieldErrors(ctx, failed))
	v.Refusal = refusal(c, failed, v.Title, v.TitleKind, v.Name, v.TaxID, v.Email, v.Address, v.Phone, v.Bank, v.BankAccount, v.Kind, v.Amount, v.Reason, v.Confirmation)
	frame := chrome(c, text.T(ctx, "invoice.page.title"), page.Link{Label: text.T(ctx, "shop.orders.title"), Href: page.OrdersPath},
		page.Link{Label: nameOf(v.Order, c.Lang), Href: orderPath(v.Order.ID)})
	if failed != nil {
		frame.Path = invoicePath(v.Order)
	}
	return show(c, refusalStatus(failed), invoicePage(frame, v))
}

func invoicesOf(ctx context.Context, r db.Reader, c *serve.Call, o order.Order) (out []invoiced, err error) {
	all, err := invoice.OfOrder(ctx, r, string(o.ID))
	if err != nil {
		return nil, err
	}
	for _, q := range all {
		one := invoiced{Request: q, first: len(out) == 0, refuse: c.R.PathValue("invoice") == string(q.ID)}
		if one.Files, err = invoice.Files(ctx, r, c.Actor, q.ID); err != nil {
			return nil, err
		}
		if one.Bills, err = invoice.Invoices(ctx, r, c.Actor, q.ID); err != nil {
			return nil, err
		}
		if one.Letters, err = invoice.RedLetters(ctx, r, c.Actor, q.ID); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	for _, one := range out {
		if one.refuse && !one.first {
			out[0].first = false
		}
	}
	return out, nil
}

// ask makes the fields of the forms.
func (v *invoiceView) ask(c *serve.Call, errs map[string]string) {
	ctx := c.R.Context()
	word := func(key string) string { return text.T(ctx, "invoice.page."+key) }
	if len(v.Titles) > 0 {
		v.Title = field(c, errs, page.Field{Name: "title", Label: word("which_title"), Required: true})
		for _, t := range v.Titles {
			v.Title.Options = append(v.Title.Options, page.Option{Value: string(t.ID), Label: t.Buyer.Name, Hint: titleHint(ctx, t.Buyer)})
		}
		v.Title.Options = append(v.Title.Options, page.Option{Value: "new", Label: word("new_title"), Hint: word("new_title.hint")})
		if v.Title.Value == "" {
			v.Title.Value = string(v.Titles[0].ID)
		}
	}
	v.titleFields(c, errs)
	v.Kind = field(c, errs, page.Field{Name: "kind", Label: word("kind"), Required: true, Options: []page.Option{
		{Value: string(invoice.Ordinary), Label: text.T(ctx, "invoice.kind.ordinary"), Hint: word("ordinary.hint")},
		{Value: string(invoice.Special), Label: text.T(ctx, "invoice.kind.special"), Hint: word("special.hint")},
	}})
	if v.Kind.Value == "" {
		v.Kind.Value = string(invoice.Ordinary)
	}
	v.Amount = field(c, errs, page.Field{Name: "amount", Label: text.T(ctx, "base.amount"), Hint: text.T(ctx, "invoice.page.amount.hint", "Amount", page.MoneyText(ctx, v.Left)), Required: true, Currency: string(v.Left.Currency)})
	if v.Amount.Value == "" {
		v.Amount.Value = v.Left.Plain()
	}
	v.Save = page.Field{Name: "save", Label: word("save"), Checked: c.R.PostFormValue("save") != "", Quiet: true}
	v.Reason, v.Confirmation = redFields(c, errs)
}

func redFields(c *serve.Call, errs map[string]string) (reason, confirmation page.Field) {
	ctx := c.R.Context()
	reason = field(c, errs, page.Field{Name: "reason", Label: text.T(ctx, "invoice.page.red.reason"), Required: true})
	for _, one := range []invoice.Reason{invoice.IssuedWrongly, invoice.GoodsReturned, invoice.ServiceStopped, invoice.Allowance} {
		reason.Options = append(reason.Options, page.Option{Value: string(one), Label: text.T(ctx, "invoice.reason."+string(one))})
	}
	if reason.Value == "" {
		reason.Value = string(invoice.IssuedWrongly)
	}
	confirmation = field(c, errs, page.Field{Name: "confirmation", Label: text.T(ctx, "invoice.page.red.confirmation"), Hint: text.T(ctx, "invoice.page.red.confirmation.hint"), InputMode: "numeric", MaxLength: 20, Width: "medium", Required: true, Autocomplete: "off"})
	return reason, confirmation
}

func (v *invoiceView) titleFields(c *serve.Call, errs map[string]string) {
	ctx := c.R.Context()
	word := func(key string) string { return text.T(ctx, "invoice.page."+key) }
	v.TitleKind = field(c, errs, page.Field{Name: "title_kind", Label: word("title_kind"), Required: true, Options: []page.Option{
		{Value: string(invoice.Company), Label: text.T(ctx, "invoice.title.company")}, {Value: string(invoice.Individual), Label: text.T(ctx, "invoice.title.individual")},
	}})
	v.Name = field(c, errs, page.Field{Name: "name", Label: word("name"), Hint: word("name.hint"), Required: true, MaxLength: 100, Autocomplete: "organization"})
	v.TaxID = field(c, errs, page.Field{Name: "tax_id", Label: word("tax_id"), Hint: word("tax_id.hint"), MaxLength: 18, Width: "medium", Quiet: true, Autocomplete: "off"})
	v.Email = field(c, errs, page.Field{Name: "email", Label: text.T(ctx, "base.email"), Hint: word("email.hint"), Kind: "email", Autocomplete: "email"})
	v.Address = field(c, errs, page.Field{Name: "address", Label: word("address"), MaxLength: 100, Autocomplete: "street-address"})
	v.Phone = field(c, errs, page.Field{Name: "phone", Label: word("phone"), Kind: "tel", MaxLength: 100, Width: "medium", Autocomplete: "tel"})
	v.Bank = field(c, errs, page.Field{Name: "bank", Label: word("bank"), MaxLength: 100, Autocomplete: "off"})
	v.BankAccount = field(c, errs, page.Field{Name: "bank_account", Label: word("bank_account"), InputMode: "numeric", MaxLength: 100, Width: "medium", Autocomplete: "off"})
}

// titleHint tells two titles of one name apart.
func titleHint(ctx context.Context, b invoice.Buyer) string {
	hint := text.T(ctx, "invoice.title."+string(b.Kind))
	if b.TaxID != "" {
		hint += " · " + b.TaxID
	}
	return hint
}

func buyerOf(form func(string) string) invoice.Buyer {
	return invoice.Buyer{
		Kind: invoice.TitleKind(form("title_kind")), Name: form("name"), TaxID: form("tax_id"), Email: form("email"), Address: form("address"),
		Phone: form("phone"), Bank: form("bank"), BankAccount: form("bank_account"),
	}
}

// unnamed stands for a title in what an idempotency key stands for. The hash of
// that is part of the public log; with a key nobody can try names against it.
func unnamed(c *serve.Call, b invoice.Buyer) string {
	return c.Market.DB.Keys().Index("shop.input", strings.Join([]string{string(b.Kind), b.Name, b.TaxID, b.Email, b.Address, b.Phone, b.Bank, b.BankAccount}, "\n"))
}

func requestInvoice(c *serve.Call) error {
	ctx, form, id := c.R.Context(), c.R.PostFormValue, order.ID(c.R.PathValue("id"))
	in := invoice.Ask{Kind: invoice.Kind(form("kind")), From: form("from")}
	if title := form("title"); title != "" && title != "new" {
		in.Title = invoice.TitleID(title)
	} else {
		in.Buyer = buyerOf(form)
	}
	amount, err := money.Parse(form("amount"), money.CNY)
	if err != nil {
		return again(c, invoice.ErrInvalid.In("amount"), invoiceAgain)
	}
	in.Amount = amount
	err = serve.Act(c, serve.Intent{
		Name: "invoice.request", Input: []any{id, in.Kind, in.Amount, in.Title, in.From, unnamed(c, in.Buyer)}, Subjects: []string{string(id)}, Clauses: []string{"UA 4.4"},
	}, func(tx *db.Tx) error {
		o, err := order.Get(ctx, tx, c.Actor, id)
		if err != nil {
			return err
		}
		of, err := order.Invoiceable(ctx, tx, o)
		if err != nil {
			return err
		}
		if in.Title == "" && form("save") != "" {
			if _, err := invoice.SaveTitle(ctx, tx, c.Actor, in.Buyer); err != nil {
				return err
			}
		}
		_, err = invoice.RequestFor(ctx, tx, c.Actor, of, in)
		return err
	})
	if err != nil {
		return again(c, err, invoiceAgain)
	}
	return c.Redirect(orderPath(id) + "/invoice")
}

// invoiceActed does one thing to a request of an order and shows the order's
// invoices again. A request of another order does not exist here.
func invoiceActed(c *serve.Call, name string, input any, do func(tx *db.Tx, id invoice.ID) error) error {
	ctx, id, of := c.R.Context(), invoice.ID(c.R.PathValue("invoice")), order.ID(c.R.PathValue("id"))
	err := serve.Act(c, serve.Intent{Name: name, Input: []any{id, input}, Subjects: []string{string(id), string(of)}, Clauses: []string{"UA 4.4"}}, func(tx *db.Tx) error {
		q, err := invoice.Get(ctx, tx, c.Actor, id)
		if err != nil {
			return err
		}
		if q.Order != string(of) {
			return serve.ErrNotFound
		}
		return do(tx, id)
	})
	if err != nil {
		return again(c, err, invoiceAgain)
	}
	return c.Redirect(orderPath(of) + "/invoice")
}

func withdrawInvoice(c *serve.Call) error {
	return invoiceActed(c, "invoice.withdraw", nil, func(tx *db.Tx, id invoice.ID) error {
		_, err := invoice.Withdraw(c.R.Context(), tx, c.Actor, id)
		return err
	})
}

func enterRed(c *serve.Call) error {
	f := invoice.Form{Reason: invoice.Reason(c.R.PostFormValue("reason")), Confirmation: c.R.PostFormValue("confirmation")}
	return invoiceActed(c, "invoice.enter_red", f, func(tx *db.Tx, id invoice.ID) error {
		_, err := invoice.EnterRed(c.R.Context(), tx, c.Actor, id, f)
		return err
	})
}

func answerRed(c *serve.Call) error {
	letter, to := invoice.RedID(c.R.PathValue("red")), invoice.RedState(c.R.PostFormValue("to"))
	return invoiceActed(c, "invoice.answer_red", []any{letter, to}, func(tx *db.Tx, id invoice.ID) error {
		all, err := invoice.RedLetters(c.R.Context(), tx, c.Actor, id)
		if err != nil {
			return err
		}
		for _, l := range all {
			if l.ID == letter {
				_, err := invoice.AnswerRed(c.R.Context(), tx, c.Actor, letter, to)
				return err
			}
		}
		return serve.ErrNotFound
	})
}

func invoiceFile(c *serve.Call) error {
	return c.SendInvoice(invoice.ID(c.R.PathValue("invoice")), c.R.PathValue("sha"))
}

func invoiceGOBL(c *serve.Call) error {
	return c.SendGOBL(invoice.ID(c.R.PathValue("invoice")), invoice.DocID(c.R.PathValue("doc")))
}

func invoiceTone(s invoice.State) page.Tone {
	switch s {
	case invoice.Issued, invoice.Delivered:
		return page.Success
	case invoice.Requested, invoice.Confirmed, invoice.Issuing:
		return page.Info
	case invoice.RedPending:
		return page.Warning
	case invoice.Rejected:
		return page.Danger
	}
	return page.Neutral
}

func redTone(s invoice.RedState) page.Tone {
	switch {
	case s.Agreed():
		return page.Success
	case s.Waiting(), s == invoice.Asked:
		return page.Warning
	}
	return page.Neutral
}

// story is what happened to a request.
func (v invoiced) story(ctx context.Context, now time.Time) []page.Event {
	var out []page.Event
	add := func(key string, at time.Time, tone page.Tone) {
		if !at.IsZero() {
			out = append(out, page.Event{What: text.T(ctx, "invoice.event."+key), At: at, Tone: tone, Ahead: at.After(now)})
		}
	}
	add("requested", v.RequestedAt, page.Success)
	add("confirmed", v.ConfirmedAt, page.Success)
	if v.State.Open() {
		add("due", v.DueAt, page.Warning)
	}
	add("overdue", v.OverdueAt, page.Danger)
	add("issued", v.IssuedAt, page.Success)
	add("delivered", v.DeliveredAt, page.Success)
	add(string(v.State), v.EndedAt, page.Neutral)
	return out
}

// invoiceListView is one page of the account's requests, newest first.
type invoiceListView struct {
	Requests []invoice.Request
	Pages    page.Pages
}

func invoices(c *serve.Call) error {
	ctx := c.R.Context()
	var v invoiceListView
	if err := c.Read(func(r db.Reader) (err error) {
		v.Requests, err = invoice.Mine(ctx, r, c.Actor, invoice.ID(c.R.FormValue("before")), ordersPerPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(v.Requests) > ordersPerPage {
		v.Requests = v.Requests[:ordersPerPage]
		v.Pages.Next = "/account/invoices?before=" + escape(string(v.Requests[ordersPerPage-1].ID))
	}
	return show(c, http.StatusOK, invoicesPage(chrome(c, text.T(ctx, "invoice.page.list"), accountCrumb(c)), v, c.Now()))
}

func invoicesTable(ctx context.Context, all []invoice.Request, now time.Time) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "invoice.page.list"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "invoice.page.name")}, {Label: text.T(ctx, "base.state")}, {Label: text.T(ctx, "invoice.page.kind")}, {Label: text.T(ctx, "base.amount"), Num: true}, {Label: text.T(ctx, "invoice.page.asked_at")}},
		Empty: page.Empty{Title: text.T(ctx, "invoice.page.none"), Text: text.T(ctx, "invoice.page.none.text"),
			Action: page.Action{Label: text.T(ctx, "shop.orders.title"), Href: page.OrdersPath}},
	}
	for _, q := range all {
		out.Rows = append(out.Rows, []templ.Component{
			page.Anchor("/orders/"+q.Order+"/invoice", q.Buyer.Name), invoiceState(q, now), page.Str(text.T(ctx, "invoice.kind."+string(q.Kind))),
			page.Money(q.Amount), page.Time(q.RequestedAt),
		})
	}
	return out
}

// titlesView is the saved titles and the form for another one.
type titlesView struct {
	invoiceView
	All []invoice.Title
}

func titles(c *serve.Call) error { return titlesAgain(c, nil) }

func titlesAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	v := titlesView{invoiceView: invoiceView{Key: keptKey(c)}}
	if err := c.Read(func(r db.Reader) (err error) {
		v.All, err = invoice.Titles(ctx, r, c.Actor)
		return err
	}); err != nil {
		return err
	}
	v.titleFields(c, page.FieldErrors(ctx, failed))
	v.Refusal = refusal(c, failed, v.TitleKind, v.Name, v.TaxID, v.Email, v.Address, v.Phone, v.Bank, v.BankAccount)
	return show(c, refusalStatus(failed), titlesPage(chrome(c, text.T(ctx, "invoice.page.titles"), accountCrumb(c)), v))
}

func saveTitle(c *serve.Call) error {
	b := buyerOf(c.R.PostFormValue)
	err := serve.Act(c, serve.Intent{Name: "invoice.save_title", Input: unnamed(c, b)}, func(tx *db.Tx) error {
		_, err := invoice.SaveTitle(c.R.Context(), tx, c.Actor, b)
		return err
	})
	if err != nil {
		return again(c, err, titlesAgain)
	}
	return c.Redirect("/account/titles")
}

func removeTitle(c *serve.Call) error {
	id := c.R.PathValue("title")
	err := serve.Act(c, serve.Intent{Name: "invoice.remove_title", Input: id, Subjects: []string{id}}, func(tx *db.Tx) error {
		return invoice.RemoveTitle(c.R.Context(), tx, c.Actor, invoice.TitleID(id))
	})
	if err != nil {
		return err
	}
	return c.Redirect("/account/titles")
}

// slipView is what the vendor has delivered, to be printed. The vendor is who
// serves; the operator only collected.
type slipView struct {
	Order      order.Order
	Seller     vendor.SellerCard
	Owner      string
	Deliveries []delivery.Delivery
	Receipts   []delivery.Receipt
}

func serviceSlip(c *serve.Call) error {
	ctx := c.R.Context()
	var v slipView
	o, err := loadOrder(c)
	if err != nil {
		return err
	}
	v.Order, v.Seller, v.Owner = o.Order, o.Order.Snapshot.Seller, o.Owner
	if v.Order.DeliveredAt.IsZero() {
		return order.ErrNotFound
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Deliveries, err = delivery.OfOrder(ctx, r, string(v.Order.ID)); err != nil {
			return err
		}
		for _, one := range v.Deliveries {
			some, err := delivery.Receipts(ctx, r, c.Actor, one.ID)
			if err != nil {
				return err
			}
			v.Receipts = append(v.Receipts, some...)
		}
		return nil
	}); err != nil {
		return err
	}
	frame := chrome(c, text.T(ctx, "invoice.slip.title"), page.Link{Label: text.T(ctx, "shop.orders.title"), Href: page.OrdersPath}, page.Link{Label: string(v.Order.ID), Href: orderPath(v.Order.ID)})
	return show(c, http.StatusOK, slipPage(frame, v, c.Lang))
}

func receiptRows(ctx context.Context, all []delivery.Receipt) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, p := range all {
		var hash templ.Component = page.Muted(text.T(ctx, "base.none"))
		if p.SHA256 != "" {
			hash = page.ID(p.SHA256)
		}
		rows = append(rows, []templ.Component{page.Str(text.T(ctx, "delivery.receipt."+p.Event)), page.Time(p.At), hash})
	}
	return rows
}

func orNone(ctx context.Context, s string) string {
	if s == "" {
		return text.T(ctx, "base.none")
	}
	return s
}

// fileName is how people call a form of an invoice.
func fileName(k invoice.FileKind) string {
	return map[invoice.FileKind]string{invoice.XML: "XML", invoice.OFD: "OFD", invoice.PDF: "PDF"}[k]
}

// numbered gives a field that each request asks for an id of its own. The form
// that came back has the plain one, because the list of refusals links to it.
func numbered(f page.Field, one invoiced) page.Field {
	if !one.refuse {
		f.Error = ""
	}
	if !one.refuse && !one.first {
		f.Of = string(one.ID)
	}
	return f
}

func invoiceVerb(v orderView) string {
	if len(v.Invoices) == 0 {
		return "invoice.page.ask"
	}
	return "invoice.page.open"
}

func titleTerms(ctx context.Context, b invoice.Buyer) []page.Term {
	terms := []page.Term{{Label: text.T(ctx, "invoice.page.title_kind"), Text: text.T(ctx, "invoice.title."+string(b.Kind))}}
	for _, t := range []page.Term{
		{Label: text.T(ctx, "invoice.page.tax_id"), Text: b.TaxID}, {Label: text.T(ctx, "base.email"), Text: b.Email}, {Label: text.T(ctx, "invoice.page.address"), Text: b.Address},
		{Label: text.T(ctx, "invoice.page.phone"), Text: b.Phone}, {Label: text.T(ctx, "invoice.page.bank"), Text: b.Bank}, {Label: text.T(ctx, "invoice.page.bank_account"), Text: b.BankAccount},
	} {
		if t.Text != "" {
			terms = append(terms, t)
		}
	}
	return terms
}
