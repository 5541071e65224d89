package vendor

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/job"
)

// Work runs the jobs of this package. Left is called in the transaction in which
// a vendor's exit becomes final, so that later packages can follow.
type Work struct {
	Left func(ctx context.Context, tx *db.Tx, id ID) error
}

// Handlers are the jobs "vendor.exit" and "vendor.dossier".
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		"vendor.exit": {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				left, err := leave(ctx, tx, ID(j.Object))
				if err != nil {
					return err
				}
				if left && w.Left != nil {
					if err := w.Left(ctx, tx, ID(j.Object)); err != nil {
						return err
					}
				}
				return job.Done(ctx, tx, j)
			})
		}},
		"vendor.dossier": {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := watch(ctx, tx, j.Object); err != nil {
					return err
				}
				return job.Done(ctx, tx, j)
			})
		}},
	}
}
