package refund

import "slices"

// Event is what happens to a request.
type Event string

// The events.
const (
	evSubmit   Event = "submitted"
	evReview   Event = "sent_to_vendor"
	evAtOnce   Event = "approved_at_once"
	evHold     Event = "held"
	evProceed  Event = "hold_lifted"
	evBreach   Event = "breach_final"
	evAgree    Event = "vendor_agreed"
	evCounter  Event = "vendor_countered"
	evRefuse   Event = "vendor_refused"
	evSilence  Event = "vendor_silent"
	evApprove  Event = "approved_by_rule"
	evEscalate Event = "escalated"
	evAccept   Event = "offer_accepted"
	evDecide   Event = "operator_approved"
	evPropose  Event = "operator_proposed"
	evReject   Event = "operator_rejected"
	evConfirm  Event = "second_confirmed"
	evDecline  Event = "second_declined"
	evWithdraw Event = "withdrawn"
	evLapse    Event = "lapsed"
	evWait     Event = "waiting_for_red_letter"
	evClear    Event = "red_letter_agreed"
	evReturn   Event = "share_returning"
	evRefund   Event = "sent_to_provider"
	evReturned Event = "share_returned"
	evPaid     Event = "paid"
	evFail     Event = "provider_failed"
	evOtherWay Event = "paid_by_transfer"
	evUndone   Event = "delivery_failed" // the whole order goes back by itself
	evMoot     Event = "nothing_left"    // it has gone back by another way meanwhile
)

// Side is on whose side an actor acts.
type Side string

// The sides. A second is of the staff, and another person than the first.
const (
	Buyer    Side = "user"
	Seller   Side = "vendor"
	Staff    Side = "operator"
	Second   Side = "second"
	Timer    Side = "timer"
	Provider Side = "provider"
	System   Side = "system"
)

// arrow is one allowed move.
type arrow struct {
	event Event
	by    Side
	to    State
}

// machine holds every move there is, by the state it starts from.
var machine = map[State][]arrow{
	"": {{evSubmit, Buyer, Requested}},
	Requested: {
		{evReview, System, VendorReview}, {evAtOnce, System, Approved}, {evHold, System, OnHold}, {evApprove, System, Approved},
	},
	OnHold: {
		{evProceed, System, Requested}, {evBreach, System, Rejected}, {evWithdraw, Buyer, Withdrawn}, {evUndone, System, Refunding},
	},
	VendorReview: {
		{evAgree, Seller, Agreed}, {evCounter, Seller, Countered}, {evRefuse, Seller, Refused}, {evSilence, Timer, TimedOut},
		{evWithdraw, Buyer, Withdrawn}, {evUndone, System, Refunding},
	},
	Agreed:   {{evApprove, System, Approved}},
	TimedOut: {{evApprove, System, Approved}, {evEscalate, System, OperatorReview}},
	Countered: {
		{evAccept, Buyer, Approved}, {evEscalate, Buyer, OperatorReview}, {evWithdraw, Buyer, Withdrawn}, {evLapse, Timer, Lapsed},
		{evUndone, System, Refunding},
	},
	Refused: {
		{evEscalate, Buyer, OperatorReview}, {evWithdraw, Buyer, Withdrawn}, {evLapse, Timer, Lapsed}, {evUndone, System, Refunding},
	},
	OperatorReview: {
		{evDecide, Staff, Approved}, {evPropose, Staff, SecondReview}, {evReject, Staff, Rejected}, {evWithdraw, Buyer, Withdrawn},
		{evUndone, System, Refunding},
	},
	SecondReview: {
		{evConfirm, Second, Approved}, {evDecline, Second, OperatorReview}, {evWithdraw, Buyer, Withdrawn}, {evUndone, System, Refunding},
	},
	Approved: {
		{evWait, System, WaitingRedLetter}, {evReturn, System, Returning}, {evRefund, System, Refunding}, {evWithdraw, Buyer, Withdrawn},
		{evBreach, System, Rejected}, {evMoot, System, Rejected}, {evUndone, System, Refunding},
	},
	WaitingRedLetter: {
		{evClear, System, Approved}, {evWithdraw, Buyer, Withdrawn}, {evUndone, System, Refunding},
	},
	Returning: {{evReturned, Provider, Refunding}, {evPaid, Provider, Refunded}, {evFail, Provider, Failed}},
	Refunding: {{evPaid, Provider, Refunded}, {evFail, Provider, Failed}},
	Refunded:  {{evFail, Provider, Failed}}, // the bank sent it back
	Failed:    {{evOtherWay, Staff, Refunded}},
}

// next is where an event of a side leads from a state; ErrState when nowhere.
func next(from State, e Event, by Side) (State, error) {
	i := slices.IndexFunc(machine[from], func(a arrow) bool { return a.event == e && a.by == by })
	if i < 0 {
		return from, ErrState.With("State", from)
	}
	return machine[from][i].to, nil
}

// may reports whether a side may cause an event now.
func (q Request) may(e Event, by Side) bool { _, err := next(q.State, e, by); return err == nil }

// Withdrawable reports whether the customer may still take the request back.
func (q Request) Withdrawable() bool { return q.may(evWithdraw, Buyer) }

// Escalatable reports whether the customer may ask the operator to decide.
func (q Request) Escalatable() bool { return q.may(evEscalate, Buyer) }

// Answerable reports whether the vendor is asked.
func (q Request) Answerable() bool { return q.may(evAgree, Seller) }

// Decidable reports whether the operator is asked.
func (q Request) Decidable() bool { return q.may(evDecide, Staff) }

// runs reports whether the time until breach runs: not while the customer is
// asked, a case is open, or an invoice has to go back first, and not at an end.
func (s State) runs() bool {
	switch s {
	case OnHold, Countered, Refused, WaitingRedLetter:
		return false
	}
	return !s.Ended()
}
