package wechatpay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

type receiverAsk struct {
	AppID        string `json:"appid"`
	Type         string `json:"type"`
	Account      string `json:"account"`
	Name         string `json:"name,omitempty"`
	RelationType string `json:"relation_type"`
}

// receives makes the operator a receiver of splits, once in the life of the
// gateway; WeChat Pay takes it again without complaint.
func (g *Gateway) receives(ctx context.Context) error {
	g.adding.Lock()
	defer g.adding.Unlock()
	if g.receiver {
		return nil
	}
	err := g.do(ctx, "add receiver", http.MethodPost, "/v3/ecommerce/profitsharing/receivers/add", receiverAsk{
		AppID: g.cfg.AppID, Type: merchant, Account: g.cfg.MchID, Name: g.cfg.Company, RelationType: "PLATFORM",
	}, nil)
	g.receiver = err == nil
	return err
}

const merchant = "MERCHANT_ID"

type splitAsk struct {
	AppID         string     `json:"appid"`
	SubMchID      string     `json:"sub_mchid"`
	TransactionID string     `json:"transaction_id"`
	OutOrderNo    string     `json:"out_order_no"`
	Receivers     []shareAsk `json:"receivers"`
	Finish        bool       `json:"finish"`
}

type shareAsk struct {
	Type        string `json:"type"`
	Account     string `json:"receiver_account"`
	Amount      int64  `json:"amount"`
	Description string `json:"description"`
}

type finishAsk struct {
	SubMchID      string `json:"sub_mchid"`
	TransactionID string `json:"transaction_id"`
	OutOrderNo    string `json:"out_order_no"`
	Description   string `json:"description"`
}

// split is a split as WeChat Pay reports it. One just asked for may have no status
// yet: it is done later, receiver by receiver.
type split struct {
	SubMchID      string  `json:"sub_mchid"`
	TransactionID string  `json:"transaction_id"`
	OutOrderNo    string  `json:"out_order_no"`
	OrderID       string  `json:"order_id"`
	Status        string  `json:"status"`
	CloseReason   string  `json:"close_reason"`
	Receivers     []share `json:"receivers"`
}

type share struct {
	Account    string    `json:"receiver_account"`
	Amount     int64     `json:"amount"`
	Result     string    `json:"result"`
	FailReason string    `json:"fail_reason"`
	FinishTime time.Time `json:"finish_time"`
}

// splitRefusals are the codes that end a split. INVALID_REQUEST is none: it also
// says that the payment is not ready to be split yet.
var splitRefusals = []string{"PARAM_ERROR", "NOT_ENOUGH", "RULE_LIMIT"}

// Split gives the operator its share and, with Finish, frees the rest.
func (g *Gateway) Split(ctx context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	switch {
	case !number.MatchString(string(in.Reference)) || in.Payment.Payee == "":
		return payment.SplitObject{}, unable("the reference or the vendor's merchant number is malformed")
	case in.Share.Minor < 0 || in.Share.IsZero() && !in.Finish:
		return payment.SplitObject{}, unable("a split needs a share or an end")
	case in.Share.Minor > 0 && in.Share.Currency != currency:
		return payment.SplitObject{}, unable("an amount must be CNY and above zero")
	}
	most, err := money.Alloc(max(in.Captured.Minor, 0), splitCap, money.Whole)
	if err != nil || in.Share.Minor > most {
		return payment.SplitObject{}, unable("the share is above WeChat Pay's cap")
	}
	paid, err := g.paid(ctx, in.Payment)
	if err != nil {
		return payment.SplitObject{}, err
	}
	description := cmp.Or(cut(in.Description, 80), string(in.Reference))
	var made split
	if in.Share.IsZero() {
		err = g.do(ctx, "finish", http.MethodPost, "/v3/ecommerce/profitsharing/finish-order", finishAsk{
			SubMchID: in.Payment.Payee, TransactionID: paid, OutOrderNo: string(in.Reference), Description: description,
		}, &made)
	} else {
		if err := g.receives(ctx); err != nil {
			return payment.SplitObject{}, err
		}
		err = g.do(ctx, "split", http.MethodPost, "/v3/ecommerce/profitsharing/orders", splitAsk{
			AppID: g.cfg.AppID, SubMchID: in.Payment.Payee, TransactionID: paid, OutOrderNo: string(in.Reference), Finish: in.Finish,
			Receivers: []shareAsk{{Type: merchant, Account: g.cfg.MchID, Amount: in.Share.Minor, Description: description}},
		}, &made)
	}
	if err != nil {
		return payment.SplitObject{}, answered(err, splitRefusals...)
	}
	return g.splitObject(ctx, in, made)
}

// FindSplit reads a split by its reference.
func (g *Gateway) FindSplit(ctx context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	paid, err := g.paid(ctx, in.Payment)
	if err != nil {
		return payment.SplitObject{}, err
	}
	query := url.Values{"sub_mchid": {in.Payment.Payee}, "transaction_id": {paid}, "out_order_no": {string(in.Reference)}}
	var read split
	if err := g.do(ctx, "find split", http.MethodGet, "/v3/ecommerce/profitsharing/orders?"+query.Encode(), nil, &read); err != nil {
		return payment.SplitObject{}, answered(err)
	}
	if read.Status == "" {
		return payment.SplitObject{}, fmt.Errorf("%w: find split: no status", ErrNoAnswer)
	}
	return g.splitObject(ctx, in, read)
}

// paid is the transaction id of a captured payment.
func (g *Gateway) paid(ctx context.Context, of payment.Ref) (string, error) {
	o, err := g.Find(ctx, of)
	switch {
	case err != nil:
		return "", err
	case o.State != payment.ObjectCaptured:
		return "", errors.New("wechatpay: split: the payment is not captured")
	}
	return o.CaptureID, nil
}

func (g *Gateway) splitObject(ctx context.Context, in payment.SplitIntent, s split) (payment.SplitObject, error) {
	if s.OutOrderNo != string(in.Reference) || s.SubMchID != in.Payment.Payee || s.OrderID == "" {
		return payment.SplitObject{}, errForeign
	}
	o := payment.SplitObject{ProviderID: s.OrderID, Reference: s.OutOrderNo, State: payment.MoveProcessing, Share: in.Share}
	switch s.Status {
	case "", "ACCEPTED", "PROCESSING":
		return o, nil
	case "CLOSED": // an older edition of the answer
		o.State, o.Reason = payment.MoveFailed, s.CloseReason
		return o, nil
	case "FINISHED":
	default:
		return payment.SplitObject{}, fmt.Errorf("%w: split: unknown status", ErrNoAnswer)
	}
	if in.Share.IsZero() {
		o.State, o.Finished = payment.MoveDone, true
		return o, nil
	}
	for _, r := range s.Receivers {
		if r.Account != g.cfg.MchID {
			continue // with Finish the vendor may be listed too
		}
		if r.Amount != in.Share.Minor {
			return payment.SplitObject{}, errForeign
		}
		o.At = r.FinishTime
		switch r.Result {
		case "PENDING":
		case "SUCCESS":
			o.State, o.Finished = payment.MoveDone, in.Finish
		case "CLOSED":
			o.State, o.Reason = payment.MoveFailed, cmp.Or(r.FailReason, r.Result)
			if in.Finish {
				// The rest may have been freed all the same: nothing left to split says so.
				left, err := g.unsplit(ctx, s.TransactionID)
				if err != nil {
					return payment.SplitObject{}, err
				}
				o.Finished = left == 0
			}
		default:
			return payment.SplitObject{}, fmt.Errorf("%w: split: unknown result", ErrNoAnswer)
		}
		return o, nil
	}
	return payment.SplitObject{}, errForeign
}

// unsplit is what of a payment is still frozen.
func (g *Gateway) unsplit(ctx context.Context, transaction string) (int64, error) {
	var read struct {
		TransactionID string `json:"transaction_id"`
		Unsplit       *int64 `json:"unsplit_amount"`
	}
	target := "/v3/ecommerce/profitsharing/orders/" + url.PathEscape(transaction) + "/amounts"
	if err := g.do(ctx, "unsplit", http.MethodGet, target, nil, &read); err != nil {
		return 0, err
	}
	if read.TransactionID != transaction || read.Unsplit == nil {
		return 0, errForeign
	}
	return *read.Unsplit, nil
}

type returnAsk struct {
	SubMchID    string `json:"sub_mchid"`
	OutOrderNo  string `json:"out_order_no"`
	OutReturnNo string `json:"out_return_no"`
	ReturnMchID string `json:"return_mchid"`
	Amount      int64  `json:"amount"`
	Description string `json:"description"`
}

type splitReturn struct {
	SubMchID    string    `json:"sub_mchid"`
	OutReturnNo string    `json:"out_return_no"`
	ReturnNo    string    `json:"return_no"`
	ReturnMchID string    `json:"return_mchid"`
	Amount      int64     `json:"amount"`
	Result      string    `json:"result"`
	FailReason  string    `json:"fail_reason"`
	FinishTime  time.Time `json:"finish_time"`
}

// Return takes a part of the operator's share back to the vendor's account.
func (g *Gateway) Return(ctx context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	part, err := fen(in.Amount)
	if err != nil {
		return payment.ReturnObject{}, err
	}
	if !number.MatchString(string(in.Reference)) || in.Payment.Payee == "" || in.Split == "" {
		return payment.ReturnObject{}, unable("the reference, the split or the vendor's merchant number is malformed")
	}
	var made splitReturn
	err = g.do(ctx, "return", http.MethodPost, "/v3/ecommerce/profitsharing/returnorders", returnAsk{
		SubMchID: in.Payment.Payee, OutOrderNo: string(in.Split), OutReturnNo: string(in.Reference), ReturnMchID: g.cfg.MchID,
		Amount: part, Description: cmp.Or(cut(in.Description, 80), string(in.Reference)),
	}, &made)
	if err != nil {
		return payment.ReturnObject{}, answered(err, splitRefusals...)
	}
	return g.returnObject(in, made)
}

// FindReturn reads a return by its reference.
func (g *Gateway) FindReturn(ctx context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	query := url.Values{"sub_mchid": {in.Payment.Payee}, "out_return_no": {string(in.Reference)}, "out_order_no": {string(in.Split)}}
	var read splitReturn
	if err := g.do(ctx, "find return", http.MethodGet, "/v3/ecommerce/profitsharing/returnorders?"+query.Encode(), nil, &read); err != nil {
		return payment.ReturnObject{}, answered(err)
	}
	return g.returnObject(in, read)
}

// returnStates: the documents of the two editions spell a failure differently.
var returnStates = map[string]payment.MoveState{
	"PROCESSING": payment.MoveProcessing, "SUCCESS": payment.MoveDone, "FAIL": payment.MoveFailed, "FAILED": payment.MoveFailed,
}

func (g *Gateway) returnObject(in payment.ReturnIntent, r splitReturn) (payment.ReturnObject, error) {
	if r.OutReturnNo != string(in.Reference) || r.SubMchID != in.Payment.Payee || r.ReturnMchID != g.cfg.MchID || r.Amount != in.Amount.Minor {
		return payment.ReturnObject{}, errForeign
	}
	state, known := returnStates[r.Result]
	if !known || r.ReturnNo == "" {
		return payment.ReturnObject{}, fmt.Errorf("%w: return: unknown result", ErrNoAnswer)
	}
	o := payment.ReturnObject{ProviderID: r.ReturnNo, Reference: r.OutReturnNo, State: state, Amount: in.Amount}
	switch state {
	case payment.MoveDone:
		o.At = r.FinishTime
	case payment.MoveFailed:
		o.At, o.Reason = r.FinishTime, cmp.Or(r.FailReason, r.Result)
	case payment.MoveProcessing, payment.MoveReturned:
	}
	return o, nil
}
