package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// refusal is a refused text with what must be kept of it. Package command keeps
// it after the act that wanted the text has left nothing.
type refusal struct {
	fault *fault.Fault
	keep  func(ctx context.Context, tx *db.Tx) error
}

func (r *refusal) Error() string { return r.fault.Error() }

// Unwrap is the fault that people see.
func (r *refusal) Unwrap() error { return r.fault }

// KeepEvidence stores what is kept of the refused text.
func (r *refusal) KeepEvidence(ctx context.Context, tx *db.Tx) error { return r.keep(ctx, tx) }

// Screen decides on one text of the actor before it is stored. It refuses it with
// evidence, or says what became of it: with Held set the caller stores no text and
// waits for its [Owner] to be told.
func Screen(ctx context.Context, tx *db.Tx, by audit.Actor, p Piece) (_ Ruling, err error) {
	defer fault.Wrap(&err, "content.Screen(%s %s)", p.Kind, p.Ref)
	if p.Text == "" {
		return Ruling{SHA256: hashOf("")}, nil
	}
	words, err := LexiconOf(ctx, tx)
	if err != nil {
		return Ruling{}, err
	}
	return words.screen(ctx, tx, by, p)
}

func (words Lexicon) screen(ctx context.Context, tx *db.Tx, by audit.Actor, p Piece) (Ruling, error) {
	var err error
	found := words.Scan(p.Text)
	hits := hitsOf(found)
	r := Ruling{SHA256: hashOf(p.Text), Hits: hits}
	if len(hits) == 0 {
		return r, nil
	}
	v := judge(p, found, words.acts)
	if v.confirm {
		return Ruling{}, stop(by, p, hits)
	}
	if v.refusal != nil {
		return Ruling{}, refuse(by, p, v.refusal, hits)
	}
	r.Sensitive, r.Outside = v.sensitive, v.outside
	if screen.Sensitive(p.Place, found) == screen.Confirm {
		if err := override(ctx, tx, by, p, hits); err != nil {
			return Ruling{}, err
		}
	} else if v.sensitive {
		if err := note(ctx, tx, by, "content.warned", "UA 4.6", p.Ref, map[string]any{"kind": p.Kind, "found": kinds(hits)}); err != nil {
			return Ruling{}, err
		}
	}
	if v.outside {
		if err := note(ctx, tx, by, "content.outside", "UA 4.11", p.Ref, map[string]any{"kind": p.Kind, "found": kinds(hits), "text_sha256": r.SHA256}); err != nil {
			return Ruling{}, err
		}
	}
	if v.held {
		i := Item{Kind: p.Kind, Ref: p.Ref, Field: p.Field, State: Held, SHA256: r.SHA256, Hits: hits, Clause: "UA 4.7.1"}
		if r.Held, err = keep(ctx, tx, by, i, p.Text); err != nil {
			return Ruling{}, err
		}
	}
	return r, nil
}

// Must is [Screen] for a text whose owner has nothing to do with what is found
// but to go on or not.
func Must(ctx context.Context, tx *db.Tx, by audit.Actor, p Piece) error {
	p.Holdable = false
	_, err := Screen(ctx, tx, by, p)
	return err
}

// Text is one field of a form.
type Text struct{ Field, Text string }

// Form is [Must] for the fields of one form: p says what they have in common.
func Form(ctx context.Context, tx *db.Tx, by audit.Actor, p Piece, fields ...Text) (err error) {
	defer fault.Wrap(&err, "content.Form(%s %s)", p.Kind, p.Ref)
	fields = slices.DeleteFunc(slices.Clone(fields), func(t Text) bool { return t.Text == "" })
	if len(fields) == 0 {
		return nil
	}
	words, err := LexiconOf(ctx, tx)
	if err != nil {
		return err
	}
	p.Holdable = false
	for _, t := range fields {
		p.Field, p.Text = t.Field, t.Text
		if _, err := words.screen(ctx, tx, by, p); err != nil {
			return err
		}
	}
	return nil
}

// Words is [Must] as the packages before this one ask it, for texts of a kind that
// anybody may read.
func Words(k Kind) account.Words {
	return func(ctx context.Context, tx *db.Tx, by audit.Actor, field, text string) error {
		return Must(ctx, tx, by, Piece{Kind: k, Ref: by.Account, Field: field, Place: screen.Public, Text: text})
	}
}

// refuse is a refusal that leaves the sealed original with what was found; of a
// secret nothing but the kinds.
func refuse(by audit.Actor, p Piece, f *fault.Fault, hits []Hit) error {
	if p.Field != "" {
		f = f.In(p.Field)
	}
	return &refusal{fault: f, keep: func(ctx context.Context, tx *db.Tx) error {
		if f.Clause == ErrSecret.Clause {
			return note(ctx, tx, by, "content.refused", f.Clause, p.Ref, map[string]any{"kind": p.Kind, "found": kinds(hits), "mark": mark(tx, p.Text)})
		}
		_, err := keep(ctx, tx, by, Item{Kind: p.Kind, Ref: p.Ref, Field: p.Field, State: Refused, SHA256: hashOf(p.Text), Hits: hits, Clause: f.Clause}, p.Text)
		return err
	}}
}

// stop is the refusal that shows the warning; it leaves that it was shown.
func stop(by audit.Actor, p Piece, hits []Hit) error {
	f := ErrConfirm
	if p.Field != "" {
		f = f.In(p.Field)
	}
	return &refusal{fault: f, keep: func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, insertWarning, tx.ID("wrn"), string(p.Kind), p.Ref, by.Account, by.User, mark(tx, p.Text), kinds(hits), db.Micros(tx.Now())); err != nil {
			return err
		}
		return note(ctx, tx, by, "content.warned", "UA 4.6", p.Ref, map[string]any{"kind": p.Kind, "found": kinds(hits), "mark": mark(tx, p.Text)})
	}}
}

// override uses up the warning that was shown for exactly this text. Without one
// the text is stopped: nobody confirms what was not shown.
func override(ctx context.Context, tx *db.Tx, by audit.Actor, p Piece, hits []Hit) error {
	n, err := tx.Exec(ctx, overrideWarning, db.Micros(tx.Now()), by.User, mark(tx, p.Text))
	if err != nil {
		return err
	}
	if n == 0 {
		return stop(by, p, hits)
	}
	return note(ctx, tx, by, "content.overridden", "UA 4.6", p.Ref, map[string]any{"kind": p.Kind, "found": kinds(hits), "mark": mark(tx, p.Text)})
}

// mark is a keyed hash: the same text has the same one, and it does not tell the
// text to who tries all of them.
func mark(r db.Reader, s string) string { return r.Keys().Index("content.warning", s)[:32] }

func note(ctx context.Context, tx *db.Tx, by audit.Actor, act, clause, ref string, data map[string]any) error {
	e := audit.Entry{Act: act, Clauses: []string{clause}, Data: data}
	if ref != "" {
		e.Subjects = []string{ref}
	}
	return audit.Record(ctx, tx, by, e)
}

// keep seals an original.
func keep(ctx context.Context, tx *db.Tx, by audit.Actor, i Item, text string) (ID, error) {
	i.ID = ID(tx.ID("cnt"))
	sealed, err := tx.Keys().Seal(text, originalAt(i.ID))
	if err != nil {
		return "", err
	}
	hits, err := json.Marshal(i.Hits)
	if err != nil {
		return "", err
	}
	if i.Account == "" {
		i.Account, i.User = account.ID(by.Account), account.UserID(by.User)
	}
	decided := int64(0)
	if i.State == Blocked {
		decided = db.Micros(tx.Now())
		i.DecidedBy = by.User
	}
	if _, err := tx.Exec(ctx, insertItem, string(i.ID), string(i.Kind), i.Ref, i.Field, string(i.Account), string(i.User), string(i.State), i.SHA256,
		string(hits), i.Clause, i.Case, i.Reason, i.DecidedBy, db.Micros(tx.Now()), decided, sealed); err != nil {
		if db.Unique(err) {
			return "", errors.Join(ErrState, err)
		}
		return "", err
	}
	subjects := []string{string(i.ID)}
	if i.Ref != "" {
		subjects = append(subjects, i.Ref)
	}
	if i.Case != "" {
		subjects = append(subjects, i.Case)
	}
	return i.ID, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content." + string(i.State), Subjects: subjects, Clauses: []string{i.Clause},
		Data: map[string]any{"kind": i.Kind, "field": i.Field, "sha256": i.SHA256, "found": i.Hits},
	})
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Lexicon is the terms in force, ready to scan with.
type Lexicon struct {
	screen.Scanner
	acts map[string]Act
}

// Listed reports which terms of the lexicon a text has, for a caller that scans
// many texts at once.
func (l Lexicon) Listed(text string) bool { return len(l.Scanner.Lexicon.Scan(text)) > 0 }

// LexiconOf reads the terms in force at r.Now(): those of the rulebook and the
// operator's own.
func LexiconOf(ctx context.Context, r db.Reader) (Lexicon, error) {
	base, err := agreement.Setting[struct{ Hold, Refuse []string }](ctx, r, "content_lexicon")
	if err != nil {
		return Lexicon{}, err
	}
	own, err := db.All(ctx, r, scanTerm, selectTerms)
	if err != nil {
		return Lexicon{}, err
	}
	acts, terms := map[string]Act{}, []string{}
	add := func(act Act, of []string) {
		for _, t := range of {
			acts[t] = act
			terms = append(terms, t)
		}
	}
	add(Hold, base.Hold)
	add(Refuse, base.Refuse)
	for _, t := range own {
		add(t.Act, []string{t.Term})
	}
	slices.Sort(terms)
	return Lexicon{Scanner: screen.Scanner{Lexicon: screen.NewLexicon(slices.Compact(terms))}, acts: acts}, nil
}
