package api

import "strings"

// Row is an operation as tests see it.
type Row struct{ ID, Method, Path string }

// Rows are the operations of the table.
func Rows() (rows []Row) {
	for _, r := range table() {
		method, path, _ := strings.Cut(r.pattern, " ")
		rows = append(rows, Row{r.id, method, root + path})
	}
	return rows
}
