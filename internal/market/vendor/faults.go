package vendor

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrNotEligible  = fault.New(fault.Forbidden, "VENDOR_NOT_ELIGIBLE", "UA 2.1")
	ErrSubjectType  = fault.New(fault.Forbidden, "VENDOR_NOT_ELIGIBLE", "UA 2.2")
	ErrNoMerchant   = fault.New(fault.Conflict, "VENDOR_NO_MERCHANT_ACCOUNT", "UA 3.1")
	ErrDepositShort = fault.New(fault.Conflict, "DEPOSIT_SHORT", "ECL 58")
	ErrExitTooSoon  = fault.New(fault.Invalid, "NOTICE_TOO_SHORT", "ECL 16")
	ErrNotCertified = fault.New(fault.Invalid, "SELF_CERTIFICATION_MISSING", "UA 6.3")
	// ErrNoCase refuses to limit, suspend or expel a vendor otherwise than by a case.
	ErrNoCase       = fault.New(fault.Invalid, "MEASURE_WITHOUT_CASE", "UA P-4")
	ErrApplied      = fault.New(fault.Conflict, "VENDOR_ALREADY_APPLIED", "")
	ErrMerchantUsed = fault.New(fault.Conflict, "MERCHANT_NUMBER_TAKEN", "UA 3.1")
	ErrDepositKnown = fault.New(fault.Conflict, "DEPOSIT_ALREADY_COUNTED", "ECL 58")
	ErrOwnCase      = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 8.2")
	ErrState        = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden    = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound     = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrRequired     = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid      = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
