package operatordesk

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
)

func (d desk) listings(c *serve.Call) error {
	ctx := c.R.Context()
	var items []page.QueueItem
	if err := c.Read(func(r db.Reader) (err error) {
		items, err = listingItems(ctx, r)
		return err
	}); err != nil {
		return err
	}
	return show(c, nil, queuePage(d.frame(c, "/operator/listings", text.T(ctx, "operatordesk.nav.listings")), "operatordesk.listings", c.Now(), items))
}

// listingView is a version under review: what it says, how it differs from what
// is listed, and what the checklist finds.
type listingView struct {
	frame
	version  catalog.Version
	product  catalog.Product
	seller   vendor.Vendor
	before   catalog.Version // the listed one, or zero
	lines    []sheetLine
	found    fault.List
	decision catalog.Decision
	by       audit.Actor
	refusal  error
	fields   []string // of the reasons as typed
	reasons  []string
	trail    []page.AuditEntry
	key      string
}

// decides reports whether the reader may decide about the version.
func (v listingView) decides() bool {
	open := v.version.State == catalog.VersionSubmitted || v.version.State == catalog.VersionFirstReview
	return open && v.by.Has(account.Compliance)
}

func (d desk) listing(c *serve.Call) error { return d.listingAgain(c, nil) }

func (d desk) listingAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := listingView{by: c.Actor, refusal: refusal, key: freshKey(), fields: c.R.PostForm["field"], reasons: c.R.PostForm["reason"]}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.version, view.product, err = catalog.VersionFor(ctx, r, c.Actor, catalog.VersionID(c.R.PathValue("version"))); err != nil {
			return err
		}
		if view.seller, err = vendor.Get(ctx, r, view.product.Vendor); err != nil {
			return err
		}
		if view.product.ListedVersion != "" && view.product.ListedVersion != view.version.ID {
			if view.before, err = catalog.GetVersion(ctx, r, view.product.ListedVersion); err != nil {
				return err
			}
		}
		if view.found, err = catalog.CheckOf(ctx, r, view.product.Vendor, view.product.Category, view.version.Content); err != nil {
			return err
		}
		if view.version.Review != "" {
			if view.decision, err = catalog.GetDecision(ctx, r, view.version.Review); err != nil {
				return err
			}
		}
		acts, err := audit.Of(ctx, r, string(view.version.ID))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.lines = compare(ctx, view.version.Content, view.before, view.found)
	name := view.version.Content.Name.In(c.Lang)
	if name == "" {
		name = string(view.version.ID)
	}
	view.frame = d.frame(c, "/operator/listings", name)
	return show(c, refusal, listingPage(view))
}

func (d desk) takeListing(c *serve.Call) error {
	id := c.R.PathValue("version")
	err := command(c, "listing.take", nil, []string{id}, nil, func(ctx context.Context, tx *db.Tx) error {
		return catalog.Take(ctx, tx, c.Actor, catalog.VersionID(id))
	})
	if err != nil && correctable(err) {
		return d.listingAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/listings/" + id)
}

// review gives the verdict: the reasons of a refusal name the parts of the sheet.
func (d desk) review(c *serve.Call) error {
	if err := c.R.ParseForm(); err != nil {
		return serve.ErrBadRequest
	}
	id := c.R.PathValue("version")
	in := catalog.Verdict{Approve: c.R.PostFormValue("do") == "approve"}
	fields, reasons := c.R.PostForm["field"], c.R.PostForm["reason"]
	for i, reason := range reasons {
		if reason = strings.TrimSpace(reason); reason != "" && i < len(fields) && !in.Approve {
			in.Reasons = append(in.Reasons, catalog.Item{Field: fields[i], Reason: reason})
		}
	}
	err := command(c, "listing.review", []string{"UA 2.3", "UA 3.2"}, []string{id}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := catalog.Review(ctx, tx, c.Actor, catalog.VersionID(id), in)
		return err
	})
	if err != nil && correctable(err) {
		return d.listingAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/listings")
}

// sheetLine is one part of a terms sheet to read beside the listed one.
type sheetLine struct {
	field, label string
	now, before  string
	changed      bool
	findings     []page.Refusal
}

// compare lays a sheet beside the listed one, part by part.
func compare(ctx context.Context, c catalog.Content, listed catalog.Version, found fault.List) []sheetLine {
	lines := outline(ctx, c)
	old := map[string]string{}
	if listed.ID != "" {
		for _, l := range outline(ctx, listed.Content) {
			old[l.field] = l.now
			if i := indexOf(lines, l.field); i < 0 {
				lines = append(lines, sheetLine{field: l.field, label: l.label})
			}
		}
	}
	for i, l := range lines {
		lines[i].before = old[l.field]
		lines[i].changed = listed.ID != "" && old[l.field] != l.now
	}
	for _, f := range found {
		i := -1
		for part := f.Field; i < 0 && part != ""; part, _ = cutLast(part) {
			i = indexOf(lines, part)
		}
		if i < 0 {
			lines = append(lines, sheetLine{field: f.Field, label: f.Field})
			i = len(lines) - 1
		}
		lines[i].findings = append(lines[i].findings, page.RefusalOf(ctx, f.In("")))
	}
	return lines
}

func cutLast(field string) (string, bool) {
	i := strings.LastIndexByte(field, '.')
	return field[:max(i, 0)], i > 0
}

func indexOf(lines []sheetLine, field string) int {
	for i, l := range lines {
		if l.field == field {
			return i
		}
	}
	return -1
}

// outline is a terms sheet as lines of text, in the order a reviewer reads it.
func outline(ctx context.Context, c catalog.Content) []sheetLine {
	var lines []sheetLine
	add := func(field, now string) {
		lines = append(lines, sheetLine{field: field, label: text.T(ctx, "desk.sheet."+field), now: strings.TrimSpace(now)})
	}
	both := func(field string, all ...catalog.Both) {
		var zh, en []string
		for _, b := range all {
			zh, en = append(zh, b.ZH), append(en, b.EN)
		}
		add(field, strings.TrimSpace(strings.Join(zh, "\n"))+"\n\n"+strings.Join(en, "\n"))
	}
	word := func(field, value string) {
		if value != "" {
			value = text.T(ctx, "desk."+field+"."+value)
		}
		add(field, value)
	}
	both("name", c.Name)
	both("summary", c.Summary)
	both("description", c.Description)
	word("kind", c.Kind)
	add("category", c.Category)
	both("functions", c.Functions...)
	both("requirements", c.Requirements...)
	for i, p := range c.Plans {
		at := len(lines)
		both("plan.included", append([]catalog.Both{p.Name}, p.Included...)...)
		head := p.Code + " · " + page.MoneyText(ctx, p.Price) + " · " + text.T(ctx, "desk.unit."+p.Term.Unit)
		if p.Term.Unit != catalog.Once {
			head += " × " + strconv.Itoa(p.Term.Count)
		}
		lines[at].field, lines[at].label = "plans."+strconv.Itoa(i), text.T(ctx, "desk.sheet.plan", "Number", i+1)
		lines[at].now = head + "\n" + lines[at].now
	}
	word("refund_policy", c.RefundPolicy.Kind)
	both("refund_policy.text", c.RefundPolicy.Text)
	both("licence", c.Licence)
	word("rights_basis", c.RightsBasis.Kind)
	add("rights_basis.document", c.RightsBasis.Document)
	if !c.RightsBasis.Expires.IsZero() {
		add("rights_basis.expires", c.RightsBasis.Expires.String())
	}
	word("delivery_type", c.DeliveryType)
	word("delivery.dialect", c.Delivery.Dialect)
	add("delivery.file", string(c.Delivery.File))
	both("delivery.instructions", c.Delivery.Instructions)
	both("support.hours", c.Support.Hours)
	add("support.contact", c.Support.Contact)
	both("badges", c.Badges...)
	add("needs_user_data", yesNo(ctx, c.NeedsUserData))
	if p := c.Privacy; p != nil {
		add("privacy.controller", p.Controller)
		add("privacy.contact", p.Contact)
		both("privacy.kinds", p.Kinds...)
		both("privacy.purposes", p.Purposes...)
		both("privacy.retention", p.Retention)
		add("privacy.export_abroad", yesNo(ctx, p.ExportAbroad))
		add("privacy.sub_processors", strings.Join(p.SubProcessors, "\n"))
		add("privacy.rights_channel", p.RightsChannel)
	}
	return lines
}

func yesNo(ctx context.Context, yes bool) string {
	if yes {
		return text.T(ctx, "base.yes")
	}
	return text.T(ctx, "base.no")
}

// productRow is a product with its newest version's name and its vendor's.
type productRow struct {
	catalog.Product
	name, seller string
	account      account.ID // the seller's
}

func rowOf(ctx context.Context, r db.Reader, p catalog.Product) (productRow, error) {
	row := productRow{Product: p, name: p.Slug}
	versions, err := catalog.Versions(ctx, r, p.ID)
	if err != nil {
		return row, err
	}
	if last := len(versions) - 1; last >= 0 && !versions[last].Content.Name.Empty() {
		row.name = versions[last].Content.Name.In(text.From(ctx))
	}
	seller, err := vendor.Get(ctx, r, p.Vendor)
	row.seller, row.account = seller.RegisteredName, seller.Account
	return row, err
}

func (d desk) products(c *serve.Call) error {
	ctx := c.R.Context()
	var rows []productRow
	next := ""
	if err := c.Read(func(r db.Reader) error {
		all, err := catalog.All(ctx, r, catalog.ProductID(c.R.URL.Query().Get("after")), perPage+1)
		if err != nil {
			return err
		}
		if len(all) > perPage {
			all = all[:perPage]
			next = "/operator/products?after=" + string(all[perPage-1].ID)
		}
		for _, p := range all {
			row, err := rowOf(ctx, r, p)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	}); err != nil {
		return err
	}
	return show(c, nil, productsPage(d.frame(c, "/operator/products", text.T(ctx, "operatordesk.nav.products")), rows, next))
}

type productView struct {
	frame
	productRow
	versions   []catalog.Version
	delistings []catalog.DelistingEvent
	cases      []enforcement.Case // against its vendor, on which a delisting can rest
	hidings    []catalog.Hiding
	holders    int
	by         audit.Actor
	refusal    error
	errors     map[string]string
	form       map[string]string
	trail      []page.AuditEntry
	key        string
}

// hides reports whether the operator itself hides the product, beside any measure.
func (v productView) hides() bool {
	return slices.ContainsFunc(v.hidings, func(h catalog.Hiding) bool { return h.Cause == catalog.ByOperator })
}

func (d desk) readProduct(c *serve.Call, refusal error) (productView, error) {
	ctx, id := c.R.Context(), catalog.ProductID(c.R.PathValue("product"))
	view := productView{by: c.Actor, refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: map[string]string{}}
	for _, name := range []string{"reason", "cause", "case", "scope", "at"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	err := c.Read(func(r db.Reader) error {
		p, err := catalog.Get(ctx, r, id)
		if err != nil {
			return err
		}
		if view.productRow, err = rowOf(ctx, r, p); err != nil {
			return err
		}
		if view.versions, err = catalog.Versions(ctx, r, id); err != nil {
			return err
		}
		if view.delistings, err = catalog.Delistings(ctx, r, id); err != nil {
			return err
		}
		if view.hidings, err = catalog.Hidings(ctx, r, id); err != nil {
			return err
		}
		if view.cases, err = enforcement.OfSubject(ctx, r, view.account, 50); err != nil {
			return err
		}
		view.cases = slices.DeleteFunc(view.cases, func(c enforcement.Case) bool { return !c.State.Stands() })
		holders, err := entitlement.HoldersOf(ctx, r, id)
		if err != nil {
			return err
		}
		view.holders = len(holders)
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	})
	return view, err
}

func (d desk) product(c *serve.Call) error { return d.productAgain(c, nil) }

func (d desk) productAgain(c *serve.Call, refusal error) error {
	view, err := d.readProduct(c, refusal)
	if err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/products", view.name)
	return show(c, refusal, productPage(view))
}

// unhide brings back what an officer hid before there were cases for it.
func (d desk) unhide(c *serve.Call) error {
	id, reason := c.R.PathValue("product"), c.R.PostFormValue("reason")
	err := command(c, "product.unhide", []string{"UA 3.2"}, []string{id}, reason, func(ctx context.Context, tx *db.Tx) error {
		return catalog.Unhide(ctx, tx, c.Actor, catalog.ProductID(id), reason)
	})
	if err != nil && correctable(err) {
		return d.productAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/products/" + id)
}

func (d desk) delistForm(c *serve.Call) error { return d.delistAgain(c, nil) }

func (d desk) delistAgain(c *serve.Call, refusal error) error {
	view, err := d.readProduct(c, refusal)
	if err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/products", text.T(c.R.Context(), "desk.delist"), page.Link{Label: view.name, Href: "/operator/products/" + string(view.ID)})
	return show(c, refusal, delistPage(view))
}

// delist takes a product off the market. The first post asks with all
// consequences, the second does it.
func (d desk) delist(c *serve.Call) error {
	in := catalog.Delisting{
		Product: catalog.ProductID(c.R.PathValue("product")), Cause: catalog.Cause(c.R.PostFormValue("cause")), Scope: catalog.Scope(c.R.PostFormValue("scope")), Reason: c.R.PostFormValue("reason"),
		Case: c.R.PostFormValue("case"),
	}
	var refusal fault.List
	for name, value := range map[string]string{"cause": string(in.Cause), "scope": string(in.Scope), "reason": strings.TrimSpace(in.Reason)} {
		if value == "" {
			refusal = append(refusal, catalog.ErrRequired.In(name))
		}
	}
	if f, refused := fault.Of(catalog.Grounded(in)); refused {
		refusal = append(refusal, f)
	}
	if day := c.R.PostFormValue("at"); day != "" {
		date, err := calendar.ParseDate(day)
		if err != nil {
			refusal = append(refusal, catalog.ErrInvalid.In("at"))
		} else {
			in.At = date.Start()
		}
	}
	if refusal != nil {
		return d.delistAgain(c, refusal)
	}
	if c.R.PostFormValue("confirmed") == "" {
		view, err := d.readProduct(c, nil)
		if err != nil {
			return err
		}
		view.frame = d.frame(c, "/operator/products", text.T(c.R.Context(), "desk.delist"), page.Link{Label: view.name, Href: "/operator/products/" + string(view.ID)})
		return show(c, nil, delistConfirmPage(view))
	}
	err := command(c, "product.delist", []string{"UA 4.8"}, []string{string(in.Product)}, in, func(ctx context.Context, tx *db.Tx) error {
		return enforcement.Delist(ctx, tx, c.Actor, in, entitlement.HoldersOf)
	})
	if err != nil && correctable(err) {
		return d.delistAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/products/" + string(in.Product))
}
