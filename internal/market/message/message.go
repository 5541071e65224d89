// Package message is what the market tells its accounts, notices in the site and
// mail for those with legal effect, and what accounts tell each other:
// conversations of a customer with a vendor about a product or an order, and with
// the operator's support.
//
//	delivery: queued → sent | failed
//	post: sent | held → sent | blocked; sent → blocked → sent
//
// A notice is rendered from its template in both languages when it is sent, so
// the account can be shown for ever what it was told, also after the template
// changed. Earlier packages leave notices as jobs (account.Notify); later ones
// call [Send].
//
// Owns: notices, their rendered text and its hash, deliveries by mail and their
// receipts, which codes are mailed; conversations with their files.
// Does not own: when a notice is due, the words (area "notice" of package text),
// how mail travels (base/mail), what may be written (package content decides),
// who may speak about an order or a product ([Talks] asks).
//
// Always true:
//   - A notice exists exactly if the change that caused it does.
//   - Its text is stored sealed, with the hash of what was rendered, and never
//     changes.
//   - Mail leaves at least once, to the account's owners only; a receipt is kept.
//   - A conversation is open to its two sides. The operator's people see of one
//     that is not theirs only what was held or reported, each with a reason.
//   - Two accounts have one conversation about one thing, and its messages are
//     numbered without a gap.
package message

import (
	"encoding/json"
	"time"

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

	bodies bodies
}

// Title returns the title in a language.
func (i Item) Title(l text.Lang) string { return i.bodies[l].Title }

// Body returns the text in a language.
func (i Item) Body(l text.Lang) string { return i.bodies[l].Body }

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
		Text      bodies     `json:"text"`
		SHA256    string     `json:"sha256"`
		CreatedAt time.Time  `json:"created_at"`
		ReadAt    *time.Time `json:"read_at"`
	}{i.ID, i.Code, i.Link, i.bodies, i.SHA256, i.CreatedAt, read})
}

// bodies is a rendered notice, by language.
type bodies map[text.Lang]rendered

type rendered struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}
