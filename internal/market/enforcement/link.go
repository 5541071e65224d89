package enforcement

import (
	"context"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/message"
)

// LinkID names a link: "lnk_…".
type LinkID string

// LinkState is where a link stands.
//
//	review → confirmed | cleared        (weak: nothing happens before a person has looked)
//	suspended → confirmed | cleared     (strong: the account is stopped, and a person looks)
//	confirmed → cleared | confirmed     (on appeal, by another person)
type LinkState string

// The states of a link.
const (
	LinkReview    LinkState = "review"
	LinkSuspended LinkState = "suspended"
	LinkConfirmed LinkState = "confirmed"
	LinkCleared   LinkState = "cleared"
)

// Link is that an account shows marks of a ban.
type Link struct {
	ID         LinkID
	Ban        string
	BanCase    ID // by which the earlier agreement ended
	Account    account.ID
	Strength   Strength
	State      LinkState
	Version    int64
	Prior      account.State // of the account, before it was suspended
	FoundAt    time.Time
	Appeal     string `json:"-"`
	AppealedAt time.Time
	Reason     string `json:"-"`
	DecidedBy  string
	DecidedAt  time.Time
	Evidence   []LinkEvidence
}

// AuditSubject names the link in records.
func (l Link) AuditSubject() string { return string(l.ID) }

// Stopped reports whether the account is suspended by the link.
func (l Link) Stopped() bool { return l.State == LinkSuspended || l.State == LinkConfirmed }

// Appealable reports whether the account may object.
func (l Link) Appealable() bool { return l.Stopped() && l.AppealedAt.IsZero() }

// Decidable reports whether a person of the operator is asked.
func (l Link) Decidable() bool {
	return l.State == LinkReview || l.State == LinkSuspended || l.State == LinkConfirmed && !l.AppealedAt.Before(l.DecidedAt)
}

// LinkEvidence says which mark matched, where and how sure it makes. The value is
// not known here.
type LinkEvidence struct {
	Kind     account.MarkKind
	At       time.Time
	Place    account.Occasion
	Strength Strength
}

// match is a ban that a mark belongs to.
type match struct {
	ban  string
	kind account.MarkKind
}

// Screen is asked when an account shows marks: it keeps them, and compares them
// with the bans in force. It is the account.Screen of every occasion.
func (u Rules) Screen(ctx context.Context, tx *db.Tx, of account.ID, at account.Occasion, marks []account.Mark) (err error) {
	defer fault.Wrap(&err, "enforcement.Screen(%s, %s)", of, at)
	var found []match
	for _, m := range marks {
		if _, err := tx.Exec(ctx, insertMark, string(of), string(m.Kind), m.Hash, db.Micros(tx.Now())); err != nil {
			return err
		}
		bans, err := db.All(ctx, tx, db.Column[string], selectMatches, string(m.Kind), m.Hash, string(of), db.Micros(tx.Now()))
		if err != nil {
			return err
		}
		for _, ban := range bans {
			found = append(found, match{ban, m.Kind})
		}
	}
	for _, m := range found {
		if follows(m.kind, at) == refuses {
			cleared, err := db.Value[int64](ctx, tx, countCleared, m.ban, string(of))
			if err != nil {
				return err
			}
			if cleared == 0 {
				return ErrBanned.With("Ban", m.ban, "Link", string(m.kind))
			}
		}
	}
	return u.linked(ctx, tx, of, at, found)
}

// Caught keeps a link of which the act was refused: [Screen]'s own writes were
// rolled back with it.
func (u Rules) Caught(ctx context.Context, tx *db.Tx, of account.ID, ban string, kind account.MarkKind, at account.Occasion) (err error) {
	defer fault.Wrap(&err, "enforcement.Caught(%s)", of)
	return u.linked(ctx, tx, of, at, []match{{ban, kind}})
}

// linked keeps what matched, each kind once, and lets follow what follows.
func (u Rules) linked(ctx context.Context, tx *db.Tx, of account.ID, at account.Occasion, found []match) error {
	if len(found) == 0 {
		return nil
	}
	a, err := account.Get(ctx, tx, of)
	if err != nil || a.Kind == account.Operator {
		return err
	}
	for _, m := range found {
		l, fresh, err := linkOf(ctx, tx, m.ban, of)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, insertLinkEvidence, string(l.ID), string(m.kind), string(at), string(strength(m.kind)), db.Micros(tx.Now()))
		if err != nil {
			return err
		}
		if n == 0 {
			continue // known by this kind, and whatever a person said about it stands
		}
		if err := audit.Record(ctx, tx, audit.Job("enforcement.screen"), audit.Entry{
			Act: "enforcement.link_found", Subjects: []string{string(l.ID), m.ban, string(of)}, Clauses: []string{"UA 8.3"},
			Data: map[string]any{"kind": m.kind, "place": at, "strength": strength(m.kind), "first": fresh},
		}); err != nil {
			return err
		}
		if strength(m.kind) == Strong && !l.Stopped() {
			if err := u.stop(ctx, tx, officer("enforcement.screen"), &l, a, LinkSuspended, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkOf is the link of an account to a ban, made if it is the first.
func linkOf(ctx context.Context, tx *db.Tx, ban string, of account.ID) (Link, bool, error) {
	id := LinkID(tx.ID("lnk"))
	appeal, err := tx.Keys().Seal("", linkAt("appeal", id))
	if err != nil {
		return Link{}, false, err
	}
	reason, err := tx.Keys().Seal("", linkAt("reason", id))
	if err != nil {
		return Link{}, false, err
	}
	n, err := tx.Exec(ctx, insertLink, string(id), ban, string(of), string(Weak), db.Micros(tx.Now()), appeal, reason)
	if err != nil {
		return Link{}, false, err
	}
	l, err := found(db.One(ctx, tx, scanLink(tx), selectLinkOf, ban, string(of)))
	return l, n == 1, err
}

// stop suspends the account of a link, opens its case and tells it, with the way
// to object.
func (u Rules) stop(ctx context.Context, tx *db.Tx, by audit.Actor, l *Link, a account.Account, to LinkState, reason string) error {
	from := l.State
	l.State, l.Strength = to, Strong
	if to == LinkConfirmed && from == LinkReview {
		l.Strength = Weak // a person decided on what by itself was not enough
	}
	if a.State != account.Suspended && a.State != account.Terminated && a.State != account.Closed {
		prior, err := account.Suspend(ctx, tx, officer("enforcement.link"), l.Account, string(l.ID))
		if err != nil {
			return err
		}
		l.Prior = prior
	}
	if err := moveLink(ctx, tx, by, l, from, reason); err != nil {
		return err
	}
	c, err := Open(ctx, tx, officer("enforcement.link"), Opening{
		Subject: l.Account, Source: SelfFound, Reference: string(l.ID), Violation: reregistered, Facts: facts(a.Locale),
		Evidence: []Item{{Kind: Recorded, Title: string(l.ID), Content: []byte(string(l.ID) + " → " + l.Ban)}},
	})
	if err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{Code: "N-54", To: l.Account, Link: LinkPath(l.ID), Params: map[string]string{"Case": string(c.ID)}})
}

// LinkPath is where the account reads about a link and objects.
func LinkPath(id LinkID) string { return "/account/links/" + string(id) }

// facts are what the account reads as the facts of the case.
func facts(locale string) string {
	l, ok := text.ParseLang(locale)
	if !ok {
		l = text.ZH
	}
	return text.In(l, "ban.facts")
}

// moveLink writes a link that was read in a state, if it is still there.
func moveLink(ctx context.Context, tx *db.Tx, by audit.Actor, l *Link, from LinkState, reason string) error {
	if l.State == LinkConfirmed || l.State == LinkCleared {
		l.DecidedBy, l.DecidedAt, l.Reason = by.User, tx.Now(), reason
	} else {
		l.DecidedBy, l.DecidedAt = "", time.Time{} // a new strong mark opens what a person had cleared
	}
	sealed, err := tx.Keys().Seal(l.Reason, linkAt("reason", l.ID))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, updateLink, string(l.Strength), string(l.State), string(l.Prior), sealed, l.DecidedBy, db.Micros(l.DecidedAt), string(l.ID), l.Version, string(from))
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return err
	}
	l.Version++
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "enforcement.link_" + string(l.State), Subjects: []string{string(l.ID), l.Ban, string(l.Account)}, Clauses: []string{"UA 8.3"},
		Data: map[string]any{"from": from, "to": l.State, "strength": l.Strength, "reason_sha256": hashOf(reason)},
	})
}

// AppealLink is the account's word against a link.
func AppealLink(ctx context.Context, tx *db.Tx, by audit.Actor, id LinkID, said string) (_ Link, err error) {
	defer fault.Wrap(&err, "enforcement.AppealLink(%s)", id)
	l, err := MyLink(ctx, tx, by, id)
	if err != nil {
		return Link{}, err
	}
	if said, err = words(said, "text", true); err != nil {
		return Link{}, err
	}
	if !l.Appealable() {
		return Link{}, ErrState.With("State", string(l.State))
	}
	sealed, err := tx.Keys().Seal(said, linkAt("appeal", id))
	if err != nil {
		return Link{}, err
	}
	n, err := tx.Exec(ctx, appealLink, sealed, db.Micros(tx.Now()), string(id), l.Version)
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return Link{}, err
	}
	l.Appeal, l.AppealedAt = said, tx.Now()
	l.Version++
	return l, audit.Record(ctx, tx, by, audit.Entry{Act: "enforcement.link_appealed", Subjects: []string{string(id), l.Ban, string(l.Account)}, Clauses: []string{"UA 8.3"}})
}

// DecideLink is a person's word on a link: it is the same person, or it is not. On
// an appeal another person decides. The account is told.
func (u Rules) DecideLink(ctx context.Context, tx *db.Tx, by audit.Actor, id LinkID, seen int64, same bool, reason string) (_ Link, err error) {
	defer fault.Wrap(&err, "enforcement.DecideLink(%s)", id)
	if !decides(by) || by.Kind != audit.Person {
		return Link{}, ErrForbidden
	}
	if reason, err = words(reason, "reason", true); err != nil {
		return Link{}, err
	}
	l, err := GetLink(ctx, tx, by, id)
	switch {
	case err != nil:
		return Link{}, err
	case l.Version != seen:
		return Link{}, ErrStale
	case by.Account == string(l.Account):
		return Link{}, ErrForbidden
	case !l.Decidable():
		return Link{}, ErrState.With("State", string(l.State))
	}
	from := l.State
	if from == LinkConfirmed {
		if err := another(by, l.DecidedBy); err != nil {
			return Link{}, err
		}
	}
	if same && from == LinkReview {
		a, err := account.Get(ctx, tx, l.Account)
		if err != nil {
			return Link{}, err
		}
		return l, u.stop(ctx, tx, by, &l, a, LinkConfirmed, reason)
	}
	l.State = LinkConfirmed
	if !same {
		l.State = LinkCleared
	}
	if err := moveLink(ctx, tx, by, &l, from, reason); err != nil {
		return Link{}, err
	}
	outcome := map[string]string{"Case": string(l.ID)}
	if same {
		outcome["Confirmed"] = "yes"
	} else {
		outcome["Cleared"] = "yes"
		if err := free(ctx, tx, l); err != nil {
			return Link{}, err
		}
	}
	if from == LinkReview {
		return l, nil // nothing had happened to the account
	}
	return l, message.Send(ctx, tx, message.Notice{Code: "N-54", To: l.Account, Link: LinkPath(l.ID), Params: outcome})
}

// free gives an account back what a link took, unless another one stands.
func free(ctx context.Context, tx *db.Tx, l Link) error {
	if l.Prior == "" {
		return nil
	}
	others, err := db.Value[int64](ctx, tx, countStopping, string(l.Account), string(l.ID))
	if err != nil || others > 0 {
		return err
	}
	a, err := account.Get(ctx, tx, l.Account)
	if err != nil || a.State != account.Suspended {
		return err
	}
	return account.Reinstate(ctx, tx, officer("enforcement.link"), l.Account, l.Prior, string(l.ID))
}

// freeAll clears the links to the bans of an account that came back.
func freeAll(ctx context.Context, tx *db.Tx, by audit.Actor, of account.ID) error {
	all, err := db.All(ctx, tx, scanLink(tx), selectLinksOfBanned, string(of))
	if err != nil {
		return err
	}
	for _, l := range all {
		from, stopped := l.State, l.Stopped()
		l.State = LinkCleared
		if err := moveLink(ctx, tx, by, &l, from, "ban lifted"); err != nil {
			return err
		}
		if err := free(ctx, tx, l); err != nil {
			return err
		}
		if stopped {
			if err := message.Send(ctx, tx, message.Notice{Code: "N-54", To: l.Account, Link: LinkPath(l.ID), Params: map[string]string{"Case": string(l.ID), "Cleared": "yes"}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// GetLink returns a link with its evidence to those who look at cases.
func GetLink(ctx context.Context, r db.Reader, by audit.Actor, id LinkID) (Link, error) {
	if !looks(by) {
		return Link{}, ErrForbidden
	}
	return whole(ctx, r, id)
}

// MyLink returns a link to the account that it is about.
func MyLink(ctx context.Context, r db.Reader, by audit.Actor, id LinkID) (Link, error) {
	l, err := whole(ctx, r, id)
	if err != nil {
		return Link{}, err
	}
	if by.Account == "" || by.Account != string(l.Account) || l.State == LinkReview || l.State == LinkCleared && l.Prior == "" {
		return Link{}, account.ErrForeign
	}
	l.DecidedBy = ""
	return l, nil
}

func whole(ctx context.Context, r db.Reader, id LinkID) (Link, error) {
	l, err := found(db.One(ctx, r, scanLink(r), selectLink, string(id)))
	if err != nil {
		return Link{}, err
	}
	l.Evidence, err = db.All(ctx, r, scanLinkEvidence, selectLinkEvidence, string(id))
	return l, err
}

// Links lists links for the desk: those that wait for a person first.
func Links(ctx context.Context, r db.Reader, by audit.Actor, n int) ([]Link, error) {
	if !looks(by) {
		return nil, ErrForbidden
	}
	all, err := db.All(ctx, r, scanLink(r), selectLinks, n)
	slices.SortStableFunc(all, func(a, b Link) int {
		switch {
		case a.Decidable() == b.Decidable():
			return 0
		case a.Decidable():
			return -1
		}
		return 1
	})
	return all, err
}

// nightPage is how many accounts one transaction looks at.
const nightPage = 100

// tonight is the next time after now at which the nightly work begins.
func tonight(now time.Time) time.Time {
	day := calendar.On(now)
	if t := day.Start().Add(nightHour); t.After(now) {
		return t
	}
	return day.AddDays(1).Start().Add(nightHour)
}

func keysOf(kinds map[account.MarkKind]bool) []string {
	out := make([]string, 0, len(kinds))
	for k := range kinds {
		out = append(out, string(k))
	}
	slices.Sort(out)
	return out
}

func linkAt(column string, id LinkID) string { return "enforcement_link." + column + "/" + string(id) }
