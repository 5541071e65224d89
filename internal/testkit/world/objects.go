package world

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// SplitCap is the most of a payment that the provider gives to the operator, in
// basis points.
const SplitCap = 3000

var (
	_ payment.Splitter = (*Provider)(nil)
	_ payment.Payer    = (*Provider)(nil)
	_ payment.Disputer = (*Provider)(nil)
	_ payment.Reporter = (*Provider)(nil)
)

// objects is what the provider keeps beyond payments and refunds. Everything
// ends at once unless it is held.
type objects struct {
	splits   map[payment.SplitID]*payment.SplitObject
	returns  map[payment.ReturnID]*payment.ReturnObject
	payouts  map[payment.PayoutID]*payment.PayoutObject
	disputes map[string]*payment.DisputeObject
	lines    []payment.ReportLine

	holdSplits, holdReturns, holdPayouts bool
}

func newObjects() objects {
	return objects{
		splits: map[payment.SplitID]*payment.SplitObject{}, returns: map[payment.ReturnID]*payment.ReturnObject{},
		payouts: map[payment.PayoutID]*payment.PayoutObject{}, disputes: map[string]*payment.DisputeObject{},
	}
}

func ending(held bool) payment.MoveState {
	if held {
		return payment.MoveProcessing
	}
	return payment.MoveDone
}

// found is the object of a reference, or that there is none.
func found[K comparable, T any](all map[K]*T, id K) (o T, err error) {
	if known, ok := all[id]; ok {
		return *known, nil
	}
	return o, payment.ErrUnknown
}

// Split gives the operator its share, once for each reference.
func (p *Provider) Split(_ context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.splits[in.Reference]; ok {
		return *o, nil
	}
	most, err := money.Alloc(in.Captured.Minor, SplitCap, money.Whole)
	if err != nil {
		return payment.SplitObject{}, err
	}
	if in.Share.Minor > most {
		return payment.SplitObject{}, fmt.Errorf("%w: above the cap", payment.ErrRefused)
	}
	o := &payment.SplitObject{
		ProviderID: fmt.Sprintf("split-%d", len(p.splits)+1), Reference: string(in.Reference), State: ending(p.holdSplits),
		Share: in.Share, Finished: in.Finish, At: p.clock(),
	}
	p.splits[in.Reference] = o
	return *o, nil
}

// FindSplit reads a split by our reference.
func (p *Provider) FindSplit(_ context.Context, in payment.SplitIntent) (payment.SplitObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return found(p.splits, in.Reference)
}

// HoldSplits makes splits wait for [Provider.EndSplit] instead of being done at
// once.
func (p *Provider) HoldSplits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holdSplits = true
}

// EndSplit ends a split.
func (p *Provider) EndSplit(id payment.SplitID, s payment.MoveState, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.splits[id].State, p.splits[id].Reason = s, reason
}

// Return takes a part of a share back, once for each reference.
func (p *Provider) Return(_ context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.returns[in.Reference]; ok {
		return *o, nil
	}
	o := &payment.ReturnObject{
		ProviderID: fmt.Sprintf("return-%d", len(p.returns)+1), Reference: string(in.Reference), State: ending(p.holdReturns),
		Amount: in.Amount, At: p.clock(),
	}
	p.returns[in.Reference] = o
	return *o, nil
}

// FindReturn reads a return by our reference.
func (p *Provider) FindReturn(_ context.Context, in payment.ReturnIntent) (payment.ReturnObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return found(p.returns, in.Reference)
}

// HoldReturns makes returns wait for [Provider.EndReturn] instead of being done
// at once.
func (p *Provider) HoldReturns() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holdReturns = true
}

// EndReturn ends a return.
func (p *Provider) EndReturn(id payment.ReturnID, s payment.MoveState, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.returns[id].State, p.returns[id].Reason = s, reason
}

// Payout sends money to a vendor's bank, once for each reference.
func (p *Provider) Payout(_ context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.payouts[in.Reference]; ok {
		return *o, nil
	}
	o := &payment.PayoutObject{
		ProviderID: fmt.Sprintf("payout-%d", len(p.payouts)+1), Reference: string(in.Reference), State: ending(p.holdPayouts),
		Amount: in.Amount, At: p.clock(),
	}
	p.payouts[in.Reference] = o
	return *o, nil
}

// FindPayout reads a payout by our reference.
func (p *Provider) FindPayout(_ context.Context, in payment.PayoutIntent) (payment.PayoutObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return found(p.payouts, in.Reference)
}

// HoldPayouts makes payouts wait for [Provider.EndPayout] instead of being paid
// at once.
func (p *Provider) HoldPayouts() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holdPayouts = true
}

// EndPayout ends a payout, also one that was paid: the bank sends it back and
// keeps the fee.
func (p *Provider) EndPayout(id payment.PayoutID, s payment.MoveState, fee money.Amount, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.payouts[id]
	o.State, o.Fee, o.Reason, o.At = s, fee, reason, p.clock()
}

// FindDispute reads a dispute.
func (p *Provider) FindDispute(_ context.Context, providerID string) (payment.DisputeObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return found(p.disputes, providerID)
}

// ChangedDisputes has nothing to tell; tests send notices.
func (p *Provider) ChangedDisputes(_ context.Context, since string) ([]payment.DisputeObject, string, error) {
	return nil, since, nil
}

// OpenDispute lets the payer's bank take money of a payment back.
func (p *Provider) OpenDispute(of payment.AttemptID, amount, fee money.Amount) payment.DisputeObject {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &payment.DisputeObject{
		ProviderID: fmt.Sprintf("dispute-%d", len(p.disputes)+1), Payment: payment.Ref{Reference: of, ProviderID: p.byRef[of]},
		State: payment.DisputeOpen, Round: 1, Amount: amount, Fee: fee, Reason: "not_received",
		EvidenceDue: p.clock().AddDate(0, 0, 7), At: p.clock(),
	}
	p.disputes[o.ProviderID] = o
	p.took(o)
	return *o
}

// took puts the lines of a dispute that was opened into the account.
func (p *Provider) took(o *payment.DisputeObject) {
	round := fmt.Sprintf("%s-open-%d", o.ProviderID, o.Round)
	p.lines = append(p.lines,
		payment.ReportLine{Kind: payment.ReportDispute, ProviderID: round, Reference: o.ProviderID, Amount: money.Amount{Minor: -o.Amount.Minor, Currency: o.Amount.Currency}, At: o.At},
		payment.ReportLine{Kind: payment.ReportFee, ProviderID: round, Reference: o.ProviderID, Amount: money.Amount{Minor: -o.Fee.Minor, Currency: o.Amount.Currency}, At: o.At})
}

// WinDispute decides a dispute for us.
func (p *Provider) WinDispute(id string) { p.decide(id, payment.DisputeWon, 0) }

// LoseDispute decides a dispute for the payer.
func (p *Provider) LoseDispute(id string) { p.decide(id, payment.DisputeLost, 0) }

// ReopenDispute opens a dispute that was won in its next round.
func (p *Provider) ReopenDispute(id string) { p.decide(id, payment.DisputeOpen, 1) }

func (p *Provider) decide(id string, s payment.DisputeState, rounds int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.disputes[id]
	o.State, o.Round, o.At = s, o.Round+rounds, p.clock()
	switch s {
	case payment.DisputeOpen:
		p.took(o)
	case payment.DisputeWon:
		p.lines = append(p.lines, payment.ReportLine{
			Kind: payment.ReportDispute, ProviderID: fmt.Sprintf("%s-won-%d", o.ProviderID, o.Round), Reference: o.ProviderID, Amount: o.Amount, At: o.At,
		})
	case payment.DisputeInquiry, payment.DisputeSubmitted, payment.DisputeLost:
	}
}

// AddReportLine puts a line into the provider's account of its day, beside those
// that follow from its objects.
func (p *Provider) AddReportLine(l payment.ReportLine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, l)
}

// Report is the provider's account of a day.
func (p *Provider) Report(_ context.Context, day calendar.Date) ([]payment.ReportLine, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []payment.ReportLine
	add := func(kind payment.ReportKind, id, reference string, amount money.Amount, sign int64, at time.Time) {
		if amount.Minor != 0 && calendar.On(at) == day {
			amount.Minor *= sign
			all = append(all, payment.ReportLine{Kind: kind, ProviderID: id, Reference: reference, Amount: amount, At: at})
		}
	}
	for _, o := range p.payments {
		add(payment.ReportCapture, o.CaptureID, o.Reference, o.Captured, 1, o.CapturedAt)
		add(payment.ReportFee, o.CaptureID, o.Reference, o.Fee, -1, o.CapturedAt)
	}
	for id, o := range p.refunds {
		if o.State == payment.RefundObjectSucceeded {
			add(payment.ReportRefund, o.ProviderID, o.Reference, o.Amount, -1, p.refunded[id])
		}
	}
	for _, o := range p.splits {
		if o.State == payment.MoveDone {
			add(payment.ReportSplit, o.ProviderID, o.Reference, o.Share, -1, o.At)
		}
	}
	for _, o := range p.returns {
		if o.State == payment.MoveDone {
			add(payment.ReportReturn, o.ProviderID, o.Reference, o.Amount, 1, o.At)
		}
	}
	for _, o := range p.payouts {
		if o.State == payment.MoveDone {
			add(payment.ReportPayout, o.ProviderID, o.Reference, o.Amount, -1, o.At)
		}
	}
	for _, l := range p.lines {
		add(l.Kind, l.ProviderID, l.Reference, l.Amount, 1, l.At)
	}
	slices.SortFunc(all, func(a, b payment.ReportLine) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ProviderID, b.ProviderID))
	})
	return all, nil
}
