package enforcement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Expire takes the words and exhibits out of cases that were over before a moment:
// facts, reasons, evidence, demands, copies, answers, appeals, claims and notes. That
// there was a case, on which clause and how it ended, stays. While a measure stands,
// a claim is open or a ban holds, the case stays whole.
//
// Clause: PIPL 47 (the words of a case are erased once it is over for its years).
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	at, now := db.Micros(before), db.Micros(tx.Now())
	cases, err := db.All(ctx, tx, db.Column[string], oldCases, at, now)
	if err != nil {
		return 0, err
	}
	if removed, err = db.Empty(ctx, tx, cases,
		db.Emptying{Update: eraseFacts, At: func(id string) string { return factsAt(ID(id)) }},
		db.Emptying{Update: eraseReasons, At: func(id string) string { return reasonsAt(ID(id)) }},
		db.Emptying{Update: eraseNotes, At: func(id string) string { return noteAt(ID(id)) }},
	); err != nil {
		return removed, err
	}
	for _, id := range cases {
		for _, part := range []struct {
			ids     string
			columns []db.Emptying
		}{
			{exhibitIDsOf, emptied(exhibitAt, map[string]string{"title": eraseTitle, "url": eraseURL, "content": eraseContent})},
			{measureIDsOf, emptied(func(field, id string) string { return measureAt(field, MeasureID(id)) },
				map[string]string{"demand": eraseDemand, "necessity": eraseNecessity, "copy": eraseCopy, "answer": eraseAnswer})},
			{appealIDsOf, emptied(appealAt, map[string]string{"text": eraseAppealText, "reasons": eraseAppealReasons})},
			{claimIDsOf, emptied(claimAt, map[string]string{"name": eraseClaimant, "grounds": eraseGrounds, "note": eraseClaimNote})},
		} {
			all, err := db.All(ctx, tx, db.Column[string], part.ids, id)
			if err != nil {
				return removed, err
			}
			n, err := db.Empty(ctx, tx, all, part.columns...)
			if removed += n; err != nil {
				return removed, err
			}
		}
		tx.Queue(caseErased, now, id)
	}
	links, err := db.All(ctx, tx, db.Column[string], oldLinks, at, now)
	if err != nil {
		return removed, err
	}
	n, err := db.Empty(ctx, tx, links, emptied(func(field, id string) string { return linkAt(field, LinkID(id)) }, map[string]string{"appeal": eraseLinkAppeal, "reason": eraseLinkReason})...)
	if removed += n; err != nil {
		return removed, err
	}
	for _, id := range links {
		tx.Queue(linkErased, now, id)
	}
	n, err = tx.Exec(ctx, oldBanMarks, at)
	return removed + n, err
}

func emptied(at func(field, id string) string, updates map[string]string) (all []db.Emptying) {
	for field, update := range updates {
		all = append(all, db.Emptying{Update: update, At: func(id string) string { return at(field, id) }})
	}
	return all
}

// Erase forgets by what an account could be known again, when its trades need not be
// kept any longer. What a ban holds against is kept with the ban.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (int64, error) {
	return tx.Exec(ctx, eraseMarks, string(id))
}

// UnderWay names a case against an account that is not decided for good; empty when all
// are.
func UnderWay(ctx context.Context, r db.Reader, id account.ID) (string, error) {
	return db.Value[string](ctx, r, selectOpenOf, string(id))
}

const (
	// $1: before which all of it was over; $2: now.
	oldCases = `SELECT c.id FROM enforcement_case c
		WHERE c.erased_at = 0 AND c.state IN ('in_force', 'upheld', 'revised', 'revoked', 'dismissed', 'ended')
			AND c.opened_at < $1 AND c.decided_at < $1 AND c.appeal_until < $1 AND c.final_at < $1 AND c.ended_at < $1
			AND NOT EXISTS (SELECT 1 FROM enforcement_measure m WHERE m.case_id = c.id
				AND (m.state IN ('planned', 'proposed', 'decided', 'in_force', 'answered', 'overdue') OR m.ended_at >= $1))
			AND NOT EXISTS (SELECT 1 FROM enforcement_appeal a WHERE a.case_id = c.id AND a.outcome = '')
			AND NOT EXISTS (SELECT 1 FROM enforcement_claim q WHERE q.case_id = c.id AND (q.state IN ('asserted', 'acknowledged', 'disputed') OR q.moved_at >= $1))
			AND NOT EXISTS (SELECT 1 FROM enforcement_ban b WHERE b.case_id = c.id AND b.lifted_at = 0 AND (b.until = 0 OR b.until > $2))
		ORDER BY c.id LIMIT 200`
	caseErased         = `UPDATE enforcement_case SET erased_at = $1 WHERE id = $2`
	eraseFacts         = `UPDATE enforcement_case SET facts_sealed = $1 WHERE id = $2`
	eraseReasons       = `UPDATE enforcement_case SET reasons_sealed = $1 WHERE id = $2`
	eraseNotes         = `UPDATE enforcement_step SET note_sealed = $1 WHERE case_id = $2`
	exhibitIDsOf       = `SELECT id FROM enforcement_evidence WHERE case_id = $1 ORDER BY id`
	eraseTitle         = `UPDATE enforcement_evidence SET title_sealed = $1 WHERE id = $2`
	eraseURL           = `UPDATE enforcement_evidence SET url_sealed = $1 WHERE id = $2`
	eraseContent       = `UPDATE enforcement_evidence SET content_sealed = $1 WHERE id = $2`
	measureIDsOf       = `SELECT id FROM enforcement_measure WHERE case_id = $1 ORDER BY id`
	eraseDemand        = `UPDATE enforcement_measure SET demand_sealed = $1 WHERE id = $2`
	eraseNecessity     = `UPDATE enforcement_measure SET necessity_sealed = $1 WHERE id = $2`
	eraseCopy          = `UPDATE enforcement_measure SET sealed_copy = $1 WHERE id = $2`
	eraseAnswer        = `UPDATE enforcement_measure SET answer_sealed = $1 WHERE id = $2`
	appealIDsOf        = `SELECT id FROM enforcement_appeal WHERE case_id = $1 ORDER BY id`
	eraseAppealText    = `UPDATE enforcement_appeal SET text_sealed = $1 WHERE id = $2`
	eraseAppealReasons = `UPDATE enforcement_appeal SET reasons_sealed = $1 WHERE id = $2`
	claimIDsOf         = `SELECT id FROM enforcement_claim WHERE case_id = $1 ORDER BY id`
	eraseClaimant      = `UPDATE enforcement_claim SET name_sealed = $1 WHERE id = $2`
	eraseGrounds       = `UPDATE enforcement_claim SET grounds_sealed = $1 WHERE id = $2`
	eraseClaimNote     = `UPDATE enforcement_claim SET note_sealed = $1 WHERE id = $2`

	oldLinks = `SELECT l.id FROM enforcement_link l WHERE l.erased_at = 0 AND l.decided_at > 0 AND l.decided_at < $1
			AND NOT EXISTS (SELECT 1 FROM enforcement_ban b WHERE b.id = l.ban AND b.lifted_at = 0 AND (b.until = 0 OR b.until > $2))
		ORDER BY l.id LIMIT 200`
	linkErased      = `UPDATE enforcement_link SET erased_at = $1 WHERE id = $2`
	eraseLinkAppeal = `UPDATE enforcement_link SET appeal_sealed = $1 WHERE id = $2`
	eraseLinkReason = `UPDATE enforcement_link SET reason_sealed = $1 WHERE id = $2`
	oldBanMarks     = `DELETE FROM enforcement_ban_mark WHERE ban IN (SELECT id FROM enforcement_ban WHERE lifted_at > 0 AND lifted_at < $1 OR until > 0 AND until < $1)`
	eraseMarks      = `DELETE FROM enforcement_mark WHERE account = $1`
	selectOpenOf    = `SELECT COALESCE(MIN(id), '') FROM enforcement_case WHERE subject = $1 AND final_at = 0 AND state NOT IN ('dismissed', 'revoked', 'ended')`
)
