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
	name    string
	run     func(ctx context.Context, span time.Duration) (n int64, err error)
	follows bool // it moves money that P1 has brought, and is compared with P1 too
}

// postings measures single steps of a purchase beside the baseline, one after the
// other in rounds, so that all of a round met the same machine. What is compared
// with the baseline of its own round, and the median of the rounds is the figure.
// What happens to money after its capture is also compared with the capture.
func (m *measured) postings(ctx context.Context) (err error) {
	desk, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.close()) }()
	steps := []step{
		m.baseline(),
		{"P1 with inbox, journal, balances and outbox, 8 writers", desk.posting(8), false},
		{"P1 with inbox, journal, balances and outbox, 32 writers", desk.posting(32), false},
		{"refund of a part, with inbox and outbox, 8 writers", desk.later("refund", desk.refund), true},
		{"release of a part, with inbox and outbox, 8 writers", desk.later("release", desk.release), true},
		{"withdrawal, with inbox and outbox, 8 writers", desk.later("payout", desk.withdraw), true},
		{"notices over HTTP, 8 senders, worker stopped", desk.notices(8), false},
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
		if s.follows {
			m.set(s.name+" ÷ P1", "×", median(over(rates[i], rates[1])))
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
		}, false}
	}
	return step{"baseline of the steps: pgbench -N", func(ctx context.Context, span time.Duration) (int64, error) {
		rate, _, err := m.server.bench(ctx, span)
		return int64(rate * span.Seconds()), err
	}, false}
}

// desk is a market that serves but does not work: no job runs.
type desk struct {
	*app.App
	provider *provider
	number   atomic.Int64
	stop     func() error

	mu       sync.Mutex
	lines    []*line // that were captured
	released int     // how many of them, from the first, have had a part released
}

// line is the money of one captured order line, and how often a part of it went
// each way.
type line struct {
	number                   string
	refunded, released, paid atomic.Int64
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
				if err == nil {
					tx.AfterCommit(func() { d.captured(number) })
				}
				return err
			}, db.Guarded) // as the job of a notice does it
		})
	}
}

// parts is how many releases a line is good for; each leaves more than the
// payouts and refunds of a run take.
const parts = 50

// later moves money of captured lines, one line after the other, each time with a
// notice's row and job as P1 has them.
func (d *desk) later(kind string, move func(context.Context, *db.Tx, *line) (bool, error)) func(context.Context, time.Duration) (int64, error) {
	next := atomic.Int64{}
	return func(ctx context.Context, span time.Duration) (int64, error) {
		if err := d.inBank(ctx); err != nil {
			return 0, err
		}
		return together(8, span, func() error {
			of, err := d.line(int(next.Add(1)-1), kind)
			if err != nil {
				return err
			}
			number := strconv.FormatInt(d.number.Add(1), 10)
			event := payment.Event{ID: "evt_" + number, ObjectID: "pay_" + of.number, Kind: payment.PaymentEvent}
			return d.DB.Write(ctx, func(tx *db.Tx) error {
				if err := payment.Notify(ctx, tx, d.provider.Name(), event, []byte(number)); err != nil {
					return err
				}
				posted, err := move(ctx, tx, of)
				if err == nil && !posted {
					err = fmt.Errorf("bench: no %s of line %s was booked", kind, of.number)
				}
				return err
			}, db.Guarded)
		})
	}
}

// captured notes a line whose money is in the book.
func (d *desk) captured(number string) {
	d.mu.Lock()
	d.lines = append(d.lines, &line{number: number})
	d.mu.Unlock()
}

// line is the one whose turn it is. A payout takes only lines of which a part was
// released.
func (d *desk) line(turn int, kind string) (*line, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.lines)
	if kind == "payout" {
		n = d.released
	}
	if n == 0 {
		return nil, fmt.Errorf("bench: there is no line for a %s", kind)
	}
	if kind == "release" {
		d.released = min(max(d.released, turn-8), n) // eight before it may still be under way
	}
	return d.lines[turn%n], nil
}

// inBank books that the provider has paid out what a round may withdraw.
func (d *desk) inBank(ctx context.Context) error {
	return d.DB.Write(ctx, func(tx *db.Tx) error {
		x := money.Amount{Minor: 1_000_000, Currency: money.CNY} // of 100 for each line captured
		_, err := ledger.ProviderPayout(ctx, tx, d.provider.Name(), fmt.Sprintf("pot_bench%d", d.number.Add(1)), x, tx.Now())
		return err
	})
}

// refund gives a customer one of the parts back.
func (d *desk) refund(ctx context.Context, tx *db.Tx, of *line) (bool, error) {
	n := of.refunded.Add(1)
	_, posted, err := ledger.Refund(ctx, tx, ledger.RefundOf{
		Refund: fmt.Sprintf("ref_%s_%d", of.number, n), Line: "lin_bench" + of.number, Amount: money.Amount{Minor: 10, Currency: money.CNY}, At: tx.Now(),
	})
	return posted, err
}

// release makes one more of the parts the vendor's.
func (d *desk) release(ctx context.Context, tx *db.Tx, of *line) (bool, error) {
	_, posted, err := ledger.ReleaseLine(ctx, tx, ledger.Release{Line: "lin_bench" + of.number, Part: of.released.Add(1), Whole: parts, At: tx.Now()})
	return posted, err
}

// withdraw pays a vendor a little of what was released.
func (d *desk) withdraw(ctx context.Context, tx *db.Tx, of *line) (bool, error) {
	return ledger.Payout(ctx, tx, fmt.Sprintf("pot_%s_%d", of.number, of.paid.Add(1)), "ven_bench"+of.number, money.Amount{Minor: 1, Currency: money.CNY}, tx.Now())
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
