// Package stripe takes payments through Stripe Connect, with separate charges
// and transfers.
//
// The customer pays on Stripe's own page, in the vendor's name. The money lies in
// the operator's Stripe balance until the market says who gets what. Stripe thus
// holds it on another side than a provider that keeps it for the payee, and each
// intent is translated so that its meaning stays:
//
//   - A split gives the operator its share. The share is where the money already
//     lies, so a split only notes it; with Finish, what is left for the vendor is
//     one transfer to the vendor's account.
//   - A return gives a part of the share back to the payee's side. Refunds are paid
//     from the operator's balance, where that part still lies, so a return only
//     notes it too: as much less of the next refund comes from the vendor.
//   - A refund of a payment whose vendor has been given its money first reverses
//     the vendor's part of the transfer, then refunds the charge.
//
// In one sum, with C captured, R refunded, S shares and K returned, the vendor has
// a right to C − R − S + K. Finish transfers exactly that; a refund reverses what
// the vendor would then have above it. The notes are in the metadata of the objects
// at Stripe, because this package keeps no state: see [books].
//
// Owns: the translation of intents, objects, amounts, errors and notices. Does not
// own: when anything is sent or sent again (package payment and its callers), the
// opening of vendors' accounts.
//
// Always true:
//   - Everything that is made carries our reference in its metadata and as its
//     idempotency key. Stripe remembers keys for a day; an intent that may be older
//     is looked for first, in lists that are exact at once, never by search.
//   - The answer to every call is one of: done, nothing there, refused, nobody
//     knows. What Stripe may be doing still is the last.
//   - No amount is rounded. What Stripe's unit of a currency cannot say is refused
//     before anything is sent.
//   - No key, no text that Stripe wrote and no personal data is in an error.
package stripe

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/id"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// Name is the gateway's name in ledger accounts and records.
const Name = "stripe"

// PayHost is the origin of Stripe's payment page.
const PayHost = "https://checkout.stripe.com"

const (
	// keyWindow is how long Stripe remembers an idempotency key.
	keyWindow = 24 * time.Hour
	// A payment page lives between half an hour and a day.
	shortestPage = time.Hour // so that half of it is left for a call that comes late
	longestPage  = 24*time.Hour - 5*time.Minute
	// clockSkew is how far our clock and Stripe's may lie apart when something is
	// looked for by the time of its making.
	clockSkew = time.Hour
	pageSize  = 100 // of lists; Stripe's largest
)

// Keys of the metadata.
const (
	referenceKey = "reference"
	payeeKey     = "payee"
	causeKey     = "cause"
	paymentKey   = "payment"
	shareKey     = "share"
)

// Config of a gateway. Key and Secrets are required.
type Config struct {
	// Key is the secret or a restricted API key. It decides whether real money
	// moves.
	Key string
	// Secrets sign notices: one for each endpoint at Stripe (the operator's account,
	// connected accounts), and one more of each while it is changed.
	Secrets []string
	// Account is the operator's own account id; notices of some endpoints name it.
	Account string
	URL     string           // address of the API; default Stripe's
	HTTP    *http.Client     // default: 30 s, no redirects
	Now     func() time.Time // default time.Now
}

// Gateway takes payments through Stripe. It is safe for concurrent use.
type Gateway struct {
	api     *sdk.Client
	secrets []string
	account string
	test    bool
	now     func() time.Time
}

var (
	_ payment.Gateway  = (*Gateway)(nil)
	_ payment.Splitter = (*Gateway)(nil)
	_ payment.Payer    = (*Gateway)(nil)
	_ payment.Disputer = (*Gateway)(nil)
	_ payment.Reporter = (*Gateway)(nil)
)

// New returns a gateway. It sends nothing by itself: no repeats, no telemetry, no
// log. What is not sent again by package payment is not sent again at all.
func New(cfg Config) *Gateway {
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{
			Timeout:       30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	backend := &sdk.BackendConfig{
		HTTPClient:        cfg.HTTP,
		MaxNetworkRetries: sdk.Int64(0),
		EnableTelemetry:   sdk.Bool(false),
		LeveledLogger:     &sdk.LeveledLogger{Level: sdk.LevelNull},
	}
	if cfg.URL != "" {
		backend.URL = sdk.String(cfg.URL)
	}
	return &Gateway{
		api:     sdk.NewClient(cfg.Key, sdk.WithBackends(sdk.NewBackendsWithConfig(backend))),
		secrets: cfg.Secrets,
		account: cfg.Account,
		test:    !Live(cfg.Key),
		now:     cfg.Now,
	}
}

// Live reports whether an API key moves real money.
func Live(key string) bool {
	return strings.HasPrefix(key, "sk_live_") || strings.HasPrefix(key, "rk_live_")
}

// Name implements payment.Gateway.
func (*Gateway) Name() string { return Name }

// Capability implements payment.Gateway.
func (g *Gateway) Capability() payment.Capability {
	return payment.Capability{
		Redirect: true, PartialRefund: true, PayWithin: shortestPage, Lists: true,
		KeyWindow: keyWindow, Receivers: 1, AtomicSplit: true, Test: g.test,
	}
}

// Open makes the payment page. The customer pays exactly the amount, in its
// currency, to the vendor as the merchant of the sale.
func (g *Gateway) Open(ctx context.Context, in payment.Intent) (payment.Opened, error) {
	amount, err := units(in.Amount)
	if err != nil {
		return payment.Opened{}, err
	}
	if in.Amount.Minor <= 0 || in.PayeeAccount == "" {
		return payment.Opened{}, refused("the payment has no amount or no payee")
	}
	if g.late(string(in.Reference)) {
		switch found, err := g.Find(ctx, payment.Ref{Reference: in.Reference}); {
		case err == nil && found.Amount != in.Amount:
			return payment.Opened{}, foreign(string(in.Reference))
		case err == nil:
			return payment.Opened{ProviderID: found.ProviderID, PayURL: found.PayURL}, nil
		case !errors.Is(err, payment.ErrUnknown):
			return payment.Opened{}, err
		}
	}
	metadata := map[string]string{referenceKey: string(in.Reference), payeeKey: in.PayeeAccount}
	params := &sdk.CheckoutSessionCreateParams{
		Mode:              sdk.String(sdk.CheckoutSessionModePayment),
		ClientReferenceID: sdk.String(string(in.Reference)),
		SuccessURL:        sdk.String(in.ReturnURL),
		CancelURL:         sdk.String(in.ReturnURL),
		Locale:            sdk.String(in.Locale),
		ExpiresAt:         sdk.Int64(pageEnd(in).Unix()),
		Metadata:          metadata,
		// Nobody but the market names the price: no conversion by Stripe.
		AdaptivePricing: &sdk.CheckoutSessionCreateAdaptivePricingParams{Enabled: sdk.Bool(false)},
		LineItems: []*sdk.CheckoutSessionCreateLineItemParams{{
			Quantity: sdk.Int64(1),
			PriceData: &sdk.CheckoutSessionCreateLineItemPriceDataParams{
				Currency:    sdk.String(code(in.Amount.Currency)),
				UnitAmount:  sdk.Int64(amount),
				ProductData: &sdk.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: sdk.String(in.Description)},
			},
		}},
		PaymentIntentData: &sdk.CheckoutSessionCreatePaymentIntentDataParams{
			CaptureMethod: sdk.String(sdk.PaymentIntentCaptureMethodAutomatic), // the fee is known with the capture
			Description:   sdk.String(in.Description),
			Metadata:      metadata,
			OnBehalfOf:    sdk.String(in.PayeeAccount),
			TransferGroup: sdk.String(string(in.Reference)),
		},
	}
	if in.PayeeName != "" {
		params.LineItems[0].PriceData.ProductData.Description = sdk.String(in.PayeeName)
	}
	params.SetIdempotencyKey(string(in.Reference))
	made, err := g.api.V1CheckoutSessions.Create(ctx, params)
	if err != nil {
		return payment.Opened{}, sent("open", err)
	}
	if made.ID == "" || made.URL == "" {
		return payment.Opened{}, unreadable("open", "a page without id or address")
	}
	return payment.Opened{ProviderID: made.ID, PayURL: made.URL}, nil
}

// pageEnd is when the page of an attempt closes by itself. It depends on nothing
// but the intent, so that the same intent is the same request. The market closes
// the page itself when the attempt's time is over; this end is for when it cannot.
func pageEnd(in payment.Intent) time.Time {
	made, ok := id.Time(string(in.Reference))
	if !ok {
		return in.ExpiresAt
	}
	end := in.ExpiresAt
	if soonest := made.Add(shortestPage); end.Before(soonest) {
		end = soonest
	}
	if latest := made.Add(longestPage); end.After(latest) {
		end = latest
	}
	return end
}

// late reports whether an intent may be older than Stripe's memory of its key.
func (g *Gateway) late(reference string) bool {
	made, ok := id.Time(reference)
	return !ok || g.now().Sub(made) > keyWindow-clockSkew
}

// Find reads one payment by Stripe's id of its page, or of the payment inside it,
// or by our reference.
func (g *Gateway) Find(ctx context.Context, of payment.Ref) (payment.Object, error) {
	page, err := g.page(ctx, of)
	if err != nil {
		return payment.Object{}, err
	}
	return paymentObject(page)
}

// What is read together with a page: the payment, its charge and that charge's
// line in the balance.
var pageParts = []string{"payment_intent", "payment_intent.latest_charge", "payment_intent.latest_charge.balance_transaction"}

// page reads the page of a payment with its parts.
func (g *Gateway) page(ctx context.Context, of payment.Ref) (*sdk.CheckoutSession, error) {
	pageID := of.ProviderID
	if !strings.HasPrefix(pageID, "cs_") {
		var err error
		if pageID, err = g.pageOf(ctx, of); err != nil {
			return nil, err
		}
	}
	page, err := g.api.V1CheckoutSessions.Retrieve(ctx, pageID, &sdk.CheckoutSessionRetrieveParams{Expand: sdk.StringSlice(pageParts)})
	if err != nil {
		return nil, asked("find", err)
	}
	return page, nil
}

// pageOf finds the id of a page that is known by its payment's id or by our
// reference only. The reference says when the attempt was made, and no page is
// made later than a day after it, so the list to look through is short.
func (g *Gateway) pageOf(ctx context.Context, of payment.Ref) (string, error) {
	params := &sdk.CheckoutSessionListParams{}
	params.Limit = sdk.Int64(pageSize)
	byPayment := strings.HasPrefix(of.ProviderID, "pi_")
	switch {
	case byPayment:
		params.PaymentIntent = sdk.String(of.ProviderID)
	case of.ProviderID != "":
		return "", payment.ErrUnknown // no id of a payment looks like this
	default:
		if made, ok := id.Time(string(of.Reference)); ok {
			params.CreatedRange = &sdk.RangeQueryParams{
				GreaterThanOrEqual: made.Add(-clockSkew).Unix(),
				LesserThanOrEqual:  made.Add(24*time.Hour + clockSkew).Unix(),
			}
		}
	}
	page, found, err := first(ctx, g.api.V1CheckoutSessions.List(ctx, params), func(s *sdk.CheckoutSession) bool {
		return byPayment || s.Metadata[referenceKey] == string(of.Reference)
	})
	switch {
	case err != nil:
		return "", asked("find", err)
	case !found:
		return "", payment.ErrUnknown
	}
	return page.ID, nil
}

// first is the first item of a list, over all its pages, that fits.
func first[T any](ctx context.Context, list *sdk.V1List[T], fits func(T) bool) (item T, found bool, err error) {
	for item, err := range list.All(ctx) {
		if err != nil {
			return item, false, err
		}
		if fits(item) {
			return item, true, nil
		}
	}
	return item, false, nil
}

// paymentObject translates a page. What this adapter does not know is an error,
// never a guess.
func paymentObject(page *sdk.CheckoutSession) (payment.Object, error) {
	amount, err := amountOf(page.AmountTotal, page.Currency)
	if err != nil {
		return payment.Object{}, err
	}
	o := payment.Object{
		ProviderID: page.ID, Reference: page.Metadata[referenceKey], Amount: amount, Test: !page.Livemode,
	}
	paid := page.PaymentIntent
	switch {
	case paid != nil && paid.Status == sdk.PaymentIntentStatusSucceeded:
		return captured(o, paid)
	case paid != nil && paid.Status == sdk.PaymentIntentStatusProcessing:
		o.State = payment.ObjectProcessing
	case page.Status == sdk.CheckoutSessionStatusExpired, paid != nil && paid.Status == sdk.PaymentIntentStatusCanceled:
		o.State = payment.ObjectClosed
	case page.Status == sdk.CheckoutSessionStatusOpen:
		o.State, o.PayURL = payment.ObjectCreated, page.URL
	case page.Status == sdk.CheckoutSessionStatusComplete && paid != nil && paid.Status == sdk.PaymentIntentStatusRequiresPaymentMethod:
		o.State = payment.ObjectFailed // the bank has declined after the page was left
	case page.Status == sdk.CheckoutSessionStatusComplete && paid != nil:
		o.State = payment.ObjectProcessing
	default:
		return payment.Object{}, unreadable("find", "a page in state "+string(page.Status))
	}
	return o, nil
}

// captured adds what is known of the money.
func captured(o payment.Object, paid *sdk.PaymentIntent) (payment.Object, error) {
	charge := paid.LatestCharge
	if charge == nil || charge.ID == "" || charge.Created == 0 {
		return payment.Object{}, unreadable("find", "a paid payment without its charge")
	}
	got, err := amountOf(paid.AmountReceived, paid.Currency)
	if err != nil {
		return payment.Object{}, err
	}
	o.State, o.Captured, o.CaptureID, o.CapturedAt = payment.ObjectCaptured, got, charge.ID, time.Unix(charge.Created, 0)
	if line := charge.BalanceTransaction; line != nil && line.Currency != "" {
		o.CapturedAt = time.Unix(line.Created, 0)
		// A capture is believed also when its fee is in another currency, or cannot be
		// said in ours; the day's report has it.
		if fee, err := amountOf(line.Fee, line.Currency); err == nil && fee.Currency == got.Currency {
			o.Fee = fee
		}
	}
	return o, nil
}

// Close ends the page of a payment nobody paid.
func (g *Gateway) Close(ctx context.Context, of payment.Ref) error {
	page, err := g.page(ctx, of)
	if err != nil {
		return err
	}
	o, err := paymentObject(page)
	switch {
	case err != nil:
		return err
	case o.State == payment.ObjectClosed, o.State == payment.ObjectFailed:
		return nil
	case o.State == payment.ObjectCaptured:
		return refused("the payment is paid")
	}
	params := &sdk.CheckoutSessionExpireParams{}
	params.SetIdempotencyKey(page.ID + ":expire")
	if _, err = g.api.V1CheckoutSessions.Expire(ctx, page.ID, params); err != nil {
		return sent("close", err)
	}
	return nil
}

// Refund sends money back: the vendor's part comes from the vendor, where it has
// been given it.
func (g *Gateway) Refund(ctx context.Context, in payment.RefundIntent) (payment.RefundObject, error) {
	amount, err := units(in.Amount)
	if err != nil {
		return payment.RefundObject{}, err
	}
	b, err := g.books(ctx, in.Payment)
	if err != nil {
		return payment.RefundObject{}, notSent(err)
	}
	if made, ok := b.refund(string(in.Reference)); ok {
		if made.Amount != amount || currency(made.Currency) != in.Amount.Currency {
			return payment.RefundObject{}, foreign(string(in.Reference))
		}
		return refundObject(made)
	}
	if amount == 0 || in.Amount.Currency != b.currency || amount > b.captured-b.charge.AmountRefunded {
		return payment.RefundObject{}, refused("the payment has less than the refund")
	}
	if err := g.takeBack(ctx, b, string(in.Reference), amount); err != nil {
		return payment.RefundObject{}, err
	}
	return g.sendRefund(ctx, b, in, amount)
}

func (g *Gateway) sendRefund(ctx context.Context, b *books, in payment.RefundIntent, amount int64) (payment.RefundObject, error) {
	params := &sdk.RefundCreateParams{
		Charge: sdk.String(b.charge.ID), Amount: sdk.Int64(amount),
		Metadata: map[string]string{referenceKey: string(in.Reference), paymentKey: b.reference, causeKey: in.Reason},
	}
	params.SetIdempotencyKey(string(in.Reference))
	made, err := g.api.V1Refunds.Create(ctx, params)
	if err != nil {
		return payment.RefundObject{}, sent("refund", err)
	}
	return refundObject(made)
}

// FindRefund reads one refund, by Stripe's id or in the list of its payment's.
func (g *Gateway) FindRefund(ctx context.Context, of payment.RefundRef) (payment.RefundObject, error) {
	if of.ProviderID != "" {
		read, err := g.api.V1Refunds.Retrieve(ctx, of.ProviderID, nil)
		if err != nil {
			return payment.RefundObject{}, asked("find refund", err)
		}
		return refundObject(read)
	}
	page, err := g.page(ctx, of.Payment)
	if err != nil {
		return payment.RefundObject{}, err
	}
	if page.PaymentIntent == nil {
		return payment.RefundObject{}, payment.ErrUnknown
	}
	read, found, err := first(ctx, g.refunds(ctx, page.PaymentIntent.ID), func(r *sdk.Refund) bool {
		return r.Metadata[referenceKey] == string(of.Reference)
	})
	switch {
	case err != nil:
		return payment.RefundObject{}, asked("find refund", err)
	case !found:
		return payment.RefundObject{}, payment.ErrUnknown
	}
	return refundObject(read)
}

func (g *Gateway) refunds(ctx context.Context, paymentID string) *sdk.V1List[*sdk.Refund] {
	params := &sdk.RefundListParams{PaymentIntent: sdk.String(paymentID)}
	params.Limit = sdk.Int64(pageSize)
	return g.api.V1Refunds.List(ctx, params)
}

var refundStates = map[sdk.RefundStatus]payment.RefundObjectState{
	sdk.RefundStatusPending:        payment.RefundObjectSubmitted,
	sdk.RefundStatusRequiresAction: payment.RefundObjectSubmitted,
	sdk.RefundStatusSucceeded:      payment.RefundObjectSucceeded,
	sdk.RefundStatusFailed:         payment.RefundObjectFailed,
	sdk.RefundStatusCanceled:       payment.RefundObjectFailed,
}

func refundObject(read *sdk.Refund) (payment.RefundObject, error) {
	state, known := refundStates[read.Status]
	if !known {
		return payment.RefundObject{}, unreadable("refund", "a refund in state "+string(read.Status))
	}
	amount, err := amountOf(read.Amount, read.Currency)
	if err != nil {
		return payment.RefundObject{}, err
	}
	o := payment.RefundObject{ProviderID: read.ID, Reference: read.Metadata[referenceKey], State: state, Amount: amount}
	if state == payment.RefundObjectFailed {
		o.Reason = string(read.FailureReason)
		if o.Reason == "" {
			o.Reason = string(read.Status)
		}
	}
	return o, nil
}

func currency(c sdk.Currency) money.Currency { return money.Currency(strings.ToUpper(string(c))) }

func code(c money.Currency) string { return strings.ToLower(string(c)) }
