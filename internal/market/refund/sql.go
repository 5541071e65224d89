package refund

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	requestCols = `id, order_id, line, entitlement, account, vendor, product, asked_by, kind, self_service, reason, text_sealed, currency, asked, amount,
		ends, offer_keep, suspended, state, code, case_id, clause, rulebook, legal_review, version, answer_due, answer_clock, escalate_by, clock_from,
		alerted_at, breached_at, proposed_by, payment_refund, requested_at, ended_at`
	insertRequest = `INSERT INTO refund_request (` + requestCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, FALSE, FALSE, $17, '', '', $18, $19, FALSE, 1, 0, '', 0, $20, 0, 0, '', '', $21, 0)
		ON CONFLICT DO NOTHING`
	moveRequest = `UPDATE refund_request SET amount = $1, ends = $2, offer_keep = $3, suspended = $4, state = $5, code = $6, case_id = $7,
			legal_review = $8, version = version + 1, answer_due = $9, answer_clock = $10, escalate_by = $11, clock_from = $12, alerted_at = $13,
			breached_at = $14, proposed_by = $15, payment_refund = $16, ended_at = $17, self_service = $18
		WHERE id = $19 AND version = $20 AND state = $21`
	markClock  = `UPDATE refund_request SET alerted_at = $1, breached_at = $2 WHERE id = $3 AND clock_from = $4`
	markAccess = `UPDATE refund_request SET suspended = $1 WHERE id = $2`

	selectRequest   = `SELECT ` + requestCols + ` FROM refund_request WHERE id = $1`
	selectOfOrder   = `SELECT ` + requestCols + ` FROM refund_request WHERE order_id = $1 ORDER BY id DESC`
	selectOfPayment = `SELECT ` + requestCols + ` FROM refund_request WHERE payment_refund = $1`
	selectMine      = `SELECT ` + requestCols + ` FROM refund_request WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectOfVendor  = `SELECT ` + requestCols + ` FROM refund_request WHERE vendor = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectAll       = `SELECT ` + requestCols + ` FROM refund_request WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectDue       = `SELECT ` + requestCols + ` FROM refund_request WHERE vendor = $1 AND state = 'vendor_review' ORDER BY answer_due, id LIMIT $2`
	selectDesk      = `SELECT ` + requestCols + ` FROM refund_request
		WHERE state IN ('operator_review', 'second_review', 'failed')
			OR breached_at > 0 AND state NOT IN ('refunded', 'rejected', 'withdrawn', 'lapsed')
			OR alerted_at > 0 AND state NOT IN ('refunded', 'rejected', 'withdrawn', 'lapsed')
		ORDER BY requested_at, id LIMIT $1`
	countOpen = `SELECT COUNT(*) FROM refund_request WHERE line = $1
		AND state <> 'refunded' AND state <> 'failed' AND state <> 'rejected' AND state <> 'withdrawn' AND state <> 'lapsed'`
	countOwn = `SELECT COUNT(*) FROM refund_request WHERE account = $1 AND self_service = TRUE AND requested_at >= $2 AND state <> 'withdrawn'`

	stepCols    = `seq, from_state, event, to_state, side, actor, amount, currency, clause, note_sealed, at`
	insertStep  = `INSERT INTO refund_step (request, ` + stepCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	selectSteps = `SELECT ` + stepCols + ` FROM refund_step WHERE request = $1 ORDER BY seq`

	insertReview  = `INSERT INTO refund_review (order_id, case_id, account, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	selectReviews = `SELECT order_id, case_id, account, at FROM refund_review ORDER BY at DESC, order_id LIMIT $1`

	matterCols       = `id, order_id, account, vendor, state, version, opened_by, opened_at, closed_at`
	insertMatter     = `INSERT INTO refund_matter (` + matterCols + `) VALUES ($1, $2, $3, $4, $5, 1, $6, $7, 0) ON CONFLICT DO NOTHING`
	moveMatter       = `UPDATE refund_matter SET state = $1, closed_at = $2, version = version + 1 WHERE id = $3 AND version = $4`
	selectMatter     = `SELECT ` + matterCols + ` FROM refund_matter WHERE id = $1`
	selectMatters    = `SELECT ` + matterCols + ` FROM refund_matter WHERE order_id = $1 ORDER BY id DESC`
	selectMyMatters  = `SELECT ` + matterCols + ` FROM refund_matter WHERE account = $1 ORDER BY id DESC LIMIT $2`
	selectItsMatters = `SELECT ` + matterCols + ` FROM refund_matter WHERE vendor = $1 ORDER BY id DESC LIMIT $2`

	selectOldMatters = `SELECT ` + matterCols + ` FROM refund_matter WHERE state <> 'closed_agreed' AND opened_at < $1 ORDER BY opened_at, id LIMIT $2`

	statementCols    = `id, side, outcome, currency, amount, text_sealed, text_sha256, by_user, at`
	insertStatement  = `INSERT INTO refund_statement (matter, ` + statementCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	selectStatements = `SELECT ` + statementCols + ` FROM refund_statement WHERE matter = $1 ORDER BY id`

	proofCols    = `id, side, name_sealed, media_type, size, sha256, blob, by_user, at`
	insertProof  = `INSERT INTO refund_proof (matter, ` + proofCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	selectProofs = `SELECT ` + proofCols + ` FROM refund_proof WHERE matter = $1 ORDER BY id`
)

func textAt(id ID) string            { return "refund_request.text/" + string(id) }
func noteAt(id ID) string            { return "refund_step.note/" + string(id) }
func statementAt(id MatterID) string { return "refund_statement.text/" + string(id) }
func proofAt(id MatterID) string     { return "refund_proof.name/" + string(id) }

func scanRequest(r db.Reader) func(db.Scanner) (Request, error) {
	return func(s db.Scanner) (Request, error) {
		var q Request
		var text []byte
		var currency money.Currency
		var due, escalate, from, alerted, breached, requested, ended int64
		if err := s.Scan(&q.ID, &q.Order, &q.Line, &q.Entitlement, &q.Account, &q.Vendor, &q.Product, &q.AskedBy, &q.Kind, &q.SelfService, &q.Reason,
			&text, &currency, &q.Asked.Minor, &q.Amount.Minor, &q.Ends, &q.OfferKeep, &q.Suspended, &q.State, &q.Code, &q.Case, &q.Clause, &q.Rulebook,
			&q.LegalReview, &q.Version, &due, &q.AnswerClock, &escalate, &from, &alerted, &breached, &q.ProposedBy, &q.Payment, &requested, &ended); err != nil {
			return Request{}, err
		}
		q.Asked.Currency, q.Amount.Currency = currency, currency
		q.AnswerDue, q.EscalateBy, q.ClockFrom = db.Time(due), db.Time(escalate), db.Time(from)
		q.AlertedAt, q.BreachedAt, q.RequestedAt, q.EndedAt = db.Time(alerted), db.Time(breached), db.Time(requested), db.Time(ended)
		var err error
		q.Text, err = r.Keys().Open(text, textAt(q.ID))
		return q, err
	}
}

func scanStep(r db.Reader, id ID) func(db.Scanner) (Step, error) {
	return func(s db.Scanner) (Step, error) {
		var p Step
		var note []byte
		var at int64
		if err := s.Scan(&p.Seq, &p.From, &p.Event, &p.To, &p.Side, &p.Actor, &p.Amount.Minor, &p.Amount.Currency, &p.Clause, &note, &at); err != nil {
			return Step{}, err
		}
		p.At = db.Time(at)
		var err error
		p.Note, err = r.Keys().Open(note, noteAt(id))
		return p, err
	}
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

func read(ctx context.Context, r db.Reader, id ID) (Request, error) {
	return found(db.One(ctx, r, scanRequest(r), selectRequest, string(id)))
}
