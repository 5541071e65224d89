package shop

import (
	"context"
	"net/http"
	"net/url"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/search"
)

// homeView is the first page.
type homeView struct {
	Groups []categoryGroup
	Newest []page.ProductCard
	Ending operation.Service
	News   news
}

// categoryGroup is a category of the first level with its children.
type categoryGroup struct {
	Top      page.Link
	Children []page.Link
}

func home(c *serve.Call) error {
	ctx := c.R.Context()
	var v homeView
	err := c.Read(func(r db.Reader) error {
		tree, err := catalog.Categories(ctx, r)
		if err != nil {
			return err
		}
		v.Groups = groups(tree, c.Lang)
		if v.News, err = loadNews(ctx, r); err != nil {
			return err
		}
		found, err := search.Find(ctx, r, search.Query{Lang: c.Lang, Sort: search.Newest, Limit: 8})
		if err != nil {
			return err
		}
		v.Newest = cards(found.Hits, tree, c.Lang)
		if v.Ending, err = operation.ServiceOf(ctx, r); err != nil {
			return err
		}
		return rated(ctx, r, found.Hits, v.Newest)
	})
	if err != nil {
		return err
	}
	frame := c.Chrome(text.T(c.R.Context(), "shop.home.title"))
	frame.Description = text.T(c.R.Context(), "shop.home.lead")
	return show(c, http.StatusOK, homePage(frame, v, c.Lang))
}

func groups(tree []catalog.Category, lang text.Lang) []categoryGroup {
	var out []categoryGroup
	at := map[string]int{}
	for _, one := range tree {
		link := page.Link{Label: one.Name.In(lang), Href: "/c/" + one.Code}
		if one.Parent == "" {
			at[one.Code] = len(out)
			out = append(out, categoryGroup{Top: link})
		} else if i, ok := at[one.Parent]; ok {
			out[i].Children = append(out[i].Children, link)
		}
	}
	return out
}

// cards are hits as product cards.
func cards(hits []search.Hit, tree []catalog.Category, lang text.Lang) []page.ProductCard {
	names := map[string]string{}
	for _, one := range tree {
		names[one.Code] = one.Name.In(lang)
	}
	out := make([]page.ProductCard, len(hits))
	for i, h := range hits {
		out[i] = page.ProductCard{
			Href: "/p/" + h.Slug, Name: h.Name.In(lang), Summary: h.Summary.In(lang), Vendor: h.VendorName,
			Category: names[h.Category], Kind: text.In(lang, "catalog.delivery."+h.DeliveryType),
			Price: page.Price{Amount: h.PriceFrom, From: !h.PriceFrom.IsZero()},
		}
	}
	return out
}

// listView is a list of products with what narrows it.
type listView struct {
	Lead    string
	Text    string
	Count   string
	Facets  []page.Facet
	Sorts   []page.Tab
	Cards   []page.ProductCard
	Pages   page.Pages
	Moved   string // name of the retired category that led here, "" for none
	Restart string // address of the first page, "" on the first page
	Clear   string // address without any filter, "" when there is none
}

func category(c *serve.Call) error {
	code := c.R.PathValue("code")
	var this catalog.Category
	var parent catalog.Category
	err := c.Read(func(r db.Reader) (err error) {
		if this, err = catalog.CategoryOf(c.R.Context(), r, code); err != nil || this.Parent == "" {
			return err
		}
		parent, err = catalog.CategoryOf(c.R.Context(), r, this.Parent)
		return err
	})
	if err != nil {
		return err
	}
	if this.State == catalog.CategoryRetired && this.Successor != "" {
		return c.Redirect("/c/" + this.Successor + "?from=" + escape(code))
	}
	var crumbs []page.Link
	if this.Parent != "" {
		crumbs = append(crumbs, page.Link{Label: parent.Name.In(c.Lang), Href: "/c/" + parent.Code})
	}
	frame := chrome(c, this.Name.In(c.Lang), crumbs...)
	if len(crumbs) == 0 {
		frame.Crumbs = []page.Link{{Label: text.T(c.R.Context(), "base.home"), Href: page.HomePath}, {Label: frame.Title}}
	}
	for i := range frame.Categories {
		href := frame.Categories[i].Href
		frame.Categories[i].Current = href == "/c/"+this.Code || href == "/c/"+this.Parent
	}
	return list(c, frame, code)
}

func find(c *serve.Call) error {
	frame := c.Chrome(text.T(c.R.Context(), "shop.search.title"))
	frame.Query = c.R.FormValue("q")
	if frame.Query != "" {
		frame.Title = text.T(c.R.Context(), "shop.search.title.text", "Text", frame.Query)
	}
	return list(c, frame, c.R.FormValue("category"))
}

// list shows what a query finds. The address holds the whole query, so a list
// can be shared and every filter is a link.
func list(c *serve.Call, frame page.Chrome, code string) error {
	ctx, form := c.R.Context(), c.R.FormValue
	q := search.Query{
		Text: form("q"), Lang: c.Lang, Category: code, Kind: form("kind"), DeliveryType: form("delivery"), Vendor: form("vendor"),
		Free: form("free") != "", Sort: form("sort"), After: form("after"),
	}
	var tree []catalog.Category
	var found search.Page
	moved := ""
	var shown []page.ProductCard
	err := c.Read(func(r db.Reader) (err error) {
		if tree, err = catalog.Categories(ctx, r); err != nil {
			return err
		}
		if from := c.R.URL.Query().Get("from"); from != "" {
			if old, err := catalog.CategoryOf(ctx, r, from); err == nil && old.State == catalog.CategoryRetired {
				moved = old.Name.In(c.Lang)
			}
		}
		if found, err = search.Find(ctx, r, q); err != nil {
			return err
		}
		shown = cards(found.Hits, tree, c.Lang)
		return rated(ctx, r, found.Hits, shown)
	})
	if err != nil {
		return err
	}
	here := address{path: c.R.URL.Path, query: c.R.URL.Query()}
	here.query.Del("lang")
	here.query.Del("from")
	v := listView{
		Moved: moved,
		Text:  q.Text, Cards: shown, Count: countOf(c, found),
		Facets: facets(c, here, tree, code, q), Sorts: sorts(c, here, q),
	}
	if found.Next != "" {
		v.Pages.Next = here.with("after", found.Next)
	}
	if q.After != "" {
		v.Restart = here.with("after", "")
	}
	if q.Kind != "" || q.DeliveryType != "" || q.Free || q.Vendor != "" {
		v.Clear = here.only("q", "category", "sort")
	}
	return show(c, http.StatusOK, listPage(frame, v))
}

func countOf(c *serve.Call, found search.Page) string {
	if found.Capped {
		return text.T(c.R.Context(), "shop.search.count.capped", "Count", found.Total)
	}
	return text.T(c.R.Context(), "shop.search.count", "Count", found.Total)
}

// address is the list that is shown, from which the links to its neighbours are
// made.
type address struct {
	path  string
	query url.Values
}

// with is the same list with one value changed; it starts at its first page.
func (a address) with(name, value string) string {
	q := url.Values{}
	for k, v := range a.query {
		if k != "after" {
			q[k] = v
		}
	}
	if value == "" {
		q.Del(name)
	} else {
		q.Set(name, value)
	}
	return join(a.path, q)
}

// only is the list with these values kept.
func (a address) only(names ...string) string {
	q := url.Values{}
	for _, name := range names {
		if v := a.query.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	return join(a.path, q)
}

func join(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func facets(c *serve.Call, here address, tree []catalog.Category, code string, q search.Query) []page.Facet {
	// A category has an address of its own; the other filters go along.
	moved := address{path: page.SearchPath, query: url.Values{}}
	for k, v := range here.query {
		if k != "category" {
			moved.query[k] = v
		}
	}
	top := code
	for _, one := range tree {
		if one.Code == code && one.Parent != "" {
			top = one.Parent
		}
	}
	categories := page.Facet{Title: text.T(c.R.Context(), "shop.facet.category")}
	for _, one := range tree {
		inside := one.Parent == "" || top != "" && one.Parent == top
		if !inside || top != "" && one.Parent == "" && one.Code != top {
			continue
		}
		option := page.FacetOption{Label: one.Name.In(c.Lang), Current: one.Code == code, Href: moved.with("category", one.Code)}
		if option.Current {
			option.Href = moved.with("category", one.Parent)
		}
		categories.Options = append(categories.Options, option)
	}
	delivery := page.Facet{Title: text.T(c.R.Context(), "shop.facet.delivery")}
	for _, one := range catalog.DeliveryTypes {
		delivery.Options = append(delivery.Options, choice(here, "delivery", one, q.DeliveryType, text.In(c.Lang, "catalog.delivery."+one)))
	}
	kind := page.Facet{Title: text.T(c.R.Context(), "shop.facet.kind")}
	for _, one := range catalog.Kinds {
		kind.Options = append(kind.Options, choice(here, "kind", one, q.Kind, text.In(c.Lang, "catalog.kind."+one)))
	}
	free := ""
	if q.Free {
		free = "1"
	}
	price := page.Facet{Title: text.T(c.R.Context(), "base.price"), Options: []page.FacetOption{choice(here, "free", "1", free, text.T(c.R.Context(), "shop.facet.free"))}}
	return []page.Facet{categories, price, delivery, kind}
}

// choice is a filter that is on or off; choosing it while on takes it away.
func choice(here address, name, value, current, label string) page.FacetOption {
	if value == current {
		return page.FacetOption{Label: label, Href: here.with(name, ""), Current: true}
	}
	return page.FacetOption{Label: label, Href: here.with(name, value)}
}

func sorts(c *serve.Call, here address, q search.Query) []page.Tab {
	current := q.Sort
	if current == "" {
		current = search.Newest
		if q.Text != "" {
			current = search.Relevance
		}
	}
	var out []page.Tab
	for _, one := range search.Sorts {
		if one == search.Relevance && q.Text == "" {
			continue
		}
		out = append(out, page.Tab{Label: text.In(c.Lang, "search.sort."+one), Href: here.with("sort", one), Current: one == current})
	}
	return out
}

// emptyList says what to try when nothing was found.
func emptyList(ctx context.Context, v listView) page.Empty {
	out := page.Empty{Title: text.T(ctx, "shop.search.empty"), Text: text.T(ctx, "shop.search.empty.text"),
		Action: page.Action{Label: text.T(ctx, "shop.search.all"), Href: page.SearchPath}}
	if v.Clear != "" {
		out.Action = page.Action{Label: text.T(ctx, "shop.search.clear"), Href: v.Clear}
	}
	return out
}
