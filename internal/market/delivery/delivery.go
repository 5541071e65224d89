// Package delivery brings what was bought to the account that bought it: files
// through signed links, licence keys, instances at the vendor's own system
// through its delivery interface, and work that people do.
//
//	pending -> running -> delivered | failed
//	manual -> delivered
//
// Every call to a vendor is a job: the worker calls outside any transaction,
// writes down the attempt, and records the outcome. A vendor that cannot answer
// now is called again with growing pauses for about three hours; then the
// delivery has failed and the order is refunded in full. A vendor that says "not
// ready yet" is asked again and that is no failure. All calls of one delivery
// carry the same request id, so a vendor that acts once per id acts once.
//
// Owns: deliveries, the log of attempts, credentials and slips, licence keys and
// the key that signs them, download links and the log of downloads. Does not own:
// the right to use (package entitlement), the wire of a vendor interface (the
// adapters behind [Provisioner]), the files (package catalog), money.
//
// Always true: one delivery an order line and action; a delivery that was
// delivered has activated its entitlement in the same transaction; credentials,
// slips and the bodies of calls are sealed at rest; a credential is shown only to
// the account that holds the right, and each time leaves a record.
package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
)

// ID names a delivery: "dlv_…". It is the request id of its calls.
type ID string

// State is where a delivery stands.
type State string

// The states of a delivery.
const (
	Pending   State = "pending" // not tried yet
	Running   State = "running" // tried; will be tried or asked again
	Delivered State = "delivered"
	Failed    State = "failed"
	Manual    State = "manual" // waits for a person of the vendor
)

// Action is what is asked of the vendor.
type Action string

// The actions.
const (
	Create  Action = "create"
	Renew   Action = "renew"
	Expire  Action = "expire"  // isolate, keep the data
	Destroy Action = "destroy" // remove for good
	Verify  Action = "verify"  // only in calls that check a vendor's address
)

// The dialects that this package delivers by itself. Others go to a Provisioner.
const (
	Download      = "download"
	LicenceKey    = "license_key"
	ManualService = "manual_service"
	HookNative    = "hook_native"
	HookTencent   = "hook_tencentspi"
)

// Term is the length that was bought, in the units of package catalog.
type Term = catalog.Term

// The units of a term.
const (
	Once  = catalog.Once
	Day   = catalog.Day
	Month = catalog.Month
	Year  = catalog.Year
)

// Request asks for the delivery of a right that was just paid for. Config is the
// delivery part of the frozen terms sheet, a [catalog.Delivery] as JSON. Fields
// holds only what the buyer agreed to pass on to the vendor. PlanCode and Name
// are the plan's code and the product's name as frozen; when they are empty the
// ones listed now are used.
type Request struct {
	Entitlement entitlement.ID
	Order       string
	Line        string
	Account     account.ID
	Vendor      vendor.ID
	Product     catalog.ProductID
	Plan        string
	PlanCode    string
	Name        string
	Dialect     string
	Config      json.RawMessage
	Quantity    int64
	Term        Term
	Test        bool
	Fields      map[string]string
}

// Delivery is one delivery as it stands.
type Delivery struct {
	ID          ID
	Action      Action
	Entitlement entitlement.ID
	Order       string
	Line        string
	Account     account.ID
	Vendor      vendor.ID
	Product     catalog.ProductID
	Plan        string
	PlanCode    string
	Slug        string // of the product
	Name        string // of the product
	Dialect     string
	File        catalog.FileID // of a download
	Quantity    int64
	Term        Term
	Test        bool
	State       State
	Instance    string // the vendor's id of what it made
	Website     string // where the buyer uses it
	AdminURL    string
	Notes       string // of the vendor, plain text
	Reason      string // code of the failure
	Attempts    int64
	CreatedAt   time.Time
	StartedAt   time.Time // of the first attempt
	DeliveredAt time.Time
	ReceivedAt  time.Time // when the buyer first took or confirmed it; zero before
}

// AuditSubject names the delivery in records.
func (d Delivery) AuditSubject() string { return string(d.ID) }

// Endpoint is where a vendor takes deliveries, with the secrets that sign calls:
// the current one first, then one that is being replaced.
type Endpoint struct {
	URL     string
	Secrets []string
}

// Hooks finds the endpoint of a vendor in a dialect; NOT_FOUND when it set none.
type Hooks func(ctx context.Context, r db.Reader, v vendor.ID, dialect string) (Endpoint, error)

// Provisioner speaks one dialect of vendor interfaces.
type Provisioner interface {
	Dialect() string
	// Provision makes one call and translates the answer. The result holds the
	// exchange also when there is an error. [ErrPending]: ask again later, nothing
	// went wrong. [ErrRefused]: the vendor can never do this. Any other error:
	// try again.
	Provision(ctx context.Context, c Call) (Result, error)
}

// Call is one call to a vendor, without anything of one dialect.
type Call struct {
	ID          ID // the same at each repetition
	Action      Action
	Endpoint    Endpoint
	At          time.Time
	Nonce       int64 // random, new for each call, not negative
	Order       string
	Entitlement entitlement.ID
	OpenID      string // the buyer's pseudonym at this vendor
	Instance    string // empty for create
	Slug        string
	Name        string
	Number      int64 // of the product, for dialects that want a number; never changes
	PlanCode    string
	Quantity    int64
	Term        Term
	ExpiresAt   time.Time // exclusive end; zero without end
	Test        bool
	Fields      map[string]string
}

// Result is what a vendor answered.
type Result struct {
	Instance    string
	Website     string
	AdminURL    string
	Notes       string
	Credentials []Credential
	Refusal     string // the vendor's code, with ErrRefused
	Exchange    Exchange
}

// Exchange is what went over the wire, for the log.
type Exchange struct {
	Status   int // HTTP status; 0 when no answer came
	Request  []byte
	Response []byte
	Duration time.Duration
}

// Credential is one named value a buyer needs to use the product.
type Credential struct {
	Name   string
	Value  string // empty in lists when Secret
	Secret bool
}

// The answers of a Provisioner that are not failures to be tried again.
var (
	ErrPending = errors.New("delivery: the vendor is still working")
	ErrRefused = errors.New("delivery: the vendor refuses for good")
)

// Attempt is one line of the delivery log. The bodies have their secrets and the
// buyer's data masked, and are empty for readers who may not see them.
type Attempt struct {
	ID        string
	Delivery  ID
	Number    int64
	Dialect   string
	Action    Action
	At        time.Time
	Duration  time.Duration
	Status    int64
	RequestID string
	Outcome   string // delivered, pending, refused, failed
	Error     string // a code or a short technical text without personal data
	Request   string
	Response  string
}

// Receipt is one event of the hand-over: what the vendor or the buyer did, when.
type Receipt struct {
	Delivery ID
	Event    string // provided, slip, downloaded, revealed, confirmed
	At       time.Time
	By       string // user, or the name of the job
	SHA256   string // of what was handed over, where there is something to hash
}

// Slip is what a vendor's person states about work that was done.
type Slip struct {
	Text string
}
