package sandboxpay

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

func yuan(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "CNY"} }

func (b *bench) gateway() *Gateway { return NewGateway(b.Client, testSecret) }

func (b *bench) intent(t *testing.T, reference payment.AttemptID) payment.Intent {
	t.Helper()
	return payment.Intent{Reference: reference, Amount: yuan(198000), Description: "记事本", PayeeAccount: b.merchant(t).ID, PayeeName: "云帆软件",
		Collector: "云市", ReturnURL: "https://shop.example/orders/1", ExpiresAt: b.clock.now().Add(15 * time.Minute), Locale: "zh"}
}

func (b *bench) openAndPay(t *testing.T, reference payment.AttemptID) payment.Opened {
	t.Helper()
	opened, err := b.gateway().Open(t.Context(), b.intent(t, reference))
	if err != nil {
		t.Fatal(err)
	}
	b.choose(t, Payment{PayURL: opened.PayURL}, "pay")
	return opened
}

func TestGateway_OpensOncePerReference(t *testing.T) {
	b := start(t)
	g := b.gateway()
	first, err := g.Open(t.Context(), b.intent(t, "pay_1"))
	if err != nil || first.ProviderID == "" || first.PayURL == "" {
		t.Fatalf("Open = %+v, %v", first, err)
	}
	cases := map[string]func(*payment.Intent){
		"the_same":            func(*payment.Intent) {},
		"with_another_expiry": func(in *payment.Intent) { in.ExpiresAt = in.ExpiresAt.Add(time.Minute) },
	}
	for name, change := range cases {
		in := b.intent(t, "pay_1")
		change(&in)
		if again, err := g.Open(t.Context(), in); err != nil || again.ProviderID != first.ProviderID {
			t.Errorf("%s: %+v, %v", name, again, err)
		}
	}
	// The provider forgets keys after a day, but not references.
	b.clock.advance(25 * time.Hour)
	if again, err := g.Open(t.Context(), b.intent(t, "pay_1")); err != nil || again.ProviderID != first.ProviderID {
		t.Errorf("after a day: %+v, %v", again, err)
	}
	dearer := b.intent(t, "pay_1")
	dearer.Amount = yuan(1)
	if _, err := g.Open(t.Context(), dearer); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Errorf("another amount under the reference: %v, want an unknown outcome", err)
	}
}

func TestGateway_ReportsACapture(t *testing.T) {
	b := start(t)
	opened := b.openAndPay(t, "pay_1")
	want := payment.Object{ProviderID: opened.ProviderID, Reference: "pay_1", State: payment.ObjectCaptured, Amount: yuan(198000),
		Captured: yuan(198000), CapturedAt: b.clock.now(), Fee: yuan(1188), Test: true}
	fetched, err := b.gateway().Find(t.Context(), payment.Ref{ProviderID: opened.ProviderID})
	if err != nil {
		t.Fatal(err)
	}
	want.CaptureID = fetched.CaptureID
	if diff := cmp.Diff(want, fetched); diff != "" || fetched.CaptureID == "" {
		t.Errorf("Fetch (-want +got):\n%s", diff)
	}
	if found, err := b.gateway().Find(t.Context(), payment.Ref{Reference: "pay_1"}); err != nil || found != fetched {
		t.Errorf("Find = %+v, %v", found, err)
	}
}

func TestGateway_TellsWhatIsCertainFromWhatIsUnknown(t *testing.T) {
	b := start(t)
	g := b.gateway()
	opened := b.openAndPay(t, "pay_1")

	_, err := g.Find(t.Context(), payment.Ref{ProviderID: "pmt_invented"})
	wantError(t, "Fetch of nothing", err, payment.ErrUnknown)
	_, err = g.Find(t.Context(), payment.Ref{Reference: "pay_invented"})
	wantError(t, "Find of nothing", err, payment.ErrUnknown)
	_, err = g.FindRefund(t.Context(), payment.RefundRef{Reference: "rfd_invented"})
	wantError(t, "FindRefund of nothing", err, payment.ErrUnknown)
	wantError(t, "Close of a paid payment", g.Close(t.Context(), payment.Ref{ProviderID: opened.ProviderID}), payment.ErrRefused)
	_, err = g.Refund(t.Context(), payment.RefundIntent{Reference: "rfd_1", Payment: payment.Ref{ProviderID: opened.ProviderID}, Amount: yuan(198001)})
	wantError(t, "Refund of too much", err, payment.ErrRefused)
	nobody := b.intent(t, "pay_2")
	nobody.PayeeAccount = "mch_invented"
	_, err = g.Open(t.Context(), nobody)
	wantError(t, "Open for an unknown vendor account", err, payment.ErrRefused)

	stranger := NewGateway(&Client{URL: b.URL, Key: "wrong"}, testSecret)
	_, err = stranger.Open(t.Context(), b.intent(t, "pay_3"))
	if err == nil || errors.Is(err, payment.ErrRefused) || errors.Is(err, payment.ErrUnknown) {
		t.Errorf("a wrong API key = %v, want neither refused nor unknown object", err)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"empty 200": func(http.ResponseWriter, *http.Request) {},
		"500":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"429":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"404 page":  func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
	} {
		broken := httptest.NewServer(answer)
		_, err := NewGateway(&Client{URL: broken.URL}, testSecret).Find(t.Context(), payment.Ref{Reference: "pay_1"})
		wantError(t, name, err, ErrNoAnswer)
		broken.Close()
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
}

func TestGateway_AnAnswerLostAfterTheEffectIsFoundAgain(t *testing.T) {
	b := start(t)
	hasty := NewGateway(&Client{URL: b.URL, Key: testKey, HTTP: &http.Client{Timeout: 200 * time.Millisecond}}, testSecret)
	in := b.intent(t, "pay_1")
	if err := b.SetFaults(t.Context(), Faults{TimeoutNextAfterEffect: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := hasty.Open(t.Context(), in); !errors.Is(err, ErrNoAnswer) {
		t.Fatalf("Open = %v, want no answer", err)
	}
	found, err := hasty.Find(t.Context(), payment.Ref{Reference: "pay_1"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := hasty.Open(t.Context(), in)
	if err != nil || again.ProviderID != found.ProviderID {
		t.Errorf("Open again = %+v, %v, want %s", again, err, found.ProviderID)
	}
}

func TestGateway_ClosesAnUnpaidPaymentTwice(t *testing.T) {
	b := start(t)
	opened, err := b.gateway().Open(t.Context(), b.intent(t, "pay_1"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.gateway().Close(t.Context(), payment.Ref{ProviderID: opened.ProviderID}); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if got, err := b.gateway().Find(t.Context(), payment.Ref{ProviderID: opened.ProviderID}); err != nil || got.State != payment.ObjectClosed {
		t.Errorf("Fetch = %+v, %v", got, err)
	}
}

func TestGateway_RefundsOncePerReference(t *testing.T) {
	b := start(t)
	g := b.gateway()
	opened := b.openAndPay(t, "pay_1")
	in := payment.RefundIntent{Reference: "rfd_1", Payment: payment.Ref{ProviderID: opened.ProviderID}, Amount: yuan(100000), Reason: "window"}
	first, err := g.Refund(t.Context(), in)
	if err != nil || first.State != payment.RefundObjectSubmitted || first.Amount != yuan(100000) {
		t.Fatalf("Refund = %+v, %v", first, err)
	}
	b.clock.advance(25 * time.Hour)
	b.work(t)
	if again, err := g.Refund(t.Context(), in); err != nil || again.ProviderID != first.ProviderID || again.State != payment.RefundObjectSucceeded {
		t.Errorf("Refund again after a day = %+v, %v", again, err)
	}
	other := in
	other.Amount = yuan(1)
	if _, err := g.Refund(t.Context(), other); err == nil {
		t.Error("another amount under the reference was taken")
	}
	if _, err := b.BounceRefund(t.Context(), first.ProviderID); err != nil {
		t.Fatal(err)
	}
	if got, err := g.FindRefund(t.Context(), payment.RefundRef{Reference: "rfd_1"}); err != nil || got.State != payment.RefundObjectFailed || got.Reason != "returned_by_bank" {
		t.Errorf("FindRefund after the bounce = %+v, %v", got, err)
	}
}

func TestGateway_ThePullFindsEverythingAndEnds(t *testing.T) {
	b := start(t)
	g := b.gateway()
	if err := b.SetFaults(t.Context(), Faults{DropNext: 100}); err != nil {
		t.Fatal(err)
	}
	b.openAndPay(t, "pay_1")
	b.openAndPay(t, "pay_2")
	states := map[string]payment.ObjectState{}
	cursor := ""
	for {
		objects, next, err := g.Changed(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		if len(objects) == 0 {
			break
		}
		for _, o := range objects {
			states[o.Reference] = o.State
		}
		cursor = next
	}
	want := map[string]payment.ObjectState{"pay_1": payment.ObjectCaptured, "pay_2": payment.ObjectCaptured}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("the pull found (-want +got):\n%s", diff)
	}
}

func TestGateway_EventsAreVerifiedAndNamed(t *testing.T) {
	b := start(t)
	g, now := b.gateway(), b.clock.now()
	body := []byte(`{"id":"evt_1","type":"refund.succeeded","created_at":"2026-11-22T08:00:00Z","mode":"sandbox","refund":{"id":"rfn_1","reference":"rfd_1"}}`)
	h := http.Header{}
	SignNotification(h, testSecret, "evt_1", now, body)
	got, err := g.Event(h, body, now)
	if err != nil {
		t.Fatal(err)
	}
	want := payment.Event{ID: "evt_1", ObjectID: "rfn_1", Reference: "rfd_1", Kind: payment.RefundEvent}
	if got != want {
		t.Errorf("Event = %+v, want %+v", got, want)
	}
	_, err = g.Event(h, append(body, ' '), now)
	wantError(t, "another body", err, payment.ErrNotice)
	_, err = g.Event(h, body, now.Add(time.Hour))
	wantError(t, "an old notification", err, payment.ErrNotice)
	_, err = g.Event(http.Header{}, body, now)
	wantError(t, "an unsigned notification", err, payment.ErrNotice)
}
