package delivery

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Erase empties what deliveries of an account hold of its people: what was passed
// on, what the vendor wrote, credentials, and the bodies of calls. That something
// was delivered, when, and its hashes stay.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	all, err := db.All(ctx, tx, db.Column[string], selectIDsOf, string(id))
	if err != nil {
		return 0, err
	}
	for _, one := range all {
		d := ID(one)
		fields, err := tx.Keys().Seal("null", fieldsAt(d))
		if err != nil {
			return removed, err
		}
		notes, err := tx.Keys().Seal("", notesAt(d))
		if err != nil {
			return removed, err
		}
		body, err := tx.Keys().Seal("", bodyAt(d))
		if err != nil {
			return removed, err
		}
		for _, step := range []struct {
			sql  string
			args []any
		}{
			{eraseDelivery, []any{fields, notes, one}},
			{trimCredentials, []any{one, 0}},
			{eraseBodies, []any{body, one}},
		} {
			n, err := tx.Exec(ctx, step.sql, step.args...)
			if err != nil {
				return removed, err
			}
			removed += n
		}
	}
	return removed, nil
}

const (
	selectIDsOf   = `SELECT id FROM delivery_delivery WHERE account = $1 ORDER BY id`
	eraseDelivery = `UPDATE delivery_delivery SET fields_sealed = $1, notes_sealed = $2 WHERE id = $3`
	eraseBodies   = `UPDATE delivery_attempt SET request_sealed = $1, response_sealed = $1 WHERE delivery = $2`
)
