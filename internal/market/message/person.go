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
// longer, and empties what it wrote in conversations and the names of its files;
// hashes and times stay.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	if _, err := tx.Exec(ctx, sqlEraseDeliveries, id); err != nil {
		return 0, err
	}
	if removed, err = tx.Exec(ctx, sqlEraseNotices, id); err != nil {
		return 0, err
	}
	for _, one := range []struct {
		ids, blank string
		at         func(string) string
	}{
		{threadIDsOf, eraseSubject, func(id string) string { return subjectAt(ThreadID(id)) }},
		{attachmentIDsOf, eraseAttachment, attachmentAt},
		{postIDsOf, erasePost, func(id string) string { return postAt(PostID(id)) }},
	} {
		n, err := db.Blank(ctx, tx, one.ids, string(id), one.blank, one.at)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

const (
	sqlWholeInbox      = `SELECT ` + cols + ` FROM message_notice WHERE account = $1 ORDER BY id`
	sqlEraseDeliveries = `DELETE FROM message_delivery WHERE notice IN (SELECT id FROM message_notice WHERE account = $1)`
	sqlEraseNotices    = `DELETE FROM message_notice WHERE account = $1`

	threadIDsOf     = `SELECT id FROM message_thread WHERE customer = $1 ORDER BY id`
	attachmentIDsOf = `SELECT a.id FROM message_attachment a JOIN message_post p ON p.id = a.post WHERE p.author = $1 ORDER BY a.id`
	postIDsOf       = `SELECT id FROM message_post WHERE author = $1 ORDER BY id`
	eraseSubject    = `UPDATE message_thread SET subject_sealed = $1 WHERE id = $2`
	eraseAttachment = `UPDATE message_attachment SET name_sealed = $1 WHERE id = $2`
	erasePost       = `UPDATE message_post SET text_sealed = $1 WHERE id = $2`
)
