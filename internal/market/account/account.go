// Package account is who uses the marketplace: organisations and people
// (accounts), the people who act for them (users), how they prove who they are
// (passwords, sessions, API keys), and which functions an account may use.
//
//	account: registered → verified → (restricted ⇄ verified) → suspended → terminated
//	         verified → closing → closed
//	user:    active → disabled
//
// Owns: accounts, users, roles, credentials, sessions, known devices, sign-in
// attempts, API keys, capabilities, and the count of refused accesses to other
// people's objects.
// Does not own: real-name verification (identity), what was agreed to
// (agreement), the decision to take a measure (enforcement), and the delivery of
// notices: it leaves them as jobs ([Notify]) for package message.
//
// Always true:
//   - E-mail addresses, phone numbers and names are stored as ciphertext only; an
//     address is found by its keyed hash, and belongs to at most one user.
//   - A password exists only as an argon2id hash; a session token, a device token
//     and an API secret only as a SHA-256 of 256 random bits.
//   - Every session and API key belongs to one user of one account, so each act
//     leads back to account, user, session and method.
//   - Names, addresses, tokens and secrets have no JSON form, so a stored answer of
//     a command never holds one.
//   - State and capabilities are separate: taking one function away changes no
//     state, and capabilities come back when their end has passed.
package account

import "time"

// ID identifies an account: "acc_…".
type ID string

// UserID identifies a user: "usr_…".
type UserID string

// SubjectType says what an account is in law.
type SubjectType string

// The subject types.
const (
	Individual  SubjectType = "individual"
	LegalPerson SubjectType = "legal_person"
	OtherOrg    SubjectType = "other_org"
)

// Kind separates the operator's own account, of which there is one, from all
// others.
type Kind string

// The kinds.
const (
	Customer Kind = "customer"
	Operator Kind = "operator"
)

// State is where an account stands in its life.
type State string

// The states of an account.
const (
	Registered State = "registered"
	Verified   State = "verified"
	Restricted State = "restricted"
	Suspended  State = "suspended"
	Terminated State = "terminated"
	Closing    State = "closing"
	Closed     State = "closed"
)

// UserState says whether a user may sign in.
type UserState string

// The states of a user.
const (
	Active   UserState = "active"
	Disabled UserState = "disabled"
)

// The roles of users. The last four exist only on the operator's account.
const (
	Owner         = "owner"
	Buyer         = "buyer"
	VendorManager = "vendor_manager"
	Compliance    = "compliance"
	Finance       = "finance"
	Support       = "support"
	Superadmin    = "superadmin"
)

// The capabilities an account has unless a measure took one away.
const (
	Buy           = "buy"
	Renew         = "renew"
	Review        = "review"
	Message       = "message"
	API           = "api"
	LoginReadonly = "login_readonly" // sign in, look, export
)

// Account is an organisation or a person that takes part in the market.
type Account struct {
	ID          ID
	SubjectType SubjectType
	DisplayName string
	Kind        Kind
	State       State
	Consumer    bool // law gives it a consumer's floors unless a purchase says otherwise
	Locale      string
	CreatedAt   time.Time
}

// User is a person who acts for an account.
type User struct {
	ID          UserID
	Account     ID
	Name        string `json:"-"`
	EmailMasked string
	Roles       []string
	Locale      string
	State       UserState
	CreatedAt   time.Time
}

// Contact is how the owner of an account is reached. It is personal data: only
// package message may let it leave the program.
type Contact struct {
	User   UserID
	Name   string `json:"-"`
	Email  string `json:"-"`
	Locale string
}

// Device is what the edge knows about the browser or program that signs in.
type Device struct {
	IP        string
	UserAgent string
	Method    string // "password"
	Known     string // the device token of an earlier Session, "" when there is none
	Screen    Screen `json:"-"` // asked whether the browser is known from elsewhere; nil: nobody is
}

// Session is a fresh sign-in. Token and Device are shown once, to be kept by the
// browser; only their hashes are stored.
type Session struct {
	ID        string
	Token     string `json:"-"`
	Device    string `json:"-"`
	NewDevice bool
	User      UserID
	Account   ID
	ExpiresAt time.Time
}

// SignedIn is a session as its owner sees it in a list.
type SignedIn struct {
	ID        string
	Method    string
	IP        string
	UserAgent string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Key is an API key. Secret is set only in the answer to CreateKey.
type Key struct {
	ID        string
	Account   ID
	User      UserID
	Name      string
	Scopes    []string
	Secret    string `json:"-"`
	CreatedAt time.Time
	RevokedAt time.Time
}

// Restriction takes one capability from an account, by a case, until a moment or
// without end when Until is zero.
type Restriction struct {
	Account    ID
	Capability string
	Until      time.Time
	Case       string
}

// Risk is what refused accesses say about an account.
type Risk struct {
	Denials  int64 // refused accesses, ever
	Sessions int64 // sessions in which too many different foreign objects were asked for
}
