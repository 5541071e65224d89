package refund

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
)

// patience is how long an approved request waits before it looks again whether a
// dispute or an appeal is over.
const patience = 6 * time.Hour

// pay lets the money of an approved request leave, unless something comes first:
// an appeal against a breach or a dispute of the payment, for which it waits
// approved, or an invoice, for which it waits for a red letter.
func (u Rules) pay(ctx context.Context, tx *db.Tx, by audit.Actor, q *Request, o order.Order) error {
	breach, err := u.forfeit(ctx, tx, q.Entitlement, o)
	if err != nil {
		return err
	}
	hold, refusal := noBreach(breach)
	if refusal != nil {
		return u.barred(ctx, tx, by, q, breach)
	}
	if !hold {
		switch err := undisputed(ctx, tx, o); {
		case errors.Is(err, payment.ErrDisputed):
			hold = true
		case err != nil:
			return err
		}
	}
	if hold {
		return job.Enqueue(ctx, tx, job.Spec{Kind: payJob, Object: string(q.ID), At: tx.Now().Add(patience), Unique: true})
	}
	line, err := ledger.LineOf(ctx, tx, string(q.Line))
	if err != nil {
		return err
	}
	left := line.Refundable()
	if left.IsZero() {
		q.Code = ErrNothing.Code
		if err := step(ctx, tx, by, q, evMoot, System, said{}); err != nil {
			return err
		}
		return u.restore(ctx, tx, by, q)
	}
	q.Amount.Minor = min(q.Amount.Minor, left.Minor)
	if u.RedLetter != nil {
		total := q.Amount
		total.Minor += line.Returned.Minor
		clear, err := u.RedLetter(ctx, tx, by, o, total, q.Ends || q.Amount == left)
		if err != nil {
			return err
		}
		if !clear {
			return step(ctx, tx, by, q, evWait, System, said{clause: "UA 4.4"})
		}
	}
	q.Ends = q.Ends || q.Amount == left
	refund, err := order.GiveBack(ctx, tx, by, order.Back{
		Order: o, Amount: q.Amount, Key: "request:" + string(q.ID), Reason: "refund_" + string(q.Reason), Ends: q.Ends, About: string(q.ID),
	})
	if err != nil {
		return err
	}
	q.Payment = refund.ID
	e := evRefund
	if refund.State == payment.RefundReturning {
		e = evReturn
	}
	if err := step(ctx, tx, by, q, e, System, said{}); err != nil {
		return err
	}
	if q.Ends {
		return access(ctx, tx, q, false) // the right is over; nothing will be restored
	}
	return u.restore(ctx, tx, by, q)
}

// barred ends a request that a final decision on a breach stands against, and has
// a lawyer look at it when the customer is a consumer.
func (u Rules) barred(ctx context.Context, tx *db.Tx, by audit.Actor, q *Request, b Breach) error {
	q.Code, q.Case = ErrBreach.Code, b.Case
	o, err := order.Any(ctx, tx, q.Order)
	if err != nil {
		return err
	}
	if q.LegalReview, err = FlagConsumer(ctx, tx, o, b.Case); err != nil {
		return err
	}
	if err := step(ctx, tx, by, q, evBreach, System, said{clause: "UA 8.4"}); err != nil {
		return err
	}
	return decided(ctx, tx, *q, "no_refund_breach", "UA 8.4")
}

// FlagConsumer has a lawyer look at a refusal under clause 8.4, when the customer
// is a consumer and the law protects consumers from terms that take a right away. The
// edge calls it after a submission was refused, in a transaction of its own.
func FlagConsumer(ctx context.Context, tx *db.Tx, o order.Order, caseID string) (bool, error) {
	buyer, err := account.Get(ctx, tx, o.Account)
	if err != nil {
		return false, err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil || !forfeitLooked(law, buyer.Consumer && !o.Business) || caseID == "" {
		return false, err
	}
	_, err = tx.Exec(ctx, insertReview, string(o.ID), caseID, string(o.Account), db.Micros(tx.Now()))
	return err == nil, err
}

// BreachDecided looks again at the requests of a right whose breach was decided,
// upheld or revoked.
func (u Rules) BreachDecided(ctx context.Context, tx *db.Tx, e entitlement.ID) (err error) {
	defer fault.Wrap(&err, "refund.BreachDecided(%s)", e)
	right, err := entitlement.Read(ctx, tx, e)
	if err != nil {
		return err
	}
	all, err := db.All(ctx, tx, scanRequest(tx), selectOfOrder, right.Order)
	if err != nil {
		return err
	}
	by := audit.Job("refund.breach_decided")
	for _, q := range all {
		if q.State != OnHold && q.State != Approved {
			continue
		}
		if err := u.again(ctx, tx, by, &q); err != nil {
			return err
		}
	}
	return nil
}

// again takes up a request that was held, or waited approved.
func (u Rules) again(ctx context.Context, tx *db.Tx, by audit.Actor, q *Request) error {
	o, err := order.Any(ctx, tx, q.Order)
	if err != nil {
		return err
	}
	if q.State == Approved {
		return u.pay(ctx, tx, by, q, o)
	}
	breach, err := u.forfeit(ctx, tx, q.Entitlement, o)
	if err != nil {
		return err
	}
	hold, refusal := noBreach(breach)
	switch {
	case refusal != nil:
		return u.barred(ctx, tx, by, q, breach)
	case hold:
		return nil
	}
	if err := step(ctx, tx, by, q, evProceed, System, said{clause: "UA 8.4"}); err != nil {
		return err
	}
	return u.admit(ctx, tx, by, q, o)
}

// InvoiceCleared takes up the requests of an order that waited for an invoice to
// be taken back. It may be called too often.
func (u Rules) InvoiceCleared(ctx context.Context, tx *db.Tx, id string) (err error) {
	defer fault.Wrap(&err, "refund.InvoiceCleared(%s)", id)
	all, err := db.All(ctx, tx, scanRequest(tx), selectOfOrder, id)
	if err != nil {
		return err
	}
	by := audit.Job("refund.invoice_cleared")
	for _, q := range all {
		if q.State != WaitingRedLetter {
			continue
		}
		o, err := order.Any(ctx, tx, q.Order)
		if err != nil {
			return err
		}
		if err := step(ctx, tx, by, &q, evClear, System, said{clause: "UA 4.4"}); err != nil {
			return err
		}
		if err := u.pay(ctx, tx, by, &q, o); err != nil {
			return err
		}
	}
	return nil
}

// Delivered takes access again when a product was delivered while its refund was
// asked for. It follows order.DeliveredTo.
func Delivered(ctx context.Context, tx *db.Tx, d delivery.Delivery) error {
	return eachOpen(ctx, tx, d.Order, func(q *Request) error {
		if q.State == Refused {
			return nil
		}
		return suspend(ctx, tx, audit.Job("delivery"), q)
	})
}

// DeliveryFailed joins an open request with the refund that the failed delivery
// made. It follows order.DeliveryFailed.
func DeliveryFailed(ctx context.Context, tx *db.Tx, d delivery.Delivery, _ string) error {
	return eachOpen(ctx, tx, d.Order, func(q *Request) error {
		o, err := order.Any(ctx, tx, q.Order)
		if err != nil {
			return err
		}
		made, err := payment.RefundsOf(ctx, tx, o.Attempt)
		if err != nil || len(made) == 0 {
			return err
		}
		q.Payment = made[len(made)-1].ID
		return step(ctx, tx, audit.Job("delivery"), q, evUndone, System, said{clause: "RB refund-5"})
	})
}

func eachOpen(ctx context.Context, tx *db.Tx, id string, do func(q *Request) error) error {
	all, err := db.All(ctx, tx, scanRequest(tx), selectOfOrder, id)
	if err != nil {
		return err
	}
	for _, q := range all {
		if q.State.Ended() || q.State.Moving() {
			continue
		}
		if err := do(&q); err != nil {
			return err
		}
	}
	return nil
}

// Returned follows the operator's share on its way back, until the provider has
// the refund.
func Returned(ctx context.Context, tx *db.Tx, t payment.Return) error {
	q, err := ofPayment(ctx, tx, t.Refund)
	if err != nil || q.State != Returning {
		return err
	}
	all, err := payment.ReturnsOf(ctx, tx, t.Refund)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.State != payment.ShareDone && one.State != payment.ShareFailed {
			return nil
		}
	}
	return step(ctx, tx, audit.Provider(t.Gateway), &q, evReturned, Provider, said{})
}

// Ended ends a request with its refund. It follows order.RefundEnded, which has
// booked it and told the parties.
func Ended(ctx context.Context, tx *db.Tx, r payment.Refund) error {
	q, err := ofPayment(ctx, tx, r.ID)
	if err != nil || q.ID == "" {
		return err
	}
	e := evFail
	if r.State == payment.RefundSucceeded {
		e = evPaid
	}
	return step(ctx, tx, audit.Provider(r.Gateway), &q, e, Provider, said{note: r.Reason})
}

// ofPayment is the request behind a refund; the zero Request when nobody asked
// for it.
func ofPayment(ctx context.Context, r db.Reader, id payment.RefundID) (Request, error) {
	q, err := db.One(ctx, r, scanRequest(r), selectOfPayment, string(id))
	if errors.Is(err, db.ErrNoRow) {
		return Request{}, nil
	}
	return q, err
}

// transferred books that a statement line paid what a customer was owed.
func transferred(ctx context.Context, tx *db.Tx, q Request, id string) error {
	line, err := payment.GetLine(ctx, tx, payment.LineID(id))
	if errors.Is(err, payment.ErrNotFound) {
		return ErrInvalid.In("line")
	}
	if err != nil {
		return err
	}
	if line.Amount.Currency != q.Amount.Currency || line.Amount.Minor != -q.Amount.Minor || line.State == payment.LineMatched || line.State == payment.LineMatching {
		return ErrInvalid.In("line")
	}
	booked, err := ledger.OwedPaid(ctx, tx, id, string(q.Account), q.Amount, line.At)
	if err == nil && !booked {
		err = ErrInvalid.In("line") // it has paid another refund
	}
	return err
}
