package delivery

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
)

const cols = `id, action, entitlement, order_id, line, account, vendor, product, plan, plan_code, slug, name, dialect, file,
	quantity, term_unit, term_count, test, state, instance, website, admin_url, notes_sealed, reason, attempts,
	created_at, started_at, delivered_at, received_at`

const (
	insertDelivery = `INSERT INTO delivery_delivery (id, action, entitlement, order_id, line, account, vendor, product, plan, plan_code, slug, name,
			dialect, file, quantity, term_unit, term_count, test, fields_sealed, state, instance, website, admin_url, notes_sealed, reason,
			attempts, licence_seq, created_at, started_at, delivered_at, received_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, '', 0, 0, $25, 0, 0, 0)
		ON CONFLICT DO NOTHING`
	selectDelivery      = `SELECT ` + cols + ` FROM delivery_delivery WHERE id = $1`
	selectOfLine        = `SELECT ` + cols + ` FROM delivery_delivery WHERE line = $1 AND action = $2`
	selectOfEntitlement = `SELECT ` + cols + ` FROM delivery_delivery WHERE entitlement = $1 ORDER BY id`
	selectOfOrder       = `SELECT ` + cols + ` FROM delivery_delivery WHERE order_id = $1 ORDER BY id`
	selectOfVendor      = `SELECT ` + cols + ` FROM delivery_delivery WHERE vendor = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4`
	selectInState       = `SELECT ` + cols + ` FROM delivery_delivery WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3`
	selectFields        = `SELECT fields_sealed FROM delivery_delivery WHERE id = $1`
	selectSeq           = `SELECT licence_seq FROM delivery_delivery WHERE id = $1`

	beginAttempt = `UPDATE delivery_delivery SET state = 'running', started_at = $1 WHERE id = $2 AND state = 'pending'`
	countAttempt = `UPDATE delivery_delivery SET attempts = attempts + 1 WHERE id = $1`
	markDone     = `UPDATE delivery_delivery SET state = 'delivered', delivered_at = $1, instance = $2, website = $3, admin_url = $4, notes_sealed = $5
		WHERE id = $6 AND state = $7`
	markFailed     = `UPDATE delivery_delivery SET state = 'failed', reason = $1 WHERE id = $2 AND state IN ('pending', 'running', 'manual')`
	reopen         = `UPDATE delivery_delivery SET state = 'running', reason = '', started_at = $1 WHERE id = $2 AND state = 'failed' AND action <> 'create'`
	selectAccepted = `SELECT COALESCE(MIN(c.at), 0) FROM delivery_receipt c JOIN delivery_delivery d ON d.id = c.delivery
		WHERE d.line = $1 AND d.action = 'create' AND c.event = 'confirmed'`
	markReceived = `UPDATE delivery_delivery SET received_at = $1 WHERE id = $2 AND received_at = 0 AND state = 'delivered'`
	refresh      = `UPDATE delivery_delivery SET instance = $1, website = $2, admin_url = $3, notes_sealed = $4 WHERE id = $5 AND state = 'delivered'`
	nextSeq      = `UPDATE delivery_delivery SET licence_seq = licence_seq + 1 WHERE id = $1`

	insertAttempt = `INSERT INTO delivery_attempt (id, delivery, number, dialect, action, at, duration, status, request_id, outcome, error, request_sealed, response_sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	selectAttempts = `SELECT id, delivery, number, dialect, action, at, duration, status, request_id, outcome, error, request_sealed, response_sealed
		FROM delivery_attempt WHERE delivery = $1 ORDER BY number`

	insertReceipt  = `INSERT INTO delivery_receipt (id, delivery, event, at, actor, sha256) VALUES ($1, $2, $3, $4, $5, $6)`
	selectReceipts = `SELECT delivery, event, at, actor, sha256 FROM delivery_receipt WHERE delivery = $1 ORDER BY id`

	upsertCredential = `INSERT INTO delivery_credential (delivery, position, name, secret, value_sealed) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (delivery, position) DO UPDATE SET name = excluded.name, secret = excluded.secret, value_sealed = excluded.value_sealed`
	trimCredentials   = `DELETE FROM delivery_credential WHERE delivery = $1 AND position >= $2`
	selectCredentials = `SELECT position, name, secret, value_sealed FROM delivery_credential WHERE delivery = $1 ORDER BY position`

	insertDownload  = `INSERT INTO delivery_download (id, delivery, file, sha256, account, actor, session, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	selectDownloads = `SELECT file, sha256, actor, session, at FROM delivery_download WHERE delivery = $1 ORDER BY id DESC LIMIT 500`

	insertKey = `INSERT INTO delivery_key (purpose, kid, public, private_sealed, created_at) VALUES ('licence', $1, $2, $3, $4) ON CONFLICT DO NOTHING`
	selectKey = `SELECT kid, public, private_sealed FROM delivery_key WHERE purpose = 'licence'`

	insertNumber = `INSERT INTO delivery_number (product, number) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectNumber = `SELECT number FROM delivery_number WHERE product = $1`
)

// The places that sealed fields are stored at.
func fieldsAt(id ID) string     { return "delivery_delivery.fields/" + string(id) }
func notesAt(id ID) string      { return "delivery_delivery.notes/" + string(id) }
func credentialAt(id ID) string { return "delivery_credential.value/" + string(id) }
func bodyAt(id ID) string       { return "delivery_attempt.body/" + string(id) }

const keyAt = "delivery_key.private/licence"

func scan(r db.Reader) func(db.Scanner) (Delivery, error) {
	return func(s db.Scanner) (Delivery, error) {
		var d Delivery
		var notes []byte
		var created, started, delivered, received int64
		err := s.Scan(&d.ID, &d.Action, &d.Entitlement, &d.Order, &d.Line, &d.Account, &d.Vendor, &d.Product, &d.Plan, &d.PlanCode, &d.Slug, &d.Name,
			&d.Dialect, &d.File, &d.Quantity, &d.Term.Unit, &d.Term.Count, &d.Test, &d.State, &d.Instance, &d.Website, &d.AdminURL, &notes,
			&d.Reason, &d.Attempts, &created, &started, &delivered, &received)
		if err != nil {
			return d, err
		}
		d.CreatedAt, d.StartedAt, d.DeliveredAt, d.ReceivedAt = db.Time(created), db.Time(started), db.Time(delivered), db.Time(received)
		d.Notes, err = r.Keys().Open(notes, notesAt(d.ID))
		return d, err
	}
}

// Read returns a delivery, whoever asks; for people use [Get].
func Read(ctx context.Context, r db.Reader, id ID) (Delivery, error) {
	return found(db.One(ctx, r, scan(r), selectDelivery, string(id)))
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}
