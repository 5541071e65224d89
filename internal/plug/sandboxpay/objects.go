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
	Shared      int64         `json:"shared"`   // given to the collector, or on its way
	Returned    int64         `json:"returned"` // of Shared, taken back, or on its way
	Finished    bool          `json:"finished"` // the rest is the payee's to draw
	Disputed    int64         `json:"disputed"` // taken back by the payer's bank, or held
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
	PaidAt    time.Time    `json:"paid_at,omitzero"`  // when it succeeded, also if it failed after that
	EndedAt   time.Time    `json:"ended_at,omitzero"` // last ended
	Mode      string       `json:"mode"`
	Seq       int64        `json:"-"`
}

// MoveStatus is the state of a split, a return or a payout:
// processing -> done | failed, and of a payout also done -> returned.
type MoveStatus string

// The states of a movement.
const (
	MoveProcessing MoveStatus = "processing"
	MoveDone       MoveStatus = "done"
	MoveFailed     MoveStatus = "failed"
	MoveReturned   MoveStatus = "returned"
)

// Split gives the collector its share of a captured payment.
type Split struct {
	ID          string     `json:"id"`
	Reference   string     `json:"reference"`
	Payment     string     `json:"payment"`
	Status      MoveStatus `json:"status"`
	Share       int64      `json:"share"`
	Finish      bool       `json:"finish"` // nothing is split after it
	Returned    int64      `json:"returned"`
	Currency    string     `json:"currency"`
	Description string     `json:"description,omitempty"`
	Failure     string     `json:"failure,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	EndedAt     time.Time  `json:"ended_at,omitzero"`
	Mode        string     `json:"mode"`
}

// Return takes a part of a share back to the payment it came from.
type Return struct {
	ID        string     `json:"id"`
	Reference string     `json:"reference"`
	Split     string     `json:"split"`
	Payment   string     `json:"payment"`
	Status    MoveStatus `json:"status"`
	Amount    int64      `json:"amount"`
	Currency  string     `json:"currency"`
	Failure   string     `json:"failure,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	EndedAt   time.Time  `json:"ended_at,omitzero"`
	Mode      string     `json:"mode"`
}

// Payout sends free money of a payee to its bank account.
type Payout struct {
	ID        string     `json:"id"`
	Reference string     `json:"reference"`
	Payee     string     `json:"payee"`
	PayeeName string     `json:"payee_name"`
	Status    MoveStatus `json:"status"`
	Amount    int64      `json:"amount"`
	Fee       int64      `json:"fee"` // kept by the bank that sent it back
	Currency  string     `json:"currency"`
	Failure   string     `json:"failure,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	EndedAt   time.Time  `json:"ended_at,omitzero"` // last ended: paid, failed or returned
	PaidAt    time.Time  `json:"paid_at,omitzero"`
	Mode      string     `json:"mode"`
}

// DisputeStatus is the state of a dispute: open -> submitted -> won | lost, and
// won -> open in the next round.
type DisputeStatus string

// The states of a dispute.
const (
	DisputeOpen      DisputeStatus = "open"
	DisputeSubmitted DisputeStatus = "submitted"
	DisputeWon       DisputeStatus = "won"
	DisputeLost      DisputeStatus = "lost"
)

// Dispute is the payer's bank taking money of a captured payment back.
type Dispute struct {
	ID          string        `json:"id"`
	Payment     string        `json:"payment"`
	Reference   string        `json:"reference"` // of the payment
	Status      DisputeStatus `json:"status"`
	Round       int           `json:"round"`
	Amount      int64         `json:"amount"`
	Fee         int64         `json:"fee"`
	Currency    string        `json:"currency"`
	Reason      string        `json:"reason"`
	EvidenceDue time.Time     `json:"evidence_due"`
	CreatedAt   time.Time     `json:"created_at"`
	ChangedAt   time.Time     `json:"changed_at"`
	Mode        string        `json:"mode"`
	Seq         int64         `json:"-"`
}

// Merchant is a receiving account, opened for one vendor.
type Merchant struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"` // the platform's id of the vendor, unique
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// Notification is the signed message sent when an object changes. It
// is a hint: the receiver reads the object through the API before it acts.
type Notification struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"` // "payment.captured", "refund.failed", …
	CreatedAt time.Time `json:"created_at"`
	Mode      string    `json:"mode"`
	Payment   *Payment  `json:"payment,omitempty"`
	Refund    *Refund   `json:"refund,omitempty"`
	Split     *Split    `json:"split,omitempty"`
	Return    *Return   `json:"return,omitempty"`
	Payout    *Payout   `json:"payout,omitempty"`
	Dispute   *Dispute  `json:"dispute,omitempty"`
}

// DailyReport lists one calendar day of China time, for reconciliation. Moved is
// every movement that is neither a capture nor a refund.
type DailyReport struct {
	Date     string       `json:"date"`
	Captured []ReportLine `json:"captured"`
	Refunded []ReportLine `json:"refunded"`
	Moved    []Movement   `json:"moved"`
	Totals   []DailyTotal `json:"totals"`
}

// Movement is one line of what the provider holds for payees and collector,
// signed: positive came in.
type Movement struct {
	Kind      string    `json:"kind"` // "split", "return", "payout", "dispute", "adjustment", "fee"
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"`
	At        time.Time `json:"at"`
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
