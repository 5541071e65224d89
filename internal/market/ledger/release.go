package ledger

import (
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// Release asks for a line's money to become the vendor's.
type Release struct {
	Line        string
	Part, Whole int64        // of what the line can keep, so far and in all: 1 of 1, or 3 of 12 months
	Reserve     money.Amount // of it that stays frozen for a while; zero is none
	At          time.Time
}

// Released is what a release did, in the line's currency.
type Released struct {
	Amount     money.Amount // that left escrow
	Commission money.Amount
	Vendor     money.Amount // net to the vendor, its debt and reserve included
	Debt       money.Amount // of it that paid what the vendor owed
}

// ReleaseLine posts P6: escrow becomes commission and the vendor's. The amounts
// are what should have gone by now less what has gone, so a repeat, or a release
// after refunds, is exact. It refuses while a dispute is open on the line.
func ReleaseLine(ctx context.Context, tx *db.Tx, r Release) (Released, bool, error) {
	l, err := LineOf(ctx, tx, r.Line)
	if err != nil {
		return Released{}, false, err
	}
	if r.Part < 0 || r.Whole <= 0 || r.Part > r.Whole {
		return Released{}, false, ErrInvalid.In("part")
	}
	if err := undisputed(l); err != nil {
		return Released{}, false, err
	}
	next, x, c := l.facts().release(r.Part, r.Whole)
	if x == 0 {
		return Released{l.amount(0), l.amount(0), l.amount(0), l.amount(0)}, false, nil
	}
	p, err := purseOf(ctx, tx, l.Vendor, l.Net.Currency, false)
	if err != nil {
		return Released{}, false, err
	}
	reserve := min(max(r.Reserve.Minor, 0), x-c-min(p.receivable, x-c))
	entries := append([]Entry{
		{Escrow, l.ID, l.amount(x)}, {Commission, "", l.amount(-c)},
		{Hold, holdParty(l.Vendor, l.ID), l.amount(-reserve)},
	}, p.get(l.Vendor, l.Net.Currency, x-c-reserve)...)
	posted, err := post(ctx, tx, posting{
		kind: P6Release, effect: fmt.Sprintf("release:%s:%d", l.ID, next.released), cause: l.ID, effective: r.At, entries: entries,
		guards: []guard{moved(l, next, 0, 0), locked(l.Vendor)},
	})
	return Released{l.amount(x), l.amount(c), l.amount(x - c), l.amount(min(p.receivable, x-c))}, posted, err
}

// ReleaseReserve posts P6r: what was kept back when the line was released is let
// go.
func ReleaseReserve(ctx context.Context, tx *db.Tx, line string, at time.Time) (bool, error) {
	l, err := LineOf(ctx, tx, line)
	if err != nil {
		return false, err
	}
	return unhold(ctx, tx, P6Reserve, "reserve:"+line, l.Vendor, line, l.Net.Currency, at)
}

// Freeze stops payouts to a vendor until the cause is over: an open money case,
// a dispute, unproved bank details. Freezing for one cause twice changes nothing.
func Freeze(ctx context.Context, tx *db.Tx, vendor, cause string) error {
	if err := lock(ctx, tx, vendor); err != nil {
		return err
	}
	fresh, err := tx.Exec(ctx, insertFreeze, vendor, cause, db.Micros(tx.Now()))
	if err == nil && fresh == 1 {
		_, err = tx.Exec(ctx, countFreeze, 1, vendor)
	}
	return err
}

// Unfreeze ends a cause.
func Unfreeze(ctx context.Context, tx *db.Tx, vendor, cause string) error {
	gone, err := tx.Exec(ctx, deleteFreeze, vendor, cause)
	if err == nil && gone == 1 {
		_, err = tx.Exec(ctx, countFreeze, -1, vendor)
	}
	return err
}

// FrozenFor lists the causes that stop payouts to a vendor.
func FrozenFor(ctx context.Context, r db.Reader, vendor string) ([]string, error) {
	return db.All(ctx, r, db.Column[string], selectFreezes, vendor)
}

// lock makes sure that the vendor's row is there and takes it.
func lock(ctx context.Context, tx *db.Tx, vendor string) error {
	_, err := tx.Exec(ctx, lockVendor, vendor)
	return err
}

// HoldFor posts P16: up to x of what is payable to a vendor is frozen for a case.
// It returns how much was there to be frozen.
func HoldFor(ctx context.Context, tx *db.Tx, effect, vendor, cause string, x money.Amount, at time.Time) (money.Amount, error) {
	j, found, err := Posted(ctx, tx, effect)
	if err != nil {
		return money.Amount{}, err
	}
	if found {
		j, err = Get(ctx, tx, j.ID)
		return j.sum(Payable, x.Currency), err
	}
	p, err := purseOf(ctx, tx, vendor, x.Currency, false)
	if err != nil {
		return money.Amount{}, err
	}
	x.Minor = min(x.Minor, p.payable)
	if x.Minor <= 0 {
		return money.Zero(x.Currency), nil
	}
	_, err = post(ctx, tx, posting{kind: P16Hold, effect: effect, cause: vendor, effective: at, entries: []Entry{
		{Payable, vendor, x}, {Hold, holdParty(vendor, cause), negative(x)},
	}, guards: []guard{locked(vendor)}})
	return x, err
}

// Unhold posts P16r: all that a case has frozen is the vendor's again, its debt
// first.
func Unhold(ctx context.Context, tx *db.Tx, effect, vendor, cause string, c money.Currency, at time.Time) (bool, error) {
	return unhold(ctx, tx, P16Unhold, effect, vendor, cause, c, at)
}

func unhold(ctx context.Context, tx *db.Tx, kind Kind, effect, vendor, cause string, c money.Currency, at time.Time) (bool, error) {
	p, err := purseOf(ctx, tx, vendor, c, false, cause)
	if err != nil || p.holds[0].minor == 0 {
		return false, err
	}
	frozen := p.holds[0]
	entries := append([]Entry{{Hold, frozen.party, money.Amount{Minor: frozen.minor, Currency: c}}}, p.get(vendor, c, frozen.minor)...)
	return post(ctx, tx, posting{kind: kind, effect: effect, cause: vendor, effective: at, entries: entries, guards: []guard{locked(vendor)}})
}

// sum is what a journal put on an account, in one currency.
func (j Journal) sum(a Account, c money.Currency) money.Amount {
	total := money.Zero(c)
	for _, e := range j.Entries {
		if e.Account == a && e.Amount.Currency == c {
			total.Minor += e.Amount.Minor
		}
	}
	return total
}
