package content

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// Open unseals an original for an officer who says why. The look is recorded.
func Open(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, reason string) (text string, err error) {
	defer fault.Wrap(&err, "content.Open(%s)", id)
	if reason, err = grounded(by, reason); err != nil {
		return "", err
	}
	i, err := read(ctx, tx, id)
	if err != nil {
		return "", err
	}
	if text, err = open(tx, i); err != nil {
		return "", err
	}
	return text, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.opened", Subjects: []string{string(id), i.Ref}, Clauses: []string{"UA 4.7.1"}, Data: map[string]any{"reason": reason, "sha256": i.SHA256},
	})
}

// open unseals an original and checks that it is what was taken away.
func open(r db.Reader, i Item) (string, error) {
	if !i.GoneAt.IsZero() {
		return "", ErrGone
	}
	text, err := r.Keys().Open(i.sealed, originalAt(i.ID))
	if err != nil {
		return "", err
	}
	if hashOf(text) != i.SHA256 {
		return "", ErrAltered
	}
	return text, nil
}

// Release publishes an original that was held, or puts one back that was blocked.
// What its readers see has the hash of what was sealed.
func (r Rules) Release(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, reason string) (_ Item, err error) {
	defer fault.Wrap(&err, "content.Release(%s)", id)
	if reason, err = grounded(by, reason); err != nil {
		return Item{}, err
	}
	i, err := read(ctx, tx, id)
	if err != nil {
		return Item{}, err
	}
	i.Reason = reason
	return r.restore(ctx, tx, by, i, seen)
}

// Unblock puts back what was blocked in a thing, after an appeal or when its case
// was lifted. It is NOT_FOUND where nothing is blocked.
func (r Rules) Unblock(ctx context.Context, tx *db.Tx, by audit.Actor, kind Kind, ref string, why Why) (_ Item, err error) {
	defer fault.Wrap(&err, "content.Unblock(%s %s)", kind, ref)
	i, err := kept(ctx, tx, kind, ref)
	if err != nil {
		return Item{}, err
	}
	if i.State != Blocked {
		return Item{}, ErrState
	}
	i.Reason = strings.TrimSpace(why.Reason)
	if why.Case != "" {
		i.Case = why.Case
	}
	return r.restore(ctx, tx, by, i, i.Version)
}

func (r Rules) restore(ctx context.Context, tx *db.Tx, by audit.Actor, i Item, seen int64) (Item, error) {
	if i.State != Held && i.State != Blocked {
		return i, ErrState
	}
	owner, ok := r.Owners[i.Kind]
	if !ok {
		return i, ErrInvalid.In("kind")
	}
	text, err := open(tx, i)
	if err != nil {
		return i, err
	}
	if err := move(ctx, tx, by, &i, seen, Released); err != nil {
		return i, err
	}
	if err := owner.Restore(ctx, tx, i.Ref, text); err != nil {
		return i, err
	}
	return i, tell(ctx, tx, owner, i, "K-02", nil)
}

// BlockHeld decides that a held original is never published.
func (r Rules) BlockHeld(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, why Why) (_ Item, err error) {
	defer fault.Wrap(&err, "content.BlockHeld(%s)", id)
	if !officer(by) {
		return Item{}, ErrForbidden
	}
	if why, err = complete(why); err != nil {
		return Item{}, err
	}
	i, err := read(ctx, tx, id)
	if err != nil {
		return Item{}, err
	}
	if i.State != Held {
		return i, ErrState
	}
	owner, ok := r.Owners[i.Kind]
	if !ok {
		return i, ErrInvalid.In("kind")
	}
	i.Clause, i.Reason, i.Case = why.Clause, why.Reason, why.Case
	if err := move(ctx, tx, by, &i, seen, Blocked); err != nil {
		return i, err
	}
	if err := owner.Take(ctx, tx, i.Ref, why); err != nil {
		return i, err
	}
	return i, tell(ctx, tx, owner, i, "K-01", map[string]string{"Clause": i.Clause, "Reason": i.Reason})
}

// Block takes a published text away: the original is sealed with its hash, and
// its readers see on which clause and why. The caller is a decision of the
// operator, such as a measure of a case; it has checked who may decide.
func (r Rules) Block(ctx context.Context, tx *db.Tx, by audit.Actor, kind Kind, ref string, why Why) (_ Item, err error) {
	defer fault.Wrap(&err, "content.Block(%s %s)", kind, ref)
	if why, err = complete(why); err != nil {
		return Item{}, err
	}
	owner, ok := r.Owners[kind]
	if !ok {
		return Item{}, ErrInvalid.In("kind")
	}
	old, err := kept(ctx, tx, kind, ref)
	if err == nil { // it waits for a decision, and this is one
		if old.State != Held {
			return old, ErrState
		}
		old.Clause, old.Reason, old.Case = why.Clause, why.Reason, why.Case
		if err := move(ctx, tx, by, &old, old.Version, Blocked); err != nil {
			return old, err
		}
		if err := owner.Take(ctx, tx, ref, why); err != nil {
			return old, err
		}
		return old, tell(ctx, tx, owner, old, "K-01", map[string]string{"Clause": why.Clause, "Reason": why.Reason})
	}
	if f, ok := fault.Of(err); !ok || f.Kind != fault.NotFound {
		return Item{}, err
	}
	o, err := owner.Read(ctx, tx, ref)
	if err != nil {
		return Item{}, err
	}
	i := Item{
		Kind: kind, Ref: ref, Account: o.Account, User: o.User, State: Blocked, SHA256: hashOf(o.Text), Clause: why.Clause, Case: why.Case, Reason: why.Reason,
	}
	if i.ID, err = keep(ctx, tx, by, i, o.Text); err != nil {
		return Item{}, err
	}
	if err := owner.Take(ctx, tx, ref, why); err != nil {
		return Item{}, err
	}
	if err := tell(ctx, tx, owner, i, "K-01", map[string]string{"Clause": why.Clause, "Reason": why.Reason}); err != nil {
		return Item{}, err
	}
	return read(ctx, tx, i.ID)
}

// Accuse opens a case about a held or blocked original.
func (r Rules) Accuse(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, clause, words string) (_ Item, err error) {
	defer fault.Wrap(&err, "content.Accuse(%s)", id)
	if words, err = grounded(by, words); err != nil {
		return Item{}, err
	}
	if clause = strings.TrimSpace(clause); clause == "" {
		return Item{}, ErrRequired.In("clause")
	}
	i, err := read(ctx, tx, id)
	if err != nil {
		return Item{}, err
	}
	if r.OpenCase == nil || i.Case != "" || i.Version != seen {
		return i, ErrState
	}
	if i.Case, err = r.OpenCase(ctx, tx, by, Accused{
		Kind: i.Kind, Ref: i.Ref, Account: i.Account, Clause: clause, SHA256: i.SHA256, Hits: i.Hits, Note: words, Source: string(i.ID),
	}); err != nil {
		return i, err
	}
	n, err := tx.Exec(ctx, caseItem, i.Case, string(i.ID), seen)
	if err != nil {
		return i, err
	}
	if n == 0 {
		return i, ErrState
	}
	i.Version++
	return i, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.accused", Subjects: []string{string(i.ID), i.Ref, i.Case}, Clauses: []string{clause}, Data: map[string]any{"sha256": i.SHA256},
	})
}

// move is the only change of an original's state; what it was seen at must still
// be so.
func move(ctx context.Context, tx *db.Tx, by audit.Actor, i *Item, seen int64, to State) error {
	n, err := tx.Exec(ctx, moveItem, string(to), i.Clause, i.Case, i.Reason, by.User, db.Micros(tx.Now()), string(i.ID), seen, string(i.State))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrState
	}
	i.State, i.Version, i.DecidedBy, i.DecidedAt = to, seen+1, by.User, tx.Now()
	subjects := []string{string(i.ID), i.Ref}
	if i.Case != "" {
		subjects = append(subjects, i.Case)
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "content." + string(to), Subjects: subjects, Clauses: []string{i.Clause}, Data: map[string]any{"sha256": i.SHA256, "reason": i.Reason, "kind": i.Kind},
	})
}

// tell sends the author of a thing what was decided on it.
func tell(ctx context.Context, tx *db.Tx, owner Owner, i Item, code string, params map[string]string) error {
	if i.Account == "" {
		return nil
	}
	o, err := owner.Read(ctx, tx, i.Ref)
	if err != nil {
		return err
	}
	if params == nil {
		params = map[string]string{}
	}
	params["Content"] = string(i.Kind)
	return account.Notify(ctx, tx, account.Notice{Code: code, To: i.Account, Link: o.Link, Params: params})
}
