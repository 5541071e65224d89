package stripe

import (
	"errors"
	"net/http"
	"testing"

	"pgregory.net/rapid"

	"yunshi/internal/market/payment"
)

// Whatever is split, returned, refunded and lost on the way: the vendor is given
// what it has a right to, to the cent, when the rest is freed and nothing before;
// a refund leaves it no more than that; and the customer, the vendor, the operator
// and Stripe together have what was paid.
func TestSharesReturnsAndRefundsAlwaysAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := start(t)
		ctx := t.Context()
		captured := rapid.Int64Range(100, 100_000).Draw(rt, "captured")
		of := b.bought(t, euro(captured))
		var shares, returned, refunded, given int64
		freed := false
		lose := func() {
			if rapid.IntRange(0, 3).Draw(rt, "lose") == 0 {
				left := rapid.IntRange(1, 3).Draw(rt, "after")
				b.standin.fault = losing(left)
			}
		}
		// again repeats a call until it is answered, as package payment does.
		again := func(call func() error) error {
			for range 3 {
				err := call()
				b.standin.fault = nil
				if err == nil || errors.Is(err, payment.ErrRefused) {
					return err
				}
			}
			rt.Fatal("no answer")
			return nil
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			amount := rapid.Int64Range(1, captured).Draw(rt, "amount")
			right := captured - refunded - shares + returned
			lose()
			switch rapid.SampledFrom([]string{"split", "finish", "return", "refund"}).Draw(rt, "act") {
			case "split", "finish":
				in := b.splitIntent(of, captured, amount, rapid.Bool().Draw(rt, "whole"))
				err := again(func() error { _, err := b.Split(ctx, in); return err })
				if allowed := !freed && amount <= right; (err == nil) != allowed {
					rt.Fatalf("a share of %d of %d, freed %v: %v", amount, right, freed, err)
				}
				if err == nil {
					shares += amount
					if freed = in.Finish; freed {
						given = right - amount
					}
				}
			case "return":
				in := b.returnIntent(of, amount)
				err := again(func() error { _, err := b.Return(ctx, in); return err })
				if allowed := amount <= shares-returned; (err == nil) != allowed {
					rt.Fatalf("a return of %d of %d: %v", amount, shares-returned, err)
				}
				if err == nil {
					returned += amount
				}
			case "refund":
				in := b.refundIntent(of, amount)
				err := again(func() error { _, err := b.Refund(ctx, in); return err })
				if allowed := amount <= captured-refunded; (err == nil) != allowed {
					rt.Fatalf("a refund of %d of %d: %v", amount, captured-refunded, err)
				}
				if err == nil {
					refunded += amount
					given = min(given, max(right-amount, 0))
				}
			}
			vendor, operator := b.held(payee, "eur"), b.held("", "eur")
			if vendor != given {
				rt.Fatalf("the vendor has %d, not %d; freed %v", vendor, given, freed)
			}
			if vendor+operator+feeOf+refunded != captured {
				rt.Fatalf("vendor %d, operator %d, refunded %d of %d", vendor, operator, refunded, captured)
			}
		}
	})
}

// losing drops the answer to the nth call that has an effect.
func losing(n int) func(*http.Request, func() (int, obj)) (int, any, bool) {
	return func(r *http.Request, effect func() (int, obj)) (int, any, bool) {
		if r.Method == http.MethodGet {
			return 0, nil, false
		}
		if n--; n != 0 {
			return 0, nil, false
		}
		effect()
		return 0, nil, true
	}
}
