package shop

import (
	"context"
	"errors"
	"strconv"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/order"
	"yunshi/internal/market/review"
	"yunshi/internal/market/search"
)

// reviewsPerPage is how many reviews a product page shows at once.
const reviewsPerPage = 10

// starsOf is a rating as page shows it.
func starsOf(r review.Rating) page.Stars { return page.Stars{Tenths: r.Tenths(), Count: int(r.Count)} }

// reviewsView is the reviews of a product.
type reviewsView struct {
	Stars page.Stars
	All   []page.Voice
	Next  string
}

func reviewsOf(ctx context.Context, c *serve.Call, r db.Reader, p catalog.Product, vendorName string) (v reviewsView, err error) {
	ratings, err := review.Ratings(ctx, r, []catalog.ProductID{p.ID})
	if err != nil {
		return v, err
	}
	v.Stars = starsOf(ratings[p.ID])
	all, err := review.Shown(ctx, r, p.ID, review.ID(c.R.FormValue("reviews")), reviewsPerPage+1)
	if len(all) > reviewsPerPage {
		all = all[:reviewsPerPage]
		v.Next = "/p/" + p.Slug + "?reviews=" + escape(string(all[reviewsPerPage-1].ID)) + "#reviews"
	}
	for _, one := range all {
		voice := voiceOf(ctx, one, vendorName)
		if c.SignedIn() && one.Account != c.Account() {
			voice.Report, voice.Key = "/p/"+p.Slug+"/reviews/"+string(one.ID)+"/report", string(one.ID)
		}
		v.All = append(v.All, voice)
	}
	return v, err
}

// voiceOf is a review as everybody sees it: nobody's name, but that somebody paid.
func voiceOf(ctx context.Context, v review.Review, vendorName string) page.Voice {
	out := page.Voice{
		ID: string(v.ID), Who: text.T(ctx, "review.verified"), Stars: v.Stars, Text: v.Words, At: v.ChangedAt, Changed: v.Changed(),
		Removed: v.State == review.Blocked, Clause: v.Clause, Reason: v.Reason,
	}
	if p := v.Reply; p != nil && (p.State == review.Published || p.State == review.Blocked) {
		out.Reply = &page.Voice{
			Who: text.T(ctx, "review.reply.of", "Vendor", vendorName), Text: p.Words, At: p.WrittenAt, Removed: p.State == review.Blocked, Clause: p.Clause, Reason: p.Reason,
		}
	}
	return out
}

// rated puts the ratings of products onto their cards.
func rated(ctx context.Context, r db.Reader, hits []search.Hit, cards []page.ProductCard) error {
	ids := make([]catalog.ProductID, len(hits))
	for i, h := range hits {
		ids[i] = h.Product
	}
	ratings, err := review.Ratings(ctx, r, ids)
	if err != nil {
		return err
	}
	for i, h := range hits {
		cards[i].Stars = starsOf(ratings[h.Product])
	}
	return nil
}

// myReview is the review of an order's product by its account, or the form for
// one.
type myReview struct {
	Own     *review.Review
	May     bool   // the actor may write
	Why     string // why not, "" where there is nothing to say
	Clause  string
	Stars   page.Field
	Text    page.Field
	Refusal *page.Refusal
	failed  error
}

func myReviewOf(c *serve.Call, r db.Reader, o order.Order, failed error) (v myReview, err error) {
	ctx := c.R.Context()
	own, err := review.Of(ctx, r, o.Product, o.Account)
	if err != nil && !errors.Is(err, review.ErrNotFound) {
		return v, err
	}
	if err == nil {
		v.Own = &own
	}
	err = review.MayReview(ctx, r, c.Actor, o)
	if f, known := fault.Of(err); err != nil && !known {
		return v, err
	} else if err != nil {
		v.Why, v.Clause = text.T(ctx, "fault."+f.Code), f.Clause
	}
	v.May = err == nil && (v.Own == nil || v.Own.State == review.Published || v.Own.State == review.Withdrawn)
	errs := page.FieldErrors(ctx, failed)
	chosen := int64(0)
	v.Text = page.Field{Name: "text", Label: text.T(ctx, "review.text"), Hint: text.T(ctx, "review.text.hint"), MaxLength: 2000, Error: errs["text"]}
	if v.Own != nil && v.Own.State == review.Published {
		chosen, v.Text.Value = v.Own.Stars, v.Own.Words
	}
	if failed != nil {
		v.Text.Value = c.R.PostFormValue("text")
		if n, err := strconv.ParseInt(c.R.PostFormValue("stars"), 10, 64); err == nil {
			chosen = n
		}
	}
	v.Stars = page.RatingOf(page.Field{Name: "stars", Label: text.T(ctx, "review.rating"), Required: true, Error: errs["stars"]},
		func(n int) string { return text.T(ctx, "review.stars", "Count", n) }, chosen)
	v.Refusal, v.failed = refusal(c, failed, v.Stars, v.Text), failed
	return v, nil
}

func writeReview(c *serve.Call) error {
	ctx, id := c.R.Context(), order.ID(c.R.PathValue("id"))
	stars, err := strconv.ParseInt(c.R.PostFormValue("stars"), 10, 64)
	if err != nil {
		stars = 0
	}
	w := review.Words{Stars: stars, Text: c.R.PostFormValue("text")}
	return reviewDone(c, id, serve.Act(c, serve.Intent{Name: "review.write", Input: []any{string(id), w}, Subjects: []string{string(id)}, Clauses: []string{"ECL 39"}}, func(tx *db.Tx) error {
		_, err := review.Write(ctx, tx, c.Actor, id, w)
		return err
	}))
}

func withdrawReview(c *serve.Call) error {
	ctx, id := c.R.Context(), order.ID(c.R.PathValue("id"))
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	of := review.ID(c.R.PostFormValue("review"))
	return reviewDone(c, id, serve.Act(c, serve.Intent{Name: "review.withdraw", Input: []any{string(of), seen}, Subjects: []string{string(of), string(id)}, Clauses: []string{"ECL 39"}}, func(tx *db.Tx) error {
		_, err := review.Withdraw(ctx, tx, c.Actor, of, seen)
		return err
	}))
}

// reviewDone shows the order again, with the review or with why there is none.
func reviewDone(c *serve.Call, id order.ID, err error) error {
	if err == nil {
		return c.Redirect(orderPath(id) + "#review")
	}
	if !correctable(err) {
		return err
	}
	v, failed := loadOrder(c)
	if failed != nil {
		return failed
	}
	if failed := c.Read(func(r db.Reader) (again error) {
		v.Review, again = myReviewOf(c, r, v.Order, err)
		return again
	}); failed != nil {
		return failed
	}
	return renderOrder(c, v, nil)
}

func reportReview(c *serve.Call) error {
	slug, id := c.R.PathValue("slug"), review.ID(c.R.PathValue("review"))
	err := c.ReportContent(content.Review, string(id), func(ctx context.Context, r db.Reader) error {
		v, err := review.Get(ctx, r, id)
		if err == nil && v.State != review.Published {
			err = serve.ErrNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.Redirect("/p/" + escape(slug) + "?reported#reviews")
}
