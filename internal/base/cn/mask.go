package cn

import "strings"

// MaskResidentID shows the first three and the last four characters: "110***********0014". What is too short to hide
// anything that way is hidden whole, here and below.
func MaskResidentID(number string) string { return mask(number, 3, 4) }

// MaskMobile shows the first three and the last four digits without the country code: "138****8000".
func MaskMobile(number string) string { return mask(strings.TrimPrefix(number, "+86"), 3, 4) }

// MaskBankAccount shows the last four digits of a card or an account: "************7898".
func MaskBankAccount(number string) string { return mask(number, 0, 4) }

// MaskEmail shows the first character and the domain: "z***@example.com". The number of stars says nothing.
func MaskEmail(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return mask(address, 0, 0)
	}
	local := []rune(address[:at])
	if len(local) < 2 {
		return "***" + address[at:]
	}
	return string(local[:1]) + "***" + address[at:]
}

// MaskName shows the first character of a person's name: "张**".
func MaskName(name string) string { return mask(name, 1, 0) }

// mask keeps head and tail characters and puts a star for each other one. It hides all when less than a third of the text
// would be hidden.
func mask(s string, head, tail int) string {
	runes := []rune(s)
	if len(runes) <= head || 3*(len(runes)-head-tail) < len(runes) {
		head, tail = 0, 0
	}
	for i := head; i < len(runes)-tail; i++ {
		runes[i] = '*'
	}
	return string(runes)
}
