package agreement

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrNotAccepted   = fault.New(fault.Forbidden, "AGREEMENT_NOT_ACCEPTED", "UA P-3")
	ErrNotAuthorised = fault.New(fault.Forbidden, "NOT_AUTHORISED_TO_ACCEPT", "UA 9.1")
	ErrEmphasis      = fault.New(fault.Invalid, "EMPHASIS_MISSING", "UA P-2")
	ErrNotInForce    = fault.New(fault.Conflict, "RULE_NOT_IN_FORCE", "UA 1.1")
	ErrTooEarly      = fault.New(fault.Invalid, "PUBLISH_TOO_EARLY", "UA 5.3")
	ErrPublished     = fault.New(fault.Conflict, "VERSION_PUBLISHED", "UA 1.1")
	ErrStale         = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden     = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound      = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrInvalid       = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
