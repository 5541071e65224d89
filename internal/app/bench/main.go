// Command bench measures the market on this machine, in one run: a posting, a
// notice and whole purchases over HTTP on both engines, each beside what the same
// disk and the same server do at best (pgbench, single-row SQLite commits) and
// with the CPU time of every process; search and product pages over a large
// catalogue, cold start, and idle memory.
//
// Owns: the load, the in-memory payment provider, the table. Does not own: the
// market it measures, which is the one that `yunshi serve` runs, with durable
// settings and every check on.
//
// Always true: load goes to the loopback only and is bounded in number and time;
// an answer that is an error, an order that is not delivered, a book that is not
// in balance, or a database that `yunshi verify` would not pass ends the run
// without a table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"yunshi/internal/base/db"
)

// options are the command line.
type options struct {
	yunshi, debcatalog, lists       string
	dir, jsonFile, profiles         string
	engines, commit                 string
	skipImport, short               bool
	most, buyers, rounds            int
	baseline, purchase, visit, step time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.yunshi, "yunshi", "", "the program to measure")
	flag.StringVar(&o.debcatalog, "debcatalog", "", "the program that makes a catalogue from a Debian package index")
	flag.StringVar(&o.lists, "lists", "", "folder of apt's indices; without it apt downloads them, with Chinese descriptions")
	flag.StringVar(&o.dir, "dir", "", "empty folder to work in")
	flag.StringVar(&o.jsonFile, "json", "", "also write the figures into this file")
	flag.StringVar(&o.profiles, "profiles", "", "write CPU profiles of the purchases into this folder")
	flag.StringVar(&o.engines, "engines", "sqlite,postgres", "what to measure on")
	flag.StringVar(&o.commit, "commit", "", "what the program was built from, when it does not know")
	flag.BoolVar(&o.skipImport, "skip-import", false, "leave out the large catalogue and what is measured over it")
	flag.IntVar(&o.most, "most", 0, "import so many products at most; 0 is all")
	flag.IntVar(&o.buyers, "buyers", 32, "customers who buy, and clients of the larger run")
	flag.DurationVar(&o.baseline, "baseline", 20*time.Second, "time of pgbench; half of it for SQLite commits")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of steps and baseline; purchases run in half as many")
	flag.DurationVar(&o.step, "step", 5*time.Second, "time of each step in a round")
	flag.DurationVar(&o.purchase, "purchase", 8*time.Second, "time of each run of purchases")
	flag.DurationVar(&o.visit, "visit", 10*time.Second, "time of the queries, and of the product pages")
	flag.BoolVar(&o.short, "short", false, "a look in two minutes: short rounds, no catalogue")
	flag.Parse()
	if o.short {
		given := map[string]bool{}
		flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
		for name, value := range map[string]string{"skip-import": "true", "rounds": "3", "step": "2s", "purchase": "4s", "baseline": "4s"} {
			if !given[name] {
				flag.Set(name, value) //nolint:errcheck // these are values that it takes
			}
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// fewer is the number of clients of the smaller run and of the visits.
const fewer = 8

func run(ctx context.Context, o options) (err error) {
	server := os.Getenv("YUNSHI_TEST_POSTGRES")
	switch {
	case server == "":
		return errors.New("YUNSHI_TEST_POSTGRES is not set; run scripts/bench.sh, which starts a durable server")
	case o.yunshi == "" || o.dir == "":
		return errors.New("-yunshi and -dir are needed; scripts/bench.sh sets them")
	case !o.skipImport && o.debcatalog == "":
		return errors.New("-debcatalog is needed, or -skip-import")
	}
	pg, err := newPostgres(server)
	if err != nil {
		return err
	}
	rep := newReport(o.commit)
	catalogue := ""
	if !o.skipImport {
		// First, so that a missing index is known before anything has been waited for.
		if catalogue, err = listings(ctx, o); err != nil {
			return fmt.Errorf("no catalogue to import (-skip-import leaves it out): %w", err)
		}
	}
	if err := pg.prepare(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.drop(context.WithoutCancel(ctx), pgbenchDatabase)) }()
	if err := baselines(ctx, o, pg, rep); err != nil {
		return err
	}
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		if !slices.Contains(strings.Split(o.engines, ","), string(engine)) {
			continue
		}
		// The steps leave jobs behind that nobody will do, so they have a database of their own.
		if err := measureIn(ctx, o, engine, pg, rep, "steps", (*measured).postings); err != nil {
			return fmt.Errorf("%s: steps: %w", engine, err)
		}
		if err := measureIn(ctx, o, engine, pg, rep, "market", func(m *measured, ctx context.Context) error { return m.all(ctx, catalogue) }); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	rep.finish()
	if o.jsonFile != "" {
		if err := rep.writeJSON(o.jsonFile); err != nil {
			return err
		}
	}
	return rep.write(os.Stdout)
}

// measureIn makes a database, measures in it, and drops it.
func measureIn(ctx context.Context, o options, engine db.Engine, pg *postgres, rep *report, name string, measure func(*measured, context.Context) error) (err error) {
	m := &measured{options: o, engine: engine, server: pg, report: rep, data: filepath.Join(o.dir, name+"-"+string(engine))}
	if engine == db.Postgres {
		database := "yunshi_bench_" + name
		if m.database, err = pg.create(ctx, database); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pg.drop(context.WithoutCancel(ctx), database)) }()
	}
	if err := m.command(ctx, "migrate").Run(); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return measure(m, ctx)
}

// measured is the market on one engine.
type measured struct {
	options
	engine         db.Engine
	server         *postgres
	data, database string
	report         *report
}

func (m *measured) say(format string, args ...any) { progress(string(m.engine)+": "+format, args...) }

func (m *measured) set(name, unit string, value float64) { m.report.set(name, unit, m.engine, value) }

// all measures everything on one engine, in the order in which the database grows.
func (m *measured) all(ctx context.Context, catalogue string) error {
	if err := m.trade(ctx); err != nil {
		return fmt.Errorf("purchases: %w", err)
	}
	if catalogue != "" {
		slugs, err := m.load(ctx, catalogue)
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		if err := m.visits(ctx, slugs); err != nil {
			return fmt.Errorf("visits: %w", err)
		}
	}
	return m.starts(ctx)
}

// progress tells the person at the terminal what is going on.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05")+" "+strings.TrimSuffix(format, "\n")+"\n", args...)
}
