package wechatpay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

const currency = money.Currency("CNY")

// number is what WeChat Pay takes as a number of ours: of an order, a refund, a
// split, a return.
var number = regexp.MustCompile(`^[0-9A-Za-z_*-]{6,32}$`)

// transactionID is what WeChat Pay's own id of a payment looks like.
var transactionID = regexp.MustCompile(`^[0-9]{10,32}$`)

// unable is a refusal of ours: nothing was sent, and it never will be.
func unable(why string) error {
	return fmt.Errorf("%w: wechatpay: %s", payment.ErrRefused, why)
}

// fen returns an amount as WeChat Pay takes it.
func fen(a money.Amount) (int64, error) {
	if a.Currency != currency || a.Minor <= 0 {
		return 0, unable("an amount must be CNY and above zero")
	}
	return a.Minor, nil
}

// cut shortens a text to so many bytes, whole characters only.
func cut(text string, most int) string {
	for len(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// errForeign means that an answer is not about what was asked for.
var errForeign = fmt.Errorf("%w: the answer is about something else", ErrNoAnswer)

type orderAmount struct {
	Total    int64  `json:"total"`
	Currency string `json:"currency,omitempty"`
}

type nativeAsk struct {
	AppID       string      `json:"sp_appid"`
	MchID       string      `json:"sp_mchid"`
	SubMchID    string      `json:"sub_mchid"`
	Description string      `json:"description"`
	OutTradeNo  string      `json:"out_trade_no"`
	TimeExpire  string      `json:"time_expire,omitempty"`
	NotifyURL   string      `json:"notify_url"`
	SettleInfo  settleInfo  `json:"settle_info"`
	Amount      orderAmount `json:"amount"`
}

type settleInfo struct {
	ProfitSharing bool `json:"profit_sharing"`
}

// Open makes a Native order whose money stays frozen until it is split. The same
// order again gives a fresh code.
func (g *Gateway) Open(ctx context.Context, in payment.Intent) (payment.Opened, error) {
	total, err := fen(in.Amount)
	if err != nil {
		return payment.Opened{}, err
	}
	reference := string(in.Reference)
	if !number.MatchString(reference) || in.PayeeAccount == "" {
		return payment.Opened{}, unable("the reference or the vendor's merchant number is malformed")
	}
	ask := nativeAsk{
		AppID: g.cfg.AppID, MchID: g.cfg.MchID, SubMchID: in.PayeeAccount, Description: cmp.Or(cut(in.Description, 127), reference),
		OutTradeNo: reference, NotifyURL: g.cfg.NotifyURL, SettleInfo: settleInfo{ProfitSharing: true},
		Amount: orderAmount{Total: total, Currency: string(currency)},
	}
	if !in.ExpiresAt.IsZero() {
		ask.TimeExpire = in.ExpiresAt.In(calendar.Shanghai).Format(time.RFC3339)
	}
	var made struct {
		CodeURL string `json:"code_url"`
	}
	err = g.do(ctx, "open", http.MethodPost, "/v3/pay/partner/transactions/native", ask, &made)
	if err != nil {
		return payment.Opened{}, answered(err, "PARAM_ERROR", "INVALID_REQUEST", "MCH_NOT_EXISTS", "ORDER_CLOSED", "TRADE_ERROR")
	}
	if !strings.HasPrefix(made.CodeURL, "weixin://") {
		return payment.Opened{}, fmt.Errorf("%w: open: no code", ErrNoAnswer)
	}
	return payment.Opened{ProviderID: reference, Instructions: map[string]string{CodeInstruction: made.CodeURL}}, nil
}

// CodeInstruction names the instruction that the shop draws as a code to scan.
const CodeInstruction = "scan"

// transaction is a payment as WeChat Pay reports it; what it says of the payer is
// not read.
type transaction struct {
	MchID         string      `json:"sp_mchid"`
	SubMchID      string      `json:"sub_mchid"`
	OutTradeNo    string      `json:"out_trade_no"`
	TransactionID string      `json:"transaction_id"`
	TradeState    string      `json:"trade_state"`
	SuccessTime   time.Time   `json:"success_time"`
	Amount        orderAmount `json:"amount"`
}

var tradeStates = map[string]payment.ObjectState{
	"SUCCESS":    payment.ObjectCaptured,
	"REFUND":     payment.ObjectCaptured, // and something was given back since
	"NOTPAY":     payment.ObjectCreated,
	"USERPAYING": payment.ObjectProcessing,
	"CLOSED":     payment.ObjectClosed,
	"REVOKED":    payment.ObjectClosed,
	"PAYERROR":   payment.ObjectFailed,
}

// Find reads one payment by our reference, or by WeChat Pay's transaction id when
// that is all we know.
func (g *Gateway) Find(ctx context.Context, of payment.Ref) (payment.Object, error) {
	if of.Payee == "" {
		return payment.Object{}, errors.New("wechatpay: find: a payment is found only together with its vendor")
	}
	reference := cmp.Or(string(of.Reference), of.ProviderID)
	target := "/v3/pay/partner/transactions/out-trade-no/" + url.PathEscape(reference)
	if of.Reference == "" && transactionID.MatchString(of.ProviderID) {
		target = "/v3/pay/partner/transactions/id/" + of.ProviderID
	}
	query := url.Values{"sp_mchid": {g.cfg.MchID}, "sub_mchid": {of.Payee}}
	var read transaction
	if err := g.do(ctx, "find", http.MethodGet, target+"?"+query.Encode(), nil, &read); err != nil {
		return payment.Object{}, answered(err)
	}
	if read.MchID != g.cfg.MchID || read.SubMchID != of.Payee || read.OutTradeNo != reference && read.TransactionID != reference {
		return payment.Object{}, errForeign
	}
	return read.object()
}

func (t transaction) object() (payment.Object, error) {
	state, known := tradeStates[t.TradeState]
	if !known {
		return payment.Object{}, fmt.Errorf("%w: find: unknown trade state", ErrNoAnswer)
	}
	o := payment.Object{ProviderID: t.OutTradeNo, Reference: t.OutTradeNo, State: state}
	if t.Amount.Total > 0 {
		o.Amount = money.Amount{Minor: t.Amount.Total, Currency: currency}
	}
	if state != payment.ObjectCaptured {
		return o, nil
	}
	if t.TransactionID == "" || t.SuccessTime.IsZero() || t.Amount.Total <= 0 || t.Amount.Currency != string(currency) {
		return payment.Object{}, fmt.Errorf("%w: find: a payment without id, time or amount", ErrNoAnswer)
	}
	o.CaptureID, o.CapturedAt, o.Captured = t.TransactionID, t.SuccessTime, o.Amount
	return o, nil
}

// Changed has nothing to list: WeChat Pay has no such list. It is the moment to
// renew the certificates when they are in use.
func (g *Gateway) Changed(ctx context.Context, since string) ([]payment.Object, string, error) {
	if len(g.keys.given) > 0 {
		return nil, since, nil
	}
	return nil, since, g.renew(ctx, renewEvery)
}

type closeAsk struct {
	MchID    string `json:"sp_mchid"`
	SubMchID string `json:"sub_mchid"`
}

// Close ends a payment nobody paid. When WeChat Pay will not, the payment itself
// says why.
func (g *Gateway) Close(ctx context.Context, of payment.Ref) error {
	if of.Payee == "" {
		return errors.New("wechatpay: close: a payment is closed only together with its vendor")
	}
	reference := cmp.Or(string(of.Reference), of.ProviderID)
	target := "/v3/pay/partner/transactions/out-trade-no/" + url.PathEscape(reference) + "/close"
	err := g.do(ctx, "close", http.MethodPost, target, closeAsk{MchID: g.cfg.MchID, SubMchID: of.Payee}, nil)
	switch {
	case said(err, "ORDER_CLOSED"):
		return nil
	case said(err, "ORDER_PAID", "ORDERPAID", "INVALID_REQUEST", "TRADE_ERROR"):
		o, readErr := g.Find(ctx, payment.Ref{Reference: payment.AttemptID(reference), Payee: of.Payee})
		switch {
		case readErr != nil:
			return readErr
		case o.State == payment.ObjectClosed:
			return nil
		case o.State == payment.ObjectCaptured:
			return fmt.Errorf("%w: %w", payment.ErrRefused, err)
		}
	}
	return answered(err)
}
