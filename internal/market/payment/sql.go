package payment

import (
	"encoding/json"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	attemptCols = `id, code, order_id, gateway, amount_minor, currency, description, payee_account, payee_name, locale, state, mismatch,
		provider_id, pay_url, instructions, captured_minor, captured_currency, capture_id, captured_at, refunded_minor, fee_minor,
		expires_at, created_at, changed_at`
	insertAttempt = `INSERT INTO payment_attempt (` + attemptCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'created', FALSE, '', '', '{}', 0, '', '', 0, 0, 0, $11, $12, $12)
		ON CONFLICT DO NOTHING`
	selectAttempt      = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE id = $1`
	selectAttemptCode  = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE code = $1`
	selectOfOrder      = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE order_id = $1 ORDER BY created_at, id`
	selectAttempts     = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectPaidAttempts = `SELECT COUNT(*) FROM payment_attempt WHERE order_id = $1 AND state IN ('captured', 'settled') AND NOT mismatch AND refunded_minor = 0`

	// The only statements that change an attempt's state.
	moveAttempt = `UPDATE payment_attempt SET state = $1, provider_id = $2, pay_url = $3, instructions = $4, changed_at = $5
		WHERE id = $6 AND state = $7`
	// Money may come in any unpaid state, once.
	captureAttempt = `UPDATE payment_attempt SET state = 'captured', mismatch = $1, provider_id = $2, captured_minor = $3, captured_currency = $4,
		capture_id = $5, captured_at = $6, fee_minor = $7, changed_at = $8
		WHERE id = $9 AND state NOT IN ('captured', 'settled')`

	rememberProvider = `UPDATE payment_attempt SET provider_id = $1, changed_at = $2 WHERE id = $3 AND provider_id = ''`
	rememberFee      = `UPDATE payment_attempt SET fee_minor = $1 WHERE id = $2 AND fee_minor = 0`
	// The guard of every refund: the sum given back stays within what came in.
	reserveRefund = `UPDATE payment_attempt SET refunded_minor = refunded_minor + $1, changed_at = $2
		WHERE id = $3 AND state IN ('captured', 'settled') AND refunded_minor + $1 <= captured_minor`
	releaseRefund = `UPDATE payment_attempt SET refunded_minor = refunded_minor - $1, changed_at = $2 WHERE id = $3`

	insertEvent = `INSERT INTO payment_event (id, gateway, event_id, body_sha256, kind, object_id, reference, state, received_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, 0) ON CONFLICT (gateway, event_id, body_sha256) DO NOTHING`
	countEvents = `SELECT COUNT(*) FROM payment_event WHERE gateway = $1 AND event_id = $2`
	endEvent    = `UPDATE payment_event SET state = $1, ended_at = $2 WHERE id = $3 AND state = 'waiting'`

	refundCols = `r.id, r.code, r.attempt_id, a.order_id, a.gateway, r.key, r.amount_minor, r.currency, r.cause, r.state, r.provider_id,
		r.reason, r.bounced, r.created_at, r.ended_at`
	fromRefund      = ` FROM payment_refund r JOIN payment_attempt a ON a.id = r.attempt_id`
	selectRefund    = `SELECT ` + refundCols + fromRefund + ` WHERE r.id = $1`
	selectRefundKey = `SELECT ` + refundCols + fromRefund + ` WHERE r.attempt_id = $1 AND r.key = $2`
	selectRefunds   = `SELECT ` + refundCols + fromRefund + ` WHERE r.attempt_id = $1 ORDER BY r.created_at, r.id`
	selectRefundOut = `SELECT ` + refundCols + fromRefund + ` WHERE r.state IN ('submitting', 'submitted', 'unknown') AND a.gateway = $1 ORDER BY r.created_at, r.id`
	selectRefundOf  = `SELECT ` + refundCols + fromRefund + ` WHERE r.code = $1`
	insertRefund    = `INSERT INTO payment_refund (id, code, attempt_id, key, amount_minor, currency, cause, state, provider_id, reason, bounced, created_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'submitting', '', '', FALSE, $8, 0)`
	moveRefund = `UPDATE payment_refund SET state = $1, provider_id = $2, reason = $3, bounced = $4, ended_at = $5 WHERE id = $6 AND state = $7`

	selectPull = `SELECT since FROM payment_pull WHERE gateway = $1`
	upsertPull = `INSERT INTO payment_pull (gateway, since, pulled_at) VALUES ($1, $2, $3)
		ON CONFLICT (gateway) DO UPDATE SET since = excluded.since, pulled_at = excluded.pulled_at`

	insertDepositCode = `INSERT INTO payment_deposit_code (code, vendor_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectDepositCode = `SELECT code FROM payment_deposit_code WHERE vendor_id = $1`
	selectDepositor   = `SELECT vendor_id FROM payment_deposit_code WHERE code = $1`

	lineCols   = `id, bank_ref, booked_at, amount_minor, currency, code, sealed, state`
	insertLine = `INSERT INTO payment_statement_line (` + lineCols + `, imported_at, imported_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (bank_ref) DO NOTHING`
	selectLine        = `SELECT ` + lineCols + ` FROM payment_statement_line WHERE id = $1`
	selectLineRef     = `SELECT ` + lineCols + ` FROM payment_statement_line WHERE bank_ref = $1`
	selectLinesOfCode = `SELECT ` + lineCols + ` FROM payment_statement_line WHERE code = $1 ORDER BY booked_at, bank_ref`
	selectLinesIn     = `SELECT ` + lineCols + ` FROM payment_statement_line WHERE state = $1 ORDER BY booked_at DESC, id DESC LIMIT $2`
	moveLine          = `UPDATE payment_statement_line SET state = $1 WHERE id = $2 AND state = 'matching'`
	knownCode         = `SELECT COUNT(*) FROM (SELECT code FROM payment_attempt WHERE code = $1
		UNION ALL SELECT code FROM payment_refund WHERE code = $1
		UNION ALL SELECT code FROM payment_deposit_code WHERE code = $1) known`
)

func scanAttempt(s db.Scanner) (Attempt, error) {
	var a Attempt
	var instructions string
	var captured, expires, created, changed int64
	err := s.Scan(&a.ID, &a.Code, &a.Order, &a.Gateway, &a.Amount.Minor, &a.Amount.Currency, &a.Description, &a.PayeeAccount, &a.PayeeName,
		&a.Locale, &a.State, &a.Mismatch, &a.ProviderID, &a.PayURL, &instructions, &a.Captured.Minor, &a.Captured.Currency, &a.CaptureID,
		&captured, &a.Refunded.Minor, &a.Fee.Minor, &expires, &created, &changed)
	if err != nil {
		return Attempt{}, err
	}
	if a.Captured.Currency == "" {
		a.Captured.Currency = a.Amount.Currency
	}
	a.Refunded.Currency, a.Fee.Currency = a.Captured.Currency, a.Captured.Currency
	a.CapturedAt, a.ExpiresAt, a.CreatedAt, a.ChangedAt = db.Time(captured), db.Time(expires), db.Time(created), db.Time(changed)
	if err := json.Unmarshal([]byte(instructions), &a.Instructions); err != nil {
		return Attempt{}, fmt.Errorf("payment: instructions of %s: %w", a.ID, err)
	}
	return a, nil
}

func scanRefund(s db.Scanner) (Refund, error) {
	var r Refund
	var created, ended int64
	err := s.Scan(&r.ID, &r.Code, &r.Attempt, &r.Order, &r.Gateway, &r.Key, &r.Amount.Minor, &r.Amount.Currency, &r.Cause, &r.State,
		&r.ProviderID, &r.Reason, &r.Bounced, &created, &ended)
	r.CreatedAt, r.EndedAt = db.Time(created), db.Time(ended)
	return r, err
}

// row is a statement line as it is stored.
type row struct {
	StatementLine
	sealed []byte
}

func scanLine(s db.Scanner) (row, error) {
	var l row
	var booked int64
	err := s.Scan(&l.ID, &l.BankRef, &booked, &l.Amount.Minor, &l.Amount.Currency, &l.Code, &l.sealed, &l.State)
	l.At = db.Time(booked)
	return l, err
}

// positive is a provider's fee as it is stored: only in the currency received.
func positive(fee money.Amount, c money.Currency) int64 {
	if fee.Currency != c || fee.Minor < 0 {
		return 0
	}
	return fee.Minor
}
