// Package message is what the market tells its accounts: notices in the site,
// and mail for those with legal effect.
//
//	delivery: queued → sent | failed
//
// A notice is rendered from its template in both languages when it is sent, so
// the account can be shown for ever what it was told, also after the template
// changed. Earlier packages leave notices as jobs (account.Notify); later ones
// call [Send].
//
// Owns: notices, their rendered text and its hash, deliveries by mail and their
// receipts, which codes are mailed.
// Does not own: when a notice is due, the words (area "notice" of package text),
// how mail travels (base/mail).
//
// Always true:
//   - A notice exists exactly if the change that caused it does.
//   - Its text is stored sealed, with the hash of what was rendered, and never
//     changes.
//   - Mail leaves at least once, to the account's owners only; a receipt is kept.
package message

import (
	"encoding/json"
	"time"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
)

// ID identifies a notice: "msg_…".
type ID string

// Notice asks for a message by template. A parameter whose name ends in "At" is
// an RFC 3339 time, written in the reader's language; one that ends in "ZH" or
// "EN" is used, without that ending, in that language only; a value such as
// "approved" in Decision that has a text "notice.decision.approved" becomes it.
type Notice = account.Notice

// Item is a notice in an account's inbox.
type Item struct {
	ID        ID
	Account   account.ID
	Code      string
	Link      string // path of a page, "" when there is none
	SHA256    string // of the rendered text
	CreatedAt time.Time
	ReadAt    time.Time // zero: unread

	content content
}

// Title returns the title in a language.
func (i Item) Title(l text.Lang) string { return i.content[l].Title }

// Body returns the text in a language.
func (i Item) Body(l text.Lang) string { return i.content[l].Body }

// MarshalJSON gives programs both languages.
func (i Item) MarshalJSON() ([]byte, error) {
	var read *time.Time
	if !i.ReadAt.IsZero() {
		read = &i.ReadAt
	}
	return json.Marshal(struct {
		ID        ID         `json:"id"`
		Code      string     `json:"code"`
		Link      string     `json:"link,omitempty"`
		Text      content    `json:"text"`
		SHA256    string     `json:"sha256"`
		CreatedAt time.Time  `json:"created_at"`
		ReadAt    *time.Time `json:"read_at"`
	}{i.ID, i.Code, i.Link, i.content, i.SHA256, i.CreatedAt, read})
}

// content is a rendered notice, by language.
type content map[text.Lang]rendered

type rendered struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}

// ErrNotFound refuses a notice that is not there or not of this account.
var ErrNotFound = fault.New(fault.NotFound, "NOT_FOUND", "")
