package refund

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// Erase empties the words and names of files in the refunds and matters of an
// account whose trades need not be kept any longer; states, amounts and hashes
// stay.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	blank := func(update, place string, args ...any) error {
		empty, err := tx.Keys().Seal("", place)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, update, append([]any{empty}, args...)...)
		removed += n
		return err
	}
	requests, err := db.All(ctx, tx, db.Column[string], selectIDsOf, string(id))
	if err != nil {
		return 0, err
	}
	for _, q := range requests {
		if err := blank(eraseText, textAt(ID(q)), q); err != nil {
			return removed, err
		}
		if err := blank(eraseNotes, noteAt(ID(q)), q); err != nil {
			return removed, err
		}
	}
	matters, err := db.All(ctx, tx, db.Column[string], selectMatterIDsOf, string(id))
	if err != nil {
		return removed, err
	}
	for _, m := range matters {
		if err := blank(eraseStatements, statementAt(MatterID(m)), m); err != nil {
			return removed, err
		}
		if err := blank(eraseProofs, proofAt(MatterID(m)), m); err != nil {
			return removed, err
		}
		n, err := job.RemoveFiles(ctx, tx, selectFiles, forgetFiles, m)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// UnderWay names a refund or matter of an account that has not ended; empty when all
// have.
func UnderWay(ctx context.Context, r db.Reader, id account.ID) (string, error) {
	return db.Value[string](ctx, r, selectOpenOf, string(id))
}

const (
	selectIDsOf       = `SELECT id FROM refund_request WHERE account = $1 ORDER BY id`
	selectMatterIDsOf = `SELECT id FROM refund_matter WHERE account = $1 ORDER BY id`
	eraseText         = `UPDATE refund_request SET text_sealed = $1 WHERE id = $2`
	eraseNotes        = `UPDATE refund_step SET note_sealed = $1 WHERE request = $2`
	eraseStatements   = `UPDATE refund_statement SET text_sealed = $1 WHERE matter = $2`
	eraseProofs       = `UPDATE refund_proof SET name_sealed = $1 WHERE matter = $2`
	selectFiles       = `SELECT blob FROM refund_proof WHERE matter = $1 AND blob <> '-' ORDER BY id`
	forgetFiles       = `UPDATE refund_proof SET blob = '-' WHERE matter = $1`
	selectOpenOf      = `SELECT COALESCE(MIN(id), '') FROM (SELECT id FROM refund_request WHERE account = $1 AND ended_at = 0
		UNION ALL SELECT id FROM refund_matter WHERE account = $1 AND closed_at = 0) o`
)
