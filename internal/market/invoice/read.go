package invoice

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

// reader says who looks at a request.
type reader int

const (
	asNobody reader = iota
	asBuyer
	asSeller
	asWatcher // of the operator
)

// Get returns a request to the accounts the actor acts for, to its vendor and to
// the operator's staff, who see neither title nor reason. For everybody else it
// does not exist.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Request, error) {
	q, _, err := look(ctx, r, by, id)
	return q, err
}

func look(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Request, reader, error) {
	q, err := read(ctx, r, id)
	if err != nil {
		return Request{}, asNobody, err
	}
	if by.Account != "" {
		mine, err := account.Choosable(ctx, r, by)
		if err != nil {
			return Request{}, asNobody, err
		}
		if slices.ContainsFunc(mine, func(a account.Account) bool { return a.ID == q.Account }) {
			return q, asBuyer, nil
		}
	}
	v, err := vendor.Get(ctx, r, q.Vendor)
	if err != nil {
		return Request{}, asNobody, err
	}
	switch {
	case ofVendor(by, v):
		q.Account = "" // a vendor knows the title it was given, not the account
		return q, asSeller, nil
	case staff(by):
		return watched(q), asWatcher, nil
	}
	return Request{}, asNobody, account.ErrForeign
}

// watched is a request as the operator's people see it.
func watched(q Request) Request {
	q.Buyer, q.Reason = Buyer{Kind: q.Buyer.Kind}, ""
	return q
}

func read(ctx context.Context, r db.Reader, id ID) (Request, error) {
	return found(db.One(ctx, r, scanRequest(r), selectRequest, string(id)))
}

// OfOrder returns the requests of an order, oldest first. The caller has seen to
// it that the actor may see the order.
func OfOrder(ctx context.Context, r db.Reader, order string) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectOfOrder, order)
}

// Mine lists the requests of the actor's account, newest first, before the cursor.
func Mine(ctx context.Context, r db.Reader, by audit.Actor, before ID, n int) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectMine, by.Account, cursor(before), n)
}

// Due lists what a vendor has still to issue or answer, the most urgent first.
func Due(ctx context.Context, r db.Reader, v vendor.ID, n int) ([]Request, error) {
	all, err := db.All(ctx, r, scanRequest(r), selectOpen, string(v), n)
	return nameless(all), err
}

// OfVendor lists all requests to a vendor, newest first, before the cursor.
func OfVendor(ctx context.Context, r db.Reader, v vendor.ID, before ID, n int) ([]Request, error) {
	all, err := db.All(ctx, r, scanRequest(r), selectOfVendor, string(v), cursor(before), n)
	return nameless(all), err
}

func nameless(all []Request) []Request {
	for i := range all {
		all[i].Account = ""
	}
	return all
}

// Late lists the requests of all vendors that are overdue and still open, for the
// operator's desk, after an id.
func Late(ctx context.Context, r db.Reader, after ID, n int) ([]Request, error) {
	all, err := db.All(ctx, r, scanRequest(r), selectOverdue, string(after), n)
	return each(all, watched), err
}

// All lists every request, newest first, before the cursor, for the operator's
// desk.
func All(ctx context.Context, r db.Reader, before ID, n int) ([]Request, error) {
	all, err := db.All(ctx, r, scanRequest(r), selectAll, cursor(before), n)
	return each(all, watched), err
}

func each(all []Request, fn func(Request) Request) []Request {
	for i := range all {
		all[i] = fn(all[i])
	}
	return all
}

func cursor[T ~string](before T) string {
	if before == "" {
		return "~" // after every id
	}
	return string(before)
}

// Invoices returns the blue invoice of a request and the red ones that take it
// back, oldest first. The operator's people see number and amounts only.
func Invoices(ctx context.Context, r db.Reader, by audit.Actor, id ID) ([]Invoice, error) {
	_, who, err := look(ctx, r, by, id)
	if err != nil {
		return nil, err
	}
	all, err := invoices(ctx, r, id)
	if who == asWatcher {
		for i := range all {
			all[i].Document = Document{}
		}
	}
	return all, err
}

func invoices(ctx context.Context, r db.Reader, id ID) ([]Invoice, error) {
	return db.All(ctx, r, scanInvoice(r), selectInvoices, string(id))
}

// blueOf returns the invoice of a request that has one.
func blueOf(ctx context.Context, r db.Reader, id ID) (Invoice, error) {
	all, err := invoices(ctx, r, id)
	if err != nil {
		return Invoice{}, err
	}
	i := slices.IndexFunc(all, func(i Invoice) bool { return i.Colour == Blue })
	if i < 0 {
		return Invoice{}, ErrNotFound
	}
	return all[i], nil
}

// Files returns the newest upload of each form of the invoices of a request, to
// those who may see the request.
func Files(ctx context.Context, r db.Reader, by audit.Actor, id ID) ([]File, error) {
	if _, _, err := look(ctx, r, by, id); err != nil {
		return nil, err
	}
	all, err := db.All(ctx, r, scanFile, selectFiles, string(id))
	var newest []File
	for _, f := range all {
		if i := slices.IndexFunc(newest, func(n File) bool { return n.Kind == f.Kind && n.Colour == f.Colour }); i >= 0 && f.Colour == Blue {
			newest[i] = f
			continue
		}
		newest = append(newest, f)
	}
	return newest, err
}

// RedLetters returns the red letters of a request, oldest first, to those who may
// see the request.
func RedLetters(ctx context.Context, r db.Reader, by audit.Actor, id ID) ([]RedLetter, error) {
	if _, _, err := look(ctx, r, by, id); err != nil {
		return nil, err
	}
	return db.All(ctx, r, scanRed, selectReds, string(id))
}

// RedDue lists the red letters of a vendor that are not at an end, oldest first.
func RedDue(ctx context.Context, r db.Reader, v vendor.ID, n int) ([]RedLetter, error) {
	return db.All(ctx, r, scanRed, selectRedQueue, string(v), n)
}

// Outstanding says what invoices stand in the way of a refund of an order.
func Outstanding(ctx context.Context, r db.Reader, order string) (Standing, error) {
	out := Standing{Invoiced: money.Zero(money.CNY)}
	all, err := OfOrder(ctx, r, order)
	if err != nil {
		return Standing{}, err
	}
	for _, q := range all {
		if q.State.Open() {
			out.Pending = append(out.Pending, q.ID)
			continue
		}
		if !q.State.HasInvoice() {
			continue
		}
		blue, err := blueOf(ctx, r, q.ID)
		if err != nil {
			return Standing{}, err
		}
		left, err := blue.Total.Sub(blue.Reddened)
		if err != nil {
			return Standing{}, err
		}
		if out.Invoiced, err = out.Invoiced.Add(left); err != nil {
			return Standing{}, err
		}
	}
	letters, err := db.All(ctx, r, scanRed, selectOpenReds, order)
	if err != nil {
		return Standing{}, err
	}
	for _, l := range letters {
		if !l.State.Agreed() {
			out.Red = append(out.Red, l.ID)
			continue
		}
		if out.Invoiced, err = out.Invoiced.Sub(l.Amount); err != nil {
			return Standing{}, err
		}
	}
	return out, nil
}

// Figures counts how a vendor answers requests.
func Figures(ctx context.Context, r db.Reader, v vendor.ID) (Tally, error) {
	return db.One(ctx, r, func(s db.Scanner) (f Tally, err error) {
		err = s.Scan(&f.Requests, &f.IssuedInTime, &f.IssuedLate, &f.Open, &f.OverdueOpen, &f.Rejected, &f.Withdrawn)
		return f, err
	}, figures, db.Micros(r.Now()), string(v))
}
