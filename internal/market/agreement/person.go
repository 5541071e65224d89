package agreement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Copy returns when and how an account accepted what, for the account itself.
func Copy(ctx context.Context, r db.Reader, id account.ID) ([]account.Sheet, error) {
	rows, err := db.All(ctx, r, scanOrigin(r), sqlOriginsOf, id)
	return []account.Sheet{{Table: "agreement_acceptance", Rows: rows}}, err
}

// Erase empties the network address and the browser of an account's acceptances,
// and the mails in which it accepted, when the contract need not be proved any
// longer. Papers that were signed stay, under no name.
func Erase(ctx context.Context, tx *db.Tx, id account.ID) (removed int64, err error) {
	if removed, err = db.Blank(ctx, tx, sqlRecordIDs, string(id), sqlEraseOrigin, ipAt); err != nil {
		return removed, err
	}
	names, err := db.Blank(ctx, tx, sqlPaperIDs, string(id), sqlErasePaper, paperNameAt)
	if removed += names; err != nil {
		return removed, err
	}
	n, err := tx.Exec(ctx, sqlEraseReplies, []byte{}, id)
	return removed + n, err
}

func scanOrigin(r db.Reader) func(db.Scanner) (map[string]string, error) {
	return func(s db.Scanner) (map[string]string, error) {
		var id, bundle, method, agent string
		var sealed []byte
		var at int64
		if err := s.Scan(&id, &bundle, &method, &sealed, &agent, &at); err != nil {
			return nil, err
		}
		ip, err := r.Keys().Open(sealed, ipAt(id))
		return map[string]string{"id": id, "bundle": bundle, "method": method, "ip": ip, "user_agent": agent, "accepted_at": db.Time(at).UTC().Format(time.RFC3339)}, err
	}
}

// ipAt is where the network address of an acceptance is sealed.
func ipAt(id string) string { return "agreement_acceptance.ip/" + id }

// paperNameAt is where the name of a signed paper's file is sealed.
func paperNameAt(id string) string { return "agreement_paper.name/" + id }

const (
	sqlOriginsOf   = `SELECT id, bundle, method, ip_sealed, user_agent, accepted_at FROM agreement_acceptance WHERE account = $1 ORDER BY accepted_at, id`
	sqlRecordIDs   = `SELECT id FROM agreement_acceptance WHERE account = $1 ORDER BY id`
	sqlEraseOrigin = `UPDATE agreement_acceptance SET ip_sealed = $1, user_agent = '' WHERE id = $2`

	sqlPaperIDs     = `SELECT id FROM agreement_paper WHERE account = $1 ORDER BY id`
	sqlErasePaper   = `UPDATE agreement_paper SET name_sealed = $1 WHERE id = $2`
	sqlEraseReplies = `UPDATE agreement_challenge SET reply_sealed = $1 WHERE account = $2`
)
