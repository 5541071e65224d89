package app

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/review"
	"yunshi/internal/market/vendor"
)

// otherLaw is the violation of what no clause of the agreement names but a law does.
const otherLaw = "UA 4.7.8"

// complaints forward into the register of disclosures, and a report of a violation
// opens a case.
func complaints() complaint.Rules {
	return complaint.Rules{Disclosed: forwarded, Enforce: reported, RedLetter: refund.RedLetter}
}

// contents are the texts that decisions take away; what an officer accuses becomes
// a case.
func contents() content.Rules {
	return content.Rules{
		Owners: map[content.Kind]content.Owner{
			content.Message: message.Owner(), content.Review: review.Owner(), content.Reply: review.ReplyOwner(), content.Picture: content.Pictures(),
		},
		OpenCase: accused,
	}
}

// notices take listings, messages and reviews out of sight; one in bad faith is a
// case against who gave it.
func notices(texts content.Rules) infringement.Rules {
	return infringement.Rules{
		Blockers: map[string]infringement.Blocker{
			infringement.Product:    infringement.Products(),
			string(content.Message): noticed(texts, content.Message),
			string(content.Review):  noticed(texts, content.Review),
		},
		Malicious: badFaith,
	}
}

// measures are decided on cases and reach into every other package.
func measures(texts content.Rules, refunds refund.Rules) enforcement.Rules {
	return enforcement.Rules{
		Content: map[string]enforcement.Blocker{
			enforcement.Product:     enforcement.Products(),
			string(content.Message): measured(texts, content.Message),
			string(content.Review):  measured(texts, content.Review),
		},
		BreachDecided: refunds.BreachDecided,
		Terminated:    each(enforcement.Banish, closed, takenOff), Reinstated: each(enforcement.Pardon, reopened, putOn),
	}
}

type told = func(ctx context.Context, tx *db.Tx, by audit.Actor, c enforcement.Case) error

// each tells several packages of a case, one after the other.
func each(all ...told) told {
	return func(ctx context.Context, tx *db.Tx, by audit.Actor, c enforcement.Case) error {
		for _, tell := range all {
			if err := tell(ctx, tx, by, c); err != nil {
				return err
			}
		}
		return nil
	}
}

// takenOff delists what a vendor has on the market, in the step that ends its
// agreement. Running rights to it go on to the end of their term; what else becomes
// of rights is the decision's.
func takenOff(ctx context.Context, tx *db.Tx, by audit.Actor, c enforcement.Case) error {
	if c.Vendor == "" {
		return nil
	}
	return catalog.DelistAll(ctx, tx, by, c.Vendor, catalog.Delisting{
		Cause: catalog.VendorBreach, Scope: catalog.NoRenewal, Reason: string(c.ID), Case: string(c.ID),
	}, entitlement.HoldersOf)
}

// putOn brings back what the end of the agreement took off the market.
func putOn(ctx context.Context, tx *db.Tx, by audit.Actor, c enforcement.Case) error {
	if c.Vendor == "" {
		return nil
	}
	return catalog.Relist(ctx, tx, by, c.Vendor, string(c.ID))
}

// closed begins the end of a terminated account's data, on the day that the case
// told it.
func closed(ctx context.Context, tx *db.Tx, by audit.Actor, c enforcement.Case) error {
	end, err := enforcement.TerminationOf(ctx, tx, c.Subject)
	if err != nil {
		return err
	}
	_, err = privacy.Terminated(ctx, tx, by, c.Subject, string(c.ID), end.PurgeAt)
	return err
}

func reopened(ctx context.Context, tx *db.Tx, by audit.Actor, c enforcement.Case) error {
	return privacy.Reinstated(ctx, tx, by, c.Subject)
}

// forwarded writes a complaint that went to its vendor into the register.
func forwarded(ctx context.Context, tx *db.Tx, by audit.Actor, d complaint.Disclosure) error {
	_, err := privacy.RecordDisclosure(ctx, tx, by, privacy.Forwarding{
		Account: d.Subject, Vendor: d.Recipient, Matter: d.Matter, Fields: d.Fields, SHA256: d.SHA256,
	})
	return err
}

// violation is a rule that is said to be broken as enforcement knows it: one that
// is no type of its own is other law, or the open list of the clause.
func violation(ctx context.Context, r db.Reader, rule, words string) (enforcement.Opening, error) {
	types, err := enforcement.Types(ctx, r)
	if err != nil {
		return enforcement.Opening{}, err
	}
	if kind, known := types[rule]; known {
		in := enforcement.Opening{Violation: rule}
		if kind.Basis {
			in.Basis = words
		}
		return in, nil
	}
	if strings.HasPrefix(rule, "UA ") || strings.HasPrefix(rule, "RB ") {
		return enforcement.Opening{Violation: "UA 4.7", Clauses: []string{rule}}, nil
	}
	return enforcement.Opening{Violation: otherLaw, Basis: rule}, nil
}

// reported opens a case on a report. Its words are evidence; the subject is told
// the rule and not what was written, which may say who wrote.
func reported(ctx context.Context, tx *db.Tx, by audit.Actor, v complaint.Violation) (string, error) {
	seller, err := vendor.Get(ctx, tx, v.Vendor)
	if err != nil {
		return "", err
	}
	desk := audit.Job("complaint.report")
	desk.Roles = []string{account.Compliance}
	p, err := complaint.ReportOf(ctx, tx, desk, v.Report)
	if err != nil {
		return "", err
	}
	in, err := violation(ctx, tx, v.Kind, string(v.Report))
	if err != nil {
		return "", err
	}
	in.Subject, in.Source, in.Reference = seller.Account, enforcement.OtherReport, string(v.Report)
	if in.Facts, err = facts(ctx, tx, seller.Account, "enforcement.reported", v.Kind); err != nil {
		return "", err
	}
	if v.Product != "" {
		in.Content = enforcement.Content{Kind: enforcement.Product, ID: string(v.Product)}
	}
	in.Evidence = []enforcement.Item{{Kind: enforcement.Report, Title: string(v.Report), URL: p.Place, Content: []byte(p.Text)}}
	c, err := enforcement.Open(ctx, tx, by, in)
	return string(c.ID), err
}

// facts are words that the subject of a case will read, in its language.
func facts(ctx context.Context, r db.Reader, of account.ID, key, rule string) (string, error) {
	a, err := account.Get(ctx, r, of)
	if err != nil {
		return "", err
	}
	l, ok := text.ParseLang(a.Locale)
	if !ok {
		l = text.ZH
	}
	return text.In(l, key, "Rule", text.Clause(l, rule)), nil
}

// accused opens a case about what somebody wrote: the officer's words are its facts,
// what was found and the hash of the text its evidence.
func accused(ctx context.Context, tx *db.Tx, by audit.Actor, about content.Accused) (string, error) {
	in, err := violation(ctx, tx, about.Clause, about.Note)
	if err != nil {
		return "", err
	}
	record, err := json.Marshal(map[string]any{"kind": about.Kind, "ref": about.Ref, "sha256": about.SHA256, "hits": about.Hits, "source": about.Source})
	if err != nil {
		return "", err
	}
	in.Subject, in.Source, in.Reference, in.Facts = about.Account, enforcement.SelfFound, about.Source, about.Note
	in.Content = enforcement.Content{Kind: string(about.Kind), ID: about.Ref}
	in.Evidence = []enforcement.Item{{Kind: enforcement.Recorded, Title: about.Source, MediaType: "application/json", Content: record}}
	c, err := enforcement.Open(ctx, tx, by, in)
	return string(c.ID), err
}

// badFaith opens a case against an account whose notice was given in bad faith.
// Who has no account is nobody that a measure could reach.
func badFaith(ctx context.Context, tx *db.Tx, by audit.Actor, n infringement.Notice, why string) error {
	if n.Account == "" {
		return nil
	}
	_, err := enforcement.Open(ctx, tx, by, enforcement.Opening{
		Subject: n.Account, Source: enforcement.SelfFound, Reference: string(n.ID), Violation: otherLaw, Basis: "ECL 42", Facts: why,
		Evidence: []enforcement.Item{{Kind: enforcement.Recorded, Title: string(n.ID), Content: []byte(string(n.ID) + " " + n.Target.Kind + " " + n.Target.ID)}},
	})
	return err
}

// How a text stood before a measure took it away. What was held waits for its own
// decision; what was away stays away, unless only the other kind of measure had
// taken it.
const (
	wasShown    = "shown"
	wasAway     = "away"
	wasMeasured = "measured"
)

// takeAway blocks a text, if it is not away already.
func takeAway(ctx context.Context, tx *db.Tx, by audit.Actor, texts content.Rules, kind content.Kind, ref string, why content.Why, other bool) (was string, err error) {
	i, err := content.KeptOf(ctx, tx, kind, ref)
	switch {
	case errors.Is(err, content.ErrNotFound):
		was = wasShown
	case err != nil:
		return "", err
	case i.State == content.Blocked && other:
		return wasMeasured, nil
	case i.State == content.Blocked:
		return wasAway, nil
	default:
		was = wasAway // held: nobody had seen it
	}
	_, err = texts.Block(ctx, tx, by, kind, ref, why)
	return was, err
}

// blockedByCase tells whether a measure of a case keeps a text away.
func blockedByCase(ctx context.Context, r db.Reader, kind content.Kind, ref string) (bool, error) {
	_, blocked, err := enforcement.TombstoneOf(ctx, r, enforcement.Content{Kind: string(kind), ID: ref})
	return blocked, err
}

// blockedByNotice tells whether a notice of infringement does.
func blockedByNotice(ctx context.Context, r db.Reader, kind content.Kind, ref string) (bool, error) {
	err := infringement.MayShow(ctx, r, string(kind), ref)
	if errors.Is(err, infringement.ErrBlocked) {
		return true, nil
	}
	return false, err
}

// away tells whether any measure still keeps a text away. The one that was lifted
// is not asked any more.
func away(ctx context.Context, r db.Reader, kind content.Kind, ref string) (bool, error) {
	blocked, err := blockedByCase(ctx, r, kind, ref)
	if blocked || err != nil {
		return blocked, err
	}
	return blockedByNotice(ctx, r, kind, ref)
}

// putBack shows a text again that a measure took away, unless a decision has done
// so meanwhile or another measure still stands.
func putBack(ctx context.Context, tx *db.Tx, by audit.Actor, texts content.Rules, kind content.Kind, ref, was string, why content.Why, stands bool) error {
	if was == wasAway || stands {
		return nil
	}
	i, err := content.KeptOf(ctx, tx, kind, ref)
	if errors.Is(err, content.ErrNotFound) {
		return nil
	}
	if err != nil || i.State != content.Blocked {
		return err
	}
	_, err = texts.Unblock(ctx, tx, by, kind, ref, why)
	return err
}

// noticed lets a notice of infringement take a text out of sight.
func noticed(texts content.Rules, kind content.Kind) infringement.Blocker {
	owner := texts.Owners[kind]
	return infringement.Blocker{
		Look: func(ctx context.Context, r db.Reader, id string) (infringement.Target, error) {
			o, err := owner.Read(ctx, r, id)
			if err != nil {
				return infringement.Target{}, err
			}
			name := "content.kind." + string(kind)
			return infringement.Target{
				Kind: string(kind), ID: id, Owner: o.Account, Title: infringement.Both{ZH: text.In(text.ZH, name), EN: text.In(text.EN, name)}, Path: o.Link,
			}, nil
		},
		Block: func(ctx context.Context, tx *db.Tx, by audit.Actor, id, reason string) (string, error) {
			theirs, err := blockedByCase(ctx, tx, kind, id)
			if err != nil {
				return "", err
			}
			return takeAway(ctx, tx, by, texts, kind, id, content.Why{Clause: "UA 4.7.2", Reason: reason}, theirs)
		},
		Unblock: func(ctx context.Context, tx *db.Tx, by audit.Actor, id, was, reason string) error {
			stands, err := away(ctx, tx, kind, id)
			if err != nil {
				return err
			}
			return putBack(ctx, tx, by, texts, kind, id, was, content.Why{Clause: "UA 4.7.2", Reason: reason}, stands)
		},
	}
}

// ground is the clause on which a measure takes content away: what is illegal
// (4.7.1) is owed to the authority, all else goes on the measure's own clause.
func ground(ctx context.Context, r db.Reader, of enforcement.ID) (string, error) {
	violation, err := enforcement.ViolationOf(ctx, r, of)
	if violation != "UA 4.7.1" {
		violation = "UA 8.2.2"
	}
	return violation, err
}

// measured lets a measure of a case block a text.
func measured(texts content.Rules, kind content.Kind) enforcement.Blocker {
	owner := texts.Owners[kind]
	return enforcement.Blocker{
		Show: func(ctx context.Context, r db.Reader, id string) (enforcement.Shown, error) {
			o, err := owner.Read(ctx, r, id)
			name := "content.kind." + string(kind)
			return enforcement.Shown{Owner: o.Account, Title: catalog.Both{ZH: text.In(text.ZH, name), EN: text.In(text.EN, name)}, Bytes: []byte(o.Text)}, err
		},
		Block: func(ctx context.Context, tx *db.Tx, by audit.Actor, id string, of enforcement.ID) (string, error) {
			theirs, err := blockedByNotice(ctx, tx, kind, id)
			if err != nil {
				return "", err
			}
			clause, err := ground(ctx, tx, of)
			if err != nil {
				return "", err
			}
			return takeAway(ctx, tx, by, texts, kind, id, content.Why{Clause: clause, Reason: string(of), Case: string(of)}, theirs)
		},
		Restore: func(ctx context.Context, tx *db.Tx, by audit.Actor, id string, _ enforcement.ID, prior string) error {
			stands, err := away(ctx, tx, kind, id)
			if err != nil {
				return err
			}
			return putBack(ctx, tx, by, texts, kind, id, prior, content.Why{Clause: "UA 8.2.2", Reason: "lifted"}, stands)
		},
	}
}

// touches tells whether a case is about an order: its right, its product, what was
// asked or complained about it, or the end of one of its parties.
func touches(f enforcement.Dossier, product string, ids []string) bool {
	if f.Content == (enforcement.Content{Kind: enforcement.Product, ID: product}) || f.Right != "" && slices.Contains(ids, string(f.Right)) ||
		f.Reference != "" && slices.Contains(ids, f.Reference) || f.Content.ID != "" && slices.Contains(ids, f.Content.ID) {
		return true
	}
	return slices.ContainsFunc(f.Measures, func(m enforcement.Measure) bool {
		return m.Kind == enforcement.Terminate || m.Content == enforcement.Content{Kind: enforcement.Product, ID: product}
	})
}
