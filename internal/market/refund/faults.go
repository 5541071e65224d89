package refund

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrNotSupported = fault.New(fault.Conflict, "REFUND_NOT_SUPPORTED", "UA 4.5")
	ErrWindow       = fault.New(fault.Conflict, "REFUND_WINDOW_CLOSED", "UA 4.5")
	ErrOffline      = fault.New(fault.Conflict, "REFUND_OFFLINE_ONLY", "UA 4.5")
	ErrInvoice      = fault.New(fault.Conflict, "REFUND_INVOICE_OUTSTANDING", "UA 4.5")
	ErrQuota        = fault.New(fault.Conflict, "REFUND_QUOTA_USED", "UA 4.5")
	ErrBreach       = fault.New(fault.Forbidden, "NO_REFUND_BREACH", "UA 8.4")
	// ErrOpen refuses a second request while one is under way.
	ErrOpen = fault.New(fault.Conflict, "REFUND_OPEN", "")
	// ErrNothing refuses where nothing was paid, or all of it went back already.
	ErrNothing = fault.New(fault.Conflict, "REFUND_NOTHING_LEFT", "")
	// ErrSecond refuses the second signature of whoever gave the first.
	ErrSecond = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "")
	// ErrState refuses what the request's state does not allow this actor.
	ErrState     = fault.New(fault.Conflict, "REFUND_STATE", "")
	ErrStale     = fault.New(fault.Conflict, "STALE", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
