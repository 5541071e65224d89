package stripe

import (
	"context"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// FindDispute reads one dispute by Stripe's id.
func (g *Gateway) FindDispute(ctx context.Context, providerID string) (payment.DisputeObject, error) {
	read, err := g.api.V1Disputes.Retrieve(ctx, providerID, &sdk.DisputeRetrieveParams{Expand: sdk.StringSlice([]string{"payment_intent"})})
	if err != nil {
		return payment.DisputeObject{}, asked("find dispute", err)
	}
	return disputeObject(read)
}

// disputeStates is what Stripe's states are here. An inquiry that was closed stays
// one: it never moved money, as a won dispute has. A prevented dispute is lost when
// the payer was paid back without asking, and else was none.
var disputeStates = map[sdk.DisputeStatus]payment.DisputeState{
	sdk.DisputeStatusWarningNeedsResponse: payment.DisputeInquiry,
	sdk.DisputeStatusWarningUnderReview:   payment.DisputeInquiry,
	sdk.DisputeStatusWarningClosed:        payment.DisputeInquiry,
	sdk.DisputeStatusNeedsResponse:        payment.DisputeOpen,
	sdk.DisputeStatusUnderReview:          payment.DisputeSubmitted,
	sdk.DisputeStatusWon:                  payment.DisputeWon,
	sdk.DisputeStatusLost:                 payment.DisputeLost,
	sdk.DisputeStatusPrevented:            payment.DisputeLost,
}

// disputeObject translates a dispute. What was taken from the balance tells the
// round: each time that a dispute is opened it is taken again.
func disputeObject(read *sdk.Dispute) (payment.DisputeObject, error) {
	state, known := disputeStates[read.Status]
	if !known {
		return payment.DisputeObject{}, unreadable("dispute", "a dispute in state "+string(read.Status))
	}
	amount, err := amountOf(read.Amount, read.Currency)
	if err != nil {
		return payment.DisputeObject{}, err
	}
	o := payment.DisputeObject{
		ProviderID: read.ID, State: state, Amount: amount, Reason: string(read.Reason), At: time.Unix(read.Created, 0),
	}
	if read.PaymentIntent != nil {
		o.Payment = payment.Ref{Reference: payment.AttemptID(read.PaymentIntent.Metadata[referenceKey]), Payee: read.PaymentIntent.Metadata[payeeKey]}
	}
	if d := read.EvidenceDetails; d != nil && d.DueBy != 0 {
		o.EvidenceDue = time.Unix(d.DueBy, 0)
	}
	fees, taken := money.Amount{}, int64(0)
	for _, line := range read.BalanceTransactions {
		taken -= line.Amount
		if line.Amount < 0 {
			o.Round++
		}
		if at := time.Unix(line.Created, 0); at.After(o.At) {
			o.At = at
		}
		fee, err := amountOf(line.Fee, line.Currency)
		if err != nil {
			return payment.DisputeObject{}, err
		}
		if fees.Currency == "" {
			fees.Currency = fee.Currency
		}
		if fees, err = fees.Add(fee); err != nil {
			return payment.DisputeObject{}, unreadable("dispute", "fees in two currencies")
		}
	}
	if read.Status == sdk.DisputeStatusPrevented && taken <= 0 {
		o.State = payment.DisputeInquiry
	}
	o.Round, o.Fee = max(o.Round, 1), fees
	return o, nil
}
