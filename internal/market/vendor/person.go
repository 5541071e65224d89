package vendor

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// Erase takes who a vendor was out of its profiles and documents, when its trades
// need not be kept any longer. Who sold what stands in the orders.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	v, sells, err := OfAccount(ctx, tx, id)
	if err != nil || !sells {
		return 0, err
	}
	of := []string{string(v.ID)}
	if removed, err = db.Empty(ctx, tx, of, db.Emptying{Update: eraseProfiles, At: func(id string) string { return sealContext(ID(id)) }, Plain: "{}"}); err != nil {
		return removed, err
	}
	files, err := job.RemoveFiles(ctx, tx, documentFiles, forgetDocuments, of[0])
	return removed + files, err
}

const (
	eraseProfiles   = `UPDATE vendor_profile SET registered_name = '—', uscc = '', address = '', reason = '', persons = $1 WHERE vendor_id = $2`
	documentFiles   = `SELECT blob FROM vendor_document WHERE vendor_id = $1 AND blob <> '-' ORDER BY id`
	forgetDocuments = `UPDATE vendor_document SET name = '—', blob = '-' WHERE vendor_id = $1`
)
