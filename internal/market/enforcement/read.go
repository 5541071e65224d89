package enforcement

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
	"yunshi/internal/market/vendor"
)

// typesInForce are the violations that the rulebook lists.
func typesInForce(ctx context.Context, r db.Reader) (map[string]Type, string, error) {
	v, rulebook, err := agreement.Cited[struct {
		Types map[string]Type `json:"types"`
	}](ctx, r, "violation_types")
	if err != nil {
		return nil, "", err
	}
	return withReturn(v.Types), rulebook, nil
}

// Types are the kinds of violation of the rulebook in force, by clause.
func Types(ctx context.Context, r db.Reader) (map[string]Type, error) {
	types, _, err := typesInForce(ctx, r)
	return types, err
}

// Proposal is what the rulebook suggests for a case, with the points that count
// for its subject before it.
type Proposal struct {
	Type     Type
	Points   int64 // before
	Measures []Plan
	Guidance string // code of the note to the reviewer
	Second   bool
}

// Suggest is what an officer is shown before deciding.
func Suggest(ctx context.Context, r db.Reader, c Case) (Proposal, error) {
	types, err := Types(ctx, r)
	if err != nil {
		return Proposal{}, err
	}
	rule, err := agreement.Setting[struct {
		Model      string      `json:"model"`
		Months     int         `json:"months"`
		Thresholds []Threshold `json:"thresholds"`
	}](ctx, r, "enforcement_points")
	if err != nil {
		return Proposal{}, err
	}
	law, err := agreement.LawInForce(ctx, r)
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{Type: types[c.Violation], Guidance: guidance(c.Violation, law)}
	if p.Points, err = db.Value[int64](ctx, r, sumPoints, string(c.Subject), db.Micros(calendar.MonthsLater(r.Now(), -rule.Months))); err != nil {
		return Proposal{}, err
	}
	p.Measures = suggest(p.Type, p.Points, rule.Thresholds, rule.Model, c)
	p.Second = needsSecond(p.Type, p.Measures)
	return p, nil
}

// PointsOf are the points that count against an account now.
func PointsOf(ctx context.Context, r db.Reader, of account.ID) (int64, error) {
	p, err := Suggest(ctx, r, Case{Subject: of})
	return p.Points, err
}

// Dossier is a case with all that belongs to it.
type Dossier struct {
	Case
	Exhibits []Exhibit
	Measures []Measure
	Rights   map[MeasureID][]Right
	Appeals  []Appeal
	Steps    []Step
	Claims   []Claim
	Ended    *Termination // of the subject's agreement
}

// Right is a right that a termination takes, as it stands.
type Right struct {
	ID    string
	State string // planned, held, ended or released
}

// Get is a case for the operator's people.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Dossier, error) {
	if !looks(by) {
		return Dossier{}, ErrForbidden
	}
	return file(ctx, r, id)
}

// Mine is a case as its subject sees it: facts, rule, measures and how to appeal,
// once it was served; not who reported, not the evidence itself and not who of the
// operator's people did what. For everybody else it does not exist.
func Mine(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Dossier, error) {
	f, err := file(ctx, r, id)
	if err != nil {
		return Dossier{}, err
	}
	if by.Account == "" || by.Account != string(f.Subject) {
		return Dossier{}, account.ErrForeign
	}
	if !f.State.Known() {
		return Dossier{}, ErrNotFound
	}
	f.Reporter, f.Reference, f.OpenedBy, f.DecidedBy, f.SecondBy = "", "", "", "", ""
	for i := range f.Exhibits {
		f.Exhibits[i].By, f.Exhibits[i].URL, f.Exhibits[i].Title = "", "", ""
	}
	f.Measures = slices.DeleteFunc(f.Measures, func(m Measure) bool { return m.State == Planned || m.State == Proposed || m.State == MeasureDropped })
	for i := range f.Measures {
		f.Measures[i].EndedBy, f.Measures[i].AdoptedBy = "", ""
	}
	for i := range f.Appeals {
		f.Appeals[i].DecidedBy = ""
	}
	f.Steps = slices.DeleteFunc(f.Steps, func(s Step) bool {
		return !s.To.Known() || s.Event == evSuggest || s.Event == evDrop || s.Event == evEvidence
	})
	for i, s := range f.Steps {
		if s.Side != Subject {
			f.Steps[i].Actor = ""
		}
		if s.Event == evServe || s.Event == evFurther {
			f.Steps[i].Note = ""
		}
	}
	return f, nil
}

func file(ctx context.Context, r db.Reader, id ID) (Dossier, error) {
	c, err := read(ctx, r, id)
	if err != nil {
		return Dossier{}, err
	}
	f := Dossier{Case: c, Rights: map[MeasureID][]Right{}}
	if f.Exhibits, err = db.All(ctx, r, scanExhibit(r), selectExhibits, string(id)); err != nil {
		return Dossier{}, err
	}
	if f.Measures, err = measuresOf(ctx, r, id); err != nil {
		return Dossier{}, err
	}
	for _, m := range f.Measures {
		if m.Kind != Terminate {
			continue
		}
		rights, err := db.All(ctx, r, scanRight, selectRights, string(m.ID))
		if err != nil {
			return Dossier{}, err
		}
		for _, one := range rights {
			f.Rights[m.ID] = append(f.Rights[m.ID], Right{string(one.id), one.state})
		}
	}
	if f.Appeals, err = db.All(ctx, r, scanAppeal(r), selectAppeals, string(id)); err != nil {
		return Dossier{}, err
	}
	if f.Steps, err = db.All(ctx, r, scanStep(r, id), selectSteps, string(id)); err != nil {
		return Dossier{}, err
	}
	if f.Claims, err = ClaimsOf(ctx, r, id); err != nil {
		return Dossier{}, err
	}
	t, err := TerminationOf(ctx, r, c.Subject)
	switch {
	case err == nil:
		f.Ended = &t
	case !errors.Is(err, ErrNotFound):
		return Dossier{}, err
	}
	return f, nil
}

// Desk lists the cases on which the operator has something to do.
func Desk(ctx context.Context, r db.Reader, n int) ([]Case, error) {
	return db.All(ctx, r, scanCase(r), selectDesk, db.Micros(r.Now()), n)
}

// DueOf says what is due in a case that is on the desk, and until when.
func DueOf(ctx context.Context, r db.Reader, c Case) (what string, due time.Time, err error) {
	switch c.State {
	case Appealed:
		all, err := db.All(ctx, r, scanAppeal(r), selectAppeals, string(c.ID))
		if err != nil {
			return "", due, err
		}
		for _, a := range all {
			if a.Outcome == "" {
				return string(a.Kind), a.DueAt, nil
			}
		}
		return "appeal", due, nil
	case SecondReview:
		return "second", due, nil
	case Opened, Evidence, Heard:
		return "decide", due, nil
	}
	all, err := measuresOf(ctx, r, c.ID)
	if err != nil {
		return "", due, err
	}
	what = "look"
	for _, m := range all {
		switch {
		case m.State == Proposed:
			return "proposed", due, nil
		case m.State == Answered:
			what = "answered"
		case m.State == Overdue:
			what = "overdue"
		case m.State == Effective && !m.ReviewAt.IsZero() && !r.Now().Before(m.ReviewAt):
			what, due = "review", m.ReviewAt
		}
	}
	return what, due, nil
}

// All lists every case, newest first, before the cursor.
func All(ctx context.Context, r db.Reader, before ID, n int) ([]Case, error) {
	if before == "" {
		before = "~"
	}
	return db.All(ctx, r, scanCase(r), selectAll, string(before), n)
}

// Against lists the newest cases about an account, for the operator's people.
func Against(ctx context.Context, r db.Reader, of account.ID, n int) ([]Case, error) {
	return db.All(ctx, r, scanCase(r), selectAgainst, string(of), n)
}

// OfSubject lists the newest cases that an account was told of.
func OfSubject(ctx context.Context, r db.Reader, of account.ID, n int) ([]Case, error) {
	all, err := db.All(ctx, r, scanCase(r), selectOfSubject, string(of), n)
	for i := range all {
		all[i].Reporter, all[i].Reference, all[i].OpenedBy, all[i].DecidedBy, all[i].SecondBy = "", "", "", "", ""
	}
	return all, err
}

// Citing lists the newest cases that rest on a clause.
func Citing(ctx context.Context, r db.Reader, clause string, n int) ([]Case, error) {
	return db.All(ctx, r, scanCase(r), selectCiting, clause, n)
}

// MeasuresOf are the measures of a case.
func MeasuresOf(ctx context.Context, r db.Reader, id ID) ([]Measure, error) {
	return measuresOf(ctx, r, id)
}

// Look opens a piece of evidence for a reason, which is recorded. Officers may.
func Look(ctx context.Context, tx *db.Tx, by audit.Actor, exhibit, reason string) (_ Exhibit, content []byte, err error) {
	defer fault.Wrap(&err, "enforcement.Look(%s)", exhibit)
	if !looks(by) {
		return Exhibit{}, nil, ErrForbidden
	}
	if reason, err = words(reason, "reason", true); err != nil {
		return Exhibit{}, nil, err
	}
	of, err := found(db.Value[ID](ctx, tx, selectExhibit, exhibit))
	if err != nil {
		return Exhibit{}, nil, err
	}
	all, err := db.All(ctx, tx, scanExhibit(tx), selectExhibits, string(of))
	if err != nil {
		return Exhibit{}, nil, err
	}
	i := slices.IndexFunc(all, func(e Exhibit) bool { return e.ID == exhibit })
	if i < 0 {
		return Exhibit{}, nil, ErrNotFound
	}
	sealed, err := db.Value[[]byte](ctx, tx, selectContent, exhibit)
	if err != nil {
		return Exhibit{}, nil, err
	}
	plain, err := tx.Keys().Open(sealed, exhibitAt("content", exhibit))
	if err != nil {
		return Exhibit{}, nil, err
	}
	return all[i], []byte(plain), audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.evidence_opened", Subjects: []string{exhibit, string(of)}, Clauses: []string{"UA 8.2"},
		Data: map[string]any{"reason_sha256": hashOf(reason), "sha256": all[i].SHA256},
	})
}

// TombstoneOf is what stands where content stood; false when it is not blocked.
func TombstoneOf(ctx context.Context, r db.Reader, of Content) (Tombstone, bool, error) {
	all, err := db.All(ctx, r, scanMeasure(r), selectBlocking, of.Kind, of.ID)
	if err != nil || len(all) == 0 {
		return Tombstone{}, false, err
	}
	m := all[0]
	c, err := read(ctx, r, m.Case)
	return Tombstone{Case: m.Case, Measure: m.ID, Clause: m.Clause, Since: m.EffectiveAt, Owner: c.Subject, SHA256: m.CopySHA256}, true, err
}

// Board is the public list of sanctions on vendors, newest first, before the
// cursor; what was revoked is not on it.
func Board(ctx context.Context, r db.Reader, before MeasureID, n int) ([]Sanction, error) {
	if before == "" {
		before = "~"
	}
	all, err := db.All(ctx, r, scanMeasure(r), selectBoard, string(before), n)
	if err != nil {
		return nil, err
	}
	out := make([]Sanction, 0, len(all))
	for _, m := range all {
		c, err := read(ctx, r, m.Case)
		if err != nil {
			return nil, err
		}
		v, err := vendor.Get(ctx, r, c.Vendor)
		if err != nil {
			return nil, err
		}
		out = append(out, Sanction{
			Measure: m.ID, Vendor: c.Vendor, Name: v.RegisteredName, Clause: m.Clause, Kind: m.Kind, Functions: m.Functions, State: m.State, From: m.EffectiveAt,
			Until: m.UntilAt, EndedAt: m.EndedAt, PublishedAt: m.PublishedAt, Appealed: c.State == Appealed,
		})
	}
	return out, nil
}

// ViolationOf is the clause that a case is about.
func ViolationOf(ctx context.Context, r db.Reader, id ID) (string, error) {
	c, err := read(ctx, r, id)
	return c.Violation, err
}
