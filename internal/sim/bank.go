package sim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// bank is the provider of a simulated market, with the banks of payers and
// vendors behind it. It knows nothing of the market and keeps its own truth,
// which the oracle holds the market's book against.
type bank struct {
	w *world

	payments []*paid
	refunds  []*sentBack
	splits   []*given
	returns  []*returned
	payouts  []*sentOut
	disputes []*disputed

	byPayment map[string]*paid // by provider id
	byAttempt map[payment.AttemptID]*paid
	byCapture map[string]*paid
	byRefund  map[payment.RefundID]*sentBack
	bySplit   map[payment.SplitID]*given
	byReturn  map[payment.ReturnID]*returned
	byPayout  map[payment.PayoutID]*sentOut
	byDispute map[string]*disputed

	lost bool // the answer of the call in progress will be lost

	no map[string]bool // references that were refused: they are refused again

	changes, rows []string // provider ids of payments and of disputes, in the order of their changes
}

// The provider's objects, with when the provider made them.
type (
	paid struct {
		payment.Object
		made time.Time
	}
	sentBack struct {
		payment.RefundObject
		of      *paid
		made    time.Time
		bounced bool
	}
	given struct {
		payment.SplitObject
		of *paid
	}
	returned struct {
		payment.ReturnObject
		of *paid
	}
	sentOut struct {
		payment.PayoutObject
		done bool // it was paid at some time
	}
	disputed struct {
		payment.DisputeObject
		of     *paid
		rounds []payment.DisputeState // how each earlier round ended
	}
)

var (
	_ payment.Gateway  = (*bank)(nil)
	_ payment.Splitter = (*bank)(nil)
	_ payment.Payer    = (*bank)(nil)
	_ payment.Disputer = (*bank)(nil)
	_ payment.Reporter = (*bank)(nil)
)

func newBank(w *world) *bank {
	return &bank{
		w: w, byPayment: map[string]*paid{}, byAttempt: map[payment.AttemptID]*paid{}, byCapture: map[string]*paid{},
		byRefund: map[payment.RefundID]*sentBack{}, bySplit: map[payment.SplitID]*given{}, byReturn: map[payment.ReturnID]*returned{},
		byPayout: map[payment.PayoutID]*sentOut{}, byDispute: map[string]*disputed{}, no: map[string]bool{},
	}
}

// errLost is a call whose answer never came.
var errLost = errors.New("sim: connection reset by peer")

// patience is how long a call can be on its way there: clients hang up after some
// seconds, and a paused one finds its connection closed. What it asked for then
// never happens. How late an answer is read has no limit.
const patience = 2 * time.Minute

// call is one call over the network: it may be lost on the way there or back,
// something else may happen before it arrives or before its answer is read, and
// the caller may die of it.
func (b *bank) call(name string, effect func() error) error {
	w := b.w
	if w.dead {
		return errDead
	}
	left := w.clock.now
	w.meanwhile()
	if w.dead {
		return errDead
	}
	if w.clock.now.Sub(left) > patience {
		w.count("call given up")
		return fmt.Errorf("%s: %w", name, errLost)
	}
	switch w.trouble() {
	case lostBefore:
		w.count("call lost before effect")
		return fmt.Errorf("%s: %w", name, errLost)
	case lostAfter:
		w.count("call lost after effect")
		b.lost = true
		_ = effect() // nobody hears of it
		b.lost = false
		return fmt.Errorf("%s: %w", name, errLost)
	}
	err := effect()
	if w.aside.Float64() < w.knobs.slow {
		w.count("answer read late")
		w.interleave()
	}
	w.mayDie()
	return err
}

// Name is the only provider of a simulated market.
func (b *bank) Name() string { return provider }

// Capability is drawn with the seed.
func (b *bank) Capability() payment.Capability {
	k := b.w.knobs
	return payment.Capability{
		Redirect: true, PartialRefund: true, Lists: true, SplitCap: k.splitCap, FreezeDays: k.freezeDays, KeyWindow: 24 * time.Hour,
	}
}

// forgot reports whether the provider no longer remembers a reference.
func (b *bank) forgot(made time.Time) bool { return b.w.clock.now.Sub(made) > 24*time.Hour }

// twice is called when one intent has made a second object.
func (b *bank) twice(what, reference string) {
	b.w.oracle.wrong("once", "the provider was given %s twice for %s", what, reference)
}

// refuses decides once for a reference whether the provider refuses it.
func (b *bank) refuses(reference string, always bool) bool {
	if b.no[reference] || always || b.w.chance(b.w.knobs.refuse) {
		b.no[reference] = true
		b.w.count("call refused")
		return true
	}
	return false
}

// Open makes a payment.
func (b *bank) Open(_ context.Context, in payment.Intent) (out payment.Opened, err error) {
	err = b.call("open", func() error {
		p, known := b.byAttempt[in.Reference]
		if known && b.forgot(p.made) {
			b.twice("a payment", string(in.Reference))
		}
		if !known && b.refuses(string(in.Reference), false) {
			return payment.ErrRefused
		}
		if !known {
			id := "obj-" + strconv.Itoa(len(b.payments)+1)
			p = &paid{Object: payment.Object{
				ProviderID: id, Reference: string(in.Reference), State: payment.ObjectCreated, Amount: in.Amount, PayURL: "https://pay.example/" + id,
			}, made: b.w.clock.now}
			b.payments = append(b.payments, p)
			b.byAttempt[in.Reference], b.byPayment[id] = p, p
			b.touch(p)
		}
		if b.w.chance(b.w.knobs.empty) {
			b.w.count("empty answer")
			return nil
		}
		out = payment.Opened{ProviderID: p.ProviderID, PayURL: p.PayURL}
		return nil
	})
	return out, err
}

func (b *bank) touch(p *paid) { b.changes = append(b.changes, p.ProviderID) }

// Find reads a payment.
func (b *bank) Find(_ context.Context, of payment.Ref) (o payment.Object, err error) {
	err = b.call("find", func() error {
		p := b.byPayment[of.ProviderID]
		if of.ProviderID == "" {
			p = b.byAttempt[of.Reference]
		}
		if p == nil {
			return payment.ErrUnknown
		}
		o = p.Object
		return nil
	})
	return o, err
}

// page is how many changes the provider tells at once.
const page = 40

func since[T any](log []string, cursor string, of map[string]*T) (found []*T, next string) {
	from, _ := strconv.Atoi(cursor) // "" is the beginning
	seen := map[string]bool{}
	to := min(from+page, len(log))
	for _, id := range log[min(from, to):to] {
		if !seen[id] {
			seen[id] = true
			found = append(found, of[id])
		}
	}
	return found, strconv.Itoa(to)
}

// Changed lists the payments that changed.
func (b *bank) Changed(_ context.Context, cursor string) (all []payment.Object, next string, err error) {
	err = b.call("changed", func() error {
		var found []*paid
		found, next = since(b.changes, cursor, b.byPayment)
		for _, p := range found {
			all = append(all, p.Object)
		}
		return nil
	})
	return all, next, err
}

// Close closes a payment that nobody has paid.
func (b *bank) Close(_ context.Context, of payment.Ref) error {
	return b.call("close", func() error {
		p := b.byPayment[of.ProviderID]
		switch {
		case p == nil:
			return payment.ErrUnknown
		case p.State == payment.ObjectCaptured:
			return payment.ErrRefused
		}
		p.State = payment.ObjectClosed
		b.touch(p)
		return nil
	})
}

// gone is what of a payment went back or was taken by the payer's bank.
func (b *bank) gone(p *paid) (minor int64) {
	for _, r := range b.refunds {
		if r.of == p && r.State != payment.RefundObjectFailed {
			minor += r.Amount.Minor
		}
	}
	if !b.w.knobs.strict {
		return minor
	}
	for _, d := range b.disputes {
		if d.of == p && (d.State == payment.DisputeOpen || d.State == payment.DisputeSubmitted || d.State == payment.DisputeLost) {
			minor += d.Amount.Minor
		}
	}
	return minor
}

// Refund sends money back.
func (b *bank) Refund(_ context.Context, in payment.RefundIntent) (o payment.RefundObject, err error) {
	if !b.w.dead {
		b.w.oracle.sending(in)
	}
	err = b.call("refund", func() error {
		r, known := b.byRefund[in.Reference]
		if known && b.forgot(r.made) {
			b.twice("a refund", string(in.Reference))
		}
		if !known {
			p := b.byPayment[in.Payment.ProviderID]
			if p == nil {
				return payment.ErrUnknown
			}
			if b.refuses(string(in.Reference), b.gone(p)+in.Amount.Minor > p.Captured.Minor) {
				return payment.ErrRefused
			}
			r = &sentBack{RefundObject: payment.RefundObject{
				ProviderID: "back-" + strconv.Itoa(len(b.refunds)+1), Reference: string(in.Reference), State: payment.RefundObjectSubmitted, Amount: in.Amount,
			}, of: p, made: b.w.clock.now}
			if b.w.chance(b.w.knobs.instant) {
				r.State = payment.RefundObjectSucceeded
			}
			b.refunds = append(b.refunds, r)
			b.byRefund[in.Reference] = r
		}
		o = r.RefundObject
		return nil
	})
	return o, err
}

// FindRefund reads a refund.
func (b *bank) FindRefund(_ context.Context, of payment.RefundRef) (o payment.RefundObject, err error) {
	err = b.call("find refund", func() error {
		r := b.byRefund[of.Reference]
		if r == nil {
			return payment.ErrUnknown
		}
		o = r.RefundObject
		return nil
	})
	return o, err
}

// Event accepts nothing: simulated notices have been verified.
func (b *bank) Event(map[string][]string, []byte, time.Time) (payment.Event, error) {
	return payment.Event{}, payment.ErrNotice
}

// started is the state of a new movement. One that nobody hears of fails often, so
// that asking about it also finds failures.
func (b *bank) started() payment.MoveState {
	switch {
	case b.lost && b.w.rng.IntN(2) == 0:
		return payment.MoveFailed
	case b.w.chance(b.w.knobs.instant):
		return b.w.end()
	}
	return payment.MoveProcessing
}

// Split gives the operator its share.
func (b *bank) Split(_ context.Context, in payment.SplitIntent) (o payment.SplitObject, err error) {
	err = b.call("split", func() error {
		s := b.bySplit[in.Reference]
		if s != nil && b.forgot(s.At) {
			b.twice("a split", string(in.Reference))
		}
		if s == nil {
			most := in.Captured.Minor
			if c := b.w.knobs.splitCap; c > 0 {
				most = most * c / 10000
			}
			p := b.byPayment[in.Payment.ProviderID]
			if b.refuses(string(in.Reference), p == nil || in.Share.Minor > most) {
				return payment.ErrRefused
			}
			s = &given{SplitObject: payment.SplitObject{
				ProviderID: "split-" + strconv.Itoa(len(b.splits)+1), Reference: string(in.Reference), State: b.started(), Share: in.Share,
				Finished: in.Finish, At: b.w.clock.now,
			}, of: p}
			b.splits = append(b.splits, s)
			b.bySplit[in.Reference] = s
		}
		o = s.SplitObject
		return nil
	})
	return o, err
}

// FindSplit reads a split.
func (b *bank) FindSplit(_ context.Context, in payment.SplitIntent) (o payment.SplitObject, err error) {
	err = b.call("find split", func() error {
		s := b.bySplit[in.Reference]
		if s == nil {
			return payment.ErrUnknown
		}
		o = s.SplitObject
		return nil
	})
	return o, err
}

// Return takes a part of a share back.
func (b *bank) Return(_ context.Context, in payment.ReturnIntent) (o payment.ReturnObject, err error) {
	err = b.call("return", func() error {
		r := b.byReturn[in.Reference]
		if r != nil && b.forgot(r.At) {
			b.twice("the return of a share", string(in.Reference))
		}
		if r == nil {
			s := b.bySplit[in.Split]
			if b.refuses(string(in.Reference), s == nil || s.State != payment.MoveDone) {
				return payment.ErrRefused
			}
			r = &returned{ReturnObject: payment.ReturnObject{
				ProviderID: "return-" + strconv.Itoa(len(b.returns)+1), Reference: string(in.Reference), State: b.started(), Amount: in.Amount, At: b.w.clock.now,
			}, of: s.of}
			b.returns = append(b.returns, r)
			b.byReturn[in.Reference] = r
		}
		o = r.ReturnObject
		return nil
	})
	return o, err
}

// FindReturn reads a return.
func (b *bank) FindReturn(_ context.Context, in payment.ReturnIntent) (o payment.ReturnObject, err error) {
	err = b.call("find return", func() error {
		r := b.byReturn[in.Reference]
		if r == nil {
			return payment.ErrUnknown
		}
		o = r.ReturnObject
		return nil
	})
	return o, err
}

// Payout sends money to a vendor's bank.
func (b *bank) Payout(_ context.Context, in payment.PayoutIntent) (o payment.PayoutObject, err error) {
	err = b.call("payout", func() error {
		p := b.byPayout[in.Reference]
		if p != nil && b.forgot(p.At) {
			b.twice("a payout", string(in.Reference))
		}
		if p == nil {
			if b.refuses(string(in.Reference), false) {
				return payment.ErrRefused
			}
			p = &sentOut{PayoutObject: payment.PayoutObject{
				ProviderID: "payout-" + strconv.Itoa(len(b.payouts)+1), Reference: string(in.Reference), State: b.started(), Amount: in.Amount, At: b.w.clock.now,
			}}
			p.done = p.State == payment.MoveDone
			b.payouts = append(b.payouts, p)
			b.byPayout[in.Reference] = p
		}
		o = p.PayoutObject
		return nil
	})
	return o, err
}

// FindPayout reads a payout.
func (b *bank) FindPayout(_ context.Context, in payment.PayoutIntent) (o payment.PayoutObject, err error) {
	err = b.call("find payout", func() error {
		p := b.byPayout[in.Reference]
		if p == nil {
			return payment.ErrUnknown
		}
		o = p.PayoutObject
		return nil
	})
	return o, err
}

// FindDispute reads a dispute.
func (b *bank) FindDispute(_ context.Context, id string) (o payment.DisputeObject, err error) {
	err = b.call("find dispute", func() error {
		d := b.byDispute[id]
		if d == nil {
			return payment.ErrUnknown
		}
		o = d.DisputeObject
		return nil
	})
	return o, err
}

// ChangedDisputes lists the disputes that changed.
func (b *bank) ChangedDisputes(_ context.Context, cursor string) (all []payment.DisputeObject, next string, err error) {
	err = b.call("changed disputes", func() error {
		var found []*disputed
		found, next = since(b.rows, cursor, b.byDispute)
		for _, d := range found {
			all = append(all, d.DisputeObject)
		}
		return nil
	})
	return all, next, err
}

// Report is the provider's account of a day: the captures of it.
func (b *bank) Report(_ context.Context, day calendar.Date) (all []payment.ReportLine, err error) {
	err = b.call("report", func() error {
		for _, p := range b.payments {
			if p.State == payment.ObjectCaptured && calendar.On(p.CapturedAt) == day {
				all = append(all, payment.ReportLine{
					Kind: payment.ReportCapture, ProviderID: p.CaptureID, Reference: p.Reference, Amount: p.Captured, At: p.CapturedAt,
				})
			}
		}
		return nil
	})
	return all, err
}

// capture lets the customer pay.
func (b *bank) capture(p *paid, minor int64) {
	p.State, p.Captured, p.CaptureID, p.CapturedAt = payment.ObjectCaptured, cny(minor), "cap-"+p.ProviderID, b.w.clock.now
	b.byCapture[p.CaptureID] = p
	if !b.w.knobs.lateFees {
		b.charge(p)
	}
	b.touch(p)
}

// charge makes the provider's fee for a payment known.
func (b *bank) charge(p *paid) {
	if p.Fee = cny(p.Captured.Minor * b.w.knobs.fee / 10000); p.Fee.IsZero() {
		p.Fee = money.Amount{}
	}
	b.touch(p)
}

// dispute lets the payer's bank take money back, or ask about it.
func (b *bank) dispute(p *paid, minor, fee int64, s payment.DisputeState) *disputed {
	d := &disputed{DisputeObject: payment.DisputeObject{
		ProviderID: "dispute-" + strconv.Itoa(len(b.disputes)+1), Payment: payment.Ref{Reference: payment.AttemptID(p.Reference), ProviderID: p.ProviderID},
		State: s, Round: 1, Amount: cny(minor), Fee: cny(fee), Reason: "not_received", EvidenceDue: b.w.clock.now.AddDate(0, 0, 7), At: b.w.clock.now,
	}, of: p}
	b.disputes = append(b.disputes, d)
	b.byDispute[d.ProviderID] = d
	b.rows = append(b.rows, d.ProviderID)
	return d
}

// move changes a dispute; a won one that opens again begins its next round.
func (b *bank) move(d *disputed, to payment.DisputeState) {
	if d.State == payment.DisputeWon && to == payment.DisputeOpen {
		d.rounds = append(d.rounds, payment.DisputeWon)
		d.Round++
	}
	d.State, d.At = to, b.w.clock.now
	b.rows = append(b.rows, d.ProviderID)
}
