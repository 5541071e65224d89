package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/testkit"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "CNY"} }

// bench is a market of one order package: it books P1 for an order that waits,
// and sends the money back for one that is gone, as the real one does.
type bench struct {
	t     *testing.T
	d     *db.DB
	clock *testkit.Clock
	at    *provider
	work  Work

	mu       sync.Mutex
	gone     map[string]bool
	broken   error
	hooked   atomic.Int64 // captures taken, also those rolled back
	ended    []Refund
	deposits []StatementLine
}

func benches(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		b := &bench{t: t, d: d, clock: clock, at: newProvider(), gone: map[string]bool{}}
		b.work = Work{
			Gateways: map[string]Gateway{"fake": b.at}, Bank: "bank", Collector: "Operator",
			ReturnURL: func(order string) string { return "https://shop.example/orders/" + order },
			Captured:  b.captured, RefundEnded: b.refundEnded, Deposit: b.deposit,
		}
		fn(t, b)
	})
}

func (b *bench) captured(ctx context.Context, tx *db.Tx, c Capture) error {
	b.hooked.Add(1)
	b.mu.Lock()
	gone, broken := b.gone[c.Order], b.broken
	b.mu.Unlock()
	if gone {
		_, err := SendBack(ctx, tx, audit.Job("order"), c, CauseLate)
		return err
	}
	_, err := ledger.Capture(ctx, tx, ledger.Captured{Provider: c.Provider, CaptureID: c.CaptureID, Line: c.Order, Vendor: "ven_1", Account: "acc_1", Net: c.Amount, Tax: cny(0), Fee: cny(0), At: c.At})
	return errors.Join(err, broken)
}

func (b *bench) refundEnded(ctx context.Context, tx *db.Tx, r Refund) error {
	b.mu.Lock()
	b.ended = append(b.ended, r)
	b.mu.Unlock()
	if r.State != RefundSucceeded {
		return nil
	}
	_, err := ledger.RefundConfirmed(ctx, tx, r.Gateway, string(r.ID), r.Amount, tx.Now())
	return err
}

func (b *bench) deposit(ctx context.Context, tx *db.Tx, l StatementLine) error {
	b.mu.Lock()
	b.deposits = append(b.deposits, l)
	b.mu.Unlock()
	_, err := ledger.DepositIn(ctx, tx, l.BankRef, l.Vendor, l.Amount, l.At)
	return err
}

func (b *bench) write(fn func(tx *db.Tx) error) {
	b.t.Helper()
	if err := b.d.Write(b.t.Context(), fn); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) drain() {
	b.t.Helper()
	w := job.NewWorker(b.d, b.work.Handlers(), slog.New(slog.DiscardHandler))
	if err := w.Drain(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// after lets time pass in steps, working in between, as a node does.
func (b *bench) after(d time.Duration) {
	b.t.Helper()
	end := b.clock.Now().Add(d)
	for b.clock.Now().Before(end) {
		b.clock.Set(minTime(end, b.clock.Now().Add(max(d/50, time.Minute))))
		b.drain()
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func TestConflict_19_OnlyALicensedProviderCollects(t *testing.T) {
	for law, allowed := range map[string]bool{"CN": false, "EU": false, "OTHER": true} {
		t.Run(law, func(t *testing.T) {
			benches(t, func(t *testing.T, b *bench) {
				b.write(func(tx *db.Tx) error {
					return agreement.Seed(t.Context(), tx, audit.CLI("seed"), agreement.Terms{Operator: agreement.Both{ZH: "甲", EN: "A"}, Jurisdiction: law})
				})
				licensed := b.opened("ord_1")
				if licensed.State != RequiresAction || b.at.opens != 1 {
					t.Fatalf("a licensed provider: %s after %d calls", licensed.State, b.at.opens)
				}
				b.at.own = true
				own := b.opened("ord_2")
				var records []audit.Entry
				if err := b.d.Read(t.Context(), func(r db.Reader) error {
					all, err := audit.Of(t.Context(), r, string(own.ID))
					for _, one := range all {
						records = append(records, audit.Entry{Act: one.Act, Clauses: one.Clauses})
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
				refusal := slices.ContainsFunc(records, func(e audit.Entry) bool { return e.Act == "payment.unlicensed" && slices.Contains(e.Clauses, "UA 3.1") })
				switch {
				case allowed && (own.State != RequiresAction || b.at.opens != 2 || refusal):
					t.Errorf("the bare agreement: %s after %d calls, %+v", own.State, b.at.opens, records)
				case !allowed && (own.State != Failed || b.at.opens != 1 || !refusal):
					t.Errorf("the operator's own account: %s after %d calls, %+v", own.State, b.at.opens, records)
				}
			})
		})
	}
}

func start(order string) Start {
	return Start{
		Order: order, Amount: cny(19800), Gateway: "fake", Description: "one year", PayeeAccount: "mch-1", PayeeName: "Vendor Ltd",
		ExpiresAt: testkit.Start.Add(15 * time.Minute), Locale: "zh",
	}
}

func (b *bench) begin(order string) (a Attempt) {
	b.t.Helper()
	b.write(func(tx *db.Tx) (err error) {
		a, err = Begin(b.t.Context(), tx, audit.Actor{}, start(order))
		return err
	})
	return a
}

// opened is an attempt that waits for its customer.
func (b *bench) opened(order string) Attempt {
	b.t.Helper()
	a := b.begin(order)
	b.drain()
	return b.get(a.ID)
}

// paid is an attempt that was captured in full.
func (b *bench) paid(order string) Attempt {
	b.t.Helper()
	a := b.opened(order)
	o := b.at.pay(a.ID, a.Amount, "cap-"+order)
	b.notify(Event{ID: "paid-" + order, ObjectID: o.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
	b.drain()
	return b.get(a.ID)
}

func (b *bench) get(id AttemptID) (a Attempt) {
	b.t.Helper()
	b.read(func(r db.Reader) (err error) { a, err = Get(b.t.Context(), r, id); return err })
	return a
}

func (b *bench) refundsOf(id AttemptID) (all []Refund) {
	b.t.Helper()
	b.read(func(r db.Reader) (err error) { all, err = RefundsOf(b.t.Context(), r, id); return err })
	return all
}

func (b *bench) read(fn func(r db.Reader) error) {
	b.t.Helper()
	if err := b.d.Read(b.t.Context(), fn); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) notify(ev Event) {
	b.t.Helper()
	b.write(func(tx *db.Tx) error {
		return Notify(b.t.Context(), tx, "fake", ev, fmt.Appendf(nil, "%s %s %s %s", ev.ID, ev.Kind, ev.ObjectID, ev.Reference))
	})
}

func (b *bench) balance(a ledger.Account, party string) (minor int64) {
	b.t.Helper()
	b.read(func(r db.Reader) error {
		v, err := ledger.Balance(b.t.Context(), r, a, party, "CNY")
		minor = v.Minor
		return err
	})
	return minor
}

// count is one number of the database.
func (b *bench) count(q string, args ...any) (n int64) {
	b.t.Helper()
	b.read(func(r db.Reader) (err error) { n, err = db.Value[int64](b.t.Context(), r, q, args...); return err })
	return n
}

func (b *bench) records(act string) int64 {
	b.t.Helper()
	return b.count(`SELECT COUNT(*) FROM audit_record WHERE act = $1`, act)
}

// clean fails when the book is wrong.
func (b *bench) clean() {
	b.t.Helper()
	b.read(func(r db.Reader) error {
		_, wrong, err := ledger.Verify(b.t.Context(), r)
		if len(wrong) > 0 {
			b.t.Errorf("the book is wrong: %v", wrong)
		}
		return err
	})
}

func (b *bench) state(id AttemptID, want State) {
	b.t.Helper()
	if a := b.get(id); a.State != want {
		b.t.Fatalf("state %s, want %s", a.State, want)
	}
}

func TestAnAttemptIsOpenedWithTheVendorAsPayee(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened("ord_1")
		if a.State != RequiresAction || a.PayURL != "https://pay.example/"+a.ProviderID || b.at.collector != "Operator" {
			t.Fatalf("%+v, collector %q", a, b.at.collector)
		}
	})
}

func TestClause_3_1_TheVendorIsThePayee(t *testing.T) {
	for name, c := range map[string]struct {
		account, payee string
		want           error
	}{
		"allowed_a_vendor_with_its_own_account": {"mch-1", "Vendor Ltd", nil},
		"refused_without_an_account":            {" ", "Vendor Ltd", ErrNoPayee},
		"refused_without_a_payee":               {"mch-1", "", ErrNoPayee},
	} {
		t.Run(name, func(t *testing.T) {
			s := start("ord_1")
			s.PayeeAccount, s.PayeeName = c.account, c.payee
			if err := onBehalf(s); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("refused_at_the_start", func(t *testing.T) {
		benches(t, func(t *testing.T, b *bench) {
			s := start("ord_1")
			s.PayeeAccount = ""
			err := b.d.Write(t.Context(), func(tx *db.Tx) error { _, err := Begin(t.Context(), tx, audit.Actor{}, s); return err })
			if !errors.Is(err, ErrNoPayee) || b.count(`SELECT COUNT(*) FROM payment_attempt`) != 0 {
				t.Fatalf("got %v", err)
			}
		})
	})
}

func TestClause_2_5_TheFeeIsWhatTheProviderConfirms(t *testing.T) {
	for name, c := range map[string]struct {
		got  money.Amount
		want bool
	}{
		"allowed_to_the_fen":          {cny(19800), true},
		"refused_one_fen_less":        {cny(19799), false},
		"refused_one_fen_more":        {cny(19801), false},
		"refused_in_another_currency": {money.Amount{Minor: 19800, Currency: "USD"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			benches(t, func(t *testing.T, b *bench) {
				a := b.opened("ord_1")
				o := b.at.pay(a.ID, c.got, "cap-1")
				b.at.instant = true
				b.notify(Event{ID: "e1", ObjectID: o.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
				b.drain()
				a = b.get(a.ID)
				if c.want {
					if b.hooked.Load() != 1 || a.Mismatch || b.balance(ledger.Escrow, "ord_1") != -19800 {
						t.Fatalf("hook calls %d, %+v", b.hooked.Load(), a)
					}
					b.clean()
					return
				}
				if b.hooked.Load() != 0 || !a.Mismatch || a.Captured != c.got {
					t.Fatalf("hook calls %d, %+v", b.hooked.Load(), a)
				}
				refunds := b.refundsOf(a.ID)
				if len(refunds) != 1 || refunds[0].State != RefundSucceeded || refunds[0].Amount != c.got || refunds[0].Cause != CauseMismatch {
					t.Fatalf("not sent back: %+v", refunds)
				}
				if n := b.count(`SELECT COUNT(*) FROM audit_record WHERE refusal = 'PAYMENT_AMOUNT_MISMATCH'`); n != 1 {
					t.Fatalf("%d records of the refusal", n)
				}
				if n := b.balance(ledger.Suspense, "fake"); n != 0 {
					t.Fatalf("suspense %d", n)
				}
				b.clean()
				// The order is still to be paid, and may be.
				if again := b.opened("ord_1"); again.State != RequiresAction {
					t.Fatalf("%+v", again)
				}
			})
		})
	}
}

func TestSixteenCopiesOfOneNoticeCaptureOnce(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened("ord_1")
		o := b.at.pay(a.ID, a.Amount, "cap-1")
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				ev := Event{ID: "e1", ObjectID: o.ProviderID, Reference: string(a.ID), Kind: PaymentEvent}
				if err := b.d.Write(t.Context(), func(tx *db.Tx) error { return Notify(t.Context(), tx, "fake", ev, []byte("same")) }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := b.count(`SELECT COUNT(*) FROM payment_event`); n != 1 {
			t.Fatalf("%d rows in the inbox", n)
		}
		b.drain()
		if b.hooked.Load() != 1 {
			t.Fatalf("%d hook calls", b.hooked.Load())
		}
		b.state(a.ID, Captured)
		b.clean()
	})
}

func TestSixteenNoticesOfOneCaptureCaptureOnce(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened("ord_1")
		o := b.at.pay(a.ID, a.Amount, "cap-1")
		var kept atomic.Int64
		b.work.Captured = func(ctx context.Context, tx *db.Tx, c Capture) error {
			tx.AfterCommit(func() { kept.Add(1) })
			return b.captured(ctx, tx, c)
		}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				err := b.d.Write(t.Context(), func(tx *db.Tx) error {
					a, err := Get(t.Context(), tx, a.ID)
					if err != nil {
						return err
					}
					return b.work.record(t.Context(), tx, b.at, a, o)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if kept.Load() != 1 || b.balance(ledger.Escrow, "ord_1") != -19800 {
			t.Fatalf("%d captures kept, escrow %d", kept.Load(), b.balance(ledger.Escrow, "ord_1"))
		}
		b.clean()
	})
}

func TestANoticeIsOnlyAHint(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		if _, err := b.at.Event(map[string][]string{"Signature": {"wrong"}}, []byte("e1 payment obj-1 x"), b.clock.Now()); !errors.Is(err, ErrNotice) {
			t.Fatalf("forged: %v", err)
		}
		a, other := b.opened("ord_1"), b.opened("ord_2")
		for name, ev := range map[string]Event{
			"signed, but nothing was paid":   {ID: "n1", ObjectID: a.ProviderID, Reference: string(a.ID), Kind: PaymentEvent},
			"an invented payment":            {ID: "n2", ObjectID: "obj-999", Reference: string(a.ID), Kind: PaymentEvent},
			"an invented refund":             {ID: "n3", ObjectID: "back-9", Reference: "rfd_invented", Kind: RefundEvent},
			"another order's payment object": {ID: "n4", ObjectID: other.ProviderID, Reference: string(a.ID), Kind: PaymentEvent},
		} {
			b.notify(ev)
			b.drain()
			if b.hooked.Load() != 0 || b.get(a.ID).State != RequiresAction || b.get(other.ID).State != RequiresAction {
				t.Errorf("%s moved something", name)
			}
		}
		// A payment of the provider's test mode is not money.
		o := b.at.pay(a.ID, a.Amount, "cap-1")
		b.at.payments[o.ProviderID].Test = true
		b.notify(Event{ID: "n5", ObjectID: o.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
		b.drain()
		if b.hooked.Load() != 0 || b.get(a.ID).State != RequiresAction || b.records("payment.object.rejected") != 1 {
			t.Error("test money moved something")
		}
		if n := b.count(`SELECT COUNT(*) FROM ledger_journal`); n != 0 {
			t.Errorf("%d journals", n)
		}
	})
}

func TestANoticeWithAnotherBodyIsKeptAndAnAlarm(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		b.write(func(tx *db.Tx) error {
			return Notify(t.Context(), tx, "fake", Event{ID: "paid-ord_1", ObjectID: a.ProviderID, Kind: PaymentEvent}, []byte("other"))
		})
		b.drain()
		if n := b.count(`SELECT COUNT(*) FROM payment_event`); n != 2 || b.records("payment.notice.changed") != 1 || b.hooked.Load() != 1 {
			t.Fatalf("%d rows, %d alarms, %d captures", n, b.records("payment.notice.changed"), b.hooked.Load())
		}
		// Forty days later the first one comes again.
		b.clock.Advance(40 * 24 * time.Hour)
		b.notify(Event{ID: "paid-ord_1", ObjectID: a.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
		b.drain()
		if b.hooked.Load() != 1 || b.balance(ledger.Escrow, "ord_1") != -19800 {
			t.Fatal("a replayed notice moved money")
		}
	})
}

func TestANoticeAboutAnUnknownThingWaitsADayThenAlarms(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		b.notify(Event{ID: "e1", ObjectID: "back-1", Reference: "rfd_elsewhere", Kind: RefundEvent})
		b.after(23 * time.Hour)
		if b.records("payment.notice.abandoned") != 0 {
			t.Fatal("alarmed too early")
		}
		b.after(3 * time.Hour)
		if b.records("payment.notice.abandoned") != 1 || b.count(`SELECT COUNT(*) FROM payment_event WHERE state = 'abandoned'`) != 1 {
			t.Fatal("no alarm")
		}
	})
}

func TestANoticeThatOvertakesItsObjectIsNotLost(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		b.at.instant = true
		// The notice of a refund before this side knows the refund.
		id := RefundID("rfd_00000000000000000000000001")
		b.notify(Event{ID: "e-refund", ObjectID: "back-1", Reference: string(id), Kind: RefundEvent})
		b.drain()
		if len(b.ended) != 0 {
			t.Fatal("ended nothing")
		}
		r := b.refund(a, cny(19800), "k1")
		b.write(func(tx *db.Tx) error { // as if this side had known it under the early reference
			_, err := tx.Exec(t.Context(), `UPDATE payment_refund SET id = $1 WHERE id = $2`, string(id), string(r.ID))
			return err
		})
		if _, err := b.at.Refund(t.Context(), RefundIntent{Reference: id, Payment: a.ref(), Amount: r.Amount}); err != nil {
			t.Fatal(err)
		}
		b.after(time.Minute)
		if len(b.ended) != 1 || b.ended[0].State != RefundSucceeded {
			t.Fatalf("%+v", b.ended)
		}
	})
}

func TestLateNoticesNeverLowerTheState(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		o := b.at.payments[a.ProviderID]
		for i, s := range []ObjectState{ObjectCreated, ObjectProcessing, ObjectFailed, ObjectClosed} {
			old := *o
			old.State = s
			b.write(func(tx *db.Tx) error {
				a, err := Get(t.Context(), tx, a.ID)
				if err != nil {
					return err
				}
				return b.work.record(t.Context(), tx, b.at, a, old)
			})
			if got := b.get(a.ID); got.State != Captured {
				t.Fatalf("%d: %s", i, got.State)
			}
		}
	})
}

func TestFactsOnlyRaiseTheRank(t *testing.T) {
	rank := map[State]int{Unknown: 0, Created: 0, RequiresAction: 1, Processing: 2, Failed: 3, Cancelled: 3, Expired: 3, Captured: 4, Settled: 5}
	for from := range rank {
		for _, o := range []ObjectState{ObjectCreated, ObjectProcessing, ObjectFailed, ObjectClosed} {
			for _, overdue := range []bool{false, true} {
				if to := raised(from, o, overdue); rank[to] < rank[from] || rank[from] >= 3 && to != from {
					t.Errorf("%s + %s = %s", from, o, to)
				}
			}
		}
	}
	if raised(RequiresAction, ObjectClosed, true) != Expired || raised(RequiresAction, ObjectClosed, false) != Cancelled ||
		raised(Unknown, ObjectCreated, false) != RequiresAction || raised(Created, ObjectFailed, false) != Failed {
		t.Error("a fact was lost")
	}
}

func TestMoneyAfterTheOrderIsGoneGoesBack(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened("ord_1")
		b.void(a.ID, Expired, nil)
		b.gone["ord_1"] = true
		b.drain()
		if o := b.at.payments[a.ProviderID]; o.State != ObjectClosed {
			t.Fatalf("not closed at the provider: %s", o.State)
		}
		b.at.instant = true
		o := b.at.pay(a.ID, a.Amount, "cap-1") // the bank was late
		b.notify(Event{ID: "e1", ObjectID: o.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
		b.drain()
		refunds := b.refundsOf(a.ID)
		if b.get(a.ID).State != Captured || len(refunds) != 1 || refunds[0].State != RefundSucceeded || refunds[0].Cause != CauseLate {
			t.Fatalf("%+v %+v", b.get(a.ID), refunds)
		}
		if b.balance(ledger.Suspense, "fake") != 0 || b.balance(ledger.Clearing, "fake") != 0 || b.balance(ledger.Escrow, "ord_1") != 0 {
			t.Fatal("late money stayed somewhere")
		}
		if n := b.count(`SELECT COUNT(*) FROM ledger_journal`); n != 2 {
			t.Fatalf("%d journals, want P5 and its return", n)
		}
		b.clean()
	})
}

func TestAPaymentInTheLastMomentBeforeClosingIsRecorded(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened("ord_1")
		b.void(a.ID, Expired, nil)
		b.gone["ord_1"], b.at.instant = true, true
		b.at.pay(a.ID, a.Amount, "cap-1")
		b.drain() // closing finds it paid; no notice comes
		if b.hooked.Load() != 1 || len(b.refundsOf(a.ID)) != 1 {
			t.Fatal("the money was overlooked")
		}
		b.clean()
	})
}

func TestAFailingOrderLosesNoMoney(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened("ord_1")
		b.broken = errors.New("order: not now")
		o := b.at.pay(a.ID, a.Amount, "cap-1")
		b.notify(Event{ID: "e1", ObjectID: o.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
		b.drain()
		b.state(a.ID, RequiresAction) // nothing happened
		if b.balance(ledger.Escrow, "ord_1") != 0 {
			t.Fatal("half an effect")
		}
		b.mu.Lock()
		b.broken = nil
		b.mu.Unlock()
		b.after(5 * time.Minute)
		b.state(a.ID, Captured)
		if b.balance(ledger.Escrow, "ord_1") != -19800 {
			t.Fatal("not booked once")
		}
		b.clean()
	})
}

func TestAnAnswerLostAfterTheEffectMakesNoSecondPayment(t *testing.T) {
	for _, link := range []bool{true, false} {
		t.Run(fmt.Sprintf("object_has_link_%v", link), func(t *testing.T) {
			benches(t, func(t *testing.T, b *bench) {
				b.at.dropOpen, b.at.noLink = 1, !link
				a := b.opened("ord_1")
				if a.State != Unknown {
					t.Fatalf("state %s", a.State)
				}
				// G8: none begins while the outcome is not known, and it is not given up either.
				b.refused(ErrPending, func(tx *db.Tx) error { _, err := Begin(t.Context(), tx, audit.Actor{}, start("ord_1")); return err })
				b.refused(ErrPending, func(tx *db.Tx) error { _, err := Void(t.Context(), tx, audit.Actor{}, a.ID, Cancelled); return err })
				b.after(2 * time.Minute)
				a = b.get(a.ID)
				if n, _ := b.at.counts(); n != 1 || a.State != RequiresAction || a.PayURL == "" {
					t.Fatalf("%d payments at the provider, %+v", n, a)
				}
			})
		})
	}
}

func TestACallLostBeforeTheEffectIsSentAgainAfterAsking(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		b.at.deafOpen = 1
		a := b.opened("ord_1")
		b.after(2 * time.Minute)
		if n, _ := b.at.counts(); n != 1 || b.get(a.ID).State != RequiresAction {
			t.Fatalf("%d payments at the provider, %s", n, b.get(a.ID).State)
		}
	})
}

func TestACrashBetweenCallAndRecordMakesNoSecondPayment(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.begin("ord_1")
		crashing := b.work.Handlers()
		crashing[OpenJob] = job.Handler{Run: func(ctx context.Context, _ *db.DB, _ job.Job) error {
			if _, err := b.at.Open(ctx, Intent{Reference: a.ID, Amount: a.Amount}); err != nil {
				t.Error(err)
			}
			return job.ErrLeaseLost // the process died: nothing is recorded, the lease runs out
		}}
		if err := job.NewWorker(b.d, crashing, slog.New(slog.DiscardHandler)).Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.state(a.ID, Created)
		b.after(2 * time.Minute)
		if n, _ := b.at.counts(); n != 1 || b.at.opens != 1 {
			t.Fatalf("%d payments, %d calls at the provider", n, b.at.opens)
		}
		b.state(a.ID, RequiresAction)
	})
}

func TestTheJanitorGivesUpWithAnAlarm(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		b.at.dropOpen, b.at.blind = 1, true
		a := b.opened("ord_1")
		b.after(7 * 24 * time.Hour)
		if b.records("payment.outcome.unknown") != 1 {
			t.Fatal("no alarm")
		}
		b.state(a.ID, Unknown)
	})
}

func TestACertainRefusalFailsTheAttempt(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		b.at.refuse = true
		a := b.opened("ord_1")
		b.state(a.ID, Failed)
		b.at.refuse = false
		if again := b.opened("ord_1"); again.State != RequiresAction {
			t.Fatalf("%+v", again)
		}
	})
}

func TestThePullFindsWhatNoNoticeTold(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		var attempts []Attempt
		for i := range 5 {
			attempts = append(attempts, b.opened(fmt.Sprintf("ord_%d", i)))
		}
		b.write(func(tx *db.Tx) error { return Pull(t.Context(), tx, "fake") })
		b.drain()
		for i, a := range attempts {
			b.at.pay(a.ID, a.Amount, fmt.Sprintf("cap-%d", i))
		}
		b.after(time.Hour + time.Minute)
		for _, a := range attempts {
			b.state(a.ID, Captured)
		}
		if b.hooked.Load() != 5 {
			t.Fatalf("%d captures", b.hooked.Load())
		}
		b.after(3 * time.Hour)
		if b.hooked.Load() != 5 {
			t.Fatal("captured again")
		}
		b.clean()
	})
}

func TestOneAttemptAtATimeAndNoneAfterPaying(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		var begun atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				err := b.d.Write(t.Context(), func(tx *db.Tx) error { _, err := Begin(t.Context(), tx, audit.Actor{}, start("ord_1")); return err })
				switch {
				case err == nil:
					begun.Add(1)
				case !errors.Is(err, ErrPending):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if begun.Load() != 1 {
			t.Fatalf("%d attempts for one order", begun.Load())
		}
		b.paid("ord_2")
		b.refused(ErrPaid, func(tx *db.Tx) error { _, err := Begin(t.Context(), tx, audit.Actor{}, start("ord_2")); return err })
	})
}

func TestAPaidAttemptIsNotGivenUp(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		b.void(a.ID, Expired, ErrPaid)
		c := b.opened("ord_2")
		b.void(c.ID, Cancelled, nil)
		b.void(c.ID, Cancelled, nil)
		b.state(c.ID, Cancelled)
	})
}

func TestAProviderFeeIsBookedOnceWhenKnown(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		if n := b.balance(ledger.Fee, "fake"); n != 0 {
			t.Fatalf("fee %d before it is known", n)
		}
		b.at.payments[a.ProviderID].Fee = cny(119)
		for i := range 3 {
			b.notify(Event{ID: fmt.Sprintf("fee-%d", i), ObjectID: a.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
			b.drain()
		}
		if b.balance(ledger.Fee, "fake") != 119 || b.balance(ledger.Clearing, "fake") != 19800-119 || b.get(a.ID).Fee != cny(119) {
			t.Fatalf("fee %d, %+v", b.balance(ledger.Fee, "fake"), b.get(a.ID))
		}
		b.clean()
	})
}

func TestASecondCaptureOfOneAttemptIsNobodysMoney(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.paid("ord_1")
		b.at.pay(a.ID, cny(700), "cap-second")
		for i := range 2 {
			b.notify(Event{ID: fmt.Sprintf("again-%d", i), ObjectID: a.ProviderID, Reference: string(a.ID), Kind: PaymentEvent})
			b.drain()
		}
		if b.hooked.Load() != 1 || b.balance(ledger.Suspense, "fake") != -700 || b.records("payment.captured.twice") != 1 {
			t.Fatalf("hook %d, suspense %d", b.hooked.Load(), b.balance(ledger.Suspense, "fake"))
		}
		if got := b.get(a.ID); got.CaptureID != "cap-ord_1" || got.Captured != cny(19800) {
			t.Fatalf("%+v", got)
		}
		b.clean()
	})
}

func TestOneCaptureCountsForOneAttempt(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		first, second := b.paid("ord_1"), b.opened("ord_2")
		o := b.at.pay(second.ID, second.Amount, first.CaptureID)
		err := b.d.Write(t.Context(), func(tx *db.Tx) error { return b.work.record(t.Context(), tx, b.at, second, o) })
		if !db.Unique(err) {
			t.Fatalf("one capture id, two attempts: %v", err)
		}
	})
}

func (b *bench) void(id AttemptID, to State, want error) {
	b.t.Helper()
	err := b.d.Write(b.t.Context(), func(tx *db.Tx) error { _, err := Void(b.t.Context(), tx, audit.Actor{}, id, to); return err })
	if !errors.Is(err, want) {
		b.t.Fatalf("got %v, want %v", err, want)
	}
}

func (b *bench) refused(want *fault.Fault, fn func(tx *db.Tx) error) {
	b.t.Helper()
	if err := b.d.Write(b.t.Context(), fn); !errors.Is(err, want) {
		b.t.Fatalf("got %v, want %v", err, want)
	}
}

func TestCodesSurviveHowPeopleWriteThem(t *testing.T) {
	code := codeOf(attemptLetter, "pay_01jd8x3m5vq8k2n7r4t6w9y0ab")
	if len(code) != codeLength {
		t.Fatal(code)
	}
	for _, words := range []string{
		code, "云市 " + code + " 货款", "ref " + code[:4] + "-" + code[4:8] + " " + code[8:], fmt.Sprintf("payment%s", code),
	} {
		if !slices.Contains(codesIn(words), code) {
			t.Errorf("%q: found %v", words, codesIn(words))
		}
	}
	wrong := []byte(code)
	wrong[5] = codeLetters[(slices.Index([]byte(codeLetters), wrong[5])+1)%32]
	if slices.Contains(codesIn(string(wrong)), string(wrong)) {
		t.Errorf("a typing error passed: %s", wrong)
	}
	if got := codesIn("PAYMENT FOR JUNE, THANK YOU"); len(got) > 0 && len(got[0]) != codeLength {
		t.Errorf("%v", got)
	}
}

func TestOnlyTheAttemptsOwnObjectIsBelieved(t *testing.T) {
	a := Attempt{ID: "pay_1", ProviderID: "obj-1"}
	good := Object{ProviderID: "obj-1", Reference: "pay_1", State: ObjectCaptured, CaptureID: "cap-1", Captured: cny(1)}
	if err := believable(a, Capability{}, good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(o *Object){
		"another reference":           func(o *Object) { o.Reference = "pay_2" },
		"another object":              func(o *Object) { o.ProviderID = "obj-2" },
		"no object":                   func(o *Object) { o.ProviderID = "" },
		"test mode":                   func(o *Object) { o.Test = true },
		"a capture without id":        func(o *Object) { o.CaptureID = "" },
		"a capture of nothing":        func(o *Object) { o.Captured = cny(0) },
		"a capture below zero":        func(o *Object) { o.Captured = cny(-1) },
		"a currency that is not real": func(o *Object) { o.Captured.Currency = "ZZZ" },
	} {
		o := good
		change(&o)
		if err := believable(a, Capability{}, o); !errors.Is(err, errForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
