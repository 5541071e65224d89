package db_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/testkit"
)

// A probe meets every point, learns what changed, also of what was only queued,
// and what it answers is what the caller meets.
func TestAProbeSeesAndBreaks(t *testing.T) {
	broken := errors.New("broken")
	var points []db.Point
	var changed []string
	var at func(db.Point) error
	d, err := db.Open(t.Context(), testkit.URL(t, db.SQLite), db.Options{UnsafeDurability: true, Probe: &db.Probe{
		At: func(p db.Point) error { points = append(points, p); return at(p) },
		Changed: func(query string, args []any) {
			changed = append(changed, strings.Join(strings.Fields(query)[:3], " "))
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const insert = `INSERT INTO audit_checkpoint (size, at, note) VALUES ($1, $2, $3)`
	size := int64(0)
	mark := func(tx *db.Tx) error {
		size++
		tx.Queue(insert, size, db.Micros(tx.Now()), "probe")
		_, err := tx.Exec(t.Context(), `UPDATE audit_checkpoint SET note = $1 WHERE size = $2`, "none", -1)
		return err
	}
	rows := func() (n int64) {
		err := d.Read(t.Context(), func(r db.Reader) (err error) {
			n, err = db.Value[int64](t.Context(), r, `SELECT COUNT(*) FROM audit_checkpoint`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	answer := func(of db.Point, times int) func(db.Point) error {
		return func(p db.Point) error {
			if p == of && times > 0 {
				times--
				return broken
			}
			return nil
		}
	}
	for _, c := range []struct {
		name string
		at   func(db.Point) error
		want error
		met  []db.Point
		kept int64
	}{
		{"nothing breaks", answer(0, 0), nil, []db.Point{db.BeforeWrite, db.BeforeCommit, db.AfterCommit}, 1},
		{"it never begins", answer(db.BeforeWrite, 1), broken, []db.Point{db.BeforeWrite}, 0},
		{"it does not commit", answer(db.BeforeCommit, 1), broken, []db.Point{db.BeforeWrite, db.BeforeCommit, db.RolledBack}, 0},
		{"the answer is lost", answer(db.AfterCommit, 1), broken, []db.Point{db.BeforeWrite, db.BeforeCommit, db.AfterCommit}, 1},
	} {
		at = answer(0, 0)
		before := rows()
		at, points, changed = c.at, nil, nil
		if err := d.Write(t.Context(), mark); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if !slices.Equal(points, c.met) {
			t.Errorf("%s: met %v", c.name, points)
		}
		at = answer(0, 0)
		if got := rows() - before; got != c.kept {
			t.Errorf("%s: %d rows", c.name, got)
		}
		if len(c.met) > 1 && !slices.Equal(changed, []string{"INSERT INTO audit_checkpoint"}) {
			t.Errorf("%s: changed %q", c.name, changed)
		}
	}
	again := 2
	at, points = func(p db.Point) error {
		if p == db.BeforeCommit && again > 0 {
			again--
			return db.Again(broken)
		}
		return nil
	}, nil
	if err := d.Write(t.Context(), mark); err != nil || again != 0 || len(points) != 9 {
		t.Errorf("a lost race is run again: %v, %v", err, points)
	}
}
