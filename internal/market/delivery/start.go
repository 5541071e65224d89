package delivery

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
)

const (
	provisionJob = "delivery.provision"
	reportJob    = "delivery.report"
	destroyJob   = "delivery.destroy"
)

// Start begins the delivery of a right that was just paid for. Call it in the
// transaction that grants the right. A second start for the line returns the
// first delivery. It refuses nothing that a vendor got wrong: what cannot be
// delivered fails later and is refunded, because the money has been taken.
func Start(ctx context.Context, tx *db.Tx, by audit.Actor, in Request) (_ Delivery, err error) {
	defer fault.Wrap(&err, "delivery.Start(%s)", in.Line)
	var config catalog.Delivery
	if len(in.Config) > 0 {
		if err := json.Unmarshal(in.Config, &config); err != nil {
			return Delivery{}, ErrInvalid.In("config")
		}
	}
	d := Delivery{
		Action: Create, Entitlement: in.Entitlement, Order: in.Order, Line: in.Line, Account: in.Account, Vendor: in.Vendor,
		Product: in.Product, Plan: in.Plan, PlanCode: in.PlanCode, Name: in.Name, Dialect: in.Dialect, File: config.File,
		Quantity: in.Quantity, Term: in.Term, Test: in.Test, State: Pending,
	}
	if d.Dialect == "" {
		d.Dialect = config.Dialect
	}
	if d.Dialect == ManualService {
		d.State = Manual
	}
	if err := name(ctx, tx, &d); err != nil {
		return Delivery{}, err
	}
	return insert(ctx, tx, by, d, in.Fields)
}

// name fills what the order did not freeze from what is listed now.
func name(ctx context.Context, tx *db.Tx, d *Delivery) error {
	p, err := catalog.Get(ctx, tx, d.Product)
	if err != nil {
		return err
	}
	d.Slug = p.Slug
	if d.PlanCode == "" || d.Name == "" {
		offer, err := catalog.OfferOf(ctx, tx, catalog.PlanID(d.Plan))
		switch {
		case err == nil:
			d.PlanCode, d.Name = or(d.PlanCode, offer.Plan.Code), or(d.Name, offer.Version.Content.Name.ZH)
		case !errors.Is(err, catalog.ErrNotFound):
			return err
		}
	}
	d.PlanCode, d.Name = or(d.PlanCode, d.Plan), or(d.Name, p.Slug)
	return nil
}

func or(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// follow asks the vendor for a later action on what an earlier delivery made.
// Nothing follows a delivery that no vendor system made.
func follow(ctx context.Context, tx *db.Tx, by audit.Actor, e entitlement.ID, action Action) error {
	made, err := created(ctx, tx, e)
	if errors.Is(err, ErrNotFound) || err == nil && (made.Instance == "" || made.State != Delivered) {
		return nil
	}
	if err != nil {
		return err
	}
	next := made
	next.Action, next.State, next.Notes, next.Reason = action, Pending, "", ""
	_, err = insert(ctx, tx, by, next, nil)
	return err
}

// created returns the delivery that brought an entitlement into use.
func created(ctx context.Context, r db.Reader, e entitlement.ID) (Delivery, error) {
	all, err := db.All(ctx, r, scan(r), selectOfEntitlement, string(e))
	if err != nil {
		return Delivery{}, err
	}
	for _, d := range all {
		if d.Action == Create {
			return d, nil
		}
	}
	return Delivery{}, ErrNotFound
}

func insert(ctx context.Context, tx *db.Tx, by audit.Actor, d Delivery, fields map[string]string) (Delivery, error) {
	d.ID, d.CreatedAt = ID(tx.ID("dlv")), tx.Now()
	sealedFields, err := tx.Keys().SealJSON(fields, fieldsAt(d.ID))
	if err != nil {
		return Delivery{}, err
	}
	notes, err := tx.Keys().Seal("", notesAt(d.ID))
	if err != nil {
		return Delivery{}, err
	}
	fresh, err := tx.Exec(ctx, insertDelivery, string(d.ID), string(d.Action), string(d.Entitlement), d.Order, d.Line, string(d.Account),
		string(d.Vendor), string(d.Product), d.Plan, d.PlanCode, d.Slug, d.Name, d.Dialect, string(d.File), d.Quantity, d.Term.Unit, d.Term.Count,
		d.Test, sealedFields, string(d.State), d.Instance, d.Website, d.AdminURL, notes, db.Micros(d.CreatedAt))
	if err != nil {
		return Delivery{}, err
	}
	if fresh == 0 {
		return found(db.One(ctx, tx, scan(tx), selectOfLine, d.Line, string(d.Action)))
	}
	if d.State == Pending {
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: provisionJob, Object: string(d.ID), Unique: true}); err != nil {
			return Delivery{}, err
		}
	}
	return d, audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.started", Subjects: []string{string(d.ID), string(d.Entitlement), d.Order},
		Data: map[string]any{"action": d.Action, "dialect": d.Dialect, "test": d.Test},
	})
}

// number returns the number that dialects with integer product ids use. It is
// drawn at random, so that it says nothing about how many products there are,
// and small enough for every language's integers.
func number(ctx context.Context, tx *db.Tx, d Delivery) (int64, error) {
	for {
		n, err := db.Value[int64](ctx, tx, selectNumber, string(d.Product))
		if err == nil || !errors.Is(err, db.ErrNoRow) {
			return n, err
		}
		n, err = draw(tx.Rand(), 1<<31-1)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, insertNumber, string(d.Product), n+1); err != nil {
			return 0, err
		}
	}
}

// draw returns a random number from 0 up to and excluding a bound below 1<<62.
func draw(random io.Reader, bound int64) (int64, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b[:])>>2) % bound, nil
}
