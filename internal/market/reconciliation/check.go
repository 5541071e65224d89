package reconciliation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
)

// The kinds of reading.
const (
	whole     = "whole"
	increment = "increment"
)

// violations turns broken invariants into exceptions, each under a name of its
// own.
func violations(day calendar.Date, wrong []ledger.Violation) []Exception {
	all := make([]Exception, 0, len(wrong))
	for _, v := range wrong {
		sum := sha256.Sum256([]byte(v.Detail))
		all = append(all, Exception{
			Source: FromCheck, Kind: v.Invariant, Object: v.Invariant + "/" + hex.EncodeToString(sum[:8]), Day: day,
			Ours: money.Zero(money.CNY), Theirs: money.Zero(money.CNY), Detail: v.Detail,
		})
	}
	return all
}

// reading is what a reading of the whole book and market has found.
type reading struct {
	journals int
	wrong    []ledger.Violation
}

// readAll reads everything once: the book by its own verifier, and what must hold
// between packages.
func (w Work) readAll(ctx context.Context, r db.Reader) (v reading, err error) {
	if v.journals, v.wrong, err = ledger.Verify(ctx, r); err != nil || w.Promises == nil {
		return v, err
	}
	further, err := w.Promises(ctx, r)
	v.wrong = append(v.wrong, further...)
	return v, err
}

// record stores a whole reading; what it does not find any more is over.
func (v reading) record(ctx context.Context, tx *db.Tx, by audit.Actor) error {
	if _, err := tx.Exec(ctx, insertCheck, tx.ID("chk"), whole, db.Micros(tx.Now()), v.journals, len(v.wrong)); err != nil {
		return err
	}
	return settle(ctx, tx, by, FromCheck, violations(calendar.On(tx.Now()), v.wrong))
}

// readNew reads what was booked since the last time. It ends no exception: only a
// whole reading can know that something is over.
func readNew(ctx context.Context, tx *db.Tx, by audit.Actor) error {
	journals, wrong, err := ledger.Increment(ctx, tx, "hourly")
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertCheck, tx.ID("chk"), increment, db.Micros(tx.Now()), journals, len(wrong)); err != nil {
		return err
	}
	for _, e := range violations(calendar.On(tx.Now()), wrong) {
		if err := see(ctx, tx, by, e); err != nil {
			return err
		}
	}
	return nil
}

// age finds what stands too long on accounts that should return to zero.
func age(ctx context.Context, tx *db.Tx, by audit.Actor) error {
	limits, err := limitsOf(ctx, tx)
	if err != nil {
		return err
	}
	var found []Exception
	for _, a := range slices.Sorted(maps.Keys(limits)) {
		held, err := ledger.Aged(ctx, tx, a)
		if err != nil {
			return err
		}
		before := agedBefore(tx.Now(), limits[a])
		for _, h := range held {
			if !h.Since.Before(before) {
				continue
			}
			old, err := ledger.Older(ctx, tx, a, h.Party, h.Amount.Currency, before)
			if err != nil {
				return err
			}
			if old.IsZero() {
				continue
			}
			found = append(found, Exception{
				Source: FromAge, Kind: string(a), Object: string(a) + "/" + h.Party + "/" + string(h.Amount.Currency), Day: calendar.On(tx.Now()),
				Ours: old, Theirs: money.Zero(old.Currency), Detail: h.Party,
			})
		}
	}
	return settle(ctx, tx, by, FromAge, found)
}

// limitsOf are the days that money may stand on each clearing account.
func limitsOf(ctx context.Context, r db.Reader) (map[ledger.Account]int, error) {
	rule, err := agreement.Setting[map[ledger.Account]any](ctx, r, "clearing_age_days")
	if err != nil {
		return nil, err
	}
	limits := map[ledger.Account]int{}
	for a, v := range rule {
		if days, ok := v.(float64); ok && days > 0 { // whole days; the clause stands beside them
			limits[a] = int(days)
		}
	}
	return limits, nil
}

// Standing is one amount on a clearing account, with how long it may stay.
type Standing struct {
	ledger.Holding
	Days int
}

// Clearing lists all that stands on the clearing accounts of the rulebook, oldest
// first an account.
func Clearing(ctx context.Context, r db.Reader) ([]Standing, error) {
	limits, err := limitsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	var all []Standing
	for _, a := range slices.Sorted(maps.Keys(limits)) {
		held, err := ledger.Aged(ctx, r, a)
		if err != nil {
			return nil, err
		}
		for _, h := range held {
			all = append(all, Standing{h, limits[a]})
		}
	}
	return all, nil
}
