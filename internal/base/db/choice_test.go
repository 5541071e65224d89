package db

import (
	"context"
	"path/filepath"
	"testing"
)

// For a list of more than two SQLite builds a table of its own with each row that it
// checks or puts into an index. A state of a CHECK is spelled out when it is
// translated, one of an index in its migration.
func TestNoRowIsCheckedWithATableOfItsOwn(t *testing.T) {
	ctx := context.Background()
	d, err := Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "market.db"), Options{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	tables, err := names(ctx, d.write, `SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%STRICT%' ORDER BY name`)
	if err != nil || len(tables) < 150 {
		t.Fatalf("%d tables: %v", len(tables), err)
	}
	for _, table := range tables {
		if n := built(t, d, "INSERT INTO "+table+" DEFAULT VALUES"); n > 0 {
			t.Errorf("%s: %d tables are built with each row", table, n)
		}
	}
	if built(t, d, "SELECT id FROM job_job WHERE kind IN ('a', 'b', 'c')") == 0 {
		t.Error("the list of a question needs no table: this test sees none")
	}
}

// built is how many tables of its own a statement builds.
func built(t *testing.T, d *DB, statement string) (n int) {
	t.Helper()
	rows, err := d.write.Query("EXPLAIN " + statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var opcode string
		var other any
		if err := rows.Scan(&other, &opcode, &other, &other, &other, &other, &other, &other); err != nil {
			t.Fatal(err)
		}
		if opcode == "OpenEphemeral" {
			n++
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestChoicesAreSpelledOutForSQLiteAlone(t *testing.T) {
	const text = "CREATE TABLE a (\n  b TEXT CHECK (b IN ('x', 'y')),\n  CHECK (o.c NOT IN (1,\n    2, 3) OR b = '')\n);\nCREATE INDEX d ON a (b) WHERE b IN ('x', 'y', 'z');\n"
	const want = "CREATE TABLE a (\n  b TEXT CHECK ((b = 'x' OR b = 'y')),\n  CHECK ((o.c <> 1 AND o.c <> 2 AND o.c <> 3) OR b = '')\n) STRICT;\nCREATE INDEX d ON a (b) WHERE b IN ('x', 'y', 'z');\n"
	if got := translate(text, SQLite); got != want {
		t.Errorf("SQLite is told\n%s", got)
	}
	if got := translate(text, Postgres); got != text {
		t.Errorf("PostgreSQL is told\n%s", got)
	}
}
