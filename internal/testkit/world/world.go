// Package world fills a test database with people and products, through the same
// functions the market itself uses: staff of the operator, verified customers, an
// onboarded vendor, listed products. It owns no rule and invents no state.
//
// Always true: every name and number is made up, and the same calls in the same
// order make the same world.
package world

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

// World is a small market.
type World struct {
	t  testing.TB
	DB *db.DB

	Compliance, Finance, Support, Superadmin audit.Actor // the operator's people
	Seller                                   audit.Actor // owner of Vendor's account
	Vendor                                   vendor.ID

	people, products int
}

// Gateway is the provider that vendors of this world have an account with.
const Gateway = "sandbox"

// Password of every person of the world.
const Password = "violet anchor 47 teapot"

// hash costs 25 ms by design; the people of a test share one.
var hash = sync.OnceValues(func() (account.PasswordHash, error) { return account.Hash(context.Background(), Password) })

// New makes the agreement, the operator's people and one vendor that may sell.
func New(t testing.TB, d *db.DB) *World {
	t.Helper()
	w := &World{t: t, DB: d}
	shell := audit.CLI("test")
	w.Write(func(tx *db.Tx) error {
		return agreement.Seed(t.Context(), tx, shell, agreement.Terms{Operator: agreement.Both{ZH: "测试运营有限公司", EN: Operator}})
	})
	w.Write(func(tx *db.Tx) error {
		return catalog.SeedCategories(t.Context(), tx, shell)
	})
	w.Compliance, w.Finance = w.Staff(account.Compliance), w.Staff(account.Finance)
	w.Support, w.Superadmin = w.Staff(account.Support), w.Staff(account.Superadmin)
	w.Seller, w.Vendor = w.NewVendor()
	return w
}

// Write runs fn in a transaction and ends the test when it fails.
func (w *World) Write(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.DB.Write(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// Read runs fn on a snapshot and ends the test when it fails.
func (w *World) Read(fn func(r db.Reader) error) {
	w.t.Helper()
	if err := w.DB.Read(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// actor is a user in a session of a test.
func actor(u account.User) audit.Actor {
	return audit.Actor{
		Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Session: "ses_" + string(u.ID), Method: "password",
		Roles: u.Roles, Locale: "en",
	}
}

func (w *World) registration(name string, subject account.SubjectType) account.Registration {
	w.t.Helper()
	secret, err := hash()
	if err != nil {
		w.t.Fatal(err)
	}
	w.people++
	return account.Registration{
		SubjectType: subject, DisplayName: name, UserName: fmt.Sprintf("Person %d", w.people),
		Email: fmt.Sprintf("person%d@example.com", w.people), Password: secret, Locale: "en",
	}
}

// Staff is a further person of the operator's.
func (w *World) Staff(role string) audit.Actor {
	w.t.Helper()
	in := w.registration(Operator, account.LegalPerson)
	var u account.User
	w.Write(func(tx *db.Tx) (err error) {
		u, err = account.RegisterOperator(w.t.Context(), tx, audit.CLI("test"), in, []string{role})
		return err
	})
	return actor(u)
}

// Registered is the owner of a new account that has done nothing else.
func (w *World) Registered(subject account.SubjectType) audit.Actor {
	w.t.Helper()
	in := w.registration(fmt.Sprintf("Account %d", w.people+1), subject)
	var u account.User
	w.Write(func(tx *db.Tx) (err error) {
		u, err = account.Register(w.t.Context(), tx, audit.Actor{Kind: audit.Person, User: "visitor"}, in)
		return err
	})
	return actor(u)
}

// SubUser is a further user of the actor's account.
func (w *World) SubUser(of audit.Actor, roles ...string) audit.Actor {
	w.t.Helper()
	in := w.registration("", account.Individual)
	var u account.User
	w.Write(func(tx *db.Tx) (err error) {
		u, err = account.AddUser(w.t.Context(), tx, of, account.NewUser{
			Account: account.ID(of.Account), Name: in.UserName, Email: in.Email, Password: in.Password, Roles: roles, Locale: "en",
		})
		return err
	})
	return actor(u)
}

// Accept makes the actor's account accept the agreement in force by click.
func (w *World) Accept(by audit.Actor) {
	w.t.Helper()
	w.Write(func(tx *db.Tx) error {
		bundle, err := agreement.Current(w.t.Context(), tx)
		if err != nil {
			return err
		}
		if err := agreement.Display(w.t.Context(), tx, by, "en", bundle.Hash); err != nil {
			return err
		}
		_, err = agreement.Accept(w.t.Context(), tx, by, agreement.Acceptance{Method: agreement.Click, Bundle: bundle.Hash, Locale: "en"})
		return err
	})
}

// Verify takes the actor's account through real-name verification.
func (w *World) Verify(by audit.Actor) {
	w.t.Helper()
	var c identity.Case
	w.Write(func(tx *db.Tx) (err error) {
		of, err := account.Get(w.t.Context(), tx, account.ID(by.Account))
		if err != nil {
			return err
		}
		in := identity.Application{
			SubjectType: of.SubjectType, Name: of.DisplayName, IDKind: identity.ResidentID, Number: residentID(w.people),
			Mobile: "13800138000", Email: fmt.Sprintf("contact%d@example.com", w.people), BankAccount: "6225881234567898", Consent: true,
		}
		if of.SubjectType != account.Individual {
			in.IDKind, in.Number, in.LegalRepresentative, in.BankAccount = identity.USCC, uscc(w.people), "Zhang San", "4000012345678901"
		}
		c, err = identity.Submit(w.t.Context(), tx, by, in)
		return err
	})
	w.Write(func(tx *db.Tx) error {
		_, err := identity.Decide(w.t.Context(), tx, w.Compliance, c.ID, identity.Decision{Approve: true, Reason: "documents seen"})
		return err
	})
}

// Customer is the owner of an account that may buy.
func (w *World) Customer(subject account.SubjectType) audit.Actor {
	w.t.Helper()
	by := w.Registered(subject)
	w.Accept(by)
	w.Verify(by)
	return by
}

// NewVendor is the owner of an account whose vendor may sell.
func (w *World) NewVendor() (audit.Actor, vendor.ID) {
	w.t.Helper()
	by := w.Customer(account.LegalPerson)
	ctx := w.t.Context()
	var v vendor.Vendor
	w.Write(func(tx *db.Tx) (err error) {
		v, err = vendor.Apply(ctx, tx, by, vendor.Application{
			RegisteredName: fmt.Sprintf("Example Software %d Co., Ltd.", w.people), SubjectType: account.LegalPerson, USCC: uscc(w.people),
			LegalRepresentative: "Zhang San", Address: "1 Example Road, Shenzhen", SupportHours: "9:00–18:00", SelfCertified: true,
			Contact: vendor.Contact{Name: "Li Si", Phone: "13800138000", Email: fmt.Sprintf("vendor%d@example.com", w.people)},
		})
		return err
	})
	w.Write(func(tx *db.Tx) error {
		_, err := vendor.Decide(ctx, tx, w.Compliance, v.ID, vendor.Decision{Approve: true, Reason: "licence checked"})
		return err
	})
	w.Write(func(tx *db.Tx) error {
		if _, err := vendor.AddMerchantAccount(ctx, tx, w.Finance, v.ID, Gateway, "M-"+string(v.ID)); err != nil {
			return err
		}
		missing, err := vendor.DepositMissing(ctx, tx, v.ID)
		if err != nil {
			return err
		}
		_, err = vendor.DepositReceived(ctx, tx, w.Finance, v.ID, missing, "test:"+string(v.ID))
		return err
	})
	return by, v.ID
}

// Content is a complete terms sheet of a product with one plan, ready to be
// changed by a test before it is listed.
func Content(dialect string, price int64) catalog.Content {
	both := func(zh, en string) catalog.Both { return catalog.Both{ZH: zh, EN: en} }
	return catalog.Content{
		Name: both("值班表", "Duty Roster"), Summary: both("为小团队排班", "Rosters for small teams"),
		Description: both("为十人以内的团队排班,支持换班与导出。", "Plans shifts for teams of up to ten people, with swaps and export."),
		Kind:        "cloud_app", DeliveryType: "saas", Category: "saas_business",
		Functions:    []catalog.Both{both("排班", "Plan shifts")},
		Requirements: []catalog.Both{both("浏览器", "A browser")},
		RightsBasis:  catalog.RightsBasis{Kind: catalog.SelfDeveloped},
		RefundPolicy: catalog.RefundPolicy{Kind: catalog.RefundPlatformRules},
		Licence:      both("仅限购买账号内部使用。", "For internal use by the buying account."),
		Support:      catalog.Support{Hours: both("工作日 9:00–18:00", "Working days 9:00–18:00"), Contact: "support@example.com"},
		Delivery:     catalog.Delivery{Dialect: dialect, Instructions: both("付款后自动交付。", "Delivered automatically after payment.")},
		Plans: []catalog.Plan{{
			Code: "basic", Name: both("基础版", "Basic"), Price: money.Amount{Minor: price, Currency: "CNY"},
			Term: catalog.Term{Unit: "month", Count: 1}, Included: []catalog.Both{both("十个用户", "Ten users")},
		}},
	}
}

// Listed drafts, submits and approves a product of the world's vendor and returns
// its first plan as an offer.
func (w *World) Listed(c catalog.Content) catalog.Offer {
	w.t.Helper()
	return w.ListedBy(w.Seller, w.Vendor, c)
}

// ListedBy is [World.Listed] for another vendor.
func (w *World) ListedBy(by audit.Actor, v vendor.ID, c catalog.Content) catalog.Offer {
	w.t.Helper()
	ctx := w.t.Context()
	w.products++
	var version catalog.Version
	w.Write(func(tx *db.Tx) (err error) {
		_, version, err = catalog.Draft(ctx, tx, by, v, fmt.Sprintf("product-%d", w.products), c)
		return err
	})
	w.Write(func(tx *db.Tx) error { _, err := catalog.Submit(ctx, tx, by, version.ID); return err })
	w.Write(func(tx *db.Tx) error {
		_, err := catalog.Review(ctx, tx, w.Compliance, version.ID, catalog.Verdict{Approve: true})
		return err
	})
	var offer catalog.Offer
	w.Read(func(r db.Reader) error {
		offers, err := catalog.Offers(ctx, r, version.Product)
		if err == nil && len(offers) > 0 {
			offer = offers[0]
		}
		return err
	})
	return offer
}

// residentID makes the n-th valid resident identity number of this world.
func residentID(n int) string {
	body := fmt.Sprintf("110101190%d0101%03d", n/900%10, n%900+1)
	weights := []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += int(body[i]-'0') * w
	}
	return body + string("10X98765432"[sum%11])
}

// uscc makes the n-th valid unified social credit code of this world.
func uscc(n int) string {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	value := func(c byte) int {
		for i := range alphabet {
			if alphabet[i] == c {
				return i
			}
		}
		return 0
	}
	organisation := fmt.Sprintf("MA%06d", n)
	inner := 0
	for i, w := range []int{3, 7, 9, 10, 5, 8, 4, 2} {
		c := organisation[i]
		v := int(c - '0')
		if c >= 'A' {
			v = int(c-'A') + 10
		}
		inner += v * w
	}
	check := byte("0123456789X"[(11-inner%11)%11])
	if check == 'X' {
		return uscc(n + 100000) // X is fine inside, but keep the numbers plain
	}
	body := "91440300" + organisation + string(check)
	sum, weight := 0, 1
	for i := range body {
		sum += value(body[i]) * weight
		weight = weight * 3 % 31
	}
	return body + string(alphabet[(31-sum%31)%31])
}
