package refund

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
)

// Decision is the operator's, with what it rests on.
type Decision struct {
	Approve bool
	Amount  money.Amount // of an approval; at most what was asked
	Keep    bool         // the customer keeps the product
	Note    string
	Clause  string // "RB refund-5"
}

// Decide ends a request that was brought to the operator. An amount above the
// rulebook's limit becomes a proposal that another person must confirm. It refuses
// to pay while the payment is disputed.
func (u Rules) Decide(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Decision) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Decide(%s)", id)
	q, o, err := onDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	if in.Note, err = words(in.Note, "note", true); err != nil {
		return Request{}, err
	}
	if in.Clause = strings.TrimSpace(in.Clause); !cites(in.Clause) {
		return Request{}, ErrInvalid.In("clause")
	}
	buyer, err := account.Get(ctx, tx, o.Account)
	if err != nil {
		return Request{}, err
	}
	if _, err := agreement.CiteClause(ctx, tx, in.Clause, audience(buyer, o), tx.Now()); err != nil {
		return Request{}, err
	}
	s := said{note: in.Note, clause: in.Clause}
	if !in.Approve {
		if err := step(ctx, tx, by, &q, evReject, Staff, s); err != nil {
			return Request{}, err
		}
		if err := u.restore(ctx, tx, by, &q); err != nil {
			return Request{}, err
		}
		return q, decided(ctx, tx, q, "rejected", in.Clause)
	}
	if in.Amount.Currency != q.Asked.Currency || in.Amount.Minor <= 0 || in.Amount.Minor > q.Asked.Minor {
		return Request{}, ErrInvalid.In("amount")
	}
	if err := undisputed(ctx, tx, o); err != nil {
		return Request{}, err
	}
	limit, err := agreement.Setting[struct {
		Above int64 `json:"above"`
	}](ctx, tx, "refund_second_approver")
	if err != nil {
		return Request{}, err
	}
	q.Amount, q.OfferKeep = in.Amount, in.Keep
	if needsSecond(in.Amount, limit.Above) {
		q.ProposedBy = by.User
		err = step(ctx, tx, by, &q, evPropose, Staff, s)
		return q, err
	}
	q.Ends = !in.Keep
	if err := step(ctx, tx, by, &q, evDecide, Staff, s); err != nil {
		return Request{}, err
	}
	if err := decided(ctx, tx, q, "approved", in.Clause); err != nil {
		return Request{}, err
	}
	err = u.pay(ctx, tx, by, &q, o)
	return q, err
}

// Confirm is the second person's word on a proposal: yes pays it, no brings the
// request back to the desk.
func (u Rules) Confirm(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, yes bool, why string) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.Confirm(%s)", id)
	q, o, err := onDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	if why, err = words(why, "note", !yes); err != nil {
		return Request{}, err
	}
	if q.State == SecondReview {
		if err := another(q.ProposedBy, by); err != nil {
			return Request{}, err
		}
	}
	if !yes {
		q.Amount, q.OfferKeep, q.ProposedBy = q.Asked, false, ""
		err = step(ctx, tx, by, &q, evDecline, Second, said{note: why})
		return q, err
	}
	if err := undisputed(ctx, tx, o); err != nil {
		return Request{}, err
	}
	q.Ends = !q.OfferKeep
	if err := step(ctx, tx, by, &q, evConfirm, Second, said{note: why}); err != nil {
		return Request{}, err
	}
	if err := decided(ctx, tx, q, "approved", q.Clause); err != nil {
		return Request{}, err
	}
	err = u.pay(ctx, tx, by, &q, o)
	return q, err
}

// onDesk is a request as somebody of the staff who decides saw it.
func onDesk(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Request, order.Order, error) {
	if !decides(by) {
		return Request{}, order.Order{}, ErrForbidden
	}
	q, err := read(ctx, r, id)
	if err != nil {
		return Request{}, order.Order{}, err
	}
	o, err := order.Any(ctx, r, q.Order)
	if err != nil {
		return Request{}, order.Order{}, err
	}
	if by.Account == string(q.Account) {
		return Request{}, order.Order{}, ErrForbidden // nobody decides on a purchase of their own account
	}
	return q, o, current(q, seen)
}

// decided tells both sides what the operator decided, and on what.
func decided(ctx context.Context, tx *db.Tx, q Request, decision, clause string) error {
	params := map[string]string{"Order": string(q.Order), "Amount": q.Amount.Format("zh"), "Decision": decision, "Clause": clause}
	if err := tellBuyer(ctx, tx, q, "N-43", params); err != nil {
		return err
	}
	return tellVendor(ctx, tx, q, "N-43", params)
}

// PaidByTransfer records that what the provider could not refund was transferred:
// line is the bank statement's line that shows it. Finance only.
func (u Rules) PaidByTransfer(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, line string) (_ Request, err error) {
	defer fault.Wrap(&err, "refund.PaidByTransfer(%s)", id)
	q, _, err := onDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Request{}, err
	}
	if !by.Has(account.Finance) {
		return Request{}, ErrForbidden
	}
	if err := step(ctx, tx, by, &q, evOtherWay, Staff, said{note: line}); err != nil {
		return Request{}, err
	}
	return q, transferred(ctx, tx, q, line)
}
