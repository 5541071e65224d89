package message

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
)

// ThreadFor is a conversation and the side on which the actor stands in it. For
// everybody else it does not exist.
func ThreadFor(ctx context.Context, r db.Reader, by audit.Actor, id ThreadID) (Thread, Side, error) {
	return thread(ctx, r, by, id)
}

func thread(ctx context.Context, r db.Reader, by audit.Actor, id ThreadID) (Thread, Side, error) {
	th, err := found(db.One(ctx, r, scanThread(r), selectThread, string(id)))
	if err != nil {
		return Thread{}, "", err
	}
	side, err := sideOf(ctx, r, by, th)
	return th, side, err
}

// sideOf says on which side the actor may speak. A vendor's side are the people
// who manage the vendor; the operator's side are support and compliance.
//
// Clause: UA 4.7.3 (a conversation is open to its two sides only, not to the operator's staff).
func sideOf(ctx context.Context, r db.Reader, by audit.Actor, th Thread) (Side, error) {
	if by.Account == string(th.Other) {
		if th.About.Topic == AboutSupport && !by.Has(account.Support) && !by.Has(account.Compliance) && !by.Has(account.Superadmin) ||
			th.About.Topic != AboutSupport && !by.Has(account.Owner) && !by.Has(account.VendorManager) {
			return "", account.ErrForeign
		}
		return OtherSide, nil
	}
	mine, err := account.Choosable(ctx, r, by)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(mine, func(a account.Account) bool { return a.ID == th.Customer }) {
		return CustomerSide, nil
	}
	return "", account.ErrForeign
}

// Posts are the messages of a conversation as the actor's side sees them, oldest
// first: a message that is held is seen by its author's side only.
func Posts(ctx context.Context, r db.Reader, by audit.Actor, id ThreadID) ([]Post, error) {
	_, side, err := thread(ctx, r, by, id)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, r, scanPost(r), selectPosts, string(id))
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p Post) bool { return p.State == Held && p.Side != side })
	for i := range all {
		if all[i].State == Blocked {
			continue // its files are gone with it
		}
		if all[i].Files, err = db.All(ctx, r, scanAttachment(r), selectAttachments, string(all[i].ID)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// FileIn is a file of a conversation, for its two sides.
func FileIn(ctx context.Context, r db.Reader, by audit.Actor, id ThreadID, file string) (Attachment, error) {
	all, err := Posts(ctx, r, by, id)
	if err != nil {
		return Attachment{}, err
	}
	for _, p := range all {
		for _, f := range p.Files {
			if f.ID == file {
				return f, nil
			}
		}
	}
	return Attachment{}, ErrNotFound
}

// PostIn is one message of a conversation that the actor's side can see.
func PostIn(ctx context.Context, r db.Reader, by audit.Actor, id ThreadID, post PostID) (Post, error) {
	all, err := Posts(ctx, r, by, id)
	if err != nil {
		return Post{}, err
	}
	i := slices.IndexFunc(all, func(p Post) bool { return p.ID == post })
	if i < 0 {
		return Post{}, ErrNotFound
	}
	return all[i], nil
}

// Talk is a conversation in a list.
type Talk struct {
	Thread
	Unread int64  // of the reader's side
	Last   string // the beginning of the last message the reader can see, with secrets masked
}

// Conversations lists those of an account, the last written first, before the
// cursor, which is the last conversation of the page before. Support is whether
// those with the operator are wanted, or those with vendors.
func Conversations(ctx context.Context, r db.Reader, of account.ID, before ThreadID, n int) ([]Talk, error) {
	all, err := db.All(ctx, r, scanThread(r), selectThreads, string(of), string(of), string(before), n)
	if err != nil {
		return nil, err
	}
	out := make([]Talk, len(all))
	for i, th := range all {
		out[i].Thread = th
		if out[i].Unread, err = db.Value[int64](ctx, r, unreadOfThread, string(th.ID), string(of)); err != nil {
			return nil, err
		}
		last, err := db.All(ctx, r, scanPost(r), selectLast, string(th.ID))
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			out[i].Last = begin(content.Masked(last[0].Text))
		}
	}
	return out, nil
}

// begin is the first words of a text.
func begin(s string) string {
	runes := []rune(s)
	if len(runes) <= 80 {
		return s
	}
	return string(runes[:80]) + "…"
}

// UnreadPosts counts the messages that an account has not read.
func UnreadPosts(ctx context.Context, r db.Reader, id account.ID) (int64, error) {
	return db.Value[int64](ctx, r, unreadPosts, string(id))
}

// Waiting lists the conversations of an account that hold messages it has not
// read, the longest waiting first.
func Waiting(ctx context.Context, r db.Reader, of account.ID, n int) ([]Talk, error) {
	all, err := db.All(ctx, r, scanThread(r), selectWaiting, string(of), n)
	out := make([]Talk, len(all))
	for i := range all {
		out[i].Thread = all[i]
	}
	return out, err
}

// Find is the conversation of an account about a thing, or NOT_FOUND.
func Find(ctx context.Context, r db.Reader, about About, customer account.ID) (Thread, error) {
	return threadOf(ctx, r, about, customer)
}

func threadOf(ctx context.Context, r db.Reader, about About, customer account.ID) (Thread, error) {
	return found(db.One(ctx, r, scanThread(r), selectThreadAbout, string(about.Topic), about.ID, string(customer)))
}

// Owner lets decisions on content take a message away and put it back.
func Owner() content.Owner { return content.Owner{Read: original, Take: take, Restore: restore} }

func original(ctx context.Context, r db.Reader, ref string) (content.Original, error) {
	p, err := found(db.One(ctx, r, scanPost(r), selectPost, ref))
	if err != nil {
		return content.Original{}, err
	}
	th, err := found(db.One(ctx, r, scanThread(r), selectThread, string(p.Thread)))
	if err != nil {
		return content.Original{}, err
	}
	link := "/conversations/" + string(th.ID)
	if p.Side == OtherSide {
		link = "/vendor" + link
	}
	return content.Original{Text: p.Text, Account: p.Author, User: p.User, Link: link}, nil
}

func take(ctx context.Context, tx *db.Tx, ref string, why content.Why) error {
	empty, err := tx.Keys().Seal("", postAt(PostID(ref)))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, blockPost, empty, why.Clause, why.Reason, ref)
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}

func restore(ctx context.Context, tx *db.Tx, ref, text string) error {
	sealed, err := tx.Keys().Seal(text, postAt(PostID(ref)))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, restorePost, sealed, ref)
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}
