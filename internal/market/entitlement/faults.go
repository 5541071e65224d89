package entitlement

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrAccountBound = fault.New(fault.Forbidden, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
	ErrNotUsable    = fault.New(fault.Conflict, "ENTITLEMENT_NOT_ACTIVE", "UA 4.3")
	ErrState        = fault.New(fault.Conflict, "STALE", "")
	ErrNotFound     = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrInvalid      = fault.New(fault.Invalid, "FIELD_INVALID", "")
	ErrRequired     = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
)
