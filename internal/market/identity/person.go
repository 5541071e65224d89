package identity

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// BankNeeded reports whether the verification of a subject asks for a bank
// account, where the law limits it to what is needed.
func BankNeeded(of account.SubjectType, onNeed bool) bool { return bankNeeded(of, onNeed) }

// PersonalOf returns the plain fields of the account's verification that holds;
// empty ones when it has none. Only package privacy calls it, as
// [account.PersonalOf].
func PersonalOf(ctx context.Context, r db.Reader, id account.ID) (Fields, error) {
	v, err := db.One(ctx, r, scan(r), sqlLatestVerified, id)
	if errors.Is(err, db.ErrNoRow) {
		return Fields{}, nil
	}
	return v.plain, err
}

// Erase empties the sealed fields of an account's cases. That there was a
// verification, when and by whom, stays; so does the keyed hash of the number
// where ban says that the law wants the person recognised again.
func Erase(ctx context.Context, tx *db.Tx, id account.ID, ban bool) (int64, error) {
	rows, err := db.All(ctx, tx, scan(tx), sqlOfAccount, id)
	if err != nil {
		return 0, err
	}
	var removed int64
	for _, v := range rows {
		empty := Fields{}
		sealed := sealedFields(&empty)
		for i, f := range sealed {
			if sealed[i].bytes, err = tx.Keys().Seal("", f.place(v.ID)); err != nil {
				return removed, err
			}
		}
		n, err := tx.Exec(ctx, sqlErase, sealed[0].bytes, sealed[1].bytes, sealed[2].bytes, sealed[3].bytes, sealed[4].bytes, sealed[5].bytes, v.ID)
		if err != nil {
			return removed, err
		}
		removed += n
		if !ban {
			if _, err := tx.Exec(ctx, sqlForget, v.ID); err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

// Forget takes the keyed hash of the number, too, out of an account's cases.
func Forget(ctx context.Context, tx *db.Tx, id account.ID) (int64, error) {
	return tx.Exec(ctx, sqlForgetAll, id)
}

const (
	sqlOfAccount = `SELECT ` + cols + ` FROM identity_case WHERE account = $1 ORDER BY submitted_at, id`
	sqlErase     = `UPDATE identity_case SET name_sealed = $1, number_sealed = $2, mobile_sealed = $3, email_sealed = $4, bank_account_sealed = $5,
		legal_representative_sealed = $6, reason = '' WHERE id = $7`
	sqlForget    = `UPDATE identity_case SET number_index = '' WHERE id = $1`
	sqlForgetAll = `UPDATE identity_case SET number_index = '' WHERE account = $1 AND number_index <> ''`
)
