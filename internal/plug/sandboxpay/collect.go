package sandboxpay

import (
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

var (
	_ payment.Splitter = (*Gateway)(nil)
	_ payment.Payer    = (*Gateway)(nil)
	_ payment.Disputer = (*Gateway)(nil)
	_ payment.Reporter = (*Gateway)(nil)
)

// made reads the answer to a call that makes something. When the provider already
// has something under the reference, that is read, and must be the same.
func made[T any](o T, err error, find func() (T, bool, error), same func(T) bool) (T, error) {
	if taken(err) {
		var found bool
		o, found, err = find()
		if err == nil && (!found || !same(o)) {
			return o, fmt.Errorf("sandboxpay: the reference stands for something else")
		}
	}
	return o, answered(err)
}

// looked is the answer to a question by reference.
func looked[T any](o T, found bool, err error) (T, error) {
	if err == nil && !found {
		return o, payment.ErrUnknown
	}
	return o, answered(err)
}

// Split gives the operator its share, once per reference.
func (g *Gateway) Split(ctx context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	ask := SplitRequest{
		Reference: string(in.Reference), Payment: in.Payment.ProviderID, Share: in.Share.Minor, Finish: in.Finish, Description: in.Description,
	}
	o, err := g.client.CreateSplit(ctx, ask)
	o, err = made(o, err, func() (Split, bool, error) { return g.client.FindSplit(ctx, ask.Reference) }, func(o Split) bool {
		return o.Payment == ask.Payment && o.Share == ask.Share && o.Finish == ask.Finish
	})
	if err != nil {
		return payment.SplitObject{}, err
	}
	return splitObject(o)
}

// FindSplit reads one split by our reference.
func (g *Gateway) FindSplit(ctx context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	o, err := looked(g.client.FindSplit(ctx, string(in.Reference)))
	if err != nil {
		return payment.SplitObject{}, err
	}
	return splitObject(o)
}

// Return takes a part of a share back, once per reference.
func (g *Gateway) Return(ctx context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	ask := ReturnRequest{Reference: string(in.Reference), Split: in.SplitProviderID, Amount: in.Amount.Minor}
	o, err := g.client.CreateReturn(ctx, ask)
	o, err = made(o, err, func() (Return, bool, error) { return g.client.FindReturn(ctx, ask.Reference) }, func(o Return) bool {
		return o.Split == ask.Split && o.Amount == ask.Amount
	})
	if err != nil {
		return payment.ReturnObject{}, err
	}
	return returnObject(o)
}

// FindReturn reads one return by our reference.
func (g *Gateway) FindReturn(ctx context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	o, err := looked(g.client.FindReturn(ctx, string(in.Reference)))
	if err != nil {
		return payment.ReturnObject{}, err
	}
	return returnObject(o)
}

// Payout sends a payee's free money to its bank, once per reference.
func (g *Gateway) Payout(ctx context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	ask := PayoutRequest{
		Reference: string(in.Reference), Payee: in.Payee, PayeeName: in.PayeeName, Amount: in.Amount.Minor, Currency: string(in.Amount.Currency),
		Description: in.Description,
	}
	o, err := g.client.CreatePayout(ctx, ask)
	o, err = made(o, err, func() (Payout, bool, error) { return g.client.FindPayout(ctx, ask.Reference) }, func(o Payout) bool {
		return o.Payee == ask.Payee && o.Amount == ask.Amount && o.Currency == ask.Currency
	})
	if err != nil {
		return payment.PayoutObject{}, err
	}
	return payoutObject(o)
}

// FindPayout reads one payout by our reference.
func (g *Gateway) FindPayout(ctx context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	o, err := looked(g.client.FindPayout(ctx, string(in.Reference)))
	if err != nil {
		return payment.PayoutObject{}, err
	}
	return payoutObject(o)
}

// FindDispute reads one dispute by the provider's id.
func (g *Gateway) FindDispute(ctx context.Context, providerID string) (payment.DisputeObject, error) {
	o, err := g.client.Dispute(ctx, providerID)
	if err != nil {
		return payment.DisputeObject{}, answered(err)
	}
	return disputeObject(o)
}

// ChangedDisputes lists disputes by their last change.
func (g *Gateway) ChangedDisputes(ctx context.Context, since string) ([]payment.DisputeObject, string, error) {
	page, err := g.client.DisputesSince(ctx, since)
	if err != nil {
		return nil, "", answered(err)
	}
	objects := make([]payment.DisputeObject, 0, len(page.Data))
	for _, d := range page.Data {
		o, err := disputeObject(d)
		if err != nil {
			return nil, "", err
		}
		objects = append(objects, o)
	}
	return objects, page.Next, nil
}

var moveStates = map[MoveStatus]payment.MoveState{
	MoveProcessing: payment.MoveProcessing, MoveDone: payment.MoveDone, MoveFailed: payment.MoveFailed, MoveReturned: payment.MoveReturned,
}

var disputeStates = map[DisputeStatus]payment.DisputeState{
	DisputeOpen: payment.DisputeOpen, DisputeSubmitted: payment.DisputeSubmitted, DisputeWon: payment.DisputeWon, DisputeLost: payment.DisputeLost,
}

var reportKinds = map[string]payment.ReportKind{
	"split": payment.ReportSplit, "return": payment.ReportReturn, "payout": payment.ReportPayout, "dispute": payment.ReportDispute,
	"fee": payment.ReportFee, "adjustment": payment.ReportAdjustment,
}

// translated reads a state and an amount of the provider; one that this adapter
// does not know is an error, never a guess.
func translated[S ~string, T any](states map[S]T, s S, minor int64, currency string) (to T, amount money.Amount, err error) {
	to, known := states[s]
	if !known {
		return to, amount, fmt.Errorf("%w: %q", ErrNoAnswer, s)
	}
	amount, err = money.New(minor, money.Currency(currency))
	if err != nil {
		return to, amount, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	return to, amount, nil
}

// last is when an object came to its state.
func last(created, ended time.Time) time.Time {
	if ended.IsZero() {
		return created
	}
	return ended
}

func splitObject(o Split) (payment.SplitObject, error) {
	state, share, err := translated(moveStates, o.Status, o.Share, o.Currency)
	return payment.SplitObject{
		ProviderID: o.ID, Reference: o.Reference, State: state, Share: share, Finished: o.Finish, Reason: o.Failure, At: last(o.CreatedAt, o.EndedAt),
	}, err
}

func returnObject(o Return) (payment.ReturnObject, error) {
	state, amount, err := translated(moveStates, o.Status, o.Amount, o.Currency)
	return payment.ReturnObject{
		ProviderID: o.ID, Reference: o.Reference, State: state, Amount: amount, Reason: o.Failure, At: last(o.CreatedAt, o.EndedAt),
	}, err
}

func payoutObject(o Payout) (payment.PayoutObject, error) {
	state, amount, err := translated(moveStates, o.Status, o.Amount, o.Currency)
	return payment.PayoutObject{
		ProviderID: o.ID, Reference: o.Reference, State: state, Amount: amount, Fee: money.Amount{Minor: o.Fee, Currency: amount.Currency},
		Reason: o.Failure, At: last(o.CreatedAt, o.EndedAt),
	}, err
}

func disputeObject(o Dispute) (payment.DisputeObject, error) {
	state, amount, err := translated(disputeStates, o.Status, o.Amount, o.Currency)
	return payment.DisputeObject{
		ProviderID: o.ID, Payment: payment.Ref{Reference: payment.AttemptID(o.Reference), ProviderID: o.Payment}, State: state, Round: o.Round,
		Amount: amount, Fee: money.Amount{Minor: o.Fee, Currency: amount.Currency}, Reason: o.Reason, EvidenceDue: o.EvidenceDue, At: o.ChangedAt,
	}, err
}

// Report reads the provider's account of a day.
func (g *Gateway) Report(ctx context.Context, day calendar.Date) ([]payment.ReportLine, error) {
	daily, err := g.client.DailyReport(ctx, day.String())
	if err != nil {
		return nil, answered(err)
	}
	var lines []payment.ReportLine
	add := func(kind payment.ReportKind, id, reference string, minor int64, currency string, at time.Time) error {
		amount, err := money.New(minor, money.Currency(currency))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		lines = append(lines, payment.ReportLine{Kind: kind, ProviderID: id, Reference: reference, Amount: amount, At: at})
		return nil
	}
	for _, l := range daily.Captured {
		if err := add(payment.ReportCapture, l.ID, l.Reference, l.Amount, l.Currency, l.At); err != nil {
			return nil, err
		}
		if l.Fee == 0 {
			continue
		}
		if err := add(payment.ReportFee, l.ID, l.Reference, -l.Fee, l.Currency, l.At); err != nil {
			return nil, err
		}
	}
	for _, l := range daily.Refunded {
		if err := add(payment.ReportRefund, l.ID, l.Reference, -l.Amount, l.Currency, l.At); err != nil {
			return nil, err
		}
	}
	for _, m := range daily.Moved {
		kind, known := reportKinds[m.Kind]
		if !known {
			return nil, fmt.Errorf("%w: report line %q", ErrNoAnswer, m.Kind)
		}
		if err := add(kind, m.ID, m.Reference, m.Amount, m.Currency, m.At); err != nil {
			return nil, err
		}
	}
	return lines, nil
}
