package payment

import (
	"context"
	"time"

	"yunshi/internal/base/db"
)

// Expire takes payer and reference out of bank lines that were booked before a
// moment. Amount, day and number stay with the books.
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	return db.Retire(ctx, tx, oldLines, before, lineErased, db.Emptying{Update: eraseLine, At: func(id string) string { return lineContext(LineID(id)) }, Plain: "{}"})
}

const (
	oldLines   = `SELECT id FROM payment_statement_line WHERE erased_at = 0 AND booked_at < $1 ORDER BY id LIMIT 1000`
	eraseLine  = `UPDATE payment_statement_line SET sealed = $1 WHERE id = $2`
	lineErased = `UPDATE payment_statement_line SET erased_at = $1 WHERE id = $2`
)
