package vendor

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/operation"
)

// Apply asks for the actor's account to become a vendor, or, after a refusal,
// asks again. It needs the account's owner, an accepted agreement and a verified
// real name, a subject type that the rulebook admits, and a complete profile.
func Apply(ctx context.Context, tx *db.Tx, by audit.Actor, a Application) (_ Vendor, err error) {
	defer fault.Wrap(&err, "vendor.Apply(%s)", by.Account)
	if err := operation.MustTakeNew(ctx, tx); err != nil { // 8.1
		return Vendor{}, err
	}
	a, err = admit(ctx, tx, by, a)
	if err != nil {
		return Vendor{}, err
	}
	if err := presentable(ctx, tx, by, a); err != nil {
		return Vendor{}, err
	}
	old, known, err := OfAccount(ctx, tx, account.ID(by.Account))
	if err != nil {
		return Vendor{}, err
	}
	if known {
		if old.State != Rejected {
			return Vendor{}, ErrApplied
		}
		return resubmit(ctx, tx, old, Applied, a)
	}
	required, err := requiredDeposit(ctx, tx)
	if err != nil {
		return Vendor{}, err
	}
	v := Vendor{
		ID: ID(tx.ID("ven")), Account: account.ID(by.Account), State: Applied, RegisteredName: a.RegisteredName,
		SubjectType: a.SubjectType, DepositOK: required.IsZero(), AppliedAt: tx.Now(),
	}
	n, err := tx.Exec(ctx, insertVendor, string(v.ID), string(v.Account), string(v.State), false, v.DepositOK, false, db.Micros(v.AppliedAt))
	if err != nil {
		return Vendor{}, err
	}
	if n == 0 {
		return Vendor{}, ErrApplied
	}
	return v, storeProfile(ctx, tx, v.ID, 1, a)
}

// ChangeProfile states a new identity for a vendor that is already one. The old
// one stays the seller card until the new one is verified.
func ChangeProfile(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, a Application) (_ Vendor, err error) {
	defer fault.Wrap(&err, "vendor.ChangeProfile(%s)", id)
	v, err := own(ctx, tx, by, id)
	if err != nil {
		return Vendor{}, err
	}
	if v.State == Exited || v.State == Expelled || v.State == Rejected {
		return Vendor{}, ErrState
	}
	if a, err = admit(ctx, tx, by, a); err != nil {
		return Vendor{}, err
	}
	if err := presentable(ctx, tx, by, a); err != nil {
		return Vendor{}, err
	}
	return resubmit(ctx, tx, v, v.State, a)
}

// admit checks who states an identity and what is stated, in the order of the
// agreement.
func admit(ctx context.Context, r db.Reader, by audit.Actor, a Application) (Application, error) {
	if by.Account == "" || !by.Has("owner") {
		return a, ErrForbidden
	}
	who, err := account.Get(ctx, r, account.ID(by.Account))
	if err != nil {
		return a, err
	}
	if who.Kind == "operator" {
		return a, ErrNotEligible.With("State", "operator")
	}
	if err := agreement.MustAccepted(ctx, r, who.ID); err != nil {
		return a, err
	}
	if err := identity.MustVerified(ctx, r, who.ID); err != nil {
		return a, err
	}
	allowed, err := agreement.Setting[struct{ Values []string }](ctx, r, "vendor_subject_types_allowed")
	if err != nil {
		return a, err
	}
	if err := mayApply(a.SubjectType, allowed.Values); err != nil {
		return a, err
	}
	if err := certified(a); err != nil {
		return a, err
	}
	return normal(a)
}

// presentable screens what a profile shows to everybody on the seller card.
func presentable(ctx context.Context, tx *db.Tx, by audit.Actor, a Application) error {
	for _, t := range []struct{ field, text string }{
		{"registered_name", a.RegisteredName}, {"address", a.Address}, {"contact_name", a.Contact.Name}, {"support_hours", a.SupportHours},
		{"legal_representative", a.LegalRepresentative},
	} {
		if err := content.Must(ctx, tx, by, content.Piece{Kind: content.Profile, Ref: by.Account, Field: t.field, Place: screen.Public, Text: t.text}); err != nil {
			return err
		}
	}
	return nil
}

// resubmit adds a profile and makes it the newest.
func resubmit(ctx context.Context, tx *db.Tx, v Vendor, to State, a Application) (Vendor, error) {
	newest, err := db.Value[int64](ctx, tx, selectNewest, string(v.ID))
	if err != nil {
		return Vendor{}, err
	}
	if _, err := tx.Exec(ctx, replaceProfile, string(v.ID), newest); err != nil {
		return Vendor{}, err
	}
	if err := storeProfile(ctx, tx, v.ID, newest+1, a); err != nil {
		return Vendor{}, err
	}
	v.State = to
	n, err := tx.Exec(ctx, newestProfile, newest+1, string(to), string(v.ID), newest)
	return v, guarded(n, err)
}

// own returns the vendor when it is the actor's and the actor may act for it.
// Everybody else learns nothing, not even that it exists.
func own(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Vendor, error) {
	v, err := Get(ctx, r, id)
	if err != nil {
		return v, err
	}
	if string(v.Account) != by.Account {
		return v, ErrNotFound
	}
	if !by.Has("owner") && !by.Has("vendor_manager") {
		return v, ErrForbidden
	}
	return v, nil
}
