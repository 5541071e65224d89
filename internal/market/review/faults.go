package review

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrDelete    = fault.New(fault.Forbidden, "REVIEW_DELETE_FORBIDDEN", "ECL 39")
	ErrNotBought = fault.New(fault.Forbidden, "REVIEW_NEEDS_ORDER", "ECL 17")
	ErrLinked    = fault.New(fault.Forbidden, "SELF_PURCHASE", "ECL 17")
	ErrWaiting   = fault.New(fault.Conflict, "REVIEW_WAITS", "")
	ErrStale     = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
