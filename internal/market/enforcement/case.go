package enforcement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
)

// Largest is how many bytes a piece of evidence may have.
const Largest = 4 << 20

const (
	longest = 4000 // characters that anybody may write in one field

	anything = 50 // exhibits of a report
)

// Open opens a case, or returns the one that the same reference led to. Anybody
// may cause it: an officer, a part of the market that was told something, a
// vendor by way of [ReportRight]; nothing happens to the subject until somebody
// decides.
func Open(ctx context.Context, tx *db.Tx, by audit.Actor, in Opening) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Open(%s, %s)", in.Subject, in.Violation)
	types, rulebook, err := typesInForce(ctx, tx)
	if err != nil {
		return Case{}, err
	}
	violation, kind, err := kindOf(in.Violation, types)
	if err != nil {
		return Case{}, err
	}
	if err := described(kind, in.Facts, in.Basis); err != nil {
		return Case{}, err
	}
	if err := proven(in.Source, int64(len(in.Evidence))); err != nil {
		return Case{}, err
	}
	if in.Facts, err = words(in.Facts, "facts", true); err != nil {
		return Case{}, err
	}
	if in.Basis, err = words(in.Basis, "basis", false); err != nil {
		return Case{}, err
	}
	of, err := account.Get(ctx, tx, in.Subject)
	switch {
	case err != nil:
		return Case{}, err
	case of.Kind == account.Operator:
		return Case{}, ErrInvalid.In("subject")
	case len(in.Evidence) > anything:
		return Case{}, ErrInvalid.In("evidence")
	}
	clauses := append([]string{violation}, in.Clauses...)
	if err := bindsAll(ctx, tx, nil, clauses); err != nil {
		return Case{}, err
	}
	if in.Reference != "" {
		known, err := db.All(ctx, tx, scanCase(tx), selectReference, string(in.Subject), string(in.Source), in.Reference, violation)
		if err != nil {
			return Case{}, err
		}
		if len(known) > 0 {
			return read(ctx, tx, known[0].ID)
		}
	}
	c := Case{
		ID: ID(tx.ID("enf")), Subject: in.Subject, Source: in.Source, Reference: in.Reference, Reporter: in.Reporter, Violation: violation, Facts: in.Facts,
		Basis: in.Basis, Content: in.Content, Right: in.Right, HumanOnly: kind.Human, State: Opened, Version: 1, Rulebook: rulebook, OpenedBy: by.User, OpenedAt: tx.Now(),
	}
	seller, sells, err := vendor.OfAccount(ctx, tx, in.Subject)
	if err != nil {
		return Case{}, err
	}
	if sells {
		c.Vendor = seller.ID
	}
	s := sealer{tx: tx}
	facts, reasons := s.seal(c.Facts, factsAt(c.ID)), s.seal("", reasonsAt(c.ID))
	if s.err != nil {
		return Case{}, s.err
	}
	n, err := tx.Exec(ctx, insertCase, string(c.ID), string(c.Subject), string(c.Vendor), string(c.Source), c.Reference, string(c.Reporter), c.Violation, facts, c.Basis,
		c.Content.Kind, c.Content.ID, string(c.Right), c.HumanOnly, reasons, c.Rulebook, c.OpenedBy, db.Micros(c.OpenedAt))
	if err != nil {
		return Case{}, err
	}
	if n == 0 {
		return Case{}, ErrStale // the same reference was handed in at this moment
	}
	if err := cite(ctx, tx, &c, clauses); err != nil {
		return Case{}, err
	}
	if err := note(ctx, tx, by, c, "", evOpen, sideOf(by), said{}); err != nil {
		return Case{}, err
	}
	for _, item := range in.Evidence {
		if _, err := keep(ctx, tx, by, c, item); err != nil {
			return Case{}, err
		}
	}
	return c, nil
}

// sideOf is on whose side an actor opens a case.
func sideOf(by audit.Actor) Side {
	switch {
	case by.Kind != audit.Person:
		return System
	case decides(by):
		return Officer
	}
	return Reporting
}

// cite adds clauses to a case.
func cite(ctx context.Context, tx *db.Tx, c *Case, clauses []string) error {
	for _, clause := range clauses {
		if _, err := tx.Exec(ctx, insertClause, string(c.ID), clause); err != nil {
			return err
		}
		if !slices.Contains(c.Clauses, clause) {
			c.Clauses = append(c.Clauses, clause)
		}
	}
	slices.Sort(c.Clauses)
	return nil
}

// bindsAll refuses clauses that stand in no document in force.
func bindsAll(ctx context.Context, r db.Reader, citable func(ctx context.Context, r db.Reader, clause string) error, clauses []string) error {
	documents := map[string][]agreement.Clause{}
	var failed error
	err := onClauses(clauses, func(clause string) bool {
		source, id, _ := strings.Cut(clause, " ")
		code := agreement.UserAgreement
		switch source {
		case "UA":
		case "RB":
			end := strings.LastIndex(id, "-")
			if end <= 0 {
				return false
			}
			code = id[:end]
		default:
			return false
		}
		parts, known := documents[code]
		if !known {
			v, err := agreement.ReadDocument(ctx, r, code, 0)
			if err != nil && !errors.Is(err, agreement.ErrNotFound) {
				failed = err
				return false
			}
			parts = v.Clauses
			documents[code] = parts
		}
		return slices.ContainsFunc(parts, func(c agreement.Clause) bool { return c.ID == id })
	})
	if failed != nil {
		return failed
	}
	if err != nil || citable == nil {
		return err
	}
	for _, clause := range clauses {
		if err := citable(ctx, r, clause); err != nil {
			return err
		}
	}
	return nil
}

// keep stores a piece of evidence: sealed, with the hash of what was handed in.
func keep(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, item Item) (Exhibit, error) {
	e := Exhibit{
		ID: tx.ID("evd"), Kind: item.Kind, Title: strings.TrimSpace(item.Title), URL: strings.TrimSpace(item.URL), MediaType: item.MediaType, Size: int64(len(item.Content)),
		CapturedAt: item.CapturedAt, By: by.User, At: tx.Now(),
	}
	switch {
	case len(item.Content) == 0 || strings.TrimSpace(string(item.Content)) == "":
		return Exhibit{}, ErrRequired.In("evidence")
	case len(item.Content) > Largest || utf8.RuneCountInString(e.Title) > 200 || len(e.URL) > 2000,
		!slices.Contains([]ItemKind{Report, Capture, File, Recorded, Statement, Hearing}, e.Kind), e.CapturedAt.After(tx.Now()):
		return Exhibit{}, ErrInvalid.In("evidence")
	}
	if e.MediaType == "" {
		e.MediaType = "text/plain"
	}
	if e.CapturedAt.IsZero() {
		e.CapturedAt = tx.Now()
	}
	sum := sha256.Sum256(item.Content)
	e.SHA256 = hex.EncodeToString(sum[:])
	s := sealer{tx: tx}
	content, title, url := s.seal(string(item.Content), exhibitAt("content", e.ID)), s.seal(e.Title, exhibitAt("title", e.ID)), s.seal(e.URL, exhibitAt("url", e.ID))
	if s.err != nil {
		return Exhibit{}, s.err
	}
	if _, err := tx.Exec(ctx, insertExhibit, string(c.ID), content, e.ID, string(e.Kind), title, url, e.MediaType, e.Size, e.SHA256, db.Micros(e.CapturedAt), e.By,
		db.Micros(e.At)); err != nil {
		return Exhibit{}, err
	}
	return e, audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.evidence", Subjects: []string{string(c.ID), e.ID}, Clauses: append([]string{"UA 8.2"}, c.Clauses...),
		Data: map[string]any{"kind": e.Kind, "sha256": e.SHA256, "size": e.Size},
	})
}

// Add adds evidence to a case. Officers may; and whoever reported it, until it is
// decided.
func Add(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, item Item) (_ Exhibit, err error) {
	defer fault.Wrap(&err, "enforcement.Add(%s)", id)
	c, err := current(ctx, tx, id, seen)
	if err != nil {
		return Exhibit{}, err
	}
	side := Officer
	if !decides(by) {
		if c.Reporter == "" || by.Account != string(c.Reporter) {
			return Exhibit{}, account.ErrForeign
		}
		side = Reporting
	} else if err := notOwn(c, by); err != nil {
		return Exhibit{}, err
	}
	if err := step(ctx, tx, by, &c, evEvidence, side, said{}); err != nil {
		return Exhibit{}, err
	}
	return keep(ctx, tx, by, c, item)
}

// Hear keeps what the subject said when it was heard, before a decision.
func Hear(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, account string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Hear(%s)", id)
	c, err := onDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	if account, err = words(account, "hearing", true); err != nil {
		return Case{}, err
	}
	if err := step(ctx, tx, by, &c, evHear, Officer, said{}); err != nil {
		return Case{}, err
	}
	_, err = keep(ctx, tx, by, c, Item{Kind: Hearing, Content: []byte(account)})
	return c, err
}

// Dismiss ends a case in which there is nothing to do, and tells who reported it.
func Dismiss(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, reasons string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Dismiss(%s)", id)
	c, err := onDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	if c.Reasons, err = words(reasons, "reasons", true); err != nil {
		return Case{}, err
	}
	c.EndedAt = tx.Now()
	if err := step(ctx, tx, by, &c, evDismiss, Officer, said{note: c.Reasons}); err != nil {
		return Case{}, err
	}
	return c, tellReporter(ctx, tx, c, "dismissed")
}

// Decide takes measures on a case, one or several. Where one person is not enough
// it becomes a proposal, for [Rules.Confirm]. A program may decide what the rulebook
// lists for programs.
func (u Rules) Decide(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, in Decision) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Decide(%s)", id)
	person := by.Kind == audit.Person
	var c Case
	if person {
		c, err = onDesk(ctx, tx, by, id, seen)
	} else {
		c, err = current(ctx, tx, id, seen)
	}
	if err != nil {
		return Case{}, err
	}
	types, _, err := typesInForce(ctx, tx)
	if err != nil {
		return Case{}, err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Case{}, err
	}
	if len(in.Clauses) == 0 {
		in.Clauses = []string{c.Violation}
	}
	kind := types[c.Violation]
	for _, clause := range in.Clauses {
		kind.Second = kind.Second || types[clause].Second && len(in.Clauses) == 1
	}
	if err := bindsAll(ctx, tx, u.Citable, in.Clauses); err != nil {
		return Case{}, err
	}
	exhibits, err := db.Value[int64](ctx, tx, countExhibits, string(id))
	if err != nil {
		return Case{}, err
	}
	if err := proven(c.Source, exhibits); err != nil {
		return Case{}, err
	}
	if err := described(kind, c.Facts, c.Basis); err != nil {
		return Case{}, err
	}
	if err := byPerson(c, by); err != nil {
		return Case{}, err
	}
	if !person {
		most, err := agreement.Setting[struct{ Days int }](ctx, tx, "enforcement_automatic")
		if err != nil {
			return Case{}, err
		}
		if err := automatic(c, kind, in.Measures, most.Days, law); err != nil {
			return Case{}, err
		}
	}
	if err := reasoned(in.Reasons, law); err != nil {
		return Case{}, err
	}
	if c.Reasons, err = words(in.Reasons, "reasons", false); err != nil {
		return Case{}, err
	}
	if len(in.Measures) == 0 {
		return Case{}, ErrRequired.In("measures")
	}
	if in.Points < 0 {
		in.Points = kind.Points
	}
	if err := cite(ctx, tx, &c, in.Clauses); err != nil {
		return Case{}, err
	}
	second := needsSecond(kind, in.Measures)
	state := MeasureDecided
	if second {
		state = Planned
	}
	for i, p := range in.Measures {
		points := int64(0)
		if i == 0 {
			points = in.Points
		}
		if _, err := u.plan(ctx, tx, c, in.Clauses[0], p, points, state); err != nil {
			return Case{}, err
		}
	}
	c.NeedsSecond, c.Automated, c.DecidedBy, c.DecidedAt = second, !person, by.User, tx.Now()
	said := said{note: c.Reasons, clause: in.Clauses[0]}
	if second {
		return c, step(ctx, tx, by, &c, evPropose, Officer, said)
	}
	side := Officer
	if !person {
		side = System
	}
	if err := step(ctx, tx, by, &c, evDecide, side, said); err != nil {
		return Case{}, err
	}
	return c, job.Enqueue(ctx, tx, job.Spec{Kind: serveJob, Object: string(c.ID), Unique: true})
}

// Confirm is the second person's word on a proposal: yes has it served, no brings
// the case back.
func (u Rules) Confirm(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, yes bool, why string) (_ Case, err error) {
	defer fault.Wrap(&err, "enforcement.Confirm(%s)", id)
	c, err := onDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Case{}, err
	}
	if why, err = words(why, "reasons", !yes); err != nil {
		return Case{}, err
	}
	if c.State == SecondReview {
		if err := another(by, c.DecidedBy); err != nil {
			return Case{}, err
		}
	}
	measures, err := measuresOf(ctx, tx, id)
	if err != nil {
		return Case{}, err
	}
	if !yes {
		for _, m := range measures {
			if m.State != Planned {
				continue
			}
			if err := turn(ctx, tx, &m, MeasureDropped, by.User); err != nil {
				return Case{}, err
			}
		}
		c.DecidedBy, c.DecidedAt, c.NeedsSecond = "", time.Time{}, false
		return c, step(ctx, tx, by, &c, evDecline, Second, said{note: why})
	}
	for _, m := range measures {
		if m.State != Planned {
			continue
		}
		if m.Kind == Terminate {
			if err := mayTerminate(c.DecidedBy, by.User); err != nil {
				return Case{}, err
			}
		}
		if err := turn(ctx, tx, &m, MeasureDecided, ""); err != nil {
			return Case{}, err
		}
	}
	c.SecondBy = by.User
	if err := step(ctx, tx, by, &c, evConfirm, Second, said{note: why}); err != nil {
		return Case{}, err
	}
	return c, job.Enqueue(ctx, tx, job.Spec{Kind: serveJob, Object: string(c.ID), Unique: true})
}

// plan checks a measure and stores it.
func (u Rules) plan(ctx context.Context, tx *db.Tx, c Case, clause string, p Plan, points int64, state MeasureState) (Measure, error) {
	m := Measure{
		ID: MeasureID(tx.ID("msr")), Case: c.ID, Clause: clause, Kind: p.Kind, Content: p.Content, Points: points, Days: int64(p.Days), ReviewDays: int64(p.ReviewDays), State: state,
	}
	var err error
	if m.Demand, err = words(p.Demand, "demand", false); err != nil {
		return Measure{}, err
	}
	if m.Necessity, err = words(p.Necessity, "necessity", false); err != nil {
		return Measure{}, err
	}
	if p.Days < 0 || p.Days > 3650 || p.ReviewDays < 0 || p.ReviewDays > 3650 {
		return Measure{}, ErrInvalid.In("days")
	}
	switch p.Kind {
	case Rectify:
		err = ordered(p)
	case Block:
		err = blockable(p, u.Content)
	case Restrict:
		m.Functions, err = restricts(p.Functions, c.Vendor != "")
	case Other:
		err = fitting(p)
	case Terminate:
		if p.Days != 0 {
			err = ErrInvalid.In("days")
		}
	default:
		err = ErrInvalid.In("kind")
	}
	if err != nil {
		return Measure{}, err
	}
	if p.Kind == Rectify || p.Kind == Block {
		if err := u.owned(ctx, tx, c, p.Content); err != nil {
			return Measure{}, err
		}
	} else {
		m.Content = Content{}
	}
	s := sealer{tx: tx}
	none, demand, necessity, answer := s.seal("", measureAt("copy", m.ID)), s.seal(m.Demand, measureAt("demand", m.ID)), s.seal(m.Necessity, measureAt("necessity", m.ID)),
		s.seal("", measureAt("answer", m.ID))
	if s.err != nil {
		return Measure{}, s.err
	}
	if _, err := tx.Exec(ctx, insertMeasure, none, string(m.ID), string(m.Case), m.Clause, string(m.Kind), strings.Join(m.Functions, " "), m.Content.Kind, m.Content.ID,
		demand, necessity, m.Points, m.Days, m.ReviewDays, string(m.State), answer); err != nil {
		return Measure{}, err
	}
	if p.Kind != Terminate {
		return m, nil
	}
	for _, id := range p.Rights {
		right, err := entitlement.Read(ctx, tx, id)
		if err != nil {
			return Measure{}, err
		}
		if right.Account != c.Subject {
			return Measure{}, ErrInvalid.In("rights")
		}
		if _, err := tx.Exec(ctx, insertRight, string(m.ID), string(id)); err != nil {
			return Measure{}, err
		}
	}
	return m, nil
}

// owned refuses a measure on content of somebody else than the subject.
func (u Rules) owned(ctx context.Context, r db.Reader, c Case, of Content) error {
	b, known := u.Content[of.Kind]
	if !known {
		return ErrNoContent.In("content")
	}
	shown, err := b.Show(ctx, r, of.ID)
	if err != nil {
		return err
	}
	if shown.Owner != c.Subject {
		return ErrInvalid.In("content")
	}
	return nil
}

// onDesk is a case as an officer who may decide it saw it.
func onDesk(ctx context.Context, r db.Reader, by audit.Actor, id ID, seen int64) (Case, error) {
	if !decides(by) {
		return Case{}, ErrForbidden
	}
	c, err := current(ctx, r, id, seen)
	if err != nil {
		return Case{}, err
	}
	return c, notOwn(c, by)
}

// notOwn refuses whoever would decide on the own account or the own report.
func notOwn(c Case, by audit.Actor) error {
	if by.Account == string(c.Subject) {
		return ErrForbidden
	}
	return nil
}

// current is a case, if it is still the one that was shown.
func current(ctx context.Context, r db.Reader, id ID, seen int64) (Case, error) {
	c, err := read(ctx, r, id)
	if err == nil && c.Version != seen {
		err = ErrStale
	}
	if err != nil {
		return Case{}, err
	}
	return c, nil
}

// words trims what somebody wrote and refuses too much of it, or none where some
// is needed.
func words(s, field string, needed bool) (string, error) {
	return fault.Words(s, field, needed, longest, ErrRequired, ErrInvalid)
}

// said is what an actor adds to a step.
type said struct {
	note    string
	clause  string
	measure MeasureID
}

// step is the only change of a case's state: it asks the machine, writes the row
// if it is still the one that was read, and notes the step.
func step(ctx context.Context, tx *db.Tx, by audit.Actor, c *Case, e Event, side Side, s said) error {
	from := c.State
	to, err := next(from, e, side)
	if err != nil {
		return err
	}
	c.State = to
	if to.Over() && c.EndedAt.IsZero() {
		c.EndedAt = tx.Now()
	}
	reasons, err := tx.Keys().Seal(c.Reasons, reasonsAt(c.ID))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, moveCase, string(c.State), c.NeedsSecond, c.Automated, reasons, c.DecidedBy, db.Micros(c.DecidedAt), c.SecondBy, db.Micros(c.HumanAsked),
		db.Micros(c.ServedAt), c.Notice, db.Micros(c.AppealUntil), db.Micros(c.FinalAt), db.Micros(c.EndedAt), string(c.ID), c.Version, string(from))
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
func note(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, from State, e Event, side Side, s said) error {
	if s.clause == "" {
		s.clause = c.Violation
	}
	sealed, err := tx.Keys().Seal(s.note, noteAt(c.ID))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertStep, string(c.ID), c.Version, string(from), string(e), string(c.State), string(side), by.User, string(s.measure), s.clause, sealed,
		db.Micros(tx.Now())); err != nil {
		return err
	}
	clauses := append([]string{"UA 8.2"}, c.Clauses...)
	data := map[string]any{"from": from, "to": c.State, "side": side, "source": c.Source, "rulebook": c.Rulebook}
	if s.measure != "" {
		m, err := readMeasure(ctx, tx, s.measure)
		if err != nil {
			return err
		}
		clauses = append(clauses, "UA "+string(m.Kind))
		data["measure"], data["measure_state"] = m.Kind, m.State
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement." + string(e), Subjects: []string{string(c.ID), string(c.Subject), string(c.Vendor), string(s.measure)}, Clauses: clauses, Data: data,
	})
}
