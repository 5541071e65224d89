package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

const (
	lateJob  = "privacy.late"  // a vendor's time to answer a request is over
	purgeJob = "privacy.purge" // the day to erase an ended account has come
	keepJob  = "privacy.keep"  // once a day: what is over its time goes
)

// Work is the background work of the package.
type Work struct {
	Keep  Keep
	Files blob.Store // nil: nothing is kept outside of the database
	// Used reports whether a row still names a stored file.
	Used func(ctx context.Context, r db.Reader, key string) (bool, error)
}

// Start begins the daily work, for ever; starting again changes nothing, but looks
// into the register of erasures, for the database may have been restored.
func Start(ctx context.Context, tx *db.Tx) error {
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: againJob, Object: "market", Unique: true}); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: keepJob, Object: "market", Unique: true})
}

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		lateJob: {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := job.Done(ctx, tx, j); err != nil {
					return err
				}
				if err := late(ctx, tx, RequestID(j.Object)); !errors.Is(err, ErrStale) && !errors.Is(err, ErrNotFound) {
					return err
				}
				return nil
			})
		}},
		purgeJob: {Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				if err := job.Done(ctx, tx, j); err != nil {
					return err
				}
				c, err := ClosingOf(ctx, tx, ClosingID(j.Object))
				if err != nil || c.State != Waiting {
					return err
				}
				return w.Keep.purge(ctx, tx, audit.Job(j.Kind), c, "")
			})
		}},
		keepJob:     {Run: w.keep},
		registerJob: {Run: w.register},
		againJob:    {Run: w.again},
		job.FileJob: {Run: w.removeFile},
	}
}

// keep lets go what is over its time and comes again tomorrow. Each step is a
// transaction of its own and does nothing when it is repeated.
func (w Work) keep(ctx context.Context, d *db.DB, j job.Job) error {
	for _, step := range []func(context.Context, *db.Tx) error{runOut, w.logs, w.sharing, w.cases, w.bank, w.trades, w.invoices} {
		if err := d.Write(ctx, func(tx *db.Tx) error { return step(ctx, tx) }); err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := job.Done(ctx, tx, j); err != nil {
			return err
		}
		yesterday := calendar.On(tx.Now()).AddDays(-1) // two nodes may have written its file at once
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: registerJob, Object: yesterday.String(), Unique: true}); err != nil {
			return err
		}
		tomorrow := calendar.On(tx.Now()).AddDays(1).Start().Add(3 * time.Hour) // when few are awake
		return job.Enqueue(ctx, tx, job.Spec{Kind: keepJob, Object: "market", At: tomorrow, Unique: true})
	})
}

// runOut ends consents whose time is over; their recipients are asked to stop.
func runOut(ctx context.Context, tx *db.Tx) error {
	ids, err := db.All(ctx, tx, db.Column[string], selectRunOut, db.Micros(tx.Now()))
	if err != nil {
		return err
	}
	for _, id := range ids {
		c, err := readConsent(ctx, tx, ConsentID(id))
		if err != nil {
			return err
		}
		if err := endConsent(ctx, tx, audit.Job(keepJob), &c, Expired); err != nil {
			return err
		}
	}
	return nil
}

func (w Work) logs(ctx context.Context, tx *db.Tx) error {
	rule, err := agreement.Setting[struct {
		Months int `json:"months"`
		Least  int `json:"minimum_months"`
	}](ctx, tx, "retention_logs")
	if err != nil {
		return err
	}
	return w.Keep.expire(ctx, tx, ClassLog, logsBefore(tx.Now(), rule.Months, rule.Least))
}

func (w Work) sharing(ctx context.Context, tx *db.Tx) error {
	return w.years(ctx, tx, "retention_sharing_log", ClassSharing, ClassTrade)
}

// cases lets the words of matters go whose years are over.
//
// Clause: ECL 31 (records of a matter are kept for as long as those of a trade, at least three years after its end).
func (w Work) cases(ctx context.Context, tx *db.Tx) error {
	return w.years(ctx, tx, "retention_trade", ClassCase)
}

// bank lets payers go out of bank lines that are older than invoices are kept.
func (w Work) bank(ctx context.Context, tx *db.Tx) error {
	return w.years(ctx, tx, "retention_invoice", ClassInvoice)
}

// years expires a class after the years of a setting, never less than three.
func (w Work) years(ctx context.Context, tx *db.Tx, setting string, classes ...Class) error {
	rule, err := agreement.Setting[struct {
		Years int `json:"years"`
	}](ctx, tx, setting)
	if err != nil {
		return err
	}
	before := calendar.AddMonths(calendar.On(tx.Now()), -12*max(rule.Years, 3)).Start()
	for _, class := range classes {
		if err := w.Keep.expire(ctx, tx, class, before); err != nil {
			return err
		}
	}
	return nil
}

func (w Work) trades(ctx context.Context, tx *db.Tx) error {
	return w.over(ctx, tx, selectTradeDue, markTrade, ClassTrade)
}

func (w Work) invoices(ctx context.Context, tx *db.Tx) error {
	return w.over(ctx, tx, selectBillDue, markInvoice, ClassInvoice)
}

// over erases a class of the ended accounts whose years are over.
func (w Work) over(ctx context.Context, tx *db.Tx, due, mark string, class Class) error {
	all, err := db.All(ctx, tx, scanClosing, due, db.Micros(tx.Now()))
	if err != nil {
		return err
	}
	for _, c := range all {
		if matter, err := w.Keep.held(ctx, tx, c.Account); err != nil || matter != "" {
			if err != nil {
				return err
			}
			continue // looked at again tomorrow
		}
		if err := w.Keep.eraseOne(ctx, tx, audit.Job(keepJob), c, mark, class); err != nil {
			return err
		}
	}
	return nil
}

// eraseOne erases a class of one ended account.
func (k Keep) eraseOne(ctx context.Context, tx *db.Tx, by audit.Actor, c Closing, mark string, class Class) error {
	if err := moved(tx.Exec(ctx, mark, db.Micros(tx.Now()), string(c.ID))); err != nil {
		return err
	}
	removed, err := k.erase(ctx, tx, c, class)
	if err != nil {
		return err
	}
	if err := note(ctx, tx); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.erased", Subjects: []string{string(c.ID), string(c.Account)}, Clauses: []string{"UA 8.5", "ECL 31"},
		Data: map[string]any{"class": class, "removed": removed},
	})
}

// The register of erasures says outside of the database which accounts were erased
// in it, a file a day: a database that is restored from a backup made before does
// not know, and is told when the program starts. It holds ids alone.

// Entry is one erasure of an account.
type Entry struct {
	Closing ClosingID  `json:"closing"`
	Account account.ID `json:"account"`
	Class   Class      `json:"class"`
	Cause   string     `json:"cause"`
	Case    string     `json:"case,omitempty"`
	Law     string     `json:"law"`
	EndAt   time.Time  `json:"end_at"`
	PurgeAt time.Time  `json:"purge_at"`
	At      time.Time  `json:"at"` // when it was first done
}

const (
	registerJob = "privacy.register" // a day's file is written
	againJob    = "privacy.again"    // what the register knows and the database does not is done again
)

func registerKey(day calendar.Date) string { return "erasures/" + day.String() + ".json" }

// note asks for the file of today, in the transaction that erases.
func note(ctx context.Context, tx *db.Tx) error {
	return job.Enqueue(ctx, tx, job.Spec{Kind: registerJob, Object: calendar.On(tx.Now()).String(), Unique: true})
}

// register writes the file of a day: what it held, and what the database holds.
func (w Work) register(ctx context.Context, d *db.DB, j job.Job) error {
	day, err := calendar.ParseDate(j.Object)
	if err != nil {
		return err
	}
	if w.Files != nil {
		if err := w.writeDay(ctx, d, day); err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error { return job.Done(ctx, tx, j) })
}

func (w Work) writeDay(ctx context.Context, d *db.DB, day calendar.Date) error {
	all, err := w.readDay(ctx, day)
	if err != nil {
		return err
	}
	known := len(all)
	if err := d.Read(ctx, func(r db.Reader) error {
		from, until := db.Micros(day.Start()), db.Micros(day.AddDays(1).Start())
		found, err := db.All(ctx, r, scanClosing, selectErasedOn, from, until)
		for _, c := range found {
			for class, at := range map[Class]time.Time{ClassAccount: c.EndedAt, ClassTrade: c.TradeAt, ClassInvoice: c.InvoiceAt} {
				e := Entry{Closing: c.ID, Account: c.Account, Class: class, Cause: c.Cause, Case: c.Case, Law: c.Law, EndAt: c.EndAt, PurgeAt: c.PurgeAt, At: at}
				if calendar.On(at) == day && !slices.ContainsFunc(all, e.same) {
					all = append(all, e)
				}
			}
		}
		return err
	}); err != nil || len(all) == known {
		return err
	}
	slices.SortFunc(all, func(a, b Entry) int { return a.At.Compare(b.At) })
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	_, err = w.Files.Put(ctx, registerKey(day), bytes.NewReader(text))
	return err
}

func (e Entry) same(o Entry) bool { return e.Closing == o.Closing && e.Class == o.Class }

func (w Work) readDay(ctx context.Context, day calendar.Date) (all []Entry, err error) {
	text, err := blob.Read(ctx, w.Files, registerKey(day))
	if errors.Is(err, blob.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(text, &all)
}

// again does over what the register knows and the database does not, because it was
// restored from a backup made before. It reads the days since the last erasure that
// the database knows of.
//
// Clause: PIPL 47 (what was erased stays erased, also where a backup brings it back).
func (w Work) again(ctx context.Context, d *db.DB, j job.Job) error {
	var day, today calendar.Date
	if err := d.Read(ctx, func(r db.Reader) error {
		since, err := db.Value[int64](ctx, r, selectKnownSince)
		if err != nil {
			return err
		}
		first := db.Time(since)
		if since == 0 { // none is known: since the market has had anybody
			oldest, err := account.List(ctx, r, "", 1)
			if err != nil {
				return err
			}
			first = r.Now()
			for _, a := range oldest {
				first = a.CreatedAt
			}
		}
		day, today = calendar.On(first), calendar.On(r.Now())
		return nil
	}); err != nil {
		return err
	}
	for ; w.Files != nil && !day.After(today); day = day.AddDays(1) {
		all, err := w.readDay(ctx, day)
		if err != nil {
			return err
		}
		for _, e := range all {
			if err := d.Write(ctx, func(tx *db.Tx) error { return w.Keep.eraseAgain(ctx, tx, e) }); err != nil {
				return err
			}
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error { return job.Done(ctx, tx, j) })
}

// eraseAgain does one erasure of the register where the database lacks it. An
// account that is not there was made after the backup, and needs none.
func (k Keep) eraseAgain(ctx context.Context, tx *db.Tx, e Entry) (err error) {
	defer fault.Wrap(&err, "privacy.eraseAgain(%s, %s)", e.Closing, e.Class)
	by := audit.Job(againJob)
	a, err := account.Get(ctx, tx, e.Account)
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := Current(ctx, tx, e.Account)
	if err != nil {
		return err
	}
	if c == nil {
		previous := a.State
		if a.State != account.Closing && a.State != account.Terminated {
			if previous, err = account.Close(ctx, tx, e.Account); err != nil {
				return err
			}
		}
		c = &Closing{
			ID: e.Closing, Account: e.Account, Cause: e.Cause, Case: e.Case, Previous: previous, State: Waiting, EndAt: e.EndAt, PurgeAt: e.PurgeAt, Law: e.Law,
			OfferedAt: e.EndAt, OpenedBy: againJob,
		}
		if err := moved(tx.Exec(ctx, insertClosing, string(c.ID), string(c.Account), c.Cause, c.Case, string(c.Previous), db.Micros(c.EndAt), db.Micros(c.PurgeAt), c.Law,
			db.Micros(c.OfferedAt), c.OpenedBy)); err != nil {
			return err
		}
	}
	switch {
	case e.Class == ClassAccount && c.State == Waiting:
		return k.purge(ctx, tx, by, *c, "register "+e.At.UTC().Format(time.DateOnly))
	case e.Class == ClassTrade && c.State == Purged && c.TradeAt.IsZero():
		return k.eraseOne(ctx, tx, by, *c, markTrade, ClassTrade)
	case e.Class == ClassInvoice && c.State == Purged && c.InvoiceAt.IsZero():
		return k.eraseOne(ctx, tx, by, *c, markInvoice, ClassInvoice)
	}
	return nil
}

// removeFile removes a stored file that no row names any more.
func (w Work) removeFile(ctx context.Context, d *db.DB, j job.Job) error {
	used := w.Files == nil || w.Used == nil
	if !used {
		if err := d.Read(ctx, func(r db.Reader) (err error) {
			used, err = w.Used(ctx, r, j.Object)
			return err
		}); err != nil {
			return err
		}
	}
	if !used {
		if err := w.Files.Delete(ctx, j.Object); err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error { return job.Done(ctx, tx, j) })
}
