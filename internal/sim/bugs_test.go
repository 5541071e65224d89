package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// defect is a bug that somebody could write: a text of the product's source and
// what stands there instead in a copy. The copy behaves as the original until the
// defect is switched on by its name.
type defect struct{ name, file, is, becomes string }

// when puts a statement before a text, for the time that the defect is on.
func when(name, file, before, statement string) defect {
	return defect{name, file, before, "if bug.On(" + fmt.Sprintf("%q", name) + ") {\n" + statement + "\n}\n" + before}
}

// The order is that of a purchase.
var defects = []defect{
	// order and commission
	when("blended commission rate", "commission/rules.go", "	if t.Basis == Ladder {\n", "t.Points = (t.Points + 900) / 2"),
	when("commission on the net", "commission/rules.go", "	minor, err := money.Commission(s.Paid.Minor, t.Points)\n", "s.Paid = s.Net"),
	when("sales of the year not counted", "commission/commission.go", "	if t.Basis != Ladder {\n", "return nil"),
	when("another total accepted", "order/rules.go", "	if expected != computed {\n", "return nil"),
	when("late money booked to the order", "order/captured.go", "	if o.State != AwaitingPayment || o.Attempt != c.Attempt ||", "o.State, o.Attempt, c.Amount = AwaitingPayment, c.Attempt, o.Fee.Paid"),
	when("order never expires", "order/work.go", "		if o.State == AwaitingPayment && !tx.Now().Before(o.ExpiresAt) {\n", "return job.Done(ctx, tx, j)"),
	when("refund of a failed one confirmed", "order/captured.go", "	done := r.State == payment.RefundSucceeded\n	switch {", "r.State, r.Bounced = payment.RefundSucceeded, false"),
	when("bounced refund ignored", "order/captured.go", "	done := r.State == payment.RefundSucceeded\n", "if r.Bounced { return nil }"),
	// payment
	when("captures not deduplicated", "payment/captured.go", "	if n == 0 {\n		return w.repeated(ctx, tx, a, o, at)\n", "n, a.State, o.CaptureID = 1, Unknown, o.CaptureID+\"'\""),
	when("mismatch accepted", "payment/captured.go", "	fee := positive(o.Fee, o.Captured.Currency)\n	n, err", "wrong = nil"),
	when("fee booked twice", "ledger/capture.go", "	return post(ctx, tx, posting{kind: P2ProviderFee", "if _, err := post(ctx, tx, posting{kind: P2ProviderFee, effect: \"pspfee:\" + provider + \":\" + transaction + \"'\", cause: transaction, effective: at, entries: []Entry{{Fee, provider, fee}, {Clearing, provider, negative(fee)}}}); err != nil { return false, err }"),
	when("fee never booked", "ledger/capture.go", "	return post(ctx, tx, posting{kind: P2ProviderFee", "return false, nil"),
	when("refund over what was captured", "payment/refund.go", "	if reserved == 0 && a.Disputes > 0 {\n", "reserved = 1"),
	when("refund while disputed", "payment/return.go", "	if err != nil || n == 0 {\n		return false, err\n	}\n	n, err = tx.Exec(ctx, mark", "n = 1"),
	when("refund before its share is back", "payment/refund.go", "	if state == RefundReturning { // the job", "if err := job.Enqueue(ctx, tx, job.Spec{Kind: RefundJob, Object: string(id), Unique: true}); err != nil { return Refund{}, err }; if _, err := tx.Exec(ctx, moveRefund, string(RefundSubmitting), \"\", \"\", false, 0, string(id), string(state)); err != nil { return Refund{}, err }"),
	when("late refund not booked", "payment/refund.go", "	if r.State == RefundSucceeded {\n		_, err := ledger.LateRefund", "return nil"),
	when("refund sent again without a look", "payment/work.go", "	if j.Token > 1 || r.State != RefundSubmitting || !r.SentAt.IsZero() {\n", "j.Token, r.State, r.SentAt = 1, RefundSubmitting, time.Time{}"),
	when("dispute covers what is gone", "payment/dispute.go", "	d.Covered.Minor = min(d.Amount.Minor, a.free())\n	return guarded(tx.Exec(ctx, openDispute", "d.Covered.Minor = min(d.Amount.Minor, a.free()); _, err := tx.Exec(ctx, openDispute, 0, db.Micros(tx.Now()), string(d.Attempt)); return err"),
	when("dispute of a round forgotten", "payment/rules.go", "	r := max(round, 1)\n", "if round > 0 && to > round { return nil, nil }"),
	// ledger
	{"wrong tax rounding", "ledger/rules.go", "func (f facts) taxKept() int64 { return", "func (f facts) taxKept() int64 { if bug.On(\"wrong tax rounding\") { return f.tax - share(f.tax, f.returned, f.gross()) }; return"},
	when("double release", "ledger/rules.go", "	x = next.released - f.released\n", "next.released = f.released + min(f.escrow(), share(f.keptNet(), part, whole))"),
	{"commission kept on a refund", "ledger/rules.go", "	g.fee = f.earned() - next.earned()\n", "	g.fee = f.earned() - next.earned()\n	if bug.On(\"commission kept on a refund\") { g.fee = 0 }\n"},
	when("no netting", "ledger/rules.go", "	debt := min(x, p.receivable)\n", "p.receivable = 0"),
	when("deposit drawn without a decision", "ledger/post.go", "	rows, err := db.All(ctx, tx, scanPurse, selectPurse, vendor, string(c))\n", "deposit = true"),
	when("hold of the case passed over", "ledger/rules.go", "	for _, h := range p.holds {\n		take", "p.holds = nil"),
	when("compensation above the cap", "ledger/claim.go", "	if err := withinCap(l, d.Amount.Minor", "d.Exception = \"none\""),
	when("compensation not counted", "ledger/claim.go", "	limit := l.Cap.Minor\n", "l.Compensated.Minor -= d.Amount.Minor"),
	when("reserve forgotten", "ledger/release.go", "	reserve := min(max(r.Reserve.Minor, 0)", "r.Reserve.Minor = 0"),
	when("release of a disputed line", "ledger/rules.go", "	if l.Disputes > 0 {\n		return ErrDisputed\n", "return nil"),
	when("release of a disputed line", "settlement/release.go", "	if l.Disputes > 0 {\n		stop = \"disputed\"", "l.Disputes = 0"),
	when("hold not released", "ledger/dispute.go", "	_, err = Unhold(ctx, tx, d.effect(\"unhold\")", "return true, nil"),
	when("nothing frozen for a dispute", "ledger/dispute.go", "	_, err = HoldFor(ctx, tx, d.effect(\"hold\")", "return true, nil"),
	when("payout without liquidity", "ledger/post.go", "	changes := map[money.Currency]change{}\n", "return"),
	when("payout of a frozen vendor", "ledger/payout.go", "	return post(ctx, tx, posting{\n		kind: kind, effect: \"payout:\" + payout, cause", "return post(ctx, tx, posting{kind: kind, effect: \"payout:\" + payout, cause: vendor, effective: at, entries: []Entry{{from, vendor, x}, {PayoutInFlight, payout, negative(x)}}})"),
	when("balance not kept", "ledger/post.go", "	for _, e := range ordered {\n", "ordered = ordered[:len(ordered)-1]"),
	when("statement line counted twice", "ledger/payout.go", "	return post(ctx, tx, posting{kind: P31Recovered", "statementLine += tx.ID(\"again\")"),
	when("sweep of clients' money", "ledger/payout.go", "	if s.Minor > left.Minor {\n		return false, ErrCoverage", "left.Minor = s.Minor"),
	// settlement
	when("release before the window is over", "settlement/rules.go", "	if rule.Until.After(due) {\n", "return due"),
	when("service released without acceptance", "settlement/rules.go", "	if rule.Class == untilAcceptance {\n", "rule.Class = \"\""),
	when("all slices at once", "settlement/release.go", "	if forced { // the provider would free", "part = c.Parts"),
	when("accepting releases the next part", "settlement/release.go", "	if !forced && c.Part > 0 && tx.Now().Before(partDue(c)) {\n", "c.CollectedAt = time.Time{}"),
	when("returned payout ignored", "settlement/withdraw.go", "		if _, err = ledger.PayoutReturned(", "return nil"),
	when("failed payout not given back", "settlement/withdraw.go", "		if _, err = ledger.PayoutFailed(", "return end(ctx, tx, w, Paying, Unpaid, p.Reason)"),
	when("one person approves", "settlement/rules.go", "	if x.Minor > l.FourEyes ||", "return 0"),
	when("the same person approves twice", "settlement/rules.go", "	if by.User == string(w.RequestedBy) ||", "return nil"),
	when("dispute won posts nothing", "settlement/dispute.go", "		_, err = ledger.DisputeWon(ctx, tx, x)\n", "return nil"),
	when("share of a split not swept", "settlement/release.go", "	if !s.Share.IsZero() {\n		_, err := ledger.Sweep(", "s.Share.Minor = 0"),
	when("share counted free twice", "settlement/release.go", "	if !s.Finish { // the last one may have ended first", "freed.Minor += s.Share.Minor"),
	when("returned share not booked", "settlement/release.go", "	_, err := ledger.SweepBack(ctx, tx, string(r.ID), r.Amount, tx.Now())\n", "return nil"),
	when("commission of a lost dispute kept", "settlement/dispute.go", "	_, err = ledger.SweepBack(ctx, tx, fmt.Sprintf", "return nil"),
	// command and job
	when("idempotency key ignored", "command/command.go", "	row, err := db.One(ctx, tx, scanDone, selectKey", "return \"\", nil"),
	when("unknown commit tried again", "command/command.go", "	if err != nil {\n		if lost := refused(", "if errors.Is(err, db.ErrUnknownCommit) { in.Key += \"'\"; return Run(ctx, d, in, do) }"),
	when("lease of another accepted", "job/job.go", "	n, err := tx.Exec(ctx, endJob, db.Micros(tx.Now()), j.ID, j.Token)\n	if err == nil && n == 0 {\n		err = ErrLeaseLost", "if now, err := db.Value[int64](ctx, tx, `SELECT token FROM job_job WHERE id = $1`, j.ID); err == nil { j.Token = now }"),
	{"timer fires early", "job/work.go", "			}, q, db.Micros(r.Now()), width)", "			}, q, db.Micros(map[bool]time.Time{false: r.Now(), true: r.Now().Add(time.Hour)}[bug.On(\"timer fires early\")]), width)"},
	{"timer fires early", "job/work.go", "b.Add(leaseJob, db.Micros(tx.Now().Add(lease)), j.ID, j.Token, db.Micros(tx.Now()))", "at := tx.Now(); if bug.On(\"timer fires early\") { at = at.Add(time.Hour) }; b.Add(leaseJob, db.Micros(tx.Now().Add(lease)), j.ID, j.Token, db.Micros(at))"},
}

// root is the folder of the module.
const root = "../.."

// planted are copies of the product's files with every defect in them, switched
// off, by the file each stands for.
func planted(t *testing.T) map[string]string {
	t.Helper()
	copies := map[string]string{}
	for _, d := range defects {
		name, err := filepath.Abs(filepath.Join(root, "internal", "market", d.file))
		if err != nil {
			t.Fatal(err)
		}
		text, begun := copies[name]
		if !begun {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text = strings.Replace(string(content), "import (\n", "import (\n\t\"yunshi/internal/sim/bug\"\n", 1)
		}
		if strings.Count(text, d.is) != 1 {
			t.Errorf("%s: %q stands %d times in %s; say again where the defect belongs", d.name, d.is, strings.Count(text, d.is), d.file)
			continue
		}
		copies[name] = strings.Replace(text, d.is, d.becomes, 1)
	}
	return copies
}

// TestEveryDefectHasItsPlace keeps the defects beside a source that changes. With
// YUNSHI_PLANT it writes the copies there, and the overlay that builds them.
func TestEveryDefectHasItsPlace(t *testing.T) {
	copies := planted(t)
	if len(defects) < 30 {
		t.Errorf("%d defects", len(defects))
	}
	dir := os.Getenv("YUNSHI_PLANT")
	if dir == "" || t.Failed() {
		return
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, text := range copies {
		to := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(name, "/"), "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[name] = to
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}
