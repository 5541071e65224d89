package infringement

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// Expire takes the persons out of notices that ended before a moment, or were never
// confirmed: who gave them, who answered, their words, files and notes. That there
// was a notice, about what and how it ended, stays in the register. A notice that is
// under way stays whole.
//
// Clause: PIPL 47 (who gave a notice of infringement, and the answer, are erased once it is over for its years).
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	all, err := db.All(ctx, tx, db.Column[string], oldNotices, db.Micros(before))
	if err != nil {
		return 0, err
	}
	if removed, err = db.Empty(ctx, tx, all,
		db.Emptying{Update: eraseNotice, At: func(id string) string { return wordsAt(ID(id)) }, Plain: "{}"},
		db.Emptying{Update: eraseCounter, At: func(id string) string { return counterAt(ID(id)) }, Plain: "{}"},
		db.Emptying{Update: eraseNotes, At: func(id string) string { return noteAt(ID(id)) }},
	); err != nil {
		return removed, err
	}
	for _, id := range all {
		n, err := db.Blank(ctx, tx, fileIDsOf, id, eraseFile, fileAt)
		if removed += n; err != nil {
			return removed, err
		}
		n, err = job.RemoveFiles(ctx, tx, fileKeysOf, forgetFiles, id)
		if removed += n; err != nil {
			return removed, err
		}
		tx.Queue(noticeErased, strings.Repeat("0", 64), db.Micros(tx.Now()), id)
	}
	return removed, nil
}

// UnderWay names a notice by an account, or about what is its own, that has not ended;
// empty when all have.
func UnderWay(ctx context.Context, r db.Reader, id account.ID) (string, error) {
	return db.Value[string](ctx, r, selectOpenOf, string(id))
}

const (
	oldNotices = `SELECT id FROM infringement_notice
		WHERE erased_at = 0 AND (ended_at > 0 AND ended_at < $1 OR state = 'unconfirmed' AND created_at < $1) ORDER BY id LIMIT 200`
	eraseNotice  = `UPDATE infringement_notice SET content_sealed = $1 WHERE id = $2`
	noticeErased = `UPDATE infringement_notice SET email_index = $1, place_index = $1, location = '', summary = '', erased_at = $2 WHERE id = $3`
	eraseCounter = `UPDATE infringement_counter SET content_sealed = $1, summary = '—' WHERE notice = $2`
	eraseNotes   = `UPDATE infringement_step SET note_sealed = $1 WHERE notice = $2`
	fileIDsOf    = `SELECT id FROM infringement_file WHERE notice = $1 ORDER BY id`
	eraseFile    = `UPDATE infringement_file SET name_sealed = $1 WHERE id = $2`
	fileKeysOf   = `SELECT blob FROM infringement_file WHERE notice = $1 AND blob <> '-' ORDER BY id`
	forgetFiles  = `UPDATE infringement_file SET blob = '-' WHERE notice = $1`
	selectOpenOf = `SELECT COALESCE(MIN(id), '') FROM infringement_notice WHERE (account = $1 OR target_owner = $1) AND ended_at = 0 AND state <> 'unconfirmed'`
)
