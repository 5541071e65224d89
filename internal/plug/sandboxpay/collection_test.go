package sandboxpay

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/payment"
	"yunshi/internal/testkit"
)

// sharing is a captured payment and what names it.
func (b *bench) sharing(t *testing.T, reference payment.AttemptID) payment.SplitIntent {
	t.Helper()
	opened := b.openAndPay(t, reference)
	return payment.SplitIntent{
		Reference: payment.SplitID("spl_" + string(reference)), Payment: payment.Ref{Reference: reference, ProviderID: opened.ProviderID},
		Captured: yuan(198000), Share: yuan(19800),
	}
}

// later lets everything that takes time end.
func (b *bench) later(t *testing.T) {
	t.Helper()
	b.clock.advance(3 * time.Second)
	b.work(t)
}

func (b *bench) balanceOf(t *testing.T) Balance {
	t.Helper()
	got, err := b.Balance(t.Context(), b.merchant(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestGateway_SplitsOncePerReferenceAndWithinTheCap(t *testing.T) {
	b := start(t)
	g := b.gateway()
	in := b.sharing(t, "pay_1")
	if _, err := g.FindSplit(t.Context(), in); err == nil {
		t.Error("a split nobody asked for was found")
	}
	first, err := g.Split(t.Context(), in)
	if err != nil || first.State != payment.MoveProcessing || first.Share != yuan(19800) {
		t.Fatalf("Split = %+v, %v", first, err)
	}
	b.clock.advance(25 * time.Hour) // the provider forgets the key, not the reference
	b.work(t)
	if again, err := g.Split(t.Context(), in); err != nil || again.ProviderID != first.ProviderID || again.State != payment.MoveDone {
		t.Errorf("Split again = %+v, %v", again, err)
	}
	other := in
	other.Share = yuan(1)
	if _, err := g.Split(t.Context(), other); err == nil {
		t.Error("another share under the reference was taken")
	}
	for name, c := range map[string]struct {
		change func(*payment.SplitIntent)
		want   error
	}{
		"over_the_cap":       {func(in *payment.SplitIntent) { in.Share = yuan(39601) }, payment.ErrRefused}, // 30 % is 59400
		"an_unknown_payment": {func(in *payment.SplitIntent) { in.Payment.ProviderID = "pmt_x" }, payment.ErrRefused},
		"nothing_at_all":     {func(in *payment.SplitIntent) { in.Share = yuan(0) }, payment.ErrRefused},
	} {
		in := in
		in.Reference = payment.SplitID("spl_" + name)
		c.change(&in)
		_, err := g.Split(t.Context(), in)
		wantError(t, name, err, c.want)
	}
	rest := in
	rest.Reference, rest.Share, rest.Finish = "spl_rest", yuan(39600), true
	if _, err := g.Split(t.Context(), rest); err != nil {
		t.Errorf("up to the cap: %v", err)
	}
	rest.Reference, rest.Share = "spl_more", yuan(1)
	_, err = g.Split(t.Context(), rest)
	wantError(t, "after the last one", err, payment.ErrRefused)
	if got := b.balanceOf(t); got.Free != 198000-59400 || got.Frozen != 0 {
		t.Errorf("balance %+v", got)
	}
}

func TestProvider_MoneyIsFrozenUntilTheSplitIsFinished(t *testing.T) {
	b := start(t)
	g := b.gateway()
	in := b.sharing(t, "pay_1")
	out := payment.PayoutIntent{Reference: "pyo_1", Payee: b.merchant(t).ID, Amount: yuan(178200)}
	_, err := g.Payout(t.Context(), out)
	wantError(t, "a payout of frozen money", err, payment.ErrRefused)
	in.Finish = true
	if _, err := g.Split(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out.Reference, out.Amount = "pyo_2", yuan(178201)
	_, err = g.Payout(t.Context(), out)
	wantError(t, "a payout of more than is free", err, payment.ErrRefused)
	out.Reference, out.Amount = "pyo_3", yuan(178200)
	sent, err := g.Payout(t.Context(), out)
	if err != nil || sent.State != payment.MoveProcessing {
		t.Fatalf("Payout = %+v, %v", sent, err)
	}
	b.later(t)
	if paid, err := g.FindPayout(t.Context(), out); err != nil || paid.State != payment.MoveDone || b.balanceOf(t).Free != 0 {
		t.Errorf("FindPayout = %+v, %v", paid, err)
	}
	if _, err := b.ReturnPayout(t.Context(), sent.ProviderID); err != nil {
		t.Fatal(err)
	}
	back, err := g.FindPayout(t.Context(), out)
	if err != nil || back.State != payment.MoveReturned || back.Fee != yuan(1000) || b.balanceOf(t).Free != 178200-1000 {
		t.Errorf("FindPayout after the return = %+v, %v; balance %+v", back, err, b.balanceOf(t))
	}
	// After half a year money is free by itself.
	b.sharing(t, "pay_2")
	b.clock.advance(freezeDays * 24 * time.Hour)
	if got := b.balanceOf(t); got.Frozen != 0 || got.Free != 178200-1000+198000 {
		t.Errorf("balance %+v", got)
	}
}

func TestProvider_ARefundNeedsItsShareBack(t *testing.T) {
	b := start(t)
	g := b.gateway()
	in := b.sharing(t, "pay_1")
	in.Finish = true
	split, err := g.Split(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	give := payment.ReturnIntent{Reference: "ret_1", Split: in.Reference, SplitProviderID: split.ProviderID, Payment: in.Payment, Amount: yuan(19800)}
	_, err = g.Return(t.Context(), give)
	wantError(t, "a return of what is still on its way", err, payment.ErrRefused)
	b.later(t)
	refund := payment.RefundIntent{Reference: "rfd_1", Payment: in.Payment, Captured: yuan(198000), Amount: yuan(198000)}
	_, err = g.Refund(t.Context(), refund)
	wantError(t, "a refund of the collector's share", err, payment.ErrRefused)
	give.Reference = "ret_2"
	if _, err := g.Return(t.Context(), give); err != nil {
		t.Fatal(err)
	}
	more := give
	more.Reference, more.Amount = "ret_3", yuan(1)
	_, err = g.Return(t.Context(), more)
	wantError(t, "more than the share", err, payment.ErrRefused)
	refund.Reference = "rfd_2"
	if _, err := g.Refund(t.Context(), refund); err != nil {
		t.Errorf("a refund after the return: %v", err)
	}
	b.later(t)
	if got, err := g.FindReturn(t.Context(), give); err != nil || got.State != payment.MoveDone {
		t.Errorf("FindReturn = %+v, %v", got, err)
	}
}

func TestProvider_WhatFailsGivesBackWhatItHeld(t *testing.T) {
	b := start(t)
	g := b.gateway()
	in := b.sharing(t, "pay_1")
	in.Finish = true
	if err := b.SetFaults(t.Context(), Faults{SplitFailNext: 1, ReturnFailNext: 1, PayoutFailNext: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Split(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	b.later(t)
	if got, err := g.FindSplit(t.Context(), in); err != nil || got.State != payment.MoveFailed || b.balanceOf(t).Frozen != 198000 {
		t.Fatalf("FindSplit = %+v, %v; balance %+v", got, err, b.balanceOf(t))
	}
	in.Reference = "spl_2"
	split, err := g.Split(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	b.later(t)
	give := payment.ReturnIntent{Reference: "ret_1", Split: in.Reference, SplitProviderID: split.ProviderID, Payment: in.Payment, Amount: yuan(19800)}
	out := payment.PayoutIntent{Reference: "pyo_1", Payee: b.merchant(t).ID, Amount: yuan(1000)}
	if _, err := g.Return(t.Context(), give); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Payout(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	b.later(t)
	back, err := g.FindReturn(t.Context(), give)
	if err != nil || back.State != payment.MoveFailed {
		t.Errorf("FindReturn = %+v, %v", back, err)
	}
	paid, err := g.FindPayout(t.Context(), out)
	if err != nil || paid.State != payment.MoveFailed || paid.Reason != "account_closed" || b.balanceOf(t).Free != 178200 {
		t.Errorf("FindPayout = %+v, %v; balance %+v", paid, err, b.balanceOf(t))
	}
}

func TestProvider_DisputesGoRoundAfterRound(t *testing.T) {
	b := start(t)
	g := b.gateway()
	in := b.sharing(t, "pay_1")
	in.Finish = true
	if _, err := g.Split(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	opened, err := b.OpenDispute(t.Context(), in.Payment.ProviderID, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.OpenDispute(t.Context(), in.Payment.ProviderID, 100)
	refused(t, err, "disputed")
	_, err = g.Refund(t.Context(), payment.RefundIntent{Reference: "rfd_1", Payment: in.Payment, Captured: yuan(198000), Amount: yuan(1)})
	wantError(t, "a refund beside it", err, payment.ErrRefused)
	if free := b.balanceOf(t).Free; free != -19800 {
		t.Errorf("the payee has %d", free)
	}
	want := payment.DisputeObject{
		ProviderID: opened.ID, Payment: payment.Ref{Reference: "pay_1", ProviderID: in.Payment.ProviderID}, State: payment.DisputeOpen, Round: 1,
		Amount: yuan(198000), Fee: yuan(disputeFee), Reason: "not_received", EvidenceDue: b.clock.now().Add(evidenceTime), At: b.clock.now(),
	}
	if got, err := g.FindDispute(t.Context(), opened.ID); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("FindDispute: %v (-want +got):\n%s", err, cmp.Diff(want, got))
	}
	for _, move := range []struct {
		move  string
		state payment.DisputeState
		round int
		free  int64
	}{
		{"submit", payment.DisputeSubmitted, 1, -19800},
		{"win", payment.DisputeWon, 1, 178200},
		{"win", payment.DisputeWon, 1, 178200},
		{"reopen", payment.DisputeOpen, 2, -19800},
		{"lose", payment.DisputeLost, 2, -19800},
	} {
		if _, err := b.MoveDispute(t.Context(), opened.ID, move.move); err != nil {
			t.Fatalf("%s: %v", move.move, err)
		}
		got, err := g.FindDispute(t.Context(), opened.ID)
		if err != nil || got.State != move.state || got.Round != move.round || b.balanceOf(t).Free != move.free {
			t.Errorf("after %s: %+v, %v, free %d", move.move, got, err, b.balanceOf(t).Free)
		}
	}
	_, err = b.MoveDispute(t.Context(), opened.ID, "reopen")
	refused(t, err, "decided")
	all, next, err := g.ChangedDisputes(t.Context(), "")
	if err != nil || len(all) != 1 || all[0].State != payment.DisputeLost {
		t.Errorf("ChangedDisputes = %+v, %v", all, err)
	}
	if all, _, err := g.ChangedDisputes(t.Context(), next); err != nil || len(all) != 0 {
		t.Errorf("ChangedDisputes after that = %+v, %v", all, err)
	}
}

func TestProvider_NotificationsNameTheNewObjects(t *testing.T) {
	b := start(t)
	g := b.gateway()
	in := b.sharing(t, "pay_1")
	in.Finish = true
	split, err := g.Split(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	b.later(t)
	if _, err := g.Return(t.Context(), payment.ReturnIntent{Reference: "ret_1", SplitProviderID: split.ProviderID, Payment: in.Payment, Amount: yuan(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Payout(t.Context(), payment.PayoutIntent{Reference: "pyo_1", Payee: b.merchant(t).ID, Amount: yuan(1)}); err != nil {
		t.Fatal(err)
	}
	b.later(t)
	if _, err := b.OpenDispute(t.Context(), in.Payment.ProviderID, 100); err != nil {
		t.Fatal(err)
	}
	b.later(t)
	var got []string
	b.shop.mu.Lock()
	for _, n := range b.shop.got {
		kind, _, reference, _ := n.object()
		got = append(got, fmt.Sprintf("%s %s %s", n.Type, kind, reference))
	}
	b.shop.mu.Unlock()
	slices.Sort(got)
	want := []string{
		"dispute.open dispute ", "payment.captured payment pay_1", "payment.processing payment pay_1", "payout.done payout pyo_1",
		"return.done return ret_1", "split.done split spl_pay_1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.shop.heard(t)
}

// A kill forgets nothing: what the journal tells a new process is what the old
// one knew.
func TestProvider_ARestartKnowsEverySplitPayoutAndDispute(t *testing.T) {
	b := start(t)
	g := b.gateway()
	in := b.sharing(t, "pay_1")
	in.Finish = true
	split, err := g.Split(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	b.later(t)
	give := payment.ReturnIntent{Reference: "ret_1", SplitProviderID: split.ProviderID, Payment: in.Payment, Amount: yuan(800)}
	if _, err := g.Return(t.Context(), give); err != nil {
		t.Fatal(err)
	}
	out := payment.PayoutIntent{Reference: "pyo_1", Payee: b.merchant(t).ID, Amount: yuan(100)}
	if _, err := g.Payout(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	dispute, err := b.OpenDispute(t.Context(), in.Payment.ProviderID, 500)
	if err != nil {
		t.Fatal(err)
	}
	day := calendar.On(b.clock.now())
	before, report := b.balanceOf(t), b.reported(t, day)
	b.stop()
	b.boot(t)
	g = b.gateway()
	if after := b.balanceOf(t); after != before || after.Free != 198000-19800+800-100-500 {
		t.Errorf("balance %+v, was %+v", after, before)
	}
	if diff := cmp.Diff(report, b.reported(t, day)); diff != "" || len(report) != 5 {
		t.Errorf("report of %d lines (-was +is):\n%s", len(report), diff)
	}
	if got, err := g.FindDispute(t.Context(), dispute.ID); err != nil || got.State != payment.DisputeOpen {
		t.Errorf("FindDispute = %+v, %v", got, err)
	}
	b.later(t) // what was on its way when it was killed ends
	back, err := g.FindReturn(t.Context(), give)
	if err != nil || back.State != payment.MoveDone {
		t.Errorf("FindReturn = %+v, %v", back, err)
	}
	if got, err := g.FindPayout(t.Context(), out); err != nil || got.State != payment.MoveDone {
		t.Errorf("FindPayout = %+v, %v", got, err)
	}
}

func (b *bench) reported(t *testing.T, day calendar.Date) []payment.ReportLine {
	t.Helper()
	lines, err := b.gateway().Report(t.Context(), day)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// The sum of the report is what payees and collector hold at the provider, and
// each line appears once.
func TestGateway_TheReportAddsUpAndNamesEachLineOnce(t *testing.T) {
	b := start(t)
	g := b.gateway()
	in := b.sharing(t, "pay_1")
	in.Finish = true
	if _, err := g.Split(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out := payment.PayoutIntent{Reference: "pyo_1", Payee: b.merchant(t).ID, Amount: yuan(10000)}
	sent, err := g.Payout(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	b.later(t)
	if _, err := b.ReturnPayout(t.Context(), sent.ProviderID); err != nil {
		t.Fatal(err)
	}
	d, err := b.OpenDispute(t.Context(), in.Payment.ProviderID, 3000)
	if err != nil {
		t.Fatal(err)
	}
	for _, move := range []string{"win", "reopen", "win"} {
		if _, err := b.MoveDispute(t.Context(), d.ID, move); err != nil {
			t.Fatal(err)
		}
	}
	for _, reference := range []payment.RefundID{"rfd_1", "rfd_2"} {
		if _, err := g.Refund(t.Context(), payment.RefundIntent{Reference: reference, Payment: in.Payment, Captured: yuan(198000), Amount: yuan(5000)}); err != nil {
			t.Fatal(err)
		}
	}
	b.later(t)
	bounced, _, err := b.FindRefund(t.Context(), "rfd_2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.BounceRefund(t.Context(), bounced.ID); err != nil {
		t.Fatal(err)
	}
	seen, fees, sum := map[string]bool{}, int64(0), int64(0)
	for _, l := range b.reported(t, calendar.On(b.clock.now())) {
		key := string(l.Kind) + " " + l.ProviderID
		if seen[key] {
			t.Errorf("%s stands there twice", key)
		}
		seen[key] = true
		if l.Kind == payment.ReportFee {
			fees += l.Amount.Minor
		} else {
			sum += l.Amount.Minor
		}
	}
	if free := b.balanceOf(t).Free; sum != free || free != 198000-19800-100-5000 {
		t.Errorf("the lines make %d, the payee has %d", sum, free)
	}
	if fees != -1188-2*disputeFee {
		t.Errorf("fees %d", fees)
	}
	if none := b.reported(t, calendar.On(b.clock.now()).AddDays(1)); len(none) != 0 {
		t.Errorf("tomorrow has %+v", none)
	}
}

func TestControlPage_PlaysTheBanks(t *testing.T) {
	b := start(t)
	in := b.sharing(t, "pay_1")
	in.Finish = true
	if _, err := b.gateway().Split(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	sent, err := b.gateway().Payout(t.Context(), payment.PayoutIntent{Reference: "pyo_1", Payee: b.merchant(t).ID, Amount: yuan(100)})
	if err != nil {
		t.Fatal(err)
	}
	address := ControlURL(b.server.URL+"/", testSecret)
	press := func(id, move string) (status int, body string) {
		t.Helper()
		response, err := http.PostForm(address+"?lang=en", url.Values{"id": {id}, "move": {move}})
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(raw)
	}
	if status, body := press(in.Payment.ProviderID, "dispute"); status != http.StatusOK || !strings.Contains(body, "Decide for the payer") {
		t.Fatalf("%d %s", status, body)
	}
	all, err := b.DisputesSince(t.Context(), "")
	if err != nil || len(all.Data) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	id := all.Data[0].ID
	for _, move := range []string{"win", "reopen", "lose"} {
		if status, body := press(id, move); status != http.StatusOK {
			t.Errorf("%s: %d %s", move, status, body)
		}
	}
	if status, body := press(id, "reopen"); status != http.StatusConflict || !strings.Contains(body, "Not done") {
		t.Errorf("reopening a lost one: %d %s", status, body)
	}
	if status, _ := press("nothing", "win"); status != http.StatusNotFound {
		t.Errorf("an unknown id: %d", status)
	}
	if status, _ := press(sent.ProviderID, "return"); status != http.StatusOK {
		t.Errorf("sending a payout back: %d", status)
	}
	if got, _, err := b.FindPayout(t.Context(), "pyo_1"); err != nil || got.Status != MoveReturned {
		t.Errorf("%+v, %v", got, err)
	}
	for _, wrong := range []string{"/control/", "/control/x", "/control/" + strings.Repeat("0", 32)} {
		response, err := http.Get(b.server.URL + wrong)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d", wrong, response.StatusCode)
		}
	}
}

// The market and the provider, each with its own memory: splits, a refund with
// its share, payouts and disputes end alike on both sides, also when answers and
// notices are lost.
func TestGateway_TheMarketAndTheProviderAgree(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		ctx := t.Context()
		provider, err := NewProvider(ProviderConfig{
			Dir: t.TempDir(), Key: testKey, WebhookSecret: testSecret, PublicURL: "http://pay.example", AnyPayee: true, Now: clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer provider.Close()
		server := httptest.NewServer(provider.Handler())
		defer server.Close()
		client := &Client{URL: server.URL, Key: testKey, HTTP: &http.Client{Timeout: time.Second}}
		var told []string
		work := payment.Work{
			Gateways:  map[string]payment.Gateway{"sandbox": NewGateway(client, testSecret)},
			ReturnURL: func(string) string { return "https://shop.example" },
			Collector: "Operator",
			Captured:  func(context.Context, *db.Tx, payment.Capture) error { return nil },
			RefundEnded: func(_ context.Context, _ *db.Tx, r payment.Refund) error {
				told = append(told, "refund "+string(r.State))
				return nil
			},
			SplitEnded: func(_ context.Context, _ *db.Tx, s payment.Split) error {
				told = append(told, "split "+string(s.State))
				return nil
			},
			ReturnEnded: func(_ context.Context, _ *db.Tx, r payment.Return) error {
				told = append(told, "return "+string(r.State))
				return nil
			},
			PayoutMoved: func(_ context.Context, _ *db.Tx, p payment.Payout) error {
				told = append(told, "payout "+string(p.State))
				return nil
			},
			DisputeMoved: func(_ context.Context, _ *db.Tx, d payment.Dispute) error {
				told = append(told, fmt.Sprintf("dispute %d %s %s", d.Round, d.State, d.Covered))
				return nil
			},
		}
		worker := job.NewWorker(d, work.Handlers(), slog.New(slog.DiscardHandler))
		write := func(fn func(tx *db.Tx) error) {
			t.Helper()
			if err := d.Write(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		pass := func(long time.Duration) {
			t.Helper()
			for range 20 {
				clock.Advance(long / 20)
				if err := provider.advance(); err != nil {
					t.Fatal(err)
				}
				if err := worker.Drain(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		var a payment.Attempt
		write(func(tx *db.Tx) (err error) {
			if err := payment.Pull(ctx, tx, "sandbox"); err != nil {
				return err
			}
			a, err = payment.Begin(ctx, tx, audit.Actor{}, payment.Start{
				Order: "ord_1", Amount: yuan(198000), Gateway: "sandbox", Description: "one year", PayeeAccount: "mch_1", PayeeName: "Vendor",
				ExpiresAt: tx.Now().Add(15 * time.Minute),
			})
			return err
		})
		pass(time.Second)
		made, _, err := client.FindPayment(ctx, string(a.ID))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.ForceCapture(ctx, made.ID, 0); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Hour) // nobody sends notices here; the pull finds it
		write(func(tx *db.Tx) error {
			_, err := payment.StartSplit(ctx, tx, audit.Actor{}, payment.SplitStart{Attempt: a.ID, Share: yuan(19800), Finish: true, Key: "k"})
			return err
		})
		if err := client.SetFaults(ctx, Faults{TimeoutNextAfterEffect: 1}); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Hour)
		write(func(tx *db.Tx) error {
			_, err := payment.StartRefund(ctx, tx, audit.Actor{}, payment.RefundStart{
				Attempt: a.ID, Amount: yuan(99000), Return: yuan(9900), Cause: payment.CauseOrder, Key: "half",
			})
			return err
		})
		pass(2 * time.Hour)
		var out payment.Payout
		write(func(tx *db.Tx) (err error) {
			out, err = payment.StartPayout(ctx, tx, audit.Actor{}, payment.PayoutStart{
				Vendor: "ven_1", Gateway: "sandbox", Payee: "mch_1", PayeeName: "Vendor", Amount: yuan(89100), Key: "k",
			})
			return err
		})
		pass(2 * time.Hour)
		paid, _, err := client.FindPayout(ctx, string(out.ID))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.ReturnPayout(ctx, paid.ID); err != nil {
			t.Fatal(err)
		}
		dispute, err := client.OpenDispute(ctx, made.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, move := range []string{"win", "reopen", "lose"} {
			if _, err := client.MoveDispute(ctx, dispute.ID, move); err != nil {
				t.Fatal(err)
			}
		}
		pass(80 * time.Hour)
		want := []string{
			"split done", "return done", "refund succeeded", "payout paid",
			"dispute 1 open 990.00 CNY", "dispute 1 won 990.00 CNY", "dispute 2 open 990.00 CNY", "dispute 2 lost 990.00 CNY", "payout returned",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("the hooks heard (-want +got):\n%s", diff)
		}
		var at Payment
		if at, err = client.Payment(ctx, made.ID); err != nil {
			t.Fatal(err)
		}
		if err := d.Read(ctx, func(r db.Reader) (err error) { a, err = payment.Get(ctx, r, a.ID); return err }); err != nil {
			t.Fatal(err)
		}
		ours := []int64{a.Captured.Minor, a.Refunded.Minor, a.Split.Minor, a.Returned.Minor}
		if theirs := []int64{at.Captured, at.Refunded, at.Shared, at.Returned}; !slices.Equal(ours, theirs) || a.Disputes != 0 {
			t.Errorf("here %v, there %v", ours, theirs)
		}
		var lines []payment.Reported
		day := calendar.On(testkit.Start)
		if err := d.Read(ctx, func(r db.Reader) (err error) {
			lines, err = payment.ReportOf(ctx, r, "sandbox", day, day.AddDays(2))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		// capture, split, return, refund, payout and its way back, three moves of the dispute and two fees of it
		if len(lines) != 11 {
			t.Errorf("%d report lines: %+v", len(lines), lines)
		}
	})
}
