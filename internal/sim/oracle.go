package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

// key is one account of the book.
type key struct {
	account ledger.Account
	party   string
}

// sale is what the oracle knows of an order line, worked out from what was
// agreed and what has happened, never from the book.
type sale struct {
	line, order, vendor, account, attempt string

	net, tax, fee int64 // as agreed
	back          int64 // gross given back, or lost to a bank
	out           int64 // net that has left escrow and has not been taken back
	taken         int64 // net that was taken back out of what had left
	freed         int64 // of its payment, free at the provider
	damages, cap  int64
	disputes      int64
}

// oracle keeps a model of the money in plain arithmetic, and after each
// transaction holds the database against it: every journal must be exactly what
// the model expects for a fact that is true at the provider or was decided by a
// person, and every fact must have its journal.
type oracle struct {
	w *world

	orders      *table[orderRow]
	attempts    *table[attemptRow]
	refunds     *table[refundRow]
	splits      *table[splitRow]
	returns     *table[returnRow]
	payouts     *table[payoutRow]
	disputes    *table[disputeRow]
	collections *table[collectionRow]
	withdrawals *table[withdrawalRow]

	journals []string       // touched
	balances []key          // touched
	lines    []string       // touched
	froze    []func()       // of vendors, when the transaction commits
	tables   map[string]int // rows that the transaction changed, by table

	sales    map[string]*sale  // by line
	ofOrder  map[string]string // order to line
	book     map[key]int64     // debits less credits
	effects  map[string]journalRow
	byID     map[string]journalRow
	acts     map[string]act // what people decided, by effect
	charged  []act          // platform fees, whose ids the market makes
	invoices []act          // sent and not ended
	frozen   map[string]map[string]bool
	volume   map[string]int64 // of a vendor's year, for the tiers

	refundsOf, disputesOf, splitsOf map[string][]string // by attempt
	returnsOf                       map[string][]string // by refund
	tokens                          map[string]int64    // leases given, by job

	lostFee map[string]int64 // commission given up with a lost dispute, by effect

	reading      bool
	checks       int64 // invariants that were looked at
	found        *Violation
	posted       map[string]int64 // journals by kind
	taken        map[string]int64 // transitions by object and states
	digest       []byte           // of the journals since the last step
	journalCount int
}

// act is something a person decided about money.
type act struct {
	kind                  ledger.Kind
	vendor, line, account string
	amount, tax           int64
	matter                string
	deposit, exception    bool
	buyers                map[string]int64
	net                   int64
}

// Violation is something that must never be so.
type Violation struct {
	Invariant string
	Detail    string
	Step      int
}

func (v *Violation) Error() string {
	return fmt.Sprintf("%s broken at step %d: %s", v.Invariant, v.Step, v.Detail)
}

func newOracle(w *world) *oracle {
	o := &oracle{
		w: w, tables: map[string]int{}, sales: map[string]*sale{}, ofOrder: map[string]string{}, book: map[key]int64{}, effects: map[string]journalRow{},
		byID: map[string]journalRow{}, acts: map[string]act{}, frozen: map[string]map[string]bool{}, volume: map[string]int64{},
		lostFee: map[string]int64{}, refundsOf: map[string][]string{}, disputesOf: map[string][]string{}, splitsOf: map[string][]string{}, returnsOf: map[string][]string{}, tokens: map[string]int64{}, posted: map[string]int64{}, taken: map[string]int64{},
	}
	o.orders = follow("ord_", readOrders, scanOrder, func(r *orderRow) string { return r.ID }, func(r *orderRow) string { return r.State })
	o.attempts = follow("pay_", readAttempts, scanAttempt, func(r *attemptRow) string { return r.ID }, func(r *attemptRow) string { return r.State })
	o.refunds = follow("rfd_", readRefunds, scanRefund, func(r *refundRow) string { return r.ID }, func(r *refundRow) string { return r.State })
	o.splits = follow("spl_", readSplits, scanSplit, func(r *splitRow) string { return r.ID }, func(r *splitRow) string { return r.State })
	o.returns = follow("ret_", readReturns, scanReturn, func(r *returnRow) string { return r.ID }, func(r *returnRow) string { return r.State })
	o.payouts = follow("pyo_", readPayouts, scanPayout, func(r *payoutRow) string { return r.ID }, func(r *payoutRow) string { return r.State })
	o.disputes = follow("dsp_", readDisputes, scanDispute, func(r *disputeRow) string { return r.ID }, func(r *disputeRow) string { return r.State })
	o.collections = follow("lin_", readCollections, scanCollection, func(r *collectionRow) string { return r.Line }, func(r *collectionRow) string { return r.State })
	o.withdrawals = follow("wdr_", readWithdrawals, scanWithdrawal, func(r *withdrawalRow) string { return r.ID }, func(r *withdrawalRow) string { return r.State })
	for _, s := range w.stage.sellers { // what the stage has booked
		o.book[key{ledger.Deposit, string(s.ID)}] = -500000
		o.book[key{ledger.Bank, ""}] += 500000
	}
	return o
}

// wrong notes the first broken promise; what follows from it is of no interest.
func (o *oracle) wrong(invariant, format string, args ...any) {
	if o.found == nil {
		o.found = &Violation{invariant, fmt.Sprintf(format, args...), o.w.step}
	}
}

func (o *oracle) must(ok bool, invariant, format string, args ...any) {
	o.checks++
	if !ok {
		o.wrong(invariant, format, args...)
	}
}

// tableOf is the table that a statement changes.
func (w *world) tableOf(query string) string {
	if t, ok := w.tableNames[query]; ok {
		return t
	}
	words := strings.Fields(query)
	t := ""
	for i, word := range words {
		if (word == "UPDATE" || word == "INTO" || word == "FROM") && i+1 < len(words) {
			t = words[i+1]
			break
		}
	}
	w.tableNames[query] = t
	return t
}

// changed is told each statement of a transaction; it learns where to look.
func (o *oracle) changed(query string, args []any) {
	t := o.w.tableOf(query)
	o.tables[t]++
	switch t {
	case "order_order":
		o.orders.touch(args)
	case "payment_attempt":
		o.attempts.touch(args)
	case "payment_refund":
		o.refunds.touch(args)
	case "payment_split":
		o.splits.touch(args)
	case "payment_return":
		o.returns.touch(args)
	case "payment_payout":
		o.payouts.touch(args)
	case "payment_dispute":
		o.disputes.touch(args)
	case "settlement_collection":
		o.collections.touch(args)
	case "settlement_withdrawal":
		o.withdrawals.touch(args)
	case "ledger_journal":
		o.journals = append(o.journals, args[0].(string))
	case "ledger_balance":
		var names []string
		for _, arg := range args {
			if s, ok := arg.(string); ok {
				names = append(names, s)
			}
		}
		if k := (key{ledger.Account(names[0]), names[1]}); !slices.Contains(o.balances, k) {
			o.balances = append(o.balances, k)
		}
	case "ledger_line":
		for _, arg := range args {
			if s, ok := arg.(string); ok && strings.HasPrefix(s, "lin_") && !slices.Contains(o.lines, s) {
				o.lines = append(o.lines, s)
			}
		}
	case "job_job":
		o.job(query, args)
	case "command_done":
		if strings.HasPrefix(query, "UPDATE") { // the answer of an intent that was done
			answered := args[2].(string)
			o.froze = append(o.froze, func() {
				o.must(o.w.issued[answered], "idempotency", "an intent was done under a key %s that nobody sent", answered)
				o.w.issued[answered] = false
			})
		}
	case "ledger_freeze":
		vendor, cause := args[0].(string), args[1].(string)
		added := strings.HasPrefix(query, "INSERT")
		o.froze = append(o.froze, func() {
			if o.frozen[vendor] == nil {
				o.frozen[vendor] = map[string]bool{}
			}
			o.frozen[vendor][cause] = added
		})
	}
}

// job checks the leases: none before its time, and only the newest ends its job.
func (o *oracle) job(query string, args []any) {
	switch {
	case strings.Contains(query, "token = token + 1"):
		id := args[1].(string)
		token := args[2].(int64) + 1
		o.must(args[3].(int64) <= o.w.clock.now.UnixMicro(), "timer", "job %s was taken before its time", id)
		o.froze = append(o.froze, func() { o.tokens[id] = token })
	case strings.Contains(query, "state = 'done'") && len(args) == 3:
		id, token := args[1].(string), args[2].(int64)
		if o.tokens[id] > token {
			o.wrong("fencing", "job %s was ended by lease %d, and %d is the newest", id, token, o.tokens[id])
		}
	}
}

// forget drops what a rolled-back transaction had touched.
func (o *oracle) forget() {
	o.orders.drop()
	o.attempts.drop()
	o.refunds.drop()
	o.splits.drop()
	o.returns.drop()
	o.payouts.drop()
	o.disputes.drop()
	o.collections.drop()
	o.withdrawals.drop()
	o.journals, o.balances, o.lines, o.froze = o.journals[:0], o.balances[:0], o.lines[:0], o.froze[:0]
	clear(o.tables)
}

// changes are the rows of one transaction, before and after.
type changes struct {
	orders      []change[orderRow]
	attempts    []change[attemptRow]
	refunds     []change[refundRow]
	splits      []change[splitRow]
	returns     []change[returnRow]
	payouts     []change[payoutRow]
	disputes    []change[disputeRow]
	collections []change[collectionRow]
	withdrawals []change[withdrawalRow]
}

// committed holds what a transaction has changed against the model.
func (o *oracle) committed() error {
	for _, apply := range o.froze {
		apply()
	}
	if len(o.journals) == 0 && len(o.balances) == 0 && len(o.lines) == 0 && len(o.orders.touched) == 0 && len(o.attempts.touched) == 0 &&
		len(o.refunds.touched) == 0 && len(o.splits.touched) == 0 && len(o.returns.touched) == 0 && len(o.payouts.touched) == 0 &&
		len(o.disputes.touched) == 0 && len(o.collections.touched) == 0 && len(o.withdrawals.touched) == 0 {
		o.forget()
		return nil
	}
	o.reading = true
	defer func() { o.reading = false; o.forget() }()
	return o.w.d.Read(o.w.ctx, func(r db.Reader) error { return o.compare(r) })
}

func refreshed[T any](o *oracle, r db.Reader, t *table[T], into *[]change[T]) error {
	all, err := t.refresh(o.w.ctx, r)
	*into = all
	for _, c := range all {
		from := "new"
		if c.before != nil {
			from = t.state(c.before)
		}
		if to := t.state(c.now); to != from {
			o.taken[objects[t.prefix]+" "+from+" → "+to]++
		}
	}
	return err
}

// objects are the names of what is followed, by the prefix of its ids.
var objects = map[string]string{
	"ord_": "order", "pay_": "attempt", "rfd_": "refund", "spl_": "split", "ret_": "return", "pyo_": "payout", "dsp_": "dispute",
	"lin_": "collection", "wdr_": "withdrawal",
}

func (o *oracle) compare(r db.Reader) error {
	var c changes
	if err := errors.Join(
		refreshed(o, r, o.orders, &c.orders), refreshed(o, r, o.attempts, &c.attempts), refreshed(o, r, o.refunds, &c.refunds),
		refreshed(o, r, o.splits, &c.splits), refreshed(o, r, o.returns, &c.returns), refreshed(o, r, o.payouts, &c.payouts),
		refreshed(o, r, o.disputes, &c.disputes), refreshed(o, r, o.collections, &c.collections), refreshed(o, r, o.withdrawals, &c.withdrawals),
	); err != nil {
		return err
	}
	for _, v := range c.orders {
		o.agreed(v)
	}
	for _, v := range c.attempts {
		o.attempt(v)
	}
	fresh, err := o.read(r)
	if err != nil {
		return err
	}
	now := map[string]bool{}
	for _, j := range fresh {
		now[j.Effect] = true
	}
	for _, v := range c.disputes {
		o.dispute(v)
	}
	o.index(c)
	for _, j := range fresh {
		o.journal(r, j, c)
		if o.found != nil {
			return nil
		}
	}
	o.complete(c, now)
	for _, k := range o.balances {
		held, err := db.Value[int64](o.w.ctx, r, readBalance, string(k.account), k.party)
		if err != nil {
			return err
		}
		o.must(held == o.book[k], "I3", "%s %s holds %d, the facts make %d", k.account, k.party, held, o.book[k])
		o.floor(k)
	}
	for _, line := range o.lines {
		if err := o.line(r, line); err != nil {
			return err
		}
	}
	return nil
}

// read fetches the journals of the transaction, in the order of their making.
func (o *oracle) read(r db.Reader) (fresh []journalRow, err error) {
	for _, id := range o.journals {
		j := journalRow{}
		err := db.Each(o.w.ctx, r, func(s db.Scanner) (e entryRow, err error) {
			err = s.Scan(&j.ID, &j.Effect, &j.Kind, &j.Cause, &j.Reverses, &e.Account, &e.Party, &e.Minor)
			return e, err
		}, func(e entryRow) error { j.Entries = append(j.Entries, e); return nil }, readJournals+db.In(1, 1), id)
		if err != nil {
			return nil, err
		}
		if j.ID != "" {
			fresh = append(fresh, j)
		}
	}
	return fresh, nil
}

// creditors and debtors are the accounts with a floor.
var (
	creditors = map[ledger.Account]bool{
		ledger.Escrow: true, ledger.Uncollected: true, ledger.Payable: true, ledger.Hold: true, ledger.Deposit: true, ledger.PayoutInFlight: true,
		ledger.InFlight: true, ledger.Compensation: true, ledger.Owed: true, ledger.Commission: true, ledger.PlatformFees: true,
		ledger.Forfeiture: true,
	}
	debtors = map[ledger.Account]bool{
		ledger.Bank: true, ledger.ChargebackInFlight: true, ledger.Receivable: true, ledger.BuyerReceivable: true, ledger.Fee: true,
		ledger.DisputeFee: true, ledger.DisputeLoss: true, ledger.BankFee: true, ledger.BadDebt: true, ledger.Goodwill: true,
	}
)

// floor checks I4, I12 and the liquidity of G4.
func (o *oracle) floor(k key) {
	held := o.book[k]
	o.must(!creditors[k.account] || held <= 0, "I4", "%s %s has given %d more than it held", k.account, k.party, held)
	o.must(!debtors[k.account] || held >= 0, "I4", "%s %s is overdrawn by %d", k.account, k.party, -held)
	switch k.account {
	case ledger.Payable, ledger.Receivable:
		o.must(o.book[key{ledger.Payable, k.party}] == 0 || o.book[key{ledger.Receivable, k.party}] == 0, "I12", "%s is owed and owes", k.party)
	}
}

// line compares the facts that the book keeps of a line with the model: I5, I7.
func (o *oracle) line(r db.Reader, id string) error {
	s := o.sales[id]
	if s == nil {
		return nil // an invoice in arrears that is not collected
	}
	type facts struct{ back, out, damages, cap, disputes int64 }
	got, err := db.One(o.w.ctx, r, func(s db.Scanner) (v facts, err error) {
		err = s.Scan(&v.back, &v.out, &v.damages, &v.cap, &v.disputes)
		return v, err
	}, readLine, id)
	if errors.Is(err, db.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	want := facts{s.back, s.out, s.damages, got.cap, s.disputes}
	o.must(got == want, "I5", "line %s: the book has %+v, the facts are %+v", id, got, want)
	o.must(-o.book[key{ledger.Escrow, id}] == s.kept()-s.out, "I5", "line %s: escrow holds %d of %d", id, -o.book[key{ledger.Escrow, id}], s.kept()-s.out)
	o.must(s.damages <= max(s.cap, got.cap), "I7", "line %s: damages of %d above %d", id, s.damages, got.cap)
	return nil
}

// part is ⌊total·part/whole⌋.
func part(total, of, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return total * of / whole // amounts of a simulation stay far below 2³¹
}

func (s *sale) gross() int64 { return s.net + s.tax }

// taxed is the tax on what the buyer keeps; kept is the rest of it.
func (s *sale) taxed() int64 { return part(s.tax, s.gross()-s.back, s.gross()) }
func (s *sale) kept() int64  { return s.gross() - s.back - s.taxed() }

// earned is the commission on what is out.
func (s *sale) earned() int64 { return part(s.fee, s.out, s.net) }

// index notes what belongs to what, and adds it up for each payment touched.
func (o *oracle) index(c changes) {
	for _, v := range c.refunds {
		if v.before == nil {
			o.refundsOf[v.now.Attempt] = append(o.refundsOf[v.now.Attempt], v.now.ID)
		}
	}
	for _, v := range c.disputes {
		if v.before == nil {
			o.disputesOf[v.now.Attempt] = append(o.disputesOf[v.now.Attempt], v.now.ID)
		}
	}
	for _, v := range c.splits {
		if v.before == nil {
			o.splitsOf[v.now.Attempt] = append(o.splitsOf[v.now.Attempt], v.now.ID)
		}
	}
	for _, v := range c.returns {
		if v.before == nil {
			o.returnsOf[v.now.Refund] = append(o.returnsOf[v.now.Refund], v.now.ID)
		}
	}
	for _, v := range c.attempts {
		o.sums(v.now.ID)
	}
	for _, v := range c.refunds {
		o.sums(v.now.Attempt)
	}
	for _, v := range c.disputes {
		o.sums(v.now.Attempt)
	}
	for _, v := range c.splits {
		o.sums(v.now.Attempt)
	}
}

// agreed checks what was agreed when an order came, and follows its states.
func (o *oracle) agreed(v change[orderRow]) {
	r := v.now
	if v.before != nil {
		if v.before.Attempt != r.Attempt {
			o.ofOrder[r.Attempt] = r.Line
		}
		return
	}
	o.ofOrder[r.ID] = r.Line
	var p *product
	for i := range o.w.stage.products {
		if string(o.w.stage.products[i].Offer.Product.ID) == r.Product {
			p = &o.w.stage.products[i]
		}
	}
	if p == nil {
		o.wrong("order", "%s is for a product nobody sells", r.ID)
		return
	}
	tax := part(r.Paid, p.Tax, 10000+p.Tax)
	o.must(r.Paid == p.Price*r.Quantity, "UA 4.7.7", "order %s costs %d, its price makes %d", r.ID, r.Paid, p.Price*r.Quantity)
	o.must(r.Tax == tax && r.Net == r.Paid-tax, "UA 2.5", "order %s: tax %d, the price has %d in it", r.ID, r.Tax, tax)
	net, held := r.Paid, int64(0)
	if o.w.regime.Collects {
		net, held = r.Paid-tax, tax
	}
	fee := o.commission(p, r, net)
	o.must(r.Commission == fee, "commission", "order %s: commission %d, the rule makes %d", r.ID, r.Commission, fee)
	o.sales[r.Line] = &sale{line: r.Line, order: r.ID, vendor: r.Vendor, account: r.Account, net: net, tax: held, fee: fee, cap: net + held}
}

// commission is the rule of the regime, by itself.
func (o *oracle) commission(p *product, r *orderRow, net int64) int64 {
	g := o.w.regime
	if points, ok := g.Kinds[p.Type]; ok {
		return min(part(r.Paid, points, 10000), net)
	}
	if len(g.Tiers) == 0 {
		return min(part(r.Paid, g.Points, 10000), net)
	}
	sold := o.volume[year(r.Vendor, time.UnixMicro(r.Placed))]
	return min(o.ladder(sold+r.Paid)-o.ladder(sold), net)
}

func (o *oracle) ladder(sold int64) (fee int64) {
	from := int64(0)
	for _, t := range o.w.regime.Tiers {
		to := sold
		if t.UpTo > 0 {
			to = min(sold, t.UpTo)
		}
		if to > from {
			fee += (to - from) * t.BasisPoints
			from = to
		}
	}
	return fee / 10000
}

func year(vendor string, at time.Time) string { return fmt.Sprint(vendor, calendar.On(at).Year) }

// attempt checks I6, and that what counts as captured is at the provider.
func (o *oracle) attempt(v change[attemptRow]) {
	a := v.now
	o.must(a.Refunded+a.Disputed <= a.Captured, "I6", "%s: %d back and %d disputed of %d", a.ID, a.Refunded, a.Disputed, a.Captured)
	if v.before != nil && v.before.State == "captured" {
		o.must(a.State == "captured" && a.Captured == v.before.Captured && a.CaptureID == v.before.CaptureID, "attempt", "%s was captured and is %s", a.ID, a.State)
		return
	}
	if a.State == "captured" {
		p := o.w.bank.byCapture[a.CaptureID]
		if p == nil || p.Reference != a.ID {
			o.wrong("provider", "%s counts a capture %s that the provider does not have", a.ID, a.CaptureID)
			return
		}
		o.must(p.Captured.Minor == a.Captured, "provider", "%s: %d captured, the provider has %d", a.ID, a.Captured, p.Captured.Minor)
		o.must(a.Mismatch == (a.Captured != a.Amount), "UA 2.5", "%s: %d of %d was paid and mismatch is %t", a.ID, a.Captured, a.Amount, a.Mismatch)
	}
}

// dispute checks that a dispute is what the provider says.
func (o *oracle) dispute(v change[disputeRow]) {
	d := v.now
	truth := o.w.bank.byDispute[d.ProviderID]
	if truth == nil || truth.Payment.Reference != "" && string(truth.Payment.Reference) != d.Attempt {
		o.wrong("provider", "dispute %s is not at the provider", d.ID)
		return
	}
	o.must(d.Amount == truth.Amount.Minor && d.Round <= int64(truth.Round), "provider", "dispute %s: %d in round %d, the provider has %d in %d", d.ID, d.Amount, d.Round, truth.Amount.Minor, truth.Round)
}

// sums checks what an attempt counts of its refunds, disputes and splits: I6 from
// the other side.
func (o *oracle) sums(id string) {
	a := o.attempts.rows[id]
	if a == nil {
		return
	}
	var held, open, back, share, returned int64
	for _, x := range o.disputesOf[id] {
		switch d := o.disputes.rows[x]; d.State {
		case "open", "submitted":
			open++
			held += d.Covered
		case "lost":
			held += d.Covered
		}
	}
	for _, x := range o.refundsOf[id] {
		if r := o.refunds.rows[x]; r.State != "failed" {
			back += r.Amount
		}
	}
	for _, x := range o.splitsOf[id] {
		if s := o.splits.rows[x]; s.State != "failed" {
			share += s.Share
			returned += s.Returned
		}
	}
	o.must(a.Disputed == held && a.Disputes == open, "I6", "%s holds %d for %d disputes, they make %d for %d", id, a.Disputed, a.Disputes, held, open)
	o.must(a.Refunded == back, "I6", "%s counts %d given back, its refunds make %d", id, a.Refunded, back)
	o.must(a.Split == share && a.Returned == returned, "I6", "%s counts %d shared and %d of it returned, its splits make %d and %d", id, a.Split, a.Returned, share, returned)
}

// sending checks G2 at the moment when a refund leaves for the provider, and that
// the operator's share of it has come back before.
func (o *oracle) sending(in payment.RefundIntent) {
	r := o.refunds.rows[string(in.Reference)]
	if r == nil {
		o.wrong("G2", "a refund %s was sent that is not in the database", in.Reference)
		return
	}
	o.must(o.attempts.rows[r.Attempt].Disputes == 0, "G2", "refund %s was sent while its payment is disputed", r.ID)
	o.must(r.Amount == in.Amount.Minor, "G1", "refund %s of %d was sent as %d", r.ID, r.Amount, in.Amount.Minor)
	for _, id := range o.returnsOf[r.ID] {
		t := o.returns.rows[id]
		o.must(t.State == "done" || t.State == "failed", "return first", "refund %s was sent while %s is %s", r.ID, id, t.State)
	}
}
