package refund

import (
	"context"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/order"
)

// Agree is the vendor's yes to what was asked: the money leaves.
func (u Rules) Agree(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Agree(%s)", id)
	q, err := seller(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	o, err := order.Any(ctx, tx, q.Order)
	if err != nil {
		return Request{}, err
	}
	if err := step(ctx, tx, by, &q, evAgree, Seller, said{}); err != nil {
		return Request{}, err
	}
	if err := answered(ctx, tx, q, "agreed"); err != nil {
		return Request{}, err
	}
	if err := step(ctx, tx, by, &q, evApprove, System, said{}); err != nil {
		return Request{}, err
	}
	err = u.pay(ctx, tx, by, &q, o)
	return q, err
}

// Offer is another amount than was asked for.
type Offer struct {
	Amount money.Amount
	Keep   bool // the customer keeps the product
	Note   string
}

// Counter is the vendor's other offer. The customer accepts it, asks the operator,
// or takes the request back; silence closes it.
func (u Rules) Counter(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Offer) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Counter(%s)", id)
	if in.Note, err = words(in.Note, "note", true); err != nil {
		return Request{}, err
	}
	q, err := seller(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	if in.Amount.Currency != q.Asked.Currency || in.Amount.Minor <= 0 || in.Amount.Minor > q.Asked.Minor || in.Amount == q.Asked && !in.Keep {
		return Request{}, ErrInvalid.In("amount") // the same amount is an agreement
	}
	if err := screened(ctx, tx, by, string(q.ID), "note", in.Note); err != nil {
		return Request{}, err
	}
	q.Amount, q.OfferKeep = in.Amount, in.Keep
	if err := u.await(ctx, tx, by, &q, evCounter, in.Note); err != nil {
		return Request{}, err
	}
	return q, answered(ctx, tx, q, "countered")
}

// Refuse is the vendor's no, with its reason. Access is back; the customer may
// still ask the operator.
func (u Rules) Refuse(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, reason string) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Refuse(%s)", id)
	if reason, err = words(reason, "note", true); err != nil {
		return Request{}, err
	}
	q, err := seller(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	if err := screened(ctx, tx, by, string(q.ID), "note", reason); err != nil {
		return Request{}, err
	}
	if err := u.await(ctx, tx, by, &q, evRefuse, reason); err != nil {
		return Request{}, err
	}
	if err := u.restore(ctx, tx, by, &q); err != nil {
		return Request{}, err
	}
	return q, answered(ctx, tx, q, "refused")
}

// await records an answer that leaves the next word to the customer, for a time.
func (u Rules) await(ctx context.Context, tx *db.Tx, by audit.Actor, q *Request, e Event, note string) error {
	wait, err := agreement.Setting[struct{ Days int }](ctx, tx, "refund_escalate_within")
	if err != nil {
		return err
	}
	q.EscalateBy = calendar.On(tx.Now()).AddDays(wait.Days).Last()
	if err := step(ctx, tx, by, q, e, Seller, said{note: note}); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: lapseJob, Object: string(q.ID), At: q.EscalateBy, Unique: true})
}

// answered tells the customer what the vendor said and what can be done next.
func answered(ctx context.Context, tx *db.Tx, q Request, answer string) error {
	params := map[string]string{"Order": string(q.Order), "Amount": q.Amount.Format("zh"), "Answer": answer}
	if !q.EscalateBy.IsZero() {
		params["EscalateAt"] = q.EscalateBy.Format(time.RFC3339)
	}
	return tellBuyer(ctx, tx, q, "N-42", params)
}
