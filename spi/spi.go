// Package spi is the public contract between a Yunshi marketplace and the
// systems of its vendors. A vendor imports it to receive deliveries, to verify
// that they are genuine, and to check licence keys without a network.
//
// It holds three independent parts:
//
//   - The native delivery protocol: one JSON POST per call ([Request],
//     [Response], [Refusal]), signed with the three headers of the Standard
//     Webhooks specification ([Sign], [Verify], [Receiver]).
//   - The delivery dialect of the Tencent Cloud marketplace, so that a vendor
//     already integrated there changes only an address ([VerifyTencent],
//     [TencentReceiver] and the Tencent types).
//   - Licence keys: signed claims about one entitlement that a product verifies
//     offline ([IssueLicense], [VerifyLicense], [LicenseMemory]).
//
// # The native protocol
//
// The marketplace posts a Request and waits at most 15 seconds.
//
//	status        meaning                                  marketplace does
//	2xx           Response; "active" ends the action        stores the receipt
//	2xx           Response; "pending"                       sends the same request again later
//	400 409 422   Refusal; the vendor can never do this     stops; the order is refunded
//	410           the endpoint is gone                      stops using the address
//	anything else the vendor could not answer now           repeats with growing pauses
//
// Every repetition carries the same id, action and order, with a new timestamp.
// A vendor must therefore act once per order: the second "create" of an order
// answers with the instance of the first.
//
// What is always true: nothing is accepted before its signature has been
// checked in constant time over the raw bytes; a message outside the tolerated
// age is refused even when its signature is right; no function here reads the
// clock, draws random numbers or opens a connection by itself.
//
// The package imports the standard library and go-jose only.
package spi

import (
	"errors"
	"fmt"
	"time"
)

// Action says what the marketplace asks of the vendor.
type Action string

// The actions of the native protocol.
const (
	// ActionVerify proves that the address and the secret work. Nothing is made;
	// the answer repeats the request id in Echo.
	ActionVerify Action = "verify"
	// ActionCreate makes the instance that an order paid for.
	ActionCreate Action = "create"
	// ActionRenew moves the end of an instance to ExpiresAt.
	ActionRenew Action = "renew"
	// ActionExpire isolates an instance: access stops, data stay.
	ActionExpire Action = "expire"
	// ActionDestroy removes an instance and its data for good.
	ActionDestroy Action = "destroy"
)

// TermUnit is the calendar unit of a term.
type TermUnit string

// The units a term can be counted in. Months and years are natural ones.
const (
	UnitHour     TermUnit = "hour"
	UnitDay      TermUnit = "day"
	UnitMonth    TermUnit = "month"
	UnitYear     TermUnit = "year"
	UnitTimes    TermUnit = "times"
	UnitLifetime TermUnit = "lifetime"
)

// Term is the length that was bought, for example one year.
type Term struct {
	Unit  TermUnit `json:"unit"`
	Count int64    `json:"count"`
}

// Request is one call of the marketplace to a vendor.
type Request struct {
	// ID names the call; it equals the webhook-id header and stays the same when
	// the call is repeated.
	ID     string `json:"id"`
	Action Action `json:"action"`
	// OrderID is the order that caused the call. Act once per action and order.
	OrderID string `json:"order_id,omitempty"`
	// EntitlementID is the right of use that the instance serves; it outlives
	// single orders (a renewal is a new order on the same entitlement).
	EntitlementID string `json:"entitlement_id,omitempty"`
	// InstanceID is the vendor's own id, given back for every action after create.
	InstanceID string `json:"instance_id,omitempty"`
	// OpenID is a pseudonym of the customer, different for each vendor. It is
	// never the account id of the marketplace.
	OpenID      string `json:"open_id,omitempty"`
	ProductSlug string `json:"product_slug,omitempty"`
	PlanCode    string `json:"plan_code,omitempty"`
	Quantity    int64  `json:"quantity,omitempty"`
	Term        Term   `json:"term,omitzero"`
	// ExpiresAt is the exclusive end of the right of use; zero means without end.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Test marks calls that no customer paid for, made by the vendor's own console.
	Test bool `json:"test"`
	// Fields carries what the product's requirement form asked of the customer.
	Fields map[string]string `json:"fields,omitempty"`
}

// Status says whether an action is finished.
type Status string

// The statuses of a Response.
const (
	StatusActive  Status = "active"
	StatusPending Status = "pending"
)

// Response is the vendor's answer with a 2xx status.
type Response struct {
	// InstanceID is the vendor's id of the instance, at most 64 characters.
	// It may be empty while Status is pending.
	InstanceID string `json:"instance_id,omitempty"`
	Status     Status `json:"status"`
	App        *App   `json:"app,omitempty"`
	// Notes are shown to the customer as plain text, at most 2000 characters.
	Notes string `json:"notes,omitempty"`
	// Echo repeats Request.ID in the answer to a verify call.
	Echo string `json:"echo,omitempty"`
}

// App tells the customer how to reach what was bought.
type App struct {
	Website     string       `json:"website,omitempty"`
	AdminURL    string       `json:"admin_url,omitempty"`
	Credentials []Credential `json:"credentials,omitempty"`
}

// Credential is one named value the customer needs. A secret one is stored
// encrypted and revealed on demand only.
type Credential struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Secret bool   `json:"secret"`
}

// Refusal is the body of a final "no" (400, 409 or 422).
type Refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error lets a Refusal travel as an error.
func (r Refusal) Error() string { return "spi: refused by the vendor: " + r.Code }

// Limits of a Response.
const (
	MaxInstanceID  = 64
	MaxNotes       = 2000
	MaxCredentials = 20
	MaxBody        = 64 << 10
)

// ErrMalformed reports a message that is not of the protocol's shape.
var ErrMalformed = errors.New("spi: malformed message")

// Check reports whether the request is complete for its action.
// The error wraps ErrMalformed.
func (r Request) Check() error {
	if r.ID == "" {
		return fmt.Errorf("%w: no id", ErrMalformed)
	}
	switch r.Action {
	case ActionVerify:
		return nil
	case ActionCreate:
	case ActionRenew, ActionExpire, ActionDestroy:
		if r.InstanceID == "" {
			return fmt.Errorf("%w: %s without instance_id", ErrMalformed, r.Action)
		}
	default:
		return fmt.Errorf("%w: unknown action %q", ErrMalformed, r.Action)
	}
	if r.OrderID == "" || r.EntitlementID == "" || r.OpenID == "" || r.ProductSlug == "" || r.PlanCode == "" {
		return fmt.Errorf("%w: %s without order, entitlement, customer, product or plan", ErrMalformed, r.Action)
	}
	if r.Quantity < 1 {
		return fmt.Errorf("%w: quantity %d", ErrMalformed, r.Quantity)
	}
	return nil
}

// Check reports whether the response is a valid answer to the request.
// The error wraps ErrMalformed.
func (r Response) Check(to Request) error {
	switch r.Status {
	case StatusActive, StatusPending:
	default:
		return fmt.Errorf("%w: status %q", ErrMalformed, r.Status)
	}
	if to.Action == ActionVerify {
		if r.Echo != to.ID {
			return fmt.Errorf("%w: verify answered without the request id", ErrMalformed)
		}
		return nil
	}
	if r.Status == StatusActive && r.InstanceID == "" {
		return fmt.Errorf("%w: active without instance_id", ErrMalformed)
	}
	if to.InstanceID != "" && r.InstanceID != "" && r.InstanceID != to.InstanceID {
		return fmt.Errorf("%w: answer names another instance", ErrMalformed)
	}
	if len(r.InstanceID) > MaxInstanceID || len(r.Notes) > MaxNotes {
		return fmt.Errorf("%w: instance_id or notes too long", ErrMalformed)
	}
	if r.App != nil && len(r.App.Credentials) > MaxCredentials {
		return fmt.Errorf("%w: more than %d credentials", ErrMalformed, MaxCredentials)
	}
	return nil
}
