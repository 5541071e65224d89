package refund_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/command"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/report"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const (
	price  = 30000
	racers = 16
	day    = 24 * time.Hour
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

func TestClause_9_6_WithoutClause84ARefundAfterABreachFollowsTheRulebook(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		right := func(o order.Order) (e entitlement.Entitlement) {
			m.Read(func(r db.Reader) (err error) {
				e, err = entitlement.OfLine(ctx, r, string(o.Line))
				return err
			})
			return e
		}
		before, after, business := m.bought(nil), m.bought(nil), m.bought(nil)
		for _, o := range []order.Order{before, after, business} {
			m.Breach[right(o).ID] = refund.Breach{Case: "enf_1", State: refund.BreachFinal}
		}
		_, err := m.submit(refund.Ask{Order: before.ID, Reason: refund.NoReason, Amount: cny(price)})
		m.refused(err, "NO_REFUND_BREACH", "UA 8.4")

		compliance := m.Staff(account.Compliance)
		disable := func(who agreement.Audience) {
			m.Write(func(tx *db.Tx) error {
				_, err := agreement.Disable(ctx, tx, compliance, agreement.Disabled{
					Code: agreement.UserAgreement, Clause: "8.4", Audience: who, Reason: agreement.Both{ZH: "消费者权益保护法第二十六条", EN: "Consumer Law 26"},
				})
				return err
			})
		}
		disable(agreement.Businesses)
		_, err = m.submit(refund.Ask{Order: business.ID, Reason: refund.NoReason, Amount: cny(price)})
		m.refused(err, "NO_REFUND_BREACH", "UA 8.4") // another audience's clause is in force for a consumer
		disable(agreement.Consumers)
		q := m.asked(after, refund.NoReason)
		m.Drain()
		m.is(q.ID, refund.Refunded)

		// Clause 8.2 keeps working: what a measure took is not given back.
		taken := m.bought(nil)
		m.Write(func(tx *db.Tx) error {
			_, err := entitlement.End(ctx, tx, audit.Job("enforcement"), right(taken).ID, entitlement.Suspended)
			return err
		})
		m.Breach[right(taken).ID] = refund.Breach{Case: "enf_2", State: refund.BreachFinal}
		m.Read(func(r db.Reader) error {
			if err := agreement.InForce(ctx, r, "UA 8.2", agreement.Consumers); err != nil {
				t.Errorf("8.2: %v", err)
			}
			return nil
		})
		if got := right(taken).State; got != entitlement.Suspended {
			t.Errorf("what the measure took is %s", got)
		}
	})
}

// market is a world with a buyer.
type market struct {
	*world.Trade
	t     *testing.T
	buyer audit.Actor
}

// markets runs fn on each engine, and at its end has the whole database read again.
func markets(t *testing.T, fn func(t *testing.T, m market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		m := market{w, t, w.Customer(account.Individual)}
		fn(t, m)
		if t.Failed() {
			return
		}
		w.Read(func(r db.Reader) error {
			found, err := report.Verify(t.Context(), r, report.Options{})
			for _, c := range found.Checks {
				for _, wrong := range c.Wrong {
					t.Errorf("%s: %s", c.Name, wrong)
				}
			}
			return err
		})
	})
}

// bought is an order of the world's product for the price, changed first.
func (m market) bought(change func(c *catalog.Content)) order.Order {
	m.t.Helper()
	return m.boughtFor(price, change)
}

func (m market) boughtFor(paid int64, change func(c *catalog.Content)) order.Order {
	m.t.Helper()
	c := world.Content(delivery.HookNative, paid)
	if change != nil {
		change(&c)
	}
	return m.Bought(m.buyer, m.Listed(c))
}

func own(c *catalog.Content) {
	c.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundVendorOwn, Text: catalog.Both{ZH: "按合同办理", EN: "As the contract says"}}
}

func never(c *catalog.Content) {
	c.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundNone, Text: catalog.Both{ZH: "一次性授权", EN: "A one-off licence"}}
}

func service(c *catalog.Content) { c.Category = "custom_software" }

func (m market) assess(o order.Order, reason refund.Reason) (a refund.Assessment) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		a, err = refund.Assess(m.t.Context(), r, o, reason)
		return err
	})
	return a
}

// try runs one command on a request.
func (m market) try(do func(tx *db.Tx) (refund.Request, error)) (q refund.Request, err error) {
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) (err error) {
		q, err = do(tx)
		return err
	})
	return q, err
}

func (m market) must(do func(tx *db.Tx) (refund.Request, error)) refund.Request {
	m.t.Helper()
	q, err := m.try(do)
	if err != nil {
		m.t.Fatal(err)
	}
	return q
}

func (m market) submit(in refund.Ask) (refund.Request, error) {
	return m.try(func(tx *db.Tx) (refund.Request, error) { return m.Refund.Submit(m.t.Context(), tx, m.buyer, in) })
}

// asked is a request for everything that an order gives back for the reason.
func (m market) asked(o order.Order, reason refund.Reason) refund.Request {
	m.t.Helper()
	q, err := m.submit(refund.Ask{Order: o.ID, Reason: reason, Text: "it does not open", Amount: m.assess(o, reason).Amount})
	if err != nil {
		m.t.Fatal(err)
	}
	return q
}

func (m market) now(id refund.ID) (q refund.Request) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		q, err = refund.Get(m.t.Context(), r, m.Compliance, id)
		return err
	})
	return q
}

func (m market) is(id refund.ID, want refund.State) refund.Request {
	m.t.Helper()
	q := m.now(id)
	if q.State != want {
		m.t.Errorf("the request is %s, want %s", q.State, want)
	}
	return q
}

// line is what the book knows of an order.
func (m market) line(o order.Order) (l ledger.Line) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		l, err = ledger.LineOf(m.t.Context(), r, string(o.Line))
		return err
	})
	return l
}

func (m market) right(o order.Order, want entitlement.State) {
	m.t.Helper()
	m.Read(func(r db.Reader) error {
		e, err := entitlement.OfLine(m.t.Context(), r, string(o.Line))
		if e.State != want {
			m.t.Errorf("the right is %s, want %s", e.State, want)
		}
		return err
	})
}

func (m market) told(who audit.Actor, code string) (n int) {
	m.t.Helper()
	m.Read(func(r db.Reader) error {
		inbox, err := message.Inbox(m.t.Context(), r, account.ID(who.Account), "")
		for _, item := range inbox {
			if item.Code == code {
				n++
			}
		}
		return err
	})
	return n
}

func (m market) refused(err error, code, clause string) {
	m.t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		m.t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

func TestClause_4_5_InsideTheWindowAllOfItComesBackAtOnce(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		o := m.bought(nil)
		m.right(o, entitlement.Active)
		m.Clock.Advance(3 * day)
		a := m.assess(o, refund.NoReason)
		if a.Kind != refund.Full || a.Amount != cny(price) || a.Section != "RB refund-2" || a.Rulebook != "refund#1" || a.Transfer {
			t.Errorf("assessed: %+v", a)
		}
		q, err := m.submit(refund.Ask{Order: o.ID, Reason: refund.NoReason, Amount: cny(price)})
		if err != nil {
			t.Fatal(err)
		}
		if q.State != refund.Refunding || q.Payment == "" || !q.SelfService {
			t.Errorf("submitted: %+v", q)
		}
		m.right(o, entitlement.Refunded)
		if s := m.Order(o.ID).State; s != order.Refunding {
			t.Errorf("the order is %s", s)
		}
		m.Drain()
		m.is(q.ID, refund.Refunded)
		if s := m.Order(o.ID).State; s != order.Refunded {
			t.Errorf("the order is %s", s)
		}
		calls := m.System.Calls()
		if last := calls[len(calls)-1]; last.Action != delivery.Destroy {
			t.Errorf("the vendor's system was last asked to %s", last.Action)
		}
		if m.Balance(ledger.Escrow, string(o.Line)) != 0 {
			t.Error("something is still held")
		}
		for who, codes := range map[*audit.Actor]map[string]int{&m.buyer: {"N-44": 1}, &m.Seller: {"N-41": 1, "N-44": 1}} {
			for code, n := range codes {
				if got := m.told(*who, code); got != n {
					t.Errorf("%d messages %s, want %d", got, code, n)
				}
			}
		}
	})
}

func TestClause_4_5_WhatTheProductDoesNotPromiseIsRefused(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		for code, c := range map[string]struct {
			change func(*catalog.Content)
			after  time.Duration
		}{
			"REFUND_NOT_SUPPORTED": {never, 0},
			"REFUND_OFFLINE_ONLY":  {own, 0},
			"REFUND_WINDOW_CLOSED": {func(c *catalog.Content) { c.Plans[0].Term = catalog.Term{Unit: catalog.Once, Count: 1} }, 6 * day},
		} {
			o := m.bought(c.change)
			m.Clock.Advance(c.after)
			_, err := m.submit(refund.Ask{Order: o.ID, Reason: refund.NoReason, Amount: cny(price)})
			m.refused(err, code, "UA 4.5")
			m.right(o, entitlement.Active)
		}
		// What the law makes owed is asked for all the same.
		if q := m.asked(m.bought(never), refund.NotAsDescribed); q.State != refund.VendorReview {
			t.Errorf("not as described: %s", q.State)
		}
	})
}

func TestClause_4_5_AfterTheWindowTheVendorIsAskedForTheUnusedDays(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		o := m.bought(nil)
		m.Clock.Advance(9*day + time.Hour)
		a := m.assess(o, refund.NoReason)
		if a.Kind != refund.ProRata || a.UsedDays != 10 || a.Amount.Minor != price-price*10/a.TermDays {
			t.Errorf("assessed: %+v", a)
		}
		_, err := m.submit(refund.Ask{Order: o.ID, Reason: refund.NoReason, Amount: cny(price)})
		m.refused(err, "STALE", "")
		q := m.asked(o, refund.NoReason)
		if q.State != refund.VendorReview || q.AnswerDue.IsZero() || q.AnswerClock != refund.WorkingDays {
			t.Errorf("asked: %+v", q)
		}
		m.right(o, entitlement.Suspended)
		if n := m.told(m.Seller, "N-41"); n != 1 {
			t.Errorf("%d messages N-41", n)
		}
		_, err = m.try(func(tx *db.Tx) (refund.Request, error) {
			return m.Refund.Agree(t.Context(), tx, m.buyer, q.ID, q.Version)
		})
		m.refused(err, "NOT_FOUND", "UA 4.7.3")
		q = m.must(func(tx *db.Tx) (refund.Request, error) {
			return m.Refund.Agree(t.Context(), tx, m.Seller, q.ID, q.Version)
		})
		m.Drain()
		m.is(q.ID, refund.Refunded)
		m.right(o, entitlement.Refunded)
		if back := m.line(o).Returned; back != a.Amount {
			t.Errorf("given back: %s", back)
		}
	})
}

func TestVendor_RefusesCountersAndIsSilent(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		t.Run("refused, then lapsed", func(t *testing.T) {
			o := m.bought(service)
			m.Clock.Advance(4 * day)
			q := m.asked(o, refund.Quality)
			m.right(o, entitlement.Suspended)
			_, err := m.try(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.Refuse(ctx, tx, m.Seller, q.ID, q.Version, " ")
			})
			m.refused(err, "FIELD_REQUIRED", "")
			q = m.must(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.Refuse(ctx, tx, m.Seller, q.ID, q.Version, "it works here")
			})
			m.right(o, entitlement.Active)
			m.Clock.Set(q.EscalateBy.Add(time.Microsecond))
			m.Drain()
			m.is(q.ID, refund.Lapsed)
			if again := m.asked(o, refund.Quality); again.State != refund.VendorReview {
				t.Errorf("asked again: %s", again.State)
			}
		})
		t.Run("countered, accepted, kept", func(t *testing.T) {
			o := m.bought(nil)
			m.Clock.Advance(6 * day)
			q := m.asked(o, refund.Quality)
			_, err := m.try(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.Counter(ctx, tx, m.Seller, q.ID, q.Version, refund.Offer{Amount: cny(price + 1), Note: "more"})
			})
			m.refused(err, "FIELD_INVALID", "")
			q = m.must(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.Counter(ctx, tx, m.Seller, q.ID, q.Version, refund.Offer{Amount: cny(5000), Keep: true, Note: "a rebate"})
			})
			q = m.must(func(tx *db.Tx) (refund.Request, error) { return m.Refund.Accept(ctx, tx, m.buyer, q.ID, q.Version) })
			m.right(o, entitlement.Active)
			m.Drain()
			m.is(q.ID, refund.Refunded)
			if s := m.Order(o.ID).State; s != order.Delivered {
				t.Errorf("the order is %s", s)
			}
			m.Clock.Advance(2 * day) // settlement, which the request held up, takes the rest
			m.Drain()
			if l := m.line(o); m.Order(o.ID).State != order.Completed || !l.Held().IsZero() || l.Released != cny(price-5000) {
				t.Errorf("settled: %s, %+v", m.Order(o.ID).State, l)
			}
			if back := m.line(o).Returned; back != cny(5000) {
				t.Errorf("given back: %s", back)
			}
		})
		t.Run("silent on the unused days: agreed", func(t *testing.T) {
			o := m.bought(nil)
			m.Clock.Advance(8 * day)
			q := m.asked(o, refund.NoReason)
			m.Clock.Set(q.AnswerDue.Add(-time.Microsecond))
			m.Drain()
			m.is(q.ID, refund.VendorReview)
			m.Clock.Set(q.AnswerDue)
			m.Drain()
			m.is(q.ID, refund.Refunded)
			_, err := m.try(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.Refuse(ctx, tx, m.Seller, q.ID, q.Version, "late")
			})
			m.refused(err, "STALE", "")
		})
		t.Run("silent on another amount: the operator", func(t *testing.T) {
			o := m.bought(nil)
			m.Clock.Advance(8 * day)
			q := m.asked(o, refund.Quality)
			m.Clock.Set(q.AnswerDue)
			m.Drain()
			m.is(q.ID, refund.OperatorReview)
			m.right(o, entitlement.Suspended)
		})
	})
}

func TestOperator_DecidesWithReasonClauseAndASecondPerson(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		escalated := func(paid int64) (order.Order, refund.Request) {
			o := m.boughtFor(paid, nil)
			m.Clock.Advance(8 * day)
			q := m.asked(o, refund.NotAsDescribed)
			q = m.must(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.Refuse(ctx, tx, m.Seller, q.ID, q.Version, "no")
			})
			return o, m.must(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.Escalate(ctx, tx, m.buyer, q.ID, q.Version, "please look")
			})
		}
		decide := func(by audit.Actor, q refund.Request, d refund.Decision) (refund.Request, error) {
			return m.try(func(tx *db.Tx) (refund.Request, error) { return m.Refund.Decide(ctx, tx, by, q.ID, q.Version, d) })
		}
		yes := refund.Decision{Approve: true, Amount: cny(price), Note: "the page promised an export", Clause: "RB refund-5"}

		o, q := escalated(price)
		m.right(o, entitlement.Suspended)
		_, err := decide(m.Seller, q, yes)
		m.refused(err, "FORBIDDEN", "")
		_, err = decide(m.Compliance, q, refund.Decision{Approve: true, Amount: cny(price), Note: "x"})
		m.refused(err, "FIELD_INVALID", "")
		if _, err = decide(m.Support, q, yes); err != nil {
			t.Fatal(err)
		}
		m.Drain()
		m.is(q.ID, refund.Refunded)

		o, q = escalated(price)
		if _, err = decide(m.Support, q, refund.Decision{Note: "it does what the page says", Clause: "UA 4.5"}); err != nil {
			t.Fatal(err)
		}
		m.is(q.ID, refund.Rejected)
		m.right(o, entitlement.Active)
		for _, who := range []audit.Actor{m.buyer, m.Seller} {
			if n := m.told(who, "N-43"); n != 2 {
				t.Errorf("%d messages N-43", n)
			}
		}

		const much = 1000001 // one fen above what one person may sign
		o, q = escalated(much)
		yes.Amount = cny(much)
		if q, err = decide(m.Support, q, yes); err != nil || q.State != refund.SecondReview {
			t.Fatal(q.State, err)
		}
		confirm := func(by audit.Actor, q refund.Request, ok bool) (refund.Request, error) {
			return m.try(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.Confirm(ctx, tx, by, q.ID, q.Version, ok, "checked")
			})
		}
		_, err = confirm(m.Support, q, true)
		m.refused(err, "SECOND_APPROVER_REQUIRED", "")
		if q, err = confirm(m.Finance, q, false); err != nil || q.State != refund.OperatorReview || q.Amount != cny(much) {
			t.Fatal(q, err)
		}
		if q, err = decide(m.Finance, q, yes); err != nil {
			t.Fatal(err)
		}
		if q, err = confirm(m.Compliance, q, true); err != nil {
			t.Fatal(err)
		}
		m.Drain()
		m.is(q.ID, refund.Refunded)
		m.right(o, entitlement.Refunded)
	})
}

func TestClause_8_4_AFinalBreachRefusesAnAppealHoldsARevocationPays(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		right := func(o order.Order) (id entitlement.ID) {
			m.Read(func(r db.Reader) error {
				e, err := entitlement.OfLine(ctx, r, string(o.Line))
				id = e.ID
				return err
			})
			return id
		}
		decided := func(id entitlement.ID, s refund.BreachState) {
			m.Breach[id] = refund.Breach{Case: "enf_1", State: s}
			m.Write(func(tx *db.Tx) error { return m.Refund.BreachDecided(ctx, tx, id) })
			m.Drain()
		}
		upheld, revoked, final, other := m.bought(nil), m.bought(nil), m.bought(nil), m.bought(nil)
		var held []refund.Request
		for _, o := range []order.Order{upheld, revoked} {
			m.Breach[right(o)] = refund.Breach{Case: "enf_1", State: refund.BreachPending}
			q := m.asked(o, refund.NoReason)
			m.is(q.ID, refund.OnHold)
			held = append(held, q)
		}
		m.Drain()
		decided(right(upheld), refund.BreachPending)
		m.is(held[0].ID, refund.OnHold)

		decided(right(upheld), refund.BreachFinal)
		q := m.is(held[0].ID, refund.Rejected)
		if q.Code != "NO_REFUND_BREACH" || q.Case != "enf_1" || !q.LegalReview {
			t.Errorf("upheld: %+v", q)
		}
		decided(right(revoked), refund.BreachRevoked)
		m.is(held[1].ID, refund.Refunded)

		m.Breach[right(final)] = refund.Breach{Case: "enf_2", State: refund.BreachFinal}
		_, err := m.submit(refund.Ask{Order: final.ID, Reason: refund.NoReason, Amount: cny(price)})
		m.refused(err, "NO_REFUND_BREACH", "UA 8.4")
		m.Write(func(tx *db.Tx) error {
			flagged, err := refund.FlagConsumer(ctx, tx, final, "enf_2")
			if !flagged {
				t.Error("a consumer's case was not flagged")
			}
			return err
		})
		m.Read(func(r db.Reader) error {
			all, err := refund.Reviews(ctx, r, 10)
			if len(all) != 2 {
				t.Errorf("for a lawyer: %+v", all)
			}
			return err
		})
		// Other products stay refundable.
		if q := m.asked(other, refund.NoReason); q.State != refund.Refunding {
			t.Errorf("another product: %s", q.State)
		}
		m.Drain()
	})
}

func TestClause_4_5_AnInvoicedOrderWaitsForItsRedLetter(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		o := m.bought(nil)
		m.Invoiced[o.ID] = true
		q := m.asked(o, refund.NoReason)
		m.Drain()
		m.is(q.ID, refund.WaitingRedLetter)
		m.right(o, entitlement.Suspended)
		if len(m.Refunds(o.ID)) != 0 {
			t.Error("money has left before the invoice came back")
		}
		clear := func() {
			m.Write(func(tx *db.Tx) error { return m.Refund.InvoiceCleared(t.Context(), tx, string(o.ID)) })
			m.Drain()
		}
		clear()
		m.is(q.ID, refund.WaitingRedLetter)
		m.Invoiced[o.ID] = false
		clear()
		clear()
		m.is(q.ID, refund.Refunded)
		if n := len(m.Refunds(o.ID)); n != 1 {
			t.Errorf("%d refunds", n)
		}
	})
}

func TestARefundAfterSettlementTakesItFromEverybodyInProportion(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		o := m.bought(nil)
		// Release in full, as settlement does it: the vendor's part, the operator's
		// commission split off at the provider.
		m.Write(func(tx *db.Tx) error {
			if _, _, err := ledger.ReleaseLine(ctx, tx, ledger.Release{Line: string(o.Line), Part: 1, Whole: 1, At: tx.Now()}); err != nil {
				return err
			}
			_, err := payment.StartSplit(ctx, tx, m.Finance, payment.SplitStart{Attempt: o.Attempt, Key: "release", Share: o.Commission.Amount, Finish: true, Description: "x"})
			return err
		})
		m.Drain()
		m.Provider.HoldReturns()
		q := m.asked(o, refund.NoReason)
		m.Drain()
		m.is(q.ID, refund.Returning)
		back := m.Refunds(o.ID)
		if len(back) != 1 || back[0].Return != o.Commission.Amount {
			t.Fatalf("refunds: %+v", back)
		}
		m.Read(func(r db.Reader) error {
			all, err := payment.ReturnsOf(ctx, r, back[0].ID)
			for _, one := range all {
				m.Provider.EndReturn(one.ID, payment.MoveDone, "")
			}
			return err
		})
		m.Clock.Advance(2 * day) // the janitor asks again
		m.Drain()
		m.is(q.ID, refund.Refunded)
		for account, party := range map[ledger.Account]string{ledger.Escrow: string(o.Line), ledger.Payable: string(o.Vendor), ledger.InFlight: string(back[0].ID)} {
			if left := m.Balance(account, party); left != 0 {
				t.Errorf("%s holds %d", account, left)
			}
		}
	})
}

func TestWhatTheProviderCannotRefundIsOwedUntilItIsTransferred(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		o := m.bought(nil)
		m.Provider.HoldRefunds()
		q := m.asked(o, refund.NoReason)
		m.Drain()
		m.Provider.EndRefund(q.Payment, payment.RefundObjectFailed, "card_closed")
		m.RefundNotice(q.Payment)
		m.Drain()
		q = m.is(q.ID, refund.Failed)
		if owed := m.Balance(ledger.Owed, m.buyer.Account); owed != price {
			t.Errorf("owed: %d", owed)
		}
		m.Write(func(tx *db.Tx) error {
			_, err := payment.ImportStatement(ctx, tx, m.Finance, []payment.StatementLine{
				{BankRef: "in", At: tx.Now(), Amount: cny(price * 2), Reference: "settlement"}, {BankRef: "out", At: tx.Now(), Amount: cny(-price), Reference: "refund"},
			})
			return err
		})
		var out payment.LineID
		m.Read(func(r db.Reader) error {
			lines, err := payment.Lines(ctx, r, payment.LineUnmatched, 10)
			for _, l := range lines {
				if l.BankRef == "out" {
					out = l.ID
				}
			}
			return err
		})
		m.Write(func(tx *db.Tx) error {
			_, err := ledger.ProviderPayout(ctx, tx, world.Gateway, "po_1", cny(price), tx.Now())
			return err
		})
		pay := func(by audit.Actor, line string) error {
			_, err := m.try(func(tx *db.Tx) (refund.Request, error) {
				return m.Refund.PaidByTransfer(ctx, tx, by, q.ID, q.Version, line)
			})
			return err
		}
		m.refused(pay(m.Support, string(out)), "FORBIDDEN", "")
		m.refused(pay(m.Finance, "stl_0"), "FIELD_INVALID", "")
		if err := pay(m.Finance, string(out)); err != nil {
			t.Fatal(err)
		}
		m.is(q.ID, refund.Refunded)
		if owed := m.Balance(ledger.Owed, m.buyer.Account); owed != 0 {
			t.Errorf("owed: %d", owed)
		}
	})
}

func TestADisputeRefusesARequestAndHoldsAnApprovedOne(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		o, before := m.bought(nil), m.bought(nil)
		m.Invoiced[before.ID] = true
		waiting := m.asked(before, refund.NoReason)
		open := func(o order.Order) {
			m.Write(func(tx *db.Tx) error {
				_, err := ledger.DisputeOpened(t.Context(), tx, ledger.Disputed{
					Dispute: "dsp_" + string(o.ID), Line: string(o.Line), Provider: world.Gateway, Amount: cny(100), Covered: cny(100), Fee: cny(0), Round: 1, At: tx.Now(),
				})
				return err
			})
		}
		open(o)
		_, err := m.submit(refund.Ask{Order: o.ID, Reason: refund.NoReason, Amount: cny(price)})
		m.refused(err, "PAYMENT_DISPUTED", "")
		open(before)
		m.Invoiced[before.ID] = false
		m.Write(func(tx *db.Tx) error { return m.Refund.InvoiceCleared(t.Context(), tx, string(before.ID)) })
		m.is(waiting.ID, refund.Approved)
		m.Clock.Advance(7 * time.Hour)
		m.Drain()
		m.is(waiting.ID, refund.Approved)
		m.Write(func(tx *db.Tx) error {
			for _, o := range []order.Order{o, before} {
				if _, err := ledger.DisputeWon(t.Context(), tx, ledger.Disputed{
					Dispute: "dsp_" + string(o.ID), Line: string(o.Line), Provider: world.Gateway, Amount: cny(100), Covered: cny(100), Fee: cny(0), Round: 1, At: tx.Now(),
				}); err != nil {
					return err
				}
			}
			return nil
		})
		m.Clock.Advance(7 * time.Hour)
		m.Drain()
		m.is(waiting.ID, refund.Refunded)
	})
}

func TestAFailedDeliveryEndsTheRequestThatWasOpen(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		m.System.Fail(delivery.ErrPending)
		o := m.bought(nil)
		m.Invoiced[o.ID] = true
		q := m.asked(o, refund.NoReason)
		m.System.Fail(delivery.ErrRefused)
		m.Clock.Advance(time.Hour)
		m.Drain()
		q = m.is(q.ID, refund.Refunded)
		if s := m.Order(o.ID).State; s != order.Refunded || len(m.Refunds(o.ID)) != 1 {
			t.Errorf("the order is %s with %d refunds", s, len(m.Refunds(o.ID)))
		}
		if _, err := m.try(func(tx *db.Tx) (refund.Request, error) {
			return m.Refund.Withdraw(t.Context(), tx, m.buyer, q.ID, q.Version)
		}); err == nil {
			t.Error("withdrawn after the money has left")
		}
	})
}

func TestClocks_WarnBreakAndStand(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		late, waits := m.bought(nil), m.bought(nil)
		m.Clock.Advance(8 * day)
		q := m.asked(late, refund.Quality) // silence brings it to the operator, who does nothing
		w := m.asked(waits, refund.Quality)
		w = m.must(func(tx *db.Tx) (refund.Request, error) {
			return m.Refund.Counter(t.Context(), tx, m.Seller, w.ID, w.Version, refund.Offer{Amount: cny(1), Note: "an offer"})
		})
		if !m.now(w.ID).ClockFrom.IsZero() {
			t.Error("the clock runs while the customer is asked")
		}
		for _, c := range []struct {
			after           int
			alerted, broken bool
		}{{11, false, false}, {12, true, false}, {15, true, false}, {16, true, true}} {
			m.Clock.Set(q.RequestedAt.Add(time.Duration(c.after) * day))
			m.Drain()
			now := m.now(q.ID)
			if now.AlertedAt.IsZero() == c.alerted || now.BreachedAt.IsZero() == c.broken {
				t.Errorf("day %d: alerted %s, breach %s", c.after, now.AlertedAt, now.BreachedAt)
			}
		}
		m.is(w.ID, refund.Lapsed)
		if n := m.told(m.Seller, "N-41"); n != 4 {
			t.Errorf("%d messages N-41, want two requests, a warning and a breach", n)
		}
		m.Read(func(r db.Reader) error {
			desk, err := refund.Desk(t.Context(), r, 10)
			if len(desk) != 1 || desk[0].ID != q.ID {
				t.Errorf("desk: %+v", desk)
			}
			return err
		})
	})
}

func TestForeigners_SeeNothing(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		o := m.bought(nil)
		m.Clock.Advance(6 * day)
		q := m.asked(o, refund.Quality)
		stranger := m.Customer(account.Individual)
		rival, _ := m.NewVendor()
		for _, by := range []audit.Actor{stranger, rival} {
			m.Read(func(r db.Reader) error {
				if _, err := refund.Get(t.Context(), r, by, q.ID); !errors.Is(err, account.ErrForeign) {
					t.Errorf("read: %v", err)
				}
				if _, err := refund.Steps(t.Context(), r, by, q.ID); !errors.Is(err, account.ErrForeign) {
					t.Errorf("steps: %v", err)
				}
				return nil
			})
			for name, do := range map[string]func(tx *db.Tx) (refund.Request, error){
				"withdraw": func(tx *db.Tx) (refund.Request, error) {
					return m.Refund.Withdraw(t.Context(), tx, by, q.ID, q.Version)
				},
				"agree": func(tx *db.Tx) (refund.Request, error) { return m.Refund.Agree(t.Context(), tx, by, q.ID, q.Version) },
				"submit": func(tx *db.Tx) (refund.Request, error) {
					return m.Refund.Submit(t.Context(), tx, by, refund.Ask{Order: o.ID, Reason: refund.NoReason, Amount: cny(price)})
				},
			} {
				if _, err := m.try(do); !errors.Is(err, account.ErrForeign) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		m.Read(func(r db.Reader) error {
			seen, err := refund.Get(t.Context(), r, m.Seller, q.ID)
			if seen.Account != "" || seen.AskedBy != "" || seen.Text == "" {
				t.Errorf("the vendor sees %+v", seen)
			}
			return err
		})
	})
}

func TestSixteenSubmissionsAreOneRefund(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		for _, reason := range []refund.Reason{refund.NoReason, refund.Quality} {
			o := m.bought(nil)
			if reason == refund.Quality {
				m.Clock.Advance(6 * day)
			}
			in := refund.Ask{Order: o.ID, Reason: reason, Text: "x", Amount: m.assess(o, reason).Amount}
			var made, wrong atomic.Int64
			world.Together(racers, func(i int) {
				_, err := command.Run(t.Context(), m.DB, command.Intent{By: m.buyer, Name: "refund.submit", Key: fmt.Sprint(reason, i), Input: in},
					func(tx *db.Tx) (refund.Request, error) { return m.Refund.Submit(t.Context(), tx, m.buyer, in) })
				switch f, ok := fault.Of(err); {
				case err == nil:
					made.Add(1)
				case !ok || f.Code != "REFUND_OPEN" && f.Code != "REFUND_NOTHING_LEFT":
					wrong.Add(1)
					t.Error(err)
				}
			})
			m.Drain()
			if made.Load() != 1 || len(m.Refunds(o.ID)) > 1 {
				t.Errorf("%d requests, %d refunds", made.Load(), len(m.Refunds(o.ID)))
			}
		}
	})
}

func TestTwoOperatorsDecideOnce(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		o := m.bought(nil)
		m.Clock.Advance(8 * day)
		q := m.asked(o, refund.Quality)
		m.Clock.Set(q.AnswerDue)
		m.Drain()
		q = m.is(q.ID, refund.OperatorReview)
		var done atomic.Int64
		world.Together(racers, func(i int) {
			by, d := m.Support, refund.Decision{Approve: true, Amount: cny(1000 + int64(i)), Note: "yes", Clause: "RB refund-5"}
			if i%2 == 1 {
				by, d = m.Compliance, refund.Decision{Note: "no", Clause: "UA 4.5"}
			}
			_, err := m.try(func(tx *db.Tx) (refund.Request, error) { return m.Refund.Decide(ctx, tx, by, q.ID, q.Version, d) })
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, refund.ErrStale) && !errors.Is(err, refund.ErrState) {
				t.Error(err)
			}
		})
		m.Drain()
		now := m.now(q.ID)
		if done.Load() != 1 || (now.State == refund.Refunded) != (len(m.Refunds(o.ID)) == 1) {
			t.Errorf("%d decisions, %s, %d refunds", done.Load(), now.State, len(m.Refunds(o.ID)))
		}
	})
}

func TestWithdrawAndAgreeNeverBothWin(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		for range 4 {
			o := m.bought(nil)
			m.Clock.Advance(6 * day)
			q := m.asked(o, refund.NoReason)
			var agreed, withdrawn atomic.Int64
			world.Together(racers, func(i int) {
				_, err := m.try(func(tx *db.Tx) (refund.Request, error) {
					if i%2 == 0 {
						return m.Refund.Agree(ctx, tx, m.Seller, q.ID, q.Version)
					}
					return m.Refund.Withdraw(ctx, tx, m.buyer, q.ID, q.Version)
				})
				switch {
				case err == nil && i%2 == 0:
					agreed.Add(1)
				case err == nil:
					withdrawn.Add(1)
				case !errors.Is(err, refund.ErrStale):
					t.Error(err)
				}
			})
			m.Drain()
			if agreed.Load()+withdrawn.Load() != 1 {
				t.Errorf("%d agreed, %d withdrawn", agreed.Load(), withdrawn.Load())
			}
			if withdrawn.Load() == 1 {
				m.is(q.ID, refund.Withdrawn)
				m.right(o, entitlement.Active)
			} else {
				m.is(q.ID, refund.Refunded)
				m.right(o, entitlement.Refunded)
			}
		}
	})
}

func TestClause_4_5_AVendorsOwnTermsMoveNoMoneyAndShowBothSides(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		o, platform := m.bought(own), m.bought(nil)
		write := func(do func(tx *db.Tx) (refund.Matter, error)) (v refund.Matter, err error) {
			err = m.DB.Write(ctx, func(tx *db.Tx) (err error) { v, err = do(tx); return err })
			return v, err
		}
		_, err := write(func(tx *db.Tx) (refund.Matter, error) {
			return refund.OpenMatter(ctx, tx, m.buyer, platform.ID, "please")
		})
		m.refused(err, "REFUND_STATE", "")
		v, err := write(func(tx *db.Tx) (refund.Matter, error) {
			return refund.OpenMatter(ctx, tx, m.buyer, o.ID, "I rang them")
		})
		if err != nil || v.State != refund.UserStated {
			t.Fatal(v, err)
		}
		for _, who := range []audit.Actor{m.buyer, m.Seller} {
			if n := m.told(who, "N-45"); n != 1 {
				t.Errorf("%d messages N-45", n)
			}
		}
		say := func(by audit.Actor, outcome refund.Outcome, amount int64) error {
			var err error
			v, err = func() (refund.Matter, error) {
				next, err := write(func(tx *db.Tx) (refund.Matter, error) {
					return refund.Say(ctx, tx, by, v.ID, v.Version, refund.Statement{Outcome: outcome, Amount: cny(amount), Text: "we spoke"})
				})
				if err != nil {
					return v, err
				}
				return next, nil
			}()
			return err
		}
		m.refused(say(m.Compliance, refund.OutcomeAgreed, 1), "FORBIDDEN", "")
		if err := say(m.Seller, "", 0); err != nil || v.State != refund.BothStated {
			t.Fatal(v.State, err)
		}
		m.Write(func(tx *db.Tx) error {
			const sha = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
			if err := content.Scanned(ctx, tx, m.Seller, content.File{SHA256: sha, Size: 3, Scanner: content.BuiltIn}); err != nil {
				return err
			}
			_, err := refund.Attach(ctx, tx, m.Seller, v.ID, refund.Proof{Name: "transfer.pdf", MediaType: "application/pdf", Size: 3, Blob: "sha256/x", SHA256: sha})
			return err
		})
		if err := say(m.Seller, refund.OutcomeAgreed, 20000); err != nil {
			t.Fatal(err)
		}
		if err := say(m.buyer, refund.OutcomeAgreed, 20000); err != nil || v.State != refund.ClosedAgreed {
			t.Fatal(v.State, err)
		}
		for _, by := range []audit.Actor{m.buyer, m.Seller, m.Compliance} {
			m.Read(func(r db.Reader) error {
				all, err := refund.RecordOf(ctx, r, by, v.ID)
				if len(all.Statements) != 4 || len(all.Proofs) != 1 || all.Proofs[0].Name != "transfer.pdf" {
					t.Errorf("seen: %+v", all)
				}
				return err
			})
		}
		if len(m.Refunds(o.ID)) != 0 || !m.line(o).Returned.IsZero() {
			t.Error("money has moved")
		}
		m.right(o, entitlement.Active)
		m.refused(say(m.buyer, refund.OutcomeDisagreed, 0), "REFUND_STATE", "")
	})
}
