package app

import (
	"bytes"
	"errors"
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
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/report"
	"yunshi/internal/market/review"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// market is a world whose packages are told of each other as the program wires it.
type market struct {
	*world.Trade
	t        testing.TB
	measures enforcement.Rules
	texts    content.Rules
	notices  infringement.Rules
	buyer    audit.Actor
	second   audit.Actor
	order    order.Order
}

func markets(t *testing.T, fn func(t *testing.T, m *market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) { fn(t, trading(t, d, clock)) })
}

func trading(t testing.TB, d *db.DB, clock *testkit.Clock) *market {
	t.Helper()
	m := &market{Trade: world.NewTrade(t, d, clock), t: t, texts: contents()}
	m.notices, m.measures = notices(m.texts), measures(m.texts, m.Refund)
	m.With(enforcement.Work{Rules: m.measures}.Handlers())
	m.With(complaint.Work{Rules: complaints(), Sender: &mail.Recorder{}, BaseURL: "https://market.example"}.Handlers())
	m.buyer, m.second = m.Customer(account.Individual), m.Staff(account.Compliance)
	m.order = m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, 30000)))
	return m
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

// ended is the end of the vendor's agreement by a case.
func (m *market) ended() enforcement.Dossier {
	m.t.Helper()
	var c enforcement.Case
	m.Write(func(tx *db.Tx) (err error) {
		c, err = enforcement.Open(m.t.Context(), tx, m.Compliance, enforcement.Opening{
			Subject: account.ID(m.Seller.Account), Source: enforcement.SelfFound, Violation: "UA 4.11", Facts: "x",
			Evidence: []enforcement.Item{{Kind: enforcement.Capture, Content: []byte("x")}},
		})
		return err
	})
	return m.decide(c.ID, enforcement.Plan{Kind: enforcement.Terminate})
}

// lift takes a measure of a case back.
func (m *market) lift(f enforcement.Dossier) {
	m.t.Helper()
	m.Write(func(tx *db.Tx) error {
		_, err := m.measures.Lift(m.t.Context(), tx, m.Compliance, f.Measures[0].ID, f.Version, "it was a mistake")
		return err
	})
	m.Drain()
}

func TestClause_8_2_4_AVendorsProductsLeaveWithItsAgreementAndComeBackWithIt(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		of := func(id catalog.ProductID) (p catalog.Product) {
			m.Read(func(r db.Reader) (err error) { p, err = catalog.Get(ctx, r, id); return err })
			return p
		}
		listed := catalog.ProductID(m.order.Product)
		hidden, noticed := m.Listed(world.Content(delivery.HookNative, 30000)).Product.ID, m.Listed(world.Content(delivery.HookNative, 30000)).Product.ID
		planned := m.Listed(world.Content(delivery.HookNative, 30000)).Product.ID
		m.Write(func(tx *db.Tx) error {
			if err := catalog.Hide(ctx, tx, m.Seller, hidden, "not in stock"); err != nil {
				return err
			}
			return catalog.Delist(ctx, tx, m.Seller, catalog.Delisting{Product: planned, Cause: catalog.VendorPlanning, Scope: catalog.NoNewSales, Reason: "old"}, entitlement.HoldersOf)
		})
		f := m.ended()
		if f.Measures[0].State != enforcement.Effective {
			t.Fatalf("the termination is %s", f.Measures[0].State)
		}
		t.Run("refused_new_sales_and_renewals", func(t *testing.T) {
			for _, id := range []catalog.ProductID{listed, hidden, noticed, planned} {
				if p := of(id); p.State != catalog.ProductDelisted || p.Scope != catalog.NoRenewal {
					t.Errorf("%s: %s, %s", id, p.State, p.Scope)
				}
			}
			m.Read(func(r db.Reader) error {
				if err := catalog.MustRenew(ctx, r, listed); !errors.Is(err, catalog.ErrDelisted) {
					t.Errorf("renewal: %v", err)
				}
				all, err := catalog.Delistings(ctx, r, listed)
				if len(all) != 1 || all[0].Case != string(f.ID) || all[0].Cause != catalog.VendorBreach || all[0].Affected != 1 {
					t.Errorf("%+v", all)
				}
				return err
			})
		})
		t.Run("allowed_to_use_what_was_bought", func(t *testing.T) {
			m.Read(func(r db.Reader) error {
				receipt, err := order.ReceiptOf(ctx, r, m.buyer, m.order.ID)
				if receipt.Right.State != entitlement.Active {
					t.Errorf("the right is %s", receipt.Right.State)
				}
				return errors.Join(err, catalog.MustUse(ctx, r, listed))
			})
		})
		t.Run("refused_to_accept_anything", func(t *testing.T) {
			m.Read(func(r db.Reader) error {
				s, since, err := agreement.Status(ctx, r, account.ID(m.Seller.Account))
				if s != agreement.Dissolved || !since.Equal(f.Measures[0].EffectiveAt) {
					t.Errorf("%s since %s, want dissolved since %s", s, since, f.Measures[0].EffectiveAt)
				}
				if err := agreement.MustAccepted(ctx, r, account.ID(m.Seller.Account)); !errors.Is(err, account.ErrTerminated) {
					t.Errorf("%v", err)
				}
				return err
			})
		})
		m.Write(func(tx *db.Tx) error {
			return catalog.Conceal(ctx, tx, m.Compliance, noticed, catalog.ByNotice, "ifn_1")
		})
		m.lift(f)
		t.Run("allowed_back_as_far_as_nothing_else_hides_them", func(t *testing.T) {
			for id, want := range map[catalog.ProductID]catalog.ProductState{
				listed: catalog.ProductListed, hidden: catalog.ProductHidden, noticed: catalog.ProductHidden, planned: catalog.ProductDelisted,
			} {
				if p := of(id); p.State != want {
					t.Errorf("%s: %s, want %s", id, p.State, want)
				}
			}
			if p := of(planned); p.Scope != catalog.NoNewSales {
				t.Errorf("what the vendor had planned is %q", p.Scope)
			}
			m.Write(func(tx *db.Tx) error {
				return catalog.Reveal(ctx, tx, m.Compliance, noticed, catalog.ByNotice, "ifn_1")
			})
			if p := of(noticed); p.State != catalog.ProductListed {
				t.Errorf("after the notice: %s", p.State)
			}
			m.Read(func(r db.Reader) error {
				if s, _, err := agreement.Status(ctx, r, account.ID(m.Seller.Account)); s == agreement.Dissolved || err != nil {
					t.Errorf("%s, %v", s, err)
				}
				return vendor.MustSell(ctx, r, m.Vendor)
			})
		})
	})
}

func TestClause_4_8_ACaseANoticeAndASuspensionHideOneProduct(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx, id := t.Context(), m.order.Product
		sells := func() (err error) {
			m.Read(func(r db.Reader) error {
				offers, err2 := catalog.Offers(ctx, r, catalog.ProductID(id))
				if len(offers) > 0 {
					if err = catalog.MustSell(ctx, r, offers[0]); err == nil {
						err = vendor.MustSell(ctx, r, m.Vendor)
					}
				}
				return err2
			})
			return err
		}
		open := func(clause string) (c enforcement.Case) {
			m.Write(func(tx *db.Tx) (err error) {
				c, err = enforcement.Open(ctx, tx, m.Compliance, enforcement.Opening{
					Subject: account.ID(m.Seller.Account), Source: enforcement.SelfFound, Violation: clause, Facts: "x",
					Evidence: []enforcement.Item{{Kind: enforcement.Capture, Content: []byte("x")}},
				})
				return err
			})
			return c
		}
		blocked := m.decide(open("UA 4.7.1").ID, enforcement.Plan{Kind: enforcement.Block, Content: enforcement.Content{Kind: enforcement.Product, ID: string(id)}})
		suspended := m.decide(open("UA 4.7.7").ID, enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{enforcement.Sell}, Days: 30})
		product := m.notices.Blockers[infringement.Product]
		m.Write(func(tx *db.Tx) error {
			_, err := product.Block(ctx, tx, m.Compliance, string(id), "ifn_1")
			return err
		})
		for name, end := range map[string]func(){
			"case": func() { m.lift(blocked) }, "suspension": func() { m.lift(suspended) },
			"notice": func() {
				m.Write(func(tx *db.Tx) error { return product.Unblock(ctx, tx, m.Compliance, string(id), "shown", "ifn_1") })
			},
		} {
			if sells() == nil {
				t.Fatalf("sold before the end of the %s", name)
			}
			end()
		}
		if err := sells(); err != nil {
			t.Errorf("after the last: %v", err)
		}
	})
}

func TestAMeasureAndANoticeTakeATextAwayAndGiveItBack(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		id := m.report()
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
			was, err = m.measures.Content[kind].Block(t.Context(), tx, m.Compliance, string(p.ID), id)
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
			return m.measures.Content[kind].Restore(t.Context(), tx, m.Compliance, string(p.ID), id, was)
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

// disputed gives the order a complaint, a measure, a review and a refund, and
// returns what makes packs of it and the key they are signed with.
func (m *market) disputed() (work evidence.Work, key string) {
	m.t.Helper()
	ctx := m.t.Context()
	signing, key, err := tlog.GenerateKey(testkit.Rand("log"), LogOrigin)
	if err != nil {
		m.t.Fatal(err)
	}
	files, err := blob.Disk(m.t.TempDir())
	if err != nil {
		m.t.Fatal(err)
	}
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
	return EvidenceWork(m.DB, files, signing), key
}

func TestAPackHoldsRefundComplaintMeasureAndReview(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ctx := t.Context()
		work, key := m.disputed()
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
