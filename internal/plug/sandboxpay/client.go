package sandboxpay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls the provider's API. URL and Key are required; HTTP defaults to a
// client with a 10 s timeout.
type Client struct {
	URL  string
	Key  string
	HTTP *http.Client
}

// APIError is a definite refusal by the provider: it has read the call and done
// nothing. Any other error of a changing call leaves its outcome unknown.
type APIError struct {
	Status int
	Code   string // "reference_used", "over_refund", "not_found", …
	Field  string
	Object string // the object a conflict is about
}

func (e *APIError) Error() string {
	return fmt.Sprintf("sandboxpay: refused with %d %s %s%s", e.Status, e.Code, e.Field, e.Object)
}

// ErrNoAnswer reports that nobody knows whether the provider acted: a timeout, a
// broken connection, a 5xx or an unreadable answer. Ask by reference before
// sending again.
var ErrNoAnswer = errors.New("sandboxpay: no usable answer from the provider")

const maxAnswer = 4 << 20

var defaultHTTP = &http.Client{Timeout: 10 * time.Second}

// OpenMerchant opens the receiving account of a vendor; repeating it returns
// the same account.
func (c *Client) OpenMerchant(ctx context.Context, reference, name string) (Merchant, error) {
	return call[Merchant](ctx, c, http.MethodPost, "/v1/merchants", "", merchantRequest{Reference: reference, Name: name})
}

// CreatePayment asks for a payment. The idempotency key is made of the
// reference, so repeating the call is safe for as long as the provider remembers.
func (c *Client) CreatePayment(ctx context.Context, ask PaymentRequest) (Payment, error) {
	return call[Payment](ctx, c, http.MethodPost, "/v1/payments", "payment:"+ask.Reference, ask)
}

// Payment reads one payment.
func (c *Client) Payment(ctx context.Context, id string) (Payment, error) {
	return call[Payment](ctx, c, http.MethodGet, "/v1/payments/"+url.PathEscape(id), "", nil)
}

// FindPayment reads the payment of a reference; found is false when there is none.
func (c *Client) FindPayment(ctx context.Context, reference string) (payment Payment, found bool, err error) {
	page, err := call[PaymentPage](ctx, c, http.MethodGet, "/v1/payments?reference="+url.QueryEscape(reference), "", nil)
	if err != nil || len(page.Data) == 0 {
		return Payment{}, false, err
	}
	return page.Data[0], true, nil
}

// PaymentsSince lists payments by their last change, after the cursor of an
// earlier page; "" begins at the beginning.
func (c *Client) PaymentsSince(ctx context.Context, since string) (PaymentPage, error) {
	return call[PaymentPage](ctx, c, http.MethodGet, "/v1/payments?since="+url.QueryEscape(since), "", nil)
}

// ClosePayment ends a payment nobody paid. A captured one is refused with code
// "already_paid".
func (c *Client) ClosePayment(ctx context.Context, id string) (Payment, error) {
	return call[Payment](ctx, c, http.MethodPost, "/v1/payments/"+url.PathEscape(id)+"/close", "", nil)
}

// CreateRefund asks for a refund; its reference makes repeating safe.
func (c *Client) CreateRefund(ctx context.Context, ask RefundRequest) (Refund, error) {
	return call[Refund](ctx, c, http.MethodPost, "/v1/refunds", "refund:"+ask.Reference, ask)
}

// Refund reads one refund.
func (c *Client) Refund(ctx context.Context, id string) (Refund, error) {
	return call[Refund](ctx, c, http.MethodGet, "/v1/refunds/"+url.PathEscape(id), "", nil)
}

// FindRefund reads the refund of a reference; found is false when there is none.
func (c *Client) FindRefund(ctx context.Context, reference string) (refund Refund, found bool, err error) {
	page, err := call[RefundPage](ctx, c, http.MethodGet, "/v1/refunds?reference="+url.QueryEscape(reference), "", nil)
	if err != nil || len(page.Data) == 0 {
		return Refund{}, false, err
	}
	return page.Data[0], true, nil
}

// RefundsSince lists refunds as PaymentsSince lists payments.
func (c *Client) RefundsSince(ctx context.Context, since string) (RefundPage, error) {
	return call[RefundPage](ctx, c, http.MethodGet, "/v1/refunds?since="+url.QueryEscape(since), "", nil)
}

// CreateSplit asks for the collector's share; its reference makes repeating safe.
func (c *Client) CreateSplit(ctx context.Context, ask SplitRequest) (Split, error) {
	return call[Split](ctx, c, http.MethodPost, "/v1/splits", "split:"+ask.Reference, ask)
}

// FindSplit reads the split of a reference; found is false when there is none.
func (c *Client) FindSplit(ctx context.Context, reference string) (split Split, found bool, err error) {
	return byReference[Split](ctx, c, "splits", reference)
}

// CreateReturn asks for a part of a share back.
func (c *Client) CreateReturn(ctx context.Context, ask ReturnRequest) (Return, error) {
	return call[Return](ctx, c, http.MethodPost, "/v1/returns", "return:"+ask.Reference, ask)
}

// FindReturn reads the return of a reference; found is false when there is none.
func (c *Client) FindReturn(ctx context.Context, reference string) (back Return, found bool, err error) {
	return byReference[Return](ctx, c, "returns", reference)
}

// CreatePayout asks for free money of a payee to go to its bank.
func (c *Client) CreatePayout(ctx context.Context, ask PayoutRequest) (Payout, error) {
	return call[Payout](ctx, c, http.MethodPost, "/v1/payouts", "payout:"+ask.Reference, ask)
}

// FindPayout reads the payout of a reference; found is false when there is none.
func (c *Client) FindPayout(ctx context.Context, reference string) (payout Payout, found bool, err error) {
	return byReference[Payout](ctx, c, "payouts", reference)
}

// byReference asks for the one object of a kind under a reference.
func byReference[T any](ctx context.Context, c *Client, kind, reference string) (object T, found bool, err error) {
	answer, err := call[Found[T]](ctx, c, http.MethodGet, "/v1/"+kind+"?reference="+url.QueryEscape(reference), "", nil)
	if err != nil || len(answer.Data) == 0 {
		return object, false, err
	}
	return answer.Data[0], true, nil
}

// Balance reads what a payee has at the provider.
func (c *Client) Balance(ctx context.Context, payee string) (Balance, error) {
	return call[Balance](ctx, c, http.MethodGet, "/v1/balances/"+url.PathEscape(payee), "", nil)
}

// Dispute reads one dispute.
func (c *Client) Dispute(ctx context.Context, id string) (Dispute, error) {
	return call[Dispute](ctx, c, http.MethodGet, "/v1/disputes/"+url.PathEscape(id), "", nil)
}

// DisputesSince lists disputes as PaymentsSince lists payments.
func (c *Client) DisputesSince(ctx context.Context, since string) (DisputePage, error) {
	return call[DisputePage](ctx, c, http.MethodGet, "/v1/disputes?since="+url.QueryEscape(since), "", nil)
}

// DailyReport reads the movements of one day of China time (YYYY-MM-DD).
func (c *Client) DailyReport(ctx context.Context, date string) (DailyReport, error) {
	return call[DailyReport](ctx, c, http.MethodGet, "/v1/reports/daily?date="+url.QueryEscape(date), "", nil)
}

// SetFaults switches faults on or, with the zero value, off.
func (c *Client) SetFaults(ctx context.Context, faults Faults) error {
	_, err := call[Faults](ctx, c, http.MethodPost, "/v1/test/faults", "", faults)
	return err
}

// Resend sends all notifications about an object again, times times.
func (c *Client) Resend(ctx context.Context, object string, times int) error {
	_, err := call[resendAnswer](ctx, c, http.MethodPost, "/v1/test/notify", "", resendRequest{Object: object, Times: times})
	return err
}

// ForceCapture captures a payment in any state, as a late bank does; amount
// zero captures the whole.
func (c *Client) ForceCapture(ctx context.Context, id string, amount int64) (Payment, error) {
	return call[Payment](ctx, c, http.MethodPost, "/v1/test/payments/"+url.PathEscape(id)+"/capture", "", captureRequest{Amount: amount})
}

// BounceRefund makes a refund fail, also after it had succeeded.
func (c *Client) BounceRefund(ctx context.Context, id string) (Refund, error) {
	return call[Refund](ctx, c, http.MethodPost, "/v1/test/refunds/"+url.PathEscape(id)+"/fail", "", nil)
}

// ReturnPayout makes the receiving bank send a payout back, also after it was
// paid.
func (c *Client) ReturnPayout(ctx context.Context, id string) (Payout, error) {
	return call[Payout](ctx, c, http.MethodPost, "/v1/test/payouts/"+url.PathEscape(id)+"/return", "", nil)
}

// OpenDispute lets the payer's bank take money of a payment back; amount zero is
// the whole.
func (c *Client) OpenDispute(ctx context.Context, payment string, amount int64) (Dispute, error) {
	return call[Dispute](ctx, c, http.MethodPost, "/v1/test/disputes", "", DisputeRequest{Payment: payment, Amount: amount})
}

// MoveDispute makes one move of a dispute: "submit", "win", "lose" or "reopen".
func (c *Client) MoveDispute(ctx context.Context, id, move string) (Dispute, error) {
	return call[Dispute](ctx, c, http.MethodPost, "/v1/test/disputes/"+url.PathEscape(id)+"/"+url.PathEscape(move), "", nil)
}

// call makes one API call. Its error wraps ErrNoAnswer or is an *APIError.
func call[T any](ctx context.Context, c *Client, method, path, key string, ask any) (T, error) {
	var out, none T
	var body io.Reader
	if ask != nil {
		raw, err := json.Marshal(ask)
		if err != nil {
			return none, fmt.Errorf("sandboxpay: write request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, body)
	if err != nil {
		return none, fmt.Errorf("sandboxpay: request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	client := c.HTTP
	if client == nil {
		client = defaultHTTP
	}
	response, err := client.Do(request)
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	if response.StatusCode/100 == 2 {
		// An empty 200 must not pass for an object.
		if err := json.Unmarshal(raw, &out); err != nil {
			return none, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		return out, nil
	}
	if response.StatusCode/100 == 4 && response.StatusCode != http.StatusTooManyRequests {
		var refusal struct {
			Error apiError `json:"error"`
		}
		if err := json.Unmarshal(raw, &refusal); err == nil && refusal.Error.Code != "" {
			return none, &APIError{Status: response.StatusCode, Code: refusal.Error.Code, Field: refusal.Error.Field, Object: refusal.Error.Object}
		}
	}
	return none, fmt.Errorf("%w: status %d", ErrNoAnswer, response.StatusCode)
}
