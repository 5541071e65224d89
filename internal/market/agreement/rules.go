package agreement

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// emphasised refuses a document in which a clause that limits or excludes
// liability is not in bold: what nobody was made aware of may not bind him.
//
// Clause: UA P-2 (read with care; clauses that limit or exclude liability are in bold).
func emphasised(clauses []Clause) error {
	var faults fault.List
	for _, c := range clauses {
		if (c.Kind == LiabilityLimit || c.Kind == Exclusion) && c.Emphasis != Bold {
			faults = append(faults, ErrEmphasis.With("Clause", c.ID))
		}
	}
	return faults.Err()
}

// mustStand refuses every act that needs the agreement until there is a record of
// the bundle in force. Looking at the public catalogue does not ask.
//
// Clause: UA P-3 (no right to use before all terms are accepted; use counts as acceptance).
func mustStand(s Standing) error {
	switch s {
	case Dissolved:
		return account.ErrTerminated
	case None, Refused:
		return ErrNotAccepted
	}
	return nil
}

// binds reports whether an act of an account may still bind it: looking at what is
// left of a dissolved agreement, or a click on an old page, is no acceptance.
//
// Clause: UA 8.2.4 (who ends the agreement ends it: no later act of the account accepts anything).
func binds(dissolved bool) error {
	if dissolved {
		return account.ErrTerminated
	}
	return nil
}

// mayAccept says who binds an account: its owner. A sub-user who only buys or
// manages products has no such authority, neither by click nor by use.
func mayAccept(by audit.Actor) error {
	if by.Account == "" || !by.Has(account.Owner) {
		return ErrNotAuthorised
	}
	return nil
}

// effective is the moment from which an account is bound: its earliest act,
// whatever its method. Zero when there is none.
//
// Clause: UA 9.1 (in force from confirmation or any use, whichever is first).
func effective(acts []time.Time) time.Time {
	if len(acts) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(acts, time.Time.Compare)
}

// standing says how an account stands, by the methods on record.
func standing(methods []Method) Standing {
	switch {
	case slices.ContainsFunc(methods, Method.explicit):
		return Accepted
	case slices.Contains(methods, Use):
		return Implied
	default:
		return None
	}
}

// covers lets the acceptance of one document of a bundle stand for the whole, and
// refuses a document that is not in it, such as the privacy notice: consents are
// never part of a bundle.
//
// Clause: UA 9.2 (accepting any one rule is accepting the whole).
func covers(b Bundle, document string) error {
	if document == "" {
		return nil
	}
	for _, v := range b.Documents() {
		if v.Code == document {
			return nil
		}
	}
	return ErrInvalid.In("document")
}

// citable refuses a rule that did not bind at the moment of the decision: one that
// is not published, not yet in force, or replaced.
//
// Clause: UA 1.1 (rules are part of the agreement once they are officially published).
func citable(v Version, at time.Time) error {
	if v.EffectiveAt.IsZero() || v.EffectiveAt.After(at) || !v.SupersededAt.IsZero() && !at.Before(v.SupersededAt) {
		return ErrNotInForce
	}
	return nil
}

// mayPublish says who makes a document public by one act: the installation's own
// shell, as long as nobody is bound by what it would change. Afterwards a change
// is drafted, open for comments where law wants it, and approved by a second person.
func mayPublish(by audit.Actor, first, bound bool) error {
	switch {
	case by.Kind == audit.CLIKind && (first || !bound):
		return nil
	case by.Kind == audit.CLIKind || by.Has(account.Compliance):
		return ErrSecond
	}
	return ErrForbidden
}

// mayDraft says who works on changes of the rules, and on what is known about
// acceptances of others.
func mayDraft(by audit.Actor) error {
	if by.Has(account.Compliance) {
		return nil
	}
	return ErrForbidden
}

// another refuses the second signature of whoever gave the first, whatever roles
// that person has.
//
// Clause: UA 1.1 (a rule is published with a second approver).
func another(first account.UserID, by audit.Actor) error {
	if by.User == "" || string(first) == by.User {
		return ErrSecond
	}
	return nil
}

// effectiveFrom returns when a new version takes effect. The first version of a
// document replaces nothing and may bind at once; a change binds at the asked
// moment, or after the market's own notice when none was asked, and never before
// the notice that law demands.
//
// Clause: UA 5.3 (a change replaces the old text once published, after the notice the law requires).
func effectiveFrom(now, asked time.Time, first bool, law Law, major bool, own int) (time.Time, error) {
	earliest, proposed := now, now
	if days := law.notice(major); !first {
		if days > 0 {
			earliest = calendar.NoticeEarliest(now, days)
		}
		if proposed = earliest; own > days {
			proposed = calendar.NoticeEarliest(now, own)
		}
	}
	switch {
	case asked.IsZero():
		return proposed, nil
	case asked.Before(earliest):
		return time.Time{}, ErrTooEarly.With("Earliest", earliest.UTC().Format(time.RFC3339)).In("effective_at")
	default:
		return asked, nil
	}
}

// consulted refuses to publish a change that law wants to be open for comments
// and that was not, or not long enough, or still is.
//
// Clause: UA 5.3 (where the law asks for it, a change is open for comments on the home page first).
func consulted(law Law, opened, closes, now time.Time) error {
	switch {
	case !opened.IsZero() && now.Before(closes):
		return ErrConsultation.With("Until", closes.UTC().Format(time.RFC3339))
	case opened.IsZero() && law.Consultation:
		return ErrConsultation.With("Until", "")
	}
	return nil
}

// openUntil refuses a time for comments that is shorter than the rules promise.
func openUntil(now, closes time.Time, days int) error {
	if earliest := calendar.NoticeEarliest(now, days); closes.Before(earliest) {
		return ErrConsultation.With("Until", earliest.UTC().Format(time.RFC3339)).In("closes")
	}
	return nil
}

// goesOn reports whether using the market after a switch accepts the new rules:
// only for who was bound by the old ones, and did not refuse the new ones.
//
// Clause: UA 5.3 (using or viewing the service after a change counts as acceptance; who disagrees stops).
func goesOn(by audit.Actor, bound, refused bool) bool {
	return by.Account != "" && by.User != "" && bound && !refused
}

// rulesFor is the moment whose rules bind an account: now, but for one that
// refused a change where law lets it leave under the terms before it.
//
// Clause: UA 5.3 (who refuses a change leaves; where the law says so, under the old terms).
func rulesFor(old Law, refused, now time.Time) time.Time {
	if old.ExitOnOldTerms && !refused.IsZero() && !refused.After(now) {
		return refused.Add(-time.Microsecond)
	}
	return now
}

// consents reports whether an act of acceptance counts as a consent to a handling
// of personal data too. The bare agreement has it so: use is acceptance, and one
// acceptance is of everything. Law wants an act of its own.
//
// Clause: UA 9.2 (accepting one rule accepts all; by law a consent to a handling of personal data stands apart).
func consents(l Law, m Method) bool {
	switch {
	case l.SeparateConsent:
		return false
	case m == Use:
		return !l.ExplicitConsent
	}
	return true
}

// outOfForce finds what takes a clause out of force for somebody.
//
// Clause: UA 9.6 (a term that is invalid falls away alone; the rest stands).
func outOfForce(all []Disabled, code, clause, jurisdiction string, who Audience, at time.Time) (Disabled, bool) {
	for _, d := range all {
		if d.Code == code && d.Clause == clause && d.stands(at) &&
			(d.Jurisdiction == "" || d.Jurisdiction == jurisdiction) && (d.Audience == Everybody || d.Audience == who) {
			return d, true
		}
	}
	return Disabled{}, false
}

// answers refuses a mail that is no answer to a challenge: from another address,
// without the code, too late, or a second time.
//
// Clause: UA 9.1 (acceptance by e-mail: a signed link, or a reply matched to its challenge).
func answers(c Challenge, address, from, words string, at time.Time) error {
	switch {
	case !strings.EqualFold(strings.TrimSpace(address), strings.TrimSpace(from)) || from == "":
		return ErrChallenge.With("Why", "sender")
	case !strings.Contains(strings.ToUpper(words), c.Code):
		return ErrChallenge.With("Why", "code")
	}
	return open(c, at)
}

// open refuses a challenge that is used or too old.
func open(c Challenge, at time.Time) error {
	switch {
	case !c.UsedAt.IsZero():
		return ErrChallenge.With("Why", "used")
	case at.After(c.ExpiresAt):
		return ErrChallenge.With("Why", "late")
	}
	return nil
}

// onPaper lets a second person take a scan of a signed paper for an acceptance.
//
// Clause: UA 9.1 (acceptance in writing: a scan, looked at by a second person).
func onPaper(uploaded account.UserID, by audit.Actor) error { return another(uploaded, by) }

// signedAt is the place of signing of the agreement that was accepted, not of the
// one in force when evidence is asked for.
//
// Clause: UA 9.3 (place of signing).
func signedAt(documents []Version) Both {
	for _, v := range documents {
		if v.Kind == KindAgreement {
			return v.PlaceOfSigning
		}
	}
	return Both{}
}

// lawFloor says which set of mandatory rules stands under the agreement.
//
// Clause: UA 9.4 (governing law).
func lawFloor(v Version) string {
	if v.Jurisdiction == "" {
		return "CN"
	}
	return v.Jurisdiction
}

// wellFormed refuses a document with a gap: a missing language, a clause twice,
// a clause in no chapter.
func wellFormed(d document) error {
	chapters := map[string]bool{}
	for _, c := range d.Chapters {
		if c.ID == "" || !c.Title.full() || chapters[c.ID] {
			return ErrInvalid.In("chapters").With("Chapter", c.ID)
		}
		chapters[c.ID] = true
	}
	seen := map[string]bool{}
	for _, c := range d.parts() {
		switch {
		case c.ID == "" || seen[c.ID] || !c.Title.full() || !c.Text.full(),
			len(chapters) > 0 && !chapters[c.Chapter],
			!slices.Contains([]Emphasis{Plain, Bold}, c.Emphasis),
			!slices.Contains([]ClauseKind{Ordinary, LiabilityLimit, Exclusion}, c.Kind):
			return ErrInvalid.In("clauses").With("Clause", c.ID)
		}
		seen[c.ID] = true
	}
	if d.Code == "" || d.Number < 1 || !d.Title.full() || len(seen) == 0 {
		return ErrInvalid.In("source")
	}
	if d.kind() == KindAgreement && (!d.PlaceOfSigning.full() || !d.GoverningLaw.full()) {
		return ErrInvalid.In("place_of_signing")
	}
	if !slices.Contains(Jurisdictions, d.Jurisdiction) {
		return ErrInvalid.In("jurisdiction")
	}
	return nil
}

func (d document) kind() Kind {
	switch d.Code {
	case UserAgreement:
		return KindAgreement
	case PrivacyNotice:
		return KindPrivacy
	default:
		return KindRulebook
	}
}

// parts returns clauses and sections as one list.
func (d document) parts() []Clause { return slices.Concat(d.Clauses, d.Sections) }

// bundleHash names a set of documents by the hash of their list.
func bundleHash(documents []Version) string {
	var list strings.Builder
	for _, v := range documents {
		fmt.Fprintf(&list, "%s %d %s\n", v.Code, v.Number, v.SHA256)
	}
	return hexSum([]byte(list.String()))
}

// textHash is the hash of the exact texts, one document after the other, as
// "cat … | sha256sum" over the exported files gives it.
func textHash(documents []Version) string {
	h := sha256.New()
	for _, v := range documents {
		h.Write(v.Source)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func hexSum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
