package payment

import (
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
)

// record makes true here what the provider says of an attempt that was read in
// this transaction. Whatever was known already changes nothing.
func (w Work) record(ctx context.Context, tx *db.Tx, g Gateway, a Attempt, o Object) error {
	if err := believable(a, g.Capability(), o); err != nil {
		return err
	}
	if o.State == ObjectCaptured {
		_, a.Splits = g.(Splitter)
		return w.capture(ctx, tx, a, o)
	}
	gone := (a.State == Cancelled || a.State == Expired) && (o.State == ObjectCreated || o.State == ObjectProcessing)
	known := a.ProviderID != ""
	a.ProviderID = o.ProviderID
	if o.PayURL != "" {
		a.PayURL = o.PayURL
	}
	if to := raised(a.State, o.State, !a.ExpiresAt.After(tx.Now())); to != a.State {
		return move(ctx, tx, a, to)
	}
	if known {
		return nil
	}
	if _, err := tx.Exec(ctx, rememberProvider, o.ProviderID, db.Micros(tx.Now()), string(a.ID)); err != nil || !gone {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: CloseJob, Object: string(a.ID), Unique: true})
}

// capture counts a capture once and hands it to the order, all in the caller's
// transaction: when the order cannot take it now, nothing has happened and the
// job runs again.
func (w Work) capture(ctx context.Context, tx *db.Tx, a Attempt, o Object) error {
	at := o.CapturedAt
	if at.IsZero() {
		at = tx.Now()
	}
	wrong := due(a.Amount, o.Captured)
	fee := positive(o.Fee, o.Captured.Currency)
	n, err := tx.Exec(ctx, captureAttempt, wrong != nil, o.ProviderID, o.Captured.Minor, string(o.Captured.Currency), o.CaptureID,
		db.Micros(at), fee, a.Splits, db.Micros(tx.Now()), string(a.ID))
	if err != nil {
		return err
	}
	if n == 0 {
		return w.repeated(ctx, tx, a, o, at)
	}
	c := Capture{Attempt: a.ID, Order: a.Order, Amount: o.Captured, Provider: a.Gateway, CaptureID: o.CaptureID, At: at}
	if wrong != nil {
		err = mismatched(ctx, tx, a, c)
	} else {
		err = w.Captured(ctx, tx, c)
	}
	if err != nil || fee == 0 {
		return err
	}
	_, err = ledger.ProviderFee(ctx, tx, a.Gateway, o.CaptureID, o.Fee, at)
	return err
}

// repeated meets a capture of an attempt that has one. The same one may bring a
// fee that was not known before. Another one is money twice: it is nobody's
// until a person has looked.
func (w Work) repeated(ctx context.Context, tx *db.Tx, a Attempt, o Object, at time.Time) error {
	if o.CaptureID != a.CaptureID {
		posted, err := ledger.LateMoney(ctx, tx, a.Gateway, o.CaptureID, string(a.ID), o.Captured, at)
		if err != nil || !posted {
			return err
		}
		return alarm(ctx, tx, audit.Provider(a.Gateway), "payment.captured.twice", string(a.ID), a.Order)
	}
	fee := positive(o.Fee, a.Captured.Currency)
	if fee == 0 || !a.Fee.IsZero() {
		return nil
	}
	n, err := tx.Exec(ctx, rememberFee, fee, string(a.ID))
	if err != nil || n == 0 {
		return err
	}
	_, err = ledger.ProviderFee(ctx, tx, a.Gateway, o.CaptureID, o.Fee, at)
	return err
}

// mismatched sends wrong money back. The order never hears of it.
func mismatched(ctx context.Context, tx *db.Tx, a Attempt, c Capture) error {
	by := audit.Provider(a.Gateway)
	err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "payment.mismatch", Subjects: []string{string(a.ID), a.Order}, Clauses: []string{ErrMismatch.Clause}, Refusal: ErrMismatch.Code,
		Data: map[string]string{"due": a.Amount.String(), "paid": c.Amount.String()},
	})
	if err != nil {
		return err
	}
	_, err = SendBack(ctx, tx, by, c, CauseMismatch)
	return err
}

// SendBack books a capture that no order may keep as nobody's (P5) and starts
// its full refund, once. The order's hook calls it, with [CauseLate], for money
// that comes after the order is gone; this package books the end of it.
func SendBack(ctx context.Context, tx *db.Tx, by audit.Actor, c Capture, cause Cause) (Refund, error) {
	if _, err := ledger.LateMoney(ctx, tx, c.Provider, c.CaptureID, string(c.Attempt), c.Amount, c.At); err != nil {
		return Refund{}, fmt.Errorf("payment.SendBack(%s): %w", c.Attempt, err)
	}
	return StartRefund(ctx, tx, by, RefundStart{Attempt: c.Attempt, Amount: c.Amount, Cause: cause, Key: "back"})
}
