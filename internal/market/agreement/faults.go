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
	ErrSecond        = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 1.1")
	ErrConsultation  = fault.New(fault.Invalid, "CONSULTATION_REQUIRED", "UA 5.3")
	ErrClosed        = fault.New(fault.Conflict, "CONSULTATION_CLOSED", "UA 5.3")
	ErrDraftOpen     = fault.New(fault.Conflict, "DRAFT_OPEN", "UA 5.3")
	ErrDisabled      = fault.New(fault.Conflict, "CLAUSE_DISABLED", "UA 9.6")
	ErrChallenge     = fault.New(fault.Invalid, "CHALLENGE_INVALID", "UA 9.1")
	ErrBound         = fault.New(fault.Conflict, "ALREADY_ACCEPTED", "UA 5.3")
	ErrRequired      = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrStale         = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden     = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound      = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrInvalid       = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
