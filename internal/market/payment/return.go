package payment

import (
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Return is a part of the operator's share on its way back to the payee's side,
// so that one refund can be paid whole.
type Return struct {
	ID         ReturnID
	Refund     RefundID
	Split      SplitID
	Attempt    AttemptID
	Gateway    string
	Amount     money.Amount
	State      ShareState
	ProviderID string
	Reason     string // why it failed: a code of the provider, or one of the reasons below
	SentAt     time.Time
	CreatedAt  time.Time
	EndedAt    time.Time
}

// Why a return failed that was never sent.
const (
	// ReasonNotSplit: the split itself failed, so there is nothing to take back.
	ReasonNotSplit = "not_split"
)

// startReturns takes the amount out of the shares given, the newest first, and
// asks for each part back. It refuses more than the shares hold.
func startReturns(ctx context.Context, tx *db.Tx, a Attempt, refund RefundID, amount money.Amount) error {
	reserved, err := tx.Exec(ctx, reserveReturn, amount.Minor, db.Micros(tx.Now()), string(a.ID))
	if err != nil {
		return err
	}
	if reserved == 0 {
		return ErrOverReturn
	}
	splits, err := SplitsOf(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	left := amount.Minor
	for i := len(splits) - 1; i >= 0 && left > 0; i-- {
		s := splits[i]
		part := min(left, s.Share.Minor-s.Returned.Minor)
		if s.State == ShareFailed || part == 0 {
			continue
		}
		if n, err := tx.Exec(ctx, takeOfSplit, part, string(s.ID)); err != nil {
			return err
		} else if n == 0 {
			return ErrStale
		}
		id := tx.ID("ret")
		if _, err := tx.Exec(ctx, insertReturn, id, string(refund), string(s.ID), part, string(amount.Currency), db.Micros(tx.Now())); err != nil {
			return err
		}
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: ReturnJob, Object: id, Unique: true}); err != nil {
			return err
		}
		left -= part
	}
	if left > 0 {
		return fmt.Errorf("payment: the splits of %s hold less than the attempt says", a.ID)
	}
	return nil
}

// returnErrand is a return as something to be sent. Its split must be done.
func (w Work) returnErrand(t Return, s Split, a Attempt, g Gateway) errand {
	in := ReturnIntent{
		Reference: t.ID, Split: s.ID, SplitProviderID: s.ProviderID, Payment: a.ref(), Amount: t.Amount, Description: s.Description,
	}
	e := errand{
		object: string(t.ID), gateway: g.Name(), born: t.CreatedAt,
		open: t.State == ShareSubmitting || t.State == ShareUnknown, sent: !t.SentAt.IsZero(),
		refused: movement{ProviderID: t.ProviderID, Reference: string(t.ID), State: MoveFailed, Amount: t.Amount},
		claim: func(ctx context.Context, tx *db.Tx) (bool, error) {
			if s.State != ShareDone {
				return false, nil
			}
			return claimed(ctx, tx, a.ID, sendReturn, string(t.ID))
		},
		record: func(ctx context.Context, tx *db.Tx, m movement) error { return w.recordReturn(ctx, tx, t.ID, m) },
		lost: func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, moveReturn, string(ShareUnknown), t.ProviderID, "", 0, string(t.ID), string(ShareSubmitting))
			return err
		},
	}
	if at, ok := g.(Splitter); ok {
		e.send = func(ctx context.Context) (movement, error) { return moved(at.Return(ctx, in)) }
		e.find = func(ctx context.Context) (movement, error) { return moved(at.FindReturn(ctx, in)) }
	}
	return e
}

// claimed marks a thing as about to be sent, unless a dispute of its attempt is
// open or it has ended meanwhile.
func claimed(ctx context.Context, tx *db.Tx, a AttemptID, mark, id string) (bool, error) {
	n, err := tx.Exec(ctx, claimRefund, db.Micros(tx.Now()), string(a))
	if err != nil || n == 0 {
		return false, err
	}
	n, err = tx.Exec(ctx, mark, db.Micros(tx.Now()), id)
	return n == 1, err
}

// recordReturn makes true here what the provider says of a return, and lets the
// refund go when it was the last. A return that failed is an alarm, not the
// buyer's matter: the refund is sent all the same.
func (w Work) recordReturn(ctx context.Context, tx *db.Tx, id ReturnID, m movement) error {
	t, err := GetReturn(ctx, tx, id)
	if err != nil {
		return err
	}
	if m.Reference != string(t.ID) || m.Amount != t.Amount {
		return fmt.Errorf("%w: return", errForeign)
	}
	to, changed := shareMoves(t.State, m.State)
	if !changed {
		return contradiction(t.State, m.State)
	}
	t.ProviderID = m.id(t.ProviderID)
	if err := w.moveReturnTo(ctx, tx, t, to, m.Reason); err != nil {
		return err
	}
	if to == ShareFailed {
		if err := alarm(ctx, tx, audit.Provider(t.Gateway), "payment.share.return.failed", string(t.ID), string(t.Refund), string(t.Attempt)); err != nil {
			return err
		}
	}
	return w.letRefundGo(ctx, tx, t.Refund)
}

// moveReturnTo changes a return that was read in this transaction; one that
// failed frees what it held, and its end is told.
func (w Work) moveReturnTo(ctx context.Context, tx *db.Tx, t Return, to ShareState, reason string) error {
	from := t.State
	t.State = to
	if to == ShareDone || to == ShareFailed {
		t.EndedAt = tx.Now()
	}
	if to == ShareFailed {
		t.Reason = reason
	}
	n, err := tx.Exec(ctx, moveReturn, string(t.State), t.ProviderID, t.Reason, db.Micros(t.EndedAt), string(t.ID), string(from))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	if to == ShareFailed {
		if _, err := tx.Exec(ctx, leaveSplit, t.Amount.Minor, string(t.Split)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, releaseReturn, t.Amount.Minor, db.Micros(tx.Now()), string(t.Attempt)); err != nil {
			return err
		}
	}
	if (to == ShareDone || to == ShareFailed) && w.ReturnEnded != nil {
		return w.ReturnEnded(ctx, tx, t)
	}
	return nil
}

// forgetReturns ends the returns of a split that failed.
func (w Work) forgetReturns(ctx context.Context, tx *db.Tx, s Split) error {
	all, err := db.All(ctx, tx, scanReturn, selectSplitReturns, string(s.ID))
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.State == ShareDone || t.State == ShareFailed {
			continue
		}
		if err := w.moveReturnTo(ctx, tx, t, ShareFailed, ReasonNotSplit); err != nil {
			return err
		}
		if err := w.letRefundGo(ctx, tx, t.Refund); err != nil {
			return err
		}
	}
	return nil
}

// letRefundGo has a refund sent once all that it waited for has ended.
func (w Work) letRefundGo(ctx context.Context, tx *db.Tx, id RefundID) error {
	r, err := GetRefund(ctx, tx, id)
	if err != nil || r.State != RefundReturning {
		return err
	}
	all, err := ReturnsOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.State != ShareDone && t.State != ShareFailed {
			return nil
		}
	}
	n, err := tx.Exec(ctx, moveRefund, string(RefundSubmitting), r.ProviderID, "", false, 0, string(r.ID), string(RefundReturning))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: RefundJob, Object: string(r.ID), Unique: true})
}

// GetReturn returns a return.
func GetReturn(ctx context.Context, r db.Reader, id ReturnID) (Return, error) {
	return one(db.One(ctx, r, scanReturn, selectReturn, string(id)))
}

// ReturnsOf returns what is taken back for a refund, oldest first.
func ReturnsOf(ctx context.Context, r db.Reader, id RefundID) ([]Return, error) {
	return db.All(ctx, r, scanReturn, selectReturns, string(id))
}
