package agreement

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// Audience is whom a clause may be out of force for.
type Audience string

// The audiences.
const (
	Everybody  Audience = ""
	Consumers  Audience = "consumer"
	Businesses Audience = "business"
	Vendors    Audience = "vendor"
)

// Disabled says that a clause is out of force: for everybody or an audience, under
// every law or one. The text keeps the clause, struck, with the reason.
type Disabled struct {
	ID           string
	Code         string // of the document
	Clause       string // "8.4", "refund-2"
	Jurisdiction string // "": whatever law stands
	Audience     Audience
	Reason       Both
	By           account.UserID
	Since        time.Time
	EndedBy      account.UserID
	EndReason    string
	EndedAt      time.Time // zero: still out of force
}

func (d Disabled) stands(at time.Time) bool {
	return !d.Since.After(at) && (d.EndedAt.IsZero() || at.Before(d.EndedAt))
}

// Disable takes one clause out of force from now on; the rest stands. It refuses
// anybody but compliance, a clause that the version in force does not have, a
// missing reason, and STALE when the same is out of force already.
func Disable(ctx context.Context, tx *db.Tx, by audit.Actor, d Disabled) (Disabled, error) {
	if err := mayDraft(by); err != nil {
		return Disabled{}, err
	}
	d.Reason = Both{strings.TrimSpace(d.Reason.ZH), strings.TrimSpace(d.Reason.EN)}
	switch {
	case d.Reason.ZH == "":
		return Disabled{}, ErrRequired.In("reason_zh")
	case d.Reason.EN == "":
		return Disabled{}, ErrRequired.In("reason_en")
	case !slices.Contains([]Audience{Everybody, Consumers, Businesses, Vendors}, d.Audience):
		return Disabled{}, ErrInvalid.In("audience")
	case d.Jurisdiction != "" && !slices.Contains(Jurisdictions, d.Jurisdiction):
		return Disabled{}, ErrInvalid.In("jurisdiction")
	}
	v, err := ReadDocument(ctx, tx, d.Code, 0)
	if errors.Is(err, ErrNotFound) || err == nil && !v.has(d.Clause) {
		return Disabled{}, ErrInvalid.In("clause")
	}
	if err != nil {
		return Disabled{}, err
	}
	d.ID, d.By, d.Since = tx.ID("dis"), account.UserID(by.User), tx.Now()
	n, err := tx.Exec(ctx, sqlInsertDisabled, d.ID, d.Code, d.Clause, d.Jurisdiction, string(d.Audience), d.Reason.ZH, d.Reason.EN, string(d.By), db.Micros(d.Since))
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return Disabled{}, err
	}
	return d, audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.clause_disabled", Subjects: []string{d.ID, v.ID}, Clauses: []string{"UA 9.6", clauseID(d.Code, d.Clause)},
		Data: map[string]any{"document": v.Ref(), "jurisdiction": d.Jurisdiction, "audience": string(d.Audience), "reason_zh": d.Reason.ZH, "reason_en": d.Reason.EN},
	})
}

// Enable puts a clause back into force. What was decided meanwhile stays.
func Enable(ctx context.Context, tx *db.Tx, by audit.Actor, id, reason string) error {
	if err := mayDraft(by); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return ErrRequired.In("reason")
	}
	d, err := db.One(ctx, tx, scanDisabled, sqlGetDisabled, id)
	if errors.Is(err, db.ErrNoRow) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, sqlEndDisabled, by.User, reason, db.Micros(tx.Now()), id)
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.clause_enabled", Subjects: []string{id}, Clauses: []string{"UA 9.6", clauseID(d.Code, d.Clause)},
		Data: map[string]any{"reason": reason},
	})
}

// AllDisabled lists what is or was out of force, newest first.
func AllDisabled(ctx context.Context, r db.Reader) ([]Disabled, error) {
	return db.All(ctx, r, scanDisabled, sqlAllDisabled)
}

// DisabledOf lists what is or was out of force in one document, newest first.
func DisabledOf(ctx context.Context, r db.Reader, code string) ([]Disabled, error) {
	return db.All(ctx, r, scanDisabled, sqlDisabledOf, code)
}

// InForce refuses CLAUSE_DISABLED for a clause ("UA 8.4", "RB refund-2") that is
// out of force for somebody under the law that stands. The engine that would apply
// the clause skips it then, and nothing else.
func InForce(ctx context.Context, r db.Reader, clause string, who Audience) error {
	return inForceAt(ctx, r, clause, who, r.Now())
}

func inForceAt(ctx context.Context, r db.Reader, clause string, who Audience, at time.Time) error {
	code, id, ok := split(clause)
	if !ok {
		return nil // an article of a law is nobody's to disable
	}
	all, err := DisabledOf(ctx, r, code)
	if err != nil || len(all) == 0 {
		return err
	}
	law, err := db.One(ctx, r, scanSource, sqlGetInForce, UserAgreement, db.Micros(at))
	if err != nil {
		return err
	}
	if _, out := outOfForce(all, code, id, lawFloor(law), who, at); out {
		return ErrDisabled.With("Clause", clause)
	}
	return nil
}

// CiteClause returns the version that a decision made at a moment rests on when it
// cites a clause of ours: the one in force then. It refuses RULE_NOT_IN_FORCE for a
// clause that no such version has, and CLAUSE_DISABLED for one that is out of force
// for who is decided about. For an article of a law it returns the zero Version.
func CiteClause(ctx context.Context, r db.Reader, clause string, who Audience, at time.Time) (Version, error) {
	code, id, ok := split(clause)
	if !ok {
		return Version{}, nil
	}
	v, err := db.One(ctx, r, scanSource, sqlGetInForce, code, db.Micros(at))
	if errors.Is(err, db.ErrNoRow) || err == nil && !v.has(id) {
		return Version{}, ErrNotInForce.With("Clause", clause)
	}
	if err != nil {
		return Version{}, err
	}
	return v, inForceAt(ctx, r, clause, who, at)
}

// has reports whether a version that was read with its text has a clause.
func (v Version) has(clause string) bool {
	return slices.ContainsFunc(v.Clauses, func(c Clause) bool { return c.ID == clause })
}

// split takes a citation of ours apart: "UA 8.4" is clause 8.4 of the user
// agreement, "RB refund-2" section refund-2 of the rulebook refund.
func split(clause string) (code, id string, ok bool) {
	source, id, _ := strings.Cut(clause, " ")
	switch source {
	case "UA":
		return UserAgreement, id, id != ""
	case "RB":
		i := strings.LastIndexByte(id, '-')
		if i <= 0 {
			return "", "", false
		}
		return id[:i], id, true
	}
	return "", "", false
}

// clauseID is the way back: the citation of a clause of a document.
func clauseID(code, id string) string {
	if code == UserAgreement {
		return "UA " + id
	}
	return "RB " + id
}
