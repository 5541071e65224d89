package search

import (
	"context"
	"strings"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// longestText is how much of a description is indexed, in characters of each
// language: enough to find a product by what it is about, small enough to keep
// every query fast.
const longestText = 400

// IndexMany brings the index up to date with these products: those on the market
// whose vendor may offer are in it afterwards, the others are not.
func IndexMany(ctx context.Context, tx *db.Tx, ids []catalog.ProductID) (err error) {
	defer fault.Wrap(&err, "search.IndexMany(%d products)", len(ids))
	for len(ids) > 0 {
		n := min(500, len(ids))
		if err := index(ctx, tx, ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func index(ctx context.Context, tx *db.Tx, ids []catalog.ProductID) error {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = string(id)
	}
	docs, err := known(ctx, tx, args)
	if err != nil {
		return err
	}
	listings, err := catalog.Listed(ctx, tx, ids)
	if err != nil {
		return err
	}
	w, err := newWriter(ctx, tx)
	if err != nil {
		return err
	}
	e := engines[tx.Engine()]
	batch := tx.Batch()
	if len(docs) > 0 {
		old := make([]any, 0, len(docs))
		for _, doc := range docs {
			old = append(old, doc)
		}
		batch.Add(e.deleteWords+db.In(1, len(old)), old...)
		batch.Add(deleteDocs+db.In(1, len(old)), old...)
	}
	var rows, places [][]any
	var texts []any
	for _, l := range listings {
		seller, err := w.seller(ctx, l.Product.Vendor)
		if err != nil {
			return err
		}
		if vendor.MayOffer(seller) != nil {
			continue
		}
		doc, again := docs[l.Product.ID]
		if !again {
			if doc, err = w.number(ctx); err != nil {
				return err
			}
			places = append(places, []any{string(l.Product.ID), doc})
		}
		rows = append(rows, w.row(doc, l, seller))
		texts = append(texts, doc, e.words(w.words(l, seller)))
	}
	addRows(batch, insertPlace, placeWidth, places)
	addRows(batch, insertDocs, docWidth, rows)
	for i := 0; i < len(texts); i += 2 {
		batch.Add(e.insertWords, texts[i], texts[i+1])
	}
	_, err = batch.Send(ctx)
	return err
}

// addRows puts rows into the batch, many to a statement.
func addRows(b *db.Batch, insert string, width int, rows [][]any) {
	for len(rows) > 0 {
		n := min(50, len(rows))
		var values strings.Builder
		args := make([]any, 0, n*width)
		for i, row := range rows[:n] {
			if i > 0 {
				values.WriteByte(',')
			}
			values.WriteString(db.In(1+i*width, width))
			args = append(args, row...)
		}
		b.Add(insert+values.String(), args...)
		rows = rows[n:]
	}
}

// writer makes documents; it keeps what several of them share.
type writer struct {
	tx         *db.Tx
	categories map[string]catalog.Category
	sellers    map[vendor.ID]vendor.Vendor
	last       int64
	pinyin     *collate.Collator
	latin      *collate.Collator
	keys       collate.Buffer
}

func newWriter(ctx context.Context, tx *db.Tx) (*writer, error) {
	w := &writer{
		tx: tx, categories: map[string]catalog.Category{}, sellers: map[vendor.ID]vendor.Vendor{},
		pinyin: collate.New(language.Chinese, collate.IgnoreCase), latin: collate.New(language.English, collate.IgnoreCase),
	}
	all, err := catalog.Categories(ctx, tx)
	for _, c := range all {
		w.categories[c.Code] = c
	}
	return w, err
}

func (w *writer) seller(ctx context.Context, id vendor.ID) (vendor.Vendor, error) {
	if v, ok := w.sellers[id]; ok {
		return v, nil
	}
	v, err := vendor.Get(ctx, w.tx, id)
	w.sellers[id] = v
	return v, err
}

// number is the next document number.
func (w *writer) number(ctx context.Context) (int64, error) {
	if w.last == 0 {
		last, err := db.Value[int64](ctx, w.tx, selectLast)
		if err != nil {
			return 0, err
		}
		w.last = last
	}
	w.last++
	return w.last, nil
}

func (w *writer) row(doc int64, l catalog.Listing, seller vendor.Vendor) []any {
	c := l.Version.Content
	cheapest := c.Plans[0].Price
	for _, p := range c.Plans {
		if p.Price.Minor < cheapest.Minor {
			cheapest = p.Price
		}
	}
	zh, en := c.Name.ZH, c.Name.EN
	if zh == "" {
		zh = en
	}
	if en == "" {
		en = zh
	}
	w.keys.Reset()
	return []any{doc, string(l.Product.ID), string(l.Version.ID), l.Product.Slug, string(seller.ID), seller.RegisteredName, l.Product.Category,
		w.categories[l.Product.Category].Parent, c.Kind, c.DeliveryType, c.Name.ZH, c.Name.EN, c.Summary.ZH, c.Summary.EN,
		append([]byte{}, w.pinyin.KeyFromString(&w.keys, zh)...), append([]byte{}, w.latin.KeyFromString(&w.keys, en)...),
		cheapest.Minor, string(cheapest.Currency), db.Micros(l.Product.ListedAt)}
}

// words are everything a product can be found by, without repetition.
func (w *writer) words(l catalog.Listing, seller vendor.Vendor) []string {
	c := l.Version.Content
	seen := make(map[string]bool, 256)
	var out []string
	add := func(all ...string) {
		for _, word := range all {
			if !seen[word] {
				seen[word] = true
				out = append(out, word)
			}
		}
	}
	for _, name := range []string{c.Name.ZH, c.Name.EN} {
		ws := words(name, true)
		add(ws...)
		add(marked(ws)...)
	}
	plain := func(b catalog.Both) {
		add(words(first(b.ZH), false)...)
		add(words(first(b.EN), false)...)
	}
	plain(c.Summary)
	for _, f := range c.Functions {
		plain(f)
	}
	plain(c.Description)
	add(words(seller.RegisteredName, false)...)
	own := w.categories[l.Product.Category] // where it stands now, which a retired category on its sheet need not be
	plain(own.Name)
	add(filter("c", l.Product.Category), filter("k", c.Kind), filter("d", c.DeliveryType), filter("v", string(seller.ID)))
	if own.Parent != "" {
		plain(w.categories[own.Parent].Name)
		add(filter("c", own.Parent))
	}
	for _, p := range c.Plans {
		if p.Price.IsZero() {
			add(filter("f", "free"))
		}
	}
	return out
}

// first is the beginning of a text, at most longestText characters.
func first(s string) string {
	n := 0
	for i := range s {
		if n == longestText {
			return s[:i]
		}
		n++
	}
	return s
}
