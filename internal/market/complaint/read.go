package complaint

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// sideOf is on which side of a matter an actor stands. For those who have nothing
// to do with it, it does not exist.
func sideOf(ctx context.Context, r db.Reader, by audit.Actor, user account.ID, seller vendor.ID) (Side, error) {
	if decides(by) {
		return Operator, nil
	}
	mine, err := account.Choosable(ctx, r, by)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(mine, func(a account.Account) bool { return a.ID == user }) {
		return User, nil
	}
	if seller == "" || by.Account == "" {
		return "", account.ErrForeign
	}
	v, err := vendor.Get(ctx, r, seller)
	if err != nil {
		return "", err
	}
	if by.Account == string(v.Account) && (by.Has(account.Owner) || by.Has(account.VendorManager)) {
		return Vendor, nil
	}
	return "", account.ErrForeign
}

// sideIn is [sideOf] for a complaint: its vendor sees it only once it was given to
// it.
func sideIn(ctx context.Context, r db.Reader, by audit.Actor, c Complaint) (Side, error) {
	side, err := sideOf(ctx, r, by, c.Account, c.Vendor)
	if err != nil || side != Vendor {
		return side, err
	}
	given, err := db.Value[int64](ctx, r, selectGiven, string(c.ID), string(c.Vendor))
	if err == nil && given == 0 {
		err = account.ErrForeign
	}
	return side, err
}

// party is a complaint and the side of it on which the actor speaks.
func party(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Complaint, Side, error) {
	c, err := read(ctx, r, id)
	if err != nil {
		return Complaint{}, "", err
	}
	side, err := sideIn(ctx, r, by, c)
	if err != nil {
		return Complaint{}, "", err
	}
	if side == Operator {
		return Complaint{}, "", ErrForbidden // the operator is no party
	}
	return c, side, current(c.Version, seen)
}

func as(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64, want Side) (Complaint, error) {
	c, err := read(ctx, r, id)
	if err != nil {
		return Complaint{}, err
	}
	side, err := sideIn(ctx, r, by, c)
	if err != nil {
		return Complaint{}, err
	}
	if side != want {
		return Complaint{}, ErrForbidden
	}
	return c, current(c.Version, seen)
}

func mine(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Complaint, error) {
	return as(ctx, r, by, id, seen, User)
}

func sold(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Complaint, error) {
	return as(ctx, r, by, id, seen, Vendor)
}

func staffed(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Complaint, error) {
	return as(ctx, r, by, id, seen, Operator)
}

// seenBy leaves out what a vendor is not told: the account behind a complaint, and
// the words from which the numbers were not taken out.
func seenBy(c Complaint, side Side) Complaint {
	if side == Vendor {
		c.Account, c.AskedBy, c.Owner, c.DecidedBy, c.Text, c.Demand = "", "", "", "", withoutNumbers(c.Text), withoutNumbers(c.Demand)
	}
	return c
}

// Get returns a complaint to its complainant, to the vendor it was given to, and to
// the staff. For everybody else it does not exist.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Complaint, error) {
	c, err := read(ctx, r, id)
	if err != nil {
		return Complaint{}, err
	}
	side, err := sideIn(ctx, r, by, c)
	return seenBy(c, side), err
}

// RecordOf is a complaint with all that happened to it, to those who may see it.
// The parties are not told which person of another side acted.
func RecordOf(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Record, error) {
	c, err := read(ctx, r, id)
	if err != nil {
		return Record{}, err
	}
	side, err := sideIn(ctx, r, by, c)
	if err != nil {
		return Record{}, err
	}
	out, err := recordOf(ctx, r, c)
	if err != nil {
		return Record{}, err
	}
	out.Complaint = seenBy(c, side)
	for i := range out.Steps {
		if side != Operator && out.Steps[i].Side != side {
			out.Steps[i].Actor = ""
		}
	}
	if side == Vendor {
		out.Packets = slices.DeleteFunc(out.Packets, func(p Packet) bool { return p.Vendor != c.Vendor })
		for i := range out.Steps {
			out.Steps[i].Note = withoutNumbers(out.Steps[i].Note)
		}
	}
	return out, nil
}

func recordOf(ctx context.Context, r db.Reader, c Complaint) (out Record, err error) {
	out.Complaint = c
	id := string(c.ID)
	if out.Steps, err = db.All(ctx, r, scanStep(r, c.ID), selectSteps, id); err != nil {
		return out, err
	}
	if out.Contacts, err = db.All(ctx, r, scanContact(r, id), selectContacts, id); err != nil {
		return out, err
	}
	if out.Evidence, err = db.All(ctx, r, scanEvidence(r, id), selectEvidence, id); err != nil {
		return out, err
	}
	out.Packets, err = db.All(ctx, r, scanPacket(r, c.ID), selectPackets, id)
	return out, err
}

// History is all that was complained and claimed about an order, with every step,
// contact, packet, offer and piece of evidence.
type History struct {
	Complaints []Record
	Claims     []ClaimRecord
}

// HistoryOf is the history of an order, oldest first. The caller has seen to it
// that the actor may see the order.
func HistoryOf(ctx context.Context, r db.Reader, id order.ID) (h History, err error) {
	complaints, err := db.All(ctx, r, scanOne(r), selectOfOrder, string(id))
	if err != nil {
		return h, err
	}
	for _, c := range complaints {
		one, err := recordOf(ctx, r, c)
		if err != nil {
			return h, err
		}
		h.Complaints = append(h.Complaints, one)
	}
	claims, err := db.All(ctx, r, scanClaim(r), selectClaimsOf, string(id))
	if err != nil {
		return h, err
	}
	for _, c := range claims {
		one, err := claimRecord(ctx, r, c)
		if err != nil {
			return h, err
		}
		h.Claims = append(h.Claims, one)
	}
	return h, nil
}

// Mine lists the complaints of the actor's account, of both tracks, newest first,
// before the cursor.
func Mine(ctx context.Context, r db.Reader, by audit.Actor, before ID, n int) ([]Complaint, error) {
	return db.All(ctx, r, scanOne(r), selectMine, by.Account, cursor(string(before)), n)
}

// OfOrder lists the complaints about an order, oldest first. The caller has seen to
// it that the actor may see the order.
func OfOrder(ctx context.Context, r db.Reader, id order.ID) ([]Complaint, error) {
	return db.All(ctx, r, scanOne(r), selectOfOrder, string(id))
}

// Due lists what a vendor has to answer, the most urgent first.
func Due(ctx context.Context, r db.Reader, v vendor.ID, n int) ([]Complaint, error) {
	return forVendor(db.All(ctx, r, scanOne(r), selectOwed, string(v), n))
}

// OfVendor lists the complaints that a vendor was given, newest first, before the
// cursor.
func OfVendor(ctx context.Context, r db.Reader, v vendor.ID, before ID, n int) ([]Complaint, error) {
	return forVendor(db.All(ctx, r, scanOne(r), selectSold, string(v), cursor(string(before)), n))
}

func forVendor(all []Complaint, err error) ([]Complaint, error) {
	for i := range all {
		all[i] = seenBy(all[i], Vendor)
	}
	return all, err
}

// Desk lists what the operator has to do: to sort, to answer, to decide, the most
// urgent first.
func Desk(ctx context.Context, r db.Reader, n int) ([]Complaint, error) {
	return db.All(ctx, r, scanOne(r), selectDesk, n)
}

// Awaited lists what the vendors have to answer, for the operator who follows it.
func Awaited(ctx context.Context, r db.Reader, n int) ([]Complaint, error) {
	return db.All(ctx, r, scanOne(r), selectAwaited, n)
}

// All lists every complaint, newest first, before the cursor, for the operator's
// desk.
func All(ctx context.Context, r db.Reader, before ID, n int) ([]Complaint, error) {
	return db.All(ctx, r, scanOne(r), selectAll, cursor(string(before)), n)
}

// Tally counts how a vendor answers complaints.
type Tally struct {
	Complaints, AnsweredInTime, AnsweredLate, Open, OverdueOpen, Escalated int64
	Rated, Stars                                                           int64 // how many gave stars, and their sum
}

// Figures counts how a vendor answers the complaints about its products.
func Figures(ctx context.Context, r db.Reader, v vendor.ID) (Tally, error) {
	return db.One(ctx, r, func(s db.Scanner) (f Tally, err error) {
		err = s.Scan(&f.Complaints, &f.AnsweredInTime, &f.AnsweredLate, &f.Open, &f.OverdueOpen, &f.Escalated, &f.Rated, &f.Stars)
		return f, err
	}, figures, db.Micros(r.Now()), string(v))
}

// Score is how a vendor treats its customers after the sale. Points are of a
// hundred; -1 while there is nothing to judge.
type Score struct {
	Complaints Tally
	Invoices   invoice.Tally
	Points     int64
}

// ScoreOf works a vendor's score out from answers to complaints, their stars, and
// invoices.
func ScoreOf(ctx context.Context, r db.Reader, v vendor.ID) (s Score, err error) {
	if s.Complaints, err = Figures(ctx, r, v); err != nil {
		return s, err
	}
	s.Invoices, err = invoice.Figures(ctx, r, v)
	s.Points = points(s.Complaints, s.Invoices)
	return s, err
}

// points weighs answers in time, stars and invoices in time alike, each only when
// there is something to judge.
func points(c Tally, i invoice.Tally) int64 {
	var sum, parts int64
	add := func(good, of int64) {
		if of > 0 {
			sum += 100 * good / of
			parts++
		}
	}
	add(c.AnsweredInTime, c.AnsweredInTime+c.AnsweredLate+c.OverdueOpen)
	add(c.Stars, 5*c.Rated)
	add(i.IssuedInTime, i.IssuedInTime+i.IssuedLate+i.OverdueOpen)
	if parts == 0 {
		return -1
	}
	return sum / parts
}
