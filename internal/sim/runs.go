package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// Report is what many runs did together.
type Report struct {
	Runs, Steps, Journals, Orders int
	Checks                        int64
	In, Out                       int64
	Real                          time.Duration
	Years                         float64 // simulated; of a thousand markets more than a Duration holds
	Posted, Transitions           map[string]int64
	Faults, Events                map[string]int64
	Trace                         string // of the only run
	Failed                        []Result
}

func (r *Report) add(one Result) {
	if r.Posted == nil {
		r.Posted, r.Transitions, r.Faults, r.Events = map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}
	}
	r.Runs++
	r.Steps += one.Steps
	r.Journals += one.Journals
	r.Orders += one.Orders
	r.Checks += one.Checks
	r.In += one.In
	r.Out += one.Out
	r.Years += one.Simulated.Hours() / 24 / 365
	r.Trace = one.Trace
	for into, from := range map[*map[string]int64]map[string]int64{&r.Posted: one.Posted, &r.Transitions: one.Transitions, &r.Faults: one.Faults, &r.Events: one.Events} {
		for k, n := range from {
			(*into)[k] += n
		}
	}
	if one.Violation != nil {
		r.Failed = append(r.Failed, one)
	}
}

// Runner runs a market: [Run], or that of a [Worker].
type Runner func(ctx context.Context, o Options) (Result, error)

// Many runs the seeds from o.Seed on, as many at once as there are runners, and
// tells each as it ends. It goes on after a failure: how many seeds fail says how
// rare it is.
func Many(ctx context.Context, o Options, seeds int, runners []Runner, tell func(Result)) (all Report, err error) {
	began := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan uint64)
	go func() {
		defer close(next)
		for i := range seeds {
			select {
			case next <- o.Seed + uint64(i):
			case <-ctx.Done():
				return
			}
		}
	}()
	var mu sync.Mutex
	var running sync.WaitGroup
	for _, run := range runners {
		running.Go(func() {
			for seed := range next {
				one := o
				one.Seed = seed
				result, err := run(ctx, one)
				if err != nil {
					cancel(fmt.Errorf("seed %d: %w", seed, err))
					return
				}
				mu.Lock()
				all.add(result)
				if tell != nil {
					tell(result)
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	all.Real = time.Since(began)
	slices.SortFunc(all.Failed, func(a, b Result) int { return cmp.Compare(a.Seed, b.Seed) })
	return all, context.Cause(ctx)
}

// Script is a run that breaks something, made as short as it could be: it is kept
// beside the tests and played again for ever.
type Script struct {
	Seed      uint64        `json:"seed"`
	Steps     int           `json:"steps"`
	Span      time.Duration `json:"span"`
	Only      []int         `json:"only"`
	Invariant string        `json:"invariant"` // what it broke
	Found     string        `json:"found"`     // in words, and what was wrong
}

// Options are those that play the script.
func (s Script) Options() Options {
	return Options{Seed: s.Seed, Steps: s.Steps, Span: s.Span, Only: s.Only}
}

// Load reads a script.
func Load(name string) (s Script, err error) {
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// Save writes a script.
func (s Script) Save(name string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// Shrink leaves out steps of a run that broke something, larger pieces first, as
// long as the rest breaks the same. tell hears how many steps are left.
func Shrink(ctx context.Context, o Options, v *Violation, tell func(left int)) (Script, error) {
	o = o.filled()
	o.Log = nil
	steps := o.script()
	if i := slices.Index(steps, v.Step); i >= 0 {
		steps = steps[:i+1]
	}
	last := v
	breaks := func(only []int) (bool, error) {
		one := o
		one.Only = only
		r, err := Run(ctx, one)
		if err != nil || r.Violation == nil || r.Violation.Invariant != v.Invariant {
			return false, err
		}
		last = r.Violation
		return true, nil
	}
	for size := len(steps) / 2; size > 0; size /= 2 {
		for at := 0; at < len(steps) && len(steps) > 1; {
			shorter := slices.Concat(steps[:at], steps[min(at+size, len(steps)):])
			ok := len(shorter) > 0 // none at all would be read as all
			if ok {
				var err error
				if ok, err = breaks(shorter); err != nil {
					return Script{}, err
				}
			}
			if !ok {
				at += size
				continue
			}
			steps = shorter
			if tell != nil {
				tell(len(steps))
			}
		}
	}
	return Script{Seed: o.Seed, Steps: o.Steps, Span: o.Span, Only: steps, Invariant: v.Invariant, Found: last.Detail}, nil
}

// Rare lists the kinds of posting and the transitions that were met fewer than n
// times, of all that a market knows.
func (r Report) Rare(n int64) (rare []string) {
	for _, kind := range slices.Sorted(slices.Values(kinds())) {
		if r.Posted[kind] < n {
			rare = append(rare, fmt.Sprintf("%s %d", kind, r.Posted[kind]))
		}
	}
	for _, move := range transitions {
		if r.Transitions[move] < n {
			rare = append(rare, fmt.Sprintf("%s %d", move, r.Transitions[move]))
		}
	}
	return rare
}

// Sorted lists counts by name.
func Sorted(counts map[string]int64) []string { return slices.Sorted(maps.Keys(counts)) }
