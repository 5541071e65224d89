package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"yunshi/internal/base/money"
)

// allowed refuses a journal that is unbalanced or moves money its kind may not
// move.
//
// Clause: UA 3.1 (what is collected is held for the vendor; it becomes anybody else's only by an agreed rule).
func allowed(kind Kind, entries []Entry) error {
	s, known := shapes[kind]
	if !known {
		return ErrNoBasis.With("Kind", kind)
	}
	if len(entries) < 2 {
		return ErrNoBasis.With("Kind", kind, "Entries", len(entries))
	}
	sums := map[money.Currency]int64{}
	for _, e := range entries {
		side := s.debits
		if e.Amount.IsNegative() {
			side = s.credits
		}
		if e.Amount.IsZero() || !slices.Contains(side, e.Account) {
			return ErrNoBasis.With("Kind", kind, "Account", e.Account)
		}
		before := sums[e.Amount.Currency]
		sum, err := money.Amount{Minor: before, Currency: e.Amount.Currency}.Add(e.Amount)
		if err != nil {
			return err
		}
		sums[e.Amount.Currency] = sum.Minor
	}
	for currency, sum := range sums {
		if sum != 0 {
			return ErrNoBasis.With("Kind", kind, "Currency", currency, "Sum", sum)
		}
	}
	return nil
}

// mirror is the exact reverse of a journal's entries.
func mirror(entries []Entry) ([]Entry, error) {
	out := make([]Entry, len(entries))
	for i, e := range entries {
		negated, err := e.Amount.Neg()
		if err != nil {
			return nil, err
		}
		out[i] = Entry{e.Account, e.Party, negated}
	}
	return out, nil
}

// draws reports an entry that takes from an account with a floor. Its balance
// row must exist: the database checks the floor of a row to be inserted before
// it notices that the row is there.
func draws(e Entry) bool {
	switch chart[e.Account].floor {
	case debit:
		return !chart[e.Account].striped && e.Amount.IsNegative()
	case credit:
		return !chart[e.Account].striped && !e.Amount.IsNegative()
	}
	return false
}

// drop removes entries of zero, which a full tax exemption or a free part makes.
func drop(entries []Entry) []Entry {
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Amount.IsZero() })
}

// digest commits to what a journal says.
func digest(kind Kind, entries []Entry) string {
	var b strings.Builder
	b.WriteString(string(kind))
	for _, e := range entries {
		fmt.Fprintf(&b, "\n%s|%s|%d|%s", e.Account, e.Party, e.Amount.Minor, e.Amount.Currency)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// stripe spreads a shared account over its rows by the journal's id.
func stripe(a Account, journal JournalID) int64 {
	if !chart[a].striped {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(journal))
	return int64(h.Sum32() % stripeMax)
}

func negative(a money.Amount) money.Amount {
	a.Minor = -a.Minor // amounts here come from captures and refunds, which are positive
	return a
}
