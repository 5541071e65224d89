package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"yunshi/internal/app"
	"yunshi/internal/app/demo"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

// step is one thing that is measured beside the baseline: it runs for a time and
// says how many operations it did.
type step struct {
	name string
	run  func(ctx context.Context, span time.Duration) (n int64, err error)
}

// postings measures single steps of a purchase beside the baseline, one after the
// other in rounds, so that all of a round met the same machine. What is compared
// with the baseline of its own round, and the median of the rounds is the figure.
//
// A measure of another posting, of a refund or of a withdrawal, is one more step.
func (m *measured) postings(ctx context.Context) (err error) {
	desk, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.close()) }()
	steps := []step{
		m.baseline(),
		{"P1 with inbox, journal, balances and outbox, 8 writers", desk.posting(8)},
		{"P1 with inbox, journal, balances and outbox, 32 writers", desk.posting(32)},
		{"notices over HTTP, 8 senders, worker stopped", desk.notices(8)},
	}
	rates, cpus := make([][]float64, len(steps)), make([][]float64, len(steps))
	for round := range m.rounds {
		m.say("steps, round %d of %d", round+1, m.rounds)
		for i, s := range steps {
			before, start := m.processes(), time.Now()
			n, err := s.run(ctx, m.step)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			rates[i] = append(rates[i], float64(n)/time.Since(start).Seconds())
			cpus[i] = append(cpus[i], (m.processes()-before).Seconds()*1000/float64(max(n, 1)))
		}
	}
	for i, s := range steps {
		m.set(s.name, "per s", median(rates[i]))
		if i > 0 {
			m.set(s.name+" ÷ baseline", "×", median(over(rates[i], rates[0])))
		}
		m.set(s.name+": CPU of all processes", "ms each", median(cpus[i]))
		if i > 0 {
			m.set(s.name+": CPU ÷ baseline", "×", median(over(cpus[i], cpus[0])))
		}
	}
	return desk.balanced(ctx)
}

// baseline is what the steps are compared with: pgbench on PostgreSQL, and on
// SQLite durable commits of one row, one after another.
func (m *measured) baseline() step {
	if m.engine == db.SQLite {
		return step{"baseline of the steps: single-row durable commits", func(ctx context.Context, span time.Duration) (int64, error) {
			rate, err := commits(ctx, filepath.Join(m.data, "commits-"+strconv.FormatInt(time.Now().UnixNano(), 36)+".db"), span)
			return int64(rate * span.Seconds()), err
		}}
	}
	return step{"baseline of the steps: pgbench -N", func(ctx context.Context, span time.Duration) (int64, error) {
		rate, _, err := m.server.bench(ctx, span)
		return int64(rate * span.Seconds()), err
	}}
}

// desk is a market that serves but does not work: no job runs.
type desk struct {
	*app.App
	provider *provider
	number   atomic.Int64
	stop     func() error
}

func (m *measured) open(ctx context.Context) (*desk, error) {
	operator, err := demo.OperatorName()
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	d := &desk{provider: newProvider()}
	config := app.Config{Data: m.data, Database: m.database, Listen: "127.0.0.1:0", Operator: operator, Demo: true}
	if d.App, err = app.New(ctx, config.Filled(), quiet, d.provider); err != nil {
		return nil, err
	}
	serving, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- d.Serve(serving) }()
	d.stop = func() error { cancel(); return <-served }
	return d, nil
}

func (d *desk) close() error { return errors.Join(d.stop(), d.Close()) }

// posting does what a capture does to the money, in one transaction each: the row
// of its notice, the posting P1 with its balances, and the job that follows.
func (d *desk) posting(writers int) func(context.Context, time.Duration) (int64, error) {
	return func(ctx context.Context, span time.Duration) (int64, error) {
		return together(writers, span, func() error {
			number := strconv.FormatInt(d.number.Add(1), 10)
			now := time.Now().UTC().Truncate(time.Microsecond)
			event := payment.Event{ID: "evt_" + number, ObjectID: "pay_" + number, Kind: payment.PaymentEvent}
			captured := ledger.Captured{
				Provider: d.provider.Name(), CaptureID: "cap_" + number, Line: "lin_bench" + number, Vendor: "ven_bench" + number, Account: "acc_bench" + number,
				Net: money.Amount{Minor: 9434, Currency: money.CNY}, Tax: money.Amount{Minor: 566, Currency: money.CNY},
				Fee: money.Amount{Minor: 943, Currency: money.CNY}, At: now,
			}
			return d.DB.Write(ctx, func(tx *db.Tx) error {
				if err := payment.Notify(ctx, tx, d.provider.Name(), event, []byte(number)); err != nil {
					return err
				}
				posted, err := ledger.Capture(ctx, tx, captured)
				if err == nil && !posted {
					err = fmt.Errorf("bench: capture %s is in the book already", number)
				}
				return err
			}, db.Guarded) // as the job of a notice does it
		})
	}
}

// notices sends signed notices of payments, each another one.
func (d *desk) notices(senders int) func(context.Context, time.Duration) (int64, error) {
	browser := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}, Timeout: 30 * time.Second}
	return func(ctx context.Context, span time.Duration) (int64, error) {
		return together(senders, span, func() error {
			number := strconv.FormatInt(d.number.Add(1), 10)
			return d.provider.post(ctx, browser, d.URL()+"/gateway/"+d.provider.Name(), payment.Object{
				ProviderID: "pay_" + number, Reference: "pay_bench" + number, Amount: money.Amount{Minor: 10000, Currency: money.CNY},
			})
		})
	}
}

// balanced checks the book that the steps have filled.
func (d *desk) balanced(ctx context.Context) error {
	return d.DB.Read(ctx, func(r db.Reader) error {
		_, wrong, err := ledger.Verify(ctx, r)
		if err == nil && len(wrong) > 0 {
			err = fmt.Errorf("the book is not in balance: %v", wrong)
		}
		return err
	})
}

// together lets several goroutines do one thing again and again for a time, and
// counts how often it was done.
func together(workers int, span time.Duration, do func() error) (int64, error) {
	var n atomic.Int64
	var all sync.WaitGroup
	failed := make([]error, workers)
	start := time.Now()
	for i := range workers {
		all.Go(func() {
			for time.Since(start) < span && failed[i] == nil {
				if failed[i] = do(); failed[i] == nil {
					n.Add(1)
				}
			}
		})
	}
	all.Wait()
	return n.Load(), errors.Join(failed...)
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// over divides each round by the same round.
func over(values, base []float64) []float64 {
	out := make([]float64, len(values))
	for i := range values {
		out[i] = values[i] / base[i]
	}
	return out
}

// processes is the CPU time used so far by everything that takes part: this
// process, the programs it has run, and on PostgreSQL the server.
func (m *measured) processes() time.Duration {
	used := cpuTime() + childrenTime()
	if m.engine == db.Postgres {
		used += m.server.cpu()
	}
	return used
}

// tick is the unit in which Linux counts CPU time for other processes.
const tick = 10 * time.Millisecond

// cpu adds up the CPU time of a server on this machine: of its first process, of
// the children that are gone, and of those that live.
func (p *postgres) cpu() time.Duration {
	var used time.Duration
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		f := statOf(e.Name())
		switch {
		case len(f) < 15:
		case e.Name() == p.postmaster:
			used += ticks(f[11:15]) // with those that are gone
		case f[1] == p.postmaster:
			used += ticks(f[11:13])
		}
	}
	return used
}

// statOf are the fields of a process after its name: state, parent, …; user and
// system time are at 11 and 12, those of children that are gone at 13 and 14.
func statOf(pid string) []string {
	f, err := os.Open("/proc/" + pid + "/stat")
	if err != nil {
		return nil // it is gone
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.Fields(rest)
}

func ticks(fields []string) (sum time.Duration) {
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err == nil {
			sum += time.Duration(n) * tick
		}
	}
	return sum
}
