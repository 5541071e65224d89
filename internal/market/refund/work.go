package refund

import (
	"context"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/order"
)

const (
	answerJob = "refund.answer" // the vendor's time to answer is over
	lapseJob  = "refund.lapse"  // the customer's time to go on is over
	alertJob  = "refund.alert"  // the day of the warning has come
	breachJob = "refund.breach" // the days within which money must be back are over
	payJob    = "refund.pay"    // an approved request may be payable now
)

// Work holds what the jobs of this package need.
type Work struct{ Rules Rules }

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		answerJob: {Run: w.doing(w.silence)},
		lapseJob:  {Run: w.doing(w.lapse)},
		alertJob:  {Run: w.doing(alert)},
		breachJob: {Run: w.doing(breached)},
		payJob:    {Run: w.doing(w.payable)},
	}
}

// doing runs a job's effect and its end in one transaction.
func (w Work) doing(do func(ctx context.Context, tx *db.Tx, j job.Job, q Request) error) func(context.Context, *db.DB, job.Job) error {
	return func(ctx context.Context, d *db.DB, j job.Job) error {
		return d.Write(ctx, func(tx *db.Tx) error {
			q, err := read(ctx, tx, ID(j.Object))
			if err != nil {
				return err
			}
			// First, so that a wish for the same job again is a new one.
			if err := job.Done(ctx, tx, j); err != nil {
				return err
			}
			return do(ctx, tx, j, q)
		})
	}
}

// silence is what follows when the vendor has not answered: the amount that the
// rules worked out is paid, any other goes to the operator, as the rulebook says;
// above the limit of one person's signature always to the operator.
func (w Work) silence(ctx context.Context, tx *db.Tx, j job.Job, q Request) error {
	if q.State != VendorReview || tx.Now().Before(q.AnswerDue) {
		return nil
	}
	by := audit.Job(j.Kind)
	rule, err := agreement.Setting[silenceRule](ctx, tx, "refund_vendor_silence")
	if err != nil {
		return err
	}
	limit, err := agreement.Setting[struct {
		Above int64 `json:"above"`
	}](ctx, tx, "refund_second_approver")
	if err != nil {
		return err
	}
	if err := step(ctx, tx, by, &q, evSilence, Timer, said{}); err != nil {
		return err
	}
	if !rule.approves(q.Kind) || needsSecond(q.Amount, limit.Above) {
		if err := step(ctx, tx, by, &q, evEscalate, System, said{}); err != nil {
			return err
		}
		return answered(ctx, tx, q, "silent_escalated")
	}
	if err := answered(ctx, tx, q, "silent_approved"); err != nil {
		return err
	}
	if err := step(ctx, tx, by, &q, evApprove, System, said{}); err != nil {
		return err
	}
	o, err := order.Any(ctx, tx, q.Order)
	if err != nil {
		return err
	}
	return w.Rules.pay(ctx, tx, by, &q, o)
}

// lapse closes a request that the customer left after an answer.
func (w Work) lapse(ctx context.Context, tx *db.Tx, j job.Job, q Request) error {
	if q.State != Countered && q.State != Refused || tx.Now().Before(q.EscalateBy) {
		return nil
	}
	by := audit.Job(j.Kind)
	if err := step(ctx, tx, by, &q, evLapse, Timer, said{}); err != nil {
		return err
	}
	return w.Rules.restore(ctx, tx, by, &q)
}

// payable looks again at an approved request that something stood against.
func (w Work) payable(ctx context.Context, tx *db.Tx, j job.Job, q Request) error {
	if q.State != Approved {
		return nil
	}
	return w.Rules.again(ctx, tx, audit.Job(j.Kind), &q)
}

// alert warns the vendor, and the operator's desk, that a request is about to
// become a breach.
func alert(ctx context.Context, tx *db.Tx, j job.Job, q Request) error {
	if !counts(j, q) {
		return nil
	}
	if err := mark(ctx, tx, j, q, "refund.alert", db.Micros(tx.Now()), db.Micros(q.BreachedAt)); err != nil {
		return err
	}
	return tellVendor(ctx, tx, q, "N-41", map[string]string{
		"Order": string(q.Order), "Amount": q.Amount.Format("zh"), "Reason": string(q.Reason), "Alert": "yes",
	})
}

// breached notes that the money was not back in time, which counts as deliberate
// delay.
//
// Clause: RB refund-7 (a refund unpaid fifteen days after the request or the agreed date is a breach; the system warns on day twelve).
func breached(ctx context.Context, tx *db.Tx, j job.Job, q Request) error {
	if !counts(j, q) {
		return nil
	}
	if err := mark(ctx, tx, j, q, "refund.breach", db.Micros(q.AlertedAt), db.Micros(tx.Now())); err != nil {
		return err
	}
	return tellVendor(ctx, tx, q, "N-41", map[string]string{
		"Order": string(q.Order), "Amount": q.Amount.Format("zh"), "Reason": string(q.Reason), "Breach": "yes",
	})
}

// counts reports whether the clock that set a timer still runs.
func counts(j job.Job, q Request) bool {
	return !q.ClockFrom.IsZero() && j.Name == fmt.Sprint(db.Micros(q.ClockFrom))
}

func mark(ctx context.Context, tx *db.Tx, j job.Job, q Request, act string, alerted, broken int64) error {
	if _, err := tx.Exec(ctx, markClock, alerted, broken, string(q.ID), db.Micros(q.ClockFrom)); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Job(j.Kind), audit.Entry{
		Act: act, Subjects: []string{string(q.ID), string(q.Order), string(q.Vendor)}, Clauses: []string{"UA 4.5", "RB refund-7"},
		Data: map[string]any{"from": db.Micros(q.ClockFrom), "state": q.State},
	})
}
