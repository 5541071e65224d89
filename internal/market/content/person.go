package content

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
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

// Expire lets infected files go that were put into quarantine before a moment, of
// which what the scanner said stays, by the hash; and destroys the originals that
// have served their time.
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	removed, err := job.RemoveFiles(ctx, tx, oldQuarantine, forgetQuarantine, db.Micros(before))
	if err != nil {
		return removed, err
	}
	destroyed, err := destroy(ctx, tx, before)
	return removed + destroyed, err
}

// ExpireTold empties what was sent to the authority before a moment. That it was,
// when, under which reference and with which hash stays.
func ExpireTold(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	return db.Retire(ctx, tx, selectOldTold, before, goneTold, db.Emptying{Update: goneSent, At: sentAt})
}

// destroy empties the originals that have served their time: those that were
// decided on before a moment and are not owed to the authority any more. Hash,
// ground and decision stay.
func destroy(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	all, err := db.All(ctx, tx, scanListed, selectSpent, db.Micros(before))
	if err != nil {
		return 0, err
	}
	for _, i := range all {
		due, err := DueAt(ctx, tx, i)
		if err != nil {
			return removed, err
		}
		_, told, err := ToldOf(ctx, tx, i.ID)
		if err != nil {
			return removed, err
		}
		if !spent(i, !due.IsZero() && !told, before) {
			continue
		}
		empty, err := tx.Keys().Seal("", originalAt(i.ID))
		if err != nil {
			return removed, err
		}
		n, err := tx.Exec(ctx, goneItem, empty, db.Micros(tx.Now()), string(i.ID))
		if err != nil {
			return removed, err
		}
		removed += n
		if err := audit.Record(ctx, tx, audit.Job("privacy.keep"), audit.Entry{
			Act: "content.destroyed", Subjects: []string{string(i.ID), i.Ref}, Clauses: []string{"CSL 21"}, Data: map[string]any{"sha256": i.SHA256, "state": i.State},
		}); err != nil {
			return removed, err
		}
	}
	return removed, nil
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
