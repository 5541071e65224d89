package vendordesk

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/content"
	"yunshi/internal/market/message"
	"yunshi/internal/market/review"
)

// spoken is a review of one of the vendor's products.
type spoken struct {
	review.Review
	product string
	voice   page.Voice
	key     string
	answer  page.Field
}

type reviewsView struct {
	frame
	all     []spoken
	next    string
	refusal error
	told    bool
}

func (d desk) reviews(c *serve.Call) error { return d.reviewsAgain(c, "", nil) }

func (d desk) reviewsAgain(c *serve.Call, of review.ID, failed error) error {
	ctx := c.R.Context()
	view := reviewsView{refusal: failed, told: c.R.URL.Query().Has("reported")}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		all, err := review.OfVendor(ctx, r, v.ID, review.ID(c.R.URL.Query().Get("before")), perPage+1)
		if err != nil {
			return err
		}
		if len(all) > perPage {
			all = all[:perPage]
			view.next = "/vendor/reviews?before=" + string(all[perPage-1].ID)
		}
		for _, one := range all {
			s := spoken{Review: one, voice: voiceOf(ctx, one, v.RegisteredName), key: freshKey()}
			if s.product, err = c.TalkTitle(ctx, r, message.About{Topic: message.AboutProduct, ID: string(one.Product)}, ""); err != nil {
				return err
			}
			s.voice.Report, s.voice.Key = "/vendor/reviews/"+string(one.ID)+"/report", string(one.ID)
			s.answer = page.Field{Name: "text", Of: "reply-" + string(one.ID), Label: text.T(ctx, "review.reply"), Hint: text.T(ctx, "review.reply.hint"), Required: true, Rows: 3, MaxLength: 2000}
			if one.Reply != nil {
				s.answer.Value = one.Reply.Words
			}
			if failed != nil && one.ID == of {
				s.answer.Value, s.answer.Error = c.R.PostFormValue("text"), page.FieldErrors(ctx, failed)["text"]
			}
			view.all = append(view.all, s)
		}
		return nil
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/reviews", text.T(ctx, "review.title"))
	return d.shown(c, failed, reviewsPage(view))
}

// answerable reports whether the vendor may write or change its reply now.
func (s spoken) answerable() bool {
	return s.State == review.Published && (s.Reply == nil || s.Reply.State == review.Published)
}

// waits reports whether the reply waits for a person of the operator.
func (s spoken) waits() bool { return s.Reply != nil && s.Reply.State == review.Held }

func voiceOf(ctx context.Context, v review.Review, name string) page.Voice {
	out := page.Voice{ID: string(v.ID), Stars: v.Stars, Text: v.Words, At: v.ChangedAt, Changed: v.Changed(), Removed: v.State == review.Blocked, Clause: v.Clause, Reason: v.Reason}
	if p := v.Reply; p != nil && p.State != review.Held {
		out.Reply = &page.Voice{Who: text.T(ctx, "review.reply.of", "Vendor", name), Text: p.Words, At: p.WrittenAt, Removed: p.State == review.Blocked, Clause: p.Clause, Reason: p.Reason}
	}
	return out
}

func (d desk) answerReview(c *serve.Call) error {
	ctx, id, words := c.R.Context(), review.ID(c.R.PathValue("review")), c.R.PostFormValue("text")
	err := serve.Act(c, serve.Intent{Name: "review.answer", Input: []string{string(id), words}, Subjects: []string{string(id)}, Clauses: []string{"ECL 39"}}, func(tx *db.Tx) error {
		_, err := review.Answer(ctx, tx, c.Actor, id, words)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/vendor/reviews#" + string(id))
	case correctable(err):
		return d.reviewsAgain(c, id, err)
	}
	return err
}

func (d desk) reportReview(c *serve.Call) error {
	id := review.ID(c.R.PathValue("review"))
	err := c.ReportContent(content.Review, string(id), func(ctx context.Context, r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		of, err := review.Get(ctx, r, id)
		switch {
		case err == nil && of.Vendor != v.ID:
			err = account.ErrForeign
		case err == nil && of.State != review.Published:
			err = serve.ErrNotFound
		}
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/vendor/reviews?reported")
	case correctable(err):
		return d.reviewsAgain(c, "", err)
	}
	return err
}

// deleteReview is refused, for the vendor as for everybody.
func (d desk) deleteReview(c *serve.Call) error {
	ctx, id := c.R.Context(), review.ID(c.R.PathValue("review"))
	err := serve.Act(c, serve.Intent{Name: "review.delete", Input: string(id), Subjects: []string{string(id)}, Clauses: []string{"ECL 39"}}, func(tx *db.Tx) error {
		return review.Delete(ctx, tx, c.Actor, id)
	})
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/reviews")
}

func replyLabel(ctx context.Context, s spoken) string {
	if s.Reply != nil {
		return text.T(ctx, "review.reply.edit")
	}
	return text.T(ctx, "review.reply")
}
