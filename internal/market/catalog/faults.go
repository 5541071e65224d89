package catalog

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	ErrRights       = fault.New(fault.Invalid, "RIGHTS_BASIS_MISSING", "UA 2.3")
	ErrMayNotEdit   = fault.New(fault.Forbidden, "OPERATOR_MAY_NOT_EDIT", "UA 3.2")
	ErrIncomplete   = fault.New(fault.Invalid, "TERMS_SHEET_INCOMPLETE", "UA 4.2")
	ErrPreselected  = fault.New(fault.Invalid, "ADD_ON_PRESELECTED", "ECL 19")
	ErrDelisted     = fault.New(fault.Conflict, "PRODUCT_DELISTED", "UA 4.8")
	ErrProhibited   = fault.New(fault.Forbidden, "PRODUCT_USE_PROHIBITED", "UA 4.8")
	ErrOffPlatform  = fault.New(fault.Invalid, "OFF_PLATFORM_PAYMENT", "UA 4.11")
	ErrBadge        = fault.New(fault.Invalid, "BADGE_MISLEADING", "UA 5.5")
	ErrNoPrivacy    = fault.New(fault.Invalid, "PRIVACY_SHEET_MISSING", "UA 6.2")
	ErrVoidTerm     = fault.New(fault.Invalid, "VOID_TERM", "ECL 49")
	ErrBoast        = fault.New(fault.Invalid, "ADVERTISING_WORD_BANNED", "AL 9")
	ErrSecretInText = fault.New(fault.Invalid, "CONTENT_BLOCKED", "UA 4.6")
	// ErrNoCase refuses to hide or delist for a breach without the case.
	ErrNoCase = fault.New(fault.Invalid, "MEASURE_WITHOUT_CASE", "UA P-4")
	// ErrBlocked refuses to show what a case blocks, ErrNoticed what a notice of
	// infringement keeps out of sight.
	ErrBlocked        = fault.New(fault.Forbidden, "CONTENT_BLOCKED", "UA 8.2.2")
	ErrNoticed        = fault.New(fault.Forbidden, "CONTENT_BLOCKED", "UA 4.7.2")
	ErrCategoryInUse  = fault.New(fault.Conflict, "CATEGORY_IN_USE", "UA 5.2")
	ErrCategoryClosed = fault.New(fault.Invalid, "CATEGORY_CLOSED", "UA 5.2")
	ErrSlugTaken      = fault.New(fault.Conflict, "SLUG_TAKEN", "")
	ErrOpenVersion    = fault.New(fault.Conflict, "VERSION_OPEN", "")
	ErrOwnCase        = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "UA 8.2")
	ErrStale          = fault.New(fault.Conflict, "STALE", "")
	ErrForbidden      = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrNotFound       = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrRequired       = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid        = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
