package review

import (
	"errors"

	"yunshi/internal/base/db"
)

const (
	reviewCols   = `id, product, vendor, account, by_user, order_id, stars, words, words_sha256, state, clause, reason, version, written_at, changed_at`
	insertReview = `INSERT INTO review_review (` + reviewCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', '', 1, $11, $12) ON CONFLICT DO NOTHING`
	changeReview = `UPDATE review_review SET by_user = $1, order_id = $2, stars = $3, words = $4, words_sha256 = $5, state = $6, changed_at = $7, version = version + 1
		WHERE id = $8 AND version = $9 AND state IN ('published', 'withdrawn')`
	withdrawReview = `UPDATE review_review SET state = 'withdrawn', words = '', changed_at = $1, version = version + 1 WHERE id = $2 AND version = $3 AND state = $4`
	blockReview    = `UPDATE review_review SET state = 'blocked', words = '', clause = $1, reason = $2 WHERE id = $3 AND state IN ('published', 'held')`
	restoreReview  = `UPDATE review_review SET state = 'published', words = $1, clause = '', reason = '' WHERE id = $2 AND state IN ('held', 'blocked')`
	selectReview   = `SELECT ` + reviewCols + ` FROM review_review WHERE id = $1`
	selectOf       = `SELECT ` + reviewCols + ` FROM review_review WHERE product = $1 AND account = $2`
	selectShown    = `SELECT ` + reviewCols + ` FROM review_review WHERE product = $1 AND state IN ('published', 'blocked') AND id < $2 ORDER BY id DESC LIMIT $3`
	selectOfVendor = `SELECT ` + reviewCols + ` FROM review_review WHERE vendor = $1 AND state IN ('published', 'blocked') AND id < $2 ORDER BY id DESC LIMIT $3`
	selectNewest   = `SELECT ` + reviewCols + ` FROM review_review WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectStars    = `SELECT product, stars FROM review_review WHERE state = 'published' AND product IN `

	insertEdit = `INSERT INTO review_edit (review, version, act, stars, words_sealed, words_sha256, by_user, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	replyCols   = `id, review, vendor, account, by_user, words, words_sha256, state, clause, reason, version, written_at`
	insertReply = `INSERT INTO review_reply (` + replyCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', 1, $9) ON CONFLICT DO NOTHING`
	changeReply = `UPDATE review_reply SET by_user = $1, words = $2, words_sha256 = $3, state = $4, written_at = $5, version = version + 1
		WHERE id = $6 AND version = $7 AND state = 'published'`
	blockReply      = `UPDATE review_reply SET state = 'blocked', words = '', clause = $1, reason = $2 WHERE id = $3 AND state IN ('published', 'held')`
	restoreReply    = `UPDATE review_reply SET state = 'published', words = $1, clause = '', reason = '' WHERE id = $2 AND state IN ('held', 'blocked')`
	selectReply     = `SELECT ` + replyCols + ` FROM review_reply WHERE review = $1`
	selectReplyByID = `SELECT ` + replyCols + ` FROM review_reply WHERE id = $1`
)

func editAt(id ID) string { return "review_edit.words/" + string(id) }

func scanReview(s db.Scanner) (Review, error) {
	var v Review
	var written, changed int64
	err := s.Scan(&v.ID, &v.Product, &v.Vendor, &v.Account, &v.User, &v.Order, &v.Stars, &v.Words, &v.SHA256, &v.State, &v.Clause, &v.Reason, &v.Version,
		&written, &changed)
	v.WrittenAt, v.ChangedAt = db.Time(written), db.Time(changed)
	return v, err
}

func scanReply(s db.Scanner) (Reply, error) {
	var p Reply
	var written int64
	err := s.Scan(&p.ID, &p.Review, &p.Vendor, &p.Account, &p.User, &p.Words, &p.SHA256, &p.State, &p.Clause, &p.Reason, &p.Version, &written)
	p.WrittenAt = db.Time(written)
	return p, err
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}
