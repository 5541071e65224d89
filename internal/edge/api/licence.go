package api

import (
	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/delivery"
)

// LicenceKeysPath is where the public half of the key that signs licences is
// published. A vendor builds it into its product, which then checks licences
// with package spi and without a network.
const LicenceKeysPath = "/.well-known/jwks.json"

func licenceKeys() serve.Route {
	return serve.Route{Pattern: "GET " + LicenceKeysPath, Access: serve.Public, Handle: func(c *serve.Call) error {
		var set []byte
		if err := c.Read(func(r db.Reader) (err error) {
			set, err = delivery.Keys(c.R.Context(), r)
			return err
		}); err != nil {
			return err
		}
		c.W.Header().Set("Content-Type", "application/jwk-set+json")
		_, err := c.W.Write(set)
		return err
	}}
}
