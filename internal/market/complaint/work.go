package complaint

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

const (
	overdueJob = "complaint.overdue" // the vendor's time to answer is over
	lapseJob   = "complaint.lapse"   // nobody went on with it
	silentJob  = "complaint.silent"  // the vendor's time to reply to a claim is over
	paybackJob = "complaint.payback" // the price of a settled claim goes back
	mailJob    = "complaint.mail"    // to somebody without an account
)

// Work holds what the jobs of this package need.
type Work struct {
	Rules   Rules
	Sender  mail.Sender
	BaseURL string // of the site, "https://market.example.com"
}

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		overdueJob: {Run: w.doing(w.overdue)},
		lapseJob:   {Run: w.doing(w.lapse)},
		silentJob:  {Run: w.silent},
		paybackJob: {Run: w.payback},
		mailJob:    {Run: w.mail},
	}
}

// doing runs a job's effect on a complaint and its end in one transaction.
func (w Work) doing(do func(ctx context.Context, tx *db.Tx, j job.Job, c Complaint) error) func(context.Context, *db.DB, job.Job) error {
	return func(ctx context.Context, d *db.DB, j job.Job) error {
		return d.Write(ctx, func(tx *db.Tx) error {
			c, err := read(ctx, tx, ID(j.Object))
			if err != nil {
				return err
			}
			if err := job.Done(ctx, tx, j); err != nil {
				return err
			}
			return do(ctx, tx, j, c)
		})
	}
}

// overdue is what follows when the vendor has not answered in time: where the law
// obliges the operator to help, it takes the complaint up itself; elsewhere the
// silence is noted.
func (w Work) overdue(ctx context.Context, tx *db.Tx, j job.Job, c Complaint) error {
	if !c.VendorOwes || j.Name != fmt.Sprint(db.Micros(c.VendorDue)) || !c.OverdueAt.IsZero() && c.State == Escalated || !c.Open() {
		return nil
	}
	by := audit.Job(j.Kind)
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return err
	}
	c.OverdueAt = tx.Now()
	if helps(c.Matter, law) == nil && c.may(evEscalate, Timer) {
		if err := w.Rules.escalate(ctx, tx, by, &c, Timer, ""); err != nil {
			return err
		}
	} else if c.may(evOverdue, Timer) {
		if err := step(ctx, tx, by, &c, evOverdue, Timer, said{}); err != nil {
			return err
		}
	}
	return moved(ctx, tx, c, evOverdue, true, true)
}

// lapse closes a complaint that its complainant left after an answer.
func (w Work) lapse(ctx context.Context, tx *db.Tx, j job.Job, c Complaint) error {
	if j.Name != fmt.Sprint(db.Micros(c.LapseAt)) || !c.may(evLapse, Timer) {
		return nil
	}
	c.Outcome = Lapsed
	if err := step(ctx, tx, audit.Job(j.Kind), &c, evLapse, Timer, said{}); err != nil {
		return err
	}
	return moved(ctx, tx, c, evLapse, true, true)
}

// silent brings a claim on which the vendor has said nothing before the operator,
// who mediates.
func (w Work) silent(ctx context.Context, d *db.DB, j job.Job) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		c, err := readClaim(ctx, tx, ClaimID(j.Object))
		if err != nil {
			return err
		}
		if err := job.Done(ctx, tx, j); err != nil || !c.may(evSilent, Timer) {
			return err
		}
		if err := stepClaim(ctx, tx, audit.Job(j.Kind), &c, evSilent, Timer, saidClaim{}); err != nil {
			return err
		}
		return tellClaim(ctx, tx, c, evSilent, c.AskedRefund, c.AskedDamages, NoException, "")
	})
}

// errWaits undoes a look at money that may not go back yet.
var errWaits = errors.New("complaint: an invoice has to go back first")

func (w Work) payback(ctx context.Context, d *db.DB, j job.Job) error {
	waits := false
	err := d.Write(ctx, func(tx *db.Tx) error {
		c, err := readClaim(ctx, tx, ClaimID(j.Object))
		if err != nil {
			return err
		}
		clear, err := w.Rules.payback(ctx, tx, audit.Job(j.Kind), c)
		if waits = err == nil && !clear; err != nil || waits {
			return err // what was asked for, a red letter, stays asked for
		}
		return job.Done(ctx, tx, j)
	})
	if waits && err == nil {
		return job.Later(errWaits, 6*time.Hour)
	}
	return err
}

// mail writes to somebody without an account about the report that was made with
// the address.
func (w Work) mail(ctx context.Context, d *db.DB, j job.Job) error {
	var p Report
	var link string
	if err := d.Read(ctx, func(r db.Reader) (err error) {
		p, err = found(db.One(ctx, r, scanReport(r), selectReport, j.Object))
		link = strings.TrimSuffix(w.BaseURL, "/") + "/report/confirm?number=" + string(p.ID) + "&token=" + confirmToken(r, p.ID)
		return err
	}); err != nil {
		return err
	}
	l, _ := text.ParseLang(p.Locale)
	result := ""
	if p.Outcome != "" {
		result = text.In(l, "complaint.report.outcome."+p.Outcome)
	}
	args := []any{"Number", string(p.ID), "Link", link, "Result", result, "Reply", p.Reply}
	m := mail.Message{To: p.Email, Subject: text.In(l, "complaint.mail."+j.Name+".title", args...), Text: text.In(l, "complaint.mail."+j.Name+".body", args...)}
	if w.Sender != nil && (j.Name != "confirm" || p.State == Unconfirmed) {
		if _, err := w.Sender.Send(ctx, m); err != nil && !errors.Is(err, mail.ErrRefused) && !errors.Is(err, mail.ErrMessage) {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error { return job.Done(ctx, tx, j) }, db.Guarded)
}
