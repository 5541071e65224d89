package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
)

// RefundStart asks for money to go back.
type RefundStart struct {
	Attempt AttemptID
	Amount  money.Amount // in the currency received, above zero
	Cause   Cause
	Key     string // of the caller's own; the same key again is the same refund
	// Return is the part of Amount that the operator gives from its share: it is
	// taken back at the provider before the refund is sent. The zero Amount: none.
	Return money.Amount
}

// StartRefund reserves the amount on the attempt and asks for it to be sent. It
// refuses to give back more than came in (ErrOverRefund), anything while a dispute
// is open (ErrDisputed), and to take back more of the share than was given
// (ErrOverReturn). Booking an ordinary refund (P7) is the caller's, in the same
// transaction.
//
// A dispute may open between this and the sending. Then the refund waits, keeps
// what it has reserved, and the dispute covers the rest. When the dispute is won
// the refund is sent; when it is lost and needs the money, the refund fails with
// [ReasonDisputed], because the payer has been paid. One that was sent already is
// not touched: it and the dispute then give money back twice, and what is above
// the capture is not covered ([Dispute.Covered]).
func StartRefund(ctx context.Context, tx *db.Tx, _ audit.Actor, s RefundStart) (_ Refund, err error) {
	defer fault.Wrap(&err, "payment.StartRefund(%s, %s)", s.Attempt, s.Key)
	switch {
	case s.Key == "":
		return Refund{}, ErrRequired.In("key")
	case s.Amount.Minor <= 0:
		return Refund{}, ErrInvalid.In("amount")
	case s.Return.Minor < 0 || s.Return.Minor > s.Amount.Minor || !s.Return.IsZero() && s.Return.Currency != s.Amount.Currency:
		return Refund{}, ErrInvalid.In("return")
	case s.Cause != CauseOrder && s.Cause != CauseLate && s.Cause != CauseMismatch:
		return Refund{}, ErrInvalid.In("cause")
	}
	known, err := db.One(ctx, tx, scanRefund, selectRefundKey, string(s.Attempt), s.Key)
	if err == nil {
		if known.Amount != s.Amount || known.Cause != s.Cause || known.Return.Minor != s.Return.Minor {
			return Refund{}, ErrStale
		}
		return known, nil
	}
	if !errors.Is(err, db.ErrNoRow) {
		return Refund{}, err
	}
	a, err := Get(ctx, tx, s.Attempt)
	if err != nil {
		return Refund{}, err
	}
	if a.Captured.Currency != s.Amount.Currency {
		return Refund{}, ErrInvalid.In("amount")
	}
	reserved, err := tx.Exec(ctx, reserveRefund, s.Amount.Minor, db.Micros(tx.Now()), string(s.Attempt))
	if err != nil {
		return Refund{}, err
	}
	if reserved == 0 && a.Disputes > 0 {
		return Refund{}, ErrDisputed
	}
	if reserved == 0 {
		return Refund{}, ErrOverRefund
	}
	state := RefundSubmitting
	if !s.Return.IsZero() {
		state = RefundReturning
	}
	id := RefundID(tx.ID("rfd"))
	_, err = tx.Exec(ctx, insertRefund, string(id), codeOf(refundLetter, string(id)), string(s.Attempt), s.Key, s.Amount.Minor,
		string(s.Amount.Currency), string(s.Cause), string(state), s.Return.Minor, db.Micros(tx.Now()))
	if err != nil {
		return Refund{}, err
	}
	if state == RefundReturning { // the job begins when all of it is back
		if err := startReturns(ctx, tx, a, id, s.Return); err != nil {
			return Refund{}, err
		}
		return GetRefund(ctx, tx, id)
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: RefundJob, Object: string(id), Unique: true}); err != nil {
		return Refund{}, err
	}
	return GetRefund(ctx, tx, id)
}

// RefundAll gives back what is left of an attempt; s.Amount is ignored. It
// refuses when nothing is left, or a dispute is open.
func RefundAll(ctx context.Context, tx *db.Tx, by audit.Actor, s RefundStart) (Refund, error) {
	known, err := db.One(ctx, tx, scanRefund, selectRefundKey, string(s.Attempt), s.Key)
	if !errors.Is(err, db.ErrNoRow) {
		return known, err
	}
	a, err := Get(ctx, tx, s.Attempt)
	if err != nil {
		return Refund{}, err
	}
	if s.Amount = (money.Amount{Minor: a.free(), Currency: a.Captured.Currency}); s.Amount.IsZero() {
		if a.Disputes > 0 {
			return Refund{}, ErrDisputed
		}
		return Refund{}, ErrOverRefund
	}
	return StartRefund(ctx, tx, by, s)
}

// refundMoves is what a fact from the provider makes of a refund. Repeats and
// facts of a lower rank change nothing.
func refundMoves(from RefundState, o RefundObjectState) (to RefundState, changed bool) {
	out := from == RefundSubmitting || from == RefundUnknown
	switch {
	case o == RefundObjectSubmitted && out:
		return RefundSubmitted, true
	case o == RefundObjectSucceeded && (out || from == RefundSubmitted):
		return RefundSucceeded, true
	case o == RefundObjectFailed && from != RefundFailed:
		return RefundFailed, true
	}
	return from, false
}

// recheckAfter is when a refund that succeeded is asked for once more, because a
// bank may send it back and the notice of that may be lost.
const recheckAfter = 72 * time.Hour

// recordRefund makes true here what the provider says of a refund.
func (w Work) recordRefund(ctx context.Context, tx *db.Tx, id RefundID, o RefundObject) error {
	r, err := GetRefund(ctx, tx, id)
	if err != nil {
		return err
	}
	unstated := o.State == RefundObjectSubmitted && o.Amount == (money.Amount{})
	if o.Reference != string(r.ID) || o.Amount != r.Amount && !unstated {
		return fmt.Errorf("%w: refund", errForeign)
	}
	from := r.State
	to, changed := refundMoves(from, o.State)
	if from == RefundFailed && o.State == RefundObjectSucceeded {
		return fmt.Errorf("%w: a refund that had failed was paid", errForeign)
	}
	if !changed {
		return nil
	}
	r.State = to
	if o.ProviderID != "" {
		r.ProviderID = o.ProviderID
	}
	if to == RefundSucceeded || to == RefundFailed {
		r.EndedAt = tx.Now()
	}
	if to == RefundFailed {
		r.Reason, r.Bounced = o.Reason, from == RefundSucceeded
	}
	n, err := tx.Exec(ctx, moveRefund, string(r.State), r.ProviderID, r.Reason, r.Bounced, db.Micros(r.EndedAt), string(r.ID), string(from))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	switch to {
	case RefundSucceeded:
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: RefundJob, Object: string(r.ID), Name: "recheck", At: tx.Now().Add(recheckAfter), Unique: true}); err != nil {
			return err
		}
		return w.refundEnded(ctx, tx, r)
	case RefundFailed:
		if _, err := tx.Exec(ctx, releaseRefund, r.Amount.Minor, db.Micros(tx.Now()), string(r.Attempt)); err != nil {
			return err
		}
		return w.refundEnded(ctx, tx, r)
	case RefundReturning, RefundSubmitting, RefundSubmitted, RefundUnknown:
	}
	return nil
}

// refundEnded books the end: an order's refund by its hook, the return of
// nobody's money here.
func (w Work) refundEnded(ctx context.Context, tx *db.Tx, r Refund) error {
	if r.Cause == CauseOrder {
		return w.RefundEnded(ctx, tx, r)
	}
	if r.State == RefundSucceeded {
		_, err := ledger.LateRefund(ctx, tx, r.Gateway, string(r.ID), r.Amount, tx.Now())
		return err
	}
	if r.Bounced {
		j, posted, err := ledger.Posted(ctx, tx, "laterefund:"+string(r.ID))
		if err != nil {
			return err
		}
		if posted {
			if _, err := ledger.Reverse(ctx, tx, j.ID, string(r.ID)); err != nil {
				return err
			}
		}
	}
	return alarm(ctx, tx, audit.Provider(r.Gateway), "payment.return.failed", string(r.ID), string(r.Attempt), r.Order)
}
