package delivery

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Reveal opens the credentials of a delivery for the account that holds the
// right, and for nobody else. Each time leaves a record; the first time is the
// moment the buyer has received the product.
func Reveal(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (_ []Credential, err error) {
	defer fault.Wrap(&err, "delivery.Reveal(%s)", id)
	d, e, err := usable(ctx, tx, by, id)
	if err != nil {
		return nil, err
	}
	opened, err := credentials(ctx, tx, d.ID, true)
	if err != nil {
		return nil, err
	}
	if len(opened) == 0 {
		return nil, ErrNotFound
	}
	if err := received(ctx, tx, by, d.ID, "revealed", ""); err != nil {
		return nil, err
	}
	return opened, audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.credentials_revealed", Subjects: []string{string(d.ID), string(e.ID)}, Clauses: []string{"UA 4.3"},
		Data: map[string]int{"count": len(opened)},
	})
}

// Confirm records that the buyer says it has received the product.
func Confirm(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (_ Delivery, err error) {
	defer fault.Wrap(&err, "delivery.Confirm(%s)", id)
	d, _, err := usable(ctx, tx, by, id)
	if err != nil {
		return Delivery{}, err
	}
	if err := received(ctx, tx, by, d.ID, "confirmed", ""); err != nil {
		return Delivery{}, err
	}
	accepted, err := AcceptedAt(ctx, tx, d.Line)
	if err == nil && accepted.IsZero() { // it had been received before
		addReceipt(tx, by, d.ID, "confirmed", "")
	}
	if err != nil {
		return Delivery{}, err
	}
	return Read(ctx, tx, d.ID)
}

// AcceptedAt is when the buyer of an order line confirmed what was delivered; the
// zero time when it has not.
func AcceptedAt(ctx context.Context, r db.Reader, line string) (time.Time, error) {
	at, err := db.Value[int64](ctx, r, selectAccepted, line)
	return db.Time(at), err
}

// received records the first time that the buyer's side took the product. The
// risk of what was sold as data passes then, not when the vendor says it is done.
//
// Clause: ECL 20 (goods and services are delivered as agreed; the risk passes with the delivery to the buyer).
func received(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, event, sha256 string) error {
	n, err := tx.Exec(ctx, markReceived, db.Micros(tx.Now()), string(id))
	if err != nil || n == 0 {
		return err
	}
	addReceipt(tx, by, id, event, sha256)
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.received", Subjects: []string{string(id)}, Clauses: []string{"ECL 20"}, Data: map[string]string{"event": event},
	})
}

func addReceipt(tx *db.Tx, by audit.Actor, id ID, event, sha256 string) {
	tx.Queue(insertReceipt, tx.ID("rcp"), string(id), event, db.Micros(tx.Now()), by.User, sha256)
}

// keep stores the credentials of a delivery, sealed, in place of earlier ones. An
// answer without any leaves what there is.
func keep(tx *db.Tx, id ID, all []Credential) error {
	if len(all) == 0 {
		return nil
	}
	for i, c := range all {
		sealed, err := tx.Keys().Seal(c.Value, credentialAt(id))
		if err != nil {
			return err
		}
		tx.Queue(upsertCredential, string(id), i, c.Name, c.Secret, sealed)
	}
	tx.Queue(trimCredentials, string(id), len(all))
	return nil
}

// credentials lists what is stored; secret values only when open is set.
func credentials(ctx context.Context, r db.Reader, id ID, open bool) ([]Credential, error) {
	return db.All(ctx, r, func(s db.Scanner) (c Credential, err error) {
		var position int64
		var sealed []byte
		if err := s.Scan(&position, &c.Name, &c.Secret, &sealed); err != nil {
			return c, err
		}
		if open || !c.Secret {
			c.Value, err = r.Keys().Open(sealed, credentialAt(id))
		}
		return c, err
	}, selectCredentials, string(id))
}
