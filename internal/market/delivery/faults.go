package delivery

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrLinkExpired = fault.New(fault.Forbidden, "LINK_EXPIRED", "UA 4.9.3")
	ErrAltered     = fault.New(fault.Unavailable, "FILE_ALTERED", "UA 4.9.2")
	ErrNoHook      = fault.New(fault.Conflict, "VENDOR_HOOK_MISSING", "")
	ErrNotReady    = fault.New(fault.Conflict, "DELIVERY_NOT_READY", "")
	ErrEnded       = fault.New(fault.Conflict, "DELIVERY_ENDED", "")
	ErrState       = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden   = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound    = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrRequired    = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid     = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
