package infringement

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	// ErrBlocked refuses to show what a measure keeps out of sight.
	ErrBlocked = fault.New(fault.Forbidden, "CONTENT_BLOCKED", "UA 4.7.2")
	// ErrIncomplete refuses to act on a notice from which something is missing.
	ErrIncomplete = fault.New(fault.Conflict, "NOTICE_INCOMPLETE", "ECL 42")
	// ErrCounter refuses a statement from which something is missing, by field.
	ErrCounter = fault.New(fault.Invalid, "COUNTER_INCOMPLETE", "ECL 43")
	// ErrSummary refuses numbers and addresses of persons in what is published.
	ErrSummary = fault.New(fault.Invalid, "SUMMARY_PERSONAL", "ECL 44")
	// ErrPause refuses a pause beyond the most that formalities excuse.
	ErrPause = fault.New(fault.Conflict, "PAUSE_OVER_LIMIT", "ECL 43")
	// ErrLimited asks an address that gives many notices to slow down.
	ErrLimited = fault.New(fault.Limited, "RATE_LIMITED", "UA 4.7.5")
	// ErrState refuses what the notice's state does not allow this actor.
	ErrState     = fault.New(fault.Conflict, "NOTICE_STATE", "")
	ErrOwn       = fault.New(fault.Forbidden, "NOTICE_OWN", "")
	ErrStale     = fault.New(fault.Conflict, "STALE", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
