package cn

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
)

// EInvoiceNo is the number of a fully digitalised e-invoice. A red-letter confirmation has a number of the same shape, so
// the two are told apart by where they are kept, never by looking at them.
type EInvoiceNo struct{ number string }

// firstEInvoiceYear is when the pilot began.
const firstEInvoiceYear = 2021

// ParseEInvoiceNo reads 20 digits: year, area, channel, serial. The year runs from 2021 to the year of today. The area is
// not checked, since cities with their own tax bureau have codes of their own. A serial of zeros is refused (check).
func ParseEInvoiceNo(input string, today calendar.Date) (EInvoiceNo, error) {
	const field = "einvoice_no"
	s := plain(input)
	n := EInvoiceNo{s}
	switch {
	case utf8.RuneCountInString(s) != 20:
		return EInvoiceNo{}, refuse(field, Length)
	case !isDigits(s):
		return EInvoiceNo{}, refuse(field, Charset)
	case n.Year() < firstEInvoiceYear || n.Year() > today.Year:
		return EInvoiceNo{}, refuse(field, Year)
	case strings.Trim(n.Serial(), "0") == "":
		return EInvoiceNo{}, refuse(field, Check)
	}
	return n, nil
}

// Canonical returns the 20 digits.
func (n EInvoiceNo) Canonical() string { return n.number }

// Year is the year of issue, 2024 for a number that begins with 24.
func (n EInvoiceNo) Year() int {
	year, _ := strconv.Atoi(n.part(0, 2))
	return 2000 + year
}

// Area is the two-digit code of the tax bureau.
func (n EInvoiceNo) Area() string { return n.part(2, 4) }

// Channel is the one-digit code of how the invoice was issued.
func (n EInvoiceNo) Channel() string { return n.part(4, 5) }

// Serial is the 15-digit running number.
func (n EInvoiceNo) Serial() string { return n.part(5, 20) }

// String is the number.
func (n EInvoiceNo) String() string { return n.number }

func (n EInvoiceNo) part(from, to int) string {
	if len(n.number) < to {
		return ""
	}
	return n.number[from:to]
}
