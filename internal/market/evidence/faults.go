package evidence

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
	// ErrNotReady refuses to hand out what is not there yet, or no more.
	ErrNotReady = fault.New(fault.Conflict, "EVIDENCE_NOT_READY", "")
)
