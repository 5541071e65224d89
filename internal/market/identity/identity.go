// Package identity is real-name verification: who an account is in law, with the
// evidence, before it may buy.
//
//	case: pending → verified → expired
//	      pending → failed
//
// A case is submitted by the account, looked at by a [Checker] outside any
// transaction, and decided by its answer or, when it asks for a human, by a
// compliance officer. Every decision leaves notice N-13.
//
// Owns: cases, their sealed fields, their decisions, and the answer to "is this
// account verified".
// Does not own: the account's state (account moves it on a decision here), how an
// outside source is asked (plug), whether a ban links the person (enforcement).
//
// Always true:
//   - Name, number, phone, e-mail, bank account and representative are stored as
//     ciphertext bound to their row; a number is found again by its keyed hash.
//   - At most one case of an account is open.
//   - One identity stands behind at most the configured number of accounts.
//   - Nobody decides on his own account, and every look at the plain fields is an
//     audit record with its reason.
//   - Of a checker's answer only a hash is kept, never the picture or the text.
package identity

import (
	"context"
	"time"

	"yunshi/internal/base/cn"
	"yunshi/internal/market/account"
)

// ID identifies a case: "idc_…".
type ID string

// State is where a case stands.
type State string

// The states of a case.
const (
	Pending  State = "pending"
	Verified State = "verified"
	Expired  State = "expired"
	Failed   State = "failed"
)

// The kinds of document.
const (
	ResidentID = "resident_id"
	USCC       = "uscc"
)

// Application is what somebody submits about himself or his organisation.
type Application struct {
	SubjectType         account.SubjectType
	Name                string // of the person or the organisation
	IDKind              string // ResidentID or USCC
	Number              string
	Mobile              string
	Email               string
	BankAccount         string // a card for a person, a settlement account for an organisation
	LegalRepresentative string // organisations only
	Consent             bool   // separate consent to the handling of these sensitive data

	// AccountsPerIdentity is how many accounts may share this identity, a setting
	// of the caller; 0 is 3.
	AccountsPerIdentity int
	// BankOnNeed says that the law wants a bank account asked for only where it is
	// needed; a setting of the caller.
	BankOnNeed bool
	// Screen is asked whether this person may use the market; nil: nobody is.
	Screen account.Screen `json:"-"`
}

// Case is one verification. Its personal fields are masked.
type Case struct {
	ID                  ID
	Account             account.ID
	SubjectType         account.SubjectType
	IDKind              string
	Name                string
	Number              string
	Mobile              string
	Email               string
	BankAccount         string
	LegalRepresentative string
	State               State
	Checker             string // who looked at it: a Checker's name, or "" until then
	Reason              string // why it failed, for the account to read
	SubmittedAt         time.Time
	DecidedBy           string // a user, or "job:" and the checker
	DecidedAt           time.Time
	ValidTo             time.Time // zero: no end
}

// Fields are the plain values of a case: sensitive personal data. They have no
// JSON form, so a stored answer of a command holds none of them.
type Fields struct {
	Name                string `json:"-"`
	Number              string `json:"-"`
	Mobile              string `json:"-"`
	Email               string `json:"-"`
	BankAccount         string `json:"-"`
	LegalRepresentative string `json:"-"`
}

func (f Fields) masked() Fields {
	f.Name, f.LegalRepresentative = cn.MaskName(f.Name), cn.MaskName(f.LegalRepresentative)
	f.Number, f.Mobile = cn.MaskResidentID(f.Number), cn.MaskMobile(f.Mobile)
	f.Email, f.BankAccount = cn.MaskEmail(f.Email), cn.MaskBankAccount(f.BankAccount)
	return f
}

// String hides the fields from logs and errors.
func (f Fields) String() string { return "identity.Fields(hidden)" }

// GoString keeps %#v from printing them.
func (f Fields) GoString() string { return f.String() }

// Decision is what a compliance officer decides. A refusal needs a reason, which
// the account gets to read.
type Decision struct {
	Approve bool
	Reason  string
}

// Result is what a checker found.
type Result string

// The results. Human leaves the case in the queue of the compliance officers.
const (
	ResultVerified Result = "verified"
	ResultFailed   Result = "failed"
	ResultHuman    Result = "human"
)

// Request is what a checker is asked.
type Request struct {
	Case        ID
	SubjectType account.SubjectType
	IDKind      string
	Fields      Fields
}

// Outcome is a checker's answer. Response is the provider's raw answer; only its
// hash is kept.
type Outcome struct {
	Result   Result
	Reason   string
	Response []byte
	ValidTo  time.Time
}

// Checker asks a source outside whether an identity is real. Check may be called
// again for the same case after an error.
type Checker interface {
	Name() string
	Check(ctx context.Context, r Request) (Outcome, error)
}
