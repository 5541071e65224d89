package promotion

import (
	"context"
	"errors"
	"fmt"
	"io"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/seal"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// Issue makes vouchers for a product that is on sale, for a person of its vendor.
// It returns the codes, this once: what is kept cannot be turned back into them.
func Issue(ctx context.Context, tx *db.Tx, by audit.Actor, n NewBatch) (_ Batch, codes []string, err error) {
	defer fault.Wrap(&err, "promotion.Issue(%s)", n.Product)
	offers, err := catalog.Offers(ctx, tx, n.Product)
	if err != nil {
		return Batch{}, nil, err
	}
	price, err := forPlan(offers, n.Plan)
	if err != nil {
		return Batch{}, nil, err
	}
	if err := catalog.MustWrite(ctx, tx, by, offers[0].Product); err != nil {
		return Batch{}, nil, err
	}
	if n.Minimum == (money.Amount{}) {
		n.Minimum = money.Zero(price.Currency)
	}
	if err := n.valid(price.Currency, tx.Now()); err != nil {
		return Batch{}, nil, err
	}
	n.Until = exact(n.Until)
	b := Batch{
		BatchTerms: n.BatchTerms, ID: BatchID(tx.ID("vch")), Vendor: offers[0].Product.Vendor, Codes: n.Codes, EndsAt: n.Until, MadeAt: tx.Now(),
	}
	if b.SHA256, err = hashOf(b.BatchTerms); err != nil {
		return Batch{}, nil, err
	}
	rows := tx.Batch()
	rows.Add(insertBatch, string(b.ID), string(b.Vendor), string(b.Product), string(b.Plan), b.Points, string(price.Currency), b.Amount.Minor, b.Minimum.Minor,
		db.Micros(b.Until), b.Uses, b.OnlyFor, b.Codes, db.Micros(b.EndsAt), b.SHA256, db.Micros(b.MadeAt))
	codes = make([]string, n.Codes)
	for i := range codes {
		if codes[i], err = draw(tx.Rand()); err != nil {
			return Batch{}, nil, err
		}
		rows.Add(insertVoucher, index(tx.Keys(), codes[i]), string(b.ID), codes[i][len(codes[i])-group:], b.Uses)
	}
	_, err = rows.Send(ctx)
	return b, codes, err
}

// forPlan is the price of a plan of the product, or of its first plan: all have
// one currency.
func forPlan(offers []catalog.Offer, plan catalog.PlanID) (money.Amount, error) {
	for _, o := range offers {
		if plan == "" || o.PlanID == plan {
			return o.Plan.Price, nil
		}
	}
	return money.Amount{}, ErrNotFound
}

func draw(random io.Reader) (string, error) {
	var b [codeLength]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("promotion: code: %w", err)
	}
	return spell(b), nil
}

// index is what is kept of a code.
func index(keys *seal.Keys, code string) string {
	return keys.Index("promotion.voucher", canonical(code))
}

// EndBatch ends vouchers before their time, for a person of their vendor. Orders
// that have reserved one keep it.
func EndBatch(ctx context.Context, tx *db.Tx, by audit.Actor, id BatchID) (_ Batch, err error) {
	defer fault.Wrap(&err, "promotion.EndBatch(%s)", id)
	b, err := db.One(ctx, tx, scanBatch, selectBatch, string(id))
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	if err != nil {
		return Batch{}, err
	}
	if err := mayEnd(ctx, tx, by, b.Product); err != nil {
		return Batch{}, err
	}
	n, err := tx.Exec(ctx, endBatch, db.Micros(tx.Now()), string(id))
	if err == nil && n == 0 {
		err = ErrOver
	}
	b.EndsAt = tx.Now()
	return b, err
}

// Batches are all of a product, the newest first, with how often they were used.
func Batches(ctx context.Context, r db.Reader, p catalog.ProductID) ([]Batch, error) {
	return db.All(ctx, r, scanBatch, selectBatches, string(p))
}

// OffOf is what the vendor takes off so many of an offer now, for the account that
// they will belong to. code is what was typed as a voucher, "" for none; when it
// cannot be used, refusal says why and the rest holds without it. Whether somebody
// else was faster is decided by [Reserve].
func OffOf(ctx context.Context, r db.Reader, o catalog.Offer, quantity int64, code string, owner account.ID) (off Off, refusal, err error) {
	if off.Discount, err = Running(ctx, r, o.PlanID); err != nil {
		return off, nil, err
	}
	if off.Floor, err = floorOf(ctx, r, o.PlanID); err != nil || code == "" {
		return off, nil, err
	}
	v, refusal, err := usable(ctx, r, o, quantity, off, code, owner)
	if err == nil && refusal == nil {
		off.Voucher = &v
	}
	return off, refusal, err
}

// usable asks every rule about a code but how often it was used.
func usable(ctx context.Context, r db.Reader, o catalog.Offer, quantity int64, off Off, code string, owner account.ID) (v Voucher, refusal, err error) {
	v, err = db.One(ctx, r, scanVoucher, selectVoucher, index(r.Keys(), code))
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrUnknown.In(field), nil
	}
	if err != nil {
		return v, nil, err
	}
	if refused := in(v.fits(o, vendor.OpenID(o.Product.Vendor, owner, r.Keys()), r.Now())); refused != nil {
		return v, refused, nil
	}
	discount, _, err := off.From(o.Plan.Price, quantity)
	if err != nil {
		return v, nil, err
	}
	rest, err := off.rest(o.Plan.Price, quantity, discount)
	if err != nil {
		return v, nil, err
	}
	if refused := v.reaches(rest); refused != nil {
		return v, in(refused), nil
	}
	worth, err := v.off(rest)
	if err != nil {
		return v, nil, err
	}
	paid, err := rest.Sub(worth)
	if err != nil {
		return v, nil, err
	}
	return v, in(off.KeepsFloor(paid, o.Plan.Price, quantity)), nil
}

// field is where a code is typed.
const field = "voucher"

// in blames the field of the code for a refusal.
func in(refusal error) error {
	if f, ok := fault.Of(refusal); ok {
		return f.In(field)
	}
	return refusal
}

// Left refuses a voucher that the account has used, or that others have used up:
// what [Reserve] would say now.
func (v Voucher) Left(ctx context.Context, r db.Reader, owner account.ID) error {
	mine, err := db.Value[int64](ctx, r, selectUsers, v.hash, string(owner))
	switch {
	case err != nil:
		return err
	case mine > 0:
		return ErrUsed.In(field)
	case v.Used >= v.Uses:
		return ErrUsedUp.In(field)
	}
	return nil
}

// Reserve uses a voucher for an order that is being placed: once for the account
// (VOUCHER_ALREADY_USED), and while there is a use left (VOUCHER_USED_UP).
func Reserve(ctx context.Context, tx *db.Tx, v Voucher, owner account.ID, order string, worth money.Amount) error {
	n, err := tx.Exec(ctx, insertUse, v.hash, string(owner), order, string(worth.Currency), worth.Minor, db.Micros(tx.Now()))
	if err == nil && n == 0 {
		err = ErrUsed.In(field)
	}
	if err != nil {
		return err
	}
	n, err = tx.Exec(ctx, takeVoucher, v.hash)
	if err == nil && n == 0 {
		err = ErrUsedUp.In(field)
	}
	return err
}

// GiveBack makes the voucher of an order usable again, when the order ended without
// a payment. An order without a voucher is none of its business.
func GiveBack(ctx context.Context, tx *db.Tx, order string) error {
	hash, err := db.Value[string](ctx, tx, selectUse, order)
	if errors.Is(err, db.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, deleteUse, order); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, returnVoucher, hash)
	return err
}
