package message

import (
	"errors"

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
		return v, r.Keys().OpenJSON(sealed, place(v.ID), &v.bodies)
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

const (
	threadCols   = `id, about, about_id, customer, other, subject_sealed, opened_at, posts, last_at`
	insertThread = `INSERT INTO message_thread (id, about, about_id, customer, other, subject_sealed, opened_by, opened_at, posts, last_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9) ON CONFLICT DO NOTHING`
	countPost         = `UPDATE message_thread SET posts = $1, last_at = $2 WHERE id = $3 AND posts = $4`
	selectThread      = `SELECT ` + threadCols + ` FROM message_thread WHERE id = $1`
	selectThreadAbout = `SELECT ` + threadCols + ` FROM message_thread WHERE about = $1 AND about_id = $2 AND customer = $3 AND about <> 'support'`
	selectThreads     = `SELECT ` + threadCols + ` FROM message_thread t WHERE (t.customer = $1 OR t.other = $2)
		AND NOT EXISTS (SELECT 1 FROM message_thread c WHERE c.id = $3 AND (t.last_at > c.last_at OR t.last_at = c.last_at AND t.id >= c.id))
		ORDER BY t.last_at DESC, t.id DESC LIMIT $4`
	selectWaiting = `SELECT ` + threadCols + ` FROM message_thread WHERE id IN (SELECT thread FROM message_post WHERE reader = $1 AND read_at = 0 AND state = 'sent')
		ORDER BY last_at, id LIMIT $2`

	postCols   = `id, thread, seq, side, author, by_user, state, text_sealed, text_sha256, sensitive, outside, clause, reason, at, read_at`
	insertPost = `INSERT INTO message_post (id, thread, seq, side, author, by_user, reader, state, text_sealed, text_sha256, sensitive, outside, clause, reason, at, read_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', '', $13, 0)`
	blockPost      = `UPDATE message_post SET state = 'blocked', text_sealed = $1, clause = $2, reason = $3 WHERE id = $4 AND state IN ('sent', 'held')`
	restorePost    = `UPDATE message_post SET state = 'sent', text_sealed = $1, clause = '', reason = '' WHERE id = $2 AND state IN ('held', 'blocked')`
	markSeen       = `UPDATE message_post SET read_at = $1 WHERE thread = $2 AND reader = $3 AND read_at = 0 AND state = 'sent'`
	selectPost     = `SELECT ` + postCols + ` FROM message_post WHERE id = $1`
	selectPosts    = `SELECT ` + postCols + ` FROM message_post WHERE thread = $1 ORDER BY seq`
	selectLast     = `SELECT ` + postCols + ` FROM message_post WHERE thread = $1 AND state = 'sent' ORDER BY seq DESC LIMIT 1`
	unreadPosts    = `SELECT COUNT(*) FROM message_post WHERE reader = $1 AND read_at = 0 AND state = 'sent'`
	unreadOfThread = `SELECT COUNT(*) FROM message_post WHERE thread = $1 AND reader = $2 AND read_at = 0 AND state = 'sent'`

	attachmentCols    = `id, name_sealed, media_type, size, sha256, blob`
	insertAttachment  = `INSERT INTO message_attachment (id, post, name_sealed, media_type, size, sha256, blob) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	selectAttachments = `SELECT ` + attachmentCols + ` FROM message_attachment WHERE post = $1 ORDER BY id`
)

func subjectAt(id ThreadID) string  { return "message_thread.subject/" + string(id) }
func postAt(id PostID) string       { return "message_post.text/" + string(id) }
func attachmentAt(id string) string { return "message_attachment.name/" + id }

func scanThread(r db.Reader) func(db.Scanner) (Thread, error) {
	return func(s db.Scanner) (t Thread, err error) {
		var subject []byte
		var opened, last int64
		if err := s.Scan(&t.ID, &t.About.Topic, &t.About.ID, &t.Customer, &t.Other, &subject, &opened, &t.Posts, &last); err != nil {
			return t, err
		}
		t.OpenedAt, t.LastAt = db.Time(opened), db.Time(last)
		t.Subject, err = r.Keys().Open(subject, subjectAt(t.ID))
		return t, err
	}
}

func scanPost(r db.Reader) func(db.Scanner) (Post, error) {
	return func(s db.Scanner) (p Post, err error) {
		var sealed []byte
		var at, read int64
		if err := s.Scan(&p.ID, &p.Thread, &p.Seq, &p.Side, &p.Author, &p.User, &p.State, &sealed, &p.SHA256, &p.Sensitive, &p.Outside, &p.Clause, &p.Reason,
			&at, &read); err != nil {
			return p, err
		}
		p.At, p.ReadAt = db.Time(at), db.Time(read)
		p.Text, err = r.Keys().Open(sealed, postAt(p.ID))
		return p, err
	}
}

func scanAttachment(r db.Reader) func(db.Scanner) (Attachment, error) {
	return func(s db.Scanner) (f Attachment, err error) {
		var sealed []byte
		if err := s.Scan(&f.ID, &sealed, &f.MediaType, &f.Size, &f.SHA256, &f.Blob); err != nil {
			return f, err
		}
		f.Name, err = r.Keys().Open(sealed, attachmentAt(f.ID))
		return f, err
	}
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}
