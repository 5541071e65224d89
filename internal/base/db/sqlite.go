package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/libc"
	"modernc.org/sqlite" // the SQLite engine, without cgo
	engine "modernc.org/sqlite/lib"
)

// oneThread says that SQLite runs without its locks.
var oneThread bool

// OneThread is for a process that has one database at a time, in memory, on one
// goroutine: SQLite does without its locks and keeps its pages from one database to
// the next. It comes before the first [Open], which then refuses any other database.
func OneThread() error {
	const (
		slot  = 4096 + 512 // bytes: a page and what SQLite notes of it
		slots = 8192       // those beyond are allocated one by one
	)
	tls := libc.NewTLS()
	defer tls.Close()
	arguments := libc.Xmalloc(tls, 64)
	defer libc.Xfree(tls, arguments)
	pages := libc.Xmalloc(tls, slot*slots) // SQLite's for good
	if arguments == 0 || pages == 0 {
		return errors.New("db: no memory for SQLite's pages")
	}
	for _, setting := range []struct {
		option    int32
		arguments uintptr
	}{
		{engine.SQLITE_CONFIG_SINGLETHREAD, 0},
		{engine.SQLITE_CONFIG_PAGECACHE, libc.VaList(arguments, pages, int32(slot), int32(slots))},
	} {
		if rc := engine.Xsqlite3_config(tls, setting.option, setting.arguments); rc != engine.SQLITE_OK {
			return fmt.Errorf("db: SQLite is at work already and keeps its settings (%d)", rc)
		}
	}
	oneThread = true
	return nil
}

// openSQLite opens one writer and a query-only read pool on the same file.
func (d *DB) openSQLite(ctx context.Context, path string) error {
	d.engine = SQLite
	if d.opt.Image == nil && oneThread {
		return errors.New("db: this process has no locks for a database in a file")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("db: %w", err)
	}
	if d.opt.Image != nil {
		return d.openImage(ctx)
	}
	var err error
	// busy_timeout comes first: the pragmas after it may have to wait for a lock.
	if d.write, err = sql.Open("sqlite", address(path, "busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")); err != nil {
		return fmt.Errorf("db: %w", err)
	}
	d.write.SetMaxOpenConns(2) // one belongs to the queue, the other serves migrations
	var level int
	if err := d.write.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&level); err != nil {
		return fmt.Errorf("db: open %s: %w", path, err)
	}
	if level < 2 && !d.opt.UnsafeDurability {
		return errors.New("db: SQLite runs with synchronous below FULL; an acknowledged payment could be lost")
	}
	if d.read, err = sql.Open("sqlite", address(path, "busy_timeout(10000)", "query_only(1)", "foreign_keys(1)")); err != nil {
		return fmt.Errorf("db: %w", err)
	}
	d.read.SetMaxOpenConns(d.opt.Readers + 1)
	d.read.SetMaxIdleConns(d.opt.Readers + 1)
	d.writer = newQueue(d)
	return nil
}

// inMemory are the settings of a database that ends with its process.
var inMemory = []string{"foreign_keys = 1", "temp_store = MEMORY"}

// openImage opens the only connection to a database in memory.
func (d *DB) openImage(ctx context.Context) error {
	if !d.opt.UnsafeDurability {
		return errors.New("db: a database in memory keeps no acknowledged commit")
	}
	there, err := load(ctx, d.opt.Image)
	if err != nil {
		return fmt.Errorf("db: image: %w", err)
	}
	d.write = sql.OpenDB(there)
	d.write.SetMaxOpenConns(1)
	session, err := d.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("db: image: %w", err)
	}
	d.writer = &single{d: d, lite: newLiteConn(session)}
	for _, setting := range inMemory {
		if _, err := session.ExecContext(ctx, "PRAGMA "+setting); err != nil {
			return fmt.Errorf("db: image: %s: %w", setting, err)
		}
	}
	return nil
}

// loaded is a connection that is there already.
type loaded struct{ driver.Conn }

func (l loaded) Connect(context.Context) (driver.Conn, error) { return l.Conn, nil }
func (loaded) Driver() driver.Driver                          { return &sqlite.Driver{} }

// load makes a database of an image. SQLite would take the image itself for a file,
// to which every commit copies the pages that it changed; a backup of that one lives
// in the cache alone.
func load(ctx context.Context, image []byte) (l loaded, err error) {
	pool, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	file, err := pool.Conn(ctx)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = file.Raw(func(conn any) error {
		from := conn.(interface {
			Deserialize(image []byte) error
			NewBackup(address string) (*sqlite.Backup, error)
		})
		if err := from.Deserialize(image); err != nil {
			return err
		}
		backup, err := from.NewBackup("file::memory:")
		if err != nil {
			return err
		}
		if _, err := backup.Step(-1); err != nil {
			return errors.Join(err, backup.Finish())
		}
		l.Conn, err = backup.Commit()
		return err
	})
	return l, err
}

// Image is the bytes of a SQLite database, as [Options.Image] takes them.
func (d *DB) Image(ctx context.Context) (image []byte, err error) {
	serialize := func(conn any) (err error) {
		image, err = conn.(interface{ Serialize() ([]byte, error) }).Serialize()
		return err
	}
	if one, ok := d.writer.(*single); ok {
		err = one.lite.session.Raw(serialize)
	} else if session, cerr := d.write.Conn(ctx); cerr != nil {
		err = cerr
	} else {
		err = errors.Join(session.Raw(serialize), session.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("db: image: %w", err)
	}
	image[18], image[19] = 1, 1 // "not in WAL mode", of the file's header
	return image, nil
}

func address(path string, pragmas ...string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + url.Values{"_pragma": pragmas}.Encode()
}

// shared is how many closures may ride on one SQLite commit.
const shared = 64

// queue lets waiting writers share commits: one goroutine opens a transaction,
// hands it to each waiting closure in turn under a savepoint, and commits once
// for all. Closures run on their callers' goroutines, so panics stay there.
type queue struct {
	d       *DB
	waiting chan *turn
	done    sync.WaitGroup
	once    sync.Once
	stop    chan struct{}
}

// turn is one caller's place in the queue.
type turn struct {
	tx       *Tx
	grant    chan error // nil: the transaction is yours
	finished chan error // the closure's own result
	result   chan error // what became of the shared commit
}

// errAborted stands for a closure that ended without returning (a panic).
var errAborted = errors.New("db: the transaction function did not return")

func newQueue(d *DB) *queue {
	q := &queue{d: d, waiting: make(chan *turn, 1024), stop: make(chan struct{})}
	q.done.Add(1)
	go q.serve()
	return q
}

func (q *queue) close() {
	q.once.Do(func() { close(q.stop) })
	q.done.Wait()
}

func (q *queue) run(ctx context.Context, _ Isolation, fn func(*Tx) error) (*Tx, error) {
	t := &turn{
		tx:       &Tx{d: q.d},
		grant:    make(chan error, 1),
		finished: make(chan error, 1),
		result:   make(chan error, 1),
	}
	select {
	case <-q.stop:
		return nil, sql.ErrConnDone
	default:
	}
	select {
	case q.waiting <- t:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-q.stop:
		return nil, sql.ErrConnDone
	}
	if err := <-t.grant; err != nil {
		return nil, err
	}
	if err := t.do(ctx, fn); err != nil {
		<-t.result // the savepoint is rolled back before the caller goes on
		return nil, err
	}
	if err := <-t.result; err != nil {
		return nil, err
	}
	return t.tx, nil
}

// do runs the closure and always reports its end, also when it panics.
func (t *turn) do(ctx context.Context, fn func(*Tx) error) (err error) {
	err = errAborted
	defer func() { t.finished <- err }()
	if err = ctx.Err(); err != nil {
		return err
	}
	err = errAborted
	if err = fn(t.tx); err == nil {
		_, err = t.tx.run(ctx, nil)
	}
	return err
}

func (q *queue) serve() {
	defer q.done.Done()
	session, err := q.d.write.Conn(context.Background())
	if err != nil {
		q.refuse(fmt.Errorf("db: writer: %w", err))
		return
	}
	lite := newLiteConn(session)
	defer lite.close()
	for {
		select {
		case <-q.stop:
			q.refuse(sql.ErrConnDone)
			return
		case first := <-q.waiting:
			q.group(lite, first)
		}
	}
}

// refuse answers everybody still waiting.
func (q *queue) refuse(err error) {
	for {
		select {
		case t := <-q.waiting:
			t.grant <- err
		default:
			return
		}
	}
}

// group runs first and whoever else is waiting in one transaction.
func (q *queue) group(lite *liteConn, first *turn) {
	ctx := context.Background()
	if _, err := lite.exec("BEGIN IMMEDIATE"); err != nil {
		first.grant <- err
		return
	}
	var good []*turn
	broken := false
	for t := first; t != nil && !broken; t = q.next(len(good)) {
		ok, err := q.one(ctx, lite, t)
		if err != nil {
			// The engine has ended the transaction under us (disk full, I/O error).
			broken = true
			break
		}
		if ok {
			good = append(good, t)
		}
	}
	outcome := error(nil)
	if broken {
		lite.exec("ROLLBACK") //nolint:errcheck // it may already be rolled back
		outcome = errAgain
	} else if _, err := lite.exec("COMMIT"); err != nil {
		lite.exec("ROLLBACK") //nolint:errcheck // SQLite keeps the transaction open after a failed COMMIT
		outcome = err
	}
	for _, t := range good {
		t.result <- outcome
	}
}

// next takes another waiting turn without waiting for one.
func (q *queue) next(riders int) *turn {
	if riders >= shared {
		return nil
	}
	select {
	case t := <-q.waiting:
		return t
	default:
		return nil
	}
}

// one runs a turn under a savepoint. ok: it rides on the commit. An error means
// that the whole transaction is lost.
func (q *queue) one(ctx context.Context, lite *liteConn, t *turn) (ok bool, err error) {
	if _, err := lite.exec("SAVEPOINT rider"); err != nil {
		t.grant <- errAgain
		return false, err
	}
	t.tx.conn, t.tx.now = lite, q.d.Now()
	t.grant <- nil
	failed := <-t.finished
	t.tx.conn = ended{}
	if failed == nil {
		if _, err := lite.exec("RELEASE rider"); err != nil {
			t.result <- errAgain
			return false, err
		}
		return true, nil
	}
	_, err = lite.exec("ROLLBACK TO rider")
	if err == nil {
		_, err = lite.exec("RELEASE rider")
	}
	t.result <- failed
	return false, err
}

// liteConn is the writer's connection with its compiled statements.
type liteConn struct {
	session *sql.Conn
	stmts   map[string]*sql.Stmt
}

func newLiteConn(session *sql.Conn) *liteConn {
	return &liteConn{session: session, stmts: map[string]*sql.Stmt{}}
}

// close ends the statements before their connection: nobody else does, and SQLite
// keeps the memory and the file of a connection that has one left.
func (c *liteConn) close() {
	for _, stmt := range c.stmts {
		stmt.Close()
	}
	c.session.Close()
}

// statement compiles a text once. Texts are constants, so the map is bounded by
// the size of the program; lists made by [In] are few.
func (c *liteConn) statement(q string) (*sql.Stmt, error) {
	if stmt, ok := c.stmts[q]; ok {
		return stmt, nil
	}
	stmt, err := c.session.PrepareContext(context.Background(), q)
	if err != nil {
		return nil, fmt.Errorf("db: prepare %q: %w", q, err)
	}
	if len(c.stmts) >= 2048 {
		for text, old := range c.stmts {
			old.Close()
			delete(c.stmts, text)
			break
		}
	}
	c.stmts[q] = stmt
	return stmt, nil
}

// A cancelled context would interrupt the statement, and SQLite then rolls back
// the whole transaction, riders included. So a closure that has begun runs on.

func (c *liteConn) exec(q string, args ...any) (int64, error) {
	stmt, err := c.statement(q)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, failed(statement{text: q}, err)
	}
	return result.RowsAffected()
}

func (c *liteConn) run(_ context.Context, all []statement) ([]int64, error) {
	counts := make([]int64, len(all))
	for i, s := range all {
		n, err := c.exec(s.text, s.args...)
		if err != nil {
			return nil, err
		}
		counts[i] = n
	}
	return counts, nil
}

func (c *liteConn) query(ctx context.Context, before []statement, s statement) (*Rows, error) {
	if _, err := c.run(ctx, before); err != nil {
		return nil, err
	}
	stmt, err := c.statement(s.text)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(context.Background(), s.args...)
	return liteRows(rows, s, err)
}

func liteRows(rows *sql.Rows, s statement, err error) (*Rows, error) {
	if err != nil {
		return nil, failed(s, err)
	}
	return &Rows{lite: rows, query: s.text}, nil
}

// ended answers for a transaction that is over.
type ended struct{}

func (ended) run(context.Context, []statement) ([]int64, error) { return nil, sql.ErrTxDone }
func (ended) query(context.Context, []statement, statement) (*Rows, error) {
	return nil, sql.ErrTxDone
}

// single runs closures on the only connection there is and on the goroutine of
// their caller. Nothing waits for it, so it also refuses a Read inside a Write.
type single struct {
	d    *DB
	lite *liteConn
	busy sync.Mutex // held while a closure runs
}

func (s *single) close() { s.lite.close() }

func (s *single) run(ctx context.Context, _ Isolation, fn func(*Tx) error) (_ *Tx, err error) {
	if !s.busy.TryLock() {
		return nil, ErrNested
	}
	defer s.busy.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := s.lite.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	err = errAborted
	tx := &Tx{d: s.d, conn: s.lite, now: s.d.Now()}
	defer func() {
		tx.conn = ended{}
		if err != nil {
			s.lite.exec("ROLLBACK") //nolint:errcheck // the engine may have ended it
		}
	}()
	if err = fn(tx); err == nil {
		_, err = tx.run(ctx, nil)
	}
	if err != nil {
		return nil, err
	}
	_, err = s.lite.exec("COMMIT")
	return tx, err
}

func (s *single) read(fn func(r Reader) error) error {
	if !s.busy.TryLock() {
		return ErrNested
	}
	defer s.busy.Unlock()
	return fn(&snapshot{d: s.d, now: s.d.Now(), query: func(ctx context.Context, st statement) (*Rows, error) {
		return s.lite.query(ctx, nil, st)
	}})
}
