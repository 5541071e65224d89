package enforcement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
)

// turn is the only change of a measure's state: it writes the row if it is still
// in the state that was read.
func turn(ctx context.Context, tx *db.Tx, m *Measure, to MeasureState, by string) error {
	from, adopted := m.State, m.AdoptedBy
	if !slices.Contains(measureMoves[from], to) {
		return ErrState.With("State", from)
	}
	m.State = to
	if !to.Running() && !to.waits() {
		m.EndedAt, m.EndedBy = tx.Now(), by
	}
	return write(ctx, tx, m, from, adopted)
}

// write stores a measure that was read in a state, with the first signature that
// it had then.
func write(ctx context.Context, tx *db.Tx, m *Measure, from MeasureState, adopted string) error {
	answer, err := tx.Keys().Seal(m.Answer, measureAt("answer", m.ID))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, moveMeasure, string(m.State), db.Micros(m.DueAt), db.Micros(m.UntilAt), db.Micros(m.ReviewAt), db.Micros(m.EffectiveAt), db.Micros(m.EndedAt),
		m.EndedBy, m.AdoptedBy, m.Prior, m.CopySHA256, answer, db.Micros(m.PublishedAt), string(m.ID), string(from), adopted)
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}

// officer is the actor by which a served measure acts on other parts of the
// market: the decision was an officer's, its effect is the work of a job.
func officer(name string) audit.Actor {
	by := audit.Job(name)
	by.Roles = []string{account.Compliance}
	return by
}

// force brings a measure into force, at the moment of its service.
func (u Rules) force(ctx context.Context, tx *db.Tx, by audit.Actor, c *Case, m *Measure) error {
	now := tx.Now()
	m.EffectiveAt, m.UntilAt = now, lasts(now, m.Days)
	if m.ReviewDays > 0 {
		m.ReviewAt = lasts(now, m.ReviewDays)
	}
	if published(*c, *m) {
		m.PublishedAt = now
	}
	switch m.Kind {
	case Rectify:
		m.DueAt, m.UntilAt = m.UntilAt, time.Time{}
	case Block:
		if err := u.block(ctx, tx, by, *c, m); err != nil {
			return err
		}
	case Terminate:
		if err := u.terminate(ctx, tx, by, c, m); err != nil {
			return err
		}
	}
	if err := turn(ctx, tx, m, Effective, ""); err != nil {
		return err
	}
	if m.Kind == Restrict {
		if err := restrict(ctx, tx, by, *c, m.Clause, m.Functions); err != nil {
			return err
		}
	}
	clauses := []string{"UA 8.2", "UA " + string(m.Kind), m.Clause}
	if !m.PublishedAt.IsZero() {
		clauses = append(clauses, "ECL 36")
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.measure_in_force", Subjects: []string{string(m.ID), string(c.ID), string(c.Subject), string(c.Vendor), m.Content.ID}, Clauses: clauses,
		Data: map[string]any{"kind": m.Kind, "functions": m.Functions, "until": db.Micros(m.UntilAt), "due": db.Micros(m.DueAt), "copy_sha256": m.CopySHA256, "published": !m.PublishedAt.IsZero()},
	}); err != nil {
		return err
	}
	switch {
	case m.Kind == Rectify:
		return job.Enqueue(ctx, tx, job.Spec{Kind: overdueJob, Object: string(m.ID), At: m.DueAt.Add(time.Microsecond), Unique: true})
	case !m.UntilAt.IsZero():
		return job.Enqueue(ctx, tx, expiry(*m))
	}
	return nil
}

// block seals a copy of the content and has it blocked. What another case blocks
// already goes back, with the last of them, to how it stood before the first.
func (u Rules) block(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, m *Measure) error {
	b, known := u.Content[m.Content.Kind]
	if !known {
		return ErrNoContent
	}
	shown, err := b.Show(ctx, tx, m.Content.ID)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(shown.Bytes)
	m.CopySHA256 = hex.EncodeToString(sum[:])
	sealed, err := tx.Keys().Seal(string(shown.Bytes), measureAt("copy", m.ID))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, keepCopy, sealed, string(m.ID)); err != nil {
		return err
	}
	others, err := db.All(ctx, tx, scanMeasure(tx), selectBlocking, m.Content.Kind, m.Content.ID)
	if err != nil {
		return err
	}
	if m.Prior, err = b.Block(ctx, tx, by, m.Content.ID, c.ID); err == nil && len(others) > 0 {
		m.Prior = others[0].Prior
	}
	return err
}

// CopyOf is the sealed copy of what a measure blocks, opened for a reason.
func CopyOf(ctx context.Context, tx *db.Tx, by audit.Actor, id MeasureID, reason string) (_ []byte, err error) {
	defer fault.Wrap(&err, "enforcement.CopyOf(%s)", id)
	if !decides(by) {
		return nil, ErrForbidden
	}
	if reason, err = words(reason, "reason", true); err != nil {
		return nil, err
	}
	m, err := readMeasure(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if m.CopySHA256 == "" {
		return nil, ErrNotFound
	}
	sealed, err := db.Value[[]byte](ctx, tx, selectCopy, string(id))
	if err != nil {
		return nil, err
	}
	plain, err := tx.Keys().Open(sealed, measureAt("copy", id))
	if err != nil {
		return nil, err
	}
	return []byte(plain), audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.copy_opened", Subjects: []string{string(id), string(m.Case), m.Content.ID}, Clauses: []string{"UA 8.2.2"},
		Data: map[string]any{"reason_sha256": hashOf(reason), "sha256": m.CopySHA256},
	})
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// restrict sets the functions of a subject to what the measures in force take from
// it, so that lifting one leaves what another one takes.
func restrict(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, clause string, functions []string) error {
	taking, err := db.All(ctx, tx, scanMeasure(tx), selectTaking, string(c.Subject))
	if err != nil {
		return err
	}
	now := tx.Now()
	taking = slices.DeleteFunc(taking, func(m Measure) bool { return !m.UntilAt.IsZero() && now.After(m.UntilAt) })
	var all []string
	for _, m := range taking {
		all = append(all, m.Functions...)
	}
	for _, f := range functions {
		if ofVendor(f) {
			continue
		}
		longest := -1
		for i, m := range taking {
			if slices.Contains(m.Functions, f) && (longest < 0 || outlasts(m, taking[longest])) {
				longest = i
			}
		}
		if longest < 0 {
			err = account.Lift(ctx, tx, by, c.Subject, f)
			if errors.Is(err, account.ErrNotFound) {
				err = nil
			}
		} else {
			m := taking[longest]
			until := m.UntilAt
			if !until.IsZero() {
				until = until.Add(time.Microsecond) // the end of a restriction does not count, the last moment of a measure does
			}
			err = account.Restrict(ctx, tx, by, account.Restriction{Account: c.Subject, Capability: f, Until: until, Case: string(m.Case)})
		}
		if err != nil {
			return err
		}
	}
	if c.Vendor == "" || !slices.ContainsFunc(functions, ofVendor) {
		return nil
	}
	return moveVendor(ctx, tx, by, c, clause, vendorState(all))
}

// outlasts reports whether a measure ends after another.
func outlasts(a, b Measure) bool {
	return !b.UntilAt.IsZero() && (a.UntilAt.IsZero() || a.UntilAt.After(b.UntilAt))
}

// moveVendor brings a vendor that takes part in the market into a state. One that
// applies, leaves or was expelled stays as it is.
func moveVendor(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, clause string, to vendor.State) error {
	v, err := vendor.Get(ctx, tx, c.Vendor)
	if err != nil || v.State == to {
		return err
	}
	switch v.State {
	case vendor.Onboarded, vendor.PublishLimited, vendor.ShopHidden, vendor.Suspended:
		_, err = vendor.Move(ctx, tx, by, v.ID, to, vendor.Basis{Case: string(c.ID), Clause: clause})
	}
	return err
}

// undo takes back what a measure in force does. The caller has ended it.
func (u Rules) undo(ctx context.Context, tx *db.Tx, by audit.Actor, c *Case, m Measure) error {
	switch m.Kind {
	case Block:
		b, known := u.Content[m.Content.Kind]
		if !known {
			return ErrNoContent
		}
		return b.Restore(ctx, tx, by, m.Content.ID, c.ID, m.Prior)
	case Restrict:
		return restrict(ctx, tx, by, *c, m.Clause, m.Functions)
	case Terminate:
		return u.reinstate(ctx, tx, by, c, m)
	}
	return nil
}

// Lift ends one measure of a case and leaves the others. It needs a reason.
func (u Rules) Lift(ctx context.Context, tx *db.Tx, by audit.Actor, id MeasureID, seen int64, reason string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Lift(%s)", id)
	c, m, err := ofMeasure(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	if reason, err = words(reason, "reason", true); err != nil {
		return Case{}, err
	}
	if err := turn(ctx, tx, &m, Lifted, by.User); err != nil {
		return Case{}, err
	}
	if err := u.undo(ctx, tx, officer("enforcement.lift"), &c, m); err != nil {
		return Case{}, err
	}
	if err := step(ctx, tx, by, &c, evLift, Officer, said{note: reason, measure: m.ID}); err != nil {
		return Case{}, err
	}
	if err := tellMeasure(ctx, tx, c, m, "lifted", reason); err != nil {
		return Case{}, err
	}
	return c, u.conclude(ctx, tx, &c)
}

// ofMeasure is a measure with its case, as an officer saw them.
func ofMeasure(ctx context.Context, r db.Reader, by audit.Actor, id MeasureID, seen int64) (Case, Measure, error) {
	m, err := readMeasure(ctx, r, id)
	if err != nil {
		return Case{}, Measure{}, err
	}
	c, err := onDesk(ctx, r, by, m.Case, seen)
	return c, m, err
}

// Answer is the subject's word that it did what an order asked for. An officer
// looks at it; the order is no longer overdue by itself.
func Answer(ctx context.Context, tx *db.Tx, by audit.Actor, id MeasureID, seen int64, text string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Answer(%s)", id)
	if text, err = words(text, "text", true); err != nil {
		return Case{}, err
	}
	m, err := readMeasure(ctx, tx, id)
	if err != nil {
		return Case{}, err
	}
	c, err := against(ctx, tx, by, m.Case, seen)
	if err != nil {
		return Case{}, err
	}
	if m.Kind != Rectify {
		return Case{}, ErrState.With("State", m.State)
	}
	m.Answer = text
	if err := turn(ctx, tx, &m, Answered, by.User); err != nil {
		return Case{}, err
	}
	return c, step(ctx, tx, by, &c, evAnswer, Subject, said{measure: m.ID})
}

// Judge says whether an order was followed. One that was not is overdue, and
// removal is proposed.
func (u Rules) Judge(ctx context.Context, tx *db.Tx, by audit.Actor, id MeasureID, seen int64, followed bool, why string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Judge(%s)", id)
	c, m, err := ofMeasure(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	if why, err = words(why, "reason", !followed); err != nil {
		return Case{}, err
	}
	if m.Kind != Rectify {
		return Case{}, ErrState.With("State", m.State)
	}
	if !followed {
		if err := turn(ctx, tx, &m, Overdue, ""); err != nil {
			return Case{}, err
		}
		if err := step(ctx, tx, by, &c, evOverdue, Officer, said{note: why, measure: m.ID}); err != nil {
			return Case{}, err
		}
		return c, u.suggestBlock(ctx, tx, &c, m)
	}
	if err := turn(ctx, tx, &m, Complied, by.User); err != nil {
		return Case{}, err
	}
	if err := step(ctx, tx, by, &c, evComply, Officer, said{note: why, measure: m.ID}); err != nil {
		return Case{}, err
	}
	if err := tellMeasure(ctx, tx, c, m, "complied", why); err != nil {
		return Case{}, err
	}
	// What was proposed because of the order is moot.
	all, err := measuresOf(ctx, tx, c.ID)
	if err != nil {
		return Case{}, err
	}
	for _, other := range all {
		if other.State == Proposed && other.Content == m.Content {
			if err := turn(ctx, tx, &other, MeasureDropped, by.User); err != nil {
				return Case{}, err
			}
		}
	}
	return c, u.conclude(ctx, tx, &c)
}

// suggestBlock proposes to remove what an order was not followed for. A person
// adopts or drops it; until then nothing happens.
func (u Rules) suggestBlock(ctx context.Context, tx *db.Tx, c *Case, order Measure) error {
	all, err := measuresOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Kind == Block && m.Content == order.Content && (m.State.waits() || m.State.Running()) {
			return nil
		}
	}
	m, err := u.plan(ctx, tx, *c, order.Clause, Plan{Kind: Block, Content: order.Content, Demand: order.Demand}, 0, Proposed)
	if err != nil {
		return err
	}
	return step(ctx, tx, audit.Job("enforcement.overdue"), c, evSuggest, System, said{measure: m.ID})
}

// Adopt takes a measure that was proposed. In a case that two persons decided it
// takes two again.
func (u Rules) Adopt(ctx context.Context, tx *db.Tx, by audit.Actor, id MeasureID, seen int64, reason string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Adopt(%s)", id)
	c, m, err := ofMeasure(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Case{}, err
	}
	if err := reasoned(reason, law); err != nil {
		return Case{}, err
	}
	if reason, err = words(reason, "reasons", false); err != nil {
		return Case{}, err
	}
	if m.State != Proposed {
		return Case{}, ErrState.With("State", m.State)
	}
	side := Officer
	if c.NeedsSecond && m.AdoptedBy == "" {
		m.AdoptedBy = by.User
		if err := write(ctx, tx, &m, Proposed, ""); err != nil {
			return Case{}, err
		}
		return c, step(ctx, tx, by, &c, evAdopt, Officer, said{note: reason, measure: m.ID})
	}
	if c.NeedsSecond {
		if err := another(by, m.AdoptedBy); err != nil {
			return Case{}, err
		}
		side = Second
	}
	if err := turn(ctx, tx, &m, MeasureDecided, ""); err != nil {
		return Case{}, err
	}
	if err := step(ctx, tx, by, &c, evAdopt, side, said{note: reason, measure: m.ID}); err != nil {
		return Case{}, err
	}
	return c, job.Enqueue(ctx, tx, job.Spec{Kind: serveJob, Object: string(c.ID), Unique: true})
}

// Drop lets a proposed measure be.
func (u Rules) Drop(ctx context.Context, tx *db.Tx, by audit.Actor, id MeasureID, seen int64, reason string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Drop(%s)", id)
	c, m, err := ofMeasure(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	if reason, err = words(reason, "reason", true); err != nil {
		return Case{}, err
	}
	if m.State != Proposed {
		return Case{}, ErrState.With("State", m.State)
	}
	if err := turn(ctx, tx, &m, MeasureDropped, by.User); err != nil {
		return Case{}, err
	}
	if err := step(ctx, tx, by, &c, evDrop, Officer, said{note: reason, measure: m.ID}); err != nil {
		return Case{}, err
	}
	return c, u.conclude(ctx, tx, &c)
}

// conclude ends a case in which nothing runs and nothing can come any more.
func (u Rules) conclude(ctx context.Context, tx *db.Tx, c *Case) error {
	if c.FinalAt.IsZero() || !c.may(evEnd, System) {
		return nil
	}
	all, err := measuresOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(m Measure) bool { return m.State.Running() || m.State.waits() }) {
		return nil
	}
	return step(ctx, tx, audit.Job("enforcement.conclude"), c, evEnd, System, said{})
}
