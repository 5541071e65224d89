package agreement

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// Work is the background work of the package.
type Work struct {
	Sender  mail.Sender // nil: challenges stay unsent, and are sent when there is one
	BaseURL string      // of the site
}

// Handlers returns the job handlers by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{AnnounceJob: {Run: w.announce}, MailJob: {Run: w.mail}}
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
		notice := account.Notice{Code: "N-02", Link: fmt.Sprintf("/rules/documents/%s/%d/changes", v.Code, v.Number), Params: map[string]string{
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

var errNoSender = errors.New("agreement: no mail server is configured")

// mail sends a challenge with no transaction open, and records its receipt. One
// that was answered or replaced meanwhile is not sent.
func (w Work) mail(ctx context.Context, d *db.DB, j job.Job) error {
	if w.Sender == nil {
		return errNoSender
	}
	var m mail.Message
	due := false
	if err := d.Read(ctx, func(r db.Reader) error {
		c, err := db.One(ctx, r, scanChallenge, sqlGetChallenge, j.Object)
		if err != nil || !c.SentAt.IsZero() || c.Open(ctx, r) != nil {
			return err
		}
		owner, err := c.owner(ctx, r)
		if errors.Is(err, ErrNotAuthorised) {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := Current(ctx, r)
		if err != nil {
			return err
		}
		l, _ := text.ParseLang(owner.Locale)
		due, m = true, mail.Message{
			To:      owner.Email,
			Subject: text.In(l, "rule.mail.subject", "Code", c.Code),
			Text: text.In(l, "rule.mail.text", "Code", c.Code, "Number", b.Number(), "Until", text.Date(text.With(ctx, l), c.ExpiresAt),
				"Link", strings.TrimSuffix(w.BaseURL, "/")+"/agreement/mail/"+token(r, c)),
		}
		return nil
	}); err != nil {
		return err
	}
	receipt := ""
	if due {
		var err error
		receipt, err = w.Sender.Send(ctx, m)
		if err != nil && !errors.Is(err, mail.ErrRefused) && !errors.Is(err, mail.ErrMessage) {
			return err
		}
		due = err == nil
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if due {
			tx.Queue(sqlSentChallenge, db.Micros(tx.Now()), receipt, j.Object)
		}
		return job.Done(ctx, tx, j)
	}, db.Guarded)
}
