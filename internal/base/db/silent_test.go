package db

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// cable carries connections to the server until it is pulled; what was open then
// stays open and says nothing, for ever.
type cable struct {
	net.Listener
	pulled atomic.Int64 // connections made before the pull, counted from one
	made   atomic.Int64
	done   sync.WaitGroup

	mu  sync.Mutex
	all []net.Conn
}

func newCable(t *testing.T, server string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l}
	t.Cleanup(func() { l.Close(); c.done.Wait() })
	c.done.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", server)
			if err != nil {
				here.Close()
				continue
			}
			number := c.made.Add(1)
			c.mu.Lock()
			c.all = append(c.all, here, there)
			c.mu.Unlock()
			for from, to := range map[net.Conn]net.Conn{here: there, there: here} {
				c.done.Go(func() {
					defer to.Close()
					buffer := make([]byte, 4096)
					for {
						n, err := from.Read(buffer)
						if err != nil {
							return
						}
						if number <= c.pulled.Load() {
							continue
						}
						if _, err := to.Write(buffer[:n]); err != nil {
							return
						}
					}
				})
			}
		}
	})
	return c
}

func (c *cable) pull() { c.pulled.Store(c.made.Load()) }

// cut ends every connection, so that nobody waits for a farewell.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.all {
		one.Close()
	}
}

func TestAServerThatSaysNothingIsNotWaitedForForEver(t *testing.T) {
	server := os.Getenv("YUNSHI_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("YUNSHI_TEST_POSTGRES is not set")
		}
		t.Skip("needs YUNSHI_TEST_POSTGRES")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("YUNSHI_TEST_POSTGRES is not an address")
	}
	cable := newCable(t, u.Host)
	u.Host = cable.Addr().String()
	const patience = 2 * time.Second // a loaded machine must not look like a silent server
	d, err := Open(t.Context(), u.String(), Options{UnsafeDurability: true, Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	defer cable.cut()
	ask := func(r Reader) error {
		_, err := Value[int64](t.Context(), r, "SELECT CAST(1 AS BIGINT)")
		return err
	}
	write := func() error { return d.Write(t.Context(), func(tx *Tx) error { return ask(tx) }) }
	read := func() error { return d.Read(t.Context(), ask) }
	for name, do := range map[string]func() error{"write": write, "read": read} {
		if err := do(); err != nil {
			t.Fatal(name, err)
		}
		// Several at once, so that several connections go silent.
		var open sync.WaitGroup
		for range 4 {
			open.Go(func() {
				if err := do(); err != nil {
					t.Error(name, err)
				}
			})
		}
		open.Wait()
		cable.pull()
		began := time.Now()
		err := do()
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s through a pulled cable: %v", name, err)
		}
		if took := time.Since(began); took < patience/2 || took > 10*patience {
			t.Errorf("%s through a pulled cable took %s", name, took)
		}
		// The other connections of the pool are not believed in either.
		began = time.Now()
		for err = do(); err != nil && time.Since(began) < 10*patience; err = do() {
		}
		if err != nil {
			t.Errorf("%s after the pull: %v", name, err)
		}
	}
}

func TestAnIdleTransactionLosesItsLocks(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		if d.Engine() != Postgres {
			return // one process has the file; it cannot sleep beside itself
		}
		short, err := Open(t.Context(), os.Getenv("YUNSHI_TEST_POSTGRES"), Options{UnsafeDurability: true, Patience: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer short.Close()
		err = short.Write(t.Context(), func(tx *Tx) error {
			// The transaction begins with its first statement; before it there is nothing to lose.
			if _, err := Value[int64](t.Context(), tx, "SELECT CAST(1 AS BIGINT)"); err != nil {
				return err
			}
			time.Sleep(900 * time.Millisecond)
			_, err := Value[int64](t.Context(), tx, "SELECT CAST(1 AS BIGINT)")
			return err
		})
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("a transaction that slept longer than its patience: %v", err)
		}
	})
}

func TestAvailableTellsAnOutageFromARefusal(t *testing.T) {
	for name, c := range map[string]struct {
		err error
		out bool
	}{
		"shutdown":          {&pgconn.PgError{Code: "57P01"}, true},
		"starting":          {&pgconn.PgError{Code: "57P03"}, true},
		"disk full":         {&pgconn.PgError{Code: "53100"}, true},
		"connection":        {&pgconn.PgError{Code: "08006"}, true},
		"network":           {&net.OpError{Op: "read", Err: io.EOF}, true},
		"cut":               {io.ErrUnexpectedEOF, true},
		"unknown commit":    {ErrUnknownCommit, true},
		"unique":            {&pgconn.PgError{Code: "23505"}, false},
		"check":             {&pgconn.PgError{Code: "23514"}, false},
		"cancelled":         {&pgconn.PgError{Code: "57014"}, false},
		"other":             {errors.New("other"), false},
		"no row":            {ErrNoRow, false},
		"sqlite of no kind": {&sqlite.Error{}, false},
	} {
		got := available(c.err)
		if errors.Is(got, ErrUnavailable) != c.out || !errors.Is(got, c.err) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if available(nil) != nil {
		t.Error("no error became one")
	}
}
