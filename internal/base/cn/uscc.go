package cn

import (
	"strings"
	"unicode/utf8"
)

// USCC is a unified social credit code, which is also the taxpayer number of its holder. It is public.
type USCC struct {
	code  string
	inner bool
}

const (
	usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	// usccDepartments register organisations: establishment, foreign affairs, justice, culture, civil affairs, tourism,
	// religion, unions, market regulation, the military, agriculture, others.
	usccDepartments = "123456789ANY"
)

var (
	usccWeights  = [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}
	innerWeights = [8]int{3, 7, 9, 10, 5, 8, 4, 2}
)

// ParseUSCC reads 18 characters with the check character of GB 32100 (MOD 31). The 15-digit registration number of former
// years is refused (length).
func ParseUSCC(input string) (USCC, error) {
	const field = "uscc"
	s := strings.ToUpper(plain(input))
	switch {
	case utf8.RuneCountInString(s) != 18:
		return USCC{}, refuse(field, Length)
	case strings.Trim(s, usccAlphabet) != "" || !isDigits(s[2:8]):
		return USCC{}, refuse(field, Charset)
	case strings.IndexByte(usccDepartments, s[0]) < 0:
		return USCC{}, refuse(field, Dept)
	}
	sum := 0
	for i, weight := range usccWeights {
		sum += strings.IndexByte(usccAlphabet, s[i]) * weight
	}
	if usccAlphabet[(31-sum%31)%31] != s[17] {
		return USCC{}, refuse(field, Check)
	}
	return USCC{s, s[16] == innerCheck(s[8:16])}, nil
}

// innerCheck is the check character of GB 11714 over the eight characters of an organisation's body code.
func innerCheck(body string) byte {
	sum := 0
	for i, weight := range innerWeights {
		value := int(body[i] - '0')
		if body[i] >= 'A' {
			value = int(body[i]-'A') + 10
		}
		sum += value * weight
	}
	return "0X987654321"[sum%11]
}

// Canonical returns the 18 characters in capitals.
func (u USCC) Canonical() string { return u.code }

// Suspicious reports that the inner check of the body code fails. Not every registrar is known to obey it, so this is a
// warning for the person who reviews, never a refusal.
func (u USCC) Suspicious() bool { return !u.inner }

// String is the code.
func (u USCC) String() string { return u.code }
