package operation

import (
	"context"
	"encoding/json"
	"errors"

	"yunshi/internal/base/db"
)

const (
	// The row that every purchase asks for; none while the service is operating.
	selectService = `SELECT id, state, announced_at, end_at FROM operation_wind_down WHERE live = 1`

	windDownCols = `id, state, end_at, document, sha256, proposed_by, proposed_at, approved_by, announced_at, ended_at, open_at_end, stop_by, stop_reason,
		stopped_by, stopped_at`
	insertWindDown = `INSERT INTO operation_wind_down (live, ` + windDownCols + `)
		VALUES (0, $1, 'proposed', $2, $3, $4, $5, $6, '', 0, 0, '[]', '', '', '', 0) ON CONFLICT DO NOTHING`
	moveWindDown = `UPDATE operation_wind_down SET state = $1, live = $2, approved_by = $3, announced_at = $4, ended_at = $5, open_at_end = $6, stop_by = $7,
			stop_reason = $8, stopped_by = $9, stopped_at = $10
		WHERE id = $11 AND state = $12 AND stop_by = $13`
	selectWindDown  = `SELECT ` + windDownCols + ` FROM operation_wind_down WHERE id = $1`
	selectWindDowns = `SELECT ` + windDownCols + ` FROM operation_wind_down ORDER BY id DESC LIMIT 50`
	selectWaiting   = `SELECT ` + windDownCols + ` FROM operation_wind_down WHERE state = 'proposed'`

	insertSnapshot  = `INSERT INTO operation_snapshot (wind_down, day, lang, shown, sha256, page, taken_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`
	selectSnapshots = `SELECT day, lang, shown, sha256, taken_at FROM operation_snapshot WHERE wind_down = $1 ORDER BY day, lang`

	roundCols    = `object, round, code, link, params, audience, begun_at, done_at`
	insertRound  = `INSERT INTO operation_round (` + roundCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT DO NOTHING`
	endRound     = `UPDATE operation_round SET done_at = $1 WHERE object = $2 AND round = $3 AND done_at = 0`
	selectRound  = `SELECT ` + roundCols + `, 0 FROM operation_round WHERE object = $1 AND round = $2`
	selectRounds = `SELECT ` + roundCols + `, (SELECT COUNT(*) FROM operation_told t WHERE t.object = r.object AND t.round = r.round)
		FROM operation_round r WHERE object = $1 ORDER BY begun_at, round`
	insertTold = `INSERT INTO operation_told (object, round, account, notice, at) VALUES ($1, $2, $3, $4, $5)`
	selectTold = `SELECT round, account, notice, at FROM operation_told WHERE object = $1 AND account > $2 ORDER BY account, at LIMIT $3`

	changeCols     = `id, document, sha256, published_by, published_at`
	insertChange   = `INSERT INTO operation_change (id, kind, subject, document, sha256, effective_at, published_by, published_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	selectChange   = `SELECT ` + changeCols + ` FROM operation_change WHERE id = $1`
	selectChanges  = `SELECT ` + changeCols + ` FROM operation_change WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectChangesK = `SELECT ` + changeCols + ` FROM operation_change WHERE kind = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectChangesS = `SELECT ` + changeCols + ` FROM operation_change WHERE subject = $1 ORDER BY id DESC LIMIT 50`

	incidentCols = `id, state, version, kind, cause, personal, data_kinds, everyone, summary_sealed, detected_at, opened_by, opened_at, acknowledged_at,
		contained_at, resolved_at, closed_at, fault, assessment_sealed, assessed_by, assessed_at, due_at, authority, authority_reference, authority_at,
		authority_waiver_sealed, authority_waived_at, subjects_at, subjects_notice, subjects_waiver_sealed, subjects_waived_at, authority_due`
	insertIncident = `INSERT INTO operation_incident (` + incidentCols + `)
		VALUES ($1, 'detected', 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, 0, '', $11, '', 0, $12, '', '', 0, $11, 0, 0, '', $11, 0, $13)`
	moveIncident = `UPDATE operation_incident SET state = $1, version = version + 1, cause = $2, acknowledged_at = $3, contained_at = $4, resolved_at = $5,
			closed_at = $6, fault = $7, assessment_sealed = $8, assessed_by = $9, assessed_at = $10, authority = $11, authority_reference = $12, authority_at = $13,
			authority_waiver_sealed = $14, authority_waived_at = $15, subjects_at = $16, subjects_notice = $17, subjects_waiver_sealed = $18,
			subjects_waived_at = $19
		WHERE id = $20 AND version = $21 AND state = $22`
	selectIncident      = `SELECT ` + incidentCols + ` FROM operation_incident WHERE id = $1`
	selectIncidents     = `SELECT ` + incidentCols + ` FROM operation_incident WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectOpenIncidents = `SELECT ` + incidentCols + ` FROM operation_incident WHERE closed_at = 0 ORDER BY id LIMIT 200`
	insertSubject       = `INSERT INTO operation_incident_subject (incident, account) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectSubjects      = `SELECT account FROM operation_incident_subject WHERE incident = $1 AND account > $2 ORDER BY account LIMIT $3`
	countSubjects       = `SELECT COUNT(*) FROM operation_incident_subject WHERE incident = $1`

	interruptionCols = `id, state, version, component, impact, everyone, title_zh, title_en, started_at, detected_at, acknowledged_at, mitigated_at, resolved_at,
		closed_at, opened_by, cause, proof_kind, proof_reference, proof_sealed, proof_sha256, cause_by, cause_at, confirmed_by, confirmed_at, COALESCE(incident, ''),
		lesson_zh, lesson_en, extended`
	insertInterruption = `INSERT INTO operation_interruption (id, state, version, component, impact, everyone, title_zh, title_en, started_at, detected_at,
			acknowledged_at, mitigated_at, resolved_at, closed_at, opened_by, cause, proof_kind, proof_reference, proof_sealed, proof_sha256, cause_by, cause_at,
			confirmed_by, confirmed_at, incident, lesson_zh, lesson_en, extended)
		VALUES ($1, 'detected', 1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, $9, '', '', '', $10, '', '', 0, '', 0, NULL, '', '', 0)`
	moveInterruption = `UPDATE operation_interruption SET state = $1, version = version + 1, acknowledged_at = $2, mitigated_at = $3, resolved_at = $4, closed_at = $5,
			cause = $6, proof_kind = $7, proof_reference = $8, proof_sealed = $9, proof_sha256 = $10, cause_by = $11, cause_at = $12, confirmed_by = $13,
			confirmed_at = $14, incident = NULLIF($15, ''), lesson_zh = $16, lesson_en = $17
		WHERE id = $18 AND version = $19 AND state = $20`
	addExtended         = `UPDATE operation_interruption SET extended = extended + $1 WHERE id = $2`
	selectInterruption  = `SELECT ` + interruptionCols + ` FROM operation_interruption WHERE id = $1`
	selectInterruptions = `SELECT ` + interruptionCols + ` FROM operation_interruption WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectRunning       = `SELECT ` + interruptionCols + ` FROM operation_interruption WHERE resolved_at = 0 ORDER BY id DESC LIMIT 100`
	selectSince         = `SELECT ` + interruptionCols + ` FROM operation_interruption WHERE started_at >= $1 OR resolved_at = 0 OR resolved_at >= $1
		ORDER BY started_at DESC, id DESC LIMIT 500`
	selectUnclosed = `SELECT ` + interruptionCols + ` FROM operation_interruption WHERE closed_at = 0 ORDER BY id LIMIT 200`
	selectOfAttack = `SELECT ` + interruptionCols + ` FROM operation_interruption WHERE incident = $1 ORDER BY id`
	insertAffected = `INSERT INTO operation_affected (interruption, kind, object) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	selectAffected = `SELECT object FROM operation_affected WHERE interruption = $1 AND kind = $2 ORDER BY object`

	insertEntry   = `INSERT INTO operation_entry (object, seq, event, public, text_zh, text_en, note_sealed, actor, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	selectEntries = `SELECT seq, event, public, text_zh, text_en, note_sealed, actor, at FROM operation_entry WHERE object = $1 ORDER BY seq`

	contestCols    = `id, interruption, cause, account, by_user, text_sealed, state, answer_sealed, answered_by, due_at, made_at, answered_at`
	insertContest  = `INSERT INTO operation_contest (text_sha256, ` + contestCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, '', $9, $10, 0) ON CONFLICT DO NOTHING`
	answerContest  = `UPDATE operation_contest SET state = $1, answer_sealed = $2, answered_by = $3, answered_at = $4 WHERE id = $5 AND state = 'open'`
	selectContest  = `SELECT ` + contestCols + ` FROM operation_contest WHERE id = $1`
	selectContests = `SELECT ` + contestCols + ` FROM operation_contest WHERE interruption = $1 ORDER BY id`
	selectOpenOnes = `SELECT ` + contestCols + ` FROM operation_contest WHERE state = 'open' ORDER BY due_at, id LIMIT 200`
	countContests  = `SELECT COUNT(*) FROM operation_contest WHERE interruption = $1 AND state = 'open'`
)

// The places of sealed texts.
func summaryAt(id ID) string    { return "operation_incident.summary/" + string(id) }
func assessmentAt(id ID) string { return "operation_incident.assessment/" + string(id) }
func authorityAt(id ID) string  { return "operation_incident.authority_waiver/" + string(id) }
func subjectsAt(id ID) string   { return "operation_incident.subjects_waiver/" + string(id) }
func proofAt(id ID) string      { return "operation_interruption.proof/" + string(id) }
func noteAt(id ID) string       { return "operation_entry.note/" + string(id) }
func contestAt(id ID) string    { return "operation_contest.text/" + string(id) }
func answerAt(id ID) string     { return "operation_contest.answer/" + string(id) }

// open opens several sealed texts into their places; nothing was sealed where the
// column is empty.
func open(r db.Reader, texts ...sealedText) error {
	for _, t := range texts {
		if len(t.sealed) == 0 {
			continue
		}
		var err error
		if *t.into, err = r.Keys().Open(t.sealed, t.at); err != nil {
			return err
		}
	}
	return nil
}

type sealedText struct {
	sealed []byte
	at     string
	into   *string
}

func scanService(s db.Scanner) (Service, error) {
	var v Service
	var announced, end int64
	err := s.Scan(&v.WindDown, &v.State, &announced, &end)
	v.AnnouncedAt, v.EndAt = db.Time(announced), db.Time(end)
	if v.State == Announced {
		v.State = WindingDown
	}
	return v, err
}

func scanWindDown(s db.Scanner) (WindDown, error) {
	var w WindDown
	var end, proposed, announced, ended, stopped int64
	var left string
	if err := s.Scan(&w.ID, &w.State, &end, &w.Document, &w.SHA256, &w.ProposedBy, &proposed, &w.ApprovedBy, &announced, &ended, &left,
		&w.StopBy, &w.StopReason, &w.StoppedBy, &stopped); err != nil {
		return w, err
	}
	w.ProposedAt, w.AnnouncedAt, w.EndedAt, w.StoppedAt = db.Time(proposed), db.Time(announced), db.Time(ended), db.Time(stopped)
	if err := json.Unmarshal([]byte(w.Document), &w.Announcement); err != nil {
		return w, err
	}
	w.EndAt = db.Time(end)
	return w, json.Unmarshal([]byte(left), &w.OpenAtEnd)
}

func scanSnapshot(s db.Scanner) (Snapshot, error) {
	var v Snapshot
	var taken int64
	err := s.Scan(&v.Day, &v.Lang, &v.Shown, &v.SHA256, &taken)
	v.TakenAt = db.Time(taken)
	return v, err
}

func scanRound(s db.Scanner) (Round, error) {
	var v Round
	var params, audience string
	var begun, done int64
	if err := s.Scan(&v.Object, &v.Name, &v.Code, &v.Link, &params, &audience, &begun, &done, &v.Told); err != nil {
		return v, err
	}
	v.BegunAt, v.EndAt = db.Time(begun), db.Time(done)
	if err := json.Unmarshal([]byte(params), &v.Params); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(audience), &v.Audience)
}

func scanTold(s db.Scanner) (Told, error) {
	var v Told
	var at int64
	err := s.Scan(&v.Round, &v.Account, &v.Notice, &at)
	v.At = db.Time(at)
	return v, err
}

func scanChange(s db.Scanner) (Change, error) {
	var c Change
	var id ID
	var document, sum, by string
	var at int64
	if err := s.Scan(&id, &document, &sum, &by, &at); err != nil {
		return c, err
	}
	err := json.Unmarshal([]byte(document), &c)
	c.ID, c.SHA256, c.PublishedBy, c.PublishedAt = id, sum, by, db.Time(at)
	return c, err
}

func scanIncident(r db.Reader) func(db.Scanner) (Incident, error) {
	return func(s db.Scanner) (Incident, error) {
		var i Incident
		var kinds, notice string
		var summary, assessment, authority, subjects []byte
		var detected, opened, acknowledged, contained, resolved, closed, assessed, due, told, off, subjectsTold, subjectsOff, authorityDue int64
		if err := s.Scan(&i.ID, &i.State, &i.Version, &i.Kind, &i.Cause, &i.Personal, &kinds, &i.Everyone, &summary, &detected, &i.OpenedBy, &opened,
			&acknowledged, &contained, &resolved, &closed, &i.Fault, &assessment, &i.AssessedBy, &assessed, &due, &i.Authority, &i.AuthorityRef, &told,
			&authority, &off, &subjectsTold, &notice, &subjects, &subjectsOff, &authorityDue); err != nil {
			return i, err
		}
		i.DetectedAt, i.OpenedAt, i.AcknowledgedAt, i.ContainedAt = db.Time(detected), db.Time(opened), db.Time(acknowledged), db.Time(contained)
		i.ResolvedAt, i.ClosedAt, i.AssessedAt, i.DueAt = db.Time(resolved), db.Time(closed), db.Time(assessed), db.Time(due)
		i.AuthorityDue = db.Time(authorityDue)
		i.AuthorityAt, i.AuthorityOffAt, i.SubjectsAt, i.SubjectsOffAt = db.Time(told), db.Time(off), db.Time(subjectsTold), db.Time(subjectsOff)
		if err := json.Unmarshal([]byte(kinds), &i.DataKinds); err != nil {
			return i, err
		}
		if notice != "" {
			if err := json.Unmarshal([]byte(notice), &i.Notice); err != nil {
				return i, err
			}
		}
		return i, open(r, sealedText{summary, summaryAt(i.ID), &i.Summary}, sealedText{assessment, assessmentAt(i.ID), &i.Assessment},
			sealedText{authority, authorityAt(i.ID), &i.AuthorityWaive}, sealedText{subjects, subjectsAt(i.ID), &i.SubjectsWaive})
	}
}

func scanInterruption(r db.Reader) func(db.Scanner) (Interruption, error) {
	return func(s db.Scanner) (Interruption, error) {
		var n Interruption
		var proof []byte
		var started, detected, acknowledged, mitigated, resolved, closed, stated, confirmed int64
		if err := s.Scan(&n.ID, &n.State, &n.Version, &n.Component, &n.Impact, &n.Everyone, &n.Title.ZH, &n.Title.EN, &started, &detected, &acknowledged,
			&mitigated, &resolved, &closed, &n.OpenedBy, &n.Cause, &n.Proof.Kind, &n.Proof.Reference, &proof, &n.ProofSHA256, &n.CauseBy, &stated,
			&n.ConfirmedBy, &confirmed, &n.Incident, &n.Lesson.ZH, &n.Lesson.EN, &n.Extended); err != nil {
			return n, err
		}
		n.StartedAt, n.DetectedAt, n.AcknowledgedAt, n.MitigatedAt = db.Time(started), db.Time(detected), db.Time(acknowledged), db.Time(mitigated)
		n.ResolvedAt, n.ClosedAt, n.CauseAt, n.ConfirmedAt = db.Time(resolved), db.Time(closed), db.Time(stated), db.Time(confirmed)
		return n, open(r, sealedText{proof, proofAt(n.ID), &n.Proof.Text})
	}
}

func scanEntry(r db.Reader, id ID) func(db.Scanner) (Entry, error) {
	return func(s db.Scanner) (Entry, error) {
		var e Entry
		var sealed []byte
		var at int64
		if err := s.Scan(&e.Seq, &e.Event, &e.Public, &e.Text.ZH, &e.Text.EN, &sealed, &e.Actor, &at); err != nil {
			return e, err
		}
		e.At = db.Time(at)
		return e, open(r, sealedText{sealed, noteAt(id), &e.Note})
	}
}

func scanContest(r db.Reader) func(db.Scanner) (Contest, error) {
	return func(s db.Scanner) (Contest, error) {
		var c Contest
		var text, answer []byte
		var due, made, answered int64
		if err := s.Scan(&c.ID, &c.Interruption, &c.Cause, &c.Account, &c.By, &text, &c.State, &answer, &c.AnsweredBy, &due, &made, &answered); err != nil {
			return c, err
		}
		c.DueAt, c.MadeAt, c.AnsweredAt = db.Time(due), db.Time(made), db.Time(answered)
		return c, open(r, sealedText{text, contestAt(c.ID), &c.Text}, sealedText{answer, answerAt(c.ID), &c.Answer})
	}
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

// guarded turns a change that touched nothing into STALE.
func guarded(n int64, err error) error {
	if err == nil && n == 0 {
		return ErrStale
	}
	return err
}

// move writes an end of service, if its row is still in the state of before.
func (w WindDown) move(ctx context.Context, tx *db.Tx, before WindDown) error {
	left, err := json.Marshal(w.OpenAtEnd)
	if err != nil {
		return err
	}
	live := 0
	if w.State == Announced || w.State == Ended {
		live = 1
	}
	n, err := tx.Exec(ctx, moveWindDown, string(w.State), live, w.ApprovedBy, db.Micros(w.AnnouncedAt), db.Micros(w.EndedAt), string(left), w.StopBy,
		w.StopReason, w.StoppedBy, db.Micros(w.StoppedAt), string(w.ID), string(before.State), before.StopBy)
	return guarded(n, err)
}

// move writes an incident, if its row is still as before.
func (i Incident) move(ctx context.Context, tx *db.Tx, before Incident) error {
	sealed := make([][]byte, 3)
	for at, one := range []struct{ text, place string }{
		{i.Assessment, assessmentAt(i.ID)}, {i.AuthorityWaive, authorityAt(i.ID)}, {i.SubjectsWaive, subjectsAt(i.ID)},
	} {
		var err error
		if sealed[at], err = tx.Keys().Seal(one.text, one.place); err != nil {
			return err
		}
	}
	notice := ""
	if i.Notice != (SubjectNotice{}) {
		text, err := json.Marshal(i.Notice)
		if err != nil {
			return err
		}
		notice = string(text)
	}
	n, err := tx.Exec(ctx, moveIncident, string(i.State), i.Cause, db.Micros(i.AcknowledgedAt), db.Micros(i.ContainedAt), db.Micros(i.ResolvedAt),
		db.Micros(i.ClosedAt), string(i.Fault), sealed[0], i.AssessedBy, db.Micros(i.AssessedAt), i.Authority, i.AuthorityRef, db.Micros(i.AuthorityAt),
		sealed[1], db.Micros(i.AuthorityOffAt), db.Micros(i.SubjectsAt), notice, sealed[2], db.Micros(i.SubjectsOffAt), string(i.ID), before.Version, string(before.State))
	return guarded(n, err)
}

// move writes an interruption, if its row is still as before.
func (n Interruption) move(ctx context.Context, tx *db.Tx, before Interruption) error {
	sealed, err := tx.Keys().Seal(n.Proof.Text, proofAt(n.ID))
	if err != nil {
		return err
	}
	rows, err := tx.Exec(ctx, moveInterruption, string(n.State), db.Micros(n.AcknowledgedAt), db.Micros(n.MitigatedAt), db.Micros(n.ResolvedAt),
		db.Micros(n.ClosedAt), string(n.Cause), n.Proof.Kind, n.Proof.Reference, sealed, n.ProofSHA256, n.CauseBy, db.Micros(n.CauseAt), n.ConfirmedBy,
		db.Micros(n.ConfirmedAt), string(n.Incident), n.Lesson.ZH, n.Lesson.EN, string(n.ID), before.Version, string(before.State))
	return guarded(rows, err)
}

// enter adds a step to the story of an incident or interruption.
func enter(tx *db.Tx, id ID, e Entry) error {
	sealed, err := tx.Keys().Seal(e.Note, noteAt(id))
	if err != nil {
		return err
	}
	tx.Queue(insertEntry, string(id), e.Seq, e.Event, e.Public, e.Text.ZH, e.Text.EN, sealed, e.Actor, db.Micros(tx.Now()))
	return nil
}

func readIncident(ctx context.Context, r db.Reader, id ID) (Incident, error) {
	return found(db.One(ctx, r, scanIncident(r), selectIncident, string(id)))
}

func readInterruption(ctx context.Context, r db.Reader, id ID) (Interruption, error) {
	n, err := found(db.One(ctx, r, scanInterruption(r), selectInterruption, string(id)))
	if err != nil {
		return n, err
	}
	return withAffected(ctx, r, n)
}

func withAffected(ctx context.Context, r db.Reader, n Interruption) (_ Interruption, err error) {
	if n.Everyone {
		return n, nil
	}
	if n.Products, err = db.All(ctx, r, db.Column[string], selectAffected, string(n.ID), "product"); err != nil {
		return n, err
	}
	n.Orders, err = db.All(ctx, r, db.Column[string], selectAffected, string(n.ID), "order")
	return n, err
}
