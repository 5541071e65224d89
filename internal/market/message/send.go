package message

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// MailJob is the kind of job that hands one message to the mail server.
const MailJob = "message.mail"

// Send puts a notice into the inbox of an account and, for a code with legal
// effect, queues mail to its owners. It fails for a code without template and for
// a link that leaves the site.
func Send(ctx context.Context, tx *db.Tx, n Notice) error {
	_, err := Deliver(ctx, tx, n)
	return err
}

// Deliver is [Send] for who keeps by which notice something was served.
func Deliver(ctx context.Context, tx *db.Tx, n Notice) (ID, error) {
	if n.Link != "" && (!strings.HasPrefix(n.Link, "/") || strings.HasPrefix(n.Link, "//")) {
		return "", fmt.Errorf("message: link of notice %s is not a path of ours", n.Code)
	}
	c, err := render(ctx, n)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	id := ID(tx.ID("msg"))
	sealed, err := tx.Keys().Seal(string(plain), place(id))
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(plain)
	now := db.Micros(tx.Now())
	tx.Queue(sqlInsert, id, n.To, n.Code, sealed, hex.EncodeToString(hash[:]), n.Link, now)
	if !mailed(n.Code) {
		return id, nil
	}
	owners, err := account.Contacts(ctx, tx, n.To)
	if err != nil {
		return "", err
	}
	for _, owner := range owners {
		delivery := tx.ID("mdl")
		tx.Queue(sqlInsertDelivery, delivery, id, owner.User, now)
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: MailJob, Object: delivery}); err != nil {
			return "", err
		}
	}
	return id, nil
}

// pageSize is how many notices Inbox returns at most.
const pageSize = 50

// Inbox returns up to 50 notices of an account, newest first, older than the
// given one; "" starts at the newest.
func Inbox(ctx context.Context, r db.Reader, id account.ID, before ID) ([]Item, error) {
	if before == "" {
		before = "msg_~" // after every id
	}
	return db.All(ctx, r, scan(r), sqlInbox, id, before, pageSize)
}

// Unread counts the notices that an account has not read.
func Unread(ctx context.Context, r db.Reader, id account.ID) (int64, error) {
	return db.Value[int64](ctx, r, sqlUnread, id)
}

// MarkRead records when a notice of the actor's account was first read. Reading
// it again changes nothing; a foreign notice is NOT_FOUND.
func MarkRead(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) error {
	n, err := tx.Exec(ctx, sqlMarkRead, db.Micros(tx.Now()), id, by.Account)
	if err != nil || n == 1 {
		return err
	}
	owner, err := db.Value[account.ID](ctx, tx, sqlOwner, id)
	if errors.Is(err, db.ErrNoRow) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	return account.MustOwn(by, owner)
}
