package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"unicode/utf8"
)

// both is a text in both languages; one may be empty.
type both struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

type price struct {
	Minor    int64  `json:"minor"` // fen
	Currency string `json:"currency"`
}

type term struct {
	Unit  string `json:"unit"`
	Count int    `json:"count"`
}

type plan struct {
	Code     string `json:"code"`
	Name     both   `json:"name"`
	Price    price  `json:"price"`
	Term     term   `json:"term"`
	Included []both `json:"included"`
}

// listing is a line of the listing format.
type listing struct {
	Slug         string `json:"slug"`
	ExternalID   string `json:"external_id"`
	Name         both   `json:"name"`
	Summary      both   `json:"summary"`
	Description  both   `json:"description"`
	Kind         string `json:"kind"`
	DeliveryType string `json:"delivery_type"`
	Category     string `json:"category"`
	Functions    []both `json:"functions"`
	Requirements []both `json:"requirements"`
	RightsBasis  struct {
		Kind     string `json:"kind"`
		Document string `json:"document"`
	} `json:"rights_basis"`
	RefundPolicy struct {
		Kind string `json:"kind"`
		Text both   `json:"text"`
	} `json:"refund_policy"`
	Licence both `json:"licence"`
	Support struct {
		Hours   both   `json:"hours"`
		Contact string `json:"contact"`
	} `json:"support"`
	NeedsUserData bool `json:"needs_user_data"`
	Delivery      struct {
		Dialect      string `json:"dialect"`
		Instructions both   `json:"instructions"`
	} `json:"delivery"`
	Plans []plan `json:"plans"`
}

//go:embed listing.json
var listingJSON []byte

// words are the texts that are the same for every package, and what the sections
// of the archive are on the market. {…} in a text is filled in.
var words = func() (w struct {
	Functions, Requirements, Licence, Refund, Hours, Instructions, Free, FreeIncluded, Support, SupportIncluded both
	Document, Contact                                                                                           string
	Other                                                                                                       section
	Sections                                                                                                    map[string]section
}) {
	if err := json.Unmarshal(listingJSON, &w); err != nil {
		panic(err) // it is in the binary, and the test reads it
	}
	return w
}()

type section struct {
	Category string `json:"category"`
	Kind     string `json:"kind"`
	Name     both   `json:"name"`
}

// The rulebook's bounds of a product's name, in characters.
const (
	longestZH = 30
	longestEN = 80
)

// listingOf makes the line of a package. It passes over a package it has seen
// before, in an index of an earlier release, and one without a description.
func listingOf(p paragraph, texts described, release string, slugs map[string]bool) (listing, bool) {
	var l listing
	name := p["Package"]
	en, zh := texts.of(p)
	l.Slug = slug(name)
	if slugs[l.Slug] || name == "" || en.short == "" || utf8.RuneCountInString(name) > longestEN {
		return l, false
	}
	slugs[l.Slug] = true
	_, part, found := strings.Cut(p["Section"], "/")
	if !found {
		part = p["Section"]
	}
	s, ok := words.Sections[part]
	if !ok {
		s = words.Other
	}
	size, _ := strconv.ParseInt(p["Installed-Size"], 10, 64) // absent: 0
	source, _, _ := strings.Cut(p["Source"], " ")
	if source == "" {
		source = name
	}
	fill := func(section string) *strings.Replacer {
		return strings.NewReplacer("{name}", name, "{version}", p["Version"], "{section}", section, "{release}", release,
			"{size}", fmt.Sprintf("%.1f", float64(size)/1024), "{source}", source)
	}
	inZH, inEN := fill(s.Name.ZH), fill(s.Name.EN)
	filled := func(b both) both { return both{inZH.Replace(b.ZH), inEN.Replace(b.EN)} }
	l.ExternalID = name
	l.Name = both{nameZH(name, zh.short), name}
	l.Summary = both{zh.short, en.short}
	l.Description = both{orShort(zh), orShort(en)}
	l.Kind, l.Category, l.DeliveryType = s.Kind, s.Category, "license"
	l.Functions, l.Requirements = []both{filled(words.Functions)}, []both{filled(words.Requirements)}
	l.RightsBasis.Kind, l.RightsBasis.Document = "licensed", inEN.Replace(words.Document)
	l.RefundPolicy.Kind, l.RefundPolicy.Text = "none", words.Refund
	l.Licence = filled(words.Licence)
	l.Support.Hours, l.Support.Contact = words.Hours, inEN.Replace(words.Contact)
	l.Delivery.Dialect, l.Delivery.Instructions = "license_key", filled(words.Instructions)
	l.Plans = []plan{{"free", words.Free, price{0, "CNY"}, term{"once", 1}, []both{filled(words.FreeIncluded)}}}
	if n := number(name); n%20 == 0 {
		l.Plans = append(l.Plans, plan{
			"support", words.Support, price{int64(9900 + n/20%30*1000), "CNY"}, term{"month", 1}, []both{filled(words.SupportIncluded)},
		})
	}
	return l, true
}

// slug is a package's address in the market: Debian's names with the two signs
// that an address may not have written out.
func slug(name string) string { return "deb-" + written.Replace(name) }

var written = strings.NewReplacer("+", "-plus", ".", "-dot-")

// nameZH is the Chinese name: with the short description when both fit, and none
// when not even the name fits, so that readers see the English one marked as such.
func nameZH(name, short string) string {
	for _, candidate := range []string{name + " " + short, name} {
		if candidate = strings.TrimSpace(candidate); utf8.RuneCountInString(candidate) <= longestZH {
			return candidate
		}
	}
	return ""
}

func orShort(d description) string {
	if d.long == "" {
		return d.short
	}
	return d.long
}

// number is the same for the same name on every machine.
func number(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
}
