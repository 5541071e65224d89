package reconciliation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/report"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const price = 200000

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

func trades(t *testing.T, fn func(t *testing.T, w *world.Trade)) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		w.Promises = report.Broken
		w.Write(func(tx *db.Tx) error {
			if err := payment.Pull(t.Context(), tx, world.Gateway); err != nil {
				return err
			}
			return reconciliation.Start(t.Context(), tx)
		})
		fn(t, w)
	})
}

// pass lets days go by, one night after another.
func pass(w *world.Trade, days int) {
	for range days {
		w.Clock.Advance(12 * time.Hour)
		w.Drain()
		w.Clock.Advance(12 * time.Hour)
		w.Drain()
	}
}

func exceptions(t *testing.T, w *world.Trade, in reconciliation.ExceptionState) (all []reconciliation.Exception) {
	t.Helper()
	w.Read(func(r db.Reader) (err error) {
		all, err = reconciliation.Exceptions(t.Context(), r, in, "", 100)
		return err
	})
	return all
}

func kinds(all []reconciliation.Exception) string {
	var words []string
	for _, e := range all {
		words = append(words, string(e.Source)+":"+e.Kind)
	}
	return strings.Join(words, " ")
}

func clean(t *testing.T, w *world.Trade) {
	t.Helper()
	if open := exceptions(t, w, reconciliation.Open); len(open) > 0 {
		t.Fatalf("not clean: %+v", open)
	}
}

// now compares and reads everything at once.
func now(t *testing.T, w *world.Trade) {
	t.Helper()
	w.Write(func(tx *db.Tx) error { return reconciliation.Now(t.Context(), tx) })
	w.Drain()
}

func sold(t *testing.T, w *world.Trade) order.Order {
	t.Helper()
	return w.Bought(w.Customer(account.LegalPerson), w.Listed(world.Content(delivery.LicenceKey, price)))
}

func plant(t *testing.T, w *world.Trade, query string, args ...any) {
	t.Helper()
	w.Write(func(tx *db.Tx) error {
		n, err := tx.Exec(t.Context(), query, args...)
		if err == nil && n == 0 {
			err = errors.New("nothing to damage")
		}
		return err
	})
}

// What is held for vendors is what was collected less what was refunded, settled
// and kept by an agreed rule; one fen that is missing is found in the night.
func TestClause_3_1_TheNightlyCheckFindsOneFen(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		o := sold(t, w)
		sold(t, w)
		pass(w, 1)
		t.Run("allowed_when_everything_agrees", func(t *testing.T) {
			pass(w, 8) // released, split and reported
			clean(t, w)
			if c := collectionState(t, w, o); c != "finished" {
				t.Fatalf("the money is %s", c)
			}
		})
		t.Run("refused_when_the_book_lacks_a_fen", func(t *testing.T) {
			plant(t, w, `UPDATE ledger_balance SET credit = credit + 1 WHERE account = 'vendor.payable' AND party = $1`, string(w.Vendor))
			pass(w, 1)
			open := exceptions(t, w, reconciliation.Open)
			if kinds(open) != "check:I3" {
				t.Fatalf("found %q", kinds(open))
			}
			w.Read(func(r db.Reader) error {
				acts, err := audit.Of(t.Context(), r, string(open[0].ID))
				if len(acts) != 1 || !strings.Contains(string(acts[0].Data), `"alarm":true`) {
					t.Errorf("finance was not paged: %+v", acts)
				}
				return err
			})
			plant(t, w, `UPDATE ledger_balance SET credit = credit - 1 WHERE account = 'vendor.payable' AND party = $1`, string(w.Vendor))
			pass(w, 1)
			clean(t, w)
		})
		t.Run("refused_when_the_record_of_an_order_lacks_a_fen", func(t *testing.T) {
			plant(t, w, `UPDATE ledger_line SET net = net - 1 WHERE line = $1`, string(o.Line))
			pass(w, 1)
			if found := kinds(exceptions(t, w, reconciliation.Open)); !strings.Contains(found, "check:I11") {
				t.Fatalf("found %q", found)
			}
			plant(t, w, `UPDATE ledger_line SET net = net + 1 WHERE line = $1`, string(o.Line))
			pass(w, 1)
			clean(t, w)
		})
		t.Run("refused_when_the_provider_says_a_fen_less", func(t *testing.T) {
			plant(t, w, `UPDATE payment_report_line SET amount_minor = amount_minor - 1 WHERE kind = 'capture' AND reference = $1`, string(o.Attempt))
			plant(t, w, `UPDATE reconciliation_item SET state = 'waiting' WHERE kind = 'capture' AND reference = $1`, string(o.Attempt))
			now(t, w)
			open := exceptions(t, w, reconciliation.Open)
			if kinds(open) != "match:amount_differs" || open[0].Ours != cny(price) || open[0].Theirs != cny(price-1) {
				t.Fatalf("found %+v", open)
			}
		})
	})
}

func collectionState(t *testing.T, w *world.Trade, o order.Order) (state string) {
	t.Helper()
	w.Read(func(r db.Reader) (err error) {
		state, err = db.Value[string](t.Context(), r, `SELECT state FROM settlement_collection WHERE line = $1`, string(o.Line))
		return err
	})
	return state
}

func TestEachKindOfDifferenceIsFoundOnceAndEndsByItself(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		sold(t, w)
		stray := payment.ReportLine{Kind: payment.ReportCapture, ProviderID: "cap-stray", Amount: cny(100), At: w.Clock.Now()}
		w.Provider.AddReportLine(stray)
		pass(w, 2)
		open := exceptions(t, w, reconciliation.Open)
		if kinds(open) != "match:missing_here" || open[0].Theirs != cny(100) {
			t.Fatalf("found %+v", open)
		}
		first := open[0]
		pass(w, 2)
		if open = exceptions(t, w, reconciliation.Open); len(open) != 1 || open[0].ID != first.ID || !open[0].LastSeen.After(first.LastSeen) {
			t.Fatalf("found again as another one: %+v", open)
		}
		t.Run("refused_without_a_reason_or_by_others", func(t *testing.T) {
			for by, want := range map[*audit.Actor]error{&w.Finance: reconciliation.ErrRequired, &w.Support: reconciliation.ErrForbidden} {
				reason := ""
				if by == &w.Support {
					reason = "the provider's test payment"
				}
				err := w.DB.Write(t.Context(), func(tx *db.Tx) error { return reconciliation.Explain(t.Context(), tx, *by, first.ID, reason) })
				if !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			}
		})
		w.Write(func(tx *db.Tx) error {
			return reconciliation.Explain(t.Context(), tx, w.Finance, first.ID, "the provider's test payment")
		})
		pass(w, 1)
		if kinds(exceptions(t, w, reconciliation.Explained)) != "match:missing_here" {
			t.Fatal("an explanation does not last")
		}
		plant(t, w, `UPDATE payment_report_line SET amount_minor = 101 WHERE provider_id = 'cap-stray'`)
		pass(w, 1)
		if open = exceptions(t, w, reconciliation.Open); len(open) != 1 || open[0].ID != first.ID || open[0].Theirs != cny(101) {
			t.Fatalf("what was explained has changed: %+v", open)
		}
		plant(t, w, `DELETE FROM payment_report_line WHERE provider_id = 'cap-stray'`)
		pass(w, 1)
		clean(t, w)
		if done := exceptions(t, w, reconciliation.Resolved); len(done) != 1 || done[0].ID != first.ID {
			t.Fatalf("%+v", done)
		}
		t.Run("a_journal_of_nothing", func(t *testing.T) {
			w.Write(func(tx *db.Tx) error {
				_, err := ledger.Cover(t.Context(), tx, "nobody-knows", cny(500), tx.Now())
				return err
			})
			now(t, w)
			open := exceptions(t, w, reconciliation.Open)
			if kinds(open) != "position:book" {
				t.Fatalf("found %+v", open)
			}
		})
	})
}

func TestARefundAndADisputeAgreeOnAllSides(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		o, other := sold(t, w), sold(t, w)
		fail := w.Customer(account.LegalPerson)
		w.System.Fail(delivery.ErrRefused)
		back := w.Bought(fail, w.Listed(world.Content(delivery.HookNative, 3000)))
		w.System.Fail(nil)
		if back.State != order.Refunded {
			t.Fatalf("%s", back.State)
		}
		// The operator pays the dispute's fee of its own, or its share would not be covered.
		own := imported(t, w, "B1", 3000) // for both rounds
		if _, err := propose(t, w, w.Finance, reconciliation.Proposal{Act: reconciliation.Attribute, Subject: own, Input: reconciliation.Input{Purpose: reconciliation.ForOwn}}); err != nil {
			t.Fatal(err)
		}
		d := w.Provider.OpenDispute(o.Attempt, cny(price), cny(1500))
		w.DisputeNotice(d.ProviderID)
		lost := w.Provider.OpenDispute(other.Attempt, cny(1000), money.Amount{})
		w.DisputeNotice(lost.ProviderID)
		w.Drain()
		pass(w, 2)
		clean(t, w)
		w.Provider.WinDispute(d.ProviderID)
		w.DisputeNotice(d.ProviderID)
		w.Provider.LoseDispute(lost.ProviderID)
		w.DisputeNotice(lost.ProviderID)
		w.Drain()
		pass(w, 2)
		clean(t, w)
		w.Provider.ReopenDispute(d.ProviderID)
		w.DisputeNotice(d.ProviderID)
		w.Drain()
		pass(w, 3)
		clean(t, w)
	})
}

func TestAReportThatComesLateIsWaitedFor(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		o := sold(t, w)
		pass(w, 1)
		plant(t, w, `DELETE FROM payment_report_line WHERE reference = $1`, string(o.Attempt))
		plant(t, w, `UPDATE reconciliation_item SET state = 'waiting' WHERE reference = $1`, string(o.Attempt))
		now(t, w)
		clean(t, w)
		plant(t, w, `UPDATE payment_pull SET since = $1 WHERE gateway = $2`, calendar.On(w.Clock.Now()).AddDays(5).String(), world.Gateway+"/report")
		w.Clock.Advance(5 * 24 * time.Hour)
		now(t, w)
		if found := kinds(exceptions(t, w, reconciliation.Open)); found != "match:missing_there" {
			t.Fatalf("found %q", found)
		}
	})
}

// imported brings one statement line in.
func imported(t *testing.T, w *world.Trade, ref string, minor int64) (id string) {
	t.Helper()
	w.Write(func(tx *db.Tx) error {
		_, err := payment.ImportStatement(t.Context(), tx, w.Finance, []payment.StatementLine{
			{BankRef: ref, At: tx.Now(), Amount: cny(minor), Reference: "no code", Counterparty: "Somebody Ltd", Account: "6222"},
		})
		return err
	})
	w.Read(func(r db.Reader) (err error) {
		id, err = db.Value[string](t.Context(), r, `SELECT id FROM payment_statement_line WHERE bank_ref = $1`, ref)
		return err
	})
	return id
}

func propose(t *testing.T, w *world.Trade, by audit.Actor, p reconciliation.Proposal) (d reconciliation.Decision, err error) {
	t.Helper()
	if p.Reason == "" {
		p.Reason, p.Evidence = "as the payer wrote", "mail of 12 March"
	}
	err = w.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
		d, err = w.Books.Propose(t.Context(), tx, by, p)
		return err
	})
	return d, err
}

func confirm(t *testing.T, w *world.Trade, by audit.Actor, id reconciliation.DecisionID) error {
	t.Helper()
	return w.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := w.Books.Confirm(t.Context(), tx, by, id)
		return err
	})
}

func TestAStatementLineIsAttributedByHandOnce(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		small := imported(t, w, "B1", 50000)
		pass(w, 1)
		if found := kinds(exceptions(t, w, reconciliation.Open)); found != "match:missing_here" {
			t.Fatalf("found %q", found)
		}
		line := func(id string, p reconciliation.Purpose, party string) reconciliation.Proposal {
			return reconciliation.Proposal{Act: reconciliation.Attribute, Subject: id, Input: reconciliation.Input{Purpose: p, Party: party}}
		}
		for name, c := range map[string]struct {
			by   audit.Actor
			p    reconciliation.Proposal
			want error
		}{
			"not of finance":      {w.Support, line(small, reconciliation.ForDeposit, string(w.Vendor)), reconciliation.ErrForbidden},
			"no such vendor":      {w.Finance, line(small, reconciliation.ForDeposit, "ven_none"), reconciliation.ErrInvalid},
			"money that came in":  {w.Finance, line(small, reconciliation.ForOwed, string(w.Seller.Account)), reconciliation.ErrDirection},
			"a code of nothing":   {w.Finance, line(small, reconciliation.ForCode, "hello"), payment.ErrInvalid},
			"a debt there is not": {w.Finance, line(small, reconciliation.ForDebt, string(w.Vendor)), ledger.ErrFloor},
			"no evidence": {w.Finance, reconciliation.Proposal{Act: reconciliation.Attribute, Subject: small, Reason: "so",
				Input: reconciliation.Input{Purpose: reconciliation.ForOwn}}, reconciliation.ErrRequired},
		} {
			if _, err := propose(t, w, c.by, c.p); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		before := w.Balance(ledger.Deposit, string(w.Vendor))
		d, err := propose(t, w, w.Finance, line(small, reconciliation.ForDeposit, string(w.Vendor)))
		if err != nil || d.State != reconciliation.Done {
			t.Fatalf("%+v, %v", d, err)
		}
		if got := w.Balance(ledger.Deposit, string(w.Vendor)); got != before+50000 {
			t.Errorf("deposit %d", got)
		}
		if _, err := propose(t, w, w.Finance, line(small, reconciliation.ForDeposit, string(w.Vendor))); !errors.Is(err, reconciliation.ErrState) {
			t.Errorf("attributed twice: %v", err)
		}
		pass(w, 1)
		clean(t, w)

		t.Run("four_eyes_above_the_limit", func(t *testing.T) {
			large := imported(t, w, "B2", 2000000)
			d, err := propose(t, w, w.Finance, line(large, reconciliation.ForNobody, ""))
			if err != nil || d.State != reconciliation.Proposed || d.Approvals != 2 {
				t.Fatalf("%+v, %v", d, err)
			}
			if err := confirm(t, w, w.Finance, d.ID); !errors.Is(err, reconciliation.ErrSecond) {
				t.Errorf("the same person: %v", err)
			}
			if err := confirm(t, w, w.Superadmin, d.ID); !errors.Is(err, reconciliation.ErrForbidden) {
				t.Errorf("not of finance: %v", err)
			}
			if err := confirm(t, w, w.Staff(account.Finance), d.ID); err != nil {
				t.Fatal(err)
			}
			if got := w.Balance(ledger.Suspense, world.Bank); got != 2000000 {
				t.Errorf("suspense %d", got)
			}
			pass(w, 1)
			clean(t, w)
		})
		t.Run("nobodys_money_goes_back", func(t *testing.T) {
			back := imported(t, w, "B3", -2000000)
			d, err := propose(t, w, w.Finance, line(back, reconciliation.ForReturned, ""))
			if err != nil {
				t.Fatal(err)
			}
			if err := confirm(t, w, w.Staff(account.Finance), d.ID); err != nil {
				t.Fatal(err)
			}
			if got := w.Balance(ledger.Suspense, world.Bank); got != 0 {
				t.Errorf("suspense %d", got)
			}
			pass(w, 8)
			clean(t, w)
		})
		t.Run("the_operators_own", func(t *testing.T) {
			in, out := imported(t, w, "B4", 9000), imported(t, w, "B5", -500)
			for _, id := range []string{in, out} {
				if _, err := propose(t, w, w.Finance, line(id, reconciliation.ForOwn, "")); err != nil {
					t.Fatal(err)
				}
			}
			pass(w, 1)
			clean(t, w)
		})
	})
}

// A statement that is imported twice, overlaps, or turns a sign around has one
// effect, or none.
func TestAStatementThatIsImportedTwiceHasOneEffect(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		at := w.Clock.Now()
		line := func(n int, minor int64) payment.StatementLine {
			return payment.StatementLine{BankRef: fmt.Sprintf("B%d", n), At: at, Amount: cny(minor), Reference: "x"}
		}
		importing := func(lines ...payment.StatementLine) (done payment.Imported, err error) {
			err = w.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
				done, err = payment.ImportStatement(t.Context(), tx, w.Finance, lines)
				return err
			})
			return done, err
		}
		if done, err := importing(line(1, 100), line(2, -50)); err != nil || done.New != 2 {
			t.Fatalf("%+v, %v", done, err)
		}
		if done, err := importing(line(1, 100), line(2, -50)); err != nil || done.New != 0 || done.Known != 2 {
			t.Fatalf("twice: %+v, %v", done, err)
		}
		if done, err := importing(line(2, -50), line(3, 70)); err != nil || done.New != 1 || done.Known != 1 ||
			done.Lines[0].What != payment.LineKnown || done.Lines[1].What != payment.LineNew {
			t.Fatalf("overlapping: %+v, %v", done, err)
		}
		if _, err := importing(line(3, -70), line(4, 1)); !errors.Is(err, payment.ErrStatement) {
			t.Fatalf("wrong sign: %v", err)
		}
		w.Read(func(r db.Reader) error {
			sum, err := payment.Statements(t.Context(), r, money.CNY)
			if sum != cny(120) {
				t.Errorf("%v on the account", sum)
			}
			return err
		})
	})
}

func TestAMonthIsClosedByTwoPeopleWhenNothingIsMissing(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		sold(t, w)
		var m ledger.Month
		w.Read(func(r db.Reader) (err error) {
			m, err = reconciliation.NextMonth(t.Context(), r)
			return err
		})
		month := reconciliation.Proposal{Act: reconciliation.Close, Subject: string(m)}
		missing := func(err error) (names []string) {
			for _, f := range fault.All(err) {
				names = append(names, f.Field)
			}
			return names
		}
		if _, err := propose(t, w, w.Finance, month); !errors.Is(err, reconciliation.ErrNotReady) || missing(err)[0] != "over" {
			t.Fatalf("closed before it is over: %v", err)
		}
		imported(t, w, "B1", 777)
		_, to, err := m.Bounds()
		if err != nil {
			t.Fatal(err)
		}
		pass(w, int(to.Sub(w.Clock.Now())/(24*time.Hour))+2)
		if _, err := propose(t, w, w.Finance, month); fmt.Sprint(missing(err)) != "[exceptions]" {
			t.Fatalf("closed with an open exception: %v", err)
		}
		w.Write(func(tx *db.Tx) error {
			return reconciliation.Explain(t.Context(), tx, w.Finance, exceptions(t, w, reconciliation.Open)[0].ID, "asked the bank on the 31st")
		})
		d, err := propose(t, w, w.Finance, month)
		if err != nil {
			t.Fatal(err)
		}
		if err := confirm(t, w, w.Finance, d.ID); !errors.Is(err, reconciliation.ErrSecond) {
			t.Fatalf("closed by one person: %v", err)
		}
		if err := confirm(t, w, w.Staff(account.Finance), d.ID); err != nil {
			t.Fatal(err)
		}
		w.Read(func(r db.Reader) error {
			closed, err := ledger.Closed(t.Context(), r)
			if err != nil || len(closed) != 1 || closed[0].Month != m {
				t.Fatalf("%+v, %v", closed, err)
			}
			stored, err := reconciliation.TrialOf(t.Context(), r, m)
			if err != nil {
				return err
			}
			at, err := ledger.TrialAt(t.Context(), r, to)
			if len(stored) == 0 || fmt.Sprint(stored) != fmt.Sprint(at) {
				t.Errorf("stored %v, was %v", stored, at)
			}
			return err
		})
		if _, err := propose(t, w, w.Finance, month); err == nil {
			t.Error("closed twice")
		}
	})
}

func TestWhatStandsTooLongIsAnException(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		id := imported(t, w, "B1", 5000)
		if _, err := propose(t, w, w.Finance, reconciliation.Proposal{Act: reconciliation.Attribute, Subject: id, Input: reconciliation.Input{Purpose: reconciliation.ForNobody}}); err != nil {
			t.Fatal(err)
		}
		pass(w, 6)
		clean(t, w)
		// Newer money does not make it younger, and what leaves takes the oldest first.
		id = imported(t, w, "B2", 3000)
		if _, err := propose(t, w, w.Finance, reconciliation.Proposal{Act: reconciliation.Attribute, Subject: id, Input: reconciliation.Input{Purpose: reconciliation.ForNobody}}); err != nil {
			t.Fatal(err)
		}
		pass(w, 3)
		open := exceptions(t, w, reconciliation.Open)
		if kinds(open) != "aged:suspense" || open[0].Ours != cny(-5000) {
			t.Fatalf("found %+v", open)
		}
		id = imported(t, w, "B3", -5000)
		if _, err := propose(t, w, w.Finance, reconciliation.Proposal{Act: reconciliation.Attribute, Subject: id, Input: reconciliation.Input{Purpose: reconciliation.ForReturned}}); err != nil {
			t.Fatal(err)
		}
		pass(w, 1)
		clean(t, w)
	})
}
