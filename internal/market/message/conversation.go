package message

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// ThreadID names a conversation: "thr_…".
type ThreadID string

// PostID names a message in a conversation: "pst_…".
type PostID string

// Topic is what a conversation is about.
type Topic string

// The topics. Support is with the operator, the others with the vendor.
const (
	AboutProduct Topic = "product"
	AboutOrder   Topic = "order"
	AboutSupport Topic = "support"
)

// About is the thing that a conversation is about. Of support the ID is empty.
type About struct {
	Topic Topic
	ID    string
}

// Side is on which side of a conversation somebody stands.
type Side string

// The sides. Other is the vendor, or the operator's support.
const (
	CustomerSide Side = "customer"
	OtherSide    Side = "other"
)

// Thread is a conversation.
type Thread struct {
	ID       ThreadID
	About    About
	Customer account.ID
	Other    account.ID
	Subject  string `json:"-"` // of support, in the customer's words
	OpenedAt time.Time
	Posts    int64
	LastAt   time.Time
}

// AuditSubject names the conversation in records.
func (t Thread) AuditSubject() string { return string(t.ID) }

// PostState is where a message stands.
type PostState string

// The states of a message.
const (
	Sent    PostState = "sent"
	Held    PostState = "held"    // waits for a person of the operator; only its author knows of it
	Blocked PostState = "blocked" // both sides see on which clause and why
)

// Post is one message.
type Post struct {
	ID        PostID
	Thread    ThreadID
	Seq       int64
	Side      Side
	Author    account.ID
	User      account.UserID
	State     PostState
	Text      string `json:"-"`
	SHA256    string
	Sensitive bool // holds an account number or secret: the warning of clause 4.6 stands beside it
	Outside   bool // leads to payment outside: notice N-52 stands beside it
	Clause    string
	Reason    string
	At        time.Time
	ReadAt    time.Time
	Files     []Attachment
}

// AuditSubject names the message in records.
func (p Post) AuditSubject() string { return string(p.ID) }

// Attachment is a file of a message.
type Attachment struct {
	ID        string
	Name      string `json:"-"`
	MediaType string
	Size      int64
	SHA256    string
	Blob      string `json:"-"`
}

// Draft is what somebody wants to say. Confirmed says that the writer was shown
// the warning for this text and sends it all the same.
type Draft struct {
	Text      string
	Confirmed bool
	Files     []Attachment
}

// Pair are the two accounts that may speak about a thing.
type Pair struct {
	Customer account.ID
	Other    account.ID
}

// Talks are what conversations ask of later packages.
type Talks struct {
	// Parties says who speaks about a product or an order, and refuses an actor who
	// has no part in it.
	Parties func(ctx context.Context, r db.Reader, by audit.Actor, about About) (Pair, error)
}
