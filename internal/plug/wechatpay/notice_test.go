package wechatpay

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"yunshi/internal/market/payment"
)

func TestANoticeSaysOnlyWhatItIsAbout(t *testing.T) {
	s := startStandIn(t)
	g := s.gateway()
	ids := func(more ...string) map[string]any {
		m := map[string]any{"sp_mchid": testMch, "sub_mchid": testVendor}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	cases := map[string]struct {
		kind     string
		resource map[string]any
		want     payment.Event
	}{
		"payment": {
			"TRANSACTION.SUCCESS", ids("out_trade_no", string(payRef), "transaction_id", "4200", "trade_state", "SUCCESS"),
			payment.Event{Kind: payment.PaymentEvent, ObjectID: string(payRef), Reference: string(payRef)},
		},
		"refund": {
			"REFUND.ABNORMAL", ids("out_trade_no", string(payRef), "transaction_id", "4200", "out_refund_no", string(refundRef), "refund_id", "5030"),
			payment.Event{Kind: payment.RefundEvent, ObjectID: "5030", Reference: string(refundRef)},
		},
		"split": {
			"PROFITSHARING.SUCCESS", ids("transaction_id", "4200", "order_id", "3000", "out_order_no", string(splitRef)),
			payment.Event{Kind: payment.SplitEvent, ObjectID: "3000", Reference: string(splitRef)},
		},
		// As it has been seen to come.
		"split_named_a_payment": {
			"TRANSACTION.SUCCESS", ids("transaction_id", "4200", "order_id", "3000", "out_order_no", string(splitRef)),
			payment.Event{Kind: payment.SplitEvent, ObjectID: "3000", Reference: string(splitRef)},
		},
		"return": {
			"PROFITSHARING.RETURN", ids("transaction_id", "4200", "order_id", "3008", "out_order_no", string(returnRef)),
			payment.Event{Kind: payment.ReturnEvent, ObjectID: "3008", Reference: string(returnRef)},
		},
		"return_named_a_payment": {
			"TRANSACTION.SUCCESS", ids("transaction_id", "4200", "order_id", "3008", "out_order_no", string(returnRef)),
			payment.Event{Kind: payment.ReturnEvent, ObjectID: "3008", Reference: string(returnRef)},
		},
		"payout": {
			"MCHWITHDRAW.CHANGE", ids("withdraw_id", "1234", "out_request_no", payoutNumber(payoutRef), "status", "REFUND"),
			payment.Event{Kind: payment.PayoutEvent, ObjectID: "1234", Reference: string(payoutRef)},
		},
	}
	for name, c := range cases {
		header, body := s.notice("EV-"+name, c.kind, c.resource)
		c.want.ID, c.want.Payee = "EV-"+name, testVendor
		if got, err := g.Event(header, body, s.clock().Add(4*time.Minute)); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
		// An older one is a replay, whoever sends it.
		if got, err := g.Event(header, body, s.clock().Add(6*time.Minute)); !errors.Is(err, payment.ErrNotice) {
			t.Errorf("%s replayed: %+v, %v", name, got, err)
		}
	}
}

func TestANoticeThatProvesNothingIsRefused(t *testing.T) {
	s := startStandIn(t)
	g := s.gateway()
	good := map[string]any{"sp_mchid": testMch, "sub_mchid": testVendor, "out_trade_no": string(payRef)}
	without := func(name string) map[string]any {
		m := map[string]any{"sp_mchid": testMch, "sub_mchid": testVendor, "out_trade_no": string(payRef)}
		delete(m, name)
		return m
	}
	with := func(name string, value any) map[string]any {
		m := without("")
		m[name] = value
		return m
	}
	cases := map[string]struct {
		id       string
		resource map[string]any
		change   func(h http.Header, body []byte) []byte
		want     error
	}{
		"another account":  {"EV-1", with("sp_mchid", "1900000001"), nil, errAccount},
		"no account":       {"EV-1", without("sp_mchid"), nil, errAccount},
		"no vendor":        {"EV-1", without("sub_mchid"), nil, errAccount},
		"about nothing":    {"EV-1", without("out_trade_no"), nil, errNotice},
		"no id":            {"", good, nil, errNotice},
		"a number as id":   {"EV-1", with("out_trade_no", 7), nil, errNotice},
		"unsigned":         {"EV-1", good, func(h http.Header, b []byte) []byte { h.Del(headerSignature); return b }, errUnsigned},
		"a byte more":      {"EV-1", good, func(_ http.Header, b []byte) []byte { return append(b, ' ') }, errSignature},
		"an unknown key":   {"EV-1", good, func(h http.Header, b []byte) []byte { h.Set(headerSerial, testSerial); return b }, errSerial},
		"a later time":     {"EV-1", good, func(h http.Header, b []byte) []byte { h.Set(headerTimestamp, "9"+h.Get(headerTimestamp)); return b }, errStale},
		"another's notice": {"EV-1", good, func(http.Header, []byte) []byte { return []byte(`{"id":"EV-1"}`) }, errSignature},
		"other whitespace": {"EV-1", good, func(_ http.Header, b []byte) []byte {
			var v any
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			again, err := json.MarshalIndent(v, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			return again
		}, errSignature},
	}
	for name, c := range cases {
		header, body := s.notice(c.id, "TRANSACTION.SUCCESS", c.resource)
		if c.change != nil {
			body = c.change(header, body)
		}
		if got, err := g.Event(header, body, s.clock()); !errors.Is(err, payment.ErrNotice) || !errors.Is(err, c.want) || got != (payment.Event{}) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, c.want)
		}
	}

	// Rightly signed, but not what a notice is.
	for name, body := range map[string]string{
		"no JSON": "x", "a list": "[]", "nothing": "{}", "open content": `{"id":"1","resource":{"out_trade_no":"pay_1"}}`,
		"another's content": `{"id":"1","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"fdasflkja484","ciphertext":"AAAA"}}`,
	} {
		h := http.Header{}
		s.mu.Lock()
		s.signed(h, []byte(body))
		s.mu.Unlock()
		if got, err := g.Event(h, []byte(body), s.clock()); !errors.Is(err, payment.ErrNotice) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// Signed with WeChat Pay's key, sealed with another merchant's secret.
	s.secret = []byte(strings.Repeat("y", 32))
	header, body := s.notice("EV-1", "TRANSACTION.SUCCESS", good)
	if got, err := g.Event(header, body, s.clock()); !errors.Is(err, errDecrypt) {
		t.Errorf("another merchant's: %+v, %v", got, err)
	}
}

// FuzzNotice: whatever comes, a notice is refused or says what it is about.
func FuzzNotice(f *testing.F) {
	s := startStandIn(f)
	g := s.gateway()
	header, body := s.notice("EV-1", "TRANSACTION.SUCCESS", map[string]any{"sp_mchid": testMch, "sub_mchid": testVendor, "out_trade_no": string(payRef)})
	f.Add(body, header.Get(headerTimestamp), header.Get(headerNonce), header.Get(headerSignature), header.Get(headerSerial), true)
	f.Add([]byte(`{"id":"1","resource":{}}`), "1", "2", "3", "4", true)
	f.Add([]byte(`{"sp_mchid":"1900007291","sub_mchid":"1","out_refund_no":"r","refund_id":"5"}`), "", "", "", "", false)
	f.Fuzz(func(t *testing.T, content []byte, stamp, nonce, signature, serial string, raw bool) {
		var event payment.Event
		var err error
		if raw {
			h := http.Header{headerTimestamp: {stamp}, headerNonce: {nonce}, headerSignature: {signature}, headerSerial: {serial}}
			if event, err = g.Event(h, content, s.clock()); err != nil && !errors.Is(err, payment.ErrNotice) {
				t.Error(err)
			}
		} else { // the content is what WeChat Pay has encrypted and signed
			sealed, jsonErr := json.Marshal(map[string]any{"id": "EV-9", "event_type": stamp, "resource": s.seal(content, "fdasflkja484", "transaction")})
			if jsonErr != nil {
				t.Fatal(jsonErr)
			}
			event, err = g.about(sealed)
		}
		switch {
		case err != nil && event != (payment.Event{}):
			t.Errorf("%+v, %v", event, err)
		case err == nil && (event.ID == "" || event.ObjectID == "" || event.Payee == "" || event.Kind == ""):
			t.Errorf("a notice about nothing: %+v", event)
		case err == nil && raw && string(content) != string(body):
			t.Errorf("a forged notice: %q", content)
		}
	})
}
