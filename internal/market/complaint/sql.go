package complaint

import (
	"context"
	"errors"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	cols = `id, account, asked_by, order_id, product, vendor, refund_matter, topic, matter, reason, text_sealed, demand_sealed, state,
		vendor_owes, vendor_due, vendor_answered_at, operator_owes, operator_due, clock, owner, decided_by, finding, outcome, stars, version, rulebook,
		submitted_at, overdue_at, escalated_at, lapse_at, closed_at`
	insertOne = `INSERT INTO complaint_complaint (` + cols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', $9, $10, 'submitted', FALSE, 0, 0, FALSE, $11, $12, '', '', '', '', 0, 1, $13, $14, 0, 0, 0, 0)
		ON CONFLICT DO NOTHING`
	moveOne = `UPDATE complaint_complaint SET product = $1, vendor = $2, matter = $3, reason = $4, state = $5, vendor_owes = $6, vendor_due = $7,
			vendor_answered_at = $8, operator_owes = $9, operator_due = $10, clock = $11, owner = $12, decided_by = $13, finding = $14, outcome = $15,
			stars = $16, version = version + 1, overdue_at = $17, escalated_at = $18, lapse_at = $19, closed_at = $20
		WHERE id = $21 AND version = $22 AND state = $23`

	selectOne     = `SELECT ` + cols + ` FROM complaint_complaint WHERE id = $1`
	selectMine    = `SELECT ` + cols + ` FROM complaint_complaint WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectOfOrder = `SELECT ` + cols + ` FROM complaint_complaint WHERE order_id = $1 ORDER BY id`
	selectMatter  = `SELECT ` + cols + ` FROM complaint_complaint WHERE refund_matter = $1`
	selectSold    = `SELECT ` + cols + ` FROM complaint_complaint
		WHERE vendor = $1 AND id < $2 AND id IN (SELECT complaint FROM complaint_packet WHERE vendor = $1) ORDER BY id DESC LIMIT $3`
	selectOwed = `SELECT ` + cols + ` FROM complaint_complaint WHERE vendor = $1 AND vendor_owes = TRUE AND state <> 'closed' ORDER BY vendor_due, id LIMIT $2`
	selectDesk = `SELECT ` + cols + ` FROM complaint_complaint
		WHERE operator_owes = TRUE AND state <> 'closed' OR state = 'submitted' ORDER BY operator_due, id LIMIT $1`
	selectAwaited = `SELECT ` + cols + ` FROM complaint_complaint WHERE vendor_owes = TRUE AND state <> 'closed' ORDER BY vendor_due, id LIMIT $1`
	selectAll     = `SELECT ` + cols + ` FROM complaint_complaint WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectGiven   = `SELECT COUNT(*) FROM complaint_packet WHERE complaint = $1 AND vendor = $2`

	stepCols    = `seq, from_state, event, to_state, side, actor, matter, due, clause, note_sealed, at`
	insertStep  = `INSERT INTO complaint_step (complaint, ` + stepCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	selectSteps = `SELECT ` + stepCols + ` FROM complaint_step WHERE complaint = $1 ORDER BY seq`

	packetCols    = `id, vendor, fields, content_sealed, sha256, by_user, at`
	insertPacket  = `INSERT INTO complaint_packet (complaint, ` + packetCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	selectPackets = `SELECT ` + packetCols + ` FROM complaint_packet WHERE complaint = $1 ORDER BY id`

	contactCols    = `id, side, channel, held_on, text_sealed, by_user, at`
	insertContact  = `INSERT INTO complaint_contact (about, ` + contactCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	selectContacts = `SELECT ` + contactCols + ` FROM complaint_contact WHERE about = $1 ORDER BY held_on, id`

	evidenceCols   = `id, side, name_sealed, media_type, size, sha256, blob, by_user, at`
	insertEvidence = `INSERT INTO complaint_evidence (about, ` + evidenceCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	selectEvidence = `SELECT ` + evidenceCols + ` FROM complaint_evidence WHERE about = $1 ORDER BY id`

	figures = `SELECT COUNT(*),
			COALESCE(SUM(CASE WHEN vendor_answered_at > 0 AND vendor_answered_at <= vendor_due THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN vendor_answered_at > vendor_due OR overdue_at > 0 AND vendor_answered_at = 0 AND vendor_owes = FALSE THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN vendor_owes = TRUE AND state <> 'closed' THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN vendor_owes = TRUE AND state <> 'closed' AND vendor_due < $1 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN escalated_at > 0 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN stars > 0 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(stars), 0)
		FROM complaint_complaint WHERE vendor = $2 AND matter IN ('product', 'mixed')`

	claimCols = `id, complaint, order_id, line, account, vendor, product, opened_by, item, ground, loss_sealed, currency, asked_refund, asked_damages, cap,
		cap_includes_refund, statutory, rulebook, state, exception, exception_basis, settled_refund, settled_damages, settled_at, payment_refund, court,
		court_case, version, reply_due, opened_at, closed_at`
	insertClaim = `INSERT INTO complaint_claim (` + claimCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 'opened', 'none', '', 0, 0, 0, '', '', '', 1, $19, $20, 0)
		ON CONFLICT DO NOTHING`
	moveClaim = `UPDATE complaint_claim SET state = $1, exception = $2, exception_basis = $3, settled_refund = $4, settled_damages = $5, settled_at = $6,
			payment_refund = $7, court = $8, court_case = $9, version = version + 1, closed_at = $10
		WHERE id = $11 AND version = $12 AND state = $13`
	selectClaim        = `SELECT ` + claimCols + ` FROM complaint_claim WHERE id = $1`
	selectClaimsOf     = `SELECT ` + claimCols + ` FROM complaint_claim WHERE order_id = $1 ORDER BY id`
	selectMyClaims     = `SELECT ` + claimCols + ` FROM complaint_claim WHERE account = $1 ORDER BY id DESC LIMIT $2`
	selectVendorClaims = `SELECT ` + claimCols + ` FROM complaint_claim WHERE vendor = $1 ORDER BY id DESC LIMIT $2`
	selectOpenClaims   = `SELECT ` + claimCols + ` FROM complaint_claim WHERE state NOT IN ('settled', 'closed') ORDER BY id LIMIT $1`
	selectClaims       = `SELECT ` + claimCols + ` FROM complaint_claim WHERE id < $1 ORDER BY id DESC LIMIT $2`

	insertClaimOrder = `INSERT INTO complaint_claim_order (claim, order_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectClaimOrder = `SELECT order_id FROM complaint_claim_order WHERE claim = $1 ORDER BY order_id`

	claimStepCols    = `seq, from_state, event, to_state, side, actor, refund, damages, clause, note_sealed, at`
	insertClaimStep  = `INSERT INTO complaint_claim_step (claim, ` + claimStepCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	selectClaimSteps = `SELECT ` + claimStepCols + ` FROM complaint_claim_step WHERE claim = $1 ORDER BY seq`

	offerCols    = `id, side, state, refund, damages, exception, exception_basis, user_agrees, vendor_agrees, by_user, at`
	insertOffer  = `INSERT INTO complaint_offer (claim, ` + offerCols + `) VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, $9, $10, $11)`
	replaceOffer = `UPDATE complaint_offer SET state = 'replaced' WHERE claim = $1 AND state = 'open'`
	agreeOffer   = `UPDATE complaint_offer SET user_agrees = $1, vendor_agrees = $2, state = $3 WHERE id = $4 AND state = 'open'`
	selectOffers = `SELECT ` + offerCols + ` FROM complaint_offer WHERE claim = $1 ORDER BY id`

	reportCols = `id, account, email_sealed, email_index, source_index, kind, product, vendor, place_sealed, text_sealed, text_sha256, locale, state,
		case_id, outcome, reply_sealed, closed_by, version, due, created_at, confirmed_at, closed_at`
	insertReport = `INSERT INTO complaint_report (` + reportCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', '', $14, '', 1, $15, $16, $17, 0)`
	moveReport = `UPDATE complaint_report SET kind = $1, product = $2, vendor = $3, state = $4, case_id = $5, outcome = $6, reply_sealed = $7, closed_by = $8,
			version = version + 1, due = $9, confirmed_at = $10, closed_at = $11
		WHERE id = $12 AND version = $13 AND state = $14`
	selectReport    = `SELECT ` + reportCols + ` FROM complaint_report WHERE id = $1`
	selectReports   = `SELECT ` + reportCols + ` FROM complaint_report WHERE state IN ('received', 'handed_over') ORDER BY due, id LIMIT $1`
	selectMyReports = `SELECT ` + reportCols + ` FROM complaint_report WHERE account = $1 ORDER BY id DESC LIMIT $2`
	countSource     = `SELECT COUNT(*) FROM complaint_report WHERE source_index = $1 AND created_at > $2`
	countEmail      = `SELECT COUNT(*) FROM complaint_report WHERE email_index = $1 AND created_at > $2`

	insertKnowledge = `INSERT INTO complaint_knowledge (product, kind, source, account, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
	countKnowledge  = `SELECT COUNT(*) FROM complaint_knowledge WHERE product = $1 AND kind = $2`
	selectKnowledge = `SELECT source, account, at FROM complaint_knowledge WHERE product = $1 AND kind = $2 ORDER BY at, source`

	taskCols    = `id, product, vendor, kind, state, due, action, note_sealed, done_by, raised_at, done_at`
	insertTask  = `INSERT INTO complaint_task (` + taskCols + `) VALUES ($1, $2, $3, $4, 'open', $5, '', $6, '', $7, 0) ON CONFLICT DO NOTHING`
	endTask     = `UPDATE complaint_task SET state = 'done', action = $1, note_sealed = $2, done_by = $3, done_at = $4 WHERE id = $5 AND state = 'open'`
	selectTask  = `SELECT ` + taskCols + ` FROM complaint_task WHERE id = $1`
	selectTasks = `SELECT ` + taskCols + ` FROM complaint_task WHERE state = 'open' ORDER BY due, id LIMIT $1`
	selectDone  = `SELECT ` + taskCols + ` FROM complaint_task WHERE state = 'done' ORDER BY done_at DESC, id LIMIT $1`
	selectOfOne = `SELECT ` + taskCols + ` FROM complaint_task WHERE product = $1 ORDER BY id`
)

func sealedAt(column string, id string) string { return "complaint_" + column + "/" + id }

func scanOne(r db.Reader) func(db.Scanner) (Complaint, error) {
	return func(s db.Scanner) (c Complaint, err error) {
		var text, demand []byte
		var vdue, vat, odue, submitted, overdue, escalated, lapse, closed int64
		if err := s.Scan(&c.ID, &c.Account, &c.AskedBy, &c.Order, &c.Product, &c.Vendor, &c.RefundMatter, &c.Topic, &c.Matter, &c.Reason, &text, &demand,
			&c.State, &c.VendorOwes, &vdue, &vat, &c.OperatorOwes, &odue, &c.Clock, &c.Owner, &c.DecidedBy, &c.Finding, &c.Outcome, &c.Stars, &c.Version,
			&c.Rulebook, &submitted, &overdue, &escalated, &lapse, &closed); err != nil {
			return c, err
		}
		c.VendorDue, c.VendorAnsweredAt, c.OperatorDue = db.Time(vdue), db.Time(vat), db.Time(odue)
		c.SubmittedAt, c.OverdueAt, c.EscalatedAt, c.LapseAt, c.ClosedAt = db.Time(submitted), db.Time(overdue), db.Time(escalated), db.Time(lapse), db.Time(closed)
		if c.Text, err = r.Keys().Open(text, sealedAt("complaint.text", string(c.ID))); err != nil {
			return c, err
		}
		c.Demand, err = r.Keys().Open(demand, sealedAt("complaint.demand", string(c.ID)))
		return c, err
	}
}

func scanStep(r db.Reader, id ID) func(db.Scanner) (Step, error) {
	return func(s db.Scanner) (p Step, err error) {
		var note []byte
		var due, at int64
		if err := s.Scan(&p.Seq, &p.From, &p.Event, &p.To, &p.Side, &p.Actor, &p.Matter, &due, &p.Clause, &note, &at); err != nil {
			return p, err
		}
		p.Due, p.At = db.Time(due), db.Time(at)
		p.Note, err = r.Keys().Open(note, sealedAt("step.note", string(id)))
		return p, err
	}
}

func scanPacket(r db.Reader, id ID) func(db.Scanner) (Packet, error) {
	return func(s db.Scanner) (p Packet, err error) {
		var fields string
		var sealed []byte
		var at int64
		if err := s.Scan(&p.ID, &p.Vendor, &fields, &sealed, &p.SHA256, &p.By, &at); err != nil {
			return p, err
		}
		p.Fields, p.At = strings.Split(fields, " "), db.Time(at)
		return p, r.Keys().OpenJSON(sealed, sealedAt("packet.content", string(id)), &p.Content)
	}
}

func scanContact(r db.Reader, about string) func(db.Scanner) (Contact, error) {
	return func(s db.Scanner) (p Contact, err error) {
		var sealed []byte
		var at int64
		if err := s.Scan(&p.ID, &p.Side, &p.Channel, &p.HeldOn, &sealed, &p.By, &at); err != nil {
			return p, err
		}
		p.At = db.Time(at)
		p.Text, err = r.Keys().Open(sealed, sealedAt("contact.text", about))
		return p, err
	}
}

func scanEvidence(r db.Reader, about string) func(db.Scanner) (Evidence, error) {
	return func(s db.Scanner) (p Evidence, err error) {
		var sealed []byte
		var at int64
		if err := s.Scan(&p.ID, &p.Side, &sealed, &p.MediaType, &p.Size, &p.SHA256, &p.Blob, &p.By, &at); err != nil {
			return p, err
		}
		p.At = db.Time(at)
		p.Name, err = r.Keys().Open(sealed, sealedAt("evidence.name", about))
		return p, err
	}
}

func scanClaim(r db.Reader) func(db.Scanner) (Claim, error) {
	return func(s db.Scanner) (c Claim, err error) {
		var loss []byte
		var cur money.Currency
		var settled, due, opened, closed int64
		if err := s.Scan(&c.ID, &c.Complaint, &c.Order, &c.Line, &c.Account, &c.Vendor, &c.Product, &c.OpenedBy, &c.Item, &c.Ground, &loss, &cur,
			&c.AskedRefund.Minor, &c.AskedDamages.Minor, &c.Cap.Minor, &c.CapIncludesRefund, &c.Statutory.Minor, &c.Rulebook, &c.State, &c.Exception,
			&c.Basis, &c.SettledRefund.Minor, &c.SettledDamages.Minor, &settled, &c.Payment, &c.Court, &c.CourtCase, &c.Version, &due, &opened, &closed); err != nil {
			return c, err
		}
		for _, x := range []*money.Amount{&c.AskedRefund, &c.AskedDamages, &c.Cap, &c.Statutory, &c.SettledRefund, &c.SettledDamages} {
			x.Currency = cur
		}
		c.SettledAt, c.ReplyDue, c.OpenedAt, c.ClosedAt = db.Time(settled), db.Time(due), db.Time(opened), db.Time(closed)
		c.Loss, err = r.Keys().Open(loss, sealedAt("claim.loss", string(c.ID)))
		return c, err
	}
}

func scanClaimStep(r db.Reader, c Claim) func(db.Scanner) (Step, error) {
	return func(s db.Scanner) (p Step, err error) {
		var note []byte
		var at int64
		if err := s.Scan(&p.Seq, &p.From, &p.Event, &p.To, &p.Side, &p.Actor, &p.Refund.Minor, &p.Damages.Minor, &p.Clause, &note, &at); err != nil {
			return p, err
		}
		p.Refund.Currency, p.Damages.Currency, p.At = c.Cap.Currency, c.Cap.Currency, db.Time(at)
		p.Note, err = r.Keys().Open(note, sealedAt("claim_step.note", string(c.ID)))
		return p, err
	}
}

func scanOffer(c Claim) func(db.Scanner) (Offer, error) {
	return func(s db.Scanner) (o Offer, err error) {
		var at int64
		err = s.Scan(&o.ID, &o.Side, &o.State, &o.Refund.Minor, &o.Damages.Minor, &o.Exception, &o.Basis, &o.UserAgrees, &o.VendorAgrees, &o.By, &at)
		o.Refund.Currency, o.Damages.Currency, o.At = c.Cap.Currency, c.Cap.Currency, db.Time(at)
		return o, err
	}
}

func scanReport(r db.Reader) func(db.Scanner) (Report, error) {
	return func(s db.Scanner) (p Report, err error) {
		var email, place, text, reply []byte
		var due, created, confirmed, closed int64
		if err := s.Scan(&p.ID, &p.Account, &email, &p.emailIndex, &p.sourceIndex, &p.Kind, &p.Product, &p.Vendor, &place, &text, &p.SHA256, &p.Locale,
			&p.State, &p.Case, &p.Outcome, &reply, &p.ClosedBy, &p.Version, &due, &created, &confirmed, &closed); err != nil {
			return p, err
		}
		p.Due, p.CreatedAt, p.ConfirmedAt, p.ClosedAt = db.Time(due), db.Time(created), db.Time(confirmed), db.Time(closed)
		for _, one := range []struct {
			into   *string
			sealed []byte
			column string
		}{{&p.Email, email, "report.email"}, {&p.Place, place, "report.place"}, {&p.Text, text, "report.text"}, {&p.Reply, reply, "report.reply"}} {
			if *one.into, err = r.Keys().Open(one.sealed, sealedAt(one.column, string(p.ID))); err != nil {
				return p, err
			}
		}
		return p, nil
	}
}

func scanTask(r db.Reader) func(db.Scanner) (Task, error) {
	return func(s db.Scanner) (t Task, err error) {
		var note []byte
		var due, raised, done int64
		if err := s.Scan(&t.ID, &t.Product, &t.Vendor, &t.Kind, &t.State, &due, &t.Action, &note, &t.DoneBy, &raised, &done); err != nil {
			return t, err
		}
		t.Due, t.RaisedAt, t.DoneAt = db.Time(due), db.Time(raised), db.Time(done)
		t.Note, err = r.Keys().Open(note, sealedAt("task.note", string(t.ID)))
		return t, err
	}
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

func read(ctx context.Context, r db.Reader, id ID) (Complaint, error) {
	return found(db.One(ctx, r, scanOne(r), selectOne, string(id)))
}

func readClaim(ctx context.Context, r db.Reader, id ClaimID) (Claim, error) {
	return found(db.One(ctx, r, scanClaim(r), selectClaim, string(id)))
}

func cursor(before string) string {
	if before == "" {
		return "~" // after every id
	}
	return before
}
