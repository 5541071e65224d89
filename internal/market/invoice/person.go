package invoice

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

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
		reason, err := tx.Keys().Seal("", reasonAt(q.ID))
		if err != nil {
			return removed, err
		}
		n, err := tx.Exec(ctx, eraseBuyer, empty, reason, string(q.ID))
		if removed += n; err != nil {
			return removed, err
		}
		n, err = job.RemoveFiles(ctx, tx, selectFileKeys, forgetFiles, string(q.ID))
		if removed += n; err != nil {
			return removed, err
		}
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
	selectAllMine  = `SELECT ` + requestCols + ` FROM invoice_request WHERE account = $1 ORDER BY id`
	eraseDocument  = `UPDATE invoice_invoice SET document_sealed = $1 WHERE id = $2`
	eraseBuyer     = `UPDATE invoice_request SET buyer_sealed = $1, reason_sealed = $2 WHERE id = $3`
	selectFileKeys = `SELECT blob FROM invoice_file WHERE request = $1 AND blob <> '-' ORDER BY number`
	forgetFiles    = `UPDATE invoice_file SET blob = '-' WHERE request = $1`
)
