package db_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/testkit"
)

const (
	insertMark = `INSERT INTO audit_checkpoint (size, at, note) VALUES ($1, 0, 'image')`
	countMarks = `SELECT COUNT(*) FROM audit_checkpoint`
)

func marks(t *testing.T, d *db.DB) (n int64) {
	t.Helper()
	if err := d.Read(t.Context(), func(r db.Reader) (err error) {
		n, err = db.Value[int64](t.Context(), r, countMarks)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func mark(t *testing.T, size int64) func(tx *db.Tx) error {
	return func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), insertMark, size)
		return err
	}
}

// copied is a database in memory that begins as a file in WAL mode with one mark.
func copied(t *testing.T) *db.DB {
	t.Helper()
	file, err := db.Open(t.Context(), testkit.URL(t, db.SQLite), db.Options{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Write(t.Context(), mark(t, 1)); err != nil {
		t.Fatal(err)
	}
	image, err := file.Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), "sqlite:", db.Options{UnsafeDurability: true, Image: image})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// An image has what the database had, and its copies live apart.
func TestAnImageIsACopyOfItsOwn(t *testing.T) {
	first := copied(t)
	image, err := first.Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Write(t.Context(), mark(t, 2)); err != nil {
		t.Fatal(err)
	}
	second, err := db.Open(t.Context(), "sqlite:", db.Options{UnsafeDurability: true, Image: image})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if a, b := marks(t, first), marks(t, second); a != 2 || b != 1 {
		t.Errorf("%d and %d marks, want 2 and 1", a, b)
	}
	if _, err := db.Open(t.Context(), "sqlite:", db.Options{Image: image}); err == nil {
		t.Error("a market may run on a database that ends with its process")
	}
}

// A transaction in memory ends as one in a file does.
func TestATransactionInMemoryIsWholeOrNothing(t *testing.T) {
	d := copied(t)
	no := errors.New("no")
	var kept *db.Tx
	if err := d.Write(t.Context(), func(tx *db.Tx) error {
		kept = tx
		tx.Queue(insertMark, int64(2))
		return no
	}); !errors.Is(err, no) {
		t.Error(err)
	}
	if err := d.Write(t.Context(), func(tx *db.Tx) error {
		if err := mark(t, 3)(tx); err != nil {
			return err
		}
		return mark(t, 1)(tx) // it is there
	}); err == nil {
		t.Error("a key was taken twice")
	}
	func() {
		defer func() { _ = recover() }()
		_ = d.Write(t.Context(), func(tx *db.Tx) error { _ = mark(t, 4)(tx); panic("boom") })
	}()
	if n := marks(t, d); n != 1 {
		t.Errorf("%d marks after three failures", n)
	}
	if _, err := kept.Exec(t.Context(), insertMark, int64(5)); err == nil {
		t.Error("a transaction goes on after its end")
	}
	if err := d.Write(t.Context(), func(tx *db.Tx) error { tx.Queue(insertMark, int64(6)); return nil }); err != nil {
		t.Error(err)
	}
	if n := marks(t, d); n != 2 {
		t.Errorf("%d marks, and a queued one was to be the second", n)
	}
}

// One connection can keep no snapshot beside a transaction, so nothing nests.
func TestNothingNestsInMemory(t *testing.T) {
	d := copied(t)
	read := func() error { return d.Read(t.Context(), func(db.Reader) error { return nil }) }
	write := func() error { return d.Write(t.Context(), func(*db.Tx) error { return nil }) }
	for _, inner := range []func() error{read, write} {
		if err := d.Write(t.Context(), func(*db.Tx) error { return inner() }); !errors.Is(err, db.ErrNested) {
			t.Error(err)
		}
		if err := d.Read(t.Context(), func(db.Reader) error { return inner() }); !errors.Is(err, db.ErrNested) {
			t.Error(err)
		}
		if err := inner(); err != nil {
			t.Error(err)
		}
	}
}

// Without its locks SQLite is safe in one database at a time, on one goroutine. The
// choice is the process's own, so another one makes it.
func TestAProcessOfOneThreadOpensNoFile(t *testing.T) {
	const name = "YUNSHI_ONE_THREAD"
	if file := os.Getenv(name); file != "" {
		onlyInMemory(t, file)
		return
	}
	image, err := copied(t).Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	self.Env = append(os.Environ(), name+"="+file)
	if said, err := self.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
	if err := db.OneThread(); err == nil {
		t.Error("SQLite is at work here and gave up its locks")
	}
}

func onlyInMemory(t *testing.T, file string) {
	if err := db.OneThread(); err != nil {
		t.Fatal(err)
	}
	if d, err := db.Open(t.Context(), "sqlite:"+file, db.Options{UnsafeDurability: true}); err == nil {
		d.Close()
		t.Error("it opens a file")
	}
	image, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // one after the other
		d, err := db.Open(t.Context(), "sqlite:", db.Options{UnsafeDurability: true, Image: image})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(t.Context(), mark(t, 2)); err != nil {
			t.Error(err)
		}
		if n := marks(t, d); n != 2 {
			t.Errorf("%d marks", n)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
