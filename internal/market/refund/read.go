package refund

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// Get returns a request to the accounts that the actor acts for, to its vendor,
// who is not told the account, and to the operator's staff. For everybody else it
// does not exist.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Request, error) {
	q, err := read(ctx, r, id)
	if err != nil {
		return Request{}, err
	}
	side, err := sideOf(ctx, r, by, q.Account, q.Vendor)
	if err != nil {
		return Request{}, err
	}
	return seenBy(q, side), nil
}

func seenBy(q Request, side Side) Request {
	if side == Seller {
		q.Account, q.AskedBy = "", ""
	}
	return q
}

// Steps is the timeline of a request, oldest first, to those who may see it. The
// parties are not told which person of another side acted.
func Steps(ctx context.Context, r db.Reader, by audit.Actor, id ID) ([]Step, error) {
	q, err := read(ctx, r, id)
	if err != nil {
		return nil, err
	}
	side, err := sideOf(ctx, r, by, q.Account, q.Vendor)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, r, scanStep(r, id), selectSteps, string(id))
	for i := range all {
		if side != Staff && all[i].Side != side {
			all[i].Actor = ""
		}
	}
	return all, err
}

// OfOrder lists the requests of an order, newest first. The caller has seen to it
// that the actor may see the order.
func OfOrder(ctx context.Context, r db.Reader, id order.ID) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectOfOrder, string(id))
}

// Mine lists the requests of the actor's account, newest first, before the cursor.
func Mine(ctx context.Context, r db.Reader, by audit.Actor, before ID, n int) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectMine, by.Account, cursor(before), n)
}

// Due lists what a vendor has to answer, the most urgent first.
func Due(ctx context.Context, r db.Reader, v vendor.ID, n int) ([]Request, error) {
	return forVendor(db.All(ctx, r, scanRequest(r), selectDue, string(v), n))
}

// OfVendor lists a vendor's requests, newest first, before the cursor.
func OfVendor(ctx context.Context, r db.Reader, v vendor.ID, before ID, n int) ([]Request, error) {
	return forVendor(db.All(ctx, r, scanRequest(r), selectOfVendor, string(v), cursor(before), n))
}

func forVendor(all []Request, err error) ([]Request, error) {
	for i := range all {
		all[i] = seenBy(all[i], Seller)
	}
	return all, err
}

// Desk lists what the operator has to do: decisions, second signatures, refunds
// that the provider could not make, and those late or in breach, oldest first.
func Desk(ctx context.Context, r db.Reader, n int) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectDesk, n)
}

// All lists every request, newest first, before the cursor, for the operator's
// desk.
func All(ctx context.Context, r db.Reader, before ID, n int) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectAll, cursor(before), n)
}

func cursor(before ID) string {
	if before == "" {
		return "~" // after every id
	}
	return string(before)
}

// Review is a refusal under clause 8.4 to a consumer, for a lawyer.
type Review struct {
	Order   order.ID
	Case    string
	Account account.ID
	At      time.Time
}

// Reviews lists them, newest first, for the operator's desk.
func Reviews(ctx context.Context, r db.Reader, n int) ([]Review, error) {
	return db.All(ctx, r, func(s db.Scanner) (v Review, err error) {
		var at int64
		err = s.Scan(&v.Order, &v.Case, &v.Account, &at)
		v.At = db.Time(at)
		return v, err
	}, selectReviews, n)
}

// Held says why the money of a line must stay where it is: "refund" while a
// request for it is under way. It is the Held of settlement's work.
func Held(ctx context.Context, r db.Reader, line string) (string, error) {
	open, err := db.Value[int64](ctx, r, countOpen, line)
	if err != nil || open == 0 {
		return "", err
	}
	return "refund", nil
}
