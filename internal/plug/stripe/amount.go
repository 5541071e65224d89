package stripe

import (
	"fmt"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/money"
)

// unit is how Stripe counts a currency that it does not count as everybody does.
type unit struct {
	times     int64 // Stripe's units in one of ours
	multiples int64 // a charge, refund or transfer is a multiple of this many of Stripe's units
	payouts   int64 // and a payout of this many
}

// unusual are Stripe's special cases. The króna and the Ugandan shilling have no
// minor unit any more, but Stripe still counts hundredths of them. Of a dinar or
// rial Stripe's partners want the last of three digits to be zero. Forint and New
// Taiwan dollar are paid out whole. Stripe does not take the Iraqi and the Libyan
// dinar.
var unusual = map[money.Currency]unit{
	"ISK": {times: 100, multiples: 100, payouts: 100},
	"UGX": {times: 100, multiples: 100, payouts: 100},
	"BHD": {times: 1, multiples: 10, payouts: 10},
	"JOD": {times: 1, multiples: 10, payouts: 10},
	"KWD": {times: 1, multiples: 10, payouts: 10},
	"OMR": {times: 1, multiples: 10, payouts: 10},
	"TND": {times: 1, multiples: 10, payouts: 10},
	"HUF": {times: 1, multiples: 1, payouts: 100},
	"TWD": {times: 1, multiples: 1, payouts: 100},
}

func unitOf(c money.Currency) unit {
	if u, ok := unusual[c]; ok {
		return u
	}
	return unit{times: 1, multiples: 1, payouts: 1}
}

// units is an amount in Stripe's units, for a charge, refund or transfer. What
// they cannot say is refused.
func units(a money.Amount) (int64, error) { return multiple(a, unitOf(a.Currency).multiples) }

// payoutUnits is an amount in Stripe's units, for a payout.
func payoutUnits(a money.Amount) (int64, error) { return multiple(a, unitOf(a.Currency).payouts) }

func multiple(a money.Amount, of int64) (int64, error) {
	if !a.Currency.Known() || a.Currency == "IQD" || a.Currency == "LYD" {
		return 0, refused(fmt.Sprintf("the currency %q is not taken", string(a.Currency)))
	}
	out, err := a.Mul(unitOf(a.Currency).times)
	if err != nil || a.Minor < 0 || out.Minor%of != 0 {
		return 0, refused(fmt.Sprintf("%s is no amount that Stripe can move", a))
	}
	return out.Minor, nil
}

// amountOf is an amount that Stripe reports. It may be negative.
func amountOf(n int64, c sdk.Currency) (money.Amount, error) {
	times := unitOf(currency(c)).times
	if n%times != 0 {
		return money.Amount{}, unreadable("amount", fmt.Sprintf("a part of the smallest unit of %s", c))
	}
	a, err := money.New(n/times, currency(c))
	if err != nil {
		return money.Amount{}, unreadable("amount", fmt.Sprintf("the currency %q", string(c)))
	}
	return a, nil
}
