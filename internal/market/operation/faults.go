package operation

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrNoticeShort = fault.New(fault.Invalid, "NOTICE_TOO_SHORT", "UA 8.1")
	ErrPastEnd     = fault.New(fault.Conflict, "TERM_PAST_SERVICE_END", "UA 8.1")
	// ErrWinding refuses new vendors and listings while the service is ending.
	ErrWinding = fault.New(fault.Conflict, "SERVICE_WINDING_DOWN", "UA 8.1")
	// ErrEnded refuses whatever would change something after the end.
	ErrEnded    = fault.New(fault.Forbidden, "SERVICE_ENDED", "UA 8.1")
	ErrNoPlan   = fault.New(fault.Invalid, "RUN_OFF_PLAN_MISSING", "UA 8.1")
	ErrSecond   = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 8.1")
	ErrNotOne   = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 7.3.6")
	ErrNoChange = fault.New(fault.Invalid, "CHANGE_INCOMPLETE", "UA 5.2")

	ErrNotAssessed = fault.New(fault.Conflict, "INCIDENT_NOT_ASSESSED", "UA 7.2")
	ErrNotTold     = fault.New(fault.Conflict, "INCIDENT_NOTICE_MISSING", "UA 7.2")

	// The cause of an interruption is not proved in the way its clause asks.
	ErrNoReference = fault.New(fault.Invalid, "CAUSE_NOT_PROVED", "UA 7.3.1")
	ErrNoTicket    = fault.New(fault.Invalid, "CAUSE_NOT_PROVED", "UA 7.3.2")
	ErrNoIncident  = fault.New(fault.Invalid, "CAUSE_NOT_PROVED", "UA 7.3.3")
	ErrNoDiagnosis = fault.New(fault.Invalid, "CAUSE_NOT_PROVED", "UA 7.3.4")
	ErrNoLog       = fault.New(fault.Invalid, "CAUSE_NOT_PROVED", "UA 7.3.5")
	ErrNoText      = fault.New(fault.Invalid, "CAUSE_NOT_PROVED", "UA 7.3.6")
	// ErrUnfinished refuses to close what has no acknowledgement, end, cause or lesson.
	ErrUnfinished = fault.New(fault.Conflict, "INTERRUPTION_UNFINISHED", "UA 7.3")
	ErrContested  = fault.New(fault.Conflict, "CONTEST_OPEN", "UA 7.3.4")
	ErrNotYours   = fault.New(fault.Forbidden, "CONTEST_NOT_AFFECTED", "UA 7.3.4")
	ErrLate       = fault.New(fault.Conflict, "CONTEST_TOO_LATE", "UA 7.3.4")
	ErrContestTwo = fault.New(fault.Conflict, "CONTEST_MADE", "UA 7.3.4")
	ErrOwnCause   = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 7.3.4")

	ErrOpen      = fault.New(fault.Conflict, "WIND_DOWN_OPEN", "")
	ErrStale     = fault.New(fault.Conflict, "STALE", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
