package vendordesk

import (
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/vendor"
)

type moneyView struct {
	frame
	standing
	merchants []vendor.Merchant
	deposits  []vendor.Deposit
	deposit   money.Amount // as the book has it
	providers []string
	refusal   error
	errors    map[string]string
	provider  string
	number    string
	key       string
}

func (d desk) money(c *serve.Call) error { return d.moneyAgain(c, nil) }

func (d desk) moneyAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := moneyView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), provider: c.R.PostFormValue("provider"), number: c.R.PostFormValue("number"), key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.vendor, err = d.seller(c, r); err != nil {
			return err
		}
		id := view.vendor.ID
		if view.missing, err = vendor.DepositMissing(ctx, r, id); err != nil {
			return err
		}
		if view.merchants, err = vendor.Merchants(ctx, r, id); err != nil {
			return err
		}
		if view.deposits, err = vendor.Deposits(ctx, r, id); err != nil {
			return err
		}
		deposit, err := ledger.Balance(ctx, r, ledger.Deposit, string(id), money.CNY)
		if err != nil {
			return err
		}
		if view.deposit, err = deposit.Neg(); err != nil {
			return err
		}
		return nil
	}); err != nil {
		return err
	}
	for name := range c.Market.Gateways {
		if !slices.ContainsFunc(view.merchants, func(m vendor.Merchant) bool { return m.Provider == name }) {
			view.providers = append(view.providers, name)
		}
	}
	slices.Sort(view.providers)
	var err error
	if view.code, err = d.depositCode(c, view.standing); err != nil {
		return err
	}
	view.operator = c.Market.Info.Operator
	view.frame = d.frame(c, "/vendor/money", text.T(ctx, "vendordesk.nav.money"))
	return d.shown(c, refusal, moneyPage(view))
}

// addMerchant notes the vendor's own account at a provider.
func (d desk) addMerchant(c *serve.Call) error {
	in := []string{c.R.PostFormValue("provider"), c.R.PostFormValue("number")}
	_, err := serve.Do(c, serve.Intent{Name: "vendor.add_merchant", Input: in, Clauses: []string{"UA 3.1"}}, func(tx *db.Tx) (bool, error) {
		v, err := d.seller(c, tx)
		if err != nil {
			return false, err
		}
		if _, err = vendor.AddMerchantAccount(c.R.Context(), tx, c.Actor, v.ID, in[0], in[1]); err != nil {
			return false, err
		}
		return true, c.ShowsBank(tx, v.Account, in[0], in[1])
	})
	if err != nil && correctable(err) {
		return d.moneyAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/money")
}
