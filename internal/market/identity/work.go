package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Work is the background work of the package.
type Work struct{ Checker Checker }

// Handlers returns the job handlers by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{CheckJob: {
		Run:    w.check,
		Ladder: []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour},
		// When the source stays silent the case simply stays in the officers' queue.
		GiveUp: func(context.Context, *db.Tx, job.Job, error) error { return nil },
	}}
}

// check reads the case, asks the checker with no transaction open, and records
// its answer. A case that an officer decided meanwhile keeps that decision.
func (w Work) check(ctx context.Context, d *db.DB, j job.Job) error {
	var v row
	err := d.Read(ctx, func(r db.Reader) error {
		var err error
		v, err = get(ctx, r, ID(j.Object))
		return err
	})
	if err != nil {
		return err
	}
	var out Outcome
	if v.State == Pending {
		out, err = w.Checker.Check(ctx, Request{Case: v.ID, SubjectType: v.SubjectType, IDKind: v.IDKind, Fields: v.plain})
		if err != nil {
			return fmt.Errorf("identity: %s: %w", w.Checker.Name(), err)
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := w.record(ctx, tx, v.ID, out); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

func (w Work) record(ctx context.Context, tx *db.Tx, id ID, out Outcome) error {
	n, err := tx.Exec(ctx, sqlChecked, w.Checker.Name(), sum(out.Response), id)
	if err != nil || n == 0 {
		return err
	}
	v, err := get(ctx, tx, id)
	if err != nil {
		return err
	}
	by := audit.Job(w.Checker.Name())
	switch out.Result {
	case ResultVerified:
		_, err = settle(ctx, tx, by, v.Case, Decision{Approve: true}, out.ValidTo)
	case ResultFailed:
		_, err = settle(ctx, tx, by, v.Case, Decision{Reason: out.Reason}, time.Time{})
	case ResultHuman:
	default:
		err = fmt.Errorf("identity: %s answered %q", w.Checker.Name(), out.Result)
	}
	return err
}

// sum is the SHA-256 of evidence that is not kept itself; "" of nothing.
func sum(evidence []byte) string {
	if len(evidence) == 0 {
		return ""
	}
	h := sha256.Sum256(evidence)
	return hex.EncodeToString(h[:])
}
