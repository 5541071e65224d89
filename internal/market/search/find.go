package search

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
)

// cursor is the last hit of a page: its place in the order of the query.
type cursor struct {
	Sort  string `json:"s"`
	Class int    `json:"c,omitempty"` // of relevance: 0 in the name, 1 elsewhere
	Doc   int64  `json:"d"`
	Price int64  `json:"p,omitempty"`
	Key   []byte `json:"k,omitempty"`
}

func (c cursor) encode() string {
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers, a string and bytes always encode
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func decodeCursor(s, sort string) (cursor, error) {
	start := cursor{Sort: sort, Doc: math.MaxInt64, Price: -1, Key: []byte{}}
	if sort == Price || sort == Name {
		start.Doc = 0
	}
	if s == "" {
		return start, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return start, errInvalid.In("after")
	}
	c := cursor{Key: []byte{}}
	if err := json.Unmarshal(raw, &c); err != nil || c.Sort != sort || c.Class < 0 || c.Class > 1 || c.Key == nil {
		return start, errInvalid.In("after")
	}
	return c, nil
}

// Find returns one page of the products on the market that a query asks for.
func Find(ctx context.Context, r db.Reader, q Query) (_ Page, err error) {
	defer fault.Wrap(&err, "search.Find")
	asks := asked(q.Text)
	if q.Sort == "" {
		q.Sort = Relevance
	}
	if err := sortable(q.Sort); err != nil {
		return Page{}, err
	}
	if q.Sort == Relevance && len(asks) == 0 {
		q.Sort = Newest
	}
	if q.Limit <= 0 {
		q.Limit = 24
	}
	q.Limit = min(q.Limit, 100)
	after, err := decodeCursor(q.After, q.Sort)
	if err != nil {
		return Page{}, err
	}
	if len(asks) == 0 && strings.TrimSpace(q.Text) != "" {
		return Page{}, nil // signs only: there is nothing to look for
	}
	s := finder{Query: q, asks: asks, filters: q.filters(), after: after}
	page := Page{}
	if page.Total, err = s.count(ctx, r); err != nil || page.Total == 0 {
		return page, err
	}
	if page.Total > Cap {
		page.Total, page.Capped = Cap, true
	}
	hits, next, err := s.page(ctx, r)
	if err != nil {
		return Page{}, err
	}
	page.Hits = hits
	if len(hits) > q.Limit {
		page.Hits = hits[:q.Limit]
		last := page.Hits[q.Limit-1]
		page.Next = next(last).encode()
	}
	return page, nil
}

// sortable says whether hits can be put in this order. None can be paid for.
//
// Clause: ECL 40 (results are shown in several orders, and a paid place is never a natural one).
func sortable(sort string) error {
	if !slices.Contains(Sorts, sort) {
		return errInvalid.In("sort")
	}
	return nil
}

// filters are the words that stand for the query's filters.
func (q Query) filters() []string {
	var out []string
	for _, f := range [][2]string{{"c", q.Category}, {"k", q.Kind}, {"d", q.DeliveryType}, {"v", q.Vendor}} {
		if f[1] != "" {
			out = append(out, filter(f[0], f[1]))
		}
	}
	if q.Free {
		out = append(out, filter("f", "free"))
	}
	return out
}

// finder is a query on its way to a page.
type finder struct {
	Query
	asks    []string
	filters []string
	after   cursor
}

func (s finder) all() cond { return cond{all: slices.Concat(s.asks, s.filters)} }

// count counts the hits, at most one more than [Cap].
func (s finder) count(ctx context.Context, r db.Reader) (int64, error) {
	if len(s.asks) == 0 && len(s.filters) == 0 {
		return db.Value[int64](ctx, r, countDocs, Cap+1)
	}
	e := engines[r.Engine()]
	return db.Value[int64](ctx, r, e.count, e.write(s.all()), Cap+1)
}

// page returns one hit more than the page holds when there is one, and how to
// make the cursor of a hit.
func (s finder) page(ctx context.Context, r db.Reader) ([]Hit, func(Hit) cursor, error) {
	byDoc := func(h Hit) cursor { return cursor{Sort: s.Sort, Doc: h.doc} }
	byKey := func(h Hit) cursor {
		if s.Sort == Price {
			return cursor{Sort: s.Sort, Doc: h.doc, Price: h.PriceFrom.Minor}
		}
		return cursor{Sort: s.Sort, Doc: h.doc, Key: h.key}
	}
	switch {
	case s.Sort == Newest && len(s.asks)+len(s.filters) == 0:
		hits, err := db.All(ctx, r, scanHit, s.hitsOf()+pageByDoc, s.after.Doc, s.Limit+1)
		return hits, byDoc, err
	case s.Sort == Newest:
		docs, err := newest(ctx, r, s.all(), s.after.Doc, s.Limit+1)
		if err != nil {
			return nil, nil, err
		}
		hits, err := s.hits(ctx, r, docs)
		return hits, byDoc, err
	case s.Sort == Relevance:
		docs, classes, err := s.relevant(ctx, r, s.after, s.Limit+1)
		if err != nil {
			return nil, nil, err
		}
		hits, err := s.hits(ctx, r, docs)
		return hits, func(h Hit) cursor { return cursor{Sort: s.Sort, Class: classes[h.doc], Doc: h.doc} }, err
	case len(s.asks) == 0:
		hits, err := s.walk(ctx, r)
		return hits, byKey, err
	}
	docs, _, err := s.relevant(ctx, r, cursor{Doc: math.MaxInt64}, ranked)
	if err != nil {
		return nil, nil, err
	}
	hits, err := s.hits(ctx, r, docs)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(hits, s.compare)
	from := Hit{doc: s.after.Doc, key: s.after.Key}
	from.PriceFrom.Minor = s.after.Price
	hits = slices.DeleteFunc(hits, func(h Hit) bool { return s.compare(h, from) <= 0 })
	return hits[:min(len(hits), s.Limit+1)], byKey, nil
}

// compare is the order of prices or names, the older product first among equals.
func (s finder) compare(a, b Hit) int {
	order := bytes.Compare(a.key, b.key)
	if s.Sort == Price {
		order = cmpInt(a.PriceFrom.Minor, b.PriceFrom.Minor)
	}
	if order != 0 {
		return order
	}
	return cmpInt(a.doc, b.doc)
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// relevant returns n documents after a place in the order of relevance, each with
// its class.
func (s finder) relevant(ctx context.Context, r db.Reader, after cursor, n int) ([]int64, map[int64]int, error) {
	named := marked(s.asks)
	var docs []int64
	classes := make(map[int64]int, n)
	for class, c := range []cond{
		{all: slices.Concat(named, s.filters)},
		{all: slices.Concat(s.asks, s.filters), without: named},
	} {
		if class < after.Class || len(docs) >= n {
			continue
		}
		before := int64(math.MaxInt64)
		if class == after.Class {
			before = after.Doc
		}
		more, err := newest(ctx, r, c, before, n-len(docs))
		if err != nil {
			return nil, nil, err
		}
		for _, doc := range more {
			classes[doc] = class
		}
		docs = append(docs, more...)
	}
	return docs, classes, nil
}

// walk goes along the index of an order and takes what meets the filters.
func (s finder) walk(ctx context.Context, r db.Reader) ([]Hit, error) {
	most := int64(math.MaxInt64)
	if s.Free {
		most = 0
	}
	order, place := pageByPrice, any(s.after.Price)
	if s.Sort == Name {
		order, place = pageByNameZH, s.after.Key
		if s.Lang == text.EN {
			order = pageByNameEN
		}
	}
	return db.All(ctx, r, scanHit, s.hitsOf()+order, place, s.after.Doc, s.Category, s.Kind, s.DeliveryType, s.Vendor, most, s.Limit+1)
}

// hitsOf reads hits with the name key of the query's language.
func (s finder) hitsOf() string {
	if s.Lang == text.EN {
		return hitsEN
	}
	return hitsZH
}

// hits reads documents in the order given.
func (s finder) hits(ctx context.Context, r db.Reader, docs []int64) ([]Hit, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	args := make([]any, len(docs))
	place := make(map[int64]int, len(docs))
	for i, doc := range docs {
		args[i], place[doc] = doc, i
	}
	hits, err := db.All(ctx, r, scanHit, s.hitsOf()+pageOf+db.In(1, len(args)), args...)
	slices.SortFunc(hits, func(a, b Hit) int { return place[a.doc] - place[b.doc] })
	return hits, err
}
