package ledger

import (
	"context"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// Violation is a broken invariant, in words for an operator's console.
type Violation struct {
	Invariant string // "I1"
	Detail    string
}

// Verify re-reads the whole book without the code that wrote it:
//
//	I1  every journal has at least two entries, sums to zero in each currency,
//	    touches only the accounts of its kind, and matches its digest
//	I2  the trial balance of each currency is zero
//	I3  every stored balance is the sum of its entries
//	I4  no floor is broken, also not by the sum of a striped account
//	I13 money at providers and bank covers what is owed to customers and vendors
//
// It returns the number of journals read.
func Verify(ctx context.Context, r db.Reader) (journals int, wrong []Violation, err error) {
	say := func(invariant, format string, args ...any) {
		wrong = append(wrong, Violation{invariant, fmt.Sprintf(format, args...)})
	}
	journals, err = eachJournal(ctx, r, func(j Journal) {
		entries := j.Entries
		if digest(j.Kind, entries) != j.Digest {
			say("I1", "journal %s does not match its digest", j.ID)
		}
		kind := j.Kind
		if j.Reverses != "" {
			kind, entries = "", nil
			original, err := Get(ctx, r, j.Reverses)
			if err != nil {
				say("I1", "journal %s reverses %s: %v", j.ID, j.Reverses, err)
				return
			}
			mirrored, err := mirror(original.Entries)
			if err != nil || digest(P34Reverse, mirrored) != j.Digest {
				say("I1", "journal %s is not the mirror of %s", j.ID, j.Reverses)
			}
			return
		}
		if err := allowed(kind, entries); err != nil {
			say("I1", "journal %s: %v", j.ID, err)
		}
	})
	if err != nil {
		return 0, nil, err
	}
	sums, err := db.All(ctx, r, scanSum, selectSums)
	if err != nil {
		return 0, nil, err
	}
	rows, err := db.All(ctx, r, scanSum, selectRows)
	if err != nil {
		return 0, nil, err
	}
	booked := map[key]int64{}
	trial, covered := map[money.Currency]int64{}, map[money.Currency]int64{}
	for _, s := range sums {
		booked[s.key] = s.minor
		trial[s.currency] += s.minor
		if chart[s.account].client != 0 {
			covered[s.currency] += s.minor
		}
		switch chart[s.account].floor {
		case debit:
			if s.minor < 0 {
				say("I4", "%s %s is overdrawn by %d %s", s.account, s.party, -s.minor, s.currency)
			}
		case credit:
			if s.minor > 0 {
				say("I4", "%s %s has given %d %s more than it held", s.account, s.party, s.minor, s.currency)
			}
		}
	}
	for _, row := range rows {
		if booked[row.key] != row.minor {
			say("I3", "%s %s: balance %d, entries %d %s", row.account, row.party, row.minor, booked[row.key], row.currency)
		}
		delete(booked, row.key)
	}
	for k, minor := range booked {
		say("I3", "%s %s: no balance for entries of %d %s", k.account, k.party, minor, k.currency)
	}
	for currency, total := range trial {
		if total != 0 {
			say("I2", "the trial balance is off by %d %s", total, currency)
		}
	}
	for currency, total := range covered {
		if total < 0 && total < -expenses(sums, currency) {
			say("I13", "client money is short by %d %s", -total, currency)
		}
	}
	return journals, wrong, nil
}

// expenses are provider fees paid out of clearing until the operator covers them.
func expenses(sums []sum, c money.Currency) (total int64) {
	for _, s := range sums {
		if s.account == Fee && s.currency == c {
			total += s.minor
		}
	}
	return total
}

// eachJournal streams all journals with their entries.
func eachJournal(ctx context.Context, r db.Reader, fn func(Journal)) (n int, err error) {
	rows, err := r.Query(ctx, selectAllEntries)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var all []Journal // completed below, because fn may read
	for rows.Next() {
		var j Journal
		var account, party, currency *string
		var amount *int64
		if err := rows.Scan(&j.ID, &j.Kind, &j.Digest, &j.Reverses, &account, &party, &currency, &amount); err != nil {
			return 0, err
		}
		if len(all) == 0 || all[len(all)-1].ID != j.ID {
			all = append(all, j)
		}
		if amount != nil {
			last := &all[len(all)-1]
			last.Entries = append(last.Entries, Entry{Account(*account), *party, money.Amount{Minor: *amount, Currency: money.Currency(*currency)}})
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, j := range all {
		fn(j)
	}
	return len(all), nil
}
