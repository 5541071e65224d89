package ledger

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// Captured is a confirmed payment of one order line.
type Captured struct {
	Provider  string
	CaptureID string // the provider's own id, so that a repeat is recognised for ever
	Line      string // order line that the money is held for
	Vendor    string
	Account   string       // that paid
	Net, Tax  money.Amount // tax only where the operator collects it; else all is net
	Fee       money.Amount // the commission on the whole net, frozen for ever
	At        time.Time
}

// Capture posts P1: Dr psp.clearing, Cr escrow of the line and tax. It freezes
// the numbers of the line; no rate is looked up again after this.
func Capture(ctx context.Context, tx *db.Tx, c Captured) (bool, error) {
	gross, err := c.Net.Add(c.Tax)
	if err != nil {
		return false, err
	}
	frozen, err := freeze(c, gross)
	if err != nil {
		return false, err
	}
	return post(ctx, tx, posting{
		kind: P1Capture, effect: captureKey(c.Provider, c.CaptureID), cause: c.Line, effective: c.At,
		entries: []Entry{
			{Clearing, c.Provider, gross},
			{Escrow, c.Line, negative(c.Net)},
			{Tax, jurisdiction, negative(c.Tax)},
		},
		guards: []guard{frozen},
	})
}

// freeze is the guard that a line is entered once, with numbers that can be one.
func freeze(c Captured, gross money.Amount) (guard, error) {
	if c.Fee.Currency != c.Net.Currency || !(facts{net: c.Net.Minor, tax: c.Tax.Minor, fee: c.Fee.Minor}).valid() {
		return guard{}, ErrInvalid.In("amount")
	}
	return guard{insertLine, []any{
		c.Line, c.Vendor, c.Account, c.Provider, string(c.Net.Currency), c.Net.Minor, c.Tax.Minor, c.Fee.Minor, gross.Minor,
	}, ErrEffect.With("Effect", c.Line)}, nil
}

// jurisdiction is the tax office that tax.payable is owed to.
const jurisdiction = "CN"

// captureKey is shared by P1, P5 and P28: one capture is one order's, one
// invoice's or nobody's.
func captureKey(provider, capture string) string { return "capture:" + provider + ":" + capture }

// ProviderFee posts P2 when a provider's fee is known.
func ProviderFee(ctx context.Context, tx *db.Tx, provider, transaction string, fee money.Amount, at time.Time) (bool, error) {
	if fee.IsZero() {
		return false, nil
	}
	return post(ctx, tx, posting{kind: P2ProviderFee, effect: "pspfee:" + provider + ":" + transaction, cause: transaction, effective: at, entries: []Entry{
		{Fee, provider, fee}, {Clearing, provider, negative(fee)},
	}})
}

// ProviderPayout posts P3 when a provider frees collected money: from then on it
// may be paid out. payout is the provider's id of the payout or split.
func ProviderPayout(ctx context.Context, tx *db.Tx, provider, payout string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P3ProviderPayout, effect: "psppayout:" + provider + ":" + payout, cause: payout, effective: at, entries: []Entry{
		{Bank, "", x}, {Clearing, provider, negative(x)},
	}})
}

// ProviderDraw posts P3r: for a refund after the money was freed the provider
// took x of it back. What the bank no longer has stays a debt on psp.clearing,
// which later payments bring in: a fact is never refused.
func ProviderDraw(ctx context.Context, tx *db.Tx, provider, refund string, x money.Amount, at time.Time) (bool, error) {
	effect := "pspdraw:" + provider + ":" + refund
	if _, found, err := Posted(ctx, tx, effect); err != nil || found {
		return false, err
	}
	liquid, err := db.All(ctx, tx, scanLiquid, selectLiquid)
	if err != nil {
		return false, err
	}
	var there int64
	for _, l := range liquid {
		if l.currency == x.Currency {
			there = l.bank - l.inflight
		}
	}
	if x.Minor = min(x.Minor, there); x.Minor <= 0 {
		return false, nil
	}
	return post(ctx, tx, posting{kind: P3ProviderDraw, effect: effect, cause: refund, effective: at, entries: []Entry{
		{Clearing, provider, x}, {Bank, "", negative(x)},
	}})
}

// LateMoney posts P5 for a capture that no order may keep: it came after the
// order was gone, or in a wrong amount.
func LateMoney(ctx context.Context, tx *db.Tx, provider, capture, cause string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P5LateMoney, effect: captureKey(provider, capture), cause: cause, effective: at, entries: []Entry{
		{Clearing, provider, x}, {Suspense, provider, negative(x)},
	}})
}

// LateRefund posts the second half of P5 once the provider has sent the money back.
func LateRefund(ctx context.Context, tx *db.Tx, provider, refund string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P5LateRefund, effect: "laterefund:" + refund, cause: refund, effective: at, entries: []Entry{
		{Suspense, provider, x}, {Clearing, provider, negative(x)},
	}})
}

// Invoiced posts P27: usage is invoiced in arrears. Nothing of it is payable to
// the vendor before the money is in.
func Invoiced(ctx context.Context, tx *db.Tx, line string, net, tax money.Amount, at time.Time) (bool, error) {
	gross, err := net.Add(tax)
	if err != nil {
		return false, err
	}
	return post(ctx, tx, posting{kind: P27Invoiced, effect: "invoice:" + line, cause: line, effective: at, entries: []Entry{
		{BuyerReceivable, line, gross}, {Uncollected, line, negative(net)}, {Tax, jurisdiction, negative(tax)},
	}})
}

// Collected posts P28: an invoice in arrears was paid. The vendor's share goes
// into escrow of the line, as with an order.
func Collected(ctx context.Context, tx *db.Tx, c Captured) (bool, error) {
	gross, err := c.Net.Add(c.Tax)
	if err != nil {
		return false, err
	}
	frozen, err := freeze(c, gross)
	if err != nil {
		return false, err
	}
	return post(ctx, tx, posting{
		kind: P28Collected, effect: captureKey(c.Provider, c.CaptureID), cause: c.Line, effective: c.At,
		entries: []Entry{
			{Clearing, c.Provider, gross}, {Uncollected, c.Line, c.Net},
			{BuyerReceivable, c.Line, negative(gross)}, {Escrow, c.Line, negative(c.Net)},
		},
		guards: []guard{frozen},
	})
}

// CreditNote posts P29: an invoice in arrears is written off or taken back.
func CreditNote(ctx context.Context, tx *db.Tx, note, line string, net, tax money.Amount, at time.Time) (bool, error) {
	gross, err := net.Add(tax)
	if err != nil {
		return false, err
	}
	return post(ctx, tx, posting{kind: P29CreditNote, effect: "creditnote:" + note, cause: line, effective: at, entries: []Entry{
		{Uncollected, line, net}, {Tax, jurisdiction, tax}, {BuyerReceivable, line, negative(gross)},
	}})
}
