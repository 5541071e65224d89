package agreement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// Erase empties the network address and the browser of an account's acceptances,
// and the mails in which it accepted, when the contract need not be proved any
// longer. Papers that were signed go, their hashes stay.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	if removed, err = db.Blank(ctx, tx, sqlRecordIDs, string(id), sqlEraseOrigin, ipAt); err != nil {
		return removed, err
	}
	names, err := db.Blank(ctx, tx, sqlPaperIDs, string(id), sqlErasePaper, paperNameAt)
	if removed += names; err != nil {
		return removed, err
	}
	files, err := job.RemoveFiles(ctx, tx, sqlPaperFiles, sqlForgetPapers, string(id))
	if removed += files; err != nil {
		return removed, err
	}
	n, err := tx.Exec(ctx, sqlEraseReplies, []byte{}, id)
	return removed + n, err
}

// Expire takes the words out of comments on drafts that ended before a moment. How
// many there were, and the answers, stay.
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	return tx.Exec(ctx, sqlExpireComments, db.Micros(before))
}

// ipAt is where the network address of an acceptance is sealed.
func ipAt(id string) string { return "agreement_acceptance.ip/" + id }

// paperNameAt is where the name of a signed paper's file is sealed.
func paperNameAt(id string) string { return "agreement_paper.name/" + id }

const (
	sqlRecordIDs   = `SELECT id FROM agreement_acceptance WHERE account = $1 ORDER BY id`
	sqlEraseOrigin = `UPDATE agreement_acceptance SET ip_sealed = $1, user_agent = '' WHERE id = $2`

	sqlPaperIDs     = `SELECT id FROM agreement_paper WHERE account = $1 ORDER BY id`
	sqlErasePaper   = `UPDATE agreement_paper SET name_sealed = $1, note = '' WHERE id = $2`
	sqlPaperFiles   = `SELECT blob FROM agreement_paper WHERE account = $1 AND blob <> '-' ORDER BY id`
	sqlForgetPapers = `UPDATE agreement_paper SET blob = '-' WHERE account = $1`
	sqlEraseReplies = `UPDATE agreement_challenge SET reply_sealed = $1 WHERE account = $2`

	sqlExpireComments = `UPDATE agreement_comment SET body = '—' WHERE body <> '—' AND draft IN (SELECT id FROM agreement_draft WHERE ended_at > 0 AND ended_at < $1)`
)
