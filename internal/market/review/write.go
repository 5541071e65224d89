package review

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// Words are what an author writes.
type Words struct {
	Stars int64
	Text  string // may be empty: stars alone are a review
}

// Write publishes the review of the account that owns an order, or changes the
// one it has of the product, also after it was withdrawn. What the lexicon holds
// waits, with its stars, for a person of the operator.
func Write(ctx context.Context, tx *db.Tx, by audit.Actor, id order.ID, w Words) (_ Review, err error) {
	defer fault.Wrap(&err, "review.Write(%s)", id)
	if err := account.MustCan(ctx, tx, by, account.Review); err != nil {
		return Review{}, err
	}
	o, err := order.Get(ctx, tx, by, id)
	if err != nil {
		return Review{}, err
	}
	seller, err := mayReview(ctx, tx, by, o)
	if err != nil {
		return Review{}, err
	}
	limit, err := agreement.Setting[struct{ Chars int }](ctx, tx, "review_text_max")
	if err != nil {
		return Review{}, err
	}
	w.Text = strings.TrimSpace(strings.ReplaceAll(w.Text, "\r\n", "\n"))
	switch {
	case w.Stars < 1 || w.Stars > 5:
		return Review{}, ErrRequired.In("stars")
	case utf8.RuneCountInString(w.Text) > limit.Chars:
		return Review{}, ErrInvalid.With("Max", limit.Chars).In("text")
	}
	old, err := Of(ctx, tx, o.Product, o.Account)
	fresh := errors.Is(err, ErrNotFound)
	if err != nil && !fresh {
		return Review{}, err
	}
	v := Review{
		ID: ID(tx.ID("rvw")), Product: o.Product, Vendor: o.Vendor, Account: o.Account, User: account.UserID(by.User), Order: o.ID,
		Stars: w.Stars, Words: w.Text, State: Published, Version: 1, WrittenAt: tx.Now(), ChangedAt: tx.Now(),
	}
	if !fresh {
		if err := settled(ctx, tx, content.Review, string(old.ID)); err != nil {
			return Review{}, err
		}
		v.ID, v.Version, v.WrittenAt = old.ID, old.Version+1, old.WrittenAt
	}
	ruling, err := content.Screen(ctx, tx, by, content.Piece{
		Kind: content.Review, Ref: string(v.ID), Field: "text", Place: screen.Public, Text: w.Text, Holdable: true,
	})
	if err != nil {
		return Review{}, err
	}
	v.SHA256 = ruling.SHA256
	if ruling.Held != "" {
		v.State, v.Words = Held, ""
	}
	n := int64(0)
	if fresh {
		n, err = tx.Exec(ctx, insertReview, string(v.ID), string(v.Product), string(v.Vendor), string(v.Account), string(v.User), string(v.Order), v.Stars, v.Words,
			v.SHA256, string(v.State), db.Micros(v.WrittenAt), db.Micros(v.ChangedAt))
	} else {
		n, err = tx.Exec(ctx, changeReview, string(v.User), string(v.Order), v.Stars, v.Words, v.SHA256, string(v.State), db.Micros(v.ChangedAt), string(v.ID), old.Version)
	}
	if err == nil && n == 0 {
		err = ErrStale // another person of the account wrote at the same moment
	}
	if err != nil {
		return Review{}, err
	}
	act := "written"
	if !fresh {
		act = "edited"
	}
	if err := edited(ctx, tx, by, v, act, w.Text); err != nil {
		return Review{}, err
	}
	if v.State != Published {
		return v, nil
	}
	return v, message.Send(ctx, tx, message.Notice{
		Code: "R-01", To: seller.Account, Link: "/vendor/reviews", Params: map[string]string{"Product": string(v.Product), "Order": string(v.Order)},
	})
}

// MayReview says whether the actor could review what an order bought: nil, or the
// refusal that [Write] would give.
func MayReview(ctx context.Context, r db.Reader, by audit.Actor, o order.Order) error {
	_, err := mayReview(ctx, r, by, o)
	return err
}

func mayReview(ctx context.Context, r db.Reader, by audit.Actor, o order.Order) (vendor.Vendor, error) {
	if err := bought(o); err != nil {
		return vendor.Vendor{}, err
	}
	seller, err := vendor.Get(ctx, r, o.Vendor)
	if err != nil {
		return vendor.Vendor{}, err
	}
	actsFor, err := account.Choosable(ctx, r, by)
	if err != nil {
		return vendor.Vendor{}, err
	}
	same, err := identity.SameSubject(ctx, r, o.Account, seller.Account)
	if err != nil {
		return vendor.Vendor{}, err
	}
	return seller, independent(seller, o.Account, actsFor, same)
}

// settled refuses a change while an original is held or blocked.
func settled(ctx context.Context, r db.Reader, kind content.Kind, ref string) error {
	_, err := content.KeptOf(ctx, r, kind, ref)
	if errors.Is(err, content.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = ErrWaiting
	}
	return err
}

// edited keeps what the author wrote, sealed, and records the act.
func edited(ctx context.Context, tx *db.Tx, by audit.Actor, v Review, act, text string) error {
	sealed, err := tx.Keys().Seal(text, editAt(v.ID))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertEdit, string(v.ID), v.Version, act, v.Stars, sealed, v.SHA256, by.User, db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "review." + act, Subjects: []string{string(v.ID), string(v.Product), string(v.Order)}, Clauses: []string{"ECL 39"},
		Data: map[string]any{"stars": v.Stars, "text_sha256": v.SHA256, "state": v.State, "version": v.Version},
	})
}

// Withdraw takes the author's own review from the page. It can be written again.
func Withdraw(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, seen int64) (_ Review, err error) {
	defer fault.Wrap(&err, "review.Withdraw(%s)", id)
	v, err := get(ctx, tx, id)
	if err != nil {
		return Review{}, err
	}
	actsFor, err := account.Choosable(ctx, tx, by)
	if err != nil {
		return Review{}, err
	}
	if !mine(v, actsFor) {
		return Review{}, account.ErrForeign
	}
	if v.State != Published && v.State != Held {
		return v, ErrStale
	}
	n, err := tx.Exec(ctx, withdrawReview, db.Micros(tx.Now()), string(id), seen, string(v.State))
	if err != nil {
		return v, err
	}
	if n == 0 {
		return v, ErrStale
	}
	v.State, v.Words, v.Version, v.ChangedAt = Withdrawn, "", seen+1, tx.Now()
	return v, edited(ctx, tx, by, v, "withdrawn", "")
}

// Delete refuses: a review is never deleted. The refusal is evidence.
func Delete(ctx context.Context, r db.Reader, by audit.Actor, id ID) (err error) {
	defer fault.Wrap(&err, "review.Delete(%s)", id)
	if _, err := get(ctx, r, id); err != nil {
		return err
	}
	return undeletable(by)
}

// Answer publishes the vendor's reply to a review, or changes it.
func Answer(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, text string) (_ Reply, err error) {
	defer fault.Wrap(&err, "review.Answer(%s)", id)
	if err := account.MustCan(ctx, tx, by, account.Review); err != nil {
		return Reply{}, err
	}
	v, err := get(ctx, tx, id)
	if err != nil {
		return Reply{}, err
	}
	seller, err := vendor.Get(ctx, tx, v.Vendor)
	if err != nil {
		return Reply{}, err
	}
	if by.Account != string(seller.Account) {
		return Reply{}, account.ErrForeign
	}
	if !ofVendor(by, seller) {
		return Reply{}, ErrForbidden
	}
	if v.State != Published {
		return Reply{}, ErrStale
	}
	limit, err := agreement.Setting[struct{ Chars int }](ctx, tx, "review_text_max")
	if err != nil {
		return Reply{}, err
	}
	switch text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")); {
	case text == "":
		return Reply{}, ErrRequired.In("text")
	case utf8.RuneCountInString(text) > limit.Chars:
		return Reply{}, ErrInvalid.With("Max", limit.Chars).In("text")
	}
	p := Reply{
		ID: ReplyID(tx.ID("rpy")), Review: id, Vendor: v.Vendor, Account: seller.Account, User: account.UserID(by.User), Words: text, State: Published, Version: 1,
		WrittenAt: tx.Now(),
	}
	old := v.Reply
	if old != nil {
		if err := settled(ctx, tx, content.Reply, string(old.ID)); err != nil {
			return Reply{}, err
		}
		p.ID, p.Version = old.ID, old.Version+1
	}
	ruling, err := content.Screen(ctx, tx, by, content.Piece{
		Kind: content.Reply, Ref: string(p.ID), Field: "text", Place: screen.Public, Text: text, Holdable: true,
	})
	if err != nil {
		return Reply{}, err
	}
	p.SHA256 = ruling.SHA256
	if ruling.Held != "" {
		p.State, p.Words = Held, ""
	}
	n := int64(0)
	if old == nil {
		n, err = tx.Exec(ctx, insertReply, string(p.ID), string(id), string(p.Vendor), string(p.Account), string(p.User), p.Words, p.SHA256, string(p.State), db.Micros(p.WrittenAt))
	} else {
		n, err = tx.Exec(ctx, changeReply, string(p.User), p.Words, p.SHA256, string(p.State), db.Micros(p.WrittenAt), string(p.ID), old.Version)
	}
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return Reply{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "review.answered", Subjects: []string{string(p.ID), string(id), string(v.Product)}, Clauses: []string{"ECL 39"},
		Data: map[string]any{"text_sha256": p.SHA256, "state": p.State, "version": p.Version},
	}); err != nil {
		return Reply{}, err
	}
	if p.State != Published || old != nil {
		return p, nil
	}
	return p, message.Send(ctx, tx, message.Notice{Code: "R-02", To: v.Account, Link: "/orders/" + string(v.Order), Params: map[string]string{"Order": string(v.Order)}})
}

// productLink is the page on which the reviews of a product stand.
func productLink(ctx context.Context, r db.Reader, id catalog.ProductID) (string, error) {
	p, err := catalog.Get(ctx, r, id)
	return "/p/" + p.Slug + "#reviews", err
}
