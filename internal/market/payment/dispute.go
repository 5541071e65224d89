package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
)

// DisputeID is "dsp_…"; the provider knows the dispute by an id of its own.
type DisputeID string

// Dispute is the payer's bank taking the money of a captured attempt back. It is
// kept as far as it is known: everything before its round and state has happened.
type Dispute struct {
	ID         DisputeID
	Gateway    string
	ProviderID string
	Attempt    AttemptID
	Order      string
	State      DisputeState
	Round      int
	Amount     money.Amount // taken back by the bank
	// Covered is the part of Amount that had not been given back otherwise. The
	// attempt holds it while the dispute is open and after it is lost; what is above
	// it is the operator's own loss.
	Covered     money.Amount
	Fee         money.Amount
	Reason      string // as a code of the provider
	EvidenceDue time.Time
	OpenedAt    time.Time
	ChangedAt   time.Time
}

// Open reports whether the bank has the money and nobody has decided.
func (d Dispute) Open() bool { return d.State == DisputeOpen || d.State == DisputeSubmitted }

// recordDispute makes true here what the provider says of a dispute: every move
// that leads from what is known to that, in order, each told once.
func (w Work) recordDispute(ctx context.Context, tx *db.Tx, gateway string, o DisputeObject) error {
	a, err := disputed(ctx, tx, gateway, o)
	if err != nil {
		return err
	}
	if a.Captured.IsZero() {
		return ErrNotFound // it has overtaken its capture
	}
	if o.ProviderID == "" || o.Amount.Minor <= 0 || o.Amount.Currency != a.Captured.Currency {
		return fmt.Errorf("%w: dispute", errForeign)
	}
	d, err := db.One(ctx, tx, scanDispute, selectDisputeAt, gateway, o.ProviderID)
	fresh := errors.Is(err, db.ErrNoRow)
	if err != nil && !fresh {
		return err
	}
	if !fresh && (d.Attempt != a.ID || d.Amount != o.Amount) {
		return fmt.Errorf("%w: dispute", errForeign)
	}
	steps, err := disputeSteps(d.Round, d.State, o.Round, o.State)
	if err != nil {
		return err
	}
	if fresh {
		d = Dispute{
			ID: DisputeID(tx.ID("dsp")), Gateway: gateway, ProviderID: o.ProviderID, Attempt: a.ID, Order: a.Order, Amount: o.Amount,
			Covered: money.Amount{Currency: o.Amount.Currency}, OpenedAt: o.At,
		}
		if d.OpenedAt.IsZero() {
			d.OpenedAt = tx.Now()
		}
	}
	d.Fee = money.Amount{Minor: positive(o.Fee, o.Amount.Currency), Currency: o.Amount.Currency}
	d.Reason, d.EvidenceDue = o.Reason, o.EvidenceDue
	if !fresh && len(steps) == 0 {
		_, err := tx.Exec(ctx, moveDispute, string(d.State), d.Round, d.Covered.Minor, d.Fee.Minor, d.Reason, db.Micros(d.EvidenceDue),
			db.Micros(tx.Now()), string(d.ID), string(d.State), d.Round)
		return err
	}
	for i, s := range steps {
		if d, err = w.stepDispute(ctx, tx, d, s, fresh && i == 0); err != nil {
			return err
		}
	}
	return nil
}

// disputed is the attempt that a provider's dispute is about.
func disputed(ctx context.Context, r db.Reader, gateway string, o DisputeObject) (Attempt, error) {
	if o.Payment.Reference == "" {
		return one(db.One(ctx, r, scanAttempt, selectAttemptAt, gateway, o.Payment.ProviderID))
	}
	a, err := Get(ctx, r, o.Payment.Reference)
	if err == nil && a.Gateway != gateway {
		err = ErrNotFound
	}
	// Whose creation was never answered has no id of the provider yet, and no capture.
	if err == nil && o.Payment.ProviderID != "" && a.ProviderID != "" && a.ProviderID != o.Payment.ProviderID {
		err = fmt.Errorf("%w: dispute", errForeign)
	}
	return a, err
}

// stepDispute makes one move, with what it does to the attempt, and tells it.
func (w Work) stepDispute(ctx context.Context, tx *db.Tx, d Dispute, s disputeStep, fresh bool) (Dispute, error) {
	from, round := d.State, d.Round
	d.State, d.Round, d.ChangedAt = s.state, s.round, tx.Now()
	var err error
	switch s.state {
	case DisputeOpen:
		err = hold(ctx, tx, &d)
	case DisputeWon:
		err = endHold(ctx, tx, d, d.Covered.Minor)
	case DisputeLost:
		err = w.lose(ctx, tx, &d)
	case DisputeInquiry, DisputeSubmitted:
	}
	if err != nil {
		return d, err
	}
	n := int64(1)
	if fresh {
		_, err = tx.Exec(ctx, insertDispute, string(d.ID), d.Gateway, d.ProviderID, string(d.Attempt), string(d.State), d.Round, d.Amount.Minor,
			string(d.Amount.Currency), d.Covered.Minor, d.Fee.Minor, d.Reason, db.Micros(d.EvidenceDue), db.Micros(d.OpenedAt))
	} else {
		n, err = tx.Exec(ctx, moveDispute, string(d.State), d.Round, d.Covered.Minor, d.Fee.Minor, d.Reason, db.Micros(d.EvidenceDue),
			db.Micros(d.ChangedAt), string(d.ID), string(from), round)
	}
	if err != nil {
		return d, err
	}
	if n == 0 {
		return d, ErrStale
	}
	err = audit.Record(ctx, tx, audit.Provider(d.Gateway), audit.Entry{
		Act: "payment.dispute." + string(d.State), Subjects: []string{string(d.ID), string(d.Attempt), d.Order},
		Data: map[string]any{"round": d.Round, "amount": d.Amount.String(), "covered": d.Covered.String()},
	})
	told := d.State == DisputeOpen || d.State == DisputeWon || d.State == DisputeLost
	if err != nil || !told || w.DisputeMoved == nil {
		return d, err
	}
	return d, w.DisputeMoved(ctx, tx, d)
}

// hold keeps of an attempt what the dispute covers: no more than was not given
// back, or is not on its way, or held by another.
func hold(ctx context.Context, tx *db.Tx, d *Dispute) error {
	a, err := Get(ctx, tx, d.Attempt)
	if err != nil {
		return err
	}
	d.Covered.Minor = min(d.Amount.Minor, a.free())
	return guarded(tx.Exec(ctx, openDispute, d.Covered.Minor, db.Micros(tx.Now()), string(d.Attempt)))
}

// endHold ends the hold of a dispute and frees so much of it.
func endHold(ctx context.Context, tx *db.Tx, d Dispute, free int64) error {
	return guarded(tx.Exec(ctx, endDispute, free, db.Micros(tx.Now()), string(d.Attempt)))
}

// lose ends a lost dispute. What it did not cover at the opening it covers now
// from refunds that have failed since, then from refunds that were never sent:
// the payer has the money already, so these fail, the newest first. What is not
// covered then is an alarm.
func (w Work) lose(ctx context.Context, tx *db.Tx, d *Dispute) error {
	unsent, err := db.All(ctx, tx, scanRefund, selectUnsent, string(d.Attempt))
	if err != nil {
		return err
	}
	for {
		a, err := Get(ctx, tx, d.Attempt)
		if err != nil {
			return err
		}
		more := min(d.Amount.Minor-d.Covered.Minor, a.free())
		if err := guarded(tx.Exec(ctx, coverDispute, more, db.Micros(tx.Now()), string(d.Attempt))); err != nil {
			return err
		}
		d.Covered.Minor += more
		if d.Covered == d.Amount {
			return endHold(ctx, tx, *d, 0)
		}
		if len(unsent) == 0 { // money went back twice
			if err := alarm(ctx, tx, audit.Provider(d.Gateway), "payment.dispute.uncovered", string(d.ID), string(d.Attempt), d.Order); err != nil {
				return err
			}
			return endHold(ctx, tx, *d, 0)
		}
		if err := w.overtaken(ctx, tx, unsent[0]); err != nil {
			return err
		}
		unsent = unsent[1:]
	}
}

// overtaken fails a refund that was never sent.
func (w Work) overtaken(ctx context.Context, tx *db.Tx, r Refund) error {
	from := r.State
	r.State, r.Reason, r.EndedAt = RefundFailed, ReasonDisputed, tx.Now()
	if err := guarded(tx.Exec(ctx, moveRefund, string(r.State), r.ProviderID, r.Reason, false, db.Micros(r.EndedAt), string(r.ID), string(from))); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, releaseRefund, r.Amount.Minor, db.Micros(tx.Now()), string(r.Attempt)); err != nil {
		return err
	}
	parts, err := ReturnsOf(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	for _, t := range parts {
		if t.State != ShareSubmitting || !t.SentAt.IsZero() {
			continue
		}
		if err := w.moveReturnTo(ctx, tx, t, ShareFailed, ReasonDisputed); err != nil {
			return err
		}
	}
	return w.refundEnded(ctx, tx, r)
}

// guarded turns a guard that let nothing through into a conflict; the facts are
// read again.
func guarded(n int64, err error) error {
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}

// GetDispute returns a dispute.
func GetDispute(ctx context.Context, r db.Reader, id DisputeID) (Dispute, error) {
	return one(db.One(ctx, r, scanDispute, selectDispute, string(id)))
}

// DisputesOf returns the disputes of an attempt, oldest first.
func DisputesOf(ctx context.Context, r db.Reader, id AttemptID) ([]Dispute, error) {
	return db.All(ctx, r, scanDispute, selectDisputes, string(id))
}

// DisputesOut returns the disputes of a gateway that nobody has decided yet,
// oldest first, at most n.
func DisputesOut(ctx context.Context, r db.Reader, gateway string, n int) ([]Dispute, error) {
	return db.All(ctx, r, scanDispute, selectDisputesOut, gateway, n)
}
