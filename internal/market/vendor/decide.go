package vendor

import (
	"context"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
)

// Take marks an application as under review, so that the applicant sees it.
func Take(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) error {
	v, err := judged(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if v.State != Applied {
		return ErrState
	}
	return move(ctx, tx, v, Reviewing)
}

// Decide verifies or refuses the newest profile. Verified, it becomes the seller
// card; a new vendor is onboarded by it. The vendor is told, with the reason.
func Decide(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, d Decision) (_ Vendor, err error) {
	defer fault.Wrap(&err, "vendor.Decide(%s)", id)
	v, err := judged(ctx, tx, by, id)
	if err != nil {
		return Vendor{}, err
	}
	if d.Reason = strings.TrimSpace(d.Reason); d.Reason == "" && !d.Approve {
		return Vendor{}, ErrRequired.In("reason")
	}
	number, err := db.Value[int64](ctx, tx, selectNewest, string(id))
	if err != nil {
		return Vendor{}, err
	}
	outcome := ProfileRejected
	if d.Approve {
		outcome = ProfileVerified
	}
	n, err := tx.Exec(ctx, decideProfile, outcome, db.Micros(tx.Now()), by.User, d.Reason, string(id), number)
	if err := guarded(n, err); err != nil {
		return Vendor{}, err
	}
	fresh := v.State == Applied || v.State == Reviewing
	if fresh && d.Approve {
		if err := operation.MustTakeNew(ctx, tx); err != nil { // 8.1
			return Vendor{}, err
		}
	}
	switch {
	case d.Approve:
		if fresh {
			v.State = Onboarded
		}
		if v.DossierOK, err = dossierValid(ctx, tx, id); err != nil {
			return Vendor{}, err
		}
		n, err = tx.Exec(ctx, verifyVendor, string(v.State), number, v.DossierOK, string(id), number)
		if err = guarded(n, err); err == nil {
			err = changed(ctx, tx, id)
		}
	case fresh:
		err = move(ctx, tx, v, Rejected)
		v.State = Rejected
	}
	if err != nil {
		return Vendor{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "vendor.profile_decided", Subjects: []string{string(id)}, Clauses: []string{"UA 2.2", "ECL 27"},
		Data: map[string]any{"profile": number, "outcome": outcome, "state": string(v.State)},
	}); err != nil {
		return Vendor{}, err
	}
	return v, notifyDecision(ctx, tx, v, outcome, d.Reason)
}

func notifyDecision(ctx context.Context, tx *db.Tx, v Vendor, outcome, reason string) error {
	return message.Send(ctx, tx, message.Notice{
		Code: "N-22", To: v.Account, Link: "/vendor/profile",
		Params: map[string]string{"Item": v.RegisteredName, "Decision": outcome, "Reasons": reason},
	})
}

// judged returns the vendor when the actor may decide about it: an officer, and
// not of the vendor's own account.
func judged(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Vendor, error) {
	if !officer(by) {
		return Vendor{}, ErrForbidden
	}
	v, err := Get(ctx, r, id)
	if err == nil && by.Account != "" && by.Account == string(v.Account) {
		return v, ErrOwnCase
	}
	return v, err
}

// dossierValid reports whether every document in the dossier is valid today or
// has been followed by one of its kind that is valid longer, and no officer misses
// one.
func dossierValid(ctx context.Context, r db.Reader, id ID) (bool, error) {
	if missed, err := rests(ctx, r, id, OfDossier); missed || err != nil {
		return false, err
	}
	expired, err := db.Value[int64](ctx, r, selectExpiredDocs, string(id), calendar.On(r.Now()).String())
	return expired == 0, err
}
