package stripe

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/id"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

const payee = "acct_vendor"

func euro(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.EUR} }

// bench is a gateway beside its stand-in.
type bench struct {
	*standin
	*Gateway
	ids *id.Source
}

func start(t *testing.T) *bench {
	s := newStandin(t)
	return &bench{s, New(Config{Key: testKey, Secrets: []string{testSecret}, URL: s.url, Now: s.now}), &id.Source{Now: s.now, Rand: rand.Reader}}
}

func (b *bench) now() time.Time { return b.standin.now() }

func (b *bench) intent(amount money.Amount) payment.Intent {
	return payment.Intent{
		Reference: payment.AttemptID(b.ids.New("pay")), Amount: amount, Description: "Notebook, one year", PayeeAccount: payee, PayeeName: "Yunfan",
		Collector: "Market", ReturnURL: "https://market.example/orders/1", ExpiresAt: b.now().Add(15 * time.Minute), Locale: "zh",
	}
}

// bought is a payment that has been paid.
func (b *bench) bought(t *testing.T, amount money.Amount) payment.Ref {
	t.Helper()
	in := b.intent(amount)
	opened, err := b.Open(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	b.pay(opened.ProviderID, "succeeded")
	return payment.Ref{Reference: in.Reference, ProviderID: opened.ProviderID, Payee: payee}
}

func (b *bench) splitIntent(of payment.Ref, captured, share int64, finish bool) payment.SplitIntent {
	return payment.SplitIntent{
		Reference: payment.SplitID(b.ids.New("spl")), Payment: of, Captured: euro(captured), Share: euro(share), Finish: finish, Description: "release",
	}
}

func (b *bench) returnIntent(of payment.Ref, amount int64) payment.ReturnIntent {
	return payment.ReturnIntent{Reference: payment.ReturnID(b.ids.New("ret")), Payment: of, Amount: euro(amount)}
}

func (b *bench) refundIntent(of payment.Ref, amount int64) payment.RefundIntent {
	return payment.RefundIntent{Reference: payment.RefundID(b.ids.New("rfd")), Payment: of, Amount: euro(amount), Reason: "order"}
}

func (b *bench) payoutIntent(amount int64) payment.PayoutIntent {
	return payment.PayoutIntent{Reference: payment.PayoutID(b.ids.New("pyo")), Payee: payee, PayeeName: "Yunfan", Amount: euro(amount)}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
}

// uncertain is an error after which the object must be looked for.
func uncertain(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, payment.ErrRefused) || errors.Is(err, payment.ErrUnknown) {
		t.Errorf("%s = %v, want an outcome that nobody knows", what, err)
	}
}

func TestAPaymentIsOpenedPaidAndFound(t *testing.T) {
	b := start(t)
	in := b.intent(euro(198000))
	opened := must[payment.Opened](t)(b.Open(t.Context(), in))
	if !strings.HasPrefix(opened.PayURL, PayHost+"/") {
		t.Errorf("PayURL = %q", opened.PayURL)
	}
	want := payment.Object{ProviderID: opened.ProviderID, Reference: string(in.Reference), State: payment.ObjectCreated, Amount: euro(198000), Test: true, PayURL: opened.PayURL}
	for name, of := range map[string]payment.Ref{"id": {ProviderID: opened.ProviderID}, "reference": {Reference: in.Reference}} {
		if diff := cmp.Diff(want, must[payment.Object](t)(b.Find(t.Context(), of))); diff != "" {
			t.Errorf("unpaid, by %s (-want +got):\n%s", name, diff)
		}
	}
	b.pay(opened.ProviderID, "succeeded")
	page := b.objects[opened.ProviderID]
	paid := b.objects[page["payment_intent"].(string)]
	want.State, want.PayURL, want.Captured, want.Fee, want.CapturedAt = payment.ObjectCaptured, "", euro(198000), euro(feeOf), b.now()
	want.CaptureID = paid["latest_charge"].(string)
	for name, of := range map[string]payment.Ref{
		"id": {ProviderID: opened.ProviderID}, "reference": {Reference: in.Reference}, "payment": {ProviderID: paid["id"].(string)},
	} {
		if diff := cmp.Diff(want, must[payment.Object](t)(b.Find(t.Context(), of))); diff != "" {
			t.Errorf("paid, by %s (-want +got):\n%s", name, diff)
		}
	}
	if paid["transfer_group"] != string(in.Reference) {
		t.Errorf("transfer group = %v, want our reference", paid["transfer_group"])
	}
	wants(t, "Close of a paid payment", b.Close(t.Context(), payment.Ref{ProviderID: opened.ProviderID}), payment.ErrRefused)
}

func TestMoneyThatIsOnItsWayIsProcessingUntilItArrivesOrNot(t *testing.T) {
	for arrives, want := range map[bool]payment.ObjectState{true: payment.ObjectCaptured, false: payment.ObjectFailed} {
		b := start(t)
		opened := must[payment.Opened](t)(b.Open(t.Context(), b.intent(euro(5000))))
		of := payment.Ref{ProviderID: opened.ProviderID}
		b.pay(opened.ProviderID, "processing")
		if got := must[payment.Object](t)(b.Find(t.Context(), of)); got.State != payment.ObjectProcessing {
			t.Errorf("State = %s", got.State)
		}
		b.arrive(opened.ProviderID, arrives)
		if got := must[payment.Object](t)(b.Find(t.Context(), of)); got.State != want {
			t.Errorf("State = %s, want %s", got.State, want)
		}
	}
}

func TestAnUnpaidPaymentIsClosedTwice(t *testing.T) {
	b := start(t)
	opened := must[payment.Opened](t)(b.Open(t.Context(), b.intent(euro(5000))))
	for range 2 {
		if err := b.Close(t.Context(), payment.Ref{ProviderID: opened.ProviderID}); err != nil {
			t.Error(err)
		}
	}
	if got := must[payment.Object](t)(b.Find(t.Context(), payment.Ref{ProviderID: opened.ProviderID})); got.State != payment.ObjectClosed {
		t.Errorf("State = %s", got.State)
	}
}

func TestThePageEndsWithinWhatStripeAllows(t *testing.T) {
	b := start(t)
	in := b.intent(euro(5000))
	made := b.now()
	for _, tt := range []struct{ life, want time.Duration }{
		{15 * time.Minute, time.Hour}, {time.Hour, time.Hour}, {5 * time.Hour, 5 * time.Hour}, {72 * time.Hour, longestPage},
	} {
		in.ExpiresAt = made.Add(tt.life)
		if got := pageEnd(in).Sub(made); got != tt.want {
			t.Errorf("an attempt of %s has a page of %s, want %s", tt.life, got, tt.want)
		}
	}
	// Ten minutes late it is the same request still.
	first := must[payment.Opened](t)(b.Open(t.Context(), in))
	b.advance(10 * time.Minute)
	if again := must[payment.Opened](t)(b.Open(t.Context(), in)); again.ProviderID != first.ProviderID {
		t.Errorf("Open again = %+v, want %+v", again, first)
	}
}

func TestNothingThereIsUnknown(t *testing.T) {
	b := start(t)
	of := b.bought(t, euro(5000))
	ctx := t.Context()
	_, err := b.Find(ctx, payment.Ref{ProviderID: "cs_invented"})
	wants(t, "Find by id", err, payment.ErrUnknown)
	_, err = b.Find(ctx, payment.Ref{Reference: payment.AttemptID(b.ids.New("pay"))})
	wants(t, "Find by reference", err, payment.ErrUnknown)
	_, err = b.Find(ctx, payment.Ref{ProviderID: "pi_invented"})
	wants(t, "Find by payment", err, payment.ErrUnknown)
	wants(t, "Close", b.Close(ctx, payment.Ref{ProviderID: "cs_invented"}), payment.ErrUnknown)
	_, err = b.FindRefund(ctx, payment.RefundRef{Reference: "rfd_x", Payment: of})
	wants(t, "FindRefund", err, payment.ErrUnknown)
	_, err = b.FindRefund(ctx, payment.RefundRef{ProviderID: "re_invented"})
	wants(t, "FindRefund by id", err, payment.ErrUnknown)
	_, err = b.FindSplit(ctx, b.splitIntent(of, 5000, 1, true))
	wants(t, "FindSplit", err, payment.ErrUnknown)
	_, err = b.FindReturn(ctx, b.returnIntent(of, 1))
	wants(t, "FindReturn", err, payment.ErrUnknown)
	_, err = b.FindPayout(ctx, b.payoutIntent(1))
	wants(t, "FindPayout", err, payment.ErrUnknown)
	_, err = b.FindDispute(ctx, "du_invented")
	wants(t, "FindDispute", err, payment.ErrUnknown)
}

func TestWhatStripeWillNotDoIsRefused(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	of := b.bought(t, euro(5000))
	unpaid := must[payment.Opened](t)(b.Open(ctx, b.intent(euro(5000))))
	for name, call := range map[string]func() error{
		"a payee that is none": func() error {
			in := b.intent(euro(5000))
			in.PayeeAccount = "mch_1"
			_, err := b.Open(ctx, in)
			return err
		},
		"an amount with a part of a unit": func() error {
			_, err := b.Open(ctx, b.intent(money.Amount{Minor: 1005, Currency: money.KWD}))
			return err
		},
		"more than was paid": func() error { _, err := b.Refund(ctx, b.refundIntent(of, 5001)); return err },
		"a refund of an unpaid payment": func() error {
			_, err := b.Refund(ctx, b.refundIntent(payment.Ref{ProviderID: unpaid.ProviderID}, 1))
			return err
		},
		"a refund of nothing there": func() error {
			_, err := b.Refund(ctx, b.refundIntent(payment.Ref{ProviderID: "cs_invented"}, 1))
			return err
		},
		"a share above the payment": func() error { _, err := b.Split(ctx, b.splitIntent(of, 5000, 5001, false)); return err },
		"a split of nothing":        func() error { _, err := b.Split(ctx, b.splitIntent(of, 5000, 0, false)); return err },
		"a split of another amount": func() error { _, err := b.Split(ctx, b.splitIntent(of, 4000, 1, false)); return err },
		"a return without a split":  func() error { _, err := b.Return(ctx, b.returnIntent(of, 1)); return err },
		"a split for another vendor": func() error {
			in := b.splitIntent(of, 5000, 1, true)
			in.Payment.Payee = "acct_other"
			_, err := b.Split(ctx, in)
			return err
		},
		"a payout without money": func() error { _, err := b.Payout(ctx, b.payoutIntent(1)); return err },
		"a payout to nobody": func() error {
			in := b.payoutIntent(1)
			in.Payee = "mch_1"
			_, err := b.Payout(ctx, in)
			return err
		},
	} {
		wants(t, name, call(), payment.ErrRefused)
	}
}

// lifecycle walks one sale of 100.00 with a share of 15.00, with everything that
// can happen after it.
func TestTheWholeLifeOfASale(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	of := b.bought(t, euro(10000))

	// Two slices of commission; the second frees the rest.
	early := b.splitIntent(of, 10000, 500, false)
	if got := must[payment.SplitObject](t)(b.Split(ctx, early)); got.State != payment.MoveDone || got.Share != euro(500) || got.Finished || got.At.IsZero() {
		t.Errorf("Split = %+v", got)
	}
	if got := b.held(payee, "eur"); got != 0 {
		t.Errorf("the vendor has %d before the rest is freed", got)
	}
	last := b.splitIntent(of, 10000, 1000, true)
	freed := must[payment.SplitObject](t)(b.Split(ctx, last))
	if freed.State != payment.MoveDone || !freed.Finished || freed.Share != euro(1000) || !strings.HasPrefix(freed.ProviderID, "tr_") {
		t.Errorf("Split = %+v", freed)
	}
	if got := must[payment.SplitObject](t)(b.FindSplit(ctx, last)); got != freed {
		t.Errorf("FindSplit = %+v, want %+v", got, freed)
	}
	if got := b.held(payee, "eur"); got != 8500 {
		t.Errorf("the vendor has %d, want 8500", got)
	}
	_, err := b.Split(ctx, b.splitIntent(of, 10000, 1, true))
	wants(t, "a split after the rest was freed", err, payment.ErrRefused)

	// Half goes back, half the commission with it: 7.50 of 50.00 are the operator's.
	ret := b.returnIntent(of, 750)
	back := must[payment.ReturnObject](t)(b.Return(ctx, ret))
	if back.State != payment.MoveDone || back.Amount != euro(750) {
		t.Errorf("Return = %+v", back)
	}
	if got := must[payment.ReturnObject](t)(b.FindReturn(ctx, ret)); got != back {
		t.Errorf("FindReturn = %+v, want %+v", got, back)
	}
	half := b.refundIntent(of, 5000)
	made := must[payment.RefundObject](t)(b.Refund(ctx, half))
	if made.State != payment.RefundObjectSubmitted || made.Amount != euro(5000) || made.Reference != string(half.Reference) {
		t.Errorf("Refund = %+v", made)
	}
	if vendor, operator := b.held(payee, "eur"), b.held("", "eur"); vendor != 4250 || operator != 750-feeOf {
		t.Errorf("the vendor has %d, want 4250; the operator has %d, want %d", vendor, operator, 750-feeOf)
	}
	b.endRefund(string(half.Reference), "succeeded")
	ref := payment.RefundRef{Reference: half.Reference, Payment: of}
	if got := must[payment.RefundObject](t)(b.FindRefund(ctx, ref)); got.State != payment.RefundObjectSucceeded {
		t.Errorf("FindRefund = %+v", got)
	}
	b.endRefund(string(half.Reference), "failed")
	ref.ProviderID = made.ProviderID
	if got := must[payment.RefundObject](t)(b.FindRefund(ctx, ref)); got.State != payment.RefundObjectFailed || got.Reason != "expired_or_canceled_card" {
		t.Errorf("FindRefund = %+v", got)
	}
	// The customer is still owed it, so it stays with the operator, and another
	// refund takes from the vendor what is its part.
	if vendor, operator := b.held(payee, "eur"), b.held("", "eur"); vendor != 4250 || operator != 5750-feeOf {
		t.Errorf("after the bounce the vendor has %d, the operator %d", vendor, operator)
	}
	must[payment.RefundObject](t)(b.Refund(ctx, b.refundIntent(of, 1000)))
	if vendor := b.held(payee, "eur"); vendor != 3250 {
		t.Errorf("the vendor has %d, want 3250", vendor)
	}
	_, err = b.Refund(ctx, b.refundIntent(of, 9001))
	wants(t, "a refund of more than is left", err, payment.ErrRefused)

	// The vendor's money goes to its bank and comes back.
	pay := b.payoutIntent(3250)
	for _, step := range []struct {
		status string
		wait   time.Duration
		want   payment.MoveState
	}{{"pending", 0, payment.MoveProcessing}, {"in_transit", 0, payment.MoveProcessing}, {"paid", 48 * time.Hour, payment.MoveDone}, {"failed", time.Hour, payment.MoveReturned}} {
		if step.status == "pending" {
			must[payment.PayoutObject](t)(b.Payout(ctx, pay))
		}
		b.advance(step.wait)
		b.endPayout(string(pay.Reference), step.status)
		got := must[payment.PayoutObject](t)(b.FindPayout(ctx, pay))
		if got.State != step.want || got.Amount != pay.Amount || got.Reference != string(pay.Reference) {
			t.Errorf("a payout that is %s = %+v, want %s", step.status, got, step.want)
		}
	}
	rejected := b.payoutIntent(3250)
	must[payment.PayoutObject](t)(b.Payout(ctx, rejected))
	b.endPayout(string(rejected.Reference), "failed")
	if got := must[payment.PayoutObject](t)(b.FindPayout(ctx, rejected)); got.State != payment.MoveFailed || got.Reason != "account_closed" {
		t.Errorf("a rejected payout = %+v", got)
	}
	// The customer does not wait for a vendor without money: the operator advances it,
	// and takes it with the next refund.
	must[payment.PayoutObject](t)(b.Payout(ctx, b.payoutIntent(3250)))
	operator := b.held("", "eur")
	must[payment.RefundObject](t)(b.Refund(ctx, b.refundIntent(of, 1000)))
	if got := operator - b.held("", "eur"); got != 1000 {
		t.Errorf("the operator advanced %d, want 1000", got)
	}
	b.standin.balance[payee+"eur"] = 5000
	must[payment.RefundObject](t)(b.Refund(ctx, b.refundIntent(of, 500)))
	if got := 5000 - b.held(payee, "eur"); got != 1500 {
		t.Errorf("%d was taken from the vendor, want 1500", got)
	}
}

// A refund that the bank sent back is made again with the money that is here for
// it: the vendor pays once.
func TestARefundMadeAgainTakesNothingMoreFromTheVendor(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	of := b.bought(t, euro(10000))
	must[payment.SplitObject](t)(b.Split(ctx, b.splitIntent(of, 10000, 1500, true)))
	must[payment.ReturnObject](t)(b.Return(ctx, b.returnIntent(of, 1500)))
	whole := b.refundIntent(of, 10000)
	must[payment.RefundObject](t)(b.Refund(ctx, whole))
	b.endRefund(string(whole.Reference), "failed")
	must[payment.RefundObject](t)(b.Refund(ctx, b.refundIntent(of, 10000)))
	if vendor, operator := b.held(payee, "eur"), b.held("", "eur"); vendor != 0 || operator != -feeOf {
		t.Errorf("the vendor has %d, the operator %d", vendor, operator)
	}
}

func TestADisputeIsReportedThroughAllItsRounds(t *testing.T) {
	b := start(t)
	of := b.bought(t, euro(10000))
	for _, tt := range []struct {
		status string
		takes  int64
		want   payment.DisputeState
		round  int
		fee    money.Amount
	}{
		{"warning_needs_response", 0, payment.DisputeInquiry, 1, money.Amount{}},
		{"warning_under_review", 0, payment.DisputeInquiry, 1, money.Amount{}},
		{"warning_closed", 0, payment.DisputeInquiry, 1, money.Amount{}},
		{"prevented", 0, payment.DisputeInquiry, 1, money.Amount{}},
		{"needs_response", -10000, payment.DisputeOpen, 1, euro(1500)},
		{"under_review", 0, payment.DisputeSubmitted, 1, euro(1500)},
		{"won", 10000, payment.DisputeWon, 1, euro(0)},
		{"needs_response", -10000, payment.DisputeOpen, 2, euro(1500)},
		{"lost", 0, payment.DisputeLost, 2, euro(1500)},
	} {
		b.advance(time.Hour)
		name := b.dispute(of.ProviderID, tt.status, tt.takes)
		got := must[payment.DisputeObject](t)(b.FindDispute(t.Context(), name))
		if got.State != tt.want || got.Round != tt.round || got.Fee != tt.fee || got.Amount != euro(10000) || got.Payment.Reference != of.Reference ||
			got.Reason != "fraudulent" || got.EvidenceDue.IsZero() {
			t.Errorf("%s: %+v", tt.status, got)
		}
	}
	objects, next, err := b.ChangedDisputes(t.Context(), "")
	if err != nil || len(objects) != 1 || objects[0].State != payment.DisputeLost {
		t.Fatalf("ChangedDisputes = %+v, %v", objects, err)
	}
	b.advance(time.Hour)
	if _, next, err = b.ChangedDisputes(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if objects, again, err := b.ChangedDisputes(t.Context(), next); err != nil || len(objects) != 0 || again != next {
		t.Errorf("at the end ChangedDisputes = %+v, %q, %v", objects, again, err)
	}
}

// effects are the calls that make something, each with its question and the kind
// of object that there must be one of.
func (b *bench) effects(t *testing.T) map[string]effect {
	ctx := t.Context()
	fresh, split, finish, refunded := b.bought(t, euro(10000)), b.bought(t, euro(10000)), b.bought(t, euro(10000)), b.bought(t, euro(10000))
	must[payment.SplitObject](t)(b.Split(ctx, b.splitIntent(split, 10000, 1500, false)))
	must[payment.SplitObject](t)(b.Split(ctx, b.splitIntent(refunded, 10000, 1500, true)))
	open, noted, ends := b.intent(euro(700)), b.splitIntent(fresh, 10000, 100, false), b.splitIntent(finish, 10000, 100, true)
	ret, refund, pay := b.returnIntent(split, 300), b.refundIntent(refunded, 2000), b.payoutIntent(1200)
	return map[string]effect{
		"open": {
			func() (any, error) { return b.Open(ctx, open) },
			func() (any, error) { return b.Find(ctx, payment.Ref{Reference: open.Reference}) }, "checkout.session",
		},
		"split": {
			func() (any, error) { return b.Split(ctx, noted) },
			func() (any, error) { return b.FindSplit(ctx, noted) }, "",
		},
		"finish": {
			func() (any, error) { return b.Split(ctx, ends) },
			func() (any, error) { return b.FindSplit(ctx, ends) }, "transfer",
		},
		"return": {
			func() (any, error) { return b.Return(ctx, ret) },
			func() (any, error) { return b.FindReturn(ctx, ret) }, "",
		},
		"refund": {
			func() (any, error) { return b.Refund(ctx, refund) },
			func() (any, error) {
				return b.FindRefund(ctx, payment.RefundRef{Reference: refund.Reference, Payment: refunded})
			}, "refund",
		},
		"payout": {
			func() (any, error) { return b.Payout(ctx, pay) },
			func() (any, error) { return b.FindPayout(ctx, pay) }, "payout",
		},
	}
}

type effect struct {
	send, ask func() (any, error)
	object    string
}

func TestEachIntentIsDoneOnceAlsoAfterStripeForgotItsKey(t *testing.T) {
	for _, name := range []string{"open", "split", "finish", "return", "refund", "payout"} {
		b := start(t)
		e := b.effects(t)[name]
		first, err := e.send()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before, vendor, operator := b.count(e.object), b.held(payee, "eur"), b.held("", "eur")
		for _, wait := range []time.Duration{0, 20 * time.Hour, 30 * time.Hour} {
			b.advance(wait)
			again, err := e.send()
			if err != nil {
				t.Fatalf("%s again after %s: %v", name, wait, err)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("%s again after %s (-first +again):\n%s", name, wait, diff)
			}
		}
		if after := b.count(e.object); after != before || b.held(payee, "eur") != vendor || b.held("", "eur") != operator {
			t.Errorf("%s: %d objects, then %d; vendor %d, then %d; operator %d, then %d", name, before, after, vendor, b.held(payee, "eur"), operator, b.held("", "eur"))
		}
	}
}

func TestAnAnswerThatIsLostIsFoundAgain(t *testing.T) {
	for _, happened := range []bool{true, false} {
		for _, name := range []string{"open", "split", "finish", "return", "refund", "payout"} {
			b := start(t)
			e := b.effects(t)[name]
			before := b.count(e.object)
			b.standin.fault = func(r *http.Request, effect func() (int, obj)) (int, any, bool) {
				if r.Method == http.MethodGet {
					return 0, nil, false
				}
				if happened {
					effect()
				}
				return 0, nil, true
			}
			_, err := e.send()
			uncertain(t, name, err)
			b.standin.fault = nil
			found, err := e.ask()
			if happened && name != "refund" { // of a refund only the reversal before it was made
				if err != nil {
					t.Errorf("%s happened, asked: %v", name, err)
				}
			} else {
				wants(t, name+" did not happen, asked", err, payment.ErrUnknown)
			}
			vendor := b.held(payee, "eur")
			done, err := e.send()
			if err != nil {
				t.Fatalf("%s, sent again: %v", name, err)
			}
			if found, err = e.ask(); err != nil {
				t.Fatalf("%s, asked at the end: %v", name, err)
			}
			if name != "open" {
				if diff := cmp.Diff(done, found); diff != "" {
					t.Errorf("%s (-sent +found):\n%s", name, diff)
				}
			}
			if after := b.count(e.object); e.object != "" && after != before+1 {
				t.Errorf("%s: %d objects where %d were", name, after, before)
			}
			if happened && b.held(payee, "eur") != vendor {
				t.Errorf("%s: the vendor had %d, then %d", name, vendor, b.held(payee, "eur"))
			}
		}
	}
}

func TestARefundWhoseOwnAnswerIsLostReversesNothingTwice(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	of := b.bought(t, euro(10000))
	must[payment.SplitObject](t)(b.Split(ctx, b.splitIntent(of, 10000, 1500, true)))
	in := b.refundIntent(of, 2000)
	b.standin.fault = func(r *http.Request, effect func() (int, obj)) (int, any, bool) {
		if r.URL.Path == "/v1/refunds" && r.Method == http.MethodPost {
			effect()
			return 0, nil, true
		}
		return 0, nil, false
	}
	_, err := b.Refund(ctx, in)
	uncertain(t, "Refund", err)
	b.standin.fault = nil
	found := must[payment.RefundObject](t)(b.FindRefund(ctx, payment.RefundRef{Reference: in.Reference, Payment: of}))
	again := must[payment.RefundObject](t)(b.Refund(ctx, in))
	if found != again || b.count("refund") != 1 || b.held(payee, "eur") != 6500 {
		t.Errorf("found %+v, again %+v, %d refunds, the vendor has %d", found, again, b.count("refund"), b.held(payee, "eur"))
	}
}

// What was taken from the vendor for a refund that Stripe then refused is the
// customer's: the next refund takes its own part.
func TestWhatWasTakenForARefusedRefundIsKeptForTheCustomer(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	of := b.bought(t, euro(10000))
	must[payment.SplitObject](t)(b.Split(ctx, b.splitIntent(of, 10000, 1500, true)))
	b.standin.fault = func(r *http.Request, _ func() (int, obj)) (int, any, bool) {
		if r.URL.Path == "/v1/refunds" && r.Method == http.MethodPost {
			p := invalid("charge_disputed", "")
			return p.status, p.body, false
		}
		return 0, nil, false
	}
	_, err := b.Refund(ctx, b.refundIntent(of, 2000))
	wants(t, "a refund of a disputed charge", err, payment.ErrRefused)
	b.standin.fault = nil
	must[payment.RefundObject](t)(b.Refund(ctx, b.refundIntent(of, 1000)))
	if vendor, operator := b.held(payee, "eur"), b.held("", "eur"); vendor != 5500 || operator != 1500+2000-feeOf {
		t.Errorf("the vendor has %d, the operator %d", vendor, operator)
	}
}

func TestAnotherIntentUnderAReferenceIsNobodysKnowledge(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	of := b.bought(t, euro(10000))
	open, split, refund := b.intent(euro(700)), b.splitIntent(of, 10000, 100, false), b.refundIntent(of, 100)
	must[payment.Opened](t)(b.Open(ctx, open))
	must[payment.SplitObject](t)(b.Split(ctx, split))
	ret := b.returnIntent(of, 50)
	must[payment.ReturnObject](t)(b.Return(ctx, ret))
	must[payment.RefundObject](t)(b.Refund(ctx, refund))
	open.Amount, split.Share, refund.Amount, ret.Amount = euro(701), euro(101), euro(101), euro(51)
	for range 2 {
		_, err := b.Open(ctx, open)
		uncertain(t, "Open", err)
		_, err = b.Split(ctx, split)
		uncertain(t, "Split", err)
		_, err = b.Return(ctx, ret)
		uncertain(t, "Return", err)
		_, err = b.Refund(ctx, refund)
		uncertain(t, "Refund", err)
		b.advance(30 * time.Hour)
	}
}

// Every answer is told apart, and none of them is repeated by the SDK, printed, or
// quoted in the error.
func TestEachAnswerIsUnderstoodAndKeptToItself(t *testing.T) {
	stderr := silence(t)
	json := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Request-Id", "req_9")
			w.Header().Set("Stripe-Should-Retry", "true")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	said := func(kind, code string) string {
		return `{"error":{"type":"` + kind + `","code":"` + code + `","message":"SECRET TEXT","param":"amount","payment_intent":{"id":"pi_1","client_secret":"SECRET TEXT"}}}`
	}
	for _, tt := range []struct {
		name      string
		answer    http.HandlerFunc
		read      error // nil: nobody knows
		write     error
		wantsCode string
	}{
		{"no such object", json(404, said("invalid_request_error", "resource_missing")), payment.ErrUnknown, payment.ErrRefused, "resource_missing"},
		{"a request that is wrong", json(400, said("invalid_request_error", "parameter_invalid_integer")), nil, payment.ErrRefused, "parameter_invalid_integer"},
		{"a declined card", json(402, said("card_error", "card_declined")), nil, payment.ErrRefused, "card_declined"},
		{"an account that is not connected", json(403, said("invalid_request_error", "account_invalid")), nil, payment.ErrRefused, "account_invalid"},
		{"another request under the key", json(400, said("idempotency_error", "")), nil, nil, "idempotency_error"},
		{"the key is in use", json(409, said("idempotency_error", "idempotency_key_in_use")), nil, nil, "idempotency_key_in_use"},
		{"a conflict", json(409, said("invalid_request_error", "")), nil, nil, "409"},
		{"too many calls", json(429, said("invalid_request_error", "rate_limit")), nil, nil, "rate_limit"},
		{"too many calls, no code", json(429, said("invalid_request_error", "")), nil, nil, "429"},
		{"a lock", json(429, said("invalid_request_error", "lock_timeout")), nil, nil, "lock_timeout"},
		{"a wrong API key", json(401, said("invalid_request_error", "")), nil, nil, "401"},
		{"a lack of rights", json(403, said("invalid_request_error", "")), nil, nil, "403"},
		{"a fault of Stripe's", json(500, said("api_error", "")), nil, nil, "api_error"},
		{"a refusal that is a fault", json(503, said("invalid_request_error", "resource_missing")), nil, nil, "503"},
		{"a page in between", json(404, "<html>SECRET TEXT</html>"), nil, nil, "cannot be read"},
		{"an object without error", json(400, "{}"), nil, nil, "cannot be read"},
		{"an empty answer", json(200, ""), nil, nil, "cannot be read"},
		{"half an answer", json(200, `{"id":"SECRET TEXT`), nil, nil, "cannot be read"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		}, nil, nil, "cannot be read"},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, nil, "EOF"},
	} {
		calls := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls++; tt.answer(w, r) }))
		server.Config.ErrorLog = nil
		g := New(Config{Key: testKey, Secrets: []string{testSecret}, URL: server.URL})
		in := payment.Intent{Reference: payment.AttemptID((&id.Source{Now: time.Now, Rand: rand.Reader}).New("pay")), Amount: euro(100), PayeeAccount: payee, ExpiresAt: time.Now()}
		_, read := g.Find(t.Context(), payment.Ref{ProviderID: "cs_1"})
		_, write := g.Open(t.Context(), in)
		server.Close()
		for what, got := range map[string]struct{ err, want error }{"read": {read, tt.read}, "write": {write, tt.write}} {
			if got.want != nil {
				wants(t, tt.name+", "+what, got.err, got.want)
			} else {
				uncertain(t, tt.name+", "+what, got.err)
				wants(t, tt.name+", "+what, got.err, ErrNoAnswer)
			}
			text := got.err.Error()
			if strings.Contains(text, "SECRET") || strings.Contains(text, testKey) || strings.Contains(text, server.URL) || !strings.Contains(text, tt.wantsCode) {
				t.Errorf("%s, %s: error %q", tt.name, what, text)
			}
		}
		if calls != 2 {
			t.Errorf("%s: %d calls for two", tt.name, calls)
		}
	}
	if out := stderr(); out != "" {
		t.Errorf("the SDK printed %q", out)
	}
}

// eventIDs are the ids of all events, oldest first.
func (s *standin) eventIDs() (ids []string) {
	for _, name := range s.order {
		if s.objects[name]["object"] == "event" {
			ids = append(ids, name)
		}
	}
	return ids
}

// silence catches what is written to the standard streams.
func silence(t *testing.T) func() string {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	return func() string {
		os.Stdout, os.Stderr = out, errs
		w.Close()
		text, _ := io.ReadAll(r)
		return string(text)
	}
}

func TestACancelledCallIsNotKnown(t *testing.T) {
	b := start(t)
	b.Gateway = New(Config{Key: testKey, URL: b.url, HTTP: &http.Client{Timeout: 50 * time.Millisecond}, Now: b.now})
	b.standin.fault = func(r *http.Request, effect func() (int, obj)) (int, any, bool) {
		time.Sleep(150 * time.Millisecond)
		return 0, nil, false
	}
	_, err := b.Open(t.Context(), b.intent(euro(100)))
	uncertain(t, "Open", err)
}

func TestTheKeyDecidesTheMode(t *testing.T) {
	for key, live := range map[string]bool{"sk_live_1": true, "rk_live_1": true, "sk_test_1": false, "rk_test_1": false, "": false} {
		if g := New(Config{Key: key}); Live(key) != live || g.Capability().Test == live {
			t.Errorf("%q: live %v, test %v", key, Live(key), g.Capability().Test)
		}
	}
	b := start(t)
	b.standin.live = true // as if an object of the other mode came
	of := b.bought(t, euro(100))
	if got := must[payment.Object](t)(b.Find(t.Context(), of)); got.Test {
		t.Error("an object with real money passes for a test")
	}
}

func TestAmountsAreCountedAsStripeCountsThem(t *testing.T) {
	for _, tt := range []struct {
		in            money.Amount
		units, payout int64 // -1: refused
	}{
		{money.Amount{Minor: 1980, Currency: "USD"}, 1980, 1980},
		{money.Amount{Minor: 1980, Currency: "JPY"}, 1980, 1980},
		{money.Amount{Minor: 1980, Currency: "KRW"}, 1980, 1980},
		{money.Amount{Minor: 1980, Currency: "KWD"}, 1980, 1980},
		{money.Amount{Minor: 1985, Currency: "KWD"}, -1, -1},
		{money.Amount{Minor: 5, Currency: "BHD"}, -1, -1},
		{money.Amount{Minor: 5, Currency: "ISK"}, 500, 500},
		{money.Amount{Minor: 5, Currency: "UGX"}, 500, 500},
		{money.Amount{Minor: 1045, Currency: "HUF"}, 1045, -1},
		{money.Amount{Minor: 1000, Currency: "TWD"}, 1000, 1000},
		{money.Amount{Minor: 1000, Currency: "LYD"}, -1, -1},
		{money.Amount{Minor: 1000, Currency: "XXX"}, -1, -1},
		{money.Amount{Minor: -1, Currency: "USD"}, -1, -1},
		{money.Amount{Minor: 1<<63 - 1, Currency: "ISK"}, -1, -1},
	} {
		for name, count := range map[string]struct {
			f    func(money.Amount) (int64, error)
			want int64
		}{"charge": {units, tt.units}, "payout": {payoutUnits, tt.payout}} {
			got, err := count.f(tt.in)
			switch {
			case count.want < 0:
				wants(t, name+" of "+tt.in.String(), err, payment.ErrRefused)
			case err != nil || got != count.want:
				t.Errorf("%s of %s = %d, %v, want %d", name, tt.in, got, err, count.want)
			}
		}
		if tt.units >= 0 {
			if back, err := amountOf(tt.units, "usd"); err != nil || back.Currency != "USD" {
				t.Error(back, err)
			}
		}
	}
	if got, err := amountOf(500, "isk"); err != nil || got != (money.Amount{Minor: 5, Currency: "ISK"}) {
		t.Errorf("500 of isk = %v, %v", got, err)
	}
	for _, bad := range []struct {
		n int64
		c string
	}{{550, "isk"}, {1, "xxx"}, {1, ""}} {
		if _, err := amountOf(bad.n, sdk.Currency(bad.c)); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%d of %q = %v", bad.n, bad.c, err)
		}
	}
}

func TestYenAndDinarGoThroughWhole(t *testing.T) {
	for _, amount := range []money.Amount{{Minor: 1980, Currency: money.JPY}, {Minor: 1980, Currency: money.KWD}, {Minor: 1980, Currency: "ISK"}} {
		b := start(t)
		of := b.bought(t, amount)
		got := must[payment.Object](t)(b.Find(t.Context(), of))
		if amount.Currency == "ISK" && b.objects[of.ProviderID]["amount_total"] != int64(198000) {
			t.Errorf("ISK was asked for as %v", b.objects[of.ProviderID]["amount_total"])
		}
		if got.Captured != amount || got.Amount != amount {
			t.Errorf("%s came back as %s", amount, got.Captured)
		}
	}
}

func TestASettlementInAnotherCurrencyIsNotSplit(t *testing.T) {
	b := start(t)
	b.settle = "usd"
	of := b.bought(t, euro(10000))
	if got := must[payment.Object](t)(b.Find(t.Context(), of)); !got.Fee.IsZero() || got.Captured != euro(10000) {
		t.Errorf("Find = %+v", got)
	}
	_, err := b.Split(t.Context(), b.splitIntent(of, 10000, 100, true))
	wants(t, "Split", err, payment.ErrRefused)
}

func TestTheReportOfADay(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	day := calendar.On(b.now())
	of := b.bought(t, euro(10000))
	split, refund := b.splitIntent(of, 10000, 1500, true), b.refundIntent(of, 2000)
	must[payment.SplitObject](t)(b.Split(ctx, split))
	must[payment.RefundObject](t)(b.Refund(ctx, refund))
	b.endRefund(string(refund.Reference), "failed")
	b.dispute(of.ProviderID, "needs_response", -10000)
	b.dispute(of.ProviderID, "won", 10000)
	b.dispute(of.ProviderID, "needs_response", -10000)
	lines := must[[]payment.ReportLine](t)(b.Report(ctx, day))
	total := int64(0)
	names := map[string]bool{}
	sums := map[payment.ReportKind]int64{}
	for _, l := range lines {
		total += l.Amount.Minor
		sums[l.Kind] += l.Amount.Minor
		if name := string(l.Kind) + l.ProviderID; names[name] || l.ProviderID == "" || l.At.IsZero() {
			t.Errorf("line %+v", l)
		} else {
			names[name] = true
		}
		want := map[payment.ReportKind]string{payment.ReportCapture: string(of.Reference), payment.ReportSplit: string(split.Reference), payment.ReportReturn: string(refund.Reference), payment.ReportRefund: string(refund.Reference)}
		if r, ok := want[l.Kind]; ok && l.Reference != r {
			t.Errorf("line %+v, want reference %s", l, r)
		}
	}
	want := map[payment.ReportKind]int64{
		payment.ReportCapture: 10000, payment.ReportSplit: -8500, payment.ReportReturn: 2000, payment.ReportRefund: 0, payment.ReportDispute: -10000,
		payment.ReportFee: -feeOf - 1500,
	}
	if diff := cmp.Diff(want, sums); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	if held := b.held("", "eur"); total != held {
		t.Errorf("the report sums to %d, the balance is %d", total, held)
	}
	if lines := must[[]payment.ReportLine](t)(b.Report(ctx, day.AddDays(1))); len(lines) != 0 {
		t.Errorf("the day after has %d lines", len(lines))
	}
}

func TestThePullLeavesNothingOutAndEnds(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	want := map[string]payment.ObjectState{}
	opened := func() string { return must[payment.Opened](t)(b.Open(ctx, b.intent(euro(100)))).ProviderID }
	pull := func(since string) (map[string]payment.ObjectState, string) {
		got := map[string]payment.ObjectState{}
		for range 50 {
			objects, next, err := b.Changed(ctx, since)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				got[o.ProviderID] = o.State
			}
			if len(objects) == 0 || next == since {
				return got, next
			}
			since = next
		}
		t.Fatal("the pull does not end")
		return nil, ""
	}
	if got, next := pull(""); len(got) != 0 || next != "" {
		t.Errorf("an empty account has %v, %q", got, next)
	}
	for i := range 230 {
		name := opened()
		switch i % 3 {
		case 0:
			b.pay(name, "succeeded")
			want[name] = payment.ObjectCaptured
		case 1:
			b.pay(name, "processing")
			want[name] = payment.ObjectProcessing
		case 2:
			if err := b.Close(ctx, payment.Ref{ProviderID: name}); err != nil {
				t.Fatal(err)
			}
			want[name] = payment.ObjectClosed
		}
		b.advance(time.Minute)
	}
	// A stretch of the account's events that are about nothing of ours.
	for range 350 {
		b.standin.mu.Lock()
		b.standin.event("checkout.session.completed", b.standin.add("cs_other", "checkout.session", "", obj{"metadata": obj{}}))
		b.standin.mu.Unlock()
	}
	b.advance(time.Hour)
	last := opened()
	b.pay(last, "succeeded")
	want[last] = payment.ObjectCaptured
	b.advance(time.Minute)
	got, since := pull("")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the first pull (-want +got):\n%s", diff)
	}
	// An event that appears late, behind the newest, is found by the next pull.
	late := opened()
	b.pay(late, "succeeded")
	events := b.eventIDs()
	i, j := slices.Index(b.order, events[len(events)-1]), slices.Index(b.order, events[len(events)-2])
	b.order[i], b.order[j] = b.order[j], b.order[i]
	got, since = pull(since)
	if got[late] != payment.ObjectCaptured {
		t.Errorf("the late event is left out: %v", got)
	}
	b.advance(time.Hour)
	_, since = pull(since)
	if got, again := pull(since); len(got) != 0 || again != since {
		t.Errorf("at the end there is %v, %q after %q", got, again, since)
	}
	// After a month Stripe has forgotten the cursor; what it has left is read anew.
	delete(b.objects, since)
	b.order = slices.DeleteFunc(b.order, func(name string) bool { return name == since })
	if got, _ := pull(since); len(got) < 200 {
		t.Errorf("after the cursor is forgotten %d payments are read", len(got))
	}
}
