package wechatpay

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"yunshi/internal/market/payment"
)

// envelope is a notice as it comes.
type envelope struct {
	ID        string `json:"id"`
	EventType string `json:"event_type"`
	Resource  sealed `json:"resource"`
}

// subject is what a notice is about: the ids in its decrypted resource. Nothing
// else of it is read.
type subject struct {
	MchID        string `json:"sp_mchid"`
	SubMchID     string `json:"sub_mchid"`
	OutTradeNo   string `json:"out_trade_no"`
	OutRefundNo  string `json:"out_refund_no"`
	RefundID     string `json:"refund_id"`
	OutOrderNo   string `json:"out_order_no"`
	OrderID      string `json:"order_id"`
	OutRequestNo string `json:"out_request_no"`
	WithdrawID   string `json:"withdraw_id"`
}

var (
	errNotice  = errors.New("wechatpay: not a notice")
	errAccount = errors.New("wechatpay: the notice is for another account")
)

// Event verifies a notice over its raw bytes and says what it is about.
func (g *Gateway) Event(header map[string][]string, body []byte, now time.Time) (payment.Event, error) {
	event, err := g.event(http.Header(header), body, now)
	if err != nil {
		return payment.Event{}, fmt.Errorf("%w: %w", payment.ErrNotice, err)
	}
	return event, nil
}

func (g *Gateway) event(header http.Header, body []byte, now time.Time) (payment.Event, error) {
	if err := verify(header, body, now, func(serial string) *rsa.PublicKey { return g.keys.of(serial, now) }); err != nil {
		return payment.Event{}, err
	}
	return g.about(body)
}

// about reads a notice whose sender is proved.
func (g *Gateway) about(body []byte) (payment.Event, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		return payment.Event{}, errNotice
	}
	plain, err := e.Resource.open(g.cfg.SecretKey)
	if err != nil {
		return payment.Event{}, err
	}
	var s subject
	if err := json.Unmarshal(plain, &s); err != nil {
		return payment.Event{}, errNotice
	}
	if s.MchID != g.cfg.MchID || s.SubMchID == "" {
		return payment.Event{}, errAccount
	}
	event, ok := s.event(e.EventType)
	if !ok {
		return payment.Event{}, errNotice
	}
	event.ID, event.Payee = e.ID, s.SubMchID
	return event, nil
}

// event says what a resource is about by the ids it has: WeChat Pay has sent
// splits under the type of a payment.
func (s subject) event(kind string) (payment.Event, bool) {
	switch {
	case s.OutRequestNo != "" && s.WithdrawID != "":
		return payment.Event{Kind: payment.PayoutEvent, ObjectID: s.WithdrawID, Reference: payoutOf(s.OutRequestNo)}, true
	case s.OutRefundNo != "" && s.RefundID != "":
		return payment.Event{Kind: payment.RefundEvent, ObjectID: s.RefundID, Reference: s.OutRefundNo}, true
	case s.OutOrderNo != "" && s.OrderID != "":
		event := payment.Event{Kind: payment.SplitEvent, ObjectID: s.OrderID, Reference: s.OutOrderNo}
		if kind == "PROFITSHARING.RETURN" || strings.HasPrefix(s.OutOrderNo, returnPrefix) {
			event.Kind = payment.ReturnEvent
		}
		return event, true
	case s.OutTradeNo != "":
		return payment.Event{Kind: payment.PaymentEvent, ObjectID: s.OutTradeNo, Reference: s.OutTradeNo}, true
	}
	return payment.Event{}, false
}

// returnPrefix begins our references of returns.
const returnPrefix = "ret_"
