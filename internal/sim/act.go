package sim

import (
	"errors"
	"fmt"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/command"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

// event is one thing that may happen in a step.
type event struct {
	name   string
	weight float64
	always bool // in every seed
	do     func(w *world) string
}

// catalogue is everything that may happen.
func catalogue() []event {
	return []event{
		{"work", 1600, true, func(w *world) string { return w.busy() }},
		{"time passes", 40, true, func(w *world) string { return w.jump() }},
		{"place an order", 130, true, placeOrder},
		{"pay", 160, true, pay},
		{"notice arrives", 200, true, deliver},
		{"client tries again", 60, true, again},
		{"provider moves", 80, true, moves},
		{"cancel an order", 12, false, cancelOrder},
		{"pay another way", 6, false, payAgain},
		{"do the work", 14, false, doWork},
		{"accept", 10, false, accept},
		{"refund", 60, false, wantBack},
		{"dispute", 26, false, openDispute},
		{"withdraw", 60, false, withdraw},
		{"decide a withdrawal", 40, false, approve},
		{"take a withdrawal back", 3, false, takeBack},
		{"split again", 14, false, splitAgain},
		{"compensate", 9, false, compensate},
		{"pay damages", 8, false, payDamages},
		{"pay what is owed", 8, false, payOwed},
		{"goodwill", 3, false, goodwill},
		{"charge a fee", 3, false, chargeFee},
		{"charge a dispute on", 4, false, chargeDispute},
		{"take from a deposit", 4, false, deduct},
		{"deposit comes in", 30, false, depositIn},
		{"vendor leaves", 6, true, leave},
		{"return a deposit", 12, true, returnDeposit},
		{"vendor pays its debt", 5, false, payDebt},
		{"write a debt off", 3, false, writeOff},
		{"hold for a case", 6, false, holdForCase},
		{"statement comes again", 4, false, statementAgain},
		{"freeze a vendor", 4, false, freeze},
		{"invoice usage", 8, false, invoice},
		{"sweep", 5, false, sweep},
		{"cover", 2, false, cover},
		{"pay taxes", 4, false, payTax},
		{"vendors' systems", 2, false, func(w *world) string { w.poison = !w.poison && !w.safe; return fmt.Sprint(w.poison) }},
		{"hostile request", 14, false, hostile},
		{"close the books", 3, false, closeBooks},
	}
}

// intent is a command of a person, to be sent as often as it takes.
type intent struct {
	by    audit.Actor
	name  string
	input any
	do    func(tx *db.Tx) error
}

// send runs an intent under a key of its own, sometimes more than once, and
// returns how it ended in a word.
func (w *world) send(in intent) string {
	w.keys++
	key := fmt.Sprintf("key-%d-%d", w.step, w.keys)
	w.issued[key] = true
	outcome := w.try(in, key)
	if w.chance(w.knobs.repeat) {
		w.count("command repeated")
		got := w.try(in, key)
		w.oracle.must(outcome != "ok" || got == "replayed" || got == "lost", "idempotency", "%s was done, and again it was %s", in.name, got)
	}
	if outcome == "ok" && w.chance(w.knobs.repeat/4) {
		w.count("key with another body")
		other := in
		other.input = fmt.Sprint(in.input, " and more")
		if got := w.try(other, key); got != command.ErrConflict.Code && got != "lost" && got != "ok" {
			w.oracle.wrong("I18", "%s: a key with another body was answered with %s", in.name, got)
		} else if got == "ok" {
			w.oracle.wrong("idempotency", "%s: a key with another body was accepted", in.name)
		}
	}
	return outcome
}

// try sends an intent once. Whose answer is lost is sent again later.
func (w *world) try(in intent, key string) string {
	before := w.oracle.journalCount
	ran := 0
	answer, err := command.Run(w.ctx, w.d, command.Intent{By: in.by, Name: in.name, Key: key, Input: in.input}, func(tx *db.Tx) (int, error) {
		ran++
		return 1, in.do(tx)
	})
	switch {
	case err == nil && answer.Replayed:
		w.oracle.must(ran == 0 && w.oracle.journalCount == before, "idempotency", "%s was repeated and did something", in.name)
		return "replayed"
	case err == nil:
		return "ok"
	case transient(err):
		w.count("answer lost")
		w.retries = append(w.retries, func() error {
			if got := w.try(in, key); got == "lost" {
				return errLost // it asks for itself again
			}
			return nil
		})
		return "lost"
	}
	w.oracle.must(w.oracle.journalCount == before, "I18", "%s was refused and has posted", in.name)
	f, ok := fault.Of(err)
	if !ok || f.Kind == fault.Internal {
		w.oracle.wrong("error", "%s: %v", in.name, err)
		return "error"
	}
	return f.Code
}

// again lets a client that got no answer ask once more.
func again(w *world) string {
	if len(w.retries) == 0 {
		return "nobody"
	}
	i := w.rng.IntN(len(w.retries))
	retry := w.retries[i]
	w.retries = append(w.retries[:i], w.retries[i+1:]...)
	if err := retry(); err != nil {
		return "lost"
	}
	return "answered"
}

func (w *world) customer() audit.Actor { return w.stage.customers[w.rng.IntN(len(w.stage.customers))] }

// vendor is one that sells.
func (w *world) vendor() seller { return w.stage.sellers[w.rng.IntN(3)] }

// buyerOf is the person behind an account.
func (w *world) buyerOf(id string) audit.Actor {
	for _, c := range w.stage.customers {
		if c.Account == id {
			return c
		}
	}
	return w.stage.customers[0]
}

func (w *world) sellerOf(id string) seller {
	for _, s := range w.stage.sellers {
		if string(s.ID) == id {
			return s
		}
	}
	return w.stage.sellers[0]
}

func placeOrder(w *world) string {
	p := w.stage.products[w.rng.IntN(len(w.stage.products))]
	by := w.customer()
	quantity := int64(1)
	if w.rng.IntN(4) == 0 {
		quantity = 1 + w.rng.Int64N(9)
	}
	total, err := p.Offer.Plan.Price.Mul(quantity)
	if err != nil {
		return err.Error()
	}
	in := order.Purchase{
		Plan: p.Offer.PlanID, Quantity: quantity, For: account.ID(by.Account), TermsSHA256: p.Offer.SHA256, ExpectedTotal: total,
		Gateway: provider, AcceptTerms: true, Collector: operator,
	}
	return w.send(intent{by, "order.place", in, func(tx *db.Tx) error {
		_, err := order.Place(w.ctx, tx, by, in)
		return err
	}})
}

// hostile sends what must be refused.
func hostile(w *world) string {
	p := w.stage.products[w.rng.IntN(len(w.stage.products))]
	by, other := w.customer(), w.customer()
	in := order.Purchase{
		Plan: p.Offer.PlanID, Quantity: 1, For: account.ID(by.Account), TermsSHA256: p.Offer.SHA256, ExpectedTotal: p.Offer.Plan.Price,
		Gateway: provider, AcceptTerms: true, Collector: operator,
	}
	name, do := "order.place", func(tx *db.Tx) error { _, err := order.Place(w.ctx, tx, by, in); return err }
	seller := w.vendor()
	paid := pick(w, w.oracle.attempts, func(a *attemptRow) bool { return a.State == "captured" })
	switch n := w.rng.IntN(12); {
	case n == 0:
		in.Quantity = []int64{0, -1, 1 << 62, 1001}[w.rng.IntN(4)]
	case n == 1:
		in.ExpectedTotal.Minor--
	case n == 2:
		in.ExpectedTotal.Currency = "USD"
	case n == 3:
		in.AcceptTerms = false
	case n == 4:
		in.TermsSHA256 = "0"
	case n == 5 && other.Account != by.Account:
		in.For = account.ID(other.Account)
	case n == 6:
		in.Plan = catalog.PlanID("pln_none")
	case n == 7:
		in.Gateway = "nobody"
	case n == 8:
		name, do = "settlement.request", func(tx *db.Tx) error {
			_, err := settlement.Request(w.ctx, tx, by, seller.ID, provider, cny(1))
			return err
		}
	case n == 9:
		x := []int64{0, -1, 1<<63 - 1}[w.rng.IntN(3)]
		name, do = "settlement.request", func(tx *db.Tx) error {
			_, err := settlement.Request(w.ctx, tx, seller.Owner, seller.ID, provider, cny(x))
			return err
		}
	case n == 10 && paid != nil:
		name, do = "payment.refund", func(tx *db.Tx) error {
			_, err := payment.StartRefund(w.ctx, tx, w.stage.finance, payment.RefundStart{
				Attempt: payment.AttemptID(paid.ID), Amount: cny(paid.Captured - paid.Refunded - paid.Disputed + 1), Cause: payment.CauseOrder, Key: "too much",
			})
			return err
		}
	case paid != nil:
		name, do = "order.paid", func(tx *db.Tx) error { return order.MarkPaid(w.ctx, tx, w.stage.support, order.ID(paid.Order)) }
	default:
		in.Quantity = 0
	}
	got := w.send(intent{by, name, fmt.Sprint(in), do})
	w.oracle.must(got != "ok" && got != "replayed", "A25", "%s: a hostile request was done", name)
	return got
}

func cancelOrder(w *world) string {
	r := pick(w, w.oracle.orders, func(r *orderRow) bool { return r.State == "awaiting_payment" })
	if r == nil {
		return "none"
	}
	by := w.buyerOf(r.Account)
	return w.send(intent{by, "order.cancel", r.ID, func(tx *db.Tx) error {
		_, err := order.Cancel(w.ctx, tx, by, order.ID(r.ID))
		return err
	}})
}

func payAgain(w *world) string {
	r := pick(w, w.oracle.orders, func(r *orderRow) bool { return r.State == "awaiting_payment" })
	if r == nil {
		return "none"
	}
	by := w.buyerOf(r.Account)
	return w.send(intent{by, "order.pay_again", r.ID, func(tx *db.Tx) error {
		_, err := order.PayAgain(w.ctx, tx, by, order.ID(r.ID), provider)
		return err
	}})
}

// doWork is a vendor's people doing what was ordered, or not.
func doWork(w *world) string {
	r := pick(w, w.oracle.orders, func(r *orderRow) bool { return r.State == "provisioning" })
	if r == nil {
		return "none"
	}
	by := w.sellerOf(r.Vendor).Owner
	declines := w.rng.IntN(6) == 0
	return w.send(intent{by, "delivery.manual", r.ID, func(tx *db.Tx) error {
		all, err := delivery.OfOrder(w.ctx, tx, r.ID)
		if err != nil || len(all) == 0 {
			return err
		}
		if declines {
			_, err = delivery.Decline(w.ctx, tx, by, all[0].ID)
		} else {
			_, err = delivery.MarkDelivered(w.ctx, tx, by, all[0].ID, delivery.Slip{Text: "done"})
		}
		return err
	}})
}

func accept(w *world) string {
	r := pick(w, w.oracle.orders, func(r *orderRow) bool { return r.State == "delivered" || r.State == "completed" })
	if r == nil {
		return "none"
	}
	by := w.buyerOf(r.Account)
	return w.send(intent{by, "settlement.accept", r.ID, func(tx *db.Tx) error {
		all, err := delivery.OfOrder(w.ctx, tx, r.ID)
		if err != nil || len(all) == 0 {
			return err
		}
		_, err = settlement.Accept(w.ctx, tx, by, all[0].ID)
		return err
	}})
}

// wantBack gives an order's money back, whole or in part, before or after it was
// released.
func wantBack(w *world) string {
	r := pick(w, w.oracle.orders, func(r *orderRow) bool {
		s := w.oracle.sales[r.Line]
		return s != nil && s.attempt != "" && s.back < s.gross()
	})
	if r == nil {
		return "none"
	}
	s := w.oracle.sales[r.Line]
	left := s.gross() - s.back
	x := left
	switch w.rng.IntN(4) {
	case 0:
		x = 1 + w.rng.Int64N(left)
	case 1:
		x = min(left, 1+w.rng.Int64N(100))
	}
	key := fmt.Sprintf("refund-%d", w.step)
	return w.send(intent{w.stage.finance, "refund", fmt.Sprint(r.ID, x), func(tx *db.Tx) error { return giveBack(w, tx, r, x, key) }})
}

// giveBack sends money of an order back, as whatever decides on a refund does.
func giveBack(w *world, tx *db.Tx, r *orderRow, x int64, key string) error {
	o, err := order.Any(w.ctx, tx, order.ID(r.ID))
	if err != nil {
		return err
	}
	_, err = order.GiveBack(w.ctx, tx, w.stage.finance, order.Back{Order: o, Amount: cny(x), Key: key, Reason: "simulated", About: r.ID})
	return err
}

func withdraw(w *world) string {
	s := w.vendor()
	payable := w.oracle.owed(ledger.Payable, string(s.ID))
	if payable <= 0 && w.rng.IntN(8) > 0 {
		return "nothing"
	}
	x := payable
	switch w.rng.IntN(6) {
	case 0:
		x = payable + 1
	case 1, 2:
		x = 1 + w.rng.Int64N(max(1, payable))
	}
	return w.send(intent{s.Owner, "settlement.request", fmt.Sprint(s.ID, x), func(tx *db.Tx) error {
		_, err := settlement.Request(w.ctx, tx, s.Owner, s.ID, provider, cny(x))
		return err
	}})
}

func approve(w *world) string {
	r := pick(w, w.oracle.withdrawals, func(r *withdrawalRow) bool { return r.State == "requested" })
	if r == nil {
		return "none"
	}
	by := []audit.Actor{w.stage.finance, w.stage.second, w.stage.third, w.stage.second, w.stage.support}[w.rng.IntN(5)]
	if w.rng.IntN(8) == 0 {
		return w.send(intent{by, "settlement.reject", r.ID, func(tx *db.Tx) error {
			_, err := settlement.Reject(w.ctx, tx, by, settlement.WithdrawalID(r.ID), "not now")
			return err
		}})
	}
	return w.send(intent{by, "settlement.approve", r.ID, func(tx *db.Tx) error {
		_, err := settlement.Approve(w.ctx, tx, by, settlement.WithdrawalID(r.ID))
		return err
	}})
}

func takeBack(w *world) string {
	r := pick(w, w.oracle.withdrawals, func(r *withdrawalRow) bool { return r.State == "requested" })
	if r == nil {
		return "none"
	}
	by := w.sellerOf(r.Vendor).Owner
	return w.send(intent{by, "settlement.cancel", r.ID, func(tx *db.Tx) error {
		_, err := settlement.Reject(w.ctx, tx, by, settlement.WithdrawalID(r.ID), "")
		return err
	}})
}

func splitAgain(w *world) string {
	c := pick(w, w.oracle.collections, func(c *collectionRow) bool { return c.State == "failed" })
	if c == nil {
		return "none"
	}
	of := settlement.Work{Gateways: map[string]payment.Gateway{provider: w.bank}}
	return w.send(intent{w.stage.finance, "settlement.retry", c.Line, func(tx *db.Tx) error {
		return of.Retry(w.ctx, tx, w.stage.finance, c.Line)
	}})
}

// decide sends what a person decides about money, under an effect that the
// oracle knows.
func (w *world) decide(effect string, a act, do func(tx *db.Tx) error) string {
	w.oracle.acts[effect] = a
	return w.send(intent{w.stage.finance, string(a.kind), effect, do})
}

// name makes a name that was not used before.
func (w *world) name(what string) string {
	w.keys++
	return fmt.Sprintf("%s-%d-%d", what, w.step, w.keys)
}

// paidLine is a line that was paid and is not given back whole.
func (w *world) paidLine() *sale {
	r := pick(w, w.oracle.orders, func(r *orderRow) bool { s := w.oracle.sales[r.Line]; return s != nil && s.attempt != "" })
	if r == nil {
		return nil
	}
	return w.oracle.sales[r.Line]
}

func compensate(w *world) string {
	s := w.paidLine()
	if s == nil {
		return "none"
	}
	x := 1 + w.rng.Int64N(max(1, s.gross()))
	a := act{kind: ledger.P12Compensation, line: s.line, amount: x, matter: w.name("case"), deposit: w.rng.IntN(3) == 0, exception: w.rng.IntN(6) == 0}
	d := ledger.Damages{Case: a.matter, Line: s.line, Amount: cny(x), Deposit: a.deposit}
	if a.exception {
		d.Exception = "ECL 55"
	}
	return w.decide("comp:"+a.matter+":"+s.line, a, func(tx *db.Tx) error {
		d.At = tx.Now()
		_, err := ledger.Compensate(w.ctx, tx, d)
		return err
	})
}

func payDamages(w *world) string {
	by := w.customer()
	x := w.oracle.owed(ledger.Compensation, by.Account)
	if x <= 0 {
		return "nothing"
	}
	matter := w.name("case")
	a := act{kind: ledger.P13Compensated, account: by.Account, amount: x}
	return w.decide("comp:"+matter+":"+by.Account+":paid", a, func(tx *db.Tx) error {
		_, err := ledger.Compensated(w.ctx, tx, matter, by.Account, by.Account, cny(x), tx.Now())
		return err
	})
}

func payOwed(w *world) string {
	by := w.customer()
	x := w.oracle.owed(ledger.Owed, by.Account)
	if x <= 0 {
		return "nothing"
	}
	line := w.name("stl")
	return w.decide("owed:"+line, act{kind: ledger.P36OwedPaid, account: by.Account, amount: x}, func(tx *db.Tx) error {
		_, err := ledger.OwedPaid(w.ctx, tx, line, by.Account, cny(x), tx.Now())
		return err
	})
}

func goodwill(w *world) string {
	by, id, x := w.customer(), w.name("goodwill"), 1+w.rng.Int64N(5000)
	return w.decide("goodwill:"+id, act{kind: ledger.P14Goodwill, account: by.Account, amount: x}, func(tx *db.Tx) error {
		_, err := ledger.GoodwillFor(w.ctx, tx, id, by.Account, cny(x), tx.Now())
		return err
	})
}

func chargeFee(w *world) string {
	s := w.vendor()
	w.oracle.charged = append(w.oracle.charged, act{kind: ledger.P37PlatformFee, vendor: string(s.ID), amount: 30000})
	return w.send(intent{w.stage.finance, "settlement.charge", s.ID, func(tx *db.Tx) error {
		_, err := settlement.Charge(w.ctx, tx, w.stage.finance, s.ID, "certification")
		return err
	}})
}

func chargeDispute(w *world) string {
	d := pick(w, w.oracle.disputes, func(d *disputeRow) bool {
		s := w.oracle.saleOf(d.Attempt)
		return d.Fee > 0 && s != nil && s.attempt == d.Attempt && d.State == "lost"
	})
	if d == nil {
		return "none"
	}
	s := w.oracle.saleOf(d.Attempt)
	return w.decide("cb:"+d.ID+":fee", act{kind: ledger.P19DisputeFee, vendor: s.vendor, amount: d.Fee}, func(tx *db.Tx) error {
		_, err := ledger.DisputeFeeCharged(w.ctx, tx, d.ID, s.vendor, cny(d.Fee), tx.Now())
		return err
	})
}

func deduct(w *world) string {
	s := w.vendor()
	held := w.oracle.owed(ledger.Deposit, string(s.ID))
	x := 1 + w.rng.Int64N(max(1, held+held/8))
	buyers, gets, rest := map[string]money.Amount{}, map[string]int64{}, x
	for range w.rng.IntN(3) {
		if rest > 1 {
			to, y := w.customer().Account, 1+w.rng.Int64N(rest)
			if gets[to] == 0 {
				buyers[to], gets[to] = cny(y), y
				rest -= y
			}
		}
	}
	matter := w.name("case")
	for _, c := range w.stage.customers {
		if y := gets[c.Account]; y > 0 {
			w.oracle.acts["comp:"+matter+":"+c.Account+":paid"] = act{kind: ledger.P13Compensated, account: c.Account, amount: y}
		}
	}
	a := act{kind: ledger.P26Forfeit, vendor: string(s.ID), amount: x, buyers: gets}
	return w.decide("forfeit:"+matter, a, func(tx *db.Tx) error {
		return settlement.Deduct(w.ctx, tx, w.stage.finance, settlement.Deduction{
			Case: matter, Rule: "RB settlement-5", Vendor: s.ID, Amount: cny(x), First: account.UserID(w.stage.compliance.User), Buyers: buyers,
		})
	})
}

func depositIn(w *world) string {
	s, line := w.vendor(), w.name("stl")
	x := 500000 - w.oracle.owed(ledger.Deposit, string(s.ID)) // what is missing, or anything
	if x <= 0 || w.rng.IntN(4) == 0 {
		if w.rng.IntN(4) > 0 {
			return "nothing"
		}
		x = 1 + w.rng.Int64N(500000)
	}
	return w.decide("deposit:"+line, act{kind: ledger.P24DepositIn, vendor: string(s.ID), amount: x}, func(tx *db.Tx) error {
		if _, err := ledger.DepositIn(w.ctx, tx, line, string(s.ID), cny(x), tx.Now()); err != nil {
			return err
		}
		_, err := vendor.DepositReceived(w.ctx, tx, w.stage.finance, s.ID, cny(x), line)
		return err
	})
}

// leave lets the last vendor announce its exit.
func leave(w *world) string {
	s := w.stage.sellers[3]
	if w.leaving > 0 {
		return "none"
	}
	end := w.clock.now.AddDate(0, 0, 62)
	return w.send(intent{s.Owner, "vendor.exit", s.ID, func(tx *db.Tx) error {
		_, err := vendor.Exit(w.ctx, tx, s.Owner, s.ID, end)
		w.leaving++
		return err
	}})
}

func returnDeposit(w *world) string {
	s := w.stage.sellers[3]
	if w.leaving == 0 || w.oracle.owed(ledger.Deposit, string(s.ID)) <= 0 {
		return "none"
	}
	return w.send(intent{w.stage.finance, "settlement.deposit.return", s.ID, func(tx *db.Tx) error {
		_, err := settlement.ReturnDeposit(w.ctx, tx, w.stage.finance, s.ID, provider)
		return err
	}})
}

func payDebt(w *world) string {
	s := w.vendor()
	debt := w.oracle.has(ledger.Receivable, string(s.ID))
	if debt <= 0 {
		return "none"
	}
	x, line := 1+w.rng.Int64N(debt+debt/8+1), w.name("stl")
	w.recovered = append(w.recovered, "recv:"+line)
	return w.decide("recv:"+line, act{kind: ledger.P31Recovered, vendor: string(s.ID), amount: x}, func(tx *db.Tx) error {
		_, err := ledger.Recovered(w.ctx, tx, line, string(s.ID), cny(x), tx.Now())
		return err
	})
}

// statementAgain is finance importing a statement that it has imported before.
func statementAgain(w *world) string {
	if len(w.recovered) == 0 {
		return "none"
	}
	effect := w.recovered[w.rng.IntN(len(w.recovered))]
	a := w.oracle.acts[effect]
	return w.decide(effect, a, func(tx *db.Tx) error {
		_, err := ledger.Recovered(w.ctx, tx, strings.TrimPrefix(effect, "recv:"), a.vendor, cny(a.amount), tx.Now())
		return err
	})
}

func writeOff(w *world) string {
	s := w.vendor()
	debt := w.oracle.has(ledger.Receivable, string(s.ID))
	if debt <= 0 {
		return "none"
	}
	x, matter := 1+w.rng.Int64N(debt), w.name("case")
	return w.decide("writeoff:"+matter, act{kind: ledger.P31WrittenOff, vendor: string(s.ID), amount: x}, func(tx *db.Tx) error {
		return settlement.WriteOff(w.ctx, tx, w.stage.finance, s.ID, matter, cny(x), account.UserID(w.stage.second.User))
	})
}

// freeze opens or closes a money case of a vendor.
func freeze(w *world) string {
	s := w.vendor()
	open := w.oracle.stopped(string(s.ID))
	return w.send(intent{w.stage.compliance, "case", fmt.Sprint(s.ID, open), func(tx *db.Tx) error {
		if open {
			return ledger.Unfreeze(w.ctx, tx, string(s.ID), "case-1")
		}
		return ledger.Freeze(w.ctx, tx, string(s.ID), "case-1")
	}})
}

// holdForCase freezes some of a vendor's money for a case, or lets it go again.
func holdForCase(w *world) string {
	s := w.vendor()
	v := string(s.ID)
	for _, c := range w.cases[v] {
		if w.oracle.owed(ledger.Hold, v+"/"+c) > 0 && w.rng.IntN(2) == 0 {
			effect := "case:" + c + ":" + w.name("unhold")
			return w.decide(effect, act{kind: ledger.P16Unhold, vendor: v, matter: c}, func(tx *db.Tx) error {
				_, err := ledger.Unhold(w.ctx, tx, effect, v, c, money.CNY, tx.Now())
				return err
			})
		}
	}
	payable := w.oracle.owed(ledger.Payable, v)
	if payable <= 0 {
		return "nothing"
	}
	c, x := w.name("case"), 1+w.rng.Int64N(payable+payable/4+1)
	w.cases[v] = append(w.cases[v], c)
	effect := "case:" + c + ":hold"
	return w.decide(effect, act{kind: ledger.P16Hold, vendor: v, matter: c, amount: x}, func(tx *db.Tx) error {
		_, err := ledger.HoldFor(w.ctx, tx, effect, v, c, cny(x), tx.Now())
		return err
	})
}

// invoice sends, collects or writes off an invoice for usage in arrears.
func invoice(w *world) string {
	if w.rng.IntN(2) == 0 || len(w.oracle.invoices) == 0 {
		net := 1 + w.rng.Int64N(20000)
		tax := int64(0)
		if w.regime.Collects {
			tax = part(net, 600, 10000)
		}
		line := w.name("inv")
		a := act{kind: ledger.P27Invoiced, line: line, net: net, tax: tax}
		got := w.decide("invoice:"+line, a, func(tx *db.Tx) error {
			_, err := ledger.Invoiced(w.ctx, tx, line, cny(net), cny(tax), tx.Now())
			return err
		})
		if got != "error" {
			w.oracle.invoices = append(w.oracle.invoices, a)
		}
		return got
	}
	i := w.rng.IntN(len(w.oracle.invoices))
	a := w.oracle.invoices[i]
	if w.oracle.effects["invoice:"+a.line].ID == "" {
		return "not yet"
	}
	w.oracle.invoices = append(w.oracle.invoices[:i], w.oracle.invoices[i+1:]...)
	if w.rng.IntN(3) == 0 {
		a.kind = ledger.P29CreditNote
		return w.decide("creditnote:"+a.line, a, func(tx *db.Tx) error {
			_, err := ledger.CreditNote(w.ctx, tx, a.line, a.line, cny(a.net), cny(a.tax), tx.Now())
			return err
		})
	}
	a.kind = ledger.P28Collected
	seller, buyer := string(w.vendor().ID), w.customer().Account
	return w.decide("capture:"+provider+":"+a.line, a, func(tx *db.Tx) error {
		_, err := ledger.Collected(w.ctx, tx, ledger.Captured{
			Provider: provider, CaptureID: a.line, Line: a.line, Vendor: seller, Account: buyer, Net: cny(a.net), Tax: cny(a.tax), Fee: cny(0), At: tx.Now(),
		})
		return err
	})
}

func sweep(w *world) string {
	id, left := w.name("sweep"), w.oracle.coverage()
	x := 1 + w.rng.Int64N(max(1, left+left/8+1))
	return w.decide("sweep:"+id, act{kind: ledger.P32Sweep, amount: x}, func(tx *db.Tx) error {
		_, err := ledger.Sweep(w.ctx, tx, id, cny(x), tx.Now())
		return err
	})
}

func cover(w *world) string {
	id, x := w.name("cover"), max(-w.oracle.coverage(), 1+w.rng.Int64N(100000))
	return w.decide("cover:"+id, act{kind: ledger.P33Cover, amount: x}, func(tx *db.Tx) error {
		_, err := ledger.Cover(w.ctx, tx, id, cny(x), tx.Now())
		return err
	})
}

func payTax(w *world) string {
	owed := w.oracle.owed(ledger.Tax, taxOffice)
	if owed <= 0 {
		return "nothing"
	}
	id, x := w.name("tax"), 1+w.rng.Int64N(owed+owed/8+1)
	return w.decide("tax:"+id, act{kind: ledger.P35TaxPaid, amount: x}, func(tx *db.Tx) error {
		_, err := ledger.TaxPaid(w.ctx, tx, id, cny(x), tx.Now())
		return err
	})
}

// closeBooks closes the next month, when it is over.
func closeBooks(w *world) string {
	err := w.d.Write(w.ctx, func(tx *db.Tx) error {
		last, err := ledger.Closed(w.ctx, tx)
		if err != nil {
			return err
		}
		m := ledger.MonthOf(tx.Now().AddDate(0, -1, 0))
		if len(last) > 0 {
			m = ledger.MonthOf(last[0].Until)
		}
		_, err = ledger.CloseMonth(w.ctx, tx, m, w.stage.finance.User)
		return err
	})
	if err == nil || transient(err) {
		return "closed"
	}
	if errors.Is(err, ledger.ErrClosed) {
		return ledger.ErrClosed.Code
	}
	w.oracle.wrong("error", "close the books: %v", err)
	return "error"
}
