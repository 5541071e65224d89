package content

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrConfirm       = fault.New(fault.Invalid, "SENSITIVE_CONTENT_CONFIRM", "UA 4.6")
	ErrSecret        = fault.New(fault.Invalid, "CONTENT_BLOCKED", "UA 4.6")
	ErrBlocked       = fault.New(fault.Invalid, "CONTENT_BLOCKED", "UA 4.7.1")
	ErrOutside       = fault.New(fault.Invalid, "OFF_PLATFORM_PAYMENT", "UA 4.11")
	ErrInfected      = fault.New(fault.Invalid, "FILE_INFECTED", "UA 4.7.6")
	ErrNotScanned    = fault.New(fault.Conflict, "FILE_NOT_SCANNED", "UA 4.7.6")
	ErrScanSize      = fault.New(fault.Invalid, "FILE_TOO_LARGE_TO_SCAN", "UA 4.7.6")
	ErrNoScanner     = fault.New(fault.Unavailable, "SCANNER_UNAVAILABLE", "UA 4.7.6")
	ErrNotOurs       = fault.New(fault.Conflict, "OUTSIDE_REPORT_NOT_TAKEN", "UA 4.11")
	ErrReported      = fault.New(fault.Conflict, "ALREADY_REPORTED", "UA 4.11")
	ErrOpenReason    = fault.New(fault.Invalid, "FIELD_REQUIRED", "UA 4.7.1")
	ErrPictureHeld   = fault.New(fault.Conflict, "PICTURE_HELD", "UA 4.7.1")
	ErrPictureSize   = fault.New(fault.Invalid, "PICTURE_TOO_LARGE", "UA 4.7.1")
	ErrNotReportable = fault.New(fault.Conflict, "CONTENT_NOT_REPORTABLE", "UA 4.7.1")
	ErrGone          = fault.New(fault.Conflict, "ORIGINAL_GONE", "CSL 21")
	ErrAltered       = fault.New(fault.Conflict, "ORIGINAL_CHANGED", "")
	ErrKnownTerm     = fault.New(fault.Conflict, "TERM_KNOWN", "")
	ErrState         = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden     = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound      = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrRequired      = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid       = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
