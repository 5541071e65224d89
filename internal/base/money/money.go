// Package money counts money in whole minor units (fen, cent, yen) of one currency.
//
// It owns the list of currencies with their number of decimals, exact arithmetic that refuses what does not fit into 64
// bits, reading and writing of amounts, and every division of an amount: shares, splits, pro-rata refunds, commissions and
// metered prices. It does not own prices, accounts or postings, and it knows no exchange rates.
//
// Always true:
//   - no float touches an amount;
//   - two currencies never meet in one sum;
//   - a division is computed in 128 bits and rounded exactly once, in a direction its function names;
//   - a split gives away exactly what it was given.
package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// The refusals of this package. They are wrapped with detail and recognised with errors.Is.
var (
	ErrCurrency = errors.New("money: unknown currency")
	ErrMismatch = errors.New("money: different currencies")
	ErrOverflow = errors.New("money: amount out of range")
	ErrSyntax   = errors.New("money: not an amount")
	ErrDecimals = errors.New("money: more decimals than the currency has")
	ErrShare    = errors.New("money: impossible share")
)

// Amount is a number of minor units of one currency: {198000, "CNY"} is 1,980.00 yuan. It may be negative.
type Amount struct {
	Minor    int64    `json:"minor"`
	Currency Currency `json:"currency"`
}

// New returns minor units of c and refuses a currency that is not in the table.
func New(minor int64, c Currency) (Amount, error) {
	if !c.Known() {
		return Amount{}, fmt.Errorf("%w: %q", ErrCurrency, string(c))
	}
	return Amount{Minor: minor, Currency: c}, nil
}

// Zero is nothing of c.
func Zero(c Currency) Amount { return Amount{Currency: c} }

// IsZero reports whether the amount is nothing, in whatever currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// IsNegative reports whether the amount is below zero.
func (a Amount) IsNegative() bool { return a.Minor < 0 }

// Add returns a + b. It refuses another currency (ErrMismatch) and a sum outside 64 bits (ErrOverflow).
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, mismatch(a, b)
	}
	sum := a.Minor + b.Minor
	if (sum > a.Minor) != (b.Minor > 0) {
		return Amount{}, ErrOverflow
	}
	return Amount{sum, a.Currency}, nil
}

// Sub returns a - b, with the refusals of Add.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, mismatch(a, b)
	}
	diff := a.Minor - b.Minor
	if (diff < a.Minor) != (b.Minor > 0) {
		return Amount{}, ErrOverflow
	}
	return Amount{diff, a.Currency}, nil
}

// Neg returns -a; the smallest 64-bit number has no counterpart and is refused.
func (a Amount) Neg() (Amount, error) { return Zero(a.Currency).Sub(a) }

// Mul returns n times a, for example a unit price times a quantity.
func (a Amount) Mul(n int64) (Amount, error) {
	product := a.Minor * n
	if a.Minor != 0 && (product/a.Minor != n || a.Minor == -1 && n == math.MinInt64) {
		return Amount{}, ErrOverflow
	}
	return Amount{product, a.Currency}, nil
}

// Cmp returns -1, 0 or 1 as a is less than, equal to or more than b. Another currency is refused.
func (a Amount) Cmp(b Amount) (int, error) {
	switch {
	case a.Currency != b.Currency:
		return 0, mismatch(a, b)
	case a.Minor < b.Minor:
		return -1, nil
	case a.Minor > b.Minor:
		return 1, nil
	}
	return 0, nil
}

func mismatch(a, b Amount) error {
	return fmt.Errorf("%w: %s and %s", ErrMismatch, a.Currency, b.Currency)
}

// Plain writes the amount in major units for machines and exports: "1980.00", "-0.05", "1980" for JPY.
func (a Amount) Plain() string {
	sign, whole, fraction := a.parts()
	return sign + whole + fraction
}

// Format writes the amount for people: "¥1,980.00" for CNY, "JP¥1,980", "KWD 1.980" (with a no-break space).
// lang is a language tag; it only decides how dollars are told apart: "US$" in Chinese, "$" elsewhere.
func (a Amount) Format(lang string) string {
	sign, whole, fraction := a.parts()
	var grouped strings.Builder
	for i, digit := range []byte(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			grouped.WriteByte(',')
		}
		grouped.WriteByte(digit)
	}
	return sign + a.Currency.symbol(lang) + grouped.String() + fraction
}

// String is the plain number with its code, for logs and errors.
func (a Amount) String() string { return a.Plain() + " " + string(a.Currency) }

// parts cuts the amount into sign, whole major units and the fraction with its point.
func (a Amount) parts() (sign, whole, fraction string) {
	size := uint64(a.Minor)
	if a.Minor < 0 {
		sign, size = "-", -size
	}
	digits, decimals := strconv.FormatUint(size, 10), a.Currency.Decimals()
	if decimals == 0 {
		return sign, digits, ""
	}
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	cut := len(digits) - decimals
	return sign, digits[:cut], "." + digits[cut:]
}

// Parse reads an unsigned number of major units exactly: "1980", "1980.5" or "1980.50" for CNY.
// It refuses signs, exponents, thousands separators, spaces and a missing digit on either side of the point (ErrSyntax),
// more decimals than the currency has even when they are zeros (ErrDecimals), and what does not fit (ErrOverflow).
func Parse(s string, c Currency) (Amount, error) {
	if !c.Known() {
		return Amount{}, fmt.Errorf("%w: %q", ErrCurrency, string(c))
	}
	whole, fraction, hasPoint := strings.Cut(s, ".")
	if !isDigits(whole) || hasPoint && !isDigits(fraction) {
		return Amount{}, ErrSyntax
	}
	missing := c.Decimals() - len(fraction)
	if missing < 0 {
		return Amount{}, ErrDecimals
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", missing), 10, 64)
	if err != nil {
		return Amount{}, ErrOverflow
	}
	return Amount{minor, c}, nil
}

func isDigits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// UnmarshalJSON reads {"minor":198000,"currency":"CNY"}. Both members are needed, minor is an integer, and the currency
// is one of the table.
func (a *Amount) UnmarshalJSON(data []byte) error {
	var wire struct {
		Minor    *int64   `json:"minor"`
		Currency Currency `json:"currency"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	if wire.Minor == nil {
		return fmt.Errorf("%w: minor is missing", ErrSyntax)
	}
	read, err := New(*wire.Minor, wire.Currency)
	if err != nil {
		return err
	}
	*a = read
	return nil
}

// mulDiv returns the quotient and remainder of a*b/c in 128 bits; ok is false when the quotient needs more than 63.
func mulDiv(a, b, c uint64) (quotient, remainder uint64, ok bool) {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return 0, 0, false
	}
	quotient, remainder = bits.Div64(hi, lo, c)
	return quotient, remainder, quotient <= math.MaxInt64
}
