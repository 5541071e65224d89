package delivery

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
)

// reader says who looks at a delivery.
type reader int

const (
	nobody reader = iota
	holder
	seller
	staff
)

// Get returns a delivery to its account, its vendor or the operator's staff; for
// everybody else it does not exist ([account.ErrForeign]). A vendor is not told
// the account, only its pseudonym goes out with a call.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Delivery, error) {
	d, _, err := look(ctx, r, by, id)
	return d, err
}

func look(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Delivery, reader, error) {
	d, err := Read(ctx, r, id)
	if err != nil {
		return Delivery{}, nobody, err
	}
	switch {
	case by.Account != "" && by.Account == string(d.Account):
		return d, holder, nil
	case entitlement.Staff(by):
		return d, staff, nil
	}
	v, err := vendor.Get(ctx, r, d.Vendor)
	if err != nil {
		return Delivery{}, nobody, err
	}
	if by.Account != "" && by.Account == string(v.Account) {
		d.Account = ""
		return d, seller, nil
	}
	return Delivery{}, nobody, account.ErrForeign
}

// OfEntitlement returns the deliveries of a right, oldest first, to those who may
// see the right.
func OfEntitlement(ctx context.Context, r db.Reader, by audit.Actor, e entitlement.ID) ([]Delivery, error) {
	right, err := entitlement.Get(ctx, r, by, e)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, r, scan(r), selectOfEntitlement, string(e))
	for i := range all {
		all[i].Account = right.Account
	}
	return all, err
}

// OfOrder returns the deliveries of an order, whoever asks.
func OfOrder(ctx context.Context, r db.Reader, order string) ([]Delivery, error) {
	return db.All(ctx, r, scan(r), selectOfOrder, order)
}

// OfVendor returns deliveries of a vendor in one state after an id, without their
// accounts, at most limit.
func OfVendor(ctx context.Context, r db.Reader, v vendor.ID, state State, after ID, limit int) ([]Delivery, error) {
	all, err := db.All(ctx, r, scan(r), selectOfVendor, string(v), string(state), string(after), limit)
	for i := range all {
		all[i].Account = ""
	}
	return all, err
}

// In returns deliveries of all vendors in one state after an id, for the
// operator's desk, at most limit.
func In(ctx context.Context, r db.Reader, state State, after ID, limit int) ([]Delivery, error) {
	return db.All(ctx, r, scan(r), selectInState, string(state), string(after), limit)
}

// Log returns the attempts of a delivery, oldest first. The vendor and the
// operator's staff see the bodies, masked; the buyer sees when and with what
// outcome.
func Log(ctx context.Context, r db.Reader, by audit.Actor, id ID) ([]Attempt, error) {
	_, who, err := look(ctx, r, by, id)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, r, func(s db.Scanner) (a Attempt, err error) {
		var at, duration int64
		var request, response []byte
		if err := s.Scan(&a.ID, &a.Delivery, &a.Number, &a.Dialect, &a.Action, &at, &duration, &a.Status, &a.RequestID, &a.Outcome, &a.Error,
			&request, &response); err != nil {
			return a, err
		}
		a.At, a.Duration = db.Time(at), time.Duration(duration)*time.Microsecond
		if who == holder {
			return a, nil
		}
		if a.Request, err = r.Keys().Open(request, bodyAt(id)); err != nil {
			return a, err
		}
		if a.Response, err = r.Keys().Open(response, bodyAt(id)); err != nil {
			return a, err
		}
		a.Request, a.Response = masked(a.Request), masked(a.Response)
		return a, nil
	}, selectAttempts, string(id))
}

// Receipts returns what was handed over and taken, oldest first, to those who may
// see the delivery.
func Receipts(ctx context.Context, r db.Reader, by audit.Actor, id ID) ([]Receipt, error) {
	if _, _, err := look(ctx, r, by, id); err != nil {
		return nil, err
	}
	return db.All(ctx, r, func(s db.Scanner) (p Receipt, err error) {
		var at int64
		err = s.Scan(&p.Delivery, &p.Event, &at, &p.By, &p.SHA256)
		p.At = db.Time(at)
		return p, err
	}, selectReceipts, string(id))
}

// Credentials lists what a buyer needs to use the product, without the values of
// secret ones ([Reveal] opens those). Only the holder sees any.
func Credentials(ctx context.Context, r db.Reader, by audit.Actor, id ID) ([]Credential, error) {
	d, who, err := look(ctx, r, by, id)
	if err != nil {
		return nil, err
	}
	if who != holder {
		return nil, ErrForbidden
	}
	return credentials(ctx, r, d.ID, false)
}
