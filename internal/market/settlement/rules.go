package settlement

import (
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
)

// dueAt is when a delivered order's money may be released: when the refund window
// is over; for services when they were accepted, or auto days after delivery.
// accepted is zero while the customer has not said so.
//
// Clause: UA 3.1 (money collected for a vendor is released when the order is complete and its refund window has passed).
func dueAt(rule order.RefundRule, delivered, accepted time.Time, auto int) time.Time {
	due := delivered
	if rule.Class == untilAcceptance {
		due = delivered.Add(time.Duration(auto) * 24 * time.Hour)
		if !accepted.IsZero() && accepted.Before(due) {
			due = accepted
		}
	}
	if rule.Until.After(due) {
		due = rule.Until
	}
	return due
}

// untilAcceptance is the refund class of services.
const untilAcceptance = "until_acceptance"

// actBy is the last moment to ask for a split: days after the capture, and never
// later than five days before the provider frees the money by itself.
func actBy(captured time.Time, days, freeze int) time.Time {
	if freeze > 0 {
		days = min(days, freeze-min(5, freeze/2))
	}
	return captured.Add(time.Duration(days) * 24 * time.Hour)
}

// parts is in how many releases the money of a term goes to the vendor.
func parts(t catalog.Term, monthly bool) int64 {
	switch {
	case !monthly:
		return 1
	case t.Unit == catalog.Month:
		return max(1, int64(t.Count))
	case t.Unit == catalog.Year:
		return max(1, 12*int64(t.Count))
	}
	return 1
}

// partDue is when the next part of a term's money may go: so many months after it
// was collected as have gone before.
func partDue(c Collection) time.Time { return c.CollectedAt.AddDate(0, int(c.Part), 0) }

// withinCap refuses a share of a payment above a cap in basis points; zero is no
// cap.
func withinCap(share, captured money.Amount, points int64) error {
	if points == 0 {
		return nil
	}
	most, err := money.Alloc(captured.Minor, points, money.Whole)
	if err != nil {
		return err
	}
	if share.Minor > most {
		return ErrSplitOver.With("Max", money.Amount{Minor: most, Currency: captured.Currency}.String())
	}
	return nil
}

// Limits is the setting "withdraw" of the settlement rulebook, amounts in the
// minor units of the market's currency.
type Limits struct {
	Minimum      int64 `json:"minimum"`
	FourEyes     int64 `json:"four_eyes_above"`
	FreshAccount int   `json:"new_account_hours"` // how long bank details count as new
}

// approvals is how many people must agree to a withdrawal: none for a small one to
// a known account, else two.
func approvals(x money.Amount, known time.Duration, l Limits) int64 {
	if x.Minor > l.FourEyes || known < time.Duration(l.FreshAccount)*time.Hour {
		return 2
	}
	return 0
}

// mayApprove refuses a person who asked for it, who has approved it already or is
// not of finance.
func mayApprove(w Withdrawal, by audit.Actor) error {
	if !by.Has(account.Finance) {
		return ErrForbidden
	}
	if by.User == string(w.RequestedBy) || by.User == string(w.FirstBy) {
		return ErrSecond
	}
	return nil
}
