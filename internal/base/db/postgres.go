package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres opens few write connections (more of them only fight over rows
// and cores) and a read pool, and checks that commits are durable.
func (d *DB) openPostgres(ctx context.Context, url string) error {
	d.engine = Postgres
	// A sequential scan makes a SERIALIZABLE transaction depend on the whole
	// table, so on small tables everybody conflicts with everybody. Writers
	// look rows up by index, whatever the table's size.
	settings := map[string]string{"enable_seqscan": "off"}
	if d.opt.Patience > 0 {
		// A node that sleeps in the middle of a transaction must not keep its rows from
		// the others; when it wakes, the transaction is gone.
		settings["idle_in_transaction_session_timeout"] = strconv.FormatInt(d.opt.Patience.Milliseconds(), 10)
	}
	writers, err := d.pool(ctx, url, d.opt.Writers, settings)
	if err != nil {
		return err
	}
	d.write = stdlib.OpenDBFromPool(writers)
	d.write.SetMaxIdleConns(0) // the pool below keeps the connections
	readers, err := d.pool(ctx, url, d.opt.Readers, map[string]string{"default_transaction_read_only": "on"})
	if err != nil {
		return err
	}
	d.read = stdlib.OpenDBFromPool(readers)
	d.read.SetMaxIdleConns(0)
	d.writer = &pgWriter{d: d, pool: writers, readers: readers, slots: make(chan struct{}, d.opt.Writers)}
	return d.durable(ctx)
}

func (d *DB) pool(ctx context.Context, url string, size int, params map[string]string) (p *pgxpool.Pool, err error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("db: the PostgreSQL address cannot be parsed") // its text may hold a password
	}
	config.MaxConns = int32(size)
	// Compiling a query takes longer than any of ours runs.
	config.ConnConfig.RuntimeParams["jit"] = "off"
	for name, value := range params {
		config.ConnConfig.RuntimeParams[name] = value
	}
	if limit := d.opt.Patience; limit > 0 {
		if config.ConnConfig.ConnectTimeout == 0 {
			config.ConnConfig.ConnectTimeout = connectWithin
		}
		dial := config.ConnConfig.DialFunc
		config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			// Connections that rest are as old as the one that went silent: none is trusted.
			return &impatient{Conn: c, limit: limit, silent: func() { go p.Reset() }}, nil
		}
	}
	if p, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("db: PostgreSQL: %w", err)
	}
	return p, nil
}

// connectWithin bounds the making of a connection.
const connectWithin = 5 * time.Second

// impatient is a connection on which waiting for the server ends. Without it a
// server that vanished without a farewell is waited for until the kernel gives up,
// which takes minutes, or for ever.
type impatient struct {
	net.Conn
	limit  time.Duration
	silent func() // told when the server said nothing

	mu    sync.Mutex
	asked time.Time // the deadline that the driver has set; zero is none
}

// Read waits for the server until the driver's deadline, or else for the limit.
func (c *impatient) Read(b []byte) (int, error) {
	c.mu.Lock()
	ours := c.asked.IsZero()
	if ours {
		if err := c.Conn.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
			c.mu.Unlock()
			return 0, err
		}
	}
	c.mu.Unlock()
	n, err := c.Conn.Read(b)
	if ours && errors.Is(err, os.ErrDeadlineExceeded) {
		c.mu.Lock()
		ours = c.asked.IsZero()
		c.mu.Unlock()
		if ours {
			c.silent()
		}
	}
	return n, err
}

// SetDeadline is how the driver ends a call whose context has ended.
func (c *impatient) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = t
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline is SetDeadline for one direction.
func (c *impatient) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = t
	return c.Conn.SetReadDeadline(t)
}

// durable refuses a server that may forget an acknowledged commit.
func (d *DB) durable(ctx context.Context) error {
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := d.read.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return fmt.Errorf("db: PostgreSQL: %w", err)
		}
		if value == "off" && !d.opt.UnsafeDurability {
			return fmt.Errorf("db: PostgreSQL runs with %s=off; an acknowledged payment could be lost. Turn it on", name)
		}
	}
	return nil
}

// pgWriter runs each closure in its own transaction; PostgreSQL groups the
// flushes of concurrent commits itself.
type pgWriter struct {
	d       *DB
	pool    *pgxpool.Pool
	readers *pgxpool.Pool
	slots   chan struct{}
}

func (w *pgWriter) close() {
	w.pool.Close()
	w.readers.Close()
}

func (w *pgWriter) run(ctx context.Context, fn func(*Tx) error) (*Tx, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	session, err := w.d.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("db: connect: %w", err)
	}
	defer session.Close() // back to the pool, which destroys it while a transaction is open on it
	xid, err := begin(ctx, session)
	if err != nil {
		return nil, err
	}
	tx := &Tx{d: w.d, conn: &pgConn{session: session}, now: w.d.Now()}
	err = fn(tx)
	tx.conn = ended{}
	if err != nil {
		session.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") //nolint:errcheck // a failed ROLLBACK costs the connection only
		return nil, err
	}
	err = commit(ctx, session)
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return tx, nil
	case errors.As(err, &refused):
		return nil, fmt.Errorf("db: commit: %w", err)
	default:
		return tx, w.outcome(ctx, xid, err)
	}
}

// begin opens the transaction and learns its number in one round trip. The
// number lets [pgWriter.outcome] ask about the transaction after a lost answer.
func begin(ctx context.Context, session *sql.Conn) (xid string, err error) {
	err = raw(session, func(c *pgx.Conn) error {
		b := &pgx.Batch{}
		b.Queue("BEGIN ISOLATION LEVEL SERIALIZABLE")
		b.Queue("SELECT pg_current_xact_id()::text").QueryRow(func(row pgx.Row) error { return row.Scan(&xid) })
		return c.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return "", fmt.Errorf("db: begin: %w", err)
	}
	return xid, nil
}

// errRolledBack is the answer of a server that ended a broken transaction
// although COMMIT was asked: some statement error was not passed on.
var errRolledBack = errors.New("db: COMMIT was answered by ROLLBACK; a statement error was swallowed")

func commit(ctx context.Context, session *sql.Conn) error {
	return raw(session, func(c *pgx.Conn) error {
		tag, err := c.Exec(ctx, "COMMIT")
		if err != nil {
			return err
		}
		if tag.String() != "COMMIT" {
			return errRolledBack
		}
		return nil
	})
}

// outcome asks the server, on a fresh connection, what became of a transaction
// whose COMMIT was not answered. nil: it is committed.
func (w *pgWriter) outcome(ctx context.Context, xid string, cause error) error {
	if errors.Is(cause, errRolledBack) {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	for {
		var status sql.NullString
		one, stop := context.WithTimeout(ctx, connectWithin)
		err := w.pool.QueryRow(one, "SELECT pg_xact_status($1::text::xid8)", xid).Scan(&status)
		stop()
		switch {
		case err == nil && status.String == "committed":
			return nil
		case err == nil && status.String == "aborted":
			return errAgain
		case err == nil && !status.Valid:
			return fmt.Errorf("%w: %w", ErrUnknownCommit, cause)
		}
		select {
		case <-time.After(100 * time.Millisecond): // still in progress, or the server is coming back
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnknownCommit, cause)
		}
	}
}

// raw reaches the pgx connection below database/sql.
func raw(session *sql.Conn, fn func(*pgx.Conn) error) error {
	return session.Raw(func(dc any) error { return fn(dc.(*stdlib.Conn).Conn()) })
}

// pgConn runs statements of an open transaction.
type pgConn struct{ session *sql.Conn }

func (c *pgConn) exec(ctx context.Context, q string, args ...any) (int64, error) {
	result, err := c.session.ExecContext(ctx, q, args...)
	if err != nil {
		return 0, fmt.Errorf("db: %q: %w", q, err)
	}
	return result.RowsAffected()
}

func (c *pgConn) query(ctx context.Context, q string, args ...any) (*Rows, error) {
	rows, err := c.session.QueryContext(ctx, q, args...)
	return wrapRows(rows, q, err)
}

func (c *pgConn) batch(ctx context.Context, b *Batch) ([]int64, error) {
	counts := make([]int64, len(b.texts))
	err := raw(c.session, func(pc *pgx.Conn) error {
		queue := &pgx.Batch{}
		for i, q := range b.texts {
			queue.Queue(q, b.args[i]...)
		}
		results := pc.SendBatch(ctx, queue)
		for i, q := range b.texts {
			tag, err := results.Exec()
			if err != nil {
				results.Close()
				return fmt.Errorf("db: %q: %w", q, err)
			}
			counts[i] = tag.RowsAffected()
		}
		return results.Close()
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}
