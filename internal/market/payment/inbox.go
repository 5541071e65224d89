package payment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// notice is what the job of a notice needs to know.
type notice struct {
	Gateway   string
	ObjectID  string
	Reference string
	Payee     string
	Kind      EventKind
}

var eventKinds = []EventKind{PaymentEvent, RefundEvent, SplitEvent, ReturnEvent, PayoutEvent, DisputeEvent}

// Notify keeps a notice that its gateway has verified and asks for the object to
// be read. Nothing is decided here, and the write may be [db.Guarded]: the same
// notice again changes nothing, by its unique key. The same id with other content
// is kept too; the job makes it an alarm.
func Notify(ctx context.Context, tx *db.Tx, gateway string, ev Event, body []byte) (err error) {
	defer fault.Wrap(&err, "payment.Notify(%s, %s)", gateway, ev.ID)
	if ev.ID == "" || ev.ObjectID == "" || !slices.Contains(eventKinds, ev.Kind) {
		return ErrNotice
	}
	sum := sha256.Sum256(body)
	id := tx.ID("evt")
	fresh, err := tx.Exec(ctx, insertEvent, id, gateway, ev.ID, hex.EncodeToString(sum[:]), string(ev.Kind), ev.ObjectID, ev.Reference,
		db.Micros(tx.Now()))
	if err != nil || fresh == 0 {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: EventJob, Object: id, Payload: notice{gateway, ev.ObjectID, ev.Reference, ev.Payee, ev.Kind}})
}

// alarm records something that a person must look at.
func alarm(ctx context.Context, tx *db.Tx, by audit.Actor, act string, subjects ...string) error {
	return audit.Record(ctx, tx, by, audit.Entry{Act: act, Subjects: subjects, Data: map[string]bool{"alarm": true}})
}
