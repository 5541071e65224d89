package message

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
)

// attachable are the kinds of file that a message may carry, which no browser
// runs.
var attachable = []string{"image/png", "image/jpeg", "application/pdf", "application/zip", "text/plain; charset=utf-8"}

// Start begins the conversation about a thing with its first message. Where it is
// there already, the message goes into it.
func (t Talks) Start(ctx context.Context, tx *db.Tx, by audit.Actor, about About, subject string, d Draft) (_ Post, err error) {
	defer fault.Wrap(&err, "message.Start(%s %s)", about.Topic, about.ID)
	if err := account.MustCan(ctx, tx, by, account.Message); err != nil {
		return Post{}, err
	}
	pair, err := t.pair(ctx, tx, by, about)
	if err != nil {
		return Post{}, err
	}
	if subject, err = titled(about, subject); err != nil {
		return Post{}, err
	}
	th := Thread{ID: ThreadID(tx.ID("thr")), About: about, Customer: pair.Customer, Other: pair.Other, Subject: subject, OpenedAt: tx.Now(), LastAt: tx.Now()}
	if err := content.Must(ctx, tx, by, content.Piece{
		Kind: content.Subject, Ref: string(th.ID), Field: "subject", Place: screen.Public, Text: subject,
	}); err != nil {
		return Post{}, err
	}
	sealed, err := tx.Keys().Seal(subject, subjectAt(th.ID))
	if err != nil {
		return Post{}, err
	}
	n, err := tx.Exec(ctx, insertThread, string(th.ID), string(about.Topic), about.ID, string(th.Customer), string(th.Other), sealed, by.User, db.Micros(th.OpenedAt), db.Micros(th.LastAt))
	if err != nil {
		return Post{}, err
	}
	if n == 0 {
		if th, err = threadOf(ctx, tx, about, pair.Customer); err != nil {
			return Post{}, err
		}
	} else if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "message.opened", Subjects: distinctSubjects(string(th.ID), about.ID), Data: map[string]any{"about": about.Topic},
	}); err != nil {
		return Post{}, err
	}
	side, err := sideOf(ctx, tx, by, th)
	if err != nil {
		return Post{}, err
	}
	return say(ctx, tx, by, th, side, d)
}

// pair is who speaks about a thing.
func (t Talks) pair(ctx context.Context, r db.Reader, by audit.Actor, about About) (Pair, error) {
	switch about.Topic {
	case AboutSupport:
		operator, err := account.OperatorID(ctx, r)
		if err != nil {
			return Pair{}, err
		}
		if about.ID != "" || by.Account == "" || by.Account == string(operator) {
			return Pair{}, ErrInvalid.In("about")
		}
		return Pair{Customer: account.ID(by.Account), Other: operator}, nil
	case AboutProduct, AboutOrder:
		if about.ID == "" {
			return Pair{}, ErrInvalid.In("about")
		}
		pair, err := t.Parties(ctx, r, by, about)
		if err == nil && pair.Customer == pair.Other {
			err = ErrInvalid.In("about") // nobody talks to themselves
		}
		return pair, err
	}
	return Pair{}, ErrInvalid.In("about")
}

// Say adds a message to a conversation of the actor.
func Say(ctx context.Context, tx *db.Tx, by audit.Actor, id ThreadID, d Draft) (_ Post, err error) {
	defer fault.Wrap(&err, "message.Say(%s)", id)
	if err := account.MustCan(ctx, tx, by, account.Message); err != nil {
		return Post{}, err
	}
	th, side, err := thread(ctx, tx, by, id)
	if err != nil {
		return Post{}, err
	}
	return say(ctx, tx, by, th, side, d)
}

// say stores one message. What the lexicon holds is stored without its text, which
// waits in package content.
func say(ctx context.Context, tx *db.Tx, by audit.Actor, th Thread, side Side, d Draft) (Post, error) {
	limits, err := agreement.Setting[struct{ Chars, Attachments int }](ctx, tx, "content_message_max")
	if err != nil {
		return Post{}, err
	}
	d.Text = strings.TrimSpace(strings.ReplaceAll(d.Text, "\r\n", "\n"))
	switch {
	case d.Text == "" && len(d.Files) == 0:
		return Post{}, ErrRequired.In("text")
	case utf8.RuneCountInString(d.Text) > limits.Chars:
		return Post{}, ErrInvalid.With("Max", limits.Chars).In("text")
	case len(d.Files) > limits.Attachments:
		return Post{}, ErrInvalid.With("Max", limits.Attachments).In("file")
	}
	p := Post{
		ID: PostID(tx.ID("pst")), Thread: th.ID, Seq: th.Posts + 1, Side: side, Author: account.ID(by.Account), User: account.UserID(by.User),
		State: Sent, Text: d.Text, At: tx.Now(),
	}
	ruling, err := content.Screen(ctx, tx, by, content.Piece{
		Kind: content.Message, Ref: string(p.ID), Field: "text", Place: screen.Private, Text: d.Text, Confirmed: d.Confirmed, Holdable: true,
	})
	if err != nil {
		return Post{}, err
	}
	p.SHA256, p.Sensitive, p.Outside = ruling.SHA256, ruling.Sensitive, ruling.Outside
	if ruling.Held != "" {
		p.State, p.Text = Held, ""
	}
	sealed, err := tx.Keys().Seal(p.Text, postAt(p.ID))
	if err != nil {
		return Post{}, err
	}
	reader := th.Customer
	if side == CustomerSide {
		reader = th.Other
	}
	first, err := db.Value[int64](ctx, tx, unreadOfThread, string(th.ID), string(reader))
	if err != nil {
		return Post{}, err
	}
	n, err := tx.Exec(ctx, countPost, p.Seq, db.Micros(p.At), string(th.ID), th.Posts)
	if err != nil {
		return Post{}, err
	}
	if n == 0 {
		return Post{}, db.Again(ErrStale) // both sides wrote at once
	}
	if _, err := tx.Exec(ctx, insertPost, string(p.ID), string(th.ID), p.Seq, string(side), string(p.Author), string(p.User), string(reader), string(p.State),
		sealed, p.SHA256, p.Sensitive, p.Outside, db.Micros(p.At)); err != nil {
		return Post{}, err
	}
	for _, f := range d.Files {
		if f, err = attach(ctx, tx, by, p.ID, f); err != nil {
			return Post{}, err
		}
		p.Files = append(p.Files, f)
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "message." + string(p.State), Subjects: distinctSubjects(string(p.ID), string(th.ID), th.About.ID),
		Data: map[string]any{"side": side, "text_sha256": p.SHA256, "files": len(p.Files), "outside": p.Outside, "warned": p.Sensitive},
	}); err != nil {
		return Post{}, err
	}
	if p.State != Sent || first > 0 {
		return p, nil
	}
	return p, announce(ctx, tx, th, reader)
}

// announce tells a side of the first message that it has not read. The operator's
// people have a queue instead.
func announce(ctx context.Context, tx *db.Tx, th Thread, reader account.ID) error {
	link := "/conversations/" + string(th.ID)
	if reader == th.Other {
		if th.About.Topic == AboutSupport {
			return nil
		}
		link = "/vendor" + link
	}
	return Send(ctx, tx, Notice{Code: "T-01", To: reader, Link: link, Params: map[string]string{"About": string(th.About.Topic), "Object": th.About.ID}})
}

func attach(ctx context.Context, tx *db.Tx, by audit.Actor, id PostID, f Attachment) (Attachment, error) {
	f.Name = path.Base(strings.ReplaceAll(strings.TrimSpace(f.Name), `\`, "/"))
	sum, badSum := hex.DecodeString(f.SHA256)
	switch {
	case f.Name == "." || f.Name == "/" || f.Size <= 0:
		return f, ErrRequired.In("file")
	case !slices.Contains(attachable, f.MediaType) || badSum != nil || len(sum) != sha256.Size || f.Blob == "" || len(f.Name) > 200:
		return f, ErrInvalid.In("file")
	}
	if err := content.MustPass(ctx, tx, f.SHA256); err != nil {
		return f, err
	}
	if err := content.Must(ctx, tx, by, content.Piece{Kind: content.FileName, Ref: string(id), Field: "file", Place: screen.Public, Text: f.Name}); err != nil {
		return f, err
	}
	f.ID = tx.ID("att")
	sealed, err := tx.Keys().Seal(f.Name, attachmentAt(f.ID))
	if err != nil {
		return f, err
	}
	_, err = tx.Exec(ctx, insertAttachment, f.ID, string(id), sealed, f.MediaType, f.Size, f.SHA256, f.Blob)
	return f, err
}

// MarkSeen records that the actor's side has read a conversation.
func MarkSeen(ctx context.Context, tx *db.Tx, by audit.Actor, id ThreadID) (err error) {
	defer fault.Wrap(&err, "message.MarkSeen(%s)", id)
	th, side, err := thread(ctx, tx, by, id)
	if err != nil {
		return err
	}
	reader := th.Other
	if side == CustomerSide {
		reader = th.Customer
	}
	_, err = tx.Exec(ctx, markSeen, db.Micros(tx.Now()), string(id), string(reader))
	return err
}

// titled is the subject that a conversation begins with: one with support has its
// own, others have the name of what they are about.
func titled(about About, subject string) (string, error) {
	subject = strings.TrimSpace(subject)
	switch {
	case about.Topic != AboutSupport:
		return "", nil
	case subject == "":
		return "", ErrRequired.In("subject")
	case utf8.RuneCountInString(subject) > 120 || strings.ContainsAny(subject, "\r\n"):
		return "", ErrInvalid.With("Max", 120).In("subject")
	}
	return subject, nil
}

func distinctSubjects(ids ...string) []string {
	return slices.DeleteFunc(ids, func(s string) bool { return s == "" })
}
