package api

import (
	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/order"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/vendor"
)

// orderCustomer is how a vendor reaches the customer of an order: the pseudonym,
// the relay and the consent that holds now. Nothing of it tells who it is.
//
// Clause: UA 6.3 (a vendor's program gets the pseudonym and the relay, and the plain contact only with a basis that it names).
func orderCustomer(c *serve.Call, in *byID) (client.Customer, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Customer, error) {
		seller, err := own(c, r)
		if err != nil {
			return client.Customer{}, err
		}
		o, err := order.OfVendor(ctx, r, seller.ID, order.ID(in.ID))
		if err != nil {
			return client.Customer{}, err
		}
		out := client.Customer{Order: string(o.ID), OpenID: vendor.OpenID(seller.ID, o.Account, r.Keys()), Relay: privacy.Relay(seller.ID, o.Account, r.Keys())}
		given, err := privacy.GivenTo(ctx, r, o.Account, seller.ID)
		if err == nil && given != nil && given.Holds(r.Now()) {
			out.Consent, out.Fields = string(given.ID), each(given.Fields, func(f privacy.Field) string { return string(f) })
		}
		return out, err
	})
}

// revealCustomer answers with the plain contact on a basis that the vendor names.
// The answer is stored nowhere; each look is a record.
func revealCustomer(c *serve.Call, in *onID[client.Basis]) (client.CustomerContact, error) {
	ctx := c.R.Context()
	return secretly(c, c.Actor, serve.Intent{
		Name: "privacy.reveal", Subjects: []string{in.ID, in.Body.Basis}, Clauses: []string{"UA 5.4"},
	}, func(tx *db.Tx) (client.CustomerContact, error) {
		seller, err := own(c, tx)
		if err != nil {
			return client.CustomerContact{}, err
		}
		p, err := privacy.Reveal(ctx, tx, c.Actor, seller.ID, order.ID(in.ID), in.Body.Basis)
		return client.CustomerContact{Relay: p.Relay, Basis: p.Basis, Name: p.Name, Email: p.Email, Mobile: p.Mobile}, err
	})
}

// relayToCustomer passes words on to the customer over the relay.
func relayToCustomer(c *serve.Call, in *onID[client.Words]) (client.Done, error) {
	secret, err := keyed(c, in)
	if err != nil {
		return client.Done{}, err
	}
	return done(c, serve.Intent{Name: "privacy.relay", Input: secret, Subjects: []string{in.ID}, Clauses: []string{"UA 6.3"}}, func(tx *db.Tx) error {
		seller, err := own(c, tx)
		if err != nil {
			return err
		}
		return privacy.Message(c.R.Context(), tx, c.Actor, seller, order.ID(in.ID), in.Body.Text)
	})
}
