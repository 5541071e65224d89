package message

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	// ErrNotFound refuses what is not there or not of this account.
	ErrNotFound = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrInvalid  = fault.New(fault.Invalid, "FIELD_INVALID", "")
	ErrStale    = fault.New(fault.Conflict, "STALE", "")
	ErrRequired = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
)
