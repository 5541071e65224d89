package enforcement

import (
	"maps"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
)

// Type is a kind of violation as the rulebook lists it.
type Type struct {
	Severity  string `json:"severity"` // minor, serious or grave
	Points    int64  `json:"points"`
	Measures  []Plan `json:"measures"`
	Second    bool   `json:"second"`    // two persons decide
	Basis     bool   `json:"basis"`     // needs the law that was broken
	Product   bool   `json:"product"`   // a vendor may report it about its product
	Human     bool   `json:"human"`     // no program may decide it
	Automatic bool   `json:"automatic"` // a program may
}

// onClauses refuses a measure that rests on nothing: no clause is named, or one
// that stands in no document that binds now. It is the one gate before a measure.
//
// Clause: UA P-4 (a breach of the agreement or its rules, and nothing else, lets the operator restrict, suspend or end the service).
func onClauses(clauses []string, binds func(clause string) bool) error {
	if len(clauses) == 0 {
		return ErrNoClause.In("clauses")
	}
	for _, c := range clauses {
		if !binds(c) {
			return ErrNotBinding.With("Clause", c).In("clauses")
		}
	}
	return nil
}

// proven refuses a measure without a source and evidence.
//
// Clause: UA 8.2 (the operator found it itself or learnt it from authorities, rights holders or others, and looked at facts and evidence).
func proven(source Source, exhibits int64) error {
	if !slices.Contains(Sources, source) {
		return ErrNoEvidence.In("source")
	}
	if exhibits == 0 {
		return ErrNoEvidence.In("evidence")
	}
	return nil
}

// kindOf is the type of a violation. The list of the clause is open, so the clause
// itself is a type of its own.
//
// Clause: UA 4.7 (use lawfully; the eight acts below are examples of what is not).
func kindOf(violation string, types map[string]Type) (string, Type, error) {
	violation = strings.TrimSpace(violation)
	if violation != "" && !strings.Contains(violation, " ") {
		violation = "UA " + violation
	}
	t, known := types[violation]
	if !known {
		return violation, Type{}, ErrType.With("Violation", violation).In("violation")
	}
	return violation, t, nil
}

// reregistered is the violation of who comes back after a termination.
const reregistered = "UA 8.3"

// withReturn adds to the rulebook's types that of coming back after a termination,
// unless it lists its own: the clause itself forbids it, and no list has to.
//
// Clause: UA 8.3 (to come back after a termination for breach is a breach of its own, on which a person decides).
func withReturn(types map[string]Type) map[string]Type {
	if _, listed := types[reregistered]; listed {
		return types
	}
	all := maps.Clone(types)
	all[reregistered] = Type{Severity: "grave", Human: true}
	return all
}

// needsSecond reports whether one person is not enough: the violation is named by
// no list, or a measure cannot be undone or is of its own kind.
//
// Clause: UA 4.7 (the list of forbidden acts is open, so clause 4.7 cited alone needs a second reviewer).
func needsSecond(t Type, plans []Plan) bool {
	return t.Second || slices.ContainsFunc(plans, func(p Plan) bool { return p.Kind.grave() })
}

// grave reports whether a measure of the kind is never one person's decision.
func (k Kind) grave() bool { return k == Terminate || k == Other }

// described refuses a case about other law that does not say what happened and
// which law it broke.
//
// Clause: UA 4.7.8 (any other unlawful act: what it was and the law it breaks are stated, and two persons decide).
func described(t Type, facts, basis string) error {
	var faults fault.List
	if strings.TrimSpace(facts) == "" {
		faults = append(faults, ErrRequired.In("facts"))
	}
	if t.Basis && strings.TrimSpace(basis) == "" {
		faults = append(faults, ErrBasis.In("basis"))
	}
	return faults.Err()
}

// another refuses whoever signed before, whatever roles he has.
//
// Clause: UA 8.2 (what two persons decide is not decided by one with two roles).
func another(by audit.Actor, before ...string) error {
	if slices.Contains(before, by.User) {
		return ErrSecond
	}
	return nil
}

// mayReport refuses a vendor's report about a product of somebody else, or about
// an account that holds no right to it.
//
// Clause: UA 4.9 (products are protected; a vendor reports what was done to its own, by whoever holds a right to it).
func mayReport(reporter vendor.ID, right entitlement.Entitlement, t Type) error {
	switch {
	case !t.Product:
		return ErrInvalid.In("violation")
	case reporter == "" || right.Vendor != reporter:
		return ErrNotHolder
	}
	switch right.State {
	case entitlement.Active, entitlement.Suspended, entitlement.Expired:
		return nil
	}
	return ErrNotHolder
}

// byPerson refuses a program's decision on what is not for programs.
//
// Clause: UA 4.9.4 (other harm to a vendor's rights is looked at by a person, never acted on by a program).
func byPerson(c Case, by audit.Actor) error {
	if c.HumanOnly && by.Kind != audit.Person {
		return ErrNotAutomatic
	}
	return nil
}

// automatic refuses a program's decision: on a type that is not listed for it, for
// longer than the rulebook allows, with a measure that only persons take, or after
// the subject has asked for a person, which the law lets it do.
//
// Clause: UA 8.2 (who asks for a person is not decided on by a program alone).
func automatic(c Case, t Type, plans []Plan, most int, law agreement.Law) error {
	if !t.Automatic || law.ReasonsAppeal && !c.HumanAsked.IsZero() {
		return ErrNoHuman
	}
	for _, p := range plans {
		if p.Kind.grave() || p.Kind == Restrict && (p.Days == 0 || p.Days > most) {
			return ErrNoHuman
		}
	}
	return nil
}

// reasoned refuses a decision without reasons where the law wants them with each
// measure. The bare agreement lets the operator judge alone.
//
// Clause: UA 8.2 (the operator says facts, basis, measure, duration and how to appeal).
func reasoned(reasons string, law agreement.Law) error {
	if law.ReasonsAppeal && strings.TrimSpace(reasons) == "" {
		return ErrRequired.In("reasons")
	}
	return nil
}

// appealUntil is the last moment to appeal: the rulebook's days after the day of
// service, or the law's where they are more.
//
// Clause: UA 8.2 (the time to appeal is the rulebook's, and the law's when that is longer).
func appealUntil(served time.Time, days int, law agreement.Law) time.Time {
	return calendar.On(served).AddDays(max(days, law.AppealDays)).Last()
}

// ordered refuses an order to correct without what to change and by when.
//
// Clause: UA 8.2.1 (demand that content is replaced or changed, within a time).
func ordered(p Plan) error {
	switch {
	case p.Content.ID == "" || p.Content.Kind == "":
		return ErrRequired.In("content")
	case strings.TrimSpace(p.Demand) == "":
		return ErrRequired.In("demand")
	case p.Days <= 0:
		return ErrNoDeadline.In("days")
	}
	return nil
}

// overdue reports whether an order was not followed in time. What follows from it
// is a proposal, never an act.
//
// Clause: UA 8.2.1 (an overdue order proposes removal and does not carry it out).
func overdue(m Measure, now time.Time) bool {
	return m.Kind == Rectify && m.State == Effective && now.After(m.DueAt)
}

// blockable refuses to block content of a kind that nobody can block and give
// back.
//
// Clause: UA 8.2.2 (delete, block or cut links to content).
func blockable(p Plan, kinds map[string]Blocker) error {
	if _, known := kinds[p.Content.Kind]; !known || p.Content.ID == "" {
		return ErrNoContent.In("content")
	}
	return nil
}

// restricts is the list of functions a measure takes; all are all that an account
// does in the market, never the look at its own data, and nothing that is owed to
// it: refunds, invoices, complaints and export ask for no function.
//
// Clause: UA 8.2.3 (a measure names the functions it takes, and leaves what is owed to the account).
func restricts(functions []string, sells bool) ([]string, error) {
	var out []string
	for _, f := range functions {
		switch {
		case f == "all":
			out = append(out, account.Buy, account.Renew, account.Review, account.Message, account.API)
		case !slices.Contains(Functions, f), ofVendor(f) && !sells:
			return nil, ErrNoFunction.In("functions")
		default:
			out = append(out, f)
		}
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) == 0 {
		return nil, ErrNoFunction.In("functions")
	}
	return out, nil
}

func ofVendor(function string) bool {
	return function == Publish || function == Shop || function == Sell
}

// vendorState is the strictest state that the functions taken from a vendor ask
// for.
func vendorState(functions []string) vendor.State {
	for _, f := range []struct {
		function string
		state    vendor.State
	}{{Sell, vendor.Suspended}, {Shop, vendor.ShopHidden}, {Publish, vendor.PublishLimited}} {
		if slices.Contains(functions, f.function) {
			return f.state
		}
	}
	return vendor.Onboarded
}

// endsFrom is when a termination takes effect: when its notice is served, or later
// where the law gives a vendor time.
//
// Clause: UA 8.2.4 (termination dissolves the agreement when its notice arrives).
func endsFrom(served time.Time, sells bool, law agreement.Law) time.Time {
	if sells && law.VendorEndDays > 0 {
		return calendar.On(served).AddDays(law.VendorEndDays + 1).Start()
	}
	return served
}

// mayTerminate refuses to end an agreement on one signature.
//
// Clause: UA 8.2.4 (termination is signed by two).
func mayTerminate(first, second string) error {
	if first == "" || second == "" || first == second {
		return ErrSecond
	}
	return nil
}

// fitting refuses a measure of its own kind without what it is, why nothing
// milder will do, and an end or a day on which it is looked at again.
//
// Clause: UA 8.2.5 (other measures that fit: described, necessary, and not without end).
func fitting(p Plan) error {
	switch {
	case strings.TrimSpace(p.Demand) == "":
		return ErrRequired.In("demand")
	case strings.TrimSpace(p.Necessity) == "":
		return ErrRequired.In("necessity")
	case p.Days <= 0 && p.ReviewDays <= 0:
		return ErrNoEnd.In("days")
	}
	return nil
}

// lasts is the last moment of a measure of some days; zero without end. The day
// of service does not count.
func lasts(from time.Time, days int64) time.Time {
	if days == 0 {
		return time.Time{}
	}
	return calendar.On(from).AddDays(int(days)).Last()
}

// PurgeFrom is when data of an ended agreement may be erased: the rulebook's days
// after the end. Where the law wants data offered for export first, there are at
// least as many days as a person's request for its data may take.
//
// Clause: UA 8.5 (data is erased after a time in which it can be exported).
func PurgeFrom(end time.Time, days int, law agreement.Law) time.Time {
	if law.ExportGrace {
		days = max(days, law.RightsDays, 1)
	}
	return calendar.On(end).AddDays(days + 1).Start()
}

// mayPurge refuses to erase data before its day, unless a law orders it.
//
// Clause: UA 8.5 (no erasure before the time to export is over, unless the law orders it).
func mayPurge(t Termination, now time.Time) error {
	if now.Before(t.PurgeAt) && t.Ordered == "" {
		return ErrPurge.With("Until", t.PurgeAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// publishBy is the last moment to publish a sanction. A calendar that ends before
// says when that is expected.
//
// Clause: ECL 36 (sanctions on vendors are published promptly: within the rulebook's working days, until they end).
func publishBy(served time.Time, days int) time.Time {
	due, _ := calendar.Official().Expected(served, days)
	return due
}

// published reports whether a measure belongs on the public list.
func published(c Case, m Measure) bool {
	return c.Vendor != "" && (m.Kind == Block || m.Kind == Restrict || m.Kind == Terminate)
}

// guidance is the code of the note that a reviewer reads beside a report of what
// the law lets a user do within limits; "" where the law says nothing of it.
//
// Clause: UA 4.9.1 (reverse engineering is forbidden, within what the law permits).
func guidance(violation string, law agreement.Law) string {
	if violation == "UA 4.9.1" && law.Decompiling {
		return "decompiling"
	}
	return ""
}

// Threshold suggests a measure from a number of points on.
type Threshold struct {
	At      int64 `json:"at"`
	Measure Plan  `json:"measure"`
}

// suggest is what the rulebook suggests for a violation: its own measures, and
// that of the highest threshold which its points reach. A vendor's functions are
// not suggested for who sells nothing, nor is a block of nothing.
func suggest(t Type, before int64, thresholds []Threshold, model string, c Case) (plans []Plan) {
	if model != "points" {
		plans = append(plans, t.Measures...)
	}
	if model != "direct" {
		reached := -1
		for i, one := range thresholds {
			if before+t.Points >= one.At && (reached < 0 || one.At > thresholds[reached].At) {
				reached = i
			}
		}
		if reached >= 0 && !slices.ContainsFunc(plans, func(p Plan) bool { return p.Kind == Terminate }) {
			plans = append(plans, thresholds[reached].Measure)
		}
	}
	var out []Plan
	for _, p := range plans {
		switch p.Kind {
		case Rectify, Block:
			if c.Content.ID == "" {
				continue
			}
			p.Content = c.Content
		case Restrict:
			p.Functions = slices.DeleteFunc(slices.Clone(p.Functions), func(f string) bool { return ofVendor(f) && c.Vendor == "" })
			if len(p.Functions) == 0 {
				continue
			}
		}
		out = append(out, p)
	}
	return out
}

// decides reports whether the actor decides for the operator.
func decides(by audit.Actor) bool { return by.Has(account.Compliance) }

// looks reports whether the actor sees cases for the operator.
func looks(by audit.Actor) bool { return by.Has(account.Compliance) || by.Has(account.Superadmin) }
