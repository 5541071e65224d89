package account

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
)

// Terminate ends an account by a case: its people can still sign in to look and to
// export, and nothing else. It returns the state before, for [Reinstate]; an
// account that was terminated already is left alone. Only compliance may, never
// on its own account; that two persons decided is enforcement's business.
func Terminate(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, caseID string) (prior State, err error) {
	return cut(ctx, tx, by, id, Terminated, caseID)
}

// Suspend stops everything an account does in the market, by a case, until
// [Reinstate].
func Suspend(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, caseID string) (prior State, err error) {
	return cut(ctx, tx, by, id, Suspended, caseID)
}

func cut(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, to State, caseID string) (State, error) {
	a, err := judged(ctx, tx, by, id, caseID)
	if err != nil || a.State == to || a.State == Terminated {
		return a.State, err
	}
	if a.State == Closed || a.Kind == Operator {
		return a.State, ErrStale
	}
	return a.State, turn(ctx, tx, by, a, to, caseID)
}

// Reinstate brings a suspended or terminated account back to the state it had.
func Reinstate(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, to State, caseID string) error {
	a, err := judged(ctx, tx, by, id, caseID)
	if err != nil {
		return err
	}
	if a.State != Suspended && a.State != Terminated || to == Closed {
		return ErrStale
	}
	if a.State == to {
		return nil
	}
	return turn(ctx, tx, by, a, to, caseID)
}

func judged(ctx context.Context, r db.Reader, by audit.Actor, id ID, caseID string) (Account, error) {
	switch {
	case !by.Has(Compliance) || by.Account == string(id):
		return Account{}, ErrForbidden
	case strings.TrimSpace(caseID) == "":
		return Account{}, ErrRequired.In("case")
	}
	return Get(ctx, r, id)
}

func turn(ctx context.Context, tx *db.Tx, by audit.Actor, a Account, to State, caseID string) error {
	ok, err := move(ctx, tx, a.ID, a.State, to)
	if err == nil && !ok {
		err = ErrStale
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "account." + string(to), Subjects: []string{string(a.ID), caseID}, Clauses: []string{"UA 8.2.4"},
		Data: map[string]any{"from": a.State, "to": to},
	})
}
