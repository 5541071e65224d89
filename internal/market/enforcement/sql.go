package enforcement

import (
	"context"
	"errors"
	"strings"

	"yunshi/internal/base/db"
)

const (
	caseCols = `id, subject, vendor, source, reference, reporter, violation, facts_sealed, legal_basis, content_kind, content_id, entitlement, human_only,
		state, version, needs_second, automated, reasons_sealed, rulebook, opened_by, opened_at, decided_by, decided_at, second_by, human_asked_at, served_at,
		notice, appeal_until, final_at, ended_at`
	insertCase = `INSERT INTO enforcement_case (` + caseCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'opened', 1, FALSE, FALSE, $14, $15, $16, $17, '', 0, '', 0, 0, '', 0, 0, 0)
		ON CONFLICT DO NOTHING`
	moveCase = `UPDATE enforcement_case SET state = $1, version = version + 1, needs_second = $2, automated = $3, reasons_sealed = $4, decided_by = $5,
			decided_at = $6, second_by = $7, human_asked_at = $8, served_at = $9, notice = $10, appeal_until = $11, final_at = $12, ended_at = $13
		WHERE id = $14 AND version = $15 AND state = $16`

	selectCase      = `SELECT ` + caseCols + ` FROM enforcement_case WHERE id = $1`
	selectReference = `SELECT ` + caseCols + ` FROM enforcement_case WHERE subject = $1 AND source = $2 AND reference = $3 AND violation = $4`
	selectOfSubject = `SELECT ` + caseCols + ` FROM enforcement_case WHERE subject = $1 AND served_at > 0 ORDER BY id DESC LIMIT $2`
	selectAgainst   = `SELECT ` + caseCols + ` FROM enforcement_case WHERE subject = $1 ORDER BY id DESC LIMIT $2`
	selectReported  = `SELECT ` + caseCols + ` FROM enforcement_case WHERE reporter = $1 ORDER BY id DESC LIMIT $2`
	selectAll       = `SELECT ` + caseCols + ` FROM enforcement_case WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectDesk      = `SELECT ` + caseCols + ` FROM enforcement_case
		WHERE state IN ('opened', 'evidence', 'heard', 'second_review', 'appealed')
			OR id IN (SELECT case_id FROM enforcement_measure WHERE state IN ('proposed', 'answered', 'overdue'))
			OR id IN (SELECT case_id FROM enforcement_measure WHERE state = 'in_force' AND review_at > 0 AND review_at <= $1)
		ORDER BY opened_at, id LIMIT $2`

	insertClause  = `INSERT INTO enforcement_clause (case_id, clause) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectClauses = `SELECT clause FROM enforcement_clause WHERE case_id = $1 ORDER BY clause`
	selectCiting  = `SELECT ` + caseCols + ` FROM enforcement_case WHERE id IN (SELECT case_id FROM enforcement_clause WHERE clause = $1) ORDER BY id DESC LIMIT $2`

	exhibitCols    = `id, kind, title_sealed, url_sealed, media_type, size, sha256, captured_at, by_user, at`
	insertExhibit  = `INSERT INTO enforcement_evidence (case_id, content_sealed, ` + exhibitCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	selectExhibits = `SELECT ` + exhibitCols + ` FROM enforcement_evidence WHERE case_id = $1 ORDER BY id`
	selectExhibit  = `SELECT case_id FROM enforcement_evidence WHERE id = $1`
	selectContent  = `SELECT content_sealed FROM enforcement_evidence WHERE id = $1`
	countExhibits  = `SELECT COUNT(*) FROM enforcement_evidence WHERE case_id = $1`

	measureCols = `id, case_id, clause, kind, functions, content_kind, content_id, demand_sealed, necessity_sealed, points, days, review_days, state, due_at,
		until_at, review_at, effective_at, ended_at, ended_by, adopted_by, prior, copy_sha256, answer_sealed, published_at`
	insertMeasure = `INSERT INTO enforcement_measure (sealed_copy, ` + measureCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0, 0, 0, 0, '', '', '', '', $15, 0)`
	moveMeasure = `UPDATE enforcement_measure SET state = $1, due_at = $2, until_at = $3, review_at = $4, effective_at = $5, ended_at = $6, ended_by = $7,
			adopted_by = $8, prior = $9, copy_sha256 = $10, answer_sealed = $11, published_at = $12
		WHERE id = $13 AND state = $14 AND adopted_by = $15`
	keepCopy       = `UPDATE enforcement_measure SET sealed_copy = $1 WHERE id = $2`
	selectCopy     = `SELECT sealed_copy FROM enforcement_measure WHERE id = $1`
	selectMeasure  = `SELECT ` + measureCols + ` FROM enforcement_measure WHERE id = $1`
	selectMeasures = `SELECT ` + measureCols + ` FROM enforcement_measure WHERE case_id = $1 ORDER BY kind, id`
	selectBlocking = `SELECT ` + measureCols + ` FROM enforcement_measure WHERE content_kind = $1 AND content_id = $2 AND kind = '8.2.2' AND state = 'in_force' ORDER BY effective_at, id`
	// Everything that takes functions from one subject now.
	selectTaking = `SELECT ` + measureCols + ` FROM enforcement_measure WHERE kind = '8.2.3' AND state = 'in_force'
		AND case_id IN (SELECT id FROM enforcement_case WHERE subject = $1) ORDER BY id`
	selectEnding = `SELECT ` + measureCols + ` FROM enforcement_measure WHERE kind = '8.2.4' AND state = 'in_force'
		AND case_id IN (SELECT id FROM enforcement_case WHERE subject = $1) ORDER BY id`
	selectBoard = `SELECT ` + measureCols + ` FROM enforcement_measure WHERE published_at > 0 AND id < $1 AND state <> 'revoked'
		AND case_id NOT IN (SELECT id FROM enforcement_case WHERE state = 'revoked') ORDER BY id DESC LIMIT $2`

	insertRight  = `INSERT INTO enforcement_right (measure, entitlement, state, suspended) VALUES ($1, $2, 'planned', FALSE) ON CONFLICT DO NOTHING`
	moveRight    = `UPDATE enforcement_right SET state = $1, suspended = $2 WHERE measure = $3 AND entitlement = $4 AND state = $5`
	selectRights = `SELECT entitlement, state, suspended FROM enforcement_right WHERE measure = $1 ORDER BY entitlement`
	selectBreach = `SELECT c.id, m.state, r.state, c.final_at FROM enforcement_right r JOIN enforcement_measure m ON m.id = r.measure
		JOIN enforcement_case c ON c.id = m.case_id WHERE r.entitlement = $1 ORDER BY m.id`

	appealCols    = `id, case_id, kind, text_sealed, by_user, at, due_at, outcome, reasons_sealed, decided_by, decided_at`
	insertAppeal  = `INSERT INTO enforcement_appeal (` + appealCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, '', 0) ON CONFLICT DO NOTHING`
	decideAppeal  = `UPDATE enforcement_appeal SET outcome = $1, reasons_sealed = $2, decided_by = $3, decided_at = $4 WHERE id = $5 AND outcome = ''`
	selectAppeals = `SELECT ` + appealCols + ` FROM enforcement_appeal WHERE case_id = $1 ORDER BY id`

	stepCols    = `seq, from_state, event, to_state, side, actor, measure, clause, note_sealed, at`
	insertStep  = `INSERT INTO enforcement_step (case_id, ` + stepCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	selectSteps = `SELECT ` + stepCols + ` FROM enforcement_step WHERE case_id = $1 ORDER BY seq`

	insertPoints = `INSERT INTO enforcement_points (case_id, subject, points, at, void) VALUES ($1, $2, $3, $4, FALSE) ON CONFLICT DO NOTHING`
	voidPoints   = `UPDATE enforcement_points SET void = TRUE WHERE case_id = $1`
	sumPoints    = `SELECT CAST(COALESCE(SUM(points), 0) AS BIGINT) FROM enforcement_points WHERE subject = $1 AND at > $2 AND void = FALSE`

	terminationCols   = `measure, account, dissolved_at, purge_at, export_offered_at, ordered, undone_at`
	insertTermination = `INSERT INTO enforcement_termination (ordered_by, ` + terminationCols + `) VALUES ('', $1, $2, $3, $4, $5, '', 0) ON CONFLICT DO NOTHING`
	undoTermination   = `UPDATE enforcement_termination SET undone_at = $1 WHERE measure = $2 AND undone_at = 0`
	orderPurge        = `UPDATE enforcement_termination SET ordered = $1, ordered_by = $2 WHERE account = $3 AND undone_at = 0 AND ordered = ''`
	selectTermination = `SELECT ` + terminationCols + ` FROM enforcement_termination WHERE account = $1 AND undone_at = 0`
	selectPurgeable   = `SELECT ` + terminationCols + ` FROM enforcement_termination WHERE undone_at = 0 AND (purge_at <= $1 OR ordered <> '') ORDER BY purge_at, measure LIMIT $2`

	claimCols    = `id, case_id, claimant, vendor, name_sealed, currency, amount, grounds_sealed, state, version, settled, note_sealed, by_user, at, moved_at`
	insertClaim  = `INSERT INTO enforcement_claim (` + claimCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'asserted', 1, 0, $9, $10, $11, $11)`
	moveClaim    = `UPDATE enforcement_claim SET state = $1, settled = $2, note_sealed = $3, moved_at = $4, version = version + 1 WHERE id = $5 AND version = $6`
	selectClaim  = `SELECT ` + claimCols + ` FROM enforcement_claim WHERE id = $1`
	selectClaims = `SELECT ` + claimCols + ` FROM enforcement_claim WHERE case_id = $1 ORDER BY id`
	insertProof  = `INSERT INTO enforcement_claim_evidence (claim, evidence) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectProofs = `SELECT evidence FROM enforcement_claim_evidence WHERE claim = $1 ORDER BY evidence`
)

func factsAt(id ID) string              { return "enforcement_case.facts/" + string(id) }
func reasonsAt(id ID) string            { return "enforcement_case.reasons/" + string(id) }
func noteAt(id ID) string               { return "enforcement_step.note/" + string(id) }
func exhibitAt(field, id string) string { return "enforcement_evidence." + field + "/" + id }
func measureAt(field string, id MeasureID) string {
	return "enforcement_measure." + field + "/" + string(id)
}
func appealAt(field, id string) string { return "enforcement_appeal." + field + "/" + id }
func claimAt(field, id string) string  { return "enforcement_claim." + field + "/" + id }

// opener opens sealed fields and keeps the first failure.
type opener struct {
	r   db.Reader
	err error
}

func (o *opener) open(sealed []byte, at string) string {
	plain, err := o.r.Keys().Open(sealed, at)
	if err != nil && o.err == nil {
		o.err = err
	}
	return plain
}

// sealer seals fields and keeps the first failure.
type sealer struct {
	tx  *db.Tx
	err error
}

func (s *sealer) seal(plain, at string) []byte {
	sealed, err := s.tx.Keys().Seal(plain, at)
	if err != nil && s.err == nil {
		s.err = err
	}
	return sealed
}

func scanCase(r db.Reader) func(db.Scanner) (Case, error) {
	return func(s db.Scanner) (Case, error) {
		var c Case
		var facts, reasons []byte
		var opened, decided, human, served, appeal, final, ended int64
		if err := s.Scan(&c.ID, &c.Subject, &c.Vendor, &c.Source, &c.Reference, &c.Reporter, &c.Violation, &facts, &c.Basis, &c.Content.Kind, &c.Content.ID,
			&c.Right, &c.HumanOnly, &c.State, &c.Version, &c.NeedsSecond, &c.Automated, &reasons, &c.Rulebook, &c.OpenedBy, &opened, &c.DecidedBy, &decided,
			&c.SecondBy, &human, &served, &c.Notice, &appeal, &final, &ended); err != nil {
			return Case{}, err
		}
		c.OpenedAt, c.DecidedAt, c.HumanAsked, c.ServedAt = db.Time(opened), db.Time(decided), db.Time(human), db.Time(served)
		c.AppealUntil, c.FinalAt, c.EndedAt = db.Time(appeal), db.Time(final), db.Time(ended)
		o := opener{r: r}
		c.Facts, c.Reasons = o.open(facts, factsAt(c.ID)), o.open(reasons, reasonsAt(c.ID))
		return c, o.err
	}
}

func scanExhibit(r db.Reader) func(db.Scanner) (Exhibit, error) {
	return func(s db.Scanner) (Exhibit, error) {
		var e Exhibit
		var title, url []byte
		var captured, at int64
		if err := s.Scan(&e.ID, &e.Kind, &title, &url, &e.MediaType, &e.Size, &e.SHA256, &captured, &e.By, &at); err != nil {
			return Exhibit{}, err
		}
		e.CapturedAt, e.At = db.Time(captured), db.Time(at)
		o := opener{r: r}
		e.Title, e.URL = o.open(title, exhibitAt("title", e.ID)), o.open(url, exhibitAt("url", e.ID))
		return e, o.err
	}
}

func scanMeasure(r db.Reader) func(db.Scanner) (Measure, error) {
	return func(s db.Scanner) (Measure, error) {
		var m Measure
		var functions string
		var demand, necessity, answer []byte
		var due, until, review, effective, ended, published int64
		if err := s.Scan(&m.ID, &m.Case, &m.Clause, &m.Kind, &functions, &m.Content.Kind, &m.Content.ID, &demand, &necessity, &m.Points, &m.Days, &m.ReviewDays,
			&m.State, &due, &until, &review, &effective, &ended, &m.EndedBy, &m.AdoptedBy, &m.Prior, &m.CopySHA256, &answer, &published); err != nil {
			return Measure{}, err
		}
		m.Functions = strings.Fields(functions)
		m.DueAt, m.UntilAt, m.ReviewAt, m.EffectiveAt = db.Time(due), db.Time(until), db.Time(review), db.Time(effective)
		m.EndedAt, m.PublishedAt = db.Time(ended), db.Time(published)
		o := opener{r: r}
		m.Demand, m.Necessity, m.Answer = o.open(demand, measureAt("demand", m.ID)), o.open(necessity, measureAt("necessity", m.ID)), o.open(answer, measureAt("answer", m.ID))
		return m, o.err
	}
}

func scanAppeal(r db.Reader) func(db.Scanner) (Appeal, error) {
	return func(s db.Scanner) (Appeal, error) {
		var a Appeal
		var words, reasons []byte
		var at, due, decided int64
		if err := s.Scan(&a.ID, &a.Case, &a.Kind, &words, &a.By, &at, &due, &a.Outcome, &reasons, &a.DecidedBy, &decided); err != nil {
			return Appeal{}, err
		}
		a.At, a.DueAt, a.DecidedAt = db.Time(at), db.Time(due), db.Time(decided)
		o := opener{r: r}
		a.Text, a.Reasons = o.open(words, appealAt("text", a.ID)), o.open(reasons, appealAt("reasons", a.ID))
		return a, o.err
	}
}

func scanStep(r db.Reader, id ID) func(db.Scanner) (Step, error) {
	return func(s db.Scanner) (Step, error) {
		var p Step
		var note []byte
		var at int64
		if err := s.Scan(&p.Seq, &p.From, &p.Event, &p.To, &p.Side, &p.Actor, &p.Measure, &p.Clause, &note, &at); err != nil {
			return Step{}, err
		}
		p.At = db.Time(at)
		var err error
		p.Note, err = r.Keys().Open(note, noteAt(id))
		return p, err
	}
}

func scanTermination(s db.Scanner) (Termination, error) {
	var t Termination
	var dissolved, purge, offered, undone int64
	err := s.Scan(&t.Measure, &t.Account, &dissolved, &purge, &offered, &t.Ordered, &undone)
	t.DissolvedAt, t.PurgeAt, t.OfferedAt, t.UndoneAt = db.Time(dissolved), db.Time(purge), db.Time(offered), db.Time(undone)
	return t, err
}

func scanClaim(r db.Reader) func(db.Scanner) (Claim, error) {
	return func(s db.Scanner) (Claim, error) {
		var c Claim
		var name, grounds, note []byte
		var at, moved int64
		if err := s.Scan(&c.ID, &c.Case, &c.Claimant, &c.Vendor, &name, &c.Amount.Currency, &c.Amount.Minor, &grounds, &c.State, &c.Version, &c.Settled.Minor,
			&note, &c.By, &at, &moved); err != nil {
			return Claim{}, err
		}
		c.Settled.Currency = c.Amount.Currency
		c.At, c.MovedAt = db.Time(at), db.Time(moved)
		o := opener{r: r}
		c.Name, c.Grounds, c.Note = o.open(name, claimAt("name", c.ID)), o.open(grounds, claimAt("grounds", c.ID)), o.open(note, claimAt("note", c.ID))
		return c, o.err
	}
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

// read is a case with its clauses.
func read(ctx context.Context, r db.Reader, id ID) (Case, error) {
	c, err := found(db.One(ctx, r, scanCase(r), selectCase, string(id)))
	if err != nil {
		return Case{}, err
	}
	c.Clauses, err = db.All(ctx, r, db.Column[string], selectClauses, string(id))
	return c, err
}

func readMeasure(ctx context.Context, r db.Reader, id MeasureID) (Measure, error) {
	return found(db.One(ctx, r, scanMeasure(r), selectMeasure, string(id)))
}

// Measures are the measures of a case, in the order in which they were planned.
func measuresOf(ctx context.Context, r db.Reader, id ID) ([]Measure, error) {
	return db.All(ctx, r, scanMeasure(r), selectMeasures, string(id))
}
