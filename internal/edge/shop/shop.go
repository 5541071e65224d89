// Package shop is the pages of customers: finding a product, knowing its seller
// and terms, buying it for an account, paying, and using what was bought.
//
// Owns: the customer pages, their addresses and their words (area "shop").
// Does not own: rules (package market and below decide, pages show), the parts
// pages are made of (page), who may call a route (the access column, serve).
//
// Always true:
//   - Where something is sold, the page names the vendor as the counterparty and
//     the operator as the one who collects on the vendor's behalf.
//   - A refused form comes back with what was typed, the reason, its clause and
//     the way on; a password or an identity number is never sent back.
//   - No consent is ticked beforehand, and nothing needs a script.
//   - A thing of another account looks like one that does not exist.
package shop

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
)

// Routes is the route table of the customer pages.
func Routes(*serve.Market) []serve.Route {
	return slices.Concat(noticeRoutes(), safetyRoutes(), disputeRoutes(), []serve.Route{
		{Pattern: "GET /{$}", Access: serve.Public, Handle: home},
		{Pattern: "GET /c/{code}", Access: serve.Public, Handle: category},
		{Pattern: "GET /search", Access: serve.Public, Handle: find},
		{Pattern: "GET /p/{slug}", Access: serve.Public, Handle: product},
		{Pattern: "GET /p/{slug}/terms.json", Access: serve.Public, Handle: termsSheet},

		{Pattern: "GET /checkout", Access: serve.SignedIn, Handle: checkout},
		{Pattern: "POST /checkout", Access: serve.Accepted, Handle: placeOrder},
		{Pattern: "GET /orders", Access: serve.SignedIn, Handle: orders},
		{Pattern: "GET /orders/{id}", Access: serve.SignedIn, Handle: showOrder},
		{Pattern: "GET /orders/{id}/progress", Access: serve.SignedIn, Handle: showProgress},
		{Pattern: "GET /orders/{id}/terms.json", Access: serve.SignedIn, Handle: orderSheet},
		{Pattern: "GET /orders/{id}/receipt", Access: serve.SignedIn, Handle: receipt},
		{Pattern: "POST /orders/{id}/pay", Access: serve.Accepted, Handle: payAgain},
		{Pattern: "POST /orders/{id}/cancel", Access: serve.Accepted, Handle: cancelOrder},
		{Pattern: "POST /orders/{id}/reveal", Access: serve.SignedIn, Handle: revealOrder, Archive: true},

		// What a measure takes from an account is never an invoice it is owed, so these ask for no more than a session.
		{Pattern: "GET /orders/{id}/invoice", Access: serve.SignedIn, Handle: showInvoice},
		{Pattern: "POST /orders/{id}/invoice", Access: serve.SignedIn, Handle: requestInvoice},
		{Pattern: "POST /orders/{id}/invoice/{invoice}/withdraw", Access: serve.SignedIn, Handle: withdrawInvoice},
		{Pattern: "POST /orders/{id}/invoice/{invoice}/red", Access: serve.SignedIn, Handle: enterRed},
		{Pattern: "POST /orders/{id}/invoice/{invoice}/red/{red}", Access: serve.SignedIn, Handle: answerRed},
		{Pattern: "GET /orders/{id}/invoice/{invoice}/file/{sha}", Access: serve.SignedIn, Handle: invoiceFile},
		{Pattern: "GET /orders/{id}/invoice/{invoice}/gobl/{doc}", Access: serve.SignedIn, Handle: invoiceGOBL},
		{Pattern: "GET /orders/{id}/slip", Access: serve.SignedIn, Handle: serviceSlip},
		{Pattern: "GET /account/invoices", Access: serve.SignedIn, Handle: invoices},
		{Pattern: "GET /account/titles", Access: serve.SignedIn, Handle: titles},
		{Pattern: "POST /account/titles", Access: serve.SignedIn, Handle: saveTitle},
		{Pattern: "POST /account/titles/{title}/remove", Access: serve.SignedIn, Handle: removeTitle},
		{Pattern: "GET /orders/{id}/refund", Access: serve.SignedIn, Handle: showRefund},
		{Pattern: "POST /orders/{id}/refund", Access: serve.SignedIn, Handle: askRefund},
		{Pattern: "POST /orders/{id}/matter", Access: serve.SignedIn, Handle: openMatter},
		{Pattern: "GET /refunds", Access: serve.SignedIn, Handle: refunds},
		{Pattern: "GET /refunds/{id}", Access: serve.SignedIn, Handle: oneRefund},
		{Pattern: "POST /refunds/{id}/withdraw", Access: serve.SignedIn, Handle: withdrawRefund, Archive: true},
		{Pattern: "POST /refunds/{id}/accept", Access: serve.SignedIn, Handle: acceptRefund, Archive: true},
		{Pattern: "POST /refunds/{id}/escalate", Access: serve.SignedIn, Handle: escalateRefund, Archive: true},
		{Pattern: "POST /refunds/{id}/say", Access: serve.SignedIn, Handle: sayInMatter},
		{Pattern: "POST /refunds/{id}/proof", Access: serve.SignedIn, Handle: attachProof},
		{Pattern: "GET /refunds/{id}/proofs/{proof}", Access: serve.SignedIn, Handle: openProof},

		{Pattern: "GET /orders/{id}/evidence", Access: serve.SignedIn, Handle: showEvidence},
		{Pattern: "POST /orders/{id}/evidence", Access: serve.SignedIn, Handle: askEvidence},
		{Pattern: "GET /orders/{id}/evidence/{pack}", Access: serve.SignedIn, Handle: takeEvidence},

		{Pattern: "GET /products", Access: serve.SignedIn, Handle: products},
		{Pattern: "GET /products/{id}", Access: serve.SignedIn, Handle: showProduct},
		{Pattern: "POST /products/{id}/reveal", Access: serve.SignedIn, Handle: revealProduct, Archive: true},
		{Pattern: "GET /d/{token}", Access: serve.SignedIn, Handle: download},

		{Pattern: "GET /conversations", Access: serve.SignedIn, Handle: conversations},
		{Pattern: "GET /conversations/new", Access: serve.SignedIn, Handle: newConversation},
		{Pattern: "POST /conversations", Access: serve.Accepted, Handle: startConversation},
		{Pattern: "GET /conversations/{id}", Access: serve.SignedIn, Handle: asCustomer(showConversation)},
		{Pattern: "POST /conversations/{id}", Access: serve.Accepted, Handle: asCustomer(say)},
		{Pattern: "GET /conversations/{id}/files/{file}", Access: serve.SignedIn, Handle: asCustomer(conversationFile)},
		{Pattern: "POST /conversations/{id}/posts/{post}/report", Access: serve.SignedIn, Handle: asCustomer(reportPost)},
		{Pattern: "POST /orders/{id}/review", Access: serve.Accepted, Handle: writeReview},
		{Pattern: "POST /orders/{id}/review/withdraw", Access: serve.SignedIn, Handle: withdrawReview},
		{Pattern: "POST /p/{slug}/reviews/{review}/report", Access: serve.SignedIn, Handle: reportReview},

		{Pattern: "GET /messages", Access: serve.SignedIn, Handle: messages},
		{Pattern: "GET /messages/{id}", Access: serve.SignedIn, Handle: readMessage},

		{Pattern: "GET /account", Access: serve.SignedIn, Handle: profile},
		{Pattern: "POST /account/keys", Access: serve.Owner, Handle: createKey},
		{Pattern: "POST /account/keys/{id}/revoke", Access: serve.Owner, Handle: revokeKey, Archive: true},
		{Pattern: "POST /account/sessions/{id}/end", Access: serve.SignedIn, Handle: endSession, Archive: true},
		{Pattern: "GET /account/identity", Access: serve.SignedIn, Handle: identityPage},
		{Pattern: "POST /account/identity", Access: serve.Owner, Handle: submitIdentity},
		{Pattern: "GET /account/privacy", Access: serve.SignedIn, Handle: myData},
		{Pattern: "GET /account/privacy/disclosures/{id}", Access: serve.Owner, Handle: oneDisclosure},
		{Pattern: "GET /account/privacy/requests/{id}", Access: serve.Owner, Handle: oneRequest},
		{Pattern: "POST /account/privacy/consents", Access: serve.Owner, Handle: giveConsent},
		{Pattern: "POST /account/privacy/consents/{id}/withdraw", Access: serve.Owner, Handle: withdrawConsent},
		{Pattern: "POST /account/privacy/requests", Access: serve.Owner, Handle: askAboutData},
		{Pattern: "POST /account/privacy/export", Access: serve.Owner, Handle: exportData},
		{Pattern: "POST /account/privacy/correct", Access: serve.SignedIn, Handle: correctData},
		{Pattern: "POST /account/privacy/close", Access: serve.Owner, Handle: closeAccount},
		{Pattern: "POST /account/privacy/reopen", Access: serve.Owner, Handle: reopenAccount},
		{Pattern: "GET /account/users", Access: serve.SignedIn, Handle: users},
		{Pattern: "POST /account/users", Access: serve.Owner, Handle: addUser},

		// What was decided against an account is shown to it, and can be appealed, whatever was taken from it.
		{Pattern: "GET /account/measures", Access: serve.SignedIn, Handle: measures},
		{Pattern: "GET /account/measures/{case}", Access: serve.SignedIn, Handle: measure},
		{Pattern: "POST /account/measures/{case}/appeal", Access: serve.Owner, Handle: onMeasure("appeal")},
		{Pattern: "POST /account/measures/{case}/human", Access: serve.Owner, Handle: onMeasure("human")},
		{Pattern: "POST /account/measures/{case}/answer/{measure}", Access: serve.Owner, Handle: onMeasure("answer")},
		{Pattern: "GET /sanctions", Access: serve.Public, Handle: sanctions},

		{Pattern: "GET /agreement", Access: serve.Public, Handle: showAgreement},
		{Pattern: "POST /agreement", Access: serve.SignedIn, Handle: acceptAgreement},
		{Pattern: "GET /rules", Access: serve.Public, Handle: rules},
		{Pattern: "GET /rules/agreement", Access: serve.Public, Handle: rulesAgreement},
		{Pattern: "GET /rules/rulebook", Access: serve.Public, Handle: rulesRulebook},
		{Pattern: "GET /rules/privacy", Access: serve.Public, Handle: rulesPrivacy},
		{Pattern: "GET /rules/search", Access: serve.Public, Handle: rulesSearch},
		{Pattern: "GET /rules/archive", Access: serve.Public, Handle: archives},
		{Pattern: "GET /rules/documents/{code}", Access: serve.Public, Handle: ruleArchive},
		{Pattern: "GET /rules/documents/{code}/{number}", Access: serve.Public, Handle: ruleVersion},
		{Pattern: "GET /rules/documents/{code}/{number}/changes", Access: serve.Public, Handle: ruleChanges},
		{Pattern: "POST /rules/documents/{code}/{number}/changes", Access: serve.SignedIn, Handle: answerChange},
		{Pattern: "GET /rules/documents/{code}/{number}/{file}", Access: serve.Public, Handle: ruleFile},
		{Pattern: "GET /rules/clauses/{code}/{clause}", Access: serve.Public, Handle: ruleClause},
		{Pattern: "GET /rules/consultations", Access: serve.Public, Handle: consultations},
		{Pattern: "GET /rules/consultations/{draft}", Access: serve.Public, Handle: consultation},
		{Pattern: "POST /rules/consultations/{draft}", Access: serve.SignedIn, Handle: sayInConsultation},
		{Pattern: "GET /agreement/mail/{token}", Access: serve.Public, Handle: acceptMail},
		{Pattern: "POST /agreement/mail/{token}", Access: serve.Public, Handle: confirmMail},
		{Pattern: "GET /rules/refund", Access: serve.Public, Handle: rulesRefund},
		{Pattern: "GET /rules/complaints", Access: serve.Public, Handle: rulesComplaints},
		{Pattern: "GET /rules/law", Access: serve.Public, Handle: rulesLaw},
		{Pattern: "GET /rules/refusals", Access: serve.Public, Handle: rulesRefusals},
		{Pattern: "GET /status", Access: serve.Public, Handle: showStatus},
		{Pattern: "GET /status.atom", Access: serve.Public, Handle: statusFeed},
		{Pattern: "GET /status/{id}", Access: serve.Public, Handle: showInterruption},
		{Pattern: "POST /status/{id}/contest", Access: serve.SignedIn, Handle: contestCause, Archive: true},
		{Pattern: "GET /changes", Access: serve.Public, Handle: showChanges},
		{Pattern: "GET /changes.atom", Access: serve.Public, Handle: changesFeed},
		{Pattern: "GET /changes/{id}", Access: serve.Public, Handle: showChange},
		{Pattern: "GET /wind-down", Access: serve.Public, Handle: showWindDown},
		{Pattern: "GET /verify", Access: serve.Public, Handle: transparency},
		{Pattern: "GET /verify/receipt/{record}", Access: serve.Public, Handle: proveReceipt},
		{Pattern: "GET /verify/receipt/{record}/proof.json", Access: serve.Public, Handle: receiptBundle},
		{Pattern: "GET /verify/{record}", Access: serve.SignedIn, Handle: proof},

		{Pattern: "GET /register", Access: serve.Public, Handle: registerPage},
		{Pattern: "POST /register", Access: serve.Public, Handle: register},
		{Pattern: "GET /signin", Access: serve.Public, Handle: signInPage},
		{Pattern: "POST /signin", Access: serve.Public, Handle: signIn, Archive: true},
		{Pattern: "POST /signout", Access: serve.SignedIn, Handle: signOut, Archive: true},
	})
}

// show sends a page.
func show(c *serve.Call, status int, content templ.Component) error {
	return page.Render(c.W, c.R, status, content)
}

// chrome is the frame with the way from the home page down to this page.
func chrome(c *serve.Call, title string, crumbs ...page.Link) page.Chrome {
	frame := c.Chrome(title)
	if len(crumbs) > 0 {
		frame.Crumbs = append([]page.Link{{Label: text.In(c.Lang, "base.home"), Href: page.HomePath}}, crumbs...)
		frame.Crumbs = append(frame.Crumbs, page.Link{Label: title})
	}
	return frame
}

// freshKey names one intent of one shown form, so that sending the form twice
// does the thing once.
func freshKey() string { return rand.Text() }

// keptKey is the key of a form that comes back: a refused intent left no answer
// under its key, so the same key may be used again.
func keptKey(c *serve.Call) string {
	if key := c.Key(); key != "" {
		return key
	}
	return freshKey()
}

// correctable reports whether an error belongs on the form that caused it. What
// it does not cover is answered by serve.
func correctable(err error) bool {
	f, ok := fault.Of(err)
	return ok && f.Kind != fault.Internal && f.Kind != fault.NotFound
}

// local is where a person goes on to after a form: a path of this site, or the
// fallback. Anything a browser could read as another host is refused.
func local(next, fallback string) string {
	if len(next) > 1 && next[0] == '/' && next[1] != '/' && !strings.ContainsAny(next, "\\\r\n\t") || next == "/" {
		return next
	}
	return fallback
}

// refusalStatus is the status of a page that comes back with a refusal.
func refusalStatus(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if f, ok := fault.Of(err); ok && f.Kind == fault.Invalid {
		return http.StatusUnprocessableEntity
	}
	return serve.Status(err)
}

// field fills a field of a form that may have come back.
func field(c *serve.Call, errs map[string]string, f page.Field) page.Field {
	if c.R.Method == http.MethodPost {
		f.Value = c.R.PostFormValue(f.Name)
	}
	f.Error = errs[f.Name]
	return f
}

// escape puts a path into a query.
func escape(s string) string { return url.QueryEscape(s) }
