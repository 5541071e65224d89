// Package invoice is the proof for the buyer's books: e-invoices (fapiao) that
// vendors issue to buyers, their red letters, and the operator's own invoices to
// vendors for what the market charges them.
//
//	requested → vendor_confirmed → issuing → issued → delivered
//	requested → withdrawn | rejected
//	issued, delivered → red_pending → red_issued (or back, when it came to nothing)
//
// The seller invoices, nobody for him: a request goes to the vendor, and an
// invoice is issued here by the file that the tax administration gave the vendor.
// Number, amounts and parties are read from that file and compared with what was
// asked; nobody types them. The operator watches the time limit and can do
// nothing else.
//
// A red letter takes an invoice back, in whole or in part. Both sides agree on a
// confirmation form at the tax administration within 72 hours; its states are the
// administration's own two digits. A refund of what was invoiced waits for it.
//
// Owns: buyers' titles, requests, invoices and their files, red letters, what may
// still be invoiced of an order, the operator's own invoices and their numbers.
// Does not own: what was paid and sent back (its caller says, see [Invoiceable]),
// the bytes of files (base/blob), the refund that waits (package refund).
//
// Always true:
//   - What is invoiced or asked for never exceeds what was paid and not given
//     back, by the database, in whatever order requests and refunds come.
//   - Only people of the vendor issue. No role of the operator does.
//   - Title data and files are sealed at rest; a notice or a record holds none.
//   - Numbers of the operator's invoices run without gap within a year.
package invoice

import (
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/vendor"
)

// ID names a request: "inv_…".
type ID string

// DocID names an invoice, blue or red: "fap_…".
type DocID string

// RedID names a red letter: "red_…".
type RedID string

// TitleID names a saved title: "ttl_…".
type TitleID string

// OperatorID names an invoice of the operator to a vendor: "opi_…".
type OperatorID string

// State is where a request stands.
type State string

// The states of a request.
const (
	Requested  State = "requested"
	Confirmed  State = "vendor_confirmed"
	Issuing    State = "issuing" // a view of the invoice is here, its source is not
	Issued     State = "issued"
	Delivered  State = "delivered" // the buyer has taken a file
	Withdrawn  State = "withdrawn"
	Rejected   State = "rejected"
	RedPending State = "red_pending"
	RedIssued  State = "red_issued"
)

// Open reports whether the vendor still owes an invoice or an answer.
func (s State) Open() bool { return s == Requested || s == Confirmed || s == Issuing }

// HasInvoice reports whether there is an invoice.
func (s State) HasInvoice() bool {
	return s == Issued || s == Delivered || s == RedPending || s == RedIssued
}

// Kind is what sort of invoice is asked for.
type Kind string

// The kinds: an ordinary invoice is for everybody, a special one lets a general
// taxpayer deduct the tax.
const (
	Ordinary Kind = "ordinary"
	Special  Kind = "special"
)

// TitleKind says whom an invoice is made out to.
type TitleKind string

// The kinds of title.
const (
	Individual TitleKind = "individual"
	Company    TitleKind = "company"
)

// Buyer is whom an invoice is made out to, and where it goes. It is personal
// data when the buyer is a person, so it has no form for logs.
type Buyer struct {
	Kind        TitleKind `json:"kind"`
	Name        string    `json:"name"`
	TaxID       string    `json:"tax_id,omitempty"` // unified social credit code of a company
	Address     string    `json:"address,omitempty"`
	Phone       string    `json:"phone,omitempty"`
	Bank        string    `json:"bank,omitempty"`
	BankAccount string    `json:"bank_account,omitempty"`
	Email       string    `json:"email,omitempty"` // to send the invoice to, besides the notice
}

// String hides the buyer from logs and errors.
func (b Buyer) String() string { return "invoice.Buyer(hidden)" }

// GoString keeps %#v from printing it.
func (b Buyer) GoString() string { return b.String() }

// Title is a buyer that an account has saved.
type Title struct {
	ID        TitleID
	Account   account.ID
	Buyer     Buyer `json:"-"`
	CreatedAt time.Time
}

// AuditSubject names the title in records.
func (t Title) AuditSubject() string { return string(t.ID) }

// Invoiceable is an order as this package needs to know it. Whoever owns orders
// makes it in the transaction that uses it.
type Invoiceable struct {
	Order    string
	Line     string
	Account  account.ID
	Vendor   vendor.ID
	Paid     money.Amount
	Refunded money.Amount // sent back, or on the way
	Ready    bool         // delivered: until then the money may still go back by itself
}

// Ask is what a buyer asks for.
type Ask struct {
	Kind   Kind
	Amount money.Amount
	Title  TitleID // a saved title; else Buyer
	Buyer  Buyer   `json:"-"`
	From   string  // who shall invoice: empty or "vendor"; anything else is refused
}

// Clock says how the time to issue was counted.
type Clock string

// The ways to count: working days by the published calendar, or, where the
// calendar of a year on the way is not published, the natural days that the
// rulebook states in their place.
const (
	WorkingDays Clock = "working_days"
	NaturalDays Clock = "natural_days"
)

// Request is one request for an invoice with what has become of it.
type Request struct {
	ID          ID
	Order       string
	Line        string
	Account     account.ID
	Vendor      vendor.ID
	Kind        Kind
	Buyer       Buyer `json:"-"`
	Amount      money.Amount
	State       State
	Reason      string // of a rejection, in the vendor's words
	Clock       Clock
	DueAt       time.Time
	OverdueAt   time.Time // zero: in time so far
	RequestedAt time.Time
	ConfirmedAt time.Time
	IssuedAt    time.Time // recorded here
	DeliveredAt time.Time
	EndedAt     time.Time
}

// AuditSubject names the request in records.
func (r Request) AuditSubject() string { return string(r.ID) }

// Colour tells an invoice from one that takes it back.
type Colour string

// The colours.
const (
	Blue Colour = "blue"
	Red  Colour = "red"
)

// Invoice is an e-invoice as its file says.
type Invoice struct {
	ID          DocID
	Request     ID
	Colour      Colour
	Number      string // 20 digits
	Kind        Kind
	Net         money.Amount
	Tax         money.Amount
	Total       money.Amount
	Reddened    money.Amount // of a blue one: taken back by red ones
	Document    Document     `json:"-"`
	IssuedAt    time.Time    // by the tax administration
	RecordedAt  time.Time
	RetainUntil time.Time // not to be removed before
}

// FileKind is a form of an invoice.
type FileKind string

// The forms: XML is the source, OFD and PDF are views of it.
const (
	XML FileKind = "xml"
	OFD FileKind = "ofd"
	PDF FileKind = "pdf"
)

// File is a stored form of an invoice. SHA256 and Size are those of the file the
// vendor uploaded; what the store holds under Blob is sealed.
type File struct {
	Request ID
	Colour  Colour
	Kind    FileKind
	Number  int64 // counts the uploads of one form; the newest is shown
	SHA256  string
	Size    int64
	Blob    string
	AddedAt time.Time
}

// Reason is why an invoice is taken back, as the tax administration numbers it.
type Reason string

// The reasons.
const (
	IssuedWrongly  Reason = "01"
	GoodsReturned  Reason = "02"
	ServiceStopped Reason = "03"
	Allowance      Reason = "04"
)

// RedState is the state of a confirmation form, as the tax administration
// numbers it; Asked comes before there is a form.
type RedState string

// The states of a red letter.
const (
	Asked           RedState = "asked"
	NoneNeeded      RedState = "01" // needs no confirmation
	AwaitsBuyer     RedState = "02" // entered by the seller
	AwaitsSeller    RedState = "03" // entered by the buyer
	BothConfirmed   RedState = "04"
	RefusedByBuyer  RedState = "05" // of a form the seller entered
	RefusedBySeller RedState = "06" // of a form the buyer entered
	Lapsed          RedState = "07" // not confirmed within 72 hours
	TakenBack       RedState = "08" // by whoever entered it
	TakenBackLate   RedState = "09" // after it was confirmed
	Void10          RedState = "10" // 10 to 13: made void by the administration
	Void11          RedState = "11"
	Void12          RedState = "12"
	Void13          RedState = "13"
)

// Agreed reports whether the red invoice may be issued, and so whether a refund
// need not wait any more.
func (s RedState) Agreed() bool { return s == NoneNeeded || s == BothConfirmed }

// Waiting reports whether one side still has to answer a form.
func (s RedState) Waiting() bool { return s == AwaitsBuyer || s == AwaitsSeller }

// RedLetter takes an invoice back, in whole or in part.
type RedLetter struct {
	ID           RedID
	Request      ID
	Blue         DocID
	Order        string
	Reason       Reason
	Amount       money.Amount // above zero
	State        RedState
	EnteredBy    string // "seller", "buyer", or "" before there is a form
	Confirmation string // number of the form, 20 digits; never an invoice number
	ExpiresAt    time.Time
	AskedAt      time.Time
	EnteredAt    time.Time
	EndedAt      time.Time
	Invoice      DocID // the red invoice
}

// AuditSubject names the red letter in records.
func (l RedLetter) AuditSubject() string { return string(l.ID) }

// Standing is what stands between an order and a refund.
type Standing struct {
	Pending  []ID         // requests the vendor has not issued yet
	Invoiced money.Amount // issued and not agreed to be taken back
	Red      []RedID      // red letters on their way
}

// Any reports whether anything stands in the way.
func (s Standing) Any() bool { return len(s.Pending) > 0 || !s.Invoiced.IsZero() || len(s.Red) > 0 }

// Tally is how a vendor answers requests for invoices.
type Tally struct {
	Requests     int64
	IssuedInTime int64
	IssuedLate   int64
	Open         int64
	OverdueOpen  int64
	Rejected     int64
	Withdrawn    int64
}

// OperatorLine is one thing the operator charges a vendor. Amount includes the
// tax of Rate basis points.
type OperatorLine struct {
	What   string       `json:"what"` // commission, platform_fee
	Amount money.Amount `json:"amount"`
	Rate   int64        `json:"rate_bp"`
	Net    money.Amount `json:"net"`
	Tax    money.Amount `json:"tax"`
	Facts  string       `json:"facts"` // what it stands on, such as the id of a statement
}

// OperatorInvoice is what the operator bills a vendor for a month.
type OperatorInvoice struct {
	ID         OperatorID
	Vendor     vendor.ID
	Period     string // "2026-11"
	Year       int64
	Number     int64 // 0 until it was given
	Net        money.Amount
	Tax        money.Amount
	Total      money.Amount
	Lines      []OperatorLine
	Source     string // what was billed; billed once a vendor
	Seller     string // registered name of the operator
	IssuedAt   time.Time
	NumberedAt time.Time
}

// AuditSubject names the invoice in records.
func (o OperatorInvoice) AuditSubject() string { return string(o.ID) }
