package order

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrTermsNotAgreed = fault.New(fault.Invalid, "TERMS_NOT_AGREED", "UA 4.2")
	ErrStale          = fault.New(fault.Conflict, "STALE", "")
	ErrBound          = fault.New(fault.Forbidden, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
	ErrPrice          = fault.New(fault.Conflict, "PRICE_INVARIANT", "UA 4.7.7")
	ErrOffPlatform    = fault.New(fault.Forbidden, "OFF_PLATFORM_PAYMENT", "UA 4.11")
	ErrSelfPurchase   = fault.New(fault.Forbidden, "SELF_PURCHASE", "ECL 17")
	ErrQuantity       = fault.New(fault.Invalid, "FIELD_INVALID", "")
	ErrNotFound       = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrNotPayable     = fault.New(fault.Conflict, "ORDER_NOT_PAYABLE", "")
	ErrGateway        = fault.New(fault.Invalid, "PAYMENT_METHOD_UNKNOWN", "")
)
