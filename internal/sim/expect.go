package sim

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

// taxOffice is the party that tax is owed to.
const taxOffice = "CN"

// sums are the entries that a fact should make, by account.
type sums map[key]int64

func (s sums) add(a ledger.Account, party string, minor int64) {
	if minor != 0 {
		s[key{a, party}] += minor
	}
}

// owed is what a debt account of the model holds.
func (o *oracle) owed(a ledger.Account, party string) int64 { return -o.book[key{a, party}] }

// has is what an asset account of the model holds.
func (o *oracle) has(a ledger.Account, party string) int64 { return o.book[key{a, party}] }

// pay takes x from a vendor: what is held for the cases, what is payable, the
// deposit where it may be drawn, and the rest as its debt.
func (o *oracle) pay(s sums, vendor string, x int64, deposit bool, cases ...string) (debt int64) {
	take := func(a ledger.Account, party string) {
		got := min(x, max(0, o.owed(a, party)))
		s.add(a, party, got)
		x -= got
	}
	for _, c := range cases {
		take(ledger.Hold, vendor+"/"+c)
	}
	take(ledger.Payable, vendor)
	if deposit {
		take(ledger.Deposit, vendor)
	}
	s.add(ledger.Receivable, vendor, x)
	return x
}

// get gives a vendor x: its debt first.
func (o *oracle) get(s sums, vendor string, x int64) {
	debt := min(x, o.has(ledger.Receivable, vendor))
	s.add(ledger.Receivable, vendor, -debt)
	s.add(ledger.Payable, vendor, -(x - debt))
}

// giveBack takes x out of a sale: tax, escrow, and then what is out already, of
// which the operator gives up its commission. It changes the sale.
func (s *sale) giveBack(x int64) (tax, escrow, fee, vendor int64) {
	taxed, kept, earned := s.taxed(), s.kept(), s.earned()
	s.back += x
	tax = taxed - s.taxed()
	escrow = min(x-tax, kept-s.out)
	s.out = min(s.out, s.kept())
	s.taken += x - tax - escrow
	fee = earned - s.earned()
	return tax, escrow, fee, x - tax - escrow - fee
}

// undo puts x back that was given back and never paid: what was taken out of the
// released part goes there first. It changes the sale.
func (s *sale) undo(x int64) (tax, escrow, fee, vendor int64) {
	taxed, earned := s.taxed(), s.earned()
	s.back -= x
	tax = s.taxed() - taxed
	released := min(x-tax, s.taken)
	s.taken -= released
	s.out += released
	fee = s.earned() - earned
	return tax, x - tax - released, fee, released - fee
}

// journal holds one journal against the fact behind it.
func (o *oracle) journal(r db.Reader, j journalRow, c changes) {
	o.posted[j.Kind]++
	o.digest = fmt.Appendf(o.digest, "%s|%s|%v\n", j.Kind, j.Effect, j.Entries)
	o.journalCount++
	if _, twice := o.effects[j.Effect]; twice {
		o.wrong("I10", "%s was posted twice", j.Effect)
		return
	}
	var total int64
	got := sums{}
	for _, e := range j.Entries {
		total += e.Minor
		got.add(e.Account, e.Party, e.Minor)
	}
	o.must(len(j.Entries) >= 2 && total == 0, "I1", "%s: %d entries that sum to %d", j.Effect, len(j.Entries), total)
	want, problem := o.expect(r, j, c)
	if problem != "" {
		o.wrong("I10", "%s %s: %s", j.Kind, j.Effect, problem)
		return
	}
	for k, minor := range want {
		if minor == 0 {
			delete(want, k)
		}
	}
	if invariant := invariantOf(j.Kind); !same(got, want) {
		o.wrong(invariant, "%s %s: posted %s, the facts make %s", j.Kind, j.Effect, got, want)
		return
	}
	o.checks++
	for k, minor := range want {
		o.book[k] += minor
	}
	o.effects[j.Effect], o.byID[j.ID] = j, j
}

func invariantOf(kind string) string {
	switch ledger.Kind(kind) {
	case ledger.P6Release, ledger.P7Refund, ledger.P7Undone, ledger.P8Refund, ledger.P9Refund, ledger.P18DisputeLost:
		return "I8"
	}
	return "I11"
}

func same(a, b sums) bool {
	if len(a) != len(b) {
		return false
	}
	for k, minor := range a {
		if b[k] != minor {
			return false
		}
	}
	return true
}

func (s sums) String() string {
	var all []string
	for k, minor := range s {
		all = append(all, fmt.Sprintf("%s[%s] %d", k.account, k.party, minor))
	}
	sort.Strings(all)
	return "{" + strings.Join(all, ", ") + "}"
}

// expect works out what a journal should say, and why it may be there at all.
// It moves the facts of the sale on.
func (o *oracle) expect(r db.Reader, j journalRow, c changes) (want sums, problem string) {
	want = sums{}
	switch ledger.Kind(j.Kind) {
	case ledger.P1Capture:
		return want, o.captured(want, j, c)
	case ledger.P2ProviderFee:
		id := strings.TrimPrefix(j.Effect, "pspfee:"+provider+":")
		p := o.w.bank.byCapture[id]
		if p == nil {
			return nil, "no such capture"
		}
		want.add(ledger.Fee, provider, p.Fee.Minor)
		want.add(ledger.Clearing, provider, -p.Fee.Minor)
	case ledger.P3ProviderPayout:
		return want, o.freed(want, j)
	case ledger.P3ProviderDraw:
		return want, o.drawn(want, j)
	case ledger.P5LateMoney:
		id := strings.TrimPrefix(j.Effect, "capture:"+provider+":")
		p := o.w.bank.byCapture[id]
		if p == nil {
			return nil, "no such capture"
		}
		if o.acceptable(p, c) {
			return nil, "the order was there and takes the money"
		}
		want.add(ledger.Clearing, provider, p.Captured.Minor)
		want.add(ledger.Suspense, provider, -p.Captured.Minor)
	case ledger.P5LateRefund:
		f, problem := o.refunded(strings.TrimPrefix(j.Effect, "laterefund:"))
		if problem != "" {
			return nil, problem
		}
		if f.Cause == "order" {
			return nil, "the refund is an order's"
		}
		want.add(ledger.Suspense, provider, f.Amount)
		want.add(ledger.Clearing, provider, -f.Amount)
	case ledger.P6Release:
		return want, o.released(want, j, r)
	case ledger.P6Reserve:
		s := o.sales[strings.TrimPrefix(j.Effect, "reserve:")]
		if s == nil {
			return nil, "no such line"
		}
		if due, err := o.due(r, s); err != nil || due.IsZero() || o.w.clock.now.Before(due) {
			return nil, fmt.Sprintf("the reserve is due at %s (%v)", due, err)
		}
		held := o.owed(ledger.Hold, s.vendor+"/"+s.line)
		want.add(ledger.Hold, s.vendor+"/"+s.line, held)
		o.get(want, s.vendor, held)
	case ledger.P7Refund, ledger.P8Refund, ledger.P9Refund:
		f := o.refunds.rows[strings.TrimPrefix(j.Effect, "refund:")]
		s := o.sales[j.Cause]
		switch {
		case f == nil || s == nil:
			return nil, "no such refund or line"
		case f.Cause != "order" || s.attempt != f.Attempt:
			return nil, "the refund is not of this line"
		case s.disputes > 0:
			return nil, "G2: the payment is disputed"
		case f.Amount > s.gross()-s.back:
			return nil, fmt.Sprintf("G1: %d is more than the %d that is left", f.Amount, s.gross()-s.back)
		}
		tax, escrow, fee, vendor := s.giveBack(f.Amount)
		want.add(ledger.Tax, taxOffice, tax)
		want.add(ledger.Escrow, s.line, escrow)
		want.add(ledger.Commission, "", fee)
		debt := o.pay(want, s.vendor, vendor, false, s.line)
		want.add(ledger.InFlight, f.ID, -f.Amount)
		kind := ledger.P7Refund
		if fee+vendor > 0 {
			kind = ledger.P8Refund
		}
		if debt > 0 {
			kind = ledger.P9Refund
		}
		if string(kind) != j.Kind {
			return nil, fmt.Sprintf("the facts make a %s", kind)
		}
	case ledger.P7Undone:
		f := o.refunds.rows[strings.TrimSuffix(strings.TrimPrefix(j.Effect, "refund:"), ":end")]
		s := o.sales[j.Cause]
		if f == nil || s == nil || f.State != "failed" || f.Bounced || f.Cause != "order" || s.attempt != f.Attempt {
			return nil, "the refund has not failed so"
		}
		if o.w.bank.byRefund[payment.RefundID(f.ID)] != nil {
			return nil, "the provider has the refund"
		}
		tax, escrow, fee, vendor := s.undo(f.Amount)
		want.add(ledger.InFlight, f.ID, f.Amount)
		want.add(ledger.Tax, taxOffice, -tax)
		want.add(ledger.Escrow, s.line, -escrow)
		want.add(ledger.Commission, "", -fee)
		o.get(want, s.vendor, vendor)
	case ledger.P10RefundDone:
		f, problem := o.refunded(strings.TrimSuffix(strings.TrimPrefix(j.Effect, "refund:"), ":end"))
		if problem != "" {
			return nil, problem
		}
		want.add(ledger.InFlight, f.ID, f.Amount)
		want.add(ledger.Clearing, provider, -f.Amount)
	case ledger.P11RefundOwed:
		id, how, _ := strings.Cut(strings.TrimPrefix(j.Effect, "refund:"), ":")
		f := o.refunds.rows[id]
		if f == nil || f.State != "failed" || f.Bounced != (how == "bounced") {
			return nil, "the refund has not failed so"
		}
		s := o.saleOf(f.Attempt)
		if s == nil {
			return nil, "no such line"
		}
		want.add(ledger.InFlight, f.ID, f.Amount)
		want.add(ledger.Owed, s.account, -f.Amount)
	case ledger.P34Reverse:
		of, known := o.byID[j.Reverses]
		if !known {
			return nil, "it reverses nothing"
		}
		f := o.refunds.rows[j.Cause]
		if f == nil || f.State != "failed" || !f.Bounced {
			return nil, "no refund has come back"
		}
		for _, e := range of.Entries {
			want.add(e.Account, e.Party, -e.Minor)
		}
	case ledger.P15DisputeOpen, ledger.P16Hold, ledger.P16Unhold, ledger.P17DisputeWon, ledger.P18DisputeLost:
		return want, o.disputedBy(want, j)
	case ledger.P20Payout, ledger.P25DepositOut:
		return want, o.paysOut(want, j)
	case ledger.P21PayoutPaid, ledger.P22PayoutFailed, ledger.P23PayoutReturned, ledger.P25DepositBack:
		return want, o.paidOut(want, j)
	case ledger.P32SweepBack:
		return want, o.sweptBack(want, j)
	case ledger.P32Sweep:
		if id := strings.TrimPrefix(j.Effect, "sweep:"); strings.HasPrefix(id, "spl_") {
			s, truth := o.splits.rows[id], o.w.bank.bySplit[payment.SplitID(id)]
			if s == nil || truth == nil || truth.State != payment.MoveDone {
				return nil, "the provider has not split"
			}
			if o.coverage() < s.Share {
				return nil, "client money does not cover it"
			}
			want.add(ledger.BankOwn, "", s.Share)
			want.add(ledger.Bank, "", -s.Share)
			return want, ""
		}
		return want, o.acted(want, j)
	default:
		return want, o.acted(want, j)
	}
	return want, ""
}

func (o *oracle) saleOf(attempt string) *sale {
	a := o.attempts.rows[attempt]
	if a == nil {
		return nil
	}
	return o.sales[o.ofOrder[a.Order]]
}

// acceptable reports whether an order takes a capture: it still waited for it, for
// this attempt and in this amount.
func (o *oracle) acceptable(p *paid, c changes) bool {
	a := o.attempts.rows[p.Reference]
	if a == nil {
		return false
	}
	r := o.orders.rows[a.Order]
	state := r.State
	for _, v := range c.orders { // as it was before this transaction
		if v.now.ID == r.ID && v.before != nil {
			state = v.before.State
		}
	}
	return state == "awaiting_payment" && r.Attempt == a.ID && r.Paid == p.Captured.Minor
}

func (o *oracle) captured(want sums, j journalRow, c changes) string {
	s, p := o.sales[j.Cause], o.w.bank.byCapture[strings.TrimPrefix(j.Effect, "capture:"+provider+":")]
	switch {
	case s == nil || p == nil:
		return "no such capture or line"
	case s.attempt != "":
		return "the line is paid already"
	case !o.acceptable(p, c) || o.ofOrder[o.attempts.rows[p.Reference].Order] != s.line:
		return "the order does not take this money"
	}
	s.attempt = p.Reference
	want.add(ledger.Clearing, provider, p.Captured.Minor)
	want.add(ledger.Escrow, s.line, -s.net)
	want.add(ledger.Tax, taxOffice, -s.tax)
	if len(o.w.regime.Tiers) > 0 && !o.special(s) {
		o.volume[year(s.vendor, o.w.clock.now)] += p.Captured.Minor
	}
	return ""
}

// special reports a line whose kind has a rate of its own.
func (o *oracle) special(s *sale) bool {
	for _, p := range o.w.stage.products {
		if string(p.Offer.Product.ID) == o.orders.rows[s.order].Product {
			_, ok := o.w.regime.Kinds[p.Type]
			return ok
		}
	}
	return false
}

// freed expects P3: a split has given the operator its share, and with the last
// one the rest is the vendor's.
func (o *oracle) freed(want sums, j journalRow) string {
	id := strings.TrimPrefix(j.Effect, "psppayout:"+provider+":")
	s, truth := o.splits.rows[id], o.w.bank.bySplit[payment.SplitID(id)]
	if s == nil || truth == nil || truth.State != payment.MoveDone || truth.Share.Minor != s.Share {
		return "the provider has not split so"
	}
	line := o.saleOf(s.Attempt)
	a := o.attempts.rows[s.Attempt]
	x := max(0, a.Captured-a.Refunded-a.Fee-line.freed)
	if !s.Finish {
		x = min(x, s.Share)
	}
	want.add(ledger.Bank, "", x)
	want.add(ledger.Clearing, provider, -x)
	return ""
}

// drawn expects P3r: a refund took of what was free already.
func (o *oracle) drawn(want sums, j journalRow) string {
	f, problem := o.refunded(strings.TrimPrefix(j.Effect, "pspdraw:"+provider+":"))
	if problem != "" {
		return problem
	}
	line, a := o.saleOf(f.Attempt), o.attempts.rows[f.Attempt]
	x := min(line.freed+a.Fee+a.Refunded-a.Captured, f.Amount, line.freed)
	x = min(x, o.has(ledger.Bank, "")-o.inflight())
	want.add(ledger.Clearing, provider, x)
	want.add(ledger.Bank, "", -x)
	return ""
}

// inflight is what is on its way to vendors.
func (o *oracle) inflight() (minor int64) {
	for _, id := range o.payouts.order {
		minor += o.owed(ledger.PayoutInFlight, id)
	}
	return minor
}

// refunded is a refund that the provider has paid.
func (o *oracle) refunded(id string) (*refundRow, string) {
	f, truth := o.refunds.rows[id], o.w.bank.byRefund[payment.RefundID(id)]
	if f == nil || truth == nil || f.State != "succeeded" || !truth.bounced && truth.State != payment.RefundObjectSucceeded {
		return nil, "the provider has not paid the refund"
	}
	if truth.Amount.Minor != f.Amount {
		return nil, "the provider has paid another amount"
	}
	return f, ""
}

// acceptBy is how many days after its delivery a service counts as accepted.
const acceptBy = 15

// due is when the money of a line may be released: zero while it was not
// delivered.
func (o *oracle) due(r db.Reader, s *sale) (time.Time, error) {
	row := o.orders.rows[s.order]
	if row.Delivered == 0 {
		return time.Time{}, nil
	}
	due := time.UnixMicro(row.Delivered)
	switch class := o.classOf(row); class {
	case "until_acceptance":
		due = due.Add(acceptBy * 24 * time.Hour)
		accepted, err := delivery.AcceptedAt(o.w.ctx, r, s.line)
		if err != nil {
			return time.Time{}, err
		}
		if !accepted.IsZero() && accepted.Before(due) {
			due = accepted
		}
	case "five_day":
		last := calendar.On(time.UnixMicro(row.PaidAt)).AddDays(5).Start() // the fifth day is the last
		if window := last.Add(-time.Second); window.After(due) {
			due = window
		}
	}
	return due, nil
}

func (o *oracle) classOf(r *orderRow) string {
	for _, p := range o.w.stage.products {
		if string(p.Offer.Product.ID) == r.Product {
			return p.Class
		}
	}
	return ""
}

// actBy is the last day to ask for the split of a line.
func (o *oracle) actBy(c *collectionRow) time.Time {
	days := o.w.regime.ActBy
	if f := o.w.knobs.freezeDays; f > 0 {
		days = min(days, f-min(5, f/2))
	}
	return time.UnixMicro(c.Collected).Add(time.Duration(days) * 24 * time.Hour)
}

// released expects P6: the part that is due, less what is out.
func (o *oracle) released(want sums, j journalRow, r db.Reader) string {
	s := o.sales[j.Cause]
	if s == nil {
		return "no such line"
	}
	c := o.collections.rows[s.line]
	switch {
	case c == nil:
		return "the line has no collection"
	case s.disputes > 0:
		return "G7: the payment is disputed"
	}
	due, err := o.due(r, s)
	if err != nil {
		return err.Error()
	}
	now := o.w.clock.now
	whole, forced := c.Parts, !now.Before(o.actBy(c))
	if o.w.regime.Monthly && c.Parts == 1 && o.months(s) > 1 {
		return "the term is released in one part"
	}
	if !forced {
		if due.IsZero() || now.Before(due) {
			return fmt.Sprintf("released at %s, due at %s", now, due)
		}
		if first := time.UnixMicro(c.Collected).UTC().AddDate(0, int(c.Part-1), 0); c.Part > 1 && now.Before(first) {
			return fmt.Sprintf("part %d released at %s, due at %s", c.Part, now, first)
		}
	}
	out, earned := s.out, s.earned()
	s.out = max(s.out, part(s.kept(), c.Part, whole))
	x, fee := s.out-out, s.earned()-earned
	want.add(ledger.Escrow, s.line, x)
	want.add(ledger.Commission, "", -fee)
	rest := x - fee
	if forced && (due.IsZero() || now.Before(due)) { // what is not due stays frozen
		reserve := rest - min(rest, o.has(ledger.Receivable, s.vendor))
		want.add(ledger.Hold, s.vendor+"/"+s.line, -reserve)
		rest -= reserve
	}
	o.get(want, s.vendor, rest)
	return ""
}

func (o *oracle) months(s *sale) int64 {
	for _, p := range o.w.stage.products {
		if string(p.Offer.Product.ID) == o.orders.rows[s.order].Product {
			return p.Months
		}
	}
	return 0
}

// disputedBy expects what a dispute makes: P15 to P18.
func (o *oracle) disputedBy(want sums, j journalRow) string {
	words := strings.Split(j.Effect, ":") // cb:dsp_…:round:what
	if len(words) != 4 || words[0] != "cb" {
		return o.acted(want, j)
	}
	d := o.disputes.rows[words[1]]
	round, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil || d == nil {
		return "no such dispute"
	}
	truth := o.w.bank.byDispute[d.ProviderID]
	s := o.saleOf(d.Attempt)
	if truth == nil || s == nil || s.attempt != d.Attempt {
		return "the provider has no such dispute of a paid line"
	}
	ended := payment.DisputeState("")
	switch {
	case int(round) < truth.Round:
		ended = payment.DisputeWon
	case int(round) == truth.Round:
		ended = truth.State
	default:
		return "the provider is not in that round"
	}
	covered := o.coveredBy(d, round)
	hold := key{ledger.Hold, s.vendor + "/" + d.ID}
	switch words[3] {
	case "open":
		if ended == payment.DisputeInquiry {
			return "the provider has taken nothing"
		}
		s.disputes++
		want.add(ledger.ChargebackInFlight, d.ID, d.Amount)
		want.add(ledger.DisputeFee, "", d.Fee)
		want.add(ledger.Clearing, provider, -d.Amount-d.Fee)
	case "hold":
		x := o.frozenFor(s, covered)
		want.add(ledger.Payable, s.vendor, x)
		want.add(hold.account, hold.party, -x)
	case "won":
		if ended != payment.DisputeWon {
			return "the provider has not decided so"
		}
		s.disputes--
		want.add(ledger.Clearing, provider, d.Amount)
		want.add(ledger.ChargebackInFlight, d.ID, -d.Amount)
		frozen := o.owed(hold.account, hold.party)
		want.add(hold.account, hold.party, frozen)
		o.get(want, s.vendor, frozen)
	case "lost":
		if ended != payment.DisputeLost {
			return "the provider has not decided so"
		}
		s.disputes--
		covered := min(d.Covered, s.gross()-s.back) // a refund that failed is owed by another way
		if covered > 0 {
			tax, escrow, fee, vendor := s.giveBack(covered)
			want.add(ledger.Tax, taxOffice, tax)
			want.add(ledger.Escrow, s.line, escrow)
			want.add(ledger.Commission, "", fee)
			o.pay(want, s.vendor, vendor, false, s.line, d.ID)
			o.lostFee[j.Effect] = fee
		}
		want.add(ledger.DisputeLoss, "", d.Amount-covered)
		want.add(ledger.ChargebackInFlight, d.ID, -d.Amount)
	case "unhold":
		if ended != payment.DisputeLost {
			return "the provider has not decided so"
		}
		frozen := o.owed(hold.account, hold.party)
		want.add(hold.account, hold.party, frozen)
		o.get(want, s.vendor, frozen)
	default:
		return "unknown"
	}
	return ""
}

// frozenFor is what a dispute freezes of a vendor: its share of what is covered, as
// far as it is payable.
func (o *oracle) frozenFor(s *sale, covered int64) int64 {
	of := *s
	_, _, _, vendor := of.giveBack(min(covered, of.gross()-of.back))
	return min(vendor, o.owed(ledger.Payable, s.vendor))
}

// coveredBy is what of a dispute was neither given back nor held by another when
// it opened: the row itself may have moved on in the same transaction.
func (o *oracle) coveredBy(d *disputeRow, round int64) int64 {
	if d.Round == round && (d.State == "open" || d.State == "submitted") {
		return d.Covered
	}
	a := o.attempts.rows[d.Attempt]
	free := a.Captured - a.Refunded - a.Disputed
	if d.State == "open" || d.State == "submitted" || d.State == "lost" {
		free += d.Covered
	}
	return min(d.Amount, free)
}

// paysOut expects P20 and P25, and that they were asked for and agreed to.
func (o *oracle) paysOut(want sums, j journalRow) string {
	id := strings.TrimPrefix(j.Effect, "payout:")
	p := o.payouts.rows[id]
	if p == nil {
		return "no such payout"
	}
	w := pickPayout(o, id)
	if w == nil || w.Amount != p.Amount || w.Vendor != p.Vendor {
		return "nobody asked for it"
	}
	from := ledger.Payable
	if w.Purpose == "deposit" {
		from = ledger.Deposit
	}
	needs := w.Purpose == "deposit" || w.Amount > o.w.regime.FourEyes
	switch {
	case needs && (w.First == "" || w.Second == "" || w.First == w.Second || w.First == w.Requested || w.Second == w.Requested):
		return "two others have not agreed"
	case o.stopped(p.Vendor):
		return "G5: the vendor's money is frozen"
	case o.owed(from, p.Vendor) < p.Amount:
		return "G4: it is not payable"
	case o.has(ledger.Bank, "")-o.inflight() < p.Amount:
		return "G4: it is not in the bank"
	}
	want.add(from, p.Vendor, p.Amount)
	want.add(ledger.PayoutInFlight, id, -p.Amount)
	return ""
}

func pickPayout(o *oracle, payout string) *withdrawalRow {
	for i := len(o.withdrawals.order) - 1; i >= 0; i-- {
		if w := o.withdrawals.rows[o.withdrawals.order[i]]; w.Payout == payout {
			return w
		}
	}
	return nil
}

func (o *oracle) stopped(vendor string) bool {
	for _, on := range o.frozen[vendor] {
		if on {
			return true
		}
	}
	return false
}

// paidOut expects how a payout ended.
func (o *oracle) paidOut(want sums, j journalRow) string {
	id, how, _ := strings.Cut(strings.TrimPrefix(j.Effect, "payout:"), ":")
	p, truth := o.payouts.rows[id], o.w.bank.byPayout[payment.PayoutID(id)]
	if p == nil {
		return "no such payout"
	}
	deposit := o.effects["payout:"+id].Kind == string(ledger.P25DepositOut)
	back := func() {
		if deposit {
			want.add(ledger.Deposit, p.Vendor, -p.Amount)
			return
		}
		o.get(want, p.Vendor, p.Amount)
	}
	switch how {
	case "paid":
		if truth == nil || !truth.done {
			return "the provider has not paid it"
		}
		want.add(ledger.PayoutInFlight, id, p.Amount)
		want.add(ledger.Bank, "", -p.Amount)
	case "failed":
		if truth != nil && truth.State != payment.MoveFailed {
			return "the provider has not refused it"
		}
		want.add(ledger.PayoutInFlight, id, p.Amount)
		back()
	case "returned":
		if truth == nil || truth.State != payment.MoveReturned {
			return "the bank has not sent it back"
		}
		want.add(ledger.Bank, "", p.Amount-truth.Fee.Minor)
		want.add(ledger.BankFee, "", truth.Fee.Minor)
		back()
	default:
		return "unknown"
	}
	return ""
}

// sweptBack expects that the operator's share came back: of a refund, or of what
// it gives up with a lost dispute.
func (o *oracle) sweptBack(want sums, j journalRow) string {
	id := strings.TrimPrefix(j.Effect, "sweepback:")
	x := int64(0)
	if strings.HasPrefix(id, "ret_") {
		t, truth := o.returns.rows[id], o.w.bank.byReturn[payment.ReturnID(id)]
		if t == nil || truth == nil || truth.State != payment.MoveDone || truth.Amount.Minor != t.Amount {
			return "the provider has not taken it back"
		}
		x = t.Amount
	} else {
		dispute, round, _ := strings.Cut(id, ":")
		x = o.lostFee["cb:"+dispute+":"+round+":lost"]
	}
	want.add(ledger.Bank, "", x)
	want.add(ledger.BankOwn, "", -x)
	return ""
}

// coverage is what the operator may call its own.
func (o *oracle) coverage() (minor int64) {
	for k, held := range o.book {
		switch k.account {
		case ledger.Clearing, ledger.Bank, ledger.ChargebackInFlight, ledger.Escrow, ledger.Payable, ledger.Hold, ledger.Deposit, ledger.PayoutInFlight,
			ledger.InFlight, ledger.Compensation, ledger.Owed, ledger.Tax, ledger.Suspense:
			minor += held
		}
	}
	return minor
}

// acted expects what a person decided.
func (o *oracle) acted(want sums, j journalRow) string {
	a, known := o.acts[j.Effect]
	if !known && j.Kind == string(ledger.P37PlatformFee) {
		for _, fee := range o.charged {
			if fee.vendor == j.Cause {
				a, known = fee, true
			}
		}
	}
	if !known || string(a.kind) != j.Kind {
		return "nobody decided it"
	}
	switch a.kind {
	case ledger.P12Compensation:
		s := o.sales[a.line]
		if s.damages+a.amount > s.cap && !a.exception {
			return fmt.Sprintf("G3: %d above the cap of %d", s.damages+a.amount, s.cap)
		}
		s.damages += a.amount
		s.cap = max(s.cap, s.damages)
		o.pay(want, s.vendor, a.amount, a.deposit, s.line, a.matter)
		want.add(ledger.Compensation, s.account, -a.amount)
	case ledger.P13Compensated:
		want.add(ledger.Compensation, a.account, a.amount)
		want.add(ledger.Owed, a.account, -a.amount)
	case ledger.P14Goodwill:
		want.add(ledger.Goodwill, "", a.amount)
		want.add(ledger.Owed, a.account, -a.amount)
	case ledger.P16Hold:
		x := min(a.amount, o.owed(ledger.Payable, a.vendor))
		want.add(ledger.Payable, a.vendor, x)
		want.add(ledger.Hold, a.vendor+"/"+a.matter, -x)
	case ledger.P16Unhold:
		x := o.owed(ledger.Hold, a.vendor+"/"+a.matter)
		want.add(ledger.Hold, a.vendor+"/"+a.matter, x)
		o.get(want, a.vendor, x)
	case ledger.P19DisputeFee:
		o.pay(want, a.vendor, a.amount, false)
		want.add(ledger.DisputeFee, "", -a.amount)
	case ledger.P24DepositIn:
		want.add(ledger.Bank, "", a.amount)
		want.add(ledger.Deposit, a.vendor, -a.amount)
	case ledger.P26Forfeit:
		rest := a.amount
		want.add(ledger.Deposit, a.vendor, a.amount)
		for to, x := range a.buyers {
			want.add(ledger.Compensation, to, -x)
			rest -= x
		}
		want.add(ledger.Forfeiture, "", -rest)
	case ledger.P27Invoiced:
		want.add(ledger.BuyerReceivable, a.line, a.net+a.tax)
		want.add(ledger.Uncollected, a.line, -a.net)
		want.add(ledger.Tax, taxOffice, -a.tax)
	case ledger.P28Collected:
		want.add(ledger.Clearing, provider, a.net+a.tax)
		want.add(ledger.Uncollected, a.line, a.net)
		want.add(ledger.BuyerReceivable, a.line, -a.net-a.tax)
		want.add(ledger.Escrow, a.line, -a.net)
	case ledger.P29CreditNote:
		want.add(ledger.Uncollected, a.line, a.net)
		want.add(ledger.Tax, taxOffice, a.tax)
		want.add(ledger.BuyerReceivable, a.line, -a.net-a.tax)
	case ledger.P31Recovered:
		want.add(ledger.Bank, "", a.amount)
		want.add(ledger.Receivable, a.vendor, -a.amount)
	case ledger.P31WrittenOff:
		want.add(ledger.BadDebt, "", a.amount)
		want.add(ledger.Receivable, a.vendor, -a.amount)
	case ledger.P32Sweep:
		if o.coverage() < a.amount {
			return "G6: client money does not cover it"
		}
		want.add(ledger.BankOwn, "", a.amount)
		want.add(ledger.Bank, "", -a.amount)
	case ledger.P33Cover:
		want.add(ledger.Bank, "", a.amount)
		want.add(ledger.Owner, "", -a.amount)
	case ledger.P35TaxPaid:
		want.add(ledger.Tax, taxOffice, a.amount)
		want.add(ledger.Bank, "", -a.amount)
	case ledger.P36OwedPaid:
		want.add(ledger.Owed, a.account, a.amount)
		want.add(ledger.Bank, "", -a.amount)
	case ledger.P37PlatformFee:
		o.pay(want, a.vendor, a.amount, false)
		want.add(ledger.PlatformFees, "", -a.amount)
	default:
		return "no person decides a " + j.Kind
	}
	return ""
}

// complete checks the other direction of I10: each change that money requires has
// its journal in the same transaction.
func (o *oracle) complete(c changes, now map[string]bool) {
	need := func(effect, what string) {
		o.must(now[effect], "I10", "%s, and %s is not in the book", what, effect)
	}
	for _, v := range c.attempts {
		if v.now.State == "captured" && (v.before == nil || v.before.State != "captured") {
			need("capture:"+provider+":"+v.now.CaptureID, v.now.ID+" was captured")
		}
		if v.now.Fee > 0 && (v.before == nil || v.before.Fee == 0) {
			need("pspfee:"+provider+":"+v.now.CaptureID, "the fee of "+v.now.ID+" is known")
		}
	}
	for _, v := range c.refunds {
		f := v.now
		was := ""
		if v.before != nil {
			was = v.before.State
		}
		switch {
		case was == "" && f.Cause == "order":
			need("refund:"+f.ID, f.ID+" was begun")
		case was == f.State:
		case f.State == "succeeded" && f.Cause == "order":
			need("refund:"+f.ID+":end", f.ID+" was paid")
		case f.State == "succeeded":
			need("laterefund:"+f.ID, f.ID+" was paid")
		case f.State == "failed" && f.Cause == "order" && f.Bounced:
			need("refund:"+f.ID+":bounced", f.ID+" came back")
		case f.State == "failed" && f.Cause == "order":
			need("refund:"+f.ID+":end", f.ID+" failed")
		}
	}
	for _, v := range c.returns {
		if v.now.State == "done" && v.before != nil && v.before.State != "done" {
			need("sweepback:"+v.now.ID, v.now.ID+" came back")
		}
	}
	for _, v := range c.splits {
		if s := v.now; s.State == "done" && v.before != nil && v.before.State != "done" && s.Share > 0 && o.coverage() >= s.Share {
			need("sweep:"+s.ID, s.ID+" was shared")
		}
	}
	for _, v := range c.payouts {
		p := v.now
		if v.before == nil {
			need("payout:"+p.ID, p.ID+" was begun")
			continue
		}
		if v.before.State == p.State {
			continue
		}
		switch p.State {
		case "paid":
			need("payout:"+p.ID+":paid", p.ID+" was paid")
		case "failed", "cancelled":
			need("payout:"+p.ID+":failed", p.ID+" failed")
		case "returned":
			need("payout:"+p.ID+":returned", p.ID+" came back")
		}
	}
	for _, v := range c.disputes {
		d := v.now
		s := o.saleOf(d.Attempt)
		if s == nil || s.attempt != d.Attempt || v.before != nil && v.before.State == d.State && v.before.Round == d.Round {
			continue
		}
		what := fmt.Sprintf("%s is %s in round %d", d.ID, d.State, d.Round)
		switch d.State {
		case "open", "won", "lost":
			need(fmt.Sprintf("cb:%s:%d:%s", d.ID, d.Round, d.State), what)
		}
		switch hold := fmt.Sprintf("cb:%s:%d:hold", d.ID, d.Round); {
		case d.State == "open" && !now[hold] && o.frozenFor(s, o.coveredBy(d, d.Round)) > 0:
			need(hold, what)
		case d.State == "lost" && o.lostFee[fmt.Sprintf("cb:%s:%d:lost", d.ID, d.Round)] > 0 && o.collections.rows[s.line] != nil && o.collections.rows[s.line].Shared > 0:
			need(fmt.Sprintf("sweepback:%s:%d", d.ID, d.Round), what)
		}
		if d.State == "lost" || d.State == "won" {
			hold := key{ledger.Hold, s.vendor + "/" + d.ID}
			o.must(o.book[hold] == 0, "hold", "%s and %d of the vendor is still frozen for it", what, -o.book[hold])
		}
	}
	for _, v := range c.collections {
		o.sales[v.now.Line].freed = v.now.Freed
		if v.before != nil && v.now.Part > v.before.Part {
			s := o.sales[v.now.Line]
			o.must(s.out >= part(s.kept(), v.now.Part, v.now.Parts), "P6", "part %d of %s is released and not in the book", v.now.Part, v.now.Line)
		}
	}
	for _, v := range c.withdrawals {
		if w := v.now; w.State == "paying" && (v.before == nil || v.before.State != "paying") {
			need("payout:"+w.Payout, w.ID+" is being paid")
		}
	}
}
