package stripe

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/id"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// finishMark ends the note of a split that frees the rest.
const finishMark = " finish"

// note is a split or a return as it is noted at Stripe: an amount in Stripe's
// units under our reference. A split that frees the rest is noted on its transfer,
// so that both are one call; what moves nothing is noted on the payment.
type note struct {
	amount int64
	finish bool
}

func (n note) String() string {
	if n.finish {
		return strconv.FormatInt(n.amount, 10) + finishMark
	}
	return strconv.FormatInt(n.amount, 10)
}

// books is everything at Stripe that says who has a right to what of one payment.
// It is read anew for each intent.
type books struct {
	paid      *sdk.PaymentIntent
	charge    *sdk.Charge
	reference string // our id of the attempt
	payee     string // the vendor's account
	currency  money.Currency
	captured  int64
	splits    map[string]note
	returns   map[string]note
	refunds   []*sdk.Refund
	transfers []*sdk.Transfer
	reversals map[string][]*sdk.TransferReversal // by transfer
}

// books reads a captured payment and what was made of it. An unpaid one is
// refused.
func (g *Gateway) books(ctx context.Context, of payment.Ref) (*books, error) {
	page, err := g.page(ctx, of)
	if err != nil {
		return nil, err
	}
	paid := page.PaymentIntent
	if paid == nil || paid.Status != sdk.PaymentIntentStatusSucceeded {
		return nil, refused("the payment is not paid")
	}
	if paid.LatestCharge == nil || paid.LatestCharge.ID == "" {
		return nil, unreadable("books", "a paid payment without its charge")
	}
	b := &books{
		paid: paid, charge: paid.LatestCharge, reference: page.Metadata[referenceKey], payee: page.Metadata[payeeKey],
		currency: currency(paid.Currency), captured: paid.AmountReceived,
		splits: map[string]note{}, returns: map[string]note{}, reversals: map[string][]*sdk.TransferReversal{},
	}
	if b.reference == "" || b.payee == "" || of.Payee != "" && of.Payee != b.payee {
		return nil, refused("the payment is not one of ours, or another vendor's")
	}
	for key, value := range paid.Metadata {
		kept := b.splits
		switch id.Prefix(key) {
		case "spl":
		case "ret":
			kept = b.returns
		default:
			continue
		}
		n := note{finish: strings.HasSuffix(value, finishMark)}
		if n.amount, err = strconv.ParseInt(strings.TrimSuffix(value, finishMark), 10, 64); err != nil || n.amount < 0 {
			return nil, unreadable("books", "a note that is not ours")
		}
		kept[key] = n
	}
	for r, err := range g.refunds(ctx, paid.ID).All(ctx) {
		if err != nil {
			return nil, asked("books", err)
		}
		b.refunds = append(b.refunds, r)
	}
	return b, g.readTransfers(ctx, b)
}

// readTransfers adds what the vendor was given, and the notes of the splits that
// did it.
func (g *Gateway) readTransfers(ctx context.Context, b *books) error {
	params := &sdk.TransferListParams{TransferGroup: sdk.String(b.reference)}
	params.Limit = sdk.Int64(pageSize)
	for t, err := range g.api.V1Transfers.List(ctx, params).All(ctx) {
		if err != nil {
			return asked("books", err)
		}
		b.transfers = append(b.transfers, t)
		if reference := t.Metadata[referenceKey]; id.Valid("spl", reference) {
			share, err := strconv.ParseInt(t.Metadata[shareKey], 10, 64)
			if err != nil || share < 0 {
				return unreadable("books", "a transfer that is not ours")
			}
			b.splits[reference] = note{share, true}
		}
		if t.AmountReversed > 0 {
			if err := g.readReversals(ctx, b, t.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// readReversals adds what of a transfer was taken back.
func (g *Gateway) readReversals(ctx context.Context, b *books, transfer string) error {
	params := &sdk.TransferReversalListParams{ID: sdk.String(transfer)}
	params.Limit = sdk.Int64(pageSize)
	for r, err := range g.api.V1TransferReversals.List(ctx, params).All(ctx) {
		if err != nil {
			return asked("books", err)
		}
		b.reversals[transfer] = append(b.reversals[transfer], r)
	}
	return nil
}

// refund is the refund of a reference.
func (b *books) refund(reference string) (*sdk.Refund, bool) {
	for _, r := range b.refunds {
		if r.Metadata[referenceKey] == reference {
			return r, true
		}
	}
	return nil, false
}

// transfer is the transfer of a split.
func (b *books) transfer(reference string) (*sdk.Transfer, bool) {
	for _, t := range b.transfers {
		if t.Metadata[referenceKey] == reference {
			return t, true
		}
	}
	return nil, false
}

// finished reports whether a split has freed the rest.
func (b *books) finished() bool {
	for _, n := range b.splits {
		if n.finish {
			return true
		}
	}
	return false
}

func sum(notes map[string]note) (total int64) {
	for _, n := range notes {
		total += n.amount
	}
	return total
}

// refunded is what has gone from the payee's side. The reference named is left
// out. kept is the part of it that never reached the customer and still lies here
// for it: refunds of ours that failed, and what was reversed for one that was then
// refused. Of refunds made by hand only those count that did not fail.
func (b *books) refunded(except string) (total, kept int64) {
	ours := map[string]bool{except: true}
	for _, r := range b.refunds {
		reference := r.Metadata[referenceKey]
		failed := r.Status == sdk.RefundStatusFailed || r.Status == sdk.RefundStatusCanceled
		if reference == "" && failed || reference != "" && reference == except {
			continue
		}
		total += r.Amount
		if failed {
			kept += r.Amount
		}
		ours[reference] = true
	}
	for _, list := range b.reversals {
		for _, r := range list {
			if reference := r.Metadata[referenceKey]; reference != "" && !ours[reference] {
				total += r.Amount
				kept += r.Amount
			}
		}
	}
	return total, kept
}

// right is what the vendor has a right to after so much less, before the refund
// named. Below zero there is not so much. What would go below zero is what failed
// before, made again: its money is here already.
func (b *books) right(before string, less int64) int64 {
	gone, kept := b.refunded(before)
	left := b.captured - gone - sum(b.splits) + sum(b.returns) - less
	if left < 0 {
		left += kept
	}
	return left
}

// held is what the vendor has been given and not given back.
func (b *books) held() (total int64) {
	for _, t := range b.transfers {
		total += t.Amount - t.AmountReversed
	}
	return total
}

// takeBack reverses what the vendor would have above its right after a refund. A
// repeat only does what is missing. The customer does not wait for the vendor's
// money: what Stripe will not take from the vendor, mostly because its balance
// lacks it, and what of the share was not returned, the operator advances, as
// Stripe asks of it. The next refund of the payment takes what this one could not.
func (g *Gateway) takeBack(ctx context.Context, b *books, reference string, amount int64) error {
	missing := b.held() - max(b.right(reference, amount), 0)
	for _, t := range b.transfers {
		part := min(missing, t.Amount-t.AmountReversed)
		if part <= 0 {
			continue
		}
		params := &sdk.TransferReversalCreateParams{
			ID: sdk.String(t.ID), Amount: sdk.Int64(part),
			Metadata: map[string]string{referenceKey: reference, paymentKey: b.reference},
		}
		params.SetIdempotencyKey(reference + ":" + t.ID)
		if _, err := g.api.V1TransferReversals.Create(ctx, params); err != nil {
			if err := sent("reverse", err); !errors.Is(err, payment.ErrRefused) {
				return err
			}
			continue
		}
		missing -= part
	}
	return nil
}

// Split notes the operator's share and, with Finish, transfers what is left to
// the vendor.
func (g *Gateway) Split(ctx context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	share, err := units(in.Share)
	if err != nil {
		return payment.SplitObject{}, err
	}
	if share == 0 && !in.Finish {
		return payment.SplitObject{}, refused("the split does nothing")
	}
	b, err := g.books(ctx, in.Payment)
	if err != nil {
		return payment.SplitObject{}, notSent(err)
	}
	reference, wanted := string(in.Reference), note{share, in.Finish}
	known, noted := b.splits[reference]
	rest := b.right("", share)
	switch {
	case noted && known != wanted:
		return payment.SplitObject{}, foreign(reference)
	case noted:
		return b.splitObject(reference)
	case in.Share.Currency != b.currency || !b.is(in.Captured):
		return payment.SplitObject{}, refused("the payment is of another amount or currency")
	case b.finished():
		return payment.SplitObject{}, refused("the rest has been freed")
	case rest < 0:
		return payment.SplitObject{}, refused("there is less left than the share")
	case in.Finish && rest > 0:
		made, err := g.free(ctx, b, in, share, rest)
		if err != nil {
			return payment.SplitObject{}, err
		}
		b.transfers = append(b.transfers, made)
	default:
		if err := g.note(ctx, b, reference, wanted); err != nil {
			return payment.SplitObject{}, err
		}
	}
	b.splits[reference] = wanted
	return b.splitObject(reference)
}

// free transfers the rest to the vendor, out of this charge. Stripe does that only
// in the currency the charge was settled in, and an exchange is not exact.
func (g *Gateway) free(ctx context.Context, b *books, in payment.SplitIntent, share, rest int64) (*sdk.Transfer, error) {
	if line := b.charge.BalanceTransaction; line != nil && line.Currency != "" && currency(line.Currency) != b.currency {
		return nil, refused("the payment was settled in another currency")
	}
	params := &sdk.TransferCreateParams{
		Amount: sdk.Int64(rest), Currency: sdk.String(code(b.currency)), Destination: sdk.String(b.payee),
		SourceTransaction: sdk.String(b.charge.ID), TransferGroup: sdk.String(b.reference),
		Metadata: map[string]string{referenceKey: string(in.Reference), paymentKey: b.reference, shareKey: strconv.FormatInt(share, 10)},
	}
	if in.Description != "" {
		params.Description = sdk.String(in.Description)
	}
	params.SetIdempotencyKey(string(in.Reference))
	made, err := g.api.V1Transfers.Create(ctx, params)
	if err != nil {
		return nil, sent("split", err)
	}
	return made, nil
}

// FindSplit reads a split.
func (g *Gateway) FindSplit(ctx context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	b, err := g.books(ctx, in.Payment)
	if err != nil {
		return payment.SplitObject{}, notMade(err)
	}
	return b.splitObject(string(in.Reference))
}

func (b *books) is(a money.Amount) bool {
	n, err := units(a)
	return err == nil && n == b.captured && a.Currency == b.currency
}

func (b *books) splitObject(reference string) (payment.SplitObject, error) {
	n, noted := b.splits[reference]
	if !noted {
		return payment.SplitObject{}, payment.ErrUnknown
	}
	share, err := amountOf(n.amount, b.paid.Currency)
	if err != nil {
		return payment.SplitObject{}, err
	}
	o := payment.SplitObject{
		ProviderID: b.paid.ID + "/" + reference, Reference: reference, State: payment.MoveDone, Share: share, Finished: n.finish, At: b.at(reference),
	}
	if made, moved := b.transfer(reference); moved {
		o.ProviderID, o.At = made.ID, time.Unix(made.Created, 0)
	}
	return o, nil
}

// at is when an intent was made; a note has no time of its own. The money has
// been there since the capture at the earliest.
func (b *books) at(reference string) time.Time {
	if made, ok := id.Time(reference); ok {
		return made
	}
	return time.Unix(b.charge.Created, 0)
}

// note writes a split or return into the metadata of its payment. Notes of other
// references stay as they are, so two at once do not disturb each other. Stripe
// keeps fifty notes of a payment and refuses more.
func (g *Gateway) note(ctx context.Context, b *books, reference string, n note) error {
	params := &sdk.PaymentIntentUpdateParams{Metadata: map[string]string{reference: n.String()}}
	params.SetIdempotencyKey(reference + ":note")
	if _, err := g.api.V1PaymentIntents.Update(ctx, b.paid.ID, params); err != nil {
		return sent("note", err)
	}
	return nil
}

// Return notes that a part of the operator's share is the payee's side's again.
// The money already lies where the refund is paid from.
func (g *Gateway) Return(ctx context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	amount, err := units(in.Amount)
	if err != nil {
		return payment.ReturnObject{}, err
	}
	b, err := g.books(ctx, in.Payment)
	if err != nil {
		return payment.ReturnObject{}, notSent(err)
	}
	reference, wanted := string(in.Reference), note{amount: amount}
	known, noted := b.returns[reference]
	switch {
	case noted && known != wanted:
		return payment.ReturnObject{}, foreign(reference)
	case noted:
	case amount == 0 || in.Amount.Currency != b.currency:
		return payment.ReturnObject{}, refused("the return is of nothing, or of another currency")
	case sum(b.returns)+amount > sum(b.splits):
		return payment.ReturnObject{}, refused("there is less of the share left")
	default:
		if err := g.note(ctx, b, reference, wanted); err != nil {
			return payment.ReturnObject{}, err
		}
		b.returns[reference] = wanted
	}
	return b.returnObject(reference)
}

// FindReturn reads a return.
func (g *Gateway) FindReturn(ctx context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	b, err := g.books(ctx, in.Payment)
	if err != nil {
		return payment.ReturnObject{}, notMade(err)
	}
	return b.returnObject(string(in.Reference))
}

func (b *books) returnObject(reference string) (payment.ReturnObject, error) {
	n, noted := b.returns[reference]
	if !noted {
		return payment.ReturnObject{}, payment.ErrUnknown
	}
	amount, err := amountOf(n.amount, b.paid.Currency)
	if err != nil {
		return payment.ReturnObject{}, err
	}
	return payment.ReturnObject{
		ProviderID: b.paid.ID + "/" + reference, Reference: reference, State: payment.MoveDone, Amount: amount, At: b.at(reference),
	}, nil
}
