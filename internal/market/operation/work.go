package operation

import (
	"context"
	"maps"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
)

// Work runs the jobs of this package.
type Work struct{ Rules }

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		tellJob: {Run: w.tell}, remindJob: {Run: remind}, endJob: {Run: w.end}, snapshotJob: {Run: w.snapshot}, lengthenJob: {Run: w.lengthen},
		alarmJob: {Run: alarm},
	}
}

// Banner is the address that the announcement is linked by on the home page; a
// snapshot looks for it.
const Banner = `href="/wind-down"`

// snapshot keeps the home page of today in both languages and comes back at noon
// tomorrow, until the service has ended. Days on which the work stood still are kept
// late, and say so by the time they were taken; a day that is kept is never changed.
func (w Work) snapshot(ctx context.Context, d *db.DB, j job.Job) error {
	var v WindDown
	if err := d.Read(ctx, func(r db.Reader) (err error) {
		v, err = WindDownOf(ctx, r, ID(j.Object))
		return err
	}); err != nil {
		return err
	}
	pages := map[text.Lang]string{}
	for _, l := range []text.Lang{text.ZH, text.EN} {
		if v.State != Announced {
			break
		}
		pages[l] = v.Document
		if w.Page != nil {
			page, err := w.Page(ctx, l)
			if err != nil {
				return err
			}
			pages[l] = page
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if v, err := WindDownOf(ctx, tx, ID(j.Object)); err != nil || v.State != Announced {
			if err != nil {
				return err
			}
			return job.Done(ctx, tx, j)
		}
		today := calendar.On(tx.Now())
		kept, err := Snapshots(ctx, tx, v.ID)
		if err != nil {
			return err
		}
		late := missed(kept, calendar.On(v.AnnouncedAt), today)
		for _, day := range append(late, today) {
			for l, page := range pages {
				tx.Queue(insertSnapshot, j.Object, day.String(), string(l), strings.Contains(page, Banner), hashOf(page), page, db.Micros(tx.Now()))
			}
		}
		if err := audit.Record(ctx, tx, audit.Job(j.Kind), audit.Entry{
			Act: "operation.home_page_kept", Subjects: []string{j.Object}, Clauses: []string{"UA 8.1", "ECL 16"},
			Data: map[string]any{"day": today.String(), "late": len(late), "zh_sha256": hashOf(pages[text.ZH]), "en_sha256": hashOf(pages[text.EN]), "shown": strings.Contains(pages[text.ZH], Banner)},
		}); err != nil {
			return err
		}
		if err := job.Done(ctx, tx, j); err != nil {
			return err
		}
		if next := today.AddDays(1).Start().Add(12 * time.Hour); next.Before(v.EndAt) {
			return job.Enqueue(ctx, tx, job.Spec{Kind: snapshotJob, Object: j.Object, At: next, Unique: true})
		}
		return nil
	})
}

const lengthenJob = "operation.lengthen"

// lengthen gives one page of rights the time back that an interruption took.
func (w Work) lengthen(ctx context.Context, d *db.DB, j job.Job) error {
	var after string
	if err := j.Decode(&after); err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		n, err := readInterruption(ctx, tx, ID(j.Object))
		if err != nil {
			return err
		}
		if w.Lengthen != nil && !n.ResolvedAt.IsZero() {
			next, rights, err := w.Lengthen(ctx, tx, audit.Job(j.Kind), n, after)
			if err != nil {
				return err
			}
			if rights > 0 {
				tx.Queue(addExtended, rights, j.Object)
			}
			if next != "" {
				if err := job.Enqueue(ctx, tx, job.Spec{Kind: lengthenJob, Object: j.Object, Name: next, Payload: next}); err != nil {
					return err
				}
			}
		}
		return job.Done(ctx, tx, j)
	})
}

// tell tells one page of the accounts of a round and leaves a job for the next, so
// that each account is told once however often the work is interrupted.
func (w Work) tell(ctx context.Context, d *db.DB, j job.Job) error {
	var at telling
	if err := j.Decode(&at); err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		v, err := found(db.One(ctx, tx, scanRound, selectRound, j.Object, at.Round))
		if err != nil {
			return err
		}
		page, last, err := w.page(ctx, tx, v.Audience, at.After)
		if err != nil {
			return err
		}
		for _, to := range page {
			n := message.Notice{Code: v.Code, To: to, Link: v.Link, Params: maps.Clone(v.Params)}
			id, err := message.Deliver(ctx, tx, n)
			if err != nil {
				return err
			}
			tx.Queue(insertTold, j.Object, v.Name, string(to), string(id), db.Micros(tx.Now()))
		}
		if last == "" {
			if _, err := tx.Exec(ctx, endRound, db.Micros(tx.Now()), j.Object, v.Name); err != nil {
				return err
			}
		} else if err := job.Enqueue(ctx, tx, job.Spec{Kind: tellJob, Object: j.Object, Name: v.Name + "/" + string(last), Payload: telling{v.Name, last}}); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// end makes the announced end come, and keeps what was still open then.
func (w Work) end(ctx context.Context, d *db.DB, j job.Job) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		v, err := WindDownOf(ctx, tx, ID(j.Object))
		if err != nil {
			return err
		}
		if v.State == Announced && !tx.Now().Before(v.EndAt) {
			after := v
			after.State, after.EndedAt = Ended, tx.Now()
			if w.Left != nil {
				if after.OpenAtEnd, err = w.Left(ctx, tx); err != nil {
					return err
				}
			}
			if err := after.move(ctx, tx, v); err != nil {
				return err
			}
			if err := after.record(ctx, tx, audit.Job(endJob), "operation.service_ended"); err != nil {
				return err
			}
		}
		return job.Done(ctx, tx, j)
	})
}

const (
	alarmJob    = "operation.alarm" // the authority has to be told of a breach
	alarmBefore = "before"          // the time is running out
	alarmAfter  = "after"           // it is over
)

// alarm tells the operator's people that the authority has not been told of a breach
// of personal data (OP-02), before its time is over and when it is. Where it was
// told, or need not be, nothing is said.
//
// Clause: PIPL 57 (the authority is told of a breach in time).
func alarm(ctx context.Context, d *db.DB, j job.Job) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		i, err := readIncident(ctx, tx, ID(j.Object))
		if err != nil {
			return err
		}
		if due := i.AuthorityOwed(); !due.IsZero() {
			to, err := account.OperatorID(ctx, tx)
			if err != nil {
				return err
			}
			params := map[string]string{"Incident": j.Object, "Over": "", "DueAt": due.Format(time.RFC3339), "DetectedAt": i.DetectedAt.Format(time.RFC3339)}
			if j.Name == alarmAfter {
				params["Over"] = "yes"
			}
			if err := message.Send(ctx, tx, message.Notice{Code: "OP-02", To: to, Link: "/operator/incidents/" + j.Object, Params: params}); err != nil {
				return err
			}
			if err := i.record(ctx, tx, audit.Job(j.Kind), "operation.incident_alarm_"+j.Name, map[string]any{"authority_due": db.Micros(due)}); err != nil {
				return err
			}
		}
		return job.Done(ctx, tx, j)
	})
}

// remind begins the round of a reminder.
func remind(ctx context.Context, d *db.DB, j job.Job) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		v, err := WindDownOf(ctx, tx, ID(j.Object))
		if err != nil {
			return err
		}
		if v.State == Announced {
			if err := v.tell(ctx, tx, j.Name, Audience{Everyone: true}); err != nil {
				return err
			}
		}
		return job.Done(ctx, tx, j)
	})
}
