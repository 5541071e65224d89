package alipay

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"yunshi/internal/market/payment"
)

// Alipay repeats a notice for 25 hours, each time with the time of sending.
const (
	noticeAge   = 26 * time.Hour
	noticeAhead = 10 * time.Minute
)

// The reasons why a notice is not accepted.
var (
	errNoticeShape = errors.New("alipay: not a notice")
	errNoticeProof = errors.New("alipay: the notice is not proved")
	errNoticeOther = errors.New("alipay: the notice is for somebody else")
	errNoticeStale = errors.New("alipay: the notice is too old or from the future")
)

// Event verifies a notice over its form as it was sent.
//
// Alipay sends one notice again with another time in it. The time is therefore
// part of the event's id: what is the same in all its bytes is a repeat, and
// nothing else is.
func (g *Gateway) Event(_ map[string][]string, body []byte, now time.Time) (payment.Event, error) {
	n, err := g.notice(body, now)
	if err != nil {
		return payment.Event{}, fmt.Errorf("%w: %w", payment.ErrNotice, err)
	}
	return n, nil
}

func (g *Gateway) notice(body []byte, now time.Time) (payment.Event, error) {
	params, err := form(body)
	if err != nil {
		return payment.Event{}, err
	}
	if params["sign_type"] != signType || !proves(g.public, []byte(content(params, "sign", "sign_type")), params["sign"]) {
		return payment.Event{}, errNoticeProof
	}
	if params["app_id"] != g.cfg.AppID || g.cfg.SellerID != "" && params["seller_id"] != g.cfg.SellerID {
		return payment.Event{}, errNoticeOther
	}
	at, err := moment(params["notify_time"])
	if err != nil || at.IsZero() || at.Before(now.Add(-noticeAge)) || at.After(now.Add(noticeAhead)) {
		return payment.Event{}, errNoticeStale
	}
	trade, request := params["out_trade_no"], params["out_biz_no"]
	if params["notify_type"] != "trade_status_sync" || params["notify_id"] == "" || trade == "" {
		return payment.Event{}, errNoticeShape
	}
	e := payment.Event{ID: params["notify_id"] + " " + params["notify_time"], ObjectID: trade, Reference: trade, Kind: payment.PaymentEvent}
	if request != "" && params["refund_fee"] != "" {
		e.ObjectID, e.Reference, e.Kind = refundID(trade, request), request, payment.RefundEvent
		if strings.HasPrefix(request, "ret_") {
			e.Kind = payment.ReturnEvent
		}
	}
	return e, nil
}

// form reads a form whose members each appear once.
func form(body []byte) (map[string]string, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil || len(values) == 0 {
		return nil, errNoticeShape
	}
	params := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) != 1 {
			return nil, errNoticeShape
		}
		params[name] = all[0]
	}
	return params, nil
}
