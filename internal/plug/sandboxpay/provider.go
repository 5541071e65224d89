// Package sandboxpay is a payment provider for trying the marketplace out, and
// the adapter that connects the marketplace to it.
//
// The provider runs as its own process with its own durable journal. It shares
// no storage with the marketplace, so what it remembers is an independent
// witness: after any crash its journal can be compared, object by object, with
// the marketplace's books. No real money moves, every page and every object says
// so, and it refuses to start where real money is configured.
//
// Owns: payments, refunds, merchant accounts, splits and what is taken back of
// them, payouts, disputes, the hosted payment page, the control page, signed
// notifications and their retries, and the faults a test can switch on. Does not
// own: orders, entitlements or anything else of the marketplace.
//
// Always true:
//   - an answer is given, and a notification sent, only after the journal entry
//     behind it is on disk;
//   - a reference names at most one object of each kind, for ever;
//   - submitted and succeeded refunds of a payment never exceed what was captured
//     and is not the collector's share, nor held or taken by a dispute;
//   - the shares of a payment never exceed the cap, and a payee draws no more than
//     what is free of its payments;
//   - a notification is repeated until it is acknowledged or its ladder ends, and
//     carries a signature over its exact bytes.
package sandboxpay

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"yunshi/internal/base/money"
)

// ProviderConfig says how a provider runs. Dir, Key, WebhookSecret and PublicURL
// are required.
type ProviderConfig struct {
	Dir           string   // where the journal lives
	Key           string   // bearer key of the API
	WebhookSecret string   // signs notifications and payment links
	NotifyURLs    []string // where notifications go
	PublicURL     string   // where payers reach the payment page
	Currency      string   // accepted currency; default CNY
	// RealMoney is the marketplace's setting; a sandbox refuses to serve it.
	RealMoney bool
	// AnyPayee accepts merchant accounts that were never opened here.
	AnyPayee bool
	// FeeBasisPoints is kept from each capture, rounded down; zero for none.
	FeeBasisPoints int64
	// RefundDelay is how long a refund stays submitted; default 2 s.
	RefundDelay time.Duration
	// MoveDelay is how long a split, a return or a payout takes; default 2 s.
	MoveDelay time.Duration
	// Senders bounds how many notifications travel at once; default 8.
	Senders int
	Now     func() time.Time // default time.Now
	Rand    io.Reader        // default crypto/rand
	Log     *slog.Logger
	HTTP    *http.Client // sends notifications; default with a 10 s timeout
}

// ErrRealMoney reports that the sandbox was asked to serve real money.
var ErrRealMoney = errors.New("sandboxpay: real money is switched on; the sandbox provider moves none and refuses to run. Configure a licensed payment provider, or switch real_money off")

// Limits of the provider.
const (
	maxAmount = 1_000_000_000_000_000 // minor units of one payment
	keyLife   = 24 * time.Hour        // how long idempotency keys are remembered
	pollEvery = 200 * time.Millisecond
)

// Provider is a running sandbox. It is safe for concurrent use.
type Provider struct {
	cfg  ProviderConfig
	wake chan struct{}

	mu        sync.Mutex
	journal   *journal
	payments  map[string]*Payment
	refunds   map[string]*Refund
	merchants map[string]*Merchant
	splits    map[string]*Split
	returns   map[string]*Return
	payouts   map[string]*Payout
	disputes  map[string]*Dispute
	moved     []Movement
	byRef     map[string]string // "payment:ref", "refund:ref", "split:ref", … -> id
	keys      map[string]usedKey
	open      map[string]struct{} // ids that time may still move
	changes   []change
	outbox    outbox
	faults    Faults
}

type usedKey struct {
	onceKey
	at time.Time
}

// change points to an object as of one journal entry; only the last change of
// an object is listed.
type change struct {
	seq     int64
	payment string
	refund  string
	dispute string
}

// NewProvider opens the journal in cfg.Dir, replays it and resumes what a crash
// interrupted. It fails with ErrRealMoney, ErrJournal or a configuration error.
func NewProvider(cfg ProviderConfig) (*Provider, error) {
	if cfg.RealMoney {
		return nil, ErrRealMoney
	}
	if cfg.Dir == "" || cfg.Key == "" || cfg.WebhookSecret == "" {
		return nil, errors.New("sandboxpay: data directory, API key and webhook secret are required")
	}
	base, err := url.Parse(cfg.PublicURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("sandboxpay: public URL %q is not an http address", cfg.PublicURL)
	}
	cfg.PublicURL = strings.TrimRight(cfg.PublicURL, "/")
	setDefaults(&cfg)
	if _, err := money.New(1, money.Currency(cfg.Currency)); err != nil {
		return nil, fmt.Errorf("sandboxpay: currency %q: %w", cfg.Currency, err)
	}
	p := &Provider{
		cfg:       cfg,
		wake:      make(chan struct{}, 1),
		payments:  make(map[string]*Payment),
		refunds:   make(map[string]*Refund),
		merchants: make(map[string]*Merchant),
		splits:    make(map[string]*Split),
		returns:   make(map[string]*Return),
		payouts:   make(map[string]*Payout),
		disputes:  make(map[string]*Dispute),
		byRef:     make(map[string]string),
		keys:      make(map[string]usedKey),
		open:      make(map[string]struct{}),
		outbox:    newOutbox(cfg.NotifyURLs),
	}
	p.journal, err = openJournal(cfg.Dir, p.apply)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func setDefaults(cfg *ProviderConfig) {
	if cfg.Currency == "" {
		cfg.Currency = "CNY"
	}
	if cfg.RefundDelay == 0 {
		cfg.RefundDelay = 2 * time.Second
	}
	if cfg.MoveDelay == 0 {
		cfg.MoveDelay = 2 * time.Second
	}
	if cfg.Senders == 0 {
		cfg.Senders = 8
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
}

// Close stops writing. The journal needs no farewell: a kill is as good.
func (p *Provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.journal.close()
}

// Run moves what time moves and sends notifications until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if err := p.Work(ctx); err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("sandboxpay: work", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-p.wake:
		}
	}
}

// Work does once everything that is due by the provider's clock: it closes
// expired payments, ends refunds, finishes interrupted captures and sends the
// due notifications. It is what Run repeats, and lets tests step through time.
func (p *Provider) Work(ctx context.Context) error {
	if err := p.advance(); err != nil {
		return err
	}
	return p.send(ctx)
}

// advance makes the transitions that only wait for time.
func (p *Provider) advance() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	due := make([]string, 0, len(p.open))
	for id := range p.open {
		due = append(due, id)
	}
	slices.Sort(due)
	for _, id := range due {
		var err error
		if payment, ok := p.payments[id]; ok {
			err = p.advancePayment(*payment, now)
		} else if refund, ok := p.refunds[id]; ok {
			err = p.advanceRefund(*refund, now)
		} else {
			err = p.advanceMovement(id, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) advancePayment(payment Payment, now time.Time) error {
	switch {
	case payment.Status == PaymentProcessing:
		return p.capture(payment, payment.Amount, now, 0)
	case payment.Status == PaymentCreated && !payment.ExpiresAt.IsZero() && !now.Before(payment.ExpiresAt):
		return p.end(payment, PaymentClosed, "expired", now)
	}
	return nil
}

func (p *Provider) advanceRefund(refund Refund, now time.Time) error {
	if now.Before(refund.CreatedAt.Add(p.cfg.RefundDelay)) {
		return nil
	}
	if p.faults.RefundFailNext > 0 {
		p.faults.RefundFailNext--
		return p.failRefund(refund, "account_closed", now)
	}
	refund.Status, refund.PaidAt, refund.EndedAt = RefundSucceeded, now, now
	return p.commit(&entry{Kind: "refund.succeeded", Refund: &refund, Notice: p.notice("refund.succeeded", now, 0)})
}

// failRefund ends a refund without the money reaching the payer, also after it
// had been reported as succeeded; what it held of the payment is free again.
func (p *Provider) failRefund(refund Refund, reason string, now time.Time) error {
	payment := *p.payments[refund.Payment]
	payment.Refunded -= refund.Amount
	e := &entry{Kind: "refund.failed", Payment: &payment, Refund: &refund, Notice: p.notice("refund.failed", now, 0)}
	if refund.Status == RefundSucceeded {
		e.Moved = []Movement{{"adjustment", refund.ID, refund.Reference, refund.Amount, refund.Currency, now}}
	}
	refund.Status, refund.Failure, refund.EndedAt = RefundFailed, reason, now
	return p.commit(e)
}

// pay takes a payment from created to captured. The step in between is
// journalled on its own, so that a receiver sees both and a crash can fall
// between them; advance then finishes the capture.
func (p *Provider) pay(payment Payment, now time.Time, noticeAfter time.Duration) error {
	payment.Status = PaymentProcessing
	if err := p.commit(&entry{Kind: "payment.processing", Payment: &payment, Notice: p.notice("payment.processing", now, noticeAfter)}); err != nil {
		return err
	}
	return p.capture(payment, payment.Amount, now, noticeAfter)
}

func (p *Provider) capture(payment Payment, amount int64, now time.Time, noticeAfter time.Duration) error {
	fee, err := money.Alloc(amount, p.cfg.FeeBasisPoints, money.Whole)
	if err != nil {
		return fmt.Errorf("sandboxpay: fee: %w", err)
	}
	payment.Status, payment.Reason = PaymentCaptured, ""
	payment.Captured, payment.Fee = amount, fee
	payment.CapturedAt, payment.CaptureID = now, "cap_"+strings.TrimPrefix(payment.ID, "pmt_")
	return p.commit(&entry{Kind: "payment.captured", Payment: &payment, Notice: p.notice("payment.captured", now, noticeAfter)})
}

// end moves a payment that was not captured to failed or closed.
func (p *Provider) end(payment Payment, status PaymentStatus, reason string, now time.Time) error {
	payment.Status, payment.Reason = status, reason
	kind := "payment." + string(status)
	return p.commit(&entry{Kind: kind, Payment: &payment, Notice: p.notice(kind, now, 0)})
}

// commit makes an entry durable and then visible. The caller holds the lock.
func (p *Provider) commit(e *entry) error {
	e.At = p.now()
	if err := p.journal.append(e); err != nil {
		return err
	}
	p.apply(*e)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// apply takes an entry into memory; it is the only place that changes state, at
// run time and in replay alike.
func (p *Provider) apply(e entry) {
	if e.Payment != nil {
		payment := *e.Payment
		payment.Seq = e.Seq
		p.payments[payment.ID] = &payment
		p.byRef["payment:"+payment.Reference] = payment.ID
		p.changes = append(p.changes, change{seq: e.Seq, payment: payment.ID})
		p.keepOpen(payment.ID, payment.Status == PaymentCreated || payment.Status == PaymentProcessing)
	}
	if e.Refund != nil {
		refund := *e.Refund
		refund.Seq = e.Seq
		if refund.Status == RefundSucceeded && refund.PaidAt.IsZero() { // of an older journal
			refund.PaidAt = refund.EndedAt
		}
		p.refunds[refund.ID] = &refund
		p.byRef["refund:"+refund.Reference] = refund.ID
		p.changes = append(p.changes, change{seq: e.Seq, refund: refund.ID})
		p.keepOpen(refund.ID, refund.Status == RefundSubmitted)
	}
	p.applyCollection(e)
	if e.Merchant != nil {
		p.merchants[e.Merchant.ID] = e.Merchant
		p.byRef["merchant:"+e.Merchant.Reference] = e.Merchant.ID
	}
	if e.Key != nil {
		p.keys[e.Key.Key] = usedKey{onceKey: *e.Key, at: e.At}
	}
	p.outbox.apply(e)
}

func (p *Provider) keepOpen(id string, open bool) {
	if open {
		p.open[id] = struct{}{}
	} else {
		delete(p.open, id)
	}
}

func (p *Provider) now() time.Time { return p.cfg.Now().UTC().Truncate(time.Microsecond) }

// id draws an unguessable id. It fails only when the source of randomness does.
func (p *Provider) id(prefix string) (string, error) {
	var raw [15]byte
	if _, err := io.ReadFull(p.cfg.Rand, raw[:]); err != nil {
		return "", fmt.Errorf("sandboxpay: draw an id: %w", err)
	}
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(raw[:])), nil
}

// linkToken makes the payment link of an id unguessable for those who learn
// only the id.
func (p *Provider) linkToken(id string) string { return linkToken(p.cfg.WebhookSecret, id) }

func linkToken(secret, id string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, "pay-link:"+id)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
