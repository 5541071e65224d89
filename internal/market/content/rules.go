package content

import (
	"slices"
	"strings"

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
