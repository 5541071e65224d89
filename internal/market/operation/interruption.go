package operation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Outage is an interruption as it is first known.
type Outage struct {
	Component string
	Impact    string // "outage" or "degraded"
	Title     Both
	StartedAt time.Time // zero: now
	Everyone  bool
	Products  []string
	Orders    []string
}

// OpenInterruption begins the public file of an interruption and tells those
// concerned (N-82).
func OpenInterruption(ctx context.Context, tx *db.Tx, by audit.Actor, in Outage) (_ Interruption, err error) {
	defer fault.Wrap(&err, "operation.OpenInterruption(%s)", in.Component)
	if !onCall(by) {
		return Interruption{}, ErrForbidden
	}
	wrong := both("title", in.Title)
	if !slices.Contains(Components, in.Component) {
		wrong = append(wrong, ErrInvalid.In("component"))
	}
	if in.Impact != "outage" && in.Impact != "degraded" {
		wrong = append(wrong, ErrInvalid.In("impact"))
	}
	if in.StartedAt.IsZero() {
		in.StartedAt = tx.Now()
	}
	if in.StartedAt.After(tx.Now()) {
		wrong = append(wrong, ErrInvalid.In("started_at"))
	}
	if !in.Everyone && len(in.Products) == 0 && len(in.Orders) == 0 {
		wrong = append(wrong, ErrRequired.In("products"))
	}
	if err := wrong.Err(); err != nil {
		return Interruption{}, err
	}
	n := Interruption{
		ID: ID(tx.ID("itr")), State: Detected, Version: 1, Component: in.Component, Impact: in.Impact, Everyone: in.Everyone, Title: in.Title,
		StartedAt: in.StartedAt, DetectedAt: tx.Now(), OpenedBy: by.User,
	}
	tx.Queue(insertInterruption, string(n.ID), n.Component, n.Impact, n.Everyone, n.Title.ZH, n.Title.EN, db.Micros(n.StartedAt), db.Micros(n.DetectedAt), by.User, []byte{})
	if !n.Everyone {
		n.Products, n.Orders = distinct(in.Products), distinct(in.Orders)
		for _, p := range n.Products {
			tx.Queue(insertAffected, string(n.ID), "product", p)
		}
		for _, o := range n.Orders {
			tx.Queue(insertAffected, string(n.ID), "order", o)
		}
	}
	if err := enter(tx, n.ID, Entry{Seq: 1, Event: string(Detected), Public: true, Actor: by.User}); err != nil {
		return Interruption{}, err
	}
	if err := n.tell(ctx, tx, "started"); err != nil {
		return Interruption{}, err
	}
	return n, n.record(ctx, tx, by, "operation.interruption_opened")
}

func distinct(ids []string) []string {
	var out []string
	for _, id := range ids {
		if id = strings.TrimSpace(id); id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func (n Interruption) record(ctx context.Context, tx *db.Tx, by audit.Actor, act string) error {
	clauses := []string{"UA 7.3"}
	if n.Cause != "" && n.Cause != OperatorsFault {
		clauses = append(clauses, "UA "+string(n.Cause))
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: []string{string(n.ID), string(n.Incident)}, Clauses: clauses,
		Data: map[string]any{"state": n.State, "cause": n.Cause, "proof_sha256": n.ProofSHA256, "component": n.Component},
	})
}

// Exemption is the clause by which the page of an interruption may say that loss
// is exempt; empty when it must not.
func Exemption(ctx context.Context, r db.Reader, n Interruption) (string, error) {
	law, err := agreement.LawInForce(ctx, r)
	if err != nil {
		return "", err
	}
	var of Incident
	if n.Incident != "" {
		if of, err = readIncident(ctx, r, n.Incident); err != nil {
			return "", err
		}
	}
	open, err := db.Value[int64](ctx, r, countContests, string(n.ID))
	return exempt(law, n, of, open > 0), err
}

// tell begins a round of N-82 with what is known now.
func (n Interruption) tell(ctx context.Context, tx *db.Tx, phase string) error {
	clause, err := Exemption(ctx, tx, n)
	if err != nil {
		return err
	}
	params := map[string]string{
		"TitleZH": n.Title.ZH, "TitleEN": n.Title.EN, "StartedAt": n.StartedAt.Format(time.RFC3339), "EndedAt": "", "Phase": phase,
		"ScopeZH": n.scope(text.ZH), "ScopeEN": n.scope(text.EN), "WhyZH": n.why(text.ZH), "WhyEN": n.why(text.EN), "ExemptZH": "", "ExemptEN": "",
	}
	if !n.ResolvedAt.IsZero() {
		params["EndedAt"] = n.ResolvedAt.Format(time.RFC3339)
	}
	if number := strings.TrimPrefix(clause, "UA "); number != "" {
		params["ExemptZH"], params["ExemptEN"] = text.In(text.ZH, "operation.exemption", "Clause", number), text.In(text.EN, "operation.exemption", "Clause", number)
	}
	return begin(ctx, tx, Round{
		Object: n.ID, Name: fmt.Sprintf("%s-%d", phase, n.Version), Code: "N-82", Link: "/status/" + string(n.ID), Audience: n.Audience(), Params: params,
	})
}

func (n Interruption) scope(l text.Lang) string {
	return text.In(l, "operation.component."+n.Component) + text.In(l, "operation.comma") + text.In(l, "operation.impact."+n.Impact)
}

// why is the cause in words; that it is being looked into while there is none.
func (n Interruption) why(l text.Lang) string {
	if n.Cause == "" {
		return text.In(l, "operation.cause.unknown")
	}
	return text.In(l, "operation.cause."+string(n.Cause))
}

// changeInterruption does one thing to an interruption that was seen at a version,
// and adds it to its story.
func changeInterruption(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, e Entry, do func(n *Interruption) error) (_ Interruption, err error) {
	defer fault.Wrap(&err, "operation.%s(%s)", e.Event, id)
	if !onCall(by) {
		return Interruption{}, ErrForbidden
	}
	before, err := readInterruption(ctx, tx, id)
	if err != nil {
		return before, err
	}
	if before.Version != seen {
		return before, ErrStale
	}
	after := before
	if err := do(&after); err != nil {
		return before, err
	}
	if err := after.move(ctx, tx, before); err != nil {
		return before, err
	}
	after.Version++
	e.Seq, e.Actor = after.Version, by.User
	if err := enter(tx, id, e); err != nil {
		return before, err
	}
	return after, after.record(ctx, tx, by, "operation.interruption_"+e.Event)
}

// Step moves an interruption on: acknowledged, mitigated, resolved. The words are
// public. Those concerned are told when it is mitigated and when it is over; then
// rights get their time back, where the rulebook gives it.
func Step(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, to State, words Both) (Interruption, error) {
	if wrong := both("words", words); len(wrong) > 0 {
		return Interruption{}, wrong.Err()
	}
	n, err := changeInterruption(ctx, tx, by, id, seen, Entry{Event: string(to), Public: true, Text: words}, func(n *Interruption) error {
		if to == Closed || !goes(n.State, to) {
			return ErrStale
		}
		n.State = to
		switch to {
		case Acknowledged:
			n.AcknowledgedAt = tx.Now()
		case Mitigated:
			n.MitigatedAt = tx.Now()
		case Resolved:
			n.ResolvedAt = tx.Now()
		}
		return nil
	})
	if err != nil || to == Acknowledged {
		return n, err
	}
	phase := "updated"
	if to == Resolved {
		phase = "ended"
		if err := n.giveBack(ctx, tx); err != nil {
			return n, err
		}
	}
	return n, n.tell(ctx, tx, phase)
}

// giveBack asks for rights to be lengthened, where the rulebook says so.
func (n Interruption) giveBack(ctx context.Context, tx *db.Tx) error {
	gives, err := agreement.Setting[struct{ Enabled bool }](ctx, tx, "interruption_extends_term")
	if err != nil || !gives.Enabled || n.Impact != "outage" {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: lengthenJob, Object: string(n.ID), Unique: true, Payload: ""})
}

// Say adds a public word to the story; those concerned are told when told is true.
func Say(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, words Both, told bool) (Interruption, error) {
	if wrong := both("words", words); len(wrong) > 0 {
		return Interruption{}, wrong.Err()
	}
	n, err := changeInterruption(ctx, tx, by, id, seen, Entry{Event: "said", Public: true, Text: words}, func(n *Interruption) error {
		if n.State == Closed {
			return ErrStale
		}
		return nil
	})
	if err != nil || !told {
		return n, err
	}
	return n, n.tell(ctx, tx, "updated")
}

// StateCause says why an interruption happened, with the proof that the clause of
// the cause asks for. An attack is linked to the incident that is named, or to a new
// one. Those concerned are told once it is over.
func StateCause(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, c Cause, p Proof, incident ID) (Interruption, error) {
	n, err := changeInterruption(ctx, tx, by, id, seen, Entry{Event: "cause", Public: true}, func(n *Interruption) error {
		if n.State == Closed {
			return ErrStale
		}
		return n.state(ctx, tx, by, c, p, incident)
	})
	if err != nil || n.ResolvedAt.IsZero() {
		return n, err
	}
	return n, n.tell(ctx, tx, "updated")
}

func (n *Interruption) state(ctx context.Context, tx *db.Tx, by audit.Actor, c Cause, p Proof, incident ID) error {
	p.Reference, p.Text = strings.TrimSpace(p.Reference), strings.TrimSpace(p.Text)
	if !long(p.Text, 0) || len(p.Text) > 100_000 || len(p.Reference) > 1000 {
		return ErrInvalid.In("proof")
	}
	if c == UserSide && strings.HasPrefix(p.Reference, "rec_") {
		if _, err := audit.Get(ctx, tx, p.Reference); errors.Is(err, db.ErrNoRow) {
			return ErrNoDiagnosis.In("reference")
		} else if err != nil {
			return err
		}
	}
	if c == Attack {
		var err error
		if incident, err = n.attack(ctx, tx, by, incident); err != nil {
			return err
		}
	} else {
		incident = ""
	}
	if err := proved(c, p, incident); err != nil {
		return err
	}
	n.Cause, n.Proof, n.ProofSHA256, n.Incident = c, p, hashOf(p.Text), incident
	n.CauseBy, n.CauseAt, n.ConfirmedBy, n.ConfirmedAt = by.User, tx.Now(), "", time.Time{}
	return nil
}

// attack finds the incident of an attack, or opens its file.
func (n Interruption) attack(ctx context.Context, tx *db.Tx, by audit.Actor, incident ID) (ID, error) {
	if incident == "" {
		incident = n.Incident
	}
	if incident != "" {
		i, err := readIncident(ctx, tx, incident)
		if errors.Is(err, ErrNotFound) {
			return "", ErrNoIncident.In("incident")
		}
		return i.ID, err
	}
	i, err := OpenIncident(ctx, tx, by, Finding{
		Kind: "intrusion", Cause: "attack", Everyone: n.Everyone, Summary: n.Title.ZH + " / " + n.Title.EN + " (" + string(n.ID) + ")", DetectedAt: n.DetectedAt,
	})
	return i.ID, err
}

// Confirm is the second person's word for a cause nobody could foresee.
func Confirm(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64) (Interruption, error) {
	n, err := changeInterruption(ctx, tx, by, id, seen, Entry{Event: "confirmed"}, func(n *Interruption) error {
		if n.Cause != Unforeseeable || n.ConfirmedBy != "" {
			return ErrStale
		}
		if err := another(*n, by); err != nil {
			return err
		}
		n.ConfirmedBy, n.ConfirmedAt = by.User, tx.Now()
		return nil
	})
	if err != nil || n.ResolvedAt.IsZero() {
		return n, err
	}
	return n, n.tell(ctx, tx, "updated")
}

// Close ends the file of an interruption with what was learnt, when nothing is
// missing in it.
func Close(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, lesson Both) (Interruption, error) {
	if wrong := both("lesson", lesson); len(wrong) > 0 {
		return Interruption{}, wrong.Err()
	}
	return changeInterruption(ctx, tx, by, id, seen, Entry{Event: string(Closed), Public: true, Text: lesson}, func(n *Interruption) error {
		open, err := db.Value[int64](ctx, tx, countContests, string(id))
		if err != nil {
			return err
		}
		n.Lesson = lesson
		if err := finished(*n, open); err != nil {
			return err
		}
		if !goes(n.State, Closed) {
			return ErrStale
		}
		n.State, n.ClosedAt = Closed, tx.Now()
		return nil
	})
}

// InterruptionOf returns an interruption. Its proof is for the staff only.
func InterruptionOf(ctx context.Context, r db.Reader, id ID) (Interruption, error) {
	return readInterruption(ctx, r, id)
}

// Interruptions lists them all, newest first, older than one.
func Interruptions(ctx context.Context, r db.Reader, before ID, n int) ([]Interruption, error) {
	return db.All(ctx, r, scanInterruption(r), selectInterruptions, beforeAll(before, "itr"), n)
}

// Running lists the interruptions that are not over.
func Running(ctx context.Context, r db.Reader) ([]Interruption, error) {
	return db.All(ctx, r, scanInterruption(r), selectRunning)
}

// Since lists the interruptions that lasted after a moment, newest first.
func Since(ctx context.Context, r db.Reader, from time.Time) ([]Interruption, error) {
	return db.All(ctx, r, scanInterruption(r), selectSince, db.Micros(from))
}

// Unclosed lists those whose file is not closed, oldest first.
func Unclosed(ctx context.Context, r db.Reader) ([]Interruption, error) {
	return db.All(ctx, r, scanInterruption(r), selectUnclosed)
}

// Uptimes is the uptime of each component between two moments, in ten-thousandths.
func Uptimes(all []Interruption, from, to time.Time) map[string]int64 {
	out := map[string]int64{}
	for _, c := range Components {
		var spans []Span
		for _, n := range all {
			if n.Component == c && n.Impact == "outage" {
				spans = append(spans, Span{n.StartedAt, n.ResolvedAt})
			}
		}
		out[c] = Uptime(spans, from, to)
	}
	return out
}
