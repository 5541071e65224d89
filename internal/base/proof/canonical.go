package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// largest is the greatest whole number that every reader of JSON keeps exactly.
const largest = 1<<53 - 1

// Canonical writes a value as RFC 8785 says: no space, members in the order of
// their names, one spelling for each text. Numbers are whole and at most 2^53−1.
func Canonical(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	var b bytes.Buffer
	err = write(&b, tree)
	return b.Bytes(), err
}

func write(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil || n > largest || n < -largest {
			return fmt.Errorf("proof: the number %s has no canonical form here", v)
		}
		b.WriteString(strconv.FormatInt(n, 10))
	case string:
		quote(b, v)
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.SortFunc(names, func(x, y string) int { return slices.Compare(utf16.Encode([]rune(x)), utf16.Encode([]rune(y))) })
		b.WriteByte('{')
		for i, name := range names {
			if i > 0 {
				b.WriteByte(',')
			}
			quote(b, name)
			b.WriteByte(':')
			if err := write(b, v[name]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	}
	return nil
}

func quote(b *bytes.Buffer, s string) {
	short := strings.NewReplacer("\b", `\b`, "\t", `\t`, "\n", `\n`, "\f", `\f`, "\r", `\r`, `"`, `\"`, `\`, `\\`)
	b.WriteByte('"')
	for _, r := range s {
		if r < 0x20 && !strings.ContainsRune("\b\t\n\f\r", r) {
			fmt.Fprintf(b, `\u%04x`, r)
			continue
		}
		b.WriteString(short.Replace(string(r)))
	}
	b.WriteByte('"')
}
