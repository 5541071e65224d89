package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"yunshi/client"
	"yunshi/internal/app"
	"yunshi/internal/app/demo"
	"yunshi/internal/app/rig"
	"yunshi/internal/base/db"
	"yunshi/internal/market/job"
	"yunshi/internal/plug/sandboxpay"
)

// run is everything that exists during one run.
type run struct {
	options
	pg                        *cluster
	provider                  *process
	nodes                     []*process
	toPG, toProvider, toNodes *proxy
	witness                   string // folder of the provider's journal
	pay                       *sandboxpay.Client
	secret                    string // signs the provider's notices
	secrets                   map[string]string
	market                    app.Config
	books                     *db.DB // the market's database, read beside the market
	shoppers                  []*shopper
	transport                 *http.Transport
	stats                     *stats
	history                   *history
	chance                    *mathrand.Rand
	report                    *report
	bar                       *bar
	closers                   []func() error
	calmFiles                 int // open files of a node that has nothing to do
}

const nodeCount = 2

// chanceOf is a source of chance that depends only on the seed and the name.
func chanceOf(seed uint64, name string) *mathrand.Rand {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(name), seed))
	return mathrand.New(mathrand.NewChaCha8(sum)) //nolint:gosec // a schedule, not a secret
}

// build starts everything and fills the market. What it returns must be
// destroyed, also when it failed.
func build(ctx context.Context, o options, plan []fault) (*run, error) {
	r := &run{
		options: o, secrets: map[string]string{}, witness: filepath.Join(o.dir, "provider"), stats: &stats{},
		history: &history{began: time.Now()}, chance: chanceOf(o.seed, "faults"), report: newReport(o), bar: newBar(os.Stderr, plan),
	}
	for _, dir := range []string{"diaries", "run", "market"} {
		if err := os.MkdirAll(filepath.Join(o.dir, dir), 0o700); err != nil {
			return r, err
		}
	}
	if err := r.database(ctx); err != nil {
		return r, err
	}
	if err := r.people(ctx); err != nil {
		return r, fmt.Errorf("people and products: %w", err)
	}
	if err := r.processes(ctx); err != nil {
		return r, err
	}
	return r, r.crowd(ctx)
}

// database starts PostgreSQL behind a proxy and makes the tables.
func (r *run) database(ctx context.Context) (err error) {
	password := r.keep("database password")
	home, err := os.MkdirTemp("", "yunshi-torture-pg.")
	if err != nil {
		return err
	}
	r.closers = append(r.closers, func() error { return os.RemoveAll(home) })
	if err := os.WriteFile(filepath.Join(r.dir, "run", "postgres.home"), []byte(home), 0o600); err != nil { // for whoever cleans up after us
		return err
	}
	r.bar.say("PostgreSQL starts")
	if r.volumes {
		if why := mayMount(ctx, filepath.Join(r.dir, "run")); why != nil {
			r.volumes = false
			r.report.note("disks cannot be filled on this machine: %v", why)
		}
	}
	if r.pg, err = newCluster(ctx, home, filepath.Join(r.dir, "run"), password, r.volumes); err != nil {
		return err
	}
	r.closers = append(r.closers, r.pg.destroy)
	if r.toPG, err = newProxy(always("127.0.0.1:" + r.pg.port)); err != nil {
		return err
	}
	r.closers = append(r.closers, func() error { r.toPG.close(); return nil })
	operator, err := demo.OperatorName()
	if err != nil {
		return err
	}
	r.market = app.Config{Data: filepath.Join(r.dir, "market"), Operator: operator, Demo: true, Database: r.pg.url("127.0.0.1:" + r.pg.port)}.Filled()
	_, err = r.yunshiDo(ctx, "migrate")
	return err
}

// mayMount says why no file system can be mounted, or nil.
func mayMount(ctx context.Context, dir string) error {
	if os.Geteuid() != 0 {
		return errors.New("it takes root to mount a file system of bounded size")
	}
	trial := filepath.Join(dir, "trial")
	if err := os.MkdirAll(trial, 0o700); err != nil {
		return err
	}
	v, err := mount(ctx, trial, 1<<20)
	if err != nil {
		return err
	}
	return v.unmount()
}

// yunshiDo runs a command of the market beside it, straight at the database.
func (r *run) yunshiDo(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, r.yunshi, append(args, "--data", r.market.Data, "--lang", "en")...)
	c.Env = append(os.Environ(), "YUNSHI_DATABASE="+r.market.Database)
	out, err := c.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("yunshi %s: %w: %s", args[0], err, out)
	}
	return string(out), err
}

// people fills the market with the demonstration's people and products.
func (r *run) people(ctx context.Context) error {
	r.bar.say("people and products")
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	cfg := r.market
	cfg.Listen = "127.0.0.1:0"
	a, err := app.New(ctx, cfg, quiet)
	if err != nil {
		return err
	}
	// Nothing that is bought here is delivered by the sample vendor.
	_, err = demo.Seed(ctx, a, "https://vendor.example", func(string, ...any) {})
	return errors.Join(err, a.Close())
}

// processes starts the provider and the nodes, with proxies between them.
func (r *run) processes(ctx context.Context) (err error) {
	notes := filepath.Join(r.dir, "run")
	key := r.keep("provider key")
	r.secret = r.keep("webhook secret")
	var addresses []string
	for range nodeCount + 1 {
		a, err := rig.FreeAddress()
		if err != nil {
			return err
		}
		addresses = append(addresses, a)
	}
	provider, nodes := addresses[0], addresses[1:]
	turn := 0
	var mu sync.Mutex
	r.toNodes, err = newProxy(func() []string { // each in turn, and the next one when it is dead
		mu.Lock()
		defer mu.Unlock()
		turn++
		var order []string
		for i := range nodes {
			order = append(order, nodes[(turn+i)%len(nodes)])
		}
		return order
	})
	if err != nil {
		return err
	}
	r.closers = append(r.closers, func() error { r.toNodes.close(); return nil })
	if r.toProvider, err = newProxy(always(provider)); err != nil {
		return err
	}
	r.closers = append(r.closers, func() error { r.toProvider.close(); return nil })
	r.provider = &process{
		name: "provider", path: r.yunshi, dir: notes, address: "http://" + provider + "/healthz",
		args: []string{"sandboxpay", "--lang", "en", "--pay-data", r.witness, "--pay-listen", provider, "--pay-notify", "http://" + r.toNodes.address() + "/gateway/sandbox"},
		env:  []string{"YUNSHI_SANDBOX_KEY=" + key, "YUNSHI_SANDBOX_SECRET=" + r.secret},
	}
	r.closers = append(r.closers, func() error { return r.provider.end(syscall.SIGTERM, 15*time.Second) })
	if err := r.provider.start(); err != nil {
		return err
	}
	r.pay = &sandboxpay.Client{URL: "http://" + provider, Key: key}
	for i, address := range nodes {
		n := &process{
			name: fmt.Sprintf("node%d", i+1), path: r.yunshi, dir: notes, address: "http://" + address + "/readyz",
			args: []string{"serve", "--lang", "en", "--data", r.market.Data, "--listen", address, "--operator", r.market.Operator, "--sandbox-url", "http://" + r.toProvider.address()},
			env:  []string{"YUNSHI_DEMO=true", "YUNSHI_DATABASE=" + r.pg.url(r.toPG.address()), "YUNSHI_SANDBOX_KEY=" + key, "YUNSHI_SANDBOX_SECRET=" + r.secret},
		}
		r.nodes = append(r.nodes, n)
		r.closers = append(r.closers, func() error { return n.end(syscall.SIGTERM, 20*time.Second) })
		if err := n.start(); err != nil {
			return err
		}
	}
	for _, p := range append([]*process{r.provider}, r.nodes...) {
		if err := p.ready(ctx); err != nil {
			return err
		}
	}
	r.calmFiles = openFiles(r.nodes[0].pid())
	return r.openBooks(ctx)
}

func (r *run) openBooks(ctx context.Context) (err error) {
	unhurried := r.market
	unhurried.Unhurried = true
	if r.books, err = app.OpenDB(ctx, unhurried, slog.New(slog.DiscardHandler)); err == nil {
		r.closers = append(r.closers, func() error { return r.books.Close() })
	}
	return err
}

// base is where a node serves.
func base(n *process) string { return n.address[:len(n.address)-len("/readyz")] }

// crowd registers the clients and gives each its diary.
func (r *run) crowd(ctx context.Context) error {
	r.bar.say("%d customers register", r.clients)
	people, err := rig.Customers(ctx, base(r.nodes[0]), r.clients, func() {})
	if err != nil {
		return err
	}
	const hean = "hean" // a vendor whose people do the work
	email, password, err := demo.Owner(hean)
	if err != nil {
		return err
	}
	owner, err := rig.Visitor(base(r.nodes[0])).SignIn(ctx, email, password, "torture")
	if err != nil {
		return err
	}
	r.secrets["key of the vendor"], r.secrets["password of the vendor"] = owner.Key, password
	r.transport = &http.Transport{MaxIdleConnsPerHost: 2 * r.clients}
	answers := &http.Client{Transport: r.transport, Timeout: 2 * oneTry}
	at := func(key string) (all []*client.Client) {
		for _, n := range r.nodes {
			c := client.New(base(n), key)
			c.HTTP, c.Language, c.Tries = answers, "en", 1
			all = append(all, c)
		}
		return all
	}
	payer := &http.Client{Timeout: 2 * oneTry, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for i, p := range people {
		service, err := p.Of(ctx, "hean-setup")
		if err != nil {
			return err
		}
		d, err := openDiary(filepath.Join(r.dir, "diaries"), i)
		if err != nil {
			return err
		}
		r.closers = append(r.closers, d.file.Close)
		r.secrets[fmt.Sprintf("key of client %d", i)] = p.Client.Key
		r.secrets["password of the clients"] = p.Password
		r.shoppers = append(r.shoppers, &shopper{
			Customer: p, number: i, nodes: at(p.Client.Key), vendor: at(owner.Key), service: service, payer: payer,
			chance: chanceOf(r.seed, fmt.Sprintf("client %d", i)), diary: d, history: r.history, stats: r.stats, first: i,
		})
	}
	return nil
}

// keep makes a secret that must never be in a log.
func (r *run) keep(name string) string {
	r.secrets[name] = rand.Text()
	return r.secrets[name]
}

// destroy stops everything, the newest first.
func (r *run) destroy() error {
	var errs []error
	for i := len(r.closers) - 1; i >= 0; i-- {
		errs = append(errs, r.closers[i]())
	}
	return errors.Join(errs...)
}

// round is one fault under load, and the check after it.
func (r *run) round(ctx context.Context, f fault) error {
	r.bar.say("%s %s, %d×", f.id, f.name, f.times)
	out := &outcome{ID: f.id, Name: f.name}
	began := time.Now()
	r.stats.take()
	loading, stop := context.WithCancel(ctx)
	defer stop()
	load := make(chan error, 1)
	go func() { load <- r.load(loading) }()
	watched := make(chan struct{})
	go func() { defer close(watched); r.watch(loading, out) }()
	sleep(ctx, 2*time.Second) // so that the fault meets a market at work
	err := f.do(ctx, r, out, f.times)
	out.settle()
	if err == nil {
		sleep(ctx, time.Second)
	}
	stop()
	err = errors.Join(err, <-load, ctx.Err())
	<-watched
	if err != nil {
		return err
	}
	out.Load = r.stats.take()
	out.Took = time.Since(began).Seconds()
	r.report.add(out)
	if f.together { // checked with the next one
		return nil
	}
	return r.examine(ctx, out, false)
}

// watch looks at the queue every second, as far as the database answers, and
// remembers the longest wait.
func (r *run) watch(ctx context.Context, out *outcome) {
	for ; ctx.Err() == nil; sleep(ctx, time.Second) {
		//nolint:errcheck // the database may be away: that is what is being tried
		r.books.Read(ctx, func(q db.Reader) error {
			b, err := job.Waiting(ctx, q)
			if err == nil && !b.Oldest.IsZero() {
				out.Oldest = max(out.Oldest, q.Now().Sub(b.Oldest).Seconds())
			}
			if err == nil && !b.Expired.IsZero() {
				out.Expired = max(out.Expired, q.Now().Sub(b.Expired).Seconds())
			}
			return err
		})
	}
}

// load lets every client live until ctx ends.
func (r *run) load(ctx context.Context) error {
	errs := make([]error, len(r.shoppers))
	var all sync.WaitGroup
	for i, s := range r.shoppers {
		all.Go(func() { errs[i] = s.live(ctx, r.pause) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// last looks at everything once more.
func (r *run) last(ctx context.Context) error {
	out := &outcome{ID: "end", Name: "everything once more"}
	r.report.add(out)
	return r.examine(ctx, out, true)
}

// everythingUp ends all faults and starts what is down.
func (r *run) everythingUp(ctx context.Context, out *outcome) error {
	for _, p := range []*proxy{r.toPG, r.toProvider, r.toNodes} {
		p.calm(true)
	}
	if !r.pg.running() {
		if err := r.pg.restart(ctx); err != nil {
			return err
		}
	}
	if !r.provider.running() {
		out.wrong("the provider ended by itself: %s", r.provider.tail())
		if err := r.provider.start(); err != nil {
			return err
		}
	}
	for _, n := range r.nodes {
		if !n.running() {
			out.wrong("%s ended by itself: %s", n.name, n.tail())
			if err := n.start(); err != nil {
				return err
			}
		}
		if err := n.ready(ctx); err != nil {
			out.wrong("%v", err)
			n.send(syscall.SIGQUIT) //nolint:errcheck // its stacks go to the log
			sleep(ctx, time.Second)
			n.kill()
			if err := errors.Join(n.start(), n.ready(ctx)); err != nil {
				return err
			}
		}
	}
	return nil
}

// openFiles is how many files and connections a process holds; 0 when the kernel
// does not say.
func openFiles(pid int) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	return len(entries)
}

// contains reports whether a file holds some bytes.
func contains(path string, some ...string) (found []string, err error) {
	text, err := os.ReadFile(path)
	for _, one := range some {
		if one != "" && bytes.Contains(text, []byte(one)) {
			found = append(found, one)
		}
	}
	return found, err
}
