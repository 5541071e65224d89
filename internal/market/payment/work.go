package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
)

// The kinds of job of this package.
const (
	OpenJob    = "payment.open"    // of an attempt: make it at the provider
	EventJob   = "payment.event"   // of a notice: read what it is about
	JanitorJob = "payment.janitor" // of an attempt: ask the provider what became of it
	CloseJob   = "payment.expire"  // of an attempt: close it at the provider
	RefundJob  = "payment.refund"  // of a refund: send it, then ask until it ends
	ReturnJob  = "payment.return"  // of a return: send it, then ask until it ends
	SplitJob   = "payment.split"   // of a split: send it, then ask until it ends
	PayoutJob  = "payment.payout"  // of a payout: send it, then ask until it ends
	DisputeJob = "payment.dispute" // of a provider's dispute: read it
	PullJob    = "payment.pull"    // of a gateway: read what changed there
	ReportJob  = "payment.report"  // of a gateway: read its account of yesterday
	LineJob    = "payment.line"    // of a statement line: find what it pays
)

// Work is the background work of the package. Its hooks run in the transaction
// that records the fact; an error of theirs undoes it and the job runs again. The
// hooks from SplitEnded on may be nil.
type Work struct {
	Gateways    map[string]Gateway
	Bank        string                    // name of the gateway whose money statement lines are
	Collector   string                    // the operator's name, shown by the provider
	ReturnURL   func(order string) string // where a provider sends the customer back to
	Captured    func(ctx context.Context, tx *db.Tx, c Capture) error
	RefundEnded func(ctx context.Context, tx *db.Tx, r Refund) error // refunds with CauseOrder only
	Deposit     func(ctx context.Context, tx *db.Tx, l StatementLine) error

	SplitEnded   func(ctx context.Context, tx *db.Tx, s Split) error   // done or failed
	ReturnEnded  func(ctx context.Context, tx *db.Tx, r Return) error  // done or failed
	PayoutMoved  func(ctx context.Context, tx *db.Tx, p Payout) error  // paid, failed or, after paid, returned
	DisputeMoved func(ctx context.Context, tx *db.Tx, d Dispute) error // open, then won or lost; the same again in the next round
}

// asking is when the provider is asked again about a call that got no answer;
// the first time is a minute after the call.
var asking = []time.Duration{
	5 * time.Minute, 30 * time.Minute, time.Hour,
	24 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// insistently is asking, of a job that has just called itself.
var insistently = append([]time.Duration{time.Minute}, asking...)

// insisting is for money that has come: more than a week.
var insisting = append(job.DefaultLadder[:len(job.DefaultLadder):len(job.DefaultLadder)],
	24*time.Hour, 24*time.Hour, 24*time.Hour, 24*time.Hour, 24*time.Hour, 24*time.Hour)

// Handlers returns the job handlers by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		OpenJob:    {Run: w.open},
		EventJob:   {Run: w.event, Ladder: insisting, GiveUp: abandonEvent},
		JanitorJob: {Run: w.janitor, Ladder: asking, GiveUp: giveUp("payment.outcome.unknown")},
		CloseJob:   {Run: w.close},
		RefundJob:  {Run: w.refund, Ladder: insistently, GiveUp: giveUp("payment.refund.unknown")},
		ReturnJob:  {Run: w.giveBack, Ladder: insistently, GiveUp: giveUp("payment.share.return.unknown")},
		SplitJob:   {Run: w.split, Ladder: insistently, GiveUp: giveUp("payment.split.unknown")},
		PayoutJob:  {Run: w.payout, Ladder: insistently, GiveUp: giveUp("payment.payout.unknown")},
		DisputeJob: {Run: w.dispute, Ladder: insisting, GiveUp: giveUp("payment.dispute.unread")},
		PullJob:    {Run: w.pull},
		ReportJob:  {Run: w.report},
		LineJob:    {Run: w.line, Ladder: insisting, GiveUp: giveUp("payment.line.stuck")},
	}
}

// giveUp makes the end of all attempts an alarm.
func giveUp(act string) func(context.Context, *db.Tx, job.Job, error) error {
	return func(ctx context.Context, tx *db.Tx, j job.Job, _ error) error {
		return alarm(ctx, tx, audit.Job(j.Kind), act, j.Object)
	}
}

func abandonEvent(ctx context.Context, tx *db.Tx, j job.Job, _ error) error {
	if _, err := tx.Exec(ctx, endEvent, "abandoned", db.Micros(tx.Now()), j.Object); err != nil {
		return err
	}
	return alarm(ctx, tx, audit.Job(j.Kind), "payment.notice.abandoned", j.Object)
}

func (w Work) gateway(name string) (Gateway, error) {
	g, ok := w.Gateways[name]
	if !ok {
		return nil, fmt.Errorf("payment: no gateway is called %q here", name)
	}
	return g, nil
}

// load reads an attempt and its gateway.
func (w Work) load(ctx context.Context, d *db.DB, id AttemptID) (a Attempt, g Gateway, err error) {
	err = d.Read(ctx, func(r db.Reader) error {
		a, err = Get(ctx, r, id)
		return err
	})
	if err == nil {
		g, err = w.gateway(a.Gateway)
	}
	return a, g, err
}

// open makes the attempt at the provider. A second lease of the job means that
// an earlier one may have called: then the provider is asked first.
func (w Work) open(ctx context.Context, d *db.DB, j job.Job) error {
	a, g, err := w.load(ctx, d, AttemptID(j.Object))
	if err != nil {
		return err
	}
	if a.State != Created && a.State != Unknown {
		return nil
	}
	if j.Token > 1 {
		err = w.resolve(ctx, d, j, g, a)
	} else {
		err = w.send(ctx, d, j, g, a)
	}
	if err == nil || !errors.Is(err, errNoAnswer) {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		a, err := Get(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if a.State == Created {
			if err := move(ctx, tx, a, Unknown); err != nil {
				return err
			}
		}
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: JanitorJob, Object: j.Object, At: tx.Now().Add(time.Minute), Unique: true}); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// errNoAnswer means that nobody knows what the provider has done.
var errNoAnswer = errors.New("payment: no answer from the provider")

// send opens the attempt and records the answer.
func (w Work) send(ctx context.Context, d *db.DB, j job.Job, g Gateway, a Attempt) error {
	in := Intent{
		Reference: a.ID, Amount: a.Amount, Description: a.Description, PayeeAccount: a.PayeeAccount, PayeeName: a.PayeeName,
		Collector: w.Collector, ExpiresAt: a.ExpiresAt, Locale: a.Locale,
	}
	if w.ReturnURL != nil {
		in.ReturnURL = w.ReturnURL(a.Order)
	}
	unlicensed, err := w.unlicensed(ctx, d, g)
	if err != nil {
		return err
	}
	var out Opened
	if unlicensed == nil {
		out, err = g.Open(ctx, in)
	}
	refused := unlicensed != nil || errors.Is(err, ErrRefused)
	if err != nil && !refused {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	if !refused && out.ProviderID == "" {
		return fmt.Errorf("%w: %s gave no id", errNoAnswer, g.Name())
	}
	// Guarded: the move names the state that was read; when it is another one by
	// then, the answer is recorded on top of that.
	return d.Write(ctx, func(tx *db.Tx) error {
		a, err := Get(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		switch {
		case unlicensed != nil:
			err = errors.Join(ended(ctx, tx, a), audit.Record(ctx, tx, audit.Job(j.Kind), audit.Entry{
				Act: "payment.unlicensed", Subjects: []string{string(a.ID), a.Order}, Clauses: []string{unlicensed.Clause}, Data: map[string]any{"gateway": a.Gateway},
			}))
		case refused:
			err = ended(ctx, tx, a)
		default:
			err = made(ctx, tx, a, out)
		}
		if errors.Is(err, ErrStale) {
			return db.Again(err)
		}
		if err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	}, db.Guarded)
}

// unlicensed is the refusal of a gateway that the law in force does not let
// collect. Only one with an account of the operator is a matter of law.
func (w Work) unlicensed(ctx context.Context, d *db.DB, g Gateway) (refusal *fault.Fault, err error) {
	c := g.Capability()
	if !c.OwnAccount {
		return nil, nil
	}
	err = d.Read(ctx, func(r db.Reader) error {
		law, err := agreement.LawInForce(ctx, r)
		refusal, _ = fault.Of(MayCollect(law, c))
		return err
	})
	return refusal, err
}

// made records an opened payment. When the attempt was given up meanwhile, the
// payment is closed.
func made(ctx context.Context, tx *db.Tx, a Attempt, out Opened) error {
	to := a.State
	switch a.State {
	case Created, Unknown:
		to = RequiresAction
	case Captured, Settled:
		return nil
	case RequiresAction, Processing, Failed, Cancelled, Expired:
	}
	a.ProviderID, a.PayURL, a.Instructions = out.ProviderID, out.PayURL, out.Instructions
	return move(ctx, tx, a, to)
}

// ended records that the provider has no payment for the attempt.
func ended(ctx context.Context, tx *db.Tx, a Attempt) error {
	if a.State != Created && a.State != Unknown {
		return nil
	}
	return move(ctx, tx, a, Failed)
}

// resolve finds out what became of an attempt, and sends it only when the
// provider says that there is nothing and there is still time to pay.
func (w Work) resolve(ctx context.Context, d *db.DB, j job.Job, g Gateway, a Attempt) error {
	waits := a.State == Created || a.State == Unknown
	o, err := g.Find(ctx, a.ref())
	switch {
	case errors.Is(err, ErrUnknown) && waits && a.ExpiresAt.After(d.Now()):
		return w.send(ctx, d, j, g, a)
	case errors.Is(err, ErrUnknown):
		return d.Write(ctx, func(tx *db.Tx) error {
			a, err := Get(ctx, tx, a.ID)
			if err != nil {
				return err
			}
			if err := ended(ctx, tx, a); err != nil {
				return err
			}
			return job.Done(ctx, tx, j)
		})
	case err != nil:
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	case waits && o.State == ObjectCreated && o.PayURL == "":
		return w.send(ctx, d, j, g, a) // the answer that was lost had the way to pay
	}
	return d.Write(ctx, func(tx *db.Tx) error { return w.learn(ctx, tx, j, g, a.ID, o) })
}

// learn records an object and ends the job. What cannot be believed moves
// nothing and is an alarm.
func (w Work) learn(ctx context.Context, tx *db.Tx, j job.Job, g Gateway, id AttemptID, o Object) error {
	a, err := Get(ctx, tx, id)
	if err != nil {
		return err
	}
	err = w.record(ctx, tx, g, a, o)
	if errors.Is(err, errForeign) {
		err = alarm(ctx, tx, audit.Provider(g.Name()), "payment.object.rejected", string(id), j.Object)
	}
	if err != nil {
		return err
	}
	return job.Done(ctx, tx, j)
}

// janitor asks about an attempt whose outcome is not known, or that the pull
// found changed.
func (w Work) janitor(ctx context.Context, d *db.DB, j job.Job) error {
	a, g, err := w.load(ctx, d, AttemptID(j.Object))
	if err != nil {
		return err
	}
	return w.resolve(ctx, d, j, g, a)
}

// errParked means that a notice is about something not known here yet.
var errParked = errors.New("payment: not known here")

// event reads the object of a notice and records what the provider says of it.
func (w Work) event(ctx context.Context, d *db.DB, j job.Job) error {
	var n notice
	if err := j.Decode(&n); err != nil {
		return err
	}
	g, err := w.gateway(n.Gateway)
	if err != nil {
		return err
	}
	apply, err := w.news(ctx, d, g, n)
	if errors.Is(err, ErrUnknown) || errors.Is(err, ErrNotFound) {
		return w.park(ctx, d, j)
	}
	if err != nil {
		return err
	}
	// A capture is guarded by rows alone: the attempt takes one capture ([Work.capture]),
	// the book one posting of it, and the hook has guards of its own. Other facts are
	// rare and need no argument.
	how := db.Serializable
	if n.Kind == PaymentEvent {
		how = db.Guarded
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		state := "done"
		// Asked here, when both of two notices are sure to be seen, and not on arrival.
		same, err := db.Value[int64](ctx, tx, countTwins, j.Object)
		if err == nil && same > 1 {
			err = alarm(ctx, tx, audit.Provider(g.Name()), "payment.notice.changed", j.Object, n.Reference)
		}
		if err == nil {
			err = apply(tx)
		}
		switch {
		case errors.Is(err, ErrNotFound):
			return errParked
		case errors.Is(err, ErrStale):
			return db.Again(err)
		case errors.Is(err, errForeign):
			state = "rejected"
			err = alarm(ctx, tx, audit.Provider(g.Name()), "payment.object.rejected", j.Object, n.Reference)
		}
		if err != nil {
			return err
		}
		tx.Queue(endEvent, state, db.Micros(tx.Now()), j.Object)
		return job.Done(ctx, tx, j)
	}, how)
	if errors.Is(err, errParked) {
		return w.park(ctx, d, j)
	}
	return err
}

// news reads the object of a notice and returns what is to be recorded of it.
func (w Work) news(ctx context.Context, d *db.DB, g Gateway, n notice) (apply func(tx *db.Tx) error, err error) {
	switch n.Kind {
	case RefundEvent:
		o, err := g.FindRefund(ctx, RefundRef{Reference: RefundID(n.Reference), ProviderID: n.ObjectID, Payment: Ref{Payee: n.Payee}})
		return func(tx *db.Tx) error { return w.recordRefund(ctx, tx, RefundID(o.Reference), o) }, err
	case SplitEvent, ReturnEvent, PayoutEvent:
		e, err := w.errandOf(ctx, d, n.Kind, n.Reference)
		if err == nil && e.gateway != g.Name() {
			err = ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		m, err := e.find(ctx)
		return func(tx *db.Tx) error { return e.record(ctx, tx, m) }, err
	case DisputeEvent:
		at, ok := g.(Disputer)
		if !ok {
			return nil, ErrUnknown
		}
		o, err := at.FindDispute(ctx, n.ObjectID)
		return func(tx *db.Tx) error { return w.recordDispute(ctx, tx, g.Name(), o) }, err
	case PaymentEvent:
	}
	o, err := g.Find(ctx, Ref{Reference: AttemptID(n.Reference), ProviderID: n.ObjectID, Payee: n.Payee})
	return func(tx *db.Tx) error {
		a, err := Get(ctx, tx, AttemptID(o.Reference))
		if err == nil && a.Gateway != g.Name() {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return w.record(ctx, tx, g, a, o)
	}, err
}

// park puts a notice about an unknown thing aside, and after a day makes it an
// alarm.
func (w Work) park(ctx context.Context, d *db.DB, j job.Job) error {
	wait, over := parkedFor(d.Now().Sub(j.EnqueuedAt))
	if !over {
		return job.Later(errParked, wait)
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := abandonEvent(ctx, tx, j, nil); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// close ends a given-up attempt at the provider. One that was paid at the last
// moment is recorded instead.
func (w Work) close(ctx context.Context, d *db.DB, j job.Job) error {
	a, g, err := w.load(ctx, d, AttemptID(j.Object))
	if err != nil {
		return err
	}
	if a.State != Cancelled && a.State != Expired {
		return nil
	}
	o, err := g.Find(ctx, a.ref())
	if errors.Is(err, ErrUnknown) {
		return nil // never opened; an answer still on its way closes it again
	}
	if err != nil {
		return err
	}
	if o.State == ObjectCreated || o.State == ObjectProcessing {
		of := a.ref()
		of.ProviderID = o.ProviderID
		err := g.Close(ctx, of)
		switch {
		case errors.Is(err, ErrRefused): // paid between the question and the call
			if o, err = g.Find(ctx, of); err != nil {
				return err
			}
			if o.State != ObjectCaptured {
				return fmt.Errorf("payment: %s will not close %s", g.Name(), a.ID)
			}
		case err != nil && !errors.Is(err, ErrUnknown):
			return err
		default:
			o.State = ObjectClosed
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error { return w.learn(ctx, tx, j, g, a.ID, o) })
}

// refund sends a refund once and asks until the provider has ended it.
func (w Work) refund(ctx context.Context, d *db.DB, j job.Job) error {
	id := RefundID(j.Object)
	var r Refund
	err := d.Read(ctx, func(q db.Reader) (err error) {
		r, err = GetRefund(ctx, q, id)
		return err
	})
	if err != nil || r.State == RefundFailed || r.State == RefundReturning {
		return err
	}
	a, g, err := w.load(ctx, d, r.Attempt)
	if err != nil {
		return err
	}
	o, err := askRefund(ctx, d, j, g, a, r)
	if errors.Is(err, errHeld) {
		return job.Later(nil, heldFor)
	}
	if errors.Is(err, job.ErrLeaseLost) {
		return err
	}
	if errors.Is(err, ErrRefused) {
		o, err = RefundObject{ProviderID: r.ProviderID, Reference: string(r.ID), State: RefundObjectFailed, Amount: r.Amount, Reason: "refused"}, nil
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", errNoAnswer, err), lost(ctx, d, r))
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		err := w.recordRefund(ctx, tx, id, o)
		if errors.Is(err, errForeign) {
			err = alarm(ctx, tx, audit.Provider(g.Name()), "payment.object.rejected", string(id))
		}
		if err != nil || o.State == RefundObjectSubmitted {
			return err
		}
		return job.Done(ctx, tx, j)
	})
	if err == nil && o.State == RefundObjectSubmitted {
		return job.Later(nil, polledAfter(d.Now().Sub(r.CreatedAt)))
	}
	return err
}

// askRefund sends a refund that was never sent. Any other is looked for first,
// and sent again only when the provider says that it has none. Nothing is sent
// while a dispute is open (errHeld).
func askRefund(ctx context.Context, d *db.DB, j job.Job, g Gateway, a Attempt, r Refund) (RefundObject, error) {
	if j.Token > 1 || r.State != RefundSubmitting || !r.SentAt.IsZero() {
		o, err := g.FindRefund(ctx, RefundRef{r.ID, r.ProviderID, a.ref()})
		if !errors.Is(err, ErrUnknown) || r.State != RefundSubmitting && r.State != RefundUnknown {
			return o, err
		}
	}
	err := claim(ctx, d, j, func(ctx context.Context, tx *db.Tx) (bool, error) {
		return claimed(ctx, tx, a.ID, sendRefund, string(r.ID))
	})
	if err != nil {
		return RefundObject{}, err
	}
	return g.Refund(ctx, RefundIntent{Reference: r.ID, Payment: a.ref(), Captured: a.Captured, Amount: r.Amount, Reason: string(r.Cause)})
}

// errHeld means that a thing may not be sent now.
var errHeld = errors.New("payment: held")

// heldFor is the wait before a thing that may not be sent now is looked at again.
const heldFor = 10 * time.Minute

// claim marks a thing as about to be sent in a transaction of its own, so that
// from then on it counts as sent, whatever happens. Only who still has the job may:
// a worker that was asleep since it last asked the provider knows too little, and
// the provider may have forgotten the reference by then.
func claim(ctx context.Context, d *db.DB, j job.Job, mark func(ctx context.Context, tx *db.Tx) (bool, error)) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := job.Keep(ctx, tx, j); err != nil || mark == nil {
			return err
		}
		ok, err := mark(ctx, tx)
		if err == nil && !ok {
			err = errHeld
		}
		return err
	})
}

// lost records that a refund was sent without an answer.
func lost(ctx context.Context, d *db.DB, r Refund) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, moveRefund, string(RefundUnknown), r.ProviderID, "", false, 0, string(r.ID), string(RefundSubmitting))
		return err
	})
}

// movement is what a provider says of a split, a return or a payout.
type movement struct {
	ProviderID, Reference string
	State                 MoveState
	Amount, Fee           money.Amount
	Reason                string
}

// id is the provider's id, or the one known before.
func (m movement) id(known string) string { return cmp.Or(m.ProviderID, known) }

// moved reads a provider's answer.
func moved[T SplitObject | ReturnObject | PayoutObject](o T, err error) (movement, error) {
	switch o := any(o).(type) {
	case SplitObject:
		return movement{ProviderID: o.ProviderID, Reference: o.Reference, State: o.State, Amount: o.Share, Reason: o.Reason}, err
	case ReturnObject:
		return movement{ProviderID: o.ProviderID, Reference: o.Reference, State: o.State, Amount: o.Amount, Reason: o.Reason}, err
	case PayoutObject:
		return movement{ProviderID: o.ProviderID, Reference: o.Reference, State: o.State, Amount: o.Amount, Fee: o.Fee, Reason: o.Reason}, err
	}
	return movement{}, err
}

// errand is a thing that is sent to a provider once and asked for until it ends:
// a split, a return or a payout.
type errand struct {
	object, gateway string
	born            time.Time
	over            bool // it has ended; nothing is left to do
	open            bool // it may be sent when the provider says that it has none
	sent            bool // it may have been sent: it is looked for first
	refused         movement
	claim           func(ctx context.Context, tx *db.Tx) (bool, error) // marks it as sent; nil: no mark
	send            func(ctx context.Context) (movement, error)        // nil: the gateway cannot
	find            func(ctx context.Context) (movement, error)
	record          func(ctx context.Context, tx *db.Tx, m movement) error
	lost            func(ctx context.Context, tx *db.Tx) error // it was sent without an answer
}

// errandOf reads a split, a return or a payout as something to be sent.
func (w Work) errandOf(ctx context.Context, d *db.DB, kind EventKind, id string) (e errand, err error) {
	var s Split
	var t Return
	var p Payout
	var a Attempt
	err = d.Read(ctx, func(r db.Reader) (err error) {
		switch kind {
		case PayoutEvent:
			p, err = GetPayout(ctx, r, PayoutID(id))
			return err
		case ReturnEvent:
			if t, err = GetReturn(ctx, r, ReturnID(id)); err != nil {
				return err
			}
			s, err = GetSplit(ctx, r, t.Split)
		default:
			s, err = GetSplit(ctx, r, SplitID(id))
		}
		if err == nil {
			a, err = Get(ctx, r, s.Attempt)
		}
		return err
	})
	if err != nil {
		return errand{}, err
	}
	g, err := w.gateway(cmp.Or(p.Gateway, a.Gateway))
	if err != nil {
		return errand{}, err
	}
	switch kind {
	case PayoutEvent:
		e = w.payoutErrand(p, g)
		e.over = p.State == PayoutFailed || p.State == PayoutReturned || p.State == PayoutCancelled
	case ReturnEvent:
		e = w.returnErrand(t, s, a, g)
		e.over = t.State == ShareDone || t.State == ShareFailed
	default:
		e = w.splitErrand(s, a, g)
		e.over = s.State == ShareDone || s.State == ShareFailed
	}
	if e.send == nil {
		unable := func(context.Context) (movement, error) { return movement{}, ErrUnknown }
		e.send, e.find, e.open, e.refused.Reason = unable, unable, true, "unsupported"
	}
	return e, nil
}

func (w Work) split(ctx context.Context, d *db.DB, j job.Job) error {
	return w.run(ctx, d, j, SplitEvent)
}

func (w Work) giveBack(ctx context.Context, d *db.DB, j job.Job) error {
	return w.run(ctx, d, j, ReturnEvent)
}

func (w Work) payout(ctx context.Context, d *db.DB, j job.Job) error {
	return w.run(ctx, d, j, PayoutEvent)
}

// run sends a thing once and asks until the provider has ended it.
func (w Work) run(ctx context.Context, d *db.DB, j job.Job, kind EventKind) error {
	e, err := w.errandOf(ctx, d, kind, j.Object)
	if err != nil || e.over {
		return err
	}
	m, err := e.ask(ctx, d, j)
	switch {
	case errors.Is(err, errHeld):
		return job.Later(nil, heldFor)
	case errors.Is(err, job.ErrLeaseLost):
		return err
	case errors.Is(err, ErrRefused), errors.Is(err, ErrUnknown) && e.refused.Reason != "":
		m, err = e.refused, nil
		m.Reason = cmp.Or(m.Reason, "refused")
	case err != nil:
		return errors.Join(fmt.Errorf("%w: %w", errNoAnswer, err), d.Write(ctx, func(tx *db.Tx) error { return e.lost(ctx, tx) }))
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		err := e.record(ctx, tx, m)
		if errors.Is(err, errForeign) {
			err = alarm(ctx, tx, audit.Provider(e.gateway), "payment.object.rejected", e.object)
		}
		if err != nil || m.State == MoveProcessing {
			return err
		}
		return job.Done(ctx, tx, j)
	})
	if err == nil && m.State == MoveProcessing {
		return job.Later(nil, polledAfter(d.Now().Sub(e.born)))
	}
	return err
}

// ask sends what was never sent. Anything else is looked for first, and sent
// again only when the provider says that it has none.
func (e errand) ask(ctx context.Context, d *db.DB, j job.Job) (movement, error) {
	if j.Token > 1 || e.sent {
		m, err := e.find(ctx)
		if !errors.Is(err, ErrUnknown) || !e.open {
			return m, err
		}
	}
	if err := claim(ctx, d, j, e.claim); err != nil {
		return movement{}, err
	}
	return e.send(ctx)
}

// disputeAt names a dispute to its job.
type disputeAt struct{ Gateway, ProviderID string }

// dispute reads a dispute that the pull found.
func (w Work) dispute(ctx context.Context, d *db.DB, j job.Job) error {
	var of disputeAt
	if err := j.Decode(&of); err != nil {
		return err
	}
	g, err := w.gateway(of.Gateway)
	if err != nil {
		return err
	}
	at, ok := g.(Disputer)
	if !ok {
		return nil
	}
	o, err := at.FindDispute(ctx, of.ProviderID)
	if err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		err := w.recordDispute(ctx, tx, of.Gateway, o)
		if errors.Is(err, errForeign) {
			err = alarm(ctx, tx, audit.Provider(of.Gateway), "payment.object.rejected", of.ProviderID)
		}
		if err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// pullEvery is how often a provider's list of changes is read: a notice that
// never comes costs at most so much time.
const pullEvery = time.Hour

// Pull starts the reading of a gateway's changes, and of its daily accounts, for
// ever; asking again changes nothing.
func Pull(ctx context.Context, tx *db.Tx, gateway string) error {
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: ReportJob, Object: gateway, Unique: true}); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: PullJob, Object: gateway, Unique: true})
}

// pull reads what changed at a provider and has each attempt that the market
// does not know so asked about, in a job of its own. It never gives up.
func (w Work) pull(ctx context.Context, d *db.DB, j job.Job) error {
	g, err := w.gateway(j.Object)
	if err == nil {
		err = pullDisputes(ctx, d, g)
	}
	if err == nil {
		err = askOpen(ctx, d, g)
	}
	if err == nil {
		err = w.pullPages(ctx, d, j, g)
	}
	if err != nil && !errors.Is(err, job.ErrLeaseLost) {
		return job.Later(err, 5*time.Minute)
	}
	return err
}

func (w Work) pullPages(ctx context.Context, d *db.DB, j job.Job, g Gateway) error {
	since, err := readTo(ctx, d, g.Name())
	for err == nil {
		var page []Object
		next := since
		if g.Capability().Lists {
			if page, next, err = g.Changed(ctx, since); err != nil {
				return err
			}
		}
		last := len(page) == 0 || next == since
		err = d.Write(ctx, func(tx *db.Tx) error {
			for _, o := range page {
				if err := changed(ctx, tx, g, o); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, upsertPull, g.Name(), next, db.Micros(tx.Now())); err != nil || !last {
				return err
			}
			if err := job.Enqueue(ctx, tx, job.Spec{Kind: PullJob, Object: j.Object, At: tx.Now().Add(pullEvery), Unique: true}); err != nil {
				return err
			}
			return job.Done(ctx, tx, j)
		})
		if last {
			return err
		}
		since = next
	}
	return err
}

// readTo is how far a list of a provider's was read.
func readTo(ctx context.Context, d *db.DB, cursor string) (since string, err error) {
	err = d.Read(ctx, func(r db.Reader) (err error) {
		if since, err = db.Value[string](ctx, r, selectPull, cursor); errors.Is(err, db.ErrNoRow) {
			err = nil
		}
		return err
	})
	return since, err
}

// pullDisputes has each dispute that changed at a provider read.
func pullDisputes(ctx context.Context, d *db.DB, g Gateway) error {
	at, ok := g.(Disputer)
	if !ok {
		return nil
	}
	cursor := disputeCursor(g.Name())
	since, err := readTo(ctx, d, cursor)
	if err != nil {
		return err
	}
	for {
		page, next, err := at.ChangedDisputes(ctx, since)
		if err != nil {
			return err
		}
		if err := d.Write(ctx, func(tx *db.Tx) error {
			for _, o := range page {
				if err := askDispute(ctx, tx, g.Name(), o.ProviderID); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, upsertPull, cursor, next, db.Micros(tx.Now()))
			return err
		}); err != nil || len(page) == 0 || next == since {
			return err
		}
		since = next
	}
}

func askDispute(ctx context.Context, tx *db.Tx, gateway, providerID string) error {
	return job.Enqueue(ctx, tx, job.Spec{
		Kind: DisputeJob, Object: providerID, Name: gateway, Unique: true, Payload: disputeAt{gateway, providerID},
	})
}

// asked bounds how many things of one sort a pull asks about, one call each.
const asked = 200

// askOpen has what is still open at a gateway asked about, one by one: the
// attempts and disputes of a provider without a list, from where the last pull
// stopped, and everything whose own job has given up.
func askOpen(ctx context.Context, d *db.DB, g Gateway) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		if !g.Capability().Lists {
			if err := askUnpaid(ctx, tx, g.Name()); err != nil {
				return err
			}
		}
		specs, err := openErrands(ctx, tx, g.Name())
		for _, s := range specs {
			if err == nil {
				s.Unique = true
				err = job.Enqueue(ctx, tx, s)
			}
		}
		return err
	})
}

// askUnpaid asks about the attempts that may still be paid, in turns: a second
// between two calls.
func askUnpaid(ctx context.Context, tx *db.Tx, gateway string) error {
	since, err := db.Value[string](ctx, tx, selectPull, gateway)
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return err
	}
	ids, err := db.All(ctx, tx, func(s db.Scanner) (id string, err error) { err = s.Scan(&id); return id, err }, selectUnpaid, gateway, since, asked)
	if err != nil {
		return err
	}
	next := ""
	if len(ids) == asked {
		next = ids[asked-1]
	}
	for i, id := range ids {
		at := tx.Now().Add(time.Duration(i) * time.Second)
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: JanitorJob, Object: id, Name: "pull", At: at, Unique: true}); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, upsertPull, gateway, next, db.Micros(tx.Now()))
	return err
}

// openErrands are the jobs of what a provider has not ended. Most of them wait
// already, and are not asked for twice.
func openErrands(ctx context.Context, r db.Reader, gateway string) (specs []job.Spec, err error) {
	refunds, err := RefundsOut(ctx, r, gateway)
	if err != nil {
		return nil, err
	}
	for _, v := range refunds[:min(asked, len(refunds))] {
		if v.State != RefundReturning {
			specs = append(specs, job.Spec{Kind: RefundJob, Object: string(v.ID)})
		}
	}
	splits, err := FindSplits(ctx, r, gateway, asked)
	if err != nil {
		return nil, err
	}
	for _, v := range splits {
		specs = append(specs, job.Spec{Kind: SplitJob, Object: string(v.ID)})
	}
	returns, err := db.All(ctx, r, scanReturn, selectReturnsOut, gateway, asked)
	if err != nil {
		return nil, err
	}
	for _, v := range returns {
		specs = append(specs, job.Spec{Kind: ReturnJob, Object: string(v.ID)})
	}
	payouts, err := PayoutsOut(ctx, r, gateway, asked)
	if err != nil {
		return nil, err
	}
	for _, v := range payouts {
		specs = append(specs, job.Spec{Kind: PayoutJob, Object: string(v.ID)})
	}
	disputes, err := DisputesOut(ctx, r, gateway, asked)
	for _, v := range disputes {
		specs = append(specs, job.Spec{Kind: DisputeJob, Object: v.ProviderID, Name: gateway, Payload: disputeAt{gateway, v.ProviderID}})
	}
	return specs, err
}

// report reads a provider's accounts, a day at a time, and asks for itself again
// on the next morning. A gateway that gives none has nothing to read.
func (w Work) report(ctx context.Context, d *db.DB, j job.Job) error {
	g, err := w.gateway(j.Object)
	if err != nil {
		return job.Later(err, time.Hour)
	}
	from, ok := g.(Reporter)
	if !ok {
		return nil
	}
	var read calendar.Date
	err = d.Read(ctx, func(r db.Reader) (err error) { read, err = reportRead(ctx, r, g.Name()); return err })
	if err != nil {
		return job.Later(err, reportRetry)
	}
	for _, day := range reportDays(read, d.Now()) {
		lines, err := from.Report(ctx, day)
		if err != nil {
			return job.Later(err, reportRetry)
		}
		if err := d.Write(ctx, func(tx *db.Tx) error {
			if _, err := StoreReport(ctx, tx, g.Name(), day, lines); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, upsertPull, reportCursor(g.Name()), day.String(), db.Micros(tx.Now()))
			return err
		}); err != nil {
			return job.Later(err, reportRetry)
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: ReportJob, Object: j.Object, At: nextReport(tx.Now()), Unique: true}); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// reportRetry is the wait after an account could not be read.
const reportRetry = 30 * time.Minute

// changed has an attempt asked about when the provider knows more of it.
func changed(ctx context.Context, tx *db.Tx, g Gateway, o Object) error {
	a, err := Get(ctx, tx, AttemptID(o.Reference))
	if errors.Is(err, ErrNotFound) || err == nil && a.Gateway != g.Name() {
		if o.State != ObjectCaptured {
			return nil
		}
		return alarm(ctx, tx, audit.Provider(g.Name()), "payment.pull.foreign", o.ProviderID)
	}
	if err != nil {
		return err
	}
	news := raised(a.State, o.State, false) != a.State
	if o.State == ObjectCaptured {
		news = a.CaptureID != o.CaptureID || a.Fee.IsZero() && o.Fee.Minor > 0
	}
	if !news {
		return nil
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: JanitorJob, Object: string(a.ID), Name: "pull", Unique: true})
}

// line finds what a statement line is: of an attempt, a refund, a payout or a
// deposit.
func (w Work) line(ctx context.Context, d *db.DB, j job.Job) error {
	var l StatementLine
	var a Attempt
	var r Refund
	var p Payout
	err := d.Read(ctx, func(q db.Reader) (err error) {
		if l, err = GetLine(ctx, q, LineID(j.Object)); err != nil || l.Code == "" {
			return err
		}
		switch l.Code[0] {
		case attemptLetter:
			a, err = one(db.One(ctx, q, scanAttempt, selectAttemptCode, l.Code))
		case refundLetter:
			r, err = one(db.One(ctx, q, scanRefund, selectRefundOf, l.Code))
		case payoutLetter:
			p, err = one(db.One(ctx, q, scanPayout, selectPayoutCode, l.Code))
		default:
			l.Vendor, err = one(db.Value[string](ctx, q, selectDepositor, l.Code))
		}
		return err
	})
	if err != nil || l.State != LineMatching {
		return err
	}
	settle := func(tx *db.Tx) (LineState, error) { return w.deposit(ctx, tx, l) }
	switch {
	case a.ID != "":
		settle, err = w.lineOfAttempt(ctx, a, l)
	case r.ID != "":
		settle, err = w.lineOfRefund(ctx, r)
	case p.ID != "":
		settle, err = w.lineOfPayout(ctx, d, p, l)
	}
	if err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		state, err := settle(tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, moveLine, string(state), string(l.ID)); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// lineOfAttempt reads the attempt through its gateway, which sees the lines. A
// line that is not the attempt's capture is money nobody asked for.
func (w Work) lineOfAttempt(ctx context.Context, a Attempt, l StatementLine) (func(tx *db.Tx) (LineState, error), error) {
	extra := func(tx *db.Tx) (LineState, error) {
		if l.Amount.Minor > 0 {
			if _, err := ledger.LateMoney(ctx, tx, w.Bank, l.BankRef, string(a.ID), l.Amount, l.At); err != nil {
				return "", err
			}
		}
		return LineSuspense, alarm(ctx, tx, audit.Provider(w.Bank), "payment.line.unexpected", string(l.ID), string(a.ID), a.Order)
	}
	if a.Gateway != w.Bank || l.Amount.Minor <= 0 {
		return extra, nil
	}
	g, err := w.gateway(a.Gateway)
	if err != nil {
		return nil, err
	}
	o, err := g.Find(ctx, a.ref())
	if err != nil {
		return nil, err
	}
	return func(tx *db.Tx) (LineState, error) {
		a, err := Get(ctx, tx, a.ID)
		if err == nil {
			err = w.record(ctx, tx, g, a, o)
		}
		if err == nil {
			a, err = Get(ctx, tx, a.ID)
		}
		if err != nil {
			return "", err
		}
		if a.CaptureID != l.BankRef {
			return extra(tx)
		}
		return LineMatched, nil
	}, nil
}

func (w Work) lineOfRefund(ctx context.Context, r Refund) (func(tx *db.Tx) (LineState, error), error) {
	g, err := w.gateway(r.Gateway)
	if err != nil {
		return nil, err
	}
	o, err := g.FindRefund(ctx, RefundRef{Reference: r.ID, ProviderID: r.ProviderID})
	if err != nil {
		return nil, err
	}
	return func(tx *db.Tx) (LineState, error) {
		err := w.recordRefund(ctx, tx, r.ID, o)
		if errors.Is(err, errForeign) {
			return LineSuspense, alarm(ctx, tx, audit.Provider(r.Gateway), "payment.object.rejected", string(r.ID))
		}
		return LineMatched, err
	}, nil
}

func (w Work) lineOfPayout(ctx context.Context, d *db.DB, p Payout, l StatementLine) (func(tx *db.Tx) (LineState, error), error) {
	e, err := w.errandOf(ctx, d, PayoutEvent, string(p.ID))
	if err != nil {
		return nil, err
	}
	m, err := e.find(ctx)
	if err != nil {
		return nil, err
	}
	return func(tx *db.Tx) (LineState, error) {
		err := e.record(ctx, tx, m)
		if errors.Is(err, errForeign) {
			return LineSuspense, alarm(ctx, tx, audit.Provider(p.Gateway), "payment.object.rejected", string(p.ID), string(l.ID))
		}
		return LineMatched, err
	}, nil
}

// deposit hands a vendor's deposit to its hook.
func (w Work) deposit(ctx context.Context, tx *db.Tx, l StatementLine) (LineState, error) {
	if l.Amount.Minor < 0 {
		return LineSuspense, alarm(ctx, tx, audit.Provider(w.Bank), "payment.line.unexpected", string(l.ID), l.Vendor)
	}
	return LineMatched, w.Deposit(ctx, tx, l)
}
