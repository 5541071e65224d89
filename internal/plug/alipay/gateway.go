package alipay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

const signType = "RSA2"

// The methods of Alipay that this gateway calls.
const (
	pagePay     = "alipay.trade.page.pay"
	precreate   = "alipay.trade.precreate"
	tradeQuery  = "alipay.trade.query"
	tradeClose  = "alipay.trade.close"
	tradeRefund = "alipay.trade.refund"
	refundQuery = "alipay.trade.fastpay.refund.query"
)

type tradeBiz struct {
	OutTradeNo  string      `json:"out_trade_no"`
	TotalAmount string      `json:"total_amount"`
	Subject     string      `json:"subject"`
	ProductCode string      `json:"product_code,omitempty"`
	TimeExpire  string      `json:"time_expire,omitempty"`
	SubMerchant subMerchant `json:"sub_merchant"`
	SettleInfo  settleInfo  `json:"settle_info"`
}

type subMerchant struct {
	MerchantID string `json:"merchant_id"`
}

type settleInfo struct {
	Details []settleDetail `json:"settle_detail_infos"`
	// Period is when Alipay settles by itself what nobody confirmed.
	Period string `json:"settle_period_time,omitempty"`
}

type settleDetail struct {
	TransInType string `json:"trans_in_type"`
	Amount      string `json:"amount"`
}

// toVendor settles to the account that the sub-merchant named on admission.
func toVendor(amount money.Amount, period string) settleInfo {
	return settleInfo{Details: []settleDetail{{TransInType: "defaultSettle", Amount: amount.Plain()}}, Period: period}
}

// Open makes the payment. Alipay's page has the trade come into being when the
// customer opens it, so the address is made here and nothing is sent; a code is
// asked for. Either way the reference names one trade for ever.
func (g *Gateway) Open(ctx context.Context, in payment.Intent) (payment.Opened, error) {
	switch {
	case in.Amount.Currency != "CNY" || in.Amount.Minor <= 0:
		return payment.Opened{}, fmt.Errorf("%w: alipay: %s cannot be paid here", payment.ErrRefused, in.Amount)
	case in.PayeeAccount == "":
		return payment.Opened{}, fmt.Errorf("%w: alipay: the payment names no sub-merchant", payment.ErrRefused)
	case !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(g.now()):
		return payment.Opened{}, fmt.Errorf("%w: alipay: the time to pay is over", payment.ErrRefused)
	}
	biz := tradeBiz{
		OutTradeNo: string(in.Reference), TotalAmount: in.Amount.Plain(), Subject: subject(in.Description),
		SubMerchant: subMerchant{in.PayeeAccount}, SettleInfo: toVendor(in.Amount, fmt.Sprintf("%dd", freezeDays)),
	}
	if !in.ExpiresAt.IsZero() {
		biz.TimeExpire = in.ExpiresAt.In(calendar.Shanghai).Format(stamp)
	}
	opened := payment.Opened{ProviderID: string(in.Reference)}
	if g.cfg.QR {
		answer, err := call[struct {
			OutTradeNo string `json:"out_trade_no"`
			QRCode     string `json:"qr_code"`
		}](ctx, g, precreate, biz, map[string]string{"notify_url": g.cfg.NotifyURL})
		if err != nil {
			return payment.Opened{}, answered(err)
		}
		if answer.OutTradeNo != string(in.Reference) || answer.QRCode == "" {
			return payment.Opened{}, fmt.Errorf("%w: of another trade", ErrNoAnswer)
		}
		opened.PayURL = answer.QRCode
		return opened, nil
	}
	biz.ProductCode = "FAST_INSTANT_TRADE_PAY"
	r, err := g.prepare(pagePay, biz, map[string]string{"notify_url": g.cfg.NotifyURL, "return_url": in.ReturnURL})
	if err != nil {
		return payment.Opened{}, err
	}
	opened.PayURL = g.address(r)
	return opened, nil
}

// subject is the title of a trade. Alipay forbids some characters, and its bills
// are lines of commas.
func subject(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/=&,"`, r) {
			return ' '
		}
		return r
	}, text))
	if letters := []rune(text); len(letters) > 128 {
		text = string(letters[:128])
	}
	return cmp.Or(text, "-")
}

// trade is what Alipay says of a payment.
type trade struct {
	TradeNo       string `json:"trade_no"`
	OutTradeNo    string `json:"out_trade_no"`
	Status        string `json:"trade_status"`
	TotalAmount   string `json:"total_amount"`
	ReceiptAmount string `json:"receipt_amount"`
	SendPayDate   string `json:"send_pay_date"`
	Settle        struct {
		Details   []settlement `json:"trade_settle_detail_list"`
		Unsettled string       `json:"trade_unsettled_amount"`
	} `json:"trade_settle_info"`
}

// settlement is one movement of a trade's money after it was paid.
type settlement struct {
	Type   string `json:"operation_type"`
	Serial string `json:"operation_serial_no"`
	Amount string `json:"amount"`
	At     string `json:"operation_dt"`
}

type queryBiz struct {
	OutTradeNo   string   `json:"out_trade_no"`
	OutRequestNo string   `json:"out_request_no,omitempty"`
	Options      []string `json:"query_options,omitempty"`
}

// known is the reference by which Alipay knows a payment.
func known(of payment.Ref) string { return cmp.Or(string(of.Reference), of.ProviderID) }

func (g *Gateway) trade(ctx context.Context, of payment.Ref, options ...string) (trade, error) {
	reference := known(of)
	t, err := call[trade](ctx, g, tradeQuery, queryBiz{OutTradeNo: reference, Options: options}, nil)
	if err != nil {
		return trade{}, asked(err)
	}
	if t.OutTradeNo != reference || t.TradeNo == "" {
		return trade{}, fmt.Errorf("%w: of another trade", ErrNoAnswer)
	}
	return t, nil
}

// paid reports whether money came. A trade that was refunded whole is closed,
// too, but has a time of payment.
func (t trade) paid() bool {
	return t.Status == "TRADE_SUCCESS" || t.Status == "TRADE_FINISHED" || t.Status == "TRADE_CLOSED" && t.SendPayDate != ""
}

// Find reads one payment. Until the customer has opened Alipay's page there is
// none.
func (g *Gateway) Find(ctx context.Context, of payment.Ref) (payment.Object, error) {
	t, err := g.trade(ctx, of)
	if err != nil {
		return payment.Object{}, err
	}
	o := payment.Object{ProviderID: t.OutTradeNo, Reference: t.OutTradeNo, Test: g.cfg.Test}
	if o.Amount, err = yuan(t.TotalAmount); err != nil {
		return payment.Object{}, err
	}
	switch {
	case t.paid():
		o.State, o.CaptureID, o.Captured = payment.ObjectCaptured, t.TradeNo, o.Amount
		// Less arrives when the vendor itself gave the buyer a part of the price.
		if t.ReceiptAmount != "" {
			received, err := yuan(t.ReceiptAmount)
			if err != nil {
				return payment.Object{}, err
			}
			if !received.IsZero() {
				o.Captured = received
			}
		}
		if o.CapturedAt, err = moment(t.SendPayDate); err != nil {
			return payment.Object{}, err
		}
	case t.Status == "WAIT_BUYER_PAY":
		o.State = payment.ObjectCreated
	case t.Status == "TRADE_CLOSED":
		o.State = payment.ObjectClosed
	default:
		return payment.Object{}, fmt.Errorf("%w: trade status %q", ErrNoAnswer, plain(t.Status))
	}
	return o, nil
}

// Changed is always empty: Alipay has no such list.
func (g *Gateway) Changed(_ context.Context, since string) ([]payment.Object, string, error) {
	return nil, since, nil
}

// Close ends a payment nobody paid.
func (g *Gateway) Close(ctx context.Context, of payment.Ref) error {
	_, err := call[struct{}](ctx, g, tradeClose, queryBiz{OutTradeNo: known(of)}, nil)
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.is("TRADE_STATUS_ERROR", "REASON_TRADE_STATUS_INVALID") {
		return answered(err)
	}
	// It is closed already, or paid.
	t, err := g.trade(ctx, of)
	switch {
	case err != nil:
		return err
	case t.paid():
		return fmt.Errorf("%w: %w", payment.ErrRefused, e)
	case t.Status == "TRADE_CLOSED":
		return nil
	}
	return e
}

type refundBiz struct {
	OutTradeNo   string    `json:"out_trade_no"`
	RefundAmount string    `json:"refund_amount"`
	OutRequestNo string    `json:"out_request_no"`
	Reason       string    `json:"refund_reason,omitempty"`
	Royalties    []royalty `json:"refund_royalty_parameters,omitempty"`
}

type refundAnswer struct {
	OutTradeNo string `json:"out_trade_no"`
	FundChange string `json:"fund_change"`
}

// Refund sends money back out of the vendor's part. A share that shall go back
// is returned first ([Gateway.Return]).
func (g *Gateway) Refund(ctx context.Context, in payment.RefundIntent) (payment.RefundObject, error) {
	if in.Amount.Currency != "CNY" || in.Amount.Minor <= 0 {
		return payment.RefundObject{}, fmt.Errorf("%w: alipay: %s cannot be refunded", payment.ErrRefused, in.Amount)
	}
	reference := known(in.Payment)
	answer, err := call[refundAnswer](ctx, g, tradeRefund, refundBiz{
		OutTradeNo: reference, RefundAmount: in.Amount.Plain(), OutRequestNo: string(in.Reference), Reason: subject(in.Reason),
	}, nil)
	if err != nil {
		return payment.RefundObject{}, answered(err)
	}
	if answer.OutTradeNo != reference {
		return payment.RefundObject{}, fmt.Errorf("%w: of another trade", ErrNoAnswer)
	}
	if answer.FundChange == "Y" {
		return payment.RefundObject{ProviderID: refundID(reference, string(in.Reference)), Reference: string(in.Reference),
			State: payment.RefundObjectSucceeded, Amount: in.Amount}, nil
	}
	// Nothing moved now: an earlier call did it, or it is still to be done.
	o, err := g.FindRefund(ctx, payment.RefundRef{Reference: in.Reference, Payment: in.Payment})
	if errors.Is(err, payment.ErrUnknown) {
		return payment.RefundObject{}, fmt.Errorf("%w: a refund was taken and is not seen yet", ErrNoAnswer)
	}
	if err == nil && o.Amount != in.Amount {
		return payment.RefundObject{}, fmt.Errorf("alipay: %s stands for another refund", in.Reference)
	}
	return o, err
}

// refundID is a refund's id: Alipay counts refunds by our numbers, each within
// its trade.
func refundID(trade, request string) string { return trade + "/" + request }

type refunded struct {
	OutTradeNo   string        `json:"out_trade_no"`
	OutRequestNo string        `json:"out_request_no"`
	RefundAmount string        `json:"refund_amount"`
	Status       string        `json:"refund_status"`
	PaidAt       string        `json:"gmt_refund_pay"`
	Royalties    []royaltyBack `json:"refund_royaltys"`
}

type royaltyBack struct {
	Amount string `json:"refund_amount"`
	Type   string `json:"royalty_type"`
	Result string `json:"result_code"`
}

// refunded reads what became of a request to send money back. Alipay answers
// with success and without a status when it has none, or when it failed: then
// the same request may be sent again.
func (g *Gateway) refunded(ctx context.Context, trade, request string) (refunded, error) {
	r, err := call[refunded](ctx, g, refundQuery, queryBiz{OutTradeNo: trade, OutRequestNo: request, Options: []string{"gmt_refund_pay"}}, nil)
	switch {
	case err != nil:
		return refunded{}, asked(err)
	case r.Status == "" && len(r.Royalties) == 0:
		return refunded{}, fmt.Errorf("%w: alipay: no refund under this number", payment.ErrUnknown)
	case r.OutTradeNo != trade || r.OutRequestNo != request:
		return refunded{}, fmt.Errorf("%w: of another refund", ErrNoAnswer)
	}
	return r, nil
}

// FindRefund reads one refund.
func (g *Gateway) FindRefund(ctx context.Context, of payment.RefundRef) (payment.RefundObject, error) {
	trade, request := known(of.Payment), string(of.Reference)
	if of.ProviderID != "" { // also all that a notice gives
		ofTrade, ofRequest, _ := strings.Cut(of.ProviderID, "/")
		trade, request = cmp.Or(trade, ofTrade), cmp.Or(request, ofRequest)
	}
	r, err := g.refunded(ctx, trade, request)
	if err != nil {
		return payment.RefundObject{}, err
	}
	if r.Status != "REFUND_SUCCESS" {
		return payment.RefundObject{}, fmt.Errorf("%w: refund status %q", ErrNoAnswer, plain(r.Status))
	}
	o := payment.RefundObject{ProviderID: refundID(trade, request), Reference: request, State: payment.RefundObjectSucceeded}
	o.Amount, err = yuan(r.RefundAmount)
	return o, err
}
