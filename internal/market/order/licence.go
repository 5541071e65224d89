package order

import (
	"fmt"
	"slices"

	"yunshi/internal/market/agreement"
)

// Licence is what a buyer accepts about the vendor's rights beside the licence in
// the terms sheet: clauses of the agreement, by the version that was in force. Their
// text is found by its hash.
type Licence struct {
	Agreement string   `json:"agreement"` // "user-agreement#1"
	SHA256    string   `json:"sha256"`
	Clauses   []string `json:"clauses"` // "UA 4.9.1"
}

// LicenceClauses are the clauses of the agreement that protect a product. Checkout
// shows them, an order names them.
var LicenceClauses = []string{"4.9", "4.9.1", "4.9.2", "4.9.3", "4.9.4"}

// licenceOf names the clauses of an agreement that protect what is bought.
func licenceOf(v agreement.Version) Licence {
	l := Licence{Agreement: fmt.Sprintf("%s#%d", v.Code, v.Number), SHA256: v.SHA256}
	for _, id := range LicenceClauses {
		l.Clauses = append(l.Clauses, "UA "+id)
	}
	return l
}

// protects refuses an order whose accepted licence lacks the ban on taking the
// product apart.
//
// Clause: UA 4.9.1 (the licence that is accepted with an order forbids reverse engineering, disassembly and decompiling).
func protects(l Licence) error {
	if l.SHA256 == "" || !slices.Contains(l.Clauses, "UA 4.9.1") {
		return ErrTermsNotAgreed.In("accept_terms")
	}
	return nil
}
