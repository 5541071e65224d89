package vendor

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
)

// Card returns the seller's identity as last verified, in whatever state the
// vendor is, also long after it has left. NOT_FOUND: no such vendor, or none of
// its profiles was ever verified, so it never sold anything.
//
// Clause: UA 3.3 (operator and vendor are independent; a buyer can always learn who the seller is and how to reach it).
func Card(ctx context.Context, r db.Reader, id ID) (SellerCard, error) {
	number, err := db.Value[int64](ctx, r, selectVerified, string(id))
	if errors.Is(err, db.ErrNoRow) || err == nil && number == 0 {
		return SellerCard{}, ErrNotFound
	}
	if err != nil {
		return SellerCard{}, err
	}
	p, err := readProfile(ctx, r, id, number)
	if err != nil {
		return SellerCard{}, err
	}
	return SellerCard{
		Vendor: id, RegisteredName: p.RegisteredName, SubjectType: string(p.SubjectType), USCC: p.USCC, Address: p.Address,
		Contact: p.Contact, SupportHours: p.SupportHours, VerifiedAt: p.DecidedAt,
	}, nil
}
