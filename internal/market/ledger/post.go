package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// posting is a journal to be written.
type posting struct {
	kind      Kind
	effect    string
	cause     string
	effective time.Time
	reverses  JournalID
	entries   []Entry
}

// post writes the journal unless its effect is already in the book. posted is
// false for a repeat. Balance rows are touched in the order of their keys, so
// two postings cannot deadlock.
func post(ctx context.Context, tx *db.Tx, p posting) (posted bool, err error) {
	p.entries = drop(p.entries)
	if p.reverses == "" {
		if err := allowed(p.kind, p.entries); err != nil {
			return false, err
		}
	}
	id := JournalID(tx.ID("jrn"))
	sum := digest(p.kind, p.entries)
	var reverses any
	if p.reverses != "" {
		reverses = string(p.reverses)
	}
	fresh, err := tx.Exec(ctx, insertJournal, string(id), p.effect, string(p.kind), p.cause, reverses,
		db.Micros(p.effective), db.Micros(tx.Now()), sum)
	if err != nil {
		return false, err
	}
	if fresh == 0 {
		known, err := db.Value[string](ctx, tx, selectDigest, p.effect)
		if err == nil && known != sum {
			err = ErrEffect.With("Effect", p.effect)
		}
		return false, err
	}
	b := tx.Batch()
	for i, e := range p.entries {
		b.Add(insertEntry, string(id), i+1, string(e.Account), e.Party, string(e.Amount.Currency), e.Amount.Minor)
	}
	ordered := slices.Clone(p.entries)
	slices.SortStableFunc(ordered, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Party, b.Party), cmp.Compare(a.Amount.Currency, b.Amount.Currency))
	})
	for _, e := range ordered {
		text := addBalance
		if draws(e) {
			text = drawBalance
		}
		b.Add(text, max(e.Amount.Minor, 0), max(-e.Amount.Minor, 0), string(e.Account), e.Party, string(e.Amount.Currency), stripe(e.Account, id))
	}
	counts, err := b.Send(ctx)
	if db.Check(err) {
		return false, fmt.Errorf("%w: %w", ErrFloor.With("Effect", p.effect), err)
	}
	if err == nil && slices.Contains(counts, 0) { // nothing was ever held there
		err = ErrFloor.With("Effect", p.effect)
	}
	return err == nil, err
}

// Captured is a confirmed payment of one order line.
type Captured struct {
	Provider  string
	CaptureID string // the provider's own id, so that a repeat is recognised for ever
	Line      string // order line that the money is held for
	Net, Tax  money.Amount
	At        time.Time
}

// Capture posts P1: Dr psp.clearing, Cr escrow of the line and tax.
func Capture(ctx context.Context, tx *db.Tx, c Captured) (bool, error) {
	gross, err := c.Net.Add(c.Tax)
	if err != nil {
		return false, err
	}
	return post(ctx, tx, posting{kind: P1Capture, effect: captureKey(c.Provider, c.CaptureID), cause: c.Line, effective: c.At, entries: []Entry{
		{Clearing, c.Provider, gross},
		{Escrow, c.Line, negative(c.Net)},
		{Tax, jurisdiction, negative(c.Tax)},
	}})
}

// jurisdiction is the tax office that tax.payable is owed to.
const jurisdiction = "CN"

// captureKey is shared by P1 and P5: one capture is either an order's or nobody's.
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

// ProviderPayout posts P3 when a provider pays out to the client account.
func ProviderPayout(ctx context.Context, tx *db.Tx, provider, payout string, x money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P3ProviderPayout, effect: "psppayout:" + provider + ":" + payout, cause: payout, effective: at, entries: []Entry{
		{Bank, "", x}, {Clearing, provider, negative(x)},
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

// RefundOf is a refund of one order line before its money was released.
type RefundOf struct {
	Refund   string
	Line     string
	Net, Tax money.Amount
	At       time.Time
}

// Refund posts P7: the money leaves escrow and tax and is owed to the customer
// until the provider confirms.
func Refund(ctx context.Context, tx *db.Tx, r RefundOf) (bool, error) {
	gross, err := r.Net.Add(r.Tax)
	if err != nil {
		return false, err
	}
	return post(ctx, tx, posting{kind: P7Refund, effect: "refund:" + r.Refund, cause: r.Line, effective: r.At, entries: []Entry{
		{Tax, jurisdiction, r.Tax}, {Escrow, r.Line, r.Net}, {InFlight, r.Refund, negative(gross)},
	}})
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

// DepositIn posts P24 when a vendor's deposit arrived with a statement line.
func DepositIn(ctx context.Context, tx *db.Tx, statementLine, vendor string, q money.Amount, at time.Time) (bool, error) {
	return post(ctx, tx, posting{kind: P24DepositIn, effect: "deposit:" + statementLine, cause: vendor, effective: at, entries: []Entry{
		{Bank, "", q}, {Deposit, vendor, negative(q)},
	}})
}

// Reverse posts P34, the exact mirror of a wrong journal, once.
func Reverse(ctx context.Context, tx *db.Tx, id JournalID, cause string) (bool, error) {
	j, err := Get(ctx, tx, id)
	if err != nil {
		return false, err
	}
	if j.Kind == P34Reverse {
		return false, ErrNoBasis.With("Kind", P34Reverse, "Account", "")
	}
	entries, err := mirror(j.Entries)
	if err != nil {
		return false, err
	}
	return post(ctx, tx, posting{kind: P34Reverse, effect: "reverse:" + string(id), cause: cause, effective: tx.Now(), reverses: id, entries: entries})
}

// Get returns one journal with its entries.
func Get(ctx context.Context, r db.Reader, id JournalID) (Journal, error) {
	j, err := db.One(ctx, r, scanJournal, selectJournal, string(id))
	if err != nil {
		return Journal{}, err
	}
	j.Entries, err = db.All(ctx, r, scanEntry, selectEntries, string(id))
	return j, err
}

// Posted reports whether an effect is in the book, and its journal.
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
	for i := range page {
		if page[i].Entries, err = db.All(ctx, r, scanEntry, selectEntries, string(page[i].ID)); err != nil {
			return nil, "", err
		}
	}
	return page, next, nil
}

// OfCause lists the journals behind one order line, refund or vendor.
func OfCause(ctx context.Context, r db.Reader, cause string) ([]Journal, error) {
	all, err := db.All(ctx, r, scanJournal, selectCause, cause)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Entries, err = db.All(ctx, r, scanEntry, selectEntries, string(all[i].ID)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Balance is what an account holds: positive on its debit side.
func Balance(ctx context.Context, r db.Reader, a Account, party string, c money.Currency) (money.Amount, error) {
	minor, err := db.Value[int64](ctx, r, selectBalance, string(a), party, string(c))
	return money.Amount{Minor: minor, Currency: c}, err
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
