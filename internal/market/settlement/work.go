package settlement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// The kinds of job of this package.
const (
	ReleaseJob   = "settlement.release"   // of a line: its money is due, or the provider's freeze ends
	ReserveJob   = "settlement.reserve"   // of a line: what was kept frozen is let go
	TopUpJob     = "settlement.topup"     // of a vendor: the deposit should be whole again
	StatementJob = "settlement.statement" // of the market: last month's statements
	AgreeJob     = "settlement.agree"     // of the market: statements nobody objected to
)

// Work is the background work of the package, and its hooks.
type Work struct {
	Gateways map[string]payment.Gateway
	// Held says why the money of a line may not be released yet: a refund or a case
	// is open. Empty: it may. Nil: nothing asks.
	Held func(ctx context.Context, r db.Reader, line string) (reason string, err error)
}

// Handlers returns the job handlers by kind.
func (w Work) Handlers() map[string]job.Handler {
	in := func(fn func(ctx context.Context, tx *db.Tx, object string) error) job.Handler {
		return job.Handler{Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := fn(ctx, tx, j.Object); err != nil {
					return err
				}
				return job.Done(ctx, tx, j)
			})
		}}
	}
	return map[string]job.Handler{
		ReleaseJob: in(func(ctx context.Context, tx *db.Tx, line string) error {
			return w.release(ctx, tx, audit.Job(ReleaseJob), line)
		}),
		ReserveJob: in(func(ctx context.Context, tx *db.Tx, line string) error {
			_, err := ledger.ReleaseReserve(ctx, tx, line, tx.Now())
			return err
		}),
		TopUpJob:     in(topUp),
		StatementJob: {Run: statements},
		AgreeJob:     in(agree),
	}
}

// Start begins the monthly and daily work, for ever; starting again changes
// nothing.
func Start(ctx context.Context, tx *db.Tx) error {
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: StatementJob, Object: "market", Unique: true}); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: AgreeJob, Object: "market", Unique: true})
}

// topUp reports a vendor whose deposit is still short when its days are over.
func topUp(ctx context.Context, tx *db.Tx, v string) error {
	short, err := vendor.DepositMissing(ctx, tx, vendor.ID(v))
	if err != nil || short.IsZero() {
		return err
	}
	return audit.Record(ctx, tx, audit.Job(TopUpJob), audit.Entry{
		Act: "settlement.deposit.overdue", Subjects: []string{v}, Clauses: []string{"ECL 58"}, Data: map[string]any{"alarm": true, "short": short},
	})
}

// statements states last month for each vendor that sold, one transaction each.
func statements(ctx context.Context, d *db.DB, j job.Job) error {
	var sellers []string
	var last ledger.Month
	now := d.Now()
	err := d.Read(ctx, func(r db.Reader) error {
		from, _, err := ledger.MonthOf(now).Bounds()
		if err != nil {
			return err
		}
		last = ledger.MonthOf(from.Add(-time.Second))
		sellers, err = db.All(ctx, r, db.Column[string], selectStatable, db.Micros(from))
		return err
	})
	if err != nil {
		return err
	}
	for _, v := range sellers {
		if err := d.Write(ctx, func(tx *db.Tx) error { return state(ctx, tx, vendor.ID(v), last, money.CNY) }); err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		_, next, err := ledger.MonthOf(now).Bounds()
		if err != nil {
			return err
		}
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: StatementJob, Object: "market", At: next.Add(time.Hour), Unique: true}); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// agree lets statements count as agreed that nobody objected to in time.
func agree(ctx context.Context, tx *db.Tx, market string) error {
	s, err := agreement.Setting[struct{ Days int }](ctx, tx, "statement_agreed")
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, agreeByTime, db.Micros(tx.Now()), db.Micros(tx.Now().Add(-time.Duration(s.Days)*24*time.Hour))); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: AgreeJob, Object: market, At: tx.Now().Add(24 * time.Hour), Unique: true})
}
