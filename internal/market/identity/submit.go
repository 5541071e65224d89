package identity

import (
	"context"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// CheckJob is the kind of job that asks the checker about a case.
const CheckJob = "identity.check"

// Submit opens a verification case of the actor's account and queues its check.
// Only the account's owner may. It refuses CONSENT_REQUIRED, PROFILE_INVALID,
// REALNAME_MISMATCH and UNDER_AGE per field, IDENTITY_REUSED, and a second open
// case. A verified account may submit again when its data changed; the earlier
// verification holds until the new one is decided.
func Submit(ctx context.Context, tx *db.Tx, by audit.Actor, in Application) (Case, error) {
	if !by.Has(account.Owner) {
		return Case{}, ErrForbidden
	}
	if err := consented(in.Consent); err != nil {
		return Case{}, err
	}
	of, err := account.Get(ctx, tx, account.ID(by.Account))
	if err != nil {
		return Case{}, err
	}
	plain, err := judge(in, of.SubjectType, calendar.On(tx.Now()))
	if err != nil {
		return Case{}, err
	}
	if in.Screen != nil {
		if err := in.Screen(ctx, tx, of.ID, account.AtRealName, marks(tx.Keys(), in.IDKind, plain)); err != nil {
			return Case{}, err
		}
	}
	index := tx.Keys().Index(numberIndex, in.IDKind+":"+plain.Number)
	others, err := db.Value[int64](ctx, tx, sqlReuse, index, of.ID)
	if err != nil {
		return Case{}, err
	}
	if err := reusable(others, in.AccountsPerIdentity); err != nil {
		return Case{}, err
	}

	id := ID(tx.ID("idc"))
	sealed := sealedFields(&plain)
	for i, f := range sealed {
		if sealed[i].bytes, err = tx.Keys().Seal(*f.value, f.place(id)); err != nil {
			return Case{}, err
		}
	}
	now := db.Micros(tx.Now())
	n, err := tx.Exec(ctx, sqlInsert, id, of.ID, of.SubjectType, in.IDKind, sealed[0].bytes, sealed[1].bytes, index,
		sealed[2].bytes, sealed[3].bytes, sealed[4].bytes, sealed[5].bytes, now, by.User, now)
	if err != nil {
		return Case{}, err
	}
	if n == 0 {
		return Case{}, ErrOpenCase
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: CheckJob, Object: string(id), Unique: true}); err != nil {
		return Case{}, err
	}
	err = audit.Record(ctx, tx, by, audit.Entry{
		Act: "identity.submitted", Subjects: []string{string(of.ID), string(id)}, Clauses: []string{"UA 6.1", "PIPL 29"},
		Data: map[string]any{"id_kind": in.IDKind, "consent_at": now},
	})
	if err != nil {
		return Case{}, err
	}
	v, err := get(ctx, tx, id)
	return v.Case, err
}
