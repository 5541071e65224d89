package review

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Erase takes the words out of the reviews and replies of an account whose trades
// need not be kept any longer, with every earlier version. The stars stay and count:
// that somebody gave them is not taken back (ECL 39).
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	if removed, err = db.Blank(ctx, tx, reviewIDsOf, string(id), eraseEdits, func(review string) string { return editAt(ID(review)) }); err != nil {
		return removed, err
	}
	for _, q := range []string{eraseWords, eraseReplies} {
		n, err := tx.Exec(ctx, q, string(id))
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

const (
	reviewIDsOf  = `SELECT id FROM review_review WHERE account = $1 ORDER BY id`
	eraseEdits   = `UPDATE review_edit SET words_sealed = $1 WHERE review = $2`
	eraseWords   = `UPDATE review_review SET words = '' WHERE account = $1 AND words <> ''`
	eraseReplies = `UPDATE review_reply SET words = '' WHERE account = $1 AND words <> ''`
)
