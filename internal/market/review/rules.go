package review

import (
	"slices"

	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// bought refuses a review without a completed order behind it: one that is paid,
// delivered and no longer open.
//
// Clause: ECL 17 (reviews come from those who bought; nobody makes them up).
func bought(o order.Order) error {
	if o.State != order.Completed || o.PaidAt.IsZero() {
		return ErrNotBought
	}
	return nil
}

// independent refuses the vendor's own people, whatever account they act for, and
// accounts of the same real identity as the vendor's.
//
// Clause: ECL 17 (a vendor does not review itself through linked accounts).
func independent(v vendor.Vendor, buyer account.ID, actsFor []account.Account, same bool) error {
	own := slices.ContainsFunc(actsFor, func(a account.Account) bool { return a.ID == v.Account })
	if buyer == v.Account || own || same {
		return ErrLinked
	}
	return nil
}

// undeletable is the answer to everybody who wants a review gone: staff and vendor
// may report or answer it, its author may withdraw it, a decision may block it.
//
// Clause: ECL 39 (the operator may not delete consumers' reviews).
func undeletable(audit.Actor) error { return ErrDelete }

// mine says whether the actor is of the account that wrote a review.
func mine(v Review, actsFor []account.Account) bool {
	return slices.ContainsFunc(actsFor, func(a account.Account) bool { return a.ID == v.Account })
}

// ofVendor says whether the actor speaks for a vendor.
func ofVendor(by audit.Actor, v vendor.Vendor) bool {
	return by.Account == string(v.Account) && (by.Has(account.Owner) || by.Has(account.VendorManager))
}
