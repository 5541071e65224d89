package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"yunshi/internal/app/rig"
	"yunshi/internal/plug/sandboxpay"
)

// fault is one way to hurt the market while clients buy.
type fault struct {
	id, name string
	times    int  // how often; 0 leaves it out
	together bool // checked together with the next one
	do       func(ctx context.Context, r *run, out *outcome, times int) error
}

// faults is the whole list in the order in which they come. In the short version
// several share one check, because a lease of a dead worker lasts half a minute.
func faults(o options) []fault {
	n := func(smoke, full int) int {
		if o.smoke {
			return smoke
		}
		return full
	}
	kills := func(part int) fault {
		times := n(10, o.kills/3)
		if part > 1 && o.smoke {
			times = 0
		}
		return fault{id: "B1", name: "kill -9 of a node", times: times, do: killNodes}
	}
	return []fault{
		kills(1),
		{id: "B2", name: "connection lost between COMMIT and its answer", times: n(20, 200), together: o.smoke, do: loseCommits},
		{id: "B3", name: "PostgreSQL restarted, killed, backends killed", times: n(1, 3), together: o.smoke, do: restartPostgres},
		kills(2),
		{id: "B4", name: "connections to PostgreSQL reset, then half open", times: n(5, 25), together: o.smoke, do: breakConnections},
		{id: "B5", name: "slow network to PostgreSQL", times: n(0, 1), do: slowNetwork},
		{id: "B7", name: "answers of the provider lost", times: n(1, 4), together: o.smoke, do: loseAnswers},
		{id: "B6", name: "notices cut off, then all at once, three times, shuffled", times: n(150, 1000), together: o.smoke, do: floodNotices},
		{id: "B8", name: "disk of the data full", times: volumes(o, n(0, 2)), do: fillData},
		{id: "B9", name: "disk of the write-ahead log full", times: volumes(o, n(0, 1)), do: fillLog},
		{id: "B14", name: "a node stopped longer than its leases, then continued", times: n(0, 1), do: pauseNode},
		{id: "B15", name: "nodes restarted in turn, as for an upgrade", times: n(0, 4), do: rollNodes},
		{id: "B16", name: "duplicate, forged, huge, slow and garbled notices", times: n(1, 3), do: lie},
		kills(3),
	}
}

// steps is how many steps of the bar a fault is.
func (f fault) steps() int {
	switch f.id {
	case "B3":
		return 4 * f.times
	case "B4":
		return f.times + 2
	case "B5":
		return 3 * f.times
	case "B6":
		return 1
	case "B15":
		return nodeCount * f.times
	}
	return f.times
}

func volumes(o options, n int) int {
	if !o.volumes {
		return 0
	}
	return n
}

// between is the time to the next kill: half a second to five, mostly short.
func (r *run) between() time.Duration {
	u := r.chance.Float64()
	return time.Duration((0.5 + 4.5*u*u) * float64(time.Second))
}

// killNodes is B1. A node is started again at once, and may be killed again while
// it starts.
func killNodes(ctx context.Context, r *run, out *outcome, times int) error {
	var ups sync.WaitGroup
	defer ups.Wait()
	for range times {
		sleep(ctx, r.between())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n := r.nodes[r.chance.IntN(len(r.nodes))]
		n.kill()
		began := time.Now()
		if err := n.start(); err != nil {
			return err
		}
		out.hit(r)
		ups.Go(func() {
			if n.ready(ctx) == nil {
				out.recovered(time.Since(began))
			}
		})
	}
	return nil
}

// loseCommits is B2: the market does not learn from its connection whether its
// transaction is there. Now and then it has no time to ask either: it is killed.
func loseCommits(ctx context.Context, r *run, out *outcome, times int) error {
	for lost := 0; lost < times; {
		batch := int64(min(4, times-lost))
		r.toPG.set(weather{cutAfter: "COMMIT\x00", cuts: batch})
		for began := time.Now(); r.toPG.cuts.Load() < batch; sleep(ctx, 20*time.Millisecond) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if time.Since(began) > 20*time.Second {
				return errors.New("nothing commits")
			}
		}
		lost += int(batch)
		for range batch {
			out.hit(r)
		}
		if r.chance.IntN(5) == 0 {
			n := r.nodes[r.chance.IntN(len(r.nodes))]
			n.kill()
			if err := n.start(); err != nil {
				return err
			}
		}
		r.toPG.calm(true)
		sleep(ctx, 150*time.Millisecond)
	}
	return r.serving(ctx, out)
}

// restartPostgres is B3.
func restartPostgres(ctx context.Context, r *run, out *outcome, times int) error {
	for range times {
		for _, how := range []struct {
			name   string
			signal syscall.Signal
		}{{"fast", syscall.SIGINT}, {"immediate", syscall.SIGQUIT}, {"killed", syscall.SIGKILL}} {
			if err := r.pg.end(how.signal, 30*time.Second); err != nil {
				out.note("%v", err)
			}
			out.hit(r)
			if err := r.pg.restart(ctx); err != nil {
				return err
			}
			if err := r.serving(ctx, out); err != nil {
				return err
			}
			sleep(ctx, time.Second)
		}
		backends := r.pg.backends()
		if len(backends) == 0 {
			out.note("no backend was found to kill")
			continue
		}
		if err := syscall.Kill(backends[r.chance.IntN(len(backends))], syscall.SIGKILL); err != nil {
			return err
		}
		out.hit(r)
		sleep(ctx, 100*time.Millisecond)
		if err := r.pg.accepts(ctx, time.Minute); err != nil {
			return err
		}
		if err := r.serving(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// serving waits until every node is ready and has written again, and notes how
// long that took.
func (r *run) serving(ctx context.Context, out *outcome) error {
	began := time.Now()
	for _, n := range r.nodes {
		for !n.answers(ctx) {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case !n.running():
				return fmt.Errorf("%s has ended: %s", n.name, n.tail())
			case time.Since(began) > 2*time.Minute:
				n.send(syscall.SIGQUIT) //nolint:errcheck // its stacks go to the log
				return fmt.Errorf("%s does not serve two minutes after the fault", n.name)
			}
			sleep(ctx, 20*time.Millisecond)
		}
	}
	out.recovered(time.Since(began))
	return nil
}

// breakConnections is B4.
func breakConnections(ctx context.Context, r *run, out *outcome, times int) error {
	for range times {
		sleep(ctx, time.Duration(200+r.chance.IntN(800))*time.Millisecond)
		r.toPG.reset(every)
		out.hit(r)
	}
	if err := r.serving(ctx, out); err != nil {
		return err
	}
	r.toPG.set(weather{down: true})
	r.toPG.reset(every)
	out.hit(r)
	sleep(ctx, 3*time.Second)
	r.toPG.calm(true)
	if err := r.serving(ctx, out); err != nil {
		return err
	}
	// The cable is pulled, and put back in when both ends have forgotten each other:
	// what was open stays open and says nothing, for ever.
	r.toPG.set(weather{hole: true})
	out.hit(r)
	sleep(ctx, 5*time.Second)
	r.toPG.calm(false)
	if err := r.serving(ctx, out); err != nil {
		return err
	}
	return r.writes(ctx, out)
}

// writes waits until each node acknowledges something that is written.
func (r *run) writes(ctx context.Context, out *outcome) error {
	began := time.Now()
	s := r.shoppers[0]
	for i, c := range s.nodes {
		for {
			one, stop := context.WithTimeout(ctx, oneTry)
			page, err := c.Messages(one, "")
			if err == nil && len(page.Items) > 0 {
				err = c.ReadMessage(one, page.Items[0].ID)
			}
			stop()
			if err == nil {
				break
			}
			if time.Since(began) > 2*time.Minute || ctx.Err() != nil {
				r.nodes[i].send(syscall.SIGQUIT) //nolint:errcheck // its stacks go to the log
				return fmt.Errorf("%s does not write two minutes after the fault: %w", r.nodes[i].name, err)
			}
			sleep(ctx, 100*time.Millisecond)
		}
	}
	out.note("every node wrote again after %.1f s", time.Since(began).Seconds())
	return nil
}

// slowNetwork is B5.
func slowNetwork(ctx context.Context, r *run, out *outcome, times int) error {
	for range times {
		for _, w := range []weather{
			{latency: 300 * time.Millisecond, jitter: 300 * time.Millisecond}, {bandwidth: 16 << 10}, {slice: 1},
		} {
			r.toPG.set(w)
			out.hit(r)
			sleep(ctx, 12*time.Second)
			r.toPG.calm(true)
			before := r.stats.total.Load()
			if err := r.serving(ctx, out); err != nil {
				return err
			}
			sleep(ctx, 3*time.Second)
			if r.stats.total.Load() == before {
				out.wrong("after %s nothing is answered any more", w)
			}
		}
	}
	return nil
}

// loseAnswers is B7: the provider does what it was asked, and the market does not
// hear of it.
func loseAnswers(ctx context.Context, r *run, out *outcome, times int) error {
	for range times {
		r.toProvider.set(weather{cutAnswer: 0.3})
		sleep(ctx, 4*time.Second)
		for range r.toProvider.cuts.Load() {
			out.hit(nil)
		}
		out.hit(r)
		r.toProvider.calm(true)
		sleep(ctx, time.Second)
	}
	return nil
}

// floodNotices is B6: for a while no notice arrives, and then all that there ever
// were, three times, in no order.
func floodNotices(ctx context.Context, r *run, out *outcome, most int) error {
	r.stats.part()
	r.toNodes.set(weather{down: true})
	r.toNodes.reset(every)
	sleep(ctx, 6*time.Second)
	r.toNodes.calm(true)
	before := r.stats.part()
	payments, refunds, err := sandboxpay.Witness(r.witness)
	if err != nil {
		return err
	}
	var ids []string
	for id, f := range refunds {
		if f.Status != sandboxpay.RefundSubmitted { // of a submitted one nothing was told yet
			ids = append(ids, id)
		}
	}
	for id, p := range payments {
		if p.Status == sandboxpay.PaymentCaptured {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	r.chance.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids[:min(most, len(ids))] {
		if err := r.pay.Resend(ctx, id, 3); err != nil {
			return err
		}
		out.hit(nil)
	}
	out.hit(r)
	sleep(ctx, 4*time.Second)
	during := r.stats.part()
	out.note("answers while notices were cut off: p50 %.0f ms, p99 %.0f ms; during the flood: p50 %.0f ms, p99 %.0f ms",
		before.AnswerP50, before.AnswerP99, during.AnswerP50, during.AnswerP99)
	return r.serving(ctx, out)
}

// fillData is B8, fillLog is B9.
func fillData(ctx context.Context, r *run, out *outcome, times int) error {
	return r.full(ctx, out, r.pg.disk, times)
}
func fillLog(ctx context.Context, r *run, out *outcome, times int) error {
	return r.full(ctx, out, r.pg.logDisk, times)
}

func (r *run) full(ctx context.Context, out *outcome, disk *volume, times int) error {
	if disk == nil {
		out.note("left out: no file system of bounded size on this machine")
		return nil
	}
	for range times {
		free, err := disk.fill()
		if err != nil {
			return err
		}
		out.hit(r)
		r.stats.part()
		sleep(ctx, 8*time.Second)
		during := r.stats.part()
		out.note("with the disk full: %d acknowledged, %d refused, tries without an answer %v", during.Yes, during.No, during.Lost)
		if err := free(); err != nil {
			return err
		}
		if !r.pg.running() { // it gives up when its log cannot be written
			out.note("PostgreSQL ended and was started again")
			if err := r.pg.restart(ctx); err != nil {
				return err
			}
		}
		if err := r.pg.accepts(ctx, time.Minute); err != nil {
			return err
		}
		if err := r.serving(ctx, out); err != nil {
			return err
		}
		sleep(ctx, 3*time.Second)
	}
	return nil
}

// pauseNode is B14: a node sleeps longer than its leases last, and wakes up in the
// middle of what others have finished meanwhile.
func pauseNode(ctx context.Context, r *run, out *outcome, times int) error {
	for range times {
		n := r.nodes[r.chance.IntN(len(r.nodes))]
		if err := n.send(syscall.SIGSTOP); err != nil {
			return err
		}
		out.hit(r)
		r.stats.part()
		sleep(ctx, 20*time.Second) // what the sleeper holds in the database must be free by now
		r.stats.part()
		sleep(ctx, 25*time.Second)
		other := r.stats.part()
		out.note("the other node, 20 to 45 s into the pause: %d acknowledged, tries without an answer %v, p50 %.0f ms", other.Yes, other.Lost, other.AnswerP50)
		if other.Yes == 0 {
			out.wrong("while one node slept nothing was acknowledged for 25 s")
		}
		if err := n.send(syscall.SIGCONT); err != nil {
			return err
		}
		if err := r.serving(ctx, out); err != nil {
			return err
		}
		sleep(ctx, 3*time.Second)
	}
	return nil
}

// rollNodes is B15: nodes end as they are asked to and start again one after the
// other, from another file of the same program, while the schema is migrated.
func rollNodes(ctx context.Context, r *run, out *outcome, times int) error {
	next := filepath.Join(r.dir, "yunshi-next")
	if said, err := exec.CommandContext(ctx, "cp", r.yunshi, next).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	for i := range times {
		path := next
		if i%2 == 1 {
			path = r.yunshi
		}
		for _, n := range r.nodes {
			if err := n.end(syscall.SIGTERM, 30*time.Second); err != nil {
				out.wrong("%v", err)
			}
			if _, err := r.yunshiDo(ctx, "migrate"); err != nil {
				return err
			}
			n.path = path
			began := time.Now()
			if err := errors.Join(n.start(), n.ready(ctx)); err != nil {
				return err
			}
			out.recovered(time.Since(began))
			out.hit(r)
			sleep(ctx, time.Second)
		}
	}
	return nil
}

// outcome is what one round did and found.
type outcome struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Hits     int      `json:"injected"`
	Took     float64  `json:"seconds"`
	Load     tally    `json:"load"`
	Recovery spread   `json:"recovery_ms"`
	Drain    float64  `json:"drain_seconds"`
	Oldest   float64  `json:"longest_due_seconds"`    // that a job waited after its time
	Expired  float64  `json:"longest_orphan_seconds"` // that a job of a dead worker waited after its lease
	Wrong    []string `json:"wrong"`
	Notes    []string `json:"notes"`

	mu    sync.Mutex
	times []time.Duration
}

// spread is a distribution in milliseconds.
type spread struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	Max   float64 `json:"max"`
}

// hit counts an injected fault; with r also on the bar.
func (o *outcome) hit(r *run) {
	o.mu.Lock()
	o.Hits++
	o.mu.Unlock()
	if r != nil {
		r.bar.add(1)
	}
}

func (o *outcome) recovered(took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.times = append(o.times, took)
}

// mostWrong bounds what one round says.
const mostWrong = 20

func (o *outcome) wrong(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.Wrong) < mostWrong {
		o.Wrong = append(o.Wrong, strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}

func (o *outcome) note(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Notes = append(o.Notes, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// slowest is when a recovery is wrong, and quick what it should be on a machine
// that has nothing else to do. The slowest is from a connection that is half open:
// the driver's own farewell to it lasts up to 15 s.
const (
	quick   = 2 * time.Second
	slowest = 20 * time.Second
)

// settle computes the figures of a round that is over.
func (o *outcome) settle() {
	o.mu.Lock()
	times := slices.Clone(o.times)
	o.mu.Unlock()
	if len(times) == 0 {
		return
	}
	o.Recovery = spread{Count: len(times), P50: rig.Percentile(times, 50), P95: rig.Percentile(times, 95), Max: rig.Percentile(times, 100)}
	if o.Recovery.P95 > quick.Seconds()*1000 {
		o.note("slow: 95 %% of the recoveries should take at most %s", quick)
	}
	if o.Recovery.Max > slowest.Seconds()*1000 {
		o.wrong("O6 a recovery took %.1f s", o.Recovery.Max/1000)
	}
}
