package payment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"yunshi/internal/base/money"
)

// provider behaves like a payment provider: it keeps objects by reference,
// answers or fails as told, and does not know the market.
type provider struct {
	own       bool // its account is the operator's
	mu        sync.Mutex
	payments  map[string]*Object // by provider id
	byRef     map[AttemptID]string
	refunds   map[RefundID]*RefundObject
	history   []string // provider ids in order of change
	opens     int      // Open calls that reached it
	sent      int      // Refund calls that reached it
	dropOpen  int      // answers of Open to lose after the effect
	deafOpen  int      // Open calls to fail before the effect
	dropBack  int      // answers of Refund to lose after the effect
	refuse    bool     // refuse Open and Refund for certain
	blind     bool     // Fetch and Find fail
	instant   bool     // refunds succeed at once
	noLink    bool     // objects do not carry their link
	collector string
}

func newProvider() *provider {
	return &provider{payments: map[string]*Object{}, byRef: map[AttemptID]string{}, refunds: map[RefundID]*RefundObject{}}
}

var errLine = errors.New("connection reset")

func (p *provider) Name() string { return "fake" }
func (p *provider) Capability() Capability {
	return Capability{Redirect: true, PartialRefund: true, Lists: true, OwnAccount: p.own}
}

func (p *provider) Open(_ context.Context, in Intent) (Opened, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deafOpen > 0 {
		p.deafOpen--
		return Opened{}, errLine
	}
	p.opens++
	if p.refuse {
		return Opened{}, fmt.Errorf("%w: merchant closed", ErrRefused)
	}
	id, known := p.byRef[in.Reference]
	if !known {
		id = "obj-" + strconv.Itoa(len(p.payments)+1)
		p.byRef[in.Reference] = id
		o := &Object{ProviderID: id, Reference: string(in.Reference), State: ObjectCreated, Amount: in.Amount}
		if !p.noLink {
			o.PayURL = "https://pay.example/" + id
		}
		p.payments[id] = o
		p.collector = in.Collector
		p.history = append(p.history, id)
	}
	if p.dropOpen > 0 {
		p.dropOpen--
		return Opened{}, errLine
	}
	return Opened{ProviderID: id, PayURL: "https://pay.example/" + id}, nil
}

func (p *provider) Find(_ context.Context, of Ref) (Object, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blind {
		return Object{}, errLine
	}
	id := of.ProviderID
	if id == "" {
		id = p.byRef[of.Reference]
	}
	if o, ok := p.payments[id]; ok {
		return *o, nil
	}
	return Object{}, ErrUnknown
}

func (p *provider) Changed(_ context.Context, since string) ([]Object, string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from, _ := strconv.Atoi(since)
	var page []Object
	for _, id := range p.history[from:min(from+2, len(p.history))] {
		page = append(page, *p.payments[id])
	}
	return page, strconv.Itoa(from + len(page)), nil
}

func (p *provider) Close(_ context.Context, of Ref) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.payments[of.ProviderID]
	switch {
	case !ok:
		return ErrUnknown
	case o.State == ObjectCaptured:
		return ErrRefused
	}
	o.State = ObjectClosed
	p.history = append(p.history, of.ProviderID)
	return nil
}

func (p *provider) Refund(_ context.Context, in RefundIntent) (RefundObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	if p.refuse {
		return RefundObject{}, fmt.Errorf("%w: card closed", ErrRefused)
	}
	o, known := p.refunds[in.Reference]
	if !known {
		o = &RefundObject{ProviderID: "back-" + strconv.Itoa(len(p.refunds)+1), Reference: string(in.Reference), State: RefundObjectSubmitted, Amount: in.Amount}
		if p.instant {
			o.State = RefundObjectSucceeded
		}
		p.refunds[in.Reference] = o
	}
	if p.dropBack > 0 {
		p.dropBack--
		return RefundObject{}, errLine
	}
	return *o, nil
}

func (p *provider) FindRefund(_ context.Context, of RefundRef) (RefundObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.refunds[of.Reference]; ok {
		return *o, nil
	}
	return RefundObject{}, ErrUnknown
}

// Event accepts one shared word as the signature; the wire format is the
// adapters' own matter.
func (p *provider) Event(header map[string][]string, body []byte, _ time.Time) (Event, error) {
	if len(header["Signature"]) != 1 || header["Signature"][0] != "right" {
		return Event{}, ErrNotice
	}
	var ev Event
	_, err := fmt.Sscanf(string(body), "%s %s %s %s", &ev.ID, &ev.Kind, &ev.ObjectID, &ev.Reference)
	if err != nil {
		return Event{}, ErrNotice
	}
	return ev, nil
}

// pay captures a payment at the provider, in whatever state it is.
func (p *provider) pay(reference AttemptID, got money.Amount, capture string) Object {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.payments[p.byRef[reference]]
	o.State, o.Captured, o.CaptureID = ObjectCaptured, got, capture
	p.history = append(p.history, o.ProviderID)
	return *o
}

// end ends a refund at the provider.
func (p *provider) end(reference RefundID, s RefundObjectState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refunds[reference].State = s
}

func (p *provider) counts() (payments, refunds int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.payments), len(p.refunds)
}
