package cn

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
)

// ResidentID is a resident identity number, or the number of a residence permit for people of Hong Kong, Macao or Taiwan.
type ResidentID struct {
	number string
	birth  calendar.Date
}

// provinces are the first two digits that were ever issued. Finer codes are not checked: a number keeps the code of a
// county that has since been renamed.
const provinces = " 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 "

var residentWeights = [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

// ParseResidentID reads 18 characters with the check character of ISO 7064 MOD 11-2. A birth after today or before 1900
// is refused (date). The 15-digit form of before 2013 is refused (length); a foreigner's card is another kind of document
// (region).
func ParseResidentID(input string, today calendar.Date) (ResidentID, error) {
	const field = "resident_id"
	s := strings.ToUpper(plain(input))
	switch {
	case utf8.RuneCountInString(s) != 18:
		return ResidentID{}, refuse(field, Length)
	case len(s) != 18 || !isDigits(s[:17]) || !isDigits(s[17:]) && s[17] != 'X':
		return ResidentID{}, refuse(field, Charset)
	case !strings.Contains(provinces, " "+s[:2]+" "):
		return ResidentID{}, refuse(field, Region)
	}
	year, _ := strconv.Atoi(s[6:10])
	month, _ := strconv.Atoi(s[10:12])
	day, _ := strconv.Atoi(s[12:14])
	birth, err := calendar.NewDate(year, time.Month(month), day)
	if err != nil || year < 1900 || birth.After(today) {
		return ResidentID{}, refuse(field, Date)
	}
	sum := 0
	for i, weight := range residentWeights {
		sum += int(s[i]-'0') * weight
	}
	if s[17] != "10X98765432"[sum%11] {
		return ResidentID{}, refuse(field, Check)
	}
	return ResidentID{s, birth}, nil
}

// Canonical returns the 18 characters. They are sensitive personal information.
func (r ResidentID) Canonical() string { return r.number }

// Birth returns the day of birth.
func (r ResidentID) Birth() calendar.Date { return r.birth }

// Age returns the completed years of life on a day. Someone born on 29 February completes a year on 1 March of a year
// without that day.
func (r ResidentID) Age(on calendar.Date) int {
	age := on.Year - r.birth.Year
	if on.Month < r.birth.Month || on.Month == r.birth.Month && on.Day < r.birth.Day {
		age--
	}
	return age
}

// String is the masked number.
func (r ResidentID) String() string { return MaskResidentID(r.number) }

// GoString keeps %#v from printing the number.
func (r ResidentID) GoString() string { return r.String() }
