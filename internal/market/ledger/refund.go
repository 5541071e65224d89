package ledger

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// RefundOf is a refund of one order line, whole or in part, at any time.
type RefundOf struct {
	Refund  string
	Line    string
	Amount  money.Amount // gross, above zero
	Case    string       // whose frozen money pays first; empty: the line's own reserve
	Deposit bool         // a final decision lets the deposit be drawn
	At      time.Time
}

// Refunded says where the money of a refund comes from.
type Refunded struct {
	Tax, Escrow, Commission, Vendor money.Amount
	Debt                            money.Amount // the part of Vendor that the vendor could not cover
}

// Refund posts P7, P8 or P9: money leaves tax and escrow, then what was already
// released, of which the operator gives back its commission in proportion and
// the vendor the rest: from what is held for the case, what is payable, the
// deposit where decided, and else as its debt. It is owed to the customer until
// the provider confirms.
//
// It refuses more than is left of the line (ErrOverReturn) and a line whose
// payment is disputed (ErrDisputed).
func Refund(ctx context.Context, tx *db.Tx, r RefundOf) (Refunded, bool, error) {
	effect := "refund:" + r.Refund
	if _, found, err := known(ctx, tx, effect, InFlight, -r.Amount.Minor); err != nil || found {
		return Refunded{}, false, err
	}
	l, err := LineOf(ctx, tx, r.Line)
	if err != nil {
		return Refunded{}, false, err
	}
	if err := undisputed(l); err != nil {
		return Refunded{}, false, err
	}
	if r.Amount.Currency != l.Net.Currency {
		return Refunded{}, false, ErrInvalid.In("amount")
	}
	next, g, err := l.facts().giveBack(r.Amount.Minor)
	if err != nil {
		return Refunded{}, false, err
	}
	entries, debt, err := takeBack(ctx, tx, l, g, r.Deposit, r.Case)
	if err != nil {
		return Refunded{}, false, err
	}
	p := posting{
		kind: P7Refund, effect: effect, cause: l.ID, effective: r.At, entries: append(entries, Entry{InFlight, r.Refund, negative(r.Amount)}),
		guards: []guard{moved(l, next, 0, 0)},
	}
	if g.back > 0 {
		p.kind, p.guards = P8Refund, append(p.guards, locked(l.Vendor))
	}
	if debt > 0 {
		p.kind = P9Refund
	}
	posted, err := post(ctx, tx, p)
	return Refunded{l.amount(g.tax), l.amount(g.escrow), l.amount(g.fee), l.amount(g.vendor), l.amount(debt)}, posted, err
}

// Preview is what a refund of an amount would take from whom, without booking
// anything.
func Preview(l Line, x money.Amount) (Refunded, error) {
	_, g, err := l.facts().giveBack(x.Minor)
	return Refunded{l.amount(g.tax), l.amount(g.escrow), l.amount(g.fee), l.amount(g.vendor), l.amount(0)}, err
}

// takeBack is the debit side of a refund or a lost dispute.
func takeBack(ctx context.Context, tx *db.Tx, l Line, g given, deposit bool, cause string) (entries []Entry, debt int64, err error) {
	entries = []Entry{{Tax, jurisdiction, l.amount(g.tax)}, {Escrow, l.ID, l.amount(g.escrow)}, {Commission, "", l.amount(g.fee)}}
	if g.vendor == 0 {
		return entries, 0, nil
	}
	cases := []string{l.ID}
	if cause != "" {
		cases = append(cases, cause)
	}
	p, err := purseOf(ctx, tx, l.Vendor, l.Net.Currency, deposit, cases...)
	if err != nil {
		return nil, 0, err
	}
	paid, short := p.pay(l.Vendor, l.Net.Currency, g.vendor)
	if short {
		debt = paid[len(paid)-1].Amount.Minor
	}
	return append(entries, paid...), debt, nil
}

// RefundConfirmed posts P10.
func RefundConfirmed(ctx context.Context, tx *db.Tx, provider, refund string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P10RefundDone, effect: "refund:" + refund + ":end", cause: refund, effective: at, entries: []Entry{
		{InFlight, refund, x}, {Clearing, provider, negative(x)},
	}})
}

// RefundOwed posts P11: the provider could not refund, the market owes the
// customer by another way.
func RefundOwed(ctx context.Context, tx *db.Tx, refund, account string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P11RefundOwed, effect: "refund:" + refund + ":end", cause: refund, effective: at, entries: []Entry{
		{InFlight, refund, x}, {Owed, account, negative(x)},
	}})
}

// RefundBounced takes a confirmation back, when the bank returned what had
// counted as paid, and owes the money to the customer by another way. The n-th
// time of one refund is n.
func RefundBounced(ctx context.Context, tx *db.Tx, refund, account string, x money.Amount, at time.Time) (bool, error) {
	j, found, err := Posted(ctx, tx, "refund:"+refund+":end")
	if err != nil || !found || j.Kind != P10RefundDone {
		return false, err
	}
	if _, err := Reverse(ctx, tx, j.ID, refund); err != nil {
		return false, err
	}
	return post(ctx, tx, posting{kind: P11RefundOwed, effect: "refund:" + refund + ":bounced", cause: refund, effective: at, entries: []Entry{
		{InFlight, refund, x}, {Owed, account, negative(x)},
	}})
}

// RefundUndone posts P7r: a refund was never paid, because the payer's bank took
// the money itself; what it had reserved is the line's again.
func RefundUndone(ctx context.Context, tx *db.Tx, refund, line string, x money.Amount, at time.Time) (bool, error) {
	effect := "refund:" + refund + ":end"
	if _, found, err := known(ctx, tx, effect, InFlight, x.Minor); err != nil || found {
		return false, err
	}
	l, err := LineOf(ctx, tx, line)
	if err != nil {
		return false, err
	}
	next, g, err := l.facts().takeBack(x.Minor)
	if err != nil {
		return false, err
	}
	p, err := purseOf(ctx, tx, l.Vendor, l.Net.Currency, false)
	if err != nil {
		return false, err
	}
	entries := append([]Entry{
		{InFlight, refund, x}, {Tax, jurisdiction, l.amount(-g.tax)}, {Escrow, l.ID, l.amount(-g.escrow)}, {Commission, "", l.amount(-g.fee)},
	}, p.get(l.Vendor, l.Net.Currency, g.vendor)...)
	return post(ctx, tx, posting{
		kind: P7Undone, effect: effect, cause: l.ID, effective: at, entries: entries, guards: []guard{moved(l, next, 0, 0), locked(l.Vendor)},
	})
}

// OwedPaid posts P36: what a buyer was owed was transferred; transfer is the
// statement line that shows it.
func OwedPaid(ctx context.Context, tx *db.Tx, transfer, account string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P36OwedPaid, effect: "owed:" + transfer, cause: account, effective: at, entries: []Entry{
		{Owed, account, x}, {Bank, "", negative(x)},
	}})
}
