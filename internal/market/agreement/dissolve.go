package agreement

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// Dissolution is the end of the agreement with an account.
type Dissolution struct {
	Case string // "enf_…"
	At   time.Time
}

// Dissolve ends the agreement with an account by a case, as of a moment. From then on
// nothing that the account does accepts anything. Where it is dissolved already the
// first end counts.
func Dissolve(ctx context.Context, tx *db.Tx, by audit.Actor, id account.ID, caseID string, at time.Time) (err error) {
	defer fault.Wrap(&err, "agreement.Dissolve(%s)", id)
	if caseID == "" {
		return ErrRequired.In("case")
	}
	n, err := tx.Exec(ctx, sqlDissolve, id, caseID, db.Micros(at))
	if err != nil || n == 0 {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.dissolved", Subjects: []string{string(id), caseID}, Clauses: []string{"UA 8.2.4"}, Data: map[string]any{"dissolved_at": db.Micros(at)},
	})
}

// Restore undoes the end of an agreement: what was accepted before binds again.
func Restore(ctx context.Context, tx *db.Tx, by audit.Actor, id account.ID, caseID string) (err error) {
	defer fault.Wrap(&err, "agreement.Restore(%s)", id)
	n, err := tx.Exec(ctx, sqlRestore, db.Micros(tx.Now()), id)
	if err != nil || n == 0 {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: "agreement.restored", Subjects: []string{string(id), caseID}, Clauses: []string{"UA 8.2.4"}})
}

// DissolutionOf is the end of the agreement with an account; false while it stands.
func DissolutionOf(ctx context.Context, r db.Reader, id account.ID) (Dissolution, bool, error) {
	d, err := db.One(ctx, r, scanDissolution, sqlDissolution, id)
	if errors.Is(err, db.ErrNoRow) {
		return Dissolution{}, false, nil
	}
	return d, err == nil, err
}
