package audit_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/audit"
	"yunshi/internal/testkit"
)

// worker integrates as the market does: at once while there is much, else every
// second. The returned function ends it.
func worker(t testing.TB, d *db.DB, signing string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for {
			placed, err := audit.Integrate(ctx, d, origin, signing)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			if placed == audit.Full && err == nil {
				continue
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// durable is a database as an installation has it: with the clock of the world, and
// every commit on the disk.
func durable(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), testkit.URL(t, db.SQLite), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// paced writes acts at a rate for a time, each in a transaction of its own, and
// returns how long each took.
func paced(t testing.TB, d *db.DB, perSecond int, span time.Duration) (took []time.Duration) {
	var mu sync.Mutex
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for start := time.Now(); time.Since(start) < span; {
		<-tick.C
		all.Go(func() {
			began := time.Now()
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				return audit.Record(t.Context(), tx, audit.CLI("test"), audit.Entry{Act: "thing.done", Subjects: []string{"ord_1"}, Clauses: []string{"UA 4.3"}})
			})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			mu.Lock()
			took = append(took, time.Since(began))
			mu.Unlock()
		})
	}
	all.Wait()
	return took
}

// longest is the longest time from a record to the checkpoint that covers it, by
// what the database says of both.
func longest(t testing.TB, d *db.DB) (lag time.Duration) {
	t.Helper()
	if err := d.Read(t.Context(), func(r db.Reader) error {
		micros, err := db.Value[int64](t.Context(), r, `SELECT MAX((SELECT MIN(c.at) FROM audit_checkpoint c WHERE c.size > l.position) - r.at)
			FROM audit_leaf l JOIN audit_record r ON r.id = l.record`)
		if err != nil {
			return err
		}
		lag = time.Duration(micros) * time.Microsecond
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return lag
}

// Must show 6: a record is in the log at most 5 s after the act, at 200 acts a
// second. A short run; the benchmark below is the measure.
func TestARecordIsInTheLogWithinFiveSeconds(t *testing.T) {
	d := durable(t)
	signing, verifying := keys(t)
	stop := worker(t, d, signing)
	n := len(paced(t, d, 200, 1500*time.Millisecond))
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if placed(t, d) == int64(n) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	lag := longest(t, d)
	if got := placed(t, d); got != int64(n) || lag > 5*time.Second || lag <= 0 {
		t.Errorf("%d of %d records are in the log, the last after %s", got, n, lag)
	}
	if _, wrong := verify(t, d, verifying); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// placed counts the records of the log.
func placed(t testing.TB, d *db.DB) (records int64) {
	t.Helper()
	if err := d.Read(t.Context(), func(r db.Reader) (err error) {
		records, err = db.Value[int64](t.Context(), r, `SELECT COUNT(*) FROM audit_leaf`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return records
}

// BenchmarkInclusion measures, at 200 acts a second for five seconds, how long an
// act takes with the log and without it, and how long a record waits for it:
//
//	go test ./internal/market/audit -run '^$' -bench Inclusion -benchtime 1x
func BenchmarkInclusion(b *testing.B) {
	for _, with := range []bool{false, true} {
		name := "without"
		if with {
			name = "with"
		}
		b.Run(name, func(b *testing.B) {
			for range b.N {
				d := durable(b)
				signing, _, err := tlog.GenerateKey(testkit.Rand("log"), origin)
				if err != nil {
					b.Fatal(err)
				}
				stop := func() {}
				if with {
					stop = worker(b, d, signing)
				}
				took := paced(b, d, 200, 5*time.Second)
				time.Sleep(1500 * time.Millisecond)
				stop()
				slices.Sort(took)
				b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms/act-p50")
				b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "ms/act-p99")
				b.ReportMetric(float64(len(took)), "acts")
				if with {
					b.ReportMetric(longest(b, d).Seconds()*1000, "ms-until-in-log-max")
					b.ReportMetric(float64(placed(b, d)), "in-log")
				}
			}
		})
	}
}
