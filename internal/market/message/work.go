package message

import (
	"context"
	"errors"
	"slices"
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
	Sender  mail.Sender
	BaseURL string // of the site, "https://market.example.com"; "": mails carry no link
}

// Handlers returns the job handlers by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		account.NoticeJob: {Run: send},
		MailJob: {Run: w.mail, GiveUp: func(ctx context.Context, tx *db.Tx, j job.Job, _ error) error {
			_, err := tx.Exec(ctx, sqlMoveDelivery, "failed", "", 0, j.Object)
			return err
		}},
	}
}

// send turns a notice that an earlier package left into a message.
func send(ctx context.Context, d *db.DB, j job.Job) error {
	var n Notice
	if err := j.Decode(&n); err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := Send(ctx, tx, n); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// mail reads a delivery, talks to the mail server with no transaction open, and
// records its receipt.
func (w Work) mail(ctx context.Context, d *db.DB, j job.Job) error {
	var m mail.Message
	var open bool
	err := d.Read(ctx, func(r db.Reader) error {
		v, err := db.One(ctx, r, scanDelivery, sqlGetDelivery, j.Object)
		if err != nil || v.state != "queued" {
			return err
		}
		m, open, err = w.compose(ctx, r, v)
		return err
	})
	if err != nil {
		return err
	}
	state, receipt, sent := "failed", "", time.Time{}
	if open {
		receipt, err = w.Sender.Send(ctx, m)
		switch {
		case err == nil:
			state, sent = "sent", d.Now()
		case !errors.Is(err, mail.ErrRefused) && !errors.Is(err, mail.ErrMessage):
			return err
		}
	}
	// Guarded by the lease's token, and by the state that the receipt is for.
	return d.Write(ctx, func(tx *db.Tx) error {
		tx.Queue(sqlMoveDelivery, state, receipt, db.Micros(sent), j.Object)
		return job.Done(ctx, tx, j)
	}, db.Guarded)
}

// compose writes the mail in its reader's language. It answers false when the
// user does not own the account any more.
func (w Work) compose(ctx context.Context, r db.Reader, v delivery) (mail.Message, bool, error) {
	item, err := db.One(ctx, r, scan(r), sqlGet, v.notice)
	if err != nil {
		return mail.Message{}, false, err
	}
	owners, err := account.Contacts(ctx, r, item.Account)
	if err != nil {
		return mail.Message{}, false, err
	}
	i := slices.IndexFunc(owners, func(c account.Contact) bool { return string(c.User) == v.user })
	if i < 0 {
		return mail.Message{}, false, nil
	}
	l, _ := text.ParseLang(owners[i].Locale)
	body := item.Body(l)
	if item.Link != "" && w.BaseURL != "" {
		body += "\n\n" + strings.TrimSuffix(w.BaseURL, "/") + item.Link
	}
	return mail.Message{To: owners[i].Email, Subject: item.Title(l), Text: body}, true, nil
}
