// Package seed fills a test database with people, vendors and products by the same
// functions the product uses, so what a test starts from could have come about.
//
// Owns: nothing but the convenience. Does not own: any rule; what the product
// refuses fails the test.
package seed

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/vendor"
)

// Market is a database with the agreement, the categories and the operator's staff.
type Market struct {
	DB         *db.DB
	Compliance audit.Actor
	Finance    audit.Actor
	Superadmin audit.Actor
	people     int
}

// CLI is somebody with a shell on the server.
var CLI = audit.CLI("seed")

// password is hashed once for all tests of a process, because that is slow on purpose.
var password = sync.OnceValues(func() (account.PasswordHash, error) {
	return account.Hash(context.Background(), "correct horse battery staple 7")
})

// Open prepares an empty database.
func Open(t testing.TB, d *db.DB) *Market {
	t.Helper()
	m := &Market{DB: d}
	Write(t, d, func(tx *db.Tx) error {
		if err := agreement.Seed(t.Context(), tx, CLI, agreement.Terms{
			Operator: agreement.Both{ZH: "云试科技有限公司", EN: "Yunshi Test Ltd."},
		}); err != nil {
			return err
		}
		return catalog.SeedCategories(t.Context(), tx, CLI)
	})
	m.Compliance = m.staff(t, account.Compliance)
	m.Finance = m.staff(t, account.Finance)
	m.Superadmin = m.staff(t, account.Superadmin)
	return m
}

// Write runs fn in a transaction and fails the test when it fails.
func Write(t testing.TB, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// Read runs fn in a snapshot and fails the test when it fails.
func Read(t testing.TB, d *db.DB, fn func(r db.Reader) error) {
	t.Helper()
	if err := d.Read(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func (m *Market) registration(t testing.TB, subject account.SubjectType, name string) account.Registration {
	t.Helper()
	hash, err := password()
	if err != nil {
		t.Fatal(err)
	}
	m.people++
	return account.Registration{
		SubjectType: subject, DisplayName: name, UserName: name, Password: hash, Locale: "zh",
		Email: fmt.Sprintf("person%d@example.com", m.people),
	}
}

func (m *Market) staff(t testing.TB, role string) audit.Actor {
	t.Helper()
	var u account.User
	in := m.registration(t, account.LegalPerson, "云试科技有限公司")
	Write(t, m.DB, func(tx *db.Tx) (err error) {
		u, err = account.RegisterOperator(t.Context(), tx, CLI, in, []string{role})
		return err
	})
	return actor(u)
}

func actor(u account.User) audit.Actor {
	return audit.Actor{Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Roles: u.Roles, Session: "ses_test", Method: "password", Locale: "zh"}
}

// Person registers an account of the subject type that has accepted the agreement
// and whose real name is verified, and returns its owner.
func (m *Market) Person(t testing.TB, subject account.SubjectType, name string) audit.Actor {
	t.Helper()
	var who audit.Actor
	in := m.registration(t, subject, name)
	Write(t, m.DB, func(tx *db.Tx) error {
		u, err := account.Register(t.Context(), tx, audit.Actor{Kind: audit.Person}, in)
		if err != nil {
			return err
		}
		who = actor(u)
		bundle, err := agreement.Current(t.Context(), tx)
		if err != nil {
			return err
		}
		if err := agreement.Display(t.Context(), tx, who, "zh", bundle.Hash); err != nil {
			return err
		}
		if _, err := agreement.Accept(t.Context(), tx, who, agreement.Acceptance{Method: agreement.Click, Bundle: bundle.Hash, Locale: "zh"}); err != nil {
			return err
		}
		application := identity.Application{
			SubjectType: subject, Name: name, IDKind: identity.USCC, Number: "91440300MA5DEMQ188", Mobile: "13800138000",
			Email: in.Email, BankAccount: "4403-1234567890", LegalRepresentative: "张三", Consent: true, AccountsPerIdentity: 1000,
		}
		if subject == account.Individual {
			application.IDKind, application.Number, application.BankAccount = identity.ResidentID, "440305190402291235", "6225881234567898"
		}
		c, err := identity.Submit(t.Context(), tx, who, application)
		if err != nil {
			return err
		}
		_, err = identity.Decide(t.Context(), tx, m.Compliance, c.ID, identity.Decision{Approve: true, Reason: "verified"})
		return err
	})
	return who
}

// Application is a complete application of a company.
func Application(name string) vendor.Application {
	return vendor.Application{
		RegisteredName: name, SubjectType: account.LegalPerson, USCC: "91440300MA5DEMQ188", LegalRepresentative: "张三",
		Address: "深圳市南山区科技园一路 1 号", Contact: vendor.Contact{Name: "李四", Phone: "0755-86000000", Email: "service@example.com"},
		SupportHours: "09:00–18:00", SelfCertified: true,
	}
}

// Vendor makes an onboarded vendor that may sell, and returns it with its owner.
func (m *Market) Vendor(t testing.TB, name string) (vendor.Vendor, audit.Actor) {
	t.Helper()
	who := m.Person(t, account.LegalPerson, name)
	var v vendor.Vendor
	Write(t, m.DB, func(tx *db.Tx) (err error) {
		if v, err = vendor.Apply(t.Context(), tx, who, Application(name)); err != nil {
			return err
		}
		if _, err = vendor.Decide(t.Context(), tx, m.Compliance, v.ID, vendor.Decision{Approve: true}); err != nil {
			return err
		}
		if _, err = vendor.AddMerchantAccount(t.Context(), tx, who, v.ID, "sandboxpay", "m-"+string(v.ID)); err != nil {
			return err
		}
		_, err = vendor.DepositReceived(t.Context(), tx, m.Finance, v.ID, money.Amount{Minor: 500_000, Currency: money.CNY}, "seed:"+string(v.ID))
		if err != nil {
			return err
		}
		v, err = vendor.Get(t.Context(), tx, v.ID)
		return err
	})
	return v, who
}

// Content is a complete terms sheet with a monthly plan of 199 yuan and a yearly
// one of 1,980 yuan.
func Content(zh, en string) catalog.Content {
	both := func(zh, en string) catalog.Both { return catalog.Both{ZH: zh, EN: en} }
	return catalog.Content{
		Name: both(zh, en), Summary: both("面向中小企业的云上应用", "A cloud application for small companies"),
		Description: both("按月或按年订购,开通后即可使用。", "Ordered by the month or the year and ready to use after activation."),
		Kind:        "cloud_app", DeliveryType: "saas", Category: "saas_office",
		Functions:    []catalog.Both{both("在线协作", "Online collaboration")},
		Requirements: []catalog.Both{both("现代浏览器", "A current browser")},
		RightsBasis:  catalog.RightsBasis{Kind: catalog.SelfDeveloped},
		RefundPolicy: catalog.RefundPolicy{Kind: catalog.RefundPlatformRules, Text: both("购买之日起 5 日内可退款", "Refund within 5 days of the purchase")},
		Licence:      both("订购期内可由购买帐号使用", "May be used by the buying account during the term"),
		Support:      catalog.Support{Hours: both("工作日 9:00–18:00", "Working days 9:00–18:00"), Contact: "support@example.com"},
		Delivery:     catalog.Delivery{Dialect: "license_key", Instructions: both("开通后在实例页查看授权", "See the licence on the page of the instance")},
		Plans: []catalog.Plan{
			{Code: "monthly", Name: both("按月", "Monthly"), Price: money.Amount{Minor: 19_900, Currency: money.CNY}, Term: catalog.Term{Unit: catalog.Month, Count: 1}, Included: []catalog.Both{both("10 个用户", "10 users")}},
			{Code: "yearly", Name: both("按年", "Yearly"), Price: money.Amount{Minor: 198_000, Currency: money.CNY}, Term: catalog.Term{Unit: catalog.Year, Count: 1}, Included: []catalog.Both{both("10 个用户", "10 users")}},
		},
	}
}

// Product puts a product of the vendor on the market the usual way: drafted and
// submitted by the vendor, approved by an officer.
func (m *Market) Product(t testing.TB, who audit.Actor, v vendor.ID, slug string, c catalog.Content) catalog.Product {
	t.Helper()
	var p catalog.Product
	Write(t, m.DB, func(tx *db.Tx) error {
		drafted, version, err := catalog.Draft(t.Context(), tx, who, v, slug, c)
		if err != nil {
			return err
		}
		if _, err := catalog.Submit(t.Context(), tx, who, version.ID); err != nil {
			return err
		}
		if _, err := catalog.Review(t.Context(), tx, m.Compliance, version.ID, catalog.Verdict{Approve: true}); err != nil {
			return err
		}
		p, err = catalog.Get(t.Context(), tx, drafted.ID)
		return err
	})
	return p
}
