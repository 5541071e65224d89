package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/edge/api"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// reach says who gets past the access column of each operation: anonymous (a),
// the owner of a customer account (o), a sub-user who buys (b), a vendor (v), and
// the operator's compliance (c), finance (f), support (s) and superadmin (x).
var reach = map[string]string{
	"register": "aobvcfsx", "create-key": "aobvcfsx", "me": "obvcfsx",
	"read-agreement": "aobvcfsx", "display-agreement": "obvcfsx", "accept-agreement": "obvcfsx",
	"apply-identity": "ov", "read-identity": "obvcfsx",
	"list-categories": "aobvcfsx", "search-products": "aobvcfsx", "read-listing": "aobvcfsx", "quote": "aobvcfsx",
	"place-order": "obv", "list-orders": "obvcfsx", "read-order": "obvcfsx", "cancel-order": "obv", "pay-order": "obv",
	"assess-refund": "obvcfsx", "ask-refund": "obvcfsx", "list-refunds": "obvcfsx", "read-refund": "obvcfsx", "withdraw-refund": "obvcfsx",
	"accept-refund": "obvcfsx", "escalate-refund": "obvcfsx", "open-refund-matter": "obvcfsx", "read-refund-matter": "obvcfsx", "say-in-refund-matter": "obvcfsx",
	"list-vendor-refunds": "v", "answer-refund": "v", "list-all-refunds": "cfsx", "read-refund-desk": "cfsx", "decide-refund": "cfsx", "confirm-refund": "cfsx", "transfer-refund": "f",
	"read-receipt": "obvcfsx", "list-order-deliveries": "obvcfsx",
	"list-order-invoices": "obvcfsx", "request-invoice": "obvcfsx", "list-invoices": "obvcfsx", "read-invoice": "obvcfsx", "withdraw-invoice": "obvcfsx",
	"download-invoice": "obvcfsx", "export-invoice": "obvcfsx", "enter-red-letter": "obvcfsx", "answer-red-letter": "obvcfsx",
	"list-titles": "obvcfsx", "save-title": "obvcfsx", "remove-title": "obvcfsx",
	"list-due-invoices": "v", "confirm-invoice": "v", "reject-invoice": "v", "upload-invoice": "v", "read-invoice-figures": "v", "list-vendor-bills": "v",
	"list-overdue-invoices": "cfsx", "mark-invoice-issued": "cfsx", "list-bills": "fx",
	"list-entitlements": "obvcfsx", "read-entitlement": "obvcfsx", "move-entitlement": "obvcfsx",
	"read-delivery": "obvcfsx", "reveal-delivery": "obvcfsx", "confirm-delivery": "obvcfsx", "link-delivery": "obvcfsx", "download": "obvcfsx",
	"list-messages": "obvcfsx", "read-message": "obvcfsx",
	"apply-vendor": "obv", "read-vendor": "obvcfsx", "add-merchant": "v", "list-hooks": "v", "set-hook": "v",
	"draft-product": "v", "revise-product": "obvcfsx", "save-version": "obvcfsx", "submit-version": "obvcfsx", "read-version": "obvcfsx",
	"list-vendor-products": "v", "read-vendor-product": "v", "hide-own-product": "v", "unhide-own-product": "v", "delist-own-product": "v",
	"read-promotions": "v", "state-floor": "v", "announce-discount": "v", "end-discount": "v", "issue-vouchers": "v", "end-vouchers": "v",
	"list-vendor-orders": "v", "read-vendor-order": "v", "read-customer": "v", "reveal-customer": "v", "relay-to-customer": "v", "list-vendor-deliveries": "v",
	"replay-delivery": "v", "complete-delivery": "v", "decline-delivery": "v",
	"read-standing": "v", "list-collections": "v", "read-commission": "v", "list-withdrawals": "v", "read-withdrawal": "v", "request-withdrawal": "v",
	"cancel-withdrawal": "v", "list-statements": "v", "read-statement": "v", "agree-statement": "v", "object-statement": "v",
	"list-identity-queue": "c", "decide-identity": "c", "list-vendor-queue": "cx", "take-vendor": "c", "decide-vendor": "c",
	"list-version-queue": "cx", "take-version": "c", "decide-version": "c", "unhide-product": "c", "delist-product": "c",
	"list-all-orders": "cfsx", "read-any-order": "cfsx", "mark-order-paid": "cfsx", "replay-any-delivery": "s",
	"read-book": "fx", "list-exceptions": "fx", "import-statement": "f", "read-audit": "cx",
	"read-log-key": "aobvcfsx", "read-checkpoint": "aobvcfsx", "prove-record": "aobvcfsx",
}

// TestAccessOfEveryOperation calls every row of the table as everybody. The
// requests name nothing that exists, so what gets past the column is refused for
// that, and what does not is refused for who asks.
func TestAccessOfEveryOperation(t *testing.T) {
	clock := testkit.NewClock()
	b := open(t, testkit.OpenAt(t, db.SQLite, clock), clock)
	customer := b.Customer(account.LegalPerson)
	keys := map[rune]string{
		'a': "", 'o': b.key(customer), 'b': b.key(b.SubUser(customer, account.Buyer)), 'v': b.key(b.Seller),
		'c': b.key(b.Compliance), 'f': b.key(b.Finance), 's': b.key(b.Support), 'x': b.key(b.Superadmin),
	}
	rows := api.Rows()
	if len(rows) != len(reach) {
		t.Errorf("%d operations, %d lines in the table of this test", len(rows), len(reach))
	}
	asked := 0
	for _, r := range rows {
		may, known := reach[r.ID]
		if !known {
			t.Errorf("%s: nobody has said who may", r.ID)
			continue
		}
		path := strings.NewReplacer("{id}", "nothing", "{slug}", "nothing", "{token}", "nothing", "{month}", "2026-01").Replace(r.Path)
		for _, who := range "aobvcfsx" {
			asked++
			got := b.send(r.Method, path, keys[who], "", "Idempotency-Key", r.ID+strconv.Itoa(asked), "Content-Type", "application/json")
			if got.status == http.StatusTooManyRequests || got.status >= 500 {
				t.Fatalf("%s as %c: %d %s", r.ID, who, got.status, got.body)
			}
			refused := got.problem.Code == "NOT_SIGNED_IN" || got.problem.Code == "FORBIDDEN" || got.problem.Code == "AGREEMENT_NOT_ACCEPTED"
			if allowed := strings.ContainsRune(may, who); allowed == refused {
				t.Errorf("%s as %c: %d %s, should be allowed: %v", r.ID, who, got.status, got.problem.Code, allowed)
			}
			if who == 'a' && refused && got.status != http.StatusUnauthorized {
				t.Errorf("%s as nobody: %d", r.ID, got.status)
			}
		}
		b.Clock.Advance(1e9) // the limiter of the edge counts by this clock
	}
}

// things are objects of one account and one vendor, by the word in the path.
type things map[string]string

func (b *bench) things() (customer audit.Actor, own things) {
	b.t.Helper()
	offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))
	customer = b.Customer(account.Individual)
	o := b.Bought(customer, offer)
	c := b.as(customer)
	rights := must(c.Entitlements(b.t.Context()))(b.t)
	deliveries := must(c.OrderDeliveries(b.t.Context(), string(o.ID)))(b.t)
	messages := must(c.Messages(b.t.Context(), ""))(b.t)
	var paid settlement.Withdrawal
	b.Clock.Advance(9 * 24 * time.Hour)
	b.Drain()
	b.Write(func(tx *db.Tx) (err error) {
		paid, err = settlement.Request(b.t.Context(), tx, b.Seller, b.Vendor, world.Gateway, money.Amount{Minor: 100, Currency: money.CNY})
		return err
	})
	var draft catalog.Version
	b.Write(func(tx *db.Tx) (err error) {
		_, draft, err = catalog.Draft(b.t.Context(), tx, b.Seller, b.Vendor, "a-draft", world.Content(delivery.LicenceKey, 100))
		return err
	})
	asked := must(c.RequestInvoice(b.t.Context(), string(o.ID), client.InvoiceRequest{
		Kind: "ordinary", Amount: client.Amount{Minor: 19_800, Currency: "CNY"}, Title: &client.Title{Kind: "individual", Name: "Wang Xiaoming"},
	}))(b.t)
	b.issue(asked.ID)
	letter := must(c.EnterRedLetter(b.t.Context(), asked.ID, client.RedForm{Reason: "01", Confirmation: "44030026030000000001"}))(b.t)
	must(c.SaveTitle(b.t.Context(), client.Title{Kind: "individual", Name: "Wang Xiaoming"}))(b.t)
	titles := must(c.Titles(b.t.Context()))(b.t)
	imaged := world.Content(delivery.LicenceKey, 5_000)
	imaged.Category = "image_os"
	offline := world.Content(delivery.LicenceKey, 5_000)
	offline.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundVendorOwn, Text: catalog.Both{ZH: "按合同办理", EN: "As the contract says"}}
	refunded, _, err := c.AskRefund(b.t.Context(), "", string(b.Bought(customer, b.Listed(imaged)).ID), client.RefundAsk{
		Reason: "quality", Text: "it stops", Amount: client.Amount{Minor: 5_000, Currency: "CNY"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	matter := must(c.OpenRefundMatter(b.t.Context(), string(b.Bought(customer, b.Listed(offline)).ID), "I rang them"))(b.t)
	until := b.Clock.Now().Add(time.Hour)
	var discount promotion.Discount
	var batch promotion.Batch
	b.Write(func(tx *db.Tx) (err error) {
		discount, err = promotion.Announce(b.t.Context(), tx, b.Seller, promotion.NewDiscount{Plan: offer.PlanID, Points: 100, Until: until})
		return err
	})
	b.Write(func(tx *db.Tx) (err error) {
		batch, _, err = promotion.Issue(b.t.Context(), tx, b.Seller, promotion.NewBatch{Codes: 1, BatchTerms: promotion.BatchTerms{
			Product: offer.Product.ID, Points: 100, Uses: 1, Until: until,
		}})
		return err
	})
	return customer, things{
		"refunds": refunded.ID, "matters": matter.ID,
		"invoices": asked.ID, "red-letters": letter.ID, "invoice-titles": titles.Items[0].ID,
		"orders": string(o.ID), "entitlements": rights.Items[0].ID, "deliveries": deliveries.Items[0].ID, "messages": messages.Items[0].ID,
		"products": string(offer.Product.ID), "versions": string(draft.ID), "withdrawals": string(paid.ID),
		"discounts": string(discount.ID), "vouchers": string(batch.ID),
	}
}

// bodies are valid inputs, so that nothing but the owner can be the reason of a
// refusal.
var bodies = map[string]string{
	"pay-order": `{"gateway":"sandbox"}`, "move-entitlement": `{"to":"acc_mine"}`,
	"revise-product": `{}`, "save-version": `{}`, "complete-delivery": `{"text":"done"}`,
	"request-invoice":  `{"kind":"ordinary","amount":{"minor":1,"currency":"CNY"},"title":{"kind":"individual","name":"A"}}`,
	"enter-red-letter": `{"reason":"01","confirmation":"44030026030000000009"}`, "answer-red-letter": `{"to":"04"}`,
	"reject-invoice": `{"reason":"r"}`, "upload-invoice": `{"content":"PGEvPg=="}`,
	"hide-own-product": `{"reason":"r"}`, "unhide-own-product": `{"reason":"r"}`,
	"ask-refund": `{"reason":"no_reason","amount":{"minor":1,"currency":"CNY"}}`, "withdraw-refund": `{"version":2}`, "accept-refund": `{"version":2}`,
	"escalate-refund": `{"version":2,"note":"n"}`, "answer-refund": `{"version":2,"answer":"agree","amount":{"minor":1,"currency":"CNY"}}`,
	"reveal-customer": `{"basis":"b"}`, "relay-to-customer": `{"text":"t"}`,
	"open-refund-matter": `{"note":"n"}`, "say-in-refund-matter": `{"version":2,"text":"t","amount":{"minor":0,"currency":"CNY"}}`,
	"state-floor":        `{"plan":"p","price":{"minor":1,"currency":"CNY"}}`,
	"announce-discount":  `{"plan":"p","bp":1,"until":"2099-01-01T00:00:00Z"}`,
	"issue-vouchers":     `{"bp":1,"until":"2099-01-01T00:00:00Z","uses":1,"count":1}`,
	"delist-own-product": `{"cause":"other","scope":"no_new_sales","reason":"r"}`,
}

// TestOtherPeoplesThingsDoNotExist asks for each thing of one customer and one
// vendor as another customer and another vendor. The answer is the same as for a
// thing that does not exist.
func TestOtherPeoplesThingsDoNotExist(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		_, own := b.things()
		stranger := b.key(b.Customer(account.Individual))
		other, _ := b.NewVendor()
		rival := b.key(other)
		asked := 0
		for _, r := range api.Rows() {
			if !strings.Contains(r.Path, "{id}") || strings.HasPrefix(r.Path, "/api/v1/operator/") || strings.HasPrefix(r.Path, "/api/v1/log/") {
				continue
			}
			before, _, _ := strings.Cut(r.Path, "/{id}")
			id := own[before[strings.LastIndexByte(before, '/')+1:]]
			if id == "" {
				t.Errorf("%s: no thing to ask for", r.ID)
				continue
			}
			for name, key := range map[string]string{"customer": stranger, "vendor": rival} {
				if name == "customer" && !strings.Contains(reach[r.ID], "o") {
					continue
				}
				asked++
				ask := func(id string) answer {
					return b.send(r.Method, strings.Replace(r.Path, "{id}", id, 1), key, bodies[r.ID], "Content-Type", "application/json",
						"Idempotency-Key", r.ID+id+name)
				}
				got, nothing := ask(id), ask("nothing")
				got.problem.Reference, nothing.problem.Reference = "", ""
				if got.status != http.StatusNotFound || got.problem.Code != "NOT_FOUND" || got.problem.Error() != nothing.problem.Error() || got.problem.Clause != nothing.problem.Clause {
					t.Errorf("%s as another %s: %d %s %q; for nothing: %d %s %q", r.ID, name, got.status, got.problem.Code, got.problem.Clause,
						nothing.status, nothing.problem.Code, nothing.problem.Clause)
				}
			}
			b.Clock.Advance(1e9)
		}
		if asked < 20 {
			t.Errorf("only %d requests were made", asked)
		}
		if o := b.Order(order.ID(own["orders"])); o.State != order.Completed {
			t.Errorf("the order is %s", o.State)
		}
	})
}

// TestClause_4_7_3_ForeignAccessIsCounted is what the risk record is made of.
func TestClause_4_7_3_ForeignAccessIsCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		customer, own := b.things()
		stranger := b.Customer(account.Individual)
		_, err := b.as(stranger).Order(t.Context(), own["orders"])
		if p := code(t, err, "NOT_FOUND"); p.Status != http.StatusNotFound {
			t.Errorf("status %d", p.Status)
		}
		must(b.as(customer).Order(t.Context(), own["orders"]))(t)
		for who, want := range map[string]int64{stranger.Account: 1, customer.Account: 0} {
			var risk account.Risk
			b.Read(func(r db.Reader) (err error) {
				risk, err = account.RiskOf(t.Context(), r, account.ID(who))
				return err
			})
			if risk.Denials != want {
				t.Errorf("%s: %d denials counted, want %d", who, risk.Denials, want)
			}
		}
	})
}

// TestScopesBoundAKey makes keys that may do less than their person.
func TestScopesBoundAKey(t *testing.T) {
	b := open(t, testkit.Open(t, db.SQLite), testkit.NewClock())
	who := b.Customer(account.Individual)
	for _, tc := range []struct {
		scope, method, path string
		allowed             bool
	}{
		{"read", "GET", "/orders", true},
		{"read", "POST", "/orders", false},
		{"write", "POST", "/orders", true},
		{"write", "GET", "/orders", false},
		{"orders:read", "GET", "/orders", true},
		{"orders:read", "GET", "/entitlements", false},
		{"orders:write", "POST", "/orders/nothing/cancel", true},
		{"orders:write", "POST", "/deliveries/nothing/reveal", false},
		{"products:read", "GET", "/entitlements", true},
		{"account:read", "GET", "/me", true},
		{"catalog:read", "GET", "/categories", true},
		{"catalog:read", "GET", "/me", false},
	} {
		got := b.send(tc.method, "/api/v1"+tc.path, b.key(who, tc.scope), "{}", "Idempotency-Key", "k")
		if refused := got.problem.Code == "KEY_SCOPE_MISSING"; refused == tc.allowed {
			t.Errorf("%s with %s: %d %s", tc.method+" "+tc.path, tc.scope, got.status, got.problem.Code)
		}
	}
	if got := b.send("GET", "/api/v1/me", "ysk_guess", ""); got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
		t.Errorf("a guessed key: %d", got.status)
	}
}

// TestWrongPasswordsAreCounted guesses a password by the API: the sixth guess is
// not even compared, and the right password has to wait too.
func TestWrongPasswordsAreCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		const email, password = "owner@example.com", "purple kettle 93 lantern"
		must(b.nobody().Register(t.Context(), client.Registration{Name: "A", Email: email, Password: password, SubjectType: "individual"}))(t)
		for range 5 {
			_, err := b.nobody().SignIn(t.Context(), email, "orange kettle 93 lantern", "k")
			code(t, err, "SIGN_IN_FAILED")
		}
		_, err := b.nobody().SignIn(t.Context(), email, password, "k")
		code(t, err, "RATE_LIMITED")
	})
}

// TestRefusalsNeverRepeatWhatWasSent sends nonsense where personal data belongs.
func TestRefusalsNeverRepeatWhatWasSent(t *testing.T) {
	b := open(t, testkit.Open(t, db.SQLite), testkit.NewClock())
	key := b.key(b.Registered(account.Individual))
	const secret = "110105194912310021-not-a-number"
	for _, tc := range []struct {
		name, body, code, field string
	}{
		{"wrong_enum", `{"subject_type":"` + secret + `"}`, "FIELD_INVALID", "subject_type"},
		{"missing", `{"subject_type":"individual"}`, "FIELD_REQUIRED", "name"},
		{"wrong_type", `{"number":{"a":"` + secret + `"}}`, "FIELD_INVALID", "number"},
		{"unknown_member", `{"` + secret + `":1}`, "FIELD_INVALID", ""},
		{"broken", `{"number":"` + secret, "FIELD_INVALID", "body"},
		{"well_formed_and_wrong", `{"subject_type":"individual","name":"A","id_kind":"resident_id","number":"` + secret + `","mobile":"13800138000","email":"a@example.com","bank_account":"6225881234567898","consent":true}`, "", "number"},
	} {
		got := b.send("POST", "/api/v1/identity", key, tc.body, "Content-Type", "application/json")
		if got.status != http.StatusUnprocessableEntity && got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", tc.name, got.status, got.body)
		}
		found := false
		for _, f := range got.problem.Fields {
			found = found || (tc.field == "" || f.Field == tc.field) && (tc.code == "" || f.Code == tc.code)
		}
		if !found && got.problem.Code != "BAD_REQUEST" {
			t.Errorf("%s: %s", tc.name, got.body)
		}
		if tc.name != "unknown_member" && strings.Contains(got.body, secret) || strings.Contains(b.log.String(), secret) {
			t.Errorf("%s: the refused value is repeated: %s", tc.name, got.body)
		}
		if got.problem.Next == "" || got.problem.Reference == "" {
			t.Errorf("%s: no way out: %s", tc.name, got.body)
		}
	}
	if got := b.send("POST", "/api/v1/identity", key, `{"name":"`+strings.Repeat("x", 2<<20)+`"}`, "Content-Type", "application/json"); got.problem.Code != "TOO_LARGE" {
		t.Errorf("too large: %d %s", got.status, got.problem.Code)
	}
	if got := b.send("POST", "/api/v1/identity", key, "number="+secret, "Content-Type", "application/x-www-form-urlencoded"); got.problem.Code != "BAD_REQUEST" || strings.Contains(got.body, secret) {
		t.Errorf("a form: %d %s", got.status, got.body)
	}
	if got := b.send("GET", "/api/v1/no-such-thing", key, ""); got.status != http.StatusNotFound {
		t.Errorf("unknown address: %d", got.status)
	}
}

// TestHostileAmountsAreRefused buys at made-up prices and quantities.
func TestHostileAmountsAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))
		stranger := b.Customer(account.Individual)
		c := b.as(b.Customer(account.Individual))
		good := purchase(t, c, offer.PlanID)
		for name, tc := range map[string]struct {
			change func(*client.Purchase)
			code   string
		}{
			"nothing":          {func(p *client.Purchase) { p.Total.Minor = 0 }, "PRICE_INVARIANT"},
			"negative":         {func(p *client.Purchase) { p.Total.Minor = -19_800 }, "PRICE_INVARIANT"},
			"largest":          {func(p *client.Purchase) { p.Total.Minor = 1<<63 - 1 }, "PRICE_INVARIANT"},
			"another_currency": {func(p *client.Purchase) { p.Total.Currency = "JPY" }, "PRICE_INVARIANT"},
			"no_quantity":      {func(p *client.Purchase) { p.Quantity = 0 }, "FIELD_INVALID"},
			"huge_quantity":    {func(p *client.Purchase) { p.Quantity = 1<<63 - 1 }, "FIELD_INVALID"},
			"unseen_terms":     {func(p *client.Purchase) { p.TermsSHA256 = strings.Repeat("0", 64) }, "STALE"},
			"terms_refused":    {func(p *client.Purchase) { p.AcceptTerms = false }, "TERMS_NOT_AGREED"},
			"another_account":  {func(p *client.Purchase) { p.For = stranger.Account }, "ENTITLEMENT_ACCOUNT_BOUND"},
			"unknown_plan":     {func(p *client.Purchase) { p.Plan = "pln_nothing" }, "NOT_FOUND"},
			"unknown_gateway":  {func(p *client.Purchase) { p.Gateway = "cash" }, "PAYMENT_METHOD_UNKNOWN"},
		} {
			p := good
			tc.change(&p)
			if _, _, err := c.PlaceOrder(t.Context(), "", p); client.Code(err) != tc.code {
				t.Errorf("%s: %v, want %s", name, err, tc.code)
			}
		}
		if mine := must(c.Orders(t.Context(), client.List{}))(t); len(mine.Items) != 0 {
			t.Errorf("%d orders", len(mine.Items))
		}
	})
}

// TestPagesOfAList walks a list by its cursors and meets everything once.
func TestPagesOfAList(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))
		c := b.as(b.Customer(account.Individual))
		for range 5 {
			if _, _, err := c.PlaceOrder(ctx, "", purchase(t, c, offer.PlanID)); err != nil {
				t.Fatal(err)
			}
		}
		seen, pages := map[string]bool{}, 0
		for cursor := ""; ; pages++ {
			p := must(c.Orders(ctx, client.List{Cursor: cursor, Limit: 2}))(t)
			for _, o := range p.Items {
				if seen[o.ID] {
					t.Errorf("%s twice", o.ID)
				}
				seen[o.ID] = true
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		if len(seen) != 5 || pages != 2 {
			t.Errorf("%d orders, %d further pages", len(seen), pages)
		}
	})
}
