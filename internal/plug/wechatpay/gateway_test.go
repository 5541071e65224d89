package wechatpay

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// must fails the test on an error.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestOnePaymentFromTheCodeToTheVendorsBank(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()

	opened := must(g.Open(ctx, s.intent()))(t)
	if opened.ProviderID != string(payRef) || opened.PayURL != "" || !strings.HasPrefix(opened.Instructions[CodeInstruction], "weixin://wxpay/bizpayurl?pr=") {
		t.Errorf("opened %+v", opened)
	}
	waiting := must(g.Find(ctx, payRefs))(t)
	if diff := cmp.Diff(payment.Object{ProviderID: string(payRef), Reference: string(payRef), State: payment.ObjectCreated}, waiting); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}

	s.advance(time.Minute)
	s.pay(string(payRef))
	s.mu.Lock()
	resource := s.orders[string(payRef)].shown(string(payRef))
	s.mu.Unlock()
	header, body := s.notice("EV-1", "TRANSACTION.SUCCESS", resource)
	event := must(g.Event(header, body, s.clock()))(t)
	if want := (payment.Event{ID: "EV-1", ObjectID: string(payRef), Reference: string(payRef), Payee: testVendor, Kind: payment.PaymentEvent}); event != want {
		t.Errorf("event %+v, want %+v", event, want)
	}
	paid := must(g.Find(ctx, payment.Ref{Reference: payment.AttemptID(event.Reference), ProviderID: event.ObjectID, Payee: event.Payee}))(t)
	want := payment.Object{
		ProviderID: string(payRef), Reference: string(payRef), State: payment.ObjectCaptured, Amount: yuan(100_00), Captured: yuan(100_00),
		CaptureID: paid.CaptureID, CapturedAt: paid.CapturedAt,
	}
	if diff := cmp.Diff(want, paid); diff != "" || !strings.HasPrefix(paid.CaptureID, "4200") || !paid.CapturedAt.Equal(s.clock()) {
		t.Errorf("paid (-want +got):\n%s", diff)
	}
	if byID := must(g.Find(ctx, payment.Ref{ProviderID: paid.CaptureID, Payee: testVendor}))(t); byID != paid {
		t.Errorf("by transaction id %+v", byID)
	}
	if err := g.Close(ctx, payRefs); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("closing a paid one: %v", err)
	}

	split := must(g.Split(ctx, splitIntent()))(t)
	if split.State != payment.MoveProcessing || split.ProviderID == "" || split.Share != yuan(15_00) || split.Finished {
		t.Errorf("split %+v", split)
	}
	if split = must(g.FindSplit(ctx, splitIntent()))(t); split.State != payment.MoveProcessing {
		t.Errorf("split too early %+v", split)
	}
	s.settle(string(splitRef), "SUCCESS", "")
	if split = must(g.FindSplit(ctx, splitIntent()))(t); split.State != payment.MoveDone || !split.Finished || !split.At.Equal(s.clock()) {
		t.Errorf("split done %+v", split)
	}

	back := must(g.Return(ctx, returnIntent()))(t)
	if back.State != payment.MoveDone || back.Amount != yuan(6_00) || back.ProviderID == "" || !back.At.Equal(s.clock()) {
		t.Errorf("return %+v", back)
	}
	if found := must(g.FindReturn(ctx, returnIntent()))(t); found.ProviderID != back.ProviderID || found.State != payment.MoveDone {
		t.Errorf("return found %+v", found)
	}
	returned := must(g.Refund(ctx, refundIntent()))(t)
	if returned.State != payment.RefundObjectSubmitted || returned.Amount != yuan(40_00) || returned.Reference != string(refundRef) {
		t.Errorf("refund %+v", returned)
	}
	s.set(s.refunds, string(refundRef), map[string]any{"status": "SUCCESS"})
	of := payment.RefundRef{Reference: refundRef, ProviderID: returned.ProviderID, Payment: payRefs}
	if r := must(g.FindRefund(ctx, of))(t); r.State != payment.RefundObjectSucceeded || r.ProviderID != returned.ProviderID {
		t.Errorf("refund found %+v", r)
	}
	if r := must(g.FindRefund(ctx, payment.RefundRef{ProviderID: returned.ProviderID, Payment: payRefs}))(t); r.Reference != string(refundRef) {
		t.Errorf("refund by its id %+v", r)
	}
	if o := must(g.Find(ctx, payRefs))(t); o.State != payment.ObjectCaptured || o.Captured != yuan(100_00) {
		t.Errorf("after a refund %+v", o)
	}

	out := must(g.Payout(ctx, payoutIntent()))(t)
	if out.State != payment.MoveProcessing || out.ProviderID == "" || out.Reference != string(payoutRef) {
		t.Errorf("payout %+v", out)
	}
	for status, state := range map[string]payment.MoveState{
		"CREATE_SUCCESS": payment.MoveProcessing, "INIT": payment.MoveProcessing, "SUCCESS": payment.MoveDone, "FAIL": payment.MoveFailed,
		"CLOSE": payment.MoveFailed, "REFUND": payment.MoveReturned,
	} {
		s.set(s.payouts, payoutNumber(payoutRef), map[string]any{"status": status})
		if out = must(g.FindPayout(ctx, payoutIntent()))(t); out.State != state || out.Amount != yuan(20_00) || strings.Contains(out.Reason, "6222") {
			t.Errorf("payout %s: %+v", status, out)
		}
	}
	// 100 captured, 15 split, 6 returned, 40 refunded, 20 paid out: 31 are the vendor's.
	if s.free[testVendor] != 31_00 || s.orders[string(payRef)].frozen != 0 {
		t.Errorf("left: %d free, %d frozen", s.free[testVendor], s.orders[string(payRef)].frozen)
	}
}

// TestNothingIsDoneTwice sends everything twice, and once more with another amount.
func TestNothingIsDoneTwice(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.splitDone(ctx, g)
	dearer := func(a money.Amount) money.Amount { return yuan(a.Minor + 1) }
	calls := map[string]struct {
		again, other func() (string, error)
	}{
		"split": {
			func() (string, error) { o, err := g.Split(ctx, splitIntent()); return o.ProviderID, err },
			func() (string, error) {
				in := splitIntent()
				in.Share = dearer(in.Share)
				o, err := g.FindSplit(ctx, in)
				return o.ProviderID, err
			},
		},
		"return": {
			func() (string, error) { o, err := g.Return(ctx, returnIntent()); return o.ProviderID, err },
			func() (string, error) {
				in := returnIntent()
				in.Amount = dearer(in.Amount)
				o, err := g.Return(ctx, in)
				return o.ProviderID, err
			},
		},
		"refund": {
			func() (string, error) { o, err := g.Refund(ctx, refundIntent()); return o.ProviderID, err },
			func() (string, error) {
				in := refundIntent()
				in.Amount = dearer(in.Amount)
				o, err := g.Refund(ctx, in)
				return o.ProviderID, err
			},
		},
		"payout": {
			func() (string, error) { o, err := g.Payout(ctx, payoutIntent()); return o.ProviderID, err },
			func() (string, error) {
				in := payoutIntent()
				in.Amount = dearer(in.Amount)
				o, err := g.Payout(ctx, in)
				return o.ProviderID, err
			},
		},
	}
	for name, c := range calls {
		first := must(c.again())(t)
		if again := must(c.again())(t); again != first || first == "" {
			t.Errorf("%s: %q, then %q", name, first, again)
		}
		if id, err := c.other(); err == nil || errors.Is(err, payment.ErrRefused) || errors.Is(err, payment.ErrUnknown) {
			t.Errorf("%s with another amount: %q, %v, want an outcome that nobody knows", name, id, err)
		}
	}
	if len(s.orders) != 1 || len(s.splits) != 1 || len(s.returns) != 1 || len(s.refunds) != 1 || len(s.payouts) != 1 {
		t.Errorf("%d orders, %d splits, %d returns, %d refunds, %d payouts", len(s.orders), len(s.splits), len(s.returns), len(s.refunds), len(s.payouts))
	}
	if n := s.sent("POST", "receivers/add"); n != 1 {
		t.Errorf("the receiver was added %d times", n)
	}
}

// TestALostAnswerIsFoundAgain cuts the connection after WeChat Pay has acted.
func TestALostAnswerIsFoundAgain(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	ops := []struct {
		name, path string
		send, find func() error
		before     func()
	}{
		{
			"open", "/transactions/native", func() error { _, err := g.Open(ctx, s.intent()); return err },
			func() error { _, err := g.Find(ctx, payRefs); return err }, func() {},
		},
		{
			"split", "/profitsharing/orders", func() error { _, err := g.Split(ctx, splitIntent()); return err },
			func() error { _, err := g.FindSplit(ctx, splitIntent()); return err }, func() { s.pay(string(payRef)) },
		},
		{
			"return", "/returnorders", func() error { _, err := g.Return(ctx, returnIntent()); return err },
			func() error { _, err := g.FindReturn(ctx, returnIntent()); return err }, func() { s.settle(string(splitRef), "SUCCESS", "") },
		},
		{
			"refund", "/refunds/apply", func() error { _, err := g.Refund(ctx, refundIntent()); return err },
			func() error {
				_, err := g.FindRefund(ctx, payment.RefundRef{Reference: refundRef, Payment: payRefs})
				return err
			}, func() {},
		},
		{
			"payout", "/fund/withdraw", func() error { _, err := g.Payout(ctx, payoutIntent()); return err },
			func() error { _, err := g.FindPayout(ctx, payoutIntent()); return err }, func() {},
		},
	}
	for _, op := range ops {
		op.before()
		if err := op.find(); !errors.Is(err, payment.ErrUnknown) {
			t.Errorf("%s: found before it was sent: %v", op.name, err)
		}
		for name, f := range map[string]standInFault{
			"before": {cut: true}, "SYSTEM_ERROR": {status: 500, code: "SYSTEM_ERROR", signed: true}, "unsigned": {status: 502, code: "BAD_GATEWAY"},
		} {
			s.failNext("POST", op.path, f)
			if err := op.send(); !errors.Is(err, ErrNoAnswer) && !said500(err) || errors.Is(err, payment.ErrRefused) || errors.Is(err, payment.ErrUnknown) {
				t.Errorf("%s %s: %v", op.name, name, err)
			}
			if err := op.find(); !errors.Is(err, payment.ErrUnknown) {
				t.Errorf("%s %s: found although nothing was done: %v", op.name, name, err)
			}
		}
		s.failNext("POST", op.path, standInFault{cut: true, after: true})
		if err := op.send(); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%s: a lost answer is %v", op.name, err)
		}
		if err := op.find(); err != nil {
			t.Errorf("%s: not found after its answer was lost: %v", op.name, err)
		}
		if err := op.send(); err != nil {
			t.Errorf("%s: again after a lost answer: %v", op.name, err)
		}
	}
	if len(s.orders) != 1 || len(s.splits) != 1 || len(s.returns) != 1 || len(s.refunds) != 1 || len(s.payouts) != 1 {
		t.Error("something was done twice")
	}
}

func said500(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	return ok && e.Status >= 500
}

// TestOnlyAListedCodeIsARefusal goes through the documented errors of each call.
func TestOnlyAListedCodeIsARefusal(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.splitDone(ctx, g)
	fresh := splitIntent()
	fresh.Reference, fresh.Finish = "spl_01jd8x3m5vq8k2n7r4t6w9y0zz", false
	ops := map[string]struct {
		path string
		call func() error
	}{
		"open":   {"/transactions/native", func() error { _, err := g.Open(ctx, s.intent()); return err }},
		"close":  {"/close", func() error { return g.Close(ctx, payRefs) }},
		"refund": {"/refunds/apply", func() error { _, err := g.Refund(ctx, refundIntent()); return err }},
		"split":  {"/profitsharing/orders", func() error { _, err := g.Split(ctx, fresh); return err }},
		"return": {"/returnorders", func() error { _, err := g.Return(ctx, returnIntent()); return err }},
		"payout": {"/fund/withdraw", func() error { _, err := g.Payout(ctx, payoutIntent()); return err }},
	}
	refused := map[string]string{ // op: codes
		"open": "PARAM_ERROR INVALID_REQUEST MCH_NOT_EXISTS ORDER_CLOSED TRADE_ERROR", "close": "INVALID_REQUEST TRADE_ERROR ORDERPAID", // it is paid
		"refund": "PARAM_ERROR INVALID_REQUEST NOT_ENOUGH USER_ACCOUNT_ABNORMAL MCH_NOT_EXISTS", "split": "PARAM_ERROR NOT_ENOUGH RULE_LIMIT",
		"return": "PARAM_ERROR NOT_ENOUGH RULE_LIMIT", "payout": "PARAM_ERROR INVALID_REQUEST NOT_ENOUGH ACCOUNT_ERROR",
	}
	codes := map[string]int{
		"PARAM_ERROR": 400, "INVALID_REQUEST": 400, "MCH_NOT_EXISTS": 400, "ORDERPAID": 400, "TRADE_ERROR": 403, "NOT_ENOUGH": 403,
		"RULE_LIMIT": 403, "ACCOUNT_ERROR": 403, "USER_ACCOUNT_ABNORMAL": 403, "NO_AUTH": 403, "OUT_TRADE_NO_USED": 403, "SIGN_ERROR": 401,
		"FREQUENCY_LIMITED": 429, "RATELIMIT_EXCEEDED": 429, "SYSTEM_ERROR": 500, "BANK_ERROR": 500, "SERVICE_UNAVAILABLE": 503,
		"A_CODE_OF_TOMORROW": 400, "ORDER_CLOSED": 400,
	}
	for name, op := range ops {
		for code, status := range codes {
			s.failNext("POST", op.path, standInFault{status: status, code: code, signed: true})
			err := op.call()
			if name == "close" && code == "ORDER_CLOSED" {
				if err != nil {
					t.Errorf("closing a closed one: %v", err)
				}
				continue
			}
			want := strings.Contains(" "+refused[name]+" ", " "+code+" ")
			if err == nil || errors.Is(err, payment.ErrRefused) != want || errors.Is(err, payment.ErrUnknown) {
				t.Errorf("%s %d %s: %v; refused: want %v", name, status, code, err, want)
			}
		}
		for _, code := range []string{"ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"} {
			s.failNext("POST", op.path, standInFault{status: 404, code: code, signed: true})
			if err := op.call(); !errors.Is(err, payment.ErrUnknown) || errors.Is(err, payment.ErrRefused) {
				t.Errorf("%s %s: %v, want unknown", name, code, err)
			}
		}
		// No code makes a refusal of a limit, of a wrong signature or of a fault of theirs.
		for _, status := range []int{401, 429, 500} {
			s.failNext("POST", op.path, standInFault{status: status, code: "PARAM_ERROR", signed: true})
			if err := op.call(); err == nil || errors.Is(err, payment.ErrRefused) || errors.Is(err, payment.ErrUnknown) {
				t.Errorf("%s %d: %v", name, status, err)
			}
		}
		// A page that is not there, or an error of somebody in between, says nothing.
		for _, f := range []standInFault{{status: 404, code: "NOT_FOUND"}, {status: 404, code: "<html>"}, {status: 403}, {status: 202, code: "X"}, {status: 302}} {
			s.failNext("POST", op.path, f)
			if err := op.call(); err == nil || errors.Is(err, payment.ErrUnknown) || errors.Is(err, payment.ErrRefused) {
				t.Errorf("%s %d %s: %v", name, f.status, f.code, err)
			}
		}
	}
}

// TestAnAnswerWithoutAValidSignatureIsNone changes answers on their way.
func TestAnAnswerWithoutAValidSignatureIsNone(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.openAndPay(ctx, g)
	for name, tilt := range map[string]func(http.Header, []byte) []byte{
		"unsigned": func(h http.Header, b []byte) []byte { h.Del(headerSignature); return b },
		"another amount": func(_ http.Header, b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`"total":10000`), []byte(`"total":10001`))
		},
		"other whitespace": func(_ http.Header, b []byte) []byte { return append([]byte(" "), b...) },
		"old": func(h http.Header, b []byte) []byte {
			h.Set(headerTimestamp, "1700000000")
			return b
		},
		"unknown key": func(h http.Header, b []byte) []byte { h.Set(headerSerial, "PUB_KEY_ID_1"); return b },
		"empty":       func(http.Header, []byte) []byte { return nil },
	} {
		s.mu.Lock()
		s.tilt = tilt
		s.mu.Unlock()
		if o, err := g.Find(ctx, payRefs); !errors.Is(err, ErrNoAnswer) || errors.Is(err, payment.ErrUnknown) {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
	// An error that is signed wrongly is none either.
	s.tilt = func(_ http.Header, b []byte) []byte {
		return bytes.ReplaceAll(b, []byte("SYSTEM_ERROR"), []byte("ORDER_NOT_EXIST"))
	}
	s.failNext("GET", "/out-trade-no/", standInFault{status: 404, code: "SYSTEM_ERROR", signed: true})
	if _, err := g.Find(ctx, payRefs); !errors.Is(err, ErrNoAnswer) || errors.Is(err, payment.ErrUnknown) {
		t.Errorf("a forged error: %v", err)
	}
}

// TestAnAnswerAboutSomethingElseIsNone answers, rightly signed, with another thing.
func TestAnAnswerAboutSomethingElseIsNone(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.splitDone(ctx, g)
	must(g.Return(ctx, returnIntent()))(t)
	must(g.Refund(ctx, refundIntent()))(t)
	must(g.Payout(ctx, payoutIntent()))(t)
	finds := map[string]func() error{
		"split":  func() error { _, err := g.FindSplit(ctx, splitIntent()); return err },
		"return": func() error { _, err := g.FindReturn(ctx, returnIntent()); return err },
		"refund": func() error {
			_, err := g.FindRefund(ctx, payment.RefundRef{Reference: refundRef, Payment: payRefs})
			return err
		},
		"payout": func() error { _, err := g.FindPayout(ctx, payoutIntent()); return err },
	}
	objects := map[string]map[string]any{
		"split": s.splits[string(splitRef)], "return": s.returns[string(returnRef)], "refund": s.refunds[string(refundRef)],
		"payout": s.payouts[payoutNumber(payoutRef)],
	}
	changes := map[string]map[string]any{
		"split":  {"out_order_no": "x", "sub_mchid": "x", "order_id": "", "status": "LATER", "receivers": []any{}},
		"return": {"out_return_no": "x", "sub_mchid": "x", "return_mchid": "x", "amount": 1, "result": "LATER", "return_no": ""},
		"refund": {"out_refund_no": "x", "refund_id": "", "status": "LATER", "amount": map[string]any{"refund": 0}},
		"payout": {"out_request_no": "x", "sub_mchid": "x", "sp_mchid": "x", "amount": 1, "status": "LATER", "withdraw_id": ""},
	}
	for name, find := range finds {
		if err := find(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for field, value := range changes[name] {
			s.mu.Lock()
			was := objects[name][field]
			objects[name][field] = value
			s.mu.Unlock()
			if err := find(); !errors.Is(err, ErrNoAnswer) {
				t.Errorf("%s with %s = %v: %v", name, field, value, err)
			}
			s.mu.Lock()
			objects[name][field] = was
			s.mu.Unlock()
		}
	}
	o := s.orders[string(payRef)]
	for field, value := range map[string]any{
		"sp_mchid": "x", "sub_mchid": "x", "out_trade_no": "x", "transaction_id": "", "success_time": nil, "amount": map[string]any{"total": 1, "currency": "USD"},
	} {
		o.lie = map[string]any{field: value}
		if o, err := g.Find(ctx, payRefs); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("payment with %s = %v: %+v, %v", field, value, o, err)
		}
	}
	o.lie = nil
	for state, good := range map[string]bool{"SUCCESS": true, "ACCEPT": false, "": false} {
		s.mu.Lock()
		o.state = state
		s.mu.Unlock()
		if _, err := g.Find(ctx, payRefs); (err == nil) != good {
			t.Errorf("trade state %q: %v", state, err)
		}
	}
}

func TestStatesOfAPayment(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	must(g.Open(ctx, s.intent()))(t)
	for state, want := range map[string]payment.ObjectState{
		"NOTPAY": payment.ObjectCreated, "USERPAYING": payment.ObjectProcessing, "CLOSED": payment.ObjectClosed, "REVOKED": payment.ObjectClosed,
		"PAYERROR": payment.ObjectFailed,
	} {
		s.mu.Lock()
		s.orders[string(payRef)].state = state
		s.mu.Unlock()
		if o := must(g.Find(ctx, payRefs))(t); o.State != want || o.CaptureID != "" {
			t.Errorf("%s: %+v", state, o)
		}
	}
	s.orders[string(payRef)].state = "SUCCESS" // without an id, a time or an amount
	if o, err := g.Find(ctx, payRefs); err == nil {
		t.Errorf("a capture of nothing: %+v", o)
	}
	s.orders[string(payRef)].state = "NOTPAY"
	for range 2 {
		if err := g.Close(ctx, payRefs); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := g.Close(ctx, payment.Ref{Reference: "pay_01jd8x3m5vq8k2n7r4t6w9y0zz", Payee: testVendor}); !errors.Is(err, payment.ErrUnknown) {
		t.Errorf("closing none: %v", err)
	}
	if _, err := g.Open(ctx, s.intent()); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("opening a closed one: %v", err)
	}
	// Without the vendor nothing can be asked, which is not the same as nothing there.
	if _, err := g.Find(ctx, payment.Ref{Reference: payRef}); err == nil || errors.Is(err, payment.ErrUnknown) {
		t.Errorf("find without a vendor: %v", err)
	}
	if _, err := g.FindRefund(ctx, payment.RefundRef{Reference: refundRef}); err == nil || errors.Is(err, payment.ErrUnknown) {
		t.Errorf("find refund without a vendor: %v", err)
	}
}

func TestWhatCannotBeSentIsRefusedAtOnce(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.openAndPay(ctx, g)
	calls := len(s.calls)
	open := func(change func(*payment.Intent)) error {
		in := s.intent()
		change(&in)
		_, err := g.Open(ctx, in)
		return err
	}
	split := func(change func(*payment.SplitIntent)) error {
		in := splitIntent()
		change(&in)
		_, err := g.Split(ctx, in)
		return err
	}
	payout := func(change func(*payment.PayoutIntent)) error {
		in := payoutIntent()
		change(&in)
		_, err := g.Payout(ctx, in)
		return err
	}
	for name, err := range map[string]error{
		"another currency":     open(func(in *payment.Intent) { in.Amount.Currency = "USD" }),
		"nothing":              open(func(in *payment.Intent) { in.Amount = yuan(0) }),
		"a negative amount":    open(func(in *payment.Intent) { in.Amount = yuan(-1) }),
		"no vendor":            open(func(in *payment.Intent) { in.PayeeAccount = "" }),
		"too long a reference": open(func(in *payment.Intent) { in.Reference += "xyz" }),
		"a share above the cap": split(func(in *payment.SplitIntent) {
			in.Share = yuan(30_01)
		}),
		"neither share nor end": split(func(in *payment.SplitIntent) { in.Share, in.Finish = yuan(0), false }),
		"a negative share":      split(func(in *payment.SplitIntent) { in.Share = yuan(-1) }),
		"a share in dollars":    split(func(in *payment.SplitIntent) { in.Share.Currency = "USD" }),
		"a payout of nothing":   payout(func(in *payment.PayoutIntent) { in.Amount = yuan(0) }),
		"a payout to nobody":    payout(func(in *payment.PayoutIntent) { in.Payee = "" }),
		"an odd reference":      payout(func(in *payment.PayoutIntent) { in.Reference = "pyo_01JD-8x" }),
	} {
		if !errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.calls) != calls {
		t.Errorf("sent %q", s.calls[calls:])
	}
	if err := split(func(in *payment.SplitIntent) { in.Share = yuan(30_00) }); err != nil {
		t.Errorf("a share at the cap: %v", err)
	}
}

func TestASplitCanFailForItsReceiver(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.openAndPay(ctx, g)
	must(g.Split(ctx, splitIntent()))(t)
	s.settle(string(splitRef), "CLOSED", "ACCOUNT_ABNORMAL")
	o := must(g.FindSplit(ctx, splitIntent()))(t)
	if o.State != payment.MoveFailed || o.Reason != "ACCOUNT_ABNORMAL" || !o.Finished {
		t.Errorf("failed, but the rest was freed: %+v", o)
	}
	s.orders[string(payRef)].frozen = 85_00
	if o = must(g.FindSplit(ctx, splitIntent()))(t); o.State != payment.MoveFailed || o.Finished {
		t.Errorf("failed, and the rest is still frozen: %+v", o)
	}
	ends := splitIntent()
	ends.Reference, ends.Share = "spl_01jd8x3m5vq8k2n7r4t6w9y0zz", money.Amount{}
	if o = must(g.Split(ctx, ends))(t); o.State != payment.MoveProcessing || s.sent("POST", "/finish-order") != 1 {
		t.Errorf("finish: %+v", o)
	}
	s.settle(string(ends.Reference), "SUCCESS", "")
	if o = must(g.FindSplit(ctx, ends))(t); o.State != payment.MoveDone || !o.Finished || !o.Share.IsZero() {
		t.Errorf("finished: %+v", o)
	}
	more := splitIntent()
	more.Reference = "spl_01jd8x3m5vq8k2n7r4t6w9y0zy"
	if _, err := g.Split(ctx, more); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("a split after the end: %v", err)
	}
	back := returnIntent()
	back.Amount = yuan(99_00)
	if _, err := g.Return(ctx, back); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("more back than was given: %v", err)
	}
	for _, word := range []string{"FAIL", "FAILED"} {
		must(g.Return(ctx, returnIntent()))(t)
		s.set(s.returns, string(returnRef), map[string]any{"result": word, "fail_reason": "TIME_OUT_CLOSED"})
		if r := must(g.FindReturn(ctx, returnIntent()))(t); r.State != payment.MoveFailed || r.Reason != "TIME_OUT_CLOSED" {
			t.Errorf("return %s: %+v", word, r)
		}
	}
}

func TestARefundThatDidNotReachThePayerHasFailed(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.openAndPay(ctx, g)
	must(g.Refund(ctx, refundIntent()))(t)
	for status, want := range map[string]payment.RefundObjectState{
		"PROCESSING": payment.RefundObjectSubmitted, "SUCCESS": payment.RefundObjectSucceeded, "CLOSED": payment.RefundObjectFailed,
		"ABNORMAL": payment.RefundObjectFailed,
	} {
		s.set(s.refunds, string(refundRef), map[string]any{"status": status})
		r := must(g.FindRefund(ctx, payment.RefundRef{Reference: refundRef, Payment: payRefs}))(t)
		if r.State != want || (r.Reason != "") != (want == payment.RefundObjectFailed) {
			t.Errorf("%s: %+v", status, r)
		}
	}
	rest := refundIntent()
	rest.Reference, rest.Amount = "rfd_01jd8x3m5vq8k2n7r4t6w9y0zz", yuan(60_01)
	if _, err := g.Refund(ctx, rest); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("more than was paid: %v", err)
	}
	s.orders[string(payRef)].frozen = 0 // the vendor has nothing
	rest.Amount = yuan(60_00)
	if _, err := g.Refund(ctx, rest); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("from an empty account: %v", err)
	}
}

// TestAPayoutIsNotPaidAgain: after six days WeChat Pay would take the same number
// as a new withdrawal, and the stand-in fails the test when it must.
func TestAPayoutIsNotPaidAgain(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.splitDone(ctx, g)
	first := must(g.Payout(ctx, payoutIntent()))(t)
	number := payoutNumber(payoutRef)
	if number != "pyo01jd8x3m5vq8k2n7r4t6w9y0af" || payoutOf(number) != string(payoutRef) || payoutOf("20190611222222222200000000012122") != "" {
		t.Errorf("number %q", number)
	}
	s.set(s.payouts, number, map[string]any{"status": "INIT"})
	if again := must(g.Payout(ctx, payoutIntent()))(t); again.ProviderID != first.ProviderID || s.payouts[number]["status"] != "CREATE_SUCCESS" {
		t.Errorf("a withdrawal that waits for the same call: %+v", again)
	}
	for _, status := range []string{"SUCCESS", "INIT"} {
		s.set(s.payouts, number, map[string]any{"status": status})
		s.advance(7 * 24 * time.Hour)
		if again := must(g.Payout(ctx, payoutIntent()))(t); again.ProviderID != first.ProviderID {
			t.Errorf("%s after a week: %+v", status, again)
		}
	}
	if n := s.sent("POST", "/fund/withdraw"); n != 2 {
		t.Errorf("sent %d times", n)
	}
	// When nobody can say whether there is one, nothing is sent.
	other := payoutIntent()
	other.Reference = "pyo_01jd8x3m5vq8k2n7r4t6w9y0zz"
	s.failNext("GET", "/out-request-no/", standInFault{status: 502, code: "BAD_GATEWAY"})
	if _, err := g.Payout(ctx, other); err == nil || errors.Is(err, payment.ErrRefused) || s.sent("POST", "/fund/withdraw") != 2 {
		t.Errorf("sent blindly: %v", err)
	}
	other.Amount = yuan(1_000_00)
	if _, err := g.Payout(ctx, other); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("more than is free: %v", err)
	}
}

// TestCertificatesAreDownloadedAndRotate runs without a given public key.
func TestCertificatesAreDownloadedAndRotate(t *testing.T) {
	s := startStandIn(t)
	ctx := t.Context()
	old, next := testKey(t, "platform_key"), testKey(t, "platform_next_key")
	begin := s.now
	first := s.certify(old, 0x5A, begin.Add(-time.Hour), begin.Add(30*24*time.Hour))
	second := s.certify(next, 0x6B, begin.Add(-time.Hour), begin.Add(365*24*time.Hour))
	s.certificates = []standInCertificate{first}
	s.serial = first.serial
	cfg := s.config()
	cfg.PublicKeys = nil
	g := must(New(cfg))(t)

	header, body := s.notice("EV-1", "TRANSACTION.SUCCESS", map[string]any{"sp_mchid": testMch, "sub_mchid": testVendor, "out_trade_no": "pay_1"})
	if _, err := g.Event(header, body, s.clock()); !errors.Is(err, payment.ErrNotice) || s.sent("GET", "/v3/certificates") != 0 {
		t.Errorf("a notice before any certificate: %v", err)
	}
	var first16 sync.WaitGroup // calls at once are one download
	for range 16 {
		first16.Go(func() {
			if _, err := g.Open(ctx, s.intent()); err != nil {
				t.Error(err)
			}
		})
	}
	first16.Wait()
	if _, err := g.Event(header, body, s.clock()); err != nil {
		t.Errorf("a notice with the first certificate: %v", err)
	}
	must(g.Find(ctx, payRefs))(t)
	if n := s.sent("GET", "/v3/certificates"); n != 1 {
		t.Errorf("downloaded %d times", n)
	}

	// Two are active; an answer with the new one makes the gateway look.
	s.mu.Lock()
	s.certificates, s.signer, s.serial = []standInCertificate{first, second}, next, second.serial
	s.mu.Unlock()
	must(g.Find(ctx, payRefs))(t)
	if n := s.sent("GET", "/v3/certificates"); n != 2 {
		t.Errorf("downloaded %d times", n)
	}
	if _, err := g.Event(header, body, s.clock()); err != nil {
		t.Errorf("a notice with the old certificate: %v", err)
	}
	header, body = s.notice("EV-2", "TRANSACTION.SUCCESS", map[string]any{"sp_mchid": testMch, "sub_mchid": testVendor, "out_trade_no": "pay_1"})
	if _, err := g.Event(header, body, s.clock()); err != nil {
		t.Errorf("a notice with the new certificate: %v", err)
	}

	// The hourly look renews them by itself, and an expired one counts no more.
	s.advance(31 * 24 * time.Hour)
	if _, _, err := g.Changed(ctx, ""); err != nil || s.sent("GET", "/v3/certificates") != 3 {
		t.Errorf("renewal: %v", err)
	}
	s.mu.Lock()
	s.signer, s.serial = old, first.serial
	s.mu.Unlock()
	if _, err := g.Find(ctx, payRefs); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("an answer under an expired certificate: %v", err)
	}

	// A list that does not come from WeChat Pay brings nothing in.
	stranger := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	forged := s.certify(stranger, 0x7C, begin, begin.Add(365*24*time.Hour))
	s.mu.Lock()
	s.signer, s.serial, s.certificates, s.secret = stranger, forged.serial, []standInCertificate{forged}, bytes.Repeat([]byte("x"), 32)
	s.mu.Unlock()
	if _, err := g.Find(ctx, payRefs); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("an answer under a stranger's certificate: %v", err)
	}
	if g.keys.of(forged.serial, s.clock()) != nil || g.keys.of(second.serial, s.clock()) == nil {
		t.Error("the stranger's list replaced the certificates")
	}
	// Nor does one whose serial is not the certificate's.
	s.mu.Lock()
	s.secret = []byte(testSecret)
	s.certificates, s.serial = []standInCertificate{{serial: "AB", text: forged.text}}, "AB"
	s.mu.Unlock()
	if err := g.renew(ctx, 0); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("another serial: %v", err)
	}
}

// TestAPublicKeyIsAskedFor: with a given key WeChat Pay is told to sign with it,
// and no certificate is downloaded.
func TestAPublicKeyIsAskedFor(t *testing.T) {
	s := startStandIn(t)
	raw, err := x509.MarshalPKIXPublicKey(&testKey(t, "platform_key").PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	key := must(ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw})))(t)
	var serial string
	cfg := s.config()
	cfg.PublicKeys = map[string]*rsa.PublicKey{testKeyID: key}
	cfg.HTTP = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		serial = r.Header.Get("Wechatpay-Serial")
		return http.DefaultTransport.RoundTrip(r)
	})}
	g := must(New(cfg))(t)
	must(g.Open(t.Context(), s.intent()))(t)
	if _, since, err := g.Changed(t.Context(), "x"); err != nil || since != "x" {
		t.Errorf("changed: %q, %v", since, err)
	}
	if serial != testKeyID || s.sent("GET", "/v3/certificates") != 0 {
		t.Errorf("asked for %q, %d downloads", serial, s.sent("GET", "/v3/certificates"))
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestARedirectIsNotFollowed(t *testing.T) {
	s := startStandIn(t)
	cfg := s.config()
	cfg.HTTP = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "elsewhere.example" {
			t.Error("followed")
		}
		return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"https://elsewhere.example/"}}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	})}
	if _, err := must(New(cfg))(t).Open(t.Context(), s.intent()); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("a redirect: %v", err)
	}
}

// TestNoErrorTellsASecret collects the errors of everything that can go wrong.
func TestNoErrorTellsASecret(t *testing.T) {
	s := startStandIn(t)
	g, ctx := s.gateway(), t.Context()
	s.openAndPay(ctx, g)
	var said []string
	note := func(err error) {
		if err == nil {
			t.Error("no error")
			return
		}
		said = append(said, err.Error())
	}
	for _, f := range []standInFault{
		{cut: true}, {status: 400, code: "PARAM_ERROR", signed: true}, {status: 400, code: "秘密 6222020000000006789"}, {status: 500, code: "SYSTEM_ERROR"},
	} {
		s.failNext("POST", "/refunds/apply", f)
		_, err := g.Refund(ctx, refundIntent())
		note(err)
	}
	s.bills["/v3/bill/tradebill"] = []byte("交易时间\n`秘密\n总交易单数\n`1\n")
	s.now = s.now.Add(48 * time.Hour)
	_, err := g.Report(ctx, calendar.On(s.now).AddDays(-1))
	note(err)
	s.failNext("GET", "/billdownload/file", standInFault{status: 502})
	_, err = g.Report(ctx, calendar.On(s.now).AddDays(-1))
	note(err)
	header, body := s.notice("EV-1", "X", map[string]any{"sp_mchid": "1", "秘密": "秘密"})
	_, err = g.Event(header, body, s.now)
	note(err)
	for _, text := range said {
		for _, secret := range []string{testSecret, "秘密", "6222", "token=", "signature", string(refundRef), "http://"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %q", secret, text)
			}
		}
	}
}
