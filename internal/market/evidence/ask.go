package evidence

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// Ask has a pack made of an order for an addressee, by a job. The buyer's people
// and the vendor's ask for their own, the operator's staff for any. Who asks again
// while one is being made gets that one.
func Ask(ctx context.Context, tx *db.Tx, by audit.Actor, id order.ID, as Addressee, why Reason) (Pack, error) {
	p, err := begin(ctx, tx, by, id, as, why)
	if err != nil {
		return Pack{}, err
	}
	return p, job.Enqueue(ctx, tx, job.Spec{Kind: BuildJob, Object: string(p.ID), Unique: true})
}

// begin stores the wish, or finds the same one under way.
func begin(ctx context.Context, tx *db.Tx, by audit.Actor, id order.ID, as Addressee, why Reason) (Pack, error) {
	o, v, side, err := look(ctx, tx, by, id)
	if err != nil {
		return Pack{}, err
	}
	if err := mayMake(by, side, as, why); err != nil {
		return Pack{}, err
	}
	p := Pack{
		ID: ID(tx.ID("pck")), Order: o.ID, For: as, Account: ownerOf(o, v, as), AskedKind: by.Kind, AskedBy: by.User, Reason: why, State: Building,
		Total: 1, AskedAt: tx.Now(),
	}
	fresh, err := tx.Exec(ctx, insertPack, string(p.ID), string(p.Order), string(p.For), string(p.Account), string(p.AskedKind), p.AskedBy,
		string(p.Reason), p.Total, db.Micros(p.AskedAt))
	if err != nil {
		return Pack{}, err
	}
	if fresh == 0 {
		return db.One(ctx, tx, scan, selectBuilding, string(p.Order), string(p.For), string(p.Account))
	}
	return p, audit.Record(ctx, tx, by, audit.Entry{
		Act: "evidence.ask", Subjects: []string{string(o.ID), string(p.ID)}, Clauses: []string{"ECL 62"},
		Data: map[string]string{"addressee": string(as), "reason": string(why)},
	})
}

// ownerOf is the account whose people a pack is for.
func ownerOf(o order.Order, v vendor.Vendor, as Addressee) account.ID {
	switch as {
	case Buyer:
		return o.Account
	case Seller:
		return v.Account
	}
	return ""
}

// look finds the order and on which side of it the actor stands. For everybody
// else it does not exist.
func look(ctx context.Context, r db.Reader, by audit.Actor, id order.ID) (order.Order, vendor.Vendor, Addressee, error) {
	o, err := order.Any(ctx, r, id)
	if err != nil {
		return o, vendor.Vendor{}, "", err
	}
	v, err := vendor.Get(ctx, r, o.Vendor)
	if err != nil {
		return o, v, "", err
	}
	if by.Kind == audit.CLIKind {
		return o, v, Operator, nil
	}
	operator, err := account.OperatorID(ctx, r)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return o, v, "", err
	}
	switch by.Account {
	case "":
	case string(operator):
		return o, v, Operator, nil
	case string(v.Account):
		if by.Has(account.Owner) || by.Has(account.VendorManager) {
			return o, v, Seller, nil
		}
	}
	_, err = order.Get(ctx, r, by, id)
	return o, v, Buyer, err
}

// Of lists the packs of an order that the actor may take, newest first.
func Of(ctx context.Context, r db.Reader, by audit.Actor, id order.ID) ([]Pack, error) {
	o, v, side, err := look(ctx, r, by, id)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, r, scan, selectOfOrder, string(o.ID))
	if side == Operator || err != nil {
		return all, err
	}
	var mine []Pack
	for _, p := range all {
		if p.For == side && p.Account == ownerOf(o, v, side) {
			mine = append(mine, p)
		}
	}
	return mine, nil
}

// Get returns a pack to those who may take it.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Pack, error) {
	p, err := db.One(ctx, r, scan, selectPack, string(id))
	if errors.Is(err, db.ErrNoRow) {
		return Pack{}, ErrNotFound
	}
	if err != nil {
		return Pack{}, err
	}
	_, _, side, err := look(ctx, r, by, p.Order)
	if err != nil {
		return Pack{}, err
	}
	if side != Operator && side != p.For {
		return Pack{}, account.ErrForeign
	}
	return p, nil
}

// Take records that somebody is handed a pack, and refuses EVIDENCE_NOT_READY for
// one that is not there. [File] opens what the store has.
func Take(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (Pack, error) {
	p, err := Get(ctx, tx, by, id)
	if err != nil {
		return Pack{}, err
	}
	if p.State != Ready {
		return Pack{}, ErrNotReady
	}
	return p, audit.Record(ctx, tx, by, audit.Entry{
		Act: "evidence.take", Subjects: []string{string(p.Order), string(p.ID)}, Clauses: []string{"ECL 62"},
		Data: map[string]string{"sha256": p.SHA256, "addressee": string(p.For), "reason": string(p.Reason)},
	})
}

// File is a taken pack, from the sealed bytes of the store.
func File(r db.Reader, p Pack, stored []byte) ([]byte, error) {
	content, err := r.Keys().Open(stored, sealedAt(p.ID))
	return []byte(content), err
}

func sealedAt(id ID) string { return "evidence_pack.file/" + string(id) }
