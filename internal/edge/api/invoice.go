package api

import (
	"context"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/order"
)

func titleShape(t invoice.Title) client.Title {
	b := t.Buyer
	return client.Title{
		ID: string(t.ID), Kind: string(b.Kind), Name: b.Name, TaxID: b.TaxID, Address: b.Address, Phone: b.Phone, Bank: b.Bank, BankAccount: b.BankAccount, Email: b.Email,
	}
}

func buyerOf(t *client.Title) invoice.Buyer {
	if t == nil {
		return invoice.Buyer{}
	}
	return invoice.Buyer{
		Kind: invoice.TitleKind(t.Kind), Name: t.Name, TaxID: t.TaxID, Address: t.Address, Phone: t.Phone, Bank: t.Bank, BankAccount: t.BankAccount, Email: t.Email,
	}
}

// requestShape is a request in a list: without documents and files.
func requestShape(q invoice.Request) client.Invoice {
	out := client.Invoice{
		ID: string(q.ID), Order: q.Order, Vendor: string(q.Vendor), Kind: string(q.Kind), Amount: amountShape(q.Amount), State: string(q.State), Reason: q.Reason,
		Clock: string(q.Clock), DueAt: q.DueAt, OverdueAt: optional(q.OverdueAt), RequestedAt: q.RequestedAt, IssuedAt: optional(q.IssuedAt),
		DeliveredAt: optional(q.DeliveredAt), EndedAt: optional(q.EndedAt),
	}
	if q.Buyer.Name != "" {
		title := titleShape(invoice.Title{Buyer: q.Buyer})
		out.Title = &title
	}
	return out
}

func redShape(l invoice.RedLetter) client.RedLetter {
	return client.RedLetter{
		ID: string(l.ID), Invoice: string(l.Request), Reason: string(l.Reason), Amount: amountShape(l.Amount), State: string(l.State), EnteredBy: l.EnteredBy,
		Confirmation: l.Confirmation, ExpiresAt: optional(l.ExpiresAt), EndedAt: optional(l.EndedAt),
	}
}

// wholeInvoice is a request with all that belongs to it, as the caller may see it.
func wholeInvoice(ctx context.Context, r db.Reader, c *serve.Call, id invoice.ID) (client.Invoice, error) {
	q, err := invoice.Get(ctx, r, c.Actor, id)
	if err != nil {
		return client.Invoice{}, err
	}
	out := requestShape(q)
	bills, err := invoice.Invoices(ctx, r, c.Actor, id)
	if err != nil {
		return out, err
	}
	files, err := invoice.Files(ctx, r, c.Actor, id)
	if err != nil {
		return out, err
	}
	letters, err := invoice.RedLetters(ctx, r, c.Actor, id)
	out.Documents = each(bills, func(i invoice.Invoice) client.InvoiceDocument {
		return client.InvoiceDocument{
			ID: string(i.ID), Colour: string(i.Colour), Number: i.Number, Net: amountShape(i.Net), Tax: amountShape(i.Tax), Total: amountShape(i.Total), IssuedAt: i.IssuedAt,
		}
	})
	out.Files = each(files, func(f invoice.File) client.InvoiceFile {
		return client.InvoiceFile{Colour: string(f.Colour), Kind: string(f.Kind), SHA256: f.SHA256, Size: f.Size}
	})
	out.RedLetters = each(letters, redShape)
	return out, err
}

// onInvoice runs an act on a request and answers with the request. Answers under
// an idempotency key are stored, and a request holds a title; so what is stored
// is only that it was done.
func onInvoice(c *serve.Call, in serve.Intent, id string, do func(tx *db.Tx) (string, error)) (client.Invoice, error) {
	in.Clauses = []string{"UA 4.4"}
	made, err := serve.Do(c, in, func(tx *db.Tx) (made[bool], error) {
		made := made[bool]{ID: id}
		var err error
		made.ID, err = do(tx)
		return made, err
	})
	if err != nil {
		return client.Invoice{}, err
	}
	return read(c, func(r db.Reader) (client.Invoice, error) {
		return wholeInvoice(c.R.Context(), r, c, invoice.ID(made.ID))
	})
}

func requestInvoice(c *serve.Call, in *onID[client.InvoiceRequest]) (client.Invoice, error) {
	ctx, b := c.R.Context(), in.Body
	input, err := keyed(c, in)
	if err != nil {
		return client.Invoice{}, err
	}
	return onInvoice(c, serve.Intent{Name: "invoice.request", Input: input, Subjects: []string{in.ID}}, "", func(tx *db.Tx) (string, error) {
		o, err := order.Get(ctx, tx, c.Actor, order.ID(in.ID))
		if err != nil {
			return "", err
		}
		of, err := order.Invoiceable(ctx, tx, o)
		if err != nil {
			return "", err
		}
		q, err := invoice.RequestFor(ctx, tx, c.Actor, of, invoice.Ask{
			Kind: invoice.Kind(b.Kind), Amount: amountOf(b.Amount), Title: invoice.TitleID(b.TitleID), Buyer: buyerOf(b.Title), From: b.From,
		})
		return string(q.ID), err
	})
}

func orderInvoices(c *serve.Call, in *byID) (client.Page[client.Invoice], error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Page[client.Invoice], error) {
		o, err := order.Get(ctx, r, c.Actor, order.ID(in.ID))
		if err != nil {
			return client.Page[client.Invoice]{}, err
		}
		all, err := invoice.OfOrder(ctx, r, string(o.ID))
		return whole(all, requestShape), err
	})
}

func listInvoices(c *serve.Call, in *paged) (client.Page[client.Invoice], error) {
	return read(c, func(r db.Reader) (client.Page[client.Invoice], error) {
		found, err := invoice.Mine(c.R.Context(), r, c.Actor, invoice.ID(in.Before), in.Limit+1)
		return page(each(found, requestShape), in.Limit, func(i client.Invoice) string { return i.ID }), err
	})
}

func readInvoice(c *serve.Call, in *byID) (client.Invoice, error) {
	return read(c, func(r db.Reader) (client.Invoice, error) { return wholeInvoice(c.R.Context(), r, c, invoice.ID(in.ID)) })
}

func withdrawInvoice(c *serve.Call, in *byID) (client.Invoice, error) {
	return onInvoice(c, serve.Intent{Name: "invoice.withdraw", Input: in, Subjects: []string{in.ID}}, in.ID, func(tx *db.Tx) (string, error) {
		_, err := invoice.Withdraw(c.R.Context(), tx, c.Actor, invoice.ID(in.ID))
		return in.ID, err
	})
}

func invoiceFile(c *serve.Call) error {
	return c.SendInvoice(invoice.ID(c.R.PathValue("id")), c.R.PathValue("sha256"))
}

func invoiceGOBL(c *serve.Call) error {
	return c.SendGOBL(invoice.ID(c.R.PathValue("id")), invoice.DocID(c.R.PathValue("document")))
}

func listTitles(c *serve.Call, _ *none) (client.Page[client.Title], error) {
	return read(c, func(r db.Reader) (client.Page[client.Title], error) {
		all, err := invoice.Titles(c.R.Context(), r, c.Actor)
		return whole(all, titleShape), err
	})
}

func saveTitle(c *serve.Call, in *bodyOf[client.Title]) (client.Done, error) {
	input, err := keyed(c, in.Body)
	if err != nil {
		return client.Done{}, err
	}
	return done(c, serve.Intent{Name: "invoice.save_title", Input: input}, func(tx *db.Tx) error {
		_, err := invoice.SaveTitle(c.R.Context(), tx, c.Actor, buyerOf(&in.Body))
		return err
	})
}

func removeTitle(c *serve.Call, in *byID) (client.Done, error) {
	return done(c, serve.Intent{Name: "invoice.remove_title", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) error {
		return invoice.RemoveTitle(c.R.Context(), tx, c.Actor, invoice.TitleID(in.ID))
	})
}

func enterRedLetter(c *serve.Call, in *onID[client.RedForm]) (client.RedLetter, error) {
	b := in.Body
	f := invoice.Form{Reason: invoice.Reason(b.Reason), Confirmation: b.Confirmation, NoneNeeded: b.NoneNeeded, Amount: money.Zero(money.CNY)}
	if b.Amount != nil {
		f.Amount = amountOf(*b.Amount)
	}
	return act(c, serve.Intent{Name: "invoice.enter_red", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 4.4"}}, func(tx *db.Tx) (string, client.RedLetter, error) {
		l, err := invoice.EnterRed(c.R.Context(), tx, c.Actor, invoice.ID(in.ID), f)
		return string(l.ID), redShape(l), err
	})
}

func answerRedLetter(c *serve.Call, in *onID[client.RedAnswer]) (client.RedLetter, error) {
	return act(c, serve.Intent{Name: "invoice.answer_red", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 4.4"}}, func(tx *db.Tx) (string, client.RedLetter, error) {
		l, err := invoice.AnswerRed(c.R.Context(), tx, c.Actor, invoice.RedID(in.ID), invoice.RedState(in.Body.To))
		return in.ID, redShape(l), err
	})
}

func dueInvoices(c *serve.Call, _ *none) (client.Page[client.Invoice], error) {
	return read(c, func(r db.Reader) (client.Page[client.Invoice], error) {
		seller, err := own(c, r)
		if err != nil {
			return client.Page[client.Invoice]{}, err
		}
		all, err := invoice.Due(c.R.Context(), r, seller.ID, 500)
		return whole(all, requestShape), err
	})
}

func confirmInvoice(c *serve.Call, in *byID) (client.Invoice, error) {
	return onInvoice(c, serve.Intent{Name: "invoice.confirm", Input: in, Subjects: []string{in.ID}}, in.ID, func(tx *db.Tx) (string, error) {
		_, err := invoice.Confirm(c.R.Context(), tx, c.Actor, invoice.ID(in.ID))
		return in.ID, err
	})
}

func rejectInvoice(c *serve.Call, in *onID[client.Rejection]) (client.Invoice, error) {
	input, err := keyed(c, in)
	if err != nil {
		return client.Invoice{}, err
	}
	return onInvoice(c, serve.Intent{Name: "invoice.reject", Input: input, Subjects: []string{in.ID}}, in.ID, func(tx *db.Tx) (string, error) {
		_, err := invoice.Reject(c.R.Context(), tx, c.Actor, invoice.ID(in.ID), in.Body.Reason)
		return in.ID, err
	})
}

// uploadInvoice looks at the request before it looks at the file: a foreign
// request answers like none, whatever comes with it.
func uploadInvoice(c *serve.Call, in *onID[client.InvoiceUpload]) (client.Invoice, error) {
	ctx, id := c.R.Context(), invoice.ID(in.ID)
	if _, err := read(c, func(r db.Reader) (invoice.Request, error) { return invoice.Get(ctx, r, c.Actor, id) }); err != nil {
		return client.Invoice{}, err
	}
	kind := invoice.KindOf(in.Body.Content)
	var doc invoice.Document
	var err error
	if kind == invoice.XML {
		if doc, err = invoice.Parse(in.Body.Content, c.Now()); err != nil {
			return client.Invoice{}, err
		}
	}
	u, err := c.KeepInvoice(kind, in.Body.Content)
	if err != nil {
		return client.Invoice{}, err
	}
	out, err := onInvoice(c, serve.Intent{Name: "invoice.upload", Input: []string{in.ID, u.SHA256, in.Body.Colour}, Subjects: []string{in.ID}}, in.ID, func(tx *db.Tx) (string, error) {
		return in.ID, invoice.Record(ctx, tx, c.Actor, id, doc, invoice.Colour(in.Body.Colour), u)
	})
	if err != nil || c.Replayed() {
		c.DropInvoice(u)
	}
	return out, err
}

func invoiceFigures(c *serve.Call, _ *none) (client.InvoiceFigures, error) {
	return read(c, func(r db.Reader) (client.InvoiceFigures, error) {
		seller, err := own(c, r)
		if err != nil {
			return client.InvoiceFigures{}, err
		}
		f, err := invoice.Figures(c.R.Context(), r, seller.ID)
		return client.InvoiceFigures(f), err
	})
}

func billShape(o invoice.OperatorInvoice) client.Bill {
	return client.Bill{
		ID: string(o.ID), Vendor: string(o.Vendor), Period: o.Period, Number: o.Code(), Net: amountShape(o.Net), Tax: amountShape(o.Tax), Total: amountShape(o.Total), IssuedAt: o.IssuedAt,
	}
}

func billID(b client.Bill) string { return b.ID }

func vendorBills(c *serve.Call, in *paged) (client.Page[client.Bill], error) {
	return read(c, func(r db.Reader) (client.Page[client.Bill], error) {
		seller, err := own(c, r)
		if err != nil {
			return client.Page[client.Bill]{}, err
		}
		found, err := invoice.OperatorInvoicesOf(c.R.Context(), r, seller.ID, invoice.OperatorID(in.Before), in.Limit+1)
		return page(each(found, billShape), in.Limit, billID), err
	})
}

func operatorBills(c *serve.Call, in *paged) (client.Page[client.Bill], error) {
	return read(c, func(r db.Reader) (client.Page[client.Bill], error) {
		found, err := invoice.OperatorInvoices(c.R.Context(), r, invoice.OperatorID(in.Before), in.Limit+1)
		return page(each(found, billShape), in.Limit, billID), err
	})
}

func overdueInvoices(c *serve.Call, _ *none) (client.Page[client.Invoice], error) {
	return read(c, func(r db.Reader) (client.Page[client.Invoice], error) {
		all, err := invoice.Late(c.R.Context(), r, "", 500)
		return whole(all, requestShape), err
	})
}

// markInvoiceIssued is the answer to everybody of the operator who wants to.
func markInvoiceIssued(c *serve.Call, in *byID) (client.Done, error) {
	return done(c, serve.Intent{Name: "invoice.issue", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 4.4"}}, func(tx *db.Tx) error {
		_, err := invoice.Issue(c.R.Context(), tx, c.Actor, invoice.ID(in.ID), invoice.Document{}, invoice.Upload{Kind: invoice.XML})
		return err
	})
}
