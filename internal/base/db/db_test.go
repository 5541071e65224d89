package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// engines opens an empty database on each engine. Package testkit cannot be
// used here: it is built on this package.
func engines(t *testing.T, fn func(t *testing.T, d *DB)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, opened(t, "sqlite:"+filepath.Join(t.TempDir(), "t.db"))) })
	t.Run("postgres", func(t *testing.T) {
		server := os.Getenv("YUNSHI_TEST_POSTGRES")
		if server == "" {
			if os.Getenv("CI") == "true" {
				t.Fatal("YUNSHI_TEST_POSTGRES is not set; run the tests with `make test`")
			}
			t.Skip("needs YUNSHI_TEST_POSTGRES; `make test` starts a server")
		}
		fn(t, opened(t, server+scratch(t, server)))
	})
}

// scratch makes a schema of its own and returns the address suffix that selects it.
func scratch(t *testing.T, server string) string {
	t.Helper()
	name := fmt.Sprintf("dbtest_%d", time.Now().UnixNano())
	admin, err := Open(t.Context(), server, Options{UnsafeDurability: true, Writers: 1, Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.write.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admin.write.Exec("DROP SCHEMA " + name + " CASCADE")
		admin.Close()
	})
	join := "?"
	if strings.Contains(server, "?") {
		join = "&"
	}
	return join + "search_path=" + name
}

func opened(t *testing.T, url string) *DB {
	t.Helper()
	d, err := Open(t.Context(), url, Options{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if _, err := d.write.Exec("CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY, v BIGINT NOT NULL CHECK (v >= 0))"); err != nil {
		t.Fatal(err)
	}
	return d
}

func set(t *testing.T, d *DB, k string, v int64) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO t (k, v) VALUES ($1, $2)", k, v)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, d *DB, k string) int64 {
	t.Helper()
	var v int64
	if err := d.Read(t.Context(), func(r Reader) (err error) {
		v, err = Value[int64](t.Context(), r, "SELECT v FROM t WHERE k = $1", k)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWriteCommitsOnNilAndRollsBackOnErrorAndPanic(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		ctx := t.Context()
		set(t, d, "a", 1)
		boom := errors.New("boom")
		change := func(end func()) func(*Tx) error {
			return func(tx *Tx) error {
				if _, err := tx.Exec(ctx, "UPDATE t SET v = 9 WHERE k = $1", "a"); err != nil {
					t.Error(err)
				}
				end()
				return boom
			}
		}
		if err := d.Write(ctx, change(func() {})); !errors.Is(err, boom) {
			t.Fatalf("got %v, want the closure's error", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			d.Write(ctx, change(func() { panic("boom") }))
		}()
		if v := get(t, d, "a"); v != 1 {
			t.Fatalf("v = %d after two rollbacks, want 1", v)
		}
		set(t, d, "b", 2) // the writer is still alive
	})
}

func TestWriteInsideWriteIsRefused(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		err := d.Write(t.Context(), func(*Tx) error {
			return d.Write(t.Context(), func(*Tx) error { return nil })
		})
		if !errors.Is(err, ErrNested) {
			t.Fatalf("got %v, want ErrNested", err)
		}
	})
}

func TestOneOfSixteenRacingWithdrawalsWins(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		ctx := t.Context()
		set(t, d, "balance", 100)
		set(t, d, "paid", 0)
		poor := errors.New("not enough")
		var wins atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				// Read, decide, write: only isolation protects this.
				err := d.Write(ctx, func(tx *Tx) error {
					left, err := Value[int64](ctx, tx, "SELECT v FROM t WHERE k = $1", "balance")
					if err != nil {
						return err
					}
					if left < 100 {
						return poor
					}
					if _, err := tx.Exec(ctx, "UPDATE t SET v = $1 WHERE k = $2", left-100, "balance"); err != nil {
						return err
					}
					_, err = tx.Exec(ctx, "UPDATE t SET v = v + 100 WHERE k = $1", "paid")
					return err
				})
				switch {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, poor):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 || get(t, d, "paid") != 100 || get(t, d, "balance") != 0 {
			t.Fatalf("%d winners, paid %d, balance %d", wins.Load(), get(t, d, "paid"), get(t, d, "balance"))
		}
	})
}

func TestARefusedRiderDoesNotTakeTheOthersDown(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		ctx := t.Context()
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				err := d.Write(ctx, func(tx *Tx) error {
					v := int64(i)
					if i%4 == 0 {
						v = -1 // violates the CHECK
					}
					_, err := tx.Exec(ctx, "INSERT INTO t (k, v) VALUES ($1, $2)", fmt.Sprint(i), v)
					return err
				})
				if (i%4 == 0) != Check(err) || (i%4 != 0) != (err == nil) {
					t.Errorf("row %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		var n int64
		if err := d.Read(ctx, func(r Reader) (err error) {
			n, err = Value[int64](ctx, r, "SELECT count(*) FROM t")
			return err
		}); err != nil || n != 48 {
			t.Fatalf("%d rows, %v; want 48", n, err)
		}
	})
}

func TestErrorsAreToldApartByCode(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		set(t, d, "a", 1)
		insert := func(k string, v int64) error {
			return d.Write(t.Context(), func(tx *Tx) error {
				_, err := tx.Exec(t.Context(), "INSERT INTO t (k, v) VALUES ($1, $2)", k, v)
				return err
			})
		}
		if err := insert("a", 1); !Unique(err) || Check(err) {
			t.Errorf("duplicate: %v", err)
		}
		if err := insert("b", -1); !Check(err) || Unique(err) {
			t.Errorf("floor: %v", err)
		}
	})
}

func TestBatchRunsInOrderAndCountsRows(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		ctx := t.Context()
		err := d.Write(ctx, func(tx *Tx) error {
			b := tx.Batch()
			b.Add("INSERT INTO t (k, v) VALUES ($1, $2)", "a", 1)
			b.Add("UPDATE t SET v = v + $1 WHERE k = $2", 5, "a")
			b.Add("UPDATE t SET v = 0 WHERE k = $1", "missing")
			counts, err := b.Send(ctx)
			if err == nil && fmt.Sprint(counts) != "[1 1 0]" {
				t.Errorf("counts %v", counts)
			}
			return err
		})
		if err != nil || get(t, d, "a") != 6 {
			t.Fatalf("%v, a = %d", err, get(t, d, "a"))
		}
	})
}

func TestQueuedStatementsKeepTheirPlace(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		ctx := t.Context()
		err := d.Write(ctx, func(tx *Tx) error {
			tx.Queue("INSERT INTO t (k, v) VALUES ($1, $2)", "a", 1)
			if v, err := Value[int64](ctx, tx, "SELECT v FROM t WHERE k = $1", "a"); err != nil || v != 1 {
				t.Errorf("a question after it: %d, %v", v, err)
			}
			tx.Queue("UPDATE t SET v = v + 1 WHERE k = $1", "a")
			if n, err := tx.Exec(ctx, "UPDATE t SET v = v * 10 WHERE k = $1 AND v = 2", "a"); err != nil || n != 1 {
				t.Errorf("a statement after it: %d, %v", n, err)
			}
			tx.Queue("UPDATE t SET v = v + 1 WHERE k = $1", "a")
			tx.Queue("UPDATE t SET v = v * 2 WHERE k = $1", "a")
			return nil
		})
		if err != nil || get(t, d, "a") != 42 {
			t.Fatalf("%v, a = %d, want 42", err, get(t, d, "a"))
		}
		if err := d.Write(ctx, func(tx *Tx) error { tx.Queue("UPDATE t SET v = 7 WHERE k = $1", "a"); return nil }); err != nil || get(t, d, "a") != 7 {
			t.Fatalf("nothing but queued: %v, a = %d", err, get(t, d, "a"))
		}
		// An error of a queued statement undoes the whole.
		for name, last := range map[string]func(*Tx) error{
			"at COMMIT":   func(*Tx) error { return nil },
			"at the next": func(tx *Tx) error { _, err := tx.Exec(ctx, "UPDATE t SET v = 9 WHERE k = $1", "a"); return err },
		} {
			err := d.Write(ctx, func(tx *Tx) error {
				if _, err := tx.Exec(ctx, "UPDATE t SET v = 8 WHERE k = $1", "a"); err != nil {
					return err
				}
				tx.Queue("UPDATE t SET v = -1 WHERE k = $1", "a")
				return last(tx)
			})
			if !Check(err) || get(t, d, "a") != 7 {
				t.Fatalf("%s: %v, a = %d", name, err, get(t, d, "a"))
			}
		}
		boom := errors.New("boom")
		if err := d.Write(ctx, func(tx *Tx) error { tx.Queue("DELETE FROM t WHERE k = $1", "a"); return boom }); !errors.Is(err, boom) || get(t, d, "a") != 7 {
			t.Fatalf("what was queued before an error has happened: %v", err)
		}
	})
}

func TestAGuardedWriteIsAsSafeAsItsGuard(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		ctx := t.Context()
		// Two read, then both write: with a guard in the UPDATE one wins, without it both.
		both := func(key, update string) (wins int64) {
			set(t, d, key, 100)
			var read sync.WaitGroup
			read.Add(2)
			var all sync.WaitGroup
			var won atomic.Int64
			for range 2 {
				all.Go(func() {
					met := sync.OnceFunc(func() { read.Done() })
					err := d.Write(ctx, func(tx *Tx) error {
						if _, err := Value[int64](ctx, tx, "SELECT v FROM t WHERE k = $1", key); err != nil {
							return err
						}
						met()
						if d.Engine() == Postgres {
							read.Wait()
						}
						n, err := tx.Exec(ctx, update, key)
						won.Add(n)
						return err
					}, Guarded)
					if err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			return won.Load()
		}
		if n := both("guarded", "UPDATE t SET v = v - 100 WHERE k = $1 AND v >= 100"); n != 1 || get(t, d, "guarded") != 0 {
			t.Errorf("%d of two withdrawals won", n)
		}
		if n := both("bare", "UPDATE t SET v = 0 WHERE k = $1"); n != 2 {
			t.Errorf("%d of two won without a guard: Guarded is more than READ COMMITTED", n)
		}
		runs := 0
		err := d.Write(ctx, func(tx *Tx) error {
			if runs++; runs < 3 {
				return Again(errors.New("the guard did not hold"))
			}
			return nil
		}, Guarded)
		if err != nil || runs != 3 {
			t.Errorf("ran %d times: %v", runs, err)
		}
	})
}

func TestAReadIsOneSnapshot(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		ctx := t.Context()
		set(t, d, "a", 1)
		err := d.Read(ctx, func(r Reader) error {
			first, err := Value[int64](ctx, r, "SELECT count(*) FROM t")
			if err != nil {
				return err
			}
			set(t, d, "b", 2)
			second, err := Value[int64](ctx, r, "SELECT count(*) FROM t")
			if first != second {
				t.Errorf("%d rows, then %d", first, second)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Each reader meets a statement that nobody has compiled yet while it holds its
// own connection: without a spare one they would wait for each other for ever.
func TestReadersThatMeetNewStatementsDoNotBlockEachOther(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var begun, wg sync.WaitGroup
		begun.Add(d.opt.Readers)
		for i := range d.opt.Readers {
			wg.Go(func() {
				if err := d.Read(ctx, func(r Reader) error {
					if _, err := Value[int64](ctx, r, "SELECT 1"); err != nil {
						return err
					}
					begun.Done()
					begun.Wait()
					_, err := Value[int64](ctx, r, fmt.Sprintf("SELECT %d", 100+i))
					return err
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestTheTransactionsClockStandsStill(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		err := d.Write(t.Context(), func(tx *Tx) error {
			if !tx.Now().Equal(tx.Now()) || tx.Now().Nanosecond()%1000 != 0 || tx.Now().Location() != time.UTC {
				t.Errorf("now = %v", tx.Now())
			}
			if !Time(Micros(tx.Now())).Equal(tx.Now()) || Micros(time.Time{}) != 0 || !Time(0).IsZero() {
				t.Error("times do not survive the column")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestWakeUpsComeAfterTheCommitOnly(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		woken := 0
		d.Write(t.Context(), func(tx *Tx) error {
			tx.AfterCommit(func() { woken++ })
			return errors.New("no")
		})
		if woken != 0 {
			t.Fatal("woken by a rollback")
		}
		if err := d.Write(t.Context(), func(tx *Tx) error { tx.AfterCommit(func() { woken++ }); return nil }); err != nil || woken != 1 {
			t.Fatalf("%v, woken %d times", err, woken)
		}
	})
}

// A statement that outlives its connection would keep it, with its memory and file.
func TestAClosedDatabaseHoldsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "closed.db")
	d, err := Open(t.Context(), "sqlite:"+path, Options{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), func(tx *Tx) error {
		_, err := Value[int64](t.Context(), tx, `SELECT COUNT(*) FROM account_account`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	held := func() (n int) {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("the system does not say which files are open: ", err)
		}
		for _, f := range open {
			if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && strings.HasPrefix(target, path) {
				n++
			}
		}
		return n
	}
	if held() == 0 {
		t.Fatal("an open database holds no file")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if n := held(); n > 0 {
		t.Errorf("%d files are held after the end", n)
	}
}

func TestMigrateTwiceIsOnce(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		if err := d.Check(t.Context()); err == nil {
			t.Error("an empty database passed for migrated")
		}
		for range 2 {
			if err := d.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestANewerDatabaseIsRefusedWithTheWayOut(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.write.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, true)"); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{d.Check(t.Context()), d.Migrate(t.Context())} {
			if err == nil || !strings.Contains(err.Error(), "start a newer yunshi") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestSettingsThatLoseCommitsAreRefused(t *testing.T) {
	server := os.Getenv("YUNSHI_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("YUNSHI_TEST_POSTGRES is not set")
		}
		t.Skip("needs YUNSHI_TEST_POSTGRES")
	}
	join := "?"
	if strings.Contains(server, "?") {
		join = "&"
	}
	_, err := Open(t.Context(), server+join+"synchronous_commit=off", Options{})
	if err == nil || !strings.Contains(err.Error(), "=off") {
		t.Fatalf("got %v", err)
	}
}

func TestTheLostAnswerToACommitIsLookedUp(t *testing.T) {
	engines(t, func(t *testing.T, d *DB) {
		w, ok := d.writer.(*pgWriter)
		if !ok {
			return // SQLite commits in this process; there is no answer to lose
		}
		ctx := t.Context()
		for _, committed := range []bool{true, false} {
			session, err := w.pool.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			c := &pgConn{Conn: session.Conn(), lead: []string{Serializable.begin(), selectXID}}
			if _, err := c.run(ctx, []statement{{text: "SELECT 1"}}); err != nil {
				t.Fatal(err)
			}
			if committed {
				err = c.commit(ctx, nil)
			} else {
				c.rollback(ctx)
			}
			session.Release()
			if err != nil {
				t.Fatal(err)
			}
			err = w.outcome(ctx, c.xid, errors.New("connection reset"))
			if committed && err != nil || !committed && !errors.Is(err, errAgain) {
				t.Errorf("committed %v: %v", committed, err)
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	d, err := Open(context.Background(), "sqlite:"+filepath.Join(b.TempDir(), "t.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if _, err := d.write.Exec("CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY, v BIGINT NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			err := d.Write(context.Background(), func(tx *Tx) error {
				_, err := tx.Exec(context.Background(), "INSERT INTO t (k, v) VALUES ($1, $2)", fmt.Sprint(n.Add(1)), 1)
				return err
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
}
