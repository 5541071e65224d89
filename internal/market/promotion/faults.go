package promotion

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrFloor     = fault.New(fault.Conflict, "PRICE_INVARIANT", "UA 4.7.7")
	ErrTooLow    = fault.New(fault.Invalid, "DISCOUNT_TOO_LOW", "UA 4.7.7")
	ErrUnknown   = fault.New(fault.Invalid, "VOUCHER_UNKNOWN", "")
	ErrExpired   = fault.New(fault.Conflict, "VOUCHER_EXPIRED", "")
	ErrUsedUp    = fault.New(fault.Conflict, "VOUCHER_USED_UP", "")
	ErrUsed      = fault.New(fault.Conflict, "VOUCHER_ALREADY_USED", "")
	ErrOtherPlan = fault.New(fault.Invalid, "VOUCHER_NOT_FOR_PLAN", "")
	ErrOther     = fault.New(fault.Invalid, "VOUCHER_NOT_FOR_ACCOUNT", "")
	ErrMinimum   = fault.New(fault.Invalid, "VOUCHER_MINIMUM", "")
	ErrOverlap   = fault.New(fault.Conflict, "DISCOUNT_OVERLAP", "")
	ErrOver      = fault.New(fault.Conflict, "PROMOTION_OVER", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
)
