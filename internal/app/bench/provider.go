package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
	"yunshi/internal/plug/sandboxpay"
)

// provider is a payment provider in memory whose customers pay at once. It signs
// its notices as the sandbox does, so that the market has the same work with them.
type provider struct {
	secret string
	proof  *sandboxpay.Gateway

	mu       sync.Mutex
	payments []payment.Object // the cursor of Changed counts them
	byID     map[string]int
	byRef    map[string]int
	refunds  map[payment.RefundID]payment.RefundObject

	paid   chan payment.Object // notices to be sent
	failed chan error          // the first notice that was not taken
}

var _ payment.Gateway = (*provider)(nil)

// mostPayments bounds the notices that may wait; a run makes fewer.
const mostPayments = 1 << 17

func newProvider() *provider {
	secret := rand.Text()
	return &provider{
		secret: secret, proof: sandboxpay.NewGateway(nil, secret), byID: map[string]int{}, byRef: map[string]int{},
		refunds: map[payment.RefundID]payment.RefundObject{}, paid: make(chan payment.Object, mostPayments), failed: make(chan error, 1),
	}
}

// Name is "sandbox", under which the demonstration's vendors have accounts.
func (p *provider) Name() string { return "sandbox" }

// Capability says that no real money moves.
func (p *provider) Capability() payment.Capability {
	return payment.Capability{Redirect: true, PartialRefund: true, Lists: true, Test: true}
}

// Open makes a payment and has it paid.
func (p *provider) Open(_ context.Context, in payment.Intent) (payment.Opened, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := p.byRef[string(in.Reference)]
	if !ok {
		i = len(p.payments)
		number := strconv.Itoa(i + 1)
		o := payment.Object{
			ProviderID: "pay_" + number, Reference: string(in.Reference), State: payment.ObjectCaptured, Amount: in.Amount, Captured: in.Amount,
			CaptureID: "cap_" + number, CapturedAt: time.Now().UTC().Truncate(time.Microsecond),
			Fee: money.Amount{Minor: in.Amount.Minor * 60 / 10000, Currency: in.Amount.Currency}, Test: true,
		}
		p.payments = append(p.payments, o)
		p.byID[o.ProviderID], p.byRef[o.Reference] = i, i
		p.paid <- o
	}
	id := p.payments[i].ProviderID
	return payment.Opened{ProviderID: id, PayURL: "http://127.0.0.1/" + id}, nil
}

// Find reads one payment by the provider's id or by the market's reference.
func (p *provider) Find(_ context.Context, of payment.Ref) (payment.Object, error) {
	if of.ProviderID != "" {
		return p.read(p.byID, of.ProviderID)
	}
	return p.read(p.byRef, string(of.Reference))
}

func (p *provider) read(index map[string]int, key string) (payment.Object, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := index[key]
	if !ok {
		return payment.Object{}, payment.ErrUnknown
	}
	return p.payments[i], nil
}

// Changed lists payments in the order in which they were made; none changes later.
func (p *provider) Changed(_ context.Context, since string) ([]payment.Object, string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := 0
	if since != "" {
		var err error
		if from, err = strconv.Atoi(since); err != nil {
			return nil, "", fmt.Errorf("bench: cursor %q: %w", since, err)
		}
	}
	page := p.payments[min(from, len(p.payments)):]
	page = page[:min(len(page), 100)]
	return page, strconv.Itoa(from + len(page)), nil
}

// Close is refused: everything is paid.
func (p *provider) Close(context.Context, payment.Ref) error { return payment.ErrRefused }

// Refund sends money back at once.
func (p *provider) Refund(_ context.Context, in payment.RefundIntent) (payment.RefundObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.refunds[in.Reference]
	if !ok {
		o = payment.RefundObject{
			ProviderID: "ref_" + strconv.Itoa(len(p.refunds)+1), Reference: string(in.Reference), State: payment.RefundObjectSucceeded, Amount: in.Amount,
		}
		p.refunds[in.Reference] = o
	}
	return o, nil
}

// FindRefund reads one refund by the market's reference.
func (p *provider) FindRefund(_ context.Context, of payment.RefundRef) (payment.RefundObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.refunds[of.Reference]; ok {
		return o, nil
	}
	return payment.RefundObject{}, payment.ErrUnknown
}

// Event verifies a notice as the sandbox's own adapter does.
func (p *provider) Event(header map[string][]string, body []byte, now time.Time) (payment.Event, error) {
	return p.proof.Event(header, body, now)
}

// notify sends notices to the market until ctx ends.
func (p *provider) notify(ctx context.Context, market string, senders int) {
	browser := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}, Timeout: 30 * time.Second}
	for range senders {
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case o := <-p.paid:
					if err := p.post(ctx, browser, market+"/gateway/sandbox", o); err != nil && ctx.Err() == nil {
						select {
						case p.failed <- err:
						default:
						}
					}
				}
			}
		}()
	}
}

func (p *provider) post(ctx context.Context, browser *http.Client, address string, o payment.Object) error {
	now := time.Now().UTC()
	n := sandboxpay.Notification{ID: "evt_" + o.ProviderID, Type: "payment.captured", CreatedAt: now, Mode: "sandbox", Payment: &sandboxpay.Payment{
		ID: o.ProviderID, Reference: o.Reference, Amount: o.Amount.Minor, Currency: string(o.Amount.Currency),
	}}
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	sandboxpay.SignNotification(req.Header, p.secret, n.ID, now, body)
	res, err := browser.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("bench: a notice was answered with %s", res.Status)
	}
	return nil
}
