package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

func person() Application {
	return Application{
		SubjectType: account.Individual, Name: "张三丰", IDKind: ResidentID, Number: "11010119010101002x", Mobile: "13800138000",
		Email: "zhang.san@example.com", BankAccount: "6225 8812 3456 7898", Consent: true,
	}
}

func company() Application {
	return Application{
		SubjectType: account.LegalPerson, Name: "山海科技有限公司", IDKind: USCC, Number: "91440300ma5demq188", Mobile: "13800138000",
		Email: "finance@example.com", BankAccount: "4000 0201 0920 0123456", LegalRepresentative: "李四", Consent: true,
	}
}

var today = calendar.On(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC))

func TestClause_6_1_VerificationIsAskedForAtTheMoment(t *testing.T) {
	now := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		c    Case
		want error
	}{
		"allowed_verified":             {Case{State: Verified}, nil},
		"allowed_before_the_end":       {Case{State: Verified, ValidTo: now.Add(1)}, nil},
		"refused_at_the_end":           {Case{State: Verified, ValidTo: now}, ErrRequired},
		"refused_pending":              {Case{State: Pending}, ErrRequired},
		"refused_failed":               {Case{State: Failed}, ErrRequired},
		"refused_expired":              {Case{State: Expired}, ErrRequired},
		"refused_without_any_case":     {Case{}, ErrRequired},
		"refused_pending_with_an_end":  {Case{State: Pending, ValidTo: now.Add(time.Hour)}, ErrRequired},
		"allowed_with_an_end_far_away": {Case{State: Verified, ValidTo: now.AddDate(1, 0, 0)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := verified(tt.c, now); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestClause_6_1_DataMustBePossible(t *testing.T) {
	f, err := judge(person(), account.Individual, today)
	if err != nil || f.Number != "11010119010101002X" || f.Mobile != "+8613800138000" || f.BankAccount != "6225881234567898" || f.LegalRepresentative != "" {
		t.Errorf("allowed_person: %#v %v", f, err)
	}
	f, err = judge(company(), account.LegalPerson, today)
	if err != nil || f.Number != "91440300MA5DEMQ188" || f.LegalRepresentative != "李四" {
		t.Errorf("allowed_company: %v", err)
	}
	for name, tt := range map[string]struct {
		in    Application
		of    account.SubjectType
		edit  func(*Application)
		code  string
		field string
	}{
		"name":           {person(), account.Individual, func(a *Application) { a.Name = " " }, "FIELD_REQUIRED", "name"},
		"long_name":      {person(), account.Individual, func(a *Application) { a.Name = strings.Repeat("张", 101) }, "PROFILE_INVALID", "name"},
		"check_digit":    {person(), account.Individual, func(a *Application) { a.Number = "110101190101010021" }, "PROFILE_INVALID", "number"},
		"mobile":         {person(), account.Individual, func(a *Application) { a.Mobile = "12345678901" }, "PROFILE_INVALID", "mobile"},
		"email":          {person(), account.Individual, func(a *Application) { a.Email = "x" }, "PROFILE_INVALID", "email"},
		"card":           {person(), account.Individual, func(a *Application) { a.BankAccount = "6225881234567899" }, "PROFILE_INVALID", "bank_account"},
		"under_18":       {person(), account.Individual, func(a *Application) { a.Number = residentBorn("20080303") }, "UNDER_AGE", "number"},
		"wrong_document": {person(), account.Individual, func(a *Application) { a.IDKind = USCC }, "REALNAME_MISMATCH", "id_kind"},
		"wrong_subject":  {person(), account.LegalPerson, func(*Application) {}, "REALNAME_MISMATCH", "subject_type"},
		"uscc":           {company(), account.LegalPerson, func(a *Application) { a.Number = "91440300MA5DEMQ189" }, "PROFILE_INVALID", "number"},
		"representative": {company(), account.OtherOrg, func(a *Application) { a.SubjectType, a.LegalRepresentative = account.OtherOrg, "" }, "FIELD_REQUIRED", "legal_representative"},
		"settlement":     {company(), account.LegalPerson, func(a *Application) { a.BankAccount = "12" }, "PROFILE_INVALID", "bank_account"},
	} {
		t.Run("refused_"+name, func(t *testing.T) {
			in := tt.in
			tt.edit(&in)
			_, err := judge(in, tt.of, today)
			found := false
			for _, f := range fault.All(err) {
				found = found || f.Code == tt.code && f.Field == tt.field
				if strings.Contains(f.Error(), "1101011901") {
					t.Error("the fault holds the number")
				}
			}
			if !found {
				t.Errorf("got %v", err)
			}
		})
	}
	in := person()
	in.Number = residentBorn("20080302")
	if _, err := judge(in, account.Individual, today); err != nil {
		t.Errorf("allowed_on_the_18th_birthday: %v", err)
	}
}

// residentBorn makes a well-formed number of nobody, born on a day.
func residentBorn(day string) string {
	number := "110101" + day + "001"
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(number[i]-'0') * weight
	}
	return number + string("10X98765432"[sum%11])
}

func TestClause_6_1_OneIdentityServesFewAccounts(t *testing.T) {
	for _, tt := range []struct {
		others int64
		limit  int
		ok     bool
	}{{0, 0, true}, {2, 0, true}, {3, 0, false}, {0, 1, true}, {1, 1, false}, {9, 10, true}} {
		if err := reusable(tt.others, tt.limit); (err == nil) != tt.ok {
			t.Errorf("%d others, limit %d: %v", tt.others, tt.limit, err)
		}
	}
}

func TestSensitiveDataNeedTheirOwnConsent(t *testing.T) {
	if err := consented(true); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if f, ok := fault.Of(consented(false)); !ok || f.Code != "CONSENT_REQUIRED" || f.Field != "consent" {
		t.Errorf("refused: %v", f)
	}
}

func TestNobodyDecidesOnHisOwnAccount(t *testing.T) {
	officer := audit.Actor{Account: "acc_operator", Roles: []string{account.Compliance}}
	if err := mayDecide(officer, "acc_a"); err != nil {
		t.Errorf("officer: %v", err)
	}
	for name, err := range map[string]error{
		"own account": mayDecide(officer, "acc_operator"),
		"finance":     mayDecide(audit.Actor{Account: "acc_operator", Roles: []string{account.Finance, account.Support}}, "acc_a"),
		"owner":       mayDecide(audit.Actor{Account: "acc_a", Roles: []string{account.Owner}}, "acc_a"),
	} {
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFieldsPrintMasked(t *testing.T) {
	f, err := judge(person(), account.Individual, today)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := json.Marshal(Request{Fields: f}); err != nil || strings.Contains(string(raw), "1101") || strings.Contains(string(raw), "张") {
		t.Errorf("as JSON: %s %v", raw, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, f); strings.Contains(s, "1101") || strings.Contains(s, "张") {
			t.Errorf("%s shows %s", verb, s)
		}
		if s := fmt.Sprintf(verb, Request{Fields: f}); strings.Contains(s, "1101") {
			t.Errorf("%s of a request shows %s", verb, s)
		}
	}
}
