package infringement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

const (
	expireJob = "infringement.expire" // the time to confirm an address is over
	lapseJob  = "infringement.lapse"  // the fifteen days are over
	mailJob   = "infringement.mail"   // a mail to somebody without an account
)

// Work holds what the jobs of this package need.
type Work struct {
	Rules   Rules
	Sender  mail.Sender
	BaseURL string
}

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		expireJob: {Run: w.doing(expire)},
		lapseJob:  {Run: w.doing(w.lapse)},
		mailJob: {Run: w.mail, GiveUp: func(ctx context.Context, tx *db.Tx, j job.Job, _ error) error {
			_, err := tx.Exec(ctx, moveMail, "failed", "", "", 0, j.Object)
			return err
		}},
	}
}

// doing runs a job's effect and its end in one transaction.
func (w Work) doing(do func(ctx context.Context, tx *db.Tx, j job.Job, n Notice) error) func(context.Context, *db.DB, job.Job) error {
	return func(ctx context.Context, d *db.DB, j job.Job) error {
		return d.Write(ctx, func(tx *db.Tx) error {
			n, err := read(ctx, tx, ID(j.Object))
			if err != nil {
				return err
			}
			if err := job.Done(ctx, tx, j); err != nil {
				return err
			}
			return do(ctx, tx, j, n)
		})
	}
}

// lapse lifts the measure when nothing was filed within the fifteen days.
func (w Work) lapse(ctx context.Context, tx *db.Tx, j job.Job, n Notice) error {
	if !lapses(n, tx.Now()) {
		return nil
	}
	return w.Rules.end(ctx, tx, audit.Job(j.Kind), &n, evLapse, Timer, said{})
}

// expire forgets what was handed in with an address that nobody confirmed.
func expire(ctx context.Context, tx *db.Tx, j job.Job, n Notice) error {
	if n.State != Unconfirmed {
		return nil
	}
	n.Words, n.Summary, n.Location = Words{}, "", ""
	return step(ctx, tx, audit.Job(j.Kind), &n, evExpire, Timer, said{})
}

type letter struct {
	notice Notice
	about  string
	state  string
}

// mail writes to who gave a notice without an account, with no transaction open.
// The server's receipt is the arrival of a counter-statement.
func (w Work) mail(ctx context.Context, d *db.DB, j job.Job) error {
	var l letter
	var m mail.Message
	err := d.Read(ctx, func(r db.Reader) (err error) {
		if l, err = letterOf(ctx, r, j.Object); err != nil {
			return err
		}
		m, err = w.compose(ctx, r, l)
		return err
	})
	if err != nil {
		return err
	}
	state, receipt, sent := "failed", "", time.Time{}
	if l.state == "queued" && m.To != "" {
		receipt, err = w.Sender.Send(ctx, m)
		switch {
		case err == nil:
			state, sent = "sent", d.Now()
		case !errors.Is(err, mail.ErrRefused) && !errors.Is(err, mail.ErrMessage):
			return err
		}
	}
	sum := sha256.Sum256([]byte(m.Subject + "\n\n" + m.Text))
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := job.Done(ctx, tx, j); err != nil {
			return err
		}
		rows, err := tx.Exec(ctx, moveMail, state, receipt, hex.EncodeToString(sum[:]), db.Micros(sent), j.Object)
		if err != nil || rows == 0 || state != "sent" || l.about != aboutCounter {
			return err
		}
		n, err := read(ctx, tx, l.notice.ID)
		if err != nil || n.State != CounterForwarded {
			return err
		}
		return arrive(ctx, tx, audit.Job(j.Kind), &n, System, sent, "mail", "")
	})
}

func letterOf(ctx context.Context, r db.Reader, id string) (letter, error) {
	var l letter
	l, err := found(db.One(ctx, r, func(s db.Scanner) (letter, error) {
		var l letter
		return l, s.Scan(&l.notice.ID, &l.about, &l.state)
	}, selectMail, id))
	if err != nil {
		return l, err
	}
	l.notice, err = read(ctx, r, l.notice.ID)
	return l, err
}

// compose writes the mail in its reader's language: the notice N-56, the copy of a
// counter-statement, and the address under which all of it is followed.
func (w Work) compose(ctx context.Context, r db.Reader, l letter) (mail.Message, error) {
	lang, _ := text.ParseLang(l.notice.Language)
	ctx = text.With(ctx, lang)
	kv := []any{"Notice", string(l.notice.ID), "Item", l.notice.Target.Title.In(lang), "Rights", text.T(ctx, "notice.rights."+l.about)}
	if l.about == aboutConfirm {
		kv = append(kv, "Confirm", "yes")
	}
	body := []string{text.T(ctx, "notice.N-56.body", kv...)}
	if l.about == aboutIncomplete {
		var lacks []string
		for _, field := range l.notice.Missing {
			lacks = append(lacks, "- "+text.T(ctx, "infringement.field."+field))
		}
		body = append(body, text.T(ctx, "infringement.missing")+"\n"+strings.Join(lacks, "\n"))
	}
	if l.about == aboutCounter {
		c, ok, err := CounterOf(ctx, r, l.notice.ID)
		if err != nil {
			return mail.Message{}, err
		}
		if ok {
			body = append(body, c.Name+"\n"+c.Contact, c.Statement, c.Proof, text.T(ctx, "infringement.counter.next"))
		}
	}
	page := "/infringement/progress/"
	if l.about == aboutConfirm {
		page = "/infringement/confirm/"
	}
	body = append(body, strings.TrimSuffix(w.BaseURL, "/")+page+Key(r, l.notice))
	return mail.Message{To: l.notice.Words.Email, Subject: text.T(ctx, "notice.N-56.title", kv...), Text: strings.Join(body, "\n\n")}, nil
}
