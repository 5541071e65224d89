package content

import (
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// Act is what a term of the lexicon leads to.
type Act string

// The acts of a term.
const (
	Hold   Act = "hold"   // a person looks first
	Refuse Act = "refuse" // there is no reading in which it is allowed
)

// verdict is what a text leads to.
type verdict struct {
	refusal   *fault.Fault // nil: it is taken
	confirm   bool         // the refusal goes away when the writer confirms
	held      bool
	sensitive bool
	outside   bool
}

// judge decides on a text, the strictest reason first.
func judge(p Piece, found []screen.Finding, acts map[string]Act) verdict {
	v := verdict{}
	if v.refusal, v.held = unlawful(p.Holdable, found, acts); v.refusal != nil {
		return v
	}
	if v.refusal, v.confirm, v.sensitive = guarded(p.Place, found, p.Confirmed); v.refusal != nil {
		return v
	}
	v.refusal, v.outside = inside(p.Place, found)
	return v
}

// unlawful refuses a text with a term of the lexicon, or has it wait for a person
// where the term and the place allow that.
//
// Clause: UA 4.7.1 (a text with a term of the lexicon is not published before a person has looked).
func unlawful(holdable bool, found []screen.Finding, acts map[string]Act) (refusal *fault.Fault, held bool) {
	if screen.Illegal(found) == screen.Pass {
		return nil, false
	}
	listed := screen.Only(found, screen.Listed)
	if !holdable || slices.ContainsFunc(listed, func(f screen.Finding) bool { return acts[f.Term] == Refuse }) {
		return ErrBlocked, false
	}
	return nil, true
}

// guarded refuses secrets where everybody reads, and stops a card or identity
// number with a password in private until the writer, who was shown the warning,
// confirms. Anything less is sent with the warning.
//
// Clause: UA 4.6 (the warning is shown before a secret is sent, and the writer decides; in public it is not taken).
func guarded(place screen.Place, found []screen.Finding, confirmed bool) (refusal *fault.Fault, confirm, warned bool) {
	switch screen.Sensitive(place, found) {
	case screen.Refuse:
		return ErrSecret, false, false
	case screen.Confirm:
		if !confirmed {
			return ErrConfirm, true, false
		}
		return nil, false, true
	case screen.Warn:
		return nil, false, true
	}
	return nil, false, false
}

// inside refuses ways to pay outside the market where everybody reads, and warns
// of them in a conversation.
//
// Clause: UA 4.11 (a conversation that leads to payment outside carries the warning).
func inside(place screen.Place, found []screen.Finding) (refusal *fault.Fault, warned bool) {
	switch screen.Outside(place, found) {
	case screen.Refuse:
		return ErrOutside, false
	case screen.Warn:
		return nil, true
	}
	return nil, false
}

// taken refuses a report of payment outside the market where no law makes it the
// operator's matter: by the bare agreement such deals have nothing to do with it.
//
// Clause: UA 4.11 (deals outside are no matter of the operator, except that law has it take reports and act on the vendor).
func taken(law agreement.Law, why Reason) error {
	if why == OffPlatform && !law.OutsideReports {
		return ErrNotOurs
	}
	return nil
}

// passed decides on what the scanner said of a file.
//
// Clause: UA 4.7.6 (no file reaches another person before a scan has passed it).
func passed(known bool, f File) error {
	switch {
	case !known:
		return ErrNotScanned
	case f.Infected:
		return ErrInfected.With("Signature", f.Signature)
	}
	return nil
}

// grounded refuses to look into a sealed original without saying why.
//
// Clause: UA 4.7.1 (a sealed original is opened by an officer with a reason).
func grounded(by audit.Actor, reason string) (string, error) {
	if !officer(by) {
		return "", ErrForbidden
	}
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > longest {
		return "", ErrOpenReason.In("reason")
	}
	return reason, nil
}

// showable refuses a picture that nobody has decided on to everybody but who sent
// it and the staff, and a blocked one to all but those who decide.
//
// Clause: UA 4.7.1 (a picture is shown to others only after a screener or a person of the operator has passed it).
func showable(i Item, by audit.Actor) error {
	switch {
	case i.State == Held && (by.Account != "" && by.Account == string(i.Account) || officer(by) || by.Has(account.Support)):
		return nil
	case i.State == Held:
		return ErrPictureHeld
	case i.State == Blocked && !officer(by):
		return ErrBlocked
	}
	return nil
}

// illegal are the clauses on which content is removed as illegal.
var illegal = []any{"UA 4.7.1", "CSL 47"} // for the statement that counts them, too

// reportable refuses a report of what was not removed as illegal.
//
// Clause: UA 4.7.1 (what was removed as illegal is reported to the authority, and nothing else is).
func reportable(i Item) error {
	if i.State != Blocked || !slices.Contains(illegal, any(i.Clause)) {
		return ErrNotReportable
	}
	return nil
}

// dueAt is by when a removal is reported.
//
// Clause: CSL 47 (illegal information is removed, kept on record and reported to the authority).
func dueAt(removed time.Time, hours int) time.Time {
	return removed.Add(time.Duration(hours) * time.Hour)
}

// told refuses a report that does not say to whom, under which reference and when.
func told(in Told, removed, today calendar.Date) error {
	var faults fault.List
	for _, f := range []struct{ field, text string }{{"authority", in.Authority}, {"reference", in.Reference}} {
		switch {
		case f.text == "":
			faults = append(faults, ErrRequired.In(f.field))
		case len(f.text) > 200:
			faults = append(faults, ErrInvalid.In(f.field))
		}
	}
	if in.On.IsZero() || in.On.After(today) || removed.After(in.On) {
		faults = append(faults, ErrInvalid.In("on"))
	}
	return faults.Err()
}

// spent says which originals have served their time: decided on before a moment,
// and not owed to the authority any more.
//
// Clause: CSL 21 (records are kept for six months at least; then the original goes and its hash stays).
func spent(i Item, owed bool, before time.Time) bool {
	return i.State != Held && i.GoneAt.IsZero() && !i.CreatedAt.IsZero() && later(i.CreatedAt, i.DecidedAt).Before(before) && !owed
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// longest is the most bytes of a reason or note.
const longest = 4000

// complete refuses a block that does not say on which clause and why.
func complete(w Why) (Why, error) {
	w.Clause, w.Reason = strings.TrimSpace(w.Clause), strings.TrimSpace(w.Reason)
	switch {
	case w.Clause == "":
		return w, ErrRequired.In("clause")
	case len(w.Clause) > 40:
		return w, ErrInvalid.In("clause")
	case w.Reason == "":
		return w, ErrRequired.In("reason")
	case len(w.Reason) > longest:
		return w, ErrInvalid.In("reason")
	}
	return w, nil
}

// Leads reports whether findings lead to payment outside the market.
func Leads(hits []Hit) bool {
	return slices.ContainsFunc(hits, func(h Hit) bool {
		return h.Kind == screen.OffPlatform || h.Kind == screen.PaymentLink || h.Kind == screen.BankAccount
	})
}

// officer says whether the actor decides on what people wrote.
func officer(by audit.Actor) bool { return by.Has(account.Compliance) }

// hitsOf is what was found, each kind and term once, without where.
func hitsOf(found []screen.Finding) []Hit {
	hits := []Hit{}
	for _, f := range found {
		if f.Kind == screen.VoidTerm || f.Kind == screen.Superlative {
			continue // of product terms only
		}
		h := Hit{Kind: f.Kind}
		if f.Kind == screen.Listed {
			h.Term = f.Term
		}
		if !slices.Contains(hits, h) {
			hits = append(hits, h)
		}
	}
	return hits
}

// kinds names what was found, without any term.
func kinds(hits []Hit) string {
	var names []string
	for _, h := range hits {
		if !slices.Contains(names, string(h.Kind)) {
			names = append(names, string(h.Kind))
		}
	}
	return strings.Join(names, ",")
}
