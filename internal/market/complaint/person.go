package complaint

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// blank empties one sealed column of the rows about a complaint, a claim or a
// report.
func blank(update, column, plain string) db.Emptying {
	return db.Emptying{Update: update, At: func(id string) string { return sealedAt(column, id) }, Plain: plain}
}

// Erase empties the words, the notes and the names of files in the complaints and
// claims of an account whose trades need not be kept any longer; states, amounts
// and hashes stay.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	complaints, err := db.All(ctx, tx, db.Column[string], selectIDsOf, string(id))
	if err != nil {
		return 0, err
	}
	both := []db.Emptying{blank(eraseContacts, "contact.text", ""), blank(eraseEvidence, "evidence.name", "")}
	if removed, err = db.Empty(ctx, tx, complaints, append([]db.Emptying{
		blank(eraseText, "complaint.text", ""), blank(eraseDemand, "complaint.demand", ""), blank(eraseNotes, "step.note", ""), blank(erasePackets, "packet.content", "null"),
	}, both...)...); err != nil {
		return removed, err
	}
	claims, err := db.All(ctx, tx, db.Column[string], selectClaimIDsOf, string(id))
	if err != nil {
		return removed, err
	}
	n, err := db.Empty(ctx, tx, claims, append([]db.Emptying{blank(eraseLoss, "claim.loss", ""), blank(eraseClaimNotes, "claim_step.note", "")}, both...)...)
	if removed += n; err != nil {
		return removed, err
	}
	for _, about := range append(complaints, claims...) {
		n, err := job.RemoveFiles(ctx, tx, selectFiles, forgetFiles, about)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// Expire empties reports that ended before a moment, or were never confirmed, with
// or without an account: address, place, words and answer. What it was about, its
// state and the hash of the text stay.
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	all, err := db.All(ctx, tx, db.Column[string], selectOldReports, db.Micros(before))
	if err != nil {
		return 0, err
	}
	if removed, err = db.Empty(ctx, tx, all,
		blank(eraseEmail, "report.email", ""), blank(erasePlace, "report.place", ""), blank(eraseReport, "report.text", ""), blank(eraseReply, "report.reply", ""),
	); err != nil {
		return removed, err
	}
	for _, one := range all {
		if _, err := tx.Exec(ctx, forgetReport, one); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// ExpireTasks empties the notes of tasks that were done before a moment.
func ExpireTasks(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	return db.Retire(ctx, tx, selectOldTasks, before, forgetTask, blank(eraseTask, "task.note", ""))
}

// UnderWay names a complaint or claim of an account that has not ended; empty when all
// have.
func UnderWay(ctx context.Context, r db.Reader, id account.ID) (string, error) {
	return db.Value[string](ctx, r, selectOpenOf, string(id))
}

const (
	selectIDsOf      = `SELECT id FROM complaint_complaint WHERE account = $1 ORDER BY id`
	selectClaimIDsOf = `SELECT id FROM complaint_claim WHERE account = $1 ORDER BY id`
	eraseText        = `UPDATE complaint_complaint SET text_sealed = $1 WHERE id = $2`
	eraseDemand      = `UPDATE complaint_complaint SET demand_sealed = $1 WHERE id = $2`
	eraseNotes       = `UPDATE complaint_step SET note_sealed = $1 WHERE complaint = $2`
	erasePackets     = `UPDATE complaint_packet SET content_sealed = $1 WHERE complaint = $2`
	eraseContacts    = `UPDATE complaint_contact SET text_sealed = $1 WHERE about = $2`
	eraseEvidence    = `UPDATE complaint_evidence SET name_sealed = $1 WHERE about = $2`
	eraseLoss        = `UPDATE complaint_claim SET loss_sealed = $1 WHERE id = $2`
	eraseClaimNotes  = `UPDATE complaint_claim_step SET note_sealed = $1 WHERE claim = $2`

	selectOldReports = `SELECT id FROM complaint_report
		WHERE source_index <> '' AND created_at < $1 AND (state = 'unconfirmed' OR state = 'closed' AND closed_at < $1) ORDER BY id LIMIT 1000`
	eraseEmail   = `UPDATE complaint_report SET email_sealed = $1 WHERE id = $2`
	erasePlace   = `UPDATE complaint_report SET place_sealed = $1 WHERE id = $2`
	eraseReport  = `UPDATE complaint_report SET text_sealed = $1 WHERE id = $2`
	eraseReply   = `UPDATE complaint_report SET reply_sealed = $1 WHERE id = $2`
	forgetReport = `UPDATE complaint_report SET email_index = '', source_index = '' WHERE id = $1`

	selectFiles = `SELECT blob FROM complaint_evidence WHERE about = $1 AND blob <> '-' ORDER BY id`
	forgetFiles = `UPDATE complaint_evidence SET blob = '-' WHERE about = $1`

	selectOldTasks = `SELECT id FROM complaint_task WHERE erased_at = 0 AND done_at > 0 AND done_at < $1 ORDER BY id LIMIT 1000`
	eraseTask      = `UPDATE complaint_task SET note_sealed = $1 WHERE id = $2`
	forgetTask     = `UPDATE complaint_task SET erased_at = $1 WHERE id = $2`

	selectOpenOf = `SELECT COALESCE(MIN(id), '') FROM (SELECT id FROM complaint_complaint WHERE account = $1 AND closed_at = 0
		UNION ALL SELECT id FROM complaint_claim WHERE account = $1 AND closed_at = 0) o`
)
