package ledger

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// Get returns one journal with its entries.
func Get(ctx context.Context, r db.Reader, id JournalID) (Journal, error) {
	j, err := db.One(ctx, r, scanJournal, selectJournal, string(id))
	if err != nil {
		return Journal{}, err
	}
	j.Entries, err = db.All(ctx, r, scanEntry, selectEntries, string(id))
	return j, err
}

// Posted reports whether an effect is in the book, and its journal, without
// entries.
func Posted(ctx context.Context, r db.Reader, effect string) (Journal, bool, error) {
	j, err := db.One(ctx, r, scanJournal, selectEffect, effect)
	if errors.Is(err, db.ErrNoRow) {
		return Journal{}, false, nil
	}
	return j, err == nil, err
}

// Book lists journals with their entries, newest first, before the cursor
// (empty: from the newest), at most n. next is the cursor of the following page,
// or empty.
func Book(ctx context.Context, r db.Reader, before JournalID, n int) (page []Journal, next JournalID, err error) {
	cursor := before
	if cursor == "" {
		cursor = "~" // after every id
	}
	page, err = db.All(ctx, r, scanJournal, selectBook, string(cursor), n+1)
	if err != nil {
		return nil, "", err
	}
	if len(page) > n {
		page = page[:n]
		next = page[n-1].ID
	}
	return page, next, complete(ctx, r, page)
}

// OfCause lists the journals behind one order line, refund or vendor.
func OfCause(ctx context.Context, r db.Reader, cause string) ([]Journal, error) {
	all, err := db.All(ctx, r, scanJournal, selectCause, cause)
	if err != nil {
		return nil, err
	}
	return all, complete(ctx, r, all)
}

// OfVendor lists the journals that touched a vendor's accounts, recorded from
// one moment to before another, oldest first: the substance of a statement.
func OfVendor(ctx context.Context, r db.Reader, vendor string, from, to time.Time) ([]Journal, error) {
	all, err := db.All(ctx, r, scanJournal, selectOfVendor, vendor, vendor+"/", vendor+"0", db.Micros(from), db.Micros(to))
	if err != nil {
		return nil, err
	}
	return all, complete(ctx, r, all)
}

func complete(ctx context.Context, r db.Reader, all []Journal) (err error) {
	for i := range all {
		if all[i].Entries, err = db.All(ctx, r, scanEntry, selectEntries, string(all[i].ID)); err != nil {
			return err
		}
	}
	return nil
}

// Balance is what an account holds: positive on its debit side.
func Balance(ctx context.Context, r db.Reader, a Account, party string, c money.Currency) (money.Amount, error) {
	minor, err := db.Value[int64](ctx, r, selectBalance, string(a), party, string(c))
	return money.Amount{Minor: minor, Currency: c}, err
}

// BalanceAt is what an account held at a moment, by the time of recording.
func BalanceAt(ctx context.Context, r db.Reader, a Account, party string, c money.Currency, at time.Time) (money.Amount, error) {
	minor, err := db.Value[int64](ctx, r, selectBalanceAt, string(a), party, string(c), db.Micros(at))
	return money.Amount{Minor: minor, Currency: c}, err
}

// VendorAt is what a vendor was owed at a moment, payable, held and deposit, less
// what it owed, by the time of recording.
func VendorAt(ctx context.Context, r db.Reader, vendor string, c money.Currency, at time.Time) (money.Amount, error) {
	minor, err := db.Value[int64](ctx, r, selectVendorAt, vendor, vendor+"/", vendor+"0", string(c), db.Micros(at))
	return money.Amount{Minor: -minor, Currency: c}, err
}

// Standing is what stands between the market and one vendor in one currency.
type Standing struct {
	Payable    money.Amount // may be withdrawn
	Held       money.Amount // frozen by cases, disputes and reserves
	Deposit    money.Amount
	Receivable money.Amount // the vendor owes it
	Escrow     money.Amount // still held for its open lines
}

// StandingOf reads a vendor's accounts.
func StandingOf(ctx context.Context, r db.Reader, vendor string, c money.Currency) (Standing, error) {
	s := Standing{money.Zero(c), money.Zero(c), money.Zero(c), money.Zero(c), money.Zero(c)}
	rows, err := db.All(ctx, r, scanPurse, selectPurse, vendor, string(c))
	if err != nil {
		return Standing{}, err
	}
	for _, row := range rows {
		switch row.account {
		case Payable:
			s.Payable.Minor = -row.minor
		case Receivable:
			s.Receivable.Minor = row.minor
		case Deposit:
			s.Deposit.Minor = -row.minor
		}
	}
	if s.Held.Minor, err = db.Value[int64](ctx, r, selectHolds, vendor+"/", vendor+"0", string(c)); err != nil {
		return Standing{}, err
	}
	lines, err := db.All(ctx, r, scanLine, selectOpenLines, vendor, string(c))
	for _, l := range lines {
		s.Escrow.Minor += l.facts().escrow()
	}
	return s, err
}

// HoldsOf lists what is frozen of a vendor's money. Party is the cause: an order
// line, a dispute or a case.
func HoldsOf(ctx context.Context, r db.Reader, vendor string, c money.Currency) ([]Holding, error) {
	all, err := db.All(ctx, r, scanHolding, selectHoldings, vendor+"/", vendor+"0", string(c))
	for i, h := range all {
		all[i].Party = strings.TrimPrefix(h.Party, vendor+"/")
		all[i].Amount.Minor = -h.Amount.Minor
	}
	return all, err
}

// Flow is what one kind of posting brought a vendor in a month; what it took is
// negative.
type Flow struct {
	Month  Month
	Kind   Kind
	Amount money.Amount
}

// FlowsOf lists what was recorded on a vendor's accounts from one moment to before
// another, by month and kind, oldest first. A mirror counts as what it takes back.
func FlowsOf(ctx context.Context, r db.Reader, vendor string, c money.Currency, from, to time.Time) ([]Flow, error) {
	days, err := db.All(ctx, r, scanFlow, selectFlows, vendor, vendor+"/", vendor+"0", string(c), db.Micros(from), db.Micros(to))
	var all []Flow
	for _, d := range days {
		m := MonthOf(time.Unix(d.day*24*60*60, 0).Add(-8 * time.Hour))
		if i := slices.IndexFunc(all, func(f Flow) bool { return f.Month == m && f.Kind == d.kind }); i >= 0 {
			all[i].Amount.Minor += d.minor
			continue
		}
		all = append(all, Flow{m, d.kind, money.Amount{Minor: d.minor, Currency: c}})
	}
	return all, err
}

// Total is a line of the trial balance.
type Total struct {
	Account Account
	Amount  money.Amount // debits less credits
}

// Trial is the trial balance: every kind of account in every currency.
func Trial(ctx context.Context, r db.Reader) ([]Total, error) {
	return db.All(ctx, r, scanTotal, selectTrial)
}

// TrialAt is the trial balance of everything recorded before a moment.
func TrialAt(ctx context.Context, r db.Reader, at time.Time) ([]Total, error) {
	return db.All(ctx, r, scanTotal, selectTrialAt, db.Micros(at))
}

// Cash is what the journal of an effect did to client money at providers and in
// the bank, and whether there is one.
func Cash(ctx context.Context, r db.Reader, effect string, c money.Currency) (money.Amount, bool, error) {
	return cash(ctx, r, sumCash, effect, c)
}

// CashBack is what taking back the journal of an effect did to client money.
func CashBack(ctx context.Context, r db.Reader, effect string, c money.Currency) (money.Amount, bool, error) {
	return cash(ctx, r, sumCashBack, effect, c)
}

func cash(ctx context.Context, r db.Reader, query, effect string, c money.Currency) (money.Amount, bool, error) {
	found, err := db.One(ctx, r, scanCount, query, effect, string(c))
	return money.Amount{Minor: found[1], Currency: c}, found[0] > 0, err
}

// Older is how much of what an account holds is older than a moment, when what
// leaves it takes the oldest first. It has the sign of the balance.
func Older(ctx context.Context, r db.Reader, a Account, party string, c money.Currency, than time.Time) (money.Amount, error) {
	then, err := BalanceAt(ctx, r, a, party, c, than)
	if err != nil || then.IsZero() {
		return then, err
	}
	against, err := db.One(ctx, r, scanCount, sumSince, string(a), party, string(c), db.Micros(than), -sign(then.Minor))
	if err != nil {
		return money.Amount{}, err
	}
	if left := then.Minor + against[1]; sign(left) == sign(then.Minor) {
		return money.Amount{Minor: left, Currency: c}, nil
	}
	return money.Zero(c), nil
}

func sign(minor int64) int64 {
	switch {
	case minor < 0:
		return -1
	case minor > 0:
		return 1
	}
	return 0
}

// Holding is one account that is not empty.
type Holding struct {
	Account Account
	Party   string
	Amount  money.Amount
	Since   time.Time // of its oldest journal
}

// Aged lists what stands on a clearing account, oldest first: suspense, refunds,
// payouts, compensation and disputes that nobody has ended. Each should return to
// zero.
func Aged(ctx context.Context, r db.Reader, a Account) ([]Holding, error) {
	return db.All(ctx, r, scanHolding, selectAged, string(a))
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
