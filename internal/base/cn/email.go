package cn

import (
	"strings"

	"golang.org/x/net/idna"
)

// Email is one address in three forms, because delivering, telling accounts apart and linking persons are three questions.
type Email struct{ local, domain string }

const localAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_{}~|`."

// ParseEmail reads an address with a dot-atom local part of at most 64 ASCII characters and a domain of at least two
// labels, which may be international. Quoted and international local parts and addresses at an IP number are refused.
func ParseEmail(input string) (Email, error) {
	const field = "email"
	s := plain(input)
	if s == "" {
		return Email{}, refuse(field, Length)
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Email{}, refuse(field, Charset)
	}
	local := s[:at]
	switch {
	case strings.Trim(local, localAlphabet) != "" || strings.Contains("."+local+".", ".."):
		return Email{}, refuse(field, Charset)
	case len(local) > 64:
		return Email{}, refuse(field, Length)
	}
	domain, ok := asciiDomain(s[at+1:])
	switch {
	case !ok:
		return Email{}, refuse(field, Region)
	case len(domain) > 253:
		return Email{}, refuse(field, Length)
	}
	return Email{local, domain}, nil
}

// asciiDomain maps a domain as UTS 46 lookup does, drops one trailing dot, and reports whether the result can be one.
func asciiDomain(domain string) (string, bool) {
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", false
	}
	ascii = strings.TrimSuffix(ascii, ".")
	if again, err := idna.Lookup.ToASCII(ascii); err != nil || again != ascii {
		return "", false // the mapping let a character through that its own answer does not admit
	}
	labels := strings.Split(ascii, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return "", false
		}
	}
	return ascii, len(labels) > 1 && !isDigits(labels[len(labels)-1])
}

// Delivery is the address to send to: the local part as typed, the domain in ASCII.
func (e Email) Delivery() string { return e.join(e.local, e.domain) }

// Canonical is the address to store; it is Delivery.
func (e Email) Canonical() string { return e.Delivery() }

// Unique is the key under which an account is registered: Delivery in lower case.
func (e Email) Unique() string { return e.join(strings.ToLower(e.local), e.domain) }

// Risk is the mailbox behind the address, to link accounts of one person: no +tag, and for Gmail no dots and one domain.
// It refuses nobody by itself.
func (e Email) Risk() string {
	local, domain := strings.ToLower(e.local), e.domain
	if tag := strings.IndexByte(local, '+'); tag > 0 {
		local = local[:tag]
	}
	if domain == "gmail.com" || domain == "googlemail.com" {
		local, domain = strings.ReplaceAll(local, ".", ""), "gmail.com"
	}
	return e.join(local, domain)
}

func (e Email) join(local, domain string) string {
	if e == (Email{}) {
		return ""
	}
	return local + "@" + domain
}

// String is the masked address.
func (e Email) String() string { return MaskEmail(e.Delivery()) }

// GoString keeps %#v from printing the address.
func (e Email) GoString() string { return e.String() }
