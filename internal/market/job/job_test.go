package job_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/job"
	"yunshi/internal/testkit"
)

var quiet = slog.New(slog.DiscardHandler)

func enqueue(t *testing.T, d *db.DB, s job.Spec) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *db.Tx) error { return job.Enqueue(t.Context(), tx, s) }); err != nil {
		t.Fatal(err)
	}
}

func drain(t *testing.T, d *db.DB, h job.Handler) {
	t.Helper()
	if err := job.NewWorker(d, map[string]job.Handler{"k": h}, quiet).Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAJobExistsExactlyIfItsChangeDoes(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		d.Write(t.Context(), func(tx *db.Tx) error {
			if err := job.Enqueue(t.Context(), tx, job.Spec{Kind: "k"}); err != nil {
				t.Error(err)
			}
			return errors.New("rolled back")
		})
		ran := 0
		count := job.Handler{Run: func(context.Context, *db.DB, job.Job) error { ran++; return nil }}
		drain(t, d, count)
		enqueue(t, d, job.Spec{Kind: "k"})
		drain(t, d, count)
		if ran != 1 {
			t.Fatalf("ran %d times", ran)
		}
	})
}

func TestATimerWaitsForItsTime(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		ran := 0
		h := job.Handler{Run: func(context.Context, *db.DB, job.Job) error { ran++; return nil }}
		enqueue(t, d, job.Spec{Kind: "k", At: clock.Now().Add(time.Hour)})
		drain(t, d, h)
		clock.Advance(time.Hour - time.Microsecond)
		drain(t, d, h)
		if ran != 0 {
			t.Fatal("early")
		}
		clock.Advance(time.Microsecond)
		drain(t, d, h)
		if ran != 1 {
			t.Fatalf("ran %d times", ran)
		}
	})
}

func TestUniqueJobsWaitOnce(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		ran := 0
		var again func()
		h := job.Handler{Run: func(context.Context, *db.DB, job.Job) error {
			ran++
			if again != nil { // a change while the job runs needs another run
				again()
			}
			return nil
		}}
		for range 3 {
			enqueue(t, d, job.Spec{Kind: "k", Object: "o", Unique: true})
		}
		again = func() { again = nil; enqueue(t, d, job.Spec{Kind: "k", Object: "o", Unique: true}) }
		drain(t, d, h)
		if ran != 2 {
			t.Fatalf("ran %d times, want 2", ran)
		}
	})
}

func TestFailuresClimbTheLadderAndThenGiveUp(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		ran, gaveUp := 0, 0
		h := job.Handler{
			Run:    func(context.Context, *db.DB, job.Job) error { ran++; return errors.New("no") },
			Ladder: []time.Duration{time.Minute, time.Hour},
			GiveUp: func(context.Context, *db.Tx, job.Job, error) error { gaveUp++; return nil },
		}
		enqueue(t, d, job.Spec{Kind: "k", Object: "o"})
		for i, want := range []int{1, 2, 3} {
			drain(t, d, h)
			drain(t, d, h) // not due again yet
			if ran != want {
				t.Fatalf("step %d: ran %d times", i, ran)
			}
			clock.Advance(time.Hour)
		}
		if gaveUp != 1 {
			t.Fatalf("gave up %d times", gaveUp)
		}
		err := d.Read(t.Context(), func(r db.Reader) error {
			failed, err := job.Failed(t.Context(), r, 10)
			if len(failed) != 1 || failed[0].Error != "no" || failed[0].Attempt != 3 {
				t.Errorf("%+v", failed)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestLaterIsNotAFailure(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		ran := 0
		h := job.Handler{Ladder: []time.Duration{}, Run: func(context.Context, *db.DB, job.Job) error {
			if ran++; ran < 4 {
				return job.Later(nil, time.Minute)
			}
			return nil
		}}
		enqueue(t, d, job.Spec{Kind: "k"})
		for range 6 {
			drain(t, d, h)
			clock.Advance(time.Minute)
		}
		if ran != 4 {
			t.Fatalf("ran %d times", ran)
		}
	})
}

func TestAWorkerThatLostItsLeaseKeepsNothing(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		effects := 0
		effect := func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				tx.AfterCommit(func() { effects++ })
				return job.Done(ctx, tx, j)
			})
		}
		slow := true
		h := job.Handler{}
		h.Run = func(ctx context.Context, d *db.DB, j job.Job) error {
			if slow { // paused beyond the lease; another worker takes the job
				slow = false
				clock.Advance(time.Minute)
				drain(t, d, job.Handler{Run: effect})
			}
			return effect(ctx, d, j)
		}
		enqueue(t, d, job.Spec{Kind: "k"})
		drain(t, d, h)
		drain(t, d, h)
		if effects != 1 {
			t.Fatalf("%d effects", effects)
		}
	})
}

func TestAPanicIsAFailureOfTheJobOnly(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		enqueue(t, d, job.Spec{Kind: "k"})
		drain(t, d, job.Handler{Ladder: []time.Duration{}, Run: func(context.Context, *db.DB, job.Job) error { panic("boom") }})
		err := d.Read(t.Context(), func(r db.Reader) error {
			failed, err := job.Failed(t.Context(), r, 10)
			if len(failed) != 1 {
				t.Errorf("%+v", failed)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestEachJobOfManyRunsOnceOnTwoNodes(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		const n = 60
		for range n {
			enqueue(t, d, job.Spec{Kind: "k"})
		}
		var ran atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		h := map[string]job.Handler{"k": {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				tx.AfterCommit(func() {
					if ran.Add(1) == n {
						cancel()
					}
				})
				return job.Done(ctx, tx, j)
			})
		}}}
		var nodes sync.WaitGroup
		for range 2 {
			nodes.Go(func() { job.NewWorker(d, h, quiet).Run(ctx) })
		}
		nodes.Wait()
		if ran.Load() != n {
			t.Fatalf("%d effects", ran.Load())
		}
	})
}

// A queue that is never empty must not keep the jobs of a dead worker waiting.
func TestJobsOfADeadWorkerComeBeforeTheQueue(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		enqueue(t, d, job.Spec{Kind: "k", Object: "left"})
		dead := job.NewWorker(d, map[string]job.Handler{"k": {Run: func(context.Context, *db.DB, job.Job) error {
			panic("unreachable")
		}}}, quiet)
		if j, found, err := dead.Take(t.Context()); err != nil || !found {
			t.Fatalf("%v, %v", j, err)
		}
		clock.Advance(time.Minute)
		for range 40 {
			enqueue(t, d, job.Spec{Kind: "k", Object: "new"})
		}
		waiting := func() (b job.Backlog) {
			if err := d.Read(t.Context(), func(r db.Reader) (err error) {
				b, err = job.Waiting(t.Context(), r)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return b
		}
		if b := waiting(); b.Due != 40 || b.Running != 1 || b.Failed != 0 || b.Oldest != clock.Now() || b.Expired != clock.Now().Add(-30*time.Second) {
			t.Errorf("backlog %+v", b)
		}
		var order []string
		drain(t, d, job.Handler{Run: func(_ context.Context, _ *db.DB, j job.Job) error {
			order = append(order, j.Object)
			return nil
		}})
		if len(order) != 41 || order[0] != "left" {
			t.Errorf("%d ran, first %q", len(order), order[0])
		}
		if b := waiting(); b != (job.Backlog{}) {
			t.Errorf("after the work: %+v", b)
		}
	})
}
