package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/base/db"
)

// Names of the figures that purchases are compared with.
const (
	pgbenchName = "baseline: pgbench -N -c 8 -j 2, scale 10"
	commitsName = "baseline: single-row durable commits, one after another"
)

// baselines measures what disk and server do at best, without the market.
func baselines(ctx context.Context, o options, pg *postgres, rep *report) error {
	progress("pgbench for %s", o.baseline)
	rate, latency, err := pg.bench(ctx, o.baseline)
	if err != nil {
		return err
	}
	rep.set(pgbenchName, "commits/s", db.Postgres, rate)
	rep.set("baseline: latency, mean", "ms", db.Postgres, latency)
	progress("single-row SQLite commits for %s", o.baseline/2)
	if rate, err = commits(ctx, filepath.Join(o.dir, "commits.db"), o.baseline/2); err != nil {
		return err
	}
	rep.set(commitsName, "commits/s", db.SQLite, rate)
	rep.set("baseline: latency, mean", "ms", db.SQLite, 1000/rate)
	return nil
}

//go:embed commits.sql
var commitsSQL string

// commits inserts one row a transaction into a table without an index, each
// durable before the next begins, and returns how many a second.
func commits(ctx context.Context, path string, span time.Duration) (float64, error) {
	d, err := db.Open(ctx, "sqlite:"+path, db.Options{})
	if err != nil {
		return 0, err
	}
	defer d.Close()
	create, insert, _ := strings.Cut(strings.TrimSpace(commitsSQL), ";")
	exec := func(statement string, args ...any) error {
		return d.Write(ctx, func(tx *db.Tx) error { _, err := tx.Exec(ctx, statement, args...); return err })
	}
	if err := exec(create); err != nil {
		return 0, err
	}
	start, n := time.Now(), 0
	for ; time.Since(start) < span; n++ {
		if err := exec(insert, n, "a row of about the size of a journal entry: 0123456789012345678901234567890123456789"); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// postgres is the server, driven by its own programs.
type postgres struct {
	server     *url.URL
	bin        string
	env        []string
	postmaster string // number of its first process, on this machine
}

func newPostgres(server string) (*postgres, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("YUNSHI_TEST_POSTGRES is not an address") // its text may hold a password
	}
	password, _ := u.User.Password()
	p := &postgres{server: u, env: append(os.Environ(), "PGHOST="+u.Hostname(), "PGPORT="+u.Port(), "PGUSER="+u.User.Username(), "PGPASSWORD="+password)}
	p.bin = "/usr/lib/postgresql/15/bin" // Debian's
	if _, err := os.Stat(p.bin + "/pgbench"); err != nil {
		found, err := exec.LookPath("pgbench")
		if err != nil {
			return nil, err
		}
		p.bin = filepath.Dir(found)
	}
	folder, err := p.do(context.Background(), "psql", "-At", "-c", "SHOW data_directory", "postgres")
	if err != nil {
		return nil, err
	}
	numbers, err := os.ReadFile(filepath.Join(strings.TrimSpace(folder), "postmaster.pid"))
	if err != nil {
		return nil, fmt.Errorf("the server must run on this machine, so that its CPU time can be read: %w", err)
	}
	p.postmaster, _, _ = strings.Cut(string(numbers), "\n")
	return p, nil
}

func (p *postgres) do(ctx context.Context, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	c.Env = p.env
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return string(out), nil
}

// create makes an empty database and returns its address.
func (p *postgres) create(ctx context.Context, name string) (string, error) {
	u := *p.server
	u.Path = "/" + name
	_, err := p.do(ctx, "createdb", name)
	return u.String(), err
}

func (p *postgres) drop(ctx context.Context, name string) error {
	_, err := p.do(ctx, "dropdb", "--force", name)
	return err
}

var (
	tpsLine     = regexp.MustCompile(`tps = ([0-9.]+)`)
	latencyLine = regexp.MustCompile(`latency average = ([0-9.]+) ms`)
)

// pgbenchDatabase is what pgbench works in.
const pgbenchDatabase = "yunshi_pgbench"

// prepare makes pgbench's tables; drop removes them.
func (p *postgres) prepare(ctx context.Context) error {
	if _, err := p.create(ctx, pgbenchDatabase); err != nil {
		return err
	}
	_, err := p.do(ctx, "pgbench", "-i", "-q", "-s", "10", pgbenchDatabase)
	return err
}

// bench runs pgbench's simple update: one UPDATE, one SELECT, one INSERT a
// transaction. It returns transactions a second and milliseconds a transaction.
func (p *postgres) bench(ctx context.Context, span time.Duration) (rate, latency float64, err error) {
	out, err := p.do(ctx, "pgbench", "-N", "-n", "-c", "8", "-j", "2", "-T", strconv.Itoa(max(1, int(span.Seconds()))), pgbenchDatabase)
	if err != nil {
		return 0, 0, err
	}
	for at, line := range map[*float64]*regexp.Regexp{&rate: tpsLine, &latency: latencyLine} {
		found := line.FindStringSubmatch(out)
		if found == nil {
			return 0, 0, fmt.Errorf("pgbench said something unexpected: %s", out)
		}
		if *at, err = strconv.ParseFloat(found[1], 64); err != nil {
			return 0, 0, err
		}
	}
	return rate, latency, nil
}
