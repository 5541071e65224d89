package identity

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrRequired       = fault.New(fault.Forbidden, "REALNAME_REQUIRED", "UA 6.1")
	ErrMismatch       = fault.New(fault.Invalid, "REALNAME_MISMATCH", "UA 6.1")
	ErrProfileInvalid = fault.New(fault.Invalid, "PROFILE_INVALID", "UA 6.1")
	ErrUnderAge       = fault.New(fault.Invalid, "UNDER_AGE", "UA 6.1")
	ErrReused         = fault.New(fault.Conflict, "IDENTITY_REUSED", "UA 6.1")
	ErrConsent        = fault.New(fault.Invalid, "CONSENT_REQUIRED", "PIPL 29")
	ErrFieldRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrOpenCase       = fault.New(fault.Conflict, "IDENTITY_CASE_OPEN", "UA 6.1")
	ErrDecided        = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden      = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound       = fault.New(fault.NotFound, "NOT_FOUND", "")
)
