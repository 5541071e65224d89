package testkit

import (
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"yunshi/internal/base/db"
)

func tables(t *testing.T, d *db.DB) string {
	t.Helper()
	dump, err := d.DumpSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dump
}

// mark is a row a test leaves behind to see whether another test finds it.
func mark(t *testing.T, d *db.DB) (found int64) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO audit_checkpoint (size, at, note) VALUES ($1, $2, $3)", 1, db.Micros(tx.Now()), "testkit")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := d.Read(t.Context(), func(r db.Reader) (err error) {
		found, err = db.Value[int64](t.Context(), r, "SELECT COUNT(*) FROM audit_checkpoint")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryTestHasItsOwnMigratedDatabase(t *testing.T) {
	for _, round := range []string{"first", "second"} {
		t.Run(round, func(t *testing.T) {
			Engines(t, func(t *testing.T, d *db.DB) {
				if tables(t, d) == "" {
					t.Error("the database has no tables")
				}
				if n := mark(t, d); n != 1 {
					t.Errorf("found %d rows, want only this test's own", n)
				}
			})
		})
	}
}

func TestEnginesRunsOnBothEngines(t *testing.T) {
	var seen []db.Engine
	Engines(t, func(_ *testing.T, d *db.DB) { seen = append(seen, d.Engine()) })
	want := []db.Engine{db.SQLite, db.Postgres}
	if os.Getenv("CI") != "true" && (testing.Short() || shared.missing != "") {
		want = want[:1]
	}
	if !slices.Equal(seen, want) {
		t.Errorf("ran on %v, want %v", seen, want)
	}
}

func TestTheDatabaseShowsTheTestsClock(t *testing.T) {
	EnginesAt(t, func(t *testing.T, d *db.DB, clock *Clock) {
		if got := d.Now(); !got.Equal(Start) {
			t.Errorf("database shows %v, want %v", got, Start)
		}
		clock.Advance(36 * time.Hour)
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			if got, want := tx.Now(), Start.Add(36*time.Hour); !got.Equal(want) {
				t.Errorf("transaction shows %v, want %v", got, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestABlankDatabaseHasNoTables(t *testing.T) {
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			d := OpenURL(t, BlankURL(t, engine), NewClock())
			if dump := tables(t, d); dump != "" {
				t.Errorf("blank database has tables:\n%s", dump)
			}
		})
	}
}

func TestClockIsSetInUTC(t *testing.T) {
	clock := NewClock()
	shanghai := time.FixedZone("CST", 8*60*60)
	clock.Set(time.Date(2026, 11, 22, 8, 0, 0, 0, shanghai))
	if got, want := clock.Now(), time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC); got != want {
		t.Errorf("clock shows %v, want %v", got, want)
	}
	if got, want := clock.Advance(time.Minute), time.Date(2026, 11, 22, 0, 1, 0, 0, time.UTC); got != want || clock.Now() != want {
		t.Errorf("clock shows %v and %v, want %v", got, clock.Now(), want)
	}
}

func TestRandDependsOnTheSeedOnly(t *testing.T) {
	read := func(seed string) string {
		b := make([]byte, 32)
		if _, err := io.ReadFull(Rand(seed), b); err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if first, second := read("a"), read("a"); first != second {
		t.Error("the same seed gave different bytes")
	}
	if read("a") == read("b") {
		t.Error("different seeds gave the same bytes")
	}
}
