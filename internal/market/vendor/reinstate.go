package vendor

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Reinstate undoes an expulsion that was not upheld: the vendor is what it was. It
// needs the case; an officer decides, and never about the own account.
func Reinstate(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, to State, caseID string) (err error) {
	defer fault.Wrap(&err, "vendor.Reinstate(%s, %s)", id, to)
	v, err := judged(ctx, tx, by, id)
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(caseID) == "":
		return ErrRequired.In("reason")
	case v.State != Expelled || to == Expelled:
		return ErrState
	}
	if err := move(ctx, tx, v, to); err != nil {
		return err
	}
	measure := tx.ID("vms")
	if _, err := tx.Exec(ctx, insertMeasure, measure, string(id), string(Expelled), string(to), caseID, by.User, db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "vendor.reinstated", Subjects: []string{string(id), measure, caseID}, Clauses: []string{"UA 8.2"}, Data: map[string]any{"to": string(to)},
	})
}
