package reconciliation

import (
	"fmt"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/payment"
)

// judge says how the three accounts of a movement compare. What is known here and
// not reported may still come for lag days; what is reported and not known here
// may not.
//
// Clause: UA 3.1 (each movement of money held for vendors is compared with the provider's report and the bank's statement; one fen that differs is an exception).
func judge(i Item, today calendar.Date, lag int) ItemState {
	switch {
	case i.several:
		return Duplicated
	case i.Reported.There && !i.Ours.There:
		return MissingHere
	case i.Ours.There && !i.Booked.There:
		return Unbooked
	case i.Booked.Minor != i.Ours.Minor:
		return Misbooked
	case !i.Reported.There && i.Day.Until(today) <= lag:
		return Waiting
	case !i.Reported.There:
		return MissingThere
	case i.mixed:
		return AmountDiffers
	case i.Reported.Minor != i.Ours.Minor:
		return AmountDiffers
	}
	return Matched
}

// wrong reports whether a person must look at an item.
func (i Item) wrong() bool { return i.State != Matched && i.State != Waiting }

// changes reports whether an exception that was explained must be looked at again:
// what was explained is not what is found now.
func (e Exception) changes(found Exception) bool {
	return e.Kind != found.Kind || e.Ours != found.Ours || e.Theirs != found.Theirs || e.Detail != found.Detail
}

// mayDecide refuses whoever is not of finance, and the one who proposed when two
// people are needed.
//
// Clause: UA 3.1 (money that is attributed by hand above a limit, a month, a deduction and a debt given up are decided by two people).
func mayDecide(d Decision, by audit.Actor) error {
	switch {
	case !by.Has(account.Finance):
		return ErrForbidden
	case d.Approvals > 1 && by.User == string(d.ProposedBy):
		return ErrSecond
	}
	return nil
}

// fits refuses a purpose that a line in its direction cannot have.
func fits(p Purpose, minor int64) error {
	if minor > 0 && !p.Inward() || minor < 0 && !p.Outward() {
		return ErrDirection.In("purpose")
	}
	return nil
}

// effects are the keys under which the book keeps a movement of ours; back are
// those whose taking back is the movement.
func effects(m payment.Move) (keys, back []string) {
	switch m.Kind {
	case payment.ReportCapture:
		return []string{"capture:" + m.Gateway + ":" + m.Object}, nil
	case payment.ReportFee:
		return []string{"pspfee:" + m.Gateway + ":" + m.Object}, nil
	case payment.ReportRefund:
		return []string{"refund:" + m.Reference + ":end", "laterefund:" + m.Reference}, nil
	case payment.ReportSplit:
		return []string{"sweep:" + m.Reference}, nil
	case payment.ReportReturn:
		return []string{"sweepback:" + m.Reference}, nil
	case payment.ReportPayout:
		return []string{"payout:" + m.Reference + ":paid"}, nil
	case payment.ReportAdjustment:
		return []string{"payout:" + m.Reference + ":returned"}, []string{"refund:" + m.Reference + ":end", "laterefund:" + m.Reference}
	case payment.ReportDispute:
		for round := range m.Rounds {
			keys = append(keys, disputeKey(m.Reference, round+1, "open"), disputeKey(m.Reference, round+1, "won"))
		}
		return keys, nil
	case payment.LineDeposit:
		return []string{"deposit:" + m.Reference}, nil
	case payment.LineTransfer: // as finance has said, or nobody's
		return []string{
			"deposit:" + m.Reference, "recv:" + m.Reference, "owed:" + m.Reference, "tax:" + m.Reference, "sweep:" + m.Reference, "cover:" + m.Reference,
			"laterefund:" + m.Reference, "capture:" + m.Gateway + ":" + m.Object,
		}, []string{"capture:" + m.Gateway + ":" + m.Object}
	}
	return nil, nil
}

func disputeKey(dispute string, round int, what string) string {
	return fmt.Sprintf("cb:%s:%d:%s", dispute, round, what)
}

// The days to be compared again: a provider may add to an account it has given.
const again = 2

// since is the first day to be compared: a few before the last that was, or the
// beginning.
func since(last calendar.Date) calendar.Date {
	if last.IsZero() {
		return calendar.Date{Year: 1970, Month: time.January, Day: 1}
	}
	return last.AddDays(-again)
}

// agedBefore is the moment before which what stands on a clearing account is too
// old.
func agedBefore(now time.Time, days int) time.Time { return now.AddDate(0, 0, -days) }
