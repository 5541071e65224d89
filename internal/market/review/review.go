// Package review is what those who bought say of a product, and what its vendor
// answers.
//
//	review: published | held → published | blocked; published ↔ withdrawn
//	        published → blocked → published
//	reply:  published | held → published | blocked; published → blocked → published
//
// A review belongs to an account and a product: the account that owns a completed
// order of it writes one, changes it, and withdraws it. Nobody deletes one. A
// lawful decision blocks it: the page then says on which clause and why, and the
// original is sealed in package content.
//
// Owns: reviews with every version their author wrote, replies, ratings.
// Does not own: who bought (order), what may be written and what is blocked
// (content), why (enforcement, infringement).
//
// Always true:
//   - Behind each review stands a paid and completed order of the product.
//   - A vendor's own people and accounts of the same real identity review none of
//     its products.
//   - A rating counts published reviews only, one of each account.
//   - There is no way to delete a review, for nobody: no function, no statement.
package review

import (
	"time"

	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// ID names a review: "rvw_…".
type ID string

// ReplyID names a reply: "rpy_…".
type ReplyID string

// State is where a review or a reply stands.
type State string

// The states. Only reviews are withdrawn.
const (
	Published State = "published"
	Held      State = "held"
	Withdrawn State = "withdrawn"
	Blocked   State = "blocked"
)

// Review is one account's word on one product.
type Review struct {
	ID        ID
	Product   catalog.ProductID
	Vendor    vendor.ID
	Account   account.ID
	User      account.UserID
	Order     order.ID
	Stars     int64  // 1 to 5
	Words     string // empty unless published
	SHA256    string
	State     State
	Clause    string // of a block
	Reason    string // of a block
	Version   int64
	WrittenAt time.Time
	ChangedAt time.Time
	Reply     *Reply
}

// AuditSubject names the review in records.
func (v Review) AuditSubject() string { return string(v.ID) }

// Changed reports whether it says something else than at first.
func (v Review) Changed() bool { return v.Version > 1 }

// Reply is the vendor's public answer.
type Reply struct {
	ID        ReplyID
	Review    ID
	Vendor    vendor.ID
	Account   account.ID
	User      account.UserID
	Words     string
	SHA256    string
	State     State
	Clause    string
	Reason    string
	Version   int64
	WrittenAt time.Time
}

// AuditSubject names the reply in records.
func (p Reply) AuditSubject() string { return string(p.ID) }

// Rating is what the published reviews of a product come to.
type Rating struct {
	Count int64
	Sum   int64 // of stars
}

// Tenths is the mean in tenths of a star, rounded half up; 0 without a review.
func (r Rating) Tenths() int {
	if r.Count == 0 {
		return 0
	}
	return int((r.Sum*20 + r.Count) / (r.Count * 2))
}
