package vendor

import (
	"errors"
	"testing"
	"time"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/seal"
	"yunshi/internal/market/account"
)

func TestClause_2_1_OnlyAnOnboardedVendorWithAValidDossierMayOffer(t *testing.T) {
	for _, state := range []State{Applied, Reviewing, Rejected, Onboarded, PublishLimited, ShopHidden, Suspended, Exiting, Exited, Expelled} {
		err := eligible(Vendor{State: state, DossierOK: true})
		if allowed := state == Onboarded || state == PublishLimited; allowed != (err == nil) {
			t.Errorf("allowed is %v for %s: %v", allowed, state, err)
		} else if err != nil && !errors.Is(err, ErrNotEligible) {
			t.Errorf("refused %s with %v", state, err)
		}
	}
	if err := eligible(Vendor{State: Onboarded}); !errors.Is(err, ErrNotEligible) {
		t.Errorf("an overdue dossier sells: %v", err)
	}
}

func TestClause_2_2_TheRulebookSaysWhichSubjectsMayBeVendors(t *testing.T) {
	for _, tt := range []struct {
		subject account.SubjectType
		allowed []string
		ok      bool
	}{
		{account.LegalPerson, []string{"legal_person"}, true},
		{account.Individual, []string{"legal_person"}, false},
		{account.OtherOrg, []string{"legal_person"}, false},
		{account.Individual, []string{"legal_person", "individual"}, true},
		{account.Individual, nil, false},
	} {
		err := mayApply(tt.subject, tt.allowed)
		if tt.ok != (err == nil) {
			t.Errorf("allowed %v, %s: %v", tt.allowed, tt.subject, err)
		}
		if f, found := fault.Of(err); err != nil && (!found || f.Clause != "UA 2.2" || f.Code != "VENDOR_NOT_ELIGIBLE") {
			t.Errorf("refused %s with %v, want VENDOR_NOT_ELIGIBLE citing UA 2.2", tt.subject, err)
		}
	}
}

func TestClause_3_1_ASaleNeedsAnAccountThatALicensedProviderCanPay(t *testing.T) {
	if err := payable(Vendor{MerchantReady: true}); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if err := payable(Vendor{}); !errors.Is(err, ErrNoMerchant) {
		t.Errorf("refused: %v", err)
	}
}

func TestClause_ECL_58_ASaleNeedsTheWholeDeposit(t *testing.T) {
	if err := secured(Vendor{DepositOK: true}); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if err := secured(Vendor{}); !errors.Is(err, ErrDepositShort) {
		t.Errorf("refused: %v", err)
	}
	cny := func(n int64) money.Amount { return money.Amount{Minor: n, Currency: money.CNY} }
	for _, tt := range []struct{ required, received, want int64 }{{5000, 0, 5000}, {5000, 4999, 1}, {5000, 5000, 0}, {5000, 6000, 0}} {
		got, err := missing(cny(tt.required), cny(tt.received))
		if err != nil || got != cny(tt.want) {
			t.Errorf("%d of %d: missing %v, %v", tt.received, tt.required, got, err)
		}
	}
	if _, err := missing(cny(1), money.Amount{Minor: 1, Currency: money.USD}); err == nil {
		t.Error("dollars were counted as yuan")
	}
}

func TestClause_ECL_16_AnExitIsAnnouncedThirtyDaysAhead(t *testing.T) {
	announced := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	earliest := time.Date(2026, 4, 1, 16, 0, 0, 0, time.UTC) // 2 April 00:00 in Shanghai
	if err := noticed(announced, earliest, 30); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if err := noticed(announced, earliest.Add(-time.Microsecond), 30); !errors.Is(err, ErrExitTooSoon) {
		t.Errorf("refused: %v", err)
	}
}

func TestClause_6_3_TwoVendorsKnowOneAccountByDifferentNames(t *testing.T) {
	keys := seal.Generate()
	a, b := OpenID("ven_a", "acc_1", keys), OpenID("ven_b", "acc_1", keys)
	if a == b {
		t.Error("the same name at two vendors")
	}
	if a != OpenID("ven_a", "acc_1", keys) {
		t.Error("the name at one vendor changes")
	}
	if a == OpenID("ven_a", "acc_2", keys) {
		t.Error("two accounts share a name")
	}
	if a == OpenID("ven_a", "acc_1", seal.Generate()) {
		t.Error("the name can be computed without the keys")
	}
}

func TestClause_6_3_AVendorPromisesToOfferOnlyLawfulProducts(t *testing.T) {
	if err := certified(Application{SelfCertified: true}); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if err := certified(Application{}); !errors.Is(err, ErrNotCertified) {
		t.Errorf("refused: %v", err)
	}
}

func TestAProfileNamesEveryFieldThatIsNotRight(t *testing.T) {
	_, err := normal(Application{SubjectType: account.LegalPerson, Contact: Contact{Email: "not an address"}})
	got := map[string]string{}
	for _, f := range fault.All(err) {
		got[f.Field] = f.Code
	}
	for field, code := range map[string]string{
		"registered_name": "FIELD_REQUIRED", "legal_representative": "FIELD_REQUIRED", "address": "FIELD_REQUIRED", "contact_name": "FIELD_REQUIRED",
		"contact_phone": "FIELD_REQUIRED", "contact_email": "FIELD_INVALID", "support_hours": "FIELD_REQUIRED", "uscc": "FIELD_REQUIRED",
	} {
		if got[field] != code {
			t.Errorf("%s: %q, want %s", field, got[field], code)
		}
	}
}
