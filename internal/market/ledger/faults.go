package ledger

import "yunshi/internal/base/fault"

var (
	// ErrNoBasis refuses a posting that its kind does not allow: money that is
	// held for a vendor moves only as the agreement and an agreed rule say.
	ErrNoBasis = fault.New(fault.Forbidden, "LEDGER_NO_BASIS", "UA 3.1")
	// ErrFloor refuses a posting that would pay out more than is held.
	ErrFloor = fault.New(fault.Conflict, "LEDGER_FLOOR", "")
	// ErrEffect means that one effect key was used for two different postings,
	// which is a defect or an attack; it is never shown as a success.
	ErrEffect = fault.New(fault.Internal, "LEDGER_EFFECT_CONFLICT", "")
	// ErrOverReturn refuses to give back more than was paid for the line.
	ErrOverReturn = fault.New(fault.Conflict, "LEDGER_OVER_RETURN", "")
	// ErrDisputed refuses a release or refund while the payer's bank has the money.
	ErrDisputed = fault.New(fault.Conflict, "LEDGER_DISPUTED", "")
	// ErrOverCap refuses damages above the cap.
	ErrOverCap = fault.New(fault.Conflict, "CLAIM_OVER_CAP", "UA 4.10")
	// ErrFrozen refuses a payout to a vendor with an open money case.
	ErrFrozen = fault.New(fault.Conflict, "VENDOR_MONEY_FROZEN", "UA 3.1")
	// ErrLiquidity refuses a payout of money that is not in the bank yet.
	ErrLiquidity = fault.New(fault.Conflict, "LEDGER_NOT_IN_BANK", "UA 3.1")
	// ErrCoverage refuses a sweep that would touch client money.
	ErrCoverage = fault.New(fault.Conflict, "LEDGER_COVERAGE", "UA 3.1")
	// ErrStale means that the line changed meanwhile; the caller reads it again.
	ErrStale = fault.New(fault.Conflict, "STALE", "")
	// ErrNotFound means that the book has no such journal or line.
	ErrNotFound = fault.New(fault.NotFound, "NOT_FOUND", "")
	// ErrClosed refuses to close a month twice, too early or out of turn.
	ErrClosed = fault.New(fault.Conflict, "PERIOD_CLOSED", "")
	// ErrInvalid refuses amounts that cannot be a line's.
	ErrInvalid = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
