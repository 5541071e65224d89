package invoice_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const price = 106_00

func yuan(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

// market is a world with one delivered order of a company.
type market struct {
	*world.Trade
	t      *testing.T
	buyer  audit.Actor
	order  order.Order
	seller vendor.SellerCard
	woken  *atomic.Int64        // how often a waiting refund was told to ask again
	given  *invoice.Invoiceable // instead of the order's own facts
	serial int
}

func invoicing(t *testing.T, fn func(t *testing.T, m *market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := &market{Trade: world.NewTrade(t, d, clock), t: t, woken: &atomic.Int64{}}
		m.With(invoice.Work{RedConfirmed: func(context.Context, *db.Tx, string) error { m.woken.Add(1); return nil }}.Handlers())
		m.buyer = m.Customer(account.LegalPerson)
		m.order = m.Bought(m.buyer, m.Listed(world.Content(delivery.LicenceKey, price)))
		m.Read(func(r db.Reader) (err error) {
			m.seller, err = vendor.Card(t.Context(), r, m.Vendor)
			return err
		})
		fn(t, m)
		if !t.Failed() {
			m.check()
		}
	})
}

// check proves, from the rows themselves, that what is invoiced or asked for is
// within what was paid and kept, and that the sum in the budget is theirs.
func (m *market) check() {
	m.t.Helper()
	type budget struct {
		order                             string
		paid, refunded, claimed, released int64
	}
	m.Read(func(r db.Reader) error {
		rows, err := db.All(m.t.Context(), r, func(s db.Scanner) (b budget, err error) {
			err = s.Scan(&b.order, &b.paid, &b.refunded, &b.claimed, &b.released)
			return b, err
		}, `SELECT order_id, paid, refunded, claimed, released FROM invoice_budget`)
		for _, b := range rows {
			sum, err := db.Value[int64](m.t.Context(), r, `SELECT CAST(COALESCE(SUM(q.amount - COALESCE((SELECT i.reddened FROM invoice_invoice i
				WHERE i.request = q.id AND i.colour = 'blue'), 0)), 0) AS BIGINT) FROM invoice_request q
				WHERE q.order_id = $1 AND q.state NOT IN ('withdrawn', 'rejected')`, b.order)
			if err != nil {
				return err
			}
			agreed, err := db.Value[int64](m.t.Context(), r, `SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM invoice_red
				WHERE order_id = $1 AND state IN ('01', '04') AND ended_at = 0`, b.order)
			if err != nil {
				return err
			}
			if sum != b.claimed || agreed != b.released || sum-agreed > b.paid-b.refunded {
				m.t.Errorf("invoiced %d, agreed to be taken back %d, budget %+v", sum, agreed, b)
			}
		}
		return err
	})
}

func (m *market) facts(r db.Reader) (invoice.Invoiceable, error) {
	if m.given != nil {
		return *m.given, nil
	}
	o, err := order.Any(m.t.Context(), r, m.order.ID)
	if err != nil {
		return invoice.Invoiceable{}, err
	}
	return order.Invoiceable(m.t.Context(), r, o)
}

var company = invoice.Buyer{Kind: invoice.Company, Name: "云起科技有限公司", TaxID: "91440300MA5DEMQ188", Email: "finance@example.com"}

func (m *market) ask(in invoice.Ask) (q invoice.Request, err error) {
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
		of, err := m.facts(tx)
		if err != nil {
			return err
		}
		q, err = invoice.RequestFor(m.t.Context(), tx, m.buyer, of, in)
		return err
	})
	return q, err
}

func (m *market) asked(amount int64) invoice.Request {
	m.t.Helper()
	q, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(amount), Buyer: company})
	if err != nil {
		m.t.Fatal(err)
	}
	return q
}

// number is a new invoice number of this year.
func (m *market) number() string {
	m.serial++
	return fmt.Sprintf("26440%015d", m.serial)
}

func (m *market) form() string {
	m.serial++
	return fmt.Sprintf("440300%014d", m.serial)
}

// upload is what the edge does with a file, without a store.
func (m *market) upload(file []byte) (u invoice.Upload) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		u, _, err = invoice.SealFile(r, invoice.KindOf(file), file)
		return err
	})
	m.Write(func(tx *db.Tx) error {
		return content.Scanned(m.t.Context(), tx, m.Seller, content.File{SHA256: u.SHA256, Size: u.Size, Scanner: content.BuiltIn})
	})
	u.Blob = "sha256/" + u.SHA256
	return u
}

func (m *market) issue(by audit.Actor, q invoice.Request, edit ...func(*invoice.Document)) (i invoice.Invoice, err error) {
	m.t.Helper()
	d := world.Answer(q, m.seller, m.number(), m.Clock.Now())
	for _, e := range edit {
		e(&d)
	}
	content := world.EInvoice(d)
	parsed, err := invoice.Parse(content, m.Clock.Now())
	if err != nil {
		m.t.Fatal(err)
	}
	u := m.upload(content)
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
		i, err = invoice.Issue(m.t.Context(), tx, by, q.ID, parsed, u)
		return err
	})
	return i, err
}

func (m *market) issued(amount int64) (invoice.Request, invoice.Invoice) {
	m.t.Helper()
	q := m.asked(amount)
	i, err := m.issue(m.Seller, q)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.request(q.ID), i
}

func (m *market) request(id invoice.ID) (q invoice.Request) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		q, err = invoice.Get(m.t.Context(), r, m.buyer, id)
		return err
	})
	return q
}

func (m *market) red(id invoice.ID) invoice.RedLetter {
	m.t.Helper()
	var all []invoice.RedLetter
	m.Read(func(r db.Reader) (err error) {
		all, err = invoice.RedLetters(m.t.Context(), r, m.buyer, id)
		return err
	})
	if len(all) == 0 {
		m.t.Fatal("no red letter")
	}
	return all[len(all)-1]
}

func (m *market) enter(by audit.Actor, id invoice.ID, f invoice.Form) (l invoice.RedLetter, err error) {
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
		l, err = invoice.EnterRed(m.t.Context(), tx, by, id, f)
		return err
	})
	return l, err
}

func (m *market) move(by audit.Actor, id invoice.RedID, to invoice.RedState) error {
	return m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
		_, err := invoice.AnswerRed(m.t.Context(), tx, by, id, to)
		return err
	})
}

func (m *market) takeBack(by audit.Actor, q invoice.Request, l invoice.RedLetter, blue invoice.Invoice, edit ...func(*invoice.Document)) error {
	m.t.Helper()
	d := world.TakeBack(q, l, blue, m.seller, m.number(), m.Clock.Now())
	for _, e := range edit {
		e(&d)
	}
	content := world.EInvoice(d)
	parsed, err := invoice.Parse(content, m.Clock.Now())
	if err != nil {
		m.t.Fatal(err)
	}
	u := m.upload(content)
	return m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
		_, err := invoice.IssueRed(m.t.Context(), tx, by, l.ID, parsed, u)
		return err
	})
}

// refund asks whether an order may be refunded up to a total.
func (m *market) refund(total int64) (clear bool, err error) {
	m.Clock.Advance(time.Millisecond) // ids of one moment have no order
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
		of, err := m.facts(tx)
		if err != nil {
			return err
		}
		clear, err = invoice.RedLetterFor(m.t.Context(), tx, audit.Job("refund"), of, yuan(total), invoice.ServiceStopped)
		return err
	})
	return clear, err
}

func (m *market) told(who audit.Actor, code string) (n int) {
	m.t.Helper()
	m.Read(func(r db.Reader) error {
		items, err := message.Inbox(m.t.Context(), r, account.ID(who.Account), "")
		for _, i := range items {
			if i.Code == code {
				n++
			}
		}
		return err
	})
	return n
}

func refused(t *testing.T, err error, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestClause_4_4_TheVendorIsAskedAndIssues(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		q := m.asked(price)
		if q.State != invoice.Requested || q.Clock != invoice.WorkingDays || calendar.On(q.DueAt).String() != "2026-03-16" {
			t.Errorf("asked: %+v", q)
		}
		if m.told(m.Seller, "N-31") != 1 {
			t.Error("the vendor was not told")
		}
		m.Write(func(tx *db.Tx) error { _, err := invoice.Confirm(t.Context(), tx, m.Seller, q.ID); return err })
		pdf := m.upload([]byte("%PDF-1.7 view"))
		m.Write(func(tx *db.Tx) error {
			_, err := invoice.Attach(t.Context(), tx, m.Seller, q.ID, invoice.Blue, pdf)
			return err
		})
		if got := m.request(q.ID); got.State != invoice.Issuing {
			t.Errorf("with a view only it is %s", got.State)
		}
		i, err := m.issue(m.Seller, q)
		if err != nil {
			t.Fatalf("allowed_by_its_vendor: %v", err)
		}
		got := m.request(q.ID)
		if got.State != invoice.Issued || i.Total != yuan(price) || i.Number == "" || m.told(m.buyer, "N-33") != 1 || got.Buyer.Name != company.Name {
			t.Errorf("issued: %+v %+v", got, i)
		}
		if years := i.RetainUntil.Year() - i.RecordedAt.Year(); years != 5 {
			t.Errorf("kept for %d years", years)
		}
		var files []invoice.File
		m.Read(func(r db.Reader) (err error) {
			files, err = invoice.Files(t.Context(), r, m.buyer, q.ID)
			return err
		})
		if len(files) != 2 {
			t.Errorf("files: %+v", files)
		}
		m.Write(func(tx *db.Tx) error { return invoice.Taken(t.Context(), tx, m.buyer, q.ID, files[0].SHA256) })
		if got := m.request(q.ID); got.State != invoice.Delivered || got.DeliveredAt.IsZero() {
			t.Errorf("taken: %+v", got)
		}
		_, err = m.issue(m.Seller, q)
		refused(t, err, invoice.ErrState)
		m.nothingLeft()
	})
}

// nothingLeft fails the test when one more fen may be asked for.
func (m *market) nothingLeft() {
	m.t.Helper()
	_, err := m.ask(invoice.Ask{Kind: invoice.Ordinary, Amount: yuan(1), Buyer: company})
	refused(m.t, err, invoice.ErrOverAmount)
}

func TestClause_4_4_NobodyOfTheOperatorIssues(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		_, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(price), Buyer: company, From: "operator"})
		f, ok := fault.Of(err)
		if !ok || f.Code != "INVOICE_FROM_VENDOR_ONLY" || !slices.Contains(f.Args, any("/orders/"+string(m.order.ID)+"/invoice")) || !slices.Contains(f.Args, any(m.seller.RegisteredName)) {
			t.Errorf("refused_asking_the_operator: %v", err)
		}
		q := m.asked(price)
		l := invoice.RedID("red_none")
		for role, by := range map[string]audit.Actor{
			"compliance": m.Compliance, "finance": m.Finance, "support": m.Support, "superadmin": m.Superadmin,
		} {
			_, err := m.issue(by, q)
			if !errors.Is(err, invoice.ErrFromVendorOnly) {
				t.Errorf("refused_issuing_as_%s: %v", role, err)
			}
			for name, do := range map[string]func(tx *db.Tx) error{
				"confirm": func(tx *db.Tx) error { _, err := invoice.Confirm(t.Context(), tx, by, q.ID); return err },
				"reject":  func(tx *db.Tx) error { _, err := invoice.Reject(t.Context(), tx, by, q.ID, "no"); return err },
				"attach": func(tx *db.Tx) error {
					_, err := invoice.Attach(t.Context(), tx, by, q.ID, invoice.Blue, invoice.Upload{Kind: invoice.PDF})
					return err
				},
				"withdraw": func(tx *db.Tx) error { _, err := invoice.Withdraw(t.Context(), tx, by, q.ID); return err },
				"red": func(tx *db.Tx) error {
					_, err := invoice.EnterRed(t.Context(), tx, by, q.ID, invoice.Form{Reason: invoice.IssuedWrongly, Confirmation: m.form()})
					return err
				},
				"answer": func(tx *db.Tx) error {
					_, err := invoice.AnswerRed(t.Context(), tx, by, l, invoice.BothConfirmed)
					return err
				},
			} {
				if err := m.DB.Write(t.Context(), do); err == nil {
					t.Errorf("%s may %s", role, name)
				}
			}
			var seen invoice.Request
			m.Read(func(r db.Reader) (err error) {
				seen, err = invoice.Get(t.Context(), r, by, q.ID)
				return err
			})
			if seen.Buyer.Name != "" || seen.Buyer.TaxID != "" || seen.State != invoice.Requested {
				t.Errorf("%s sees %#v %s", role, seen.Buyer.Name, seen.State)
			}
		}
		if _, err := m.issue(m.Seller, q); err != nil {
			t.Errorf("allowed_to_the_vendor: %v", err)
		}
	})
}

func TestClause_4_4_OnlyBeforeTheVendorActsIsARequestTakenBack(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		withdraw := func(id invoice.ID) error {
			return m.DB.Write(t.Context(), func(tx *db.Tx) error { _, err := invoice.Withdraw(t.Context(), tx, m.buyer, id); return err })
		}
		first := m.asked(price)
		if err := withdraw(first.ID); err != nil {
			t.Errorf("allowed_while_pending: %v", err)
		}
		refused(t, withdraw(first.ID), invoice.ErrUnderWay)
		second := m.asked(price)
		reject := func(reason string) error {
			return m.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := invoice.Reject(t.Context(), tx, m.Seller, second.ID, reason)
				return err
			})
		}
		refused(t, reject(" "), invoice.ErrRequired)
		if err := reject("抬头有误"); err != nil {
			t.Errorf("allowed_rejection: %v", err)
		}
		if got := m.request(second.ID); got.State != invoice.Rejected || got.Reason != "抬头有误" || m.told(m.buyer, "I-03") != 1 {
			t.Errorf("rejected: %+v", got)
		}
		third := m.asked(price)
		m.Write(func(tx *db.Tx) error { _, err := invoice.Confirm(t.Context(), tx, m.Seller, third.ID); return err })
		if err := withdraw(third.ID); !errors.Is(err, invoice.ErrUnderWay) {
			t.Errorf("refused_once_confirmed: %v", err)
		}
		err := m.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := invoice.Reject(t.Context(), tx, m.Seller, third.ID, "late")
			return err
		})
		refused(t, err, invoice.ErrUnderWay)
	})
}

func TestClause_4_4_NoInvoiceAboveWhatWasPaid(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		m.asked(100_00)
		left := func() (a money.Amount) {
			m.Read(func(r db.Reader) error {
				of, err := m.facts(r)
				if err != nil {
					return err
				}
				a, err = invoice.Left(t.Context(), r, of)
				return err
			})
			return a
		}
		if left() != yuan(6_00) {
			t.Errorf("left %s", left())
		}
		_, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(6_01), Buyer: company})
		f, ok := fault.Of(err)
		if !ok || f.Code != "INVOICE_OVER_AMOUNT" || f.Field != "amount" {
			t.Errorf("refused_one_fen_more: %v", err)
		}
		// A refund withdraws the request that nobody has confirmed, and goes on.
		if clear, err := m.refund(6_01); !clear || err != nil {
			t.Errorf("allowed_refund: %v %v", clear, err)
		}
		_, err = m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(100_00), Buyer: company})
		refused(t, err, invoice.ErrOverAmount)
		if _, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(99_99), Buyer: company}); err != nil {
			t.Errorf("allowed_the_rest: %v", err)
		}
	})
}

func TestClause_4_4_AnUndeliveredOrderIsNotInvoiced(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		m.System.Fail(delivery.ErrPending)
		m.order = m.Bought(m.buyer, m.Listed(world.Content(delivery.HookNative, price)))
		_, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(price), Buyer: company})
		if !errors.Is(err, invoice.ErrNotYet) {
			t.Errorf("refused_before_delivery: %v", err)
		}
		m.System.Fail(nil)
		m.Clock.Advance(time.Minute)
		m.Drain()
		if _, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(price), Buyer: company}); err != nil {
			t.Errorf("allowed_after_delivery: %v", err)
		}
	})
}

func TestClause_4_4_TheFileDecides(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		q := m.asked(price)
		for name, edit := range map[string]func(*invoice.Document){
			"refused_other_total":  func(d *invoice.Document) { d.Total = yuan(price - 1) },
			"refused_other_seller": func(d *invoice.Document) { d.Seller.TaxID = company.TaxID },
			"refused_other_buyer":  func(d *invoice.Document) { d.Buyer.Name = "别家" },
			"refused_future":       func(d *invoice.Document) { d.IssuedAt = d.IssuedAt.AddDate(0, 0, 3) },
		} {
			if _, err := m.issue(m.Seller, q, edit); !errors.Is(err, invoice.ErrMismatch) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := m.request(q.ID); got.State != invoice.Requested {
			t.Errorf("a refused file left %s", got.State)
		}
		i, err := m.issue(m.Seller, q)
		if err != nil {
			t.Fatalf("allowed_file: %v", err)
		}
		other := &market{Trade: m.Trade, t: t, buyer: m.buyer, seller: m.seller, woken: m.woken, serial: 1000}
		other.order = m.Bought(m.buyer, m.Listed(world.Content(delivery.LicenceKey, price)))
		twin := other.asked(price)
		_, err = other.issue(m.Seller, twin, func(d *invoice.Document) { d.Number = i.Number })
		refused(t, err, invoice.ErrNumberUsed)
	})
}

func TestAForeignRequestDoesNotExist(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		q := m.asked(price)
		stranger := m.Customer(account.LegalPerson)
		rival, _ := m.NewVendor()
		clerk := m.SubUser(m.Seller, account.Buyer) // of the vendor's account, without its business
		for name, by := range map[string]audit.Actor{"stranger": stranger, "rival": rival, "clerk": clerk, "nobody": {}} {
			for what, do := range map[string]func(tx *db.Tx) error{
				"get":      func(tx *db.Tx) error { _, err := invoice.Get(t.Context(), tx, by, q.ID); return err },
				"withdraw": func(tx *db.Tx) error { _, err := invoice.Withdraw(t.Context(), tx, by, q.ID); return err },
				"confirm":  func(tx *db.Tx) error { _, err := invoice.Confirm(t.Context(), tx, by, q.ID); return err },
				"files":    func(tx *db.Tx) error { _, err := invoice.Files(t.Context(), tx, by, q.ID); return err },
				"file":     func(tx *db.Tx) error { _, err := invoice.FileOf(t.Context(), tx, by, q.ID, "x"); return err },
				"gobl":     func(tx *db.Tx) error { _, err := invoice.GOBL(t.Context(), tx, by, q.ID, "x"); return err },
				"reds":     func(tx *db.Tx) error { _, err := invoice.RedLetters(t.Context(), tx, by, q.ID); return err },
			} {
				f, ok := fault.Of(m.DB.Write(t.Context(), do))
				if !ok || f.Kind != fault.NotFound {
					t.Errorf("%s %s: %v", name, what, f)
				}
			}
		}
		var ttl invoice.Title
		m.Write(func(tx *db.Tx) (err error) {
			ttl, err = invoice.SaveTitle(t.Context(), tx, stranger, company)
			return err
		})
		_, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(1), Title: ttl.ID})
		if f, ok := fault.Of(err); !ok || f.Kind != fault.NotFound {
			t.Errorf("a foreign title: %v", err)
		}
	})
}

func TestTitlesAreKeptSealedAndForgotten(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		var saved invoice.Title
		m.Write(func(tx *db.Tx) (err error) {
			saved, err = invoice.SaveTitle(t.Context(), tx, m.buyer, company)
			return err
		})
		q, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(price), Title: saved.ID})
		if err != nil || q.Buyer.Name != company.Name {
			t.Fatalf("%v %q", err, q.Buyer.Name)
		}
		if _, err := m.issue(m.Seller, q); err != nil {
			t.Fatal(err)
		}
		m.Write(func(tx *db.Tx) error { return invoice.RemoveTitle(t.Context(), tx, m.buyer, saved.ID) })
		m.Read(func(r db.Reader) error {
			for _, query := range []string{
				`SELECT buyer_sealed FROM invoice_title`, `SELECT buyer_sealed FROM invoice_request`, `SELECT document_sealed FROM invoice_invoice`,
			} {
				stored, err := db.All(t.Context(), r, db.Column[[]byte], query)
				if err != nil {
					return err
				}
				if len(stored) != 1 || strings.Contains(string(stored[0]), company.Name) || strings.Contains(string(stored[0]), company.TaxID) {
					t.Errorf("%s: %q", query, stored)
				}
			}
			left, err := invoice.Titles(t.Context(), r, m.buyer)
			if len(left) != 0 {
				t.Errorf("titles: %d", len(left))
			}
			acts, err2 := audit.Of(t.Context(), r, string(q.ID))
			for _, a := range acts {
				if strings.Contains(string(a.Data), company.Name) {
					t.Errorf("the record holds a name: %s", a.Data)
				}
			}
			return errors.Join(err, err2)
		})
		if got := m.request(q.ID); got.Buyer.Name != company.Name {
			t.Error("the request lost its title")
		}
	})
}

func TestASealedFileOpensOnlyAsItself(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		m.Read(func(r db.Reader) error {
			content := []byte("%PDF-1.7 张三")
			u, stored, err := invoice.SealFile(r, invoice.PDF, content)
			if err != nil || strings.Contains(string(stored), "张三") {
				t.Fatalf("sealed: %v", err)
			}
			got, err := invoice.OpenFile(r, invoice.File{SHA256: u.SHA256}, stored)
			if err != nil || string(got) != string(content) {
				t.Errorf("opened: %v", err)
			}
			if _, err := invoice.OpenFile(r, invoice.File{SHA256: strings.Repeat("0", 64)}, stored); err == nil {
				t.Error("another file's bytes open")
			}
			for kind, bad := range map[invoice.FileKind]string{invoice.PDF: "<html>", invoice.OFD: "%PDF-", "exe": "MZ"} {
				if _, _, err := invoice.SealFile(r, kind, []byte(bad)); !errors.Is(err, invoice.ErrUnreadable) {
					t.Errorf("%s: %v", kind, err)
				}
			}
			return nil
		})
	})
}

func TestClause_4_4_AfterTenWorkingDaysARequestIsOverdue(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		q := m.asked(price)
		m.Clock.Set(q.DueAt)
		m.Drain()
		if got := m.request(q.ID); !got.OverdueAt.IsZero() {
			t.Error("allowed_until_the_last_moment: flagged in it")
		}
		m.Clock.Advance(time.Second)
		m.Drain()
		if got := m.request(q.ID); got.OverdueAt.IsZero() || got.State != invoice.Requested {
			t.Errorf("refused_more_time: %+v", got)
		}
		if m.told(m.buyer, "N-32") != 1 || m.told(m.Seller, "N-32") != 1 {
			t.Error("not both were told")
		}
		tally := func() (f invoice.Tally) {
			m.Read(func(r db.Reader) (err error) {
				f, err = invoice.Figures(t.Context(), r, m.Vendor)
				return err
			})
			return f
		}
		if f := tally(); f != (invoice.Tally{Requests: 1, Open: 1, OverdueOpen: 1}) {
			t.Errorf("figures %+v", f)
		}
		m.Read(func(r db.Reader) error {
			all, err := invoice.Late(t.Context(), r, "", 10)
			if len(all) != 1 || all[0].Buyer.Name != "" {
				t.Errorf("late: %+v", all)
			}
			return err
		})
		// Late is late, and still the vendor's duty.
		if _, err := m.issue(m.Seller, q); err != nil {
			t.Fatal(err)
		}
		m.Clock.Advance(30 * 24 * time.Hour)
		m.Drain()
		if f := tally(); f != (invoice.Tally{Requests: 1, IssuedLate: 1}) || m.told(m.buyer, "N-32") != 1 {
			t.Errorf("figures %+v", f)
		}
	})
}

func TestAYearWithoutCalendarIsCountedInNaturalDays(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		m.Clock.Set(time.Date(2026, 12, 25, 2, 0, 0, 0, time.UTC))
		q := m.asked(price)
		if q.Clock != invoice.NaturalDays || calendar.On(q.DueAt).String() != "2027-01-24" {
			t.Errorf("due %s by %s", q.DueAt, q.Clock)
		}
		m.Clock.Set(q.DueAt.Add(time.Second))
		m.Drain()
		if got := m.request(q.ID); got.OverdueAt.IsZero() {
			t.Error("not flagged")
		}
	})
}

func TestClause_4_4_FromRequestToRedLetterAndAgain(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		q, blue := m.issued(price)
		_, err := m.enter(m.Seller, q.ID, invoice.Form{Reason: invoice.IssuedWrongly, Confirmation: blue.Number})
		refused(t, err, invoice.ErrNumberUsed)
		_, err = m.enter(m.Seller, q.ID, invoice.Form{Reason: "99", Confirmation: m.form()})
		refused(t, err, invoice.ErrInvalid)
		_, err = m.enter(m.buyer, q.ID, invoice.Form{Reason: invoice.IssuedWrongly, Confirmation: m.form(), NoneNeeded: true})
		refused(t, err, invoice.ErrInvalid)
		_, err = m.enter(m.Seller, q.ID, invoice.Form{Reason: invoice.IssuedWrongly, Confirmation: m.form(), Amount: yuan(price + 1)})
		refused(t, err, invoice.ErrRedAmount)

		l, err := m.enter(m.Seller, q.ID, invoice.Form{Reason: invoice.IssuedWrongly, Confirmation: m.form()})
		if err != nil || l.State != invoice.AwaitsBuyer || l.Amount != yuan(price) || l.ExpiresAt.Sub(m.Clock.Now()) != 72*time.Hour || m.told(m.buyer, "I-01") != 1 {
			t.Fatalf("entered: %+v %v", l, err)
		}
		_, err = m.enter(m.buyer, q.ID, invoice.Form{Reason: invoice.IssuedWrongly, Confirmation: m.form()})
		refused(t, err, invoice.ErrRedOpen)
		refused(t, m.move(m.Seller, l.ID, invoice.BothConfirmed), invoice.ErrState)
		refused(t, m.takeBack(m.Seller, q, l, blue), invoice.ErrState) // not agreed yet
		if err := m.move(m.buyer, l.ID, invoice.BothConfirmed); err != nil {
			t.Fatalf("allowed_confirmation: %v", err)
		}
		if got := m.request(q.ID); got.State != invoice.RedPending {
			t.Errorf("state %s", got.State)
		}
		l = m.red(q.ID)
		refused(t, m.takeBack(m.Support, q, l, blue), invoice.ErrFromVendorOnly)
		for name, edit := range map[string]func(*invoice.Document){
			"refused_without_remark": func(d *invoice.Document) { d.Remark = "" },
			"refused_other_amount":   func(d *invoice.Document) { d.Total = yuan(-price + 1) },
		} {
			if err := m.takeBack(m.Seller, q, l, blue, edit); !errors.Is(err, invoice.ErrMismatch) {
				t.Errorf("%s: %v", name, err)
			}
		}
		// What is being taken back may not be invoiced again yet.
		m.nothingLeft()
		if err := m.takeBack(m.Seller, q, l, blue); err != nil {
			t.Fatalf("allowed_red_invoice: %v", err)
		}
		if got := m.request(q.ID); got.State != invoice.RedIssued || got.EndedAt.IsZero() {
			t.Errorf("state %+v", got)
		}
		refused(t, m.takeBack(m.Seller, q, l, blue), invoice.ErrState)
		_, again := m.issued(price)
		if again.Number == blue.Number {
			t.Error("the second invoice has the first one's number")
		}
	})
}

func TestClause_4_4_AFormNobodyConfirmsIsVoidAfter72Hours(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		q, _ := m.issued(price)
		l, err := m.enter(m.buyer, q.ID, invoice.Form{Reason: invoice.ServiceStopped, Confirmation: m.form(), Amount: yuan(50_00)})
		if err != nil || l.State != invoice.AwaitsSeller {
			t.Fatalf("%+v %v", l, err)
		}
		m.Clock.Advance(72*time.Hour - time.Second)
		m.Drain()
		if got := m.red(q.ID); got.State != invoice.AwaitsSeller {
			t.Errorf("allowed_for_72_hours: %s", got.State)
		}
		m.Clock.Advance(time.Second)
		if err := m.move(m.Seller, l.ID, invoice.BothConfirmed); !errors.Is(err, invoice.ErrRedExpired) {
			t.Errorf("refused_after_72_hours: %v", err)
		}
		m.Drain()
		got := m.red(q.ID)
		if got.State != invoice.Lapsed || got.EndedAt.IsZero() || m.request(q.ID).State != invoice.Issued {
			t.Errorf("lapsed: %+v", got)
		}
		// A new form may follow, and its confirmation ends the clock.
		l, err = m.enter(m.Seller, q.ID, invoice.Form{Reason: invoice.ServiceStopped, Confirmation: m.form(), NoneNeeded: true})
		if err != nil || l.State != invoice.NoneNeeded {
			t.Fatalf("%+v %v", l, err)
		}
		m.Clock.Advance(1000 * time.Hour)
		m.Drain()
		if got := m.red(q.ID); got.State != invoice.NoneNeeded {
			t.Errorf("lapsed although agreed: %s", got.State)
		}
	})
}

func TestClause_4_5_ARefundOfWhatIsInvoicedWaitsForItsRedLetter(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		q, blue := m.issued(price)
		if clear, err := m.refund(50_00); clear || err != nil {
			t.Fatalf("refused_while_invoiced: %v %v", clear, err)
		}
		l := m.red(q.ID)
		if l.State != invoice.Asked || l.Amount != yuan(50_00) || m.told(m.Seller, "I-02") != 1 {
			t.Errorf("asked for: %+v", l)
		}
		if clear, _ := m.refund(50_00); clear || m.red(q.ID).ID != l.ID {
			t.Error("asked twice")
		}
		m.Read(func(r db.Reader) error {
			s, err := invoice.Outstanding(t.Context(), r, string(m.order.ID))
			if !s.Any() || s.Invoiced != yuan(price) || len(s.Red) != 1 {
				t.Errorf("outstanding %+v", s)
			}
			return err
		})
		// The seller's form fills the red letter in; its amount stays.
		if _, err := m.enter(m.Seller, q.ID, invoice.Form{Reason: invoice.Allowance, Confirmation: m.form(), Amount: yuan(1)}); err != nil {
			t.Fatal(err)
		}
		m.Drain()
		if m.woken.Load() != 0 {
			t.Error("woken before anything was agreed")
		}
		if err := m.move(m.buyer, l.ID, invoice.BothConfirmed); err != nil {
			t.Fatal(err)
		}
		m.Drain()
		if m.woken.Load() != 1 {
			t.Errorf("woken %d times", m.woken.Load())
		}
		if clear, err := m.refund(50_00); !clear || err != nil {
			t.Errorf("allowed_once_agreed: %v %v", clear, err)
		}
		if err := m.move(m.Seller, l.ID, invoice.TakenBackLate); !errors.Is(err, invoice.ErrRedBound) {
			t.Errorf("refused_taking_it_back: %v", err)
		}
		if err := m.takeBack(m.Seller, q, m.red(q.ID), blue); err != nil {
			t.Fatal(err)
		}
		got := m.request(q.ID)
		if got.State != invoice.Issued {
			t.Errorf("half taken back it is %s", got.State)
		}
		m.nothingLeft() // the other half is still invoiced, this half was given back
		// A refund that comes to nothing gives its room back.
		m.Write(func(tx *db.Tx) error {
			return invoice.RefundEnded(t.Context(), tx, audit.Job("refund"), string(m.order.ID), yuan(0))
		})
		if _, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(50_00), Buyer: company}); err != nil {
			t.Errorf("allowed_again: %v", err)
		}
	})
}

func TestARefundThatWaitsHearsOfEveryChange(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		q := m.asked(price)
		m.Write(func(tx *db.Tx) error { _, err := invoice.Confirm(t.Context(), tx, m.Seller, q.ID); return err })
		if clear, err := m.refund(price); clear || err != nil {
			t.Fatalf("%v %v", clear, err)
		}
		if _, err := m.issue(m.Seller, q); err != nil { // it came in between
			t.Fatal(err)
		}
		m.Drain()
		if m.woken.Load() != 1 {
			t.Errorf("woken %d times by the invoice", m.woken.Load())
		}
		if clear, err := m.refund(price); clear || err != nil {
			t.Fatalf("%v %v", clear, err)
		}
		l, err := m.enter(m.Seller, q.ID, invoice.Form{Reason: invoice.ServiceStopped, Confirmation: m.form()})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.move(m.buyer, l.ID, invoice.RefusedByBuyer); err != nil {
			t.Fatal(err)
		}
		m.Drain()
		if m.woken.Load() != 2 {
			t.Errorf("woken %d times by the refusal", m.woken.Load())
		}
		if clear, err := m.refund(price); clear || err != nil || m.red(q.ID).State != invoice.Asked {
			t.Errorf("%v %v %+v", clear, err, m.red(q.ID))
		}
		m.Write(func(tx *db.Tx) error {
			return invoice.RefundEnded(t.Context(), tx, audit.Job("refund"), string(m.order.ID), yuan(0))
		})
		if got := m.request(q.ID); got.State != invoice.Issued || m.red(q.ID).State != invoice.TakenBack {
			t.Errorf("after the refund was withdrawn: %s %+v", got.State, m.red(q.ID))
		}
	})
}

// racers is how many act at once.
const racers = 8

func TestRacingRequestsStayWithinWhatWasPaid(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		var won, clear atomic.Int64
		world.Together(racers, func(i int) {
			if i%4 == 3 {
				ok, err := m.refund(30_00)
				if err != nil {
					t.Error(err)
				}
				if ok {
					clear.Add(1)
				}
				return
			}
			_, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(40_00), Buyer: company})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, invoice.ErrOverAmount) {
				t.Error(err)
			}
		})
		// 106 yuan: two of 40 without the refund; with it, requests that stood in its way were withdrawn.
		if won.Load() < 1 || won.Load() > 3 {
			t.Errorf("%d of %d requests, %d refunds", won.Load(), racers, clear.Load())
		}
		m.check()
	})
}

// TestInvoicesNeverExceedWhatWasKept plays random acts of buyer, vendor, refund
// and clock, and after each proves the sum from the rows.
func TestInvoicesNeverExceedWhatWasKept(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		orders := 0
		rapid.Check(t, func(r *rapid.T) {
			orders++
			m.given = &invoice.Invoiceable{
				Order: fmt.Sprintf("ord_play_%d", orders), Line: "lin_play", Account: account.ID(m.buyer.Account), Vendor: m.Vendor,
				Paid: yuan(price), Refunded: yuan(0), Ready: true,
			}
			var requests []invoice.Request
			var blues []invoice.Invoice
			for range rapid.IntRange(3, 14).Draw(r, "acts") {
				amount := rapid.Int64Range(1, price).Draw(r, "amount")
				pick := func() (int, bool) {
					if len(requests) == 0 {
						return 0, false
					}
					return rapid.IntRange(0, len(requests)-1).Draw(r, "which"), true
				}
				switch rapid.IntRange(0, 7).Draw(r, "act") {
				case 0, 1:
					if q, err := m.ask(invoice.Ask{Kind: invoice.Special, Amount: yuan(amount), Buyer: company}); err == nil {
						requests, blues = append(requests, q), append(blues, invoice.Invoice{})
					}
				case 2:
					if i, ok := pick(); ok {
						if blue, err := m.issue(m.Seller, requests[i]); err == nil {
							blues[i] = blue
						}
					}
				case 3:
					if i, ok := pick(); ok {
						_ = m.DB.Write(t.Context(), func(tx *db.Tx) error {
							_, err := invoice.Withdraw(t.Context(), tx, m.buyer, requests[i].ID)
							return err
						})
					}
				case 4:
					if i, ok := pick(); ok {
						none := rapid.Bool().Draw(r, "none needed")
						_, _ = m.enter(m.Seller, requests[i].ID, invoice.Form{Reason: invoice.Allowance, Confirmation: m.form(), NoneNeeded: none, Amount: yuan(amount)})
					}
				case 5:
					if i, ok := pick(); ok && blues[i].ID != "" && m.request(requests[i].ID).State == invoice.RedPending {
						to := rapid.SampledFrom([]invoice.RedState{invoice.BothConfirmed, invoice.RefusedByBuyer, invoice.TakenBackLate}).Draw(r, "to")
						by := m.buyer
						if to == invoice.TakenBackLate {
							by = m.Seller
						}
						_ = m.move(by, m.red(requests[i].ID).ID, to)
					}
				case 6:
					if i, ok := pick(); ok && blues[i].ID != "" && m.request(requests[i].ID).State == invoice.RedPending {
						_ = m.takeBack(m.Seller, requests[i], m.red(requests[i].ID), blues[i])
					}
				case 7:
					if _, err := m.refund(amount); err != nil {
						t.Fatal(err)
					}
				}
				m.check()
			}
		})
	})
}

func TestTheOperatorBillsItsVendorsWithoutGap(t *testing.T) {
	invoicing(t, func(t *testing.T, m *market) {
		charges := func(source string, amount int64) invoice.Charges {
			return invoice.Charges{
				Vendor: m.Vendor, Period: "2026-02", Source: source, Seller: world.Operator,
				Lines: []invoice.OperatorLine{{What: "commission", Amount: yuan(amount), Rate: 600, Facts: source}},
			}
		}
		bill := func(by audit.Actor, in invoice.Charges) (o invoice.OperatorInvoice, err error) {
			err = m.DB.Write(t.Context(), func(tx *db.Tx) error {
				o, err = invoice.IssueOperatorInvoice(t.Context(), tx, by, in)
				return err
			})
			return o, err
		}
		for name, by := range map[string]audit.Actor{"vendor": m.Seller, "support": m.Support, "compliance": m.Compliance, "superadmin": m.Superadmin} {
			_, err := bill(by, charges("x", 100))
			if !errors.Is(err, invoice.ErrForbidden) {
				t.Errorf("%s bills: %v", name, err)
			}
		}
		first, err := bill(m.Finance, charges("stm_1", 106_00))
		if err != nil || first.Net != yuan(100_00) || first.Tax != yuan(6_00) || first.Number != 0 || first.Code() != "" {
			t.Fatalf("%+v %v", first, err)
		}
		if again, err := bill(m.Finance, charges("stm_1", 106_00)); err != nil || again.ID != first.ID {
			t.Errorf("billed twice: %v", err)
		}
		_, err = bill(m.Finance, charges("stm_1", 107_00))
		refused(t, err, invoice.ErrState)
		for _, bad := range []invoice.Charges{
			{Vendor: m.Vendor, Period: "2026-13", Source: "s", Seller: "s", Lines: charges("s", 1).Lines},
			{Vendor: m.Vendor, Period: "2026-02", Seller: "s", Lines: charges("s", 1).Lines},
			{Vendor: m.Vendor, Period: "2026-02", Source: "s", Seller: "s"},
			{Vendor: m.Vendor, Period: "2026-02", Source: "s", Seller: "s", Lines: []invoice.OperatorLine{{What: "product", Amount: yuan(1), Rate: 600}}},
			{Vendor: m.Vendor, Period: "2026-02", Source: "s", Seller: "s", Lines: []invoice.OperatorLine{{What: "commission", Amount: yuan(0), Rate: 600}}},
		} {
			if _, err := bill(m.Finance, bad); err == nil {
				t.Errorf("billed %+v", bad)
			}
		}
		world.Together(racers, func(i int) {
			if _, err := bill(audit.Job("settlement"), charges(fmt.Sprintf("race_%d", i), 100+int64(i))); err != nil {
				t.Error(err)
			}
		})
		world.Together(4, func(int) {
			handlers := invoice.Work{}.Handlers()
			if err := job.NewWorker(m.DB, handlers, slog.New(slog.DiscardHandler)).Drain(t.Context()); err != nil {
				t.Error(err)
			}
		})
		m.Drain()
		var all []invoice.OperatorInvoice
		m.Read(func(r db.Reader) (err error) {
			all, err = invoice.OperatorInvoices(t.Context(), r, "", 100)
			return err
		})
		var numbers []int64
		for _, o := range all {
			numbers = append(numbers, o.Number)
		}
		slices.Sort(numbers)
		for i, n := range numbers {
			if n != int64(i+1) {
				t.Fatalf("numbers %v", numbers)
			}
		}
		if len(numbers) != racers+1 {
			t.Errorf("%d invoices", len(numbers))
		}
		m.Read(func(r db.Reader) error {
			got, err := invoice.GetOperatorInvoice(t.Context(), r, m.Seller, first.ID)
			if got.Code() == "" || len(got.Lines) != 1 {
				t.Errorf("%+v", got)
			}
			if _, err := invoice.GetOperatorInvoice(t.Context(), r, m.buyer, first.ID); !errors.Is(err, account.ErrForeign) {
				t.Errorf("a foreign one: %v", err)
			}
			return err
		})
	})
}
