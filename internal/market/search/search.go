// Package search finds products on the market by words and filters.
//
// One tokeniser makes the words: text in its compatibility form and lower case,
// Latin and other letters as whole words, Chinese as overlapping pairs of
// characters, the single characters of names besides. The same words go into the
// index of either engine, so a query has the same hits on both, also for Chinese
// words of two characters. There are no prefixes and no wildcards, and nothing a
// person types reaches the engine's query language but letters and digits.
//
// Every word of a query must occur. Relevance is two classes: products with all
// words in their name, then the others; in each the newest first. Nobody can pay
// for a place. Filters are words of the index too, so a filter never makes a
// query slow. Sorting a text search by price or name looks at its 500 most
// relevant hits.
//
// Owns: the index. Does not own: what is on the market (package catalog). The
// index can be thrown away and made again from the catalogue.
//
// Always true: what is indexed is on the market and its vendor may offer, as of
// the last job "search.index" or "search.vendor"; a product keeps its place in the
// order of newness when it changes.
package search

import (
	"time"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

// The orders of hits.
const (
	Relevance = "relevance"
	Price     = "price" // cheapest first
	Newest    = "newest"
	Name      = "name" // by the name in the query's language, Chinese by pinyin
)

// Sorts are the orders a person may choose from.
var Sorts = []string{Relevance, Price, Newest, Name}

// Query is what is looked for. Empty fields do not filter; a category includes
// its children. The zero Sort is relevance with a text and newest without one.
// Limit is 1 to 100, zero means 24. After is the Next of the page before.
type Query struct {
	Text         string
	Lang         text.Lang
	Category     string
	Kind         string
	DeliveryType string
	Vendor       string
	Free         bool
	Sort         string
	After        string
	Limit        int
}

// Page is one page of hits. Next is empty on the last page. Total counts the hits
// of all pages up to [Cap]; Capped says that there are more.
type Page struct {
	Hits   []Hit
	Next   string
	Total  int64
	Capped bool
}

// Hit is a product as a list shows it. PriceFrom is its cheapest plan.
type Hit struct {
	Product      catalog.ProductID
	Version      catalog.VersionID
	Slug         string
	Name         catalog.Both
	Summary      catalog.Both
	Category     string
	Kind         string
	DeliveryType string
	Vendor       vendor.ID
	VendorName   string
	PriceFrom    money.Amount
	ListedAt     time.Time
	doc          int64
	key          []byte // the name key in the query's language
}

// Cap is how far hits are counted.
const Cap = 1000

// ranked is how many of the most relevant hits a sort by price or name looks at.
const ranked = 500

// errInvalid refuses a sort that is not one of [Sorts] and a cursor that is none of ours.
var errInvalid = fault.New(fault.Invalid, "FIELD_INVALID", "")
