package account

import (
	"context"
	"errors"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
)

// keyPrefix lets secret scanners find our keys in public code.
const keyPrefix = "ysk_"

// CreateKey makes an API key for the actor's account; the secret is in this
// answer and nowhere else. A customer account's owner may, and each of the
// operator's people for themselves: a key has its user's roles. Scopes are words
// such as "orders:read"; none means that the key can do nothing.
func CreateKey(ctx context.Context, tx *db.Tx, by audit.Actor, name string, scopes []string) (Key, error) {
	if !mayHoldKey(by) {
		return Key{}, ErrForbidden
	}
	if err := can(ctx, tx, ID(by.Account), API); err != nil {
		return Key{}, err
	}
	name = strings.TrimSpace(name)
	if name == "" {
		return Key{}, ErrRequired.In("name")
	}
	scopes = slices.Clone(scopes)
	slices.Sort(scopes)
	for _, scope := range scopes {
		if scope == "" || strings.ContainsAny(scope, " \t\r\n") {
			return Key{}, ErrInvalid.In("scopes")
		}
	}
	token, _, err := secret(tx.Rand())
	if err != nil {
		return Key{}, err
	}
	k := Key{
		ID: tx.ID("key"), Account: ID(by.Account), User: UserID(by.User), Name: name,
		Scopes: slices.Compact(scopes), Secret: keyPrefix + token, CreatedAt: tx.Now(),
	}
	_, err = tx.Exec(ctx, sqlInsertKey, k.ID, tokenHash(k.Secret), k.Account, k.User, k.Name, strings.Join(k.Scopes, " "), db.Micros(k.CreatedAt))
	return k, err
}

// ResolveKey finds who holds an API secret. The actor has its user's roles; the
// caller asks the key's scopes. It refuses NOT_SIGNED_IN for a secret that is
// unknown or revoked, and what [MustCan] refuses for API.
func ResolveKey(ctx context.Context, r db.Reader, secret string) (audit.Actor, Key, error) {
	k, err := db.One(ctx, r, scanKey, sqlResolveKey, tokenHash(secret))
	if errors.Is(err, db.ErrNoRow) {
		return audit.Actor{}, Key{}, ErrNotSignedIn
	}
	if err != nil {
		return audit.Actor{}, Key{}, err
	}
	if err := can(ctx, r, k.Account, API); err != nil {
		return audit.Actor{}, Key{}, err
	}
	by, _, err := actorOf(ctx, r, k.User, k.ID, "api_key")
	return by, k, err
}

// ListKeys lists the keys of the actor's account, newest first, without secrets.
func ListKeys(ctx context.Context, r db.Reader, by audit.Actor) ([]Key, error) {
	return db.All(ctx, r, scanKey, sqlKeys, by.Account)
}

// RevokeKey ends a key of the actor's account at once. Only the owner may; a key
// that is not there or already revoked is NOT_FOUND.
func RevokeKey(ctx context.Context, tx *db.Tx, by audit.Actor, id string) error {
	if !mayManageUsers(by, ID(by.Account)) {
		return ErrForbidden
	}
	n, err := tx.Exec(ctx, sqlRevokeKey, db.Micros(tx.Now()), id, by.Account)
	if err != nil || n == 1 {
		return err
	}
	owner, err := found(db.Value[ID](ctx, tx, sqlKeyOwner, id))
	if err != nil {
		return err
	}
	if err := MustOwn(by, owner); err != nil {
		return err
	}
	return ErrNotFound
}
