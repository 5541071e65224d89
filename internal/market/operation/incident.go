package operation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Finding is a security incident as it is first known.
type Finding struct {
	Kind       string
	Cause      string // class; "" is unknown
	Personal   bool
	DataKinds  []string
	Everyone   bool
	Subjects   []account.ID
	Summary    string
	DetectedAt time.Time // zero: now
}

// OpenIncident begins the file of a security incident. From the moment of its
// detection the time runs in which authority and subjects must know, as the law of
// the agreement in force wants it.
func OpenIncident(ctx context.Context, tx *db.Tx, by audit.Actor, in Finding) (_ Incident, err error) {
	defer fault.Wrap(&err, "operation.OpenIncident(%s)", in.Kind)
	if !onCall(by) && !trusted(by) {
		return Incident{}, ErrForbidden
	}
	var wrong fault.List
	if !slices.Contains(IncidentKinds, in.Kind) {
		wrong = append(wrong, ErrInvalid.In("kind"))
	}
	if in.Cause == "" {
		in.Cause = "unknown"
	}
	if !slices.Contains(IncidentCauses, in.Cause) {
		wrong = append(wrong, ErrInvalid.In("cause"))
	}
	for _, k := range in.DataKinds {
		if !slices.Contains(DataKinds, k) {
			wrong = append(wrong, ErrInvalid.In("data_kinds"))
		}
	}
	if in.Personal && len(in.DataKinds) == 0 {
		wrong = append(wrong, ErrRequired.In("data_kinds"))
	}
	summary, err := note("summary", in.Summary)
	if f, ok := fault.Of(err); ok {
		wrong = append(wrong, f)
	}
	if in.DetectedAt.IsZero() {
		in.DetectedAt = tx.Now()
	}
	if in.DetectedAt.After(tx.Now()) {
		wrong = append(wrong, ErrInvalid.In("detected_at"))
	}
	if err := wrong.Err(); err != nil {
		return Incident{}, err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Incident{}, err
	}
	rule, err := agreement.Setting[struct {
		Hours int `json:"authority_hours"`
	}](ctx, tx, "breach_notice")
	if err != nil {
		return Incident{}, err
	}
	i := Incident{
		ID: ID(tx.ID("inc")), State: Detected, Version: 1, Kind: in.Kind, Cause: in.Cause, Personal: in.Personal, DataKinds: in.DataKinds,
		Everyone: in.Everyone, Summary: summary, DetectedAt: in.DetectedAt, OpenedBy: by.User, OpenedAt: tx.Now(),
		DueAt: due(law, in.Personal, in.DetectedAt), AuthorityDue: authorityDue(law, rule.Hours, in.Personal, in.DetectedAt),
	}
	kinds, err := json.Marshal(append([]string{}, in.DataKinds...))
	if err != nil {
		return Incident{}, err
	}
	sealed, err := tx.Keys().Seal(summary, summaryAt(i.ID))
	if err != nil {
		return Incident{}, err
	}
	tx.Queue(insertIncident, string(i.ID), i.Kind, i.Cause, i.Personal, string(kinds), i.Everyone, sealed, db.Micros(i.DetectedAt), by.User,
		db.Micros(i.OpenedAt), []byte{}, db.Micros(i.DueAt), db.Micros(i.AuthorityDue))
	for _, who := range in.Subjects {
		if _, err := account.Get(ctx, tx, who); err != nil {
			return Incident{}, ErrInvalid.In("subjects")
		}
		tx.Queue(insertSubject, string(i.ID), string(who))
	}
	if err := enter(tx, i.ID, Entry{Seq: 1, Event: string(Detected), Actor: by.User}); err != nil {
		return Incident{}, err
	}
	if !i.AuthorityDue.IsZero() {
		for name, at := range map[string]time.Time{alarmBefore: alarmAt(i.DetectedAt, i.AuthorityDue), alarmAfter: i.AuthorityDue} {
			if err := job.Enqueue(ctx, tx, job.Spec{Kind: alarmJob, Object: string(i.ID), Name: name, At: at}); err != nil {
				return Incident{}, err
			}
		}
	}
	return i, i.record(ctx, tx, by, "operation.incident_opened", nil)
}

func (i Incident) record(ctx context.Context, tx *db.Tx, by audit.Actor, act string, data map[string]any) error {
	facts := map[string]any{"state": i.State, "kind": i.Kind, "cause": i.Cause, "personal": i.Personal, "fault": i.Fault, "due_at": db.Micros(i.DueAt), "authority_due": db.Micros(i.AuthorityDue)}
	for k, v := range data {
		facts[k] = v
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: act, Subjects: []string{string(i.ID)}, Clauses: []string{"UA 7.2", "PIPL 57", "PIPL 69"}, Data: facts})
}

// AddSubjects names further accounts whose data is affected, while they have not
// been told.
func AddSubjects(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, who []account.ID) (Incident, error) {
	return changeIncident(ctx, tx, by, id, seen, "subjects", "", func(i *Incident) error {
		if !i.SubjectsAt.IsZero() || i.State == Closed {
			return ErrStale
		}
		for _, one := range who {
			if _, err := account.Get(ctx, tx, one); err != nil {
				return ErrInvalid.In("subjects")
			}
			tx.Queue(insertSubject, string(id), string(one))
		}
		return nil
	})
}

// changeIncident does one thing to an incident that was seen at a version.
func changeIncident(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, event, words string, do func(i *Incident) error) (_ Incident, err error) {
	defer fault.Wrap(&err, "operation.%s(%s)", event, id)
	if !onCall(by) {
		return Incident{}, ErrForbidden
	}
	before, err := readIncident(ctx, tx, id)
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
	if err := enter(tx, id, Entry{Seq: after.Version, Event: event, Note: words, Actor: by.User}); err != nil {
		return before, err
	}
	return after, after.record(ctx, tx, by, "operation.incident_"+event, nil)
}

// StepIncident moves an incident on: acknowledged, contained, resolved. What was
// done is kept: it is what shows later that there was no fault.
func StepIncident(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, to State, words string) (Incident, error) {
	words, err := note("note", words)
	if err != nil {
		return Incident{}, err
	}
	return changeIncident(ctx, tx, by, id, seen, string(to), words, func(i *Incident) error {
		if to != Acknowledged && to != Contained && to != Resolved || !stepOf(agreement.Law{FaultAssessment: true}, i.State, to) {
			return ErrStale
		}
		i.State = to
		switch to {
		case Acknowledged:
			i.AcknowledgedAt = tx.Now()
		case Contained:
			i.ContainedAt = tx.Now()
		case Resolved:
			i.ResolvedAt = tx.Now()
		}
		return nil
	})
}

// Assess records whose fault a resolved incident was, and why. Only compliance
// decides that.
func Assess(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, f Fault, cause, reasons string) (Incident, error) {
	if !officer(by) {
		return Incident{}, ErrForbidden
	}
	reasons, err := note("reasons", reasons)
	if err != nil {
		return Incident{}, err
	}
	if !slices.Contains(Faults, f) {
		return Incident{}, ErrInvalid.In("fault")
	}
	if !slices.Contains(IncidentCauses, cause) {
		return Incident{}, ErrInvalid.In("cause")
	}
	i, err := changeIncident(ctx, tx, by, id, seen, string(Assessed), "", func(i *Incident) error {
		if i.State != Resolved {
			return ErrStale
		}
		i.State, i.Fault, i.Cause, i.Assessment, i.AssessedBy, i.AssessedAt = Assessed, f, cause, reasons, by.User, tx.Now()
		return nil
	})
	if err != nil {
		return i, err
	}
	// What an attack caused may say now whether it is exempt.
	all, err := db.All(ctx, tx, scanInterruption(tx), selectOfAttack, string(id))
	if err != nil {
		return i, err
	}
	for _, n := range all {
		if n, err = withAffected(ctx, tx, n); err != nil {
			return i, err
		}
		if err := n.tell(ctx, tx, "assessed"); err != nil {
			return i, err
		}
	}
	return i, nil
}

// ReportAuthority records that the authority was told, with its reference.
func ReportAuthority(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, authority, reference string) (Incident, error) {
	authority, reference = strings.TrimSpace(authority), strings.TrimSpace(reference)
	if authority == "" {
		return Incident{}, ErrRequired.In("authority")
	}
	if reference == "" {
		return Incident{}, ErrRequired.In("reference")
	}
	return changeIncident(ctx, tx, by, id, seen, "authority_told", "", func(i *Incident) error {
		if !i.AuthorityAt.IsZero() || i.State == Closed {
			return ErrStale
		}
		i.Authority, i.AuthorityRef, i.AuthorityAt = authority, reference, tx.Now()
		return nil
	})
}

// TellSubjects tells everybody whose data is affected (N-81).
func TellSubjects(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, n SubjectNotice) (Incident, error) {
	var wrong fault.List
	for _, one := range []struct {
		field string
		text  Both
	}{{"notice_cause", n.Cause}, {"harm", n.Harm}, {"remedies", n.Remedies}, {"self_help", n.SelfHelp}} {
		wrong = append(wrong, both(one.field, one.text)...)
	}
	if strings.TrimSpace(n.Contact) == "" {
		wrong = append(wrong, ErrRequired.In("contact"))
	}
	if err := wrong.Err(); err != nil {
		return Incident{}, err
	}
	i, err := changeIncident(ctx, tx, by, id, seen, "subjects_told", "", func(i *Incident) error {
		if !i.SubjectsAt.IsZero() || i.State == Closed {
			return ErrStale
		}
		if !i.Everyone {
			known, err := db.Value[int64](ctx, tx, countSubjects, string(id))
			if err != nil {
				return err
			}
			if known == 0 {
				return ErrRequired.In("subjects")
			}
		}
		i.SubjectsAt, i.Notice = tx.Now(), n
		return nil
	})
	if err != nil {
		return i, err
	}
	to := Audience{Everyone: i.Everyone}
	if !i.Everyone {
		to.Incident = id
	}
	return i, begin(ctx, tx, Round{
		Object: id, Name: "subjects", Code: "N-81", Audience: to,
		Params: map[string]string{
			"KindsZH": dataKinds(text.ZH, i.DataKinds), "KindsEN": dataKinds(text.EN, i.DataKinds), "WhyZH": n.Cause.ZH, "WhyEN": n.Cause.EN,
			"HarmZH": n.Harm.ZH, "HarmEN": n.Harm.EN, "RemediesZH": n.Remedies.ZH, "RemediesEN": n.Remedies.EN,
			"HelpZH": n.SelfHelp.ZH, "HelpEN": n.SelfHelp.EN, "Contact": n.Contact, "DetectedAt": i.DetectedAt.Format(time.RFC3339),
		},
	})
}

func dataKinds(l text.Lang, kinds []string) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = text.In(l, "operation.data."+k)
	}
	return strings.Join(words, text.In(l, "operation.comma"))
}

// Waive records why a notice to the authority or to the subjects was not required.
func Waive(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64, who, reason string) (Incident, error) {
	if !officer(by) {
		return Incident{}, ErrForbidden
	}
	reason, err := note("reason", reason)
	if err != nil {
		return Incident{}, err
	}
	return changeIncident(ctx, tx, by, id, seen, who+"_waived", "", func(i *Incident) error {
		switch {
		case i.State == Closed:
			return ErrStale
		case who == "authority" && i.AuthorityAt.IsZero():
			i.AuthorityWaive, i.AuthorityOffAt = reason, tx.Now()
		case who == "subjects" && i.SubjectsAt.IsZero():
			i.SubjectsWaive, i.SubjectsOffAt = reason, tx.Now()
		default:
			return ErrInvalid.In("who")
		}
		return nil
	})
}

// CloseIncident ends the file, when nothing is missing in it.
func CloseIncident(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64) (Incident, error) {
	if !officer(by) {
		return Incident{}, ErrForbidden
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Incident{}, err
	}
	return changeIncident(ctx, tx, by, id, seen, string(Closed), "", func(i *Incident) error {
		if err := closable(law, *i); err != nil {
			return err
		}
		if !stepOf(law, i.State, Closed) {
			return ErrStale
		}
		i.State, i.ClosedAt = Closed, tx.Now()
		return nil
	})
}

// IncidentOf returns an incident to the staff.
func IncidentOf(ctx context.Context, r db.Reader, id ID) (Incident, error) {
	return readIncident(ctx, r, id)
}

// Exempt tells whether the operator may say that loss by an incident is exempt.
func Exempt(law agreement.Law, i Incident) bool { return mayClaim(law, i) }

// Incidents lists the incidents, newest first, older than one.
func Incidents(ctx context.Context, r db.Reader, before ID, n int) ([]Incident, error) {
	return db.All(ctx, r, scanIncident(r), selectIncidents, beforeAll(before, "inc"), n)
}

// OpenIncidents lists those that are not closed, oldest first.
func OpenIncidents(ctx context.Context, r db.Reader) ([]Incident, error) {
	return db.All(ctx, r, scanIncident(r), selectOpenIncidents)
}

// Subjects lists accounts whose data an incident affects, after one.
func Subjects(ctx context.Context, r db.Reader, id ID, after account.ID, n int) ([]account.ID, error) {
	return db.All(ctx, r, db.Column[account.ID], selectSubjects, string(id), string(after), n)
}

// Entries lists the steps of an incident or interruption, oldest first.
func Entries(ctx context.Context, r db.Reader, id ID) ([]Entry, error) {
	return db.All(ctx, r, scanEntry(r, id), selectEntries, string(id))
}
