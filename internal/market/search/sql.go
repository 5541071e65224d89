package search

import (
	"context"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/market/catalog"
)

const (
	hitCols = `d.doc, d.product_id, d.version_id, d.slug, d.name_zh, d.name_en, d.summary_zh, d.summary_en, d.category, d.kind, d.delivery_type,
		d.vendor_id, d.vendor_name, d.price_minor, d.currency, d.listed_at, `
	keyZH = `d.name_key_zh`
	keyEN = `d.name_key_en`

	hitsZH = `SELECT ` + hitCols + keyZH + ` FROM search_doc d`
	hitsEN = `SELECT ` + hitCols + keyEN + ` FROM search_doc d`

	// The filters on columns say the same as the filter words; they serve where the index of an order is walked.
	filters = ` AND ($3 = '' OR d.category = $3 OR d.parent_category = $3) AND ($4 = '' OR d.kind = $4) AND ($5 = '' OR d.delivery_type = $5)
		AND ($6 = '' OR d.vendor_id = $6) AND (d.price_minor <= $7)`

	pageByDoc    = ` WHERE d.doc < $1 ORDER BY d.doc DESC LIMIT $2`
	pageByPrice  = ` WHERE (d.price_minor, d.doc) > ($1, $2)` + filters + ` ORDER BY d.price_minor, d.doc LIMIT $8`
	pageByNameZH = ` WHERE (d.name_key_zh, d.doc) > ($1, $2)` + filters + ` ORDER BY d.name_key_zh, d.doc LIMIT $8`
	pageByNameEN = ` WHERE (d.name_key_en, d.doc) > ($1, $2)` + filters + ` ORDER BY d.name_key_en, d.doc LIMIT $8`
	pageOf       = ` WHERE d.doc IN `

	countDocs = `SELECT COUNT(*) FROM (SELECT d.doc FROM search_doc d LIMIT $1) AS counted`

	selectKnown = `SELECT p.product_id, p.doc FROM search_place p WHERE p.product_id IN `
	selectLast  = `SELECT COALESCE(MAX(p.doc), 0) FROM search_place p`
	insertPlace = `INSERT INTO search_place (product_id, doc) VALUES `
	deleteDocs  = `DELETE FROM search_doc WHERE doc IN `
	insertDocs  = `INSERT INTO search_doc (doc, product_id, version_id, slug, vendor_id, vendor_name, category, parent_category, kind, delivery_type,
		name_zh, name_en, summary_zh, summary_en, name_key_zh, name_key_en, price_minor, currency, listed_at) VALUES `
)

const (
	placeWidth = 2
	docWidth   = 19
)

func scanHit(s db.Scanner) (Hit, error) {
	var h Hit
	var listed int64
	err := s.Scan(&h.doc, &h.Product, &h.Version, &h.Slug, &h.Name.ZH, &h.Name.EN, &h.Summary.ZH, &h.Summary.EN, &h.Category, &h.Kind, &h.DeliveryType,
		&h.Vendor, &h.VendorName, &h.PriceFrom.Minor, &h.PriceFrom.Currency, &listed, &h.key)
	h.ListedAt = db.Time(listed)
	return h, err
}

// engine is the SQL that differs: the word index. It is the only one in the tree.
type engine struct {
	insertWords string                // doc, words
	deleteWords string                // docs follow
	some        string                // condition, doc below, how many: matches in no order
	newest      string                // condition, doc below, how many: matches, newest first
	count       string                // condition, how many: counts matches up to that
	write       func(c cond) string   // the condition in the engine's language
	words       func([]string) string // the words of a document in the engine's form
}

var engines = map[db.Engine]engine{db.SQLite: sqlite, db.Postgres: postgres}

// some returns at most n documents that meet the condition and are older than
// before, in no particular order.
func some(ctx context.Context, r db.Reader, c cond, before int64, n int) ([]int64, error) {
	e := engines[r.Engine()]
	return db.All(ctx, r, db.Column[int64], e.some, e.write(c), before, n)
}

// newest returns the n newest documents that meet the condition and are older
// than before. Rare matches are fetched and sorted, frequent ones are met soon by
// walking down from the newest; either is fast where the other is slow.
func newest(ctx context.Context, r db.Reader, c cond, before int64, n int) ([]int64, error) {
	if e := engines[r.Engine()]; e.some == e.newest {
		return some(ctx, r, c, before, n)
	}
	docs, err := some(ctx, r, c, before, Cap+1)
	if err != nil {
		return nil, err
	}
	if len(docs) > Cap {
		e := engines[r.Engine()]
		return db.All(ctx, r, db.Column[int64], e.newest, e.write(c), before, n)
	}
	slices.Sort(docs)
	slices.Reverse(docs)
	return docs[:min(n, len(docs))], nil
}

// known returns the places of those products that ever came to the market.
func known(ctx context.Context, r db.Reader, ids []any) (map[catalog.ProductID]int64, error) {
	type row struct {
		product catalog.ProductID
		doc     int64
	}
	docs := map[catalog.ProductID]int64{}
	return docs, db.Each(ctx, r, func(s db.Scanner) (x row, err error) { return x, s.Scan(&x.product, &x.doc) },
		func(x row) error { docs[x.product] = x.doc; return nil }, selectKnown+db.In(1, len(ids)), ids...)
}
