package entitlement

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
)

const cols = `id, order_id, line, account, vendor, product, version, plan, name, quantity, term_unit, term_count, state,
	granted_at, starts_at, ends_at, ended_at`

const (
	insertBinding = `INSERT INTO entitlement_binding (line, account, bound_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	insertGrant   = `INSERT INTO entitlement_grant (` + cols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'pending', $13, 0, 0, 0)`

	selectGrant     = `SELECT ` + cols + ` FROM entitlement_grant WHERE id = $1`
	selectOfLine    = `SELECT ` + cols + ` FROM entitlement_grant WHERE line = $1`
	selectOfOrder   = `SELECT ` + cols + ` FROM entitlement_grant WHERE order_id = $1 ORDER BY id`
	selectOfAccount = `SELECT ` + cols + ` FROM entitlement_grant WHERE account = $1 ORDER BY id DESC LIMIT 500`
	selectRunning   = `SELECT ` + cols + ` FROM entitlement_grant
		WHERE product = $1 AND state IN ('pending', 'active', 'suspended', 'expired') AND id > $2 ORDER BY id LIMIT 500`
	selectHolders = `SELECT DISTINCT account FROM entitlement_grant
		WHERE product = $1 AND state IN ('pending', 'active', 'suspended') ORDER BY account`

	selectLosing = `SELECT ` + cols + ` FROM entitlement_grant WHERE id > $1 AND state IN ('active', 'suspended') AND ends_at > 0 AND starts_at < $2 AND ends_at > $3
		AND ($4 = '' OR product = $4) AND ($5 = '' OR order_id = $5) ORDER BY id LIMIT $6`
	insertExtension = `INSERT INTO entitlement_extension (entitlement, cause, micros, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	moveEnd         = `UPDATE entitlement_grant SET ends_at = $1 WHERE id = $2 AND state = $3 AND ends_at = $4`

	moveGrant = `UPDATE entitlement_grant SET state = $1, starts_at = $2, ends_at = $3, ended_at = $4 WHERE id = $5 AND state = $6`
)

func scan(s db.Scanner) (Entitlement, error) {
	var e Entitlement
	var granted, starts, ends, ended int64
	err := s.Scan(&e.ID, &e.Order, &e.Line, &e.Account, &e.Vendor, &e.Product, &e.Version, &e.Plan, &e.Name, &e.Quantity,
		&e.Term.Unit, &e.Term.Count, &e.State, &granted, &starts, &ends, &ended)
	e.GrantedAt, e.StartsAt, e.EndsAt, e.EndedAt = db.Time(granted), db.Time(starts), db.Time(ends), db.Time(ended)
	return e, err
}

// move is the only change of a grant: it writes state and times of after, if the
// row is still in the state of before.
func move(ctx context.Context, tx *db.Tx, before, after Entitlement) error {
	if !mayMove(before.State, after.State) {
		return ErrState
	}
	n, err := tx.Exec(ctx, moveGrant, string(after.State), db.Micros(after.StartsAt), db.Micros(after.EndsAt), db.Micros(after.EndedAt),
		string(before.ID), string(before.State))
	if err == nil && n == 0 {
		err = ErrState
	}
	return err
}

func found(e Entitlement, err error) (Entitlement, error) {
	if errors.Is(err, db.ErrNoRow) {
		return e, ErrNotFound
	}
	return e, err
}
