package payment

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/testkit"
)

// collector is a provider that also splits, pays out, reports and has disputes.
type collector struct {
	*provider
	things   map[string]*movement // by our reference
	calls    []string             // what was sent, in order: "split spl_…"
	lose     int                  // answers to lose after the effect
	deny     bool                 // refuse for certain
	slow     bool                 // things stay in processing
	asleep   func()               // once, between an answer that there is nothing and its reader
	unlisted bool
	disputes map[string]DisputeObject
	changed  []string
	days     map[calendar.Date][]ReportLine
	asked    []string // days asked for
}

func newCollector() *collector {
	return &collector{
		provider: newProvider(), things: map[string]*movement{}, disputes: map[string]DisputeObject{}, days: map[calendar.Date][]ReportLine{},
	}
}

func (c *collector) Capability() Capability {
	can := c.provider.Capability()
	can.Lists = !c.unlisted
	return can
}

func (c *collector) Refund(ctx context.Context, in RefundIntent) (RefundObject, error) {
	c.mu.Lock()
	c.calls = append(c.calls, "refund "+string(in.Reference))
	c.mu.Unlock()
	return c.provider.Refund(ctx, in)
}

func (c *collector) do(what, reference string, amount money.Amount) (movement, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, what+" "+reference)
	if c.deny {
		return movement{}, fmt.Errorf("%w: above the cap", ErrRefused)
	}
	m, known := c.things[reference]
	if !known {
		m = &movement{ProviderID: what + "-" + strconv.Itoa(len(c.things)+1), Reference: reference, State: MoveDone, Amount: amount}
		if c.slow {
			m.State = MoveProcessing
		}
		c.things[reference] = m
	}
	if c.lose > 0 {
		c.lose--
		return movement{}, errLine
	}
	return *m, nil
}

func (c *collector) look(reference string) (movement, error) {
	c.mu.Lock()
	m, ok := c.things[reference]
	var found movement
	if ok {
		found = *m
	}
	c.mu.Unlock()
	if ok {
		return found, nil
	}
	return movement{}, c.nothing()
}

// nothing is the answer that there is no such thing.
func (c *collector) nothing() error {
	c.mu.Lock()
	sleep := c.asleep
	c.asleep = nil
	c.mu.Unlock()
	if sleep != nil {
		sleep()
	}
	return ErrUnknown
}

func (c *collector) FindRefund(ctx context.Context, of RefundRef) (RefundObject, error) {
	o, err := c.provider.FindRefund(ctx, of)
	if errors.Is(err, ErrUnknown) {
		err = c.nothing()
	}
	return o, err
}

// forget loses what the provider has made, as if the call had not arrived.
func (c *collector) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.things)
	clear(c.refunds)
	c.calls = nil
}

// end ends a thing at the provider.
func (c *collector) finish(reference string, s MoveState, fee int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.things[reference].State, c.things[reference].Reason, c.things[reference].Fee = s, "bank", cny(fee)
}

func (m movement) split() SplitObject {
	return SplitObject{ProviderID: m.ProviderID, Reference: m.Reference, State: m.State, Share: m.Amount, Reason: m.Reason}
}

func (m movement) back() ReturnObject {
	return ReturnObject{ProviderID: m.ProviderID, Reference: m.Reference, State: m.State, Amount: m.Amount, Reason: m.Reason}
}

func (m movement) payout() PayoutObject {
	return PayoutObject{ProviderID: m.ProviderID, Reference: m.Reference, State: m.State, Amount: m.Amount, Fee: m.Fee, Reason: m.Reason}
}

func (c *collector) Split(_ context.Context, in SplitIntent) (SplitObject, error) {
	m, err := c.do("split", string(in.Reference), in.Share)
	return m.split(), err
}

func (c *collector) FindSplit(_ context.Context, in SplitIntent) (SplitObject, error) {
	m, err := c.look(string(in.Reference))
	return m.split(), err
}

func (c *collector) Return(_ context.Context, in ReturnIntent) (ReturnObject, error) {
	m, err := c.do("return", string(in.Reference), in.Amount)
	return m.back(), err
}

func (c *collector) FindReturn(_ context.Context, in ReturnIntent) (ReturnObject, error) {
	m, err := c.look(string(in.Reference))
	return m.back(), err
}

func (c *collector) Payout(_ context.Context, in PayoutIntent) (PayoutObject, error) {
	m, err := c.do("payout", string(in.Reference), in.Amount)
	return m.payout(), err
}

func (c *collector) FindPayout(_ context.Context, in PayoutIntent) (PayoutObject, error) {
	m, err := c.look(string(in.Reference))
	return m.payout(), err
}

func (c *collector) FindDispute(_ context.Context, id string) (DisputeObject, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o, ok := c.disputes[id]; ok {
		return o, nil
	}
	return DisputeObject{}, ErrUnknown
}

func (c *collector) ChangedDisputes(_ context.Context, since string) ([]DisputeObject, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, _ := strconv.Atoi(since)
	var page []DisputeObject
	for _, id := range c.changed[from:] {
		page = append(page, c.disputes[id])
	}
	return page, strconv.Itoa(len(c.changed)), nil
}

func (c *collector) Report(_ context.Context, day calendar.Date) ([]ReportLine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, day.String())
	return c.days[day], nil
}

// dispute makes the provider say something of a dispute.
func (c *collector) dispute(id string, of AttemptID, s DisputeState, round int, amount int64) DisputeObject {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := DisputeObject{
		ProviderID: id, Payment: Ref{Reference: of}, State: s, Round: round, Amount: cny(amount), Fee: cny(15), Reason: "not_received",
	}
	c.disputes[id] = o
	c.changed = append(c.changed, id)
	return o
}

// market is a bench whose provider can do everything.
type market struct {
	*bench
	at      *collector
	splits  []Split
	returns []Return
	payouts []Payout
	moves   []string // of disputes: "dis-1 1 open 100"
}

func markets(t *testing.T, fn func(t *testing.T, m *market)) {
	t.Helper()
	benches(t, func(t *testing.T, b *bench) {
		m := &market{bench: b, at: newCollector()}
		b.at = m.at.provider
		b.work.Gateways["fake"] = m.at
		b.work.SplitEnded = func(_ context.Context, _ *db.Tx, s Split) error { m.splits = append(m.splits, s); return nil }
		b.work.ReturnEnded = func(_ context.Context, _ *db.Tx, r Return) error { m.returns = append(m.returns, r); return nil }
		b.work.PayoutMoved = func(_ context.Context, _ *db.Tx, p Payout) error { m.payouts = append(m.payouts, p); return nil }
		b.work.DisputeMoved = func(_ context.Context, _ *db.Tx, d Dispute) error {
			m.moves = append(m.moves, fmt.Sprintf("%s %d %s %d", d.ProviderID, d.Round, d.State, d.Covered.Minor))
			return nil
		}
		fn(t, m)
	})
}

func (m *market) split(a Attempt, share int64, finish bool, key string) (s Split) {
	m.t.Helper()
	m.write(func(tx *db.Tx) (err error) {
		s, err = StartSplit(m.t.Context(), tx, audit.Actor{}, SplitStart{Attempt: a.ID, Share: cny(share), Finish: finish, Key: key})
		return err
	})
	return s
}

func (m *market) getSplit(id SplitID) (s Split) {
	m.t.Helper()
	m.read(func(r db.Reader) (err error) { s, err = GetSplit(m.t.Context(), r, id); return err })
	return s
}

func (m *market) back(a Attempt, amount, share int64, key string) (r Refund) {
	m.t.Helper()
	m.write(func(tx *db.Tx) (err error) {
		r, err = StartRefund(m.t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Amount: cny(amount), Return: cny(share), Cause: CauseOrder, Key: key})
		return err
	})
	return r
}

// quiet keeps the bench's own book out of a test that books nothing.
func (m *market) quiet() *market {
	m.work.RefundEnded = func(_ context.Context, _ *db.Tx, r Refund) error { m.ended = append(m.ended, r); return nil }
	return m
}

func startSplit(ctx context.Context, s SplitStart) func(tx *db.Tx) error {
	return func(tx *db.Tx) error { _, err := StartSplit(ctx, tx, audit.Actor{}, s); return err }
}

func startRefund(ctx context.Context, s RefundStart) func(tx *db.Tx) error {
	return func(tx *db.Tx) error { _, err := StartRefund(ctx, tx, audit.Actor{}, s); return err }
}

func TestASplitIsMadeOnceAndToldOnce(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		a := m.paid("ord_1")
		m.at.lose = 1
		s := m.split(a, 3000, false, "k1")
		m.drain()
		if got := m.getSplit(s.ID); got.State != ShareUnknown || len(m.splits) != 0 {
			t.Fatalf("%+v", got)
		}
		m.after(5 * time.Minute)
		if got := m.getSplit(s.ID); got.State != ShareDone || got.ProviderID == "" || len(m.splits) != 1 || len(m.at.calls) != 1 {
			t.Fatalf("%+v, told %d times, sent %v", got, len(m.splits), m.at.calls)
		}
		m.notify(Event{ID: "again", ObjectID: "split-1", Reference: string(s.ID), Kind: SplitEvent})
		m.drain()
		if len(m.splits) != 1 || m.get(a.ID).Split != cny(3000) {
			t.Fatalf("told %d times, %+v", len(m.splits), m.get(a.ID))
		}
	})
}

func TestSharesStayWithinTheCaptureAndEndWithTheLast(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		a := m.paid("ord_1")
		first := m.split(a, 10000, false, "k1")
		if same := m.split(a, 10000, false, "k1"); same.ID != first.ID {
			t.Fatal("one key, two splits")
		}
		m.refused(ErrStale, startSplit(ctx, SplitStart{Attempt: a.ID, Share: cny(1), Key: "k1"}))
		m.refused(ErrOverSplit, startSplit(ctx, SplitStart{Attempt: a.ID, Share: cny(9801), Key: "k2"}))
		m.refused(ErrInvalid, startSplit(ctx, SplitStart{Attempt: a.ID, Key: "k2"}))
		m.refused(ErrInvalid, startSplit(ctx, SplitStart{Attempt: a.ID, Share: money.Amount{Minor: 1, Currency: "USD"}, Key: "k2"}))
		last := m.split(a, 0, true, "end")
		m.refused(ErrOverSplit, startSplit(ctx, SplitStart{Attempt: a.ID, Share: cny(1), Key: "k3"}))
		m.drain()
		if got := m.getSplit(last.ID); got.State != ShareDone || !m.get(a.ID).Finished {
			t.Fatalf("%+v", got)
		}
		unpaid := m.opened("ord_2")
		m.refused(ErrOverSplit, startSplit(ctx, SplitStart{Attempt: unpaid.ID, Share: cny(1), Key: "k"}))
	})
}

func TestARefusedSplitFreesTheShareAndTheEnd(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		a := m.paid("ord_1")
		m.at.deny = true
		s := m.split(a, 19800, true, "k1")
		m.drain()
		got := m.getSplit(s.ID)
		if got.State != ShareFailed || got.Reason != "refused" || len(m.splits) != 1 || m.splits[0].State != ShareFailed {
			t.Fatalf("%+v", got)
		}
		if now := m.get(a.ID); !now.Split.IsZero() || now.Finished {
			t.Fatalf("%+v", now)
		}
	})
}

func TestAProviderThatDoesNotSplitIsNotAskedTo(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		b.refused(ErrNoSplit, startSplit(t.Context(), SplitStart{Attempt: a.ID, Share: cny(1), Key: "k"}))
		// A capture from before providers could tell.
		b.write(func(tx *db.Tx) error {
			if _, err := tx.Exec(t.Context(), `UPDATE payment_attempt SET splits = TRUE WHERE id = $1`, string(a.ID)); err != nil {
				return err
			}
			return startSplit(t.Context(), SplitStart{Attempt: a.ID, Share: cny(1), Key: "k"})(tx)
		})
		b.drain() // and no hook is wired
		b.read(func(r db.Reader) error {
			all, err := SplitsOf(t.Context(), r, a.ID)
			if err == nil && (len(all) != 1 || all[0].State != ShareFailed || all[0].Reason != "unsupported") {
				t.Fatalf("%+v", all)
			}
			return err
		})
	})
}

func TestTheShareComesBackBeforeTheRefundGoes(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.quiet().at.instant = true
		a := m.paid("ord_1")
		m.split(a, 2000, false, "k1")
		m.split(a, 1000, true, "k2")
		m.drain()
		m.refused(ErrOverReturn, startRefund(t.Context(), RefundStart{Attempt: a.ID, Amount: cny(19800), Return: cny(3001), Cause: CauseOrder, Key: "r"}))
		m.refused(ErrInvalid, startRefund(t.Context(), RefundStart{Attempt: a.ID, Amount: cny(1), Return: cny(2), Cause: CauseOrder, Key: "r"}))
		m.at.slow = true
		r := m.back(a, 19800, 2500, "r1")
		m.drain()
		if got := m.getRefund(r.ID); got.State != RefundReturning || m.get(a.ID).Returned != cny(2500) {
			t.Fatalf("%+v", got)
		}
		var parts []Return
		m.read(func(q db.Reader) (err error) { parts, err = ReturnsOf(t.Context(), q, r.ID); return err })
		if len(parts) != 2 || parts[0].Amount.Minor+parts[1].Amount.Minor != 2500 {
			t.Fatalf("%+v", parts)
		}
		m.at.finish(string(parts[0].ID), MoveDone, 0)
		m.notify(Event{ID: "e1", ObjectID: "x", Reference: string(parts[0].ID), Kind: ReturnEvent})
		m.drain()
		if m.getRefund(r.ID).State != RefundReturning {
			t.Fatal("sent before all of the share was back")
		}
		m.at.finish(string(parts[1].ID), MoveDone, 0)
		m.after(10 * time.Minute) // and no notice comes
		if got := m.getRefund(r.ID); got.State != RefundSucceeded || len(m.returns) != 2 || len(m.ended) != 1 {
			t.Fatalf("%+v, %d returns", got, len(m.returns))
		}
		if last := m.at.calls[len(m.at.calls)-1]; last != "refund "+string(r.ID) || len(m.at.calls) != 5 {
			t.Fatalf("sent %v", m.at.calls)
		}
	})
}

func TestAReturnThatFailsIsAnAlarmAndNotTheBuyersMatter(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.quiet().at.instant = true
		a := m.paid("ord_1")
		s := m.split(a, 2000, false, "k1")
		m.drain()
		m.at.slow = true
		r := m.back(a, 19800, 2000, "r1")
		m.drain()
		var parts []Return
		m.read(func(q db.Reader) (err error) { parts, err = ReturnsOf(t.Context(), q, r.ID); return err })
		m.at.finish(string(parts[0].ID), MoveFailed, 0)
		m.after(10 * time.Minute)
		if m.getRefund(r.ID).State != RefundSucceeded || m.records("payment.share.return.failed") != 1 || m.returns[0].Reason != "bank" {
			t.Fatalf("%+v", m.getRefund(r.ID))
		}
		if !m.get(a.ID).Returned.IsZero() || !m.getSplit(s.ID).Returned.IsZero() {
			t.Fatal("what did not come back still counts as back")
		}
	})
}

func TestNothingIsTakenBackOfASplitThatFails(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.quiet().at.instant = true
		a := m.paid("ord_1")
		m.at.slow = true
		s := m.split(a, 2000, false, "k1")
		m.drain()
		r := m.back(a, 19800, 2000, "r1")
		m.drain()
		if m.getRefund(r.ID).State != RefundReturning || len(m.at.calls) != 1 {
			t.Fatalf("%+v, sent %v", m.getRefund(r.ID), m.at.calls)
		}
		m.at.finish(string(s.ID), MoveFailed, 0)
		m.after(30 * time.Minute)
		if m.getRefund(r.ID).State != RefundSucceeded || len(m.returns) != 1 || m.returns[0].Reason != ReasonNotSplit || !m.get(a.ID).Split.IsZero() {
			t.Fatalf("%+v %+v", m.getRefund(r.ID), m.returns)
		}
	})
}

func payoutOf(amount int64, key string) PayoutStart {
	return PayoutStart{Vendor: "ven_1", Gateway: "fake", Payee: "mch-1", PayeeName: "Vendor Ltd", Amount: cny(amount), Key: key}
}

func (m *market) payout(amount int64, key string) (p Payout) {
	m.t.Helper()
	m.write(func(tx *db.Tx) (err error) {
		p, err = StartPayout(m.t.Context(), tx, audit.Actor{}, payoutOf(amount, key))
		return err
	})
	return p
}

func (m *market) getPayout(id PayoutID) (p Payout) {
	m.t.Helper()
	m.read(func(r db.Reader) (err error) { p, err = GetPayout(m.t.Context(), r, id); return err })
	return p
}

func (m *market) told() (states []PayoutState) {
	for _, p := range m.payouts {
		states = append(states, p.State)
	}
	return states
}

func TestAPayoutIsMadeOnceAndMayComeBack(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.at.lose = 1
		p := m.payout(8500, "2026-03")
		if p.State != PayoutCreated || m.payout(8500, "2026-03").ID != p.ID {
			t.Fatalf("%+v", p)
		}
		m.refused(ErrStale, func(tx *db.Tx) error {
			_, err := StartPayout(t.Context(), tx, audit.Actor{}, payoutOf(1, "2026-03"))
			return err
		})
		m.drain()
		if got := m.getPayout(p.ID); got.State != PayoutUnknown {
			t.Fatalf("%+v", got)
		}
		m.after(5 * time.Minute)
		if got := m.getPayout(p.ID); got.State != PayoutPaid || got.PaidAt.IsZero() || len(m.at.calls) != 1 {
			t.Fatalf("%+v, sent %v", got, m.at.calls)
		}
		m.at.finish(string(p.ID), MoveReturned, 25)
		m.after(4 * 24 * time.Hour) // the notice is lost; it is asked for once more
		if got := m.getPayout(p.ID); got.State != PayoutReturned || got.Fee != cny(25) {
			t.Fatalf("%+v", got)
		}
		if want := []PayoutState{PayoutPaid, PayoutReturned}; !slices.Equal(m.told(), want) {
			t.Fatalf("told %v", m.told())
		}
	})
}

func TestAPayoutThatFailsOrIsCancelledIsToldRightly(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		gone := m.payout(100, "gone")
		cancel := func(tx *db.Tx) error { _, err := CancelPayout(t.Context(), tx, audit.Actor{}, gone.ID); return err }
		m.write(cancel)
		m.write(cancel)
		m.at.slow = true
		p := m.payout(200, "p")
		m.drain()
		if len(m.at.calls) != 1 || m.getPayout(gone.ID).State != PayoutCancelled || m.getPayout(p.ID).State != PayoutInTransit {
			t.Fatalf("sent %v", m.at.calls)
		}
		m.refused(ErrSent, func(tx *db.Tx) error { _, err := CancelPayout(t.Context(), tx, audit.Actor{}, p.ID); return err })
		m.at.finish(string(p.ID), MoveFailed, 0)
		m.notify(Event{ID: "e", ObjectID: "payout-1", Reference: string(p.ID), Kind: PayoutEvent})
		m.drain()
		if got := m.getPayout(p.ID); got.State != PayoutFailed || got.Reason != "bank" || !slices.Equal(m.told(), []PayoutState{PayoutFailed}) {
			t.Fatalf("%+v, told %v", got, m.told())
		}
		// A return that nobody had called paid before was paid all the same.
		q := m.payout(300, "q")
		m.drain()
		m.at.finish(string(q.ID), MoveReturned, 0)
		m.after(10 * time.Minute)
		if want := []PayoutState{PayoutFailed, PayoutPaid, PayoutReturned}; !slices.Equal(m.told(), want) {
			t.Fatalf("told %v", m.told())
		}
		m.at.finish(string(p.ID), MoveDone, 0) // a failed one stays so, and somebody looks
		m.notify(Event{ID: "e2", ObjectID: "payout-1", Reference: string(p.ID), Kind: PayoutEvent})
		m.drain()
		if m.getPayout(p.ID).State != PayoutFailed || len(m.payouts) != 3 || m.records("payment.object.rejected") != 1 {
			t.Fatalf("told %v", m.told())
		}
	})
}

// hear tells of a dispute and works.
func (m *market) hear(id string) {
	m.t.Helper()
	m.at.mu.Lock()
	n := len(m.at.changed)
	m.at.mu.Unlock()
	m.notify(Event{ID: fmt.Sprintf("dispute-%s-%d", id, n), ObjectID: id, Kind: DisputeEvent})
	m.drain()
}

func TestADisputeIsToldInOrderWhateverOrderItsFactsArriveIn(t *testing.T) {
	type fact struct {
		state DisputeState
		round int
	}
	facts := []fact{{DisputeInquiry, 1}, {DisputeOpen, 1}, {DisputeSubmitted, 1}, {DisputeWon, 1}, {DisputeOpen, 2}, {DisputeLost, 2}}
	want := []string{"dis-1 1 open 9000", "dis-1 1 won 9000", "dis-1 2 open 9000", "dis-1 2 lost 9000"}
	orders := map[string][]int{
		"in_order": {0, 1, 2, 3, 4, 5}, "backwards": {5, 4, 3, 2, 1, 0}, "end_first": {5, 0, 1, 2, 3, 4}, "only_the_end": {5},
		"won_first": {3, 1, 0, 5, 2, 4}, "reopened_first": {4, 3, 5}, "twice": {1, 1, 3, 3, 5, 5},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			markets(t, func(t *testing.T, m *market) {
				a := m.paid("ord_1")
				for _, i := range order {
					m.at.dispute("dis-1", a.ID, facts[i].state, facts[i].round, 9000)
					m.hear("dis-1")
				}
				now := m.get(a.ID)
				if !slices.Equal(m.moves, want) || now.Disputed != cny(9000) || now.Disputes != 0 || m.records("payment.object.rejected") != 0 {
					t.Fatalf("told %q\nwant %q\n%+v", m.moves, want, now)
				}
			})
		})
	}
}

func TestADisputeThatOvertakesItsCaptureWaitsForIt(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		a := m.opened("ord_1")
		m.at.dispute("dis-1", a.ID, DisputeOpen, 1, 19800)
		m.hear("dis-1")
		o := m.at.pay(a.ID, a.Amount, "cap-1")
		m.notify(Event{ID: "paid", ObjectID: o.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
		m.after(5 * time.Minute)
		if !slices.Equal(m.moves, []string{"dis-1 1 open 19800"}) {
			t.Fatalf("told %q", m.moves)
		}
	})
}

// The provider names its payment by an id that the market was never told.
func TestADisputeOfAPaymentWhoseCreationWasNotAnsweredWaitsForIt(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		a := m.begin("ord_1")
		m.at.dropOpen, m.at.blind = 1, true
		m.drain()
		o := m.at.pay(a.ID, a.Amount, "cap-1")
		d := m.at.dispute("dis-1", a.ID, DisputeOpen, 1, 19800)
		d.Payment.ProviderID = o.ProviderID
		m.at.disputes["dis-1"] = d
		m.hear("dis-1")
		if a := m.get(a.ID); a.ProviderID != "" || len(m.moves) > 0 {
			t.Fatalf("the payment is known as %q, told %q", a.ProviderID, m.moves)
		}
		m.at.blind = false
		m.after(time.Hour)
		if !slices.Equal(m.moves, []string{"dis-1 1 open 19800"}) {
			t.Fatalf("told %q", m.moves)
		}
	})
}

func TestThePullFindsADisputeThatNoNoticeTold(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		a := m.paid("ord_1")
		m.write(func(tx *db.Tx) error { return Pull(t.Context(), tx, "fake") })
		m.drain()
		m.at.dispute("dis-1", a.ID, DisputeOpen, 1, 19800)
		m.after(61 * time.Minute)
		m.at.dispute("dis-1", a.ID, DisputeWon, 1, 19800)
		m.after(61 * time.Minute)
		if !slices.Equal(m.moves, []string{"dis-1 1 open 19800", "dis-1 1 won 19800"}) {
			t.Fatalf("told %q", m.moves)
		}
	})
}

func TestADisputeThatCannotBeIsAnAlarm(t *testing.T) {
	for name, o := range map[string]func(a Attempt) DisputeObject{
		"another_amount_than_before": func(a Attempt) DisputeObject {
			return DisputeObject{Payment: Ref{Reference: a.ID}, State: DisputeOpen, Round: 1, Amount: cny(1)}
		},
		"another_currency": func(a Attempt) DisputeObject {
			return DisputeObject{Payment: Ref{Reference: a.ID}, State: DisputeOpen, Round: 1, Amount: money.Amount{Minor: 9000, Currency: "USD"}}
		},
		"lost_after_won": func(a Attempt) DisputeObject {
			return DisputeObject{Payment: Ref{Reference: a.ID}, State: DisputeLost, Round: 1, Amount: cny(9000)}
		},
		"another_payment_of_that_id": func(a Attempt) DisputeObject {
			return DisputeObject{Payment: Ref{Reference: a.ID, ProviderID: "obj-77"}, State: DisputeOpen, Round: 2, Amount: cny(9000)}
		},
		"no_round": func(a Attempt) DisputeObject {
			return DisputeObject{Payment: Ref{Reference: a.ID}, State: DisputeOpen, Amount: cny(9000)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			markets(t, func(t *testing.T, m *market) {
				a := m.paid("ord_1")
				m.at.dispute("dis-1", a.ID, DisputeWon, 1, 9000)
				m.hear("dis-1")
				told := o(a)
				told.ProviderID = "dis-1"
				m.at.disputes["dis-1"], m.at.changed = told, append(m.at.changed, "dis-1")
				m.hear("dis-1")
				if len(m.moves) != 2 || m.records("payment.object.rejected") != 1 || !m.get(a.ID).Disputed.IsZero() {
					t.Fatalf("told %q, %+v", m.moves, m.get(a.ID))
				}
			})
		})
	}
}

func TestNoRefundBeginsWhileADisputeIsOpen(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.quiet().at.instant = true
		a := m.paid("ord_1")
		ask := RefundStart{Attempt: a.ID, Amount: cny(100), Cause: CauseOrder, Key: "k"}
		m.at.dispute("dis-1", a.ID, DisputeInquiry, 1, 9000)
		m.hear("dis-1")
		m.back(a, 1000, 0, "inquiry") // no money has moved yet
		m.at.dispute("dis-1", a.ID, DisputeOpen, 1, 9000)
		m.hear("dis-1")
		m.refused(ErrDisputed, startRefund(t.Context(), ask))
		m.refused(ErrDisputed, func(tx *db.Tx) error { _, err := RefundAll(t.Context(), tx, audit.Actor{}, ask); return err })
		m.at.dispute("dis-1", a.ID, DisputeLost, 1, 9000)
		m.hear("dis-1")
		ask.Amount = cny(9801)
		m.refused(ErrOverRefund, startRefund(t.Context(), ask))
		ask.Amount = cny(9800)
		m.write(startRefund(t.Context(), ask))
		m.drain()
		if now := m.get(a.ID); now.Refunded != cny(10800) || now.Disputed != cny(9000) {
			t.Fatalf("%+v", now)
		}
		m.refused(ErrOverRefund, func(tx *db.Tx) error {
			_, err := RefundAll(t.Context(), tx, audit.Actor{}, RefundStart{Attempt: a.ID, Cause: CauseOrder, Key: "rest"})
			return err
		})
	})
}

// A refund that no call was made for yet waits for the end of the dispute that
// overtook it.
func TestADisputeOpensBeforeARefundIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		end      DisputeState
		amount   int64 // of the refund; the dispute takes 15000 of 19800
		refund   RefundState
		sent     int
		told     []string
		refunded int64
		disputed int64
	}{
		"won_it_is_sent": {
			DisputeWon, 19800, RefundSucceeded, 1, []string{"dis-1 1 open 0", "dis-1 1 won 0"}, 19800, 0,
		},
		"lost_it_fails_because_the_payer_is_paid": {
			DisputeLost, 19800, RefundFailed, 0, []string{"dis-1 1 open 0", "dis-1 1 lost 15000"}, 0, 15000,
		},
		"lost_and_there_is_enough_it_is_sent": {
			DisputeLost, 4800, RefundSucceeded, 1, []string{"dis-1 1 open 15000", "dis-1 1 lost 15000"}, 4800, 15000,
		},
	} {
		t.Run(name, func(t *testing.T) {
			markets(t, func(t *testing.T, m *market) {
				m.quiet().at.instant = true
				a := m.paid("ord_1")
				r := m.back(a, c.amount, 0, "k")
				m.write(func(tx *db.Tx) error {
					return m.work.recordDispute(t.Context(), tx, "fake", m.at.dispute("dis-1", a.ID, DisputeOpen, 1, 15000))
				})
				m.after(time.Hour)
				if got := m.getRefund(r.ID); got.State != RefundSubmitting || !got.SentAt.IsZero() || len(m.at.calls) != 0 {
					t.Fatalf("%+v, sent %v", got, m.at.calls)
				}
				m.at.dispute("dis-1", a.ID, c.end, 1, 15000)
				m.hear("dis-1")
				m.after(time.Hour)
				got, now := m.getRefund(r.ID), m.get(a.ID)
				if got.State != c.refund || len(m.at.calls) != c.sent || !slices.Equal(m.moves, c.told) || len(m.ended) != 1 {
					t.Fatalf("%+v, sent %v, told %q", got, m.at.calls, m.moves)
				}
				if got.State == RefundFailed && got.Reason != ReasonDisputed {
					t.Fatalf("reason %q", got.Reason)
				}
				if now.Refunded != cny(c.refunded) || now.Disputed != cny(c.disputed) || now.Disputes != 0 {
					t.Fatalf("%+v", now)
				}
			})
		})
	}
}

// A refund that was sent cannot be stopped: it keeps what it reserved, and the
// dispute covers what is left, or what the refund frees by failing.
func TestADisputeOpensAfterARefundWasSent(t *testing.T) {
	for name, c := range map[string]struct {
		end     RefundObjectState
		covered int64
	}{
		"the_refund_succeeds_and_the_rest_is_lost":    {RefundObjectSucceeded, 9800},
		"the_refund_fails_and_the_dispute_covers_all": {RefundObjectFailed, 15000},
	} {
		t.Run(name, func(t *testing.T) {
			markets(t, func(t *testing.T, m *market) {
				m.quiet()
				a := m.paid("ord_1")
				m.at.dropBack = 1
				r := m.back(a, 10000, 0, "k")
				m.drain()
				m.at.dispute("dis-1", a.ID, DisputeOpen, 1, 15000)
				m.hear("dis-1")
				m.after(5 * time.Minute)
				if got := m.getRefund(r.ID); got.State != RefundSubmitted || m.get(a.ID).Disputed != cny(9800) {
					t.Fatalf("%+v", got)
				}
				m.at.end(r.ID, c.end)
				m.after(10 * time.Minute)
				m.at.dispute("dis-1", a.ID, DisputeLost, 1, 15000)
				m.hear("dis-1")
				if want := fmt.Sprintf("dis-1 1 lost %d", c.covered); m.moves[len(m.moves)-1] != want || len(m.at.calls) != 1 {
					t.Fatalf("told %q, want %q; sent %v", m.moves, want, m.at.calls)
				}
				if alarmed := m.records("payment.dispute.uncovered") == 1; alarmed != (c.covered < 15000) {
					t.Fatalf("alarmed: %v", alarmed)
				}
			})
		})
	}
}

// An unknown refund of which the provider knows nothing is not sent again while
// a dispute is open.
func TestALostRefundIsNotSentAgainDuringADispute(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.quiet().at.instant = true
		a := m.paid("ord_1")
		m.at.dropBack = 1
		r := m.back(a, 10000, 0, "k")
		m.drain()
		m.at.mu.Lock()
		delete(m.at.refunds, r.ID)
		m.at.mu.Unlock()
		m.at.dispute("dis-1", a.ID, DisputeOpen, 1, 5000)
		m.hear("dis-1")
		m.after(2 * time.Hour)
		if len(m.at.calls) != 1 || m.getRefund(r.ID).State != RefundUnknown {
			t.Fatalf("sent %v", m.at.calls)
		}
		m.at.dispute("dis-1", a.ID, DisputeWon, 1, 5000)
		m.hear("dis-1")
		m.after(time.Hour)
		if len(m.at.calls) != 2 || m.getRefund(r.ID).State != RefundSucceeded {
			t.Fatalf("sent %v, %+v", m.at.calls, m.getRefund(r.ID))
		}
	})
}

// A worker that learned that the provider has nothing, and then slept for longer
// than its lease, sends nothing: another one has, and by then the provider may have
// forgotten what it would have known the second call by.
func TestAWorkerThatWasAsleepSendsNothing(t *testing.T) {
	sends := map[string]func(m *market){
		"refund": func(m *market) {
			m.at.instant, m.at.dropBack = true, 1
			m.back(m.paid("ord_1"), 10000, 0, "k")
		},
		"split":  func(m *market) { m.at.lose = 1; m.split(m.paid("ord_1"), 1000, true, "k") },
		"payout": func(m *market) { m.at.lose = 1; m.payout(1000, "k") },
		"return": func(m *market) {
			a := m.paid("ord_1")
			m.at.instant = true
			m.split(a, 1000, false, "k")
			m.drain()
			m.at.lose = 1
			m.back(a, 10000, 1000, "k")
		},
	}
	for what, send := range sends {
		t.Run(what, func(t *testing.T) {
			markets(t, func(t *testing.T, m *market) {
				send(m.quiet())
				m.drain() // the call is lost
				m.at.forget()
				slept := false
				m.at.asleep = func() {
					m.clock.Set(m.clock.Now().Add(time.Minute))
					m.drain() // another worker takes over
					if slept = len(m.at.calls) > 0; !slept {
						t.Error("nobody took over")
					}
					m.clock.Set(m.clock.Now().Add(48 * time.Hour))
				}
				m.after(10 * time.Minute)
				if n := len(slices.DeleteFunc(slices.Clone(m.at.calls), func(c string) bool { return !strings.HasPrefix(c, what) })); !slept || n != 1 {
					t.Fatalf("slept: %v, sent %d times: %v", slept, n, m.at.calls)
				}
			})
		})
	}
}

// race runs sixteen writers at once and fails on an error that is none of those.
func (m *market) race(fn func(i int, tx *db.Tx) error, allowed ...error) (through int64) {
	m.t.Helper()
	var done atomic.Int64
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range 16 {
		wg.Go(func() {
			<-begin
			err := m.d.Write(m.t.Context(), func(tx *db.Tx) error { return fn(i, tx) })
			switch {
			case err == nil:
				done.Add(1)
			case !slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }):
				m.t.Error(err)
			}
		})
	}
	close(begin)
	wg.Wait()
	return done.Load()
}

// G1: refunds and disputes together never take more than came in.
func TestSixteenRefundsAndLostDisputesTakeNoMoreThanCameIn(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.work.DisputeMoved = nil
		a := m.paid("ord_1")
		m.race(func(i int, tx *db.Tx) error {
			if i%2 == 0 {
				return startRefund(t.Context(), RefundStart{Attempt: a.ID, Amount: cny(3000), Cause: CauseOrder, Key: fmt.Sprint(i)})(tx)
			}
			o := DisputeObject{ProviderID: fmt.Sprint("dis-", i), Payment: Ref{Reference: a.ID}, State: DisputeLost, Round: 1, Amount: cny(3000)}
			return m.work.recordDispute(t.Context(), tx, "fake", o)
		}, ErrOverRefund, ErrDisputed)
		now := m.get(a.ID)
		if total := now.Refunded.Minor + now.Disputed.Minor; total > 19800 || total < 18000 {
			t.Fatalf("of 19800 taken: %+v", now)
		}
		if n := m.count(`SELECT CAST(COALESCE(SUM(covered_minor), 0) AS BIGINT) FROM payment_dispute`); n != now.Disputed.Minor {
			t.Fatalf("disputes cover %d, the attempt says %d", n, now.Disputed.Minor)
		}
		if n := m.count(`SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM payment_refund WHERE state <> 'failed'`); n != now.Refunded.Minor {
			t.Fatalf("refunds are %d, the attempt says %d", n, now.Refunded.Minor)
		}
	})
}

// G2: whoever begins or sends a refund saw no open dispute, and the other way
// round: who opens a dispute finds each refund either marked as sent or unsent.
func TestSixteenRefundsAndDisputesDoNotOverlap(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.work.DisputeMoved = nil
		a := m.paid("ord_1")
		var waiting []Refund
		for i := range 8 {
			waiting = append(waiting, m.back(a, 100, 0, fmt.Sprint("waiting-", i)))
		}
		apart := func(tx *db.Tx) error {
			now, err := Get(t.Context(), tx, a.ID)
			if err == nil && now.Disputes > 0 {
				err = fmt.Errorf("%d disputes are open", now.Disputes)
			}
			return err
		}
		m.race(func(i int, tx *db.Tx) error {
			switch {
			case i < 6:
				ok, err := claimed(t.Context(), tx, a.ID, sendRefund, string(waiting[i].ID))
				if err != nil || !ok {
					return errors.Join(err, errHeld)
				}
				return apart(tx)
			case i < 12:
				if err := startRefund(t.Context(), RefundStart{Attempt: a.ID, Amount: cny(100), Cause: CauseOrder, Key: fmt.Sprint(i)})(tx); err != nil {
					return err
				}
				return apart(tx)
			}
			o := DisputeObject{ProviderID: fmt.Sprint("dis-", i), Payment: Ref{Reference: a.ID}, State: DisputeOpen, Round: 1, Amount: cny(100)}
			return m.work.recordDispute(t.Context(), tx, "fake", o)
		}, ErrDisputed, errHeld)
		if now := m.get(a.ID); now.Disputes != 4 || now.Disputed != cny(400) {
			t.Fatalf("%+v", now)
		}
		m.refused(ErrDisputed, startRefund(t.Context(), RefundStart{Attempt: a.ID, Amount: cny(1), Cause: CauseOrder, Key: "after"}))
		m.write(func(tx *db.Tx) error {
			ok, err := claimed(t.Context(), tx, a.ID, sendRefund, string(waiting[7].ID))
			if ok {
				t.Error("marked as sent while a dispute is open")
			}
			return err
		})
	})
}

// G8: while the outcome of an attempt is not known none begins.
func TestSixteenAttemptsAfterAnUnknownOneAreRefused(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.at.dropOpen = 1
		a := m.begin("ord_1")
		m.drain()
		m.state(a.ID, Unknown)
		begin := func(_ int, tx *db.Tx) error {
			_, err := Begin(t.Context(), tx, audit.Actor{}, start("ord_1"))
			return err
		}
		if n := m.race(begin, ErrPending); n != 0 {
			t.Fatalf("%d attempts beside an unknown one", n)
		}
	})
}

func TestSixteenSplitsShareOutNoMoreThanCameIn(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		a := m.paid("ord_1")
		n := m.race(func(i int, tx *db.Tx) error {
			return startSplit(t.Context(), SplitStart{Attempt: a.ID, Share: cny(3000), Key: fmt.Sprint(i)})(tx)
		}, ErrOverSplit)
		if n != 6 || m.get(a.ID).Split != cny(18000) {
			t.Fatalf("%d splits, %s", n, m.get(a.ID).Split)
		}
	})
}

func TestTheDatabaseRefusesWhatTheGuardsRefuse(t *testing.T) {
	for name, set := range map[string]string{
		"G1_more_disputed_than_came_in":  `UPDATE payment_attempt SET refunded_minor = 10000, disputed_minor = 9801 WHERE id = $1`,
		"more_split_than_came_in":        `UPDATE payment_attempt SET split_minor = 19801 WHERE id = $1`,
		"more_taken_back_than_was_split": `UPDATE payment_attempt SET split_minor = 5, returned_minor = 6 WHERE id = $1`,
		"a_dispute_that_ended_twice":     `UPDATE payment_attempt SET disputes_open = -1 WHERE id = $1`,
		"a_hold_that_was_freed_twice":    `UPDATE payment_attempt SET disputed_minor = -1 WHERE id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			markets(t, func(t *testing.T, m *market) {
				a := m.paid("ord_1")
				err := m.d.Write(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), set, string(a.ID)); return err })
				if !db.Check(err) {
					t.Fatalf("got %v", err)
				}
			})
		})
	}
}

func TestAProviderWithoutAListIsAskedAboutEachOpenThing(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.at.unlisted = true
		m.write(func(tx *db.Tx) error { return Pull(t.Context(), tx, "fake") })
		m.drain()
		a := m.opened("ord_1")
		m.at.pay(a.ID, a.Amount, "cap-1") // and no notice comes
		m.after(61 * time.Minute)
		m.state(a.ID, Captured)
		if m.hooked.Load() != 1 {
			t.Fatalf("%d hook calls", m.hooked.Load())
		}
	})
}

func TestWhatItsJobGaveUpIsAskedForAgain(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		m.at.slow = true
		p := m.payout(100, "p")
		m.drain()
		m.write(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE job_job SET state = 'failed' WHERE kind = 'payment.payout'`)
			return err
		})
		m.at.finish(string(p.ID), MoveDone, 0)
		m.write(func(tx *db.Tx) error { return Pull(t.Context(), tx, "fake") })
		m.drain()
		if m.getPayout(p.ID).State != PayoutPaid {
			t.Fatalf("%+v", m.getPayout(p.ID))
		}
	})
}

func TestTheProvidersAccountIsKeptOnceALine(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		day := calendar.On(testkit.Start)
		m.at.days[day] = []ReportLine{
			{Kind: ReportCapture, ProviderID: "cap-1", Reference: "pay_1", Amount: cny(19800), At: testkit.Start},
			{Kind: ReportFee, ProviderID: "cap-1", Reference: "pay_1", Amount: cny(-60), At: testkit.Start},
		}
		m.write(func(tx *db.Tx) error { return Pull(t.Context(), tx, "fake") })
		m.after(36 * time.Hour)
		late := ReportLine{Kind: ReportPayout, ProviderID: "po-1", Amount: cny(-100), At: testkit.Start}
		m.at.days[day] = append(m.at.days[day], late)
		m.after(24 * time.Hour)
		m.at.days[day.AddDays(1)] = []ReportLine{{Kind: ReportCapture, ProviderID: "cap-1", Reference: "pay_1", Amount: cny(1), At: testkit.Start}}
		m.after(24 * time.Hour)
		var lines []Reported
		m.read(func(r db.Reader) (err error) {
			lines, err = ReportOf(t.Context(), r, "fake", day, day.AddDays(1))
			return err
		})
		if len(lines) != 3 || m.records("payment.report.changed") == 0 {
			t.Fatalf("%+v, asked for %v", lines, m.at.asked)
		}
		want := Reported{Gateway: "fake", Day: day, ReportLine: late}
		if i := slices.IndexFunc(lines, func(l Reported) bool { return l.ProviderID == "po-1" }); i < 0 || !reflect.DeepEqual(lines[i], want) {
			t.Fatalf("got %+v\nwant %+v", lines, want)
		}
	})
}

func TestReportDaysAreReadAgainAndNeverMissed(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, calendar.Shanghai)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ read, now, want string }{
		{"", "2026-03-10 10:00", "2026-03-07 2026-03-08 2026-03-09"},
		{"2026-03-08", "2026-03-10 10:00", "2026-03-07 2026-03-08 2026-03-09"},
		{"2026-03-08", "2026-03-10 09:59", "2026-03-07 2026-03-08"},
		{"2026-03-05", "2026-03-10 12:00", "2026-03-04 2026-03-05 2026-03-06 2026-03-07 2026-03-08 2026-03-09"},
	} {
		var read calendar.Date
		if c.read != "" {
			read, _ = calendar.ParseDate(c.read)
		}
		var got []string
		for _, d := range reportDays(read, at(c.now)) {
			got = append(got, d.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("read to %q at %s: %v, want %s", c.read, c.now, got, c.want)
		}
	}
	if next := nextReport(at("2026-03-10 10:00")); !next.Equal(at("2026-03-11 10:00")) {
		t.Errorf("next at %s", next)
	}
	if next := nextReport(at("2026-03-10 09:59")); !next.Equal(at("2026-03-10 10:00")) {
		t.Errorf("next at %s", next)
	}
}

func TestMovementFactsOnlyGoForward(t *testing.T) {
	for _, c := range []struct {
		from    ShareState
		fact    MoveState
		to      ShareState
		changed bool
	}{
		{ShareSubmitting, MoveProcessing, ShareSubmitted, true},
		{ShareUnknown, MoveDone, ShareDone, true},
		{ShareSubmitted, MoveFailed, ShareFailed, true},
		{ShareSubmitted, MoveProcessing, ShareSubmitted, false},
		{ShareDone, MoveFailed, ShareDone, false},
		{ShareFailed, MoveDone, ShareFailed, false},
	} {
		if to, changed := shareMoves(c.from, c.fact); to != c.to || changed != c.changed {
			t.Errorf("%s + %s = %s %v", c.from, c.fact, to, changed)
		}
	}
	for _, c := range []struct {
		from PayoutState
		fact MoveState
		to   []PayoutState
	}{
		{PayoutSubmitting, MoveProcessing, []PayoutState{PayoutInTransit}},
		{PayoutUnknown, MoveDone, []PayoutState{PayoutPaid}},
		{PayoutInTransit, MoveFailed, []PayoutState{PayoutFailed}},
		{PayoutInTransit, MoveReturned, []PayoutState{PayoutPaid, PayoutReturned}},
		{PayoutPaid, MoveFailed, []PayoutState{PayoutReturned}},
		{PayoutPaid, MoveProcessing, nil},
		{PayoutPaid, MoveDone, nil},
		{PayoutReturned, MoveDone, nil},
		{PayoutFailed, MoveReturned, nil},
		{PayoutCancelled, MoveDone, nil},
	} {
		if to := payoutMoves(c.from, c.fact); !slices.Equal(to, c.to) {
			t.Errorf("%s + %s = %v", c.from, c.fact, to)
		}
	}
}
