package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yunshi/client"
	"yunshi/internal/base/money"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/plug/sandboxpay"
)

// echo answers every line with itself.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c) //nolint:errcheck // until the caller goes
		}
	}()
	return l.Addr().String()
}

// through opens a proxy before echo and a connection through it.
func through(t *testing.T) (*proxy, func() net.Conn) {
	t.Helper()
	p, err := newProxy(always(echo(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p, func() net.Conn {
		c, err := net.Dial("tcp", p.address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// said sends a line and returns what comes back within a while.
func said(c net.Conn, line string, within time.Duration) (string, error) {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	c.SetReadDeadline(time.Now().Add(within)) //nolint:errcheck // the read reports it
	got, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSuffix(got, "\n"), err
}

func TestProxy_Weather(t *testing.T) {
	const soon = 5 * time.Second
	p, dial := through(t)
	c := dial()
	if got, err := said(c, "calm", soon); got != "calm" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	p.set(weather{slice: 1, latency: time.Millisecond})
	if got, err := said(c, "in pieces", soon); got != "in pieces" || err != nil {
		t.Errorf("slice: %q, %v", got, err)
	}
	p.set(weather{bandwidth: 100})
	began := time.Now()
	if got, err := said(c, strings.Repeat("x", 19), soon); len(got) != 19 || err != nil || time.Since(began) < 200*time.Millisecond {
		t.Errorf("bandwidth: %q, %v after %s", got, err, time.Since(began))
	}
	p.set(weather{hole: true})
	if got, err := said(c, "gone", 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("hole: %q, %v", got, err)
	}
	p.calm(false)
	if got, err := said(c, "half open", 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the hole, not reset: %q, %v", got, err)
	}
	if got, err := said(dial(), "new", soon); got != "new" || err != nil {
		t.Errorf("a new connection after the hole: %q, %v", got, err)
	}
	p.calm(true)
	if got, err := said(c, "reset", soon); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the reset: %q, %v", got, err)
	}
	c = dial()
	p.set(weather{cutAfter: "COMMIT", cuts: 1})
	if got, err := said(c, "BEGIN", soon); got != "BEGIN" || err != nil {
		t.Errorf("before the cut: %q, %v", got, err)
	}
	if got, err := said(c, "COMMIT", soon); err == nil || got != "" || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("cut: %q, %v", got, err)
	}
	if got, err := said(dial(), "COMMIT", soon); got != "COMMIT" || err != nil {
		t.Errorf("only so many cuts: %q, %v", got, err)
	}
	p.set(weather{cutAnswer: 1})
	if got, err := said(dial(), "answer", soon); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("answers cut: %q, %v", got, err)
	}
	p.set(weather{down: true})
	if got, err := said(dial(), "down", soon); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("down: %q, %v", got, err)
	}
	p.calm(true)
	if n := p.reset(every); n > 3 {
		t.Errorf("%d connections are still kept", n)
	}
}

// A checker that finds nothing proves nothing: each lie is planted once.
func TestChecks_FindWhatIsWrong(t *testing.T) {
	yuan := func(n int64) money.Amount { return money.Amount{Minor: n, Currency: "CNY"} }
	build := func(t *testing.T) (*run, truth) {
		d, err := openDiary(t.TempDir(), 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.file.Close() })
		s := &shopper{diary: d}
		s.Account = "acc_1"
		for _, n := range []note{
			{Word: sent, Op: place, Key: "k1"}, {Word: taken, Op: place, Key: "k1", Object: "ord_1"},
			{Word: sent, Op: pay, Key: "ord_1"}, {Word: taken, Op: pay, Key: "ord_1", Object: "ord_1"},
			{Word: seen, Op: arrived, Key: "ord_1", Object: "ord_1", Detail: "delivered"},
			{Word: sent, Op: place, Key: "k2"}, {Word: taken, Op: place, Key: "k2", Object: "ord_2"},
			{Word: sent, Op: cancel, Key: "ord_2"}, {Word: taken, Op: cancel, Key: "ord_2", Object: "ord_2"},
			{Word: sent, Op: place, Key: "k3"}, // never answered, and done
		} {
			if err := d.write(n.Word, n.Op, n.Key, n.Object, n.Detail); err != nil {
				t.Fatal(err)
			}
		}
		paid := payment.Attempt{
			ID: "pay_1", State: payment.Captured, ProviderID: "pmt_1", CaptureID: "cap_1", Amount: yuan(100), Captured: yuan(100), Refunded: yuan(30), Fee: yuan(1),
		}
		return &run{report: &report{}, shoppers: []*shopper{s}}, truth{
			orders: map[order.ID]order.Order{
				"ord_1": {ID: "ord_1", Account: "acc_1", State: order.Delivered, Attempt: "pay_1"},
				"ord_2": {ID: "ord_2", Account: "acc_1", State: order.Cancelled},
				"ord_3": {ID: "ord_3", Account: "acc_1", State: order.AwaitingPayment},
			},
			attempts: map[payment.AttemptID]payment.Attempt{"pay_1": paid},
			refunds: map[payment.RefundID]payment.Refund{
				"rfd_1": {ID: "rfd_1", Attempt: "pay_1", Amount: yuan(30), State: payment.RefundSucceeded, ProviderID: "rfn_1"},
			},
			payments: map[string]sandboxpay.Payment{"pmt_1": {
				ID: "pmt_1", Reference: "pay_1", Status: sandboxpay.PaymentCaptured, CaptureID: "cap_1", Amount: 100, Captured: 100, Refunded: 30, Fee: 1, Currency: "CNY",
			}},
			repayments: map[string]sandboxpay.Refund{"rfn_1": {ID: "rfn_1", Reference: "rfd_1", Status: sandboxpay.RefundSucceeded, Amount: 30}},
		}
	}
	moved := func(t truth, id order.ID, to order.State) {
		o := t.orders[id]
		o.State = to
		t.orders[id] = o
	}
	for _, c := range []struct {
		name, finds string
		plant       func(truth)
	}{
		{"nothing", "", func(truth) {}},
		{"an order is gone", "LOST", func(t truth) { delete(t.orders, "ord_1") }},
		{"a delivery is undone", "LOST", func(t truth) { moved(t, "ord_1", order.Provisioning) }},
		{"a cancelled order lives", "LOST", func(t truth) { moved(t, "ord_2", order.AwaitingPayment) }},
		{"an order too many", "nobody was told of", func(t truth) { t.orders["ord_4"] = order.Order{ID: "ord_4", Account: "acc_1"} }},
		{"a capture is not booked", "O3", func(t truth) {
			a := t.attempts["pay_1"]
			a.State = payment.RequiresAction
			t.attempts["pay_1"] = a
		}},
		{"another amount", "O3", func(t truth) {
			a := t.attempts["pay_1"]
			a.Captured = yuan(99)
			t.attempts["pay_1"] = a
		}},
		{"the provider does not know a capture", "O3", func(t truth) { delete(t.payments, "pmt_1") }},
		{"two payments for one attempt", "two payments", func(t truth) {
			p := t.payments["pmt_1"]
			p.ID = "pmt_2"
			t.payments["pmt_2"] = p
		}},
		{"the market does not know a refund", "O3", func(t truth) { delete(t.refunds, "rfd_1") }},
		{"the provider does not know a refund", "O3", func(t truth) { delete(t.repayments, "rfn_1") }},
		{"a refund of another amount", "O3", func(t truth) {
			f := t.repayments["rfn_1"]
			f.Amount = 31
			t.repayments["rfn_1"] = f
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, truth := build(t)
			c.plant(truth)
			out := &outcome{}
			r.answers(truth, out)
			r.journals(truth, out)
			all := strings.Join(out.Wrong, "\n")
			if c.finds == "" && all != "" || !strings.Contains(all, c.finds) {
				t.Errorf("found %q, want %q", all, c.finds)
			}
		})
	}
}

func TestHistory_OnlyARegisterFits(t *testing.T) {
	refusal := &client.Problem{Code: conflict, Status: 409}
	lost := errors.New("connection reset")
	type use struct {
		key, answer, input string
		err                error
	}
	for _, c := range []struct {
		name string
		uses []use
		ok   bool
	}{
		{"one answer", []use{{"k", "ord_1", "", nil}, {"k", "ord_1", "", nil}, {"l", "ord_2", "", nil}}, true},
		{"lost, then answered", []use{{"k", "", "", lost}, {"k", "ord_1", "", nil}, {"k", "", "", lost}}, true},
		{"other input is refused", []use{{"k", "ord_1", "", nil}, {"k", "", "other", refusal}}, true},
		{"two orders", []use{{"k", "ord_1", "", nil}, {"k", "ord_2", "", nil}}, false},
		{"other input is taken", []use{{"k", "ord_1", "", nil}, {"k", "ord_1", "other", nil}}, false},
		{"refused before it was used", []use{{"k", "", "other", refusal}, {"k", "ord_1", "", nil}}, false},
	} {
		h := &history{began: time.Now()}
		for i, u := range c.uses {
			at := time.Now()
			time.Sleep(time.Millisecond)
			h.add(i, u.key, u.answer, u.input, at, u.err)
		}
		if ok, uses, _ := h.linear(); ok != c.ok || uses != len(c.uses) {
			t.Errorf("%s: %v over %d uses", c.name, ok, uses)
		}
	}
}

func TestPlan_TheSeedDecides(t *testing.T) {
	times := func(seed uint64) string {
		r := &run{chance: chanceOf(seed, "faults")}
		var b strings.Builder
		for range 50 {
			wait := r.between()
			if wait < 500*time.Millisecond || wait > 5*time.Second {
				t.Fatalf("a kill after %s", wait)
			}
			fmt.Fprintln(&b, wait, r.chance.IntN(nodeCount))
		}
		return b.String()
	}
	if times(1) != times(1) || times(1) == times(2) {
		t.Error("the schedule does not follow the seed")
	}
	total := 0
	plan, err := planned(options{kills: 210})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range plan {
		if f.id == "B1" {
			total += f.times
		}
	}
	if total < 200 {
		t.Errorf("a full run kills %d times", total)
	}
	if _, err := planned(options{only: "B99"}); err == nil {
		t.Error("an unknown fault was planned")
	}
}

func TestLogs_SecretsAndPanicsAreFound(t *testing.T) {
	dir := t.TempDir()
	r := &run{secrets: map[string]string{"webhook secret": "VERYSECRET"}, provider: &process{name: "provider", dir: dir}, nodes: []*process{{name: "node1", dir: dir}}}
	for name, text := range map[string]string{"provider": "all quiet", "node1": "level=INFO key=VERYSECRET\npanic: at the disco\n"} {
		if err := os.WriteFile(filepath.Join(dir, name+".log"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := &outcome{}
	if err := r.logs(out); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(out.Wrong, "\n")
	if len(out.Wrong) != 2 || !strings.Contains(all, "webhook secret") || !strings.Contains(all, "panic") || strings.Contains(all, "VERYSECRET") {
		t.Errorf("found %q", all)
	}
}
