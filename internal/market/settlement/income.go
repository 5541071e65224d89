package settlement

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/vendor"
)

// Income is what stands between the market and a vendor at a moment, and what of it
// the vendor may ask for now.
type Income struct {
	ledger.Standing
	Waiting      money.Amount     // of Payable: asked for, not decided yet
	Withdrawable money.Amount     // nothing while a cause stops payouts
	Holds        []ledger.Holding // why money is in Held; Party is the cause
	Stopped      []string         // causes that stop payouts
}

// IncomeOf reads a vendor's income in one currency.
func IncomeOf(ctx context.Context, r db.Reader, v vendor.ID, c money.Currency) (_ Income, err error) {
	defer fault.Wrap(&err, "settlement.IncomeOf(%s)", v)
	in := Income{Waiting: money.Zero(c), Withdrawable: money.Zero(c)}
	if in.Standing, err = ledger.StandingOf(ctx, r, string(v), c); err != nil {
		return Income{}, err
	}
	if in.Waiting.Minor, err = db.Value[int64](ctx, r, sumRequested, string(v), string(c)); err != nil {
		return Income{}, err
	}
	if in.Holds, err = ledger.HoldsOf(ctx, r, string(v), c); err != nil {
		return Income{}, err
	}
	if in.Stopped, err = ledger.FrozenFor(ctx, r, string(v)); err != nil {
		return Income{}, err
	}
	if len(in.Stopped) == 0 {
		in.Withdrawable.Minor = max(0, in.Payable.Minor-in.Waiting.Minor)
	}
	return in, nil
}

// Outlook is what would happen to a withdrawal that is asked for now.
type Outlook struct {
	Payee     string       // the vendor's own account at the provider
	Approvals int64        // people of finance who must agree first
	Over      bool         // because it is above the limit
	NewUntil  time.Time    // because the account is new until then; zero when it is not
	Limit     money.Amount // up to which nobody must agree
	Minimum   money.Amount
}

// Foresee says what [Request] would do with an amount, before anybody asks. It
// refuses a vendor without an account at the provider.
func Foresee(ctx context.Context, r db.Reader, v vendor.ID, gateway string, x money.Amount) (_ Outlook, err error) {
	defer fault.Wrap(&err, "settlement.Foresee(%s)", v)
	limits, err := agreement.Setting[Limits](ctx, r, "withdraw")
	if err != nil {
		return Outlook{}, err
	}
	m, err := merchant(ctx, r, v, gateway)
	if err != nil {
		return Outlook{}, err
	}
	known := r.Now().Sub(m.AddedAt)
	o := Outlook{
		Payee: m.Number, Approvals: approvals(x, known, limits), Over: x.Minor > limits.FourEyes,
		Limit: money.Amount{Minor: limits.FourEyes, Currency: x.Currency}, Minimum: money.Amount{Minor: limits.Minimum, Currency: x.Currency},
	}
	if young := time.Duration(limits.FreshAccount) * time.Hour; known < young {
		o.NewUntil = m.AddedAt.Add(young)
	}
	return o, nil
}

// Next is when more of a collection should be released: when it is due, or, of a
// term in parts, with the next month. Zero while it is not delivered.
func (c Collection) Next() time.Time {
	if c.Part == 0 {
		return c.DueAt
	}
	return c.CollectedAt.AddDate(0, int(c.Part), 0)
}

// Stated is a month whose statement was sent, and what became of it.
type Stated struct {
	Month     ledger.Month
	Closing   money.Amount
	Digest    string
	At        time.Time
	Agreed    time.Time
	AgreedBy  string // "time" when nobody objected
	Objected  time.Time
	Objection string
}

// Statements lists the statements sent to a vendor, newest first.
func Statements(ctx context.Context, r db.Reader, v vendor.ID, c money.Currency) ([]Stated, error) {
	return db.All(ctx, r, scanMonth, selectMonths, string(v), string(c))
}

// AnswerBy is until when a vendor may object to a statement; then it counts as
// agreed.
func AnswerBy(ctx context.Context, r db.Reader, stated time.Time) (time.Time, error) {
	s, err := agreement.Setting[struct{ Days int }](ctx, r, "statement_agreed")
	return stated.Add(time.Duration(s.Days) * 24 * time.Hour), err
}

// Orders is the statement with one line for each order; what belongs to no order
// keeps its own. The lines have the sums of the rows.
func (s Statement) Orders() []Row {
	at := map[string]int{}
	var all []Row
	for _, row := range s.Rows {
		i, known := at[row.Order]
		if row.Order == "" || !known {
			at[row.Order] = len(all)
			all = append(all, row)
			continue
		}
		if row.Kind == ledger.P6Release {
			all[i].Kind = row.Kind
		}
		all[i].add(row)
	}
	return all
}

// Total sums the rows of a statement.
func (s Statement) Total() Row {
	zero := money.Zero(s.Currency)
	sum := Row{Released: zero, Commission: zero, Refunded: zero, Paid: zero, Other: zero, Vendor: zero}
	for _, row := range s.Rows {
		sum.add(row)
	}
	return sum
}

func (r *Row) add(more Row) {
	r.Released.Minor += more.Released.Minor
	r.Commission.Minor += more.Commission.Minor
	r.Refunded.Minor += more.Refunded.Minor
	r.Paid.Minor += more.Paid.Minor
	r.Other.Minor += more.Other.Minor
	r.Vendor.Minor += more.Vendor.Minor
}

// GivenBack is what went back out of what had been released, with the commission
// in it; zero or negative. Released, less Commission, with GivenBack and Other,
// less Paid, is Vendor.
func (r Row) GivenBack() money.Amount {
	back := r.Vendor
	back.Minor += r.Commission.Minor + r.Paid.Minor - r.Released.Minor - r.Other.Minor
	return back
}
