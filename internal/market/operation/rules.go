package operation

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// noticed refuses an end that comes before its notice is over.
//
// Clause: UA 8.1 (the end of the whole service is announced sixty natural days ahead, the day of the announcement not counted).
func noticed(announced, end time.Time, days int) error {
	earliest := calendar.NoticeEarliest(announced, days)
	if end.Before(earliest) {
		return ErrNoticeShort.With("Earliest", calendar.On(earliest).String()).In("end")
	}
	return nil
}

// outlasts refuses what would run past the end of the service. Zero is a term
// without an end, which outlasts any.
//
// Clause: UA 8.1 (while the service is ending nothing is sold or renewed whose term runs past the end).
func outlasts(s Service, until time.Time) error {
	switch s.State {
	case Ended:
		return ErrEnded
	case WindingDown:
		if until.IsZero() || until.After(s.EndAt) {
			return ErrPastEnd.With("Until", calendar.On(s.EndAt).String())
		}
	}
	return nil
}

// takesNew refuses a new vendor or a new listing in a market that is ending.
//
// Clause: UA 8.1 (while the service is ending it takes no new vendors and no new listings).
func takesNew(s Service) error {
	switch s.State {
	case Ended:
		return ErrEnded
	case WindingDown:
		return ErrWinding.With("End", calendar.On(s.EndAt).String())
	}
	return nil
}

// keepsReading refuses a change to a market that is an archive.
//
// Clause: UA 8.1 (a service that has ended can be read and exported, and nothing in it changes).
func keepsReading(s Service) error {
	if s.State == Ended {
		return ErrEnded
	}
	return nil
}

// planned refuses an announcement that leaves open how open matters end, where the
// law wants that said.
//
// Clause: UA 8.1 (who ends the service says how orders, refunds, settlements, invoices, data and deposits end).
// Clause: ECL 16 (the end is posted on the home page for thirty days, and what is pending is dealt with).
func planned(law agreement.Law, plan map[Part]Both) error {
	if !law.RunOffPlan {
		return nil
	}
	var missing fault.List
	for _, p := range Parts {
		if !full(plan[p]) {
			missing = append(missing, ErrNoPlan.With("Part", string(p)).In("plan."+string(p)))
		}
	}
	return missing.Err()
}

// two refuses the second signature of whoever gave the first, whatever roles they
// have.
//
// Clause: UA 8.1 (two officers end the service).
func two(first string, by audit.Actor) error {
	if by.User == "" || first == by.User {
		return ErrSecond
	}
	return nil
}

// publishable refuses a change that nobody could understand or that lies in the
// past.
//
// Clause: UA 5.2 (interface, usage and the kinds of products may change at any time; what, when and what to do is public).
func publishable(c Change, now time.Time) error {
	var wrong fault.List
	if !slices.Contains([]ChangeKind{CategoryChange, InterfaceChange, FeatureChange, ScopeChange, ServiceChange}, c.Kind) {
		wrong = append(wrong, ErrInvalid.In("kind"))
	}
	for _, one := range []struct {
		field string
		text  Both
	}{{"title", c.Title}, {"text", c.Text}, {"migration", c.Migration}} {
		wrong = append(wrong, both(one.field, one.text)...)
	}
	if c.EffectiveAt.Before(now) {
		wrong = append(wrong, ErrNoChange.In("effective_at"))
	}
	return wrong.Err()
}

// due is by when the subjects of a breach of personal data must know. Zero where no
// law asks for it.
//
// Clause: PIPL 57 (a breach is remedied and the people concerned told at once; elsewhere within the hours that the law there gives).
func due(law agreement.Law, personal bool, detected time.Time) time.Time {
	if !personal || !law.NotifyBreach {
		return time.Time{}
	}
	return detected.Add(time.Duration(law.BreachHours) * time.Hour)
}

// authorityDue is by when the authority must know of a breach of personal data:
// within the hours that the law gives (GDPR 33: seventy-two), and where it says at
// once, within those of the rulebook. Zero where no law asks for it.
//
// Clause: PIPL 57 (the authority is told of a breach at once, which is within the hours of the rulebook).
func authorityDue(law agreement.Law, hours int, personal bool, detected time.Time) time.Time {
	if !personal || !law.NotifyBreach {
		return time.Time{}
	}
	if law.BreachHours > 0 {
		hours = law.BreachHours
	}
	return detected.Add(time.Duration(hours) * time.Hour)
}

// alarmAt is when the operator's people are warned that a time is running out: a
// quarter of it is left.
func alarmAt(from, due time.Time) time.Time { return due.Add(-due.Sub(from) / 4) }

// closable refuses to close an incident whose fault was not assessed, or whose
// subjects and authority know nothing and nobody said why.
//
// Clause: UA 7.2 (a leak without the operator's fault is exempt: whether there was fault is found out first, and those concerned are told).
func closable(law agreement.Law, i Incident) error {
	if law.FaultAssessment && i.Fault == "" {
		return ErrNotAssessed
	}
	if !i.Personal || !law.NotifyBreach {
		return nil
	}
	var missing fault.List
	if i.AuthorityAt.IsZero() && i.AuthorityOffAt.IsZero() {
		missing = append(missing, ErrNotTold.With("Who", "authority").In("authority"))
	}
	if i.SubjectsAt.IsZero() && i.SubjectsOffAt.IsZero() {
		missing = append(missing, ErrNotTold.With("Who", "subjects").In("subjects"))
	}
	return missing.Err()
}

// mayClaim reports whether the operator may say that a loss by an incident is
// exempt. The bare agreement takes its word; law wants it proved.
//
// Clause: PIPL 69 (who handles personal information proves that it was not at fault).
func mayClaim(law agreement.Law, i Incident) bool {
	if law.FaultAssessment {
		return i.Fault == NoFault
	}
	return i.Cause != "operator" && i.Fault != PartialFault && i.Fault != OperatorFault
}

// publicReference is what force majeure needs.
//
// Clause: UA 7.3.1 (force majeure: something public that says so).
func publicReference(p Proof) error {
	ok := long(p.Reference, 4)
	if p.Kind == "link" {
		u, err := url.Parse(p.Reference)
		ok = err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
	}
	if !ok || !slices.Contains(ProofKinds[ForceMajeure], p.Kind) {
		return ErrNoReference.In("reference")
	}
	return nil
}

// carrierTicket is what the fault of a basic carrier needs.
//
// Clause: UA 7.3.2 (fault of a basic carrier: its ticket or notice).
func carrierTicket(p Proof) error {
	if !long(p.Reference, 4) || !slices.Contains(ProofKinds[Carrier], p.Kind) {
		return ErrNoTicket.In("reference")
	}
	return nil
}

// ofIncident is what an attack needs: a file of its own, whose timers run.
//
// Clause: UA 7.3.3 (viruses and attacks: a security incident).
func ofIncident(id ID) error {
	if id == "" {
		return ErrNoIncident.In("incident")
	}
	return nil
}

// diagnosed is what a mistake or failure on the user's side needs.
//
// Clause: UA 7.3.4 (the user's operation or equipment: a diagnosis that shows it).
func diagnosed(p Proof) error {
	if !long(p.Text, 10) || !slices.Contains(ProofKinds[UserSide], p.Kind) {
		return ErrNoDiagnosis.In("proof")
	}
	return nil
}

// logged is what use in an unauthorised way needs.
//
// Clause: UA 7.3.5 (use in a way that is not authorised: the log of the requests shows the way).
func logged(p Proof) error {
	if !long(p.Text, 10) || !slices.Contains(ProofKinds[Unauthorised], p.Kind) {
		return ErrNoLog.In("proof")
	}
	return nil
}

// described is what a case that no other row covers needs, beside a second person.
//
// Clause: UA 7.3.6 (other causes nobody could control or foresee: described, and confirmed by a second person).
func described(p Proof) error {
	if !long(p.Text, 20) {
		return ErrNoText.In("proof")
	}
	return nil
}

// proved checks a cause by the rule of its row. The operator's own fault needs no
// proof.
func proved(c Cause, p Proof, incident ID) error {
	switch c {
	case ForceMajeure:
		return publicReference(p)
	case Carrier:
		return carrierTicket(p)
	case Attack:
		return ofIncident(incident)
	case UserSide:
		return diagnosed(p)
	case Unauthorised:
		return logged(p)
	case Unforeseeable:
		return described(p)
	case OperatorsFault:
		return nil
	}
	return ErrInvalid.In("cause")
}

// exempt returns the clause by which a notice may say that the operator owes
// nothing for the loss; empty when it must not say so. of is the incident of an
// attack. Contested is a cause that somebody concerned disputes.
//
// Clause: UA 7.3 (the operator repairs at once; loss by the listed risks is exempt, its own fault is not).
// Clause: CSL 21 (an attack exempts nobody who had not secured the network: fault is assessed first).
func exempt(law agreement.Law, n Interruption, of Incident, contested bool) string {
	switch {
	case n.Cause == "" || n.Cause == OperatorsFault || contested:
		return ""
	case n.Cause == Attack && law.HackingAssessed && of.Fault != NoFault:
		return ""
	case n.Cause == Attack && !mayClaim(law, of):
		return ""
	case n.Cause == Unforeseeable && n.ConfirmedBy == "":
		return ""
	}
	return "UA " + string(n.Cause)
}

// finished refuses to close an interruption that lacks something.
//
// Clause: UA 7.3 (each interruption has a cause and times that show that repair began at once).
func finished(n Interruption, open int64) error {
	switch {
	case n.AcknowledgedAt.IsZero():
		return ErrUnfinished.With("Missing", "acknowledged")
	case n.ResolvedAt.IsZero():
		return ErrUnfinished.With("Missing", "resolved")
	case n.Cause == "":
		return ErrUnfinished.With("Missing", "cause")
	case n.Cause == Unforeseeable && n.ConfirmedBy == "":
		return ErrNotOne
	case open > 0:
		return ErrContested
	case !full(n.Lesson):
		return ErrUnfinished.With("Missing", "lesson").In("lesson")
	}
	return proved(n.Cause, n.Proof, n.Incident)
}

// another refuses the confirmation of who stated the cause.
//
// Clause: UA 7.3.6 (one person alone does not decide that nobody could foresee it).
func another(n Interruption, by audit.Actor) error {
	if by.User == "" || n.CauseBy == by.User {
		return ErrNotOne
	}
	return nil
}

// contestable refuses an objection of somebody who is not concerned, or against
// nothing, or too late.
//
// Clause: UA 7.3.4 (who is said to have caused it himself may contest that, and is answered).
func contestable(n Interruption, concerned bool, now time.Time, days int) error {
	switch {
	case !concerned:
		return ErrNotYours
	case n.Cause == "" || n.Cause == OperatorsFault:
		return ErrStale
	case !now.Before(calendar.On(n.CauseAt).AddDays(days + 1).Start()):
		return ErrLate
	}
	return nil
}

// answers refuses the answer of who stated the cause.
//
// Clause: UA 7.3.4 (somebody else than who stated the cause answers).
func answers(n Interruption, by audit.Actor) error {
	if by.User == "" || n.CauseBy == by.User {
		return ErrOwnCause
	}
	return nil
}

// Span is a time in which something did not work; End is zero while it lasts.
type Span struct{ Start, End time.Time }

// Uptime is how much of a time something worked, in ten-thousandths, rounded down:
// what overlaps counts once.
func Uptime(outages []Span, from, to time.Time) int64 {
	whole := to.Sub(from)
	if whole < time.Microsecond {
		return 10000
	}
	slices.SortFunc(outages, func(a, b Span) int { return a.Start.Compare(b.Start) })
	var down time.Duration
	covered := from
	for _, s := range outages {
		if s.End.IsZero() || s.End.After(to) {
			s.End = to
		}
		if s.Start.Before(covered) {
			s.Start = covered
		}
		if s.End.After(s.Start) {
			down += s.End.Sub(s.Start)
			covered = s.End
		}
	}
	return (whole - down).Microseconds() * 10000 / whole.Microseconds() // in nanoseconds 90 days would not fit
}

// missed are the days before today, from the first on, of which no page was kept.
//
// Clause: UA 8.1 (the announcement is kept for every day of the notice, late where the work stood still).
func missed(kept []Snapshot, first, today calendar.Date) (days []calendar.Date) {
	for day := first; day.Before(today); day = day.AddDays(1) {
		if !slices.ContainsFunc(kept, func(s Snapshot) bool { return s.Day == day.String() }) {
			days = append(days, day)
		}
	}
	return days
}

// goes is where an interruption may go from a state.
func goes(from, to State) bool {
	switch to {
	case Acknowledged:
		return from == Detected
	case Mitigated:
		return from == Acknowledged
	case Resolved:
		return from == Acknowledged || from == Mitigated
	case Closed:
		return from == Resolved
	}
	return false
}

// stepOf is where an incident may go from a state. The bare agreement closes
// without an assessment.
func stepOf(law agreement.Law, from, to State) bool {
	order := []State{Detected, Acknowledged, Contained, Resolved, Assessed, Closed}
	at, next := slices.Index(order, from), slices.Index(order, to)
	return next == at+1 || to == Closed && from == Resolved && !law.FaultAssessment
}

// The people who act here.
func officer(by audit.Actor) bool {
	return by.Has(account.Compliance) || by.Has(account.Superadmin)
}

func onCall(by audit.Actor) bool { return officer(by) || by.Has(account.Support) }

// trusted are those whose act is a change by hand or by a program of ours.
func trusted(by audit.Actor) bool {
	return officer(by) || by.Kind == audit.CLIKind || by.Kind == audit.JobKind
}

func full(b Both) bool { return strings.TrimSpace(b.ZH) != "" && strings.TrimSpace(b.EN) != "" }

func long(s string, runes int) bool { return utf8.RuneCountInString(strings.TrimSpace(s)) >= runes }

// maxText bounds every text a person writes here.
const maxText = 4000

// both refuses a text that lacks a language or is too long.
func both(field string, b Both) (wrong fault.List) {
	for lang, s := range map[string]string{"zh": b.ZH, "en": b.EN} {
		switch {
		case strings.TrimSpace(s) == "":
			wrong = append(wrong, ErrRequired.In(field+"_"+lang))
		case utf8.RuneCountInString(s) > maxText:
			wrong = append(wrong, ErrInvalid.In(field+"_"+lang))
		}
	}
	slices.SortFunc(wrong, func(a, b *fault.Fault) int { return -strings.Compare(a.Field, b.Field) })
	return wrong
}

func note(field, s string) (string, error) {
	return fault.Words(s, field, true, maxText, ErrRequired, ErrInvalid)
}
