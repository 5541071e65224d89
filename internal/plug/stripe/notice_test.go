package stripe

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"yunshi/internal/market/payment"
)

var noticeTime = time.Unix(1_800_000_000, 0)

// told is a notice of a test account, as Stripe writes it.
func told(kind, object, id, reference, more string) []byte {
	return []byte(fmt.Sprintf(`{
  "id": "evt_1", "object": "event", "api_version": "2026-03-25.dahlia", "created": 1800000000, "livemode": false, "type": %q,%s
  "data": {"object": {"id": %q, "object": %q, "metadata": {"reference": %q}, "note": "caf\u00e9 / 云市"}}
}`, kind, more, id, object, reference))
}

// signed is the header of a body, signed with each secret.
func signed(body []byte, at time.Time, secrets ...string) http.Header {
	value := fmt.Sprintf("t=%d", at.Unix())
	for _, secret := range secrets {
		value += ",v1=" + hex.EncodeToString(webhook.ComputeSignature(at, body, secret))
	}
	return http.Header{"Stripe-Signature": {value}}
}

func receiver(key string) *Gateway {
	return New(Config{Key: key, Secrets: []string{testSecret, "", "whsec_two"}, Account: "acct_operator"})
}

func TestAProvedNoticeSaysWhatItIsAbout(t *testing.T) {
	g := receiver(testKey)
	for _, tt := range []struct {
		body []byte
		want payment.Event
	}{
		{told("checkout.session.completed", "checkout.session", "cs_1", "pay_1", ""), payment.Event{ID: "evt_1", ObjectID: "cs_1", Reference: "pay_1", Kind: payment.PaymentEvent}},
		{told("payment_intent.succeeded", "payment_intent", "pi_1", "pay_1", ""), payment.Event{ID: "evt_1", ObjectID: "pi_1", Reference: "pay_1", Kind: payment.PaymentEvent}},
		{told("refund.failed", "refund", "re_1", "rfd_1", ""), payment.Event{ID: "evt_1", ObjectID: "re_1", Reference: "rfd_1", Kind: payment.RefundEvent}},
		{told("charge.refund.updated", "refund", "re_1", "rfd_1", ""), payment.Event{ID: "evt_1", ObjectID: "re_1", Reference: "rfd_1", Kind: payment.RefundEvent}},
		{told("transfer.created", "transfer", "tr_1", "spl_1", ` "account": "acct_operator",`), payment.Event{ID: "evt_1", ObjectID: "tr_1", Reference: "spl_1", Kind: payment.SplitEvent}},
		{told("payout.failed", "payout", "po_1", "pyo_1", ` "account": "acct_vendor",`), payment.Event{ID: "evt_1", ObjectID: "po_1", Reference: "pyo_1", Payee: "acct_vendor", Kind: payment.PayoutEvent}},
		{told("charge.dispute.created", "dispute", "du_1", "pay_1", ""), payment.Event{ID: "evt_1", ObjectID: "du_1", Kind: payment.DisputeEvent}},
	} {
		for _, secrets := range [][]string{{testSecret}, {"whsec_two"}, {"whsec_gone", testSecret}} {
			if got, err := g.Event(signed(tt.body, noticeTime, secrets...), tt.body, noticeTime.Add(4*time.Minute)); err != nil || got != tt.want {
				t.Errorf("Event = %+v, %v, want %+v", got, err, tt.want)
			}
		}
	}
}

func TestANoticeThatProvesNothingIsRefused(t *testing.T) {
	body := told("checkout.session.completed", "checkout.session", "cs_1", "pay_1", "")
	good := signed(body, noticeTime, testSecret)
	value := good.Get("Stripe-Signature")
	compact := bytes.ReplaceAll(body, []byte("  "), nil)
	unescaped := bytes.ReplaceAll(body, []byte(`\u00e9`), []byte("é"))
	about := func(kind, object, id, more string) []byte { return told(kind, object, id, "pay_1", more) }
	for name, tt := range map[string]struct {
		header http.Header
		body   []byte
		at     time.Time
		key    string
	}{
		"unsigned":                    {header: http.Header{}},
		"signed with another secret":  {header: signed(body, noticeTime, "whsec_other")},
		"signed with the empty one":   {header: signed(body, noticeTime, "")},
		"another body":                {body: bytes.Replace(body, []byte("cs_1"), []byte("cs_2"), 1)},
		"written anew":                {body: compact},
		"other escapes":               {body: unescaped},
		"a byte more":                 {body: append(bytes.Clone(body), '\n')},
		"replayed after six minutes":  {at: noticeTime.Add(6 * time.Minute)},
		"from the future":             {at: noticeTime.Add(-6 * time.Minute)},
		"with its time moved":         {header: http.Header{"Stripe-Signature": {strings.Replace(value, "t=18", "t=19", 1)}}, at: time.Unix(1_900_000_000, 0)},
		"two times":                   {header: http.Header{"Stripe-Signature": {value + ",t=1800000000"}}},
		"no time":                     {header: http.Header{"Stripe-Signature": {value[strings.Index(value, ",")+1:]}}},
		"a time that is none":         {header: http.Header{"Stripe-Signature": {strings.Replace(value, "t=", "t=x", 1)}}},
		"the scheme of tests":         {header: http.Header{"Stripe-Signature": {strings.Replace(value, "v1=", "v0=", 1)}}},
		"half a signature":            {header: http.Header{"Stripe-Signature": {value[:len(value)-2]}}},
		"two signature headers":       {header: http.Header{"Stripe-Signature": {value, value}}},
		"of the other mode":           {key: "sk_live_1"},
		"of no mode":                  {body: bytes.Replace(body, []byte(`"livemode": false,`), nil, 1)},
		"of a vendor's account":       {body: about("checkout.session.completed", "checkout.session", "cs_1", ` "account": "acct_vendor",`)},
		"a payout of the operator's":  {body: about("payout.paid", "payout", "po_1", "")},
		"a payout of the own account": {body: about("payout.paid", "payout", "po_1", ` "account": "acct_operator",`)},
		"of a type nobody asked for":  {body: about("customer.created", "customer", "cus_1", "")},
		"of a type about another":     {body: about("checkout.session.completed", "payout", "po_1", "")},
		"about nothing":               {body: about("checkout.session.completed", "checkout.session", "", "")},
		"a thin one":                  {body: bytes.Replace(body, []byte(`"object": "event"`), []byte(`"object": "v2.core.event"`), 1)},
		"not an object":               {body: []byte(`[]`)},
		"nothing":                     {body: []byte{}},
	} {
		if tt.body == nil {
			tt.body = body
		} else if tt.header == nil && name != "another body" && name != "written anew" && name != "other escapes" && name != "a byte more" {
			tt.header = signed(tt.body, noticeTime, testSecret)
		}
		if tt.header == nil {
			tt.header = good
		}
		if tt.at.IsZero() {
			tt.at = noticeTime
		}
		if tt.key == "" {
			tt.key = testKey
		}
		got, err := receiver(tt.key).Event(tt.header, tt.body, tt.at)
		if !errors.Is(err, payment.ErrNotice) || got != (payment.Event{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		} else if text := err.Error(); strings.Contains(text, "whsec") || strings.Contains(text, "cs_1") {
			t.Errorf("%s: error %q", name, text)
		}
	}
	if _, err := receiver(testKey).Event(good, body, noticeTime); err != nil {
		t.Errorf("the notice that all of these were made of: %v", err)
	}
	if _, err := New(Config{Key: testKey}).Event(signed(body, noticeTime, ""), body, noticeTime); !errors.Is(err, payment.ErrNotice) {
		t.Errorf("without secrets: %v", err)
	}
}

// Nothing that a stranger sends is believed or brings the entry down, and what is
// signed is either understood or refused.
func FuzzNotice(f *testing.F) {
	body := told("payout.failed", "payout", "po_1", "pyo_1", ` "account": "acct_vendor",`)
	header := signed(body, noticeTime, testSecret).Get("Stripe-Signature")
	f.Add(header, body)
	f.Add("t=1800000000,v1=00", []byte(`{"object":"event","data":{"object":[]}}`))
	f.Add("t=,v1=", []byte(`{"id":1}`))
	f.Add("=,,t=-1=", []byte(nil))
	f.Add(header+",v1=", []byte(`{"object":"event","id":"evt_1","livemode":false,"type":"refund.x","data":{"object":{"id":"re_1","object":"refund","metadata":{"reference":null}}}}`))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		g := receiver(testKey)
		genuine := signed(body, noticeTime, testSecret)
		if got, err := g.Event(http.Header{"Stripe-Signature": {header}}, body, noticeTime); err == nil && !strings.Contains(header, hex.EncodeToString(webhook.ComputeSignature(noticeTime, body, testSecret))) {
			t.Errorf("a forged notice passes: %+v", got)
		} else if err != nil && !errors.Is(err, payment.ErrNotice) {
			t.Errorf("error %v", err)
		}
		got, err := g.Event(genuine, body, noticeTime)
		switch {
		case err != nil && !errors.Is(err, payment.ErrNotice):
			t.Errorf("error %v", err)
		case err == nil && (got.ID == "" || got.ObjectID == "" || got.Kind == "" || got.Kind == payment.PayoutEvent && got.Payee == ""):
			t.Errorf("Event = %+v", got)
		}
	})
}
