package shop

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/content"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/identity"
)

// profileView is the account with everything that decides what it may do.
type profileView struct {
	Account  account.Account
	User     account.User
	Owner    bool // the person may manage keys, users and the identity
	Session  string
	Standing agreement.Standing
	Since    time.Time
	Ended    agreement.Dissolution // of the agreement, where it is dissolved
	PurgeAt  time.Time             // from then on the data is erased
	Case     *identity.Case
	Taken    []account.Restriction
	Users    []account.User
	Sessions []account.SignedIn
	Keys     []account.Key
	NewKey   *account.Key // just made; its secret is shown this once
	Refusal  *page.Refusal
	KeyName  page.Field
	Scopes   page.Field
}

// apiScopes are what a key can be given; the catalogue needs none.
var apiScopes = []string{"account:read", "orders:read", "orders:write", "products:read", "products:write", "vendor:read", "vendor:write"}

func profile(c *serve.Call) error { return showProfile(c, nil, nil) }

func showProfile(c *serve.Call, fresh *account.Key, failed error) error {
	ctx := c.R.Context()
	errs := page.FieldErrors(ctx, failed)
	v := profileView{User: c.User, Owner: c.Actor.Has(account.Owner), Session: c.Actor.Session, NewKey: fresh}
	err := c.Read(func(r db.Reader) (err error) {
		if v.Account, err = account.Get(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Standing, v.Since, err = agreement.Status(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Standing == agreement.Dissolved {
			if v.Ended, _, err = agreement.DissolutionOf(ctx, r, c.Account()); err != nil {
				return err
			}
			end, err := enforcement.TerminationOf(ctx, r, c.Account())
			if err != nil && !errors.Is(err, enforcement.ErrNotFound) {
				return err
			}
			v.PurgeAt = end.PurgeAt
		}
		if v.Case, err = latestCase(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Taken, err = account.Restrictions(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Users, err = account.Users(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Sessions, err = account.Sessions(ctx, r, c.Actor); err != nil {
			return err
		}
		v.Keys, err = account.ListKeys(ctx, r, c.Actor)
		return err
	})
	if err != nil {
		return err
	}
	v.KeyName = page.Field{Name: "name", Label: text.T(c.R.Context(), "shop.key.name"), Hint: text.T(c.R.Context(), "shop.key.name.hint"), Required: true, MaxLength: 60, Error: errs["name"]}
	v.Scopes = page.Field{Name: "scopes", Label: text.T(c.R.Context(), "shop.key.scopes"), Required: true, Error: errs["scopes"]}
	for _, one := range apiScopes {
		v.Scopes.Options = append(v.Scopes.Options, page.Option{Value: one, Label: text.In(c.Lang, "shop.scope."+one), Hint: one})
	}
	if failed != nil {
		v.KeyName.Value = c.R.PostFormValue("name")
	}
	v.Refusal = refusal(c, failed, v.KeyName, v.Scopes)
	return show(c, refusalStatus(failed), profilePage(c.Chrome(text.T(c.R.Context(), "base.account")), v))
}

func latestCase(ctx context.Context, r db.Reader, id account.ID) (*identity.Case, error) {
	found, ok, err := identity.Latest(ctx, r, id)
	if err != nil || !ok {
		return nil, err
	}
	return &found, nil
}

// createKey shows the secret once. It is not a stored answer, so the form has no
// idempotency key.
func createKey(c *serve.Call) error {
	ctx := c.R.Context()
	if err := c.R.ParseForm(); err != nil {
		return serve.ErrBadRequest
	}
	var made account.Key
	err := serve.Act(c, serve.Intent{Name: "account.create_key"}, func(tx *db.Tx) (err error) {
		made, err = account.CreateKey(ctx, tx, c.Actor, strings.TrimSpace(c.R.PostFormValue("name")), c.R.PostForm["scopes"])
		return err
	})
	if err != nil {
		return again(c, err, func(c *serve.Call, failed error) error { return showProfile(c, nil, failed) })
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return showProfile(c, &made, nil)
}

func revokeKey(c *serve.Call) error {
	id := c.R.PathValue("id")
	err := serve.Act(c, serve.Intent{Name: "account.revoke_key", Input: id, Subjects: []string{id}}, func(tx *db.Tx) error {
		return account.RevokeKey(c.R.Context(), tx, c.Actor, id)
	})
	if err != nil {
		return err
	}
	return c.Redirect(page.AccountPath + "#keys")
}

func endSession(c *serve.Call) error {
	id := c.R.PathValue("id")
	err := serve.Act(c, serve.Intent{Name: "account.sign_out", Input: id, Subjects: []string{id}}, func(tx *db.Tx) error {
		return account.SignOut(c.R.Context(), tx, c.Actor, id)
	})
	if err != nil {
		return err
	}
	return c.Redirect(page.AccountPath + "#sessions")
}

func standingTone(s agreement.Standing) page.Tone {
	switch s {
	case agreement.None:
		return page.Warning
	case agreement.Dissolved:
		return page.Danger
	}
	return page.Success
}

func accountTone(s account.State) page.Tone {
	switch s {
	case account.Verified:
		return page.Success
	case account.Registered:
		return page.Info
	case account.Restricted, account.Closing:
		return page.Warning
	case account.Suspended, account.Terminated:
		return page.Danger
	}
	return page.Neutral
}

func caseTone(s identity.State) page.Tone {
	switch s {
	case identity.Verified:
		return page.Success
	case identity.Pending:
		return page.Info
	case identity.Failed:
		return page.Danger
	}
	return page.Warning
}

// identityView is the state of the verification and the form for the next one.
type identityView struct {
	Account account.Account
	Case    *identity.Case
	Form    bool // a case may be submitted now
	Owner   bool
	Next    string
	Refusal *page.Refusal

	AskBank bool // the law lets the market ask for a bank account here

	Name, Number, Mobile, Mail, Bank, Representative, Consent page.Field
}

func identityPage(c *serve.Call) error { return showIdentity(c, nil) }

func showIdentity(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	errs := page.FieldErrors(ctx, failed)
	v := identityView{Owner: c.Actor.Has(account.Owner), Next: local(c.R.FormValue("next"), "")}
	err := c.Read(func(r db.Reader) (err error) {
		if v.Account, err = account.Get(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Case, err = latestCase(ctx, r, c.Account()); err != nil {
			return err
		}
		law, err := agreement.LawInForce(ctx, r)
		v.AskBank = identity.BankNeeded(v.Account.SubjectType, law.BankOnNeed)
		return err
	})
	if err != nil {
		return err
	}
	v.Form = v.Owner && (v.Case == nil || v.Case.State != identity.Pending)
	person := v.Account.SubjectType == account.Individual
	words := "org"
	if person {
		words = "person"
	}
	v.Name = field(c, errs, page.Field{Name: "name", Label: text.In(c.Lang, "shop.identity.name."+words), Required: true, MaxLength: 100})
	v.Number = field(c, errs, page.Field{Name: "number", Label: text.In(c.Lang, "shop.identity.number."+words), Required: true, Autocomplete: "off"})
	v.Mobile = field(c, errs, page.Field{Name: "mobile", Label: text.T(c.R.Context(), "base.mobile"), Kind: "tel", Autocomplete: "tel", Required: true, Width: "medium"})
	v.Mail = field(c, errs, page.Field{Name: "email", Label: text.T(c.R.Context(), "base.email"), Kind: "email", Autocomplete: "email", Required: true})
	v.Bank = field(c, errs, page.Field{Name: "bank_account", Label: text.In(c.Lang, "shop.identity.bank."+words), Hint: text.T(c.R.Context(), "shop.identity.bank.hint"), InputMode: "numeric", Autocomplete: "off", Required: true})
	if !person {
		v.Representative = field(c, errs, page.Field{Name: "legal_representative", Label: text.T(c.R.Context(), "shop.identity.representative"), Required: true})
	}
	v.Consent = page.Field{Name: "consent", Label: text.T(c.R.Context(), "identity.consent"), Hint: text.T(c.R.Context(), "shop.identity.consent.hint"), Required: true, Error: errs["consent"]}
	v.Number.Value, v.Bank.Value = "", ""
	v.Refusal = refusal(c, failed, v.Name, v.Number, v.Representative, v.Mobile, v.Mail, v.Bank, v.Consent)
	return show(c, refusalStatus(failed), identityForm(chrome(c, text.T(c.R.Context(), "shop.identity.title"), accountCrumb(c)), v))
}

func submitIdentity(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	err := serve.Act(c, serve.Intent{Name: "identity.submit", Clauses: []string{"UA 6.1"}}, func(tx *db.Tx) error {
		own, err := account.Get(ctx, tx, c.Account())
		if err != nil {
			return err
		}
		law, err := agreement.LawInForce(ctx, tx)
		if err != nil {
			return err
		}
		in := identity.Application{
			BankOnNeed: law.BankOnNeed, SubjectType: own.SubjectType, Name: form("name"), IDKind: identity.USCC, Number: form("number"), Mobile: form("mobile"),
			Email: form("email"), BankAccount: form("bank_account"), LegalRepresentative: form("legal_representative"), Consent: form("consent") != "",
			Screen: c.Market.Enforcing.Screen,
		}
		if own.SubjectType == account.Individual {
			in.IDKind = identity.ResidentID
		}
		_, err = identity.Submit(ctx, tx, c.Actor, in)
		return err
	})
	if err != nil {
		if lost := c.Caught(err); lost != nil {
			return lost
		}
		return again(c, err, showIdentity)
	}
	to := page.AccountPath + "/identity"
	if next := local(form("next"), ""); next != "" {
		to += "?next=" + escape(next)
	}
	return c.Redirect(to)
}

// usersView is the people of the account and the form for another one.
type usersView struct {
	Users   []account.User
	Owner   bool
	Refusal *page.Refusal

	Name, Mail, Secret, Role page.Field
}

func users(c *serve.Call) error { return showUsers(c, nil) }

func showUsers(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	errs := page.FieldErrors(ctx, failed)
	v := usersView{Owner: c.Actor.Has(account.Owner)}
	err := c.Read(func(r db.Reader) (err error) {
		v.Users, err = account.Users(ctx, r, c.Account())
		return err
	})
	if err != nil {
		return err
	}
	v.Name = field(c, errs, page.Field{Name: "name", Label: text.T(c.R.Context(), "base.name"), Autocomplete: "off", Required: true, MaxLength: 100})
	v.Mail = field(c, errs, page.Field{Name: "email", Label: text.T(c.R.Context(), "base.email"), Kind: "email", Autocomplete: "off", Required: true})
	v.Secret = page.Field{Name: "password", Label: text.T(c.R.Context(), "shop.users.password"), Hint: text.T(c.R.Context(), "account.password.rule"), Autocomplete: "new-password", Required: true, Error: errs["password"]}
	v.Role = field(c, errs, page.Field{Name: "role", Label: text.T(c.R.Context(), "shop.users.role"), Required: true, Options: []page.Option{
		{Value: account.Buyer, Label: text.T(c.R.Context(), "account.role.buyer"), Hint: text.T(c.R.Context(), "shop.role.buyer.hint")},
		{Value: account.VendorManager, Label: text.T(c.R.Context(), "account.role.vendor_manager"), Hint: text.T(c.R.Context(), "shop.role.vendor_manager.hint")},
	}})
	v.Role.Error = errs["roles"]
	if v.Role.Value == "" {
		v.Role.Value = account.Buyer
	}
	v.Refusal = refusal(c, failed, v.Name, v.Mail, v.Secret, v.Role)
	return show(c, refusalStatus(failed), usersPage(chrome(c, text.T(c.R.Context(), "shop.users.title"), accountCrumb(c)), v))
}

func addUser(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	hash, err := account.Hash(ctx, form("password"))
	if err != nil {
		return again(c, err, showUsers)
	}
	err = serve.Act(c, serve.Intent{Name: "account.add_user", Clauses: []string{"UA 2.4"}}, func(tx *db.Tx) error {
		_, err := account.AddUser(ctx, tx, c.Actor, account.NewUser{
			Account: c.Account(), Name: form("name"), Email: form("email"), Password: hash, Roles: []string{form("role")}, Locale: string(c.Lang),
			Words: content.Words(content.Person),
		})
		return err
	})
	if err != nil {
		return again(c, err, showUsers)
	}
	return c.Redirect(page.AccountPath + "/users")
}

func rolesText(ctx context.Context, roles []string) string {
	words := make([]string, len(roles))
	for i, one := range roles {
		words[i] = text.T(ctx, "account.role."+one)
	}
	return strings.Join(words, " · ")
}

func usersTable(ctx context.Context, users []account.User) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "shop.users.title"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "base.name")}, {Label: text.T(ctx, "base.email")}, {Label: text.T(ctx, "shop.users.role")}, {Label: text.T(ctx, "base.state")}, {Label: text.T(ctx, "base.created_at")}},
	}
	for _, u := range users {
		tone := page.Success
		if u.State != account.Active {
			tone = page.Neutral
		}
		out.Rows = append(out.Rows, []templ.Component{
			page.Str(u.Name), page.Str(u.EmailMasked), page.Str(rolesText(ctx, u.Roles)), page.Chip(tone, text.T(ctx, "shop.user.state."+string(u.State))), page.Date(u.CreatedAt),
		})
	}
	return out
}

func sessionsTable(ctx context.Context, v profileView) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "shop.sessions.title"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "shop.sessions.device")}, {Label: text.T(ctx, "shop.sessions.ip")}, {Label: text.T(ctx, "shop.sessions.since")}, {Label: text.T(ctx, "base.actions")}},
	}
	for _, s := range v.Sessions {
		out.Rows = append(out.Rows, []templ.Component{page.Str(deviceName(ctx, s.UserAgent)), page.Str(s.IP), page.Time(s.CreatedAt), sessionAction(s, v.Session)})
	}
	return out
}

// deviceName says which browser and system a session runs in, as far as it says
// itself.
func deviceName(ctx context.Context, agent string) string {
	first := func(pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return ""
	}
	browser := first("MicroMessenger", "WeChat", "Edg", "Edge", "Firefox", "Firefox", "Chrome", "Chrome", "Safari", "Safari", "curl", "curl")
	system := first("Windows", "Windows", "Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Mac OS", "macOS", "Linux", "Linux")
	if browser == "" && system == "" {
		return text.T(ctx, "base.unknown")
	}
	return strings.Trim(browser+" · "+system, " ·")
}

func keysTable(ctx context.Context, v profileView) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "shop.keys.title"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "base.name")}, {Label: text.T(ctx, "shop.key.scopes")}, {Label: text.T(ctx, "base.created_at")}, {Label: text.T(ctx, "base.actions")}},
		Empty:   page.Empty{Title: text.T(ctx, "shop.keys.empty"), Text: text.T(ctx, "shop.keys.empty.text")},
	}
	for _, k := range v.Keys {
		out.Rows = append(out.Rows, []templ.Component{page.Str(k.Name), page.Str(strings.Join(k.Scopes, ", ")), page.Date(k.CreatedAt), keyAction(k, v.Owner)})
	}
	return out
}
