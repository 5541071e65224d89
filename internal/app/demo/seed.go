// Package demo fills a new market with a bilingual catalogue and ready people,
// and starts what a demonstration needs around it: a sandbox payment provider as
// its own process and a sample vendor that receives deliveries.
//
// Owns: made-up people, vendors and products (the JSON files), the guide it
// prints. Does not own any rule: everything goes through the same commands that
// pages and programs use, and is refused by the same rules.
//
// Always true: a second start finds what the first one made; a start that was
// interrupted goes on where it stopped.
package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"yunshi/internal/app"
	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/command"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
	"yunshi/internal/plug/banktransfer"
)

//go:embed catalogue.json
var catalogueFile []byte

//go:embed personas.json
var personasFile []byte

type both struct{ ZH, EN string }

func (b both) in(l text.Lang) string {
	if l == text.EN {
		return b.EN
	}
	return b.ZH
}

type person struct {
	Name     both     `json:"name"`
	Email    string   `json:"email"`
	Mobile   string   `json:"mobile"`
	Password string   `json:"password"`
	Roles    []string `json:"roles"`
	Locale   string   `json:"locale"`
}

type customer struct {
	Key         string              `json:"key"`
	SubjectType account.SubjectType `json:"subject_type"`
	DisplayName both                `json:"display_name"`
	Locale      string              `json:"locale"`
	Identity    struct {
		IDKind              string `json:"id_kind"`
		Number              string `json:"number"`
		Name                both   `json:"name"`
		LegalRepresentative both   `json:"legal_representative"`
	} `json:"identity"`
	Users []person `json:"users"`
}

type seller struct {
	Slug                string              `json:"slug"`
	RegisteredName      both                `json:"registered_name"`
	SubjectType         account.SubjectType `json:"subject_type"`
	USCC                string              `json:"uscc"`
	LegalRepresentative both                `json:"legal_representative"`
	Address             both                `json:"address"`
	Contact             struct {
		Name         both
		Phone, Email string
	} `json:"contact"`
	SupportHours    both   `json:"support_hours"`
	MerchantAccount string `json:"merchant_account"`
	Owner           person `json:"owner"`
}

type product struct {
	Slug    string          `json:"slug"`
	Vendor  string          `json:"vendor"`
	Content catalog.Content `json:"content"`
	File    *struct {
		Name      string `json:"name"`
		MediaType string `json:"media_type"`
		Text      string `json:"text"`
	} `json:"sample_file"`
}

type catalogue struct {
	Vendors  []seller  `json:"vendors"`
	Products []product `json:"products"`
}

type personas struct {
	Customers []customer `json:"customers"`
	Vendors   []struct {
		Vendor string   `json:"vendor"`
		Users  []person `json:"users"`
	} `json:"vendors"`
	Operator struct {
		Name  both     `json:"name"`
		Users []person `json:"users"`
	} `json:"operator"`
}

func read() (catalogue, personas, error) {
	var c catalogue
	var p personas
	if err := json.Unmarshal(catalogueFile, &c); err != nil {
		return c, p, fmt.Errorf("demo: catalogue: %w", err)
	}
	if err := json.Unmarshal(personasFile, &p); err != nil {
		return c, p, fmt.Errorf("demo: personas: %w", err)
	}
	return c, p, nil
}

// OperatorName is the registered name of the demonstration's operator.
func OperatorName() (string, error) {
	_, p, err := read()
	return p.Operator.Name.ZH, err
}

// seeding is one run of [Seed].
type seeding struct {
	ctx context.Context
	app *app.App
	say func(format string, args ...any)

	compliance, finance audit.Actor
	hooks               []string // secrets of the vendors' delivery hooks
}

// Secrets are what the sample vendor needs to check the market's calls.
type Secrets struct {
	Native  []string
	Tencent []string
}

// Seed makes the operator's people, vendors, products and customers, each step
// once, and returns the secrets of the delivery hooks. vendorURL is where the
// sample vendor listens.
func Seed(ctx context.Context, a *app.App, vendorURL string, say func(format string, args ...any)) (Secrets, error) {
	c, p, err := read()
	if err != nil {
		return Secrets{}, err
	}
	s := &seeding{ctx: ctx, app: a, say: say}
	if err := s.operator(p); err != nil {
		return Secrets{}, err
	}
	sellers := map[string]audit.Actor{}
	vendors := map[string]vendor.ID{}
	for _, v := range c.Vendors {
		owner := v.Owner
		for _, staffed := range p.Vendors {
			if staffed.Vendor == v.Slug {
				owner = staffed.Users[0]
			}
		}
		by, id, err := s.vendor(v, owner)
		if err != nil {
			return Secrets{}, fmt.Errorf("demo: vendor %s: %w", v.Slug, err)
		}
		sellers[v.Slug], vendors[v.Slug] = by, id
	}
	for _, staffed := range p.Vendors {
		for _, u := range staffed.Users[1:] {
			if _, err := s.user(sellers[staffed.Vendor], u); err != nil {
				return Secrets{}, err
			}
		}
	}
	if err := a.Settle(ctx); err != nil { // deposits arrive with the statement
		return Secrets{}, err
	}
	say("%d vendors onboarded", len(vendors))
	for i, product := range c.Products {
		if err := s.product(sellers[product.Vendor], vendors[product.Vendor], product); err != nil {
			return Secrets{}, fmt.Errorf("demo: product %s: %w", product.Slug, err)
		}
		if (i+1)%10 == 0 || i+1 == len(c.Products) {
			say("%d of %d products listed", i+1, len(c.Products))
		}
	}
	for _, cu := range p.Customers {
		if err := s.customer(cu); err != nil {
			return Secrets{}, fmt.Errorf("demo: customer %s: %w", cu.Key, err)
		}
	}
	say("%d customers verified", len(p.Customers))
	if err := a.Settle(ctx); err != nil {
		return Secrets{}, err
	}
	return s.secrets(sellers, vendors, vendorURL)
}

// once runs one intent under a key of its own, so that it happens once for ever.
func once[T any](s *seeding, by audit.Actor, name, object string, do func(tx *db.Tx) (T, error)) (T, error) {
	answer, err := command.Run(s.ctx, s.app.DB, command.Intent{By: by, Name: name, Key: "demo:" + name + ":" + object, Input: object}, do)
	return answer.Value, err
}

// made is a user as it survives the answer of a command.
type made struct {
	User, Account string
	Roles         []string
	Locale        string
}

func (m made) actor() audit.Actor {
	return audit.Actor{Kind: audit.Person, User: m.User, Account: m.Account, Session: "demo", Method: "seed", Roles: m.Roles, Locale: m.Locale}
}

func of(u account.User, p person) made {
	return made{string(u.ID), string(u.Account), u.Roles, p.Locale}
}

var shell = audit.CLI("demo")

func (s *seeding) registration(p person, subject account.SubjectType, display string) (account.Registration, error) {
	secret, err := account.Hash(s.ctx, p.Password)
	return account.Registration{
		SubjectType: subject, DisplayName: display, UserName: p.Name.in(text.Lang(p.Locale)), Email: p.Email, Mobile: p.Mobile,
		Password: secret, Locale: p.Locale,
	}, err
}

func (s *seeding) operator(p personas) error {
	for _, u := range p.Operator.Users {
		in, err := s.registration(u, account.LegalPerson, p.Operator.Name.ZH)
		if err != nil {
			return err
		}
		m, err := once(s, shell, "operator.register", u.Email, func(tx *db.Tx) (made, error) {
			user, err := account.RegisterOperator(s.ctx, tx, shell, in, u.Roles)
			return of(user, u), err
		})
		if err != nil {
			return err
		}
		by := m.actor()
		if by.Has(account.Compliance) && s.compliance.User == "" {
			s.compliance = by
		}
		if by.Has(account.Finance) {
			s.finance = by
		}
	}
	_, err := once(s, s.compliance, "catalog.seed", "categories", func(tx *db.Tx) (bool, error) {
		return true, catalog.SeedCategories(s.ctx, tx, s.compliance)
	})
	return err
}

// member registers an account, accepts the agreement and verifies the identity.
func (s *seeding) member(p person, subject account.SubjectType, display string, in identity.Application) (audit.Actor, error) {
	p.Password = passwordOf(p)
	if p.Locale == "" {
		p.Locale = "zh"
	}
	form, err := s.registration(p, subject, display)
	if err != nil {
		return audit.Actor{}, err
	}
	m, err := once(s, shell, "account.register", p.Email, func(tx *db.Tx) (made, error) {
		user, err := account.Register(s.ctx, tx, shell, form)
		return of(user, p), err
	})
	if err != nil {
		return audit.Actor{}, err
	}
	by := m.actor()
	if _, err := once(s, by, "agreement.accept", p.Email, func(tx *db.Tx) (bool, error) {
		bundle, err := agreement.Current(s.ctx, tx)
		if err != nil {
			return false, err
		}
		if err := agreement.Display(s.ctx, tx, by, p.Locale, bundle.Hash); err != nil {
			return false, err
		}
		_, err = agreement.Accept(s.ctx, tx, by, agreement.Acceptance{Method: agreement.Click, Bundle: bundle.Hash, Locale: p.Locale})
		return true, err
	}); err != nil {
		return audit.Actor{}, err
	}
	in.SubjectType, in.Mobile, in.Email, in.Consent = subject, p.Mobile, p.Email, true
	id, err := once(s, by, "identity.submit", p.Email, func(tx *db.Tx) (string, error) {
		c, err := identity.Submit(s.ctx, tx, by, in)
		return string(c.ID), err
	})
	if err != nil {
		return audit.Actor{}, err
	}
	_, err = once(s, s.compliance, "identity.decide", id, func(tx *db.Tx) (bool, error) {
		_, err := identity.Decide(s.ctx, tx, s.compliance, identity.ID(id), identity.Decision{Approve: true, Reason: "demo"})
		return true, err
	})
	return by, err
}

// Made-up bank details: a card that passes Luhn, and a settlement account.
const (
	cardNumber    = "6225881234567898"
	accountNumber = "4000012345678901"
)

func (s *seeding) customer(c customer) error {
	in := identity.Application{
		Name: c.Identity.Name.ZH, IDKind: c.Identity.IDKind, Number: c.Identity.Number, BankAccount: cardNumber,
		LegalRepresentative: c.Identity.LegalRepresentative.ZH,
	}
	if c.SubjectType != account.Individual {
		in.BankAccount = accountNumber
	}
	by, err := s.member(c.Users[0], c.SubjectType, c.DisplayName.in(text.Lang(c.Locale)), in)
	if err != nil {
		return err
	}
	for _, u := range c.Users[1:] {
		if _, err := s.user(by, u); err != nil {
			return err
		}
	}
	return nil
}

// user adds a sub-user to an account.
func (s *seeding) user(by audit.Actor, u person) (audit.Actor, error) {
	secret, err := account.Hash(s.ctx, u.Password)
	if err != nil {
		return audit.Actor{}, err
	}
	m, err := once(s, by, "account.add_user", u.Email, func(tx *db.Tx) (made, error) {
		user, err := account.AddUser(s.ctx, tx, by, account.NewUser{
			Account: account.ID(by.Account), Name: u.Name.in(text.Lang(u.Locale)), Email: u.Email, Password: secret, Roles: u.Roles, Locale: u.Locale,
		})
		return of(user, u), err
	})
	return m.actor(), err
}

func (s *seeding) vendor(v seller, owner person) (audit.Actor, vendor.ID, error) {
	if owner.Password == "" {
		owner.Locale = "zh"
	}
	by, err := s.member(owner, v.SubjectType, v.RegisteredName.ZH, identity.Application{
		Name: v.RegisteredName.ZH, IDKind: identity.USCC, Number: v.USCC, BankAccount: accountNumber, LegalRepresentative: v.LegalRepresentative.ZH,
	})
	if err != nil {
		return by, "", err
	}
	id, err := once(s, by, "vendor.apply", v.Slug, func(tx *db.Tx) (vendor.ID, error) {
		made, err := vendor.Apply(s.ctx, tx, by, vendor.Application{
			RegisteredName: v.RegisteredName.ZH, SubjectType: v.SubjectType, USCC: v.USCC, LegalRepresentative: v.LegalRepresentative.ZH,
			Address: v.Address.ZH, SupportHours: v.SupportHours.ZH + " / " + v.SupportHours.EN, SelfCertified: true,
			Contact: vendor.Contact{Name: v.Contact.Name.ZH, Phone: v.Contact.Phone, Email: v.Contact.Email},
		})
		return made.ID, err
	})
	if err != nil {
		return by, "", err
	}
	if _, err := once(s, s.compliance, "vendor.decide", v.Slug, func(tx *db.Tx) (bool, error) {
		_, err := vendor.Decide(s.ctx, tx, s.compliance, id, vendor.Decision{Approve: true, Reason: "demo"})
		return true, err
	}); err != nil {
		return by, "", err
	}
	for _, provider := range []string{"sandbox", banktransfer.Name} {
		if _, err := once(s, s.finance, "vendor.merchant", v.Slug+":"+provider, func(tx *db.Tx) (bool, error) {
			_, err := vendor.AddMerchantAccount(s.ctx, tx, s.finance, id, provider, v.MerchantAccount+"-"+provider)
			return true, err
		}); err != nil {
			return by, "", err
		}
	}
	_, err = once(s, s.finance, "statement.import", v.Slug, func(tx *db.Tx) (bool, error) {
		missing, err := vendor.DepositMissing(s.ctx, tx, id)
		if err != nil {
			return false, err
		}
		code, err := payment.DepositCode(s.ctx, tx, string(id))
		if err != nil {
			return false, err
		}
		_, err = payment.ImportStatement(s.ctx, tx, s.finance, []payment.StatementLine{{
			BankRef: "DEMO-DEPOSIT-" + v.Slug, At: tx.Now(), Amount: missing, Reference: code, Counterparty: v.RegisteredName.ZH, Account: accountNumber,
		}})
		return true, err
	})
	return by, id, err
}

func (s *seeding) product(by audit.Actor, v vendor.ID, p product) error {
	if p.File != nil {
		file, err := once(s, by, "catalog.add_file", p.Slug, func(tx *db.Tx) (catalog.FileID, error) {
			ref, err := s.app.Blob.Put(s.ctx, blob.ByContent, strings.NewReader(p.File.Text))
			if err != nil {
				return "", err
			}
			// The operator's own sample files need no scanner to pass.
			if err := content.Scanned(s.ctx, tx, by, content.File{SHA256: ref.SHA256, Size: ref.Size, Scanner: content.BuiltIn}); err != nil {
				return "", err
			}
			f, err := catalog.AddFile(s.ctx, tx, by, catalog.File{
				Vendor: v, Name: p.File.Name, MediaType: p.File.MediaType, Size: ref.Size, SHA256: ref.SHA256, Blob: ref.Key,
			})
			return f.ID, err
		})
		if err != nil {
			return err
		}
		p.Content.Delivery.File = file
	}
	version, err := once(s, by, "catalog.draft", p.Slug, func(tx *db.Tx) (catalog.VersionID, error) {
		_, version, err := catalog.Draft(s.ctx, tx, by, v, p.Slug, p.Content)
		return version.ID, err
	})
	if err != nil {
		return err
	}
	if _, err := once(s, by, "catalog.submit", p.Slug, func(tx *db.Tx) (bool, error) {
		_, err := catalog.Submit(s.ctx, tx, by, version)
		return true, err
	}); err != nil {
		return err
	}
	_, err = once(s, s.compliance, "catalog.review", p.Slug, func(tx *db.Tx) (bool, error) {
		_, err := catalog.Review(s.ctx, tx, s.compliance, version, catalog.Verdict{Approve: true})
		return true, err
	})
	return err
}

// secrets points every vendor's delivery hooks at the sample vendor, again at
// each start: the address may have changed, and the secrets are shown once.
func (s *seeding) secrets(sellers map[string]audit.Actor, vendors map[string]vendor.ID, vendorURL string) (Secrets, error) {
	var all Secrets
	err := s.app.DB.Write(s.ctx, func(tx *db.Tx) error {
		all = Secrets{}
		for slug, id := range vendors {
			native, err := vendor.SetHook(s.ctx, tx, sellers[slug], id, delivery.HookNative, vendorURL+"/yunshi/webhook")
			if err != nil {
				return err
			}
			tencent, err := vendor.SetHook(s.ctx, tx, sellers[slug], id, delivery.HookTencent, vendorURL+"/tencent/spi")
			if err != nil {
				return err
			}
			all.Native = append(all.Native, native.Secret)
			all.Tencent = append(all.Tencent, tencent.Secret)
		}
		return nil
	})
	return all, err
}

// Guide prints how to use the demonstration, in both languages.
func Guide(w io.Writer, marketURL string) error {
	_, p, err := read()
	if err != nil {
		return err
	}
	for _, l := range []text.Lang{text.ZH, text.EN} {
		say := func(key string, kv ...any) { fmt.Fprintln(w, text.In(l, "demo."+key, kv...)) }
		fmt.Fprintln(w)
		say("guide.title", "URL", marketURL+"/?lang="+string(l))
		for _, c := range p.Customers {
			for _, u := range c.Users {
				say("guide.person", "Who", c.DisplayName.in(l)+" · "+u.Name.in(l), "Email", u.Email, "Password", u.Password)
			}
		}
		for _, v := range p.Vendors {
			say("guide.person", "Who", text.In(l, "demo.guide.vendor")+" · "+v.Users[0].Name.in(l), "Email", v.Users[0].Email, "Password", v.Users[0].Password)
		}
		for _, u := range p.Operator.Users {
			say("guide.person", "Who", text.In(l, "demo.guide.role."+u.Roles[0])+" · "+u.Name.in(l), "Email", u.Email, "Password", u.Password)
		}
		say("guide.steps")
	}
	return nil
}
