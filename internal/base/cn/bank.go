package cn

import (
	"strings"
	"unicode/utf8"
)

// BankCard is the number of a payment card.
type BankCard struct{ number string }

// ParseBankCard reads 12 to 19 digits that pass the Luhn check of ISO/IEC 7812, with or without spaces and hyphens. Luhn
// does not see that 09 and 90 were swapped.
func ParseBankCard(input string) (BankCard, error) {
	const field = "bank_card"
	s := without(plain(input), " "+hyphens)
	n := utf8.RuneCountInString(s)
	switch {
	case n < 12 || n > 19:
		return BankCard{}, refuse(field, Length)
	case !isDigits(s):
		return BankCard{}, refuse(field, Charset)
	case !Luhn(s):
		return BankCard{}, refuse(field, Check)
	}
	return BankCard{s}, nil
}

// Luhn reports whether a string of ASCII digits passes the check of ISO/IEC 7812. Zeros alone do not.
func Luhn(digits string) bool {
	sum, zeros := 0, true
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		zeros = zeros && d == 0
		if i%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return !zeros && sum%10 == 0
}

// Canonical returns the digits.
func (b BankCard) Canonical() string { return b.number }

// String is the masked number.
func (b BankCard) String() string { return MaskBankAccount(b.number) }

// GoString keeps %#v from printing the number.
func (b BankCard) GoString() string { return b.String() }

// CorporateAccount is the number of an organisation's settlement account at a bank. It has no check digit; a small
// transfer proves it.
type CorporateAccount struct{ number string }

// ParseCorporateAccount reads 8 to 32 digits and hyphens; a hyphen stands only between digits and is kept.
func ParseCorporateAccount(input string) (CorporateAccount, error) {
	const field = "corporate_account"
	s := without(plain(input), " ")
	n := utf8.RuneCountInString(s)
	if n < 8 || n > 32 {
		return CorporateAccount{}, refuse(field, Length)
	}
	for _, part := range strings.Split(s, "-") {
		if !isDigits(part) {
			return CorporateAccount{}, refuse(field, Charset)
		}
	}
	return CorporateAccount{s}, nil
}

// Canonical returns digits and hyphens.
func (c CorporateAccount) Canonical() string { return c.number }

// String is the masked number.
func (c CorporateAccount) String() string { return MaskBankAccount(c.number) }

// GoString keeps %#v from printing the number.
func (c CorporateAccount) GoString() string { return c.String() }

// BankCode is the 12-digit code of a bank's branch in interbank transfers. It is public.
type BankCode struct{ code string }

// ParseBankCode reads 12 digits.
func ParseBankCode(input string) (BankCode, error) {
	const field = "bank_code"
	s := without(plain(input), " ")
	switch {
	case utf8.RuneCountInString(s) != 12:
		return BankCode{}, refuse(field, Length)
	case !isDigits(s):
		return BankCode{}, refuse(field, Charset)
	}
	return BankCode{s}, nil
}

// Canonical returns the digits.
func (b BankCode) Canonical() string { return b.code }

// String is the code.
func (b BankCode) String() string { return b.code }
