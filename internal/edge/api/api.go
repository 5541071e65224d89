// Package api is the way in for programs: the JSON API, version 1, with its
// OpenAPI document, and the addresses where payment providers leave notices.
//
// Owns: the table of operations with who may call each, the translation between
// the market's nouns and the shapes of package client, and the proof of who sends
// a notice. Does not own: rules (package market and below), refusals (serve turns
// every error into one kind of answer), sessions of browsers.
//
// Always true:
//   - Every operation is a row of [table] with its access; a row without one does
//     not start, and a test calls each row as everybody.
//   - The same acts as on the pages, by the same functions: nothing can be done
//     here that a page would refuse.
//   - What a request got wrong is named by field; the refused value is never
//     repeated, in an answer or a log.
//   - An answer that holds a secret is never stored under an idempotency key.
package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
)

const (
	root    = "/api/v1"
	version = "1"

	description = "Buying, selling and running a market, by program. Every refusal is application/problem+json with a stable code, " +
		"the clause it rests on and what to do next. Money is in minor units, times are RFC 3339, ids are opaque."
)

// Prefix is below what every operation lives; the surface needs it, so that an
// unknown address is refused in the API's own form.
const Prefix = "/api/"

// Routes is the API with its document and the addresses of payment providers as
// routes of serve. It fails when the document cannot be made.
func Routes(m *serve.Market) ([]serve.Route, error) {
	b := build(table())
	text, err := b.document()
	if err != nil {
		return nil, err
	}
	return append(append(b.routes, append(notices(m), licenceKeys())...), serve.Route{
		Pattern: "GET " + root + "/openapi.json", Access: serve.Public, Handle: func(c *serve.Call) error {
			c.W.Header().Set("Content-Type", "application/json")
			_, err := c.W.Write(text)
			return err
		},
	}), nil
}

// The columns of staff that several rows share.
var (
	compliance = serve.Staff(account.Compliance)
	finance    = serve.Staff(account.Finance)
	support    = serve.Staff(account.Support)
	officers   = serve.Staff(account.Compliance, account.Superadmin)
	bookkeep   = serve.Staff(account.Finance, account.Superadmin)
	anyStaff   = serve.Staff(account.Compliance, account.Finance, account.Support, account.Superadmin)
)

// table is every operation with who may call it.
func table() []row {
	const created = http.StatusCreated
	return []row{
		op("register", "POST /register", serve.Public, "Open an account", register).with(created),
		op("create-key", "POST /keys", serve.Public, "Make an API key with e-mail and password", createKey).with(created).stays(),
		op("me", "GET /me", serve.SignedIn, "Who the key acts as", me),

		op("read-agreement", "GET /agreement", serve.Public, "The agreement and rulebooks in force", readAgreement),
		op("display-agreement", "POST /agreement/displays", serve.SignedIn, "Record that the bundle was shown", displayAgreement).with(created),
		op("accept-agreement", "POST /agreement/acceptances", serve.SignedIn, "Accept the bundle", acceptAgreement).with(created),

		op("apply-identity", "POST /identity", serve.Owner, "Apply for real-name verification", applyIdentity).with(created),
		op("read-identity", "GET /identity", serve.SignedIn, "The latest verification of the account", readIdentity),

		op("list-categories", "GET /categories", serve.Public, "The catalogue's tree", categories),
		op("search-products", "GET /products", serve.Public, "Find products", findProducts),
		op("read-listing", "GET /products/{slug}", serve.Public, "A product with its seller, terms and plans", readListing),
		op("quote", "GET /quotes", serve.Public, "What a purchase would cost and what stands in its way", readQuote),

		op("place-order", "POST /orders", serve.Accepted, "Place an order", placeOrder).with(created).needsKey(),
		op("list-orders", "GET /orders", serve.SignedIn, "The account's orders", listOrders),
		op("read-order", "GET /orders/{id}", serve.SignedIn, "An order with its frozen terms and payment", readOrder),
		op("cancel-order", "POST /orders/{id}/cancel", serve.Accepted, "Cancel an unpaid order", cancelOrder),
		op("pay-order", "POST /orders/{id}/pay", serve.Accepted, "Try again to pay an order", payOrder).needsKey(),
		op("read-receipt", "GET /orders/{id}/receipt", serve.SignedIn, "The proof of a payment", readReceipt),
		op("list-order-deliveries", "GET /orders/{id}/deliveries", serve.SignedIn, "How an order is delivered", orderDeliveries),

		// What a measure takes from an account is never an invoice it is owed, so these ask for no more than a key.
		op("list-order-invoices", "GET /orders/{id}/invoices", serve.SignedIn, "The invoices of an order", orderInvoices),
		op("request-invoice", "POST /orders/{id}/invoices", serve.SignedIn, "Ask the vendor for an invoice", requestInvoice).with(created).needsKey(),
		op("list-invoices", "GET /invoices", serve.SignedIn, "The invoices the account asked for", listInvoices),
		op("read-invoice", "GET /invoices/{id}", serve.SignedIn, "An invoice with its documents, files and red letters", readInvoice),
		op("withdraw-invoice", "POST /invoices/{id}/withdraw", serve.SignedIn, "Take a request back before the vendor confirms", withdrawInvoice),
		file("download-invoice", "GET /invoices/{id}/files/{sha256}", serve.SignedIn, "A stored form of an invoice", "application/octet-stream", invoiceFile),
		file("export-invoice", "GET /invoices/{id}/documents/{document}/gobl", serve.SignedIn, "An invoice in the shape of GOBL bill/invoice", "application/json", invoiceGOBL),
		op("enter-red-letter", "POST /invoices/{id}/red-letters", serve.SignedIn, "Record a red-letter form, as its buyer or its vendor", enterRedLetter).with(created),
		op("answer-red-letter", "POST /red-letters/{id}/answer", serve.SignedIn, "Confirm, refuse or take back a red-letter form", answerRedLetter),
		op("list-titles", "GET /invoice-titles", serve.SignedIn, "The saved titles of the account", listTitles),
		op("save-title", "POST /invoice-titles", serve.SignedIn, "Keep a title", saveTitle).with(created),
		op("remove-title", "POST /invoice-titles/{id}/remove", serve.SignedIn, "Forget a title", removeTitle),
		op("assess-refund", "GET /orders/{id}/refund", serve.SignedIn, "What an order gives back for a reason, and why", assessRefund),
		op("ask-refund", "POST /orders/{id}/refund", serve.SignedIn, "Ask for money back", askRefund).with(created).needsKey(),
		op("list-refunds", "GET /refunds", serve.SignedIn, "The account's refund requests", listRefunds),
		op("read-refund", "GET /refunds/{id}", serve.SignedIn, "A refund request with its timeline", readRefund),
		op("withdraw-refund", "POST /refunds/{id}/withdraw", serve.SignedIn, "Take a request back; access is restored", withdrawRefund).stays(),
		op("accept-refund", "POST /refunds/{id}/accept", serve.SignedIn, "Take the vendor's offer", acceptRefund).stays(),
		op("escalate-refund", "POST /refunds/{id}/escalate", serve.SignedIn, "Ask the operator to decide", escalateRefund).stays(),
		op("open-refund-matter", "POST /orders/{id}/refund-matter", serve.SignedIn, "Open a refund that the parties settle between themselves", openMatter).with(created),
		op("read-refund-matter", "GET /refunds/matters/{id}", serve.SignedIn, "A matter with what both sides said", readMatter),
		op("say-in-refund-matter", "POST /refunds/matters/{id}/statements", serve.SignedIn, "Add a statement to a matter", sayInMatter).with(created),

		op("list-entitlements", "GET /entitlements", serve.SignedIn, "The account's rights", listEntitlements),
		op("read-entitlement", "GET /entitlements/{id}", serve.SignedIn, "A right", readEntitlement),
		op("move-entitlement", "POST /entitlements/{id}/move", serve.SignedIn, "Always refused: a right stays with its account", moveEntitlement),

		op("read-delivery", "GET /deliveries/{id}", serve.SignedIn, "A delivery with its attempts", readDelivery),
		op("reveal-delivery", "POST /deliveries/{id}/reveal", serve.SignedIn, "Open the credentials; each time leaves a record", revealDelivery).stays(),
		op("confirm-delivery", "POST /deliveries/{id}/confirm", serve.SignedIn, "Say that the product was received", confirmDelivery),
		op("link-delivery", "POST /deliveries/{id}/link", serve.SignedIn, "Make a download link for this key", linkDelivery).with(created).stays(),
		file("download", "GET /downloads/{token}", serve.SignedIn, "The file behind a link", "application/octet-stream", download),

		op("list-messages", "GET /messages", serve.SignedIn, "The account's messages", listMessages),
		op("read-message", "POST /messages/{id}/read", serve.SignedIn, "Mark a message as read", readMessage).stays(),

		op("apply-vendor", "POST /vendor", serve.Accepted, "Apply to become a vendor", applyVendor).with(created),
		op("read-vendor", "GET /vendor", serve.SignedIn, "The vendor that the account is", readVendor),
		op("add-merchant", "POST /vendor/merchants", serve.Seller, "Note the vendor's account at a provider", addMerchant).with(created),
		op("list-hooks", "GET /vendor/hooks", serve.Seller, "Where the vendor is called, without secrets", listHooks),
		op("set-hook", "POST /vendor/hooks", serve.Seller, "Set where the vendor is called; shows a fresh secret once", setHook).with(created),
		op("draft-product", "POST /vendor/products", serve.Seller, "Start a product", draftProduct).with(created),
		// Who may write a product is the rule of package catalog, which refuses with
		// its clause and leaves evidence; so these rows are open to every person.
		op("revise-product", "POST /vendor/products/{id}/versions", serve.SignedIn, "Start the next version", reviseProduct).with(created),
		op("save-version", "PUT /vendor/versions/{id}", serve.SignedIn, "Replace the content of a draft", saveVersion),
		op("submit-version", "POST /vendor/versions/{id}/submit", serve.SignedIn, "Hand a draft to the reviewers", submitVersion),
		op("read-version", "GET /vendor/versions/{id}", serve.SignedIn, "A version with its content", readVersion),
		op("list-vendor-products", "GET /vendor/products", serve.Seller, "The vendor's products", vendorProducts),
		op("read-vendor-product", "GET /vendor/products/{id}", serve.Seller, "A product with its versions", vendorProduct),
		op("hide-own-product", "POST /vendor/products/{id}/hide", serve.Seller, "Take a product out of the shop", hideProduct),
		op("unhide-own-product", "POST /vendor/products/{id}/unhide", serve.Seller, "Bring a hidden product back", unhideProduct),
		op("delist-own-product", "POST /vendor/products/{id}/delist", serve.Seller, "Take a product off the market", delistProduct),
		op("read-promotions", "GET /vendor/products/{id}/promotions", serve.Seller, "Lowest prices, discounts and vouchers of a product", readPromotions),
		op("state-floor", "POST /vendor/products/{id}/floors", serve.Seller, "State the lowest price of a plan", stateFloor),
		op("announce-discount", "POST /vendor/products/{id}/discounts", serve.Seller, "Take something off a plan for a while", announceDiscount).with(created),
		op("end-discount", "POST /vendor/discounts/{id}/end", serve.Seller, "End a discount before its time", endDiscount),
		op("issue-vouchers", "POST /vendor/products/{id}/vouchers", serve.Seller, "Make vouchers; shows their codes once", issueVouchers).with(created),
		op("end-vouchers", "POST /vendor/vouchers/{id}/end", serve.Seller, "End vouchers before their time", endVouchers),
		op("list-vendor-orders", "GET /vendor/orders", serve.Seller, "What the vendor sold", vendorOrders),
		op("read-vendor-order", "GET /vendor/orders/{id}", serve.Seller, "An order as its seller sees it", vendorOrder),
		op("read-customer", "GET /vendor/orders/{id}/customer", serve.Seller, "How the vendor reaches a customer: pseudonym, relay, and the consent that holds", orderCustomer),
		op("reveal-customer", "POST /vendor/orders/{id}/customer", serve.Seller, "Open the plain contact on a consent or a disclosure; each look leaves a record", revealCustomer).stays(),
		op("relay-to-customer", "POST /vendor/orders/{id}/messages", serve.Seller, "Pass words on to the customer over the relay", relayToCustomer),
		op("list-vendor-refunds", "GET /vendor/refunds", serve.Seller, "Refunds asked of the vendor", vendorRefunds),
		op("answer-refund", "POST /vendor/refunds/{id}/answer", serve.Seller, "Agree, make another offer, or refuse", answerRefund).stays(),
		op("list-vendor-deliveries", "GET /vendor/deliveries", serve.Seller, "The vendor's deliveries in one state", vendorDeliveries),
		op("replay-delivery", "POST /vendor/deliveries/{id}/replay", serve.Seller, "Call the vendor again now", replayDelivery),
		op("complete-delivery", "POST /vendor/deliveries/{id}/delivered", serve.Seller, "Say that work was done, with a slip", completeDelivery),
		op("decline-delivery", "POST /vendor/deliveries/{id}/decline", serve.Seller, "Say that work will not be done; the order is refunded", declineDelivery),

		op("list-due-invoices", "GET /vendor/invoices", serve.Seller, "What the vendor has still to issue", dueInvoices),
		op("confirm-invoice", "POST /vendor/invoices/{id}/confirm", serve.Seller, "Say that an invoice will be issued", confirmInvoice),
		op("reject-invoice", "POST /vendor/invoices/{id}/reject", serve.Seller, "Refuse a request, with a reason", rejectInvoice),
		op("upload-invoice", "POST /vendor/invoices/{id}/files", serve.Seller, "Issue by the XML file, or add a view", uploadInvoice),
		op("read-invoice-figures", "GET /vendor/invoice-figures", serve.Seller, "How the vendor answers requests", invoiceFigures),
		op("list-vendor-bills", "GET /vendor/bills", serve.Seller, "What the operator billed the vendor", vendorBills),
		op("read-standing", "GET /vendor/standing", serve.Seller, "What stands between the market and the vendor", readStanding),
		op("list-collections", "GET /vendor/collections", serve.Seller, "The money of the vendor's orders", listCollections),
		op("read-commission", "GET /vendor/commission", serve.Seller, "What a sale at a price would bring", readCommission),
		op("list-withdrawals", "GET /vendor/withdrawals", serve.Seller, "The vendor's withdrawals", listWithdrawals),
		op("read-withdrawal", "GET /vendor/withdrawals/{id}", serve.Seller, "A withdrawal", readWithdrawal),
		op("request-withdrawal", "POST /vendor/withdrawals", serve.Seller, "Ask to be paid", requestWithdrawal).with(created).needsKey(),
		op("cancel-withdrawal", "POST /vendor/withdrawals/{id}/cancel", serve.Seller, "Take a withdrawal back that nobody has decided", cancelWithdrawal),
		op("list-statements", "GET /vendor/statements", serve.Seller, "The statements sent to the vendor", listStatements),
		op("read-statement", "GET /vendor/statements/{month}", serve.Seller, "A month with one line an order", readStatement),
		op("agree-statement", "POST /vendor/statements/{month}/agree", serve.Seller, "Agree to a statement", agreeStatement),
		op("object-statement", "POST /vendor/statements/{month}/object", serve.Seller, "Say what is wrong with a statement", objectStatement),

		op("list-identity-queue", "GET /operator/identities", compliance, "Verifications that wait", identityQueue),
		op("decide-identity", "POST /operator/identities/{id}/decision", compliance, "Decide a verification", decideIdentity),
		op("list-vendor-queue", "GET /operator/vendors", officers, "Vendors whose profile waits", vendorQueue),
		op("take-vendor", "POST /operator/vendors/{id}/take", compliance, "Take up an application", takeVendor),
		op("decide-vendor", "POST /operator/vendors/{id}/decision", compliance, "Decide a vendor's profile", decideVendor),
		op("list-version-queue", "GET /operator/versions", officers, "Versions that wait for review", versionQueue),
		op("take-version", "POST /operator/versions/{id}/take", compliance, "Take up a review", takeVersion),
		op("decide-version", "POST /operator/versions/{id}/decision", compliance, "Give the verdict on a version", decideVersion),
		op("unhide-product", "POST /operator/products/{id}/unhide", compliance, "Bring a hidden product back", unhideProduct),
		op("delist-product", "POST /operator/products/{id}/delist", compliance, "Take a product off the market", delistProduct),
		op("list-all-orders", "GET /operator/orders", anyStaff, "Every order", allOrders),
		op("read-any-order", "GET /operator/orders/{id}", anyStaff, "Any order", anyOrder),
		op("mark-order-paid", "POST /operator/orders/{id}/mark-paid", anyStaff, "Always refused: only the provider's capture pays an order", markPaid),
		op("list-all-refunds", "GET /operator/refunds", anyStaff, "Every refund request", allRefunds),
		op("read-refund-desk", "GET /operator/refund-desk", anyStaff, "What the operator has to decide, sign, transfer or chase", refundDesk),
		op("decide-refund", "POST /operator/refunds/{id}/decision", anyStaff, "Decide a request, with reason and basis", decideRefund),
		op("confirm-refund", "POST /operator/refunds/{id}/confirmation", anyStaff, "Confirm a proposal, or send it back", confirmRefund),
		op("transfer-refund", "POST /operator/refunds/{id}/transfer", finance, "Record that a refund was paid by transfer", transferRefund),
		op("replay-any-delivery", "POST /operator/deliveries/{id}/replay", support, "Call a vendor again now", replayDelivery),
		op("list-overdue-invoices", "GET /operator/invoices", anyStaff, "Requests past their time", overdueInvoices),
		op("mark-invoice-issued", "POST /operator/invoices/{id}/issue", anyStaff, "Always refused: only the vendor issues", markInvoiceIssued),
		op("list-bills", "GET /operator/bills", bookkeep, "What the operator billed its vendors", operatorBills),
		op("read-book", "GET /operator/book", bookkeep, "The journals of the ledger", readBook),
		op("list-exceptions", "GET /operator/exceptions", bookkeep, "What record, book, reports and statements do not agree on", listExceptions),
		op("import-statement", "POST /operator/statements", finance, "Import lines of a bank statement", importStatement).needsKey(),
		op("read-audit", "GET /operator/audit", officers, "Who did what to a subject", readAudit),

		op("read-log-key", "GET /log/key", serve.Public, "The key that verifies checkpoints", logKey),
		op("read-checkpoint", "GET /log/checkpoint", serve.Public, "The newest checkpoint of the transparency log", checkpoint),
		op("prove-record", "GET /log/records/{id}/proof", serve.Public, "The proof that a record is in the log", proveRecord),
	}
}

// areas say to which part of the scopes the first word of an address belongs.
var areas = map[string]string{
	"me": "account", "agreement": "account", "identity": "account", "messages": "account",
	"orders": "orders", "invoices": "orders", "refunds": "orders", "red-letters": "orders", "invoice-titles": "account", "entitlements": "products", "deliveries": "products", "downloads": "products",
	"vendor": "vendor", "operator": "operator",
}

// allowed refuses what the caller's key was not made for: looking at orders needs
// the scope "orders:read" or "read", acting on them "orders:write" or "write".
// What is public is not asked about.
func allowed(c *serve.Call, r row) error {
	if r.access.String() == serve.Public.String() {
		return nil
	}
	method, path, _ := strings.Cut(r.pattern, " ")
	verb := client.ScopeWrite
	if method == http.MethodGet {
		verb = client.ScopeRead
	}
	area, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	need := areas[area] + ":" + verb
	secret := strings.TrimPrefix(c.R.Header.Get("Authorization"), "Bearer ")
	return c.Read(func(r db.Reader) error {
		_, key, err := account.ResolveKey(c.R.Context(), r, secret)
		if err != nil {
			return err
		}
		if !slices.Contains(key.Scopes, need) && !slices.Contains(key.Scopes, verb) {
			return errScope.With("Scope", need)
		}
		return nil
	})
}

// none is the input of an operation that needs nothing.
type none struct{}

type byID struct {
	ID string `path:"id" maxLength:"64"`
}

type bodyOf[B any] struct{ Body B }

type onID[B any] struct {
	ID   string `path:"id" maxLength:"64"`
	Body B
}

type paged struct {
	Before string `query:"before" maxLength:"128" doc:"Next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

// page cuts what was read one beyond the limit into a page.
func page[T any](items []T, limit int, id func(T) string) client.Page[T] {
	p := client.Page[T]{Items: items}
	if p.Items == nil {
		p.Items = []T{}
	}
	if len(items) > limit {
		p.Items = items[:limit]
		p.Next = id(items[limit-1])
	}
	return p
}

// whole is a list that has one page.
func whole[T, U any](items []T, shape func(T) U) client.Page[U] {
	return client.Page[U]{Items: each(items, shape)}
}

func each[T, U any](items []T, shape func(T) U) []U {
	out := make([]U, len(items))
	for i, item := range items {
		out[i] = shape(item)
	}
	return out
}

// read answers from one snapshot.
func read[T any](c *serve.Call, fn func(r db.Reader) (T, error)) (out T, err error) {
	err = c.Read(func(r db.Reader) error {
		out, err = fn(r)
		return err
	})
	return out, err
}

// made is an answer that names what it made, for the record of the act. The
// answer is stored in the form in which it is given, so a repeat gets the same.
type made[T any] struct {
	ID    string `json:"id"`
	Shape T      `json:"shape"`
}

// AuditSubject is the id of what was made or changed.
func (m made[T]) AuditSubject() string { return m.ID }

// act runs one intent of the caller under the caller's idempotency key.
func act[T any](c *serve.Call, in serve.Intent, do func(tx *db.Tx) (string, T, error)) (T, error) {
	answer, err := serve.Do(c, in, func(tx *db.Tx) (made[T], error) {
		id, shape, err := do(tx)
		return made[T]{id, shape}, err
	})
	return answer.Shape, err
}

// done runs one intent without a result.
func done(c *serve.Call, in serve.Intent, do func(tx *db.Tx) error) (client.Done, error) {
	err := serve.Act(c, in, do)
	return client.Done{Done: err == nil}, err
}

// secretly runs an intent whose answer holds a secret: it is recorded like any
// other, and its answer is stored nowhere.
func secretly[T any](c *serve.Call, by audit.Actor, in serve.Intent, do func(tx *db.Tx) (T, error)) (T, error) {
	answer, err := command.Run(c.R.Context(), c.Market.DB, command.Intent{
		By: by, Name: in.Name, Input: in.Input, Subjects: in.Subjects, Clauses: in.Clauses,
	}, do)
	return answer.Value, err
}

// keyed stands for an input with personal data. The hash of an input is part of
// the public log; with a key nobody can try values against it.
func keyed(c *serve.Call, input any) (string, error) {
	text, err := json.Marshal(input)
	if err != nil {
		return "", fmt.Errorf("api: input: %w", err)
	}
	return c.Market.DB.Keys().Index("api.input", string(text)), nil
}

// optional is a time that may be missing.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
