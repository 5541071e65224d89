package identity

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// MustVerified refuses REALNAME_REQUIRED for an account without a verification
// that is valid now.
func MustVerified(ctx context.Context, r db.Reader, id account.ID) error {
	v, err := db.One(ctx, r, scan(r), sqlLatestVerified, id)
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return err
	}
	return verified(v.Case, r.Now())
}

// Latest returns the newest case of an account; false when it never submitted one.
func Latest(ctx context.Context, r db.Reader, id account.ID) (Case, bool, error) {
	v, err := db.One(ctx, r, scan(r), sqlLatest, id)
	if errors.Is(err, db.ErrNoRow) {
		return Case{}, false, nil
	}
	return v.Case, err == nil, err
}

// Get returns a case, or NOT_FOUND.
func Get(ctx context.Context, r db.Reader, id ID) (Case, error) {
	v, err := get(ctx, r, id)
	return v.Case, err
}

// Queue returns up to 500 open cases, oldest first.
func Queue(ctx context.Context, r db.Reader) ([]Case, error) {
	rows, err := db.All(ctx, r, scan(r), sqlQueue)
	cases := make([]Case, len(rows))
	for i, v := range rows {
		cases[i] = v.Case
	}
	return cases, err
}

// SameSubject reports whether two accounts have stated the same document, so that
// one person or organisation stands behind both.
func SameSubject(ctx context.Context, r db.Reader, a, b account.ID) (bool, error) {
	n, err := db.Value[int64](ctx, r, sqlSame, a, b)
	return n > 0, err
}
