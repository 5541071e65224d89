// Package vendordesk is where a vendor's people work: applying, the products and
// their terms sheets, orders and deliveries, the money that is held, and the
// hooks the market calls.
//
// Owns: the pages and forms under /vendor, and how a form becomes a terms sheet.
// Does not own: any rule about what is in them (catalog, vendor, delivery), the
// frame (page), who may come in (serve).
//
// Always true:
//   - The desk opens on what is due, the most urgent first.
//   - A vendor sees its own things; whatever belongs to others does not exist.
//   - A buyer is a pseudonym here; no page shows a buyer's name or address, but
//     the title that a buyer gave with a request for an invoice, for that invoice.
//   - What was typed is never lost to a refusal: it comes back in the form.
package vendordesk

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

// MaxUpload is the largest upload, in bytes, with the form around the file. The
// surface of the pages must let a body of this size through.
const MaxUpload = 64 << 20

// Routes are the pages of the vendor desk. What changes the text of a product is
// open to every signed-in person, because the rule of package catalog refuses
// whoever may not write, names the clause, and leaves evidence.
func Routes(m *serve.Market) []serve.Route {
	d := desk{m}
	return append(d.disputeRoutes(), []serve.Route{
		{Pattern: "GET /vendor", Access: serve.SignedIn, Handle: d.home},
		{Pattern: "GET /vendor/find", Access: serve.Seller, Handle: d.find},
		{Pattern: "GET /vendor/apply", Access: serve.SignedIn, Handle: d.applyForm},
		{Pattern: "POST /vendor/apply", Access: serve.Accepted, Handle: d.apply},
		{Pattern: "GET /vendor/profile", Access: serve.Seller, Handle: d.profile},
		{Pattern: "POST /vendor/profile", Access: serve.Seller, Handle: d.changeProfile},
		{Pattern: "GET /vendor/products", Access: serve.Seller, Handle: d.products},
		{Pattern: "GET /vendor/products/new", Access: serve.Seller, Handle: d.newProduct},
		{Pattern: "POST /vendor/products", Access: serve.Seller, Handle: d.draft},
		{Pattern: "POST /vendor/products/commission", Access: serve.Seller, Handle: d.commission},
		{Pattern: "GET /vendor/products/{product}", Access: serve.Seller, Handle: d.product},
		{Pattern: "POST /vendor/products/{product}/revise", Access: serve.SignedIn, Handle: d.revise},
		{Pattern: "GET /vendor/products/{product}/hide", Access: serve.Seller, Handle: d.hideForm},
		{Pattern: "POST /vendor/products/{product}/hide", Access: serve.Seller, Handle: d.hide},
		{Pattern: "GET /vendor/products/{product}/delist", Access: serve.Seller, Handle: d.delistForm},
		{Pattern: "POST /vendor/products/{product}/delist", Access: serve.Seller, Handle: d.delist},
		{Pattern: "GET /vendor/products/{product}/promotions", Access: serve.Seller, Handle: d.promotions},
		{Pattern: "GET /vendor/products/{product}/floor", Access: serve.Seller, Handle: d.floorForm},
		{Pattern: "POST /vendor/products/{product}/floor", Access: serve.Seller, Handle: d.stateFloor},
		{Pattern: "GET /vendor/products/{product}/discounts", Access: serve.Seller, Handle: d.discountForm},
		{Pattern: "POST /vendor/products/{product}/discounts", Access: serve.Seller, Handle: d.announce},
		{Pattern: "POST /vendor/products/{product}/discounts/end", Access: serve.Seller, Handle: d.endDiscount},
		{Pattern: "GET /vendor/products/{product}/vouchers", Access: serve.Seller, Handle: d.voucherForm},
		{Pattern: "POST /vendor/products/{product}/vouchers", Access: serve.Seller, Handle: d.issue},
		{Pattern: "POST /vendor/products/{product}/vouchers/end", Access: serve.Seller, Handle: d.endVouchers},
		{Pattern: "GET /vendor/versions/{version}", Access: serve.Seller, Handle: d.version},
		{Pattern: "POST /vendor/versions/{version}", Access: serve.SignedIn, Handle: d.save},
		{Pattern: "GET /vendor/files", Access: serve.Seller, Handle: d.files},
		{Pattern: "POST /vendor/files", Access: serve.Seller, Handle: d.upload},
		{Pattern: "GET /vendor/orders", Access: serve.Seller, Handle: d.orders},
		{Pattern: "GET /vendor/orders/{order}", Access: serve.Seller, Handle: d.order},
		{Pattern: "GET /vendor/conversations", Access: serve.Seller, Handle: d.conversations},
		{Pattern: "GET /vendor/conversations/new", Access: serve.Seller, Handle: d.newConversation},
		{Pattern: "POST /vendor/conversations", Access: serve.Seller, Handle: d.startConversation},
		{Pattern: "GET /vendor/conversations/{id}", Access: serve.Seller, Handle: d.conversation},
		{Pattern: "POST /vendor/conversations/{id}", Access: serve.Seller, Handle: d.say},
		{Pattern: "GET /vendor/conversations/{id}/files/{file}", Access: serve.Seller, Handle: d.conversationFile},
		{Pattern: "POST /vendor/conversations/{id}/posts/{post}/report", Access: serve.Seller, Handle: d.reportPost},
		{Pattern: "GET /vendor/reviews", Access: serve.Seller, Handle: d.reviews},
		{Pattern: "DELETE /vendor/reviews/{review}", Access: serve.Seller, Handle: d.deleteReview},
		{Pattern: "POST /vendor/reviews/{review}/answer", Access: serve.Seller, Handle: d.answerReview},
		{Pattern: "POST /vendor/reviews/{review}/report", Access: serve.Seller, Handle: d.reportReview},
		{Pattern: "GET /vendor/orders/{order}/evidence", Access: serve.Seller, Handle: d.evidence},
		{Pattern: "POST /vendor/orders/{order}/evidence", Access: serve.Seller, Handle: d.askEvidence},
		{Pattern: "GET /vendor/orders/{order}/evidence/{pack}", Access: serve.Seller, Handle: d.takeEvidence},
		{Pattern: "GET /vendor/refunds", Access: serve.Seller, Handle: d.refunds},
		{Pattern: "GET /vendor/refunds/{refund}", Access: serve.Seller, Handle: d.refund},
		{Pattern: "POST /vendor/refunds/{refund}/answer", Access: serve.Seller, Handle: d.answerRefund, Archive: true},
		{Pattern: "POST /vendor/refunds/{refund}/say", Access: serve.Seller, Handle: d.sayInMatter},
		{Pattern: "POST /vendor/refunds/{refund}/proof", Access: serve.Seller, Handle: d.attachProof},
		{Pattern: "GET /vendor/refunds/{refund}/proofs/{proof}", Access: serve.Seller, Handle: d.openProof},
		{Pattern: "GET /vendor/deliveries", Access: serve.Seller, Handle: d.deliveries},
		{Pattern: "GET /vendor/deliveries/{delivery}", Access: serve.Seller, Handle: d.delivery},
		{Pattern: "POST /vendor/deliveries/{delivery}/replay", Access: serve.Seller, Handle: d.replay},
		{Pattern: "POST /vendor/deliveries/{delivery}/delivered", Access: serve.Seller, Handle: d.delivered},
		{Pattern: "GET /vendor/invoices", Access: serve.Seller, Handle: d.invoices},
		{Pattern: "GET /vendor/invoices/{invoice}", Access: serve.Seller, Handle: d.invoice},
		{Pattern: "GET /vendor/invoices/{invoice}/files/{sha}", Access: serve.Seller, Handle: d.invoiceFile},
		{Pattern: "POST /vendor/invoices/{invoice}/confirm", Access: serve.Seller, Handle: d.confirmInvoice, Archive: true},
		{Pattern: "POST /vendor/invoices/{invoice}/reject", Access: serve.Seller, Handle: d.rejectInvoice, Archive: true},
		{Pattern: "POST /vendor/invoices/{invoice}/files", Access: serve.Seller, Handle: d.uploadInvoice, Archive: true},
		{Pattern: "POST /vendor/invoices/{invoice}/red", Access: serve.Seller, Handle: d.enterRed, Archive: true},
		{Pattern: "POST /vendor/invoices/{invoice}/red/{red}", Access: serve.Seller, Handle: d.answerRed, Archive: true},
		{Pattern: "GET /vendor/measures", Access: serve.Seller, Handle: d.measures},
		{Pattern: "GET /vendor/measures/{case}", Access: serve.Seller, Handle: d.measure},
		{Pattern: "POST /vendor/measures/{case}/appeal", Access: serve.Owner, Handle: d.onMeasure("appeal")},
		{Pattern: "POST /vendor/measures/{case}/human", Access: serve.Owner, Handle: d.onMeasure("human")},
		{Pattern: "POST /vendor/measures/{case}/answer/{measure}", Access: serve.Owner, Handle: d.onMeasure("answer")},
		{Pattern: "GET /vendor/reports/new", Access: serve.Seller, Handle: d.newReport},
		{Pattern: "POST /vendor/reports/new", Access: serve.Seller, Handle: d.sendReport},
		{Pattern: "POST /vendor/orders/{order}/reach", Access: serve.Seller, Handle: d.reach},
		{Pattern: "POST /vendor/orders/{order}/relay", Access: serve.Seller, Handle: d.relay},
		{Pattern: "GET /vendor/data", Access: serve.Seller, Handle: d.data},
		{Pattern: "POST /vendor/data/annex", Access: serve.Seller, Handle: d.acceptAnnex},
		{Pattern: "GET /vendor/data/{request}", Access: serve.Seller, Handle: d.dataRequest},
		{Pattern: "POST /vendor/data/{request}", Access: serve.Seller, Handle: d.answerDataRequest},
		{Pattern: "GET /vendor/hooks", Access: serve.Seller, Handle: d.hooks},
		{Pattern: "POST /vendor/hooks", Access: serve.Seller, Handle: d.setHook},
		{Pattern: "POST /vendor/hooks/verify", Access: serve.Seller, Handle: d.verifyHook},
		{Pattern: "GET /vendor/income", Access: serve.Seller, Handle: d.income},
		{Pattern: "POST /vendor/income/withdrawals", Access: serve.Seller, Handle: d.withdraw, Archive: true},
		{Pattern: "POST /vendor/income/withdrawals/{withdrawal}/cancel", Access: serve.Seller, Handle: d.cancel, Archive: true},
		{Pattern: "GET /vendor/income/statements", Access: serve.Seller, Handle: d.statements},
		{Pattern: "GET /vendor/income/statements/{month}", Access: serve.Seller, Handle: d.statement},
		{Pattern: "GET /vendor/income/statements/{month}/{form}", Access: serve.Seller, Handle: d.downloadStatement},
		{Pattern: "POST /vendor/income/statements/{month}", Access: serve.Seller, Handle: d.answerStatement, Archive: true},
		{Pattern: "GET /vendor/infringements", Access: serve.Seller, Handle: d.infringements},
		{Pattern: "GET /vendor/infringements/{notice}", Access: serve.Seller, Handle: d.infringement},
		{Pattern: "POST /vendor/infringements/{notice}/answer", Access: serve.Seller, Handle: d.answerInfringement},
		{Pattern: "POST /vendor/infringements/{notice}/file", Access: serve.Seller, Handle: d.attachInfringement},
		{Pattern: "GET /vendor/infringements/{notice}/files/{file}", Access: serve.Seller, Handle: d.infringementFile},
		{Pattern: "GET /vendor/money", Access: serve.Seller, Handle: d.money},
		{Pattern: "POST /vendor/money/merchants", Access: serve.Seller, Handle: d.addMerchant},
	}...)
}

type desk struct{ m *serve.Market }

// frame is what surrounds a page of the desk.
type frame struct {
	page.Chrome
	nav []page.NavItem
}

// sections are the jobs of the desk in the order of the navigation.
var sections = []struct{ key, href, icon, group string }{
	{"vendordesk.nav.due", "/vendor", "home", ""},
	{"vendordesk.nav.orders", "/vendor/orders", "cart", "vendordesk.nav.selling"},
	{"vendordesk.nav.deliveries", "/vendor/deliveries", "box", ""},
	{"vendordesk.nav.invoices", "/vendor/invoices", "file", ""},
	{"vendordesk.nav.refunds", "/vendor/refunds", "refund", ""},
	{"vendordesk.nav.infringements", "/vendor/infringements", "warning", ""},
	{"conversation.title", "/vendor/conversations", "chat", ""},
	{"review.title", "/vendor/reviews", "flag", ""},
	{"vendordesk.nav.complaints", "/vendor/complaints", "flag", ""},
	{"vendordesk.nav.income", "/vendor/income", "money", ""},
	{"vendordesk.nav.money", "/vendor/money", "scale", ""},
	{"vendordesk.nav.products", "/vendor/products", "tag", "vendordesk.nav.catalogue"},
	{"vendordesk.nav.files", "/vendor/files", "file", ""},
	{"vendordesk.nav.hooks", "/vendor/hooks", "gear", "vendordesk.nav.business"},
	{"vendordesk.nav.profile", "/vendor/profile", "shield", ""},
	{"vendordesk.nav.measures", "/vendor/measures", "scale", ""},
	{"vendordesk.nav.data", "/vendor/data", "people", ""},
}

// frame builds the frame of a page in a section; crumbs lead from the section
// down to the page, which ends them.
func (d desk) frame(c *serve.Call, section, title string, crumbs ...page.Link) frame {
	ctx := c.R.Context()
	f := frame{Chrome: c.Chrome(title)}
	f.Search = "/vendor/find"
	for _, s := range sections {
		item := page.NavItem{Label: text.T(ctx, s.key), Href: s.href, Icon: s.icon, Current: s.href == section}
		if s.group != "" {
			item.Section = text.T(ctx, s.group)
		}
		f.nav = append(f.nav, item)
		if item.Current && section != "/vendor" && title != item.Label {
			f.Crumbs = append(f.Crumbs, page.Link{Label: item.Label, Href: item.Href})
		}
	}
	if f.Crumbs = append(f.Crumbs, crumbs...); len(f.Crumbs) > 0 {
		f.Crumbs = append(f.Crumbs, page.Link{Label: title, Current: true})
	}
	return f
}

func (d desk) show(c *serve.Call, status int, content templ.Component) error {
	return page.Render(c.W, c.R, status, content)
}

// shown answers a page that is as expected, or the form again with its refusal.
func (d desk) shown(c *serve.Call, refusal error, content templ.Component) error {
	status := http.StatusOK
	if refusal != nil {
		status = serve.Status(refusal)
	}
	return d.show(c, status, content)
}

// seller is the vendor of the caller's account.
func (d desk) seller(c *serve.Call, r db.Reader) (vendor.Vendor, error) {
	v, ok, err := vendor.OfAccount(c.R.Context(), r, c.Account())
	if err == nil && !ok {
		err = serve.ErrForbidden
	}
	return v, err
}

// find leads from an id to its page, and from words to the product list.
func (d desk) find(c *serve.Call) error {
	q := strings.TrimSpace(c.R.URL.Query().Get("q"))
	for prefix, to := range map[string]string{"ord_": "orders", "inv_": "invoices", "dlv_": "deliveries", "prd_": "products", "ver_": "versions", "ifn_": "infringements", "rrq_": "refunds", "rfm_": "refunds", "cmp_": "complaints", "clm_": "claims", "prq_": "data"} {
		if strings.HasPrefix(q, prefix) && !strings.ContainsAny(q, "/?#") {
			return c.Redirect("/vendor/" + to + "/" + q)
		}
	}
	return c.Redirect("/vendor/products?" + url.Values{"q": {q}}.Encode())
}

// trail shows the records of a thing as the vendor may see them: who of the
// market's side acted is not named.
func trail(ctx context.Context, c *serve.Call, acts []audit.Act) []page.AuditEntry {
	entries := make([]page.AuditEntry, 0, len(acts))
	for _, a := range slices.Backward(acts) {
		e := page.AuditEntry{At: a.Time(), What: a.Act, ID: a.ID, Who: actor(ctx, c, a)}
		if a.Refusal != "" {
			e.What += " · " + a.Refusal
		}
		if len(a.Clauses) > 0 {
			e.Clause = a.Clauses[0]
		}
		entries = append(entries, e)
	}
	return entries
}

func actor(ctx context.Context, c *serve.Call, a audit.Act) string {
	switch {
	case a.Account != "" && a.Account == string(c.Account()):
		return a.Actor
	case a.Kind == audit.JobKind:
		return text.T(ctx, "desk.actor.system")
	case a.Kind == audit.Person || a.Kind == audit.CLIKind:
		return text.T(ctx, "vendordesk.actor.market")
	}
	return a.Actor
}

// freshKey makes a form safe to be sent twice.
func freshKey() string { return rand.Text() }
