package vendor

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Exit announces that the vendor leaves the market at end, at least the
// rulebook's notice ahead. Until then nothing new is sold, what was sold runs on,
// and at end the vendor is exited. The seller card stays readable. A vendor that
// refused a change of the rules leaves by those before it, where law says so.
func Exit(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, end time.Time) (_ Vendor, err error) {
	defer fault.Wrap(&err, "vendor.Exit(%s)", id)
	v, err := own(ctx, tx, by, id)
	if err != nil {
		return Vendor{}, err
	}
	notice, _, err := agreement.CitedFor[struct{ Days int }](ctx, tx, v.Account, "vendor_exit_notice")
	if err != nil {
		return Vendor{}, err
	}
	if err := noticed(tx.Now(), end, notice.Days); err != nil {
		return Vendor{}, err
	}
	switch v.State {
	case Onboarded, PublishLimited, ShopHidden, Suspended:
	default:
		return Vendor{}, ErrState
	}
	n, err := tx.Exec(ctx, exitVendor, string(Exiting), db.Micros(end), string(id), string(v.State))
	if err := guarded(n, err); err != nil {
		return Vendor{}, err
	}
	v.State, v.ExitAt = Exiting, end
	if err := changed(ctx, tx, id); err != nil {
		return Vendor{}, err
	}
	return v, job.Enqueue(ctx, tx, job.Spec{Kind: "vendor.exit", Object: string(id), Name: "end", At: end, Unique: true})
}

// leave ends an announced exit. A vendor that was expelled meanwhile stays so.
func leave(ctx context.Context, tx *db.Tx, id ID) (left bool, err error) {
	v, err := Get(ctx, tx, id)
	if err != nil || v.State != Exiting || v.ExitAt.After(tx.Now()) {
		return false, err
	}
	if err := move(ctx, tx, v, Exited); err != nil {
		return false, err
	}
	return true, audit.Record(ctx, tx, audit.Job("vendor.exit"), audit.Entry{
		Act: "vendor.exited", Subjects: []string{string(id)}, Clauses: []string{"UA 4.8"},
	})
}
