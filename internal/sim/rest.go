package sim

import (
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

// rest is the second phase: nothing fails any more. Within thirty days of work
// every object has ended or stands in somebody's queue, and the provider's truth
// and the book agree to the fen.
func (w *world) rest() {
	w.step = w.opt.Steps
	w.reseed(w.step)
	k := &w.knobs
	k.die, k.abort, k.unknown, k.lostBefore, k.lostAfter, k.empty, k.refuse, k.meanwhile, k.twice, k.lose, k.forge, k.backwards, k.repeat, k.slow = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	k.instant = 1
	w.safe, w.poison, w.dieIn, w.dead = true, false, 0, false
	w.start()
	for len(w.retries) > 0 && w.oracle.found == nil {
		again(w)
	}
	end := w.clock.now.AddDate(0, 0, 30)
	for w.clock.now.Before(end) && w.oracle.found == nil {
		w.settle()
		for range 400 { // banks and people finish what they have begun
			if deliver(w) == "none" {
				break
			}
		}
		w.finish()
		w.settle()
		w.clock.now = w.clock.now.Add(12 * time.Hour)
	}
	w.record("rest", "")
	if w.oracle.found == nil {
		if w.oracle.coverage() < 0 {
			cover(w)
		}
		w.verify()
		w.ended()
		w.agree()
	}
}

// settle runs every job that is due.
func (w *world) settle() {
	for range 20000 {
		if w.oracle.found != nil || w.work() == "" {
			return
		}
	}
	w.oracle.wrong("liveness", "jobs run for ever")
}

// finish ends at the provider what is still open there.
func (w *world) finish() {
	b := w.bank
	for _, r := range b.refunds {
		if r.State == payment.RefundObjectSubmitted {
			r.State = payment.RefundObjectSucceeded
		}
	}
	for _, s := range b.splits {
		if s.State == payment.MoveProcessing {
			s.State = payment.MoveDone
		}
	}
	for _, r := range b.returns {
		if r.State == payment.MoveProcessing {
			r.State = payment.MoveDone
		}
	}
	for _, p := range b.payouts {
		if p.State == payment.MoveProcessing {
			p.State, p.done = payment.MoveDone, true
		}
	}
	for _, d := range b.disputes {
		switch d.State {
		case payment.DisputeInquiry, payment.DisputeOpen, payment.DisputeSubmitted:
			if d.State == payment.DisputeInquiry {
				b.move(d, payment.DisputeOpen)
			}
			b.move(d, []payment.DisputeState{payment.DisputeWon, payment.DisputeLost}[w.rng.IntN(2)])
		}
	}
}

// ended checks that nothing hangs: what has not ended has a failed job, which is
// the operator's exception queue.
func (w *world) ended() {
	o := w.oracle
	var failed map[string]bool
	o.reading = true
	err := w.d.Read(w.ctx, func(r db.Reader) error {
		all, err := db.All(w.ctx, r, db.Column[string], readExceptions)
		failed = map[string]bool{}
		for _, object := range all {
			failed[object] = true
		}
		return err
	})
	o.reading = false
	if err != nil {
		o.wrong("liveness", "%v", err)
		return
	}
	stuck := func(object, state string, open ...string) {
		for _, s := range open {
			o.must(state != s || failed[object], "liveness", "%s is %s after thirty quiet days", object, state)
		}
	}
	o.attempts.each(func(a *attemptRow) { stuck(a.ID, a.State, "created", "requires_action", "processing", "unknown") })
	o.refunds.each(func(f *refundRow) { stuck(f.ID, f.State, "returning", "submitting", "submitted", "unknown") })
	o.splits.each(func(s *splitRow) { stuck(s.ID, s.State, "submitting", "submitted", "unknown") })
	o.returns.each(func(r *returnRow) { stuck(r.ID, r.State, "submitting", "submitted", "unknown") })
	o.payouts.each(func(p *payoutRow) { stuck(p.ID, p.State, "created", "submitting", "in_transit", "unknown") })
	o.disputes.each(func(d *disputeRow) { stuck(d.ID, d.State, "inquiry", "open", "submitted") })
	o.orders.each(func(r *orderRow) { stuck(r.ID, r.State, "awaiting_payment") })
	o.collections.each(func(c *collectionRow) {
		if c.State == "held" && !w.clock.now.Before(o.actBy(c).Add(48*time.Hour)) && o.sales[c.Line].disputes == 0 {
			o.wrong("liveness", "%s is held after its last day", c.Line)
		}
		stuck(c.Line, c.State, "splitting")
	})
}

// agree checks I13, I15 and I16: the book holds what the provider holds, each of
// its objects is known once, and the accounts that should empty are empty.
func (w *world) agree() {
	o, b := w.oracle, w.bank
	for _, p := range b.payments {
		if p.State == payment.ObjectCaptured {
			o.must(o.effects["capture:"+provider+":"+p.CaptureID].ID != "", "I16", "capture %s is not in the book", p.CaptureID)
		}
	}
	for _, r := range b.refunds {
		row := o.refunds.rows[r.Reference]
		if row == nil {
			o.wrong("I16", "refund %s is not in the database", r.Reference)
			continue
		}
		o.must((r.State == payment.RefundObjectSucceeded) == (row.State == "succeeded"), "I16", "refund %s is %s at the provider and %s here", r.Reference, r.State, row.State)
	}
	for _, p := range b.payouts {
		row := o.payouts.rows[p.Reference]
		want := map[payment.MoveState]string{payment.MoveDone: "paid", payment.MoveFailed: "failed", payment.MoveReturned: "returned"}[p.State]
		o.must(row != nil && row.State == want, "I16", "payout %s is %s at the provider and %+v here", p.Reference, p.State, row)
	}
	for _, s := range b.splits {
		row := o.splits.rows[s.Reference]
		o.must(row != nil && (s.State == payment.MoveDone) == (row.State == "done"), "I16", "split %s is %s at the provider and %+v here", s.Reference, s.State, row)
	}
	for _, d := range b.disputes {
		found := false
		o.disputes.each(func(row *disputeRow) {
			if row.ProviderID == d.ProviderID {
				found = true
				o.must(row.State == string(d.State) && row.Round == int64(d.Round), "I16", "dispute %s is %s at the provider and %s here", d.ProviderID, d.State, row.State)
			}
		})
		o.must(found, "I16", "dispute %s is not known here", d.ProviderID)
	}
	w.whole()
	for k, held := range o.book {
		switch k.account {
		case ledger.InFlight, ledger.PayoutInFlight, ledger.ChargebackInFlight:
			o.must(held == 0, "I15", "%s %s still holds %d", k.account, k.party, held)
		}
	}
}

// whole compares every balance of the database with the model.
func (w *world) whole() {
	o := w.oracle
	o.reading = true
	defer func() { o.reading = false }()
	seen := map[key]bool{}
	err := w.d.Read(w.ctx, func(r db.Reader) error {
		return db.Each(w.ctx, r, func(s db.Scanner) (e entryRow, err error) {
			err = s.Scan(&e.Account, &e.Party, &e.Minor)
			return e, err
		}, func(e entryRow) error {
			k := key{e.Account, e.Party}
			seen[k] = true
			o.must(o.book[k] == e.Minor, "I3", "%s %s holds %d, the facts make %d", k.account, k.party, e.Minor, o.book[k])
			return nil
		}, readBalances)
	})
	for k, held := range o.book {
		o.must(held == 0 || seen[k], "I3", "%s %s should hold %d and has no balance", k.account, k.party, held)
	}
	if err != nil {
		o.wrong("verify", "%v", err)
	}
}
