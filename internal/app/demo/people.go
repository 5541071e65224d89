package demo

import (
	"errors"
	"slices"

	"yunshi/internal/market/account"
)

// Officer is a compliance officer of the demonstration, for programs that drive
// it from outside.
func Officer() (email, password string, err error) {
	_, p, err := read()
	if err != nil {
		return "", "", err
	}
	i := slices.IndexFunc(p.Operator.Users, func(u person) bool { return slices.Contains(u.Roles, account.Compliance) })
	if i < 0 {
		return "", "", errors.New("demo: no compliance officer")
	}
	return p.Operator.Users[i].Email, p.Operator.Users[i].Password, nil
}

// Seller is the e-mail address of the owner of one of the vendors.
func Seller() (string, error) {
	_, p, err := read()
	if err != nil {
		return "", err
	}
	return p.Vendors[0].Users[0].Email, nil
}
