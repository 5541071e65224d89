package delivery

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
)

// MarkDelivered records that people of the vendor have done the work, with a slip
// that says what was done. The buyer sees the slip; its hash is evidence.
func MarkDelivered(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, slip Slip) (_ Delivery, err error) {
	defer fault.Wrap(&err, "delivery.MarkDelivered(%s)", id)
	d, err := own(ctx, tx, by, id)
	if err != nil {
		return Delivery{}, err
	}
	slip.Text = strings.TrimSpace(slip.Text)
	switch {
	case slip.Text == "":
		return Delivery{}, ErrRequired.In("slip")
	case len(slip.Text) > maxSlip:
		return Delivery{}, ErrInvalid.In("slip")
	case d.State != Manual:
		return Delivery{}, ErrState
	}
	if err := content.Must(ctx, tx, by, content.Piece{Kind: content.Delivery, Ref: string(id), Field: "slip", Place: screen.Private, Text: slip.Text}); err != nil {
		return Delivery{}, err
	}
	sealed, err := tx.Keys().Seal(slip.Text, notesAt(d.ID))
	if err != nil {
		return Delivery{}, err
	}
	n, err := tx.Exec(ctx, markDone, db.Micros(tx.Now()), d.Instance, d.Website, d.AdminURL, sealed, string(d.ID), string(Manual))
	if err != nil {
		return Delivery{}, err
	}
	if n == 0 {
		return Delivery{}, ErrState
	}
	addReceipt(tx, by, d.ID, "slip", digest([]byte(slip.Text)))
	if _, err := entitlement.Activate(ctx, tx, by, d.Entitlement, tx.Now()); err != nil {
		return Delivery{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.delivered", Subjects: []string{string(d.ID), string(d.Entitlement), d.Order},
		Data: map[string]any{"action": d.Action, "dialect": d.Dialect, "sha256": digest([]byte(slip.Text))},
	}); err != nil {
		return Delivery{}, err
	}
	return reported(ctx, tx, d.ID)
}

// Decline records that the vendor will not do the work; the order is refunded.
func Decline(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (_ Delivery, err error) {
	defer fault.Wrap(&err, "delivery.Decline(%s)", id)
	d, err := own(ctx, tx, by, id)
	if err != nil {
		return Delivery{}, err
	}
	n, err := tx.Exec(ctx, markFailed, ReasonDeclined, string(d.ID))
	if err != nil {
		return Delivery{}, err
	}
	if n == 0 {
		return Delivery{}, ErrState
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.failed", Subjects: []string{string(d.ID), string(d.Entitlement), d.Order}, Data: map[string]any{"reason": ReasonDeclined},
	}); err != nil {
		return Delivery{}, err
	}
	return reported(ctx, tx, d.ID)
}

// Replay calls the vendor again now: a delivery that waits for its next attempt,
// or one that was delivered and that the vendor has lost. The call carries the
// same id, so a vendor that has acted gives the same answer. The vendor may, and
// the operator's support.
func Replay(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (_ Delivery, err error) {
	defer fault.Wrap(&err, "delivery.Replay(%s)", id)
	d, err := Get(ctx, tx, by, id)
	if err != nil {
		return Delivery{}, err
	}
	seller, err := vendor.Get(ctx, tx, d.Vendor)
	if err != nil {
		return Delivery{}, err
	}
	if err := mayReplay(by, seller, d); err != nil {
		return Delivery{}, err
	}
	if d.State == Failed {
		if _, err := tx.Exec(ctx, reopen, db.Micros(tx.Now()), string(d.ID)); err != nil {
			return Delivery{}, err
		}
	}
	if err := job.Cancel(ctx, tx, provisionJob, string(d.ID), "one"); err != nil {
		return Delivery{}, err
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: provisionJob, Object: string(d.ID), Payload: again{Replay: true}, Unique: true}); err != nil {
		return Delivery{}, err
	}
	return d, audit.Record(ctx, tx, by, audit.Entry{Act: "delivery.replayed", Subjects: []string{string(d.ID), d.Order}})
}

// own returns a delivery of the actor's own vendor.
func own(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (Delivery, error) {
	d, err := Get(ctx, tx, by, id)
	if err != nil {
		return Delivery{}, err
	}
	seller, err := vendor.Get(ctx, tx, d.Vendor)
	if err != nil {
		return Delivery{}, err
	}
	if !ofVendor(by, seller) {
		return Delivery{}, ErrForbidden
	}
	return d, nil
}

// reported asks the worker to tell the order, and returns the delivery as its
// vendor sees it.
func reported(ctx context.Context, tx *db.Tx, id ID) (Delivery, error) {
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: reportJob, Object: string(id), Unique: true}); err != nil {
		return Delivery{}, err
	}
	d, err := Read(ctx, tx, id)
	d.Account = ""
	return d, err
}
