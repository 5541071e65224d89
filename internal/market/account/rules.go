package account

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"yunshi/internal/base/cn"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

const (
	shortestPassword = 12  // characters
	longestPassword  = 256 // bytes; hashing more only serves an attacker
)

// passwordAllowed refuses a password that is short or that guessing programs try
// first: few different characters, a run such as 123456 or abcdef, or one common
// word with digits and signs around it.
//
// Clause: UA 4.1 (keep account and password safe).
func passwordAllowed(password string) error {
	if utf8.RuneCountInString(password) < shortestPassword || len(password) > longestPassword || guessable(password) {
		return ErrProfileInvalid.In("password")
	}
	return nil
}

func guessable(password string) bool {
	lower := strings.ToLower(password)
	seen := map[rune]bool{}
	steps, last := 0, rune(0)
	for _, c := range lower {
		if d := c - last; d == 1 || d == -1 || d == 0 {
			steps++
		}
		seen[c], last = true, c
	}
	if len(seen) < 5 || steps*3 >= utf8.RuneCountInString(lower)*2 {
		return true
	}
	plain := strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "5", "s", "$", "s", "7", "t").Replace(strings.TrimFunc(lower, func(c rune) bool { return !unicode.IsLetter(c) }))
	return commonRepeated(lettersOf(lower)) || commonRepeated(lettersOf(plain))
}

func lettersOf(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) {
			return c
		}
		return -1
	}, s)
}

// commonRepeated reports whether s is a common word, once or several times. A
// text without letters is not: digits alone were judged before.
func commonRepeated(s string) bool {
	for word := range strings.Lines(commonWords) {
		word = strings.TrimSpace(word)
		if s != "" && strings.ReplaceAll(s, word, "") == "" {
			return true
		}
	}
	return false
}

// longestName bounds names and titles, in characters.
const longestName = 100

// checkProfile judges the shape of what a person says about himself. Whether it
// is true is the question of real-name verification.
//
// Clause: UA 4.1 (registration data is true, complete and valid).
func checkProfile(in Registration) (cn.Email, cn.Mobile, error) {
	var faults fault.List
	for _, f := range []struct{ field, value string }{{"display_name", in.DisplayName}, {"user_name", in.UserName}} {
		switch {
		case strings.TrimSpace(f.value) == "":
			faults = append(faults, ErrRequired.In(f.field))
		case len([]rune(f.value)) > longestName:
			faults = append(faults, ErrProfileInvalid.In(f.field))
		}
	}
	if !knownSubject(in.SubjectType) {
		faults = append(faults, ErrRequired.In("subject_type"))
	}
	email, err := cn.ParseEmail(in.Email)
	if err != nil {
		faults = append(faults, ErrProfileInvalid.In("email"))
	}
	var mobile cn.Mobile
	if strings.TrimSpace(in.Mobile) != "" {
		if mobile, err = cn.ParseMobile(in.Mobile); err != nil {
			faults = append(faults, ErrProfileInvalid.In("mobile"))
		}
	}
	if in.Password == "" {
		faults = append(faults, ErrRequired.In("password"))
	}
	return email, mobile, faults.Err()
}

const (
	loginFailures = 5
	loginWindow   = 15 * time.Minute
)

// loginLimited refuses further sign-ins after five failures in a quarter of an
// hour, whether or not the address is registered.
func loginLimited(failures int64) error {
	if failures >= loginFailures {
		return ErrRateLimited.With("Seconds", int(loginWindow/time.Second))
	}
	return nil
}

// sessionLife is how long a sign-in lasts: a working day for the operator's
// people, who see other people's data; two weeks for everybody else.
func sessionLife(k Kind) time.Duration {
	if k == Operator {
		return 12 * time.Hour
	}
	return 14 * 24 * time.Hour
}

// newDevice reports whether a sign-in deserves a warning: the browser is not one
// this user has used, and there is an earlier one to compare with.
func newDevice(known bool, earlier int64) bool { return !known && earlier > 0 }

// isConsumer says who is presumed to buy for living needs. A purchase may declare
// a business purpose; the order keeps that declaration.
//
// Clause: UA 2.4 (a user is a person, company or organisation; a person is taken to be a consumer).
func isConsumer(t SubjectType) bool { return t == Individual }

func knownSubject(t SubjectType) bool {
	return t == Individual || t == LegalPerson || t == OtherOrg
}

var (
	customerRoles = []string{Owner, Buyer, VendorManager}
	operatorRoles = []string{Owner, Compliance, Finance, Support, Superadmin}
	capabilities  = []string{Buy, Renew, Review, Message, API, LoginReadonly}
)

// rolesAllowed refuses a user without a role, and a role that does not belong to
// the kind of account: nobody becomes the operator's staff in a customer account.
func rolesAllowed(k Kind, roles []string) error {
	allowed := customerRoles
	if k == Operator {
		allowed = operatorRoles
	}
	if len(roles) == 0 {
		return ErrRequired.In("roles")
	}
	for _, role := range roles {
		if !slices.Contains(allowed, role) {
			return ErrInvalid.In("roles")
		}
	}
	return nil
}

// mayManageUsers says who gives people access to an account: its owner, and a
// superadmin in the operator's account.
func mayManageUsers(by audit.Actor, of ID) bool {
	return by.Account == string(of) && (by.Has(Owner) || by.Has(Superadmin))
}

// mayHoldKey says who acts through an API key: the owner of an account, and the
// operator's people, whose roles exist in no other account.
func mayHoldKey(by audit.Actor) bool {
	return by.Account != "" && (by.Has(Owner) || slices.ContainsFunc([]string{Compliance, Finance, Support, Superadmin}, by.Has))
}

// MustOwn refuses another account's object exactly as it refuses one that does
// not exist. Callers count the attempt with [Denied].
//
// Clause: UA 4.7.3 (no access to other people's data, servers or accounts).
func MustOwn(by audit.Actor, owner ID) error {
	if owner == "" || by.Account != string(owner) {
		return ErrForeign
	}
	return nil
}

// suspiciousForeign is how many different foreign objects one session may ask
// for before the account's risk record says so. Mistyped addresses are not ten.
const suspiciousForeign = 10

// mayUse decides whether an account may use a capability at a moment. What is
// owed to it (refunds, invoices, complaints, export) never asks this question.
//
// Clause: UA 8.2.3 (some or all functions may be restricted or suspended).
func mayUse(s State, capability string, r Restriction, now time.Time) error {
	if r.Case != "" && (r.Until.IsZero() || now.Before(r.Until)) {
		return ErrRestricted.With("Case", r.Case)
	}
	if capability == LoginReadonly {
		return nil
	}
	switch s {
	case Suspended:
		return ErrSuspended
	case Closing:
		return ErrRestricted.With("Case", string(Closing))
	default:
		return nil
	}
}

// notEnded refuses everything but a look at one's own data after termination,
// and everything after closing.
//
// Clause: UA 8.2.4 (the operator may terminate; the agreement is dissolved).
func notEnded(s State, capability string) error {
	if s == Closed || s == Terminated && capability != LoginReadonly {
		return ErrTerminated
	}
	return nil
}

// maskIP keeps the part of an address that tells a network, not a household.
func maskIP(ip string) string {
	if parts := strings.Split(ip, "."); len(parts) == 4 {
		return parts[0] + "." + parts[1] + ".*.*"
	}
	if parts := strings.Split(ip, ":"); len(parts) > 2 {
		return parts[0] + ":" + parts[1] + ":*"
	}
	return "*"
}
