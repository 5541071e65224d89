package sim

import (
	"fmt"
	"math"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// busy runs a job that is due.
func (w *world) busy() string {
	if ran := w.work(); ran != "" {
		return ran
	}
	return "idle"
}

// jump moves the clock: mostly on, by very different spans, and now and then back.
func (w *world) jump() string {
	if w.rng.IntN(10) < 8 && w.fresh() {
		return "not yet" // people who have just ordered mostly pay
	}
	by := time.Duration(float64(w.knobs.jump) * math.Exp(6*w.rng.Float64()-4.2))
	switch {
	case w.chance(w.knobs.backwards):
		by = -[]time.Duration{time.Hour, 24 * time.Hour}[w.rng.IntN(2)]
		w.count("clock set back")
	case w.rng.IntN(600) == 0:
		by = 400 * 24 * time.Hour
		w.count("clock jumps 400 days")
	}
	if to := w.clock.now.Add(by); to.After(w.stage.opened) {
		w.clock.now = to
	}
	return by.String()
}

// fresh reports an order that was placed just now and waits for its money.
func (w *world) fresh() bool {
	all := w.oracle.orders.order
	for _, id := range all[max(0, len(all)-6):] {
		if r := w.oracle.orders.rows[id]; r.State == "awaiting_payment" && w.clock.now.Sub(time.UnixMicro(r.Placed)) < 10*time.Minute {
			return true
		}
	}
	return false
}

// pay lets a customer pay at the provider: what is due, or not quite, or when it
// is too late.
func pay(w *world) string {
	if len(w.bank.payments) == 0 {
		return "none"
	}
	var p *paid
	for range 8 {
		n := len(w.bank.payments)
		i := w.rng.IntN(n)
		if n > 10 && w.rng.IntN(3) > 0 {
			i = n - 1 - w.rng.IntN(10)
		}
		q := w.bank.payments[i]
		if q.State == payment.ObjectCaptured || (q.State == payment.ObjectClosed || w.clock.now.Sub(q.made) > 15*time.Minute) && w.rng.IntN(8) > 0 {
			continue // who pays now is late
		}
		p = q
		break
	}
	if p == nil {
		return "none"
	}
	if p.State == payment.ObjectCreated && w.rng.IntN(8) == 0 {
		p.State = []payment.ObjectState{payment.ObjectProcessing, payment.ObjectFailed}[w.rng.IntN(2)]
		w.bank.touch(p)
		w.tell(payment.Event{ObjectID: p.ProviderID, Reference: p.Reference, Kind: payment.PaymentEvent})
		return string(p.State)
	}
	if p.State == payment.ObjectClosed {
		w.count("paid when closed")
	}
	x := p.Amount.Minor
	if !w.safe {
		switch w.rng.IntN(24) {
		case 0:
			x++
			w.count("another amount paid")
		case 1:
			x = 1 + w.rng.Int64N(x)
			w.count("another amount paid")
		}
	}
	w.bank.capture(p, x)
	w.tell(payment.Event{ObjectID: p.ProviderID, Reference: p.Reference, Kind: payment.PaymentEvent})
	return fmt.Sprint(p.ProviderID, " ", x)
}

// tell sends a notice on its way. Some never arrive, some more than once.
func (w *world) tell(ev payment.Event) { w.post(ev, w.knobs.lose) }

// insist sends a notice until it has arrived: of what a bank undoes long after
// anybody asks about it.
func (w *world) insist(ev payment.Event) { w.post(ev, 0) }

func (w *world) post(ev payment.Event, lose float64) {
	if w.chance(lose) {
		w.count("notice lost")
		return
	}
	w.sent++
	ev.ID = fmt.Sprint("evt-", w.sent)
	w.notices = append(w.notices, ev)
	for w.chance(w.knobs.twice) && len(w.notices) < 40 {
		w.count("notice doubled")
		w.notices = append(w.notices, ev)
	}
}

// deliver hands any of the waiting notices to the market, or one that somebody
// made up.
func deliver(w *world) string {
	if w.chance(w.knobs.forge) {
		w.count("notice forged")
		w.sent++
		kinds := []payment.EventKind{payment.PaymentEvent, payment.RefundEvent, payment.SplitEvent, payment.ReturnEvent, payment.PayoutEvent, payment.DisputeEvent}
		ev := payment.Event{ID: fmt.Sprint("forged-", w.sent), ObjectID: fmt.Sprint("obj-", w.rng.IntN(50)), Kind: kinds[w.rng.IntN(len(kinds))]}
		if n := len(w.oracle.attempts.order); n > 0 && w.rng.IntN(2) == 0 {
			ev.Reference = w.oracle.attempts.order[w.rng.IntN(n)]
		}
		return w.notify(ev)
	}
	if len(w.notices) == 0 {
		return "none"
	}
	i := 0
	if w.chance(w.knobs.disorder) {
		i = w.rng.IntN(len(w.notices))
	}
	ev := w.notices[i]
	w.notices = append(w.notices[:i], w.notices[i+1:]...)
	got := w.notify(ev)
	if got == "lost" {
		w.notices = append(w.notices, ev) // the provider got no 200
	}
	return string(ev.Kind) + " " + got
}

func (w *world) notify(ev payment.Event) string {
	err := w.d.Write(w.ctx, func(tx *db.Tx) error { return payment.Notify(w.ctx, tx, provider, ev, []byte(ev.ID)) })
	switch {
	case err == nil:
		return "ok"
	case transient(err):
		return "lost"
	}
	w.oracle.wrong("error", "notice: %v", err)
	return "error"
}

// moves lets the provider or a bank act on something that has not ended, or undo
// what had.
func moves(w *world) string {
	b := w.bank
	switch w.rng.IntN(7) {
	case 0:
		if p := last(w, b.payments, func(p *paid) bool {
			return p.State == payment.ObjectCaptured && p.Fee == (money.Amount{}) && w.knobs.lateFees
		}); p != nil {
			b.charge(p)
			w.tell(payment.Event{ObjectID: p.ProviderID, Reference: p.Reference, Kind: payment.PaymentEvent})
			return "fee of " + p.ProviderID
		}
	case 1:
		if r := last(w, b.refunds, func(r *sentBack) bool { return r.State == payment.RefundObjectSubmitted }); r != nil {
			r.State = payment.RefundObjectSucceeded
			if !w.safe && w.rng.IntN(5) == 0 {
				r.State, r.Reason = payment.RefundObjectFailed, "account_closed"
			}
			w.tell(payment.Event{ObjectID: r.ProviderID, Reference: r.Reference, Kind: payment.RefundEvent})
			return "refund " + r.ProviderID + " " + string(r.State)
		}
		if r := last(w, b.refunds, func(r *sentBack) bool { return r.State == payment.RefundObjectSucceeded }); r != nil && !w.safe && w.rng.IntN(3) == 0 {
			r.State, r.Reason, r.bounced = payment.RefundObjectFailed, "account_closed", true
			w.count("refund came back")
			w.insist(payment.Event{ObjectID: r.ProviderID, Reference: r.Reference, Kind: payment.RefundEvent})
			return "refund " + r.ProviderID + " came back"
		}
	case 2:
		if s := last(w, b.splits, func(s *given) bool { return s.State == payment.MoveProcessing }); s != nil {
			s.State = w.end()
			w.tell(payment.Event{ObjectID: s.ProviderID, Reference: s.Reference, Kind: payment.SplitEvent})
			return "split " + s.ProviderID + " " + string(s.State)
		}
	case 3:
		if r := last(w, b.returns, func(r *returned) bool { return r.State == payment.MoveProcessing }); r != nil {
			r.State = w.end()
			w.tell(payment.Event{ObjectID: r.ProviderID, Reference: r.Reference, Kind: payment.ReturnEvent})
			return "return " + r.ProviderID + " " + string(r.State)
		}
	case 4, 5:
		if p := last(w, b.payouts, func(p *sentOut) bool { return p.State == payment.MoveProcessing }); p != nil {
			p.State = w.end()
			p.done = p.State == payment.MoveDone
			w.tell(payment.Event{ObjectID: p.ProviderID, Reference: p.Reference, Kind: payment.PayoutEvent})
			return "payout " + p.ProviderID + " " + string(p.State)
		}
		if p := last(w, b.payouts, func(p *sentOut) bool { return p.State == payment.MoveDone }); p != nil && !w.safe && w.rng.IntN(3) == 0 {
			p.State, p.Fee, p.Reason = payment.MoveReturned, cny(min(p.Amount.Minor, w.rng.Int64N(900))), "account_closed"
			w.count("payout came back")
			w.insist(payment.Event{ObjectID: p.ProviderID, Reference: p.Reference, Kind: payment.PayoutEvent})
			return "payout " + p.ProviderID + " came back"
		}
	default:
		return decideDispute(w)
	}
	return "nothing"
}

// end is how a movement ends.
func (w *world) end() payment.MoveState {
	if !w.safe && w.rng.IntN(6) == 0 {
		return payment.MoveFailed
	}
	return payment.MoveDone
}

// last is one of the younger objects that fits.
func last[T any](w *world, all []*T, fits func(*T) bool) *T {
	n := len(all)
	for range min(n, 10) {
		if o := all[n-1-w.rng.IntN(min(n, 16))]; fits(o) {
			return o
		}
	}
	return nil
}

// openDispute lets a payer's bank take money back or ask about it.
func openDispute(w *world) string {
	if w.safe {
		return "none"
	}
	p := last(w, w.bank.payments, func(p *paid) bool {
		return p.State == payment.ObjectCaptured && p.Captured.Minor > w.bank.taken(p)
	})
	if p == nil {
		return "none"
	}
	left := p.Captured.Minor - w.bank.taken(p)
	x := left
	if w.rng.IntN(3) == 0 {
		x = 1 + w.rng.Int64N(left)
	}
	s := payment.DisputeOpen
	if w.rng.IntN(4) == 0 {
		s = payment.DisputeInquiry
	}
	d := w.bank.dispute(p, x, []int64{0, 1500}[w.rng.IntN(2)], s)
	w.tell(payment.Event{ObjectID: d.ProviderID, Kind: payment.DisputeEvent})
	return fmt.Sprintf("%s of %s: %d", d.ProviderID, p.ProviderID, x)
}

// taken is what disputes claim of a payment.
func (b *bank) taken(p *paid) (minor int64) {
	for _, d := range b.disputes {
		if d.of == p {
			minor += d.Amount.Minor
		}
	}
	return minor
}

// decideDispute moves a dispute on.
func decideDispute(w *world) string {
	d := last(w, w.bank.disputes, func(d *disputed) bool {
		return d.State != payment.DisputeLost && (d.State != payment.DisputeWon || !w.safe && d.Round < 3 && w.rng.IntN(4) == 0)
	})
	if d == nil {
		return "no dispute"
	}
	to := d.State
	switch d.State {
	case payment.DisputeInquiry:
		to = payment.DisputeOpen
	case payment.DisputeOpen:
		to = []payment.DisputeState{payment.DisputeSubmitted, payment.DisputeWon, payment.DisputeLost}[w.rng.IntN(3)]
	case payment.DisputeSubmitted:
		to = []payment.DisputeState{payment.DisputeWon, payment.DisputeLost}[w.rng.IntN(2)]
	case payment.DisputeWon:
		to = payment.DisputeOpen
		w.count("dispute opened again")
	}
	w.bank.move(d, to)
	w.tell(payment.Event{ObjectID: d.ProviderID, Kind: payment.DisputeEvent})
	return d.ProviderID + " " + string(to)
}
