package search

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
)

// Work runs the jobs of this package.
type Work struct{}

// Handlers are the jobs "search.index" (one product) and "search.vendor" (every
// product of a vendor whose name or standing has changed).
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		"search.index": {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := IndexMany(ctx, tx, []catalog.ProductID{catalog.ProductID(j.Object)}); err != nil {
					return err
				}
				return job.Done(ctx, tx, j)
			})
		}},
		"search.vendor": {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			// A transaction may run its function again, so the place is moved only after it has committed.
			for after := catalog.ProductID(""); ; {
				last := after
				err := d.Write(ctx, func(tx *db.Tx) error {
					products, err := catalog.OfVendor(ctx, tx, vendor.ID(j.Object), after, 500)
					if err != nil {
						return err
					}
					if len(products) == 0 {
						last = ""
						return job.Done(ctx, tx, j)
					}
					ids := make([]catalog.ProductID, len(products))
					for i, p := range products {
						ids[i] = p.ID
					}
					last = ids[len(ids)-1]
					return IndexMany(ctx, tx, ids)
				})
				if err != nil || last == "" {
					return err
				}
				after = last
			}
		}},
	}
}
