package operation_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/order"
	"yunshi/internal/market/report"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// market is a world that trades, with the jobs of this package wired as the program
// wires them.
type market struct {
	*world.Trade
	t     *testing.T
	rules operation.Rules
	home  atomic.Value // what the home page shows
}

func open(t *testing.T, d *db.DB, clock *testkit.Clock) *market {
	t.Helper()
	m := &market{Trade: world.NewTrade(t, d, clock), t: t}
	m.home.Store(`<a ` + operation.Banner + `>`)
	m.rules = operation.Rules{
		Affected: report.Affected, Concerns: report.Concerns, Left: report.RunOff,
		Page: func(_ context.Context, l text.Lang) (string, error) { return string(l) + m.home.Load().(string), nil },
		Lengthen: func(ctx context.Context, tx *db.Tx, by audit.Actor, n operation.Interruption, after string) (string, int64, error) {
			next, rights, err := entitlement.Lengthen(ctx, tx, by, entitlement.Lost{Cause: string(n.ID), From: n.StartedAt, To: n.ResolvedAt}, entitlement.ID(after))
			return string(next), rights, err
		},
	}
	m.With(operation.Work{Rules: m.rules}.Handlers())
	m.With(catalog.Work{}.Handlers())
	m.With(message.Work{Sender: &mail.Recorder{}}.Handlers())
	return m
}

func (m *market) write(fn func(ctx context.Context, tx *db.Tx) error) error {
	return m.DB.Write(m.t.Context(), func(tx *db.Tx) error { return fn(m.t.Context(), tx) })
}

func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var words = operation.Both{ZH: "说明", EN: "Words"}

func proposal(t *testing.T, end string) operation.Proposal {
	t.Helper()
	d, err := calendar.ParseDate(end)
	must(t, err)
	plan := map[operation.Part]operation.Both{}
	for _, p := range operation.Parts {
		plan[p] = words
	}
	return operation.Proposal{Day: d, Text: words, Plan: plan}
}

func (m *market) propose(by audit.Actor, p operation.Proposal) (w operation.WindDown, err error) {
	err = m.write(func(ctx context.Context, tx *db.Tx) (err error) {
		w, err = operation.Propose(ctx, tx, by, p)
		return err
	})
	return w, err
}

func (m *market) approve(by audit.Actor, id operation.ID) error {
	return m.write(func(ctx context.Context, tx *db.Tx) error { _, err := operation.Approve(ctx, tx, by, id); return err })
}

// inbox counts the notices of a code that an account has.
func (m *market) inbox(of audit.Actor, code string) (n int) {
	m.t.Helper()
	m.Read(func(r db.Reader) error {
		all, err := message.Inbox(m.t.Context(), r, account.ID(of.Account), "")
		for _, one := range all {
			if one.Code == code {
				n++
			}
		}
		return err
	})
	return n
}

func (m *market) newest(of audit.Actor, code string, l text.Lang) string {
	m.t.Helper()
	var body string
	m.Read(func(r db.Reader) error {
		all, err := message.Inbox(m.t.Context(), r, account.ID(of.Account), "")
		for _, one := range all {
			if one.Code == code && body == "" {
				body = one.Title(l) + "\n" + one.Body(l)
			}
		}
		return err
	})
	return body
}

func (m *market) service() (s operation.Service) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) { s, err = operation.ServiceOf(m.t.Context(), r); return err })
	return s
}

func yearly(price int64) catalog.Content {
	c := world.Content(delivery.LicenceKey, price)
	c.Plans[0].Term = catalog.Term{Unit: catalog.Month, Count: 12}
	return c
}

// TestClause_8_1_AcceptanceOfTheRow: announcing on 2026-11-22 with end 2027-01-21 is refused and with 2027-01-22 is
// accepted; a renewal of twelve months ordered the next day is refused.
func TestClause_8_1_AcceptanceOfTheRow(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		clock.Set(time.Date(2026, 11, 22, 15, 59, 0, 0, time.UTC)) // the last minute of the day in Shanghai
		m := open(t, d, clock)
		buyer := m.Customer(account.LegalPerson)
		month, year := m.Listed(world.Content(delivery.LicenceKey, 9900)), m.Listed(yearly(99000))
		waiting := m.Placed(buyer, year)
		_, v, err := m.drafted("waits")
		must(t, err)
		m.Drain()

		t.Run("refused_too_soon", func(t *testing.T) {
			_, err := m.propose(m.Compliance, proposal(t, "2027-01-21"))
			refused(t, err, "NOTICE_TOO_SHORT", "UA 8.1")
		})
		incomplete := proposal(t, "2027-01-22")
		delete(incomplete.Plan, "refunds")
		_, err = m.propose(m.Compliance, incomplete)
		refused(t, err, "RUN_OFF_PLAN_MISSING", "UA 8.1")
		w, err := m.propose(m.Compliance, proposal(t, "2027-01-22"))
		must(t, err)
		if m.service().State != operation.Operating {
			t.Error("one officer ended the market")
		}
		t.Run("refused_one_person_with_two_roles", func(t *testing.T) {
			both := m.Compliance
			both.Roles = []string{account.Compliance, account.Superadmin}
			refused(t, m.approve(both, w.ID), "SECOND_APPROVER_REQUIRED", "UA 8.1")
			if err := m.approve(m.Support, w.ID); !errors.Is(err, operation.ErrForbidden) {
				t.Error(err)
			}
		})
		t.Run("allowed_two_officers_on_the_day", func(t *testing.T) { must(t, m.approve(m.Superadmin, w.ID)) })
		m.Drain()
		if m.inbox(buyer, "N-91") != 1 || m.inbox(m.Seller, "N-91") != 1 {
			t.Error("not everybody was told at once")
		}

		t.Run("refused_a_second_try_to_pay", func(t *testing.T) {
			refused(t, m.write(func(ctx context.Context, tx *db.Tx) error {
				_, err := order.PayAgain(ctx, tx, buyer, waiting.ID, world.Gateway)
				return err
			}), "TERM_PAST_SERVICE_END", "UA 8.1")
		})
		t.Run("allowed_money_that_was_captured", func(t *testing.T) {
			m.Pay(waiting.Attempt, waiting.Fee.Paid)
			m.Drain()
			if got := m.Order(waiting.ID); !got.State.Paid() {
				t.Errorf("captured money left the order %s", got.State)
			}
		})

		clock.Set(time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC))
		t.Run("refused_a_term_past_the_end", func(t *testing.T) {
			_, err := m.Place(buyer, m.Purchase(buyer, year))
			refused(t, err, "TERM_PAST_SERVICE_END", "UA 8.1")
			must(t, m.DB.Read(t.Context(), func(r db.Reader) error {
				q, err := order.QuoteOf(t.Context(), r, buyer, year.PlanID, 1)
				refused(t, q.Refusal, "TERM_PAST_SERVICE_END", "UA 8.1")
				return err
			}))
		})
		t.Run("allowed_a_term_that_ends_before", func(t *testing.T) {
			_, err := m.Place(buyer, m.Purchase(buyer, month))
			must(t, err)
		})
		t.Run("refused_new_vendors_and_listings", func(t *testing.T) {
			refused(t, m.write(func(ctx context.Context, tx *db.Tx) error {
				_, err := vendor.Apply(ctx, tx, buyer, vendor.Application{})
				return err
			}), "SERVICE_WINDING_DOWN", "UA 8.1")
			refused(t, m.write(func(ctx context.Context, tx *db.Tx) error {
				_, err := catalog.Submit(ctx, tx, m.Seller, v.ID)
				return err
			}), "SERVICE_WINDING_DOWN", "UA 8.1")
		})
		// Sixty days pass: reminders, the home page of each day, the end. On four of
		// them the work stands still; their pages are kept late.
		end := time.Date(2027, 1, 21, 16, 0, 0, 0, time.UTC)
		clock.Advance(4 * 24 * time.Hour)
		for clock.Now().Before(end.Add(24 * time.Hour)) {
			clock.Advance(12 * time.Hour)
			m.Drain()
		}
		if got := m.inbox(buyer, "N-91"); got != 4 {
			t.Errorf("%d notices, want one at once and three reminders", got)
		}
		if got := m.service(); got.State != operation.Ended || !got.EndAt.Equal(end) {
			t.Errorf("the service is %+v", got)
		}
		m.Read(func(r db.Reader) error {
			shots, err := operation.Snapshots(t.Context(), r, w.ID)
			days := map[string]bool{}
			for _, s := range shots {
				days[s.Day] = true
				if !s.Shown || len(s.SHA256) != 64 {
					t.Errorf("%+v", s)
				}
			}
			for day := calendar.On(m.service().AnnouncedAt); day.Before(calendar.On(end)); day = day.AddDays(1) {
				if !days[day.String()] {
					t.Errorf("%s is missing", day)
				}
			}
			if len(days) < 60 || len(shots) != 2*len(days) {
				t.Errorf("%d days kept in %d pages", len(days), len(shots))
			}
			over, err2 := operation.WindDownOf(t.Context(), r, w.ID)
			if len(over.OpenAtEnd) == 0 || over.EndedAt.IsZero() {
				t.Errorf("%+v", over)
			}
			told, err3 := operation.Receipts(t.Context(), r, w.ID, "", 100)
			if len(told) < 8 {
				t.Errorf("%d receipts", len(told))
			}
			return errors.Join(err, err2, err3)
		})
		t.Run("refused_purchases_after_the_end", func(t *testing.T) {
			_, err := m.Place(buyer, m.Purchase(buyer, month))
			refused(t, err, "SERVICE_ENDED", "UA 8.1")
		})
	})
}

// drafted is a product of the vendor that was never listed.
func (m *market) drafted(slug string) (p catalog.Product, v catalog.Version, err error) {
	err = m.write(func(ctx context.Context, tx *db.Tx) (err error) {
		p, v, err = catalog.Draft(ctx, tx, m.Seller, m.Vendor, slug, world.Content(delivery.LicenceKey, 100))
		return err
	})
	return p, v, err
}

func TestAnAnnouncementIsCalledOffByTwo(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		w, err := m.propose(m.Superadmin, proposal(t, "2026-12-01"))
		must(t, err)
		if _, err := m.propose(m.Compliance, proposal(t, "2026-12-02")); !errors.Is(err, operation.ErrOpen) {
			t.Errorf("a second proposal: %v", err)
		}
		must(t, m.approve(m.Compliance, w.ID))
		off := func(by audit.Actor) error {
			return m.write(func(ctx context.Context, tx *db.Tx) error {
				_, err := operation.CallOff(ctx, tx, by, w.ID, "找到了接手的运营方")
				return err
			})
		}
		must(t, off(m.Compliance))
		refused(t, off(m.Compliance), "SECOND_APPROVER_REQUIRED", "UA 8.1")
		if m.service().State != operation.WindingDown {
			t.Error("one officer called it off")
		}
		must(t, off(m.Superadmin))
		clock.Advance(time.Hour)
		m.Drain()
		if m.service().State != operation.Operating || m.inbox(m.Seller, "N-03") != 1 {
			t.Errorf("%+v", m.service())
		}
		clock.Set(time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)) // its timers find nothing to do
		m.Drain()
		if m.service().State != operation.Operating {
			t.Error("what was called off ended the market")
		}
	})
}

func TestTwoApprovalsRaceForOneAnnouncement(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		w, err := m.propose(m.Compliance, proposal(t, "2026-12-01"))
		must(t, err)
		officers := []audit.Actor{m.Superadmin, m.Staff(account.Compliance), m.Staff(account.Compliance)}
		var won atomic.Int64
		world.Together(len(officers), func(i int) {
			err := m.approve(officers[i], w.ID)
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, operation.ErrStale) && !errors.Is(err, operation.ErrOpen):
				t.Error(err)
			}
		})
		m.Drain()
		if won.Load() != 1 || m.inbox(m.Seller, "N-91") != 1 {
			t.Errorf("%d approvals, %d notices", won.Load(), m.inbox(m.Seller, "N-91"))
		}
	})
}

// TestClause_5_2_ARetiredCategoryLeavesEverythingResolvable: every existing order and product resolves, and the public
// log has an entry.
func TestClause_5_2_ARetiredCategoryLeavesEverythingResolvable(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		buyer, other := m.Customer(account.Individual), m.Customer(account.Individual)
		offer := m.Listed(world.Content(delivery.LicenceKey, 9900)) // in saas_business
		o := m.Bought(buyer, offer)
		move := func(in catalog.CategoryMove) error {
			in.Why, in.Migration = catalog.Both(words), catalog.Both(words)
			return m.write(func(ctx context.Context, tx *db.Tx) error {
				_, err := catalog.ChangeCategory(ctx, tx, m.Compliance, in)
				return err
			})
		}
		t.Run("refused_without_a_migration", func(t *testing.T) {
			refused(t, move(catalog.CategoryMove{Code: "saas_business", To: catalog.CategoryRetired}), "CATEGORY_IN_USE", "UA 5.2")
		})
		t.Run("allowed_closed_for_new_products", func(t *testing.T) {
			must(t, move(catalog.CategoryMove{Code: "saas_business", To: catalog.CategoryClosed}))
			_, v, err := m.drafted("late")
			must(t, err)
			refused(t, m.write(func(ctx context.Context, tx *db.Tx) error {
				_, err := catalog.Submit(ctx, tx, m.Seller, v.ID)
				return err
			}), "CATEGORY_CLOSED", "UA 5.2")
			must(t, m.write(func(ctx context.Context, tx *db.Tx) error { // what stands in it may be revised
				v, err := catalog.Revise(ctx, tx, m.Seller, offer.Product.ID, world.Content(delivery.LicenceKey, 8800))
				if err != nil {
					return err
				}
				_, err = catalog.Submit(ctx, tx, m.Seller, v.ID)
				return err
			}))
		})
		t.Run("allowed_retired_with_a_successor", func(t *testing.T) {
			must(t, move(catalog.CategoryMove{Code: "saas_business", To: catalog.CategoryRetired, Successor: "saas_office"}))
		})
		m.Drain()
		if err := move(catalog.CategoryMove{Code: "saas_business", To: catalog.CategoryOpen}); !errors.Is(err, catalog.ErrStale) {
			t.Errorf("a retired category came back: %v", err)
		}
		m.Read(func(r db.Reader) error {
			ctx := t.Context()
			p, err := catalog.Get(ctx, r, offer.Product.ID)
			if err != nil || p.Category != "saas_office" || p.State != catalog.ProductListed {
				t.Errorf("%+v %v", p, err)
			}
			old, err := catalog.CategoryOf(ctx, r, "saas_business")
			if err != nil || old.Successor != "saas_office" || old.State != catalog.CategoryRetired {
				t.Errorf("%+v %v", old, err)
			}
			kept, err := order.Any(ctx, r, o.ID)
			if err != nil {
				return err
			}
			content, err := kept.Content()
			if err != nil || content.Category != "saas_business" || kept.SHA256 != o.SHA256 {
				t.Errorf("the order was touched: %v", err)
			}
			q, err := order.QuoteOf(ctx, r, other, offer.PlanID, 1)
			if err != nil || q.Refusal != nil {
				t.Errorf("not sold any more: %v %v", err, q.Refusal)
			}
			log, err := operation.ChangesOf(ctx, r, "saas_business")
			if err != nil || len(log) != 2 || log[0].Title.EN == "" || log[0].SHA256 == "" {
				t.Errorf("%+v %v", log, err)
			}
			trees, err := catalog.Trees(ctx, r)
			if err != nil || len(trees) != 3 {
				t.Errorf("%d trees %v", len(trees), err)
				return err
			}
			first, err := trees[2].Categories()
			for _, c := range first {
				if c.Code == "saas_business" && c.State != catalog.CategoryOpen {
					t.Errorf("the tree before says %s", c.State)
				}
			}
			return err
		})
		if m.inbox(buyer, "N-03") != 2 || m.inbox(m.Seller, "N-03") != 2 || m.inbox(other, "N-03") != 0 {
			t.Errorf("told: buyer %d, vendor %d, stranger %d", m.inbox(buyer, "N-03"), m.inbox(m.Seller, "N-03"), m.inbox(other, "N-03"))
		}
	})
}

func (m *market) incident(f operation.Finding) (i operation.Incident) {
	m.t.Helper()
	f.Kind, f.Summary = "leak", "一份备份被公开"
	must(m.t, m.write(func(ctx context.Context, tx *db.Tx) (err error) {
		i, err = operation.OpenIncident(ctx, tx, m.Compliance, f)
		return err
	}))
	return i
}

// do runs one act on the newest state of an incident.
func (m *market) do(id operation.ID, act func(ctx context.Context, tx *db.Tx, seen int64) error) error {
	return m.write(func(ctx context.Context, tx *db.Tx) error {
		i, err := operation.IncidentOf(ctx, tx, id)
		if err != nil {
			return err
		}
		return act(ctx, tx, i.Version)
	})
}

// TestClause_7_2_AcceptanceOfTheRow walks an incident with personal data to its end.
func TestClause_7_2_AcceptanceOfTheRow(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		buyer, other := m.Customer(account.Individual), m.Customer(account.Individual)
		i := m.incident(operation.Finding{Personal: true, DataKinds: []string{"orders", "name_contact"}, Subjects: []account.ID{account.ID(buyer.Account)}})
		if !i.DueAt.Equal(i.DetectedAt) {
			t.Errorf("due %s, want at once", i.DueAt)
		}
		stale := i.Version
		close := func() error {
			return m.do(i.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
				_, err := operation.CloseIncident(ctx, tx, m.Compliance, i.ID, seen)
				return err
			})
		}
		for _, to := range []operation.State{operation.Acknowledged, operation.Contained, operation.Resolved} {
			clock.Advance(time.Minute)
			must(t, m.do(i.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
				_, err := operation.StepIncident(ctx, tx, m.Support, i.ID, seen, to, "已处理")
				return err
			}))
		}
		t.Run("refused_unassessed", func(t *testing.T) { refused(t, close(), "INCIDENT_NOT_ASSESSED", "UA 7.2") })
		must(t, m.do(i.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
			_, err := operation.Assess(ctx, tx, m.Compliance, i.ID, seen, operation.PartialFault, "operator", "访问控制配置有误")
			return err
		}))
		t.Run("refused_untold", func(t *testing.T) { refused(t, close(), "INCIDENT_NOTICE_MISSING", "UA 7.2") })
		must(t, m.do(i.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
			_, err := operation.Waive(ctx, tx, m.Compliance, i.ID, seen, "authority", "数据已加密,未造成危害")
			return err
		}))
		refused(t, close(), "INCIDENT_NOTICE_MISSING", "UA 7.2")
		notice := operation.SubjectNotice{Cause: words, Harm: operation.Both{ZH: "可能收到诈骗电话", EN: "Fraudulent calls"}, Remedies: words, SelfHelp: words, Contact: "dpo@example.com"}
		must(t, m.do(i.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
			_, err := operation.TellSubjects(ctx, tx, m.Compliance, i.ID, seen, notice)
			return err
		}))
		m.Drain()
		if m.inbox(buyer, "N-81") != 1 || m.inbox(other, "N-81") != 0 {
			t.Error("the wrong people were told")
		}
		for l, want := range map[text.Lang][]string{text.ZH: {"可能收到诈骗电话", "订单信息、姓名和联系方式", "dpo@example.com"}, text.EN: {"Fraudulent calls", "orders, name and contact"}} {
			for _, w := range want {
				if body := m.newest(buyer, "N-81", l); !strings.Contains(body, w) {
					t.Errorf("%s does not say %q: %s", l, w, body)
				}
			}
		}
		t.Run("refused_stale_form", func(t *testing.T) {
			err := m.write(func(ctx context.Context, tx *db.Tx) error {
				_, err := operation.CloseIncident(ctx, tx, m.Compliance, i.ID, stale)
				return err
			})
			if !errors.Is(err, operation.ErrStale) {
				t.Error(err)
			}
		})
		t.Run("allowed_assessed_and_told", func(t *testing.T) { must(t, close()) })
		m.Read(func(r db.Reader) error {
			entries, err := operation.Entries(t.Context(), r, i.ID)
			if len(entries) != 8 {
				t.Errorf("%d steps", len(entries))
			}
			acts, err2 := audit.Of(t.Context(), r, string(i.ID))
			if len(acts) < 8 {
				t.Errorf("%d records", len(acts))
			}
			sealed, err3 := db.Value[[]byte](t.Context(), r, `SELECT summary_sealed FROM operation_incident`)
			if strings.Contains(string(sealed), "备份") {
				t.Error("the summary is not sealed")
			}
			return errors.Join(err, err2, err3)
		})
	})
}

// TestClause_7_2_TheAuthorityHasItsHour opens a breach under each law, lets the time
// run out, and looks at who is told and what the dashboard of duties says.
func TestClause_7_2_TheAuthorityHasItsHour(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		duty := func() (s report.Standing) {
			m.Read(func(r db.Reader) error {
				all, err := report.Duties(t.Context(), r)
				for _, one := range all {
					if one.Code == "breach" {
						s = one
					}
				}
				return err
			})
			return s
		}
		alarms := func() int { return m.inbox(m.Compliance, "OP-02") }
		for _, law := range []struct {
			code, article string
			hours         time.Duration
		}{{"CN", "PIPL 57", 4 * time.Hour}, {"EU", "GDPR 33", 72 * time.Hour}, {"OTHER", "", 0}} {
			t.Run(law.code, func(t *testing.T) {
				must(t, m.write(func(ctx context.Context, tx *db.Tx) error {
					_, err := tx.Exec(ctx, `UPDATE agreement_version SET jurisdiction = $1`, law.code)
					return err
				}))
				i := m.incident(operation.Finding{Personal: true, DataKinds: []string{"orders"}, Everyone: true})
				before := alarms()
				m.Drain()
				if alarms() != before {
					t.Error("an alarm at once")
				}
				if law.hours == 0 {
					if !i.AuthorityDue.IsZero() {
						t.Errorf("due %s although no law asks", i.AuthorityDue)
					}
					clock.Advance(1000 * time.Hour)
					m.Drain()
					if s := duty(); alarms() != before || s.Open != 0 {
						t.Errorf("%d alarms, %+v", alarms()-before, s.Sight)
					}
					return
				}
				if !i.AuthorityDue.Equal(i.DetectedAt.Add(law.hours)) {
					t.Fatalf("due %s", i.AuthorityDue)
				}
				if s := duty(); s.Law != law.article || s.Open != 1 || !s.Due.Equal(i.AuthorityDue) || s.State != "due" {
					t.Errorf("%s %+v %s", s.Law, s.Sight, s.State)
				}
				clock.Advance(law.hours * 3 / 4)
				m.Drain()
				if alarms() != before+1 || !strings.Contains(m.newest(m.Compliance, "OP-02", text.EN), "has not been told") {
					t.Errorf("%d alarms before the hour", alarms()-before)
				}
				clock.Advance(law.hours/4 + time.Minute)
				m.Drain()
				if alarms() != before+2 || !strings.Contains(m.newest(m.Compliance, "OP-02", text.ZH), "现已逾期") {
					t.Errorf("%d alarms after the hour", alarms()-before)
				}
				if s := duty(); s.State != "overdue" {
					t.Errorf("%+v %s", s.Sight, s.State)
				}
				must(t, m.do(i.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
					_, err := operation.ReportAuthority(ctx, tx, m.Compliance, i.ID, seen, "网信部门", "WX-1")
					return err
				}))
				if s := duty(); s.State == "overdue" || s.Open != 0 || s.Last.IsZero() {
					t.Errorf("after the report: %+v %s", s.Sight, s.State)
				}

				// Who is told in time is not warned.
				quick := m.incident(operation.Finding{Personal: true, DataKinds: []string{"orders"}, Everyone: true})
				must(t, m.do(quick.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
					_, err := operation.ReportAuthority(ctx, tx, m.Compliance, quick.ID, seen, "网信部门", "WX-2")
					return err
				}))
				clock.Advance(2 * law.hours)
				m.Drain()
				if alarms() != before+2 {
					t.Error("an alarm about what was told")
				}
			})
		}
	})
}

func (m *market) outage(o operation.Outage) (n operation.Interruption) {
	m.t.Helper()
	o.Title, o.Component, o.Impact = operation.Both{ZH: "无法下单", EN: "Orders fail"}, "orders", "outage"
	must(m.t, m.write(func(ctx context.Context, tx *db.Tx) (err error) {
		n, err = operation.OpenInterruption(ctx, tx, m.Support, o)
		return err
	}))
	return n
}

// on runs one act on the newest state of an interruption.
func (m *market) on(id operation.ID, act func(ctx context.Context, tx *db.Tx, seen int64) error) error {
	return m.write(func(ctx context.Context, tx *db.Tx) error {
		n, err := operation.InterruptionOf(ctx, tx, id)
		if err != nil {
			return err
		}
		return act(ctx, tx, n.Version)
	})
}

func (m *market) step(id operation.ID, to ...operation.State) {
	m.t.Helper()
	for _, one := range to {
		m.Clock.Advance(10 * time.Minute)
		must(m.t, m.on(id, func(ctx context.Context, tx *db.Tx, seen int64) error {
			_, err := operation.Step(ctx, tx, m.Support, id, seen, one, words)
			return err
		}))
	}
}

func (m *market) cause(by audit.Actor, id operation.ID, c operation.Cause, p operation.Proof) error {
	m.Drain() // what was said before is told before
	m.Clock.Advance(time.Minute)
	return m.on(id, func(ctx context.Context, tx *db.Tx, seen int64) error {
		_, err := operation.StateCause(ctx, tx, by, id, seen, c, p, "")
		return err
	})
}

func (m *market) close(by audit.Actor, id operation.ID) error {
	return m.on(id, func(ctx context.Context, tx *db.Tx, seen int64) error {
		_, err := operation.Close(ctx, tx, by, id, seen, words)
		return err
	})
}

func (m *market) interruption(id operation.ID) (n operation.Interruption) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) { n, err = operation.InterruptionOf(m.t.Context(), r, id); return err })
	return n
}

// TestClause_7_3_AcceptanceOfTheRow: an interruption has a cause and an acknowledgement, and the operator's fault carries
// no exemption.
func TestClause_7_3_AcceptanceOfTheRow(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		buyer, other := m.Customer(account.Individual), m.Customer(account.Individual)
		offer := m.Listed(world.Content(delivery.LicenceKey, 9900))
		m.Bought(buyer, offer)
		n := m.outage(operation.Outage{Products: []string{string(offer.Product.ID)}})
		m.Drain()
		if m.inbox(buyer, "N-82") != 1 || m.inbox(m.Seller, "N-82") != 1 || m.inbox(other, "N-82") != 0 {
			t.Error("the wrong people were told")
		}
		t.Run("refused_to_close_without_times_and_cause", func(t *testing.T) {
			refused(t, m.close(m.Support, n.ID), "INTERRUPTION_UNFINISHED", "UA 7.3")
			m.step(n.ID, operation.Acknowledged, operation.Mitigated, operation.Resolved)
			refused(t, m.close(m.Support, n.ID), "INTERRUPTION_UNFINISHED", "UA 7.3")
		})
		exemption := "用户协议第"
		t.Run("allowed_with_the_operators_own_fault_and_no_exemption", func(t *testing.T) {
			must(t, m.cause(m.Support, n.ID, operation.OperatorsFault, operation.Proof{}))
			m.Drain()
			if body := m.newest(buyer, "N-82", text.ZH); !strings.Contains(body, "运营方过错") || strings.Contains(body, exemption) {
				t.Error(body)
			}
			must(t, m.close(m.Support, n.ID))
		})
		carrier := m.outage(operation.Outage{Everyone: true})
		m.step(carrier.ID, operation.Acknowledged, operation.Resolved)
		must(t, m.cause(m.Support, carrier.ID, operation.Carrier, operation.Proof{Kind: "ticket", Reference: "CT-2026-7788"}))
		clock.Advance(time.Minute)
		m.Drain()
		if body := m.newest(other, "N-82", text.ZH); !strings.Contains(body, "用户协议第7.3.2条") || m.inbox(other, "N-82") != 3 {
			t.Error(body)
		}
	})
}

func TestClause_7_3_3_AnAttackOpensAnIncidentAndExemptsAfterItsAssessment(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		n := m.outage(operation.Outage{Everyone: true})
		m.step(n.ID, operation.Acknowledged, operation.Resolved)
		t.Run("refused_an_incident_that_is_not_there", func(t *testing.T) {
			refused(t, m.on(n.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
				_, err := operation.StateCause(ctx, tx, m.Support, n.ID, seen, operation.Attack, operation.Proof{}, "inc_none")
				return err
			}), "CAUSE_NOT_PROVED", "UA 7.3.3")
		})
		must(t, m.cause(m.Support, n.ID, operation.Attack, operation.Proof{}))
		opened := m.interruption(n.ID).Incident
		exemption := func() (clause string) {
			m.Read(func(r db.Reader) (err error) {
				clause, err = operation.Exemption(t.Context(), r, m.interruption(n.ID))
				return err
			})
			return clause
		}
		if opened == "" || exemption() != "" {
			t.Fatalf("incident %q, exemption %q", opened, exemption())
		}
		for _, to := range []operation.State{operation.Acknowledged, operation.Contained, operation.Resolved} {
			must(t, m.do(opened, func(ctx context.Context, tx *db.Tx, seen int64) error {
				_, err := operation.StepIncident(ctx, tx, m.Support, opened, seen, to, "x")
				return err
			}))
		}
		m.Drain()
		clock.Advance(time.Minute)
		must(t, m.do(opened, func(ctx context.Context, tx *db.Tx, seen int64) error {
			_, err := operation.Assess(ctx, tx, m.Compliance, opened, seen, operation.NoFault, "attack", "防护措施齐备,攻击规模罕见")
			return err
		}))
		t.Run("allowed_exemption_after_no_fault", func(t *testing.T) {
			clock.Advance(time.Minute)
			m.Drain()
			if got := exemption(); got != "UA 7.3.3" {
				t.Errorf("%q", got)
			}
			if body := m.newest(m.Seller, "N-82", text.EN); !strings.Contains(body, "clause 7.3.3") {
				t.Error(body)
			}
		})
	})
}

func TestClause_7_3_4_AContestIsAnswered(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		buyer, stranger := m.Customer(account.Individual), m.Customer(account.Individual)
		o := m.Bought(buyer, m.Listed(world.Content(delivery.LicenceKey, 9900)))
		n := m.outage(operation.Outage{Orders: []string{string(o.ID)}})
		m.step(n.ID, operation.Acknowledged, operation.Resolved)
		proof := operation.Proof{Kind: "user_action", Reference: "rec_none", Text: "用户关闭了实例,操作记录见附件"}
		refused(t, m.cause(m.Support, n.ID, operation.UserSide, proof), "CAUSE_NOT_PROVED", "UA 7.3.4")
		proof.Reference = ""
		must(t, m.cause(m.Support, n.ID, operation.UserSide, proof))
		contest := func(by audit.Actor) (c operation.Contest, err error) {
			err = m.write(func(ctx context.Context, tx *db.Tx) (err error) {
				c, err = m.rules.Contest(ctx, tx, by, n.ID, "当时没有人登录")
				return err
			})
			return c, err
		}
		t.Run("refused_to_a_stranger", func(t *testing.T) {
			_, err := contest(stranger)
			refused(t, err, "CONTEST_NOT_AFFECTED", "UA 7.3.4")
		})
		var c operation.Contest
		t.Run("allowed_to_the_affected_user_once", func(t *testing.T) {
			var err error
			c, err = contest(buyer)
			must(t, err)
			_, err = contest(buyer)
			refused(t, err, "CONTEST_MADE", "UA 7.3.4")
		})
		refused(t, m.close(m.Support, n.ID), "CONTEST_OPEN", "UA 7.3.4")
		m.Read(func(r db.Reader) error {
			clause, err := operation.Exemption(t.Context(), r, m.interruption(n.ID))
			if clause != "" {
				t.Errorf("a contested cause exempts by %s", clause)
			}
			return err
		})
		answer := func(by audit.Actor, in operation.Answer) error {
			in.Words = "核对日志后更正"
			return m.write(func(ctx context.Context, tx *db.Tx) error {
				_, err := operation.AnswerContest(ctx, tx, by, c.ID, in)
				return err
			})
		}
		refused(t, answer(m.Support, operation.Answer{}), "SECOND_APPROVER_REQUIRED", "UA 7.3.4")
		var won atomic.Int64
		others := []audit.Actor{m.Compliance, m.Staff(account.Support)}
		world.Together(len(others), func(i int) { // two answer at once: one counts
			if err := answer(others[i], operation.Answer{Uphold: true, Cause: operation.OperatorsFault}); err == nil {
				won.Add(1)
			} else if !errors.Is(err, operation.ErrStale) {
				t.Error(err)
			}
		})
		m.Drain()
		if won.Load() != 1 || m.interruption(n.ID).Cause != operation.OperatorsFault || m.inbox(buyer, "OP-01") != 1 {
			t.Errorf("%d answers, cause %s", won.Load(), m.interruption(n.ID).Cause)
		}
		must(t, m.close(m.Support, n.ID))
	})
}

// stated states a cause with its proof and one without, on both engines.
func stated(t *testing.T, c operation.Cause, p operation.Proof, clause, allowed, refusal string) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		n := m.outage(operation.Outage{Everyone: true})
		m.step(n.ID, operation.Acknowledged, operation.Resolved)
		t.Run(refusal, func(t *testing.T) {
			refused(t, m.cause(m.Support, n.ID, c, operation.Proof{}), "CAUSE_NOT_PROVED", clause)
			if got := m.interruption(n.ID); got.Cause != "" {
				t.Errorf("the cause is %s", got.Cause)
			}
		})
		t.Run(allowed, func(t *testing.T) {
			must(t, m.cause(m.Support, n.ID, c, p))
			if got := m.interruption(n.ID); got.Cause != c {
				t.Errorf("the cause is %s", got.Cause)
			}
		})
	})
}

func TestClause_7_3_1_AnAnnouncementIsKeptWithTheCause(t *testing.T) {
	stated(t, operation.ForceMajeure, operation.Proof{Kind: "announcement", Reference: "粤应急〔2026〕12号"}, "UA 7.3.1", "allowed_with_something_public", "refused_without")
}

func TestClause_7_3_2_ATicketIsKeptWithTheCause(t *testing.T) {
	stated(t, operation.Carrier, operation.Proof{Kind: "ticket", Reference: "CT-2026-7788"}, "UA 7.3.2", "allowed_with_a_ticket", "refused_without")
}

func TestClause_7_3_5_TheLogIsKeptWithTheCause(t *testing.T) {
	stated(t, operation.Unauthorised, operation.Proof{Kind: "invalid_token", Text: "2026-11-22T02:00Z POST /internal/x 401 token=none"}, "UA 7.3.5",
		"allowed_with_the_log", "refused_without")
}

func TestClause_7_3_6_TwoPeopleAreNeeded(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		n := m.outage(operation.Outage{Everyone: true})
		m.step(n.ID, operation.Acknowledged, operation.Resolved)
		must(t, m.cause(m.Support, n.ID, operation.Unforeseeable, operation.Proof{Text: "上游机房的消防系统误动作,整层断电,没有先例。"}))
		confirm := func(by audit.Actor) error {
			return m.on(n.ID, func(ctx context.Context, tx *db.Tx, seen int64) error {
				_, err := operation.Confirm(ctx, tx, by, n.ID, seen)
				return err
			})
		}
		t.Run("refused_by_one", func(t *testing.T) {
			refused(t, m.close(m.Support, n.ID), "SECOND_APPROVER_REQUIRED", "UA 7.3.6")
			both := m.Support
			both.Roles = []string{account.Support, account.Compliance}
			refused(t, confirm(both), "SECOND_APPROVER_REQUIRED", "UA 7.3.6")
		})
		t.Run("allowed_by_two", func(t *testing.T) {
			must(t, confirm(m.Compliance))
			must(t, m.close(m.Support, n.ID))
		})
	})
}

func TestClause_7_3_RightsGetTheirTimeBackWhereTheRulebookSaysSo(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		buyer := m.Customer(account.Individual)
		o := m.Bought(buyer, m.Listed(world.Content(delivery.LicenceKey, 9900)))
		right := func() (e entitlement.Entitlement) {
			m.Read(func(r db.Reader) error {
				all, err := entitlement.OfOrder(t.Context(), r, string(o.ID))
				if len(all) == 1 {
					e = all[0]
				}
				return err
			})
			return e
		}
		before := right()
		outage := func() operation.Interruption {
			n := m.outage(operation.Outage{Everyone: true})
			m.step(n.ID, operation.Acknowledged, operation.Resolved) // twenty minutes
			m.Drain()
			return m.interruption(n.ID)
		}
		t.Run("refused_as_shipped", func(t *testing.T) {
			if n := outage(); n.Extended != 0 || !right().EndsAt.Equal(before.EndsAt) {
				t.Errorf("%+v", n)
			}
		})
		t.Run("allowed_by_a_later_rulebook", func(t *testing.T) {
			m.enable("interruption_extends_term")
			before = right()
			n := outage()
			if got := right(); n.Extended != 1 || got.EndsAt.Sub(before.EndsAt) != 20*time.Minute {
				t.Errorf("%d rights, %s longer", n.Extended, got.EndsAt.Sub(before.EndsAt))
			}
			// A second run of the same job gives nothing more.
			must(t, m.write(func(ctx context.Context, tx *db.Tx) error {
				_, rights, err := m.rules.Lengthen(ctx, tx, audit.Job("test"), n, "")
				if rights != 0 {
					t.Errorf("%d rights a second time", rights)
				}
				return err
			}))
		})
	})
}

// enable publishes the rulebook of timers with a setting switched on, and waits
// until it is in force.
func (m *market) enable(setting string) {
	m.t.Helper()
	m.Amend(m.Clock, "timers", func(doc map[string]any) {
		doc["settings"].(map[string]any)[setting].(map[string]any)["enabled"] = true
	})
	m.With(agreement.Work{}.Handlers())
	m.Clock.Advance(9 * 24 * time.Hour)
	m.Drain()
}
