package invoice

import (
	"context"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

// RequestFor asks the vendor of an order for an invoice. Afterwards the amount is
// taken off what may still be invoiced, the vendor has N-31, and the clock runs.
// It refuses whoever is asked but the vendor (INVOICE_FROM_VENDOR_ONLY), an
// order that is not delivered (INVOICE_NOT_YET), a title that will not do
// (INVOICE_TITLE_INVALID), and more than is left (INVOICE_OVER_AMOUNT). The
// caller has seen to it that the actor may act for the order's account; nothing
// that the market takes away from an account stops a request.
func RequestFor(ctx context.Context, tx *db.Tx, by audit.Actor, of Invoiceable, in Ask) (_ Request, err error) {
	defer fault.Wrap(&err, "invoice.RequestFor(%s)", of.Order)
	seller, err := vendor.Get(ctx, tx, of.Vendor)
	if err != nil {
		return Request{}, err
	}
	if err := vendorIssues(in.From, seller.RegisteredName, of.Order); err != nil {
		return Request{}, err
	}
	if !of.Ready {
		return Request{}, ErrNotYet
	}
	buyer := in.Buyer
	if in.Title != "" {
		t, err := titleOf(ctx, tx, account.ID(by.Account), in.Title)
		if err != nil {
			return Request{}, err
		}
		buyer = t.Buyer
	}
	if buyer, err = titled(buyer); err != nil {
		return Request{}, err
	}
	if err := content.Form(ctx, tx, by, content.Piece{Kind: content.InvoiceNote, Ref: of.Order, Place: screen.Private},
		content.Text{Field: "name", Text: buyer.Name}, content.Text{Field: "address", Text: buyer.Address}); err != nil {
		return Request{}, err
	}
	if err := suits(in.Kind, buyer); err != nil {
		return Request{}, err
	}
	if err := claimed(ctx, tx, of, in.Amount); err != nil {
		return Request{}, err
	}
	rule, err := agreement.Setting[issueRule](ctx, tx, "invoice_issue")
	if err != nil {
		return Request{}, err
	}
	q := Request{
		ID: ID(tx.ID("inv")), Order: of.Order, Line: of.Line, Account: of.Account, Vendor: of.Vendor, Kind: in.Kind, Buyer: buyer,
		Amount: in.Amount, State: Requested, RequestedAt: tx.Now(),
	}
	q.DueAt, q.Clock = dueBy(calendar.Official(), q.RequestedAt, rule)
	if err := insert(ctx, tx, q); err != nil {
		return Request{}, err
	}
	// The job runs once the last moment is over, not in it.
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: overdueJob, Object: string(q.ID), At: q.DueAt.Add(time.Millisecond), Unique: true}); err != nil {
		return Request{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "invoice.requested", Subjects: []string{string(q.ID), q.Order, string(q.Vendor)}, Clauses: []string{"UA 4.4"},
		Data: map[string]any{"amount": q.Amount, "kind": q.Kind, "title": buyer.Kind, "due_at": db.Micros(q.DueAt), "clock": q.Clock},
	}); err != nil {
		return Request{}, err
	}
	return q, tell(ctx, tx, "N-31", seller.Account, "/vendor/invoices/"+string(q.ID), q, nil)
}

func insert(ctx context.Context, tx *db.Tx, q Request) error {
	buyer, err := tx.Keys().SealJSON(q.Buyer, buyerAt(q.ID))
	if err != nil {
		return err
	}
	reason, err := tx.Keys().Seal("", reasonAt(q.ID))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertRequest, string(q.ID), q.Order, q.Line, string(q.Account), string(q.Vendor), string(q.Kind), string(q.Buyer.Kind), buyer,
		q.Amount.Minor, string(q.Amount.Currency), reason, string(q.Clock), db.Micros(q.DueAt), db.Micros(q.RequestedAt))
	return err
}

// Withdraw takes a request back. It is refused (INVOICE_UNDER_WAY) once the
// vendor has confirmed it: from then on an invoice may exist at the tax
// administration.
func Withdraw(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (_ Request, err error) {
	defer fault.Wrap(&err, "invoice.Withdraw(%s)", id)
	q, who, err := look(ctx, tx, by, id)
	if err != nil {
		return Request{}, err
	}
	if who != asBuyer {
		return Request{}, ErrForbidden
	}
	return end(ctx, tx, by, q, Withdrawn, "")
}

// end is the one place where a request ends without an invoice.
func end(ctx context.Context, tx *db.Tx, by audit.Actor, q Request, to State, reason string) (Request, error) {
	text, err := tx.Keys().Seal(reason, reasonAt(q.ID))
	if err != nil {
		return Request{}, err
	}
	n, err := tx.Exec(ctx, endRequest, string(to), text, db.Micros(tx.Now()), string(q.ID))
	if err := guarded(n, err, ErrUnderWay.With("State", string(q.State))); err != nil {
		return Request{}, err
	}
	n, err = tx.Exec(ctx, unclaim, q.Amount.Minor, q.Order)
	if err := guarded(n, err, ErrState); err != nil {
		return Request{}, err
	}
	if err := job.Cancel(ctx, tx, overdueJob, string(q.ID), "one"); err != nil {
		return Request{}, err
	}
	if err := awaited(ctx, tx, q.Order); err != nil {
		return Request{}, err
	}
	q.State, q.Reason, q.EndedAt = to, reason, tx.Now()
	return q, audit.Record(ctx, tx, by, audit.Entry{
		Act: "invoice." + string(to), Subjects: []string{string(q.ID), q.Order}, Clauses: []string{"UA 4.4"}, Data: map[string]any{"amount": q.Amount},
	})
}

// claimed takes an amount off what may still be invoiced of an order. The row is
// made by the first request or refund; what was given back only grows here,
// because a refund that waits for a red letter has reserved its amount already.
func claimed(ctx context.Context, tx *db.Tx, of Invoiceable, amount money.Amount) error {
	b, err := opens(ctx, tx, of)
	if err != nil {
		return err
	}
	refunded := max(b.refunded, of.Refunded.Minor)
	left := money.Amount{Minor: b.paid - refunded - b.claimed, Currency: b.currency}
	if err := within(amount, left); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, claim, amount.Minor, refunded, of.Order)
	return guarded(n, err, ErrOverAmount.With("Max", left.Plain()).In("amount"))
}

// opens returns the budget of an order and makes it when there is none. What was
// refunded before any invoice is in it from the start.
func opens(ctx context.Context, tx *db.Tx, of Invoiceable) (budget, error) {
	refunded := min(of.Refunded.Minor, of.Paid.Minor)
	if _, err := tx.Exec(ctx, insertBudget, of.Order, string(of.Paid.Currency), of.Paid.Minor, refunded); err != nil {
		return budget{}, err
	}
	return budgetOf(ctx, tx, of.Order)
}

// Left is what may still be invoiced of an order, never below zero.
func Left(ctx context.Context, r db.Reader, of Invoiceable) (money.Amount, error) {
	b, err := db.One(ctx, r, scanBudget, selectBudget, of.Order)
	if err != nil {
		if _, err := found(b, err); err != ErrNotFound {
			return money.Amount{}, err
		}
		b = budget{currency: of.Paid.Currency, paid: of.Paid.Minor}
	}
	left := b.paid - max(b.refunded, of.Refunded.Minor) - b.claimed
	return money.Amount{Minor: max(left, 0), Currency: b.currency}, nil
}

// tell leaves a notice about a request. It says order, amount and date, and
// nothing of the title.
func tell(ctx context.Context, tx *db.Tx, code string, to account.ID, link string, q Request, more map[string]string) error {
	params := map[string]string{
		"Order": q.Order, "Amount": q.Amount.Format("zh"), "DueAt": q.DueAt.UTC().Format(time.RFC3339),
	}
	for name, value := range more {
		params[name] = value
	}
	return message.Send(ctx, tx, message.Notice{Code: code, To: to, Link: link, Params: params})
}

// orderLink is the page where the buyer sees the invoices of an order.
func orderLink(q Request) string { return "/orders/" + q.Order + "/invoice" }
