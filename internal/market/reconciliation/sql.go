package reconciliation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	itemCols = `gateway, kind, object, reference, currency, day, ours, booked, reported, has_ours, has_booked, has_reported, state, matched_at`
	// A movement keeps the day on which it was seen first.
	upsertItem = `INSERT INTO reconciliation_item (` + itemCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (gateway, kind, object) DO UPDATE SET reference = excluded.reference, currency = excluded.currency, ours = excluded.ours,
			booked = excluded.booked, reported = excluded.reported, has_ours = excluded.has_ours, has_booked = excluded.has_booked,
			has_reported = excluded.has_reported, state = excluded.state, matched_at = excluded.matched_at`
	selectItem  = `SELECT ` + itemCols + ` FROM reconciliation_item WHERE gateway = $1 AND kind = $2 AND object = $3`
	deleteItem  = `DELETE FROM reconciliation_item WHERE gateway = $1 AND kind = $2 AND object = $3`
	selectItems = `SELECT ` + itemCols + ` FROM reconciliation_item WHERE gateway = $1 AND state <> 'matched' ORDER BY day, kind, object LIMIT $2`
	sumItems    = `SELECT CAST(COALESCE(SUM(booked), 0) AS BIGINT), CAST(COALESCE(SUM(reported), 0) AS BIGINT) FROM reconciliation_item WHERE currency = $1`
	countItems  = `SELECT gateway, day, state, COUNT(*), CAST(SUM(reported) AS BIGINT) FROM reconciliation_item WHERE day >= $1 GROUP BY gateway, day, state ORDER BY day DESC, gateway, state`
	currencies  = `SELECT DISTINCT currency FROM reconciliation_item ORDER BY currency`

	selectMatch = `SELECT day FROM reconciliation_match WHERE gateway = $1`
	upsertMatch = `INSERT INTO reconciliation_match (gateway, day, at) VALUES ($1, $2, $3)
		ON CONFLICT (gateway) DO UPDATE SET day = excluded.day, at = excluded.at`

	insertCheck  = `INSERT INTO reconciliation_check (id, kind, at, journals, wrong) VALUES ($1, $2, $3, $4, $5)`
	selectChecks = `SELECT id, kind, at, journals, wrong FROM reconciliation_check WHERE kind = $1 ORDER BY at DESC LIMIT $2`

	excCols         = `id, source, kind, object, day, currency, ours, theirs, detail, state, reason, explained_by, first_seen, last_seen, ended_at`
	insertException = `INSERT INTO reconciliation_exception (` + excCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', '', '', $10, $10, 0)`
	selectException = `SELECT ` + excCols + ` FROM reconciliation_exception WHERE id = $1`
	selectLive      = `SELECT ` + excCols + ` FROM reconciliation_exception WHERE source = $1 AND object = $2 AND state <> 'resolved'`
	selectLiveOf    = `SELECT ` + excCols + ` FROM reconciliation_exception WHERE source = $1 AND state <> 'resolved' ORDER BY id`
	selectQueue     = `SELECT ` + excCols + ` FROM reconciliation_exception WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	countOpen       = `SELECT COUNT(*) FROM reconciliation_exception WHERE state = 'open'`
	countOpenTo     = `SELECT COUNT(*) FROM reconciliation_exception WHERE state = 'open' AND day <= $1`
	seeException    = `UPDATE reconciliation_exception SET last_seen = $1 WHERE id = $2`
	reopenException = `UPDATE reconciliation_exception SET state = 'open', kind = $1, currency = $2, ours = $3, theirs = $4, detail = $5, last_seen = $6
		WHERE id = $7 AND state <> 'resolved'`
	explainException = `UPDATE reconciliation_exception SET state = 'explained', reason = $1, explained_by = $2 WHERE id = $3 AND state = 'open'`
	resolveException = `UPDATE reconciliation_exception SET state = 'resolved', ended_at = $1 WHERE id = $2 AND state <> 'resolved'`

	dcnCols = `id, act, subject, input, currency, amount, reason, evidence, state, approvals, proposed_by, proposed_at, decided_by, decided_at, refusal`
	// The two indexes over decisions refuse a second proposal and a second end.
	insertDecision = `INSERT INTO reconciliation_decision (` + dcnCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'proposed', $9, $10, $11, '', 0, '') ON CONFLICT DO NOTHING`
	selectDecision  = `SELECT ` + dcnCols + ` FROM reconciliation_decision WHERE id = $1`
	selectWaiting   = `SELECT ` + dcnCols + ` FROM reconciliation_decision WHERE state = 'proposed' ORDER BY proposed_at, id LIMIT $1`
	selectProposal  = `SELECT ` + dcnCols + ` FROM reconciliation_decision WHERE act = $1 AND subject = $2 AND state = 'proposed'`
	selectDecisions = `SELECT ` + dcnCols + ` FROM reconciliation_decision WHERE subject = $1 ORDER BY id DESC`
	countDone       = `SELECT COUNT(*) FROM reconciliation_decision WHERE act = $1 AND subject = $2 AND state = 'done'`
	doDecision      = `UPDATE reconciliation_decision SET state = 'done', decided_by = $1, decided_at = $2 WHERE id = $3 AND state = 'proposed'`
	refuseDecision  = `UPDATE reconciliation_decision SET state = 'refused', decided_by = $1, decided_at = $2, refusal = $3 WHERE id = $4 AND state = 'proposed'`

	insertTrial = `INSERT INTO reconciliation_trial (month, account, currency, amount) VALUES ($1, $2, $3, $4)`
	selectTrial = `SELECT account, currency, amount FROM reconciliation_trial WHERE month = $1 ORDER BY account, currency`
)

func scanItem(s db.Scanner) (Item, error) {
	var i Item
	var day string
	var at int64
	err := s.Scan(&i.Gateway, &i.Kind, &i.Object, &i.Reference, &i.Currency, &day, &i.Ours.Minor, &i.Booked.Minor, &i.Reported.Minor,
		&i.Ours.There, &i.Booked.There, &i.Reported.There, &i.State, &at)
	if err != nil {
		return Item{}, err
	}
	i.MatchedAt = db.Time(at)
	i.Day, err = calendar.ParseDate(day)
	return i, err
}

func (i Item) store(b *db.Batch) {
	b.Add(upsertItem, i.Gateway, string(i.Kind), i.Object, i.Reference, string(i.Currency), i.Day.String(), i.Ours.Minor, i.Booked.Minor, i.Reported.Minor,
		i.Ours.There, i.Booked.There, i.Reported.There, string(i.State), db.Micros(i.MatchedAt))
}

func scanPair(s db.Scanner) ([2]int64, error) {
	var v [2]int64
	err := s.Scan(&v[0], &v[1])
	return v, err
}

func scanDay(s db.Scanner) (Day, error) {
	var v Day
	var day string
	if err := s.Scan(&v.Gateway, &day, &v.State, &v.Count, &v.Minor); err != nil {
		return Day{}, err
	}
	var err error
	v.Day, err = calendar.ParseDate(day)
	return v, err
}

func scanCheck(s db.Scanner) (Check, error) {
	var c Check
	var kind string
	var at int64
	err := s.Scan(&c.ID, &kind, &at, &c.Journals, &c.Wrong)
	c.Whole, c.At = kind == whole, db.Time(at)
	return c, err
}

func scanException(s db.Scanner) (Exception, error) {
	var e Exception
	var day string
	var first, last, ended int64
	err := s.Scan(&e.ID, &e.Source, &e.Kind, &e.Object, &day, &e.Ours.Currency, &e.Ours.Minor, &e.Theirs.Minor, &e.Detail, &e.State, &e.Reason, &e.By,
		&first, &last, &ended)
	if err != nil {
		return Exception{}, err
	}
	e.Theirs.Currency = e.Ours.Currency
	e.FirstSeen, e.LastSeen, e.EndedAt = db.Time(first), db.Time(last), db.Time(ended)
	e.Day, err = calendar.ParseDate(day)
	return e, err
}

func scanDecision(s db.Scanner) (Decision, error) {
	var d Decision
	var input string
	var proposed, decided int64
	err := s.Scan(&d.ID, &d.Act, &d.Subject, &input, &d.Amount.Currency, &d.Amount.Minor, &d.Reason, &d.Evidence, &d.State, &d.Approvals, &d.ProposedBy,
		&proposed, &d.DecidedBy, &decided, &d.Refusal)
	if err != nil {
		return Decision{}, err
	}
	d.ProposedAt, d.DecidedAt = db.Time(proposed), db.Time(decided)
	if err := json.Unmarshal([]byte(input), &d.Input); err != nil {
		return Decision{}, fmt.Errorf("reconciliation: input of %s: %w", d.ID, err)
	}
	return d, nil
}

func one[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	return v, err
}

// Day counts the items of a provider and a day in one state.
type Day struct {
	Gateway string
	Day     calendar.Date
	State   ItemState
	Count   int64
	Minor   int64 // reported
}

// Days counts the items of each provider and day from a day on, newest first.
func Days(ctx context.Context, r db.Reader, from calendar.Date) ([]Day, error) {
	return db.All(ctx, r, scanDay, countItems, from.String())
}

// GetException returns an exception.
func GetException(ctx context.Context, r db.Reader, id ExceptionID) (Exception, error) {
	return one(db.One(ctx, r, scanException, selectException, string(id)))
}

// Exceptions lists the exceptions in a state, newest first, before the cursor.
func Exceptions(ctx context.Context, r db.Reader, in ExceptionState, before ExceptionID, n int) ([]Exception, error) {
	if before == "" {
		before = "~" // after every id
	}
	return db.All(ctx, r, scanException, selectQueue, string(in), string(before), n)
}

// OpenExceptions counts the exceptions that nobody has explained.
func OpenExceptions(ctx context.Context, r db.Reader) (int64, error) {
	return db.Value[int64](ctx, r, countOpen)
}

// ItemOf is the item behind an exception of a comparison.
func ItemOf(ctx context.Context, r db.Reader, gateway, kind, object string) (Item, error) {
	return one(db.One(ctx, r, scanItem, selectItem, gateway, kind, object))
}

// Checks lists the last readings of the book, newest first.
func Checks(ctx context.Context, r db.Reader, all bool, n int) ([]Check, error) {
	kind := increment
	if all {
		kind = whole
	}
	return db.All(ctx, r, scanCheck, selectChecks, kind, n)
}

// GetDecision returns a decision.
func GetDecision(ctx context.Context, r db.Reader, id DecisionID) (Decision, error) {
	return one(db.One(ctx, r, scanDecision, selectDecision, string(id)))
}

// Decisions lists what waits for a second person, oldest first.
func Decisions(ctx context.Context, r db.Reader, n int) ([]Decision, error) {
	return db.All(ctx, r, scanDecision, selectWaiting, n)
}

// DecisionsOf lists what was decided on a statement line, month or vendor, newest
// first.
func DecisionsOf(ctx context.Context, r db.Reader, subject string) ([]Decision, error) {
	return db.All(ctx, r, scanDecision, selectDecisions, subject)
}

func amount(minor int64, c money.Currency) money.Amount {
	return money.Amount{Minor: minor, Currency: c}
}
