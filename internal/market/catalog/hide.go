package catalog

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/vendor"
)

// HidingCause is on whose account a product is out of sight.
type HidingCause string

// The causes, the weightiest first. A case and a notice are named by their id, the
// others there are once.
const (
	ByCase     HidingCause = "case"
	ByNotice   HidingCause = "notice"
	ByOperator HidingCause = "operator" // what an officer hid before there were cases for it
	ByRights   HidingCause = "rights"   // its licence has ended
	ByVendor   HidingCause = "vendor"
)

// Hiding is one cause by which a product is out of sight. The product is hidden
// while it has one, and each is taken back by whom it belongs to.
type Hiding struct {
	Product ProductID
	Cause   HidingCause
	Ref     string // "enf_…" or "ifn_…"
	Reason  string
	By      string
	At      time.Time
}

// Hide takes a product of the vendor out of the shop without delisting it: those
// who have it keep everything. A reason is needed. It is a state, never an edit. An
// officer is refused MEASURE_WITHOUT_CASE: see [Conceal].
func Hide(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, reason string) (err error) {
	defer fault.Wrap(&err, "catalog.Hide(%s)", id)
	p, cause, err := hider(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if cause == ByOperator {
		return ErrNoCase
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return ErrRequired.In("reason")
	}
	if p.State != ProductListed && p.State != ProductHidden {
		return ErrStale
	}
	if err := why(ctx, tx, by, id, true, reason); err != nil {
		return err
	}
	fresh, err := conceal(ctx, tx, p, Hiding{Cause: ByVendor, Reason: reason, By: by.User})
	if err == nil && !fresh {
		err = ErrStale
	}
	return err
}

// why has the reason that a vendor gives pass before those who hold the product
// read it; an officer's are the operator's own words.
func why(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, vendors bool, reason string) error {
	if !vendors {
		return nil
	}
	return content.Must(ctx, tx, by, content.Piece{Kind: content.Delisting, Ref: string(id), Field: "reason", Place: screen.Public, Text: reason})
}

// Unhide takes back what the actor's side has hidden. The product comes back when
// nothing else hides it: a measure ends with its case or notice, a missing licence
// is cured by a new version.
func Unhide(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, reason string) (err error) {
	defer fault.Wrap(&err, "catalog.Unhide(%s)", id)
	p, cause, err := hider(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return ErrRequired.In("reason")
	}
	all, err := Hidings(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := mayReveal(p, all, cause); err != nil {
		return err
	}
	_, err = reveal(ctx, tx, p, cause, "")
	return err
}

// hider says on whose behalf the actor may hide the product.
func hider(ctx context.Context, r db.Reader, by audit.Actor, id ProductID) (Product, HidingCause, error) {
	p, err := Get(ctx, r, id)
	if err != nil {
		return p, "", err
	}
	if officer(by) {
		return p, ByOperator, nil
	}
	seller, err := vendor.Get(ctx, r, p.Vendor)
	if err != nil {
		return p, "", err
	}
	if by.Account != string(seller.Account) {
		return p, "", account.ErrForeign
	}
	if !by.Has("owner") && !by.Has("vendor_manager") {
		return p, "", ErrForbidden
	}
	return p, ByVendor, nil
}

// Conceal takes a product out of sight by a case or a notice, whatever else hides
// it and wherever it stands: one that is not listed yet will not come up either.
// Once more for the same one changes nothing.
func Conceal(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, cause HidingCause, ref string) (err error) {
	defer fault.Wrap(&err, "catalog.Conceal(%s, %s)", id, ref)
	p, err := measured(ctx, tx, by, id, cause, ref)
	if err != nil {
		return err
	}
	_, err = conceal(ctx, tx, p, Hiding{Cause: cause, Ref: ref, Reason: ref, By: by.User})
	return err
}

// Reveal takes back what a case or a notice has hidden. One that hides it no more
// changes nothing.
func Reveal(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, cause HidingCause, ref string) (err error) {
	defer fault.Wrap(&err, "catalog.Reveal(%s, %s)", id, ref)
	p, err := measured(ctx, tx, by, id, cause, ref)
	if err != nil {
		return err
	}
	_, err = reveal(ctx, tx, p, cause, ref)
	return err
}

// measured is a product that a measure is taken on or lifted from.
func measured(ctx context.Context, r db.Reader, by audit.Actor, id ProductID, cause HidingCause, ref string) (Product, error) {
	switch {
	case !officer(by):
		return Product{}, ErrForbidden
	case ref == "" || cause != ByCase && cause != ByNotice:
		return Product{}, ErrRequired.In("case")
	}
	return Get(ctx, r, id)
}

// conceal adds a cause to a product that was just read; false when it is there
// already.
func conceal(ctx context.Context, tx *db.Tx, p Product, h Hiding) (bool, error) {
	n, err := tx.Exec(ctx, insertHiding, string(p.ID), string(h.Cause), h.Ref, h.Reason, h.By, db.Micros(tx.Now()))
	if err != nil || n == 0 {
		return false, err
	}
	return true, settle(ctx, tx, p)
}

// reveal takes a cause from a product that was just read; false when it is gone
// already.
func reveal(ctx context.Context, tx *db.Tx, p Product, cause HidingCause, ref string) (bool, error) {
	n, err := tx.Exec(ctx, deleteHiding, string(p.ID), string(cause), ref)
	if err != nil || n == 0 {
		return false, err
	}
	return true, settle(ctx, tx, p)
}

// settle brings a product that was just read to where its scope and its causes put
// it.
func settle(ctx context.Context, tx *db.Tx, p Product) error {
	all, err := Hidings(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	if err := move(ctx, tx, p, placed(p, all)); err != nil {
		return err
	}
	return changed(ctx, tx, p.ID)
}

// Hidings are the causes by which a product is out of sight, the weightiest first.
func Hidings(ctx context.Context, r db.Reader, id ProductID) ([]Hiding, error) {
	return db.All(ctx, r, scanHiding, selectHidings, string(id))
}
