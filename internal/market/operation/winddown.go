package operation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

const (
	remindJob   = "operation.remind"
	snapshotJob = "operation.snapshot"
	endJob      = "operation.end"
)

// Proposal is an end of service that one officer asks for. It ends at the first
// moment of Day in Shanghai.
type Proposal struct {
	Day  calendar.Date
	Text Both
	Plan map[Part]Both
}

// noticeDays is the longer of the agreement's notice and the law's home page.
func noticeDays(ctx context.Context, r db.Reader) (int, error) {
	own, err := agreement.Setting[struct{ Days int }](ctx, r, "wind_down_notice")
	if err != nil {
		return 0, err
	}
	posted, err := agreement.Setting[struct{ Days int }](ctx, r, "home_page_notice")
	return max(own.Days, posted.Days), err
}

// Earliest is the first day on which the service could end if that were announced
// now.
func Earliest(ctx context.Context, r db.Reader) (calendar.Date, error) {
	days, err := noticeDays(ctx, r)
	return calendar.On(calendar.NoticeEarliest(r.Now(), days)), err
}

// Propose asks for the end of the whole service. Nothing happens until another
// officer approves.
func Propose(ctx context.Context, tx *db.Tx, by audit.Actor, in Proposal) (_ WindDown, err error) {
	defer fault.Wrap(&err, "operation.Propose(%s)", in.Day)
	if !officer(by) {
		return WindDown{}, ErrForbidden
	}
	if in.Day.IsZero() {
		return WindDown{}, ErrRequired.In("end")
	}
	if wrong := both("text", in.Text); len(wrong) > 0 {
		return WindDown{}, wrong.Err()
	}
	w := WindDown{
		ID: ID(tx.ID("wnd")), State: Proposed, ProposedBy: by.User, ProposedAt: tx.Now(),
		Announcement: Announcement{EndAt: in.Day.Start().UTC(), Text: in.Text, Plan: map[Part]Both{}, Channels: []string{"home_page", "in_site", "mail"}},
	}
	for _, p := range Parts {
		if full(in.Plan[p]) {
			w.Plan[p] = in.Plan[p]
		}
	}
	if err := announceable(ctx, tx, w); err != nil {
		return WindDown{}, err
	}
	if w.Document, w.SHA256, err = encode(w.Announcement); err != nil {
		return WindDown{}, err
	}
	n, err := tx.Exec(ctx, insertWindDown, string(w.ID), db.Micros(w.EndAt), w.Document, w.SHA256, by.User, db.Micros(tx.Now()))
	if err == nil && n == 0 {
		err = ErrOpen
	}
	if err != nil {
		return WindDown{}, err
	}
	return w, w.record(ctx, tx, by, "operation.wind_down_proposed")
}

// announceable asks every rule about an announcement made now.
func announceable(ctx context.Context, r db.Reader, w WindDown) error {
	s, err := ServiceOf(ctx, r)
	if err != nil {
		return err
	}
	if s.State != Operating {
		return ErrOpen
	}
	days, err := noticeDays(ctx, r)
	if err != nil {
		return err
	}
	if err := noticed(r.Now(), w.EndAt, days); err != nil {
		return err
	}
	law, err := agreement.LawInForce(ctx, r)
	if err != nil {
		return err
	}
	return planned(law, w.Plan)
}

func (w WindDown) record(ctx context.Context, tx *db.Tx, by audit.Actor, act string) error {
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: []string{string(w.ID)}, Clauses: []string{"UA 8.1", "ECL 16"},
		Data: map[string]any{"end_at": db.Micros(w.EndAt), "sha256": w.SHA256, "open": w.OpenAtEnd},
	})
}

// Approve announces the end of the service, with the signature of a second officer.
// The notice is counted from now. Everybody is told at once and again before the
// end, and the home page is kept as it was shown each day.
func Approve(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (_ WindDown, err error) {
	defer fault.Wrap(&err, "operation.Approve(%s)", id)
	w, err := WindDownOf(ctx, tx, id)
	if err != nil {
		return w, err
	}
	switch {
	case !officer(by):
		return w, ErrForbidden
	case w.State != Proposed:
		return w, ErrStale
	}
	if err := two(w.ProposedBy, by); err != nil {
		return w, err
	}
	if err := announceable(ctx, tx, w); err != nil {
		return w, err
	}
	after := w
	after.State, after.ApprovedBy, after.AnnouncedAt = Announced, by.User, tx.Now()
	if err := after.move(ctx, tx, w); err != nil {
		return w, err
	}
	if err := after.tell(ctx, tx, "announced", Audience{Everyone: true}); err != nil {
		return w, err
	}
	reminders, err := agreement.Setting[struct {
		Days []int `json:"days_before"`
	}](ctx, tx, "wind_down_reminders")
	if err != nil {
		return w, err
	}
	jobs := []job.Spec{{Kind: snapshotJob, Object: string(id), Unique: true}, {Kind: endJob, Object: string(id), At: w.EndAt, Unique: true}}
	for _, days := range reminders.Days {
		at := calendar.On(w.EndAt).AddDays(-days).Start().Add(reminded)
		if at.After(tx.Now()) {
			jobs = append(jobs, job.Spec{Kind: remindJob, Object: string(id), Name: fmt.Sprintf("%d", days), At: at, Unique: true})
		}
	}
	for _, one := range jobs {
		if err := job.Enqueue(ctx, tx, one); err != nil {
			return w, err
		}
	}
	return after, after.record(ctx, tx, by, "operation.wind_down_announced")
}

// reminded is the time of day at which people are reminded: in the morning.
const reminded = 9 * time.Hour

// tell begins a round of N-91.
func (w WindDown) tell(ctx context.Context, tx *db.Tx, round string, to Audience) error {
	return begin(ctx, tx, Round{
		Object: w.ID, Name: round, Code: "N-91", Link: "/wind-down", Audience: to,
		Params: map[string]string{
			"EndAt": w.EndAt.Format(time.RFC3339), "TextZH": w.Text.ZH, "TextEN": w.Text.EN,
			"PlanZH": w.plan(text.ZH), "PlanEN": w.plan(text.EN), "Days": map[bool]string{true: round}[round != "announced"],
		},
	})
}

// Decline ends a proposal that is not approved.
func Decline(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, reason string) (_ WindDown, err error) {
	defer fault.Wrap(&err, "operation.Decline(%s)", id)
	w, err := WindDownOf(ctx, tx, id)
	if err != nil {
		return w, err
	}
	switch {
	case !officer(by):
		return w, ErrForbidden
	case w.State != Proposed:
		return w, ErrStale
	}
	after := w
	after.State, after.StopBy = Declined, by.User
	if after.StopReason, err = note("reason", reason); err != nil {
		return w, err
	}
	if err := after.move(ctx, tx, w); err != nil {
		return w, err
	}
	return after, after.record(ctx, tx, by, "operation.wind_down_declined")
}

// CallOff takes an announcement back: one officer asks, with a reason, and another
// agrees. The market is then operating again, and everybody is told.
func CallOff(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, reason string) (_ WindDown, err error) {
	defer fault.Wrap(&err, "operation.CallOff(%s)", id)
	w, err := WindDownOf(ctx, tx, id)
	if err != nil {
		return w, err
	}
	switch {
	case !officer(by):
		return w, ErrForbidden
	case w.State != Announced:
		return w, ErrStale
	}
	after := w
	if w.StopBy == "" {
		after.StopBy = by.User
		if after.StopReason, err = note("reason", reason); err != nil {
			return w, err
		}
		if err := after.move(ctx, tx, w); err != nil {
			return w, err
		}
		return after, after.record(ctx, tx, by, "operation.wind_down_call_off_asked")
	}
	if err := two(w.StopBy, by); err != nil {
		return w, err
	}
	after.State, after.StoppedBy, after.StoppedAt = CalledOff, by.User, tx.Now()
	if err := after.move(ctx, tx, w); err != nil {
		return w, err
	}
	if _, err := Publish(ctx, tx, by, Change{
		Kind: ServiceChange, Subject: string(id), EffectiveAt: tx.Now(),
		Title: said("operation.called_off"), Text: said("operation.called_off.text", "Reason", after.StopReason), Migration: said("operation.called_off.migration"),
	}, Audience{Everyone: true}); err != nil {
		return w, err
	}
	return after, after.record(ctx, tx, by, "operation.wind_down_called_off")
}

// WindDownOf returns an end of service.
func WindDownOf(ctx context.Context, r db.Reader, id ID) (WindDown, error) {
	return found(db.One(ctx, r, scanWindDown, selectWindDown, string(id)))
}

// WindDowns lists all ends of service, newest first.
func WindDowns(ctx context.Context, r db.Reader) ([]WindDown, error) {
	return db.All(ctx, r, scanWindDown, selectWindDowns)
}

// WaitingWindDowns lists the proposals that wait for a second officer.
func WaitingWindDowns(ctx context.Context, r db.Reader) ([]WindDown, error) {
	return db.All(ctx, r, scanWindDown, selectWaiting)
}

// Snapshots lists what the home page showed, oldest first.
func Snapshots(ctx context.Context, r db.Reader, id ID) ([]Snapshot, error) {
	return db.All(ctx, r, scanSnapshot, selectSnapshots, string(id))
}

// plan writes the run-off plan as one text.
func (w WindDown) plan(l text.Lang) string {
	var b strings.Builder
	for _, p := range Parts {
		if words, ok := w.Plan[p]; ok {
			fmt.Fprintf(&b, "\n%s: %s", text.In(l, "operation.part."+string(p)), words.In(l))
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// said is a text of the catalogue in both languages.
func said(key string, kv ...any) Both {
	return Both{ZH: text.In(text.ZH, key, kv...), EN: text.In(text.EN, key, kv...)}
}
