// Package cn reads the numbers by which Chinese people, organisations, phones, accounts and invoices are named.
//
// It owns their shapes and check digits: resident identity number (GB 11643), unified social credit code (GB 32100),
// mobile number, bank card (ISO/IEC 7812), corporate account, bank code, e-mail address and fully digitalised e-invoice
// number, and how each is masked for display. It does not own identity: a number that passes is well formed, nothing more.
//
// Always true:
//   - input is trimmed and NFKC-normalised, then judged by the rules of its field; nothing else is repaired;
//   - Canonical is what is stored and compared, and parsing it again gives the same value;
//   - String of a personal number is masked, so a log line or an error cannot show it;
//   - a refusal names the field and the reason, never the input.
package cn

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Reason says which rule an input breaks.
type Reason string

// The reasons for refusing an input, in the order in which the rules are tried.
const (
	Length  Reason = "length"  // too short or too long
	Charset Reason = "charset" // a character that does not belong there
	Dept    Reason = "dept"    // unknown registering department
	Region  Reason = "region"  // unknown division, number range or domain
	Date    Reason = "date"    // no day, before 1900 or in the future
	Year    Reason = "year"    // a year in which no such number was issued
	Check   Reason = "check"   // check digit or serial number
)

// Refusal says why an input is not what its field wants. It never holds the input.
type Refusal struct {
	Field  string // "resident_id", "uscc", "mobile", "bank_card", "corporate_account", "bank_code", "email", "einvoice_no"
	Reason Reason
}

// Error is for logs; people read a text chosen by Field and Reason.
func (r *Refusal) Error() string { return "cn: " + r.Field + " refused: " + string(r.Reason) }

func refuse(field string, reason Reason) error { return &Refusal{field, reason} }

// plain is the common first step of every field: full-width forms become ASCII, spaces around go.
func plain(input string) string { return strings.TrimSpace(norm.NFKC.String(input)) }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// without removes every character of cut from s.
func without(s, cut string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(cut, r) {
			return -1
		}
		return r
	}, s)
}

// hyphens are the signs that people type for one; NFKC has already turned the full-width and no-break ones.
const hyphens = "-\u2010\u2012\u2013\u2014\u2212"
