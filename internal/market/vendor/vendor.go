// Package vendor is who sells: onboarding, the dossier, the merchant account,
// the security deposit, the seller card that every buyer sees, and leaving.
//
//	applied -> reviewing -> onboarded (or rejected -> applied, by a new application)
//	onboarded <-> publish_limited, shop_hidden, suspended (by a case)
//	onboarded and the three measures -> exiting -> exited
//	any state but exited -> expelled (by a case)
//
// A vendor's identity is a profile. Every change is a new profile that a
// compliance officer verifies; the last verified one is the seller card, and it
// stays readable for ever, because a buyer must be able to reach the seller of
// an order also after the seller has left.
//
// Three flags gate selling next to the state: dossier_ok (identity and documents
// are verified and valid), merchant_ready (a licensed provider can pay this
// vendor), deposit_ok (the deposit received reaches the rulebook's amount). The
// first two also fall while an officer lets the selling rest for what is missing: a
// [Pause], which is no measure.
//
// Owns: vendors, profiles, merchant accounts, the list of deposits received,
// dossier documents, delivery hooks and their secrets, the pseudonymous user id
// that a vendor sees. Does not own: money (package ledger books the deposit), the
// vendor's people (package account), products (package catalog).
//
// Always true: one vendor an account; a merchant number belongs to one vendor; a
// deposit source counts once; nobody decides on a vendor of the own account; a
// measure names its case and its clause, the latter by the database; names, phones and e-mail addresses of persons are sealed at rest.
package vendor

import (
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
)

// ID names a vendor: "ven_…".
type ID string

// State is where a vendor stands.
type State string

// The states of a vendor.
const (
	Applied        State = "applied"
	Reviewing      State = "reviewing"
	Rejected       State = "rejected"
	Onboarded      State = "onboarded"
	PublishLimited State = "publish_limited"
	ShopHidden     State = "shop_hidden"
	Suspended      State = "suspended"
	Exiting        State = "exiting"
	Exited         State = "exited"
	Expelled       State = "expelled"
)

// Vendor is a seller as the market sees it. Name and subject type are those of
// the last verified profile, or of the newest one before the first verification.
type Vendor struct {
	ID             ID
	Account        account.ID
	State          State
	RegisteredName string
	SubjectType    account.SubjectType
	MerchantReady  bool
	DepositOK      bool
	DossierOK      bool
	AppliedAt      time.Time
	ExitAt         time.Time // zero until the vendor announces its exit
}

// Contact is the person or desk that answers for the vendor.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Email string `json:"email"`
}

// Application is what a vendor states about itself. USCC is the unified social
// credit code; an individual may leave it empty. SelfCertified is the vendor's
// promise to offer only what the law and the rules allow.
type Application struct {
	RegisteredName      string
	SubjectType         account.SubjectType
	USCC                string
	LegalRepresentative string
	Address             string
	Contact             Contact
	SupportHours        string
	SelfCertified       bool
}

// Profile states.
const (
	ProfileSubmitted = "submitted"
	ProfileVerified  = "verified"
	ProfileRejected  = "rejected"
	ProfileReplaced  = "replaced" // by a newer one before it was decided
)

// Profile is one stated identity with what was decided about it.
type Profile struct {
	Vendor ID
	Number int64
	State  string
	Application
	SelfCertifiedAt time.Time
	SubmittedAt     time.Time
	DecidedAt       time.Time // zero while it waits
	Reason          string    // of the decision
}

// SellerCard is who sells, as last verified: what a buyer sees on product,
// checkout, order and complaint pages, and what an order freezes.
type SellerCard struct {
	Vendor         ID        `json:"vendor"`
	RegisteredName string    `json:"registered_name"`
	SubjectType    string    `json:"subject_type"`
	USCC           string    `json:"uscc"`
	Address        string    `json:"address"`
	Contact        Contact   `json:"contact"`
	SupportHours   string    `json:"support_hours"`
	VerifiedAt     time.Time `json:"verified_at"`
}

// Merchant is the vendor's own account at a licensed payment provider.
type Merchant struct {
	ID       string
	Vendor   ID
	Provider string // name of the gateway: "wechatpay"
	Number   string
	AddedAt  time.Time
}

// Deposit is one payment towards the security deposit.
type Deposit struct {
	ID         string
	Vendor     ID
	Amount     money.Amount
	Source     string // what proves it, such as a bank statement line
	ReceivedAt time.Time
}

// Document is one proof in the dossier. ValidUntil is its last valid day; the
// zero date means that it does not expire.
type Document struct {
	ID         string
	Vendor     ID
	Kind       string // business_licence, authorisation, qualification, other
	Name       string
	Blob       string // key in the file store
	SHA256     string
	ValidUntil calendar.Date
	AddedAt    time.Time
}

// Decision is a compliance officer's answer. A refusal needs a reason.
type Decision struct {
	Approve bool
	Reason  string
}

// Hook is where a vendor is told to provision in one dialect. Previous is the
// secret before the last rotation; it is valid until PreviousUntil, so the vendor
// can change over without losing a call.
type Hook struct {
	Vendor        ID
	Dialect       string
	URL           string
	Secret        string
	Previous      string
	PreviousUntil time.Time
}
