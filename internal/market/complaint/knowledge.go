package complaint

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// TaskID names a knowledge task: "ckt_…".
type TaskID string

// Action is what the operator did about what it learnt.
type Action string

// Actions lists them in the order in which a form offers them.
var Actions = []Action{"vendor_asked", "hidden", "delisted", "buyers_told", "case_opened", "none_needed"}

// Task obliges the operator to do something about a product of which it has heard
// the same several times.
type Task struct {
	ID       TaskID
	Product  catalog.ProductID
	Vendor   vendor.ID
	Kind     string // topic of the complaints, or rule of the reports
	State    string // open or done
	Due      time.Time
	Action   Action
	Note     string `json:"-"`
	DoneBy   string
	RaisedAt time.Time
	DoneAt   time.Time
}

// AuditSubject names the task in records.
func (t Task) AuditSubject() string { return string(t.ID) }

// Heard is one thing the operator heard of a product.
type Heard struct {
	Source  string // id of the complaint or report
	Account account.ID
	At      time.Time
}

// learn notes that the operator has learnt of something about a product, and raises
// a task when it is not the first time.
func (u Rules) learn(ctx context.Context, tx *db.Tx, by audit.Actor, source string, from account.ID, p catalog.ProductID, v vendor.ID, kind string) error {
	if p == "" {
		return nil
	}
	fresh, err := tx.Exec(ctx, insertKnowledge, string(p), kind, source, string(from), db.Micros(tx.Now()))
	if err != nil || fresh == 0 {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "knowledge.learnt", Subjects: []string{string(p), source, string(v)}, Clauses: []string{"UA 7.1", "ECL 38"}, Data: map[string]any{"kind": kind},
	}); err != nil {
		return err
	}
	rule, err := agreement.Setting[knowledgeRule](ctx, tx, "complaint_knowledge")
	if err != nil {
		return err
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return err
	}
	heard, err := db.Value[int64](ctx, tx, countKnowledge, string(p), kind)
	if err != nil || !obliges(heard, kind, rule, law) {
		return err
	}
	due, _, err := dueAfter(ctx, tx, "complaint_knowledge")
	if err != nil {
		return err
	}
	id := TaskID(tx.ID("ckt"))
	empty, err := tx.Keys().Seal("", sealedAt("task.note", string(id)))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, insertTask, string(id), string(p), string(v), kind, db.Micros(due), empty, db.Micros(tx.Now()))
	if err != nil || n == 0 { // one is open already
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "knowledge.task", Subjects: []string{string(id), string(p), string(v)}, Clauses: []string{"UA 7.1", "ECL 38"},
		Data: map[string]any{"kind": kind, "heard": heard, "due": db.Micros(due)},
	})
}

// Act ends a knowledge task with what the operator did, and why.
func Act(ctx context.Context, tx *db.Tx, by audit.Actor, id TaskID, a Action, why string) (_ Task, err error) {
	defer fault.Wrap(&err, "complaint.Act(%s)", id)
	if !decides(by) {
		return Task{}, ErrForbidden
	}
	t, err := found(db.One(ctx, tx, scanTask(tx), selectTask, string(id)))
	if err != nil {
		return Task{}, err
	}
	if why, err = words(why, "note", false); err != nil {
		return Task{}, err
	}
	if err := acted(a, why); err != nil {
		return Task{}, err
	}
	sealed, err := tx.Keys().Seal(why, sealedAt("task.note", string(id)))
	if err != nil {
		return Task{}, err
	}
	n, err := tx.Exec(ctx, endTask, string(a), sealed, by.User, db.Micros(tx.Now()), string(id))
	if err != nil {
		return Task{}, err
	}
	if n == 0 {
		return Task{}, ErrStale
	}
	t.State, t.Action, t.Note, t.DoneBy, t.DoneAt = "done", a, why, by.User, tx.Now()
	return t, audit.Record(ctx, tx, by, audit.Entry{
		Act: "knowledge.acted", Subjects: []string{string(id), string(t.Product), string(t.Vendor)}, Clauses: []string{"UA 7.1", "ECL 38"},
		Data: map[string]any{"kind": t.Kind, "action": a, "in_time": !tx.Now().After(t.Due)},
	})
}

// Tasks lists the open knowledge tasks, the most urgent first, then the newest done
// ones, for the operator's desk.
func Tasks(ctx context.Context, r db.Reader, n int) (open, done []Task, err error) {
	if open, err = db.All(ctx, r, scanTask(r), selectTasks, n); err != nil {
		return nil, nil, err
	}
	done, err = db.All(ctx, r, scanTask(r), selectDone, n)
	return open, done, err
}

// TaskOf is one task with what the operator heard, for the operator's desk.
func TaskOf(ctx context.Context, r db.Reader, id TaskID) (Task, []Heard, error) {
	t, err := found(db.One(ctx, r, scanTask(r), selectTask, string(id)))
	if err != nil {
		return Task{}, nil, err
	}
	heard, err := HeardOf(ctx, r, t.Product, t.Kind)
	return t, heard, err
}

// HeardOf lists what the operator heard of one kind about a product, oldest first.
func HeardOf(ctx context.Context, r db.Reader, p catalog.ProductID, kind string) ([]Heard, error) {
	return db.All(ctx, r, func(s db.Scanner) (h Heard, err error) {
		var at int64
		err = s.Scan(&h.Source, &h.Account, &at)
		h.At = db.Time(at)
		return h, err
	}, selectKnowledge, string(p), kind)
}

// TasksOf lists the knowledge tasks about a product, oldest first.
func TasksOf(ctx context.Context, r db.Reader, p catalog.ProductID) ([]Task, error) {
	return db.All(ctx, r, scanTask(r), selectOfOne, string(p))
}
