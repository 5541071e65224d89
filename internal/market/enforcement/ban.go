package enforcement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/job"
)

// Ban is that somebody whose agreement was ended for a breach does not come back.
// It holds keyed hashes of what the person showed, and nothing else; they are kept
// when the account's data is erased, because the law bids to stop fraud by those
// who register again.
type Ban struct {
	ID       string
	Account  account.ID
	Case     ID
	Clause   string
	Since    time.Time
	Until    time.Time // zero: permanent
	LiftedAt time.Time
	Marks    []account.MarkKind // kinds only
}

// Strength is how sure a link makes that two accounts are one person.
type Strength string

// The strengths.
const (
	Weak   Strength = "weak"   // others may share it: a telephone, a browser, a mailbox, a representative
	Strong Strength = "strong" // the same identity, or the same account at a bank
)

// strength is how sure one kind of mark makes.
func strength(k account.MarkKind) Strength {
	switch k {
	case account.ByIDNumber, account.ByUSCC, account.ByBankAccount:
		return Strong
	}
	return Weak
}

// consequence is what follows from a mark that matches a ban.
type consequence string

const (
	refuses  consequence = "refuse"
	suspends consequence = "suspend"
	asks     consequence = "review"
)

// follows says what a match leads to. The same identity is refused where it is
// shown; another strong link stops the account until a person has looked; a weak
// one only asks a person. Nothing here ends an agreement.
//
// Clause: UA 8.3 (who was terminated for a breach does not register again, directly, indirectly or in another's name; the new account may be suspended).
func follows(k account.MarkKind, at account.Occasion) consequence {
	switch {
	case (k == account.ByIDNumber || k == account.ByUSCC) && at == account.AtRealName:
		return refuses
	case strength(k) == Strong:
		return suspends
	}
	return asks
}

// nightlyJob looks for links that no occasion has shown.
const nightlyJob = "enforcement.links"

// nightHour is when, after midnight.
const nightHour = 3 * time.Hour

// Banish keeps the marks of an account whose agreement has ended by a case, so that
// the person is known again. It is the Terminated of [Rules].
func Banish(ctx context.Context, tx *db.Tx, by audit.Actor, c Case) (err error) {
	defer fault.Wrap(&err, "enforcement.Banish(%s)", c.ID)
	marks, err := marksOf(ctx, tx, c.Subject)
	if err != nil {
		return err
	}
	b := Ban{ID: tx.ID("ban"), Account: c.Subject, Case: c.ID, Clause: c.Violation, Since: tx.Now()}
	n, err := tx.Exec(ctx, insertBan, b.ID, string(b.Account), string(b.Case), b.Clause, db.Micros(b.Since))
	if err != nil || n == 0 {
		return err // the case has banned already
	}
	kinds := map[account.MarkKind]bool{}
	for _, m := range marks {
		kinds[m.Kind] = true
		if _, err := tx.Exec(ctx, insertBanMark, b.ID, string(m.Kind), m.Hash); err != nil {
			return err
		}
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.banned", Subjects: []string{b.ID, string(c.Subject), string(c.ID)}, Clauses: []string{"UA 8.3"},
		Data: map[string]any{"kinds": keysOf(kinds), "marks": len(marks)},
	}); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: nightlyJob, Object: "market", At: tonight(tx.Now()), Unique: true})
}

// marksOf is everything by which an account is known: what it has shown so far,
// and what is kept about it.
func marksOf(ctx context.Context, r db.Reader, of account.ID) ([]account.Mark, error) {
	shown, err := db.All(ctx, r, scanMark, selectMarks, string(of))
	if err != nil {
		return nil, err
	}
	people, err := account.MarksOf(ctx, r, of)
	if err != nil {
		return nil, err
	}
	verified, err := identity.MarksOf(ctx, r, of)
	if err != nil {
		return nil, err
	}
	seen := map[account.Mark]bool{}
	var out []account.Mark
	for _, some := range [][]account.Mark{shown, people, verified} {
		for _, m := range some {
			if !seen[m] {
				seen[m] = true
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// Pardon lifts every ban of an account that came back. It is the Reinstated of
// [Rules].
func Pardon(ctx context.Context, tx *db.Tx, by audit.Actor, c Case) (err error) {
	defer fault.Wrap(&err, "enforcement.Pardon(%s)", c.ID)
	n, err := tx.Exec(ctx, liftBans, db.Micros(tx.Now()), by.User, string(c.Subject))
	if err != nil || n == 0 {
		return err
	}
	if err := freeAll(ctx, tx, by, c.Subject); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.ban_lifted", Subjects: []string{string(c.Subject), string(c.ID)}, Clauses: []string{"UA 8.3"}, Data: map[string]any{"bans": n},
	})
}

// Bans lists the bans in force, newest first.
func Bans(ctx context.Context, r db.Reader, by audit.Actor, before string, n int) ([]Ban, error) {
	if !looks(by) {
		return nil, ErrForbidden
	}
	if before == "" {
		before = "~"
	}
	all, err := db.All(ctx, r, scanBan, selectBans, before, n)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Marks, err = db.All(ctx, r, db.Column[account.MarkKind], selectBanKinds, all[i].ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}
