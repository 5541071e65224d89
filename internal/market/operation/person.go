package operation

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Erase empties what an account wrote against the causes of interruptions, and the
// answers, when its trades need not be kept any longer. The hash of the text stays.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	all, err := db.All(ctx, tx, db.Column[string], contestIDsOf, id)
	if err != nil {
		return 0, err
	}
	for _, one := range all {
		text, err := tx.Keys().Seal("", contestAt(ID(one)))
		if err != nil {
			return removed, err
		}
		answer, err := tx.Keys().Seal("", answerAt(ID(one)))
		if err != nil {
			return removed, err
		}
		n, err := tx.Exec(ctx, eraseContest, text, answer, one)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// Expire empties the words of incidents and interruptions that were closed before a
// moment: summaries, reasons, proofs and notes. What happened when, and what was
// told, stays.
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	notes := db.Emptying{Update: eraseNotes, At: func(id string) string { return noteAt(ID(id)) }}
	for _, one := range []struct {
		ids, done string
		columns   []db.Emptying
	}{
		{oldIncidents, incidentErased, []db.Emptying{
			{Update: eraseSummary, At: func(id string) string { return summaryAt(ID(id)) }}, {Update: eraseAssessment, At: func(id string) string { return assessmentAt(ID(id)) }},
			{Update: eraseAuthority, At: func(id string) string { return authorityAt(ID(id)) }}, {Update: eraseSubjects, At: func(id string) string { return subjectsAt(ID(id)) }}, notes,
		}},
		{oldInterruptions, interruptionErased, []db.Emptying{{Update: eraseProof, At: func(id string) string { return proofAt(ID(id)) }}, notes}},
	} {
		n, err := db.Retire(ctx, tx, one.ids, before, one.done, one.columns...)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

const (
	oldIncidents       = `SELECT id FROM operation_incident WHERE erased_at = 0 AND closed_at > 0 AND closed_at < $1 ORDER BY id LIMIT 200`
	oldInterruptions   = `SELECT id FROM operation_interruption WHERE erased_at = 0 AND closed_at > 0 AND closed_at < $1 ORDER BY id LIMIT 200`
	incidentErased     = `UPDATE operation_incident SET erased_at = $1 WHERE id = $2`
	interruptionErased = `UPDATE operation_interruption SET erased_at = $1 WHERE id = $2`
	eraseSummary       = `UPDATE operation_incident SET summary_sealed = $1 WHERE id = $2`
	eraseAssessment    = `UPDATE operation_incident SET assessment_sealed = $1 WHERE id = $2`
	eraseAuthority     = `UPDATE operation_incident SET authority_waiver_sealed = $1 WHERE id = $2`
	eraseSubjects      = `UPDATE operation_incident SET subjects_waiver_sealed = $1 WHERE id = $2`
	eraseProof         = `UPDATE operation_interruption SET proof_sealed = $1 WHERE id = $2`
	eraseNotes         = `UPDATE operation_entry SET note_sealed = $1 WHERE object = $2`

	contestIDsOf = `SELECT id FROM operation_contest WHERE account = $1 ORDER BY id`
	eraseContest = `UPDATE operation_contest SET text_sealed = $1, answer_sealed = $2 WHERE id = $3`
)
