package reconciliation

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// see records that something does not agree. Found again it is the same exception;
// when it was explained and has changed since, it is open again. A new or changed
// one is an alarm.
func see(ctx context.Context, tx *db.Tx, by audit.Actor, found Exception) error {
	known, err := db.One(ctx, tx, scanException, selectLive, string(found.Source), found.Object)
	switch {
	case errors.Is(err, db.ErrNoRow):
		found.ID = ExceptionID(tx.ID("exc"))
		if _, err := tx.Exec(ctx, insertException, string(found.ID), string(found.Source), found.Kind, found.Object, found.Day.String(),
			string(found.Ours.Currency), found.Ours.Minor, found.Theirs.Minor, found.Detail, db.Micros(tx.Now())); err != nil {
			return err
		}
		return alarm(ctx, tx, by, "reconciliation.exception.found", found)
	case err != nil:
		return err
	case !known.changes(found):
		_, err := tx.Exec(ctx, seeException, db.Micros(tx.Now()), string(known.ID))
		return err
	}
	found.ID = known.ID
	if _, err := tx.Exec(ctx, reopenException, found.Kind, string(found.Ours.Currency), found.Ours.Minor, found.Theirs.Minor, found.Detail,
		db.Micros(tx.Now()), string(known.ID)); err != nil {
		return err
	}
	return alarm(ctx, tx, by, "reconciliation.exception.changed", found)
}

// resolve ends an exception that is not found any more.
func resolve(ctx context.Context, tx *db.Tx, by audit.Actor, e Exception) error {
	if _, err := tx.Exec(ctx, resolveException, db.Micros(tx.Now()), string(e.ID)); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "reconciliation.exception.resolved", Subjects: []string{string(e.ID)}, Clauses: []string{"UA 3.1"}, Data: map[string]any{"kind": e.Kind, "object": e.Object},
	})
}

// settle sees all that a source found and resolves what it found before and not
// now.
func settle(ctx context.Context, tx *db.Tx, by audit.Actor, from Source, found []Exception) error {
	live, err := liveOf(ctx, tx, from)
	if err != nil {
		return err
	}
	for _, e := range found {
		delete(live, e.Object)
		if err := see(ctx, tx, by, e); err != nil {
			return err
		}
	}
	for _, object := range slices.Sorted(maps.Keys(live)) {
		if err := resolve(ctx, tx, by, live[object]); err != nil {
			return err
		}
	}
	return nil
}

// liveOf are the exceptions of a source that are not over, by what they are about.
func liveOf(ctx context.Context, r db.Reader, from Source) (map[string]Exception, error) {
	all, err := db.All(ctx, r, scanException, selectLiveOf, string(from))
	live := make(map[string]Exception, len(all))
	for _, e := range all {
		live[e.Object] = e
	}
	return live, err
}

// alarm pages finance: the desk shows it first, and the record says so for ever.
func alarm(ctx context.Context, tx *db.Tx, by audit.Actor, act string, e Exception) error {
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: []string{string(e.ID), e.Object}, Clauses: []string{"UA 3.1"},
		Data: map[string]any{"alarm": true, "source": e.Source, "kind": e.Kind, "object": e.Object, "ours": e.Ours, "theirs": e.Theirs},
	})
}

// Explain says why something does not agree, by a person of finance. It stays in
// sight until it is not found any more.
func Explain(ctx context.Context, tx *db.Tx, by audit.Actor, id ExceptionID, reason string) (err error) {
	defer fault.Wrap(&err, "reconciliation.Explain(%s)", id)
	if !by.Has(account.Finance) {
		return ErrForbidden
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return ErrRequired.In("reason")
	}
	if _, err := GetException(ctx, tx, id); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, explainException, reason, by.User, string(id))
	if err == nil && n == 0 {
		err = ErrState
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: "reconciliation.exception.explained", Subjects: []string{string(id)}, Clauses: []string{"UA 3.1"}})
}

func sortedKeys(m map[key]bool) []key {
	return slices.SortedFunc(maps.Keys(m), func(a, b key) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.object, b.object)) })
}

func sortedKeysOf(m map[money.Currency]int64) []money.Currency { return slices.Sorted(maps.Keys(m)) }
