package complaint

import (
	"context"
	"errors"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

// Ask is what somebody complains about. Order or Product say which purchase or
// product; both may be empty.
type Ask struct {
	Topic   string
	Order   order.ID
	Product catalog.ProductID
	Text    string
	Demand  string
}

// Submit takes a complaint. The rulebook's rule says at once whose matter it is;
// where it cannot, a person does, within a working day.
func (u Rules) Submit(ctx context.Context, tx *db.Tx, by audit.Actor, in Ask) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.Submit(%s)", in.Topic)
	c := Complaint{Topic: in.Topic, Account: account.ID(by.Account), Product: in.Product}
	if in.Order != "" {
		o, err := order.Get(ctx, tx, by, in.Order)
		if err != nil {
			return Complaint{}, err
		}
		c.Order, c.Account, c.Product, c.Vendor = o.ID, o.Account, o.Product, o.Vendor
	} else if in.Product != "" {
		if c.Vendor, err = sellerOf(ctx, tx, in.Product); err != nil {
			return Complaint{}, err
		}
	}
	return u.take(ctx, tx, by, c, in)
}

// FromMatter takes a refund that the parties could not settle between themselves
// as a complaint: the customer once they have said that they do not agree, and
// both the customer and the staff once the law counts it as overdue.
func (u Rules) FromMatter(ctx context.Context, tx *db.Tx, by audit.Actor, id refund.MatterID, in Ask) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.FromMatter(%s)", id)
	record, err := refund.RecordOf(ctx, tx, by, id)
	if err != nil {
		return Complaint{}, err
	}
	m := record.Matter
	side, err := sideOf(ctx, tx, by, m.Account, m.Vendor)
	if err != nil {
		return Complaint{}, err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Complaint{}, err
	}
	switch {
	case side == Vendor:
		return Complaint{}, ErrForbidden
	case m.State == refund.ClosedAgreed:
		return Complaint{}, ErrOffline
	}
	if err := offlineOver(m.State == refund.ClosedDisagreed, m.OpenedAt, tx.Now(), law.OfflineDays, side); err != nil {
		return Complaint{}, err
	}
	o, err := order.Any(ctx, tx, m.Order)
	if err != nil {
		return Complaint{}, err
	}
	in.Topic = "not_as_described"
	return u.take(ctx, tx, by, Complaint{
		Topic: in.Topic, Account: o.Account, Order: o.ID, Product: o.Product, Vendor: o.Vendor, RefundMatter: m.ID,
	}, in)
}

// Overdue reports whether an offline refund has stayed open longer than the law
// allows, which counts as a breach.
func Overdue(ctx context.Context, r db.Reader, m refund.Matter) (bool, error) {
	law, err := agreement.LawInForce(ctx, r)
	return err == nil && m.State != refund.ClosedAgreed && offlineOverdue(m.OpenedAt, r.Now(), law.OfflineDays), err
}

// LateMatters lists the offline refunds that are overdue and no complaint yet, for
// the operator's desk.
func LateMatters(ctx context.Context, r db.Reader, n int) (late []refund.Matter, err error) {
	law, err := agreement.LawInForce(ctx, r)
	if err != nil || law.OfflineDays == 0 {
		return nil, err
	}
	open, err := refund.OpenMatters(ctx, r, calendar.On(r.Now()).AddDays(-law.OfflineDays).Start(), n)
	for _, m := range open {
		_, err := found(db.One(ctx, r, scanOne(r), selectMatter, string(m.ID)))
		switch {
		case errors.Is(err, ErrNotFound):
			late = append(late, m)
		case err != nil:
			return nil, err
		}
	}
	return late, err
}

func (u Rules) take(ctx context.Context, tx *db.Tx, by audit.Actor, c Complaint, in Ask) (_ Complaint, err error) {
	if !slices.Contains(Topics, in.Topic) {
		return Complaint{}, ErrInvalid.In("topic")
	}
	if c.Account == "" {
		return Complaint{}, ErrForbidden
	}
	var faults fault.List
	if c.Text, err = words(in.Text, "text", true); err != nil {
		faults = append(faults, fault.All(err)...)
	}
	if c.Demand, err = words(in.Demand, "demand", true); err != nil {
		faults = append(faults, fault.All(err)...)
	}
	if err := faults.Err(); err != nil {
		return Complaint{}, err
	}
	rule, book, err := agreement.Cited[intake](ctx, tx, "complaint_topics")
	if err != nil {
		return Complaint{}, err
	}
	due, clock, err := dueAfter(ctx, tx, "complaint_intake")
	if err != nil {
		return Complaint{}, err
	}
	c.ID, c.AskedBy, c.State, c.Version, c.SubmittedAt, c.Rulebook = ID(tx.ID("cmp")), account.UserID(by.User), Submitted, 1, tx.Now(), book
	c.OperatorDue, c.Clock = due, clock
	if err := screened(ctx, tx, by, User, string(c.ID), content.Text{Field: "text", Text: c.Text}, content.Text{Field: "demand", Text: c.Demand}); err != nil {
		return Complaint{}, err
	}
	text, err := tx.Keys().Seal(c.Text, sealedAt("complaint.text", string(c.ID)))
	if err != nil {
		return Complaint{}, err
	}
	demand, err := tx.Keys().Seal(c.Demand, sealedAt("complaint.demand", string(c.ID)))
	if err != nil {
		return Complaint{}, err
	}
	n, err := tx.Exec(ctx, insertOne, string(c.ID), string(c.Account), string(c.AskedBy), string(c.Order), string(c.Product), string(c.Vendor),
		string(c.RefundMatter), c.Topic, text, demand, db.Micros(c.OperatorDue), string(c.Clock), c.Rulebook, db.Micros(c.SubmittedAt))
	if err != nil {
		return Complaint{}, err
	}
	if n == 0 { // the matter is a complaint already
		return found(db.One(ctx, tx, scanOne(tx), selectMatter, string(c.RefundMatter)))
	}
	if err := note(ctx, tx, by, c, "", evSubmit, User, said{due: due}); err != nil {
		return Complaint{}, err
	}
	m, why := classify(c.Topic, c.Text+"\n"+c.Demand, rule)
	if m.asksVendor() && c.Vendor == "" {
		return c, nil // a person finds the vendor
	}
	if m == "" {
		return c, nil
	}
	c.Matter, c.Reason = m, why
	if err := step(ctx, tx, by, &c, evClassify, System, said{}); err != nil {
		return Complaint{}, err
	}
	err = u.assign(ctx, tx, by, &c)
	return c, err
}

// Sorting is where a person of the staff sends a complaint.
type Sorting struct {
	Matter  Matter
	Product catalog.ProductID // where it was not known
	Note    string            // why
}

// Classify says whose matter a complaint is that the rule could not sort, or sorted
// wrongly. Whoever is asked now has the whole time to answer.
func (u Rules) Classify(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Sorting) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.Classify(%s)", id)
	c, err := staffed(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	if in.Product != "" && in.Product != c.Product && c.Order == "" {
		if c.Vendor, err = sellerOf(ctx, tx, in.Product); err != nil {
			return Complaint{}, ErrTarget.In("product")
		}
		c.Product = in.Product
	}
	return u.handOn(ctx, tx, by, c, Operator, in)
}

// NotOurs hands a complaint that came to the wrong vendor desk on to the operator.
func (u Rules) NotOurs(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, why string) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.NotOurs(%s)", id)
	c, err := sold(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	if !c.VendorOwes {
		return Complaint{}, ErrState.With("State", c.State)
	}
	return u.handOn(ctx, tx, by, c, Vendor, Sorting{Matter: Platform, Note: why})
}

func (u Rules) handOn(ctx context.Context, tx *db.Tx, by audit.Actor, c Complaint, from Side, in Sorting) (_ Complaint, err error) {
	if in.Note, err = words(in.Note, "note", false); err != nil {
		return Complaint{}, err
	}
	if err := handOn(from, in.Matter, c.Vendor != "", in.Note); err != nil {
		return Complaint{}, err
	}
	e := evForward
	if c.State == Submitted {
		e = evClassify
	}
	c.Matter, c.Reason, c.VendorOwes, c.OperatorOwes = in.Matter, "person", false, false
	if from == Operator {
		c.Owner = by.User
	}
	if err := step(ctx, tx, by, &c, e, from, said{note: in.Note}); err != nil {
		return Complaint{}, err
	}
	err = u.assign(ctx, tx, by, &c)
	return c, err
}

// sellerOf is the vendor of a product that is or was on the market.
func sellerOf(ctx context.Context, r db.Reader, p catalog.ProductID) (vendor.ID, error) {
	one, err := catalog.Get(ctx, r, p)
	return one.Vendor, err
}

func sellerName(ctx context.Context, r db.Reader, v vendor.ID) string {
	seller, err := vendor.Get(ctx, r, v)
	if err != nil {
		return string(v)
	}
	return seller.RegisteredName
}

// lapses is when a complaint closes that nobody goes on with.
func lapses(ctx context.Context, r db.Reader) (time.Time, error) {
	rule, err := agreement.Setting[dayRule](ctx, r, "complaint_close_after")
	return r.Now().AddDate(0, 0, rule.Days), err
}
