package cn

import (
	"strings"
	"unicode/utf8"
)

// Mobile is a mainland mobile number.
type Mobile struct{ national string }

// RaisedSegments are the first digits that virtual operators and data cards used when this was written. They raise the
// risk of a registration and refuse nothing: segments move, and numbers are carried between operators.
var RaisedSegments = []string{"14", "162", "165", "167", "170", "171"}

// ParseMobile reads an 11-digit number with or without +86, 0086 or 86, spaces, hyphens and brackets.
func ParseMobile(input string) (Mobile, error) {
	const field = "mobile"
	s := without(plain(input), " ()[]\t"+hyphens)
	foreign := false
	switch {
	case strings.HasPrefix(s, "+86"):
		s = s[3:]
	case strings.HasPrefix(s, "+"):
		s, foreign = s[1:], true
	case strings.HasPrefix(s, "0086"):
		s = s[4:]
	case strings.HasPrefix(s, "86") && len(s) == 13:
		s = s[2:]
	}
	switch {
	case utf8.RuneCountInString(s) != 11:
		return Mobile{}, refuse(field, Length)
	case !isDigits(s):
		return Mobile{}, refuse(field, Charset)
	case foreign || s[0] != '1' || s[1] < '3':
		return Mobile{}, refuse(field, Region)
	}
	return Mobile{s}, nil
}

// Canonical returns the E.164 form, "+8613800138000".
func (m Mobile) Canonical() string {
	if m.national == "" {
		return ""
	}
	return "+86" + m.national
}

// Raised reports whether the number begins with one of the segments, for example RaisedSegments.
func (m Mobile) Raised(segments []string) bool {
	for _, segment := range segments {
		if strings.HasPrefix(m.national, segment) {
			return true
		}
	}
	return false
}

// String is the masked number.
func (m Mobile) String() string { return MaskMobile(m.national) }

// GoString keeps %#v from printing the number.
func (m Mobile) GoString() string { return m.String() }
