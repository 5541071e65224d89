package rig

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"yunshi/client"
	"yunshi/internal/app/demo"
)

// Customer is a verified customer with what is bought again and again.
type Customer struct {
	Client   *client.Client
	Account  string
	Password string
	Purchase client.Purchase
}

// bought are products that the market itself delivers: files and licence keys, of
// several vendors.
var bought = []string{"container-host-image", "cq-division-dataset", "dunshi-masking", "halvorsen-tsdb", "java-runtime-image", "northgale-writer", "tangli-mfg-corpus"}

// Visitor is a client of the market at an address that calls as nobody and sends
// nothing twice.
func Visitor(address string) *client.Client {
	v := client.New(address, "")
	v.HTTP = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
	v.Language, v.Tries = "en", 1
	return v
}

// Customers makes n verified customers who have accepted the agreement, over HTTP,
// on a market that the demonstration's people live in. said is called after each.
func Customers(ctx context.Context, address string, n int, said func()) ([]Customer, error) {
	visitor := Visitor(address)
	email, password, err := demo.Officer()
	if err != nil {
		return nil, err
	}
	officer, err := visitor.SignIn(ctx, email, password, "rig")
	if err != nil {
		return nil, err
	}
	var people []Customer
	for i := range n {
		c, err := customer(ctx, visitor, officer, i)
		if err != nil {
			return nil, fmt.Errorf("customer %d: %w", i, err)
		}
		people = append(people, c)
		said()
	}
	return people, nil
}

func customer(ctx context.Context, visitor, officer *client.Client, i int) (c Customer, err error) {
	email := fmt.Sprintf("buyer%d@rig.example.com", i)
	c.Password = "four lanterns above the quay"
	in, err := visitor.Register(ctx, client.Registration{
		Name: "Rig Buyer", UserName: "Rig Buyer", Email: email, Password: c.Password, SubjectType: "individual", Locale: "en",
	})
	if err != nil {
		return c, err
	}
	c.Account = in.Account
	if c.Client, err = visitor.SignIn(ctx, email, c.Password, "rig"); err != nil {
		return c, err
	}
	bundle, err := c.Client.Agreement(ctx)
	if err != nil {
		return c, err
	}
	shown := client.Displayed{Bundle: bundle.Bundle, Locale: "en"}
	if err := c.Client.DisplayAgreement(ctx, shown); err != nil {
		return c, err
	}
	if _, err := c.Client.AcceptAgreement(ctx, shown); err != nil {
		return c, err
	}
	applied, err := c.Client.ApplyIdentity(ctx, client.IdentityApplication{
		SubjectType: "individual", Name: "Rig Buyer", IDKind: "resident_id", Number: residentID(i), Mobile: "13800138000",
		Email: email, BankAccount: "6225881234567898", Consent: true,
	})
	if err != nil {
		return c, err
	}
	if _, err := officer.DecideIdentity(ctx, applied.ID, client.Decision{Approve: true, Reason: "rig"}); err != nil {
		return c, err
	}
	c.Purchase, err = c.Of(ctx, bought[i%len(bought)])
	return c, err
}

// Of is the purchase of one of a product at its first plan that costs something.
func (c Customer) Of(ctx context.Context, slug string) (client.Purchase, error) {
	listing, err := c.Client.Listing(ctx, slug)
	if err != nil {
		return client.Purchase{}, err
	}
	paid := slices.IndexFunc(listing.Plans, func(o client.Offer) bool { return o.Price.Minor > 0 })
	if paid < 0 {
		return client.Purchase{}, fmt.Errorf("%s has no paid plan", listing.Product.Slug)
	}
	quote, err := c.Client.Quote(ctx, listing.Plans[paid].Plan, 1)
	return client.Purchase{
		Plan: quote.Plan, Quantity: 1, For: c.Account, TermsSHA256: quote.TermsSHA256, Total: quote.Fee.Paid, Gateway: "sandbox", AcceptTerms: true,
	}, err
}

// residentID makes up a number of somebody born in 1990, with its check digit.
func residentID(i int) string {
	digits := fmt.Sprintf("11010119900307%03d", i+1)
	sum := 0
	for at, d := range digits {
		sum += int(d-'0') * (1 << (len(digits) - at) % 11)
	}
	return digits + string("10X98765432"[sum%11])
}
