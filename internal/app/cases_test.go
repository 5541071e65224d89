package app

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/money"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/report"
	"yunshi/internal/market/review"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// market is a world whose packages are told of each other as the program wires it.
type market struct {
	*world.Trade
	t        *testing.T
	measures enforcement.Rules
	texts    content.Rules
	notices  infringement.Rules
	buyer    audit.Actor
	second   audit.Actor
	order    order.Order
}

func markets(t *testing.T, fn func(t *testing.T, m *market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := &market{Trade: world.NewTrade(t, d, clock), t: t, texts: contents()}
		m.notices, m.measures = notices(m.texts), measures(m.texts, m.Refund)
		m.With(enforcement.Work{Rules: m.measures}.Handlers())
		m.With(complaint.Work{Rules: complaints(), Sender: &mail.Recorder{}, BaseURL: "https://market.example"}.Handlers())
		m.buyer, m.second = m.Customer(account.Individual), m.Staff(account.Compliance)
		m.order = m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, 30000)))
		fn(t, m)
	})
}

// decide decides a case with one measure, by as many officers as it needs, and
// serves it.
func (m *market) decide(id enforcement.ID, plan enforcement.Plan) (f enforcement.Dossier) {
	m.t.Helper()
	read := func() {
		m.Read(func(r db.Reader) (err error) {
			f, err = enforcement.Get(m.t.Context(), r, m.Compliance, id)
			return err
		})
	}
	read()
	m.Write(func(tx *db.Tx) error {
		_, err := m.measures.Decide(m.t.Context(), tx, m.Compliance, id, f.Version, enforcement.Decision{Reasons: "It is shown.", Measures: []enforcement.Plan{plan}, Points: -1})
		return err
	})
	if read(); f.State == enforcement.SecondReview {
		m.Write(func(tx *db.Tx) error {
			_, err := m.measures.Confirm(m.t.Context(), tx, m.second, id, f.Version, true, "seen")
			return err
		})
	}
	m.Drain()
	read()
	return f
}

func (m *market) complain() (c complaint.Complaint) {
	m.t.Helper()
	m.Write(func(tx *db.Tx) (err error) {
		c, err = complaints().Submit(m.t.Context(), tx, m.buyer, complaint.Ask{Topic: "not_working", Order: m.order.ID, Text: "实例无法启动", Demand: "请修复"})
		return err
	})
	return c
}

func (m *market) report() (id enforcement.ID) {
	m.t.Helper()
	m.Write(func(tx *db.Tx) error {
		p, _, err := complaints().Report(m.t.Context(), tx, m.buyer, complaint.Notice{Kind: "UA 4.7.5", Place: "/p", Text: "a private word", Product: m.slug()})
		id = enforcement.ID(p.Case)
		return err
	})
	return id
}

func (m *market) slug() (slug string) {
	m.Read(func(r db.Reader) (err error) {
		slug, err = db.Value[string](m.t.Context(), r, `SELECT slug FROM catalog_product WHERE id = $1`, string(m.order.Product))
		return err
	})
	return slug
}

func TestAReportOpensACaseAndAComplaintIsADisclosure(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		id, c := m.report(), m.complain()
		m.Read(func(r db.Reader) error {
			f, err := enforcement.Get(t.Context(), r, m.Compliance, id)
			if err != nil || string(f.Subject) != m.Seller.Account || f.Violation != "UA 4.7.5" || strings.Contains(f.Facts, "private") || len(f.Exhibits) != 1 {
				t.Errorf("%+v, %v", f, err)
			}
			all, err := privacy.Disclosures(t.Context(), r, account.ID(m.buyer.Account))
			if err != nil || !slices.ContainsFunc(all, func(d privacy.Disclosure) bool { return d.Matter == string(c.ID) }) {
				t.Errorf("disclosures %+v, %v", all, err)
			}
			left, err := report.RunOff(t.Context(), r)
			for _, one := range left {
				if one.Part == "complaints" && one.Count != 1 {
					t.Errorf("%d complaints are open", one.Count)
				}
			}
			return err
		})
	})
}

func TestATerminationEndsTheDataOnTheDayOfTheCase(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		var c enforcement.Case
		m.Write(func(tx *db.Tx) (err error) {
			c, err = enforcement.Open(t.Context(), tx, m.Compliance, enforcement.Opening{
				Subject: account.ID(m.buyer.Account), Source: enforcement.SelfFound, Violation: "UA 4.7.5", Facts: "x",
				Evidence: []enforcement.Item{{Kind: enforcement.Capture, Content: []byte("x")}},
			})
			return err
		})
		m.decide(c.ID, enforcement.Plan{Kind: enforcement.Terminate})
		m.Read(func(r db.Reader) error {
			end, err := enforcement.TerminationOf(t.Context(), r, account.ID(m.buyer.Account))
			if err != nil {
				return err
			}
			closing, err := privacy.Current(t.Context(), r, account.ID(m.buyer.Account))
			if err != nil || closing == nil || !closing.PurgeAt.Equal(end.PurgeAt) || closing.Case != string(c.ID) {
				t.Errorf("%+v, %+v, %v", closing, end, err)
			}
			return nil
		})
	})
}

func TestAMeasureAndANoticeTakeATextAwayAndGiveItBack(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		var p message.Post
		m.Write(func(tx *db.Tx) (err error) {
			p, err = message.Talks{Parties: order.Parties}.Start(t.Context(), tx, m.buyer, message.About{Topic: message.AboutOrder, ID: string(m.order.ID)}, "", message.Draft{Text: "hello"})
			return err
		})
		says := func(want string) {
			t.Helper()
			m.Read(func(r db.Reader) error {
				o, err := message.Owner().Read(t.Context(), r, string(p.ID))
				if err != nil || o.Text != want {
					t.Errorf("%q, want %q, %v", o.Text, want, err)
				}
				return nil
			})
		}
		kind := string(content.Message)
		var was, ifn string
		m.Write(func(tx *db.Tx) (err error) {
			was, err = m.measures.Content[kind].Block(t.Context(), tx, m.Compliance, string(p.ID), "enf_1")
			return err
		})
		says("")
		m.Write(func(tx *db.Tx) (err error) {
			ifn, err = m.notices.Blockers[kind].Block(t.Context(), tx, m.Compliance, string(p.ID), "ifn_1")
			return err
		})
		m.Write(func(tx *db.Tx) error {
			return m.notices.Blockers[kind].Unblock(t.Context(), tx, m.Compliance, string(p.ID), ifn, "ifn_1")
		})
		says("")
		m.Write(func(tx *db.Tx) error {
			return m.measures.Content[kind].Restore(t.Context(), tx, m.Compliance, string(p.ID), was)
		})
		says("hello")
		if m.notices.Blockers[string(content.Review)].Block == nil || m.measures.Content[string(content.Review)].Block == nil {
			t.Error("reviews cannot be taken away")
		}
		m.Write(func(tx *db.Tx) error {
			id, err := m.texts.OpenCase(t.Context(), tx, m.Compliance, content.Accused{
				Kind: content.Message, Ref: string(p.ID), Account: account.ID(m.buyer.Account), Clause: "UA 4.7.1", SHA256: "00", Note: "words", Source: "cnt_1",
			})
			if err != nil || !strings.HasPrefix(id, "enf_") {
				t.Errorf("%q, %v", id, err)
			}
			return nil
		})
		m.Write(func(tx *db.Tx) error {
			if err := m.notices.Malicious(t.Context(), tx, m.Compliance, infringement.Notice{ID: "ifn_1", Account: account.ID(m.buyer.Account)}, "made up"); err != nil {
				t.Error(err)
			}
			all, err := enforcement.Against(t.Context(), tx, account.ID(m.buyer.Account), 10)
			if len(all) != 2 {
				t.Errorf("%d cases, %v", len(all), err)
			}
			return err
		})
	})
}

func TestAPackHoldsRefundComplaintMeasureAndReview(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		signing, key, err := tlog.GenerateKey(testkit.Rand("log"), LogOrigin)
		if err != nil {
			t.Fatal(err)
		}
		files, err := blob.Disk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		work := EvidenceWork(m.DB, files, signing)
		m.complain()
		m.decide(m.report(), enforcement.Plan{
			Kind: enforcement.Rectify, Content: enforcement.Content{Kind: enforcement.Product, ID: string(m.order.Product)}, Demand: "Correct it.", Days: 7,
		})
		m.Write(func(tx *db.Tx) error { return order.Complete(ctx, tx, audit.Job("test"), m.order.ID) })
		m.Write(func(tx *db.Tx) error {
			_, err := review.Write(ctx, tx, m.buyer, m.order.ID, review.Words{Stars: 4, Text: "good"})
			return err
		})
		m.Write(func(tx *db.Tx) error {
			_, err := m.Refund.Submit(ctx, tx, m.buyer, refund.Ask{Order: m.order.ID, Reason: refund.NoReason, Amount: money.Amount{Minor: 30000, Currency: money.CNY}})
			return err
		})
		m.Drain()
		m.Clock.Advance(time.Minute)
		for as, want := range map[evidence.Addressee][]string{
			evidence.Operator: {"refund.json", "complaint.json", "measures.json", "reviews.json"},
			evidence.Buyer:    {"refund.json", "complaint.json", "reviews.json"},
			evidence.Seller:   {"refund.json", "complaint.json", "measures.json"},
		} {
			whole, err := work.Make(ctx, m.DB, audit.CLI("evidence"), m.order.ID, as, evidence.Court, nil)
			if err != nil {
				t.Fatal(err)
			}
			o, err := proof.CheckPack(whole, key)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"refund.json", "complaint.json", "measures.json", "reviews.json"} {
				has := slices.ContainsFunc(o.Files, func(f proof.File) bool { return f.Name == name })
				if has != slices.Contains(want, name) {
					t.Errorf("%s: %s is there: %v", as, name, has)
				}
			}
			for _, f := range o.Files {
				if as == evidence.Seller && (bytes.Contains(f.Content, []byte(m.buyer.Account)) || bytes.Contains(f.Content, []byte(m.buyer.User))) {
					t.Errorf("the vendor's pack names the buyer in %s", f.Name)
				}
			}
		}
	})
}
