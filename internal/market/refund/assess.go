package refund

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
)

// Assess is what an order gives back now for a reason: the same answer on its
// page, in the form, and when the form is submitted.
func Assess(ctx context.Context, r db.Reader, o order.Order, reason Reason) (Assessment, error) {
	f, err := factsOf(ctx, r, o)
	if err != nil {
		return Assessment{}, err
	}
	a := assess(f, reason)
	if _, a.Rulebook, err = agreement.Cited[struct{}](ctx, r, "refund_classes"); err != nil {
		return Assessment{}, err
	}
	if a.Kind == Full {
		if a, err = counted(ctx, r, o.Account, a, reason); err != nil {
			return Assessment{}, err
		}
	}
	if a.Kind != None {
		a.Transfer, err = beyondProvider(ctx, r, o)
	}
	return a, err
}

func factsOf(ctx context.Context, r db.Reader, o order.Order) (facts, error) {
	f := facts{rule: o.Refund(), paid: o.Fee.Paid, left: money.Zero(o.Fee.Paid.Currency), now: r.Now()}
	line, err := ledger.LineOf(ctx, r, string(o.Line))
	if errors.Is(err, ledger.ErrNotFound) { // nothing was paid for it, or not yet
		return f, nil
	}
	if err != nil {
		return facts{}, err
	}
	f.left = line.Refundable()
	right, err := entitlement.OfLine(ctx, r, string(o.Line))
	if err != nil {
		return facts{}, err
	}
	f.starts, f.ends = right.StartsAt, right.EndsAt
	if f.rule.Class != untilAcceptance {
		return f, nil
	}
	err = worked(ctx, r, o, &f)
	return f, err
}

// worked finds how far service work has come: taken by the customer, by word or
// by silence; begun, which is presumed once the vendor's time to begin is over;
// or without anything submitted for too long.
func worked(ctx context.Context, r db.Reader, o order.Order, f *facts) error {
	silent, err := agreement.Setting[struct{ Days int }](ctx, r, "auto_accept")
	if err != nil {
		return err
	}
	start, err := agreement.Setting[struct{ Days int }](ctx, r, "service_start")
	if err != nil {
		return err
	}
	idle, err := agreement.Setting[struct{ Months int }](ctx, r, "refund_stale_requirement")
	if err != nil {
		return err
	}
	begins, _ := answerBy(calendar.Official(), o.PaidAt, answerRule{start.Days, start.Days})
	f.begun = f.now.After(begins)
	f.accepted = o.State == order.Completed
	all, err := delivery.OfOrder(ctx, r, string(o.ID))
	if err != nil {
		return err
	}
	brought := false
	for _, d := range all {
		if d.Action != delivery.Create {
			continue
		}
		brought = d.State == delivery.Delivered
		f.begun = f.begun || brought || !d.StartedAt.IsZero()
		f.accepted = f.accepted || !d.ReceivedAt.IsZero() ||
			brought && f.now.After(calendar.On(d.DeliveredAt).AddDays(silent.Days).Last())
	}
	f.stale = !brought && f.now.After(calendar.MonthsLater(o.PaidAt, idle.Months))
	return nil
}

// counted applies the yearly number of refunds without a reason. With a reason
// that is the vendor's, the vendor is asked instead.
func counted(ctx context.Context, r db.Reader, id account.ID, a Assessment, reason Reason) (Assessment, error) {
	quota, err := agreement.Setting[struct {
		Enabled bool  `json:"enabled"`
		PerYear int64 `json:"per_year"`
	}](ctx, r, "refund_selfservice_quota")
	if err != nil || !quota.Enabled {
		return a, err
	}
	newYear := calendar.Date{Year: calendar.On(r.Now()).Year, Month: time.January, Day: 1}.Start()
	used, err := db.Value[int64](ctx, r, countOwn, string(id), db.Micros(newYear))
	if err != nil {
		return Assessment{}, err
	}
	refusal := withinQuota(quota.Enabled, used, quota.PerYear)
	switch {
	case refusal == nil:
	case reason.AtFault():
		a.Kind, a.Because, a.Section = VendorDecides, "at_fault", "RB refund-5"
	default:
		a.Kind, a.Amount, a.Because, a.Refusal = None, money.Zero(a.Left.Currency), "quota", refusal
	}
	return a, nil
}

// beyondProvider reports whether the provider takes no refund of the payment any
// more, by age or by number, so that the money comes by bank transfer.
func beyondProvider(ctx context.Context, r db.Reader, o order.Order) (bool, error) {
	limit, err := agreement.Setting[struct {
		Days    int `json:"days"`
		Partial int `json:"partial_refunds"`
	}](ctx, r, "psp_refund_max")
	if err != nil {
		return false, err
	}
	if r.Now().After(calendar.On(o.PaidAt).AddDays(limit.Days).Last()) {
		return true, nil
	}
	made, err := payment.RefundsOf(ctx, r, o.Attempt)
	return len(made) >= limit.Partial, err
}

// offline reports whether refunds of an order are the parties' own affair.
func offline(o order.Order) bool { return o.Snapshot.Refund.Kind == catalog.RefundVendorOwn }
