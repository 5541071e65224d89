package account

import (
	"context"

	"yunshi/internal/base/cn"
	"yunshi/internal/base/db"
	"yunshi/internal/base/seal"
)

// MarkKind says by what somebody can be known again in another account.
type MarkKind string

// The kinds of marks.
const (
	ByIDNumber       MarkKind = "id_number"
	ByUSCC           MarkKind = "uscc"
	ByBankAccount    MarkKind = "bank_account"
	ByPhone          MarkKind = "phone"
	ByEmail          MarkKind = "email"
	ByDevice         MarkKind = "device"
	ByRepresentative MarkKind = "representative"
)

// Mark is something of a person or organisation, as a keyed hash from which
// nothing but equality can be learnt.
type Mark struct {
	Kind MarkKind
	Hash string
}

// MarkOf is the mark of a value in its canonical form.
func MarkOf(keys *seal.Keys, kind MarkKind, canonical string) Mark {
	return Mark{kind, keys.Index("mark."+string(kind), canonical)}
}

// Occasion is where an account showed marks.
type Occasion string

// The occasions.
const (
	AtRegistration Occasion = "registration"
	AtRealName     Occasion = "real_name"
	AtBankAccount  Occasion = "bank_account"
	AtPhone        Occasion = "phone"
	AtSignIn       Occasion = "sign_in"
	AtNight        Occasion = "nightly"
)

// Screen is asked, in the transaction of the act, when an account shows marks. An
// error refuses the act. It stands here, before the package that answers it.
type Screen func(ctx context.Context, tx *db.Tx, of ID, at Occasion, marks []Mark) error

// shows asks the screen, if there is one.
func (s Screen) shows(ctx context.Context, tx *db.Tx, of ID, at Occasion, marks ...Mark) error {
	if s == nil || len(marks) == 0 {
		return nil
	}
	return s(ctx, tx, of, at, marks)
}

// profileMarks are those of an address and a telephone number.
func profileMarks(keys *seal.Keys, email cn.Email, mobile cn.Mobile) []Mark {
	marks := []Mark{MarkOf(keys, ByEmail, email.Unique())}
	if mobile.Canonical() != "" {
		marks = append(marks, MarkOf(keys, ByPhone, mobile.Canonical()))
	}
	return marks
}

// MarksOf are the marks of the people and browsers of an account, for whoever has
// to know it again.
func MarksOf(ctx context.Context, r db.Reader, id ID) ([]Mark, error) {
	keys := r.Keys()
	users, err := db.All(ctx, r, func(s db.Scanner) ([]Mark, error) {
		var user string
		var email, mobile []byte
		if err := s.Scan(&user, &email, &mobile); err != nil {
			return nil, err
		}
		address, err := keys.Open(email, "account_user.email/"+user)
		if err != nil {
			return nil, err
		}
		number, err := keys.Open(mobile, "account_user.mobile/"+user)
		if err != nil {
			return nil, err
		}
		var marks []Mark
		if e, err := cn.ParseEmail(address); err == nil {
			marks = append(marks, MarkOf(keys, ByEmail, e.Unique()))
		}
		if number != "" {
			marks = append(marks, MarkOf(keys, ByPhone, number))
		}
		return marks, nil
	}, sqlMarks, id)
	if err != nil {
		return nil, err
	}
	devices, err := db.All(ctx, r, func(s db.Scanner) ([]Mark, error) {
		var hash []byte
		err := s.Scan(&hash)
		return []Mark{MarkOf(keys, ByDevice, string(hash))}, err
	}, sqlDevices, id)
	var out []Mark
	for _, some := range append(users, devices...) {
		out = append(out, some...)
	}
	return out, err
}

const (
	sqlMarks   = `SELECT id, email_sealed, mobile_sealed FROM account_user WHERE account = $1 ORDER BY id`
	sqlDevices = `SELECT d.token_hash FROM account_device d JOIN account_user u ON u.id = d.user_id WHERE u.account = $1 ORDER BY d.id`
)
