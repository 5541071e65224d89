package identity

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
)

// numberIndex names the blind index of document numbers.
const numberIndex = "identity_case.number"

const cols = `id, account, subject_type, id_kind, name_sealed, number_sealed, mobile_sealed, email_sealed, bank_account_sealed,
	legal_representative_sealed, state, checker, reason, submitted_at, decided_by, decided_at, valid_to`

const (
	sqlInsert = `INSERT INTO identity_case (id, account, subject_type, id_kind, name_sealed, number_sealed, number_index, mobile_sealed, email_sealed,
		bank_account_sealed, legal_representative_sealed, consent_at, state, checker, provider_hash, reason, submitted_by, submitted_at, decided_by, decided_at, valid_to)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'pending', '', '', '', $13, $14, '', 0, 0) ON CONFLICT DO NOTHING`
	sqlGet    = `SELECT ` + cols + ` FROM identity_case WHERE id = $1`
	sqlLatest = `SELECT ` + cols + ` FROM identity_case WHERE account = $1 ORDER BY submitted_at DESC, id DESC LIMIT 1`
	// A renewed verification that is still open does not take the older one away.
	sqlLatestVerified = `SELECT ` + cols + ` FROM identity_case WHERE account = $1 AND state = 'verified' ORDER BY decided_at DESC, id DESC LIMIT 1`
	sqlQueue          = `SELECT ` + cols + ` FROM identity_case WHERE state = 'pending' ORDER BY submitted_at, id LIMIT 500`
	sqlSame           = `SELECT COUNT(*) FROM identity_case a JOIN identity_case b ON b.number_index = a.number_index
		WHERE a.account = $1 AND b.account = $2 AND a.state <> 'failed' AND b.state <> 'failed'`
	sqlReuse   = `SELECT COUNT(DISTINCT account) FROM identity_case WHERE number_index = $1 AND state IN ('pending', 'verified') AND account <> $2`
	sqlChecked = `UPDATE identity_case SET checker = $1, provider_hash = $2 WHERE id = $3 AND state = 'pending'`
	sqlMove    = `UPDATE identity_case SET state = $1, reason = $2, decided_by = $3, decided_at = $4, valid_to = $5 WHERE id = $6 AND state = 'pending'`
)

type row struct {
	Case
	plain Fields
}

// sealedField is one encrypted column of a row.
type sealedField struct {
	column string
	value  *string
	bytes  []byte
}

// sealedFields lists the encrypted columns in the order of cols.
func sealedFields(f *Fields) []sealedField {
	return []sealedField{
		{column: "name", value: &f.Name}, {column: "number", value: &f.Number}, {column: "mobile", value: &f.Mobile},
		{column: "email", value: &f.Email}, {column: "bank_account", value: &f.BankAccount},
		{column: "legal_representative", value: &f.LegalRepresentative},
	}
}

// place binds a ciphertext to its column and row.
func (s sealedField) place(id ID) string { return "identity_case." + s.column + "/" + string(id) }

func scan(r db.Reader) func(db.Scanner) (row, error) {
	return func(s db.Scanner) (row, error) {
		var v row
		var submitted, decided, valid int64
		sealed := sealedFields(&v.plain)
		dest := []any{&v.ID, &v.Account, &v.SubjectType, &v.IDKind}
		for i := range sealed {
			dest = append(dest, &sealed[i].bytes)
		}
		dest = append(dest, &v.State, &v.Checker, &v.Reason, &submitted, &v.DecidedBy, &decided, &valid)
		if err := s.Scan(dest...); err != nil {
			return row{}, err
		}
		for _, f := range sealed {
			plain, err := r.Keys().Open(f.bytes, f.place(v.ID))
			if err != nil {
				return row{}, err
			}
			*f.value = plain
		}
		v.SubmittedAt, v.DecidedAt, v.ValidTo = db.Time(submitted), db.Time(decided), db.Time(valid)
		m := v.plain.masked()
		v.Name, v.Number, v.Mobile = m.Name, m.Number, m.Mobile
		v.Email, v.BankAccount, v.LegalRepresentative = m.Email, m.BankAccount, m.LegalRepresentative
		if v.IDKind == USCC { // an organisation's name and code are public
			v.Name, v.Number = v.plain.Name, v.plain.Number
		}
		return v, nil
	}
}

func get(ctx context.Context, r db.Reader, id ID) (row, error) {
	v, err := db.One(ctx, r, scan(r), sqlGet, id)
	if errors.Is(err, db.ErrNoRow) {
		return row{}, ErrNotFound
	}
	return v, err
}
