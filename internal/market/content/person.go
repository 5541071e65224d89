package content

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// Erase empties the originals that were kept from their readers, the reports and
// the names of rejected files of an account whose trades need not be kept any
// longer. What waits for a decision stays until there is one; hashes stay.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	for _, one := range []struct {
		ids, blank string
		at         func(string) string
	}{
		{itemIDsOf, eraseItem, func(id string) string { return originalAt(ID(id)) }},
		{reportIDsOf, eraseReport, func(id string) string { return reportAt(ReportID(id)) }},
		{uploadIDsOf, eraseUpload, uploadAt},
	} {
		n, err := db.Blank(ctx, tx, one.ids, string(id), one.blank, one.at)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// Expire lets infected files go that were put into quarantine before a moment. What
// the scanner said stays, by the hash.
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	return job.RemoveFiles(ctx, tx, oldQuarantine, forgetQuarantine, db.Micros(before))
}

const (
	itemIDsOf   = `SELECT id FROM content_item WHERE account = $1 AND state <> 'held' ORDER BY id`
	reportIDsOf = `SELECT id FROM content_report WHERE account = $1 AND state <> 'open' ORDER BY id`
	uploadIDsOf = `SELECT id FROM content_upload WHERE account = $1 ORDER BY id`
	eraseItem   = `UPDATE content_item SET original_sealed = $1 WHERE id = $2`
	eraseReport = `UPDATE content_report SET text_sealed = $1 WHERE id = $2`
	eraseUpload = `UPDATE content_upload SET name_sealed = $1 WHERE id = $2`

	oldQuarantine    = `SELECT quarantine FROM content_file WHERE quarantine <> '' AND scanned_at < $1 ORDER BY sha256`
	forgetQuarantine = `UPDATE content_file SET quarantine = '' WHERE quarantine <> '' AND scanned_at < $1`
)
