package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"yunshi/internal/base/cn"
	"yunshi/internal/base/db"
)

// emailIndex names the blind index of e-mail addresses. Changing it would lose
// every user.
const emailIndex = "account_user.email"

const accountCols = `id, kind, subject_type, display_name_sealed, state, consumer, locale, created_at`

const (
	sqlInsertAccount = `INSERT INTO account_account (` + accountCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`
	sqlGetAccount    = `SELECT ` + accountCols + ` FROM account_account WHERE id = $1`
	sqlOperator      = `SELECT id FROM account_account WHERE kind = 'operator'`
	sqlListAccounts  = `SELECT ` + accountCols + ` FROM account_account WHERE id > $1 ORDER BY id LIMIT $2`
	sqlChoosable     = `SELECT ` + accountCols + ` FROM account_account WHERE id = $1
		OR id IN (SELECT account FROM account_member WHERE user_id = $2) ORDER BY id`
	sqlMoveAccount  = `UPDATE account_account SET state = $1 WHERE id = $2 AND state = $3`
	sqlInsertMember = `INSERT INTO account_member (account, user_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
)

func scanAccount(r db.Reader) func(db.Scanner) (Account, error) {
	return func(s db.Scanner) (Account, error) {
		var a Account
		var name []byte
		var created int64
		if err := s.Scan(&a.ID, &a.Kind, &a.SubjectType, &name, &a.State, &a.Consumer, &a.Locale, &created); err != nil {
			return Account{}, err
		}
		a.CreatedAt = db.Time(created)
		var err error
		a.DisplayName, err = r.Keys().Open(name, "account_account.display_name/"+string(a.ID))
		return a, err
	}
}

const userCols = `id, account, name_sealed, email_sealed, roles, locale, state, created_at`

const (
	sqlInsertUser = `INSERT INTO account_user (id, account, name_sealed, email_sealed, email_index, mobile_sealed, roles, locale, state, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'active', $9) ON CONFLICT (email_index) DO NOTHING`
	sqlGetUser    = `SELECT ` + userCols + ` FROM account_user WHERE id = $1`
	sqlUsers      = `SELECT ` + userCols + ` FROM account_user WHERE account = $1 ORDER BY id`
	sqlInsertHash = `INSERT INTO account_credential (user_id, password_hash, changed_at) VALUES ($1, $2, $3)`
	sqlSignIn     = `SELECT u.id, u.account, c.password_hash FROM account_user u JOIN account_credential c ON c.user_id = u.id
		WHERE u.email_index = $1 AND u.state = 'active'`
)

// scanUser also returns the full e-mail address, which never leaves the package
// but as a Contact.
func scanUser(r db.Reader) func(db.Scanner) (userRow, error) {
	return func(s db.Scanner) (userRow, error) {
		var u userRow
		var name, email []byte
		var roles string
		var created int64
		if err := s.Scan(&u.ID, &u.Account, &name, &email, &roles, &u.Locale, &u.State, &created); err != nil {
			return userRow{}, err
		}
		u.Roles, u.CreatedAt = strings.Fields(roles), db.Time(created)
		var err1, err2 error
		u.Name, err1 = r.Keys().Open(name, "account_user.name/"+string(u.ID))
		u.email, err2 = r.Keys().Open(email, "account_user.email/"+string(u.ID))
		u.EmailMasked = cn.MaskEmail(u.email)
		return u, errors.Join(err1, err2)
	}
}

type userRow struct {
	User
	email string
}

const (
	sqlInsertDevice  = `INSERT INTO account_device (id, user_id, token_hash, created_at) VALUES ($1, $2, $3, $4)`
	sqlKnownDevice   = `SELECT id FROM account_device WHERE user_id = $1 AND token_hash = $2`
	sqlCountDevices  = `SELECT COUNT(*) FROM account_device WHERE user_id = $1`
	sqlInsertSession = `INSERT INTO account_session (id, token_hash, account, user_id, device, method, ip_sealed, user_agent, created_at, expires_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`
	sqlResolveSession = `SELECT id, user_id, method FROM account_session WHERE token_hash = $1 AND ended_at = 0 AND expires_at > $2`
	sqlSessionOwner   = `SELECT user_id FROM account_session WHERE id = $1`
	sqlEndSession     = `UPDATE account_session SET ended_at = $1 WHERE id = $2 AND user_id = $3 AND ended_at = 0`
	sqlSessions       = `SELECT id, method, ip_sealed, user_agent, created_at, expires_at FROM account_session
		WHERE user_id = $1 AND ended_at = 0 AND expires_at > $2 ORDER BY created_at DESC, id`
	sqlInsertLogin = `INSERT INTO account_login (id, email_index, user_id, method, result, ip_sealed, user_agent, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	sqlLoginFailures = `SELECT COUNT(*) FROM account_login WHERE email_index = $1 AND created_at > $2 AND result = 'refused'`
	sqlEmailOf       = `SELECT email_index FROM account_user WHERE id = $1`
)

const keyCols = `id, account, user_id, name, scopes, created_at, revoked_at`

const (
	sqlInsertKey = `INSERT INTO account_api_key (id, secret_hash, account, user_id, name, scopes, created_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`
	sqlResolveKey = `SELECT ` + keyCols + ` FROM account_api_key WHERE secret_hash = $1 AND revoked_at = 0`
	sqlKeys       = `SELECT ` + keyCols + ` FROM account_api_key WHERE account = $1 ORDER BY created_at DESC, id`
	sqlKeyOwner   = `SELECT account FROM account_api_key WHERE id = $1`
	sqlRevokeKey  = `UPDATE account_api_key SET revoked_at = $1 WHERE id = $2 AND account = $3 AND revoked_at = 0`
)

func scanKey(s db.Scanner) (Key, error) {
	var k Key
	var scopes string
	var created, revoked int64
	err := s.Scan(&k.ID, &k.Account, &k.User, &k.Name, &scopes, &created, &revoked)
	k.Scopes, k.CreatedAt, k.RevokedAt = strings.Fields(scopes), db.Time(created), db.Time(revoked)
	return k, err
}

const (
	sqlCapability = `SELECT a.state, COALESCE(r.case_ref, ''), COALESCE(r.until_at, 0) FROM account_account a
		LEFT JOIN account_restriction r ON r.account = a.id AND r.capability = $1 WHERE a.id = $2`
	sqlRestrict = `INSERT INTO account_restriction (account, capability, case_ref, until_at, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account, capability) DO UPDATE SET case_ref = excluded.case_ref, until_at = excluded.until_at, created_at = excluded.created_at`
	sqlLift         = `DELETE FROM account_restriction WHERE account = $1 AND capability = $2`
	sqlRestrictions = `SELECT capability, case_ref, until_at FROM account_restriction WHERE account = $1 ORDER BY capability`

	sqlInsertDenial = `INSERT INTO account_denial (id, account, user_id, session, object, created_at) VALUES ($1, $2, $3, $4, $5, $6)`
	sqlDenials      = `SELECT COUNT(*) FROM account_denial WHERE account = $1`
	sqlProbes       = `SELECT COUNT(*) FROM (SELECT session FROM account_denial WHERE account = $1 GROUP BY session
		HAVING COUNT(DISTINCT object) > $2) probing`
)

// move is the only change of an account's state; false means it was not in from.
func move(ctx context.Context, tx *db.Tx, id ID, from, to State) (bool, error) {
	n, err := tx.Exec(ctx, sqlMoveAccount, to, id, from)
	return n == 1, err
}

// secret makes a token of 256 random bits and the hash under which it is stored.
func secret(rand io.Reader) (token string, hash []byte, err error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(rand, raw); err != nil {
		return "", nil, fmt.Errorf("account: token: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(raw)
	return token, tokenHash(token), nil
}

func tokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}
