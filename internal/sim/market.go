package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"encoding/json"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/cn"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/seal"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/vendor"
)

// genesis is when every simulated market opens: a Monday morning in Shanghai.
var genesis = time.Date(2026, time.March, 2, 2, 0, 0, 0, time.UTC)

// provider is the name of the only provider of a simulated market.
const provider = "sim"

// seller is a vendor with its people and what it sells.
type seller struct {
	ID    vendor.ID
	Owner audit.Actor
}

// product is what the simulated customers buy.
type product struct {
	Offer  catalog.Offer
	Seller int
	Price  int64
	Class  string // of refunds
	Type   string // of delivery
	Months int64
	Manual bool
	Tax    int64 // points in the price
}

// regime is a rulebook that a market runs under: what a seed may draw.
type regime struct {
	Collects bool             // the operator collects the tax in the price
	Points   int64            // commission
	Kinds    map[string]int64 // by delivery type
	Tiers    []money.Tier
	Monthly  bool  // money of a term is released in monthly slices
	ActBy    int   // days after the capture by which a split is asked for
	FourEyes int64 // withdrawals above need two people
}

// regimes are the rulebooks; the first is the one that comes with the program.
var regimes = []regime{
	{Points: 1000, ActBy: 175, FourEyes: 5000000},
	{Collects: true, Points: 333, Monthly: true, ActBy: 170, FourEyes: 100000,
		Tiers: []money.Tier{{UpTo: 1000000, BasisPoints: 1000}, {UpTo: 3000000, BasisPoints: 500}, {BasisPoints: 300}}},
	{Collects: true, Points: 1500, Kinds: map[string]int64{"saas": 1, "license": 3333, "api": 0}, ActBy: 6, FourEyes: 20000},
	{Points: 2999, Kinds: map[string]int64{"saas": 777}, Monthly: true, ActBy: 3, FourEyes: 300000},
}

// stage is a market ready to be copied: its database and who and what is in it.
type stage struct {
	image     []byte    // of its database
	opened    time.Time // when the simulation begins
	sellers   []seller
	customers []audit.Actor
	products  []product

	compliance, finance, second, third, support audit.Actor
}

// keys seal the fields of every simulated database of the process.
var keys = sync.OnceValue(seal.Generate)

var stages struct {
	sync.Mutex
	made [8]*stage
	base []byte // a migrated, empty database
}

// stageOf builds the market of a regime once for the process.
func stageOf(ctx context.Context, n int) (*stage, error) {
	stages.Lock()
	defer stages.Unlock()
	if s := stages.made[n]; s != nil {
		return s, nil
	}
	base, err := empty(ctx)
	if err != nil {
		return nil, err
	}
	s := &stage{}
	if s.image, err = imageOf(ctx, "sqlite:", base, func(d *db.DB, c *clock) error { return s.build(ctx, d, c, regimes[n]) }); err != nil {
		return nil, fmt.Errorf("sim: stage %d: %w", n, err)
	}
	stages.made[n] = s
	return s, nil
}

// baseImage is a migrated, empty database, made once for the process.
func baseImage(ctx context.Context) ([]byte, error) {
	stages.Lock()
	defer stages.Unlock()
	return empty(ctx)
}

func empty(ctx context.Context) (_ []byte, err error) {
	if stages.base == nil {
		if stages.base, err = migrated(ctx); err != nil {
			return nil, fmt.Errorf("sim: %w", err)
		}
	}
	return stages.base, nil
}

// migrated is an empty database. Migrations want a file.
func migrated(ctx context.Context) (image []byte, err error) {
	dir, err := os.MkdirTemp("", "yunshi-sim-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return imageOf(ctx, "sqlite:"+filepath.Join(dir, "empty.db"), nil, func(d *db.DB, _ *clock) error { return d.Migrate(ctx) })
}

// imageOf is a database as fn has made it.
func imageOf(ctx context.Context, url string, from []byte, fn func(d *db.DB, c *clock) error) (image []byte, err error) {
	c := &clock{now: genesis}
	d, err := db.Open(ctx, url, db.Options{
		Now: c.Now, Rand: rand.NewChaCha8([32]byte{1}), Keys: keys(), Readers: 1, UnsafeDurability: true, Image: from,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := fn(d, c); err != nil {
		return nil, err
	}
	return d.Image(ctx)
}

// clock is the one clock of a simulation.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// builder makes people and products by the functions the market itself uses.
type builder struct {
	ctx    context.Context
	d      *db.DB
	stage  *stage
	secret account.PasswordHash
	people int
}

func (s *stage) build(ctx context.Context, d *db.DB, c *clock, r regime) error {
	secret, err := account.Hash(ctx, "violet anchor 47 teapot")
	if err != nil {
		return err
	}
	b := &builder{ctx: ctx, d: d, stage: s, secret: secret}
	shell := audit.CLI("simulation")
	terms := agreement.Terms{Operator: agreement.Both{ZH: "仿真运营有限公司", EN: operator}}
	if err := b.write(func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, deaf); err != nil {
			return err
		}
		if err := agreement.Seed(ctx, tx, shell, terms); err != nil {
			return err
		}
		return catalog.SeedCategories(ctx, tx, shell)
	}); err != nil {
		return err
	}
	if err := b.write(func(tx *db.Tx) error { return publish(ctx, tx, shell, terms, r) }); err != nil {
		return err
	}
	c.now = c.now.AddDate(0, 0, 10) // the changed rulebook is in force
	for _, staff := range []struct {
		to   *audit.Actor
		role string
	}{{&s.compliance, account.Compliance}, {&s.finance, account.Finance}, {&s.second, account.Finance}, {&s.third, account.Finance}, {&s.support, account.Support}} {
		if *staff.to, err = b.staff(staff.role); err != nil {
			return err
		}
	}
	for i := range 4 { // the last one sells nothing, so that it may leave
		by, err := b.customer(account.LegalPerson)
		if err != nil {
			return err
		}
		if err := b.seller(by, i); err != nil {
			return err
		}
	}
	for i, p := range shelf {
		if err := b.list(i, p); err != nil {
			return err
		}
	}
	for i := range 4 {
		subject := account.Individual
		if i%2 == 1 {
			subject = account.LegalPerson
		}
		by, err := b.customer(subject)
		if err != nil {
			return err
		}
		s.customers = append(s.customers, by)
	}
	c.now = c.now.AddDate(0, 0, 4) // the vendors' bank details are known by now
	s.opened = c.now
	return nil
}

// deaf lets the unheard jobs come to nothing where they are asked for.
var deaf = "CREATE TRIGGER deaf BEFORE INSERT ON job_job WHEN NEW.kind = '" + strings.Join(unheard, "' OR NEW.kind = '") + "' BEGIN SELECT RAISE(IGNORE); END"

// unheard are kinds of jobs that move no money: a simulation does without them.
var unheard = []string{
	"message.mail", "message.send", "identity.check", "search.index", "search.vendor", "vendor.dossier", "catalog.rights", "catalog.delist",
	agreement.AnnounceJob,
}

// operator is the registered name of the operator of every simulated market.
const operator = "Simulated Operations Ltd"

// shelf is what is sold in every simulated market.
var shelf = []product{
	{Seller: 0, Price: 200000, Class: "five_day", Type: "saas", Months: 1, Tax: 600},
	{Seller: 0, Price: 3, Class: "none", Type: "license", Months: 12, Tax: 1300},
	{Seller: 1, Price: 1199900, Class: "until_acceptance", Type: "manual_service", Months: 1, Manual: true, Tax: 600},
	{Seller: 1, Price: 11900, Class: "five_day", Type: "saas", Months: 3, Tax: 900},
	{Seller: 2, Price: 1, Class: "five_day", Type: "api", Months: 1, Tax: 600},
	{Seller: 2, Price: 9999, Class: "none", Type: "api", Months: 6, Tax: 0},
}

var categories = map[string]string{
	"five_daysaas": "saas_business", "nonelicense": "license_tool", "until_acceptancemanual_service": "custom_software",
	"five_dayapi": "data_app", "noneapi": "api_life",
}

func (b *builder) write(fn func(tx *db.Tx) error) error { return b.d.Write(b.ctx, fn) }

// publish puts the regime's rulebooks in the place of the first ones.
func publish(ctx context.Context, tx *db.Tx, by audit.Actor, terms agreement.Terms, r regime) error {
	v, err := agreement.ReadDocument(ctx, tx, "settlement", 1)
	if err != nil {
		return err
	}
	var document map[string]any
	if err := json.Unmarshal(v.Source, &document); err != nil {
		return err
	}
	who := "vendor"
	if r.Collects {
		who = "operator"
	}
	document["number"] = 2
	settings := document["settings"].(map[string]any)
	set := func(key string, values map[string]any) {
		setting := settings[key].(map[string]any)
		for k, value := range values {
			setting[k] = value
		}
	}
	set("commission", map[string]any{"bp": r.Points, "kinds": r.Kinds, "tiers": r.Tiers})
	set("tax_collector", map[string]any{"who": who})
	set("release_slices", map[string]any{"monthly": r.Monthly})
	set("psp_hold_max", map[string]any{"act_by_day": r.ActBy})
	set("withdraw", map[string]any{"four_eyes_above": r.FourEyes, "minimum": 1})
	source, err := json.Marshal(document)
	if err != nil {
		return err
	}
	_, err = agreement.Publish(ctx, tx, by, source, terms)
	return err
}

func actor(u account.User) audit.Actor {
	return audit.Actor{
		Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Session: "ses_" + string(u.ID), Method: "password",
		Roles: u.Roles, Locale: "en",
	}
}

func (b *builder) registration(name string, subject account.SubjectType) account.Registration {
	b.people++
	return account.Registration{
		SubjectType: subject, DisplayName: name, UserName: fmt.Sprintf("Person %d", b.people),
		Email: fmt.Sprintf("person%d@example.com", b.people), Password: b.secret, Locale: "en",
	}
}

func (b *builder) staff(role string) (by audit.Actor, err error) {
	in := b.registration(operator, account.LegalPerson)
	err = b.write(func(tx *db.Tx) error {
		u, err := account.RegisterOperator(b.ctx, tx, audit.CLI("simulation"), in, []string{role})
		by = actor(u)
		return err
	})
	return by, err
}

// customer is the owner of an account that may buy.
func (b *builder) customer(subject account.SubjectType) (by audit.Actor, err error) {
	in := b.registration(fmt.Sprintf("Account %d", b.people+1), subject)
	err = b.write(func(tx *db.Tx) error {
		u, err := account.Register(b.ctx, tx, audit.Actor{Kind: audit.Person, User: "visitor"}, in)
		by = actor(u)
		return err
	})
	if err != nil {
		return by, err
	}
	err = b.write(func(tx *db.Tx) error {
		bundle, err := agreement.Current(b.ctx, tx)
		if err != nil {
			return err
		}
		if err := agreement.Display(b.ctx, tx, by, "en", bundle.Hash); err != nil {
			return err
		}
		_, err = agreement.Accept(b.ctx, tx, by, agreement.Acceptance{Method: agreement.Click, Bundle: bundle.Hash, Locale: "en"})
		return err
	})
	if err != nil {
		return by, err
	}
	var c identity.Case
	if err := b.write(func(tx *db.Tx) (err error) {
		a := identity.Application{
			SubjectType: subject, Name: in.DisplayName, IDKind: identity.ResidentID, Number: b.residentID(),
			Mobile: "13800138000", Email: fmt.Sprintf("contact%d@example.com", b.people), BankAccount: "6225881234567898", Consent: true,
		}
		if subject != account.Individual {
			a.IDKind, a.Number, a.LegalRepresentative, a.BankAccount = identity.USCC, b.uscc(), "Zhang San", "4000012345678901"
		}
		c, err = identity.Submit(b.ctx, tx, by, a)
		return err
	}); err != nil {
		return by, err
	}
	return by, b.write(func(tx *db.Tx) error {
		_, err := identity.Decide(b.ctx, tx, b.stage.compliance, c.ID, identity.Decision{Approve: true, Reason: "documents seen"})
		return err
	})
}

// seller makes the actor's account a vendor that may sell, with its deposit in
// the book.
func (b *builder) seller(by audit.Actor, n int) error {
	var v vendor.Vendor
	if err := b.write(func(tx *db.Tx) (err error) {
		v, err = vendor.Apply(b.ctx, tx, by, vendor.Application{
			RegisteredName: fmt.Sprintf("Example Software %d Co., Ltd.", n), SubjectType: account.LegalPerson, USCC: b.uscc(),
			LegalRepresentative: "Zhang San", Address: "1 Example Road, Shenzhen", SupportHours: "9:00–18:00", SelfCertified: true,
			Contact: vendor.Contact{Name: "Li Si", Phone: "13800138000", Email: fmt.Sprintf("vendor%d@example.com", n)},
		})
		return err
	}); err != nil {
		return err
	}
	b.stage.sellers = append(b.stage.sellers, seller{v.ID, by})
	return b.write(func(tx *db.Tx) error {
		if _, err := vendor.Decide(b.ctx, tx, b.stage.compliance, v.ID, vendor.Decision{Approve: true, Reason: "licence checked"}); err != nil {
			return err
		}
		if _, err := vendor.AddMerchantAccount(b.ctx, tx, b.stage.finance, v.ID, provider, "M-"+string(v.ID)); err != nil {
			return err
		}
		missing, err := vendor.DepositMissing(b.ctx, tx, v.ID)
		if err != nil {
			return err
		}
		if _, err = vendor.DepositReceived(b.ctx, tx, b.stage.finance, v.ID, missing, "opening:"+string(v.ID)); err != nil {
			return err
		}
		_, err = ledger.DepositIn(b.ctx, tx, "opening-"+string(v.ID), string(v.ID), missing, tx.Now())
		return err
	})
}

// list puts a product of the shelf on sale.
func (b *builder) list(n int, p product) error {
	both := func(zh, en string) catalog.Both { return catalog.Both{ZH: zh, EN: en} }
	dialect := delivery.LicenceKey
	switch {
	case p.Manual:
		dialect = delivery.ManualService
	case n%2 == 1:
		dialect = delivery.HookNative
	}
	kind := "cloud_app"
	c := catalog.Content{
		Name: both("值班表", "Duty Roster"), Summary: both("为小团队排班", "Rosters for small teams"),
		Description: both("为十人以内的团队排班。", "Plans shifts for teams of up to ten people."),
		Kind:        kind, DeliveryType: p.Type, Category: categories[p.Class+p.Type],
		Functions: []catalog.Both{both("排班", "Plan shifts")}, Requirements: []catalog.Both{both("浏览器", "A browser")},
		RightsBasis:  catalog.RightsBasis{Kind: catalog.SelfDeveloped},
		RefundPolicy: catalog.RefundPolicy{Kind: catalog.RefundPlatformRules},
		Licence:      both("仅限购买账号内部使用。", "For internal use by the buying account."),
		Support:      catalog.Support{Hours: both("工作日 9:00–18:00", "Working days 9:00–18:00"), Contact: "support@example.com"},
		Delivery:     catalog.Delivery{Dialect: dialect, Instructions: both("付款后自动交付。", "Delivered automatically after payment.")},
		Plans: []catalog.Plan{{
			Code: "basic", Name: both("基础版", "Basic"), Price: cny(p.Price), TaxPoints: &p.Tax,
			Term: catalog.Term{Unit: "month", Count: int(p.Months)}, Included: []catalog.Both{both("十个用户", "Ten users")},
		}},
	}
	owner := b.stage.sellers[p.Seller]
	return b.write(func(tx *db.Tx) error {
		_, version, err := catalog.Draft(b.ctx, tx, owner.Owner, owner.ID, fmt.Sprintf("product-%d", n), c)
		if err != nil {
			return err
		}
		if _, err := catalog.Submit(b.ctx, tx, owner.Owner, version.ID); err != nil {
			return err
		}
		if _, err := catalog.Review(b.ctx, tx, b.stage.compliance, version.ID, catalog.Verdict{Approve: true}); err != nil {
			return err
		}
		offers, err := catalog.Offers(b.ctx, tx, version.Product)
		if err != nil {
			return err
		}
		p.Offer = offers[0]
		b.stage.products = append(b.stage.products, p)
		return nil
	})
}

// residentID finds the n-th number with a right check digit.
func (b *builder) residentID() string {
	body := fmt.Sprintf("11010119900101%03d", b.people)
	return checked(body, "0123456789X", func(s string) error {
		_, err := cn.ParseResidentID(s, calendar.On(genesis))
		return err
	})
}

func (b *builder) uscc() string {
	for n := b.people; ; n += 1000 {
		for _, digit := range "0123456789" {
			body := fmt.Sprintf("91440300MA%06d%c", n%1000000, digit)
			if code := checked(body, "0123456789ABCDEFGHJKLMNPQRTUWXY", func(s string) error { _, err := cn.ParseUSCC(s); return err }); code != "" {
				return code
			}
		}
	}
}

func checked(body, digits string, parse func(string) error) string {
	for _, c := range strings.Split(digits, "") {
		if parse(body+c) == nil {
			return body + c
		}
	}
	return ""
}

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }
