package complaint

import (
	"context"
	"fmt"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
)

// AnswerAsVendor is the vendor's answer to a complaint about its product.
func (u Rules) AnswerAsVendor(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, text string) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.AnswerAsVendor(%s)", id)
	c, err := sold(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	if !c.VendorOwes {
		return Complaint{}, ErrState.With("State", c.State)
	}
	c.VendorOwes, c.VendorAnsweredAt = false, tx.Now()
	return u.answered(ctx, tx, by, c, Vendor, text)
}

// AnswerAsOperator is the operator's answer to a complaint about the market.
func (u Rules) AnswerAsOperator(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, text string) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.AnswerAsOperator(%s)", id)
	c, err := staffed(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	if !c.OperatorOwes || !c.may(evPart, Operator) {
		return Complaint{}, ErrState.With("State", c.State)
	}
	c.OperatorOwes, c.Owner = false, by.User
	return u.answered(ctx, tx, by, c, Operator, text)
}

func (u Rules) answered(ctx context.Context, tx *db.Tx, by audit.Actor, c Complaint, side Side, text string) (_ Complaint, err error) {
	if text, err = words(text, "text", true); err != nil {
		return Complaint{}, err
	}
	e := evAnswer
	if c.VendorOwes || c.OperatorOwes || c.State == Escalated {
		e = evPart
	} else if err := closeLater(ctx, tx, &c); err != nil {
		return Complaint{}, err
	}
	if err := step(ctx, tx, by, &c, e, side, said{note: text}); err != nil {
		return Complaint{}, err
	}
	return c, moved(ctx, tx, c, evAnswer, true, side == Operator)
}

// closeLater sets the timer that closes a complaint nobody goes on with.
func closeLater(ctx context.Context, tx *db.Tx, c *Complaint) (err error) {
	if c.LapseAt, err = lapses(ctx, tx); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: lapseJob, Object: string(c.ID), Name: fmt.Sprint(db.Micros(c.LapseAt)), At: c.LapseAt})
}

// Spoke notes that the parties spoke with each other, on which day and how.
//
// Clause: UA 9.5 (the parties negotiate first, and each contact is kept with its date).
func (u Rules) Spoke(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Contact) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.Spoke(%s)", id)
	c, side, err := party(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	if _, err := keepContact(ctx, tx, by, string(c.ID), side, in); err != nil {
		return Complaint{}, err
	}
	if c.State == Answered || c.State == Negotiated {
		if err := closeLater(ctx, tx, &c); err != nil {
			return Complaint{}, err
		}
	}
	if err := step(ctx, tx, by, &c, evContact, side, said{note: in.Text, clause: "UA 9.5"}); err != nil {
		return Complaint{}, err
	}
	return c, moved(ctx, tx, c, evContact, side == Vendor, side == User)
}

// keepContact stores a dated contact. A day to come is none.
func keepContact(ctx context.Context, tx *db.Tx, by audit.Actor, about string, side Side, in Contact) (_ Contact, err error) {
	day, bad := calendar.ParseDate(in.HeldOn)
	switch {
	case !slices.Contains(Channels, in.Channel):
		return in, ErrInvalid.In("channel")
	case bad != nil || day.After(calendar.On(tx.Now())):
		return in, ErrInvalid.In("held_on")
	}
	if in.Text, err = words(in.Text, "text", true); err != nil {
		return in, err
	}
	if err := screened(ctx, tx, by, side, about, content.Text{Field: "text", Text: in.Text}); err != nil {
		return in, err
	}
	in.ID, in.Side, in.By, in.At = tx.ID("cco"), side, by.User, tx.Now()
	sealed, err := tx.Keys().Seal(in.Text, sealedAt("contact.text", about))
	if err != nil {
		return in, err
	}
	_, err = tx.Exec(ctx, insertContact, about, in.ID, string(in.Side), string(in.Channel), in.HeldOn, sealed, in.By, db.Micros(in.At))
	return in, err
}

// Escalate brings a complaint to the operator, after the vendor has had its time.
func (u Rules) Escalate(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, text string) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.Escalate(%s)", id)
	c, err := mine(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Complaint{}, err
	}
	if err := helps(c.Matter, law); err != nil {
		return Complaint{}, err
	}
	if err := vendorFirst(c, tx.Now()); err != nil {
		return Complaint{}, err
	}
	if text, err = words(text, "text", true); err != nil {
		return Complaint{}, err
	}
	if err := u.escalate(ctx, tx, by, &c, User, text); err != nil {
		return Complaint{}, err
	}
	return c, moved(ctx, tx, c, evEscalate, false, true)
}

func (u Rules) escalate(ctx context.Context, tx *db.Tx, by audit.Actor, c *Complaint, side Side, text string) error {
	due, clock, err := dueAfter(ctx, tx, "complaint_decision")
	if err != nil {
		return err
	}
	c.OperatorOwes, c.OperatorDue, c.Clock, c.EscalatedAt, c.LapseAt = true, due, clock, tx.Now(), time.Time{}
	return step(ctx, tx, by, c, evEscalate, side, said{note: text, clause: "ECL 61", due: due})
}

// Mediate puts a proposal before both parties. It binds nobody.
func (u Rules) Mediate(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, text string) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.Mediate(%s)", id)
	c, err := staffed(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	if text, err = words(text, "text", true); err != nil {
		return Complaint{}, err
	}
	if err := NoWarranty(text); err != nil {
		return Complaint{}, err
	}
	c.Owner = by.User
	if err := step(ctx, tx, by, &c, evMediate, Operator, said{note: text, clause: "ECL 61"}); err != nil {
		return Complaint{}, err
	}
	return c, moved(ctx, tx, c, evMediate, true, true)
}

// Ruling is what the operator found in a complaint that was brought to it.
type Ruling struct {
	Finding Finding
	Clause  string // what it rests on
	Note    string
}

// Decide ends the operator's part of a complaint. It decides no liability of the
// parties to each other. What was decided and reopened another person decides.
func (u Rules) Decide(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Ruling) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.Decide(%s)", id)
	c, err := staffed(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	switch {
	case !c.Decidable():
		return Complaint{}, ErrState.With("State", c.State)
	case !slices.Contains(Findings, in.Finding):
		return Complaint{}, ErrInvalid.In("finding")
	case !basis.MatchString(in.Clause):
		return Complaint{}, ErrInvalid.In("clause")
	}
	if in.Note, err = words(in.Note, "note", true); err != nil {
		return Complaint{}, err
	}
	if err := NoWarranty(in.Note); err != nil {
		return Complaint{}, err
	}
	if err := another(c.DecidedBy, by.User); err != nil {
		return Complaint{}, err
	}
	c.Owner, c.DecidedBy, c.Finding, c.OperatorOwes, c.VendorOwes = by.User, by.User, in.Finding, false, false
	if err := closeLater(ctx, tx, &c); err != nil {
		return Complaint{}, err
	}
	if err := step(ctx, tx, by, &c, evDecide, Operator, said{note: in.Note, clause: in.Clause}); err != nil {
		return Complaint{}, err
	}
	return c, moved(ctx, tx, c, evDecide, true, true)
}

// Ending is how a complainant ends a complaint; stars of one to five, or none.
type Ending struct {
	Satisfied bool
	Stars     int64
	Note      string
}

// Close ends a complaint by its complainant. Before there was an answer that is
// taking it back.
func (u Rules) Close(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Ending) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.Close(%s)", id)
	c, err := mine(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	if in.Stars < 0 || in.Stars > 5 {
		return Complaint{}, ErrInvalid.In("stars")
	}
	if in.Note, err = words(in.Note, "text", false); err != nil {
		return Complaint{}, err
	}
	switch {
	case in.Satisfied:
		c.Outcome = Satisfied
	case c.State == Submitted, c.State == Assigned:
		c.Outcome = Withdrawn
	default:
		c.Outcome = Unsatisfied
	}
	if c.Outcome != Withdrawn {
		c.Stars = in.Stars
	}
	if err := step(ctx, tx, by, &c, evClose, User, said{note: in.Note}); err != nil {
		return Complaint{}, err
	}
	return c, moved(ctx, tx, c, evClose, false, true)
}

// Reopen takes a complaint up again that was closed not long ago: with whoever
// answered it, or, after a decision, with another person of the staff.
func (u Rules) Reopen(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, text string) (_ Complaint, err error) {
	defer fault.Wrap(&err, "complaint.Reopen(%s)", id)
	c, err := mine(ctx, tx, by, id, seen)
	if err != nil {
		return Complaint{}, err
	}
	if !c.Reopenable() || c.Matter == "" {
		return Complaint{}, ErrState.With("State", c.State)
	}
	rule, err := agreement.Setting[dayRule](ctx, tx, "complaint_reopen_within")
	if err != nil {
		return Complaint{}, err
	}
	if err := reopens(c.ClosedAt, tx.Now(), rule.Days); err != nil {
		return Complaint{}, err
	}
	if text, err = words(text, "text", true); err != nil {
		return Complaint{}, err
	}
	setting := "complaint_vendor_answer"
	if c.DecidedBy != "" || c.Matter == Platform {
		setting = "complaint_decision"
	}
	due, clock, err := dueAfter(ctx, tx, setting)
	if err != nil {
		return Complaint{}, err
	}
	c.Outcome, c.ClosedAt, c.Stars, c.Clock, c.LapseAt = "", time.Time{}, 0, clock, time.Time{}
	if setting == "complaint_decision" {
		c.OperatorOwes, c.OperatorDue = true, due
	} else {
		c.VendorOwes, c.VendorDue, c.VendorAnsweredAt = true, due, time.Time{}
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: overdueJob, Object: string(c.ID), Name: fmt.Sprint(db.Micros(due)), At: due.Add(time.Second)}); err != nil {
			return Complaint{}, err
		}
	}
	if err := step(ctx, tx, by, &c, evReopen, User, said{note: text, due: due}); err != nil {
		return Complaint{}, err
	}
	return c, moved(ctx, tx, c, evReopen, false, true)
}
