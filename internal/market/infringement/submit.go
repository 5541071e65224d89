package infringement

import (
	"context"
	"crypto/subtle"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/cn"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
)

// Submit takes a notice. Anybody may give one. Without an account its address is
// confirmed first, by the link in a mail; nothing else happens until then. It is
// refused when it names no content of the market, and when an address gives too
// many in a day; what is only missing is asked for afterwards.
func (u Rules) Submit(ctx context.Context, tx *db.Tx, by audit.Actor, in Draft) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Submit(%s %s)", in.Kind, in.Object)
	in = trimmed(in)
	signedIn := by.Account != ""
	if err := wellFormed(in, u.Blockers, signedIn); err != nil {
		return Notice{}, err
	}
	if signedIn && in.Words.Email == "" {
		if in.Words.Email, err = ownAddress(ctx, tx, by); err != nil {
			return Notice{}, err
		}
	}
	target, err := u.target(ctx, tx, in)
	if err != nil {
		return Notice{}, err
	}
	if signedIn && by.Account == string(target.Owner) {
		return Notice{}, ErrOwn
	}
	email, place, err := limited(ctx, tx, in)
	if err != nil {
		return Notice{}, err
	}
	n := Notice{
		ID: ID(tx.ID("ifn")), Account: account.ID(by.Account), AskedBy: by.User, Language: in.Language, Right: in.Right, Target: target, Location: in.Location,
		HolderKind: in.HolderKind, Words: in.Words, Summary: in.Summary, Truthful: in.Truthful, GoodFaith: in.GoodFaith, State: Unconfirmed, Version: 1,
		CreatedAt: tx.Now(),
	}
	if n.Location == "" {
		n.Location = target.Path
	}
	days := struct{ Days int }{}
	if days, n.Rulebook, err = agreement.Cited[struct{ Days int }](ctx, tx, "infringement_confirm"); err != nil {
		return Notice{}, err
	}
	if signedIn {
		n.State = Received
		if err := clock(ctx, tx, &n); err != nil {
			return Notice{}, err
		}
	}
	if err := screenedNotice(ctx, tx, by, n); err != nil {
		return Notice{}, err
	}
	sealed, err := sealWords(tx, n)
	if err != nil {
		return Notice{}, err
	}
	if _, err := tx.Exec(ctx, insertNotice, string(n.ID), string(n.Account), n.AskedBy, n.Language, string(n.Right), target.Kind, target.ID, string(target.Owner),
		target.Title.ZH, target.Title.EN, n.Location, string(n.HolderKind), sealed, n.Summary, n.Truthful, n.GoodFaith, "", string(n.State), n.Rulebook,
		db.Micros(n.CreatedAt), db.Micros(n.ReceivedAt), db.Micros(n.ReviewDue), email, place); err != nil {
		return Notice{}, err
	}
	if err := note(ctx, tx, by, n, "", evSubmit, Notifier, said{}); err != nil {
		return Notice{}, err
	}
	if signedIn {
		return n, admit(ctx, tx, &n)
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: expireJob, Object: string(n.ID), At: tx.Now().AddDate(0, 0, days.Days), Unique: true}); err != nil {
		return Notice{}, err
	}
	_, err = tellNotifier(ctx, tx, n, aboutConfirm)
	return n, err
}

// screenedNotice has the words of a notice pass: they are forwarded, and the
// summary is published.
func screenedNotice(ctx context.Context, tx *db.Tx, by audit.Actor, n Notice) error {
	w := n.Words
	return screened(ctx, tx, by, Notifier, n.ID,
		content.Text{Field: "summary", Text: n.Summary}, content.Text{Field: "statement", Text: w.Statement}, content.Text{Field: "proof", Text: w.Proof},
		content.Text{Field: "right", Text: w.Right}, content.Text{Field: "holder", Text: w.Holder}, content.Text{Field: "name", Text: w.Name},
		content.Text{Field: "address", Text: w.Address}, content.Text{Field: "location", Text: n.Location})
}

func trimmed(in Draft) Draft {
	w := &in.Words
	for _, s := range []*string{
		&in.Location, &in.Object, &in.Summary, &w.Holder, &w.Name, &w.Email, &w.Phone, &w.Address, &w.Right, &w.Statement, &w.Proof,
	} {
		*s = strings.TrimSpace(*s)
	}
	if in.Language != "en" {
		in.Language = "zh"
	}
	return in
}

// ownAddress is where the actor's account is reached.
func ownAddress(ctx context.Context, r db.Reader, by audit.Actor) (string, error) {
	all, err := account.Contacts(ctx, r, account.ID(by.Account))
	if err != nil || len(all) == 0 {
		return "", err
	}
	i := max(0, slices.IndexFunc(all, func(c account.Contact) bool { return string(c.User) == by.User }))
	return all[i].Email, nil
}

// target is the content that a draft names, by its id or by the address of its
// page.
func (u Rules) target(ctx context.Context, r db.Reader, in Draft) (Target, error) {
	if in.Object != "" {
		b, ok := u.Blockers[in.Kind]
		if !ok {
			return Target{}, ErrInvalid.In("location")
		}
		return b.Look(ctx, r, in.Object)
	}
	at, err := url.Parse(in.Location)
	if err != nil {
		return Target{}, ErrInvalid.In("location")
	}
	kinds := make([]string, 0, len(u.Blockers))
	for kind := range u.Blockers {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		b := u.Blockers[kind]
		if b.Find == nil {
			continue
		}
		id, err := b.Find(ctx, r, at.Path)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return Target{}, err
		}
		return b.Look(ctx, r, id)
	}
	return Target{}, ErrInvalid.In("location")
}

func isNotFound(err error) bool {
	f, ok := fault.Of(err)
	return ok && f.Kind == fault.NotFound
}

// limited counts what an address has given in the last day.
func limited(ctx context.Context, tx *db.Tx, in Draft) (email, place string, err error) {
	rule, err := agreement.Setting[limitRule](ctx, tx, "infringement_limit")
	if err != nil {
		return "", "", err
	}
	address := in.Words.Email
	if parsed, err := cn.ParseEmail(address); err == nil {
		address = parsed.Unique()
	}
	email, place = tx.Keys().Index("infringement email", address), tx.Keys().Index("infringement place", in.Place)
	since := db.Micros(tx.Now().Add(-24 * time.Hour))
	ofEmail, err := db.Value[int64](ctx, tx, countEmail, email, since)
	if err != nil {
		return "", "", err
	}
	ofPlace, err := db.Value[int64](ctx, tx, countPlace, place, since)
	if err != nil {
		return "", "", err
	}
	if in.Place == "" {
		ofPlace = 0
	}
	return email, place, withinLimit(rule, ofEmail, ofPlace)
}

// clock starts the operator's time to decide.
func clock(ctx context.Context, r db.Reader, n *Notice) error {
	rule, err := agreement.Setting[struct{ Hours int }](ctx, r, "infringement_review")
	if err != nil {
		return err
	}
	n.ReceivedAt = r.Now()
	n.ReviewDue = r.Now().Add(time.Duration(rule.Hours) * time.Hour)
	return nil
}

// admit looks at a received notice: complete it goes to the operator, incomplete
// back to who gave it with what is missing.
func admit(ctx context.Context, tx *db.Tx, n *Notice) error {
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return err
	}
	about := aboutReceived
	if n.Missing = missing(*n, law); len(n.Missing) > 0 {
		about = aboutIncomplete
		if err := step(ctx, tx, audit.Job("infringement.check"), n, evReturn, System, said{}); err != nil {
			return err
		}
	}
	_, err = tellNotifier(ctx, tx, *n, about)
	return err
}

// Follow is a notice under its secret address, or, for who is signed in, under its
// id. For everybody else it does not exist.
func Follow(ctx context.Context, r db.Reader, by audit.Actor, key string) (Notice, error) {
	id, secret, _ := strings.Cut(key, ".")
	n, err := read(ctx, r, ID(id))
	if err != nil {
		return Notice{}, err
	}
	if n.of(by) || subtle.ConstantTimeCompare([]byte(secret), []byte(token(r.Keys(), n.ID))) == 1 {
		return n, nil
	}
	return Notice{}, account.ErrForeign
}

// Key is the part of the address under which the notice is followed.
func Key(r db.Reader, n Notice) string {
	if n.Account != "" {
		return string(n.ID)
	}
	return link(r.Keys(), n.ID)
}

// own is a notice of who follows it, if it is still the one that was shown.
func own(ctx context.Context, r db.Reader, by audit.Actor, key string, seen int64) (Notice, audit.Actor, error) {
	n, err := Follow(ctx, r, by, key)
	if err != nil {
		return Notice{}, by, err
	}
	if n.Version != seen {
		return Notice{}, by, ErrStale
	}
	if by.User == "" {
		by = audit.Actor{Kind: audit.Person, User: "notifier", Locale: n.Language}
	}
	return n, by, nil
}

// Confirm is the answer to the mail: the address exists and its owner wants the
// notice. Confirming twice changes nothing.
func (u Rules) Confirm(ctx context.Context, tx *db.Tx, by audit.Actor, key string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Confirm")
	n, err := Follow(ctx, tx, by, key)
	if err != nil || n.State != Unconfirmed && n.State != Expired {
		return n, err
	}
	if n, by, err = own(ctx, tx, by, key, n.Version); err != nil {
		return Notice{}, err
	}
	if err := clock(ctx, tx, &n); err != nil {
		return Notice{}, err
	}
	if err := step(ctx, tx, by, &n, evConfirm, Notifier, said{}); err != nil {
		return Notice{}, err
	}
	return n, admit(ctx, tx, &n)
}

// Complete adds what was missing. Empty fields of the draft leave what is there.
func (u Rules) Complete(ctx context.Context, tx *db.Tx, by audit.Actor, key string, seen int64, in Draft) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Complete")
	n, by, err := own(ctx, tx, by, key, seen)
	if err != nil {
		return Notice{}, err
	}
	in = trimmed(in)
	in.Right, in.HolderKind, in.Kind, in.Object = n.Right, n.HolderKind, n.Target.Kind, n.Target.ID
	keep := func(now *string, was string) {
		if *now == "" {
			*now = was
		}
	}
	w, old := &in.Words, n.Words
	keep(&in.Location, n.Location)
	keep(&in.Summary, n.Summary)
	w.Email = old.Email // it was confirmed
	for _, f := range []struct {
		now *string
		was string
	}{
		{&w.Holder, old.Holder}, {&w.Name, old.Name}, {&w.Phone, old.Phone}, {&w.Address, old.Address}, {&w.Right, old.Right},
		{&w.Statement, old.Statement}, {&w.Proof, old.Proof},
	} {
		keep(f.now, f.was)
	}
	if err := wellFormed(in, u.Blockers, true); err != nil {
		return Notice{}, err
	}
	n.Words, n.Location, n.Summary = in.Words, in.Location, in.Summary
	n.Truthful, n.GoodFaith = n.Truthful || in.Truthful, n.GoodFaith || in.GoodFaith
	n.Missing = nil
	if err := screenedNotice(ctx, tx, by, n); err != nil {
		return Notice{}, err
	}
	if err := clock(ctx, tx, &n); err != nil {
		return Notice{}, err
	}
	if err := step(ctx, tx, by, &n, evComplete, Notifier, said{}); err != nil {
		return Notice{}, err
	}
	return n, admit(ctx, tx, &n)
}

// Attach adds a file of the notifier; of an unconfirmed notice none is taken.
func Attach(ctx context.Context, tx *db.Tx, by audit.Actor, key string, f File) (err error) {
	defer fault.Wrap(&err, "infringement.Attach")
	n, err := Follow(ctx, tx, by, key)
	if err != nil {
		return err
	}
	if n.State == Unconfirmed || n.State.Ended() {
		return ErrState.With("State", string(n.State))
	}
	return attach(ctx, tx, by, n, Notifier, f)
}

// kindsOfFiles are the media types of proof.
var kindsOfFiles = []string{"application/pdf", "image/png", "image/jpeg"}

func attach(ctx context.Context, tx *db.Tx, by audit.Actor, n Notice, side Side, f File) error {
	if f.Blob == "" || f.Size <= 0 || !slices.Contains(kindsOfFiles, f.MediaType) || utf8.RuneCountInString(f.Name) > longestLine {
		return ErrInvalid.In("file")
	}
	rule, err := agreement.Setting[struct{ Files int64 }](ctx, tx, "infringement_files")
	if err != nil {
		return err
	}
	have, err := db.Value[int64](ctx, tx, countFiles, string(n.ID), string(side))
	if err != nil {
		return err
	}
	if have >= rule.Files {
		return ErrInvalid.In("file")
	}
	if err := screened(ctx, tx, by, side, n.ID, content.Text{Field: "file", Text: f.Name}); err != nil {
		return err
	}
	id := tx.ID("iff")
	name, err := tx.Keys().Seal(f.Name, fileAt(id))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertFile, string(n.ID), id, string(side), name, f.MediaType, f.Size, f.SHA256, f.Blob, db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "infringement.file", Subjects: []string{string(n.ID), id}, Clauses: []string{"UA 4.7.2", "ECL 42"},
		Data: map[string]any{"side": side, "sha256": f.SHA256, "size": f.Size},
	})
}

// Withdraw takes a notice back; a measure that rests on it alone is lifted.
func (u Rules) Withdraw(ctx context.Context, tx *db.Tx, by audit.Actor, key string, seen int64) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Withdraw")
	n, by, err := own(ctx, tx, by, key, seen)
	if err != nil {
		return Notice{}, err
	}
	return n, u.end(ctx, tx, by, &n, evWithdraw, Notifier, said{})
}

// Filed is the notifier's word that it has complained to an authority or sued: the
// measure stays until that has a result.
//
// Clause: ECL 43 (word of a complaint or suit inside the time keeps the measure).
func (u Rules) Filed(ctx context.Context, tx *db.Tx, by audit.Actor, key string, seen int64, where string) (_ Notice, err error) {
	defer fault.Wrap(&err, "infringement.Filed")
	n, by, err := own(ctx, tx, by, key, seen)
	if err != nil {
		return Notice{}, err
	}
	return n, u.filed(ctx, tx, by, &n, Notifier, where)
}

func (u Rules) filed(ctx context.Context, tx *db.Tx, by audit.Actor, n *Notice, side Side, where string) error {
	where, err := words(where, "where")
	if err != nil {
		return err
	}
	if lapses(*n, tx.Now()) {
		return ErrState.With("State", string(n.State)) // the measure is about to be lifted
	}
	n.FiledAt = tx.Now()
	if err := step(ctx, tx, by, n, evFiled, side, said{note: where}); err != nil {
		return err
	}
	if _, err := tellNotifier(ctx, tx, *n, aboutKept); err != nil {
		return err
	}
	return u.tellOther(ctx, tx, *n, aboutKept)
}

// words trims what somebody wrote and refuses none or too much of it.
func words(s, field string) (string, error) {
	return fault.Words(s, field, true, longest, ErrRequired, ErrInvalid)
}
