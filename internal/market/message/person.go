package message

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
)

// Copy returns what an account was told, for the account itself.
func Copy(ctx context.Context, r db.Reader, id account.ID) ([]account.Sheet, error) {
	all, err := db.All(ctx, r, scan(r), sqlWholeInbox, id)
	s := account.Sheet{Table: "message_notice"}
	for _, n := range all {
		s.Rows = append(s.Rows, map[string]string{
			"id": string(n.ID), "code": n.Code, "title_zh": n.Title(text.ZH), "body_zh": n.Body(text.ZH), "title_en": n.Title(text.EN), "body_en": n.Body(text.EN),
			"created_at": n.CreatedAt.UTC().Format(time.RFC3339),
		})
	}
	return []account.Sheet{s}, err
}

// Erase deletes the notices of an account whose trades need not be kept any
// longer.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (int64, error) {
	if _, err := tx.Exec(ctx, sqlEraseDeliveries, id); err != nil {
		return 0, err
	}
	return tx.Exec(ctx, sqlEraseNotices, id)
}

const (
	sqlWholeInbox      = `SELECT ` + cols + ` FROM message_notice WHERE account = $1 ORDER BY id`
	sqlEraseDeliveries = `DELETE FROM message_delivery WHERE notice IN (SELECT id FROM message_notice WHERE account = $1)`
	sqlEraseNotices    = `DELETE FROM message_notice WHERE account = $1`
)
