package invoice

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// maxTitles bounds what an account saves.
const maxTitles = 50

// SaveTitle keeps a buyer for later requests of the actor's account. It refuses
// a title that would not do for an invoice (INVOICE_TITLE_INVALID, by field).
func SaveTitle(ctx context.Context, tx *db.Tx, by audit.Actor, b Buyer) (_ Title, err error) {
	defer fault.Wrap(&err, "invoice.SaveTitle")
	if by.Account == "" {
		return Title{}, ErrForbidden
	}
	if b, err = titled(b); err != nil {
		return Title{}, err
	}
	known, err := Titles(ctx, tx, by)
	if err != nil {
		return Title{}, err
	}
	if len(known) >= maxTitles {
		return Title{}, ErrInvalid.In("name")
	}
	t := Title{ID: TitleID(tx.ID("ttl")), Account: account.ID(by.Account), Buyer: b, CreatedAt: tx.Now()}
	stored, err := tx.Keys().SealJSON(b, titleAt(t.ID))
	if err != nil {
		return Title{}, err
	}
	_, err = tx.Exec(ctx, insertTitle, string(t.ID), string(t.Account), string(b.Kind), stored, db.Micros(t.CreatedAt))
	return t, err
}

// RemoveTitle forgets a saved title. Invoices already asked for keep theirs.
func RemoveTitle(ctx context.Context, tx *db.Tx, by audit.Actor, id TitleID) (err error) {
	defer fault.Wrap(&err, "invoice.RemoveTitle(%s)", id)
	if _, err := titleOf(ctx, tx, account.ID(by.Account), id); err != nil {
		return err
	}
	empty, err := tx.Keys().SealJSON(Buyer{}, titleAt(id))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, removeTitle, db.Micros(tx.Now()), empty, string(id))
	return guarded(n, err, ErrNotFound)
}

// Titles are the saved titles of the actor's account, oldest first.
func Titles(ctx context.Context, r db.Reader, by audit.Actor) ([]Title, error) {
	return db.All(ctx, r, scanTitle(r), selectTitles, by.Account)
}

// titleOf returns a title of the account; another's does not exist.
func titleOf(ctx context.Context, r db.Reader, of account.ID, id TitleID) (Title, error) {
	t, err := found(db.One(ctx, r, scanTitle(r), selectTitle, string(id)))
	if err == nil && (of == "" || t.Account != of) {
		err = account.ErrForeign
	}
	if err != nil {
		return Title{}, err
	}
	return t, nil
}
