package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
)

// Handler does the work of one kind.
type Handler struct {
	// Run works with no transaction open, then records the effect in one and
	// calls [Done] there. A nil answer without Done ends the job as well.
	Run func(ctx context.Context, d *db.DB, j Job) error
	// Ladder holds the waits between attempts; after the last one the job fails.
	// Nil means DefaultLadder.
	Ladder []time.Duration
	// GiveUp records that the job has failed for good. It may be nil.
	GiveUp func(ctx context.Context, tx *db.Tx, j Job, cause error) error
}

// DefaultLadder retries for about a day.
var DefaultLadder = []time.Duration{
	time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 16 * time.Hour,
}

const (
	lease  = 30 * time.Second
	idle   = 100 * time.Millisecond // between looks at an empty queue
	width  = 16                     // jobs of one node that run at once
	gather = 5 * time.Millisecond   // for more slots to become free
)

// Worker runs the jobs of one node. Several nodes may share one database.
type Worker struct {
	d        *db.DB
	handlers map[string]Handler
	log      *slog.Logger
	freed    chan struct{} // a job has ended
}

// NewWorker makes a worker. A job of a kind without a handler fails and waits for
// its next try, by when a newer node may have taken it.
func NewWorker(d *db.DB, handlers map[string]Handler, log *slog.Logger) *Worker {
	return &Worker{d: d, handlers: handlers, log: log, freed: make(chan struct{}, 1)}
}

// Run works until ctx ends, then waits for the jobs it has begun.
func (w *Worker) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, width)
	for ctx.Err() == nil {
		w.makeRoom(ctx, slots)
		jobs, err := w.claim(ctx, cap(slots)-len(slots))
		if err != nil && ctx.Err() == nil {
			w.log.Error("job: claim", "error", err)
		}
		for _, j := range jobs {
			slots <- struct{}{}
			running.Go(func() {
				defer func() {
					<-slots
					select {
					case w.freed <- struct{}{}:
					default: // it is known already
					}
				}()
				w.run(ctx, j)
			})
		}
		if len(jobs) > 0 {
			continue
		}
		select {
		case <-time.After(idle):
		case <-ctx.Done():
		}
	}
}

// makeRoom waits until half of the slots are free, so that one claim fetches
// several jobs, but not long: a few slow jobs must not keep the others waiting.
func (w *Worker) makeRoom(ctx context.Context, slots chan struct{}) {
	for len(slots) > cap(slots)/2 {
		patience := gather
		if len(slots) == cap(slots) {
			patience = idle
		}
		select {
		case <-w.freed:
		case <-time.After(patience):
			return
		case <-ctx.Done():
			return
		}
	}
}

// Drain runs every due job, one after another, until none is due. Tests and the
// story command use it with a clock that they move.
func (w *Worker) Drain(ctx context.Context) error {
	for {
		jobs, err := w.claim(ctx, 1)
		if err != nil || len(jobs) == 0 {
			return err
		}
		w.run(ctx, jobs[0])
	}
}

// Step runs the first due job, or out of turn one that choose picks out of the
// first n, and reports whether there was one. A simulation uses it; its leases end
// by its clock, so nothing extends them.
func (w *Worker) Step(ctx context.Context, outOfTurn func() bool, choose func(n int) int) (ran Job, found bool, err error) {
	due, err := w.due(ctx, 1)
	i := 0
	if err == nil && len(due) > 0 && outOfTurn() {
		if due, err = w.due(ctx, stepped); len(due) > 0 {
			i = choose(len(due))
		}
	}
	if err != nil || len(due) == 0 {
		return Job{}, false, err
	}
	jobs, err := w.lease(ctx, due[i:i+1])
	if err != nil || len(jobs) == 0 {
		return Job{}, false, err
	}
	w.once(ctx, jobs[0], func() func() { return func() {} })
	return jobs[0], true, nil
}

// Take leases the first due job and does nothing with it, as a node does that stops
// there. Simulations and tests use it.
func (w *Worker) Take(ctx context.Context) (taken Job, found bool, err error) {
	jobs, err := w.claim(ctx, 1)
	if err != nil || len(jobs) == 0 {
		return Job{}, false, err
	}
	return jobs[0], true, nil
}

// stepped is how many due jobs Step offers out of turn.
const stepped = 8

// claim leases up to n jobs.
func (w *Worker) claim(ctx context.Context, n int) ([]Job, error) {
	if n <= 0 {
		return nil, nil
	}
	due, err := w.due(ctx, n)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	return w.lease(ctx, due)
}

// due lists up to n jobs, at most width: whose lease has ended, then whose time has
// come.
func (w *Worker) due(ctx context.Context, n int) (due []Job, err error) {
	err = w.d.Read(ctx, func(r db.Reader) error {
		// What a dead worker left comes first: it is older than anything that is due, and
		// behind a queue that is never empty it would wait for ever.
		for _, q := range []string{selectOut, selectDue} {
			// The limit is always the same: SQLite plans anew for another one.
			err := db.Each(ctx, r, scanJob, func(j Job) error {
				if due = append(due, j); len(due) == n {
					return errEnough
				}
				return nil
			}, q, db.Micros(r.Now()), width)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return due, err
}

// errEnough ends the list of jobs.
var errEnough = errors.New("job: enough")

// lease takes the jobs that are still to be had.
func (w *Worker) lease(ctx context.Context, due []Job) ([]Job, error) {
	// Other nodes may want the same jobs, and lock them in the same order.
	ordered := slices.SortedFunc(slices.Values(due), func(a, b Job) int { return cmp.Compare(a.ID, b.ID) })
	var mine map[string]bool
	// Guarded: the token is the one that was read, so the row is as it was read, or
	// the lease goes to somebody else.
	err := w.d.Write(ctx, func(tx *db.Tx) error {
		mine = map[string]bool{}
		b := tx.Batch()
		for _, j := range ordered {
			b.Add(leaseJob, db.Micros(tx.Now().Add(lease)), j.ID, j.Token, db.Micros(tx.Now()))
		}
		won, err := b.Send(ctx)
		for i, n := range won {
			mine[ordered[i].ID] = n == 1
		}
		return err
	}, db.Guarded)
	if err != nil {
		return nil, err
	}
	jobs := slices.DeleteFunc(due, func(j Job) bool { return !mine[j.ID] })
	for i := range jobs {
		jobs[i].Token++
		jobs[i].ended = &atomic.Bool{}
	}
	return jobs, nil
}

// run works one leased job and records how it ended.
func (w *Worker) run(ctx context.Context, j Job) {
	w.once(ctx, j, func() (stop func()) { return w.heartbeat(context.WithoutCancel(ctx), j) })
}

// once works a job while its lease is kept.
func (w *Worker) once(ctx context.Context, j Job, keep func() (stop func())) {
	ctx = context.WithoutCancel(ctx) // a begun job is finished, also when the node stops
	handler, known := w.handlers[j.Kind]
	err := fmt.Errorf("job: this node has no handler for %q", j.Kind)
	if known {
		stop := keep()
		err = protect(ctx, w.d, handler, j)
		stop()
	}
	if err = w.record(ctx, handler, j, err); err != nil {
		w.log.Error("job: record", "kind", j.Kind, "job", j.ID, "error", err)
	}
}

// protect turns a panic of a handler into a failure of the job.
func protect(ctx context.Context, d *db.DB, h Handler, j Job) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("job: panic: %v", r)
		}
	}()
	return h.Run(ctx, d, j)
}

// heartbeat extends the lease while the handler works.
func (w *Worker) heartbeat(ctx context.Context, j Job) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(lease / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				err := w.d.Write(ctx, func(tx *db.Tx) error {
					_, err := tx.Exec(ctx, extendJob, db.Micros(tx.Now().Add(lease)), j.ID, j.Token)
					return err
				}, db.Guarded) // by the token
				if err != nil && ctx.Err() == nil {
					w.log.Warn("job: heartbeat", "job", j.ID, "error", err)
				}
			}
		}
	}()
	return cancel
}

// record ends the job, or sets when it runs again.
func (w *Worker) record(ctx context.Context, h Handler, j Job, cause error) error {
	if errors.Is(cause, ErrLeaseLost) {
		return nil // another worker has it; its record counts
	}
	if cause == nil {
		if j.ended.Load() {
			return nil // the handler ended it with its effect
		}
		return w.d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, endJob, db.Micros(tx.Now()), j.ID, j.Token)
			return err
		}, db.Guarded) // by the token
	}
	ladder := h.Ladder
	if ladder == nil {
		ladder = DefaultLadder
	}
	var wish *later
	return w.d.Write(ctx, func(tx *db.Tx) error {
		switch {
		case errors.As(cause, &wish):
			return w.again(ctx, tx, j, wish.after, 0, cause)
		case j.Attempt < len(ladder):
			w.log.Warn("job: will run again", "kind", j.Kind, "job", j.ID, "attempt", j.Attempt+1, "error", cause)
			return w.again(ctx, tx, j, ladder[j.Attempt], 1, cause)
		}
		w.log.Error("job: gave up", "kind", j.Kind, "job", j.ID, "error", cause)
		n, err := tx.Exec(ctx, failJob, brief(cause), db.Micros(tx.Now()), j.ID, j.Token)
		if err != nil || n == 0 || h.GiveUp == nil {
			return err
		}
		return h.GiveUp(ctx, tx, j, cause)
	})
}

// again puts the job back, or ends it when a twin already waits.
func (w *Worker) again(ctx context.Context, tx *db.Tx, j Job, after time.Duration, failed int, cause error) error {
	n, err := tx.Exec(ctx, retryJob, brief(cause), db.Micros(tx.Now().Add(after)), failed, j.ID, j.Token)
	if err != nil || n == 1 {
		return err
	}
	_, err = tx.Exec(ctx, endJob, db.Micros(tx.Now()), j.ID, j.Token)
	return err
}

// brief is the error text kept with the job: a fault's code, or the first 500
// bytes, in which packages put no personal data.
func brief(err error) string {
	if f, ok := fault.Of(err); ok {
		return f.Error()
	}
	text := err.Error()
	return text[:min(len(text), 500)]
}
