// Package banktransfer lets a customer pay by bank transfer to the provider's
// settlement account that is held in the vendor's name, or, where no law wants a
// licensed provider for that, to the operator's own account.
//
// There is nothing to call. Opening an attempt gives the customer the account
// and a code to write on the transfer. The bank's statement, which finance
// imports, is the only source: a credit line with the code is the capture, a
// debit line with a refund's code is the refund, a credit line with a refund's
// code is a refund that came back, and so with the code of a payout to a vendor.
// Refunds and payouts are transfer orders that finance exports and sends.
//
// Owns: the instructions, the reading of statement files, the transfer file.
// Does not own: statement lines, refunds and payouts (package payment keeps them).
//
// Always true: no state of money comes from anywhere but a statement line; the
// same line read twice says the same; an amount in a file is read exactly or
// refused with its line and field.
package banktransfer

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/market/payment"
)

// Name is the gateway's name in ledger accounts and records.
const Name = "banktransfer"

// PayWithin is how long a customer has to transfer the money.
const PayWithin = 72 * time.Hour

// Gateway is bank transfer as a payment.Gateway. Bank and Lines are required.
type Gateway struct {
	// Bank is the name of the bank or licensed provider that keeps the account.
	Bank string
	// Own is the number of the operator's own account; empty: the money goes to the
	// vendor's. Package payment refuses it where the law does.
	Own string
	// Lines reads the imported statement lines that carry a code, oldest first.
	Lines func(ctx context.Context, code string) ([]payment.StatementLine, error)
}

var (
	_ payment.Gateway = Gateway{}
	_ payment.Payer   = Gateway{}
)

// Name implements payment.Gateway.
func (Gateway) Name() string { return Name }

// Capability implements payment.Gateway.
func (g Gateway) Capability() payment.Capability {
	return payment.Capability{PartialRefund: true, Lists: true, PayWithin: PayWithin, OwnAccount: g.Own != ""}
}

// Open gives the instructions. The names of the values are keys of
// "payment.instruction.…" in the catalogue.
func (g Gateway) Open(_ context.Context, in payment.Intent) (payment.Opened, error) {
	if g.Own != "" {
		in.PayeeName, in.PayeeAccount = in.Collector, g.Own
	}
	return payment.Opened{ProviderID: string(in.Reference), Instructions: map[string]string{
		"bank":           g.Bank,
		"account_name":   in.PayeeName,
		"account_number": in.PayeeAccount,
		"code":           payment.AttemptCode(in.Reference),
		"amount":         in.Amount.Plain(),
		"currency":       string(in.Amount.Currency),
		"until":          in.ExpiresAt.In(calendar.Shanghai).Format("2006-01-02 15:04"),
	}}, nil
}

// Find reads the attempt's first credit line; until there is one the payment
// waits for the customer.
func (g Gateway) Find(ctx context.Context, of payment.Ref) (payment.Object, error) {
	reference := payment.AttemptID(cmp.Or(string(of.Reference), of.ProviderID)) // our reference is the provider's id
	lines, err := g.Lines(ctx, payment.AttemptCode(reference))
	if err != nil {
		return payment.Object{}, fmt.Errorf("banktransfer: lines of %s: %w", reference, err)
	}
	o := payment.Object{ProviderID: string(reference), Reference: string(reference), State: payment.ObjectCreated}
	for _, l := range lines {
		if l.Amount.Minor > 0 {
			o.State, o.Captured, o.CaptureID, o.CapturedAt = payment.ObjectCaptured, l.Amount, l.BankRef, l.At
			break
		}
	}
	return o, nil
}

// Changed is always empty: an import has the lines it brings looked at itself.
func (Gateway) Changed(_ context.Context, since string) ([]payment.Object, string, error) {
	return nil, since, nil
}

// Close has nothing to do: a transfer cannot be stopped, and one that comes late
// is recorded as such.
func (Gateway) Close(context.Context, payment.Ref) error { return nil }

// Refund accepts the transfer order; finance sends it.
func (g Gateway) Refund(ctx context.Context, in payment.RefundIntent) (payment.RefundObject, error) {
	return g.FindRefund(ctx, payment.RefundRef{Reference: in.Reference})
}

// FindRefund reads the refund's lines: it has succeeded when a debit carries its
// code, and failed when the money came back after that.
func (g Gateway) FindRefund(ctx context.Context, of payment.RefundRef) (payment.RefundObject, error) {
	reference := of.Reference
	sent, back, err := g.order(ctx, payment.RefundCode(reference))
	if err != nil {
		return payment.RefundObject{}, fmt.Errorf("banktransfer: lines of %s: %w", reference, err)
	}
	o := payment.RefundObject{ProviderID: string(reference), Reference: string(reference), State: payment.RefundObjectSubmitted, Amount: sent.Amount}
	switch {
	case back.ID != "":
		o.State, o.Reason = payment.RefundObjectFailed, returned
	case sent.ID != "":
		o.State = payment.RefundObjectSucceeded
	}
	return o, nil
}

// Payout accepts the transfer order; finance sends it to in.Payee.
func (g Gateway) Payout(ctx context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	return g.FindPayout(ctx, in)
}

// FindPayout reads the payout's lines: it is paid when a debit carries its code,
// and returned when the money came back after that; what the bank kept of it is
// the fee.
func (g Gateway) FindPayout(ctx context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	sent, back, err := g.order(ctx, payment.PayoutCode(in.Reference))
	if err != nil {
		return payment.PayoutObject{}, fmt.Errorf("banktransfer: lines of %s: %w", in.Reference, err)
	}
	o := payment.PayoutObject{
		ProviderID: string(in.Reference), Reference: string(in.Reference), State: payment.MoveProcessing, Amount: sent.Amount, At: sent.At,
	}
	switch {
	case back.ID != "":
		o.State, o.Reason, o.At = payment.MoveReturned, returned, back.At
		if kept, err := sent.Amount.Sub(back.Amount); err == nil && kept.Minor > 0 {
			o.Fee = kept
		}
	case sent.ID != "":
		o.State = payment.MoveDone
	}
	return o, nil
}

// returned is why a transfer failed that its bank sent back.
const returned = "returned"

// order reads the lines of a transfer order: the first debit, its amount without
// the sign, and the first credit after it. Each is zero while there is none.
func (g Gateway) order(ctx context.Context, code string) (sent, back payment.StatementLine, err error) {
	lines, err := g.Lines(ctx, code)
	if err != nil {
		return sent, back, err
	}
	for _, l := range lines {
		switch {
		case l.Amount.Minor < 0 && sent.ID == "":
			sent = l
			if sent.Amount, err = l.Amount.Neg(); err != nil {
				return sent, back, fmt.Errorf("line %s: %w", l.ID, err)
			}
		case l.Amount.Minor > 0 && sent.ID != "" && back.ID == "":
			back = l
		}
	}
	return sent, back, nil
}

// Event implements payment.Gateway: a bank sends no notices, so every one is
// refused.
func (Gateway) Event(map[string][]string, []byte, time.Time) (payment.Event, error) {
	return payment.Event{}, payment.ErrNotice
}
