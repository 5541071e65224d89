package enforcement

import "slices"

// Event is what happens to a case.
type Event string

// The events.
const (
	evOpen     Event = "opened"
	evEvidence Event = "evidence_added"
	evHear     Event = "heard"
	evPropose  Event = "proposed"
	evDecide   Event = "decided"
	evConfirm  Event = "second_confirmed"
	evDecline  Event = "second_declined"
	evDismiss  Event = "dismissed"
	evServe    Event = "served"
	evFurther  Event = "further_served" // a measure that came later
	evForce    Event = "in_force"
	evAppeal   Event = "appealed"
	evHuman    Event = "human_asked"
	evUphold   Event = "upheld"
	evRevise   Event = "revised"
	evRevoke   Event = "revoked"
	evFinal    Event = "final" // nobody appealed in time
	evSuggest  Event = "measure_proposed"
	evAdopt    Event = "measure_adopted"
	evDrop     Event = "measure_dropped"
	evAnswer   Event = "order_answered"
	evComply   Event = "order_complied"
	evOverdue  Event = "order_overdue"
	evLift     Event = "measure_lifted"
	evExpire   Event = "measure_expired"
	evEnd      Event = "ended"
)

// Side is on whose side an actor acts.
type Side string

// The sides. A second is an officer, and another person than the first.
const (
	Reporting Side = "reporter"
	Subject   Side = "subject"
	Officer   Side = "operator"
	Second    Side = "second"
	Reviewer  Side = "reviewer" // of an appeal: neither the first nor the second
	Timer     Side = "timer"
	System    Side = "system"
)

// arrow is one allowed move.
type arrow struct {
	event Event
	by    Side
	to    State
}

// deciding are the moves of a case that nothing was decided in.
func deciding(stay State) []arrow {
	return []arrow{
		{evEvidence, Officer, Evidence}, {evEvidence, Reporting, stay}, {evHear, Officer, Heard}, {evHuman, Subject, stay}, {evPropose, Officer, SecondReview},
		{evDecide, Officer, Decided}, {evDecide, System, Decided}, {evDismiss, Officer, Dismissed},
	}
}

// standing are the moves of a case whose measures run, which leave it where it is.
func standing(stay State, more ...arrow) []arrow {
	return append(more,
		arrow{evEvidence, Officer, stay}, arrow{evSuggest, System, stay}, arrow{evAdopt, Officer, stay}, arrow{evAdopt, Second, stay},
		arrow{evDrop, Officer, stay}, arrow{evFurther, System, stay}, arrow{evAnswer, Subject, stay}, arrow{evComply, Officer, stay},
		arrow{evOverdue, Timer, stay}, arrow{evOverdue, Officer, stay}, arrow{evLift, Officer, stay}, arrow{evExpire, Timer, stay},
	)
}

// machine holds every move there is, by the state it starts from.
var machine = map[State][]arrow{
	"":           {{evOpen, Reporting, Opened}, {evOpen, Officer, Opened}, {evOpen, System, Opened}},
	Opened:       deciding(Opened),
	Evidence:     deciding(Evidence),
	Heard:        deciding(Heard),
	SecondReview: {{evConfirm, Second, Decided}, {evDecline, Second, Evidence}, {evHuman, Subject, SecondReview}},
	Decided:      {{evServe, System, Served}},
	Served:       standing(Served, arrow{evForce, System, InForce}, arrow{evFinal, Timer, InForce}, arrow{evAppeal, Subject, Appealed}, arrow{evHuman, Subject, Appealed}),
	InForce: standing(InForce, arrow{evAppeal, Subject, Appealed}, arrow{evHuman, Subject, Appealed}, arrow{evFinal, Timer, InForce},
		arrow{evEnd, System, Ended}),
	Appealed: standing(Appealed, arrow{evUphold, Reviewer, Upheld}, arrow{evRevise, Reviewer, Revised}, arrow{evRevoke, Reviewer, Revoked}),
	Upheld:   standing(Upheld, arrow{evEnd, System, Ended}),
	Revised:  standing(Revised, arrow{evEnd, System, Ended}),
}

// next is where an event of a side leads from a state; ErrState when nowhere.
func next(from State, e Event, by Side) (State, error) {
	i := slices.IndexFunc(machine[from], func(a arrow) bool { return a.event == e && a.by == by })
	if i < 0 {
		return from, ErrState.With("State", from)
	}
	return machine[from][i].to, nil
}

func (c Case) may(e Event, by Side) bool { _, err := next(c.State, e, by); return err == nil }

// Decidable reports whether an officer is asked to decide.
func (c Case) Decidable() bool { return c.may(evDecide, Officer) }

// Confirmable reports whether a second person is asked.
func (c Case) Confirmable() bool { return c.may(evConfirm, Second) }

// Liftable reports whether measures of the case may be lifted.
func (c Case) Liftable() bool { return c.may(evLift, Officer) }

// measureMoves are the arrows of measures.
var measureMoves = map[MeasureState][]MeasureState{
	Planned:        {MeasureDecided, MeasureDropped},
	Proposed:       {MeasureDecided, MeasureDropped},
	MeasureDecided: {Effective, MeasureDropped},
	Effective:      {Answered, Complied, Overdue, Lifted, MeasureRevoked, MeasureExpired},
	Answered:       {Complied, Overdue, Lifted, MeasureRevoked},
	Overdue:        {Answered, Complied, Lifted, MeasureRevoked},
}
