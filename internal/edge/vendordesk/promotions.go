package vendordesk

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
	"yunshi/internal/market/promotion"
)

// promotionsView is what the vendor takes off one product.
type promotionsView struct {
	frame
	product   catalog.Product
	name      string
	offers    []catalog.Offer
	floors    map[catalog.PlanID]promotion.Floor
	discounts []promotion.Discount
	batches   []promotion.Batch
	refusal   error
	now       time.Time
	key       string
}

// path is an address below the product.
func (v promotionsView) path(rest string) string {
	return "/vendor/products/" + string(v.product.ID) + rest
}

// plan is the name of a plan; its id when it is not sold any more.
func (v promotionsView) plan(ctx context.Context, id catalog.PlanID) string {
	for _, o := range v.offers {
		if o.PlanID == id {
			return o.Plan.Name.In(text.From(ctx))
		}
	}
	if id == "" {
		return text.T(ctx, "vendordesk.promotions.every")
	}
	return string(id)
}

// currency is that of all plans of the product.
func (v promotionsView) currency() money.Currency { return v.offers[0].Plan.Price.Currency }

func (d desk) loadPromotions(c *serve.Call) (view promotionsView, err error) {
	ctx := c.R.Context()
	view = promotionsView{floors: map[catalog.PlanID]promotion.Floor{}, now: c.Now(), key: freshKey()}
	err = c.Read(func(r db.Reader) error {
		if view.product, err = d.own(c, r); err != nil {
			return err
		}
		if view.offers, err = catalog.Offers(ctx, r, view.product.ID); err != nil {
			return err
		}
		if len(view.offers) == 0 {
			return serve.ErrNotFound // nothing to take anything off yet
		}
		floors, err := promotion.Floors(ctx, r, view.product.ID)
		if err != nil {
			return err
		}
		for _, f := range floors {
			view.floors[f.Plan] = f
		}
		if view.discounts, err = promotion.Discounts(ctx, r, view.product.ID); err != nil {
			return err
		}
		view.batches, err = promotion.Batches(ctx, r, view.product.ID)
		return err
	})
	if err == nil {
		view.name = view.offers[0].Version.Content.Name.In(c.Lang)
	}
	return view, err
}

func (d desk) promotions(c *serve.Call) error { return d.promotionsAgain(c, nil) }

func (d desk) promotionsAgain(c *serve.Call, refusal error) error {
	view, err := d.loadPromotions(c)
	if err != nil {
		return err
	}
	view.refusal = refusal
	view.frame = d.frame(c, "/vendor/products", text.T(c.R.Context(), "vendordesk.promotions"), page.Link{Label: view.name, Href: view.path("")})
	return d.shown(c, refusal, promotionsPage(view))
}

// promotionForm asks for the terms of one thing.
type promotionForm struct {
	promotionsView
	title, lead string
	post        string
	secret      bool // its answer is shown once and must not be kept
	fields      []page.Field
	money       map[string]bool // fields that are amounts
}

// formKey makes the form safe to be sent twice, unless the answer is a secret.
func (f promotionForm) formKey() string {
	if f.secret {
		return ""
	}
	return f.key
}

// form builds the page of a form; what was typed comes back with its errors.
func (d desk) form(c *serve.Call, key, post string, refusal error, fields func(ctx context.Context, v promotionsView) []page.Field, amounts ...string) error {
	ctx := c.R.Context()
	view, err := d.loadPromotions(c)
	if err != nil {
		return err
	}
	view.refusal = refusal
	form := promotionForm{promotionsView: view, title: text.T(ctx, key), lead: text.T(ctx, key+".lead"), post: view.path(post), secret: post == vouchersPath, money: map[string]bool{}}
	for _, name := range amounts {
		form.money[name] = true
	}
	errs := page.FieldErrors(ctx, refusal)
	for _, f := range fields(ctx, view) {
		f.Label, f.Error = text.T(ctx, "vendordesk.promotions.field."+f.Name), errs[f.Name]
		if hint := "vendordesk.promotions.field." + f.Name + ".hint"; text.Has(text.From(ctx), hint) {
			f.Hint = text.T(ctx, hint)
		}
		if c.R.Method == http.MethodPost {
			f.Value = c.R.PostFormValue(f.Name)
		}
		if form.money[f.Name] {
			f.Currency = string(view.currency())
		}
		form.fields = append(form.fields, f)
	}
	form.frame = d.frame(c, "/vendor/products", form.title, page.Link{Label: view.name, Href: view.path("")},
		page.Link{Label: text.T(ctx, "vendordesk.promotions"), Href: view.path("/promotions")})
	return d.shown(c, refusal, promotionFormPage(form))
}

// plans is the choice of a plan, with its list price.
func (v promotionsView) plans(ctx context.Context) page.Field {
	f := page.Field{Name: "plan", Kind: "radio", Required: true, Value: string(v.offers[0].PlanID)}
	for _, o := range v.offers {
		f.Options = append(f.Options, page.Option{Value: string(o.PlanID), Label: o.Plan.Name.In(text.From(ctx)), Aside: page.MoneyText(ctx, o.Plan.Price)})
	}
	return f
}

func floorFields(ctx context.Context, v promotionsView) []page.Field {
	return []page.Field{v.plans(ctx), {Name: "price", Required: true}}
}

func discountFields(ctx context.Context, v promotionsView) []page.Field {
	return []page.Field{
		v.plans(ctx), {Name: "percent", InputMode: "decimal", Width: "short"}, {Name: "price"},
		{Name: "from", Kind: "date", Width: "short"}, {Name: "until", Kind: "date", Width: "short", Required: true},
	}
}

func voucherFields(ctx context.Context, v promotionsView) []page.Field {
	plans := v.plans(ctx)
	plans.Value = everyPlan
	plans.Options = append([]page.Option{{Value: everyPlan, Label: text.T(ctx, "vendordesk.promotions.every")}}, plans.Options...)
	return []page.Field{
		plans, {Name: "percent", InputMode: "decimal", Width: "short"}, {Name: "amount"}, {Name: "minimum"},
		{Name: "until", Kind: "date", Width: "short", Required: true},
		{Name: "codes", Kind: "number", InputMode: "numeric", Width: "short", Value: "1", Required: true},
		{Name: "uses", Kind: "number", InputMode: "numeric", Width: "short", Value: "1", Required: true},
		{Name: "only_for", Width: "medium"},
	}
}

// everyPlan is the choice of vouchers for all plans of a product.
const everyPlan = "all"

// vouchersPath is where vouchers are made.
const vouchersPath = "/vouchers"

func (d desk) floorForm(c *serve.Call) error { return d.floorAgain(c, nil) }

func (d desk) floorAgain(c *serve.Call, refusal error) error {
	return d.form(c, "vendordesk.promotions.floor", "/floor", refusal, floorFields, "price")
}

func (d desk) discountForm(c *serve.Call) error { return d.discountAgain(c, nil) }

func (d desk) discountAgain(c *serve.Call, refusal error) error {
	return d.form(c, "vendordesk.promotions.discount", "/discounts", refusal, discountFields, "price")
}

func (d desk) voucherForm(c *serve.Call) error { return d.voucherAgain(c, nil) }

func (d desk) voucherAgain(c *serve.Call, refusal error) error {
	return d.form(c, "vendordesk.promotions.voucher", vouchersPath, refusal, voucherFields, "amount", "minimum")
}

// typed reads the fields of a form; what cannot be read is collected in faults.
type typed struct {
	r        *http.Request
	currency money.Currency
	faults   fault.List
}

// amount is an amount of money; the zero value for an empty field.
func (t *typed) amount(name string) money.Amount {
	s := strings.TrimSpace(t.r.PostFormValue(name))
	if s == "" {
		return money.Amount{}
	}
	a, err := money.Parse(s, t.currency)
	if err != nil {
		t.faults = append(t.faults, promotion.ErrInvalid.In(name))
	}
	return a
}

// points are per cents with two decimals, as basis points.
func (t *typed) points(name string) int64 {
	s := strings.TrimSpace(strings.TrimSuffix(t.r.PostFormValue(name), "%"))
	if s == "" {
		return 0
	}
	hundredths, err := money.Parse(s, money.CNY) // a number with two decimals, as well
	if err != nil || hundredths.Minor == 0 {
		t.faults = append(t.faults, promotion.ErrInvalid.In(name))
	}
	return hundredths.Minor
}

func (t *typed) count(name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(t.r.PostFormValue(name)), 10, 64)
	if err != nil {
		t.faults = append(t.faults, promotion.ErrInvalid.In(name))
	}
	return n
}

// day is a date; ok is false for an empty field.
func (t *typed) day(name string) (day calendar.Date, ok bool) {
	s := strings.TrimSpace(t.r.PostFormValue(name))
	if s == "" {
		return day, false
	}
	day, err := calendar.ParseDate(s)
	if err != nil {
		t.faults = append(t.faults, promotion.ErrInvalid.In(name))
	}
	return day, err == nil
}

// first is the first moment of a day, last the end of one.
func (t *typed) first(name string) (at time.Time) {
	if day, ok := t.day(name); ok {
		at = day.Start()
	}
	return at
}

func (t *typed) last(name string) (at time.Time) {
	if day, ok := t.day(name); ok {
		at = day.AddDays(1).Start()
	}
	return at
}

// reading starts to read a form about a product of the caller.
func (d desk) reading(c *serve.Call) (*typed, catalog.ProductID, error) {
	view, err := d.loadPromotions(c)
	if err != nil {
		return nil, "", err
	}
	return &typed{r: c.R, currency: view.currency()}, view.product.ID, nil
}

// onOwn does something to a plan after making sure that it is one of the product.
func (d desk) onOwn(c *serve.Call, tx *db.Tx, plan catalog.PlanID) error {
	p, err := d.own(c, tx)
	if err != nil {
		return err
	}
	if plan == "" {
		return nil
	}
	o, err := catalog.OfferOf(c.R.Context(), tx, plan)
	if err == nil && o.Product.ID != p.ID {
		err = serve.ErrNotFound
	}
	return err
}

// stateFloor notes the lowest price of a plan.
func (d desk) stateFloor(c *serve.Call) error {
	in, product, err := d.reading(c)
	if err != nil {
		return err
	}
	plan, price := catalog.PlanID(c.R.PostFormValue("plan")), in.amount("price")
	if in.faults != nil {
		return d.floorAgain(c, in.faults)
	}
	err = serve.Act(c, serve.Intent{
		Name: "promotion.floor", Input: []any{plan, price}, Subjects: []string{string(product), string(plan)}, Clauses: []string{"UA 4.7.7"},
	}, func(tx *db.Tx) error {
		if err := d.onOwn(c, tx, plan); err != nil {
			return err
		}
		_, err := promotion.StateFloor(c.R.Context(), tx, c.Actor, plan, price)
		return err
	})
	return d.after(c, product, err, d.floorAgain)
}

// after leads back to the list, or to the form with its refusal.
func (d desk) after(c *serve.Call, product catalog.ProductID, err error, again func(*serve.Call, error) error) error {
	if err != nil && correctable(err) {
		return again(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/products/" + string(product) + "/promotions")
}

// announce makes a discount.
func (d desk) announce(c *serve.Call) error {
	in, product, err := d.reading(c)
	if err != nil {
		return err
	}
	n := promotion.NewDiscount{
		Plan: catalog.PlanID(c.R.PostFormValue("plan")), Points: in.points("percent"), Price: in.amount("price"), From: in.first("from"), Until: in.last("until"),
	}
	if in.faults != nil {
		return d.discountAgain(c, in.faults)
	}
	err = serve.Act(c, serve.Intent{
		Name: "promotion.discount", Input: n, Subjects: []string{string(product), string(n.Plan)}, Clauses: []string{"UA 2.5"},
	}, func(tx *db.Tx) error {
		if err := d.onOwn(c, tx, n.Plan); err != nil {
			return err
		}
		_, err := promotion.Announce(c.R.Context(), tx, c.Actor, n)
		return err
	})
	return d.after(c, product, err, d.discountAgain)
}

// freshCodes are vouchers that were just made, with their codes, this once.
type freshCodes struct {
	promotionsView
	batch promotion.Batch
	codes []string
}

// issue makes vouchers and shows their codes in the answer, once. The form carries no
// idempotency key: its answer would keep the codes.
func (d desk) issue(c *serve.Call) error {
	ctx := c.R.Context()
	in, product, err := d.reading(c)
	if err != nil {
		return err
	}
	plan := c.R.PostFormValue("plan")
	if plan == everyPlan {
		plan = ""
	}
	n := promotion.NewBatch{Codes: in.count("codes"), BatchTerms: promotion.BatchTerms{
		Product: product, Plan: catalog.PlanID(plan), Points: in.points("percent"), Amount: in.amount("amount"),
		Minimum: in.amount("minimum"), Until: in.last("until"), Uses: in.count("uses"), OnlyFor: strings.TrimSpace(c.R.PostFormValue("only_for")),
	}}
	if in.faults != nil {
		return d.voucherAgain(c, in.faults)
	}
	type made struct {
		batch promotion.Batch
		codes []string
	}
	fresh, err := serve.Do(c, serve.Intent{
		Name: "promotion.vouchers", Input: n, Subjects: []string{string(product)}, Clauses: []string{"UA 2.5"},
	}, func(tx *db.Tx) (made, error) {
		if err := d.onOwn(c, tx, n.Plan); err != nil {
			return made{}, err
		}
		batch, codes, err := promotion.Issue(ctx, tx, c.Actor, n)
		return made{batch, codes}, err
	})
	if err != nil {
		return d.after(c, product, err, d.voucherAgain)
	}
	view, err := d.loadPromotions(c)
	if err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/products", text.T(ctx, "vendordesk.promotions.made"), page.Link{Label: view.name, Href: view.path("")},
		page.Link{Label: text.T(ctx, "vendordesk.promotions"), Href: view.path("/promotions")})
	return d.show(c, http.StatusOK, freshCodesPage(freshCodes{view, fresh.batch, fresh.codes}))
}

// file is the codes as a table for a spreadsheet, inside the page: nothing of it is
// kept, so no address could give it out again.
func (f freshCodes) file() string {
	var b strings.Builder
	b.WriteString("code,batch,until,uses\r\n")
	for _, code := range f.codes {
		b.WriteString(code + "," + string(f.batch.ID) + "," + f.batch.Until.UTC().Format(time.RFC3339) + "," + strconv.FormatInt(f.batch.Uses, 10) + "\r\n")
	}
	return "data:text/csv;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(b.String()))
}

// endDiscount ends a discount early.
func (d desk) endDiscount(c *serve.Call) error {
	id := promotion.DiscountID(c.R.PostFormValue("discount"))
	_, err := command(c, "promotion.end_discount", []string{string(id)}, func(tx *db.Tx) error {
		if err := d.onOwn(c, tx, ""); err != nil {
			return err
		}
		_, err := promotion.EndDiscount(c.R.Context(), tx, c.Actor, id)
		return err
	})
	return d.after(c, catalog.ProductID(c.R.PathValue("product")), err, d.promotionsAgain)
}

// endVouchers ends vouchers early.
func (d desk) endVouchers(c *serve.Call) error {
	id := promotion.BatchID(c.R.PostFormValue("batch"))
	_, err := command(c, "promotion.end_vouchers", []string{string(id)}, func(tx *db.Tx) error {
		if err := d.onOwn(c, tx, ""); err != nil {
			return err
		}
		_, err := promotion.EndBatch(c.R.Context(), tx, c.Actor, id)
		return err
	})
	return d.after(c, catalog.ProductID(c.R.PathValue("product")), err, d.promotionsAgain)
}

// worth says how much is taken off: a share, or an amount in the words of the key.
func worth(ctx context.Context, points int64, amount money.Amount, key string) string {
	if points > 0 {
		return text.T(ctx, "vendordesk.promotions.percent_off", "Percent", page.Percent(points))
	}
	return text.T(ctx, key, "Amount", page.MoneyText(ctx, amount))
}

func planRows(ctx context.Context, v promotionsView) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(v.offers))
	for _, o := range v.offers {
		lowest := page.Muted(text.T(ctx, "base.none"))
		if f, ok := v.floors[o.PlanID]; ok && !f.Price.IsZero() {
			lowest = page.Money(f.Price)
		}
		rows = append(rows, []templ.Component{page.Str(o.Plan.Name.In(text.From(ctx))), page.Money(o.Plan.Price), lowest})
	}
	return rows
}

func discountRows(ctx context.Context, v promotionsView) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(v.discounts))
	for _, d := range v.discounts {
		rows = append(rows, []templ.Component{
			discountCell(v.plan(ctx, d.Plan), d), page.Str(worth(ctx, d.Points, d.Price, "vendordesk.promotions.price_is")),
			page.Time(d.From), page.Time(d.EndsAt), runs(v.now, d.From, d.EndsAt), endDiscountForm(v, d),
		})
	}
	return rows
}

func batchRows(ctx context.Context, v promotionsView) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(v.batches))
	for _, b := range v.batches {
		rows = append(rows, []templ.Component{
			batchCell(v.plan(ctx, b.Plan), b), page.Str(worth(ctx, b.Points, b.Amount, "vendordesk.promotions.amount_off")), page.Money(b.Minimum),
			page.Time(b.EndsAt), page.Str(text.T(ctx, "vendordesk.promotions.used", "Used", b.Used, "Of", b.Codes*b.Uses)),
			runs(v.now, b.MadeAt, b.EndsAt), endBatchForm(v, b),
		})
	}
	return rows
}

// feeSums is the fee of an order as its seller sees it: every part, down to what was
// paid.
func feeSums(ctx context.Context, f order.Fee) []page.Sum {
	off := func(a money.Amount) money.Amount { return money.Amount{Minor: -a.Minor, Currency: a.Currency} }
	var out []page.Sum
	if f.List != f.Paid {
		out = append(out, page.Sum{Label: text.T(ctx, "page.price.was"), Amount: f.List})
	}
	if !f.Discount.IsZero() {
		out = append(out, page.Sum{Label: text.T(ctx, "vendordesk.promotions.discounted"), Amount: off(f.Discount)})
	}
	if !f.Voucher.IsZero() {
		out = append(out, page.Sum{Label: text.T(ctx, "vendordesk.promotions.vouchered"), Amount: off(f.Voucher)})
	}
	return append(out,
		page.Sum{Label: text.T(ctx, "desk.net"), Amount: f.Net}, page.Sum{Label: text.T(ctx, "desk.tax"), Amount: f.Tax},
		page.Sum{Label: text.T(ctx, "desk.paid"), Amount: f.Paid, Total: true})
}
