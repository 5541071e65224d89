package complaint

import "slices"

// Event is what happens to a complaint or claim.
type Event string

// The events of a complaint.
const (
	evSubmit   Event = "submitted"
	evClassify Event = "classified"
	evForward  Event = "forwarded"
	evAssign   Event = "assigned"
	evPart     Event = "part_answered" // one of the two who are asked
	evAnswer   Event = "answered"
	evContact  Event = "contacted"
	evOverdue  Event = "vendor_silent"
	evEscalate Event = "escalated"
	evMediate  Event = "mediated"
	evDecide   Event = "decided"
	evClose    Event = "closed"
	evLapse    Event = "lapsed"
	evReopen   Event = "reopened"
)

// arrow is one allowed move.
type arrow[S ~string] struct {
	event Event
	by    Side
	to    S
}

// handled are the moves of a complaint that somebody has to answer.
func handled(stay State) []arrow[State] {
	return []arrow[State]{
		{evPart, Vendor, stay}, {evPart, Operator, stay}, {evAnswer, Vendor, Answered}, {evAnswer, Operator, Answered},
		{evForward, Vendor, Classified}, {evForward, Operator, Classified}, {evContact, User, stay}, {evContact, Vendor, stay},
		{evOverdue, Timer, stay}, {evEscalate, Timer, Escalated}, {evEscalate, User, Escalated}, {evClose, User, Closed},
	}
}

// machine holds every move there is, by the state it starts from. No arrow of a
// handler leads back to the complainant: what came to the wrong desk is forwarded.
var machine = map[State][]arrow[State]{
	"":         {{evSubmit, User, Submitted}},
	Submitted:  {{evClassify, System, Classified}, {evClassify, Operator, Classified}, {evClose, User, Closed}},
	Classified: {{evAssign, System, Assigned}},
	Assigned:   handled(Assigned),
	Answered: {
		{evContact, User, Negotiated}, {evContact, Vendor, Negotiated}, {evForward, Operator, Classified}, {evEscalate, User, Escalated},
		{evClose, User, Closed}, {evLapse, Timer, Closed},
	},
	Negotiated: {
		{evContact, User, Negotiated}, {evContact, Vendor, Negotiated}, {evForward, Operator, Classified}, {evEscalate, User, Escalated},
		{evClose, User, Closed}, {evLapse, Timer, Closed},
	},
	Escalated: {
		{evPart, Vendor, Escalated}, {evContact, User, Escalated}, {evContact, Vendor, Escalated}, {evMediate, Operator, Escalated},
		{evForward, Operator, Classified}, {evDecide, Operator, Decided}, {evClose, User, Closed},
	},
	Decided:  {{evClose, User, Closed}, {evLapse, Timer, Closed}},
	Closed:   {{evReopen, User, Reopened}},
	Reopened: append(handled(Reopened), arrow[State]{evDecide, Operator, Decided}),
}

// next is where an event of a side leads from a state; ErrState when nowhere.
func next[S ~string](of map[S][]arrow[S], from S, e Event, by Side) (S, error) {
	i := slices.IndexFunc(of[from], func(a arrow[S]) bool { return a.event == e && a.by == by })
	if i < 0 {
		return from, ErrState.With("State", from)
	}
	return of[from][i].to, nil
}

// may reports whether a side may cause an event now.
func (c Complaint) may(e Event, by Side) bool {
	_, err := next(machine, c.State, e, by)
	return err == nil
}

// Answerable reports whether a side is asked.
func (c Complaint) Answerable(by Side) bool {
	switch by {
	case Vendor:
		return c.VendorOwes && c.may(evPart, Vendor)
	case Operator:
		return c.OperatorOwes && c.may(evPart, Operator)
	}
	return false
}

// Escalatable reports whether the complainant may bring it to the operator.
func (c Complaint) Escalatable() bool { return c.may(evEscalate, User) }

// Closable reports whether the complainant may end it.
func (c Complaint) Closable() bool { return c.may(evClose, User) }

// Reopenable reports whether the complainant may take it up again, the window aside.
func (c Complaint) Reopenable() bool { return c.may(evReopen, User) }

// Contactable reports whether the parties may note that they spoke.
func (c Complaint) Contactable() bool { return c.may(evContact, User) }

// Forwardable reports whether a side may hand it on.
func (c Complaint) Forwardable(by Side) bool {
	return c.may(evForward, by) && (by != Vendor || c.VendorOwes)
}

// Decidable reports whether the operator is asked to decide.
func (c Complaint) Decidable() bool {
	return c.may(evDecide, Operator) && (c.State != Reopened || c.DecidedBy != "")
}

// Mediable reports whether the operator may propose something to the parties.
func (c Complaint) Mediable() bool { return c.may(evMediate, Operator) }

// ClaimState is where a claim stands.
type ClaimState string

// The states of a claim.
const (
	ClaimOpened     ClaimState = "opened"
	ClaimReplied    ClaimState = "vendor_reply"
	ClaimNegotiated ClaimState = "negotiated"
	ClaimMediated   ClaimState = "mediated"
	ClaimSettled    ClaimState = "settled"
	ClaimCourt      ClaimState = "court"
	ClaimClosed     ClaimState = "closed"
)

// The events of a claim.
const (
	evOpen     Event = "opened"
	evReply    Event = "vendor_replied"
	evSilent   Event = "claim_silent"
	evOffer    Event = "offered"
	evPropose  Event = "proposed"
	evAgree    Event = "one_agreed"
	evSettle   Event = "settled"
	evPaidBack Event = "refund_sent"
	evCourt    Event = "to_court"
	evEnd      Event = "claim_closed"
)

// talking are the moves of a claim that the parties are still arguing about.
func talking(offered ClaimState) []arrow[ClaimState] {
	return []arrow[ClaimState]{
		{evOffer, User, offered}, {evOffer, Vendor, offered}, {evPropose, Operator, ClaimMediated},
		{evSettle, User, ClaimSettled}, {evSettle, Vendor, ClaimSettled},
		{evCourt, User, ClaimCourt}, {evCourt, Vendor, ClaimCourt}, {evEnd, User, ClaimClosed},
	}
}

var claimMachine = map[ClaimState][]arrow[ClaimState]{
	"": {{evOpen, User, ClaimOpened}},
	ClaimOpened: {
		{evReply, Vendor, ClaimReplied}, {evSilent, Timer, ClaimMediated}, {evPropose, Operator, ClaimMediated},
		{evCourt, User, ClaimCourt}, {evEnd, User, ClaimClosed},
	},
	ClaimReplied:    append(talking(ClaimNegotiated), arrow[ClaimState]{evReply, Vendor, ClaimReplied}),
	ClaimNegotiated: talking(ClaimNegotiated),
	ClaimMediated: append(talking(ClaimMediated),
		arrow[ClaimState]{evAgree, User, ClaimMediated}, arrow[ClaimState]{evAgree, Vendor, ClaimMediated}, arrow[ClaimState]{evReply, Vendor, ClaimMediated}),
	ClaimCourt: {
		{evOffer, User, ClaimCourt}, {evOffer, Vendor, ClaimCourt}, {evSettle, User, ClaimSettled}, {evSettle, Vendor, ClaimSettled}, {evEnd, User, ClaimClosed},
	},
	ClaimSettled: {{evPaidBack, System, ClaimSettled}, {evEnd, User, ClaimClosed}},
}

func (c Claim) may(e Event, by Side) bool {
	_, err := next(claimMachine, c.State, e, by)
	return err == nil
}

// Repliable reports whether the vendor is asked for its statement.
func (c Claim) Repliable() bool { return c.may(evReply, Vendor) }

// Negotiable reports whether the parties may make offers.
func (c Claim) Negotiable() bool { return c.may(evOffer, User) }

// Mediable reports whether the operator may propose a settlement.
func (c Claim) Mediable() bool { return c.may(evPropose, Operator) }

// Suable reports whether a side may note that it went to court.
func (c Claim) Suable(by Side) bool { return c.may(evCourt, by) }

// Endable reports whether the claimant may end it.
func (c Claim) Endable() bool { return c.may(evEnd, User) }
