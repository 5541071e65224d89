package infringement_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/mail"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/message"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// market is a world with a listing that somebody complains of.
type market struct {
	*world.Trade
	t     *testing.T
	rules infringement.Rules
	mail  *mail.Recorder
	offer catalog.Offer
}

var nobody = audit.Actor{Kind: audit.Person, User: "visitor"}

func markets(t *testing.T, fn func(t *testing.T, m market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		m := market{
			Trade: w, t: t, mail: &mail.Recorder{},
			rules: infringement.Rules{Blockers: map[string]infringement.Blocker{infringement.Product: infringement.Products()}},
		}
		w.With(infringement.Work{Rules: m.rules, Sender: m.mail, BaseURL: "https://market.example"}.Handlers())
		m.offer = w.Listed(world.Content(delivery.LicenceKey, 19900))
		fn(t, m)
	})
}

func (m market) draft() infringement.Draft {
	return infringement.Draft{
		Right: infringement.Trademark, Location: "https://market.example/p/" + m.offer.Product.Slug, HolderKind: infringement.AnOrganisation,
		Summary: "The listing uses our registered mark.", Truthful: true, Language: "en", Place: "203.0.113.7",
		Words: infringement.Words{
			Holder: "Shanhai Ltd", Name: "Li Hua", Email: "li@example.com", Phone: "010-12345678", Right: "mark no. 1234567",
			Statement: "The name of the listing is our mark.", Proof: "Registration certificate no. 1234567",
		},
	}
}

func (m market) try(do func(tx *db.Tx) (infringement.Notice, error)) (n infringement.Notice, err error) {
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) (err error) {
		n, err = do(tx)
		return err
	})
	return n, err
}

func (m market) must(do func(tx *db.Tx) (infringement.Notice, error)) infringement.Notice {
	m.t.Helper()
	n, err := m.try(do)
	if err != nil {
		m.t.Fatal(err)
	}
	return n
}

func (m market) submit(by audit.Actor, in infringement.Draft) infringement.Notice {
	m.t.Helper()
	return m.must(func(tx *db.Tx) (infringement.Notice, error) { return m.rules.Submit(m.t.Context(), tx, by, in) })
}

func (m market) accept(n infringement.Notice) infringement.Notice {
	m.t.Helper()
	return m.must(func(tx *db.Tx) (infringement.Notice, error) {
		return m.rules.Accept(m.t.Context(), tx, m.Compliance, n.ID, n.Version, "the mark is registered")
	})
}

var statement = infringement.Counter{
	Name: "The vendor", Contact: "vendor@example.com", Statement: "We hold a licence for the mark.", Proof: "Licence agreement of 3 May 2025",
	Summary: "Used under a licence.", Truthful: true,
}

func (m market) counter(n infringement.Notice) infringement.Notice {
	m.t.Helper()
	return m.must(func(tx *db.Tx) (infringement.Notice, error) {
		return m.rules.Counter(m.t.Context(), tx, m.Seller, n.ID, n.Version, statement)
	})
}

func (m market) now(id infringement.ID) (n infringement.Notice) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		n, err = infringement.Get(m.t.Context(), r, m.Compliance, id)
		return err
	})
	return n
}

func (m market) product() (p catalog.Product) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		p, err = catalog.Get(m.t.Context(), r, m.offer.Product.ID)
		return err
	})
	return p
}

// told are the codes of the notices in an account's inbox that hold a text.
func (m market) told(of audit.Actor, words string) bool {
	m.t.Helper()
	found := false
	m.Read(func(r db.Reader) error {
		items, err := message.Inbox(m.t.Context(), r, account.ID(of.Account), "")
		for _, i := range items {
			found = found || i.Code == "N-56" && strings.Contains(i.Title("en"), words)
		}
		return err
	})
	return found
}

func (m market) register() (all []infringement.Notice) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		all, err = infringement.Register(m.t.Context(), r, "", 10)
		return err
	})
	return all
}

func events(t *testing.T, m market, id infringement.ID) (out []string) {
	t.Helper()
	m.Read(func(r db.Reader) error {
		steps, err := infringement.Steps(t.Context(), r, id)
		for _, s := range steps {
			if s.At.IsZero() {
				t.Errorf("%s has no time", s.Event)
			}
			out = append(out, string(s.Event))
		}
		return err
	})
	return out
}

func TestClause_4_7_2_ANoticeIsTakenDownForwardedAndPublished(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		reporter := m.Customer(account.LegalPerson)
		t.Run("refused_incomplete_is_returned_with_what_is_missing", func(t *testing.T) {
			in := m.draft()
			in.Words.Proof, in.Words.Right = "", ""
			n := m.submit(reporter, in)
			if n.State != infringement.Incomplete || !slices.Equal(n.Missing, []string{"right_name", "proof"}) {
				t.Fatalf("%s, missing %v", n.State, n.Missing)
			}
			if !m.told(reporter, "incomplete") {
				t.Error("its giver was not told")
			}
			_, err := m.try(func(tx *db.Tx) (infringement.Notice, error) {
				return m.rules.Accept(t.Context(), tx, m.Compliance, n.ID, n.Version, "because")
			})
			if !errors.Is(err, infringement.ErrIncomplete) {
				t.Errorf("accepted: %v", err)
			}
			if len(m.register()) != 0 || m.product().State != catalog.ProductListed {
				t.Error("an incomplete notice has an effect")
			}
			n = m.must(func(tx *db.Tx) (infringement.Notice, error) {
				return m.rules.Complete(t.Context(), tx, reporter, string(n.ID), n.Version, infringement.Draft{
					Words: infringement.Words{Right: "mark no. 1234567", Proof: "Registration certificate"},
				})
			})
			if n.State != infringement.Received || len(n.Missing) != 0 || n.Words.Holder != "Shanhai Ltd" {
				t.Errorf("completed: %s, missing %v", n.State, n.Missing)
			}
			m.must(func(tx *db.Tx) (infringement.Notice, error) {
				return m.rules.Withdraw(t.Context(), tx, reporter, string(n.ID), n.Version)
			})
		})
		t.Run("allowed_complete", func(t *testing.T) {
			n := m.accept(m.submit(reporter, m.draft()))
			if n.State != infringement.MeasureTaken || n.AcceptedAt.IsZero() || n.MeasuredAt.IsZero() || n.ForwardedAt.IsZero() {
				t.Fatalf("%+v", n)
			}
			if p := m.product(); p.State != catalog.ProductHidden {
				t.Errorf("the listing is %s", p.State)
			}
			if !m.told(m.Seller, "now hidden") || !m.told(reporter, "accepted") {
				t.Error("somebody was not told")
			}
			all := m.register()
			if len(all) != 1 || all[0].ID != n.ID || all[0].Words.Name != "" || all[0].Words.Email != "" || all[0].Words.Holder != "Shanhai Ltd" || all[0].Account != "" {
				t.Errorf("the register has %+v", all)
			}
			m.Read(func(r db.Reader) error {
				if err := infringement.MayShow(t.Context(), r, infringement.Product, string(m.offer.Product.ID)); !errors.Is(err, infringement.ErrBlocked) {
					t.Errorf("may be shown: %v", err)
				}
				acts, err := audit.Of(t.Context(), r, string(n.ID))
				if len(acts) < 3 || !slices.Contains(acts[len(acts)-1].Clauses, "UA 4.7.2") {
					t.Errorf("records: %+v", acts)
				}
				return err
			})
			// Its vendor cannot bring it back.
			err := m.DB.Write(t.Context(), func(tx *db.Tx) error {
				return catalog.Unhide(t.Context(), tx, m.Seller, m.offer.Product.ID, "it is ours")
			})
			if f, ok := fault.Of(err); !ok || f.Kind != fault.Forbidden {
				t.Errorf("the vendor: %v", err)
			}
			m.must(func(tx *db.Tx) (infringement.Notice, error) {
				return m.rules.Withdraw(t.Context(), tx, reporter, string(n.ID), n.Version)
			})
			if p := m.product(); p.State != catalog.ProductListed {
				t.Errorf("after the withdrawal the listing is %s", p.State)
			}
		})
	})
}

// TestECL43_FifteenDays is the acceptance test of the clock: delivered on 1 April
// and nothing filed, on 17 April 00:00 the measure is lifted, and the register
// shows notice, statement and result.
func TestECL43_FifteenDays(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		m.Clock.Set(time.Date(2026, 4, 1, 10, 0, 0, 0, time.FixedZone("", 8*3600)))
		reporter := m.Customer(account.LegalPerson)
		n := m.counter(m.accept(m.submit(reporter, m.draft())))
		want := time.Date(2026, 4, 17, 0, 0, 0, 0, time.FixedZone("", 8*3600))
		if n.State != infringement.Waiting || !n.LiftDue.Equal(want) || n.ArrivedHow != "inbox" {
			t.Fatalf("%s, lifted at %s", n.State, n.LiftDue)
		}
		if !m.told(reporter, "nothing is infringed") {
			t.Error("the statement was not forwarded")
		}
		m.Clock.Set(want.Add(-time.Second))
		m.Drain()
		if n = m.now(n.ID); n.State != infringement.Waiting || m.product().State != catalog.ProductHidden {
			t.Fatalf("a second before: %s", n.State)
		}
		m.Clock.Set(want)
		m.Drain()
		if n = m.now(n.ID); n.State != infringement.Lifted || m.product().State != catalog.ProductListed {
			t.Fatalf("on the day: %s, listing %s", n.State, m.product().State)
		}
		if got := events(t, m, n.ID); !slices.Equal(got, []string{
			"submitted", "accepted", "measure_taken_and_forwarded", "counter_statement", "counter_forwarded", "counter_arrived", "nothing_filed_in_time",
		}) {
			t.Errorf("the register shows %v", got)
		}
	})
}

func TestECL43_WordOfASuitInTimeKeepsTheMeasure(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		reporter := m.Customer(account.LegalPerson)
		n := m.counter(m.accept(m.submit(reporter, m.draft())))
		n = m.must(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Pause(t.Context(), tx, m.Compliance, n.ID, n.Version, 20, "notarisation of the title")
		})
		if _, err := m.try(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Pause(t.Context(), tx, m.Compliance, n.ID, n.Version, 1, "more")
		}); !errors.Is(err, infringement.ErrPause) {
			t.Errorf("a twenty-first day: %v", err)
		}
		m.Clock.Advance(17 * 24 * time.Hour) // beyond the fifteen days, inside the pause
		m.Drain()
		if n = m.now(n.ID); n.State != infringement.Waiting {
			t.Fatalf("inside the pause: %s", n.State)
		}
		n = m.must(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Filed(t.Context(), tx, reporter, string(n.ID), n.Version, "Beijing IP Court, case 1")
		})
		m.Clock.Advance(200 * 24 * time.Hour)
		m.Drain()
		if n = m.now(n.ID); n.State != infringement.Kept || m.product().State != catalog.ProductHidden || !m.told(m.Seller, "stays in force") {
			t.Fatalf("after the suit: %s", n.State)
		}
		n = m.must(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Lift(t.Context(), tx, m.Compliance, n.ID, n.Version, "the suit was lost")
		})
		n = m.must(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Flag(t.Context(), tx, m.Compliance, n.ID, n.Version, true, "it knew of the licence")
		})
		if !m.register()[0].Malicious || m.product().State != catalog.ProductListed {
			t.Error("the result does not show")
		}
	})
}

// TestWithoutAnAccount walks the way of somebody who has none: confirm, be told
// what is missing, complete, be accepted, and get the statement by mail, whose
// receipt starts the clock.
func TestWithoutAnAccount(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		in := m.draft()
		in.Words.Proof = ""
		n := m.submit(nobody, in)
		m.Drain()
		if n.State != infringement.Unconfirmed || len(m.mail.Messages()) != 1 {
			t.Fatalf("%s, %d mails", n.State, len(m.mail.Messages()))
		}
		_, key, _ := strings.Cut(m.mail.Messages()[0].Text, "https://market.example/infringement/confirm/")
		for _, wrong := range []string{string(n.ID), string(n.ID) + ".", key[:len(key)-1] + "!", "ifn_x." + key} {
			if _, err := m.try(func(tx *db.Tx) (infringement.Notice, error) { return m.rules.Confirm(t.Context(), tx, nobody, wrong) }); err == nil {
				t.Errorf("%q is a key", wrong)
			}
		}
		n = m.must(func(tx *db.Tx) (infringement.Notice, error) { return m.rules.Confirm(t.Context(), tx, nobody, key) })
		m.Drain()
		if n.State != infringement.Incomplete || !strings.Contains(m.mail.Messages()[1].Text, "- Preliminary evidence") {
			t.Fatalf("%s, mail %q", n.State, m.mail.Messages()[1].Text)
		}
		again := m.must(func(tx *db.Tx) (infringement.Notice, error) { return m.rules.Confirm(t.Context(), tx, nobody, key) })
		if again.Version != n.Version {
			t.Error("confirming twice did something")
		}
		n = m.must(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Complete(t.Context(), tx, nobody, key, n.Version, infringement.Draft{Words: infringement.Words{Proof: "Certificate no. 1234567"}})
		})
		n = m.counter(m.accept(n))
		if n.State != infringement.CounterForwarded || !n.LiftDue.IsZero() {
			t.Fatalf("before the mail has arrived: %s", n.State)
		}
		m.Drain()
		n = m.now(n.ID)
		carried := slices.ContainsFunc(m.mail.Messages(), func(l mail.Message) bool {
			return l.To == "li@example.com" && strings.Contains(l.Text, statement.Statement) && strings.Contains(l.Text, key)
		})
		if n.State != infringement.Waiting || n.ArrivedHow != "mail" || !carried {
			t.Fatalf("%s %s, statement mailed: %v", n.State, n.ArrivedHow, carried)
		}
	})
}

func TestAnUnconfirmedNoticeIsForgotten(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		n := m.submit(nobody, m.draft())
		m.Clock.Advance(8 * 24 * time.Hour)
		m.Drain()
		if n = m.now(n.ID); n.State != infringement.Expired || n.Words != (infringement.Words{}) || n.Summary != "" {
			t.Errorf("%+v", n)
		}
	})
}

func TestClause_4_7_5_AnAddressGivesOnlySoManyNotices(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		t.Run("allowed_five", func(t *testing.T) {
			for range 5 {
				m.submit(nobody, m.draft())
			}
		})
		t.Run("refused_sixth", func(t *testing.T) {
			in := m.draft()
			in.Words.Email = "LI@example.com"
			_, err := m.try(func(tx *db.Tx) (infringement.Notice, error) { return m.rules.Submit(t.Context(), tx, nobody, in) })
			if !errors.Is(err, infringement.ErrLimited) {
				t.Error(err)
			}
		})
		t.Run("allowed_a_day_later", func(t *testing.T) {
			m.Clock.Advance(25 * time.Hour)
			m.submit(nobody, m.draft())
		})
	})
}

func TestIllegalContentIsDecidedByTheOperator(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		in := m.draft()
		in.Right, in.Words.Holder, in.Words.Right, in.Words.Proof = infringement.Illegal, "", "", ""
		n := m.counter(m.accept(m.submit(m.Customer(account.Individual), in)))
		if n.State != infringement.CounterReceived {
			t.Fatal(n.State)
		}
		n = m.must(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Keep(t.Context(), tx, m.Compliance, n.ID, n.Version, "forbidden by law")
		})
		if n.State != infringement.Kept || m.product().State != catalog.ProductHidden {
			t.Error(n.State)
		}
	})
}

// TestTwoNoticesOnOneListing: it comes back with the last, and as it was.
func TestTwoNoticesOnOneListing(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		m.Write(func(tx *db.Tx) error {
			return catalog.Hide(t.Context(), tx, m.Seller, m.offer.Product.ID, "in stock again soon")
		})
		one, two := m.Customer(account.LegalPerson), m.Customer(account.LegalPerson)
		first, second := m.accept(m.submit(one, m.draft())), m.accept(m.submit(two, m.draft()))
		m.must(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Withdraw(t.Context(), tx, one, string(first.ID), first.Version)
		})
		if p := m.product(); p.State != catalog.ProductHidden || p.HiddenCause != "operator" {
			t.Errorf("with one left: %s by %s", p.State, p.HiddenCause)
		}
		m.must(func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Withdraw(t.Context(), tx, two, string(second.ID), second.Version)
		})
		if p := m.product(); p.State != catalog.ProductHidden || p.HiddenCause != "vendor" {
			t.Errorf("with none left: %s by %s", p.State, p.HiddenCause)
		}
	})
}

func TestWhoMayDoWhat(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		reporter, stranger := m.Customer(account.LegalPerson), m.Customer(account.Individual)
		n := m.submit(reporter, m.draft())
		refused := func(name string, want error, do func(tx *db.Tx) (infringement.Notice, error)) {
			t.Helper()
			if _, err := m.try(do); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		refused("the vendor about itself", infringement.ErrOwn, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Submit(t.Context(), tx, m.Seller, m.draft())
		})
		refused("a customer decides", infringement.ErrForbidden, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Accept(t.Context(), tx, reporter, n.ID, n.Version, "yes")
		})
		refused("support decides", infringement.ErrForbidden, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Reject(t.Context(), tx, m.Support, n.ID, n.Version, "no")
		})
		refused("no reason", infringement.ErrRequired, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Accept(t.Context(), tx, m.Compliance, n.ID, n.Version, " ")
		})
		refused("a stranger withdraws", account.ErrForeign, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Withdraw(t.Context(), tx, stranger, string(n.ID), n.Version)
		})
		refused("the vendor answers before it was forwarded", account.ErrForeign, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Counter(t.Context(), tx, m.Seller, n.ID, n.Version, statement)
		})
		n = m.accept(n)
		refused("a stranger answers", account.ErrForeign, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Counter(t.Context(), tx, stranger, n.ID, n.Version, statement)
		})
		refused("a statement without proof", infringement.ErrCounter, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Counter(t.Context(), tx, m.Seller, n.ID, n.Version, infringement.Counter{Name: "x", Truthful: true})
		})
		refused("an old page", infringement.ErrStale, func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Counter(t.Context(), tx, m.Seller, n.ID, n.Version-1, statement)
		})
	})
}

// TestRaces: of many who decide, answer or withdraw at once, one does.
func TestRaces(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		reporter := m.Customer(account.LegalPerson)
		once := func(name string, do func(tx *db.Tx) (infringement.Notice, error)) {
			t.Helper()
			const racers = 6
			var wg sync.WaitGroup
			errs := make([]error, racers)
			for i := range racers {
				wg.Go(func() {
					_, errs[i] = m.try(do)
				})
			}
			wg.Wait()
			won := 0
			for _, err := range errs {
				switch _, ok := fault.Of(err); {
				case err == nil:
					won++
				case !ok:
					t.Errorf("%s: %v", name, err)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d won", name, won)
			}
		}
		n := m.submit(reporter, m.draft())
		once("accept", func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Accept(t.Context(), tx, m.Compliance, n.ID, n.Version, "the mark is registered")
		})
		n = m.now(n.ID)
		once("answer", func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Counter(t.Context(), tx, m.Seller, n.ID, n.Version, statement)
		})
		n = m.now(n.ID)
		once("file or withdraw", func(tx *db.Tx) (infringement.Notice, error) {
			return m.rules.Filed(t.Context(), tx, reporter, string(n.ID), n.Version, "a court")
		})
	})
}
