package settlement

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/vendor"
)

// Erase takes the words out of the objections of a vendor whose invoices need not be
// kept any longer.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (int64, error) {
	v, sells, err := vendor.OfAccount(ctx, tx, id)
	if err != nil || !sells {
		return 0, err
	}
	return tx.Exec(ctx, eraseObjections, string(v.ID))
}

const eraseObjections = `UPDATE settlement_statement SET objection = '' WHERE vendor = $1 AND objection <> ''`
