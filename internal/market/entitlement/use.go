package entitlement

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// MayUse returns the right if the actor may use it now. It refuses another
// account (ENTITLEMENT_ACCOUNT_BOUND), a right that is not active or over
// (ENTITLEMENT_NOT_ACTIVE), and a product that was barred
// (PRODUCT_USE_PROHIBITED). All users of the account may.
func MayUse(ctx context.Context, r db.Reader, by audit.Actor, id ID) (_ Entitlement, err error) {
	defer fault.Wrap(&err, "entitlement.MayUse(%s)", id)
	e, err := Read(ctx, r, id)
	if err != nil {
		return Entitlement{}, err
	}
	if err := boundTo(e, account.ID(by.Account)); err != nil {
		return Entitlement{}, err
	}
	if err := usable(e, r.Now()); err != nil {
		return Entitlement{}, err
	}
	return e, catalog.MustUse(ctx, r, e.Product)
}

// Move refuses to bring a right to another account, whoever asks and whatever it
// is called: transfer, gift, merge or correction. It exists so that the attempt
// is refused by the clause and recorded (command.Run records it), instead of
// failing as a request that nobody knows. A right that the actor has nothing to
// do with does not exist for him.
func Move(ctx context.Context, r db.Reader, by audit.Actor, id ID, _ account.ID) (err error) {
	defer fault.Wrap(&err, "entitlement.Move(%s)", id)
	if _, err := Get(ctx, r, by, id); err != nil {
		return err
	}
	return ErrAccountBound
}

// Read returns a right, whoever asks; for people use [Get].
func Read(ctx context.Context, r db.Reader, id ID) (Entitlement, error) {
	return found(db.One(ctx, r, scan, selectGrant, string(id)))
}

// OfLine returns the right of an order line, or NOT_FOUND.
func OfLine(ctx context.Context, r db.Reader, line string) (Entitlement, error) {
	return found(db.One(ctx, r, scan, selectOfLine, line))
}

// OfOrder returns the rights of an order.
func OfOrder(ctx context.Context, r db.Reader, order string) ([]Entitlement, error) {
	return db.All(ctx, r, scan, selectOfOrder, order)
}

// Get returns a right to its account, its vendor or the operator's staff. For
// everybody else it does not exist: the refusal is [account.ErrForeign], which
// the caller counts with [account.Denied] in a transaction of its own. A vendor
// is not told the account: it knows its customers by their pseudonyms.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Entitlement, error) {
	e, err := Read(ctx, r, id)
	if err != nil {
		return Entitlement{}, err
	}
	if string(e.Account) == by.Account && by.Account != "" || Staff(by) {
		return e, nil
	}
	seller, err := vendor.Get(ctx, r, e.Vendor)
	if err != nil && !errors.Is(err, vendor.ErrNotFound) {
		return Entitlement{}, err
	}
	if err == nil && by.Account != "" && string(seller.Account) == by.Account {
		e.Account = ""
		return e, nil
	}
	return Entitlement{}, account.ErrForeign
}

// Staff reports whether the actor looks on behalf of the operator.
func Staff(by audit.Actor) bool {
	return by.Kind == audit.JobKind || by.Kind == audit.CLIKind || by.Has(account.Superadmin) || by.Has(account.Support) || by.Has(account.Compliance) || by.Has(account.Finance)
}

// Mine returns the newest rights of an account, at most 500.
func Mine(ctx context.Context, r db.Reader, a account.ID) ([]Entitlement, error) {
	return db.All(ctx, r, scan, selectOfAccount, string(a))
}

// HoldersOf returns the accounts whose right to a product still runs. It is a
// [catalog.Holders].
func HoldersOf(ctx context.Context, r db.Reader, p catalog.ProductID) ([]account.ID, error) {
	return db.All(ctx, r, db.Column[account.ID], selectHolders, string(p))
}

// Prohibit bars every right to a product whose use was prohibited, and returns
// how many. Rights of other products, and of this one under a milder delisting,
// stay usable to their end.
func Prohibit(ctx context.Context, tx *db.Tx, by audit.Actor, p catalog.ProductID) (barred int, err error) {
	defer fault.Wrap(&err, "entitlement.Prohibit(%s)", p)
	if err := catalog.MustUse(ctx, tx, p); !errors.Is(err, catalog.ErrProhibited) {
		if err == nil {
			err = ErrState // nobody has barred it
		}
		return 0, err
	}
	for after := ID(""); ; {
		running, err := db.All(ctx, tx, scan, selectRunning, string(p), string(after))
		if err != nil || len(running) == 0 {
			return barred, err
		}
		for _, e := range running {
			if _, err := End(ctx, tx, by, e.ID, Prohibited); err != nil {
				return barred, err
			}
			after = e.ID
			barred++
		}
	}
}

var _ catalog.Holders = HoldersOf
