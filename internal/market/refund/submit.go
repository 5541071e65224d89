package refund

import (
	"context"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// longest is the most that anybody may write in one field, in characters.
const longest = 2000

// Submit makes a request. Access to what would end with it stops at once. Inside
// the no-reason window the money leaves in the same transaction and nobody is
// asked; otherwise the vendor is. It refuses in the order of the agreement: 8.4,
// then 4.5 (policy, window, quota, invoice), then a payment in dispute and a
// second request of the line.
func (u Rules) Submit(ctx context.Context, tx *db.Tx, by audit.Actor, in Ask) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Submit(%s)", in.Order)
	o, err := order.Get(ctx, tx, by, in.Order)
	if err != nil {
		return Request{}, err
	}
	if !slices.Contains(Reasons, in.Reason) {
		return Request{}, ErrInvalid.In("reason")
	}
	if in.Text, err = words(in.Text, "text", in.Reason != NoReason); err != nil {
		return Request{}, err
	}
	right, err := entitlement.OfLine(ctx, tx, string(o.Line))
	if err != nil {
		return Request{}, notYet(err)
	}
	breach, err := u.forfeit(ctx, tx, right.ID, o)
	if err != nil {
		return Request{}, err
	}
	hold, err := noBreach(breach)
	if err != nil {
		return Request{}, err
	}
	a, err := Assess(ctx, tx, o, in.Reason)
	if err != nil {
		return Request{}, err
	}
	if a.Kind == None && offline(o) {
		return Request{}, ErrOffline.With("Contact", contact(o))
	}
	amount, ends, err := asked(a, in)
	if err != nil {
		return Request{}, err
	}
	if err := u.mayAsk(ctx, tx, o); err != nil {
		return Request{}, err
	}
	q := Request{
		ID: ID(tx.ID("rrq")), Order: o.ID, Line: o.Line, Entitlement: right.ID, Account: o.Account, Vendor: o.Vendor, Product: o.Product,
		AskedBy: account.UserID(by.User), Kind: a.Kind, SelfService: a.Kind == Full && !in.Reason.AtFault(), Reason: in.Reason, Text: in.Text,
		Asked: amount, Amount: amount, Ends: ends, State: Requested, Clause: a.Clause, Rulebook: a.Rulebook, Version: 1,
		ClockFrom: tx.Now(), RequestedAt: tx.Now(),
	}
	if a.Section != "" {
		q.Clause = a.Section
	}
	if err := screened(ctx, tx, by, string(q.ID), "text", q.Text); err != nil {
		return Request{}, err
	}
	if err := insert(ctx, tx, by, q); err != nil {
		return Request{}, err
	}
	if err := suspend(ctx, tx, by, &q); err != nil {
		return Request{}, err
	}
	if hold {
		q.Case = breach.Case
		err = step(ctx, tx, by, &q, evHold, System, said{clause: "UA 8.4"})
		return q, err
	}
	err = u.admit(ctx, tx, by, &q, o)
	return q, err
}

// notYet turns a line without a right into an order that gave nothing to refund.
func notYet(err error) error {
	if f, ok := fault.Of(err); ok && f.Kind == fault.NotFound {
		return ErrNothing
	}
	return err
}

// mayAsk refuses while an invoice is out, where the rulebook says so, and while
// the payer's bank has the money.
func (u Rules) mayAsk(ctx context.Context, tx *db.Tx, o order.Order) error {
	letter, err := agreement.Setting[struct {
		Enabled bool   `json:"enabled"`
		Before  string `json:"before"`
	}](ctx, tx, "refund_requires_red_letter")
	if err != nil {
		return err
	}
	if letter.Enabled && u.Invoiced != nil {
		invoiced, err := u.Invoiced(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		if err := invoiceBack(letter.Before, invoiced); err != nil {
			return err
		}
	}
	return undisputed(ctx, tx, o)
}

func undisputed(ctx context.Context, r db.Reader, o order.Order) error {
	line, err := ledger.LineOf(ctx, r, string(o.Line))
	if err != nil {
		return err
	}
	attempt, err := payment.Get(ctx, r, o.Attempt)
	if err != nil {
		return err
	}
	if line.Disputes > 0 || attempt.Disputes > 0 {
		return payment.ErrDisputed
	}
	return nil
}

func insert(ctx context.Context, tx *db.Tx, by audit.Actor, q Request) error {
	sealed, err := tx.Keys().Seal(q.Text, textAt(q.ID))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, insertRequest, string(q.ID), string(q.Order), string(q.Line), string(q.Entitlement), string(q.Account), string(q.Vendor),
		string(q.Product), string(q.AskedBy), string(q.Kind), q.SelfService, string(q.Reason), sealed, string(q.Asked.Currency), q.Asked.Minor,
		q.Amount.Minor, q.Ends, string(q.State), q.Clause, q.Rulebook, db.Micros(q.ClockFrom), db.Micros(q.RequestedAt))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrOpen
	}
	if err := watch(ctx, tx, q); err != nil {
		return err
	}
	return note(ctx, tx, by, q, "", evSubmit, Buyer, said{note: q.Text})
}

// admit sends a request on its way: to be paid, or to the vendor.
func (u Rules) admit(ctx context.Context, tx *db.Tx, by audit.Actor, q *Request, o order.Order) error {
	small, err := agreement.Setting[struct {
		UpTo int64 `json:"up_to"`
	}](ctx, tx, "refund_auto_approve")
	if err != nil {
		return err
	}
	params := map[string]string{"Order": string(q.Order), "Amount": q.Amount.Format("zh"), "Reason": string(q.Reason)}
	switch {
	case q.Kind == Full:
		err = step(ctx, tx, by, q, evAtOnce, System, said{})
	case q.Kind == ProRata && q.Amount.Minor <= small.UpTo:
		err = step(ctx, tx, by, q, evApprove, System, said{})
	default:
		rule, err := agreement.Setting[answerRule](ctx, tx, "refund_vendor_answer")
		if err != nil {
			return err
		}
		q.AnswerDue, q.AnswerClock = answerBy(calendar.Official(), tx.Now(), rule)
		if err := step(ctx, tx, by, q, evReview, System, said{}); err != nil {
			return err
		}
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: answerJob, Object: string(q.ID), At: q.AnswerDue, Unique: true}); err != nil {
			return err
		}
		params["DueAt"] = q.AnswerDue.Format(time.RFC3339)
		return tellVendor(ctx, tx, *q, "N-41", params)
	}
	if err != nil {
		return err
	}
	if err := tellVendor(ctx, tx, *q, "N-41", params); err != nil {
		return err
	}
	return u.pay(ctx, tx, by, q, o)
}

// Withdraw takes a request back and restores access. It is possible until the
// money leaves.
func (u Rules) Withdraw(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Withdraw(%s)", id)
	q, err := mine(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	if err := step(ctx, tx, by, &q, evWithdraw, Buyer, said{}); err != nil {
		return Request{}, err
	}
	err = u.restore(ctx, tx, by, &q)
	return q, err
}

// Accept takes the vendor's offer; the money leaves.
func (u Rules) Accept(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Accept(%s)", id)
	q, err := mine(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	o, err := order.Any(ctx, tx, q.Order)
	if err != nil {
		return Request{}, err
	}
	q.Ends = !q.OfferKeep
	if err := step(ctx, tx, by, &q, evAccept, Buyer, said{}); err != nil {
		return Request{}, err
	}
	err = u.pay(ctx, tx, by, &q, o)
	return q, err
}

// Escalate asks the operator to decide on what was asked for first. Access stops
// again while that is open.
func (u Rules) Escalate(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, text string) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Escalate(%s)", id)
	if text, err = words(text, "text", true); err != nil {
		return Request{}, err
	}
	q, err := mine(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	if err := screened(ctx, tx, by, string(q.ID), "text", text); err != nil {
		return Request{}, err
	}
	q.Amount, q.OfferKeep, q.EscalateBy = q.Asked, false, time.Time{}
	if err := step(ctx, tx, by, &q, evEscalate, Buyer, said{note: text}); err != nil {
		return Request{}, err
	}
	err = suspend(ctx, tx, by, &q)
	return q, err
}

// mine is a request of the actor, if it is still the one that was shown.
func mine(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Request, error) {
	q, err := read(ctx, r, id)
	if err != nil {
		return Request{}, err
	}
	if _, err := order.Get(ctx, r, by, q.Order); err != nil {
		return Request{}, err
	}
	return q, current(q, seen)
}

// current refuses what was decided on an older step of a request.
func current(q Request, seen int64) error {
	if q.Version != seen {
		return ErrStale
	}
	return nil
}

// screened has what a person wrote pass the screen for the two parties' eyes.
func screened(ctx context.Context, tx *db.Tx, by audit.Actor, ref, field, text string) error {
	return content.Must(ctx, tx, by, content.Piece{Kind: content.Refund, Ref: ref, Field: field, Place: screen.Private, Text: text})
}

// words trims what somebody wrote and refuses too much of it, or none where some
// is needed.
func words(s, field string, needed bool) (string, error) {
	return fault.Words(s, field, needed, longest, ErrRequired, ErrInvalid)
}

// contact is how the seller of an order is reached, as it was frozen.
func contact(o order.Order) string {
	c := o.Snapshot.Seller.Contact
	return strings.Join(slices.DeleteFunc([]string{o.Snapshot.Seller.RegisteredName, c.Phone, c.Email}, func(s string) bool { return s == "" }), " · ")
}

// seller is a request of the actor's vendor, if it is still the one shown.
func seller(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Request, error) {
	q, err := read(ctx, r, id)
	if err != nil {
		return Request{}, err
	}
	v, err := vendor.Get(ctx, r, q.Vendor)
	if err != nil {
		return Request{}, err
	}
	switch {
	case by.Account == "" || by.Account != string(v.Account):
		return Request{}, account.ErrForeign
	case !ofVendor(by, v):
		return Request{}, ErrForbidden
	}
	return q, current(q, seen)
}
