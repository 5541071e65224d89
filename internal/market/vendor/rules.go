package vendor

import (
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/cn"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/seal"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// mayApply says which kind of subject the market takes as a vendor; allowed is
// the rulebook's list.
//
// Clause: UA 2.2 (a vendor is a person, a company or another organisation that the rules admit).
func mayApply(subject account.SubjectType, allowed []string) error {
	if !slices.Contains(allowed, string(subject)) {
		return ErrSubjectType.With("SubjectType", string(subject), "Rule", "vendor_subject_types_allowed").In("subject_type")
	}
	return nil
}

// eligible says whether the vendor may offer anything at all. The operator is
// never a vendor, so a sale always has a third party as its seller.
//
// Clause: UA 2.1 (in a neutral market vendors sell their own products; every sale has an onboarded vendor).
func eligible(v Vendor) error {
	switch v.State {
	case Onboarded, PublishLimited:
	default:
		return ErrNotEligible.With("State", string(v.State))
	}
	if !v.DossierOK {
		return ErrNotEligible.With("State", "dossier")
	}
	return nil
}

// payable says whether a sale could be paid to the vendor.
//
// Clause: UA 3.1 (the operator only collects on the vendor's behalf, so a licensed provider must know the vendor).
func payable(v Vendor) error {
	if !v.MerchantReady {
		return ErrNoMerchant
	}
	return nil
}

// secured says whether the deposit reaches what the rulebook asks.
//
// Clause: ECL 58 (a deposit for buyers is agreed in amount, use and return).
func secured(v Vendor) error {
	if !v.DepositOK {
		return ErrDepositShort
	}
	return nil
}

// missing is what the deposit lacks: required less received, zero when enough.
func missing(required, received money.Amount) (money.Amount, error) {
	left, err := required.Sub(received)
	if err != nil || !left.IsNegative() {
		return left, err
	}
	return money.Zero(required.Currency), nil
}

// noticed says whether a vendor's exit is announced early enough.
//
// Clause: ECL 16 (who stops trading says so 30 days ahead).
func noticed(now, end time.Time, days int) error {
	if earliest := calendar.NoticeEarliest(now, days); end.Before(earliest) {
		return ErrExitTooSoon.With("Earliest", calendar.On(earliest).String()).In("end")
	}
	return nil
}

// certified says whether the vendor promised to offer only lawful products and
// to keep the data rules.
//
// Clause: UA 6.3 (the operator binds vendors to strict rules before they may offer anything).
func certified(a Application) error {
	if !a.SelfCertified {
		return ErrNotCertified.In("self_certified")
	}
	return nil
}

// normal trims what a person typed and brings numbers to their canonical form,
// or says which fields are not right.
func normal(a Application) (Application, error) {
	var faults fault.List
	need := func(field string, value *string) {
		if *value = strings.TrimSpace(*value); *value == "" {
			faults = append(faults, ErrRequired.In(field))
		}
	}
	need("registered_name", &a.RegisteredName)
	need("legal_representative", &a.LegalRepresentative)
	need("address", &a.Address)
	need("contact_name", &a.Contact.Name)
	need("contact_phone", &a.Contact.Phone)
	need("contact_email", &a.Contact.Email)
	need("support_hours", &a.SupportHours)
	a.USCC = strings.TrimSpace(a.USCC)
	if a.USCC != "" {
		if code, err := cn.ParseUSCC(a.USCC); err != nil {
			faults = append(faults, ErrInvalid.In("uscc"))
		} else {
			a.USCC = code.Canonical()
		}
	} else if a.SubjectType != account.Individual {
		faults = append(faults, ErrRequired.In("uscc"))
	}
	if a.Contact.Email != "" {
		if address, err := cn.ParseEmail(a.Contact.Email); err != nil {
			faults = append(faults, ErrInvalid.In("contact_email"))
		} else {
			a.Contact.Email = address.Delivery()
		}
	}
	return a, faults.Err()
}

// measured refuses to limit, hide, suspend or expel a vendor, and to give back what
// that took, on anything but a case with the clause that was broken: there are its
// evidence, its reasons and its appeal.
//
// Clause: UA P-4 (a vendor is limited, suspended or expelled by a case that names the clause, and from no page beside it).
func measured(on Basis) error {
	if !strings.HasPrefix(on.Case, "enf_") || strings.TrimSpace(on.Clause) == "" {
		return ErrNoCase
	}
	return nil
}

// pausable refuses to let the selling of a vendor rest that does not sell, or on a
// ground that is none of onboarding: a breach is for a case.
//
// Clause: UA 2.1 (who cannot show what a seller must show, or cannot be paid, does not sell until it can).
func pausable(v Vendor, g Ground) error {
	if !slices.Contains(Grounds, g) {
		return ErrInvalid.In("ground")
	}
	switch v.State {
	case Onboarded, PublishLimited, ShopHidden, Suspended, Exiting:
		return nil
	}
	return ErrState
}

// moves are the measures and their ends that a case may bring.
var moves = map[State][]State{
	Applied:        {Expelled},
	Reviewing:      {Expelled},
	Rejected:       {Expelled},
	Onboarded:      {PublishLimited, ShopHidden, Suspended, Expelled},
	PublishLimited: {Onboarded, ShopHidden, Suspended, Expelled},
	ShopHidden:     {Onboarded, PublishLimited, Suspended, Expelled},
	Suspended:      {Onboarded, PublishLimited, ShopHidden, Expelled},
	Exiting:        {Expelled},
}

// officer says whether the actor decides for the operator. Jobs and the command
// line act for the operator by nature.
func officer(by audit.Actor) bool {
	return by.Has("compliance") || by.Has("superadmin") || by.Kind == audit.CLIKind || by.Kind == audit.JobKind
}

// OpenID is the name under which a vendor knows an account: the same account has
// different names at two vendors, so vendors cannot join what they know.
//
// Clause: UA 6.3 (vendors get as little about a user as the delivery needs).
func OpenID(v ID, a account.ID, keys *seal.Keys) string {
	return "ou_" + keys.Index("vendor.open_id/"+string(v), string(a))[:32]
}
