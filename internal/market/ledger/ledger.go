// Package ledger is the book: double entry in whole minor units, one typed
// posting for each thing that can happen to money.
//
// The operator collects on the vendors' behalf. What a customer pays is, from
// the first moment, a debt to the vendor of that order line (escrow) and to the
// tax office, held at the licensed provider (psp.clearing). None of it is the
// operator's income; the operator earns a commission only at release, under a
// fee rule agreed with the vendor.
//
// Owns: accounts, postings, balances, the invariants over them. Does not own:
// why something happened (order, payment, refund) and the provider's truth.
//
// Always true:
//   - A journal has at least two entries that sum to zero in each currency.
//   - A kind of posting touches only the accounts and directions in its row of
//     the table below; there is no general posting.
//   - An effect key is used once, for ever: the same effect again posts nothing.
//   - Journals and entries are never changed; a wrong one is reversed by its
//     exact mirror.
//   - A balance is the sum of its entries, and a floor of the database refuses
//     what would make a debt to a customer or vendor negative.
//
// Sign: positive amounts are debits, negative ones credits.
package ledger

import (
	"time"

	"yunshi/internal/base/money"
)

// JournalID is "jrn_…".
type JournalID string

// Account names a kind of account; with a party and a currency it is one account.
type Account string

// The chart of accounts, so far as this edition moves money. The party is what
// each comment names.
const (
	Clearing  Account = "psp.clearing"    // asset, per provider: captured there, not yet paid out
	Bank      Account = "bank.client"     // asset: client money at the licensed provider's settlement account
	Fee       Account = "psp.fee"         // expense, per provider
	Escrow    Account = "escrow"          // liability, per order line: net of tax, held for the vendor
	Tax       Account = "tax.payable"     // liability, per jurisdiction
	InFlight  Account = "refund.inflight" // liability, per refund: owed until the provider confirms
	Owed      Account = "buyer.owed"      // liability, per account: could not go back the way it came
	Deposit   Account = "vendor.deposit"  // liability, per vendor
	Suspense  Account = "suspense"        // liability of either sign, per provider: money not yet attributed
	stripeMax         = 16
)

// floor says on which side an account must stay.
type floor int

const (
	free   floor = iota
	debit        // never below zero as an asset
	credit       // never below zero as a debt
)

// account is a row of the chart.
type account struct {
	floor   floor
	striped bool // shared by many orders: 16 rows, its floor checked as a sum
	client  int  // +1 covers client money, -1 is owed to clients, 0 neither
}

var chart = map[Account]account{
	Clearing: {free, true, +1},
	Bank:     {debit, false, +1},
	Fee:      {debit, true, 0},
	Escrow:   {credit, false, -1},
	Tax:      {credit, true, -1},
	InFlight: {credit, false, -1},
	Owed:     {credit, false, -1},
	Deposit:  {credit, false, -1},
	Suspense: {free, false, -1},
}

// Kind is a kind of posting; the numbers are those of the operator's guide.
type Kind string

// The kinds of posting of this edition.
const (
	P1Capture        Kind = "P1"  // an order was paid
	P2ProviderFee    Kind = "P2"  // the provider's fee is known
	P3ProviderPayout Kind = "P3"  // the provider paid out to the client account
	P5LateMoney      Kind = "P5"  // money for an order that is gone, or of a wrong amount
	P5LateRefund     Kind = "P5r" // that money goes back
	P7Refund         Kind = "P7"  // refund before release
	P10RefundDone    Kind = "P10" // the provider confirmed a refund
	P11RefundOwed    Kind = "P11" // the provider could not refund
	P24DepositIn     Kind = "P24" // a vendor's deposit arrived
	P34Reverse       Kind = "P34" // exact mirror of a journal
)

// shape is what a kind may touch.
type shape struct{ debits, credits []Account }

var shapes = map[Kind]shape{
	P1Capture:        {[]Account{Clearing}, []Account{Escrow, Tax}},
	P2ProviderFee:    {[]Account{Fee}, []Account{Clearing}},
	P3ProviderPayout: {[]Account{Bank}, []Account{Clearing}},
	P5LateMoney:      {[]Account{Clearing}, []Account{Suspense}},
	P5LateRefund:     {[]Account{Suspense}, []Account{Clearing}},
	P7Refund:         {[]Account{Tax, Escrow}, []Account{InFlight}},
	P10RefundDone:    {[]Account{InFlight}, []Account{Clearing}},
	P11RefundOwed:    {[]Account{InFlight}, []Account{Owed}},
	P24DepositIn:     {[]Account{Bank}, []Account{Deposit}},
}

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
	Cause     string // the order, refund or case behind it
	Reverses  JournalID
	Effective time.Time // when it happened outside
	Recorded  time.Time
	Digest    string // SHA-256 over kind and entries
	Entries   []Entry
}
