package entitlement

import (
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
)

// moves are the arrows of the package comment.
var moves = map[State][]State{
	Pending:   {Active, Refunded, Prohibited},
	Active:    {Suspended, Expired, Refunded, Prohibited},
	Suspended: {Active, Expired, Refunded, Prohibited},
	Expired:   {Destroyed, Refunded, Prohibited},
}

func mayMove(from, to State) bool { return slices.Contains(moves[from], to) }

// boundTo refuses every account but the one that was chosen when the payment
// succeeded. It is the only place that compares the two.
//
// Clause: UA 4.3 (the product may be used only by the account chosen when payment succeeded; another account has to buy for itself).
func boundTo(e Entitlement, a account.ID) error {
	if e.Account != a {
		return ErrAccountBound
	}
	return nil
}

// usable refuses a right that is not delivered, suspended or over. A right whose
// end has passed is over, whatever its state still says.
func usable(e Entitlement, now time.Time) error {
	switch {
	case e.State == Prohibited:
		return catalog.ErrProhibited
	case e.State != Active, !e.EndsAt.IsZero() && !now.Before(e.EndsAt):
		return ErrNotUsable
	}
	return nil
}

// EndOf is the exclusive end of a term that begins at start; zero when the term
// has no end. Months and years are natural ones.
func EndOf(start time.Time, t catalog.Term) time.Time {
	switch t.Unit {
	case catalog.Day:
		return start.Add(time.Duration(t.Count) * 24 * time.Hour)
	case catalog.Month:
		return calendar.MonthsLater(start, t.Count)
	case catalog.Year:
		return calendar.MonthsLater(start, 12*t.Count)
	}
	return time.Time{}
}

// complete refuses a grant without what a right needs.
func complete(in New) error {
	for field, value := range map[string]string{
		"order": in.Order, "line": in.Line, "account": string(in.Account), "product": string(in.Product), "vendor": string(in.Vendor), "plan": in.Plan,
	} {
		if value == "" {
			return ErrRequired.In(field)
		}
	}
	switch {
	case in.Quantity < 1:
		return ErrInvalid.In("quantity")
	case in.Term.Count < 1 || !slices.Contains([]string{catalog.Once, catalog.Day, catalog.Month, catalog.Year}, in.Term.Unit):
		return ErrInvalid.In("term")
	}
	return nil
}

// lost is how much of a right's term lies in a time in which it could not be used.
//
// Clause: UA 7.3 (the time that an interruption took from a right is given back, where the rulebook says so).
func lost(e Entitlement, from, to time.Time) time.Duration {
	if from.Before(e.StartsAt) {
		from = e.StartsAt
	}
	if to.After(e.EndsAt) {
		to = e.EndsAt
	}
	return max(0, to.Sub(from))
}
