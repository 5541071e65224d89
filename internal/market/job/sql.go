package job

import (
	"encoding/json"

	"yunshi/internal/base/db"
)

const (
	insertJob = `INSERT INTO job_job (id, kind, object, name, payload, state, due_at, lease_until, token, attempt, enqueued_at, ended_at, error)
		VALUES ($1, $2, $3, $4, $5, 'waiting', $6, 0, 0, 0, $7, 0, '') ON CONFLICT DO NOTHING`
	cancelJob = `UPDATE job_job SET state = 'cancelled', ended_at = $1 WHERE kind = $2 AND object = $3 AND name = $4 AND state = 'waiting'`

	// Two index scans, so that each uses its partial index.
	selectDue = `SELECT ` + cols + ` FROM job_job WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT $2`
	selectOut = `SELECT ` + cols + ` FROM job_job WHERE state = 'running' AND lease_until < $1 ORDER BY lease_until LIMIT $2`
	leaseJob  = `UPDATE job_job SET state = 'running', lease_until = $1, token = token + 1
		WHERE id = $2 AND token = $3 AND ((state = 'waiting' AND due_at <= $4) OR (state = 'running' AND lease_until < $4))`

	extendJob = `UPDATE job_job SET lease_until = $1 WHERE id = $2 AND token = $3 AND state = 'running'`
	endJob    = `UPDATE job_job SET state = 'done', lease_until = 0, error = '', ended_at = $1 WHERE id = $2 AND token = $3 AND state = 'running'`
	failJob   = `UPDATE job_job SET state = 'failed', lease_until = 0, error = $1, ended_at = $2, attempt = attempt + 1 WHERE id = $3 AND token = $4 AND state = 'running'`
	// A twin that was enqueued meanwhile takes over: two may not wait.
	retryJob = `UPDATE job_job SET state = 'waiting', lease_until = 0, error = $1, due_at = $2, attempt = attempt + $3
		WHERE id = $4 AND token = $5 AND state = 'running' AND (name = '' OR NOT EXISTS (
			SELECT 1 FROM job_job twin WHERE twin.kind = job_job.kind AND twin.object = job_job.object AND twin.name = job_job.name AND twin.state = 'waiting'))`
	againJob = `UPDATE job_job SET state = 'waiting', attempt = 0, due_at = $1, ended_at = 0 WHERE id = $2 AND state = 'failed' AND (name = '' OR NOT EXISTS (
			SELECT 1 FROM job_job twin WHERE twin.kind = job_job.kind AND twin.object = job_job.object AND twin.name = job_job.name AND twin.state = 'waiting'))`

	selectBacklog = `SELECT
		COUNT(CASE WHEN state = 'waiting' AND due_at <= $1 THEN 1 END),
		COUNT(CASE WHEN state = 'running' THEN 1 END),
		COUNT(CASE WHEN state = 'failed' THEN 1 END),
		COALESCE(MIN(CASE WHEN state = 'waiting' AND due_at <= $1 THEN due_at END), 0),
		COALESCE(MIN(CASE WHEN state = 'running' AND lease_until < $1 THEN lease_until END), 0)
		FROM job_job WHERE state IN ('waiting', 'running', 'failed')`

	cols           = `id, kind, object, name, token, attempt, payload, enqueued_at`
	selectFailed   = `SELECT ` + cols + `, state, due_at, error FROM job_job WHERE state = 'failed' ORDER BY ended_at DESC, id DESC LIMIT $1`
	selectOfObject = `SELECT ` + cols + `, state, due_at, error FROM job_job WHERE object = $1 ORDER BY enqueued_at DESC, id DESC LIMIT 100`
)

func fields(j *Job, payload *string, enqueued *int64) []any {
	return []any{&j.ID, &j.Kind, &j.Object, &j.Name, &j.Token, &j.Attempt, payload, enqueued}
}

func scanJob(s db.Scanner) (Job, error) {
	var j Job
	var payload string
	var enqueued int64
	err := s.Scan(fields(&j, &payload, &enqueued)...)
	j.Payload, j.EnqueuedAt = json.RawMessage(payload), db.Time(enqueued)
	return j, err
}

func scanStuck(s db.Scanner) (Stuck, error) {
	var k Stuck
	var payload string
	var enqueued, due int64
	err := s.Scan(append(fields(&k.Job, &payload, &enqueued), &k.State, &due, &k.Error)...)
	k.Payload, k.EnqueuedAt, k.DueAt = json.RawMessage(payload), db.Time(enqueued), db.Time(due)
	return k, err
}

func scanBacklog(s db.Scanner) (Backlog, error) {
	var b Backlog
	var oldest, expired int64
	err := s.Scan(&b.Due, &b.Running, &b.Failed, &oldest, &expired)
	b.Oldest, b.Expired = db.Time(oldest), db.Time(expired)
	return b, err
}
