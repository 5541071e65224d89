package search

import "strings"

// FTS5 walks its row numbers downwards by itself, so one statement serves both.
const sqliteNewest = `SELECT rowid FROM search_word WHERE search_word MATCH $1 AND rowid < $2 ORDER BY rowid DESC LIMIT $3`

var sqlite = engine{
	insertWords: `INSERT INTO search_word (rowid, words) VALUES ($1, $2)`,
	deleteWords: `DELETE FROM search_word WHERE rowid IN `,
	some:        sqliteNewest,
	newest:      sqliteNewest,
	count:       `SELECT COUNT(*) FROM (SELECT rowid FROM search_word WHERE search_word MATCH $1 LIMIT $2) AS counted`,
	write:       cond.fts,
	words:       func(ws []string) string { return strings.Join(ws, " ") },
}
