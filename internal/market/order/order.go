// Package order is one purchase: what was agreed, for which account, for how
// much, and what became of it.
//
//	awaiting_payment → provisioning → delivered → completed
//	awaiting_payment → expired | cancelled            (nobody paid)
//	provisioning → refunding → refunded               (the vendor could not deliver)
//
// The contract is between the account and the vendor. An order freezes the terms
// sheet, price, seller and refund rule as they were shown, with a hash, so that
// what a page or a refund shows later is what was agreed and not what is listed
// today.
//
// Owns: orders, their lines and frozen terms; what a capture sets in motion.
// Does not own: the price and terms of an offer (catalog), what its vendor takes
// off (promotion), the provider's truth (payment), the book (ledger), the right to use (entitlement).
//
// Always true:
//   - An order becomes paid only by a capture that payment has read from the
//     provider; there is no other way, for nobody.
//   - Money that was captured is never refused: if the order is gone, the money
//     goes back; a rule about new orders cannot stop it.
//   - In one transaction with the capture: order paid, money booked as held for
//     the vendor, right granted to the chosen account, delivery begun.
//   - list − discount − voucher = paid = net + tax, to the fen, by the database.
package order

import (
	"encoding/json"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/commission"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/vendor"
)

// ID is "ord_…".
type ID string

// LineID is "lin_…".
type LineID string

// State is where an order stands.
type State string

// The states of an order.
const (
	AwaitingPayment State = "awaiting_payment"
	Provisioning    State = "provisioning" // paid; the vendor is delivering
	Delivered       State = "delivered"
	Completed       State = "completed"
	Cancelled       State = "cancelled"
	Expired         State = "expired"
	Refunding       State = "refunding"
	Refunded        State = "refunded"
)

// Paid reports whether money was kept for the order at some time.
func (s State) Paid() bool {
	switch s {
	case AwaitingPayment, Cancelled, Expired:
		return false
	}
	return true
}

// Fee is what a purchase costs; only a product's price is called a fee. All
// parts are in one currency and add up.
type Fee struct {
	List     money.Amount `json:"list"`
	Discount money.Amount `json:"discount"`
	Voucher  money.Amount `json:"voucher"`
	Paid     money.Amount `json:"paid"`
	Net      money.Amount `json:"net"`
	Tax      money.Amount `json:"tax"`
}

// RefundRule is how money comes back, frozen with the order. Until is the last
// moment of a full refund; it is zero before payment and where no window runs.
type RefundRule struct {
	Kind   string       `json:"kind"`  // as in catalog.RefundPolicy
	Class  string       `json:"class"` // five_day, until_acceptance or none, for platform rules
	Days   int          `json:"days"`
	Text   catalog.Both `json:"text"`
	Clause string       `json:"clause"`
	Until  time.Time    `json:"-"`
}

// Snapshot is what was agreed, as it is stored and hashed.
type Snapshot struct {
	Sheet           json.RawMessage   `json:"terms_sheet"` // the exact text that was shown
	SheetSHA256     string            `json:"terms_sha256"`
	Product         catalog.ProductID `json:"product"`
	Slug            string            `json:"slug"`
	Version         catalog.VersionID `json:"version"`
	Plan            catalog.PlanID    `json:"plan"`
	PlanCode        string            `json:"plan_code"`
	Quantity        int64             `json:"quantity"`
	Fee             Fee               `json:"fee"`
	Off             promotion.Off     `json:"off,omitzero"` // what the vendor took off, on which terms
	Refund          RefundRule        `json:"refund"`
	Seller          vendor.SellerCard `json:"seller"`
	Collector       string            `json:"collector"`
	AgreementBundle string            `json:"agreement_bundle"`
	Licence         Licence           `json:"licence,omitzero"`
	Account         account.ID        `json:"account"`
	ShownAt         time.Time         `json:"shown_at"`
}

// Order is one purchase.
type Order struct {
	ID          ID
	Line        LineID
	Account     account.ID // that the product is for; it never changes
	Buyer       account.UserID
	Vendor      vendor.ID
	Product     catalog.ProductID
	Version     catalog.VersionID
	Plan        catalog.PlanID
	Quantity    int64
	State       State
	Reason      string // why it ended, as a code
	Gateway     string
	Attempt     payment.AttemptID
	Fee         Fee
	Commission  commission.Terms // the operator's, frozen; the buyer does not see it
	TaxBy       TaxBy
	Snapshot    Snapshot
	SHA256      string // of the stored snapshot
	Business    bool   // declared as a purchase for business
	PlacedAt    time.Time
	ExpiresAt   time.Time
	PaidAt      time.Time
	DeliveredAt time.Time
	EndedAt     time.Time
}

// AuditSubject names the order in records.
func (o Order) AuditSubject() string { return string(o.ID) }

// Content is the frozen terms sheet.
func (o Order) Content() (catalog.Content, error) {
	var c catalog.Content
	err := json.Unmarshal(o.Snapshot.Sheet, &c)
	return c, err
}

// Term is the frozen term of the plan that was bought.
func (o Order) Term() (catalog.Term, error) {
	c, err := o.Content()
	if err != nil {
		return catalog.Term{}, err
	}
	p, err := planOf(c, o.Snapshot.PlanCode)
	return p.Term, err
}

// Refund is the frozen refund rule with its last moment, once paid.
func (o Order) Refund() RefundRule { return o.Snapshot.Refund.from(o.PaidAt) }

// TaxBy says who owes the tax in the price to the tax office.
type TaxBy string

// The vendor, who invoices the whole price to the customer, or the operator,
// where it collects tax for vendors.
const (
	TaxByVendor   TaxBy = "vendor"
	TaxByOperator TaxBy = "operator"
)

// held is what the book holds for the vendor and for the tax office.
func (o Order) held() (net, tax money.Amount) {
	if o.TaxBy == TaxByVendor {
		return o.Fee.Paid, money.Zero(o.Fee.Paid.Currency)
	}
	return o.Fee.Net, o.Fee.Tax
}

// Purchase is what a customer asks for at checkout.
type Purchase struct {
	Plan          catalog.PlanID
	Quantity      int64
	For           account.ID // the account that will own it, chosen explicitly
	TermsSHA256   string     // hash of the terms sheet that was shown
	ExpectedTotal money.Amount
	Voucher       string // code that was typed; empty for none
	Gateway       string
	Business      bool
	AcceptTerms   bool   // the product's terms sheet and licence
	Collector     string // registered name of the operator
}

// Receipt is the proof of a payment: the vendor is the payee, the operator only
// collected.
type Receipt struct {
	Order     Order
	Payee     vendor.SellerCard
	Collector string
	Attempt   payment.Attempt
	Right     entitlement.Entitlement
}
