package ledger

import "yunshi/internal/base/fault"

var (
	// ErrNoBasis refuses a posting that its kind does not allow: money that is
	// held for a vendor moves only as the agreement and an agreed rule say.
	ErrNoBasis = fault.New(fault.Forbidden, "LEDGER_NO_BASIS", "UA 3.1")
	// ErrFloor refuses a posting that would pay out more than is held.
	ErrFloor = fault.New(fault.Conflict, "LEDGER_FLOOR", "")
	// ErrEffect means that one effect key was used for two different postings,
	// which is a defect or an attack; it is never shown as a success.
	ErrEffect = fault.New(fault.Internal, "LEDGER_EFFECT_CONFLICT", "")
)
