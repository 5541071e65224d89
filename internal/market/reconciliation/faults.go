package reconciliation

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	// ErrSecond asks for another person.
	ErrSecond = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 3.1")
	// ErrNotReady refuses to close a month in which something is missing; Field is
	// what.
	ErrNotReady = fault.New(fault.Conflict, "MONTH_NOT_READY", "UA 3.1")
	// ErrDirection refuses a purpose that money in the line's direction cannot have.
	ErrDirection = fault.New(fault.Invalid, "LINE_WRONG_DIRECTION", "UA 3.1")
	// ErrDecided refuses to decide a statement line or month twice.
	ErrDecided = fault.New(fault.Conflict, "ALREADY_DECIDED", "UA 3.1")

	ErrState     = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
