package account

import (
	"context"
	"errors"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
)

// MustCan refuses an actor whose account may not use the capability now:
// ACCOUNT_RESTRICTED with the case, ACCOUNT_SUSPENDED or ACCOUNT_TERMINATED.
func MustCan(ctx context.Context, r db.Reader, by audit.Actor, capability string) error {
	if by.Account == "" {
		return ErrNotSignedIn
	}
	return can(ctx, r, ID(by.Account), capability)
}

func can(ctx context.Context, r db.Reader, id ID, capability string) error {
	if !slices.Contains(capabilities, capability) {
		return errors.New("account: no capability is called " + capability)
	}
	type row struct {
		state State
		r     Restriction
	}
	v, err := db.One(ctx, r, func(s db.Scanner) (row, error) {
		v := row{r: Restriction{Account: id, Capability: capability}}
		var until int64
		err := s.Scan(&v.state, &v.r.Case, &until)
		v.r.Until = db.Time(until)
		return v, err
	}, sqlCapability, capability, id)
	if errors.Is(err, db.ErrNoRow) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := notEnded(v.state, capability); err != nil {
		return err
	}
	return mayUse(v.state, capability, v.r, r.Now())
}

// Restrict takes a capability from an account by a case, replacing an earlier
// restriction of the same capability. Only compliance may, never on its own
// account: whoever decides is not the one decided on.
func Restrict(ctx context.Context, tx *db.Tx, by audit.Actor, in Restriction) error {
	switch {
	case !by.Has(Compliance) || by.Account == string(in.Account):
		return ErrForbidden
	case !slices.Contains(capabilities, in.Capability):
		return ErrInvalid.In("capability")
	case strings.TrimSpace(in.Case) == "":
		return ErrRequired.In("case")
	}
	if _, err := Get(ctx, tx, in.Account); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlRestrict, in.Account, in.Capability, in.Case, db.Micros(in.Until), db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "account.restricted", Subjects: []string{string(in.Account)}, Clauses: []string{"UA 8.2.3"},
		Data: map[string]any{"capability": in.Capability, "case": in.Case, "until": db.Micros(in.Until)},
	})
}

// Lift gives a capability back. Only compliance may; lifting nothing is NOT_FOUND.
func Lift(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, capability string) error {
	if !by.Has(Compliance) || by.Account == string(id) {
		return ErrForbidden
	}
	n, err := tx.Exec(ctx, sqlLift, id, capability)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrNotFound
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "account.restriction_lifted", Subjects: []string{string(id)}, Clauses: []string{"UA 8.2.3"},
		Data: map[string]any{"capability": capability},
	})
}

// Restrictions lists what was taken from an account, past ends included.
func Restrictions(ctx context.Context, r db.Reader, id ID) ([]Restriction, error) {
	return db.All(ctx, r, func(s db.Scanner) (Restriction, error) {
		v := Restriction{Account: id}
		var until int64
		err := s.Scan(&v.Capability, &v.Case, &until)
		v.Until = db.Time(until)
		return v, err
	}, sqlRestrictions, id)
}

// Denied counts an access to an object that is not the actor's. Call it in a
// transaction of its own: the refused one is rolled back.
func Denied(ctx context.Context, tx *db.Tx, by audit.Actor, object string) error {
	if by.Account == "" {
		return nil // nobody to count it for; the limits of the edge apply
	}
	if _, err := tx.Exec(ctx, sqlInsertDenial, tx.ID("den"), by.Account, by.User, by.Session, object, db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "account.denied", Subjects: []string{by.Account, object}, Clauses: []string{"UA 4.7.3"}, Refusal: ErrForeign.Code,
	})
}

// RiskOf returns the risk record of an account.
func RiskOf(ctx context.Context, r db.Reader, id ID) (Risk, error) {
	denials, err := db.Value[int64](ctx, r, sqlDenials, id)
	if err != nil {
		return Risk{}, err
	}
	sessions, err := db.Value[int64](ctx, r, sqlProbes, id, suspiciousForeign)
	return Risk{Denials: denials, Sessions: sessions}, err
}
