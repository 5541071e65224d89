package account

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/job"
)

// Notice is a message to an account by a template of the catalogue. It stands
// here, before the package that renders and delivers it, so that every earlier
// package can leave one.
type Notice struct {
	Code   string            `json:"code"` // "N-11"
	To     ID                `json:"to"`
	Params map[string]string `json:"params,omitempty"` // a name that ends in "At" holds an RFC 3339 time
	Link   string            `json:"link,omitempty"`   // path of a page of ours
}

// NoticeJob is the kind of job that package message works off.
const NoticeJob = "message.send"

// Notify leaves a notice as a job of this transaction.
func Notify(ctx context.Context, tx *db.Tx, n Notice) error {
	return job.Enqueue(ctx, tx, job.Spec{Kind: NoticeJob, Object: string(n.To), Payload: n})
}
