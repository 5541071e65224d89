package search

import "strings"

var postgres = engine{
	insertWords: `INSERT INTO search_word (doc, words) VALUES ($1, CAST(CAST($2 AS text) AS tsvector))`,
	deleteWords: `DELETE FROM search_word WHERE doc IN `,
	// Materialised, so that the planner does not bet on meeting enough matches early and reads the whole table when it loses.
	some: `WITH met AS MATERIALIZED (SELECT doc FROM search_word WHERE words @@ CAST(CAST($1 AS text) AS tsquery) AND doc < $2) SELECT doc FROM met LIMIT $3`,
	// The function instead of the operator keeps the word index out: the documents are walked from the newest.
	newest: `SELECT doc FROM search_word WHERE ts_match_vq(words, CAST(CAST($1 AS text) AS tsquery)) AND doc < $2 ORDER BY doc DESC LIMIT $3`,
	count: `WITH met AS MATERIALIZED (SELECT doc FROM search_word WHERE words @@ CAST(CAST($1 AS text) AS tsquery))
		SELECT COUNT(*) FROM (SELECT doc FROM met LIMIT $2) AS counted`,
	write: cond.tsquery,
	words: func(ws []string) string { return "'" + strings.Join(ws, "' '") + "'" },
}
