package alipay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

const (
	settleConfirm = "alipay.trade.settle.confirm"
	orderSettle   = "alipay.trade.order.settle"
	settleQuery   = "alipay.trade.order.settle.query"
)

// royalty is a share, on its way to the operator or back.
type royalty struct {
	Type         string `json:"royalty_type"`
	TransOutType string `json:"trans_out_type,omitempty"`
	TransOut     string `json:"trans_out,omitempty"`
	TransInType  string `json:"trans_in_type,omitempty"`
	TransIn      string `json:"trans_in,omitempty"`
	Amount       string `json:"amount"`
	Desc         string `json:"desc,omitempty"`
	Scene        string `json:"royalty_scene,omitempty"`
}

type confirmBiz struct {
	OutRequestNo string        `json:"out_request_no"`
	TradeNo      string        `json:"trade_no"`
	SettleInfo   settleInfo    `json:"settle_info"`
	Extend       confirmExtend `json:"extend_params"`
}

type confirmExtend struct {
	Freeze string `json:"royalty_freeze"`
}

type settleBiz struct {
	OutRequestNo string       `json:"out_request_no"`
	TradeNo      string       `json:"trade_no"`
	Royalties    []royalty    `json:"royalty_parameters,omitempty"`
	Extend       settleExtend `json:"extend_params"`
	Mode         string       `json:"royalty_mode"`
}

type settleExtend struct {
	Finish string `json:"royalty_finish"`
}

// confirmNo is the number of the confirmation that a split began with.
func confirmNo(id payment.SplitID) string { return string(id) + "_c" }

// withinCap refuses a share that is more than the product lets the operator
// have.
func withinCap(captured, share money.Amount) error {
	most, err := money.Commission(captured.Minor, splitCap)
	if err != nil {
		return fmt.Errorf("alipay: cap: %w", err)
	}
	if captured.Currency != "CNY" || share.Currency != "CNY" && !share.IsZero() || share.IsNegative() || share.Minor > most {
		return fmt.Errorf("%w: alipay: %s of %s is above the cap", payment.ErrRefused, share, captured)
	}
	return nil
}

// settled reports whether the money was settled to the vendor, by anybody.
func (t trade) settled() bool {
	return slices.ContainsFunc(t.Settle.Details, func(d settlement) bool { return d.Type == "settle" })
}

// Split confirms the settlement, frozen, when that has not been done, then gives
// the operator its share, whole or not at all, and frees the rest with Finish.
// Nothing but the rest needs no freezing: then the confirmation is all.
//
// A settlement takes Alipay up to half a minute. A share that is asked for
// within it is answered as not decided, and the next try finds the settlement
// made.
func (g *Gateway) Split(ctx context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	if in.Share.IsZero() && !in.Finish {
		return payment.SplitObject{}, fmt.Errorf("%w: alipay: a split of nothing", payment.ErrRefused)
	}
	if err := withinCap(in.Captured, in.Share); err != nil {
		return payment.SplitObject{}, err
	}
	t, err := g.trade(ctx, in.Payment, "trade_settle_info")
	if err != nil {
		return payment.SplitObject{}, err
	}
	if !t.paid() || t.Status == "TRADE_CLOSED" {
		return payment.SplitObject{}, fmt.Errorf("%w: alipay: there is no money to split, the trade is %s", payment.ErrRefused, plain(t.Status))
	}
	done := payment.SplitObject{
		ProviderID: confirmNo(in.Reference), Reference: string(in.Reference), State: payment.MoveDone, Share: fen(in.Share), Finished: in.Finish, At: g.now(),
	}
	fresh := !t.settled()
	if fresh {
		if err := g.confirm(ctx, t, in); err != nil {
			return payment.SplitObject{}, err
		}
	}
	if in.Share.IsZero() && (fresh || t.confirmedBy(in.Reference)) {
		return done, nil
	}
	biz := settleBiz{OutRequestNo: string(in.Reference), TradeNo: t.TradeNo, Extend: settleExtend{fmt.Sprint(in.Finish)}, Mode: "sync"}
	if !in.Share.IsZero() {
		biz.Royalties = []royalty{{
			Type: "transfer", TransInType: "userId", TransIn: g.cfg.UserID, Amount: in.Share.Plain(), Desc: subject(in.Description), Scene: "平台服务费",
		}}
	}
	answer, err := call[struct {
		TradeNo  string `json:"trade_no"`
		SettleNo string `json:"settle_no"`
	}](ctx, g, orderSettle, biz, nil)
	if err != nil {
		return payment.SplitObject{}, answered(err)
	}
	if answer.TradeNo != t.TradeNo || answer.SettleNo == "" {
		return payment.SplitObject{}, fmt.Errorf("%w: of another split", ErrNoAnswer)
	}
	done.ProviderID = answer.SettleNo
	return done, nil
}

// confirm settles what has not been refunded of a trade to its vendor.
func (g *Gateway) confirm(ctx context.Context, t trade, in payment.SplitIntent) error {
	amount := in.Captured
	if t.Settle.Unsettled != "" {
		rest, err := yuan(t.Settle.Unsettled)
		if err != nil {
			return err
		}
		amount = rest
	}
	answer, err := call[struct {
		TradeNo      string `json:"trade_no"`
		OutRequestNo string `json:"out_request_no"`
	}](ctx, g, settleConfirm, confirmBiz{
		OutRequestNo: confirmNo(in.Reference), TradeNo: t.TradeNo, SettleInfo: toVendor(amount, ""),
		Extend: confirmExtend{fmt.Sprint(!in.Share.IsZero() || !in.Finish)},
	}, nil)
	if err != nil {
		return answered(err)
	}
	if answer.TradeNo != t.TradeNo || answer.OutRequestNo != confirmNo(in.Reference) {
		return fmt.Errorf("%w: of another settlement", ErrNoAnswer)
	}
	return nil
}

// confirmedBy reports whether a split's own confirmation settled the trade.
func (t trade) confirmedBy(id payment.SplitID) bool {
	return slices.ContainsFunc(t.Settle.Details, func(d settlement) bool { return d.Type == "settle" && d.Serial == confirmNo(id) })
}

// fen makes the zero Amount a zero of the only currency there is here.
func fen(a money.Amount) money.Amount {
	if a.IsZero() {
		return money.Zero("CNY")
	}
	return a
}

type settleAnswer struct {
	OutRequestNo string `json:"out_request_no"`
	OperationAt  string `json:"operation_dt"`
	Details      []struct {
		Type      string `json:"operation_type"`
		ExecuteAt string `json:"execute_dt"`
		Amount    string `json:"amount"`
		State     string `json:"state"`
		Error     string `json:"error_code"`
	} `json:"royalty_detail_list"`
}

// FindSplit reads one split. A confirmation alone is none, unless it was to give
// the vendor everything.
func (g *Gateway) FindSplit(ctx context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	t, err := g.trade(ctx, in.Payment, "trade_settle_info")
	if err != nil {
		return payment.SplitObject{}, err
	}
	o := payment.SplitObject{ProviderID: confirmNo(in.Reference), Reference: string(in.Reference), State: payment.MoveDone, Share: money.Zero("CNY")}
	if in.Share.IsZero() && t.confirmedBy(in.Reference) {
		o.Finished = true
		return o, nil
	}
	answer, err := call[settleAnswer](ctx, g, settleQuery, struct {
		OutRequestNo string `json:"out_request_no"`
		TradeNo      string `json:"trade_no"`
	}{string(in.Reference), t.TradeNo}, nil)
	// Alipay has more than one way to say that it has no such split. Whichever it
	// is, sending the split again under its number does it once.
	if errors.Is(answered(err), payment.ErrRefused) {
		return payment.SplitObject{}, fmt.Errorf("%w: %w", payment.ErrUnknown, err)
	}
	if err != nil {
		return payment.SplitObject{}, asked(err)
	}
	if answer.OutRequestNo != string(in.Reference) {
		return payment.SplitObject{}, fmt.Errorf("%w: of another split", ErrNoAnswer)
	}
	if o.At, err = moment(answer.OperationAt); err != nil {
		return payment.SplitObject{}, err
	}
	for _, d := range answer.Details {
		if d.Type != "transfer" {
			continue
		}
		amount, err := yuan(d.Amount)
		if err == nil {
			o.Share, err = o.Share.Add(amount)
		}
		if err == nil && d.ExecuteAt != "" {
			o.At, err = moment(d.ExecuteAt)
		}
		if err != nil {
			return payment.SplitObject{}, err
		}
		switch d.State {
		case "SUCCESS":
		case "PROCESSING":
			o.State = payment.MoveProcessing
		case "FAIL":
			o.State, o.Reason = payment.MoveFailed, plain(d.Error)
		default:
			return payment.SplitObject{}, fmt.Errorf("%w: split state %q", ErrNoAnswer, plain(d.State))
		}
	}
	if o.Share.Minor != in.Share.Minor {
		return payment.SplitObject{}, fmt.Errorf("alipay: %s stands for another split", in.Reference)
	}
	o.Finished = in.Finish && o.State == payment.MoveDone
	return o, nil
}

// Return takes a part of the share back to the vendor's side: a refund of
// nothing that names the share to be given back.
func (g *Gateway) Return(ctx context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	if in.Amount.Currency != "CNY" || in.Amount.Minor <= 0 {
		return payment.ReturnObject{}, fmt.Errorf("%w: alipay: %s cannot be returned", payment.ErrRefused, in.Amount)
	}
	reference := known(in.Payment)
	answer, err := call[refundAnswer](ctx, g, tradeRefund, refundBiz{
		OutTradeNo: reference, RefundAmount: money.Zero("CNY").Plain(), OutRequestNo: string(in.Reference),
		Royalties: []royalty{{
			Type: "transfer", TransOutType: "userId", TransOut: g.cfg.UserID, Amount: in.Amount.Plain(), Desc: subject(in.Description),
		}},
	}, nil)
	if err != nil {
		return payment.ReturnObject{}, answered(err)
	}
	if answer.OutTradeNo != reference {
		return payment.ReturnObject{}, fmt.Errorf("%w: of another trade", ErrNoAnswer)
	}
	// The answer does not speak of shares: whether this one went back is asked.
	o, err := g.FindReturn(ctx, in)
	if errors.Is(err, payment.ErrUnknown) {
		return payment.ReturnObject{}, fmt.Errorf("%w: a return was taken and is not seen yet", ErrNoAnswer)
	}
	return o, err
}

// FindReturn reads one return: as the refund that it is, or, where Alipay counts
// only refunds that give something back, among the movements of the trade.
func (g *Gateway) FindReturn(ctx context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	trade, request := known(in.Payment), string(in.Reference)
	r, err := g.refunded(ctx, trade, request)
	if errors.Is(err, payment.ErrUnknown) {
		r, err = g.moved(ctx, in)
	}
	if err != nil {
		return payment.ReturnObject{}, err
	}
	o := payment.ReturnObject{ProviderID: refundID(trade, request), Reference: request, State: payment.MoveDone, Amount: money.Zero("CNY")}
	if o.At, err = moment(r.PaidAt); err != nil {
		return payment.ReturnObject{}, err
	}
	for _, back := range r.Royalties {
		if !slices.Contains([]string{"", "transfer"}, back.Type) {
			continue
		}
		amount, err := yuan(back.Amount)
		if err == nil {
			o.Amount, err = o.Amount.Add(amount)
		}
		if err != nil {
			return payment.ReturnObject{}, err
		}
		if back.Result != "SUCCESS" {
			o.State, o.Reason = payment.MoveFailed, plain(back.Result)
		}
	}
	if o.Amount != in.Amount {
		return payment.ReturnObject{}, fmt.Errorf("alipay: %s stands for another return", in.Reference)
	}
	return o, nil
}

// moved looks for a return among the movements of its trade, which list only
// what was done.
func (g *Gateway) moved(ctx context.Context, in payment.ReturnIntent) (r refunded, err error) {
	t, err := g.trade(ctx, in.Payment, "trade_settle_info")
	if err != nil {
		return refunded{}, err
	}
	for _, d := range t.Settle.Details {
		if d.Type == "transfer_refund" && d.Serial == string(in.Reference) {
			r.PaidAt = d.At
			r.Royalties = append(r.Royalties, royaltyBack{Amount: d.Amount, Result: "SUCCESS"})
		}
	}
	if len(r.Royalties) == 0 {
		return refunded{}, fmt.Errorf("%w: alipay: no return under this number", payment.ErrUnknown)
	}
	return r, nil
}
