package order

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/promotion"
)

// maxQuantity keeps a slip of the finger from becoming a contract.
const maxQuantity = 1000

// fee works out what a purchase costs with what the vendor takes off. Prices
// include the tax of points basis points: it is taken out of what is paid, once, for
// the whole, and rounded down in favour of the net.
//
// Clause: UA 2.5 (the fee is what is paid for a product; its parts add up to what the provider confirms).
func fee(price money.Amount, quantity, points int64, off promotion.Off) (f Fee, err error) {
	if quantity < 1 || quantity > maxQuantity {
		return Fee{}, ErrQuantity.In("quantity")
	}
	if f.List, err = price.Mul(quantity); err != nil {
		return Fee{}, err
	}
	if f.Discount, f.Voucher, err = off.From(price, quantity); err != nil {
		return Fee{}, err
	}
	if f.Paid, err = f.List.Sub(f.Discount); err != nil {
		return Fee{}, err
	}
	if f.Paid, err = f.Paid.Sub(f.Voucher); err != nil {
		return Fee{}, err
	}
	tax, err := money.Alloc(f.Paid.Minor, points, 10000+points)
	if err != nil {
		return Fee{}, err
	}
	f.Tax = money.Amount{Minor: tax, Currency: price.Currency}
	f.Net, err = f.Paid.Sub(f.Tax)
	return f, err
}

// agreed refuses a purchase whose terms were not accepted, or were not the ones
// in force any more when it was submitted.
//
// Clause: UA 4.2 (who buys has seen functions, requirements, charges and refund rules, and agrees to them).
func agreed(p Purchase, offer catalog.Offer) error {
	if !p.AcceptTerms {
		return ErrTermsNotAgreed.In("accept_terms")
	}
	if p.TermsSHA256 != offer.SHA256 {
		return ErrStale.In("terms")
	}
	return nil
}

// chosen refuses an account that the buyer does not act for: a product belongs
// to the account chosen at payment, so the choice must be theirs to make.
//
// Clause: UA 4.3 (the account is chosen when paying, among those the buyer manages).
func chosen(id account.ID, may []account.Account) error {
	if !slices.ContainsFunc(may, func(a account.Account) bool { return a.ID == id }) {
		return ErrBound.In("account")
	}
	return nil
}

// honestPrice refuses a total that is not the one that the listed price, the discount
// and the voucher make, also when a client sends it.
//
// Clause: UA 4.7.7 (nobody buys below the price version by exploiting a flaw).
func honestPrice(expected, computed money.Amount) error {
	if expected != computed {
		return ErrPrice.With("Amount", computed.String()).In("total")
	}
	return nil
}

// ownMoneyOnly is the answer to everybody who wants to mark an order as paid.
//
// Clause: UA 4.11 (a trade is protected when it is completed in the market; money outside pays nothing here).
func ownMoneyOnly() error { return ErrOffPlatform }

// atArmsLength refuses a vendor's purchase of its own product.
//
// Clause: ECL 17 (no made-up trades).
func atArmsLength(seller, buyer account.ID) error {
	if seller == buyer {
		return ErrSelfPurchase
	}
	return nil
}

// refundRule freezes how money comes back.
func refundRule(policy catalog.RefundPolicy, class string, days int) RefundRule {
	rule := RefundRule{Kind: policy.Kind, Text: policy.Text, Clause: "UA 4.5"}
	if policy.Kind == catalog.RefundPlatformRules {
		rule.Class = class
		if class == fiveDay {
			rule.Days = days
		}
	}
	return rule
}

// fiveDay is the refund class of categories whose window is counted in days.
const fiveDay = "five_day"

// from adds the last moment of the window that began with the payment.
func (r RefundRule) from(paid time.Time) RefundRule {
	if r.Days > 0 && !paid.IsZero() {
		r.Until = calendar.RefundLastMoment(paid, r.Days)
	}
	return r
}

func sha(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
