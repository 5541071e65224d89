package evidence

import "yunshi/internal/base/db"

const (
	cols = `id, order_id, addressee, account, asked_kind, asked_by, reason, state, step, done, total, manifest_sha256, record, blob, sha256, size, asked_at, ended_at`

	insertPack = `INSERT INTO evidence_pack (` + cols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'building', '', 0, $8, '', '', '', '', 0, $9, 0) ON CONFLICT DO NOTHING`
	selectPack     = `SELECT ` + cols + ` FROM evidence_pack WHERE id = $1`
	selectBuilding = `SELECT ` + cols + ` FROM evidence_pack WHERE order_id = $1 AND addressee = $2 AND account = $3 AND state = 'building'`
	selectOfOrder  = `SELECT ` + cols + ` FROM evidence_pack WHERE order_id = $1 ORDER BY id DESC LIMIT 50`

	stepPack   = `UPDATE evidence_pack SET step = $1, done = $2, total = $3 WHERE id = $4 AND state = 'building'`
	sealPack   = `UPDATE evidence_pack SET manifest_sha256 = $1, record = $2, step = 'seal', done = $3 WHERE id = $4 AND state = 'building'`
	finishPack = `UPDATE evidence_pack SET state = 'ready', step = '', done = total, blob = $1, sha256 = $2, size = $3, ended_at = $4
		WHERE id = $5 AND state = 'building' AND record = $6`
	failPack   = `UPDATE evidence_pack SET state = 'failed', step = '', ended_at = $1 WHERE id = $2 AND state = 'building'`
	expirePack = `UPDATE evidence_pack SET state = 'expired', blob = '' WHERE id = $1 AND state = 'ready'`
)

func scan(s db.Scanner) (Pack, error) {
	var p Pack
	var asked, ended int64
	err := s.Scan(&p.ID, &p.Order, &p.For, &p.Account, &p.AskedKind, &p.AskedBy, &p.Reason, &p.State, &p.Step, &p.Done, &p.Total,
		&p.Manifest, &p.Record, &p.Blob, &p.SHA256, &p.Size, &asked, &ended)
	p.AskedAt, p.EndedAt = db.Time(asked), db.Time(ended)
	return p, err
}
