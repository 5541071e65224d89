package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

var listening = regexp.MustCompile(`HTTP at address: (127\.0\.0\.1:\d+)\s`)

// startMock builds Stripe's own mock at its pinned version and runs it. It knows
// Stripe's published description of the API and refuses what does not fit it.
func startMock(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the mock is built, so this is not for the quick run")
	}
	program := filepath.Join(t.TempDir(), "stripe-mock")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "testdata/stripemock", "-o", program, "github.com/stripe/stripe-mock")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the mock: %v\n%s", err, out)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	ctx, stop := context.WithCancel(context.Background())
	mock := exec.CommandContext(ctx, program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	mock.Stdout, mock.Stderr = write, write
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() { stop(); _ = mock.Wait() })
	said, buffer := "", make([]byte, 1024)
	for {
		n, err := read.Read(buffer)
		said += string(buffer[:n])
		if at := listening.FindStringSubmatch(said); at != nil {
			return "http://" + at[1]
		}
		if err != nil {
			t.Fatalf("the mock said %q: %v", said, err)
		}
	}
}

// listener notes what each call is answered.
type listener struct {
	answered []string
	refused  []string
}

func (l *listener) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprint(r.Method, " ", r.URL.Path, " ", response.StatusCode)
	l.answered = append(l.answered, line)
	if response.StatusCode != http.StatusOK {
		l.refused = append(l.refused, line)
	}
	return response, nil
}

// The mock keeps no state and answers with samples, so this only tests whether it
// takes what is sent.
func TestStripesOwnMockTakesEveryCall(t *testing.T) {
	heard := &listener{}
	url := startMock(t)
	b := start(t)
	b.Gateway = New(Config{Key: testKey, Secrets: []string{testSecret}, URL: url, HTTP: &http.Client{Transport: heard, Timeout: time.Minute}, Now: b.now})
	ctx := t.Context()
	in := b.intent(money.Amount{Minor: 1980, Currency: money.USD})
	opened, err := b.Open(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	of := payment.Ref{ProviderID: opened.ProviderID}
	// A sample is never ours, so these end after their reading; what they send is
	// sent here without it.
	for name, err := range map[string]error{
		"find":              second(b.Find(ctx, of)),
		"find by reference": second(b.Find(ctx, payment.Ref{Reference: in.Reference})),
		"find refund":       second(b.FindRefund(ctx, payment.RefundRef{Reference: "rfd_1", Payment: of})),
		"split":             second(b.FindSplit(ctx, b.splitIntent(of, 1, 1, true))),
		"payout":            second(b.FindPayout(ctx, b.payoutIntent(1))),
	} {
		if err != nil && !errors.Is(err, payment.ErrUnknown) && !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	books := &books{
		paid: &sdk.PaymentIntent{ID: "pi_1"}, charge: &sdk.Charge{ID: "ch_1"}, reference: string(in.Reference), payee: payee, currency: money.USD,
		captured: 10, splits: map[string]note{}, reversals: map[string][]*sdk.TransferReversal{},
		transfers: []*sdk.Transfer{{ID: "tr_1", Amount: 10}}, // of which all is taken back
	}
	for name, err := range map[string]error{
		"refund":     second(b.FindRefund(ctx, payment.RefundRef{ProviderID: "re_1"})),
		"note":       b.note(ctx, books, b.ids.New("spl"), note{amount: 5}),
		"free":       second(b.free(ctx, books, b.splitIntent(of, 10, 1, true), 1, 9)),
		"take back":  b.takeBack(ctx, books, b.ids.New("rfd"), 10),
		"refund it":  second(b.sendRefund(ctx, books, b.refundIntent(of, 5), 5)),
		"pay out":    second(b.Payout(ctx, b.payoutIntent(5))),
		"dispute":    second(b.FindDispute(ctx, "du_1")),
		"report":     second(b.Report(ctx, calendar.On(b.now()))),
		"close":      second(b.api.V1CheckoutSessions.Expire(ctx, "cs_1", nil)),
		"reversals":  b.readReversals(ctx, books, "tr_1"),
		"transfers":  b.readTransfers(ctx, books),
		"all events": second(b.events(ctx, "", paymentEvents)),
		"new events": second(b.events(ctx, "evt_1", disputeEvents)),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(heard.refused) != 0 || len(heard.answered) < 20 {
		t.Errorf("refused %q of %q", heard.refused, heard.answered)
	}
}

func second[T any](_ T, err error) error { return err }
