// Package text is every word the product says to people, in Chinese and English.
//
// Messages live in messages/<area>.zh.json and messages/<area>.en.json, one pair
// of files per area of the product, as one flat object:
//
//	{"shop.search.placeholder": "搜索产品", "base.days": {"one": "{{.Count}} day", "other": "{{.Count}} days"}}
//
// {{.Name}} is filled from the key/value pairs of the call; the value "Count"
// also picks the plural form. Texts are plain text: pages escape them.
//
// A refusal has the keys "fault.<CODE>" and "fault.<CODE>.next". Its values are
// optional, by {{with .Until}}…{{end}}, and use these names: Until, Earliest (a
// written time), Max, Amount (written money or size), Limit (a count), Seconds,
// Case (an id), Contact.
//
// Owns: the catalogue, the language and time zone of a context, and how dates,
// numbers and remaining time are written. Does not own: which message is shown
// where.
//
// Always true, by test: both languages have the same keys and the same
// placeholders, a Chinese text is Chinese, every key named in the sources of the
// product exists, and every declared fault has its two texts.
package text

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Lang is a language the product speaks.
type Lang string

// The languages. ZH is the default and the language of record.
const (
	ZH Lang = "zh"
	EN Lang = "en"
)

var matcher = language.NewMatcher([]language.Tag{language.Chinese, language.English})

// ParseLang reads a language of ours from a tag such as "en" or "zh-CN".
func ParseLang(s string) (Lang, bool) {
	base, _, _ := strings.Cut(strings.ToLower(s), "-")
	switch l := Lang(base); l {
	case ZH, EN:
		return l, true
	}
	return "", false
}

// Match picks the best language for an Accept-Language header; ZH when the
// header is empty, broken or asks for none of ours.
func Match(acceptLanguage string) Lang {
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return ZH
	}
	if _, i, confidence := matcher.Match(wanted...); confidence > language.No && i == 1 {
		return EN
	}
	return ZH
}

type langKey struct{}

// With returns a context whose texts are in the language.
func With(ctx context.Context, l Lang) context.Context {
	return context.WithValue(ctx, langKey{}, l)
}

// From returns the language of the context, ZH when none was set.
func From(ctx context.Context) Lang {
	if l, ok := ctx.Value(langKey{}).(Lang); ok {
		return l
	}
	return ZH
}

// T returns the message in the language of the context. kv are name, value pairs
// for its placeholders. An unknown key comes back as "⟦key⟧", an absent
// placeholder as "⟦?⟧"; both are counted by Missing.
func T(ctx context.Context, key string, kv ...any) string {
	return In(From(ctx), key, kv...)
}

// In is T for a known language.
func In(l Lang, key string, kv ...any) string {
	return shipped().render(l, key, kv)
}

// Has reports whether the message exists in the language.
func Has(l Lang, key string) bool {
	_, ok := shipped().messages[l][key]
	return ok
}

// Keys returns all message keys of the language, sorted.
func Keys(l Lang) []string {
	return slices.Sorted(maps.Keys(shipped().messages[l]))
}

// Missing counts the unknown keys and absent placeholders met since the start of
// the program. It must stay zero.
func Missing() int64 { return shipped().missing.Load() }

//go:embed messages/*.json
var files embed.FS

// shipped is the catalogue in the binary. A file that does not parse stops the
// program at its first text; a duplicate key does not, and the first file in name
// order wins, but the tests refuse it.
var shipped = sync.OnceValue(func() *catalogue {
	c, err := load(files, "messages")
	if err != nil {
		panic(fmt.Sprintf("text: broken catalogue: %v", err))
	}
	return c
})

type catalogue struct {
	messages   map[Lang]map[string]*i18n.Message
	localizers map[Lang]*i18n.Localizer
	duplicates []string // "key in file", found while loading
	missing    atomic.Int64
}

func load(fsys fs.FS, dir string) (*catalogue, error) {
	c := &catalogue{
		messages:   map[Lang]map[string]*i18n.Message{ZH: {}, EN: {}},
		localizers: map[Lang]*i18n.Localizer{},
	}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		_, l, ok := areaAndLang(e.Name())
		if !ok {
			return nil, fmt.Errorf("%s: name is not <area>.zh.json or <area>.en.json", e.Name())
		}
		raw, err := fs.ReadFile(fsys, path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		messages, err := parse(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		for _, m := range messages {
			if _, taken := c.messages[l][m.ID]; taken {
				c.duplicates = append(c.duplicates, m.ID+" in "+e.Name())
				continue
			}
			c.messages[l][m.ID] = m
		}
	}
	for l, messages := range c.messages {
		// One bundle per language: no text of one language ever stands in for the other.
		tag := language.Make(string(l))
		bundle := i18n.NewBundle(tag)
		if err := bundle.AddMessages(tag, slices.Collect(maps.Values(messages))...); err != nil {
			return nil, err
		}
		c.localizers[l] = i18n.NewLocalizer(bundle, string(l))
	}
	return c, nil
}

// areaAndLang splits "shop.zh.json" into its area and language.
func areaAndLang(name string) (area string, l Lang, ok bool) {
	area, ok = strings.CutSuffix(name, ".json")
	if !ok {
		return "", "", false
	}
	area, tag, ok := strings.Cut(area, ".")
	l = Lang(tag)
	return area, l, ok && area != "" && (l == ZH || l == EN)
}

// parse reads one file in order, keeping duplicate keys for load to find.
func parse(raw []byte) ([]*i18n.Message, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.Join(errors.New("not a JSON object"), err)
	}
	var messages []*i18n.Message
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		m, err := message(key, value)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	return messages, nil
}

func message(key string, value any) (*i18n.Message, error) {
	m := &i18n.Message{ID: key}
	switch v := value.(type) {
	case string:
		m.Other = v
	case map[string]any:
		for form, inner := range v {
			s, ok := inner.(string)
			if !ok {
				return nil, fmt.Errorf("%s: form %q is not a text", key, form)
			}
			switch form {
			case "one":
				m.One = s
			case "other":
				m.Other = s
			default:
				return nil, fmt.Errorf("%s: form %q is neither one nor other", key, form)
			}
		}
	default:
		return nil, fmt.Errorf("%s: neither a text nor its plural forms", key)
	}
	if key == "" || m.Other == "" {
		return nil, fmt.Errorf("%q: empty", key)
	}
	return m, nil
}

func (c *catalogue) render(l Lang, key string, kv []any) string {
	m, ok := c.messages[l][key]
	if !ok {
		c.missing.Add(1)
		return "⟦" + key + "⟧"
	}
	if m.One == "" && !strings.Contains(m.Other, "{{") {
		return m.Other
	}
	data := make(map[string]any, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		if name, ok := kv[i].(string); ok {
			data[name] = kv[i+1]
		}
	}
	config := &i18n.LocalizeConfig{MessageID: key, TemplateData: data}
	if m.One != "" {
		config.PluralCount = plural(data["Count"])
	}
	s, err := c.localizers[l].Localize(config)
	if err != nil {
		c.missing.Add(1)
		return "⟦" + key + "⟧"
	}
	if strings.Contains(s, "<no value>") { // text/template's word for an absent map key
		c.missing.Add(1)
		s = strings.ReplaceAll(s, "<no value>", "⟦?⟧")
	}
	return s
}

// plural returns the count if it is a number a plural rule can read, else nil,
// which selects the general form.
func plural(count any) any {
	switch count.(type) {
	case int, int8, int16, int32, int64, uint8, uint16, uint32:
		return count
	}
	return nil
}
