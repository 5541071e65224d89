package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"yunshi/client"
	"yunshi/internal/app"
	"yunshi/internal/app/demo"
	"yunshi/internal/app/rig"
	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
)

// market is a running market of this process.
type market struct {
	*app.App
	stop func() error // stops serving; the database stays open until Close
}

func (m *measured) start(ctx context.Context, log *slog.Logger, seed bool, gateways ...payment.Gateway) (*market, error) {
	operator, err := demo.OperatorName()
	if err != nil {
		return nil, err
	}
	a, err := app.New(ctx, app.Config{Data: m.data, Database: m.database, Listen: "127.0.0.1:0", Operator: operator, Demo: true}.Filled(), log, gateways...)
	if err != nil {
		return nil, err
	}
	if seed {
		// Nothing that is bought here is delivered by the sample vendor.
		if _, err := demo.Seed(ctx, a, "https://vendor.example", m.say); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	serving, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- a.Run(serving) }()
	return &market{App: a, stop: sync.OnceValue(func() error { cancel(); return <-done })}, nil
}

// trade measures purchases and verifies the database after them.
func (m *measured) trade(ctx context.Context) (err error) {
	m.say("people and products")
	p := newProvider()
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	a, err := m.start(ctx, quiet, true, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.stop(), a.Close()) }()
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	p.notify(sending, a.URL(), fewer)
	m.say("%d customers register", m.buyers)
	people, err := rig.Customers(ctx, a.URL(), m.buyers, func() {})
	if err != nil {
		return err
	}
	if m.profiles != "" {
		if err := os.MkdirAll(m.profiles, 0o755); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(m.profiles, string(m.engine)+".pprof"))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
	}
	if err := m.loads(ctx, a, p, people); err != nil {
		return err
	}
	if m.profiles != "" {
		pprof.StopCPUProfile()
	}
	if err := a.stop(); err != nil {
		return err
	}
	m.say("verify")
	if err := a.Settle(ctx); err != nil {
		return err
	}
	var lines bytes.Buffer
	clean, err := app.Verify(ctx, a.DB, a.Verifying, "en", &lines)
	if err == nil && !clean {
		err = fmt.Errorf("the database is not clean:\n%s", lines.String())
	}
	return err
}

// loads runs purchases in rounds, each after a baseline of its own.
func (m *measured) loads(ctx context.Context, a *market, p *provider, people []rig.Customer) error {
	one, err := m.alike(ctx, people)
	if err != nil {
		return err
	}
	all := []struct {
		name   string
		people []rig.Customer
		noLog  bool
	}{
		{fmt.Sprintf("purchases, %d clients: ", fewer), people[:min(fewer, len(people))], false},
		{fmt.Sprintf("purchases, %d clients: ", len(people)), people, false},
		{fmt.Sprintf("purchases, %d clients, one product: ", len(people)), one, false},
		{fmt.Sprintf("purchases, %d clients, log paused: ", fewer), people[:min(fewer, len(people))], true},
	}
	figures := make([]map[string][]float64, len(all))
	for round := range (m.rounds + 1) / 2 {
		for i, load := range all {
			base := m.baseline()
			start := time.Now()
			n, err := base.run(ctx, m.step)
			if err != nil {
				return err
			}
			rate := float64(n) / time.Since(start).Seconds()
			m.say("round %d: %sbaseline %.0f per s", round+1, load.name, rate)
			if err := settled(ctx, a.DB); err != nil { // the records of the round before
				return err
			}
			a.PauseLog(load.noLog)
			if err := m.purchases(ctx, a, p, load.people, func(name string, value float64) {
				if figures[i] == nil {
					figures[i] = map[string][]float64{}
				}
				figures[i][name] = append(figures[i][name], value)
				if name == delivering {
					figures[i][ratio] = append(figures[i][ratio], value/rate)
				}
			}); err != nil {
				return err
			}
			a.PauseLog(false)
			if !load.noLog {
				began := time.Now()
				if err := settled(ctx, a.DB); err != nil {
					return err
				}
				figures[i][inLog] = append(figures[i][inLog], time.Since(began).Seconds())
			}
		}
	}
	for i, load := range all {
		for _, f := range tradeFigures {
			m.set(load.name+f.name, f.unit, median(figures[i][f.name]))
		}
		if !load.noLog {
			m.set(load.name+inLog, "s", median(figures[i][inLog]))
		}
	}
	m.set("purchases with the log ÷ with the log paused", "×", median(over(figures[0][delivering], figures[3][delivering])))
	m.set("purchases of one product ÷ of many products", "×", median(over(figures[2][delivering], figures[1][delivering])))
	return nil
}

// alike are the same customers, who all buy what the first one buys.
func (m *measured) alike(ctx context.Context, people []rig.Customer) ([]rig.Customer, error) {
	out := slices.Clone(people)
	for i := range out {
		quote, err := out[i].Client.Quote(ctx, people[0].Purchase.Plan, 1)
		if err != nil {
			return nil, err
		}
		out[i].Purchase.Plan, out[i].Purchase.TermsSHA256, out[i].Purchase.Total = quote.Plan, quote.TermsSHA256, quote.Fee.Paid
	}
	return out, nil
}

// Names of figures of purchases.
const (
	delivering = "placed, paid and delivered"
	ratio      = "÷ baseline of its round"
	inLog      = "until the last record is in the log, after the last delivery"
)

// tradeFigures are the figures of one load, in the order of the table.
var tradeFigures = []struct{ name, unit string }{
	{delivering, "purchases/s"}, {ratio, "×"}, {"paid", "purchases/s"}, {"accepted while placing", "orders/s"},
	{"answer to placing, p50", "ms"}, {"answer to placing, p99", "ms"}, {"until the last is delivered, after placing ends", "s"},
	{"CPU of market, provider and clients", "ms/purchase"}, {"CPU of all processes", "ms/purchase"},
}

// placed is what one client did.
type placed struct {
	orders []order.ID
	took   []time.Duration
	err    error
}

// purchases lets each buyer place one order after the other for the whole time,
// waits until every order is paid and delivered, and gives its figures to set.
func (m *measured) purchases(ctx context.Context, a *market, p *provider, people []rig.Customer, set func(name string, value float64)) error {
	cpu, whole, start := cpuTime(), m.processes(), time.Now()
	results := make([]placed, len(people))
	var clients sync.WaitGroup
	for i, b := range people {
		clients.Go(func() {
			for r := &results[i]; time.Since(start) < m.purchase && r.err == nil; {
				began := time.Now()
				var o client.Order
				if o, _, r.err = b.Client.PlaceOrder(ctx, client.NewKey(), b.Purchase); r.err == nil {
					r.took, r.orders = append(r.took, time.Since(began)), append(r.orders, order.ID(o.ID))
				}
			}
		})
	}
	clients.Wait()
	stopped := time.Now()
	var all placed
	for _, r := range results {
		all.orders, all.took, all.err = append(all.orders, r.orders...), append(all.took, r.took...), errors.Join(all.err, r.err)
	}
	if all.err != nil {
		return all.err
	}
	paid, delivered, err := delivered(ctx, a.DB, p, all.orders)
	if err != nil {
		return err
	}
	used, whole := cpuTime()-cpu, m.processes()-whole
	n := float64(len(all.orders))
	set(delivering, n/delivered.Sub(start).Seconds())
	set("paid", n/paid.Sub(start).Seconds())
	set("accepted while placing", n/stopped.Sub(start).Seconds())
	set("answer to placing, p50", rig.Percentile(all.took, 50))
	set("answer to placing, p99", rig.Percentile(all.took, 99))
	set("until the last is delivered, after placing ends", max(0, delivered.Sub(stopped).Seconds()))
	set("CPU of market, provider and clients", used.Seconds()*1000/n)
	set("CPU of all processes", whole.Seconds()*1000/n)
	return nil
}

// settled waits until no record waits for the log.
func settled(ctx context.Context, d *db.DB) error {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	for {
		var waiting int64
		if err := d.Read(ctx, func(r db.Reader) (err error) {
			waiting, _, err = audit.Waiting(ctx, r)
			return err
		}); err != nil || waiting == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d records wait for the log: %w", waiting, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// longestWait bounds the wait for deliveries after a run.
const longestWait = 5 * time.Minute

// delivered waits until every order is delivered and returns when the last one
// was paid and when the last one was delivered, by the database.
func delivered(ctx context.Context, d *db.DB, p *provider, ids []order.ID) (paid, done time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	slices.SortFunc(ids, func(a, b order.ID) int { return strings.Compare(string(a), string(b)) }) // by time, as they are made
	for len(ids) > 0 {
		var o order.Order
		if err := d.Read(ctx, func(r db.Reader) (err error) { o, err = order.Any(ctx, r, ids[0]); return err }); err != nil {
			return paid, done, err
		}
		switch o.State {
		case order.Delivered, order.Completed:
			paid, done = latest(paid, o.PaidAt), latest(done, o.DeliveredAt)
			ids = ids[1:]
			continue
		case order.AwaitingPayment, order.Provisioning:
		default:
			return paid, done, fmt.Errorf("order %s is %s", o.ID, o.State)
		}
		select {
		case err := <-p.failed:
			return paid, done, err
		case <-ctx.Done():
			return paid, done, fmt.Errorf("%d orders are not delivered; %s is %s: %w", len(ids), o.ID, o.State, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return paid, done, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// cpuTime is what this process has used so far. PostgreSQL is other processes.
func cpuTime() time.Duration { return usage(syscall.RUSAGE_SELF) }

// childrenTime is what the programs that this one has run have used.
func childrenTime() time.Duration { return usage(syscall.RUSAGE_CHILDREN) }

func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
