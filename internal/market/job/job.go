// Package job keeps work that must happen later or outside a transaction: calls
// to providers and vendors, mail, timers.
//
// A job is enqueued in the transaction that wants it, so it exists exactly if
// the change exists. A worker leases it, works, and ends it in the transaction
// that records the effect.
//
// Owns: leases, fencing, retries, timers. Does not own: what a job does.
//
// Always true:
//   - A job runs at least once; its effect is recorded at most once, because
//     [Done] succeeds only for the newest lease (the fencing token).
//   - At most one waiting job per kind, object and name, when a name is given.
//   - A timer fires only after its time by the database's clock.
//   - A job that failed for the last time is kept as failed and its kind's
//     GiveUp has run in the same transaction.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"yunshi/internal/base/db"
)

// Spec asks for a job.
type Spec struct {
	Kind    string    // "payment.open"
	Object  string    // id of the thing it is about
	Name    string    // tells several waiting jobs of one kind and object apart
	At      time.Time // not before; the zero time means now
	Payload any       // small and without personal data
	Unique  bool      // while one of the same Kind, Object and Name waits, ask for no second
}

// Job is a leased job.
type Job struct {
	ID, Kind, Object, Name string
	Token                  int64 // fencing token of this lease
	Attempt                int   // failed attempts so far
	Payload                json.RawMessage
	EnqueuedAt             time.Time

	ended *atomic.Bool // set once Done is durable; nil in lists
}

// Decode reads the payload.
func (j Job) Decode(into any) error {
	if err := json.Unmarshal(j.Payload, into); err != nil {
		return fmt.Errorf("job: payload of %s %s: %w", j.Kind, j.ID, err)
	}
	return nil
}

// Ended reports whether [Done] has recorded the end of this lease.
func (j Job) Ended() bool { return j.ended.Load() }

// ErrLeaseLost means that another worker has the job now; nothing of this one's
// work may be kept.
var ErrLeaseLost = errors.New("job: the lease was lost")

// Enqueue asks for a job in the caller's transaction.
func Enqueue(_ context.Context, tx *db.Tx, s Spec) error {
	payload, err := json.Marshal(s.Payload)
	if err != nil {
		return fmt.Errorf("job: payload of %s: %w", s.Kind, err)
	}
	name := s.Name
	if s.Unique && name == "" {
		name = "one"
	}
	due := s.At
	if due.IsZero() {
		due = tx.Now()
	}
	tx.Queue(insertJob, tx.ID("job"), s.Kind, s.Object, name, string(payload), db.Micros(due), db.Micros(tx.Now()))
	return nil
}

// Cancel takes back a job that still waits.
func Cancel(_ context.Context, tx *db.Tx, kind, object, name string) error {
	tx.Queue(cancelJob, db.Micros(tx.Now()), kind, object, name)
	return nil
}

// Done ends the job in the transaction that records its effect. It fails with
// [ErrLeaseLost] when the lease has passed on, which rolls the effect back.
func Done(ctx context.Context, tx *db.Tx, j Job) error {
	n, err := tx.Exec(ctx, endJob, db.Micros(tx.Now()), j.ID, j.Token)
	if err == nil && n == 0 {
		err = ErrLeaseLost
	}
	if err == nil && j.ended != nil {
		tx.AfterCommit(func() { j.ended.Store(true) })
	}
	return err
}

// Keep extends the lease in the caller's transaction: before something that cannot
// be taken back leaves the house. It fails with [ErrLeaseLost] when the lease has
// passed on, so that a worker that was asleep sends nothing.
func Keep(ctx context.Context, tx *db.Tx, j Job) error {
	n, err := tx.Exec(ctx, extendJob, db.Micros(tx.Now().Add(lease)), j.ID, j.Token)
	if err == nil && n == 0 {
		err = ErrLeaseLost
	}
	return err
}

// later is a wish to run again, which is not a failure.
type later struct {
	cause error
	after time.Duration
}

func (l *later) Error() string {
	if l.cause == nil {
		return fmt.Sprintf("again in %s", l.after)
	}
	return l.cause.Error()
}
func (l *later) Unwrap() error { return l.cause }

// Later makes a handler's answer "run me again then"; it does not count as a
// failed attempt. The cause may be nil.
func Later(cause error, after time.Duration) error { return &later{cause, after} }

// Stuck is a job that ended in failure or waits after failures, for the
// operator's exception queue.
type Stuck struct {
	Job
	State string
	DueAt time.Time
	Error string
}

// Backlog is how much work there is now.
type Backlog struct {
	Due     int64     // wait although their time has come
	Running int64     // leased, also by a worker that is dead
	Failed  int64     // gave up
	Oldest  time.Time // when the longest due one should have run; zero when none is due
	Expired time.Time // when the lease ran out that nobody has taken over for longest; zero when there is none
}

// Waiting says how much work there is.
func Waiting(ctx context.Context, r db.Reader) (Backlog, error) {
	return db.One(ctx, r, scanBacklog, selectBacklog, db.Micros(r.Now()))
}

// Failed lists jobs that gave up, newest first, at most n.
func Failed(ctx context.Context, r db.Reader, n int) ([]Stuck, error) {
	return db.All(ctx, r, scanStuck, selectFailed, n)
}

// Of lists the jobs of one object, newest first, at most 100.
func Of(ctx context.Context, r db.Reader, object string) ([]Stuck, error) {
	return db.All(ctx, r, scanStuck, selectOfObject, object)
}

// Again lets a failed job run once more, with a fresh count of attempts.
func Again(ctx context.Context, tx *db.Tx, id string) (bool, error) {
	n, err := tx.Exec(ctx, againJob, db.Micros(tx.Now()), id)
	return n == 1, err
}
