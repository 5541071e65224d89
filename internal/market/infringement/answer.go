package infringement

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
)

// statement is the sealed part of a counter-statement.
type statement struct{ Name, Contact, Statement, Proof string }

// Counter takes the statement of who answers for the content that nothing is
// infringed, and forwards it at once to who gave the notice, with word that it may
// complain or sue. The clock starts when it has arrived there. Where no right is
// asserted it goes to the operator instead, who decides.
func (u Rules) Counter(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Counter) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Counter(%s)", id)
	n, err := theirs(ctx, tx, by, id, seen)
	if err != nil {
		return Notice{}, err
	}
	for _, s := range []*string{&in.Name, &in.Contact, &in.Statement, &in.Proof, &in.Summary} {
		*s = strings.TrimSpace(*s)
	}
	var faults fault.List
	for _, field := range counterMissing(in) {
		faults = append(faults, ErrCounter.In(field))
	}
	if err := faults.Err(); err != nil {
		return Notice{}, err
	}
	for field, s := range map[string]string{"statement": in.Statement, "proof": in.Proof, "name": in.Name, "contact": in.Contact} {
		if _, err := words(s, field); err != nil {
			return Notice{}, err
		}
	}
	if err := publishable(in.Summary); err != nil {
		return Notice{}, err
	}
	if err := screened(ctx, tx, by, Other, n.ID,
		content.Text{Field: "summary", Text: in.Summary}, content.Text{Field: "statement", Text: in.Statement}, content.Text{Field: "proof", Text: in.Proof},
		content.Text{Field: "name", Text: in.Name}, content.Text{Field: "contact", Text: in.Contact}); err != nil {
		return Notice{}, err
	}
	sealed, err := tx.Keys().SealJSON(statement{in.Name, in.Contact, in.Statement, in.Proof}, counterAt(n.ID))
	if err != nil {
		return Notice{}, err
	}
	if rows, err := tx.Exec(ctx, insertCounter, string(n.ID), by.Account, by.User, sealed, in.Summary, db.Micros(tx.Now())); err != nil || rows == 0 {
		if err == nil {
			err = ErrStale
		}
		return Notice{}, err
	}
	n.CounterAt = tx.Now()
	if err := step(ctx, tx, by, &n, evCounter, Other, said{}); err != nil {
		return Notice{}, err
	}
	if !n.Asserted() {
		if err := clockAgain(ctx, tx, &n); err != nil {
			return Notice{}, err
		}
		return n, nil
	}
	n.CounterForwardedAt = tx.Now()
	if err := step(ctx, tx, audit.Job("infringement.forward"), &n, evForward, System, said{}); err != nil {
		return Notice{}, err
	}
	if n.Account == "" {
		_, err = tellNotifier(ctx, tx, n, aboutCounter) // it has arrived when the mail has
		return n, err
	}
	if err := arrive(ctx, tx, audit.Job("infringement.forward"), &n, System, tx.Now(), "inbox", ""); err != nil {
		return Notice{}, err
	}
	_, err = tellNotifier(ctx, tx, n, aboutCounter)
	return n, err
}

// clockAgain gives the operator its time to decide on a counter-statement.
func clockAgain(ctx context.Context, tx *db.Tx, n *Notice) error {
	rule, err := agreement.Setting[struct{ Hours int }](ctx, tx, "infringement_review")
	if err != nil {
		return err
	}
	n.ReviewDue = tx.Now().Add(time.Duration(rule.Hours) * time.Hour)
	_, err = tx.Exec(ctx, setReview, db.Micros(n.ReviewDue), string(n.ID))
	return err
}

// arrive starts the clock of fifteen days.
func arrive(ctx context.Context, tx *db.Tx, by audit.Actor, n *Notice, side Side, at time.Time, how, why string) error {
	rule, err := agreement.Setting[struct{ Days int }](ctx, tx, "infringement_counter")
	if err != nil {
		return err
	}
	n.ArrivedAt, n.ArrivedHow = at, how
	n.LiftDue = liftDue(at, rule.Days)
	if err := step(ctx, tx, by, n, evArrive, side, said{note: why}); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: lapseJob, Object: string(n.ID), At: n.LiftDue, Unique: true})
}

// AttachAnswer adds a file of the other side.
func AttachAnswer(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, f File) (err error) {
	defer fault.Wrap(&err, "infringement.AttachAnswer(%s)", id)
	n, err := ofOwner(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if n.State.Ended() {
		return ErrState.With("State", string(n.State))
	}
	return attach(ctx, tx, by, n, Other, f)
}

// ofOwner is a public notice about content that the actor answers for.
func ofOwner(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Notice, error) {
	n, err := read(ctx, r, id)
	if err != nil {
		return Notice{}, err
	}
	switch {
	case by.Account == "" || by.Account != string(n.Target.Owner) || !n.Public():
		return Notice{}, account.ErrForeign
	case !speaksFor(by, n.Target.Owner):
		return Notice{}, ErrForbidden
	}
	return n, nil
}

func theirs(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Notice, error) {
	n, err := ofOwner(ctx, r, by, id)
	if err == nil && n.Version != seen {
		err = ErrStale
	}
	return n, err
}
