package ledger

import (
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	insertJournal = `INSERT INTO ledger_journal (id, effect_key, kind, cause, reverses, effective_at, recorded_at, digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (effect_key) DO NOTHING`
	insertEntry = `INSERT INTO ledger_entry (journal, line, account, party, currency, amount) VALUES ($1, $2, $3, $4, $5, $6)`
	addBalance  = `INSERT INTO ledger_balance (debit, credit, account, party, currency, stripe) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, party, currency, stripe) DO UPDATE SET debit = ledger_balance.debit + excluded.debit, credit = ledger_balance.credit + excluded.credit`
	drawBalance = `UPDATE ledger_balance SET debit = debit + $1, credit = credit + $2 WHERE account = $3 AND party = $4 AND currency = $5 AND stripe = $6`

	journalCols   = `id, effect_key, kind, cause, COALESCE(reverses, ''), effective_at, recorded_at, digest`
	selectJournal = `SELECT ` + journalCols + ` FROM ledger_journal WHERE id = $1`
	selectEffect  = `SELECT ` + journalCols + ` FROM ledger_journal WHERE effect_key = $1`
	selectCause   = `SELECT ` + journalCols + ` FROM ledger_journal WHERE cause = $1 ORDER BY recorded_at, id`
	selectBook    = `SELECT ` + journalCols + ` FROM ledger_journal WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectDigest  = `SELECT digest FROM ledger_journal WHERE effect_key = $1`
	selectEntries = `SELECT account, party, currency, amount FROM ledger_entry WHERE journal = $1 ORDER BY line`
	selectBalance = `SELECT CAST(COALESCE(SUM(debit - credit), 0) AS BIGINT) FROM ledger_balance WHERE account = $1 AND party = $2 AND currency = $3`
	selectTrial   = `SELECT account, currency, CAST(SUM(debit - credit) AS BIGINT) FROM ledger_balance GROUP BY account, currency ORDER BY currency, account`

	selectAllEntries = `SELECT j.id, j.kind, j.digest, COALESCE(j.reverses, ''), e.account, e.party, e.currency, e.amount
		FROM ledger_journal j LEFT JOIN ledger_entry e ON e.journal = j.id ORDER BY j.id, e.line`
	selectSums = `SELECT account, party, currency, CAST(SUM(amount) AS BIGINT) FROM ledger_entry GROUP BY account, party, currency`
	selectRows = `SELECT account, party, currency, CAST(SUM(debit - credit) AS BIGINT) FROM ledger_balance GROUP BY account, party, currency`
)

func scanJournal(s db.Scanner) (Journal, error) {
	var j Journal
	var effective, recorded int64
	err := s.Scan(&j.ID, &j.EffectKey, &j.Kind, &j.Cause, &j.Reverses, &effective, &recorded, &j.Digest)
	j.Effective, j.Recorded = db.Time(effective), db.Time(recorded)
	return j, err
}

func scanEntry(s db.Scanner) (Entry, error) {
	var e Entry
	err := s.Scan(&e.Account, &e.Party, &e.Amount.Currency, &e.Amount.Minor)
	return e, err
}

func scanTotal(s db.Scanner) (Total, error) {
	var t Total
	err := s.Scan(&t.Account, &t.Amount.Currency, &t.Amount.Minor)
	return t, err
}

// key is one account.
type key struct {
	account  Account
	party    string
	currency money.Currency
}

type sum struct {
	key
	minor int64
}

func scanSum(s db.Scanner) (sum, error) {
	var v sum
	err := s.Scan(&v.account, &v.party, &v.currency, &v.minor)
	return v, err
}
