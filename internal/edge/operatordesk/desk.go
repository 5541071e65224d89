// Package operatordesk is where the operator's people work: deciding identity
// cases, vendor applications and listings, reading orders and deliveries, the
// book, bank statements, jobs that gave up, and the records of everything.
//
// Owns: the pages and forms under /operator. Does not own: any rule about what
// they decide, and no power that the market packages do not have.
//
// Always true:
//   - No page here writes a product: there is a decision with reasons, hiding and
//     delisting, and nothing else.
//   - No page here marks an order paid or an invoice issued, moves a right to
//     another account, or posts to the book, but for what finance decides with a
//     reason: statement lines that nothing was found for, fees, deposits and debts
//     of vendors.
//   - A decision against somebody carries its reason to that person.
//   - A superadmin reads everything and adds staff; decisions stay with the role
//     that answers for them.
package operatordesk

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/payment"
)

// ParseStatement reads the lines of a bank statement file. A file it cannot read
// is a fault.
type ParseStatement func(io.Reader) ([]payment.StatementLine, error)

// Routes are the pages of the operator's desk.
func Routes(m *serve.Market, parse ParseStatement) []serve.Route {
	d := desk{m, parse}
	var (
		anyone     = serve.Staff(account.Compliance, account.Finance, account.Support, account.Superadmin)
		reviewers  = serve.Staff(account.Compliance, account.Superadmin)
		officers   = serve.Staff(account.Compliance)
		traders    = serve.Staff(account.Support, account.Finance, account.Compliance, account.Superadmin)
		accounting = serve.Staff(account.Finance, account.Superadmin)
		finance    = serve.Staff(account.Finance)
		runners    = serve.Staff(account.Finance, account.Support, account.Superadmin)
		listeners  = serve.Staff(account.Support, account.Compliance, account.Superadmin)
		talkers    = serve.Staff(account.Support, account.Compliance)
		witnesses  = serve.Staff(account.Compliance, account.Support, account.Superadmin)
		superadmin = serve.Staff(account.Superadmin)
		onCall     = serve.Staff(account.Compliance, account.Support, account.Superadmin)
	)
	return slices.Concat(d.operationRoutes(onCall, reviewers), d.disputeRoutes(), []serve.Route{
		{Pattern: "GET /operator", Access: anyone, Handle: d.home},
		{Pattern: "GET /operator/find", Access: anyone, Handle: d.find},

		{Pattern: "GET /operator/compliance", Access: anyone, Handle: d.compliance},
		{Pattern: "GET /operator/compliance/identities", Access: reviewers, Handle: d.vendorIdentities},
		{Pattern: "POST /operator/compliance/identities", Access: officers, Handle: d.makeIdentities},

		{Pattern: "GET /operator/identities", Access: reviewers, Handle: d.identities},
		{Pattern: "GET /operator/identities/{case}", Access: reviewers, Handle: d.identity},
		{Pattern: "POST /operator/identities/{case}/reveal", Access: officers, Handle: d.reveal, Archive: true},
		{Pattern: "POST /operator/identities/{case}/decide", Access: officers, Handle: d.decideIdentity},
		{Pattern: "GET /operator/vendors", Access: reviewers, Handle: d.vendors},
		{Pattern: "GET /operator/vendors/{vendor}", Access: reviewers, Handle: d.vendor},
		{Pattern: "POST /operator/vendors/{vendor}/take", Access: officers, Handle: d.takeVendor},
		{Pattern: "POST /operator/vendors/{vendor}/decide", Access: officers, Handle: d.decideVendor},
		{Pattern: "POST /operator/vendors/{vendor}/merchants", Access: officers, Handle: d.addMerchant},
		{Pattern: "POST /operator/vendors/{vendor}/state", Access: officers, Handle: d.restVendor},

		{Pattern: "GET /operator/listings", Access: reviewers, Handle: d.listings},
		{Pattern: "GET /operator/listings/{version}", Access: reviewers, Handle: d.listing},
		{Pattern: "POST /operator/listings/{version}/take", Access: officers, Handle: d.takeListing},
		{Pattern: "POST /operator/listings/{version}/review", Access: officers, Handle: d.review},
		{Pattern: "GET /operator/products", Access: reviewers, Handle: d.products},
		{Pattern: "GET /operator/products/{product}", Access: reviewers, Handle: d.product},
		{Pattern: "POST /operator/products/{product}/unhide", Access: officers, Handle: d.unhide},
		{Pattern: "GET /operator/products/{product}/delist", Access: officers, Handle: d.delistForm},
		{Pattern: "POST /operator/products/{product}/delist", Access: officers, Handle: d.delist},

		{Pattern: "GET /operator/bans", Access: reviewers, Handle: d.bans},
		{Pattern: "GET /operator/bans/{link}", Access: reviewers, Handle: d.link},
		{Pattern: "POST /operator/bans/{link}", Access: officers, Handle: d.decideLink},
		{Pattern: "GET /operator/infringements", Access: reviewers, Handle: d.infringements},
		{Pattern: "GET /operator/infringements/{notice}", Access: reviewers, Handle: d.infringement},
		{Pattern: "POST /operator/infringements/{notice}", Access: officers, Handle: d.decideInfringement},
		{Pattern: "GET /operator/infringements/{notice}/files/{file}", Access: reviewers, Handle: d.infringementFile},
		{Pattern: "GET /operator/orders", Access: traders, Handle: d.orders},
		{Pattern: "GET /operator/orders/{order}", Access: traders, Handle: d.order},
		{Pattern: "GET /operator/orders/{order}/evidence", Access: witnesses, Handle: d.evidence},
		{Pattern: "POST /operator/orders/{order}/evidence", Access: witnesses, Handle: d.askEvidence},
		{Pattern: "GET /operator/orders/{order}/evidence/{pack}", Access: witnesses, Handle: d.takeEvidence},
		{Pattern: "GET /operator/deliveries", Access: traders, Handle: d.deliveries},
		{Pattern: "GET /operator/deliveries/{delivery}", Access: traders, Handle: d.delivery},

		{Pattern: "GET /operator/invoices", Access: traders, Handle: d.invoices},
		{Pattern: "GET /operator/invoices/{invoice}", Access: traders, Handle: d.invoice},
		{Pattern: "GET /operator/billing", Access: accounting, Handle: d.billing},
		{Pattern: "GET /operator/refunds", Access: traders, Handle: d.refunds},
		{Pattern: "GET /operator/refunds/{refund}", Access: traders, Handle: d.refund},
		{Pattern: "POST /operator/refunds/{refund}/decide", Access: traders, Handle: d.decideRefund, Archive: true},
		{Pattern: "POST /operator/refunds/{refund}/confirm", Access: traders, Handle: d.confirmRefund, Archive: true},
		{Pattern: "POST /operator/refunds/{refund}/transfer", Access: finance, Handle: d.transferRefund, Archive: true},

		{Pattern: "GET /operator/content", Access: reviewers, Handle: d.contents},
		{Pattern: "GET /operator/content/lexicon", Access: reviewers, Handle: d.lexicon},
		{Pattern: "POST /operator/content/lexicon", Access: officers, Handle: d.addTerm},
		{Pattern: "POST /operator/content/lexicon/{term}/retire", Access: officers, Handle: d.retireTerm},
		{Pattern: "GET /operator/content/{item}", Access: reviewers, Handle: d.content},
		{Pattern: "POST /operator/content/{item}/open", Access: officers, Handle: d.openContent},
		{Pattern: "POST /operator/content/{item}/decide", Access: officers, Handle: d.decideContent},
		{Pattern: "POST /operator/content/{item}/sending", Access: officers, Handle: d.sendContent},
		{Pattern: "POST /operator/content/{item}/told", Access: officers, Handle: d.tellAuthority},
		{Pattern: "GET /operator/flags/{flag}", Access: reviewers, Handle: d.flag},
		{Pattern: "POST /operator/flags/{flag}/look", Access: officers, Handle: d.lookFlag},
		{Pattern: "POST /operator/flags/{flag}/answer", Access: officers, Handle: d.answerFlag},
		{Pattern: "GET /operator/conversations", Access: listeners, Handle: d.conversations},
		{Pattern: "GET /operator/conversations/{id}", Access: listeners, Handle: d.conversation},
		{Pattern: "POST /operator/conversations/{id}", Access: talkers, Handle: d.say},
		{Pattern: "GET /operator/conversations/{id}/files/{file}", Access: listeners, Handle: d.conversationFile},
		{Pattern: "GET /operator/reviews", Access: traders, Handle: d.reviews},
		{Pattern: "DELETE /operator/reviews/{review}", Access: anyone, Handle: d.deleteReview},

		{Pattern: "GET /operator/cases", Access: reviewers, Handle: d.cases},
		{Pattern: "GET /operator/cases/new", Access: officers, Handle: d.newCase},
		{Pattern: "POST /operator/cases/new", Access: officers, Handle: d.openCase},
		{Pattern: "GET /operator/cases/{case}", Access: reviewers, Handle: d.kase},
		{Pattern: "POST /operator/cases/{case}/{do}", Access: officers, Handle: d.onCase},
		{Pattern: "POST /operator/cases/{case}/measures/{measure}", Access: officers, Handle: d.onMeasure},
		{Pattern: "POST /operator/cases/{case}/exhibits/{exhibit}", Access: officers, Handle: d.openExhibit},
		{Pattern: "POST /operator/cases/{case}/claims/{claim}", Access: officers, Handle: d.moveClaim},

		{Pattern: "GET /operator/privacy", Access: reviewers, Handle: d.privacy},
		{Pattern: "GET /operator/privacy/new", Access: officers, Handle: d.disclosureForm},
		{Pattern: "POST /operator/privacy/new", Access: officers, Handle: d.proposeDisclosure},
		{Pattern: "GET /operator/privacy/disclosures/{disclosure}", Access: reviewers, Handle: d.disclosure},
		{Pattern: "POST /operator/privacy/disclosures/{disclosure}/{act}", Access: officers, Handle: d.onDisclosure},
		{Pattern: "GET /operator/privacy/requests/{request}", Access: reviewers, Handle: d.dataRequest},
		{Pattern: "POST /operator/privacy/requests/{request}", Access: officers, Handle: d.answerDataRequest},
		{Pattern: "GET /operator/privacy/vendors/{vendor}", Access: reviewers, Handle: d.supervision},
		{Pattern: "POST /operator/privacy/vendors/{vendor}/{act}", Access: officers, Handle: d.supervise},
		{Pattern: "GET /operator/privacy/closings/{closing}", Access: reviewers, Handle: d.closing},
		{Pattern: "POST /operator/privacy/closings/{closing}", Access: officers, Handle: d.purge},

		{Pattern: "GET /operator/finance", Access: accounting, Handle: d.finance},
		{Pattern: "POST /operator/finance/compare", Access: finance, Handle: d.compareNow, Archive: true},
		{Pattern: "GET /operator/finance/exceptions", Access: accounting, Handle: d.exceptions},
		{Pattern: "GET /operator/finance/exceptions/{exception}", Access: accounting, Handle: d.exception},
		{Pattern: "POST /operator/finance/exceptions/{exception}", Access: finance, Handle: d.explain, Archive: true},
		{Pattern: "GET /operator/finance/decisions/{decision}", Access: accounting, Handle: d.decision},
		{Pattern: "POST /operator/finance/decisions/{decision}", Access: finance, Handle: d.decide, Archive: true},
		{Pattern: "GET /operator/finance/withdrawals/{withdrawal}", Access: accounting, Handle: d.withdrawal},
		{Pattern: "POST /operator/finance/withdrawals/{withdrawal}", Access: finance, Handle: d.decideWithdrawal, Archive: true},
		{Pattern: "GET /operator/finance/splits", Access: accounting, Handle: d.splits},
		{Pattern: "POST /operator/finance/splits/{line}/retry", Access: finance, Handle: d.retrySplit, Archive: true},
		{Pattern: "GET /operator/finance/disputes", Access: accounting, Handle: d.disputes},
		{Pattern: "GET /operator/finance/lines/{line}", Access: accounting, Handle: d.line},
		{Pattern: "POST /operator/finance/lines/{line}", Access: finance, Handle: d.attribute, Archive: true},
		{Pattern: "GET /operator/finance/months", Access: accounting, Handle: d.months},
		{Pattern: "GET /operator/finance/months/{month}", Access: accounting, Handle: d.month},
		{Pattern: "POST /operator/finance/months/{month}", Access: finance, Handle: d.closeMonth, Archive: true},
		{Pattern: "GET /operator/finance/vendors/{vendor}", Access: accounting, Handle: d.standing},
		{Pattern: "POST /operator/finance/vendors/{vendor}", Access: finance, Handle: d.actOnStanding, Archive: true},
		{Pattern: "GET /operator/finance/clearing", Access: accounting, Handle: d.clearing},
		{Pattern: "GET /operator/finance/tax", Access: accounting, Handle: d.tax},
		{Pattern: "POST /operator/finance/tax", Access: finance, Handle: d.makeTax, Archive: true},

		{Pattern: "GET /operator/payments", Access: accounting, Handle: d.payments},
		{Pattern: "GET /operator/book", Access: accounting, Handle: d.book},
		{Pattern: "GET /operator/book/trial", Access: accounting, Handle: d.trial},
		{Pattern: "GET /operator/book/journals/{journal}", Access: accounting, Handle: d.journal},
		{Pattern: "GET /operator/statements", Access: accounting, Handle: d.statements},
		{Pattern: "POST /operator/statements", Access: finance, Handle: d.importStatement, Archive: true},

		{Pattern: "GET /operator/jobs", Access: anyone, Handle: d.jobs},
		{Pattern: "POST /operator/jobs/{job}/again", Access: runners, Handle: d.again, Archive: true},
		{Pattern: "GET /operator/records", Access: anyone, Handle: d.records},
		{Pattern: "GET /operator/records/{record}", Access: anyone, Handle: d.record},
		{Pattern: "GET /operator/log", Access: anyone, Handle: d.log},
		{Pattern: "GET /operator/rules", Access: anyone, Handle: d.rules},
		{Pattern: "POST /operator/rules/drafts", Access: officers, Handle: d.beginDraft},
		{Pattern: "GET /operator/rules/drafts/{draft}", Access: anyone, Handle: d.draft},
		{Pattern: "POST /operator/rules/drafts/{draft}/{act}", Access: officers, Handle: d.onDraft},
		{Pattern: "GET /operator/rules/clauses", Access: anyone, Handle: d.clauses},
		{Pattern: "POST /operator/rules/clauses", Access: officers, Handle: d.disableClause},
		{Pattern: "POST /operator/rules/clauses/{disabled}/enable", Access: officers, Handle: d.enableClause},
		{Pattern: "GET /operator/rules/acceptances", Access: reviewers, Handle: d.acceptances},
		{Pattern: "POST /operator/rules/papers", Access: officers, Handle: d.uploadPaper},
		{Pattern: "POST /operator/rules/papers/{paper}", Access: officers, Handle: d.decidePaper},
		{Pattern: "POST /operator/rules/papers/{paper}/open", Access: officers, Handle: d.openPaper},
		{Pattern: "POST /operator/rules/challenges", Access: officers, Handle: d.askByMail},
		{Pattern: "POST /operator/rules/replies", Access: officers, Handle: d.matchReply},
		{Pattern: "GET /operator/accounts", Access: traders, Handle: d.accounts},
		{Pattern: "GET /operator/accounts/{account}", Access: traders, Handle: d.account},
		{Pattern: "GET /operator/staff", Access: superadmin, Handle: d.staff},
		{Pattern: "POST /operator/staff", Access: superadmin, Handle: d.addStaff},
	})
}

type desk struct {
	m     *serve.Market
	parse ParseStatement
}

type frame struct {
	page.Chrome
	nav []page.NavItem
}

// section is a job of the desk with the roles that have it; a superadmin has all.
type section struct {
	key, href, icon, group string
	roles                  []string
}

var sections = []section{
	{"operatordesk.nav.due", "/operator", "home", "", []string{account.Compliance, account.Finance, account.Support}},
	{"duty.title", "/operator/compliance", "flag", "operatordesk.nav.review", []string{account.Compliance, account.Finance, account.Support}},
	{"operatordesk.nav.identities", "/operator/identities", "person", "operatordesk.nav.review", []string{account.Compliance}},
	{"operatordesk.nav.vendors", "/operator/vendors", "shield", "operatordesk.nav.review", []string{account.Compliance}},
	{"operatordesk.nav.listings", "/operator/listings", "check", "operatordesk.nav.review", []string{account.Compliance}},
	{"operatordesk.nav.products", "/operator/products", "tag", "operatordesk.nav.review", []string{account.Compliance}},
	{"operatordesk.nav.infringements", "/operator/infringements", "warning", "operatordesk.nav.review", []string{account.Compliance}},
	{"content.desk.title", "/operator/content", "flag", "operatordesk.nav.review", []string{account.Compliance}},
	{"operatordesk.nav.cases", "/operator/cases", "scale", "operatordesk.nav.review", []string{account.Compliance}},
	{"operatordesk.nav.bans", "/operator/bans", "stop", "operatordesk.nav.review", []string{account.Compliance}},
	{"operatordesk.nav.privacy", "/operator/privacy", "shield", "operatordesk.nav.review", []string{account.Compliance}},
	{"operatordesk.nav.orders", "/operator/orders", "cart", "operatordesk.nav.trade", []string{account.Support, account.Finance, account.Compliance}},
	{"operatordesk.nav.deliveries", "/operator/deliveries", "box", "operatordesk.nav.trade", []string{account.Support, account.Finance, account.Compliance}},
	{"operatordesk.nav.refunds", "/operator/refunds", "refund", "operatordesk.nav.trade", []string{account.Support, account.Finance, account.Compliance}},
	{"operatordesk.nav.complaints", "/operator/complaints", "flag", "operatordesk.nav.trade", []string{account.Support, account.Compliance}},
	{"operatordesk.nav.accounts", "/operator/accounts", "people", "operatordesk.nav.trade", []string{account.Support, account.Finance, account.Compliance}},
	{"operatordesk.nav.invoices", "/operator/invoices", "file", "operatordesk.nav.trade", []string{account.Support, account.Finance, account.Compliance}},
	{"conversation.desk.title", "/operator/conversations", "chat", "operatordesk.nav.trade", []string{account.Support, account.Compliance}},
	{"review.title", "/operator/reviews", "flag", "operatordesk.nav.trade", []string{account.Support, account.Finance, account.Compliance}},
	{"operatordesk.nav.finance", "/operator/finance", "money", "operatordesk.nav.money", []string{account.Finance}},
	{"operatordesk.nav.exceptions", "/operator/finance/exceptions", "warning", "operatordesk.nav.money", []string{account.Finance}},
	{"operatordesk.nav.clearing", "/operator/finance/clearing", "clock", "operatordesk.nav.money", []string{account.Finance}},
	{"operatordesk.nav.months", "/operator/finance/months", "check", "operatordesk.nav.money", []string{account.Finance}},
	{"operatordesk.nav.tax", "/operator/finance/tax", "file", "operatordesk.nav.money", []string{account.Finance}},
	{"operatordesk.nav.payments", "/operator/payments", "money", "operatordesk.nav.money", []string{account.Finance}},
	{"operatordesk.nav.book", "/operator/book", "scale", "operatordesk.nav.money", []string{account.Finance}},
	{"operatordesk.nav.statements", "/operator/statements", "upload", "operatordesk.nav.money", []string{account.Finance}},
	{"operatordesk.nav.billing", "/operator/billing", "file", "operatordesk.nav.money", []string{account.Finance}},
	{"operation.nav.interruptions", "/operator/interruptions", "warning", "operation.nav", []string{account.Compliance, account.Support}},
	{"operation.nav.incidents", "/operator/incidents", "shield", "operation.nav", []string{account.Compliance, account.Support}},
	{"operation.nav.changes", "/operator/changes", "list", "operation.nav", []string{account.Compliance, account.Support}},
	{"operation.nav.categories", "/operator/categories", "tag", "operation.nav", []string{account.Compliance, account.Support}},
	{"operation.nav.end", "/operator/service", "clock", "operation.nav", []string{account.Compliance, account.Support}},
	{"operatordesk.nav.jobs", "/operator/jobs", "gear", "operatordesk.nav.system", []string{account.Compliance, account.Finance, account.Support}},
	{"operatordesk.nav.records", "/operator/records", "list", "operatordesk.nav.system", []string{account.Compliance, account.Finance, account.Support}},
	{"operatordesk.nav.log", "/operator/log", "key", "operatordesk.nav.system", []string{account.Compliance, account.Finance, account.Support}},
	{"operatordesk.nav.rules", "/operator/rules", "file", "operatordesk.nav.system", []string{account.Compliance, account.Finance, account.Support}},
	{"operatordesk.nav.staff", "/operator/staff", "people", "operatordesk.nav.system", nil},
}

// has reports whether the actor holds one of the roles, or may read all.
func has(by audit.Actor, roles ...string) bool {
	return by.Has(account.Superadmin) || slices.ContainsFunc(roles, by.Has)
}

// frame builds the frame of a page in a section; crumbs lead from the section
// down to the page, which ends them.
func (d desk) frame(c *serve.Call, in, title string, crumbs ...page.Link) frame {
	ctx := c.R.Context()
	f := frame{Chrome: c.Chrome(title)}
	f.Search = "/operator/find"
	group := ""
	for _, s := range sections {
		if !has(c.Actor, s.roles...) {
			continue
		}
		item := page.NavItem{Label: text.T(ctx, s.key), Href: s.href, Icon: s.icon, Current: s.href == in}
		if s.group != group {
			group, item.Section = s.group, text.T(ctx, s.group)
		}
		f.nav = append(f.nav, item)
		if item.Current && in != "/operator" && title != item.Label {
			f.Crumbs = append(f.Crumbs, page.Link{Label: item.Label, Href: item.Href})
		}
	}
	if f.Crumbs = append(f.Crumbs, crumbs...); len(f.Crumbs) > 0 {
		f.Crumbs = append(f.Crumbs, page.Link{Label: title, Current: true})
	}
	return f
}

func show(c *serve.Call, refusal error, content templ.Component) error {
	status := http.StatusOK
	if refusal != nil {
		status = serve.Status(refusal)
	}
	return page.Render(c.W, c.R, status, content)
}

// command runs an act of the caller whose input are its subjects and words.
func command(c *serve.Call, name string, clauses, subjects []string, words any, do func(ctx context.Context, tx *db.Tx) error) error {
	return serve.Act(c, serve.Intent{Name: name, Input: []any{subjects, words}, Subjects: subjects, Clauses: clauses}, func(tx *db.Tx) error { return do(c.R.Context(), tx) })
}

// correctable reports whether the person can correct the form and send it again.
func correctable(err error) bool {
	f, ok := fault.Of(err)
	return ok && (f.Kind == fault.Invalid || f.Kind == fault.Conflict)
}

// homes are where the ids of things lead.
var homes = map[string]string{
	"ord_": "/operator/orders/", "inv_": "/operator/invoices/", "dlv_": "/operator/deliveries/", "prd_": "/operator/products/", "ver_": "/operator/listings/", "ven_": "/operator/vendors/",
	"exc_": "/operator/finance/exceptions/", "dcn_": "/operator/finance/decisions/", "wdr_": "/operator/finance/withdrawals/", "stl_": "/operator/finance/lines/",
	"idc_": "/operator/identities/", "acc_": "/operator/accounts/", "jrn_": "/operator/book/journals/", "rec_": "/operator/records/",
	"itr_": "/operator/interruptions/", "inc_": "/operator/incidents/", "wnd_": "/operator/service/", "chg_": "/changes/",
	"cnt_": "/operator/content/", "flg_": "/operator/flags/",
	"cmp_": "/operator/complaints/", "clm_": "/operator/claims/", "rpt_": "/operator/reports/", "ckt_": "/operator/knowledge/",
	"enf_": "/operator/cases/",
	"rrq_": "/operator/refunds/", "ifn_": "/operator/infringements/", "lnk_": "/operator/bans/",
	"dis_": "/operator/privacy/disclosures/", "prq_": "/operator/privacy/requests/", "cls_": "/operator/privacy/closings/",
}

// homeOf is the page of a thing; its records when it has no page.
func homeOf(id string) string {
	if len(id) > 4 && !strings.ContainsAny(id, "/?#") {
		if to, ok := homes[id[:4]]; ok {
			return to + id
		}
	}
	return records(id)
}

// find leads from an id to its page, and from anything else to its records.
func (d desk) find(c *serve.Call) error {
	return c.Redirect(homeOf(strings.TrimSpace(c.R.URL.Query().Get("q"))))
}

// trail shows the records of a thing, newest first.
func trail(acts []audit.Act) []page.AuditEntry {
	entries := make([]page.AuditEntry, 0, len(acts))
	for _, a := range slices.Backward(acts) {
		e := page.AuditEntry{At: a.Time(), What: a.Act, ID: a.ID, Who: who(a), Proof: "/operator/records/" + a.ID}
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

// accountNames are the names of accounts.
func accountNames(ctx context.Context, r db.Reader, ids ...account.ID) (map[account.ID]string, error) {
	names := map[account.ID]string{}
	for _, id := range ids {
		if _, known := names[id]; known {
			continue
		}
		of, err := account.Get(ctx, r, id)
		if err != nil {
			return nil, err
		}
		names[id] = of.DisplayName
	}
	return names, nil
}

// staff are the names of people of the staff, by their ids.
type staff map[string]string

// staffOf reads the names behind ids; one that is nobody's, or empty, stays what it is.
func staffOf(ctx context.Context, r db.Reader, ids ...string) staff {
	names := staff{}
	for _, id := range ids {
		if _, known := names[id]; !known && id != "" {
			names[id] = personNamed(ctx, r, id)
		}
	}
	return names
}

// who is a person by name, or by the id when no name was read.
func (s staff) who(id string) string { return cmp.Or(s[id], id) }

// personNamed is the name of a person of the staff, or the id of who is none.
func personNamed(ctx context.Context, r db.Reader, id string) string {
	if u, err := account.GetUser(ctx, r, account.UserID(id)); err == nil && u.Name != "" {
		return u.Name
	}
	return id
}

func who(a audit.Act) string {
	if a.Kind == audit.Person && strings.HasPrefix(a.Actor, "usr_") {
		return a.Actor
	}
	return string(a.Kind) + ":" + a.Actor
}

// freshKey makes a form safe to be sent twice.
func freshKey() string { return rand.Text() }
