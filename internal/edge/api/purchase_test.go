package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/plug/sandboxpay"
	"yunshi/internal/testkit/world"
	"yunshi/spi"
)

// balanced fails the test when the book does not hold, and returns how many
// journals it has.
func (b *bench) balanced() int {
	b.t.Helper()
	var journals int
	b.Read(func(r db.Reader) error {
		n, wrong, err := ledger.Verify(b.t.Context(), r)
		for _, v := range wrong {
			b.t.Errorf("%s: %s", v.Invariant, v.Detail)
		}
		journals = n
		return err
	})
	return journals
}

// purchase is what an attentive script sends: everything from the quote.
func purchase(t *testing.T, c *client.Client, plan catalog.PlanID) client.Purchase {
	t.Helper()
	q := must(c.Quote(t.Context(), string(plan), 1))(t)
	if q.Refusal != nil {
		t.Fatalf("quote: %v", q.Refusal)
	}
	who := must(c.Me(t.Context()))(t)
	return client.Purchase{
		Plan: q.Plan, Quantity: q.Quantity, For: who.Account, TermsSHA256: q.TermsSHA256, Total: q.Fee.Paid,
		Gateway: q.Gateways[0], AcceptTerms: true,
	}
}

// TestFirstPurchase goes from nothing to a product in use, by program alone.
func TestFirstPurchase(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))

		const email, password = "script@example.com", "purple kettle 93 lantern"
		registered := must(b.nobody().Register(ctx, client.Registration{
			Name: "Wang Xiaoming", Email: email, Password: password, SubjectType: "individual", Locale: "en",
		}))(t)
		c := must(b.nobody().SignIn(ctx, email, password, "story"))(t)
		who := must(c.Me(ctx))(t)
		if who.Account != registered.Account || who.Agreement != "none" {
			t.Fatalf("me = %+v, registered %+v", who, registered)
		}

		q := must(c.Quote(ctx, string(offer.PlanID), 1))(t)
		if q.Refusal == nil || q.Refusal.Code != "AGREEMENT_NOT_ACCEPTED" || q.Refusal.Clause != "UA P-3" {
			t.Errorf("the quote says %+v stands in the way", q.Refusal)
		}
		_, _, err := c.PlaceOrder(ctx, "", client.Purchase{Plan: q.Plan, Quantity: 1, For: who.Account, TermsSHA256: q.TermsSHA256, Total: q.Fee.Paid, AcceptTerms: true})
		code(t, err, "AGREEMENT_NOT_ACCEPTED")

		terms := must(c.Agreement(ctx))(t)
		bold := 0
		for _, d := range terms.Documents {
			for _, k := range d.Clauses {
				if k.Bold {
					bold++
				}
			}
		}
		if bold == 0 {
			t.Error("no clause of the agreement is bold")
		}
		if err := c.DisplayAgreement(ctx, client.Displayed{Bundle: terms.Bundle, Locale: "en"}); err != nil {
			t.Fatal(err)
		}
		must(c.AcceptAgreement(ctx, client.Displayed{Bundle: terms.Bundle, Locale: "en"}))(t)

		own := must(c.ApplyIdentity(ctx, client.IdentityApplication{
			SubjectType: "individual", Name: "Wang Xiaoming", IDKind: "resident_id", Number: "11010519491231002X", Mobile: "13800138000", Email: email,
			BankAccount: "6225881234567898", Consent: true,
		}))(t)
		if strings.Contains(own.Number, "19491231") {
			t.Errorf("the answer repeats the number: %s", own.Number)
		}
		officer := b.as(b.Compliance)
		if queue := must(officer.IdentityQueue(ctx))(t); len(queue.Items) != 1 || queue.Items[0].ID != own.ID {
			t.Errorf("queue = %+v", queue)
		}
		if decided := must(officer.DecideIdentity(ctx, own.ID, client.Decision{Approve: true, Reason: "seen"}))(t); decided.State != "verified" {
			t.Errorf("decided = %+v", decided)
		}

		o, replayed, err := c.PlaceOrder(ctx, "", purchase(t, c, offer.PlanID))
		if err != nil || replayed || o.State != "awaiting_payment" || o.Account != who.Account || o.TermsSHA256 != offer.SHA256 {
			t.Fatalf("order = %+v, %v, %v", o, replayed, err)
		}
		b.Drain()
		o = must(c.Order(ctx, o.ID))(t)
		if o.Attempt == nil || o.Attempt.PayURL == "" || o.Attempt.Amount.Minor != 19_800 {
			t.Fatalf("attempt = %+v", o.Attempt)
		}
		if code(t, b.as(b.Finance).MarkOrderPaid(ctx, o.ID), "OFF_PLATFORM_PAYMENT").Clause != "UA 4.11" {
			t.Error("no clause for marking as paid")
		}

		attempt := payment.AttemptID(o.Attempt.ID)
		b.Provider.Capture(attempt, offer.Plan.Price)
		if got := b.notify("evt_1", noticeSecret, attempt, b.Clock.Now(), nil); got.status != http.StatusOK || got.body != "taken" {
			t.Fatalf("notice: %d %q", got.status, got.body)
		}
		b.Drain()

		receipt := must(c.Receipt(ctx, o.ID))(t)
		if receipt.Payee.Vendor != string(b.Vendor) || receipt.Collector != world.Operator || receipt.CaptureID == "" {
			t.Errorf("receipt = %+v", receipt)
		}
		rights := must(c.Entitlements(ctx))(t)
		if len(rights.Items) != 1 || rights.Items[0].State != "active" || rights.Items[0].Account != who.Account {
			t.Fatalf("rights = %+v", rights)
		}
		if code(t, c.MoveEntitlement(ctx, rights.Items[0].ID, "acc_other"), "ENTITLEMENT_ACCOUNT_BOUND").Clause != "UA 4.3" {
			t.Error("no clause for moving a right")
		}
		deliveries := must(c.OrderDeliveries(ctx, o.ID))(t)
		if len(deliveries.Items) != 1 || deliveries.Items[0].State != "delivered" {
			t.Fatalf("deliveries = %+v", deliveries)
		}
		secrets := must(c.Reveal(ctx, deliveries.Items[0].ID))(t)
		if len(secrets) == 0 || secrets[0].Value == "" {
			t.Errorf("revealed %d credentials", len(secrets))
		}
		published := b.send(http.MethodGet, "/.well-known/jwks.json", "", "")
		keys, err := spi.ParseJWKS([]byte(published.body))
		if err != nil {
			t.Fatalf("%d: %v", published.status, err)
		}
		if _, err := spi.VerifyLicense(secrets[0].Value, keys, b.Clock.Now(), offer.Product.Slug); err != nil {
			t.Errorf("the delivered licence against the published key: %v", err)
		}
		if _, err := spi.VerifyLicense(secrets[0].Value, keys, b.Clock.Now(), "another-product"); !errors.Is(err, spi.ErrLicenseProduct) {
			t.Errorf("the licence of another product: %v", err)
		}

		sold := must(b.as(b.Seller).VendorOrders(ctx, client.List{}))(t)
		if len(sold.Items) != 1 || sold.Items[0].Account != "" {
			t.Errorf("the vendor sees %+v", sold.Items)
		}
		book := must(b.as(b.Finance).Book(ctx, client.List{}))(t)
		if len(book.Items) == 0 || book.Items[len(book.Items)-1].Kind != string(ledger.P1Capture) {
			t.Errorf("book = %+v", book.Items)
		}
		var paid, refused bool
		for _, a := range must(b.as(b.Compliance).Audit(ctx, o.ID))(t).Items {
			paid = paid || a.Act == "order.paid"
			refused = refused || a.Refusal == "OFF_PLATFORM_PAYMENT"
		}
		if !paid || !refused {
			t.Errorf("audit of the order: paid %v, refused attempt %v", paid, refused)
		}
		if inbox := must(c.Messages(ctx, ""))(t); len(inbox.Items) == 0 || inbox.Items[0].Title.EN == "" || inbox.Items[0].Title.ZH == "" {
			t.Errorf("messages = %+v", inbox.Items)
		}
		b.balanced()
	})
}

// TestVendorListsAProduct goes from an application to a product in the shop.
func TestVendorListsAProduct(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		officer := b.as(b.Compliance)
		c := b.as(b.Customer(account.LegalPerson))
		v := must(c.ApplyVendor(ctx, client.VendorApplication{
			RegisteredName: "Cloud Sail Software", SubjectType: "legal_person", USCC: "91440300MA5DEMQ188", LegalRepresentative: "Zhang San",
			Address: "1 Example Road", Contact: client.Contact{Name: "Li Si", Phone: "13800138000", Email: "sail@example.com"},
			SupportHours: "9–18", SelfCertified: true,
		}))(t)
		if err := officer.TakeVendor(ctx, v.ID); err != nil {
			t.Fatal(err)
		}
		if v = must(officer.DecideVendor(ctx, v.ID, client.Decision{Approve: true, Reason: "checked"}))(t); v.State != "onboarded" {
			t.Fatalf("vendor = %+v", v)
		}
		if v = must(c.AddMerchant(ctx, client.Merchant{Provider: world.Gateway, Number: "M-1"}))(t); !v.MerchantReady {
			t.Errorf("vendor = %+v", v)
		}
		hook := must(c.SetHook(ctx, "hook_native", "https://sail.example/hook"))(t)
		if hook.Secret == "" {
			t.Error("no secret was shown")
		}
		if hooks := must(c.Hooks(ctx))(t); len(hooks.Items) != 1 || hooks.Items[0].Secret != "" {
			t.Errorf("hooks = %+v", hooks)
		}

		both := func(s string) client.Both { return client.Both{ZH: s, EN: s} }
		drafted := must(c.DraftProduct(ctx, "sail-notes", client.Content{Name: both("Notes")}))(t)
		version := drafted.Versions[0]
		_, err := c.SubmitVersion(ctx, version.ID)
		if p := code(t, err, "TERMS_SHEET_INCOMPLETE"); len(p.Fields) < 5 {
			t.Errorf("an empty sheet has %d faults", len(p.Fields))
		}
		content := client.Content{
			Name: both("Notes"), Summary: both("Short"), Description: both("Longer"), Kind: "cloud_app", DeliveryType: "saas", Category: "saas_business",
			Functions: []client.Both{both("Write")}, Requirements: []client.Both{both("A browser")},
			RightsBasis: client.RightsBasis{Kind: "self_developed"}, RefundPolicy: client.RefundPolicy{Kind: "platform_rules"},
			Licence: both("Internal use"), Support: client.Support{Hours: both("9–18"), Contact: "sail@example.com"},
			Delivery: client.Handover{Dialect: "license_key", Instructions: both("See the product page.")},
			Plans: []client.Plan{{
				Code: "basic", Name: both("Basic"), Price: client.Amount{Minor: 9_900, Currency: "CNY"}, Term: client.Term{Unit: "month", Count: 1},
				Included: []client.Both{both("One user")},
			}},
		}
		_, err = officer.SaveVersion(ctx, version.ID, content)
		code(t, err, "OPERATOR_MAY_NOT_EDIT")
		_, err = officer.DraftProduct(ctx, "operators-own", content)
		code(t, err, "FORBIDDEN")
		must(c.SaveVersion(ctx, version.ID, content))(t)
		submitted := must(c.SubmitVersion(ctx, version.ID))(t)
		if err := officer.TakeVersion(ctx, version.ID); err != nil {
			t.Fatal(err)
		}
		listed := must(officer.DecideVersion(ctx, version.ID, client.Verdict{Approve: true}))(t)
		if listed.State != "listed" || listed.TermsSHA256 != submitted.TermsSHA256 {
			t.Errorf("listed = %+v, submitted %s", listed, submitted.TermsSHA256)
		}
		l := must(b.nobody().Listing(ctx, "sail-notes"))(t)
		if l.Seller.RegisteredName != "Cloud Sail Software" || l.TermsSHA256 != submitted.TermsSHA256 || len(l.Plans) != 1 || l.Plans[0].Price.Minor != 9_900 {
			t.Errorf("listing = %+v", l)
		}
		_, err = officer.DelistProduct(ctx, drafted.Product.ID, client.Delisting{Cause: "vendor_breach", Scope: "no_new_sales", Reason: "a complaint", Case: "enf_nobodys"})
		code(t, err, "MEASURE_WITHOUT_CASE")
		must(c.HideOwnProduct(ctx, drafted.Product.ID, "sold out"))(t)
		_, err = b.nobody().Listing(ctx, "sail-notes")
		code(t, err, "NOT_FOUND")
		must(c.UnhideOwnProduct(ctx, drafted.Product.ID, "here again"))(t)
		if p := must(c.DelistOwnProduct(ctx, drafted.Product.ID, client.Delisting{Cause: "vendor_planning", Scope: "no_new_sales", Reason: "replaced"}))(t); p.State != "delisted" {
			t.Errorf("delisted = %+v", p)
		}
	})
}

// ordered is a customer with an order that waits for its money at the provider.
func (b *bench) ordered() (audit.Actor, *client.Client, client.Order, catalog.Offer) {
	b.t.Helper()
	offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))
	who := b.Customer(account.Individual)
	c := b.as(who)
	o, _, err := c.PlaceOrder(b.t.Context(), "", purchase(b.t, c, offer.PlanID))
	if err != nil {
		b.t.Fatal(err)
	}
	b.Drain()
	return who, c, must(c.Order(b.t.Context(), o.ID))(b.t), offer
}

// TestForgedNoticesMoveNothing sends what an attacker can make up, while the
// provider truly has no money.
func TestForgedNoticesMoveNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		_, c, o, _ := b.ordered()
		attempt, now := payment.AttemptID(o.Attempt.ID), b.Clock.Now()
		dearer := func(n *sandboxpay.Notification) { n.Payment.Captured, n.Payment.Amount = 19_800, 19_800 }
		for name, forge := range map[string]func() answer{
			"unsigned":       func() answer { return b.notify("evt_u", "", attempt, now, dearer) },
			"another_secret": func() answer { return b.notify("evt_s", "guessed", attempt, now, dearer) },
			"too_old":        func() answer { return b.notify("evt_o", noticeSecret, attempt, now.Add(-time.Hour), dearer) },
			"too_new":        func() answer { return b.notify("evt_n", noticeSecret, attempt, now.Add(time.Hour), dearer) },
			"real_mode": func() answer {
				return b.notify("evt_m", noticeSecret, attempt, now, func(n *sandboxpay.Notification) { n.Mode = "live" })
			},
			"too_large": func() answer {
				return b.send(http.MethodPost, "/gateway/"+world.Gateway, "", `{"secret-of-mine":"`+strings.Repeat("x", 300<<10)+`"}`)
			},
		} {
			got := forge()
			if got.status != http.StatusBadRequest || got.problem.Code != "PAYMENT_NOTICE_INVALID" || got.problem.Next != "" {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		if n := strings.Count(b.log.String(), "payment notice refused"); n != 6 {
			t.Errorf("%d refusals are in the log", n)
		}
		if strings.Contains(b.log.String(), string(attempt)) || strings.Contains(b.log.String(), "secret-of-mine") {
			t.Error("the log holds the body of a forged notice")
		}
		// Well signed, and the provider says otherwise: a leaked secret moves no money.
		if got := b.notify("evt_leak", noticeSecret, attempt, now, dearer); got.status != http.StatusOK {
			t.Errorf("signed: %d %s", got.status, got.body)
		}
		if got := b.send(http.MethodPost, "/gateway/nobody", "", "{}"); got.status != http.StatusNotFound {
			t.Errorf("unknown gateway: %d", got.status)
		}
		b.Drain()
		if o = must(c.Order(t.Context(), o.ID))(t); o.State != "awaiting_payment" {
			t.Errorf("order is %s", o.State)
		}
		if n := b.balanced(); n != 0 {
			t.Errorf("%d journals", n)
		}
	})
}

// TestNoticeMaySendItselfOften repeats a true notice: one capture, one right.
func TestNoticeMaySendItselfOften(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		_, c, o, offer := b.ordered()
		attempt := payment.AttemptID(o.Attempt.ID)
		b.Provider.Capture(attempt, offer.Plan.Price)
		for range 3 {
			if got := b.notify("evt_1", noticeSecret, attempt, b.Clock.Now(), nil); got.status != http.StatusOK {
				t.Fatalf("notice: %d %s", got.status, got.body)
			}
			b.Drain()
		}
		b.notify("evt_2", noticeSecret, attempt, b.Clock.Now(), nil)
		b.Drain()
		if rights := must(c.Entitlements(t.Context()))(t); len(rights.Items) != 1 {
			t.Errorf("%d rights", len(rights.Items))
		}
		captures := 0
		for _, j := range must(b.as(b.Finance).Book(t.Context(), client.List{}))(t).Items {
			if j.Kind == string(ledger.P1Capture) {
				captures++
			}
		}
		if captures != 1 {
			t.Errorf("%d captures in the book", captures)
		}
		b.balanced()
	})
}

// TestWrongAmountPaysNothing pays one fen for the order.
func TestWrongAmountPaysNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		_, c, o, offer := b.ordered()
		attempt := payment.AttemptID(o.Attempt.ID)
		paid := offer.Plan.Price
		paid.Minor = 1
		b.Provider.Capture(attempt, paid)
		b.notify("evt_1", noticeSecret, attempt, b.Clock.Now(), nil)
		b.Drain()
		if o = must(c.Order(t.Context(), o.ID))(t); o.State != "awaiting_payment" || o.PaidAt != nil {
			t.Errorf("order is %s", o.State)
		}
		if rights := must(c.Entitlements(t.Context()))(t); len(rights.Items) != 0 {
			t.Errorf("%d rights", len(rights.Items))
		}
		b.balanced()
	})
}

// TestSameKeyIsTheSameOrder repeats an order under its key, and misuses the key.
func TestSameKeyIsTheSameOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))
		c := b.as(b.Customer(account.Individual))
		want := purchase(t, c, offer.PlanID)
		first, replayed, err := c.PlaceOrder(ctx, "key-1", want)
		if err != nil || replayed {
			t.Fatalf("first: %v, %v", replayed, err)
		}
		b.Drain() // what the order has become since does not change the answer
		again, replayed, err := c.PlaceOrder(ctx, "key-1", want)
		if err != nil || !replayed || again.ID != first.ID || again.SnapshotSHA256 != first.SnapshotSHA256 || again.Attempt.State != first.Attempt.State {
			t.Errorf("again: %+v, %v, %v", again, replayed, err)
		}
		other := want
		other.Business = true
		_, _, err = c.PlaceOrder(ctx, "key-1", other)
		if p := code(t, err, "IDEMPOTENCY_CONFLICT"); p.Status != http.StatusConflict {
			t.Errorf("status %d", p.Status)
		}
		// Another account's key of the same name is another key.
		d := b.as(b.Customer(account.Individual))
		foreign, replayed, err := d.PlaceOrder(ctx, "key-1", purchase(t, d, offer.PlanID))
		if err != nil || replayed || foreign.ID == first.ID {
			t.Errorf("another account: %v, %v", replayed, err)
		}
		if mine := must(c.Orders(ctx, client.List{}))(t); len(mine.Items) != 1 {
			t.Errorf("%d orders", len(mine.Items))
		}
		got := b.send(http.MethodPost, "/api/v1/orders", c.Key, "{}")
		if got.status != http.StatusUnprocessableEntity || got.problem.Code != "IDEMPOTENCY_KEY_REQUIRED" {
			t.Errorf("without a key: %d %s", got.status, got.problem.Code)
		}
	})
}

// TestConcurrentTwinsMakeOneOrder sends one order eight times at once.
func TestConcurrentTwinsMakeOneOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))
		c := b.as(b.Customer(account.Individual))
		want := purchase(t, c, offer.PlanID)
		ids := make([]string, 8)
		world.Together(len(ids), func(i int) {
			o, _, err := c.PlaceOrder(t.Context(), "twin", want)
			if err != nil {
				t.Error(err)
			}
			ids[i] = o.ID
		})
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("orders %v", ids)
				break
			}
		}
		if mine := must(c.Orders(t.Context(), client.List{}))(t); len(mine.Items) != 1 {
			t.Errorf("%d orders", len(mine.Items))
		}
	})
}
