package payment

import (
	"encoding/json"
	"fmt"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	attemptCols = `id, code, order_id, gateway, amount_minor, currency, description, payee_account, payee_name, locale, state, mismatch,
		provider_id, pay_url, instructions, captured_minor, captured_currency, capture_id, captured_at, refunded_minor, disputed_minor, disputes_open, splits, split_minor,
		returned_minor, split_finished, fee_minor, expires_at, created_at, changed_at`
	insertAttempt = `INSERT INTO payment_attempt (` + attemptCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'created', FALSE, '', '', '{}', 0, '', '', 0, 0, 0, 0, FALSE, 0, 0, FALSE, 0, $11, $12, $12)
		ON CONFLICT DO NOTHING`
	selectAttempt      = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE id = $1`
	selectAttemptAt    = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE gateway = $1 AND provider_id = $2 AND provider_id <> ''`
	selectAttemptCode  = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE code = $1`
	selectOfOrder      = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE order_id = $1 ORDER BY created_at, id`
	selectAttempts     = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectPaidAttempts = `SELECT COUNT(*) FROM payment_attempt WHERE order_id = $1 AND state IN ('captured', 'settled') AND NOT mismatch AND refunded_minor = 0`

	// The only statements that change an attempt's state.
	moveAttempt = `UPDATE payment_attempt SET state = $1, provider_id = $2, pay_url = $3, instructions = $4, changed_at = $5
		WHERE id = $6 AND state = $7`
	// Money may come in any unpaid state, once.
	captureAttempt = `UPDATE payment_attempt SET state = 'captured', mismatch = $1, provider_id = $2, captured_minor = $3, captured_currency = $4,
		capture_id = $5, captured_at = $6, fee_minor = $7, splits = $8, changed_at = $9
		WHERE id = $10 AND state NOT IN ('captured', 'settled')`

	rememberProvider = `UPDATE payment_attempt SET provider_id = $1, changed_at = $2 WHERE id = $3 AND provider_id = ''`
	rememberFee      = `UPDATE payment_attempt SET fee_minor = $1 WHERE id = $2 AND fee_minor = 0`
	// The guards of every refund: the sum given back, held by disputes and lost to
	// them stays within what came in, and none begins while a dispute is open.
	reserveRefund = `UPDATE payment_attempt SET refunded_minor = refunded_minor + $1, changed_at = $2
		WHERE id = $3 AND state IN ('captured', 'settled') AND refunded_minor + disputed_minor + $1 <= captured_minor AND disputes_open = 0`
	// It stands in the transaction that marks a refund as sent: one that no
	// dispute has overtaken.
	claimRefund   = `UPDATE payment_attempt SET changed_at = $1 WHERE id = $2 AND disputes_open = 0`
	releaseRefund = `UPDATE payment_attempt SET refunded_minor = refunded_minor - $1, changed_at = $2 WHERE id = $3`

	// The guards of splits: shares stay within what came in, and none after the end.
	reserveSplit = `UPDATE payment_attempt SET split_minor = split_minor + $1, split_finished = $2, changed_at = $3
		WHERE id = $4 AND state IN ('captured', 'settled') AND NOT mismatch AND NOT split_finished AND split_minor + $1 <= captured_minor`
	releaseSplit  = `UPDATE payment_attempt SET split_minor = split_minor - $1, split_finished = $2, changed_at = $3 WHERE id = $4`
	reserveReturn = `UPDATE payment_attempt SET returned_minor = returned_minor + $1, changed_at = $2
		WHERE id = $3 AND returned_minor + $1 <= split_minor`
	releaseReturn = `UPDATE payment_attempt SET returned_minor = returned_minor - $1, changed_at = $2 WHERE id = $3`
	// The guard of every dispute, as of a refund.
	openDispute = `UPDATE payment_attempt SET disputed_minor = disputed_minor + $1, disputes_open = disputes_open + 1, changed_at = $2
		WHERE id = $3 AND refunded_minor + disputed_minor + $1 <= captured_minor`
	coverDispute = `UPDATE payment_attempt SET disputed_minor = disputed_minor + $1, changed_at = $2
		WHERE id = $3 AND refunded_minor + disputed_minor + $1 <= captured_minor`
	endDispute = `UPDATE payment_attempt SET disputed_minor = disputed_minor - $1, disputes_open = disputes_open - 1, changed_at = $2 WHERE id = $3`

	insertEvent = `INSERT INTO payment_event (id, gateway, event_id, body_sha256, kind, object_id, reference, state, received_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, 0) ON CONFLICT (gateway, event_id, body_sha256) DO NOTHING`
	countTwins = `SELECT COUNT(*) FROM payment_event me JOIN payment_event twin ON twin.gateway = me.gateway AND twin.event_id = me.event_id WHERE me.id = $1`
	endEvent   = `UPDATE payment_event SET state = $1, ended_at = $2 WHERE id = $3 AND state = 'waiting'`

	refundCols = `r.id, r.code, r.attempt_id, a.order_id, a.gateway, r.key, r.amount_minor, r.currency, r.cause, r.state, r.provider_id,
		r.reason, r.bounced, r.return_minor, r.sent_at, r.created_at, r.ended_at`
	fromRefund      = ` FROM payment_refund r JOIN payment_attempt a ON a.id = r.attempt_id`
	selectRefund    = `SELECT ` + refundCols + fromRefund + ` WHERE r.id = $1`
	selectRefundKey = `SELECT ` + refundCols + fromRefund + ` WHERE r.attempt_id = $1 AND r.key = $2`
	selectRefunds   = `SELECT ` + refundCols + fromRefund + ` WHERE r.attempt_id = $1 ORDER BY r.created_at, r.id`
	// What is open is said in the words of its index.
	selectRefundOut = `SELECT ` + refundCols + fromRefund + ` WHERE (r.state = 'returning' OR r.state = 'submitting' OR r.state = 'submitted' OR r.state = 'unknown') AND a.gateway = $1 ORDER BY r.created_at, r.id`
	selectRefundOf  = `SELECT ` + refundCols + fromRefund + ` WHERE r.code = $1`
	// Refunds that nothing at the provider stands for, newest first.
	selectUnsent = `SELECT ` + refundCols + fromRefund + ` WHERE r.attempt_id = $1 AND r.state IN ('returning', 'submitting') AND r.sent_at = 0
		ORDER BY r.created_at DESC, r.id DESC`
	insertRefund = `INSERT INTO payment_refund (id, code, attempt_id, key, amount_minor, currency, cause, state, provider_id, reason, bounced,
		return_minor, sent_at, created_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', FALSE, $9, 0, $10, 0)`
	sendRefund = `UPDATE payment_refund SET sent_at = $1 WHERE id = $2 AND state IN ('submitting', 'unknown')`
	moveRefund = `UPDATE payment_refund SET state = $1, provider_id = $2, reason = $3, bounced = $4, ended_at = $5 WHERE id = $6 AND state = $7`

	splitCols = `s.id, s.attempt_id, a.order_id, a.gateway, s.key, s.share_minor, s.currency, s.finish, s.description, s.returned_minor, s.state,
		s.provider_id, s.reason, s.created_at, s.ended_at`
	fromSplit       = ` FROM payment_split s JOIN payment_attempt a ON a.id = s.attempt_id`
	selectSplit     = `SELECT ` + splitCols + fromSplit + ` WHERE s.id = $1`
	selectSplitKey  = `SELECT ` + splitCols + fromSplit + ` WHERE s.attempt_id = $1 AND s.key = $2`
	selectSplits    = `SELECT ` + splitCols + fromSplit + ` WHERE s.attempt_id = $1 ORDER BY s.created_at, s.id`
	selectSplitsOut = `SELECT ` + splitCols + fromSplit + ` WHERE (s.state = 'submitting' OR s.state = 'submitted' OR s.state = 'unknown') AND a.gateway = $1
		ORDER BY s.created_at, s.id LIMIT $2`
	insertSplit = `INSERT INTO payment_split (id, attempt_id, key, share_minor, currency, finish, description, returned_minor, state, provider_id,
		reason, created_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 'submitting', '', '', $8, 0)`
	moveSplit = `UPDATE payment_split SET state = $1, provider_id = $2, reason = $3, ended_at = $4 WHERE id = $5 AND state = $6`
	// Of one share never more is taken back than was given.
	takeOfSplit = `UPDATE payment_split SET returned_minor = returned_minor + $1
		WHERE id = $2 AND state <> 'failed' AND returned_minor + $1 <= share_minor`
	leaveSplit = `UPDATE payment_split SET returned_minor = returned_minor - $1 WHERE id = $2`

	returnCols = `t.id, t.refund_id, t.split_id, s.attempt_id, a.gateway, t.amount_minor, t.currency, t.state, t.provider_id, t.reason, t.sent_at,
		t.created_at, t.ended_at`
	fromReturn         = ` FROM payment_return t JOIN payment_split s ON s.id = t.split_id JOIN payment_attempt a ON a.id = s.attempt_id`
	selectReturn       = `SELECT ` + returnCols + fromReturn + ` WHERE t.id = $1`
	selectReturns      = `SELECT ` + returnCols + fromReturn + ` WHERE t.refund_id = $1 ORDER BY t.created_at, t.id`
	selectSplitReturns = `SELECT ` + returnCols + fromReturn + ` WHERE t.split_id = $1 ORDER BY t.created_at, t.id`
	selectReturnsOut   = `SELECT ` + returnCols + fromReturn + ` WHERE (t.state = 'submitting' OR t.state = 'submitted' OR t.state = 'unknown') AND a.gateway = $1
		ORDER BY t.created_at, t.id LIMIT $2`
	insertReturn = `INSERT INTO payment_return (id, refund_id, split_id, amount_minor, currency, state, provider_id, reason, sent_at, created_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, 'submitting', '', '', 0, $6, 0)`
	sendReturn = `UPDATE payment_return SET sent_at = $1 WHERE id = $2 AND state IN ('submitting', 'unknown')`
	moveReturn = `UPDATE payment_return SET state = $1, provider_id = $2, reason = $3, ended_at = $4 WHERE id = $5 AND state = $6`

	payoutCols = `id, code, vendor_id, gateway, payee, payee_name, key, amount_minor, currency, description, state, provider_id, reason, fee_minor,
		created_at, paid_at, ended_at`
	insertPayout = `INSERT INTO payment_payout (` + payoutCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'created', '', '', 0, $11, 0, 0)`
	selectPayout     = `SELECT ` + payoutCols + ` FROM payment_payout WHERE id = $1`
	selectPayoutKey  = `SELECT ` + payoutCols + ` FROM payment_payout WHERE vendor_id = $1 AND key = $2`
	selectPayoutCode = `SELECT ` + payoutCols + ` FROM payment_payout WHERE code = $1`
	selectPayouts    = `SELECT ` + payoutCols + ` FROM payment_payout WHERE vendor_id = $1 ORDER BY created_at, id`
	selectPayoutsOut = `SELECT ` + payoutCols + ` FROM payment_payout WHERE (state = 'created' OR state = 'submitting' OR state = 'in_transit' OR state = 'unknown') AND gateway = $1
		ORDER BY created_at, id LIMIT $2`
	movePayout = `UPDATE payment_payout SET state = $1, provider_id = $2, reason = $3, fee_minor = $4, paid_at = $5, ended_at = $6
		WHERE id = $7 AND state = $8`

	disputeCols = `d.id, d.gateway, d.provider_id, d.attempt_id, a.order_id, d.state, d.round, d.amount_minor, d.currency, d.covered_minor,
		d.fee_minor, d.reason, d.evidence_due, d.opened_at, d.changed_at`
	fromDispute       = ` FROM payment_dispute d JOIN payment_attempt a ON a.id = d.attempt_id`
	selectDispute     = `SELECT ` + disputeCols + fromDispute + ` WHERE d.id = $1`
	selectDisputeAt   = `SELECT ` + disputeCols + fromDispute + ` WHERE d.gateway = $1 AND d.provider_id = $2`
	selectDisputes    = `SELECT ` + disputeCols + fromDispute + ` WHERE d.attempt_id = $1 ORDER BY d.opened_at, d.id`
	selectDisputesOut = `SELECT ` + disputeCols + fromDispute + ` WHERE (d.state = 'inquiry' OR d.state = 'open' OR d.state = 'submitted') AND d.gateway = $1
		ORDER BY d.opened_at, d.id LIMIT $2`
	insertDispute = `INSERT INTO payment_dispute (id, gateway, provider_id, attempt_id, state, round, amount_minor, currency, covered_minor, fee_minor,
		reason, evidence_due, opened_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`
	moveDispute = `UPDATE payment_dispute SET state = $1, round = $2, covered_minor = $3, fee_minor = $4, reason = $5, evidence_due = $6, changed_at = $7
		WHERE id = $8 AND state = $9 AND round = $10`

	reportCols       = `gateway, provider_id, kind, day, reference, amount_minor, currency, at`
	insertReportLine = `INSERT INTO payment_report_line (` + reportCols + `, imported_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`
	selectReportLine  = `SELECT ` + reportCols + ` FROM payment_report_line WHERE gateway = $1 AND provider_id = $2 AND kind = $3`
	selectReportLines = `SELECT ` + reportCols + ` FROM payment_report_line WHERE gateway = $1 AND day >= $2 AND day <= $3
		ORDER BY day, at, kind, provider_id`

	// A dispute's lines name it as their reference, or are it.
	selectReportedOf = `SELECT ` + reportCols + ` FROM payment_report_line WHERE gateway = $1 AND provider_id = $2
		UNION SELECT ` + reportCols + ` FROM payment_report_line WHERE gateway = $3 AND reference = $4 ORDER BY 4, 2, 3`
	sumReported = `SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM payment_report_line WHERE gateway = $1 AND currency = $2`

	// What moved money, by the day on which it did.
	movedCaptures = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE gateway = $1 AND captured_at >= $2 AND captured_at < $3 AND capture_id <> ''`
	movedRefunds  = `SELECT ` + refundCols + fromRefund + ` WHERE a.gateway = $1 AND r.ended_at >= $2 AND r.ended_at < $3 AND (r.state = 'succeeded' OR r.bounced)`
	movedSplits   = `SELECT ` + splitCols + fromSplit + ` WHERE a.gateway = $1 AND s.ended_at >= $2 AND s.ended_at < $3 AND s.state = 'done' AND s.share_minor > 0`
	movedReturns  = `SELECT ` + returnCols + fromReturn + ` WHERE a.gateway = $1 AND t.ended_at >= $2 AND t.ended_at < $3 AND t.state = 'done'`
	movedPayouts  = `SELECT ` + payoutCols + ` FROM payment_payout WHERE gateway = $1 AND (paid_at >= $2 AND paid_at < $3 OR ended_at >= $2 AND ended_at < $3)
		AND state IN ('paid', 'returned')`
	movedDisputes  = `SELECT ` + disputeCols + fromDispute + ` WHERE d.gateway = $1 AND d.changed_at >= $2 AND d.changed_at < $3 AND d.state <> 'inquiry'`
	selectCapture  = `SELECT ` + attemptCols + ` FROM payment_attempt WHERE gateway = $1 AND capture_id = $2 AND capture_id <> ''`
	refundsNamed   = `SELECT ` + refundCols + fromRefund + ` WHERE a.gateway = $1 AND r.provider_id = $2 AND (r.state = 'succeeded' OR r.bounced)`
	splitsNamed    = `SELECT ` + splitCols + fromSplit + ` WHERE a.gateway = $1 AND s.provider_id = $2 AND s.state = 'done' AND s.share_minor > 0`
	returnsNamed   = `SELECT ` + returnCols + fromReturn + ` WHERE a.gateway = $1 AND t.provider_id = $2 AND t.state = 'done'`
	payoutsNamed   = `SELECT ` + payoutCols + ` FROM payment_payout WHERE gateway = $1 AND provider_id = $2 AND state IN ('paid', 'returned')`
	selectGateways = `SELECT DISTINCT gateway FROM payment_attempt UNION SELECT DISTINCT gateway FROM payment_payout ORDER BY 1`

	selectUnpaid = `SELECT id FROM payment_attempt WHERE gateway = $1 AND id > $2 AND state IN ('requires_action', 'processing', 'unknown')
		ORDER BY id LIMIT $3`

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
	selectLinesNew    = `SELECT ` + lineCols + ` FROM payment_statement_line WHERE imported_at >= $1 AND imported_at < $2 ORDER BY booked_at, bank_ref`
	sumLines          = `SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM payment_statement_line WHERE currency = $1`
	moveLine          = `UPDATE payment_statement_line SET state = $1 WHERE id = $2 AND state = 'matching'`
	endLine           = `UPDATE payment_statement_line SET state = $1 WHERE id = $2 AND state IN ('unmatched', 'suspense')`
	codeLine          = `UPDATE payment_statement_line SET state = 'matching', code = $1 WHERE id = $2 AND state = 'unmatched'`
	knownCode         = `SELECT COUNT(*) FROM (SELECT code FROM payment_attempt WHERE code = $1
		UNION ALL SELECT code FROM payment_refund WHERE code = $1
		UNION ALL SELECT code FROM payment_payout WHERE code = $1
		UNION ALL SELECT code FROM payment_deposit_code WHERE code = $1) known`
)

func scanAttempt(s db.Scanner) (Attempt, error) {
	var a Attempt
	var instructions string
	var captured, expires, created, changed int64
	err := s.Scan(&a.ID, &a.Code, &a.Order, &a.Gateway, &a.Amount.Minor, &a.Amount.Currency, &a.Description, &a.PayeeAccount, &a.PayeeName,
		&a.Locale, &a.State, &a.Mismatch, &a.ProviderID, &a.PayURL, &instructions, &a.Captured.Minor, &a.Captured.Currency, &a.CaptureID,
		&captured, &a.Refunded.Minor, &a.Disputed.Minor, &a.Disputes, &a.Splits, &a.Split.Minor, &a.Returned.Minor, &a.Finished, &a.Fee.Minor,
		&expires, &created, &changed)
	if err != nil {
		return Attempt{}, err
	}
	if a.Captured.Currency == "" {
		a.Captured.Currency = a.Amount.Currency
	}
	for _, part := range []*money.Amount{&a.Refunded, &a.Disputed, &a.Split, &a.Returned, &a.Fee} {
		part.Currency = a.Captured.Currency
	}
	a.CapturedAt, a.ExpiresAt, a.CreatedAt, a.ChangedAt = db.Time(captured), db.Time(expires), db.Time(created), db.Time(changed)
	if err := json.Unmarshal([]byte(instructions), &a.Instructions); err != nil {
		return Attempt{}, fmt.Errorf("payment: instructions of %s: %w", a.ID, err)
	}
	return a, nil
}

func scanRefund(s db.Scanner) (Refund, error) {
	var r Refund
	var sent, created, ended int64
	err := s.Scan(&r.ID, &r.Code, &r.Attempt, &r.Order, &r.Gateway, &r.Key, &r.Amount.Minor, &r.Amount.Currency, &r.Cause, &r.State,
		&r.ProviderID, &r.Reason, &r.Bounced, &r.Return.Minor, &sent, &created, &ended)
	r.Return.Currency = r.Amount.Currency
	r.SentAt, r.CreatedAt, r.EndedAt = db.Time(sent), db.Time(created), db.Time(ended)
	return r, err
}

func scanSplit(s db.Scanner) (Split, error) {
	var v Split
	var created, ended int64
	err := s.Scan(&v.ID, &v.Attempt, &v.Order, &v.Gateway, &v.Key, &v.Share.Minor, &v.Share.Currency, &v.Finish, &v.Description,
		&v.Returned.Minor, &v.State, &v.ProviderID, &v.Reason, &created, &ended)
	v.Returned.Currency = v.Share.Currency
	v.CreatedAt, v.EndedAt = db.Time(created), db.Time(ended)
	return v, err
}

func scanReturn(s db.Scanner) (Return, error) {
	var v Return
	var sent, created, ended int64
	err := s.Scan(&v.ID, &v.Refund, &v.Split, &v.Attempt, &v.Gateway, &v.Amount.Minor, &v.Amount.Currency, &v.State, &v.ProviderID, &v.Reason,
		&sent, &created, &ended)
	v.SentAt, v.CreatedAt, v.EndedAt = db.Time(sent), db.Time(created), db.Time(ended)
	return v, err
}

func scanPayout(s db.Scanner) (Payout, error) {
	var v Payout
	var created, paid, ended int64
	err := s.Scan(&v.ID, &v.Code, &v.Vendor, &v.Gateway, &v.Payee, &v.PayeeName, &v.Key, &v.Amount.Minor, &v.Amount.Currency, &v.Description,
		&v.State, &v.ProviderID, &v.Reason, &v.Fee.Minor, &created, &paid, &ended)
	v.Fee.Currency = v.Amount.Currency
	v.CreatedAt, v.PaidAt, v.EndedAt = db.Time(created), db.Time(paid), db.Time(ended)
	return v, err
}

func scanDispute(s db.Scanner) (Dispute, error) {
	var v Dispute
	var due, opened, changed int64
	err := s.Scan(&v.ID, &v.Gateway, &v.ProviderID, &v.Attempt, &v.Order, &v.State, &v.Round, &v.Amount.Minor, &v.Amount.Currency,
		&v.Covered.Minor, &v.Fee.Minor, &v.Reason, &due, &opened, &changed)
	v.Covered.Currency, v.Fee.Currency = v.Amount.Currency, v.Amount.Currency
	v.EvidenceDue, v.OpenedAt, v.ChangedAt = db.Time(due), db.Time(opened), db.Time(changed)
	return v, err
}

func scanReported(s db.Scanner) (Reported, error) {
	var v Reported
	var day string
	var at int64
	err := s.Scan(&v.Gateway, &v.ProviderID, &v.Kind, &day, &v.Reference, &v.Amount.Minor, &v.Amount.Currency, &at)
	if err != nil {
		return Reported{}, err
	}
	v.At = db.Time(at)
	v.Day, err = calendar.ParseDate(day)
	return v, err
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
