package shop

import (
	"errors"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/market/content"
)

// registerView is the registration form.
type registerView struct {
	Refusal                                         *page.Refusal
	Next                                            string
	SubjectType, Display, User, Mail, Phone, Secret page.Field
}

func registerPage(c *serve.Call) error {
	if c.SignedIn() {
		return c.Redirect(local(c.R.FormValue("next"), page.HomePath))
	}
	return showRegister(c, nil)
}

func showRegister(c *serve.Call, err error) error {
	ctx := c.R.Context()
	errs := page.FieldErrors(ctx, err)
	v := registerView{
		Next: local(c.R.FormValue("next"), page.HomePath),
		SubjectType: field(c, errs, page.Field{Name: "subject_type", Label: text.T(c.R.Context(), "shop.register.subject"), Required: true, Options: []page.Option{
			{Value: string(account.LegalPerson), Label: text.T(c.R.Context(), "account.subject.legal_person"), Hint: text.T(c.R.Context(), "shop.subject.legal_person.hint")},
			{Value: string(account.Individual), Label: text.T(c.R.Context(), "account.subject.individual"), Hint: text.T(c.R.Context(), "shop.subject.individual.hint")},
			{Value: string(account.OtherOrg), Label: text.T(c.R.Context(), "account.subject.other_org"), Hint: text.T(c.R.Context(), "shop.subject.other_org.hint")},
		}}),
		Display: field(c, errs, page.Field{Name: "display_name", Label: text.T(c.R.Context(), "shop.register.display"), Hint: text.T(c.R.Context(), "shop.register.display.hint"), Autocomplete: "organization", Required: true, MaxLength: 100}),
		User:    field(c, errs, page.Field{Name: "user_name", Label: text.T(c.R.Context(), "shop.register.user"), Autocomplete: "name", Required: true, MaxLength: 100}),
		Mail:    field(c, errs, page.Field{Name: "email", Label: text.T(c.R.Context(), "base.email"), Hint: text.T(c.R.Context(), "shop.register.email.hint"), Kind: "email", Autocomplete: "email", Required: true}),
		Phone:   field(c, errs, page.Field{Name: "mobile", Label: text.T(c.R.Context(), "base.mobile"), Kind: "tel", Autocomplete: "tel", Width: "medium"}),
		Secret:  field(c, errs, page.Field{Name: "password", Label: text.T(c.R.Context(), "base.password"), Hint: text.T(c.R.Context(), "account.password.rule"), Autocomplete: "new-password", Required: true}),
	}
	v.Secret.Value = ""
	v.Refusal = refusal(c, err, v.SubjectType, v.Display, v.User, v.Mail, v.Phone, v.Secret)
	return show(c, refusalStatus(err), registerForm(c.Chrome(text.T(c.R.Context(), "shop.register.title")), v))
}

// refusal is what a refused form shows above itself; nil without an error.
func refusal(c *serve.Call, err error, fields ...page.Field) *page.Refusal {
	if err == nil {
		return nil
	}
	out := page.RefusalOf(c.R.Context(), err).For(fields...)
	return &out
}

func register(c *serve.Call) error {
	ctx := c.R.Context()
	form := c.R.PostFormValue
	hash, err := account.Hash(ctx, form("password"))
	if err != nil {
		return again(c, err, showRegister)
	}
	in := account.Registration{
		SubjectType: account.SubjectType(form("subject_type")), DisplayName: form("display_name"), UserName: form("user_name"),
		Email: form("email"), Mobile: form("mobile"), Password: hash, Locale: string(c.Lang), Screen: c.Market.Enforcing.Screen,
		Words: content.Words(content.Person),
	}
	// Nobody acts for an account that is only being made.
	visitor := audit.Actor{Kind: audit.Person, User: "visitor", Locale: string(c.Lang)}
	_, err = command.Run(ctx, c.Market.DB, command.Intent{By: visitor, Name: "account.register", Clauses: []string{"UA 4.1"}}, func(tx *db.Tx) (bool, error) {
		_, err := account.Register(ctx, tx, visitor, in)
		return true, err
	})
	if err != nil {
		return again(c, err, showRegister)
	}
	if err := enter(c, form("email"), form("password")); err != nil {
		return again(c, err, showSignIn)
	}
	return c.Redirect(serve.AgreementPath + "?next=" + escape(local(form("next"), page.HomePath)))
}

// again shows the form once more when the error is one a person can correct.
func again(c *serve.Call, err error, form func(*serve.Call, error) error) error {
	if !correctable(err) {
		return err
	}
	return form(c, err)
}

// signInView is the sign-in form.
type signInView struct {
	Refusal      *page.Refusal
	Next         string
	Mail, Secret page.Field
}

func signInPage(c *serve.Call) error {
	if c.SignedIn() {
		return c.Redirect(local(c.R.FormValue("next"), page.HomePath))
	}
	return showSignIn(c, nil)
}

func showSignIn(c *serve.Call, err error) error {
	v := signInView{
		Next:   local(c.R.FormValue("next"), page.HomePath),
		Mail:   page.Field{Name: "email", Label: text.T(c.R.Context(), "base.email"), Kind: "email", Autocomplete: "username", Required: true, Value: c.R.PostFormValue("email")},
		Secret: page.Field{Name: "password", Label: text.T(c.R.Context(), "base.password"), Autocomplete: "current-password", Required: true},
	}
	v.Refusal = refusal(c, err, v.Mail, v.Secret)
	return show(c, refusalStatus(err), signInForm(c.Chrome(text.T(c.R.Context(), "base.sign_in")), v))
}

func signIn(c *serve.Call) error {
	if err := enter(c, c.R.PostFormValue("email"), c.R.PostFormValue("password")); err != nil {
		return again(c, err, showSignIn)
	}
	return c.Redirect(local(c.R.PostFormValue("next"), page.HomePath))
}

// enter compares the password outside any transaction, because that takes tens
// of milliseconds, and then opens a session or counts the failure.
func enter(c *serve.Call, email, password string) error {
	ctx, device := c.R.Context(), c.Device()
	var found account.Credential
	if err := c.Read(func(r db.Reader) (err error) {
		found, err = account.Find(ctx, r, strings.TrimSpace(email))
		return err
	}); err != nil {
		return err
	}
	ok, err := found.Hash.Matches(ctx, password)
	if err != nil {
		return err
	}
	if !ok {
		if err := c.Market.DB.Write(ctx, func(tx *db.Tx) error { return account.SignInFailed(ctx, tx, found, device) }); err != nil {
			return err
		}
		return account.ErrSignInFailed
	}
	var session account.Session
	if err := c.Market.DB.Write(ctx, func(tx *db.Tx) (err error) {
		session, err = account.SignIn(ctx, tx, found, device)
		return err
	}); err != nil {
		return err
	}
	c.Enter(session)
	return nil
}

func signOut(c *serve.Call) error {
	ctx := c.R.Context()
	err := c.Market.DB.Write(ctx, func(tx *db.Tx) error { return account.SignOut(ctx, tx, c.Actor, "") })
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return err
	}
	c.Leave()
	return c.Redirect(page.HomePath)
}
