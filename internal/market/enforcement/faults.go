package enforcement

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	// ErrNoClause refuses a measure that rests on no clause, ErrNoEvidence one
	// without a source or evidence.
	ErrNoClause   = fault.New(fault.Invalid, "ENFORCEMENT_NO_EVIDENCE", "UA P-4")
	ErrNoEvidence = fault.New(fault.Invalid, "ENFORCEMENT_NO_EVIDENCE", "UA 8.2")
	// ErrNotBinding refuses a clause that is in no document in force.
	ErrNotBinding = fault.New(fault.Conflict, "RULE_NOT_IN_FORCE", "UA 1.1")
	ErrNoHuman    = fault.New(fault.Forbidden, "ENFORCEMENT_NO_HUMAN", "UA 8.2")
	// ErrNotAutomatic refuses a program's decision on what harms a vendor in a way
	// that no list foresees.
	ErrNotAutomatic = fault.New(fault.Forbidden, "ENFORCEMENT_NO_HUMAN", "UA 4.9.4")
	ErrSecond       = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 8.2")
	// ErrNoEnd refuses a measure of its own kind without an end or a day on which it
	// is looked at again.
	ErrNoEnd = fault.New(fault.Invalid, "MEASURE_WITHOUT_END", "UA 8.2.5")
	// ErrNoDeadline refuses an order to correct without a time to do it in.
	ErrNoDeadline = fault.New(fault.Invalid, "MEASURE_WITHOUT_DEADLINE", "UA 8.2.1")
	// ErrNoContent refuses to block what nobody can block.
	ErrNoContent  = fault.New(fault.Invalid, "MEASURE_WITHOUT_CONTENT", "UA 8.2.2")
	ErrNoFunction = fault.New(fault.Invalid, "MEASURE_WITHOUT_FUNCTION", "UA 8.2.3")
	// ErrNotHolder refuses a vendor's report about a product that is not its own or
	// an account that holds no right to it.
	ErrNotHolder = fault.New(fault.Forbidden, "REPORT_NOT_YOURS", "UA 4.9")
	// ErrBasis refuses a report of other law without saying which and what happened.
	ErrBasis = fault.New(fault.Invalid, "LEGAL_BASIS_REQUIRED", "UA 4.7.8")
	// ErrType refuses a violation that the rulebook does not know.
	ErrType = fault.New(fault.Invalid, "VIOLATION_UNKNOWN", "UA 4.7")
	// ErrTooLate refuses an appeal after the window has closed.
	ErrTooLate = fault.New(fault.Conflict, "APPEAL_WINDOW_CLOSED", "UA 8.2")
	// ErrBanned refuses the real name of somebody whose agreement was ended for a
	// breach. Its arguments say which ban and by what; pages do not show them.
	ErrBanned    = fault.New(fault.Forbidden, "REREGISTRATION_BANNED", "UA 8.3")
	ErrPurge     = fault.New(fault.Conflict, "PURGE_TOO_EARLY", "UA 8.5")
	ErrState     = fault.New(fault.Conflict, "ENFORCEMENT_STATE", "")
	ErrStale     = fault.New(fault.Conflict, "STALE", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
