package api

import (
	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/vendor"
)

func vendorShape(v vendor.Vendor) client.Vendor {
	return client.Vendor{
		ID: string(v.ID), Account: string(v.Account), State: string(v.State), RegisteredName: v.RegisteredName,
		MerchantReady: v.MerchantReady, DepositOK: v.DepositOK, DossierOK: v.DossierOK, AppliedAt: v.AppliedAt,
	}
}

func sellerShape(s vendor.SellerCard) client.Seller {
	return client.Seller{
		Vendor: string(s.Vendor), RegisteredName: s.RegisteredName, SubjectType: s.SubjectType, USCC: s.USCC, Address: s.Address,
		Contact: client.Contact(s.Contact), SupportHours: s.SupportHours, VerifiedAt: s.VerifiedAt,
	}
}

// own is the vendor that the caller's account is.
func own(c *serve.Call, r db.Reader) (vendor.Vendor, error) {
	v, ok, err := vendor.OfAccount(c.R.Context(), r, c.Account())
	if err == nil && !ok {
		err = serve.ErrNotFound
	}
	return v, err
}

func applyVendor(c *serve.Call, in *bodyOf[client.VendorApplication]) (client.Vendor, error) {
	b := in.Body
	input, err := keyed(c, b)
	if err != nil {
		return client.Vendor{}, err
	}
	return act(c, serve.Intent{Name: "vendor.apply", Input: input, Clauses: []string{"UA 2.1", "UA 2.2"}}, func(tx *db.Tx) (string, client.Vendor, error) {
		v, err := vendor.Apply(c.R.Context(), tx, c.Actor, vendor.Application{
			RegisteredName: b.RegisteredName, SubjectType: account.SubjectType(b.SubjectType), USCC: b.USCC, LegalRepresentative: b.LegalRepresentative,
			Address: b.Address, Contact: vendor.Contact(b.Contact), SupportHours: b.SupportHours, SelfCertified: b.SelfCertified,
		})
		return string(v.ID), vendorShape(v), err
	})
}

func readVendor(c *serve.Call, _ *none) (client.Vendor, error) {
	return read(c, func(r db.Reader) (client.Vendor, error) {
		v, err := own(c, r)
		return vendorShape(v), err
	})
}

func addMerchant(c *serve.Call, in *bodyOf[client.Merchant]) (client.Vendor, error) {
	ctx := c.R.Context()
	return act(c, serve.Intent{Name: "vendor.add_merchant", Input: in.Body, Clauses: []string{"UA 3.1"}}, func(tx *db.Tx) (string, client.Vendor, error) {
		v, err := own(c, tx)
		if err != nil {
			return "", client.Vendor{}, err
		}
		if _, err := vendor.AddMerchantAccount(ctx, tx, c.Actor, v.ID, in.Body.Provider, in.Body.Number); err != nil {
			return "", client.Vendor{}, err
		}
		if err := c.ShowsBank(tx, v.Account, in.Body.Provider, in.Body.Number); err != nil {
			return "", client.Vendor{}, err
		}
		v, err = vendor.Get(ctx, tx, v.ID)
		return string(v.ID), vendorShape(v), err
	})
}

func listHooks(c *serve.Call, _ *none) (client.Page[client.Hook], error) {
	return read(c, func(r db.Reader) (client.Page[client.Hook], error) {
		v, err := own(c, r)
		if err != nil {
			return client.Page[client.Hook]{}, err
		}
		hooks, err := vendor.Hooks(c.R.Context(), r, v.ID)
		return whole(hooks, func(h vendor.Hook) client.Hook { return client.Hook{Dialect: h.Dialect, URL: h.URL} }), err
	})
}

func setHook(c *serve.Call, in *bodyOf[client.HookRequest]) (client.Hook, error) {
	return secretly(c, c.Actor, serve.Intent{Name: "vendor.set_hook", Input: in.Body, Subjects: []string{c.Actor.Account}}, func(tx *db.Tx) (client.Hook, error) {
		v, err := own(c, tx)
		if err != nil {
			return client.Hook{}, err
		}
		h, err := vendor.SetHook(c.R.Context(), tx, c.Actor, v.ID, in.Body.Dialect, in.Body.URL)
		return client.Hook{Dialect: h.Dialect, URL: h.URL, Secret: h.Secret}, err
	})
}

func vendorQueue(c *serve.Call, _ *none) (client.Page[client.Vendor], error) {
	return read(c, func(r db.Reader) (client.Page[client.Vendor], error) {
		waiting, err := vendor.Queue(c.R.Context(), r)
		return whole(waiting, vendorShape), err
	})
}

func takeVendor(c *serve.Call, in *byID) (client.Done, error) {
	return done(c, serve.Intent{Name: "vendor.take", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) error {
		return vendor.Take(c.R.Context(), tx, c.Actor, vendor.ID(in.ID))
	})
}

func decideVendor(c *serve.Call, in *onID[client.Decision]) (client.Vendor, error) {
	return act(c, serve.Intent{Name: "vendor.decide", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 2.1"}}, func(tx *db.Tx) (string, client.Vendor, error) {
		v, err := vendor.Decide(c.R.Context(), tx, c.Actor, vendor.ID(in.ID), vendor.Decision(in.Body))
		return in.ID, vendorShape(v), err
	})
}
