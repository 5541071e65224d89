package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit/world"
)

// issue uploads what the tax administration would give the vendor for a request.
func (b *bench) issue(id string, edit ...func(*invoice.Document)) (client.Invoice, error) {
	b.t.Helper()
	var d invoice.Document
	b.Read(func(r db.Reader) error {
		q, err := invoice.Get(b.t.Context(), r, b.Seller, invoice.ID(id))
		if err != nil {
			return err
		}
		card, err := vendor.Card(b.t.Context(), r, b.Vendor)
		d = world.Answer(q, card, "26440000000000000001", b.Clock.Now())
		return err
	})
	for _, e := range edit {
		e(&d)
	}
	return b.as(b.Seller).UploadInvoice(b.t.Context(), id, client.InvoiceUpload{Content: world.EInvoice(d)})
}

// TestClause_4_4_FromRequestToRedLetterByProgram goes the whole way, as a
// buyer's and a vendor's program do.
func TestClause_4_4_FromRequestToRedLetterByProgram(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		customer := b.Customer(account.LegalPerson)
		o := b.Bought(customer, b.Listed(world.Content(delivery.LicenceKey, 19_800)))
		c, seller := b.as(customer), b.as(b.Seller)
		ask := client.InvoiceRequest{
			Kind: "special", Amount: client.Amount{Minor: 19_800, Currency: "CNY"}, Title: &client.Title{Kind: "company", Name: "云起科技有限公司", TaxID: "91440300MA5DEMQ188"},
		}
		asking := ask
		asking.From = "operator"
		_, err := c.RequestInvoice(ctx, string(o.ID), asking)
		if p := code(t, err, "INVOICE_FROM_VENDOR_ONLY"); p.Clause != "UA 4.4" || p.Status != http.StatusForbidden || !strings.Contains(p.Next, "/orders/"+string(o.ID)+"/invoice") {
			t.Errorf("refused_asking_the_operator: %+v", p)
		}
		asking = ask
		asking.Amount.Minor++
		_, err = c.RequestInvoice(ctx, string(o.ID), asking)
		code(t, err, "INVOICE_OVER_AMOUNT")
		asking = ask
		asking.Title = &client.Title{Kind: "individual", Name: "张三"}
		_, err = c.RequestInvoice(ctx, string(o.ID), asking)
		code(t, err, "INVOICE_TITLE_INVALID")
		q, err := c.RequestInvoice(ctx, string(o.ID), ask)
		if err != nil || q.State != "requested" || q.Title.TaxID != "91440300MA5DEMQ188" {
			t.Fatalf("allowed_request: %+v %v", q, err)
		}
		if due := must(seller.DueInvoices(ctx))(t); len(due.Items) != 1 || due.Items[0].Title.Name != ask.Title.Name {
			t.Errorf("due: %+v", due)
		}
		for name, by := range map[string]audit.Actor{"compliance": b.Compliance, "finance": b.Finance, "support": b.Support, "superadmin": b.Superadmin} {
			if err := b.as(by).MarkInvoiceIssued(ctx, q.ID); client.Code(err) != "INVOICE_FROM_VENDOR_ONLY" {
				t.Errorf("refused_marking_as_%s: %v", name, err)
			}
			seen := must(b.as(by).Invoice(ctx, q.ID))(t)
			if seen.Title != nil || seen.State != "requested" {
				t.Errorf("%s sees %+v", name, seen)
			}
		}
		_, err = seller.UploadInvoice(ctx, q.ID, client.InvoiceUpload{Content: []byte(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`)})
		code(t, err, "INVOICE_FILE_UNREADABLE")
		_, err = b.issue(q.ID, func(d *invoice.Document) { d.Total.Minor-- })
		p := code(t, err, "INVOICE_FILE_MISMATCH")
		fields := map[string]bool{}
		for _, f := range p.Fields {
			fields[f.Field] = true
		}
		if !fields["total"] || !fields["amount"] {
			t.Errorf("fields %+v", p.Fields)
		}
		issued := must(b.issue(q.ID))(t)
		if issued.State != "issued" || len(issued.Documents) != 1 || issued.Documents[0].Number != "26440000000000000001" || len(issued.Files) != 1 {
			t.Fatalf("issued: %+v", issued)
		}
		must(seller.UploadInvoice(ctx, q.ID, client.InvoiceUpload{Content: []byte("%PDF-1.7 view")}))(t)

		// The buyer gets the vendor's bytes; nobody else does, the operator included.
		path := "/api/v1/invoices/" + q.ID + "/files/" + issued.Files[0].SHA256
		got := b.send("GET", path, b.key(customer), "")
		if got.status != http.StatusOK || !strings.Contains(got.body, "<InvoiceNumber>26440000000000000001</InvoiceNumber>") || !strings.Contains(got.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("downloaded %d %s", got.status, got.body)
		}
		if got := b.send("GET", path, b.key(b.Support), ""); got.status != http.StatusForbidden {
			t.Errorf("support downloads: %d", got.status)
		}
		if got := b.send("GET", path, b.key(b.Customer(account.Individual)), ""); got.status != http.StatusNotFound {
			t.Errorf("a stranger downloads: %d", got.status)
		}
		if q := must(c.Invoice(ctx, q.ID))(t); q.State != "delivered" || len(q.Files) != 2 {
			t.Errorf("after the download: %+v", q)
		}
		got = b.send("GET", "/api/v1/invoices/"+q.ID+"/documents/"+issued.Documents[0].ID+"/gobl", b.key(customer), "")
		var gobl struct {
			Schema string `json:"$schema"`
			Code   string
			Totals struct{ Payable string }
		}
		if err := json.Unmarshal([]byte(got.body), &gobl); err != nil || gobl.Code != "26440000000000000001" || gobl.Totals.Payable != "198.00" || gobl.Schema != "https://gobl.org/draft-0/bill/invoice" {
			t.Errorf("gobl %s %v", got.body, err)
		}

		l := must(seller.EnterRedLetter(ctx, q.ID, client.RedForm{Reason: "03", Confirmation: "44030026030000000001"}))(t)
		if l.State != "02" || l.ExpiresAt == nil {
			t.Errorf("entered: %+v", l)
		}
		_, err = seller.AnswerRedLetter(ctx, l.ID, "04")
		code(t, err, "STALE")
		if l = must(c.AnswerRedLetter(ctx, l.ID, "04"))(t); l.State != "04" {
			t.Errorf("confirmed: %+v", l)
		}
		var red invoice.Document
		b.Read(func(r db.Reader) error {
			q, err := invoice.Get(ctx, r, b.Seller, invoice.ID(q.ID))
			if err != nil {
				return err
			}
			card, err := vendor.Card(ctx, r, b.Vendor)
			if err != nil {
				return err
			}
			letters, err := invoice.RedLetters(ctx, r, b.Seller, q.ID)
			if err != nil {
				return err
			}
			bills, err := invoice.Invoices(ctx, r, b.Seller, q.ID)
			red = world.TakeBack(q, letters[0], bills[0], card, "26440000000000000002", b.Clock.Now())
			return err
		})
		done := must(seller.UploadInvoice(ctx, q.ID, client.InvoiceUpload{Content: world.EInvoice(red)}))(t)
		if done.State != "red_issued" || len(done.Documents) != 2 || done.Documents[1].Total.Minor != -19_800 {
			t.Errorf("taken back: %+v", done)
		}
		if f := must(seller.InvoiceFigures(ctx))(t); f.Requests != 1 || f.IssuedInTime != 1 {
			t.Errorf("figures %+v", f)
		}
		if bytes.Contains([]byte(b.log.String()), []byte("云起科技")) {
			t.Error("the log names a title")
		}
	})
}
