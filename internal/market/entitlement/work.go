package entitlement

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Work ends rights whose term is over. Expired is told in the same transaction;
// package delivery uses it to have the vendor isolate the instance. It may be nil.
type Work struct {
	Expired func(ctx context.Context, tx *db.Tx, e Entitlement) error
}

// Handlers are the jobs of this package.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{"entitlement.expire": {Run: w.expire}}
}

func (w Work) expire(ctx context.Context, d *db.DB, j job.Job) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		e, err := Read(ctx, tx, ID(j.Object))
		if err != nil {
			return err
		}
		if (e.State == Active || e.State == Suspended) && !e.EndsAt.IsZero() {
			if tx.Now().Before(e.EndsAt) { // the end was moved by a renewal
				if err := job.Done(ctx, tx, j); err != nil {
					return err
				}
				return job.Enqueue(ctx, tx, job.Spec{Kind: j.Kind, Object: j.Object, At: e.EndsAt, Unique: true})
			}
			if e, err = End(ctx, tx, audit.Job(j.Kind), e.ID, Expired); err != nil {
				return err
			}
			if w.Expired != nil {
				if err := w.Expired(ctx, tx, e); err != nil {
					return err
				}
			}
		}
		return job.Done(ctx, tx, j)
	})
}
