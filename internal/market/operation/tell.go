package operation

import (
	"context"
	"encoding/json"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

const (
	tellJob = "operation.tell"
	// tellPage is how many accounts one transaction tells.
	tellPage = 200
)

type telling struct {
	Round string     `json:"round"`
	After account.ID `json:"after"`
}

// begin starts a round of notices. What it says is frozen here; a round that was
// begun before is left alone.
func begin(ctx context.Context, tx *db.Tx, v Round) error {
	params, err := json.Marshal(v.Params)
	if err != nil {
		return err
	}
	audience, err := json.Marshal(v.Audience)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, insertRound, string(v.Object), v.Name, v.Code, v.Link, string(params), string(audience), db.Micros(tx.Now()))
	if err != nil || n == 0 {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: tellJob, Object: string(v.Object), Name: v.Name, Payload: telling{Round: v.Name}})
}

// page is the accounts of an audience that come after one. Last is where the page
// after this begins; empty when this is the last.
func (w Work) page(ctx context.Context, r db.Reader, a Audience, after account.ID) (page []account.ID, last account.ID, err error) {
	switch {
	case a.Everyone:
		all, err := account.List(ctx, r, after, tellPage)
		if err != nil {
			return nil, "", err
		}
		for _, one := range all {
			if one.Kind != account.Operator && one.State != account.Closed {
				page = append(page, one.ID)
			}
		}
		if len(all) == tellPage {
			last = all[len(all)-1].ID
		}
		return page, last, nil
	case a.Incident != "":
		page, err = db.All(ctx, r, db.Column[account.ID], selectSubjects, string(a.Incident), string(after), tellPage)
	case w.Affected != nil:
		page, err = w.Affected(ctx, r, a, after, tellPage)
	}
	if len(page) == tellPage {
		last = page[len(page)-1]
	}
	return page, last, err
}

// Rounds lists the rounds of notices about a thing, oldest first.
func Rounds(ctx context.Context, r db.Reader, id ID) ([]Round, error) {
	return db.All(ctx, r, scanRound, selectRounds, string(id))
}

// Receipts lists who was told of a thing, by account, after one.
func Receipts(ctx context.Context, r db.Reader, id ID, after account.ID, n int) ([]Told, error) {
	return db.All(ctx, r, scanTold, selectTold, string(id), string(after), n)
}
