package account

import (
	"context"
	"errors"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
)

// Get returns an account, or NOT_FOUND.
func Get(ctx context.Context, r db.Reader, id ID) (Account, error) {
	return found(db.One(ctx, r, scanAccount(r), sqlGetAccount, id))
}

// GetUser returns a user, or NOT_FOUND.
func GetUser(ctx context.Context, r db.Reader, id UserID) (User, error) {
	u, err := found(db.One(ctx, r, scanUser(r), sqlGetUser, id))
	return u.User, err
}

// List returns up to limit accounts whose id comes after the given one, oldest
// first.
func List(ctx context.Context, r db.Reader, after ID, limit int) ([]Account, error) {
	return db.All(ctx, r, scanAccount(r), sqlListAccounts, after, limit)
}

// Users returns the users of an account, oldest first.
func Users(ctx context.Context, r db.Reader, id ID) ([]User, error) {
	rows, err := db.All(ctx, r, scanUser(r), sqlUsers, id)
	users := make([]User, len(rows))
	for i, row := range rows {
		users[i] = row.User
	}
	return users, err
}

// Contacts returns how the active owners of an account are reached; on the
// operator's account, where no customer owns anything, all its active people.
func Contacts(ctx context.Context, r db.Reader, id ID) ([]Contact, error) {
	a, err := Get(ctx, r, id)
	if err != nil {
		return nil, err
	}
	rows, err := db.All(ctx, r, scanUser(r), sqlUsers, id)
	if err != nil {
		return nil, err
	}
	var contacts []Contact
	for _, u := range rows {
		if u.State == Active && (a.Kind == Operator || slices.Contains(u.Roles, Owner)) {
			contacts = append(contacts, Contact{User: u.ID, Name: u.Name, Email: u.email, Locale: u.Locale})
		}
	}
	return contacts, nil
}

// Choosable returns the accounts the actor's user may buy for: his own and those
// he is a member of.
func Choosable(ctx context.Context, r db.Reader, by audit.Actor) ([]Account, error) {
	return db.All(ctx, r, scanAccount(r), sqlChoosable, by.Account, by.User)
}

// OperatorID returns the operator's account, or NOT_FOUND before it was made.
func OperatorID(ctx context.Context, r db.Reader) (ID, error) {
	return found(db.Value[ID](ctx, r, sqlOperator))
}

// MarkVerified records that the account's real identity is known. Only package
// identity calls it, from the decision of its case. An account that is already
// past registered keeps its state.
func MarkVerified(ctx context.Context, tx *db.Tx, id ID) error {
	_, err := move(ctx, tx, id, Registered, Verified)
	return err
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}
