// Package ledger is the book: double entry in whole minor units, one typed
// posting for each thing that can happen to money.
//
// The operator collects on the vendors' behalf. What a customer pays is, from
// the first moment, a debt to the vendor of that order line (escrow) and, where
// the operator collects it, to the tax office, held at the licensed provider
// (psp.clearing). None of it is the operator's income; the operator earns a
// commission only at release, under a fee rule agreed with the vendor and frozen
// on the line.
//
// Owns: accounts, postings, balances, the facts of each line and vendor that the
// amounts are worked out from, closed periods, the invariants over them. Does not
// own: why something happened (order, payment, refund, settlement) and the
// provider's truth.
//
// Always true:
//   - A journal has at least two entries that sum to zero in each currency.
//   - A kind of posting touches only the accounts and directions in its row of
//     chart.go; there is no general posting.
//   - An effect key is used once, for ever: the same effect again posts nothing.
//   - Journals and entries are never changed; a wrong one is reversed by its
//     exact mirror.
//   - A balance is the sum of its entries, and a floor of the database refuses
//     what would make a debt to a customer or vendor negative.
//   - What a line has paid in tax and commission is a function of its frozen
//     numbers and of how much was given back and released, never of the order in
//     which that happened.
//   - A vendor is owed or owes, never both: every credit pays its debt first.
//   - Money that is not in the bank is not paid out.
//
// Sign: positive amounts are debits, negative ones credits.
package ledger

import (
	"time"

	"yunshi/internal/base/money"
)

// JournalID is "jrn_…".
type JournalID string

// Entry is one line of a journal.
type Entry struct {
	Account Account
	Party   string
	Amount  money.Amount // positive: debit; negative: credit; never zero
}

// Journal is a stored posting.
type Journal struct {
	ID        JournalID
	EffectKey string
	Kind      Kind
	Cause     string // the order line, refund, vendor or case behind it
	Reverses  JournalID
	Effective time.Time // when it happened outside; never in a closed month
	Recorded  time.Time
	Digest    string // SHA-256 over kind and entries
	Entries   []Entry
}

// Line is what the book knows of an order line: the numbers frozen when it was
// paid, and the sums that have happened to it since.
type Line struct {
	ID       string
	Vendor   string
	Account  string // that paid
	Provider string
	Net, Tax money.Amount // frozen; tax only where the operator collects it
	Fee      money.Amount // the commission on the whole net, frozen

	Returned    money.Amount // gross given back to the buyer, or lost to its bank
	Released    money.Amount // net that has left escrow for the vendor
	Taken       money.Amount // net taken back out of the released part
	Compensated money.Amount // damages decided, beyond what was given back
	Cap         money.Amount // of damages (clause 4.10)
	CapBasis    string       // what allows a cap above the price; empty: nothing
	Disputes    int64        // open disputes of its payment
	Version     int64        // counts every change
}

// Held is what is still in escrow.
func (l Line) Held() money.Amount { return l.amount(l.facts().escrow()) }

// Earned is the commission recognised so far.
func (l Line) Earned() money.Amount { return l.amount(l.facts().earned()) }

// Expected is what the vendor will get of what is still in escrow, when nothing of
// it goes back.
func (l Line) Expected() money.Amount {
	_, x, commission := l.facts().release(1, 1)
	return l.amount(x - commission)
}

// Payable is what the vendor has got out of the line so far, net of commission
// and of what was taken back.
func (l Line) Payable() money.Amount {
	f := l.facts()
	return l.amount(f.released - f.taken - f.earned())
}

// Refundable is the gross that could still be given back.
func (l Line) Refundable() money.Amount { f := l.facts(); return l.amount(f.gross() - f.returned) }

func (l Line) amount(minor int64) money.Amount {
	return money.Amount{Minor: minor, Currency: l.Net.Currency}
}

func (l Line) facts() facts {
	return facts{
		net: l.Net.Minor, tax: l.Tax.Minor, fee: l.Fee.Minor,
		returned: l.Returned.Minor, released: l.Released.Minor, taken: l.Taken.Minor,
	}
}
