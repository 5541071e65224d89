package privacy

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

// mayRead decides whether a vendor may have plain data of a customer: with a
// consent that holds for this vendor and customer, or with a disclosure to it that
// was made; else with nothing.
//
// Clause: UA 5.4 (nothing of a user is disclosed without consent but on the four bases).
func mayRead(v vendor.ID, a account.ID, c *Consent, d *Disclosure, now time.Time) error {
	switch {
	case c != nil && c.Vendor == v && c.Account == a && c.Holds(now):
		return nil
	case d != nil && d.State == Made && d.Recipient.Vendor == v && d.Account == a:
		return nil
	}
	return ErrNoBasis.In("basis")
}

// agreed refuses a sharing that no consent to exactly this recipient covers. The
// acceptance of the agreement is none, and neither is a box ticked beforehand.
//
// Clause: UA 5.4.1 (data goes to a third party where the user agreed to it, one consent a recipient).
func agreed(c *Consent, v vendor.ID, fields []Field, now time.Time) error {
	if c == nil || c.Vendor != v || !c.Holds(now) {
		return ErrConsent
	}
	for _, f := range fields {
		if !slices.Contains(c.Fields, f) {
			return ErrConsent.In("fields")
		}
	}
	return nil
}

// consentable refuses a consent to nothing, and to what a vendor never gets from
// the market.
func consentable(fields []Field) error {
	if len(fields) == 0 {
		return ErrRequired.In("fields")
	}
	for i, f := range fields {
		if !slices.Contains(Offered, f) || slices.Contains(fields[:i], f) {
			return ErrInvalid.In("fields")
		}
	}
	return nil
}

var (
	article = regexp.MustCompile(`^(ECL|PIPL|CSL|AL|SPC|CPL|CC|GDPR|DSA) \d+(\(\d+\))?$`)
	rule    = regexp.MustCompile(`^(UA \d+(\.\d+)*|RB [a-z][a-z-]*-\d+)$`)
)

// bookOf is the document that a provision stands in; empty for an article of law.
func bookOf(provision string) string {
	code, ok := strings.CutPrefix(provision, "RB ")
	if !ok {
		if strings.HasPrefix(provision, "UA ") {
			return agreement.UserAgreement
		}
		return ""
	}
	return code[:strings.LastIndexByte(code, '-')]
}

// provided refuses a disclosure on a provision that does not exist or is not in
// force: an article is named by law and number, a rule by section and the version
// that binds now. inForce is that version; a rule that it does not contain is
// nobody's basis.
//
// Clause: UA 5.4.2 (law, this agreement or other rules may provide for a disclosure).
func provided(provision string, number int64, inForce *agreement.Version) error {
	switch {
	case article.MatchString(provision) && number == 0:
		return nil
	case !rule.MatchString(provision):
		return ErrNoBasis.In("provision")
	case inForce == nil || inForce.Number != number:
		return ErrRule.In("version")
	}
	section := strings.TrimPrefix(strings.TrimPrefix(provision, "UA "), "RB ")
	if !slices.ContainsFunc(inForce.Clauses, func(c agreement.Clause) bool { return c.ID == section }) {
		return ErrRule.In("provision")
	}
	return nil
}

// complaintFields are what a vendor needs to answer a complaint.
var complaintFields = []Field{Name, ContactWay, Email, Mobile, Order, Product, Topic, Text, Demand}

// needed refuses fields that a matter does not need: a vendor never gets the number
// of a document or of a bank account, whatever the matter.
//
// Clause: UA 5.4.3 (complaints, reports and lawsuits: identity and demand are given, no more than the matter needs).
func needed(to RecipientKind, matter string, fields []Field) error {
	if strings.TrimSpace(matter) == "" {
		return ErrNoBasis.In("matter")
	}
	return fieldsFor(to, fields)
}

func fieldsFor(to RecipientKind, fields []Field) error {
	if len(fields) == 0 {
		return ErrRequired.In("fields")
	}
	allowed := Disclosable
	if to == ToVendor || to == ToVictim || to == ToOther {
		allowed = complaintFields
	}
	for _, f := range fields {
		if !slices.Contains(allowed, f) {
			return ErrFields.With("Field", string(f)).In("fields")
		}
	}
	return nil
}

// urgent refuses an emergency that is not against a named authority or for a
// victim, or whose reason is not stated, and any of an officer whose last one has
// not been reviewed.
//
// Clause: UA 5.4.4 (reasonable and necessary action against serious illegality or suspected crime).
func urgent(to Recipient, reason string, unreviewed bool) error {
	switch {
	case to.Kind != ToAuthority && to.Kind != ToVictim || strings.TrimSpace(to.Name) == "":
		return ErrNoBasis.In("recipient_name")
	case strings.TrimSpace(reason) == "":
		return ErrRequired.In("purpose")
	case unreviewed:
		return ErrReviewDue
	}
	return nil
}

// another refuses the second signature of whoever gave the first, also with a
// second role.
func another(first string, by audit.Actor) error {
	if first == by.User {
		return ErrSecond
	}
	return nil
}

// officer refuses anybody but compliance, and everybody on the own account.
func officer(by audit.Actor, about account.ID) error {
	if !by.Has(account.Compliance) || by.Account == string(about) {
		return ErrForbidden
	}
	return nil
}

// silent refuses to leave a person untold without a reason, and where no authority
// or court can have barred it.
//
// Clause: PIPL 18 (a person is not told only where a law keeps it secret).
func silent(to RecipientKind, untold string) error {
	if strings.TrimSpace(untold) != "" && to != ToAuthority && to != ToCourt {
		return ErrInvalid.In("untold")
	}
	return nil
}

// shareable refuses to give data to a vendor that has not taken on the duties of
// the annex in force, or that was found to misuse data.
//
// Clause: UA 6.3 (vendors are held to rules on data before they get any, and cut off when they break them).
func shareable(accepted []Annex, inForce int64, open []Finding) error {
	if !slices.ContainsFunc(accepted, func(a Annex) bool { return a.Version == inForce }) {
		return ErrAnnex
	}
	if slices.ContainsFunc(open, func(f Finding) bool { return f.Severity == Misuse && f.State != Remedied }) {
		return ErrMisuse
	}
	return nil
}

// forwardable refuses a request about data that a vendor with which the account
// never traded would hold, and one without words where words are needed.
//
// Clause: UA 6.2 (a user may demand that the vendor handles data lawfully; the market forwards it and follows up).
func forwardable(kind RequestKind, to vendor.ID, partners []vendor.ID, text string) error {
	switch {
	case !slices.Contains(Asked, kind):
		return ErrInvalid.In("kind")
	case to != "" && !slices.Contains(partners, to):
		return ErrInvalid.In("vendor")
	case kind != Access && strings.TrimSpace(text) == "":
		return ErrRequired.In("text")
	}
	return nil
}

type answerRule struct {
	Days           int `json:"days"`
	NoCalendarDays int `json:"no_calendar_days"`
}

// vendorDue is when a vendor must have answered: within the rulebook's working days,
// and never later than the law gives the market itself. In a year whose holidays
// are not published the rulebook's natural days count.
func vendorDue(days calendar.WorkingDays, at time.Time, rule answerRule, law agreement.Law) (time.Time, Clock) {
	due, err := days.DueBy(at, rule.Days)
	clock := WorkingDays
	if err != nil {
		due, clock = calendar.On(at).AddDays(rule.NoCalendarDays).Last(), NaturalDays
	}
	if latest, its := rightsDue(days, at, law); !latest.IsZero() && latest.Before(due) {
		return latest, its
	}
	return due, clock
}

// rightsDue is when a person's request must have been answered; zero where the law
// sets no time.
//
// Clause: PIPL 50 (requests of persons are taken and answered in time; a refusal says why).
func rightsDue(days calendar.WorkingDays, at time.Time, law agreement.Law) (time.Time, Clock) {
	if law.RightsDays == 0 {
		return time.Time{}, ""
	}
	if law.RightsWorking {
		if due, exact := days.Expected(at, law.RightsDays); exact {
			return due, WorkingDays
		}
	}
	return calendar.On(at).AddDays(law.RightsDays).Last(), NaturalDays
}

// answerable refuses an answer without a result, and a no or a half without words.
func answerable(r Result, text string) error {
	if !slices.Contains(Results, r) {
		return ErrInvalid.In("result")
	}
	if r != Done && strings.TrimSpace(text) == "" {
		return ErrRequired.In("answer")
	}
	return nil
}

// purgeable refuses to erase before the day that the person was told, unless a law
// orders it, and where law wants the export offered, before it was.
//
// Clause: UA 8.5 (data of an ended account is emptied after its grace, what the law keeps remains).
func purgeable(c Closing, law agreement.Law, lawOrder string, now time.Time) error {
	if c.State != Waiting {
		return ErrState
	}
	if strings.TrimSpace(lawOrder) != "" {
		return nil
	}
	if now.Before(c.PurgeAt) || law.ExportGrace && c.OfferedAt.IsZero() {
		return ErrTooEarly.With("Until", calendar.On(c.PurgeAt).String())
	}
	return nil
}

// endable refuses to close an account while something is under way that it would
// lose. Nothing else may stand against it.
//
// Clause: ECL 24 (a user closes the account without unreasonable conditions).
func endable(orders []order.Order, refunds []refund.Request, sells *vendor.Vendor) error {
	var faults fault.List
	refuse := func(what string) { faults = append(faults, ErrMatters.With("What", what)) }
	if slices.ContainsFunc(orders, func(o order.Order) bool {
		return o.State == order.AwaitingPayment || o.State == order.Provisioning || o.State == order.Refunding
	}) {
		refuse("order")
	}
	if slices.ContainsFunc(refunds, func(q refund.Request) bool { return !q.State.Ended() || q.State == refund.Failed }) {
		refuse("refund")
	}
	if sells != nil && sells.State != vendor.Exited && sells.State != vendor.Rejected {
		refuse("vendor")
	}
	return faults.Err()
}

// kept is when trades and invoices of an ended account need not be kept any
// longer: years after the last of them, never before the end of the account.
//
// Clause: ECL 31 (information on trades is kept for at least three years after their end).
func kept(end, lastTrade time.Time, years int) time.Time {
	from := end
	if lastTrade.After(from) {
		from = lastTrade
	}
	return calendar.AddMonths(calendar.On(from), 12*max(years, 3)).Last()
}

// logsBefore is the moment before which logs go: the rulebook's months, never less
// than the law's.
//
// Clause: CSL 21 (logs are kept for at least six months).
func logsBefore(now time.Time, months, least int) time.Time {
	return calendar.AddMonths(calendar.On(now), -max(months, least, 6)).Start()
}

// words trims what somebody typed and bounds it.
func words(s, field string, must bool) (string, error) {
	return fault.Words(s, field, must, longestWords, ErrRequired, ErrInvalid)
}

const longestWords = 2000

// sorted brings fields into the order in which they are stored.
func sorted(fields []Field) []Field {
	out := slices.Clone(fields)
	slices.SortFunc(out, func(a, b Field) int { return cmp.Compare(a, b) })
	return slices.Compact(out)
}

func joined(fields []Field) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = string(f)
	}
	return strings.Join(parts, " ")
}

func split(s string) []Field {
	var out []Field
	for part := range strings.FieldsSeq(s) {
		out = append(out, Field(part))
	}
	return out
}

// relayNumber is under what a vendor reaches an account: its alone, and without the
// market's keys leading to nobody.
//
// Clause: PIPL 6 (data is limited to the smallest extent that the purpose needs).
func relayNumber(index string) string {
	var digits [10]byte
	for i := range digits {
		digits[i] = '0' + (index[2*i]+7*index[2*i+1])%10
	}
	return "R" + string(digits[:3]) + "-" + string(digits[3:6]) + "-" + string(digits[6:])
}
