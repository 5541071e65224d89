package operation

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Erase empties what an account wrote against the causes of interruptions, and the
// answers, when its trades need not be kept any longer. The hash of the text stays.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	all, err := db.All(ctx, tx, db.Column[string], contestIDsOf, id)
	if err != nil {
		return 0, err
	}
	for _, one := range all {
		text, err := tx.Keys().Seal("", contestAt(ID(one)))
		if err != nil {
			return removed, err
		}
		answer, err := tx.Keys().Seal("", answerAt(ID(one)))
		if err != nil {
			return removed, err
		}
		n, err := tx.Exec(ctx, eraseContest, text, answer, one)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

const (
	contestIDsOf = `SELECT id FROM operation_contest WHERE account = $1 ORDER BY id`
	eraseContest = `UPDATE operation_contest SET text_sealed = $1, answer_sealed = $2 WHERE id = $3`
)
