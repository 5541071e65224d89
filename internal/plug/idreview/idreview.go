// Package idreview is the identity checker of an installation that has no outside
// source: every case goes to a compliance officer, who compares the documents.
//
// Owns: nothing. Does not own: the queue and the decision (package identity).
//
// Always true: it approves and refuses nobody, and sends no data anywhere.
package idreview

import (
	"context"

	"yunshi/internal/market/identity"
)

// Checker asks for a human, always.
type Checker struct{}

var _ identity.Checker = Checker{}

// Name is "review".
func (Checker) Name() string { return "review" }

// Check never fails and never decides.
func (Checker) Check(context.Context, identity.Request) (identity.Outcome, error) {
	return identity.Outcome{Result: identity.ResultHuman}, nil
}
