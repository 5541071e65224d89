package serve_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
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
	"yunshi/internal/market/identity"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/review"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// things are the objects of addresses: for each address up to and with its last
// parameter, or for one whole address, what stands in its parameters and whose it is.
// An address with a {parameter} that none of them reaches fails.
type things map[string]thing

// thing is what one address names.
type thing struct {
	of    string   // the letters of those whose it is
	knows string   // of those who are told openly that they may not, if they may not
	ids   []string // of its parameters, from left to right
}

const (
	everybody = roles
	buyers    = "ob"
	sellers   = "vm"
	deals     = buyers + sellers + staff // both sides of a deal, and staff, who serve them
)

// put says whose the object of some addresses is, and after a slash who else knows
// of it.
func (all things) put(of string, ids []string, addresses ...string) {
	of, knows, _ := strings.Cut(of, "/")
	for _, address := range addresses {
		all[address] = thing{of, knows, ids}
	}
}

// of is the thing of a route: the longest address that it begins with.
func (all things) of(pattern string) (thing, bool) {
	for at := pattern; ; at = at[:strings.LastIndexByte(at, '/')] {
		if t, ok := all[at]; ok && len(t.ids) == strings.Count(strings.TrimSuffix(pattern, "{$}"), "{") {
			return t, true
		}
		if !strings.Contains(at, "/") {
			return thing{}, false
		}
	}
}

func ids(all ...string) []string { return all }

// made runs one command and returns what it made.
func made[T any](m *matrix, do func(tx *db.Tx) (T, error)) (v T) {
	m.t.Helper()
	m.Write(func(tx *db.Tx) (err error) {
		v, err = do(tx)
		return err
	})
	return v
}

// one is a value that no function returns to a test.
func (m *matrix) one(query string, args ...any) (v string) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		if v, err = db.Value[string](m.t.Context(), r, query, args...); err != nil {
			err = fmt.Errorf("%s: %w", query, err)
		}
		return err
	})
	return v
}

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

// kept is a scanned file of somebody.
func (m *matrix) kept(by audit.Actor, words string) blob.Ref {
	m.t.Helper()
	stored, err := m.market.Blob.Put(m.t.Context(), blob.ByContent, strings.NewReader(words))
	must(m.t, err)
	m.Write(func(tx *db.Tx) error {
		return content.Scanned(m.t.Context(), tx, by, content.File{SHA256: stored.SHA256, Size: stored.Size, Scanner: content.BuiltIn})
	})
	return stored
}

// objects are one thing of every kind that an address can name, made by the
// functions of the packages that own them.
func (m *matrix) objects() things {
	m.t.Helper()
	signing, _, err := tlog.GenerateKey(testkit.Rand("log"), logOrigin)
	must(m.t, err)
	integrate := func(ctx context.Context) (int, error) { return audit.Integrate(ctx, m.DB, logOrigin, signing) }
	sender := &mail.Recorder{}
	for _, some := range []map[string]job.Handler{
		message.Work{Sender: sender}.Handlers(), catalog.Work{}.Handlers(), agreement.Work{Sender: sender, BaseURL: m.market.Info.BaseURL}.Handlers(),
		enforcement.Work{Rules: m.market.Enforcing}.Handlers(), operation.Work{Rules: m.market.Operation}.Handlers(),
		complaint.Work{Rules: m.market.Complaint, Sender: sender}.Handlers(), infringement.Work{Rules: m.market.Notices, Sender: sender}.Handlers(),
		evidence.Work{Parts: evidence.Parts(), Blob: m.market.Blob, Integrate: integrate}.Handlers(),
	} {
		m.With(some)
	}
	all := things{}
	m.trade(all)
	m.disputes(all)
	m.conversations(all)
	m.infringements(all)
	m.data(all)
	m.service(all)
	m.accounts(all)
	m.money(all)
	m.measures(all)
	m.rules(all, sender) // its link ends after days, as the packs do
	m.packs(all)
	for n := 1; n > 0; {
		n, err = integrate(m.t.Context())
		must(m.t, err)
	}
	return all
}

// trade are the objects of a purchase with all that can follow it.
func (m *matrix) trade(all things) {
	m.t.Helper()
	ctx, buyer := m.t.Context(), m.people[customer]
	offer := m.Listed(world.Content(delivery.HookNative, 19_800))
	o := m.Bought(buyer, offer)
	m.offer, m.order = offer, o
	offline := world.Content(delivery.HookNative, 5_000)
	offline.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundVendorOwn, Text: catalog.Both{ZH: "按合同办理", EN: "As the contract says"}}
	aside := m.Bought(buyer, m.Listed(offline))
	imaged := world.Content(delivery.HookNative, 5_000)
	imaged.Category = "image_os"
	third := m.Bought(buyer, m.Listed(imaged))

	asked := made(m, func(tx *db.Tx) (invoice.Request, error) {
		of, err := order.Invoiceable(ctx, tx, o)
		if err != nil {
			return invoice.Request{}, err
		}
		return invoice.RequestFor(ctx, tx, buyer, of, invoice.Ask{Kind: invoice.Ordinary, Amount: o.Fee.Paid, Buyer: invoice.Buyer{Kind: invoice.Individual, Name: "Wang Xiaoming"}})
	})
	m.Read(func(r db.Reader) error {
		card, err := vendor.Card(ctx, r, m.Vendor)
		m.xml = world.EInvoice(world.Answer(asked, card, "26440000000000000001", m.Clock.Now()))
		return err
	})
	upload, err := json.Marshal(map[string]any{"content": m.xml})
	must(m.t, err)
	m.must(m.ask(m.asIs(), m.surfaces[programs], seller, http.MethodPost, "/api/v1/vendor/invoices/"+string(asked.ID)+"/files", string(upload)))
	document := m.one(`SELECT id FROM invoice_invoice WHERE request = $1`, string(asked.ID))
	sha := m.one(`SELECT sha256 FROM invoice_file WHERE request = $1`, string(asked.ID))
	red := made(m, func(tx *db.Tx) (invoice.RedLetter, error) {
		return invoice.EnterRed(ctx, tx, buyer, asked.ID, invoice.Form{Reason: "01", Confirmation: "44030026030000000001"})
	})
	title := func() string {
		return string(made(m, func(tx *db.Tx) (invoice.Title, error) {
			return invoice.SaveTitle(ctx, tx, buyer, invoice.Buyer{Kind: invoice.Individual, Name: "Wang Xiaoming"})
		}).ID)
	}
	back := made(m, func(tx *db.Tx) (refund.Request, error) {
		return m.Refund.Submit(ctx, tx, buyer, refund.Ask{Order: third.ID, Reason: refund.Quality, Text: "it stops", Amount: cny(5_000)})
	})
	matter := made(m, func(tx *db.Tx) (refund.Matter, error) {
		return refund.OpenMatter(ctx, tx, buyer, aside.ID, "I rang them")
	})
	stored := m.kept(buyer, "%PDF-1.4 proof")
	proof := made(m, func(tx *db.Tx) (refund.Proof, error) {
		return refund.Attach(ctx, tx, buyer, matter.ID, refund.Proof{Name: "letter.pdf", MediaType: "application/pdf", Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key})
	})
	draft := made(m, func(tx *db.Tx) (catalog.Version, error) {
		_, v, err := catalog.Draft(ctx, tx, m.Seller, m.Vendor, "a-draft", world.Content(delivery.HookNative, 100))
		return v, err
	})
	until := m.Clock.Now().Add(300 * 24 * time.Hour)
	discount := made(m, func(tx *db.Tx) (promotion.Discount, error) {
		return promotion.Announce(ctx, tx, m.Seller, promotion.NewDiscount{Plan: offer.PlanID, Points: 100, Until: until})
	})
	batch := made(m, func(tx *db.Tx) (promotion.Batch, error) {
		b, _, err := promotion.Issue(ctx, tx, m.Seller, promotion.NewBatch{Codes: 1, BatchTerms: promotion.BatchTerms{Product: offer.Product.ID, Points: 100, Uses: 1, Until: until}})
		return b, err
	})
	m.Drain() // the notices are sent

	file := m.kept(m.Seller, "the product")
	listed := made(m, func(tx *db.Tx) (catalog.File, error) {
		return catalog.AddFile(ctx, tx, m.Seller, catalog.File{Vendor: m.Vendor, Name: "product.txt", MediaType: "text/plain", Size: file.Size, SHA256: file.SHA256, Blob: file.Key})
	})
	sheet := world.Content(delivery.Download, 19_800)
	sheet.DeliveryType, sheet.Delivery.File = "download", listed.ID
	m.file = m.Listed(sheet)
	loaded := m.Bought(buyer, m.file)
	var (
		right   entitlement.Entitlement
		handed  []delivery.Delivery
		loading []delivery.Delivery
		inbox   []message.Item
		records = map[string]string{}
	)
	m.Read(func(r db.Reader) (err error) {
		if right, err = entitlement.OfLine(ctx, r, string(o.Line)); err != nil {
			return err
		}
		if handed, err = delivery.OfOrder(ctx, r, string(o.ID)); err != nil {
			return err
		}
		if loading, err = delivery.OfOrder(ctx, r, string(loaded.ID)); err != nil {
			return err
		}
		if inbox, err = message.Inbox(ctx, r, account.ID(buyer.Account), ""); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(o.ID))
		for _, a := range acts {
			records[a.Act] = a.ID
		}
		return err
	})
	m.discount, m.batch = string(discount.ID), string(batch.ID)
	m.Bought(buyer, m.ListedBy(m.people[rival], m.rival, world.Content(delivery.HookNative, 5_000))) // both have a month to account for

	order, request := string(o.ID), string(asked.ID)
	shared := buyers + sellers + "/" + staff // an invoice is its vendor's too, and staff see that there is one
	all.put(everybody, ids(offer.Product.Slug), "/p/{slug}", "/api/v1/products/{slug}")
	all.put(everybody, ids("saas_business"), "/c/{code}")
	all.put(buyers, ids(order), "/orders/{id}", "/api/v1/orders/{id}")
	all.put(buyers, ids(order, request), "/orders/{id}/invoice/{invoice}")
	all.put(shared, ids(order, request, sha), "/orders/{id}/invoice/{invoice}/file/{sha}")
	all.put(shared, ids(order, request, document), "/orders/{id}/invoice/{invoice}/gobl/{doc}")
	all.put(deals, ids(order, request, string(red.ID)), "/orders/{id}/invoice/{invoice}/red/{red}")
	all.put(deals, ids(request), "/api/v1/invoices/{id}")
	all.put(buyers+"/"+sellers+staff, ids(request), "/api/v1/invoices/{id}/withdraw")
	all.put(shared, ids(request, sha), "/api/v1/invoices/{id}/files/{sha256}")
	all.put(shared, ids(request, document), "/api/v1/invoices/{id}/documents/{document}")
	all.put(deals, ids(string(red.ID)), "/api/v1/red-letters/{id}")
	all.put(buyers, ids(title()), "/account/titles/{title}")
	all.put(buyers, ids(title()), "/api/v1/invoice-titles/{id}")
	all.put(deals, ids(string(back.ID)), "/refunds/{id}", "/api/v1/refunds/{id}")
	all.put(deals, ids(string(matter.ID)), "/refunds/{id}/say", "/refunds/{id}/complain", "/refunds/{id}/proof", "/api/v1/refunds/matters/{id}")
	all.put(deals, ids(string(matter.ID), proof.ID), "/refunds/{id}/proofs/{proof}")
	// A right and its delivery are shown to whoever holds them and to staff, who serve
	// them; the vendor's people see a delivery at their own desk.
	all.put(buyers, ids(string(right.ID)), "/products/{id}")
	all.put(buyers+staff+"/"+sellers, ids(string(right.ID)), "/api/v1/entitlements/{id}")
	all.put(deals, ids(string(loading[0].ID)), "/api/v1/deliveries/{id}")
	all.put(buyers, ids(string(inbox[0].ID)), "/messages/{id}", "/api/v1/messages/{id}")
	all.put(deals, ids(records["order.paid"]), "/verify/{record}")
	all.put(everybody, ids(records["order.paid"]), "/verify/receipt/{record}", "/api/v1/log/records/{id}")
	m.bound = records["entitlement.bound"]

	all.put(sellers, ids(order), "/vendor/orders/{order}", "/api/v1/vendor/orders/{id}")
	// Staff look at what they decide on, and are told that they may not edit (clause 3.2).
	all.put(sellers+"/"+staff, ids(string(draft.ID)), "/api/v1/vendor/versions/{id}")
	all.put(sellers+"/"+staff, ids(string(draft.ID)), "/vendor/versions/{version}")
	all.put(sellers+"/"+staff, ids(string(offer.Product.ID)), "/vendor/products/{product}", "/api/v1/vendor/products/{id}")
	all.put(sellers, ids(string(back.ID)), "/vendor/refunds/{refund}", "/api/v1/vendor/refunds/{id}")
	all.put(sellers, ids(string(matter.ID)), "/vendor/refunds/{refund}/say", "/vendor/refunds/{refund}/proof")
	all.put(sellers, ids(string(matter.ID), proof.ID), "/vendor/refunds/{refund}/proofs/{proof}")
	all.put(sellers, ids(string(handed[0].ID)), "/vendor/deliveries/{delivery}", "/api/v1/vendor/deliveries/{id}")
	all.put(sellers, ids(request), "/vendor/invoices/{invoice}", "/api/v1/vendor/invoices/{id}")
	all.put(sellers, ids(request, sha), "/vendor/invoices/{invoice}/files/{sha}")
	all.put(sellers, ids(request, string(red.ID)), "/vendor/invoices/{invoice}/red/{red}")
	all.put(sellers, ids(string(discount.ID)), "/api/v1/vendor/discounts/{id}")
	all.put(sellers, ids(string(batch.ID)), "/api/v1/vendor/vouchers/{id}")

	all.put(staff, ids(order), "/operator/orders/{order}", "/api/v1/operator/orders/{id}")
	all.put(staff, ids(string(handed[0].ID)), "/operator/deliveries/{delivery}", "/api/v1/operator/deliveries/{id}")
	all.put(staff, ids(request), "/operator/invoices/{invoice}", "/api/v1/operator/invoices/{id}")
	all.put(staff, ids(string(back.ID)), "/operator/refunds/{refund}", "/api/v1/operator/refunds/{id}")
	all.put(staff, ids(string(offer.Product.ID)), "/operator/products/{product}", "/api/v1/operator/products/{id}")
	all.put(staff, ids(records["order.paid"]), "/operator/records/{record}")
}

// packs are an order's evidence; they are kept for days only.
func (m *matrix) packs(all things) {
	m.t.Helper()
	pack := func(by audit.Actor, whose evidence.Addressee) []string {
		return ids(string(m.order.ID), string(made(m, func(tx *db.Tx) (evidence.Pack, error) {
			return evidence.Ask(m.t.Context(), tx, by, m.order.ID, whose, evidence.OwnRecords)
		}).ID))
	}
	all.put(buyers, pack(m.people[customer], evidence.Buyer), "/orders/{id}/evidence/{pack}")
	all.put(sellers, pack(m.Seller, evidence.Seller), "/vendor/orders/{order}/evidence/{pack}")
	all.put(staff, pack(m.Compliance, evidence.Operator), "/operator/orders/{order}/evidence/{pack}")
	m.Drain()
}

// disputes are complaints, claims, reports and what the operator learns by them.
func (m *matrix) disputes(all things) {
	m.t.Helper()
	ctx, buyer, rules := m.t.Context(), m.people[customer], m.market.Complaint
	complain := func() complaint.Complaint {
		return made(m, func(tx *db.Tx) (complaint.Complaint, error) {
			return rules.Submit(ctx, tx, buyer, complaint.Ask{Topic: "not_working", Order: m.order.ID, Text: "it does not start", Demand: "repair it"})
		})
	}
	said, _ := complain(), complain() // the second makes it known
	claim := made(m, func(tx *db.Tx) (complaint.Claim, error) {
		return rules.Open(ctx, tx, buyer, complaint.Plea{Order: m.order.ID, Item: "functions.0", Ground: complaint.Mismatch, Loss: "two days", Refund: cny(0), Damages: cny(100)})
	})
	report := made(m, func(tx *db.Tx) (complaint.Report, error) {
		p, _, err := rules.Report(ctx, tx, buyer, complaint.Notice{Kind: "UA 4.11", Product: m.offer.Product.Slug, Text: "they ask for money outside", Locale: "en", Source: "192.0.2.1"})
		return p, err
	})
	attached := func(about string) string {
		stored := m.kept(buyer, "%PDF-1.4 evidence of "+about)
		return made(m, func(tx *db.Tx) (complaint.Evidence, error) {
			return complaint.Attach(ctx, tx, buyer, about, complaint.Evidence{Name: "log.pdf", MediaType: "application/pdf", Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key})
		}).ID
	}
	about, claimed := string(said.ID), string(claim.ID)
	file, proof := attached(about), attached(claimed)
	task := m.one(`SELECT id FROM complaint_task`)
	all.put(buyers, ids(about), "/complaints/{id}")
	all.put(buyers, ids(about, file), "/complaints/{id}/evidence/{file}")
	all.put(buyers, ids(claimed), "/claims/{id}")
	all.put(buyers, ids(claimed, proof), "/claims/{id}/evidence/{file}")
	all.put(buyers, ids(string(report.ID)), "/reports/{id}")
	all.put(sellers, ids(about), "/vendor/complaints/{id}")
	all.put(sellers, ids(about, file), "/vendor/complaints/{id}/evidence/{file}")
	all.put(sellers, ids(claimed), "/vendor/claims/{id}")
	all.put(sellers, ids(claimed, proof), "/vendor/claims/{id}/evidence/{file}")
	all.put(staff, ids(about), "/operator/complaints/{id}")
	all.put(staff, ids(about, file), "/operator/complaints/{id}/evidence/{file}")
	all.put(staff, ids(claimed), "/operator/claims/{id}")
	all.put(staff, ids(claimed, proof), "/operator/claims/{id}/evidence/{file}")
	all.put(staff, ids(string(report.ID)), "/operator/reports/{id}")
	all.put(staff, ids(task), "/operator/knowledge/{id}")
	all.put(staff, all["/refunds/{id}/say"].ids, "/operator/matters/{id}")
}

// conversations are what people write to each other and about products.
func (m *matrix) conversations(all things) {
	m.t.Helper()
	ctx, buyer := m.t.Context(), m.people[customer]
	start := func(about message.About, subject, words string) message.Post {
		stored := m.kept(buyer, "%PDF-1.4 "+words)
		return made(m, func(tx *db.Tx) (message.Post, error) {
			return m.market.Talks.Start(ctx, tx, buyer, about, subject, message.Draft{Text: words, Files: []message.Attachment{
				{Name: "plan.pdf", MediaType: "application/pdf", Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key},
			}})
		})
	}
	said := start(message.About{Topic: message.AboutOrder, ID: string(m.order.ID)}, "", "When will it be installed?")
	thread := string(said.Thread)
	answer := made(m, func(tx *db.Tx) (message.Post, error) {
		return message.Say(ctx, tx, m.Seller, said.Thread, message.Draft{Text: "Tomorrow."})
	})
	help := start(message.About{Topic: message.AboutSupport}, "A question", "Where is my invoice?")
	term := made(m, func(tx *db.Tx) (content.Term, error) {
		return content.AddTerm(ctx, tx, m.Compliance, content.Term{Term: "forged certificates", Act: content.Hold, Reason: "unlawful"})
	})
	held := made(m, func(tx *db.Tx) (message.Post, error) {
		return message.Say(ctx, tx, buyer, said.Thread, message.Draft{Text: "Do you sell forged certificates?"})
	})
	item := m.one(`SELECT id FROM content_item WHERE ref = $1`, string(held.ID))
	flag := made(m, func(tx *db.Tx) (content.Report, error) {
		return m.market.Content.File(ctx, tx, buyer, content.Report{Kind: content.Message, Ref: string(answer.ID), Reason: content.OffPlatform})
	})
	m.completed()
	rated := made(m, func(tx *db.Tx) (review.Review, error) {
		return review.Write(ctx, tx, buyer, m.order.ID, review.Words{Stars: 4, Text: "does what it says"})
	})
	all.put(buyers, ids(thread), "/conversations/{id}")
	all.put(buyers, ids(thread, said.Files[0].ID), "/conversations/{id}/files/{file}")
	all.put(buyers, ids(thread, string(answer.ID)), "/conversations/{id}/posts/{post}")
	all.put(sellers, ids(thread), "/vendor/conversations/{id}")
	all.put(sellers, ids(thread, said.Files[0].ID), "/vendor/conversations/{id}/files/{file}")
	all.put(sellers, ids(thread, string(said.ID)), "/vendor/conversations/{id}/posts/{post}")
	all.put(everybody, ids(m.offer.Product.Slug, string(rated.ID)), "/p/{slug}/reviews/{review}")
	m.rated = string(rated.ID)
	all.put(sellers+"/"+everybody, ids(m.rated), "/vendor/reviews/{review}") // public, and nobody deletes one
	all.put(staff, ids(string(rated.ID)), "/operator/reviews/{review}")
	all.put(staff, ids(string(help.Thread)), "/operator/conversations/{id}")
	all.put(staff, ids(string(help.Thread), help.Files[0].ID), "/operator/conversations/{id}/files/{file}")
	all.put(staff, ids(term.ID), "/operator/content/lexicon/{term}")
	all.put(staff, ids(item), "/operator/content/{item}")
	all.put(staff, ids(string(flag.ID)), "/operator/flags/{flag}")
}

// completed waits until the time for a refund of the order is over.
func (m *matrix) completed() {
	m.t.Helper()
	for range 9 {
		m.Clock.Advance(24 * time.Hour)
		m.Drain()
	}
}

// infringements are notices of rights that a listing is said to infringe.
func (m *matrix) infringements(all things) {
	m.t.Helper()
	ctx, buyer, rules := m.t.Context(), m.people[customer], m.market.Notices
	offer := m.Listed(world.Content(delivery.LicenceKey, 19_900))
	submit := func(by audit.Actor, mailbox string) infringement.Notice {
		return made(m, func(tx *db.Tx) (infringement.Notice, error) {
			return rules.Submit(ctx, tx, by, infringement.Draft{
				Right: infringement.Trademark, Location: "http://market.example/p/" + offer.Product.Slug, HolderKind: infringement.AnOrganisation,
				Summary: "The listing uses our registered mark.", Truthful: true, Language: "en", Place: "203.0.113.7",
				Words: infringement.Words{
					Holder: "Shanhai Ltd", Name: "Li Hua", Email: mailbox, Phone: "010-12345678", Right: "mark no. 1234567",
					Statement: "The name of the listing is our mark.", Proof: "Registration certificate no. 1234567",
				},
			})
		})
	}
	given, unconfirmed := submit(buyer, "li@example.com"), submit(audit.Actor{Kind: audit.Person, User: "visitor"}, "hua@example.com")
	pdf := func(by audit.Actor, words string) infringement.File {
		stored := m.kept(by, words)
		return infringement.File{Name: "proof.pdf", MediaType: "application/pdf", Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key}
	}
	proof, answer := pdf(buyer, "%PDF-1.4 certificate"), pdf(m.Seller, "%PDF-1.4 licence")
	m.Write(func(tx *db.Tx) error { return infringement.Attach(ctx, tx, buyer, string(given.ID), proof) })
	m.Write(func(tx *db.Tx) (err error) {
		given, err = infringement.Get(ctx, tx, m.Compliance, given.ID)
		if err == nil {
			given, err = rules.Accept(ctx, tx, m.Compliance, given.ID, given.Version, "the mark is registered")
		}
		return err
	})
	m.Write(func(tx *db.Tx) error { return infringement.AttachAnswer(ctx, tx, m.Seller, given.ID, answer) })
	var link string
	files := map[infringement.Side]string{}
	m.Read(func(r db.Reader) error {
		link = infringement.Key(r, unconfirmed)
		some, err := infringement.Files(ctx, r, given.ID)
		for _, f := range some {
			files[f.Side] = f.ID
		}
		return err
	})
	notice := string(given.ID)
	all.put(everybody, ids(notice), "/infringement/{id}")
	all.put(everybody, ids(link), "/infringement/confirm/{key}") // the link of a mail is the permission
	all.put(buyers, ids(notice), "/infringement/progress/{key}")
	all.put(buyers, ids(notice, files[infringement.Notifier]), "/infringement/progress/{key}/files/{file}")
	all.put(sellers, ids(notice), "/infringement/answer/{id}", "/vendor/infringements/{notice}")
	all.put(sellers, ids(notice, files[infringement.Other]), "/infringement/answer/{id}/files/{file}", "/vendor/infringements/{notice}/files/{file}")
	all.put(staff, ids(notice), "/operator/infringements/{notice}")
	all.put(staff, ids(notice, files[infringement.Other]), "/operator/infringements/{notice}/files/{file}")
}

// data are consents, disclosures, requests and the end of an account.
func (m *matrix) data(all things) {
	m.t.Helper()
	ctx, buyer := m.t.Context(), m.people[customer]
	m.Write(func(tx *db.Tx) error {
		v, err := vendor.Get(ctx, tx, m.Vendor)
		if err != nil {
			return err
		}
		return privacy.AcceptAnnex(ctx, tx, m.Seller, v)
	})
	consent := made(m, func(tx *db.Tx) (privacy.Consent, error) {
		return privacy.Give(ctx, tx, buyer, privacy.Giving{
			Account: account.ID(buyer.Account), Vendor: m.Vendor, Fields: []privacy.Field{privacy.Email, privacy.Mobile}, Method: privacy.AtCheckout, Order: string(m.order.ID), Lang: text.ZH,
		})
	})
	request := made(m, func(tx *db.Tx) (privacy.Request, error) {
		return privacy.Ask(ctx, tx, buyer, privacy.Asking{Kind: privacy.Delete, Vendor: m.Vendor, Text: "my telephone number"})
	})
	asked := made(m, func(tx *db.Tx) (privacy.Request, error) {
		return privacy.Ask(ctx, tx, buyer, privacy.Asking{Kind: privacy.Delete, Text: "my old telephone number"})
	})
	disclosed := made(m, func(tx *db.Tx) (privacy.Disclosure, error) {
		return privacy.Emergency(ctx, tx, m.Compliance, disclosure(account.ID(buyer.Account)))
	})
	leaver := m.Customer(account.Individual)
	closing := made(m, func(tx *db.Tx) (privacy.Closing, error) { return privacy.Close(ctx, tx, leaver) })
	// What a person is told about the own data is for the owner of the account.
	all.put("o", ids(string(disclosed.ID)), "/account/privacy/disclosures/{id}")
	all.put("o", ids(string(request.ID)), "/account/privacy/requests/{id}")
	all.put("o", ids(string(consent.ID)), "/account/privacy/consents/{id}")
	all.put(sellers, ids(string(request.ID)), "/vendor/data/{request}")
	all.put(staff, ids(string(disclosed.ID)), "/operator/privacy/disclosures/{disclosure}")
	all.put(staff, ids(string(disclosed.ID), "review"), "/operator/privacy/disclosures/{disclosure}/{act}")
	all.put(staff, ids(string(asked.ID)), "/operator/privacy/requests/{request}")
	all.put(staff, ids(string(m.Vendor)), "/operator/privacy/vendors/{vendor}")
	all.put(staff, ids(string(m.Vendor), "finding"), "/operator/privacy/vendors/{vendor}/{act}")
	all.put(staff, ids(string(closing.ID)), "/operator/privacy/closings/{closing}")
}

// disclosure is one that a law asks for.
func disclosure(of account.ID) privacy.Proposal {
	return privacy.Proposal{
		Account: of, Basis: privacy.ByProvision, Recipient: privacy.Recipient{Kind: privacy.ToAuthority, Name: "深圳市市场监督管理局", Contact: "深圳市福田区"},
		Provision: "ECL 25", Fields: []privacy.Field{privacy.RealName, privacy.Mobile}, Purpose: "依法要求提供", Channel: "paper",
	}
}

var spoken = operation.Both{ZH: "说明", EN: "Words"}

// interrupted is an interruption that is over, with its cause stated by one person.
func interrupted(ctx context.Context, w *world.Trade, by audit.Actor, cause operation.Cause, proof operation.Proof) (n operation.Interruption) {
	step := func(do func(tx *db.Tx) (operation.Interruption, error)) {
		w.Clock.Advance(10 * time.Minute)
		w.Write(func(tx *db.Tx) (err error) {
			n, err = do(tx)
			return err
		})
		w.Drain()
	}
	step(func(tx *db.Tx) (operation.Interruption, error) {
		return operation.OpenInterruption(ctx, tx, by, operation.Outage{Component: "orders", Impact: "outage", Title: spoken, Everyone: true})
	})
	for _, to := range []operation.State{operation.Acknowledged, operation.Resolved} {
		step(func(tx *db.Tx) (operation.Interruption, error) {
			return operation.Step(ctx, tx, by, n.ID, n.Version, to, spoken)
		})
	}
	step(func(tx *db.Tx) (operation.Interruption, error) {
		return operation.StateCause(ctx, tx, by, n.ID, n.Version, cause, proof, "")
	})
	return n
}

// leaving is a proposal to end the service.
func leaving(now time.Time) operation.Proposal {
	plan := map[operation.Part]operation.Both{}
	for _, p := range operation.Parts {
		plan[p] = spoken
	}
	return operation.Proposal{Day: calendar.On(now).AddDays(120), Text: spoken, Plan: plan}
}

// service are interruptions, incidents, changes and a proposal to end it.
func (m *matrix) service(all things) {
	m.t.Helper()
	ctx := m.t.Context()
	n := interrupted(ctx, m.Trade, m.Support, operation.UserSide, operation.Proof{Kind: "client_error", Text: "the clock of the client is wrong"})
	contest := made(m, func(tx *db.Tx) (operation.Contest, error) {
		return m.market.Operation.Contest(ctx, tx, m.people[customer], n.ID, "nobody was signed in")
	})
	incident := made(m, func(tx *db.Tx) (operation.Incident, error) {
		return operation.OpenIncident(ctx, tx, m.Compliance, operation.Finding{
			Kind: "leak", Cause: "attack", Personal: true, DataKinds: []string{"name_contact"}, Subjects: []account.ID{account.ID(m.people[customer].Account)}, Summary: "a key was public",
		})
	})
	change := made(m, func(tx *db.Tx) (operation.Change, error) {
		return catalog.ChangeCategory(ctx, tx, m.Compliance, catalog.CategoryMove{
			Code: "saas_office", To: catalog.CategoryRetired, Successor: "saas_business", Why: catalog.Both{ZH: "合并", EN: "Merged"}, Migration: catalog.Both{ZH: "无需操作", EN: "Nothing to do"},
		})
	})
	end := made(m, func(tx *db.Tx) (operation.WindDown, error) {
		return operation.Propose(ctx, tx, m.Compliance, leaving(tx.Now()))
	})
	all.put(everybody, ids(string(n.ID)), "/status/{id}")
	all.put(everybody, ids(string(change.ID)), "/changes/{id}")
	all.put(staff, ids(string(n.ID)), "/operator/interruptions/{id}")
	all.put(staff, ids(string(n.ID), string(contest.ID)), "/operator/interruptions/{id}/contests/{contest}")
	all.put(staff, ids(string(incident.ID)), "/operator/incidents/{id}")
	all.put(staff, ids("saas_business"), "/operator/categories/{code}")
	all.put(staff, ids(string(end.ID)), "/operator/service/{id}")
}

// rules are the agreement's own documents and what is asked about them.
func (m *matrix) rules(all things, sender *mail.Recorder) {
	m.t.Helper()
	ctx, why := m.t.Context(), agreement.Both{ZH: "测试", EN: "A test"}
	draft := m.drafted("refund")
	draft = made(m, func(tx *db.Tx) (agreement.Draft, error) {
		return agreement.Consult(ctx, tx, m.Compliance, draft.ID, draft.Revision, m.Clock.Now().AddDate(0, 0, 30))
	})
	out := made(m, func(tx *db.Tx) (agreement.Disabled, error) {
		return agreement.Disable(ctx, tx, m.Compliance, agreement.Disabled{Code: "refund", Clause: "refund-2", Reason: why, Audience: agreement.Everybody})
	})
	scan := m.paper(m.people[stranger])
	paper := made(m, func(tx *db.Tx) (agreement.Paper, error) { return agreement.Upload(ctx, tx, m.Compliance, scan) })
	made(m, func(tx *db.Tx) (agreement.Challenge, error) {
		return agreement.AskByMail(ctx, tx, m.Compliance, account.ID(m.people[stranger].Account))
	})
	m.Drain()
	link := ""
	for _, one := range sender.Messages() {
		if _, rest, ok := strings.Cut(one.Text, "/agreement/mail/"); ok {
			link, _, _ = strings.Cut(rest, "\n")
		}
	}
	all.put(everybody, ids("refund"), "/rules/documents/{code}")
	all.put(everybody, ids("refund", "1"), "/rules/documents/{code}/{number}")
	all.put(everybody, ids("refund", "1", "refund-1.json"), "/rules/documents/{code}/{number}/{file}")
	all.put(everybody, ids("refund", "refund-2"), "/rules/clauses/{code}/{clause}")
	all.put(everybody, ids(draft.ID), "/rules/consultations/{draft}")
	all.put(everybody, ids(link), "/agreement/mail/{token}") // the link of a mail is the permission
	all.put(staff, ids(draft.ID), "/operator/rules/drafts/{draft}")
	all.put(staff, ids(draft.ID, "withdraw"), "/operator/rules/drafts/{draft}/{act}")
	all.put(staff, ids(out.ID), "/operator/rules/clauses/{disabled}")
	all.put(staff, ids(paper.ID), "/operator/rules/papers/{paper}")
}

// drafted is a change of a document as it stands, by compliance.
func (m *matrix) drafted(code string) agreement.Draft {
	m.t.Helper()
	return made(m, func(tx *db.Tx) (agreement.Draft, error) { return redraft(m.t.Context(), tx, m.Compliance, code) })
}

func redraft(ctx context.Context, tx *db.Tx, by audit.Actor, code string) (f agreement.Draft, err error) {
	now, err := agreement.ReadDocument(ctx, tx, code, 0)
	if err != nil {
		return f, err
	}
	var doc map[string]any
	if err := json.Unmarshal(now.Source, &doc); err != nil {
		return f, err
	}
	doc["number"] = doc["number"].(float64) + 1
	source, err := json.Marshal(doc)
	if err != nil {
		return f, err
	}
	return agreement.Begin(ctx, tx, by, code, source, agreement.Both{ZH: "测试", EN: "A test"})
}

// paper is the scan of an agreement that an account's owner signed.
func (m *matrix) paper(of audit.Actor) agreement.Scan {
	m.t.Helper()
	return agreement.Scan{Account: account.ID(of.Account), SignedOn: "2026-03-01", Name: "signed.pdf", MediaType: "application/pdf", File: m.kept(m.Compliance, "%PDF-1.4 signed")}
}

// accounts are people's own keys and sessions, and those who come to the market.
func (m *matrix) accounts(all things) {
	m.t.Helper()
	ctx, buyer := m.t.Context(), m.people[customer]
	spare := made(m, func(tx *db.Tx) (account.Session, error) {
		return account.SignIn(ctx, tx, account.Credential{User: account.UserID(buyer.User), Account: account.ID(buyer.Account)}, account.Device{IP: "192.0.2.2", Method: "password"})
	})
	key := made(m, func(tx *db.Tx) (account.Key, error) {
		return account.CreateKey(ctx, tx, buyer, "spare", []string{"read"})
	})
	comes := m.Registered(account.Individual)
	m.Accept(comes)
	shown := made(m, func(tx *db.Tx) (identity.Case, error) {
		return identity.Submit(ctx, tx, comes, identity.Application{
			SubjectType: account.Individual, Name: "Li Si", IDKind: identity.ResidentID, Number: "110101199003070038", Mobile: "13800138000", Email: "comes@example.com", BankAccount: "6225881234567898", Consent: true,
		})
	})
	applies := m.Customer(account.LegalPerson)
	applied := made(m, func(tx *db.Tx) (vendor.Vendor, error) {
		return vendor.Apply(ctx, tx, applies, vendor.Application{
			RegisteredName: "Another Ltd", SubjectType: account.LegalPerson, USCC: "91440300MA5DEMQ188", LegalRepresentative: "Zhang San", Address: "1 Example Road, Shenzhen",
			SupportHours: "9:00–18:00", SelfCertified: true, Contact: vendor.Contact{Name: "Li Si", Phone: "13800138000", Email: "applies@example.com"},
		})
	})
	waits := made(m, func(tx *db.Tx) (catalog.Version, error) {
		_, v, err := catalog.Draft(ctx, tx, m.Seller, m.Vendor, "waits", world.Content(delivery.HookNative, 100))
		if err != nil {
			return v, err
		}
		return catalog.Submit(ctx, tx, m.Seller, v.ID)
	})
	all.put("o", ids(key.ID), "/account/keys/{id}")
	all.put("o", ids(spare.ID), "/account/sessions/{id}")
	all.put(staff, ids(string(shown.ID)), "/operator/identities/{case}", "/api/v1/operator/identities/{id}")
	all.put(staff, ids(string(applied.ID)), "/operator/vendors/{vendor}", "/api/v1/operator/vendors/{id}")
	all.put(staff, ids(string(waits.ID)), "/operator/listings/{version}", "/api/v1/operator/versions/{id}")
	all.put(staff, ids(buyer.Account), "/operator/accounts/{account}")
}

// money are withdrawals, the bank's lines, what does not match and the book.
func (m *matrix) money(all things) {
	m.t.Helper()
	ctx := m.t.Context()
	m.Write(func(tx *db.Tx) error {
		_, err := payment.ImportStatement(ctx, tx, m.Finance, []payment.StatementLine{
			{BankRef: "B1", At: tx.Now(), Amount: cny(2_000_000), Reference: "no code", Counterparty: "Somebody Ltd", Account: "6222"},
		})
		return err
	})
	m.Write(func(tx *db.Tx) error {
		return errors.Join(payment.Pull(ctx, tx, world.Gateway), reconciliation.Start(ctx, tx))
	})
	m.Provider.AddReportLine(payment.ReportLine{Kind: payment.ReportCapture, ProviderID: "cap-stray", Amount: cny(9_900), At: m.Clock.Now()})
	for _, days := range []time.Duration{1, 1, 33} { // compared the next day; and a month ends
		m.Clock.Advance(days * 24 * time.Hour)
		m.Drain()
	}
	line := m.one(`SELECT id FROM payment_statement_line WHERE bank_ref = 'B1'`)
	decision := made(m, func(tx *db.Tx) (reconciliation.Decision, error) {
		return m.Books.Propose(ctx, tx, m.Finance, reconciliation.Proposal{
			Act: reconciliation.Attribute, Subject: line, Reason: "as the payer wrote", Evidence: "mail of 12 March", Input: reconciliation.Input{Purpose: reconciliation.ForNobody},
		})
	})
	m.Write(func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE vendor_merchant SET added_at = $1`, db.Micros(tx.Now()))
		return err
	})
	paid := made(m, func(tx *db.Tx) (settlement.Withdrawal, error) {
		return settlement.Request(ctx, tx, m.Seller, m.Vendor, world.Gateway, cny(100))
	})
	m.Write(func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE job_job SET state = 'failed' WHERE id = (SELECT MIN(id) FROM job_job WHERE state = 'waiting')`)
		return err
	})
	month := string(ledger.MonthOf(m.Clock.Now().AddDate(0, -1, 0)))
	all.put(sellers, ids(string(paid.ID)), "/vendor/income/withdrawals/{withdrawal}", "/api/v1/vendor/withdrawals/{id}")
	all.put("vmw", ids(month), "/vendor/income/statements/{month}", "/api/v1/vendor/statements/{month}") // of the own account
	all.put("vmw", ids(month, "csv"), "/vendor/income/statements/{month}/{form}")
	all.put(staff, ids(string(paid.ID)), "/operator/finance/withdrawals/{withdrawal}")
	all.put(staff, ids(line), "/operator/finance/lines/{line}")
	all.put(staff, ids(m.one(`SELECT line FROM settlement_collection LIMIT 1`)), "/operator/finance/splits/{line}")
	all.put(staff, ids(string(decision.ID)), "/operator/finance/decisions/{decision}")
	all.put(staff, ids(m.one(`SELECT id FROM reconciliation_exception LIMIT 1`)), "/operator/finance/exceptions/{exception}")
	all.put(staff, ids(month), "/operator/finance/months/{month}")
	all.put(staff, ids(string(m.Vendor)), "/operator/finance/vendors/{vendor}")
	all.put(staff, ids(m.one(`SELECT id FROM ledger_journal LIMIT 1`)), "/operator/book/journals/{journal}")
	all.put(staff, ids(m.one(`SELECT id FROM job_job WHERE state = 'failed'`)), "/operator/jobs/{job}")
}

// measures are cases against both sides, and a ban that an account was linked to.
func (m *matrix) measures(all things) {
	m.t.Helper()
	ctx, buyer, rules := m.t.Context(), m.people[customer], m.market.Enforcing
	second := m.Staff(account.Compliance)
	decided := func(of audit.Actor, violation string, plan enforcement.Plan) enforcement.Dossier {
		c := made(m, func(tx *db.Tx) (enforcement.Case, error) {
			return enforcement.Open(ctx, tx, m.Compliance, enforcement.Opening{
				Subject: account.ID(of.Account), Source: enforcement.SelfFound, Violation: violation, Facts: "The page says so.", Content: plan.Content,
				Evidence: []enforcement.Item{{Kind: enforcement.Capture, Title: "page", URL: "http://market.example/x", Content: []byte("as it was")}},
			})
		})
		c = made(m, func(tx *db.Tx) (enforcement.Case, error) {
			return rules.Decide(ctx, tx, m.Compliance, c.ID, c.Version, enforcement.Decision{Reasons: "The page shows it.", Measures: []enforcement.Plan{plan}, Points: -1})
		})
		if c.State == enforcement.SecondReview {
			made(m, func(tx *db.Tx) (enforcement.Case, error) {
				return rules.Confirm(ctx, tx, second, c.ID, c.Version, true, "seen")
			})
		}
		m.Drain()
		var f enforcement.Dossier
		m.Read(func(r db.Reader) (err error) {
			f, err = enforcement.Get(ctx, r, m.Compliance, c.ID)
			return err
		})
		return f
	}
	decided(m.Customer(account.Individual), "UA 4.11", enforcement.Plan{Kind: enforcement.Terminate})
	m.Write(func(tx *db.Tx) error {
		bans, err := enforcement.Bans(ctx, tx, m.Compliance, "", 1)
		if err != nil || len(bans) == 0 {
			return errors.Join(err, errors.New("nobody is banned"))
		}
		return rules.Caught(ctx, tx, account.ID(buyer.Account), bans[0].ID, account.ByBankAccount, account.AtRealName)
	})
	m.Drain()
	link := m.one(`SELECT id FROM enforcement_link WHERE account = $1`, buyer.Account)
	made(m, func(tx *db.Tx) (enforcement.Link, error) { // and cleared: the account goes on
		l, err := enforcement.GetLink(ctx, tx, m.Compliance, enforcement.LinkID(link))
		if err != nil {
			return l, err
		}
		return rules.DecideLink(ctx, tx, m.Compliance, l.ID, l.Version, false, "another person")
	})
	of := decided(buyer, "UA 4.7.5", enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{account.Review}, Days: 300})
	against := decided(m.Seller, "RB enforcement-8", enforcement.Plan{
		Kind: enforcement.Rectify, Content: enforcement.Content{Kind: enforcement.Product, ID: string(m.offer.Product.ID)}, Demand: "take it out", Days: 300,
	})
	exhibits := against.Exhibits[0].ID
	claim := made(m, func(tx *db.Tx) (enforcement.Claim, error) {
		return enforcement.FileClaim(ctx, tx, m.Compliance, against.ID, enforcement.Claim{Claimant: enforcement.OfOperator, Amount: cny(100), Grounds: "our work", Evidence: []string{exhibits}})
	})
	mine, theirs := string(of.ID), string(against.ID)
	all.put(buyers, ids(link), "/account/links/{id}")
	all.put(buyers, ids(mine), "/account/measures/{case}")
	all.put(buyers, ids(mine, string(of.Measures[0].ID)), "/account/measures/{case}/answer/{measure}")
	all.put(sellers, ids(theirs), "/vendor/measures/{case}")
	all.put(sellers, ids(theirs, string(against.Measures[0].ID)), "/vendor/measures/{case}/answer/{measure}")
	all.put(staff, ids(link), "/operator/bans/{link}")
	all.put(staff, ids(theirs), "/operator/cases/{case}")
	all.put(staff, ids(theirs, "hear"), "/operator/cases/{case}/{do}")
	all.put(staff, ids(theirs, string(against.Measures[0].ID)), "/operator/cases/{case}/measures/{measure}")
	all.put(staff, ids(theirs, exhibits), "/operator/cases/{case}/exhibits/{exhibit}")
	all.put(staff, ids(theirs, claim.ID), "/operator/cases/{case}/claims/{claim}")
}
