package sandboxpay

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const childDir = "SANDBOXPAY_TEST_DIR"

// TestMain lets the test binary be the provider process that a test kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveChild(dir string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := "http://" + listener.Addr().String()
	provider, err := NewProvider(ProviderConfig{Dir: dir, Key: testKey, WebhookSecret: testSecret, PublicURL: address})
	if err != nil {
		return err
	}
	go provider.Run(context.Background())
	fmt.Println(address)
	return http.Serve(listener, provider.Handler())
}

// child starts a provider process on a journal and returns its client and a
// function that kills it without warning.
func child(t *testing.T, dir string) (*Client, func()) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childDir+"="+dir)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() {
		command.Process.Kill()
		command.Wait() // reports the kill, as it should
	})
	t.Cleanup(kill)
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return &Client{URL: strings.TrimSpace(address), Key: testKey, HTTP: &http.Client{Timeout: 2 * time.Second}}, kill
}

// What was acknowledged before a kill is there exactly once after it, and what
// was not is there at most once.
func TestProvider_AKillLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	sent, acknowledged := map[string]bool{}, map[string]string{}
	var mu sync.Mutex
	for round := range 3 {
		client, kill := child(t, dir)
		merchant, err := client.OpenMerchant(t.Context(), "ven_1", "vendor")
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for worker := range 4 {
			group.Go(func() {
				for i := range 200 {
					reference := fmt.Sprintf("pay_%d_%d_%d", round, worker, i)
					mu.Lock()
					sent[reference] = true
					mu.Unlock()
					made, err := client.CreatePayment(context.Background(), PaymentRequest{Reference: reference, Amount: 100, Currency: "CNY",
						Description: "x", Payee: merchant.ID, Collector: "c", ReturnURL: "http://shop.example/"})
					if err != nil {
						return // killed
					}
					mu.Lock()
					acknowledged[reference] = made.ID
					mu.Unlock()
				}
			})
		}
		time.Sleep(150 * time.Millisecond)
		kill()
		group.Wait()
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged before the kills")
	}

	client, _ := child(t, dir)
	found := map[string]string{}
	for cursor := ""; ; {
		page, err := client.PaymentsSince(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, payment := range page.Data {
			if !sent[payment.Reference] || found[payment.Reference] != "" {
				t.Errorf("%s was never sent, or is there twice", payment.Reference)
			}
			found[payment.Reference] = payment.ID
		}
		if cursor = page.Next; !page.More {
			break
		}
	}
	for reference, id := range acknowledged {
		if found[reference] != id {
			t.Errorf("acknowledged %s is %q after the kill, was %q", reference, found[reference], id)
		}
	}
}

// The same of payouts, and the payee's balance is what the acknowledged and the
// found ones make it: no kill pays twice or forgets one.
func TestProvider_AKillPaysOutNothingTwice(t *testing.T) {
	dir := t.TempDir()
	client, kill := child(t, dir)
	merchant, err := client.OpenMerchant(t.Context(), "ven_1", "vendor")
	if err != nil {
		t.Fatal(err)
	}
	const captured = 1_000_000
	made, err := client.CreatePayment(t.Context(), PaymentRequest{Reference: "pay_1", Amount: captured, Currency: "CNY",
		Description: "x", Payee: merchant.ID, Collector: "c", ReturnURL: "http://shop.example/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.ForceCapture(t.Context(), made.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateSplit(t.Context(), SplitRequest{Reference: "spl_1", Payment: made.ID, Share: 100, Finish: true}); err != nil {
		t.Fatal(err)
	}
	sent, acknowledged := []string{}, map[string]string{}
	var mu sync.Mutex
	for round := range 3 {
		var group sync.WaitGroup
		for worker := range 4 {
			group.Go(func() {
				for i := range 200 {
					ask := PayoutRequest{Reference: fmt.Sprintf("pyo_%d_%d_%d", round, worker, i), Payee: merchant.ID, Amount: 7, Currency: "CNY"}
					mu.Lock()
					sent = append(sent, ask.Reference)
					mu.Unlock()
					paid, err := client.CreatePayout(context.Background(), ask)
					if err != nil {
						return // killed
					}
					mu.Lock()
					acknowledged[ask.Reference] = paid.ID
					mu.Unlock()
				}
			})
		}
		time.Sleep(150 * time.Millisecond)
		kill()
		group.Wait()
		client, kill = child(t, dir)
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged before the kills")
	}
	found := 0
	for _, reference := range sent {
		paid, known, err := client.FindPayout(t.Context(), reference)
		if err != nil {
			t.Fatal(err)
		}
		if id, was := acknowledged[reference]; was && (!known || paid.ID != id) {
			t.Errorf("acknowledged %s is %q after the kill, was %q", reference, paid.ID, id)
		}
		if known {
			found++
		}
	}
	left, err := client.Balance(t.Context(), merchant.ID)
	if err != nil || left.Free != captured-100-7*int64(found) {
		t.Errorf("%d payouts of 7 leave %+v, %v", found, left, err)
	}
}

// Run needs nobody to push it: a running provider delivers by itself.
func TestProvider_RunSendsAndEndsWithItsContext(t *testing.T) {
	b := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { b.provider.Run(ctx); close(ended) }()
	b.captured(t, "pay_1")
	deadline := time.After(10 * time.Second)
	for taken := 0; taken < 2; {
		select {
		case <-deadline:
			t.Fatal("the notifications did not arrive")
		case <-time.After(10 * time.Millisecond):
			taken += len(b.shop.heard(t))
		}
	}
	cancel()
	select {
	case <-ended:
	case <-deadline:
		t.Fatal("Run outlives its context")
	}
}
