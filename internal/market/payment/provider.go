package payment

import (
	"context"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
)

// What a provider may be able to do beyond taking and refunding money. A gateway
// that can, implements the interface; the rules of [Gateway] on errors,
// references and repeats hold for each method.

// SplitID is "spl_…", ReturnID "ret_…", PayoutID "pyo_…"; the provider knows the
// objects by them.
type (
	SplitID  string
	ReturnID string
	PayoutID string
)

// Splitter keeps the money of a payment for its payee until it is told who gets
// what: the operator its share, the payee the rest. Nothing passes through an
// account of the operator's.
type Splitter interface {
	// Split gives the operator its share and, with Finish, frees the rest to the
	// payee. A share above the provider's cap is ErrRefused.
	Split(ctx context.Context, in SplitIntent) (SplitObject, error)
	FindSplit(ctx context.Context, in SplitIntent) (SplitObject, error)
	// Return takes a part of the operator's share back to the payee's side, so
	// that a refund can be paid whole.
	Return(ctx context.Context, in ReturnIntent) (ReturnObject, error)
	FindReturn(ctx context.Context, in ReturnIntent) (ReturnObject, error)
}

// SplitIntent is a split to be made.
type SplitIntent struct {
	Reference   SplitID
	Payment     Ref
	Captured    money.Amount // the whole payment
	Share       money.Amount // the operator's; zero only together with Finish
	Finish      bool         // free the rest to the payee; nothing can be split after that
	Description string
}

// SplitObject is a split as the provider reports it.
type SplitObject struct {
	ProviderID, Reference string
	State                 MoveState
	Share                 money.Amount
	Finished              bool
	Reason                string // why it failed, as a code of the provider
	At                    time.Time
}

// ReturnIntent takes back a part of the share that a split gave.
type ReturnIntent struct {
	Reference       ReturnID
	Split           SplitID
	SplitProviderID string
	Payment         Ref
	Amount          money.Amount
	Description     string
}

// ReturnObject is a return as the provider reports it.
type ReturnObject struct {
	ProviderID, Reference string
	State                 MoveState
	Amount                money.Amount
	Reason                string
	At                    time.Time
}

// Payer sends a vendor's free money at the provider to the vendor's own bank.
type Payer interface {
	Payout(ctx context.Context, in PayoutIntent) (PayoutObject, error)
	FindPayout(ctx context.Context, in PayoutIntent) (PayoutObject, error)
}

// PayoutIntent is a payout to be made.
type PayoutIntent struct {
	Reference   PayoutID
	Payee       string // the vendor's account at the provider
	PayeeName   string
	Amount      money.Amount
	Description string
}

// PayoutObject is a payout as the provider reports it. Paid is not final: a bank
// may send the money back.
type PayoutObject struct {
	ProviderID, Reference string
	State                 MoveState
	Amount                money.Amount
	Fee                   money.Amount // charged for a return; the zero Amount otherwise
	Reason                string
	At                    time.Time
}

// MoveState is what a provider says of a split, a return or a payout, in the
// order of its rank.
type MoveState string

// The states of a movement. Returned is a payout that came back after Done.
const (
	MoveProcessing MoveState = "processing"
	MoveDone       MoveState = "done"
	MoveFailed     MoveState = "failed"
	MoveReturned   MoveState = "returned"
)

// Disputer reports disputes (chargebacks): the payer's bank has taken the money
// back and somebody must decide.
type Disputer interface {
	FindDispute(ctx context.Context, providerID string) (DisputeObject, error)
	// ChangedDisputes is as [Gateway.Changed].
	ChangedDisputes(ctx context.Context, since string) (objects []DisputeObject, next string, err error)
}

// DisputeState is what a provider says of a dispute.
type DisputeState string

// The states of a dispute. An inquiry has moved no money; a won one may be
// opened again, which raises its Round.
const (
	DisputeInquiry   DisputeState = "inquiry"
	DisputeOpen      DisputeState = "open"
	DisputeSubmitted DisputeState = "submitted" // our evidence is with the bank
	DisputeWon       DisputeState = "won"
	DisputeLost      DisputeState = "lost"
)

// DisputeObject is a dispute as the provider reports it.
type DisputeObject struct {
	ProviderID  string
	Payment     Ref
	State       DisputeState
	Round       int          // 1, and one more each time it is opened again
	Amount      money.Amount // taken back
	Fee         money.Amount // the provider's own, for the dispute
	Reason      string
	EvidenceDue time.Time
	At          time.Time
}

// Reporter gives the provider's own account of a day: every line that changed
// what it holds for us.
type Reporter interface {
	Report(ctx context.Context, day calendar.Date) ([]ReportLine, error)
}

// ReportKind says what a line of a provider's report is.
type ReportKind string

// The kinds of line.
const (
	ReportCapture    ReportKind = "capture"
	ReportRefund     ReportKind = "refund"
	ReportFee        ReportKind = "fee"
	ReportSplit      ReportKind = "split"
	ReportReturn     ReportKind = "return"
	ReportPayout     ReportKind = "payout"
	ReportDispute    ReportKind = "dispute"
	ReportAdjustment ReportKind = "adjustment"
)

// ReportLine is one line of a report. Amount is signed: positive came in.
type ReportLine struct {
	Kind       ReportKind
	ProviderID string // of the capture, refund, …: each appears once
	Reference  string // ours, where the provider has it
	Amount     money.Amount
	At         time.Time
}
