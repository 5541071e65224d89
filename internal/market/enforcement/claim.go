package enforcement

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

// claimMoves are the arrows of claims.
var claimMoves = map[ClaimState][]ClaimState{
	Asserted:     {Acknowledged, Disputed, Settled, Rejected, Withdrawn},
	Acknowledged: {Settled, Withdrawn},
	Disputed:     {Settled, Awarded, Rejected, Withdrawn},
	Awarded:      {Settled},
}

// ClaimMoves are the states that a claim may go to.
func ClaimMoves(from ClaimState) []ClaimState { return claimMoves[from] }

// mayClaim refuses a claim for a loss where no breach was decided, without an
// amount, or without evidence of it.
//
// Clause: UA 8.5 (who breaks the agreement makes good the losses of the operator and of others).
func mayClaim(c Case, in Claim) error {
	switch {
	case !c.State.Known() || c.State == Revoked:
		return ErrState.With("State", c.State)
	case !slices.Contains([]Claimant{OfOperator, OfVendor, OfThirdParty}, in.Claimant), in.Claimant == OfVendor && in.Vendor == "":
		return ErrInvalid.In("claimant")
	case in.Amount.Minor <= 0:
		return ErrInvalid.In("amount")
	case len(in.Evidence) == 0:
		return ErrNoEvidence.In("evidence")
	}
	return nil
}

// FileClaim records a claim for a loss from a breach, with the exhibits that show
// it. The market keeps it and moves no money.
func FileClaim(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, in Claim) (_ Claim, err error) {
	defer fault.Wrap(&err, "enforcement.FileClaim(%s)", id)
	if !decides(by) {
		return Claim{}, ErrForbidden
	}
	c, err := read(ctx, tx, id)
	if err != nil {
		return Claim{}, err
	}
	if err := mayClaim(c, in); err != nil {
		return Claim{}, err
	}
	if in.Name, err = words(in.Name, "name", in.Claimant == OfThirdParty); err != nil {
		return Claim{}, err
	}
	if in.Grounds, err = words(in.Grounds, "grounds", true); err != nil {
		return Claim{}, err
	}
	if in.Vendor != "" {
		if _, err := vendor.Get(ctx, tx, in.Vendor); err != nil {
			return Claim{}, err
		}
	}
	in.ID, in.Case, in.State, in.Version, in.By, in.At, in.MovedAt = tx.ID("lcl"), id, Asserted, 1, by.User, tx.Now(), tx.Now()
	in.Settled = money.Zero(in.Amount.Currency)
	s := sealer{tx: tx}
	name, grounds, note := s.seal(in.Name, claimAt("name", in.ID)), s.seal(in.Grounds, claimAt("grounds", in.ID)), s.seal("", claimAt("note", in.ID))
	if s.err != nil {
		return Claim{}, s.err
	}
	if _, err := tx.Exec(ctx, insertClaim, in.ID, string(id), string(in.Claimant), string(in.Vendor), name, string(in.Amount.Currency), in.Amount.Minor, grounds, note, in.By,
		db.Micros(in.At)); err != nil {
		return Claim{}, err
	}
	for _, exhibit := range in.Evidence {
		of, err := found(db.Value[ID](ctx, tx, selectExhibit, exhibit))
		if err != nil {
			return Claim{}, err
		}
		if of != id {
			return Claim{}, ErrInvalid.In("evidence")
		}
		if _, err := tx.Exec(ctx, insertProof, in.ID, exhibit); err != nil {
			return Claim{}, err
		}
	}
	if err := recordClaim(ctx, tx, by, c, in); err != nil {
		return Claim{}, err
	}
	return in, message.Send(ctx, tx, message.Notice{
		Code: "M-04", To: c.Subject, Link: PathOf(c), Params: map[string]string{"Case": string(c.ID), "Amount": in.Amount.Format("zh"), "Grounds": in.Grounds},
	})
}

// MoveClaim records what became of a claim: settled is what was agreed or awarded.
func MoveClaim(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, to ClaimState, settled money.Amount, why string) (_ Claim, err error) {
	defer fault.Wrap(&err, "enforcement.MoveClaim(%s, %s)", id, to)
	if !decides(by) {
		return Claim{}, ErrForbidden
	}
	q, err := found(db.One(ctx, tx, scanClaim(tx), selectClaim, id))
	if err != nil {
		return Claim{}, err
	}
	if q.Note, err = words(why, "reason", true); err != nil {
		return Claim{}, err
	}
	switch {
	case q.Version != seen:
		return Claim{}, ErrStale
	case !slices.Contains(claimMoves[q.State], to):
		return Claim{}, ErrState.With("State", q.State)
	case settled.Minor < 0 || settled.Minor > q.Amount.Minor, (to == Settled || to == Awarded) != (settled.Minor > 0),
		settled.Minor > 0 && settled.Currency != q.Amount.Currency:
		return Claim{}, ErrInvalid.In("amount")
	}
	if settled.Minor > 0 {
		q.Settled = settled
	}
	q.State, q.MovedAt = to, tx.Now()
	note, err := tx.Keys().Seal(q.Note, claimAt("note", q.ID))
	if err != nil {
		return Claim{}, err
	}
	n, err := tx.Exec(ctx, moveClaim, string(q.State), q.Settled.Minor, note, db.Micros(q.MovedAt), q.ID, q.Version)
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return Claim{}, err
	}
	q.Version++
	c, err := read(ctx, tx, q.Case)
	if err != nil {
		return Claim{}, err
	}
	return q, recordClaim(ctx, tx, by, c, q)
}

func recordClaim(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, q Claim) error {
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.claim_" + string(q.State), Subjects: []string{q.ID, string(c.ID), string(c.Subject), string(q.Vendor)}, Clauses: []string{"UA 8.5"},
		Data: map[string]any{"claimant": q.Claimant, "amount": q.Amount, "settled": q.Settled},
	})
}

// ClaimsOf are the claims of a case, for officers and for whom they are against.
func ClaimsOf(ctx context.Context, r db.Reader, id ID) ([]Claim, error) {
	all, err := db.All(ctx, r, scanClaim(r), selectClaims, string(id))
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Evidence, err = db.All(ctx, r, db.Column[string], selectProofs, all[i].ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}
