package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/market/job"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/plug/sandboxpay"
)

// drained is how long the market may take to finish what it has begun. What takes
// longer is wrong, but not yet lost; longest is when waiting ends. A refund whose
// answer or notice was lost ends by the schedule on which market and provider ask
// each other again, which takes minutes by its nature.
const (
	drained = 60 * time.Second
	longest = 4 * time.Minute
)

// truth is what the market has, beside what its provider has.
type truth struct {
	orders   map[order.ID]order.Order
	attempts map[payment.AttemptID]payment.Attempt
	refunds  map[payment.RefundID]payment.Refund
	backlog  job.Backlog

	payments   map[string]sandboxpay.Payment
	repayments map[string]sandboxpay.Refund
}

const pageSize = 500

// look reads both sides. The provider's journal comes first: what it has by then,
// a market that has finished its work must have too.
func (r *run) look(ctx context.Context) (t truth, err error) {
	if t.payments, t.repayments, err = sandboxpay.Witness(r.witness); err != nil {
		return t, err
	}
	t.orders, t.attempts, t.refunds = map[order.ID]order.Order{}, map[payment.AttemptID]payment.Attempt{}, map[payment.RefundID]payment.Refund{}
	err = r.books.Read(ctx, func(q db.Reader) (err error) {
		if t.backlog, err = job.Waiting(ctx, q); err != nil {
			return err
		}
		for before := order.ID(""); ; {
			page, err := order.All(ctx, q, before, pageSize)
			if err != nil {
				return err
			}
			for _, o := range page {
				o.Snapshot = order.Snapshot{} // large, and not looked at
				t.orders[o.ID] = o
			}
			if len(page) < pageSize {
				break
			}
			before = page[len(page)-1].ID
		}
		for before, more := payment.AttemptID(""), true; more; more = before != "" {
			var page []payment.Attempt
			if page, before, err = payment.List(ctx, q, before, pageSize); err != nil {
				return err
			}
			for _, a := range page {
				t.attempts[a.ID] = a
				if a.State != payment.Captured && a.State != payment.Settled {
					continue
				}
				refunds, err := payment.RefundsOf(ctx, q, a.ID)
				if err != nil {
					return err
				}
				for _, f := range refunds {
					t.refunds[f.ID] = f
				}
			}
		}
		return nil
	})
	return t, err
}

// unsettled says what is still under way, or "". asking is whether it is nothing but
// refunds that market and provider ask each other about.
func (t truth) unsettled() (why string, asking bool) {
	if t.backlog.Due+t.backlog.Running > 0 {
		return fmt.Sprintf("%d jobs due, %d running", t.backlog.Due, t.backlog.Running), false
	}
	for _, p := range t.payments {
		if a := t.attempts[payment.AttemptID(p.Reference)]; p.Status == sandboxpay.PaymentCaptured && a.CaptureID != p.CaptureID {
			return fmt.Sprintf("payment %s of attempt %s (%s) is captured at the provider only", p.ID, a.ID, a.State), false
		}
		if p.Status == sandboxpay.PaymentProcessing {
			return "the provider works on payment " + p.ID, false
		}
	}
	for _, f := range t.repayments {
		if f.Status == sandboxpay.RefundSubmitted {
			return "the provider works on refund " + f.ID, false
		}
	}
	asked := map[order.ID]bool{}
	for _, f := range t.refunds {
		if f.State != payment.RefundSucceeded && f.State != payment.RefundFailed {
			asked[order.ID(f.Order)] = true
			why, asking = fmt.Sprintf("refund %s is %s", f.ID, f.State), true
		}
	}
	for _, o := range t.orders {
		if o.State == order.Provisioning || o.State == order.Refunding && !asked[o.ID] {
			return fmt.Sprintf("order %s is %s", o.ID, o.State), false
		}
	}
	return why, asking
}

// examine brings everything up, lets the market finish, and checks. The last time
// it also asks the keys again.
func (r *run) examine(ctx context.Context, out *outcome, whole bool) error {
	r.bar.say("%s: everything up; the market finishes what it has begun", out.ID)
	if err := r.everythingUp(ctx, out); err != nil {
		return err
	}
	began := time.Now()
	var t truth
	why, asking := "", false
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.declineRest(ctx); err != nil {
			why = err.Error()
		} else {
			var err error
			if t, err = r.look(ctx); err != nil {
				return err
			}
			if why, asking = t.unsettled(); why == "" {
				break
			}
		}
		switch {
		case !asking:
			out.Drain = 0 // not yet
		case out.Drain == 0:
			out.Drain = time.Since(began).Seconds()
		}
		if since := time.Since(began); since > unknownFor || since > longest && !asking {
			break
		}
		sleep(ctx, 500*time.Millisecond)
	}
	took := time.Since(began).Seconds()
	if asking || out.Drain > 0 {
		out.note("the last refund was certain after %.0f s", took)
	} else {
		out.Drain = took
	}
	if why != "" {
		out.wrong("O5 stuck after %.0f s: %s", took, why)
	} else if out.Drain > drained.Seconds() {
		out.wrong("O5 it took %.0f s until everything was finished", out.Drain)
	}
	r.bar.say("%s: checks", out.ID)
	r.answers(t, out)
	r.journals(t, out)
	r.objects(t, out)
	if said, err := r.yunshiDo(ctx, "verify"); err != nil {
		out.wrong("O2 %v", err)
	} else if whole {
		out.note("O2 yunshi verify: %s", strings.TrimSpace(lastLine(said)))
	}
	if whole {
		if err := r.askAgain(ctx, out); err != nil {
			return err
		}
	}
	ok, uses, of := r.history.linear()
	if !ok {
		out.wrong("O4 %d uses of %d idempotency keys do not fit any order of events", uses, of)
	}
	r.report.Totals.KeyUses, r.report.Totals.Keys = uses, of
	r.transport.CloseIdleConnections()
	sleep(ctx, 500*time.Millisecond)
	for _, n := range r.nodes {
		// A pool of 8 for writing and one of 9 for reading may be open, and the worker's.
		if files := openFiles(n.pid()); files > r.calmFiles+40 {
			out.wrong("%s holds %d files and connections at rest; at the start it held %d", n.name, files, r.calmFiles)
		}
	}
	return r.logs(out)
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// declineRest has the vendor's people decline what still waits for them.
func (r *run) declineRest(ctx context.Context) error {
	s := r.shoppers[0]
	for {
		page, err := s.vendor[0].VendorDeliveries(ctx, "manual", client.List{Limit: 100})
		if err != nil || len(page.Items) == 0 {
			return err
		}
		for _, d := range page.Items {
			if err := s.diary.write(sent, decline, d.Order, d.Order, ""); err != nil {
				return err
			}
			if _, err := s.vendor[0].DeclineDelivery(ctx, d.ID); err != nil {
				return err
			}
			if err := s.diary.write(taken, decline, d.Order, d.Order, ""); err != nil {
				return err
			}
		}
	}
}

// answers is O1: what was acknowledged is there exactly once, and what was not is
// there at most once.
func (r *run) answers(t truth, out *outcome) {
	sum := &r.report.Totals
	*sum = totals{Keys: sum.Keys, KeyUses: sum.KeyUses}
	byAccount := map[string]int{}
	for _, o := range t.orders {
		byAccount[string(o.Account)]++
	}
	named := map[string]string{} // order -> key
	for _, s := range r.shoppers {
		open := map[string]bool{} // keys without an answer
		yes := 0
		for _, n := range s.diary.all() {
			switch n.Word {
			case sent:
				sum.Sent++
				if n.Op == place {
					open[n.Key] = true
				}
			case refused:
				delete(open, n.Key)
			case taken:
				sum.Acknowledged++
				if n.Op == place {
					delete(open, n.Key)
					yes++
					if other, twice := named[n.Object]; twice && other != n.Key {
						sum.Twice++
						out.wrong("O1 keys %s and %s name one order %s", other, n.Key, n.Object)
					}
					named[n.Object] = n.Key
				}
				if problem := t.lost(n); problem != "" {
					sum.Lost++
					out.wrong("O1 LOST client %d was told at %s: %s %s; but %s", n.Client, n.At.Format(time.TimeOnly), n.Op, n.Object, problem)
				}
			case seen:
				sum.Seen++
				if problem := t.lost(n); problem != "" {
					sum.Lost++
					out.wrong("O1 LOST client %d saw at %s that %s is %s; but %s", n.Client, n.At.Format(time.TimeOnly), n.Object, n.Detail, problem)
				}
			}
		}
		sum.Unanswered += len(open)
		if extra := byAccount[s.Account] - yes; extra > len(open) {
			sum.Twice += extra - len(open)
			out.wrong("O1 account %s has %d orders that nobody was told of, and only %d requests without an answer", s.Account, extra, len(open))
		}
	}
}

// lost says what the market has instead of what it acknowledged, or "".
func (t truth) lost(n note) string {
	o, there := t.orders[order.ID(n.Object)]
	if !there {
		return "there is no such order"
	}
	a := t.attempts[o.Attempt]
	switch n.Op {
	case pay:
		if a.State != payment.Captured && a.State != payment.Settled {
			return fmt.Sprintf("its payment %s is %s", a.ID, a.State)
		}
		if !o.State.Paid() && a.Refunded != a.Captured {
			return fmt.Sprintf("the order is %s and %d of %d went back", o.State, a.Refunded.Minor, a.Captured.Minor)
		}
	case cancel:
		if o.State != order.Cancelled {
			return "the order is " + string(o.State)
		}
	case decline:
		if o.State != order.Refunded {
			return "the order is " + string(o.State)
		}
	case arrived:
		if n.Detail == "delivered" && o.State != order.Delivered && o.State != order.Completed || !o.State.Paid() {
			return "the order is " + string(o.State)
		}
	}
	return ""
}

// journals is O3: the provider's journal and the market's books have the same
// payments and refunds, in both directions.
func (r *run) journals(t truth, out *outcome) {
	sum := &r.report.Totals
	byAttempt := map[payment.AttemptID]string{}
	for id, p := range t.payments {
		a, ours := t.attempts[payment.AttemptID(p.Reference)]
		if !ours {
			out.wrong("O3 the provider's payment %s (%s) is of an attempt %s that the market does not have", id, p.Status, p.Reference)
			continue
		}
		if other, twice := byAttempt[a.ID]; twice {
			out.wrong("O3 the provider has two payments for attempt %s: %s and %s", a.ID, other, id)
		}
		byAttempt[a.ID] = id
		captured := a.State == payment.Captured || a.State == payment.Settled
		if p.Status != sandboxpay.PaymentCaptured {
			if captured {
				out.wrong("O3 attempt %s is captured, but the provider's payment %s is %s", a.ID, id, p.Status)
			}
			continue
		}
		sum.Captures++
		sum.Captured += p.Captured
		if !captured || a.CaptureID != p.CaptureID || a.Captured.Minor != p.Captured || string(a.Captured.Currency) != p.Currency || a.Fee.Minor != p.Fee {
			out.wrong("O3 payment %s: provider %s %d %s fee %d, market %s %s %d %s fee %d",
				id, p.CaptureID, p.Captured, p.Currency, p.Fee, a.State, a.CaptureID, a.Captured.Minor, a.Captured.Currency, a.Fee.Minor)
		}
		if a.Refunded.Minor != p.Refunded {
			out.wrong("O3 payment %s: the provider gave back %d, the market %d", id, p.Refunded, a.Refunded.Minor)
		}
	}
	for id, a := range t.attempts {
		if _, there := byAttempt[id]; !there && (a.ProviderID != "" || a.State == payment.Captured || a.State == payment.Settled) {
			out.wrong("O3 attempt %s is %s, but the provider has no payment for it", id, a.State)
		}
	}
	byRefund := map[payment.RefundID]string{}
	for id, p := range t.repayments {
		f, ours := t.refunds[payment.RefundID(p.Reference)]
		if !ours {
			out.wrong("O3 the provider's refund %s is of %s, which the market does not have", id, p.Reference)
			continue
		}
		byRefund[f.ID] = id
		if f.Amount.Minor != p.Amount || f.ProviderID != id || (f.State == payment.RefundSucceeded) != (p.Status == sandboxpay.RefundSucceeded) {
			out.wrong("O3 refund %s: provider %s %d, market %s %s %d", id, p.Status, p.Amount, f.ProviderID, f.State, f.Amount.Minor)
		}
		if p.Status == sandboxpay.RefundSucceeded {
			sum.Refunds++
			sum.Refunded += p.Amount
		}
	}
	for id, f := range t.refunds {
		if _, there := byRefund[id]; !there {
			out.wrong("O3 refund %s is %s, but the provider has none", id, f.State)
		}
	}
}

// unknownFor is how long the market may not know what became of a call: it asks a
// minute after it, and then five minutes later.
const unknownFor = 7 * time.Minute

// objects is the rest of O5: nothing has given up, and nothing waits for nobody.
func (r *run) objects(t truth, out *outcome) {
	if t.backlog.Failed > 0 {
		out.wrong("O5 %d jobs have given up", t.backlog.Failed)
	}
	for id, a := range t.attempts {
		if (a.State == payment.Created || a.State == payment.Unknown || a.State == payment.Processing) && time.Since(a.ChangedAt) > unknownFor {
			out.wrong("O5 attempt %s is %s since %s", id, a.State, a.ChangedAt.Format(time.TimeOnly))
		}
	}
	for _, o := range t.orders {
		r.report.Totals.Orders++
		switch o.State {
		case order.Delivered, order.Completed:
			r.report.Totals.Delivered++
		case order.Refunded, order.Cancelled, order.Expired, order.AwaitingPayment, order.Provisioning, order.Refunding:
		}
	}
}

// askAgain repeats requests with the keys of the past: each must get its first
// answer, however long ago.
func (r *run) askAgain(ctx context.Context, out *outcome) error {
	const most = 60 // of each client
	for _, s := range r.shoppers {
		asked := 0
		for _, n := range s.diary.all() {
			if n.Word != taken || n.Op != place || asked == most {
				continue
			}
			asked++
			at := time.Now()
			o, replayed, err := s.nodes[asked%len(s.nodes)].PlaceOrder(ctx, n.Key, s.Purchase)
			if client.Code(err) == conflict { // it was for the service
				o, replayed, err = s.nodes[asked%len(s.nodes)].PlaceOrder(ctx, n.Key, s.service)
			}
			if err != nil {
				return fmt.Errorf("key %s, asked again: %w", n.Key, err)
			}
			s.history.add(s.number, n.Key, o.ID, "", at, nil)
			if !replayed || o.ID != n.Object {
				out.wrong("O4 key %s named order %s, and names %s now", n.Key, n.Object, o.ID)
			}
			r.report.Totals.AskedAgain++
		}
	}
	return nil
}

// logs is O7: no panic and no secret in what the processes have said.
func (r *run) logs(out *outcome) error {
	names := map[string]string{}
	look := []string{"panic:", "fatal error:", "DATA RACE"}
	for name, secret := range r.secrets {
		names[secret] = name
		look = append(look, secret)
	}
	for _, p := range append([]*process{r.provider}, r.nodes...) {
		found, err := contains(p.log(), look...)
		if err != nil {
			return err
		}
		for _, what := range found {
			if name, secret := names[what]; secret {
				what = "the " + name
			}
			out.wrong("O7 %s is in the log %s", what, filepath.Base(p.log()))
		}
	}
	return nil
}

// checkStatus notes an answer that should have been one of some.
func checkStatus(out *outcome, what string, res *http.Response, allowed ...int) {
	for _, s := range allowed {
		if res.StatusCode == s {
			return
		}
	}
	out.wrong("%s was answered with %s", what, res.Status)
}
