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
	d.write = stdlib.OpenDBFromPool(writers) // for migrations
	d.write.SetMaxIdleConns(0)               // the pool below keeps the connections
	readers, err := d.pool(ctx, url, d.opt.Readers, map[string]string{"default_transaction_read_only": "on"})
	if err != nil {
		return err
	}
	d.readers = readers
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
		if err := d.readers.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return fmt.Errorf("db: PostgreSQL: %w", err)
		}
		if value == "off" && !d.opt.UnsafeDurability {
			return fmt.Errorf("db: PostgreSQL runs with %s=off; an acknowledged payment could be lost. Turn it on", name)
		}
	}
	return nil
}

// readPostgres runs fn on a snapshot, which begins with the first question.
func (d *DB) readPostgres(ctx context.Context, fn func(r Reader) error) error {
	session, err := d.readers.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("db: connect: %w", err)
	}
	defer session.Release()
	c := &pgConn{Conn: session.Conn(), lead: []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}}
	defer c.rollback(ctx)
	return fn(&snapshot{d: d, now: d.Now(), query: func(ctx context.Context, s statement) (*Rows, error) { return c.query(ctx, nil, s) }})
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

func (w *pgWriter) run(ctx context.Context, how Isolation, fn func(*Tx) error) (*Tx, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	session, err := w.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("db: connect: %w", err)
	}
	defer session.Release() // the pool destroys it while a transaction is open on it
	c := &pgConn{Conn: session.Conn(), lead: []string{how.begin(), selectXID}}
	tx := &Tx{d: w.d, conn: c, now: w.d.Now()}
	err = fn(tx)
	queued := tx.take()
	tx.conn = ended{}
	if err == nil && !c.open {
		// A transaction whose number is not known yet is never asked to commit, because
		// nobody could ask about it.
		_, err = c.run(ctx, queued)
		queued = nil
	}
	if err != nil {
		c.rollback(ctx)
		return nil, err
	}
	if !c.open {
		return tx, nil // nothing was asked of the database
	}
	err = c.commit(ctx, queued)
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return tx, nil
	case errors.As(err, &refused), errors.Is(err, errRolledBack):
		c.rollback(ctx)
		return nil, fmt.Errorf("db: commit: %w", err)
	default:
		return tx, w.outcome(ctx, c.xid, err)
	}
}

// begin is the statement that opens a transaction.
func (how Isolation) begin() string {
	if how == Guarded {
		return "BEGIN ISOLATION LEVEL READ COMMITTED"
	}
	return "BEGIN ISOLATION LEVEL SERIALIZABLE"
}

// selectXID asks for the number of the transaction. It lets [pgWriter.outcome]
// ask about the transaction after a lost answer.
const selectXID = "SELECT pg_current_xact_id()::text"

// errRolledBack is the answer of a server that ended a broken transaction
// although COMMIT was asked: some statement error was not passed on.
var errRolledBack = errors.New("db: COMMIT was answered by ROLLBACK; a statement error was swallowed")

// outcome asks the server, on a fresh connection, what became of a transaction
// whose COMMIT was not answered. nil: it is committed.
func (w *pgWriter) outcome(ctx context.Context, xid string, cause error) error {
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
			return Again(cause)
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

// pgConn runs the statements of one transaction. What opens the transaction
// travels with its first statement, and what is queued with the next.
type pgConn struct {
	*pgx.Conn
	lead []string // not sent yet: BEGIN, and the question for the transaction's number
	xid  string
	open bool // BEGIN was sent
}

// send puts what has to go first, and the statements, into one round trip, and
// reads the answers to what went first.
func (c *pgConn) send(ctx context.Context, all []statement) (pgx.BatchResults, error) {
	lead := c.lead
	c.lead, c.open = nil, true
	flight := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(lead)+len(all))}
	for _, text := range lead {
		flight.Queue(text)
	}
	for _, s := range all {
		flight.Queue(s.text, s.args...)
	}
	results := c.SendBatch(ctx, flight)
	for _, text := range lead {
		var err error
		if text == selectXID {
			err = results.QueryRow().Scan(&c.xid)
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			results.Close()
			return nil, fmt.Errorf("db: begin: %w", err)
		}
	}
	return results, nil
}

func (c *pgConn) run(ctx context.Context, all []statement) ([]int64, error) {
	switch {
	case len(all) == 0:
		return nil, nil
	case len(all) == 1 && c.open:
		tag, err := c.Exec(ctx, all[0].text, all[0].args...)
		if err != nil {
			return nil, failed(all[0], err)
		}
		return []int64{tag.RowsAffected()}, nil
	}
	results, err := c.send(ctx, all)
	if err != nil {
		return nil, err
	}
	counts := make([]int64, len(all))
	for i, s := range all {
		tag, err := results.Exec()
		if err != nil {
			results.Close()
			return nil, failed(s, err)
		}
		counts[i] = tag.RowsAffected()
	}
	return counts, results.Close()
}

func (c *pgConn) query(ctx context.Context, before []statement, s statement) (*Rows, error) {
	if len(before) == 0 && c.open {
		rows, err := c.Query(ctx, s.text, s.args...)
		if err != nil {
			return nil, failed(s, err)
		}
		return &Rows{pg: &pgRows{Rows: rows}, query: s.text}, nil
	}
	results, err := c.send(ctx, append(before, s))
	if err != nil {
		return nil, err
	}
	for _, b := range before {
		if _, err := results.Exec(); err != nil {
			results.Close()
			return nil, failed(b, err)
		}
	}
	rows, err := results.Query()
	if err != nil {
		results.Close()
		return nil, failed(s, err)
	}
	return &Rows{pg: &pgRows{Rows: rows, flight: results}, query: s.text}, nil
}

// commit sends what is queued together with COMMIT.
func (c *pgConn) commit(ctx context.Context, queued []statement) error {
	results, err := c.send(ctx, append(queued, statement{text: "COMMIT"}))
	if err != nil {
		return err
	}
	for _, s := range queued {
		if _, err := results.Exec(); err != nil {
			results.Close()
			return failed(s, err)
		}
	}
	tag, err := results.Exec()
	if ended := results.Close(); err == nil {
		err = ended
	}
	if err == nil && tag.String() != "COMMIT" {
		err = errRolledBack
	}
	return err
}

// rollback ends a transaction that is still open. When it fails, it costs the
// connection only.
func (c *pgConn) rollback(ctx context.Context) {
	if c.PgConn().TxStatus() != 'I' {
		c.Exec(context.WithoutCancel(ctx), "ROLLBACK") //nolint:errcheck // see above
	}
}

// pgRows is a result of pgx, and of a whole flight when it came with others.
type pgRows struct {
	pgx.Rows
	flight pgx.BatchResults
}

func (r *pgRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.land()
	return false
}

func (r *pgRows) Close() error {
	r.Rows.Close()
	r.land()
	return r.Rows.Err()
}

// land frees the connection for the next statement.
func (r *pgRows) land() {
	if r.flight != nil {
		r.flight.Close() //nolint:errcheck // the error is that of the rows
		r.flight = nil
	}
}
