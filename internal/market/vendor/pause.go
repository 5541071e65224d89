package vendor

import (
	"context"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/message"
)

// Ground is why a vendor's selling rests although it broke nothing.
type Ground string

// The grounds. Each takes one flag, which also falls by itself: with a document that
// expires, or while no provider can pay.
const (
	OfDossier  Ground = "dossier"  // a document is missing, or does not say what it should
	OfMerchant Ground = "merchant" // the provider has closed or blocked the vendor's account
)

// Grounds lists them as a form offers them.
var Grounds = []Ground{OfDossier, OfMerchant}

// Pause is a rest of a vendor's selling by onboarding. It is no measure: nothing is
// held against the vendor, and it ends when what is missing is there.
type Pause struct {
	ID        string
	Vendor    ID
	Ground    Ground
	Reason    string
	PausedBy  string
	PausedAt  time.Time
	ResumedBy string
	ResumedAt time.Time // zero while it stands
}

// Rest lets a vendor's selling rest, because it cannot show what a seller must show
// or cannot be paid. The vendor is told what is missing.
func Rest(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, ground Ground, reason string) (err error) {
	defer fault.Wrap(&err, "vendor.Rest(%s, %s)", id, ground)
	v, err := judged(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return ErrRequired.In("reason")
	}
	if err := pausable(v, ground); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, insertPause, tx.ID("vps"), string(id), string(ground), reason, by.User, db.Micros(tx.Now()))
	if err := guarded(n, err); err != nil {
		return err
	}
	return paused(ctx, tx, by, v, ground, "paused", reason)
}

// Resume ends a rest: what was missing is there. It gives back nothing that a case
// has taken, nor a flag that fell by itself.
func Resume(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, ground Ground, reason string) (err error) {
	defer fault.Wrap(&err, "vendor.Resume(%s, %s)", id, ground)
	v, err := judged(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return ErrRequired.In("reason")
	}
	n, err := tx.Exec(ctx, endPause, by.User, db.Micros(tx.Now()), string(id), string(ground))
	if err := guarded(n, err); err != nil {
		return err
	}
	return paused(ctx, tx, by, v, ground, "resumed", reason)
}

// paused brings the flag of a ground in line, keeps what was done and tells the
// vendor.
func paused(ctx context.Context, tx *db.Tx, by audit.Actor, v Vendor, ground Ground, outcome, reason string) error {
	clause, refresh := "UA 2.1", refreshDossier
	if ground == OfMerchant {
		clause, refresh = "UA 3.1", refreshMerchant
	}
	if err := refresh(ctx, tx, v.ID); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "vendor." + outcome, Subjects: []string{string(v.ID)}, Clauses: []string{clause}, Data: map[string]any{"ground": string(ground)},
	}); err != nil {
		return err
	}
	params := map[string]string{"Ground": string(ground), "Outcome": outcome, "Reason": reason}
	if outcome == "paused" {
		params["Paused"] = "yes"
	}
	return message.Send(ctx, tx, message.Notice{Code: "V-02", To: v.Account, Link: "/vendor/profile", Params: params})
}

// refreshMerchant says anew whether a provider can pay the vendor.
func refreshMerchant(ctx context.Context, tx *db.Tx, id ID) error {
	merchants, err := Merchants(ctx, tx, id)
	if err != nil {
		return err
	}
	lost, err := rests(ctx, tx, id, OfMerchant)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, setMerchantReady, len(merchants) > 0 && !lost, string(id))
	return guarded(n, err)
}

// rests reports whether a vendor's selling rests on a ground.
func rests(ctx context.Context, r db.Reader, id ID, ground Ground) (bool, error) {
	all, err := Pauses(ctx, r, id)
	return slices.ContainsFunc(all, func(p Pause) bool { return p.Ground == ground && p.ResumedAt.IsZero() }), err
}

// Pauses are the rests of a vendor's selling, newest first.
func Pauses(ctx context.Context, r db.Reader, id ID) ([]Pause, error) {
	return db.All(ctx, r, scanPause, selectPauses, string(id))
}
