package demo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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

// Owner is the owner of a vendor of the demonstration, by the vendor's slug.
func Owner(slug string) (email, password string, err error) {
	c, p, err := read()
	if err != nil {
		return "", "", err
	}
	for _, staffed := range p.Vendors {
		if staffed.Vendor == slug {
			return staffed.Users[0].Email, passwordOf(staffed.Users[0]), nil
		}
	}
	for _, v := range c.Vendors {
		if v.Slug == slug {
			return v.Owner.Email, passwordOf(v.Owner), nil
		}
	}
	return "", "", fmt.Errorf("demo: no vendor is called %q", slug)
}

// passwordOf is the person's own, or one that is made of the address.
func passwordOf(p person) string {
	if p.Password != "" {
		return p.Password
	}
	name, _, _ := strings.Cut(p.Email, "@")
	return "demo-" + strings.ReplaceAll(name, ".", "-") + "-quiet-harbour"
}
