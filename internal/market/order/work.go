package order

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
)

// expireJob ends an order that was not paid in time.
const expireJob = "order.expire"

// Work holds the jobs of this package.
type Work struct{}

// Handlers are the jobs by kind.
func (Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{expireJob: {Run: expire}}
}

func expire(ctx context.Context, d *db.DB, j job.Job) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		o, err := get(ctx, tx, ID(j.Object))
		if err != nil {
			return err
		}
		if o.State == AwaitingPayment && !tx.Now().Before(o.ExpiresAt) {
			if err := end(ctx, tx, audit.Job(expireJob), &o, Expired); err != nil {
				return err
			}
			content, err := o.Content()
			if err != nil {
				return err
			}
			if err := message.Send(ctx, tx, message.Notice{
				Code: "O-03", To: o.Account, Link: "/orders/" + string(o.ID), Params: about(o, content.Name),
			}); err != nil {
				return err
			}
		}
		return job.Done(ctx, tx, j)
	})
}
