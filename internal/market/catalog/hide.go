package catalog

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/vendor"
)

// Why a product is hidden.
const (
	hiddenByOperator = "operator"
	hiddenByVendor   = "vendor"
	hiddenByRights   = "rights"
)

// Hide takes a listed product out of the shop without delisting it: those who
// have it keep everything. A compliance officer or the vendor may; a reason is
// needed. It is a state, never an edit.
func Hide(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, reason string) (err error) {
	defer fault.Wrap(&err, "catalog.Hide(%s)", id)
	p, cause, err := hider(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return ErrRequired.In("reason")
	}
	if p.State != ProductListed {
		return ErrStale
	}
	if err := why(ctx, tx, by, id, cause == hiddenByVendor, reason); err != nil {
		return err
	}
	hidden := p
	hidden.State, hidden.HiddenCause, hidden.HiddenReason = ProductHidden, cause, reason
	if err := move(ctx, tx, p, hidden); err != nil {
		return err
	}
	return changed(ctx, tx, id)
}

// why has the reason that a vendor gives pass before those who hold the product
// read it; an officer's are the operator's own words.
func why(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, vendors bool, reason string) error {
	if !vendors {
		return nil
	}
	return content.Must(ctx, tx, by, content.Piece{Kind: content.Delisting, Ref: string(id), Field: "reason", Place: screen.Public, Text: reason})
}

// Unhide brings a hidden product back. What an officer has hidden only an officer
// shows again; what a missing licence has hidden needs a new version.
func Unhide(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, reason string) (err error) {
	defer fault.Wrap(&err, "catalog.Unhide(%s)", id)
	p, cause, err := hider(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return ErrRequired.In("reason")
	}
	switch {
	case p.State != ProductHidden:
		return ErrStale
	case p.HiddenCause == hiddenByRights:
		return ErrRights.With("Until", p.RightsUntil.String())
	case blocked(p), p.HiddenCause == hiddenByOperator && cause != hiddenByOperator:
		return ErrForbidden
	}
	shown := p
	shown.State, shown.HiddenCause, shown.HiddenReason = ProductListed, "", ""
	if err := move(ctx, tx, p, shown); err != nil {
		return err
	}
	return changed(ctx, tx, id)
}

// hider says on whose behalf the actor may hide the product.
func hider(ctx context.Context, r db.Reader, by audit.Actor, id ProductID) (Product, string, error) {
	p, err := Get(ctx, r, id)
	if err != nil {
		return p, "", err
	}
	if officer(by) {
		return p, hiddenByOperator, nil
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
	return p, hiddenByVendor, nil
}
