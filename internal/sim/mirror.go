package sim

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/ledger"
)

// The rows of the database that the oracle follows, as they are stored: read
// without the packages that write them.
type (
	orderRow struct {
		ID, Line, Account, Vendor, Product, State, Attempt string
		Paid, Net, Tax, Commission, Quantity               int64
		Placed, PaidAt, Delivered                          int64
		TaxBy, Gateway                                     string
	}
	attemptRow struct {
		ID, Order, State, CaptureID                                                      string
		Mismatch, Finished                                                               bool
		Amount, Captured, CapturedAt, Refunded, Fee, Split, Returned, Disputed, Disputes int64
	}
	refundRow struct {
		ID, Attempt, Cause, State string
		Amount, Return            int64
		Bounced                   bool
	}
	splitRow struct {
		ID, Attempt, State string
		Share, Returned    int64
		Finish             bool
	}
	returnRow struct {
		ID, Refund, Split, State string
		Amount                   int64
	}
	payoutRow struct {
		ID, Vendor, State string
		Amount, Fee       int64
	}
	disputeRow struct {
		ID, ProviderID, Attempt, State string
		Round, Amount, Covered, Fee    int64
	}
	collectionRow struct {
		Line, Order, Vendor, Attempt, State                      string
		Gross, Parts, Part, Freed, Shared, Due, ActBy, Collected int64
	}
	withdrawalRow struct {
		ID, Vendor, Purpose, State, Requested, First, Second, Payout string
		Amount, Approvals, RequestedAt                               int64
	}
	journalRow struct {
		ID, Effect, Kind, Cause, Reverses string
		Entries                           []entryRow
	}
	entryRow struct {
		Account ledger.Account
		Party   string
		Minor   int64
	}
)

const (
	readOrders = `SELECT o.id, l.id, o.account, o.vendor, l.product, o.state, o.attempt, o.paid, o.net, o.tax, l.commission, l.quantity, o.placed_at, o.paid_at,
		o.delivered_at, l.tax_by, o.gateway FROM order_order o JOIN order_line l ON l.order_id = o.id WHERE o.id IN `
	readAttempts = `SELECT id, order_id, state, capture_id, mismatch, split_finished, amount_minor, captured_minor, captured_at, refunded_minor, fee_minor,
		split_minor, returned_minor, disputed_minor, disputes_open FROM payment_attempt WHERE id IN `
	readRefunds     = `SELECT id, attempt_id, cause, state, amount_minor, return_minor, bounced FROM payment_refund WHERE id IN `
	readSplits      = `SELECT id, attempt_id, state, share_minor, returned_minor, finish FROM payment_split WHERE id IN `
	readReturns     = `SELECT id, refund_id, split_id, state, amount_minor FROM payment_return WHERE id IN `
	readPayouts     = `SELECT id, vendor_id, state, amount_minor, fee_minor FROM payment_payout WHERE id IN `
	readDisputes    = `SELECT id, provider_id, attempt_id, state, round, amount_minor, covered_minor, fee_minor FROM payment_dispute WHERE id IN `
	readCollections = `SELECT line, order_id, vendor, attempt, state, gross, parts, part, freed, shared, due_at, act_by, collected_at
		FROM settlement_collection WHERE line IN `
	readWithdrawals = `SELECT id, vendor, purpose, state, requested_by, first_by, second_by, payout, amount, approvals, requested_at
		FROM settlement_withdrawal WHERE id IN `
	readJournals = `SELECT j.id, j.effect_key, j.kind, j.cause, COALESCE(j.reverses, ''), e.account, e.party, e.amount
		FROM ledger_journal j JOIN ledger_entry e ON e.journal = j.id WHERE j.id IN `
	readBalance    = `SELECT CAST(COALESCE(SUM(debit - credit), 0) AS BIGINT) FROM ledger_balance WHERE account = $1 AND party = $2`
	readBalances   = `SELECT account, party, CAST(SUM(debit - credit) AS BIGINT) FROM ledger_balance GROUP BY account, party`
	readLine       = `SELECT returned, released - taken, compensated, cap, disputes FROM ledger_line WHERE line = $1`
	readExceptions = `SELECT object FROM job_job WHERE state = 'failed' ORDER BY id`
)

func scanOrder(s db.Scanner) (v orderRow, err error) {
	err = s.Scan(&v.ID, &v.Line, &v.Account, &v.Vendor, &v.Product, &v.State, &v.Attempt, &v.Paid, &v.Net, &v.Tax, &v.Commission, &v.Quantity, &v.Placed,
		&v.PaidAt, &v.Delivered, &v.TaxBy, &v.Gateway)
	return v, err
}

func scanAttempt(s db.Scanner) (v attemptRow, err error) {
	err = s.Scan(&v.ID, &v.Order, &v.State, &v.CaptureID, &v.Mismatch, &v.Finished, &v.Amount, &v.Captured, &v.CapturedAt, &v.Refunded, &v.Fee, &v.Split,
		&v.Returned, &v.Disputed, &v.Disputes)
	return v, err
}

func scanRefund(s db.Scanner) (v refundRow, err error) {
	err = s.Scan(&v.ID, &v.Attempt, &v.Cause, &v.State, &v.Amount, &v.Return, &v.Bounced)
	return v, err
}

func scanSplit(s db.Scanner) (v splitRow, err error) {
	err = s.Scan(&v.ID, &v.Attempt, &v.State, &v.Share, &v.Returned, &v.Finish)
	return v, err
}

func scanReturn(s db.Scanner) (v returnRow, err error) {
	err = s.Scan(&v.ID, &v.Refund, &v.Split, &v.State, &v.Amount)
	return v, err
}

func scanPayout(s db.Scanner) (v payoutRow, err error) {
	err = s.Scan(&v.ID, &v.Vendor, &v.State, &v.Amount, &v.Fee)
	return v, err
}

func scanDispute(s db.Scanner) (v disputeRow, err error) {
	err = s.Scan(&v.ID, &v.ProviderID, &v.Attempt, &v.State, &v.Round, &v.Amount, &v.Covered, &v.Fee)
	return v, err
}

func scanCollection(s db.Scanner) (v collectionRow, err error) {
	err = s.Scan(&v.Line, &v.Order, &v.Vendor, &v.Attempt, &v.State, &v.Gross, &v.Parts, &v.Part, &v.Freed, &v.Shared, &v.Due, &v.ActBy, &v.Collected)
	return v, err
}

func scanWithdrawal(s db.Scanner) (v withdrawalRow, err error) {
	err = s.Scan(&v.ID, &v.Vendor, &v.Purpose, &v.State, &v.Requested, &v.First, &v.Second, &v.Payout, &v.Amount, &v.Approvals, &v.RequestedAt)
	return v, err
}

// table follows the rows of one kind: as they are now, as they were before the
// last change, and in the order in which they came.
type table[T any] struct {
	prefix, query string
	scan          func(db.Scanner) (T, error)
	id            func(*T) string
	state         func(*T) string

	rows    map[string]*T
	order   []string
	touched []string
}

func follow[T any](prefix, query string, scan func(db.Scanner) (T, error), id, state func(*T) string) *table[T] {
	return &table[T]{prefix: prefix, query: query, scan: scan, id: id, state: state, rows: map[string]*T{}}
}

// touch notes what a statement may have changed.
func (t *table[T]) touch(args []any) {
	for _, arg := range args {
		if s, ok := arg.(string); ok && strings.HasPrefix(s, t.prefix) && len(s) == len(t.prefix)+26 {
			t.mark(s)
		}
	}
}

func (t *table[T]) mark(id string) {
	for _, known := range t.touched {
		if known == id {
			return
		}
	}
	t.touched = append(t.touched, id)
}

// changes are the rows that were touched: before is nil for a new one.
type change[T any] struct{ before, now *T }

// refresh reads what was touched again.
func (t *table[T]) refresh(ctx context.Context, r db.Reader) (all []change[T], err error) {
	for len(t.touched) > 0 {
		n := min(len(t.touched), 1)
		args := make([]any, n)
		for i := range n {
			args[i] = t.touched[i]
		}
		t.touched = t.touched[n:]
		found, err := db.All(ctx, r, t.scan, t.query+db.In(1, n), args...)
		if err != nil {
			return nil, err
		}
		for i := range found {
			now := &found[i]
			id := t.id(now)
			before := t.rows[id]
			if before == nil {
				t.order = append(t.order, id)
			}
			t.rows[id] = now
			all = append(all, change[T]{before, now})
		}
	}
	t.touched = nil
	return all, nil
}

func (t *table[T]) drop() { t.touched = t.touched[:0] }

// each walks the rows in the order in which they came.
func (t *table[T]) each(fn func(*T)) {
	for _, id := range t.order {
		fn(t.rows[id])
	}
}

// pick is a row by the choice of a seed, or nil when there is none that fits. It
// looks at some only, so that a long run costs what a short one does.
func pick[T any](w *world, t *table[T], fits func(*T) bool) *T {
	n := len(t.order)
	for try := 0; try < 12 && n > 0; try++ {
		i := w.rng.IntN(n)
		if try < 8 && n > 12 {
			i = n - 1 - w.rng.IntN(12) // what is young has more to happen to it
		}
		if row := t.rows[t.order[i]]; fits(row) {
			return row
		}
	}
	return nil
}
