package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
)

// Work calls vendors and tells the order what came of it. Delivered and Failed
// run in the transaction that records the outcome of a create; an order refunds
// in Failed. Hooks may be nil: then [VendorHooks] is asked. Fields is asked before
// each call what of the buyer may go out with it now; nil: nothing.
type Work struct {
	Provisioners map[string]Provisioner // by dialect
	Hooks        Hooks
	Fields       func(ctx context.Context, tx *db.Tx, d Delivery) (map[string]string, error)
	Delivered    func(ctx context.Context, tx *db.Tx, d Delivery) error
	Failed       func(ctx context.Context, tx *db.Tx, d Delivery, reason string) error
}

// Handlers are the jobs of this package.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		provisionJob: {Run: w.provision, Ladder: ladder, GiveUp: w.giveUp},
		reportJob:    {Run: w.report},
		destroyJob:   {Run: w.destroy},
	}
}

// VendorHooks is the [Hooks] of the vendors' own settings.
func VendorHooks(ctx context.Context, r db.Reader, v vendor.ID, dialect string) (Endpoint, error) {
	h, err := vendor.HookOf(ctx, r, v, dialect)
	if err != nil {
		return Endpoint{}, err
	}
	e := Endpoint{URL: h.URL, Secrets: []string{h.Secret}}
	if h.Previous != "" && r.Now().Before(h.PreviousUntil) {
		e.Secrets = append(e.Secrets, h.Previous)
	}
	return e, nil
}

// again is the payload of a replay.
type again struct {
	Replay bool `json:"replay"`
}

// provision makes one attempt.
func (w Work) provision(ctx context.Context, d *db.DB, j job.Job) error {
	var asked again
	if err := j.Decode(&asked); err != nil {
		return err
	}
	var row Delivery
	var call Call
	over := false
	var trouble error // why no call can be made now
	// Guarded: deliveries, rights and orders move only from the state that they are
	// in, by their own rows, and the job ends by its lease's token.
	err := d.Write(ctx, func(tx *db.Tx) (err error) {
		over, trouble = false, nil
		if row, err = begin(ctx, tx, ID(j.Object)); err != nil {
			return err
		}
		if row.State != Running && !(row.State == Delivered && asked.Replay) {
			over = true
			return job.Done(ctx, tx, j)
		}
		switch row.Dialect {
		case Download, LicenceKey:
			over = true
			if err := w.handOver(ctx, tx, row); err != nil {
				return err
			}
			return job.Done(ctx, tx, j)
		}
		call, err = w.call(ctx, tx, row)
		if f, ok := fault.Of(err); ok && f.Code == ErrNoHook.Code {
			trouble, err = err, nil
		}
		return err
	}, db.Guarded)
	if err != nil || over {
		return err
	}
	var result Result
	if trouble == nil {
		if p, known := w.Provisioners[row.Dialect]; known {
			result, trouble = p.Provision(ctx, call)
		} else {
			trouble = fmt.Errorf("delivery: no adapter for %s", row.Dialect)
		}
	}
	return w.record(ctx, d, j, row, result, trouble, call.At)
}

// begin notes that the first attempt is made.
func begin(ctx context.Context, tx *db.Tx, id ID) (Delivery, error) {
	tx.Queue(beginAttempt, db.Micros(tx.Now()), string(id))
	return Read(ctx, tx, id)
}

// endpoint finds where a vendor is called, or VENDOR_HOOK_MISSING.
func (w Work) endpoint(ctx context.Context, r db.Reader, v vendor.ID, dialect string) (Endpoint, error) {
	hooks := w.Hooks
	if hooks == nil {
		hooks = VendorHooks
	}
	e, err := hooks(ctx, r, v, dialect)
	if f, ok := fault.Of(err); ok && f.Kind == fault.NotFound {
		return Endpoint{}, ErrNoHook
	}
	return e, err
}

// call gathers what a vendor is told.
func (w Work) call(ctx context.Context, tx *db.Tx, d Delivery) (Call, error) {
	endpoint, err := w.endpoint(ctx, tx, d.Vendor, d.Dialect)
	if err != nil {
		return Call{}, err
	}
	c := Call{
		ID: d.ID, Action: d.Action, Endpoint: endpoint, At: tx.Now(), Order: d.Order, Entitlement: d.Entitlement,
		OpenID: vendor.OpenID(d.Vendor, d.Account, tx.Keys()), Slug: d.Slug, Name: d.Name, PlanCode: d.PlanCode, Quantity: d.Quantity,
		Term: d.Term, Test: d.Test,
	}
	if d.Action != Create {
		c.Instance = d.Instance
	}
	e, err := entitlement.Read(ctx, tx, d.Entitlement)
	if err != nil {
		return Call{}, err
	}
	c.ExpiresAt = e.EndsAt
	if e.State == entitlement.Pending {
		c.ExpiresAt = entitlement.EndOf(c.At, e.Term)
	}
	if c.Number, err = number(ctx, tx, d); err != nil {
		return Call{}, err
	}
	if c.Nonce, err = draw(tx.Rand(), math.MaxInt32); err != nil {
		return Call{}, err
	}
	sealed, err := db.Value[[]byte](ctx, tx, selectFields, string(d.ID))
	if err != nil {
		return Call{}, err
	}
	if err := tx.Keys().OpenJSON(sealed, fieldsAt(d.ID), &c.Fields); err != nil || w.Fields == nil {
		return c, err
	}
	more, err := w.Fields(ctx, tx, d)
	if err == nil && len(more) > 0 && c.Fields == nil {
		c.Fields = map[string]string{}
	}
	maps.Copy(c.Fields, more)
	return c, err
}

// record writes the attempt down and what follows from it.
func (w Work) record(ctx context.Context, d *db.DB, j job.Job, row Delivery, result Result, cause error, at time.Time) error {
	var next error // what the worker does with the job
	err := d.Write(ctx, func(tx *db.Tx) error {
		next = nil
		if err := logAttempt(ctx, tx, row, result, cause); err != nil {
			return err
		}
		reason := ""
		switch {
		case cause == nil:
			if err := w.delivered(ctx, tx, row, result, digest(result.Exchange.Response), at); err != nil {
				return err
			}
			return job.Done(ctx, tx, j)
		case errors.Is(cause, ErrRefused):
			reason = ReasonRefused
		case errors.Is(cause, ErrPending) && outOfPatience(row, tx.Now()):
			reason = ReasonTooSlow
		case outOfPatience(row, tx.Now()):
			reason = ReasonUnreachable
		case errors.Is(cause, ErrPending):
			next = job.Later(nil, poll)
			return nil
		default:
			next = cause
			return nil
		}
		if err := w.failed(ctx, tx, row.ID, reason); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
	if err != nil {
		return err
	}
	return next
}

func (w Work) giveUp(ctx context.Context, tx *db.Tx, j job.Job, _ error) error {
	return w.failed(ctx, tx, ID(j.Object), ReasonUnreachable)
}

// handOver delivers what needs no vendor system.
func (w Work) handOver(ctx context.Context, tx *db.Tx, d Delivery) error {
	if d.Dialect == Download {
		f, err := fileOf(ctx, tx, d)
		if errors.Is(err, ErrNotFound) {
			return w.failed(ctx, tx, d.ID, ReasonFile)
		}
		if err != nil {
			return err
		}
		return w.delivered(ctx, tx, d, Result{}, f.SHA256, tx.Now())
	}
	e, err := entitlement.Activate(ctx, tx, audit.Job(provisionJob), d.Entitlement, tx.Now())
	if err != nil {
		return err
	}
	key, err := issue(ctx, tx, d, e)
	if err != nil {
		return err
	}
	return w.delivered(ctx, tx, d, Result{Credentials: []Credential{{Name: LicenceKey, Value: key, Secret: true}}}, digest([]byte(key)), tx.Now())
}

// delivered records that the product is there; its term starts at the moment
// given, which is the one the vendor was told. A replay only refreshes what the
// vendor said.
func (w Work) delivered(ctx context.Context, tx *db.Tx, d Delivery, result Result, sha256 string, at time.Time) error {
	by := audit.Job(provisionJob)
	if result.Instance == "" {
		result.Instance = d.Instance
	}
	result.Website, result.AdminURL = linkable(result.Website), linkable(result.AdminURL)
	notes, err := tx.Keys().Seal(result.Notes, notesAt(d.ID))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, markDone, db.Micros(tx.Now()), result.Instance, result.Website, result.AdminURL, notes, string(d.ID), string(Running))
	if err != nil {
		return err
	}
	if err := keep(tx, d.ID, result.Credentials); err != nil {
		return err
	}
	if n == 0 { // it was there already
		n, err = tx.Exec(ctx, refresh, result.Instance, result.Website, result.AdminURL, notes, string(d.ID))
		if err == nil && n == 0 {
			err = ErrState // it has failed in the meantime, and the money is on its way back
		}
		return err
	}
	addReceipt(tx, by, d.ID, "provided", sha256)
	switch d.Action {
	case Create:
		if _, err := entitlement.Activate(ctx, tx, by, d.Entitlement, at); err != nil {
			return err
		}
	case Destroy:
		if err := destroyed(ctx, tx, by, d.Entitlement); err != nil {
			return err
		}
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.delivered", Subjects: []string{string(d.ID), string(d.Entitlement), d.Order},
		Data: map[string]any{"action": d.Action, "dialect": d.Dialect, "sha256": sha256},
	}); err != nil {
		return err
	}
	return w.tell(ctx, tx, d.ID)
}

// failed records that the product will not come.
func (w Work) failed(ctx context.Context, tx *db.Tx, id ID, reason string) error {
	n, err := tx.Exec(ctx, markFailed, reason, string(id))
	if err != nil || n == 0 {
		return err
	}
	d, err := Read(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Job(provisionJob), audit.Entry{
		Act: "delivery.failed", Subjects: []string{string(d.ID), string(d.Entitlement), d.Order},
		Data: map[string]any{"action": d.Action, "dialect": d.Dialect, "reason": reason},
	}); err != nil {
		return err
	}
	return w.tell(ctx, tx, id)
}

// tell runs the hook of the outcome of a create.
func (w Work) tell(ctx context.Context, tx *db.Tx, id ID) error {
	d, err := Read(ctx, tx, id)
	if err != nil || d.Action != Create {
		return err
	}
	switch {
	case d.State == Delivered && w.Delivered != nil:
		return w.Delivered(ctx, tx, d)
	case d.State == Failed && w.Failed != nil:
		return w.Failed(ctx, tx, d, d.Reason)
	}
	return nil
}

// report tells the order what a person of the vendor has recorded.
func (w Work) report(ctx context.Context, d *db.DB, j job.Job) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := w.tell(ctx, tx, ID(j.Object)); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// Expired isolates what a vendor made for a right that is over, and plans its
// removal. It is the Expired of [entitlement.Work].
func Expired(ctx context.Context, tx *db.Tx, e entitlement.Entitlement) error {
	if err := follow(ctx, tx, audit.Job("entitlement.expire"), e.ID, Expire); err != nil {
		return err
	}
	kept, err := agreement.Setting[struct {
		Days int `json:"days"`
	}](ctx, tx, "expired_to_destroy")
	if err != nil {
		return err
	}
	at := calendar.On(e.EndsAt).AddDays(kept.Days).Last()
	return job.Enqueue(ctx, tx, job.Spec{Kind: destroyJob, Object: string(e.ID), At: at, Unique: true})
}

// Withdraw has the vendor remove what it made for a right that was refunded. What
// was not delivered yet is given up, without anybody being told that it failed:
// the money is on its way back already.
func Withdraw(ctx context.Context, tx *db.Tx, by audit.Actor, e entitlement.ID) error {
	made, err := created(ctx, tx, e)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, markFailed, ReasonRefunded, string(made.ID))
	if err != nil {
		return err
	}
	if n == 0 {
		return follow(ctx, tx, by, e, Destroy)
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.failed", Subjects: []string{string(made.ID), string(e), made.Order},
		Data: map[string]any{"action": made.Action, "dialect": made.Dialect, "reason": ReasonRefunded},
	})
}

// destroy removes what has been isolated for long enough.
func (w Work) destroy(ctx context.Context, d *db.DB, j job.Job) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		by := audit.Job(destroyJob)
		e, err := entitlement.Read(ctx, tx, entitlement.ID(j.Object))
		if err != nil {
			return err
		}
		if e.State == entitlement.Expired {
			made, err := created(ctx, tx, e.ID)
			switch {
			case err == nil && made.Instance != "":
				err = follow(ctx, tx, by, e.ID, Destroy)
			case err == nil || errors.Is(err, ErrNotFound):
				err = destroyed(ctx, tx, by, e.ID)
			}
			if err != nil {
				return err
			}
		}
		return job.Done(ctx, tx, j)
	})
}

// destroyed ends an expired right; a refunded one stays refunded.
func destroyed(ctx context.Context, tx *db.Tx, by audit.Actor, id entitlement.ID) error {
	e, err := entitlement.Read(ctx, tx, id)
	if err != nil || e.State != entitlement.Expired {
		return err
	}
	_, err = entitlement.End(ctx, tx, by, id, entitlement.Destroyed)
	return err
}

// longest is the most of a body that the log keeps, in bytes.
const longest = 64 << 10

func logAttempt(ctx context.Context, tx *db.Tx, d Delivery, result Result, cause error) error {
	if _, err := tx.Exec(ctx, countAttempt, string(d.ID)); err != nil {
		return err
	}
	now, err := Read(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	ended, trouble := outcome(result, cause)
	x := result.Exchange
	request, err := tx.Keys().Seal(cut(x.Request), bodyAt(d.ID))
	if err != nil {
		return err
	}
	response, err := tx.Keys().Seal(cut(x.Response), bodyAt(d.ID))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertAttempt, tx.ID("try"), string(d.ID), now.Attempts, d.Dialect, string(d.Action), db.Micros(tx.Now().Add(-x.Duration)),
		int64(max(x.Duration, 0)/time.Microsecond), int64(x.Status), string(d.ID), ended, trouble, request, response)
	return err
}

// outcome is how an attempt ended, in the words of the log.
func outcome(result Result, cause error) (ended, trouble string) {
	switch {
	case errors.Is(cause, ErrPending):
		return "pending", ""
	case errors.Is(cause, ErrRefused):
		return "refused", result.Refusal
	case cause != nil:
		return "failed", brief(cause)
	}
	return "delivered", ""
}

func cut(body []byte) string { return string(body[:min(len(body), longest)]) }

func brief(err error) string {
	if f, ok := fault.Of(err); ok {
		return f.Code
	}
	text := err.Error()
	return text[:min(len(text), 300)]
}
