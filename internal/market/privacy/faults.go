package privacy

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrNoBasis   = fault.New(fault.Forbidden, "DISCLOSURE_NO_BASIS", "UA 5.4")
	ErrConsent   = fault.New(fault.Forbidden, "CONSENT_REQUIRED", "UA 5.4.1")
	ErrRule      = fault.New(fault.Conflict, "RULE_NOT_IN_FORCE", "UA 5.4.2")
	ErrFields    = fault.New(fault.Invalid, "DISCLOSURE_FIELDS", "UA 5.4.3")
	ErrReviewDue = fault.New(fault.Conflict, "DISCLOSURE_REVIEW_DUE", "UA 5.4.4")
	ErrSecond    = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 5.4")
	ErrAnnex     = fault.New(fault.Forbidden, "ANNEX_REQUIRED", "UA 6.3")
	ErrMisuse    = fault.New(fault.Forbidden, "SHARING_STOPPED", "UA 6.3")
	ErrTooEarly  = fault.New(fault.Conflict, "PURGE_TOO_EARLY", "UA 8.5")
	// ErrMatters refuses to close an account while something is under way.
	ErrMatters = fault.New(fault.Conflict, "CLOSING_OPEN_MATTERS", "")
	// ErrLimited bounds what a vendor sends through the relay.
	ErrLimited = fault.New(fault.Limited, "RATE_LIMITED", "")
	// ErrState refuses what the state does not allow.
	ErrState     = fault.New(fault.Conflict, "PRIVACY_STATE", "")
	ErrStale     = fault.New(fault.Conflict, "STALE", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
