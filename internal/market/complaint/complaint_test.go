package complaint_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/report"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const day = 24 * time.Hour

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

// market is a world with a buyer and the rules of this package.
type market struct {
	*world.Trade
	t     *testing.T
	buyer audit.Actor
	rules complaint.Rules
	mails *mail.Recorder

	disclosed []complaint.Disclosure
	cases     []complaint.Violation
}

// markets runs fn on each engine, and at its end has the whole database read again.
func markets(t *testing.T, fn func(t *testing.T, m *market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		m := &market{Trade: w, t: t, buyer: w.Customer(account.Individual), mails: &mail.Recorder{}}
		m.rules = complaint.Rules{
			RedLetter: w.Refund.RedLetter,
			Disclosed: func(_ context.Context, _ *db.Tx, _ audit.Actor, d complaint.Disclosure) error {
				m.disclosed = append(m.disclosed, d)
				return nil
			},
			Enforce: func(_ context.Context, _ *db.Tx, _ audit.Actor, v complaint.Violation) (string, error) {
				m.cases = append(m.cases, v)
				return "enf_1", nil
			},
		}
		w.With(complaint.Work{Rules: m.rules, Sender: m.mails, BaseURL: "https://market.example"}.Handlers())
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

func (m *market) bought(price int64, change func(*catalog.Content)) order.Order {
	m.t.Helper()
	c := world.Content(delivery.HookNative, price)
	if change != nil {
		change(&c)
	}
	return m.Bought(m.buyer, m.Listed(c))
}

func own(c *catalog.Content) {
	c.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundVendorOwn, Text: catalog.Both{ZH: "按合同办理", EN: "As the contract says"}}
}

// bare puts the agreement of the market under no law but itself.
func (m *market) bare() {
	m.t.Helper()
	m.Write(func(tx *db.Tx) error {
		_, err := tx.Exec(m.t.Context(), `UPDATE agreement_version SET jurisdiction = 'OTHER'`)
		return err
	})
}

func try[T any](m *market, do func(tx *db.Tx) (T, error)) (v T, err error) {
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) (err error) {
		v, err = do(tx)
		return err
	})
	return v, err
}

func must[T any](m *market, do func(tx *db.Tx) (T, error)) T {
	m.t.Helper()
	v, err := try(m, do)
	if err != nil {
		m.t.Fatal(err)
	}
	return v
}

func (m *market) refused(err error, code, clause string) {
	m.t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		m.t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

func (m *market) submit(in complaint.Ask) complaint.Complaint {
	m.t.Helper()
	return must(m, func(tx *db.Tx) (complaint.Complaint, error) { return m.rules.Submit(m.t.Context(), tx, m.buyer, in) })
}

func (m *market) broken(o order.Order) complaint.Complaint {
	m.t.Helper()
	return m.submit(complaint.Ask{Topic: "not_working", Order: o.ID, Text: "实例无法启动 6225881234567898", Demand: "请修复"})
}

func (m *market) now(id complaint.ID) (c complaint.Complaint) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		c, err = complaint.Get(m.t.Context(), r, m.Compliance, id)
		return err
	})
	return c
}

func (m *market) is(id complaint.ID, want complaint.State) complaint.Complaint {
	m.t.Helper()
	c := m.now(id)
	if c.State != want {
		m.t.Errorf("the complaint is %s, want %s", c.State, want)
	}
	return c
}

func (m *market) told(who audit.Actor, code string) (n int) {
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

func TestClause_5_1_TheInstanceGoesToTheVendorAndTheDoubleChargeToTheOperator(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		o := m.bought(30000, nil)
		instance := m.broken(o)
		charge := m.submit(complaint.Ask{Topic: "double_charge", Order: o.ID, Text: "同一订单付了两笔", Demand: "退回一笔"})
		if instance.Matter != complaint.Product || !instance.VendorOwes || instance.VendorDue.IsZero() || instance.OperatorOwes {
			t.Errorf("instance: %+v", instance)
		}
		if charge.Matter != complaint.Platform || !charge.OperatorOwes || charge.OperatorDue.IsZero() || charge.VendorOwes {
			t.Errorf("charge: %+v", charge)
		}
		m.Read(func(r db.Reader) error {
			list, err := complaint.Mine(t.Context(), r, m.buyer, "", 10)
			if err != nil || len(list) != 2 {
				t.Errorf("one list: %d, %v", len(list), err)
			}
			due, err := complaint.Due(t.Context(), r, m.Vendor, 10)
			if err != nil || len(due) != 1 || due[0].ID != instance.ID || due[0].Account != "" {
				t.Errorf("vendor's queue: %+v, %v", due, err)
			}
			desk, err := complaint.Desk(t.Context(), r, 10)
			if err != nil || len(desk) != 1 || desk[0].ID != charge.ID {
				t.Errorf("operator's queue: %+v, %v", desk, err)
			}
			if _, err := complaint.Get(t.Context(), r, m.Seller, charge.ID); !errors.Is(err, account.ErrForeign) {
				t.Errorf("the vendor sees a matter of the market: %v", err)
			}
			return nil
		})
		if m.told(m.buyer, "N-47") != 2 || m.told(m.Seller, "N-47") != 1 || m.told(m.buyer, "N-72") != 1 {
			t.Error("not told who answers")
		}

		// What the rule cannot sort a person does, and a wrong desk hands it on.
		other := m.submit(complaint.Ask{Topic: "other", Order: o.ID, Text: "我有一个问题", Demand: "请答复"})
		if other.State != complaint.Submitted {
			t.Errorf("other: %+v", other)
		}
		sort := func(by audit.Actor, c complaint.Complaint, in complaint.Sorting) (complaint.Complaint, error) {
			return try(m, func(tx *db.Tx) (complaint.Complaint, error) {
				return m.rules.Classify(t.Context(), tx, by, c.ID, c.Version, in)
			})
		}
		t.Run("refused_without_a_reason_and_to_the_buyer", func(*testing.T) {
			_, err := sort(m.Support, other, complaint.Sorting{Matter: complaint.Product})
			m.refused(err, "COMPLAINT_REASON_MISSING", "UA 5.1")
			_, err = sort(m.buyer, other, complaint.Sorting{Matter: complaint.Product, Note: "x"})
			m.refused(err, "FORBIDDEN", "")
		})
		t.Run("allowed_with_a_reason", func(t *testing.T) {
			var err error
			other, err = sort(m.Support, other, complaint.Sorting{Matter: complaint.Product, Note: "about its functions"})
			if err != nil || other.State != complaint.Assigned || !other.VendorOwes {
				t.Errorf("sorted: %+v, %v", other, err)
			}
		})
		notOurs := func(c complaint.Complaint, why string) (complaint.Complaint, error) {
			return try(m, func(tx *db.Tx) (complaint.Complaint, error) {
				return m.rules.NotOurs(t.Context(), tx, m.Seller, c.ID, c.Version, why)
			})
		}
		_, err := notOurs(other, "")
		m.refused(err, "COMPLAINT_REASON_MISSING", "UA 5.1")
		handed, err := notOurs(other, "about the payment page")
		if err != nil || handed.Matter != complaint.Platform || !handed.OperatorOwes || handed.State != complaint.Assigned {
			t.Errorf("handed on: %+v, %v", handed, err)
		}
		if m.told(m.buyer, "N-47") != 4 {
			t.Error("the complainant is told of every hand-over")
		}
	})
}

func TestClause_5_1_OneOfManyStepsAtOnceIsTaken(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		c := m.broken(m.bought(30000, nil))
		var done, stale atomic.Int64
		world.Together(8, func(i int) {
			err := m.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
				if i%2 == 0 {
					_, err = m.rules.AnswerAsVendor(t.Context(), tx, m.Seller, c.ID, c.Version, "repaired")
				} else {
					_, err = m.rules.NotOurs(t.Context(), tx, m.Seller, c.ID, c.Version, "not ours")
				}
				return err
			})
			switch {
			case err == nil:
				done.Add(1)
			case errors.Is(err, complaint.ErrStale), errors.Is(err, complaint.ErrState):
				stale.Add(1)
			default:
				t.Error(err)
			}
		})
		if done.Load() != 1 || stale.Load() != 7 {
			t.Errorf("%d done, %d stale", done.Load(), stale.Load())
		}
	})
}

func TestClause_5_1_AnsweredEscalatedDecidedClosedAndReopened(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		o := m.bought(30000, nil)
		c := m.submit(complaint.Ask{Topic: "double_charge", Order: o.ID, Text: "重复扣款，实例无法启动", Demand: "处理"})
		if c.Matter != complaint.Mixed || !c.VendorOwes || !c.OperatorOwes {
			t.Fatalf("mixed: %+v", c)
		}
		_, err := try(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Escalate(ctx, tx, m.buyer, c.ID, c.Version, "now")
		})
		m.refused(err, "COMPLAINT_VENDOR_FIRST", "UA 4.2")
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.AnswerAsVendor(ctx, tx, m.Seller, c.ID, c.Version, "the instance runs again")
		})
		if c.State != complaint.Assigned || c.VendorOwes {
			t.Errorf("one of two answered: %+v", c)
		}
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.AnswerAsOperator(ctx, tx, m.Support, c.ID, c.Version, "one charge only")
		})
		m.is(c.ID, complaint.Answered)
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Spoke(ctx, tx, m.buyer, c.ID, c.Version, complaint.Contact{Channel: "phone", HeldOn: "2026-03-01", Text: "no agreement"})
		})
		m.is(c.ID, complaint.Negotiated)
		_, err = try(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Spoke(ctx, tx, m.buyer, c.ID, c.Version, complaint.Contact{Channel: "phone", HeldOn: "2030-01-01", Text: "to come"})
		})
		m.refused(err, "FIELD_INVALID", "")
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Escalate(ctx, tx, m.buyer, c.ID, c.Version, "still broken")
		})
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Mediate(ctx, tx, m.Support, c.ID, c.Version, "repair by Friday")
		})
		_, err = try(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Mediate(ctx, tx, m.Support, c.ID, c.Version, "平台保证质量")
		})
		m.refused(err, "WARRANTY_WORDING", "UA 7.1")
		ruling := complaint.Ruling{Finding: complaint.Upheld, Clause: "UA 4.10", Note: "the logs show it"}
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Decide(ctx, tx, m.Support, c.ID, c.Version, ruling)
		})
		m.is(c.ID, complaint.Decided)
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Close(ctx, tx, m.buyer, c.ID, c.Version, complaint.Ending{Stars: 2})
		})
		m.is(c.ID, complaint.Closed)
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Reopen(ctx, tx, m.buyer, c.ID, c.Version, "broken again")
		})
		m.is(c.ID, complaint.Reopened)
		_, err = try(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Decide(ctx, tx, m.Support, c.ID, c.Version, ruling)
		})
		m.refused(err, "SECOND_APPROVER_REQUIRED", "")
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Decide(ctx, tx, m.Compliance, c.ID, c.Version, ruling)
		})
		c = must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Close(ctx, tx, m.buyer, c.ID, c.Version, complaint.Ending{Satisfied: true, Stars: 4})
		})
		m.Clock.Advance(17 * day)
		_, err = try(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.Reopen(ctx, tx, m.buyer, c.ID, c.Version, "again")
		})
		m.refused(err, "COMPLAINT_REOPEN_CLOSED", "")
		m.Read(func(r db.Reader) error {
			score, err := complaint.ScoreOf(ctx, r, m.Vendor)
			if err != nil || score.Complaints.AnsweredInTime != 1 || score.Complaints.Escalated != 1 || score.Complaints.Stars != 4 || score.Points != 90 {
				t.Errorf("score: %+v, %v", score, err)
			}
			history, err := complaint.HistoryOf(ctx, r, o.ID)
			if err != nil || len(history.Complaints) != 1 || len(history.Complaints[0].Contacts) != 1 || len(history.Complaints[0].Packets) != 1 || len(history.Complaints[0].Steps) < 12 {
				t.Errorf("history: %+v, %v", history, err)
			}
			return err
		})
	})
}

func TestConflict_05_TheSilentVendor(t *testing.T) {
	t.Run("CN", func(t *testing.T) {
		markets(t, func(t *testing.T, m *market) {
			c := m.broken(m.bought(30000, nil))
			m.Clock.Advance(8 * day)
			m.Drain()
			if c = m.is(c.ID, complaint.Escalated); !c.OperatorOwes || c.OverdueAt.IsZero() || c.OperatorDue.IsZero() {
				t.Errorf("%+v", c)
			}
			late := must(m, func(tx *db.Tx) (complaint.Complaint, error) {
				return m.rules.AnswerAsVendor(t.Context(), tx, m.Seller, c.ID, c.Version, "sorry")
			})
			if late.State != complaint.Escalated {
				t.Errorf("a late answer takes it from the operator: %s", late.State)
			}
		})
	})
	t.Run("OTHER", func(t *testing.T) {
		markets(t, func(t *testing.T, m *market) {
			m.bare()
			c := m.broken(m.bought(30000, nil))
			m.Clock.Advance(8 * day)
			m.Drain()
			if c = m.is(c.ID, complaint.Assigned); c.OperatorOwes || c.OverdueAt.IsZero() {
				t.Errorf("%+v", c)
			}
			_, err := try(m, func(tx *db.Tx) (complaint.Complaint, error) {
				return m.rules.Escalate(t.Context(), tx, m.buyer, c.ID, c.Version, "help")
			})
			m.refused(err, "COMPLAINT_VENDOR_ONLY", "UA 5.1")
		})
	})
}

func TestAnAnsweredComplaintEndsByItself(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		c := m.broken(m.bought(30000, nil))
		must(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.AnswerAsVendor(t.Context(), tx, m.Seller, c.ID, c.Version, "repaired")
		})
		m.Clock.Advance(16 * day)
		m.Drain()
		if c := m.is(c.ID, complaint.Closed); c.Outcome != complaint.Lapsed {
			t.Errorf("outcome %s", c.Outcome)
		}
	})
}

func TestClause_5_4_3_TheVendorGetsIdentityAndDemandOnly(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		o := m.bought(30000, nil)
		c := m.broken(o)
		m.Read(func(r db.Reader) error {
			record, err := complaint.RecordOf(t.Context(), r, m.Seller, c.ID)
			if err != nil || len(record.Packets) != 1 {
				t.Fatalf("%d packets, %v", len(record.Packets), err)
			}
			p := record.Packets[0]
			if p.Content.Name == "" || !strings.Contains(p.Content.Contact, "@") || p.Content.Order != string(o.ID) || p.Content.Demand != "请修复" || len(p.SHA256) != 64 {
				t.Errorf("allowed_what_the_matter_needs: %+v", p)
			}
			// The number of the identity document and the bank account that the buyer was
			// verified with, and the card that the buyer wrote.
			whole := strings.Join([]string{p.Content.Name, p.Content.Contact, p.Content.Order, p.Content.Product, p.Content.Text, p.Content.Demand}, " ") + record.Complaint.Text
			for _, secret := range []string{"6225881234567898", "110101190", m.buyer.Account} {
				if strings.Contains(whole, secret) {
					t.Errorf("refused_numbers: %q reached the vendor: %s", secret, whole)
				}
			}
			return nil
		})
		if len(m.disclosed) == 0 || m.disclosed[0].Basis != "UA 5.4.3" || m.disclosed[0].Recipient != m.Vendor || len(m.disclosed[0].Fields) != 7 {
			t.Errorf("the register was told %+v", m.disclosed)
		}
		if m.told(m.buyer, "N-72") != 1 {
			t.Error("the complainant was not told which fields left")
		}
		m.Read(func(r db.Reader) error { // ciphertext only
			stored, err := db.All(t.Context(), r, db.Column[[]byte], `SELECT content_sealed FROM complaint_packet`)
			for _, one := range stored {
				if strings.Contains(string(one), "请修复") {
					t.Error("a packet is stored in the clear")
				}
			}
			return err
		})
	})
}

// claimed is a claim on which the vendor has replied.
func (m *market) claimed(o order.Order, ground complaint.Ground, renewals ...order.ID) complaint.Claim {
	m.t.Helper()
	c := must(m, func(tx *db.Tx) (complaint.Claim, error) {
		return m.rules.Open(m.t.Context(), tx, m.buyer, complaint.Plea{
			Order: o.ID, Renewals: renewals, Item: "functions.0", Ground: ground, Loss: "两天无法排班", Refund: cny(0), Damages: cny(200001),
		})
	})
	return must(m, func(tx *db.Tx) (complaint.Claim, error) {
		return m.rules.Reply(m.t.Context(), tx, m.Seller, c.ID, c.Version, "we offer something")
	})
}

func (m *market) offer(by audit.Actor, c complaint.Claim, in complaint.Terms) (complaint.Claim, error) {
	if in.Exception == "" {
		in.Exception = complaint.NoException
	}
	if in.Refund.Currency == "" {
		in.Refund = cny(0)
	}
	if in.Damages.Currency == "" {
		in.Damages = cny(0)
	}
	return try(m, func(tx *db.Tx) (complaint.Claim, error) {
		return m.rules.Offer(m.t.Context(), tx, by, c.ID, c.Version, in)
	})
}

func (m *market) standing(id complaint.ClaimID) string {
	m.t.Helper()
	var out complaint.Offer
	m.Read(func(r db.Reader) error {
		record, err := complaint.ClaimOf(m.t.Context(), r, m.Compliance, id)
		out, _ = record.Standing()
		return err
	})
	return out.ID
}

func (m *market) agree(by audit.Actor, c complaint.Claim) (complaint.Claim, error) {
	m.t.Helper()
	offer := m.standing(c.ID)
	return try(m, func(tx *db.Tx) (complaint.Claim, error) {
		return m.rules.Agree(m.t.Context(), tx, by, c.ID, c.Version, offer)
	})
}

func (m *market) claim(id complaint.ClaimID) (c complaint.Claim) {
	m.t.Helper()
	m.Read(func(r db.Reader) error {
		record, err := complaint.ClaimOf(m.t.Context(), r, m.Compliance, id)
		c = record.Claim
		return err
	})
	return c
}

func TestClause_4_10_TwoThousandPaidAreTheCeiling(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		o := m.bought(200000, nil)
		c := m.claimed(o, complaint.Fraud)
		if c.Cap != cny(200000) || c.Statutory != cny(600000) || c.CapIncludesRefund {
			t.Errorf("claim: %+v", c)
		}
		_, err := try(m, func(tx *db.Tx) (complaint.Claim, error) {
			return m.rules.Open(t.Context(), tx, m.buyer, complaint.Plea{Order: o.ID, Item: "promise", Ground: complaint.Mismatch, Loss: "x", Refund: cny(1), Damages: cny(0)})
		})
		m.refused(err, "CLAIM_OPEN", "UA 4.10")
		_, err = m.offer(m.Seller, c, complaint.Terms{Damages: cny(200001)})
		m.refused(err, "CLAIM_OVER_CAP", "UA 4.10")
		_, err = m.offer(m.Seller, c, complaint.Terms{Damages: cny(200001), Exception: complaint.ByLaw})
		m.refused(err, "CLAIM_EXCEPTION_BASIS", "UA 4.10")
		c, err = m.offer(m.Seller, c, complaint.Terms{Damages: cny(200001), Exception: complaint.ByLaw, Basis: "消法55"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.agree(m.Seller, c); !errors.Is(err, complaint.ErrState) {
			t.Errorf("a side agrees with itself: %v", err)
		}
		if c, err = m.agree(m.buyer, c); err != nil {
			t.Fatal(err)
		}
		if c.State != complaint.ClaimSettled || c.Exception != complaint.ByLaw || c.Basis != "消法55" || c.SettledDamages != cny(200001) {
			t.Errorf("settled: %+v", c)
		}
		m.Read(func(r db.Reader) error {
			line, err := ledger.LineOf(t.Context(), r, string(o.Line))
			if err != nil || line.Compensated != cny(200001) || line.CapBasis != "law: 消法55" {
				t.Errorf("line: %+v, %v", line, err)
			}
			return err
		})
		if got := m.Balance(ledger.Owed, m.buyer.Account); got != 200001 {
			t.Errorf("owed to the buyer: %d", got)
		}
		for _, who := range []audit.Actor{m.buyer, m.Seller} {
			if m.told(who, "N-46") < 4 {
				t.Errorf("told of %d steps", m.told(who, "N-46"))
			}
		}
	})
}

func TestClause_4_10_ThePriceGoesBackAndRenewalsCount(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		offer := m.Listed(world.Content(delivery.HookNative, 100000))
		first, second := m.Bought(m.buyer, offer), m.Bought(m.buyer, offer)
		foreign := m.bought(500, nil)
		_, err := try(m, func(tx *db.Tx) (complaint.Claim, error) {
			return m.rules.Open(t.Context(), tx, m.buyer, complaint.Plea{
				Order: first.ID, Renewals: []order.ID{foreign.ID}, Item: "promise", Ground: complaint.Mismatch, Loss: "x", Refund: cny(1), Damages: cny(0),
			})
		})
		m.refused(err, "CLAIM_CHAIN", "UA 4.10")
		c := m.claimed(first, complaint.Mismatch, second.ID)
		if c.Cap != cny(200000) || !c.Statutory.IsZero() {
			t.Errorf("claim: %+v", c)
		}
		// The operator proposes; both have to agree. The price does not count.
		c, err = m.offer(m.Support, c, complaint.Terms{Refund: cny(100000), Damages: cny(150000), Note: "meet in the middle"})
		if err != nil || c.State != complaint.ClaimMediated {
			t.Fatalf("%+v, %v", c, err)
		}
		if c, err = m.agree(m.buyer, c); err != nil || c.State != complaint.ClaimMediated {
			t.Fatalf("one of two agreed: %+v, %v", c, err)
		}
		if c, err = m.agree(m.Seller, c); err != nil || c.State != complaint.ClaimSettled {
			t.Fatalf("both agreed: %+v, %v", c, err)
		}
		m.Drain()
		if c = m.claim(c.ID); c.Payment == "" {
			t.Error("the price was not sent back")
		}
		if s := m.Order(first.ID).State; s != order.Refunded {
			t.Errorf("the order is %s", s)
		}
		if got := m.Balance(ledger.Owed, m.buyer.Account); got != 150000 {
			t.Errorf("owed: %d", got)
		}
	})
}

func TestClause_4_10_AnInvoiceComesBackBeforeThePrice(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		o := m.bought(100000, nil)
		c := m.claimed(o, complaint.Mismatch)
		m.Invoiced[o.ID] = true
		c, err := m.offer(m.buyer, c, complaint.Terms{Refund: cny(40000)})
		if err != nil {
			t.Fatal(err)
		}
		if c, err = m.agree(m.Seller, c); err != nil {
			t.Fatal(err)
		}
		m.Drain()
		if m.claim(c.ID).Payment != "" {
			t.Error("the price went back before the invoice")
		}
		m.Invoiced[o.ID] = false
		m.Clock.Advance(7 * time.Hour)
		m.Drain()
		if m.claim(c.ID).Payment == "" {
			t.Error("the price did not go back after the invoice")
		}
	})
}

func TestClause_4_10_OfTwoWhoAgreeAtOnceOneSettles(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		c := m.claimed(m.bought(100000, nil), complaint.Mismatch)
		c, err := m.offer(m.Seller, c, complaint.Terms{Damages: cny(1000)})
		if err != nil {
			t.Fatal(err)
		}
		offer := m.standing(c.ID)
		var done atomic.Int64
		world.Together(8, func(int) {
			err := m.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := m.rules.Agree(t.Context(), tx, m.buyer, c.ID, c.Version, offer)
				return err
			})
			switch {
			case err == nil:
				done.Add(1)
			case !errors.Is(err, complaint.ErrStale) && !errors.Is(err, complaint.ErrState):
				t.Error(err)
			}
		})
		if done.Load() != 1 || m.Balance(ledger.Owed, m.buyer.Account) != 1000 {
			t.Errorf("%d settled, owed %d", done.Load(), m.Balance(ledger.Owed, m.buyer.Account))
		}
	})
}

func TestConflict_06_UnderTheBareAgreementTheCeilingHolds(t *testing.T) {
	t.Run("CN", func(t *testing.T) {
		markets(t, func(t *testing.T, m *market) {
			c := m.claimed(m.bought(200000, nil), complaint.Fraud)
			if _, err := m.offer(m.Seller, c, complaint.Terms{Damages: cny(600000), Exception: complaint.ByLaw, Basis: "消法55"}); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("OTHER", func(t *testing.T) {
		markets(t, func(t *testing.T, m *market) {
			m.bare()
			c := m.claimed(m.bought(200000, nil), complaint.Fraud)
			_, err := m.offer(m.Seller, c, complaint.Terms{Damages: cny(600000), Exception: complaint.ByLaw, Basis: "消法55"})
			m.refused(err, "CLAIM_EXCEPTION_BASIS", "UA 4.10")
			if !c.Statutory.IsZero() {
				t.Errorf("statutory %v", c.Statutory)
			}
		})
	})
}

func TestClause_9_5_NegotiationWithDatesThenCourt(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		o := m.bought(100000, nil)
		c := must(m, func(tx *db.Tx) (complaint.Claim, error) {
			return m.rules.Open(ctx, tx, m.buyer, complaint.Plea{Order: o.ID, Item: "promise", Ground: complaint.Mismatch, Loss: "x", Refund: cny(100), Damages: cny(0)})
		})
		must(m, func(tx *db.Tx) (complaint.Contact, error) {
			return m.rules.Talked(ctx, tx, m.Seller, c.ID, complaint.Contact{Channel: "meeting", HeldOn: "2026-03-01", Text: "no agreement"})
		})
		m.Clock.Advance(10 * day)
		m.Drain()
		if c = m.claim(c.ID); c.State != complaint.ClaimMediated {
			t.Errorf("the silent vendor leaves it %s", c.State)
		}
		sue := func(court, number string) (complaint.Claim, error) {
			return try(m, func(tx *db.Tx) (complaint.Claim, error) {
				return m.rules.Sue(ctx, tx, m.buyer, c.ID, c.Version, court, number)
			})
		}
		t.Run("refused_without_the_number_of_the_case", func(*testing.T) {
			_, err := sue("南山法院", "")
			m.refused(err, "CLAIM_COURT_MISSING", "UA 9.5")
		})
		t.Run("allowed_with_court_and_number", func(t *testing.T) {
			var err error
			if c, err = sue("南山法院", "(2026)粤0305民初1号"); err != nil || c.State != complaint.ClaimCourt {
				t.Fatalf("%+v, %v", c, err)
			}
		})
		m.Read(func(r db.Reader) error {
			history, err := complaint.HistoryOf(ctx, r, o.ID)
			if err != nil || len(history.Claims) != 1 || history.Claims[0].Claim.CourtCase == "" || history.Claims[0].Contacts[0].HeldOn != "2026-03-01" {
				t.Errorf("history: %+v, %v", history, err)
			}
			return err
		})
		must(m, func(tx *db.Tx) (complaint.Claim, error) {
			return m.rules.End(ctx, tx, m.buyer, c.ID, c.Version, "decided")
		})
	})
}

func TestClause_4_7_1_WhatThePartiesWriteIsScreened(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		o := m.bought(30000, nil)
		const listed = "他们还在群里出售枪支"
		t.Run("refused_a_listed_term_in_a_complaint", func(*testing.T) {
			for _, ask := range []complaint.Ask{{Text: listed, Demand: "请修复"}, {Text: "坏了", Demand: listed}} {
				ask.Topic, ask.Order = "not_working", o.ID
				_, err := try(m, func(tx *db.Tx) (complaint.Complaint, error) { return m.rules.Submit(ctx, tx, m.buyer, ask) })
				m.refused(err, "CONTENT_BLOCKED", "UA 4.7.1")
			}
		})
		c := m.broken(o)
		t.Run("refused_in_an_answer_a_contact_and_a_file_name", func(*testing.T) {
			_, err := try(m, func(tx *db.Tx) (complaint.Complaint, error) {
				return m.rules.AnswerAsVendor(ctx, tx, m.Seller, c.ID, c.Version, listed)
			})
			m.refused(err, "CONTENT_BLOCKED", "UA 4.7.1")
			_, err = try(m, func(tx *db.Tx) (complaint.Complaint, error) {
				return m.rules.Spoke(ctx, tx, m.buyer, c.ID, c.Version, complaint.Contact{Channel: "meeting", HeldOn: "2026-03-01", Text: listed})
			})
			m.refused(err, "CONTENT_BLOCKED", "UA 4.7.1")
			_, err = try(m, func(tx *db.Tx) (complaint.Evidence, error) {
				return complaint.Attach(ctx, tx, m.buyer, string(c.ID), complaint.Evidence{
					Name: "出售枪支.pdf", MediaType: "application/pdf", Size: 3, SHA256: strings.Repeat("ab", 32), Blob: "x",
				})
			})
			m.refused(err, "CONTENT_BLOCKED", "UA 4.7.1")
		})
		t.Run("allowed_ordinary_words", func(t *testing.T) {
			if _, err := try(m, func(tx *db.Tx) (complaint.Complaint, error) {
				return m.rules.AnswerAsVendor(ctx, tx, m.Seller, c.ID, c.Version, "已重启实例")
			}); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestClause_7_1_TheSecondComplaintOfAKindRaisesATask(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		o := m.bought(30000, nil)
		tasks := func() (open []complaint.Task) {
			m.Read(func(r db.Reader) (err error) {
				open, _, err = complaint.Tasks(ctx, r, 10)
				return err
			})
			return open
		}
		m.broken(o)
		m.submit(complaint.Ask{Topic: "not_as_described", Order: o.ID, Text: "没有导出", Demand: "补上"})
		if n := len(tasks()); n != 0 {
			t.Fatalf("%d tasks after one of each kind", n)
		}
		m.broken(o)
		open := tasks()
		if len(open) != 1 || open[0].Kind != "not_working" || open[0].Due.IsZero() || open[0].Product != o.Product {
			t.Fatalf("tasks: %+v", open)
		}
		m.broken(o)
		if n := len(tasks()); n != 1 {
			t.Errorf("%d tasks after the third", n)
		}
		act := func(by audit.Actor, a complaint.Action, why string) error {
			_, err := try(m, func(tx *db.Tx) (complaint.Task, error) { return complaint.Act(ctx, tx, by, open[0].ID, a, why) })
			return err
		}
		t.Run("refused_without_an_action_and_to_the_buyer", func(*testing.T) {
			m.refused(act(m.Support, "", "x"), "KNOWLEDGE_ACTION_MISSING", "UA 7.1")
			m.refused(act(m.buyer, "hidden", "x"), "FORBIDDEN", "")
		})
		t.Run("allowed_with_an_action", func(t *testing.T) {
			if err := act(m.Support, "vendor_asked", "asked for a repair"); err != nil {
				t.Error(err)
			}
		})
		m.refused(act(m.Compliance, "hidden", "again"), "STALE", "")
		m.Read(func(r db.Reader) error {
			task, heard, err := complaint.TaskOf(ctx, r, open[0].ID)
			if err != nil || len(heard) != 3 || task.Action != "vendor_asked" || task.DoneBy != m.Support.User {
				t.Errorf("%+v, %d heard, %v", task, len(heard), err)
			}
			return err
		})
	})
}

func TestConflict_04_UnderTheBareAgreementNothingIsRaised(t *testing.T) {
	for name, want := range map[string]int{"CN": 1, "OTHER": 0} {
		t.Run(name, func(t *testing.T) {
			markets(t, func(t *testing.T, m *market) {
				if name == "OTHER" {
					m.bare()
				}
				o := m.bought(30000, nil)
				m.broken(o)
				m.broken(o)
				m.Read(func(r db.Reader) error {
					open, _, err := complaint.Tasks(t.Context(), r, 10)
					heard, _ := complaint.HeardOf(t.Context(), r, o.Product, "not_working")
					if len(open) != want || len(heard) != 2 {
						t.Errorf("%d tasks, %d heard", len(open), len(heard))
					}
					return err
				})
			})
		})
	}
}

func TestConflict_07_AnOfflineRefundBecomesAComplaint(t *testing.T) {
	start := func(m *market) refund.Matter {
		o := m.bought(30000, own)
		return must(m, func(tx *db.Tx) (refund.Matter, error) {
			return refund.OpenMatter(m.t.Context(), tx, m.buyer, o.ID, "promised on the phone")
		})
	}
	from := func(m *market, by audit.Actor, id refund.MatterID) (complaint.Complaint, error) {
		return try(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return m.rules.FromMatter(m.t.Context(), tx, by, id, complaint.Ask{Text: "not paid", Demand: "pay"})
		})
	}
	t.Run("CN", func(t *testing.T) {
		markets(t, func(t *testing.T, m *market) {
			matter := start(m)
			_, err := from(m, m.Support, matter.ID)
			m.refused(err, "COMPLAINT_OFFLINE_RUNNING", "UA 4.5")
			m.Clock.Advance(16 * day)
			c, err := from(m, m.Support, matter.ID)
			if err != nil || c.RefundMatter != matter.ID || c.Account != account.ID(m.buyer.Account) || !c.VendorOwes {
				t.Fatalf("%+v, %v", c, err)
			}
			again, err := from(m, m.buyer, matter.ID)
			if err != nil || again.ID != c.ID {
				t.Errorf("a second complaint of the matter: %+v, %v", again, err)
			}
		})
	})
	t.Run("OTHER", func(t *testing.T) {
		markets(t, func(t *testing.T, m *market) {
			m.bare()
			matter := start(m)
			m.Clock.Advance(60 * day)
			_, err := from(m, m.buyer, matter.ID)
			m.refused(err, "COMPLAINT_OFFLINE_RUNNING", "UA 4.5")
			for i, by := range []audit.Actor{m.buyer, m.Seller} {
				must(m, func(tx *db.Tx) (refund.Matter, error) {
					return refund.Say(t.Context(), tx, by, matter.ID, matter.Version+int64(i), refund.Statement{Text: "no", Outcome: refund.OutcomeDisagreed, Amount: cny(0)})
				})
			}
			if _, err := from(m, m.buyer, matter.ID); err != nil {
				t.Errorf("not agreed: %v", err)
			}
		})
	})
}

func TestClause_4_11_AnybodyReportsAndEnforcementIsTold(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		offer := m.Listed(world.Content(delivery.HookNative, 30000))
		visitor := audit.Actor{Kind: audit.Person, User: "visitor"}
		type receipt struct {
			complaint.Report
			secret string
		}
		send := func(by audit.Actor, in complaint.Notice) (receipt, error) {
			return try(m, func(tx *db.Tx) (receipt, error) {
				p, secret, err := m.rules.Report(ctx, tx, by, in)
				return receipt{p, secret}, err
			})
		}
		in := complaint.Notice{Kind: "UA 4.11", Product: offer.Product.Slug, Text: "asked me to pay by a private code", Email: "visitor@example.com", Locale: "en", Source: "203.0.113.7"}
		_, err := send(visitor, complaint.Notice{Kind: "UA 4.11", Text: "x", Place: "y", Email: "no address", Source: "1"})
		m.refused(err, "FIELD_INVALID", "")
		got, err := send(visitor, in)
		if err != nil || got.State != complaint.Unconfirmed || len(m.cases) != 0 {
			t.Fatalf("%+v, %v", got, err)
		}
		m.Drain()
		mails := m.mails.Messages()
		if len(mails) != 1 || mails[0].To != "visitor@example.com" || !strings.Contains(mails[0].Text, "https://market.example/report/confirm?number="+string(got.ID)) {
			t.Fatalf("mails: %+v", mails)
		}
		_, token, _ := strings.Cut(mails[0].Text, "&token=")
		token = strings.Fields(token)[0]
		confirm := func(token string) (complaint.Report, error) {
			return try(m, func(tx *db.Tx) (complaint.Report, error) { return m.rules.Confirm(ctx, tx, got.ID, token) })
		}
		_, err = confirm("guess")
		m.refused(err, "NOT_FOUND", "")
		confirmed, err := confirm(token)
		if err != nil || confirmed.State != complaint.HandedOver || confirmed.Case != "enf_1" {
			t.Fatalf("%+v, %v", confirmed, err)
		}
		if len(m.cases) == 0 || m.cases[0].Kind != "UA 4.11" || m.cases[0].Vendor != m.Vendor {
			t.Errorf("cases: %+v", m.cases)
		}
		m.Read(func(r db.Reader) error {
			if _, err := complaint.Track(ctx, r, got.ID, "wrong"); !errors.Is(err, complaint.ErrNotFound) {
				t.Errorf("tracked without the code: %v", err)
			}
			_, err := complaint.Track(ctx, r, got.ID, got.secret)
			return err
		})
		must(m, func(tx *db.Tx) (complaint.Report, error) {
			return m.rules.Settle(ctx, tx, m.Support, got.ID, confirmed.Version, "acted", "the vendor was warned")
		})
		m.Drain()
		if mails := m.mails.Messages(); len(mails) != 2 || !strings.Contains(mails[1].Text, "the vendor was warned") {
			t.Errorf("mails: %+v", mails)
		}
		for range 4 {
			if _, err := send(visitor, in); err != nil {
				t.Fatal(err)
			}
		}
		_, err = send(visitor, in)
		m.refused(err, "RATE_LIMITED", "UA 4.7.5")
		// Somebody with an account is taken at once; what names nobody waits for a person.
		probing, err := send(m.buyer, complaint.Notice{Kind: "UA 4.7.5", Place: "https://elsewhere.example", Text: "scans us", Locale: "zh", Source: "2"})
		if err != nil || probing.State != complaint.Received {
			t.Errorf("%+v, %v", probing, err)
		}
		passed := must(m, func(tx *db.Tx) (complaint.Report, error) {
			return m.rules.Pass(ctx, tx, m.Compliance, probing.ID, probing.Version, "UA 4.7.5", offer.Product.Slug)
		})
		if passed.State != complaint.HandedOver || m.cases[len(m.cases)-1].Kind != "UA 4.7.5" {
			t.Errorf("%+v", passed)
		}
	})
}

func TestConflict_08_ReportsOfPaymentOutside(t *testing.T) {
	in := complaint.Notice{Kind: "UA 4.11", Place: "a messenger", Text: "pay outside", Locale: "zh", Source: "1"}
	t.Run("CN", func(t *testing.T) {
		markets(t, func(t *testing.T, m *market) {
			must(m, func(tx *db.Tx) (complaint.Report, error) {
				p, _, err := m.rules.Report(t.Context(), tx, m.buyer, in)
				return p, err
			})
		})
	})
	t.Run("OTHER", func(t *testing.T) {
		markets(t, func(t *testing.T, m *market) {
			m.bare()
			_, err := try(m, func(tx *db.Tx) (complaint.Report, error) {
				p, _, err := m.rules.Report(t.Context(), tx, m.buyer, in)
				return p, err
			})
			m.refused(err, "REPORT_OUTSIDE_MARKET", "UA 4.11")
		})
	})
}
