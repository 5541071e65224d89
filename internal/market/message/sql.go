package message

import (
	"encoding/json"

	"yunshi/internal/base/db"
)

const cols = `id, account, code, content_sealed, content_sha256, link, created_at, read_at`

const (
	sqlInsert = `INSERT INTO message_notice (id, account, code, content_sealed, content_sha256, link, created_at, read_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`
	sqlInbox    = `SELECT ` + cols + ` FROM message_notice WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	sqlGet      = `SELECT ` + cols + ` FROM message_notice WHERE id = $1`
	sqlSince    = `SELECT ` + cols + ` FROM message_notice WHERE account = $1 AND created_at >= $2 ORDER BY created_at, id`
	sqlMails    = `SELECT state, sent_at, receipt FROM message_delivery WHERE notice = $1 ORDER BY created_at, id`
	sqlUnread   = `SELECT COUNT(*) FROM message_notice WHERE account = $1 AND read_at = 0`
	sqlMarkRead = `UPDATE message_notice SET read_at = $1 WHERE id = $2 AND account = $3 AND read_at = 0`
	sqlOwner    = `SELECT account FROM message_notice WHERE id = $1`

	sqlInsertDelivery = `INSERT INTO message_delivery (id, notice, user_id, channel, state, receipt, created_at, sent_at)
		VALUES ($1, $2, $3, 'mail', 'queued', '', $4, 0)`
	sqlGetDelivery  = `SELECT notice, user_id, state FROM message_delivery WHERE id = $1`
	sqlMoveDelivery = `UPDATE message_delivery SET state = $1, receipt = $2, sent_at = $3 WHERE id = $4 AND state = 'queued'`
)

func place(id ID) string { return "message_notice.content/" + string(id) }

func scan(r db.Reader) func(db.Scanner) (Item, error) {
	return func(s db.Scanner) (Item, error) {
		var v Item
		var sealed []byte
		var created, read int64
		if err := s.Scan(&v.ID, &v.Account, &v.Code, &sealed, &v.SHA256, &v.Link, &created, &read); err != nil {
			return Item{}, err
		}
		v.CreatedAt, v.ReadAt = db.Time(created), db.Time(read)
		plain, err := r.Keys().Open(sealed, place(v.ID))
		if err != nil {
			return Item{}, err
		}
		return v, json.Unmarshal([]byte(plain), &v.content)
	}
}

type delivery struct {
	notice      ID
	user, state string
}

func scanDelivery(s db.Scanner) (delivery, error) {
	var v delivery
	return v, s.Scan(&v.notice, &v.user, &v.state)
}
