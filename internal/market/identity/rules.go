package identity

import (
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/cn"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// verified decides whether a case lets its account buy at a moment.
//
// Clause: UA 6.1 (register and pass real-name verification before buying).
func verified(c Case, now time.Time) error {
	if c.State == Verified && (c.ValidTo.IsZero() || now.Before(c.ValidTo)) {
		return nil
	}
	return ErrRequired
}

// consented refuses to take sensitive data without a consent of its own; the
// agreement does not contain it and its acceptance does not replace it.
//
// Clause: PIPL 29 (sensitive personal information needs separate consent).
func consented(given bool) error {
	if !given {
		return ErrConsent.In("consent")
	}
	return nil
}

const adult = 18

// judge returns the fields in their canonical form, or every field that cannot be
// true by its shape. A person shows a resident number and a card, an organisation
// its credit code, its settlement account and its representative.
func judge(in Application, of account.SubjectType, today calendar.Date) (Fields, error) {
	var faults fault.List
	refuse := func(f *fault.Fault, field string) { faults = append(faults, f.In(field)) }

	f := Fields{Name: strings.TrimSpace(in.Name), LegalRepresentative: strings.TrimSpace(in.LegalRepresentative)}
	if in.SubjectType != of {
		refuse(ErrMismatch, "subject_type")
	}
	if f.Name == "" {
		refuse(ErrFieldRequired, "name")
	} else if len([]rune(f.Name)) > longestName {
		refuse(ErrProfileInvalid, "name")
	}
	if mobile, err := cn.ParseMobile(in.Mobile); err != nil {
		refuse(ErrProfileInvalid, "mobile")
	} else {
		f.Mobile = mobile.Canonical()
	}
	if email, err := cn.ParseEmail(in.Email); err != nil {
		refuse(ErrProfileInvalid, "email")
	} else {
		f.Email = email.Canonical()
	}

	switch {
	case of == account.Individual && in.IDKind == ResidentID:
		if number, err := cn.ParseResidentID(in.Number, today); err != nil {
			refuse(ErrProfileInvalid, "number")
		} else if f.Number = number.Canonical(); number.Age(today) < adult {
			refuse(ErrUnderAge, "number")
		}
		if !bankNeeded(of, in.BankOnNeed) && strings.TrimSpace(in.BankAccount) == "" {
			f.BankAccount = ""
		} else if card, err := cn.ParseBankCard(in.BankAccount); err != nil {
			refuse(ErrProfileInvalid, "bank_account")
		} else {
			f.BankAccount = card.Canonical()
		}
		f.LegalRepresentative = ""
	case of != account.Individual && in.IDKind == USCC:
		if code, err := cn.ParseUSCC(in.Number); err != nil {
			refuse(ErrProfileInvalid, "number")
		} else {
			f.Number = code.Canonical()
		}
		if bank, err := cn.ParseCorporateAccount(in.BankAccount); err != nil {
			refuse(ErrProfileInvalid, "bank_account")
		} else {
			f.BankAccount = bank.Canonical()
		}
		if f.LegalRepresentative == "" {
			refuse(ErrFieldRequired, "legal_representative")
		}
	default:
		refuse(ErrMismatch, "id_kind")
	}
	return f, faults.Err()
}

// bankNeeded says whether a verification asks for a bank account. The agreement
// asks everybody; where the law limits it to what is needed, only an organisation
// is asked, whose settlement account proves who it is. A person's card is asked for
// when money goes back to it.
//
// Clause: PIPL 28 (sensitive personal information is handled only where it is necessary).
func bankNeeded(of account.SubjectType, onNeed bool) bool {
	return !onNeed || of != account.Individual
}

const longestName = 100

// accountsPerIdentity is how many accounts one identity may stand behind when the
// caller has no setting.
const accountsPerIdentity = 3

// reusable refuses an identity that already stands behind as many other accounts
// as allowed: names for hire are how bans are walked around.
func reusable(others int64, limit int) error {
	if limit <= 0 {
		limit = accountsPerIdentity
	}
	if others >= int64(limit) {
		return ErrReused.In("number")
	}
	return nil
}

// mayDecide says who looks into and decides cases: compliance, and never on his
// own account.
func mayDecide(by audit.Actor, of account.ID) error {
	if !by.Has(account.Compliance) || by.Account == string(of) {
		return ErrForbidden
	}
	return nil
}
