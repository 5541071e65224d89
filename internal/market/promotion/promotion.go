// Package promotion is what vendors take off their own prices: discounts on a
// plan for a while, and vouchers, which are codes that a customer types at
// checkout.
//
//	discount: announced → running → over (at its end, or ended early)
//	voucher:  unused → reserved by an order → used; back to unused when the order
//	          was never paid
//
// Only a vendor gives anything, out of its own price. The operator has no function
// here: not for its own money, and not for a vendor's.
//
// The terms of a discount or of a batch of vouchers are never changed. A vendor
// ends one early and announces the next, so that the hash that was shown at
// checkout and frozen with an order names one text for ever. They are not part of
// the terms sheet, which an officer reviews and which would have to be reviewed
// again for every sale.
//
// For each plan a vendor may state its lowest price. Discount and voucher together
// never go below it; an order that would is refused, whatever its client sends.
//
// A voucher that an order has reserved comes back when nobody pays the order. It
// stays used after a refund: what goes back is what was paid, and a code that came
// back too could be turned into one purchase after the other.
//
// Owns: discounts, batches, codes, who used which code for what, lowest prices. Does
// not own: list prices (catalog), the fee of an order and its parts (order).
//
// Always true:
//   - A code is never stored, only its keyed hash and its last characters.
//   - A code is never used more often than its batch says, by the database.
//   - An account uses a code once, by the database.
//   - What is taken off is never negative and never more than there is.
package promotion

import (
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// DiscountID names a discount: "dsc_…".
type DiscountID string

// BatchID names a batch of vouchers: "vch_…".
type BatchID string

// Discount is a lower price of one plan for a while. Either Points or Price says
// how low: basis points off the list price, or a price.
type Discount struct {
	DiscountTerms
	SHA256  string            `json:"sha256"` // of the terms
	ID      DiscountID        `json:"id"`
	Vendor  vendor.ID         `json:"-"`
	EndsAt  time.Time         `json:"-"` // Until, or earlier when the vendor ended it
	MadeAt  time.Time         `json:"-"`
	Product catalog.ProductID `json:"-"`
}

// DiscountTerms are the part that is hashed.
type DiscountTerms struct {
	Plan   catalog.PlanID `json:"plan"`
	Number int64          `json:"number"` // the plan's first discount is 1
	Points int64          `json:"bp,omitempty"`
	Price  money.Amount   `json:"price,omitzero"` // for one
	From   time.Time      `json:"from"`
	Until  time.Time      `json:"until"`
}

// Over reports whether the discount has ended or was ended.
func (d Discount) Over(now time.Time) bool { return !now.Before(d.EndsAt) }

// NewDiscount is what a vendor announces. The zero From is now.
type NewDiscount struct {
	Plan   catalog.PlanID
	Points int64
	Price  money.Amount
	From   time.Time
	Until  time.Time
}

// Batch is vouchers that were made together and are worth the same. Either Points
// or Amount says how much.
type Batch struct {
	BatchTerms
	SHA256 string    `json:"sha256"` // of the terms
	ID     BatchID   `json:"id"`
	Vendor vendor.ID `json:"-"`
	Codes  int64     `json:"-"` // how many were made
	Used   int64     `json:"-"` // by orders that wait for payment or were paid
	EndsAt time.Time `json:"-"` // Until, or earlier when the vendor ended it
	MadeAt time.Time `json:"-"`
}

// BatchTerms are the part that is hashed.
type BatchTerms struct {
	Product catalog.ProductID `json:"product"`
	Plan    catalog.PlanID    `json:"plan,omitempty"` // empty: every plan of the product
	Points  int64             `json:"bp,omitempty"`
	Amount  money.Amount      `json:"amount,omitzero"`
	Minimum money.Amount      `json:"minimum"` // of what is to be paid without the voucher
	Until   time.Time         `json:"until"`
	Uses    int64             `json:"uses"`               // of each code, once per account
	OnlyFor string            `json:"only_for,omitempty"` // the vendor's pseudonym of one customer
}

// Over reports whether the vouchers cannot be used any more.
func (b Batch) Over(now time.Time) bool { return !now.Before(b.EndsAt) }

// NewBatch is what a vendor makes: so many codes on these terms.
type NewBatch struct {
	BatchTerms
	Codes int64
}

// Voucher is one code of a batch, known by its last characters.
type Voucher struct {
	Batch
	Tail string `json:"tail"`
	hash string
}

// Floor is the lowest price of one of a plan, as its vendor stated it.
type Floor struct {
	Plan     catalog.PlanID
	Price    money.Amount
	StatedAt time.Time
}

// Off is what a vendor takes off a purchase, as it is frozen with the order.
type Off struct {
	Discount *Discount    `json:"discount,omitempty"`
	Voucher  *Voucher     `json:"voucher,omitempty"`
	Floor    money.Amount `json:"floor,omitzero"` // for one; zero when none is stated
}
