package api

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	errInvalid  = fault.New(fault.Invalid, "FIELD_INVALID", "")
	errRequired = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	errScope    = fault.New(fault.Forbidden, "KEY_SCOPE_MISSING", "")
	errNotInLog = fault.New(fault.Conflict, "RECORD_NOT_IN_LOG", "")
)
