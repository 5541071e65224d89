// Package entitlement is the right to use a product that was bought: whose it is,
// until when, and whether it may be used now.
//
//	pending -> active -> expired -> destroyed
//	active <-> suspended
//	suspended -> expired
//	pending, active, suspended, expired -> refunded
//	pending, active, suspended, expired -> prohibited
//
// A right is granted in the transaction in which the payment succeeded, to the
// account that was chosen then, and stays with that account: there is no way to
// move, give or merge it, for nobody. All users of the account are the account.
//
// Owns: grants, their account, their term and their state. Does not own: how the
// product reaches the account (package delivery), what was paid (package order),
// whether the product is barred (package catalog).
//
// Always true: one right an order line; its account is held by a foreign key to a
// row that can neither change nor go, so no statement moves it; a right ends at
// the moment its term says, also when the job that marks it comes late.
package entitlement

import (
	"time"

	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// ID names an entitlement: "ent_…".
type ID string

// State is where an entitlement stands.
type State string

// The states of an entitlement.
const (
	Pending    State = "pending" // paid, not delivered yet
	Active     State = "active"
	Suspended  State = "suspended"
	Expired    State = "expired" // isolated: no use, data still kept by the vendor
	Destroyed  State = "destroyed"
	Refunded   State = "refunded"
	Prohibited State = "prohibited"
)

// New is a right to be granted. Line names the order line that paid for it; Plan
// and Version are what was bought; Term is the length of it.
type New struct {
	Order    string
	Line     string
	Account  account.ID
	Product  catalog.ProductID
	Version  string
	Plan     string
	Vendor   vendor.ID
	Quantity int64
	Term     catalog.Term
	Name     string // of the product and plan, as the order froze it
}

// Entitlement is a right to use a product.
type Entitlement struct {
	ID ID
	New
	State     State
	GrantedAt time.Time
	StartsAt  time.Time // when it was first delivered; zero before
	EndsAt    time.Time // exclusive; zero: without end, or not delivered yet
	EndedAt   time.Time // when it expired, was refunded or barred; zero before
}

// AuditSubject names the entitlement in records.
func (e Entitlement) AuditSubject() string { return string(e.ID) }
