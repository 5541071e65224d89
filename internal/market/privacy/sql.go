package privacy

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
)

const (
	consentCols = `id, account, vendor, purpose, fields, recipient_sealed, method, notice_version, text_sha256, order_id, state, given_by, given_at, expires_at, ended_at`

	insertConsent = `INSERT INTO privacy_consent (` + consentCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'given', $11, $12, $13, 0) ON CONFLICT DO NOTHING`
	moveConsent     = `UPDATE privacy_consent SET state = $1, ended_at = $2 WHERE id = $3 AND state = 'given'`
	selectConsent   = `SELECT ` + consentCols + ` FROM privacy_consent WHERE id = $1`
	selectGiven     = `SELECT ` + consentCols + ` FROM privacy_consent WHERE account = $1 AND vendor = $2 AND state = 'given'`
	selectConsents  = `SELECT ` + consentCols + ` FROM privacy_consent WHERE account = $1 ORDER BY id DESC LIMIT 500`
	selectRunOut    = `SELECT id FROM privacy_consent WHERE state = 'given' AND expires_at > 0 AND expires_at <= $1 ORDER BY id LIMIT 500`
	selectReceivers = `SELECT vendor, fields, COUNT(*) FROM privacy_consent WHERE state = 'given' GROUP BY vendor, fields ORDER BY vendor, fields LIMIT 500`

	disclosureCols = `id, account, basis, recipient_kind, vendor, recipient_sealed, purpose_sealed, consent, provision, provision_version, matter, order_id,
		source, fields, packet_sha256, channel, state, proposed_by, proposed_at, approved_by, made_at, told, untold_sealed, review_due, reviewed_by,
		reviewed_at, review, review_sealed`
	insertDisclosure = `INSERT INTO privacy_disclosure (id, account, basis, recipient_kind, vendor, recipient_sealed, purpose_sealed, consent, provision,
			provision_version, matter, order_id, source, fields, packet_sealed, packet_sha256, channel, state, emergency, proposed_by, proposed_at,
			approved_by, made_at, told, untold_sealed, review_due, reviewed_by, reviewed_at, review, review_sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, '', 0, '', $27)
		ON CONFLICT DO NOTHING`
	approveDisclosure = `UPDATE privacy_disclosure SET state = 'made', approved_by = $1, made_at = $2, packet_sealed = $3, packet_sha256 = $4, told = $5
		WHERE id = $6 AND state = 'proposed' AND proposed_by <> $1`
	rejectDisclosure = `UPDATE privacy_disclosure SET state = 'rejected', approved_by = $1, untold_sealed = $2 WHERE id = $3 AND state = 'proposed'`
	reviewDisclosure = `UPDATE privacy_disclosure SET review = $1, reviewed_by = $2, reviewed_at = $3, review_sealed = $4
		WHERE id = $5 AND emergency = TRUE AND reviewed_at = 0 AND proposed_by <> $2`
	selectDisclosure  = `SELECT ` + disclosureCols + ` FROM privacy_disclosure WHERE id = $1`
	selectPacket      = `SELECT packet_sealed FROM privacy_disclosure WHERE id = $1`
	selectShown       = `SELECT ` + disclosureCols + ` FROM privacy_disclosure WHERE account = $1 AND state = 'made' AND told = TRUE ORDER BY id DESC LIMIT 500`
	selectProposed    = `SELECT ` + disclosureCols + ` FROM privacy_disclosure WHERE state = 'proposed' ORDER BY proposed_at, id LIMIT 500`
	selectUnreviewed  = `SELECT ` + disclosureCols + ` FROM privacy_disclosure WHERE emergency = TRUE AND reviewed_at = 0 ORDER BY review_due, id LIMIT 500`
	selectDisclosures = `SELECT ` + disclosureCols + ` FROM privacy_disclosure WHERE id < $1 ORDER BY id DESC LIMIT $2`
	countUnreviewed   = `SELECT COUNT(*) FROM privacy_disclosure WHERE emergency = TRUE AND reviewed_at = 0 AND proposed_by = $1`

	requestCols = `id, account, asked_by, kind, vendor, consent, text_sealed, state, due_at, due_clock, law, asked_at, overdue_at, result, answer_sealed, answered_by, answered_at`

	insertRequest = `INSERT INTO privacy_request (` + requestCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '', $13, '', 0)`
	answerRequest = `UPDATE privacy_request SET state = 'answered', result = $1, answer_sealed = $2, answered_by = $3, answered_at = $4
		WHERE id = $5 AND state IN ('open', 'forwarded', 'overdue')`
	lateRequest      = `UPDATE privacy_request SET state = 'overdue', overdue_at = $1 WHERE id = $2 AND state = 'forwarded'`
	selectRequest    = `SELECT ` + requestCols + ` FROM privacy_request WHERE id = $1`
	selectRequests   = `SELECT ` + requestCols + ` FROM privacy_request WHERE account = $1 ORDER BY id DESC LIMIT 500`
	selectOfVendor   = `SELECT ` + requestCols + ` FROM privacy_request WHERE vendor = $1 ORDER BY id DESC LIMIT 500`
	selectDueVendor  = `SELECT ` + requestCols + ` FROM privacy_request WHERE vendor = $1 AND state IN ('forwarded', 'overdue') ORDER BY due_at, id LIMIT 500`
	selectDueMarket  = `SELECT ` + requestCols + ` FROM privacy_request WHERE vendor = '' AND state = 'open' ORDER BY due_at, id LIMIT 500`
	selectAllOverdue = `SELECT ` + requestCols + ` FROM privacy_request WHERE state = 'overdue' ORDER BY due_at, id LIMIT 500`

	insertAnnex  = `INSERT INTO privacy_annex (vendor, version, text_sha256, accepted_by, accepted_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
	selectAnnexe = `SELECT vendor, version, text_sha256, accepted_by, accepted_at FROM privacy_annex WHERE vendor = $1 ORDER BY version DESC`

	auditCols    = `id, vendor, cause, about, state, due_at, score, note_sealed, done_by, done_at`
	insertAudit  = `INSERT INTO privacy_audit (` + auditCols + `) VALUES ($1, $2, $3, $4, 'planned', $5, 0, $6, '', 0) ON CONFLICT DO NOTHING`
	doAudit      = `UPDATE privacy_audit SET state = 'done', score = $1, note_sealed = $2, done_by = $3, done_at = $4 WHERE id = $5 AND state = 'planned'`
	selectAudit  = `SELECT ` + auditCols + ` FROM privacy_audit WHERE id = $1`
	selectPlan   = `SELECT ` + auditCols + ` FROM privacy_audit WHERE state = 'planned' ORDER BY due_at, id LIMIT 500`
	selectAudits = `SELECT ` + auditCols + ` FROM privacy_audit WHERE vendor = $1 ORDER BY id DESC LIMIT 500`

	findingCols   = `id, vendor, audit, about, severity, state, text_sealed, remedy_due, opened_by, opened_at, closed_by, closed_at, outcome_sealed, case_id`
	insertFinding = `INSERT INTO privacy_finding (` + findingCols + `) VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, '', 0, $10, '')`
	moveFinding   = `UPDATE privacy_finding SET state = $1, closed_by = $2, closed_at = $3, outcome_sealed = $4, case_id = $5 WHERE id = $6 AND state = 'open'`
	selectFinding = `SELECT ` + findingCols + ` FROM privacy_finding WHERE id = $1`
	selectOpen    = `SELECT ` + findingCols + ` FROM privacy_finding WHERE state = 'open' ORDER BY remedy_due, id LIMIT 500`
	selectFound   = `SELECT ` + findingCols + ` FROM privacy_finding WHERE vendor = $1 ORDER BY id DESC LIMIT 500`

	insertRelayed = `INSERT INTO privacy_relayed (id, account, vendor, order_id, text_sealed, text_sha256, by_user, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	countRelayed  = `SELECT COUNT(*) FROM privacy_relayed WHERE account = $1 AND vendor = $2 AND at > $3`

	closingCols = `id, account, cause, case_id, previous, state, end_at, purge_at, law, offered_at, exported_at, opened_by, ended_by, ended_at, law_order,
		trade_due, trade_at, invoice_due, invoice_at`
	insertClosing = `INSERT INTO privacy_closing (` + closingCols + `)
		VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $8, $9, 0, $10, '', 0, '', 0, 0, 0, 0) ON CONFLICT DO NOTHING`
	terminateClosing = `UPDATE privacy_closing SET cause = 'terminated', case_id = $1, purge_at = $2 WHERE id = $3 AND state = 'waiting'`
	callOffClosing   = `UPDATE privacy_closing SET state = 'called_off', ended_by = $1, ended_at = $2 WHERE id = $3 AND state = 'waiting'`
	purgeClosing     = `UPDATE privacy_closing SET state = 'purged', ended_by = $1, ended_at = $2, law_order = $3, trade_due = $4, invoice_due = $5
		WHERE id = $6 AND state = 'waiting'`
	markExported   = `UPDATE privacy_closing SET exported_at = $1 WHERE id = $2 AND state = 'waiting'`
	markTrade      = `UPDATE privacy_closing SET trade_at = $1 WHERE id = $2 AND trade_at = 0`
	markInvoice    = `UPDATE privacy_closing SET invoice_at = $1 WHERE id = $2 AND invoice_at = 0`
	selectClosing  = `SELECT ` + closingCols + ` FROM privacy_closing WHERE id = $1`
	selectCurrent  = `SELECT ` + closingCols + ` FROM privacy_closing WHERE account = $1 AND state <> 'called_off'`
	selectWaiting  = `SELECT ` + closingCols + ` FROM privacy_closing WHERE state = 'waiting' ORDER BY purge_at, id LIMIT 500`
	selectTradeDue = `SELECT ` + closingCols + ` FROM privacy_closing WHERE state = 'purged' AND trade_at = 0 AND trade_due <= $1 ORDER BY id LIMIT 100`
	selectBillDue  = `SELECT ` + closingCols + ` FROM privacy_closing WHERE state = 'purged' AND invoice_at = 0 AND invoice_due <= $1 ORDER BY id LIMIT 100`

	selectOverdue = `SELECT ` + closingCols + ` FROM privacy_closing WHERE state = 'purged'
		AND (trade_at = 0 AND trade_due <= $1 OR invoice_at = 0 AND invoice_due <= $1) ORDER BY trade_due, id LIMIT 100`
	// $1, $2: the first and the last moment of a day.
	selectErasedOn = `SELECT ` + closingCols + ` FROM privacy_closing WHERE state = 'purged'
		AND (ended_at >= $1 AND ended_at < $2 OR trade_at >= $1 AND trade_at < $2 OR invoice_at >= $1 AND invoice_at < $2) ORDER BY id`
	selectKnownSince = `SELECT COALESCE(MAX(at), 0) FROM privacy_erasure WHERE closing <> ''`

	insertErasure  = `INSERT INTO privacy_erasure (id, closing, class, package, removed, before_at, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	selectErasures = `SELECT closing, class, package, removed, before_at, at FROM privacy_erasure ORDER BY at DESC, id DESC LIMIT $1`

	expireDisclosures = `DELETE FROM privacy_disclosure WHERE proposed_at < $1 AND (state <> 'made' OR made_at < $1) AND (emergency = FALSE OR reviewed_at > 0)`
	expireRequests    = `DELETE FROM privacy_request WHERE answered_at > 0 AND answered_at < $1`
	expireConsents    = `DELETE FROM privacy_consent WHERE ended_at > 0 AND ended_at < $1`
	oldAudits         = `SELECT id FROM privacy_audit WHERE erased_at = 0 AND done_at > 0 AND done_at < $1 ORDER BY id LIMIT 1000`
	eraseAudit        = `UPDATE privacy_audit SET note_sealed = $1 WHERE id = $2`
	auditErased       = `UPDATE privacy_audit SET erased_at = $1 WHERE id = $2`
	oldFindings       = `SELECT id FROM privacy_finding WHERE erased_at = 0 AND closed_at > 0 AND closed_at < $1 ORDER BY id LIMIT 1000`
	eraseFinding      = `UPDATE privacy_finding SET text_sealed = $1 WHERE id = $2`
	eraseOutcome      = `UPDATE privacy_finding SET outcome_sealed = $1 WHERE id = $2`
	findingErased     = `UPDATE privacy_finding SET erased_at = $1 WHERE id = $2`

	expireRelayed = `DELETE FROM privacy_relayed WHERE at < $1`
)

// The places that sealed fields are stored at.
func consentAt(id ConsentID) string    { return "privacy_consent.recipient/" + string(id) }
func toAt(id DisclosureID) string      { return "privacy_disclosure.recipient/" + string(id) }
func purposeAt(id DisclosureID) string { return "privacy_disclosure.purpose/" + string(id) }
func packetAt(id DisclosureID) string  { return "privacy_disclosure.packet/" + string(id) }
func untoldAt(id DisclosureID) string  { return "privacy_disclosure.untold/" + string(id) }
func reviewAt(id DisclosureID) string  { return "privacy_disclosure.review/" + string(id) }
func textAt(id RequestID) string       { return "privacy_request.text/" + string(id) }
func answerAt(id RequestID) string     { return "privacy_request.answer/" + string(id) }
func auditNoteAt(id AuditID) string    { return "privacy_audit.note/" + string(id) }
func findingAt(id FindingID) string    { return "privacy_finding.text/" + string(id) }
func outcomeAt(id FindingID) string    { return "privacy_finding.outcome/" + string(id) }
func relayedAt(id string) string       { return "privacy_relayed.text/" + id }

func scanConsent(r db.Reader) func(db.Scanner) (Consent, error) {
	return func(s db.Scanner) (Consent, error) {
		var c Consent
		var fields string
		var recipient []byte
		var given, expires, ended int64
		if err := s.Scan(&c.ID, &c.Account, &c.Vendor, &c.Purpose, &fields, &recipient, &c.Method, &c.Notice, &c.SHA256, &c.Order, &c.State, &c.GivenBy,
			&given, &expires, &ended); err != nil {
			return c, err
		}
		c.Fields, c.GivenAt, c.ExpiresAt, c.EndedAt = split(fields), db.Time(given), db.Time(expires), db.Time(ended)
		return c, r.Keys().OpenJSON(recipient, consentAt(c.ID), &c.Recipient)
	}
}

func scanDisclosure(r db.Reader) func(db.Scanner) (Disclosure, error) {
	return func(s db.Scanner) (Disclosure, error) {
		var d Disclosure
		var fields string
		var kind RecipientKind
		var of string
		var recipient, purpose, untold, review []byte
		var proposed, made, due, reviewed int64
		if err := s.Scan(&d.ID, &d.Account, &d.Basis, &kind, &of, &recipient, &purpose, &d.Consent, &d.Provision, &d.Version, &d.Matter, &d.Order,
			&d.Source, &fields, &d.SHA256, &d.Channel, &d.State, &d.ProposedBy, &proposed, &d.ApprovedBy, &made, &d.Told, &untold, &due, &d.ReviewedBy,
			&reviewed, &d.Review, &review); err != nil {
			return d, err
		}
		d.Fields, d.ProposedAt, d.MadeAt, d.ReviewDue, d.ReviewedAt = split(fields), db.Time(proposed), db.Time(made), db.Time(due), db.Time(reviewed)
		if err := r.Keys().OpenJSON(recipient, toAt(d.ID), &d.Recipient); err != nil {
			return d, err
		}
		var err1, err2, err3 error
		d.Purpose, err1 = r.Keys().Open(purpose, purposeAt(d.ID))
		d.Untold, err2 = r.Keys().Open(untold, untoldAt(d.ID))
		d.ReviewNote, err3 = r.Keys().Open(review, reviewAt(d.ID))
		return d, errors.Join(err1, err2, err3)
	}
}

func scanRequest(r db.Reader) func(db.Scanner) (Request, error) {
	return func(s db.Scanner) (Request, error) {
		var q Request
		var text, answer []byte
		var due, asked, overdue, answered int64
		if err := s.Scan(&q.ID, &q.Account, &q.AskedBy, &q.Kind, &q.Vendor, &q.Consent, &text, &q.State, &due, &q.DueClock, &q.Law, &asked, &overdue,
			&q.Result, &answer, &q.AnsweredBy, &answered); err != nil {
			return q, err
		}
		q.DueAt, q.AskedAt, q.OverdueAt, q.AnsweredAt = db.Time(due), db.Time(asked), db.Time(overdue), db.Time(answered)
		var err1, err2 error
		q.Text, err1 = r.Keys().Open(text, textAt(q.ID))
		q.Answer, err2 = r.Keys().Open(answer, answerAt(q.ID))
		return q, errors.Join(err1, err2)
	}
}

func scanAnnex(s db.Scanner) (Annex, error) {
	var a Annex
	var at int64
	err := s.Scan(&a.Vendor, &a.Version, &a.SHA256, &a.AcceptedBy, &at)
	a.AcceptedAt = db.Time(at)
	return a, err
}

func scanAudit(r db.Reader) func(db.Scanner) (Audit, error) {
	return func(s db.Scanner) (Audit, error) {
		var a Audit
		var note []byte
		var due, done int64
		if err := s.Scan(&a.ID, &a.Vendor, &a.Cause, &a.About, &a.State, &due, &a.Score, &note, &a.DoneBy, &done); err != nil {
			return a, err
		}
		a.DueAt, a.DoneAt = db.Time(due), db.Time(done)
		var err error
		a.Note, err = r.Keys().Open(note, auditNoteAt(a.ID))
		return a, err
	}
}

func scanFinding(r db.Reader) func(db.Scanner) (Finding, error) {
	return func(s db.Scanner) (Finding, error) {
		var f Finding
		var text, outcome []byte
		var due, openedAt, closed int64
		if err := s.Scan(&f.ID, &f.Vendor, &f.Audit, &f.About, &f.Severity, &f.State, &text, &due, &f.OpenedBy, &openedAt, &f.ClosedBy, &closed, &outcome, &f.Case); err != nil {
			return f, err
		}
		f.RemedyDue, f.OpenedAt, f.ClosedAt = db.Time(due), db.Time(openedAt), db.Time(closed)
		var err1, err2 error
		f.Text, err1 = r.Keys().Open(text, findingAt(f.ID))
		f.Outcome, err2 = r.Keys().Open(outcome, outcomeAt(f.ID))
		return f, errors.Join(err1, err2)
	}
}

func scanClosing(s db.Scanner) (Closing, error) {
	var c Closing
	var end, purge, offered, exported, ended, trade, tradeAt, invoice, invoiceAt int64
	err := s.Scan(&c.ID, &c.Account, &c.Cause, &c.Case, &c.Previous, &c.State, &end, &purge, &c.Law, &offered, &exported, &c.OpenedBy, &c.EndedBy, &ended,
		&c.LawOrder, &trade, &tradeAt, &invoice, &invoiceAt)
	c.EndAt, c.PurgeAt, c.OfferedAt, c.ExportedAt, c.EndedAt = db.Time(end), db.Time(purge), db.Time(offered), db.Time(exported), db.Time(ended)
	c.TradeDue, c.TradeAt, c.InvoiceDue, c.InvoiceAt = db.Time(trade), db.Time(tradeAt), db.Time(invoice), db.Time(invoiceAt)
	return c, err
}

func scanErasure(s db.Scanner) (Erasure, error) {
	var e Erasure
	var before, at int64
	err := s.Scan(&e.Closing, &e.Class, &e.Package, &e.Removed, &before, &at)
	e.Before, e.At = db.Time(before), db.Time(at)
	return e, err
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

// moved turns the row count of a guarded change into an answer.
func moved(n int64, err error) error {
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}

func readConsent(ctx context.Context, r db.Reader, id ConsentID) (Consent, error) {
	return found(db.One(ctx, r, scanConsent(r), selectConsent, string(id)))
}

func readDisclosure(ctx context.Context, r db.Reader, id DisclosureID) (Disclosure, error) {
	return found(db.One(ctx, r, scanDisclosure(r), selectDisclosure, string(id)))
}

func readRequest(ctx context.Context, r db.Reader, id RequestID) (Request, error) {
	return found(db.One(ctx, r, scanRequest(r), selectRequest, string(id)))
}
