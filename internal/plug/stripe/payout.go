package stripe

import (
	"context"
	"errors"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/id"
	"yunshi/internal/market/payment"
)

// Payout sends money from the vendor's Stripe balance to the vendor's bank. The
// vendor's account must be on manual payouts, or Stripe sends it by itself.
func (g *Gateway) Payout(ctx context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	amount, err := payoutUnits(in.Amount)
	if err != nil {
		return payment.PayoutObject{}, err
	}
	if amount == 0 || in.Payee == "" {
		return payment.PayoutObject{}, refused("the payout has no amount or no payee")
	}
	if g.late(string(in.Reference)) {
		switch found, err := g.FindPayout(ctx, in); {
		case err == nil && found.Amount != in.Amount:
			return payment.PayoutObject{}, foreign(string(in.Reference))
		case err == nil:
			return found, nil
		case !errors.Is(err, payment.ErrUnknown):
			return payment.PayoutObject{}, err
		}
	}
	params := &sdk.PayoutCreateParams{
		Amount: sdk.Int64(amount), Currency: sdk.String(code(in.Amount.Currency)), Method: sdk.String(sdk.PayoutMethodStandard),
		Metadata: map[string]string{referenceKey: string(in.Reference)},
		Expand:   sdk.StringSlice([]string{"failure_balance_transaction"}),
	}
	if in.Description != "" {
		params.Description = sdk.String(in.Description)
	}
	params.SetStripeAccount(in.Payee)
	params.SetIdempotencyKey(string(in.Reference))
	made, err := g.api.V1Payouts.Create(ctx, params)
	if err != nil {
		return payment.PayoutObject{}, sent("payout", err)
	}
	return payoutObject(made)
}

// FindPayout looks for a payout in the list of the vendor's, from the time on
// that its reference was made.
func (g *Gateway) FindPayout(ctx context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	params := &sdk.PayoutListParams{Expand: sdk.StringSlice([]string{"data.failure_balance_transaction"})}
	params.Limit = sdk.Int64(pageSize)
	params.SetStripeAccount(in.Payee)
	if made, ok := id.Time(string(in.Reference)); ok {
		params.CreatedRange = &sdk.RangeQueryParams{GreaterThanOrEqual: made.Add(-clockSkew).Unix()}
	}
	read, found, err := first(ctx, g.api.V1Payouts.List(ctx, params), func(p *sdk.Payout) bool {
		return p.Metadata[referenceKey] == string(in.Reference)
	})
	switch {
	case err != nil:
		return payment.PayoutObject{}, asked("find payout", err)
	case !found:
		return payment.PayoutObject{}, payment.ErrUnknown
	}
	return payoutObject(read)
}

var payoutStates = map[sdk.PayoutStatus]payment.MoveState{
	sdk.PayoutStatusPending:   payment.MoveProcessing,
	sdk.PayoutStatusInTransit: payment.MoveProcessing,
	sdk.PayoutStatusPaid:      payment.MoveDone,
	sdk.PayoutStatusFailed:    payment.MoveFailed,
	sdk.PayoutStatusCanceled:  payment.MoveFailed,
}

// payoutObject translates a payout. Stripe calls a payout failed also when the
// bank has sent the money back after it had been paid. Stripe takes a payout for
// paid on its arrival date; money that is back later than that was returned.
func payoutObject(read *sdk.Payout) (payment.PayoutObject, error) {
	state, known := payoutStates[read.Status]
	if !known {
		return payment.PayoutObject{}, unreadable("payout", "a payout in state "+string(read.Status))
	}
	amount, err := amountOf(read.Amount, read.Currency)
	if err != nil {
		return payment.PayoutObject{}, err
	}
	o := payment.PayoutObject{
		ProviderID: read.ID, Reference: read.Metadata[referenceKey], State: state, Amount: amount, At: time.Unix(read.Created, 0),
	}
	switch state {
	case payment.MoveDone:
		o.At = time.Unix(read.ArrivalDate, 0)
	case payment.MoveFailed:
		if o.Reason = string(read.FailureCode); o.Reason == "" {
			o.Reason = string(read.Status)
		}
		if back := read.FailureBalanceTransaction; back != nil && back.Created != 0 {
			o.At = time.Unix(back.Created, 0)
			if back.Created > read.ArrivalDate {
				o.State = payment.MoveReturned
			}
		}
	case payment.MoveProcessing, payment.MoveReturned:
	}
	return o, nil
}
