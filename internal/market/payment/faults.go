package payment

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	// ErrMismatch refuses money of another amount or currency than is due; it is
	// recorded and sent back.
	ErrMismatch = fault.New(fault.Invalid, "PAYMENT_AMOUNT_MISMATCH", "UA 2.5")
	// ErrNotice refuses a notice whose sender, age or form is not proved.
	ErrNotice = fault.New(fault.Invalid, "PAYMENT_NOTICE_INVALID", "")
	// ErrPending refuses a new attempt while the outcome of another is not known
	// or it could still be paid.
	ErrPending = fault.New(fault.Conflict, "PAYMENT_PENDING", "")
	// ErrPaid refuses a new attempt for an order that has been paid.
	ErrPaid = fault.New(fault.Conflict, "PAYMENT_DONE", "")
	// ErrOverRefund refuses to give back more than came in.
	ErrOverRefund = fault.New(fault.Conflict, "PAYMENT_OVER_REFUND", "")
	// ErrDisputed refuses a refund while a dispute of the payment is open.
	ErrDisputed = fault.New(fault.Conflict, "PAYMENT_DISPUTED", "")
	// ErrNoSplit refuses a split of a payment whose provider does not split.
	ErrNoSplit = fault.New(fault.Conflict, "PAYMENT_NO_SPLIT", "")
	// ErrOverSplit refuses to share out more than came in, or after the end.
	ErrOverSplit = fault.New(fault.Conflict, "PAYMENT_OVER_SPLIT", "")
	// ErrOverReturn refuses to take back more than the share given.
	ErrOverReturn = fault.New(fault.Conflict, "PAYMENT_OVER_RETURN", "")
	// ErrSent refuses to cancel a payout that may have been sent.
	ErrSent = fault.New(fault.Conflict, "PAYOUT_SENT", "")
	// ErrNoPayee refuses a payment whose payee is not a vendor's own account.
	ErrNoPayee = fault.New(fault.Conflict, "VENDOR_NO_MERCHANT_ACCOUNT", "UA 3.1")
	// ErrUnlicensed refuses to collect on the operator's own account.
	ErrUnlicensed = fault.New(fault.Conflict, "COLLECTION_NOT_LICENSED", "UA 3.1")
	// ErrStatement refuses a statement line that contradicts what is known.
	ErrStatement = fault.New(fault.Conflict, "STATEMENT_LINE_CHANGED", "")

	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
	ErrStale     = fault.New(fault.Conflict, "STALE", "")
)
