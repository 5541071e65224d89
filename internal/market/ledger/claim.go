package ledger

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// Damages is compensation that was decided or agreed against a vendor.
type Damages struct {
	Case           string
	Line           string
	Amount         money.Amount
	Exception      string // law article or document that allows more than the cap; empty: none
	IncludesRefund bool   // the rulebook counts a returned price inside the cap
	Deposit        bool   // a final decision lets the deposit be drawn
	At             time.Time
}

// Compensate posts P12: the vendor pays damages, from what is held, payable, in
// the deposit where decided, and else as its debt. Above the cap of the line it
// is refused, unless law or an agreement is named, which is kept on the line.
func Compensate(ctx context.Context, tx *db.Tx, d Damages) (bool, error) {
	effect := "comp:" + d.Case + ":" + d.Line
	if _, found, err := known(ctx, tx, effect, Compensation, -d.Amount.Minor); err != nil || found {
		return false, err
	}
	l, err := LineOf(ctx, tx, d.Line)
	if err != nil {
		return false, err
	}
	if d.Amount.Currency != l.Net.Currency || d.Amount.Minor <= 0 {
		return false, ErrInvalid.In("amount")
	}
	limit := l.Cap.Minor
	if err := withinCap(l, d.Amount.Minor, d.IncludesRefund); err != nil {
		if d.Exception == "" {
			return false, err
		}
		limit = max(limit, l.Compensated.Minor+d.Amount.Minor)
	}
	p, err := purseOf(ctx, tx, l.Vendor, l.Net.Currency, d.Deposit, l.ID, d.Case)
	if err != nil {
		return false, err
	}
	entries, _ := p.pay(l.Vendor, l.Net.Currency, d.Amount.Minor)
	basis := l.CapBasis
	if limit > l.Cap.Minor {
		basis = d.Exception
	}
	return post(ctx, tx, posting{
		kind: P12Compensation, effect: effect, cause: l.ID, effective: d.At, entries: append(entries, Entry{Compensation, l.Account, negative(d.Amount)}),
		guards: []guard{
			{raiseCap, []any{limit, basis, l.ID, l.Version}, ErrStale},
			moved(l, l.facts(), 0, d.Amount.Minor),
			locked(l.Vendor),
		},
	})
}

// WidenCap adds what was paid for the same product on the same chain of orders
// (renewals in dispute) to a line's cap.
func WidenCap(ctx context.Context, tx *db.Tx, line string, chain money.Amount) error {
	l, err := LineOf(ctx, tx, line)
	if err != nil || chain.Minor <= l.Cap.Minor {
		return err
	}
	if chain.Currency != l.Net.Currency {
		return ErrInvalid.In("amount")
	}
	n, err := tx.Exec(ctx, raiseCap, chain.Minor, l.CapBasis, line, l.Version)
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}

// Compensated posts P13: damages become payable to the buyer by transfer, for
// they are not bounded by what its card was charged. of is the line, or the
// account for what a forfeited deposit gave.
func Compensated(ctx context.Context, tx *db.Tx, matter, of, account string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P13Compensated, effect: "comp:" + matter + ":" + of + ":paid", cause: of, effective: at, entries: []Entry{
		{Compensation, account, x}, {Owed, account, negative(x)},
	}})
}

// GoodwillFor posts P14: the operator pays a buyer of its own.
func GoodwillFor(ctx context.Context, tx *db.Tx, id, account string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P14Goodwill, effect: "goodwill:" + id, cause: account, effective: at, entries: []Entry{
		{Goodwill, "", x}, {Owed, account, negative(x)},
	}})
}

// Forfeited is a deposit kept by a final decision.
type Forfeited struct {
	Case   string
	Vendor string
	Amount money.Amount
	Buyers map[string]money.Amount // account to what it gets, first
	At     time.Time
}

// Forfeit posts P26: buyers first, the rest is the operator's.
func Forfeit(ctx context.Context, tx *db.Tx, f Forfeited) (bool, error) {
	rest := f.Amount
	entries := []Entry{{Deposit, f.Vendor, f.Amount}}
	for _, account := range sorted(f.Buyers) {
		y := f.Buyers[account]
		var err error
		if rest, err = rest.Sub(y); err != nil || y.Minor <= 0 || rest.Minor < 0 {
			return false, ErrInvalid.In("amount")
		}
		entries = append(entries, Entry{Compensation, account, negative(y)})
	}
	return post(ctx, tx, posting{
		kind: P26Forfeit, effect: "forfeit:" + f.Case, cause: f.Vendor, effective: f.At,
		entries: append(entries, Entry{Forfeiture, "", negative(rest)}), guards: []guard{locked(f.Vendor)},
	})
}

// MayCompensate refuses damages above the ceiling of a line, as [Compensate] does
// without an exception.
func MayCompensate(l Line, x money.Amount, includesRefund bool) error {
	return withinCap(l, x.Minor, includesRefund)
}
