package complaint

import "yunshi/internal/base/fault"

// The refusals of this package.
var (
	// ErrVendorFirst refuses to bring a matter of a product to the operator before
	// its vendor has had the time to answer.
	ErrVendorFirst = fault.New(fault.Conflict, "COMPLAINT_VENDOR_FIRST", "UA 4.2")
	// ErrVendorOnly refuses to bring a matter of a product to the operator where no
	// law obliges it to help.
	ErrVendorOnly = fault.New(fault.Conflict, "COMPLAINT_VENDOR_ONLY", "UA 5.1")
	// ErrTarget refuses to send a complaint to a vendor while none is known.
	ErrTarget = fault.New(fault.Invalid, "COMPLAINT_NO_VENDOR", "UA 5.1")
	// ErrReason refuses to hand a complaint on without saying why.
	ErrReason = fault.New(fault.Invalid, "COMPLAINT_REASON_MISSING", "UA 5.1")
	// ErrState refuses what the state does not allow this actor.
	ErrState = fault.New(fault.Conflict, "COMPLAINT_STATE", "")
	// ErrReopen refuses to take up again what was closed too long ago.
	ErrReopen = fault.New(fault.Conflict, "COMPLAINT_REOPEN_CLOSED", "")
	// ErrAnother refuses a second decision by whoever made the first.
	ErrAnother = fault.New(fault.Forbidden, "SECOND_APPROVER_REQUIRED", "")
	// ErrOffline refuses a complaint about an offline refund that may still be agreed.
	ErrOffline = fault.New(fault.Conflict, "COMPLAINT_OFFLINE_RUNNING", "UA 4.5")
	// ErrClaimed refuses a second claim about a purchase while one is open.
	ErrClaimed = fault.New(fault.Conflict, "CLAIM_OPEN", "UA 4.10")
	// ErrException refuses an exception from the ceiling without article or document.
	ErrException = fault.New(fault.Invalid, "CLAIM_EXCEPTION_BASIS", "UA 4.10")
	// ErrChain refuses purchases that are not of one product and account.
	ErrChain = fault.New(fault.Invalid, "CLAIM_CHAIN", "UA 4.10")
	// ErrCourt refuses a court stage without court and case number.
	ErrCourt = fault.New(fault.Invalid, "CLAIM_COURT_MISSING", "UA 9.5")
	// ErrWarranty refuses words of the operator that read like a warranty.
	ErrWarranty = fault.New(fault.Invalid, "WARRANTY_WORDING", "UA 7.1")
	// ErrAction refuses to end a knowledge task without saying what was done.
	ErrAction = fault.New(fault.Invalid, "KNOWLEDGE_ACTION_MISSING", "UA 7.1")
	// ErrOutside refuses a report of payment outside the market, where no law takes it.
	ErrOutside = fault.New(fault.Conflict, "REPORT_OUTSIDE_MARKET", "UA 4.11")
	// ErrLimited refuses more reports from one source than the rulebook allows.
	ErrLimited = fault.New(fault.Limited, "RATE_LIMITED", "UA 4.7.5")
	// ErrExpired refuses a confirmation that came too late.
	ErrExpired   = fault.New(fault.Conflict, "REPORT_EXPIRED", "")
	ErrStale     = fault.New(fault.Conflict, "STALE", "")
	ErrNotFound  = fault.New(fault.NotFound, "NOT_FOUND", "")
	ErrForbidden = fault.New(fault.Forbidden, "FORBIDDEN", "")
	ErrRequired  = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
	ErrInvalid   = fault.New(fault.Invalid, "FIELD_INVALID", "")
)
