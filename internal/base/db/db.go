// Package db is the one door to the database: one SQL text on two engines,
// SQLite (embedded, one node) and PostgreSQL (production, several nodes).
//
// It owns connections, transactions, retries, migrations, the transaction's
// clock and id source, and the classes of database errors. It does not own any
// table, and it knows no word of the marketplace.
//
// Always true:
//   - A transaction is a function argument ([DB.Write]); it commits on nil,
//     rolls back on error and on panic, and never nests.
//   - A write runs SERIALIZABLE, or [Guarded] where its guards are row-local; a
//     serialization failure is repeated here and nowhere else, so a closure may
//     run more than once and must touch nothing but its [Tx].
//   - An acknowledged write is durable: unsafe engine settings are refused at
//     [Open].
//   - When the answer to COMMIT is lost, the engine is asked what became of the
//     transaction before anybody is told anything.
//   - [Tx.Now] is the one clock of a transaction, in whole microseconds UTC.
package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"yunshi/internal/base/id"
	"yunshi/internal/base/seal"
)

// Engine names one of the two supported engines.
type Engine string

// The engines. Rules and SQL are the same on both.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Options configure [Open]. The zero value is right for production but for
// Keys, which packages that store personal data require.
type Options struct {
	Now     func() time.Time // default time.Now
	Rand    io.Reader        // default crypto/rand
	Keys    *seal.Keys       // field encryption; nil in tools that read no personal data
	Writers int              // PostgreSQL write connections; default 8
	Readers int              // read connections; default 8
	Log     *slog.Logger     // default discards
	// Patience is how long PostgreSQL may say nothing while an answer is awaited,
	// and how long it lets an idle transaction of ours hold its locks. After it the
	// connection counts as dead. Default 10 s; [Forever] is for work that takes long
	// by its nature.
	Patience time.Duration

	Probe *Probe // nil outside simulations

	// Image makes a SQLite database in memory out of what [DB.Image] gave. It belongs
	// to one goroutine and ends with [DB.Close], so it needs UnsafeDurability.
	Image []byte

	// UnsafeDurability accepts engines that may lose acknowledged commits.
	// Only tests set it.
	UnsafeDurability bool
}

// Forever is the patience of commands that read or write the whole database.
const Forever time.Duration = -1

// DB is the pool. Domain code never holds one: it is given a [Tx] or a [Reader].
type DB struct {
	engine  Engine
	opt     Options
	ids     id.Source
	write   *sql.DB
	read    *sql.DB       // SQLite
	readers *pgxpool.Pool // PostgreSQL
	writer  writer
	slots   chan struct{} // readers at work; the pool has one connection more, to compile statements on
	stmts   sync.Map      // read-pool statements of SQLite, by text
	alone   sync.RWMutex  // held whole by a repeated write on PostgreSQL
	busy    sync.Map      // goroutines inside Write, to refuse nesting
}

// writer runs one closure in one transaction and reports what became of it.
type writer interface {
	run(ctx context.Context, how Isolation, fn func(*Tx) error) (*Tx, error)
	close()
}

// errAgain asks Write to run the closure once more.
var errAgain = errors.New("db: run the transaction again")

// Point is a place between the program and its database where something may go
// wrong.
type Point int

// The points, in the order in which a transaction meets them.
const (
	BeforeRead   Point = iota // of [DB.Read]
	BeforeWrite               // nothing has begun
	BeforeCommit              // the closure has returned nil
	AfterCommit               // the changes are durable
	RolledBack                // the changes are gone
)

// Probe sees what a program does to its database and breaks it on purpose. Only
// simulations have one.
type Probe struct {
	// At is asked at every point. An error of BeforeRead, BeforeWrite and
	// BeforeCommit keeps the work from happening; one of AfterCommit is what the
	// caller hears of a change that has happened.
	At func(p Point) error
	// Changed is told each statement that touched rows, before its transaction ends.
	Changed func(query string, args []any)
}

// Again makes a closure's answer "what I read has changed under me: run me once
// more", for a [Guarded] write whose guard did not hold.
func Again(cause error) error { return fmt.Errorf("%w: %w", errAgain, cause) }

// ErrUnknownCommit means that the engine could not say whether a transaction
// committed. The caller must re-read its own rows before it answers.
var ErrUnknownCommit = errors.New("db: the outcome of the commit is unknown")

// ErrUnavailable means that the database cannot be reached or cannot write now.
// Nobody was told that anything was done; the same intent may be sent again.
var ErrUnavailable = errors.New("db: the database is not available")

// ErrNested is returned by [DB.Write] inside another Write of the same goroutine;
// in memory a Write and a Read may not be inside each other either.
var ErrNested = errors.New("db: Write inside Write")

// Open connects to "sqlite:/path/file.db" or "postgres://…" and refuses an
// engine whose settings could lose an acknowledged commit. It does not migrate.
func Open(ctx context.Context, url string, opt Options) (*DB, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Rand == nil {
		opt.Rand = rand.Reader
	}
	if opt.Writers <= 0 {
		opt.Writers = 8
	}
	if opt.Readers <= 0 {
		opt.Readers = 8
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Patience == 0 {
		opt.Patience = 10 * time.Second
	}
	d := &DB{opt: opt, slots: make(chan struct{}, opt.Readers), ids: id.Source{Now: opt.Now, Rand: opt.Rand}}
	var err error
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		err = d.openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"))
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		err = d.openPostgres(ctx, url)
	default:
		err = fmt.Errorf("db: address must start with sqlite: or postgres://, got %q", schemeOf(url))
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// schemeOf keeps passwords in addresses out of error texts.
func schemeOf(url string) string {
	scheme, _, _ := strings.Cut(url, ":")
	return scheme
}

// Engine says which engine is behind the pool.
func (d *DB) Engine() Engine { return d.engine }

// Now is the injected clock, in whole microseconds UTC.
func (d *DB) Now() time.Time { return d.opt.Now().UTC().Truncate(time.Microsecond) }

// Keys are the field-encryption keys given to [Open].
func (d *DB) Keys() *seal.Keys { return d.opt.Keys }

// Close waits for running writes and closes all connections.
func (d *DB) Close() error {
	if d.writer != nil {
		d.writer.close()
	}
	var errs []error
	for _, pool := range []*sql.DB{d.read, d.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// repeats bounds how often a closure is run again after serialization failures.
const repeats = 40

// Isolation says how far PostgreSQL keeps concurrent writes apart. On SQLite
// writes always run one after another.
type Isolation int

const (
	// Serializable is the isolation of every write that does not argue for less.
	Serializable Isolation = iota
	// Guarded is READ COMMITTED, for hot writes whose every decision is guarded by
	// the row that it changes: a unique key, a CHECK, or an UPDATE that names the
	// state it starts from. Whoever uses it says in a comment which guards these
	// are, and has a race test that fails on PostgreSQL without them.
	Guarded
)

// Write runs fn in one transaction, SERIALIZABLE unless said otherwise: commit on
// nil, rollback on error or panic. Serialization failures and deadlocks are
// repeated with backoff. Concurrent writers may share one commit; nobody can tell.
func (d *DB) Write(ctx context.Context, fn func(tx *Tx) error, how ...Isolation) error {
	isolation := Serializable
	if len(how) > 0 {
		isolation = how[0]
	}
	if _, alone := d.writer.(*single); !alone { // which sees it by itself
		me := goroutine()
		if _, inside := d.busy.LoadOrStore(me, true); inside {
			return ErrNested
		}
		defer d.busy.Delete(me)
	}
	for attempt := 0; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		tx, err := d.attempt(ctx, isolation, fn, attempt)
		if err == nil {
			for _, wake := range tx.after {
				wake()
			}
			return nil
		}
		if (errors.Is(err, errAgain) || serialization(err)) && attempt < repeats {
			if d.opt.Probe != nil {
				continue // nobody else is there to wait for
			}
			if err := d.pause(ctx, attempt); err != nil {
				return err
			}
			continue
		}
		return available(err)
	}
}

// attempt runs the closure once. PostgreSQL notes what a SERIALIZABLE transaction
// read by the page of an index, so that neighbours conflict who never touched the
// same row, and on busy pages the same transactions lose again and again. The
// first attempt runs beside others, a repeated one with no other SERIALIZABLE one
// on this node.
func (d *DB) attempt(ctx context.Context, how Isolation, fn func(tx *Tx) error, n int) (*Tx, error) {
	if d.engine == Postgres && how == Serializable {
		if n == 0 {
			d.alone.RLock()
			defer d.alone.RUnlock()
		} else {
			d.alone.Lock()
			defer d.alone.Unlock()
		}
	}
	if d.opt.Probe != nil {
		return d.probed(ctx, how, fn)
	}
	return d.writer.run(ctx, how, fn)
}

// probed runs the closure with the probe watching.
func (d *DB) probed(ctx context.Context, how Isolation, fn func(tx *Tx) error) (*Tx, error) {
	p := d.opt.Probe
	if err := p.At(BeforeWrite); err != nil {
		return nil, err
	}
	tx, err := d.writer.run(ctx, how, func(tx *Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if err := tx.flush(ctx); err != nil {
			return err
		}
		return p.At(BeforeCommit)
	})
	if err != nil {
		_ = p.At(RolledBack) // there is nothing left to break
		return nil, err
	}
	return tx, p.At(AfterCommit)
}

// pause waits a random time below a growing bound, so that losers of a race do
// not meet again.
func (d *DB) pause(ctx context.Context, attempt int) error {
	bound := time.Millisecond << min(attempt, 6)
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return err
	}
	wait := time.Duration(uint64(b[0])<<8|uint64(b[1])) * bound / 65536
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// goroutine is the number of the running goroutine, as the runtime prints it.
// It serves only to turn a self-deadlock into [ErrNested].
func goroutine() string {
	var buf [48]byte
	line := string(buf[:runtime.Stack(buf[:], false)])
	num, _, _ := strings.Cut(strings.TrimPrefix(line, "goroutine "), " ")
	return num
}

// Read runs fn on one consistent read-only snapshot.
func (d *DB) Read(ctx context.Context, fn func(r Reader) error) error {
	if d.opt.Probe != nil {
		if err := d.opt.Probe.At(BeforeRead); err != nil {
			return err
		}
	}
	if one, ok := d.writer.(*single); ok {
		return available(one.read(fn))
	}
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.engine == Postgres {
		return available(d.readPostgres(ctx, fn))
	}
	tx, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return available(fmt.Errorf("db: begin read: %w", err))
	}
	defer tx.Rollback() //nolint:errcheck // a read has nothing to lose
	return available(fn(&snapshot{d: d, now: d.Now(), query: func(ctx context.Context, s statement) (*Rows, error) {
		stmt, err := d.statement(ctx, s.text)
		if err != nil {
			return nil, err
		}
		rows, err := tx.StmtContext(ctx, stmt).QueryContext(ctx, s.args...)
		return liteRows(rows, s, err)
	}}))
}

// Prepare reports whether the engine accepts a statement; tests call it for
// every SQL text in the tree.
func (d *DB) Prepare(ctx context.Context, query string) error {
	stmt, err := d.write.PrepareContext(ctx, query)
	if err != nil {
		return fmt.Errorf("db: prepare %q: %w", query, err)
	}
	return stmt.Close()
}

// snapshot is the Reader of [DB.Read].
type snapshot struct {
	d     *DB
	now   time.Time
	query func(context.Context, statement) (*Rows, error)
}

func (s *snapshot) Now() time.Time   { return s.now }
func (s *snapshot) Keys() *seal.Keys { return s.d.opt.Keys }
func (s *snapshot) Engine() Engine   { return s.d.engine }

func (s *snapshot) Query(ctx context.Context, q string, args ...any) (*Rows, error) {
	return s.query(ctx, statement{q, args})
}

// statement keeps SQLite's compiled statements of the read pool.
func (d *DB) statement(ctx context.Context, q string) (*sql.Stmt, error) {
	if stmt, ok := d.stmts.Load(q); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := d.read.PrepareContext(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("db: prepare %q: %w", q, err)
	}
	if first, raced := d.stmts.LoadOrStore(q, stmt); raced {
		stmt.Close()
		return first.(*sql.Stmt), nil
	}
	return stmt, nil
}
