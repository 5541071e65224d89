package vendordesk

import (
	"net/http"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
)

// perPage is how many rows a list shows at once.
const perPage = 50

// listed is a product with the version people would look at: the open one, or
// else the newest.
type listed struct {
	catalog.Product
	Newest catalog.Version
}

func (d desk) products(c *serve.Call) error {
	ctx, q := c.R.Context(), c.R.URL.Query()
	words, after := strings.ToLower(strings.TrimSpace(q.Get("q"))), catalog.ProductID(q.Get("after"))
	var rows []listed
	next := ""
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		found, err := catalog.OfVendor(ctx, r, v.ID, after, perPage+1)
		if err != nil {
			return err
		}
		if len(found) > perPage {
			found = found[:perPage]
			next = "/vendor/products?after=" + string(found[perPage-1].ID)
		}
		for _, p := range found {
			row := listed{Product: p}
			if row.Newest, err = newest(ctx, r, p.ID); err != nil {
				return err
			}
			name := row.Newest.Content.Name
			if strings.Contains(strings.ToLower(name.ZH+" "+name.EN+" "+p.Slug), words) {
				rows = append(rows, row)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return d.show(c, http.StatusOK, productsPage(d.frame(c, "/vendor/products", text.T(ctx, "vendordesk.nav.products")), q.Get("q"), rows, next))
}

// editor is the form of a terms sheet with what it needs around it.
type editor struct {
	frame
	values     values
	errors     map[string]string
	refusal    error
	product    catalog.Product // zero for a new one
	version    catalog.Version // zero for a new one
	verdicts   []verdict
	categories []catalog.Category
	files      []catalog.File
	reasons    []catalog.Item // of the refusal before this version
	previews   map[int]*preview
	saved      bool
	key        string
}

func (d desk) newProduct(c *serve.Call) error {
	start := values{}
	start.Values = map[string][]string{"plans.0.currency": {"CNY"}}
	return d.edit(c, editor{values: start})
}

// edit shows the form.
func (d desk) edit(c *serve.Call, e editor) error {
	ctx := c.R.Context()
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if e.categories, err = catalog.Categories(ctx, r); err != nil {
			return err
		}
		e.categories = slices.DeleteFunc(e.categories, func(one catalog.Category) bool {
			return one.State == catalog.CategoryClosed && one.Code != e.product.Category
		})
		if e.previews, err = previews(ctx, r, v.ID, e.values); err != nil {
			return err
		}
		if e.files, err = catalog.Files(ctx, r, v.ID); err != nil || e.version.ID == "" {
			return err
		}
		if e.reasons, err = lastReasons(ctx, r, e.product.ID); err != nil {
			return err
		}
		found, err := catalog.CheckOf(ctx, r, v.ID, e.product.Category, e.version.Content)
		e.verdicts = verdicts(ctx, found)
		return err
	}); err != nil {
		return err
	}
	title := text.T(ctx, "vendordesk.product.new")
	var crumbs []page.Link
	if e.version.ID != "" {
		title = text.T(ctx, "vendordesk.version.edit", "Number", e.version.Number)
		crumbs = []page.Link{{Label: productName(c, e.version), Href: "/vendor/products/" + string(e.product.ID)}}
	}
	e.frame, e.errors, e.key = d.frame(c, "/vendor/products", title, crumbs...), page.FieldErrors(ctx, e.refusal), freshKey()
	return d.shown(c, e.refusal, editorPage(e))
}

// draft makes a product with its first version.
func (d desk) draft(c *serve.Call) error {
	v, err := d.posted(c)
	if err != nil {
		return err
	}
	if v.one("do") == "preview" {
		return d.edit(c, editor{values: v})
	}
	content, refusal := v.read(catalog.Content{})
	slug := v.one("slug")
	version := ""
	if refusal == nil {
		version, refusal = serve.Do(c, serve.Intent{Name: "product.draft", Input: []any{slug, content}, Clauses: []string{"UA 3.2"}}, func(tx *db.Tx) (string, error) {
			seller, err := d.seller(c, tx)
			if err != nil {
				return "", err
			}
			_, version, err := catalog.Draft(c.R.Context(), tx, c.Actor, seller.ID, slug, content)
			return string(version.ID), err
		})
	}
	if refusal == nil {
		return c.Redirect("/vendor/versions/" + version + "?saved=1")
	}
	if !correctable(refusal) {
		return refusal
	}
	return d.edit(c, editor{values: v, refusal: placed(refusal)})
}

// posted reads the form of a terms sheet.
func (d desk) posted(c *serve.Call) (values, error) {
	if err := c.R.ParseForm(); err != nil {
		return values{}, serve.ErrBadRequest
	}
	return values{c.R.PostForm}, nil
}

// correctable reports whether the person can correct the form and send it again.
func correctable(err error) bool {
	f, ok := fault.Of(err)
	return ok && (f.Kind == fault.Invalid || f.Kind == fault.Conflict)
}

// save keeps a draft and, when asked, hands it in. Handing in is a second act: a
// sheet that is not complete yet is kept all the same.
func (d desk) save(c *serve.Call) error {
	ctx := c.R.Context()
	v, err := d.posted(c)
	if err != nil {
		return err
	}
	id := catalog.VersionID(c.R.PathValue("version"))
	var version catalog.Version
	var product catalog.Product
	if err := c.Read(func(r db.Reader) (err error) {
		version, product, err = catalog.VersionFor(ctx, r, c.Actor, id)
		return err
	}); err != nil {
		return err
	}
	if v.one("do") == "preview" && version.State == catalog.VersionDraft {
		return d.edit(c, editor{values: v, product: product, version: version})
	}
	subjects := []string{string(product.ID), string(id)}
	content, refusal := v.read(version.Content)
	if refusal == nil {
		err := serve.Act(c, serve.Intent{Name: "product.save", Input: content, Subjects: subjects, Clauses: []string{"UA 3.2"}}, func(tx *db.Tx) error {
			_, err := catalog.Save(ctx, tx, c.Actor, id, content)
			return err
		})
		if err != nil {
			return err
		}
		version.Content, v = content, fill(content)
		if c.R.PostFormValue("do") != "submit" {
			return c.Redirect("/vendor/versions/" + string(id) + "?saved=1")
		}
		_, refusal = command(c, "product.submit", subjects, func(tx *db.Tx) error {
			_, err := catalog.Submit(ctx, tx, c.Actor, id)
			return err
		})
	}
	if refusal == nil {
		return c.Redirect("/vendor/versions/" + string(id))
	}
	if !correctable(refusal) {
		return refusal
	}
	return d.edit(c, editor{values: v, refusal: placed(refusal), product: product, version: version})
}

// version is the editor of a draft, and a page to read of any other version.
func (d desk) version(c *serve.Call) error {
	ctx := c.R.Context()
	var view versionView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.version, view.product, err = catalog.VersionFor(ctx, r, c.Actor, catalog.VersionID(c.R.PathValue("version"))); err != nil {
			return err
		}
		if view.version.Review != "" {
			if view.decision, err = catalog.GetDecision(ctx, r, view.version.Review); err != nil {
				return err
			}
		}
		view.acts, err = audit.Of(ctx, r, string(view.version.ID))
		return err
	}); err != nil {
		return err
	}
	if view.version.State == catalog.VersionDraft {
		return d.edit(c, editor{values: fill(view.version.Content), product: view.product, version: view.version, saved: c.R.URL.Query().Has("saved")})
	}
	title := text.T(ctx, "vendordesk.version.title", "Number", view.version.Number)
	view.frame = d.frame(c, "/vendor/products", title, page.Link{Label: productName(c, view.version), Href: "/vendor/products/" + string(view.product.ID)})
	view.trail = trail(ctx, c, view.acts)
	return d.show(c, http.StatusOK, versionPage(view))
}

type versionView struct {
	frame
	product  catalog.Product
	version  catalog.Version
	decision catalog.Decision
	acts     []audit.Act
	trail    []page.AuditEntry
}

type productView struct {
	frame
	product    catalog.Product
	versions   []catalog.Version // newest first
	delistings []catalog.DelistingEvent
	hidings    []catalog.Hiding
	sellable   error // why nothing can be sold now
	open       bool  // a version is being written or reviewed
	trail      []page.AuditEntry
	key        string
}

// hides reports whether the vendor itself hides a product, beside any measure.
func hides(all []catalog.Hiding) bool {
	return slices.ContainsFunc(all, func(h catalog.Hiding) bool { return h.Cause == catalog.ByVendor })
}

// measurePath is where the vendor reads about a measure and answers it.
func measurePath(h catalog.Hiding) string {
	if h.Cause == catalog.ByNotice {
		return "/vendor/infringements/" + h.Ref
	}
	return "/account/measures/" + h.Ref
}

func (d desk) product(c *serve.Call) error {
	ctx := c.R.Context()
	view := productView{key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.product, err = d.own(c, r); err != nil {
			return err
		}
		if view.versions, err = catalog.Versions(ctx, r, view.product.ID); err != nil {
			return err
		}
		if view.delistings, err = catalog.Delistings(ctx, r, view.product.ID); err != nil {
			return err
		}
		if view.hidings, err = catalog.Hidings(ctx, r, view.product.ID); err != nil {
			return err
		}
		view.sellable = vendor.MustSell(ctx, r, view.product.Vendor)
		acts, err := audit.Of(ctx, r, string(view.product.ID))
		view.trail = trail(ctx, c, acts)
		return err
	}); err != nil {
		return err
	}
	newestFirst(view.versions)
	for _, v := range view.versions {
		switch v.State {
		case catalog.VersionDraft, catalog.VersionSubmitted, catalog.VersionFirstReview:
			view.open = true
		}
	}
	view.frame = d.frame(c, "/vendor/products", productName(c, view.versions[0]))
	return d.show(c, http.StatusOK, productPage(view))
}

// own returns the product of the path when it is the caller's.
func (d desk) own(c *serve.Call, r db.Reader) (catalog.Product, error) {
	v, err := d.seller(c, r)
	if err != nil {
		return catalog.Product{}, err
	}
	p, err := catalog.Get(c.R.Context(), r, catalog.ProductID(c.R.PathValue("product")))
	if err == nil && p.Vendor != v.ID {
		err = account.ErrForeign
	}
	return p, err
}

// revise starts the next version from the newest one.
func (d desk) revise(c *serve.Call) error {
	ctx, id := c.R.Context(), catalog.ProductID(c.R.PathValue("product"))
	version, err := serve.Do(c, serve.Intent{Name: "product.revise", Input: id, Subjects: []string{string(id)}, Clauses: []string{"UA 3.2"}}, func(tx *db.Tx) (string, error) {
		before, err := newest(ctx, tx, id)
		if err != nil {
			return "", err
		}
		v, err := catalog.Revise(ctx, tx, c.Actor, id, before.Content)
		return string(v.ID), err
	})
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/versions/" + version)
}

// ask is a page that asks for a reason before something is done to a product.
type ask struct {
	frame
	product catalog.Product
	name    string
	hides   bool // the vendor hides it
	holders int
	reason  string
	scope   string
	at      string
	errors  map[string]string
	refusal error
	key     string
}

func (d desk) asked(c *serve.Call, title string, refusal error) (ask, error) {
	ctx := c.R.Context()
	a := ask{refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), reason: c.R.PostFormValue("reason"), scope: c.R.PostFormValue("scope"), at: c.R.PostFormValue("at")}
	err := c.Read(func(r db.Reader) (err error) {
		if a.product, err = d.own(c, r); err != nil {
			return err
		}
		v, err := newest(ctx, r, a.product.ID)
		if err != nil {
			return err
		}
		a.name = productName(c, v)
		hidden, err := catalog.Hidings(ctx, r, a.product.ID)
		if err != nil {
			return err
		}
		a.hides = hides(hidden)
		holders, err := entitlement.HoldersOf(ctx, r, a.product.ID)
		a.holders = len(holders)
		return err
	})
	if err != nil {
		return a, err
	}
	a.frame = d.frame(c, "/vendor/products", text.T(ctx, title), page.Link{Label: a.name, Href: "/vendor/products/" + string(a.product.ID)})
	return a, nil
}

func (d desk) hideForm(c *serve.Call) error { return d.hideAgain(c, nil) }

func (d desk) hideAgain(c *serve.Call, refusal error) error {
	a, err := d.asked(c, "vendordesk.hide.title", refusal)
	if err != nil {
		return err
	}
	return d.shown(c, refusal, hidePage(a))
}

// hide takes a product out of the shop, or brings it back.
func (d desk) hide(c *serve.Call) error {
	ctx, id, reason := c.R.Context(), catalog.ProductID(c.R.PathValue("product")), c.R.PostFormValue("reason")
	name, act := "product.hide", catalog.Hide
	if c.R.PostFormValue("do") == "unhide" {
		name, act = "product.unhide", catalog.Unhide
	}
	_, err := command(c, name, []string{string(id)}, func(tx *db.Tx) error { return act(ctx, tx, c.Actor, id, reason) })
	if err != nil && correctable(err) {
		return d.hideAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/products/" + string(id))
}

func (d desk) delistForm(c *serve.Call) error { return d.delistAgain(c, nil) }

func (d desk) delistAgain(c *serve.Call, refusal error) error {
	a, err := d.asked(c, "vendordesk.delist.title", refusal)
	if err != nil {
		return err
	}
	return d.shown(c, refusal, delistPage(a))
}

// delist announces that the vendor takes a product off the market. The first
// post asks with all consequences, the second does it.
func (d desk) delist(c *serve.Call) error {
	ctx := c.R.Context()
	in := catalog.Delisting{
		Product: catalog.ProductID(c.R.PathValue("product")), Cause: catalog.VendorPlanning,
		Scope: catalog.Scope(c.R.PostFormValue("scope")), Reason: c.R.PostFormValue("reason"),
	}
	var refusal fault.List
	if in.Scope == "" {
		refusal = append(refusal, catalog.ErrRequired.In("scope"))
	}
	if strings.TrimSpace(in.Reason) == "" {
		refusal = append(refusal, catalog.ErrRequired.In("reason"))
	}
	if day := c.R.PostFormValue("at"); day != "" {
		at, err := startOf(day)
		if err != nil {
			refusal = append(refusal, catalog.ErrInvalid.In("at"))
		}
		in.At = at
	}
	if refusal != nil {
		return d.delistAgain(c, refusal)
	}
	if c.R.PostFormValue("confirmed") == "" {
		a, err := d.asked(c, "vendordesk.delist.title", nil)
		if err != nil {
			return err
		}
		return d.show(c, http.StatusOK, delistConfirmPage(a))
	}
	_, err := command(c, "product.delist", []string{string(in.Product)}, func(tx *db.Tx) error {
		if _, err := d.own(c, tx); err != nil {
			return err
		}
		return catalog.Delist(ctx, tx, c.Actor, in, entitlement.HoldersOf)
	})
	if err != nil && correctable(err) {
		return d.delistAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/products/" + string(in.Product))
}
