// Package sim runs whole markets in one goroutine and tries to break their money.
//
// A seed decides everything: which rulebook the market has, what its customers,
// vendors and staff do, what the provider and the banks do, when notices arrive,
// how far the clock jumps, where the program dies. All of it goes through the
// functions that the market itself uses, on a real SQLite database, so that what is
// simulated is the program and not a picture of it. The database is in memory: who
// dies here is the program and never the machine, so no commit is ever lost, and a
// file would only cost time.
//
// A step is one event: somebody acts, a notice arrives, a job runs, the provider
// moves, time passes. After each transaction an oracle of plain arithmetic, which
// shares no code with the book, compares what was written with what should have
// been (see oracle). A run has two phases. In the first everything may fail; in
// the second nothing does any more, and within thirty days every object must have
// ended or be in somebody's queue.
//
// Owns: the simulated provider and people, the faults, the oracle, shrinking. Does
// not own: any rule of the market.
//
// Always true:
//   - One seed, one program: one run, to the last id. Its trace is hashed.
//   - A step draws its chance from the seed and its own number, so that leaving
//     other steps out changes what it meets and not what it tries.
//   - Nothing here is wired into a market that serves anybody.
package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

// Options say how long a run is.
type Options struct {
	Seed  uint64
	Steps int           // default 2000
	Span  time.Duration // of simulated time, roughly; default one year
	Dir   string        // for a database in a file, as a real market has it; default in memory
	Only  []int         // the steps that are made; nil: all
	Every int           // a full verification of the book after so many steps; default 1000
	Log   io.Writer     `json:"-"` // each step in words; nil: silent
}

func (o Options) filled() Options {
	if o.Steps == 0 {
		o.Steps = 2000
	}
	if o.Span == 0 {
		o.Span = 365 * 24 * time.Hour
	}
	if o.Every == 0 {
		o.Every = 1000
	}
	return o
}

// script is the numbers of the steps that are made.
func (o Options) script() []int {
	if o.Only != nil {
		return o.Only
	}
	all := make([]int, o.Steps)
	for i := range all {
		all[i] = i
	}
	return all
}

// Result is what a run did and found.
type Result struct {
	Seed        uint64
	Steps       int
	Trace       string // SHA-256 over every step
	Simulated   time.Duration
	Real        time.Duration
	Checks      int64
	Journals    int
	Orders      int
	In, Out     int64            // fen that customers paid, and got back
	Posted      map[string]int64 // journals by kind
	Transitions map[string]int64
	Faults      map[string]int64
	Events      map[string]int64
	Violation   *Violation
}

// world is one simulated market while it runs.
type world struct {
	ctx    context.Context
	opt    Options
	d      *db.DB
	clock  *clock
	stage  *stage
	regime regime
	knobs  knobs
	bank   *bank
	oracle *oracle
	nodes  [2]*job.Worker

	catalogue []event

	rng   *rand.Rand
	aside *rand.Rand // for chances that were added later: what old scripts meet stays the same
	bytes *chance
	step  int
	safe  bool // the second phase: nothing fails any more
	depth int  // of what happens meanwhile

	dead      bool // the program has died and was not started again
	dieIn     int  // points until it dies; 0: it does not
	poison    bool // the vendors' systems are broken
	notices   []payment.Event
	retries   []func() error
	sent      int
	keys      int
	leases    map[string]int64    // the newest that a node has had, by job
	issued    map[string]bool     // keys of intents that were not done yet
	recovered []string            // effects of vendors' payments
	cases     map[string][]string // of vendors, that hold money
	trace     hash.Hash

	leaving int // how often the vendor that leaves has said so

	tableNames map[string]string
	faults     map[string]int64
	events     map[string]int64
}

// chance is the program's own randomness: begun anew with each step.
type chance struct{ source *rand.ChaCha8 }

func (c *chance) Read(p []byte) (int, error) { return c.source.Read(p) }

// Run simulates one seed. The error is about the simulation itself; what it found
// is in the result.
func Run(ctx context.Context, o Options) (_ Result, err error) {
	o = o.filled()
	began := time.Now()
	w := &world{
		ctx: ctx, opt: o, catalogue: catalogue(), trace: sha256.New(), leases: map[string]int64{}, issued: map[string]bool{}, cases: map[string][]string{}, tableNames: map[string]string{}, faults: map[string]int64{}, events: map[string]int64{},
		bytes: &chance{rand.NewChaCha8([32]byte{})},
	}
	w.reseed(-1)
	w.knobs = draw(w.rng, o)
	w.regime = regimes[w.knobs.regime]
	if w.stage, err = stageOf(ctx, w.knobs.regime); err != nil {
		return Result{}, err
	}
	w.clock = &clock{now: w.stage.opened}
	w.bank, w.oracle = newBank(w), newOracle(w)
	url, image := "sqlite:", w.stage.image
	if o.Dir != "" {
		name := filepath.Join(o.Dir, "market.db")
		if err := os.WriteFile(name, image, 0o600); err != nil {
			return Result{}, err
		}
		url, image = "sqlite:"+name, nil
	}
	if w.d, err = db.Open(ctx, url, db.Options{
		Now: w.clock.Now, Rand: w.bytes, Keys: keys(), Readers: 1, UnsafeDurability: true, Image: image, Probe: &db.Probe{At: w.at, Changed: w.oracle.changed},
	}); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, w.d.Close()) }()
	w.start()
	if err := w.open(); err != nil {
		return Result{}, err
	}
	for made, i := range o.script() {
		if w.oracle.found != nil || ctx.Err() != nil {
			break
		}
		w.one(i)
		if (made+1)%o.Every == 0 {
			w.verify()
		}
	}
	if w.oracle.found == nil {
		w.rest()
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	return w.result(time.Since(began)), nil
}

// start is the program starting: workers with nothing in their memory.
func (w *world) start() {
	handlers := w.handlers()
	for i := range w.nodes {
		w.nodes[i] = job.NewWorker(w.d, handlers, slog.New(listener{w}))
	}
}

// listener hears why jobs fail. A refusal and a lost call are told apart from what
// must not happen: an error that nobody has foreseen.
type listener struct{ w *world }

func (listener) Enabled(context.Context, slog.Level) bool { return true }
func (l listener) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l listener) WithGroup(string) slog.Handler          { return l }

// Handle looks at the error of a record.
func (l listener) Handle(_ context.Context, r slog.Record) error {
	var kind string
	var cause error
	r.Attrs(func(a slog.Attr) bool {
		switch v := a.Value.Any().(type) {
		case error:
			cause = v
		case string:
			if a.Key == "kind" {
				kind = v
			}
		}
		return true
	})
	if cause == nil || transient(cause) || l.w.dead || strings.Contains(cause.Error(), "gave no id") {
		return nil
	}
	if f, ok := fault.Of(cause); ok && f.Kind != fault.Internal {
		l.w.count("job refused: " + kind + " " + f.Code)
		if l.w.opt.Log != nil {
			fmt.Fprintf(l.w.opt.Log, "      %s refused: %v\n", kind, cause)
		}
		return nil
	}
	l.w.oracle.wrong("job", "%s: %v", kind, cause)
	return nil
}

// handlers are the program's own, with the hooks that it wires.
func (w *world) handlers() map[string]job.Handler {
	gateways := map[string]payment.Gateway{provider: w.bank}
	settlements := settlement.Work{Gateways: gateways, Held: refund.Held}
	payments := payment.Work{
		Gateways: gateways, Collector: operator,
		Captured: db.Chain(order.Captured, settlements.Captured), RefundEnded: db.Chain(order.RefundEnded, settlement.RefundEnded, refund.Ended),
		SplitEnded: settlements.SplitEnded, ReturnEnded: db.Chain(settlement.ReturnEnded, refund.Returned), PayoutMoved: settlement.PayoutMoved, DisputeMoved: settlement.DisputeMoved,
	}
	deliveries := delivery.Work{
		Provisioners: map[string]delivery.Provisioner{delivery.HookNative: system{w}},
		Hooks: func(context.Context, db.Reader, vendor.ID, string) (delivery.Endpoint, error) {
			return delivery.Endpoint{URL: "https://hook.example", Secrets: []string{"secret"}}, nil
		},
		Delivered: db.Chain(order.DeliveredTo, settlement.Delivered, refund.Delivered), Failed: order.DeliveryFailed,
	}
	all := map[string]job.Handler{}
	for _, some := range []map[string]job.Handler{
		payments.Handlers(), deliveries.Handlers(), entitlement.Work{Expired: delivery.Expired}.Handlers(), order.Work{}.Handlers(),
		settlements.Handlers(), vendor.Work{}.Handlers(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// open begins the work that never ends, as a market does when it starts.
func (w *world) open() error {
	drawn := w.knobs
	w.knobs = knobs{reports: drawn.reports} // nothing fails yet
	defer func() { w.knobs = drawn }()
	return w.d.Write(w.ctx, func(tx *db.Tx) error {
		if w.knobs.reports {
			if err := settlement.Start(w.ctx, tx); err != nil {
				return err
			}
			return payment.Pull(w.ctx, tx, provider)
		}
		return job.Enqueue(w.ctx, tx, job.Spec{Kind: payment.PullJob, Object: provider, Unique: true})
	})
}

// reseed gives a step its own chance.
func (w *world) reseed(step int) {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], w.opt.Seed)
	binary.LittleEndian.PutUint64(seed[8:], uint64(int64(step)))
	w.rng = rand.New(rand.NewPCG(w.opt.Seed, uint64(int64(step))+1<<32))
	w.aside = rand.New(rand.NewPCG(w.opt.Seed, uint64(int64(step))+2<<32))
	w.bytes.source.Seed(seed)
}

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func (w *world) count(fault string) { w.faults[fault]++ }

// one makes one step.
func (w *world) one(i int) {
	w.step = i
	w.reseed(i)
	w.clock.now = w.clock.now.Add(time.Duration(1+w.rng.IntN(3000)) * time.Millisecond)
	if w.dieIn == 0 && w.chance(w.knobs.die) {
		w.dieIn = 1 + w.rng.IntN(12)
	}
	e := w.choose()
	outcome := e.do(w)
	for try := 0; try < 6 && vain[outcome] && !w.dead; try++ { // nothing to act on: something else happens
		e = w.choose()
		outcome = e.do(w)
	}
	w.events[e.name]++
	if w.dead { // started again a while later
		w.count("crash")
		w.dead = false
		w.clock.now = w.clock.now.Add(time.Duration(w.rng.IntN(300)) * time.Second)
		w.start()
	}
	w.dieIn = 0
	w.record(e.name, outcome)
}

// vain are outcomes of an event that found nothing to act on.
var vain = map[string]bool{"none": true, "nothing": true, "nobody": true, "idle": true, "not yet": true, "no dispute": true}

// record adds a step to the trace.
func (w *world) record(event, outcome string) {
	fmt.Fprintf(w.trace, "%d|%s|%s|%d|%d\n", w.step, event, outcome, w.clock.now.UnixMicro(), w.oracle.journalCount)
	w.trace.Write(w.oracle.digest)
	if w.opt.Log != nil {
		fmt.Fprintf(w.opt.Log, "%5d %s %-22s %s\n%s", w.step, w.clock.now.Format("2006-01-02 15:04:05"), event, outcome, w.oracle.digest)
	}
	w.oracle.digest = w.oracle.digest[:0]
}

// errAborted is why a transaction has to run again.
var errAborted = errors.New("sim: the transaction lost a race")

// errDead is what a dead program meets everywhere: nothing.
var errDead = errors.New("sim: the program has died")

// The ways in which a call may be lost.
const (
	arrives = iota
	lostBefore
	lostAfter
)

// trouble draws what becomes of a call.
func (w *world) trouble() int {
	switch {
	case w.chance(w.knobs.lostBefore):
		return lostBefore
	case w.chance(w.knobs.lostAfter):
		return lostAfter
	}
	return arrives
}

// mayDie is a point at which the program may die.
func (w *world) mayDie() bool {
	if w.dead {
		return true
	}
	if w.dieIn > 0 {
		if w.dieIn--; w.dieIn == 0 {
			w.dead = true
		}
	}
	return w.dead
}

// meanwhile lets something else happen while a call is on its way.
func (w *world) meanwhile() {
	if w.depth == 0 && w.chance(w.knobs.meanwhile) {
		w.count("interleaved")
		w.interleave()
	}
}

// interleave lets something else happen while somebody waits: another node works,
// a notice arrives, anybody acts, or who waits pauses for longer than its lease.
func (w *world) interleave() {
	if w.depth > 0 {
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	if w.chance(0.4) {
		w.count("pause beyond the lease")
		w.clock.now = w.clock.now.Add(time.Duration(31+w.rng.IntN(45)) * time.Second)
		if w.aside.IntN(3) == 0 {
			w.take()
		}
	}
	for range 1 + w.rng.IntN(3) {
		switch w.rng.IntN(4) {
		case 0:
			deliver(w)
		case 1:
			w.choose().do(w)
		default:
			w.work()
		}
	}
}

// take lets another node lease what is due first, mostly the job of who has paused,
// and stop there.
func (w *world) take() {
	j, found, err := w.nodes[w.aside.IntN(len(w.nodes))].Take(w.ctx)
	if err != nil && !transient(err) {
		w.oracle.wrong("job", "%v", err)
	}
	if found {
		w.count("lease taken and slept on")
		w.leases[j.ID] = j.Token
	}
}

// at is asked by the database at every point of a transaction.
func (w *world) at(p db.Point) error {
	if w.oracle.reading {
		return nil
	}
	switch p {
	case db.BeforeRead, db.BeforeWrite:
		if w.mayDie() {
			return errDead
		}
	case db.BeforeCommit:
		if w.mayDie() {
			return errDead
		}
		if w.chance(w.knobs.abort) {
			w.count("transaction aborted")
			return db.Again(errAborted)
		}
	case db.AfterCommit:
		if err := w.oracle.committed(); err != nil {
			return err
		}
		if w.mayDie() {
			w.count("crash after commit")
			return errDead
		}
		if w.chance(w.knobs.unknown) {
			w.count("unknown commit")
			return db.ErrUnknownCommit
		}
	case db.RolledBack:
		w.oracle.forget()
	}
	return nil
}

// work runs a due job and says which; nothing when none is due.
func (w *world) work() (ran string) {
	node := w.nodes[w.rng.IntN(len(w.nodes))]
	j, found, err := node.Step(w.ctx, func() bool { return w.chance(w.knobs.disorder) }, w.rng.IntN)
	if err != nil && !transient(err) {
		w.oracle.wrong("job", "%s: %v", j.Kind, err)
	}
	if !found {
		return ""
	}
	if newest := w.leases[j.ID]; newest > j.Token {
		w.oracle.must(!j.Ended(), "lease", "%s %s was ended by lease %d, the newest is %d", j.Kind, j.ID, j.Token, newest)
	}
	w.leases[j.ID] = max(w.leases[j.ID], j.Token)
	return j.Kind
}

// transient are errors that a fault of the simulation explains.
func transient(err error) bool {
	return errors.Is(err, errDead) || errors.Is(err, db.ErrUnknownCommit) || errors.Is(err, errLost) || errors.Is(err, errAborted)
}

// verify has the book read itself, whole.
func (w *world) verify() {
	w.oracle.reading = true
	defer func() { w.oracle.reading = false }()
	err := w.d.Read(w.ctx, func(r db.Reader) error {
		n, wrong, err := ledger.Verify(w.ctx, r)
		w.oracle.checks += int64(n)
		for _, v := range wrong {
			if v.Invariant == "I13" && !w.safe {
				continue // the operator owes it, and covers it before the end
			}
			w.oracle.wrong(v.Invariant, "%s", v.Detail)
		}
		return err
	})
	if err != nil {
		w.oracle.wrong("verify", "%v", err)
	}
}

func (w *world) result(took time.Duration) Result {
	r := Result{
		Seed: w.opt.Seed, Steps: w.step + 1, Trace: hex.EncodeToString(w.trace.Sum(nil)), Simulated: w.clock.now.Sub(w.stage.opened), Real: took,
		Checks: w.oracle.checks, Journals: w.oracle.journalCount, Orders: len(w.oracle.orders.order), Posted: w.oracle.posted, Transitions: w.oracle.taken,
		Faults: w.faults, Events: w.events, Violation: w.oracle.found,
	}
	for _, p := range w.bank.payments {
		r.In += p.Captured.Minor
	}
	for _, b := range w.bank.refunds {
		if b.State == payment.RefundObjectSucceeded {
			r.Out += b.Amount.Minor
		}
	}
	return r
}

// system is a vendor's own system behind a delivery interface.
type system struct{ w *world }

// Dialect is the native one.
func (system) Dialect() string { return delivery.HookNative }

// Provision makes an instance, or fails as the seed says.
func (s system) Provision(_ context.Context, c delivery.Call) (delivery.Result, error) {
	if s.w.dead {
		return delivery.Result{}, errDead
	}
	s.w.meanwhile()
	if s.w.mayDie() {
		return delivery.Result{}, errDead
	}
	switch {
	case s.w.poison || s.w.chance(s.w.knobs.lostBefore):
		return delivery.Result{}, errLost
	case s.w.chance(s.w.knobs.refuse):
		return delivery.Result{Refusal: "out_of_stock"}, delivery.ErrRefused
	}
	return delivery.Result{Instance: "ins-" + string(c.ID), Website: "https://app.example/" + string(c.ID)}, nil
}
