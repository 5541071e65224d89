package sandboxpay

import (
	"net/http"
	"time"
)

// Faults is what a test can make go wrong. Setting it replaces the whole; the
// zero value is a provider that behaves. It lives in memory only.
type Faults struct {
	// Duplicate sends each new notification this many times more.
	Duplicate int `json:"duplicate"`
	// DelayMS keeps each new notification back.
	DelayMS int64 `json:"delay_ms"`
	// Reorder keeps every second new notification back, so that later ones overtake it.
	Reorder bool `json:"reorder"`
	// DropNext never sends the next notifications.
	DropNext int `json:"drop_next"`
	// ErrorNext answers the next API calls with 500 and does nothing.
	ErrorNext int `json:"error_next"`
	// TimeoutNextAfterEffect does what the next changing calls ask, and then hangs
	// until the caller gives up.
	TimeoutNextAfterEffect int `json:"timeout_next_after_effect"`
	// RefundFailNext lets the next refunds that would succeed fail.
	RefundFailNext int `json:"refund_fail_next"`
	// SplitFailNext, ReturnFailNext and PayoutFailNext do the same to those.
	SplitFailNext  int `json:"split_fail_next"`
	ReturnFailNext int `json:"return_fail_next"`
	PayoutFailNext int `json:"payout_fail_next"`

	held bool // reorder: whether the last notification was kept back
}

// hangFor bounds how long the timeout fault keeps a connection.
const hangFor = 30 * time.Second

func (p *Provider) setFaults(r *http.Request) (int, any, error) {
	var faults Faults
	if err := readJSON(r, &faults); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = faults
	return http.StatusOK, faults, nil
}

func (p *Provider) showFaults(*http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return http.StatusOK, p.faults, nil
}

// resendRequest names one event, or an object whose events are all sent again.
type resendRequest struct {
	Event   string `json:"event"`
	Object  string `json:"object"`
	Times   int    `json:"times"`
	DelayMS int64  `json:"delay_ms"`
}

type resendAnswer struct {
	Queued int `json:"queued"`
}

const maxResend = 1000

func (p *Provider) resend(r *http.Request) (int, any, error) {
	var ask resendRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	if ask.Times == 0 {
		ask.Times = 1
	}
	if ask.Times < 0 || ask.Times > maxResend || ask.DelayMS < 0 {
		return 0, nil, invalid("times")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.now().Add(time.Duration(ask.DelayMS) * time.Millisecond)
	queued := 0
	for _, id := range p.outbox.order {
		if id == ask.Event || (ask.Object != "" && p.outbox.events[id].about(ask.Object)) {
			p.outbox.enqueue(id, due, ask.Times)
			queued += ask.Times
		}
	}
	if queued == 0 {
		return 0, nil, notFound
	}
	return http.StatusAccepted, resendAnswer{Queued: queued}, nil
}

func (n *Notification) about(object string) bool {
	_, id, _, ok := n.object()
	return ok && id == object
}

type captureRequest struct {
	// Amount to capture; zero for the whole. Another amount than the payment's is
	// allowed here, because real providers do it too.
	Amount int64 `json:"amount"`
}

// forceCapture captures a payment in whatever state it is, as a late bank does.
func (p *Provider) forceCapture(r *http.Request) (int, any, error) {
	var ask captureRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	payment, known := p.payments[r.PathValue("id")]
	if !known {
		return 0, nil, notFound
	}
	if payment.Status == PaymentCaptured {
		return http.StatusOK, payment, nil
	}
	if ask.Amount < 0 || ask.Amount > maxAmount {
		return 0, nil, invalid("amount")
	}
	if ask.Amount == 0 {
		ask.Amount = payment.Amount
	}
	if err := p.capture(*payment, ask.Amount, p.now(), 0); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, p.payments[payment.ID], nil
}

// bounceRefund makes a refund fail, also one that had succeeded.
func (p *Provider) bounceRefund(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	refund, known := p.refunds[r.PathValue("id")]
	if !known {
		return 0, nil, notFound
	}
	if refund.Status != RefundFailed {
		if err := p.failRefund(*refund, "returned_by_bank", p.now()); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusOK, p.refunds[refund.ID], nil
}
