package account

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

func TestClause_4_1_GuessablePasswordsAreRefused(t *testing.T) {
	for _, password := range []string{
		"correct horse battery", "Kestrel-92-umbrella", "云上小马过河看见大象2026", "vK9$wq2!mZ7p", "9f3a7c1e5b8d",
	} {
		if err := passwordAllowed(password); err != nil {
			t.Errorf("allowed: %q is refused: %v", password, err)
		}
	}
	for _, password := range []string{
		"", "short", "elevenchars", "123456789012", "aaaaaaaaaaaaaaaa", "abcdefghijklmno", "password12345", "P@ssw0rd!!2024",
		"passwordpassword", "administrator", "1q1q1q1q1q1q", "Welcome2024!!", "IloveYou123456", "987654321098", "qwertyuiop123",
		strings.Repeat("xk4!Vq", 50),
	} {
		err := passwordAllowed(password)
		f, ok := fault.Of(err)
		if !ok || f.Code != "PROFILE_INVALID" || f.Field != "password" || f.Clause != "UA 4.1" {
			t.Errorf("refused: %.20q gives %v", password, err)
		}
	}
}

func TestClause_4_1_ProfileMustBeCompleteAndWellFormed(t *testing.T) {
	whole := Registration{SubjectType: Individual, DisplayName: "张三的店", UserName: "张三", Email: "zhang.san@example.com", Mobile: "138 0013 8000", Password: nobody}
	if email, mobile, err := checkProfile(whole); err != nil || email.Unique() != "zhang.san@example.com" || mobile.Canonical() != "+8613800138000" {
		t.Errorf("allowed: %v %v %v", email, mobile, err)
	}
	for field, broken := range map[string]func(*Registration){
		"subject_type": func(r *Registration) { r.SubjectType = "robot" },
		"display_name": func(r *Registration) { r.DisplayName = "  " },
		"user_name":    func(r *Registration) { r.UserName = strings.Repeat("名", 101) },
		"email":        func(r *Registration) { r.Email = "a@b" },
		"mobile":       func(r *Registration) { r.Mobile = "12345678901" },
		"password":     func(r *Registration) { r.Password = "" },
	} {
		in := whole
		broken(&in)
		_, _, err := checkProfile(in)
		if f, ok := fault.Of(err); !ok || f.Field != field || f.Kind != fault.Invalid {
			t.Errorf("refused_%s: got %v", field, err)
		}
	}
}

func TestClause_2_4_OnlyAnIndividualIsTakenForAConsumer(t *testing.T) {
	for name, tt := range map[string]struct {
		subject SubjectType
		want    bool
	}{
		"allowed_a_consumers_floors_for_an_individual": {Individual, true},
		"refused_them_to_a_company":                    {LegalPerson, false},
		"refused_them_to_another_organisation":         {OtherOrg, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isConsumer(tt.subject); got != tt.want {
				t.Errorf("%s: consumer = %v", tt.subject, got)
			}
		})
	}
}

func TestClause_8_2_3_CapabilitiesAreJudgedOneByOne(t *testing.T) {
	now := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		state      State
		capability string
		r          Restriction
		want       error
	}{
		"allowed_without_restriction":          {Verified, Buy, Restriction{}, nil},
		"allowed_after_the_end":                {Verified, Buy, Restriction{Case: "enf_1", Until: now}, nil},
		"allowed_to_look_while_suspended":      {Suspended, LoginReadonly, Restriction{}, nil},
		"refused_before_the_end":               {Verified, Buy, Restriction{Case: "enf_1", Until: now.Add(time.Microsecond)}, ErrRestricted},
		"refused_without_end":                  {Registered, Message, Restriction{Case: "enf_1"}, ErrRestricted},
		"refused_to_buy_while_suspended":       {Suspended, Buy, Restriction{}, ErrSuspended},
		"refused_to_buy_while_closing":         {Closing, Buy, Restriction{}, ErrRestricted},
		"refused_to_look_when_that_was_barred": {Verified, LoginReadonly, Restriction{Case: "enf_2"}, ErrRestricted},
	} {
		t.Run(name, func(t *testing.T) {
			if err := mayUse(tt.state, tt.capability, tt.r, now); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestClause_8_2_4_ATerminatedAccountMayOnlyLook(t *testing.T) {
	for name, tt := range map[string]struct {
		state      State
		capability string
		want       error
	}{
		"allowed_while_suspended_is_another_rule": {Suspended, Buy, nil},
		"allowed_to_look_and_export":              {Terminated, LoginReadonly, nil},
		"refused_to_buy":                          {Terminated, Buy, ErrTerminated},
		"refused_by_api":                          {Terminated, API, ErrTerminated},
		"refused_everything_when_closed":          {Closed, LoginReadonly, ErrTerminated},
	} {
		t.Run(name, func(t *testing.T) {
			if err := notEnded(tt.state, tt.capability); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestClause_4_7_3_AForeignObjectLooksLikeNone(t *testing.T) {
	a := audit.Actor{Kind: audit.Person, Account: "acc_a"}
	if err := MustOwn(a, "acc_a"); err != nil {
		t.Errorf("allowed: own object refused: %v", err)
	}
	for name, owner := range map[string]ID{"refused_foreign": "acc_b", "refused_nobody's": ""} {
		f, ok := fault.Of(MustOwn(a, owner))
		if !ok || f.Kind != fault.NotFound || f.Code != ErrNotFound.Code || f.Field != "" || len(f.Args) != 0 {
			t.Errorf("%s: %v tells more than an object that does not exist", name, f)
		}
	}
	if err := MustOwn(audit.Actor{}, ""); err == nil {
		t.Error("refused_stranger: nobody owns what nobody owns")
	}
}

func TestRolesBelongToTheirKindOfAccount(t *testing.T) {
	for _, tt := range []struct {
		kind  Kind
		roles []string
		ok    bool
	}{
		{Customer, []string{Owner, Buyer, VendorManager}, true},
		{Operator, []string{Compliance, Finance}, true},
		{Customer, []string{Compliance}, false},
		{Customer, []string{Buyer, Superadmin}, false},
		{Operator, []string{VendorManager}, false},
		{Customer, nil, false},
		{Customer, []string{"root"}, false},
	} {
		if err := rolesAllowed(tt.kind, tt.roles); (err == nil) != tt.ok {
			t.Errorf("%s %v: %v", tt.kind, tt.roles, err)
		}
	}
}

func TestAnAddressIsMaskedToItsNetwork(t *testing.T) {
	for ip, want := range map[string]string{"203.0.113.9": "203.0.*.*", "2001:db8::1": "2001:db8:*", "": "*", "::1": "::*"} {
		if got := maskIP(ip); got != want {
			t.Errorf("%q: got %q, want %q", ip, got, want)
		}
	}
}

func TestSecretsAndNamesHaveNoJSONForm(t *testing.T) {
	for _, v := range []any{
		User{Name: "王小明"}, Contact{Name: "王小明", Email: "w@example.com"}, Session{Token: "token", Device: "device"}, Key{Secret: "ysk_secret"},
	} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"王小明", "w@example.com", `"token"`, `"device"`, "ysk_secret"} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%T becomes %s", v, raw)
			}
		}
	}
}

func TestPasswordHashesMatchTheirPasswordOnly(t *testing.T) {
	const password = "Kestrel-92-umbrella"
	h, err := Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Hash(t.Context(), password)
	if err != nil || again == h {
		t.Errorf("two hashes of one password are equal, or %v", err)
	}
	if !strings.HasPrefix(string(h), "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(string(h), password) {
		t.Errorf("hash has the form %s", h)
	}
	for guess, want := range map[string]bool{password: true, "Ｋestrel-92-umbrella": true, "kestrel-92-umbrella": false, "": false, strings.Repeat("x", 10_000): false} {
		if got, err := h.Matches(t.Context(), guess); got != want || err != nil {
			t.Errorf("%.30q: %v, %v", guess, got, err)
		}
	}
	if got, err := nobody.Matches(t.Context(), password); got || err != nil {
		t.Errorf("nobody's hash: %v, %v", got, err)
	}
	for _, damaged := range []PasswordHash{"", "plain", "$argon2id$v=19$m=x$AA$AA", "$argon2id$v=19$m=19456,t=2,p=1$*$AA", "$argon2id$v=19$m=19456,t=2,p=1$AA$*"} {
		if _, err := damaged.Matches(t.Context(), password); err == nil {
			t.Errorf("%q: a damaged hash gives an answer", damaged)
		}
	}
}
