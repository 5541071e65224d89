package reconciliation

import (
	"context"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

// NextMonth is the month to be closed next: the one after the last that was, or
// that of the first day of the book; empty while the book is.
func NextMonth(ctx context.Context, r db.Reader) (ledger.Month, error) {
	closed, err := ledger.Closed(ctx, r)
	if err != nil {
		return "", err
	}
	if len(closed) > 0 {
		return ledger.MonthOf(closed[0].Until), nil
	}
	first, err := ledger.FirstDay(ctx, r)
	if err != nil || first.IsZero() {
		return "", err
	}
	return ledger.MonthOf(first.Start()), nil
}

// ClosingOf is what must be true before a month is closed, and what is.
//
// Clause: UA 3.1 (a month of the book is closed when its days are sealed, its movements agree or are explained, and its trial balance is zero).
func ClosingOf(ctx context.Context, r db.Reader, m ledger.Month) (c Closing, err error) {
	defer fault.Wrap(&err, "reconciliation.ClosingOf(%s)", m)
	_, to, err := m.Bounds()
	if err != nil {
		return Closing{}, err
	}
	last := calendar.On(to.Add(-time.Second))
	c.Month = m
	next, err := NextMonth(ctx, r)
	if err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, Step{Name: "over", Done: !r.Now().Before(to)}, Step{Name: "order", Done: next == m, Note: string(next)})

	sealed, err := ledger.LastSealed(ctx, r)
	if err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, Step{Name: "sealed", Done: !sealed.IsZero() && !sealed.Before(last), Note: sealed.String()})

	match, err := matchStep(ctx, r, last)
	if err != nil {
		return c, err
	}
	open, err := db.Value[int64](ctx, r, countOpenTo, last.String())
	if err != nil {
		return c, err
	}
	checks, err := Checks(ctx, r, true, 1)
	if err != nil {
		return c, err
	}
	live, err := liveOf(ctx, r, FromCheck)
	if err != nil {
		return c, err
	}
	broken := int64(0)
	for _, e := range live {
		if e.State == Open {
			broken++
		}
	}
	c.Steps = append(c.Steps, match, Step{Name: "exceptions", Done: open == 0, Left: open},
		Step{Name: "checked", Done: len(checks) == 1 && !checks[0].At.Before(to) && broken == 0, Left: broken})

	if c.Trial, err = ledger.TrialAt(ctx, r, to); err != nil {
		return c, err
	}
	sums := map[money.Currency]int64{}
	for _, t := range c.Trial {
		sums[t.Amount.Currency] += t.Amount.Minor
	}
	trial := Step{Name: "trial", Done: true}
	for _, cur := range sortedKeysOf(sums) {
		if sums[cur] != 0 {
			trial.Done, trial.Note = false, amount(sums[cur], cur).String()
		}
	}
	c.Steps = append(c.Steps, trial)
	waiting, err := db.All(ctx, r, scanDecision, selectProposal, string(Close), string(m))
	if len(waiting) > 0 {
		c.Decision = waiting[0]
	}
	return c, err
}

// matchStep asks whether every provider has been compared past the end of a month.
func matchStep(ctx context.Context, r db.Reader, last calendar.Date) (Step, error) {
	s := Step{Name: "matched", Done: true}
	all, err := payment.Gateways(ctx, r)
	if err != nil {
		return s, err
	}
	for _, name := range all {
		to, err := matchedTo(ctx, r, name)
		if err != nil {
			return s, err
		}
		if !to.After(last) {
			s.Done, s.Note = false, name
			s.Left++
		}
	}
	return s, nil
}

// closable refuses a month in which something is missing, and names all of it.
func closable(ctx context.Context, r db.Reader, m ledger.Month) error {
	c, err := ClosingOf(ctx, r, m)
	if err != nil {
		return err
	}
	var missing fault.List
	for _, s := range c.Steps {
		if !s.Done {
			missing = append(missing, ErrNotReady.In(s.Name).With("Left", s.Left, "Note", s.Note))
		}
	}
	return missing.Err()
}

// closeMonth locks a month and keeps its trial balance as it was.
func closeMonth(ctx context.Context, tx *db.Tx, by audit.Actor, d Decision) error {
	m := ledger.Month(d.Subject)
	if err := closable(ctx, tx, m); err != nil {
		return err
	}
	c, err := ClosingOf(ctx, tx, m)
	if err != nil {
		return err
	}
	if _, err := ledger.CloseMonth(ctx, tx, m, by.User); err != nil {
		return err
	}
	for _, t := range c.Trial {
		if _, err := tx.Exec(ctx, insertTrial, string(m), string(t.Account), string(t.Amount.Currency), t.Amount.Minor); err != nil {
			return err
		}
	}
	return nil
}

// TrialOf is the trial balance of a closed month, as it was closed.
func TrialOf(ctx context.Context, r db.Reader, m ledger.Month) ([]ledger.Total, error) {
	return db.All(ctx, r, scanTotal, selectTrial, string(m))
}

func scanTotal(s db.Scanner) (ledger.Total, error) {
	var t ledger.Total
	err := s.Scan(&t.Account, &t.Amount.Currency, &t.Amount.Minor)
	return t, err
}
