package ledger

import (
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	// Nothing takes effect before the end of what is closed, also when the clock was set back.
	open          = `(SELECT COALESCE(MAX(until_at), 0) FROM ledger_period)`
	insertJournal = `INSERT INTO ledger_journal (id, effect_key, kind, cause, reverses, effective_at, recorded_at, digest)
		VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 >= ` + open + ` THEN $6 WHEN $7 >= ` + open + ` THEN $7 ELSE ` + open + ` END, $7, $8)
		ON CONFLICT (effect_key) DO NOTHING`
	insertEntry = `INSERT INTO ledger_entry (journal, line, account, party, currency, amount) VALUES ($1, $2, $3, $4, $5, $6)`
	addBalance  = `INSERT INTO ledger_balance (debit, credit, account, party, currency, stripe) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, party, currency, stripe) DO UPDATE SET debit = ledger_balance.debit + excluded.debit, credit = ledger_balance.credit + excluded.credit`
	drawBalance = `UPDATE ledger_balance SET debit = debit + $1, credit = credit + $2 WHERE account = $3 AND party = $4 AND currency = $5 AND stripe = $6`

	insertLine = `INSERT INTO ledger_line (line, vendor, account, provider, currency, net, tax, fee, returned, released, taken, compensated, cap, cap_basis, disputes, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, $9, '', 0, 0) ON CONFLICT (line) DO NOTHING`
	updateLine = `UPDATE ledger_line SET returned = $1, released = $2, taken = $3, disputes = $4, compensated = $5, version = version + 1
		WHERE line = $6 AND version = $7`
	raiseCap = `UPDATE ledger_line SET cap = $1, cap_basis = $2 WHERE line = $3 AND version = $4`

	lockVendor = `INSERT INTO ledger_vendor (vendor, freezes, version) VALUES ($1, 0, 0)
		ON CONFLICT (vendor) DO UPDATE SET version = ledger_vendor.version + 1`
	unfrozen      = `UPDATE ledger_vendor SET version = version + 1 WHERE vendor = $1 AND freezes = 0`
	countFreeze   = `UPDATE ledger_vendor SET freezes = freezes + $1, version = version + 1 WHERE vendor = $2`
	insertFreeze  = `INSERT INTO ledger_freeze (vendor, cause, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	deleteFreeze  = `DELETE FROM ledger_freeze WHERE vendor = $1 AND cause = $2`
	selectFreezes = `SELECT cause FROM ledger_freeze WHERE vendor = $1 ORDER BY since, cause`

	addLiquidity = `INSERT INTO ledger_liquidity (currency, bank, inflight) VALUES ($1, $2, 0)
		ON CONFLICT (currency) DO UPDATE SET bank = ledger_liquidity.bank + excluded.bank, inflight = ledger_liquidity.inflight - $3`
	drawLiquidity = `UPDATE ledger_liquidity SET bank = bank + $1, inflight = inflight + $2 WHERE currency = $3 AND inflight + $2 <= bank + $1`

	journalCols   = `id, effect_key, kind, cause, COALESCE(reverses, ''), effective_at, recorded_at, digest`
	selectJournal = `SELECT ` + journalCols + ` FROM ledger_journal WHERE id = $1`
	selectEffect  = `SELECT ` + journalCols + ` FROM ledger_journal WHERE effect_key = $1`
	selectCause   = `SELECT ` + journalCols + ` FROM ledger_journal WHERE cause = $1 ORDER BY recorded_at, id`
	selectBook    = `SELECT ` + journalCols + ` FROM ledger_journal WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectDigest  = `SELECT digest FROM ledger_journal WHERE effect_key = $1`
	selectEntries = `SELECT account, party, currency, amount FROM ledger_entry WHERE journal = $1 ORDER BY line`
	selectBalance = `SELECT CAST(COALESCE(SUM(debit - credit), 0) AS BIGINT) FROM ledger_balance WHERE account = $1 AND party = $2 AND currency = $3`
	selectTrial   = `SELECT account, currency, CAST(SUM(debit - credit) AS BIGINT) FROM ledger_balance GROUP BY account, currency ORDER BY currency, account`

	selectOfVendor = `SELECT ` + journalCols + ` FROM ledger_journal WHERE id IN (
		SELECT journal FROM ledger_entry WHERE account IN ('vendor.payable', 'vendor.receivable', 'vendor.deposit', 'vendor.hold')
			AND (party = $1 OR (party >= $2 AND party < $3)))
		AND recorded_at >= $4 AND recorded_at < $5 ORDER BY recorded_at, id`
	selectBalanceAt = `SELECT CAST(COALESCE(SUM(e.amount), 0) AS BIGINT) FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
		WHERE e.account = $1 AND e.party = $2 AND e.currency = $3 AND j.recorded_at < $4`
	selectTrialAt = `SELECT e.account, e.currency, CAST(SUM(e.amount) AS BIGINT) FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
		WHERE j.recorded_at < $1 GROUP BY e.account, e.currency ORDER BY e.currency, e.account`
	selectVendorAt = `SELECT CAST(COALESCE(SUM(e.amount), 0) AS BIGINT) FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
		WHERE e.account IN ('vendor.payable', 'vendor.receivable', 'vendor.deposit', 'vendor.hold')
			AND (e.party = $1 OR (e.party >= $2 AND e.party < $3)) AND e.currency = $4 AND j.recorded_at < $5`
	selectPurse = `SELECT account, CAST(SUM(debit - credit) AS BIGINT) FROM ledger_balance
		WHERE account IN ('vendor.payable', 'vendor.receivable', 'vendor.deposit') AND party = $1 AND currency = $2 GROUP BY account`
	selectHolds = `SELECT CAST(COALESCE(SUM(credit - debit), 0) AS BIGINT) FROM ledger_balance
		WHERE account = 'vendor.hold' AND party >= $1 AND party < $2 AND currency = $3`
	selectHoldings = `SELECT account, party, currency, CAST(SUM(debit - credit) AS BIGINT), 0 FROM ledger_balance
		WHERE account = 'vendor.hold' AND party >= $1 AND party < $2 AND currency = $3 GROUP BY account, party, currency HAVING SUM(debit - credit) <> 0 ORDER BY party`
	// By the days of Shanghai, which has kept one offset for as long as there are books.
	selectFlows = `SELECT (j.recorded_at + 28800000000) / 86400000000, ` + kindOf + `, CAST(-SUM(e.amount) AS BIGINT)
		FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
		WHERE e.account IN ('vendor.payable', 'vendor.receivable', 'vendor.deposit', 'vendor.hold')
			AND (e.party = $1 OR (e.party >= $2 AND e.party < $3)) AND e.currency = $4 AND j.recorded_at >= $5 AND j.recorded_at < $6
		GROUP BY 1, 2 ORDER BY 1, 2`
	selectAged = `SELECT b.account, b.party, b.currency, CAST(SUM(b.debit - b.credit) AS BIGINT),
			(SELECT MIN(j.recorded_at) FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
				WHERE e.account = b.account AND e.party = b.party AND e.currency = b.currency)
		FROM ledger_balance b WHERE b.account = $1 GROUP BY b.account, b.party, b.currency HAVING SUM(b.debit - b.credit) <> 0 ORDER BY 5`

	lineCols        = `line, vendor, account, provider, currency, net, tax, fee, returned, released, taken, compensated, cap, cap_basis, disputes, version`
	selectLine      = `SELECT ` + lineCols + ` FROM ledger_line WHERE line = $1`
	selectLines     = `SELECT ` + lineCols + ` FROM ledger_line WHERE vendor = $1 AND line < $2 ORDER BY line DESC LIMIT $3`
	selectOpenLines = `SELECT ` + lineCols + ` FROM ledger_line WHERE vendor = $1 AND currency = $2 AND released - taken + returned < net + tax`
	selectAllLines  = `SELECT ` + lineCols + ` FROM ledger_line ORDER BY line`

	insertPeriod = `INSERT INTO ledger_period (month, until_at, closed_at, closed_by, journals, digest) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`
	// What a journal, or its mirror, did to client money.
	sumCash = `SELECT COUNT(DISTINCT j.id), CAST(COALESCE(SUM(CASE WHEN e.account IN ('psp.clearing', 'bank.client') THEN e.amount ELSE 0 END), 0) AS BIGINT)
		FROM ledger_journal j JOIN ledger_entry e ON e.journal = j.id WHERE j.effect_key = $1 AND e.currency = $2`
	sumCashBack = `SELECT COUNT(DISTINCT j.id), CAST(COALESCE(SUM(CASE WHEN e.account IN ('psp.clearing', 'bank.client') THEN e.amount ELSE 0 END), 0) AS BIGINT)
		FROM ledger_journal o JOIN ledger_journal j ON j.reverses = o.id JOIN ledger_entry e ON e.journal = j.id WHERE o.effect_key = $1 AND e.currency = $2`
	sumSince = `SELECT COUNT(*), CAST(COALESCE(SUM(e.amount), 0) AS BIGINT) FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
		WHERE e.account = $1 AND e.party = $2 AND e.currency = $3 AND j.recorded_at >= $4 AND (e.amount > 0) = ($5 > 0)`

	selectPeriods   = `SELECT month, until_at, closed_at, closed_by, journals, digest FROM ledger_period ORDER BY until_at DESC`
	selectEffective = `SELECT id, digest FROM ledger_journal WHERE effective_at >= $1 AND effective_at < $2 ORDER BY id`
	selectRecorded  = `SELECT id, digest FROM ledger_journal WHERE recorded_at >= $1 AND recorded_at < $2 ORDER BY id`
	selectFirst     = `SELECT COALESCE(MIN(recorded_at), 0) FROM ledger_journal`

	insertBatch     = `INSERT INTO ledger_batch (day, until_at, journals, digest, chain) VALUES ($1, $2, $3, $4, $5)`
	batchCols       = `day, until_at, journals, digest, chain`
	selectLastBatch = `SELECT ` + batchCols + ` FROM ledger_batch ORDER BY until_at DESC LIMIT 1`
	selectBatches   = `SELECT ` + batchCols + ` FROM ledger_batch ORDER BY until_at`
	// What was held at the end of the day before, and what the day brought.
	insertSnapshot = `INSERT INTO ledger_snapshot (at, account, party, currency, amount)
		SELECT CAST($1 AS BIGINT), account, party, currency, CAST(SUM(amount) AS BIGINT) FROM (
			SELECT account, party, currency, amount FROM ledger_snapshot WHERE at = $2
			UNION ALL
			SELECT e.account, e.party, e.currency, e.amount FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
				WHERE j.recorded_at >= $3 AND j.recorded_at < $4
		) held GROUP BY account, party, currency HAVING SUM(amount) <> 0`
	selectSnapshot = `SELECT account, party, currency, amount FROM ledger_snapshot WHERE at = $1`
	selectSumsAt   = `SELECT e.account, e.party, e.currency, CAST(SUM(e.amount) AS BIGINT) FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
		WHERE j.recorded_at < $1 GROUP BY e.account, e.party, e.currency HAVING SUM(e.amount) <> 0`

	// A mirror counts as what it takes back.
	kindOf = `CASE WHEN j.reverses IS NULL THEN j.kind ELSE (SELECT o.kind FROM ledger_journal o WHERE o.id = j.reverses) END`

	selectSettled = `SELECT COALESCE(MAX(id), '') FROM ledger_journal WHERE recorded_at < $1`
	selectChecked = `SELECT journal FROM ledger_checked WHERE name = $1`
	upsertChecked = `INSERT INTO ledger_checked (name, journal, at, wrong) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET journal = excluded.journal, at = excluded.at, wrong = excluded.wrong`
	selectNewEntries = `SELECT j.id, j.kind, j.digest, COALESCE(j.reverses, ''), e.account, e.party, e.currency, e.amount
		FROM ledger_journal j LEFT JOIN ledger_entry e ON e.journal = j.id WHERE j.id > $1 ORDER BY j.id, e.line`
	selectSumOf   = `SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ledger_entry WHERE account = $1 AND party = $2 AND currency = $3`
	selectLiquid  = `SELECT currency, bank, inflight FROM ledger_liquidity`
	selectVendors = `SELECT e.account, e.party, e.currency, ` + kindOf + `, CAST(SUM(e.amount) AS BIGINT) FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
		WHERE e.account IN ('vendor.payable', 'vendor.hold', 'vendor.deposit', 'vendor.receivable') GROUP BY 1, 2, 3, 4`

	selectIncome = `SELECT e.account, e.party, e.currency, ` + kindOf + `, CAST(SUM(e.amount) AS BIGINT) FROM ledger_entry e JOIN ledger_journal j ON j.id = e.journal
		WHERE (e.account = 'tax.payable' AND j.kind IN ('P27', 'P29', 'P35', 'P34')) OR (e.account IN ('buyer.receivable', 'uncollected') AND j.kind = 'P28')
		GROUP BY 1, 2, 3, 4`

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

type flow struct {
	day   int64
	kind  Kind
	minor int64
}

func scanFlow(s db.Scanner) (f flow, err error) {
	err = s.Scan(&f.day, &f.kind, &f.minor)
	return f, err
}

// scanCount reads a number of journals or entries and their sum.
func scanCount(s db.Scanner) ([2]int64, error) {
	var v [2]int64
	err := s.Scan(&v[0], &v[1])
	return v, err
}

func scanTotal(s db.Scanner) (Total, error) {
	var t Total
	err := s.Scan(&t.Account, &t.Amount.Currency, &t.Amount.Minor)
	return t, err
}

func scanLine(s db.Scanner) (Line, error) {
	var l Line
	var c money.Currency
	amounts := []*money.Amount{&l.Net, &l.Tax, &l.Fee, &l.Returned, &l.Released, &l.Taken, &l.Compensated, &l.Cap}
	err := s.Scan(&l.ID, &l.Vendor, &l.Account, &l.Provider, &c, &l.Net.Minor, &l.Tax.Minor, &l.Fee.Minor, &l.Returned.Minor, &l.Released.Minor,
		&l.Taken.Minor, &l.Compensated.Minor, &l.Cap.Minor, &l.CapBasis, &l.Disputes, &l.Version)
	for _, a := range amounts {
		a.Currency = c
	}
	return l, err
}

func scanPeriod(s db.Scanner) (Period, error) {
	var p Period
	var until, closed int64
	err := s.Scan(&p.Month, &until, &closed, &p.ClosedBy, &p.Journals, &p.Digest)
	p.Until, p.ClosedAt = db.Time(until), db.Time(closed)
	return p, err
}

func scanBatch(s db.Scanner) (Batch, error) {
	var b Batch
	var day string
	var until int64
	if err := s.Scan(&day, &until, &b.Journals, &b.Digest, &b.Chain); err != nil {
		return Batch{}, err
	}
	var err error
	b.Until = db.Time(until)
	b.Day, err = calendar.ParseDate(day)
	return b, err
}

func scanDigest(s db.Scanner) (d [2]string, err error) {
	err = s.Scan(&d[0], &d[1])
	return d, err
}

type liquid struct {
	currency       money.Currency
	bank, inflight int64
}

func scanLiquid(s db.Scanner) (liquid, error) {
	var l liquid
	err := s.Scan(&l.currency, &l.bank, &l.inflight)
	return l, err
}

// vendorSum is what one kind of posting did to one vendor account.
type vendorSum struct {
	key
	kind  Kind
	minor int64
}

func scanVendorSum(s db.Scanner) (vendorSum, error) {
	var v vendorSum
	err := s.Scan(&v.account, &v.party, &v.currency, &v.kind, &v.minor)
	return v, err
}

// pursed is a vendor's balance on one account.
type pursed struct {
	account Account
	minor   int64
}

func scanPurse(s db.Scanner) (pursed, error) {
	var p pursed
	err := s.Scan(&p.account, &p.minor)
	return p, err
}

func scanHolding(s db.Scanner) (Holding, error) {
	var h Holding
	var since int64
	err := s.Scan(&h.Account, &h.Party, &h.Amount.Currency, &h.Amount.Minor, &since)
	h.Since = db.Time(since)
	return h, err
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
