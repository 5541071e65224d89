// Package testkit gives a test a fresh, migrated database on each engine, a clock it can set and chance that repeats.
//
// A test calls Engines and runs once as ".../sqlite" and once as ".../postgres". The databases are copies of a
// template that is migrated once, so a fresh one costs milliseconds; each is removed when its test ends.
//
// PostgreSQL is the cluster named by YUNSHI_TEST_POSTGRES (scripts/with-postgres.sh sets it). Without that variable
// the first test that needs it starts a cluster of its own for the life of the test process. Where PostgreSQL 15 is
// not installed, or with -short, the PostgreSQL half is skipped; with CI=true that is a failure instead.
//
// Owns: where the databases of tests come from. Does not own: what is in them (packages below this one build that).
//
// Always true: this package imports only base, so every package may use it from inside its own tests. Two tests never
// share a database. Nothing here waits for the real clock.
package testkit

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/seal"
)

// Engines runs fn as a subtest on each engine, each on its own empty, migrated database. The database's clock stands
// at Start; use EnginesAt to move it.
func Engines(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	EnginesAt(t, func(t *testing.T, d *db.DB, _ *Clock) { fn(t, d) })
}

// EnginesAt is Engines for a test that moves the clock of its database.
func EnginesAt(t *testing.T, fn func(t *testing.T, d *db.DB, clock *Clock)) {
	t.Helper()
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			clock := NewClock()
			fn(t, OpenAt(t, engine, clock), clock)
		})
	}
}

// Open returns an empty, migrated database that lives as long as the test, with its clock at Start.
func Open(t testing.TB, engine db.Engine) *db.DB {
	t.Helper()
	return OpenAt(t, engine, NewClock())
}

// OpenAt is Open with the clock given.
func OpenAt(t testing.TB, engine db.Engine, clock *Clock) *db.DB {
	t.Helper()
	return OpenURL(t, URL(t, engine), clock)
}

// OpenURL opens an existing database as tests do: the clock given, repeatable chance, throw-away keys and no care for
// power loss. Two calls with one address are two nodes on one database.
func OpenURL(t testing.TB, url string, clock *Clock) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, options(clock, t.Name()))
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return d
}

// URL returns the address of a fresh, migrated database that is removed when the test ends, for tests that start the
// whole program.
func URL(t testing.TB, engine db.Engine) string {
	t.Helper()
	switch engine {
	case db.SQLite:
		return sqliteURL(t)
	case db.Postgres:
		return postgresURL(t)
	default:
		t.Fatalf("no engine is called %q", engine)
		return ""
	}
}

// BlankURL returns the address of a database without any table, for tests of migrations.
func BlankURL(t testing.TB, engine db.Engine) string {
	t.Helper()
	if engine == db.SQLite {
		return "sqlite:" + filepath.Join(t.TempDir(), "blank.db")
	}
	return createDatabase(t, "template0")
}

// MissingInCI skips the test because the machine lacks something, and fails it when CI=true: a green run in CI has
// run everything.
func MissingInCI(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func options(clock *Clock, seed string) db.Options {
	return db.Options{
		Now:              clock.Now,
		Rand:             Rand(seed),
		Keys:             keys(),
		UnsafeDurability: true,
		Patience:         db.Forever, // a slow machine is not a finding
		Log:              slog.New(slog.DiscardHandler),
	}
}

// keys are the same for every test of a process, so two nodes on one database read each other's sealed fields.
var keys = sync.OnceValue(seal.Generate)

// sqliteTemplate holds the bytes of a migrated SQLite file.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "yunshi-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "template.db")
	if err := migrate(context.Background(), "sqlite:"+name); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
})

func sqliteURL(t testing.TB) string {
	t.Helper()
	template, err := sqliteTemplate()
	if err != nil {
		t.Fatalf("migrate the SQLite template: %v", err)
	}
	if !bytes.HasPrefix(template, []byte("SQLite format 3")) {
		t.Fatal("the SQLite template is not a database: its log was not written back on Close")
	}
	name := filepath.Join(t.TempDir(), "yunshi.db")
	if err := os.WriteFile(name, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + name
}

// migrate brings the database at url to the current schema and closes it.
func migrate(ctx context.Context, url string) (err error) {
	d, err := db.Open(ctx, url, options(NewClock(), "template"))
	if err != nil {
		return err
	}
	defer func() {
		if cerr := d.Close(); err == nil {
			err = cerr
		}
	}()
	return d.Migrate(ctx)
}

// moduleRoot finds the directory of go.mod above the test's working directory.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}
