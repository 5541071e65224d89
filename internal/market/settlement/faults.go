package settlement

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	// ErrSplitOver refuses a share above the provider's or the rulebook's cap.
	ErrSplitOver = fault.New(fault.Conflict, "SPLIT_OVER_LIMIT", "UA 3.1")
	// ErrNotDue refuses to pay out what is not payable, or too little of it.
	ErrNotDue = fault.New(fault.Conflict, "WITHDRAW_NOT_DUE", "UA 3.1")
	// ErrNoMerchant refuses to pay a vendor without an account of its own.
	ErrNoMerchant = fault.New(fault.Conflict, "VENDOR_NO_MERCHANT_ACCOUNT", "UA 3.1")
	// ErrSecond asks for another person.
	ErrSecond = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 3.1")
	// ErrNoCase refuses to touch a deposit without the case and the rule behind it.
	ErrNoCase = fault.New(fault.Invalid, "DEPOSIT_NO_BASIS", "ECL 58")
	// ErrRunning refuses to return a deposit while something of the vendor runs.
	ErrRunning = fault.New(fault.Conflict, "DEPOSIT_STILL_NEEDED", "ECL 58")

	ErrState     = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
