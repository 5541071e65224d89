package complaint

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// blank is one sealed column of the rows about a complaint, a claim or a report.
type blank struct{ update, column, plain string }

// Erase empties the words, the notes and the names of files in the complaints and
// claims of an account whose trades need not be kept any longer; states, amounts
// and hashes stay.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	complaints, err := db.All(ctx, tx, db.Column[string], selectIDsOf, string(id))
	if err != nil {
		return 0, err
	}
	both := []blank{{eraseContacts, "contact.text", ""}, {eraseEvidence, "evidence.name", ""}}
	if removed, err = empty(ctx, tx, complaints, append([]blank{
		{eraseText, "complaint.text", ""}, {eraseDemand, "complaint.demand", ""}, {eraseNotes, "step.note", ""}, {erasePackets, "packet.content", "null"},
	}, both...)); err != nil {
		return removed, err
	}
	claims, err := db.All(ctx, tx, db.Column[string], selectClaimIDsOf, string(id))
	if err != nil {
		return removed, err
	}
	n, err := empty(ctx, tx, claims, append([]blank{{eraseLoss, "claim.loss", ""}, {eraseClaimNotes, "claim_step.note", ""}}, both...))
	return removed + n, err
}

// Expire empties reports that ended before a moment, or were never confirmed, with
// or without an account: address, place, words and answer. What it was about, its
// state and the hash of the text stay.
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	all, err := db.All(ctx, tx, db.Column[string], selectOldReports, db.Micros(before))
	if err != nil {
		return 0, err
	}
	if removed, err = empty(ctx, tx, all, []blank{
		{eraseEmail, "report.email", ""}, {erasePlace, "report.place", ""}, {eraseReport, "report.text", ""}, {eraseReply, "report.reply", ""},
	}); err != nil {
		return removed, err
	}
	for _, one := range all {
		if _, err := tx.Exec(ctx, forgetReport, one); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func empty(ctx context.Context, tx *db.Tx, ids []string, columns []blank) (removed int64, err error) {
	for _, id := range ids {
		for _, b := range columns {
			sealed, err := tx.Keys().Seal(b.plain, sealedAt(b.column, id))
			if err != nil {
				return removed, err
			}
			n, err := tx.Exec(ctx, b.update, sealed, id)
			if err != nil {
				return removed, err
			}
			removed += n
		}
	}
	return removed, nil
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
)
