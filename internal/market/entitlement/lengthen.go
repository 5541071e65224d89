package entitlement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Lost is a time in which rights could not be used. Product or Order narrows it;
// both empty means every right.
type Lost struct {
	Cause    string // what took the time; a right gets it back once for one cause
	Product  string
	Order    string
	From, To time.Time
}

const lengthenPage = 100

// Lengthen gives running rights back what they lost of their term, a page of them
// after one. Next is the last one looked at, empty when there are no more. A right
// without an end loses nothing, and one that has ended meanwhile stays ended.
func Lengthen(ctx context.Context, tx *db.Tx, by audit.Actor, in Lost, after ID) (next ID, rights int64, err error) {
	defer fault.Wrap(&err, "entitlement.Lengthen(%s)", in.Cause)
	page, err := db.All(ctx, tx, scan, selectLosing, string(after), db.Micros(in.To), db.Micros(in.From), in.Product, in.Order, lengthenPage)
	if err != nil {
		return "", 0, err
	}
	for _, e := range page {
		back := lost(e, in.From, in.To)
		n, err := tx.Exec(ctx, insertExtension, string(e.ID), in.Cause, back.Microseconds(), db.Micros(tx.Now()))
		if err != nil {
			return "", 0, err
		}
		if n == 0 {
			continue // it has it already
		}
		longer := e
		longer.EndsAt = e.EndsAt.Add(back)
		n, err = tx.Exec(ctx, moveEnd, db.Micros(longer.EndsAt), string(e.ID), string(e.State), db.Micros(e.EndsAt))
		if err != nil {
			return "", 0, err
		}
		if n == 0 {
			return "", 0, ErrState
		}
		rights++
		if err := audit.Record(ctx, tx, by, audit.Entry{
			Act: "entitlement.lengthened", Subjects: []string{string(e.ID), e.Order, in.Cause}, Clauses: []string{"UA 7.3"},
			Data: map[string]any{"micros": back.Microseconds(), "ends_at": db.Micros(longer.EndsAt)},
		}); err != nil {
			return "", 0, err
		}
	}
	if len(page) == lengthenPage {
		next = page[lengthenPage-1].ID
	}
	return next, rights, nil
}
