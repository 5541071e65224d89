package cli

import (
	"encoding"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"yunshi/internal/base/fault"
	"yunshi/internal/market/catalog"
)

const docs = "../../../docs/"

// schema is as much of JSON Schema as docs/listing.schema.json uses.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Enum       []string          `json:"enum"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Additional *bool             `json:"additionalProperties"`
	Items      *schema           `json:"items"`
	Defs       map[string]schema `json:"$defs"`
}

func readSchema(t *testing.T) schema {
	t.Helper()
	raw, err := os.ReadFile(docs + "listing.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// example is the line that docs/listing-format.md shows.
func example(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile(docs + "listing-format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(raw), "```json\n")
	text, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatal("docs/listing-format.md shows no example")
	}
	return []byte(text)
}

func TestTheExampleOfTheFormatIsTaken(t *testing.T) {
	l, faults := decodeListing(example(t))
	if faults = append(faults, catalog.Checklist(l.Content)...); len(faults) > 0 {
		t.Error(faults)
	}
}

// TestTheSchemaHasExactlyTheMembersOfTheFormat walks both side by side.
func TestTheSchemaHasExactlyTheMembersOfTheFormat(t *testing.T) {
	whole := readSchema(t)
	var compare func(path string, s schema, of reflect.Type)
	compare = func(path string, s schema, of reflect.Type) {
		if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
			s = whole.Defs[name]
		}
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		written := reflect.PointerTo(of).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
		switch {
		case of.Kind() == reflect.Struct && !written:
			members := membersOf(of)
			if got, want := slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(maps.Keys(members)); !slices.Equal(got, want) {
				t.Errorf("%s: the schema has %v, the program %v", path, got, want)
			}
			if s.Additional == nil || *s.Additional {
				t.Errorf("%s: the schema allows other members", path)
			}
			for name, member := range members {
				compare(join(path, name), s.Properties[name], member)
			}
		case of.Kind() == reflect.Slice:
			if s.Type != "array" || s.Items == nil {
				t.Errorf("%s: the schema has %q, the program a list", path, s.Type)
				return
			}
			compare(path+".0", *s.Items, of.Elem())
		}
	}
	compare("", whole, reflect.TypeFor[listing]())
	for path, want := range map[string][]string{"kind": catalog.Kinds, "delivery_type": catalog.DeliveryTypes} {
		if got := whole.Properties[path].Enum; !slices.Equal(got, want) {
			t.Errorf("%s: the schema knows %v, the program %v", path, got, want)
		}
	}
	got := slices.Sorted(slices.Values(whole.Properties["delivery"].Properties["dialect"].Enum))
	if want := slices.Sorted(slices.Values(catalog.Dialects)); !slices.Equal(got, want) {
		t.Errorf("delivery.dialect: the schema knows %v, the program %v", got, want)
	}
}

// TestWhatTheSchemaRequiresTheProgramRequires takes each member out of the example in turn.
func TestWhatTheSchemaRequiresTheProgramRequires(t *testing.T) {
	s := readSchema(t)
	for name := range s.Properties {
		t.Run(name, func(t *testing.T) {
			var members map[string]json.RawMessage
			if err := json.Unmarshal(example(t), &members); err != nil {
				t.Fatal(err)
			}
			delete(members, name)
			raw, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}
			l, faults := decodeListing(raw)
			if faults = append(faults, catalog.Checklist(l.Content)...); l.Slug == "" {
				faults = append(faults, catalog.ErrInvalid.In("slug")) // as catalog.Import says
			}
			blamed := slices.ContainsFunc(faults, func(f *fault.Fault) bool { return f.Field == name || strings.HasPrefix(f.Field, name+".") })
			if required := slices.Contains(s.Required, name); blamed != required {
				t.Errorf("required by the schema: %v; without it the program refuses %v", required, faults)
			}
		})
	}
}
