package settlement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// Captured opens the collection of an order that a capture has paid, in the
// transaction of the capture. Money that no order kept has none.
func (w Work) Captured(ctx context.Context, tx *db.Tx, c payment.Capture) (err error) {
	defer fault.Wrap(&err, "settlement.Captured(%s)", c.Order)
	o, err := order.Any(ctx, tx, order.ID(c.Order))
	if err != nil || o.PaidAt.IsZero() || o.Attempt != c.Attempt {
		return err
	}
	hold, err := agreement.Setting[struct {
		Days      int            `json:"act_by_day"`
		Providers map[string]int `json:"providers"`
	}](ctx, tx, "psp_hold_max")
	if err != nil {
		return err
	}
	slices, err := agreement.Setting[struct{ Monthly bool }](ctx, tx, "release_slices")
	if err != nil {
		return err
	}
	term, err := o.Term()
	if err != nil {
		return err
	}
	last := actBy(c.At, hold.Days, w.freeze(c.Provider, hold.Providers))
	n, err := tx.Exec(ctx, insertCollection, string(o.Line), string(o.ID), string(o.Vendor), c.Provider, string(c.Attempt),
		string(c.Amount.Currency), c.Amount.Minor, parts(term, slices.Monthly), db.Micros(last), db.Micros(c.At))
	if err != nil || n == 0 {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: ReleaseJob, Object: string(o.Line), Name: "freeze", At: last, Unique: true})
}

// freeze is after how many days a provider frees money by itself: what the
// gateway says, or the rulebook.
func (w Work) freeze(gateway string, ruled map[string]int) int {
	if g, ok := w.Gateways[gateway]; ok && g.Capability().FreezeDays > 0 {
		return g.Capability().FreezeDays
	}
	return ruled[gateway]
}

// Delivered sets when the money of a delivered order is due.
func Delivered(ctx context.Context, tx *db.Tx, d delivery.Delivery) error {
	if d.Action != delivery.Create {
		return nil
	}
	return schedule(ctx, tx, order.ID(d.Order))
}

// Accept records that the customer has received what was ordered and accepts it:
// the money of a service is due from then on.
func Accept(ctx context.Context, tx *db.Tx, by audit.Actor, id delivery.ID) (delivery.Delivery, error) {
	d, err := delivery.Confirm(ctx, tx, by, id)
	if err != nil {
		return delivery.Delivery{}, err
	}
	return d, schedule(ctx, tx, order.ID(d.Order))
}

func schedule(ctx context.Context, tx *db.Tx, id order.ID) (err error) {
	defer fault.Wrap(&err, "settlement.schedule(%s)", id)
	o, err := order.Any(ctx, tx, id)
	if err != nil || o.DeliveredAt.IsZero() || o.Fee.Paid.IsZero() {
		return err
	}
	auto, err := agreement.Setting[struct{ Days int }](ctx, tx, "auto_accept")
	if err != nil {
		return err
	}
	accepted, err := delivery.AcceptedAt(ctx, tx, string(o.Line))
	if err != nil {
		return err
	}
	due := dueAt(o.Refund(), o.DeliveredAt, accepted, auto.Days)
	n, err := tx.Exec(ctx, setDue, db.Micros(due), string(o.Line))
	if err != nil || n == 0 {
		return err // a part has been released: the timers of the next ones stand
	}
	if err := job.Cancel(ctx, tx, ReleaseJob, string(o.Line), "due"); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: ReleaseJob, Object: string(o.Line), Name: "due", At: due, Unique: true})
}

// release lets the money of a line go as far as it is due, completes the order and
// asks the provider for the split. It waits a day while a refund, a case or a
// dispute stands in the way.
func (w Work) release(ctx context.Context, tx *db.Tx, by audit.Actor, line string) error {
	c, err := collection(ctx, tx, line)
	if err != nil || c.State != Held && c.State != Released || c.Part >= c.Parts {
		return err
	}
	forced := !tx.Now().Before(c.ActBy)
	if !forced && (c.DueAt.IsZero() || tx.Now().Before(c.DueAt)) {
		return nil // another timer of the line comes in time
	}
	if !forced && c.Part > 0 && tx.Now().Before(partDue(c)) {
		return nil // likewise
	}
	l, err := ledger.LineOf(ctx, tx, line)
	if err != nil {
		return err
	}
	if l.Refundable().IsZero() {
		return w.move(ctx, tx, c, Ended, "returned")
	}
	stop := ""
	if l.Disputes > 0 {
		stop = "disputed"
	} else if w.Held != nil {
		if stop, err = w.Held(ctx, tx, line); err != nil {
			return err
		}
	}
	if stop != "" && (!forced || l.Disputes > 0) {
		if _, err := tx.Exec(ctx, setReason, stop, line); err != nil {
			return err
		}
		return job.Enqueue(ctx, tx, job.Spec{Kind: ReleaseJob, Object: line, Name: "due", At: tx.Now().Add(24 * time.Hour), Unique: true})
	}
	return w.releasePart(ctx, tx, by, c, l, forced)
}

func (w Work) releasePart(ctx context.Context, tx *db.Tx, by audit.Actor, c Collection, l ledger.Line, forced bool) error {
	part := c.Part + 1
	reserve := money.Zero(c.Gross.Currency)
	if forced { // the provider would free it all: here it goes at once, and stays frozen until it was due
		part = c.Parts
		if c.DueAt.IsZero() || tx.Now().Before(c.DueAt) {
			reserve = l.Held()
		}
	}
	if err := order.Complete(ctx, tx, by, c.Order); err != nil && !forced {
		return err
	}
	r, _, err := ledger.ReleaseLine(ctx, tx, ledger.Release{Line: c.Line, Part: part, Whole: c.Parts, Reserve: reserve, At: tx.Now()})
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, setPart, part, db.Micros(tx.Now()), c.Line, c.Version)
	if err == nil && n == 0 {
		err = ErrState
	}
	if err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "settlement.released", Subjects: []string{string(c.Order), c.Line, string(c.Vendor)}, Clauses: []string{"UA 3.1"},
		Data: map[string]any{"part": part, "parts": c.Parts, "amount": r.Amount, "commission": r.Commission, "vendor": r.Vendor, "debt": r.Debt, "forced": forced},
	}); err != nil {
		return err
	}
	c.Part, c.Version = part, c.Version+1
	if err := w.share(ctx, tx, by, c, r); err != nil {
		return err
	}
	if part < c.Parts {
		return job.Enqueue(ctx, tx, job.Spec{Kind: ReleaseJob, Object: c.Line, Name: "due", At: partDue(c), Unique: true})
	}
	if !reserve.IsZero() && !c.DueAt.IsZero() {
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: ReserveJob, Object: c.Line, At: c.DueAt, Unique: true}); err != nil {
			return err
		}
	}
	return tell(ctx, tx, c.Vendor, "S-01", map[string]string{"Order": string(c.Order), "Amount": r.Vendor.Format("zh")}, "/vendor/income")
}

// share asks the provider to split what the book has released. A provider that
// does not split has the money on the vendor's account already.
func (w Work) share(ctx context.Context, tx *db.Tx, by audit.Actor, c Collection, r ledger.Released) error {
	l, err := ledger.LineOf(ctx, tx, c.Line)
	if err != nil {
		return err
	}
	g := w.Gateways[c.Gateway]
	if _, splits := g.(payment.Splitter); !splits {
		return w.freedWithoutSplit(ctx, tx, c, r)
	}
	total := l.Earned()
	share, err := total.Sub(c.Shared)
	if err != nil {
		return err
	}
	share.Minor = max(0, share.Minor)
	finish := c.Part == c.Parts
	if share.IsZero() && !finish {
		return nil
	}
	capped, err := agreement.Setting[struct {
		Points int64 `json:"bp"`
	}](ctx, tx, "split_cap")
	if err != nil {
		return err
	}
	points := capped.Points
	if own := g.Capability().SplitCap; own > 0 {
		points = min(points, own)
	}
	if err := withinCap(total, c.Gross, points); err != nil {
		// The money is released by the book all the same: a person must settle with the provider.
		return errors.Join(w.move(ctx, tx, c, Failed, "split_over_limit"), alarm(ctx, tx, by, "settlement.split.over", c))
	}
	split, err := payment.StartSplit(ctx, tx, by, payment.SplitStart{
		Attempt: c.Attempt, Share: share, Finish: finish, Key: fmt.Sprintf("release-%d", c.Part), Description: string(c.Order),
	})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, addShare, split.Share.Minor, c.Line); err != nil {
		return err
	}
	if !finish {
		return nil
	}
	return w.move(ctx, tx, c, Splitting, "")
}

// freedWithoutSplit books as free what a provider holds on the vendor's own
// account: the released part, and with the last part whatever is left.
func (w Work) freedWithoutSplit(ctx context.Context, tx *db.Tx, c Collection, r ledger.Released) error {
	x := r.Amount
	if c.Part == c.Parts {
		var err error
		if x, err = left(ctx, tx, c); err != nil {
			return err
		}
	}
	if err := w.free(ctx, tx, c, fmt.Sprintf("release:%s:%d", c.Line, c.Part), x); err != nil || c.Part < c.Parts {
		return err
	}
	return w.move(ctx, tx, c, Finished, "")
}

// left is what of a capture is still at the provider: less its fee, what went back
// and what was freed.
func left(ctx context.Context, tx *db.Tx, c Collection) (money.Amount, error) {
	a, err := payment.Get(ctx, tx, c.Attempt)
	if err != nil {
		return money.Amount{}, err
	}
	x := money.Amount{Minor: a.Captured.Minor - a.Refunded.Minor - a.Fee.Minor - c.Freed.Minor, Currency: c.Gross.Currency}
	x.Minor = max(0, x.Minor)
	return x, nil
}

func (w Work) free(ctx context.Context, tx *db.Tx, c Collection, id string, x money.Amount) error {
	if x.IsZero() {
		return nil
	}
	if _, err := ledger.ProviderPayout(ctx, tx, c.Gateway, id, x, tx.Now()); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, addFreed, x.Minor, c.Line)
	return err
}

// SplitEnded books how a split ended at the provider: the operator's share is its
// own, and with the last one the rest is free at the vendor's account.
func (w Work) SplitEnded(ctx context.Context, tx *db.Tx, s payment.Split) (err error) {
	defer fault.Wrap(&err, "settlement.SplitEnded(%s)", s.ID)
	c, err := db.One(ctx, tx, scanCollection, selectOfAttempt, string(s.Attempt))
	if err != nil {
		return err
	}
	by, over := audit.Provider(s.Gateway), c.State == Finished || c.State == Ended // splits end in any order
	if s.State != payment.ShareDone {
		if _, err := tx.Exec(ctx, addShare, -s.Share.Minor, c.Line); err != nil {
			return err
		}
		if over {
			return alarm(ctx, tx, by, "settlement.split.failed", c)
		}
		return errors.Join(w.move(ctx, tx, c, Failed, s.Reason), alarm(ctx, tx, by, "settlement.split.failed", c))
	}
	freed, err := left(ctx, tx, c)
	if err != nil {
		return err
	}
	if !s.Finish { // the last one may have ended first, and freed this share with the rest
		freed.Minor = min(freed.Minor, s.Share.Minor)
	}
	if err := w.free(ctx, tx, c, string(s.ID), freed); err != nil {
		return err
	}
	if !s.Share.IsZero() {
		_, err := ledger.Sweep(ctx, tx, string(s.ID), s.Share, tx.Now())
		if errors.Is(err, ledger.ErrCoverage) { // the provider's fee ate more than the commission
			err = alarm(ctx, tx, by, "settlement.share.uncovered", c)
		}
		if err != nil {
			return err
		}
	}
	if !s.Finish || over {
		return nil
	}
	return w.move(ctx, tx, c, Finished, "")
}

// ReturnEnded books that a share came back for a refund.
func ReturnEnded(ctx context.Context, tx *db.Tx, r payment.Return) error {
	if r.State != payment.ShareDone {
		return nil // payment has raised the alarm
	}
	_, err := ledger.SweepBack(ctx, tx, string(r.ID), r.Amount, tx.Now())
	return err
}

// RefundEnded books what a refund after the end of the split took from the
// vendor's account at the provider. It runs after the refund itself is booked.
func RefundEnded(ctx context.Context, tx *db.Tx, r payment.Refund) error {
	if r.State != payment.RefundSucceeded {
		return nil
	}
	c, err := db.One(ctx, tx, scanCollection, selectOfAttempt, string(r.Attempt))
	if errors.Is(err, db.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	a, err := payment.Get(ctx, tx, c.Attempt)
	if err != nil {
		return err
	}
	// What went back before the rest was freed was never freed, and where nothing was
	// freed nothing can be taken: the provider keeps its fee of what it sends back.
	x := money.Amount{Minor: c.Freed.Minor + a.Fee.Minor + a.Refunded.Minor - a.Captured.Minor, Currency: r.Amount.Currency}
	if x.Minor = min(x.Minor, r.Amount.Minor, c.Freed.Minor); x.Minor <= 0 {
		return nil
	}
	if _, err := ledger.ProviderDraw(ctx, tx, c.Gateway, string(r.ID), x, tx.Now()); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, addFreed, -x.Minor, c.Line)
	return err
}

// Retry asks again for a split that the provider had refused.
func (w Work) Retry(ctx context.Context, tx *db.Tx, by audit.Actor, line string) (err error) {
	defer fault.Wrap(&err, "settlement.Retry(%s)", line)
	c, err := collection(ctx, tx, line)
	if err != nil {
		return err
	}
	if c.State != Failed {
		return ErrState
	}
	l, err := ledger.LineOf(ctx, tx, line)
	if err != nil {
		return err
	}
	share, err := l.Earned().Sub(c.Shared)
	if err != nil {
		return err
	}
	share.Minor = max(0, share.Minor)
	finish := c.Part == c.Parts
	if !finish { // the parts that follow have waited for this
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: ReleaseJob, Object: line, Name: "due", At: partDue(c), Unique: true}); err != nil {
			return err
		}
		if share.IsZero() {
			return w.move(ctx, tx, c, Released, "")
		}
	}
	split, err := payment.StartSplit(ctx, tx, by, payment.SplitStart{
		Attempt: c.Attempt, Share: share, Finish: finish, Key: fmt.Sprintf("retry-%d", c.Version), Description: string(c.Order),
	})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, addShare, split.Share.Minor, c.Line); err != nil {
		return err
	}
	if !finish {
		return w.move(ctx, tx, c, Released, "")
	}
	return w.move(ctx, tx, c, Splitting, "")
}

// move is the only change of a collection's state.
func (w Work) move(ctx context.Context, tx *db.Tx, c Collection, to State, reason string) error {
	finished := int64(0)
	if to == Finished {
		finished = db.Micros(tx.Now())
	}
	n, err := tx.Exec(ctx, moveCollection, string(to), reason, finished, c.Line)
	if err == nil && n == 0 {
		err = ErrState
	}
	return err
}

func alarm(ctx context.Context, tx *db.Tx, by audit.Actor, act string, c Collection) error {
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: []string{c.Line, string(c.Order), string(c.Vendor)}, Clauses: []string{"UA 3.1"}, Data: map[string]bool{"alarm": true},
	})
}

// tell leaves a message for a vendor.
func tell(ctx context.Context, tx *db.Tx, v vendor.ID, code string, params map[string]string, link string) error {
	seller, err := vendor.Get(ctx, tx, v)
	if err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{Code: code, To: seller.Account, Params: params, Link: link})
}
