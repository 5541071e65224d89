package alipay

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "CNY"} }

func (s *standIn) intent(reference payment.AttemptID) payment.Intent {
	return payment.Intent{
		Reference: reference, Amount: cny(198000), Description: "记事本/专业版 a=b&c, 1年", PayeeAccount: vendor, PayeeName: "云帆软件", Collector: "云市",
		ReturnURL: "https://market.example/orders/1", ExpiresAt: s.clock().Add(15 * time.Minute), Locale: "zh",
	}
}

// opened opens a payment and has the customer see Alipay's page.
func (s *standIn) opened(g *Gateway, reference payment.AttemptID) payment.Ref {
	s.t.Helper()
	out, err := g.Open(s.t.Context(), s.intent(reference))
	if err != nil || out.ProviderID != string(reference) {
		s.t.Fatalf("Open = %+v, %v", out, err)
	}
	if got := s.browse(out.PayURL); got != http.StatusOK {
		s.t.Fatalf("the page answered %d", got)
	}
	return payment.Ref{Reference: reference, ProviderID: out.ProviderID, Payee: vendor}
}

func (s *standIn) paid(g *Gateway, reference payment.AttemptID) payment.Ref {
	s.t.Helper()
	ref := s.opened(g, reference)
	s.pay(string(reference))
	return ref
}

func (s *standIn) count(method string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c == method {
			n++
		}
	}
	return n
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
}

// wantNobodyKnows wants an error that is neither "there is none" nor "refused".
func wantNobodyKnows(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, payment.ErrUnknown) || errors.Is(err, payment.ErrRefused) {
		t.Errorf("%s = %v, want that nobody knows", what, err)
	}
}

// TestLifecycle walks one payment from the page to the refund and the bill.
func TestLifecycle(t *testing.T) {
	s, g := start(t)
	ctx := t.Context()

	out := must(g.Open(ctx, s.intent("pay_1")))(t)
	if _, err := g.Find(ctx, payment.Ref{Reference: "pay_1"}); !errors.Is(err, payment.ErrUnknown) {
		t.Fatalf("before the page was seen: %v", err)
	}
	if got := s.browse(out.PayURL); got != http.StatusOK {
		t.Fatalf("the page answered %d", got)
	}
	ref := payment.Ref{Reference: "pay_1", ProviderID: out.ProviderID, Payee: vendor}
	want := payment.Object{ProviderID: "pay_1", Reference: "pay_1", State: payment.ObjectCreated, Amount: cny(198000), Test: true}
	if diff := cmp.Diff(want, must(g.Find(ctx, ref))(t)); diff != "" {
		t.Errorf("unpaid (-want +got):\n%s", diff)
	}

	s.advance(time.Minute)
	s.pay("pay_1")
	event := must(g.Event(nil, s.notice("pay_1", "", nil), s.clock()))(t)
	if event.Kind != payment.PaymentEvent || event.ObjectID != "pay_1" || event.Reference != "pay_1" {
		t.Errorf("notice of the payment: %+v", event)
	}
	want.State, want.Captured, want.CapturedAt, want.CaptureID = payment.ObjectCaptured, cny(198000), s.clock(), s.of("pay_1").no
	found := must(g.Find(ctx, payment.Ref{ProviderID: event.ObjectID}))(t)
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("paid (-want +got):\n%s", diff)
	}

	split := payment.SplitIntent{Reference: "spl_1", Payment: ref, Captured: cny(198000), Share: cny(19800), Finish: true, Description: "平台服务费"}
	wantError(t, "FindSplit before", second(g.FindSplit(ctx, split)), payment.ErrUnknown)
	done := must(g.Split(ctx, split))(t)
	trade := s.of("pay_1")
	if done.State != payment.MoveDone || !done.Finished || done.Share != cny(19800) || done.ProviderID != trade.shares["spl_1"].no {
		t.Errorf("Split = %+v", done)
	}
	if trade.settledBy != "spl_1_c" || trade.frozen || !trade.finished {
		t.Errorf("after the split Alipay has %+v", trade)
	}
	seen := must(g.FindSplit(ctx, split))(t)
	if seen.State != payment.MoveDone || !seen.Finished || seen.Share != cny(19800) || !seen.At.Equal(s.clock()) {
		t.Errorf("FindSplit = %+v", seen)
	}

	// The whole price cannot go back while the operator has its share.
	refund := payment.RefundIntent{Reference: "rfd_1", Payment: ref, Captured: cny(198000), Amount: cny(198000), Reason: "order"}
	wantNobodyKnows(t, "Refund without the share", second(g.Refund(ctx, refund)))
	back := payment.ReturnIntent{Reference: "ret_1", Split: "spl_1", SplitProviderID: done.ProviderID, Payment: ref, Amount: cny(19800), Description: "refund"}
	wantError(t, "FindReturn before", second(g.FindReturn(ctx, back)), payment.ErrUnknown)
	returned := must(g.Return(ctx, back))(t)
	if returned.State != payment.MoveDone || returned.Amount != cny(19800) || returned.Reference != "ret_1" {
		t.Errorf("Return = %+v", returned)
	}
	if again := must(g.Return(ctx, back))(t); again != returned {
		t.Errorf("Return again = %+v", again)
	}
	given := must(g.Refund(ctx, refund))(t)
	if given.State != payment.RefundObjectSucceeded || given.Amount != cny(198000) || given.ProviderID != "pay_1/rfd_1" {
		t.Errorf("Refund = %+v", given)
	}
	event = must(g.Event(nil, s.notice("pay_1", "rfd_1", nil), s.clock()))(t)
	if event.Kind != payment.RefundEvent || event.Reference != "rfd_1" || event.ObjectID != "pay_1/rfd_1" {
		t.Errorf("notice of the refund: %+v", event)
	}
	// A notice names no payment beside its object.
	byNotice := must(g.FindRefund(ctx, payment.RefundRef{Reference: "rfd_1", ProviderID: event.ObjectID}))(t)
	if byNotice != given {
		t.Errorf("FindRefund = %+v, want %+v", byNotice, given)
	}
	if e := must(g.Event(nil, s.notice("pay_1", "ret_1", nil), s.clock()))(t); e.Kind != payment.ReturnEvent {
		t.Errorf("notice of the return: %+v", e)
	}

	// Alipay calls a wholly refunded trade closed. It was paid all the same.
	if after := must(g.Find(ctx, ref))(t); after.State != payment.ObjectCaptured || after.CaptureID != found.CaptureID {
		t.Errorf("after the refund: %+v", after)
	}
	wantError(t, "Split of refunded money", second(g.Split(ctx, payment.SplitIntent{Reference: "spl_2", Payment: ref, Captured: cny(198000), Finish: true})), payment.ErrRefused)
}

func second[T any](_ T, err error) error { return err }

func TestOpen_RefusesWhatCannotBePaidHere(t *testing.T) {
	s, g := start(t)
	for name, change := range map[string]func(*payment.Intent){
		"another_currency": func(in *payment.Intent) { in.Amount.Currency = "USD" },
		"nothing":          func(in *payment.Intent) { in.Amount.Minor = 0 },
		"nobody":           func(in *payment.Intent) { in.PayeeAccount = "" },
		"too_late":         func(in *payment.Intent) { in.ExpiresAt = s.clock() },
	} {
		in := s.intent("pay_1")
		change(&in)
		wantError(t, name, second(g.Open(t.Context(), in)), payment.ErrRefused)
	}
	if len(s.calls) != 0 {
		t.Errorf("Alipay was called: %v", s.calls)
	}
}

func TestOpen_IsTheSameAddressEachTime(t *testing.T) {
	s, g := start(t)
	first, again := must(g.Open(t.Context(), s.intent("pay_1")))(t), must(g.Open(t.Context(), s.intent("pay_1")))(t)
	if first.PayURL != again.PayURL {
		t.Error("two addresses")
	}
	u := must(url.Parse(first.PayURL))(t)
	want := `{"out_trade_no":"pay_1","total_amount":"1980.00","subject":"记事本 专业版 a b c  1年","product_code":"FAST_INSTANT_TRADE_PAY",` +
		`"time_expire":"2026-11-25 10:15:00","sub_merchant":{"merchant_id":"` + vendor + `"},` +
		`"settle_info":{"settle_detail_infos":[{"trans_in_type":"defaultSettle","amount":"1980.00"}],"settle_period_time":"30d"}}`
	if got := u.Query().Get("biz_content"); got != want {
		t.Errorf("biz_content\n got %s\nwant %s", got, want)
	}
	if u.Query().Get("return_url") != "https://market.example/orders/1" || u.Query().Get("method") != "alipay.trade.page.pay" {
		t.Errorf("address %s", first.PayURL)
	}
	// A changed price in the address is refused by Alipay.
	q := u.Query()
	q.Set("biz_content", strings.Replace(want, "1980.00", "0.01", 2))
	u.RawQuery = q.Encode()
	s.browse(u.String())
	if len(s.trades) != 0 {
		t.Error("a changed address made a trade")
	}
}

func TestOpen_AsCode(t *testing.T) {
	s, _ := start(t)
	cfg := s.config()
	cfg.QR = true
	g := must(New(cfg))(t)
	out := must(g.Open(t.Context(), s.intent("pay_1")))(t)
	if out.PayURL != "https://qr.alipay.com/"+s.of("pay_1").no || out.ProviderID != "pay_1" {
		t.Errorf("Open = %+v", out)
	}
	if again := must(g.Open(t.Context(), s.intent("pay_1")))(t); !cmp.Equal(again, out) {
		t.Errorf("again = %+v", again)
	}
	dearer := s.intent("pay_1")
	dearer.Amount = cny(1)
	wantNobodyKnows(t, "another amount under the reference", second(g.Open(t.Context(), dearer)))
	stranger := s.intent("pay_2")
	stranger.PayeeAccount = "2088000000000666"
	wantError(t, "an unknown sub-merchant", second(g.Open(t.Context(), stranger)), payment.ErrRefused)
	s.pay("pay_1")
	wantNobodyKnows(t, "Open of a paid payment", second(g.Open(t.Context(), s.intent("pay_1"))))
}

func TestClose(t *testing.T) {
	s, g := start(t)
	ctx := t.Context()
	unpaid := s.opened(g, "pay_1")
	for range 2 {
		if err := g.Close(ctx, unpaid); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if o := must(g.Find(ctx, unpaid))(t); o.State != payment.ObjectClosed || !o.Captured.IsZero() {
		t.Errorf("closed: %+v", o)
	}
	wantError(t, "Close of a paid one", g.Close(ctx, s.paid(g, "pay_2")), payment.ErrRefused)
	wantError(t, "Close of none", g.Close(ctx, payment.Ref{Reference: "pay_3"}), payment.ErrUnknown)
}

func TestRefund(t *testing.T) {
	s, g := start(t)
	ctx := t.Context()
	ref := s.paid(g, "pay_1")
	part := payment.RefundIntent{Reference: "rfd_1", Payment: ref, Captured: cny(198000), Amount: cny(1)}
	first := must(g.Refund(ctx, part))(t)
	if again := must(g.Refund(ctx, part))(t); again != first || s.of("pay_1").refunded != 1 {
		t.Errorf("again = %+v, refunded %d", again, s.of("pay_1").refunded)
	}
	other := part
	other.Amount = cny(2)
	wantNobodyKnows(t, "another refund under the reference", second(g.Refund(ctx, other)))
	other.Reference, other.Amount = "rfd_2", cny(198000)
	wantError(t, "too much", second(g.Refund(ctx, other)), payment.ErrRefused)
	other.Amount = cny(0)
	wantError(t, "nothing", second(g.Refund(ctx, other)), payment.ErrRefused)
	wantError(t, "FindRefund of none", second(g.FindRefund(ctx, payment.RefundRef{Reference: "rfd_9", Payment: ref})), payment.ErrUnknown)
	other.Payment.Reference = "pay_9"
	other.Amount = cny(1)
	wantError(t, "of no payment", second(g.Refund(ctx, other)), payment.ErrUnknown)
	s.lax = true
	other = part
	other.Amount = cny(2)
	wantNobodyKnows(t, "another refund that Alipay takes for done", second(g.Refund(ctx, other)))
	// Taken, and not to be seen for some seconds: nobody may call that a refusal.
	s.silent = true
	wantNobodyKnows(t, "a refund that is not seen yet", second(g.Refund(ctx, part)))
}

func TestFind_TellsWhatArrived(t *testing.T) {
	s, g := start(t)
	ref := s.paid(g, "pay_1")
	for receipt, want := range map[string]int64{"": 198000, "0.00": 198000, "1980.00": 198000, "1900.00": 190000} {
		s.of("pay_1").receipt = receipt
		if o := must(g.Find(t.Context(), ref))(t); o.Captured != cny(want) || o.Amount != cny(198000) {
			t.Errorf("receipt %q: %+v", receipt, o)
		}
	}
	s.of("pay_1").receipt = "much"
	wantError(t, "an amount that is none", second(g.Find(t.Context(), ref)), ErrNoAnswer)
	s.of("pay_1").status = "TRADE_PONDERED"
	wantError(t, "a state that is not known", second(g.Find(t.Context(), ref)), ErrNoAnswer)
}

func TestReturn(t *testing.T) {
	s, g := start(t)
	ctx := t.Context()
	ref := s.paid(g, "pay_1")
	in := payment.ReturnIntent{Reference: "ret_1", Split: "spl_1", Payment: ref, Amount: cny(400)}
	wantError(t, "before the split", second(g.Return(ctx, in)), payment.ErrRefused)
	must(g.Split(ctx, payment.SplitIntent{Reference: "spl_1", Payment: ref, Captured: cny(198000), Share: cny(1000)}))(t)
	nothing := in
	nothing.Amount = cny(0)
	wantError(t, "nothing", second(g.Return(ctx, nothing)), payment.ErrRefused)
	first := must(g.Return(ctx, in))(t)
	s.mute = true
	if seen := must(g.FindReturn(ctx, in))(t); seen != first {
		t.Errorf("among the movements of the trade: %+v, want %+v", seen, first)
	}
	s.silent = true
	wantNobodyKnows(t, "a return that is not seen yet", second(g.Return(ctx, in)))
	wantError(t, "FindReturn then", second(g.FindReturn(ctx, in)), payment.ErrUnknown)
	s.silent, s.mute = false, false
	over := payment.ReturnIntent{Reference: "ret_2", Split: "spl_1", Payment: ref, Amount: cny(601)}
	wantError(t, "more than is left of the share", second(g.Return(ctx, over)), payment.ErrRefused)
	s.lax = true
	other := in
	other.Amount = cny(1)
	wantNobodyKnows(t, "another return that Alipay takes for done", second(g.Return(ctx, other)))
	wantNobodyKnows(t, "another return under the reference", second(g.FindReturn(ctx, other)))
}

func TestSplit(t *testing.T) {
	s, g := start(t)
	ctx := t.Context()
	ref := s.paid(g, "pay_1")
	in := payment.SplitIntent{Reference: "spl_1", Payment: ref, Captured: cny(198000), Share: cny(59400)}

	over := in
	over.Share.Minor++
	wantError(t, "a share above 30 %", second(g.Split(ctx, over)), payment.ErrRefused)
	nothing := in
	nothing.Share = money.Amount{}
	wantError(t, "a split of nothing", second(g.Split(ctx, nothing)), payment.ErrRefused)
	if s.count(settleConfirm)+s.count(orderSettle) != 0 {
		t.Fatal("a refused split reached Alipay")
	}
	unpaid := in
	unpaid.Payment = s.opened(g, "pay_2")
	wantError(t, "a split of an unpaid payment", second(g.Split(ctx, unpaid)), payment.ErrRefused)

	// Alipay needs half a minute between the two steps.
	s.slow = true
	wantNobodyKnows(t, "a split in the settlement's half minute", second(g.Split(ctx, in)))
	wantError(t, "FindSplit then", second(g.FindSplit(ctx, in)), payment.ErrUnknown)
	if trade := s.of("pay_1"); !trade.frozen || trade.shared() != 0 {
		t.Errorf("then Alipay has %+v", trade)
	}
	s.advance(time.Minute)
	if o := must(g.Split(ctx, in))(t); o.Finished || o.State != payment.MoveDone || s.count(settleConfirm) != 1 {
		t.Errorf("then Split = %+v after %d confirmations", o, s.count(settleConfirm))
	}
	if trade := s.of("pay_1"); !trade.frozen {
		t.Error("the rest is free before the end")
	}

	// The rest is freed by a split of its own.
	rest := payment.SplitIntent{Reference: "spl_2", Payment: ref, Captured: cny(198000), Finish: true}
	wantError(t, "FindSplit of the rest before", second(g.FindSplit(ctx, rest)), payment.ErrUnknown)
	if o := must(g.Split(ctx, rest))(t); !o.Finished || !o.Share.IsZero() {
		t.Errorf("Split of the rest = %+v", o)
	}
	if o := must(g.FindSplit(ctx, rest))(t); !o.Finished || o.State != payment.MoveDone {
		t.Errorf("FindSplit of the rest = %+v", o)
	}
	if trade := s.of("pay_1"); trade.frozen || trade.shared() != 59400 {
		t.Errorf("at the end Alipay has %+v", trade)
	}
	other := in
	other.Share = cny(1)
	wantNobodyKnows(t, "another share under the reference", second(g.FindSplit(ctx, other)))
	wantNobodyKnows(t, "another share under the reference", second(g.Split(ctx, other)))
}

func TestSplit_OfNothingButTheRestIsAConfirmation(t *testing.T) {
	s, g := start(t)
	ctx := t.Context()
	ref := s.paid(g, "pay_1")
	must(g.Refund(ctx, payment.RefundIntent{Reference: "rfd_1", Payment: ref, Captured: cny(198000), Amount: cny(8000)}))(t)
	in := payment.SplitIntent{Reference: "spl_1", Payment: ref, Captured: cny(198000), Finish: true}
	wantError(t, "FindSplit before", second(g.FindSplit(ctx, in)), payment.ErrUnknown)
	first := must(g.Split(ctx, in))(t)
	again := must(g.Split(ctx, in))(t)
	found := must(g.FindSplit(ctx, in))(t)
	if !first.Finished || first != again || !found.Finished || found.ProviderID != first.ProviderID {
		t.Errorf("Split = %+v, again %+v, FindSplit %+v", first, again, found)
	}
	if trade := s.of("pay_1"); trade.frozen || trade.settledBy != "spl_1_c" || s.count(orderSettle) != 0 || s.count(settleConfirm) != 1 {
		t.Errorf("Alipay has %+v after %v", trade, s.calls)
	}
}

// TestLostAnswers has each effect happen without an answer, then finds it.
func TestLostAnswers(t *testing.T) {
	s, g := start(t)
	ctx := t.Context()
	ref := s.paid(g, "pay_1")
	split := payment.SplitIntent{Reference: "spl_1", Payment: ref, Captured: cny(198000), Share: cny(1000), Finish: true}
	back := payment.ReturnIntent{Reference: "ret_1", Split: "spl_1", Payment: ref, Amount: cny(400)}
	refund := payment.RefundIntent{Reference: "rfd_1", Payment: ref, Captured: cny(198000), Amount: cny(4000)}
	steps := []struct {
		name, method string
		do, find     func() error
		unknown      bool // what was lost is only a first step
	}{
		{"confirmation", settleConfirm, func() error { return second(g.Split(ctx, split)) }, func() error { return second(g.FindSplit(ctx, split)) }, true},
		{"split", orderSettle, func() error { return second(g.Split(ctx, split)) }, func() error { return second(g.FindSplit(ctx, split)) }, false},
		{"return", tradeRefund, func() error { return second(g.Return(ctx, back)) }, func() error { return second(g.FindReturn(ctx, back)) }, false},
		{"refund", tradeRefund, func() error { return second(g.Refund(ctx, refund)) },
			func() error { return second(g.FindRefund(ctx, payment.RefundRef{Reference: "rfd_1", Payment: ref})) }, false},
	}
	for _, lose := range []*string{&s.lose, &s.sys} {
		for _, step := range steps {
			t.Run(step.name, func(t *testing.T) {
				if lose == &s.sys { // the same again in a payment of its own
					ref = s.paid(g, payment.AttemptID("pay_"+step.name))
					split.Payment, back.Payment, refund.Payment = ref, ref, ref
					if step.name == "return" {
						must(g.Split(ctx, split))(t)
					}
				}
				*lose = step.method
				wantNobodyKnows(t, "lost", step.do())
				if err := step.find(); step.unknown != errors.Is(err, payment.ErrUnknown) || !step.unknown && err != nil {
					t.Errorf("find = %v", err)
				}
				if err := step.do(); err != nil {
					t.Errorf("again = %v", err)
				}
			})
		}
	}
	trade := s.of("pay_1")
	if trade.refunded != 4000 || trade.shared() != 600 || len(trade.shares) != 1 || len(trade.refunds) != 2 {
		t.Errorf("Alipay has %+v", trade)
	}
}

// TestAnswersThatProveNothing: whatever stands between us and Alipay, no answer
// of its making is believed.
func TestAnswersThatProveNothing(t *testing.T) {
	s, g := start(t)
	ref := s.paid(g, "pay_1")
	for name, twist := range map[string]func([]byte) []byte{
		"empty":              func([]byte) []byte { return nil },
		"a_page":             func([]byte) []byte { return []byte("<html>busy</html>") },
		"another_amount":     func(b []byte) []byte { return bytes.Replace(b, []byte("1980.00"), []byte("0.01"), 1) },
		"another_state":      func(b []byte) []byte { return bytes.Replace(b, []byte("TRADE_SUCCESS"), []byte("TRADE_CLOSED"), 1) },
		"a_space":            func(b []byte) []byte { return bytes.Replace(b, []byte(`,"`), []byte(`, "`), 1) },
		"unsigned":           func(b []byte) []byte { return append(b[:bytes.Index(b, []byte(`,"sign"`))], '}') },
		"an_empty_signature": func(b []byte) []byte { return append(b[:bytes.Index(b, []byte(`"sign":"`))+8], '"', '}') },
		"two_nodes":          func(b []byte) []byte { return append([]byte(`{"error_response":{"code":"10000"},`), b[1:]...) },
		"the_same_node_twice": func(b []byte) []byte {
			return append([]byte(`{"alipay_trade_query_response":{"code":"10000"},`), b[1:]...)
		},
		"two_signatures":     func(b []byte) []byte { return append([]byte(`{"sign":"AAAA",`), b[1:]...) },
		"more_after_the_end": func(b []byte) []byte { return append(b, `{}`...) },
		"of_another_method":  func(b []byte) []byte { return bytes.Replace(b, []byte("trade_query"), []byte("trade_close"), 1) },
	} {
		t.Run(name, func(t *testing.T) {
			s.twist = twist
			_, err := g.Find(t.Context(), ref)
			wantError(t, "Find", err, ErrNoAnswer)
			wantNobodyKnows(t, "Find", err)
		})
	}
	s.twist = nil
	must(g.Find(t.Context(), ref))(t)

	// An answer about another payment that Alipay did sign.
	var kept []byte
	other := s.paid(g, "pay_2")
	s.twist = func(b []byte) []byte { kept = b; return b }
	must(g.Find(t.Context(), other))(t)
	s.twist = func([]byte) []byte { return kept }
	wantError(t, "an answer about another payment", second(g.Find(t.Context(), ref)), ErrNoAnswer)
}

func TestSettingsThatAreWrongRefuseNothing(t *testing.T) {
	s, _ := start(t)
	for name, change := range map[string]func(*Config){
		"another_application": func(c *Config) { c.AppID = "2021000000000002" },
		"another_key":         func(c *Config) { c.PrivateKey = read(t, "alipay.pem") },
		"nobody_there":        func(c *Config) { c.BaseURL = "http://127.0.0.1:1/gateway.do" },
	} {
		cfg := s.config()
		change(&cfg)
		g := must(New(cfg))(t)
		_, err := g.Refund(t.Context(), payment.RefundIntent{Reference: "rfd_1", Payment: payment.Ref{Reference: "pay_1"}, Amount: cny(1)})
		wantNobodyKnows(t, name, err)
		if text := err.Error(); strings.Contains(text, "sign=") || strings.Contains(text, "http") {
			t.Errorf("%s: the error has the address: %s", name, text)
		}
	}
	cfg := s.config()
	cfg.PublicKeys = []string{read(t, "app.pub.pem")}
	s.paid(must(New(s.config()))(t), "pay_1")
	wantError(t, "another key of Alipay", second(must(New(cfg))(t).Find(t.Context(), payment.Ref{Reference: "pay_1"})), ErrNoAnswer)
	cfg.PublicKeys = append(cfg.PublicKeys, read(t, "alipay.pub.pem"))
	must(must(New(cfg))(t).Find(t.Context(), payment.Ref{Reference: "pay_1"}))(t)
}

func TestErrorsNameNobody(t *testing.T) {
	s, g := start(t)
	ref := s.paid(g, "pay_1")
	_, err := g.Refund(t.Context(), payment.RefundIntent{Reference: "rfd_1", Payment: ref, Amount: cny(999999)})
	if err == nil || strings.Contains(err.Error(), "138") || !strings.Contains(err.Error(), "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL") {
		t.Errorf("error %v", err)
	}
}

func TestCodes(t *testing.T) {
	for _, c := range []struct {
		code, sub string
		want      error
	}{
		{"40004", "ACQ.TRADE_NOT_EXIST", payment.ErrUnknown},
		{"40004", "TRADE_NOT_EXIST", payment.ErrUnknown},
		{"40004", "ACQ.TRADE_HAS_FINISHED", payment.ErrRefused},
		{"40004", "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR", payment.ErrRefused},
		{"40004", "ACQ.SYSTEM_ERROR", nil},
		{"40004", "AQC.SYSTEM_ERROR", nil},
		{"40004", "aop.ACQ.SYSTEM_ERROR", nil},
		{"40004", "ACQ.TRADE_SETTLE_ERROR", nil},
		{"40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", nil},
		{"40004", "", nil},
		{"20000", "isp.unknow-error", nil},
		{"20001", "aop.invalid-app-auth-token", nil},
		{"40001", "isv.missing-method", nil},
		{"40006", "isv.insufficient-isv-permissions", nil},
		{"10003", "", nil},
		{"", "ACQ.TRADE_NOT_EXIST", nil},
	} {
		err := answered(&Error{Method: tradeRefund, Code: c.code, SubCode: c.sub})
		if c.want == nil {
			wantNobodyKnows(t, c.code+" "+c.sub, err)
		} else {
			wantError(t, c.code+" "+c.sub, err, c.want)
		}
	}
}

// TestAQuestionThatIsNotAnsweredRefusesNothing: a refused question must never
// pass for a refused payment, refund or split.
func TestAQuestionThatIsNotAnsweredRefusesNothing(t *testing.T) {
	s, g := start(t)
	ctx := t.Context()
	ref := s.paid(g, "pay_1")
	split := payment.SplitIntent{Reference: "spl_1", Payment: ref, Captured: cny(198000), Share: cny(1)}
	s.odd = map[string]string{tradeQuery: "ACQ.INVALID_PARAMETER", refundQuery: "ACQ.INVALID_PARAMETER", billQuery: "BILL_NOT_EXIST"}
	wantNobodyKnows(t, "Find", second(g.Find(ctx, ref)))
	wantNobodyKnows(t, "Split", second(g.Split(ctx, split)))
	wantNobodyKnows(t, "FindRefund", second(g.FindRefund(ctx, payment.RefundRef{Reference: "rfd_1", Payment: ref})))
	wantNobodyKnows(t, "FindReturn", second(g.FindReturn(ctx, payment.ReturnIntent{Reference: "ret_1", Payment: ref, Amount: cny(1)})))
	wantNobodyKnows(t, "Report", second(g.Report(ctx, calendar.On(s.clock()).AddDays(-1))))
	s.odd = map[string]string{settleQuery: "ACQ.TRADE_SETTLE_NOT_EXIST"}
	wantError(t, "FindSplit", second(g.FindSplit(ctx, split)), payment.ErrUnknown)
	s.odd = map[string]string{settleQuery: "ACQ.SYSTEM_ERROR"}
	wantNobodyKnows(t, "FindSplit", second(g.FindSplit(ctx, split)))
}

func TestNotice_IsRefusedUnlessItIsAlipays(t *testing.T) {
	s, g := start(t)
	s.paid(g, "pay_1")
	now := s.clock()
	cfg := s.config()
	cfg.SellerID = operator
	g = must(New(cfg))(t)
	good := s.notice("pay_1", "", nil)
	must(g.Event(nil, good, now))(t)
	must(g.Event(nil, good, now.Add(25*time.Hour)))(t)

	set := func(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }
	after := func(change func(url.Values)) []byte {
		form := must(url.ParseQuery(string(good)))(t)
		change(form)
		return []byte(form.Encode())
	}
	for name, body := range map[string][]byte{
		"nothing":               nil,
		"no_form":               []byte(`{"out_trade_no":"pay_1"}`),
		"broken":                []byte("a=%zz"),
		"unsigned":              after(func(v url.Values) { v.Del("sign") }),
		"an_empty_signature":    after(set("sign", "")),
		"a_forged_signature":    after(set("sign", "AAAA")),
		"another_amount":        after(set("total_amount", "0.01")),
		"another_trade":         after(set("out_trade_no", "pay_2")),
		"one_more":              after(set("refund_fee", "1.00")),
		"one_less":              after(func(v url.Values) { v.Del("subject") }),
		"one_twice":             append(slices.Clone(good), "&out_trade_no=pay_2"...),
		"decoded_once_more":     []byte(must(url.QueryUnescape(string(good)))(t)),
		"spaces_as_nothing":     bytes.ReplaceAll(good, []byte("+"), nil),
		"an_older_kind_of_sign": after(set("sign_type", "RSA")),
		"another_application":   s.notice("pay_1", "", set("app_id", "2021000000000002")),
		"another_seller":        s.notice("pay_1", "", set("seller_id", "2088000000000002")),
		"another_kind":          s.notice("pay_1", "", set("notify_type", "servicemarket_order_notify")),
		"without_an_id":         s.notice("pay_1", "", set("notify_id", "")),
		"without_a_trade":       s.notice("pay_1", "", set("out_trade_no", "")),
		"without_a_time":        s.notice("pay_1", "", set("notify_time", "")),
		"with_a_time_of_no_day": s.notice("pay_1", "", set("notify_time", "2026-02-30 00:00:00")),
		"too_old":               s.notice("pay_1", "", set("notify_time", at(now.Add(-27*time.Hour)))),
		"from_the_future":       s.notice("pay_1", "", set("notify_time", at(now.Add(11*time.Minute)))),
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, "Event", second(g.Event(nil, body, now)), payment.ErrNotice)
		})
	}
}

func TestNotice_RepeatedIsTheSameAndSentAgainIsNot(t *testing.T) {
	s, g := start(t)
	s.paid(g, "pay_1")
	first := s.notice("pay_1", "", nil)
	one, two := must(g.Event(nil, first, s.clock()))(t), must(g.Event(nil, first, s.clock().Add(time.Hour)))(t)
	s.advance(4 * time.Minute)
	later := must(g.Event(nil, s.notice("pay_1", "", nil), s.clock()))(t)
	if one != two || later.ID == one.ID || later.ObjectID != one.ObjectID {
		t.Errorf("%+v, %+v, %+v", one, two, later)
	}
}

// TestNotice_InGBK: a shop may be set to another encoding; the signature is over
// the bytes, whatever they mean.
func TestNotice_InGBK(t *testing.T) {
	s, g := start(t)
	s.paid(g, "pay_1")
	body := s.notice("pay_1", "", func(v url.Values) { v.Set("charset", "GBK"); v.Set("subject", "\xbc\xc7\xca\xc2\xb1\xbe") })
	must(g.Event(nil, body, s.clock()))(t)
}

func TestReport(t *testing.T) {
	s, g := start(t)
	day := must(calendar.ParseDate("2026-11-24"))(t)
	if lines := must(g.Report(t.Context(), day))(t); len(lines) != 0 {
		t.Errorf("a quiet day: %v", lines)
	}
	s.bills[tradeBill], s.bills[accountBill] = packed(t, tradeSums, tradeRows), packed(t, accountRows, accountSums)
	lines := must(g.Report(t.Context(), day))(t)
	when := time.Date(2026, 11, 24, 2, 0, 30, 0, time.UTC)
	want := []payment.ReportLine{
		{Kind: payment.ReportCapture, ProviderID: "2026112422001400000000000001", Reference: "pay_1", Amount: cny(198000), At: when},
		{Kind: payment.ReportFee, ProviderID: "2026112422001400000000000001/fee", Reference: "pay_1", Amount: cny(-1188), At: when},
		{Kind: payment.ReportRefund, ProviderID: "pay_1/rfd_1", Reference: "rfd_1", Amount: cny(-3580), At: when},
		{Kind: payment.ReportFee, ProviderID: "pay_1/rfd_1/fee", Reference: "rfd_1", Amount: cny(21), At: when},
		{Kind: payment.ReportSplit, ProviderID: "54632446537371", Reference: "pay_1", Amount: cny(19800), At: when},
		{Kind: payment.ReportReturn, ProviderID: "54632446537372", Reference: "pay_1", Amount: cny(-358), At: when},
		{Kind: payment.ReportPayout, ProviderID: "54632446537373", Amount: cny(-10000), At: when},
		{Kind: payment.ReportFee, ProviderID: "54632446537374", Amount: cny(-10), At: when},
		{Kind: payment.ReportAdjustment, ProviderID: "54632446537375", Amount: cny(100), At: when},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if _, err := g.Report(t.Context(), calendar.On(s.clock())); err == nil {
		t.Error("a day that is not over was read")
	}
	for name, files := range map[string][]string{
		"cut_off":          {tradeRows[:strings.Index(tradeRows, "#-----------------------------------------业务明细列表结束")]},
		"without_rows":     {tradeSums},
		"a_row_too_short":  {strings.Replace(tradeRows, ",2026-11-24 10:00:00", "", 1)},
		"shorter_than_all": {strings.Replace(tradeRows, ",-35.80,-35.80,", ",-35.80,", 1)},
		"another_amount":   {strings.Replace(tradeRows, "1980.00,1980.00", "1980.00,1980.005", 1)},
		"no_time":          {strings.Replace(tradeRows, "2026-11-24 10:00:30", "", 1)},
		"a_row_twice":      {tradeRows, tradeRows},
		"a_refund_unnamed": {strings.Replace(tradeRows, "rfd_1", "", 1)},
	} {
		s.bills[tradeBill] = packed(t, files...)
		wantError(t, name, second(g.Report(t.Context(), day)), errBill)
	}
	s.bills[tradeBill] = []byte("not an archive")
	_, err := g.Report(t.Context(), day)
	wantError(t, "no archive", err, errBill)
	if strings.Contains(err.Error(), "token") {
		t.Errorf("the error has the address: %v", err)
	}
}

const tradeHeader = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\n"

const tradeRows = "#支付宝业务明细查询\n#账号：[20880000000000010156]\n#起始日期：[2026年11月24日 00:00:00]   终止日期：[2026年11月25日 00:00:00]\n" +
	"#-----------------------------------------业务明细列表----------------------------------------\n" + tradeHeader +
	"2026112422001400000000000001\t,pay_1\t,交易\t,记事本,2026-11-24 10:00:00,2026-11-24 10:00:30,\t,\t,\t,\t,*某(138****0000)\t,1980.00,1980.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,\t,-11.88,0.00,两年, 含支持\n" +
	"2026112422001400000000000001\t,pay_1\t,退款\t,记事本,2026-11-24 10:00:00,2026-11-24 10:00:30,\t,\t,\t,\t,*某(138****0000)\t,-35.80,-35.80,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,rfd_1\t,0.21,0.00,\n" +
	"#-----------------------------------------业务明细列表结束------------------------------------\n#交易合计：1笔，商家实收共1980.00元，商家优惠共0.00元\n#导出时间：[2026年11月25日 08:00:00]\n"

const tradeSums = "#支付宝业务汇总查询\n门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）\n合计,,1,1,1944.20,1944.20\n#导出时间：[2026年11月25日 08:00:00]\n"

const accountRows = "#支付宝账务明细查询\n#账号：[20880000000000010156]\n#-----------------------------------------账务明细列表----------------------------------------\n" +
	"账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注\n" +
	"54632446537371\t,2026112423922029\t,pay_1\t,记事本\t,2026-11-24 10:00:30,某 (a@example.com)\t,198.00,0.00,14533.03,支付宝,分账,\n" +
	"54632446537372\t,2026112423922030\t,pay_1\t,记事本\t,2026-11-24 10:00:30,某 (a@example.com)\t,0.00,-3.58,14529.45,支付宝,退分账,\n" +
	"54632446537373\t,2026112423922031\t,\t,提现\t,2026-11-24 10:00:30,\t,,-100.00,14429.45,支付宝,提现,\n" +
	"54632446537374\t,2026112423922032\t,\t,\t,2026-11-24 10:00:30,\t,0.00,0.10,14429.35,支付宝,收费,\n" +
	"54632446537375\t,2026112423922033\t,\t,\t,2026-11-24 10:00:30,\t,1.00,0.00,14430.35,支付宝,其它,\n" +
	"#----------------------------------------账务明细列表结束-------------------------------------\n#支出合计：3笔，共103.68元\n#收入合计：2笔，共199.00元\n"

const accountSums = "#支付宝账务汇总查询\n类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）\n合计,2,199.00,3,103.68,95.32\n"

func TestBillAddress(t *testing.T) {
	_, g := start(t)
	g.cfg.BaseURL = LiveURL
	for address, want := range map[string]string{
		"http://dwbillcenter.alipay.com/downloadBillFile.resource?token=1": "https://dwbillcenter.alipay.com/downloadBillFile.resource?token=1",
		"https://dwbillcenter.alipay.com/a":                                "https://dwbillcenter.alipay.com/a",
		"http://127.0.0.1/a":                                               "",
		"https://alipay.com.example/a":                                     "",
		"https://notalipay.com/a":                                          "",
		"https://a@dwbillcenter.alipay.com/a":                              "",
		"https://dwbillcenter.alipay.com:8080/a":                           "",
		"file:///etc/passwd":                                               "",
		"":                                                                 "",
	} {
		if got, err := g.billAddress(address); got != want || (err == nil) != (want != "") {
			t.Errorf("%q = %q, %v", address, got, err)
		}
	}
}

func TestTooLongAnswersAreRefused(t *testing.T) {
	s, g := start(t)
	s.twist = func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), maxAnswer)...) }
	wantError(t, "Find", second(g.Find(context.Background(), s.paid(g, "pay_1"))), ErrNoAnswer)
}
