package sandboxpay

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	testKey    = "key-for-tests"
	testSecret = "notification-secret-for-tests"
)

// clock is a time that tests move by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// shop receives notifications as a marketplace would.
type shop struct {
	mu     sync.Mutex
	clock  *clock
	status int
	got    []Notification
	bad    []error
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.bad = append(s.bad, err)
	}
	n, err := VerifyNotification(r.Header, body, s.clock.now(), "an-older-secret", testSecret)
	if err != nil {
		s.bad = append(s.bad, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if s.status != 0 {
		w.WriteHeader(s.status)
		return
	}
	s.got = append(s.got, n)
}

func (s *shop) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// heard returns the types of the notifications taken so far and forgets them.
func (s *shop) heard(t *testing.T) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.bad {
		t.Errorf("shop refused a notification: %v", err)
	}
	var types []string
	for _, n := range s.got {
		types = append(types, n.Type)
	}
	s.got = nil
	return types
}

type bench struct {
	*Client
	provider *Provider
	server   *httptest.Server
	shop     *shop
	clock    *clock
	cfg      ProviderConfig
}

func start(t *testing.T, change ...func(*ProviderConfig)) *bench {
	t.Helper()
	b := &bench{clock: &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}}
	b.shop = &shop{clock: b.clock}
	shopServer := httptest.NewServer(b.shop)
	t.Cleanup(shopServer.Close)
	b.cfg = ProviderConfig{
		Dir: t.TempDir(), Key: testKey, WebhookSecret: testSecret, NotifyURLs: []string{shopServer.URL},
		PublicURL: "http://pay.example", FeeBasisPoints: 60, Senders: 1, Now: b.clock.now,
	}
	for _, f := range change {
		f(&b.cfg)
	}
	b.boot(t)
	return b
}

// boot starts the provider on its journal, as after a kill.
func (b *bench) boot(t *testing.T) {
	t.Helper()
	provider, err := NewProvider(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.provider, b.server = provider, httptest.NewServer(provider.Handler())
	b.Client = &Client{URL: b.server.URL, Key: testKey, HTTP: b.server.Client()}
	t.Cleanup(func() { b.stop() })
}

func (b *bench) stop() {
	b.server.Close()
	b.provider.Close()
}

func (b *bench) work(t *testing.T) {
	t.Helper()
	if err := b.provider.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) merchant(t *testing.T) Merchant {
	t.Helper()
	m, err := b.OpenMerchant(t.Context(), "ven_1", "云帆软件")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (b *bench) ask(t *testing.T, reference string) PaymentRequest {
	t.Helper()
	return PaymentRequest{Reference: reference, Amount: 198000, Currency: "CNY", Description: "记事本 基础版 1 年",
		Payee: b.merchant(t).ID, Collector: "云市", ReturnURL: "https://shop.example/orders/1", ExpiresAt: b.clock.now().Add(15 * time.Minute)}
}

func (b *bench) create(t *testing.T, reference string) Payment {
	t.Helper()
	payment, err := b.CreatePayment(t.Context(), b.ask(t, reference))
	if err != nil {
		t.Fatal(err)
	}
	return payment
}

// choose submits the payment page's form and returns the answer unfollowed.
func (b *bench) choose(t *testing.T, payment Payment, choice string) *http.Response {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	address := strings.Replace(payment.PayURL, "http://pay.example", b.server.URL, 1)
	response, err := client.PostForm(address, url.Values{"choice": {choice}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}

func (b *bench) captured(t *testing.T, reference string) Payment {
	t.Helper()
	payment := b.create(t, reference)
	if got := b.choose(t, payment, "pay").StatusCode; got != http.StatusSeeOther {
		t.Fatalf("pay answered %d", got)
	}
	return b.status(t, payment.ID, PaymentCaptured)
}

func (b *bench) status(t *testing.T, id string, want PaymentStatus) Payment {
	t.Helper()
	payment, err := b.Payment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if payment.Status != want {
		t.Fatalf("payment is %s, want %s", payment.Status, want)
	}
	return payment
}

func refused(t *testing.T, err error, code string) *APIError {
	t.Helper()
	refusal, ok := errors.AsType[*APIError](err)
	if !ok || refusal.Code != code {
		t.Fatalf("error = %v, want code %s", err, code)
	}
	return refusal
}

func TestNewProvider_RefusesRealMoneyAndIncompleteSettings(t *testing.T) {
	good := ProviderConfig{Dir: t.TempDir(), Key: "k", WebhookSecret: "s", PublicURL: "http://pay.example"}
	real, noKey, badURL, badCurrency := good, good, good, good
	real.RealMoney, noKey.Key, badURL.PublicURL, badCurrency.Currency = true, "", "pay", "XXQ"
	if _, err := NewProvider(real); !errors.Is(err, ErrRealMoney) {
		t.Errorf("real money: %v, want ErrRealMoney", err)
	}
	for name, cfg := range map[string]ProviderConfig{"no key": noKey, "bad URL": badURL, "bad currency": badCurrency} {
		if _, err := NewProvider(cfg); err == nil {
			t.Errorf("%s: started", name)
		}
	}
	if _, err := os.Stat(filepath.Join(good.Dir, "journal.jsonl")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused start left a journal: %v", err)
	}
}

func TestPayment_PaidOnThePageIsCapturedAndNotified(t *testing.T) {
	b := start(t)
	payment := b.create(t, "pay_1")
	if payment.Status != PaymentCreated || payment.Mode != "sandbox" || payment.PayeeName != "云帆软件" {
		t.Errorf("created payment: %+v", payment)
	}
	response := b.choose(t, payment, "pay")
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || got != payment.ReturnURL {
		t.Errorf("after paying: %d to %q", response.StatusCode, got)
	}
	got := b.status(t, payment.ID, PaymentCaptured)
	if got.Captured != 198000 || got.Fee != 1188 || got.CaptureID == "" || got.CapturedAt.IsZero() {
		t.Errorf("captured payment: %+v", got)
	}
	b.work(t)
	if diff := cmp.Diff([]string{"payment.processing", "payment.captured"}, b.shop.heard(t)); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	// A second click neither pays again nor redirects.
	if got := b.choose(t, payment, "decline").StatusCode; got != http.StatusConflict {
		t.Errorf("second choice answered %d", got)
	}
	b.status(t, payment.ID, PaymentCaptured)
}

func TestPayment_OtherEndings(t *testing.T) {
	b := start(t)
	declined := b.create(t, "pay_declined")
	b.choose(t, declined, "decline")
	if got := b.status(t, declined.ID, PaymentFailed); got.Reason != "declined" {
		t.Errorf("reason %q", got.Reason)
	}
	closed := b.create(t, "pay_closed")
	if _, err := b.ClosePayment(t.Context(), closed.ID); err != nil {
		t.Fatal(err)
	}
	if got := b.choose(t, closed, "pay").StatusCode; got != http.StatusConflict {
		t.Errorf("paying a closed payment answered %d", got)
	}
	expired := b.create(t, "pay_expired")
	b.clock.advance(15 * time.Minute)
	if got := b.choose(t, expired, "pay").StatusCode; got != http.StatusConflict {
		t.Errorf("paying an expired payment answered %d", got)
	}
	b.work(t)
	if got := b.status(t, expired.ID, PaymentClosed); got.Reason != "expired" {
		t.Errorf("reason %q", got.Reason)
	}
	paid := b.captured(t, "pay_paid")
	_, err := b.ClosePayment(t.Context(), paid.ID)
	refused(t, err, "already_paid")
}

func TestCreatePayment_OneObjectPerReference(t *testing.T) {
	b := start(t)
	first := b.create(t, "pay_1")
	if again := b.create(t, "pay_1"); again.ID != first.ID {
		t.Errorf("repetition made %s beside %s", again.ID, first.ID)
	}
	other := b.ask(t, "pay_1")
	other.Amount = 1
	_, err := b.CreatePayment(t.Context(), other)
	refused(t, err, "idempotency_key_reused")
	// After a day the key is forgotten; the reference is not.
	b.clock.advance(25 * time.Hour)
	_, err = b.CreatePayment(t.Context(), b.ask(t, "pay_1"))
	if refusal := refused(t, err, "reference_used"); refusal.Object != first.ID {
		t.Errorf("conflict names %s, want %s", refusal.Object, first.ID)
	}
}

func TestCreatePayment_RefusesHostileRequests(t *testing.T) {
	b := start(t)
	cases := map[string]struct {
		change func(*PaymentRequest)
		code   string
	}{
		"zero_amount":       {func(a *PaymentRequest) { a.Amount = 0 }, "invalid"},
		"negative_amount":   {func(a *PaymentRequest) { a.Amount = -1 }, "invalid"},
		"absurd_amount":     {func(a *PaymentRequest) { a.Amount = 1<<63 - 1 }, "invalid"},
		"other_currency":    {func(a *PaymentRequest) { a.Currency = "USD" }, "invalid"},
		"no_reference":      {func(a *PaymentRequest) { a.Reference = "" }, "invalid"},
		"no_payee":          {func(a *PaymentRequest) { a.Payee = "" }, "invalid"},
		"unknown_payee":     {func(a *PaymentRequest) { a.Payee = "mch_invented" }, "unknown_payee"},
		"script_return_url": {func(a *PaymentRequest) { a.ReturnURL = "javascript:alert(1)" }, "invalid"},
		"already_expired":   {func(a *PaymentRequest) { a.ExpiresAt = b.clock.now() }, "invalid"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ask := b.ask(t, "pay_"+name)
			c.change(&ask)
			_, err := b.CreatePayment(t.Context(), ask)
			refused(t, err, c.code)
		})
	}
}

func TestAPI_RefusesStrangers(t *testing.T) {
	b := start(t)
	for _, key := range []string{"", "key-for-test", testKey + "x"} {
		stranger := &Client{URL: b.server.URL, Key: key}
		_, err := stranger.PaymentsSince(t.Context(), "")
		refused(t, err, "unauthorised")
		refused(t, stranger.SetFaults(t.Context(), Faults{DropNext: 1}), "unauthorised")
	}
}

func TestRefund_NeverExceedsTheCapture(t *testing.T) {
	b := start(t)
	payment := b.captured(t, "pay_1")
	refund := func(reference string, amount int64) (Refund, error) {
		return b.CreateRefund(t.Context(), RefundRequest{Reference: reference, Payment: payment.ID, Amount: amount, Reason: "window"})
	}
	first, err := refund("rfd_1", 150000)
	if err != nil || first.Status != RefundSubmitted {
		t.Fatalf("first refund: %+v, %v", first, err)
	}
	if again, err := refund("rfd_1", 150000); err != nil || again.ID != first.ID {
		t.Errorf("repetition: %+v, %v", again, err)
	}
	_, err = refund("rfd_2", 48001)
	refused(t, err, "over_refund")

	b.clock.advance(2 * time.Second)
	b.work(t)
	if got, err := b.Refund(t.Context(), first.ID); err != nil || got.Status != RefundSucceeded {
		t.Errorf("refund: %+v, %v", got, err)
	}
	// The bank sends it back: what was held is free again.
	if got, err := b.BounceRefund(t.Context(), first.ID); err != nil || got.Status != RefundFailed {
		t.Errorf("bounced refund: %+v, %v", got, err)
	}
	if _, err := refund("rfd_3", 198000); err != nil {
		t.Errorf("full refund after the bounce: %v", err)
	}
	b.work(t)
	heard := strings.Join(b.shop.heard(t), " ")
	if want := "payment.processing payment.captured refund.succeeded refund.failed"; heard != want {
		t.Errorf("heard %s, want %s", heard, want)
	}
	_, err = b.CreateRefund(t.Context(), RefundRequest{Reference: "rfd_4", Payment: b.create(t, "pay_2").ID, Amount: 1})
	refused(t, err, "not_captured")
}

func TestRefund_RacingRefundsNeverExceedTheCapture(t *testing.T) {
	b := start(t)
	payment := b.captured(t, "pay_1")
	var group sync.WaitGroup
	var mu sync.Mutex
	var taken int64
	for i := range 16 {
		group.Go(func() {
			_, err := b.CreateRefund(context.Background(), RefundRequest{Reference: "rfd_" + string(rune('a'+i)), Payment: payment.ID, Amount: 50000})
			if err == nil {
				mu.Lock()
				taken += 50000
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if taken != 150000 {
		t.Errorf("took refunds of %d out of 198000, want 150000", taken)
	}
}

func TestNotifications_RepeatUntilTaken(t *testing.T) {
	b := start(t)
	b.shop.answer(http.StatusInternalServerError)
	b.captured(t, "pay_1")
	b.work(t)
	b.clock.advance(time.Second)
	b.work(t) // the second attempt fails too; the next is 5 s later
	b.shop.answer(0)
	b.clock.advance(4 * time.Second)
	b.work(t)
	if got := b.shop.heard(t); len(got) != 0 {
		t.Errorf("heard %v before its time", got)
	}
	b.clock.advance(time.Second)
	b.work(t)
	if got := b.shop.heard(t); len(got) != 2 {
		t.Errorf("heard %v, want both", got)
	}
	b.clock.advance(48 * time.Hour)
	b.work(t)
	if got := b.shop.heard(t); len(got) != 0 {
		t.Errorf("heard %v again after it was taken", got)
	}
}

func TestNotifications_FaultsOnDemand(t *testing.T) {
	cases := map[string]struct {
		faults Faults
		wait   time.Duration
		want   string
	}{
		"none":      {Faults{}, 0, "payment.processing payment.captured"},
		"duplicate": {Faults{Duplicate: 2}, 0, "payment.processing payment.processing payment.processing payment.captured payment.captured payment.captured"},
		"drop":      {Faults{DropNext: 1}, time.Hour, "payment.captured"},
		"reorder":   {Faults{Reorder: true}, reorderHold, "payment.captured payment.processing"},
		"delayed":   {Faults{DelayMS: 5000}, 4 * time.Second, ""},
		"late":      {Faults{DelayMS: 5000}, 5 * time.Second, "payment.processing payment.captured"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			if err := b.SetFaults(t.Context(), c.faults); err != nil {
				t.Fatal(err)
			}
			b.captured(t, "pay_1")
			b.work(t)
			b.clock.advance(c.wait)
			b.work(t)
			if got := strings.Join(b.shop.heard(t), " "); got != c.want {
				t.Errorf("heard %q, want %q", got, c.want)
			}
		})
	}
}

func TestPage_PayLateDelaysTheNotificationOnly(t *testing.T) {
	b := start(t)
	payment := b.create(t, "pay_1")
	b.choose(t, payment, "pay_late")
	b.status(t, payment.ID, PaymentCaptured)
	b.clock.advance(59 * time.Second)
	b.work(t)
	if got := b.shop.heard(t); len(got) != 0 {
		t.Errorf("heard %v before a minute", got)
	}
	b.clock.advance(time.Second)
	b.work(t)
	if got := b.shop.heard(t); len(got) != 2 {
		t.Errorf("heard %v after a minute", got)
	}
}

func TestResend_SendsAgainHoweverLate(t *testing.T) {
	b := start(t)
	payment := b.captured(t, "pay_1")
	b.work(t)
	b.shop.heard(t)
	b.clock.advance(40 * 24 * time.Hour)
	if err := b.Resend(t.Context(), payment.ID, 3); err != nil {
		t.Fatal(err)
	}
	b.work(t)
	if got := b.shop.heard(t); len(got) != 6 {
		t.Errorf("heard %v, want two notifications three times", got)
	}
	refused(t, b.Resend(t.Context(), "pmt_invented", 1), "not_found")
}

func TestFaults_ErrorsLeaveTheOutcomeUnknownToTheCaller(t *testing.T) {
	b := start(t)
	ask := b.ask(t, "pay_1")
	if err := b.SetFaults(t.Context(), Faults{ErrorNext: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreatePayment(t.Context(), ask); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("injected error = %v, want ErrNoAnswer", err)
	}
	if _, found, err := b.FindPayment(t.Context(), "pay_1"); found || err != nil {
		t.Errorf("an error before the effect made a payment (%t, %v)", found, err)
	}
	if err := b.SetFaults(t.Context(), Faults{TimeoutNextAfterEffect: 1}); err != nil {
		t.Fatal(err)
	}
	hasty := &Client{URL: b.URL, Key: testKey, HTTP: &http.Client{Timeout: 200 * time.Millisecond}}
	if _, err := hasty.CreatePayment(t.Context(), ask); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("timeout = %v, want ErrNoAnswer", err)
	}
	found, ok, err := b.FindPayment(t.Context(), "pay_1")
	if !ok || err != nil {
		t.Fatalf("a timeout after the effect left no payment (%v)", err)
	}
	if again, err := b.CreatePayment(t.Context(), ask); err != nil || again.ID != found.ID {
		t.Errorf("repetition: %+v, %v", again, err)
	}
}

func TestForceCapture_LateMoneyAndOtherAmounts(t *testing.T) {
	b := start(t)
	late := b.create(t, "pay_late")
	if _, err := b.ClosePayment(t.Context(), late.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := b.ForceCapture(t.Context(), late.ID, 0); err != nil || got.Status != PaymentCaptured || got.Captured != 198000 {
		t.Errorf("late capture: %+v, %v", got, err)
	}
	part := b.create(t, "pay_part")
	if got, err := b.ForceCapture(t.Context(), part.ID, 100); err != nil || got.Captured != 100 || got.Amount != 198000 {
		t.Errorf("capture of another amount: %+v, %v", got, err)
	}
}

func TestPaymentsSince_ListsEachChangeOnceByCursor(t *testing.T) {
	b := start(t)
	first, second := b.create(t, "pay_1"), b.create(t, "pay_2")
	page, err := b.PaymentsSince(t.Context(), "")
	if err != nil || len(page.Data) != 2 || page.Data[0].ID != first.ID || page.Data[1].ID != second.ID {
		t.Fatalf("first page: %+v, %v", page, err)
	}
	b.choose(t, first, "pay")
	next, err := b.PaymentsSince(t.Context(), page.Next)
	if err != nil || len(next.Data) != 1 || next.Data[0].Status != PaymentCaptured {
		t.Errorf("after paying: %+v, %v", next, err)
	}
	last, err := b.PaymentsSince(t.Context(), next.Next)
	if err != nil || len(last.Data) != 0 {
		t.Errorf("when nothing changed: %+v, %v", last, err)
	}
	_, err = b.PaymentsSince(t.Context(), "yesterday")
	refused(t, err, "invalid")
}

func TestPaymentsSince_PagesAreBounded(t *testing.T) {
	b := start(t)
	for i := range maxPage + 1 {
		b.create(t, "pay_"+time.Duration(i).String())
	}
	page, err := b.PaymentsSince(t.Context(), "")
	if err != nil || len(page.Data) != maxPage || !page.More {
		t.Fatalf("page of %d, more %t, %v", len(page.Data), page.More, err)
	}
	rest, err := b.PaymentsSince(t.Context(), page.Next)
	if err != nil || len(rest.Data) != 1 || rest.More {
		t.Errorf("rest of %d, more %t, %v", len(rest.Data), rest.More, err)
	}
}

func TestDailyReport_CountsChinaDays(t *testing.T) {
	b := start(t) // 20:00 in China
	payment := b.captured(t, "pay_1")
	if _, err := b.CreateRefund(t.Context(), RefundRequest{Reference: "rfd_1", Payment: payment.ID, Amount: 8000}); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(5 * time.Hour) // the refund ends on the next day
	b.work(t)
	for date, want := range map[string][]DailyTotal{
		"2026-11-22": {{Payee: payment.Payee, Currency: "CNY", Captured: 198000, Fee: 1188}},
		"2026-11-23": {{Payee: payment.Payee, Currency: "CNY", Refunded: 8000}},
		"2026-11-24": {},
	} {
		report, err := b.DailyReport(t.Context(), date)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, report.Totals); diff != "" {
			t.Errorf("%s (-want +got):\n%s", date, diff)
		}
	}
}

func TestPage_ShowsWhoIsPaidInBothLanguages(t *testing.T) {
	b := start(t)
	payment := b.create(t, "pay_1")
	address := strings.Replace(payment.PayURL, "http://pay.example", b.server.URL, 1)
	for lang, phrases := range map[string][]string{
		"zh": {"SANDBOX", "沙箱环境", "¥1,980.00", "云帆软件", "云市", "记事本 基础版 1 年", "确认付款", "拒绝付款", `<html lang="zh">`},
		"en": {"SANDBOX", "no real money moves", "¥1,980.00", "云帆软件", "Collected by", "Pay now", "Decline", `<html lang="en">`},
	} {
		response, err := http.Get(address + "?lang=" + lang)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%d, %v", response.StatusCode, err)
		}
		for _, phrase := range phrases {
			if !strings.Contains(string(body), phrase) {
				t.Errorf("%s page lacks %q", lang, phrase)
			}
		}
		if strings.Contains(string(body), "no value") {
			t.Errorf("%s page lacks a word", lang)
		}
		if csp := response.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://shop.example") {
			t.Errorf("policy %q", csp)
		}
	}
	forged, err := http.Get(address[:len(address)-1] + "x")
	if err != nil {
		t.Fatal(err)
	}
	forged.Body.Close()
	if forged.StatusCode != http.StatusNotFound {
		t.Errorf("a guessed link answered %d", forged.StatusCode)
	}
}

func TestPage_BothLanguagesHaveTheSameWords(t *testing.T) {
	for key, text := range words["zh"] {
		if words["en"][key] == "" || text == "" {
			t.Errorf("word %q is missing", key)
		}
	}
	if len(words["zh"]) != len(words["en"]) {
		t.Errorf("%d Chinese words, %d English ones", len(words["zh"]), len(words["en"]))
	}
}

func TestVerifyNotification_RefusesForgeries(t *testing.T) {
	now := time.Unix(1795334400, 0)
	body := []byte(`{"id":"evt_1","type":"payment.captured","created_at":"2026-11-22T08:00:00Z","mode":"sandbox","payment":{"id":"pmt_1"}}`)
	live := []byte(strings.Replace(string(body), `"sandbox"`, `"live"`, 1))
	signed := func(secret, id string, body []byte) http.Header {
		h := http.Header{}
		SignNotification(h, secret, id, now, body)
		return h
	}
	good := signed(testSecret, "evt_1", body)
	cases := map[string]struct {
		header http.Header
		body   []byte
		now    time.Time
		want   error
	}{
		"accepted":              {good, body, now, nil},
		"refused_unsigned":      {http.Header{}, body, now, ErrNoticeUnsigned},
		"refused_stale":         {good, body, now.Add(noticeTolerance + time.Second), ErrNoticeStale},
		"refused_future":        {good, body, now.Add(-noticeTolerance - time.Second), ErrNoticeStale},
		"refused_other_body":    {good, live, now, ErrNoticeSignature},
		"refused_other_secret":  {signed("guess", "evt_1", body), body, now, ErrNoticeSignature},
		"refused_other_id":      {signed(testSecret, "evt_2", body), body, now, ErrNoticeMalformed},
		"refused_other_mode":    {signed(testSecret, "evt_1", live), live, now, ErrNoticeMalformed},
		"refused_without_facts": {signed(testSecret, "evt_1", []byte(`{"id":"evt_1","mode":"sandbox"}`)), []byte(`{"id":"evt_1","mode":"sandbox"}`), now, ErrNoticeMalformed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := VerifyNotification(c.header, c.body, c.now, testSecret); !errors.Is(err, c.want) {
				t.Errorf("VerifyNotification = %v, want %v", err, c.want)
			}
		})
	}
	if _, err := VerifyNotification(good, body, now, ""); !errors.Is(err, ErrNoticeSignature) {
		t.Errorf("an empty secret verified something: %v", err)
	}
}

func FuzzVerifyNotification(f *testing.F) {
	f.Add("evt_1", "1795334400", "00", []byte("{}"))
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := http.Header{HeaderID: {id}, HeaderTimestamp: {stamp}, HeaderSignature: {signature}}
		if _, err := VerifyNotification(h, body, time.Unix(1795334400, 0), testSecret); err == nil {
			t.Error("accepted a notification nobody signed")
		}
	})
}

// snapshot is everything the API tells, for comparing before and after.
func (b *bench) snapshot(t *testing.T) string {
	t.Helper()
	payments, err := b.PaymentsSince(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	refunds, err := b.RefundsSince(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent([]any{payments, refunds}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
