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

// posting is a journal to be written, and what must be true for it.
type posting struct {
	kind      Kind
	effect    string
	cause     string
	effective time.Time
	reverses  JournalID
	entries   []Entry
	guards    []guard
}

// guard is a statement that must touch a row, or the posting is refused.
type guard struct {
	text    string
	args    []any
	refusal error
}

// post writes the journal unless its effect is already in the book. posted is
// false for a repeat. Balance rows are touched in the order of their keys, so
// two postings cannot deadlock. What would fall into a closed month is booked on
// the day it is recorded.
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
	for _, g := range p.guards {
		b.Add(g.text, g.args...)
	}
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
		b.Add(text, max(e.Amount.Minor, 0), max(-e.Amount.Minor, 0), string(e.Account), e.Party, string(e.Amount.Currency), stripe(e.Account, p.effect))
	}
	liquid := b.Len()
	liquidity(b, p.entries)
	counts, err := b.Send(ctx)
	if db.Check(err) {
		return false, fmt.Errorf("%w: %w", ErrFloor.With("Effect", p.effect), err)
	}
	if err != nil {
		return false, err
	}
	for i, n := range counts {
		switch {
		case n > 0:
		case i < len(p.guards):
			return false, p.guards[i].refusal
		case i >= liquid:
			return false, ErrLiquidity.With("Effect", p.effect)
		default: // nothing was ever held there
			return false, ErrFloor.With("Effect", p.effect)
		}
	}
	return true, nil
}

// liquidity keeps beside the balances, in one row a currency, what is in the
// bank and what is on its way out, so that one constraint compares them. Two
// entries of one journal are one change: a payout that is paid leaves both.
func liquidity(b *db.Batch, entries []Entry) {
	type change struct{ bank, inflight int64 }
	changes := map[money.Currency]change{}
	for _, e := range entries {
		c := changes[e.Amount.Currency]
		switch e.Account {
		case Bank:
			c.bank += e.Amount.Minor
		case PayoutInFlight:
			c.inflight -= e.Amount.Minor
		default:
			continue
		}
		changes[e.Amount.Currency] = c
	}
	for currency, c := range changes {
		if c.bank >= 0 && c.inflight <= 0 {
			b.Add(addLiquidity, string(currency), c.bank, -c.inflight)
		} else {
			b.Add(drawLiquidity, c.bank, c.inflight, string(currency))
		}
	}
}

// known returns the journal of an effect that is in the book, after comparing
// the sum on one account with what the caller wants now: one effect with two
// amounts is an alarm.
func known(ctx context.Context, tx *db.Tx, effect string, on Account, want int64) (Journal, bool, error) {
	j, found, err := Posted(ctx, tx, effect)
	if err != nil || !found {
		return Journal{}, false, err
	}
	var got int64
	if j.Entries, err = db.All(ctx, tx, scanEntry, selectEntries, string(j.ID)); err != nil {
		return Journal{}, false, err
	}
	for _, e := range j.Entries {
		if e.Account == on {
			got += e.Amount.Minor
		}
	}
	if got != want {
		return Journal{}, false, ErrEffect.With("Effect", effect)
	}
	return j, true, nil
}

// LineOf returns what the book knows of an order line.
func LineOf(ctx context.Context, r db.Reader, id string) (Line, error) {
	l, err := db.One(ctx, r, scanLine, selectLine, id)
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	return l, err
}

// LinesOf lists a vendor's lines, newest first, before the cursor (empty: from
// the newest), at most n.
func LinesOf(ctx context.Context, r db.Reader, vendor, before string, n int) ([]Line, error) {
	if before == "" {
		before = "~" // after every id
	}
	return db.All(ctx, r, scanLine, selectLines, vendor, before, n)
}

// moved is the guard that a line's facts go from one version to the next.
func moved(l Line, next facts, disputes, compensated int64) guard {
	return guard{updateLine, []any{next.returned, next.released, next.taken, l.Disputes + disputes, l.Compensated.Minor + compensated, l.ID, l.Version}, ErrStale}
}

// locked is the guard that takes a vendor's side of the book: two postings that
// work out who owes whom never pass each other.
func locked(vendor string) guard { return guard{lockVendor, []any{vendor}, ErrStale} }

// purseOf reads what a vendor has in a currency. Holds of the named cases count;
// the deposit counts only with a final decision.
func purseOf(ctx context.Context, tx *db.Tx, vendor string, c money.Currency, deposit bool, cases ...string) (p purse, err error) {
	rows, err := db.All(ctx, tx, scanPurse, selectPurse, vendor, string(c))
	if err != nil {
		return purse{}, err
	}
	for _, row := range rows {
		switch row.account {
		case Payable:
			p.payable = -row.minor
		case Receivable:
			p.receivable = row.minor
		case Deposit:
			if deposit {
				p.deposit = -row.minor
			}
		}
	}
	for _, cause := range cases {
		party := holdParty(vendor, cause)
		frozen, err := db.Value[int64](ctx, tx, selectBalance, string(Hold), party, string(c))
		if err != nil {
			return purse{}, err
		}
		p.holds = append(p.holds, held{party, -frozen})
	}
	return p, nil
}

// Reverse posts P34, the exact mirror of a wrong journal, once. Journals that
// change the facts of a line have commands of their own to take them back.
func Reverse(ctx context.Context, tx *db.Tx, id JournalID, cause string) (bool, error) {
	j, err := Get(ctx, tx, id)
	if err != nil {
		return false, err
	}
	switch j.Kind {
	case P34Reverse, P1Capture, P6Release, P7Refund, P7Undone, P8Refund, P9Refund, P15DisputeOpen, P17DisputeWon, P18DisputeLost, P12Compensation, P28Collected:
		return false, ErrNoBasis.With("Kind", P34Reverse, "Account", "")
	}
	entries, err := mirror(j.Entries)
	if err != nil {
		return false, err
	}
	return post(ctx, tx, posting{kind: P34Reverse, effect: "reverse:" + string(id), cause: cause, effective: tx.Now(), reverses: id, entries: entries})
}
