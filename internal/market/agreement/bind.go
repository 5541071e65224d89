package agreement

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// MayGoOn reports whether [GoOn] would record something: the cheap question that
// every page asks.
func MayGoOn(ctx context.Context, r db.Reader, by audit.Actor) (bool, error) {
	s, _, err := Status(ctx, r, account.ID(by.Account))
	if err != nil || s != None {
		return false, err
	}
	last, err := db.Value[string](ctx, r, sqlLastBundle, by.Account)
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return false, err
	}
	return goesOn(by, last != "", false), nil
}

// Offered returns the bundle that an account is bound by because it went on after
// a change, and since when: what its pages tell it, until it says yes or no.
func Offered(ctx context.Context, r db.Reader, id account.ID) (b Bundle, since time.Time, offered bool, err error) {
	s, since, err := Status(ctx, r, id)
	if err != nil || s != Implied {
		return Bundle{}, time.Time{}, false, err
	}
	if b, err = Current(ctx, r); err != nil {
		return Bundle{}, time.Time{}, false, err
	}
	_, err = db.Value[string](ctx, r, sqlOtherBundle, id, b.Hash)
	if errors.Is(err, db.ErrNoRow) {
		return Bundle{}, time.Time{}, false, nil // its first acceptance, by use of what it was shown
	}
	return b, since, err == nil, err
}

// GoOn records that an account that was bound before a switch goes on using the
// market after it: one acceptance by use of the bundle now in force, together with
// the banner or header that told it so. It records at most once per account and
// bundle, nothing after an acceptance of any kind, and nothing for who was never
// bound or refuses the change.
func GoOn(ctx context.Context, tx *db.Tx, by audit.Actor, on Channel, in Acceptance) (recorded bool, err error) {
	b, err := Current(ctx, tx)
	if err != nil || by.Account == "" {
		return false, err
	}
	if s, _, err := Status(ctx, tx, account.ID(by.Account)); err != nil || s != None {
		return false, err
	}
	last, err := db.Value[string](ctx, tx, sqlLastBundle, by.Account)
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return false, err
	}
	if !goesOn(by, last != "", false) {
		return false, nil
	}
	in.Method, in.Document = Use, ""
	recorded, _, err = insert(ctx, tx, by, b, in, tx.Now())
	if err != nil || !recorded {
		return false, err
	}
	return true, displayed(ctx, tx, by, b, in.Locale, on)
}

// Refusal is an account's no to a version. It counts from the moment at which the
// version would bind, until the account accepts or takes it back.
type Refusal struct {
	ID          string
	Version     string
	Code        string
	Number      int64
	User        account.UserID
	At          time.Time
	EndedAt     time.Time
	EffectiveAt time.Time // of the version
}

// Refuse records that an account does not accept a published version. Until the
// version takes effect nothing changes; afterwards the account may look, export,
// complain, be paid and leave, a vendor under the terms before where law says so.
// It refuses anybody but the owner, NOT_FOUND for what is not published,
// FIELD_INVALID for the privacy notice, which binds nobody, and ALREADY_ACCEPTED
// for what was accepted explicitly: who changes his mind then closes the account.
func Refuse(ctx context.Context, tx *db.Tx, by audit.Actor, code string, number int64) error {
	if err := mayAccept(by); err != nil {
		return err
	}
	v, err := ReadDocument(ctx, tx, code, max(number, 1))
	if err != nil {
		return err
	}
	switch {
	case v.Kind == KindPrivacy:
		return ErrInvalid.In("document")
	case v.State(tx.Now()) == Superseded:
		return ErrStale
	case v.State(tx.Now()) == Effective:
		s, _, err := Status(ctx, tx, account.ID(by.Account))
		if err != nil {
			return err
		}
		if s == Accepted {
			return ErrBound
		}
	}
	n, err := tx.Exec(ctx, sqlInsertRefusal, tx.ID("ref"), by.Account, v.ID, by.User, db.Micros(tx.Now()))
	if err != nil || n == 0 {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.refused", Subjects: []string{by.Account, v.ID}, Clauses: []string{"UA 5.3"},
		Data: map[string]any{"code": v.Code, "number": v.Number, "effective_at": db.Micros(v.EffectiveAt)},
	})
}

// TakeBack ends an account's refusals. What takes effect later then binds by use
// like for everybody else.
func TakeBack(ctx context.Context, tx *db.Tx, by audit.Actor) error {
	if err := mayAccept(by); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, sqlEndRefusals, db.Micros(tx.Now()), by.Account)
	if err != nil || n == 0 {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: "agreement.refusal_taken_back", Subjects: []string{by.Account}, Clauses: []string{"UA 5.3"}})
}

// Refusals returns what an account refused, oldest first.
func Refusals(ctx context.Context, r db.Reader, id account.ID) ([]Refusal, error) {
	return db.All(ctx, r, scanRefusal, sqlRefusals, id)
}

// refusedSince is when the first change took effect that an account refuses; zero:
// it refuses none that is in force.
func refusedSince(ctx context.Context, r db.Reader, id account.ID) (time.Time, error) {
	at, err := db.Value[int64](ctx, r, sqlRefusedSince, id, db.Micros(r.Now()))
	return db.Time(at), err
}

// Bound is the moment whose rules bind an account: now, or just before the first
// change that it refused, where the law of that time lets it leave under them.
func Bound(ctx context.Context, r db.Reader, id account.ID) (time.Time, error) {
	refused, err := refusedSince(ctx, r, id)
	if err != nil || refused.IsZero() {
		return r.Now(), err
	}
	before, err := db.One(ctx, r, scanSource, sqlGetInForce, UserAgreement, db.Micros(refused.Add(-time.Microsecond)))
	if errors.Is(err, db.ErrNoRow) {
		return r.Now(), nil // there was nothing before
	}
	if err != nil {
		return time.Time{}, err
	}
	return rulesFor(LawOf(lawFloor(before)), refused, r.Now()), nil
}

// Consented reports whether an account's acceptance of the bundle in force stands
// for its consent to what the privacy notice says, which only the bare agreement
// holds: by law a consent is an act of its own, kept by package privacy.
func Consented(ctx context.Context, r db.Reader, id account.ID) (bool, error) {
	law, err := LawInForce(ctx, r)
	if err != nil {
		return false, err
	}
	b, err := Current(ctx, r)
	if err != nil {
		return false, err
	}
	records, err := recordsOf(ctx, r, id, b.Hash)
	for _, v := range records {
		if consents(law, v.Method) {
			return true, err
		}
	}
	return false, err
}
