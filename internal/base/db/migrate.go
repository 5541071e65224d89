package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations are written once, in PostgreSQL's spelling of the shared subset,
// and translated for SQLite. Lines between "-- +sqlite" or "-- +postgres" and
// "-- +all" belong to one engine only.
//
//go:embed schema/*.sql
var schema embed.FS

// Migrate brings the database to the schema of this program. Several programs
// may race; one migrates, the others wait. A database that is newer than the
// program is refused.
func (d *DB) Migrate(ctx context.Context) error {
	provider, err := d.provider()
	if err != nil {
		return err
	}
	if err := newest(ctx, provider); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("db: migrate: %w", err)
	}
	return nil
}

// Check reports a database whose schema is not the one of this program, with
// the way out.
func (d *DB) Check(ctx context.Context) error {
	provider, err := d.provider()
	if err != nil {
		return err
	}
	if err := newest(ctx, provider); err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("db: %w", err)
	}
	if pending {
		return fmt.Errorf("db: the database is older than this program; run `yunshi migrate` first")
	}
	return nil
}

func newest(ctx context.Context, provider *goose.Provider) error {
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("db: %w", err)
	}
	if current > target {
		return fmt.Errorf("db: the database has schema %d, this program knows %d; start a newer yunshi, or restore the backup made before the upgrade", current, target)
	}
	return nil
}

func (d *DB) provider() (*goose.Provider, error) {
	sources, err := migrations(schema, d.engine)
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	var options []goose.ProviderOption
	if d.engine == Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("db: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, d.write, sources, options...)
	if err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	return provider, nil
}

// migrations renders the embedded files for one engine.
func migrations(source fs.FS, engine Engine) (fs.FS, error) {
	names, err := fs.Glob(source, "schema/*.sql")
	if err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	out := fstest.MapFS{}
	for _, name := range names {
		body, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, fmt.Errorf("db: %w", err)
		}
		out[path.Base(name)] = &fstest.MapFile{Data: []byte(translate(string(body), engine))}
	}
	return out, nil
}

var (
	columnTypes = regexp.MustCompile(`\b(BIGINT|BOOLEAN|BYTEA)\b`)
	tableEnd    = regexp.MustCompile(`(?m)^\);`)
	liteTypes   = map[string]string{"BIGINT": "INTEGER", "BOOLEAN": "INTEGER", "BYTEA": "BLOB"}

	// An index comes first and stays: queries must name its condition in its words.
	choice  = regexp.MustCompile(`(?m)^CREATE (?:UNIQUE )?INDEX .*$|\b([a-z_0-9.]+) (NOT )?IN \(((?:'[^']*'|\d+)(?:,\s*(?:'[^']*'|\d+))*)\)`)
	literal = regexp.MustCompile(`'[^']*'|\d+`)
)

// translate keeps the lines of the engine and, for SQLite, renames the types,
// spells out choices, and makes every table STRICT (a table ends with ");" at the
// start of a line).
func translate(body string, engine Engine) string {
	var kept strings.Builder
	only := Engine("")
	for line := range strings.Lines(body) {
		switch strings.TrimSpace(line) {
		case "-- +sqlite":
			only = SQLite
			continue
		case "-- +postgres":
			only = Postgres
			continue
		case "-- +all":
			only = ""
			continue
		}
		if only == "" || only == engine {
			kept.WriteString(line)
		}
	}
	if engine == Postgres {
		return kept.String()
	}
	text := columnTypes.ReplaceAllStringFunc(kept.String(), func(t string) string { return liteTypes[t] })
	text = choice.ReplaceAllStringFunc(text, spellOut)
	return tableEnd.ReplaceAllString(text, ") STRICT;")
}

// spellOut makes "a IN (1, 2)" of a CHECK "(a = 1 OR a = 2)". For a list of more
// than two SQLite builds a table of its own with each row that it checks, which
// costs more than the rest of the INSERT.
func spellOut(list string) string {
	m := choice.FindStringSubmatch(list)
	if m[1] == "" {
		return list // an index
	}
	equal, join := " = ", " OR "
	if m[2] != "" {
		equal, join = " <> ", " AND "
	}
	var all []string
	for _, v := range literal.FindAllString(m[3], -1) {
		all = append(all, m[1]+equal+v)
	}
	return "(" + strings.Join(all, join) + ")"
}

// DumpSchema renders tables, columns, keys and indexes in one form for both
// engines, so that a test can compare the two and the tree can show them.
func (d *DB) DumpSchema(ctx context.Context) (string, error) {
	tables, err := names(ctx, d.write, map[Engine]string{
		SQLite:   "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
		Postgres: "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name COLLATE \"C\"",
	}[d.engine])
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, table := range tables {
		if strings.HasPrefix(table, "goose_") || strings.HasPrefix(table, "sqlite_") || strings.HasPrefix(table, "search_") {
			continue // goose's own, SQLite's own, and the one per-engine index
		}
		fmt.Fprintf(&out, "table %s\n", table)
		for _, part := range dumps[d.engine] {
			lines, err := names(ctx, d.write, part, table)
			if err != nil {
				return "", err
			}
			for _, line := range lines {
				fmt.Fprintf(&out, "  %s\n", line)
			}
		}
	}
	return out.String(), nil
}

func names(ctx context.Context, pool *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("db: schema: %w", err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, fmt.Errorf("db: schema: %w", err)
		}
		all = append(all, line)
	}
	return all, rows.Err()
}

// dumps are the questions behind [DB.DumpSchema]: columns, primary key, other
// keys and indexes, foreign keys.
var dumps = map[Engine][]string{
	SQLite: {
		`SELECT name || ' ' || CASE type WHEN 'INTEGER' THEN 'int' WHEN 'TEXT' THEN 'text' WHEN 'BLOB' THEN 'bytes' ELSE lower(type) END
		   || CASE WHEN "notnull" = 1 OR pk > 0 THEN ' not null' ELSE '' END
		 FROM pragma_table_info($1) ORDER BY name`,
		`SELECT 'primary key (' || group_concat(name, ', ') || ')' FROM (SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk) HAVING count(*) > 0`,
		`SELECT CASE WHEN l."unique" = 1 THEN 'unique' ELSE 'index' END || CASE WHEN l.partial = 1 THEN ' partial' ELSE '' END || ' (' ||
		   (SELECT group_concat(coalesce(name, '?'), ', ') FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno)) || ')' AS line
		 FROM pragma_index_list($1) l WHERE l.origin <> 'pk' ORDER BY line`,
		`SELECT 'foreign key (' || group_concat("from", ', ') || ') references ' || "table" AS line
		 FROM (SELECT * FROM pragma_foreign_key_list($1) ORDER BY id, seq) GROUP BY id, "table" ORDER BY line`,
	},
	Postgres: {
		`SELECT column_name || ' ' || CASE data_type WHEN 'bigint' THEN 'int' WHEN 'boolean' THEN 'int' WHEN 'bytea' THEN 'bytes' ELSE data_type END
		   || CASE WHEN is_nullable = 'NO' THEN ' not null' ELSE '' END
		 FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY column_name COLLATE "C"`,
		`SELECT 'primary key (' || string_agg(a.attname::text, ', ' ORDER BY k.ord) || ')'
		 FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(num, ord) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
		 WHERE i.indisprimary AND i.indrelid = to_regclass($1::text) HAVING count(*) > 0`,
		`SELECT line FROM (SELECT CASE WHEN i.indisunique THEN 'unique' ELSE 'index' END || CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END || ' (' ||
		   (SELECT string_agg(coalesce(a.attname::text, '?'), ', ' ORDER BY k.ord) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(num, ord) LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num) || ')' AS line
		 FROM pg_index i WHERE NOT i.indisprimary AND i.indrelid = to_regclass($1::text)) x ORDER BY line COLLATE "C"`,
		`SELECT line FROM (SELECT 'foreign key (' || (SELECT string_agg(a.attname::text, ', ' ORDER BY k.ord) FROM unnest(c.conkey) WITH ORDINALITY k(num, ord) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num)
		   || ') references ' || c.confrelid::regclass::text AS line
		 FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = to_regclass($1::text)) x ORDER BY line COLLATE "C"`,
	},
}
