package wechatpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// payoutPrefix begins our references of payouts. WeChat Pay takes letters and
// digits only, so the "_" is left out on the way and put back on the return.
const payoutPrefix = "pyo"

var payoutReference = regexp.MustCompile(`^` + payoutPrefix + `_[0-9a-z]{6,28}$`)

func payoutNumber(reference payment.PayoutID) string {
	return strings.Replace(string(reference), "_", "", 1)
}

// payoutOf is the reference that a number stands for, or "".
func payoutOf(number string) string {
	reference := payoutPrefix + "_" + strings.TrimPrefix(number, payoutPrefix)
	if !strings.HasPrefix(number, payoutPrefix) || !payoutReference.MatchString(reference) {
		return ""
	}
	return reference
}

type withdrawAsk struct {
	SubMchID     string `json:"sub_mchid"`
	OutRequestNo string `json:"out_request_no"`
	Amount       int64  `json:"amount"`
	Remark       string `json:"remark,omitempty"`
	NotifyURL    string `json:"notify_url"`
}

// withdrawal is a payout as WeChat Pay reports it; the bank account is not read.
type withdrawal struct {
	MchID        string    `json:"sp_mchid"`
	SubMchID     string    `json:"sub_mchid"`
	WithdrawID   string    `json:"withdraw_id"`
	OutRequestNo string    `json:"out_request_no"`
	Status       string    `json:"status"`
	Amount       int64     `json:"amount"`
	CreateTime   time.Time `json:"create_time"`
	UpdateTime   time.Time `json:"update_time"`
}

var withdrawStates = map[string]payment.MoveState{
	"INIT":           payment.MoveProcessing,
	"CREATE_SUCCESS": payment.MoveProcessing,
	"SUCCESS":        payment.MoveDone,
	"FAIL":           payment.MoveFailed,
	"CLOSE":          payment.MoveFailed,
	"REFUND":         payment.MoveReturned,
}

// Payout withdraws a vendor's free money to its bank. WeChat Pay forgets a
// withdrawal's number after six days and would pay again, so the number is asked
// for first, and sent only when there is none or when WeChat Pay has taken it and
// waits for the same call again.
func (g *Gateway) Payout(ctx context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	amount, err := fen(in.Amount)
	if err != nil {
		return payment.PayoutObject{}, err
	}
	if !payoutReference.MatchString(string(in.Reference)) || in.Payee == "" {
		return payment.PayoutObject{}, unable("the reference or the vendor's merchant number is malformed")
	}
	read, err := g.withdrawal(ctx, in)
	switch {
	case err == nil:
		o, err := g.payoutObject(in, read)
		if err != nil || read.Status != "INIT" || g.cfg.Now().Sub(read.CreateTime) >= keyWindow {
			return o, err
		}
	case !errors.Is(err, payment.ErrUnknown):
		return payment.PayoutObject{}, err
	}
	var made withdrawal
	err = g.do(ctx, "payout", http.MethodPost, "/v3/ecommerce/fund/withdraw", withdrawAsk{
		SubMchID: in.Payee, OutRequestNo: payoutNumber(in.Reference), Amount: amount, Remark: cut(in.Description, 56), NotifyURL: g.cfg.NotifyURL,
	}, &made)
	if err != nil {
		return payment.PayoutObject{}, answered(err, "PARAM_ERROR", "INVALID_REQUEST", "NOT_ENOUGH", "ACCOUNT_ERROR")
	}
	if made.OutRequestNo != payoutNumber(in.Reference) || made.SubMchID != in.Payee || made.WithdrawID == "" {
		return payment.PayoutObject{}, errForeign
	}
	return payment.PayoutObject{ProviderID: made.WithdrawID, Reference: string(in.Reference), State: payment.MoveProcessing, Amount: in.Amount}, nil
}

// FindPayout reads a payout by its reference. WeChat Pay remembers one for ninety
// days.
func (g *Gateway) FindPayout(ctx context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	read, err := g.withdrawal(ctx, in)
	if err != nil {
		return payment.PayoutObject{}, err
	}
	return g.payoutObject(in, read)
}

func (g *Gateway) withdrawal(ctx context.Context, in payment.PayoutIntent) (withdrawal, error) {
	target := "/v3/ecommerce/fund/withdraw/out-request-no/" + url.PathEscape(payoutNumber(in.Reference))
	var read withdrawal
	err := g.do(ctx, "find payout", http.MethodGet, target+"?"+url.Values{"sub_mchid": {in.Payee}}.Encode(), nil, &read)
	return read, answered(err)
}

func (g *Gateway) payoutObject(in payment.PayoutIntent, w withdrawal) (payment.PayoutObject, error) {
	if w.OutRequestNo != payoutNumber(in.Reference) || w.MchID != g.cfg.MchID || w.SubMchID != in.Payee || w.Amount != in.Amount.Minor {
		return payment.PayoutObject{}, errForeign
	}
	state, known := withdrawStates[w.Status]
	if !known || w.WithdrawID == "" {
		return payment.PayoutObject{}, fmt.Errorf("%w: payout: unknown status", ErrNoAnswer)
	}
	o := payment.PayoutObject{
		ProviderID: w.WithdrawID, Reference: string(in.Reference), State: state, At: w.UpdateTime,
		Amount: money.Amount{Minor: w.Amount, Currency: currency},
	}
	if state == payment.MoveFailed || state == payment.MoveReturned {
		o.Reason = w.Status // the reason in words names the bank account
	}
	return o, nil
}
