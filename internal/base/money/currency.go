package money

import (
	"fmt"
	"strings"
)

// Currency is an ISO 4217 code in capitals, for example "CNY".
type Currency string

// The currencies that the product names itself.
const (
	CNY Currency = "CNY"
	USD Currency = "USD"
	EUR Currency = "EUR"
	HKD Currency = "HKD"
	JPY Currency = "JPY"
	KWD Currency = "KWD"
)

// decimals is the number of digits after the point, as ISO 4217 lists them (its list one, column "minor unit").
var decimals = map[Currency]int{
	"AED": 2, "ARS": 2, "AUD": 2, "BDT": 2, "BGN": 2, "BHD": 3, "BRL": 2, "CAD": 2, "CHF": 2, "CLP": 0, "CNY": 2, "COP": 2,
	"CZK": 2, "DKK": 2, "EGP": 2, "EUR": 2, "GBP": 2, "HKD": 2, "HUF": 2, "IDR": 2, "ILS": 2, "INR": 2, "IQD": 3, "ISK": 0,
	"JOD": 3, "JPY": 0, "KES": 2, "KRW": 0, "KWD": 3, "KZT": 2, "LKR": 2, "LYD": 3, "MAD": 2, "MOP": 2, "MXN": 2, "MYR": 2,
	"NGN": 2, "NOK": 2, "NZD": 2, "OMR": 3, "PEN": 2, "PHP": 2, "PKR": 2, "PLN": 2, "PYG": 0, "QAR": 2, "RON": 2, "RSD": 2,
	"RUB": 2, "SAR": 2, "SEK": 2, "SGD": 2, "THB": 2, "TND": 3, "TRY": 2, "TWD": 2, "UAH": 2, "UGX": 0, "USD": 2, "UYU": 2,
	"VND": 0, "XAF": 0, "XOF": 0, "ZAR": 2,
}

// symbols are signs that cannot be mistaken for another currency of the table. The rest is written with its code.
var symbols = map[Currency]string{
	"AUD": "A$", "BRL": "R$", "CAD": "CA$", "CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "ILS": "₪", "INR": "₹",
	"JPY": "JP¥", "KRW": "₩", "MOP": "MOP$", "MXN": "MX$", "NZD": "NZ$", "SGD": "S$", "TWD": "NT$", "USD": "$", "VND": "₫",
}

// ParseCurrency reads an ISO 4217 code in capitals and refuses one that is not in the table.
func ParseCurrency(code string) (Currency, error) {
	if c := Currency(code); c.Known() {
		return c, nil
	}
	return "", fmt.Errorf("%w: %q", ErrCurrency, code)
}

// Known reports whether the currency is in the table.
func (c Currency) Known() bool {
	_, known := decimals[c]
	return known
}

// Decimals is how many digits follow the point: 2 for CNY, 0 for JPY, 3 for KWD. It is 0 for an unknown currency, which
// no constructor of this package lets through.
func (c Currency) Decimals() int { return decimals[c] }

func (c Currency) symbol(lang string) string {
	if c == USD && strings.HasPrefix(strings.ToLower(lang), "zh") {
		return "US$"
	}
	if s, ok := symbols[c]; ok {
		return s
	}
	return string(c) + "\u00a0"
}
