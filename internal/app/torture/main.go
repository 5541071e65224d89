// Command torture runs the market as it runs in production — two nodes, one
// PostgreSQL, a payment provider in a process of its own — lets clients buy, and
// meanwhile kills processes, cuts connections, fills disks and lies to it. After
// each fault, and at the end, it holds what the clients were told and what the
// provider's own journal says against what the market has.
//
// Owns: the faults, the load, the comparison. Does not own: the market, which is
// the same program that operators run, started as they start it.
//
// Always true: everything is on the loopback and bounded in number and time; what
// was started is stopped, also after a failure or an interrupt; the same seed
// gives the same schedule of faults; an acknowledged operation that is missing or
// there twice, a difference to the provider's journal, a stuck object, a panic or
// a secret in a log makes the run fail.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	yunshi, dir, jsonFile, commit, only string
	seed                                uint64
	smoke, volumes                      bool
	clients, kills                      int
	pause                               time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.yunshi, "yunshi", "", "the program to torture")
	flag.StringVar(&o.dir, "dir", "", "empty folder to work in")
	flag.StringVar(&o.jsonFile, "json", "", "also write the report into this file")
	flag.StringVar(&o.commit, "commit", "", "what the program was built from")
	flag.StringVar(&o.only, "only", "", "only these faults, such as B1,B4")
	flag.Uint64Var(&o.seed, "seed", 1, "decides the schedule of the faults")
	flag.BoolVar(&o.smoke, "smoke", false, "the short version, for every change")
	flag.BoolVar(&o.volumes, "volumes", true, "mount file systems of bounded size, so that disks can be full (needs root)")
	flag.IntVar(&o.clients, "clients", 32, "clients that buy")
	flag.IntVar(&o.kills, "kills", 210, "times a node is killed; the short version has its own number")
	flag.DurationVar(&o.pause, "pause", 1200*time.Millisecond, "what a client waits between two things it does, on average")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := torture(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

var errFailed = errors.New("the market did not hold; the report says where")

func torture(ctx context.Context, o options) (err error) {
	if o.yunshi == "" || o.dir == "" {
		return errors.New("-yunshi and -dir are needed; scripts/torture.sh sets them")
	}
	if o.yunshi, err = filepath.Abs(o.yunshi); err != nil {
		return err
	}
	plan, err := planned(o)
	if err != nil {
		return err
	}
	r, err := build(ctx, o, plan)
	if r != nil {
		defer func() { err = errors.Join(err, r.destroy()) }()
	}
	if err != nil {
		return err
	}
	for _, f := range plan {
		if err := r.round(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f.id, err)
		}
	}
	if err := r.last(ctx); err != nil {
		return err
	}
	r.bar.finish()
	if o.jsonFile != "" {
		if err := r.report.writeJSON(o.jsonFile); err != nil {
			return err
		}
	}
	if err := r.report.write(os.Stdout); err != nil {
		return err
	}
	if r.report.failed() {
		return errFailed
	}
	return nil
}

// planned is the schedule: which faults, in which order, how often.
func planned(o options) ([]fault, error) {
	var plan []fault
	wanted := map[string]bool{}
	for id := range strings.SplitSeq(o.only, ",") {
		if id != "" {
			wanted[id] = true
		}
	}
	for _, f := range faults(o) {
		if len(wanted) > 0 && !wanted[f.id] || f.times == 0 {
			continue
		}
		plan = append(plan, f)
	}
	if len(plan) == 0 {
		return nil, fmt.Errorf("no fault is called %s", o.only)
	}
	return plan, nil
}
