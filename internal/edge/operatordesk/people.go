package operatordesk

import (
	"context"
	"errors"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/vendor"
)

func (d desk) identities(c *serve.Call) error {
	ctx := c.R.Context()
	var items []page.QueueItem
	if err := c.Read(func(r db.Reader) (err error) {
		items, err = identityItems(ctx, r)
		return err
	}); err != nil {
		return err
	}
	return show(c, nil, queuePage(d.frame(c, "/operator/identities", text.T(ctx, "operatordesk.nav.identities")), "operatordesk.identities", c.Now(), items))
}

type identityView struct {
	frame
	identity.Case
	plain   *identity.Fields // after they were revealed, for this answer only
	by      audit.Actor
	refusal error
	errors  map[string]string
	reason  string
	trail   []page.AuditEntry
	key     string
}

// decides reports whether the reader may decide the case.
func (v identityView) decides() bool {
	return v.State == identity.Pending && v.by.Has(account.Compliance)
}

func (d desk) identity(c *serve.Call) error { return d.identityAgain(c, identityView{}) }

func (d desk) identityAgain(c *serve.Call, view identityView) error {
	ctx, id := c.R.Context(), identity.ID(c.R.PathValue("case"))
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Case, err = identity.Get(ctx, r, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.by, view.errors, view.reason, view.key = c.Actor, page.FieldErrors(ctx, view.refusal), c.R.PostFormValue("reason"), freshKey()
	view.frame = d.frame(c, "/operator/identities", text.T(ctx, "operatordesk.identity.title", "Name", view.Name))
	return show(c, view.refusal, identityPage(view))
}

// reveal shows the plain fields in this answer, after a record of who looked and
// why. The form carries no idempotency key: its answer would keep them.
func (d desk) reveal(c *serve.Call) error {
	id := c.R.PathValue("case")
	var plain identity.Fields
	err := serve.Act(c, serve.Intent{Name: "identity.reveal", Subjects: []string{id}, Clauses: []string{"UA 6.1"}}, func(tx *db.Tx) (err error) {
		plain, err = identity.Reveal(c.R.Context(), tx, c.Actor, identity.ID(id), c.R.PostFormValue("reason"))
		return err
	})
	if err != nil && correctable(err) {
		return d.identityAgain(c, identityView{refusal: err})
	}
	if err != nil {
		return err
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return d.identityAgain(c, identityView{plain: &plain})
}

func (d desk) decideIdentity(c *serve.Call) error {
	id := c.R.PathValue("case")
	in := identity.Decision{Approve: c.R.PostFormValue("do") == "approve", Reason: c.R.PostFormValue("reason")}
	err := command(c, "identity.decide", []string{"UA 6.1"}, []string{id}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := identity.Decide(ctx, tx, c.Actor, identity.ID(id), in)
		return err
	})
	if err != nil && correctable(err) {
		return d.identityAgain(c, identityView{refusal: err})
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/identities/" + id)
}

type vendorsView struct {
	frame
	queue []page.QueueItem
	all   []vendor.Vendor
	next  string
}

func (d desk) vendors(c *serve.Call) error {
	ctx := c.R.Context()
	var view vendorsView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.queue, err = vendorItems(ctx, r); err != nil {
			return err
		}
		view.all, err = vendor.List(ctx, r, vendor.ID(c.R.URL.Query().Get("after")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/vendors?after=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/vendors", text.T(ctx, "operatordesk.nav.vendors"))
	return show(c, nil, vendorsPage(view))
}

type vendorView struct {
	frame
	vendor.Vendor
	profile   vendor.Profile
	card      vendor.SellerCard
	verified  bool
	merchants []vendor.Merchant
	deposits  []vendor.Deposit
	documents []vendor.Document
	missing   string
	products  []catalog.Product
	pauses    []vendor.Pause
	cases     []enforcement.Case
	service   complaint.Score
	privacy   int64 // score of data protection, when audited
	audited   bool
	by        audit.Actor
	providers []string
	form      map[string]string
	refusal   error
	errors    map[string]string
	trail     []page.AuditEntry
	key       string
}

func (d desk) vendor(c *serve.Call) error { return d.vendorAgain(c, nil) }

func (d desk) vendorAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), vendor.ID(c.R.PathValue("vendor"))
	view := vendorView{by: c.Actor, refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: map[string]string{}}
	for _, name := range []string{"reason", "provider", "number", "ground"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Vendor, err = vendor.Get(ctx, r, id); err != nil {
			return err
		}
		if view.profile, err = vendor.Newest(ctx, r, id); err != nil {
			return err
		}
		view.card, err = vendor.Card(ctx, r, id)
		if view.verified = err == nil; err != nil && !errors.Is(err, vendor.ErrNotFound) {
			return err
		}
		if view.merchants, err = vendor.Merchants(ctx, r, id); err != nil {
			return err
		}
		if view.deposits, err = vendor.Deposits(ctx, r, id); err != nil {
			return err
		}
		if view.documents, err = vendor.Documents(ctx, r, id); err != nil {
			return err
		}
		missing, err := vendor.DepositMissing(ctx, r, id)
		if err != nil {
			return err
		}
		if !missing.IsZero() {
			view.missing = page.MoneyText(ctx, missing)
		}
		if view.products, err = catalog.OfVendor(ctx, r, id, "", perPage); err != nil {
			return err
		}
		if view.pauses, err = vendor.Pauses(ctx, r, id); err != nil {
			return err
		}
		if view.cases, err = enforcement.Against(ctx, r, view.Account, 10); err != nil {
			return err
		}
		if view.service, err = complaint.ScoreOf(ctx, r, id); err != nil {
			return err
		}
		if view.privacy, view.audited, err = privacy.Score(ctx, r, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	for name := range c.Market.Gateways {
		if !slices.ContainsFunc(view.merchants, func(m vendor.Merchant) bool { return m.Provider == name }) {
			view.providers = append(view.providers, name)
		}
	}
	slices.Sort(view.providers)
	view.frame = d.frame(c, "/operator/vendors", view.profile.RegisteredName)
	return show(c, refusal, vendorPage(view))
}

func (d desk) takeVendor(c *serve.Call) error {
	return d.vendorAct(c, "vendor.take", nil, func(ctx context.Context, tx *db.Tx, id vendor.ID) error { return vendor.Take(ctx, tx, c.Actor, id) })
}

func (d desk) decideVendor(c *serve.Call) error {
	in := vendor.Decision{Approve: c.R.PostFormValue("do") == "approve", Reason: c.R.PostFormValue("reason")}
	return d.vendorAct(c, "vendor.decide", in, func(ctx context.Context, tx *db.Tx, id vendor.ID) error {
		_, err := vendor.Decide(ctx, tx, c.Actor, id, in)
		return err
	})
}

func (d desk) addMerchant(c *serve.Call) error {
	provider, number := c.R.PostFormValue("provider"), c.R.PostFormValue("number")
	return d.vendorAct(c, "vendor.add_merchant", []string{provider, number}, func(ctx context.Context, tx *db.Tx, id vendor.ID) error {
		if _, err := vendor.AddMerchantAccount(ctx, tx, c.Actor, id, provider, number); err != nil {
			return err
		}
		v, err := vendor.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		return c.ShowsBank(tx, v.Account, provider, number)
	})
}

// restVendor lets a vendor's selling rest for what onboarding misses, or ends that. A
// state is what a case brings: whoever names one here is refused with the clause.
func (d desk) restVendor(c *serve.Call) error {
	form := c.R.PostFormValue
	ground, reason, act := vendor.Ground(form("ground")), form("reason"), vendor.Rest
	if form("do") == "resume" {
		act = vendor.Resume
	}
	return d.vendorAct(c, "vendor.rest", []string{form("state"), form("do"), string(ground), reason}, func(ctx context.Context, tx *db.Tx, id vendor.ID) error {
		if form("state") != "" {
			return vendor.ErrNoCase
		}
		return act(ctx, tx, c.Actor, id, ground, reason)
	})
}

func (d desk) vendorAct(c *serve.Call, name string, words any, do func(context.Context, *db.Tx, vendor.ID) error) error {
	id := c.R.PathValue("vendor")
	err := command(c, name, []string{"UA 2.2"}, []string{id}, words, func(ctx context.Context, tx *db.Tx) error { return do(ctx, tx, vendor.ID(id)) })
	if err != nil && correctable(err) {
		return d.vendorAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/vendors/" + id)
}

// accountRow is an account with what its refused accesses say.
type accountRow struct {
	account.Account
	risk account.Risk
}

func (d desk) accounts(c *serve.Call) error {
	ctx := c.R.Context()
	var rows []accountRow
	next := ""
	if err := c.Read(func(r db.Reader) error {
		all, err := account.List(ctx, r, account.ID(c.R.URL.Query().Get("after")), perPage+1)
		if err != nil {
			return err
		}
		if len(all) > perPage {
			all = all[:perPage]
			next = "/operator/accounts?after=" + string(all[perPage-1].ID)
		}
		for _, a := range all {
			risk, err := account.RiskOf(ctx, r, a.ID)
			if err != nil {
				return err
			}
			rows = append(rows, accountRow{a, risk})
		}
		return nil
	}); err != nil {
		return err
	}
	return show(c, nil, accountsPage(d.frame(c, "/operator/accounts", text.T(ctx, "operatordesk.nav.accounts")), rows, next))
}

type accountView struct {
	frame
	accountRow
	users        []account.User
	restrictions []account.Restriction
	standing     agreement.Standing
	identity     identity.Case
	checked      bool
	vendor       vendor.Vendor
	sells        bool
	trail        []page.AuditEntry
}

func (d desk) account(c *serve.Call) error {
	ctx, id := c.R.Context(), account.ID(c.R.PathValue("account"))
	var view accountView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Account, err = account.Get(ctx, r, id); err != nil {
			return err
		}
		if view.risk, err = account.RiskOf(ctx, r, id); err != nil {
			return err
		}
		if view.users, err = account.Users(ctx, r, id); err != nil {
			return err
		}
		if view.restrictions, err = account.Restrictions(ctx, r, id); err != nil {
			return err
		}
		if view.standing, _, err = agreement.Status(ctx, r, id); err != nil {
			return err
		}
		if view.identity, view.checked, err = identity.Latest(ctx, r, id); err != nil {
			return err
		}
		if view.vendor, view.sells, err = vendor.OfAccount(ctx, r, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/accounts", view.DisplayName)
	return show(c, nil, accountPage(view))
}

type staffView struct {
	frame
	users   []account.User
	form    map[string]string
	roles   []string
	refusal error
	errors  map[string]string
}

func (d desk) staff(c *serve.Call) error { return d.staffAgain(c, nil) }

func (d desk) staffAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := staffView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: map[string]string{"name": c.R.PostFormValue("name"), "email": c.R.PostFormValue("email")}, roles: c.R.PostForm["role"]}
	if err := c.Read(func(r db.Reader) (err error) {
		view.users, err = account.Users(ctx, r, c.Account())
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/staff", text.T(ctx, "operatordesk.nav.staff"))
	return show(c, refusal, staffPage(view))
}

// addStaff adds one of the operator's people. The form carries no idempotency
// key, because it carries a password; an address belongs to one user, so a form
// that is sent twice adds nobody twice.
func (d desk) addStaff(c *serve.Call) error {
	ctx := c.R.Context()
	if err := c.R.ParseForm(); err != nil {
		return serve.ErrBadRequest
	}
	hash, err := account.Hash(ctx, c.R.PostFormValue("password"))
	if err == nil {
		in := account.NewUser{
			Account: c.Account(), Name: strings.TrimSpace(c.R.PostFormValue("name")), Email: c.R.PostFormValue("email"), Password: hash,
			Roles: c.R.PostForm["role"], Locale: string(c.Lang), Words: content.Words(content.Person),
		}
		err = serve.Act(c, serve.Intent{Name: "staff.add", Subjects: []string{string(c.Account())}}, func(tx *db.Tx) error {
			if len(in.Roles) == 0 {
				return catalog.ErrRequired.In("role")
			}
			_, err := account.AddUser(ctx, tx, c.Actor, in)
			return err
		})
	}
	if err != nil && correctable(err) {
		return d.staffAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/staff")
}
