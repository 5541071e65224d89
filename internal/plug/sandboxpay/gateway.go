package sandboxpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// Gateway lets the marketplace take payments through the sandbox provider.
type Gateway struct {
	client  *Client
	secrets []string
}

var _ payment.Gateway = (*Gateway)(nil)

// NewGateway returns the adapter. secrets are the active notification secrets;
// two during a rotation.
func NewGateway(client *Client, secrets ...string) *Gateway {
	return &Gateway{client: client, secrets: secrets}
}

// Name is "sandbox".
func (g *Gateway) Name() string { return "sandbox" }

// Capability says that payers are sent to a page, what a split may be, and that no
// real money moves.
func (g *Gateway) Capability() payment.Capability {
	return payment.Capability{
		Redirect: true, PartialRefund: true, Lists: true, Test: true,
		SplitCap: splitCap, FreezeDays: freezeDays, Receivers: 1, AtomicSplit: true,
	}
}

// Open makes the payment, once per reference. When the provider already has
// one under this reference it is returned, provided it asks for the same amount.
func (g *Gateway) Open(ctx context.Context, in payment.Intent) (payment.Opened, error) {
	made, err := g.client.CreatePayment(ctx, PaymentRequest{
		Reference: string(in.Reference), Amount: in.Amount.Minor, Currency: string(in.Amount.Currency), Description: in.Description,
		Payee: in.PayeeAccount, PayeeName: in.PayeeName, Collector: in.Collector,
		ReturnURL: in.ReturnURL, Locale: in.Locale, ExpiresAt: in.ExpiresAt,
	})
	if taken(err) {
		var found bool
		made, found, err = g.client.FindPayment(ctx, string(in.Reference))
		if err == nil && !found {
			return payment.Opened{}, fmt.Errorf("sandboxpay: %s is taken but cannot be found", in.Reference)
		}
		if err == nil && (made.Amount != in.Amount.Minor || made.Currency != string(in.Amount.Currency)) {
			return payment.Opened{}, fmt.Errorf("sandboxpay: %s stands for another amount", in.Reference)
		}
	}
	if err != nil {
		return payment.Opened{}, answered(err)
	}
	return payment.Opened{ProviderID: made.ID, PayURL: made.PayURL}, nil
}

// Find reads one payment, by the provider's id or by our reference.
func (g *Gateway) Find(ctx context.Context, of payment.Ref) (payment.Object, error) {
	var read Payment
	var err error
	found := true
	if of.ProviderID != "" {
		read, err = g.client.Payment(ctx, of.ProviderID)
	} else {
		read, found, err = g.client.FindPayment(ctx, string(of.Reference))
	}
	if err != nil {
		return payment.Object{}, answered(err)
	}
	if !found {
		return payment.Object{}, payment.ErrUnknown
	}
	return paymentObject(read)
}

// Changed lists payments by their last change. The cursor is a place in the
// provider's journal, so nothing is ever left out behind it.
func (g *Gateway) Changed(ctx context.Context, since string) ([]payment.Object, string, error) {
	page, err := g.client.PaymentsSince(ctx, since)
	if err != nil {
		return nil, "", answered(err)
	}
	objects := make([]payment.Object, 0, len(page.Data))
	for _, read := range page.Data {
		object, err := paymentObject(read)
		if err != nil {
			return nil, "", err
		}
		objects = append(objects, object)
	}
	return objects, page.Next, nil
}

// Close ends a payment nobody paid.
func (g *Gateway) Close(ctx context.Context, of payment.Ref) error {
	_, err := g.client.ClosePayment(ctx, of.ProviderID)
	return answered(err)
}

// Refund sends money back, once per reference.
func (g *Gateway) Refund(ctx context.Context, in payment.RefundIntent) (payment.RefundObject, error) {
	made, err := g.client.CreateRefund(ctx, RefundRequest{
		Reference: string(in.Reference), Payment: in.Payment.ProviderID, Amount: in.Amount.Minor, Reason: in.Reason,
	})
	if taken(err) {
		var found bool
		made, found, err = g.client.FindRefund(ctx, string(in.Reference))
		if err == nil && (!found || made.Payment != in.Payment.ProviderID || made.Amount != in.Amount.Minor) {
			return payment.RefundObject{}, fmt.Errorf("sandboxpay: %s stands for another refund", in.Reference)
		}
	}
	if err != nil {
		return payment.RefundObject{}, answered(err)
	}
	return refundObject(made)
}

// FindRefund reads one refund by our reference.
func (g *Gateway) FindRefund(ctx context.Context, of payment.RefundRef) (payment.RefundObject, error) {
	read, found, err := g.client.FindRefund(ctx, string(of.Reference))
	if err != nil {
		return payment.RefundObject{}, answered(err)
	}
	if !found {
		return payment.RefundObject{}, payment.ErrUnknown
	}
	return refundObject(read)
}

// Event verifies a notification over its raw bytes.
func (g *Gateway) Event(header map[string][]string, body []byte, now time.Time) (payment.Event, error) {
	n, err := VerifyNotification(http.Header(header), body, now, g.secrets...)
	if err != nil {
		return payment.Event{}, fmt.Errorf("%w: %w", payment.ErrNotice, err)
	}
	kind, object, reference, _ := n.object()
	return payment.Event{ID: n.ID, ObjectID: object, Reference: reference, Kind: kind}, nil
}

// taken reports whether the provider already has something under the reference:
// an earlier call of ours had its effect.
func taken(err error) bool {
	refusal, ok := errors.AsType[*APIError](err)
	return ok && (refusal.Code == "reference_used" || refusal.Code == "idempotency_key_reused")
}

// answered tells apart what the provider has said for certain from what nobody
// knows. A refused API key says nothing about the payment: it is our setting
// that is wrong, and the call is worth repeating once it is mended.
func answered(err error) error {
	refusal, ok := errors.AsType[*APIError](err)
	switch {
	case !ok || refusal.Status == http.StatusUnauthorized:
		return err
	case refusal.Status == http.StatusNotFound:
		return fmt.Errorf("%w: %w", payment.ErrUnknown, err)
	}
	return fmt.Errorf("%w: %w", payment.ErrRefused, err)
}

var objectStates = map[PaymentStatus]payment.ObjectState{
	PaymentCreated:    payment.ObjectCreated,
	PaymentProcessing: payment.ObjectProcessing,
	PaymentCaptured:   payment.ObjectCaptured,
	PaymentFailed:     payment.ObjectFailed,
	PaymentClosed:     payment.ObjectClosed,
}

var refundStates = map[RefundStatus]payment.RefundObjectState{
	RefundSubmitted: payment.RefundObjectSubmitted,
	RefundSucceeded: payment.RefundObjectSucceeded,
	RefundFailed:    payment.RefundObjectFailed,
}

// paymentObject translates a payment; a state or currency that this adapter
// does not know is an error, never a guess.
func paymentObject(read Payment) (payment.Object, error) {
	state, known := objectStates[read.Status]
	if !known {
		return payment.Object{}, fmt.Errorf("%w: payment state %q", ErrNoAnswer, read.Status)
	}
	amount, err := money.New(read.Amount, money.Currency(read.Currency))
	if err != nil {
		return payment.Object{}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	object := payment.Object{ProviderID: read.ID, Reference: read.Reference, State: state, Amount: amount, Test: read.Mode == sandboxMode}
	if state == payment.ObjectCaptured {
		object.Captured = money.Amount{Minor: read.Captured, Currency: amount.Currency}
		object.Fee = money.Amount{Minor: read.Fee, Currency: amount.Currency}
		object.CaptureID, object.CapturedAt = read.CaptureID, read.CapturedAt
	}
	return object, nil
}

func refundObject(read Refund) (payment.RefundObject, error) {
	state, known := refundStates[read.Status]
	if !known {
		return payment.RefundObject{}, fmt.Errorf("%w: refund state %q", ErrNoAnswer, read.Status)
	}
	amount, err := money.New(read.Amount, money.Currency(read.Currency))
	if err != nil {
		return payment.RefundObject{}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	return payment.RefundObject{ProviderID: read.ID, Reference: read.Reference, State: state, Amount: amount, Reason: read.Failure}, nil
}
