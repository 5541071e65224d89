package sandboxpay

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"yunshi/internal/market/payment"
)

// The headers of a notification.
const (
	HeaderID        = "Sandboxpay-Id"
	HeaderTimestamp = "Sandboxpay-Timestamp"
	HeaderSignature = "Sandboxpay-Signature"
)

// noticeTolerance is how far a notification's timestamp may lie from the
// receiver's clock.
const noticeTolerance = 5 * time.Minute

// The reasons why a notification is not accepted.
var (
	ErrNoticeUnsigned  = errors.New("sandboxpay: a signature header is missing or unreadable")
	ErrNoticeStale     = errors.New("sandboxpay: the timestamp is outside the tolerance")
	ErrNoticeSignature = errors.New("sandboxpay: the signature does not match")
	ErrNoticeMalformed = errors.New("sandboxpay: not a sandbox notification")
)

// ladder is the pause after each failed attempt; after the last one the
// notification is given up, and only a pull finds the change.
var ladder = []time.Duration{
	time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// reorderHold is how long the reorder fault keeps every second notification back.
const reorderHold = 2 * time.Second

// notice is the durable part of a notification.
type notice struct {
	ID      string        `json:"id"`
	Type    string        `json:"type"`
	After   time.Duration `json:"after,omitempty"`   // asked-for delay of the first attempt
	Dropped bool          `json:"dropped,omitempty"` // a fault: it will never be sent
	extra   int           // a fault: how many more times it is sent
}

// notice prepares a notification with the faults that are switched on now.
func (p *Provider) notice(kind string, now time.Time, after time.Duration) *notice {
	n := &notice{Type: kind, After: after + time.Duration(p.faults.DelayMS)*time.Millisecond, extra: p.faults.Duplicate}
	// The id repeats in a retried commit only if nothing was written, so the
	// journal position is a sound name; the clock keeps two journals apart.
	n.ID = fmt.Sprintf("evt_%d_%d", now.Unix(), p.journal.seq+1)
	if p.faults.DropNext > 0 {
		p.faults.DropNext--
		n.Dropped = true
	}
	if p.faults.Reorder {
		if p.faults.held = !p.faults.held; p.faults.held {
			n.After += reorderHold
		}
	}
	return n
}

// outbox holds notifications and what is left to send. The provider's lock
// guards it.
type outbox struct {
	urls    []string
	events  map[string]*Notification
	order   []string // event ids, oldest first
	pending []*delivery
}

// delivery is one notification on its way to one address.
type delivery struct {
	event    string
	url      string
	due      time.Time
	attempts int
	inFlight bool
}

func newOutbox(urls []string) outbox {
	return outbox{urls: urls, events: make(map[string]*Notification)}
}

func (o *outbox) apply(e entry) {
	if n := e.Notice; n != nil {
		event := &Notification{ID: n.ID, Type: n.Type, CreatedAt: e.At, Mode: sandboxMode}
		event.fill(e)
		o.events[n.ID] = event
		o.order = append(o.order, n.ID)
		if !n.Dropped {
			o.enqueue(n.ID, e.At.Add(n.After), 1+n.extra)
		}
	}
	if d := e.Delivered; d != nil {
		o.pending = slices.DeleteFunc(o.pending, func(x *delivery) bool {
			return x.event == d.Event && x.url == d.URL && !x.inFlight
		})
	}
}

// fill puts the object that changed into the notification; what changed with it
// is not told.
func (n *Notification) fill(e entry) {
	switch {
	case e.Dispute != nil:
		n.Dispute = e.Dispute
	case e.Payout != nil:
		n.Payout = e.Payout
	case e.Return != nil:
		n.Return = e.Return
	case e.Split != nil:
		n.Split = e.Split
	case e.Refund != nil:
		n.Refund = e.Refund
	default:
		n.Payment = e.Payment
	}
}

// object is what the notification is about; there must be exactly one.
func (n *Notification) object() (kind payment.EventKind, id, reference string, ok bool) {
	found := 0
	is := func(k payment.EventKind, i, r string) { kind, id, reference, found = k, i, r, found+1 }
	if n.Payment != nil {
		is(payment.PaymentEvent, n.Payment.ID, n.Payment.Reference)
	}
	if n.Refund != nil {
		is(payment.RefundEvent, n.Refund.ID, n.Refund.Reference)
	}
	if n.Split != nil {
		is(payment.SplitEvent, n.Split.ID, n.Split.Reference)
	}
	if n.Return != nil {
		is(payment.ReturnEvent, n.Return.ID, n.Return.Reference)
	}
	if n.Payout != nil {
		is(payment.PayoutEvent, n.Payout.ID, n.Payout.Reference)
	}
	if n.Dispute != nil {
		is(payment.DisputeEvent, n.Dispute.ID, "")
	}
	return kind, id, reference, found == 1
}

func (o *outbox) enqueue(event string, due time.Time, times int) {
	for range times {
		for _, address := range o.urls {
			o.pending = append(o.pending, &delivery{event: event, url: address, due: due})
		}
	}
}

// take marks the due deliveries as in flight and returns them, oldest due first.
func (o *outbox) take(now time.Time, limit int) []*delivery {
	var due []*delivery
	for _, d := range o.pending {
		if !d.inFlight && !d.due.After(now) {
			due = append(due, d)
		}
	}
	slices.SortStableFunc(due, func(a, b *delivery) int { return a.due.Compare(b.due) })
	due = due[:min(limit, len(due))]
	for _, d := range due {
		d.inFlight = true
	}
	return due
}

// send delivers what is due, a bounded number at once, until nothing is.
func (p *Provider) send(ctx context.Context) error {
	for {
		p.mu.Lock()
		batch := p.outbox.take(p.now(), p.cfg.Senders)
		p.mu.Unlock()
		if len(batch) == 0 {
			return nil
		}
		results := make([]error, len(batch))
		var group sync.WaitGroup
		for i, d := range batch {
			group.Go(func() { results[i] = p.sendOne(ctx, d) })
		}
		group.Wait()
		p.mu.Lock()
		err := p.settle(batch, results)
		p.mu.Unlock()
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// settle records which deliveries arrived and when the others are tried again.
func (p *Provider) settle(batch []*delivery, results []error) error {
	var done []*entry
	for i, d := range batch {
		d.attempts++
		exhausted := results[i] != nil && d.attempts > len(ladder)
		if results[i] != nil && !exhausted {
			d.inFlight = false
			d.due = p.now().Add(ladder[d.attempts-1])
			p.cfg.Log.Info("sandboxpay: notification not taken", "event", d.event, "attempt", d.attempts, "error", results[i])
			continue
		}
		p.outbox.pending = slices.DeleteFunc(p.outbox.pending, func(x *delivery) bool { return x == d })
		done = append(done, &entry{At: p.now(), Kind: "notice.ended", Delivered: &delivered{Event: d.event, URL: d.url, Exhausted: exhausted}})
	}
	if len(done) == 0 {
		return nil
	}
	// Only for the next start: it must not send again what has arrived. Copies
	// still waiting in memory (a fault) stay, hence no apply here.
	return p.journal.append(done...)
}

func (p *Provider) sendOne(ctx context.Context, d *delivery) error {
	p.mu.Lock()
	event := p.outbox.events[d.event]
	now := p.now()
	p.mu.Unlock()
	body, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("sandboxpay: write notification: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("sandboxpay: notification address: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	SignNotification(request.Header, p.cfg.WebhookSecret, event.ID, now, body)
	response, err := p.cfg.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // lets the connection be used again
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("answered %d", response.StatusCode)
	}
	return nil
}

// SignNotification sets the three headers: HMAC-SHA256 in hex over
// "id.timestamp.body".
func SignNotification(h http.Header, secret, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, stamp)
	h.Set(HeaderSignature, hex.EncodeToString(noticeMAC(secret, id, stamp, body)))
}

// VerifyNotification checks a notification over its raw bytes, against any of
// the active secrets, and decodes it. It fails with ErrNoticeUnsigned,
// ErrNoticeStale, ErrNoticeSignature or ErrNoticeMalformed.
func VerifyNotification(h http.Header, body []byte, now time.Time, secrets ...string) (Notification, error) {
	id, stamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	given, err := hex.DecodeString(h.Get(HeaderSignature))
	if id == "" || len(given) == 0 || err != nil {
		return Notification{}, ErrNoticeUnsigned
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return Notification{}, ErrNoticeUnsigned
	}
	at := time.Unix(seconds, 0)
	if at.Before(now.Add(-noticeTolerance)) || at.After(now.Add(noticeTolerance)) {
		return Notification{}, ErrNoticeStale
	}
	matched := false
	for _, secret := range secrets {
		if secret != "" && hmac.Equal(given, noticeMAC(secret, id, stamp, body)) {
			matched = true
		}
	}
	if !matched {
		return Notification{}, ErrNoticeSignature
	}
	var n Notification
	if err := json.Unmarshal(body, &n); err != nil {
		return Notification{}, fmt.Errorf("%w: %w", ErrNoticeMalformed, err)
	}
	if _, _, _, ok := n.object(); !ok || n.ID != id || n.Mode != sandboxMode {
		return Notification{}, ErrNoticeMalformed
	}
	return n, nil
}

func noticeMAC(secret, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, id+"."+stamp+".")
	mac.Write(body)
	return mac.Sum(nil)
}
