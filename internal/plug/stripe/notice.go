package stripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"yunshi/internal/market/payment"
)

// families are the notices that the market takes, by the beginning of their type:
// what they are about, of which kind of object, and whether that lies in a
// vendor's account. Endpoints at Stripe are to send these and no others:
//
//   - of the operator's account: checkout.session.*, payment_intent.*, refund.*,
//     charge.refund.updated, charge.dispute.*, transfer.*
//   - of connected accounts: payout.*
var families = []struct {
	prefix, object string
	kind           payment.EventKind
	vendors        bool
}{
	{"checkout.session.", "checkout.session", payment.PaymentEvent, false},
	{"payment_intent.", "payment_intent", payment.PaymentEvent, false},
	{"refund.", "refund", payment.RefundEvent, false},
	{"charge.refund.", "refund", payment.RefundEvent, false},
	{"charge.dispute.", "dispute", payment.DisputeEvent, false},
	{"transfer.", "transfer", payment.SplitEvent, false},
	{"payout.", "payout", payment.PayoutEvent, true},
}

// Event verifies a notice over its raw bytes and says what it is about.
func (g *Gateway) Event(header map[string][]string, body []byte, now time.Time) (payment.Event, error) {
	ev, err := g.event(http.Header(header), body, now)
	if err != nil {
		return payment.Event{}, fmt.Errorf("%w: %w", payment.ErrNotice, err)
	}
	return ev, nil
}

func (g *Gateway) event(header http.Header, body []byte, now time.Time) (payment.Event, error) {
	if err := g.proved(header, body, now); err != nil {
		return payment.Event{}, err
	}
	var n struct {
		ID       string `json:"id"`
		Object   string `json:"object"`
		Type     string `json:"type"`
		Account  string `json:"account"`
		Livemode *bool  `json:"livemode"`
		Data     struct {
			Object thing `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &n); err != nil {
		return payment.Event{}, fmt.Errorf("stripe: not a notice: %w", err)
	}
	about := n.Data.Object
	switch {
	case n.Object != "event" || n.ID == "" || about.ID == "":
		return payment.Event{}, fmt.Errorf("stripe: not a notice")
	case n.Livemode == nil || *n.Livemode == g.test:
		return payment.Event{}, fmt.Errorf("stripe: a notice of the other mode")
	}
	for _, f := range families {
		if !strings.HasPrefix(n.Type, f.prefix) || about.Object != f.object {
			continue
		}
		own := n.Account == "" || n.Account == g.account
		if own == f.vendors {
			return payment.Event{}, fmt.Errorf("stripe: a notice for another account")
		}
		ev := payment.Event{ID: n.ID, ObjectID: about.ID, Kind: f.kind}
		if f.kind != payment.DisputeEvent {
			ev.Reference = about.Metadata[referenceKey]
		}
		if f.vendors {
			ev.Payee = n.Account
		}
		return ev, nil
	}
	return payment.Event{}, fmt.Errorf("stripe: a notice that nobody asked for")
}

// proved checks the signature with any of the secrets, and its age by the clock
// given: the SDK's own check of the age reads the system's clock, and lets any
// time in the future pass.
func (g *Gateway) proved(header http.Header, body []byte, now time.Time) error {
	values := header.Values("Stripe-Signature")
	if len(values) != 1 {
		return webhook.ErrNotSigned
	}
	at, err := signedAt(values[0])
	if err != nil {
		return err
	}
	if age := now.Sub(at); age > webhook.DefaultTolerance || age < -webhook.DefaultTolerance {
		return webhook.ErrTooOld
	}
	err = webhook.ErrNoValidSignature
	for _, secret := range g.secrets {
		if secret == "" {
			continue
		}
		if err = webhook.ValidatePayloadIgnoringTolerance(body, values[0], secret); err == nil {
			return nil
		}
	}
	return err
}

// signedAt reads the one time of a signature.
func signedAt(signature string) (time.Time, error) {
	found := ""
	for part := range strings.SplitSeq(signature, ",") {
		if value, is := strings.CutPrefix(part, "t="); is {
			if found != "" {
				return time.Time{}, webhook.ErrInvalidHeader
			}
			found = value
		}
	}
	seconds, err := strconv.ParseInt(found, 10, 64)
	if err != nil {
		return time.Time{}, webhook.ErrInvalidHeader
	}
	return time.Unix(seconds, 0), nil
}
