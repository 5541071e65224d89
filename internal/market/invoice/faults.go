package invoice

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrFromVendorOnly = fault.New(fault.Forbidden, "INVOICE_FROM_VENDOR_ONLY", "UA 4.4")
	ErrOverAmount     = fault.New(fault.Invalid, "INVOICE_OVER_AMOUNT", "UA 4.4")
	ErrTitle          = fault.New(fault.Invalid, "INVOICE_TITLE_INVALID", "UA 4.4")
	ErrNotYet         = fault.New(fault.Conflict, "INVOICE_NOT_YET", "UA 4.4")
	ErrUnderWay       = fault.New(fault.Conflict, "INVOICE_UNDER_WAY", "UA 4.4")
	ErrUnreadable     = fault.New(fault.Invalid, "INVOICE_FILE_UNREADABLE", "")
	ErrMismatch       = fault.New(fault.Invalid, "INVOICE_FILE_MISMATCH", "UA 4.4")
	ErrNumberUsed     = fault.New(fault.Conflict, "INVOICE_NUMBER_USED", "")
	ErrRedOpen        = fault.New(fault.Conflict, "RED_LETTER_OPEN", "UA 4.4")
	ErrRedAmount      = fault.New(fault.Invalid, "RED_LETTER_OVER_AMOUNT", "UA 4.4")
	ErrRedExpired     = fault.New(fault.Conflict, "RED_LETTER_EXPIRED", "UA 4.4")
	ErrRedBound       = fault.New(fault.Conflict, "RED_LETTER_BOUND", "UA 4.5")
	ErrOutstanding    = fault.New(fault.Conflict, "REFUND_INVOICE_OUTSTANDING", "UA 4.5")
	ErrState          = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden      = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound       = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrRequired       = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid        = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
