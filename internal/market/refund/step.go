package refund

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// said is what an actor adds to a step.
type said struct {
	note   string
	clause string
}

// step is the only change of a request's state: it asks the machine, writes the
// row if it is still the one that was read, notes the step, and starts or stops
// the clock until breach.
func step(ctx context.Context, tx *db.Tx, by audit.Actor, q *Request, e Event, side Side, s said) error {
	from := q.State
	to, err := next(from, e, side)
	if err != nil {
		return err
	}
	q.State = to
	if to.Ended() {
		q.EndedAt = tx.Now()
	}
	switch {
	case !to.runs():
		q.ClockFrom = time.Time{}
	case !from.runs():
		q.ClockFrom = tx.Now()
	}
	n, err := tx.Exec(ctx, moveRequest, q.Amount.Minor, q.Ends, q.OfferKeep, q.Suspended, string(q.State), q.Code, q.Case, q.LegalReview,
		db.Micros(q.AnswerDue), string(q.AnswerClock), db.Micros(q.EscalateBy), db.Micros(q.ClockFrom), db.Micros(q.AlertedAt), db.Micros(q.BreachedAt),
		q.ProposedBy, string(q.Payment), db.Micros(q.EndedAt), q.SelfService, string(q.ID), q.Version, string(from))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	q.Version++
	if to.runs() && !from.runs() {
		if err := watch(ctx, tx, *q); err != nil {
			return err
		}
	}
	return note(ctx, tx, by, *q, from, e, side, s)
}

// note writes the step down, for the timeline and for the record.
func note(ctx context.Context, tx *db.Tx, by audit.Actor, q Request, from State, e Event, side Side, s said) error {
	clause := s.clause
	if clause == "" {
		clause = q.Clause
	}
	sealed, err := tx.Keys().Seal(s.note, noteAt(q.ID))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertStep, string(q.ID), q.Version, string(from), string(e), string(q.State), string(side), by.User,
		q.Amount.Minor, string(q.Amount.Currency), clause, sealed, db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "refund." + string(e), Subjects: []string{string(q.ID), string(q.Order), string(q.Payment), q.Case}, Clauses: []string{"UA 4.5"},
		Data: map[string]any{"from": from, "to": q.State, "side": side, "amount": q.Amount, "basis": clause, "rulebook": q.Rulebook},
	})
}

// watch sets the timers of the warning and of the breach.
func watch(ctx context.Context, tx *db.Tx, q Request) error {
	rule, err := agreement.Setting[limitRule](ctx, tx, "refund_hard_limit")
	if err != nil {
		return err
	}
	alert, breach := limits(q.ClockFrom, rule)
	name := fmt.Sprint(db.Micros(q.ClockFrom))
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: alertJob, Object: string(q.ID), Name: name, At: alert, Unique: true}); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: breachJob, Object: string(q.ID), Name: name, At: breach, Unique: true})
}

// suspend takes access away while a request is open that would end it.
func suspend(ctx context.Context, tx *db.Tx, by audit.Actor, q *Request) error {
	if !q.Ends || q.Suspended {
		return nil
	}
	right, err := entitlement.Read(ctx, tx, q.Entitlement)
	if err != nil || right.State != entitlement.Active {
		return err
	}
	if _, err := entitlement.End(ctx, tx, by, q.Entitlement, entitlement.Suspended); err != nil {
		return err
	}
	return access(ctx, tx, q, true)
}

// restore gives back the access that the request took, unless a breach keeps it.
func (u Rules) restore(ctx context.Context, tx *db.Tx, by audit.Actor, q *Request) error {
	if !q.Suspended {
		return nil
	}
	right, err := entitlement.Read(ctx, tx, q.Entitlement)
	if err != nil {
		return err
	}
	breach, err := u.breach(ctx, tx, q.Entitlement)
	if err != nil {
		return err
	}
	if right.State == entitlement.Suspended && breach.State != BreachPending && breach.State != BreachFinal {
		if _, err := entitlement.End(ctx, tx, by, q.Entitlement, entitlement.Active); err != nil {
			return err
		}
	}
	return access(ctx, tx, q, false)
}

func access(ctx context.Context, tx *db.Tx, q *Request, taken bool) error {
	q.Suspended = taken
	_, err := tx.Exec(ctx, markAccess, taken, string(q.ID))
	return err
}

// breach is what was decided about a right, or is about to be.
func (u Rules) breach(ctx context.Context, r db.Reader, e entitlement.ID) (Breach, error) {
	if u.Breach == nil {
		return Breach{}, nil
	}
	return u.Breach(ctx, r, e)
}

// forfeit is a breach as far as it stands against a refund: not at all while
// clause 8.4 is out of force for the customer. What the breach took otherwise stays
// taken, and the rulebook decides as for everybody else.
func (u Rules) forfeit(ctx context.Context, r db.Reader, e entitlement.ID, o order.Order) (Breach, error) {
	b, err := u.breach(ctx, r, e)
	if err != nil || b == (Breach{}) {
		return b, err
	}
	buyer, err := account.Get(ctx, r, o.Account)
	if err != nil {
		return Breach{}, err
	}
	err = agreement.InForce(ctx, r, "UA 8.4", audience(buyer, o))
	if errors.Is(err, agreement.ErrDisabled) {
		return Breach{}, nil
	}
	return b, err
}

// audience is how the agreement speaks to the customer of an order.
func audience(buyer account.Account, o order.Order) agreement.Audience {
	if buyer.Consumer && !o.Business {
		return agreement.Consumers
	}
	return agreement.Businesses
}

// tell sends a notice about a request to one of its parties.
func tell(ctx context.Context, tx *db.Tx, code string, to account.ID, link string, params map[string]string) error {
	return message.Send(ctx, tx, message.Notice{Code: code, To: to, Link: link, Params: params})
}

func tellBuyer(ctx context.Context, tx *db.Tx, q Request, code string, params map[string]string) error {
	return tell(ctx, tx, code, q.Account, "/orders/"+string(q.Order), params)
}

func tellVendor(ctx context.Context, tx *db.Tx, q Request, code string, params map[string]string) error {
	seller, err := vendor.Get(ctx, tx, q.Vendor)
	if err != nil {
		return err
	}
	return tell(ctx, tx, code, seller.Account, "/vendor/refunds/"+string(q.ID), params)
}
