package catalog

import (
	"context"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

// Work runs the jobs of this package.
type Work struct{}

// Handlers are the jobs "catalog.rights", "catalog.delist" and "catalog.moved".
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		movedJob: {Run: moved},
		"catalog.rights": {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := rightsDay(ctx, tx, ProductID(j.Object)); err != nil {
					return err
				}
				return job.Done(ctx, tx, j)
			})
		}},
		"catalog.delist": {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				e, err := db.One(ctx, tx, scanDelisting, selectDelisting, j.Object)
				if err != nil {
					return err
				}
				if err := apply(ctx, tx, e); err != nil {
					return err
				}
				return job.Done(ctx, tx, j)
			})
		}},
	}
}

// rightsDay is a day on which a licence needs attention: before its end the
// vendor is reminded, after it the product is unlisted and the vendor told why.
func rightsDay(ctx context.Context, tx *db.Tx, id ProductID) error {
	p, err := Get(ctx, tx, id)
	if err != nil || p.RightsUntil.IsZero() || p.Scope != "" {
		return err
	}
	if p.RightsUntil.Before(calendar.On(tx.Now())) {
		if unlisted, err := unlist(ctx, tx, p); err != nil || !unlisted {
			return err
		}
	}
	v, err := GetVersion(ctx, tx, p.ListedVersion)
	if err != nil {
		return err
	}
	seller, err := vendor.Get(ctx, tx, p.Vendor)
	if err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{
		Code: "N-21", To: seller.Account, Link: "/vendor/products/" + string(p.ID),
		Params: map[string]string{"ItemZH": v.Content.Name.In(text.ZH), "ItemEN": v.Content.Name.In(text.EN), "Date": p.RightsUntil.String()},
	})
}

// movedJob has the products that left a category indexed anew.
const movedJob = "catalog.moved"

// movedPage is how many products one transaction sends to the index.
const movedPage = 200

func moved(ctx context.Context, d *db.DB, j job.Job) error {
	var after string
	if err := j.Decode(&after); err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		page, err := db.All(ctx, tx, db.Column[ProductID], selectToIndex, j.Object, after, movedPage)
		if err != nil {
			return err
		}
		for _, p := range page {
			if err := changed(ctx, tx, p); err != nil {
				return err
			}
		}
		if len(page) == movedPage {
			last := string(page[movedPage-1])
			if err := job.Enqueue(ctx, tx, job.Spec{Kind: movedJob, Object: j.Object, Name: last, Payload: last}); err != nil {
				return err
			}
		}
		return job.Done(ctx, tx, j)
	})
}
