package vendor

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
)

// MustSell refuses a new sale when the vendor may not offer (VENDOR_NOT_ELIGIBLE),
// cannot be paid (VENDOR_NO_MERCHANT_ACCOUNT) or its deposit is short
// (DEPOSIT_SHORT). It is asked before a sale, never about money already captured.
func MustSell(ctx context.Context, r db.Reader, id ID) error {
	v, err := Get(ctx, r, id)
	if errors.Is(err, ErrNotFound) {
		return ErrNotEligible.With("State", "unknown")
	}
	if err != nil {
		return err
	}
	for _, refusal := range []error{eligible(v), payable(v), secured(v)} {
		if refusal != nil {
			return refusal
		}
	}
	return nil
}

// MustPublish refuses a new listing of a vendor that may not offer, or whose
// publishing is limited.
func MustPublish(ctx context.Context, r db.Reader, id ID) error {
	v, err := Get(ctx, r, id)
	if errors.Is(err, ErrNotFound) {
		return ErrNotEligible.With("State", "unknown")
	}
	if err != nil {
		return err
	}
	if v.State == PublishLimited {
		return ErrNotEligible.With("State", string(v.State))
	}
	return eligible(v)
}

// MayOffer says whether what the vendor has listed is shown in the market.
func MayOffer(v Vendor) error { return eligible(v) }
