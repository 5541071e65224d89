package serve

import (
	"context"
	"crypto/rand"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// TalkTitle names a conversation by what it is about.
func (c *Call) TalkTitle(ctx context.Context, r db.Reader, about message.About, subject string) (string, error) {
	switch about.Topic {
	case message.AboutProduct:
		p, err := catalog.Get(ctx, r, catalog.ProductID(about.ID))
		if err != nil {
			return "", err
		}
		offers, err := catalog.Offers(ctx, r, p.ID)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) || len(offers) == 0 {
			return p.Slug, nil
		}
		return offers[0].Version.Content.Name.In(c.Lang), nil
	case message.AboutOrder:
		o, err := order.Any(ctx, r, order.ID(about.ID))
		if err != nil {
			return "", err
		}
		sheet, err := o.Content()
		if err != nil {
			return about.ID, nil
		}
		return sheet.Name.In(c.Lang), nil
	}
	return subject, nil
}

// TalkSides are the names of both sides as the actor's side may know them: a
// vendor knows a customer by its pseudonym.
func (c *Call) TalkSides(ctx context.Context, r db.Reader, th message.Thread, side message.Side) (customer, other string, err error) {
	if th.About.Topic == message.AboutSupport {
		a, err := account.Get(ctx, r, th.Customer)
		return a.DisplayName, c.Market.Info.Operator, err
	}
	v, _, err := vendor.OfAccount(ctx, r, th.Other)
	if err != nil {
		return "", "", err
	}
	if side == message.OtherSide {
		return vendor.OpenID(v.ID, th.Customer, r.Keys()), v.RegisteredName, nil
	}
	a, err := account.Get(ctx, r, th.Customer)
	return a.DisplayName, v.RegisteredName, err
}

// Talk reads a conversation as a page shows it, after a refusal with what was
// typed.
func (c *Call) Talk(path string, th message.Thread, side message.Side, posts []message.Post, customer, other string, failed error) page.Conversation {
	ctx := c.R.Context()
	errs := page.FieldErrors(ctx, failed)
	out := page.Conversation{
		Path: path, Key: rand.Text(), Confirm: errors.Is(failed, content.ErrConfirm),
		Text:  page.Field{Name: "text", Label: text.T(ctx, "conversation.text"), Quiet: true, MaxLength: 4000, Error: errs["text"]},
		Files: page.Field{Name: "file", Label: text.T(ctx, "conversation.files"), Hint: text.T(ctx, "conversation.files.hint"), Accept: ".png,.jpg,.jpeg,.pdf,.zip,.txt", Many: true, Error: errs["file"]},
	}
	if failed != nil {
		out.Text.Value = c.R.PostFormValue("text")
	}
	for _, p := range posts {
		s := page.Saying{
			Who: customer, Mine: p.Side == side, At: p.At, Text: p.Text, Held: p.State == message.Held, Removed: p.State == message.Blocked,
			Clause: p.Clause, Reason: p.Reason, Sensitive: p.Sensitive, Outside: p.Outside,
		}
		if p.Side == message.OtherSide {
			s.Who = other
		}
		if !s.Mine {
			s.Report, s.ReportedBy = path+"/posts/"+string(p.ID)+"/report", string(p.ID)
		}
		for _, f := range p.Files {
			s.Files = append(s.Files, page.Link{Label: f.Name, Href: path + "/files/" + f.ID})
		}
		out.Said = append(out.Said, s)
	}
	return out
}

// Draft reads a message from a form, with its files kept and scanned.
func (c *Call) Draft() (message.Draft, error) {
	files, err := c.Uploads("file")
	if err != nil {
		return message.Draft{}, err
	}
	d := message.Draft{Text: c.R.PostFormValue("text"), Confirmed: c.R.PostFormValue("confirmed") != ""}
	for _, u := range files {
		d.Files = append(d.Files, message.Attachment{Name: u.Name, MediaType: u.MediaType, Size: u.Stored.Size, SHA256: u.Stored.SHA256, Blob: u.Stored.Key})
	}
	return d, nil
}

// Say adds what the form says to a conversation. The input of the intent holds
// no text: it is hashed, and the hash is stored.
func (c *Call) Say(id message.ThreadID) error {
	d, err := c.Draft()
	if err != nil {
		return err
	}
	return Act(c, Intent{Name: "message.say", Input: c.spoken(d), Subjects: []string{string(id)}}, func(tx *db.Tx) error {
		_, err := message.Say(c.R.Context(), tx, c.Actor, id, d)
		return err
	})
}

// Start begins a conversation with what the form says and returns it.
func (c *Call) Start(about message.About, subject string) (message.ThreadID, error) {
	d, err := c.Draft()
	if err != nil {
		return "", err
	}
	in := Intent{Name: "message.start", Input: append([]string{string(about.Topic), about.ID}, c.spoken(d)...), Subjects: []string{about.ID}}
	if about.ID == "" {
		in.Subjects = nil
	}
	p, err := Do(c, in, func(tx *db.Tx) (message.Post, error) {
		return c.Market.Talks.Start(c.R.Context(), tx, c.Actor, about, subject, d)
	})
	return p.Thread, err
}

// spoken is what an idempotency key of a message stands for. The hash of the text
// is a keyed one: a plain one of a short text with a card number would tell the
// number.
func (c *Call) spoken(d message.Draft) []string {
	in := []string{"confirmed:no", c.Market.DB.Keys().Index("message.input", d.Text)}
	if d.Confirmed {
		in[0] = "confirmed:yes"
	}
	for _, f := range d.Files {
		in = append(in, f.SHA256)
	}
	return in
}

// SendTalkFile answers with a file of a conversation.
func (c *Call) SendTalkFile(id message.ThreadID, file string) error {
	var f message.Attachment
	if err := c.Read(func(r db.Reader) (err error) {
		f, err = message.FileIn(c.R.Context(), r, c.Actor, id, file)
		return err
	}); err != nil {
		return err
	}
	return c.SendFile(f.Blob, f.Name, f.MediaType, f.SHA256, f.Size)
}

// ReportPost takes a report of a message that the actor can see.
func (c *Call) ReportPost(id message.ThreadID, post message.PostID) error {
	return c.ReportContent(content.Message, string(post), func(ctx context.Context, r db.Reader) error {
		_, err := message.PostIn(ctx, r, c.Actor, id, post)
		return err
	})
}

// ReportContent takes a report of something that the actor sees.
func (c *Call) ReportContent(kind content.Kind, ref string, sees func(ctx context.Context, r db.Reader) error) error {
	ctx := c.R.Context()
	in := content.Report{Kind: kind, Ref: ref, Reason: content.Reason(c.R.PostFormValue("reason")), Text: c.R.PostFormValue("text")}
	return Act(c, Intent{Name: "content.report", Input: []string{string(kind), ref, string(in.Reason)}, Subjects: []string{ref}, Clauses: []string{"UA 4.11"}}, func(tx *db.Tx) error {
		if err := sees(ctx, tx); err != nil {
			return err
		}
		_, err := c.Market.Content.File(ctx, tx, c.Actor, in)
		return err
	})
}

// Correctable reports whether an error belongs on the form that caused it.
func Correctable(err error) bool {
	f, ok := fault.Of(err)
	return ok && (f.Kind == fault.Invalid || f.Kind == fault.Conflict || f.Kind == fault.Unavailable)
}

// SeenTalk records that the actor's side has read a conversation.
func (c *Call) SeenTalk(id message.ThreadID) error {
	return c.Market.DB.Write(c.R.Context(), func(tx *db.Tx) error { return message.MarkSeen(c.R.Context(), tx, c.Actor, id) })
}
