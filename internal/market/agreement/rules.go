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
	if s == None {
		return ErrNotAccepted
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
	case slices.Contains(methods, Click):
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

// citable refuses a rule that did not bind at the moment of the decision.
//
// Clause: UA 1.1 (rules are part of the agreement once they are officially published).
func citable(v Version, at time.Time) error {
	if v.EffectiveAt.IsZero() || v.EffectiveAt.After(at) {
		return ErrNotInForce
	}
	return nil
}

const (
	changeNotice      = 7  // natural days
	majorChangeNotice = 15 // natural days
)

// effectiveFrom returns when a new version takes effect. The first version of a
// document replaces nothing and may bind at once; a change binds at the asked
// moment, or at the first one allowed when none was asked.
//
// Clause: UA 5.3 (a change replaces the old text once published, after the notice the law requires).
func effectiveFrom(now, asked time.Time, first, major bool) (time.Time, error) {
	earliest := now
	if !first {
		days := changeNotice
		if major {
			days = majorChangeNotice
		}
		earliest = calendar.NoticeEarliest(now, days)
	}
	switch {
	case asked.IsZero():
		return earliest, nil
	case asked.Before(earliest):
		return time.Time{}, ErrTooEarly.With("Earliest", earliest.UTC().Format(time.RFC3339)).In("effective_at")
	default:
		return asked, nil
	}
}

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

// mayPublish says who publishes: compliance, and the installation's own shell.
func mayPublish(by audit.Actor) error {
	if by.Kind == audit.CLIKind || by.Has(account.Compliance) {
		return nil
	}
	return ErrForbidden
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
	if !slices.Contains([]string{"CN", "EU", "OTHER"}, d.Jurisdiction) {
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
