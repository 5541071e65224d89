package enforcement

import (
	"context"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

// ExportPath is where a person gets its own data.
const ExportPath = "/account/privacy"

// right is one right that a termination takes.
type right struct {
	id        entitlement.ID
	state     string
	suspended bool // by the measure, which gives it back
}

func scanRight(s db.Scanner) (right, error) {
	var r right
	return r, s.Scan(&r.id, &r.state, &r.suspended)
}

// terminate ends an account's agreement: it may look at its data and nothing else,
// its unpaid orders are cancelled, the rights that the decision names are held, and
// the day is set from which its data may be erased.
func (u Rules) terminate(ctx context.Context, tx *db.Tx, by audit.Actor, c *Case, m *Measure) error {
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return err
	}
	grace, err := agreement.Setting[struct{ Days int }](ctx, tx, "purge_after_termination")
	if err != nil {
		return err
	}
	prior, err := account.Terminate(ctx, tx, by, c.Subject, string(c.ID))
	if err != nil {
		return err
	}
	m.Prior = string(prior)
	if err := u.hold(ctx, tx, by, *c, *m); err != nil {
		return err
	}
	if err := runOff(ctx, tx, by, c.Subject); err != nil {
		return err
	}
	if c.Vendor != "" {
		v, err := vendor.Get(ctx, tx, c.Vendor)
		if err != nil {
			return err
		}
		if v.State != vendor.Expelled && v.State != vendor.Exited {
			m.Prior += " " + string(v.State)
			if _, err := vendor.Move(ctx, tx, by, v.ID, vendor.Expelled, vendor.Basis{Case: string(c.ID), Clause: m.Clause}); err != nil {
				return err
			}
		}
	}
	now := tx.Now()
	purge := PurgeFrom(now, grace.Days, law)
	offered := db.Time(0)
	if law.ExportGrace {
		offered = now
	}
	// Another case may have ended the agreement before: the first end counts.
	n, err := tx.Exec(ctx, insertTermination, string(m.ID), string(c.Subject), db.Micros(now), db.Micros(purge), db.Micros(offered))
	if err != nil {
		return err
	}
	if err := agreement.Dissolve(ctx, tx, by, c.Subject, string(c.ID), now); err != nil {
		return err
	}
	if n == 1 && law.ExportGrace {
		if err := message.Send(ctx, tx, message.Notice{
			Code: "N-55", To: c.Subject, Link: ExportPath, Params: map[string]string{"Date": calendar.On(purge).String(), "Case": string(c.ID)},
		}); err != nil {
			return err
		}
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.dissolved", Subjects: []string{string(c.Subject), string(c.ID), string(m.ID)}, Clauses: []string{"UA 8.2.4", "UA 8.5"},
		Data: map[string]any{"dissolved_at": db.Micros(now), "purge_at": db.Micros(purge), "notice": c.Notice},
	}); err != nil {
		return err
	}
	if u.Terminated == nil {
		return nil
	}
	return u.Terminated(ctx, tx, by, *c)
}

// runOff cancels what the account has ordered and not paid for. What was paid is
// delivered and used to its end, but for the rights that the decision names.
func runOff(ctx context.Context, tx *db.Tx, by audit.Actor, of account.ID) error {
	owner := audit.Actor{Kind: audit.JobKind, User: by.User, Account: string(of)}
	for before := order.ID(""); ; {
		some, err := order.Mine(ctx, tx, owner, before, 100)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, o := range some {
			before = o.ID
			if o.State != order.AwaitingPayment {
				continue
			}
			if _, err := order.Cancel(ctx, tx, owner, o.ID); err != nil {
				return err
			}
		}
	}
}

// hold suspends the rights that a termination names, until it is final or undone.
func (u Rules) hold(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, m Measure) error {
	rights, err := db.All(ctx, tx, scanRight, selectRights, string(m.ID))
	if err != nil {
		return err
	}
	for _, r := range rights {
		if r.state != "planned" {
			continue
		}
		e, err := entitlement.Read(ctx, tx, r.id)
		if err != nil {
			return err
		}
		suspends := e.State == entitlement.Active
		if suspends {
			if _, err := entitlement.End(ctx, tx, by, r.id, entitlement.Suspended); err != nil {
				return err
			}
		}
		if err := moveRightTo(ctx, tx, m, r, "held", suspends); err != nil {
			return err
		}
		if err := u.tellBreach(ctx, tx, r.id); err != nil {
			return err
		}
	}
	return nil
}

func moveRightTo(ctx context.Context, tx *db.Tx, m Measure, r right, to string, suspended bool) error {
	n, err := tx.Exec(ctx, moveRight, to, suspended, string(m.ID), string(r.id), r.state)
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}

func (u Rules) tellBreach(ctx context.Context, tx *db.Tx, e entitlement.ID) error {
	if u.BreachDecided == nil {
		return nil
	}
	return u.BreachDecided(ctx, tx, e)
}

// release gives the rights back that a termination held.
func (u Rules) release(ctx context.Context, tx *db.Tx, by audit.Actor, m Measure) error {
	rights, err := db.All(ctx, tx, scanRight, selectRights, string(m.ID))
	if err != nil {
		return err
	}
	for _, r := range rights {
		if r.state != "planned" && r.state != "held" {
			continue
		}
		if r.suspended {
			e, err := entitlement.Read(ctx, tx, r.id)
			if err != nil {
				return err
			}
			if e.State == entitlement.Suspended {
				if _, err := entitlement.End(ctx, tx, by, r.id, entitlement.Active); err != nil {
					return err
				}
			}
		}
		if err := moveRightTo(ctx, tx, m, r, "released", false); err != nil {
			return err
		}
		if err := u.tellBreach(ctx, tx, r.id); err != nil {
			return err
		}
	}
	return nil
}

// settle ends for good the rights that a final decision takes.
func (u Rules) settle(ctx context.Context, tx *db.Tx, c Case) error {
	all, err := measuresOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	by := officer("enforcement.final")
	for _, m := range all {
		if m.Kind != Terminate || m.State != Effective && m.State != MeasureDecided {
			continue
		}
		rights, err := db.All(ctx, tx, scanRight, selectRights, string(m.ID))
		if err != nil {
			return err
		}
		for _, r := range rights {
			if r.state != "held" {
				continue
			}
			e, err := entitlement.Read(ctx, tx, r.id)
			if err != nil {
				return err
			}
			switch e.State {
			case entitlement.Pending, entitlement.Active, entitlement.Suspended, entitlement.Expired:
				if _, err := entitlement.End(ctx, tx, by, r.id, entitlement.Prohibited); err != nil {
					return err
				}
			}
			if err := moveRightTo(ctx, tx, m, r, "ended", r.suspended); err != nil {
				return err
			}
			if err := u.tellBreach(ctx, tx, r.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// reinstate undoes a termination that was lifted or revoked. Another one that
// stands keeps the account ended.
func (u Rules) reinstate(ctx context.Context, tx *db.Tx, by audit.Actor, c *Case, m Measure) error {
	if err := u.release(ctx, tx, by, m); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, undoTermination, db.Micros(tx.Now()), string(m.ID)); err != nil {
		return err
	}
	others, err := db.All(ctx, tx, scanMeasure(tx), selectEnding, string(c.Subject))
	if err != nil {
		return err
	}
	state, sold, _ := strings.Cut(m.Prior, " ")
	if account.State(state) == account.Terminated {
		return nil // an earlier case ended it, and stands
	}
	if err := agreement.Restore(ctx, tx, by, c.Subject, string(c.ID)); err != nil {
		return err
	}
	if len(others) > 0 {
		return u.inherit(ctx, tx, by, c, m, others[0])
	}
	if err := account.Reinstate(ctx, tx, by, c.Subject, account.State(state), string(c.ID)); err != nil {
		return err
	}
	if c.Vendor != "" && sold != "" {
		if err := vendor.Reinstate(ctx, tx, by, c.Vendor, vendor.State(sold), vendor.Basis{Case: string(c.ID), Clause: m.Clause}); err != nil {
			return err
		}
		// What other measures take still applies.
		if err := restrict(ctx, tx, by, *c, m.Clause, []string{Publish, Shop, Sell}); err != nil {
			return err
		}
	}
	if u.Reinstated == nil {
		return nil
	}
	return u.Reinstated(ctx, tx, by, *c)
}

// inherit keeps an agreement ended by another case when the first one is undone:
// how the account stood before, and the end itself, pass on to it.
func (u Rules) inherit(ctx context.Context, tx *db.Tx, by audit.Actor, c *Case, from, to Measure) error {
	if err := agreement.Dissolve(ctx, tx, by, c.Subject, string(to.Case), to.EffectiveAt); err != nil {
		return err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return err
	}
	grace, err := agreement.Setting[struct{ Days int }](ctx, tx, "purge_after_termination")
	if err != nil {
		return err
	}
	to.Prior = from.Prior
	if err := write(ctx, tx, &to, Effective, to.AdoptedBy); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertTermination, string(to.ID), string(c.Subject), db.Micros(to.EffectiveAt), db.Micros(PurgeFrom(to.EffectiveAt, grace.Days, law)), db.Micros(to.EffectiveAt))
	return err
}

// BreachOf tells whether a right is ended for its user's breach: while the decision
// can be appealed it is pending, then final, and revoked when it did not stand.
// It is what refund.Rules asks.
func BreachOf(ctx context.Context, r db.Reader, e entitlement.ID) (refund.Breach, error) {
	type row struct {
		id      ID
		measure MeasureState
		right   string
		final   int64
	}
	all, err := db.All(ctx, r, func(s db.Scanner) (v row, err error) {
		return v, s.Scan(&v.id, &v.measure, &v.right, &v.final)
	}, selectBreach, string(e))
	if err != nil {
		return refund.Breach{}, err
	}
	var out refund.Breach
	for _, v := range all {
		switch {
		case v.right == "ended":
			return refund.Breach{Case: string(v.id), State: refund.BreachFinal}, nil
		case v.right == "released" || v.measure == MeasureDropped && v.right == "planned":
			if out.State == "" && v.right == "released" {
				out = refund.Breach{Case: string(v.id), State: refund.BreachRevoked}
			}
		case v.measure == MeasureDecided || v.measure == Effective:
			out = refund.Breach{Case: string(v.id), State: refund.BreachPending}
		}
	}
	return out, nil
}

// MayPurge refuses PURGE_TOO_EARLY while an ended account's data must be kept for
// export. An account whose agreement stands is none of its business: NOT_FOUND.
func MayPurge(ctx context.Context, r db.Reader, of account.ID) (_ Termination, err error) {
	defer fault.Wrap(&err, "enforcement.MayPurge(%s)", of)
	t, err := TerminationOf(ctx, r, of)
	if err != nil {
		return Termination{}, err
	}
	return t, mayPurge(t, r.Now())
}

// TerminationOf is the end of an account's agreement, or NOT_FOUND.
func TerminationOf(ctx context.Context, r db.Reader, of account.ID) (Termination, error) {
	return found(db.One(ctx, r, scanTermination, selectTermination, string(of)))
}

// Purgeable lists the ended accounts whose data may be erased now.
func Purgeable(ctx context.Context, r db.Reader, n int) ([]Termination, error) {
	return db.All(ctx, r, scanTermination, selectPurgeable, db.Micros(r.Now()), n)
}

// OrderPurge records that a law orders to erase an ended account's data before its
// day. The order names the authority and its document.
func OrderPurge(ctx context.Context, tx *db.Tx, by audit.Actor, of account.ID, document string) (err error) {
	defer fault.Wrap(&err, "enforcement.OrderPurge(%s)", of)
	if !decides(by) {
		return ErrForbidden
	}
	if document, err = words(document, "document", true); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, orderPurge, document, by.User, string(of))
	if err == nil && n == 0 {
		err = ErrState
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: "enforcement.purge_ordered", Subjects: []string{string(of)}, Clauses: []string{"UA 8.5"}, Data: map[string]any{"document_sha256": hashOf(document)}})
}
