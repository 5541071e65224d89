package catalog

import (
	"context"
	"slices"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

// Delist announces that a product leaves the market and, when its time has come,
// takes it off at once. Every holder is told now, with the cause, the day, what
// still works and how to reach the vendor; who they are is kept with the event.
// Running rights stay usable unless the scope bars the use.
func Delist(ctx context.Context, tx *db.Tx, by audit.Actor, d Delisting, holders Holders) (err error) {
	defer fault.Wrap(&err, "catalog.Delist(%s)", d.Product)
	p, err := Get(ctx, tx, d.Product)
	if err != nil {
		return err
	}
	seller, err := vendor.Get(ctx, tx, p.Vendor)
	if err != nil {
		return err
	}
	if err := mayDelist(by, seller, d.Cause); err != nil {
		return err
	}
	if err := validDelisting(d, tx.Now()); err != nil {
		return err
	}
	if err := Grounded(d); err != nil {
		return err
	}
	if !ForBreach(d.Cause) {
		d.Case = "" // what rests on no case is undone by none
	}
	if p.State == ProductUseProhibited || p.Scope == d.Scope {
		return ErrStale
	}
	if err := why(ctx, tx, by, p.ID, by.Account == string(seller.Account), d.Reason); err != nil {
		return err
	}
	affected, err := holders(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	slices.Sort(affected)
	affected = slices.Compact(affected)
	if d.At.Before(tx.Now()) {
		d.At = tx.Now()
	}
	event := DelistingEvent{ID: tx.ID("dls"), Delisting: d, AnnouncedAt: tx.Now(), Affected: int64(len(affected))}
	if _, err := tx.Exec(ctx, insertDelisting, event.ID, string(p.ID), string(d.Cause), string(d.Scope), d.Reason, db.Micros(event.AnnouncedAt), db.Micros(d.At),
		event.Affected, d.Case, by.User); err != nil {
		return err
	}
	batch := tx.Batch()
	for _, a := range affected {
		batch.Add(insertHolder, event.ID, string(a))
	}
	if _, err := batch.Send(ctx); err != nil {
		return err
	}
	if err := tellHolders(ctx, tx, p, event, affected); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "product.delisting_announced", Subjects: []string{string(p.ID), event.ID}, Clauses: []string{"UA 4.8"},
		Data: map[string]any{"cause": string(d.Cause), "scope": string(d.Scope), "affected": event.Affected, "effective_at": db.Micros(d.At)},
	}); err != nil {
		return err
	}
	if d.At.After(tx.Now()) {
		return job.Enqueue(ctx, tx, job.Spec{Kind: "catalog.delist", Object: event.ID, Name: "apply", At: d.At, Unique: true})
	}
	return apply(ctx, tx, event)
}

// DelistAll delists every product of a vendor that has left or was expelled, as
// far as nothing stricter has done so. What is said of the delisting but the
// product counts for each; one with a case can be undone by [Relist].
func DelistAll(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, d Delisting, holders Holders) error {
	for after := ProductID(""); ; {
		products, err := OfVendor(ctx, tx, v, after, 500)
		if err != nil || len(products) == 0 {
			return err
		}
		for _, p := range products {
			after = p.ID
			if p.ListedVersion == "" || rank(p.Scope) >= rank(d.Scope) {
				continue
			}
			d.Product = p.ID
			if err := Delist(ctx, tx, by, d, holders); err != nil {
				return err
			}
		}
	}
}

// apply makes an announced delisting effective. One that a stricter delisting
// has overtaken changes nothing.
func apply(ctx context.Context, tx *db.Tx, e DelistingEvent) error {
	n, err := tx.Exec(ctx, applyDelisting, db.Micros(tx.Now()), e.ID)
	if err != nil || n == 0 {
		return err
	}
	p, err := Get(ctx, tx, e.Product)
	if err != nil {
		return err
	}
	if rank(p.Scope) >= rank(e.Scope) {
		return nil
	}
	return rescope(ctx, tx, p, e.Scope)
}

// rescope brings a product that was just read under a scope.
func rescope(ctx context.Context, tx *db.Tx, p Product, to Scope) error {
	all, err := Hidings(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	after := p
	after.Scope = to
	if err := move(ctx, tx, p, placed(after, all)); err != nil {
		return err
	}
	return changed(ctx, tx, p.ID)
}

// Relist undoes what cases delisted of a vendor, because its agreement goes on.
// Each product is again what its other delistings and its causes of hiding let it
// be: one whose licence ended meanwhile stays out of sight.
func Relist(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, caseID string) (err error) {
	defer fault.Wrap(&err, "catalog.Relist(%s)", v)
	if !officer(by) {
		return ErrForbidden
	}
	undone, err := db.All(ctx, tx, scanDelisting, selectUndoable, string(v))
	if err != nil {
		return err
	}
	for _, e := range undone {
		n, err := tx.Exec(ctx, undoDelisting, db.Micros(tx.Now()), e.ID)
		if err := guarded(n, err); err != nil {
			return err
		}
		p, err := Get(ctx, tx, e.Product)
		if err != nil {
			return err
		}
		if _, err := unlist(ctx, tx, p); err != nil {
			return err
		}
		all, err := Delistings(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if err := rescope(ctx, tx, p, strictest(all)); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, by, audit.Entry{
			Act: "product.relisted", Subjects: []string{string(p.ID), e.ID, caseID}, Clauses: []string{"UA 4.8", "UA 8.2.4"}, Data: map[string]any{"scope": string(strictest(all))},
		}); err != nil {
			return err
		}
	}
	return nil
}

// strictest is how far the delistings go that are in effect.
func strictest(all []DelistingEvent) (most Scope) {
	for _, e := range all {
		if !e.AppliedAt.IsZero() && e.UndoneAt.IsZero() && rank(e.Scope) > rank(most) {
			most = e.Scope
		}
	}
	return most
}

// rank orders scopes by how much they stop.
func rank(s Scope) int { return slices.Index([]Scope{"", NoNewSales, NoRenewal, UseProhibited}, s) }

func tellHolders(ctx context.Context, tx *db.Tx, p Product, e DelistingEvent, holders []account.ID) error {
	if len(holders) == 0 {
		return nil
	}
	v, err := GetVersion(ctx, tx, p.ListedVersion)
	if err != nil {
		return err
	}
	card, err := vendor.Card(ctx, tx, p.Vendor)
	if err != nil {
		return err
	}
	for _, h := range holders {
		if err := message.Send(ctx, tx, message.Notice{
			Code: "N-61", To: h, Link: "/p/" + p.Slug,
			Params: map[string]string{
				"ProductZH": v.Content.Name.In(text.ZH), "ProductEN": v.Content.Name.In(text.EN),
				"CauseZH": text.In(text.ZH, "catalog.cause."+string(e.Cause)), "CauseEN": text.In(text.EN, "catalog.cause."+string(e.Cause)), "Scope": string(e.Scope), "Date": calendar.On(e.At).String(),
				"Contact": card.RegisteredName + ", " + card.Contact.Phone + ", " + card.Contact.Email,
			},
		}); err != nil {
			return err
		}
	}
	return nil
}

// Delistings returns what was announced about a product, oldest first.
func Delistings(ctx context.Context, r db.Reader, p ProductID) ([]DelistingEvent, error) {
	return db.All(ctx, r, scanDelisting, selectDelistings, string(p))
}

// AffectedBy returns the accounts that held the product when the delisting was
// announced.
func AffectedBy(ctx context.Context, r db.Reader, delisting string) ([]account.ID, error) {
	return db.All(ctx, r, db.Column[account.ID], selectHolders, delisting)
}
