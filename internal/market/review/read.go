package review

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/vendor"
)

// Of is the review of an account on a product, in whatever state, or NOT_FOUND.
func Of(ctx context.Context, r db.Reader, p catalog.ProductID, a account.ID) (Review, error) {
	return replied(ctx, r)(found(db.One(ctx, r, scanReview, selectOf, string(p), string(a))))
}

// Get is a review by its id, in whatever state.
func Get(ctx context.Context, r db.Reader, id ID) (Review, error) { return get(ctx, r, id) }

func get(ctx context.Context, r db.Reader, id ID) (Review, error) {
	return replied(ctx, r)(found(db.One(ctx, r, scanReview, selectReview, string(id))))
}

func replied(ctx context.Context, r db.Reader) func(Review, error) (Review, error) {
	return func(v Review, err error) (Review, error) {
		if err != nil {
			return v, err
		}
		all, err := db.All(ctx, r, scanReply, selectReply, string(v.ID))
		if len(all) > 0 {
			v.Reply = &all[0]
		}
		return v, err
	}
}

// Shown lists what the page of a product shows, newest first, before the cursor:
// published reviews, and of blocked ones on which clause and why.
func Shown(ctx context.Context, r db.Reader, p catalog.ProductID, before ID, n int) ([]Review, error) {
	return withReplies(ctx, r, selectShown, string(p), cursor(before), n)
}

// OfVendor lists the reviews of a vendor's products, newest first, without who
// wrote them.
func OfVendor(ctx context.Context, r db.Reader, v vendor.ID, before ID, n int) ([]Review, error) {
	all, err := withReplies(ctx, r, selectOfVendor, string(v), cursor(before), n)
	for i := range all {
		all[i].Account, all[i].User, all[i].Order = "", "", ""
	}
	return all, err
}

// Newest lists the reviews of the whole market, newest first, for the operator's
// desk.
func Newest(ctx context.Context, r db.Reader, before ID, n int) ([]Review, error) {
	return withReplies(ctx, r, selectNewest, cursor(before), n)
}

func withReplies(ctx context.Context, r db.Reader, query string, args ...any) ([]Review, error) {
	all, err := db.All(ctx, r, scanReview, query, args...)
	for i := range all {
		if err == nil {
			all[i], err = replied(ctx, r)(all[i], nil)
		}
	}
	return all, err
}

func cursor(before ID) string {
	if before == "" {
		return "~" // after every id
	}
	return string(before)
}

// Ratings are what the published reviews of some products come to. A product
// without any is not in it.
func Ratings(ctx context.Context, r db.Reader, ids []catalog.ProductID) (map[catalog.ProductID]Rating, error) {
	out := map[catalog.ProductID]Rating{}
	if len(ids) == 0 {
		return out, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = string(id)
	}
	type row struct {
		product catalog.ProductID
		stars   int64
	}
	return out, db.Each(ctx, r, func(s db.Scanner) (v row, err error) {
		return v, s.Scan(&v.product, &v.stars)
	}, func(v row) error {
		was := out[v.product]
		out[v.product] = Rating{Count: was.Count + 1, Sum: was.Sum + v.stars}
		return nil
	}, selectStars+db.In(1, len(ids)), args...)
}

// Owner lets decisions on content take a review away and put it back.
func Owner() content.Owner {
	return content.Owner{
		Read: func(ctx context.Context, r db.Reader, ref string) (content.Original, error) {
			v, err := get(ctx, r, ID(ref))
			if err != nil {
				return content.Original{}, err
			}
			link, err := productLink(ctx, r, v.Product)
			return content.Original{Text: v.Words, Account: v.Account, User: v.User, Link: link}, err
		},
		Take: func(ctx context.Context, tx *db.Tx, ref string, why content.Why) error {
			n, err := tx.Exec(ctx, blockReview, why.Clause, why.Reason, ref)
			return orWithdrawn(ctx, tx, ref, n, err)
		},
		Restore: func(ctx context.Context, tx *db.Tx, ref, text string) error {
			n, err := tx.Exec(ctx, restoreReview, text, ref)
			return orWithdrawn(ctx, tx, ref, n, err)
		},
	}
}

// orWithdrawn lets a decision stand on a review that its author has withdrawn
// meanwhile: nothing is left to show or to hide.
func orWithdrawn(ctx context.Context, r db.Reader, ref string, n int64, err error) error {
	if err != nil || n > 0 {
		return err
	}
	v, err := get(ctx, r, ID(ref))
	if err == nil && v.State != Withdrawn {
		err = ErrStale
	}
	return err
}

// ReplyOwner lets decisions on content take a reply away and put it back.
func ReplyOwner() content.Owner {
	return content.Owner{
		Read: func(ctx context.Context, r db.Reader, ref string) (content.Original, error) {
			p, err := found(db.One(ctx, r, scanReply, selectReplyByID, ref))
			return content.Original{Text: p.Words, Account: p.Account, User: p.User, Link: "/vendor/reviews"}, err
		},
		Take: func(ctx context.Context, tx *db.Tx, ref string, why content.Why) error {
			return moved(tx.Exec(ctx, blockReply, why.Clause, why.Reason, ref))
		},
		Restore: func(ctx context.Context, tx *db.Tx, ref, text string) error {
			return moved(tx.Exec(ctx, restoreReply, text, ref))
		},
	}
}

func moved(n int64, err error) error {
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}
