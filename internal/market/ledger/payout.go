package ledger

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// Payout posts P20: what is payable to a vendor is on its way. It refuses more
// than is payable (ErrFloor), money that is not in the bank (ErrLiquidity), and a
// vendor with an open money case (ErrFrozen).
func Payout(ctx context.Context, tx *db.Tx, payout, vendor string, p money.Amount, at time.Time) (bool, error) {
	return out(ctx, tx, P20Payout, Payable, payout, vendor, p, at)
}

// DepositOut posts P25: a vendor's deposit is on its way back, under the same
// guards.
func DepositOut(ctx context.Context, tx *db.Tx, payout, vendor string, q money.Amount, at time.Time) (bool, error) {
	return out(ctx, tx, P25DepositOut, Deposit, payout, vendor, q, at)
}

func out(ctx context.Context, tx *db.Tx, kind Kind, from Account, payout, vendor string, x money.Amount, at time.Time) (bool, error) {
	if err := lock(ctx, tx, vendor); err != nil { // the vendor may be new to the book
		return false, err
	}
	return post(ctx, tx, posting{
		kind: kind, effect: "payout:" + payout, cause: vendor, effective: at,
		entries: []Entry{{from, vendor, x}, {PayoutInFlight, payout, negative(x)}},
		guards:  []guard{{unfrozen, []any{vendor}, ErrFrozen}},
	})
}

// PayoutPaid posts P21: the money left. It is not final, a bank may return it.
func PayoutPaid(ctx context.Context, tx *db.Tx, payout, vendor string, p money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P21PayoutPaid, effect: "payout:" + payout + ":paid", cause: vendor, effective: at, entries: []Entry{
		{PayoutInFlight, payout, p}, {Bank, "", negative(p)},
	}})
}

// PayoutFailed posts P22, or P25r for a deposit: the money never left and is the
// vendor's as before, its debt first.
func PayoutFailed(ctx context.Context, tx *db.Tx, payout, vendor string, p money.Amount, at time.Time) (bool, error) {
	return back(ctx, tx, payout, vendor, "failed", []Entry{{PayoutInFlight, payout, p}}, p, at)
}

// PayoutReturned posts P23, or P25r for a deposit: the bank sent paid money back
// and kept a fee, which is the operator's expense. It refuses a payout that is
// not paid.
func PayoutReturned(ctx context.Context, tx *db.Tx, payout, vendor string, p, fee money.Amount, at time.Time) (bool, error) {
	if _, paid, err := Posted(ctx, tx, "payout:"+payout+":paid"); err != nil || !paid {
		return false, cmp.Or[error](err, ErrNoBasis.With("Kind", P23PayoutReturned, "Account", PayoutInFlight))
	}
	kept := money.Amount{Minor: p.Minor - fee.Minor, Currency: p.Currency}
	return back(ctx, tx, payout, vendor, "returned", []Entry{{Bank, "", kept}, {BankFee, "", money.Amount{Minor: fee.Minor, Currency: p.Currency}}}, p, at)
}

// back credits what a payout took to where it came from.
func back(ctx context.Context, tx *db.Tx, payout, vendor, how string, debits []Entry, x money.Amount, at time.Time) (bool, error) {
	effect := fmt.Sprintf("payout:%s:%s", payout, how)
	if _, found, err := Posted(ctx, tx, effect); err != nil || found {
		return false, err
	}
	origin, found, err := Posted(ctx, tx, "payout:"+payout)
	if err != nil || !found {
		return false, cmp.Or[error](err, ErrNotFound)
	}
	kind := P22PayoutFailed
	if how == "returned" {
		kind = P23PayoutReturned
	}
	var credits []Entry
	if origin.Kind == P25DepositOut {
		kind, credits = P25DepositBack, []Entry{{Deposit, vendor, negative(x)}}
	} else {
		p, err := purseOf(ctx, tx, vendor, x.Currency, false)
		if err != nil {
			return false, err
		}
		credits = p.get(vendor, x.Currency, x.Minor)
	}
	return post(ctx, tx, posting{
		kind: kind, effect: effect, cause: vendor, effective: at, entries: append(debits, credits...), guards: []guard{locked(vendor)},
	})
}

// DepositIn posts P24 when a vendor's deposit arrived with a statement line.
func DepositIn(ctx context.Context, tx *db.Tx, statementLine, vendor string, q money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P24DepositIn, effect: "deposit:" + statementLine, cause: vendor, effective: at, entries: []Entry{
		{Bank, "", q}, {Deposit, vendor, negative(q)},
	}})
}

// Recovered posts P31: a vendor paid its debt, as a statement line shows.
func Recovered(ctx context.Context, tx *db.Tx, statementLine, vendor string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P31Recovered, effect: "recv:" + statementLine, cause: vendor, effective: at, entries: []Entry{
		{Bank, "", x}, {Receivable, vendor, negative(x)},
	}, guards: []guard{locked(vendor)}})
}

// WrittenOff posts P31w: a vendor's debt will not be paid.
func WrittenOff(ctx context.Context, tx *db.Tx, matter, vendor string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P31WrittenOff, effect: "writeoff:" + matter, cause: vendor, effective: at, entries: []Entry{
		{BadDebt, "", x}, {Receivable, vendor, negative(x)},
	}, guards: []guard{locked(vendor)}})
}

// Sweep posts P32: the operator takes its own money out, at most what is left
// when every debt to customers and vendors is covered.
func Sweep(ctx context.Context, tx *db.Tx, id string, s money.Amount, at time.Time) (bool, error) {
	if _, found, err := known(ctx, tx, "sweep:"+id, BankOwn, s.Minor); err != nil || found {
		return false, err
	}
	left, err := Coverage(ctx, tx, s.Currency)
	if err != nil {
		return false, err
	}
	if s.Minor > left.Minor {
		return false, ErrCoverage.With("Max", left.String())
	}
	return post(ctx, tx, posting{kind: P32Sweep, effect: "sweep:" + id, cause: id, effective: at, entries: []Entry{
		{BankOwn, "", s}, {Bank, "", negative(s)},
	}})
}

// SweepBack posts P32r: a share that the operator had got was taken back, so
// that a refund could be paid whole.
func SweepBack(ctx context.Context, tx *db.Tx, id string, s money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P32SweepBack, effect: "sweepback:" + id, cause: id, effective: at, entries: []Entry{
		{Bank, "", s}, {BankOwn, "", negative(s)},
	}})
}

// Cover posts P33: the operator puts own money in for a shortfall.
func Cover(ctx context.Context, tx *db.Tx, id string, s money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P33Cover, effect: "cover:" + id, cause: id, effective: at, entries: []Entry{
		{Bank, "", s}, {Owner, "", negative(s)},
	}})
}

// TaxPaid posts P35: collected tax went to the tax office.
func TaxPaid(ctx context.Context, tx *db.Tx, id string, x money.Amount, at time.Time) (bool, error) {
	owed, err := Balance(ctx, tx, Tax, jurisdiction, x.Currency)
	if err != nil {
		return false, err
	}
	if x.Minor > -owed.Minor {
		return false, ErrFloor.With("Effect", "tax:"+id)
	}
	return post(ctx, tx, posting{kind: P35TaxPaid, effect: "tax:" + id, cause: id, effective: at, entries: []Entry{
		{Tax, jurisdiction, x}, {Bank, "", negative(x)},
	}})
}

// spent reports an account of what the operator has paid or lost out of client
// money, or is owed: it has to cover it.
func spent(a Account) bool {
	switch a {
	case Fee, DisputeFee, DisputeLoss, BankFee, Goodwill, BadDebt, Receivable:
		return true
	}
	return false
}

// Shortage is what client money lacks: advanced is what the operator has spent of it
// itself and will cover, missing is what nothing explains.
func Shortage(ctx context.Context, r db.Reader, c money.Currency) (advanced, missing money.Amount, err error) {
	totals, err := Trial(ctx, r)
	var left, own int64
	for _, t := range totals {
		if t.Amount.Currency != c {
			continue
		}
		if chart[t.Account].client != 0 {
			left += t.Amount.Minor
		}
		if spent(t.Account) {
			own += t.Amount.Minor
		}
	}
	short := max(0, -left)
	advanced = money.Amount{Minor: min(short, own), Currency: c}
	return advanced, money.Amount{Minor: short - advanced.Minor, Currency: c}, err
}

// Coverage is client money at providers, in the bank and in dispute, less what is
// owed to customers, vendors and the tax office: what the operator may call its
// own. It is negative when money is short.
func Coverage(ctx context.Context, r db.Reader, c money.Currency) (money.Amount, error) {
	totals, err := Trial(ctx, r)
	left := money.Zero(c)
	for _, t := range totals {
		if t.Amount.Currency == c && chart[t.Account].client != 0 {
			left.Minor += t.Amount.Minor
		}
	}
	return left, err
}
