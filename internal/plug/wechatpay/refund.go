package wechatpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

type refundAsk struct {
	SubMchID    string       `json:"sub_mchid"`
	AppID       string       `json:"sp_appid"`
	OutTradeNo  string       `json:"out_trade_no"`
	OutRefundNo string       `json:"out_refund_no"`
	Amount      refundAmount `json:"amount"`
	NotifyURL   string       `json:"notify_url"`
}

type refundAmount struct {
	Refund   int64  `json:"refund"`
	Total    int64  `json:"total,omitempty"`
	Currency string `json:"currency,omitempty"`
}

// refund is a refund as WeChat Pay reports it. A refund just asked for has no
// status yet.
type refund struct {
	RefundID    string       `json:"refund_id"`
	OutRefundNo string       `json:"out_refund_no"`
	Status      string       `json:"status"`
	Amount      refundAmount `json:"amount"`
	SuccessTime time.Time    `json:"success_time"`
}

// refundStates: CLOSED has given nothing back. ABNORMAL means that the payer's card
// no longer takes money; a person must act at WeChat Pay, where the money waits,
// so that for us it has failed.
var refundStates = map[string]payment.RefundObjectState{
	"":           payment.RefundObjectSubmitted,
	"PROCESSING": payment.RefundObjectSubmitted,
	"SUCCESS":    payment.RefundObjectSucceeded,
	"CLOSED":     payment.RefundObjectFailed,
	"ABNORMAL":   payment.RefundObjectFailed,
}

// Refund sends money back, once per reference. Our reason is a code and stays
// here: WeChat Pay would show it to the customer.
func (g *Gateway) Refund(ctx context.Context, in payment.RefundIntent) (payment.RefundObject, error) {
	part, err := fen(in.Amount)
	if err != nil {
		return payment.RefundObject{}, err
	}
	total, err := fen(in.Captured)
	if err != nil {
		return payment.RefundObject{}, err
	}
	if in.Payment.Payee == "" || !number.MatchString(string(in.Reference)) {
		return payment.RefundObject{}, unable("the reference or the vendor's merchant number is malformed")
	}
	var made refund
	err = g.do(ctx, "refund", http.MethodPost, "/v3/ecommerce/refunds/apply", refundAsk{
		SubMchID: in.Payment.Payee, AppID: g.cfg.AppID, OutTradeNo: string(in.Payment.Reference), OutRefundNo: string(in.Reference),
		Amount: refundAmount{Refund: part, Total: total, Currency: string(currency)}, NotifyURL: g.cfg.NotifyURL,
	}, &made)
	if err != nil {
		return payment.RefundObject{}, answered(err, "PARAM_ERROR", "INVALID_REQUEST", "NOT_ENOUGH", "USER_ACCOUNT_ABNORMAL", "MCH_NOT_EXISTS")
	}
	if made.OutRefundNo != string(in.Reference) || made.Amount.Refund != part {
		return payment.RefundObject{}, errForeign
	}
	return made.object()
}

// FindRefund reads one refund by our reference, or by WeChat Pay's id.
func (g *Gateway) FindRefund(ctx context.Context, of payment.RefundRef) (payment.RefundObject, error) {
	if of.Payment.Payee == "" {
		return payment.RefundObject{}, errors.New("wechatpay: find refund: a refund is found only together with its vendor")
	}
	target := "/v3/ecommerce/refunds/out-refund-no/" + url.PathEscape(string(of.Reference))
	if of.Reference == "" {
		target = "/v3/ecommerce/refunds/id/" + url.PathEscape(of.ProviderID)
	}
	var read refund
	err := g.do(ctx, "find refund", http.MethodGet, target+"?"+url.Values{"sub_mchid": {of.Payment.Payee}}.Encode(), nil, &read)
	if err != nil {
		return payment.RefundObject{}, answered(err)
	}
	if of.Reference != "" && read.OutRefundNo != string(of.Reference) || of.Reference == "" && read.RefundID != of.ProviderID {
		return payment.RefundObject{}, errForeign
	}
	return read.object()
}

func (r refund) object() (payment.RefundObject, error) {
	state, known := refundStates[r.Status]
	if !known || r.RefundID == "" || r.Amount.Refund <= 0 || r.Amount.Currency != "" && r.Amount.Currency != string(currency) {
		return payment.RefundObject{}, fmt.Errorf("%w: a refund of unknown state or amount", ErrNoAnswer)
	}
	o := payment.RefundObject{
		ProviderID: r.RefundID, Reference: r.OutRefundNo, State: state, Amount: money.Amount{Minor: r.Amount.Refund, Currency: currency},
	}
	if state == payment.RefundObjectFailed {
		o.Reason = r.Status
	}
	return o, nil
}
