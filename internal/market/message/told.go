package message

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Told is a notice with how it reached its account.
type Told struct {
	Item
	Mails []Mail
}

// Mail is one letter of a notice.
type Mail struct {
	State  string // queued, sent, failed
	SentAt time.Time
	SHA256 string // of what the mail server answered; empty before
}

// Since lists what an account was told from a moment on, oldest first, with its
// letters, for evidence.
func Since(ctx context.Context, r db.Reader, id account.ID, from time.Time) ([]Told, error) {
	items, err := db.All(ctx, r, scan(r), sqlSince, id, db.Micros(from))
	if err != nil {
		return nil, err
	}
	all := make([]Told, len(items))
	for i, item := range items {
		all[i].Item = item
		all[i].Mails, err = db.All(ctx, r, func(s db.Scanner) (m Mail, err error) {
			var at int64
			var receipt string
			err = s.Scan(&m.State, &at, &receipt)
			if m.SentAt = db.Time(at); receipt != "" {
				sum := sha256.Sum256([]byte(receipt))
				m.SHA256 = hex.EncodeToString(sum[:])
			}
			return m, err
		}, sqlMails, item.ID)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
