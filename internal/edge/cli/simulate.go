package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/sim"
)

// SimulateCmd runs made-up markets. It touches no database of a real one.
type SimulateCmd struct {
	Seed    uint64  `help:"The first seed." default:"1"`
	Seeds   int     `help:"How many markets, one a seed." default:"1"`
	Years   float64 `help:"Simulated years of each market." default:"1"`
	Steps   int     `help:"Events of each market (default: 2000 a year)."`
	Workers int     `help:"Markets at once." default:"2"`
	Least   int64   `help:"Fail when something was met fewer times than this." default:"0"`
	Script  string  `help:"Play a script of an earlier failure." type:"existingfile"`
	Story   bool    `help:"Tell each step of a single market."`
	Serve   bool    `hidden:"" help:"Run the markets that another process asks for."`
	Save    string  `help:"Where the script of a failure goes (default: beside you, by its seed)." type:"path"`
}

// errBroken makes the exit code of a run that broke a promise.
var errBroken = errors.New("simulate: a promise of the money is broken")

// errRare makes the exit code of runs that left out what they should have met.
var errRare = errors.New("simulate: some moves or postings were met too seldom")

// Run simulates and reports.
func (c *SimulateCmd) Run(e *Env) error {
	// A market makes much garbage and needs little memory.
	debug.SetGCPercent(400)
	if c.Serve {
		return sim.Serve(e.Ctx, os.Stdin, e.Out)
	}
	o := sim.Options{Seed: c.Seed, Steps: c.Steps, Span: time.Duration(c.Years * 365 * 24 * float64(time.Hour))}
	if o.Steps == 0 {
		o.Steps = max(1, int(2000*c.Years))
	}
	if c.Script != "" {
		s, err := sim.Load(c.Script)
		if err != nil {
			return err
		}
		o, c.Seeds = s.Options(), 1
	}
	if c.Story {
		o.Log, c.Seeds = e.Out, 1
	}
	runners, end, err := c.runners(e)
	if err != nil {
		return err
	}
	bar := newProgress(e.Err, e.Lang, "simulate", c.Seeds)
	all, err := sim.Many(e.Ctx, o, c.Seeds, runners, func(sim.Result) { bar.add(1) })
	end()
	bar.finish()
	if err != nil && all.Runs == 0 {
		return err
	}
	report(e.Out, e.Lang, all, c.Least)
	if err != nil { // interrupted: what has ended is told
		return err
	}
	if len(all.Failed) == 0 {
		key := "simulate.clean"
		if c.Script != "" {
			key = "simulate.mended"
		}
		fmt.Fprintln(e.Out, text.In(e.Lang, key))
		if len(all.Rare(c.Least)) > 0 {
			return errRare
		}
		return nil
	}
	for _, f := range all.Failed {
		v := f.Violation
		fmt.Fprintln(e.Out, text.In(e.Lang, "simulate.broken", "Seed", f.Seed, "Step", v.Step, "Invariant", v.Invariant, "Detail", v.Detail))
	}
	if c.Script != "" {
		return errBroken
	}
	return c.shrink(e, o, all.Failed[0])
}

// runners are as many as run at once: this process for one market, else processes of
// their own.
func (c *SimulateCmd) runners(e *Env) (all []sim.Runner, end func(), err error) {
	if min(c.Workers, c.Seeds) <= 1 {
		return []sim.Runner{sim.Run}, func() {}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	var workers []*sim.Worker
	end = func() {
		for _, w := range workers {
			w.Close() //nolint:errcheck // what it said has been read
		}
	}
	for range min(c.Workers, c.Seeds) {
		w, err := sim.StartWorker(e.Ctx, self, "simulate", "--serve")
		if err != nil {
			end()
			return nil, nil, err
		}
		workers = append(workers, w)
		all = append(all, w.Run)
	}
	return all, end, nil
}

// shrink looks for the shortest script of a failure and keeps it.
func (c *SimulateCmd) shrink(e *Env, o sim.Options, f sim.Result) error {
	fmt.Fprintln(e.Err, text.In(e.Lang, "simulate.shrinking"))
	o.Seed = f.Seed
	said := time.Now()
	s, err := sim.Shrink(e.Ctx, o, f.Violation, func(left int) {
		if now := time.Now(); now.Sub(said) >= between {
			said = now
			fmt.Fprintln(e.Err, text.In(e.Lang, "simulate.left", "Left", left))
		}
	})
	if err != nil {
		return err
	}
	file := c.Save
	if file == "" {
		file = fmt.Sprintf("seed-%d.json", f.Seed)
	}
	if err := s.Save(file); err != nil {
		return err
	}
	fmt.Fprintln(e.Out, text.In(e.Lang, "simulate.script", "Steps", len(s.Only), "File", file))
	return errBroken
}

// report says what the markets did and met.
func report(out io.Writer, l text.Lang, r sim.Report, least int64) {
	seconds := max(r.Real.Seconds(), 0.001)
	yuan := func(minor int64) string { return money.Amount{Minor: minor, Currency: money.CNY}.Format(string(l)) }
	fmt.Fprintln(out, text.In(l, "simulate.head", "Runs", r.Runs, "Years", fmt.Sprintf("%.1f", r.Years), "Steps", r.Steps,
		"Seconds", fmt.Sprintf("%.1f", seconds), "Rate", int(float64(r.Steps)/seconds)))
	fmt.Fprintln(out, text.In(l, "simulate.market", "Orders", r.Orders, "In", yuan(r.In), "Out", yuan(r.Out), "Journals", r.Journals))
	fmt.Fprintln(out, text.In(l, "simulate.checks", "Checks", r.Checks))
	for _, part := range []struct {
		title  string
		counts map[string]int64
	}{{"simulate.faults", r.Faults}, {"simulate.events", r.Events}, {"simulate.posted", r.Posted}, {"simulate.moves", r.Transitions}} {
		fmt.Fprintf(out, "\n%s\n", text.In(l, part.title))
		for _, name := range sim.Sorted(part.counts) {
			fmt.Fprintf(out, "  %9d  %s\n", part.counts[name], name)
		}
	}
	if rare := r.Rare(least); len(rare) > 0 {
		fmt.Fprintf(out, "\n%s\n", text.In(l, "simulate.rare", "Least", least))
		for _, what := range rare {
			fmt.Fprintf(out, "  %s\n", what)
		}
	}
	fmt.Fprintln(out)
	if r.Runs == 1 {
		fmt.Fprintln(out, text.In(l, "simulate.trace", "Trace", r.Trace))
	}
}
