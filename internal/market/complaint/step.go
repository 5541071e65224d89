package complaint

import (
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

// said is what an actor adds to a step.
type said struct {
	note   string
	clause string
	due    time.Time
}

// step is the only change of a complaint's state: it asks the machine, writes the
// row if it is still the one that was read, and notes the step.
func step(ctx context.Context, tx *db.Tx, by audit.Actor, c *Complaint, e Event, side Side, s said) error {
	from := c.State
	to, err := next(machine, from, e, side)
	if err != nil {
		return err
	}
	c.State = to
	if to == Closed {
		c.ClosedAt, c.VendorOwes, c.OperatorOwes = tx.Now(), false, false
	}
	n, err := tx.Exec(ctx, moveOne, string(c.Product), string(c.Vendor), string(c.Matter), c.Reason, string(c.State), c.VendorOwes, db.Micros(c.VendorDue),
		db.Micros(c.VendorAnsweredAt), c.OperatorOwes, db.Micros(c.OperatorDue), string(c.Clock), c.Owner, c.DecidedBy, string(c.Finding), string(c.Outcome),
		c.Stars, db.Micros(c.OverdueAt), db.Micros(c.EscalatedAt), db.Micros(c.LapseAt), db.Micros(c.ClosedAt), string(c.ID), c.Version, string(from))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	c.Version++
	return note(ctx, tx, by, *c, from, e, side, s)
}

// note writes the step down, for the timeline and for the record.
func note(ctx context.Context, tx *db.Tx, by audit.Actor, c Complaint, from State, e Event, side Side, s said) error {
	clause := s.clause
	if clause == "" {
		clause = "UA 5.1"
	}
	if err := screened(ctx, tx, by, side, string(c.ID), content.Text{Field: "text", Text: s.note}); err != nil {
		return err
	}
	sealed, err := tx.Keys().Seal(s.note, sealedAt("step.note", string(c.ID)))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertStep, string(c.ID), c.Version, string(from), string(e), string(c.State), string(side), by.User,
		string(c.Matter), db.Micros(s.due), clause, sealed, db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "complaint." + string(e), Subjects: []string{string(c.ID), string(c.Order), string(c.Product), string(c.Vendor), string(c.RefundMatter)},
		Clauses: []string{clause},
		Data: map[string]any{
			"from": from, "to": c.State, "side": side, "matter": c.Matter, "reason": c.Reason, "due": db.Micros(s.due), "finding": c.Finding,
			"outcome": c.Outcome, "stars": c.Stars, "rulebook": c.Rulebook,
		},
	})
}

// screened has what a party wrote pass before the other one reads it. What the
// staff writes are the operator's own words.
func screened(ctx context.Context, tx *db.Tx, by audit.Actor, side Side, about string, texts ...content.Text) error {
	if side != User && side != Vendor {
		return nil
	}
	return content.Form(ctx, tx, by, content.Piece{Kind: content.Complaint, Ref: about, Place: screen.Private}, texts...)
}

// current refuses what was decided on an older step.
func current(version, seen int64) error {
	if version != seen {
		return ErrStale
	}
	return nil
}

// assign asks whoever has the matter for an answer, gives the vendor what it needs
// for it, and tells the complainant who answers by when.
func (u Rules) assign(ctx context.Context, tx *db.Tx, by audit.Actor, c *Complaint) error {
	c.VendorOwes, c.OperatorOwes, c.VendorDue, c.OperatorDue, c.LapseAt = false, false, time.Time{}, time.Time{}, time.Time{}
	var due time.Time
	if c.Matter.asksVendor() {
		if c.Vendor == "" {
			return ErrTarget.In("product")
		}
		at, clock, err := dueAfter(ctx, tx, "complaint_vendor_answer")
		if err != nil {
			return err
		}
		c.VendorOwes, c.VendorDue, c.VendorAnsweredAt, c.Clock, due = true, at, time.Time{}, clock, at
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: overdueJob, Object: string(c.ID), Name: fmt.Sprint(db.Micros(at)), At: at.Add(time.Second)}); err != nil {
			return err
		}
	}
	if c.Matter.asksOperator() {
		at, clock, err := dueAfter(ctx, tx, "complaint_operator_answer")
		if err != nil {
			return err
		}
		c.OperatorOwes, c.OperatorDue, c.Clock = true, at, clock
		if due.IsZero() {
			due = at
		}
	}
	if err := step(ctx, tx, by, c, evAssign, System, said{due: due}); err != nil {
		return err
	}
	if c.VendorOwes {
		if err := u.forwardTo(ctx, tx, by, *c); err != nil {
			return err
		}
		if err := u.learn(ctx, tx, by, string(c.ID), c.Account, c.Product, c.Vendor, c.Topic); err != nil {
			return err
		}
	}
	return tellMatter(ctx, tx, *c)
}

// dueAfter is when an answer is due by a setting of the rulebooks in force.
func dueAfter(ctx context.Context, r db.Reader, setting string) (time.Time, Clock, error) {
	rule, err := agreement.Setting[dayRule](ctx, r, setting)
	if err != nil {
		return time.Time{}, "", err
	}
	if rule.NoCalendarDays == 0 {
		rule.NoCalendarDays = rule.Days + 2 // a working week has five of seven days
	}
	due, clock := dueBy(calendar.Official(), r.Now(), rule)
	return due, clock, nil
}

// tellMatter tells the complainant whose matter it is, and whoever is asked.
func tellMatter(ctx context.Context, tx *db.Tx, c Complaint) error {
	handler := map[Matter]string{Platform: "operator", Product: "vendor", Mixed: "both"}[c.Matter]
	due := c.OperatorDue
	if c.VendorOwes {
		due = c.VendorDue
	}
	params := map[string]string{"Complaint": string(c.ID), "Matter": string(c.Matter), "Handler": handler, "DueAt": due.Format(time.RFC3339)}
	if err := tell(ctx, tx, "N-47", c.Account, "/complaints/"+string(c.ID), params); err != nil {
		return err
	}
	if !c.VendorOwes {
		return nil
	}
	return tellVendor(ctx, tx, c.Vendor, "N-47", "/vendor/complaints/"+string(c.ID), params)
}

// moved tells the parties that something happened to a complaint.
func moved(ctx context.Context, tx *db.Tx, c Complaint, e Event, user, seller bool) error {
	params := map[string]string{"Complaint": string(c.ID), "Happened": string(e)}
	if user {
		if err := tell(ctx, tx, "C-01", c.Account, "/complaints/"+string(c.ID), params); err != nil {
			return err
		}
	}
	if !seller || c.Vendor == "" {
		return nil
	}
	given, err := db.Value[int64](ctx, tx, selectGiven, string(c.ID), string(c.Vendor))
	if err != nil || given == 0 {
		return err
	}
	return tellVendor(ctx, tx, c.Vendor, "C-01", "/vendor/complaints/"+string(c.ID), params)
}

func tell(ctx context.Context, tx *db.Tx, code string, to account.ID, link string, params map[string]string) error {
	return message.Send(ctx, tx, message.Notice{Code: code, To: to, Link: link, Params: params})
}

func tellVendor(ctx context.Context, tx *db.Tx, v vendor.ID, code, link string, params map[string]string) error {
	seller, err := vendor.Get(ctx, tx, v)
	if err != nil {
		return err
	}
	return tell(ctx, tx, code, seller.Account, link, params)
}
