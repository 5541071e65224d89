package text

import "strings"

// Clause names a clause for people: one of the agreement by its number, one of a
// rulebook or a law by the name of the book and the number in it. What has no such
// name is written as it stands.
func Clause(l Lang, clause string) string {
	book, number, _ := strings.Cut(clause, " ")
	if i := strings.LastIndexByte(number, '-'); book == "RB" && i > 0 {
		book, number = "rb."+number[:i], number[i+1:]
	}
	if key := "clause.name." + strings.ToLower(book); Has(l, key) && number != "" {
		return In(l, key, "Number", number)
	}
	return clause
}

// Clauses names several.
func Clauses(l Lang, clauses ...string) string {
	names := make([]string, len(clauses))
	for i, c := range clauses {
		names[i] = Clause(l, c)
	}
	return strings.Join(names, In(l, "clause.name.and"))
}

// Rule names a clause by its id in its document: "8.4" of the agreement, "refund-2"
// of a rulebook.
func Rule(l Lang, id string) string {
	if book, _, _ := strings.Cut(id, "-"); Has(l, "clause.name.rb."+book) {
		return Clause(l, "RB "+id)
	}
	if id != "" && (id[0] >= '0' && id[0] <= '9' || strings.HasPrefix(id, "P-")) {
		return Clause(l, "UA "+id)
	}
	return id
}
