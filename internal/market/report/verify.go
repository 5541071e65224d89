package report

import (
	"context"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
)

// most is how many wrong things a check names before it only counts them.
const most = 100

// tally collects what one check finds.
type tally struct {
	Check
	more int
}

func newTally(id string, count int64) *tally {
	return &tally{Check: Check{Name: "report.verify." + id, Count: count}}
}

func (t *tally) wrong(format string, args ...any) {
	if len(t.Wrong) == most {
		t.more++
		return
	}
	t.Wrong = append(t.Wrong, fmt.Sprintf(format, args...))
}

func (t *tally) done() Check {
	if t.more > 0 {
		t.Wrong = append(t.Wrong, fmt.Sprintf("and %d more", t.more))
	}
	return t.Check
}

// Verify re-reads everything and says what does not fit together. It is the same
// on both engines; its time grows with the number of orders, by about ten seconds
// of one core for every 50,000.
func Verify(ctx context.Context, r db.Reader, o Options) (Report, error) {
	var found Report
	for _, check := range []func(context.Context, db.Reader, Options) (Check, error){book, transparency} {
		c, err := check(ctx, r, o)
		if err != nil {
			return Report{}, err
		}
		found.Checks = append(found.Checks, c)
	}
	for _, p := range promises {
		c, err := p.check(ctx, r)
		if err != nil {
			return Report{}, err
		}
		found.Checks = append(found.Checks, c)
	}
	c, err := agreed(ctx, r)
	if err != nil {
		return Report{}, err
	}
	found.Checks = append(found.Checks, c)
	return found, nil
}

// Broken is what does not hold between packages, for the nightly reading, which
// has the book read itself.
func Broken(ctx context.Context, r db.Reader) (wrong []ledger.Violation, err error) {
	for _, p := range promises {
		c, err := p.check(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, w := range c.Wrong {
			wrong = append(wrong, ledger.Violation{Invariant: p.id, Detail: w})
		}
	}
	return wrong, nil
}

// book has the ledger read itself.
func book(ctx context.Context, r db.Reader, _ Options) (Check, error) {
	journals, violations, err := ledger.Verify(ctx, r)
	if err != nil {
		return Check{}, fmt.Errorf("report: ledger: %w", err)
	}
	t := newTally("ledger", int64(journals))
	for _, v := range violations {
		t.wrong("%s: %s", v.Invariant, v.Detail)
	}
	return t.done(), nil
}

// transparency has the log rebuilt from its records.
func transparency(ctx context.Context, r db.Reader, o Options) (Check, error) {
	size, wrong, err := audit.Verify(ctx, r, o.LogKey)
	if err != nil {
		return Check{}, fmt.Errorf("report: transparency log: %w", err)
	}
	t := newTally("log", size)
	for _, w := range wrong {
		t.wrong("%s", w)
	}
	return t.done(), nil
}

// promise is a check that the database answers: each flaw selects the ids of
// things that break it.
type promise struct {
	id    string
	count string
	flaws []flaw
}

type flaw struct{ what, sql string }

func (p promise) check(ctx context.Context, r db.Reader) (Check, error) {
	n, err := db.Value[int64](ctx, r, p.count)
	if err != nil {
		return Check{}, fmt.Errorf("report: %s: %w", p.id, err)
	}
	t := newTally(p.id, n)
	for _, f := range p.flaws {
		err := db.Each(ctx, r, db.Column[string], func(id string) error {
			t.wrong("%s: %s", id, f.what)
			return nil
		}, f.sql)
		if err != nil {
			return Check{}, fmt.Errorf("report: %s: %s: %w", p.id, f.what, err)
		}
	}
	return t.done(), nil
}
