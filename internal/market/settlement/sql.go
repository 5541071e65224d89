package settlement

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

const (
	cols = `line, order_id, vendor, gateway, attempt, currency, gross, state, parts, part, freed, shared, due_at, act_by, reason,
		collected_at, released_at, finished_at, version`
	insertCollection = `INSERT INTO settlement_collection (` + cols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'held', $8, 0, 0, 0, 0, $9, '', $10, 0, 0, 0) ON CONFLICT DO NOTHING`
	selectCollection = `SELECT ` + cols + ` FROM settlement_collection WHERE line = $1`
	selectOfAttempt  = `SELECT ` + cols + ` FROM settlement_collection WHERE attempt = $1`
	selectOfVendor   = `SELECT ` + cols + ` FROM settlement_collection WHERE vendor = $1 AND line < $2 ORDER BY line DESC LIMIT $3`
	selectInState    = `SELECT ` + cols + ` FROM settlement_collection WHERE state = $1 ORDER BY act_by, line LIMIT $2`
	selectUpcoming   = `SELECT ` + cols + ` FROM settlement_collection WHERE vendor = $1 AND (state = 'held' OR (state = 'released' AND part < parts))
		ORDER BY CASE WHEN due_at = 0 THEN 1 ELSE 0 END, due_at, line LIMIT $2`
	selectReleased = `SELECT ` + cols + ` FROM settlement_collection WHERE vendor = $1 AND released_at > 0 ORDER BY released_at DESC, line DESC LIMIT $2`
	selectOrderOf  = `SELECT order_id FROM settlement_collection WHERE line = $1`
	countOpen      = `SELECT COUNT(*) FROM settlement_collection WHERE vendor = $1 AND state IN ('held', 'released', 'splitting', 'failed')`
	selectFirst    = `SELECT COALESCE(MIN(collected_at), 0) FROM settlement_collection WHERE vendor = $1`

	setDue         = `UPDATE settlement_collection SET due_at = $1 WHERE line = $2 AND state = 'held'`
	setReason      = `UPDATE settlement_collection SET reason = $1 WHERE line = $2`
	setPart        = `UPDATE settlement_collection SET state = 'released', part = $1, released_at = $2, reason = '', version = version + 1 WHERE line = $3 AND version = $4`
	addShare       = `UPDATE settlement_collection SET shared = shared + $1 WHERE line = $2`
	addFreed       = `UPDATE settlement_collection SET freed = freed + $1 WHERE line = $2`
	moveCollection = `UPDATE settlement_collection SET state = $1, reason = $2, finished_at = $3, version = version + 1 WHERE line = $4 AND state NOT IN ('finished', 'ended')`

	wdrCols = `id, vendor, purpose, gateway, payee, currency, amount, state, approvals, requested_by, first_by, second_by, reason, payout,
		requested_at, ended_at`
	insertWithdrawal = `INSERT INTO settlement_withdrawal (` + wdrCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'requested', $8, $9, '', '', '', '', $10, 0) ON CONFLICT DO NOTHING`
	selectWithdrawal  = `SELECT ` + wdrCols + ` FROM settlement_withdrawal WHERE id = $1`
	selectOfPayout    = `SELECT ` + wdrCols + ` FROM settlement_withdrawal WHERE payout = $1`
	selectWithdrawals = `SELECT ` + wdrCols + ` FROM settlement_withdrawal WHERE vendor = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectWaiting     = `SELECT ` + wdrCols + ` FROM settlement_withdrawal WHERE state = 'requested' ORDER BY requested_at, id LIMIT $1`
	sumRequested      = `SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM settlement_withdrawal
		WHERE vendor = $1 AND currency = $2 AND state = 'requested' AND purpose = 'sales'`
	approveFirst  = `UPDATE settlement_withdrawal SET first_by = $1 WHERE id = $2 AND state = 'requested' AND first_by = ''`
	approveSecond = `UPDATE settlement_withdrawal SET second_by = $1 WHERE id = $2 AND state = 'requested' AND first_by <> '' AND second_by = ''`
	setPaying     = `UPDATE settlement_withdrawal SET state = 'paying', payout = $1 WHERE id = $2 AND state = 'requested'`
	endWithdrawal = `UPDATE settlement_withdrawal SET state = $1, reason = $2, ended_at = $3 WHERE id = $4 AND state = $5`

	insertFee = `INSERT INTO settlement_fee (id, vendor, kind, year, amount, currency, rulebook, charged_at, charged_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (vendor, kind, year) DO NOTHING`

	insertStated = `INSERT INTO settlement_statement (vendor, month, currency, closing, digest, stated_at, agreed_at, agreed_by, objected_at, objection)
		VALUES ($1, $2, $3, $4, $5, $6, 0, '', 0, '') ON CONFLICT DO NOTHING`
	selectStated = `SELECT digest, stated_at, agreed_at, agreed_by, objection FROM settlement_statement WHERE vendor = $1 AND month = $2 AND currency = $3`
	selectMonths = `SELECT month, currency, closing, digest, stated_at, agreed_at, agreed_by, objected_at, objection FROM settlement_statement
		WHERE vendor = $1 AND currency = $2 ORDER BY month DESC`
	agreeStated    = `UPDATE settlement_statement SET agreed_at = $1, agreed_by = $2 WHERE vendor = $3 AND month = $4 AND currency = $5 AND agreed_at = 0`
	objectStated   = `UPDATE settlement_statement SET objected_at = $1, objection = $2 WHERE vendor = $3 AND month = $4 AND currency = $5 AND agreed_at = 0`
	agreeByTime    = `UPDATE settlement_statement SET agreed_at = $1, agreed_by = 'time' WHERE agreed_at = 0 AND objection = '' AND stated_at <= $2`
	selectStatable = `SELECT DISTINCT vendor FROM settlement_collection WHERE collected_at < $1 ORDER BY vendor`
)

func scanCollection(s db.Scanner) (Collection, error) {
	var c Collection
	var cur money.Currency
	var due, by, collected, released, finished int64
	err := s.Scan(&c.Line, &c.Order, &c.Vendor, &c.Gateway, &c.Attempt, &cur, &c.Gross.Minor, &c.State, &c.Parts, &c.Part, &c.Freed.Minor, &c.Shared.Minor,
		&due, &by, &c.Reason, &collected, &released, &finished, &c.Version)
	c.Gross.Currency, c.Freed.Currency, c.Shared.Currency = cur, cur, cur
	c.DueAt, c.ActBy, c.CollectedAt, c.ReleasedAt, c.FinishedAt = db.Time(due), db.Time(by), db.Time(collected), db.Time(released), db.Time(finished)
	return c, err
}

func scanWithdrawal(s db.Scanner) (Withdrawal, error) {
	var w Withdrawal
	var requested, ended int64
	err := s.Scan(&w.ID, &w.Vendor, &w.Purpose, &w.Gateway, &w.Payee, &w.Amount.Currency, &w.Amount.Minor, &w.State, &w.Approvals, &w.RequestedBy,
		&w.FirstBy, &w.SecondBy, &w.Reason, &w.Payout, &requested, &ended)
	w.RequestedAt, w.EndedAt = db.Time(requested), db.Time(ended)
	return w, err
}

type stated struct {
	digest         string
	stated, agreed int64
	by, objection  string
}

func scanStated(s db.Scanner) (stated, error) {
	var v stated
	err := s.Scan(&v.digest, &v.stated, &v.agreed, &v.by, &v.objection)
	return v, err
}

func scanMonth(s db.Scanner) (Stated, error) {
	var v Stated
	var at, agreed, objected int64
	err := s.Scan(&v.Month, &v.Closing.Currency, &v.Closing.Minor, &v.Digest, &at, &agreed, &v.AgreedBy, &objected, &v.Objection)
	v.At, v.Agreed, v.Objected = db.Time(at), db.Time(agreed), db.Time(objected)
	return v, err
}

func collection(ctx context.Context, r db.Reader, line string) (Collection, error) {
	c, err := db.One(ctx, r, scanCollection, selectCollection, line)
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	return c, err
}

// insert refuses a second return of a deposit while one is under way.
func insert(ctx context.Context, tx *db.Tx, w Withdrawal) error {
	n, err := tx.Exec(ctx, insertWithdrawal, string(w.ID), string(w.Vendor), string(w.Purpose), w.Gateway, w.Payee, string(w.Amount.Currency), w.Amount.Minor,
		w.Approvals, string(w.RequestedBy), db.Micros(w.RequestedAt))
	if err == nil && n == 0 {
		err = ErrState
	}
	return err
}

// CollectionOf returns the collection of a line.
func CollectionOf(ctx context.Context, r db.Reader, line string) (Collection, error) {
	return collection(ctx, r, line)
}

// OfVendor lists a vendor's collections, newest first, before the cursor.
func OfVendor(ctx context.Context, r db.Reader, v vendor.ID, before string, n int) ([]Collection, error) {
	if before == "" {
		before = "~" // after every id
	}
	return db.All(ctx, r, scanCollection, selectOfVendor, string(v), before, n)
}

// Upcoming lists what a vendor waits for, soonest first, and last what has no day
// yet because it is not delivered.
func Upcoming(ctx context.Context, r db.Reader, v vendor.ID, n int) ([]Collection, error) {
	return db.All(ctx, r, scanCollection, selectUpcoming, string(v), n)
}

// LastReleased lists what was released to a vendor, newest first.
func LastReleased(ctx context.Context, r db.Reader, v vendor.ID, n int) ([]Collection, error) {
	return db.All(ctx, r, scanCollection, selectReleased, string(v), n)
}

// InState lists collections in a state, those first that must be acted on first.
func InState(ctx context.Context, r db.Reader, s State, n int) ([]Collection, error) {
	return db.All(ctx, r, scanCollection, selectInState, string(s), n)
}

// GetWithdrawal returns a withdrawal.
func GetWithdrawal(ctx context.Context, r db.Reader, id WithdrawalID) (Withdrawal, error) {
	w, err := db.One(ctx, r, scanWithdrawal, selectWithdrawal, string(id))
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	return w, err
}

// Withdrawals lists a vendor's, newest first, before the cursor.
func Withdrawals(ctx context.Context, r db.Reader, v vendor.ID, before WithdrawalID, n int) ([]Withdrawal, error) {
	if before == "" {
		before = "~" // after every id
	}
	return db.All(ctx, r, scanWithdrawal, selectWithdrawals, string(v), string(before), n)
}

// Waiting lists what waits for approval, oldest first.
func Waiting(ctx context.Context, r db.Reader, n int) ([]Withdrawal, error) {
	return db.All(ctx, r, scanWithdrawal, selectWaiting, n)
}

// owned refuses whoever does not act for the vendor.
func owned(ctx context.Context, r db.Reader, by audit.Actor, v vendor.ID) error {
	seller, err := vendor.Get(ctx, r, v)
	if err != nil {
		return err
	}
	return account.MustOwn(by, seller.Account)
}

var errStatement = errors.New("settlement: the rows of a statement do not lead to its closing balance")
