package infringement

import "slices"

// Event is what happens to a notice.
type Event string

// The events.
const (
	evSubmit   Event = "submitted"
	evConfirm  Event = "address_confirmed"
	evExpire   Event = "expired"
	evReturn   Event = "returned_incomplete"
	evComplete Event = "completed"
	evAccept   Event = "accepted"
	evMeasure  Event = "measure_taken_and_forwarded"
	evReject   Event = "rejected"
	evWithdraw Event = "withdrawn"
	evCounter  Event = "counter_statement"
	evForward  Event = "counter_forwarded"
	evArrive   Event = "counter_arrived"
	evPause    Event = "paused_for_formalities"
	evFiled    Event = "complaint_or_suit_filed"
	evLapse    Event = "nothing_filed_in_time"
	evLift     Event = "lifted_by_decision"
	evKeep     Event = "kept_by_decision"
	evUpheld   Event = "upheld_by_result"
	evFlag     Event = "flagged_malicious"
	evClear    Event = "malicious_flag_removed"
)

// Side is on whose side an actor acts.
type Side string

// The sides.
const (
	Notifier Side = "notifier"
	Other    Side = "other" // who answers for the content
	Staff    Side = "operator"
	Timer    Side = "timer"
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
	"":          {{evSubmit, Notifier, Received}},
	Unconfirmed: {{evConfirm, Notifier, Received}, {evExpire, Timer, Expired}},
	Received: {
		{evReturn, System, Incomplete}, {evReturn, Staff, Incomplete}, {evAccept, Staff, Accepted}, {evReject, Staff, Rejected},
		{evWithdraw, Notifier, Withdrawn},
	},
	Incomplete: {{evComplete, Notifier, Received}, {evReject, Staff, Rejected}, {evWithdraw, Notifier, Withdrawn}},
	Accepted:   {{evMeasure, System, MeasureTaken}},
	MeasureTaken: {
		{evCounter, Other, CounterReceived}, {evLift, Staff, Lifted}, {evWithdraw, Notifier, Lifted},
	},
	// Of content that the law forbids the operator decides; of a right, its holder goes on.
	CounterReceived: {
		{evForward, System, CounterForwarded}, {evLift, Staff, Lifted}, {evKeep, Staff, Kept}, {evWithdraw, Notifier, Lifted},
	},
	CounterForwarded: {
		{evArrive, System, Waiting}, {evArrive, Staff, Waiting}, {evFiled, Notifier, Kept}, {evFiled, Staff, Kept}, {evLift, Staff, Lifted},
		{evWithdraw, Notifier, Lifted},
	},
	Waiting: {
		{evPause, Staff, Waiting}, {evFiled, Notifier, Kept}, {evFiled, Staff, Kept}, {evLapse, Timer, Lifted}, {evLift, Staff, Lifted},
		{evWithdraw, Notifier, Lifted},
	},
	Kept:     {{evLift, Staff, Lifted}, {evUpheld, Staff, Kept}, {evWithdraw, Notifier, Lifted}},
	Lifted:   {{evFlag, Staff, Lifted}, {evClear, Staff, Lifted}},
	Rejected: {{evFlag, Staff, Rejected}, {evClear, Staff, Rejected}},
}

// next is where an event of a side leads from a state; ErrState when nowhere.
func next(from State, e Event, by Side) (State, error) {
	i := slices.IndexFunc(machine[from], func(a arrow) bool { return a.event == e && a.by == by })
	if i < 0 {
		return from, ErrState.With("State", string(from))
	}
	return machine[from][i].to, nil
}

func (n Notice) may(e Event, by Side) bool { _, err := next(n.State, e, by); return err == nil }

// Completable reports whether the notifier may add what is missing.
func (n Notice) Completable() bool { return n.may(evComplete, Notifier) }

// Withdrawable reports whether the notifier may take the notice back.
func (n Notice) Withdrawable() bool { return n.may(evWithdraw, Notifier) }

// Fileable reports whether the notifier may say that it has complained or sued.
func (n Notice) Fileable() bool { return n.may(evFiled, Notifier) }

// Answerable reports whether the other side may make its statement.
func (n Notice) Answerable() bool { return n.may(evCounter, Other) }

// Decidable reports whether the operator is asked to accept, return or reject.
func (n Notice) Decidable() bool { return n.may(evReject, Staff) }

// Acceptable reports whether the operator may take the measure.
func (n Notice) Acceptable() bool { return n.may(evAccept, Staff) && len(n.Missing) == 0 }

// Liftable reports whether the operator may lift the measure by a decision.
func (n Notice) Liftable() bool { return n.may(evLift, Staff) }

// Keepable reports whether the operator may keep the measure by a decision of its
// own: for content that the law forbids.
func (n Notice) Keepable() bool { return n.may(evKeep, Staff) && !n.Asserted() }

// Arrivable reports whether the arrival of the counter-statement is still to be
// recorded.
func (n Notice) Arrivable() bool { return n.may(evArrive, Staff) }

// Pausable reports whether the clock runs.
func (n Notice) Pausable() bool { return n.may(evPause, Staff) }

// Flaggable reports whether the notice may be flagged as malicious, or the flag
// taken off.
func (n Notice) Flaggable() bool { return n.may(evFlag, Staff) }

// Measured reports whether the content is kept out of sight by this notice.
func (n Notice) Measured() bool { return n.Was != "" }
