package vendordesk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/invoice"
)

// invoicesView is what is due, and one page of all requests.
type invoicesView struct {
	frame
	now    time.Time
	due    []invoice.Request
	red    []invoice.RedLetter
	all    []invoice.Request
	billed []invoice.OperatorInvoice
	tally  invoice.Tally
	next   string
}

func (d desk) invoices(c *serve.Call) error {
	ctx := c.R.Context()
	view := invoicesView{now: c.Now()}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if view.due, err = invoice.Due(ctx, r, v.ID, perPage); err != nil {
			return err
		}
		if view.red, err = invoice.RedDue(ctx, r, v.ID, perPage); err != nil {
			return err
		}
		if view.tally, err = invoice.Figures(ctx, r, v.ID); err != nil {
			return err
		}
		if view.billed, err = invoice.OperatorInvoicesOf(ctx, r, v.ID, "", perPage); err != nil {
			return err
		}
		view.all, err = invoice.OfVendor(ctx, r, v.ID, invoice.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/vendor/invoices?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/vendor/invoices", text.T(ctx, "vendordesk.nav.invoices"))
	return d.show(c, http.StatusOK, invoicesPage(view))
}

// invoiceView is one request with its files and red letters.
type invoiceView struct {
	frame
	invoice.Request
	now     time.Time
	files   []invoice.File
	bills   []invoice.Invoice
	letters []invoice.RedLetter
	trail   []page.AuditEntry
	refusal error
	errors  map[string]string
	form    func(string) string
	key     string
}

// open is the red letter that is not at an end.
func (v invoiceView) open() (invoice.RedLetter, bool) {
	for _, l := range v.letters {
		if l.EndedAt.IsZero() {
			return l, true
		}
	}
	return invoice.RedLetter{}, false
}

func (d desk) invoice(c *serve.Call) error { return d.invoiceAgain(c, nil) }

func (d desk) invoiceAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), invoice.ID(c.R.PathValue("invoice"))
	view := invoiceView{now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: c.R.PostFormValue, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Request, err = d.mine(c, r, id); err != nil {
			return err
		}
		if view.files, err = invoice.Files(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if view.bills, err = invoice.Invoices(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if view.letters, err = invoice.RedLetters(ctx, r, c.Actor, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		// The buyer's people are strangers here; the records name no title.
		for i := range acts {
			if acts[i].Account != string(c.Account()) && acts[i].Kind == audit.Person {
				acts[i].Kind, acts[i].Account, acts[i].Actor = "", "", text.T(ctx, "vendordesk.invoice.buyer")
			}
		}
		view.trail = trail(ctx, c, acts)
		return err
	}); err != nil {
		return err
	}
	if errors.Is(refusal, invoice.ErrMismatch) {
		view.errors["file"] = text.T(ctx, "fault."+invoice.ErrMismatch.Code)
	}
	view.frame = d.frame(c, "/vendor/invoices", text.T(ctx, "invoice.page.request", "Amount", page.MoneyText(ctx, view.Amount)))
	return d.shown(c, refusal, invoicePage(view))
}

// mine returns a request to the vendor of the caller; one that the caller's
// account has sent to others is not this desk's.
func (d desk) mine(c *serve.Call, r db.Reader, id invoice.ID) (invoice.Request, error) {
	v, err := d.seller(c, r)
	if err != nil {
		return invoice.Request{}, err
	}
	q, err := invoice.Get(c.R.Context(), r, c.Actor, id)
	if err == nil && q.Vendor != v.ID {
		err = account.ErrForeign
	}
	return q, err
}

// invoiceActed runs an act on a request and shows it again.
func (d desk) invoiceActed(c *serve.Call, name string, input any, do func(ctx context.Context, tx *db.Tx, id invoice.ID) error) error {
	id := invoice.ID(c.R.PathValue("invoice"))
	err := serve.Act(c, serve.Intent{Name: name, Input: []any{id, input}, Subjects: []string{string(id)}, Clauses: []string{"UA 4.4"}}, func(tx *db.Tx) error {
		if _, err := d.mine(c, tx, id); err != nil {
			return err
		}
		return do(c.R.Context(), tx, id)
	})
	if err != nil && correctable(err) {
		return d.invoiceAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/invoices/" + string(id))
}

func (d desk) confirmInvoice(c *serve.Call) error {
	return d.invoiceActed(c, "invoice.confirm", nil, func(ctx context.Context, tx *db.Tx, id invoice.ID) error {
		_, err := invoice.Confirm(ctx, tx, c.Actor, id)
		return err
	})
}

func (d desk) rejectInvoice(c *serve.Call) error {
	// A reason may name a person, and what an intent stands for is hashed into the public log.
	said := c.Market.DB.Keys().Index("vendordesk.input", c.R.PostFormValue("reason"))
	return d.invoiceActed(c, "invoice.reject", said, func(ctx context.Context, tx *db.Tx, id invoice.ID) error {
		_, err := invoice.Reject(ctx, tx, c.Actor, id, c.R.PostFormValue("reason"))
		return err
	})
}

// uploadInvoice takes the file of an invoice, or of a red one when a red letter
// is agreed: XML issues it, OFD and PDF are views of it.
func (d desk) uploadInvoice(c *serve.Call) error {
	content, err := uploaded(c)
	if err != nil {
		return d.invoiceRefused(c, err)
	}
	kind := invoice.KindOf(content)
	var doc invoice.Document
	if kind == invoice.XML {
		if doc, err = invoice.Parse(content, c.Now()); err != nil {
			return d.invoiceRefused(c, err)
		}
	}
	u, err := c.KeepInvoice(kind, content)
	if err != nil {
		return d.invoiceRefused(c, err)
	}
	id := invoice.ID(c.R.PathValue("invoice"))
	err = serve.Act(c, serve.Intent{Name: "invoice.upload", Input: []any{id, u.SHA256}, Subjects: []string{string(id)}, Clauses: []string{"UA 4.4"}}, func(tx *db.Tx) error {
		ctx := c.R.Context()
		if _, err := d.mine(c, tx, id); err != nil {
			return err
		}
		return invoice.Record(ctx, tx, c.Actor, id, doc, invoice.Colour(c.R.PostFormValue("colour")), u)
	})
	if err != nil {
		c.DropInvoice(u)
		return d.invoiceRefused(c, err)
	}
	if c.Replayed() {
		c.DropInvoice(u) // the first time has its own
	}
	return c.Redirect("/vendor/invoices/" + string(id))
}

func (d desk) invoiceRefused(c *serve.Call, err error) error {
	if correctable(err) {
		return d.invoiceAgain(c, err)
	}
	return err
}

// uploaded reads the one file of a form, up to the size of a view.
func uploaded(c *serve.Call) ([]byte, error) {
	if err := c.R.ParseMultipartForm(invoice.MaxView + 1<<16); err != nil {
		return nil, unreadable(err)
	}
	in, _, err := c.R.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) {
		return nil, invoice.ErrRequired.In("file")
	}
	if err != nil {
		return nil, unreadable(err)
	}
	content, err := io.ReadAll(io.LimitReader(in, invoice.MaxView+1))
	if cerr := in.Close(); err == nil {
		err = cerr
	}
	if err == nil && len(content) > invoice.MaxView {
		err = serve.ErrTooLarge
	}
	return content, err
}

func (d desk) enterRed(c *serve.Call) error {
	form := c.R.PostFormValue
	f := invoice.Form{Reason: invoice.Reason(form("reason")), Confirmation: form("confirmation"), NoneNeeded: form("none_needed") != ""}
	if form("amount") != "" {
		amount, err := money.Parse(form("amount"), money.CNY)
		if err != nil {
			return d.invoiceAgain(c, invoice.ErrInvalid.In("amount"))
		}
		f.Amount = amount
	}
	return d.invoiceActed(c, "invoice.enter_red", f, func(ctx context.Context, tx *db.Tx, id invoice.ID) error {
		_, err := invoice.EnterRed(ctx, tx, c.Actor, id, f)
		return err
	})
}

func (d desk) answerRed(c *serve.Call) error {
	letter, to := invoice.RedID(c.R.PathValue("red")), invoice.RedState(c.R.PostFormValue("to"))
	return d.invoiceActed(c, "invoice.answer_red", []any{letter, to}, func(ctx context.Context, tx *db.Tx, id invoice.ID) error {
		all, err := invoice.RedLetters(ctx, tx, c.Actor, id)
		if err != nil {
			return err
		}
		for _, l := range all {
			if l.ID == letter {
				_, err := invoice.AnswerRed(ctx, tx, c.Actor, letter, to)
				return err
			}
		}
		return serve.ErrNotFound
	})
}

func (d desk) invoiceFile(c *serve.Call) error {
	return c.SendInvoice(invoice.ID(c.R.PathValue("invoice")), c.R.PathValue("sha"))
}

func invoiceTone(s invoice.State) page.Tone {
	switch s {
	case invoice.Issued, invoice.Delivered:
		return page.Success
	case invoice.Requested, invoice.RedPending:
		return page.Warning
	case invoice.Confirmed, invoice.Issuing:
		return page.Info
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

// invoiceItems are the requests and red letters that wait for the vendor.
func invoiceItems(ctx context.Context, due []invoice.Request, red []invoice.RedLetter) []page.QueueItem {
	items := make([]page.QueueItem, 0, len(due)+len(red))
	for _, q := range due {
		item := page.QueueItem{
			Href: "/vendor/invoices/" + string(q.ID), Title: text.T(ctx, "invoice.page.request", "Amount", page.MoneyText(ctx, q.Amount)), Who: q.Buyer.Name,
			ID: q.Order, Chip: page.Chip(invoiceTone(q.State), text.T(ctx, "invoice.state."+string(q.State))), Due: q.DueAt,
		}
		if q.Clock == invoice.NaturalDays {
			item.Note = text.T(ctx, "invoice.clock.natural_days")
		}
		items = append(items, item)
	}
	for _, l := range red {
		items = append(items, page.QueueItem{
			Href: "/vendor/invoices/" + string(l.Request), Title: text.T(ctx, "invoice.page.red.of", "Amount", page.MoneyText(ctx, l.Amount)), Who: text.T(ctx, "invoice.reason."+string(l.Reason)), ID: l.Order,
			Chip: page.Chip(redTone(l.State), text.T(ctx, "invoice.red."+string(l.State))), Due: waiting(l),
		})
	}
	return items
}

// waiting is when a form lapses; zero for one that nobody has to confirm.
func waiting(l invoice.RedLetter) time.Time {
	if l.State.Waiting() {
		return l.ExpiresAt
	}
	return time.Time{}
}

func invoiceRows(ctx context.Context, all []invoice.Request) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, q := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/invoices/"+string(q.ID), q.Buyer.Name), page.Chip(invoiceTone(q.State), text.T(ctx, "invoice.state."+string(q.State))),
			page.ID(q.Order), page.Money(q.Amount), page.Time(q.RequestedAt),
		})
	}
	return rows
}

func billedRows(ctx context.Context, all []invoice.OperatorInvoice) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, o := range all {
		number := page.Muted(text.T(ctx, "invoice.operator.waiting"))
		if o.Number > 0 {
			number = page.ID(o.Code())
		}
		rows = append(rows, []templ.Component{page.Str(o.Period), number, page.Money(o.Net), page.Money(o.Tax), page.Money(o.Total), page.Date(o.IssuedAt)})
	}
	return rows
}

func (v invoiceView) field(ctx context.Context, name string, f page.Field) page.Field {
	f.Name, f.Label, f.Error = name, text.T(ctx, "invoice.page."+f.Label), v.errors[name]
	if v.refusal != nil {
		f.Value = v.form(name)
	}
	return f
}

func (v invoiceView) reason(ctx context.Context) page.Field {
	f := v.field(ctx, "reason", page.Field{Label: "red.reason", Required: true})
	for _, one := range []invoice.Reason{invoice.IssuedWrongly, invoice.GoodsReturned, invoice.ServiceStopped, invoice.Allowance} {
		f.Options = append(f.Options, page.Option{Value: string(one), Label: text.T(ctx, "invoice.reason."+string(one))})
	}
	if f.Value == "" {
		f.Value = string(invoice.IssuedWrongly)
	}
	return f
}

// why names what is refused as the forms do. The items in which a file differs
// from the request are no fields of a form; all of them lead to the file.
func (v invoiceView) why(ctx context.Context) page.Refusal {
	why := page.RefusalOf(ctx, v.refusal)
	if !errors.Is(v.refusal, invoice.ErrMismatch) {
		return why
	}
	for i, f := range why.Fields {
		why.Fields[i] = page.FieldRefusal{Name: "file", Label: text.T(ctx, "invoice.field."+f.Name), Text: f.Text}
	}
	return why
}

func invoiceFileRows(ctx context.Context, v invoiceView) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(v.files))
	for _, f := range v.files {
		name := text.T(ctx, "invoice.colour."+string(f.Colour)) + " " + map[invoice.FileKind]string{invoice.XML: "XML", invoice.OFD: "OFD", invoice.PDF: "PDF"}[f.Kind]
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/invoices/"+string(v.ID)+"/files/"+f.SHA256, name), page.Time(f.AddedAt), page.ID(f.SHA256[:16]),
		})
	}
	return rows
}
