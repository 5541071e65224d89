package entitlement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Grant binds the right that an order line paid for to the account chosen for it.
// Call it in the transaction that records the payment. A second grant of the line
// returns the first; for another account it is ENTITLEMENT_ACCOUNT_BOUND.
func Grant(ctx context.Context, tx *db.Tx, by audit.Actor, in New) (_ Entitlement, err error) {
	defer fault.Wrap(&err, "entitlement.Grant(%s)", in.Line)
	if err := complete(in); err != nil {
		return Entitlement{}, err
	}
	fresh, err := tx.Exec(ctx, insertBinding, in.Line, string(in.Account), db.Micros(tx.Now()))
	if err != nil {
		return Entitlement{}, err
	}
	if fresh == 0 {
		e, err := found(db.One(ctx, tx, scan, selectOfLine, in.Line))
		if err != nil {
			return Entitlement{}, err
		}
		return e, boundTo(e, in.Account)
	}
	e := Entitlement{ID: ID(tx.ID("ent")), New: in, State: Pending, GrantedAt: tx.Now()}
	tx.Queue(insertGrant, string(e.ID), e.Order, e.Line, string(e.Account), string(e.Vendor), string(e.Product), e.Version, e.Plan,
		e.Name, e.Quantity, e.Term.Unit, e.Term.Count, db.Micros(e.GrantedAt))
	return e, audit.Record(ctx, tx, by, audit.Entry{
		Act: "entitlement.bound", Subjects: []string{string(e.ID), e.Order, e.Line, string(e.Account)}, Clauses: []string{"UA 4.3"},
		Data: map[string]any{"product": e.Product, "plan": e.Plan, "quantity": e.Quantity},
	})
}

// Activate starts the term of a right that was delivered, at the moment that the
// vendor was told. Only package delivery calls it. A right that is active already
// stays as it is.
func Activate(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, start time.Time) (_ Entitlement, err error) {
	defer fault.Wrap(&err, "entitlement.Activate(%s)", id)
	before, err := Read(ctx, tx, id)
	if err != nil || before.State == Active {
		return before, err
	}
	if before.State != Pending {
		return before, ErrState
	}
	after := before
	after.State, after.StartsAt = Active, start
	after.EndsAt = EndOf(after.StartsAt, after.Term)
	if err := move(ctx, tx, before, after); err != nil {
		return before, err
	}
	if !after.EndsAt.IsZero() {
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: "entitlement.expire", Object: string(id), At: after.EndsAt, Unique: true}); err != nil {
			return before, err
		}
	}
	return after, record(ctx, tx, by, after)
}

// End moves a right to suspended, active again, expired, destroyed, refunded or
// prohibited. Who may decide that is the business of the package that calls: a
// refund, an enforcement case, a delisting. A right that is already there is left
// alone; a move that the states do not allow is STALE.
func End(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, to State) (_ Entitlement, err error) {
	defer fault.Wrap(&err, "entitlement.End(%s, %s)", id, to)
	before, err := Read(ctx, tx, id)
	if err != nil || before.State == to {
		return before, err
	}
	if to == Active && before.State != Suspended {
		return before, ErrState // only a delivery makes a right active for the first time
	}
	after := before
	after.State = to
	switch to {
	case Expired, Refunded, Prohibited:
		if after.EndedAt.IsZero() {
			after.EndedAt = tx.Now()
		}
	}
	if err := move(ctx, tx, before, after); err != nil {
		return before, err
	}
	return after, record(ctx, tx, by, after)
}

func record(ctx context.Context, tx *db.Tx, by audit.Actor, e Entitlement) error {
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "entitlement." + string(e.State), Subjects: []string{string(e.ID), e.Order},
		Data: map[string]any{"starts_at": db.Micros(e.StartsAt), "ends_at": db.Micros(e.EndsAt)},
	})
}
