package ledger

import (
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// Disputed is a dispute of the payment behind one line, in one round.
type Disputed struct {
	Dispute  string
	Round    int // 1, and one more each time it is opened again
	Provider string
	Line     string
	Amount   money.Amount // taken by the payer's bank
	Covered  money.Amount // of it, what was captured and not given back
	Fee      money.Amount // the provider's own; zero when unknown
	At       time.Time
}

func (d Disputed) effect(what string) string {
	return fmt.Sprintf("cb:%s:%d:%s", d.Dispute, d.Round, what)
}

// coveredBy is what the line still has of what the dispute covers. A refund that
// the provider could not pay is owed to the buyer by another way (P11) and is gone
// from the line, also when the payer's bank takes the same money.
func (d Disputed) coveredBy(l Line) int64 {
	f := l.facts()
	return min(d.Covered.Minor, f.gross()-f.returned)
}

// DisputeOpened posts P15, and P16 for the vendor's share of what was released:
// the payer's bank has taken the money, nobody knows yet who keeps it. Until it
// is decided nothing of the line is released or refunded.
func DisputeOpened(ctx context.Context, tx *db.Tx, d Disputed) (bool, error) {
	effect := d.effect("open")
	if _, found, err := known(ctx, tx, effect, ChargebackInFlight, d.Amount.Minor); err != nil || found {
		return false, err
	}
	l, err := LineOf(ctx, tx, d.Line)
	if err != nil {
		return false, err
	}
	taken := d.Amount
	if taken.Minor += d.Fee.Minor; d.Amount.Currency != l.Net.Currency || d.Fee.Minor < 0 {
		return false, ErrInvalid.In("amount")
	}
	posted, err := post(ctx, tx, posting{
		kind: P15DisputeOpen, effect: effect, cause: l.ID, effective: d.At,
		entries: []Entry{{ChargebackInFlight, d.Dispute, d.Amount}, {DisputeFee, "", l.amount(d.Fee.Minor)}, {Clearing, d.Provider, negative(taken)}},
		guards:  []guard{moved(l, l.facts(), 1, 0)},
	})
	covered := d.coveredBy(l)
	if err != nil || !posted || covered == 0 {
		return posted, err
	}
	_, g, err := l.facts().giveBack(covered)
	if err != nil || g.vendor == 0 {
		return true, err
	}
	_, err = HoldFor(ctx, tx, d.effect("hold"), l.Vendor, d.Dispute, l.amount(g.vendor), d.At)
	return true, err
}

// DisputeWon posts P17: the money is back, and what was frozen is the vendor's.
func DisputeWon(ctx context.Context, tx *db.Tx, d Disputed) (bool, error) {
	effect := d.effect("won")
	if _, found, err := known(ctx, tx, effect, ChargebackInFlight, -d.Amount.Minor); err != nil || found {
		return false, err
	}
	l, err := LineOf(ctx, tx, d.Line)
	if err != nil {
		return false, err
	}
	p, err := purseOf(ctx, tx, l.Vendor, l.Net.Currency, false, d.Dispute)
	if err != nil {
		return false, err
	}
	frozen := p.holds[0]
	entries := append([]Entry{
		{Clearing, d.Provider, d.Amount}, {ChargebackInFlight, d.Dispute, negative(d.Amount)}, {Hold, frozen.party, l.amount(frozen.minor)},
	}, p.get(l.Vendor, l.Net.Currency, frozen.minor)...)
	return post(ctx, tx, posting{
		kind: P17DisputeWon, effect: effect, cause: l.ID, effective: d.At, entries: entries,
		guards: []guard{moved(l, l.facts(), -1, 0), locked(l.Vendor)},
	})
}

// DisputeLost posts P18: the covered part is taken from where a refund would take
// it; what the bank took above that, or above what the line has left, is the
// operator's loss. What stays frozen is the vendor's again.
func DisputeLost(ctx context.Context, tx *db.Tx, d Disputed) (bool, error) {
	effect := d.effect("lost")
	if _, found, err := known(ctx, tx, effect, ChargebackInFlight, -d.Amount.Minor); err != nil || found {
		return false, err
	}
	l, err := LineOf(ctx, tx, d.Line)
	if err != nil {
		return false, err
	}
	next, entries, covered := l.facts(), []Entry{}, d.coveredBy(l)
	if covered > 0 {
		var g given
		if next, g, err = next.giveBack(covered); err != nil {
			return false, err
		}
		if entries, _, err = takeBack(ctx, tx, l, g, false, d.Dispute); err != nil {
			return false, err
		}
	}
	posted, err := post(ctx, tx, posting{
		kind: P18DisputeLost, effect: effect, cause: l.ID, effective: d.At,
		entries: append(entries, Entry{DisputeLoss, "", l.amount(d.Amount.Minor - covered)}, Entry{ChargebackInFlight, d.Dispute, negative(d.Amount)}),
		guards:  []guard{moved(l, next, -1, 0), locked(l.Vendor)},
	})
	if err != nil || !posted {
		return posted, err
	}
	_, err = Unhold(ctx, tx, d.effect("unhold"), l.Vendor, d.Dispute, l.Net.Currency, d.At)
	return true, err
}

// DisputeFeeCharged posts P19, where the contract lets the operator charge a
// dispute's fee on to the vendor.
func DisputeFeeCharged(ctx context.Context, tx *db.Tx, dispute, vendor string, fee money.Amount, at time.Time) (bool, error) {
	return charge(ctx, tx, P19DisputeFee, DisputeFee, "cb:"+dispute+":fee", vendor, fee, at)
}

// PlatformFee posts P37: a fee that the operator charges a vendor besides the
// commission, such as the yearly certification.
func PlatformFee(ctx context.Context, tx *db.Tx, id, vendor string, fee money.Amount, at time.Time) (bool, error) {
	return charge(ctx, tx, P37PlatformFee, PlatformFees, "fee:"+id, vendor, fee, at)
}

// charge lets a vendor pay x from what is payable, and else as its debt.
func charge(ctx context.Context, tx *db.Tx, kind Kind, to Account, effect, vendor string, x money.Amount, at time.Time) (bool, error) {
	if _, found, err := known(ctx, tx, effect, to, -x.Minor); err != nil || found {
		return false, err
	}
	p, err := purseOf(ctx, tx, vendor, x.Currency, false)
	if err != nil {
		return false, err
	}
	entries, _ := p.pay(vendor, x.Currency, x.Minor)
	return post(ctx, tx, posting{
		kind: kind, effect: effect, cause: vendor, effective: at, entries: append(entries, Entry{to, "", negative(x)}), guards: []guard{locked(vendor)},
	})
}
