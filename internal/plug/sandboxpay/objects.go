package sandboxpay

import "time"

// PaymentStatus is the state of a payment at the provider.
//
//	created -> processing -> captured
//	created -> failed | closed
//
// captured is final. A payment that failed or was closed can still be captured
// by the test control, as happens with real providers when a bank is late.
type PaymentStatus string

// The payment states.
const (
	PaymentCreated    PaymentStatus = "created"
	PaymentProcessing PaymentStatus = "processing"
	PaymentCaptured   PaymentStatus = "captured"
	PaymentFailed     PaymentStatus = "failed"
	PaymentClosed     PaymentStatus = "closed"
)

// RefundStatus is the state of a refund: submitted -> succeeded | failed, and,
// when the receiving bank sends the money back, succeeded -> failed.
type RefundStatus string

// The refund states.
const (
	RefundSubmitted RefundStatus = "submitted"
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
)

// Payment is one payment at the provider. Amounts are minor units of Currency.
type Payment struct {
	ID string `json:"id"`
	// Reference is the merchant platform's own id ("our_id"), unique for ever.
	Reference   string        `json:"reference"`
	Status      PaymentStatus `json:"status"`
	Reason      string        `json:"reason,omitempty"` // why it failed or closed
	Amount      int64         `json:"amount"`
	Currency    string        `json:"currency"`
	Description string        `json:"description"`
	Payee       string        `json:"payee"` // merchant account that receives the money
	PayeeName   string        `json:"payee_name"`
	Collector   string        `json:"collector"` // who collects on the payee's behalf
	ReturnURL   string        `json:"return_url"`
	Locale      string        `json:"locale,omitempty"`
	PayURL      string        `json:"pay_url"`
	Captured    int64         `json:"captured"`
	CaptureID   string        `json:"capture_id,omitempty"`
	Fee         int64         `json:"fee"`
	Refunded    int64         `json:"refunded"` // submitted and succeeded refunds
	CreatedAt   time.Time     `json:"created_at"`
	ExpiresAt   time.Time     `json:"expires_at,omitzero"`
	CapturedAt  time.Time     `json:"captured_at,omitzero"`
	Mode        string        `json:"mode"` // always "sandbox"
	Seq         int64         `json:"-"`    // journal entry of the last change
}

// Refund is one refund of a captured payment.
type Refund struct {
	ID        string       `json:"id"`
	Reference string       `json:"reference"`
	Payment   string       `json:"payment"`
	Status    RefundStatus `json:"status"`
	Amount    int64        `json:"amount"`
	Currency  string       `json:"currency"`
	Reason    string       `json:"reason,omitempty"`
	Failure   string       `json:"failure,omitempty"`
	CreatedAt time.Time    `json:"created_at"`
	EndedAt   time.Time    `json:"ended_at,omitzero"`
	Mode      string       `json:"mode"`
	Seq       int64        `json:"-"`
}

// Merchant is a receiving account, opened for one vendor.
type Merchant struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"` // the platform's id of the vendor, unique
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// Notification is the signed message sent when a payment or refund changes. It
// is a hint: the receiver reads the object through the API before it acts.
type Notification struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"` // "payment.captured", "refund.failed", …
	CreatedAt time.Time `json:"created_at"`
	Mode      string    `json:"mode"`
	Payment   *Payment  `json:"payment,omitempty"`
	Refund    *Refund   `json:"refund,omitempty"`
}

// DailyReport lists one calendar day of China time, for reconciliation.
type DailyReport struct {
	Date     string       `json:"date"`
	Captured []ReportLine `json:"captured"`
	Refunded []ReportLine `json:"refunded"`
	Totals   []DailyTotal `json:"totals"`
}

// ReportLine is one movement of money.
type ReportLine struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	Payment   string    `json:"payment"`
	Payee     string    `json:"payee"`
	Amount    int64     `json:"amount"`
	Fee       int64     `json:"fee"`
	Currency  string    `json:"currency"`
	At        time.Time `json:"at"`
}

// DailyTotal sums the lines of one payee and currency.
type DailyTotal struct {
	Payee    string `json:"payee"`
	Currency string `json:"currency"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Fee      int64  `json:"fee"`
}

const sandboxMode = "sandbox"
