package invoice

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Copy returns the buyers that an account saved or asked invoices for, in plain,
// for the account itself.
func Copy(ctx context.Context, r db.Reader, id account.ID) ([]account.Sheet, error) {
	titles, requests := account.Sheet{Table: "invoice_title"}, account.Sheet{Table: "invoice_request"}
	saved, err := db.All(ctx, r, scanTitle(r), selectTitles, string(id))
	if err != nil {
		return nil, err
	}
	for _, t := range saved {
		row := t.Buyer.row()
		row["id"], row["created_at"] = string(t.ID), t.CreatedAt.UTC().Format(time.RFC3339)
		titles.Rows = append(titles.Rows, row)
	}
	asked, err := db.All(ctx, r, scanRequest(r), selectAllMine, string(id))
	for _, q := range asked {
		row := q.Buyer.row()
		row["id"], row["order_id"], row["state"], row["requested_at"] = string(q.ID), q.Order, string(q.State), q.RequestedAt.UTC().Format(time.RFC3339)
		requests.Rows = append(requests.Rows, row)
	}
	return []account.Sheet{titles, requests}, err
}

func (b Buyer) row() map[string]string {
	return map[string]string{
		"name": b.Name, "tax_id": b.TaxID, "address": b.Address, "phone": b.Phone, "bank": b.Bank, "bank_account": b.BankAccount, "email": b.Email,
	}
}

// EraseTitles forgets the saved titles of an account that has ended. Invoices
// already asked for keep theirs, as the law on accounts wants.
func EraseTitles(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	saved, err := db.All(ctx, tx, scanTitle(tx), selectTitles, string(id))
	if err != nil {
		return 0, err
	}
	for _, t := range saved {
		empty, err := tx.Keys().SealJSON(Buyer{}, titleAt(t.ID))
		if err != nil {
			return removed, err
		}
		n, err := tx.Exec(ctx, removeTitle, db.Micros(tx.Now()), empty, string(t.ID))
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// EraseBuyers takes the buyers out of the invoices of an account whose time of
// keeping has passed; number and amounts stay with the books.
func EraseBuyers(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	asked, err := db.All(ctx, tx, scanRequest(tx), selectAllMine, string(id))
	if err != nil {
		return 0, err
	}
	for _, q := range asked {
		empty, err := tx.Keys().SealJSON(Buyer{}, buyerAt(q.ID))
		if err != nil {
			return removed, err
		}
		n, err := tx.Exec(ctx, eraseBuyer, empty, string(q.ID))
		if err != nil {
			return removed, err
		}
		removed += n
		documents, err := db.All(ctx, tx, scanInvoice(tx), selectInvoices, string(q.ID))
		if err != nil {
			return removed, err
		}
		for _, i := range documents {
			var nobody Invoice
			empty, err := tx.Keys().SealJSON(nobody.Document, documentAt(i.ID))
			if err != nil {
				return removed, err
			}
			if n, err = tx.Exec(ctx, eraseDocument, empty, string(i.ID)); err != nil {
				return removed, err
			}
			removed += n
		}
	}
	return removed, nil
}

const (
	selectAllMine = `SELECT ` + requestCols + ` FROM invoice_request WHERE account = $1 ORDER BY id`
	eraseDocument = `UPDATE invoice_invoice SET document_sealed = $1 WHERE id = $2`
	eraseBuyer    = `UPDATE invoice_request SET buyer_sealed = $1 WHERE id = $2`
)
