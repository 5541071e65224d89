package cli

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"yunshi/internal/base/fault"
	"yunshi/internal/market/catalog"
)

// listing is one line of a file for `yunshi import`: the terms sheet of a product
// with its address in the market. ExternalID is the product's number in the
// vendor's own system; it only comes back in the error report. The format is
// described in docs/listing-format.md and docs/listing.schema.json.
type listing struct {
	Slug       string `json:"slug"`
	ExternalID string `json:"external_id,omitempty"`
	catalog.Content
}

// longestLine is how long a line may be, in bytes.
const longestLine = 1 << 20

// The refusals of a line that the terms sheet's own rules know nothing about.
var (
	errNotJSON       = fault.New(fault.Invalid, "LINE_NOT_JSON", "")
	errTooLong       = fault.New(fault.Invalid, "LINE_TOO_LONG", "")
	errUnknownMember = fault.New(fault.Invalid, "MEMBER_UNKNOWN", "")
)

// decodeListing reads one line. It refuses what is not exactly one object of the
// format, and then names every member that is to blame. What the members say is
// checked later, by the rules of package catalog.
func decodeListing(line []byte) (listing, fault.List) {
	var l listing
	if len(line) > longestLine {
		return l, fault.List{errTooLong}
	}
	if !utf8.Valid(line) {
		return l, fault.List{errNotJSON}
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	err := d.Decode(&l)
	if err == nil {
		if _, rest := d.Token(); !errors.Is(rest, io.EOF) {
			return listing{}, fault.List{errNotJSON}
		}
		return l, nil
	}
	if !json.Valid(line) {
		return listing{}, fault.List{errNotJSON}
	}
	var faults fault.List
	explain(line, reflect.TypeFor[listing](), "", &faults)
	if len(faults) == 0 {
		faults = fault.List{errNotJSON}
	}
	return l, faults
}

// explain finds the members of a JSON text that do not fit a Go type, by field
// paths such as "plans.0.price".
func explain(raw []byte, t reflect.Type, field string, faults *fault.List) {
	own := reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	switch {
	case !own && t.Kind() == reflect.Pointer:
		explain(raw, t.Elem(), field, faults)
		return
	case !own && t.Kind() == reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) == nil {
			known := membersOf(t)
			for _, name := range slices.Sorted(maps.Keys(members)) {
				if member, ok := known[name]; ok {
					explain(members[name], member, join(field, name), faults)
				} else {
					*faults = append(*faults, errUnknownMember.In(join(field, name)))
				}
			}
			return
		}
	case !own && t.Kind() == reflect.Slice:
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) == nil {
			for i, item := range items {
				explain(item, t.Elem(), join(field, strconv.Itoa(i)), faults)
			}
			return
		}
	default:
		if json.Unmarshal(raw, reflect.New(t).Interface()) == nil {
			return
		}
	}
	refusal := catalog.ErrInvalid
	if field == "" {
		refusal = errNotJSON
	}
	*faults = append(*faults, refusal.In(field))
}

// membersOf returns the JSON members of a struct, those of embedded structs included.
func membersOf(t reflect.Type) map[string]reflect.Type {
	members := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(members, membersOf(f.Type))
		case f.IsExported() && name != "-":
			members[name] = f.Type
		}
	}
	return members
}

func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}
