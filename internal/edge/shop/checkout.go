package shop

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/vendor"
)

// checkoutView is the one page on which a purchase is made.
type checkoutView struct {
	Key     string
	Quote   order.Quote
	Content catalog.Content
	Seller  page.Seller
	Refusal *page.Refusal
	Blocked bool // a rule stands in the way; the button is off
	Free    bool
	Protect []agreement.Clause // of the agreement, for the vendor's rights

	Quantity, Account, Accept, Business, Voucher, Method page.Field
	AskBusiness                                          bool

	MayShare   bool // this vendor may get data that a customer lets it have
	ShareUntil time.Time
	Share      page.Field
}

func checkout(c *serve.Call) error { return showCheckout(c, nil) }

func showCheckout(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	v := checkoutView{Key: keptKey(c)}
	errs := page.FieldErrors(ctx, failed)
	var mine []account.Account
	var merchants []vendor.Merchant
	err := c.Read(func(r db.Reader) (err error) {
		if v.Quote, err = order.QuoteWith(ctx, r, c.Actor, catalog.PlanID(c.R.FormValue("plan")), quantity(c), typedCode(c)); err != nil {
			return err
		}
		if mine, err = account.Choosable(ctx, r, c.Actor); err != nil {
			return err
		}
		if v.Protect, err = protection(ctx, r); err != nil {
			return err
		}
		if v.MayShare, err = mayReceive(ctx, r, v.Quote.Offer.Product.Vendor); err != nil {
			return err
		}
		if v.ShareUntil, err = privacy.Until(ctx, r); err != nil {
			return err
		}
		merchants, err = vendor.Merchants(ctx, r, v.Quote.Offer.Product.Vendor)
		return err
	})
	if err != nil {
		return err
	}
	v.Content = v.Quote.Offer.Version.Content
	v.Seller = sellerOf(c.Lang, v.Quote.Offer.Vendor)
	v.Free = v.Quote.Fee.Paid.IsZero()

	v.Quantity = field(c, errs, page.Field{Name: "quantity", Label: text.T(c.R.Context(), "base.quantity"), Kind: "number", InputMode: "numeric", Width: "short", Required: true})
	v.Quantity.Value = strconv.FormatInt(v.Quote.Quantity, 10)
	v.Account = field(c, errs, page.Field{Name: "account", Label: text.T(c.R.Context(), "shop.checkout.account"), Hint: text.T(c.R.Context(), "shop.checkout.account.hint"), Required: true})
	for _, a := range mine {
		v.Account.Options = append(v.Account.Options, page.Option{Value: string(a.ID), Label: a.DisplayName, Hint: text.In(c.Lang, "account.subject."+string(a.SubjectType)) + " · " + text.In(c.Lang, "account.state."+string(a.State))})
		v.AskBusiness = v.AskBusiness || a.SubjectType == account.Individual
	}
	if v.Account.Value == "" && len(mine) == 1 {
		v.Account.Value = string(mine[0].ID)
	}
	v.Accept = page.Field{Name: "accept_terms", Label: text.T(c.R.Context(), "shop.checkout.accept"), Required: true, Error: errs["accept_terms"]}
	v.Business = page.Field{Name: "business", Label: text.T(c.R.Context(), "shop.checkout.business"), Hint: text.T(c.R.Context(), "shop.checkout.business.hint"), Quiet: true, Checked: c.R.PostFormValue("business") != ""}
	v.Share = shareField(ctx, errs)
	for i, o := range v.Share.Options { // as typed, when the form comes back
		v.Share.Options[i].Chosen = slices.Contains(ticked(c), privacy.Field(o.Value))
	}
	v.Voucher = field(c, errs, page.Field{Name: "voucher", Label: text.T(c.R.Context(), "shop.checkout.voucher"), Hint: text.T(c.R.Context(), "shop.checkout.voucher.hint"), Autocomplete: "off", Width: "medium", MaxLength: 64})
	v.Voucher.Value = strings.TrimSpace(v.Voucher.Value)
	v.Method = field(c, errs, page.Field{Name: "gateway", Label: text.T(c.R.Context(), "shop.checkout.method"), Required: true, Options: methods(c, merchants)})
	if v.Method.Value == "" && len(v.Method.Options) > 0 {
		v.Method.Value = v.Method.Options[0].Value
	}

	v.Blocked = v.Quote.Refusal != nil
	if failed == nil && v.Quote.Declined != nil {
		failed = v.Quote.Declined
		v.Voucher.Error = page.FieldErrors(ctx, failed)[v.Voucher.Name]
	}
	status := refusalStatus(failed)
	if failed == nil {
		failed = v.Quote.Refusal
	}
	if failed != nil && !correctable(failed) {
		return failed
	}
	if v.Refusal = refusal(c, failed, v.Quantity, v.Account, v.Accept, v.Voucher, v.Method); v.Refusal != nil {
		v.Refusal.Action = wayOn(c, v.Refusal.Code, checkoutAddress(v.Quote))
	}
	name := v.Content.Name.In(c.Lang)
	frame := chrome(c, text.T(c.R.Context(), "shop.checkout.title"), page.Link{Label: name, Href: "/p/" + v.Quote.Offer.Product.Slug})
	return show(c, status, checkoutPage(frame, v, c.Lang))
}

// typedCode is the code of a voucher as it was typed. It comes with the form only: an
// address is kept in logs.
func typedCode(c *serve.Call) string { return strings.TrimSpace(c.R.PostFormValue("voucher")) }

// methods are the ways to pay that this market offers and this vendor can take.
func methods(c *serve.Call, merchants []vendor.Merchant) []page.Option {
	var out []page.Option
	for _, name := range c.Market.Methods {
		if !slices.ContainsFunc(merchants, func(m vendor.Merchant) bool { return m.Provider == name }) {
			continue
		}
		out = append(out, page.Option{Value: name, Label: methodName(c.R.Context(), name), Hint: methodHint(c.R.Context(), name)})
	}
	return out
}

// methodName is what people call a way to pay.
func methodName(ctx context.Context, gateway string) string {
	if key := "shop.method." + gateway; text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return gateway
}

func methodHint(ctx context.Context, gateway string) string {
	if key := "shop.method." + gateway + ".hint"; text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return ""
}

// wayOn is what a person can do about a refusal and then come back.
func wayOn(c *serve.Call, code, back string) page.Action {
	switch code {
	case "AGREEMENT_NOT_ACCEPTED":
		return page.Action{Label: text.T(c.R.Context(), "shop.way.agreement"), Href: serve.AgreementPath + "?next=" + escape(back), Weight: page.Primary}
	case "REALNAME_REQUIRED":
		return page.Action{Label: text.T(c.R.Context(), "shop.way.identity"), Href: page.AccountPath + "/identity?next=" + escape(back), Weight: page.Primary}
	case "PRODUCT_DELISTED", "PRODUCT_USE_PROHIBITED":
		return page.Action{Label: text.T(c.R.Context(), "shop.search.all"), Href: page.SearchPath, Weight: page.Primary}
	}
	return page.Action{}
}

func placeOrder(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	n, err := strconv.ParseInt(form("quantity"), 10, 64)
	if err != nil {
		return showCheckout(c, order.ErrQuantity.In("quantity"))
	}
	total, err := strconv.ParseInt(form("total"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	in := order.Purchase{
		Plan: catalog.PlanID(form("plan")), Quantity: n, For: account.ID(form("account")), TermsSHA256: form("terms"),
		ExpectedTotal: money.Amount{Minor: total, Currency: money.Currency(form("currency"))}, Gateway: form("gateway"),
		Voucher: typedCode(c), Business: form("business") != "", AcceptTerms: form("accept_terms") != "",
		Collector: c.Market.Info.Operator,
	}
	// Another quantity or code: the total is shown before anything is placed.
	if in.Voucher != form("voucher_shown") || form("update") != "" && in.Voucher != "" {
		return showCheckout(c, nil)
	}
	if form("update") != "" {
		return c.Redirect("/checkout?plan=" + escape(form("plan")) + "&quantity=" + escape(form("quantity")))
	}
	share := ticked(c)
	placed, err := serve.Do(c, serve.Intent{
		Name: "order.place", Input: []any{in, share}, Subjects: []string{string(in.Plan), string(in.For)}, Clauses: []string{"UA 4.2", "UA 4.3"},
	}, func(tx *db.Tx) (order.ID, error) {
		o, err := order.Place(ctx, tx, c.Actor, in)
		if err != nil || len(share) == 0 {
			return o.ID, err
		}
		_, err = privacy.Give(ctx, tx, c.Actor, privacy.Giving{
			Account: o.Account, Vendor: o.Vendor, Fields: share, Method: privacy.AtCheckout, Order: string(o.ID), Lang: c.Lang,
		})
		return o.ID, err
	})
	if err != nil {
		return again(c, err, showCheckout)
	}
	return c.Redirect(orderPath(placed))
}

func orderPath(id order.ID) string { return page.OrdersPath + "/" + string(id) }

// payLabel says what the button does and what it costs.
func payLabel(ctx context.Context, v checkoutView) string {
	if v.Free {
		return text.T(ctx, "shop.checkout.get")
	}
	return text.T(ctx, "shop.checkout.pay", "Amount", page.MoneyText(ctx, v.Quote.Fee.Paid))
}
