package agreement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// Work is the background work of the package.
type Work struct{}

// Handlers returns the job handlers by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{AnnounceJob: {Run: w.announce}}
}

// announcePage is how many accounts one transaction tells.
const announcePage = 200

// announce tells one page of accounts and leaves a job for the next, so that each
// account is told exactly once however often the work is interrupted.
func (Work) announce(ctx context.Context, d *db.DB, j job.Job) error {
	var a announcement
	if err := j.Decode(&a); err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		v, err := ReadDocument(ctx, tx, a.Code, a.Number)
		if err != nil {
			return err
		}
		page, err := account.List(ctx, tx, a.After, announcePage)
		if err != nil {
			return err
		}
		notice := account.Notice{Code: "N-02", Link: "/agreement/" + v.Code, Params: map[string]string{
			"TitleZH": v.Title.ZH, "TitleEN": v.Title.EN, "EffectiveAt": v.EffectiveAt.Format(time.RFC3339),
		}}
		if v.Kind == KindAgreement {
			notice.Code = "N-01"
		}
		for _, to := range page {
			notice.To = to.ID
			if err := account.Notify(ctx, tx, notice); err != nil {
				return err
			}
		}
		if len(page) == announcePage {
			a.After = page[len(page)-1].ID
			if err := job.Enqueue(ctx, tx, job.Spec{Kind: AnnounceJob, Object: j.Object, Payload: a}); err != nil {
				return err
			}
		}
		return job.Done(ctx, tx, j)
	})
}
