package stripe

import (
	"context"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/calendar"
	"yunshi/internal/market/payment"
)

// reportKinds is what Stripe's categories of balance lines are here. A share and
// a return move nothing at Stripe and have no line: a split's line is the transfer
// to the vendor, a return's is what a refund took back from it.
var reportKinds = map[sdk.BalanceTransactionReportingCategory]payment.ReportKind{
	sdk.BalanceTransactionReportingCategoryCharge:           payment.ReportCapture,
	sdk.BalanceTransactionReportingCategoryRefund:           payment.ReportRefund,
	sdk.BalanceTransactionReportingCategoryRefundFailure:    payment.ReportRefund,
	sdk.BalanceTransactionReportingCategoryFee:              payment.ReportFee,
	sdk.BalanceTransactionReportingCategoryTax:              payment.ReportFee,
	sdk.BalanceTransactionReportingCategoryTransfer:         payment.ReportSplit,
	sdk.BalanceTransactionReportingCategoryTransferReversal: payment.ReportReturn,
	sdk.BalanceTransactionReportingCategoryPayout:           payment.ReportPayout,
	sdk.BalanceTransactionReportingCategoryPayoutReversal:   payment.ReportPayout,
	sdk.BalanceTransactionReportingCategoryDispute:          payment.ReportDispute,
	sdk.BalanceTransactionReportingCategoryDisputeReversal:  payment.ReportDispute,
}

// single are the categories of which an object has one line. It is named by the
// object; any other by the object and the line, "du_1/txn_2", because a dispute is
// opened again, and a refund or a payout comes back.
var single = map[sdk.BalanceTransactionReportingCategory]bool{
	sdk.BalanceTransactionReportingCategoryCharge:           true,
	sdk.BalanceTransactionReportingCategoryRefund:           true,
	sdk.BalanceTransactionReportingCategoryTransfer:         true,
	sdk.BalanceTransactionReportingCategoryTransferReversal: true,
	sdk.BalanceTransactionReportingCategoryPayout:           true,
}

// Report lists what changed the operator's balance at Stripe on one day of
// Shanghai time, in the currencies of the balance. What Stripe charges with a line
// is a line of its own.
func (g *Gateway) Report(ctx context.Context, day calendar.Date) ([]payment.ReportLine, error) {
	params := &sdk.BalanceTransactionListParams{
		CreatedRange: &sdk.RangeQueryParams{GreaterThanOrEqual: day.Start().Unix(), LesserThan: day.AddDays(1).Start().Unix()},
		Expand:       sdk.StringSlice([]string{"data.source"}),
	}
	params.Limit = sdk.Int64(pageSize)
	var lines []payment.ReportLine
	for line, err := range g.api.V1BalanceTransactions.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, asked("report", err)
		}
		amount, err := amountOf(line.Amount, line.Currency)
		if err != nil {
			return nil, err
		}
		fee, err := amountOf(-line.Fee, line.Currency)
		if err != nil {
			return nil, err
		}
		kind, known := reportKinds[line.ReportingCategory]
		if !known {
			kind = payment.ReportAdjustment
		}
		name, reference := source(line)
		if !single[line.ReportingCategory] && name != line.ID {
			name += "/" + line.ID
		}
		at := time.Unix(line.Created, 0)
		if !amount.IsZero() {
			lines = append(lines, payment.ReportLine{Kind: kind, ProviderID: name, Reference: reference, Amount: amount, At: at})
		}
		if !fee.IsZero() {
			lines = append(lines, payment.ReportLine{Kind: payment.ReportFee, ProviderID: line.ID, Reference: reference, Amount: fee, At: at})
		}
	}
	return lines, nil
}

// source is the object behind a line of the balance, and our reference of it.
func source(line *sdk.BalanceTransaction) (name, reference string) {
	s := line.Source
	if s == nil || s.ID == "" {
		return line.ID, ""
	}
	switch {
	case s.Charge != nil:
		return s.ID, s.Charge.Metadata[referenceKey]
	case s.Refund != nil:
		return s.ID, s.Refund.Metadata[referenceKey]
	case s.Transfer != nil:
		return s.ID, s.Transfer.Metadata[referenceKey]
	case s.TransferReversal != nil:
		return s.ID, s.TransferReversal.Metadata[referenceKey]
	case s.Payout != nil:
		return s.ID, s.Payout.Metadata[referenceKey]
	}
	return s.ID, ""
}
