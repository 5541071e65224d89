package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/base/seal"
)

// Reader is what a question needs: a snapshot of [DB.Read], or a [Tx] that is
// about to act on the answer.
type Reader interface {
	Query(ctx context.Context, q string, args ...any) (*Rows, error)
	Now() time.Time
	Keys() *seal.Keys
	Engine() Engine
}

// Scanner is a row to be read.
type Scanner interface{ Scan(dest ...any) error }

// Rows is a result that names its statement when something goes wrong. It is
// one of the two drivers' results.
type Rows struct {
	lite  *sql.Rows
	pg    *pgRows
	query string
}

func (r *Rows) wrap(err error) error {
	if err != nil {
		return failed(statement{text: r.query}, err)
	}
	return nil
}

// Next, Scan, Err and Close are those of database/sql.
func (r *Rows) Next() bool {
	if r.pg != nil {
		return r.pg.Next()
	}
	return r.lite.Next()
}

// Scan reads the current row.
func (r *Rows) Scan(dest ...any) error {
	if r.pg != nil {
		return r.wrap(r.pg.Scan(dest...))
	}
	return r.wrap(r.lite.Scan(dest...))
}

// Err is the error that ended the iteration, if any.
func (r *Rows) Err() error {
	if r.pg != nil {
		return r.wrap(r.pg.Err())
	}
	return r.wrap(r.lite.Err())
}

// Close ends the result; it may be called again.
func (r *Rows) Close() error {
	if r.pg != nil {
		return r.pg.Close()
	}
	return r.lite.Close()
}

// statement is one statement with its arguments.
type statement struct {
	text string
	args []any
}

// failed names the statement that an error belongs to.
func failed(s statement, err error) error { return fmt.Errorf("db: %q: %w", s.text, err) }

// conn is one connection inside a transaction.
type conn interface {
	// run runs statements in order and returns the rows that each touched.
	run(ctx context.Context, all []statement) ([]int64, error)
	// query runs the statements before it, then one that returns rows.
	query(ctx context.Context, before []statement, s statement) (*Rows, error)
}

// Tx is a running transaction. It is used by one goroutine, inside [DB.Write].
type Tx struct {
	d      *DB
	conn   conn
	now    time.Time
	queued []statement
	after  []func()
}

var _ Reader = (*Tx)(nil)

// Now is the time of the transaction, the same at every call.
func (tx *Tx) Now() time.Time { return tx.now }

// Keys are the field-encryption keys.
func (tx *Tx) Keys() *seal.Keys { return tx.d.opt.Keys }

// Engine says which engine runs the transaction.
func (tx *Tx) Engine() Engine { return tx.d.engine }

// Rand is the injected source of randomness.
func (tx *Tx) Rand() io.Reader { return tx.d.opt.Rand }

// ID makes a new sortable identifier such as "ord_01j…".
func (tx *Tx) ID(prefix string) string { return tx.d.ids.New(prefix) }

// AfterCommit registers a wake-up to run once the transaction is durable. It
// must not do work that has to happen: that is a job.
func (tx *Tx) AfterCommit(wake func()) { tx.after = append(tx.after, wake) }

// Exec runs a statement and returns the number of rows it touched, which is how
// a guarded UPDATE tells whether its guard held.
func (tx *Tx) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	counts, err := tx.run(ctx, []statement{{q, args}})
	if err != nil {
		return 0, err
	}
	return counts[0], nil
}

// Query runs a statement that returns rows.
func (tx *Tx) Query(ctx context.Context, q string, args ...any) (*Rows, error) {
	if tx.d.opt.Probe != nil {
		if err := tx.flush(ctx); err != nil {
			return nil, err
		}
	}
	return tx.conn.query(ctx, tx.take(), statement{q, args})
}

// flush sends what is queued by itself, for a probe that wants to know what each
// statement did.
func (tx *Tx) flush(ctx context.Context) error {
	if len(tx.queued) == 0 {
		return nil
	}
	_, err := tx.run(ctx, nil)
	return err
}

// Queue adds a statement whose answer decides nothing, such as the INSERT of a
// row under a fresh id. It keeps its place in the order of statements and takes
// no round trip of its own: it travels with the next statement that is asked for
// an answer, or with COMMIT. An error of it ends the transaction there.
func (tx *Tx) Queue(q string, args ...any) { tx.queued = append(tx.queued, statement{q, args}) }

func (tx *Tx) take() []statement {
	queued := tx.queued
	tx.queued = nil
	return queued
}

// run sends what is queued and the statements, and returns the rows that the
// latter touched.
func (tx *Tx) run(ctx context.Context, all []statement) ([]int64, error) {
	before := tx.take()
	all = append(before, all...)
	counts, err := tx.conn.run(ctx, all)
	if err != nil {
		return nil, err
	}
	if p := tx.d.opt.Probe; p != nil {
		for i, n := range counts {
			if n > 0 {
				p.Changed(all[i].text, all[i].args)
			}
		}
	}
	return counts[len(before):], nil
}

// Batch collects statements that need no answer from each other.
func (tx *Tx) Batch() *Batch { return &Batch{tx: tx} }

// Batch travels to PostgreSQL in one round trip; on SQLite it runs one after
// another.
type Batch struct {
	tx  *Tx
	all []statement
}

// Add appends a statement.
func (b *Batch) Add(q string, args ...any) { b.all = append(b.all, statement{q, args}) }

// Len is the number of statements waiting.
func (b *Batch) Len() int { return len(b.all) }

// Send runs the statements in order, returns the rows each touched, and empties
// the batch.
func (b *Batch) Send(ctx context.Context) ([]int64, error) {
	if len(b.all) == 0 {
		return nil, nil
	}
	all := b.all
	b.all = nil
	return b.tx.run(ctx, all)
}

// Chain joins hooks that run in the same transaction, in order; the first error
// ends them and undoes all.
func Chain[T any](hooks ...func(context.Context, *Tx, T) error) func(context.Context, *Tx, T) error {
	return func(ctx context.Context, tx *Tx, v T) error {
		for _, hook := range hooks {
			if err := hook(ctx, tx, v); err != nil {
				return err
			}
		}
		return nil
	}
}

// ErrNoRow is returned by [One] and [Value] when there is no row.
var ErrNoRow = errors.New("db: no row")

// One reads exactly the first row, or returns [ErrNoRow].
func One[T any](ctx context.Context, r Reader, scan func(Scanner) (T, error), q string, args ...any) (T, error) {
	var zero T
	rows, err := r.Query(ctx, q, args...)
	if err != nil {
		return zero, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return zero, err
		}
		return zero, ErrNoRow
	}
	value, err := scan(rows)
	if err != nil {
		return zero, err
	}
	return value, rows.Close()
}

// All reads every row.
func All[T any](ctx context.Context, r Reader, scan func(Scanner) (T, error), q string, args ...any) ([]T, error) {
	var all []T
	err := Each(ctx, r, scan, func(v T) error { all = append(all, v); return nil }, q, args...)
	return all, err
}

// Each calls fn for every row and stops at the first error.
func Each[T any](ctx context.Context, r Reader, scan func(Scanner) (T, error), fn func(T) error, q string, args ...any) error {
	rows, err := r.Query(ctx, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		value, err := scan(rows)
		if err != nil {
			return err
		}
		if err := fn(value); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Value reads one column of one row, or returns [ErrNoRow].
func Value[T any](ctx context.Context, r Reader, q string, args ...any) (T, error) {
	return One(ctx, r, Column[T], q, args...)
}

// Blank empties a sealed column: ids gives the rows of an owner, update takes the
// sealed emptiness and the id of each, and at is the place where it is sealed. It
// returns how many rows it has changed.
func Blank(ctx context.Context, tx *Tx, ids, owner, update string, at func(id string) string) (changed int64, err error) {
	all, err := All(ctx, tx, Column[string], ids, owner)
	if err != nil {
		return 0, err
	}
	return Empty(ctx, tx, all, Emptying{Update: update, At: at})
}

// Emptying is how a sealed column becomes empty: Update takes the sealed emptiness
// and the id of what it belongs to, At is where that is sealed, and Plain is what it
// then opens to.
type Emptying struct {
	Update string
	At     func(id string) string
	Plain  string
}

// Empty empties sealed columns of everything that ids name, and returns how many
// rows it has changed.
func Empty(ctx context.Context, tx *Tx, ids []string, columns ...Emptying) (changed int64, err error) {
	for _, id := range ids {
		for _, c := range columns {
			sealed, err := tx.Keys().Seal(c.Plain, c.At(id))
			if err != nil {
				return changed, err
			}
			n, err := tx.Exec(ctx, c.Update, sealed, id)
			if err != nil {
				return changed, err
			}
			changed += n
		}
	}
	return changed, nil
}

// Retire empties sealed columns of everything that ids finds from before a moment,
// and has done say of each since when it is empty.
func Retire(ctx context.Context, tx *Tx, ids string, before time.Time, done string, columns ...Emptying) (changed int64, err error) {
	all, err := All(ctx, tx, Column[string], ids, Micros(before))
	if err != nil {
		return 0, err
	}
	if changed, err = Empty(ctx, tx, all, columns...); err != nil {
		return changed, err
	}
	for _, id := range all {
		tx.Queue(done, Micros(tx.Now()), id)
	}
	return changed, nil
}

// Column scans a row of one column.
func Column[T any](s Scanner) (T, error) {
	var v T
	err := s.Scan(&v)
	return v, err
}

// In renders a list of n placeholders that starts at number from:
// In(3, 2) is "($3,$4)". It is the only dynamic SQL outside search and report.
func In(from, n int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	b.WriteByte(')')
	return b.String()
}

// Micros is the stored form of a time: microseconds since 1970 UTC, and 0 for
// the zero time ("never").
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of [Micros].
func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
