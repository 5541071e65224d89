package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/cn"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Personal is who the owner of an account is and how to reach the person. It has
// no JSON form.
type Personal struct {
	Name   string `json:"-"`
	Email  string `json:"-"`
	Mobile string `json:"-"`
}

// PersonalOf returns the plain data of the account's first active owner. Only
// package privacy calls it (a test of package arch keeps that), because what it
// returns leaves the market only with a consent or a disclosure.
func PersonalOf(ctx context.Context, r db.Reader, id ID) (Personal, error) {
	users, err := db.All(ctx, r, scanUser(r), sqlUsers, id)
	if err != nil {
		return Personal{}, err
	}
	for _, u := range users {
		if u.State != Active || !slices.Contains(u.Roles, Owner) {
			continue
		}
		sealed, err := db.Value[[]byte](ctx, r, sqlMobile, u.ID)
		if err != nil {
			return Personal{}, err
		}
		mobile, err := r.Keys().Open(sealed, "account_user.mobile/"+string(u.ID))
		return Personal{Name: u.Name, Email: u.email, Mobile: mobile}, err
	}
	return Personal{}, ErrNotFound
}

// Attempt is an attempt to sign in, as the log keeps it.
type Attempt struct {
	At     time.Time
	IP     string `json:"-"`
	Result string
}

// SignIns are the attempts to sign in to an account, oldest first. Only package
// privacy calls it, as [PersonalOf].
func SignIns(ctx context.Context, r db.Reader, id ID) ([]Attempt, error) {
	return db.All(ctx, r, func(s db.Scanner) (a Attempt, err error) {
		var login string
		var sealed []byte
		var at int64
		if err := s.Scan(&login, &a.Result, &sealed, &at); err != nil {
			return a, err
		}
		a.At = db.Time(at)
		a.IP, err = r.Keys().Open(sealed, "account_login.ip/"+login)
		return a, err
	}, sqlAllLogins, id)
}

// Correct changes name and mobile number of the actor's own user, and tells the
// account (N-12). An empty mobile takes the number away.
//
// Clause: PIPL 46 (a person has wrong or missing data corrected).
func Correct(ctx context.Context, tx *db.Tx, by audit.Actor, name, mobile string, words Words) error {
	u, err := GetUser(ctx, tx, UserID(by.User))
	if err != nil {
		return err
	}
	name, mobile = strings.TrimSpace(name), strings.TrimSpace(mobile)
	var faults fault.List
	if name == "" {
		faults = append(faults, ErrRequired.In("name"))
	} else if utf8.RuneCountInString(name) > longestName {
		faults = append(faults, ErrProfileInvalid.In("name"))
	}
	if mobile != "" {
		number, err := cn.ParseMobile(mobile)
		if err != nil {
			faults = append(faults, ErrProfileInvalid.In("mobile"))
		} else {
			mobile = number.Canonical()
		}
	}
	if err := faults.Err(); err != nil {
		return err
	}
	if err := words.Pass(ctx, tx, by, "name", name); err != nil {
		return err
	}
	sealedName, err := tx.Keys().Seal(name, "account_user.name/"+string(u.ID))
	if err != nil {
		return err
	}
	sealedMobile, err := tx.Keys().Seal(mobile, "account_user.mobile/"+string(u.ID))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, sqlCorrectUser, sealedName, sealedMobile, u.ID, Active)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrNotFound
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{Act: "account.corrected", Subjects: []string{string(u.Account), string(u.ID)}, Clauses: []string{"PIPL 46"}}); err != nil {
		return err
	}
	return Notify(ctx, tx, Notice{Code: "N-12", To: u.Account, Link: "/account", Params: map[string]string{"ChangedAt": tx.Now().Format(time.RFC3339), "Items": "profile"}})
}

// Close begins the end of an account that its owner wants closed: from now on it
// only looks and exports. It returns the state to come back to.
func Close(ctx context.Context, tx *db.Tx, id ID) (State, error) {
	a, err := Get(ctx, tx, id)
	if err != nil {
		return "", err
	}
	if a.Kind == Operator || !slices.Contains([]State{Registered, Verified, Restricted}, a.State) {
		return "", ErrForbidden
	}
	ok, err := move(ctx, tx, id, a.State, Closing)
	if err == nil && !ok {
		err = ErrStale
	}
	return a.State, err
}

// Reopen takes a closing back.
func Reopen(ctx context.Context, tx *db.Tx, id ID, to State) error {
	ok, err := move(ctx, tx, id, Closing, to)
	if err == nil && !ok {
		err = ErrStale
	}
	return err
}

// erased stands where a name was.
const erased = "—"

// Erase takes the persons out of an account that has ended: names, addresses,
// numbers, passwords and devices. What remains is an id to which orders and books
// point. Sign-in records stay for as long as logs are kept. A closing account is
// closed afterwards.
func Erase(ctx context.Context, tx *db.Tx, id ID) (int64, error) {
	name, err := tx.Keys().Seal(erased, "account_account.display_name/"+string(id))
	if err != nil {
		return 0, err
	}
	total, err := tx.Exec(ctx, sqlEraseAccount, name, id, Closing, Terminated)
	if err != nil {
		return 0, err
	}
	if total == 0 {
		return 0, ErrStale // an account that goes on is never erased
	}
	users, err := db.All(ctx, tx, scanUser(tx), sqlUsers, id)
	if err != nil {
		return 0, err
	}
	now := db.Micros(tx.Now())
	for _, u := range users {
		var sealed [3][]byte
		for i, column := range []string{"name", "email", "mobile"} {
			if sealed[i], err = tx.Keys().Seal("", "account_user."+column+"/"+string(u.ID)); err != nil {
				return 0, err
			}
		}
		if sealed[0], err = tx.Keys().Seal(erased, "account_user.name/"+string(u.ID)); err != nil {
			return 0, err
		}
		for _, one := range []struct {
			sql  string
			args []any
		}{
			{sqlEraseUser, []any{sealed[0], sealed[1], "erased/" + string(u.ID), sealed[2], Disabled, u.ID}},
			{sqlErasePassword, []any{u.ID}},
			{sqlEndSessions, []any{now, u.ID}},
			{sqlRevokeKeys, []any{now, u.ID}},
		} {
			n, err := tx.Exec(ctx, one.sql, one.args...)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	_, err = move(ctx, tx, id, Closing, Closed)
	return total, err
}

// Expire deletes sessions that are over, sign-in attempts and refused accesses
// that are older than a moment, and browsers nobody has used since.
func Expire(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	for _, q := range []string{sqlExpireLogins, sqlExpireDenials, sqlForgetMisses, sqlExpireBlocks} {
		n, err := tx.Exec(ctx, q, db.Micros(before))
		if err != nil {
			return removed, err
		}
		removed += n
	}
	n, err := tx.Exec(ctx, sqlExpireSessions, db.Micros(before), db.Micros(tx.Now()))
	if err != nil {
		return removed, err
	}
	removed += n
	n, err = tx.Exec(ctx, sqlExpireDevices, db.Micros(before))
	return removed + n, err
}

// PasswordOf is what the actor's own password is compared with, before something
// is done that a session alone should not do. It counts as a sign-in: too many
// wrong ones are RATE_LIMITED.
func PasswordOf(ctx context.Context, r db.Reader, by audit.Actor) (Credential, error) {
	c, err := db.One(ctx, r, func(s db.Scanner) (Credential, error) {
		var c Credential
		return c, s.Scan(&c.User, &c.Account, &c.Hash, &c.email)
	}, sqlOwnPassword, by.User)
	if errors.Is(err, db.ErrNoRow) {
		return Credential{}, ErrNotFound
	}
	if err != nil {
		return Credential{}, err
	}
	return c, limit(ctx, r, c)
}

const (
	sqlMobile    = `SELECT mobile_sealed FROM account_user WHERE id = $1`
	sqlAllLogins = `SELECT l.id, l.result, l.ip_sealed, l.created_at FROM account_login l JOIN account_user u ON u.id = l.user_id
		WHERE u.account = $1 ORDER BY l.created_at, l.id`
	sqlOwnPassword = `SELECT u.id, u.account, c.password_hash, u.email_index FROM account_user u JOIN account_credential c ON c.user_id = u.id
		WHERE u.id = $1 AND u.state = 'active'`

	sqlCorrectUser   = `UPDATE account_user SET name_sealed = $1, mobile_sealed = $2 WHERE id = $3 AND state = $4`
	sqlEraseAccount  = `UPDATE account_account SET display_name_sealed = $1 WHERE id = $2 AND state IN ($3, $4)`
	sqlEraseUser     = `UPDATE account_user SET name_sealed = $1, email_sealed = $2, email_index = $3, mobile_sealed = $4, state = $5 WHERE id = $6`
	sqlErasePassword = `DELETE FROM account_credential WHERE user_id = $1`
	sqlEndSessions   = `UPDATE account_session SET ended_at = $1 WHERE user_id = $2 AND ended_at = 0`
	sqlRevokeKeys    = `UPDATE account_api_key SET name = '—', revoked_at = CASE WHEN revoked_at = 0 THEN $1 ELSE revoked_at END WHERE user_id = $2`

	sqlExpireLogins   = `DELETE FROM account_login WHERE created_at < $1`
	sqlExpireDenials  = `DELETE FROM account_denial WHERE created_at < $1`
	sqlExpireBlocks   = `DELETE FROM account_block WHERE until < $1`
	sqlExpireSessions = `DELETE FROM account_session WHERE created_at < $1 AND (ended_at > 0 OR expires_at < $2)`
	sqlExpireDevices  = `DELETE FROM account_device WHERE created_at < $1 AND id NOT IN (SELECT device FROM account_session)`
)
