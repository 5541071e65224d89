package privacy

import (
	"context"
	"errors"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

// Matters lists what is under way and stands against closing an account; nil when
// nothing does.
func Matters(ctx context.Context, r db.Reader, a account.ID) error {
	orders, err := ordersOf(ctx, r, a)
	if err != nil {
		return err
	}
	refunds, err := refund.Mine(ctx, r, audit.Actor{Account: string(a)}, "~", most)
	if err != nil {
		return err
	}
	v, sells, err := vendor.OfAccount(ctx, r, a)
	if err != nil {
		return err
	}
	if !sells {
		return endable(orders, refunds, nil)
	}
	return endable(orders, refunds, &v)
}

// Close begins the end of the actor's account. From now on it looks and exports;
// on the day that it is told its data is erased. Until then it can be called
// off. It refuses only what would be lost: CLOSING_OPEN_MATTERS.
func Close(ctx context.Context, tx *db.Tx, by audit.Actor) (_ Closing, err error) {
	defer fault.Wrap(&err, "privacy.Close(%s)", by.Account)
	if !by.Has(account.Owner) || by.Account == "" {
		return Closing{}, ErrForbidden
	}
	a := account.ID(by.Account)
	if err := Matters(ctx, tx, a); err != nil {
		return Closing{}, err
	}
	previous, err := account.Close(ctx, tx, a)
	if err != nil {
		return Closing{}, err
	}
	return begin(ctx, tx, by, Closing{Account: a, Cause: ByOwner, Previous: previous})
}

// Terminated begins the end of the data of an account whose agreement was
// dissolved (clause 8.2.4). It can look and export until the day of the erasure. A
// closing that its owner had begun becomes this one and keeps its day. Nothing is
// erased before notBefore, the day that the case told; zero when it told none.
func Terminated(ctx context.Context, tx *db.Tx, by audit.Actor, a account.ID, caseID string, notBefore time.Time) (_ Closing, err error) {
	defer fault.Wrap(&err, "privacy.Terminated(%s)", a)
	if strings.TrimSpace(caseID) == "" {
		return Closing{}, ErrRequired.In("case")
	}
	c, err := Current(ctx, tx, a)
	if err != nil {
		return Closing{}, err
	}
	if c != nil {
		later := notBefore.After(c.PurgeAt)
		if later {
			c.PurgeAt = notBefore
		}
		if err := moved(tx.Exec(ctx, terminateClosing, caseID, db.Micros(c.PurgeAt), string(c.ID))); err != nil {
			return Closing{}, err
		}
		c.Cause, c.Case = ByTermination, caseID
		if !later {
			return *c, nil
		}
		if err := job.Cancel(ctx, tx, purgeJob, string(c.ID), "one"); err != nil {
			return Closing{}, err
		}
		return *c, enqueuePurge(ctx, tx, *c)
	}
	return begin(ctx, tx, by, Closing{Account: a, Cause: ByTermination, Case: caseID, Previous: account.Terminated, PurgeAt: notBefore})
}

// Reinstated takes the end of an account's data back, because the termination was.
func Reinstated(ctx context.Context, tx *db.Tx, by audit.Actor, a account.ID) (err error) {
	defer fault.Wrap(&err, "privacy.Reinstated(%s)", a)
	c, err := Current(ctx, tx, a)
	if err != nil || c == nil {
		return err
	}
	return callOff(ctx, tx, by, *c)
}

func begin(ctx context.Context, tx *db.Tx, by audit.Actor, c Closing) (Closing, error) {
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Closing{}, err
	}
	grace, err := agreement.Setting[struct {
		Days int `json:"days"`
	}](ctx, tx, "purge_after_termination")
	if err != nil {
		return Closing{}, err
	}
	c.ID, c.State, c.EndAt, c.OfferedAt, c.Law, c.OpenedBy = ClosingID(tx.ID("cls")), Waiting, tx.Now(), tx.Now(), law.Jurisdiction, by.User
	if c.PurgeAt.IsZero() {
		c.PurgeAt = enforcement.PurgeFrom(tx.Now(), grace.Days, law)
	}
	n, err := tx.Exec(ctx, insertClosing, string(c.ID), string(c.Account), c.Cause, c.Case, string(c.Previous), db.Micros(c.EndAt), db.Micros(c.PurgeAt), c.Law,
		db.Micros(c.OfferedAt), c.OpenedBy)
	if err := moved(n, err); err != nil {
		return Closing{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.closing_begun", Subjects: []string{string(c.ID), string(c.Account), c.Case}, Clauses: []string{"UA 8.5"},
		Data: map[string]any{"cause": c.Cause, "purge": db.Micros(c.PurgeAt), "law": c.Law},
	}); err != nil {
		return Closing{}, err
	}
	if c.Cause == ByOwner { // of a termination the case tells, with its reasons (N-55)
		if err := told(ctx, tx, c.Account, "P-04", "/account/privacy", map[string]string{"PurgeAt": c.PurgeAt.Format(time.RFC3339)}); err != nil {
			return Closing{}, err
		}
	}
	return c, enqueuePurge(ctx, tx, c)
}

func enqueuePurge(ctx context.Context, tx *db.Tx, c Closing) error {
	return job.Enqueue(ctx, tx, job.Spec{Kind: purgeJob, Object: string(c.ID), At: c.PurgeAt.Add(time.Microsecond), Unique: true})
}

// CallOff takes a closing back that the account's owner began.
func CallOff(ctx context.Context, tx *db.Tx, by audit.Actor) (err error) {
	defer fault.Wrap(&err, "privacy.CallOff(%s)", by.Account)
	if !by.Has(account.Owner) {
		return ErrForbidden
	}
	c, err := Current(ctx, tx, account.ID(by.Account))
	if err != nil {
		return err
	}
	if c == nil || c.Cause != ByOwner || c.State != Waiting {
		return ErrState
	}
	if err := account.Reopen(ctx, tx, c.Account, c.Previous); err != nil {
		return err
	}
	return callOff(ctx, tx, by, *c)
}

func callOff(ctx context.Context, tx *db.Tx, by audit.Actor, c Closing) error {
	if err := moved(tx.Exec(ctx, callOffClosing, by.User, db.Micros(tx.Now()), string(c.ID))); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.closing_called_off", Subjects: []string{string(c.ID), string(c.Account)}, Clauses: []string{"UA 8.5"},
	})
}

// PurgeNow erases the data of an ended account before its day, because a law orders
// it; lawOrder names the document. Without one it is PURGE_TOO_EARLY.
func (k Keep) PurgeNow(ctx context.Context, tx *db.Tx, by audit.Actor, id ClosingID, lawOrder string) (err error) {
	defer fault.Wrap(&err, "privacy.PurgeNow(%s)", id)
	c, err := found(db.One(ctx, tx, scanClosing, selectClosing, string(id)))
	if err != nil {
		return err
	}
	if err := officer(by, c.Account); err != nil {
		return err
	}
	if lawOrder, err = words(lawOrder, "law_order", false); err != nil {
		return err
	}
	return k.purge(ctx, tx, by, c, lawOrder)
}

// purge takes the persons out of an ended account. What the law keeps of its trades
// stays: orders, payments, the book, invoices; they lead to an id that leads to
// nobody.
func (k Keep) purge(ctx context.Context, tx *db.Tx, by audit.Actor, c Closing, lawOrder string) error {
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return err
	}
	if err := purgeable(c, law, lawOrder, tx.Now()); err != nil {
		return err
	}
	trade, err := agreement.Setting[struct {
		Years int `json:"years"`
	}](ctx, tx, "retention_trade")
	if err != nil {
		return err
	}
	invoices, err := agreement.Setting[struct {
		Years int `json:"years"`
	}](ctx, tx, "retention_invoice")
	if err != nil {
		return err
	}
	orders, err := ordersOf(ctx, tx, c.Account)
	if err != nil {
		return err
	}
	last := lastTrade(orders)
	c.TradeDue, c.InvoiceDue = kept(c.EndAt, last, trade.Years), kept(c.EndAt, last, invoices.Years)
	if err := moved(tx.Exec(ctx, purgeClosing, by.User, db.Micros(tx.Now()), strings.TrimSpace(lawOrder), db.Micros(c.TradeDue), db.Micros(c.InvoiceDue), string(c.ID))); err != nil {
		return err
	}
	removed, err := k.erase(ctx, tx, c, ClassAccount)
	if err != nil {
		return err
	}
	if err := note(ctx, tx); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.purged", Subjects: []string{string(c.ID), string(c.Account), c.Case}, Clauses: []string{"UA 8.5"},
		Data: map[string]any{"removed": removed, "law_order": lawOrder != "", "trade_due": db.Micros(c.TradeDue), "invoice_due": db.Micros(c.InvoiceDue)},
	})
}

// lastTrade is when the last of the orders ended or, while it has not, was placed.
func lastTrade(orders []order.Order) (last time.Time) {
	for _, o := range orders {
		for _, at := range []time.Time{o.PlacedAt, o.DeliveredAt, o.EndedAt} {
			if at.After(last) {
				last = at
			}
		}
	}
	return last
}

// Current returns the end of an account that has begun; nil when none has.
func Current(ctx context.Context, r db.Reader, a account.ID) (*Closing, error) {
	c, err := db.One(ctx, r, scanClosing, selectCurrent, string(a))
	if errors.Is(err, db.ErrNoRow) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// Closings are the ends that wait for their day, the next first.
func Closings(ctx context.Context, r db.Reader) ([]Closing, error) {
	return db.All(ctx, r, scanClosing, selectWaiting)
}

// ClosingOf returns the end of an account by its id.
func ClosingOf(ctx context.Context, r db.Reader, id ClosingID) (Closing, error) {
	return found(db.One(ctx, r, scanClosing, selectClosing, string(id)))
}
