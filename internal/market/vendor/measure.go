package vendor

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Basis is what a measure against a vendor rests on: the case, and the clause that
// was broken.
type Basis struct {
	Case   string // "enf_…"
	Clause string // "UA 4.7.1"
}

// Move takes or ends a measure against a vendor: limits publishing, hides the
// shop, suspends, expels, or restores. Package enforcement calls it for a case; it
// refuses MEASURE_WITHOUT_CASE, anybody but an officer, and the own account.
func Move(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, to State, on Basis) (_ Vendor, err error) {
	defer fault.Wrap(&err, "vendor.Move(%s, %s)", id, to)
	v, err := judged(ctx, tx, by, id)
	if err != nil {
		return Vendor{}, err
	}
	if !slices.Contains(moves[v.State], to) {
		return Vendor{}, ErrState
	}
	err = act(ctx, tx, by, &v, to, on, "vendor.moved")
	return v, err
}

// Reinstate undoes an expulsion that was not upheld: the vendor is what it was. It
// needs the case; an officer decides, and never about the own account.
func Reinstate(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, to State, on Basis) (err error) {
	defer fault.Wrap(&err, "vendor.Reinstate(%s, %s)", id, to)
	v, err := judged(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if v.State != Expelled || to == Expelled {
		return ErrState
	}
	return act(ctx, tx, by, &v, to, on, "vendor.reinstated")
}

// act changes the state of a vendor by a case and keeps what it was done for.
func act(ctx context.Context, tx *db.Tx, by audit.Actor, v *Vendor, to State, on Basis, name string) error {
	if err := measured(on); err != nil {
		return err
	}
	from := v.State
	if err := move(ctx, tx, *v, to); err != nil {
		return err
	}
	v.State = to
	measure := tx.ID("vms")
	if _, err := tx.Exec(ctx, insertMeasure, measure, string(v.ID), string(from), string(to), on.Case, on.Clause, by.User, db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: name, Subjects: []string{string(v.ID), measure, on.Case}, Clauses: []string{"UA P-4", "UA 8.2", on.Clause},
		Data: map[string]any{"from": string(from), "to": string(to)},
	})
}
