package vendor

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// overlap is how long the secret before a rotation stays valid.
const overlap = 24 * time.Hour

// SetHook sets where the vendor is called in a dialect and gives it a fresh
// secret, which is shown this once. The secret before stays valid for 24 hours.
// Whether the address may be reached is checked when it is called.
func SetHook(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, dialect, address string) (_ Hook, err error) {
	defer fault.Wrap(&err, "vendor.SetHook(%s, %s)", id, dialect)
	if _, err := own(ctx, tx, by, id); err != nil {
		return Hook{}, err
	}
	if dialect = strings.TrimSpace(dialect); dialect == "" {
		return Hook{}, ErrRequired.In("dialect")
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return Hook{}, ErrInvalid.In("url")
	}
	h := Hook{Vendor: id, Dialect: dialect, URL: u.String()}
	if h.Secret, err = newSecret(tx.Rand()); err != nil {
		return Hook{}, err
	}
	sealed, err := tx.Keys().Seal(h.Secret, hookContext(id, dialect))
	if err != nil {
		return Hook{}, err
	}
	previous := []byte{}
	old, err := HookOf(ctx, tx, id, dialect)
	switch {
	case err == nil:
		h.Previous, h.PreviousUntil = old.Secret, tx.Now().Add(overlap)
		if previous, err = tx.Keys().Seal(h.Previous, hookContext(id, dialect)); err != nil {
			return Hook{}, err
		}
	case !errors.Is(err, ErrNotFound):
		return Hook{}, err
	}
	_, err = tx.Exec(ctx, upsertHook, string(id), dialect, h.URL, sealed, previous, db.Micros(h.PreviousUntil), db.Micros(tx.Now()))
	return h, err
}

// HookOf returns the hook of a vendor in a dialect with its opened secrets, for
// the worker that signs calls; NOT_FOUND when the vendor has set none.
func HookOf(ctx context.Context, r db.Reader, id ID, dialect string) (Hook, error) {
	h, err := db.One(ctx, r, scanHook(r), selectHook, string(id), dialect)
	if errors.Is(err, db.ErrNoRow) {
		return h, ErrNotFound
	}
	return h, err
}

// Hooks lists the vendor's hooks without their secrets.
func Hooks(ctx context.Context, r db.Reader, id ID) ([]Hook, error) {
	all, err := db.All(ctx, r, scanHook(r), selectHooks, string(id))
	for i := range all {
		all[i].Secret, all[i].Previous = "", ""
	}
	return all, err
}

// newSecret makes 32 random bytes in the form that signed webhooks use.
func newSecret(random io.Reader) (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", err
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(raw), nil
}
