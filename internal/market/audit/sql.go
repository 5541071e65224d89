package audit

import (
	"encoding/json"

	"yunshi/internal/base/db"
)

const (
	insertRecord = `INSERT INTO audit_record (id, at, actor_kind, actor, account, session, method, act, subjects, clauses, refusal, data, data_sha256)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	insertSubject = `INSERT INTO audit_subject (subject, record) VALUES ($1, $2)`
	insertPending = `INSERT INTO audit_pending (record, at) VALUES ($1, $2)`

	cols = `r.id, r.at, r.actor_kind, r.actor, r.account, r.session, r.method, r.act, r.subjects, r.clauses, r.refusal, r.data, r.data_sha256`

	selectRecord    = `SELECT ` + cols + ` FROM audit_record r WHERE r.id = $1`
	selectOfSubject = `SELECT ` + cols + ` FROM audit_subject s JOIN audit_record r ON r.id = s.record WHERE s.subject = $1 ORDER BY r.at, r.id LIMIT 500`
	selectMore      = `SELECT ` + cols + ` FROM audit_subject s JOIN audit_record r ON r.id = s.record WHERE s.subject = $1 AND s.record > $2 ORDER BY s.record LIMIT 500`
	selectPending   = `SELECT ` + cols + ` FROM audit_pending p JOIN audit_record r ON r.id = p.record ORDER BY p.record LIMIT $1`
	selectLeaves    = `SELECT ` + cols + `, l.position FROM audit_leaf l JOIN audit_record r ON r.id = l.record WHERE l.position >= $1 ORDER BY l.position LIMIT 2000`

	deletePending = `DELETE FROM audit_pending WHERE record = $1`
	insertLeaf    = `INSERT INTO audit_leaf (position, record) VALUES ($1, $2)`
	insertHash    = `INSERT INTO audit_hash (position, hash) VALUES ($1, $2)`
	selectSize    = `SELECT COALESCE(MAX(position) + 1, 0) FROM audit_leaf`
	selectHash    = `SELECT hash FROM audit_hash WHERE position = $1`
	selectPlace   = `SELECT position FROM audit_leaf WHERE record = $1`

	insertCheckpoint = `INSERT INTO audit_checkpoint (size, at, note) VALUES ($1, $2, $3)`
	selectCheckpoint = `SELECT size, at, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1`

	selectCovering = `SELECT size, at, note FROM audit_checkpoint WHERE size > $1 ORDER BY size LIMIT 1`

	selectWaiting = `SELECT COUNT(*), COALESCE(MIN(at), 0) FROM audit_pending`

	countLost = `SELECT COUNT(*) FROM audit_record r LEFT JOIN audit_leaf l ON l.record = r.id LEFT JOIN audit_pending p ON p.record = r.id
		WHERE (l.record IS NULL AND p.record IS NULL) OR (l.record IS NOT NULL AND p.record IS NOT NULL)`
)

func fields(r *Act, subjects, clauses, data *string) []any {
	return []any{&r.ID, &r.At, &r.Kind, &r.Actor, &r.Account, &r.Session, &r.Method, &r.Act, subjects, clauses, &r.Refusal, data, &r.DataHash}
}

func finish(r *Act, subjects, clauses, data string) error {
	r.Data = json.RawMessage(data)
	if err := json.Unmarshal([]byte(subjects), &r.Subjects); err != nil {
		return err
	}
	return json.Unmarshal([]byte(clauses), &r.Clauses)
}

func scanAct(s db.Scanner) (Act, error) {
	var r Act
	var subjects, clauses, data string
	if err := s.Scan(fields(&r, &subjects, &clauses, &data)...); err != nil {
		return Act{}, err
	}
	return r, finish(&r, subjects, clauses, data)
}

// placed is a record with its position in the log.
type placed struct {
	Act
	position int64
}

func scanPlaced(s db.Scanner) (placed, error) {
	var p placed
	var subjects, clauses, data string
	if err := s.Scan(append(fields(&p.Act, &subjects, &clauses, &data), &p.position)...); err != nil {
		return placed{}, err
	}
	return p, finish(&p.Act, subjects, clauses, data)
}

func scanCheckpoint(s db.Scanner) (Checkpoint, error) {
	var c Checkpoint
	var at int64
	err := s.Scan(&c.Size, &at, &c.Note)
	c.At = db.Time(at)
	return c, err
}
