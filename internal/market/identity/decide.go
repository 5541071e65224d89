package identity

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// Decide ends an open case. Approval moves the account to verified; either way
// its owner gets N-13. It refuses anybody but compliance, one's own account, a
// refusal without reason, and a case that was decided meanwhile (STALE).
func Decide(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, d Decision) (Case, error) {
	v, err := get(ctx, tx, id)
	if err != nil {
		return Case{}, err
	}
	if err := mayDecide(by, v.Account); err != nil {
		return Case{}, err
	}
	d.Reason = strings.TrimSpace(d.Reason)
	if !d.Approve && d.Reason == "" {
		return Case{}, ErrFieldRequired.In("reason")
	}
	return settle(ctx, tx, by, v.Case, d, time.Time{})
}

// settle is the one place where a case ends.
func settle(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, d Decision, validTo time.Time) (Case, error) {
	state := Failed
	if d.Approve {
		state = Verified
	}
	n, err := tx.Exec(ctx, sqlMove, state, d.Reason, string(by.Kind)+":"+by.User, db.Micros(tx.Now()), db.Micros(validTo), c.ID)
	if err != nil {
		return Case{}, err
	}
	if n == 0 {
		return Case{}, ErrDecided
	}
	if d.Approve {
		if err := account.MarkVerified(ctx, tx, c.Account); err != nil {
			return Case{}, err
		}
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "identity." + string(state), Subjects: []string{string(c.Account), string(c.ID)}, Clauses: []string{"UA 6.1"},
		Data: map[string]any{"checker": c.Checker},
	}); err != nil {
		return Case{}, err
	}
	notice := account.Notice{Code: "N-13", To: c.Account, Link: "/account/identity", Params: map[string]string{"DecidedAt": tx.Now().Format(time.RFC3339)}}
	if !d.Approve {
		notice.Params["Reason"] = d.Reason
	}
	if err := account.Notify(ctx, tx, notice); err != nil {
		return Case{}, err
	}
	v, err := get(ctx, tx, c.ID)
	return v.Case, err
}

// Reveal returns the plain fields of a case to a compliance officer and records
// that he looked and why.
func Reveal(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, reason string) (Fields, error) {
	v, err := get(ctx, tx, id)
	if err != nil {
		return Fields{}, err
	}
	if err := mayDecide(by, v.Account); err != nil {
		return Fields{}, err
	}
	if strings.TrimSpace(reason) == "" {
		return Fields{}, ErrFieldRequired.In("reason")
	}
	err = audit.Record(ctx, tx, by, audit.Entry{
		Act: "identity.revealed", Subjects: []string{string(v.Account), string(id)}, Clauses: []string{"UA 6.1"},
		// The reason is free text and may name a person; the record keeps that there is one and that it was not changed.
		Data: map[string]any{"reason_sha256": sum([]byte(reason))},
	})
	return v.plain, err
}
