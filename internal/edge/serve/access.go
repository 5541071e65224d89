package serve

import (
	"context"
	"errors"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

var (
	// ErrNotSignedIn asks for a session or key.
	ErrNotSignedIn = fault.New(fault.Unauthenticated, "NOT_SIGNED_IN", "")
	// ErrForbidden refuses a signed-in actor whose roles do not reach.
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	// ErrNotFound is the answer for what does not exist, or not for this actor.
	ErrNotFound = fault.New(fault.NotFound, "NOT_FOUND", "")
	// ErrBadRequest refuses input that cannot be read at all.
	ErrBadRequest = fault.New(fault.Invalid, "BAD_REQUEST", "")
	// ErrTooLarge refuses a body above the route's limit.
	ErrTooLarge = fault.New(fault.Invalid, "TOO_LARGE", "")
	// ErrKeyRequired asks API callers for an idempotency key.
	ErrKeyRequired = fault.New(fault.Invalid, "IDEMPOTENCY_KEY_REQUIRED", "")
	// ErrLimited asks a caller to slow down.
	ErrLimited = fault.New(fault.Limited, "RATE_LIMITED", "UA 4.7.5")
	// ErrUnavailable is all that is said while the database is not there.
	ErrUnavailable = fault.New(fault.Unavailable, "UNAVAILABLE", "")
)

// Access says who may call a route. The zero value is no access and is refused
// at start, so that a forgotten column cannot open a route.
type Access struct {
	name  string
	allow func(ctx context.Context, r db.Reader, by audit.Actor) error
}

// String names the access for the route listing.
func (a Access) String() string { return a.name }

// The columns of the route table.
var (
	// Public routes answer anybody.
	Public = Access{name: "public"}
	// SignedIn routes answer any user of any account.
	SignedIn = Access{"signed in", func(context.Context, db.Reader, audit.Actor) error { return nil }}
	// Accepted routes change the state of a customer account, which needs the
	// agreement first.
	Accepted = Access{"agreement accepted", func(ctx context.Context, r db.Reader, by audit.Actor) error {
		return agreement.MustAccepted(ctx, r, account.ID(by.Account))
	}}
	// Owner routes answer the owner of a customer account.
	Owner = Access{"account owner", func(_ context.Context, _ db.Reader, by audit.Actor) error {
		return holds(by, account.Owner)
	}}
	// Seller routes answer the people who manage the vendor of their account.
	Seller = Access{"vendor", func(ctx context.Context, r db.Reader, by audit.Actor) error {
		if err := holds(by, account.Owner, account.VendorManager); err != nil {
			return err
		}
		_, ok, err := vendor.OfAccount(ctx, r, account.ID(by.Account))
		if err == nil && !ok {
			err = ErrForbidden
		}
		return err
	}}
)

// Staff routes answer the operator's people with one of the roles; a superadmin
// may look everywhere but gains no power over products, money or entitlements,
// because no route for that exists.
func Staff(roles ...string) Access {
	return Access{"operator: " + strings.Join(roles, ", "), func(ctx context.Context, r db.Reader, by audit.Actor) error {
		operator, err := account.OperatorID(ctx, r)
		if err != nil && !errors.Is(err, db.ErrNoRow) {
			return err
		}
		if by.Account != string(operator) {
			return ErrForbidden
		}
		return holds(by, roles...)
	}}
}

func holds(by audit.Actor, roles ...string) error {
	if slices.ContainsFunc(roles, by.Has) {
		return nil
	}
	return ErrForbidden
}

// admit runs the access column.
func (c *Call) admit(a Access) error {
	if a.allow == nil {
		return nil // Public; New has refused the zero value
	}
	if !c.SignedIn() {
		return ErrNotSignedIn
	}
	return c.Read(func(r db.Reader) error { return a.allow(c.R.Context(), r, c.Actor) })
}
