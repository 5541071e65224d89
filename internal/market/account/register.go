package account

import (
	"context"
	"errors"
	"slices"
	"strings"

	"yunshi/internal/base/cn"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
)

// Registration is the registration form of a new account and its first user.
type Registration struct {
	SubjectType SubjectType
	DisplayName string
	UserName    string
	Email       string
	Mobile      string // optional; verified with the identity
	Password    PasswordHash
	Locale      string
	Screen      Screen `json:"-"` // asked whether this person may register; nil: nobody is
	Words       Words  `json:"-"` // asked about the names
}

// NewUser is a sub-user of an existing account.
type NewUser struct {
	Account  ID
	Name     string
	Email    string
	Password PasswordHash
	Roles    []string
	Locale   string
	Words    Words `json:"-"` // asked about the name
}

// Words has a text that others read pass before it is stored; an error refuses the
// act. It stands here, before the package that answers it; nil lets all texts pass.
type Words func(ctx context.Context, tx *db.Tx, by audit.Actor, field, text string) error

// Pass asks for each field, text, field, text ….
func (w Words) Pass(ctx context.Context, tx *db.Tx, by audit.Actor, fields ...string) error {
	if w == nil {
		return nil
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if err := w(ctx, tx, by, fields[i], fields[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// Register makes an account in state registered with its first user, who owns it.
// It refuses PROFILE_INVALID and FIELD_REQUIRED per field, and EMAIL_TAKEN for an
// address that already belongs to a user.
func Register(ctx context.Context, tx *db.Tx, by audit.Actor, in Registration) (User, error) {
	email, mobile, err := checkProfile(in)
	if err != nil {
		return User{}, err
	}
	if err := in.Words.Pass(ctx, tx, by, "display_name", in.DisplayName, "user_name", in.UserName); err != nil {
		return User{}, err
	}
	account, err := insertAccount(ctx, tx, Customer, in)
	if err != nil {
		return User{}, err
	}
	u, err := insertUser(ctx, tx, by, newUser{
		account: account, name: in.UserName, email: email, mobile: mobile,
		password: in.Password, roles: customerRoles, locale: in.Locale,
	})
	if err != nil {
		return User{}, err
	}
	return u, in.Screen.shows(ctx, tx, account, AtRegistration, profileMarks(tx.Keys(), email, mobile)...)
}

// RegisterOperator adds one of the operator's people, and the operator's account
// with the first. Only the command line and a superadmin may.
func RegisterOperator(ctx context.Context, tx *db.Tx, by audit.Actor, in Registration, roles []string) (User, error) {
	if by.Kind != audit.CLIKind && !by.Has(Superadmin) {
		return User{}, ErrForbidden
	}
	if err := rolesAllowed(Operator, roles); err != nil {
		return User{}, err
	}
	email, mobile, err := checkProfile(in)
	if err != nil {
		return User{}, err
	}
	account, err := db.Value[ID](ctx, tx, sqlOperator)
	if errors.Is(err, db.ErrNoRow) {
		account, err = insertAccount(ctx, tx, Operator, in)
	}
	if err != nil {
		return User{}, err
	}
	return insertUser(ctx, tx, by, newUser{
		account: account, name: in.UserName, email: email, mobile: mobile,
		password: in.Password, roles: roles, locale: in.Locale,
	})
}

// AddUser adds a sub-user. Only the owner of the account may, or a superadmin in
// the operator's; the roles must fit the account.
func AddUser(ctx context.Context, tx *db.Tx, by audit.Actor, in NewUser) (User, error) {
	if !mayManageUsers(by, in.Account) {
		return User{}, ErrForbidden
	}
	account, err := Get(ctx, tx, in.Account)
	if err != nil {
		return User{}, err
	}
	if err := rolesAllowed(account.Kind, in.Roles); err != nil {
		return User{}, err
	}
	email, mobile, err := checkProfile(Registration{
		SubjectType: account.SubjectType, DisplayName: account.DisplayName,
		UserName: in.Name, Email: in.Email, Password: in.Password,
	})
	if err != nil {
		return User{}, err
	}
	if err := in.Words.Pass(ctx, tx, by, "user_name", in.Name); err != nil {
		return User{}, err
	}
	return insertUser(ctx, tx, by, newUser{
		account: in.Account, name: in.Name, email: email, mobile: mobile,
		password: in.Password, roles: in.Roles, locale: in.Locale,
	})
}

// AddMember lets a user buy for a further account. Only that account's owner may.
func AddMember(ctx context.Context, tx *db.Tx, by audit.Actor, account ID, user UserID) error {
	if !mayManageUsers(by, account) {
		return ErrForbidden
	}
	if _, err := GetUser(ctx, tx, user); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlInsertMember, account, user, db.Micros(tx.Now()))
	return err
}

func insertAccount(ctx context.Context, tx *db.Tx, kind Kind, in Registration) (ID, error) {
	id := ID(tx.ID("acc"))
	name, err := tx.Keys().Seal(strings.TrimSpace(in.DisplayName), "account_account.display_name/"+string(id))
	if err != nil {
		return "", err
	}
	n, err := tx.Exec(ctx, sqlInsertAccount, id, kind, in.SubjectType, name, Registered,
		isConsumer(in.SubjectType), locale(in.Locale), db.Micros(tx.Now()))
	if err != nil {
		return "", err
	}
	if n == 0 { // a second operator account
		return "", ErrStale
	}
	return id, nil
}

type newUser struct {
	account  ID
	name     string
	email    cn.Email
	mobile   cn.Mobile
	password PasswordHash
	roles    []string
	locale   string
}

func insertUser(ctx context.Context, tx *db.Tx, by audit.Actor, in newUser) (User, error) {
	id := UserID(tx.ID("usr"))
	keys, now := tx.Keys(), db.Micros(tx.Now())
	name, err1 := keys.Seal(strings.TrimSpace(in.name), "account_user.name/"+string(id))
	email, err2 := keys.Seal(in.email.Delivery(), "account_user.email/"+string(id))
	mobile, err3 := keys.Seal(in.mobile.Canonical(), "account_user.mobile/"+string(id))
	if err := errors.Join(err1, err2, err3); err != nil {
		return User{}, err
	}
	roles := slices.Clone(in.roles)
	slices.Sort(roles)
	roles = slices.Compact(roles)
	n, err := tx.Exec(ctx, sqlInsertUser, id, in.account, name, email, keys.Index(emailIndex, in.email.Unique()),
		mobile, strings.Join(roles, " "), locale(in.locale), now)
	if err != nil {
		return User{}, err
	}
	if n == 0 {
		return User{}, ErrEmailTaken.In("email")
	}
	if _, err := tx.Exec(ctx, sqlInsertHash, id, in.password, now); err != nil {
		return User{}, err
	}
	err = audit.Record(ctx, tx, by, audit.Entry{
		Act: "account.registered", Subjects: []string{string(in.account), string(id)}, Clauses: []string{"UA 4.1"},
		Data: map[string]any{"roles": roles},
	})
	if err != nil {
		return User{}, err
	}
	return GetUser(ctx, tx, id)
}

func locale(s string) string {
	if l, ok := text.ParseLang(s); ok {
		return string(l)
	}
	return string(text.ZH)
}
