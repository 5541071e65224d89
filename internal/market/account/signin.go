package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"yunshi/internal/base/cn"
	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
)

// Credential is what a password is compared with. For an address that belongs to
// nobody, Hash matches nothing and takes as long to say so.
type Credential struct {
	User    UserID
	Account ID
	Hash    PasswordHash

	email string // blind index
}

// Find looks a sign-in up by e-mail address. It refuses RATE_LIMITED after five
// failures in a quarter of an hour. The caller compares the password outside any
// transaction and then calls [SignIn] or [SignInFailed].
func Find(ctx context.Context, r db.Reader, email string) (Credential, error) {
	c := Credential{Hash: nobody}
	address, err := cn.ParseEmail(email)
	if err != nil {
		return c, nil //nolint:nilerr // what is no address belongs to nobody, and is answered like that
	}
	c.email = r.Keys().Index(emailIndex, address.Unique())
	if err := limit(ctx, r, c); err != nil {
		return Credential{}, err
	}
	found, err := db.One(ctx, r, func(s db.Scanner) (Credential, error) {
		f := Credential{email: c.email}
		return f, s.Scan(&f.User, &f.Account, &f.Hash)
	}, sqlSignIn, c.email)
	if errors.Is(err, db.ErrNoRow) {
		return c, nil
	}
	return found, err
}

func limit(ctx context.Context, r db.Reader, c Credential) error {
	failures, err := db.Value[int64](ctx, r, sqlLoginFailures, c.email, db.Micros(r.Now().Add(-loginWindow)))
	if err != nil {
		return err
	}
	return loginLimited(failures)
}

// SignInFailed counts a wrong password, for a known address and an unknown one
// alike. The caller answers with ErrSignInFailed once the count is committed.
func SignInFailed(ctx context.Context, tx *db.Tx, c Credential, on Device) error {
	return insertLogin(ctx, tx, c, on, "refused")
}

// SignIn opens a session for a credential whose password was found right. The
// limit is asked again, so a hundred guesses at once get no further than five one
// after another. A browser this user has not used before gets notice N-11.
func SignIn(ctx context.Context, tx *db.Tx, c Credential, on Device) (Session, error) {
	if c.User == "" {
		return Session{}, ErrSignInFailed
	}
	if c.email == "" {
		index, err := db.Value[string](ctx, tx, sqlEmailOf, c.User)
		if err != nil {
			return Session{}, err
		}
		c.email = index
	}
	if err := limit(ctx, tx, c); err != nil {
		return Session{}, err
	}
	account, err := Get(ctx, tx, c.Account)
	if err != nil {
		return Session{}, err
	}
	if err := can(ctx, tx, c.Account, LoginReadonly); err != nil {
		return Session{}, err
	}

	s := Session{ID: tx.ID("ses"), User: c.User, Account: c.Account, ExpiresAt: tx.Now().Add(sessionLife(account.Kind))}
	device, err := recogniseDevice(ctx, tx, &s, on)
	if err != nil {
		return Session{}, err
	}
	token, hash, err := secret(tx.Rand())
	if err != nil {
		return Session{}, err
	}
	s.Token = token
	ip, err := tx.Keys().Seal(on.IP, "account_session.ip/"+s.ID)
	if err != nil {
		return Session{}, err
	}
	if _, err := tx.Exec(ctx, sqlInsertSession, s.ID, hash, s.Account, s.User, device, on.Method, ip,
		clip(on.UserAgent), db.Micros(tx.Now()), db.Micros(s.ExpiresAt)); err != nil {
		return Session{}, err
	}
	if err := insertLogin(ctx, tx, c, on, "ok"); err != nil {
		return Session{}, err
	}
	by := audit.Actor{Kind: audit.Person, User: string(s.User), Account: string(s.Account), Session: s.ID, Method: on.Method}
	err = audit.Record(ctx, tx, by, audit.Entry{
		Act: "account.signed_in", Subjects: []string{string(s.Account), string(s.User), s.ID}, Clauses: []string{"UA 4.1"},
		Data: map[string]any{"device": device, "new_device": s.NewDevice},
	})
	if err != nil {
		return s, err
	}
	seen := []Mark{MarkOf(tx.Keys(), ByDevice, string(tokenHash(s.Device)))}
	if on.Known != "" && on.Known != s.Device {
		seen = append(seen, MarkOf(tx.Keys(), ByDevice, string(tokenHash(on.Known)))) // somebody else has signed in with this browser
	}
	if account.Kind != Operator {
		if err := on.Screen.shows(ctx, tx, s.Account, AtSignIn, seen...); err != nil {
			return s, err
		}
	}
	if !s.NewDevice {
		return s, nil
	}
	return s, Notify(ctx, tx, Notice{
		Code: "N-11", To: s.Account, Link: "/account/security",
		Params: map[string]string{"TimeAt": tx.Now().Format(time.RFC3339), "Place": maskIP(on.IP)},
	})
}

// recogniseDevice finds the browser among those of the user or adds it.
func recogniseDevice(ctx context.Context, tx *db.Tx, s *Session, on Device) (string, error) {
	if on.Known != "" {
		id, err := db.Value[string](ctx, tx, sqlKnownDevice, s.User, tokenHash(on.Known))
		if err == nil {
			s.Device = on.Known
			return id, nil
		}
		if !errors.Is(err, db.ErrNoRow) {
			return "", err
		}
	}
	earlier, err := db.Value[int64](ctx, tx, sqlCountDevices, s.User)
	if err != nil {
		return "", err
	}
	s.NewDevice = newDevice(false, earlier)
	token, hash, err := secret(tx.Rand())
	if err != nil {
		return "", err
	}
	s.Device = token
	id := tx.ID("dev")
	_, err = tx.Exec(ctx, sqlInsertDevice, id, s.User, hash, db.Micros(tx.Now()))
	return id, err
}

func insertLogin(ctx context.Context, tx *db.Tx, c Credential, on Device, result string) error {
	id := tx.ID("lgn")
	ip, err := tx.Keys().Seal(on.IP, "account_login.ip/"+id)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlInsertLogin, id, c.email, c.User, on.Method, result, ip, clip(on.UserAgent), db.Micros(tx.Now()))
	return err
}

// clip bounds what a browser says about itself and keeps it storable text.
func clip(s string) string {
	const most = 256
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// Resolve finds who holds a session token. It refuses NOT_SIGNED_IN for a token
// that is unknown, ended or expired, or whose user was disabled.
func Resolve(ctx context.Context, r db.Reader, token string) (audit.Actor, User, error) {
	type row struct {
		id, method string
		user       UserID
	}
	s, err := db.One(ctx, r, func(s db.Scanner) (row, error) {
		var v row
		return v, s.Scan(&v.id, &v.user, &v.method)
	}, sqlResolveSession, tokenHash(token), db.Micros(r.Now()))
	if errors.Is(err, db.ErrNoRow) {
		return audit.Actor{}, User{}, ErrNotSignedIn
	}
	if err != nil {
		return audit.Actor{}, User{}, err
	}
	return actorOf(ctx, r, s.user, s.id, s.method)
}

func actorOf(ctx context.Context, r db.Reader, id UserID, session, method string) (audit.Actor, User, error) {
	u, err := GetUser(ctx, r, id)
	if err != nil {
		return audit.Actor{}, User{}, err
	}
	if u.State != Active {
		return audit.Actor{}, User{}, ErrNotSignedIn
	}
	return audit.Actor{
		Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Session: session,
		Method: method, Roles: u.Roles, Locale: u.Locale,
	}, u, nil
}

// SignOut ends one session of the actor's user: the current one when id is "".
// Ending a session twice changes nothing.
func SignOut(ctx context.Context, tx *db.Tx, by audit.Actor, id string) error {
	if id == "" {
		id = by.Session
	}
	n, err := tx.Exec(ctx, sqlEndSession, db.Micros(tx.Now()), id, by.User)
	if err != nil || n == 1 || id == by.Session {
		return err
	}
	owner, err := found(db.Value[UserID](ctx, tx, sqlSessionOwner, id))
	if err == nil && string(owner) != by.User {
		err = ErrForeign
	}
	return err
}

// Sessions lists the actor's open sessions, newest first.
func Sessions(ctx context.Context, r db.Reader, by audit.Actor) ([]SignedIn, error) {
	return db.All(ctx, r, func(s db.Scanner) (SignedIn, error) {
		var v SignedIn
		var ip []byte
		var created, expires int64
		if err := s.Scan(&v.ID, &v.Method, &ip, &v.UserAgent, &created, &expires); err != nil {
			return SignedIn{}, err
		}
		v.CreatedAt, v.ExpiresAt = db.Time(created), db.Time(expires)
		plain, err := r.Keys().Open(ip, "account_session.ip/"+v.ID)
		v.IP = plain
		return v, err
	}, sqlSessions, by.User, db.Micros(r.Now()))
}
