package refund

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Copy returns the refunds that an account asked for in its own words, for the
// account itself.
func Copy(ctx context.Context, r db.Reader, id account.ID) ([]account.Sheet, error) {
	all, err := db.All(ctx, r, scanRequest(r), selectAllMine, string(id))
	s := account.Sheet{Table: "refund_request"}
	for _, q := range all {
		s.Rows = append(s.Rows, map[string]string{
			"id": string(q.ID), "order_id": string(q.Order), "reason": string(q.Reason), "text": q.Text, "state": string(q.State),
			"amount": q.Amount.Plain(), "currency": string(q.Amount.Currency), "requested_at": q.RequestedAt.UTC().Format(time.RFC3339),
		})
	}
	return []account.Sheet{s}, err
}

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
	}
	return removed, nil
}

const (
	selectAllMine     = `SELECT ` + requestCols + ` FROM refund_request WHERE account = $1 ORDER BY id`
	selectIDsOf       = `SELECT id FROM refund_request WHERE account = $1 ORDER BY id`
	selectMatterIDsOf = `SELECT id FROM refund_matter WHERE account = $1 ORDER BY id`
	eraseText         = `UPDATE refund_request SET text_sealed = $1 WHERE id = $2`
	eraseNotes        = `UPDATE refund_step SET note_sealed = $1 WHERE request = $2`
	eraseStatements   = `UPDATE refund_statement SET text_sealed = $1 WHERE matter = $2`
	eraseProofs       = `UPDATE refund_proof SET name_sealed = $1 WHERE matter = $2`
)
