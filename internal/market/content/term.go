package content

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Term is one entry of the operator's own lexicon.
type Term struct {
	ID      string
	Term    string
	Act     Act
	Reason  string
	AddedBy string
	AddedAt time.Time
}

// AuditSubject names the term in records.
func (t Term) AuditSubject() string { return t.ID }

// AddTerm puts a term into the lexicon. Texts are screened with it from the next
// transaction on; what was published stays until somebody decides on it.
func AddTerm(ctx context.Context, tx *db.Tx, by audit.Actor, t Term) (_ Term, err error) {
	defer fault.Wrap(&err, "content.AddTerm")
	if !officer(by) {
		return Term{}, ErrForbidden
	}
	t.Term, t.Reason = strings.TrimSpace(t.Term), strings.TrimSpace(t.Reason)
	switch {
	case t.Term == "":
		return Term{}, ErrRequired.In("term")
	case len(t.Term) > 200:
		return Term{}, ErrInvalid.In("term")
	case t.Act != Hold && t.Act != Refuse:
		return Term{}, ErrInvalid.In("act")
	case t.Reason == "":
		return Term{}, ErrRequired.In("reason")
	case len(t.Reason) > longest:
		return Term{}, ErrInvalid.In("reason")
	}
	t.ID, t.AddedBy, t.AddedAt = tx.ID("trm"), by.User, tx.Now()
	n, err := tx.Exec(ctx, insertTerm, t.ID, t.Term, string(t.Act), t.Reason, t.AddedBy, db.Micros(t.AddedAt))
	if err != nil {
		return Term{}, err
	}
	if n == 0 {
		return Term{}, ErrKnownTerm.In("term")
	}
	return t, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.term.added", Subjects: []string{t.ID}, Clauses: []string{"UA 4.7.1"}, Data: map[string]any{"term_sha256": hashOf(t.Term), "act": t.Act, "reason": t.Reason},
	})
}

// RetireTerm takes a term out of the lexicon.
func RetireTerm(ctx context.Context, tx *db.Tx, by audit.Actor, id string) (err error) {
	defer fault.Wrap(&err, "content.RetireTerm(%s)", id)
	if !officer(by) {
		return ErrForbidden
	}
	n, err := tx.Exec(ctx, retireTerm, by.User, db.Micros(tx.Now()), id)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrState
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: "content.term.retired", Subjects: []string{id}, Clauses: []string{"UA 4.7.1"}})
}

// Terms lists the operator's own lexicon.
func Terms(ctx context.Context, r db.Reader) ([]Term, error) {
	return db.All(ctx, r, scanTerm, selectTerms)
}
