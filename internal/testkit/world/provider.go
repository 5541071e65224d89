package world

import (
	"context"
	"fmt"
	"sync"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/payment"
)

// Provider behaves like a payment provider: it keeps payments by our reference,
// makes each at most once, knows nothing of the market, and does what a test lets
// its customers do.
type Provider struct {
	mu        sync.Mutex
	clock     func() time.Time
	payments  map[string]*payment.Object // by provider id
	byRef     map[payment.AttemptID]string
	refunds   map[payment.RefundID]*payment.RefundObject
	refunded  map[payment.RefundID]time.Time
	instant   bool
	feePoints int64 // of captures
	objects
}

func newProvider(clock func() time.Time) *Provider {
	return &Provider{
		clock: clock, payments: map[string]*payment.Object{}, byRef: map[payment.AttemptID]string{},
		refunds: map[payment.RefundID]*payment.RefundObject{}, refunded: map[payment.RefundID]time.Time{}, instant: true,
		objects: newObjects(),
	}
}

// Name is [Gateway].
func (p *Provider) Name() string { return Gateway }

// Capability is that of an ordinary provider.
func (p *Provider) Capability() payment.Capability {
	return payment.Capability{Redirect: true, PartialRefund: true, Lists: true, SplitCap: SplitCap}
}

// Open makes the payment once for each reference.
func (p *Provider) Open(_ context.Context, in payment.Intent) (payment.Opened, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, known := p.byRef[in.Reference]
	if !known {
		id = fmt.Sprintf("obj-%d", len(p.payments)+1)
		p.byRef[in.Reference] = id
		p.payments[id] = &payment.Object{
			ProviderID: id, Reference: string(in.Reference), State: payment.ObjectCreated, Amount: in.Amount, PayURL: "https://pay.example/" + id,
		}
	}
	return payment.Opened{ProviderID: id, PayURL: p.payments[id].PayURL}, nil
}

// Find reads a payment.
func (p *Provider) Find(_ context.Context, of payment.Ref) (payment.Object, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := of.ProviderID
	if id == "" {
		id = p.byRef[of.Reference]
	}
	if o, ok := p.payments[id]; ok {
		return *o, nil
	}
	return payment.Object{}, payment.ErrUnknown
}

// Changed has nothing to tell; tests send notices.
func (p *Provider) Changed(_ context.Context, since string) ([]payment.Object, string, error) {
	return nil, since, nil
}

// Close closes a payment that nobody has paid.
func (p *Provider) Close(_ context.Context, of payment.Ref) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.payments[of.ProviderID]
	switch {
	case !ok:
		return payment.ErrUnknown
	case o.State == payment.ObjectCaptured:
		return payment.ErrRefused
	}
	o.State = payment.ObjectClosed
	return nil
}

// Refund sends money back once for each reference.
func (p *Provider) Refund(_ context.Context, in payment.RefundIntent) (payment.RefundObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, known := p.refunds[in.Reference]
	if !known {
		o = &payment.RefundObject{
			ProviderID: fmt.Sprintf("back-%d", len(p.refunds)+1), Reference: string(in.Reference), State: payment.RefundObjectSubmitted, Amount: in.Amount,
		}
		if p.instant {
			o.State, p.refunded[in.Reference] = payment.RefundObjectSucceeded, p.clock()
		}
		p.refunds[in.Reference] = o
	}
	return *o, nil
}

// FindRefund reads a refund by our reference.
func (p *Provider) FindRefund(_ context.Context, of payment.RefundRef) (payment.RefundObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.refunds[of.Reference]; ok {
		return *o, nil
	}
	return payment.RefundObject{}, payment.ErrUnknown
}

// Event accepts nothing: tests hand verified notices to the market themselves.
func (p *Provider) Event(map[string][]string, []byte, time.Time) (payment.Event, error) {
	return payment.Event{}, payment.ErrNotice
}

// Capture lets the customer pay an amount, also for a payment that was closed.
func (p *Provider) Capture(reference payment.AttemptID, paid money.Amount) payment.Object {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.payments[p.byRef[reference]]
	o.State, o.Captured, o.CaptureID, o.CapturedAt = payment.ObjectCaptured, paid, "cap-"+o.ProviderID, p.clock()
	o.Fee = money.Amount{Minor: paid.Minor * p.feePoints / 10000, Currency: paid.Currency}
	return *o
}

// TakeFee keeps so many basis points of each later capture.
func (p *Provider) TakeFee(points int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.feePoints = points
}

// HoldRefunds makes refunds wait for [Provider.EndRefund] instead of succeeding
// at once.
func (p *Provider) HoldRefunds() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instant = false
}

// EndRefund ends a refund.
func (p *Provider) EndRefund(reference payment.RefundID, s payment.RefundObjectState, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refunds[reference].State, p.refunds[reference].Reason, p.refunded[reference] = s, reason, p.clock()
}

// System behaves like a vendor's own system behind a delivery interface.
type System struct {
	mu     sync.Mutex
	answer error
	calls  []delivery.Call
}

// Dialect is [delivery.HookNative].
func (s *System) Dialect() string { return delivery.HookNative }

// Provision makes an instance, or fails as told.
func (s *System) Provision(_ context.Context, c delivery.Call) (delivery.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	if s.answer != nil {
		return delivery.Result{Refusal: "out_of_stock"}, s.answer
	}
	return delivery.Result{Instance: "ins-" + string(c.ID), Website: "https://app.example/" + string(c.ID)}, nil
}

// Fail makes every following call end with the error; nil makes them succeed.
func (s *System) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = err
}

// Calls are the calls received so far.
func (s *System) Calls() []delivery.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivery.Call(nil), s.calls...)
}
