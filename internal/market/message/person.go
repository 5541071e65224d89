package message

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

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
	n, err := job.RemoveFiles(ctx, tx, filesOf, forgetFiles, string(id))
	return removed + n, err
}

const (
	sqlEraseDeliveries = `DELETE FROM message_delivery WHERE notice IN (SELECT id FROM message_notice WHERE account = $1)`
	sqlEraseNotices    = `DELETE FROM message_notice WHERE account = $1`

	threadIDsOf     = `SELECT id FROM message_thread WHERE customer = $1 ORDER BY id`
	attachmentIDsOf = `SELECT a.id FROM message_attachment a JOIN message_post p ON p.id = a.post WHERE p.author = $1 ORDER BY a.id`
	filesOf         = `SELECT a.blob FROM message_attachment a JOIN message_post p ON p.id = a.post WHERE p.author = $1 AND a.blob <> '-' ORDER BY a.id`
	forgetFiles     = `UPDATE message_attachment SET blob = '-' WHERE post IN (SELECT id FROM message_post WHERE author = $1)`
	postIDsOf       = `SELECT id FROM message_post WHERE author = $1 ORDER BY id`
	eraseSubject    = `UPDATE message_thread SET subject_sealed = $1 WHERE id = $2`
	eraseAttachment = `UPDATE message_attachment SET name_sealed = $1 WHERE id = $2`
	erasePost       = `UPDATE message_post SET text_sealed = $1 WHERE id = $2`
)
