package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
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
	for _, clients := range []int{fewer, m.buyers} {
		if err := m.purchases(ctx, a, p, people[:min(clients, len(people))]); err != nil {
			return err
		}
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

// placed is what one client did.
type placed struct {
	orders []order.ID
	took   []time.Duration
	err    error
}

// purchases lets each buyer place one order after the other for the whole time,
// waits until every order is paid and delivered, and reports.
func (m *measured) purchases(ctx context.Context, a *market, p *provider, people []rig.Customer) error {
	m.say("%d clients buy for %s", len(people), m.purchase)
	cpu, start := cpuTime(), time.Now()
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
	m.say("%d orders placed; waiting for the last delivery", len(all.orders))
	paid, delivered, err := delivered(ctx, a.DB, p, all.orders)
	if err != nil {
		return err
	}
	used := cpuTime() - cpu
	name := fmt.Sprintf("purchases, %d clients: ", len(people))
	n := float64(len(all.orders))
	rate := n / delivered.Sub(start).Seconds()
	m.set(name+"placed, paid and delivered", "purchases/s", rate)
	if base := m.report.get(baselineName(m.engine), m.engine); !math.IsNaN(base) {
		m.set(name+"÷ baseline", "×", rate/base)
	}
	m.set(name+"paid", "purchases/s", n/paid.Sub(start).Seconds())
	m.set(name+"accepted while placing", "orders/s", n/stopped.Sub(start).Seconds())
	m.set(name+"answer to placing, p50", "ms", rig.Percentile(all.took, 50))
	m.set(name+"answer to placing, p99", "ms", rig.Percentile(all.took, 99))
	m.set(name+"until the last is delivered, after placing ends", "s", max(0, delivered.Sub(stopped).Seconds()))
	m.set(name+"CPU of market, provider and clients", "ms/purchase", used.Seconds()*1000/n)
	return nil
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
		case order.Delivered:
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
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
