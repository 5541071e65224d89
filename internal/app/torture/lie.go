package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
	"unicode/utf16"

	"yunshi/internal/app/rig"
	"yunshi/internal/plug/sandboxpay"
)

// lie is B16. A notice that proves nothing is refused, one that proves itself is
// a hint and moves nothing, and neither costs memory.
func lie(ctx context.Context, r *run, out *outcome, times int) error {
	payments, _, err := sandboxpay.Witness(r.witness)
	if err != nil {
		return err
	}
	var paid, unpaid sandboxpay.Payment
	for _, p := range payments {
		switch p.Status {
		case sandboxpay.PaymentCaptured:
			paid = p
		case sandboxpay.PaymentCreated:
			unpaid = p
		case sandboxpay.PaymentProcessing, sandboxpay.PaymentFailed, sandboxpay.PaymentClosed:
		}
	}
	if paid.ID == "" || unpaid.ID == "" {
		return errors.New("there is no paid and no unpaid payment yet")
	}
	n := r.nodes[r.chance.IntN(len(r.nodes))]
	l := liar{r: r, out: out, to: base(n) + "/gateway/sandbox", web: &http.Client{Timeout: 30 * time.Second}}
	before, err := rig.Resident(n.pid())
	if err != nil {
		return err
	}
	for i := range times {
		for _, step := range []func(context.Context, sandboxpay.Payment, sandboxpay.Payment, int) error{
			l.duplicates, l.forgeries, l.garbled, l.huge, l.slow,
		} {
			if err := step(ctx, paid, unpaid, i); err != nil {
				return err
			}
		}
		out.hit(r)
	}
	after, err := rig.Resident(n.pid())
	if err != nil {
		return err
	}
	out.note("memory of the node: %.0f MB before, %.0f MB after", before/(1<<20), after/(1<<20))
	if after > before+128<<20 {
		out.wrong("the node's memory grew by %.0f MB", (after-before)/(1<<20))
	}
	return r.serving(ctx, out)
}

// liar sends notices of its own to one node.
type liar struct {
	r   *run
	out *outcome
	to  string
	web *http.Client
}

// claim is a notice that says a payment was captured.
func claim(id string, p sandboxpay.Payment) ([]byte, error) {
	p.Status, p.Captured = sandboxpay.PaymentCaptured, p.Amount
	return json.Marshal(sandboxpay.Notification{ID: id, Type: "payment.captured", CreatedAt: time.Now().UTC(), Mode: "sandbox", Payment: &p})
}

// send signs and sends a notice, and says wrong when the answer is not one of
// some.
func (l *liar) send(ctx context.Context, what, id, secret string, at time.Time, body []byte, change func(*http.Request), allowed ...int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if secret != "" {
		sandboxpay.SignNotification(req.Header, secret, id, at, body)
	}
	if change != nil {
		change(req)
	}
	l.out.hit(nil)
	res, err := l.web.Do(req)
	if err != nil {
		if len(body) > 1<<20 {
			return nil // it hung up on us, as it may
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)) //nolint:errcheck // its end is of no interest
	res.Body.Close()
	checkStatus(l.out, what, res, allowed...)
	return nil
}

// duplicates sends one true notice twenty times at once.
func (l *liar) duplicates(ctx context.Context, paid, _ sandboxpay.Payment, round int) error {
	id := fmt.Sprintf("evt_again_%d", round)
	body, err := claim(id, paid)
	if err != nil {
		return err
	}
	errs := make([]error, 20)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			errs[i] = l.send(ctx, "a duplicate", id, l.r.secret, time.Now(), body, nil, http.StatusOK)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// forgeries claim that an unpaid payment was paid.
func (l *liar) forgeries(ctx context.Context, _, unpaid sandboxpay.Payment, round int) error {
	invented := unpaid
	invented.ID, invented.Reference = "pmt_invented", "pay_invented"
	cheap := unpaid
	cheap.Amount = 1
	for i, f := range []struct {
		what, secret string
		about        sandboxpay.Payment
		at           time.Time
		change       func(*http.Request)
		allowed      int
	}{
		{"a notice without a signature", "", unpaid, time.Now(), nil, http.StatusBadRequest},
		{"a notice signed by somebody else", "not-the-secret", unpaid, time.Now(), nil, http.StatusBadRequest},
		{"an old notice", l.r.secret, unpaid, time.Now().Add(-time.Hour), nil, http.StatusBadRequest},
		{"a notice of tomorrow", l.r.secret, unpaid, time.Now().Add(24 * time.Hour), nil, http.StatusBadRequest},
		{"a signature of another notice", l.r.secret, unpaid, time.Now(), func(r *http.Request) { r.Header.Set(sandboxpay.HeaderID, "evt_other") }, http.StatusBadRequest},
		{"a signed lie about a payment", l.r.secret, unpaid, time.Now(), nil, http.StatusOK},
		{"a signed lie about an amount", l.r.secret, cheap, time.Now(), nil, http.StatusOK},
		{"a signed notice of an invented payment", l.r.secret, invented, time.Now(), nil, http.StatusOK},
	} {
		id := fmt.Sprintf("evt_lie_%d_%d", round, i)
		body, err := claim(id, f.about)
		if err != nil {
			return err
		}
		if err := l.send(ctx, f.what, id, f.secret, f.at, body, f.change, f.allowed); err != nil {
			return err
		}
	}
	return nil
}

// garbled sends what is no notice, with a signature that is right for its bytes.
func (l *liar) garbled(ctx context.Context, paid, _ sandboxpay.Payment, round int) error {
	id := fmt.Sprintf("evt_garbled_%d", round)
	good, err := claim(id, paid)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(good); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	var wide []byte
	for _, unit := range utf16.Encode([]rune(string(good))) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for what, body := range map[string][]byte{
		"nothing": {}, "gzip": packed.Bytes(), "UTF-16": wide, "half a notice": good[:len(good)/2], "a list": []byte("[]"),
		"broken UTF-8": append([]byte(`{"id":"`), 0xff, 0xfe, '"', '}'), "a form": []byte(url.Values{"id": {id}}.Encode()), "nested": bytes.Repeat([]byte("["), 100_000),
	} {
		packed := func(r *http.Request) {
			if what == "gzip" {
				r.Header.Set("Content-Encoding", "gzip")
			}
		}
		if err := l.send(ctx, what, id, l.r.secret, time.Now(), body, packed, http.StatusBadRequest); err != nil {
			return err
		}
	}
	return nil
}

// huge sends ten megabytes, signed and all.
func (l *liar) huge(ctx context.Context, _, _ sandboxpay.Payment, round int) error {
	body := bytes.Repeat([]byte{' '}, 10<<20)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			errs[i] = l.send(ctx, "ten megabytes", fmt.Sprintf("evt_huge_%d_%d", round, i), l.r.secret, time.Now(), body, nil,
				http.StatusBadRequest, http.StatusRequestEntityTooLarge)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// slow opens connections that say a byte a second. The node must hang up on
// headers that do not end, and serve others meanwhile.
func (l *liar) slow(ctx context.Context, _, _ sandboxpay.Payment, _ int) error {
	address, err := url.Parse(l.to)
	if err != nil {
		return err
	}
	const loris = 64
	hungUp := make([]bool, loris)
	var all sync.WaitGroup
	for i := range hungUp {
		all.Go(func() {
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, "tcp", address.Host)
			if err != nil {
				return
			}
			defer conn.Close()
			l.out.hit(nil)
			if _, err := io.WriteString(conn, "POST /gateway/sandbox HTTP/1.1\r\nHost: market\r\nX-Slow: "); err != nil {
				return
			}
			heard := make(chan struct{})
			go func() {
				defer close(heard)
				io.Copy(io.Discard, conn) //nolint:errcheck // until it hangs up
			}()
			for began := time.Now(); time.Since(began) < 14*time.Second && ctx.Err() == nil; {
				select {
				case <-heard:
					hungUp[i] = true
					return
				case <-time.After(time.Second):
					conn.Write([]byte{'a'}) //nolint:errcheck // it may have hung up
				}
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	open := 0
	for _, ended := range hungUp {
		if !ended {
			open++
		}
	}
	if open > 0 {
		l.out.wrong("%d of %d connections with headers that do not end are still open after 14 s", open, loris)
	}
	return nil
}
