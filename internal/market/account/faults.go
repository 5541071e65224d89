package account

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrProfileInvalid = fault.New(fault.Invalid, "PROFILE_INVALID", "UA 4.1")
	ErrRequired       = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid        = fault.New(fault.Invalid, "FIELD_INVALID", "")
	ErrEmailTaken     = fault.New(fault.Conflict, "EMAIL_TAKEN", "UA 4.1")
	ErrSignInFailed   = fault.New(fault.Unauthenticated, "SIGN_IN_FAILED", "UA 4.1")
	ErrNotSignedIn    = fault.New(fault.Unauthenticated, "NOT_SIGNED_IN", "")
	ErrRateLimited    = fault.New(fault.Limited, "RATE_LIMITED", "UA 4.1")
	ErrProbing        = fault.New(fault.Limited, "RATE_LIMITED", "UA 4.7.5")
	ErrForbidden      = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound       = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForeign        = fault.New(fault.NotFound, "NOT_FOUND", "UA 4.7.3")
	ErrStale          = fault.New(fault.Conflict, "STALE", "")
	ErrRestricted     = fault.New(fault.Forbidden, "ACCOUNT_RESTRICTED", "UA 8.2.3")
	ErrSuspended      = fault.New(fault.Forbidden, "ACCOUNT_SUSPENDED", "UA 8.2.3")
	ErrTerminated     = fault.New(fault.Forbidden, "ACCOUNT_TERMINATED", "UA 8.2.4")
)
