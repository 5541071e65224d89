package enforcement_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const (
	price = 30000
	day   = 24 * time.Hour
)

func sha(b []byte) [32]byte { return sha256.Sum256(b) }

// officer is a program that acts for the operator.
func officer(name string) audit.Actor {
	by := audit.Job(name)
	by.Roles = []string{account.Compliance}
	return by
}

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

// market is a world with a buyer and three officers.
type market struct {
	*world.Trade
	t             *testing.T
	buyer         audit.Actor
	second, third audit.Actor
	rules         enforcement.Rules
}

// markets runs fn on each engine.
func markets(t *testing.T, fn func(t *testing.T, m market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		m := market{Trade: w, t: t, buyer: w.Customer(account.Individual), second: w.Staff(account.Compliance), third: w.Staff(account.Compliance)}
		// What the program wires: refunds ask enforcement, and are told by it.
		refunds := w.Refund
		refunds.Breach = enforcement.BreachOf
		w.Refund = refunds
		m.rules = enforcement.Rules{Content: map[string]enforcement.Blocker{enforcement.Product: enforcement.Products()}, BreachDecided: refunds.BreachDecided}
		w.With(enforcement.Work{Rules: m.rules}.Handlers())
		w.With(refund.Work{Rules: refunds}.Handlers())
		fn(t, m)
	})
}

func (m market) subject() account.ID { return account.ID(m.buyer.Account) }

func proof(s string) []enforcement.Item {
	return []enforcement.Item{{Kind: enforcement.Capture, Title: "log", URL: "https://market.example/x", Content: []byte(s)}}
}

// try runs one command on a case.
func (m market) try(do func(tx *db.Tx) (enforcement.Case, error)) (c enforcement.Case, err error) {
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) (err error) {
		c, err = do(tx)
		return err
	})
	return c, err
}

func (m market) must(do func(tx *db.Tx) (enforcement.Case, error)) enforcement.Case {
	m.t.Helper()
	c, err := m.try(do)
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

func (m market) opened(in enforcement.Opening) enforcement.Case {
	m.t.Helper()
	if in.Subject == "" {
		in.Subject = m.subject()
	}
	if in.Source == "" {
		in.Source = enforcement.SelfFound
	}
	if in.Facts == "" {
		in.Facts = "Two hundred addresses were tried in a minute."
	}
	if in.Evidence == nil {
		in.Evidence = proof("GET /.env 404")
	}
	return m.must(func(tx *db.Tx) (enforcement.Case, error) {
		return enforcement.Open(m.t.Context(), tx, m.Compliance, in)
	})
}

func (m market) decide(by audit.Actor, c enforcement.Case, plans ...enforcement.Plan) (enforcement.Case, error) {
	return m.try(func(tx *db.Tx) (enforcement.Case, error) {
		return m.rules.Decide(m.t.Context(), tx, by, c.ID, m.version(c.ID), enforcement.Decision{Reasons: "The log shows it.", Measures: plans, Points: -1})
	})
}

func (m market) confirm(by audit.Actor, id enforcement.ID, yes bool) (enforcement.Case, error) {
	return m.try(func(tx *db.Tx) (enforcement.Case, error) {
		return m.rules.Confirm(m.t.Context(), tx, by, id, m.version(id), yes, "seen")
	})
}

// decided is a case whose decision was served.
func (m market) decided(c enforcement.Case, plans ...enforcement.Plan) enforcement.Case {
	m.t.Helper()
	got, err := m.decide(m.Compliance, c, plans...)
	if err != nil {
		m.t.Fatal(err)
	}
	if got.State == enforcement.SecondReview {
		if _, err := m.confirm(m.second, c.ID, true); err != nil {
			m.t.Fatal(err)
		}
	}
	m.Drain()
	return m.file(c.ID).Case
}

func (m market) file(id enforcement.ID) (f enforcement.Dossier) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		f, err = enforcement.Get(m.t.Context(), r, m.Compliance, id)
		return err
	})
	return f
}

func (m market) version(id enforcement.ID) int64 { return m.file(id).Version }

func (m market) measure(id enforcement.ID, k enforcement.Kind) enforcement.Measure {
	m.t.Helper()
	f := m.file(id)
	i := slices.IndexFunc(f.Measures, func(x enforcement.Measure) bool { return x.Kind == k })
	if i < 0 {
		m.t.Fatalf("no measure %s in %s", k, id)
	}
	return f.Measures[i]
}

func (m market) lift(id enforcement.ID, k enforcement.Kind) {
	m.t.Helper()
	one := m.measure(id, k)
	m.must(func(tx *db.Tx) (enforcement.Case, error) {
		return m.rules.Lift(m.t.Context(), tx, m.Compliance, one.ID, m.version(id), "done")
	})
}

func (m market) refused(err error, code, clause string) {
	m.t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		m.t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

func (m market) can(who audit.Actor, capability string) (err error) {
	m.t.Helper()
	m.Read(func(r db.Reader) error { err = account.MustCan(m.t.Context(), r, who, capability); return nil })
	return err
}

func (m market) told(who account.ID, code string) (items []message.Item) {
	m.t.Helper()
	m.Read(func(r db.Reader) error {
		inbox, err := message.Inbox(m.t.Context(), r, who, "")
		for _, item := range inbox {
			if item.Code == code {
				items = append(items, item)
			}
		}
		return err
	})
	return items
}

func (m market) accountOf(id account.ID) (a account.Account) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) { a, err = account.Get(m.t.Context(), r, id); return err })
	return a
}

func (m market) vendorOf(id vendor.ID) (v vendor.Vendor) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) { v, err = vendor.Get(m.t.Context(), r, id); return err })
	return v
}

func (m market) right(o order.Order) (e entitlement.Entitlement) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		e, err = entitlement.OfLine(m.t.Context(), r, string(o.Line))
		return err
	})
	return e
}

var (
	noAPI  = enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{account.API}, Days: 7}
	noBuy  = enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{account.Buy}, Days: 30}
	theEnd = enforcement.Plan{Kind: enforcement.Terminate}
)

func TestClause_4_7_AReportOpensACaseWithTheMeasuresOfItsType(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		c := m.opened(enforcement.Opening{Violation: "4.7.5", Reference: "cmp_1", Source: enforcement.OtherReport, Reporter: account.ID(m.Seller.Account)})
		again := m.opened(enforcement.Opening{Violation: "UA 4.7.5", Reference: "cmp_1", Source: enforcement.OtherReport})
		if again.ID != c.ID || c.Violation != "UA 4.7.5" || !slices.Equal(c.Clauses, []string{"UA 4.7.5"}) {
			t.Errorf("opened twice, or badly: %+v %+v", c, again)
		}
		m.Read(func(r db.Reader) error {
			p, err := enforcement.Suggest(ctx, r, c)
			if len(p.Measures) != 1 || p.Measures[0].Kind != enforcement.Restrict || !slices.Equal(p.Measures[0].Functions, []string{account.API}) || p.Second {
				t.Errorf("proposed: %+v", p)
			}
			return err
		})
		_, err := m.try(func(tx *db.Tx) (enforcement.Case, error) {
			return enforcement.Open(ctx, tx, m.Compliance, enforcement.Opening{Subject: m.subject(), Source: enforcement.SelfFound, Violation: "4.12", Facts: "x", Evidence: proof("x")})
		})
		if t.Run("refused a violation that no rule knows", func(t *testing.T) { m.refused(err, "VIOLATION_UNKNOWN", "UA 4.7") }); m.file(c.ID).State != enforcement.Opened {
			t.Error("something was decided by itself")
		}
		t.Run("allowed to close with a decision that cites a clause", func(t *testing.T) {
			got := m.decided(c, noAPI)
			if got.State != enforcement.InForce || got.DecidedBy != m.Compliance.User || got.NeedsSecond {
				t.Errorf("decided: %+v", got)
			}
			m.refused(m.can(m.buyer, account.API), "ACCOUNT_RESTRICTED", "UA 8.2.3")
			if len(m.told(account.ID(m.Seller.Account), "M-03")) != 1 {
				t.Error("who reported it was not told")
			}
		})
		t.Run("refused to one person when clause 4.7 stands alone", func(t *testing.T) {
			alone := m.opened(enforcement.Opening{Violation: "4.7"})
			got, err := m.decide(m.Compliance, alone, noAPI)
			if err != nil || got.State != enforcement.SecondReview {
				t.Fatalf("%s, %v", got.State, err)
			}
			_, err = m.confirm(m.Compliance, alone.ID, true)
			m.refused(err, "SECOND_APPROVER_REQUIRED", "UA 8.2")
		})
	})
}

func TestClause_4_7_8_IsNotDecidedByOnePerson(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		_, err := m.try(func(tx *db.Tx) (enforcement.Case, error) {
			return enforcement.Open(ctx, tx, m.Compliance, enforcement.Opening{Subject: m.subject(), Source: enforcement.Authority, Violation: "4.7.8", Facts: "Forged papers.", Evidence: proof("x")})
		})
		t.Run("refused without its law", func(t *testing.T) { m.refused(err, "LEGAL_BASIS_REQUIRED", "UA 4.7.8") })
		c := m.opened(enforcement.Opening{Violation: "4.7.8", Basis: "Criminal Law 280", Source: enforcement.Authority, Facts: "Forged papers."})
		got, err := m.decide(m.Compliance, c, noBuy)
		if err != nil || got.State != enforcement.SecondReview {
			t.Fatalf("%s, %v", got.State, err)
		}
		m.Drain()
		if m.can(m.buyer, account.Buy) != nil {
			t.Error("one signature took a function")
		}
		// The same person with two roles is still one.
		both := m.Compliance
		both.Roles = []string{account.Compliance, account.Superadmin}
		_, err = m.confirm(both, c.ID, true)
		t.Run("refused to the first again", func(t *testing.T) { m.refused(err, "SECOND_APPROVER_REQUIRED", "UA 8.2") })
		_, err = m.confirm(m.Support, c.ID, true)
		m.refused(err, "FORBIDDEN", "")
		if _, err = m.confirm(m.second, c.ID, false); err != nil {
			t.Fatal(err)
		}
		if f := m.file(c.ID); f.State != enforcement.Evidence || f.Measures[0].State != enforcement.MeasureDropped {
			t.Errorf("declined: %s, %s", f.State, f.Measures[0].State)
		}
		t.Run("allowed to two", func(t *testing.T) {
			if got := m.decided(c, noBuy); got.State != enforcement.InForce || got.SecondBy != m.second.User {
				t.Errorf("%+v", got)
			}
			m.refused(m.can(m.buyer, account.Buy), "ACCOUNT_RESTRICTED", "UA 8.2.3")
		})
	})
}

func TestClause_P_4_NoMeasureIsStoredWithoutAClause(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		c := m.opened(enforcement.Opening{Violation: "RB enforcement-8"})
		for _, clauses := range [][]string{{"UA 4.12"}, {"RB nowhere-1"}, {"ECL 17"}, {""}} {
			_, err := m.try(func(tx *db.Tx) (enforcement.Case, error) {
				return m.rules.Decide(ctx, tx, m.Compliance, c.ID, c.Version, enforcement.Decision{Clauses: clauses, Reasons: "r", Measures: []enforcement.Plan{noAPI}})
			})
			t.Run("refused "+clauses[0], func(t *testing.T) { m.refused(err, "RULE_NOT_IN_FORCE", "UA 1.1") })
		}
		// The database refuses it, too.
		err := m.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO enforcement_measure (id, case_id, clause, kind, functions, content_kind, content_id, demand_sealed, necessity_sealed, points, days, review_days, state,
				due_at, until_at, review_at, effective_at, ended_at, ended_by, adopted_by, prior, sealed_copy, copy_sha256, answer_sealed, published_at)
				VALUES ('msr_x', $1, 'UA 4.3', '8.2.3', 'buy', '', '', $2, $2, 0, 0, 0, 'planned', 0, 0, 0, 0, 0, '', '', '', $2, '', $2, 0)`, string(c.ID), []byte("x"))
			return err
		})
		if !db.Foreign(err) {
			t.Errorf("a measure on a clause that its case does not have: %v", err)
		}
		t.Run("allowed a section of a rulebook that binds", func(t *testing.T) {
			if got := m.decided(c, noAPI); got.State != enforcement.InForce {
				t.Error(got.State)
			}
		})
		m.Read(func(r db.Reader) error {
			all, err := enforcement.Citing(ctx, r, "RB enforcement-8", 10)
			if len(all) != 1 || all[0].ID != c.ID {
				t.Errorf("which clause did this: %+v", all)
			}
			return err
		})
	})
}

func TestClause_8_2_OneCaseTwoMeasuresEachLiftedAlone(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		offer := m.Listed(world.Content(delivery.HookNative, price))
		sheet := enforcement.Content{Kind: enforcement.Product, ID: string(offer.Product.ID)}
		c := m.opened(enforcement.Opening{Subject: account.ID(m.Seller.Account), Violation: "RB enforcement-8", Content: sheet, Facts: "It claims to be the best."})
		got := m.decided(c,
			enforcement.Plan{Kind: enforcement.Rectify, Content: sheet, Demand: "Remove the claim.", Days: 3},
			enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{enforcement.Publish, account.API}, Days: 15})
		if got.State != enforcement.InForce || got.ServedAt.IsZero() || got.Notice == "" {
			t.Fatalf("%+v", got)
		}
		notices := m.told(account.ID(m.Seller.Account), "N-53")
		if len(notices) != 1 || string(notices[0].ID) != got.Notice {
			t.Fatalf("served by %v, not by %s", notices, got.Notice)
		}
		for _, part := range []string{"It claims to be the best.", "Enforcement rules 8", "Remove the claim", "publishing", "A person decided", "appeal"} {
			if !strings.Contains(notices[0].Body(text.EN), part) {
				t.Errorf("the notice does not say %q: %s", part, notices[0].Body(text.EN))
			}
		}
		// The subject sees facts, rule, duration and that it may appeal; not who acted or reported.
		m.Read(func(r db.Reader) error {
			f, err := enforcement.Mine(ctx, r, m.Seller, c.ID)
			if f.Facts == "" || len(f.Clauses) == 0 || len(f.Measures) != 2 || f.Measures[1].UntilAt.IsZero() || f.AppealUntil.IsZero() || f.DecidedBy != "" || f.OpenedBy != "" {
				t.Errorf("shown to the subject: %+v", f)
			}
			if _, err := enforcement.Mine(ctx, r, m.buyer, c.ID); !errors.Is(err, account.ErrForeign) {
				t.Errorf("a stranger: %v", err)
			}
			return err
		})
		order, taken := m.measure(c.ID, enforcement.Rectify), m.measure(c.ID, enforcement.Restrict)
		if !order.EffectiveAt.Equal(got.ServedAt) || !taken.EffectiveAt.Equal(got.ServedAt) {
			t.Error("a measure took effect at another time than service")
		}
		if m.vendorOf(m.Vendor).State != vendor.PublishLimited {
			t.Error("the vendor still publishes")
		}
		m.lift(c.ID, enforcement.Restrict)
		if m.vendorOf(m.Vendor).State != vendor.Onboarded || m.can(m.Seller, account.API) != nil {
			t.Error("lifting gave nothing back")
		}
		if got := m.measure(c.ID, enforcement.Rectify).State; got != enforcement.Effective {
			t.Errorf("lifting one changed the other: %s", got)
		}
		m.lift(c.ID, enforcement.Rectify)
		if f := m.file(c.ID); f.State != enforcement.InForce {
			t.Errorf("before the time to appeal is over: %s", f.State)
		}
		m.Clock.Advance(16 * day)
		m.Drain()
		if f := m.file(c.ID); f.State != enforcement.Ended || f.FinalAt.IsZero() {
			t.Errorf("after it: %s", f.State)
		}
	})
}

func TestClause_8_2_EvidenceIsSealedAndOpenedForAReason(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		c := m.opened(enforcement.Opening{Violation: "4.7.5", Evidence: proof("the secret log line")})
		e := m.file(c.ID).Exhibits[0]
		m.Read(func(r db.Reader) error {
			raw, err := db.Value[[]byte](ctx, r, `SELECT content_sealed FROM enforcement_evidence WHERE id = $1`, e.ID)
			if strings.Contains(string(raw), "secret") {
				t.Error("evidence lies open")
			}
			return err
		})
		look := func(by audit.Actor, reason string) (content []byte, err error) {
			err = m.DB.Write(ctx, func(tx *db.Tx) error {
				_, content, err = enforcement.Look(ctx, tx, by, e.ID, reason)
				return err
			})
			return content, err
		}
		_, err := look(m.Compliance, " ")
		t.Run("refused without a reason", func(t *testing.T) { m.refused(err, "FIELD_REQUIRED", "") })
		_, err = look(m.Support, "curious")
		t.Run("refused to who does not decide", func(t *testing.T) { m.refused(err, "FORBIDDEN", "") })
		t.Run("allowed with one, and recorded", func(t *testing.T) {
			content, err := look(m.Compliance, "to decide")
			if err != nil || string(content) != "the secret log line" || e.SHA256 != fmt.Sprintf("%x", sha(content)) {
				t.Errorf("%q, %v", content, err)
			}
			m.Read(func(r db.Reader) error {
				acts, err := audit.Of(ctx, r, e.ID)
				if !slices.ContainsFunc(acts, func(a audit.Act) bool { return a.Act == "enforcement.evidence_opened" && a.Actor == m.Compliance.User }) {
					t.Error("the look was not recorded")
				}
				return err
			})
		})
	})
}

func TestClause_8_2_AnAppealIsDecidedByAThird(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		plea := func(by audit.Actor, id enforcement.ID) (enforcement.Case, error) {
			return m.try(func(tx *db.Tx) (enforcement.Case, error) {
				return enforcement.AppealAgainst(ctx, tx, by, id, m.version(id), "It was not me.")
			})
		}
		verdict := func(by audit.Actor, id enforcement.ID, v enforcement.Verdict) (enforcement.Case, error) {
			v.Reasons = "Looked at again."
			return m.try(func(tx *db.Tx) (enforcement.Case, error) {
				return m.rules.DecideAppeal(ctx, tx, by, id, m.version(id), v)
			})
		}
		c := m.decided(m.opened(enforcement.Opening{Violation: "4.7.8", Basis: "Criminal Law 280"}), noBuy)
		_, err := plea(m.Seller, c.ID)
		t.Run("refused to a stranger", func(t *testing.T) { m.refused(err, "NOT_FOUND", "UA 4.7.3") })
		if _, err := plea(m.buyer, c.ID); err != nil {
			t.Fatal(err)
		}
		for _, by := range []audit.Actor{m.Compliance, m.second} {
			_, err := verdict(by, c.ID, enforcement.Verdict{Outcome: enforcement.Upheld})
			t.Run("refused to who decided", func(t *testing.T) { m.refused(err, "SECOND_APPROVER_REQUIRED", "UA 8.2") })
		}
		t.Run("allowed upheld", func(t *testing.T) {
			got, err := verdict(m.third, c.ID, enforcement.Verdict{Outcome: enforcement.Upheld})
			if err != nil || got.State != enforcement.Upheld || got.FinalAt.IsZero() {
				t.Errorf("%s, %v", got.State, err)
			}
			m.refused(m.can(m.buyer, account.Buy), "ACCOUNT_RESTRICTED", "UA 8.2.3")
		})
		t.Run("allowed revised", func(t *testing.T) {
			c := m.decided(m.opened(enforcement.Opening{Violation: "4.7.5"}), noAPI, enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{account.Message}, Days: 30})
			if _, err := plea(m.buyer, c.ID); err != nil {
				t.Fatal(err)
			}
			f := m.file(c.ID)
			if f.Measures[0].Functions[0] != account.API {
				slices.Reverse(f.Measures)
			}
			_, err := verdict(m.third, c.ID, enforcement.Verdict{Outcome: enforcement.Revised, Days: map[enforcement.MeasureID]int{f.Measures[1].ID: 60}})
			m.refused(err, "FIELD_INVALID", "")
			got, err := verdict(m.third, c.ID, enforcement.Verdict{
				Outcome: enforcement.Revised, Lift: []enforcement.MeasureID{f.Measures[0].ID}, Days: map[enforcement.MeasureID]int{f.Measures[1].ID: 5},
			})
			if err != nil || got.State != enforcement.Revised {
				t.Fatalf("%s, %v", got.State, err)
			}
			if m.can(m.buyer, account.API) != nil {
				t.Error("what was lifted is still taken")
			}
			m.refused(m.can(m.buyer, account.Message), "ACCOUNT_RESTRICTED", "UA 8.2.3")
			m.Clock.Advance(6 * day)
			m.Drain()
			if m.can(m.buyer, account.Message) != nil || m.file(c.ID).State != enforcement.Ended {
				t.Errorf("after the shorter time: %v, %s", m.can(m.buyer, account.Message), m.file(c.ID).State)
			}
		})
		t.Run("allowed revoked", func(t *testing.T) {
			before := m.points()
			c := m.decided(m.opened(enforcement.Opening{Violation: "4.7.5"}), noAPI)
			if m.points() != before+12 {
				t.Errorf("%d points, before %d", m.points(), before)
			}
			if _, err := plea(m.buyer, c.ID); err != nil {
				t.Fatal(err)
			}
			got, err := verdict(m.third, c.ID, enforcement.Verdict{Outcome: enforcement.Revoked})
			if err != nil || got.State != enforcement.Revoked || got.EndedAt.IsZero() || m.can(m.buyer, account.API) != nil || m.points() != before {
				t.Errorf("%s, %v, %d points", got.State, err, m.points())
			}
		})
		t.Run("refused after the window", func(t *testing.T) {
			c := m.decided(m.opened(enforcement.Opening{Violation: "4.7.5"}), noAPI)
			m.Clock.Advance(16 * day)
			_, err := plea(m.buyer, c.ID)
			m.refused(err, "APPEAL_WINDOW_CLOSED", "UA 8.2")
		})
	})
}

func (m market) points() (n int64) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		n, err = enforcement.PointsOf(m.t.Context(), r, m.subject())
		return err
	})
	return n
}

func TestClause_8_2_WhoAsksForAPersonGetsOne(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		program := audit.Job("serve.probe")
		c := m.opened(enforcement.Opening{Violation: "4.7.5"})
		got, err := m.decide(program, c, noAPI)
		if err != nil || !got.Automated {
			t.Fatalf("%+v, %v", got, err)
		}
		m.Drain()
		if n := m.told(m.subject(), "N-53"); len(n) != 1 || !strings.Contains(n[0].Body(text.EN), "A program decided this") {
			t.Error("the notice does not say that a program decided")
		}
		ask := func(id enforcement.ID) (enforcement.Case, error) {
			return m.try(func(tx *db.Tx) (enforcement.Case, error) {
				return enforcement.AskHuman(ctx, tx, m.buyer, id, m.version(id))
			})
		}
		got, err = ask(c.ID)
		if err != nil || got.State != enforcement.Appealed || got.HumanAsked.IsZero() {
			t.Fatalf("%+v, %v", got, err)
		}
		_, err = m.try(func(tx *db.Tx) (enforcement.Case, error) {
			return m.rules.DecideAppeal(ctx, tx, officer("x"), c.ID, got.Version, enforcement.Verdict{Outcome: enforcement.Upheld, Reasons: "x"})
		})
		t.Run("refused to a program", func(t *testing.T) { m.refused(err, "ENFORCEMENT_NO_HUMAN", "UA 8.2") })
		t.Run("allowed to a person", func(t *testing.T) {
			got, err := m.try(func(tx *db.Tx) (enforcement.Case, error) {
				return m.rules.DecideAppeal(ctx, tx, m.Compliance, c.ID, got.Version, enforcement.Verdict{Outcome: enforcement.Revoked, Reasons: "A search engine."})
			})
			if err != nil || got.State != enforcement.Revoked {
				t.Errorf("%s, %v", got.State, err)
			}
		})
		person := m.decided(m.opened(enforcement.Opening{Violation: "4.7.5"}), noAPI)
		_, err = ask(person.ID)
		t.Run("refused where a person decided", func(t *testing.T) { m.refused(err, "ENFORCEMENT_STATE", "") })
	})
}

func TestClause_8_2_1_AnOverdueOrderProposesAndExecutesNothing(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		offer := m.Listed(world.Content(delivery.HookNative, price))
		sheet := enforcement.Content{Kind: enforcement.Product, ID: string(offer.Product.ID)}
		listed := func() catalog.ProductState { return m.product(offer.Product.ID).State }
		c := m.decided(m.opened(enforcement.Opening{Subject: account.ID(m.Seller.Account), Violation: "4.7.2", Content: sheet}),
			enforcement.Plan{Kind: enforcement.Rectify, Content: sheet, Demand: "Remove the mark.", Days: 3})
		m.Clock.Advance(4 * day)
		m.Drain()
		f := m.file(c.ID)
		if f.Measures[0].State != enforcement.Overdue || len(f.Measures) != 2 || f.Measures[1].State != enforcement.Proposed || f.Measures[1].Kind != enforcement.Block {
			t.Fatalf("overdue: %+v", f.Measures)
		}
		t.Run("refused to execute by itself", func(t *testing.T) {
			m.Clock.Advance(5 * day)
			m.Drain()
			if listed() != catalog.ProductListed {
				t.Error("nobody decided, and it is gone")
			}
		})
		t.Run("allowed when a person adopts it", func(t *testing.T) {
			m.must(func(tx *db.Tx) (enforcement.Case, error) {
				return m.rules.Adopt(ctx, tx, m.Compliance, f.Measures[1].ID, m.version(c.ID), "Nothing was done.")
			})
			m.Drain()
			if listed() != catalog.ProductHidden || len(m.told(account.ID(m.Seller.Account), "N-53")) != 2 {
				t.Error("adopted, and not in force or not served")
			}
		})
		t.Run("allowed to comply in time", func(t *testing.T) {
			other := m.Listed(world.Content(delivery.HookNative, price))
			sheet := enforcement.Content{Kind: enforcement.Product, ID: string(other.Product.ID)}
			c := m.decided(m.opened(enforcement.Opening{Subject: account.ID(m.Seller.Account), Violation: "4.7.2", Content: sheet}),
				enforcement.Plan{Kind: enforcement.Rectify, Content: sheet, Demand: "Remove the mark.", Days: 3})
			one := m.measure(c.ID, enforcement.Rectify)
			m.must(func(tx *db.Tx) (enforcement.Case, error) {
				return enforcement.Answer(ctx, tx, m.Seller, one.ID, m.version(c.ID), "Removed.")
			})
			m.Clock.Advance(4 * day)
			m.Drain()
			if got := m.measure(c.ID, enforcement.Rectify).State; got != enforcement.Answered {
				t.Errorf("answered in time, now %s", got)
			}
			m.must(func(tx *db.Tx) (enforcement.Case, error) {
				return m.rules.Judge(ctx, tx, m.Compliance, one.ID, m.version(c.ID), true, "")
			})
			if got := m.measure(c.ID, enforcement.Rectify).State; got != enforcement.Complied {
				t.Error(got)
			}
		})
	})
}

func (m market) product(id catalog.ProductID) (p catalog.Product) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) { p, err = catalog.Get(m.t.Context(), r, id); return err })
	return p
}

func TestClause_8_2_2_BlockedContentComesBackIdentical(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		offer := m.Listed(world.Content(delivery.HookNative, price))
		sheet := enforcement.Content{Kind: enforcement.Product, ID: string(offer.Product.ID)}
		show := func() (s enforcement.Shown) {
			m.Read(func(r db.Reader) (err error) {
				s, err = m.rules.Content[enforcement.Product].Show(ctx, r, sheet.ID)
				return err
			})
			return s
		}
		before := show()
		_, err := m.decide(m.Compliance, m.opened(enforcement.Opening{Violation: "4.7.1", Content: sheet}), enforcement.Plan{Kind: enforcement.Block, Content: sheet})
		t.Run("refused content of somebody else than the subject", func(t *testing.T) { m.refused(err, "FIELD_INVALID", "") })
		c := m.decided(m.opened(enforcement.Opening{Subject: account.ID(m.Seller.Account), Violation: "4.7.1", Content: sheet}), enforcement.Plan{Kind: enforcement.Block, Content: sheet})
		t.Run("refused to the vendor and to officers beside the case", func(t *testing.T) {
			for _, by := range []audit.Actor{m.Seller, m.Compliance} {
				err := m.DB.Write(ctx, func(tx *db.Tx) error { return catalog.Unhide(ctx, tx, by, offer.Product.ID, "please") })
				m.refused(err, "CONTENT_BLOCKED", "UA 8.2.2")
			}
		})
		m.Read(func(r db.Reader) error {
			stone, blocked, err := enforcement.TombstoneOf(ctx, r, sheet)
			if !blocked || stone.Case != c.ID || stone.Owner != account.ID(m.Seller.Account) || stone.Clause != "UA 4.7.1" || stone.SHA256 != fmt.Sprintf("%x", sha(before.Bytes)) {
				t.Errorf("tombstone: %+v, %v", stone, blocked)
			}
			return err
		})
		var kept []byte
		m.Write(func(tx *db.Tx) (err error) {
			kept, err = enforcement.CopyOf(ctx, tx, m.Compliance, m.measure(c.ID, enforcement.Block).ID, "to compare")
			return err
		})
		if string(kept) != string(before.Bytes) {
			t.Error("the sealed copy is not what was blocked")
		}
		t.Run("allowed back, with the identical hash", func(t *testing.T) {
			m.lift(c.ID, enforcement.Block)
			if got := show(); sha(got.Bytes) != sha(before.Bytes) || m.product(offer.Product.ID).State != catalog.ProductListed {
				t.Error("what came back is not what was blocked")
			}
		})
	})
}

func TestClause_8_2_2_WhatTwoCasesBlockComesBackWithTheLast(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		offer := m.Listed(world.Content(delivery.HookNative, price))
		sheet := enforcement.Content{Kind: enforcement.Product, ID: string(offer.Product.ID)}
		block := func() enforcement.Case {
			return m.decided(m.opened(enforcement.Opening{Subject: account.ID(m.Seller.Account), Violation: "4.7.1", Content: sheet}), enforcement.Plan{Kind: enforcement.Block, Content: sheet})
		}
		first := block()
		m.Clock.Advance(time.Minute)
		second := block()
		stands := func(want catalog.ProductState, by enforcement.ID) {
			t.Helper()
			m.Read(func(r db.Reader) error {
				stone, blocked, err := enforcement.TombstoneOf(t.Context(), r, sheet)
				if p := m.product(offer.Product.ID); p.State != want || blocked != (by != "") || stone.Case != by {
					t.Errorf("%s, blocked %v by %s; want %s by %s", p.State, blocked, stone.Case, want, by)
				}
				return err
			})
		}
		stands(catalog.ProductHidden, first.ID)
		m.lift(first.ID, enforcement.Block)
		t.Run("refused while the second stands", func(*testing.T) { stands(catalog.ProductHidden, second.ID) })
		m.lift(second.ID, enforcement.Block)
		t.Run("allowed with the last", func(*testing.T) { stands(catalog.ProductListed, "") })
	})
}

func TestClause_8_2_3_TwoCasesTakeOneFunction(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		short := m.decided(m.opened(enforcement.Opening{Violation: "4.7.7"}), enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{account.Buy}, Days: 5})
		long := m.decided(m.opened(enforcement.Opening{Violation: "4.7.7"}), noBuy)
		offer := m.Listed(world.Content(delivery.HookNative, price))
		_, err := m.Place(m.buyer, m.Purchase(m.buyer, offer))
		t.Run("refused at checkout with the case", func(t *testing.T) {
			m.refused(err, "ACCOUNT_RESTRICTED", "UA 8.2.3")
			if f, _ := fault.Of(err); !slices.Contains(f.Args, any(string(long.ID))) {
				t.Errorf("without the case: %v", f.Args)
			}
		})
		m.lift(long.ID, enforcement.Restrict)
		t.Run("refused while the other case takes it", func(t *testing.T) { m.refused(m.can(m.buyer, account.Buy), "ACCOUNT_RESTRICTED", "UA 8.2.3") })
		until := m.measure(short.ID, enforcement.Restrict).UntilAt
		m.Clock.Set(until)
		m.refused(m.can(m.buyer, account.Buy), "ACCOUNT_RESTRICTED", "UA 8.2.3")
		m.Clock.Set(until.Add(time.Microsecond))
		t.Run("allowed from its end on, before any job", func(t *testing.T) {
			if err := m.can(m.buyer, account.Buy); err != nil {
				t.Error(err)
			}
		})
		m.Drain()
		if got := m.measure(short.ID, enforcement.Restrict).State; got != enforcement.MeasureExpired {
			t.Error(got)
		}
	})
}

func TestClause_8_2_4_TerminationByTwoFromService(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		o := m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, price)))
		other := m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, price)))
		open := m.Placed(m.buyer, m.Listed(world.Content(delivery.HookNative, price)))
		end := theEnd
		end.Rights = []entitlement.ID{m.right(o).ID}
		c := m.opened(enforcement.Opening{Violation: "4.11"})
		got, err := m.decide(m.Compliance, c, end)
		if err != nil || got.State != enforcement.SecondReview {
			t.Fatalf("%s, %v", got.State, err)
		}
		m.Drain()
		_, err = m.confirm(m.Compliance, c.ID, true)
		t.Run("refused without a second approver", func(t *testing.T) {
			m.refused(err, "SECOND_APPROVER_REQUIRED", "UA 8.2")
			if m.accountOf(m.subject()).State == account.Terminated {
				t.Error("one signature ended it")
			}
		})
		if _, err := m.confirm(m.second, c.ID, true); err != nil {
			t.Fatal(err)
		}
		m.Clock.Advance(time.Minute)
		if m.accountOf(m.subject()).State == account.Terminated {
			t.Error("ended before its notice arrived")
		}
		m.Drain()
		t.Run("allowed with two, effective when the notice is delivered", func(t *testing.T) {
			f := m.file(c.ID)
			n := m.told(m.subject(), "N-53")
			if len(n) != 1 || !f.Measures[0].EffectiveAt.Equal(n[0].CreatedAt) || !f.Ended.DissolvedAt.Equal(n[0].CreatedAt) || f.ServedAt.Sub(f.DecidedAt) < time.Minute {
				t.Errorf("in force %s, dissolved %s, notice %v", f.Measures[0].EffectiveAt, f.Ended.DissolvedAt, n)
			}
			m.refused(m.can(m.buyer, account.Buy), "ACCOUNT_TERMINATED", "UA 8.2.4")
			if m.can(m.buyer, account.LoginReadonly) != nil {
				t.Error("the account cannot look at its data")
			}
			if m.Order(open.ID).State != order.Cancelled || m.right(o).State != entitlement.Suspended || m.right(other).State != entitlement.Active {
				t.Errorf("run-off: %s, %s, %s", m.Order(open.ID).State, m.right(o).State, m.right(other).State)
			}
		})
		m.Read(func(r db.Reader) error {
			_, err := enforcement.MayPurge(ctx, r, m.subject())
			m.refused(err, "PURGE_TOO_EARLY", "UA 8.5")
			return nil
		})
		if len(m.told(m.subject(), "N-55")) != 1 {
			t.Error("nothing was said about the data")
		}
		m.Clock.Advance(31 * day)
		m.Drain()
		m.Read(func(r db.Reader) error {
			_, err := enforcement.MayPurge(ctx, r, m.subject())
			due, err2 := enforcement.Purgeable(ctx, r, 10)
			if len(due) != 1 {
				t.Errorf("purgeable: %+v", due)
			}
			return errors.Join(err, err2)
		})
		if m.right(o).State != entitlement.Prohibited || m.right(other).State == entitlement.Prohibited {
			t.Errorf("final: %s, %s", m.right(o).State, m.right(other).State)
		}
	})
}

func TestClause_8_4_PendingHoldsUpheldRefusesRevokedProceeds(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		ask := func(o order.Order) (q refund.Request, err error) {
			err = m.DB.Write(ctx, func(tx *db.Tx) (err error) {
				q, err = m.Refund.Submit(ctx, tx, m.buyer, refund.Ask{Order: o.ID, Reason: refund.NoReason, Amount: cny(price)})
				return err
			})
			return q, err
		}
		now := func(id refund.ID) (q refund.Request) {
			m.Read(func(r db.Reader) (err error) { q, err = refund.Get(ctx, r, m.Compliance, id); return err })
			return q
		}
		verdict := func(id enforcement.ID, outcome enforcement.State) {
			m.must(func(tx *db.Tx) (enforcement.Case, error) {
				return enforcement.AppealAgainst(ctx, tx, m.buyer, id, m.version(id), "Not me.")
			})
			m.must(func(tx *db.Tx) (enforcement.Case, error) {
				return m.rules.DecideAppeal(ctx, tx, m.third, id, m.version(id), enforcement.Verdict{Outcome: outcome, Reasons: "r"})
			})
			m.Drain()
		}
		ended := func(o order.Order) enforcement.Case {
			end := theEnd
			end.Rights = []entitlement.ID{m.right(o).ID}
			return m.decided(m.opened(enforcement.Opening{Violation: "4.11"}), end)
		}
		first, second := m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, price))), m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, price)))
		revoked := ended(first)
		q, err := ask(first)
		t.Run("allowed to ask while it can be appealed, and held", func(t *testing.T) {
			if err != nil || q.State != refund.OnHold {
				t.Fatalf("%s, %v", q.State, err)
			}
		})
		verdict(revoked.ID, enforcement.Revoked)
		t.Run("allowed after it was revoked", func(t *testing.T) {
			if got := now(q.ID); got.State != refund.Refunded || m.accountOf(m.subject()).State != account.Verified {
				t.Errorf("%s, account %s", got.State, m.accountOf(m.subject()).State)
			}
		})
		upheld := ended(second)
		q, err = ask(second)
		if err != nil || q.State != refund.OnHold {
			t.Fatalf("%s, %v", q.State, err)
		}
		verdict(upheld.ID, enforcement.Upheld)
		t.Run("refused after it was upheld, with the case", func(t *testing.T) {
			if got := now(q.ID); got.State != refund.Rejected || got.Code != "NO_REFUND_BREACH" || got.Case != string(upheld.ID) || !got.LegalReview {
				t.Errorf("%+v", got)
			}
		})
	})
}

func TestClause_8_2_5_AMeasureOfItsOwnKind(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		c := m.opened(enforcement.Opening{Violation: "4.7.7"})
		_, err := m.decide(m.Compliance, c, enforcement.Plan{Kind: enforcement.Other, Demand: "Orders are looked at first.", Necessity: "Three coupons."})
		t.Run("refused without end and review", func(t *testing.T) { m.refused(err, "MEASURE_WITHOUT_END", "UA 8.2.5") })
		t.Run("allowed with a review, by two", func(t *testing.T) {
			got := m.decided(c, enforcement.Plan{Kind: enforcement.Other, Demand: "Orders are looked at first.", Necessity: "Three coupons.", ReviewDays: 10})
			if got.SecondBy == "" || m.measure(c.ID, enforcement.Other).ReviewAt.IsZero() {
				t.Errorf("%+v", got)
			}
			m.Clock.Advance(11 * day)
			m.Read(func(r db.Reader) error {
				due, err := enforcement.Desk(t.Context(), r, 10)
				if len(due) != 1 {
					t.Errorf("%d cases on the desk on the day of the review", len(due))
				}
				return err
			})
		})
	})
}

func TestClause_4_9_AVendorReportsOnlyItsOwnProductAndAHolder(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		o := m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, price)))
		unpaid := m.Placed(m.buyer, m.Listed(world.Content(delivery.HookNative, price)))
		rival, _ := m.NewVendor()
		report := func(by audit.Actor, of order.ID, violation string) (enforcement.Case, error) {
			return m.try(func(tx *db.Tx) (enforcement.Case, error) {
				return enforcement.ReportRight(ctx, tx, by, enforcement.Complaint{Order: of, Violation: violation, Facts: "A mirror of it is on the net.", Evidence: proof("mirror")})
			})
		}
		for name, c := range map[string]struct {
			by        audit.Actor
			of        order.ID
			violation string
			code      string
			clause    string
		}{
			"refused another vendor's product":   {rival, o.ID, "4.9.3", "REPORT_NOT_YOURS", "UA 4.9"},
			"refused an order that is nowhere":   {m.Seller, "ord_x", "4.9.3", "REPORT_NOT_YOURS", "UA 4.9"},
			"refused an account without a right": {m.Seller, unpaid.ID, "4.9.3", "REPORT_NOT_YOURS", "UA 4.9"},
			"refused who sells nothing":          {m.buyer, o.ID, "4.9.3", "FORBIDDEN", ""},
			"refused what is no 4.9":             {m.Seller, o.ID, "4.7.5", "FIELD_INVALID", ""},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := report(c.by, c.of, c.violation)
				m.refused(err, c.code, c.clause)
			})
		}
		t.Run("allowed its own product and a holder", func(t *testing.T) {
			c, err := report(m.Seller, o.ID, "4.9.3")
			if err != nil || c.Subject != m.subject() || c.Source != enforcement.FromVendor {
				t.Fatalf("%+v, %v", c, err)
			}
			m.Read(func(r db.Reader) error {
				all, err := enforcement.Reports(ctx, r, m.Seller, 10)
				if len(all) != 1 || all[0].Subject != "" || all[0].State != enforcement.Opened {
					t.Errorf("shown to the vendor: %+v", all)
				}
				return err
			})
		})
		// Clause 4.9.4: a person, never a program.
		c, err := report(m.Seller, o.ID, "4.9.4")
		if err != nil || !c.HumanOnly {
			t.Fatalf("%+v, %v", c, err)
		}
		_, err = m.decide(audit.Job("program"), c, noAPI)
		t.Run("refused to a program", func(t *testing.T) { m.refused(err, "ENFORCEMENT_NO_HUMAN", "UA 4.9.4") })
		m.Clock.Advance(365 * day)
		m.Drain()
		if m.file(c.ID).State != enforcement.Opened {
			t.Error("something happened by itself")
		}
	})
}

func TestClause_4_9_4_OtherHarmReachesAPerson(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		o := m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, price)))
		c, err := m.try(func(tx *db.Tx) (enforcement.Case, error) {
			return enforcement.ReportRight(t.Context(), tx, m.Seller, enforcement.Complaint{
				Order: o.ID, Violation: "4.9.4", Facts: "Its keys are rented out by the hour.", Evidence: proof("advertisement"),
			})
		})
		if err != nil || !c.HumanOnly {
			t.Fatalf("%+v, %v", c, err)
		}
		t.Run("refused_to_a_program", func(*testing.T) {
			_, err := m.decide(audit.Job("program"), c, noAPI)
			m.refused(err, "ENFORCEMENT_NO_HUMAN", "UA 4.9.4")
		})
		t.Run("allowed_to_a_person", func(t *testing.T) {
			if got, err := m.decide(m.Compliance, c, noAPI); err != nil || got.State == enforcement.Opened {
				t.Errorf("%s, %v", got.State, err)
			}
		})
	})
}

func TestClause_8_5_AClaimForALoss(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		c := m.opened(enforcement.Opening{Violation: "4.7.7"})
		file := func(evidence ...string) (q enforcement.Claim, err error) {
			err = m.DB.Write(ctx, func(tx *db.Tx) (err error) {
				q, err = enforcement.FileClaim(ctx, tx, m.Compliance, c.ID, enforcement.Claim{
					Claimant: enforcement.OfVendor, Vendor: m.Vendor, Amount: cny(50000), Grounds: "Refunds that had to be made.", Evidence: evidence,
				})
				return err
			})
			return q, err
		}
		exhibit := m.file(c.ID).Exhibits[0].ID
		_, err := file(exhibit)
		t.Run("refused before a decision", func(t *testing.T) { m.refused(err, "ENFORCEMENT_STATE", "") })
		m.decided(c, noBuy)
		_, err = file()
		t.Run("refused without evidence", func(t *testing.T) { m.refused(err, "ENFORCEMENT_NO_EVIDENCE", "UA 8.2") })
		q, err := file(exhibit)
		t.Run("allowed after it", func(t *testing.T) {
			if err != nil || len(m.told(m.subject(), "M-04")) != 1 {
				t.Fatal(err)
			}
		})
		move := func(to enforcement.ClaimState, settled int64) error {
			return m.DB.Write(ctx, func(tx *db.Tx) (err error) {
				q, err = enforcement.MoveClaim(ctx, tx, m.Compliance, q.ID, m.file(c.ID).Claims[0].Version, to, cny(settled), "as agreed")
				return err
			})
		}
		if err := move(enforcement.Settled, 50001); !errors.Is(err, enforcement.ErrInvalid) {
			t.Errorf("more than was claimed: %v", err)
		}
		q = m.file(c.ID).Claims[0]
		if err := errors.Join(move(enforcement.Disputed, 0), move(enforcement.Settled, 20000)); err != nil {
			t.Error(err)
		}
		if got := m.file(c.ID).Claims[0]; got.State != enforcement.Settled || got.Settled != cny(20000) || !slices.Equal(got.Evidence, []string{exhibit}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestSanctions_AreOnTheBoardUntilTheyEnd(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		board := func() (all []enforcement.Sanction) {
			m.Read(func(r db.Reader) (err error) { all, err = enforcement.Board(ctx, r, "", 10); return err })
			return all
		}
		m.decided(m.opened(enforcement.Opening{Violation: "4.7.7"}), noBuy)
		if len(board()) != 0 {
			t.Error("a buyer is on the public board")
		}
		c := m.decided(m.opened(enforcement.Opening{Subject: account.ID(m.Seller.Account), Violation: "RB enforcement-8"}),
			enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{enforcement.Shop, enforcement.Publish}, Days: 15})
		all := board()
		if len(all) != 1 || all[0].Vendor != m.Vendor || all[0].Name == "" || all[0].Clause != "RB enforcement-8" || !all[0].Current(m.Clock.Now()) || all[0].PublishedAt.Sub(c.DecidedAt) > day {
			t.Fatalf("%+v", all)
		}
		if m.vendorOf(m.Vendor).State != vendor.ShopHidden {
			t.Error("the shop is still there")
		}
		m.Clock.Advance(16 * day)
		if board()[0].Current(m.Clock.Now()) {
			t.Error("current after its end, before the job")
		}
		m.Drain()
		if all := board(); len(all) != 1 || all[0].Current(m.Clock.Now()) || m.vendorOf(m.Vendor).State != vendor.Onboarded {
			t.Errorf("after its end: %+v, %s", all, m.vendorOf(m.Vendor).State)
		}
	})
}

func TestTwoOfficersDecideOnce(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		c := m.opened(enforcement.Opening{Violation: "4.7.5"})
		var won atomic.Int64
		officers := []audit.Actor{m.Compliance, m.second, m.third}
		world.Together(12, func(i int) {
			err := m.DB.Write(ctx, func(tx *db.Tx) error {
				_, err := m.rules.Decide(ctx, tx, officers[i%3], c.ID, c.Version, enforcement.Decision{Reasons: "r", Measures: []enforcement.Plan{noAPI}, Points: -1})
				return err
			})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, enforcement.ErrStale) && !errors.Is(err, enforcement.ErrState):
				t.Error(err)
			}
		})
		if won.Load() != 1 || len(m.file(c.ID).Measures) != 1 {
			t.Errorf("%d decisions, %d measures", won.Load(), len(m.file(c.ID).Measures))
		}
		m.Race(3)
		if n := len(m.told(m.subject(), "N-53")); n != 1 {
			t.Errorf("served %d times", n)
		}
	})
}

func TestLiftAndExpiryNeverBothWin(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		for range 4 {
			c := m.decided(m.opened(enforcement.Opening{Violation: "4.7.5"}), noAPI)
			one := m.measure(c.ID, enforcement.Restrict)
			seen := m.version(c.ID)
			m.Clock.Set(one.UntilAt.Add(time.Second))
			world.Together(3, func(i int) {
				if i == 0 {
					m.Node()
					return
				}
				err := m.DB.Write(ctx, func(tx *db.Tx) error {
					_, err := m.rules.Lift(ctx, tx, m.Compliance, one.ID, seen, "done")
					return err
				})
				if err != nil && !errors.Is(err, enforcement.ErrStale) && !errors.Is(err, enforcement.ErrState) {
					t.Error(err)
				}
			})
			m.Drain()
			ends := 0
			for _, s := range m.file(c.ID).Steps {
				if s.Measure == one.ID && (s.Event == "measure_lifted" || s.Event == "measure_expired") {
					ends++
				}
			}
			if ends != 1 || m.can(m.buyer, account.API) != nil {
				t.Errorf("ended %d times, %v", ends, m.can(m.buyer, account.API))
			}
		}
	})
}
