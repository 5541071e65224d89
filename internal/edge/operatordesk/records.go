package operatordesk

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

func (d desk) jobs(c *serve.Call) error {
	ctx := c.R.Context()
	var all []job.Stuck
	if err := c.Read(func(r db.Reader) (err error) {
		all, err = job.Failed(ctx, r, 4*perPage)
		return err
	}); err != nil {
		return err
	}
	return show(c, nil, jobsPage(d.frame(c, "/operator/jobs", text.T(ctx, "operatordesk.nav.jobs")), all, c.Actor))
}

// mayRun says who runs a failed job again: finance those that move money, support
// the others, a superadmin all.
func mayRun(by audit.Actor, kind string) bool {
	if strings.HasPrefix(kind, "payment.") || strings.HasPrefix(kind, "settlement.") || strings.HasPrefix(kind, "reconciliation.") {
		return has(by, account.Finance)
	}
	return has(by, account.Support)
}

// again lets a failed job run once more. It does what it always would have done;
// nothing about its outcome is decided here.
func (d desk) again(c *serve.Call) error {
	id := c.R.PathValue("job")
	err := command(c, "job.again", nil, []string{id}, nil, func(ctx context.Context, tx *db.Tx) error {
		all, err := job.Failed(ctx, tx, 4*perPage)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(j job.Stuck) bool { return j.ID == id })
		if i < 0 {
			return serve.ErrNotFound
		}
		if !mayRun(c.Actor, all[i].Kind) {
			return serve.ErrForbidden
		}
		ran, err := job.Again(ctx, tx, id)
		if err == nil && !ran {
			err = serve.ErrNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.Redirect("/operator/jobs")
}

// records is the address of the records of a thing.
func records(subject string) string {
	return "/operator/records?" + url.Values{"subject": {subject}}.Encode()
}

// records shows everything that was recorded about an id.
func (d desk) records(c *serve.Call) error {
	ctx, subject := c.R.Context(), strings.TrimSpace(c.R.URL.Query().Get("subject"))
	var acts []audit.Act
	if subject != "" {
		if err := c.Read(func(r db.Reader) (err error) {
			acts, err = audit.Of(ctx, r, subject)
			return err
		}); err != nil {
			return err
		}
	}
	slices.Reverse(acts)
	return show(c, nil, recordsPage(d.frame(c, "/operator/records", text.T(ctx, "operatordesk.nav.records")), subject, acts))
}

type recordView struct {
	frame
	act    audit.Act
	data   string
	proof  string // the inclusion proof as JSON; "" while the record waits for the log
	placed audit.Inclusion
}

func (d desk) record(c *serve.Call) error {
	ctx, id := c.R.Context(), c.R.PathValue("record")
	var view recordView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.act, err = audit.Get(ctx, r, id); err != nil {
			return err
		}
		view.placed, err = audit.Prove(ctx, r, id)
		if errors.Is(err, audit.ErrNotYet) {
			return nil
		}
		if err != nil {
			return err
		}
		proof, err := json.MarshalIndent(view.placed, "", "  ")
		view.proof = string(proof)
		return err
	}); err != nil {
		return err
	}
	data, err := json.MarshalIndent(view.act.Data, "", "  ")
	if err != nil {
		return err
	}
	view.data = string(data)
	view.frame = d.frame(c, "/operator/records", view.act.Act)
	return show(c, nil, recordPage(view))
}

// log shows the newest checkpoint of the transparency log and how to check it.
func (d desk) log(c *serve.Call) error {
	ctx := c.R.Context()
	var checkpoint audit.Checkpoint
	var any bool
	if err := c.Read(func(r db.Reader) (err error) {
		checkpoint, any, err = audit.Latest(ctx, r)
		return err
	}); err != nil {
		return err
	}
	return show(c, nil, logPage(d.frame(c, "/operator/log", text.T(ctx, "operatordesk.nav.log")), checkpoint, any, c.Market.Info.LogKey))
}

type rulesView struct {
	frame
	bundle   agreement.Bundle
	versions []agreement.Version
	changes  []agreement.Draft
	codes    []page.Option
	by       audit.Actor
	now      time.Time
	refusal  error
	errors   map[string]string
	form     func(string) string
	key      string
}

func (d desk) rules(c *serve.Call) error { return d.rulesAgain(c, nil) }

// rulesAgain lists the changes under way, the documents in force and all versions
// of each.
func (d desk) rulesAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := rulesView{by: c.Actor, now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: c.R.PostFormValue, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.bundle, err = agreement.Current(ctx, r); err != nil {
			return err
		}
		codes, err := agreement.Codes(ctx, r)
		if err != nil {
			return err
		}
		for _, code := range codes {
			some, err := agreement.Versions(ctx, r, code)
			if err != nil {
				return err
			}
			view.versions = append(view.versions, some...)
		}
		if view.codes, err = documentOptions(ctx, r); err != nil {
			return err
		}
		view.changes, err = agreement.Drafts(ctx, r, perPage)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/rules", text.T(ctx, "operatordesk.nav.rules"))
	if refusal != nil {
		view.Path = "/operator/rules"
	}
	return show(c, refusal, rulesPage(view))
}
